"""What an asker may see of a licence: the part of a verdict about the licence itself (DOMAIN §2d)."""

from collections.abc import Mapping
from typing import Any

from licence_service.endorsement import Endorsement
from licence_service.fields import Asker, Field, disclose, printed
from licence_service.fields.face import Face
from licence_service.licence import Licence
from licence_service.seal.keyring import Department
from licence_service.template import EndorsementKind, Template


def view_of(
    licence: Licence, template: Template, kinds: Mapping[str, EndorsementKind], department: Department, slug: str, presented: int, asker: Asker
) -> dict[str, Any]:
    """Return the licence as this asker may see it: masked where the template says so, sensitive kinds left out."""
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
        "version": {"presented": presented, "current": current.version},
        "face": _fields(template.fields, current.face, asker),
        "endorsements": [_endorsement(one, kinds[one.kind], asker) for one in licence.endorsements if asker in kinds[one.kind].disclose],
    }


def _fields(fields: Mapping[str, Field], face: Face, asker: Asker) -> list[dict[str, Any]]:
    """Return the seen fields in the template's order, each with its labels, value and printed text."""
    seen = disclose(fields, face, asker)
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


def _endorsement(one: Endorsement, kind: EndorsementKind, asker: Asker) -> dict[str, Any]:
    return {
        "endorsement_id": one.endorsement_id,
        "kind": one.kind,
        "zh": kind.title.zh,
        "en": kind.title.en,
        "occurred_on": one.occurred_on.isoformat(),
        "effective_to": one.effective_to.isoformat() if one.effective_to else None,
        "facts": _fields(kind.facts, one.facts, asker),
    }
