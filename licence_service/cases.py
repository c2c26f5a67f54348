"""How a case stands: the state line of DOMAIN §2e for each licence asked for under a case number, told to its own department only."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from licence_service.errors import NotInRegister
from licence_service.licence import Act
from licence_service.store.cases import CaseIssue, Cases, Reported
from licence_service.store.clients import READ, Client
from licence_service.store.deliveries import DELIVERED
from licence_service.store.seal_log import SealLog
from licence_service.store.source_waits import CLERK, SourceWaits, Wait


class Step(StrEnum):
    """A step of the line, in the order in which they are reached; `refused` ends it."""

    RECEIVED = "received"
    CHECKING = "checking"
    NEEDS_CLERK = "needs_clerk"
    APPROVED = "approved"
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
    CLERK = "clerk"  # the sources stayed silent: a person decides
    WORKER = "worker"  # it is carried on, or taken over within a minute
    SEAL = "seal"  # the seal is stopped or cannot be had
    RECEIVER = "receiver"  # it holds; a receiver of yours has not taken its event
    REPOSITORY = "repository"  # it holds; the provincial repository has not taken it, or returned it


@dataclass(frozen=True, slots=True)
class CaseDesk:
    """Answers questions about cases."""

    cases: Cases
    seal_log: SealLog
    waits: SourceWaits

    def read(self, client: Client, case_no: str) -> list[dict[str, Any]]:
        """Return each issue of a case with the steps that it reached; `NotInRegister` where the client's department has none that it may see."""
        issues = [one for one in self.cases.of(client.department, case_no, client.offices) if client.may(READ, one.type)]
        begun = {one.type for one in issues}
        waiting = [one for one in self.waits.of(client.department, case_no, client.offices) if client.may(READ, one.type) and one.type not in begun]
        found = [*(self._line(client, one) for one in issues), *map(_checking, waiting)]
        if not found:
            raise NotInRegister("no such case")
        return found

    def _line(self, client: Client, one: CaseIssue) -> dict[str, Any]:
        steps: dict[Step, datetime] = {Step.RECEIVED: one.created_at, Step.APPROVED: one.created_at}  # it came with its decision (AI-02)
        uses = self.seal_log.uses(reservation_id=one.reservation_id)
        for use in uses:
            if use["event"] == "requested":
                steps.setdefault(Step.SEALING, _at(use))
            elif use["event"] == "done":
                steps[Step.SEALED] = _at(use)
        reason = one.reason
        waits = Waits.SEAL if uses and uses[-1]["event"] in {"failed", "refused"} else Waits.WORKER if one.state == "reserved" else None
        if one.sequence is not None:
            waits = self._entered(client, one, one.sequence, steps)
            if told := self.cases.reported(one.licence_id, one.sequence):
                upwards = self._reported(told, steps)
                waits, reason = waits or upwards, reason or told.reason
        state = Step.REFUSED if one.state == "abandoned" else list(steps)[-1]
        return {
            "licence_id": one.licence_id, "type": one.type, "act": one.act, "state": state.value,
            "waits_on": waits.value if waits and state is not Step.REFUSED else None, "reason": reason or None,
            "steps": [{"step": step.value, "at": at.isoformat(timespec="milliseconds")} for step, at in steps.items()],
        }  # fmt: skip

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


def _checking(wait: Wait) -> dict[str, Any]:
    """Return the line of an issue of which nothing is reserved yet: its sources are silent."""
    state = Step.NEEDS_CLERK if wait.state == CLERK else Step.CHECKING
    steps = [{"step": step.value, "at": wait.since.isoformat(timespec="milliseconds")} for step in (Step.RECEIVED, Step.CHECKING)]
    return {
        "licence_id": None, "type": wait.type, "act": Act.ISSUE.value, "state": state.value,
        "waits_on": (Waits.CLERK if wait.state == CLERK else Waits.SOURCE).value, "reason": f"source-silent: {', '.join(wait.sources)}", "steps": steps,
    }  # fmt: skip


def _at(use: dict[str, str | None]) -> datetime:
    return datetime.fromisoformat(str(use["at"]))
