"""What became of a list between two instants, a few bytes a change (docs/offline.md).

Each change is one number in LEB128 (seven bits a byte, the least first, the high bit says that more follow): the distance from the place
before (from −1 for the first), times four, plus the new status.
"""

from collections.abc import Iterator, Mapping

from licence_service.status.lists import BITS, LIST_BYTES, PLACES, put

_MOST_BITS = 28  # of one number; the largest that can occur has 23


class BadChanges(ValueError):  # noqa: N818 - a fact, like all refusals
    """These bytes are no changes of a list."""


def changes(before: bytes | bytearray, after: bytes | bytearray) -> bytes:
    """Return what turns one list into another."""
    out, last = bytearray(), -1
    for index, status in _differing(before, after):
        _append(out, (index - last) << BITS | status)
        last = index
    return bytes(out)


def changed(before: bytes | bytearray, said: bytes) -> bytes:
    """Return the list after its changes; `BadChanges` for anything that `changes` does not write."""
    if len(before) != LIST_BYTES:
        raise BadChanges("not a whole list")
    after, index = bytearray(before), -1
    for number in _numbers(said):
        index += number >> BITS
        if number >> BITS == 0 or index >= PLACES:
            raise BadChanges("a place that there is not")
        put(after, index, number & 3)
    return bytes(after)


def _differing(before: bytes | bytearray, after: bytes | bytearray) -> Iterator[tuple[int, int]]:
    for at, (was, now) in enumerate(zip(before, after, strict=True)):
        if was != now:
            for part in range(4):
                if (was ^ now) >> part * BITS & 3:
                    yield at * 4 + part, now >> part * BITS & 3


def _numbers(said: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in said:
        number |= (byte & 0x7F) << shift
        shift += 7
        if shift > _MOST_BITS:
            raise BadChanges("a number that is too large")
        if byte < 0x80:  # noqa: PLR2004 - LEB128
            yield number
            number = shift = 0
    if shift:
        raise BadChanges("cut off")


def written_days(days: Mapping[int, int]) -> bytes:
    """Return a small table of places with a number each (days since 1970-01-01; 0 takes the row away), in the same numbers: distance, day."""
    out, last = bytearray(), -1
    for index, day in sorted(days.items()):
        _append(out, index - last)
        _append(out, day)
        last = index
    return bytes(out)


def read_days(said: bytes) -> dict[int, int]:
    """Read such a table back; `BadChanges` for anything that `written_days` does not write."""
    found: dict[int, int] = {}
    index, numbers = -1, list(_numbers(said))
    if len(numbers) % 2:
        raise BadChanges("cut off")
    for step, day in zip(numbers[::2], numbers[1::2], strict=True):
        index += step
        if not step or index >= PLACES:
            raise BadChanges("a place that there is not")
        found[index] = day
    return found


def _append(out: bytearray, number: int) -> None:
    while number > 0x7F:  # noqa: PLR2004 - LEB128
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
