"""Mutated pages: whatever differs from the face on the finished page stops the line before the seal (DOMAIN M10)."""

import io
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pikepdf
import pytest

from licence_service.document import Sheet, reading
from licence_service.document.agreement import agree
from licence_service.document.code import matrix
from licence_service.document.furniture import plates_of
from licence_service.document.placed import Area, Item, Placed, Run
from licence_service.errors import PageDisagrees
from licence_service.page import Page, Table, Value, placeholders
from tests.printing import ATTACHMENT, CODE, COMPANY, MADE_AT, PERSON, SKELETONS, TRIP, VEHICLE, a_file, a_sheet, catalogue, printer

SEEDS = range(8)


def refused(pdf: bytes, sheet: Sheet) -> str:
    with pytest.raises(PageDisagrees) as found:
        agree(pdf, sheet)
    return str(found.value)


def drawn(placed: Placed) -> bytes:
    return printer().draw(placed, ATTACHMENT, created_at=MADE_AT)


def with_items(placed: Placed, change: Callable[[tuple[Item, ...]], list[Item]]) -> Placed:
    first, *others = placed.pages
    return replace(placed, pages=(replace(first, items=tuple(change(first.items))), *others))


def shown_values(slug: str, sheet: Sheet) -> list[tuple[int, Value]]:
    """Return the elements of page one that show one field each, with their places."""
    elements = catalogue().editions[slug][-1].pages[0].elements
    return [
        (place, element)
        for place, element in enumerate(elements)
        if isinstance(element, Value) and len(placeholders(element.content)) == 1 and placeholders(element.content)[0] in sheet.face
    ]


def with_contents(slug: str, contents: dict[int, tuple[Value, str]]) -> tuple[Page, ...]:
    """Return the pages with other contents at the labels that were there: the mistake of a copied line."""
    fields = catalogue().editions[slug][-1].fields
    first, *others = catalogue().editions[slug][-1].pages
    elements = list(first.elements)
    for place, (element, content) in contents.items():
        own = element.label or fields[placeholders(element.content)[0]].label
        elements[place] = replace(element, label=own, content=content)
    return (replace(first, elements=tuple(elements)), *others)


@pytest.mark.parametrize("slug", SKELETONS)
@pytest.mark.parametrize("seed", SEEDS)
def test_two_fields_swapped_in_a_layout_are_caught(slug: str, seed: int) -> None:
    sheet = a_sheet(slug)
    pairs = [
        (one, other)
        for one in shown_values(slug, sheet)
        for other in shown_values(slug, sheet)
        if one[0] < other[0] and not one[1].each and not other[1].each and _differ(sheet, one[1], other[1]) and one[1].place == other[1].place
    ]
    (here, one), (there, other) = random.Random(seed).choice(pairs)
    pages = with_contents(slug, {here: (one, other.content), there: (other, one.content)})
    elements = list(pages[0].elements)
    for place in (here, there):
        element = elements[place]
        assert isinstance(element, Value)
        elements[place] = replace(element, floor=4.0)  # else a long value would be refused before it is read
    mutated = replace(sheet, template=replace(sheet.template, pages=(replace(pages[0], elements=tuple(elements)), *pages[1:])))
    assert "stands something else" in refused(drawn(printer().place(mutated)), sheet)


def _differ(sheet: Sheet, one: Value, other: Value) -> bool:
    values = [sheet.face[placeholders(element.content)[0]] for element in (one, other)]
    return values[0] != values[1]


@pytest.mark.parametrize("slug", SKELETONS)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_value_with_one_character_less_or_another_is_caught(slug: str, seed: int) -> None:
    sheet = a_sheet(slug)
    chance = random.Random(seed)

    def change(items: tuple[Item, ...]) -> list[Item]:
        songs = [(place, item) for place, item in enumerate(items) if isinstance(item, Run) and item.face.startswith("song")]
        values = [place for place, run in songs if run.fields and len(run.text) > 1]
        place = chance.choice(values)
        run = items[place]
        assert isinstance(run, Run)
        clipped = run.text[:-1] if chance.random() < 0.5 else run.text[:-1] + ("九" if run.text[-1] != "九" else "八")
        return [*items[:place], replace(run, text=clipped), *items[place + 1 :]]

    assert refused(drawn(with_items(printer().place(sheet), change)), sheet)


@pytest.mark.parametrize("slug", SKELETONS)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_value_that_was_not_drawn_is_caught(slug: str, seed: int) -> None:
    sheet = a_sheet(slug)
    names = [name for name in sheet.face if sheet.template.fields[name].printed and sheet.template.fields[name].type not in {"image", "table"}]
    name = random.Random(seed).choice(names)
    placed = printer().place(sheet)
    pages = [replace(page, items=tuple(item for item in page.items if not (isinstance(item, Run) and name in item.fields))) for page in placed.pages]
    assert refused(drawn(replace(placed, pages=tuple(pages))), sheet)


