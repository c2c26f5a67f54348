"""What is kept of legacy stock, as it is read: runs, rows and where they stand, what rows are met by. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from licence_service.store.payload import Vault

LOADED, PASSED, RELEASING, QUARANTINED = "loaded", "passed", "releasing", "quarantined"
REJECTED, SEALED, ADOPTED = "rejected", "sealed", "adopted"
STATES = (LOADED, PASSED, RELEASING, QUARANTINED, REJECTED, SEALED, ADOPTED)


@dataclass(frozen=True, slots=True)
class StockRun:
    """A run as it was opened. `content`: its mapping, the columns that nothing is taken from, ended holders; `counts`: of the whole file, once loaded."""

    key: int = field(repr=False)
    run_id: str
    client: str
    department: str
    type: str
    loaded_by: str
    made_at: datetime
    loaded_at: datetime | None
    vault: Vault = field(repr=False, compare=False)
    content: Mapping[str, Any] = field(repr=False)
    counts: Mapping[str, Any] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Blinds:
    """What rows are met by, blinded; None where a row has no such value."""

    number: str | None
    plate: str | None
    vin: str | None
    person: str | None


@dataclass(frozen=True, slots=True)
class Related:
    """A row that another one meets. `registered`: it was sealed or adopted."""

    key: int
    registered: bool
    blinds: Blinds = field(repr=False)


@dataclass(frozen=True, slots=True)
class StockRow:
    """A row. `content` is what it says, of a released one what became of it."""

    key: int = field(repr=False)
    line: int
    digest: str = field(repr=False)
    county: str
    adopting: bool
    state: str
    attempt: int
    idempotency_key: str
    content: Mapping[str, Any] = field(repr=False)
    blinds: Blinds = field(repr=False)
    round: int | None
    sampled: bool
    licence_id: str | None


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row that was read."""

    line: int
    digest: str = field(repr=False)
    county: str
    content: Mapping[str, Any] = field(repr=False)
    blinds: Blinds = field(repr=False)
    adopting: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule found, as it is kept: no value, no suggestion."""

    rule: str
    severity: str
    path: str
    code: str
