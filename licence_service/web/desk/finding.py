"""Finding and reading at the desk: a licence of the department, what its holder sees, its history, its copies. Every reading is logged (AU-06)."""

import base64
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from licence_service.document.reading import pngs
from licence_service.duties import Right
from licence_service.errors import NotGranted, NotInRegister
from licence_service.fields import Asker
from licence_service.history.words import FLAGS, STATES, VERSION_STATES
from licence_service.history.words import REASONS as MADE
from licence_service.history.words import said as in_words
from licence_service.licence import Licence, LicenceState, beijing_day
from licence_service.store.clients import READ
from licence_service.store.record import Record
from licence_service.store.searching import Criteria
from licence_service.view import view_of
from licence_service.web import history, history_page, pages
from licence_service.web.desk.acting import act_words, acts_on
from licence_service.web.desk.room import HOME, Desk, TheForm, having, in_beijing
from licence_service.web.issuing import LicenceId, Number, sealed_file
from licence_service.web.sent import Sent

router = APIRouter(prefix=HOME, include_in_schema=False)
Reader = Annotated[Desk, Depends(having(Right.FIND))]
Copier = Annotated[Desk, Depends(having(Right.COPY))]
MOST_FOUND = 30
_SEEN_DPI, _PRINT_DPI = 80.0, 150.0


@router.get("/licences")
def ask(desk: Reader) -> Response:
    """Show where a licence is asked for."""
    return desk.page("find.html", found=None)


@router.post("/find")
def find(desk: Reader, form: TheForm) -> Response:
    """Find licences of the department, or the office, by number, holder, identifier or case; the value comes in the body, and is nowhere kept."""
    found = list(_found(desk, form))
    desk.log("searched", desk.person.department)
    return desk.page("find.html", found=[_summary(desk, one) for one in found])


def _found(desk: Desk, form: Sent) -> Iterator[Record]:
    service, caller, value = desk.service, desk.caller, form.text("value", 200)
    if not value.isprintable():  # no number is; PostgreSQL takes no NUL
        return
    today, seen = beijing_day(service.now()), set[str]()
    types = [slug for slug in service.catalogue.slugs if caller.may(READ, slug)]
    for licence_id in _named(desk, value) if value else ():
        if licence_id not in seen and (record := desk.visible(licence_id)):
            seen.add(licence_id)
            yield record
    for name in ("number", "holder") if value else ():
        page, _ = service.searching.page(
            Criteria(caller.department, types, (name, value), offices=caller.offices), today, after=None, limit=MOST_FOUND
        )
        for record in page:
            if record.licence_id not in seen:
                seen.add(record.licence_id)
                yield record


def _named(desk: Desk, value: str) -> list[str]:
    """Return the ids that a value may mean: an id, an identifier after GB/T 36904, a case.

    As many where the identifier is another's as where it is nobody's: each is asked for, and the time that takes tells nothing.
    """
    identified = desk.service.book.by_elicence_id(value)
    cases = desk.service.cases.cases.of(desk.person.department, value, desk.person.offices)
    return [value.upper(), identified[0] if identified else value.upper(), *(one.licence_id for one in cases)]


def _summary(desk: Desk, record: Record) -> dict[str, Any]:
    licence = record.at(beijing_day(desk.service.now()))
    template = desk.service.catalogue.edition(record.type, licence.current.edition)
    face = licence.current.face
    return {
        "licence_id": record.licence_id, "title": template.title, "number": face.get(template.number.field), "holder": face.get(template.holder_name),
        "state": STATES[licence.state], "valid_to": licence.valid_to, "good": licence.state.value == "in_force",
    }  # fmt: skip


