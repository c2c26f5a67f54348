"""Routes for status lists (IETF Token Status List): fetched by number, as JWT or CWT, now or as of any past instant."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from licence_service.listing import CWT_TYPE, JWT_TYPE
from licence_service.web.access import TheService
from licence_service.web.shapes import ANSWERS, answer, shape

router = APIRouter(tags=["offline"], responses={status: ANSWERS[status] for status in (404, 422, 503)})
_JWT = f"application/{JWT_TYPE}"
_LISTS = answer("The addresses of all status lists", shape({"status_lists": {"type": "array", "items": {"type": "string"}}}))
_LIST = {
    "description": "The signed list",
    "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in (_JWT, CWT_TYPE)},
}
_OPEN = {"Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff", "Vary": "Accept"}  # a list is for everybody's programs
Number = Annotated[int, Path(ge=0, le=2**31 - 1, description="The number of the list, as codes on paper carry it.")]
Time = Annotated[int | None, Query(ge=0, le=2**40, description="Seconds since 1970: the list as it stood then.")]


@router.get("/status", responses={200: _LISTS}, summary="The addresses of all status lists")
def status_lists(service: TheService) -> dict[str, Any]:
    """Name all lists, for who keeps them all and so tells nobody whom he checks."""
    return {"status_lists": [service.status_lists.address(number) for number in service.status_lists.numbers()]}


@router.get("/status/{number}", response_class=Response, responses={200: _LIST, 304: {"description": "Nothing changed"}}, summary="A status list")
def status_list(request: Request, service: TheService, number: Number, time: Time = None) -> Response:
    """Return a list of two bits a version: 0 valid, 1 ended or voided, 2 suspended, 3 superseded; what is over by the calendar stays 0."""
    found = service.status_lists.fetch(number, cwt=_wants_cwt(request), time=time)
    headers = {**_OPEN, "ETag": found.tag, "Cache-Control": f"public, max-age={found.max_age}"}
    if found.tag in {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}:
        return Response(status_code=304, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)


def _wants_cwt(request: Request) -> bool:
    """Say whether the asker names the CWT before the JWT; a JWT is what anybody else gets."""
    accepted = [part.strip().partition(";")[0].lower() for part in request.headers.get("accept", "").split(",")]
    named = [one for one in accepted if one in {_JWT, CWT_TYPE}]
    return named[:1] == [CWT_TYPE]
