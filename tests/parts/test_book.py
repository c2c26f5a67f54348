"""The register on both databases: what is entered stays, in one order, and who comes second is told so."""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError

from licence_service.digests import canonical, digests
from licence_service.entry_form import body_of
from licence_service.errors import EntryConflict, KeyReused, NotInRegister, NumberTaken, Unavailable
from licence_service.identifiers import ElicenceId, licence_id
from licence_service.licence import Act, Entry, LicenceState, VersionReason, beijing_day
from licence_service.store.book import Book
from licence_service.store.database import Database
from licence_service.store.payload import Vault, token_digest
from licence_service.store.record import Appendix, Opening
from licence_service.store.reservations import Intent, Reservations
from licence_service.store.tables import entries, licences, payloads, versions
from tests.builders import FIRST, LICENCE_ID, ORGAN, TYPE_CODE, a_renewal, a_suspension, a_version, an_endorsement, an_entry
from tests.parts.databases import NOW, Clock, at_once

TYPE = "practitioner_qualification"
NUMBER = "川蜀安交许12号"
CODE = "0123456789AB"


@pytest.fixture
def book(database: Database, vault: Vault, clock: Clock) -> Book:
    """An empty register."""
    return Book(database, vault, clock)


def an_issue(number: int = 0, **changes: Any) -> Entry:
    """The first entry of a licence of its own."""
    own = LICENCE_ID if number == 0 else licence_id(number)
    version = a_version(
        1, elicence_id=str(ElicenceId(TYPE_CODE, ORGAN, own, 1)), document=digests(f"{own} 1".encode()), status=(0, number),
        check_code_digest=token_digest(CODE),
    )  # fmt: skip
    given: dict[str, Any] = {"licence_id": own, "version": version}
    return an_entry(**(given | changes))


def opened(number: int = 0, **changes: Any) -> Appendix:
    """What is entered beside a first entry."""
    given: dict[str, Any] = {
        "delivery_code": f"delivery-{number}", "searchable": {"number": f"{NUMBER}-{number}", "citizen_id": "519902198506120111"},
        "opening": Opening(TYPE, ORGAN, live_key=f"{TYPE}|{number}|{ORGAN}"),
    }  # fmt: skip
    return Appendix(**(given | changes))


def issue(book: Book, number: int = 0, **beside: Any) -> Entry:
    return book.append(an_issue(number), opened(number, **beside))


def next_version(entry: Entry, number: int) -> Entry:
    """Give an entry's version the identifiers of its licence."""
    assert entry.version
    identifier = str(ElicenceId(TYPE_CODE, ORGAN, entry.licence_id, number))
    document = digests(f"{entry.licence_id} {number}".encode())
    return replace(entry, version=replace(entry.version, elicence_id=identifier, document=document, status=(1, number)))


def revocation(sequence: int, on: date = FIRST, **changes: Any) -> Entry:
    return an_entry(Act.REVOKE, sequence=sequence, effective_on=on, **changes)


# -- append and read -----------------------------------------------------------------------------------


def test_what_was_entered_is_read_back_whole(book: Book) -> None:
    written = issue(book)
    record = book.get(LICENCE_ID)

    assert record.entries == (written,)
    assert (record.licence_id, record.type, record.department) == (LICENCE_ID, TYPE, ORGAN)
    assert written.recorded_at == NOW
    assert record.at(FIRST).state is LicenceState.IN_FORCE
    with pytest.raises(NotInRegister):
        record.at(FIRST, NOW - timedelta(seconds=1))


def test_each_entry_carries_the_digest_of_the_one_before(book: Book) -> None:
    first = issue(book)
    second = book.append(a_suspension(FIRST, None, sequence=2))
    third = book.append(an_entry(Act.LIFT, sequence=3, target=2))
    chain = book.get(LICENCE_ID).entries

    assert chain == (first, second, third)
    assert first.digest
    assert second.digest
    assert [entry.previous for entry in chain] == ["", first.digest.sha256, second.digest.sha256]
    assert all(entry.digest == digests(canonical(body_of(entry))) for entry in chain)


@pytest.mark.parametrize("sequence", [1, 3, 99])
def test_an_entry_out_of_turn_is_a_conflict_and_leaves_nothing(book: Book, sequence: int) -> None:
    issue(book)

    with pytest.raises(EntryConflict):
        book.append(revocation(sequence))
    assert len(book.get(LICENCE_ID).entries) == 1


def test_a_licence_is_opened_once(book: Book) -> None:
    issue(book)

    with pytest.raises(EntryConflict):
        issue(book)
    assert len(book.get(LICENCE_ID).entries) == 1


