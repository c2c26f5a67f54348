"""The compliance rates of a department's stock, as JSON for systems and as a page with a chart for who puts data right."""

from fractions import Fraction
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from licence_service.errors import NotGranted
from licence_service.service import Service
from licence_service.stock.complying import LINE, Compliance, complying
from licence_service.store.clients import APPROVAL, STOCK, Client
from licence_service.web import filled, pages
from licence_service.web.access import Credentials, TheService, client_of, system_with_stock
from licence_service.web.filled import Form, form_body
from licence_service.web.looking import in_beijing
from licence_service.web.receipting import HEADERS
from licence_service.web.shapes import ANSWERS, TEXT, answer, shape

router = APIRouter(tags=["stock"])
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_RATE: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": 1}
_TYPE = shape({
    "type": TEXT, "zh": TEXT, "en": TEXT, "in_register": _COUNT, "ready": _COUNT, "unjudged": _COUNT, "quarantined": _COUNT, "compliance_rate": _RATE,
    "collection_rate": _RATE, "reached": {"type": "boolean"},
})  # fmt: skip
_ANSWER = answer("The rates by type, and the line", shape({"line": _RATE, "at": TEXT, "types": {"type": "array", "items": _TYPE}}), "text/html")
_TOKEN = {"type": "string", "maxLength": 4096, "description": "Typed into the page, where no bearer token is sent."}
_BODY = {"type": "object", "additionalProperties": False, "properties": {"token": _TOKEN}}


@router.get("/compliance", include_in_schema=False)
def form() -> Response:
    """Show the page that asks for a token; nothing keeps it."""
    return pages.page("compliance_form.html")


@router.post("/compliance", responses={**ANSWERS, 200: _ANSWER}, openapi_extra=form_body(_BODY), summary="How much of the stock complies")
def compliance(request: Request, service: TheService, credentials: Credentials, form: Form) -> Response:
    """Return compliance and collection rate of each type of the caller's department whose stock it may bring, against the line of 95 %."""
    typed = filled.optional(form, "token", 4096)
    caller = system_with_stock(client_of(service, credentials.credentials if credentials else typed, APPROVAL))
    if pages.wants_html(request):
        return pages.page("compliance.html", headers=HEADERS, **shown(service, caller))
    told = [_told(service, one) for one in _of(service, caller)]
    return JSONResponse({"line": float(LINE), "at": service.now().isoformat(timespec="seconds"), "types": told}, headers=HEADERS)


def shown(service: Service, caller: Client) -> dict[str, Any]:
    """Return the values of the page of rates; `NotGranted` to a caller of a department that is none here."""
    department = service.keyring.departments.get(caller.department)
    if department is None:
        raise NotGranted
    types = [(one, _words(service, one), _percent(one.compliance), _percent(one.collection)) for one in _of(service, caller)]
    return {"types": types, "line": _percent(LINE), "counted_for": department, "at": in_beijing(service.now())}


def _of(service: Service, caller: Client) -> list[Compliance]:
    types = [slug for slug in service.catalogue.slugs if caller.may(STOCK, slug)]
    sums = service.stock().sums
    return list(complying(sums.in_register(caller.department), sums.by_type(caller.department), types))


def _words(service: Service, one: Compliance) -> tuple[str, str]:
    title = service.catalogue.editions[one.type][-1].title
    return title.zh, title.en


def _told(service: Service, one: Compliance) -> dict[str, Any]:
    zh, en = _words(service, one)
    return {
        "type": one.type, "zh": zh, "en": en, "in_register": one.in_register, "ready": one.ready, "unjudged": one.unjudged,
        "quarantined": one.quarantined, "compliance_rate": round(float(one.compliance), 6), "collection_rate": round(float(one.collection), 6),
        "reached": one.reached,
    }  # fmt: skip


def _percent(rate: Fraction) -> str:
    """Return a rate in per cent, cut, never rounded up: 94.99 does not become the line."""
    tenths = rate.numerator * 1000 // rate.denominator
    return f"{tenths // 10}.{tenths % 10}"
