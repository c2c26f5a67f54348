"""The axle diagram: wheels above their own loads, drawn only where the text says loads that add up (LOOK §8 d)."""

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from licence_service.document.placed import Area, Disc, Stroke
from licence_service.document.slate import Slate
from licence_service.document.strokes import blend
from licence_service.document.styles import INK, WHITE
from licence_service.page import Diagram, Style

FIGURES: Style = "cell_value"  # what loads are set in
ORDER, LOADS, SUM = "轴序", "轴荷（吨）", "合计"
MOST_IN_A_ROW = 14
_LOAD = re.compile(r"(\d{1,3}(?:\.\d{1,3})?)(?:[×xX*](\d{1,2}))?")
_UNITS = re.compile(r"[（(]?(?:吨|t)[）)]?$")
_TRUCK, _ORDER, _LOADS = 11.3, 5.2, 6.4  # heights: drawing, row of numbers, row of loads
_CAB = 3  # axles under cab and tractor, where there are more


@lru_cache(maxsize=256)  # each text is asked for several times
def loads(text: str, mass_kg: int) -> tuple[Decimal, ...] | None:
    """Return the load of each axle in tonnes, or None where the text is something else or does not add up to the mass."""
    found: list[Decimal] = []
    for part in _UNITS.sub("", text.replace(" ", "")).replace("＋", "+").split("+"):
        match = _LOAD.fullmatch(part)
        if match is None:
            return None
        found += [Decimal(match[1])] * int(match[2] or 1)
    return tuple(found) if sum(found) * 1000 == mass_kg else None


class Block(NamedTuple):
    """One row of axles, mm: its upper edge and the width of a column; the number of its first axle, its loads with their sum where it is the last.

    `axles` wheels are drawn above it, none where there are several rows.
    """

    y: float
    column: float
    first: int
    figures: tuple[str, ...]
    summed: bool
    axles: int


def place(slate: Slate, diagram: Diagram) -> None:
    """Draw the vehicle and its table; more than fourteen axles stand in two rows without the drawing."""
    for block in blocks(slate, diagram):
        place_ground(slate, diagram, block)
        for x, y, figure in figures(diagram, block):
            slate.write(figure, slate.type_(FIGURES), x, y, align="center", fields=(diagram.field,))


def blocks(slate: Slate, diagram: Diagram) -> list[Block]:
    """Return the rows of a diagram; none where it is not drawn."""
    face = slate.sheet.face
    text, mass = face.get(diagram.field), face.get(diagram.mass_field)
    each = loads(str(text), mass) if isinstance(mass, int) else None
    if each is None or len(each) > 2 * MOST_IN_A_ROW:
        return []
    said = (*[f"{load.normalize():f}" for load in each], f"{Decimal(sum(each)).normalize():f}")
    if len(each) <= MOST_IN_A_ROW:
        column = min(diagram.column, diagram.width / len(said))
        return [Block(diagram.y + _TRUCK, column, 1, said, summed=True, axles=len(each))]
    half = (len(each) + 1) // 2
    column = min(diagram.column, diagram.width / (half + 1))
    upper = Block(diagram.y, column, 1, said[:half], summed=False, axles=0)
    return [upper, Block(diagram.y + _ORDER + _LOADS, column, half + 1, said[half:], summed=True, axles=0)]


def place_ground(slate: Slate, diagram: Diagram, block: Block) -> None:
    """Draw all of a row but its loads: the vehicle, rules, the axles' numbers."""
    y, column, count = block.y, block.column, len(block.figures)
    if block.axles:
        _truck(slate, diagram.x, y, column, block.axles)
    high = _ORDER + _LOADS
    slate.items.append(Area(diagram.x, y, column * count, high, fill=WHITE, stroke=slate.family.rule))
    for left in [diagram.x + place * column for place in range(1, count)]:
        slate.items.append(Stroke(((left, y), (left, y + high)), slate.family.rule))
    label, order = slate.type_("label_dense", 8, 7), slate.type_("unit", 8, 6)
    slate.write(ORDER, label, diagram.label_x, y + 3.9)
    for place in range(count):
        last = block.summed and place == count - 1
        middle = diagram.x + (place + 0.5) * column
        words = SUM if last else str(block.first + place)
        slate.write(words, label if last else order, middle, y + 3.9, align="center", colour=None if last else INK)
    slate.write(LOADS, label, diagram.label_x, y + _ORDER + 4.4)


def figures(diagram: Diagram, block: Block) -> Iterator[tuple[float, float, str]]:
    """Yield the middle and the baseline of each load, mm, and its words."""
    for place, figure in enumerate(block.figures):
        yield diagram.x + (place + 0.5) * block.column, block.y + _ORDER + 4.9, figure


def _truck(slate: Slate, x: float, ground: float, column: float, axles: int) -> None:
    """Draw cab, tractor, low loader and load over `axles` wheels that stand on `ground`, each above its column."""
    accent = slate.family.accent
    pale = blend(accent, WHITE, 0.12)
    tractor = min(_CAB, max(1, axles // 2)) if axles > 2 else 1  # noqa: PLR2004 - two axles: a rigid vehicle
    start, end = x + 1.8, x + axles * column - 1.5
    fifth = x + tractor * column - column * 0.3
    deck = ground - 4.3
    slate.items += [
        Stroke(((start, deck + 1.5), (start, deck - 4.0), (start + 1.2, deck - 5.0), (start + 8, deck - 5.0), (start + 8, deck + 1.5)), fill=accent),
        Stroke(((start + 1.1, deck - 1.9), (start + 1.6, deck - 4.1), (start + 4.2, deck - 4.1), (start + 4.2, deck - 1.9)), fill=WHITE),
        Area(start, deck + 0.3, fifth - start, 1.2, fill=accent),
        Area(fifth - column * 0.75, deck - 0.9, end - fifth + column * 0.75, 1.2, fill=accent),
    ]
    if axles > tractor + 1:
        left, right = fifth + (end - fifth) * 0.18, fifth + (end - fifth) * 0.72
        slate.items.append(Area(left, deck - 5.9, right - left, 5.0, fill=pale, stroke=accent, points=0.6))
        slate.items += [Stroke(((at, deck - 5.9), (at, deck - 0.9)), accent, 0.4) for at in (left + 3, right - 3)]
    radius = min(1.75, column * 0.3)
    for axle in range(axles):
        middle = x + (axle + 0.5) * column
        slate.items += [
            Disc(middle, ground - radius - 0.9, radius, fill=WHITE, colour=INK, width=1.4),
            Disc(middle, ground - radius - 0.9, 0.5, fill=INK),
        ]
