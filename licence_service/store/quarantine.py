"""What waits of the legacy stock about one person: of which type and department, and what was found of it; no value of a row is opened."""

from dataclasses import dataclass

from sqlalchemy import or_, select

from licence_service.fields import comparison_form
from licence_service.store.database import Database
from licence_service.store.payload import Vault
from licence_service.store.stock_rows import LOADED, PASSED, QUARANTINED, RELEASING
from licence_service.store.tables_of_stock import stock_findings, stock_rows, stock_runs

_WAITING = (LOADED, PASSED, QUARANTINED, RELEASING)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row that is no licence yet; `faults` are the rules that block it."""

    type: str
    department: str
    faults: frozenset[str]


class Quarantine:
    """The stock under way, as whoever it is about may ask for it."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database and the vault whose key blinds values."""
        self._database = database
        self._vault = vault

    def of(self, number: str) -> list[Waiting]:
        """Return the rows that name this identity number, as the holder's or as the number of the licence."""
        blind = self._vault.blind("stock", comparison_form(number))
        mine = or_(stock_rows.c.person_blind == blind, stock_rows.c.number_blind == blind)
        rows = (
            select(stock_rows.c.id, stock_runs.c.type, stock_runs.c.department)
            .join(stock_runs, stock_runs.c.id == stock_rows.c.run)
            .where(mine, stock_rows.c.state.in_(_WAITING))
            .order_by(stock_rows.c.id)
        )
        with self._database.read() as connection:
            found = connection.execute(rows).all()
            blocking = (stock_findings.c.row.in_([row.id for row in found])) & (stock_findings.c.severity == "block")
            faults = connection.execute(select(stock_findings.c.row, stock_findings.c.rule).where(blocking)).all() if found else []
        return [Waiting(row.type, row.department, frozenset(one.rule for one in faults if one.row == row.id)) for row in found]
