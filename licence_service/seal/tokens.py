"""Short messages signed by a department's code keys: COSE_Sign1 for the code on paper, raw ES256 for statements.

Signatures are ES256 (P-256, SHA-256) as 64 bytes r ‖ s (RFC 9053 §2.1), with a deterministic nonce (RFC 6979), so
that drawing a page again gives the same code and hence the same bytes, and with low s, so that nobody can make a
second valid message out of a first one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TypeAlias

import cbor2
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from licence_service.digests import sha256
from licence_service.errors import Fault, RequestRejected
from licence_service.seal.ecdsa import HIGHEST_S, PART, raw_signature

KID_BYTES = 4
CodeKeys: TypeAlias = Mapping[bytes, ec.EllipticCurvePublicKey]  # public code keys by kid
MAX_MESSAGE_BYTES = 4096  # a code on paper has 200; this only keeps a decoder from being fed a bomb

_ES256 = ec.ECDSA(hashes.SHA256())
_NO_BYTES = b"\x40"  # an empty byte string
_SIGNATURE_HEAD = b"\x58\x40"  # a byte string of 64
_START, _NO_MAP = bytes.fromhex("8449a201260444"), b"\xa0"  # what stands before the kid (docs/formats.md §3), and behind it: nothing unprotected
_ALG, _KID, _ES256_ID = 1, 4, -7  # RFC 9052 §3.1, RFC 9053 table 1


class Purpose(StrEnum):
    """What a code key is for (DOMAIN SE-04): one that is lost, or misused, proves nothing of another purpose."""

    LICENCE = "licence"  # what stands for a licence: codes on paper, on screens and on copies
    ENDORSEMENT = "endorsement"
    STATUS = "status"  # status lists, bundles, their deltas and times
    EVIDENCE = "evidence"  # heads, answers, receipts, notes


EVERY_PURPOSE = frozenset(Purpose)


class BadToken(ValueError):  # noqa: N818 - facts are named without a suffix
    """The message is not one that this service made: shape, encoding, key or signature is wrong."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A message whose signature was right: its payload bytes and the four bytes that name the key."""

    payload: bytes
    kid: bytes


@dataclass(frozen=True, slots=True)
class CodeSigner:
    """A department's key for one purpose or several: P-256, named by `kid` (four bytes), apart from the seal's key (DOMAIN SE-04)."""

    kid: bytes
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a name of the wrong length or a key on another curve with `ValueError`."""
        if len(self.kid) != KID_BYTES:
            raise ValueError("a kid has four bytes")
        if not isinstance(self.key.curve, ec.SECP256R1):
            raise ValueError("a code key lies on P-256")  # noqa: TRY004 - the type is right, the curve is not

    def sign(self, data: bytes) -> bytes:
        """Sign `data` and return 64 bytes r ‖ s; the same data gives the same signature."""
        return raw_signature(self.key, data)


def verify(public_key: ec.EllipticCurvePublicKey, data: bytes, signature: bytes) -> bool:
    """Say whether `signature` (64 bytes r ‖ s, low s) over `data` was made with the key of `public_key`."""
    if len(signature) != 2 * PART:
        return False
    r, s = int.from_bytes(signature[:PART], "big"), int.from_bytes(signature[PART:], "big")
    if s > HIGHEST_S:
        return False
    try:
        public_key.verify(encode_dss_signature(r, s), data, _ES256)
    except InvalidSignature:
        return False
    return True


def key_id(public_key: str) -> str:
    """Return the name of a body's key: the first 16 hexadecimal digits of SHA-256 over its SubjectPublicKeyInfo."""
    der = _p256(public_key).public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return sha256(der)[:16]


def is_signed(public_key: str, data: bytes, signature: bytes) -> bool:
    """Say whether a body signed `data`; `public_key` is PEM of a P-256 key, `signature` 64 bytes r ‖ s with low s."""
    return verify(_p256(public_key), data, signature)


def public_keys(said: Mapping[str, str]) -> dict[bytes, ec.EllipticCurvePublicKey]:
    """Read public code keys by kid, as `Keyring.public_code_keys` writes them."""
    return {bytes.fromhex(kid): _p256(pem) for kid, pem in said.items()}


