"""People, their roles and sessions on both databases."""

from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from licence_service.duties import APART, MAY, OF_AN_OFFICE, Right, Role, rights_of
from licence_service.errors import NotInRegister, RequestRejected
from licence_service.licence import beijing_day
from licence_service.store.database import Database
from licence_service.store.desk_log import DeskLog
from licence_service.store.payload import Vault
from licence_service.store.people import People, Person
from licence_service.store.sessions import Sessions
from licence_service.store.tables_of_people import people, person_offices, person_roles, sessions
from tests.builders import ORGAN
from tests.parts.databases import NOW, at_once

if TYPE_CHECKING:
    from collections.abc import Callable

ISSUER, TODAY = "https://id.example.cn", beijing_day(NOW)


@pytest.fixture
def known(database: Database, vault: Vault) -> People:
    return People(database, vault, lambda _department, office: {"north": ("north", "north-window"), "south": ("south",)}.get(office, ()))


def somebody(known: People, subject: str = "u-17", *roles: Role) -> str:
    person = known.add(ISSUER, subject, "罗青石", ORGAN, "operator", NOW)
    for role in roles:
        known.give(person, role, TODAY, None, "operator", NOW)
    return person


def test_every_role_opens_something_and_every_right_is_somebodys() -> None:
    assert set(MAY) == set(Role)
    assert all(MAY.values())
    assert rights_of(Role) == set(Right)


def test_a_person_is_known_by_issuer_and_subject_together(known: People) -> None:
    person = somebody(known, "u-17", Role.CLERK)

    found = known.known_by(ISSUER, "u-17", TODAY)
    assert found == Person(person, ORGAN, "罗青石", frozenset({Role.CLERK}))
    assert known.known_by("https://other.example.cn", "u-17", TODAY) is None
    assert known.known_by(ISSUER, "U-17", TODAY) is None
    with pytest.raises(RequestRejected):
        somebody(known)


def test_names_and_subjects_lie_encrypted(known: People, database: Database) -> None:
    somebody(known)

    with database.read() as connection:
        row = str(dict(connection.execute(select(people)).mappings().one()))
    assert "罗青石" not in row
    assert "u-17" not in row


@pytest.mark.parametrize(("issuer", "subject", "name", "organ"), [
    ("", "u", "n", ORGAN), (ISSUER, " ", "n", ORGAN), (ISSUER, "u", "", ORGAN), (ISSUER, "u", "n\x00", ORGAN), (ISSUER, "u", "n", "123"),
    (ISSUER, "u" * 256, "n", ORGAN),
])  # fmt: skip
def test_a_person_without_a_name_a_subject_or_a_department_is_refused(known: People, issuer: str, subject: str, name: str, organ: str) -> None:
    with pytest.raises(RequestRejected):
        known.add(issuer, subject, name, organ, "operator", NOW)
    assert known.all(TODAY) == []


@pytest.mark.parametrize("first", sorted(APART))
@pytest.mark.parametrize("second", sorted(APART))
def test_nobody_holds_two_of_approver_maker_officer_and_auditor(known: People, first: Role, second: Role) -> None:
    person = somebody(known, "u-17", first, Role.CLERK)

    with pytest.raises(RequestRejected):
        known.give(person, second, TODAY + timedelta(days=400), None, "operator", NOW)
    known.end(person, first, TODAY + timedelta(days=30), "operator", NOW)
    known.give(person, second, TODAY + timedelta(days=30), None, "operator", NOW)  # one after the other


def test_two_roles_that_are_kept_apart_are_not_given_at_once_either(known: People) -> None:
    person = somebody(known)
    works: list[Callable[[], None]] = [partial(known.give, person, role, TODAY, None, "operator", NOW) for role in sorted(APART)]

    outcomes = at_once(works)

    assert sum(isinstance(one, RequestRejected) for one in outcomes) == len(APART) - 1
    assert len(known.all(TODAY)[0][0].roles) == 1


