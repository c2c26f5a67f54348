"""Builders: valid by default, one thing changed per test. Every person, organ and number is invented."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from licence_service.digests import Digests, commitment, digests
from licence_service.endorsement import Endorsement
from licence_service.fields import Field, Value
from licence_service.fields.declared import FieldType
from licence_service.fold import fold
from licence_service.identifiers import ElicenceId
from licence_service.licence import Act, Decision, Entry, Licence, Suspension, Version, VersionReason
from licence_service.template import EndorsementKind, Number, Template, Term, Words

if TYPE_CHECKING:
    from collections.abc import Mapping

LICENCE_ID = "A1B2C3D4E5F607182930"
ORGAN = "11519900MB9900021Q"
TYPE_CODE = "11100000000019713D071"
CITIZEN_ID = "519902198506120111"
FIRST = date(2026, 6, 20)
LAST = date(2032, 6, 19)
ISSUED_AT = datetime(2026, 6, 20, 1, 0, tzinfo=UTC)
SALT = bytes(range(32))
NEVER = Digests("", "")


def a_field(kind: FieldType = "string", **changes: Any) -> Field:
    """An optional field that nobody but the holder sees."""
    given: dict[str, Any] = {"label": "名称", "type": kind, "disclose": {"holder": "full"}}
    return Field(**(given | changes))


def a_face(**changes: Value | None) -> dict[str, Any]:
    """The face of a driver's qualification; a field given as None is left out."""
    face: dict[str, Any] = {
        "person_name": "陈安途", "sex": "1", "birth_date": "1985-06-12", "citizen_id": CITIZEN_ID, "license_no": CITIZEN_ID,
        "valid_from": FIRST.isoformat(), "valid_to": LAST.isoformat(), "issuer_name": "蜀安市交通运输局", "issue_date": FIRST.isoformat(),
    }  # fmt: skip
    return {name: value for name, value in (face | changes).items() if value is not None}


def some_fields() -> dict[str, Field]:
    """The fields of that face, with a little of everything."""
    everyone = dict.fromkeys(("public", "passenger", "platform", "officer", "clerk", "holder"), "full")
    few = {"public": "masked", "passenger": "surname", "platform": "match"}
    return {
        "person_name": a_field(required=True, sensitive=True, max_length=50, disclose=everyone | few),
        "sex": a_field("enum", codes={"0": "未知", "1": "男", "2": "女", "9": "未说明"}, agrees_with="citizen_id"),
        "birth_date": a_field("date", agrees_with="citizen_id"),
        "citizen_id": a_field("citizen_id", sensitive=True, disclose=everyone | {"public": "none", "officer": "masked"}),
        "license_no": a_field(required=True, sensitive=True),
        "valid_from": a_field("date", required=True, disclose=everyone),
        "valid_to": a_field("date", required=True, after="valid_from", disclose=everyone),
        "issuer_name": a_field(required=True, disclose=everyone),
        "issue_date": a_field("date", required=True, disclose=everyone),
    }  # fmt: skip


def a_template(**changes: Any) -> Template:
    """A type with a six-year term, fixed to the day."""
    given: dict[str, Any] = {
        "title": Words("道路运输从业人员从业资格证", "Qualification"), "category": "道路运输", "family": "person", "used_from": date(2020, 1, 1),
        "index": 7, "holder": "person", "holder_name": "person_name", "number": Number("license_no"),
        "term": Term("exact", years=6, lapse_after_days=180), "acts": tuple(act.value for act in Act), "fields": some_fields(), "pages": (),
        "code": TYPE_CODE,
    }  # fmt: skip
    return Template(**(given | changes))


def a_kind(**changes: Any) -> EndorsementKind:
    """A kind that satisfies a condition up to the day in its fact `period_end`."""
    given: dict[str, Any] = {
        "title": Words("继续教育", "Continuing education"), "facts": {"date": a_field("date"), "period_end": a_field("date")},
        "date_field": "date", "disclose": ("public",), "asserted": True, "conditions_until": "period_end",
    }  # fmt: skip
    return EndorsementKind(**(given | changes))


