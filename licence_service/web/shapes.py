"""The shapes of requests and answers for the OpenAPI document; bodies themselves are read by `body` and `requests`."""

from typing import Any

from licence_service.requests import GROUNDS, REASONS
from licence_service.verdict import QUESTIONS, Overall, Result

_PROBLEM = {
    "content": {
        "application/problem+json": {
            "schema": {
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
            }
        }
    }
}  # fmt: skip

_MEANINGS = {
    202: "Reserved; the seal cannot be had now, ask again at Location", 400: "Not of the documented shape", 401: "Who is calling is not known",
    403: "No grant", 404: "The register knows no such thing", 409: "At odds with what is in the register", 413: "Too large",
    415: "A kind of body not taken here", 422: "Refused, with every fault and its path", 429: "Ceiling reached, or too many wrong codes",
    503: "Cannot answer now",
}  # fmt: skip

ANSWERS: dict[int | str, dict[str, Any]] = {status: {"description": text, **_PROBLEM} for status, text in _MEANINGS.items() if status != 202}  # noqa: PLR2004


_CACHED = {"Cache-Control": {"description": "`no-store`", "schema": {"type": "string"}}}
_TEXT: dict[str, Any] = {"type": "string"}
_TEXT_OR_NULL: dict[str, Any] = {"type": ["string", "null"]}


