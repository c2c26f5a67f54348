"""The show code: packed to the same bytes always, read back, nothing else accepted; and how it stands in time."""

import contextlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from licence_service import qr_token, show_code
from licence_service.document.code import matrix
from licence_service.identifiers import ALPHABET
from licence_service.licence import LicenceState
from licence_service.qr_token import BadCode
from licence_service.seal.tokens import CodeSigner, sign1
from licence_service.show_code import ShowFacts, Timed, Timing, timed

AT = datetime(2026, 11, 28, 4, 0, tzinfo=UTC)
FACTS = ShowFacts(
    7, 2, "0BYW97UM9S91DLZ68TSI", 1, AT, 60, bytes(range(16)), bytes(range(16, 32)), "anyone", LicenceState.IN_FORCE, date(2032, 6, 19), (0, 777)
)
KEY = CodeSigner(bytes.fromhex("5a17e57e"), ec.derive_private_key(77, ec.SECP256R1()))
KEYS = {KEY.kid: KEY.key.public_key()}
MINUTES = timedelta(minutes=1)

facts = st.builds(
    ShowFacts, st.integers(0, 999), st.integers(0, 999), st.text(ALPHABET, min_size=20, max_size=20), st.integers(1, 999),
    st.integers(0, 2**33).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)), st.integers(30, 300), st.binary(min_size=16, max_size=16),
    st.binary(min_size=16, max_size=16), st.sampled_from(show_code.AUDIENCES), st.sampled_from(show_code.STATES),
    st.none() | st.dates(date(1950, 1, 1), date(2199, 12, 31)), st.tuples(st.integers(0, 4000), st.integers(0, 2**20 - 1)),
)  # fmt: skip


@given(code=facts)
def test_what_was_packed_is_read_back(code: ShowFacts) -> None:
    packed = show_code.pack(code)
    assert show_code.unpack(packed) == code
    assert packed == cbor2.dumps(cbor2.loads(packed), canonical=True)


def test_a_code_is_read_with_the_key_that_made_it_and_with_no_other() -> None:
    digits = show_code.make(FACTS, KEY)
    assert show_code.read(digits, KEYS) == (FACTS, KEY.kid)
    other = ec.derive_private_key(78, ec.SECP256R1()).public_key()
    for keys in ({}, {KEY.kid: other}):
        with pytest.raises(BadCode):
            show_code.read(digits, keys)


@given(place=st.integers(0, 400), digit=st.sampled_from("0123456789"))
def test_no_digit_can_be_changed(place: int, digit: str) -> None:
    digits = show_code.make(FACTS, KEY)
    place %= len(digits)
    changed = digits[:place] + digit + digits[place + 1 :]
    if changed != digits:
        with pytest.raises(BadCode):
            show_code.read(changed, KEYS)


@given(text=st.text(max_size=30) | st.text("0123456789", max_size=1300))
def test_hostile_digits_are_refused_and_nothing_else(text: str) -> None:
    with pytest.raises(BadCode):
        show_code.read(text, KEYS)


