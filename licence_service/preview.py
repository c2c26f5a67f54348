"""Previews: watermarked, unsealed, without any code that could be verified (DOMAIN AI-10)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from licence_service.authority import sealer
from licence_service.catalogue import Catalogue
from licence_service.deciding import drafted, photos_of
from licence_service.digests import canonical
from licence_service.document import Printer, Sheet
from licence_service.drafting import DOCUMENTS, checked_face, photo_fields
from licence_service.envelope import Reading
from licence_service.errors import NotGranted, TransitionRefused
from licence_service.fields import Face
from licence_service.licence import Act, beijing_day
from licence_service.line import Line, host_of
from licence_service.preflight import photo_faults
from licence_service.requests import read_act
from licence_service.seal.keyring import Keyring
from licence_service.store.clients import Client
from licence_service.store.record import Record
from licence_service.template import Template


def preview(
    catalogue: Catalogue, keyring: Keyring, printer: Printer, public_url: str, caller: Client, slug: str, body: Mapping[str, Any], now: datetime
) -> bytes:
    """Draw a face as it would be printed; the same refusals as an issue, nothing written anywhere."""
    today = beijing_day(now)
    template = catalogue.in_force(slug, today)
    department = keyring.departments.get(caller.department)
    if department is None or not caller.may(Act.ISSUE, slug):
        raise NotGranted
    reading = Reading(body)
    reading.only(frozenset({"face", "photos"}))
    raw, photos = reading.mapping("face"), reading.photos()
    faults = (*reading.faults, *photo_faults(template, photos))
    face = checked_face(template, {**raw, **photo_fields(photos)}, department.name, today, before=faults)
    return watermarked(printer, template, face, photos, department=department.short_name, host=host_of(public_url), at=now)


def preview_act(line: Line, caller: Client, record: Record, body: Mapping[str, Any]) -> bytes:
    """Draw the page that an act on a licence would seal; the same refusals as the act, nothing signed, nothing written anywhere."""
    today = beijing_day(line.now())
    request = read_act(body)
    if request.act not in DOCUMENTS:
        raise TransitionRefused("this act has no document", facts={"act": request.act.value})
    draft = drafted(line, caller, record, request, today, signing=False)
    version = draft.entry.version
    if version is None:
        raise TransitionRefused("the licence has ended: the act is recorded, and has no document", facts={"act": request.act.value})
    department = sealer(line, caller, record, request.act, today)
    sheet = Sheet(
        template=draft.template, face=version.face, endorsements=line.shown(draft.entry, draft.template), elicence_id=None, version=version.version,
        copy_no=version.copy_no, check_code=None, code_text=None, host=host_of(line.public_url), department=department.short_name,
        photos=photos_of(line, draft), specimen=True, preview=True,
    )  # fmt: skip
    return _drawn(line.printer, sheet, line.now())


def watermarked(printer: Printer, template: Template, face: Face, photos: Mapping[str, bytes], *, department: str, host: str, at: datetime) -> bytes:
    """Draw a checked face as a preview; it carries no identifier, no code and no check code."""
    sheet = Sheet(
        template=template, face=face, endorsements=(), elicence_id=None, version=1, copy_no=1, check_code=None, code_text=None,
        host=host, department=department, photos=photos, specimen=True, preview=True,
    )  # fmt: skip
    return _drawn(printer, sheet, at)


def _drawn(printer: Printer, sheet: Sheet, at: datetime) -> bytes:
    attachment = canonical({"format": "preview/1", "face": dict(sheet.face)})
    return printer.draw(printer.place(sheet), attachment, created_at=at.replace(microsecond=0))
