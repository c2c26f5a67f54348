"""Sensitive values at rest: encrypted to their row, found only by a keyed index."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence_service.errors import Misconfigured, Unavailable
from licence_service.store.payload import Vault, token_digest

MINE, OTHERS = Vault(b"v" * 32), Vault(b"w" * 32)


@given(content=st.binary(max_size=200), row=st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_what_was_closed_up_opens_again_and_is_never_twice_the_same(content: bytes, row: str) -> None:
    sealed = MINE.close_up(content, row)

    assert MINE.open(sealed, row) == content
    assert sealed != MINE.close_up(content, row)
    assert len(sealed) == len(content) + 28


def test_json_comes_back_as_it_was() -> None:
    value = {"face": {"person_name": "陈安途"}, "salt": None, "list": [1, "2"]}

    assert MINE.open_json(MINE.close_json(value, "r"), "r") == value


@pytest.mark.parametrize("place", [0, 11, 12, 20, -1])
def test_a_changed_byte_is_found(place: int) -> None:
    sealed = bytearray(MINE.close_up(b"content of a row", "r"))
    sealed[place] ^= 1

    with pytest.raises(Unavailable):
        MINE.open(bytes(sealed), "r")


@pytest.mark.parametrize("sealed", [b"", b"x" * 11, b"x" * 12, b"x" * 27])
def test_what_is_too_short_is_unavailable_and_not_a_crash(sealed: bytes) -> None:
    with pytest.raises(Unavailable):
        MINE.open(sealed, "r")


def test_a_ciphertext_of_another_row_or_key_does_not_open() -> None:
    sealed = MINE.close_up(b"content", "entry:A:1")

    with pytest.raises(Unavailable):
        MINE.open(sealed, "entry:A:2")
    with pytest.raises(Unavailable):
        OTHERS.open(sealed, "entry:A:1")


def test_a_blind_index_meets_its_equal_and_nothing_else() -> None:
    assert MINE.blind("number", "陈") == MINE.blind("number", "陈")
    assert (
        len({MINE.blind("number", "a"), MINE.blind("numbe", "ra"), MINE.blind("name", "a"), OTHERS.blind("number", "a"), MINE.blind("number", "b")})
        == 5
    )
    assert len(MINE.blind("number", "a")) == 64


def test_the_keys_of_the_vault_differ_from_each_other_and_from_the_secret() -> None:
    assert MINE.permutation_key != b"v" * 32
    assert MINE.permutation_key != OTHERS.permutation_key
    assert len(MINE.permutation_key) == 32


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_secret_of_another_length_is_said_at_start(length: int) -> None:
    with pytest.raises(Misconfigured, match="LICENCE_PAYLOAD_KEY"):
        Vault(bytes(length))


def test_token_digests_are_not_the_plain_sha256() -> None:
    assert token_digest("a") != "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    assert token_digest("a") == token_digest("a") != token_digest("b")
