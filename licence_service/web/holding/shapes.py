"""The shapes of what holders ask and are answered, for the OpenAPI document."""

from typing import Any

from licence_service.claiming import REASONS, WAYS
from licence_service.holding import GIVEN
from licence_service.store.delegations import ROLES
from licence_service.store.reads import COPY, DESK, LENT, SHOWN, STAFF
from licence_service.verdict import Overall
from licence_service.web import shapes
from licence_service.web.shapes import TEXT, answer, shape
from licence_service.web.shapes_history import HISTORY_ANSWER

_OR_NULL: dict[str, Any] = {"type": ["string", "null"]}
_DAY_OR_NULL: dict[str, Any] = {"type": ["string", "null"], "format": "date"}
_WORDS = shape({"code": TEXT, "zh": TEXT, "en": TEXT})
_BOTH = shape({"zh": TEXT, "en": TEXT})
NAMED = shape({"name": TEXT, "code": TEXT})  # a company, as the identity service named it
_TRUE = {"type": "boolean"}
_NUMBER = {"type": "integer"}

ANSWERS: dict[int | str, dict[str, Any]] = {status: each for status, each in shapes.ANSWERS.items() if status != 409}  # noqa: PLR2004
NOT_CHANGED: dict[str, Any] = {"description": "What the asker has is as it was"}
HISTORY: dict[str, Any] = {**HISTORY_ANSWER, "content": {"application/json": HISTORY_ANSWER["content"]["application/json"]}}


def _list(each: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": each}


def _or_null(each: dict[str, Any]) -> dict[str, Any]:
    return {"oneOf": [each, {"type": "null"}]}


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


_ETAGGED = {"ETag": {"description": "Send it back as `If-None-Match`", "schema": TEXT}}
TOLD_OF: dict[str, Any] = {"duty": TEXT, "about": TEXT, "day": {**TEXT, "format": "date"}, "title": _BOTH, "do": _BOTH, "by": _BOTH}
DEADLINE = shape({**TOLD_OF, "tell_on": _DAY_OR_NULL, "rule_pack": TEXT})
_SUMMARY: dict[str, Any] = {
    "licence_id": TEXT, "type": shape({"name": TEXT, "zh": TEXT, "en": TEXT, "holder": TEXT, "presentable": _TRUE}), "number": _OR_NULL,
    "holder": _OR_NULL, "state": _WORDS, "overall": {"enum": [one.value for one in Overall]}, "flags": _list(_WORDS), "valid_from": TEXT,
    "valid_to": _OR_NULL, "next": _list(DEADLINE), "version": _NUMBER, "claimed_at": TEXT, "how": {"enum": ["identity", "code"]},
    "photos": {"type": "object", "additionalProperties": TEXT}, "document_url": TEXT,
}  # fmt: skip
_VERSION = shape({
    "version": _NUMBER, "elicence_id": TEXT, "reason": _WORDS, "state": _WORDS, "issued_on": TEXT, "valid_from": TEXT, "valid_to": _OR_NULL,
})  # fmt: skip
_WAIT = shape({"step": _WORDS, "about": _or_null(_WORDS), "since": TEXT, "waits_for": _WORDS, "sources": _list(TEXT)})
_LICENCE: dict[str, Any] = shapes.LICENCE_ANSWER["content"]["application/json"]["schema"]["properties"]
_CARD = shape({
    **_SUMMARY, "elicence_id": TEXT, "issuer": _WORDS, "specimen": _TRUE, "ground": _OR_NULL, "ended_on": _OR_NULL, "suspended_until": _OR_NULL,
    "issued_on": TEXT, "face": _LICENCE["face"], "endorsements": _LICENCE["endorsements"], "versions": _list(_VERSION), "waits": _list(_WAIT),
    "document": shape({"version": _NUMBER, "sha256": TEXT}),
})  # fmt: skip
CARDS_ANSWER = {**answer("The cards, and the number to go on after", shape({"cards": _list(shape(_SUMMARY)), "after": {"type": ["integer", "null"]}})),
    "headers": _ETAGGED}  # fmt: skip
CARD_ANSWER = {**answer("The card", _CARD), "headers": _ETAGGED}
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
PHOTO_ANSWER: dict[str, Any] = {"description": "The photograph", "content": {"image/jpeg": _BINARY}, "headers": _ETAGGED}
FILE_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The sealed file", "content": {"application/pdf": _BINARY}, "headers": _ETAGGED},
    206: {"description": "The part of it that was asked for", "content": {"application/pdf": _BINARY}, "headers": _ETAGGED},
    304: NOT_CHANGED,
    416: {"description": "No such part"},
}
_SEEN: dict[str, Any] = {
    "at": TEXT, "sealed_by_case": _TRUE, "look_id": _OR_NULL, "organ": _or_null(_WORDS), "found_by": _OR_NULL, "reason": _or_null(_WORDS),
    "place": _OR_NULL, "officer": _OR_NULL, "fields": _or_null(_list(shape({"name": TEXT, "zh": TEXT, "en": TEXT}))),
    "way": {"enum": ["looked", SHOWN, LENT, COPY, STAFF, DESK]}, "seen_as": TEXT, "client": _OR_NULL,
    "lent": _or_null(shape({"lending_id": TEXT, "receiver": TEXT, "purpose": TEXT})), "company": _or_null(NAMED),
    "copy_no": {"type": ["integer", "null"]},
}  # fmt: skip
LOOKS_ANSWER = answer("Who has looked, oldest first", shape({"licence_id": TEXT, "looks": _list(shape(_SEEN)), "after": _OR_NULL}))
_OF_CARD = shape({**_SEEN, "licence": shape({"licence_id": TEXT, "type": shape({"name": TEXT, "zh": TEXT, "en": TEXT}), "number": _OR_NULL})})
ALL_LOOKS_ANSWER = answer("Who has looked at any card, newest first", shape({"looks": _list(_OF_CARD), "after": _OR_NULL}))

