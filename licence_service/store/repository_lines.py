"""What is to be told to the repository: one row an entry and licence, with what became of it; and who works on it now.

Per licence the lines go one after the other: only the first that waits has its turn. A line is never dropped: it waits, was taken, or was returned
with a reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, insert, literal, or_, select, update

from licence_service.errors import NotInRegister
from licence_service.licence import Entry
from licence_service.store.counting import hold
from licence_service.store.database import Database
from licence_service.store.loading import public_entries
from licence_service.store.parting import parts
from licence_service.store.record import Record
from licence_service.store.status import QUIET, below
from licence_service.store.tables import entries, licences
from licence_service.store.tables_of_repository import repository_claims as claims
from licence_service.store.tables_of_repository import repository_lines as lines

WAITING, REPORTED, RETURNED = "waiting", "reported", "returned"
STATES = (WAITING, REPORTED, RETURNED)
REPORT, RECONCILE = "report", "reconcile"  # what is claimed
_IS_WAITING = literal(WAITING, literal_execute=True)  # in the statement itself, or SQLite does not see that its partial index answers
_IS_RETURNED = literal(RETURNED, literal_execute=True)
_CLAIMANTS = "repository"  # the row where those who claim for the first time wait for each other
_earlier = lines.alias("earlier")
_FIRST = ~exists().where(_earlier.c.licence == lines.c.licence, _earlier.c.state == _IS_WAITING, _earlier.c.place < lines.c.place)
_WHOLE = select(lines, licences.c.licence_id).join(licences, licences.c.id == lines.c.licence)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim that was taken: how far the book was looked at, and how often in a row nothing arrived."""

    looked: int
    failures: int


@dataclass(frozen=True, slots=True)
class Stirred:
    """A licence that an entry at a place concerns: its own, or that of the one that it hangs on."""

    place: int
    key: int
    record: Record = field(repr=False)
    by: Entry = field(repr=False)


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `key` is its row, `licence` that of its licence."""

    key: int
    licence: int
    licence_id: str
    place: int
    group: tuple[str, str, str]  # code of the type, organ, day
    digest: str = field(repr=False)
    state: str
    attempts: int
    repairs: int
    next_at: datetime | None
    settled_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt led to; `next_at` where the line still waits."""

    line: Line
    state: str
    reason: str
    next_at: datetime | None


