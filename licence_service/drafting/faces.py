"""The face of a new version: checked whole against the template, every fault named."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from licence_service.digests import sha256
from licence_service.errors import FaceRejected, Fault
from licence_service.fields import Face, check_face, comparison_form
from licence_service.template import Template


def checked_face(
    template: Template, raw: Mapping[str, Any], organ: str, today: date, *, before: tuple[Fault, ...] = (), any_term: bool = False,
    kept: Mapping[str, Any] | None = None,
) -> Face:  # fmt: skip
    """Return the canonical face of a request; `FaceRejected` names every fault, those found `before` included.

    The issuer may be left out and is filled in; a computed end date too. `any_term` is for a decision that names the last day itself.
    `kept` is what stands on a paper that is older than these rules: its issuer, its term and its number are not held to them as long as
    they stay as they are (ST-01; RULINGS, "identifier pattern").
    """
    given = {template.issuer_field: organ, **{name: value for name, value in raw.items() if value not in (None, "")}}
    start, end = template.term.start, template.term.end
    whole = given if kept is not None and given.get(start) == kept.get(start) and end not in kept else template.with_term(given)
    face, faults = check_face(template.fields, whole, today=today)
    faults += () if any_term or (_stays(start, face, kept) and _stays(end, face, kept)) else template.term_faults(face)
    if face.get(template.issuer_field, organ) != organ and not _stays(template.issuer_field, face, kept):
        faults += (Fault(f"face.{template.issuer_field}", "wrong-issuer", "the issuer must be the department that seals"),)
    number, where = face.get(template.number.field), template.number.field
    if number is not None and template.number.pattern and not _stays(where, face, kept) and not re.fullmatch(template.number.pattern, str(number)):
        faults += (Fault(f"face.{where}", "wrong-pattern", "the number has not the form of this type"),)
    if faults or before:
        raise FaceRejected(faults=(*before, *faults))
    return face


def _stays(name: str, face: Face, kept: Mapping[str, Any] | None) -> bool:
    """Say whether a field says what the paper says."""
    return kept is not None and comparison_form(str(face.get(name, ""))) == comparison_form(str(kept.get(name) or ""))


def photo_fields(photos: Mapping[str, bytes]) -> dict[str, str]:
    """Return what stands on the face for photos: their digests."""
    return {name: f"sha256:{sha256(content)}" for name, content in photos.items()}