def test_a_role_is_held_from_its_first_to_its_last_day(known: People, database: Database) -> None:
    person = somebody(known)
    first, last = TODAY + timedelta(days=1), TODAY + timedelta(days=3)
    known.give(person, Role.CLERK, first, last, "operator", NOW)

    held = [bool((known.known_by(ISSUER, "u-17", TODAY + timedelta(days=day)) or Person("", "", "")).roles) for day in range(5)]
    assert held == [False, True, True, True, False]
    with pytest.raises(RequestRejected):
        known.give(person, Role.CLERK, last, None, "operator", NOW)
    with pytest.raises(RequestRejected):
        known.give(person, Role.AUDITOR, last, first, "operator", NOW)
    known.end(person, Role.CLERK, last, "somebody else", NOW)
    with pytest.raises(NotInRegister):
        known.end(person, Role.CLERK, last, "operator", NOW)
    with database.read() as connection:
        row = connection.execute(select(person_roles)).one()
    assert (row.first_on, row.last_on, row.ended_by) == (first.isoformat(), (last - timedelta(days=1)).isoformat(), "somebody else")


def test_a_role_that_is_ended_on_its_first_day_was_held_on_none(known: People) -> None:
    person = somebody(known, "u-17", Role.AUDITOR)
    known.end(person, Role.AUDITOR, TODAY, "operator", NOW)

    assert known.all(TODAY)[0][0].roles == frozenset()
    known.give(person, Role.APPROVER, TODAY, None, "operator", NOW)


def test_who_is_removed_is_out_at_once_stays_on_record_and_may_be_added_anew(known: People, database: Database) -> None:
    person = somebody(known, "u-17", Role.CLERK)
    kept = Sessions(database, known, timedelta(minutes=20), timedelta(hours=10))
    token = kept.begin(person, NOW)
    known.remove(person, "operator", NOW)

    assert kept.person(token, NOW, TODAY) is None
    assert known.known_by(ISSUER, "u-17", TODAY) is None
    assert known.named(person) == "罗青石"
    with pytest.raises(NotInRegister):
        known.remove(person, "operator", NOW)
    with pytest.raises(NotInRegister):
        known.give(person, Role.CLERK, TODAY, None, "operator", NOW)
    with pytest.raises(NotInRegister):
        kept.begin(person, NOW)
    assert somebody(known) != person


def test_a_session_ends_without_use_in_any_case_and_by_signing_out(known: People, database: Database) -> None:
    person = somebody(known)
    kept = Sessions(database, known, timedelta(minutes=20), timedelta(minutes=50))
    token = kept.begin(person, NOW)

    def after(minutes: int) -> bool:
        return kept.person(token, NOW + timedelta(minutes=minutes), TODAY) is not None

    assert [after(minutes) for minutes in (19, 38, 49)] == [True, True, True]
    assert not after(50)
    idle = kept.begin(person, NOW)
    assert kept.person(idle, NOW + timedelta(minutes=20), TODAY) is None
    other = kept.begin(person, NOW)
    kept.end(other)
    assert kept.person(other, NOW, TODAY) is None
    assert kept.person("", NOW, TODAY) is None
    kept.begin(person, NOW + timedelta(hours=2))
    with database.read() as connection:
        rows = connection.execute(select(sessions)).all()
    assert len(rows) == 1  # what is over is forgotten
    assert token not in str(rows)


def test_roles_of_a_session_are_those_of_the_day(known: People, database: Database) -> None:
    person = somebody(known)
    kept = Sessions(database, known, timedelta(hours=8), timedelta(hours=20))
    token = kept.begin(person, NOW)
    known.give(person, Role.CLERK, TODAY, TODAY, "operator", NOW)

    def rights(day: date) -> frozenset[Right]:
        found = kept.person(token, NOW, day)
        assert found
        return found.rights

    assert rights(TODAY) == MAY[Role.CLERK]
    assert rights(TODAY + timedelta(days=1)) == frozenset()


