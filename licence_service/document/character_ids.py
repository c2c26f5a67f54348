"""Which CID a character of a face has, and the way back: constants of the face, nothing is numbered per document.

CID = code point, so that a text is encoded by `utf-16-be` alone. A face has room for 65,535 CIDs but draws characters
of several planes: its *home plane* is the one most of them lie in (the BMP for Song and Hei, plane 2 for the rare pack),
and there the CID is the low word of the code point. Every other character that the face draws gets a *private* CID, in
code-point order, from the private use area of the BMP; a CID whose home character the face draws is never given away.
So no CID of a font stands for two characters that the face draws.
"""

import struct
from codecs import utf_16_be_encode
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain, compress, takewhile

from licence_service.document.truetype import TrueType

_PLANE, _LOW = 0x10000, 0xFFFF
_BLOCK = 0x100  # a range of a CMap may not run over the last byte (ISO 32000-1 9.10.3)
_MOST_RANGES = 100  # … and so many stand in one section
# What a text may not be mapped to is never a CID either (ISO 19005-3 6.2.11.7.2): U+0000, U+FEFF, U+FFFE.
_NEVER = frozenset((0, 0xFEFF, 0xFFFE, 0xFFFF))
_HEAD = (
    "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
    "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
    "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n"
)
_TAIL = "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend"


class CharacterIds:
    """The CIDs of one face."""

    def __init__(self, program: TrueType) -> None:
        """Take the font program and lay out its private CIDs."""
        drawn = list(_drawn(program))
        planes: Counter[int] = Counter()
        for run in drawn:
            planes[run.start // _PLANE] += len(run)
        self.plane = planes.most_common(1)[0][0]
        start = self.plane * _PLANE
        at_home = [run.start // _PLANE == self.plane for run in drawn]
        self._home = bytearray(_PLANE)  # 1 at each CID that is the low word of its code point: a set of them would take megabytes
        for run in compress(drawn, at_home):
            self._home[run.start - start : run.stop - start] = b"\1" * len(run)
        for cid in _NEVER:
            self._home[cid] = 0
        strangers = sorted(chain(chain.from_iterable(run for run, home in zip(drawn, at_home, strict=True) if not home), self._refused(drawn)))
        self.private = {chr(stranger): cid for stranger, cid in zip(strangers, self._free(), strict=False)}

    def _refused(self, drawn: list[range]) -> list[int]:
        """Return the code points of the home plane that are drawn and whose low word is no CID."""
        code_points = (self.plane * _PLANE + low for low in _NEVER)
        return [code_point for code_point in code_points if any(code_point in run for run in drawn)]

    def _free(self) -> Iterator[int]:
        """Yield CIDs without a character: the private use area, what lies above it, the surrogates, then the rest."""
        for cid in chain(range(0xE000, _PLANE), range(0xD800, 0xE000), range(1, 0xD800)):
            if not self._home[cid] and cid not in _NEVER:
                yield cid

    def cid(self, character: str) -> int:
        """Return the CID of a character that the face draws; `ValueError` where it has none."""
        code_point = ord(character)
        private = self.private.get(character)
        if private is not None:
            return private
        if code_point // _PLANE != self.plane or not self._home[code_point & _LOW]:
            raise ValueError(f"U+{code_point:04X} has no CID in this face")
        return code_point & _LOW

    def character(self, cid: int) -> str:
        """Return the character of a CID; `ValueError` where the face draws none for it."""
        if self._home[cid]:
            return chr(self.plane * _PLANE + cid)
        try:
            return self._strangers[cid]
        except KeyError:
            raise ValueError(f"CID {cid} has no character in this face") from None

    @cached_property
    def _strangers(self) -> dict[int, str]:
        return {cid: character for character, cid in self.private.items()}

    def codes(self, text: str) -> bytes:
        """Return the CIDs of a text that the face draws, two bytes each: what `Tj` shows under Identity-H.

        Of characters that the face does not draw nothing is promised here; `GlyphStore` refuses them. Halves of
        surrogate pairs raise `ValueError`.
        """
        if self.plane == 0:
            codes = utf_16_be_encode(text)[0]
            if len(codes) == 2 * len(text):
                return codes
        return b"".join([self.cid(character).to_bytes(2, "big") for character in text])

    @cached_property
    def to_unicode(self) -> bytes:
        """The ToUnicode CMap of whatever font is made of this face, a constant (ISO 32000-1 9.10.3).

        It covers whole blocks of the home plane, so that it stays regular and compresses to little.
        """
        return _cmap(sorted((*self._home_rows(), *self._private_rows())))

    def to_unicode_of(self, characters: Iterable[str]) -> bytes:
        """Return the same for a font of these characters alone: readers make a table of all that a CMap covers, 65,000 rows for the constant one."""
        return _cmap([f"<{cid:04X}> <{cid:04X}> <{_utf16(character)}>\n" for cid, character in sorted((self.cid(each), each) for each in characters)])

    def _home_rows(self) -> Iterator[str]:
        """Yield a range for every run of home CIDs within each block in which the face draws anything."""
        taken = _NEVER.union(self.private.values())
        for start in (start for start in range(0, _PLANE, _BLOCK) if any(self._home[start : start + _BLOCK])):
            gaps = [cid for cid in range(start, start + _BLOCK) if cid in taken]
            for before, after in zip((start - 1, *gaps), (*gaps, start + _BLOCK), strict=True):
                if before + 1 < after:
                    yield f"<{before + 1:04X}> <{after - 1:04X}> <{_utf16(chr(self.plane * _PLANE + before + 1))}>\n"

    def _private_rows(self) -> Iterator[str]:
        """Yield an array for every run of private CIDs within a block; one row a character would be twice as long."""
        characters = {cid: character for character, cid in self.private.items()}
        for start in sorted(cid for cid in characters if cid - 1 not in characters or cid % _BLOCK == 0):
            run = takewhile(characters.__contains__, range(start, start - start % _BLOCK + _BLOCK))
            words = [_utf16(characters[cid]) for cid in run]
            yield f"<{start:04X}> <{start + len(words) - 1:04X}> [<{'><'.join(words)}>]\n"


def _cmap(rows: Sequence[str]) -> bytes:
    """Return a CMap of these ranges."""
    sections = (rows[start : start + _MOST_RANGES] for start in range(0, len(rows), _MOST_RANGES))
    return "".join((_HEAD, *(f"{len(each)} beginbfrange\n{''.join(each)}endbfrange\n" for each in sections), _TAIL)).encode("ascii")


def _drawn(program: TrueType) -> Iterator[range]:
    """Yield the code points of the one cmap subtable, format 12, that have a glyph: runs in rising order, each within one plane."""
    cmap = program.table("cmap")
    start = struct.unpack_from(">I", cmap, 8)[0]
    count = struct.unpack_from(">I", cmap, start + 12)[0]
    for first, last, glyph in struct.iter_unpack(">III", cmap[start + 16 : start + 16 + 12 * count]):
        drawn = range(first if glyph else first + 1, last + 1)  # glyph 0 is the missing one
        for plane in range(first // _PLANE, last // _PLANE + 1):
            if run := range(max(drawn.start, plane * _PLANE), min(drawn.stop, (plane + 1) * _PLANE)):
                yield run


def _utf16(character: str) -> str:
    return character.encode("utf-16-be").hex().upper()
