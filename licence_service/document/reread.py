"""A sealed file of ours read again by the slow reader, in the bounded child, and what it read on its way back."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Self, TypeAlias

from licence_service.document import agreement, reading
from licence_service.document.reading import Piece, ReadPage
from licence_service.document.sheet import Sheet
from licence_service.errors import PageDisagrees

Boxes: TypeAlias = Sequence[tuple[float, float, float, float]]


def said(pdf: bytes, plates: Boxes) -> dict[str, Any]:
    """Return what a file says, as JSON values; in the child.

    Read whole, as `Printer.judge` reads the first of a chunk: its quicker way sees no code on a page that was drawn and not pressed.
    """
    pages, codes = reading.pages_and_every_code(pdf, plates)
    attached = reading.attachment(pdf)
    return {
        "pages": [[page.width, page.height, [astuple(piece) for piece in page.pieces]] for page in pages],
        "codes": codes, "attached": None if attached is None else attached.decode("utf-8", "replace"),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reread:
    """What a file says: its pages, the texts of its codes, its attached data."""

    pages: list[ReadPage]
    codes: tuple[str, ...]
    attached: str | None

    @classmethod
    def heard(cls, told: Mapping[str, Any]) -> Self:
        """Return what the child told as a value. Raise `ValueError` for another shape."""
        try:
            pages = [ReadPage(width, height, tuple(Piece(*piece) for piece in pieces)) for width, height, pieces in told["pages"]]
            return cls(pages, tuple(told["codes"]), told["attached"])
        except (KeyError, TypeError) as wrong:
            raise ValueError("the child told something else") from wrong

    def unlike(self, sheet: Sheet, attached: bytes) -> str | None:
        """Say how it is not what was to be printed; None where it is. No value is repeated."""
        try:
            agreement.agree_read(self.pages, sheet)
        except PageDisagrees as wrong:
            return wrong.detail
        if self.attached != attached.decode() or self.codes != (sheet.code_text,):
            return "the file does not carry its data or its code as it should"
        return None
