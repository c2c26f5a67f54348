"""Sheets to print: the four skeletons of LOOK §8 with their samples, valid by default, one thing changed per test."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from licence_service.catalogue import Catalogue, read_catalogue
from licence_service.document import Fonts, PrintedEndorsement, Printer, Sheet, standin
from licence_service.fields import check_face, check_facts
from licence_service.page import Element, Page
from licence_service.settings import Settings

TEMPLATES = Path(__file__).parents[1] / "templates"
COMPANY, PERSON, VEHICLE, TRIP = (
    "road_transport_business_permit",
    "practitioner_qualification",
    "road_transport_certificate",
    "overweight_vehicle_permit",
)
SKELETONS = (COMPANY, PERSON, VEHICLE, TRIP)
MADE_AT = datetime(2026, 11, 28, 1, 30, tzinfo=UTC)
IDENTIFIER = "1.2.156.3005.2.11100000000019713D071.11519900MB9900021Q.7K2M9QZX4T1BVN83HDRW.001.Q"
CODE = "HTTPS://LICENCE.EXAMPLE.GOV.CN/V/" + "31415926535897932384" * 20
DIGEST = "sha256:" + "0" * 64
ATTACHMENT = '{"face":{"person_name":"陈安途"}}'.encode()


@cache
def catalogue() -> Catalogue:
    """Read the four types alone, so that a fault in another type fails that type's tests and not these."""
    with tempfile.TemporaryDirectory() as folder:
        shared = [path.name for path in TEMPLATES.glob("_*") if path.name != "_rules"]  # rule packs name types that are not here
        for name in (*SKELETONS, *shared):
            shutil.copytree(TEMPLATES / name, Path(folder) / name)
        return read_catalogue(Path(folder))


@cache
def fonts() -> Fonts:
    """Return the faces that `licence-service fonts build` prepared."""
    return Fonts.load(Settings().fonts.expanduser())


@cache
def printer() -> Printer:
    """Return a printer with all families."""
    return Printer(fonts(), catalogue().families)


def a_sheet(slug: str = PERSON, *, facts: Sequence[Mapping[str, Any]] | None = None, pages: tuple[Page, ...] = (), **changes: Any) -> Sheet:
    """Return the sample of a type as a sheet; `changes` with names of fields change the face, None leaves a field out."""
    template = catalogue().editions[slug][-1]
    sample = catalogue().samples[slug]
    face = {**sample.face, **dict.fromkeys(sample.photos, DIGEST)}
    face |= {name: value for name, value in changes.items() if name in template.fields}
    canonical, faults = check_face(template.fields, {name: value for name, value in face.items() if value is not None})
    assert not faults
    given: dict[str, Any] = {
        "template": replace(template, pages=pages) if pages else template,
        "face": canonical,
        "endorsements": tuple(an_endorsement(each, str(canonical["issuer_name"])) for each in (sample.endorsements if facts is None else facts)),
        "elicence_id": IDENTIFIER,
        "version": 1,
        "copy_no": 1,
        "check_code": "AQ1JAVXAT2HK",
        "code_text": CODE,
        "host": "licence.example.gov.cn",
        "department": str(canonical["issuer_name"]),
        "photos": {name: standin.person() for name in sample.photos if name in canonical},
        "specimen": False,
        "preview": False,
    }
    return Sheet(**(given | {name: value for name, value in changes.items() if name not in template.fields}))


def an_endorsement(given: Mapping[str, Any], accepted_by: str) -> PrintedEndorsement:
    """Return one endorsement as a sample gives it: `kind` and `facts`."""
    kind = catalogue().kinds[given["kind"]]
    facts, faults = check_facts(kind.facts, given["facts"])
    assert not faults
    return PrintedEndorsement(kind, facts, accepted_by, date.fromisoformat(str(facts[kind.date_field])))


def a_file(sheet: Sheet | None = None) -> bytes:
    """Return a sheet as a finished file."""
    return printer().draw(printer().place(sheet or a_sheet()), ATTACHMENT, created_at=MADE_AT)


def changed(slug: str, number: int, change: dict[int, Element | None]) -> tuple[Page, ...]:
    """Return a type's pages with elements of one page replaced, or taken out where None is given."""
    pages = list(catalogue().editions[slug][-1].pages)
    elements = [change.get(place, element) for place, element in enumerate(pages[number].elements)]
    pages[number] = replace(pages[number], elements=tuple(element for element in elements if element is not None))
    return tuple(pages)
