"""Cases that wait for a source, on both databases: counted for many at once, by several workers (AI-04)."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from licence_service.connectors import Silent
from licence_service.store.database import Database
from licence_service.store.payload import Vault
from licence_service.store.source_waits import CLERK, MOST_ATTEMPTS, Kept, Silence, SourceWaits, Wait, Whose
from licence_service.store.tables_of_sources import source_waits
from tests.parts.databases import NOW, at_once

WHOSE, TYPE = Whose("11519900MB9900021Q"), "x"


@pytest.fixture
def waits(database: Database, vault: Vault) -> SourceWaits:
    return SourceWaits(database, vault)


@pytest.fixture
def _hasty() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def silence(number: int, *, asked: bool = True) -> Silence:
    return Silence(WHOSE, TYPE, f"CASE-{number}", ("police",), request={"client": "c", "key": f"key-{number}", "body": {"n": number}}, asked=asked)


def kept(waits: SourceWaits) -> dict[str, Any]:
    """Take all that is due and return it by its key."""
    return {one.request["key"]: one.request for one in waits.take(NOW + timedelta(days=1), 1000)}


def test_many_are_counted_and_kept_in_one_transaction_and_a_case_that_comes_twice_once(waits: SourceWaits, database: Database) -> None:
    commits: list[object] = []
    event.listen(database.engine, "commit", commits.append)

    noted = waits.note_all([*map(silence, range(50)), silence(7)], NOW)

    assert len(commits) == 1
    assert {one.attempts for one in noted if one} == {1}
    assert noted[7] == noted[50] == waits.standing(WHOSE, TYPE, "CASE-7")
    assert kept(waits).keys() == {f"key-{number}" for number in range(50)}


def test_who_was_not_asked_is_not_counted_and_the_request_that_came_last_stands(waits: SourceWaits) -> None:
    (first,) = waits.note_all([silence(1)], NOW)
    again = replace(silence(1, asked=False), request={"client": "c", "key": "key-later", "body": {}})

    assert waits.note_all([again, silence(2, asked=False)], NOW) == [first, None]
    assert kept(waits).keys() == {"key-later"}
    assert waits.note_all([again, silence(1)], NOW)[0] == replace(first, attempts=2, next_at=NOW + timedelta(seconds=90)) if first else False


def test_two_workers_lose_no_attempt_and_with_the_last_one_the_requests_are_erased(waits: SourceWaits, database: Database) -> None:
    forth, back = [*map(silence, range(30))], [*map(silence, reversed(range(30)))]

    answers = at_once([lambda rows=rows: waits.note_all(rows, NOW) for rows in (forth, back) * 2])  # type: ignore[misc]

    assert sorted({wait.attempts for one in answers if isinstance(one, list) for wait in one if wait}) == [1, 2, 3, 4], answers
    assert {wait.attempts for wait in waits.all()} == {4}
    at_once([lambda: waits.note_all(forth, NOW) for _ in range(MOST_ATTEMPTS - 4)])
    assert waits.all() == []
    with database.read() as connection:
        rows = connection.execute(select(source_waits.c.state, source_waits.c.request)).all()
    assert set(rows) == {(CLERK, None)}
    assert len(rows) == 30


def test_a_source_that_answers_one_worker_and_not_another_at_once_troubles_neither(waits: SourceWaits) -> None:
    for _ in range(20):
        waits.note_all([silence(1)], NOW)
        (taken,) = waits.take(NOW + timedelta(days=1), 1)
        assert isinstance(taken, Kept)

        answers = at_once([
            lambda: waits.note(WHOSE, TYPE, "CASE-1", ["police"], NOW),
            lambda: waits.over(WHOSE, TYPE, "CASE-1"),
            lambda taken=taken: waits.let_go(taken),  # type: ignore[misc]
        ])  # fmt: skip

        assert isinstance(answers[0], Wait), answers
        assert answers[1:] == [None, None], answers
        waits.over(WHOSE, TYPE, "CASE-1")


@pytest.mark.usefixtures("_hasty")
def test_questions_that_are_put_side_by_side_are_all_counted() -> None:
    silent = Silent()

    def ask() -> None:
        for _ in range(2000):
            silent.count("police", answered=False)

    at_once([ask] * 8)

    assert silent.about("police") == 16_000
    silent.count("police", answered=True)
    assert silent.about("police") == 0
