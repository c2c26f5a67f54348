"""The press prints what the slow path prints: for every type the same texts, places, data and picture (DOMAIN M10).

The slow path (`Printer.place`, `Printer.draw`) is the judge: ReportLab numbers its objects, its fonts are TrueType subsets,
its code is drawn by the qrcode library. Both files are read by pdfium, poppler and pikepdf.
"""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pytest
from PIL import Image, ImageChops

from licence_service.document import Printer, Sheet
from licence_service.document.placed import Placed, Symbol
from licence_service.document.reading import attachment, codes, compact, pages, text
from licence_service.errors import FaceRejected
from tests.printing import ATTACHMENT, MADE_AT
from tests.templates.conftest import SLUGS, Made
from tests.templates.test_extremes import sheet, stretched

Make = Callable[[str], Made]
every_type = pytest.mark.parametrize("slug", SLUGS)
a_third_of_types = pytest.mark.parametrize(
    "slug", [one if not number % 3 else pytest.param(one, marks=pytest.mark.long) for number, one in enumerate(SLUGS)]
)
SLOT = 8192
RARE_NAME = "㼆𬭊𫟹䶮𠮷"  # from extensions A to E, where faces lend to each other
EXACT, NEAR = 0.01, 1.0  # mm
_DPI, COARSE = 144, 4
MOST_DIFFERENT = 40  # of 255, of the mean of 4 × 4 dots: a missing stroke of a character gives more


def whole(one: Made) -> dict[str, Any]:
    """Return the sample's face with a place for every photo."""
    sample = one.world.service.catalogue.samples[one.slug]
    return {**sample.face, **dict.fromkeys(sample.photos, "")}


def printed(printer: Printer, page: Sheet) -> tuple[bytes, bytes, Placed]:
    """Return the sheet from the press, from the slow path, and as it was placed."""
    laid, placed = printer.press(page, ATTACHMENT, created_at=MADE_AT, slot_bytes=SLOT), printer.place(page)
    assert laid, printer.pressroom.counts
    return laid.sealed(b"0" * SLOT).content, printer.draw(placed, ATTACHMENT, created_at=MADE_AT), placed


def assert_alike(fast: bytes, slow: bytes, placed: Placed, folder: Path) -> list[str]:
    """Compare two files as three readers see them; return what their codes say."""
    assert [compact(page) for page in text(fast)] == [compact(page) for page in text(slow)]  # where lines end is a reader's guess
    assert attachment(fast) == attachment(slow) == ATTACHMENT
    assert poppler(fast, folder / "fast.pdf") == poppler(slow, folder / "slow.pdf")
    for ours, judge in zip(pages(fast, joined=False), pages(slow, joined=False), strict=True):
        assert (ours.width, ours.height) == (judge.width, judge.height)
        assert [(one.text.strip(), one.hei, one.covered) for one in ours.pieces] == [(one.text.strip(), one.hei, one.covered) for one in judge.pieces]
        for one, other in zip(ours.pieces, judge.pieces, strict=True):
            assert (one.start, one.baseline, one.size) == pytest.approx((other.start, other.baseline, other.size), abs=EXACT)
            # pdfium takes the boxes of two kinds of outlines to whole units of its own; the picture below is exact.
            assert (one.left, one.top, one.right, one.bottom) == pytest.approx((other.left, other.top, other.right, other.bottom), abs=NEAR)
    said = codes(fast)
    assert said == codes(slow)
    for number, (ours_seen, judge_seen) in enumerate(zip(seen(fast), seen(slow), strict=True)):
        for place in symbols(placed, number):
            # One is an image of modules, the other an outline: renderers put them on the grid of dots differently, by one dot.
            dark = [each.crop(place).point(lambda value: 255 * (value < 128)).getbbox() for each in (ours_seen, judge_seen)]
            assert dark[0]
            assert dark[1]
            assert all(abs(a - b) <= 1 for a, b in zip(dark[0], dark[1], strict=True))
            ours_seen.paste(255, place)
            judge_seen.paste(255, place)
        difference = ImageChops.difference(ours_seen.reduce(COARSE), judge_seen.reduce(COARSE))
        assert not any(difference.histogram()[MOST_DIFFERENT + 1 :])
    return said


def symbols(placed: Placed, number: int) -> list[tuple[int, int, int, int]]:
    """Return where the codes of a page stand, in dots."""
    found = [item for item in placed.pages[number].items if isinstance(item, Symbol)]
    return [tuple(round(edge * _DPI / 25.4) for edge in (one.x, one.y - one.side, one.x + one.side, one.y)) for one in found]  # type: ignore[misc]


def poppler(pdf: bytes, path: Path) -> str:
    """Return the text as pdftotext orders it by place."""
    path.write_bytes(pdf)
    return subprocess.run(["pdftotext", "-layout", path, "-"], check=True, capture_output=True, text=True).stdout


def seen(pdf: bytes) -> list[Image.Image]:
    """Return the pages as pictures."""
    document = pdfium.PdfDocument(pdf)
    try:
        return [page.render(scale=_DPI / 72, grayscale=True).to_pil() for page in document]
    finally:
        document.close()


@every_type
def test_a_sample_is_printed_alike(made: Make, slug: str, tmp_path: Path) -> None:
    one = made(slug)
    page = sheet(one, whole(one))
    fast, slow, placed = printed(one.world.service.printer, page)
    assert assert_alike(fast, slow, placed, tmp_path) == [page.code_text]


LENGTHS = ((0.15, 1), (0.35, 3), (0.6, 12), (1.0, 40))  # share of what a field may hold, rows of a table


@every_type
@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.long)])
def test_faces_of_every_length_are_printed_alike(made: Make, slug: str, every: bool, tmp_path: Path) -> None:
    """From empty to full: short lines, wrapped and shrunk ones, many rows, further pages.

    Each type is printed full and in one of the other lengths, types take turns; `make test-long` prints each in all of them.
    """
    one = made(slug)
    printer, sample = one.world.service.printer, whole(one)
    template = one.world.service.catalogue.editions[slug][-1]
    for share, rows in LENGTHS if every else (LENGTHS[SLUGS.index(slug) % 3], LENGTHS[3]):
        page = sheet(one, {**stretched(template, sample, share, rows), **dict.fromkeys(one.world.service.catalogue.samples[slug].photos, "")})
        try:
            printer.place(page)
        except FaceRejected as refused:
            with pytest.raises(FaceRejected) as also:
                printer.press(page, ATTACHMENT, created_at=MADE_AT, slot_bytes=SLOT)
            assert also.value.faults == refused.faults
            continue
        assert_alike(*printed(printer, page), tmp_path)


@a_third_of_types
def test_a_face_with_nothing_but_what_it_must_have_is_printed_alike(made: Make, slug: str, tmp_path: Path) -> None:
    one = made(slug)
    service = one.world.service
    template = service.catalogue.editions[slug][-1]
    page = sheet(one, whole(one))
    needed = {name: value for name, value in page.face.items() if template.fields[name].required}
    photos = {name: jpeg for name, jpeg in page.photos.items() if name in needed}
    assert_alike(*printed(service.printer, replace(page, face=needed, photos=photos, endorsements=())), tmp_path)
