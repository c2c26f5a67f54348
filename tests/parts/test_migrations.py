"""The migrations make exactly the declared tables, on both databases, and bring the first release's data along."""

import random
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, inspect, text
from sqlalchemy.exc import DBAPIError

from licence_service.digests import canonical, digests
from licence_service.entry_form import body_of, private_of, stamped
from licence_service.errors import Misconfigured, Unavailable
from licence_service.identifiers import ElicenceId, licence_id
from licence_service.licence import Act, Entry
from licence_service.store.book import Book
from licence_service.store.database import Database, Instant
from licence_service.store.payload import Vault
from licence_service.store.tables import entries, licences, metadata
from tests.builders import FIRST, LAST, ORGAN, TYPE_CODE, a_suspension, a_version, an_entry
from tests.parts.databases import NOW

# What a reader of the first release says, word for word.
OLD_LICENCE = (
    "SELECT id, licence_id, type, department, live_key, head, current_version, valid_from, valid_to, ended_on FROM licences ORDER BY licence_id"
)
OLD_ENTRIES = (
    "SELECT entries.licence, entries.body, entries.sha256, entries.sm3, entries.sequence, payloads.sealed "
    "FROM entries LEFT OUTER JOIN payloads ON payloads.entry = entries.id ORDER BY entries.licence, entries.sequence"
)
OLD_HEAD = "SELECT entries.id, entries.recorded_at FROM entries ORDER BY entries.recorded_at DESC LIMIT 1"


def test_the_upgraded_schema_is_the_declared_one(empty_database: Database) -> None:
    empty_database.migrate()

    with empty_database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_twice_is_harmless(empty_database: Database) -> None:
    empty_database.migrate()
    empty_database.migrate()

    with empty_database.read() as connection:
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}
    assert empty_database.ready() is None  # type: ignore[func-returns-value]


def test_a_database_without_a_schema_is_not_ready(empty_database: Database) -> None:
    with pytest.raises(Unavailable):
        empty_database.ready()


