"""What a stranger's file says: its codes, its attached data, its words and how it looks. Runs in the bounded child only.

Nothing here is believed; limits on pages and pixels keep a small file from asking for a large picture.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from typing import Any, TypeVar

import pikepdf
import pypdfium2 as pdfium
import zxingcpp
from PIL import Image, ImageChops

from licence_service.comparison import Presented
from licence_service.document import agreement, reading
from licence_service.document.archival import ATTACHMENT, RECEIPT
from licence_service.fields import Field

T = TypeVar("T")

PICTURES = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"RIFF": "WEBP"}
MOST_PICTURE_PIXELS = 64_000_000  # a telephone's best photo
MOST_PLAIN_PIXELS = 24_000_000  # of PNG and WebP, which cannot be opened at a fraction of their size
MOST_PAGES = 40  # our longest licence, every table full, has 22
MOST_SEARCHED = 4  # pages on which a code is looked for
MOST_PIECES = 6_000
MOST_ATTACHED = 200_000
_MOST_WORDS = 100_000
_SIDE = 2400  # pixels: a photo is looked at in this size too
_PAGE_SIDE = 1800
_CODE_DPI, _LOOK_DPI = 150, 100
_FAINT = 96  # of 255: anti-aliasing differs less between programs that draw the same page
_SAME_COLOUR = 32  # of 255, by channel and for every pixel: a receipt is drawn by the same program, and no colour of it may become another
_SPECKS = 12  # pixels that may differ more, at 100 dpi; a changed digit changes some forty


def is_picture(content: bytes) -> bool:
    """Say whether this begins like a PNG, JPEG or WebP."""
    return _format(content) is not None


def _format(content: bytes) -> str | None:
    found = next((name for mark, name in PICTURES.items() if content.startswith(mark)), None)
    return None if found == "WEBP" and content[8:12] != b"WEBP" else found


def codes_of_picture(content: bytes) -> list[str]:
    """Return the texts of the codes in a PNG, JPEG or WebP, each once; none for anything that is no such picture or too large.

    It is looked at in a small size and in its own: blur hides a code from the one, smallness from the other, and none may be passed over.
    """
    kind = _format(content)
    if kind is None:
        return []
    try:
        with Image.open(io.BytesIO(content), formats=(kind,)) as picture:
            most = MOST_PICTURE_PIXELS if kind == "JPEG" else MOST_PLAIN_PIXELS
            if picture.width * picture.height > most:
                return []
            picture.draft("L", (_SIDE, _SIDE))  # a JPEG is decoded at a fraction of its size
            grey = picture.convert("L")
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return []
    small = grey.copy()
    small.thumbnail((_SIDE, _SIDE))
    return list(dict.fromkeys([*_codes(small), *(_codes(grey) if grey.size != small.size else [])]))


def _codes(image: Image.Image) -> list[str]:
    return [found.text for found in zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)]  # type: ignore[arg-type]


def presented(pdf: bytes, *, codes: bool = True) -> dict[str, Any]:
    """Return what a PDF says, as JSON values: codes (where they are wanted), attached data, pieces of text with their places, pages.

    What cannot be read, or has more pages or words than any licence, is absent: half of a file is never compared.
    """
    nothing: tuple[list[list[Any]], int] = ([], 0)
    none: list[str] = []
    pieces, pages = _tried(lambda: _pieces(pdf), nothing)
    found = _tried(lambda: _first_codes(pdf), none) if codes and pages else none
    return {"codes": found, "attached": _tried(lambda: _attached(pdf), None), "pieces": pieces, "pages": pages}


def _tried(work: Callable[[], T], otherwise: T) -> T:
    """Do `work` on a stranger's file, in the child, and give `otherwise` where it cannot be read: a broken file is an answer, not a failure."""
    try:
        return work()
    except Exception:  # noqa: BLE001 - qpdf, pdfium, zxing and Pillow raise whatever a broken file provokes; what is lost is only ever less said for it
        return otherwise


def _first_codes(pdf: bytes) -> list[str]:
    return next((texts for page in _rendered(pdf, _CODE_DPI, MOST_SEARCHED) if (texts := _codes(page))), [])


def _attached(pdf: bytes, name: str = ATTACHMENT) -> str | None:
    attached = reading.attachment(pdf, name)
    return attached.decode("utf-8", "replace") if attached is not None and len(attached) <= MOST_ATTACHED else None


