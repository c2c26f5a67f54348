"""What an asker may see of a licence: the part of a verdict about the licence itself (DOMAIN §2d)."""

from collections.abc import Mapping
from typing import Any

from licence_service.endorsement import Endorsement
from licence_service.fields import Asker, Field, disclose, printed
from licence_service.fields.face import Face
from licence_service.licence import Licence, beijing_day
from licence_service.seal.department import Department
from licence_service.template import EndorsementKind, Template

_NO_DUE_DAYS = frozenset({Asker.PUBLIC, Asker.PASSENGER})


def view_of(
    licence: Licence, template: Template, kinds: Mapping[str, EndorsementKind], department: Department, slug: str, presented: int, asker: Asker,
    *, on_reason: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Return the licence as this asker may see it: masked where the template says so, sensitive kinds left out.

    `on_reason`: an officer gave a reason that opens identity numbers and addresses. Pictures are not in the view: `photos_of`.
    """
    current = licence.current
    return {
        "licence_id": licence.licence_id,
        "elicence_id": current.elicence_id,
        "type": {"name": slug, "zh": template.title.zh, "en": template.title.en},
        "issuer": {"code": department.uscc, "zh": department.name, "en": department.name_en},
        "specimen": department.demo,
        "state": licence.state.value,
        "valid_from": licence.valid_from.isoformat(),
        "valid_to": licence.valid_to.isoformat() if licence.valid_to else None,
        "ground": licence.ground,
        "flags": sorted(licence.flags),
        "ended_on": licence.ended_on.isoformat() if licence.ended_on else None,
        "suspended_until": licence.suspended_until.isoformat() if licence.suspended_until else None,
        "issued_on": current.issued_on.isoformat(),
        **({"sealed_on": beijing_day(current.sealed_at).isoformat()} if licence.entries[0].origin else {}),  # another day than that of issue (ST-07)
        "version": {"presented": presented, "current": current.version},
        "face": _fields(template.fields, current.face, asker, on_reason=on_reason),
        "endorsements": [
            _endorsement(one, kinds[one.kind], asker, on_reason=on_reason) for one in licence.endorsements if asker in kinds[one.kind].disclose
        ],
    }


def photos_of(licence: Licence, template: Template, asker: Asker) -> dict[str, str]:
    """Return the pictures of the current document that this asker may see: name of the field → digest of the JPEG."""
    current = licence.current
    return {name: current.photos[name] for name in disclose(template.fields, current.face, asker) if name in current.photos}


def tells_due_days(asker: Asker) -> bool:
    """Say whether an asker is told until when conditions hold; the public and passengers are told only whether they do (DOMAIN §2d)."""
    return asker not in _NO_DUE_DAYS


def _fields(fields: Mapping[str, Field], face: Face, asker: Asker, *, on_reason: bool) -> list[dict[str, Any]]:
    """Return the seen fields in the template's order, each with its labels, value and printed text."""
    seen = disclose(fields, face, asker, on_reason=on_reason)
    return [
        {
            "name": name, "zh": fields[name].label, "en": fields[name].label_en, "value": seen[name],
            "text": printed(fields[name], seen[name]) if seen[name] == face[name] and fields[name].type != "table" else _masked_text(seen[name]),
        }
        for name in fields
        if name in seen and fields[name].type != "image"
    ]  # fmt: skip


def _masked_text(value: object) -> str:
    if isinstance(value, list):
        return "；".join(" ".join(str(cell) for cell in row.values()) if isinstance(row, Mapping) else str(row) for row in value)
    return str(value)


def _endorsement(one: Endorsement, kind: EndorsementKind, asker: Asker, *, on_reason: bool) -> dict[str, Any]:
    return {
        "endorsement_id": one.endorsement_id,
        "kind": one.kind,
        "zh": kind.title.zh,
        "en": kind.title.en,
        "occurred_on": one.occurred_on.isoformat(),
        "effective_to": one.effective_to.isoformat() if one.effective_to else None,
        "facts": _fields(kind.facts, one.facts, asker, on_reason=on_reason),
    }
