"""Status lists: bits in their places, the vectors of the standard, changes between two lists."""

import random
import zlib
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licence_service.bundle import Bundle, sign_delta
from licence_service.fold import fold
from licence_service.licence import Act, Licence
from licence_service.status import (
    BITS,
    LIST_BYTES,
    PLACES,
    BadChanges,
    BadList,
    Status,
    blank,
    changed,
    changes,
    compressed,
    expanded,
    put,
    read_days,
    status_at,
    status_of,
    written_days,
)
from licence_service.store.status_index import LIST_BITS
from tests.builders import a_suspension, a_version, an_entry
from tests.offline_cases import AS_OF, KEEPER, bundle

statuses = st.dictionaries(st.integers(0, PLACES - 1), st.sampled_from(Status), max_size=40)
TODAY = date(2026, 6, 25)
WHOLE = zlib.compress(bytes(LIST_BYTES))


def filled(places: dict[int, Status]) -> bytearray:
    """A list with these places taken."""
    made = blank()
    for index, status in places.items():
        put(made, index, status)
    return made


def test_the_two_bit_vector_of_the_standard_is_reproduced() -> None:
    # Token Status List, section "Status List" and its appendix of test vectors.
    places = bytearray(3)
    for index, status in enumerate((1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3)):
        put(places, index, status)

    assert places.hex() == "c944f9"
    assert [int(status_at(places, index)) for index in range(12)] == [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]


def test_a_list_has_a_place_for_every_index_that_is_drawn() -> None:
    assert 1 << LIST_BITS == PLACES
    assert len(blank()) == LIST_BYTES == PLACES * BITS // 8


@given(places=statuses)
@settings(max_examples=30)
def test_what_was_put_is_read_back_and_nothing_else_changes(places: dict[int, Status]) -> None:
    made = filled(places)

    assert {index: status_at(made, index) for index in places} == places
    assert int.from_bytes(made).bit_count() == sum(status.bit_count() for status in places.values())
    for index in places:
        put(made, index, Status.VALID)
    assert made == blank()


@pytest.mark.parametrize("index", [-1, PLACES, 10**12])
def test_a_place_that_the_list_has_not_got_is_refused(index: int) -> None:
    with pytest.raises(BadList):
        status_at(blank(), index)


@pytest.mark.parametrize("share", [0.0, 0.05])
def test_a_list_is_a_zlib_stream_that_any_reader_expands(share: float) -> None:
    rng = random.Random(5)
    made = filled({index: Status(rng.randint(1, 3)) for index in rng.sample(range(PLACES), int(PLACES * share))})

    content = compressed(made)

    assert content[0] == 0x78  # RFC 1950: deflate with a window of 32 KiB
    assert zlib.decompress(content) == expanded(content) == made
    assert len(content) <= len(zlib.compress(bytes(made), 9))


@pytest.mark.parametrize(
    "content",
    [b"", b"junk", zlib.compress(b"short"), zlib.compress(bytes(LIST_BYTES + 1)), WHOLE[:-1], WHOLE + b"x"],
)
def test_anything_but_one_whole_list_is_refused(content: bytes) -> None:
    with pytest.raises(BadList):
        expanded(content)


def test_a_stream_that_never_ends_is_not_expanded_further_than_a_list() -> None:
    with pytest.raises(BadList):
        expanded(zlib.compress(bytes(1 << 24), 1))


# -- changes ---------------------------------------------------------------------------------------------------


@given(before=statuses, after=statuses)
@settings(max_examples=30)
def test_changes_turn_one_list_into_the_other(before: dict[int, Status], after: dict[int, Status]) -> None:
    was, now = filled(before), filled(after)

    said = changes(was, now)

    assert changed(was, said) == now
    assert len(said) <= 4 * len({index for index in before | after if before.get(index) != after.get(index)})


@pytest.mark.parametrize("said", [b"\x80", b"\x00", b"\x03", b"\xff\xff\xff\xff\xff", b"\xff\xff\xff\x03" * 3])
def test_changes_that_nobody_writes_are_refused(said: bytes) -> None:
    with pytest.raises(BadChanges):
        changed(blank(), said)


@given(st.binary(max_size=30))
@settings(max_examples=30)
def test_no_bytes_make_more_of_a_list_than_a_refusal(said: bytes) -> None:
    try:
        assert len(changed(blank(), said)) == LIST_BYTES
        assert changes(blank(), changed(blank(), said)) is not None
    except BadChanges:
        pass


@given(st.dictionaries(st.integers(0, PLACES - 1), st.integers(0, 60_000), max_size=20))
def test_days_of_places_are_read_back(days: dict[int, int]) -> None:
    assert read_days(written_days(days)) == days


def test_a_days_changes_take_little() -> None:
    rng = random.Random(7)
    before = {number: filled(dict.fromkeys(rng.sample(range(PLACES), PLACES // 30), Status.SUPERSEDED)) for number in range(6)}
    after = {number: bytearray(places) for number, places in before.items()}
    for _ in range(5000):
        put(after[rng.randrange(6)], rng.randrange(PLACES), rng.randint(0, 3))
    whole = [
        Bundle(
            bundle().book, AS_OF + timedelta(days=day), AS_OF, None, bundle().issuers, bundle().types, (), {k: bytes(v) for k, v in lists.items()}, {}
        )
        for day, lists in enumerate((before, after))
    ]

    size = len(sign_delta(whole[0], whole[1], KEEPER))

    assert 5_000 < size < 50_000


# -- what the status of a version is ------------------------------------------------------------------------------


def two_versions(*more: object) -> Licence:
    """A licence with two documents and these entries after them."""
    entries = (
        an_entry(Act.ISSUE),
        an_entry(Act.RENEW, sequence=2, version=a_version(2, valid_to=date(2040, 1, 1))),
        *more,
    )
    found = fold(entries, TODAY)  # type: ignore[arg-type]
    assert found
    return found


def test_only_the_current_document_of_a_licence_in_force_is_valid() -> None:
    assert [status_of(two_versions(), number) for number in (1, 2)] == [Status.SUPERSEDED, Status.VALID]


def test_an_end_makes_every_document_invalid() -> None:
    ended = two_versions(an_entry(Act.REVOKE, sequence=3, version=None, effective_on=TODAY))

    assert [status_of(ended, number) for number in (1, 2)] == [Status.INVALID, Status.INVALID]


@pytest.mark.rule("SH-03")
def test_an_old_document_is_superseded_also_while_the_right_is_suspended() -> None:
    halted = two_versions(a_suspension(TODAY, TODAY, sequence=3))

    assert [status_of(halted, number) for number in (1, 2)] == [Status.SUPERSEDED, Status.SUSPENDED]


def test_what_is_over_by_the_calendar_stays_valid_in_the_list() -> None:
    over = fold((an_entry(Act.ISSUE, version=a_version(1, valid_to=TODAY - timedelta(days=1))),), TODAY)

    assert over
    assert over.state == "expired"
    assert status_of(over, 1) is Status.VALID


def test_a_voided_document_and_one_of_no_licence_are_invalid() -> None:
    voided = two_versions(an_entry(Act.VOID, sequence=3, version=None, voided=2))

    assert [status_of(voided, number) for number in (1, 2)] == [Status.VALID, Status.INVALID]
    assert status_of(None, 1) is Status.INVALID
