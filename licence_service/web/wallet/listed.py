"""A list narrowed, ordered and counted, and all cards of a holder as one: one reading of the register for each question, a verdict only for what is shown."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Generic, Protocol, TypeVar

from licence_service.deadlines import Deadline
from licence_service.fields import Asker, comparison_form, disclose
from licence_service.history.words import FLAGS, STATES, said
from licence_service.holding import Holding
from licence_service.licence import LicenceState, beijing_day
from licence_service.service import Service
from licence_service.store.cards import Scope
from licence_service.store.record import Record
from licence_service.template import Template, Words
from licence_service.web.holding.telling import licence_of

MOST = 20_000  # cards of one listing; whoever has more narrows by type
_AT_ONCE = 500
_PLATE = "plate"  # the type of a field
SOON = (0, 30, 90)  # days for which it is counted how many cards have something due in them
DUE, NUMBER, TYPE = "due", "number", "type"  # what a list may be ordered by


class Line(Protocol):
    """What is asked of a line of any list."""

    @property
    def row_id(self) -> str:
        """What tells it from other lines."""

    @property
    def named_by(self) -> tuple[str, ...]:
        """By what it is searched for, and ordered."""

    @property
    def type(self) -> str:
        """The certificate type."""

    @property
    def state(self) -> LicenceState:
        """How the right stands."""

    @property
    def next(self) -> Deadline | None:
        """The soonest day that must be known."""


L = TypeVar("L", bound=Line)


@dataclass(frozen=True, slots=True)
class Row:
    """A card of the list; `next` is the soonest day that the holder must know, what is overdue first."""

    licence_id: str
    type: str
    title: Words
    number: str = field(repr=False)
    plate: str = field(repr=False)
    state: LicenceState
    flags: tuple[str, ...]
    valid_from: date
    valid_to: date | None
    next: Deadline | None
    version: int
    document: str

    @property
    def row_id(self) -> str:
        """Return what tells it from other lines."""
        return self.licence_id

    @property
    def named_by(self) -> tuple[str, ...]:
        """Return by what it is searched for, and ordered."""
        return self.plate, self.number


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a list is shown: all of it must hold. Empty texts and None narrow nothing; `within` are days from today, what is overdue included."""

    type: str = ""
    state: str = ""
    within: int | None = None
    text: str = field(default="", repr=False)
    by: str = DUE
    chosen: frozenset[str] = frozenset()

    def named(self, row: Line) -> bool:
        """Say whether a line was chosen, and has the text in what it is searched for by."""
        text = comparison_form(self.text)
        chosen = not self.chosen or row.row_id in self.chosen
        return chosen and (not text or any(text in comparison_form(one) for one in row.named_by))

    def in_state(self, row: Line) -> bool:
        """Say whether a line is in the state that is wanted."""
        return not self.state or row.state == self.state

    def in_time(self, row: Line, today: date) -> bool:
        """Say whether something of a line falls due as soon as is wanted."""
        return self.within is None or (row.next is not None and row.next.day <= today + timedelta(days=self.within))


@dataclass(frozen=True, slots=True)
class Listed(Generic[L]):
    """What was found: the rows in order, and whether there were more lines than are looked at. `named` are all of which something is said or counted.

    `counts` says how many are in each state, whatever state is wanted; `due` how many have something due within so many days, whatever time is.
    """

    rows: Sequence[L]
    counts: Sequence[tuple[LicenceState, int]]
    due: Sequence[tuple[int, int]]
    more: bool
    named: Sequence[L]

    @property
    def whole(self) -> int:
        """Return how many cards there are in all states."""
        return sum(count for _, count in self.counts)


def listed(service: Service, holding: Holding, wanted: Wanted) -> Listed[Row]:
    """Return the cards that are wanted; the caller has seen to it that they may be read."""
    scope = _narrowed(holding.scope, wanted.type, service.catalogue.slugs)
    return sifted(_rows(service, scope) if scope else (), wanted, beijing_day(service.now()))


def sifted(lines: Iterable[L], wanted: Wanted, today: date) -> Listed[L]:
    """Return what of some lines is wanted, in order and counted; no more of them are looked at than a list may have."""
    found, more = [], False
    for number, row in enumerate(lines):
        if number == MOST:
            more = True
            break
        if wanted.named(row):
            found.append(row)
    states = Counter(row.state for row in found if wanted.in_time(row, today))
    ahead = [(row.next.day - today).days for row in found if row.next and wanted.in_state(row)]
    rows = sorted((row for row in found if wanted.in_state(row) and wanted.in_time(row, today)), key=lambda row: _order(row, wanted.by))
    counts = [(state, states[state]) for state in LicenceState if states[state]]
    return Listed(rows, counts, [(days, sum(1 for one in ahead if one <= days)) for days in SOON], more, found)


def shown(service: Service, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return rows with the verdict in one word, for a page of them."""
    records, today = {one.licence_id: one for one in service.book.records([row.licence_id for row in rows])}, beijing_day(service.now())
    return [
        {
            "row": row, "state": said(STATES, row.state), "flags": [said(FLAGS, one) for one in row.flags],
            "overall": service.verifier.standing(records[row.licence_id], records[row.licence_id].at(today), None).overall.value,
            "overdue": row.next is not None and row.next.day < today,
        }
        for row in rows
    ]  # fmt: skip


def _narrowed(scope: Scope, slug: str, known: Collection[str]) -> Scope | None:
    """Return what of a scope is of one type; None where that is nothing."""
    if not slug:
        return scope
    return Scope(scope.holder_id, (slug,), scope.licences) if slug in known and scope.covers(slug) else None


def _rows(service: Service, scope: Scope) -> Iterator[Row]:
    """Yield every card that is still the holder's; no more records are held at once than are read at once."""
    desk, reminding, after = service.holder_desk.cards, service.reminders.reminding, 0
    while True:
        cards, more = desk.kept.all(scope, after=after, limit=_AT_ONCE)
        records = [one.record for one in cards if desk.still_theirs(one)]
        deadlines = reminding.deadlines(records)
        yield from (_row(service, record, deadlines[record.licence_id]) for record in records)
        if more is None:
            return
        after = more


def _row(service: Service, record: Record, deadlines: Sequence[Deadline]) -> Row:
    licence, template = licence_of(service, record)
    seen = disclose(template.fields, licence.current.face, Asker.HOLDER)
    plates = _texts(seen.get(name) for name in _plates(template))
    return Row(
        record.licence_id, record.type, template.title, str(seen.get(template.number.field) or ""), plates, licence.state, tuple(sorted(licence.flags)),
        licence.valid_from, licence.valid_to, deadlines[0] if deadlines else None, licence.current.version, licence.current.document.sha256,
    )  # fmt: skip


def _plates(template: Template) -> list[str]:
    return [name for name, declared in template.fields.items() if declared.type == _PLATE and name != template.number.field]


def _texts(values: Iterable[object]) -> str:
    return " ".join(str(one) for one in values if one)


def _order(row: Line, by: str) -> tuple[str, ...]:
    due = row.next.day.isoformat() if row.next else "9999-99-99"
    first = {NUMBER: row.named_by, TYPE: (row.type, due)}.get(by, (due,))
    return (*first, *reversed(row.named_by), row.row_id)
