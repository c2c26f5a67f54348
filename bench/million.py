# ruff: noqa: S608 - the statements are put together from names of columns and marks, never from values
"""Books of any size for the bench: rows as the append writes them, loaded in bulk.

Every licence has three entries: an issue (version 1), a renewal (version 2) and an endorsement without a document. The entries are
stamped, written and encrypted by the product's own code (`entry_form`, `Vault`, `projected`) and differ from real ones only in what
the append does not look at: the commitment to the face is made up, and nothing is signed. `agrees_with_the_append` enters the same
licences through `Book.append` and compares every row of every table, so that the load cannot drift away from the product.
"""

import json
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import select

from licence_service.digests import Digests, canonical, digests, sha256
from licence_service.endorsement import Endorsement
from licence_service.entry_form import body_of, private_of, written
from licence_service.fields import comparison_form
from licence_service.identifiers import ElicenceId, licence_id
from licence_service.licence import Act, Decision, Entry, Version, VersionReason, beijing_day
from licence_service.store.book import Book
from licence_service.store.counting import BOOK, raise_to
from licence_service.store.database import Database
from licence_service.store.keys import refill
from licence_service.store.payload import Vault, token_digest
from licence_service.store.projection import projected
from licence_service.store.record import Appendix, Opening
from licence_service.store.tables import counters, endorsement_refs, entries, licences, lookups, payloads, versions

START = datetime(2026, 6, 20, 1, 0, tzinfo=UTC)
STEP = timedelta(microseconds=700)  # between two entries of the load: a million licences fit into a morning
DEPARTMENTS = tuple(f"11519900MB990{number:04d}Q" for number in range(4))
TYPES = tuple(f"bench_type_{number}" for number in range(5))
DUE = date(2027, 6, 20)  # the conditions of every licence are met up to here
TYPE_CODE = "11100000000019713D071"
EACH = 3  # entries of a licence
TABLES = (licences, entries, payloads, versions, lookups, endorsement_refs)
_BATCH = 5_000
_AHEAD = 6  # batches made and not loaded yet
VAULT = Vault(b"bench" + bytes(27))
Rows = dict[str, list[tuple[Any, ...]]]
_PROJECTIONS: dict[int, dict[str, Any]] = {}
_DAYS = 365  # the terms of the licences end on so many different days


def digest(*words: object) -> str:
    """Return 64 hexadecimal characters that look like any other digest and are always the same for the same words."""
    return sha256(repr(words).encode())


@cache
def identity(number: int) -> str:
    """Return the licence id of a number; in no order, as real ones are."""
    return licence_id(int(digest("licence", number)[:25], 16))


def number_of(number: int) -> str:
    """Return the number on the face."""
    return f"川蜀安交许{number:08d}号"


def check_code(number: int, version: int) -> str:
    """Return the check code on a version."""
    return digest("check", number, version)[:12]


