import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from licence_service import page
from licence_service.document.artwork import SHEETS
from licence_service.document.axles import loads
from licence_service.document.placed import Photo, Placed, Run, Stamp, Symbol
from licence_service.document.setting import fit, wrap
from licence_service.document.styles import STYLES, Type
from licence_service.errors import FaceRejected, Fault
from licence_service.page import Page, Text, Value
from tests.builders import a_field
from tests.printing import COMPANY, PERSON, SKELETONS, TRIP, VEHICLE, a_sheet, catalogue, fonts, printer

SCOPE = (
    "道路普通货物运输；货物专用运输（冷藏保鲜设备）；货物专用运输（集装箱）；大型物件运输（四类）；货物专用运输（罐式容器）；大型物件运输（三类）；"
    "危险货物运输（第3类）（剧毒化学品除外）；危险货物运输（第8类）；道路旅客运输（市际包车客运）；货运站场经营（综合物流）"
)
LONG_NAME = "蜀安市青溪区顺途长达综合物流供应链管理服务有限责任公司临江港分公司"
LONG_ADDRESS = "示例省蜀安市青溪区临江港经济开发区物流园北区三期顺达路与和平大道交叉口东北角18号综合楼B座1206室"


def texts(placed: Placed, number: int = 0) -> list[str]:
    return [item.text for item in placed.pages[number].items if isinstance(item, Run)]


def runs_of(placed: Placed, field: str, number: int = 0) -> list[Run]:
    return [item for item in placed.pages[number].items if isinstance(item, Run) and field in item.fields]


def faults_of(slug: str, **changes: Any) -> tuple[Fault, ...]:
    with pytest.raises(FaceRejected) as refused:
        printer().place(a_sheet(slug, **changes))
    return refused.value.faults


def reviews(count: int) -> list[dict[str, object]]:
    facts = {"result": "1", "next_due": "2027-04-30", "mileage_km": 1000, "authority": "蜀安市青溪区交通运输局"}
    return [{"kind": "annual_review", "facts": {**facts, "date": f"2026-01-{day:02d}"}} for day in range(1, count + 1)]


@pytest.mark.parametrize("slug", SKELETONS)
def test_every_text_of_a_sample_stands_inside_the_panel(slug: str) -> None:
    for drawn in printer().place(a_sheet(slug)).pages:
        inner = next(sheet.hairline for sheet in SHEETS.values() if (sheet.width, sheet.height) == (drawn.width, drawn.height))
        for run in (item for item in drawn.items if isinstance(item, Run) and item.colour != "#FFFFFF"):
            assert inner < run.x
            assert run.x + run.width < drawn.width - inner
            assert inner < run.y < drawn.height - inner


@pytest.mark.parametrize("slug", SKELETONS)
def test_the_same_sheet_gives_the_same_pages(slug: str) -> None:
    assert printer().place(a_sheet(slug)) == printer().place(a_sheet(slug))


def test_texts_come_in_reading_order() -> None:
    said = texts(printer().place(a_sheet(COMPANY)))
    order = ("道路运输 · 经营许可", "道路运输经营许可证", "川交运管许可蜀字 519902000101 号", "业户名称", "地址", "核发机关", "扫码核验", "证照标识")
    places = [said.index(words) for words in order]
    assert places == sorted(places)


def test_an_empty_optional_value_is_a_dash_and_an_open_end_says_so() -> None:
    placed = printer().place(a_sheet(VEHICLE, remark=None, valid_to=None))
    assert [run.text for run in runs_of(placed, "remark")] == ["—"]
    assert [run.text for run in runs_of(placed, "valid_to")] == ["长期"]


def test_a_long_value_shrinks_by_half_points_before_it_wraps() -> None:
    (run,) = runs_of(printer().place(a_sheet(COMPANY, holder_name=LONG_NAME)), "holder_name")
    assert 13 <= run.size < 19
    assert run.size * 2 % 1 == 0


def test_a_value_of_two_lines_brings_the_long_form_of_the_page() -> None:
    placed = printer().place(a_sheet(COMPANY, address=LONG_ADDRESS))
    first, second = runs_of(placed, "address")
    (holder,) = runs_of(placed, "holder_name")
    assert holder.y == 85
    assert first.y < second.y
    assert first.text + second.text == LONG_ADDRESS
    assert max(run.y for run in runs_of(placed, "valid_to")) < 142


