"""What CBOR our codes need, each item in its one deterministic form (RFC 8949 §3.1, §4.2.1); cbor2's own writer takes as long as a signature. Pure."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP = range(6)  # major types
_LENGTHS = ((24, 1), (25, 2), (26, 4), (27, 8))  # additional information → bytes of the number behind it (§3)
_EPOCH = date(1970, 1, 1)


def _head(major: int, value: int) -> bytes:
    """Return the head of an item as short as it can be said; `OverflowError` beyond 64 bits."""
    first = major << 5
    if value < 24:  # noqa: PLR2004 - the figures of §3
        return bytes((first | value,))
    for information, length in _LENGTHS:
        if not value >> 8 * length:
            return bytes((first | information,)) + value.to_bytes(length)
    raise OverflowError("no head says a number of more than 64 bits")


def whole(number: int) -> bytes:
    """Return a whole number."""
    return _head(_UNSIGNED, number) if number >= 0 else _head(_NEGATIVE, -1 - number)


def octets(content: bytes) -> bytes:
    """Return a string of bytes."""
    return _head(_BYTES, len(content)) + content


def text(said: str) -> bytes:
    """Return a text."""
    encoded = said.encode()
    return _head(_TEXT, len(encoded)) + encoded


def days(day: date) -> bytes:
    """Return a day as days since 1970-01-01."""
    return whole((day - _EPOCH).days)


def day_of(number: int) -> date:
    """Return the day that `days` wrote."""
    return _EPOCH + timedelta(days=number)


def array(items: Sequence[bytes]) -> bytes:
    """Return an array of items that are written already."""
    return _head(_ARRAY, len(items)) + b"".join(items)


def mapping(items: Iterable[tuple[int, bytes]]) -> bytes:
    """Return a map of written values; the keys come in ascending order and below 24."""
    said = [whole(key) + value for key, value in items]
    return _head(_MAP, len(said)) + b"".join(said)
