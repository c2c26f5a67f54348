"""Reservations on both databases: one for a key, however many ask at once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from licence_service.digests import sha256
from licence_service.errors import CeilingReached, EntryConflict, KeyReused, NotInRegister, Unavailable
from licence_service.store.database import Database
from licence_service.store.payload import Vault
from licence_service.store.reservation import fulfil
from licence_service.store.reservations import LEASE, Intent, Reservation, Reservations
from licence_service.store.tables import drafts, photos, reservations
from tests.parts.databases import NOW, Clock, at_once

JPEG = b"\xff\xd8 a face \xff\xd9"


def an_intent(**changes: Any) -> Intent:
    """An issue by one client."""
    given: dict[str, Any] = {
        "client": "approval", "idempotency_key": "key-1", "request_digest": "0" * 64, "department": "11519900MB9900021Q",
        "type": "practitioner_qualification", "act": "issue", "version": 1, "hourly_ceiling": 1000, "content": {"face": {"person_name": "陈安途"}},
    }  # fmt: skip
    return Intent(**(given | changes))


@pytest.fixture
def made(database: Database, vault: Vault) -> Reservations:
    """The working list."""
    return Reservations(database, vault)


def reserving(made: Reservations, intent: Intent) -> Callable[[], Reservation]:
    return lambda: made.reserve(intent, NOW)


def test_a_reservation_fixes_all_that_chance_decides(made: Reservations) -> None:
    one = made.reserve(an_intent(), NOW)
    two = made.get(one.reservation_id)

    assert one.made_now
    assert not two.made_now
    assert (one.salt, one.check_code, one.delivery_code, one.status, one.licence_id) == (
        two.salt,
        two.check_code,
        two.delivery_code,
        two.status,
        two.licence_id,
    )
    assert (len(one.salt), len(one.check_code), len(one.delivery_code), len(one.licence_id)) == (32, 12, 16, 20)
    assert (one.state, one.version, one.act, one.created_at, one.reason, one.sequence) == ("reserved", 1, "issue", NOW, "", None)
    assert one.content["face"] == {"person_name": "陈安途"}


def test_an_act_without_a_document_draws_no_codes(made: Reservations) -> None:
    one = made.reserve(an_intent(act="revoke", version=0, licence_id="A" * 20), NOW)

    assert (one.salt, one.check_code, one.delivery_code, one.status) == (b"", "", "", (0, 0))
    assert one.licence_id == "A" * 20


def test_the_same_key_with_the_same_content_is_the_same_reservation(made: Reservations) -> None:
    first = made.reserve(an_intent(), NOW)
    again = made.reserve(an_intent(), NOW + timedelta(days=400))

    assert again.licence_id == first.licence_id
    assert again.created_at == NOW
    assert not again.made_now


def test_the_same_key_with_other_content_is_refused_and_names_the_licence(made: Reservations) -> None:
    first = made.reserve(an_intent(), NOW)

    with pytest.raises(KeyReused) as refused:
        made.reserve(an_intent(request_digest="1" * 64), NOW)
    assert refused.value.facts == {"licence_id": first.licence_id}


def test_the_same_case_under_another_key_is_the_same_reservation(made: Reservations) -> None:
    first = made.reserve(an_intent(case_key="dep|CASE-1"), NOW)
    again = made.reserve(an_intent(case_key="dep|CASE-1", idempotency_key="key-2"), NOW)

    assert again.reservation_id == first.reservation_id
    assert not again.made_now


def test_the_same_case_with_other_content_is_refused_and_tells_strangers_nothing(made: Reservations) -> None:
    made.reserve(an_intent(case_key="dep|CASE-1"), NOW)

    with pytest.raises(KeyReused) as refused:
        made.reserve(an_intent(case_key="dep|CASE-1", idempotency_key="key-2", client="stranger", request_digest="1" * 64), NOW)
    assert refused.value.facts == {}


def test_a_used_key_is_refused_even_where_the_case_would_fit(made: Reservations) -> None:
    made.reserve(an_intent(case_key="dep|CASE-1", request_digest="1" * 64), NOW)
    made.reserve(an_intent(case_key="dep|CASE-2", idempotency_key="key-2", request_digest="2" * 64), NOW)

    for digest in ("1" * 64, "2" * 64):
        with pytest.raises(KeyReused):
            made.reserve(an_intent(case_key="dep|CASE-1", idempotency_key="key-2", request_digest=digest), NOW)


def test_two_clients_may_use_the_same_key(made: Reservations) -> None:
    assert made.reserve(an_intent(), NOW).licence_id != made.reserve(an_intent(client="other"), NOW).licence_id


def test_twenty_identical_requests_at_once_make_one_reservation(made: Reservations) -> None:
    intent = an_intent(case_key="dep|CASE-1", photos={sha256(JPEG): JPEG})
    got = at_once([reserving(made, intent) for _ in range(20)])

    assert all(isinstance(one, Reservation) for one in got)
    assert len({one.licence_id for one in got if isinstance(one, Reservation)}) == 1
    assert sum(one.made_now for one in got if isinstance(one, Reservation)) == 1


def test_twenty_cases_at_once_under_different_keys_make_one_reservation(made: Reservations) -> None:
    got = at_once([reserving(made, an_intent(case_key="dep|CASE-1", idempotency_key=f"key-{number}")) for number in range(20)])

    assert len({one.licence_id for one in got if isinstance(one, Reservation)}) == 1
    assert sum(one.made_now for one in got if isinstance(one, Reservation)) == 1


def test_of_different_contents_at_once_under_one_key_one_is_kept(made: Reservations) -> None:
    got = at_once([reserving(made, an_intent(request_digest=f"{number:064d}")) for number in range(10)])

    assert sum(isinstance(one, Reservation) for one in got) == 1
    assert sum(isinstance(one, KeyReused) for one in got) == 9


def test_different_licences_with_the_same_photo_at_once_all_go_through(made: Reservations) -> None:
    got = at_once([reserving(made, an_intent(idempotency_key=f"key-{number}", photos={sha256(JPEG): JPEG})) for number in range(10)])

    assert len({one.licence_id for one in got if isinstance(one, Reservation)}) == 10
    assert made.photo(sha256(JPEG)) == JPEG


@pytest.mark.parametrize("each", [25, pytest.param(100, marks=pytest.mark.long)])
def test_eight_streams_get_different_licences_and_places(made: Reservations, each: int) -> None:
    def stream(number: int) -> Callable[[], list[Reservation]]:
        return lambda: [made.reserve(an_intent(idempotency_key=f"{number}-{place}"), NOW) for place in range(each)]

    got = [one for many in at_once([stream(number) for number in range(8)]) if isinstance(many, list) for one in many]

    assert len(got) == 8 * each
    assert len({one.licence_id for one in got}) == 8 * each
    assert len({one.status for one in got}) == 8 * each
    assert {one.status[0] for one in got} == {0}


def test_the_hourly_ceiling_counts_the_last_hour_and_is_exact_under_pressure(made: Reservations) -> None:
    got = at_once([reserving(made, an_intent(idempotency_key=f"key-{number}", hourly_ceiling=5)) for number in range(12)])

    assert sum(isinstance(one, Reservation) for one in got) == 5
    assert sum(isinstance(one, CeilingReached) for one in got) == 7
    assert made.reserve(an_intent(idempotency_key="other", client="other", hourly_ceiling=5), NOW).made_now
    with pytest.raises(CeilingReached):
        made.reserve(an_intent(idempotency_key="late", hourly_ceiling=5), NOW + timedelta(minutes=59, seconds=59))
    assert made.reserve(an_intent(idempotency_key="late", hourly_ceiling=5), NOW + timedelta(hours=1)).made_now


def test_a_known_key_is_answered_above_the_ceiling_too(made: Reservations) -> None:
    first = made.reserve(an_intent(hourly_ceiling=1), NOW)

    assert made.reserve(an_intent(hourly_ceiling=1), NOW).reservation_id == first.reservation_id


def test_a_second_act_under_way_on_a_licence_is_a_conflict_until_the_first_is_over(made: Reservations) -> None:
    first = made.reserve(an_intent(licence_id="A" * 20, version=2), NOW)

    with pytest.raises(EntryConflict):
        made.reserve(an_intent(licence_id="A" * 20, version=2, idempotency_key="key-2"), NOW)
    made.abandon(first.reservation_id, "the licence was cancelled")
    assert made.reserve(an_intent(licence_id="A" * 20, version=2, idempotency_key="key-2"), NOW).made_now
    assert (made.get(first.reservation_id).state, made.get(first.reservation_id).reason) == ("abandoned", "the licence was cancelled")


def test_of_two_acts_at_once_on_a_licence_one_is_reserved(made: Reservations) -> None:
    got = at_once([reserving(made, an_intent(licence_id="A" * 20, version=2, idempotency_key=f"key-{number}")) for number in range(6)])

    assert sum(isinstance(one, Reservation) for one in got) == 1
    assert sum(isinstance(one, EntryConflict) for one in got) == 5


def test_only_one_of_many_claimants_gets_an_idle_reservation(made: Reservations) -> None:
    held = made.reserve(an_intent(), NOW)
    late = NOW + LEASE

    assert not made.claim(held.reservation_id, late - timedelta(microseconds=1))
    assert made.unfinished(late - timedelta(microseconds=1)) == []
    assert [one.reservation_id for one in made.unfinished(late)] == [held.reservation_id]
    assert sorted(map(bool, at_once([lambda: made.claim(held.reservation_id, late)] * 8))) == [False] * 7 + [True]
    assert made.unfinished(late) == []


def test_a_lease_given_back_can_be_claimed_at_once(made: Reservations) -> None:
    held = made.reserve(an_intent(), NOW)
    made.let_go(held.reservation_id, NOW)

    assert made.claim(held.reservation_id, NOW)
    assert not made.claim(held.reservation_id, NOW)


def test_an_abandoned_reservation_is_never_claimed_or_listed(made: Reservations) -> None:
    held = made.reserve(an_intent(), NOW)
    made.abandon(held.reservation_id, "over")

    assert not made.claim(held.reservation_id, NOW + timedelta(days=1))
    assert made.unfinished(NOW + timedelta(days=1)) == []


@pytest.mark.parametrize("how", ["in a table", "in its row"])
def test_of_an_abandoned_reservation_no_face_is_left(made: Reservations, database: Database, vault: Vault, how: str) -> None:
    over, other = (made.reserve(an_intent(content=DRAFTED, idempotency_key=f"key-{number}"), NOW).reservation_id for number in range(2))
    if how == "in its row":  # as an earlier release wrote it
        with database.write() as connection:
            mine = reservations.c.reservation_id == over
            draft = connection.execute(select(drafts.c.sealed).join(reservations).where(mine)).scalar_one()
            connection.execute(update(reservations).where(mine).values(draft=draft))
            connection.execute(delete(drafts).where(drafts.c.reservation.in_(select(reservations.c.id).where(mine))))
    made.abandon(over, "over")

    content, draft = kept(database, vault, over)
    assert draft is None
    assert not {"body", "private"} & content.keys()
    assert made.get(other).content.items() >= DRAFTED.items()


def test_the_oldest_unfinished_come_first(made: Reservations) -> None:
    ids = [made.reserve(an_intent(idempotency_key=f"key-{number}"), NOW).reservation_id for number in range(4)]

    assert [one.reservation_id for one in made.unfinished(NOW + LEASE, limit=3)] == ids[:3]


def test_a_reservation_is_found_by_its_clients_key(made: Reservations) -> None:
    first = made.reserve(an_intent(), NOW)
    found = made.by_key("approval", "key-1")

    assert found is not None
    assert found.reservation_id == first.reservation_id
    assert made.by_key("other", "key-1") is None
    assert made.by_key("approval", "key-2") is None


def test_what_is_not_there_is_not_in_the_register(made: Reservations) -> None:
    with pytest.raises(NotInRegister):
        made.get("0" * 26)
    with pytest.raises(NotInRegister):
        made.photo("0" * 64)


def test_content_and_photos_lie_encrypted(made: Reservations, database: Database) -> None:
    made.reserve(an_intent(photos={sha256(JPEG): JPEG}, case_key="dep|CASE-1"), NOW)

    with database.read() as connection:
        row = connection.execute(select(reservations)).mappings().one()
        photo = connection.execute(select(photos.c.sealed)).scalar_one()
    assert "陈安途".encode() not in bytes(row["content"])
    assert JPEG not in bytes(photo)
    assert "CASE-1" not in str(dict(row))
    with pytest.raises(Unavailable):
        Reservations(database, Vault(b"w" * 32)).photo(sha256(JPEG))


# -- what its entry alone needs --------------------------------------------------------------------------

DRAFTED = {"body": {"format": "entry/1"}, "private": {"officer": "示例许可科01"}, "request": "0" * 64}


def closed(database: Database, vault: Vault, done: dict[str, int]) -> None:
    """Fulfil reservations."""
    with database.write() as connection:
        fulfil(connection, vault, done)


def kept(database: Database, vault: Vault, reservation_id: str) -> tuple[dict[str, Any], bytes | None]:
    """What is stored: the content, opened, and the draft as it is."""
    with database.read() as connection:
        row = connection.execute(select(reservations).where(reservations.c.reservation_id == reservation_id)).mappings().one()
        draft = connection.execute(select(drafts.c.sealed).where(drafts.c.reservation == row["id"])).scalar_one_or_none()
    assert row["draft"] is None
    return vault.open_json(row["content"], f"reservation:{reservation_id}"), draft


def test_face_and_officer_lie_apart_and_are_gone_once_the_entry_has_come(made: Reservations, database: Database, vault: Vault) -> None:
    one = made.reserve(an_intent(content=DRAFTED), NOW)
    assert one.content.items() >= DRAFTED.items()
    assert made.get(one.reservation_id).content == one.content
    content, draft = kept(database, vault, one.reservation_id)
    assert draft is not None
    assert content.keys() == {"request", "salt", "check_code", "delivery_code", "status"}

    closed(database, vault, {one.reservation_id: 7})

    after = made.get(one.reservation_id)
    assert (after.state, after.sequence, after.check_code, after.delivery_code) == ("entered", 7, one.check_code, one.delivery_code)
    assert after.content == content
    assert kept(database, vault, one.reservation_id) == (content, None)


@pytest.mark.parametrize("how", ["all in one place", "the draft in its row"])
def test_what_an_earlier_release_reserved_is_read_and_fulfilled_too(made: Reservations, database: Database, vault: Vault, how: str) -> None:
    ids = [made.reserve(an_intent(content=DRAFTED, idempotency_key=f"key-{number}"), NOW).reservation_id for number in range(3)]
    old = ids[1]
    whole = dict(made.get(old).content)
    with database.write() as connection:  # as it was written
        mine = reservations.c.reservation_id == old
        draft = connection.execute(select(drafts.c.sealed).join(reservations).where(mine)).scalar_one()
        one_place = how == "all in one place"
        values = {"content": vault.close_json(whole, f"reservation:{old}")} if one_place else {"draft": draft}
        connection.execute(update(reservations).where(mine).values(values))
        connection.execute(delete(drafts).where(drafts.c.reservation.in_(select(reservations.c.id).where(mine))))
    assert made.get(old).content == whole

    closed(database, vault, {one: number for number, one in enumerate(ids, 1)})

    content, draft = kept(database, vault, old)
    assert draft is None
    assert content.keys() == {"request", "salt", "check_code", "delivery_code", "status"}
    assert [(made.get(one).state, made.get(one).sequence) for one in ids] == [("entered", 1), ("entered", 2), ("entered", 3)]


def test_of_several_none_is_fulfilled_where_one_was_carried_by_another(made: Reservations, database: Database, vault: Vault) -> None:
    one, two = (made.reserve(an_intent(content=DRAFTED, idempotency_key=key), NOW).reservation_id for key in ("key-1", "key-2"))
    closed(database, vault, {one: 1})

    with pytest.raises(EntryConflict):
        closed(database, vault, {one: 1, two: 1})
    assert [made.get(each).state for each in (one, two)] == ["entered", "reserved"]


def test_ids_follow_the_clock(made: Reservations) -> None:
    got = [made.reserve(an_intent(idempotency_key=f"key-{day}"), NOW + timedelta(days=day)) for day in range(5)]

    assert [one.reservation_id for one in got] == sorted(one.reservation_id for one in got)
    assert [one.licence_id for one in got] == sorted(one.licence_id for one in got)


def test_the_clock_of_a_reservation_is_the_callers(made: Reservations, clock: Clock) -> None:
    clock.forward(days=3)

    assert made.reserve(an_intent(), clock()).created_at == NOW + timedelta(days=3)
