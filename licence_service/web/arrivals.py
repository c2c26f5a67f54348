"""What reached its holder, and what was printed, for systems that would rather pull: `GET /arrivals` by a cursor (AI-12)."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from licence_service.events import ARRIVALS
from licence_service.web.access import Reader, TheService
from licence_service.web.shapes import ANSWERS, TEXT, answer, shape

MOST_A_PAGE = 500
router = APIRouter(tags=["events"], responses=ANSWERS)
After = Annotated[str | None, Query(pattern=r"^[0-9a-f]{72}$", description="The `next` of an earlier answer; without one, from the first on.")]
Limit = Annotated[int, Query(ge=1, le=MOST_A_PAGE, description="Most events of one answer.")]
_CASE: dict[str, Any] = {
    "type": ["string", "null"], "description": "The case in which you issued it; null where it is of the stock, adopted, taken over, or of an earlier release.",
}  # fmt: skip
_HOW = {"enum": ["card", "file", "copy"], "description": "Of `issuance.delivered`: by what it reached its holder first."}
_COPY = {"type": "integer", "description": "Of `copy.printed`: the number of the copy."}
_DATA = shape(
    {"licence_id": TEXT, "certificate_type": TEXT, "department": TEXT, "case_no": _CASE, "how": _HOW, "copy_no": _COPY}, ("how", "copy_no")
)  # fmt: skip
_EVENT = shape({"id": TEXT, "type": {"enum": list(ARRIVALS)}, "timestamp": TEXT, "data": _DATA})
_FEED = answer(
    "Events in the order in which they happened, and the cursor to go on after them", shape({"arrivals": {"type": "array", "items": _EVENT}, "next": TEXT})
)  # fmt: skip


@router.get("/arrivals", responses={200: _FEED}, summary="What reached its holder, and what was printed")
def arrivals(service: TheService, caller: Reader, after: After = None, limit: Limit = 100) -> Response:
    """Return the next events that a licence of your department came to its holder, for the first time, and that a copy of one was printed.

    Whoever asks for ratings, or sends parcels, begins with them: this service does neither. A licence that your department took over is one of its
    own. What happened before you were registered is not told.
    An answer may be short although more is to come: keep `next`, and ask again with it.
    """
    found, reached = service.arrivals.messenger.page(caller, after, limit)
    return JSONResponse({"arrivals": list(found), "next": reached}, headers={"Cache-Control": "no-store"})