def test_more_lines_than_the_page_has_room_for_are_refused_by_name() -> None:
    faults = faults_of(COMPANY, address=LONG_ADDRESS, holder_name=LONG_NAME + LONG_NAME, business_scope=SCOPE)
    assert {(fault.path, fault.code) for fault in faults} == {
        (f"face.{name}", "does-not-fit") for name in ("address", "holder_name", "business_scope")
    }


def test_a_text_that_fits_nowhere_is_refused_and_never_cut() -> None:
    (fault,) = faults_of(PERSON, address="长" * 190)
    assert (fault.path, fault.code) == ("face.address", "does-not-fit")
    assert "长长" not in fault.message


def test_a_character_without_a_glyph_is_refused_naming_field_and_code_point() -> None:
    faults = faults_of(PERSON, person_name="王\U0003134a", employer="甲\U00030001公司")
    assert {(fault.path, fault.code) for fault in faults} == {("face.person_name", "no-glyph"), ("face.employer", "no-glyph")}
    assert all(re.search(r"U\+(3134A|30001)\b", fault.message) for fault in faults)
    assert all("\U0003134a" not in fault.message for fault in faults)


def test_every_fault_is_named_at_once() -> None:
    codes = [fault.code for fault in faults_of(PERSON, person_name="王\U0003134a", address="长" * 190)]
    assert sorted(codes) == ["does-not-fit", "no-glyph"]


def test_a_missing_required_photograph_is_refused() -> None:
    (fault,) = faults_of(PERSON, photos={})
    assert (fault.path, fault.code) == ("photos.photo", "missing")


def test_an_absent_optional_photograph_leaves_a_frame_that_says_so() -> None:
    placed = printer().place(a_sheet(VEHICLE, vehicle_photo=None, photos={}))
    assert "无照片" in texts(placed)
    assert not [item for item in placed.pages[0].items if isinstance(item, Photo)]


def test_a_scope_too_long_shows_whole_items_and_the_others_go_on_with_the_next_number() -> None:
    placed = printer().place(a_sheet(COMPANY, business_scope=SCOPE))
    shown = "".join(run.text for run in runs_of(placed, "business_scope"))
    match = re.fullmatch(r"(.*)；其余 (\d+) 项见副本第 2 页", shown)
    assert match
    there = match[1].split("；")
    assert there == SCOPE.split("；")[: len(there)]
    rest = [run.text for run in runs_of(placed, "business_scope", 1)]
    assert rest[0] == str(len(there) + 1)
    assert rest[1::2] == SCOPE.split("；")[len(there) :]
    assert len(rest[1::2]) == int(match[2])


def test_three_categories_stand_on_the_face_and_the_rest_on_page_two() -> None:
    placed = printer().place(a_sheet(PERSON, qualification_categories=["01001", "02001", "03001", "03002", "03003"]))
    lines = runs_of(placed, "qualification_categories")
    assert len(lines) == 3
    assert lines[1].y - lines[0].y == pytest.approx(5.625)
    assert "其余 2 项见副页第 2 页" in texts(placed)
    assert "道路危险货物运输押运人员" in texts(placed, 1)


def test_further_categories_push_the_rows_below() -> None:
    one, two = (printer().place(a_sheet(PERSON, qualification_categories=codes)) for codes in (["01001"], ["01001", "02001"]))
    assert runs_of(two, "archive_no")[0].y - runs_of(one, "archive_no")[0].y == pytest.approx(5.625)
    assert runs_of(two, "person_name")[0].y == runs_of(one, "person_name")[0].y


def test_many_rows_go_on_further_pages_which_are_numbered() -> None:
    placed = printer().place(a_sheet(VEHICLE, facts=reviews(9)))
    total = len(placed.pages)
    assert total > 2
    for number in range(total):
        assert any(f"第 {number + 1} 页，共 {total} 页" in words for words in texts(placed, number))
    dates = [words for number in range(total) for words in texts(placed, number) if words.startswith("2026-01-")]
    assert dates == [f"2026-01-{day:02d}" for day in range(1, 10)]


@pytest.mark.parametrize("count", [0, 1, 4, 9])
def test_every_table_ends_with_the_closing_row_and_clear_of_the_seal(count: int) -> None:
    """A table that goes on says so; only its last page says that nothing follows."""
    pages = printer().place(a_sheet(VEHICLE, facts=reviews(count))).pages[1:]
    for drawn in pages:
        closing = [item for item in drawn.items if isinstance(item, Run) and item.text in {"以下空白", "接下页"}]
        assert drawn is not pages[-1] or all(run.text == "以下空白" for run in closing)
        (stamp,) = [item for item in drawn.items if isinstance(item, Stamp)]
        assert closing
        assert max(run.y for run in closing) < stamp.y - stamp.impression.diameter_mm / 2