def test_a_schema_of_a_newer_release_still_serves_this_one(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    assert database.ready() is None  # type: ignore[func-returns-value]


def test_a_database_that_cannot_be_opened_is_said_at_start_and_unavailable_later() -> None:
    nowhere = Database("postgresql+psycopg://nobody@/none?host=/nowhere&connect_timeout=1")

    with pytest.raises(Misconfigured):
        nowhere.migrate()
    with pytest.raises(Unavailable):
        nowhere.ready()


@pytest.mark.parametrize("statement", ["UPDATE entries SET act = 'x'", "DELETE FROM entries"])
def test_the_book_is_guarded_by_the_database_itself(database: Database, statement: str) -> None:
    with database.write() as connection:
        licence = {"licence_id": "A", "type": "t", "department": "d", "head": 1, "current_version": 1, "valid_from": "x"}
        key = connection.execute(insert(licences).values(licence).returning(licences.c.id)).scalar_one()
        entry = {"sequence": 1, "act": "issue", "effective_on": "x", "recorded_at": NOW, "body": "{}", "sha256": "a", "sm3": "b", "place": 1}
        connection.execute(insert(entries).values(entry | {"licence": key}))

    with pytest.raises(Exception, match="only inserted"), database.write() as connection:
        connection.execute(text(statement))
    with database.read() as connection:
        assert connection.execute(text("SELECT act FROM entries")).scalar_one() == "issue"


# -- from the first release ------------------------------------------------------------------------------


def first_release(database: Database) -> None:
    """Bring an empty database to the schema of the first release."""
    command.upgrade(database._migrations(), "0001")


def old_lines(count: int) -> list[Entry]:
    """Three lines for each licence, recorded across one another."""
    order = [(number, sequence) for sequence in (1, 2, 3) for number in random.Random(sequence).sample(range(1, count + 1), count)]
    last: dict[int, Entry] = {}
    written = []
    for step, (number, sequence) in enumerate(order):
        own = licence_id(number)
        version = a_version(
            1, elicence_id=str(ElicenceId(TYPE_CODE, ORGAN, own, 1)), document=digests(own.encode()), status=(0, number)
        )  # fmt: skip
        drafts = (
            an_entry(licence_id=own, version=version),
            a_suspension(FIRST, None, licence_id=own, sequence=2),
            an_entry(Act.LIFT, licence_id=own, sequence=3, target=2),
        )
        before = last[number].digest if number in last else None
        last[number] = stamped(drafts[sequence - 1], NOW + timedelta(seconds=step), before.sha256 if before else "")
        written.append(last[number])
    return written


def fill_as_the_first_release(database: Database, vault: Vault, lines: list[Entry]) -> None:
    """Insert as its statements did, in an order of ids that is not the order of time."""
    numbers: dict[str, int] = {}
    shuffled = random.Random(11).sample(lines, len(lines))
    with database.write() as connection:
        for entry in sorted(shuffled, key=lambda one: one.licence_id):
            if entry.licence_id in numbers:
                continue
            row = {
                "licence_id": entry.licence_id, "type": "practitioner_qualification", "department": ORGAN, "live_key": entry.licence_id,
                "valid_from": FIRST.isoformat(), "valid_to": LAST.isoformat(),
            }  # fmt: skip
            made = connection.execute(
                text(
                    "INSERT INTO licences (licence_id, type, department, live_key, head, current_version, valid_from, valid_to) "
                    "VALUES (:licence_id, :type, :department, :live_key, 3, 1, :valid_from, :valid_to) RETURNING id"
                ),
                row,
            )
            numbers[entry.licence_id] = made.scalar_one()
        for entry in shuffled:
            _one_line(connection, vault, numbers[entry.licence_id], entry)


def _one_line(connection: Any, vault: Vault, licence: int, entry: Entry) -> None:
    assert entry.digest
    recorded_at = Instant().process_bind_param(entry.recorded_at, connection.dialect)
    made = connection.execute(
        text(
            "INSERT INTO entries (licence, sequence, act, effective_on, recorded_at, body, sha256, sm3) "
            "VALUES (:licence, :sequence, :act, :effective_on, :recorded_at, :body, :sha256, :sm3) RETURNING id"
        ),
        {
            "licence": licence,
            "sequence": entry.sequence,
            "act": entry.act.value,
            "effective_on": entry.effective_on.isoformat(),
            "recorded_at": recorded_at,
            "body": canonical(body_of(entry)).decode(),
            "sha256": entry.digest.sha256,
            "sm3": entry.digest.sm3,
        },  # fmt: skip
    )
    sealed = vault.close_json(private_of(entry), f"entry:{entry.licence_id}:{entry.sequence}")
    connection.execute(text("INSERT INTO payloads (entry, sealed) VALUES (:entry, :sealed)"), {"entry": made.scalar_one(), "sealed": sealed})


class OldReader(threading.Thread):
    """A process of the first release that goes on reading: a connection of its own, its statements, their answers."""

    def __init__(self, database: Database) -> None:
        """Open its own connections to the same database."""
        super().__init__(daemon=True)
        self.database = Database(database.url.render_as_string(hide_password=False))
        self.stop = threading.Event()
        self.answers: list[list[Any]] = []
        self.trouble: Exception | None = None

    def read(self) -> list[Any]:
        """Ask all it ever asks."""
        with self.database.read() as connection:
            return [[tuple(row) for row in connection.execute(text(asked))] for asked in (OLD_LICENCE, OLD_ENTRIES, OLD_HEAD)]

    def run(self) -> None:
        """Read until told to stop."""
        try:
            while not self.stop.is_set():
                self.answers.append(self.read())
        except Exception as trouble:  # noqa: BLE001 - a thread would swallow it; the test demands that there was none
            self.trouble = trouble
        finally:
            self.database.close()


def test_the_first_releases_data_comes_along_while_its_reader_goes_on(empty_database: Database, vault: Vault) -> None:
    first_release(empty_database)
    lines = old_lines(60)
    fill_as_the_first_release(empty_database, vault, lines)
    reader = OldReader(empty_database)
    before = reader.read()
    reader.start()
    while not reader.answers:
        reader.stop.wait(0.001)
    read_before = len(reader.answers)

    empty_database.migrate()

    read_meanwhile = len(reader.answers)
    while len(reader.answers) < read_meanwhile + 2 and reader.is_alive():
        reader.stop.wait(0.001)
    reader.stop.set()
    reader.join()
    assert reader.trouble is None
    assert read_meanwhile > read_before
    assert all(answer == before for answer in reader.answers)
    assert len(before[1]) == 180
    with empty_database.read() as connection:
        placed = connection.execute(text("SELECT place, sha256 FROM entries ORDER BY place")).all()
        issuers = connection.execute(text("SELECT DISTINCT issuer = department FROM licences")).scalars().all()
    assert [(row.place, row.sha256) for row in placed] == [(place, one.digest.sha256) for place, one in enumerate(lines, 1) if one.digest]
    assert [bool(one) for one in issuers] == [True]


def test_the_book_goes_on_behind_the_places_that_were_filled_in(empty_database: Database, vault: Vault) -> None:
    first_release(empty_database)
    lines = old_lines(2)
    fill_as_the_first_release(empty_database, vault, lines)
    empty_database.migrate()
    book = Book(empty_database, vault, lambda: NOW + timedelta(days=1))
    revocation = an_entry(Act.REVOKE, licence_id=lines[-1].licence_id, sequence=4)

    written = book.append(revocation)

    assert lines[-1].digest
    assert written.previous == lines[-1].digest.sha256
    assert book.get(lines[0].licence_id).entries[0] == replace(lines[0])
    with empty_database.read() as connection:
        assert connection.execute(text("SELECT place FROM entries ORDER BY recorded_at")).scalars().all() == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("statement", ["UPDATE entries SET place = 9", "DELETE FROM entries", "UPDATE entries SET body = '{}'"])
def test_the_guard_stands_again_after_the_places_were_filled_in(empty_database: Database, vault: Vault, statement: str) -> None:
    first_release(empty_database)
    fill_as_the_first_release(empty_database, vault, old_lines(1))
    empty_database.migrate()

    with pytest.raises(DBAPIError, match="only inserted"), empty_database.write() as connection:
        connection.execute(text(statement))


FOUNDATION = "INSERT INTO foundations (place, kind, name, recorded_at, body, sha256) VALUES (1, 'a', 'b', 1, '{}', 'c')"
HEAD = "INSERT INTO heads (size, until, signed_at, root, message, frontier) VALUES (1, 1, 1, 'a', '', '')"


@pytest.mark.parametrize(
    ("made", "statement"),
    [
        (FOUNDATION, "UPDATE foundations SET name = 'x'"),
        (FOUNDATION, "DELETE FROM foundations"),
        (HEAD, "UPDATE heads SET root = 'x'"),
        (HEAD, "DELETE FROM heads"),
    ],
)
def test_foundations_and_heads_are_only_inserted_too(database: Database, made: str, statement: str) -> None:
    with database.write() as connection:
        connection.execute(text(made))

    with pytest.raises(DBAPIError, match="only inserted"), database.write() as connection:
        connection.execute(text(statement))


def test_a_writer_of_the_first_release_cannot_enter_a_line_that_no_head_would_cover(empty_database: Database, vault: Vault) -> None:
    first_release(empty_database)
    lines = old_lines(2)
    fill_as_the_first_release(empty_database, vault, lines)
    empty_database.migrate()
    late = stamped(an_entry(Act.REVOKE, licence_id=lines[-1].licence_id, sequence=4), NOW + timedelta(days=1), "")

    with empty_database.read() as connection:
        licence = connection.execute(text("SELECT id FROM licences WHERE licence_id = :own"), {"own": late.licence_id}).scalar_one()
    with pytest.raises(DBAPIError, match="has a place"), empty_database.write() as connection:
        _one_line(connection, vault, licence, late)


def test_servers_that_start_together_migrate_once(empty_database: Database, vault: Vault) -> None:
    first_release(empty_database)
    fill_as_the_first_release(empty_database, vault, old_lines(3))
    code = "import sys; from licence_service.store.database import Database; Database(sys.argv[1]).migrate()"
    url = empty_database.url.render_as_string(hide_password=False)

    twins = [subprocess.Popen([sys.executable, "-c", code, url]) for _ in range(3)]  # processes: Alembic's context is one a process

    assert [twin.wait(timeout=60) for twin in twins] == [0, 0, 0]
    assert empty_database.ready() is None  # type: ignore[func-returns-value]
