"""The woven frame, water lines and medallion that every page of a family carries (LOOK §4, §5, §11).

Pure geometry: millimetres from the top left go in, PDF operators in points from the bottom left come out.
Nothing is random and nothing is read, so the same family and page always give the same bytes.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from licence_service.document.strokes import PT, Box, Node, bezier, blend, circle, fill, numbers, rosette, stroke, turns

_SAMPLES_A_WAVE = 8
_HAIRLINE_PT, _INNER_RULE_PT, _WATER_PT = 0.2, 0.4, 0.25
_WATER_AMPLITUDE = 0.42
_WATER_LENGTH = 13.0
_CORNER_LOBES, _CORNER_STRANDS, _CORNER_DEPTH = 8, 3, 0.66
_CORNER_RADIUS, _CORNER_DOT = 0.38, 0.06  # of the block's side
_CORNER_INSET, _CORNER_HAIRLINE_PT = 0.8, 0.25


@dataclass(frozen=True, slots=True)
class Family:
    """Colour and weave that tell one family of types from another (LOOK §4, §5); kept in `templates/_families/`."""

    slug: str
    label: str
    accent: str
    waves: int
    strands: int
    phase_step: float
    envelope: float
    lobes: int

    @property
    def line(self) -> str:
        """Colour of water lines and medallion: 15 % accent on white, seen but not read."""
        return blend(self.accent, "#FFFFFF", 0.15)

    @property
    def rule(self) -> str:
        """Colour of field rules and the code's plate: 45 % accent on white."""
        return blend(self.accent, "#FFFFFF", 0.45)

    @property
    def ground(self) -> str:
        """Colour under the weave: 7 % accent on a warm white."""
        return blend(self.accent, "#FFFDF6", 0.07)


@dataclass(frozen=True, slots=True)
class Artwork:
    """A page's drawing: operators in points, origin bottom left, y up; `forms` are called by `/Name Do`.

    Each form has its bounding box in points, sets its own colour and width, and needs no resources.
    """

    width_mm: float
    height_mm: float
    forms: Mapping[str, tuple[Box, bytes]]
    operators: bytes


@dataclass(frozen=True, slots=True)
class Sheet:
    """Measures of one page size (LOOK §2, §5), millimetres from the top left; strokes in points."""

    width: float
    height: float
    outer: float
    inner: float
    hairline: float
    corner: float
    tile: float
    amplitude: float
    weave_pt: float
    outer_pt: float
    water_pitch: float
    cartouche_width: float
    cartouche_height: float
    medallion: tuple[float, float, float]  # centre x, centre y, radius

    @property
    def band_centre(self) -> float:
        """Distance from the trim to the middle of the woven band; the cartouche's text is centred on it."""
        return (self.outer + self.inner) / 2


@dataclass(frozen=True, slots=True)
class Word:
    """One line across a specimen or preview: size in points, tracking in em, baseline in mm above the page's centre."""

    text: str
    size_pt: float
    tracking: float
    baseline: float


# LOOK §11: drawn after the artwork and before any text, turned by the angle about the page's centre, lines centred.
SPECIMEN_ANGLE = 24.0
SPECIMEN_FILL, SPECIMEN_OUTLINE, SPECIMEN_OUTLINE_PT = "#EDEAE1", "#A6A39A", 0.7
_LARGE_WORDS = (Word("样　本", 112, 0.22, 3.5), Word("SPECIMEN", 51, 0.06, -25.0))
_SMALL_WORDS = (Word("样　本", 78, 0.22, 2.4), Word("SPECIMEN", 36, 0.06, -17.4))
SPECIMEN_WORDS: Mapping[str, tuple[Word, Word]] = {"A4L": _LARGE_WORDS, "A5L": _SMALL_WORDS, "A4P": _LARGE_WORDS}


def _a4(width: float, height: float, medallion: tuple[float, float, float]) -> Sheet:
    return Sheet(width, height, 9, 17, 17.8, 11, 26, 3.1, 0.34, 1.1, 2.3, 60, 6.6, medallion)


# Portrait is landscape's frame on a taller panel; its field block is longer, so the medallion sits at mid-height.
SHEETS: Mapping[str, Sheet] = {
    "A4L": _a4(297, 210, (148.5, 112, 47)),
    "A4P": _a4(210, 297, (105, 148.5, 47)),
    "A5L": Sheet(210, 148, 6, 11.5, 12.3, 7, 18, 2.15, 0.28, 0.8, 1.9, 42.4, 4.6, (122, 78, 34)),
}


