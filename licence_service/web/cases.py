"""How a case stands: `GET /cases/{case_no}` (DOMAIN §2e)."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse, Response

from licence_service.cases import Step, Waits
from licence_service.store.cases import MOST
from licence_service.web.access import Reader, TheService
from licence_service.web.shapes import ANSWERS, TEXT, answer, shape

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


@router.get("/cases/{case_no:path}", responses={200: _CASE}, summary="How a case stands")
def read(service: TheService, caller: Reader, case_no: CaseNo) -> Response:
    """Return each licence that your department asked for under a case number, with the steps that it reached and on whom it waits.

    What was refused, or left to a clerk, is told too: its step says why in `codes`, the problem's first, and repeats no value. A request that was
    not of its shape, or with a face that is not acceptable (422), decided nothing about its case and leaves no line.

    `delivered` says that every webhook of yours that wants the event has taken it. The licence holds from `registered` on, whatever comes of that.
    `reported` and `reconciled` are about the provincial repository: it took the entry, and a comparison found both sides alike.
    """
    return JSONResponse({"issues": service.cases.read(caller, case_no)}, headers={"Cache-Control": "no-store"})
