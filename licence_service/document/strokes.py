"""The few PDF path operators that artwork, seal impression and code are drawn with, and the colours under them.

Lengths are points, y up, unless a name says millimetres. Coordinates carry two decimals (a 300th of a millimetre),
which keeps the drawings small and their bytes the same on every machine.
"""

import math
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

PT = 72 / 25.4  # points in a millimetre
Node = tuple[float, float, float, float]  # x, y and the slope there, already multiplied by the step
Box = tuple[float, float, float, float]

_FIXED = tuple(f"%.{places}f" for places in range(8))  # quicker than to format anew what is to be formatted so
_SAMPLES_A_LOBE = 5
_QUARTER = 0.5523  # handle of the cubic that stands for a quarter of a circle


@lru_cache(maxsize=256)
def blend(colour: str, ground: str, share: float) -> str:
    """Return `share` of `colour` laid on `ground` as an opaque `#RRGGBB`, so that no page needs transparency."""
    pairs = zip(channels(colour), channels(ground), strict=True)
    return "#" + "".join(f"{round(255 * (share * c + (1 - share) * g)):02X}" for c, g in pairs)


def channels(colour: str) -> tuple[float, float, float]:
    """Return red, green and blue of `#RRGGBB`, each from 0 to 1."""
    return int(colour[1:3], 16) / 255, int(colour[3:5], 16) / 255, int(colour[5:7], 16) / 255


def fill(colour: str) -> str:
    """Set the filling colour."""
    return f"{numbers(*channels(colour), places=3)} rg"


def stroke(colour: str, width_pt: float) -> str:
    """Set the stroke's colour and its width in points."""
    return f"{numbers(*channels(colour), places=3)} RG {number(width_pt)} w"


def numbers(*values: float, places: int = 2) -> str:
    """Write operands separated by spaces."""
    return " ".join(number(value, places) for value in values)


def number(value: float, places: int = 2) -> str:
    """Write one operand as short as PDF allows; never an exponent, never a negative zero."""
    text = _FIXED[places] % value
    if places:
        text = text.rstrip("0").rstrip(".")
    if text[0] not in "-0":
        return text
    return "0" if text in {"-0", "0"} else text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def bezier(nodes: Iterable[Node]) -> str:
    """Draw a curve through nodes: Hermite to cubic Bézier, handles at a third of the step (LOOK §5)."""
    points = list(nodes)
    parts = [f"{numbers(points[0][0], points[0][1])} m"]
    for (x0, y0, dx0, dy0), (x1, y1, dx1, dy1) in pairwise(points):
        handles = numbers(x0 + dx0 / 3, y0 + dy0 / 3, x1 - dx1 / 3, y1 - dy1 / 3)
        parts.append(f"{handles} {numbers(x1, y1)} c")
    return "\n".join(parts)


def circle(x: float, y: float, radius: float) -> str:
    """Draw a closed circle of four cubics."""
    k = radius * _QUARTER
    quarters = ((radius, k, k, radius, 0, radius), (-k, radius, -radius, k, -radius, 0))
    curves = [tuple(sign * v for v in quarter) for sign in (1, -1) for quarter in quarters]
    steps = (numbers(*(v + (x, y)[i % 2] for i, v in enumerate(curve))) + " c" for curve in curves)
    return f"{numbers(x + radius, y)} m {' '.join(steps)} h"


def rosette(radius: float, lobes: int, depth: float) -> str:
    """Draw strand 0 of a rosette about the origin, radius in points, for `s` to close (LOOK §5)."""
    steps = _SAMPLES_A_LOBE * lobes
    step = 2 * math.pi / steps
    nodes = []
    for i in range(steps + 1):
        angle = step * i
        reach, growth = rosette_radius(radius, lobes, depth, angle)
        cos, sin = math.cos(angle), math.sin(angle)
        slope_x, slope_y = growth * cos - reach * sin, growth * sin + reach * cos
        nodes.append((reach * cos, reach * sin, step * slope_x, step * slope_y))
    return bezier(nodes)


def rosette_radius(radius: float, lobes: int, depth: float, angle: float) -> tuple[float, float]:
    """Return a strand's distance from the centre at an angle, and how fast it grows there."""
    reach = radius * (1 - depth / 2 + depth / 2 * math.cos(lobes * angle))
    return reach, -radius * depth / 2 * lobes * math.sin(lobes * angle)


def turns(strands: int, lobes: int) -> list[tuple[float, float, float, float]]:
    """Return the matrices that turn strand 0 of a rosette into each of its strands (LOOK §5)."""
    angles = [-2 * math.pi * k / (strands * lobes) for k in range(strands)]
    return [(math.cos(a), math.sin(a), -math.sin(a), math.cos(a)) for a in angles]