@cache
def frame(family: Family, page: str, medallion: bool) -> Artwork:  # noqa: FBT001 - part of the cache key, two pages a licence
    """Draw the frame of `family` on `page` ("A4L", "A5L", "A4P"); second pages go without the medallion (LOOK §5).

    Raise `ValueError` for a page size there is no sheet of.
    """
    sheet = SHEETS.get(page)
    if sheet is None:
        raise ValueError(f"no sheet of size {page}; there are {', '.join(SHEETS)}")
    forms = {
        "Tile": _tile(family, sheet),
        "Water": _water_line(family, sheet),
        "Corner": _strand(_CORNER_RADIUS * sheet.corner, _CORNER_LOBES, _CORNER_DEPTH, colour=family.accent, width_pt=sheet.weave_pt),
    }
    parts = [_ground(family, sheet), _weave(sheet), _water(sheet)]
    if medallion:
        parts.append(_medallion(family, sheet, forms))
    parts += [_rules(family, sheet), _corners(family, sheet), _cartouche(family, sheet)]
    body = "\n".join(("q", *parts, "Q")).encode("ascii")
    return Artwork(sheet.width, sheet.height, MappingProxyType(forms), body)


def _tile(family: Family, sheet: Sheet) -> tuple[Box, bytes]:
    """Draw one tile of the weave from x = 0 to its length: every strand once up and once down (LOOK §5)."""
    paths = []
    for strand in range(family.strands):
        phase = (strand - (family.strands - 1) / 2) * family.phase_step
        paths += [bezier(_weave_nodes(family, sheet, phase, sign)) for sign in (1, -1)]
    # Round caps hide the joint between two tiles from renderers that draw each with its own anti-aliasing.
    content = f"{stroke(family.accent, sheet.weave_pt)} 1 J\n" + "\n".join(paths) + "\nS"
    reach = round(sheet.amplitude * PT + 1, 2)
    return (-1.0, -reach, round(sheet.tile * PT + 1, 2), reach), content.encode("ascii")


def _weave_nodes(family: Family, sheet: Sheet, phase: float, sign: int) -> Iterator[Node]:
    height, length, turn = sign * sheet.amplitude * PT, sheet.tile * PT, 2 * math.pi
    steps, half = _SAMPLES_A_WAVE * family.waves, family.envelope / 2
    for i in range(steps + 1):
        u = i / steps
        envelope, narrowing = 1 - half + half * math.cos(turn * u), -half * turn * math.sin(turn * u)
        angle, speed = turn * family.waves * u + phase, turn * family.waves
        slope = narrowing * math.cos(angle) - envelope * speed * math.sin(angle)
        yield length * u, height * envelope * math.cos(angle), length / steps, height * slope / steps


def _water_line(family: Family, sheet: Sheet) -> tuple[Box, bytes]:
    """Draw one row, a wave longer than the panel so that it can be shifted and still reach both edges."""
    length, waves = _water_length(sheet)
    steps = _SAMPLES_A_WAVE * (waves + 1)
    height, step, slope = _WATER_AMPLITUDE * PT, length * PT / _SAMPLES_A_WAVE, 2 * math.pi / _SAMPLES_A_WAVE
    nodes = ((step * i, height * math.sin(slope * i), step, height * slope * math.cos(slope * i)) for i in range(steps + 1))
    content = f"{stroke(family.line, _WATER_PT)}\n{bezier(nodes)}\nS"
    reach = round(height + 0.5, 2)
    return (-0.5, -reach, round(step * steps + 0.5, 2), reach), content.encode("ascii")


def _water_length(sheet: Sheet) -> tuple[float, int]:
    panel = sheet.width - 2 * sheet.hairline
    waves = round(panel / _WATER_LENGTH)
    return panel / waves, waves


def _strand(radius: float, lobes: int, depth: float, *, colour: str, width_pt: float) -> tuple[Box, bytes]:
    """Make a form of one strand; `radius` in millimetres."""
    reach = round(radius * PT + 1, 2)
    content = f"{stroke(colour, width_pt)}\n{rosette(radius * PT, lobes, depth)} s"
    return (-reach, -reach, reach, reach), content.encode("ascii")


def _ground(family: Family, sheet: Sheet) -> str:
    """Fill the band only: a tint on the panel would print as dots under the text (LOOK §1)."""
    outer, inner = (_inset(sheet, distance) for distance in (sheet.outer, sheet.inner))
    return f"{fill(family.ground)} {outer} {inner} f*"


def _weave(sheet: Sheet) -> str:
    """Lay whole tiles along the four sides, stretched so that each side ends exactly at its corner block."""
    near, w, h, start = sheet.band_centre, sheet.width, sheet.height, sheet.outer + sheet.corner
    across, stretch_across = tiles(sheet.tile, w - 2 * start)
    down, stretch_down = tiles(sheet.tile, h - 2 * start)
    calls = []
    for i in range(across):
        x = start + i * sheet.tile * stretch_across
        calls += [_call("Tile", (stretch_across, 0, 0, 1), x, y) for y in (near, h - near)]
    for i in range(down):
        y = start + i * sheet.tile * stretch_down
        calls += [_call("Tile", (0, stretch_down, -1, 0), x, y) for x in (near, w - near)]
    return "\n".join(calls)