@pytest.mark.parametrize(
    ("entry", "beside"),
    [(revocation(1), None), (revocation(1), opened()), (an_issue(), Appendix(delivery_code="x")), (an_issue(sequence=2), opened())],
)
def test_a_licence_is_opened_only_by_a_first_entry_with_a_document(book: Book, entry: Entry, beside: Appendix | None) -> None:
    with pytest.raises(NotInRegister):
        book.append(entry, beside)
    assert book.head() == (0, None)


def test_an_unknown_licence_is_not_in_the_register(book: Book) -> None:
    with pytest.raises(NotInRegister):
        book.get("0" * 20)


def test_nothing_of_a_failed_entry_is_left(book: Book) -> None:
    issue(book)
    same_document = an_entry(Act.CHANGE, sequence=2, version=replace(a_version(2), document=digests(f"{LICENCE_ID} 1".encode())))

    with pytest.raises(EntryConflict):
        book.append(same_document, Appendix(delivery_code="other", searchable={"number": "another"}))
    assert len(book.get(LICENCE_ID).entries) == 1
    assert book.search("number", "another", department=ORGAN) == []
    assert book.by_delivery_code("other") is None


# -- at once -------------------------------------------------------------------------------------------


def test_of_two_acts_at_once_one_wins_and_the_other_is_told(book: Book) -> None:
    issue(book)
    acts = [revocation(2), a_suspension(FIRST, None, sequence=2)] * 4
    got = at_once([lambda act=act: book.append(act) for act in acts])  # type: ignore[misc]

    assert sum(isinstance(one, Entry) for one in got) == 1
    assert sum(isinstance(one, EntryConflict) for one in got) == 7
    assert len(book.get(LICENCE_ID).entries) == 2


def test_of_many_openings_of_one_licence_at_once_one_wins(book: Book) -> None:
    got = at_once([lambda: issue(book)] * 6)

    assert sum(isinstance(one, Entry) for one in got) == 1
    assert sum(isinstance(one, EntryConflict) for one in got) == 5


def test_of_many_licences_with_one_number_at_once_one_wins(book: Book) -> None:
    opening = Opening(TYPE, ORGAN, live_key="the same")
    got = at_once([lambda number=number: issue(book, number, opening=opening) for number in range(1, 7)])  # type: ignore[misc]

    assert sum(isinstance(one, Entry) for one in got) == 1
    assert sum(isinstance(one, NumberTaken) for one in got) == 5


def test_the_first_entries_of_an_empty_book_do_not_disturb_each_other(book: Book) -> None:
    got = at_once([lambda number=number: issue(book, number) for number in range(1, 9)])  # type: ignore[misc]

    assert [one for one in got if not isinstance(one, Entry)] == []


def test_recorded_times_rise_over_the_whole_book_while_the_clock_stands(book: Book, database: Database) -> None:
    def stream(number: int) -> Callable[[], None]:
        def run() -> None:
            issue(book, number)
            for sequence in range(2, 6):
                book.append(a_suspension(FIRST, None, sequence=sequence, licence_id=licence_id(number)))

        return run

    got = at_once([stream(number) for number in range(1, 9)])
    with database.read() as connection:
        times = list(connection.execute(select(entries.c.recorded_at).order_by(entries.c.id)).scalars())

    assert got == [None] * 8
    assert len(times) == 40
    assert len(set(times)) == 40
    assert min(times) == NOW
    assert max(times) == NOW + timedelta(microseconds=39)
    assert all(one.recorded_at < two.recorded_at for number in range(1, 9) for one, two in _pairs(book.get(licence_id(number)).entries))  # type: ignore[operator]


def _pairs(chain: tuple[Entry, ...]) -> list[tuple[Entry, Entry]]:
    return list(itertools.pairwise(chain))


def test_a_clock_that_goes_back_does_not_disturb_the_order(book: Book, clock: Clock) -> None:
    issue(book)
    clock.forward(days=-1)
    second = book.append(revocation(2))

    assert second.recorded_at == NOW + timedelta(microseconds=1)
    assert book.head()[1] == second.recorded_at


def test_the_clock_is_used_where_it_is_ahead(book: Book, clock: Clock) -> None:
    issue(book)
    clock.forward(days=1)

    assert book.append(revocation(2)).recorded_at == NOW + timedelta(days=1)


# -- reservations --------------------------------------------------------------------------------------


def a_reservation(database: Database, vault: Vault) -> str:
    intent = Intent("approval", "key-1", "0" * 64, ORGAN, TYPE, "issue", 1, 10, {}, LICENCE_ID)
    return Reservations(database, vault).reserve(intent, NOW).reservation_id


