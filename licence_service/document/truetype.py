"""Read a prepared TrueType file in place: coverage, advances, outlines, and the few glyphs a document needs.

The file stays mapped, not loaded, so that a face costs a server its tables only (about half a megabyte).
"""

import mmap
import struct
import sys
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

_BMP = 0x10000
_WORDS, _SCALE, _MORE, _XY_SCALE, _TWO_BY_TWO = 0x0001, 0x0008, 0x0020, 0x0040, 0x0080


class TrueType:
    """One face: `glyph(code point)` → glyph index (0: none), advances in thousandths of the em."""

    def __init__(self, path: Path) -> None:
        """Map the file and read its tables; the glyphs stay where they are."""
        with path.open("rb") as file:
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        count = struct.unpack_from(">H", self._data, 4)[0]
        rows = (struct.unpack_from(">4sIII", self._data, 12 + 16 * i) for i in range(count))
        self._tables = {tag.decode("ascii"): (start, length) for tag, _, start, length in rows}
        self.units = self._short("head", 18, ">H")
        self.box = struct.unpack_from(">4h", self._data, self._tables["head"][0] + 36)
        self.ascent, self.descent = self._short("hhea", 4, ">h"), self._short("hhea", 6, ">h")
        self.glyphs = self._short("maxp", 4, ">H")
        self._locations = self._read_locations()
        self._advances = self._read_advances()
        self._basic, self._starts, self._groups = self._read_coverage()

    def table(self, tag: str) -> bytes:
        """Return a table as it stands."""
        start, length = self._tables[tag]
        return self._data[start : start + length]

    def glyph(self, code_point: int) -> int:
        """Return the index of the glyph of a character, or 0 where the face has none."""
        if code_point < _BMP:
            return self._basic[code_point]
        at = bisect_right(self._starts, code_point) - 1
        if at < 0:
            return 0
        start, end, first = self._groups[at]
        return first + code_point - start if code_point <= end else 0

    def advance(self, glyph: int) -> int:
        """Return a glyph's advance in font units."""
        return self._advances[min(glyph, len(self._advances) - 1)]

    def metrics(self, glyph: int) -> tuple[int, int]:
        """Return advance and left side bearing."""
        full, start = len(self._advances), self._tables["hmtx"][0]
        at = start + 4 * glyph + 2 if glyph < full else start + 4 * full + 2 * (glyph - full)
        return self.advance(glyph), struct.unpack_from(">h", self._data, at)[0]

    def outline(self, glyph: int) -> bytes:
        """Return a glyph's entry of the glyf table; empty for a blank."""
        start = self._tables["glyf"][0]
        return self._data[start + self._locations[glyph] : start + self._locations[glyph + 1]]

    def _short(self, tag: str, offset: int, form: str) -> int:
        return int(struct.unpack_from(form, self._data, self._tables[tag][0] + offset)[0])

    def _numbers(self, code: str, start: int, length: int) -> "array[int]":
        values = array(code, self._data[start : start + length])
        if sys.byteorder == "little":
            values.byteswap()
        return values

    def _read_locations(self) -> "array[int]":
        start, length = self._tables["loca"]
        if self._short("head", 50, ">h"):
            return self._numbers("I", start, length)
        return array("I", (2 * half for half in self._numbers("H", start, length)))

    def _read_advances(self) -> "array[int]":
        full = self._short("hhea", 34, ">H")
        return self._numbers("H", self._tables["hmtx"][0], 4 * full)[::2]

    def _read_coverage(self) -> tuple["array[int]", list[int], list[tuple[int, int, int]]]:
        """Read the one cmap subtable, format 12: characters of the BMP into a plain array, others as ranges."""
        start = self._tables["cmap"][0]
        start += struct.unpack_from(">I", self._data, start + 8)[0]
        values = self._numbers("I", start + 16, 12 * struct.unpack_from(">I", self._data, start + 12)[0])
        basic, groups = array("H", bytes(2 * _BMP)), []
        for first, last, glyph in zip(values[::3], values[1::3], values[2::3], strict=True):
            if first < _BMP:
                basic[first : last + 1] = array("H", range(glyph, glyph + last - first + 1))
            else:
                groups.append((first, last, glyph))
        return basic, [group[0] for group in groups], groups


