"""What is under way on one licence, for whom it belongs to: acts that wait for their seal, and matters that a clerk has to see to (DOMAIN XR-08)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, text

from licence_service.store.database import Database
from licence_service.store.tables import licences, reservations, tasks

_ACTS = (
    select(reservations.c.reservation_id, reservations.c.act, reservations.c.department, reservations.c.created_at)
    .where(
        reservations.c.licence_id == bindparam("licence_id"), text("reservations.state = 'reserved' AND reservations.version > 0")
    )  # as the index says it
    .order_by(reservations.c.id)
)
_TASKS = (
    select(tasks.c.department, tasks.c.opened_at)
    .join(licences, licences.c.id == tasks.c.licence)
    .where(licences.c.licence_id == bindparam("licence_id"), tasks.c.state == "open")
    .order_by(tasks.c.id)
)


@dataclass(frozen=True, slots=True)
class Pending:
    """One matter: the act that is under way, or None where a clerk has a task; since when, and at which department."""

    since: datetime
    department: str
    act: str | None = None
    reservation_id: str | None = None


class UnderWay:
    """Reads what waits."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def of(self, licence_id: str) -> list[Pending]:
        """Return what waits on a licence, acts first, each kind in the order in which it began."""
        with self._database.read() as connection:
            acts = connection.execute(_ACTS, {"licence_id": licence_id}).all()
            matters = connection.execute(_TASKS, {"licence_id": licence_id}).all()
        return [
            *(Pending(row.created_at, row.department, act=row.act, reservation_id=row.reservation_id) for row in acts),
            *(Pending(row.opened_at, row.department) for row in matters),
        ]
