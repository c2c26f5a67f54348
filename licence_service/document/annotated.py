"""The mark of an annotated copy (加注件): for whom, for what, when and until when, across every page (DOMAIN SH-12). Pure.

It stands twice on a page: pale and large across it, under everything that the licence says, so that no number, seal or code is ever beneath it; and
once whole on a ribbon over the lower band of the frame, where nothing else stands. It is drawn as outlines, repeats what is attached to the file
as data, and whoever takes it away changes the file.
"""

from dataclasses import dataclass
from math import cos, radians, sin

from licence_service.document.artwork import SHEETS
from licence_service.document.fonts import Fonts
from licence_service.document.placed import Area, Letters, Placed, PlacedPage
from licence_service.document.setting import width, wrap
from licence_service.document.strokes import PT
from licence_service.document.styles import Type
from licence_service.errors import FaceRejected, Fault

TITLE = "加注件"
_FACE = "hei-500"
_INK = "#A7B8D2"  # pale enough for every text that stands on it, dark enough to be read and copied
_ANGLE = 20.0  # degrees
_MARGIN = 9.0  # mm from the trim: the frame
_BANDS = (-0.27, 0.0, 0.27)  # where the mark stands on the middle of the page, in parts of its height
_SIZES = tuple(step / 2 for step in range(33, 13, -1))  # points, from 16.5 down to 7
_LARGEST = 0.078  # points a millimetre of the page's shorter side
_LEAD = 1.55
_MOST_LINES = 4
_TRACKING = 0.08
_RIBBON, _RIBBON_INK = "#1F3A5F", "#FFFFFF"
_RIBBON_LINES, _RIBBON_LEAD = 2, 1.25
_RIBBON_SIZES = (9.0, 8.0, 7.0, 6.5, 6.0, 5.5, 5.0, 4.5)  # points


@dataclass(frozen=True, slots=True)
class MarkWords:
    """What the mark says; days as people read them."""

    receiver: str
    purpose: str
    made_on: str
    until: str

    def lines(self) -> tuple[str, str]:
        """Return its two sentences."""
        return f"仅供 {self.receiver} 用于 {self.purpose}", f"{TITLE}　{self.made_on} 加注　至 {self.until}　他用无效"


def marked(placed: Placed, words: MarkWords, fonts: Fonts) -> Placed:
    """Return the pages with the mark across each; `FaceRejected` where a character cannot be drawn or the words are too long for a page."""
    missing = {name: fonts.missing(_FACE, text) for name, text in (("receiver", words.receiver), ("purpose", words.purpose))}
    faults = [Fault(name, "no-glyph", f"{', '.join(f'U+{one:04X}' for one in found)} cannot be drawn") for name, found in missing.items() if found]
    if faults:
        raise FaceRejected(faults=faults)
    return Placed(f"{TITLE}：{words.lines()[0]}", tuple(_marked(page, words, fonts) for page in placed.pages))


def _marked(page: PlacedPage, words: MarkWords, fonts: Fonts) -> PlacedPage:
    size, lines = _set(words, fonts, page)
    step, middle = size * _LEAD / PT, page.width / 2
    letters = []
    for place in _BANDS:
        centre = page.height * (0.5 + place)
        for number, line in enumerate(lines):
            y = centre + (number - (len(lines) - 1) / 2) * step
            letters.append(Letters(line, _FACE, size, middle, y, _TRACKING, _INK, angle=_ANGLE, about=(middle, centre)))
    return PlacedPage(page.part, page.width, page.height, page.artwork, (*letters, *_ribbon(page, words, fonts), *page.items))


def _ribbon(page: PlacedPage, words: MarkWords, fonts: Fonts) -> list[Area | Letters]:
    """Return the mark whole, on one line or two, over the lower band of the frame."""
    sheet = next(one for one in SHEETS.values() if (one.width, one.height) == (page.width, page.height))
    said, centre, pad = "　".join(words.lines()), page.height - sheet.band_centre, sheet.cartouche_height * 0.4
    room = page.width - 2 * (sheet.corner + pad) - 4 * sheet.band_centre
    for size in _RIBBON_SIZES:
        lines = wrap(fonts, Type(_FACE, size, size), said, room, size)
        high = len(lines or ()) * size * _RIBBON_LEAD / PT
        if lines and len(lines) <= _RIBBON_LINES and high <= sheet.inner - sheet.outer - 0.3:
            wide = max(width(fonts, Type(_FACE, size, size), line, size) for line in lines) + 2 * pad
            tall = max(high + 0.3, sheet.cartouche_height)
            box = Area((page.width - wide) / 2, centre - tall / 2, wide, tall, fill=_RIBBON)
            first = centre - (len(lines) - 1) / 2 * size * _RIBBON_LEAD / PT + 0.36 * size / PT
            return [
                box,
                *(
                    Letters(line, _FACE, size, page.width / 2, first + number * size * _RIBBON_LEAD / PT, 0.0, _RIBBON_INK)
                    for number, line in enumerate(lines)
                ),
            ]
    raise FaceRejected(faults=[Fault("receiver", "does-not-fit", "receiver and purpose are too long for the mark on the frame")])


def _set(words: MarkWords, fonts: Fonts, page: PlacedPage) -> tuple[float, tuple[str, ...]]:
    """Return the largest size at which both sentences stand within the frame, and their lines."""
    slope, high = radians(_ANGLE), page.height * (_BANDS[2] - _BANDS[1])
    for size in (one for one in _SIZES if one <= _LARGEST * min(page.width, page.height)):
        type_ = Type(_FACE, size, size, _TRACKING)
        thick = _MOST_LINES * size * _LEAD / PT
        up = page.height * (0.5 - _BANDS[2]) - _MARGIN - thick / 2 * cos(slope)
        room = min((page.width - 2 * _MARGIN - thick * sin(slope)) / cos(slope), 2 * up / sin(slope))
        broken = [wrap(fonts, type_, sentence, room, size) for sentence in words.lines()]
        lines = tuple(line for each in broken for line in each or ())
        if all(broken) and len(lines) <= _MOST_LINES and len(lines) * size * _LEAD / PT <= high:
            return size, lines
    raise FaceRejected(faults=[Fault("receiver", "does-not-fit", "receiver and purpose are too long for the mark across the page")])
