"""Tries of clients that check in bulk, counted by the hour in the table of failures: one statement for many, exact across processes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from licence_service.store.database import Database
from licence_service.store.failures import WINDOW_SECONDS
from licence_service.store.payload import Vault
from licence_service.store.tables import failures

AN_HOUR = 3600
_AT_ONCE = 500
_READ = select(failures.c.blind, failures.c.count).where(
    failures.c.blind.in_(bindparam("blinds", expanding=True)), failures.c.window == bindparam("window")
)


def _adding(dialect: Any) -> Any:  # noqa: ANN401 - both dialects know this statement, the library's common form does not
    inserted = dialect.insert(failures).values(blind=bindparam("blind"), window=bindparam("window"), count=bindparam("count"))
    return inserted.on_conflict_do_update(
        index_elements=[failures.c.blind, failures.c.window], set_={"count": failures.c.count + inserted.excluded.count}
    )


_ADD = {"sqlite": _adding(sqlite), "postgresql": _adding(postgresql)}


class Tries:
    """Counts by the hour; what is counted is kept blinded, and swept with the failures after a day."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database and the vault that blinds."""
        self._database = database
        self._vault = vault

    def add(self, kind: str, counts: Mapping[str, int], now: datetime) -> None:
        """Add to the counts of this hour, by what is counted."""
        rows = [{"blind": self._vault.blind(kind, key), "window": _hour(now), "count": count} for key, count in counts.items() if count]
        if rows:
            with self._database.write() as connection:
                connection.execute(_ADD[connection.dialect.name], sorted(rows, key=lambda row: str(row["blind"])))

    def of(self, kind: str, keys: Sequence[str], now: datetime) -> dict[str, int]:
        """Return the counts of this hour that are not zero."""
        by_blind = {self._vault.blind(kind, key): key for key in keys}
        wanted = list(by_blind)
        found: dict[str, int] = {}
        with self._database.read() as connection:
            for start in range(0, len(wanted), _AT_ONCE):
                rows = connection.execute(_READ, {"blinds": wanted[start : start + _AT_ONCE], "window": _hour(now)})
                found |= {by_blind[blind]: int(count) for blind, count in rows}
        return found


def _hour(now: datetime) -> int:
    """Return the start of the hour in the units of `store.failures`, so that one sweep forgets both."""
    return int(now.timestamp()) // AN_HOUR * (AN_HOUR // WINDOW_SECONDS)
