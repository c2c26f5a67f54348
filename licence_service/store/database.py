"""The engine, transactions and the one type for instants."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Connection, Dialect, TypeDecorator, create_engine, event, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from licence_service.errors import Misconfigured, Unavailable

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parent / "migrations"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The pages that a chunk touches stay in memory (16 MB) up to the commit, and go from the log into the database once in some chunks (64 MB),
# each page once.
_OF_CHUNKS = ("cache_size=-16384", "wal_autocheckpoint=16384")
_MANY = 1000  # rows that a connection changed, after which it gives its pages back: the next chunk touches others, or has another connection


class Instant(TypeDecorator[datetime]):
    """An aware instant as microseconds since 1970 UTC: SQLite would forget the zone, and order must be exact on both."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Write an aware instant; a naive one is a bug."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "an instant must say its zone"
            raise ValueError(msg)
        delta = value - _EPOCH
        return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Read it back in UTC."""
        return None if value is None else datetime.fromtimestamp(value // 1_000_000, UTC).replace(microsecond=value % 1_000_000)


class _Embedded(sqlite3.Connection):
    """A connection to SQLite of which nothing is left open when its transaction ends.

    A statement whose rows were not all read keeps its view of the database beyond ROLLBACK, as long as its cursor lives (SQLite, "Response To
    Errors Within A Transaction"); a failure's traceback can hold one for minutes. Whoever got the connection from the pool next would read the past.
    """

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401 - as its parent
        """Open it."""
        super().__init__(*given, **named)
        self._cursors: list[sqlite3.Cursor] = []
        self._changes = 0  # of rows, when pages were given back last

    def cursor(self, factory: type[sqlite3.Cursor] = sqlite3.Cursor) -> sqlite3.Cursor:  # type: ignore[override]  # the one way in which it is called
        """Make a cursor that ends with the transaction."""
        made = super().cursor(factory)
        self._cursors.append(made)
        return made

    def rollback(self) -> None:
        """End the transaction; the pool does so with every connection that it takes back, also after COMMIT."""
        for one in self._cursors:
            one.close()
        self._cursors.clear()
        super().rollback()
        if self.total_changes - self._changes > _MANY:
            self._changes = self.total_changes
            self.execute("PRAGMA shrink_memory").close()


class Database:
    """One database, SQLite or PostgreSQL, with short transactions only: never one across drawing, sealing or storing."""

    def __init__(self, url: str) -> None:
        """Prepare the engine; nothing is opened yet."""
        try:
            self.url = make_url(url)
            self.is_sqlite = self.url.get_backend_name() == "sqlite"
            if self.is_sqlite and self.url.database:
                _own_file(Path(self.url.database))
            embedded: dict[str, object] = {"connect_args": {"timeout": 30, "factory": _Embedded}}
            options = embedded if self.is_sqlite else {"pool_size": 20, "max_overflow": 20}
            self.engine = create_engine(self.url, pool_pre_ping=not self.is_sqlite, **options)
        except (ArgumentError, OSError, ImportError) as error:
            msg = "the database's address is not one that can be used; check LICENCE_DATABASE_URL"
            raise Misconfigured(msg) from error
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that only reads."""
        with _translated(), self.engine.connect() as connection:
            if self.is_sqlite:  # without the cost of a statement: it waits for nobody, so that nothing is to be translated
                connection.connection.driver_connection.execute("BEGIN")  # type: ignore[union-attr]  # it is open
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that writes; committed at the end of the block, rolled back on any exception.

        On SQLite it begins IMMEDIATE, since a plain BEGIN loses most concurrent read-then-write transactions.
        """
        with _translated(), self.engine.connect() as connection, connection.begin():
            begin_writing(connection)
            yield connection

    @property
    def libpq_address(self) -> str | None:
        """Return the address as libpq takes it, with its password, for what brings connections of its own; None on SQLite."""
        return None if self.is_sqlite else self.url.set(drivername="postgresql").render_as_string(hide_password=False)

    def ready(self) -> None:
        """Raise `Unavailable` unless the database answers and has the newest schema."""
        with _translated():
            present = self._revision()
        if present is None or present in _revisions()[:-1]:  # a newer, unknown schema still serves this release
            raise Unavailable("the database has not the newest schema; run the migrations")

    def migrate(self) -> None:
        """Bring the schema to the newest migration; repeating it is harmless."""
        try:
            if self._revision() == _revisions()[-1]:
                return
            from alembic import command  # noqa: PLC0415 - a tenth of a command's start, and of no use to one that finds the schema as it should be

            command.upgrade(self._migrations(), "head")
        except OperationalError as error:
            msg = "the database cannot be opened; check LICENCE_DATABASE_URL"
            raise Misconfigured(msg) from error

    def _migrations(self) -> "Config":
        from alembic.config import Config  # noqa: PLC0415 - as in `migrate`

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        config.attributes["engine"] = self.engine
        return config

    def _revision(self) -> str | None:
        with self.engine.connect() as connection:
            return revision_of(connection)

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def revision_of(connection: Connection) -> str | None:
    """Return the newest migration that a database has seen, as Alembic notes it; None of an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return found


@cache
def _revisions() -> list[str]:
    """Return the names of all migrations, oldest first: the numbers with which their files begin."""
    return sorted(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


def _own_file(path: Path) -> None:
    """Make the folder and an empty file that only its owner can read; one that is there keeps its mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if str(path) != ":memory:" and not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


@contextmanager
def _translated() -> Iterator[None]:
    """Turn trouble of the database into `Unavailable`; integrity errors are answered where they are expected."""
    try:
        yield
    except (OperationalError, PoolExhausted, sqlite3.OperationalError) as error:
        raise Unavailable("the database cannot answer now") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable("the database cannot answer now") from error
        raise


def _prepare_sqlite(connection: object, _record: object) -> None:
    """Wait for other writers, keep a write-ahead log, survive power loss, hold foreign keys."""
    connection.isolation_level = None  # type: ignore[attr-defined]  # `read` and `write` open transactions
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000", *_OF_CHUNKS):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def begin_writing(connection: Connection) -> None:
    """Take the lock for writing at once on SQLite; PostgreSQL begins by itself, and locks what it writes."""
    if connection.dialect.name == "sqlite":
        connection.connection.driver_connection.execute("BEGIN IMMEDIATE")  # type: ignore[union-attr]  # it is open; without the cost of a statement
