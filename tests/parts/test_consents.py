"""Invitations, consents and the looks of companies, on both databases."""

import threading
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, insert, select

from licence_service.digests import digests
from licence_service.errors import CeilingReached, NotInRegister
from licence_service.identifiers import ElicenceId
from licence_service.licence import beijing_day
from licence_service.store.book import Book
from licence_service.store.cards import KeptCards, Scope
from licence_service.store.consents import EXPIRED, LIVING, WITHDRAWN, Consent, Consents, Given
from licence_service.store.database import Database
from licence_service.store.holders import COMPANY, PERSON, Holders
from licence_service.store.invitations import MOST_AN_HOUR, Invitations
from licence_service.store.payload import Vault
from licence_service.store.reads import EMPLOYER, STAFF, Reads
from licence_service.store.record import Appendix, Opening
from licence_service.store.tables import licences
from licence_service.store.tables_of_consents import consents, invitations
from licence_service.store.tables_of_holders import cards, holders
from licence_service.store.tables_of_lending import reads
from tests.builders import ORGAN, TYPE_CODE, a_version, an_entry
from tests.parts.databases import NOW, Clock, at_once

ONE, TWO = "3D8F1G6H2J9K4L7M0N5P", "7K2M9Q4T8W1X5Z3B6N0C"
TODAY = beijing_day(NOW)
LAST = TODAY + timedelta(days=365)


@dataclass
class Office:
    """A person with two cards, and two companies, the first of which invites."""

    database: Database
    kept: KeptCards
    consents: Consents
    invitations: Invitations
    reads: Reads
    person: str
    company: str
    other: str
    code: str

    def give(self, *licences: str, code: str = "", last_on: date = LAST, days: int = 0) -> list[Consent]:
        given = Given(self.person, self.person, None, licences, code or self.code, last_on)
        return self.consents.give(given, NOW + timedelta(days=days))

    def seen(self, company: str = "", days: int = 0, types: tuple[str, ...] | None = None) -> list[str]:
        found, _ = self.consents.staff(Scope(company or self.company, types), "somebody", TODAY + timedelta(days=days))
        return [one.card.record.licence_id for one in found]

    def count(self, table: object) -> int:
        with self.database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


@pytest.fixture
def office(database: Database, vault: Vault) -> Office:
    book, kept, people = Book(database, vault, Clock()), KeptCards(database, vault), Holders(database, vault)
    person = people.known(PERSON, "519902198506120111", "陈安途", NOW)
    company, other = (people.known(COMPANY, number, "蜀安江川航运有限公司", NOW) for number in ("91519902MA99011003", "91519900MB9900012J"))
    for licence_id, kind in ((ONE, "one_type"), (TWO, "other_type")):
        version = a_version(elicence_id=str(ElicenceId(TYPE_CODE, ORGAN, licence_id, 1)), document=digests(licence_id.encode()))
        book.append(an_entry(licence_id=licence_id, version=version), Appendix(delivery_code=licence_id, opening=Opening(kind, ORGAN, licence_id)))
        kept.keep(Scope(person), licence_id, kept.held_by("519902198506120111"), "identity", None, person, NOW)
    asked = Invitations(database, vault)
    code = asked.make(company, TODAY + timedelta(days=30), company, None, NOW).code
    return Office(database, kept, Consents(database, vault), asked, Reads(database, vault), person, company, other, code)


def test_what_was_agreed_is_seen_by_that_company_until_its_day_and_by_no_other(office: Office) -> None:
    office.give(ONE, TWO)
    assert office.seen() == [ONE, TWO]
    assert (office.seen(types=("other_type",)), office.seen(types=("no_type",))) == ([TWO], [])
    assert (office.seen(days=365), office.seen(days=366), office.seen(office.other)) == ([ONE, TWO], [], [])
    assert office.consents.types(Scope(office.company), TODAY) == {"one_type", "other_type"}
    assert office.consents.types(Scope(office.other), TODAY) == frozenset()
    first, after = office.consents.staff(Scope(office.company), "somebody", TODAY, limit=1)
    assert after is not None
    rest, end = office.consents.staff(Scope(office.company), "somebody", TODAY, after=after)
    assert ([one.card.record.licence_id for one in (*first, *rest)], end) == ([ONE, TWO], None)


