"""A page of an edition as a form: what is always the same, already drawn, and the spots that a licence fills.

A form belongs to a page, to the number of lines of each of its values (long values push the rows below them) and to the
size of the code. Whatever stands in it was placed by `layout.put`, like on any other page.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from licence_service.document import furniture, values
from licence_service.document.artwork import Artwork
from licence_service.document.layout import elements_of, put
from licence_service.document.placed import Item, Run, Symbol
from licence_service.document.press.hand import Drawings, Texts
from licence_service.document.press.spots import Drawn, Labelled, Plain, Remembered, Rows, Spot
from licence_service.document.press.writing import Writing
from licence_service.page import Box, Code, Diagram, Element, Frame, Line, Seal, Table, Text, Value, placeholders

Result = TypeVar("Result")
_OF_EDITION = frozenset({"$title", "$title_en", "$state", "$category", "$family", "$part", "$edition", "$host"})
_FOOT = "foot"  # its texts make room for each other


@dataclass(frozen=True, slots=True)
class Form:
    """Drawn operators and spots in the order of the page, what the drawn ones take."""

    artwork: Artwork | None
    steps: tuple[str | Spot, ...]
    brought: Texts
    called: tuple[str, ...]

    def write(self, writing: Writing) -> None:
        """Write a licence's page into `writing`."""
        writing.slate.artwork = self.artwork
        writing.hand.brought += self.brought
        writing.hand.called += self.called
        for step in self.steps:
            if isinstance(step, str):
                writing.out.append(step)
            else:
                step.write(writing)


class _Drafting:
    """A form in the making, on the first page of its kind."""

    def __init__(self, writing: Writing) -> None:
        self._writing = writing
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
            case Text() if element.style != _FOOT and _OF_EDITION.issuperset(placeholders(element.content)):
                self._always(partial(put, self._writing.slate, element, y, None))
            case Code():
                self._always(partial(furniture.place_plate, self._writing.slate, element))
                self.steps.append(Drawn(lambda writing: furniture.place_check(writing.slate, element)))
            case _:
                self.steps.append(_spot(element, y))

    def _value(self, value: Value, y: float, lines: values.Lines) -> None:
        slate, index = self._writing.slate, self._index
        self._index += 1
        if value.each or value.remainder:
            self.steps.append(
                Remembered(lambda writing: writing.fitted[index], lambda writing: values.place(writing.slate, value, y, writing.fitted[index]))
            )
            return
        end = self._always(lambda: values.place_label(slate, value, y, ""))
        self.steps.append(Labelled(value, index, y, end))
        if len(lines.lines) == 1 or value.place != "beside":
            self._always(lambda: values.place_rule(slate, value, y, lines, end))
        else:  # its lines stand apart by their size
            self.steps.append(
                Remembered(
                    lambda writing: writing.fitted[index].size,
                    lambda writing: values.place_rule(writing.slate, value, y, writing.fitted[index], end),
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


def _spot(element: Element, y: float) -> Spot:
    """Return the spot of an element that differs between licences."""

    def place(writing: Writing) -> None:
        put(writing.slate, element, y, None)

    match element:
        case Text() if element.style == _FOOT or not element.width:
            return Plain(element, y)
        case Table():
            return Rows(element)
        case Text():
            return Remembered(lambda writing: writing.slate.fill(element.content).text, place)
        case Seal():
            return Remembered(lambda writing: furniture.signing(writing.slate, element)[:2], place)
        case Diagram():
            return Remembered(lambda writing: (writing.slate.sheet.face.get(element.field), writing.slate.sheet.face.get(element.mass_field)), place)
        case _:
            return Drawn(place)


def draft(writing: Writing, drawings: Drawings) -> Form:
    """Return the form of the page that `writing` is about."""
    drafting = _Drafting(writing)
    for element, y, lines in elements_of(writing.slate):
        drafting.element(element, y, lines)
    steps: list[str | Spot] = []
    if drafting.ground:
        name = drawings.stand(writing.operators(drafting.ground))
        writing.hand.called.append(name)
        steps.append(f"/{name} Do")
    for step in drafting.steps:
        if isinstance(step, str) and steps and isinstance(steps[-1], str):
            steps[-1] += "\n" + step
        else:
            steps.append(step)
    return Form(writing.slate.artwork, tuple(steps), tuple(writing.hand.brought), tuple(writing.hand.called))