def test_copies_are_numbered_without_a_gap_also_when_printed_at_once(database: Database, vault: Vault) -> None:
    log, one = DeskLog(database, vault), Person("p" * 26, ORGAN, "罗青石")
    numbers = at_once([lambda: log.copy(one, "A" * 20, NOW) for _ in range(8)])

    assert sorted(map(str, numbers)) == [str(number) for number in range(1, 9)]
    assert log.copy(one, "B" * 20, NOW) == 1
    log.write(one, "opened", "A" * 20, NOW)
    assert log.newest(ORGAN, subject="A" * 20)[0].copy_no is None
    assert log.newest("11519900MB9900099X") == []


@pytest.mark.parametrize("by", ["", " ", "甲" * 81, "\x00"])
def test_who_gives_ends_and_removes_is_named_or_nothing_is_done(known: People, by: str) -> None:
    person_id, today = somebody(known, "u-17", Role.CLERK), NOW.date()
    attempts: list[Callable[[], object]] = [
        lambda: known.give(person_id, Role.AUDITOR, today, None, by, NOW),
        lambda: known.end(person_id, Role.CLERK, today, by, NOW),
        lambda: known.remove(person_id, by, NOW),
    ]
    for attempt in attempts:
        with pytest.raises(RequestRejected):
            attempt()
    found = known.known_by(ISSUER, "u-17", today)
    assert found
    assert found.roles == {Role.CLERK}


def test_a_person_works_at_an_office_that_there_is_and_every_move_stays_on_record(known: People, database: Database) -> None:
    person = somebody(known, "u-17", Role.CLERK)

    def now_at() -> tuple[str | None, tuple[str, ...] | None]:
        found = known.known_by(ISSUER, "u-17", TODAY)
        assert found
        return found.office, found.offices

    assert now_at() == (None, None)
    known.move(person, "north", TODAY, "局长甲", NOW)
    assert now_at() == ("north", ("north", "north-window"))
    for office, by in (("nowhere", "局长甲"), ("south", " ")):
        with pytest.raises((NotInRegister, RequestRejected)):
            known.move(person, office, TODAY, by, NOW)
    known.move(person, None, TODAY, "局长乙", NOW)
    assert now_at() == (None, None)
    with database.read() as connection:
        rows = connection.execute(select(person_offices.c.office, person_offices.c.set_by).order_by(person_offices.c.id)).all()
    assert [tuple(row) for row in rows] == [("north", "局长甲"), (None, "局长乙")]


@pytest.mark.parametrize("role", sorted(set(Role) - OF_AN_OFFICE))
def test_a_role_of_the_department_is_not_held_at_an_office_today_or_later(known: People, role: Role) -> None:
    person, later = somebody(known), TODAY + timedelta(days=30)
    known.give(person, role, later, None, "operator", NOW)
    with pytest.raises(RequestRejected):
        known.move(person, "north", TODAY, "operator", NOW)
    known.end(person, role, TODAY, "operator", NOW)
    known.move(person, "north", TODAY, "operator", NOW)
    with pytest.raises(RequestRejected):
        known.give(person, role, later, None, "operator", NOW)


def test_the_licences_opened_last_are_each_named_once(database: Database, vault: Vault) -> None:
    log, one, other = DeskLog(database, vault), Person("p" * 26, ORGAN, "罗青石"), Person("q" * 26, ORGAN, "林知远")
    for letter in "ABCDEFGG":
        log.write(one, "opened", letter * 20, NOW)
    log.write(other, "opened", "Z" * 20, NOW)
    log.write(one, "history", "Y" * 20, NOW)
    log.write(one, "opened", "C" * 20, NOW)
    assert [each[0] for each in log.opened_last(one.person_id, 5)] == ["C", "G", "F", "E", "D"]
    assert log.opened_last("n" * 26, 5) == []
