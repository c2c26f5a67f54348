"""A page whose every mark has its place: what any writer (PDF now, OFD and a fast press later) needs and no more.

Millimetres from the top left of the trim, `y` of a text is its baseline; sizes in points, tracking in em,
colours `#RRGGBB`. Items are in drawing order, which is also the reading order of the texts (LOOK §13).
"""

from typing import TypeAlias

from licence_service.document.artwork import Artwork
from licence_service.document.impression import Impression
from licence_service.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """One line of text in one face: `width` in mm without the last character's tracking; `fields` are what it shows."""

    text: str
    face: str
    size: float
    x: float
    y: float
    width: float
    tracking: float = 0.0
    colour: str = "#17191B"
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle from its upper left corner, filled or ruled or both; the rule in points, `radius` rounds its corners."""

    x: float
    y: float
    width: float
    height: float
    fill: str | None = None
    stroke: str | None = None
    points: float = 0.35
    radius: float = 0.0


@dataclass(frozen=True, slots=True)
class Stroke:
    """A polyline; closed and filled where `fill` is given."""

    points: tuple[tuple[float, float], ...]
    colour: str | None = None
    width: float = 0.35
    fill: str | None = None


@dataclass(frozen=True, slots=True)
class Disc:
    """A circle about its middle."""

    x: float
    y: float
    radius: float
    fill: str | None = None
    colour: str | None = None
    width: float = 0.35


@dataclass(frozen=True, slots=True)
class Photo:
    """A JPEG, its middle cut to the rectangle without stretching."""

    field: str
    jpeg: bytes
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Letters:
    """Characters drawn as outlines, since they repeat what stands as text (LOOK §13): plate chip and specimen words.

    Centred on x; turned anticlockwise by `angle` degrees about (`about_x`, `about_y`).
    """

    text: str
    face: str
    size: float
    x: float
    y: float
    tracking: float = 0.0
    fill: str = "#17191B"
    outline: str | None = None
    outline_width: float = 0.0
    angle: float = 0.0
    about: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Stamp:
    """The drawn seal about its centre; its characters are outlines too."""

    impression: Impression
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Symbol:
    """The code on paper: lower left corner and side of its plate, quiet zone included."""

    text: str
    x: float
    y: float
    side: float


Item: TypeAlias = Run | Area | Stroke | Disc | Photo | Letters | Stamp | Symbol


@dataclass(frozen=True, slots=True)
class PlacedPage:
    """One page: its artwork, drawn first, then the items."""

    part: str
    width: float
    height: float
    artwork: Artwork | None
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """All pages of one document, and its title."""

    title: str
    pages: tuple[PlacedPage, ...]
