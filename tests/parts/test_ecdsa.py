"""Low s, read and written by hand, against the library's own reading and writing."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import example, given
from hypothesis import strategies as st

from licence_service.seal.ecdsa import HIGHEST_S, ORDER, der_signature, raw_signature

# RFC 6979 A.2.5, the key of P-256.
KEY = ec.derive_private_key(0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721, ec.SECP256R1())
PLAIN = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
SHORT_R, SHORT_LOW_S, SHORT_HIGH_S, SIGN_BIT = b"1708", b"192", b"914", b"34"  # messages whose signatures are of rare lengths


def _expected(data: bytes) -> tuple[int, int]:
    """The plain definition: the library's signature, taken apart by the library, with the lower s."""
    r, s = decode_dss_signature(KEY.sign(data, PLAIN))
    return r, min(s, ORDER - s)


@given(data=st.binary(max_size=200))
@example(data=SHORT_R)
@example(data=SHORT_LOW_S)
@example(data=SHORT_HIGH_S)
@example(data=SIGN_BIT)
def test_both_forms_are_those_of_the_plain_definition(data: bytes) -> None:
    r, s = _expected(data)

    assert der_signature(KEY, data) == encode_dss_signature(r, s)
    assert raw_signature(KEY, data) == r.to_bytes(32, "big") + s.to_bytes(32, "big")


@pytest.mark.parametrize(
    ("data", "r_bits", "s_bits", "was_high"),
    [(SHORT_R, 247, 256, None), (SHORT_LOW_S, 256, 247, False), (SHORT_HIGH_S, 256, 240, True), (SIGN_BIT, 256, 248, True)],
)
def test_the_examples_are_of_the_rare_lengths(data: bytes, r_bits: int, s_bits: int, was_high: bool | None) -> None:
    r, s = _expected(data)
    high = decode_dss_signature(KEY.sign(data, PLAIN))[1] > HIGHEST_S

    assert r.bit_length() <= r_bits
    assert s.bit_length() <= s_bits
    assert high is was_high or was_high is None


def test_what_is_made_holds() -> None:
    for number in range(50):
        KEY.public_key().verify(der_signature(KEY, bytes(number)), bytes(number), ec.ECDSA(hashes.SHA256()))
