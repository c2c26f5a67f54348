"""Places in the status lists: every running number its own, and nothing to be read from a place."""

import hmac
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence_service.store.status_index import LIST_BITS, place

KEY, OTHER = b"k" * 32, b"o" * 32
SIZE = 1 << LIST_BITS
numbers = st.integers(0, 5 * SIZE)


def test_a_place_once_given_never_moves() -> None:
    assert [place(number, KEY) for number in (0, 1, SIZE - 1, SIZE)] == [(0, 113662), (0, 359463), (0, 110673), (1, 314320)]


@given(number=numbers)
def test_a_place_lies_in_the_list_of_its_number(number: int) -> None:
    listed, index = place(number, KEY)

    assert listed == number // SIZE
    assert 0 <= index < SIZE


@given(one=numbers, two=numbers)
def test_two_numbers_never_share_a_place(one: int, two: int) -> None:
    assert (place(one, KEY) == place(two, KEY)) == (one == two)


@pytest.mark.parametrize("start", [0, SIZE - 2_000])
def test_thousands_of_numbers_in_a_row_have_places_of_their_own(start: int) -> None:
    assert len({place(number, KEY) for number in range(start, start + 4_000)}) == 4_000


def backwards(listed: int, index: int, key: bytes) -> int:
    """Undo the rounds: that this is possible at all shows that the whole list is one permutation."""
    left, right = index >> 10, index & 1023
    for round_number in reversed(range(6)):
        message = bytes([round_number]) + listed.to_bytes(8) + left.to_bytes(2)
        mixed = int.from_bytes(hmac.digest(key, message, "sha256")[:2]) & 1023
        left, right = right ^ mixed, left
    return listed * SIZE + (left << 10 | right)


@given(number=numbers, key=st.binary(min_size=32, max_size=32))
def test_every_place_leads_back_to_its_number(number: int, key: bytes) -> None:
    assert backwards(*place(number, key), key) == number


@given(listed=st.integers(0, 5), index=st.integers(0, SIZE - 1))
def test_every_place_of_a_list_is_given_to_some_number(listed: int, index: int) -> None:
    assert place(backwards(listed, index, KEY), KEY) == (listed, index)


def test_another_key_or_list_gives_another_order() -> None:
    mine = [place(number, KEY)[1] for number in range(200)]

    assert sum(one == two for one, two in zip(mine, [place(number, OTHER)[1] for number in range(200)], strict=True)) < 3
    assert sum(one == two for one, two in zip(mine, [place(SIZE + number, KEY)[1] for number in range(200)], strict=True)) < 3


def test_neighbours_are_strangers() -> None:
    indexes = [place(number, KEY)[1] for number in range(2000)]
    near = sum(abs(one - two) < SIZE // 100 for one, two in itertools.pairwise(indexes))

    assert near < 100
    assert 0.4 * SIZE < sum(indexes) / len(indexes) < 0.6 * SIZE
