"""All that serves platforms, put together: rows at once, files, watched lists."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from licence_service.bulk.checking import Checking
from licence_service.bulk.files import Files
from licence_service.bulk.judging import Bench
from licence_service.bulk.watched import Watch
from licence_service.store.checks import Checks
from licence_service.store.clients import Clients
from licence_service.store.database import Database
from licence_service.store.numbers import Numbers
from licence_service.store.payload import Vault
from licence_service.store.tries import Tries
from licence_service.store.watchlists import WatchLists
from licence_service.verification import Verifier


@dataclass(frozen=True, slots=True)
class Desk:
    """What platforms may ask of the service."""

    checking: Checking
    files: Files
    watch: Watch

    def work(self) -> int:
        """Work off files until none waits, then look at every watched list for one step; return how many rows were judged."""
        judged = 0
        while done := self.files.work():
            judged += done
        return judged + self.watch.work()


def desk(verifier: Verifier, database: Database, vault: Vault, now: Callable[[], datetime]) -> Desk:
    """Put the parts together."""
    clients, numbers = Clients(database, verifier.keyring.within), Numbers(database, vault)
    bench = Bench(verifier, numbers)
    checking = Checking(bench, numbers, Tries(database, vault), now)
    files = Files(checking, Checks(database, vault), clients, now)
    return Desk(checking, files, Watch(bench, numbers, WatchLists(database, vault), clients, vault, now))