def test_an_entry_fulfils_its_reservation_in_the_same_transaction(book: Book, database: Database, vault: Vault) -> None:
    reservation = a_reservation(database, vault)
    issue(book, reservation_id=reservation)
    entered = Reservations(database, vault).get(reservation)

    assert (entered.state, entered.sequence) == ("entered", 1)


def test_a_reservation_is_fulfilled_once_and_an_abandoned_one_never(book: Book, database: Database, vault: Vault) -> None:
    reservation = a_reservation(database, vault)
    Reservations(database, vault).abandon(reservation, "over")

    with pytest.raises(EntryConflict):
        issue(book, reservation_id=reservation)
    assert book.head() == (0, None)


# -- the live number -----------------------------------------------------------------------------------

SAME = Opening(TYPE, ORGAN, live_key="the same")


def test_a_number_is_taken_while_its_right_lives(book: Book) -> None:
    issue(book, 1, opening=SAME)

    with pytest.raises(NumberTaken):
        issue(book, 2, opening=SAME)
    assert list(book.all_ids()) == [licence_id(1)]


@pytest.mark.parametrize("act", [Act.REVOKE, Act.CANCEL])
def test_a_number_is_free_once_its_right_has_ended(book: Book, act: Act) -> None:
    issue(book, 1, opening=SAME)
    book.append(an_entry(act, sequence=2, licence_id=licence_id(1)))

    assert issue(book, 2, opening=SAME).sequence == 1
    with pytest.raises(NumberTaken):
        issue(book, 3, opening=SAME)


@pytest.mark.parametrize("changes", [{"recorded_only": True}, {"effective_on": FIRST + timedelta(days=30)}])
def test_a_number_stays_taken_while_its_end_is_only_noted_or_lies_ahead(book: Book, changes: dict[str, Any]) -> None:
    issue(book, 1, opening=SAME)
    book.append(an_entry(Act.REVOKE, sequence=2, licence_id=licence_id(1), **changes))

    with pytest.raises(NumberTaken):
        issue(book, 2, opening=SAME)


def test_an_earlier_licence_makes_room_where_the_registrar_says_that_it_is_dead(book: Book) -> None:
    issue(book, 1, opening=SAME)
    asked: list[str] = []

    def dead(record: Any) -> bool:
        asked.append(record.licence_id)
        return True

    issue(book, 2, opening=replace(SAME, may_replace=dead))

    assert asked == [licence_id(1)]
    with pytest.raises(NumberTaken):
        issue(book, 3, opening=SAME)


def test_an_earlier_licence_is_judged_before_the_book_is_held_and_again_where_it_went_on_meanwhile(book: Book, database: Database) -> None:
    issue(book, 1, opening=SAME)
    asked: list[int] = []

    def dead(record: Any) -> bool:
        asked.append(len(record.entries))
        if len(asked) == 1:  # nobody waits for who judges
            book.append(an_entry(Act.REVOKE, sequence=2, licence_id=licence_id(1), recorded_only=True))
        return True

    issue(book, 2, opening=replace(SAME, may_replace=dead))

    assert asked == [1, 2]
    with database.read() as connection:
        assert connection.execute(select(licences.c.licence_id).where(licences.c.live_key.is_not(None))).scalars().all() == [licence_id(2)]


# -- insert only, erasing ------------------------------------------------------------------------------


@pytest.mark.parametrize("statement", [update(entries).values(body="{}"), delete(entries), update(entries).values(recorded_at=entries.c.recorded_at)])
def test_the_database_refuses_to_change_or_delete_an_entry(book: Book, database: Database, statement: Any) -> None:
    written = issue(book)

    with pytest.raises(DBAPIError, match="only inserted"), database.write() as connection:
        connection.execute(statement)
    assert book.get(LICENCE_ID).entries == (written,)


def test_a_book_cannot_be_emptied_at_once_on_postgresql(book: Book, database: Database) -> None:
    issue(book)
    statement = "DELETE FROM entries" if database.is_sqlite else "TRUNCATE entries CASCADE"

    with pytest.raises(DBAPIError, match="only inserted"), database.write() as connection:
        connection.execute(text(statement))
    assert book.head()[0] == 1


