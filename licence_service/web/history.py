"""Routes that tell the history of a licence: to its department, and masked to whoever holds number and check code."""

from datetime import date, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from licence_service.fields import Asker
from licence_service.history import Shown, bars_of, due_of, history_of
from licence_service.identifiers import normal_code
from licence_service.licence import Licence, beijing_day
from licence_service.service import Service
from licence_service.store.record import Record
from licence_service.template import Template
from licence_service.view import view_of
from licence_service.web import history_page, pages
from licence_service.web.access import Caller, TheService
from licence_service.web.clocks import KnownAt, ValidAt, two_clocks
from licence_service.web.filled import Form
from licence_service.web.issuing import LicenceId
from licence_service.web.receipting import HEADERS
from licence_service.web.shapes import ANSWERS
from licence_service.web.shapes_history import HISTORY_ANSWER, PAIR_BODY, PUBLIC_ANSWER
from licence_service.web.verifying import verify_pair

_HEADING = (
    "licence_id", "elicence_id", "type", "issuer", "specimen", "state", "valid_from", "valid_to", "ground", "flags", "ended_on",
    "suspended_until", "version",
)  # fmt: skip
_NO_CALLER = {status: answer for status, answer in ANSWERS.items() if status not in {401, 403, 409}}
router = APIRouter()


@router.get(
    "/licences/{licence_id}/history", tags=["asking the book"], responses={**ANSWERS, 200: HISTORY_ANSWER}, summary="Read the history of a licence"
)
def history(
    request: Request, service: TheService, caller: Caller, licence_id: LicenceId, valid_at: ValidAt = None, known_at: KnownAt = None
) -> Response:
    """Return every entry in words with the differences of each version, and what acted when; JSON, or a page to print."""
    day, instant = two_clocks(valid_at, known_at, service.now())
    record = service.registrar.visible(caller, licence_id)
    return _shown(request, told(service, record, day, instant if known_at else all_of(record, instant), Asker.CLERK))


@router.post(
    "/verify/history",
    tags=["public"],
    responses={**_NO_CALLER, 200: PUBLIC_ANSWER},
    openapi_extra=PAIR_BODY,
    summary="The history, masked for the public",
)
def public_history(request: Request, service: TheService, form: Form) -> Response:
    """Return the history for number and check code as the public may see it; where they do not match, what `POST /verify` says."""
    number, code = form.get("number"), form.get("check_code")
    given = isinstance(number, str) and isinstance(code, str)
    found = service.book.of_pair(str(number), normal_code(str(code))) if given else None
    if found is None:
        return verify_pair(request, service, form)
    now = service.now()
    record, _ = found
    return _shown(request, told(service, record, beijing_day(now), all_of(record, now), Asker.PUBLIC))


def all_of(record: Record, now: datetime) -> datetime:
    """Return now, or the last entry's instant: the book's clock may run some ticks ahead of a clock on the wall."""
    lines = [entry.recorded_at for entry in record.entries if entry.recorded_at]
    above = all_of(record.parent, now) if record.parent else now
    return max(now, above, *lines[-1:])


def told(service: Service, record: Record, day: date, known_at: datetime, asker: Asker) -> dict[str, Any]:
    """Return the history of a licence in the shape of `GET /licences/{licence_id}/history`."""
    licence = record.at(day, known_at)
    kinds = service.catalogue.kinds
    template = service.catalogue.edition(record.type, licence.current.edition)
    bars = bars_of(record, known_at, Shown(licence.entries, kinds, asker))
    bars["due"] = due_of(service.verifier.judged(record, licence, template, known_at), template, kinds, asker)
    return {
        "valid_at": day.isoformat(),
        "known_at": known_at.isoformat(timespec="microseconds"),
        "licence": _heading(service, record, licence, template, asker),
        "history": history_of(record, licence, asker, service.library(record, known_at)),
        "bars": bars,
    }


def _heading(service: Service, record: Record, licence: Licence, template: Template, asker: Asker) -> dict[str, Any]:
    """Return what stands above the history: the present state, the number and the holder as this asker sees them."""
    department = service.keyring.department_of(licence.issuer or record.department)
    view = view_of(licence, template, service.catalogue.kinds, department, record.type, licence.current.version, asker)
    seen = {one["name"]: one["text"] for one in view["face"]}
    named = {"number": seen.get(template.number.field), "holder": seen.get(template.holder_name)}
    return {**{name: view[name] for name in _HEADING}, **named, "version": licence.current.version}


def _shown(request: Request, told: dict[str, Any]) -> Response:
    if pages.wants_html(request):
        return pages.page("history.html", headers=HEADERS, **history_page.values(told))
    return JSONResponse(told, headers=HEADERS)
