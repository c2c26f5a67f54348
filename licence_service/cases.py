"""How a case stands: the state line of DOMAIN §2e for each licence asked for under a case number, told to its own department only."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from licence_service.errors import CheckFailed, NeedsClerk, NotGranted, NotInRegister, SourceSilent
from licence_service.licence import Act
from licence_service.registrar import WAITS_FOR
from licence_service.store.case_answers import CaseAnswer, CaseAnswers
from licence_service.store.cases import MOST, CaseIssue, Cases, Reported
from licence_service.store.clients import READ, Client
from licence_service.store.deliveries import DELIVERED
from licence_service.store.seal_log import SealLog
from licence_service.store.source_waits import CLERK, SourceWaits, Wait
from licence_service.store.tasks import Tasks

REVIEW = "human_review"  # the kind of the task
_RULE = "AI-03"
_NO_CASE = "no such case"


class Step(StrEnum):
    """A step of the line, in the order in which they are reached; `refused` ends it, until the case comes again."""

    RECEIVED = "received"
    CHECKING = "checking"
    NEEDS_CLERK = "needs_clerk"
    APPROVED = "approved"
    RENDERING = "rendering"
    SEALING = "sealing"
    SEALED = "sealed"
    REGISTERED = "registered"
    DELIVERED = "delivered"
    REPORTED = "reported"
    RECONCILED = "reconciled"
    REFUSED = "refused"


class Waits(StrEnum):
    """On whom an issue waits."""

    SOURCE = "source"  # a data source has not answered; it is asked again at the next turn, or when the request comes again
    CLERK = "clerk"  # the sources conflict or stayed silent: a person decides
    WORKER = "worker"  # it is carried on, or taken over within a minute
    SEAL = "seal"  # the seal is stopped or cannot be had
    RECEIVER = "receiver"  # it holds; a receiver of yours has not taken its event
    REPOSITORY = "repository"  # it holds; the provincial repository has not taken it, or returned it


_Reached: TypeAlias = tuple[Step, datetime, tuple[str, ...]]  # a step, when, and why where nothing came of it, in codes
_CHECKED = frozenset({CheckFailed.slug, NeedsClerk.slug, SourceSilent.slug})  # answers that rest on what sources say
_ASKED_FOR = "review-asked"  # whoever it concerns asked for a person
_ANSWERED: Mapping[str, Step] = {  # any other answer refuses
    NeedsClerk.slug: Step.NEEDS_CLERK, SourceSilent.slug: Step.CHECKING, _ASKED_FOR: Step.NEEDS_CLERK,
}  # fmt: skip
_WAITED = frozenset({NeedsClerk.slug, SourceSilent.slug})


@dataclass(frozen=True, slots=True)
class CaseDesk:
    """Answers questions about cases."""

    cases: Cases
    answers: CaseAnswers
    seal_log: SealLog
    waits: SourceWaits
    tasks: Tasks
    now: Callable[[], datetime] = field(repr=False)

    def read(self, client: Client, case_no: str) -> list[dict[str, Any]]:
        """Return each issue of a case with the steps that it reached, oldest first, also of which nothing came; of more than `MOST` the newest.

        `NotInRegister` where the client's department has none that it may see.
        """
        issues = [one for one in self.cases.of(client.department, case_no, client.offices) if client.may(READ, one.type)]
        waits = {key: one for key, one in self.waits.of(client.department, case_no, client.offices).items() if client.may(READ, one.type)}
        answers: dict[str, list[CaseAnswer]] = defaultdict(list)
        for answer in self.answers.of(client, case_no):
            answers[answer.case_key].append(answer)
        found = [self._line(client, one, answers.pop(one.case_key or "", [])) for one in issues]
        silent = {_named(of_one) for of_one in answers.values() if _was_silent(of_one)}
        found += [_answered(of_one, waits.get(_named(of_one)) if _was_silent(of_one) else None) for of_one in answers.values()]
        begun = {one.type for one in issues}
        found += [_checking(wait) for key, wait in waits.items() if key not in silent and wait.type not in begun]
        if not found:
            raise NotInRegister(_NO_CASE)
        return sorted(found, key=lambda one: str(one["steps"][0]["at"]))[-MOST:]

    def ask_review(self, client: Client, case_no: str, slug: str, licence_id: str | None) -> str:
        """Leave an issue of a case to a person, because whoever it concerns asks for one; return the task (DOMAIN AI-03).

        `licence_id` names what was issued, None what was refused: its line says then that it waits for a clerk. What was issued holds until
        the clerk enters an act. Asked again before the task is closed, it is the same task. `NotGranted` to a client that may not issue the
        type, `NotInRegister` where it sees no such issue.
        """
        if not client.may(Act.ISSUE, slug):
            raise NotGranted("the caller may not issue this type")
        if not any((one["type"], one["licence_id"]) == (slug, licence_id) for one in self.read(client, case_no)):
            raise NotInRegister(_NO_CASE)
        said = {"rule": _RULE, "case_no": case_no, "type": slug, **({"office": client.office} if client.office else {})}
        task_id = self.tasks.open(client.department, REVIEW, licence_id, said, slug=slug, office=client.office)
        if licence_id is None:
            issued = {one.case_key for one in self.cases.of(client.department, case_no, client.offices)}
            refused = {one.case_key: one for one in self.answers.of(client, case_no) if one.type == slug and one.case_key not in issued}
            self.answers.note_on(client, case_no, list(refused.values()), (_ASKED_FOR, _RULE), task_id, self.now())
        return task_id

    def _line(self, client: Client, one: CaseIssue, answers: Sequence[CaseAnswer]) -> dict[str, Any]:
        before = _reached([each for each in answers if each.at < one.created_at])  # later ones are about another request
        before = before or [(Step.RECEIVED, one.created_at, ()), (Step.CHECKING, one.created_at, ())]
        steps: dict[Step, datetime] = {Step.APPROVED: one.created_at}  # it came with its decision (AI-02)
        uses = self.seal_log.uses(reservation_id=one.reservation_id)
        self._made(one, uses, steps)
        left = one.state == "reserved" and one.lease_until <= self.now()  # while somebody carries it, what stood in the way before is over
        last = (uses[-1]["event"], uses[-1]["reason"]) if uses and left else (None, None)
        reason = one.reason or WAITS_FOR.get(last)
        waits = Waits.SEAL if last[0] in {"failed", "refused"} else Waits.WORKER if one.state == "reserved" else None
        if one.sequence is not None:
            waits = self._entered(client, one, one.sequence, steps)
            if told := self.cases.reported(one.licence_id, one.sequence):
                upwards = self._reported(told, steps)
                waits, reason = waits or upwards, reason or told.reason
        state = Step.REFUSED if one.state == "abandoned" else list(steps)[-1]
        whole = [*before, *((step, at, ()) for step, at in steps.items())]
        return _told(one.licence_id, one.type, one.act, state, waits if state is not Step.REFUSED else None, reason, whole)

    def _made(self, one: CaseIssue, uses: Sequence[Mapping[str, str | None]], steps: dict[Step, datetime]) -> None:
        """Add how the document was made: of several attempts the last."""
        asked = [_at(use) for use in uses if use["event"] == "requested"]
        if asked:
            steps |= {Step.RENDERING: min(one.carried_at, asked[-1]), Step.SEALING: asked[-1]}
        elif one.act == Act.ISSUE and one.state == "reserved" and one.lease_until > self.now():
            steps[Step.RENDERING] = one.carried_at
        if done := [_at(use) for use in uses if use["event"] == "done"]:
            steps[Step.SEALED] = done[-1]

    def _entered(self, client: Client, one: CaseIssue, sequence: int, steps: dict[Step, datetime]) -> Waits | None:
        """Add the steps behind the seal: registered, and delivered once every endpoint of the client that wants it has it."""
        entered_at = self.cases.entered_at(one.licence_id, sequence)
        if entered_at:
            steps[Step.REGISTERED] = entered_at
        told = self.cases.told(client.name, one.licence_id, sequence)
        settled = [each.settled_at for each in told if each.state == DELIVERED and each.settled_at]
        if told and len(settled) == len(told):
            steps[Step.DELIVERED] = max(settled)
        return Waits.RECEIVER if len(settled) < len(told) else None

    @staticmethod
    def _reported(told: Reported, steps: dict[Step, datetime]) -> Waits | None:
        """Add the last steps: taken by the provincial repository, and found the same there by a reconciliation."""
        if told.at is None:
            return Waits.REPOSITORY
        steps[Step.REPORTED] = told.at
        if told.reconciled_at:
            steps[Step.RECONCILED] = told.reconciled_at
        return None


def _reached(answers: Sequence[CaseAnswer]) -> list[_Reached]:
    """Return the steps of a case that was answered and of which nothing came yet."""
    steps: list[_Reached] = [(Step.RECEIVED, answers[0].at, ())] if answers else []
    for one in answers:
        step = _ANSWERED.get(one.codes[0], Step.REFUSED)
        if step is not Step.CHECKING and one.codes[0] in _CHECKED and steps[-1][0] is not Step.CHECKING:
            steps.append((Step.CHECKING, one.at, ()))
        steps.append((step, one.at, one.codes))
    return steps


def _named(answers: Sequence[CaseAnswer]) -> tuple[str, str]:
    """Return under what an issue waits for its sources: who asked, and the type."""
    return answers[-1].organisation, answers[-1].type


def _was_silent(answers: Sequence[CaseAnswer]) -> bool:
    """Say whether a wait is this issue's: of another holder in the same case it says nothing."""
    return any(one.codes[0] in _WAITED for one in answers)


