"""The written form of an entry: the public body that is hashed for ever, and the private part that can be erased.

The body is canonical JSON of format `entry/1` (docs/formats.md §7). It holds no personal data, only commitments to it.
The private part holds the face, the salt, the facts of endorsements and the officer, and lies encrypted.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import date, datetime
from typing import Any

from licence_service.basis import as_data, committed, from_data
from licence_service.digests import Digests, canonical, commitment_sha256, digests, field_salt
from licence_service.endorsement import Endorsement, statement_of
from licence_service.frozen import dataclass, replace
from licence_service.licence import Act, Decision, Entry, Origin, Parent, Suspension, Version, VersionReason

FORM = "entry/1"
OFFICER = "officer/1"
_NAMED, _UNSTAMPED = b'"recorded_at":', b'"recorded_at":null'


def stamped(entry: Entry, recorded_at: datetime, previous: str) -> Entry:
    """Return the entry with its recorded time, the digest of its predecessor on the licence, and its own digests."""
    return written(entry, recorded_at, previous)[0]


def written(entry: Entry, recorded_at: datetime, previous: str) -> tuple[Entry, bytes]:
    """Return the same with the canonical body that was hashed."""
    return unstamped(entry, previous).at(recorded_at)


@dataclass(frozen=True, slots=True)
class Unstamped:
    """An entry with its canonical body but for its recorded time, which stands between two halves: made before anybody waits for it."""

    entry: Entry
    _before: bytes = field(repr=False)
    _after: bytes = field(repr=False)

    def at(self, recorded_at: datetime) -> tuple[Entry, bytes]:
        """Return the entry with its recorded time and digests, and the body that was hashed."""
        body = b'%b"%b"%b' % (self._before, recorded_at.isoformat(timespec="microseconds").encode("ascii"), self._after)
        return replace(self.entry, recorded_at=recorded_at, digest=digests(body)), body


def unstamped(entry: Entry, previous: str) -> Unstamped:
    """Return an entry behind another of its licence, by its SHA-256, or behind none."""
    placed = replace(entry, recorded_at=None, previous=previous) if entry.recorded_at or entry.previous != previous else entry
    before, after = canonical(body_of(placed)).split(_UNSTAMPED)  # a name with its quotation marks stands in no text: each would have a backslash
    return Unstamped(placed, before + _NAMED, after)


def body_of(entry: Entry) -> dict[str, Any]:
    """Return the public body as JSON."""
    return {
        "format": FORM,
        "licence_id": entry.licence_id,
        "sequence": entry.sequence,
        "act": entry.act.value,
        "effective_on": entry.effective_on.isoformat(),
        "recorded_at": _instant(entry.recorded_at),
        "by": entry.by,
        "decision": _decision_body(entry),
        "version": _version_body(entry.version) if entry.version else None,
        "endorsements": [_endorsement_body(one, entry.licence_id) for one in entry.endorsements],
        "suspension": _suspension_body(entry.suspension),
        "target": entry.target,
        "withdrawn": entry.withdrawn,
        "ground": entry.ground,
        "right_ended_on": _day(entry.right_ended_on),
        "recorded_only": entry.recorded_only,
        "previous": entry.previous,
        **{name: value for name, value in _appended(entry).items() if value},
    }


def _appended(entry: Entry) -> dict[str, Any]:
    """Return what later releases appended; what says nothing is left out, so that earlier entries keep their digests."""
    return {
        "department": entry.department,
        "parent": {"licence_id": entry.parent.licence_id, "effect": entry.parent.effect} if entry.parent else None,
        "until": _day(entry.until),
        "to_department": entry.to_department,
        "voided": entry.voided,
        "refused": entry.refused,
        "agreed": entry.agreed,
        "campaign": entry.campaign,
        "organs": dict(entry.organs),
        "changed": sorted(entry.changes),
        "basis_sha256": _basis_commitment(entry),
        "origin": {"system": entry.origin.system, "row_digest": entry.origin.row_digest} if entry.origin else None,
        "office": entry.office,
        "region": entry.region,
    }


def private_of(entry: Entry) -> dict[str, Any]:
    """Return what lies encrypted beside the body."""
    version = entry.version
    return {
        "officer": entry.decision.officer,
        "face": dict(version.face) if version else None,
        "photos": dict(version.photos) if version else None,
        "salt": version.salt.hex() if version else None,
        "facts": {one.endorsement_id: _hidden_facts(one) for one in entry.endorsements},
        **({"changes": dict(entry.changes)} if entry.changes else {}),
        **({"basis": as_data(entry.basis)} if entry.basis else {}),
        **({"case_no": entry.case_no} if entry.case_no else {}),
    }


def _hidden_facts(one: Endorsement) -> dict[str, Any]:
    bound = {"subject": one.subject} if one.subject else {}
    return {"salt": one.salt.hex(), "values": dict(one.facts), **bound}


def entry_of(body: Mapping[str, Any], private: Mapping[str, Any] | None, digest: Digests) -> Entry:
    """Read an entry back; without the private part (erased) faces and facts are empty."""
    hidden = private or {}
    decision = body["decision"]
    suspension = body["suspension"]
    return Entry(
        licence_id=body["licence_id"],
        sequence=body["sequence"],
        act=Act(body["act"]),
        effective_on=date.fromisoformat(body["effective_on"]),
        decision=Decision(
            decision["number"],
            decision["organ"],
            date.fromisoformat(decision["decided_on"]),
            decision["legal_basis"],
            hidden.get("officer"),
            decision["unattended"],
            decision["officer_sha256"],
        ),  # fmt: skip
        by=body["by"],
        version=_version_of(body["version"], hidden) if body["version"] else None,
        endorsements=tuple(_endorsement_of(one, hidden.get("facts", {})) for one in body["endorsements"]),
        suspension=_suspension_of(suspension) if suspension else None,
        target=body["target"],
        withdrawn=body["withdrawn"],
        ground=body["ground"],
        right_ended_on=_date(body["right_ended_on"]),
        recorded_only=body["recorded_only"],
        recorded_at=datetime.fromisoformat(body["recorded_at"]) if body["recorded_at"] else None,
        previous=body["previous"],
        digest=digest,
        department=body.get("department"),
        parent=Parent(**body["parent"]) if "parent" in body else None,
        until=_date(body.get("until")),
        to_department=body.get("to_department"),
        voided=body.get("voided"),
        refused=body.get("refused"),
        agreed=body.get("agreed", False),
        campaign=body.get("campaign"),
        organs=body.get("organs", {}),
        changes=hidden.get("changes") or dict.fromkeys(body.get("changed", ())),
        basis=from_data(hidden["basis"]) if "basis" in hidden else None,
        basis_sha256=body.get("basis_sha256"),
        origin=Origin(**body["origin"]) if "origin" in body else None,
        office=body.get("office"),
        region=body.get("region"),
        case_no=hidden.get("case_no"),
    )


def _decision_body(entry: Entry) -> dict[str, Any]:
    decision = entry.decision
    return {
        "number": decision.number,
        "organ": decision.organ,
        "decided_on": decision.decided_on.isoformat(),
        "legal_basis": decision.legal_basis,
        "unattended": decision.unattended,
        "officer_sha256": _officer_commitment(entry),
    }


def _officer_commitment(entry: Entry) -> str | None:
    """Commit to the officer under the version's salt; acts without a document have no salt and no commitment. One that was erased stays committed to."""
    if not entry.decision.officer or not entry.version or not entry.version.salt:
        return entry.decision.officer_sha256
    return commitment_sha256({"officer": entry.decision.officer}, field_salt(entry.version.salt, OFFICER), OFFICER)


