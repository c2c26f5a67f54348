"""Notices for host apps that would rather pull: `GET /notices` by a cursor."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse, Response

from licence_service.errors import NotGranted
from licence_service.events import NOTICE
from licence_service.store.clients import HOST, READ, Client
from licence_service.web.access import Credentials, TheService, client_of
from licence_service.web.shapes import ANSWERS, TEXT, answer, shape

MOST_A_PAGE = 500
router = APIRouter(tags=["events"], responses=ANSWERS)
After = Annotated[str | None, Query(pattern=r"^[0-9a-f]{72}$", description="The `next` of an earlier answer; without one, from the first notice.")]
Limit = Annotated[int, Query(ge=1, le=MOST_A_PAGE, description="Most notices of one answer.")]
_COUNT: dict[str, Any] = {"type": "integer"}
_ONE = shape(
    {
        "holder": TEXT, "licence_id": TEXT, "certificate_type": TEXT, "duty": TEXT, "about": TEXT,
        "due_on": {"type": ["string", "null"], "format": "date", "description": "Null where the day would tell somebody's age."},
    }
)  # fmt: skip
_DAY = shape(
    {
        "holder": TEXT, "day": {"type": "string", "format": "date"}, "notices": _COUNT, "licences": _COUNT,
        "counts": {"type": "object", "additionalProperties": _COUNT, "description": "How many notices of which duty."},
    }
)  # fmt: skip
_EVENT = shape({"id": TEXT, "type": {"enum": [NOTICE]}, "timestamp": TEXT, "data": {"oneOf": [_ONE, _DAY]}})
_FEED = answer(
    "Notices in the order in which they were sent, and the cursor to go on after them",
    shape({"notices": {"type": "array", "items": _EVENT}, "next": TEXT}),
)


def host_app(service: TheService, credentials: Credentials) -> Client:
    """Return the host app that is calling, or `AccessRefused`; `NotGranted` to any other client, and where its scopes hold no reading."""
    host = client_of(service, credentials.credentials if credentials else None, HOST)
    if not host.may_somewhere(READ):
        raise NotGranted("the caller's scopes hold no read")
    return host


@router.get("/notices", responses={200: _FEED}, summary="What holders were told of cards that were claimed through you")
def notices(service: TheService, host: Annotated[Client, Depends(host_app)], after: After = None, limit: Limit = 100) -> Response:
    """Return the next notices of deadlines: of a person one each, of a company one for each of its days, with counts.

    Nothing of a person is in it. What it is and what to do, the holder's own token reads at `/holder/notices`.
    """
    found, reached = service.reminders.messenger.page(host, after, limit)
    return JSONResponse({"notices": list(found), "next": reached}, headers={"Cache-Control": "no-store"})
