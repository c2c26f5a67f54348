"""The table of signed heads, and the lines of the book in the order in which heads cover them."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, func, insert, literal, or_, select, union_all

from licence_service.store.counting import hold
from licence_service.store.database import Database
from licence_service.store.tables import entries, foundations, heads

SETTLED = timedelta(seconds=5)  # longest between signing a head and its being seen by every reader
ENTRY, FOUNDATION = "entry", "foundation"
_BATCH = 1000
_WRITERS = "heads"  # the row where followers wait for each other


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the book: its place from 1, whether it is an entry or a foundation, its body to the byte, its digest."""

    place: int
    kind: str
    recorded_at: datetime
    body: str = field(repr=False)
    sha256: str


@dataclass(frozen=True, slots=True)
class StoredHead:
    """A signed head: the first `size` lines have this root; `message` is the COSE_Sign1, `frontier` what the next head grows from."""

    size: int
    until: datetime
    signed_at: datetime
    root: str
    message: bytes = field(repr=False)
    frontier: bytes = field(repr=False)


class Heads:
    """The heads of one book."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def lines(self, after: int, limit: int) -> list[Line]:
        """Return the lines beyond a place, in order, `limit` at most."""
        with self._database.read() as connection:
            return lines_after(connection, after, limit)

    def add(self, head: StoredHead, after: int) -> bool:
        """Keep a head that grew from the one of size `after`; False where another follower was first, and nothing is kept."""
        with self._database.write() as connection:
            hold(connection, _WRITERS)
            newest = connection.execute(select(func.max(heads.c.size))).scalar_one() or 0
            if newest != after:
                return False
            connection.execute(insert(heads).values(asdict(head)))
            return True

    def last(self) -> StoredHead | None:
        """Return the newest head."""
        return self._one(select(heads).order_by(heads.c.size.desc()).limit(1))

    def closed_at(self, known_at: datetime) -> StoredHead | None:
        """Return the last head that was surely closed by this instant: asked about the same instant again, always the same one (RULINGS 11).

        Heads are signed in the order of time and kept within `SETTLED` of it, so that none that is kept later can take its place. The
        instant that an answer names, a head's own `until`, leads back to that head.
        """
        closed = or_(heads.c.signed_at <= known_at - SETTLED, heads.c.until == known_at)
        return self._one(select(heads).where(closed).order_by(heads.c.size.desc()).limit(1))

    def before(self, size: int) -> StoredHead | None:
        """Return the newest head smaller than this one."""
        return self._one(select(heads).where(heads.c.size < size).order_by(heads.c.size.desc()).limit(1))

    def all(self, after: int = 0) -> Iterator[StoredHead]:
        """Yield the heads larger than `after`, smallest first, in batches that hold no transaction between them."""
        while True:
            with self._database.read() as connection:
                batch = [
                    StoredHead(**row)
                    for row in connection.execute(select(heads).where(heads.c.size > after).order_by(heads.c.size).limit(_BATCH)).mappings()
                ]
            yield from batch
            if not batch:
                return
            after = batch[-1].size

    def uncovered(self) -> tuple[int, datetime | None]:
        """Return how many lines no head covers yet, and when the oldest of them was recorded."""
        with self._database.read() as connection:
            covered = connection.execute(select(func.max(heads.c.size))).scalar_one() or 0
            waiting, oldest = 0, []
            for table in (entries, foundations):
                found = connection.execute(select(func.count(), func.min(table.c.recorded_at)).where(table.c.place > covered)).one()
                waiting += found[0]
                oldest += [found[1]] if found[1] else []
        return waiting, min(oldest, default=None)

    def _one(self, query: "Select[Any]") -> StoredHead | None:
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        return StoredHead(**row) if row else None


def lines_after(connection: Connection, after: int, limit: int) -> list[Line]:
    """Return lines of both kinds beyond a place, by one statement, so that none is seen without those before it."""
    parts = [
        select(table.c.place, literal(kind).label("kind"), table.c.recorded_at, table.c.body, table.c.sha256)
        .where(table.c.place > after)
        .order_by(table.c.place)
        .limit(limit)
        .subquery()
        .select()
        for kind, table in ((ENTRY, entries), (FOUNDATION, foundations))
    ]
    both = union_all(*parts).subquery()
    return [Line(**row) for row in connection.execute(select(both).order_by(both.c.place).limit(limit)).mappings()]
