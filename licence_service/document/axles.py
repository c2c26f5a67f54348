"""The axle diagram: wheels above their own loads, drawn only where the text says loads that add up (LOOK §8 d)."""

import re
from decimal import Decimal

from licence_service.document.placed import Area, Disc, Stroke
from licence_service.document.slate import Slate
from licence_service.document.strokes import blend
from licence_service.document.styles import INK, WHITE
from licence_service.page import Diagram

ORDER, LOADS, SUM = "轴序", "轴荷（吨）", "合计"
MOST_IN_A_ROW = 14
_LOAD = re.compile(r"(\d{1,3}(?:\.\d{1,3})?)(?:[×xX*](\d{1,2}))?")
_UNITS = re.compile(r"[（(]?(?:吨|t)[）)]?$")
_TRUCK, _ORDER, _LOADS = 11.3, 5.2, 6.4  # heights: drawing, row of numbers, row of loads
_CAB = 3  # axles under cab and tractor, where there are more


def loads(text: str, mass_kg: int) -> tuple[Decimal, ...] | None:
    """Return the load of each axle in tonnes, or None where the text is something else or does not add up to the mass."""
    found: list[Decimal] = []
    for part in _UNITS.sub("", text.replace(" ", "")).replace("＋", "+").split("+"):
        match = _LOAD.fullmatch(part)
        if match is None:
            return None
        found += [Decimal(match[1])] * int(match[2] or 1)
    return tuple(found) if sum(found) * 1000 == mass_kg else None


def place(slate: Slate, diagram: Diagram) -> None:
    """Draw the vehicle and its table; more than fourteen axles stand in two rows without the drawing."""
    face = slate.sheet.face
    text, mass = face.get(diagram.field), face.get(diagram.mass_field)
    each = loads(str(text), mass) if isinstance(mass, int) else None
    if each is None or len(each) > 2 * MOST_IN_A_ROW:
        return
    if len(each) <= MOST_IN_A_ROW:
        column = min(diagram.column, diagram.width / (len(each) + 1))
        _truck(slate, diagram.x, diagram.y + _TRUCK, column, len(each))
        _rows(slate, diagram, diagram.y + _TRUCK, column, each, 1, total=sum(each))
        return
    half = (len(each) + 1) // 2
    column = min(diagram.column, diagram.width / (half + 1))
    _rows(slate, diagram, diagram.y, column, each[:half], 1, total=None)
    _rows(slate, diagram, diagram.y + _ORDER + _LOADS, column, each[half:], half + 1, total=sum(each))


def _rows(slate: Slate, diagram: Diagram, y: float, column: float, each: tuple[Decimal, ...], first: int, *, total: Decimal | int | None) -> None:
    cells = [(str(first + place), f"{load.normalize():f}") for place, load in enumerate(each)]
    if total is not None:
        cells.append((SUM, f"{Decimal(total).normalize():f}"))
    width, high = column * len(cells), _ORDER + _LOADS
    slate.items.append(Area(diagram.x, y, width, high, fill=WHITE, stroke=slate.family.rule))
    label, order, value = slate.type_("label_dense", 8, 7), slate.type_("unit", 8, 6), slate.type_("cell_value")
    for text, baseline in ((ORDER, y + 3.9), (LOADS, y + _ORDER + 4.4)):
        slate.write(text, label, diagram.label_x, baseline)
    for place, (number, load) in enumerate(cells):
        left, middle = diagram.x + place * column, diagram.x + (place + 0.5) * column
        if place:
            slate.items.append(Stroke(((left, y), (left, y + high)), slate.family.rule))
        last = number == SUM
        slate.write(number, label if last else order, middle, y + 3.9, align="center", colour=None if last else INK)
        slate.write(load, value, middle, y + _ORDER + 4.9, align="center", fields=(diagram.field,))


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
