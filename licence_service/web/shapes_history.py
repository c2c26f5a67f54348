"""The shapes of a licence's history for the OpenAPI document."""

from typing import Any

from licence_service.web.filled import form_body
from licence_service.web.shapes import TEXT, VERDICT_ANSWER, answer, shape

_OR_NULL: dict[str, Any] = {"type": ["string", "null"]}
_NUMBER = {"type": "integer"}
_NUMBER_OR_NULL = {"type": ["integer", "null"]}
_TRUE = {"type": "boolean"}
_WORDS = shape({"code": TEXT, "zh": TEXT, "en": TEXT})
_ORGAN = shape({"code": TEXT, "name": _OR_NULL})


def _list(each: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": each}


def _or_null(each: dict[str, Any]) -> dict[str, Any]:
    return {"oneOf": [each, {"type": "null"}]}


_CHANGE = shape(
    {
        "name": TEXT, "zh": TEXT, "en": TEXT, "said_by": {"enum": ["value", "document", "photo"]}, "old": _OR_NULL, "new": _OR_NULL,
        "versions": _list(_NUMBER),
    }
)  # fmt: skip
_VERSION = shape(
    {
        "number": _NUMBER, "reason": _WORDS, "state": _WORDS, "copy_no": _NUMBER, "valid_from": TEXT, "valid_to": _OR_NULL, "erased": _TRUE,
        "changes": _list(_CHANGE),
    }
)  # fmt: skip
_NAMED = {"endorsement_id": TEXT, "kind": TEXT, "zh": TEXT, "en": TEXT}
_ENDORSEMENT = shape(
    {
        **_NAMED, "state": _or_null(_WORDS), "written": _TRUE, "occurred_on": TEXT, "effective_from": TEXT, "effective_to": _OR_NULL,
        "asserter": _ORGAN, "accepter": _or_null(_ORGAN), "external_ref": _OR_NULL, "rule_pack": _OR_NULL, "corrects": _NUMBER_OR_NULL,
        "erased": _TRUE, "facts": _list(shape({"name": TEXT, "zh": TEXT, "en": TEXT, "text": TEXT})),
    }
)  # fmt: skip
_SUSPENSION = shape({"kind": _or_null(_WORDS), "first": TEXT, "last": _OR_NULL, "allows": _list(_WORDS)})
_DECISION = shape({"number": _OR_NULL, "organ": TEXT, "decided_on": TEXT, "legal_basis": _OR_NULL, "unattended": _OR_NULL, "officer": _OR_NULL})
_ITEM = shape(
    {
        "sequence": _NUMBER, "act": _WORDS, "effective_on": TEXT, "recorded_at": TEXT, "by": shape({"department": _ORGAN, "system": _OR_NULL}),
        "decision": _DECISION, "recorded_only": _TRUE, "campaign": _OR_NULL, "organs": _list(shape({"code": TEXT, "zh": TEXT, "en": TEXT, "organ": _ORGAN})),
        "target": _or_null(shape({"sequence": _NUMBER, "act": _WORDS})), "about": _or_null(shape({**_NAMED, "sequence": _NUMBER_OR_NULL})),
        "ground": _or_null(_WORDS), "right_ended_on": _OR_NULL, "until": _OR_NULL, "to_department": _or_null(_ORGAN), "agreed": _TRUE,
        "suspension": _or_null(_SUSPENSION), "voided": _NUMBER_OR_NULL, "parent": _OR_NULL, "version": _or_null(_VERSION), "overtaken": _list(_CHANGE),
        "endorsements": _list(_ENDORSEMENT),
    }
)  # fmt: skip
_STRETCH: dict[str, Any] = {"first": TEXT, "last": _OR_NULL}
_BARS = shape(
    {
        "states": _list(shape({**_STRETCH, "state": _WORDS})),
        "terms": _list(shape({**_STRETCH, "sequence": _NUMBER_OR_NULL, "version": _NUMBER})),
        "suspensions": _list(shape({**_STRETCH, "sequence": _NUMBER_OR_NULL, "acted": _list(shape(_STRETCH)), "kind": _or_null(_WORDS)})),
        "endings": _list(shape({"sequence": _NUMBER_OR_NULL, "act": _WORDS, "first": TEXT, "acted": _list(shape(_STRETCH))})),
        "gaps": _list(shape(_STRETCH)),
        "flags": _list(shape({**_STRETCH, "code": TEXT, "zh": TEXT, "en": TEXT})),
        "due": _list(shape({"kind": TEXT, "zh": TEXT, "en": TEXT, "due_on": TEXT, "result": {"enum": ["met", "unmet", "unknown"]}})),
    }
)  # fmt: skip
_HEADING = shape(
    {
        "licence_id": TEXT, "elicence_id": TEXT, "type": shape({"name": TEXT, "zh": TEXT, "en": TEXT}), "issuer": shape({"code": TEXT, "zh": TEXT, "en": TEXT}),
        "specimen": _TRUE, "state": TEXT, "valid_from": TEXT, "valid_to": _OR_NULL, "ground": _OR_NULL, "flags": _list(TEXT), "ended_on": _OR_NULL,
        "suspended_until": _OR_NULL, "version": _NUMBER, "number": _OR_NULL, "holder": _OR_NULL,
    }
)  # fmt: skip
_HISTORY = shape({"valid_at": TEXT, "known_at": TEXT, "licence": _HEADING, "history": _list(_ITEM), "bars": _BARS})

HISTORY_ANSWER = answer(
    "Every entry in words, oldest first, and what acted when; a day is inclusive, an absent `last` is open", _HISTORY, "text/html"
)
_UNKNOWN: dict[str, Any] = VERDICT_ANSWER["content"]["application/json"]["schema"]
PUBLIC_ANSWER = answer(
    "The history as the public may see it; where number and check code do not match, the verdict of `POST /verify`",
    {"oneOf": [_HISTORY, _UNKNOWN]},
    "text/html",
)
PAIR_BODY = form_body({
    "type": "object", "required": ["number", "check_code"],
    "properties": {"number": {"type": "string", "maxLength": 200}, "check_code": {"type": "string", "maxLength": 40}},
})  # fmt: skip
