"""What waits of the legacy stock about one person: of which type and department, and what was found of it; no value of a row is opened."""

from dataclasses import dataclass

from sqlalchemy import and_, bindparam, case, func, or_, select

from licence_service.fields import comparison_form
from licence_service.store.database import Database
from licence_service.store.payload import Vault
from licence_service.store.stock_rows import LOADED, PASSED, QUARANTINED, RELEASING
from licence_service.store.tables_of_stock import stock_findings, stock_rows, stock_runs

_WAITING = (LOADED, PASSED, QUARANTINED, RELEASING)


_LACKS_A_PHOTO = "photo-missing"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Rows that are no licence yet; `photo` where nothing but a photograph is missing."""

    type: str
    department: str
    photo: bool


_BLOCKED = (
    select(func.count())
    .select_from(stock_findings)
    .where(stock_findings.c.row == stock_rows.c.id, stock_findings.c.severity == "block")
    .correlate(stock_rows)
)
_PHOTO = and_(_BLOCKED.scalar_subquery() > 0, _BLOCKED.where(stock_findings.c.rule != _LACKS_A_PHOTO).scalar_subquery() == 0)
_MINE = (
    select(stock_rows.c.id, stock_runs.c.type, stock_runs.c.department, case((_PHOTO, 1), else_=0).label("photo"))
    .join(stock_runs, stock_runs.c.id == stock_rows.c.run)
    .where(or_(stock_rows.c.person_blind == bindparam("blind"), stock_rows.c.number_blind == bindparam("blind")), stock_rows.c.state.in_(_WAITING))
    .subquery()
)
_KINDS = (
    select(_MINE.c.type, _MINE.c.department, _MINE.c.photo).group_by(_MINE.c.type, _MINE.c.department, _MINE.c.photo).order_by(func.min(_MINE.c.id))
)


class Quarantine:
    """The stock under way, as whoever it is about may ask for it."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database and the vault whose key blinds values."""
        self._database = database
        self._vault = vault

    def of(self, number: str) -> list[Waiting]:
        """Return what waits of rows that name this identity number, as the holder's or as the number of the licence: each kind once, however many."""
        with self._database.read() as connection:
            found = connection.execute(_KINDS, {"blind": self._vault.blind("stock", comparison_form(number))}).all()
        return [Waiting(row.type, row.department, bool(row.photo)) for row in found]
