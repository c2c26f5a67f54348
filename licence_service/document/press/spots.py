"""The spots of a form: what a licence adds to a page, each written by the shortest way that gives what `layout.put` gives."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Protocol

from licence_service.document import tables, values
from licence_service.document.artwork import SHEETS
from licence_service.document.contents import filling, spacing
from licence_service.document.layout import clear_of_neighbours, put
from licence_service.document.placed import Run
from licence_service.document.press.writing import Piece, Writing
from licence_service.document.setting import width
from licence_service.document.slate import Slate
from licence_service.document.strokes import PT, number
from licence_service.page import Table, Text, Value

MOST_KEPT = 2048  # pieces of one spot that stay at hand


class Spot(Protocol):
    """One place of a page that a licence fills."""

    def write(self, writing: Writing) -> None:
        """Write what the licence says here."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A spot that is drawn anew for every licence."""

    place: Callable[[Writing], object]

    def write(self, writing: Writing) -> None:
        """See `Spot.write`."""
        writing.draw(lambda: self.place(writing))


@dataclass(frozen=True, slots=True)
class Remembered:
    """A spot that looks the same whenever its key is the same, such as issuer and day of a seal; drawn once for each."""

    key: Callable[[Writing], Hashable]
    place: Callable[[Writing], object]
    _pieces: dict[Hashable, Piece] = field(default_factory=dict)

    def write(self, writing: Writing) -> None:
        """See `Spot.write`."""
        key = self.key(writing)
        piece = self._pieces.get(key)
        if piece is not None:
            writing.add(piece)
            return
        faults = len(writing.slate.faults)
        piece = writing.drawn(lambda: self.place(writing))
        writing.out.append(piece.operators)
        if len(writing.slate.faults) == faults:
            if len(self._pieces) >= MOST_KEPT:
                self._pieces.clear()
            self._pieces[key] = piece


@dataclass(frozen=True, slots=True)
class Labelled:
    """The lines of a value whose label and rule stand in the form: `index` is its place among the page's values."""

    value: Value
    index: int
    y: float
    end: float  # of its label
    _openings: dict[float, tuple[str, ...]] = field(default_factory=dict)  # what stands between font and codes of each line, by size

    def write(self, writing: Writing) -> None:
        """See `Spot.write`; a line that needs several faces is set by the layout."""
        lines, slate = writing.fitted[self.index], writing.slate
        type_ = slate.type_(self.value.style)
        face, ink = type_.face, filling(slate.colour(type_.colour))
        openings = self._openings.get(lines.size) or self._opened(slate, lines)
        for opening, line in zip(openings, lines.lines, strict=True):
            setting = writing.fonts.setting(face, line)
            if len(setting.runs) != 1 or setting.runs[0][0] != face or setting.missing:
                writing.draw(lambda: values.place_lines(slate, self.value, self.y, lines, self.end))
                return
            if not opening:  # in the middle of a cell
                opening = self._centred(slate, lines, line)  # noqa: PLW2901
            ((name, codes),) = writing.hand.encode(face, line)
            writing.out.append(f"{ink} BT /{name} {opening} <{codes}> Tj ET")

    def _opened(self, slate: Slate, lines: values.Lines) -> tuple[str, ...]:
        x, first, step, align = values.where(slate, self.value, self.y, len(lines.lines), lines.size, self.end)
        ys = [first + number * step for number in range(len(lines.lines))]
        found = tuple(self._opening(slate, lines.size, x, y) if align == "left" else "" for y in ys)
        self._openings[lines.size] = found
        return found

    def _centred(self, slate: Slate, lines: values.Lines, line: str) -> str:
        middle, y, _, _ = values.where(slate, self.value, self.y, len(lines.lines), lines.size, self.end)
        wide = width(slate.fonts, slate.type_(self.value.style), line, lines.size)
        return self._opening(slate, lines.size, middle - wide / 2, y)

    def _opening(self, slate: Slate, size: float, x: float, y: float) -> str:
        height = SHEETS[slate.page.sheet].height
        return f"{spacing(size, slate.type_(self.value.style).tracking)} 1 0 0 1 {number(x * PT)} {number((height - y) * PT)} Tm"


@dataclass(frozen=True, slots=True)
class Plain:
    """A text on one line that may be as long as it is, such as identifier, version and number of the page."""

    text: Text
    y: float

    def write(self, writing: Writing) -> None:
        """See `Spot.write`; a text that needs several faces is set by the layout."""
        slate, text = writing.slate, self.text
        words = " ".join(slate.fill(text.content).text.split(" ")).strip(" ")
        type_ = slate.type_(text.style, text.size, text.floor)
        setting = slate.fonts.setting(type_.face, words)
        if not words or setting.missing or len(setting.runs) != 1 or setting.runs[0][0] != type_.face:
            writing.draw(lambda: put(slate, text, self.y, None))
            return
        wide = (setting.width + type_.tracking * (len(words) - 1)) * type_.size / PT
        x = text.x - (wide if text.align == "right" else wide / 2 if text.align == "center" else 0)
        y = clear_of_neighbours(slate, text, words, self.y)
        slate.items.append(Run(words, type_.face, type_.size, x, y, wide))  # what comes later makes room for it
        ((name, codes),) = writing.hand.encode(type_.face, words)
        where = f"{number(x * PT)} {number((writing.height - y) * PT)}"
        writing.out.append(
            f"{filling(slate.colour(type_.colour))} BT /{name} {spacing(type_.size, type_.tracking)} 1 0 0 1 {where} Tm <{codes}> Tj ET"
        )


@dataclass(frozen=True, slots=True)
class Rows:
    """A table; one without rows looks the same wherever it begins."""

    table: Table
    _empty: dict[float, tuple[Piece, float]] = field(default_factory=dict)  # by where the table before it ends

    def write(self, writing: Writing) -> None:
        """See `Spot.write`."""
        slate = writing.slate
        if slate.repeat or tables.rows_of(slate, self.table):
            writing.draw(lambda: tables.place(slate, self.table))
            return
        start = slate.table_end
        if start not in self._empty:
            self._empty[start] = (writing.drawn(lambda: tables.place(slate, self.table)), slate.table_end)
        piece, slate.table_end = self._empty[start]
        slate.taken[id(self.table)] = 0
        writing.add(piece)
