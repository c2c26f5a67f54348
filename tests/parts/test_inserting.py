"""Many rows at once: the same rows as by any insert, and the same refusals, on both databases."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from licence_service.store.database import Database
from licence_service.store.inserting import insert_all, next_ids
from licence_service.store.tables import seal_uses
from licence_service.store.tables_of_packing import dictionaries, packed_documents
from tests.parts.databases import NOW


def uses(count: int) -> list[dict[str, Any]]:
    """Lines of a log with everything that a text may hold."""
    hard = ['{"a": "\\\\\\"b\\n\\t"}', "川𠀀\\N", "\\.", "", "x,y;'\"z"]
    return [
        {"at": NOW + timedelta(microseconds=number), "body": hard[number % len(hard)], "seal_id": "s", "reservation_id": f"{number:026}",
         "event": "done", "sha256": "0" * 64}
        for number in range(count)
    ]  # fmt: skip


def test_rows_come_back_as_they_were(database: Database) -> None:
    rows = uses(500)
    with database.write() as connection:
        insert_all(connection, seal_uses, rows)
        insert_all(connection, seal_uses, [])

    with database.read() as connection:
        found = [dict(row) for row in connection.execute(select(seal_uses).order_by(seal_uses.c.id)).mappings()]
    assert [{name: value for name, value in one.items() if name != "id"} for one in found] == rows


def test_empty_values_stay_empty(database: Database) -> None:
    with database.write() as connection:
        insert_all(connection, dictionaries, [{"sha256": "1" * 64, "made_at": NOW, "made_of": None}])

    with database.read() as connection:
        assert connection.execute(select(dictionaries.c.made_of)).scalar_one() is None


def test_ids_that_were_taken_are_free_and_rise(database: Database) -> None:
    with database.write() as connection:
        connection.execute(insert(seal_uses), uses(3))
        taken = list(next_ids(connection, seal_uses, 4))
        insert_all(connection, seal_uses, [{"id": number, **row} for number, row in zip(taken, uses(4), strict=True)])
        after = next_ids(connection, seal_uses, 1)[0]

    assert taken == sorted(set(taken))
    assert taken[0] == 4
    assert after > taken[-1]


def test_what_is_there_already_is_an_integrity_error_and_nothing_is_kept(database: Database) -> None:
    row = {"sha256": "1" * 64, "made_at": NOW, "made_of": None}

    with pytest.raises(IntegrityError), database.write() as connection:
        insert_all(connection, dictionaries, [{**row, "sha256": "2" * 64}, row, row])
    with database.read() as connection:
        assert connection.execute(select(dictionaries)).all() == []


def test_a_row_without_what_it_hangs_on_is_an_integrity_error(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as connection:
        insert_all(connection, packed_documents, [{"version": 9, "segment": 9, "offset": 0, "length": 1}])