def test_endorsements_stand_oldest_first_with_iso_dates() -> None:
    facts = list(reversed(reviews(3)))
    dates = [words for words in texts(printer().place(a_sheet(VEHICLE, facts=facts)), 1) if words.startswith("2026-01")]
    assert dates == ["2026-01-01", "2026-01-02", "2026-01-03"]


def test_a_route_stands_stop_by_stop_and_goes_on_beyond_five() -> None:
    stops = [f"第{number}站" for number in range(1, 9)]
    placed = printer().place(a_sheet(TRIP, route="—".join(stops)))
    here = [run.text for run in runs_of(placed, "route")]
    assert here == [part for number, stop in enumerate(stops[:5], 1) for part in (str(number), stop, "起点" if number == 1 else "途经")]
    assert "其余 3 项见附页第 2 页" in texts(placed)
    assert texts(placed, 1).count("终点") == 1


def test_a_permit_without_a_rest_has_one_page() -> None:
    assert len(printer().place(a_sheet(TRIP)).pages) == 1


@pytest.mark.parametrize(
    ("text", "mass", "expected"),
    [
        ("8+12+12+11×8（吨）", 120000, [8, 12, 12] + [11] * 8),
        ("8.5+11.5", 20000, [8.5, 11.5]),
        ("8+12", 21000, None),
        ("11轴线液压平板车", 120000, None),
        ("", 0, None),
    ],
)
def test_axle_loads_are_drawn_only_where_they_parse_and_add_up(text: str, mass: int, expected: list[float] | None) -> None:
    found = loads(text, mass)
    assert (found and [float(load) for load in found]) == expected


def test_the_text_of_the_axle_loads_stands_as_given_in_any_case() -> None:
    placed = printer().place(a_sheet(TRIP, axle_loads="11轴线液压平板车"))
    assert [run.text for run in runs_of(placed, "axle_loads")] == ["11轴线液压平板车"]


@pytest.mark.parametrize("slug", SKELETONS)
def test_a_preview_has_the_specimen_marks_and_no_codes(slug: str) -> None:
    placed = printer().place(a_sheet(slug, preview=True, elicence_id=None, check_code=None, code_text=None))
    for number, drawn in enumerate(placed.pages):
        assert "样本 SPECIMEN　不具法律效力" in texts(placed, number)
        assert not [item for item in drawn.items if isinstance(item, Symbol)]
    assert not [words for words in texts(placed) if words.startswith("AQ1J")]


def test_a_specimen_has_all_four_marks_and_a_live_licence_none() -> None:
    specimen, live = (printer().place(a_sheet(COMPANY, specimen=mark)) for mark in (True, False))
    assert "样本 SPECIMEN　不具法律效力" in texts(specimen)
    assert [type(item).__name__ for item in specimen.pages[0].items].count("Letters") == 2
    seals = [next(item for item in placed.pages[0].items if isinstance(item, Stamp)) for placed in (specimen, live)]
    assert "".join(glyph.char for glyph in seals[0].impression.glyphs).endswith("样本无效")
    assert "".join(glyph.char for glyph in seals[1].impression.glyphs).endswith("电子证照专用章")
    assert "样本 SPECIMEN　不具法律效力" not in texts(live)


def test_the_issuer_line_ends_on_the_margin_over_the_seal() -> None:
    drawn = printer().place(a_sheet(COMPANY)).pages[0]
    (line,) = [item for item in drawn.items if isinstance(item, Run) and "issuer_name" in item.fields]
    assert line.x + line.width == pytest.approx(257, abs=0.01)


def test_a_department_without_a_short_name_is_refused() -> None:
    (fault,) = faults_of(COMPANY, department="局" * 21)
    assert (fault.path, fault.code) == ("department.name", "does-not-fit")


VALUE = Type("song-600", 16, 12)


def lines_of(text: str, room: float) -> Iterable[str]:
    found = wrap(fonts(), VALUE, text, room, 12)
    assert found
    return found


@pytest.mark.parametrize("room", [20, 24, 28, 33, 41])
def test_no_line_begins_or_ends_with_the_wrong_mark(room: float) -> None:
    lines = lines_of("甲乙丙（丁戊），己庚《辛壬》；癸「子丑」：寅、卯。辰巳（午未）申酉", room)
    assert "".join(lines) == "甲乙丙（丁戊），己庚《辛壬》；癸「子丑」：寅、卯。辰巳（午未）申酉"
    for line in lines:
        assert line[0] not in "，。；：、）》」"
        assert line[-1] not in "（《「"