def _object(properties: dict[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


def _answer(description: str, schema: dict[str, Any], *also: str) -> dict[str, Any]:
    """Describe an answer in JSON, and in which other media types it may come."""
    content = {"application/json": {"schema": schema}, **{kind: {"schema": _TEXT} for kind in also}}
    return {"description": description, "content": content, "headers": _CACHED}


_REASONS = {"type": "array", "items": _object({"code": _TEXT, "zh": _TEXT, "en": _TEXT})}
_RESULT = {"enum": [one.value for one in Result]}
_ONE_ANSWER = _object({"result": _RESULT, "reasons": _REASONS})
_FIELDS = {"type": "array", "items": _object({"name": _TEXT, "zh": _TEXT, "en": _TEXT, "value": {}, "text": _TEXT})}
_LICENCE: dict[str, Any] = {
    "licence_id": _TEXT, "elicence_id": _TEXT, "type": _object({"name": _TEXT, "zh": _TEXT, "en": _TEXT}),
    "issuer": _object({"code": _TEXT, "zh": _TEXT, "en": _TEXT}), "specimen": {"type": "boolean"}, "state": _TEXT, "valid_from": _TEXT,
    "valid_to": _TEXT_OR_NULL, "ended_on": _TEXT_OR_NULL, "suspended_until": _TEXT_OR_NULL, "issued_on": _TEXT,
    "version": _object({"presented": {"type": "integer"}, "current": {"type": "integer"}}), "face": _FIELDS,
    "endorsements": {
        "type": "array",
        "items": _object(
            {"endorsement_id": _TEXT, "kind": _TEXT, "zh": _TEXT, "en": _TEXT, "occurred_on": _TEXT, "effective_to": _TEXT_OR_NULL, "facts": _FIELDS}
        ),
    },
}  # fmt: skip
VERDICT_ANSWER = _answer(
    "The verdict: also where it is `not_valid`",
    _object(
        {
            "overall": {"enum": [one.value for one in Overall]}, "checked_at": _TEXT, "valid_at": _TEXT, "known_at": _TEXT,
            "head": _object({"entry": {"type": "integer"}, "recorded_at": _TEXT_OR_NULL}),
            "answers": _object(dict.fromkeys(QUESTIONS, _ONE_ANSWER)), "licence": {"oneOf": [_object(_LICENCE), {"type": "null"}]},
            "checks": {"type": "array", "items": _object({"no": {"type": "integer"}, "name": _TEXT, "result": _RESULT, "reasons": _REASONS})},
        }
    ),
    "text/html",
)  # fmt: skip
_VERSION = _object(
    {"version": {"type": "integer"}, "elicence_id": _TEXT, "reason": _TEXT, "copy_no": {"type": "integer"}, "state": {"enum": ["current", "superseded"]},
     "document_sha256": _TEXT, "document_url": _TEXT}
)  # fmt: skip
LICENCE_ANSWER = _answer(
    "The licence as a clerk sees it", _object({**_LICENCE, "head": {"type": "integer"}, "versions": {"type": "array", "items": _VERSION}})
)
_DONE = _object(
    {
        "licence_id": _TEXT, "sequence": {"type": "integer"}, "act": _TEXT, "recorded_at": _TEXT, "endorsement_ids": {"type": "array", "items": _TEXT},
        "elicence_id": _TEXT, "number": _TEXT, "version": {"type": "integer"}, "check_code": _TEXT, "delivery_code": _TEXT, "verify_url": _TEXT,
        "document_url": _TEXT,
    },
    ("endorsement_ids", "elicence_id", "number", "version", "check_code", "delivery_code", "verify_url", "document_url"),
)  # fmt: skip
DONE_ANSWER = _answer("Entered; the codes are there only where the act made a document", _DONE)
WAITING_ANSWER = _answer(_MEANINGS[202], _object({"state": {"const": "sealing"}, "licence_id": _TEXT, "reservation_url": _TEXT}))
SEALED_FILE: dict[str, Any] = {
    "description": "A PDF file", "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}, "headers": _CACHED,
}  # fmt: skip
ENTERED: dict[int | str, dict[str, Any]] = {201: DONE_ANSWER, 202: WAITING_ANSWER}


def _json(schema: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}}


_DECISION: dict[str, Any] = {
    "type": "object", "additionalProperties": False, "required": ["number", "organ", "decided_on", "legal_basis"],
    "description": "The decision behind the act: by an `officer`, or `unattended` by a rule set.",
    "properties": {
        "number": {"type": "string", "maxLength": 100}, "organ": {"type": "string", "maxLength": 100},
        "decided_on": {"type": "string", "format": "date"}, "legal_basis": {"type": "string", "maxLength": 300},
        "officer": {"type": "string", "maxLength": 50}, "unattended": {"type": "string", "maxLength": 80},
    },
}  # fmt: skip
_EXAMPLE_DECISION = {
    "number": "示交许〔2026〕0001号", "organ": "示例机关", "decided_on": "2026-11-20", "legal_basis": "示例条例第十条", "officer": "许可科01",
}  # fmt: skip
_PHOTOS = {
    "type": "object",
    "additionalProperties": {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/jpeg", "maxLength": 80_004},
}
_ISSUE: dict[str, Any] = {
    "type": "object", "additionalProperties": False, "required": ["type", "case_no", "decision", "face"],
    "properties": {
        "type": {"type": "string"}, "case_no": {"type": "string", "maxLength": 80, "pattern": r"^[0-9A-Za-z._/-]+$"}, "decision": _DECISION,
        "face": {"type": "object", "description": "As `GET /templates/{type}` describes it."}, "photos": _PHOTOS,
    },
}  # fmt: skip
_EXAMPLE_ISSUE = {"type": "a_type_of_get_templates", "case_no": "SA-2026-000001", "decision": _EXAMPLE_DECISION, "face": {}}

ISSUE_BODY = _json(_ISSUE, _EXAMPLE_ISSUE)
ADOPT_BODY = _json(
    {
        **_ISSUE, "required": [*_ISSUE["required"], "elicence_id", "document"],
        "properties": {**_ISSUE["properties"], "elicence_id": {"type": "string"}, "document": {"type": "string", "contentEncoding": "base64"}},
    },
    {**_EXAMPLE_ISSUE, "elicence_id": "1.2.156.3005.2.…", "document": "JVBERi0…"},
)  # fmt: skip
ACT_BODY = _json(
    {
        "type": "object", "additionalProperties": False, "required": ["act", "decision"],
        "properties": {
            "act": {"enum": ["renew", "replace", "change", "suspend", "lift", "revoke", "cancel", "endorse", "withdraw_endorsement"]},
            "decision": _DECISION, "effective_on": {"type": "string", "format": "date"}, "face": {"type": "object"}, "photos": _PHOTOS,
            "reason": {"enum": list(REASONS)}, "reason_text": {"type": "string"}, "ground": {"enum": list(GROUNDS)},
            "right_ended_on": {"type": "string", "format": "date"}, "target": {"type": "integer", "minimum": 1},
            "suspension": {
                "type": "object", "required": ["kind", "first"],
                "properties": {
                    "kind": {"enum": ["penalty", "measure"]}, "first": {"type": "string", "format": "date"},
                    "last": {"type": "string", "format": "date"},
                },
            },
            "kind": {"type": "string"}, "facts": {"type": "object"}, "external_ref": {"type": "string", "maxLength": 120},
            "asserter": {"type": "string"}, "endorsement_id": {"type": "string"},
        },
    },
    {"act": "revoke", "decision": _EXAMPLE_DECISION, "effective_on": "2026-11-21"},
)  # fmt: skip
SEARCH_BODY = _json(
    {
        "type": "object", "additionalProperties": False, "required": ["field", "value"],
        "properties": {"field": {"type": "string", "description": "`number`, or a searchable field of a type."}, "value": {"type": "string"}},
    },
    {"field": "number", "value": "5199002611000001"},
)  # fmt: skip
PREVIEW_BODY = _json(
    {"type": "object", "additionalProperties": False, "required": ["face"], "properties": {"face": {"type": "object"}, "photos": _PHOTOS}},
    {"face": {}},
)
