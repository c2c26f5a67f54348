"""An act while sources are asked about it: how long they have been silent, when they are asked again, and when a person sees to it (AI-04)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from typing import Any

from licence_service.basis import Result
from licence_service.errors import Fault, NeedsClerk, SourceSilent
from licence_service.line import Line
from licence_service.store.clients import PERSON, Client
from licence_service.store.source_waits import CLERK, Silence, Wait, Whose, kept_of

TASK = "unattended"  # the kind of a task for a clerk
RETRY_SECONDS = 300


@contextmanager
def kept_if_silent(line: Line, whose: Whose, slug: str, case_no: str, request: Mapping[str, Any]) -> Iterator[None]:
    """Keep a request whose sources turn out to be silent: the service repeats it by itself. `request` as `SourceWaits.keep` has it.

    What a person entered at the desk is not kept: nothing is done in the name of somebody who may have left since.
    """
    try:
        yield
    except SourceSilent:
        if line.connectors and not request["client"].startswith(PERSON):
            line.connectors.waits.keep(whose, slug, case_no, request)
        raise


class Unnoted(SourceSilent):
    """Sources were silent about an act of a round, which is not noted yet; `noted` makes the refusal of it."""

    def __init__(self, asking: "Asking", sources: Sequence[str], said: str, *, asked: bool) -> None:
        """Take the act, who did not answer, and whether they were asked just now."""
        super().__init__(f"waiting for: {said}", retry_after=RETRY_SECONDS)
        self.asking, self.sources, self.asked = asking, tuple(sources), asked

    def silence(self, request: Mapping[str, Any]) -> Silence:
        """Return what is to be noted, with the request that is to be kept."""
        about = self.asking
        return Silence(about.whose, about.type, about.case_no, self.sources, about.about, request, self.asked)


def noted(line: Line, client: Client, silent: Sequence[tuple[Unnoted, str, Mapping[str, Any]]]) -> list[SourceSilent | NeedsClerk]:
    """Note the silence about first entries of a round in one transaction, each with its key and body, which are kept; return their refusals, in order."""
    if line.connectors is None or not silent:
        return []
    silences = [one.silence(kept_of(client, key, body)) for one, key, body in silent]
    waits = line.connectors.waits.note_all(silences, line.now())
    return [one.asking.refusal(wait) if wait else one for (one, _, _), wait in zip(silent, waits, strict=True)]


@dataclass(frozen=True, slots=True)
class Asking:
    """Whose act it is, of which type, and the number under which it is known: of its case, or of the licence that it is about."""

    line: Line
    whose: Whose
    type: str
    case_no: str
    about: tuple[str, str] | None = None  # of a later act: licence and act

    def wait(self) -> Wait | None:
        """Return how it waits, where it does."""
        found = self.line.connectors
        return found.waits.standing(self.whose, self.type, self.case_no) if found else None

    def silent(self, sources: Sequence[str], said: str, *, asked: bool) -> SourceSilent | NeedsClerk:
        """Return the refusal of an act whose sources are silent: to wait, visibly; in the end, for a clerk. `asked`: just now, so that it counts."""
        connectors = self.line.connectors
        if connectors and connectors.noted_later:
            return Unnoted(self, sources, said, asked=asked)
        if connectors and asked:
            return self.refusal(connectors.waits.note(self.whose, self.type, self.case_no, sources, self.line.now(), self.about))
        wait = self.wait()
        return self.refusal(wait) if wait else SourceSilent(f"waiting for: {said}", retry_after=RETRY_SECONDS)

    def refusal(self, wait: Wait) -> SourceSilent | NeedsClerk:
        """Return the refusal of an act that waits."""
        if wait.state == CLERK:
            return self.for_a_clerk([Fault(f"receipts.{name}", Result.UNAVAILABLE.value, f"asked {wait.attempts} times") for name in wait.sources])
        detail = f"waiting for: {', '.join(wait.sources)}, since {wait.since:%Y-%m-%dT%H:%M:%SZ}; asked {wait.attempts} times"
        return SourceSilent(detail, retry_after=max(1, ceil((wait.next_at - self.line.now()).total_seconds())))

    def answered(self) -> None:
        """Note that nothing is waited for any more."""
        if self.line.connectors and self.wait():
            self.line.connectors.waits.over(self.whose, self.type, self.case_no)

    def settled(self) -> None:
        """Note that the sources of the case have answered; where a register of decisions is asked besides, the wait ends with that."""
        found = self.line.connectors
        if found and found.register_of(self.whose.department, self.type) is None:
            self.answered()

    def for_a_clerk(self, faults: list[Fault]) -> NeedsClerk:
        """Leave a task for a clerk of the department, or of the office whose case it is; the same case of the same organisation leaves one."""
        content = {"rule": "AI-04", "case_no": self.case_no, "type": self.type, "why": ", ".join(f"{one.path} {one.code}" for one in faults)}
        if self.whose.office:
            content["office"] = self.whose.office
        task_id = self.line.tasks.open(self.whose.department, TASK, None, content, slug=self.type, office=self.whose.office)
        return NeedsClerk(faults=faults, facts={"rule": "AI-04", "task_id": task_id})
