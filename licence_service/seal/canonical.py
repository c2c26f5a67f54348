"""Whether a signature is written in the one way it can be: canonical DER, nothing but zeros behind it, low s.

A validator takes several encodings of one signature for the same (ITU-T X.690 §8 beside §10 and §11; ECDSA holds for
s and n - s alike, FIPS 186-5 §6.4.2). Each of them would be a second file with the same seal.
"""

from asn1crypto import algos, cms

MOST_DEPTH = 32
_SEQUENCE, _SET, _BOOLEAN, _INTEGER, _BITS, _NULL = 0x30, 0x31, 0x01, 0x02, 0x03, 0x05
_CONSTRUCTED, _LONG_TAG = 0x20, 0x1F
_NOTHING = 0x00  # ends a value of indefinite length (§8.1.5); zeros behind a value, which a longer length would swallow, look like it
_TRUE = (b"\x00", b"\xff")
_LONG = 0x80
# n of the NIST curves (SP 800-186 §3.2.1)
ORDERS = {
    "secp256r1": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "secp384r1": int("ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16),
    "secp521r1": int("01ff" + "f" * 63 + "a51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409", 16),
}


def is_canonical(slot: bytes) -> bool:
    """Say whether the slot holds exactly one canonical DER value and then zeros."""
    try:
        end = _checked(slot, 0, len(slot), 0)
    except (IndexError, ValueError):
        return False
    return slot[:1] == bytes([_SEQUENCE]) and not slot[end:].strip(b"\0")


def _checked(content: bytes, place: int, limit: int, depth: int) -> int:
    """Walk one value and return the place after it; `ValueError` where it is not canonical."""
    tag, start, end = _head(content, place, limit)
    if depth > MOST_DEPTH:
        raise ValueError("nested too deep")
    if tag & _CONSTRUCTED:
        parts = []
        while start < end:
            after = _checked(content, start, end, depth + 1)
            parts.append(content[start:after])
            start = after
        if tag == _SET and parts != sorted(parts):
            raise ValueError("a set is not in order (X.690 §11.6)")
    elif not _primitive_is_canonical(tag, content[start:end]):
        raise ValueError("not the shortest form")
    return end


def _head(content: bytes, place: int, limit: int) -> tuple[int, int, int]:
    """Return the tag of the value at `place`, and where its content starts and ends; lengths are definite and shortest (§10.1)."""
    tag, length, start = content[place], content[place + 1], place + 2
    if tag & _LONG_TAG == _LONG_TAG or tag == _NOTHING:
        raise ValueError("no such tag in a signature")
    if length >= _LONG:
        count = length - _LONG
        encoded = content[start : start + count]
        start += count
        length = int.from_bytes(encoded)
        if not 0 < count <= 4 or len(encoded) != count or encoded[0] == 0 or length < _LONG:  # noqa: PLR2004 - bytes of a length
            raise ValueError("a length is not the shortest")
    if start + length > limit:
        raise ValueError("longer than what holds it")
    return tag, start, start + length


def _primitive_is_canonical(tag: int, content: bytes) -> bool:
    if tag == _BOOLEAN:
        return content in _TRUE
    if tag == _INTEGER:
        return len(content) == 1 or (len(content) > 1 and not (content[0] in (0, 0xFF) and content[0] >> 7 == content[1] >> 7))
    if tag == _BITS:
        unused = content[0]
        return unused < 8 and (unused == 0 or (len(content) > 1 and not content[-1] & ((1 << unused) - 1)))  # noqa: PLR2004 - bits of a byte
    return tag != _NULL or not content


def has_low_s(slot: bytes) -> bool:
    """Say whether every ECDSA signature in the container is the lower of its two; other algorithms have one form only."""
    data = cms.ContentInfo.load(slot)["content"]
    curve = _curve(data)
    for signer in data["signer_infos"]:
        if signer["signature_algorithm"].signature_algo != "ecdsa":
            continue
        if curve not in ORDERS or algos.DSASignature.load(signer["signature"].native)["s"].native > ORDERS[curve] // 2:
            return False
    return True


def with_low_s(slot: bytes) -> bytes:
    """Return the same signature in its one form, in a slot of the same length; for a service elsewhere that does not care."""
    container = cms.ContentInfo.load(slot)
    order = ORDERS.get(_curve(container["content"]))
    (signer,) = container["content"]["signer_infos"]
    if order is None or signer["signature_algorithm"].signature_algo != "ecdsa":
        return slot
    pair = algos.DSASignature.load(signer["signature"].native)
    low = min(pair["s"].native, order - pair["s"].native)
    signer["signature"] = algos.DSASignature({"r": pair["r"].native, "s": low}).dump()
    return bytes(container.dump(force=True)).ljust(len(slot), b"\0")


def _curve(data: cms.SignedData) -> str:
    """Return the curve of the signer's key, or nothing for another kind of key or a certificate that is not there."""
    (signer,) = data["signer_infos"]
    wanted = signer["sid"].chosen
    for choice in data["certificates"]:
        certificate = choice.chosen
        if signer["sid"].name == "issuer_and_serial_number" and certificate.serial_number == wanted["serial_number"].native:
            key = certificate.public_key
            return str(key.curve[1]) if key.algorithm == "ec" else ""
    return ""