def test_all_or_none_is_agreed_to_and_under_a_living_code_only(office: Office) -> None:
    with pytest.raises(NotInRegister):
        office.give(ONE, "0" * 20)
    office.kept.release(Scope(office.person), TWO, office.person, NOW)
    for named, code in (((ONE, TWO), ""), ((ONE,), "0" * 16)):
        with pytest.raises(NotInRegister):
            office.give(*named, code=code)
    with pytest.raises(NotInRegister):
        office.give(ONE, days=31)
    assert office.count(consents) == 0
    renewed = office.invitations.make(office.company, LAST, office.company, None, NOW).code
    with pytest.raises(NotInRegister):
        office.give(ONE)
    office.give(ONE, code=renewed)
    office.invitations.end(office.company, office.company, NOW)
    with pytest.raises(NotInRegister):
        office.give(ONE, code=renewed)
    assert office.seen() == [ONE]


def test_an_invitation_can_be_shown_again_and_its_code_is_kept_nowhere(office: Office) -> None:
    found = office.invitations.of(office.company, TODAY)
    assert found
    assert found.code == office.code
    assert office.invitations.by_code(office.code, TODAY) == found
    assert office.invitations.of(office.company, TODAY + timedelta(days=31)) is None
    with office.database.read() as connection:
        assert office.code not in str(connection.execute(select(invitations)).all())
    for _ in range(MOST_AN_HOUR - 1):
        office.invitations.make(office.company, LAST, office.company, None, NOW)
    with pytest.raises(CeilingReached):
        office.invitations.make(office.company, LAST, office.company, None, NOW)
    assert office.invitations.make(office.other, LAST, office.other, None, NOW).company == office.other


def test_agreeing_ten_times_at_once_is_one_consent(office: Office) -> None:
    found = at_once([lambda months=months: office.give(ONE, last_on=TODAY + timedelta(days=30 * months)) for months in range(1, 11)])  # type: ignore[misc]
    assert not [one for one in found if isinstance(one, Exception)], found
    assert office.count(consents) == 1
    assert office.consents.of(ONE, office.person)[0].last_on == TODAY + timedelta(days=300)


def test_a_consent_ends_by_withdrawing_with_its_day_and_with_the_card(office: Office) -> None:
    one, two = office.give(ONE, TWO)
    office.consents.withdraw(one, office.person, NOW)
    office.consents.withdraw(one, office.other, NOW + timedelta(hours=1))
    office.kept.release(Scope(office.person), TWO, office.person, NOW)
    assert office.seen() == []
    office.kept.keep(Scope(office.person), TWO, office.kept.held_by("519902198506120111"), "identity", None, office.person, NOW)
    assert office.seen() == []
    assert [each.standing(NOW) for each in (*office.consents.of(ONE, office.person), *office.consents.of(TWO, office.person))] == [WITHDRAWN] * 2
    (short,) = office.give(ONE, last_on=TODAY + timedelta(days=1))
    assert (short.standing(NOW), short.standing(NOW + timedelta(days=2))) == (LIVING, EXPIRED)
    office.give(ONE, days=3)
    assert [each.standing(NOW + timedelta(days=3)) for each in office.consents.of(ONE, office.person)] == [LIVING, EXPIRED, WITHDRAWN]
    with pytest.raises(NotInRegister):
        office.consents.named(two.consent_id, ONE, office.person)
    with pytest.raises(NotInRegister):
        office.consents.named(one.consent_id, ONE, office.company)


