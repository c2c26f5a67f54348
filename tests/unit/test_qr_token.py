"""The facts in the code on paper: packed to the same bytes always, read back, and nothing else accepted."""

import contextlib
from dataclasses import replace
from datetime import date
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence_service.identifiers import ALPHABET
from licence_service.qr_token import COMPARE_BYTES, MOST_DIGITS, BadCode, CodeFacts, address, message_in, pack, shortened, unpack

FACTS = CodeFacts(7, 2, "A1B2C3D4E5F607182930", 1, date(2026, 6, 20), date(2032, 6, 19), (0, 777), bytes(range(16)), "陈＊＊")
CLAIMS: dict[int, Any] = {1: 7, 2: 2, 3: FACTS.licence_id, 4: 1, 5: 20624, 6: 22815, 7: [0, 777], 8: bytes(range(16)), 9: "陈＊＊"}

facts = st.builds(
    CodeFacts, st.integers(0, 999), st.integers(0, 999), st.text(ALPHABET, min_size=20, max_size=20), st.integers(1, 999),
    st.dates(date(1950, 1, 1), date(2199, 12, 31)), st.none() | st.dates(date(1950, 1, 1), date(2199, 12, 31)),
    st.tuples(st.integers(0, 4000), st.integers(0, 2**20 - 1)), st.binary(min_size=16, max_size=16),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60), st.none() | st.dates(date(1950, 1, 1), date(2199, 12, 31)),
)  # fmt: skip


def test_the_packed_bytes_are_those_of_the_written_form() -> None:
    assert pack(FACTS) == cbor2.dumps(CLAIMS, canonical=True)
    assert pack(replace(FACTS, valid_to=None, conditions_until=date(1970, 1, 2))) == cbor2.dumps(
        {key: value for key, value in CLAIMS.items() if key != 6} | {11: 1}, canonical=True
    )
    assert pack(FACTS).hex().startswith("a901070202" + "0374")


@given(code=facts)
def test_what_was_packed_is_read_back(code: CodeFacts) -> None:
    assert unpack(pack(code)) == replace(code, compare=shortened(code.compare))
    assert pack(code) == pack(replace(code))
    assert len(pack(code)) < 130


@given(message=st.binary(max_size=490), host=st.sampled_from(["https://ezz.example.gov.cn", "HTTPS://X.CN"]))
def test_a_message_comes_back_from_its_address(message: bytes, host: str) -> None:
    text = address(host, message)
    prefix, digits = text.split("/Q/1")

    assert prefix == host.upper()
    assert digits.isdecimal()
    assert message_in(digits) == message


def test_leading_zeros_of_a_message_are_kept() -> None:
    assert message_in(address("https://x.cn", bytes(3)).split("/Q/1")[1]) == bytes(3)
    assert address("https://x.cn", b"\x00") == "HTTPS://X.CN/Q/1256"


@given(text=st.text(max_size=30) | st.text("0123456789", max_size=MOST_DIGITS + 50))
def test_hostile_digits_are_a_message_or_a_bad_code_and_nothing_else(text: str) -> None:
    with contextlib.suppress(BadCode):  # a refusal is right too; any other exception fails the test
        assert str(int.from_bytes(b"\x01" + message_in(text))) == text


@pytest.mark.parametrize(
    "digits", ["", "0", "0256", "-256", "+256", " 256", "256\n", "２５６", "²", "1e5", "2", "512", "9" * (MOST_DIGITS + 1), "9" * 100_000]
)
def test_digits_that_are_no_code_of_ours_are_refused(digits: str) -> None:
    with pytest.raises(BadCode):
        message_in(digits)


def test_the_longest_code_that_can_be_read_is_the_stated_one() -> None:
    longest = b"\xff" * 497

    assert len(str(int.from_bytes(b"\x01" + longest))) <= MOST_DIGITS
    assert message_in(str(int.from_bytes(b"\x01" + longest))) == longest


@given(payload=st.binary(max_size=600))
def test_hostile_bytes_raise_nothing_but_a_bad_code(payload: bytes) -> None:
    with contextlib.suppress(BadCode):  # a refusal is right too; any other exception fails the test
        assert pack(unpack(payload)) == payload


cbor_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers(0, 12), inner, max_size=3),
    max_leaves=4,
)


@given(key=st.sampled_from(sorted(CLAIMS)), value=cbor_values)
def test_a_claim_of_another_kind_is_refused_or_read_as_the_same_bytes(key: int, value: object) -> None:
    payload = cbor2.dumps(CLAIMS | {key: value}, canonical=True)
    with contextlib.suppress(BadCode):  # a refusal is right too; any other exception fails the test
        assert pack(unpack(payload)) == payload


@pytest.mark.parametrize(
    "claims",
    [
        [], "text", 7, None, {}, {1: 7},
        CLAIMS | {10: "more"}, CLAIMS | {99: []}, CLAIMS | {"9": "x"}, {key: value for key, value in CLAIMS.items() if key != 5},
        CLAIMS | {1: True}, CLAIMS | {1: "7"}, CLAIMS | {2: -1}, CLAIMS | {4: 1.0}, CLAIMS | {4: None}, CLAIMS | {3: 5}, CLAIMS | {3: b"A" * 20},
        CLAIMS | {5: 1.5}, CLAIMS | {5: 10**12}, CLAIMS | {5: 10**400}, CLAIMS | {5: "2026"}, CLAIMS | {6: None}, CLAIMS | {6: float("nan")},
        CLAIMS | {7: "ab"}, CLAIMS | {7: [1]}, CLAIMS | {7: [1, 2, 3]}, CLAIMS | {7: [1, "2"]}, CLAIMS | {7: {0: 1, 1: 2}}, CLAIMS | {7: None},
        CLAIMS | {8: "x" * 16}, CLAIMS | {8: bytes(15)}, CLAIMS | {8: bytes(17)}, CLAIMS | {9: 5}, CLAIMS | {9: "x" * 43}, CLAIMS | {11: None},
        {(True if key == 1 else key): value for key, value in CLAIMS.items()},
    ],
)  # fmt: skip
def test_claims_that_are_not_ours_are_refused(claims: object) -> None:
    with pytest.raises(BadCode):
        unpack(cbor2.dumps(claims, canonical=True))


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xff", pack(FACTS) + b"\x00", pack(FACTS)[:-1], cbor2.dumps(dict(reversed(CLAIMS.items()))), b"\x81" * 498,
    b"\x81" * 5000, b"\x5b" + b"\x7f" + b"\xff" * 7, b"\xa1\x81\x00\x00"],
)  # fmt: skip
def test_bytes_that_are_not_exactly_our_form_are_refused(payload: bytes) -> None:
    with pytest.raises(BadCode):
        unpack(payload)


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_the_text_to_compare_is_cut_visibly_and_never_in_a_character(text: str) -> None:
    cut = shortened(text)

    assert len(cut.encode()) <= COMPARE_BYTES
    assert cut == text or (cut.endswith("…") and text.startswith(cut[:-1]) and len(text.encode()) > COMPARE_BYTES)
    assert shortened(cut) == cut


def test_a_text_of_exactly_the_limit_stays_whole() -> None:
    assert shortened("字" * 14) == "字" * 14
    assert shortened("字" * 15) == "字" * 13 + "…"
