"""The shapes of requests and answers for the OpenAPI document; bodies themselves are read by `body` and `requests`."""

from typing import Any

from licence_service.acts import GROUNDS
from licence_service.basis import MOST_RECEIPTS, MOST_SOURCES
from licence_service.bundled import MOST as MOST_OF_BUNDLE
from licence_service.entry_form import FORM
from licence_service.licence import Act, LicenceState
from licence_service.requests import ACTS, ENDORSEMENT_GROUNDS, REASONS, WITHDRAWAL_GROUNDS
from licence_service.verdict import QUESTIONS, Overall, Result

PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"},
        "faults": {
            "type": "array",
            "items": {
                "type": "object", "required": ["path", "code", "message"],
                "properties": {"path": {"type": "string"}, "code": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}  # fmt: skip
_PROBLEM = {"content": {"application/problem+json": {"schema": PROBLEM}}}

_MEANINGS = {
    202: "Reserved; the seal cannot be had now, ask again at Location", 400: "Not of the documented shape", 401: "Who is calling is not known",
    403: "No grant", 404: "The register knows no such thing", 409: "At odds with what is in the register", 413: "Too large",
    415: "A kind of body not taken here", 422: "Refused, with every fault and its path", 429: "Ceiling reached, or too many wrong codes",
    503: "Cannot answer now",
}  # fmt: skip

ANSWERS: dict[int | str, dict[str, Any]] = {status: {"description": text, **_PROBLEM} for status, text in _MEANINGS.items() if status != 202}  # noqa: PLR2004


BY_ANYBODY: dict[str, Any] = {"security": [{}]}  # beside the token of a system: an operation that takes either
_CACHED = {"Cache-Control": {"description": "`no-store`", "schema": {"type": "string"}}}
TEXT: dict[str, Any] = {"type": "string"}
_DAY: dict[str, Any] = {"type": "string", "format": "date"}
_TEXT_OR_NULL: dict[str, Any] = {"type": ["string", "null"]}


def shape(properties: dict[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the schema of an object that has these properties and no others."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


def plain_answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Describe an answer in JSON that may be kept."""
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def answer(description: str, schema: dict[str, Any], *also: str) -> dict[str, Any]:
    """Describe an answer in JSON, and in which other media types it may come."""
    content = {"application/json": {"schema": schema}, **{kind: {"schema": TEXT} for kind in also}}
    return {"description": description, "content": content, "headers": _CACHED}


_REASONS = {"type": "array", "items": shape({"code": TEXT, "zh": TEXT, "en": TEXT})}
_RESULT = {"enum": [one.value for one in Result]}
_ONE_ANSWER = shape({"result": _RESULT, "reasons": _REASONS})
_FIELDS = {"type": "array", "items": shape({"name": TEXT, "zh": TEXT, "en": TEXT, "value": {}, "text": TEXT})}
_LICENCE: dict[str, Any] = {
    "licence_id": TEXT, "elicence_id": TEXT, "type": shape({"name": TEXT, "zh": TEXT, "en": TEXT}),
    "issuer": shape({"code": TEXT, "zh": TEXT, "en": TEXT}), "specimen": {"type": "boolean"}, "state": TEXT, "valid_from": TEXT,
    "valid_to": _TEXT_OR_NULL, "ground": _TEXT_OR_NULL, "flags": {"type": "array", "items": TEXT}, "ended_on": _TEXT_OR_NULL, "suspended_until": _TEXT_OR_NULL,
    "issued_on": TEXT, "sealed_on": {**TEXT, "description": "Only of legacy stock, where it is another day than that of issue."},
    "version": shape({"presented": {"type": "integer"}, "current": {"type": "integer"}}), "face": _FIELDS,
    "endorsements": {
        "type": "array",
        "items": shape(
            {"endorsement_id": TEXT, "kind": TEXT, "zh": TEXT, "en": TEXT, "occurred_on": TEXT, "effective_to": _TEXT_OR_NULL, "facts": _FIELDS}
        ),
    },
}  # fmt: skip
_CONDITION = {"kind": TEXT, "result": TEXT, "reasons": _REASONS, "due_on": _TEXT_OR_NULL, "rule_pack": TEXT}
_PACK = {"id": TEXT, "sha256": TEXT, "sample": {"type": "boolean"}}
_CONDITIONS = shape({"each": {"type": "array", "items": shape(_CONDITION)}, "rule_packs": {"type": "array", "items": shape(_PACK)}})
_DIFFERENCE = {"name": TEXT, "zh": TEXT, "en": TEXT, "recorded": _TEXT_OR_NULL, "in_file": _TEXT_OR_NULL, "where": {"enum": ["data", "print"]}}
_COMPARISON = shape(
    {
        "outcome": {"enum": ["as_recorded", "altered"]}, "differences": {"type": "array", "items": shape(_DIFFERENCE)}, "elsewhere": {"type": "boolean"},
    }
)  # fmt: skip
LENT = shape({
    "lending_id": TEXT, "standing": {"enum": ["living", "revoked", "expired", "used_up"]}, "receiver": TEXT, "purpose": TEXT, "made_at": TEXT,
    "until": TEXT, "uses": {"type": "integer"}, "used": {"type": "integer"},
})  # fmt: skip
VERDICT_ANSWER = answer(
    "The verdict: also where it is `not_valid`",
    shape(
        {
            "overall": {"enum": [one.value for one in Overall]}, "checked_at": TEXT, "valid_at": TEXT, "known_at": TEXT,
            "head": shape({"entry": {"type": "integer"}, "recorded_at": _TEXT_OR_NULL}),
            "sources": {"type": "array", "items": shape({"name": TEXT, "zh": TEXT, "en": TEXT, "as_of": TEXT, "age_seconds": {"type": "integer"}})},
            "answers": shape(dict.fromkeys(QUESTIONS, _ONE_ANSWER)), "licence": {"oneOf": [shape(_LICENCE, ("sealed_on",)), {"type": "null"}]},
            "conditions": {"oneOf": [_CONDITIONS, {"type": "null"}]}, "comparison": {"oneOf": [_COMPARISON, {"type": "null"}]},
            "host": _TEXT_OR_NULL,
            "checks": {"type": "array", "items": shape({"no": {"type": "integer"}, "name": TEXT, "result": _RESULT, "reasons": _REASONS})},
            "lent": LENT,
            "present": shape({"overall": {"enum": [one.value for one in Overall]}, "zh": TEXT, "en": TEXT, "state": _TEXT_OR_NULL}),
        },
        ("present", "lent"),
    ),
    "text/html",
)  # fmt: skip
_VERSION = shape(
    {"version": {"type": "integer"}, "elicence_id": TEXT, "reason": TEXT, "copy_no": {"type": "integer"},
     "state": {"enum": ["current", "superseded", "voided"]},
     "document_sha256": TEXT, "document_url": TEXT}
)  # fmt: skip
LICENCE_ANSWER = answer(
    "The licence as a clerk sees it",
    shape({
        **_LICENCE, "valid_at": TEXT, "known_at": TEXT, "renewable_until": _TEXT_OR_NULL,
        "as_known_then": {"oneOf": [shape({"known_at": TEXT, "state": _TEXT_OR_NULL}), {"type": "null"}]},
        "head": {"type": "integer"}, "versions": {"type": "array", "items": _VERSION},
    }, ("sealed_on",)),
)  # fmt: skip
DONE = shape(
    {
        "licence_id": TEXT, "sequence": {"type": "integer"}, "act": TEXT, "recorded_at": TEXT, "endorsement_ids": {"type": "array", "items": TEXT},
        "elicence_id": TEXT, "number": TEXT, "version": {"type": "integer"}, "check_code": TEXT, "delivery_code": TEXT, "verify_url": TEXT,
        "document_url": TEXT,
    },
    ("endorsement_ids", "elicence_id", "number", "version", "check_code", "delivery_code", "verify_url", "document_url"),
)  # fmt: skip
DONE_ANSWER = answer("Entered; the codes are there only where the act made a document", DONE)
WAITING = shape({"state": {"const": "sealing"}, "licence_id": TEXT, "reservation_url": TEXT, "waits_for": TEXT})
WAITING_ANSWER = answer(_MEANINGS[202], WAITING)
SEALED_FILE: dict[str, Any] = {
    "description": "A PDF file", "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}, "headers": _CACHED,
}  # fmt: skip
ENTERED: dict[int | str, dict[str, Any]] = {201: DONE_ANSWER, 202: WAITING_ANSWER}


def as_body(schema: dict[str, Any]) -> dict[str, Any]:
    """Describe a request in JSON; examples come from elsewhere (`documented`)."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


DECISION_SHAPE: dict[str, Any] = {
    "type": "object", "additionalProperties": False, "required": ["number", "organ", "decided_on", "legal_basis"],
    "description": (
        "The decision behind the act: by an `officer`, or `unattended` by a rule set. Where the approval system's register of decisions is declared"
        " for the department and type, nothing is sealed before it has confirmed number, organ and day, and that the decision carries this act for"
        " this case and holder and was not used for another licence; else `check-failed`, `needs-clerk` or `source-silent` (AI-02)."
    ),
    "properties": {
        "number": {"type": "string", "maxLength": 100}, "organ": {"type": "string", "maxLength": 100},
        "decided_on": {"type": "string", "format": "date"}, "legal_basis": {"type": "string", "maxLength": 300},
        "officer": {"type": "string", "maxLength": 50}, "unattended": {"type": "string", "maxLength": 80},
    },
}  # fmt: skip
_PHOTOS = {
    "type": "object",
    "additionalProperties": {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/jpeg", "maxLength": 80_004},
}
_MOMENT = {"type": "string", "format": "date-time", "description": "With its zone."}
_RECEIPT = {
    "type": "object", "additionalProperties": False, "required": ["source", "asked_at", "answered_at", "result", "compared", "digest", "case_no", "type"],
    "properties": {
        "source": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$", "maxLength": 60}, "asked_at": _MOMENT, "answered_at": _MOMENT,
        "result": {"enum": ["pass", "fail", "conflict", "unavailable"]},
        "compared": {"type": "array", "items": TEXT, "description": "The fields that the source was asked about."},
        "digest": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "SHA-256 of its answer."}, "reference": {"type": "string", "maxLength": 120},
        "case_no": {"type": "string", "maxLength": 80, "description": "The case that the source was asked for: that of the request, or it is refused."},
        "type": {"type": "string", "maxLength": 80, "description": "The type of licence that it was asked for: that of the request."},
    },
}  # fmt: skip
_ISSUE: dict[str, Any] = {
    "type": "object", "additionalProperties": False, "required": ["type", "case_no", "decision", "face"],
    "properties": {
        "type": {"type": "string"}, "case_no": {"type": "string", "maxLength": 80, "pattern": r"^[0-9A-Za-z._/-]+$"}, "decision": DECISION_SHAPE,
        "face": {"type": "object", "description": "As `GET /templates/{type}` describes it."}, "photos": _PHOTOS,
        "parent": {"type": "string", "pattern": "^[0-9A-Z]{20}$", "description": "The id of the licence that this one hangs on."},
        "region": {"type": "string", "pattern": "^[0-9]{6}$"},
        "service_item_code": {"type": "string", "pattern": "^[0-9A-Z]{6,60}$", "description": "The item of service (事项编码) that was decided."},
        "bundle_no": {"type": "string", "maxLength": 80, "pattern": r"^[0-9A-Za-z._/-]+$", "description": "The number of the bundle (一件事)."},
        "receipts": {"type": "array", "maxItems": MOST_RECEIPTS, "items": _RECEIPT, "description": "What data sources said; one of each source."},
        "sources": {
            "type": "object", "maxProperties": MOST_SOURCES, "description": "Where the values of fields came from, by field.",
            "additionalProperties": {"type": "object", "required": ["source", "at"], "properties": {"source": TEXT, "at": _MOMENT}},
        },
    },
}  # fmt: skip
ISSUE_BODY = as_body(_ISSUE)
BUNDLE_BODY = as_body(
    shape({"bundle_no": _ISSUE["properties"]["bundle_no"], "issues": {"type": "array", "items": _ISSUE, "minItems": 1, "maxItems": MOST_OF_BUNDLE}})
)
ADOPT_BODY = as_body(
    {
        **_ISSUE, "required": [*_ISSUE["required"], "elicence_id", "document"],
        "properties": {**_ISSUE["properties"], "elicence_id": {"type": "string"}, "document": {"type": "string", "contentEncoding": "base64"}},
    }
)  # fmt: skip
_ACTED = {
    "act": {"enum": [act.value for act in ACTS]},
    "decision": DECISION_SHAPE, "effective_on": _DAY, "face": {"type": "object"}, "photos": _PHOTOS, "reason": {"enum": list(REASONS)},
    "reason_text": {"type": "string", "maxLength": 120}, "ground": {"enum": list(dict.fromkeys((*GROUNDS, *WITHDRAWAL_GROUNDS, *ENDORSEMENT_GROUNDS)))},
    "right_ended_on": _DAY, "agreed": {"type": "boolean", "description": "The organ that suspended agrees."},
    "target": {"type": "integer", "minimum": 1, "description": "The sequence of the entry that the act is about."}, "until": _DAY,
    "to_department": TEXT, "version": {"type": "integer", "minimum": 1},
    "suspension": {
        "type": "object", "required": ["kind", "first"],
        "properties": {
            "kind": {"enum": ["penalty", "measure"]}, "first": _DAY, "last": _DAY,
            "allows": {"type": "array", "items": {"enum": ["renew", "change", "transfer"]}},
        },
    },
    "sources": _ISSUE["properties"]["sources"], "kind": TEXT, "facts": {"type": "object"},
    "external_ref": {"type": "string", "maxLength": 120}, "asserter": TEXT,
    "asserter_signature": {"type": "string", "pattern": "^[0-9a-f]{128}$"}, "corrects": TEXT, "endorsement_id": TEXT,
    "region": {"type": "string", "pattern": "^[0-9]{6}$"},
}  # fmt: skip
ACT_BODY = as_body({"type": "object", "additionalProperties": False, "required": ["act", "decision"], "properties": _ACTED})
_WITHIN = {"type": "integer", "minimum": 0, "maximum": 3660}
SEARCH_BODY = as_body(
    shape(
        {
            "type": TEXT, "field": {"type": "string", "description": "`number`, or a searchable field of a type."}, "value": TEXT, "holder": TEXT,
            "state": {"enum": [state.value for state in LicenceState]}, "expiring_within_days": _WITHIN, "due_within_days": _WITHIN,
            "after": {"type": "string", "description": "`after` of the page before."}, "limit": {"type": "integer", "minimum": 1, "maximum": 100},
        },
        ("type", "field", "value", "holder", "state", "expiring_within_days", "due_within_days", "after", "limit"),
    )
)  # fmt: skip
_FOUND = {
    "licence_id": TEXT,
    "elicence_id": TEXT,
    "type": TEXT,
    "state": TEXT,
    "number": {},
    "version": {"type": "integer"},
    "valid_to": _TEXT_OR_NULL,
}
SEARCH_ANSWER = answer(
    "Licences, newest first, and the cursor of the next page", shape({"licences": {"type": "array", "items": shape(_FOUND)}, "after": _TEXT_OR_NULL})
)
_ENTRY: dict[str, Any] = {
    "type": "object", "description": "An entry as it was hashed (docs/formats.md), with its digests.",
    "required": [
        "format", "licence_id", "sequence", "act", "effective_on", "recorded_at", "by", "decision", "version", "endorsements", "previous", "sha256", "sm3",
    ],
    "properties": {
        "format": {"const": FORM}, "licence_id": TEXT, "sequence": {"type": "integer", "minimum": 1}, "act": {"enum": [act.value for act in Act]},
        "effective_on": _DAY, "recorded_at": TEXT, "by": TEXT, "decision": {"type": "object"}, "version": {"type": ["object", "null"]},
        "endorsements": {"type": "array", "items": {"type": "object"}}, "previous": TEXT, "sha256": TEXT, "sm3": TEXT,
    },
}  # fmt: skip
ENTRIES_ANSWER = plain_answer("Every entry, oldest first", shape({"licence_id": TEXT, "entries": {"type": "array", "items": _ENTRY}}))
_TYPE = {"type": TEXT, "edition": TEXT, "zh": TEXT, "en": TEXT}
_WORDS = {"type": "array", "items": TEXT}
TEMPLATES_ANSWER = plain_answer(
    "The types in force today",
    shape({"templates": {"type": "array", "items": shape({**_TYPE, "holder": TEXT, "acts": _WORDS, "endorsements": _WORDS})}}),
)
TEMPLATE_ANSWER = plain_answer(
    "A type: the JSON Schema of its face, its photos, and a fictional sample",
    shape({
        **_TYPE, "sha256": TEXT, "face_schema": {"type": "object", "required": ["properties"], "properties": {"properties": {"type": "object"}}},
        "photos": _WORDS, "sample": shape({"face": {"type": "object", "minProperties": 1}}),
    }),
)  # fmt: skip
SIGNED_ANSWER: dict[str, Any] = {
    "description": "COSE_Sign1 over canonical JSON of format `answer/1`", "headers": _CACHED,
    "content": {"application/cose": {"schema": {"type": "string", "format": "binary"}}},
}  # fmt: skip
PREVIEW_BODY = as_body(
    {"type": "object", "additionalProperties": False, "required": ["face"], "properties": {"face": {"type": "object"}, "photos": _PHOTOS}}
)
