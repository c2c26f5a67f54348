"""The font of one document: a CID-keyed CFF joined from stored charstrings, and the PDF objects around it.

Adobe TN 5176 ("The Compact Font Format"); clauses are named where they rule. All but the characters is laid out when
the font is prepared, and of the parts before them only one number, the offset of the charstrings, differs by document.
"""

import struct
import sys
from array import array
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import accumulate

from licence_service.document.embedding import tag
from licence_service.document.glyph_store import EM, GlyphStore

PROGRAM_ENTRIES = "/Subtype /CIDFontType0C"
_NOT_DEFINED = b"\x0e"  # the glyph that is never shown: nothing, one em wide
_ADOBE, _IDENTITY = 391, 392  # the first two strings of the font's own (Appendix A ends at 390)
_CIDS = 0xFFFF
_LONG = 0x10000  # an offset of two bytes is below
_SYMBOLIC = 4
# Operators of DICTs (Tables 9, 10, 23)
_FONT_BBOX, _CHARSET, _CHAR_STRINGS, _PRIVATE, _DEFAULT_WIDTH = b"\x05", b"\x0f", b"\x11", b"\x12", b"\x14"
_ROS, _CID_COUNT, _FD_ARRAY, _FD_SELECT = b"\x0c\x1e", b"\x0c\x22", b"\x0c\x24", b"\x0c\x25"


