"""The tables and diagrams of a form: what they stand on is drawn once for each arrangement of their rows, the cells are written one by one."""

from collections.abc import Callable, Hashable
from functools import partial
from itertools import pairwise

from licence_service.document import axles, tables
from licence_service.document.press.spots import MOST_KEPT, Ink
from licence_service.document.press.typecase import Typecase
from licence_service.document.press.writing import Piece, Writing
from licence_service.document.setting import Fit
from licence_service.document.slate import Slate
from licence_service.document.tables import Laid, Told
from licence_service.document.wording import Phrase
from licence_service.page import Column, Diagram, Table


class _Cell:
    """One column as the rows of one kind fill it."""

    __slots__ = ("_centred", "_column", "_few", "_fits", "_ink", "_openings", "_phrase", "_room", "_single", "_whole", "_x")

    def __init__(self, slate: Slate, x: float, column: Column, told: Told, case: Typecase) -> None:
        """Take the column, where its texts are aligned, and a row of the kind."""
        self._column, self._x, self._centred = column, x, tables.aligned(column) == "center"
        self._phrase = Phrase(told.content(column), told.fields)
        self._few = self._phrase.few
        type_, self._room = tables.setting_of(slate, column)
        self._ink = Ink(slate, type_, case, few=self._few)
        self._whole = type_.size
        self._fits: dict[str, str | Fit] = {}  # where there are few texts on all licences
        # What stands before the codes of a text on one line, by the row's middle; by the text too, where it is centred.
        self._single: dict[tuple[float, str], str] = {}
        self._openings: dict[tuple[float, float, int], list[str]] = {}  # the same of each of several lines, or of smaller ones

    def fit(self, slate: Slate, told: Told) -> str | Fit:
        """Return the text of this row, where it is one line at its full size, else how it fits; `KeyError` where only the layout can set it."""
        text = self._phrase.whole(told.values, told.words)
        if text is None:
            text = told.text(self._column).text
        found = self._fits.get(text) if self._few else None
        if found is None:
            found = text if self._ink.wide(text, 1.0) * self._whole <= self._room else tables.fit_cell(slate, self._ink.type, self._room, text)
            if found is None:
                raise KeyError(text)
            if self._few and len(self._fits) < MOST_KEPT:
                self._fits[text] = found
        return found

    def write(self, writing: Writing, found: str | Fit, centre: float) -> None:
        """Write the lines of a row about `centre`, mm."""
        if isinstance(found, str):
            if found:
                opening = self._single.get((centre, found if self._centred else "")) or self._before(writing.slate, found, centre)
                self._ink.show(writing, opening, found)
            return
        for between, line in zip(self._between(writing.slate, found, centre), found.lines, strict=True):
            if line:
                self._ink.show(writing, between, line)

    def _before(self, slate: Slate, text: str, centre: float) -> str:
        (opening,) = self._opened(slate, Fit(self._whole, (text,)), centre)
        if (self._few or not self._centred) and len(self._single) < MOST_KEPT:
            self._single[centre, text if self._centred else ""] = opening
        return opening

    def _between(self, slate: Slate, found: Fit, centre: float) -> list[str]:
        if self._centred:
            return self._opened(slate, found, centre)
        key = (centre, found.size, len(found.lines))
        openings = self._openings.get(key)
        if openings is None:
            openings = self._opened(slate, found, centre)
            if len(self._openings) < MOST_KEPT:
                self._openings[key] = openings
        return openings

    def _opened(self, slate: Slate, found: Fit, centre: float) -> list[str]:
        first, step = tables.baseline(slate, centre, len(found.lines), found.size), slate.measures.second_line
        back = 0.5 if self._centred else 0.0
        return [
            self._ink.at(found.size, self._x - back * self._ink.wide(line, found.size), first + number * step)
            for number, line in enumerate(found.lines)
        ]


class Rows:
    """A table."""

    __slots__ = ("_case", "_cells", "_pieces", "_table")

    def __init__(self, table: Table, case: Typecase) -> None:
        """Take the table and the characters at hand."""
        self._table, self._case = table, case
        self._cells: dict[str, list[_Cell]] = {}  # by the kind of a row
        self._pieces: dict[Hashable, Piece] = {}  # of what the rows stand on, and of what closes them

    def write(self, writing: Writing) -> None:
        """See `Spot.write`; a table with a text that needs several faces or is too long is set by the layout."""
        slate, table = writing.slate, self._table
        told = tables.told_of(slate, table)
        start = tables.begun(slate, table, len(told))
        if start is None:
            return
        try:
            fits = [[cell.fit(slate, each) for cell in self._cells_of(slate, each)] for each in told[start:]]
        except KeyError:
            writing.draw(lambda: tables.place(slate, table))
            return
        laid = tables.lay(slate, table, [max([1 if isinstance(found, str) else len(found.lines) for found in row]) for row in fits], len(told))
        if laid is None:
            return
        self._add(writing, (laid.y, laid.tops, laid.words), tables.place_ground, laid)
        for each, row, (upper, lower) in zip(told[start:], fits, pairwise(laid.tops), strict=False):
            centre = (upper + lower) / 2
            for cell, found in zip(self._cells[each.kind], row, strict=True):
                cell.write(writing, found, centre)
        self._add(writing, (laid.tops[-1], laid.words), tables.place_closing, laid)

    def _cells_of(self, slate: Slate, told: Told) -> list[_Cell]:
        cells = self._cells.get(told.kind)
        if cells is None:
            cells = self._cells[told.kind] = [_Cell(slate, x, column, told, self._case) for x, column in tables.across(slate, self._table)]
        return cells

    def _add(self, writing: Writing, key: Hashable, place: Callable[[Slate, Table, Laid], None], laid: Laid) -> None:
        """Write what hangs on nothing but how the rows are laid out."""
        piece = self._pieces.get(key)
        if piece is None:
            if len(self._pieces) >= MOST_KEPT:
                self._pieces.clear()
            piece = self._pieces[key] = writing.drawn(lambda: place(writing.slate, self._table, laid))
        writing.add(piece)


class Axles:
    """The loads of axles under a vehicle: all but the loads is drawn once for each number of axles."""

    __slots__ = ("_diagram", "_grounds", "_ink", "_openings")

    def __init__(self, slate: Slate, diagram: Diagram, case: Typecase) -> None:
        """Take the diagram."""
        self._diagram, self._ink = diagram, Ink(slate, slate.type_(axles.FIGURES), case, few=True)
        self._grounds: dict[Hashable, Piece] = {}
        self._openings: dict[tuple[float, float, str], str] = {}  # what stands before the codes of a load, by its middle and baseline

    def write(self, writing: Writing) -> None:
        """See `Spot.write`."""
        for block in axles.blocks(writing.slate, self._diagram):
            key = block._replace(figures=("",) * len(block.figures))
            ground = self._grounds.get(key)
            if ground is None:
                if len(self._grounds) >= MOST_KEPT:
                    self._grounds.clear()
                ground = self._grounds[key] = writing.drawn(partial(axles.place_ground, writing.slate, self._diagram, block))
            writing.add(ground)
            for at in axles.figures(self._diagram, block):
                self._ink.show(writing, self._openings.get(at) or self._opened(at), at[2])

    def _opened(self, at: tuple[float, float, str]) -> str:
        (x, y, figure), size = at, self._ink.type.size
        if len(self._openings) >= MOST_KEPT:
            self._openings.clear()
        opening = self._openings[at] = self._ink.at(size, x - self._ink.wide(figure, size) / 2, y)
        return opening
