"""The faces inside one PDF: which characters were used, the subset programs, widths and the way back to Unicode.

Simple symbolic TrueType fonts of at most 255 characters each, as ReportLab makes them, with what it gets wrong put right:
characters beyond the BMP (LIBRARIES §2) and widths of faces whose em is not 1000.
"""

import zlib
from functools import lru_cache

from licence_service.document.fonts import Face, Fonts
from licence_service.document.truetype import subset

_MOST = 255
_BLOCK = 100  # a bfchar block holds at most a hundred
_SYMBOLIC = 4
_HEAD = (
    "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
    "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
    "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n1 begincodespacerange\n<00> <FF>\nendcodespacerange\n"
)
_TAIL = "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend"


class Subset:
    """Up to 255 characters of one face under one font name; code 0 stays the missing glyph and is never shown."""

    def __init__(self, name: str, face: Face) -> None:
        """Take the resource name (`F1`) and the face."""
        self.name, self.face = name, face
        self.characters: list[str] = []

    @property
    def full(self) -> bool:
        """Whether no further character has room."""
        return len(self.characters) >= _MOST

    def program(self) -> bytes:
        """Return the subset font program."""
        face = self.face.program
        return subset(face, (0, *(face.glyph(ord(character)) for character in self.characters)))

    def widths(self) -> list[str]:
        """Return the advance of every code from 0 on, in thousandths of the em, exactly as in the program."""
        face = self.face.program
        glyphs = (0, *(face.glyph(ord(character)) for character in self.characters))
        return [f"{face.advance(glyph) * 1000 / face.units:.10g}" for glyph in glyphs]

    def to_unicode(self) -> bytes:
        """Return the CMap that says which character each code stands for."""
        rows = [f"<{code:02X}> <{_utf16(character)}>\n" for code, character in enumerate(self.characters, 1)]
        blocks = (rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK))
        return "".join((_HEAD, *(f"{len(block)} beginbfchar\n{''.join(block)}endbfchar\n" for block in blocks), _TAIL)).encode("ascii")

    def descriptor(self, base: str, program: str) -> str:
        """Return the font descriptor; `program` is the reference to the font file."""
        face = self.face.program
        scale = 1000 / face.units
        box = " ".join(str(round(value * scale)) for value in face.box)
        return (
            f"<< /Type /FontDescriptor /FontName /{base} /Flags {_SYMBOLIC} /FontBBox [{box}] /ItalicAngle 0 /StemV 80 "
            f"/Ascent {round(face.ascent * scale)} /Descent {round(face.descent * scale)} /CapHeight 733 /FontFile2 {program} >>"
        )


class Embedding:
    """The subsets of one document, filled while its pages are written."""

    def __init__(self, fonts: Fonts) -> None:
        """Start with no character used."""
        self._fonts = fonts
        self._codes: dict[str, dict[str, tuple[Subset, str]]] = {}
        self.subsets: list[Subset] = []

    def encode(self, face: str, text: str) -> list[tuple[str, str]]:
        """Return (font name, hexadecimal codes) pieces of a text that its face can draw."""
        codes = self._codes.setdefault(face, {})
        try:
            used = [codes[character] for character in text]
        except KeyError:
            for character in text:
                if character not in codes:
                    codes[character] = self._assign(face, character)
            used = [codes[character] for character in text]
        first = used[0][0]
        if all(subset_ is first for subset_, _ in used):
            return [(first.name, "".join([code for _, code in used]))]
        pieces: list[tuple[str, str]] = []
        for subset_, code in used:
            if pieces and pieces[-1][0] == subset_.name:
                pieces[-1] = (subset_.name, pieces[-1][1] + code)
            else:
                pieces.append((subset_.name, code))
        return pieces

    def _assign(self, face: str, character: str) -> tuple[Subset, str]:
        last = next((each for each in reversed(self.subsets) if each.face.slug == face), None)
        if last is None or last.full:
            last = Subset(f"F{len(self.subsets) + 1}", self._fonts.faces[face])
            self.subsets.append(last)
        last.characters.append(character)
        return last, f"{len(last.characters):02X}"


def tag(place: int) -> str:
    """Return the six capitals in front of a subset's name."""
    return "".join(chr(65 + place // 26**power % 26) for power in range(5, -1, -1))


@lru_cache(maxsize=4096)
def _utf16(character: str) -> str:
    return character.encode("utf-16-be").hex().upper()


def deflated(content: bytes, effort: int = 6) -> bytes:
    """Compress a stream. Font programs take effort 1: more costs a document two milliseconds and saves a thirtieth."""
    return zlib.compress(content, effort)
