"""COSE_Sign1 and raw ES256: vectors, a foreign reader, and every byte counted."""

import cbor2
import cwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from licence_service.seal.tokens import BadToken, CodeSigner, Opened, kid_of, open1, sign1, verify

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
KID = bytes.fromhex("01020304")
# RFC 6979 A.2.5, the key of P-256.
KEY = ec.derive_private_key(0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721, ec.SECP256R1())
SIGNER = CodeSigner(KID, KEY)
KEYS = {KID: KEY.public_key()}
PAYLOAD = cbor2.dumps({1: 7, 2: 3, 3: "0123456789ABCDEFGHJK"}, canonical=True)


def test_the_vectors_of_rfc_6979_hold_with_low_s() -> None:
    r = 0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716
    s = 0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8
    assert SIGNER.sign(b"sample") == r.to_bytes(32, "big") + (ORDER - s).to_bytes(32, "big")
    r = 0xF1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367
    s = 0x019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083
    assert SIGNER.sign(b"test") == r.to_bytes(32, "big") + s.to_bytes(32, "big")


def test_a_message_is_84_bytes_longer_than_a_short_payload_and_has_the_documented_bytes() -> None:
    message = sign1(b"payload", SIGNER)
    assert message.hex().startswith("84" + "49" + "a201260444" + "01020304" + "a0" + "47" + b"payload".hex() + "5840")
    assert len(message) == 7 + 1 + 1 + 10 + 1 + 66
    assert message[-64:] == SIGNER.sign(cbor2.dumps(["Signature1", message[2:11], b"", b"payload"]))


def test_the_same_payload_gives_the_same_message() -> None:
    assert sign1(PAYLOAD, SIGNER) == sign1(PAYLOAD, SIGNER)


@pytest.mark.parametrize("length", [0, 1, 23, 24, 75, 255, 256, 3000, 65535, 65536])
def test_a_message_is_the_deterministic_encoding_whatever_its_length(length: int) -> None:
    payload = bytes(number % 256 for number in range(length))
    protected = cbor2.dumps({1: -7, 4: KID}, canonical=True)
    signature = SIGNER.sign(cbor2.dumps(["Signature1", protected, b"", payload], canonical=True))
    assert sign1(payload, SIGNER) == cbor2.dumps([protected, {}, payload, signature], canonical=True)


def test_two_keys_never_share_a_head() -> None:
    other = CodeSigner(b"\x40" * 4, KEY)
    assert kid_of(sign1(PAYLOAD, other)) == b"\x40" * 4
    assert kid_of(sign1(PAYLOAD, SIGNER)) == KID


def test_what_was_signed_opens() -> None:
    assert open1(sign1(PAYLOAD, SIGNER), KEYS) == Opened(PAYLOAD, KID)


def test_a_foreign_implementation_accepts_the_message() -> None:
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    foreign = cwt.COSEKey.from_pem(pem, alg="ES256", kid=KID)
    assert cwt.COSE.new().decode(b"\xd2" + sign1(PAYLOAD, SIGNER), foreign) == PAYLOAD


def test_a_message_of_a_foreign_implementation_opens_when_its_s_is_low() -> None:
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    foreign = cwt.COSEKey.from_pem(pem, alg="ES256", kid=KID)
    opened = 0
    for _ in range(20):
        message = cwt.COSE.new().encode_and_sign(PAYLOAD, foreign, {1: -7, 4: KID}, {})[1:]
        if int.from_bytes(message[-32:], "big") <= ORDER // 2:
            opened += open1(message, KEYS) == Opened(PAYLOAD, KID)
        else:
            with pytest.raises(BadToken):
                open1(message, KEYS)
    assert opened


def test_every_flipped_byte_is_refused() -> None:
    message = sign1(PAYLOAD, SIGNER)
    for place in range(len(message)):
        for mask in (0x01, 0x20, 0x80, 0xFF):
            flipped = message[:place] + bytes([message[place] ^ mask]) + message[place + 1 :]
            with pytest.raises(BadToken):
                open1(flipped, KEYS)


def test_every_shortened_or_lengthened_message_is_refused() -> None:
    message = sign1(PAYLOAD, SIGNER)
    for other in (*(message[:length] for length in range(len(message))), message + b"\0", b"\0" + message):
        with pytest.raises(BadToken):
            open1(other, KEYS)


def test_the_twin_with_high_s_is_refused() -> None:
    message = sign1(PAYLOAD, SIGNER)
    twin = message[:-32] + (ORDER - int.from_bytes(message[-32:], "big")).to_bytes(32, "big")
    with pytest.raises(BadToken):
        open1(twin, KEYS)


@pytest.mark.parametrize(
    "parts",
    [
        [b"", {}, b"p", bytes(64)],
        [cbor2.dumps({4: KID}), {}, b"p", bytes(64)],
        [cbor2.dumps({1: -7, 4: KID, 5: 1}), {}, b"p", bytes(64)],
        [cbor2.dumps({1: -7, 4: KID}), {4: KID}, b"p", bytes(64)],
        [cbor2.dumps({1: -7, 4: KID}), {}, b"p", bytes(63)],
        [cbor2.dumps({1: -7, 4: KID}), {}, b"p", bytes(64)],
        [cbor2.dumps({1: -7, 4: KID}), {}, None, bytes(64)],
        [cbor2.dumps({1: -7, 4: KID}), {}, "p", bytes(64)],
        [1, 2, 3, 4],
    ],
)
def test_another_shape_is_refused(parts: list[object]) -> None:
    with pytest.raises(BadToken):
        open1(cbor2.dumps(parts, canonical=True), KEYS)


def test_the_same_message_written_in_another_way_is_refused() -> None:
    message = sign1(PAYLOAD, SIGNER)
    longer_length = message[:1] + b"\x58\x09" + message[2:]
    indefinite = b"\x9f" + message[1:] + b"\xff"
    tagged = b"\xd2" + message
    for other in (longer_length, indefinite, tagged):
        with pytest.raises(BadToken):
            open1(other, KEYS)


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(BadToken):
        open1(sign1(PAYLOAD, CodeSigner(b"\xff" * 4, KEY)), KEYS)


@pytest.mark.parametrize("message", [b"\x84" * 4000, b"\x84" + b"\x81" * 4000, b"\x84" * 10_000_000])
def test_nested_bombs_are_refused(message: bytes) -> None:
    with pytest.raises(BadToken):
        open1(message, KEYS)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_an_orderly_way(message: bytes) -> None:
    with pytest.raises(BadToken):
        open1(message, KEYS)


@given(st.binary(max_size=300))
def test_a_signature_over_any_bytes_verifies_over_them_alone(data: bytes) -> None:
    signature = SIGNER.sign(data)
    assert verify(KEY.public_key(), data, signature)
    assert not verify(KEY.public_key(), data + b"x", signature)
    assert not verify(KEY.public_key(), data, signature[:-1])
    assert int.from_bytes(signature[32:], "big") <= ORDER // 2


def test_a_zero_signature_verifies_nothing() -> None:
    assert not verify(KEY.public_key(), b"data", bytes(64))


def test_a_code_key_has_four_bytes_of_name_and_lies_on_p256() -> None:
    with pytest.raises(ValueError, match="four bytes"):
        CodeSigner(b"123", KEY)
    with pytest.raises(ValueError, match="P-256"):
        CodeSigner(KID, ec.generate_private_key(ec.SECP384R1()))


def test_a_signer_never_shows_its_key() -> None:
    assert "key" not in repr(SIGNER)
