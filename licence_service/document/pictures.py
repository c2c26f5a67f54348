"""Pages as pictures, for people who would rather look than read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pypdfium2
from PIL import Image, ImageDraw, ImageFont

_COLUMNS, _WIDTH, _HEIGHT, _GAP, _CAPTION = 4, 500, 356, 24, 38
_GROUND, _INK = "#e9ebee", "#17191b"


@dataclass(frozen=True, slots=True)
class Tile:
    """One file and the words beneath its first page."""

    pdf: bytes = field(repr=False)
    caption: str


def page_picture(pdf: bytes, page: int = 0, dpi: float = 110.0) -> Image.Image:
    """Rasterise one page as a person would see it."""
    opened = pypdfium2.PdfDocument(pdf)
    try:
        picture: Image.Image = opened[page].render(scale=dpi / 72).to_pil()
        return picture.convert("RGB")
    finally:
        opened.close()


def contact(tiles: Sequence[Tile], caption_font: Path) -> Image.Image:
    """Return one sheet of first pages, four in a row."""
    rows = -(-len(tiles) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * (_WIDTH + _GAP) + _GAP, rows * (_HEIGHT + _CAPTION + _GAP) + _GAP), _GROUND)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.truetype(str(caption_font), 18)
    for place, tile in enumerate(tiles):
        left = _GAP + place % _COLUMNS * (_WIDTH + _GAP)
        top = _GAP + place // _COLUMNS * (_HEIGHT + _CAPTION + _GAP)
        picture = page_picture(tile.pdf, dpi=140)
        picture.thumbnail((_WIDTH, _HEIGHT), Image.Resampling.LANCZOS)
        sheet.paste(picture, (left + (_WIDTH - picture.width) // 2, top + (_HEIGHT - picture.height) // 2))
        pen.text((left + _WIDTH / 2, top + _HEIGHT + 8), tile.caption, font=font, fill=_INK, anchor="ma")
    return sheet
