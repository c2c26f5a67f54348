"""Every type at its limits: whatever its fields admit is drawn and reads back as the face, or is refused naming the field.

A page that disagrees with its face (a text over another, a clipped value) would stop the line at issue; here it fails.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from licence_service.document import PrintedEndorsement, Sheet, standin
from licence_service.drafting import checked_face, photo_fields
from licence_service.errors import FaceRejected
from licence_service.fields import Field
from licence_service.template import Template
from tests.templates.conftest import SLUGS, Made

Make = Callable[[str], Made]
every_type = pytest.mark.parametrize("slug", SLUGS)
WORDS = "示例省蜀安市青溪区顺达路十八号综合楼东侧"
LATER = datetime(2026, 11, 28, tzinfo=UTC)


def filled(length: int) -> str:
    """Return that many characters."""
    return (WORDS * (length // len(WORDS) + 1))[:length]


def stretched(template: Template, face: Mapping[str, Any], share: float, rows: int) -> dict[str, Any]:
    """Return the face with every free text at a share of its limit, every list full, every table with `rows` rows."""
    found: dict[str, Any] = {}
    fixed = {template.number.field, template.issuer_field}
    for name, field in template.fields.items():
        found[name] = _stretched(field, face.get(name), share, rows) if name not in fixed else face.get(name)
    return found


def _stretched(field: Field, value: Any, share: float, rows: int) -> Any:
    if field.type == "table":
        columns = field.columns or {}
        row = {
            name: column.codes[-1] if column.codes else filled(int(column.max_length * share) or 1)
            for name, column in columns.items()
            if column.type == "string"
        }
        row |= {name: "CN20180000337" for name, column in columns.items() if column.type == "ship_id"}
        return [row] * rows
    if field.type == "multi_enum":
        return list(field.codes or {})
    if field.type in {"string", "text"} and not field.pattern and not field.listed:
        return filled(max(1, int((field.max_length or 200) * share)))
    return value


def sheet(one: Made, face: Mapping[str, Any]) -> Sheet:
    """Return the sheet of a face, with three endorsements of every printed kind of the sample."""
    service = one.world.service
    template = service.catalogue.editions[one.slug][-1]
    sample = service.catalogue.samples[one.slug]
    department = service.keyring.departments[sample.issuer]
    photos = {name: standin.person() for name in sample.photos if name in face}
    whole = checked_face(template, {**face, **photo_fields(photos)}, department.name, date(2026, 11, 28))
    kinds = service.catalogue.kinds
    shown = tuple(
        PrintedEndorsement(kinds[each["kind"]], each["facts"], department.name, date(2026, 11, 1))
        for each in sample.endorsements if each["kind"] in template.printed_kinds for _ in range(3)
    )  # fmt: skip
    return Sheet(
        template=template, face=whole, endorsements=shown, elicence_id=one.answer["elicence_id"], version=1, copy_no=1, check_code="0123456789AB",
        code_text=one.answer["verify_url"], host="licence.example.cn", department=department.short_name, photos=photos, specimen=True, preview=False,
    )  # fmt: skip


def judged(one: Made, face: Mapping[str, Any]) -> str:
    """Return `drawn` or `refused`; anything else raises."""
    printer = one.world.service.printer
    page = sheet(one, face)
    try:
        placed = printer.place(page)
    except FaceRejected as refused:
        assert {fault.code for fault in refused.faults} <= {"does-not-fit"}
        return "refused"
    printer.agree(printer.draw(placed, b"{}", created_at=LATER), page)
    return "drawn"


@every_type
def test_a_face_with_every_optional_value_absent_is_drawn(made: Make, slug: str) -> None:
    one = made(slug)
    template = one.world.service.catalogue.editions[slug][-1]
    sample = one.world.service.catalogue.samples[slug]
    needed = {name: value for name, value in sample.face.items() if template.fields[name].required}
    photos = {name: "" for name in sample.photos if template.fields[name].required}
    assert judged(one, {**needed, **photos}) == "drawn"


@every_type
@pytest.mark.parametrize(("share", "rows"), [(0.15, 3), (0.35, 12), (0.6, 40), (1.0, 80)])
def test_a_stretched_face_is_drawn_as_it_is_or_refused_naming_the_field(made: Make, slug: str, share: float, rows: int) -> None:
    one = made(slug)
    template = one.world.service.catalogue.editions[slug][-1]
    sample = one.world.service.catalogue.samples[slug]
    face = stretched(template, sample.face, share, rows)
    assert judged(one, {**face, **dict.fromkeys(sample.photos, "")}) in {"drawn", "refused"}


@every_type
def test_ordinary_lengths_fit(made: Make, slug: str) -> None:
    """A company name of 24 characters, an address of 30, a scope of 60: what real registers are full of."""
    one = made(slug)
    sample, template = one.world.service.catalogue.samples[slug], one.world.service.catalogue.editions[slug][-1]
    face = dict(sample.face)
    for name, length in (("holder_name", 24), ("address", 30), ("business_scope", 60), ("employer", 18), ("ship_owner", 20), ("goods_name", 16)):
        if name in template.fields:
            words = "；".join(filled(12) for _ in range(5)) if name == "business_scope" else filled(length)
            face[name] = words[: template.fields[name].max_length or 200]
    assert judged(one, {**face, **dict.fromkeys(sample.photos, "")}) == "drawn"