def test_who_agrees_again_while_it_is_withdrawn_has_agreed_before_or_after_and_no_other_answer(office: Office) -> None:
    (one,) = office.give(ONE)
    withdrawn, started = threading.Event(), list[threading.Thread]()

    def withdraw() -> None:
        office.consents.withdraw(one, office.person, NOW)
        withdrawn.set()

    def meanwhile(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith("SELECT consents.id") and not started:
            started.append(threading.Thread(target=withdraw))
            started[0].start()
            withdrawn.wait(0.5)  # it waits for who agrees

    event.listen(office.database.engine, "after_cursor_execute", meanwhile)
    try:
        assert [each.consent_id for each in office.give(ONE)] == [one.consent_id]
    finally:
        event.remove(office.database.engine, "after_cursor_execute", meanwhile)
        started[0].join()
    assert office.seen() == []  # it was withdrawn after that


@pytest.mark.rule("AU-06")
def test_a_days_look_is_one_line_however_many_list_at_once_and_says_here_who_they_were(office: Office) -> None:
    office.give(ONE, TWO)
    clerks = [office.person, office.company]  # any two

    def look(by: str) -> int:
        lines, _ = office.consents.staff(Scope(office.company), by, TODAY)
        office.reads.enter_daily(office.company, by, {one.key: ["person_name"] for one in lines if not one.noted}, NOW)
        return len(lines)

    def noted(by: str, days: int = 0) -> list[bool]:
        return [one.noted for one in office.consents.staff(Scope(office.company), by, TODAY + timedelta(days=days))[0]]

    assert at_once([lambda by=by: look(by) for by in clerks * 4]) == [2] * 8  # type: ignore[misc]
    with office.database.read() as connection:
        kept = connection.execute(select(reads.c.looked_by, reads.c.licence)).all()
    assert len(kept) == len(set(kept)) == 4
    assert {row.looked_by for row in kept} == set(clerks)
    assert office.reads.lookers(office.company) == [(TODAY.isoformat(), by, 2) for by in sorted(clerks)]
    assert office.reads.lookers(office.company, after=1, limit=1) == [(TODAY.isoformat(), max(clerks), 2)]
    assert office.reads.lookers(office.other) == []
    assert [noted(by) for by in (*clerks, office.other)] == [[True, True], [True, True], [False, False]]
    assert noted(clerks[0], days=1) == [False, False]
    for newest_first in (False, True):
        lines = office.reads.all_of(ONE, newest_first=newest_first)
        assert [(one.read.way, one.read.asker, one.read.company, one.read.fields) for one in lines if one.read] == [
            (STAFF, EMPLOYER, office.company, ("person_name",))
        ]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_list_of_many_cards_takes_steps_as_it_has_lines_however_many_a_company_sees_in_a_day(office: Office) -> None:
    def steps(cards_of_them: int) -> int:
        keys, holder_id = range(1000, 1000 + cards_of_them), f"{cards_of_them:026}"
        with office.database.write() as connection:
            holder = connection.execute(
                insert(holders).values(holder_id=holder_id, kind=PERSON, known_by=holder_id, sealed=b"", added_at=NOW)
            ).lastrowid
            there = connection.execute(select(licences).limit(1)).mappings().one()
            more = [{**there, "id": key, "licence_id": f"{key}", "live_key": None} for key in keys]
            connection.execute(insert(licences).prefix_with("OR IGNORE"), more)
            kept = {"holder": holder, "held_by": "", "how": "identity", "claimed_at": NOW, "claimed_by": holder_id}
            connection.execute(insert(cards), [{**kept, "licence": key} for key in keys])
        office.reads.enter_daily(office.company, "b" * 26, {key: ["person_name"] for key in keys}, NOW)
        office.reads.enter_daily(office.company, "c" * 26, {key: ["person_name"] for key in keys}, NOW)
        counted: list[int] = []
        with office.database.read() as connection:
            driver: Any = connection.connection.driver_connection
        driver.set_progress_handler(lambda: counted.append(100), 100)
        found = office.reads.of_cards(Scope(holder_id), limit=5000, since={})
        driver.set_progress_handler(None, 0)
        assert sorted(one.licence_id for one in found) == [f"{key}" for key in keys]
        return sum(counted)

    few = steps(100)
    assert 0 < few < steps(800) < 14 * few


def test_a_code_that_was_one_is_told_from_one_that_never_was(office: Office) -> None:
    office.invitations.end(office.company, office.company, NOW)
    assert [office.invitations.made(code) for code in (office.code, "0" * 16)] == [True, False]