@pytest.mark.parametrize("room", [40, 52, 64])
def test_numbers_and_latin_words_stay_whole(room: float) -> None:
    lines = lines_of("顺达路1234号A座Building室内编号91519902MA99", room)
    for whole in ("1234", "Building", "91519902MA99"):
        assert any(whole in line for line in lines)


def test_what_cannot_be_broken_does_not_fit() -> None:
    assert fit(fonts(), VALUE, "A" * 40, 30, lines=2) is None


def test_no_style_is_below_the_floors_of_the_type_table() -> None:
    for size, rows in STYLES.items():
        for name, row in rows.items():
            assert row.floor <= row.size, (size, name)
            assert row.floor >= 5.6, (size, name)


FIELDS = {"name": a_field(label="姓名"), "from": a_field("date", label="有效期起"), "to": a_field("date", label="有效期止")}


def problems(*elements: dict[str, object], **page_keys: object) -> list[str]:
    pages = (TypeAdapter(Page).validate_python({"part": "主页", "elements": elements, **page_keys}),)
    return page.check(pages, {name: replace(field, printed=False) for name, field in FIELDS.items()}, {})


@pytest.mark.parametrize("content", ["{}", "{nobody}", "{name.upper}", "{name[0]}", "{name!r}", "{name:>5}", "{", "姓名}", "{0}", "{$nothing}"])
def test_a_placeholder_that_names_no_field_is_an_error_when_loading(content: str) -> None:
    assert problems({"kind": "text", "x": 10, "y": 10, "content": content})
    assert not problems({"kind": "text", "x": 10, "y": 10, "content": "{name} {to:iso} {$page}"})


def test_a_label_may_not_stand_for_another_field() -> None:
    value = {"kind": "field", "x": 10, "to": 50, "y": 10, "content": "{name}"}
    assert not problems(value)
    assert problems({**value, "label": "有效期起"})
    assert not problems({**value, "label": "有效期", "content": "{from} 至 {to}"})
    assert problems({**value, "label": "有效期", "content": "{to} 至 {from}"})


def test_a_printed_field_that_stands_nowhere_is_an_error() -> None:
    assert page.check((Page(part="主页"),), {"name": a_field(label="姓名")}, {}) == ["the printed field 'name' stands on no page"]


def test_unknown_kinds_and_keys_are_errors() -> None:
    with pytest.raises(ValidationError):
        problems({"kind": "script", "x": 1, "y": 1})
    with pytest.raises(ValidationError):
        problems({"kind": "text", "x": 1, "y": 1, "content": "", "opacity": 0.5})


def test_a_row_needs_rows_and_an_element_its_paper() -> None:
    assert problems({"kind": "text", "x": 10, "row": 2, "content": "字"})
    assert problems({"kind": "text", "x": 250, "y": 20, "content": "字"}, size="A5")


def test_an_unknown_block_is_named() -> None:
    family = catalogue().families["company"]
    pages = page.assembled((Page(part="主页", before=("nowhere",)),), family)
    assert any("nowhere" in problem for problem in page.check(pages, {}, {}))


def test_printed_kinds_are_those_that_tables_name() -> None:
    assert page.printed_kinds(catalogue().editions[VEHICLE][-1].pages) == {"annual_review", "technical_grade"}
    assert page.printed_kinds(catalogue().editions[TRIP][-1].pages) == frozenset()


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("有效期", ("from", "to")), ("有效期起", ("from",)), ("姓名", ("name",)), ("姓名（中文）", ("name",)), ("别的", ()), ("", ()),
    ],
)  # fmt: skip
def test_a_label_tells_whose_value_must_stand_there(label: str, expected: tuple[str, ...]) -> None:
    assert page.fields_of(label, FIELDS) == expected


def test_several_labels_join_in_one() -> None:
    sides = {name: a_field(label=f"车辆{side}（毫米）") for name, side in (("l", "长"), ("w", "宽"), ("h", "高"))}
    assert page.fields_of("车辆长×宽×高（毫米）", sides) == ("l", "w", "h")


def test_elements_are_of_a_closed_list() -> None:
    assert {element.__name__ for element in (Text, Value)} <= {kind.__name__ for kind in page.Element.__args__[0].__args__}
