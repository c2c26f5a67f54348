"""The page that is being laid out: what was placed so far, what went wrong, and how a text is written on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from licence_service.document.artwork import SHEETS, Artwork, Family
from licence_service.document.fonts import Fonts
from licence_service.document.placed import Item, Run
from licence_service.document.setting import width as width_of
from licence_service.document.sheet import Sheet
from licence_service.document.strokes import PT
from licence_service.document.styles import GREY, INK, MEASURES, STYLES, WHITE, Measures, Type
from licence_service.document.wording import Worded, worded
from licence_service.errors import Fault
from licence_service.page import Align, Colour, Page, Style


@dataclass(slots=True)
class Slate:
    """One page at work. `words` are the $-words of this page; faults of all pages gather in one list."""

    sheet: Sheet
    page: Page
    family: Family
    fonts: Fonts
    words: Mapping[str, str]
    faults: list[Fault]
    repeat: int = 0  # 0 on the page as declared, n on its nth repetition for further table rows
    left_over: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    parts: Mapping[str, int] = field(default_factory=dict)
    artwork: Artwork | None = None  # drawn before everything
    under: list[Item] = field(default_factory=list)  # drawn before the items, so that they can cover nothing
    items: list[Item] = field(default_factory=list)
    table_end: float = 0.0
    more_rows: bool = False
    taken: dict[int, int] = field(default_factory=dict)  # rows that each table has placed so far, over repetitions

    @property
    def height(self) -> float:
        """Return the height of the paper in mm."""
        return SHEETS[self.page.sheet].height

    @property
    def measures(self) -> Measures:
        """What differs between A4 and A5."""
        return MEASURES[self.page.size]

    def type_(self, style: Style, size: float | None = None, floor: float | None = None) -> Type:
        """Return the row of the type table, with another size or floor where given."""
        row = STYLES[self.page.size][style]
        if size is None and floor is None:
            return row
        wanted = size if size is not None else row.size
        lowest = floor if floor is not None else min(row.floor, wanted)
        return Type(row.face, wanted, lowest, row.tracking, row.colour)

    def colour(self, name: Colour) -> str:
        """Return `#RRGGBB` of a colour by name in this page's family."""
        named = {"ink": INK, "grey": GREY, "white": WHITE, "accent": self.family.accent}
        return named.get(name) or (self.family.rule if name == "rule" else self.family.line)

    def fill(self, content: str, absent: str = "") -> Worded:
        """Fill a content from the face and the words of this page."""
        return worded(content, self.sheet.template.fields, self.sheet.face, self.words, absent)

    def width(self, type_: Type, text: str, size: float | None = None) -> float:
        """Return the width of a line in mm."""
        return width_of(self.fonts, type_, text, size or type_.size)

    def write(
        self, text: str, type_: Type, x: float, y: float, *, align: Align = "left", size: float | None = None,
        colour: str | None = None, fields: tuple[str, ...] = (),
    ) -> float:  # fmt: skip
        """Set one line and return its width in mm; characters that no face has are faults of the fields (DOMAIN M9)."""
        size = size or type_.size
        whole = self.width(type_, text, size)
        start = x - (whole if align == "right" else whole / 2 if align == "center" else 0)
        setting = self.fonts.setting(type_.face, text)
        if setting.missing:
            self.no_glyph(setting.missing, fields)
            return whole
        ink = colour or self.colour(type_.colour)
        if len(setting.runs) == 1:
            self.items.append(Run(text, setting.runs[0][0], size, start, y, whole, type_.tracking, ink, fields))
            return whole
        for face, piece in setting.runs:
            wide = (self.fonts.width(face, piece) + type_.tracking * (len(piece) - 1)) * size / PT
            self.items.append(Run(piece, face, size, start, y, wide, type_.tracking, ink, fields))
            start += wide + type_.tracking * size / PT
        return whole

    def no_glyph(self, code_points: tuple[int, ...], fields: tuple[str, ...]) -> None:
        """Note characters that cannot be drawn, by code point, never by themselves."""
        for code_point in code_points:
            self.fault(fields, "no-glyph", f"no face has a glyph for U+{code_point:04X}")

    def fault(self, fields: tuple[str, ...], code: str, message: str) -> None:
        """Note a fault of each of the fields, once."""
        for name in fields or ("",):
            path = name if "." in name else f"face.{name}" if name else "layout"
            found = Fault(path, code, message)
            if found not in self.faults:
                self.faults.append(found)
