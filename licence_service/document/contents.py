"""Placed items → the operators of a page's content stream. Points, origin bottom left."""

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Protocol

from licence_service.document import code
from licence_service.document.fonts import Fonts
from licence_service.document.outlines import path
from licence_service.document.placed import Area, Disc, Item, Letters, Photo, Run, Stamp, Stroke, Symbol
from licence_service.document.strokes import PT, channels, circle, number, numbers

_ROUND = 0.5523


class Pictures(Protocol):
    """Hands out the names under which drawings and photographs are called on a page."""

    def photo(self, photo: Photo) -> tuple[str, int, int]:
        """Return name, width and height in pixels."""

    def stamp(self, stamp: Stamp) -> str:
        """Return the name of a seal's form, about its centre."""

    def symbol(self, symbol: Symbol) -> tuple[str, float]:
        """Return the name of a code's form and the side in mm it was drawn at."""


class Encoding(Protocol):
    """Hands out the font names and codes that a text is shown with."""

    def encode(self, face: str, text: str) -> Sequence[tuple[str, str]]:
        """Return (font name, hexadecimal codes) pieces of a text that its face can draw."""


class Contents:
    """Writes items of one page; a colour is only named when it changes."""

    def __init__(self, height: float, fonts: Fonts, embedding: Encoding, pictures: Pictures) -> None:
        """Take the page's height in mm and what its texts and pictures are embedded with."""
        self._height, self._fonts, self._embedding, self._pictures = height, fonts, embedding, pictures
        self._ink = ""
        self._out: list[str] = []

    def operators(self, items: Iterable[Item]) -> str:
        """Return the operators of these items; they depend on nothing that was written before."""
        self._ink = ""
        self._out = []
        for item in items:
            self._write(item)
        return "\n".join(self._out)

    def _write(self, item: Item) -> None:
        match item:
            case Run():
                self._run(item)
            case Area():
                self._area(item)
            case Stroke():
                self._stroke(item)
            case Disc():
                self._disc(item)
            case Letters():
                self._letters(item)
            case Photo():
                self._photo(item)
            case Stamp():
                self._out.append(f"q 1 0 0 1 {numbers(item.x * PT, self._y(item.y))} cm /{self._pictures.stamp(item)} Do Q")
            case Symbol():
                name, side = self._pictures.symbol(item)
                edge = (item.side - side) / 2
                self._out.append(f"q 1 0 0 1 {numbers((item.x + edge) * PT, self._y(item.y - edge))} cm /{name} Do Q")

    def _y(self, y: float) -> float:
        return (self._height - y) * PT

    def _fill(self, colour: str) -> None:
        if colour != self._ink:
            self._out.append(filling(colour))
            self._ink = colour

    def _run(self, run: Run) -> None:
        self._fill(run.colour)
        setting, position = spacing(run.size, run.tracking), f"1 0 0 1 {number(run.x * PT)} {number(self._y(run.y))} Tm"
        parts = []
        for name, codes in self._embedding.encode(run.face, run.text):
            parts.append(f"/{name} {setting} {position} <{codes}> Tj")
            position = ""
        self._out.append(f"BT {' '.join(parts)} ET")

    def _closed(self, drawn: str, fill: str | None, stroke: str | None, width: float) -> None:
        if fill:
            self._fill(fill)
        if stroke:
            self._out.append(f"{_stroking(stroke)} {number(width)} w")
        self._out.append(f"{drawn} {'B' if fill and stroke else 'f' if fill else 'S'}")

    def _disc(self, disc: Disc) -> None:
        place = numbers(disc.x * PT, self._y(disc.y))
        self._closed(f"q 1 0 0 1 {place} cm {_round(disc.radius)}", disc.fill, disc.colour, disc.width)
        self._out.append("Q")

    def _area(self, area: Area) -> None:
        x, y, wide, high = area.x * PT, self._y(area.y + area.height), area.width * PT, area.height * PT
        drawn = _rounded(x, y, wide, high, area.radius * PT) if area.radius else f"{numbers(x, y, wide, high)} re"
        self._closed(drawn, area.fill, area.stroke, area.points)

    def _stroke(self, stroke: Stroke) -> None:
        drawn = " l ".join(numbers(x * PT, self._y(y)) for x, y in stroke.points).replace(" l ", " m ", 1) + " l"
        if stroke.fill:
            self._closed(f"{drawn} h", stroke.fill, stroke.colour, stroke.width)
        elif stroke.colour:
            self._out.append(f"{_stroking(stroke.colour)} {number(stroke.width)} w {drawn} S")

    def _photo(self, photo: Photo) -> None:
        name, wide, high = self._pictures.photo(photo)
        scale = max(photo.width / wide, photo.height / high)
        w, h = wide * scale * PT, high * scale * PT
        x, y = photo.x * PT, self._y(photo.y + photo.height)
        box = numbers(x, y, photo.width * PT, photo.height * PT)
        inner = numbers(x - (w - photo.width * PT) / 2, y - (h - photo.height * PT) / 2)
        self._out.append(f"q {box} re W n {number(w)} 0 0 {number(h)} {inner} cm /{name} Do Q")

    def _letters(self, letters: Letters) -> None:
        turn = ""
        if letters.angle:
            x, y = letters.about[0] * PT, self._y(letters.about[1])
            cos, sin = math.cos(math.radians(letters.angle)), math.sin(math.radians(letters.angle))
            turn = f"{numbers(cos, sin, -sin, cos, places=5)} {numbers(x - cos * x + sin * y, y - sin * x - cos * y)} cm\n"
        drawn = _lettering(self._fonts, letters.text, letters.face, letters.size, letters.tracking)
        if letters.outline:
            drawn_width = letters.outline_width * self._fonts.faces[letters.face].program.units / letters.size
            paint = f"{filling(letters.fill)} {_stroking(letters.outline)} {number(drawn_width)} w"
            drawn = drawn.replace(" f ", " B ")
        else:
            paint = filling(letters.fill)
        self._out.append(f"q {turn}{paint}\n1 0 0 1 {numbers(letters.x * PT, self._y(letters.y))} cm\n{drawn}Q")


