"""Tries of clients that check in bulk, counted by the hour in the table of failures: one statement for many, exact across processes."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from licence_service.store.database import Database
from licence_service.store.failures import AN_HOUR, WINDOW_SECONDS, add_counts, counts_of
from licence_service.store.payload import Vault


class Tries:
    """Counts by the hour; what is counted is kept blinded, and swept with the failures after a day."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database and the vault that blinds."""
        self._database = database
        self._vault = vault

    def add(self, kind: str, counts: Mapping[str, int], now: datetime) -> None:
        """Add to the counts of this hour, by what is counted."""
        if any(counts.values()):
            with self._database.write() as connection:
                add_counts(connection, {(self._vault.blind(kind, key), _hour(now)): count for key, count in counts.items()})

    def of(self, kind: str, keys: Sequence[str], now: datetime) -> dict[str, int]:
        """Return the counts of this hour that are not zero."""
        by_key = {(self._vault.blind(kind, key), _hour(now)): key for key in keys}
        with self._database.read() as connection:
            return {by_key[key]: count for key, count in counts_of(connection, by_key).items()}


def _hour(now: datetime) -> int:
    """Return the start of the hour in the units of `store.failures`, so that one sweep forgets both."""
    return int(now.timestamp()) // AN_HOUR * (AN_HOUR // WINDOW_SECONDS)
