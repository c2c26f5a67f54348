"""The press's own reader takes no page for one that says something else (DOMAIN M10)."""

import re
from dataclasses import replace

import pytest

from licence_service.document import Printer, Sheet, standin
from licence_service.document.agreement import agree
from licence_service.document.explained import Listing
from licence_service.document.press import Laid
from licence_service.document.press.calls import Calls
from licence_service.document.press.fonts_read import Unproven
from licence_service.document.press.plate_read import standing
from licence_service.document.press.proof import Reader
from licence_service.document.reading import compact
from licence_service.errors import PageDisagrees
from licence_service.page import Diagram, Table
from tests.printing import ATTACHMENT, MADE_AT
from tests.templates.conftest import SLUGS
from tests.templates.test_extremes import sheet
from tests.templates.test_press import SLOT, Make, whole


def pressed(printer: Printer, page: Sheet) -> tuple[Laid, Reader]:
    """Press a page; return its file but for the seal, and the reader of its press."""
    laid = printer.press(page, ATTACHMENT, created_at=MADE_AT, slot_bytes=SLOT)
    assert laid
    return laid, next(press._reader for press in printer.pressroom._presses.values() if press.template is page.template)


@pytest.mark.parametrize("slug", SLUGS)
def test_a_page_that_says_another_value_is_not_confirmed(made: Make, slug: str) -> None:
    one = made(slug)
    printer, template = one.world.service.printer, one.world.service.catalogue.editions[slug][-1]
    page = sheet(one, whole(one))
    laid, reader = pressed(printer, page)
    assert isinstance(reader, Reader)

    reader.confirm(laid, page, ATTACHMENT)
    for name, value in page.face.items():
        field = template.fields[name]
        if not field.printed or not isinstance(value, str) or field.type not in {"string", "text"} or field.codes:
            continue
        for other in (f"{value}甲", value[:-1], f"甲{value}", value[::-1]):
            if other and other not in value:
                with pytest.raises(Unproven):
                    reader.confirm(laid, replace(page, face={**page.face, name: other}), ATTACHMENT)


def test_a_route_with_other_stops_is_not_confirmed(made: Make) -> None:
    one = made("overweight_vehicle_permit")
    printer = one.world.service.printer
    page = sheet(one, whole(one))
    laid, reader = pressed(printer, page)
    stops = str(page.face["route"]).split("—")

    reader.confirm(laid, page, ATTACHMENT)
    for others in (stops[1:], stops[:-1], [stops[1], stops[0], *stops[2:]], [*stops, "甲"], [*stops[:-2], stops[-2] + stops[-1]]):
        with pytest.raises(Unproven):
            reader.confirm(laid, replace(page, face={**page.face, "route": "—".join(others)}), ATTACHMENT)


def test_a_diagram_with_other_loads_is_not_confirmed(made: Make) -> None:
    one = made("overweight_vehicle_permit")
    printer = one.world.service.printer
    page = sheet(one, whole(one))
    diagram = next(element for each in page.template.pages for element in each.elements if isinstance(element, Diagram))
    loads, rest = str(page.face[diagram.field]).split("+", 1)
    laid, reader = pressed(printer, page)

    reader.confirm(laid, page, ATTACHMENT)
    heavier = {diagram.field: f"{int(loads) + 1}+{rest}", diagram.mass_field: page.face[diagram.mass_field] + 1000}  # type: ignore[operator]  # a mass
    with pytest.raises(Unproven):
        reader.confirm(laid, replace(page, face={**page.face, **heavier}), ATTACHMENT)


def test_a_file_with_another_code_attachment_or_photograph_is_refused_at_once(made: Make) -> None:
    one = made("practitioner_qualification")
    printer = one.world.service.printer
    page = sheet(one, whole(one))
    laid, reader = pressed(printer, page)
    code = str(page.code_text)
    others = (
        replace(page, code_text=code[:-1] + str((int(code[-1]) + 1) % 10)),
        replace(page, photos=dict.fromkeys(page.photos, standin.person() + b"x")),
    )
    for other, attached in ((others[0], ATTACHMENT), (others[1], ATTACHMENT), (page, ATTACHMENT + b" ")):
        with pytest.raises(PageDisagrees):
            reader.confirm(laid, other, attached)


@pytest.mark.parametrize("damage", ["a length", "a place in the table", "a digit of a text", "a glyph", "an object"])
def test_a_file_that_does_not_read_as_it_was_written_is_refused_at_once(made: Make, damage: str) -> None:
    one = made("practitioner_qualification")
    printer = one.world.service.printer
    page = sheet(one, whole(one))
    laid, reader = pressed(printer, page)
    before, after = laid.before, laid.after
    if damage == "a length":
        before = before.replace(b"/Length ", b"/Length 1", 1)
    elif damage == "a place in the table":
        at = after.index(b"xref\n0 ") + 40
        after = after[:at] + after[at:].replace(b"1", b"2", 1)
    elif damage == "a digit of a text":
        at = before.index(b"> Tj")
        before = before[: at - 4] + b"ffff" + before[at:]
    elif damage == "a glyph":
        at = before.index(b"CIDFontType0C")
        at = before.index(b"\x0e", at + 400)  # the end of a charstring
        before = before[:at] + b"\x0f" + before[at + 1 :]
    else:
        before = before.replace(b" 0 obj\n", b" 1 obj\n", 1)
    with pytest.raises((PageDisagrees, Unproven)) as refused:
        reader.confirm(replace(laid, before=before, after=after), page, ATTACHMENT)
    assert isinstance(refused.value, PageDisagrees)


