"""The spots of a form: what a licence adds to a page, each written by the shortest way that gives what `layout.put` gives."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Protocol

from licence_service.document import furniture, values
from licence_service.document.contents import filling, spacing
from licence_service.document.jpeg import read_size
from licence_service.document.layout import clear_of_neighbours, put
from licence_service.document.placed import Run
from licence_service.document.press.typecase import Typecase
from licence_service.document.press.writing import Piece, Writing
from licence_service.document.setting import span
from licence_service.document.slate import Slate
from licence_service.document.strokes import PT, number
from licence_service.document.styles import Type
from licence_service.document.wording import Phrase
from licence_service.page import Code, Picture, Text, Value

MOST_KEPT = 2048  # pieces of one spot that stay at hand
_BACK = {"left": 0.0, "center": 0.5, "right": 1.0}  # how much of its width a text begins before where it is aligned
FEET = frozenset({"foot", "foot_label"})  # styles whose texts make room for each other


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
        writing.add(piece)
        if len(writing.slate.faults) == faults:
            if len(self._pieces) >= MOST_KEPT:
                self._pieces.clear()
            self._pieces[key] = piece


@dataclass(frozen=True, slots=True)
class Pictured:
    """A photograph, drawn before everything else on its page; what is drawn hangs on its size alone."""

    picture: Picture
    _pieces: dict[tuple[int, int] | None, Piece] = field(default_factory=dict)

    def write(self, writing: Writing) -> None:
        """See `Spot.write`."""
        jpeg = writing.slate.sheet.photos.get(self.picture.field)
        size = read_size(jpeg)[:2] if jpeg is not None else None
        piece = self._pieces.get(size)
        if piece is None:
            if len(self._pieces) >= MOST_KEPT:
                self._pieces.clear()
            piece = self._pieces[size] = writing.drawn(lambda: self._place(writing.slate))
        writing.add(piece, first=jpeg is not None)

    def _place(self, slate: Slate) -> None:
        furniture.place_picture(slate, self.picture)
        slate.items += slate.under
        slate.under.clear()


class Ink:
    """What the texts of one spot are set in: their face, and the operators around font name, place and codes.

    `few` says that there are few texts on all licences; what the edition's font shows of them stays at hand.
    """

    __slots__ = ("_case", "_codes", "_few", "_height", "_kept", "_known", "_lines", "_of_edition", "_of_licence", "_wide", "type")

    def __init__(self, slate: Slate, type_: Type, case: Typecase, *, few: bool) -> None:
        """Take a page of the kind, the type, and the characters at hand."""
        self.type, self._case, self._height, self._few = type_, case.cases[type_.face], slate.height, few
        self._codes, self._kept, self._wide = self._case.codes, self._case.kept, self._case.wide
        before = f"{filling(slate.colour(type_.colour))} BT /"
        self._of_edition, self._of_licence = before + self._case.name, before + self._case.own_name
        self._known: dict[tuple[str, str], str] = {}
        self._lines: dict[tuple[float, float], tuple[str, str]] = {}  # what stands around the place of a text on a line, by size and baseline

    def at(self, size: float, x: float, y: float) -> str:
        """Return what stands between font name and codes of a text that begins at x on the baseline y, mm."""
        line = self._lines.get((size, y))
        if line is None:
            line = (f" {spacing(size, self.type.tracking)} 1 0 0 1 ", f" {number((self._height - y) * PT)} Tm <")
            if len(self._lines) < MOST_KEPT:
                self._lines[size, y] = line
        return f"{line[0]}{number(x * PT)}{line[1]}"

    def wide(self, text: str, size: float) -> float:
        """Return the width of a line in mm; `KeyError` where the face itself lacks a character."""
        return span(self.type, self._wide(text), len(text), size)

    def show(self, writing: Writing, between: str, text: str) -> None:
        """Write a text; see `at`."""
        if self._few and (between, text) in self._known:
            writing.out.append(self._known[between, text])
            return
        codes = self._codes(text)
        if not self._kept.issuperset(text):
            writing.hand.brought.append((self._case.face, codes))
            writing.out.append(f"{self._of_licence}{between}{codes.hex()}> Tj ET")
            return
        operators = f"{self._of_edition}{between}{codes.hex()}> Tj ET"
        writing.out.append(operators)
        if self._few and len(self._known) < MOST_KEPT:
            self._known[between, text] = operators


class Labelled:
    """The lines of a value whose label and rule stand in the form."""

    __slots__ = ("_back", "_end", "_first", "_index", "_ink", "_openings", "_single", "_value", "_x", "_y")

    def __init__(self, slate: Slate, value: Value, case: Typecase, index: int, y: float, end: float) -> None:
        """Take the value, its place among the page's values, its baseline and where its label ends."""
        self._value, self._index, self._y, self._end = value, index, y, end
        few = Phrase(value.content, slate.sheet.template.fields).few
        self._ink = Ink(slate, slate.type_(value.style, value.size, value.floor), case, few=few)
        self._openings: dict[tuple[float, int], list[str]] = {}  # what stands before the codes of each line, by size and number of lines
        self._x, self._first, _, align = values.where(slate, value, y, 1, self._ink.type.size, end)
        self._back = _BACK[align]
        self._single = "" if self._back else self._ink.at(self._ink.type.size, self._x, self._first)

    def write(self, writing: Writing) -> None:
        """See `Spot.write`; lines that need several faces are set by the layout."""
        fitted = writing.fitted[self._index]
        if type(fitted) is str:
            self._ink.show(writing, self._single or self._aligned(fitted), fitted)
            return
        assert isinstance(fitted, values.Lines)  # noqa: S101 - as all that is no text
        try:
            for line in fitted.lines:
                self._ink.wide(line, fitted.size)
        except KeyError:
            writing.draw(lambda: values.place_lines(writing.slate, self._value, self._y, fitted, self._end))
            return
        for between, line in zip(self._between(writing.slate, fitted), fitted.lines, strict=True):
            self._ink.show(writing, between, line)

    def _aligned(self, text: str) -> str:
        """Return what stands before the codes of a line that is not aligned on its left."""
        size = self._ink.type.size
        return self._ink.at(size, self._x - self._back * self._ink.wide(text, size), self._first)

    def _between(self, slate: Slate, lines: values.Lines) -> list[str]:
        key = (lines.size, len(lines.lines))
        found = self._openings.get(key)
        if found is None:
            found = self._opened(slate, lines)
            if self._single:
                self._openings[key] = found
        return found

    def _opened(self, slate: Slate, lines: values.Lines) -> list[str]:
        x, first, step, align = values.where(slate, self._value, self._y, len(lines.lines), lines.size, self._end)
        return [self._ink.at(lines.size, x - _BACK[align] * self._ink.wide(line, lines.size), first + n * step) for n, line in enumerate(lines.lines)]


