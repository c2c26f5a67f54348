"""The code on paper as a matrix of modules and as rectangles (LOOK §7): an upper-case address, then digits."""

import re
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode
from qrcode.util import MODE_NUMBER, QRData

from licence_service.document.strokes import PT, number

Matrix = tuple[tuple[bool, ...], ...]

LARGEST_VERSION = 11  # 61 modules; above it the modules fall under .45 mm on A5
LARGEST_ON_SCREEN = 20  # 97 modules; on the narrowest phone a module is still three of its dots wide
QUIET_MODULES = 4
CLEAR_OF_RED_MM = 5.0  # nothing red nearer to the plate than this
PLATE_FILL, PLATE_RULE_PT = "#FFFFFF", 0.4  # the rule in the family's rule colour


def side_inside(plate_mm: float, matrix: Matrix) -> float:
    """Return the side in mm of the dark modules that leaves four quiet ones on each side of a plate."""
    return plate_mm * len(matrix) / (len(matrix) + 2 * QUIET_MODULES)


@dataclass(frozen=True, slots=True)
class Plate:
    """The white square a code stands on, millimetres: `code` is the side of a version 11 code, the rest quiet zone."""

    code: float
    side: float

    def code_side(self, matrix: Matrix) -> float:
        """Return the side in mm at which this matrix keeps its four quiet modules inside the plate."""
        return side_inside(self.side, matrix)


PLATE_A4 = Plate(30.0, 33.9)
PLATE_A5 = Plate(28.0, 31.7)

# Trying all eight masks takes four fifths of the time (23 ms against 5) and gains nothing here: signed digits look like
# noise, so every mask gives an even picture. 40 random codes decoded with each of the eight, from 110 dpi grey and from
# 200 dpi 1-bit, without one failure; mask 2 had the lowest mean penalty (2 332, the chosen best 2 233). Where a reader
# fails, on pictures cut close to the plate, it fails as often with the chosen mask as with this one.
_MASK = 2

# A change of mode costs 16 bits and a digit saves 2.2, so a shorter run stays where it is.
_SEGMENTS = re.compile(r"(.*?)(\d{8,})?", re.DOTALL)


def matrix(text: str, largest: int = LARGEST_VERSION) -> Matrix:
    """Encode at level M and return the modules, rows from the top, true = dark, without a quiet zone.

    The trailing digits get a numeric segment of their own; what stands before them is alphanumeric as long as it is
    upper case. Raise `ValueError` for an empty text or one that needs more than version `largest`, on paper 11 (STANDARDS §6.6).
    """
    found = _SEGMENTS.fullmatch(text)
    if not text or found is None:
        raise ValueError("an empty text has no code")
    head, digits = found[1], found[2]
    code: QRCode[Any] = QRCode(error_correction=ERROR_CORRECT_M, border=0, mask_pattern=_MASK)
    if head:
        code.add_data(QRData(head))
    if digits:
        code.add_data(QRData(digits, mode=MODE_NUMBER))
    try:
        version = code.best_fit()
    except ValueError as overflow:  # the library looks for a version 41 before it can say that the data overflow
        raise ValueError(f"a text of {len(text)} characters fits no code") from overflow
    if version > largest:
        raise ValueError(f"a text of {len(text)} characters needs version {version}; {largest} is the largest")
    code.make(fit=False)
    return tuple(tuple(bool(module) for module in row) for row in code.get_matrix())


def operators(matrix: Matrix, size_mm: float) -> bytes:
    """Draw the code black in a square of `size_mm`, origin at its bottom left, in points (LOOK §7).

    One path in whole modules under one scale: runs that touch are filled together, so no renderer shows seams.
    """
    side = len(matrix)
    scale = number(size_mm * PT / side, 5)
    runs = []
    for row, modules in enumerate(matrix):
        x = 0
        for dark, run in groupby(modules):
            width = len(list(run))
            if dark:
                runs.append(f"{x} {side - 1 - row} {width} 1 re")
            x += width
    return "\n".join(("q 0 0 0 rg", f"{scale} 0 0 {scale} 0 0 cm", *runs, "f", "Q")).encode("ascii")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A code for a screen: the side of its square in modules, quiet zone included, and the dark modules as the data of one SVG path."""

    side: int
    path: str


def drawn(text: str) -> Drawn:
    """Encode a text for a screen, which shows larger codes than paper; `ValueError` as `matrix` says."""
    modules = matrix(text, LARGEST_ON_SCREEN)
    runs = []
    for row, line in enumerate(modules):
        x = QUIET_MODULES
        for dark, run in groupby(line):
            width = len(list(run))
            if dark:
                runs.append(f"M{x} {row + QUIET_MODULES}h{width}v1h-{width}z")
            x += width
    return Drawn(len(modules) + 2 * QUIET_MODULES, "".join(runs))
