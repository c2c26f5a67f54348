"""What came of a case: its reservations, by the case number as its department says it, and what was delivered of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, exists, func, or_, select

from licence_service.fields import comparison_form
from licence_service.store.database import Database
from licence_service.store.keys import Kind, key_of, owners
from licence_service.store.payload import Vault
from licence_service.store.repository_lines import REPORTED, RETURNED
from licence_service.store.reservation import asked_by
from licence_service.store.tables import entries, licences, reservations
from licence_service.store.tables_of_repository import repository_differences as differences
from licence_service.store.tables_of_repository import repository_lines as lines
from licence_service.store.tables_of_repository import repository_runs as runs
from licence_service.store.tables_of_webhooks import webhook_deliveries, webhooks

MOST = 100  # issues of one case that are told
_OF_CASE = (
    select(reservations)
    .where(reservations.c.id.in_(owners()), reservations.c.case_no == bindparam("case_no"), reservations.c.department == bindparam("department"))
    .order_by(reservations.c.id)
    .limit(MOST)
)


@dataclass(frozen=True, slots=True)
class CaseIssue:
    """One issue of a case; `state` is that of its reservation: reserved, entered, abandoned (with its reason)."""

    reservation_id: str
    licence_id: str
    type: str
    act: str
    state: str
    created_at: datetime
    reason: str
    sequence: int | None
    case_key: str | None  # blinded, by which it is the same licence; given back where it was abandoned
    carried_at: datetime  # since when its last holder carries it, which had it until
    lease_until: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """What became of telling one endpoint of an entry: the state of the delivery, and when it was settled."""

    state: str
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reported:
    """What became of telling the repository of an entry: when it took it, why it returned it, and when a reconciliation first found both sides alike."""

    at: datetime | None
    reason: str
    reconciled_at: datetime | None


def case_text(department: str, case_no: str) -> str:
    """Return the text under which a case is known; it is blinded before it is stored."""
    return f"{department}|{comparison_form(case_no)}"


class Cases:
    """The cases of all departments."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database and the vault for blinds."""
        self._database = database
        self._vault = vault

    def of(self, department: str, case_no: str, offices: Sequence[str] | None = None) -> Sequence[CaseIssue]:
        """Return what a department asked for under a case number, oldest first; with `offices` what these asked for."""
        blind = self._vault.blind("case_no", case_text(department, case_no))
        asked = _OF_CASE
        if offices is not None:
            asked = asked.where(asked_by(offices))
        with self._database.read() as connection:
            rows = connection.execute(asked, {"key": key_of(Kind.CASE_NO, blind), "case_no": blind, "department": department}).all()
        return [
            CaseIssue(
                row.reservation_id, row.licence_id, row.type, row.act, row.state, row.created_at, row.reason, row.sequence, row.case_key,
                row.carried_at or row.created_at, row.lease_until,
            )
            for row in rows
        ]  # fmt: skip

    def entered_at(self, licence_id: str, sequence: int) -> datetime | None:
        """Return the recorded time of an entry."""
        mine = (licences.c.licence_id == licence_id) & (entries.c.sequence == sequence)
        query = select(entries.c.recorded_at).join(licences, licences.c.id == entries.c.licence).where(mine)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none()

    def told(self, client: str, licence_id: str, sequence: int) -> Sequence[Told]:
        """Return how far a client's endpoints were told of an entry."""
        query = (
            select(webhook_deliveries.c.state, webhook_deliveries.c.settled_at)
            .join(webhooks, webhooks.c.id == webhook_deliveries.c.webhook)
            .join(entries, entries.c.place == webhook_deliveries.c.place)
            .join(licences, licences.c.id == entries.c.licence)
            .where(webhooks.c.client == client, licences.c.licence_id == licence_id, entries.c.sequence == sequence)
        )
        with self._database.read() as connection:
            return [Told(row.state, row.settled_at) for row in connection.execute(query)]

    def reported(self, licence_id: str, sequence: int) -> Reported | None:
        """Return what became of telling the repository of an entry; None where there is nothing to tell, or nobody to tell it to."""
        query = (
            select(lines.c.state, lines.c.settled_at, lines.c.reason, lines.c.licence)
            .join(entries, (entries.c.place == lines.c.place) & (entries.c.licence == lines.c.licence))
            .join(licences, licences.c.id == lines.c.licence)
            .where(licences.c.licence_id == licence_id, entries.c.sequence == sequence)
        )
        with self._database.read() as connection:
            row = connection.execute(query).first()
            if row is None:
                return None
            if row.state != REPORTED:
                return Reported(None, f"repository-{row.reason}" if row.state == RETURNED else "", None)
            first = select(func.min(runs.c.ended_at)).where(runs.c.began_at >= row.settled_at, _alike(licence_id, row.licence))
            return Reported(row.settled_at, "", connection.execute(first).scalar_one())


def _alike(licence_id: str, licence: int) -> ColumnElement[bool]:
    """Say of runs that they found a licence the same on both sides: no difference was left at their end, and nothing of it was on its way."""
    left = exists().where(
        differences.c.licence_id == licence_id, differences.c.found_at <= runs.c.ended_at,
        or_(differences.c.ended_at.is_(None), differences.c.ended_at > runs.c.ended_at),
    )  # fmt: skip
    under_way = exists().where(
        lines.c.licence == licence, lines.c.place == entries.c.place, entries.c.recorded_at <= runs.c.ended_at,
        or_(lines.c.settled_at.is_(None), lines.c.settled_at > runs.c.ended_at),
    )  # fmt: skip
    return runs.c.ended_at.is_not(None) & ~left & ~under_way
