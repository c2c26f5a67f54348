"""The event feed, for those who would rather pull: `GET /events` by a cursor (AI-06, AI-07)."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from licence_service.events import TYPES
from licence_service.feed import MOST_A_PAGE
from licence_service.licence import Act
from licence_service.web.access import Follower, TheService
from licence_service.web.shapes import ANSWERS, TEXT, answer, shape

router = APIRouter(tags=["events"], responses=ANSWERS)
After = Annotated[str | None, Query(pattern=r"^[0-9a-f]{72}$", description="The `next` of an earlier answer; without one, from the first event.")]
Limit = Annotated[int, Query(ge=1, le=MOST_A_PAGE, description="Most events of one answer.")]
DATA = shape(
    {
        "licence_id": TEXT, "sequence": {"type": "integer"}, "act": {"enum": [act.value for act in Act]}, "certificate_type": TEXT, "department": TEXT,
        "effective_on": {"type": "string", "format": "date"}, "recorded_only": {"type": "boolean"}, "version": {"type": "integer"}, "elicence_id": TEXT,
    },
    ("version", "elicence_id"),
)  # fmt: skip
EVENT: dict[str, Any] = shape({"id": TEXT, "type": {"enum": list(TYPES)}, "timestamp": TEXT, "data": DATA})
_FEED = answer(
    "Events in the order of the book, and the cursor to go on after them", shape({"events": {"type": "array", "items": EVENT}, "next": TEXT})
)


@router.get("/events", responses={200: _FEED}, summary="What happened to licences that you may know of")
def events(service: TheService, caller: Follower, after: After = None, limit: Limit = 100) -> Response:
    """Return the next events of licences that your department issued, holds or is offered, of the types you hold a grant for.

    A host app is told of the cards that holders claimed through it, from the claim on and while they are cards.

    The same cursor gives the same events again, and those that came since. An answer may be short or empty although more is to come:
    keep `next`, and ask again with it; at once after a full answer, else when it suits you.
    """
    page = service.feed.page(caller, after, limit)
    return JSONResponse({"events": page.events, "next": page.next}, headers={"Cache-Control": "no-store"})
