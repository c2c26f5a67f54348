"""The layout language: what a page of a template may contain (docs: `templates/README.md`, LOOK §2 to §12).

Pure declaration. Lengths are millimetres from the top left of the trim, `y` is a baseline (of tables, boxes and
pictures the upper edge), sizes are points. Where an element names a `row`, its `y` counts from that row's baseline.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import Field as Declared
from pydantic.dataclasses import dataclass

from licence_service.fields.declared import STRICT

Size = Literal["A4", "A5"]
Align = Literal["left", "center", "right"]
Colour = Literal["ink", "grey", "accent", "rule", "line", "white"]
Style = Literal[
    "title", "title_dense", "title_part", "state", "state_part", "english", "english_dense", "number", "number_small", "part", "cartouche",
    "first", "value", "code", "dense", "window", "cell_value", "unit", "label", "label_dense", "sublabel", "head", "cell", "cell_key",
    "issuer", "check", "check_stacked", "host", "scan", "scan_en", "caption", "foot", "foot_label", "blank", "note",
]  # fmt: skip


@dataclass(frozen=True, config=STRICT)
class Text:
    """Words with placeholders on one line; nothing is drawn where they come to nothing."""

    kind: Literal["text"]
    x: float
    content: str
    y: float = 0.0
    row: int | None = None
    style: Style = "value"
    align: Align = "left"
    width: float | None = None
    lines: int = 1
    size: float | None = None
    floor: float | None = None


@dataclass(frozen=True, config=STRICT)
class Value:
    """A labelled value: the label `beside` or `above` it, over it in a `cell`, or before it on the same line (`inline`).

    `content` holds placeholders of one or several fields; label and English come from the field unless given.
    With `each`, the items of a list, or of a text cut at `split`, stand on lines of their own, at most `most` lines,
    `numbered` where wanted. Without it a text too long for its lines shows whole items. Either way `remainder` names the
    page part that takes the items left out (LOOK §10). `rule` true is a hairline under the value, or from–to.
    """

    kind: Literal["field"]
    x: float
    to: float
    content: str
    y: float = 0.0
    row: int | None = None
    place: Literal["above", "beside", "cell", "inline"] = "above"
    value_x: float | None = None
    label: str | None = None
    english: str | None = None
    style: Style = "value"
    size: float | None = None
    floor: float | None = None
    lines: int = 2
    each: bool = False
    split: str = ""
    most: int | None = None
    numbered: bool = False
    remainder: str | None = None
    absent: str = "—"
    lift: float | None = None  # of the label above the value's baseline, where a large value needs more than usual
    rule: bool | tuple[float, float] = True


@dataclass(frozen=True, config=STRICT)
class Box:
    """A rectangle, filled or ruled or both."""

    kind: Literal["box"]
    x: float
    y: float
    width: float
    height: float
    fill: Colour | None = None
    stroke: Colour | None = None
    points: float = 0.35


@dataclass(frozen=True, config=STRICT)
class Line:
    """A straight rule; `arrow` puts a head on its end."""

    kind: Literal["line"]
    x: float
    to: float
    y: float = 0.0
    row: int | None = None
    down: float = 0.0  # how far its end lies below its start
    colour: Colour = "rule"
    points: float = 0.35
    arrow: bool = False


@dataclass(frozen=True, config=STRICT)
class Picture:
    """The photograph of an image field, cut to the box from its middle; without one, an empty frame that says so."""

    kind: Literal["image"]
    field: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, config=STRICT)
class Column:
    """A column of a table; `content` is one for all rows, or one for each endorsement kind."""

    title: str
    width: float
    content: str | Mapping[str, str]
    style: Literal["key", "text", "number"] = "text"


@dataclass(frozen=True, config=STRICT)
class Table:
    """Rows of a `table` field, of a text cut at `split`, or of the endorsements of these `kinds`, oldest first.

    `after` places it that far under the table before it instead of at `y`. Rows go down to `bottom` (if not given: clear
    of the seal) and are at most `rows`; the others stand on repetitions of the page, or, with `remainder`, on the page of
    that part. `rest` takes only the items that a
    value or table left over; `omit` drops an empty table.
    `rail` draws the stops of a route on a line.
    """

    kind: Literal["table"]
    x: float
    columns: tuple[Column, ...]
    y: float = 0.0
    rows: int | None = None
    bottom: float | None = None
    after: float | None = None
    field: str | None = None
    split: str = ""
    kinds: tuple[str, ...] = ()
    rest: bool = False
    remainder: str | None = None
    omit: bool = False
    rail: bool = False
    head_height: float | None = None
    row_height: float | None = None


@dataclass(frozen=True, config=STRICT)
class Code:
    """The code on paper on its plate (LOOK §7), check code and host `beside` it, `below` it, or `stacked` beside it."""

    kind: Literal["code"]
    x: float
    y: float
    caption: Literal["beside", "below", "stacked"] = "beside"


@dataclass(frozen=True, config=STRICT)
class Seal:
    """The impression with issuer and date in its bands (LOOK §6); `right` is the margin on which the issuer line ends.

    `endorsed` names body and day of the newest printed endorsement instead, where there is one.
    """

    kind: Literal["seal"]
    right: float
    y: float
    label_x: float
    issuer: str
    issued: str
    issuer_label: str | None = None
    issued_label: str | None = None
    endorsed: bool = False


@dataclass(frozen=True, config=STRICT)
class Frame:
    """Frame, water lines and cartouche of the family, with or without the medallion (LOOK §5).

    `tag` is the corner of the specimen tag (LOOK §11): upper left, or upper right where it lies in the right half.
    """

    kind: Literal["frame"]
    tag: tuple[float, float]
    medallion: bool = True


@dataclass(frozen=True, config=STRICT)
class Chip:
    """A number plate as a picture; `colours` gives ground and letters for each code of the colour field.

    Both values stand as text elsewhere on the page (LOOK §13).
    """

    kind: Literal["chip"]
    x: float
    y: float
    width: float
    height: float
    field: str
    colour_field: str
    colours: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, config=STRICT)
class Diagram:
    """Axles and their loads in tonnes, drawn only where the text parses and the loads add up to the mass (LOOK §8 d)."""

    kind: Literal["diagram"]
    x: float
    y: float
    field: str
    mass_field: str  # kilograms
    label_x: float
    width: float  # of all columns together
    column: float = 13.0  # the widest


Element: TypeAlias = Annotated[Text | Value | Box | Line | Picture | Table | Code | Seal | Frame | Chip | Diagram, Declared(discriminator="kind")]


@dataclass(frozen=True, config=STRICT)
class Rows:
    """The baselines of a page's field rows: first, then one every `pitch`; a further line of a value pushes by `further`.

    Where any value needs a second line the *long form* holds instead (LOOK §10); `extra` lines are all that fit.
    """

    first: float
    pitch: float
    further: float
    extra: int = 2
    long_first: float | None = None
    long_pitch: float | None = None


@dataclass(frozen=True, config=STRICT)
class Page:
    """One page: blocks of the family by name, the type's own elements between them, in reading order."""

    part: str
    size: Size = "A4"
    orientation: Literal["landscape", "portrait"] = "landscape"
    before: tuple[str, ...] = ()
    elements: tuple[Element, ...] = ()
    after: tuple[str, ...] = ()
    rows: Rows | None = None
    when: Literal["always", "rest"] = "always"  # rest: only where an earlier page left items over for its tables

    @property
    def sheet(self) -> str:
        """Name of the paper: A4L, A4P or A5L."""
        return f"{self.size}{self.orientation[0].upper()}"


@dataclass(frozen=True, config=STRICT)
class Weave:
    """Colour and weave of a family (LOOK §4, §5)."""

    label: str
    accent: str
    waves: int
    strands: int
    phase_step: float
    envelope: float
    lobes: int


@dataclass(frozen=True, config=STRICT)
class Family:
    """One file of `templates/_families/`: the weave, and the blocks that its types take by name."""

    family: Weave
    blocks: Mapping[str, tuple[Element, ...]]
    slug: str = ""
