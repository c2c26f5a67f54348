"""Routes for what others attest: bodies' signed assertions, cross-region reviews, signals, and the tasks that wait for a clerk."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse, Response

from licence_service.errors import AccessRefused, NotGranted, SignatureWrong
from licence_service.reviewing import Held
from licence_service.store.clients import EVERY_TYPE, TASK, Client
from licence_service.web.access import Caller, IdempotencyKey, TheService, count_failure
from licence_service.web.issuing import Body, LicenceId, written
from licence_service.web.shapes import ANSWERS, DONE_ANSWER
from licence_service.web.shapes_attesting import ASSERTION_BODY, HELD_ANSWER, REVIEW_BODY, SIGNAL_ANSWER, SIGNAL_BODY, TAKEN_ANSWER, TASKS_ANSWER

router = APIRouter(tags=["attesting"], responses=ANSWERS)
_NO_STORE = {"Cache-Control": "no-store"}


@router.post("/assertions", status_code=201, responses={201: TAKEN_ANSWER}, openapi_extra=ASSERTION_BODY, summary="Assert a fact of a licence")
def assertion(request: Request, service: TheService, body: Body) -> Response:
    """Take in what a registered body asserts under its own signature, which says who asks; accepted at once where a rule pack says so (EN-03)."""
    try:
        taken = service.assertions.take(body)
    except (AccessRefused, SignatureWrong):
        count_failure(request, service, "assertion")  # who has no key that is known tries slowly
        raise
    answer = {"licence_id": taken.licence_id, "endorsement_id": taken.endorsement_id, "state": taken.state, "reasons": list(taken.reasons)}
    return JSONResponse(answer, status_code=201, headers=_NO_STORE)


@router.post(
    "/reviews", status_code=201, responses={201: DONE_ANSWER, 202: HELD_ANSWER}, openapi_extra=REVIEW_BODY, summary="Review a vehicle of any county"
)
def review(service: TheService, caller: Caller, key: IdempotencyKey, body: Body) -> Response:
    """Match licence and inspection report and endorse; a silent source or a conflict is 202, saying with whom it waits (XR-01 to XR-07)."""
    outcome = service.reviews.review(caller, key, body)
    if isinstance(outcome, Held):
        waiting = {"state": "waiting", "licence_id": outcome.licence_id, "task_id": outcome.task_id, "waits_for": outcome.waits_for}
        return JSONResponse({**waiting, "reasons": list(outcome.reasons)}, status_code=202, headers={**_NO_STORE, "Retry-After": "3600"})
    return written(outcome)


@router.post(
    "/licences/{licence_id}/signals", status_code=201, responses={201: SIGNAL_ANSWER}, openapi_extra=SIGNAL_BODY, summary="Signal an underlying right"
)
def signal(service: TheService, caller: Caller, key: IdempotencyKey, licence_id: LicenceId, body: Body) -> Response:
    """Say that a right beneath the licence ended: a task for a clerk, or a cancellation only where a rule pack says so (LC-17)."""
    return JSONResponse(service.assertions.signal(caller, key, licence_id, body), status_code=201, headers=_NO_STORE)


@router.get("/tasks", responses={200: TASKS_ANSWER}, summary="What waits for a clerk")
def tasks(service: TheService, caller: Caller, after: Annotated[int, Query(ge=0, le=2**53)] = 0) -> dict[str, Any]:
    """Return the department's open tasks about the caller's types, oldest first, a hundred at a time; conflicts show both values."""
    found = service.tasks.of(caller.department, types=_types(caller), offices=caller.offices, after=after)
    listed = [
        {"task_id": one.task_id, "kind": one.kind, "licence_id": one.licence_id, "opened_at": one.opened_at.isoformat(), "content": dict(one.content)}
        for _, one in found
    ]
    return {"tasks": listed, "after": found[-1][0] if found else None}


@router.post("/tasks/{task_id}/close", status_code=204, summary="Close a task", response_class=Response)
def close(service: TheService, caller: Caller, task_id: Annotated[str, Path(pattern=r"^[0-9a-f]{26}$")]) -> Response:
    """Close a task; what was decided about it is an act of its own."""
    service.tasks.close(caller.department, task_id, caller.name, _types(caller), caller.offices)
    return Response(status_code=204, headers=_NO_STORE)


def _types(caller: Client) -> Sequence[str] | None:
    """Return the certificate types whose tasks the caller handles, None for all; `NotGranted` where its scopes hold no tasks."""
    if not caller.may_somewhere(TASK):
        raise NotGranted("the caller's scopes hold no tasks")
    types = caller.types_for(TASK)
    return None if EVERY_TYPE in types else types
