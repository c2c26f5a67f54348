"""The catalogue entry (证照目录) of a licence: what a provincial repository is told of it (docs/formats.md §15).

Names of members are those of GB/T 36903 as practised; what the standard has no word for is named here. Nothing of a person is in it: the values
of the face stand behind their commitment. It says no more than the book as known at one entry, so that it is the same whenever it is made.
"""

from datetime import date
from typing import Any

from licence_service.digests import canonical, sm3
from licence_service.fields import Face
from licence_service.fold import first_day, granted_on
from licence_service.licence import Entry, Licence, LicenceState, beijing_day
from licence_service.store.record import Record
from licence_service.template import Template

FORM = "catalogue-entry/1"
# CertificateHolderCategory (GB/T 36902); what belongs to neither alone is 其他.
CATEGORIES = {"person": "个人", "organisation": "法人"}
OTHER = "其他"
# The status codes of transport systems in use; what they have no code for is 无效(其他) while it cannot be used, and the word beside says it.
_CODES = {
    LicenceState.IN_FORCE: "10",
    LicenceState.EXPIRED: "02",
    LicenceState.CANCELLED: "03",
    LicenceState.WITHDRAWN: "04",
    LicenceState.REVOKED: "05",
}
_OTHERWISE = "09"
# CertificateHolderTypeCode (GB/T 36903) by the type of the field with the holder's code; else what the kind of holder allows.
_HOLDER_TYPES = {"citizen_id": "111", "uscc": "001"}
_OTHER_PERSON, _OTHER_ORGANISATION = "999", "099"


def catalogue_entry(record: Record, by: Entry, place: int, template: Template) -> dict[str, Any]:
    """Return the catalogue entry of a licence as known when `by`, at this place of the book, was entered.

    `by` is an entry of the licence itself, or of the one that it hangs on (LC-13); `template` the edition of its first version. The state is that
    of the day from which the entry acts, or of the day it was entered, whichever is later: what the calendar alone changes follows from the days.
    """
    assert by.recorded_at  # noqa: S101 - it was entered
    day = max(beijing_day(by.recorded_at), first_day(by), granted_on(record.entries[0]))
    licence = record.at(day, by.recorded_at)
    current = licence.current
    return {
        "form": FORM,
        "CertificateID": record.licence_id,
        "Revision": place,
        **group_of(record, template),
        "CertificateIdentifier": current.elicence_id,
        "CertificateVersion": f"{current.version:03d}",
        "CertificateHolderCategory": CATEGORIES.get(template.holder, OTHER),
        "CertificateAreaCode": record.department[2:8],  # GB 32100: characters 3 to 8
        "CertificateManagingAuthorityCode": licence.issuer or record.department,
        "CertificateIssuedDate": _day(current.issued_on),
        "CertificateEffectiveDate": _day(licence.valid_from),
        "CertificateExpiringDate": _day(licence.valid_to),
        **_state(licence, day),
        "FileDigest": {"sha256": current.document.sha256, "sm3": current.document.sm3},
        "FaceCommitment": {"sha256": current.face_commitment.sha256, "sm3": current.face_commitment.sm3},
    }


def group_of(record: Record, template: Template) -> dict[str, str]:
    """Return type, organ and day under which a licence is counted: for ever those of its first entry."""
    entered = record.entries[0].recorded_at
    assert entered  # noqa: S101 - it was entered
    return {
        "CertificateTypeCode": template.type_code(record.department),
        "CertificateIssuingAuthorityCode": record.department,
        "RegisteredOn": beijing_day(entered).isoformat(),
    }


def digest_of(entry: dict[str, Any]) -> str:
    """Return SM3 of an entry as canonical JSON: what both sides compare."""
    return sm3(canonical(entry))


def holder_of(face: Face, template: Template) -> dict[str, Any]:
    """Return number, name and code of the holder as GB/T 36903 names them: the only personal values that ever go to a repository."""
    code = template.holder_id and face.get(template.holder_id)
    other = _OTHER_PERSON if template.holder == "person" else _OTHER_ORGANISATION
    return {
        "CertificateNumber": face.get(template.number.field),
        "CertificateHolderName": face.get(template.holder_name),
        "CertificateHolderCode": code or None,
        "CertificateHolderTypeCode": _HOLDER_TYPES.get(template.fields[str(template.holder_id)].type, other) if code else None,
    }


def _state(licence: Licence, day: date) -> dict[str, Any]:
    return {
        "CertificateStatus": _CODES.get(licence.state, _OTHERWISE),
        "State": licence.state.value,
        "StateFrom": _day(day),
        "StateUntil": _day(licence.suspended_until),
        "EndedOn": _day(licence.ended_on),
        "Flags": sorted(licence.flags),
    }


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