def test_erasing_the_private_part_leaves_the_entry_and_the_chain_whole(book: Book, database: Database) -> None:
    written = issue(book)
    book.append(an_entry(Act.ENDORSE, sequence=2, endorsements=(an_endorsement(),)))
    with database.write() as connection:
        connection.execute(delete(payloads))
    third = book.append(revocation(3))
    first, second, last = book.get(LICENCE_ID).entries

    assert first.version
    assert written.version
    assert dict(first.version.face) == {}
    assert first.version.salt == b""
    assert first.decision.officer is None
    assert first.version.face_commitment == written.version.face_commitment
    assert first.digest == written.digest
    assert dict(second.endorsements[0].facts) == {}
    assert (second.previous, last) == (written.digest.sha256 if written.digest else None, third)
    with database.read() as connection:
        stored = connection.execute(select(entries.c.body, entries.c.sha256).order_by(entries.c.id)).all()
    assert [digests(row.body.encode()).sha256 for row in stored] == [row.sha256 for row in stored]


def test_private_values_lie_only_encrypted(book: Book, database: Database) -> None:
    issue(book)
    with database.read() as connection:
        rows = [dict(row) for table in (licences, entries, versions) for row in connection.execute(select(table)).mappings()]
        sealed = bytes(connection.execute(select(payloads.c.sealed)).scalar_one())
        found = connection.execute(text("SELECT * FROM lookups")).all()
    everything = json.dumps(rows, default=str, ensure_ascii=False) + str(found)

    assert not any(secret in everything for secret in ("陈安途", "519902198506120111", "罗青石", NUMBER, CODE, "delivery-0"))
    assert "陈安途".encode() not in sealed


def test_another_key_opens_nothing(book: Book, database: Database, clock: Clock) -> None:
    issue(book)

    with pytest.raises(Unavailable):
        Book(database, Vault(b"w" * 32), clock).get(LICENCE_ID)
    assert Book(database, Vault(b"w" * 32), clock).search("number", f"{NUMBER}-0", department=ORGAN) == []


# -- finding -------------------------------------------------------------------------------------------


def test_licences_are_found_by_a_value_within_their_department_only_newest_first(book: Book) -> None:
    issue(book, 1)
    issue(book, 2)
    issue(book, 3, opening=Opening(TYPE, "11519900MB9900099X", live_key="3"))
    issue(book, 4, opening=Opening("other_type", ORGAN, live_key="4"))

    def search(**changes: Any) -> list[str]:
        return book.search(**({"name": "citizen_id", "value": "519902198506120111", "department": ORGAN} | changes))

    assert search() == [licence_id(4), licence_id(2), licence_id(1)]
    assert search(types=[TYPE]) == [licence_id(2), licence_id(1)]
    assert search(types=[]) == []
    assert search(department="11519900MB9900099X") == [licence_id(3)]
    assert search(value="519902198506120112") == []
    assert search(name="number") == []


def pair(book: Book, number: str, code: str) -> tuple[str, int] | None:
    found = book.of_pair(number, code)
    return (found[0].licence_id, found[1]) if found else None


def test_a_pair_brings_the_whole_record(book: Book) -> None:
    issue(book)
    found = book.of_pair(f"{NUMBER}-0", CODE)

    assert found
    assert found[0] == book.get(LICENCE_ID)


def test_a_value_is_found_however_it_is_typed(book: Book) -> None:
    issue(book, searchable={"holder": "古丽·买买提", "number": "蜀安A-1"})

    assert book.search("holder", "古丽・买买提 ", department=ORGAN) == [LICENCE_ID]
    assert book.search("number", "蜀安ａ－１", department=ORGAN) == [LICENCE_ID]
    assert pair(book, " 蜀安ａ－１", CODE) == (LICENCE_ID, 1)


def test_a_value_that_changed_is_found_under_both(book: Book) -> None:
    issue(book)
    change = next_version(an_entry(Act.CHANGE, sequence=2, version=a_version(2)), 2)
    book.append(change, Appendix(delivery_code="d2", searchable={"number": "new", "citizen_id": "519902198506120111"}))

    assert book.search("number", f"{NUMBER}-0", department=ORGAN) == book.search("number", "new", department=ORGAN) == [LICENCE_ID]
    assert book.search("citizen_id", "519902198506120111", department=ORGAN) == [LICENCE_ID]


def test_number_and_code_must_belong_together(book: Book) -> None:
    issue(book, 1)
    other = an_issue(2)
    assert other.version
    book.append(replace(other, version=replace(other.version, check_code_digest=token_digest("ZZZZZZZZZZZZ"))), opened(2))

    assert pair(book, f"{NUMBER}-1", CODE) == (licence_id(1), 1)
    assert pair(book, f"{NUMBER}-2", "ZZZZZZZZZZZZ") == (licence_id(2), 1)
    assert pair(book, f"{NUMBER}-1", "ZZZZZZZZZZZZ") is None
    assert pair(book, f"{NUMBER}-2", CODE) is None
    assert pair(book, "519902198506120111", CODE) is None
    assert pair(book, "", "") is None