def _basis_commitment(entry: Entry) -> str | None:
    """Commit to what the decision rests on, under the version's salt. What was erased stays committed to."""
    if not entry.basis or not entry.version or not entry.version.salt:
        return entry.basis_sha256
    return committed(entry.basis, entry.version.salt)


def _version_body(version: Version) -> dict[str, Any]:
    return {
        "version": version.version,
        "elicence_id": version.elicence_id,
        "reason": version.reason.value,
        "edition": version.edition,
        "template_digest": version.template_digest,
        "document_sha256": version.document.sha256,
        "document_sm3": version.document.sm3,
        "seal_id": version.seal_id,
        "certificate_sha256": version.certificate_sha256,
        "sealed_at": _instant(version.sealed_at),
        "issued_on": version.issued_on.isoformat(),
        "valid_from": version.valid_from.isoformat(),
        "valid_to": _day(version.valid_to),
        "copy_no": version.copy_no,
        "status": list(version.status),
        "check_code_digest": version.check_code_digest,
        "face_sha256": version.face_commitment.sha256,
        "face_sm3": version.face_commitment.sm3,
    }


def _version_of(body: Mapping[str, Any], hidden: Mapping[str, Any]) -> Version:
    return Version(
        version=body["version"],
        elicence_id=body["elicence_id"],
        reason=VersionReason(body["reason"]),
        edition=body["edition"],
        template_digest=body["template_digest"],
        document=Digests(body["document_sha256"], body["document_sm3"]),
        seal_id=body["seal_id"],
        certificate_sha256=body["certificate_sha256"],
        sealed_at=datetime.fromisoformat(body["sealed_at"]),
        issued_on=date.fromisoformat(body["issued_on"]),
        valid_from=date.fromisoformat(body["valid_from"]),
        valid_to=_date(body["valid_to"]),
        copy_no=body["copy_no"],
        status=(body["status"][0], body["status"][1]),
        check_code_digest=body["check_code_digest"],
        face_commitment=Digests(body["face_sha256"], body["face_sm3"]),
        face=hidden.get("face") or {},
        photos=hidden.get("photos") or {},
        salt=bytes.fromhex(hidden.get("salt") or ""),
    )