@lru_cache(maxsize=64)
def _lettering(fonts: Fonts, text: str, face: str, size: float, tracking: float) -> str:
    """Return the outlines of a line of letters centred on the origin."""
    whole = (fonts.width(face, text) + tracking * (len(text) - 1)) * size
    x, parts = -whole / 2, []
    for character in text:
        before, after, advance = _letter(fonts, face, character, size)
        if after:
            parts.append(f"{before}{number(x)}{after}")
        x += advance + tracking * size
    return "".join(parts)


@lru_cache(maxsize=512)
def _letter(fonts: Fonts, face: str, character: str, size: float) -> tuple[str, str, float]:
    """Return what stands before and after the place of a letter, nothing for a blank one, and its advance in points."""
    drawn, units = glyph_path(fonts, face, character)
    scale, advance = number(size / units, 5), fonts.width(face, character) * size
    return f"q {scale} 0 0 {scale} ", f" 0 cm {drawn} f Q\n" if drawn else "", advance


@lru_cache(maxsize=64)
def _round(radius: float) -> str:
    """Return a circle of so many mm about the origin."""
    return circle(0.0, 0.0, radius * PT)


@lru_cache(maxsize=512)
def glyph_path(fonts: Fonts, face: str, character: str) -> tuple[str, int]:
    """Return a character's outline in font units and the units of its em."""
    slug, _ = fonts.runs(face, character)[0]
    program = fonts.faces[slug].program
    return path(program, program.glyph(ord(character))), program.units


@lru_cache(maxsize=256)
def _rounded(x: float, y: float, wide: float, high: float, radius: float) -> str:
    k = radius * (1 - _ROUND)
    right, top = x + wide, y + high
    corners = (
        (right - radius, y, right - k, y, right, y + k, right, y + radius),
        (right, top - radius, right, top - k, right - k, top, right - radius, top),
        (x + radius, top, x + k, top, x, top - k, x, top - radius),
        (x, y + radius, x, y + k, x + k, y, x + radius, y),
    )
    parts = [f"{numbers(x + radius, y)} m"]
    parts += [f"{numbers(*corner[:2])} l {numbers(*corner[2:])} c" for corner in corners]
    return " ".join((*parts, "h"))


@lru_cache(maxsize=1024)
def spacing(size: float, tracking: float) -> str:
    """Return the operators for size (points) and tracking (em), behind a font's name."""
    return f"{number(size)} Tf {number(tracking * size)} Tc"


@lru_cache(maxsize=256)
def filling(colour: str) -> str:
    """Return the operator that fills with `#RRGGBB` from here on."""
    return f"{numbers(*channels(colour), places=3)} rg"


@lru_cache(maxsize=256)
def _stroking(colour: str) -> str:
    return f"{numbers(*channels(colour), places=3)} RG"


def symbol_form(text: str, plate_mm: float) -> tuple[bytes, float]:
    """Return the operators of a code and its side in mm, four quiet modules inside the plate (LOOK §7)."""
    matrix = code.matrix(text)
    side = code.side_inside(plate_mm, matrix)
    return code.operators(matrix, side), side
