"""The frame, the weave and the medallion of every family on every page."""

import re
import tomllib
import zlib
from itertools import pairwise
from pathlib import Path

import pytest

from licence_service.document.artwork import SHEETS, Artwork, Family, Sheet, frame, tiles
from licence_service.document.strokes import PT, channels, number

FILES = sorted((Path(__file__).parents[2] / "templates" / "_families").glob("*.toml"))
NUMBER = r"(-?[\d.]+)"
TILE = re.compile(rf"q {' '.join([NUMBER] * 6)} cm /Tile Do Q")


def read(file: Path) -> Family:
    return Family(slug=file.stem, **tomllib.loads(file.read_text("utf-8"))["family"])


FAMILIES = [read(file) for file in FILES]
every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.slug)
every_page = pytest.mark.parametrize("page", SHEETS)


def luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(colour)]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def compressed(artwork: Artwork) -> int:
    return sum(len(zlib.compress(body)) for body in (artwork.operators, *(body for _, body in artwork.forms.values())))


def curves(body: bytes) -> list[list[list[float]]]:
    """Return each path as its operands in order: the first point, then three points a curve."""
    paths: list[list[list[float]]] = []
    for line in body.decode().splitlines():
        *operands, operator = line.removesuffix(" s").split()
        if operator == "m":
            paths.append([])
        if operator in "mc":
            paths[-1].append([float(value) for value in operands])
    return paths


def placed(artwork: Artwork) -> list[list[float]]:
    return [[float(value) for value in found] for found in TILE.findall(artwork.operators.decode())]


def sides(sheet: Sheet) -> tuple[float, float]:
    start = sheet.outer + sheet.corner
    return sheet.width - 2 * start, sheet.height - 2 * start


def test_there_are_six_families_and_no_two_look_alike() -> None:
    assert len(FAMILIES) == 6
    assert len({family.accent for family in FAMILIES}) == 6
    assert len({(f.waves, f.strands, f.phase_step, f.envelope) for f in FAMILIES}) == 6
    assert len({frame(family, "A4L", True).forms["Tile"] for family in FAMILIES}) == 6


@every_family
def test_the_accent_is_readable_on_white_and_on_its_own_line(family: Family) -> None:
    assert contrast(family.accent, "#FFFFFF") >= 9.2
    assert contrast(family.accent, family.line) >= 7


@every_family
def test_ink_and_grey_are_readable_on_a_line_and_a_line_is_seen_on_white(family: Family) -> None:
    assert contrast("#17191B", family.line) >= 13
    assert contrast("#383E44", family.line) >= 8
    assert 1.25 <= contrast(family.line, "#FFFFFF") <= 1.35


@pytest.mark.parametrize(
    ("accent", "line", "rule", "ground"),
    [("#1B4B63", "#DDE4E8", "#98AEB9", "#EFF1EC"), ("#6B380D", "#E9E1DB", "#BCA592", "#F5EFE6")],
)
def test_the_derived_colours_are_those_of_the_look(accent: str, line: str, rule: str, ground: str) -> None:
    family = Family("any", "任意", accent, 2, 3, 0.5, 0.0, 12)
    assert (family.line, family.rule, family.ground) == (line, rule, ground)


@every_family
@every_page
def test_the_weave_of_every_side_closes_exactly(family: Family, page: str) -> None:
    sheet = SHEETS[page]
    start, length = sheet.outer + sheet.corner, sheet.tile * PT
    tile_calls = placed(frame(family, page, False))
    across = {y: sorted(c[4:] + c[:1] for c in tile_calls if c[5] == y and c[1] == 0) for y in {c[5] for c in tile_calls}}
    down = {x: sorted(c[5:] + c[1:2] for c in tile_calls if c[4] == x and c[0] == 0) for x in {c[4] for c in tile_calls}}
    rows = [[(c[0], c[2]) for c in row] for row in across.values() if row]
    columns = [[(c[0], c[1]) for c in column] for column in down.values() if column]
    assert (len(rows), len(columns)) == (2, 2)
    for run, extent in [(row, sheet.width) for row in rows] + [(column, sheet.height) for column in columns]:
        assert run[0][0] == pytest.approx(start * PT, abs=0.01)
        assert run[-1][0] + run[-1][1] * length == pytest.approx((extent - start) * PT, abs=0.02)
        for (at, stretch), (following, _) in pairwise(run):
            assert at + stretch * length == pytest.approx(following, abs=0.02)


@every_page
def test_no_tile_is_stretched_by_more_than_seven_hundredths(page: str) -> None:
    for side in sides(SHEETS[page]):
        count, stretch = tiles(SHEETS[page].tile, side)
        assert count * stretch * SHEETS[page].tile == pytest.approx(side)
        assert 0.93 <= stretch <= 1.07


def test_the_sides_hold_as_many_tiles_as_the_look_says() -> None:
    counts = {page: [tiles(sheet.tile, side)[0] for side in sides(sheet)] for page, sheet in SHEETS.items()}
    assert counts == {"A4L": [10, 7], "A4P": [7, 10], "A5L": [10, 7]}


