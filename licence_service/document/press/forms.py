"""A page of an edition as a form: what is always the same, already drawn, and the spots that a licence fills.

A form belongs to a page, to the number of lines of each of its values (long values push the rows below them) and to the
size of the code. Whatever stands in it was placed by `layout.put`, like on any other page.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TypeVar

from licence_service.document import furniture, values
from licence_service.document.artwork import Artwork
from licence_service.document.layout import elements_of, put
from licence_service.document.placed import Item, Run, Symbol
from licence_service.document.press.hand import Drawings
from licence_service.document.press.rows import Axles, Rows
from licence_service.document.press.spots import Check, Drawn, Labelled, Pictured, Plain, Remembered, Spot
from licence_service.document.press.typecase import Brought, Typecase
from licence_service.document.press.writing import Writing
from licence_service.page import Box, Code, Diagram, Element, Frame, Line, Picture, Seal, Table, Text, Value, placeholders

Result = TypeVar("Result")
_OF_EDITION = frozenset({"$title", "$title_en", "$state", "$category", "$family", "$part", "$edition", "$host"})


@dataclass(frozen=True, slots=True)
class Form:
    """Drawn operators and spots in the order of the page, what the drawn ones take."""

    artwork: Artwork | None
    steps: tuple[str | Spot, ...]
    brought: tuple[Brought, ...]
    called: tuple[str, ...]

    def write(self, writing: Writing) -> None:
        """Write a licence's page into `writing`."""
        writing.slate.artwork = self.artwork
        writing.hand.brought += self.brought
        writing.hand.called += self.called
        out = writing.out.append
        for step in self.steps:
            if type(step) is str:
                out(step)
            else:
                step.write(writing)  # type: ignore[union-attr]  # no text


class _Drafting:
    """A form in the making, on the first page of its kind."""

    def __init__(self, writing: Writing, case: Typecase) -> None:
        self._writing, self._case = writing, case
        self.steps: list[str | Spot] = []
        self.ground: list[Item] = []  # rules, boxes and marks: one drawing of the prefix, under all texts
        self._index = 0

    def element(self, element: Element, y: float, lines: values.Lines | None) -> None:
        """Draw what is always the same of an element; leave a spot for the rest."""
        match element:
            case Value() if lines is not None:
                self._value(element, y, lines)
            case Frame() | Box() | Line():
                self._always(partial(put, self._writing.slate, element, y, None))
            case Text() if element.style != "foot" and _OF_EDITION.issuperset(placeholders(element.content)):
                self._always(partial(put, self._writing.slate, element, y, None))
            case Code():
                self._always(partial(furniture.place_plate, self._writing.slate, element))
                self.steps.append(Check(self._writing.slate, element, self._case))
            case _:
                self.steps.append(self._spot(element, y))

    def _value(self, value: Value, y: float, lines: values.Lines) -> None:
        slate, index = self._writing.slate, self._index
        self._index += 1
        if lines.note:
            self.steps.append(Drawn(lambda writing: values.place(writing.slate, value, y, writing.lines(index))))
            return
        end = self._always(lambda: values.place_label(slate, value, y, ""))
        self.steps.append(Labelled(slate, value, self._case, index, y, end))
        if len(lines.lines) == 1:
            self._always(lambda: values.place_rule(slate, value, y, lines, end))
        else:  # where its rule stands hangs on their size
            self.steps.append(
                Remembered(
                    lambda writing: writing.lines(index).size,
                    lambda writing: values.place_rule(writing.slate, value, y, writing.lines(index), end),
                )
            )

    def _always(self, place: Callable[[], Result]) -> Result:
        """Draw what every licence has here, and return what its placing returned."""
        said: list[Result] = []
        texts: list[Item] = []
        for item in self._writing.placed(lambda: said.append(place())):
            (texts if isinstance(item, Run | Symbol) else self.ground).append(item)
        if texts:
            self.steps.append(self._writing.operators(texts))
        return said[0]

    def _spot(self, element: Element, y: float) -> Spot:
        """Return the spot of an element that differs between licences."""

        def place(writing: Writing) -> None:
            put(writing.slate, element, y, None)

        match element:
            case Text() if element.style != "part":
                return Plain(self._writing.slate, element, self._case, y)
            case Picture():
                return Pictured(element)
            case Table():
                return Rows(element, self._case)
            case Seal():
                return Remembered(_signing_of(element), place)
            case Diagram():
                return Axles(self._writing.slate, element, self._case)
            case _:
                return Drawn(place)


def _signing_of(seal: Seal) -> Callable[[Writing], Hashable]:
    """Return what tells one signing of a seal from another: the values that it shows, or all that an endorsement brings."""
    names = (*placeholders(seal.issuer), *placeholders(seal.issued))

    def signing(writing: Writing) -> Hashable:
        sheet = writing.slate.sheet
        if seal.endorsed and sheet.endorsements:
            return furniture.signing(writing.slate, seal)
        return tuple([str(sheet.face.get(name)) for name in names])

    return signing


def draft(writing: Writing, case: Typecase, drawings: Drawings) -> Form:
    """Return the form of the page that `writing` is about.

    What always stands on the page is called by name, texts in their order among the values (LOOK §13); only texts with
    characters that a licence must bring are written out.
    """
    drafting = _Drafting(writing, case)
    for element, y, lines in elements_of(writing.slate):
        drafting.element(element, y, lines)
    steps: list[str | Spot] = []

    def stand(operators: str) -> str:
        name = drawings.stand(operators)
        writing.hand.called.append(name)
        return f"/{name} Do"

    if drafting.ground:
        steps.append(stand(writing.operators(drafting.ground)))
    for texts, group in groupby(drafting.steps, key=lambda step: isinstance(step, str)):
        if not texts:
            steps += group
            continue
        operators = " ".join(group)  # type: ignore[arg-type]  # texts all
        steps.append(operators if "/V" in operators else stand(operators))
    return Form(writing.slate.artwork, tuple(steps), tuple(writing.hand.brought), tuple(writing.hand.called))