class Plain:
    """A text on one line, such as number, identifier, version and number of the page."""

    __slots__ = ("_between", "_few", "_foot", "_ink", "_phrase", "_text", "_wide", "_y")

    def __init__(self, slate: Slate, text: Text, case: Typecase, y: float) -> None:
        """Take the text and its baseline."""
        self._text, self._y, self._foot = text, y, text.style in FEET
        self._phrase = Phrase(text.content, slate.sheet.template.fields)
        self._few = self._phrase.few
        self._ink = Ink(slate, slate.type_(text.style, text.size, text.floor), case, few=self._few)
        self._between = self._ink.at(self._ink.type.size, text.x, y) if text.align == "left" else ""
        self._wide: dict[str, float] = {}  # of texts that the layout is not needed for, where there are few

    def write(self, writing: Writing) -> None:
        """See `Spot.write`; a text that lacks a value, is too long or needs several faces is set by the layout."""
        slate = writing.slate
        words = (self._phrase.whole(slate.sheet.face, slate.words) or "").strip(" ")
        wide = self._wide.get(words) or self._fitting(words)
        if not wide:
            writing.draw(lambda: put(slate, self._text, self._y, None))
            return
        x, y = self._text.x, self._y
        if not self._between:
            x -= wide if self._text.align == "right" else wide / 2
            y = clear_of_neighbours(slate, self._text, words, y) if self._foot else y
        self._ink.show(writing, self._between or self._ink.at(self._ink.type.size, x, y), words)
        if self._foot:  # what comes later makes room for it
            slate.items.append(Run(words, self._ink.type.face, self._ink.type.size, x, y, wide))

    def _fitting(self, words: str) -> float:
        """Return the width of a text in mm, 0 where only the layout can set it."""
        try:
            wide = self._ink.wide(words, self._ink.type.size)
        except KeyError:
            return 0.0
        if not words or (self._text.width and wide > self._text.width):
            return 0.0
        if self._few and len(self._wide) < MOST_KEPT:
            self._wide[words] = wide
        return wide


class Check:
    """The characters of a check code; the rest of its plate stands in the form."""

    __slots__ = ("_aligned", "_element", "_ink", "_openings")

    def __init__(self, slate: Slate, element: Code, case: Typecase) -> None:
        """Take the plate."""
        style, self._aligned = furniture.check_style(element)
        self._element, self._ink = element, Ink(slate, slate.type_(style), case, few=False)
        self._openings: list[str] = []  # what stands before the codes of each line, where it hangs on no width

    def write(self, writing: Writing) -> None:
        """See `Spot.write`."""
        slate, ink = writing.slate, self._ink
        check = slate.sheet.check_code
        if check is None:
            return
        lines, size = furniture.check_lines(slate, self._element, check), ink.type.size
        openings = self._openings
        if not openings:
            back = 0.5 if self._aligned == "center" else 0.0
            openings = [ink.at(size, x - back * ink.wide(text, size), y) for text, x, y in lines]
            if not back:
                self._openings = openings
        for between, (text, _, _) in zip(openings, lines, strict=True):
            ink.show(writing, between, text)
