"""The migrations make exactly the declared tables, on both databases."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, inspect, text

from licence_service.errors import Misconfigured, Unavailable
from licence_service.store.database import Database
from licence_service.store.tables import entries, licences, metadata
from tests.parts.databases import NOW


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
        entry = {"sequence": 1, "act": "issue", "effective_on": "x", "recorded_at": NOW, "body": "{}", "sha256": "a", "sm3": "b"}
        connection.execute(insert(entries).values(entry | {"licence": key}))

    with pytest.raises(Exception, match="only inserted"), database.write() as connection:
        connection.execute(text(statement))
    with database.read() as connection:
        assert connection.execute(text("SELECT act FROM entries")).scalar_one() == "issue"
