"""The drawn round seal of a department (LOOK §6): a picture of the act, never the act itself.

Its inside has two empty bands; the layout writes issuer and date through them, over the red.
"""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFont

from licence_service.document.strokes import PT, circle, fill, numbers, rosette, rosette_radius, stroke, turns

RED = "#C8161D"
LONGEST_NAME = 20  # characters; a longer department stands on its seal by its registered short name

# Shares of the diameter (LOOK §6); the bands are measured from the centre down to the middle of the line of text.
BAND_ISSUER = 0.135
BAND_DATE = 0.370
_RING, _HAIRLINE = 0.03, 0.448
_ARC_HEIGHT, _ARC_RADIUS = 0.108, 0.378
_MARK_RADIUS, _MARK_ABOVE, _MARK_STROKE, _MARK_DOT = 0.128, 0.092, 0.0062, 0.024
_LINE_BELOW, _LINE_HEIGHT, _LINE_TRACKING = 0.252, 0.086, 0.10
_HAIRLINE_PT = 0.35
_MARK_LOBES, _MARK_STRANDS, _MARK_DEPTH = 8, 2, 0.62
_WIDEST_PITCH, _WIDEST_SWEEP = 22.0, 180.0
_DASHES_PT = (2.2, 1.4)
_MIDDLE = 0.38  # of the size: how far a Chinese character's middle stands above its baseline
_PURPOSE, _VOID = "电子证照专用章", "样本　无效"

Measure = Callable[[str, float], float]


@dataclass(frozen=True, slots=True)
class ArcGlyph:
    """One character of the seal in Song 700, red.

    `x`, `y` is the start of its baseline in mm from the seal's centre, y up; `rotation` in degrees, anticlockwise;
    `stretch` the horizontal scale (1 = natural width); `size_pt` in points.
    """

    char: str
    x: float
    y: float
    rotation: float
    stretch: float
    size_pt: float


@dataclass(frozen=True, slots=True)
class Impression:
    """A seal of `diameter_mm`: operators in points about its centre (0, 0), y up, and the characters to set."""

    diameter_mm: float
    operators: bytes
    glyphs: tuple[ArcGlyph, ...]


def impression(department: str, diameter_mm: float, measure: Measure, *, specimen: bool) -> Impression:
    """Draw the seal of a department (LOOK §6); a specimen's ring is dashed and its line says that it is void.

    `measure` gives the advance in points of a text set in Song 700 at a size in points.
    Raise `ValueError` for a name that is empty or longer than 20 characters.
    """
    if not 1 <= len(department) <= LONGEST_NAME:
        raise ValueError(f"a seal holds names of 1 to {LONGEST_NAME} characters, this one has {len(department)}")
    glyphs = (*_arc(department, diameter_mm, measure), *_line(_VOID if specimen else _PURPOSE, diameter_mm, measure))
    return Impression(diameter_mm, _drawing(diameter_mm * PT, specimen=specimen), glyphs)


def _drawing(diameter: float, *, specimen: bool) -> bytes:
    """Draw ring, hairline and centre mark; `diameter` in points."""
    width = _RING * diameter
    dashes = f"[{numbers(*_DASHES_PT)}] 0 d" if specimen else "[] 0 d"
    mark = f"{rosette(_MARK_RADIUS * diameter, _MARK_LOBES, _MARK_DEPTH)} s"
    above = numbers(0, _MARK_ABOVE * diameter)
    strands = (f"q {numbers(*matrix, places=5)} {above} cm\n{mark} Q" for matrix in turns(_MARK_STRANDS, _MARK_LOBES))
    parts = (
        "q",
        f"{stroke(RED, width)} {dashes} {circle(0, 0, diameter / 2 - width / 2)} S [] 0 d",
        f"{stroke(RED, _HAIRLINE_PT)} {circle(0, 0, _HAIRLINE * diameter)} S",
        stroke(RED, _MARK_STROKE * diameter),
        *strands,
        f"{fill(RED)} {circle(0, _MARK_ABOVE * diameter, _MARK_DOT * diameter)} f",
        "Q",
    )
    return "\n".join(parts).encode("ascii")


def _arc(name: str, diameter: float, measure: Measure) -> list[ArcGlyph]:
    """Set the name on the upper half; it never sweeps more than 180°, so it stays out of the issuer's band."""
    height, radius = _ARC_HEIGHT * diameter, _ARC_RADIUS * diameter
    pitch = min(_WIDEST_PITCH, _WIDEST_SWEEP / max(1, len(name) - 1))
    stretch = min(1.0, math.radians(pitch) * radius * 0.93 / height)
    size = height * PT
    glyphs = []
    for i, char in enumerate(name):
        rotation = pitch * ((len(name) - 1) / 2 - i)
        across, up = measure(char, size) / PT * stretch / 2, radius - _MIDDLE * height
        cos, sin = math.cos(math.radians(rotation)), math.sin(math.radians(rotation))
        glyphs.append(ArcGlyph(char, -across * cos - up * sin, up * cos - across * sin, rotation, stretch, size))
    return glyphs


