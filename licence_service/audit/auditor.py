"""Runs an audit over one snapshot of the database."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from licence_service.archive import Archive, SecondPlace
from licence_service.audit.elsewhere import Elsewhere
from licence_service.audit.finding import Finding, Kind
from licence_service.audit.order import order_findings
from licence_service.audit.rights import RightsAudit
from licence_service.catalogue import Catalogue
from licence_service.seal.keyring import Keyring
from licence_service.second_place import kept_heads, opened
from licence_service.store.database import Database
from licence_service.store.payload import Vault
from licence_service.store.rereading import Rereading, snapshot
from licence_service.store.seal_log import SealLog


def _nobody() -> None:
    """Nobody wants to know how far it is."""


@dataclass(frozen=True, slots=True)
class Auditor:
    """Reads the whole register again; `name` is its public address, which its heads carry."""

    database: Database
    vault: Vault = field(repr=False)
    seal_log: SealLog
    catalogue: Catalogue = field(repr=False)
    keyring: Keyring = field(repr=False)
    archive: Archive
    name: str

    def size(self) -> int:
        """Return how many steps `audit` takes: one a line and one a licence."""
        with snapshot(self.database) as connection:
            return sum(Rereading(connection, self.vault).size())

    def audit(self, *, documents: bool = False, step: Callable[[], None] = _nobody) -> Iterator[Finding]:
        """Yield all that does not fit inside the register; with `documents` every archived document is read too."""
        with snapshot(self.database) as connection:
            book = Rereading(connection, self.vault)
            yield from order_findings(book, partial(opened, self.keyring), self.name, step)
            yield from RightsAudit(book, self.catalogue, self.archive if documents else None).findings(step)
        for number in self.seal_log.breaks():
            yield Finding(Kind.SEAL_LOG, f"the chain of the seal-use log is broken at its line {number}")

    def against(self, kept: SecondPlace | bytes, *, step: Callable[[], None] = _nobody) -> Iterator[Finding]:
        """Yield where the register differs from its second place, or from one head that was put aside (as a file's bytes)."""
        with snapshot(self.database) as connection:
            elsewhere = Elsewhere(Rereading(connection, self.vault), partial(opened, self.keyring), self.name, step)
            if isinstance(kept, bytes):
                yield from elsewhere.single_head(kept)
            else:
                yield from elsewhere.second_place(kept_heads(kept))
