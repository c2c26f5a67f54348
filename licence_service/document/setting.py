"""Fit a text into a width: shrink, then wrap, then give up; nothing is ever cut (LOOK §10)."""

import re

from licence_service.document.fonts import Fonts
from licence_service.document.strokes import PT
from licence_service.document.styles import STEP, Type
from licence_service.frozen import dataclass

# Digits, Latin and units stay whole; a character that may not end a line takes the next one with it, and one that
# may not begin a line stays with the one before.
_NOT_FIRST = "，。；：、）》」』】！？％…·,.;:)%+"
_NOT_LAST = "（《「『【("
_UNIT = re.compile(rf"[{re.escape(_NOT_LAST)}]*(?:[0-9A-Za-z.,:/×~#&@'_\-–]+|.)[{re.escape(_NOT_FIRST)}]*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Fit:
    """A text that fits: its size in points and its lines."""

    size: float
    lines: tuple[str, ...]


def width(fonts: Fonts, type_: Type, text: str, size: float) -> float:
    """Return the width in mm of one line, without tracking after its last character."""
    return span(type_, fonts.width(type_.face, text), len(text), size)


def span(type_: Type, advance: float, count: int, size: float) -> float:
    """Return the width in mm of a line of `count` characters whose advances add up to so many ems."""
    return (advance + type_.tracking * (count - 1)) * size / PT


def fit(fonts: Fonts, type_: Type, text: str, room: float, *, lines: int = 1, wrapped: float | None = None) -> Fit | None:
    """Return the largest size at which the text fits `room` mm: on one line down to the floor, else on more lines.

    `wrapped` is the largest size for more than one line. None where it does not fit at all.
    """
    natural = width(fonts, type_, text, 1.0)
    if natural * type_.size <= room:
        return Fit(type_.size, (text,))
    steps = int((type_.size - type_.floor) / STEP + 1e-6)
    for step in range(1, steps + 1):
        size = type_.size - step * STEP
        if natural * size <= room:
            return Fit(size, (text,))
    size = max(type_.floor, min(wrapped or type_.floor, type_.size))
    while lines > 1 and size >= type_.floor:
        broken = wrap(fonts, type_, text, room, size)
        if broken and len(broken) <= lines:
            return Fit(size, broken)
        size -= STEP
    return None


def wrap(fonts: Fonts, type_: Type, text: str, room: float, size: float) -> tuple[str, ...] | None:
    """Break a text into lines no wider than `room` mm, or return None where a unit alone is wider."""
    lines, line = [], ""
    for unit in _UNIT.findall(text):
        if width(fonts, type_, (line + unit).rstrip(), size) <= room:
            line += unit
            continue
        if not line or width(fonts, type_, unit.strip(), size) > room:
            return None
        lines.append(line.rstrip())
        line = unit.lstrip()
    return (*lines, line.rstrip()) if line.strip() else tuple(lines)