def tiles(tile: float, side: float) -> tuple[int, float]:
    """Return how many tiles fill a side and the factor that stretches each, near 1 (LOOK §5)."""
    count = round(side / tile)
    return count, side / (count * tile)


def _water(sheet: Sheet) -> str:
    length, _ = _water_length(sheet)
    height = sheet.height - 2 * sheet.hairline
    rows = int(height / sheet.water_pitch)
    first = sheet.hairline + (height - (rows - 1) * sheet.water_pitch) / 2
    calls = [_call("Water", (1, 0, 0, 1), sheet.hairline + (row % 9 / 9 - 1) * length, first + row * sheet.water_pitch) for row in range(rows)]
    return "\n".join((f"q {_inset(sheet, sheet.hairline)} W n", *calls, "Q"))


def _medallion(family: Family, sheet: Sheet, forms: dict[str, tuple[Box, bytes]]) -> str:
    """Lay four rosettes on a white disc; each is one strand, added to `forms` and turned (LOOK §5)."""
    x, radius = sheet.medallion[0], sheet.medallion[2]
    y = sheet.height - sheet.medallion[1]
    count = family.lobes
    rings = (
        (1.0, 2 * count, 4, 0.12),
        (0.88, count, 8, 0.42),
        (0.5, count, 5, 0.3),
        (0.34, max(6, count // 2), 6, 0.75),
    )
    parts = [f"{fill('#FFFFFF')} {circle(x * PT, y * PT, radius * PT)} f"]
    for i, (share, lobes, strands, depth) in enumerate(rings):
        forms[f"Ring{i}"] = _strand(radius * share, lobes, depth, colour=family.line, width_pt=_WATER_PT)
        parts += _turned(f"Ring{i}", x, y, strands, lobes)
    return "\n".join(parts)


def _rules(family: Family, sheet: Sheet) -> str:
    rules = ((sheet.outer, sheet.outer_pt), (sheet.inner, _INNER_RULE_PT), (sheet.hairline, _HAIRLINE_PT))
    return "\n".join(f"{stroke(family.accent, width)} {_inset(sheet, at)} S" for at, width in rules)


def _corners(family: Family, sheet: Sheet) -> str:
    half, inner = sheet.corner / 2, sheet.corner - 2 * _CORNER_INSET
    near = sheet.outer + half
    parts = []
    for x in (near, sheet.width - near):
        for y in (near, sheet.height - near):
            parts += [
                f"{fill('#FFFFFF')} {stroke(family.accent, sheet.outer_pt)} {_square(x, y, sheet.corner)} B",
                f"{stroke(family.accent, _CORNER_HAIRLINE_PT)} {_square(x, y, inner)} S",
                *_turned("Corner", x, y, _CORNER_STRANDS, _CORNER_LOBES),
                f"{fill(family.accent)} {circle(x * PT, y * PT, _CORNER_DOT * sheet.corner * PT)} f",
            ]
    return "\n".join(parts)


def _cartouche(family: Family, sheet: Sheet) -> str:
    """Clear the weave in the middle of the top band and set the solid hexagon there; its text is the layout's."""
    x, y = sheet.width / 2, sheet.height - sheet.band_centre
    half, tall = sheet.cartouche_width / 2, sheet.cartouche_height / 2
    shoulder = half - tall
    gap, band = (sheet.inner - sheet.outer) / 8, sheet.inner - sheet.outer - 0.6  # leaves both rules their width
    clear = (x - half - gap, y - band / 2, 2 * (half + gap), band)
    corners = ((-half, 0), (-shoulder, tall), (shoulder, tall), (half, 0), (shoulder, -tall), (-shoulder, -tall))
    points = " l ".join(numbers((x + dx) * PT, (y + dy) * PT) for dx, dy in corners).replace(" l ", " m ", 1)
    return f"{fill(family.ground)} {numbers(*(v * PT for v in clear))} re f\n{fill(family.accent)} {points} l f"


def _turned(name: str, x: float, y: float, strands: int, lobes: int) -> list[str]:
    return [_call(name, matrix, x, y) for matrix in turns(strands, lobes)]


def _call(name: str, matrix: Box, x: float, y: float) -> str:
    # Five decimals: a matrix entry is multiplied by up to 130 points.
    return f"q {numbers(*matrix, places=5)} {numbers(x * PT, y * PT)} cm /{name} Do Q"


def _inset(sheet: Sheet, distance: float) -> str:
    size = sheet.width - 2 * distance, sheet.height - 2 * distance
    return f"{numbers(distance * PT, distance * PT, size[0] * PT, size[1] * PT)} re"


def _square(x: float, y: float, side: float) -> str:
    return f"{numbers((x - side / 2) * PT, (y - side / 2) * PT, side * PT, side * PT)} re"
