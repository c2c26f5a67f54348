"""Match boxes: yes or no to what stands on a paper; by POST only, tries slowed, the same for what does not exist (DOMAIN §2d)."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from licence_service.errors import Fault, RequestRejected, TooManyFailures
from licence_service.fields import comparison_form
from licence_service.matching import TAIL_LENGTH, Asked, Matched
from licence_service.service import Service
from licence_service.store.failures import AN_HOUR
from licence_service.web import filled, pages
from licence_service.web.access import TheService, address_of
from licence_service.web.filled import Form, form_body
from licence_service.web.looking import in_beijing
from licence_service.web.receipting import HEADERS
from licence_service.web.shapes import ANSWERS, TEXT, answer, shape

router = APIRouter()
TRIES = 5  # an hour
_PUBLIC = {status: said for status, said in ANSWERS.items() if status not in {401, 403, 404, 409}}
_YES_OR_NO: dict[str, Any] = {"enum": ["yes", "no", None]}
_ANSWER = answer("Yes or no for each box that was filled", shape({"name": _YES_OR_NO, "tail": _YES_OR_NO, "checked_at": TEXT}), "text/html")
_SCHEMA = {
    "type": "object",
    "properties": {
        "number": {"type": "string", "maxLength": 200}, "check_code": {"type": "string", "maxLength": 40},
        "code": {"type": "string", "maxLength": 1200, "description": "The digits of the scanned code, instead of number and check code."},
        "name": {"type": "string", "maxLength": 200, "description": "The holder's full name as it stands on the paper."},
        "tail": {"type": "string", "maxLength": 20, "description": "The last 4 to 6 characters of the plate or the identity number."},
    },
}  # fmt: skip


@router.post(
    "/verify/match",
    tags=["public"],
    responses={**_PUBLIC, 200: _ANSWER},
    openapi_extra=form_body(_SCHEMA),
    summary="Does this paper belong to the licence?",
)
def match(request: Request, service: TheService, form: Form) -> Response:
    """Compare a full name, or the end of a plate or identity number, with the licence of a code, or of number and check code.

    Five tries that do not match, for one licence or from one address, are all there are in an hour; then nothing is compared at all.
    """
    asked = Asked(filled.optional(form, "name", 200), filled.optional(form, "tail", 20))
    if asked.name is None and asked.tail is None:
        raise RequestRejected(faults=[Fault("name", "missing", "fill in the name, or the end of the plate or identity number")])
    if asked.tail is not None and len(comparison_form(asked.tail)) not in TAIL_LENGTH:
        raise RequestRejected(faults=[Fault("tail", "wrong-length", "the last 4 to 6 characters are wanted here")])
    code = filled.optional(form, "code", 1200)
    address = address_of(request, service)
    now = service.now()
    _count_try(service, "match-from", address, now)
    if code is not None:
        presented, found = f"code {code}", service.matcher.by_code(code, asked)
    else:
        number, check_code = filled.text(form, "number", 200), filled.text(form, "check_code", 40)
        presented, found = f"number {comparison_form(number)}", service.matcher.by_pair(number, check_code, asked)
    about = found.licence_id or presented
    _count_try(service, "match", about, now)
    if found.all_match:
        service.failures.take_back("match", about, now, seconds=AN_HOUR)
        service.failures.take_back("match-from", address, now, seconds=AN_HOUR)
    return _shown(request, service, found)


def _count_try(service: Service, kind: str, value: str, now: datetime) -> None:
    """Count a try before anything is told, so that guesses sent at once get no more answers than guesses one by one."""
    if service.failures.count(kind, value, now, seconds=AN_HOUR) > TRIES:
        raise TooManyFailures("try again in an hour")


def _shown(request: Request, service: Service, found: Matched) -> Response:
    boxes = {"name": found.name, "tail": found.tail}
    if pages.wants_html(request):
        return pages.page("match.html", headers=HEADERS, boxes=boxes, all_match=found.all_match, at=in_beijing(service.now()))
    words = {None: None, True: "yes", False: "no"}
    said = {name: words[one] for name, one in boxes.items()}
    return JSONResponse({**said, "checked_at": service.now().isoformat(timespec="seconds")}, headers=HEADERS)
