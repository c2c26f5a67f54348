"""Wrong codes, counted by address and by pair in windows of ten minutes. A right code is never refused (DESIGN §2)."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite

from licence_service.store.database import Database
from licence_service.store.payload import Vault
from licence_service.store.tables import failures

WINDOW_SECONDS = 600


class Failures:
    """Counts wrong attempts; addresses and pairs are kept blinded only, and forgotten after a day."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database and the vault that blinds."""
        self._database = database
        self._vault = vault

    def count(self, kind: str, value: str, now: datetime) -> int:
        """Add one failure and return how many there were in this window."""
        window = int(now.timestamp()) // WINDOW_SECONDS
        blind = self._vault.blind(kind, value)
        with self._database.write() as connection:
            dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
            counted = (
                dialect.insert(failures)
                .values(blind=blind, window=window, count=1)
                .on_conflict_do_update(index_elements=[failures.c.blind, failures.c.window], set_={"count": failures.c.count + 1})
                .returning(failures.c.count)
            )
            number = int(connection.execute(counted).scalar_one())
            if number == 1:
                connection.execute(delete(failures).where(failures.c.window < window - 86_400 // WINDOW_SECONDS))
            return number