@pytest.mark.parametrize("name", ["P-photo", "K", "S", "Q", "A", "another page's", "twice"])
def test_a_page_that_does_not_call_what_it_must_show_is_refused_at_once(made: Make, name: str) -> None:
    one = made("practitioner_qualification")
    printer = one.world.service.printer
    page = sheet(one, whole(one))
    laid, reader = pressed(printer, page)
    plate, before = laid.plate, laid.before
    calls = [found for found in re.finditer(rb"/([-\w]+) Do", before) if found[1] != b"A"]
    within = {drawing for drawing, operators in standing(plate).items() if b"/Q" in operators}
    wanted = {"P-photo": b"P-photo", "S": b"S32000"}.get(name, b"A")

    reader.confirm(laid, page, ATTACHMENT)
    if name == "Q":
        found = next(one for one in calls if one[1] in within)
    elif name in {"K", "another page's", "twice"}:
        found = next(one for one in calls if one[1].startswith(b"K") and one[1] not in within)
    else:
        found = next(re.finditer(rb"/%b Do" % wanted, before))
    other = b" " * len(found[0])
    if name == "another page's":
        other = next(one[0] for one in calls if len(one[0]) == len(other) and one[1] not in {each[1] for each in calls[: calls.index(found) + 9]})
    elif name == "twice":
        other = calls[calls.index(found) + 1][0]
    assert len(other) == len(found[0])
    spoilt = replace(laid, before=before[: found.start()] + other + before[found.end() :])
    with pytest.raises(PageDisagrees):
        reader.confirm(spoilt, page, ATTACHMENT)


def test_a_plate_that_lacks_what_its_edition_wants_is_refused(made: Make) -> None:
    one = made("practitioner_qualification")
    printer = one.world.service.printer
    page = sheet(one, whole(one))
    laid = printer.press(page, ATTACHMENT, created_at=MADE_AT, slot_bytes=SLOT)
    assert laid
    plate, called = laid.plate, re.compile(rb"/(?:Q\d+|S\d+) \d+ 0 R")
    (code, *seals) = sorted({found[0] for found in called.finditer(plate.prefix)})
    assert seals

    Calls(plate, page.template)
    for gone in (code, *seals):
        with pytest.raises(Unproven, match="a plate without"):
            Calls(replace(plate, prefix=plate.prefix.replace(gone, b" " * len(gone))), page.template)
    another = plate.prefix.replace(b"/P-photo %d " % plate.filled["P-photo"], b"/P-photo %d " % plate.filled["symbol"])
    with pytest.raises(Unproven, match="another meaning"):
        Calls(replace(plate, prefix=another), page.template)
    filled = {name.replace("P-photo", "P-other"): number for name, number in plate.filled.items()}
    nothing = replace(plate, filled=filled, prefix=plate.prefix.replace(b"/P-photo ", b"/P-other "))
    with pytest.raises(Unproven, match="that no page calls"):
        Calls(nothing, page.template).confirm((), page.photos)


@pytest.mark.parametrize("slug", ["practitioner_qualification", "road_transport_business_permit"])
def test_a_cell_or_a_head_that_stands_elsewhere_as_well_is_missed_by_both_readers(made: Make, slug: str) -> None:
    """Of endorsements that say the same, each must stand, below a head on every page; their samples have three such."""
    one = made(slug)
    printer = one.world.service.printer
    page = sheet(one, whole(one))
    laid = printer.press(page, ATTACHMENT, created_at=MADE_AT, slot_bytes=SLOT)
    assert laid
    press = next(press for press in printer.pressroom._presses.values() if press.template is page.template)
    rows = [row for _, row in Listing(page.template).rows(page)]
    twice = {cell for row in rows for cell in row if rows.count(row) > 1}
    heads = {column.title for each in page.template.pages for table in each.elements if isinstance(table, Table) for column in table.columns}
    beside_the_seal = {"签注日期", *(compact(each.accepted_by) for each in page.endorsements)}
    assert twice

    press._reader.confirm(laid, page, ATTACHMENT)
    agree(laid.sealed(b"0" * SLOT).content, page)
    blanked: list[str] = []
    for found in re.finditer(rb"BT /[CV]\d [^<]* Tm <([0-9a-f]+)> Tj ET", laid.before):
        said = compact(bytes.fromhex(found[1].decode()).decode("utf-16-be"))
        if said not in (twice | heads) - beside_the_seal:
            continue
        blanked.append(said)
        spoilt = replace(laid, before=laid.before[: found.start()] + b" " * len(found[0]) + laid.before[found.end() :])
        with pytest.raises(Unproven):
            press._reader.confirm(spoilt, page, ATTACHMENT)
        with pytest.raises(PageDisagrees):
            agree(spoilt.sealed(b"0" * SLOT).content, page)
    assert set(blanked) >= twice - beside_the_seal
    assert not heads.isdisjoint(blanked)
