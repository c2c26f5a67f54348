"""Webhooks: a client's endpoints, their secrets, and the log of what went there (AI-06, AI-07)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import JSONResponse, Response

from licence_service.errors import Fault, RequestRejected
from licence_service.events import ARRIVALS, NOTICE, TYPES
from licence_service.hooks import delivery_json, webhook_json
from licence_service.service import Service
from licence_service.store.clients import Client
from licence_service.store.deliveries import STATES
from licence_service.store.webhooks import MOST_WEBHOOKS, Webhook
from licence_service.targets import LONGEST_URL
from licence_service.web.access import Hearer, TheService
from licence_service.web.body import json_body
from licence_service.web.shapes import ANSWERS, TEXT, answer, shape

MOST_A_PAGE = 200
_MOST_BODY = 20_000
router = APIRouter(tags=["events"], responses=ANSWERS)
WebhookId = Annotated[str, Path(pattern=r"^[0-9a-f]{26}$", description="As `POST /webhooks` returned it.")]
EventId = Annotated[str, Path(pattern=r"^[0-9A-Z]{20}-[0-9]{1,9}$", description="The event's id.")]
State = Annotated[str | None, Query(pattern=f"^({'|'.join(STATES)})$", description="Only deliveries in this state.")]
Before = Annotated[
    str | None, Query(pattern=r"^[0-9A-Z]{20}-[0-9]{1,9}$", description="Only events older than this one: the last of an earlier answer.")
]
Limit = Annotated[int, Query(ge=1, le=MOST_A_PAGE, description="Most deliveries of one answer.")]
Body = Annotated[dict[str, Any], Depends(json_body(_MOST_BODY))]

_HEADERS = {"Cache-Control": "no-store"}
_TEXT_OR_NULL: dict[str, Any] = {"type": ["string", "null"]}
_EVENTS = {
    "type": "array", "items": {"enum": [*TYPES, NOTICE, *ARRIVALS]},
    "description": "None named is all. `notice.due` is for host apps, `issuance.delivered` and `copy.printed` are for departments' systems.",
}  # fmt: skip
_TYPES = {
    "type": "array",
    "items": TEXT,
    "description": "Certificate types; none named is all that you hold a grant for, with a narrowed token all that it names for `read` and `webhook`.",
}
_WEBHOOK: dict[str, Any] = {"webhook_id": TEXT, "url": TEXT, "events": _EVENTS, "types": _TYPES, "created_at": TEXT}
_COUNTS = shape({state: {"type": "integer"} for state in STATES})
_ATTEMPT = shape({"at": TEXT, "status": {"type": ["integer", "null"]}, "reason": TEXT})
_DELIVERY = shape(
    {
        "event_id": TEXT, "type": {"enum": list(TYPES)}, "state": {"enum": list(STATES)}, "attempts": {"type": "integer"}, "next_at": _TEXT_OR_NULL,
        "settled_at": _TEXT_OR_NULL, "log": {"type": "array", "items": _ATTEMPT},
    }
)  # fmt: skip
_ADDED = answer("The webhook, with its secret, which is shown this once", shape({**_WEBHOOK, "secret": TEXT}))
_LIST = answer("Your webhooks", shape({"webhooks": {"type": "array", "items": shape(_WEBHOOK), "maxItems": MOST_WEBHOOKS}}))
_ONE = answer("A webhook, and how many deliveries are in which state", shape({**_WEBHOOK, "deliveries": _COUNTS, "rests_until": _TEXT_OR_NULL}))
_ROTATED = answer("The new secret, which is shown this once, and until when the old one signs too", shape({"secret": TEXT, "old_signs_until": TEXT}))
_LOG = answer("Deliveries, the newest event first", shape({"deliveries": {"type": "array", "items": _DELIVERY}}))
_RESENT = answer("The delivery, which waits again", _DELIVERY)
_REPLAYED = answer("How many deliveries are in which state; what is not kept any more is laid out again soon", shape({"deliveries": _COUNTS}))


def _body(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    schema = {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


_ADD = _body({"url": {"type": "string", "maxLength": LONGEST_URL}, "events": _EVENTS, "types": _TYPES}, "url")
_REPLAY = _body({"after": {**_TEXT_OR_NULL, "description": "A cursor of `GET /events`; null or absent is the first event."}})


def _mine(service: Service, caller: Client, webhook_id: str) -> Webhook:
    """Return a webhook of the caller; another client's, or one beyond the scopes, is as if it did not exist."""
    return service.hooks.mine(caller, webhook_id)


