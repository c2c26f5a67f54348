"""Wrong codes, counted by address and by pair in windows of ten minutes. A right code is never refused (DESIGN §2)."""

from datetime import datetime

from sqlalchemy import delete, insert, select, update

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
        mine = (failures.c.blind == self._vault.blind(kind, value)) & (failures.c.window == window)
        with self._database.write() as connection:
            if connection.execute(update(failures).where(mine).values(count=failures.c.count + 1)).rowcount == 0:
                connection.execute(delete(failures).where(failures.c.window < window - 86_400 // WINDOW_SECONDS))
                connection.execute(insert(failures).values(blind=self._vault.blind(kind, value), window=window, count=1))
                return 1
            return int(connection.execute(select(failures.c.count).where(mine)).scalar_one())