def test_a_version_is_found_by_document_delivery_code_and_identifier(book: Book) -> None:
    issue(book, 1)
    issue(book, 2)
    found = (licence_id(1), 1)

    assert book.by_document(digests(f"{licence_id(1)} 1".encode()).sha256) == found
    assert book.by_delivery_code("delivery-1") == found
    assert book.by_elicence_id(str(ElicenceId(TYPE_CODE, ORGAN, licence_id(1), 1))) == found
    assert (book.by_document("0" * 64), book.by_delivery_code("x"), book.by_elicence_id("x")) == (None, None, None)


def test_old_versions_stay_findable(book: Book) -> None:
    issue(book)
    renewal = next_version(a_renewal(FIRST + timedelta(days=9), date(2038, 1, 1), sequence=2), 2)
    book.append(renewal, Appendix(delivery_code="d2", searchable={"number": f"{NUMBER}-0"}))

    assert book.by_delivery_code("delivery-0") == (LICENCE_ID, 1)
    assert book.by_delivery_code("d2") == (LICENCE_ID, 2)


def test_an_endorsement_sent_twice_is_known_by_its_reference(book: Book) -> None:
    issue(book)
    book.append(an_entry(Act.ENDORSE, sequence=2, endorsements=(an_endorsement(),)), Appendix(external_ref=("school", "ref-1", "a" * 64)))

    assert book.by_external_ref("school", "ref-1", "a" * 64) == (LICENCE_ID, 2)
    assert book.by_external_ref("school", "ref-2", "a" * 64) is None
    assert book.by_external_ref("other", "ref-1", "a" * 64) is None
    with pytest.raises(KeyReused):
        book.by_external_ref("school", "ref-1", "b" * 64)
    with pytest.raises(EntryConflict):
        book.append(an_entry(Act.ENDORSE, sequence=3), Appendix(external_ref=("school", "ref-1", "a" * 64)))


def test_the_head_is_the_last_entry_of_the_book(book: Book) -> None:
    assert book.head() == (0, None)
    issue(book, 1)
    last = issue(book, 2)

    assert book.head()[1] == last.recorded_at
    assert book.head()[0] > 0
    assert list(book.all_ids()) == [licence_id(1), licence_id(2)]


# -- the row of a licence ------------------------------------------------------------------------------

steps = st.lists(
    st.tuples(st.sampled_from(["suspend", "revoke", "cancel", "renew", "endorse"]), st.integers(-400, 400), st.booleans()), min_size=1, max_size=4
)


@settings(max_examples=12)
@given(acts=steps, later=st.integers(0, 100))
def test_the_row_of_a_licence_equals_the_fold_of_its_entries(
    book: Book, database: Database, clock: Clock, acts: list[tuple[str, int, bool]], later: int
) -> None:
    number = len(list(book.all_ids())) + 1
    own = licence_id(number)
    issue(book, number, opening=Opening(TYPE, ORGAN, live_key=own))
    clock.forward(days=later)
    made = 1
    for place, (act, days, only) in enumerate(acts):
        on = beijing_day(clock()) + timedelta(days=days)
        given: dict[str, Any] = {"sequence": place + 2, "licence_id": own}
        beside = Appendix()
        if act == "renew":
            made += 1
            entry = next_version(a_renewal(on, on + timedelta(days=300), made, **given), made)
            assert entry.version
            entry = replace(entry, version=replace(entry.version, status=(number + 1, made), reason=VersionReason.RENEWAL))
            beside = Appendix(delivery_code=f"{own}-{made}")
        elif act == "suspend":
            entry = a_suspension(on, None, recorded_only=only, **given)
        elif act == "endorse":
            entry = an_entry(Act.ENDORSE, effective_on=on, **given)
        else:
            entry = an_entry(Act(act), effective_on=on, recorded_only=only, **given)
        book.append(entry, beside)
    licence = book.get(own).at(beijing_day(clock()))
    with database.read() as connection:
        row = connection.execute(select(licences).where(licences.c.licence_id == own)).mappings().one()

    assert (row["head"], row["current_version"]) == (licence.head, licence.current.version)
    assert row["valid_from"] == licence.valid_from.isoformat()
    assert row["valid_to"] == (licence.valid_to.isoformat() if licence.valid_to else None)
    assert row["ended_on"] == (licence.ended_on.isoformat() if licence.ended_on else None)
    assert (row["live_key"] is None) == (licence.state in (LicenceState.REVOKED, LicenceState.CANCELLED))