def test_what_a_decoder_of_cbor_would_make_of_strange_tags_is_never_tried() -> None:
    for tagged in (
        b"\xd8\x23\xf9\x27\xad",
        b"\xd8\x23\x61(",
        b"\xc1\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00",
        b"\xc4\x82\x1b\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    ):
        for message in (b"\x84" + tagged * 4, b"\x84\x49\xa2\x01\x26\x04\x44kkkk\xa0" + tagged + b"\x58\x40" + bytes(64)):
            with pytest.raises(BadCode):
                show_code.read(qr_token.digits_of(message), KEYS)


said = st.integers() | st.binary() | st.text() | st.lists(st.integers())


@given(payload=st.binary(max_size=200) | st.dictionaries(st.integers(0, 13), said).map(cbor2.dumps))
def test_hostile_claims_under_a_right_signature_are_refused(payload: bytes) -> None:
    with contextlib.suppress(BadCode):  # a refusal is right; any other exception fails the test
        assert show_code.pack(show_code.unpack(payload)) == payload


@pytest.mark.parametrize(
    "changed",
    [{6: 29}, {6: 301}, {7: bytes(15)}, {8: bytes(17)}, {9: 2}, {9: -1}, {10: 8}, {1: True}, {12: [0, 777, 1]}, {13: 0}, {3: b"x"}, {5: 2**60}],
)
def test_claims_out_of_bounds_are_refused(changed: dict[int, Any]) -> None:
    said = cbor2.loads(show_code.pack(FACTS)) | changed
    with pytest.raises(BadCode):
        show_code.unpack(cbor2.dumps(said, canonical=True))


def test_a_show_code_is_no_code_on_paper_and_the_other_way_round() -> None:
    paper = qr_token.CodeFacts(7, 2, FACTS.licence_id, 1, date(2026, 6, 20), date(2032, 6, 19), (0, 777), bytes(16), "陈＊＊")
    with pytest.raises(BadCode):
        qr_token.unpack(show_code.pack(FACTS))
    with pytest.raises(BadCode):
        show_code.read(qr_token.digits_of(sign1(qr_token.pack(paper), KEY)), KEYS)


def test_the_longest_code_fits_the_symbol_of_the_code_on_paper() -> None:
    longest = replace(FACTS, type_index=999, issuer_index=9999, version=999, life=300, valid_to=date(2199, 12, 31), status=(4000, 2**20 - 1))
    address = show_code.address("https://a-host-of-32-characters.gov.cn", show_code.make(longest, KEY))
    assert len(matrix(address)) <= 61  # version 11
    assert show_code.digits_in(address, "https://a-host-of-32-characters.gov.cn") == address.rpartition("/D/1")[2]
    assert show_code.digits_in(address.lower(), "https://elsewhere.cn") is None


def test_bindings_of_two_licences_sessions_or_days_have_nothing_in_common() -> None:
    day = date(2026, 11, 28)
    bindings = {
        show_code.binding_of(session, licence, on)
        for session in ("one", "two")
        for licence in ("A" * 20, "B" * 20)
        for on in (day, date(2026, 11, 29))
    }
    assert len(bindings) == 8


@pytest.mark.rule("SH-05")
@pytest.mark.parametrize(
    ("at", "server_time", "wanted"),
    [
        (AT, None, Timed(Timing.LIVING)),
        (AT + timedelta(seconds=59), None, Timed(Timing.LIVING)),
        (AT + timedelta(seconds=60), None, Timed(Timing.EXPIRED)),
        (AT - timedelta(seconds=30), None, Timed(Timing.LIVING)),  # two clocks are never the same
        (AT - timedelta(seconds=31), None, Timed(Timing.CLOCK, -31)),
        (AT - 10 * MINUTES, None, Timed(Timing.CLOCK, -600)),  # a code from the future shows that the clock is behind
        (AT + 10 * MINUTES, None, Timed(Timing.EXPIRED)),  # a clock that is ahead cannot be told from an old code …
        (AT + 10 * MINUTES, AT + timedelta(seconds=5), Timed(Timing.CLOCK, 595)),  # … unless a server says what time it is
        (AT - 10 * MINUTES, AT + timedelta(seconds=5), Timed(Timing.CLOCK, -605)),
        (AT + 4 * MINUTES, AT + timedelta(seconds=5), Timed(Timing.LIVING)),  # within the allowance the server's time counts
        (AT + timedelta(seconds=5), AT + 4 * MINUTES, Timed(Timing.EXPIRED)),
    ],
)
def test_a_code_in_time(at: datetime, server_time: datetime | None, wanted: Timed) -> None:
    assert timed(FACTS, at, server_time) == wanted
    assert FACTS.refresh_at == AT + timedelta(seconds=30)
    assert FACTS.expires_at == AT + timedelta(seconds=60)
