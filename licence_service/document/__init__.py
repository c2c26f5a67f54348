"""A face becomes a page: placed, drawn, and read back before it is sealed."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from licence_service.document import artwork
from licence_service.document.fonts import Fonts
from licence_service.document.layout import place
from licence_service.document.pdf import draw
from licence_service.document.placed import Placed
from licence_service.document.sheet import PrintedEndorsement, Sheet
from licence_service.page import Family

__all__ = ["Placed", "PrintedEndorsement", "Printer", "Sheet"]


class Printer:
    """Places, draws and reads back with one set of fonts and families."""

    def __init__(self, fonts: Fonts, families: Mapping[str, Family]) -> None:
        """Take the fonts and the families by name."""
        self._fonts = fonts
        self._families = {slug: artwork.Family(slug, **asdict(each.family)) for slug, each in families.items()}

    def place(self, sheet: Sheet) -> Placed:
        """Return the placed pages; see `layout.place`."""
        return place(sheet, self._families[sheet.template.family], self._fonts)

    def draw(self, placed: Placed, attachment: bytes, *, title: str, created_at: datetime) -> bytes:
        """Return the PDF/A-3u; see `pdf.draw`."""
        return draw(placed, attachment, title=title, created_at=created_at, fonts=self._fonts)

    def agree(self, pdf: bytes, sheet: Sheet) -> None:
        """Raise `PageDisagrees` unless the page says what the face says."""
