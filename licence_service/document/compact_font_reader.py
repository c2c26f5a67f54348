"""What a font program of the press really holds: a second reading of Adobe TN 5176 that shares nothing with the writer.

Strict on purpose: it reads our own fonts back before they are sealed, and whatever the writer does not write is a fault.
The parts follow one another without a gap: frame (all but the characters), charset, charstrings.
"""

import struct
import sys
from array import array
from collections.abc import Mapping
from functools import lru_cache
from operator import lt, sub

_END_CHAR = {14}
_LONGEST_OPERAND_LIST = 48
# Operators of DICTs (Tables 9, 10, 23); those of two bytes are 1200 + the second.
_FONT_BBOX, _CHARSET, _CHAR_STRINGS, _PRIVATE, _DEFAULT_WIDTH = 5, 15, 17, 18, 20
_ROS, _CID_COUNT, _FD_ARRAY, _FD_SELECT = 1230, 1234, 1236, 1237
_TOP = {_FONT_BBOX, _CHARSET, _CHAR_STRINGS, _ROS, _CID_COUNT, _FD_ARRAY, _FD_SELECT}
_ADOBE_IDENTITY = [391, 392, 0]
_TWO, _FOUR = 2, 4
_Dictionary = Mapping[int, list[int]]


def characters_of(program: bytes) -> dict[int, int]:
    """Return CID → bytes of its charstring, of every character but the missing glyph.

    Raise `ValueError` for anything irregular.
    """
    cids, offsets = _glyphs(program)
    return dict(zip(cids, map(sub, offsets[2:], offsets[1:]), strict=True))


def cids_of(program: bytes) -> list[int]:
    """Return the CIDs of every character but the missing glyph, the lowest first; raise `ValueError` as `characters_of` does."""
    return _glyphs(program)[0]


def _glyphs(program: bytes) -> tuple[list[int], list[int]]:
    """Return the CIDs of the glyphs after the missing one, and the offsets of all charstrings and of their end."""
    try:
        return _read(program)
    except (IndexError, KeyError, struct.error) as broken:
        raise ValueError("a compact font ends too early or lacks a part") from broken


def _read(program: bytes) -> tuple[list[int], list[int]]:
    start, end = _item(program, _item(program, 4)[1])
    charset = _number(_dictionary(program[start:end]), _CHARSET)
    count, charstrings, limit = _frame(program[:charset])
    cids = _charset(program, charset, charstrings)
    before, offsets = _index(program, charstrings)
    _require(len(cids) == count - 1 and len(offsets) == count + 1, "the number of its glyphs")
    _require(before + offsets[-1] == len(program), "its end")
    ends = program[before - 1 :]
    _require(set(map(ends.__getitem__, offsets[1:])) == _END_CHAR, "the end of a charstring")
    _require(not cids or (cids[0] > 0 and cids[-1] < limit and _rise(cids)), "its CIDs")
    return cids, offsets


@lru_cache(maxsize=512)  # the frames of one font differ in the number of glyphs alone
def _frame(frame: bytes) -> tuple[int, int, int]:
    """Check all that stands before the charset; return the number of glyphs, where charstrings begin, and CIDCount."""
    _require(frame[:3] == b"\x01\x00\x04" and frame[3] in {1, 2, 3, 4}, "its header")
    start, end = _item(frame, _item(frame, 4)[1])
    top = _dictionary(frame[start:end])
    _require(top.keys() == _TOP and top[_ROS] == _ADOBE_IDENTITY and len(top[_FONT_BBOX]) == _FOUR, "its Top DICT")
    before, offsets = _index(frame, end)
    strings = [before + offset for offset in offsets]
    _require(len(strings) == _TWO + 1 and frame[strings[0] : strings[-1]] == b"AdobeIdentity", "its strings")
    subroutines = strings[-1]
    _require(frame[subroutines : subroutines + 2] == b"\0\0", "its global subroutines")
    fonts = _number(top, _FD_ARRAY)
    start, end = _item(frame, fonts)
    font = _dictionary(frame[start:end])  # the one Font DICT (§18) says where its Private DICT (§15) is
    _require(font.keys() == {_PRIVATE} and len(font[_PRIVATE]) == _TWO, "its Font DICT")
    size, private = font[_PRIVATE]
    _require(private == subroutines + 2 and private + size == fonts, "the place of its Private DICT")
    _require(_dictionary(frame[private:fonts]) == {_DEFAULT_WIDTH: [1000]}, "its Private DICT")
    _require(_number(top, _FD_SELECT) == end, "the place of its FDSelect")
    version, ranges, first, index, count = struct.unpack(">BHHBH", frame[end:])  # §19, format 3
    _require((version, ranges, first, index) == (3, 1, 0, 0), "its FDSelect")
    return count, _number(top, _CHAR_STRINGS), _number(top, _CID_COUNT)


