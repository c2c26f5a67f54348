"""The code on paper: small enough to print, drawn without seams, read back from a poor print."""

import io
import random
import re
import zlib

import pikepdf
import pypdfium2
import pytest
import zxingcpp
from PIL import Image

from licence_service.document.code import LARGEST_ON_SCREEN, PLATE_A4, PLATE_A5, QUIET_MODULES, Matrix, Plate, drawn, matrix, operators
from licence_service.document.strokes import PT
from tests.screens import on_screen

Place = tuple[Plate, float, float, float, float]  # plate, page width, page height, left and top of the plate, in mm
PLACES: dict[str, Place] = {
    "A4": (PLATE_A4, 297, 210, 40, 148),
    "A4 trip": (PLATE_A4, 297, 210, 30, 150.5),
    "A4 portrait": (PLATE_A4, 210, 297, 30, 235),
    "A5 person": (PLATE_A5, 210, 148, 18, 80.4),
    "A5 vehicle": (PLATE_A5, 210, 148, 18, 93),
}
PREFIX = "HTTPS://EZZ.EXAMPLE.GOV.CN/Q/1"


def payload(digits: int, seed: int = 1) -> str:
    source = random.Random(seed)
    return PREFIX + "".join(source.choices("0123456789", k=digits))


def printed(drawn: Matrix, place: Place, dpi: int) -> Image.Image:
    """Draw the code at its place on a page and return what a printer would lay down, in grey."""
    plate, width, height, x, top = place
    size = plate.code_side(drawn)
    quiet = (plate.side - size) / 2
    left, bottom = (x + quiet) * PT, (height - top - plate.side + quiet) * PT
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(width * PT, height * PT))
    page.contents_add(pdf.make_stream(f"1 0 0 1 {left:.3f} {bottom:.3f} cm\n".encode() + operators(drawn, size)))
    out = io.BytesIO()
    pdf.save(out)
    picture: Image.Image = pypdfium2.PdfDocument(out.getvalue())[0].render(scale=dpi / 72).to_pil()
    return picture.convert("L")


def read(picture: Image.Image) -> list[str]:
    return [found.text for found in zxingcpp.read_barcodes(picture)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("place", PLACES)
def test_the_largest_code_is_read_from_a_110_dpi_picture(place: str, seed: int) -> None:
    text = payload(490, seed)
    assert read(printed(matrix(text), PLACES[place], 110)) == [text]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("place", PLACES)
def test_the_largest_code_is_read_from_a_200_dpi_print_in_black_and_white(place: str, seed: int) -> None:
    text = payload(490, seed)
    one_bit = printed(matrix(text), PLACES[place], 200).point(lambda level: 255 if level >= 128 else 0)
    assert read(one_bit) == [text]


@pytest.mark.parametrize("text", [PREFIX, "HTTPS://EZZ.EXAMPLE.GOV.CN/V/AB12", "0012345678", "https://a.example/q", "蜀安"])
def test_short_texts_are_read_back_whatever_they_hold(text: str) -> None:
    assert read(printed(matrix(text), PLACES["A5 person"], 200)) == [text]


def test_digits_get_a_segment_of_their_own() -> None:
    assert len(matrix(payload(490))) == 61
    with pytest.raises(ValueError, match="version"):
        matrix("".join("A" if c.isdigit() else c for c in payload(490)))


@pytest.mark.parametrize("digits", [600, 20_000])
def test_a_text_too_long_for_version_eleven_is_refused(digits: int) -> None:
    with pytest.raises(ValueError, match=r"fits no code|needs version"):
        matrix(payload(digits))


def test_an_empty_text_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        matrix("")


def test_the_same_text_gives_the_same_modules_and_the_same_bytes() -> None:
    text = payload(400)
    assert matrix(text) == matrix(text)
    assert operators(matrix(text), 30.0) == operators(matrix(text), 30.0)


def test_the_rectangles_cover_every_dark_module_once() -> None:
    drawn = matrix(payload(490))
    covered = [
        (len(drawn) - 1 - int(y), column)
        for x, y, width in re.findall(rb"(\d+) (\d+) (\d+) 1 re", operators(drawn, 30.0))
        for column in range(int(x), int(x) + int(width))
    ]
    dark = [(row, column) for row, line in enumerate(drawn) for column, module in enumerate(line) if module]
    assert sorted(covered) == dark


def test_the_drawing_is_one_fill_and_small() -> None:
    drawn = operators(matrix(payload(490)), 30.0)
    assert drawn.split().count(b"f") == 1
    assert len(zlib.compress(drawn)) < 4_000


@pytest.mark.parametrize(("plate", "module"), [(PLATE_A4, 0.491), (PLATE_A5, 0.459)])
def test_the_plate_keeps_four_quiet_modules_at_every_version(plate: Plate, module: float) -> None:
    largest = matrix(payload(490))
    assert plate.code_side(largest) / len(largest) == pytest.approx(module, abs=0.001)
    assert plate.code_side(largest) == pytest.approx(plate.code, abs=0.05)
    for modules in (largest, matrix(payload(300))):
        size = plate.code_side(modules)
        assert (plate.side - size) / 2 == pytest.approx(QUIET_MODULES * size / len(modules))


@pytest.mark.parametrize("digits", [1, 60, 400, 520, 900])
def test_a_code_on_a_screen_is_read_back_also_where_it_is_larger_than_paper_allows(digits: int) -> None:
    found = drawn(payload(digits))
    assert on_screen(found.side, found.path) == payload(digits)
    assert found.side <= 17 + 4 * LARGEST_ON_SCREEN + 2 * QUIET_MODULES
    assert min(int(x) for x in re.findall(r"M(\d+) ", found.path)) == QUIET_MODULES


def test_what_fits_no_code_on_a_screen_is_refused() -> None:
    with pytest.raises(ValueError, match="the largest"):
        drawn(payload(1700))
