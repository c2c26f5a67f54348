"""An act while sources are asked about it: how long they have been silent, when they are asked again, and when a person sees to it (AI-04)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from typing import Any

from licence_service.basis import Result
from licence_service.errors import Fault, NeedsClerk, SourceSilent
from licence_service.line import Line
from licence_service.requests import read_issue
from licence_service.store.clients import PERSON, Client
from licence_service.store.source_waits import CLERK, Wait, Whose, kept_of, whose_of

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


def keep_silent(line: Line, client: Client, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Keep first entries, key and body each, whose sources turned out to be silent, as `kept_if_silent` does."""
    if line.connectors is None:
        return
    for key, body in rows:
        request = read_issue(body)
        line.connectors.waits.keep(whose_of(client), request.type, request.case_no, kept_of(client, key, body))


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
        wait, now, connectors = self.wait(), self.line.now(), self.line.connectors
        if connectors and asked:
            wait = connectors.waits.note(self.whose, self.type, self.case_no, sources, now, self.about)
        if wait is None:
            return SourceSilent(f"waiting for: {said}", retry_after=RETRY_SECONDS)
        if wait.state == CLERK:
            return self.for_a_clerk([Fault(f"receipts.{name}", Result.UNAVAILABLE.value, f"asked {wait.attempts} times") for name in wait.sources])
        detail = f"waiting for: {', '.join(wait.sources)}, since {wait.since:%Y-%m-%dT%H:%M:%SZ}; asked {wait.attempts} times"
        return SourceSilent(detail, retry_after=max(1, ceil((wait.next_at - now).total_seconds())))

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
