"""Answers to cases of which nothing came, on both databases: noted together, each once, told to whom they are of."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, select

from licence_service.store.case_answers import MOST, CaseAnswers, Refused
from licence_service.store.clients import Client
from licence_service.store.database import Database
from licence_service.store.payload import Vault
from licence_service.store.tables_of_cases import case_answers
from licence_service.store.tasks import Tasks
from tests.parts.databases import NOW, Clock, at_once

CITY, OTHER = Client("city", "11519900MB9900021Q", ("*",), 100), Client("other", "11519900MB9900013X", ("*",), 100)
NORTH = replace(CITY, name="north", office="north", within=("north", "window"))
WINDOW = replace(CITY, name="window", office="window", within=("window",))
FAILED, CONFLICT = ("check-failed", "AI-04", "receipts.police fail"), ("needs-clerk", "AI-04", "receipts.police conflict")


@pytest.fixture
def answers(database: Database, vault: Vault) -> CaseAnswers:
    return CaseAnswers(database, vault)


def refused(client: Client = CITY, number: int = 1, codes: tuple[str, ...] = FAILED, slug: str = "x") -> Refused:
    return Refused(client, f"CASE-{number}", f"{client.organisation}|CASE-{number}|{slug}|holder", slug, "issue", codes)


def told(answers: CaseAnswers, client: Client = CITY, number: int = 1) -> list[tuple[str, str]]:
    return [(one.organisation, one.codes[0]) for one in answers.of(client, f"CASE-{number}")]


def test_many_are_noted_in_one_transaction_and_the_same_answer_again_is_noted_once(answers: CaseAnswers, database: Database) -> None:
    commits: list[object] = []
    event.listen(database.engine, "commit", commits.append)
    answers.note([refused(number=number) for number in (*range(50), 7)], NOW)
    assert len(commits) == 1
    answers.note([refused(number=7)], NOW + timedelta(minutes=1))
    assert len(commits) == 1
    for codes in (CONFLICT, FAILED):
        answers.note([refused(number=7, codes=codes)], NOW + timedelta(minutes=2))
    answers.note([replace(refused(number=7, codes=FAILED), task_id="another")], NOW + timedelta(minutes=3))

    assert [told(answers, number=number) for number in range(50) if number != 7] == [[(CITY.department, "check-failed")]] * 49
    assert [one for _, one in told(answers, number=7)] == ["check-failed", "needs-clerk", "check-failed", "check-failed"]
    assert [one.at for one in answers.of(CITY, "case-7")] == [NOW, *[NOW + timedelta(minutes=2)] * 2, NOW + timedelta(minutes=3)]


def test_the_same_answer_to_a_case_that_comes_several_times_at_once_is_noted_once(answers: CaseAnswers) -> None:
    for codes in (CONFLICT, FAILED, CONFLICT):
        assert at_once([lambda codes=codes: answers.note([refused(codes=codes)], NOW)] * 6) == [None] * 6  # type: ignore[misc]
    assert [one for _, one in told(answers)] == ["needs-clerk", "check-failed", "needs-clerk"]


def test_of_very_many_answers_the_newest_are_told(answers: CaseAnswers) -> None:
    for number in range(MOST + 3):
        answers.note([refused(codes=(*(CONFLICT if number % 2 else FAILED), str(number)))], NOW + timedelta(minutes=number))

    assert [one.codes[-1] for one in answers.of(CITY, "CASE-1")] == [str(number) for number in range(3, MOST + 3)]


def test_who_is_refused_without_end_fills_no_register_and_nobody_elses_answers_are_lost_for_it(database: Database, vault: Vault) -> None:
    answers = CaseAnswers(database, vault, most=3)
    answers.note([refused(number=number) for number in (1, 2)], NOW)
    answers.note([refused(number=number) for number in (2, 3, 4)], NOW)
    answers.note([refused(number=5)], NOW + timedelta(minutes=1))
    answers.note([refused(NORTH, number=5)], NOW + timedelta(minutes=1))
    answers.note([refused(number=6)], NOW + timedelta(hours=1))

    assert [len(told(answers, number=number)) for number in range(1, 7)] == [1, 1, 1, 0, 1, 1]
    assert told(answers, number=5) == [("north", "check-failed")]


def test_a_department_is_told_of_all_its_offices_an_office_of_those_below_it_and_nobody_of_types_that_are_not_theirs(answers: CaseAnswers) -> None:
    answers.note([refused(CITY), refused(NORTH), refused(WINDOW), refused(WINDOW, slug="y")], NOW)

    assert [one for one, _ in told(answers)] == [CITY.department, "north", "window", "window"]
    assert [one for one, _ in told(answers, NORTH)] == ["north", "window", "window"]
    assert told(answers, WINDOW) == [("window", "check-failed")] * 2
    assert told(answers, replace(WINDOW, types=("y",))) == [("window", "check-failed")]
    assert told(answers, OTHER) == []


def test_codes_and_numbers_lie_in_no_row_to_be_read(answers: CaseAnswers, database: Database) -> None:
    answers.note([refused(NORTH)], NOW)

    with database.read() as connection:
        (row,) = connection.execute(select(case_answers)).all()
    written = repr(row)
    assert (row.type, row.office) == ("x", "north")
    for secret in ("CASE-1", "holder", "police", "check-failed"):
        assert secret not in written


def test_a_case_that_is_left_to_a_clerk_several_times_at_once_is_one_task(database: Database, vault: Vault, clock: Clock) -> None:
    tasks = Tasks(database, vault, clock)
    for number in range(3):
        opened = at_once([lambda content={"case_no": f"CASE-{number}"}: tasks.open(CITY.department, "unattended", None, content)] * 6)  # type: ignore[misc]
        assert len({*map(str, opened)}) == 1
        assert isinstance(opened[0], str)
    assert tasks.number(CITY.department) == 3