def subset(face: TrueType, glyphs: Sequence[int]) -> bytes:
    """Return a TrueType program whose code 0…n shows `glyphs[0…n]`; parts of composite glyphs come along.

    Its one cmap is (1, 0) format 6, as a symbolic font of an archived file needs it (ISO 19005-3 6.2.11.6).
    """
    kept = list(dict.fromkeys((0, *glyphs)))
    place = {glyph: new for new, glyph in enumerate(kept)}
    outlines: list[bytes] = []
    while len(outlines) < len(kept):
        outlines.append(_renumbered(face.outline(kept[len(outlines)]), kept, place))
    padded = [outline + bytes(-len(outline) % 4) for outline in outlines]
    locations = array("I", [0])
    for outline in padded:
        locations.append(locations[-1] + len(outline))
    metrics = b"".join(struct.pack(">Hh", *face.metrics(glyph)) for glyph in kept)
    codes = [place[glyph] for glyph in glyphs]
    head, hhea, maxp = (bytearray(face.table(tag)) for tag in ("head", "hhea", "maxp"))
    struct.pack_into(">I", head, 8, 0)
    struct.pack_into(">h", head, 50, 1)
    struct.pack_into(">H", hhea, 34, len(kept))
    struct.pack_into(">H", maxp, 4, len(kept))
    cmap = struct.pack(f">HHHHIHHHHH{len(codes)}H", 0, 1, 1, 0, 12, 6, 10 + 2 * len(codes), 0, 0, len(codes), *codes)
    tables = {
        "cmap": cmap, "glyf": b"".join(padded), "head": bytes(head), "hhea": bytes(hhea), "hmtx": metrics,
        "loca": _big_endian(locations), "maxp": bytes(maxp), "post": struct.pack(">I28x", 0x00030000),
    }  # fmt: skip
    return _assembled(tables)


def _renumbered(outline: bytes, kept: list[int], place: dict[int, int]) -> bytes:
    """Point the parts of a composite glyph to their new numbers; add parts that are not kept yet."""
    if not outline or struct.unpack_from(">h", outline)[0] >= 0:
        return outline
    changed, at, flags = bytearray(outline), 10, _MORE
    while flags & _MORE:
        flags, part = struct.unpack_from(">HH", changed, at)
        if part not in place:
            place[part] = len(kept)
            kept.append(part)
        struct.pack_into(">H", changed, at + 2, place[part])
        at += 8 if flags & _WORDS else 6
        at += 2 if flags & _SCALE else 4 if flags & _XY_SCALE else 8 if flags & _TWO_BY_TWO else 0
    return bytes(changed)


def _assembled(tables: dict[str, bytes]) -> bytes:
    """Write the table directory and the tables, in the order of their tags, with their checksums."""
    power = 1 << (len(tables).bit_length() - 1)
    header = struct.pack(">IHHHH", 0x00010000, len(tables), 16 * power, power.bit_length() - 1, 16 * (len(tables) - power))
    offset, rows, bodies, head_at = 12 + 16 * len(tables), [], [], 0
    for tag, table in tables.items():
        body = table + bytes(-len(table) % 4)
        rows.append(struct.pack(">4sIII", tag.encode("ascii"), _checksum(body), offset, len(table)))
        bodies.append(body)
        head_at = offset if tag == "head" else head_at
        offset += len(body)
    program = bytearray(b"".join((header, *rows, *bodies)))
    struct.pack_into(">I", program, head_at + 8, (0xB1B0AFBA - _checksum(program)) & 0xFFFFFFFF)
    return bytes(program)


def _checksum(padded: bytes | bytearray) -> int:
    words = array("I", bytes(padded))
    if sys.byteorder == "little":
        words.byteswap()
    return sum(words) & 0xFFFFFFFF


def _big_endian(values: "array[int]") -> bytes:
    if sys.byteorder == "little":
        values.byteswap()
    return values.tobytes()
