"""The hourly ceiling is exact near it, costs nothing far below it, and counts nobody else's acts (AI-05)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert

from licence_service.errors import CeilingReached
from licence_service.store.database import Database
from licence_service.store.looks import Look, Looks, new_look_id
from licence_service.store.payload import Vault
from licence_service.store.reservations import Intent, Reservations
from licence_service.store.tables import reservations
from tests.parts.databases import NOW, at_once

CEILING = 1500


def an_intent(key: str, ceiling: int = CEILING) -> Intent:
    """An act without a document."""
    return Intent("approval", key, "0" * 64, "11519900MB9900021Q", "practitioner_qualification", "stay", 0, ceiling, {}, licence_id="A" * 20)


def reserved_before(database: Database, client: str, count: int, at: datetime) -> None:
    """Let a client have reserved so many acts, a microsecond apart."""
    row: dict[str, Any] = {
        "client": client, "request_digest": "1" * 64, "licence_id": "A" * 20, "type": "practitioner_qualification", "act": "stay", "version": 0,
        "department": "11519900MB9900021Q", "content": b"", "state": "entered", "lease_until": at,
    }  # fmt: skip
    rows = []
    for number in range(count):
        named = {"reservation_id": f"{client}{at:%H}{number:016}", "idempotency_key": f"{at:%H}-{number}"}
        rows.append({**row, **named, "created_at": at + timedelta(microseconds=number)})
    with database.write() as connection:
        connection.execute(insert(reservations), rows)


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """Collect the statements that count."""
    said: list[str] = []

    def told(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "count(" in statement.lower():
            said.append(statement)

    event.listen(database.engine, "before_cursor_execute", told)
    yield said
    event.remove(database.engine, "before_cursor_execute", told)


def test_the_ceiling_is_exact_however_much_others_reserve(database: Database, vault: Vault) -> None:
    made = Reservations(database, vault)
    reserved_before(database, "approval", CEILING, NOW - timedelta(hours=2))  # an hour that is over
    reserved_before(database, "approval", CEILING - 2, NOW - timedelta(minutes=10))
    reserved_before(database, "another", 2 * CEILING, NOW - timedelta(minutes=5))
    assert made.reserve(an_intent("last-but-one"), NOW).made_now
    assert made.reserve(an_intent("last"), NOW).made_now
    with pytest.raises(CeilingReached):
        made.reserve(an_intent("beyond"), NOW)
    assert not made.reserve(an_intent("last"), NOW).made_now  # a retry is no further act
    assert made.reserve(an_intent("later"), NOW + timedelta(hours=1)).made_now


def test_far_below_the_ceiling_nothing_is_counted(database: Database, vault: Vault) -> None:
    made = Reservations(database, vault)
    reserved_before(database, "approval", 3000, NOW - timedelta(minutes=10))
    with counted(database) as said:
        assert made.reserve(an_intent("one", ceiling=5000), NOW).made_now
        assert said == []
        assert made.reserve(an_intent("two", ceiling=3500), NOW).made_now
        assert len(said) == 1


def test_a_ceiling_of_nothing_lets_nothing_pass(database: Database, vault: Vault) -> None:
    with pytest.raises(CeilingReached):
        Reservations(database, vault).reserve(an_intent("one", ceiling=0), NOW)


def test_officers_who_look_at_once_see_no_more_than_the_ceiling_lets_them(database: Database, vault: Vault) -> None:
    looks = Looks(database, vault)

    def look() -> None:
        looks.within_ceiling("police", 5, NOW)
        looks.enter(Look(new_look_id(), NOW, "police", "11519900MB9900021Q", "plate", hidden=False, said={}), [], {}, 5)

    outcomes = at_once([look] * 12)
    assert outcomes.count(None) == 5
    assert {type(one) for one in outcomes if one} == {CeilingReached}
