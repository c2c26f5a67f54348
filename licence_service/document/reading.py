"""What a finished page really says, by readers that know nothing of how it was made (DOMAIN M10).

pdfium reads texts with their places, pikepdf the attachment, zxing the codes of the page as it is seen.
"""

import ctypes
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from threading import Lock
from typing import TypeAlias

import pikepdf
import pypdfium2 as pdfium
import pypdfium2.raw as c
import zxingcpp
from PIL import Image

from licence_service.document.archival import ATTACHMENT
from licence_service.document.strokes import PT

_Box: TypeAlias = tuple[float, float, float, float]
_LONGEST = 8192  # bytes of one text object
_lock = Lock()  # pdfium must not be entered by two threads at once
_SAME = 0.1  # points, mm
_JOINED = 0.75  # em: pieces of different faces nearer than this on one line are one text
_INK_FILL = 1  # FPDF_FILLMODE_ALTERNATE; anything above none covers what lies below
# Frames and seals are drawings without fonts, and most of the time pdfium takes for a page; a reader for texts skips them.
_DRAWING, _SKIPPED = re.compile(rb"/Subtype /Form(?= /BBox \[[0-9. -]*\] /Resources << (?:>>|/XObject ))"), b"/Subtype /Skip"
_OF_LINES = re.compile(rb"/Subtype /Form(?= /BBox \[[0-9. -]*\] /Resources << >>)")  # those that hold no picture, so no code


@dataclass(frozen=True, slots=True)
class Piece:
    """One text as it stands: the tight box of its glyphs, where its line starts, and its baseline.

    Millimetres from the top left; `hei` tells a label from a value.
    """

    text: str
    left: float
    top: float
    right: float
    bottom: float
    start: float
    baseline: float
    size: float
    hei: bool
    face: str
    covered: bool = False


@dataclass(frozen=True, slots=True)
class ReadPage:
    """One page: its size in mm and its texts in the order of the file."""

    width: float
    height: float
    pieces: tuple[Piece, ...]


def text(pdf: bytes) -> list[str]:
    """Return the text of each page in reading order, lines ended by a newline."""
    with _lock:
        document = pdfium.PdfDocument(pdf)
        try:
            return [page.get_textpage().get_text_range().replace("\r\n", "\n") for page in document]
        finally:
            document.close()