def _line(text: str, diameter: float, measure: Measure) -> list[ArcGlyph]:
    """Set the straight line between the two bands, centred, its blanks left out."""
    height = _LINE_HEIGHT * diameter
    size, tracking = height * PT, _LINE_TRACKING * height
    advances = [measure(char, size) / PT + tracking for char in text]
    x = -(sum(advances) - tracking) / 2
    y = -_LINE_BELOW * diameter - _MIDDLE * height
    glyphs = []
    for char, advance in zip(text, advances, strict=True):
        if not char.isspace():
            glyphs.append(ArcGlyph(char, x, y, 0.0, 1.0, size))
        x += advance
    return glyphs


def impression_png(department: str, font_path: str, size_px: int = 600) -> bytes:
    """Return the seal as a PNG on a transparent ground, `size_px` square, the characters set in the face given.

    The same name, face and size give the same bytes. Raise `ValueError` as `impression` does.
    """
    canvas = _Canvas(size_px, font_path)
    seal = impression(department, _Canvas.DIAMETER, canvas.measure, specimen=False)
    canvas.draw_mark()
    for glyph in seal.glyphs:
        canvas.set_glyph(glyph)
    return canvas.png()


class _Canvas:
    """A grey mask four times too large, brought down at the end, so that edges come out smooth."""

    DIAMETER = 40.0
    _OVERSAMPLING = 4

    def __init__(self, size_px: int, font_path: str) -> None:
        self._size = size_px
        self._side = size_px * self._OVERSAMPLING
        self._scale = self._side / self.DIAMETER  # pixels in a millimetre
        self._font_path = font_path
        self._fonts: dict[float, ImageFont.FreeTypeFont] = {}
        self._mask = Image.new("L", (self._side, self._side), 0)

    def measure(self, text: str, size_pt: float) -> float:
        """Return the advance in points."""
        return self._font(size_pt).getlength(text) / self._scale * PT

    def _font(self, size_pt: float) -> ImageFont.FreeTypeFont:
        # The basic engine needs no optional library, so the picture is the same everywhere.
        if size_pt not in self._fonts:
            pixels = size_pt / PT * self._scale
            self._fonts[size_pt] = ImageFont.truetype(self._font_path, pixels, layout_engine=ImageFont.Layout.BASIC)
        return self._fonts[size_pt]

    def draw_mark(self) -> None:
        """Draw ring, hairline, rosette and dot, as the operators do."""
        draw, middle, side = ImageDraw.Draw(self._mask), self._side / 2, self._side

        def ring(radius: float, width: float) -> None:
            reach = radius + width / 2
            box = (middle - reach, middle - reach, middle + reach, middle + reach)
            draw.ellipse(box, outline=255, width=round(width))

        ring(side * (0.5 - _RING / 2) - 1, side * _RING)
        ring(side * _HAIRLINE, _HAIRLINE_PT / PT * self._scale)
        centre = middle - _MARK_ABOVE * side
        for strand in range(_MARK_STRANDS):
            shift = -2 * math.pi * strand / (_MARK_STRANDS * _MARK_LOBES)
            points = []
            for step in range(961):
                angle = 2 * math.pi * step / 960
                reach, _ = rosette_radius(_MARK_RADIUS * side, _MARK_LOBES, _MARK_DEPTH, angle)
                points.append((middle + reach * math.cos(angle + shift), centre - reach * math.sin(angle + shift)))
            draw.line(points, fill=255, width=round(_MARK_STROKE * side), joint="curve")
        dot = _MARK_DOT * side
        draw.ellipse((middle - dot, centre - dot, middle + dot, centre + dot), fill=255)

    def set_glyph(self, glyph: ArcGlyph) -> None:
        """Set one character: narrowed and turned about the start of its baseline."""
        font = self._font(glyph.size_pt)
        half = round(font.size * 1.6)
        tile = Image.new("L", (2 * half, 2 * half), 0)
        ImageDraw.Draw(tile).text((half, half), glyph.char, fill=255, font=font, anchor="ls")
        x = self._side / 2 + glyph.x * self._scale
        y = self._side / 2 - glyph.y * self._scale
        left, top = math.floor(x) - half, math.floor(y) - half
        # Pillow asks, for each pixel of the result, where it comes from: the inverse of turn and stretch.
        cos, sin = math.cos(math.radians(glyph.rotation)), math.sin(math.radians(glyph.rotation))
        a, b, d, e = cos / glyph.stretch, -sin / glyph.stretch, sin, cos
        u, v = x - left, y - top
        matrix = (a, b, half - a * u - b * v, d, e, half - d * u - e * v)
        turned = tile.transform(tile.size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
        box = (left, top, left + 2 * half, top + 2 * half)
        self._mask.paste(ImageChops.lighter(self._mask.crop(box), turned), box)

    def png(self) -> bytes:
        """Return the picture in red on transparent."""
        mask = self._mask.resize((self._size, self._size), Image.Resampling.LANCZOS)
        picture = Image.new("RGBA", mask.size, RED)
        picture.putalpha(mask)
        out = io.BytesIO()
        picture.save(out, "PNG", optimize=True)
        return out.getvalue()
