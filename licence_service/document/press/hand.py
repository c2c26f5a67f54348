"""What the press writes texts and pictures with: fonts of the prefix or of the licence, pictures by name."""

from dataclasses import dataclass, field
from hashlib import sha256

from licence_service.document import code
from licence_service.document.impression import Impression
from licence_service.document.jpeg import read_size
from licence_service.document.placed import Photo, Stamp, Symbol
from licence_service.document.press.typecase import Brought, Case, Typecase

_NAME = 8  # hexadecimal digits


@dataclass(slots=True)
class Drawings:
    """The drawings that an edition's pages call besides their artwork, each under a name; few, and they only grow."""

    stamps: dict[str, Impression] = field(default_factory=dict)
    standing: dict[str, str] = field(default_factory=dict)  # operators that every licence of a form has, by name
    symbols: dict[str, float] = field(default_factory=dict)  # the side of a code, mm

    def stamp(self, impression: Impression) -> str:
        """Return the name of a seal's drawing; a press has one of each size."""
        name = f"S{round(impression.diameter_mm * 1000)}"
        self.stamps[name] = impression
        return name

    def stand(self, operators: str) -> str:
        """Return the name of a drawing that stands on every licence of its form, the same in every process."""
        name = f"K{sha256(operators.encode('ascii')).hexdigest()[:_NAME]}"
        if self.standing.setdefault(name, operators) != operators:
            raise ArithmeticError("two drawings of an edition have one name")  # it cannot be, but for one edition in millions
        return name

    def symbol(self, side: float) -> str:
        """Return the name of the drawing that puts a code on `side` mm."""
        name = f"Q{round(side * 1000)}"
        self.symbols.setdefault(name, side)
        return name


class Hand:
    """Encodes what is drawn and notes what it took; see `contents.Encoding` and `contents.Pictures`.

    A text is its CIDs, two bytes each, as hexadecimal. It stands in one font: the edition's, where that has all its
    characters (`C-…`), else the licence's own (`V-…`).
    """

    def __init__(self, case: Typecase, drawings: Drawings, modules: int) -> None:
        """Take the characters at hand, the edition's drawings, and how many modules a side the sheet's code has."""
        self._case, self._drawings, self._modules = case, drawings, modules
        self.brought: list[Brought] = []
        self.called: list[str] = []

    def encode(self, face: str, text: str) -> tuple[tuple[str, str]]:
        """Return font name and codes."""
        return (self.shown(self._case.cases[face], text),)

    def shown(self, case: Case, text: str) -> tuple[str, str]:
        """Return font name and codes of a text that a face can draw."""
        codes: bytes = case.codes(text)
        if case.kept.issuperset(text):
            return case.name, codes.hex()
        self.brought.append((case.face, codes))
        return case.own_name, codes.hex()

    def photo(self, photo: Photo) -> tuple[str, int, int]:
        """Return name, width and height in pixels."""
        wide, high, _ = read_size(photo.jpeg)
        name = f"P-{photo.field}"
        self.called.append(name)
        return name, wide, high

    def stamp(self, stamp: Stamp) -> str:
        """Return the name of a seal's form."""
        name = self._drawings.stamp(stamp.impression)
        self.called.append(name)
        return name

    def symbol(self, symbol: Symbol) -> tuple[str, float]:
        """Return the name of the code's form and the side at which it is drawn."""
        side = symbol.side * self._modules / (self._modules + 2 * code.QUIET_MODULES)
        name = self._drawings.symbol(side)
        self.called.append(name)
        return name, side
