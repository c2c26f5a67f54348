"""The canonical licence data (`licence.json`), attached to every document (docs/formats.md §5).

One JSON of format `licence/1` for each version: the national metadata names of GB/T 36903 beside the canonical face.
The PDF, the code on paper and the book are tied together by its commitment.
"""

from collections.abc import Sequence
from typing import Any

from licence_service.endorsement import Endorsement
from licence_service.licence import Entry
from licence_service.template import Template

FORM = "licence/1"
_HOLDER_CODE = {"citizen_id": "111", "uscc": "001"}  # GB/T 36903 holder code types


def licence_data(
    entry: Entry, template: Template, department: str, uscc: str, *, specimen: bool, endorsements: Sequence[Endorsement]
) -> dict[str, Any]:
    """Return the licence data of the version that this entry makes; `endorsements` are those that its page prints."""
    version = entry.version
    assert version  # noqa: S101 - only acts with a document have licence data
    face = version.face
    return {
        "format": FORM,
        "licence_id": entry.licence_id,
        "elicence_id": version.elicence_id,
        "version": version.version,
        "reason": version.reason.value,
        "copy_no": version.copy_no,
        "type": {"name": template.slug, "edition": version.edition, "template_sha256": version.template_digest},
        "specimen": specimen,
        "metadata": _metadata(entry, template, department, uscc),
        "face": dict(face),
        "endorsements": [
            {
                "endorsement_id": one.endorsement_id, "kind": one.kind, "facts": dict(one.facts), "occurred_on": one.occurred_on.isoformat(),
                "asserter": one.asserter, "accepter": one.accepter,
            }
            for one in endorsements
        ],
        "status": list(version.status),
        "salt": version.salt.hex(),
        "face_sha256": version.face_commitment.sha256,
        "face_sm3": version.face_commitment.sm3,
    }  # fmt: skip


def _metadata(entry: Entry, template: Template, department: str, uscc: str) -> dict[str, Any]:
    """Return the instance metadata under the English names of the national sharing system (STANDARDS §1.3)."""
    version = entry.version
    assert version  # noqa: S101
    face = version.face
    holder = template.fields[template.holder_id].type if template.holder_id else ""
    values = {
        "CertificateName": template.title.zh,
        "CertificateTypeName": template.title.zh,
        "CertificateTypeCode": version.elicence_id.split(".")[5],
        "CertificateNumber": template.number_of(face),
        "CertificateIdentifier": version.elicence_id,
        "CertificateVersion": f"{version.version:03d}",
        "CertificateIssuingAuthorityName": department,
        "CertificateIssuingAuthorityCode": uscc,
        "CertificateIssuedDate": version.issued_on.isoformat(),
        "CertificateHolderName": str(face.get(template.holder_name, "")),
        "CertificateHolderCode": str(face.get(template.holder_id, "")) if template.holder_id else "",
        "CertificateHolderTypeCode": _HOLDER_CODE.get(holder, ""),
        "CertificateEffectiveDate": version.valid_from.isoformat(),
        "CertificateExpiringDate": version.valid_to.isoformat() if version.valid_to else "",
    }
    return {name: value for name, value in values.items() if value}
