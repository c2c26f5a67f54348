"""How a case stands, and that a person look at it: `GET /cases/{case_no}`, `POST /cases/{case_no}/review` (DOMAIN §2e, AI-03)."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse, Response

from licence_service.cases import Step, Waits
from licence_service.envelope import WORD, Reading
from licence_service.requests import LICENCE
from licence_service.store.cases import MOST
from licence_service.web.access import Caller, Reader, TheService
from licence_service.web.issuing import Body
from licence_service.web.shapes import ANSWERS, TEXT, answer, as_body, shape

router = APIRouter(tags=["events"], responses=ANSWERS)
CaseNo = Annotated[str, Path(pattern=r"^[0-9A-Za-z._/-]{1,80}$", description="The case number, as it came with the request.")]
_STEPS = [step.value for step in Step]
_STEP = shape({"step": {"enum": _STEPS}, "at": TEXT, "codes": {"type": "array", "items": TEXT}}, ("codes",))
_ISSUE: dict[str, Any] = shape(
    {
        "licence_id": {"type": ["string", "null"]}, "type": TEXT, "act": TEXT, "state": {"enum": _STEPS},
        "waits_on": {"enum": [*(one.value for one in Waits), None]},
        "reason": {"type": ["string", "null"]}, "steps": {"type": "array", "items": _STEP},
    }
)  # fmt: skip
_CASE = answer("What came of the case, oldest first", shape({"issues": {"type": "array", "items": _ISSUE, "maxItems": MOST}}))
_ASKED = answer("Left to a clerk", shape({"task_id": TEXT}))
_ISSUED = {"type": ["string", "null"], "description": "What was issued; absent for what was refused."}
_ASKING = as_body(shape({"type": TEXT, "licence_id": _ISSUED}, ("licence_id",)))


@router.get("/cases/{case_no:path}", responses={200: _CASE}, summary="How a case stands")
def read(service: TheService, caller: Reader, case_no: CaseNo) -> Response:
    """Return each licence that your department asked for under a case number, with the steps that it reached and on whom it waits.

    What was refused, or left to a clerk, is told too: its step says why in `codes`, the problem's first, and repeats no value. A request that was
    not of its shape, or with a face that is not acceptable (422), decided nothing about its case and leaves no line.

    `delivered` says that every webhook of yours that wants the event has taken it. The licence holds from `registered` on, whatever comes of that.
    `reported` and `reconciled` are about the provincial repository: it took the entry, and a comparison found both sides alike.
    """
    return JSONResponse({"issues": service.cases.read(caller, case_no)}, headers={"Cache-Control": "no-store"})


@router.post("/cases/{case_no:path}/review", status_code=201, responses={201: _ASKED}, openapi_extra=_ASKING, summary="Ask for human review")
def ask_review(service: TheService, caller: Caller, case_no: CaseNo, body: Body) -> Response:
    """Leave an issue of a case to a clerk, because whoever it concerns asks for a person: of a decision that was made unattended, above all (AI-03).

    Name the licence where one was issued: it holds until the clerk enters an act. Without one, what was refused goes to the clerk: the case says
    `needs_clerk`, and comes again with an officer's decision, or is issued at the desk. Asked again, it is the same task until it is closed.
    """
    reading = Reading(body)
    reading.only(frozenset({"type", "licence_id"}))
    slug, licence_id = reading.field("type", WORD, required=True), reading.field("licence_id", LICENCE)
    reading.refuse_if_faulty()
    return JSONResponse({"task_id": service.cases.ask_review(caller, case_no, slug, licence_id)}, 201, headers={"Cache-Control": "no-store"})
