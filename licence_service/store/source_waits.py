"""Cases that wait for a data source: since when, how often it was asked, when it is asked again. Gone once the sources have answered (AI-04)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, insert, select, update

from licence_service.store.cases import case_text
from licence_service.store.counting import hold
from licence_service.store.database import Database
from licence_service.store.payload import Vault
from licence_service.store.tables import clients
from licence_service.store.tables_of_sources import source_waits as waits

WAITING, CLERK = "waiting", "clerk"
MOST_ATTEMPTS = 6  # then a person decides
_FIRST_PAUSE, _GROWTH = timedelta(seconds=30), 3  # 30 s, 90 s, 4.5 min, 13.5 min, 40.5 min: about an hour in all
_WRITERS = "source_waits"


@dataclass(frozen=True, slots=True)
class Whose:
    """Who asks: a department, or one of its offices, which has case numbers of its own."""

    department: str
    office: str | None = None

    @property
    def organisation(self) -> str:
        """Return the code under which its cases are told from others'."""
        return self.office or self.department


@dataclass(frozen=True, slots=True)
class Wait:
    """One case that waits."""

    department: str
    type: str
    sources: tuple[str, ...]
    since: datetime
    attempts: int
    next_at: datetime
    state: str


class SourceWaits:
    """The cases of all departments that wait."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database and the vault for blinds."""
        self._database = database
        self._vault = vault

    def of(self, department: str, case_no: str, offices: Sequence[str] | None = None) -> list[Wait]:
        """Return what of a case waits, the longest first: of a department with all its offices, or of these `offices` alone."""
        named = select(clients.c.office).where(clients.c.department == department, clients.c.office.is_not(None)).distinct()
        with self._database.read() as connection:
            asked = [department, *connection.execute(named).scalars()] if offices is None else offices
        return self._read(waits.c.case_no.in_([self._blind(one, case_no) for one in asked]))

    def all(self) -> list[Wait]:
        """Return everything that waits, the longest first."""
        return self._read(waits.c.state == WAITING)

    def note(self, whose: Whose, slug: str, case_no: str, sources: Sequence[str], now: datetime) -> Wait:
        """Count an attempt to which these sources did not answer; with the last one a person decides."""
        mine = self._mine(whose, slug, case_no)
        with self._database.write() as connection:
            hold(connection, _WRITERS)
            row = connection.execute(select(waits).where(mine)).first()
            attempts = row.attempts + 1 if row else 1
            values: dict[str, Any] = {
                "sources": ",".join(sources), "attempts": attempts, "next_at": now + _FIRST_PAUSE * _GROWTH ** min(attempts - 1, MOST_ATTEMPTS),
                "state": CLERK if attempts >= MOST_ATTEMPTS else WAITING,
            }  # fmt: skip
            if row:
                connection.execute(update(waits).where(mine).values(values))
            else:
                key = {"case_no": self._blind(whose.organisation, case_no), "type": slug, "department": whose.department, "since": now}
                connection.execute(insert(waits).values(**key, **values))
            return _wait(connection.execute(select(waits).where(mine)).one())

    def standing(self, whose: Whose, slug: str, case_no: str) -> Wait | None:
        """Return the wait of one case and type."""
        return next(iter(self._read(self._mine(whose, slug, case_no))), None)

    def over(self, whose: Whose, slug: str, case_no: str) -> None:
        """Forget a wait: the sources have answered."""
        with self._database.write() as connection:
            connection.execute(delete(waits).where(self._mine(whose, slug, case_no)))

    def _mine(self, whose: Whose, slug: str, case_no: str) -> ColumnElement[bool]:
        return and_(waits.c.case_no == self._blind(whose.organisation, case_no), waits.c.type == slug)

    def _blind(self, organisation: str, case_no: str) -> str:
        return self._vault.blind("case_no", case_text(organisation, case_no))

    def _read(self, which: ColumnElement[bool]) -> list[Wait]:
        with self._database.read() as connection:
            return [_wait(row) for row in connection.execute(select(waits).where(which).order_by(waits.c.since, waits.c.type))]


def _wait(row: Any) -> Wait:  # noqa: ANN401 - a row
    return Wait(row.department, row.type, tuple(row.sources.split(",")), row.since, row.attempts, row.next_at, row.state)