class Claims:
    """Who does what with the repository: each of one process at a time, and taken over after the lease of a killed one."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def take(self, name: str, holder: str, now: datetime, until: datetime) -> Claimed | None:
        """Take a claim; None where another has it or it rests."""
        free = and_(
            or_(claims.c.claimed_by.is_(None), claims.c.claimed_until <= now), or_(claims.c.rests_until.is_(None), claims.c.rests_until <= now)
        )  # fmt: skip
        with self._database.write() as connection:
            hold(connection, _CLAIMANTS)
            if connection.execute(select(claims.c.name).where(claims.c.name == name)).first() is None:
                connection.execute(insert(claims).values(name=name, looked=0, failures=0))
            taken = update(claims).where(claims.c.name == name, free).values(claimed_by=holder, claimed_until=until)
            if connection.execute(taken).rowcount != 1:
                return None
            row = connection.execute(select(claims.c.looked, claims.c.failures).where(claims.c.name == name)).one()
        return Claimed(row.looked, row.failures)

    def renew(self, name: str, holder: str, until: datetime) -> bool:
        """Keep a claim for longer; False where it is lost."""
        return self._mine(name, holder, {"claimed_until": until})

    def release(self, name: str, holder: str, failures: int = 0, rests_until: datetime | None = None) -> None:
        """Give a claim back."""
        self._mine(name, holder, {"claimed_by": None, "failures": failures, "rests_until": rests_until})

    def _mine(self, name: str, holder: str, values: Mapping[str, Any]) -> bool:
        with self._database.write() as connection:
            return connection.execute(_held(name, holder).values(values)).rowcount == 1


class Lines:
    """What waits for the repository, what it took, and what it returned."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    # -- of a round that holds the claim -------------------------------------------------------------

    def stirred(self, after: int, limit: int) -> tuple[list[Stirred], int]:
        """Return what the next `limit` entries beyond a place concern, and the place up to which the book was looked at.

        An entry that may end or bring back a right concerns all licences that hang on it (LC-13).
        """
        query = select(entries.c.place, entries.c.licence, entries.c.sequence).where(entries.c.place > after).order_by(entries.c.place).limit(limit)
        found: list[Stirred] = []
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            for row in rows:
                own = _record(connection, row.licence)
                by = own.entries[row.sequence - 1]
                found.append(Stirred(row.place, row.licence, own, by))
                if by.act not in QUIET and row.sequence > 1:
                    hanging = [(key, _record(connection, key)) for key in sorted(below(connection, [row.licence]))]
                    found += [Stirred(row.place, key, one, by) for key, one in hanging if _was_there(one, by)]
        return found, rows[-1].place if rows else after

    def again(self, line: Line) -> Stirred:
        """Return what a line is about once more."""
        query = select(entries.c.licence, entries.c.sequence).where(entries.c.place == line.place)
        with self._database.read() as connection:
            row = connection.execute(query).one()
            by = _record(connection, row.licence).entries[row.sequence - 1]
            return Stirred(line.place, line.licence, _record(connection, line.licence), by)

    def lay_out(self, holder: str, looked: int, made: Sequence[tuple[Stirred, tuple[str, str, str], str]], reached: int, now: datetime) -> bool:
        """Put lines (what it is about, group, digest) on their way and note how far the book was looked at; False where the claim is lost."""
        with self._database.write() as connection:
            here = _held(REPORT, holder).where(claims.c.looked == looked)
            if connection.execute(here.values(looked=reached)).rowcount != 1:
                return False
            newest = {one.key: one.place for one, _, _ in made}
            for part in parts(newest):
                connection.execute(update(lines).where(lines.c.licence.in_(part), lines.c.newest).values(newest=False))
            rows = [
                {"licence": one.key, "place": one.place, "type": group[0], "department": group[1], "day": group[2], "digest": digest,
                 "newest": newest[one.key] == one.place, "state": WAITING, "attempts": 0, "repairs": 0, "next_at": now, "reason": ""}
                for one, group, digest in made
            ]  # fmt: skip
            if rows:
                connection.execute(insert(lines), rows)
        return True

    def turn(self, now: datetime, limit: int) -> list[Line]:
        """Return what is to be told now: of each licence the first that waits; half of it what waits longest, half what was entered last.

        So the first report of a whole book does not keep today's changes waiting, and these do not keep it waiting for ever.
        """
        due = and_(lines.c.state == _IS_WAITING, lines.c.next_at <= now, _FIRST)
        last = self._read(due, limit // 2, lines.c.place.desc(), lines.c.licence)
        longest = self._read(due, limit, lines.c.next_at, lines.c.place)
        return list({one.key: one for one in (*last, *longest)}.values())[:limit]

    def settle(self, holder: str, outcomes: Sequence[Outcome], now: datetime) -> bool:
        """Write down what came of attempts; False, and nothing, where the claim is lost."""
        with self._database.write() as connection:
            if connection.execute(_held(REPORT, holder).values(claimed_by=holder)).rowcount != 1:
                return False
            for one in outcomes:
                same = and_(lines.c.id == one.line.key, lines.c.state == _IS_WAITING, lines.c.attempts == one.line.attempts)
                values = {"state": one.state, "attempts": one.line.attempts + 1, "reason": one.reason, "next_at": one.next_at,
                          "settled_at": None if one.next_at else now}  # fmt: skip
                connection.execute(update(lines).where(same, lines.c.repairs == one.line.repairs).values(values))
        return True

    # -- what operators and the reconciliation see and do --------------------------------------------

    def behind(self) -> int:
        """Return how many places of the book were not looked at yet."""
        looked = select(claims.c.looked).where(claims.c.name == REPORT).scalar_subquery()
        with self._database.read() as connection:
            return int(connection.execute(select(func.count()).where(entries.c.place > func.coalesce(looked, 0))).scalar_one())

    def counts(self) -> dict[str, int]:
        """Return how many lines are in each state."""
        with self._database.read() as connection:
            found = {state: int(count) for state, count in connection.execute(select(lines.c.state, func.count()).group_by(lines.c.state))}
        return {state: found.get(state, 0) for state in STATES}

    def returned(self, limit: int) -> list[Line]:
        """Return the lines that were returned and that no newer one of their licence made needless, oldest first."""
        return self._read(and_(lines.c.state == _IS_RETURNED, lines.c.newest), limit, lines.c.id)

    def newest(self, licence_id: str) -> Line:
        """Return the newest line of a licence, which says all of it; `NotInRegister` where it has none."""
        found = self._read(and_(licences.c.licence_id == licence_id, lines.c.newest), 1)
        if not found:
            raise NotInRegister("nothing was ever to be reported of such a licence")
        return found[0]

    def tell_anew(self, line: Line, now: datetime) -> bool:
        """Put a settled line on its way once more, as a message of its own; False where it waits already or another took its place."""
        settled = and_(lines.c.id == line.key, lines.c.newest, lines.c.state != _IS_WAITING)
        values = {"state": WAITING, "attempts": 0, "repairs": lines.c.repairs + 1, "next_at": now, "settled_at": None}
        with self._database.write() as connection:
            return connection.execute(update(lines).where(settled).values(values)).rowcount == 1

    def of_group(self, group: tuple[str, str, str]) -> list[Line]:
        """Return the newest line of every licence of a type, organ and day."""
        return self._read(and_(lines.c.newest, lines.c.type == group[0], lines.c.department == group[1], lines.c.day == group[2]))

    def groups(self) -> Sequence[tuple[str, str]]:
        """Return each type and organ of which there is a licence."""
        with self._database.read() as connection:
            return [
                (row.type, row.department) for row in connection.execute(select(lines.c.type, lines.c.department).where(lines.c.newest).distinct())
            ]

    def kept(self, kind: str, department: str) -> dict[str, list[tuple[str, int, str]]]:
        """Return by day licence id, place and digest of the newest lines of a type and organ."""
        query = (
            select(lines.c.day, licences.c.licence_id, lines.c.place, lines.c.digest)
            .join(licences, licences.c.id == lines.c.licence)
            .where(lines.c.newest, lines.c.type == kind, lines.c.department == department)
        )
        found: dict[str, list[tuple[str, int, str]]] = {}
        with self._database.read() as connection:
            for day, licence_id, place, digest in connection.execute(query):
                found.setdefault(day, []).append((licence_id, place, digest))
        return found

    def _read(self, which: ColumnElement[bool], limit: int | None = None, *order: Any) -> list[Line]:  # noqa: ANN401 - columns
        with self._database.read() as connection:
            rows = connection.execute(_WHOLE.where(which).order_by(*order).limit(limit)).all()
        return [_line(row) for row in rows]


def _held(name: str, holder: str) -> Any:  # noqa: ANN401 - a statement
    return update(claims).where(claims.c.name == name, claims.c.claimed_by == holder)


def _was_there(record: Record, by: Entry) -> bool:
    """Say whether a licence was entered before an entry of the one that it hangs on."""
    first = record.entries[0].recorded_at
    return bool(first and by.recorded_at and first < by.recorded_at)


def _record(connection: Connection, key: int) -> Record:
    """Read a licence with those that it hangs on, without anything private."""
    row = connection.execute(select(licences).where(licences.c.id == key)).one()
    parent = _record(connection, row.parent) if row.parent else None
    return Record(row.licence_id, row.type, row.department, tuple(public_entries(connection, key)), parent)


def _line(row: Any) -> Line:  # noqa: ANN401 - a row
    return Line(
        row.id, row.licence, row.licence_id, row.place, (row.type, row.department, row.day), row.digest, row.state, row.attempts, row.repairs,
        row.next_at, row.settled_at, row.reason,
    )  # fmt: skip