_REASON = shape({
    "code": {"enum": list(REASONS)}, "zh": TEXT, "en": TEXT, "advice": _BOTH, "type": _OR_NULL,
    "body": shape({"code": _OR_NULL, "zh": TEXT, "en": TEXT}),
})  # fmt: skip
CLAIMED_ANSWER = answer(
    "Licence ids that are cards from now on, those that were before, and why others are not",
    shape({"claimed": _list(TEXT), "already": _list(TEXT), "reasons": _list(_REASON), "after": _NUMBER}, optional=("after",)),
)
CLAIM_BODY = _body({
    "type": "object", "additionalProperties": False,
    "properties": {
        "by": {"enum": ["identity", *WAYS], "description": "Absent: by identity."},
        "value": {"type": ["string", "null"], "maxLength": 120, "description": "The number of the licence, or the plate."},
        "delivery_code": {"type": ["string", "null"], "maxLength": 60, "description": "As the issuing department handed it over; it is printed nowhere."},
        "type": {"type": ["string", "null"], "description": "Only licences of this certificate type."},
        "region": {"type": ["string", "null"], "description": "Six digits of GB/T 2260: where the holder expects the licence to be issued."},
        "after": {"type": ["integer", "null"], "minimum": 1, "description": "The `after` of an earlier answer: go on with a claim by identity."},
    },
})  # fmt: skip

_DELEGATION = shape({
    "delegation_id": TEXT, "company": TEXT, "name": TEXT, "role": {"enum": list(ROLES)}, "acts": _list({"enum": sorted(GIVEN)}),
    "types": _or_null(_list(TEXT)), "licences": _or_null(_list(TEXT)), "first_on": TEXT, "last_on": TEXT,
    "state": {"enum": ["ahead", "living", "ended"]}, "given_at": TEXT, "given_by": _OR_NULL, "by_former": _TRUE,
    "ended_at": _OR_NULL,
})  # fmt: skip
DELEGATIONS_ANSWER = answer("Delegations, oldest first", shape({"given": _list(_DELEGATION), "held": _list(_DELEGATION)}))
DELEGATION_ANSWER = answer("The delegation", _DELEGATION)
_NAMES = {"type": ["array", "null"], "items": {"type": "string"}, "minItems": 1, "maxItems": 1000}
DELEGATE_BODY = _body({
    "type": "object", "additionalProperties": False, "required": ["number", "name", "role", "acts", "last_on"],
    "properties": {
        "number": {"type": "string", "maxLength": 40, "description": "The person's identity number."},
        "name": {"type": "string", "maxLength": 120, "description": "Their name, as on the identity document: with another one they do not come in."},
        "role": {"enum": list(ROLES)}, "acts": {"type": "array", "items": {"enum": sorted(GIVEN)}, "minItems": 1},
        "types": {**_NAMES, "description": "Certificate types; absent: all."},
        "licences": {**_NAMES, "description": "Ids of cards of the company; absent: all."},
        "first_on": {"type": ["string", "null"], "format": "date", "description": "Absent: today."},
        "last_on": {"type": "string", "format": "date"},
    },
})  # fmt: skip
