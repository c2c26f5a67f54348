"""The index of keys on both databases: everything is found wherever its key lies, and what is unique stays so, however many write at once."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from alembic import command
from sqlalchemy import delete, func, select, text

from licence_service.digests import digests, sha256
from licence_service.errors import EntryConflict, NumberTaken
from licence_service.identifiers import licence_id
from licence_service.licence import Act, Entry
from licence_service.segments import Place
from licence_service.store.book import Book
from licence_service.store.database import Database
from licence_service.store.keys import SLICES, STEP, Kind, add, ids_of, key_of, missing, refill, settle
from licence_service.store.openings import Opened, Openings
from licence_service.store.packing import Packed
from licence_service.store.payload import Vault, token_digest
from licence_service.store.record import Opening
from licence_service.store.rereading import Rereading, snapshot
from licence_service.store.reservations import Intent, Reservations
from licence_service.store.reserving import Reserving
from licence_service.store.tables import licences, versions
from licence_service.store.tables_of_keys import recent_keys, settled_keys
from tests.builders import ORGAN, an_entry
from tests.parts.databases import NOW, Clock, at_once
from tests.parts.test_book import CODE, NUMBER, TYPE, an_issue, issue, opened

ROUND = STEP * SLICES  # places of the book


@pytest.fixture
def book(database: Database, vault: Vault, clock: Clock) -> Book:
    """An empty register."""
    return Book(database, vault, clock)


def lying(database: Database) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """The new keys, and those that have settled."""
    with database.read() as connection:
        new, settled = ({(row.key, row.owner) for row in connection.execute(select(table))} for table in (recent_keys, settled_keys))
    return new, settled


def going_round(database: Database) -> None:
    """Take so many places that every key has had its turn."""
    with database.write() as connection:
        settle(connection, 1, ROUND)


def found_again(book: Book, number: int) -> bool:
    """Ask for one licence in every way that a key serves."""
    own, document = licence_id(number), digests(f"{licence_id(number)} 1".encode()).sha256
    living = book.living(f"{TYPE}|{number}|{ORGAN}")
    pair = book.of_pair(f"{NUMBER}-{number}", CODE)
    return (
        living is not None
        and pair is not None
        and living.licence_id == pair[0].licence_id == own
        and book.by_document(document) == book.by_delivery_code(f"delivery-{number}") == (own, 1)
        and own in book.search("citizen_id", "519902198506120111", department=ORGAN)
        and book.found_by("number", f"{NUMBER}-{number}", types=[TYPE]) == [own]
    )


# -- where keys lie ------------------------------------------------------------------------------------


def test_what_was_entered_is_found_before_and_after_its_keys_settle(book: Book, database: Database) -> None:
    for number in (1, 2, 3):
        issue(book, number)
    assert all(found_again(book, number) for number in (1, 2, 3))

    going_round(database)

    new, settled = lying(database)
    assert new == set()
    assert len(settled) == 3 * 5  # number, citizen's number, living number, document, delivery code
    assert all(found_again(book, number) for number in (1, 2, 3))
    issue(book, 4)
    assert all(found_again(book, number) for number in (1, 2, 3, 4))


def test_every_key_settles_once_in_a_round_and_none_is_lost(database: Database) -> None:
    if not database.is_sqlite:
        return  # it has one step
    dice = random.Random(4)
    pairs = {(dice.randrange(-(2**63), 2**63), owner) for owner in range(4000)} | {(-(2**63), 1), (2**63 - 1, 2)}
    with database.write() as connection:
        add(connection, pairs)
    began, place = lying(database)[0], 1
    sizes = []
    while place <= ROUND:
        count = dice.choice([1, 17, STEP, 3000])
        with database.write() as connection:
            settle(connection, place, count)
        place += count
        sizes.append(len(lying(database)[0]))

    assert began == pairs
    assert lying(database) == (set(), pairs)
    assert 0.4 < sizes[len(sizes) // 2] / len(pairs) < 0.6  # so many at a time, not all at once


def test_a_key_that_comes_again_lies_once_and_is_found_once(database: Database) -> None:
    with database.write() as connection:
        add(connection, [(7, 1), (7, 2), (7, 1)])
    going_round(database)
    with database.write() as connection:
        add(connection, [(7, 1)])
    going_round(database)

    assert lying(database) == (set(), {(7, 1), (7, 2)})


def test_the_index_made_anew_has_all_that_acts_brought(book: Book, database: Database, vault: Vault) -> None:
    for number in (1, 2):
        issue(book, number)
    book.append(an_entry(Act.REVOKE, sequence=2, licence_id=licence_id(1)))
    Reservations(database, vault).reserve(an_intent("key-1", "CASE-1"), NOW)
    new, settled = lying(database)
    given_up = {(key_of(Kind.LIVE, vault.blind("live", f"{TYPE}|1|{ORGAN}")), 1)}

    for _ in range(2):
        with database.write() as connection:
            refill(connection)
        assert lying(database) == (set(), (new | settled) - given_up)
    assert found_again(book, 2)
    assert Reservations(database, vault).find(an_intent("key-2", "CASE-1")) is not None


def test_a_key_of_another_value_finds_nothing(book: Book, database: Database) -> None:
    issue(book, 1)
    stranger = sha256(b"no document of ours")
    with database.write() as connection:
        add(connection, [(key_of(Kind.DOCUMENT, stranger), 1), (key_of(Kind.DELIVERY, token_digest("other")), 1)])

    assert book.by_document(stranger) is None
    assert book.by_delivery_code("other") is None
    with database.read() as connection:
        assert ids_of(connection, Kind.DOCUMENT, [stranger]) == {}


def test_keys_of_different_kinds_differ_for_one_value() -> None:
    assert len({key_of(kind, "0" * 64) for kind in Kind}) == len(Kind)
    assert all(-(2**63) <= key_of(kind, "0" * 64) < 2**63 for kind in Kind)


def test_what_the_index_has_lost_is_told(book: Book, database: Database, vault: Vault) -> None:
    for number in (1, 2, 3):
        issue(book, number)
    document = an_issue(2).version
    assert document
    lost = [key_of(Kind.DOCUMENT, document.document.sha256), key_of(Kind.LIVE, vault.blind("live", f"{TYPE}|3|{ORGAN}"))]
    with database.write() as connection:
        for table in (recent_keys, settled_keys):
            connection.execute(delete(table).where(table.c.key.in_(lost)))

    with snapshot(database) as connection:
        told = {one.row["licence_id"]: one.lost for one in Rereading(connection, vault).licences()}
        assert {key for key, _ in missing(connection, [(key, 1) for key in lost])} == set(lost)
    assert told == {licence_id(1): (), licence_id(2): ("document",), licence_id(3): ("live",)}


def test_places_in_the_status_lists_that_two_versions_have_are_told(book: Book, database: Database, vault: Vault) -> None:
    issue(book, 1)
    issue(book, 2)
    with snapshot(database) as connection:
        assert Rereading(connection, vault).doubled_places() == []
    with database.write() as connection:
        connection.execute(text("UPDATE versions SET status_index = 1"))
    with snapshot(database) as connection:
        assert Rereading(connection, vault).doubled_places() == [(0, 1)]


# -- what is unique ------------------------------------------------------------------------------------

SAME = Opening(TYPE, ORGAN, live_key="the same")


def an_intent(key: str, case: str, **changes: Any) -> Intent:
    given = Intent("approval", key, "0" * 64, ORGAN, TYPE, "issue", 1, 10**6, {"body": {}, "private": {}}, case_key=case)
    return replace(given, **changes)


def to_open(database: Database, vault: Vault, numbers: list[int], **beside: Any) -> list[Opened]:
    """Licences to be opened together, reserved."""
    made = Reserving(database, vault).reserve_all([an_intent(f"open-{number}", f"OPEN-{number}") for number in numbers], NOW)
    place = Place("0" * 64, 0, 1)
    return [
        Opened(an_issue(number), opened(number, reservation_id=one.reservation_id, **beside), place)  # type: ignore[union-attr]
        for number, one in zip(numbers, made, strict=True)
    ]


def test_a_chunk_is_found_as_single_issues_are(book: Book, database: Database, vault: Vault, clock: Clock) -> None:
    entered = Openings(database, vault, clock).open_all(to_open(database, vault, [1, 2, 3]))

    assert len(entered) == 3
    assert all(found_again(book, number) for number in (1, 2, 3))
    assert Packed(database).place_of(digests(f"{licence_id(2)} 1".encode()).sha256) == Place("0" * 64, 0, 1)
    going_round(database)
    assert all(found_again(book, number) for number in (1, 2, 3))


@pytest.mark.parametrize("settled", [False, True])
def test_of_a_chunk_what_takes_a_number_that_is_held_is_left_out(
    book: Book, database: Database, vault: Vault, clock: Clock, *, settled: bool
) -> None:
    issue(book, 9, opening=SAME)
    if settled:
        going_round(database)
    openings = Openings(database, vault, clock)
    wanted = to_open(database, vault, [1]) + to_open(database, vault, [2], opening=SAME)

    assert openings.taken(["the same", "another"]) == {"the same"}
    first, held = openings.open_all(wanted)
    assert first
    assert held is None
    assert list(book.all_ids()) == [licence_id(9), licence_id(1)]
    assert openings.open_all(wanted) == [None, None], "the first is entered, and its reservation with it"


def test_a_number_twice_in_a_chunk_is_taken_once_and_a_document_twice_enters_nothing(
    book: Book, database: Database, vault: Vault, clock: Clock
) -> None:
    openings = Openings(database, vault, clock)
    one, two = to_open(database, vault, [1, 2])
    assert one.entry.version
    assert two.entry.version
    twin = replace(two, entry=replace(two.entry, version=replace(two.entry.version, document=one.entry.version.document)))

    with pytest.raises(EntryConflict):
        openings.open_all([one, twin])
    assert list(book.all_ids()) == []
    third, fourth = openings.open_all(to_open(database, vault, [3, 4], opening=SAME))
    assert third
    assert fourth is None
    assert list(book.all_ids()) == [licence_id(3)]
    openings.open_all([one])
    with pytest.raises(EntryConflict):
        openings.open_all([twin])


def test_a_document_is_entered_once(book: Book) -> None:
    issue(book, 1)
    first, second = an_issue(1), an_issue(2)
    assert first.version
    assert second.version
    again = replace(second, version=replace(second.version, document=first.version.document))

    with pytest.raises(EntryConflict):
        book.append(again, opened(2))
    assert list(book.all_ids()) == [licence_id(1)]


def test_of_many_who_take_one_number_at_once_one_gets_it(book: Book, database: Database, vault: Vault, clock: Clock) -> None:
    openings = Openings(database, vault, clock)
    chunks = [to_open(database, vault, [number], opening=SAME) for number in (1, 2, 3)]

    def in_a_chunk(wanted: list[Opened]) -> Callable[[], Entry | None]:
        return lambda: openings.open_all(wanted)[0]

    def alone(number: int) -> Callable[[], Entry | None]:
        return lambda: issue(book, number, opening=SAME)

    got = at_once([*map(in_a_chunk, chunks), *map(alone, (4, 5, 6))])

    assert sum(isinstance(one, Entry) for one in got) == 1
    assert sum(one is None or isinstance(one, (NumberTaken, EntryConflict)) for one in got) == 5
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(licences)).scalar_one() == 1


def test_of_many_who_enter_one_document_at_once_one_does(book: Book, database: Database) -> None:
    document = digests(b"one and the same")

    def entering(number: int) -> Callable[[], Entry]:
        entry = an_issue(number)
        assert entry.version
        return lambda: book.append(replace(entry, version=replace(entry.version, document=document)), opened(number))  # type: ignore[type-var]

    got = at_once([entering(number) for number in range(1, 7)])

    assert sum(isinstance(one, Entry) for one in got) == 1
    assert sum(isinstance(one, EntryConflict) for one in got) == 5
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(versions)).scalar_one() == 1


def test_of_many_chunks_with_the_same_cases_at_once_all_get_the_same_reservations(database: Database, vault: Vault) -> None:
    def reserving(stream: int) -> Callable[[], list[Any]]:
        intents = [an_intent(f"{stream}-{number}", f"CASE-{number}") for number in range(40)]
        return lambda: list(Reserving(database, vault).reserve_all(intents, NOW))

    def alone(stream: int) -> Callable[[], list[Any]]:
        return lambda: [Reservations(database, vault).reserve(an_intent(f"{stream}-0", "CASE-0"), NOW)]

    got = at_once([*map(reserving, range(4)), *map(alone, range(4, 8))])

    ids = [[one.reservation_id for one in many] for many in got]  # type: ignore[union-attr]
    assert len({tuple(many) for many in ids if len(many) == 40}) == 1
    assert {many[0] for many in ids} == {ids[0][0]}
    going_round(database)
    again = Reserving(database, vault).reserve_all([an_intent("late", "CASE-7")], NOW + timedelta(hours=1))
    assert again[0].reservation_id == ids[0][7]  # type: ignore[union-attr]


def test_a_case_that_was_given_back_is_free(database: Database, vault: Vault) -> None:
    single = Reservations(database, vault)
    first = single.reserve(an_intent("key-1", "CASE-1"), NOW)
    single.abandon(first.reservation_id, "over")
    going_round(database)

    second = single.reserve(an_intent("key-2", "CASE-1"), NOW)

    assert second.made_now
    assert single.find(an_intent("key-3", "CASE-1")) == replace(second, made_now=False)


def test_a_number_that_is_taken_back_is_found_again(book: Book, database: Database) -> None:
    issue(book, 1, opening=SAME)
    book.append(an_entry(Act.REVOKE, sequence=2, licence_id=licence_id(1)))
    going_round(database)
    issue(book, 2, opening=SAME)
    living = book.living("the same")

    assert living is not None
    assert living.licence_id == licence_id(2)
    with pytest.raises(NumberTaken):
        issue(book, 3, opening=SAME)


# -- from an earlier release -----------------------------------------------------------------------------

_OLD = (
    (
        "INSERT INTO licences (id, licence_id, type, department, issuer, live_key, head, current_version, valid_from) "
        "VALUES (5, 'A', 't', 'd', 'd', 'held', 1, 1, 'x'), (8, 'B', 't', 'd', 'd', NULL, 1, 1, 'x')"
    ),
    (
        "INSERT INTO versions (id, licence, version, elicence_id, document_sha256, check_digest, delivery_digest, status_list, status_index) "
        "VALUES (3, 8, 1, 'e', 'document', 'check', 'delivery', 0, 7)"
    ),
    "INSERT INTO segments (id, sha256) VALUES (1, 's')",
    'INSERT INTO packed_documents (version, segment, "offset", length) VALUES (3, 1, 0, 9)',
    "INSERT INTO lookups (licence, name, blind) VALUES (8, 'number', 'blind')",
    (
        "INSERT INTO reservations (id, reservation_id, client, idempotency_key, request_digest, case_key, licence_id, type, department, act, version, "
        "content, state, lease_until, created_at) VALUES (4, 'r', 'c', 'k', 'q', 'case', 'A', 't', 'd', 'issue', 1, '', 'entered', 0, 0)"
    ),
)


def test_what_an_earlier_release_entered_is_found_by_its_keys(empty_database: Database) -> None:
    command.upgrade(empty_database._migrations(), "0011")
    with empty_database.write() as connection:
        for statement in _OLD:
            connection.execute(text(statement))

    empty_database.migrate()

    wanted = {
        Kind.LIVE: ("held", 5),
        Kind.DOCUMENT: ("document", 3),
        Kind.DELIVERY: ("delivery", 3),
        Kind.VALUE: ("blind", 8),
        Kind.CASE: ("case", 4),
    }
    with empty_database.write() as connection:
        for kind, (value, owner) in wanted.items():
            assert ids_of(connection, kind, [value, "another"]) == {value: owner}
        connection.execute(text("DELETE FROM packed_documents"))
        with pytest.raises(Exception, match=r"(?i)foreign key"), connection.begin_nested():
            connection.execute(text("DELETE FROM licences"))  # what hangs on what is as before
    assert lying(empty_database)[0] == set()