@pytest.mark.parametrize("slug", SKELETONS)
@pytest.mark.parametrize(("dx", "dy"), [(-300, 0), (400, 0), (0, 300), (0, -300)])
def test_a_value_off_the_paper_is_caught(slug: str, dx: float, dy: float) -> None:
    sheet = a_sheet(slug)

    def move(items: tuple[Item, ...]) -> list[Item]:
        place = next(place for place, item in enumerate(items) if isinstance(item, Run) and sheet.template.holder_name in item.fields)
        run = items[place]
        assert isinstance(run, Run)
        return [*items[:place], replace(run, x=run.x + dx, y=run.y + dy), *items[place + 1 :]]

    assert refused(drawn(with_items(printer().place(sheet), move)), sheet)


def test_a_value_that_reaches_over_the_frame_is_caught() -> None:
    sheet = a_sheet(COMPANY)

    def move(items: tuple[Item, ...]) -> list[Item]:
        return [replace(item, x=item.x + 155) if isinstance(item, Run) and "address" in item.fields else item for item in items]

    assert "outside" in refused(drawn(with_items(printer().place(sheet), move)), sheet)


@pytest.mark.parametrize("slug", SKELETONS)
def test_a_value_under_something_drawn_later_is_caught(slug: str) -> None:
    sheet = a_sheet(slug)

    def cover(items: tuple[Item, ...]) -> list[Item]:
        run = next(item for item in items if isinstance(item, Run) and sheet.template.holder_name in item.fields)
        return [*items, Area(run.x + run.width / 2, run.y - 3, run.width, 4, fill="#FFFFFF")]

    assert "covered" in refused(drawn(with_items(printer().place(sheet), cover)), sheet)


def test_two_texts_over_one_another_are_caught() -> None:
    sheet = a_sheet(PERSON)

    def crowd(items: tuple[Item, ...]) -> list[Item]:
        runs = [item for item in items if isinstance(item, Run)]
        target = next(run for run in runs if "employer" in run.fields)
        return [replace(item, x=target.x + 5, y=target.y) if isinstance(item, Run) and item.text == "有效期" else item for item in items]

    assert "over one another" in refused(drawn(with_items(printer().place(sheet), crowd)), sheet)


@pytest.mark.parametrize("slug", SKELETONS)
@pytest.mark.parametrize("form", ["{y}-{m:02d}-{d:02d}", "{y}年{m:02d}月{d:02d}日", "{d}/{m}/{y}", "{y}.{m}.{d}"])
def test_a_date_in_another_form_is_caught(slug: str, form: str) -> None:
    sheet = a_sheet(slug)
    year, month, day = (int(part) for part in str(sheet.face["issue_date"]).split("-"))

    def rewrite(items: tuple[Item, ...]) -> list[Item]:
        text = form.format(y=year, m=month, d=day)
        if text == f"{year}年{month}月{day}日":
            text = f"{year}年 {month}月{day}日号"
        return [replace(item, text=text) if isinstance(item, Run) and "issue_date" in item.fields else item for item in items]

    assert refused(drawn(with_items(printer().place(sheet), rewrite)), sheet)


def test_start_and_end_the_wrong_way_round_are_caught() -> None:
    sheet = a_sheet(PERSON)
    first, *others = sheet.template.pages
    elements = tuple(
        replace(element, content="{valid_to} 至 {valid_from}") if isinstance(element, Value) and element.label == "有效期" else element
        for element in first.elements
    )
    mutated = replace(sheet, template=replace(sheet.template, pages=(replace(first, elements=elements), *others)))
    assert refused(drawn(printer().place(mutated)), sheet)


def test_another_face_than_the_drawn_one_is_caught_field_by_field() -> None:
    pdf = a_file(a_sheet(TRIP))
    changes: dict[str, Any] = {
        "license_no": "5199002611000002", "permit_scope": "in_city", "valid_to": "2026-12-06", "pass_count": 2, "holder_name": "别的公司",
        "trailer_plate": "川PC124挂", "goods_name": "变压器", "total_width_m": "3.61", "route": "蜀安南站—S102—临江港", "remark": "限夜间通行",
        "signatory": "朱许", "axle_loads": "8+12+12+11×8", "print_date": "2026-11-21", "uscc": None, "axle_count": 12,
    }  # fmt: skip
    for name, value in changes.items():
        said = refused(pdf, a_sheet(TRIP, **{name: value}))
        assert name in said
        assert not isinstance(value, str) or value not in said


def test_an_endorsement_that_was_not_printed_is_caught() -> None:
    assert "annual_review" in refused(a_file(a_sheet(VEHICLE, facts=[])), a_sheet(VEHICLE))


@pytest.mark.parametrize("fact", ["date", "authority", "mileage_km", "result"])
def test_an_endorsement_printed_with_another_fact_is_caught(fact: str) -> None:
    facts = {"date": "2026-04-28", "result": "1", "next_due": "2027-04-30", "mileage_km": 182300, "authority": "蜀安市青溪区交通运输局"}
    other = {"date": "2026-04-29", "result": "2", "mileage_km": 182301, "authority": "别的机关"}
    pdf = a_file(a_sheet(VEHICLE, facts=[{"kind": "annual_review", "facts": facts}]))
    assert refused(pdf, a_sheet(VEHICLE, facts=[{"kind": "annual_review", "facts": {**facts, fact: other[fact]}}]))


