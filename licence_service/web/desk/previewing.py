"""Previews at the desk: the pages as pictures, or what is still wrong; watermarked, unsealed, without a code, and nothing is left behind (AI-10)."""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from licence_service.document.reading import pngs
from licence_service.errors import Fault, Refusal
from licence_service.preview import preview, preview_act
from licence_service.store.record import Record
from licence_service.template import Template
from licence_service.web.desk import controls
from licence_service.web.desk.room import Desk
from licence_service.web.desk_words import DESK_REFUSALS

_DPI = 80.0  # to be looked at, not printed
_UNTYPED = {"number": "—", "organ": "—", "legal_basis": "—", "officer": "—"}  # of the decision: what does not stand on the page keeps nobody waiting
Drawn = tuple[list[str], Sequence[tuple[str, str, str]]]  # pages as base64 PNGs; where and what is wrong: label, words, English


def of_issue(desk: Desk, template: Template, body: Mapping[str, Any]) -> Drawn:
    """Draw what a form of issue would come to."""
    service, asked = desk.service, {"face": body["face"], "photos": body["photos"]}
    return _drawn(
        template,
        lambda: preview(
            service.catalogue, service.keyring, service.printer, service.settings.public_url, desk.caller, template.slug, asked, service.now()
        ),
    )


def of_act(desk: Desk, template: Template, record: Record, body: Mapping[str, Any]) -> Drawn:
    """Draw the page that an act would seal, with the number, the face and the endorsements that it would have."""
    said = {**body, "decision": {**_UNTYPED, **body["decision"]}}
    return _drawn(template, lambda: preview_act(desk.service.registrar.line, desk.caller, record, said))


def _drawn(template: Template, draw: Callable[[], bytes]) -> Drawn:
    try:
        return [base64.b64encode(page).decode() for page in pngs(draw(), _DPI)], ()
    except Refusal as refusal:
        if refusal.faults:
            return [], [_named(template, one) for one in refusal.faults]
        return [], [("", DESK_REFUSALS.get(refusal.slug, "无法办理"), refusal.detail)]


def _named(template: Template, fault: Fault) -> tuple[str, str, str]:
    name = fault.path.removeprefix("face.").removeprefix("photos.").partition("[")[0]
    label = template.fields[name].label if name in template.fields else ""
    (zh, en), *_ = controls.said_of([fault], fault.path)
    return label, zh, f"{name.replace('_', ' ')}: {en}"
