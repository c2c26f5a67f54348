"""The characters at hand: those of an edition lie in fonts of the prefix, a licence brings the others.

What an edition keeps follows from its template and the department alone, so that every process makes the same prefix.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from licence_service.document.compact_font import CompactFont
from licence_service.document.glyph_store import EM, GlyphStore

# Kept in every face that shows values: what numbers, dates and identifiers are written with.
EVERYWHERE = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-./:年月日")
# Characters that are not one em wide and that a licence may bring; any other such character is the slow path's.
_NARROW = frozenset(map(chr, (*range(0x20, 0x7F), *range(0xA0, 0x100), *range(0x2010, 0x2040))))


class Typecase:
    """The fonts of one edition: `C…` of the prefix, `V…` of the licence."""

    def __init__(self, stores: Mapping[str, GlyphStore], kept: Mapping[str, AbstractSet[str]]) -> None:
        """Take the glyphs of every face, and the characters that the edition keeps of each."""
        self._stores = stores
        self.names = {face: f"C{place}" for place, face in enumerate(stores)}
        self.own_names = {face: f"V{place}" for place, face in enumerate(stores)}
        self.faces = {name: face for names in (self.names, self.own_names) for face, name in names.items()}
        self.characters = {face: frozenset(kept.get(face, ())) for face in stores}
        self._edition = {face: CompactFont(store, 2 * place) for place, (face, store) in enumerate(stores.items())}
        self._licence = {face: CompactFont(store, 2 * place + 1) for place, (face, store) in enumerate(stores.items())}
        self._narrow: dict[str, frozenset[str]] = {}

    def kept(self) -> Iterator[tuple[str, CompactFont, frozenset[str]]]:
        """Yield the faces of the prefix, each with its characters."""
        for face, characters in self.characters.items():
            if characters:
                yield face, self._edition[face], characters

    def codes(self, face: str, text: str) -> bytes:
        """Return the CIDs of a text in a face, two bytes each."""
        return self._stores[face].ids.codes(text)

    def brought(self, face: str) -> CompactFont:
        """Return the font of the characters of a face that a licence brings."""
        return self._licence[face]

    def widths(self, face: str, characters: AbstractSet[str]) -> str:
        """Return the `/W` array of a face for these characters."""
        return self._edition[face].widths(characters)

    def narrow(self, face: str) -> frozenset[str]:
        """Return the characters of a face whose widths a licence's font declares besides the one em of all others."""
        if face not in self._narrow:
            program = self._stores[face].face.program
            self._narrow[face] = frozenset(each for each in _NARROW if program.glyph(ord(each)))
        return self._narrow[face]

    def undeclared(self, face: str, characters: AbstractSet[str]) -> frozenset[str]:
        """Return the characters whose width a licence's font does not declare."""
        width = self._stores[face].width
        return frozenset(each for each in characters - self.narrow(face) if width(each) != EM)
