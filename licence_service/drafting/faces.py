"""The face of a new version: checked whole against the template, every fault named."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from licence_service.digests import sha256
from licence_service.errors import FaceRejected, Fault
from licence_service.fields import Face, check_face
from licence_service.template import Template


def checked_face(
    template: Template, raw: Mapping[str, Any], organ: str, today: date, *, before: tuple[Fault, ...] = (), any_term: bool = False, kept: bool = False
) -> Face:
    """Return the canonical face of a request; `FaceRejected` names every fault, those found `before` included.

    The issuer may be left out and is filled in; a computed end date too. `any_term` is for a decision that names the last day itself. `kept`: the paper is
    older than these rules, so that its issuer, its term and the form of its number stay as they are (ST-01; RULINGS, "identifier pattern").
    """
    given = {template.issuer_field: organ, **{name: value for name, value in raw.items() if value not in (None, "")}}
    whole = given if kept else template.with_term(given)
    face, faults = check_face(template.fields, whole, today=today)
    faults += () if any_term or kept else template.term_faults(face)
    if not kept and face.get(template.issuer_field, organ) != organ:
        faults += (Fault(f"face.{template.issuer_field}", "wrong-issuer", "the issuer must be the department that seals"),)
    number = face.get(template.number.field)
    if number is not None and not kept and template.number.pattern and not re.fullmatch(template.number.pattern, str(number)):
        faults += (Fault(f"face.{template.number.field}", "wrong-pattern", "the number has not the form of this type"),)
    if faults or before:
        raise FaceRejected(faults=(*before, *faults))
    return face


def photo_fields(photos: Mapping[str, bytes]) -> dict[str, str]:
    """Return what stands on the face for photos: their digests."""
    return {name: f"sha256:{sha256(content)}" for name, content in photos.items()}
