"""The page of a receipt: a shape and a word, what was asked, the five answers, the proof; one sheet of A4, text and rules only. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from licence_service.document.fonts import Fonts
from licence_service.document.placed import Area, Disc, Item, Placed, PlacedPage, Run, Stroke
from licence_service.document.setting import width, wrap
from licence_service.document.strokes import PT
from licence_service.document.styles import GREY, INK, SPECIMEN, WHITE, Type
from licence_service.errors import FaceRejected, Fault

_WIDE, _HIGH = 210.0, 297.0
_LEFT, _RIGHT, _VALUE = 20.0, 190.0, 74.0
_TITLE = ("电子证照核验回执", "Receipt of a verification")
_NOTE = (
    "本回执由登记簿保管机关签名；签名原文附于本文件中，可用公开密钥离线核对，无需联系本系统。",
    "Signed by the keeper of the register; the signed statement is attached to this file and can be checked offline with the public key.",
)
ANOTHER_TIME = "another_time"  # the band of a verdict that is not about the present: never a verdict's own colour or shape
_COLOURS = {ANOTHER_TIME: "#2F4B6E", "valid": "#0B6B3A", "valid_conditions_unmet": "#8A5A00", "not_valid": "#A5101A", "cannot_decide": "#3B4A5A"}
_BIG, _BIG_EN = Type("song-700", 22, 22), Type("hei-400", 9, 9, 0.0, "grey")
_HEAD, _HEAD_EN = Type("song-700", 20, 20), Type("hei-400", 11, 11)
_LABEL, _LABEL_EN = Type("hei-500", 9, 9), Type("hei-400", 6.5, 6.5, 0.0, "grey")
_TEXT, _SMALL = Type("song-600", 10.5, 10.5), Type("hei-400", 8, 8, 0.0, "grey")
_STEP, _SMALL_STEP, _GAP = 5.0, 3.9, 2.6
_SCALES = (1.0, 0.92, 0.84, 0.76, 0.68)


@dataclass(frozen=True, slots=True)
class Row:
    """A label in two languages, a value, and smaller lines under it."""

    zh: str
    en: str
    value: str
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiptWords:
    """Everything that stands on the page: the verdict's word, and rows in three blocks. `overall` is the verdict, or `ANOTHER_TIME`."""

    overall: str
    headline: tuple[str, str]
    specimen: bool
    asked: tuple[Row, ...]
    answers: tuple[Row, ...]
    proof: tuple[Row, ...]

    def texts(self) -> Iterator[str]:
        """Yield every text of the page in its order."""
        yield from _TITLE
        yield from self.headline
        if self.specimen:
            yield _SPECIMEN
        for block in (self.asked, self.answers, self.proof):
            for row in block:
                yield from (row.zh, row.en, row.value, *row.more)
        yield from _NOTE


_SPECIMEN = "样本 不具法律效力 SPECIMEN, without legal effect"


def place(words: ReceiptWords, fonts: Fonts) -> Placed:
    """Lay the page out, smaller where there is much to say; raise `FaceRejected` where it would need a second one."""
    for scale in _SCALES:
        page = _laid(words, fonts, scale)
        if page.y <= _HIGH - 12:
            return Placed(_TITLE[0], (PlacedPage("回执", _WIDE, _HIGH, None, tuple(page.items)),))
    raise FaceRejected(faults=[Fault("receipt", "does-not-fit", "the receipt needs more than one page")])


def _laid(words: ReceiptWords, fonts: Fonts, scale: float) -> "_Page":
    page = _Page(fonts, [], scale)
    page.line(_TITLE[0], _BIG, _LEFT, 28)
    page.line(_TITLE[1], _BIG_EN, _LEFT, 34)
    page.items.append(Stroke(((_LEFT, 38.5), (_RIGHT, 38.5)), INK, 0.8))
    colour = _COLOURS[words.overall]
    page.items.append(Area(_LEFT, 43, _RIGHT - _LEFT, 24, fill=colour, radius=1.5))
    page.items += _shape(words.overall, 33.0, 55.0)
    page.line(words.headline[0], _HEAD, 47, 55, WHITE)
    page.line(words.headline[1], _HEAD_EN, 47, 62, WHITE)
    page.y = 77
    if words.specimen:
        page.line(_SPECIMEN, _LABEL, _LEFT, page.y, SPECIMEN)
        page.y += 7
    for block in (words.asked, words.answers, words.proof):
        for row in block:
            page.row(row)
        page.items.append(Stroke(((_LEFT, page.y - 2.4), (_RIGHT, page.y - 2.4)), GREY, 0.35))
        page.y += (_GAP + 1.6) * scale
    for note in _NOTE:
        page.lines(note, _SMALL, _LEFT, _RIGHT - _LEFT, _SMALL_STEP)
    return page


