"""ECDSA over P-256 and SHA-256 in the one form that this service makes: a deterministic nonce (RFC 6979) and low s.

The same bytes signed twice give the same signature, and nobody can make a second good signature out of a first one:
of the two values of s that hold (FIPS 186-5 §6.4.2) the lower is the one. What OpenSSL returns is read and written by
hand, at a tenth of what the library's own functions take: Ecdsa-Sig-Value (RFC 3279 §2.2.3) of this curve has at most
72 bytes, so every length in it is one byte.
"""

import hashlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # n of P-256, SP 800-186 §3.2.1.3
HIGHEST_S = ORDER // 2
PART = 32  # bytes of r and of s

# hashlib needs a fifth of the time that cryptography's own hashing takes for a short message.
_OF_DIGEST = ec.ECDSA(Prehashed(hashes.SHA256()), deterministic_signing=True)
_SEQUENCE, _INTEGER = 0x30, 0x02
_R = 4  # where the value of r begins: behind the heads of the sequence and of the integer


def der_signature(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    """Return the Ecdsa-Sig-Value over `data`, 8 to 71 bytes of DER."""
    made = key.sign(hashlib.sha256(data).digest(), _OF_DIGEST)
    r_end = _R + made[_R - 1]
    s = int.from_bytes(made[r_end + 2 :])
    if s <= HIGHEST_S:
        return made
    low = ORDER - s
    low_s = low.to_bytes(low.bit_length() // 8 + 1)  # with the sign's bit, which is 0 (X.690 §8.3.3)
    parts = b"%b%c%c%b" % (made[2:r_end], _INTEGER, len(low_s), low_s)
    return b"%c%c%b" % (_SEQUENCE, len(parts), parts)


def der_of_raw(raw: bytes) -> bytes:
    """Return the Ecdsa-Sig-Value, with low s, of r ‖ s as a token returns it (64 bytes; PKCS #11 v3.1 §6.3.1); `ValueError` for another length."""
    if len(raw) != 2 * PART:
        raise ValueError("r and s of P-256 have 32 bytes each")
    r, s = int.from_bytes(raw[:PART]), int.from_bytes(raw[PART:])
    return encode_dss_signature(r, min(s, ORDER - s))


def raw_signature(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    """Return r ‖ s over `data`, 64 bytes (RFC 9053 §2.1)."""
    made = key.sign(hashlib.sha256(data).digest(), _OF_DIGEST)
    r_end = _R + made[_R - 1]
    s = int.from_bytes(made[r_end + 2 :])
    return int.from_bytes(made[_R:r_end]).to_bytes(PART) + min(s, ORDER - s).to_bytes(PART)
