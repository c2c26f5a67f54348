# ruff: noqa: S608 - the statements are put together from names of columns and tables, never from values
"""`bulk_growth_us`: what a licence costs more in a register of a million licences than in one of ten thousand.

    python -m bench.growth                      ten thousand licences issued, copied to a million; half an hour, 10 GB of disk meanwhile
    python -m bench.growth --times 10           a quick look; the figure is recorded only by a whole run
    python -m bench.growth --folder DIR         keep both registers there, or measure what an earlier run left

The small register is issued by the product. The large one begins as its copy; every row of every table that an issue writes is then
added so many times more: values that are different in every row are made anew by chance, in no order, as real digests are; running
numbers and references move on. The index of keys is made anew, and as many licences are issued into the large register as its small
tree of new keys ever holds, so that every chunk measured settles as many keys as it brings. Chunks of the product's own size are then
issued into both in turn. Times are CPU of this process, in which SQLite works; its pages lie in memory as far as there is any.
"""

import argparse
import shutil
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Column, LargeBinary, Table, func, select

from bench.issue import service_in, settings_in
from bench.press import FIFTEEN
from bench.record import record
from bench.stock import Stock
from licence_service.carrying import Done
from licence_service.chunks import CHUNK
from licence_service.demo import clock_at
from licence_service.service import Service, build
from licence_service.store.keys import SLICES, STEP, refill
from licence_service.store.tables import counters, entries, licences, lookups, payloads, reservations, seal_uses, versions
from licence_service.store.tables_of_packing import packed_documents

SMALL, TIMES, ROUNDS = 10_000, 100, 15
GROWING = (licences, entries, payloads, versions, lookups, packed_documents, reservations, seal_uses)
MOSTLY = 0.9  # of the rows have a value of their own: then every copy gets one
LONGEST = 200  # characters of a value that is looked at: longer ones are contents, and stay as they are


def issued(folder: Path) -> None:
    """Issue the small register."""
    service = service_in(folder)
    _more(service, Stock(service, FIFTEEN, 1), SMALL)
    service.close()


def _more(service: Service, stock: Stock, count: int) -> None:
    for done in range(0, count, CHUNK):
        rows = stock.rows(min(CHUNK, count - done))
        assert all(isinstance(one, Done) for one in service.chunks.issue(stock.client, rows))
        print(f"  {done + len(rows):,} of {count:,} licences issued", end="\r", flush=True)
    print()


def keyed(service: Service) -> None:
    """Make the index of keys anew, and go once round with new ones."""
    began = time.perf_counter()
    with service.database.write() as connection:
        refill(connection)
    print(f"  keys made anew in {time.perf_counter() - began:.0f} s", flush=True)
    _more(service, Stock(service, FIFTEEN, 3, 50_000_000), STEP * SLICES)


def multiplied(folder: Path, times: int) -> None:
    """Add all rows of the register in this folder so many times more."""
    connection = sqlite3.connect(folder / "licence.db", isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF", "cache_size=-4000000", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TEMP TABLE times (k INTEGER)")
    connection.executemany("INSERT INTO times VALUES (?)", [(number,) for number in range(1, times)])
    spans = {table.name: connection.execute(f"SELECT max(rowid) FROM {table.name}").fetchone()[0] for table in GROWING}
    for table in GROWING:
        began = time.perf_counter()
        names = ", ".join(column.name for column in table.columns)
        values = ", ".join(_value(connection, table, column, spans) for column in table.columns)
        connection.execute("BEGIN")
        connection.execute(f"INSERT INTO {table.name} ({names}) SELECT {values} FROM times CROSS JOIN (SELECT * FROM {table.name}) AS base")
        connection.execute("COMMIT")
        print(f"  {table.name} multiplied in {time.perf_counter() - began:.0f} s", flush=True)
    connection.execute(f"UPDATE {counters.name} SET value = value * ?", (times,))
    connection.execute("ANALYZE")
    connection.close()


def _value(connection: sqlite3.Connection, table: Table, column: Column[Any], spans: dict[str, int]) -> str:
    """Return the expression for a column of a copied row."""
    name = column.name
    for key in column.foreign_keys:
        if key.column.table.name in spans:
            return f"base.{name} + times.k * {spans[key.column.table.name]}"
    rows, different, longest, most = connection.execute(
        f"SELECT count(*), count(DISTINCT {name}), max(length({name})), max({name}) FROM {table.name}"
    ).fetchone()
    if isinstance(column.type, LargeBinary) or different < rows * MOSTLY or longest > LONGEST:
        return f"base.{name}"
    if isinstance(most, int):
        return f"base.{name} + times.k * {most}"
    return f"substr(lower(hex(randomblob({longest}))), 1, {longest})"


def measured(small: Service, large: Service) -> tuple[list[float], list[float]]:
    """Return the CPU µs of a licence in the small and in the large register, by round."""
    with small.database.read() as connection:
        there = connection.execute(select(func.count()).select_from(licences)).scalar_one()  # more than SMALL after an earlier run
    places = [(service, Stock(service, FIFTEEN, there + seed, 200_000 + there)) for service, seed in ((small, 5), (large, 6))]
    found: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS + 1):
        for (service, stock), row in zip(places, found, strict=True):
            asked = stock.rows(CHUNK)
            began = time.process_time()
            outcomes = service.chunks.issue(stock.client, asked)
            spent = (time.process_time() - began) / CHUNK * 1e6
            assert all(isinstance(one, Done) for one in outcomes), [one for one in outcomes if not isinstance(one, Done)][:1]
            if number:  # the first warms
                row.append(spent)
    return found


def run(times: int, kept: Path | None = None) -> None:
    """Measure, and record where the large register is as large as the figure says."""
    folder = kept or Path(tempfile.mkdtemp(prefix="licence-growth-"))
    try:
        small, large = folder / "small", folder / "large"
        if fresh := not large.exists():
            small.mkdir(parents=True)
            issued(small)
            shutil.copytree(small, large)
            multiplied(large, times)
        services = [build(settings_in(each), clock_at(None)) for each in (small, large)]
        for service in services:
            service.database.migrate()  # what an earlier run left may be of an earlier release
        if fresh:
            keyed(services[1])
        few, many = measured(*services)
        for service in services:
            service.close()
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)
    differences = [more - less for less, more in zip(few, many, strict=True)]
    growth = statistics.median(differences)
    print(f"  {statistics.median(few):.0f} µs at {SMALL:,}, {statistics.median(many):.0f} µs at {SMALL * times:,}")
    print(f"  growth {growth:.0f} µs ({min(differences):.0f} to {max(differences):.0f})")
    if times == TIMES:
        record(
            "bulk_growth_us", growth, better="lower", ours=statistics.median(many), peer=statistics.median(few), unit="µs CPU",
            worst=max(differences), rounds=len(few),
        )  # fmt: skip


if __name__ == "__main__":
    given = argparse.ArgumentParser(description="What a licence costs more in a large register.")
    given.add_argument("--times", type=int, default=TIMES, help=f"how often the {SMALL:,} licences are there")
    given.add_argument("--folder", type=Path, help="keep both registers in this folder, or measure what an earlier run left there")
    asked = given.parse_args()
    run(asked.times, asked.folder)
