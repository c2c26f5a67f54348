"""A page to report false sites: the commonest fraud is a code that leads to a look-alike. What is reported is kept, never fetched, never shown again."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from licence_service.errors import TooManyFailures
from licence_service.line import host_of
from licence_service.store.failures import AN_HOUR
from licence_service.web import filled, pages
from licence_service.web.access import TheService, address_of
from licence_service.web.filled import Form, form_body
from licence_service.web.shapes import ANSWERS, answer, shape

router = APIRouter()
REPORTS_AN_HOUR = 5
MOST_ADDRESS, MOST_REMARK = 500, 1000
_PUBLIC = {status: said for status, said in ANSWERS.items() if status not in {401, 403, 404, 409}}
_KEPT = answer("Kept for the operator", shape({"kept": {"type": "boolean"}}), "text/html")
_SCHEMA: dict[str, Any] = {
    "type": "object", "required": ["address"],
    "properties": {"address": {"type": "string", "maxLength": MOST_ADDRESS}, "remark": {"type": "string", "maxLength": MOST_REMARK}},
}  # fmt: skip


@router.get("/report-site", include_in_schema=False)
def form(service: TheService) -> Response:
    """Show the form, and the official host to compare with."""
    return pages.page("report_site.html", host=host_of(service.settings.public_url), kept=False)


@router.post("/report-site", tags=["public"], responses={**_PUBLIC, 200: _KEPT}, openapi_extra=form_body(_SCHEMA), summary="Report a false site")
def report(request: Request, service: TheService, form: Form) -> Response:
    """Keep the address of a site that pretends to be this one; a few an hour from one address."""
    address, remark = filled.text(form, "address", MOST_ADDRESS), filled.optional(form, "remark", MOST_REMARK)
    now = service.now()
    if service.failures.count("report", address_of(request, service), now, seconds=AN_HOUR) > REPORTS_AN_HOUR:
        raise TooManyFailures("try again in an hour")
    service.site_reports.add(address, remark or "", now)
    if pages.wants_html(request):
        return pages.page("report_site.html", host=host_of(service.settings.public_url), kept=True)
    return JSONResponse({"kept": True}, headers={"Cache-Control": "no-store"})