def _charset(program: bytes, start: int, end: int) -> list[int]:
    """Return the CIDs of the glyphs after the missing one (§13, format 0)."""
    _require(program[start] == 0 and start < end <= len(program) and (end - start) % 2 == 1, "its charset")
    cids = array("H", program[start + 1 : end])
    if sys.byteorder == "little":
        cids.byteswap()
    return cids.tolist()


def _index(program: bytes, at: int) -> tuple[int, list[int]]:
    """Return what the offsets of an INDEX (§5) count from, and its offsets; it has at least one item and none is empty."""
    count, size = struct.unpack_from(">HB", program, at)
    _require(count > 0 and size in {_TWO, _FOUR}, "the head of an INDEX")
    base = at + 3 + size * (count + 1)
    _require(base <= len(program), "the offsets of an INDEX")
    packed = array("H" if size == _TWO else "I", program[at + 3 : base])
    if sys.byteorder == "little":
        packed.byteswap()
    offsets = packed.tolist()
    _require(offsets[0] == 1 and base - 1 + offsets[-1] <= len(program) and _rise(offsets), "the offsets of an INDEX")
    return base - 1, offsets


def _rise(values: list[int]) -> bool:
    """Say whether each is greater than the one before."""
    return all(map(lt, values, values[1:]))


def _item(program: bytes, at: int) -> tuple[int, int]:
    """Return start and end of the one item of an INDEX with offsets of two bytes."""
    count, size, first, last = struct.unpack_from(">HBHH", program, at)
    start, end = at + 7, at + 6 + last
    _require(count == 1 and size == _TWO and first == 1 and start < end <= len(program), "an INDEX of one item")
    return start, end


@lru_cache(maxsize=512)
def _dictionary(data: bytes) -> _Dictionary:
    """Return the operators of a DICT with their operands (§4); each once, whole numbers only."""
    found: dict[int, list[int]] = {}
    operands: list[int] = []
    at = 0
    while at < len(data):
        first = data[at]
        if first <= 21:  # noqa: PLR2004 - the figures of §4
            operator, at = (1200 + data[at + 1], at + 2) if first == 12 else (first, at + 1)  # noqa: PLR2004
            _require(operator not in found and len(operands) <= _LONGEST_OPERAND_LIST, "an operator of a DICT")
            found[operator], operands = operands, []
        else:
            operand, at = _operand(data, at)
            operands.append(operand)
    _require(not operands, "the end of a DICT")
    return found


def _operand(data: bytes, at: int) -> tuple[int, int]:
    """Return a whole number of a DICT and where it ends (Table 3)."""
    first = data[at]
    if 32 <= first <= 246:  # noqa: PLR2004 - the figures of Table 3
        return first - 139, at + 1
    if 247 <= first <= 250:  # noqa: PLR2004
        return (first - 247) * 256 + data[at + 1] + 108, at + 2
    if 251 <= first <= 254:  # noqa: PLR2004
        return -(first - 251) * 256 - data[at + 1] - 108, at + 2
    _require(first in {28, 29}, "a number of a DICT")
    form = ">h" if first == 28 else ">i"  # noqa: PLR2004
    return int(struct.unpack_from(form, data, at + 1)[0]), at + 1 + struct.calcsize(form)


def _number(dictionary: _Dictionary, operator: int) -> int:
    """Return the one operand of an operator, which is no negative number."""
    operands = dictionary[operator]
    _require(len(operands) == 1 and operands[0] >= 0, "an operator of a DICT")
    return operands[0]


def _require(holds: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise ValueError(f"a compact font is irregular in {what}")
