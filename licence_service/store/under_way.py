"""What is under way on one licence, for whom it belongs to: acts that wait for their seal or for a source, and matters that a clerk has to see to.

DOMAIN XR-08.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, text

from licence_service.store.database import Database
from licence_service.store.source_waits import CLERK
from licence_service.store.tables import licences, reservations, tasks
from licence_service.store.tables_of_sources import source_waits

_ACTS = (
    select(reservations.c.reservation_id, reservations.c.act, reservations.c.department, reservations.c.created_at)
    .where(
        reservations.c.licence_id == bindparam("licence_id"), text("reservations.state = 'reserved' AND reservations.version > 0")
    )  # as the index says it
    .order_by(reservations.c.id)
)
_TASKS = (
    select(tasks.c.department, tasks.c.opened_at, tasks.c.kind)
    .join(licences, licences.c.id == tasks.c.licence)
    .where(licences.c.licence_id == bindparam("licence_id"), tasks.c.state == "open")
    .order_by(tasks.c.id)
)
_SOURCES = (
    select(source_waits.c.act, source_waits.c.department, source_waits.c.since, source_waits.c.sources, source_waits.c.state)
    .where(source_waits.c.licence_id == bindparam("licence_id"))
    .order_by(source_waits.c.since, source_waits.c.act)
)


@dataclass(frozen=True, slots=True)
class Pending:
    """One matter: the act that is under way, or None where a clerk has a task of a `kind`; since when, and at which department.

    `sources` have not answered about it; `given_up`: they are asked no more, and a clerk decides.
    """

    since: datetime
    department: str
    act: str | None = None
    reservation_id: str | None = None
    kind: str | None = None
    sources: tuple[str, ...] = ()
    given_up: bool = False


class UnderWay:
    """Reads what waits."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def of(self, licence_id: str) -> list[Pending]:
        """Return what waits on a licence: acts, what sources are asked about, tasks; each in the order in which it began."""
        with self._database.read() as connection:
            acts = connection.execute(_ACTS, {"licence_id": licence_id}).all()
            silent = connection.execute(_SOURCES, {"licence_id": licence_id}).all()
            matters = connection.execute(_TASKS, {"licence_id": licence_id}).all()
        return [
            *(Pending(row.created_at, row.department, act=row.act, reservation_id=row.reservation_id) for row in acts),
            *(Pending(row.since, row.department, act=row.act, sources=tuple(row.sources.split(",")), given_up=row.state == CLERK) for row in silent),
            *(Pending(row.opened_at, row.department, kind=row.kind) for row in matters),
        ]
