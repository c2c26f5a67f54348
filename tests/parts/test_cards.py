"""Holders, their cards and delegations, on both databases."""

from datetime import timedelta

import pytest

from licence_service.digests import digests
from licence_service.errors import NotInRegister
from licence_service.identifiers import ElicenceId
from licence_service.licence import beijing_day
from licence_service.store.book import Book
from licence_service.store.cards import KeptCards, Scope
from licence_service.store.database import Database
from licence_service.store.delegations import Delegations, Wanted
from licence_service.store.holders import COMPANY, PERSON, Holders
from licence_service.store.payload import Vault
from licence_service.store.record import Appendix, Opening
from tests.builders import ORGAN, TYPE_CODE, a_version, an_entry
from tests.parts.databases import NOW, Clock, at_once

ONE, TWO = "3D8F1G6H2J9K4L7M0N5P", "7K2M9Q4T8W1X5Z3B6N0C"
TODAY = beijing_day(NOW)


@pytest.fixture
def kept(database: Database, vault: Vault) -> KeptCards:
    """Cards, and a book with two licences."""
    book = Book(database, vault, Clock())
    for licence_id, kind in ((ONE, "one_type"), (TWO, "other_type")):
        version = a_version(elicence_id=str(ElicenceId(TYPE_CODE, ORGAN, licence_id, 1)), document=digests(licence_id.encode()))
        book.append(an_entry(licence_id=licence_id, version=version), Appendix(delivery_code=licence_id, opening=Opening(kind, ORGAN, licence_id)))
    return KeptCards(database, vault)


@pytest.fixture
def people(database: Database, vault: Vault) -> Holders:
    return Holders(database, vault)


def keep(kept: KeptCards, holder: str, licence_id: str, named: str = "519902198506120111") -> bool:
    return kept.keep(Scope(holder), licence_id, kept.held_by(named), "identity", None, holder, NOW)


def test_a_holder_is_met_by_kind_and_number_and_kept_encrypted(people: Holders, database: Database) -> None:
    person = people.known(PERSON, "519902198506120111", "陈安途", NOW)
    assert people.known(PERSON, " 519902198506120111", "陈安途", NOW) == person
    assert people.known(COMPANY, "519902198506120111", "陈安途", NOW) != person
    assert people.identity(person) == ("519902198506120111", "陈安途")
    with pytest.raises(NotInRegister):
        people.identity("0" * 26)
    with database.read() as connection:
        said = str(connection.exec_driver_sql("SELECT * FROM holders").all())
    assert "519902198506120111" not in said
    assert "陈安途" not in said


def test_who_comes_twice_at_the_same_moment_is_one_holder(people: Holders) -> None:
    found = at_once([lambda: people.known(PERSON, "519902198506120111", "陈安途", NOW)] * 4)
    assert len(set(found)) == 1
    assert isinstance(found[0], str)


def test_a_licence_is_a_card_of_who_claimed_it_and_of_nobody_else(kept: KeptCards, people: Holders) -> None:
    one, other = (people.known(PERSON, number, "某人", NOW) for number in ("519902198506120111", "519902199001010034"))
    assert keep(kept, one, ONE)
    assert not keep(kept, one, ONE)
    assert kept.one(Scope(one), ONE).record.licence_id == ONE
    for holder, licence_id in ((other, ONE), (one, TWO), (one, "0" * 20), ("0" * 26, ONE)):
        with pytest.raises(NotInRegister):
            kept.one(Scope(holder), licence_id)
        with pytest.raises(NotInRegister):
            kept.release(Scope(holder), licence_id, holder, NOW)
    assert kept.which(Scope(one), [ONE, TWO, "0" * 20]) == {ONE: kept.held_by("519902198506120111")}
    kept.release(Scope(one), ONE, one, NOW)
    with pytest.raises(NotInRegister):
        kept.one(Scope(one), ONE)
    assert keep(kept, one, ONE)


def test_a_card_claimed_twice_at_the_same_moment_is_kept_once(kept: KeptCards, people: Holders) -> None:
    one = people.known(PERSON, "519902198506120111", "某人", NOW)
    assert sorted(map(str, at_once([lambda: keep(kept, one, ONE)] * 4))) == ["False", "False", "False", "True"]
    assert len(kept.all(Scope(one))[0]) == 1


