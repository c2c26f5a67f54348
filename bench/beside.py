# ruff: noqa: S608 - the statements are put together from names of columns and marks, never from values
"""One book of one size under measurement: the product's parts, and beside them the plainest statements for the same rows."""

import random
import sqlite3
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from bench import million
from licence_service.entry_form import written
from licence_service.licence import Act, LicenceState, beijing_day
from licence_service.store.book import Book
from licence_service.store.database import Database
from licence_service.store.keys import Kind, key_of
from licence_service.store.payload import token_digest
from licence_service.store.searching import Criteria, Searching
from licence_service.store.tables import entries, versions

EACH = {"by id": 60, "by number": 60, "page": 6, "endorse": 40, "renew": 40}  # operation → how often in a round
PAGE = 20
NOW = million.START + timedelta(hours=3)
ENTRY, VERSION = (", ".join(column.name for column in table.columns if column.name != "id") for table in (entries, versions))


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

    def by_number(self, blind: str, digest: str) -> None:
        hit = self.ask(
            "SELECT l.*, v.version FROM versions v JOIN licences l ON l.id = v.licence JOIN lookups k ON k.licence = l.id"
            " WHERE k.licence IN (SELECT owner FROM recent_keys WHERE key = ? UNION ALL SELECT owner FROM settled_keys WHERE key = ?)"
            " AND v.check_digest = ? AND k.name = 'number' AND k.blind = ? ORDER BY v.id DESC",
            key_of(Kind.VALUE, blind), key_of(Kind.VALUE, blind), digest, blind,
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
            made = self.ask(f"INSERT INTO versions ({VERSION}) VALUES ({', '.join('?' * 8)}) RETURNING id", *rows["versions"][1:])[0][0]
            digests = zip((Kind.DOCUMENT, Kind.DELIVERY), (rows["versions"][4], rows["versions"][6]), strict=True)
            for kind, digest in digests:
                self.run(f"INSERT INTO {'recent' if self.sqlite else 'settled'}_keys VALUES (?, ?)", key_of(kind, digest), made)
        else:
            self.run("INSERT INTO endorsement_refs VALUES (?, ?, ?, ?, ?)", *rows["endorsement_refs"])
        self.run("UPDATE licences SET head = ?, current_version = ?, valid_from = ?, valid_to = ? WHERE id = ?", *licence)
        self.cursor.execute("COMMIT")


@dataclass
class Bench:
    """One book of one size: the product's parts and the raw connection, both warm."""

    database: Database
    size: int
    cpu: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))  # (operation, whose) -> µs, both processes
    own: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))  # the same, this process alone
    wall: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.book = Book(self.database, million.VAULT, lambda: NOW)
        self.searching = Searching(self.database, million.VAULT)
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

    def single(self, operation: str, whose: str) -> float:
        """Return the µs CPU of one call, on a licence of chance."""
        (work,) = getattr(self, operation)([self.chance.randrange(self.size)], raw=whose == "raw")
        server, own = self._backend(whose), time.process_time()
        work()
        own = time.process_time() - own
        return (own + self._backend(whose) - server) * 1e6

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
        def ours(text: str, code: str) -> None:
            assert self.book.of_pair(text, code)

        for number in numbers:
            text, code = million.number_of(number), million.check_code(number, 1)
            blind, digest = million.VAULT.blind("number", text), token_digest(code)
            yield (lambda b=blind, d=digest: self.raw.by_number(b, d)) if raw else (lambda t=text, c=code: ours(t, c))

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
            line, payload = million.rows_of(number + 1, stamped, body, place)
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

    def close(self) -> None:
        """Let go of the database."""
        self.raw.connection.close()
        self.database.close()

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
