"""The entries that a department may know of, in the order of the book, a bounded stretch of it at a time."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, func, or_, select

from licence_service.licence import beijing_day
from licence_service.store.concerning import MOVED, WAS_OFFERED, concerned
from licence_service.store.database import Database
from licence_service.store.loading import public_entries
from licence_service.store.record import Record
from licence_service.store.tables import clients, entries, licences
from licence_service.store.tables_of_holders import cards

STRETCH = 10_000  # places of the book that one reading looks at, whosever they are


@dataclass(frozen=True, slots=True)
class KnownLine:
    """An entry that a department may know of: its place in the book, the row of its licence, the type, the issuer of record after it, the public body."""

    place: int
    licence: int
    certificate_type: str
    department: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks: a department, narrowed to certificate types and to what some of its offices issued; None is all.

    A `host` app is told of the cards that were claimed through it, while they are cards, whatever department the licences are of.
    """

    department: str
    types: Sequence[str] | None = None
    offices: Sequence[str] | None = None
    host: str | None = None


class EventLines:
    """The book as one department may know it."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def of(self, reader: Reader, after: int, limit: int) -> tuple[list[KnownLine], int]:
        """Return the next entries beyond a place, `limit` at most, and the place up to which the book was looked at.

        Places are given in the order of commits (`counting.next_line`), so that what was looked at is complete.
        """
        with self._database.read() as connection:
            # Read first: whatever is entered meanwhile lies beyond, also where each statement sees a state of its own.
            last = connection.execute(select(func.max(entries.c.place))).scalar_one() or 0
            until = min(last, after + STRETCH)
            if until <= after:
                return [], after
            query = self._query(reader, after, until, limit)
            rows = connection.execute(query, {} if reader.host else {"offer": concerned(reader.department)["offer"]}).all()
            known = sorted(self._known(connection, rows, reader), key=lambda line: line.place)
        return known, rows[-1].place if len(rows) == limit else until

    def end(self) -> int:
        """Return the place of the last entry."""
        with self._database.read() as connection:
            return connection.execute(select(func.max(entries.c.place))).scalar_one() or 0

    @staticmethod
    def _query(reader: Reader, after: int, until: int, limit: int) -> Any:  # noqa: ANN401 - a statement
        moved: ColumnElement[bool] = entries.c.licence.in_(MOVED)
        departments = or_(licences.c.department == reader.department, moved & WAS_OFFERED)
        query = (
            select(
                entries.c.place, entries.c.licence, entries.c.sequence, entries.c.body, licences.c.type, licences.c.department, moved.label("moved")
            )
            .join(licences, licences.c.id == entries.c.licence)
            .where(entries.c.place > after, entries.c.place <= until, _claimed_through(reader.host) if reader.host else departments)
            .order_by(entries.c.place)
            .limit(limit)
        )
        narrowed = ((licences.c.type, reader.types), (licences.c.office, reader.offices))
        return query.where(*(column.in_(some) for column, some in narrowed if some is not None))

    @staticmethod
    def _known(connection: Connection, rows: Sequence[Any], reader: Reader) -> Iterator[KnownLine]:
        for (licence, moved), lines in groupby(sorted(rows, key=lambda row: (row.licence, row.place)), key=lambda row: (row.licence, row.moved)):
            story = public_entries(connection, licence) if moved else []
            for row in lines:
                issuer, knowing = row.department, {row.department}
                if moved:
                    now, before = (Record("", row.type, row.department, tuple(story[:count])) for count in (row.sequence, row.sequence - 1))
                    issuer, knowing = _who(now, before, story[row.sequence - 1].recorded_at)
                if reader.host or reader.department in knowing:
                    yield KnownLine(row.place, licence, row.type, issuer, json.loads(row.body))


def _claimed_through(host: str) -> ColumnElement[bool]:
    """Say of entries that their licence was a card claimed through a host when they were entered; the one that ends it is told too."""
    through = select(clients.c.id).where(clients.c.name == host, clients.c.removed_at.is_(None)).scalar_subquery()
    kept = or_(cards.c.released_at.is_(None), cards.c.released_at >= entries.c.recorded_at)
    return exists().where(cards.c.licence == entries.c.licence, cards.c.host == through, cards.c.claimed_at <= entries.c.recorded_at, kept)


def _who(now: Record, before: Record, recorded_at: datetime | None) -> tuple[str, set[str]]:
    """Return the issuer of record after an entry, and the departments that knew of the licence then: `authority.visible`, as of that entry.

    Whom it concerned just before the entry is told of it too: a department that gives a licence away learns that it went.
    """
    assert recorded_at  # noqa: S101 - it was entered
    day = beijing_day(recorded_at)
    earlier = {before.issuer(day), *before.offered_to(day)} if before.entries else set()
    return now.issuer(day), {now.department, now.issuer(day), *now.offered_to(day), *earlier}