def attachment(pdf: bytes, name: str = ATTACHMENT) -> bytes | None:
    """Return the attached licence data, or what is attached under another name; None where there is none."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        found = document.attachments.get(name)
        return found.get_file().read_bytes() if found else None


def without_drawings(pdf: bytes) -> bytes:
    """Return a file of the same length in which readers skip all that is drawn by frames, seals and codes."""
    return _DRAWING.sub(_SKIPPED, pdf)


def without_lines(pdf: bytes) -> bytes:
    """Return a file of the same length in which readers skip frames and seals, and still find codes."""
    return _OF_LINES.sub(_SKIPPED, pdf)


def codes(pdf: bytes, dpi: int = 150, *, where: Iterable[_Box] | None = None) -> list[str]:
    """Return the text of every code that a camera would find on the pages; looking only at these parts of each takes a fifth of the time.

    `where` are left, top, right and bottom in mm from the top left; what lies beyond a page is not looked for on it. A text found in several
    parts of one page counts once.
    """
    boxes = None if where is None else list(where)
    with _lock:
        document = pdfium.PdfDocument(pdf)
        try:
            images = [_seen(page, dpi, boxes) for page in document]
        finally:
            document.close()
    return _codes_on(images, boxes)


def _codes_on(images: Iterable[Iterable[Image.Image]], boxes: list[_Box] | None) -> list[str]:
    """Return the texts of the codes on the pictures of each page; one found in several parts of a page counts once."""
    if boxes is None:
        return [text for pictures in images for text in _texts(pictures)]
    return [text for pictures in images for text in dict.fromkeys(_texts(pictures))]


def _texts(pictures: Iterable[Image.Image]) -> Iterator[str]:
    """Yield the texts of the codes on pictures."""
    for picture in pictures:
        yield from (found.text for found in zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode))  # type: ignore[arg-type]


def _seen(page: pdfium.PdfPage, dpi: int, boxes: Iterable[_Box] | None) -> list[Image.Image]:
    """Return a page, or those parts of it that lie on it, as grey pictures."""
    width, height = page.get_size()
    cuts = [(0.0, 0.0, 0.0, 0.0)]  # what is left out at the left, the bottom, the right and the top
    if boxes is not None:
        edges = [tuple(edge * PT for edge in box) for box in boxes]
        cuts = [(max(left, 0.0), max(height - bottom, 0.0), max(width - right, 0.0), max(top, 0.0)) for left, top, right, bottom in edges]
    on_it = [cut for cut in cuts if cut[0] + cut[2] < width - 1 and cut[1] + cut[3] < height - 1]  # a point at least
    return [page.render(scale=dpi / 72, grayscale=True, crop=cut).to_pil() for cut in on_it]


def pngs(pdf: bytes, dpi: float) -> list[bytes]:
    """Return every page of a file of ours as a PNG, for people to look at."""
    with _lock:
        document = pdfium.PdfDocument(pdf)
        try:
            images = [page.render(scale=dpi / 72).to_pil().convert("RGB") for page in document]
        finally:
            document.close()
    return [_png(image) for image in images]


def _png(image: Image.Image) -> bytes:
    sink = io.BytesIO()
    image.save(sink, "PNG", compress_level=3)  # of pages with a guilloche smaller than at 6, and in three fifths of the time
    return sink.getvalue()


def pages(pdf: bytes, *, joined: bool = True) -> list[ReadPage]:
    """Return every page with its texts in place, those in several faces as one where `joined`; takes about ten milliseconds a page."""
    with _lock:
        document = pdfium.PdfDocument(without_drawings(pdf))
        try:
            return [_read(document[number], joined=joined) for number in range(len(document))]
        finally:
            document.close()


def pages_and_codes(pdf: bytes, dpi: int = 150, *, where: Iterable[_Box] | None = None) -> tuple[list[ReadPage], list[str]]:
    """Return every page as `pages` does, and the texts of codes: the fonts, which take most of the time, are opened once.

    The codes are all outside drawings; or those on these parts of the pages, as `codes` takes them, whose drawings are read then.
    """
    boxes = None if where is None else list(where)
    with _lock:
        document = pdfium.PdfDocument(without_drawings(pdf) if boxes is None else without_lines(pdf))
        try:
            opened = [document[number] for number in range(len(document))]
            read = [_read(page, joined=True) for page in opened]
            images = [_seen(page, dpi, boxes) for page in opened]
        finally:
            document.close()
    return read, _codes_on(images, boxes)


def pages_and_every_code(pdf: bytes, plates: Iterable[_Box]) -> tuple[list[ReadPage], list[str]]:
    """Return every page as `pages` does, and the texts of all codes.

    These are what a camera would find on their plates, and then other texts elsewhere, outside all drawings: to look at whole pages as
    they are seen takes four times as long, most of it for frames and seals.
    """
    read, elsewhere = pages_and_codes(pdf)
    there = codes(pdf, where=plates)
    return read, there + [text for text in elsewhere if text not in there]


def _read(page: pdfium.PdfPage, *, joined: bool) -> ReadPage:
    found = _Items(page).read()
    return ReadPage(page.get_width() / PT, page.get_height() / PT, tuple(_joined(found) if joined else found))


class _Items:
    """Reads the objects of one page; its buffers serve them all."""

    def __init__(self, page: pdfium.PdfPage) -> None:
        self._page = page.raw
        self._texts = page.get_textpage()
        self._height = page.get_height()
        self._buffer = ctypes.create_string_buffer(_LONGEST)
        self._words = ctypes.cast(self._buffer, ctypes.POINTER(ctypes.c_ushort))
        self._name = ctypes.create_string_buffer(80)
        self._edges = [ctypes.c_float() for _ in range(4)]
        self._size, self._matrix, self._mode, self._stroked = ctypes.c_float(), c.FS_MATRIX(), ctypes.c_int(), ctypes.c_int()

    def read(self) -> list[Piece]:
        """Return the texts, each marked where something filled was drawn over it later."""
        found: list[Piece] = []
        blots: list[tuple[int, _Box]] = []
        for item in self._objects():
            kind = c.FPDFPageObj_GetType(item)
            if kind == c.FPDF_PAGEOBJ_TEXT:
                if piece := self._piece(item):
                    found.append(piece)
            elif kind == c.FPDF_PAGEOBJ_IMAGE or self._is_filled(item):
                blots.append((len(found), self._bounds(item)))
        return [_under(piece, place, blots) for place, piece in enumerate(found)]

    def _objects(self) -> Iterator[object]:
        """Yield the objects of the page in their order, in place of a drawing that is called where it stands those in it."""
        for place in range(c.FPDFPage_CountObjects(self._page)):
            item = c.FPDFPage_GetObject(self._page, place)
            if c.FPDFPageObj_GetType(item) == c.FPDF_PAGEOBJ_FORM and self._is_in_place(item):
                yield from (c.FPDFFormObj_GetObject(item, within) for within in range(c.FPDFFormObj_CountObjects(item)))
            else:
                yield item

    def _is_in_place(self, item: object) -> bool:
        matrix = self._matrix
        c.FPDFPageObj_GetMatrix(item, matrix)
        return (matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f) == (1, 0, 0, 1, 0, 0)

    def _bounds(self, item: object) -> _Box:
        c.FPDFPageObj_GetBounds(item, *self._edges)
        left, bottom, right, top = (edge.value for edge in self._edges)
        return left / PT, (self._height - top) / PT, right / PT, (self._height - bottom) / PT

    def _piece(self, item: object) -> Piece | None:
        length = c.FPDFTextObj_GetText(item, self._texts.raw, self._words, _LONGEST)
        words = self._buffer.raw[: length - 2].decode("utf-16-le", "replace")
        if not words.strip():
            return None
        c.FPDFFont_GetBaseFontName(c.FPDFTextObj_GetFont(item), self._name, 80)
        c.FPDFTextObj_GetFontSize(item, self._size)
        c.FPDFPageObj_GetMatrix(item, self._matrix)
        face = self._name.value.decode("ascii", "replace")
        baseline = (self._height - self._matrix.f) / PT
        return Piece(words, *self._bounds(item), self._matrix.e / PT, baseline, self._size.value, "Sans" in face, face)

    def _is_filled(self, item: object) -> bool:
        return bool(c.FPDFPath_GetDrawMode(item, self._mode, self._stroked)) and self._mode.value >= _INK_FILL


def _under(piece: Piece, place: int, blots: list[tuple[int, _Box]]) -> Piece:
    """Mark a text over which something filled was drawn later."""
    for after, (left, top, right, bottom) in blots:
        if after > place and left < piece.right and piece.left < right and top < piece.bottom and piece.top < bottom:
            return replace(piece, covered=True)
    return piece


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Join the pieces of one text that stands in several faces; a value stays a value."""
    whole: list[Piece] = []
    for piece in pieces:
        last = whole[-1] if whole else None
        if last and _go_together(last, piece):
            whole[-1] = replace(
                last,
                text=last.text.rstrip() + piece.text,
                top=min(last.top, piece.top),
                right=piece.right,
                bottom=max(last.bottom, piece.bottom),
                hei=last.hei and piece.hei,
                face=piece.face,
                covered=last.covered or piece.covered,
            )
        else:
            whole.append(piece)
    return whole


def _go_together(last: Piece, piece: Piece) -> bool:
    near = -_SAME < piece.start - last.right < _JOINED * piece.size / PT or abs(piece.left - last.right) < _SAME
    return near and piece.face != last.face and abs(last.size - piece.size) < _SAME and abs(last.baseline - piece.baseline) < _SAME


def compact(words: str) -> str:
    """Return a text without any kind of space, in which printed values are compared."""
    return "".join(words.split())