@router.post("/webhooks", status_code=201, responses={201: _ADDED}, openapi_extra=_ADD, summary="Have events sent to you")
def add(service: TheService, caller: Hearer, body: Body) -> Response:
    """Add an endpoint. Events that are entered from now on are sent there, signed after Standard Webhooks; what was before comes by a replay.

    The address must be public and begin with https, unless the operator's setting allows its network.
    """
    webhook, secret = service.hooks.add(caller, body)
    return JSONResponse({**webhook_json(webhook), "secret": secret}, status_code=201, headers=_HEADERS)


@router.get("/webhooks", responses={200: _LIST}, summary="Your webhooks")
def listed(service: TheService, caller: Hearer) -> Response:
    """Return the endpoints of the calling client; with a narrowed token, those that hear of nothing beyond its scopes."""
    return JSONResponse({"webhooks": [webhook_json(one) for one in service.hooks.of(caller)]}, headers=_HEADERS)


@router.get("/webhooks/{webhook_id}", responses={200: _ONE}, summary="How a webhook stands")
def read(service: TheService, caller: Hearer, webhook_id: WebhookId) -> Response:
    """Return an endpoint; `rests_until` where its receiver took nothing lately and is left alone for a while."""
    one = _mine(service, caller, webhook_id)
    rests = one.rests_until.isoformat(timespec="seconds") if one.rests_until and one.rests_until > service.now() else None
    return JSONResponse({**webhook_json(one), "deliveries": dict(service.hooks.deliveries.counts(one)), "rests_until": rests}, headers=_HEADERS)


@router.delete("/webhooks/{webhook_id}", status_code=204, summary="Have nothing sent there any more")
def remove(service: TheService, caller: Hearer, webhook_id: WebhookId) -> Response:
    """Forget an endpoint with its secrets and its log."""
    service.hooks.webhooks.remove(_mine(service, caller, webhook_id))
    return Response(status_code=204)


@router.post("/webhooks/{webhook_id}/secret", responses={200: _ROTATED}, summary="Replace the secret")
def rotate(service: TheService, caller: Hearer, webhook_id: WebhookId) -> Response:
    """Make a new secret; for a day the one before signs beside it, so that a receiver loses nothing while it changes over."""
    secret, until = service.hooks.rotate(_mine(service, caller, webhook_id))
    return JSONResponse({"secret": secret, "old_signs_until": until.isoformat(timespec="seconds")}, headers=_HEADERS)


@router.get("/webhooks/{webhook_id}/deliveries", responses={200: _LOG}, summary="What went there, and what waits")
def deliveries(
    service: TheService, caller: Hearer, webhook_id: WebhookId, state: State = None, before: Before = None, limit: Limit = 50
) -> Response:  # fmt: skip
    """Return deliveries with their attempts: thirty days back, what waits or was given up for as long as the webhook is there."""
    found = service.hooks.deliveries.page(_mine(service, caller, webhook_id), state, before, limit)
    return JSONResponse({"deliveries": [delivery_json(one) for one in found]}, headers=_HEADERS)


@router.post(
    "/webhooks/{webhook_id}/deliveries/{event_id}/resend", status_code=202, responses={202: _RESENT}, summary="Send one event again"
)  # fmt: skip
def resend(service: TheService, caller: Hearer, webhook_id: WebhookId, event_id: EventId) -> Response:
    """Put one event on its way again, delivered, waiting or given up."""
    found = service.hooks.resend(_mine(service, caller, webhook_id), event_id)
    return JSONResponse(delivery_json(found), status_code=202, headers=_HEADERS)


@router.post("/webhooks/{webhook_id}/replay", status_code=202, responses={202: _REPLAYED}, openapi_extra=_REPLAY, summary="Send everything again")
def replay(service: TheService, caller: Hearer, webhook_id: WebhookId, body: Body) -> Response:
    """Put all events beyond a cursor of the feed on their way again, in order; what was received already comes with the id it had."""
    webhook, after = _mine(service, caller, webhook_id), body.get("after")
    if body.keys() - {"after"} or not (after is None or isinstance(after, str)):
        raise RequestRejected(faults=[Fault("body", "unknown-key", "only `after`, a cursor or null, is known here")])
    service.hooks.replay(webhook, caller, after)
    return JSONResponse({"deliveries": dict(service.hooks.deliveries.counts(webhook))}, status_code=202, headers=_HEADERS)