def test_cards_are_listed_page_by_page_and_narrowed(kept: KeptCards, people: Holders) -> None:
    one = people.known(PERSON, "519902198506120111", "某人", NOW)
    assert kept.all(Scope(one)) == ([], None)
    assert keep(kept, one, TWO)
    assert keep(kept, one, ONE)
    first, after = kept.all(Scope(one), limit=1)
    assert [card.record.licence_id for card in first] == [TWO]
    assert after
    second, end = kept.all(Scope(one), limit=1, after=after)
    assert ([card.record.licence_id for card in second], end) == ([ONE], None)
    for scope in (Scope(one, types=("one_type",)), Scope(one, licences=(ONE, "0" * 20))):
        assert [card.record.licence_id for card in kept.all(scope)[0]] == [ONE]
        with pytest.raises(NotInRegister):
            kept.one(scope, TWO)
        assert kept.types(scope) == {"one_type"}
    assert kept.all(Scope(one, types=())) == ([], None)
    assert kept.types(Scope(one)) == {"one_type", "other_type"}
    assert kept.types(Scope("0" * 26)) == frozenset()


def test_a_face_that_names_its_holder_otherwise_is_claimed_anew(kept: KeptCards, people: Holders) -> None:
    one = people.known(PERSON, "519902198506120111", "某人", NOW)
    assert keep(kept, one, ONE)
    assert keep(kept, one, ONE, "51990219850612011X")
    card = kept.one(Scope(one), ONE)
    assert card.held_by == kept.held_by("51990219850612011x")


def test_a_delegation_holds_from_day_to_day_for_one_person_until_it_is_ended(database: Database, vault: Vault, people: Holders) -> None:
    given = Delegations(database, vault)
    company, clerk = people.known(COMPANY, "91519902MA99011003", "某公司", NOW), people.known(PERSON, "519902198506120111", "陈安途", NOW)
    last = TODAY + timedelta(days=3)
    made = given.give(company, Wanted(clerk, "陈安途", "clerk", frozenset({"read", "show"}), None, (ONE,), TODAY, last), company, NOW)

    assert given.living(made.delegation_id, clerk, "陈 安途", TODAY) == made
    assert given.living(made.delegation_id, clerk, None, last) == made
    for asked in (
        ("0" * 26, clerk, None, TODAY), (made.delegation_id, company, None, TODAY), (made.delegation_id, clerk, "陈安徒", TODAY),
        (made.delegation_id, clerk, None, TODAY - timedelta(days=1)), (made.delegation_id, clerk, None, last + timedelta(days=1)),
    ):  # fmt: skip
        assert given.living(*asked) is None
    assert given.given(company) == given.held(clerk) == [made]
    assert given.given(clerk) == given.held(company) == []
    with pytest.raises(NotInRegister):
        given.end(clerk, made.delegation_id, clerk, NOW)
    ended = given.end(company, made.delegation_id, company, NOW)
    assert ended.ended_at == NOW
    assert given.end(company, made.delegation_id, company, NOW + timedelta(days=1)).ended_at == NOW
    assert given.living(made.delegation_id, clerk, None, TODAY) is None


def test_the_same_delegation_given_at_once_is_one(database: Database, vault: Vault, people: Holders) -> None:
    given = Delegations(database, vault)
    company, clerk = people.known(COMPANY, "91519902MA99011003", "某公司", NOW), people.known(PERSON, "519902198506120111", "陈安途", NOW)
    wanted = Wanted(clerk, "陈安途", "clerk", frozenset({"read"}), ("one_type",), None, TODAY, TODAY)
    assert len({str(one) for one in at_once([lambda: given.give(company, wanted, company, NOW)] * 4)}) == 1
    assert len(given.given(company)) == 1


def test_delegations_of_who_speaks_for_a_company_no_more_are_counted_while_they_hold(database: Database, vault: Vault, people: Holders) -> None:
    given = Delegations(database, vault)
    company, clerk = people.known(COMPANY, "91519902MA99011003", "某公司", NOW), people.known(PERSON, "519902198506120111", "陈安途", NOW)
    first, second = (people.known(PERSON, number, "某代表", NOW) for number in ("519902197001010012", "519902197001010039"))
    wanted = Wanted(clerk, "陈安途", "clerk", frozenset({"read"}), None, None, TODAY, TODAY)
    assert people.spoken_by(company) is None
    made = [given.give(company, wanted, by, NOW) for by in (first, company)]
    assert given.of_former(company, TODAY) == 0  # nobody was named
    for person, count in ((first, 0), (second, 1), (second, 1), (first, 0), (second, 1)):
        people.speaks_for(company, person)
        assert (people.spoken_by(company), given.of_former(company, TODAY)) == (person, count)
    assert given.of_former(clerk, TODAY) == given.of_former(company, TODAY + timedelta(days=1)) == 0
    given.end(company, made[0].delegation_id, second, NOW)
    assert given.of_former(company, TODAY) == 0
