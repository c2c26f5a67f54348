"""Signed status lists and bundles: JWS in compact form (RFC 7515), CWT as tagged COSE_Sign1 (RFC 8392, RFC 9052), both ES256.

Kept apart from `tokens` since these messages are read by others' programs too: their headers say a media type, which is part of
what is signed and is asked for when they are opened, so that no kind of message can stand for another.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec

from licence_service.digests import canonical
from licence_service.seal.tokens import BadToken, CodeSigner, verify

_COSE_SIGN1 = 18  # RFC 9052 table 1
_ALG, _KID, _TYP, _ES256_ID = 1, 4, 16, -7  # RFC 9052 §3.1, RFC 9596
_PARTS = 3


def sign_jws(typ: str, payload: Mapping[str, Any], signer: CodeSigner) -> str:
    """Return a compact JWS over the canonical JSON of `payload`; the same payload gives the same text."""
    head = {"alg": "ES256", "kid": signer.kid.hex(), "typ": typ}
    said = f"{base64url(canonical(head))}.{base64url(canonical(dict(payload)))}"
    return f"{said}.{base64url(signer.sign(said.encode('ascii')))}"


def open_jws(text: str, typ: str, keys: Mapping[bytes, ec.EllipticCurvePublicKey]) -> dict[str, Any]:
    """Return the payload of a compact JWS of this type, signed by one of `keys` (by kid); `BadToken` for anything else."""
    parts = text.strip().split(".")
    if len(parts) != _PARTS:
        raise BadToken("not a JWS in compact form")
    try:
        head, signature = json.loads(from_base64url(parts[0])), from_base64url(parts[2])
        if not isinstance(head, dict) or head.keys() != {"alg", "kid", "typ"} or head["alg"] != "ES256" or head["typ"] != typ:
            raise BadToken("not a message of this kind")
        key = keys.get(bytes.fromhex(str(head["kid"])))
    except (ValueError, RecursionError) as bad:
        raise BadToken("not a message of this kind") from bad
    if key is None:
        raise BadToken("the key is not known")
    if not verify(key, f"{parts[0]}.{parts[1]}".encode("ascii", "replace"), signature):
        raise BadToken("the signature is wrong")
    try:
        payload = json.loads(from_base64url(parts[1]))
    except (ValueError, RecursionError) as bad:
        raise BadToken("the payload is not JSON") from bad
    if not isinstance(payload, dict):
        raise BadToken("the payload is not an object")
    return payload


def kid_of(text: str) -> bytes:
    """Return the name of the key that a JWS says it is signed with; `ValueError` where it says none. Nothing is proven by it."""
    try:
        return bytes.fromhex(json.loads(from_base64url(text.partition(".")[0]))["kid"])
    except (KeyError, TypeError, RecursionError) as bad:
        raise ValueError("not a JWS of ours") from bad


def sign_cwt(typ: str, claims: Mapping[int, Any], signer: CodeSigner) -> bytes:
    """Return a tagged COSE_Sign1 over a map of claims in deterministic CBOR; `typ` and `kid` stand in the protected header."""
    protected, payload = _encode({_ALG: _ES256_ID, _KID: signer.kid, _TYP: typ}), _encode(dict(claims))
    signature = signer.sign(_encode(["Signature1", protected, b"", payload]))
    return _encode(cbor2.CBORTag(_COSE_SIGN1, [protected, {}, payload, signature]))


def base64url(content: bytes) -> str:
    """Return base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """Read it back; `ValueError` for anything else."""
    try:
        return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as bad:
        raise ValueError("not base64url") from bad


def _encode(value: object) -> bytes:
    return cbor2.dumps(value, canonical=True)