def a_decision(**changes: Any) -> Decision:
    """A decision of the issuing organ on the first day."""
    given: dict[str, Any] = {
        "number": "蜀安交许〔2026〕12号", "organ": "蜀安市交通运输局", "decided_on": FIRST, "legal_basis": "道路运输条例第九条", "officer": "罗青石",
    }  # fmt: skip
    return Decision(**(given | changes))


def a_version(number: int = 1, **changes: Any) -> Version:
    """A sealed document that repeats `a_face`."""
    face: Mapping[str, Value] = changes.get("face", a_face())
    given: dict[str, Any] = {
        "version": number, "elicence_id": str(ElicenceId(TYPE_CODE, ORGAN, LICENCE_ID, number)),
        "reason": VersionReason.INITIAL if number == 1 else VersionReason.CHANGE, "edition": "2026-01", "template_digest": "0" * 64,
        "document": digests(f"document {number}".encode()), "seal_id": "shuan-2026", "certificate_sha256": "1" * 64, "sealed_at": ISSUED_AT,
        "issued_on": FIRST, "valid_from": FIRST, "valid_to": LAST, "copy_no": 1, "status": (0, number),
        "check_code_digest": "2" * 64, "face": face, "salt": SALT, "face_commitment": commitment(face, SALT, "face/1"),
    }  # fmt: skip
    return Version(**(given | changes))


def an_endorsement(**changes: Any) -> Endorsement:
    """A period of continuing education, asserted by a school."""
    facts: Mapping[str, Value] = changes.get("facts", {"date": "2027-05-30", "period_end": "2028-06-19"})
    given: dict[str, Any] = {
        "endorsement_id": "e" * 26, "kind": "continuing_education", "facts": facts, "occurred_on": date(2027, 5, 30),
        "effective_from": date(2027, 5, 30), "effective_to": None, "asserter": "52519900MB9900099X", "accepter": ORGAN, "external_ref": "ref-1",
        "commitment": commitment(facts, SALT, "facts/1"), "kid": "00112233", "signature": bytes(64),
    }  # fmt: skip
    return Endorsement(**(given | changes))


def an_entry(act: Act = Act.ISSUE, **changes: Any) -> Entry:
    """One line of the register; an issue carries its version, other acts what they are given."""
    effective_on: date = changes.get("effective_on", FIRST)
    given: dict[str, Any] = {
        "licence_id": LICENCE_ID, "sequence": 1, "act": act, "effective_on": effective_on,
        "decision": a_decision(decided_on=effective_on), "by": "approval", "version": a_version() if act is Act.ISSUE else None,
    }  # fmt: skip
    return Entry(**(given | changes))


def a_renewal(effective_on: date, valid_to: date | None, number: int = 2, **changes: Any) -> Entry:
    """A renewal with its new document."""
    version = a_version(number, reason=VersionReason.RENEWAL, valid_from=effective_on, valid_to=valid_to)
    return an_entry(Act.RENEW, effective_on=effective_on, version=version, **changes)


def a_suspension(first: date, last: date | None, **changes: Any) -> Entry:
    """A suspension; both days count."""
    return an_entry(Act.SUSPEND, effective_on=first, suspension=Suspension("penalty", first, last), **changes)


def entered(*entries: Entry) -> tuple[Entry, ...]:
    """Number the entries and record one a day, each at nine in the morning in Beijing, unless they say when."""
    return tuple(
        replace(entry, sequence=place + 1, recorded_at=entry.recorded_at or ISSUED_AT + timedelta(days=place)) for place, entry in enumerate(entries)
    )


def a_licence(*later: Entry, on: date = date(2026, 7, 1), known_at: datetime | None = None, issue: Entry | None = None) -> Licence:
    """An issued licence and what came later, as it stands on a day."""
    licence = fold(entered(issue or an_entry(), *later), on, known_at)
    assert licence is not None
    return licence
