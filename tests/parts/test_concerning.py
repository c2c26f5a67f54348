"""What a row tells of whom a licence concerns, on random transfers in both databases: it may tell too much, never too little."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licence_service.identifiers import licence_id
from licence_service.licence import Act, beijing_day
from licence_service.store.book import Book
from licence_service.store.database import Database
from licence_service.store.payload import Vault
from licence_service.store.record import Opening
from tests.builders import ORGAN, an_entry
from tests.histories import OTHER_ORGANS, how_many
from tests.parts.databases import Clock
from tests.parts.test_book import NUMBER, TYPE, issue

STRANGER = "52519900MB9900099X"
DAYS = range(-3, 60, 3)
STEPS = st.lists(  # what is done, with or to whom, about which earlier offer, on which day from today, and for how many days an offer holds
    st.tuples(st.sampled_from(["offer", "offer", "accept", "reject", "revoke"]), st.sampled_from((ORGAN, *OTHER_ORGANS)),
              st.integers(0, 3), st.integers(-10, 40), st.integers(0, 30)),
    max_size=6,
)  # fmt: skip


@pytest.fixture
def book(database: Database, vault: Vault, clock: Clock) -> Book:
    """An empty register."""
    return Book(database, vault, clock)


def written(book: Book, today: date, steps: list[tuple[str, str, int, int, int]], office: str | None) -> str:
    """Enter a licence with transfers as they are let in (an answer is to an offer, by whom it was made to), and return its id."""
    number = len(list(book.all_ids())) + 1
    own = licence_id(number)
    issue(book, number, opening=Opening(TYPE, ORGAN, live_key=own))
    offers: list[tuple[int, str]] = []
    sequence = 1
    for step, organ, which, ahead, term in steps:
        on = today + timedelta(days=ahead)
        said: dict[str, Any] = {"effective_on": on, "licence_id": own, "sequence": sequence + 1, "office": office}
        if step == "offer":
            offers.append((sequence + 1, organ))
            book.append(an_entry(Act.TRANSFER, to_department=organ, until=on + timedelta(days=term), **said))
        elif step == "revoke":
            book.append(an_entry(Act.REVOKE, **said))
        elif offers:
            target, offered_to = offers.pop(which % len(offers))
            act = Act.ACCEPT_TRANSFER if step == "accept" else Act.REJECT_TRANSFER
            book.append(an_entry(act, target=target, department=offered_to, **said))
        else:
            continue
        sequence += 1
    return own


@pytest.mark.rule("SE-01", "LC-08")
@settings(max_examples=how_many(40, 400))
@given(steps=STEPS, office=st.sampled_from([None, "north"]))
def test_whoever_may_know_of_a_licence_is_told_by_its_row_on_every_day(
    book: Book, clock: Clock, steps: list[tuple[str, str, int, int, int]], office: str | None
) -> None:
    today = beijing_day(clock())
    own = written(book, today, steps, office)
    record = book.get(own)
    told = {organ for organ in (ORGAN, *OTHER_ORGANS, STRANGER) if book.outline(own, organ)}

    for day in (today + timedelta(days=number) for number in DAYS):
        assert {record.department, record.issuer(day), *record.offered_to(day)} <= told, day
    assert told <= {ORGAN, *(entry.to_department for entry in record.entries)}  # and a stranger by none


def test_a_stranger_is_told_by_the_type_alone_where_it_is_named(book: Book) -> None:
    own = issue(book, 1).licence_id

    assert book.outline(own, STRANGER) is None
    assert book.outline(own, STRANGER, ["another_type"]) is None
    assert book.outline(own, STRANGER, [TYPE]) == (own, TYPE, ORGAN, None) == book.outline(own, ORGAN)
    assert book.outline(licence_id(2), ORGAN, [TYPE]) is None


def test_by_a_value_only_what_may_concern_who_asks_is_found(book: Book) -> None:
    mine, theirs = issue(book, 1), issue(book, 2, opening=Opening(TYPE, OTHER_ORGANS[0], live_key="2"))
    person = ("citizen_id", "519902198506120111", TYPE)

    assert [one.licence_id for one in book.outlines_by(*person, ORGAN)] == [mine.licence_id]
    assert [one.licence_id for one in book.outlines_by(*person, ORGAN, [TYPE])] == [theirs.licence_id, mine.licence_id]
    assert book.outlines_by(*person, STRANGER) == book.outlines_by(*person[:2], "another_type", ORGAN) == []


def test_a_licence_has_the_numbers_that_it_has_and_no_other(book: Book) -> None:
    own = issue(book, 1).licence_id
    issue(book, 2)

    assert book.is_numbered(own, f" {NUMBER}-1 ")
    assert not book.is_numbered(own, f"{NUMBER}-2")
    assert not book.is_numbered(licence_id(3), f"{NUMBER}-1")
