"""The characters at hand: those of an edition lie in fonts of the prefix, a licence brings the others.

What an edition keeps follows from its template and the department alone, so that every process makes the same prefix.
"""

import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache

from licence_service.document.compact_font import CompactFont
from licence_service.document.glyph_store import EM, GlyphStore

# Characters that are not one em wide and that a licence may bring; any other such character is the slow path's.
_NARROW = frozenset(map(chr, (*range(0x20, 0x7F), *range(0xA0, 0x100), *range(0x2010, 0x2040))))
_MOST_WIDTHS = 256  # of texts that stay at hand
_MOST_FACES = 16
Brought = tuple[str, bytes]  # a face, and the CIDs of a text in it that a licence must bring


class _Widths:
    """How wide the texts of a face are; its squares, characters of one em as ideographs are, are told at a glance."""

    __slots__ = ("_advances", "_known", "_narrowed", "_squares")

    def __init__(self, store: GlyphStore) -> None:
        self._advances = _Advances(store)
        self._squares, self._narrowed = store.squares.fullmatch, store.squares.sub
        self._known: dict[str, float] = {}  # texts that are not all squares, most of them asked for again on the same licence

    def of(self, text: str) -> float:
        """Return the advance of a text in ems; `KeyError` where the face itself lacks a character."""
        if self._squares(text):
            return len(text)
        found = self._known.get(text)
        if found is None:
            others = text if text.isascii() else self._narrowed("", text)
            found = len(text) - len(others) + sum(map(self._advances.__getitem__, others))
            if len(self._known) >= _MOST_WIDTHS:
                self._known.clear()
            self._known[text] = found
        return found


class _Advances(dict[str, float]):
    """The advance, in ems, of every character that a face itself draws; `KeyError` for others."""

    __slots__ = ("_store",)

    def __init__(self, store: GlyphStore) -> None:
        self._store = store

    def __missing__(self, character: str) -> float:
        program = self._store.face.program
        glyph = program.glyph(ord(character))
        if not glyph:
            raise KeyError(character)
        found = self[character] = program.advance(glyph) / program.units
        return found


class Undeclared(ValueError):  # noqa: N818 - a fact: another font must be made
    """A character has a width that the fonts of licences do not declare."""


class _Charstrings(dict[int, bytes]):
    """The charstrings that a licence may bring, by CID; `Undeclared` for one whose width its font would not say."""

    __slots__ = ("_narrow", "_store")

    def __init__(self, store: GlyphStore) -> None:
        program = store.face.program
        self._store, self._narrow = store, frozenset(each for each in _NARROW if program.glyph(ord(each)))

    @property
    def narrow(self) -> frozenset[str]:
        """Return the characters of other widths than the one em of all others that are declared."""
        return self._narrow

    def __missing__(self, cid: int) -> bytes:
        character = self._store.ids.character(cid)
        if character not in self._narrow and self._store.width(character) != EM:
            raise Undeclared(f"U+{ord(character):04X} has a width of its own")
        found = self[cid] = self._store.charstring(character)
        return found


# What a face draws is the same for all editions, and an edition's own of each would take a process of many types tens of megabytes.
_charstrings, _widths = lru_cache(maxsize=_MOST_FACES)(_Charstrings), lru_cache(maxsize=_MOST_FACES)(_Widths)


class Case:
    """One face: its fonts in the prefix and in a licence, their names, the characters that the edition's has.

    `wide` gives the advance of a text in ems, `KeyError` where the face lacks a character; `codes` its CIDs, two bytes each.
    """

    def __init__(self, store: GlyphStore, place: int, kept: AbstractSet[str]) -> None:
        """Take the glyphs, the face's place among all faces, and what the edition keeps of it."""
        self.face = store.face.slug
        self.name, self.own_name = f"C{place}", f"V{place}"
        self.kept = frozenset(kept)
        self.wide = _widths(store).of
        self.codes = store.ids.codes
        self.edition, self.licence = CompactFont(store, 2 * place), CompactFont(store, 2 * place + 1)
        self._charstrings = _charstrings(store)

    @property
    def narrow(self) -> frozenset[str]:
        """The characters whose widths a licence's font declares besides the one em of all others."""
        return self._charstrings.narrow

    @property
    def meanings(self) -> bytes:
        """The CMap of the edition's font: what each of its own CIDs means."""
        return self.edition.store.ids.to_unicode_of(self.kept)

    def program(self, cids: Sequence[int]) -> bytes:
        """Return the font program of what a licence brings, the lowest CID first; raise `Undeclared`."""
        return self.licence.joined(cids, map(self._charstrings.__getitem__, cids))


class Typecase:
    """The fonts of one edition: `C…` of the prefix, `V…` of the licence."""

    def __init__(self, stores: Mapping[str, GlyphStore], kept: Mapping[str, AbstractSet[str]]) -> None:
        """Take the glyphs of every face, and the characters that the edition keeps of each."""
        self.cases = {face: Case(store, place, kept.get(face, frozenset())) for place, (face, store) in enumerate(stores.items())}
        self.faces = {name: case for case in self.cases.values() for name in (case.name, case.own_name)}

    def of_edition(self) -> Iterator[Case]:
        """Yield the faces of the prefix."""
        return (case for case in self.cases.values() if case.kept)


def gathered(texts: Iterable[Brought]) -> dict[str, list[int]]:
    """Return the CIDs that are to be brought of each face, each once, the lowest first."""
    codes: dict[str, list[bytes]] = {}
    for face, text in texts:
        codes.setdefault(face, []).append(text)
    found = {}
    for face, each in codes.items():
        cids = array("H", b"".join(each))
        if sys.byteorder == "little":
            cids.byteswap()
        found[face] = sorted(set(cids))
    return found