@pytest.mark.parametrize("slug", SKELETONS)
def test_the_longest_and_the_emptiest_pages_agree(slug: str) -> None:
    fields = catalogue().editions[slug][-1].fields
    absent: dict[str, Any] = {name: None for name, field in fields.items() if not field.required}
    empty = a_sheet(slug, facts=[], **absent)
    agree(a_file(empty), empty)


def test_lists_that_go_on_elsewhere_agree_and_a_lost_item_is_caught() -> None:
    scope = "；".join(f"第{number}类危险货物运输（含剧毒化学品）" for number in range(1, 10))
    sheet = a_sheet(COMPANY, business_scope=scope)
    pdf = a_file(sheet)
    agree(pdf, sheet)
    assert "business_scope" in refused(pdf, a_sheet(COMPANY, business_scope=scope + "；第10类"))
    assert "business_scope" in refused(pdf, a_sheet(COMPANY, business_scope=scope.replace("第9类", "第8类")))


def test_a_name_in_several_faces_is_read_as_one_value() -> None:
    sheet = a_sheet(PERSON, person_name="王𬌗𠮷·䶮")
    agree(a_file(sheet), sheet)


def test_what_is_read_tells_labels_from_values() -> None:
    (page, _) = reading.pages(a_file(a_sheet(PERSON)))
    pieces = {piece.text.strip(): piece for piece in page.pieces}
    assert pieces["姓名"].hei
    assert not pieces["陈安途"].hei
    assert pieces["陈安途"].baseline == pytest.approx(45, abs=0.1)
    assert pieces["陈安途"].start == pytest.approx(60, abs=0.1)


def test_every_printed_kind_of_a_table_is_read_by_rows() -> None:
    tables = [element for page in catalogue().editions[PERSON][-1].pages for element in page.elements if isinstance(element, Table) and element.kinds]
    assert tables
    assert all(one.y <= other.y for one, other in pairwise(tables))


def test_a_file_without_data_has_no_attachment() -> None:
    document = pikepdf.new()
    document.add_blank_page()
    out = io.BytesIO()
    document.save(out)
    assert reading.attachment(out.getvalue()) is None
    assert reading.codes(out.getvalue()) == []


@pytest.mark.parametrize("slug", SKELETONS)
def test_a_code_is_found_on_its_plate_and_not_where_it_is_covered_or_stands_aside(slug: str) -> None:
    sheet = a_sheet(slug)
    whole = a_file(sheet)
    assert printer().read(whole, sheet)[1] == reading.codes(whole) == [CODE]
    with pikepdf.open(io.BytesIO(whole)) as document:
        seen = [printer().read(with_paper_over(whole, number), sheet)[1] for number in range(len(document.pages))]
    assert sorted(seen) == [[], *[[CODE]] * (len(seen) - 1)], "one page has the code"
    (left, top, right, bottom), *_ = plates_of(sheet.template)
    assert not reading.codes(whole, where=[(left - 60, top, right - 60, bottom), (left + 60, top, right + 60, bottom)])


@pytest.mark.parametrize("number", [0, 1])
def test_another_code_is_found_wherever_it_stands(number: int) -> None:
    sheet = a_sheet(PERSON)
    modules = [
        f"{column} {-row} 1 1 re" for row, line in enumerate(matrix("HTTPS://ELSEWHERE.EXAMPLE/Q/1")) for column, dark in enumerate(line) if dark
    ]
    with pikepdf.open(io.BytesIO(a_file(sheet))) as document:
        document.pages[number].contents_add(f"q 1 g 250 250 120 120 re f 0 g 3 0 0 3 262 350 cm {' '.join(modules)} f Q".encode())
        out = io.BytesIO()
        document.save(out)
    assert printer().read(out.getvalue(), sheet)[1] == [CODE, "HTTPS://ELSEWHERE.EXAMPLE/Q/1"]


def test_a_plate_that_a_page_does_not_reach_to_is_not_looked_for_on_it_and_one_code_counts_once_a_page() -> None:
    sheet = a_sheet(PERSON)
    whole, plates = a_file(sheet), plates_of(sheet.template)
    (left, top, right, bottom), *_ = plates
    beyond = [(290.0, 10.0, 320.0, 40.0), (10.0, 400.0, 40.0, 430.0)]  # mm: plates of a larger page of the same licence
    assert reading.codes(whole, where=[*plates, *beyond, (left - 1, top - 1, right + 1, bottom + 1)]) == [CODE]


def with_paper_over(pdf: bytes, number: int) -> bytes:
    """Return a file with white drawn over a page of it."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        document.pages[number].contents_add(b"q 1 g 0 0 2000 2000 re f Q")
        out = io.BytesIO()
        document.save(out)
    return out.getvalue()
