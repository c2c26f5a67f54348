"""Answers that lie ready: what a scanned code or an archived document is told, kept by its digest while nothing has changed (PERFORMANCE §7).

A prepared answer is a projection, never the truth: it is given only on the days that it was made for, while the licence and the one above
it have no newer entry, the law no newer line and the service the same keys and templates. It is found by one prepared statement on the
driver's own connection, since SQLAlchemy's own work would cost more than all the rest.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from hashlib import sha256
from operator import itemgetter
from typing import Any

from sqlalchemy import PoolProxiedConnection, bindparam, func, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError

from licence_service.store.counting import raise_to
from licence_service.store.database import Database
from licence_service.store.payload import Vault
from licence_service.store.sweeping import sweep
from licence_service.store.tables import counters, entries, foundations, licences, payloads, prepared_answers

CURSOR = "prepared"  # the place up to which new entries were looked at

_above = licences.alias("above")
_READY = (
    select(prepared_answers.c.content, prepared_answers.c.newest)
    .join(licences, licences.c.id == prepared_answers.c.licence)
    .join(_above, _above.c.id == licences.c.parent, isouter=True)
    .where(
        prepared_answers.c.id == bindparam("id"),
        prepared_answers.c.key == bindparam("key"),
        prepared_answers.c.generation == bindparam("generation"),
        prepared_answers.c.law == bindparam("law"),
        prepared_answers.c.first <= bindparam("today"),
        prepared_answers.c.until >= bindparam("today"),
        prepared_answers.c.head == licences.c.head,
        prepared_answers.c.head_above == func.coalesce(_above.c.head, literal_column("0")),
    )
)
_ERASED = (
    select(entries.c.licence)
    .join(payloads, payloads.c.entry == entries.c.id, isouter=True)
    .where(entries.c.licence.in_(bindparam("licences", expanding=True)), payloads.c.entry.is_(None))
    .distinct()
)
_LAST = select(entries.c.id, entries.c.recorded_at).order_by(entries.c.recorded_at.desc()).limit(1)
_LAW = select(func.coalesce(func.max(foundations.c.place), 0))
_TOUCHED = (
    select(entries.c.place, licences.c.licence_id)
    .join(licences, licences.c.id == entries.c.licence)
    .where(entries.c.place > bindparam("after"))
    .order_by(entries.c.place)
    .limit(bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class Moment:
    """How far the book went at an instant: its last entry, and the place of the last line of the law."""

    entry: int
    recorded_at: datetime | None
    law: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """An answer to keep: to which code or document, on which days, resting on which heads of the licence and of the one above it.

    `newest` is when the last of their entries was recorded.
    """

    key: bytes
    licence_id: str
    first: date
    until: date
    head: int
    head_above: int
    newest: datetime
    content: bytes = field(repr=False)


def key_of_code(digits: str) -> bytes:
    """Return the key under which the answer to a code lies: the SHA-256 of its digits."""
    return sha256(digits.encode()).digest()


def key_of_document(digest: str) -> bytes:
    """Return the key under which the answer to an archived document lies, by the hex SHA-256 of the file."""
    return sha256(b"document:" + digest.encode()).digest()


def id_of(key: bytes) -> int:
    """Return the number of the row that holds the answer under a key; where two keys share one, the later answer stays."""
    return int.from_bytes(key[:8], "big", signed=True)


class PreparedAnswers:
    """The prepared answers of one service; `generation` names its keys, templates and wording."""

    def __init__(self, database: Database, vault: Vault, generation: str) -> None:
        """Take the database, the vault for what is kept, and the generation."""
        self._database, self._vault, self._generation = database, vault, generation
        compiled = _READY.compile(dialect=database.engine.dialect)
        self._statement = str(compiled)
        self._bound: Callable[[dict[str, Any]], Any] = itemgetter(*compiled.positiontup) if compiled.positiontup else dict
        self._mine = threading.local()
        self._open: list[PoolProxiedConnection] = []

    def find(self, key: bytes, today: str, law: int) -> tuple[bytes, int] | None:
        """Return the answer under a key that holds on this day (ISO) under this law, and the newest instant it rests on in µs since 1970.

        None where none is sure, or the database is silent.
        """
        row = self._row({"id": id_of(key), "key": key, "generation": self._generation, "law": law, "today": today})
        return (self._vault.open(bytes(row[0]), _row_name(key)), row[1]) if row else None

    def moment(self) -> Moment:
        """Return how far the book goes now."""
        with self._database.read() as connection:
            last = connection.execute(_LAST).first()
            law = int(connection.execute(_LAW).scalar_one())
        return Moment(last.id, last.recorded_at, law) if last else Moment(0, None, law)

    def keep(self, made: Sequence[Prepared], law: int) -> None:
        """Keep answers that were made under a state of the law, each in place of an earlier one under the same key; none of an erased licence."""
        if not made:
            return
        with self._database.write() as connection:
            found = connection.execute(
                select(licences.c.licence_id, licences.c.id).where(licences.c.licence_id.in_({one.licence_id for one in made}))
            )
            keys = {row.licence_id: row.id for row in found}
            erased = set(connection.execute(_ERASED, {"licences": list(keys.values())}).scalars())
            rows = [self._row_of(one, keys[one.licence_id], law) for one in made if keys.get(one.licence_id) not in {None, *erased}]
            if rows:
                # In one order: another process may make the same answers.
                connection.execute(_KEEP[connection.dialect.name], sorted(rows, key=itemgetter("id")))

    def drop_outworn(self, today: date, most: int) -> list[str]:
        """Throw away answers for days gone by, those of `most` licences at most, and return these licences; the next scan, or the worker, makes new ones."""
        old = select(licences.c.id, licences.c.licence_id).join(prepared_answers, prepared_answers.c.licence == licences.c.id)
        with self._database.read() as connection:
            found = connection.execute(old.where(prepared_answers.c.until < today.isoformat()).distinct().order_by(licences.c.id).limit(most)).all()
        if found:
            with self._database.write() as connection:
                gone = prepared_answers.c.licence.in_([row.id for row in found]) & (prepared_answers.c.until < today.isoformat())
                sweep(connection, prepared_answers, gone)
        return [row.licence_id for row in found]

    def touched(self, most: int) -> tuple[list[str], int]:
        """Return the licences of the next new entries, each once, and the place of the last of these entries."""
        with self._database.read() as connection:
            after = connection.execute(select(counters.c.value).where(counters.c.name == CURSOR)).scalar_one_or_none() or 0
            rows = connection.execute(_TOUCHED, {"after": after, "most": most}).all()
        return list(dict.fromkeys(row.licence_id for row in rows)), rows[-1].place if rows else after

    def move_to(self, place: int) -> None:
        """Remember that every entry up to a place was looked at."""
        with self._database.write() as connection:
            raise_to(connection, CURSOR, place)

    def _row_of(self, one: Prepared, licence: int, law: int) -> dict[str, Any]:
        days = {"first": one.first.isoformat(), "until": one.until.isoformat()}
        content = self._vault.close_up(one.content, _row_name(one.key))
        kept = {name: value for name, value in asdict(one).items() if name not in {"licence_id", "content"}}
        return {"id": id_of(one.key), **kept, **days, "content": content, "licence": licence, "law": law, "generation": self._generation}

    def _row(self, given: dict[str, Any]) -> Sequence[Any] | None:
        """Ask on this thread's own connection; one that broke is let go of, and the usual way answers."""
        driver = self._database.engine.dialect.loaded_dbapi
        try:
            cursor = getattr(self._mine, "cursor", None) or self._connected()
            found: Sequence[Any] | None = cursor.execute(self._statement, self._bound(given)).fetchone()
        except (driver.OperationalError, driver.InterfaceError, OperationalError):
            self._let_go()
            return None
        return found

    def _connected(self) -> Any:  # noqa: ANN401 - a cursor of either driver
        pooled = self._database.engine.raw_connection()
        driver: Any = pooled.driver_connection
        pooled.detach()  # it stays with this thread
        if self._database.is_sqlite:
            for pragma in ("query_only=ON", "cache_size=-65536", "mmap_size=1073741824"):  # it only reads, and always the same few pages of many
                driver.execute(f"PRAGMA {pragma}")
        else:
            driver.autocommit = True
        self._open.append(pooled)
        self._mine.connection, self._mine.cursor = pooled, driver.cursor()
        return self._mine.cursor

    def _let_go(self) -> None:
        """Close this thread's connection; the next question opens another."""
        connection = getattr(self._mine, "connection", None)
        self._mine.__dict__.clear()
        if connection is not None:
            self._open.remove(connection)
            connection.close()

    def close(self) -> None:
        """Close every thread's connection."""
        while self._open:
            self._open.pop().close()


def _row_name(key: bytes) -> str:
    return f"prepared:{key.hex()}"


def _keeping(insert: Callable[..., Any]) -> Any:  # noqa: ANN401 - both dialects know this statement, the library's common form does not
    made = insert(prepared_answers)
    changed = {column.name: made.excluded[column.name] for column in prepared_answers.columns if column.name != "id"}
    return made.on_conflict_do_update(index_elements=[prepared_answers.c.id], set_=changed)


_KEEP = {"sqlite": _keeping(sqlite.insert), "postgresql": _keeping(postgresql.insert)}