def _endorsement_body(one: Endorsement, licence_id: str) -> dict[str, Any]:
    return {"statement": statement_of(one, licence_id), "kid": one.kid, "signature": one.signature.hex()}


def _endorsement_of(body: Mapping[str, Any], facts: Mapping[str, Any]) -> Endorsement:
    said = body["statement"]
    hidden = facts.get(said["endorsement_id"], {"salt": "", "values": {}})
    return Endorsement(
        endorsement_id=said["endorsement_id"],
        kind=said["kind"],
        facts=hidden["values"],
        occurred_on=date.fromisoformat(said["occurred_on"]),
        effective_from=date.fromisoformat(said["effective_from"]),
        effective_to=_date(said["effective_to"]),
        asserter=said["asserter"],
        accepter=said["accepter"],
        external_ref=said["external_ref"],
        commitment=Digests(said["facts_sha256"], said["facts_sm3"]),
        kid=body["kid"],
        signature=bytes.fromhex(body["signature"]),
        salt=bytes.fromhex(hidden["salt"]),
        corrects=said.get("corrects"),
        rule_pack=said.get("rule_pack"),
        previous=said.get("prev_hash"),
        asserter_kid=said.get("asserter_kid"),
        asserter_signature=bytes.fromhex(said.get("asserter_signature", "")),
        subject=hidden.get("subject"),
    )


def _suspension_body(suspension: Suspension | None) -> dict[str, Any] | None:
    if suspension is None:
        return None
    allows = {"allows": list(suspension.allows)} if suspension.allows else {}
    return {"kind": suspension.kind, "first": suspension.first.isoformat(), "last": _day(suspension.last), **allows}


def _suspension_of(body: Mapping[str, Any]) -> Suspension:
    return Suspension(body["kind"], date.fromisoformat(body["first"]), _date(body["last"]), tuple(body.get("allows", ())))


def _instant(instant: datetime | None) -> str | None:
    return instant.isoformat(timespec="microseconds") if instant else None


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
