"""Status lists as they were at an instant: one row a run, and one row for each list that the run found changed.

They are made from the book and can be made again. All runs of today and yesterday are kept, of an earlier day only the first: from it
any instant of that day can be told again.
"""

import json
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise

from sqlalchemy import ColumnElement, Connection, Subquery, delete, func, insert, select

from licence_service.digests import canonical, sha256
from licence_service.status import compressed, expanded
from licence_service.store.counting import hold
from licence_service.store.database import Database
from licence_service.store.status import Lists
from licence_service.store.tables import status_lists, status_runs

_WRITERS = "status lists"  # the row where those who make lists wait for each other


@dataclass(frozen=True, slots=True)
class Run:
    """One making of all lists: as known at `at`, as of the Beijing day `day`, up to a place of the book."""

    at: datetime
    day: date
    place: int


@dataclass(frozen=True, slots=True)
class Listed:
    """One list as it is sent: zlib, and the SHA-256 of its places."""

    content: bytes = field(repr=False)
    sha256: str

    def places(self) -> bytes:
        """Return its places."""
        return expanded(self.content)


class Listings:
    """The kept lists of one database."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def newest(self, until: datetime | None = None) -> Run | None:
        """Return the newest run, or the newest at or before an instant."""
        query = select(status_runs).order_by(status_runs.c.at.desc()).limit(1)
        with self._database.read() as connection:
            row = connection.execute(query.where(status_runs.c.at <= until) if until else query).first()
        return Run(row.at, date.fromisoformat(row.day), row.place) if row else None

    def lists(self, run: Run) -> dict[int, Listed]:
        """Return every list as that run left it."""
        with self._database.read() as connection:
            return _lists(connection, run)

    def made(self, run: Run) -> Lists:
        """Return the same to go on with, with the last days of suspensions."""
        with self._database.read() as connection:
            found = _lists(connection, run)
            packed = connection.execute(select(status_runs.c.lapses).where(status_runs.c.at == run.at)).scalar_one()
        rows = json.loads(zlib.decompress(packed))
        lapses = {(number, index): date.fromisoformat(last) for number, index, last in rows}
        return Lists({number: bytearray(one.places()) for number, one in found.items()}, lapses)

    def lapses(self, run: Run) -> dict[tuple[int, int], date]:
        """Return the last day of each suspension that has one, by the place of the version."""
        return self.made(run).lapses

    def keep(self, run: Run, made: Lists, before: Run | None) -> bool:
        """Keep a run that went out from `before`; False where another came first, and nothing is kept."""
        with self._database.write() as connection:
            hold(connection, _WRITERS)
            newest = connection.execute(select(func.max(status_runs.c.at))).scalar_one()
            if newest != (before.at if before else None):
                return False
            known = _digests(connection, run.at)
            rows = [[number, index, last.isoformat()] for (number, index), last in sorted(made.lapses.items())]
            values = {"at": run.at, "day": run.day.isoformat(), "place": run.place, "lapses": zlib.compress(canonical(rows), 9)}
            connection.execute(insert(status_runs).values(values))
            for number, places in sorted(made.places.items()):
                digest = sha256(bytes(places))
                if known.get(number) != digest:
                    line = {"number": number, "at": run.at, "content": compressed(places), "sha256": digest}
                    connection.execute(insert(status_lists).values(line))
        return True

    def thin_out(self, today: date) -> int:
        """Drop the runs before yesterday but the first of each day, and the lists that no run rests on any more; return how many runs."""
        early = (today - timedelta(days=1)).isoformat()
        with self._database.write() as connection:
            hold(connection, _WRITERS)
            runs = connection.execute(select(status_runs.c.at, status_runs.c.day).order_by(status_runs.c.at)).all()
            firsts = {run.day: run.at for run in reversed(runs)}
            drop = [run.at for run in runs if run.day < early and firsts[run.day] != run.at]
            kept = sorted({run.at for run in runs} - set(drop))
            if drop:
                connection.execute(delete(status_runs).where(status_runs.c.at.in_(drop)))
                for number, at in _unseen(connection, kept):
                    connection.execute(delete(status_lists).where(status_lists.c.number == number, status_lists.c.at == at))
        return len(drop)


def _lists(connection: Connection, run: Run) -> dict[int, Listed]:
    rows = connection.execute(select(status_lists).join(part := _newest(run.at), _same(part)).order_by(status_lists.c.number))
    return {row.number: Listed(row.content, row.sha256) for row in rows}


def _digests(connection: Connection, until: datetime) -> Mapping[int, str]:
    rows = connection.execute(select(status_lists.c.number, status_lists.c.sha256).join(part := _newest(until), _same(part)))
    return {row.number: row.sha256 for row in rows}


def _newest(until: datetime) -> Subquery:
    """Name the newest row of each list that is not newer than an instant."""
    newest = select(status_lists.c.number, func.max(status_lists.c.at).label("at")).where(status_lists.c.at <= until)
    return newest.group_by(status_lists.c.number).subquery()


def _same(part: Subquery) -> ColumnElement[bool]:
    return (status_lists.c.number == part.c.number) & (status_lists.c.at == part.c.at)


def _unseen(connection: Connection, kept: Sequence[datetime]) -> Iterator[tuple[int, datetime]]:
    """Yield the lists that were changed again before any kept run looked at them."""
    rows = connection.execute(select(status_lists.c.number, status_lists.c.at).order_by(status_lists.c.number, status_lists.c.at)).all()
    for one, following in pairwise(rows):
        if one.number == following.number and bisect_left(kept, one.at) == bisect_left(kept, following.at):
            yield one.number, one.at