def _pieces(pdf: bytes) -> tuple[list[list[Any]], int]:
    pieces: list[list[Any]] = []
    words = 0
    pages = reading.pages(pdf)
    if len(pages) > MOST_PAGES:
        raise ValueError("more pages than a licence has")
    for number, page in enumerate(pages):
        for one in page.pieces:
            words += len(one.text)
            if len(pieces) >= MOST_PIECES or words > _MOST_WORDS:
                raise ValueError("more words than a licence has")
            places = (one.left, one.top, one.right, one.bottom, one.start, one.baseline, one.size)
            pieces.append([number, one.text, *(round(place, 3) for place in places), one.hei, one.face])
    return pieces, len(pages)


def _rendered(pdf: bytes, dpi: int, most: int, *, grey: bool = True) -> Iterator[Image.Image]:
    """Yield the first `most` pages as pictures, grey ones or in colour, none larger than `_PAGE_SIDE` whatever size it claims."""
    document = pdfium.PdfDocument(pdf)
    try:
        for number in range(min(len(document), most)):
            page = document[number]
            scale = min(dpi / 72, _PAGE_SIDE / max(page.get_width(), page.get_height(), 1))
            yield page.render(scale=scale, grayscale=grey).to_pil()
    finally:
        document.close()


def look_alike(pdf: bytes, original: bytes) -> bool:
    """Say whether two files show the same: as many pages, of the same size, with the same picture but for faint edges.

    Words can be read alike and look different: what is drawn over them, or hidden, shows here.
    """
    return _tried(lambda: _all_alike(pdf, original), otherwise=False)


def _all_alike(pdf: bytes, original: bytes) -> bool:
    ours, theirs = (_rendered(one, _LOOK_DPI, MOST_PAGES + 1) for one in (pdf, original))
    pages = enumerate(zip_longest(ours, theirs), 1)
    return all(number <= MOST_PAGES and one is not None and other is not None and _same(one, other) for number, (one, other) in pages)


def _same(one: Image.Image, other: Image.Image) -> bool:
    if one.size != other.size:
        return False
    return sum(ImageChops.difference(one.convert("L"), other.convert("L")).histogram()[_FAINT:]) <= _SPECKS


def receipt(pdf: bytes) -> dict[str, Any]:
    """Return what the page of a receipt carries, as JSON values: its attached statement and its text; absent where they cannot be read."""
    return {"attached": _tried(lambda: _attached(pdf, RECEIPT), None), "text": _tried(lambda: "".join(reading.text(pdf)), None)}


def drawn_as(pdf: bytes, ours: bytes) -> bool:
    """Say whether a receipt looks to the pixel, in colour, as `ours`, which we drew from its statement, and holds nothing that could show otherwise.

    Words alone do not tell: a green area over a red one leaves them as they are.
    """
    return _tried(lambda: _keys(pdf) == _keys(ours) and _all_drawn_as(pdf, ours), otherwise=False)


def _keys(pdf: bytes) -> list[object]:
    """Return what stands in the catalogue, in each page and its resources: no annotation, form, layer or action may have been added."""
    with pikepdf.open(io.BytesIO(pdf), attempt_recovery=False) as document:
        tops = [document.Root, document.Root.Names, *(part for page in document.pages for part in (page.obj, page.obj.Resources))]
        return [sorted(top.keys()) for top in tops]


def _all_drawn_as(pdf: bytes, ours: bytes) -> bool:
    pages = zip_longest(*(_rendered(one, _LOOK_DPI, MOST_SEARCHED, grey=False) for one in (pdf, ours)))
    return all(one is not None and other is not None and _same_colours(one, other) for one, other in pages)


def _same_colours(one: Image.Image, other: Image.Image) -> bool:
    if one.size != other.size:
        return False
    extremes = ImageChops.difference(one.convert("RGB"), other.convert("RGB")).getextrema()
    return all(most <= _SAME_COLOUR for _, most in extremes)  # type: ignore[misc]  # of three channels


def from_json(said: Mapping[str, Any], fields: Mapping[str, Field] | None = None) -> Presented:
    """Return what the child told as a value; `fields` let what stands at their labels be named. Raise `ValueError` for another shape."""
    try:
        pages: dict[int, list[reading.Piece]] = {}
        for number, text, *places, hei, face in said["pieces"]:
            left, top, right, bottom, start, baseline, size = (float(one) for one in places)
            piece = reading.Piece(str(text), left, top, right, bottom, start, baseline, size, bool(hei), str(face))
            pages.setdefault(int(number), []).append(piece)
        read = [reading.ReadPage(0, 0, tuple(pages[number])) for number in sorted(pages)]
        attached = said["attached"]
        return Presented(
            tuple(str(text) for text in said["codes"]),
            attached if isinstance(attached, str) else None,
            tuple(piece.text for page in read for piece in page.pieces),
            agreement.at_labels(read, fields) if fields is not None else {},
            int(said["pages"]),
        )
    except (KeyError, TypeError) as wrong:
        raise ValueError("the child told something else") from wrong
