"""Previews: watermarked, unsealed, without any code that could be verified (DOMAIN AI-10)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from licence_service.catalogue import Catalogue
from licence_service.digests import canonical
from licence_service.document import Printer, Sheet
from licence_service.drafting import checked_face, photo_fields
from licence_service.envelope import Reading
from licence_service.errors import NotGranted
from licence_service.fields import Face
from licence_service.licence import Act, beijing_day
from licence_service.line import host_of
from licence_service.preflight import photo_faults
from licence_service.seal.keyring import Keyring
from licence_service.store.clients import Client
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


def watermarked(printer: Printer, template: Template, face: Face, photos: Mapping[str, bytes], *, department: str, host: str, at: datetime) -> bytes:
    """Draw a checked face as a preview; it carries no identifier, no code and no check code."""
    sheet = Sheet(
        template=template, face=face, endorsements=(), elicence_id=None, version=1, copy_no=1, check_code=None, code_text=None,
        host=host, department=department, photos=photos, specimen=True, preview=True,
    )  # fmt: skip
    attachment = canonical({"format": "preview/1", "face": dict(face)})
    return printer.draw(printer.place(sheet), attachment, created_at=at.replace(microsecond=0))