class CompactFont:
    """One font of a file, prepared: `program` joins the font program of a document."""

    def __init__(self, store: GlyphStore, place: int = 0) -> None:
        """Take the glyphs and the font's place among the fonts of the file, which gives its tag."""
        self.store = store
        self.name = f"{tag(place)}+{store.face.name}"
        face = store.face.program
        scale = EM / face.units
        self._box = tuple(round(value * scale) for value in face.box)
        self._ascent, self._descent = round(face.ascent * scale), round(face.descent * scale)
        self._before, self._after, self._length = self._laid_out()

    def program(self, characters: AbstractSet[str]) -> bytes:
        """Return a bare CFF with the missing glyph and these characters, in the order of their CIDs.

        The same set gives the same bytes. Raise `ValueError` where the face lacks a character.
        """
        ids = self.store.ids
        cids = sorted(map(ids.cid, characters))
        return self.joined(cids, self.store.charstrings(map(ids.character, cids)))

    def joined(self, cids: Sequence[int], drawn: Iterable[bytes]) -> bytes:
        """Return what `program` returns for characters given as their CIDs, the lowest first, and their charstrings."""
        charstrings = [_NOT_DEFINED, *drawn]
        offsets, size = _offsets(charstrings)
        count = len(charstrings).to_bytes(2, "big")
        start = (self._length + 2 * len(charstrings)).to_bytes(4, "big")
        # FDSelect ends with the count (§19), charset format 0 begins (§13), CharStrings INDEX (§14)
        charset = array("H", cids)
        if sys.byteorder == "little":
            charset.byteswap()
        return b"".join((self._before, start, self._after, count, b"\x00", charset, count, size, offsets, *charstrings))

    def widths(self, characters: AbstractSet[str]) -> str:
        """Return the `/W` array: the advance of every character that is not one em wide, in runs of CIDs."""
        ids, width = self.store.ids, self.store.width
        narrow = sorted((ids.cid(character), width(character)) for character in characters if width(character) != EM)
        parts, expected = [], -1
        for cid, wide in narrow:
            if cid == expected:
                parts.append(f" {wide}")
            else:
                parts.append(f"{']' if parts else ''}{cid}[{wide}")
            expected = cid + 1
        return f"[{''.join(parts)}{']' if parts else ''}]"

    def root(self, descendant: str, to_unicode: str) -> str:
        """Return the Type 0 font that a page names (ISO 32000-1 9.7.6.1); its arguments are references."""
        return (
            f"<< /Type /Font /Subtype /Type0 /BaseFont /{self.name}-Identity-H /Encoding /Identity-H "
            f"/DescendantFonts [{descendant}] /ToUnicode {to_unicode} >>"
        )

    def descendant(self, descriptor: str, widths: str) -> str:
        """Return the CIDFont (9.7.4.1): a reference to its descriptor, and `/W` as `widths` gives it, or a reference to it."""
        return (
            f"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /{self.name} "
            f"/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> "
            f"/FontDescriptor {descriptor} /DW {EM} /W {widths} >>"
        )

    def descriptor(self, program: str) -> str:
        """Return the font descriptor (9.8.1); `program` refers to a stream with `PROGRAM_ENTRIES`."""
        return (
            f"<< /Type /FontDescriptor /FontName /{self.name} /Flags {_SYMBOLIC} /FontBBox [{' '.join(map(str, self._box))}] /ItalicAngle 0 "
            f"/StemV 80 /Ascent {self._ascent} /Descent {self._descent} /CapHeight 733 /FontFile3 {program} >>"
        )

    def _laid_out(self) -> tuple[bytes, bytes, int]:
        """Return what stands before and after the offset of the charstrings, and where these begin when there are none.

        Order: header, Name, Top DICT, String and Global Subr INDEX (§6 to §12, §16), Private DICT, FDArray (§18), FDSelect,
        charset, charstrings.
        """
        opening = b"\x01\x00\x04\x04" + _index(self.name.encode("ascii"))
        closing = _index(b"Adobe", b"Identity") + b"\x00\x00"
        private = _number(EM) + _DEFAULT_WIDTH
        # Offsets take five bytes whatever they say, so the Top DICT is as long as one that says nothing yet.
        at = len(opening) + len(_index(self._top(0, 0, 0))) + len(closing)
        array_ = _index(_number(len(private)) + _offset(at) + _PRIVATE)
        fonts = at + len(private)
        select = fonts + len(array_)
        charset = select + 8
        top = _index(self._top(fonts, select, charset))
        whole = opening + top + closing + private + array_ + b"\x03\x00\x01\x00\x00\x00"
        hole = len(opening) + len(top) - len(_CHAR_STRINGS) - 4
        return whole[:hole], whole[hole + 4 :], charset - 1

    def _top(self, fonts: int, select: int, charset: int) -> bytes:
        """Return the Top DICT; ROS comes first (§18), the offset of the charstrings last."""
        box = b"".join(map(_number, self._box))
        named = _number(_ADOBE) + _number(_IDENTITY) + _number(0) + _ROS
        offsets = _offset(charset) + _CHARSET + _offset(fonts) + _FD_ARRAY + _offset(select) + _FD_SELECT
        return named + box + _FONT_BBOX + _offset(_CIDS) + _CID_COUNT + offsets + _offset(0) + _CHAR_STRINGS


def _offsets(items: list[bytes]) -> tuple[bytes, bytes]:
    """Return the offsets of an INDEX (§5), in two bytes each where that is enough, and their size."""
    offsets = list(accumulate(map(len, items), initial=1))
    size, form = (2, "H") if offsets[-1] < _LONG else (4, "I")
    return struct.pack(f">{len(offsets)}{form}", *offsets), bytes((size,))


def _index(*items: bytes) -> bytes:
    """Return an INDEX (§5)."""
    offsets, size = _offsets(list(items))
    return b"".join((len(items).to_bytes(2, "big"), size, offsets, *items))


def _number(value: int) -> bytes:
    """Return an operand of a DICT as short as it can be said (§4, Table 3)."""
    if -107 <= value <= 107:  # noqa: PLR2004 - the figures of Table 3
        return bytes((value + 139,))
    if 108 <= abs(value) <= 1131:  # noqa: PLR2004
        high, low = divmod(abs(value) - 108, 256)
        return bytes((high + (247 if value > 0 else 251), low))
    return struct.pack(">Bh", 28, value)


def _offset(value: int) -> bytes:
    """Return an operand that takes five bytes whatever its value."""
    return struct.pack(">Bi", 29, value)
