"""What the book says of every version, for status lists: all at once from the columns of `licences`, or by folding what they do not tell.

A licence is folded where a column cannot know: voided documents, suspensions around the day, stays and decisions to come, rows of the
first release, and whatever hangs on a licence that is not plainly alive. Nothing private is read.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, BindParameter, Connection, Select, bindparam, case, func, literal, literal_column, or_, select, text

from licence_service.digests import Digests
from licence_service.entry_form import entry_of
from licence_service.licence import Act, Entry, LicenceState
from licence_service.status import PLACES, Status, blank, put, status_of
from licence_service.store.database import Database
from licence_service.store.parting import parts
from licence_service.store.projection import VARIES
from licence_service.store.record import Record
from licence_service.store.tables import entries, licences, versions

_BATCH = 500
_STREAMED = 50_000
_UNREAD = Digests("", "")  # digests are the audit's business
QUIET = frozenset({Act.ASSERT, Act.ENDORSE, Act.REFUSE_ENDORSEMENT, Act.WITHDRAW_ENDORSEMENT, Act.REPORT_LOST, Act.REPORT_FOUND})
Place = tuple[int, int]  # number of the list, index in it


@dataclass(slots=True)
class Lists:
    """All lists as they stand while they are made; `lapses` is the last day of each suspension that has one."""

    places: dict[int, bytearray] = field(default_factory=dict)
    lapses: dict[Place, date] = field(default_factory=dict)

    def put(self, place: Place, status: Status, last: date | None) -> None:
        """Write one place of a version."""
        if place[0] not in self.places:
            self.places[place[0]] = blank()
        put(self.places[place[0]], place[1], status)
        if status is Status.SUSPENDED and last is not None:
            self.lapses[place] = last
        else:
            self.lapses.pop(place, None)


# The plain ones: the row tells. Whatever `_odd` names is folded afterwards and written over.
_DAY: BindParameter[str] = bindparam("day")
_ENDED = licences.c.ending.is_not(None) & (licences.c.ended_on <= _DAY)
_PLAIN = (  # one number a row: there are millions of them
    select(
        (versions.c.status_list * literal(PLACES, BigInteger) + versions.c.status_index) * 4
        + case((_ENDED, literal_column(str(int(Status.INVALID)))), else_=literal_column(str(int(Status.SUPERSEDED))))
    )
    .join(licences, licences.c.id == versions.c.licence)
    .where(or_(_ENDED, versions.c.version != licences.c.current_version))
)
_AROUND = (licences.c.suspended_from <= _DAY) & (licences.c.suspended_to.is_(None) | (licences.c.suspended_to >= _DAY))
_UNTOLD = text("entries.act IN ('suspend', 'void', 'report_lost')")  # to the letter, since a parameter would keep SQLite from the index of just these
_ODD: tuple[Select[Any], ...] = (
    select(licences.c.id).where(licences.c.ending == VARIES),
    select(licences.c.id).where(licences.c.ending.is_(None), licences.c.ended_on.is_not(None)),
    select(licences.c.id)
    .join(entries, entries.c.licence == licences.c.id)
    .where(_UNTOLD, or_(entries.c.act.in_((Act.VOID.value, Act.REPORT_LOST.value)), licences.c.suspended_from.is_(None), _AROUND)),
)
_DEAD_PARENTS = select(licences.c.parent).where(licences.c.parent.is_not(None)).distinct().subquery()
_NOT_ALIVE = select(licences.c.id).join(_DEAD_PARENTS, _DEAD_PARENTS.c.parent == licences.c.id).where(
    or_(licences.c.ended_on.is_not(None), licences.c.ending.is_not(None), licences.c.valid_to < _DAY)
)  # fmt: skip
_BELOW = select(licences.c.id).where(licences.c.parent.in_(bindparam("wanted", expanding=True)))
_LINES = (
    select(licences.c.id, licences.c.parent, entries.c.body)
    .join(entries, entries.c.licence == licences.c.id)
    .where(licences.c.id.in_(bindparam("wanted", expanding=True)))
    .order_by(entries.c.licence, entries.c.sequence)
)
_LAST_PLACE = select(func.max(entries.c.place))
_TOUCHED = select(entries.c.licence, entries.c.act).where(entries.c.place > bindparam("place"), entries.c.recorded_at <= bindparam("until"))


class Statuses:
    """Reads statuses out of the book of one database."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def whole(self, day: date) -> tuple[int, Lists]:
        """Return every list as it stands on a Beijing day, all known, and the last line of the book that was looked at."""
        with self._database.read() as connection:
            place = connection.execute(_LAST_PLACE).scalar_one() or 0
            made = Lists({number: blank() for (number,) in connection.execute(select(versions.c.status_list).distinct())})
            rows = connection.execute(_PLAIN.execution_options(yield_per=_STREAMED), {"day": day.isoformat()})
            for said in rows.scalars():
                places, index = made.places[said // (PLACES * 4)], said // 4 % PLACES
                places[index >> 2] |= (said & 3) << (index & 3) * 2  # each place once, on a blank list
            _fold(connection, made, _odd(connection, day), day, None)
        return place, made

    def follow(self, made: Lists, place: int, until: datetime, day: date, known_at: datetime | None = None) -> int:
        """Write anew, as of a day, whatever lines beyond `place` and recorded by `until` touch; return the last place looked at."""
        with self._database.read() as connection:
            last = connection.execute(_LAST_PLACE).scalar_one() or 0
            rows = connection.execute(_TOUCHED, {"place": place, "until": until}).all()
            loud = {row.licence for row in rows if Act(row.act) not in QUIET}
            _fold(connection, made, {row.licence for row in rows} | below(connection, loud), day, known_at)
        return last

    def touched(self, place: int, until: datetime) -> int:
        """Return how many lines beyond a place were recorded by an instant."""
        with self._database.read() as connection:
            return len(connection.execute(_TOUCHED, {"place": place, "until": until}).all())

    def one_by_one(self, number: int, day: date, known_at: datetime, most: int) -> Lists | None:
        """Return one list by folding all licences that have a place in it; None where these are more than `most`."""
        with self._database.read() as connection:
            mine = select(versions.c.licence).where(versions.c.status_list == number).distinct().limit(most + 1)
            wanted = set(connection.execute(mine).scalars())
            if len(wanted) > most:
                return None
            made = Lists({number: blank()})
            _fold(connection, made, wanted, day, known_at)
        return made

    def numbers(self) -> list[int]:
        """Return the numbers of the lists in which versions have places."""
        with self._database.read() as connection:
            return sorted(connection.execute(select(versions.c.status_list).distinct()).scalars())


def _odd(connection: Connection, day: date) -> set[int]:
    """Return the rows of licences that the columns do not tell, with all that hangs on them or on a licence that is not alive."""
    said = {"day": day.isoformat()}
    odd = {key for query in _ODD for key in connection.execute(query, said).scalars()}
    dying = set(connection.execute(_NOT_ALIVE, said).scalars())
    return odd | below(connection, odd | dying)


def below(connection: Connection, above: Iterable[int]) -> set[int]:
    """Return the rows of all licences that hang on these, and on those again."""
    found: set[int] = set()
    frontier = set(above)
    while frontier:
        frontier = {key for part in parts(frontier, _BATCH) for key in connection.execute(_BELOW, {"wanted": part}).scalars()} - found
        found |= frontier
    return found


def _fold(connection: Connection, made: Lists, wanted: Iterable[int], day: date, known_at: datetime | None) -> None:
    for part in parts(sorted(wanted), _BATCH):
        for record in _records(connection, part):
            for place, status, last in statuses_of(record, day, known_at):
                made.put(place, status, last)


def statuses_of(record: Record, day: date, known_at: datetime | None = None) -> Iterator[tuple[Place, Status, date | None]]:
    """Yield place and status of every version known at an instant, as of a day, and the last day where it is suspended."""
    licence = record.on(day, known_at)
    last = licence.suspended_until if licence and licence.state is LicenceState.SUSPENDED else None
    for entry in record.entries:
        if entry.version and (known_at is None or (entry.recorded_at and entry.recorded_at <= known_at)):
            yield entry.version.status, status_of(licence, entry.version.version), last


def _records(connection: Connection, wanted: Iterable[int]) -> list[Record]:
    """Read licences by their rows, without anything private, together with those that they hang on."""
    keys = list(wanted)
    found = _read(connection, keys)
    while above := {parent for parent, _ in found.values() if parent} - found.keys():
        found |= _read(connection, list(above))
    return [_record(found, key) for key in keys if key in found]


def _read(connection: Connection, wanted: list[int]) -> dict[int, tuple[int | None, list[Entry]]]:
    found: dict[int, tuple[int | None, list[Entry]]] = {}
    for part in parts(wanted, _BATCH):
        for key, parent, body in connection.execute(_LINES, {"wanted": part}).all():
            found.setdefault(key, (parent, []))[1].append(entry_of(json.loads(body), None, _UNREAD))
    return found


def _record(found: Mapping[int, tuple[int | None, list[Entry]]], key: int) -> Record:
    parent, lines = found[key]
    return Record(lines[0].licence_id, "", "", tuple(lines), _record(found, parent) if parent else None)
