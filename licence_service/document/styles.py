"""The type table of LOOK §3: what each style is set in, on A4 and on A5."""

from collections.abc import Mapping
from dataclasses import dataclass

from licence_service.page import Colour, Size, Style

INK, GREY, WHITE = "#17191B", "#383E44", "#FFFFFF"
SPECIMEN = "#A5101A"
STEP = 0.5  # points by which a text shrinks
LEAD = 1.42  # of the size, between the lines of one value
ABOVE = 0.88  # of the size: how far the tallest character stands above its baseline
BELOW = 0.12  # … and hangs below


@dataclass(frozen=True, slots=True)
class Type:
    """Face, size and floor in points, tracking in em, colour by name."""

    face: str
    size: float
    floor: float
    tracking: float = 0.0
    colour: Colour = "ink"


_A4: Mapping[Style, Type] = {
    "title": Type("song-700", 38, 20, 0.24),
    "title_dense": Type("song-700", 30, 20, 0.30),
    "title_part": Type("song-700", 24, 16, 0.24),
    "state": Type("song-600", 16.7, 12, 0.40),
    "state_part": Type("song-600", 10.6, 9, 0.40),
    "english": Type("hei-400", 8.5, 6, 0.20, "grey"),
    "english_dense": Type("hei-400", 7.5, 6, 0.18, "grey"),
    "number": Type("song-600", 13, 10, 0.06),
    "number_small": Type("song-600", 11, 9),
    "part": Type("hei-500", 11, 9, 0.30, "accent"),
    "cartouche": Type("hei-500", 9.5, 7, 0.22, "white"),
    "first": Type("song-600", 19, 13),
    "value": Type("song-600", 16, 12),
    "code": Type("song-600", 15, 12),
    "dense": Type("song-600", 13, 9),
    "window": Type("song-700", 17, 13),
    "cell_value": Type("song-600", 12.5, 9),
    "unit": Type("hei-400", 6.5, 6, 0.0, "grey"),
    "label": Type("hei-500", 11, 9, 0.04, "accent"),
    "label_dense": Type("hei-500", 9, 7, 0.02, "accent"),
    "sublabel": Type("hei-400", 6.5, 5.6, 0.02, "grey"),
    "head": Type("hei-500", 8.5, 7, 0.04, "white"),
    "cell": Type("song-500", 10.5, 8),
    "cell_key": Type("hei-500", 8.5, 7, 0.0, "accent"),
    "issuer": Type("song-600", 12.5, 9, 0.04),
    "check": Type("hei-500", 12.5, 10, 0.04),
    "check_stacked": Type("hei-500", 12.5, 10, 0.08),
    "host": Type("hei-400", 7.5, 5.6, 0.0, "grey"),
    "scan": Type("hei-500", 11, 9, 0.04, "accent"),
    "scan_en": Type("hei-400", 7, 6, 0.02, "grey"),
    "caption": Type("hei-500", 8, 7, 0.04, "accent"),
    "foot": Type("hei-400", 6.6, 6),
    "foot_label": Type("hei-500", 6.6, 6, 0.0, "accent"),
    "blank": Type("hei-400", 8, 7, 0.40, "grey"),
    "note": Type("hei-400", 7.5, 6, 0.0, "grey"),
}
_A5: Mapping[Style, Type] = {
    "title": Type("song-700", 22, 14, 0.34),
    "title_dense": Type("song-700", 19, 12, 0.16),
    "title_part": Type("song-700", 19, 12, 0.16),
    "state": Type("song-600", 8.5, 7, 0.40),
    "state_part": Type("song-600", 8.5, 7, 0.40),
    "english": Type("hei-400", 5.6, 5.6, 0.14, "grey"),
    "english_dense": Type("hei-400", 5.6, 5.6, 0.14, "grey"),
    "number": Type("song-600", 10.5, 8, 0.03),
    "number_small": Type("song-600", 9.5, 7.5),
    "part": Type("hei-500", 8, 7, 0.30, "accent"),
    "cartouche": Type("hei-500", 7, 6, 0.22, "white"),
    "first": Type("song-700", 13.5, 9),
    "value": Type("song-600", 10.5, 7.5),
    "code": Type("song-600", 10, 7.5),
    "dense": Type("song-600", 9.5, 7.5),
    "window": Type("song-700", 13, 9),
    "cell_value": Type("song-600", 9.5, 7.5),
    "unit": Type("hei-400", 5.6, 5.6, 0.0, "grey"),
    "label": Type("hei-500", 7, 6, 0.04, "accent"),
    "label_dense": Type("hei-500", 6.5, 6, 0.02, "accent"),
    "sublabel": Type("hei-400", 5.6, 5.6, 0.0, "grey"),
    "head": Type("hei-500", 7.2, 6, 0.04, "white"),
    "cell": Type("song-500", 8, 6),
    "cell_key": Type("hei-500", 7.5, 6, 0.0, "accent"),
    "issuer": Type("song-600", 9.5, 7.5, 0.04),
    "check": Type("hei-500", 8.5, 7.5, 0.04),
    "check_stacked": Type("hei-500", 10, 8, 0.08),
    "host": Type("hei-400", 5.6, 5.6, 0.0, "grey"),
    "scan": Type("hei-500", 8, 7, 0.04, "accent"),
    "scan_en": Type("hei-400", 5.6, 5.6, 0.0, "grey"),
    "caption": Type("hei-500", 7, 6, 0.04, "accent"),
    "foot": Type("hei-400", 6, 6),
    "foot_label": Type("hei-500", 6, 6, 0.0, "accent"),
    "blank": Type("hei-400", 7, 6, 0.40, "grey"),
    "note": Type("hei-400", 7, 6, 0.0, "grey"),
}
STYLES: Mapping[Size, Mapping[Style, Type]] = {"A4": _A4, "A5": _A5}


@dataclass(frozen=True, slots=True)
class Measures:
    """What else differs between A4 and A5 (LOOK §2, §5 to §9), millimetres unless a name says points."""

    rule_below: float  # a field rule under a value beside its label
    rule_under: float  # … under a value below its label
    label_above: float  # a label over its value
    label_lift: float  # a label beside its value, above that value's baseline
    english_drop: float  # the English line under a label that stands beside
    head_height: float
    row_height: float
    second_line: float
    padding: float
    seal: float
    inner: float  # the panel's edge, nothing is set outside
    bottom: float  # of tables on a landscape page, clear of the seal; a portrait page adds its greater height
    rest_lift: float  # the right part of the foot, where it would meet the identifier


MEASURES: Mapping[Size, Measures] = {
    "A4": Measures(3.2, 2.9, 5.2, 1.2, 2.4, 7.0, 8.0, 3.4, 1.6, 40.0, 18.2, 142.5, 3.0),
    "A5": Measures(3.0, 3.0, 5.1, 1.2, 2.2, 6.6, 7.6, 3.4, 1.6, 32.0, 12.6, 92.5, 3.0),
}
