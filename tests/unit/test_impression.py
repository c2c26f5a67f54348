"""The drawn seal: an arc of at most half a circle, two empty bands, nothing overlapped."""

import io
import math
from itertools import pairwise
from pathlib import Path

import pytest
import reportlab
from PIL import Image

from licence_service.document.impression import BAND_DATE, BAND_ISSUER, ArcGlyph, impression, impression_png
from licence_service.document.strokes import PT

NAME = "蜀安市青溪区交通运输局水路运输管理处示例"
PURPOSE = "电子证照专用章"
VERA = str(Path(reportlab.__file__).parent / "fonts" / "Vera.ttf")
lengths = pytest.mark.parametrize("length", range(1, 21))
diameters = pytest.mark.parametrize("diameter", [32.0, 40.0])


def square(text: str, size: float) -> float:
    return len(text) * size


def arc(length: int, diameter: float = 40.0) -> list[ArcGlyph]:
    return list(impression(NAME[:length], diameter, square, specimen=False).glyphs[:length])


def middle(glyph: ArcGlyph) -> tuple[float, float]:
    """Return the middle of a character's square in mm."""
    angle, size = math.radians(glyph.rotation), glyph.size_pt / PT
    across, up = size * glyph.stretch / 2, size * 0.38
    return (
        glyph.x + across * math.cos(angle) - up * math.sin(angle),
        glyph.y + across * math.sin(angle) + up * math.cos(angle),
    )


@lengths
@diameters
def test_the_arc_never_sweeps_more_than_half_a_circle(length: int, diameter: float) -> None:
    glyphs = arc(length, diameter)
    assert glyphs[0].rotation - glyphs[-1].rotation <= 180 + 1e-9
    assert glyphs[0].rotation == pytest.approx(-glyphs[-1].rotation)
    assert all(middle(glyph)[1] >= -1e-9 for glyph in glyphs)


@lengths
@diameters
def test_every_character_of_the_arc_stands_on_one_circle(length: int, diameter: float) -> None:
    assert all(math.hypot(*middle(glyph)) == pytest.approx(0.378 * diameter) for glyph in arc(length, diameter))


@lengths
def test_characters_of_the_arc_are_narrowed_rather_than_overlapped(length: int) -> None:
    glyphs = arc(length)
    for left, right in pairwise(glyphs):
        room = math.radians(left.rotation - right.rotation) * 0.378 * 40
        assert left.stretch * left.size_pt / PT < room
        assert 0.5 < left.stretch <= 1


def test_eleven_characters_stand_eighteen_degrees_apart() -> None:
    glyphs = arc(11)
    assert glyphs[0].rotation - glyphs[1].rotation == pytest.approx(18)
    assert glyphs[5].rotation == pytest.approx(0)


@lengths
@diameters
def test_the_bands_for_issuer_and_date_stay_empty(length: int, diameter: float) -> None:
    glyphs = impression(NAME[:length], diameter, square, specimen=False).glyphs
    for band, type_size in ((BAND_ISSUER, 0.11), (BAND_DATE, 0.11)):
        top, bottom = -(band - type_size / 2) * diameter, -(band + type_size / 2) * diameter
        for glyph in glyphs[length:]:
            assert glyph.y > top or glyph.y + glyph.size_pt / PT * 0.76 < bottom
        # The arc's outermost characters lie on their sides: half their width reaches below the centre.
        lowest = min(middle(glyph)[1] - glyph.stretch * glyph.size_pt / PT / 2 for glyph in glyphs[:length])
        assert lowest > top


@diameters
def test_the_purpose_is_centred_under_the_first_band(diameter: float) -> None:
    line = impression(NAME[:8], diameter, square, specimen=False).glyphs[8:]
    assert "".join(glyph.char for glyph in line) == PURPOSE
    assert line[0].x == pytest.approx(-(line[-1].x + line[-1].size_pt / PT))
    assert all(middle(glyph)[1] == pytest.approx(-0.252 * diameter) for glyph in line)


def test_a_specimen_is_dashed_and_says_that_it_is_void() -> None:
    real, specimen = (impression(NAME[:8], 40.0, square, specimen=flag) for flag in (False, True))
    assert "".join(glyph.char for glyph in specimen.glyphs[8:]) == "样本无效"
    assert b"[2.2 1.4] 0 d" in specimen.operators
    assert b"[2.2 1.4] 0 d" not in real.operators


@pytest.mark.parametrize("name", ["", NAME + "所"])
def test_a_name_that_does_not_fit_the_arc_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="20"):
        impression(name, 40.0, square, specimen=False)


def test_the_drawing_is_small_has_one_red_and_is_the_same_each_time() -> None:
    drawn = impression(NAME[:8], 40.0, square, specimen=False)
    assert drawn == impression(NAME[:8], 40.0, square, specimen=False)
    assert len(drawn.operators) < 8_000
    words = drawn.operators.decode().split()
    assert words.count("q") == words.count("Q")
    colours = {tuple(words[i - 3 : i]) for i, word in enumerate(words) if word in {"rg", "RG"}}
    assert colours == {(".784", ".086", ".114")}


def test_the_picture_is_red_on_transparent_and_the_same_each_time() -> None:
    once = impression_png("Example Office", VERA, 200)
    assert once == impression_png("Example Office", VERA, 200)
    picture = Image.open(io.BytesIO(once))
    assert (picture.size, picture.mode) == ((200, 200), "RGBA")
    assert picture.getpixel((0, 0)) == (0xC8, 0x16, 0x1D, 0)
    assert picture.getpixel((3, 100)) == (0xC8, 0x16, 0x1D, 255)
    assert picture.getpixel((100, 127)) == (0xC8, 0x16, 0x1D, 0)  # the issuer's band
