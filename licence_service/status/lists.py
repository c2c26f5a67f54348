"""One status list: 2**20 places of two bits, least significant bits first, compressed in the zlib format (RFC 1950).

A licence that is over by the calendar stays valid here: the code on paper says its dates itself, and a reader looks at them first.
"""

import zlib
from enum import IntEnum

from licence_service.fold import ENDINGS
from licence_service.licence import Licence, LicenceState

BITS = 2
PLACES = 1 << 20  # of one list, as places are drawn (docs/formats.md §9)
LIST_BYTES = PLACES * BITS // 8

# Places are drawn at random, so there is nothing to find again in a full list: coding bytes by their frequency alone is closer to
# the entropy than looking for repetitions, and takes a hundredth of the time. A nearly empty list is better off with them.
_QUICK = (zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE)
_THOROUGH = (*_QUICK, zlib.Z_FILTERED, zlib.Z_DEFAULT_STRATEGY)
_MOSTLY = 0.9  # of the bytes of a list that is nearly empty
_LEVEL, _WINDOW, _MEMORY = 9, 15, 9


class BadList(ValueError):  # noqa: N818 - a fact, like all refusals
    """These bytes are no status list of ours."""


class Status(IntEnum):
    """What a list says of a version; any other word than `VALID` is a no or a not now."""

    VALID = 0  # or never given away, or over by the calendar
    INVALID = 1  # voided, or the right was ended by an act, its own or that of the licence it hangs on
    SUSPENDED = 2
    SUPERSEDED = 3  # a newer version is current, or this one was reported lost, in a licence that has not ended


def status_of(licence: Licence | None, number: int) -> Status:
    """Return the status of a version of a licence, read at two clocks with its parent; None stands for no licence on that day.

    Superseded is stronger than suspended: a suspension lapses by the calendar, also on a device without network (SH-03), and must then
    leave no old document good.
    """
    if licence is None or number in licence.voided or licence.state in ENDINGS.values():
        return Status.INVALID
    if licence.current.version != number or "loss_reported" in licence.flags:
        return Status.SUPERSEDED  # of a document reported lost the finder must not be told that it is good (LC-12)
    if licence.state is LicenceState.SUSPENDED:
        return Status.SUSPENDED
    over = licence.valid_to is not None and licence.valid_at > licence.valid_to
    # Expired within its own dates: so is the licence that it hangs on, which no code on paper says (LC-13).
    return Status.INVALID if licence.state is LicenceState.EXPIRED and not over else Status.VALID


def blank() -> bytearray:
    """Return a list on which every place is valid."""
    return bytearray(LIST_BYTES)


def put(places: bytearray, index: int, status: int) -> None:
    """Write one place."""
    shift = (index & 3) * BITS
    places[index >> 2] = (places[index >> 2] & ~(3 << shift)) | (status << shift)


def status_at(places: bytes | bytearray, index: int) -> Status:
    """Read one place; `BadList` for one that the list has not got."""
    if not 0 <= index < len(places) * 8 // BITS:
        raise BadList("the list has no such place")
    return Status(places[index >> 2] >> (index & 3) * BITS & 3)


def compressed(places: bytes | bytearray) -> bytes:
    """Return the list as it is sent: the smallest zlib stream of those that the library makes at its highest level."""
    empty = places.count(0) > _MOSTLY * len(places)
    return min((_deflated(places, strategy) for strategy in (_THOROUGH if empty else _QUICK)), key=len)


def _deflated(places: bytes | bytearray, strategy: int) -> bytes:
    writer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, strategy)
    return writer.compress(places) + writer.flush()


def expanded(content: bytes) -> bytes:
    """Return the places of a list that was sent; `BadList` for anything but one whole list of ours, and never more than its bytes."""
    reader = zlib.decompressobj()
    try:
        places = reader.decompress(content, LIST_BYTES + 1)
    except zlib.error as bad:
        raise BadList("not a zlib stream") from bad
    if len(places) != LIST_BYTES or not reader.eof or reader.unused_data:
        raise BadList("not one whole list")
    return places
