"""What goes into the book beside an entry, and what comes out of it."""

from collections.abc import Callable, Mapping
from datetime import date, datetime

from licence_service.errors import NotInRegister
from licence_service.fold import fold, under
from licence_service.frozen import dataclass, field
from licence_service.licence import Act, Entry, Licence


@dataclass(frozen=True, slots=True)
class Record:
    """A licence's entries with what the book knows beside them; `department` is the one that issued it.

    `parent` is the record of the licence that it hangs on, read with it (LC-13).
    """

    licence_id: str
    type: str
    department: str
    entries: tuple[Entry, ...] = field(repr=False)
    parent: "Record | None" = field(default=None, repr=False)
    _folded: dict[tuple[date, datetime | None], Licence | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    def on(self, valid_at: date, known_at: datetime | None = None) -> Licence | None:
        """Return the licence on a day as known at an instant, its parent's end included; None where there was none."""
        licence = self._fold(valid_at, known_at)
        hangs = self.entries[0].parent
        if licence is None or hangs is None or self.parent is None:
            return licence
        return under(licence, self.parent.on(valid_at, known_at), hangs.effect)

    def _fold(self, valid_at: date, known_at: datetime | None) -> Licence | None:
        """Add the entries up once for each pair of clocks: one act asks for the same a dozen times."""
        if (valid_at, known_at) not in self._folded:
            self._folded[valid_at, known_at] = fold(self.entries, valid_at, known_at)
        return self._folded[valid_at, known_at]

    def at(self, valid_at: date, known_at: datetime | None = None) -> Licence:
        """Return the same; `NotInRegister` where there was no licence, or nothing was known yet."""
        licence = self.on(valid_at, known_at)
        if licence is None:
            raise NotInRegister
        return licence

    @property
    def office(self) -> str | None:
        """Return the sub-office that issued it; None where the department itself did."""
        return self.entries[0].office if self.entries else None

    def issuer(self, day: date) -> str:
        """Return the issuer of record on a day (LC-08): the department that took it over last, else the one that issued it."""
        licence = self._fold(day, None)
        return (licence and licence.issuer) or self.department

    def offered_to(self, day: date) -> frozenset[str]:
        """Return the departments that this licence was released to and that may still answer on a day."""
        settled = {entry.target for entry in self.entries if entry.act in {Act.ACCEPT_TRANSFER, Act.REJECT_TRANSFER}}
        offers = [entry for entry in self.entries if entry.to_department and entry.act is Act.TRANSFER and entry.sequence not in settled]
        return frozenset(str(entry.to_department) for entry in offers if entry.until is None or day <= entry.until)


@dataclass(frozen=True, slots=True)
class Opening:
    """What a licence's first entry needs beside itself: its type, department, and the key under which it is unique."""

    type: str
    department: str
    live_key: str = field(repr=False)
    may_replace: Callable[[Record], bool] = field(default=lambda _record: False, repr=False)


@dataclass(frozen=True, slots=True)
class Appendix:
    """What is entered together with an entry: codes and lookups of a new version, the reservation it fulfils.

    `live_key` is the text under which the right is unique after this act: a licence that comes back, or goes over to another department,
    takes its number anew. `due_on` is the first day on which a recurring endorsement is overdue. `report` is an inspection report that
    the act consumes (station, number; XR-02).
    """

    reservation_id: str | None = None
    delivery_code: str | None = field(default=None, repr=False)
    searchable: Mapping[str, str] = field(default_factory=dict, repr=False)
    opening: Opening | None = None
    external_ref: tuple[str, str, str] | None = None  # asserter, reference, request digest
    live_key: str | None = field(default=None, repr=False)
    due_on: date | None = None
    report: tuple[str, str] | None = None