@every_family
@every_page
def test_a_tile_joins_itself_without_a_seam(family: Family, page: str) -> None:
    paths = curves(frame(family, page, False).forms["Tile"][1])
    assert len(paths) == 2 * family.strands
    for first, *rest in paths:
        assert len(rest) == 8 * family.waves
        last = rest[-1]
        assert first[0] == 0
        assert last[4] == pytest.approx(SHEETS[page].tile * PT, abs=0.01)
        assert first[1] == last[5]
        leaving = (rest[0][1] - first[1]) / (rest[0][0] - first[0])
        arriving = (last[5] - last[3]) / (last[4] - last[2])
        assert leaving == pytest.approx(arriving, abs=0.03)


@every_family
def test_a_tile_mirrors_in_both_axes(family: Family) -> None:
    length = SHEETS["A4L"].tile * PT
    nodes = {(round(c[-2], 1), round(c[-1], 1)) for path in curves(frame(family, "A4L", False).forms["Tile"][1]) for c in path}
    for x, y in nodes:
        for mirrored in ((x, -y), (length - x, y)):
            assert any(abs(mirrored[0] - a) < 0.11 and abs(mirrored[1] - b) < 0.11 for a, b in nodes)


@every_family
@every_page
def test_the_weave_stays_inside_its_band(family: Family, page: str) -> None:
    sheet = SHEETS[page]
    reach = max(abs(c[-1]) for path in curves(frame(family, page, False).forms["Tile"][1]) for c in path)
    assert reach <= sheet.amplitude * PT + 0.01
    assert reach / PT < (sheet.inner - sheet.outer) / 2


@every_family
@every_page
def test_no_form_is_cut_by_its_box(family: Family, page: str) -> None:
    for (left, bottom, right, top), body in frame(family, page, True).forms.values():
        for path in curves(body):
            for curve in path:
                assert left <= curve[-2] <= right
                assert bottom <= curve[-1] <= top


@every_family
@every_page
def test_all_artwork_stays_within_its_thirty_kilobytes(family: Family, page: str) -> None:
    assert compressed(frame(family, page, True)) <= 30_000


@every_family
@every_page
def test_drawing_twice_gives_the_same_bytes(family: Family, page: str) -> None:
    once, again = frame(family, page, True), frame.__wrapped__(family, page, True)
    assert once == again
    assert frame(family, page, True) is once


@every_family
def test_the_medallion_turns_one_strand_a_ring_and_second_pages_have_none(family: Family) -> None:
    first, second = frame(family, "A4L", True), frame(family, "A4L", False)
    turns = [first.operators.count(f"/Ring{ring} Do".encode()) for ring in range(4)]
    assert turns == [4, 8, 5, 6]
    assert [len(curves(first.forms[f"Ring{ring}"][1])) for ring in range(4)] == [1, 1, 1, 1]
    assert b"Ring" not in second.operators
    assert set(second.forms) == {"Tile", "Water", "Corner"}


@every_page
def test_a_rosette_has_the_radius_of_the_look(page: str) -> None:
    (outermost,) = curves(frame(FAMILIES[0], page, True).forms["Ring0"][1])
    reach = max((c[-2] ** 2 + c[-1] ** 2) ** 0.5 for c in outermost)
    assert reach == pytest.approx(SHEETS[page].medallion[2] * PT, abs=0.02)


@every_family
@every_page
def test_nothing_is_transparent_and_every_saved_state_is_restored(family: Family, page: str) -> None:
    words = frame(family, page, True).operators.decode().split()
    assert not {"gs", "sh", "Tj", "BI"} & set(words)
    assert words.count("q") == words.count("Q")


@every_page
def test_nothing_is_drawn_near_the_trim(page: str) -> None:
    sheet = SHEETS[page]
    assert sheet.outer == (6 if sheet.height == 148 else 9)
    rectangles = re.findall(rf"{' '.join([NUMBER] * 4)} re", frame(FAMILIES[0], page, True).operators.decode())
    for x, y, width, height in ([float(value) for value in found] for found in rectangles):
        assert min(x, y) >= sheet.outer * PT - 0.01
        assert x + width <= (sheet.width - sheet.outer) * PT + 0.02
        assert y + height <= (sheet.height - sheet.outer) * PT + 0.02


@every_page
def test_water_lines_are_clipped_and_reach_both_edges_of_the_panel(page: str) -> None:
    artwork, sheet = frame(FAMILIES[0], page, False), SHEETS[page]
    assert b"re W n" in artwork.operators
    _, _, right, _ = artwork.forms["Water"][0]
    shifts = re.findall(rf"q 1 0 0 1 {NUMBER} {NUMBER} cm /Water Do Q", artwork.operators.decode())
    assert len(shifts) == int((sheet.height - 2 * sheet.hairline) / sheet.water_pitch)
    for x, _ in shifts:
        assert float(x) <= sheet.hairline * PT + 0.01
        assert float(x) + right >= (sheet.width - sheet.hairline) * PT


def test_a_page_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="B5"):
        frame(FAMILIES[0], "B5", True)


@pytest.mark.parametrize(("value", "text"), [(0.0, "0"), (-0.001, "0"), (0.5, ".5"), (-0.25, "-.25"), (10.0, "10"), (100, "100")])
def test_numbers_are_written_short_and_never_as_a_negative_zero(value: float, text: str) -> None:
    assert number(value) == text