@router.get("/licences/{licence_id}")
def read(desk: Reader, licence_id: LicenceId) -> Response:
    """Show a licence as its department may see it, beside the document that its holder has, with the acts that the table allows today."""
    service, record = desk.service, desk.service.registrar.visible(desk.caller, licence_id)
    desk.log("opened", licence_id)
    licence = record.at(beijing_day(service.now()))
    template = service.catalogue.edition(record.type, licence.current.edition)
    department = service.keyring.department_of(licence.issuer or record.department)
    views = {
        asker.value: view_of(licence, template, service.catalogue.kinds, department, record.type, licence.current.version, asker)
        for asker in (Asker.CLERK, Asker.HOLDER)
    }
    acts = acts_on(desk, record, licence) if desk.may(Right.ENTER) else []
    return desk.page(
        "licence.html", licence=views["clerk"], holder_sees=[one["name"] for one in views["holder"]["face"]], state=STATES[licence.state],
        flags=[in_words(FLAGS, one) for one in sorted(licence.flags)], band=history_page.BANDS.get(licence.state.value, "not_valid"),
        versions=_versions(licence), acts=[(act.value, *act_words(act)) for act in acts], pages=_pictures(desk, licence, _SEEN_DPI),
        copies=service.desk_log.newest(desk.person.department, subject=licence_id, copies=True), in_beijing=in_beijing, named=service.people.named,
    )  # fmt: skip


def _versions(licence: Licence) -> list[dict[str, Any]]:
    return [
        {
            "version": one.version, "reason": in_words(MADE, one.reason), "state": in_words(VERSION_STATES, licence.version_state(one)),
            "issued_on": one.issued_on, "elicence_id": one.elicence_id,
        }
        for one in reversed(licence.versions)
    ]  # fmt: skip


def _pictures(desk: Desk, licence: Licence, dpi: float) -> list[str]:
    """Return the pages of the current document as base64 PNGs; none of one that was sealed elsewhere, whose file is shown to nobody's eyes but a reader's."""
    if licence.current.seal_id == "adopted":
        return []
    return [base64.b64encode(page).decode() for page in pngs(desk.service.archive.get(licence.current.document.sha256), dpi)]


@router.get("/licences/{licence_id}/history")
def past(desk: Reader, licence_id: LicenceId) -> Response:
    """Show every entry in words."""
    service, record = desk.service, desk.service.registrar.visible(desk.caller, licence_id)
    desk.log("history", licence_id)
    now = service.now()
    told = history.told(service, record, beijing_day(now), history.all_of(record, now), Asker.CLERK)
    return pages.page("history.html", frame="desk/desk.html", back=f"{HOME}/licences/{licence_id}", **desk.around, **history_page.values(told))


@router.get("/licences/{licence_id}/versions/{number}/document")
def document(desk: Reader, licence_id: LicenceId, number: Number) -> Response:
    """Give a sealed document out."""
    record = desk.service.registrar.visible(desk.caller, licence_id)
    licence = record.at(beijing_day(desk.service.now()))
    version = next((one for one in licence.versions if one.version == number), None)
    if version is None:
        raise NotInRegister
    desk.log("document", licence_id)
    return sealed_file(desk.service, version.document.sha256, licence_id, number, current=version is licence.current)


@router.post("/licences/{licence_id}/copies")
def copy(desk: Copier, _form: TheForm, licence_id: LicenceId) -> Response:
    """Show the pages to print as a copy: its number was written down first, so that no printed copy is without a line in the log."""
    service, record = desk.service, desk.service.registrar.visible(desk.caller, licence_id)
    licence = record.at(beijing_day(service.now()))
    pictures = _pictures(desk, licence, _PRINT_DPI)
    if not pictures:
        raise NotGranted("a document that was sealed elsewhere is printed from its own file")
    now = service.now()
    number = service.desk_log.copy(desk.person, licence_id, now)
    state = None if licence.state is LicenceState.IN_FORCE else STATES[licence.state]  # on paper nobody else says that it is no longer in force
    return desk.page(
        "copy.html", pages=pictures, number=number, licence_id=licence_id, version=licence.current.version, at=in_beijing(now), state=state
    )
