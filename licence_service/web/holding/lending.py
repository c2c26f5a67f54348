"""Routes for holders: lend a card to a named receiver, see what is lent, take it back, fetch the annotated copy (DOMAIN SH-12)."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse, Response

from licence_service.copies import lent_json
from licence_service.lending import MOST_MINUTES, MOST_USES, MOST_WORDS
from licence_service.service import Service
from licence_service.store.lendings import Lending
from licence_service.web.access import IdempotencyKey, TheService
from licence_service.web.holding.entrance import TheHolding
from licence_service.web.issuing import Body, LicenceId
from licence_service.web.private import PRIVATE
from licence_service.web.shapes import ANSWERS, LENT, SEALED_FILE, TEXT, answer, as_body, shape

router = APIRouter(prefix="/holder", tags=["holders"], responses=ANSWERS)
_TEXT_OR_NULL: dict[str, Any] = {"type": ["string", "null"]}
_LENDING: dict[str, Any] = {
    **LENT["properties"], "client": _TEXT_OR_NULL, "fields": {"type": "array", "items": TEXT}, "revoked_at": _TEXT_OR_NULL, "copy_url": _TEXT_OR_NULL,
}  # fmt: skip
_LENT = answer("The lending with its code, told to nobody else and by no other answer", shape({**_LENDING, "code": TEXT, "url": TEXT}))
_LIST = answer("The lendings of a card, newest first", shape({"lendings": {"type": "array", "items": shape(_LENDING)}}))
_BODY = as_body({
    "type": "object", "additionalProperties": False, "required": ["receiver", "purpose", "fields", "minutes"],
    "properties": {
        "receiver": {"type": "string", "maxLength": MOST_WORDS, "description": "To whom; whoever opens it states this name, and the copy shows it."},
        "client": {"type": "string", "maxLength": 80, "description": "The registered platform that alone may open it, by its token; nobody else then."},
        "purpose": {"type": "string", "maxLength": MOST_WORDS},
        "fields": {"type": "array", "minItems": 1, "items": TEXT, "description": "Names of the fields that are read; an annotated copy shows the whole page."},
        "uses": {"type": "integer", "minimum": 1, "maximum": MOST_USES, "description": "How often it may be read; once where absent."},
        "minutes": {"type": "integer", "minimum": 1, "maximum": MOST_MINUTES, "description": "The term, at most thirty days."},
        "copy": {"type": "boolean", "description": "Make an annotated copy too: a sealed PDF with receiver, purpose, date and term across the page."},
    },
})  # fmt: skip
LendingId = Annotated[str, Path(pattern=r"^[0-9a-f]{26}$", description="The lending's id.")]


@router.post("/cards/{licence_id}/lendings", status_code=201, responses={201: _LENT}, openapi_extra=_BODY, summary="Lend a card")
def lend(service: TheService, holding: TheHolding, licence_id: LicenceId, key: IdempotencyKey, body: Body) -> Response:
    """Let a named receiver read some fields, for a purpose, so many times, until the term is over; give them `url`, or the code.

    The same key with the same content returns the same lending, with its code.
    """
    lending, code = service.shown.lending.lend(holding, licence_id, body, key)
    url = f"{service.settings.public_url.rstrip('/')}/L/{code}"
    return JSONResponse({**_listed(service, lending), "code": code, "url": url}, status_code=201, headers=PRIVATE)


@router.get("/cards/{licence_id}/lendings", responses={200: _LIST}, summary="What is lent of a card")
def listed(service: TheService, holding: TheHolding, licence_id: LicenceId) -> Response:
    """Return the lendings that the holder made of a card, also those that are over; never a code."""
    found = [_listed(service, one) for one in service.shown.lending.of(holding, licence_id)]
    return JSONResponse({"lendings": found}, headers=PRIVATE)


@router.post("/cards/{licence_id}/lendings/{lending_id}/revoke", status_code=204, summary="Take a lending back", response_class=Response)
def revoke(service: TheService, holding: TheHolding, licence_id: LicenceId, lending_id: LendingId) -> Response:
    """Revoke a lending: its code opens nothing any more, and its copy is told to be revoked, from this moment on."""
    service.shown.lending.revoke(holding, licence_id, lending_id)
    return Response(status_code=204, headers=PRIVATE)


@router.get(
    "/cards/{licence_id}/lendings/{lending_id}/copy", responses={200: SEALED_FILE}, summary="Fetch the annotated copy", response_class=Response
)
def copy(service: TheService, holding: TheHolding, licence_id: LicenceId, lending_id: LendingId) -> Response:
    """Return the sealed PDF with receiver, purpose, date and term across every page; only while the lending lives."""
    content = service.shown.lending.copy(holding, licence_id, lending_id)
    headers = {**PRIVATE, "Content-Disposition": f'attachment; filename="copy-{lending_id}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


def _listed(service: Service, lending: Lending) -> dict[str, Any]:
    path = f"/holder/cards/{lending.licence_id}/lendings/{lending.lending_id}/copy"
    return {
        **lent_json(lending, lending.standing(service.now())), "client": lending.client, "fields": list(lending.fields),
        "revoked_at": lending.revoked_at.isoformat(timespec="seconds") if lending.revoked_at else None, "copy_url": path if lending.copy else None,
    }  # fmt: skip
