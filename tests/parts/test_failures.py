"""Counting wrong codes on both databases."""

from datetime import timedelta

from sqlalchemy import select

from licence_service.store.database import Database
from licence_service.store.failures import Failures
from licence_service.store.payload import Vault
from licence_service.store.tables import failures
from tests.parts.databases import NOW, at_once


def test_failures_add_up_within_ten_minutes(database: Database, vault: Vault) -> None:
    counting = Failures(database, vault)

    assert [counting.count("address", "192.0.2.1", NOW) for _ in range(3)] == [1, 2, 3]
    assert counting.count("address", "192.0.2.1", NOW + timedelta(minutes=9, seconds=59)) == 4
    assert counting.count("address", "192.0.2.1", NOW + timedelta(minutes=10)) == 1


def test_addresses_and_pairs_are_counted_apart(database: Database, vault: Vault) -> None:
    counting = Failures(database, vault)
    counting.count("address", "192.0.2.1", NOW)

    assert counting.count("address", "192.0.2.2", NOW) == 1
    assert counting.count("pair", "192.0.2.1", NOW) == 1


def test_failures_at_once_are_all_counted(database: Database, vault: Vault) -> None:
    counting = Failures(database, vault)
    got = at_once([lambda: counting.count("address", "192.0.2.1", NOW)] * 12)

    assert sorted(one for one in got if isinstance(one, int)) == list(range(1, 13))


def test_nobody_can_be_read_from_the_counts_and_a_day_later_they_are_gone(database: Database, vault: Vault) -> None:
    counting = Failures(database, vault)
    counting.count("address", "192.0.2.1", NOW)
    with database.read() as connection:
        before = connection.execute(select(failures)).all()
    counting.count("address", "192.0.2.9", NOW + timedelta(days=1, minutes=10))
    with database.read() as connection:
        after = connection.execute(select(failures)).all()

    assert "192" not in str(before[0].blind)
    assert len(after) == 1
    assert before[0].blind != after[0].blind
