"""What goes into the book beside an entry, and what comes out of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from licence_service.errors import NotInRegister
from licence_service.licence import Entry, Licence, fold


@dataclass(frozen=True, slots=True)
class Record:
    """A licence's entries with what the book knows beside them."""

    licence_id: str
    type: str
    department: str
    entries: tuple[Entry, ...] = field(repr=False)

    def at(self, valid_at: date, known_at: datetime | None = None) -> Licence:
        """Return the fold; `NotInRegister` where nothing was known yet."""
        licence = fold(self.entries, valid_at, known_at)
        if licence is None:
            raise NotInRegister
        return licence


@dataclass(frozen=True, slots=True)
class Opening:
    """What a licence's first entry needs beside itself: its type, department, and the key under which it is unique."""

    type: str
    department: str
    live_key: str = field(repr=False)
    may_replace: Callable[[Record], bool] = field(default=lambda _record: False, repr=False)


@dataclass(frozen=True, slots=True)
class Appendix:
    """What is entered together with an entry: codes and lookups of a new version, the reservation it fulfils."""

    reservation_id: str | None = None
    delivery_code: str | None = field(default=None, repr=False)
    searchable: Mapping[str, str] = field(default_factory=dict, repr=False)
    opening: Opening | None = None
    external_ref: tuple[str, str, str] | None = None  # asserter, reference, request digest