def _answered(answers: Sequence[CaseAnswer], wait: Wait | None) -> dict[str, Any]:
    """Return the line of an issue of which nothing is reserved: refused, with a clerk, or waiting for its sources."""
    last = answers[-1]
    state, reason = _ANSWERED.get(last.codes[0], Step.REFUSED), last.codes[0]
    waits = Waits.SOURCE if state is Step.CHECKING else Waits.CLERK if last.open else None
    if wait:
        state, waits, reason = _waiting(wait)
    return _told(None, last.type, last.act, state, waits, reason, _reached(answers))


def _checking(wait: Wait) -> dict[str, Any]:
    """Return the line of an issue of which an earlier release noted only that its sources are silent."""
    state, waits, reason = _waiting(wait)
    return _told(None, wait.type, Act.ISSUE.value, state, waits, reason, [(step, wait.since, ()) for step in (Step.RECEIVED, Step.CHECKING)])


def _waiting(wait: Wait) -> tuple[Step, Waits, str]:
    with_clerk = wait.state == CLERK
    reason = f"{SourceSilent.slug}: {', '.join(wait.sources)}"
    return (Step.NEEDS_CLERK, Waits.CLERK, reason) if with_clerk else (Step.CHECKING, Waits.SOURCE, reason)


def _told(
    licence_id: str | None, slug: str, act: str, state: Step, waits: Waits | None, reason: str | None, steps: Sequence[_Reached]
) -> dict[str, Any]:
    """Return one line as it is answered."""
    return {
        "licence_id": licence_id, "type": slug, "act": act, "state": state.value, "waits_on": waits.value if waits else None, "reason": reason or None,
        "steps": [
            {"step": step.value, "at": at.isoformat(timespec="milliseconds"), **({"codes": list(codes)} if codes else {})} for step, at, codes in steps
        ],
    }  # fmt: skip


def _at(use: Mapping[str, str | None]) -> datetime:
    return datetime.fromisoformat(str(use["at"]))