@dataclass(slots=True)
class _Page:
    """The page at work: rows are set at `scale` of their size; `y` is the next baseline in mm."""

    fonts: Fonts
    items: list[Item]
    scale: float
    y: float = 0.0

    def row(self, row: Row) -> None:
        """Set a label and beside it its value."""
        label, label_en, text, small = (self._scaled(type_) for type_ in (_LABEL, _LABEL_EN, _TEXT, _SMALL))
        self.line(row.zh, label, _LEFT, self.y)
        self.line(row.en, label_en, _LEFT + width(self.fonts, label, row.zh, label.size) + 2, self.y)
        self.lines(row.value, text, _VALUE, _RIGHT - _VALUE, _STEP * self.scale)
        for each in row.more:
            self.lines(each, small, _VALUE, _RIGHT - _VALUE, _SMALL_STEP * self.scale)
        self.y += _GAP * self.scale

    def _scaled(self, type_: Type) -> Type:
        return replace(type_, size=type_.size * self.scale)

    def lines(self, text: str, type_: Type, x: float, room: float, step: float) -> None:
        """Set a text on as many lines as it needs; one that has no place to break, like a digest, is broken anywhere."""
        for line in wrap(self.fonts, type_, text, room, type_.size) or _chopped(self.fonts, type_, text, room):
            self.line(line, type_, x, self.y)
            self.y += step

    def line(self, text: str, type_: Type, x: float, y: float, colour: str = "") -> None:
        """Set one line; every piece in a face that has its characters."""
        setting = self.fonts.setting(type_.face, text)
        ink = colour or {"grey": GREY}.get(type_.colour, INK)
        for face, piece in setting.runs:
            wide = self.fonts.width(face, piece) * type_.size / PT
            self.items.append(Run(piece, face, type_.size, x, y, wide, colour=ink))
            x += wide


def _chopped(fonts: Fonts, type_: Type, text: str, room: float) -> list[str]:
    lines, line = [], ""
    for character in text:
        if width(fonts, type_, line + character, type_.size) > room:
            lines.append(line)
            line = ""
        line += character
    return [*lines, line]


def _shape(overall: str, x: float, y: float) -> Iterator[Item]:
    """Yield the mark of a verdict, told by shape and not by colour alone: disc, diamond, octagon, square; a tag for another time."""
    ink = _COLOURS[overall]
    if overall == "valid":
        yield Disc(x, y, 8, fill=WHITE)
        yield Stroke(((x - 4, y + 0.2), (x - 1.2, y + 3), (x + 4.2, y - 3.2)), ink, 3.4)
    elif overall == "valid_conditions_unmet":
        yield Stroke(((x, y - 9), (x + 9, y), (x, y + 9), (x - 9, y), (x, y - 9)), fill=WHITE)
        yield Stroke(((x, y - 4.5), (x, y + 1)), ink, 3.4)
        yield Stroke(((x, y + 3), (x, y + 4.4)), ink, 3.4)
    elif overall == ANOTHER_TIME:  # a hand turned back
        yield Stroke(((x - 9, y), (x - 3, y - 7), (x + 8, y - 7), (x + 8, y + 7), (x - 3, y + 7), (x - 9, y)), fill=WHITE)
        yield Stroke(((x + 2.4, y - 3.6), (x - 2, y), (x + 2.4, y + 3.6)), ink, 2.8)
    elif overall == "not_valid":
        yield Stroke(
            tuple((x + a, y + b) for a, b in ((-3.4, -8), (3.4, -8), (8, -3.4), (8, 3.4), (3.4, 8), (-3.4, 8), (-8, 3.4), (-8, -3.4), (-3.4, -8))),
            fill=WHITE,
        )
        yield Stroke(((x - 3.4, y - 3.4), (x + 3.4, y + 3.4)), ink, 3.4)
        yield Stroke(((x + 3.4, y - 3.4), (x - 3.4, y + 3.4)), ink, 3.4)
    else:
        yield Area(x - 7.5, y - 7.5, 15, 15, fill=WHITE, radius=1.2)
        yield Stroke(
            (
                (x - 3, y - 2.4),
                (x - 2, y - 4.6),
                (x, y - 5.2),
                (x + 2.4, y - 4.4),
                (x + 2.8, y - 2.2),
                (x + 1.4, y - 0.2),
                (x, y + 1.2),
                (x, y + 2.2),
            ),
            ink,
            2.6,
        )
        yield Stroke(((x, y + 4), (x, y + 5.2)), ink, 2.8)