def kind_of(number: int) -> tuple[str, str]:
    """Return type and department of a licence."""
    return TYPES[number % len(TYPES)], DEPARTMENTS[number // 7 % len(DEPARTMENTS)]


def _version(number: int, place: int, act: Act) -> Version:
    first = date(2026, 1, 1) + timedelta(days=number % _DAYS + (0 if act is Act.ISSUE else 30) - _DAYS)
    face = {
        "person_name": f"陈安途{number % 977}", "sex": "1", "birth_date": "1985-06-12", "citizen_id": f"5199021985{number:08d}",
        "license_no": number_of(number), "valid_from": first.isoformat(), "valid_to": _last(first).isoformat(),
        "issuer_name": "蜀安市交通运输局", "issue_date": first.isoformat(),
    }  # fmt: skip
    whole = number * 1000 + place
    return Version(
        version=place, elicence_id=str(ElicenceId(TYPE_CODE, kind_of(number)[1], identity(number), place)),
        reason=VersionReason.INITIAL if act is Act.ISSUE else VersionReason.RENEWAL, edition="2026-01", template_digest="0" * 64,
        document=Digests(digest("document", whole), digest("sm3", whole)), seal_id="bench-2026", certificate_sha256="1" * 64,
        sealed_at=START, issued_on=first, valid_from=first, valid_to=_last(first), copy_no=1,
        status=(place * 10_000 + number // 100_000, number * 7_919 % 100_000), check_code_digest=token_digest(check_code(number, place)),
        face_commitment=Digests(digest("face", whole), digest("face sm3", whole)), face=face, salt=bytes.fromhex(digest("salt", whole)),
    )  # fmt: skip


def _last(first: date) -> date:
    return first + timedelta(days=6 * 365)


def _endorsement(number: int, place: int) -> Endorsement:
    facts = {"date": "2026-05-30", "period_end": "2027-06-19", "hours": 24, "institution": "蜀安市安途驾驶员培训学校"}
    return Endorsement(
        endorsement_id=identity(number) + f"{place:06d}", kind="continuing_education", facts=facts, occurred_on=date(2026, 5, 30),
        effective_from=date(2026, 5, 30), effective_to=None, asserter="52519900MB9900099X", accepter=kind_of(number)[1],
        external_ref=f"ref-{number}-{place}", commitment=Digests(digest("facts", number, place), digest("facts sm3", number, place)), kid="00112233",
        signature=bytes.fromhex(digest("r", number, place) + digest("s", number, place)), salt=bytes.fromhex(digest("fact", number, place)),
        rule_pack="continuing-education/2022-11-10", previous=digest("upon", number, place), asserter_kid="44556677",
        asserter_signature=bytes.fromhex(digest("ar", number, place) + digest("as", number, place)),
    )  # fmt: skip


def entry(number: int, sequence: int, act: Act, version: int = 0) -> Entry:
    """Return an entry as the registrar hands it to the append; `version` is its document's number, 0 where it has none."""
    sealed = _version(number, version, act) if version else None
    on = sealed.valid_from if sealed else date(2026, 5, 30)
    organ, officer = "蜀安市交通运输局", "罗青石" if sealed else None
    decided = Decision(f"蜀安交许〔2026〕{number}号", organ, on, "道路运输条例第九条", officer)
    endorsements = () if sealed else (_endorsement(number, sequence),)
    return Entry(identity(number), sequence, act, on, decided, "bench", sealed, endorsements)


def live_key(number: int) -> str:
    """Return the text under which the right is unique."""
    kind, department = kind_of(number)
    return f"{kind}|{number}|{department}"


def beside(number: int, sequence: int, version: int) -> Appendix:
    """Return what is entered beside an entry: with a version its codes and lookups, else the reference of the endorsement."""
    kind, department = kind_of(number)
    if not version:
        ref = (f"{department}/52519900MB9900099X", f"ref-{number}-{sequence}", digest("request", number, sequence))
        return Appendix(external_ref=ref, live_key=live_key(number), due_on=DUE)
    values = {"number": number_of(number), "holder": f"陈安途{number % 977}", "citizen_id": f"5199021985{number:08d}"}
    opening = Opening(kind, department, live_key(number)) if version == 1 else None
    live = None if opening else live_key(number)
    return Appendix(delivery_code=f"{number} {version}", searchable=values, opening=opening, live_key=live, due_on=DUE)


def first_entries(number: int) -> tuple[tuple[Entry, Appendix], ...]:
    """Return the three entries of a licence, unstamped, each with what belongs beside it."""
    acts = ((Act.ISSUE, 1), (Act.RENEW, 2), (Act.ENDORSE, 0))
    return tuple((entry(number, place + 1, act, version), beside(number, place + 1, version)) for place, (act, version) in enumerate(acts))


def rows_of(key: int, written: Entry, body: bytes, place: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return the rows of an entry in `entries` and `payloads`, in the order of the columns; the entry's id is its place."""
    assert written.recorded_at
    assert written.digest
    text, sealed = body.decode(), VAULT.close_json(private_of(written), f"entry:{written.licence_id}:{written.sequence}")
    instant = (written.recorded_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    day = written.effective_on.isoformat()
    return (place, key, written.sequence, written.act.value, day, instant, text, written.digest.sha256, written.digest.sm3, place), (place, sealed)


def reference_row(key: int, sequence: int, appendix: Appendix) -> tuple[Any, ...]:
    """Return the row in `endorsement_refs`, in the order of the columns."""
    assert appendix.external_ref
    return (*appendix.external_ref, key, sequence)


def version_row(key: int, written: Entry, appendix: Appendix, place: int) -> tuple[Any, ...]:
    """Return the row in `versions`; its id is the place too, in the order of the columns."""
    one = written.version
    assert one
    delivery = token_digest(appendix.delivery_code or "")
    return (place, key, one.version, one.elicence_id, one.document.sha256, one.check_code_digest, delivery, *one.status)


class Loading:
    """An empty database that is to hold licences 0 … size-1; their rows are 1 … size, so that row = number + 1."""

    def __init__(self, database: Database, size: int) -> None:
        self.database, self.size = database, size
        self.seconds = 0.0  # of wall time, without the making of the rows
        self._raw: Any = database.engine.raw_connection()
        if database.is_sqlite:
            for pragma in ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF", "cache_size=-1500000"):
                self._raw.cursor().execute(f"PRAGMA {pragma}")

    def add(self, batch: Rows) -> None:
        """Load rows: by COPY on PostgreSQL, by executemany on SQLite."""
        began = time.perf_counter()
        cursor = self._raw.cursor()
        if self.database.is_sqlite:
            cursor.execute("BEGIN")
        for name, rows in batch.items():
            columns = [column.name for column in licences.metadata.tables[name].columns]
            if self.database.is_sqlite:
                cursor.executemany(f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", rows)
                continue
            with cursor.copy(f"COPY {name} ({', '.join(columns)}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        self._raw.commit()
        self.seconds += time.perf_counter() - began

    def finish(self) -> None:
        """Set what counts on, give the database its statistics, and let go of the connection."""
        began = time.perf_counter()
        self._raw.close()
        self.database.engine.dispose()
        with self.database.write() as connection:
            raise_to(connection, BOOK, EACH * self.size)
            refill(connection)
        with self.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if not self.database.is_sqlite:
                for table in ("licences", "entries", "versions"):
                    connection.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
                connection.exec_driver_sql("VACUUM ANALYZE")
                connection.exec_driver_sql("CHECKPOINT")
        self.seconds += time.perf_counter() - began


def fill(loadings: Sequence[Loading]) -> float:
    """Make the rows once, on all cores, and load each batch into every database that it belongs to; return the CPU seconds of making them."""
    largest = max(one.size for one in loadings)
    starts = sorted({*range(0, largest, _BATCH), *(one.size for one in loadings if one.size < largest)})
    ranges = [range(start, end) for start, end in zip(starts, [*starts[1:], largest], strict=True)]
    seconds, room = 0.0, threading.Semaphore(_AHEAD)  # rows are made faster than they are loaded

    def allowed() -> Iterator[range]:
        for numbers in ranges:
            room.acquire()
            yield numbers

    with multiprocessing.get_context("spawn").Pool(min(2, os.cpu_count() or 1)) as pool:
        for numbers, (batch, took) in zip(ranges, pool.imap(made, allowed()), strict=True):
            room.release()
            seconds += took
            for one in loadings:
                if numbers.start < one.size:
                    one.add(batch)
    for one in loadings:
        one.finish()
    return seconds


def made(numbers: range) -> tuple[Rows, float]:
    """Return the rows of some licences by table, in the order of the columns, and the CPU seconds that it took."""
    began = time.process_time()
    found: Rows = {table.name: [] for table in TABLES}
    for number in numbers:
        key, place, previous, chain = number + 1, EACH * number, "", []
        for unwritten, appendix in first_entries(number):
            place += 1
            stamped, body = written(unwritten, START + place * STEP, previous)
            chain.append(stamped)
            previous = stamped.digest.sha256 if stamped.digest else ""
            line, payload = rows_of(key, stamped, body, place)
            found["entries"].append(line)
            found["payloads"].append(payload)
            if stamped.version:
                found["versions"].append(version_row(key, stamped, appendix, place - number))
            else:
                found["endorsement_refs"].append(reference_row(key, stamped.sequence, appendix))
        found["licences"].append(_licence(number, chain))
        values = beside(number, 1, 1).searchable.items()
        found["lookups"] += [(key, name, VAULT.blind(name, comparison_form(value))) for name, value in values]
    return found, time.process_time() - began


def _licence(number: int, chain: list[Entry]) -> tuple[Any, ...]:
    """Return the row of a licence; what is folded depends on its days alone, so that one fold serves all of one day."""
    kind, department = kind_of(number)
    row = _PROJECTIONS.get(number % _DAYS)
    if row is None:
        row = _PROJECTIONS[number % _DAYS] = projected(chain, beijing_day(START), department)[1]
    fixed = {
        "id": number + 1, "licence_id": identity(number), "type": kind, "department": department, "issuer": department,
        "live_key": VAULT.blind("live", live_key(number)), "due_on": DUE.isoformat(),
    }  # fmt: skip
    return tuple((row | fixed).get(column.name) for column in licences.columns)


def content(database: Database) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield every table with its rows; sealed parts opened, since each sealing is different."""
    with database.read() as connection:
        for table in (*TABLES, counters):
            rows = [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]
            for row in rows:
                if table is payloads:
                    of = select(licences.c.licence_id, entries.c.sequence).join(entries).where(entries.c.id == row["entry"])
                    identifier, sequence = connection.execute(of).one()
                    row["sealed"] = json.dumps(VAULT.open_json(row["sealed"], f"entry:{identifier}:{sequence}"), sort_keys=True)
            yield table.name, rows


def agrees_with_the_append(loaded: Database, appended: Database, count: int) -> None:
    """Load some licences into one empty database, append them into another, and compare everything."""
    loading = Loading(loaded, count)
    loading.add(made(range(count))[0])
    loading.finish()
    instants = iter(START + place * STEP for place in range(1, EACH * count + 1))
    now = START

    def clock() -> datetime:
        return now

    book = Book(appended, VAULT, clock)
    for number in range(count):
        for one, appendix in first_entries(number):
            now = next(instants)
            book.append(one, appendix)
    for (name, expected), (_, found) in zip(content(appended), content(loaded), strict=True):
        assert expected == found, f"the loaded rows of {name} are not those that the append writes"


def as_it_stands(book: Book, number: int) -> tuple[int, str]:
    """Return the head of a licence and the digest of its last entry."""
    last = book.get(identity(number)).entries[-1]
    return last.sequence, last.digest.sha256 if last.digest else ""


def check(book: Book, numbers: list[int]) -> None:
    """Read a sample back: digests, order, and a row equal to the fold."""
    for number in numbers:
        record = book.get(identity(number))
        lines = record.entries
        assert [one.sequence for one in lines] == list(range(1, len(lines) + 1))
        assert all(one.digest == digests(canonical(body_of(one))) for one in lines)
        assert [one.previous for one in lines[1:]] == [one.digest.sha256 for one in lines[:-1] if one.digest]
        with book._database.read() as connection:
            row = connection.execute(select(licences).where(licences.c.licence_id == identity(number))).mappings().one()
        folded = projected(lines, beijing_day(START), record.department)[1]
        assert {name: row[name] for name in folded} == folded
        assert row["live_key"] == VAULT.blind("live", live_key(number))
