"""The shapes of requests and answers for the OpenAPI document; bodies themselves are read by `body` and `requests`."""

from typing import Any

from licence_service.requests import GROUNDS, REASONS

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

ANSWERS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, **(_PROBLEM if status >= 400 else {})}  # noqa: PLR2004
    for status, text in _MEANINGS.items()
}


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
_PHOTOS = {"type": "object", "additionalProperties": {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/jpeg", "maxLength": 80_004}}
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
    {"type": "object", "additionalProperties": False, "required": ["face"], "properties": {"face": {"type": "object"}, "photos": _PHOTOS}}, {"face": {}}
)