def purposes_in(told: Mapping[str, object], name: str) -> frozenset[Purpose]:
    """Return what a key is good for by the list under `name`; everything where none is told, as before there were purposes.

    A purpose that this release does not know is passed over: the key is good for nothing by it. `ValueError` for what is no list.
    """
    if name not in told:
        return EVERY_PURPOSE
    said = told[name]
    if not isinstance(said, list):
        raise ValueError("not a list of purposes")  # noqa: TRY004 - as for any other value that is wrong
    return frozenset(one for one in Purpose if one.value in said)


def _p256(pem: str) -> ec.EllipticCurvePublicKey:
    """Read a public key; raise `RequestRejected` for anything but P-256."""
    wrong = RequestRejected(faults=[Fault("public_key", "not-p256", "PEM of a P-256 public key is wanted here")])
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise wrong from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise wrong
    return key


def sign1(payload: bytes, key: CodeSigner) -> bytes:
    """Return the untagged COSE_Sign1 of `payload` (RFC 9052 §4.2), 84 bytes longer than a short payload."""
    before, before_signed = _heads(key.kid)
    encoded = _string_head(len(payload)) + payload
    return before + encoded + _SIGNATURE_HEAD + key.sign(before_signed + encoded)


@lru_cache(maxsize=256)  # one for each department's key
def _heads(kid: bytes) -> tuple[bytes, bytes]:
    """Return what stands before the payload: in the message, and in the Sig_structure that is signed."""
    protected = _protected(kid)
    return _encode([protected, {}, b"", b""])[: -len(_NO_BYTES) * 2], _to_be_signed(protected, b"")[: -len(_NO_BYTES)]


@lru_cache(maxsize=512)  # payloads of one kind have similar lengths
def _string_head(length: int) -> bytes:
    """Return the head of a byte string of so many bytes (RFC 8949 §3.1)."""
    encoded = _encode(bytes(length))
    return encoded[: len(encoded) - length]


def open1(message: bytes, keys: CodeKeys) -> Opened:
    """Check a COSE_Sign1 against the key its `kid` names in `keys` and return what it carries.

    Raise `BadToken` for anything else than the one deterministic encoding (RFC 8949 §4.2.1) of the one shape
    that `sign1` makes, for an unknown `kid`, and for a wrong signature.
    """
    kid, payload, signature = _taken_apart(message)
    public_key = keys.get(kid)
    if public_key is None:
        raise BadToken("the key is not known")
    if not verify(public_key, _heads(kid)[1] + _string_head(len(payload)) + payload, signature):
        raise BadToken("the signature is wrong")
    return Opened(payload, kid)


def kid_of(message: bytes) -> bytes:
    """Return the four bytes by which a message names its key; nothing is checked. `BadToken` where it is no message of ours."""
    return _taken_apart(message)[0]


def _taken_apart(message: bytes) -> tuple[bytes, bytes, bytes]:
    """Return kid, payload and signature as they stand, or raise `BadToken`.

    No decoder of CBOR sees these bytes before the signature is checked: it would also make dates, regular expressions and more of them.
    """
    kid, rest = message[len(_START) :][:KID_BYTES], message[len(_START) + KID_BYTES :]
    if not message.startswith(_START) or not rest.startswith(_NO_MAP) or len(message) > MAX_MESSAGE_BYTES:
        raise BadToken("not an array of four")
    tail = len(_SIGNATURE_HEAD) + 2 * PART
    payload = rest[len(_NO_MAP) : -tail]
    payload = payload[_head_bytes(payload) :]
    if rest != _NO_MAP + _string_head(len(payload)) + payload + _SIGNATURE_HEAD + rest[-2 * PART :]:
        raise BadToken("not the one encoding of this message")
    return kid, payload, rest[-2 * PART :]


def _head_bytes(string: bytes) -> int:
    """Return how many bytes the head of a byte string has, by its first one (RFC 8949 §3); whether it is right is compared."""
    return {0x58: 2, 0x59: 3}.get(string[0], 1) if string else 0


def _protected(kid: bytes) -> bytes:
    return _encode({_ALG: _ES256_ID, _KID: kid})


def _to_be_signed(protected: bytes, payload: bytes) -> bytes:
    """Return the Sig_structure with an empty external_aad (RFC 9052 §4.4)."""
    return _encode(["Signature1", protected, b"", payload])


def _encode(value: object) -> bytes:
    return cbor2.dumps(value, canonical=True)
