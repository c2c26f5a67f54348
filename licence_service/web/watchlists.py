"""Watched lists, for platforms: put, asked for changes by a cursor, deleted (SH-14)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, Response

from licence_service.bulk.rows import Faults, Row, read_rows
from licence_service.bulk.watched import MOST_WATCHED, change_json
from licence_service.errors import Fault, RequestRejected, WrongMediaType
from licence_service.json_object import parse_object
from licence_service.service import Service
from licence_service.store.clients import PLATFORM, Client
from licence_service.verdict import Overall
from licence_service.web.access import Credentials, TheService, client_of
from licence_service.web.batch import ROW, rows_in
from licence_service.web.body import media_type, read_bytes
from licence_service.web.shapes import ANSWERS, TEXT, answer, shape

MOST_LIST = 20_000_000
router = APIRouter(tags=["platforms"], responses=ANSWERS)
ListName = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,60}$", description="Your name for the list: small letters, digits, hyphens.")]
After = Annotated[
    str | None, Query(pattern=r"^[0-9a-f]{50,120}$", description="The cursor of an earlier answer; without one, from the first change.")
]
_HEADERS = {"Cache-Control": "no-store"}
_TEXT_OR_NULL: dict[str, Any] = {"type": ["string", "null"]}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {
            "type": "object", "additionalProperties": False, "required": ["rows"],
            "properties": {"rows": {"type": "array", "items": {**ROW, "required": ["ref", "number"]}, "minItems": 1, "maxItems": MOST_WATCHED}},
        }}},
    }
}  # fmt: skip
_CHANGE = shape(
    {
        "ref": TEXT, "overall": {"enum": [one.value for one in Overall]}, "reasons": {"type": "array", "items": TEXT}, "recorded_at": _TEXT_OR_NULL,
        "noted_at": TEXT,
    }
)  # fmt: skip
_PUT = answer("The list is watched from now on", shape({"list": TEXT, "rows": {"type": "integer"}}))
_FEED = answer(
    "Changes in their order; ask again with the cursor, at once where there is more",
    shape({"list": TEXT, "changes": {"type": "array", "items": _CHANGE}, "cursor": TEXT, "more": {"type": "boolean"}}),
)


async def sent_list(request: Request) -> bytes:
    """Return the body, unread: reading it is not the event loop's work."""
    if media_type(request) != "application/json":
        raise WrongMediaType("the body is application/json")
    return await read_bytes(request, MOST_LIST)


@router.put("/watch/{name}", responses={200: _PUT}, openapi_extra=_BODY, summary="Watch a list")
def put(service: TheService, credentials: Credentials, name: ListName, sent: Annotated[bytes, Depends(sent_list)]) -> Response:
    """Put a list in place of the one of this name. Numbers, plates and names are kept blinded only; nothing is said of any row yet.

    Rows that stay the same keep their place in the feed; what changes from now on is told for new ones.
    """
    client = _platform(service, credentials)
    rows = _read(service, client, sent)
    service.desk.watch.put(client, name, rows)
    return JSONResponse({"list": name, "rows": len(rows)}, headers=_HEADERS)


def _platform(service: Service, credentials: Credentials) -> Client:
    return client_of(service, credentials.credentials if credentials else None, PLATFORM)


def _read(service: Service, client: Client, sent: bytes) -> list[Row]:
    body = parse_object(sent)
    if body.keys() - {"rows"}:
        raise RequestRejected(faults=[Fault("body", "unknown-key", "only `rows` is known here")])
    rows = read_rows(rows_in(body), service.desk.checking.types(client), most=MOST_WATCHED)
    faults, seen = Faults(), set[str]()
    for row in rows:
        if row.ref is None:
            faults.add(Fault(f"rows[{row.index}].ref", "missing", "a watched row has a reference of its own"))
        elif row.ref in seen:
            faults.add(Fault(f"rows[{row.index}].ref", "duplicate-ref", "another row of the list has this reference"))
        seen.add(row.ref or "")
    faults.refuse_if_any("rows")
    return rows


@router.get("/watch/{name}/changes", responses={200: _FEED}, summary="What changed")
def changes(service: TheService, credentials: Credentials, name: ListName, after: After = None) -> Response:
    """Return the rows whose answer changed since the list was put, each with the word now; the same cursor gives the same changes again."""
    feed = service.desk.watch.feed(_platform(service, credentials), name, after)
    said = {"list": name, "changes": [change_json(one) for one in feed.changes], "cursor": feed.cursor, "more": feed.more}
    return JSONResponse(said, headers=_HEADERS)


@router.delete("/watch/{name}", status_code=204, summary="Watch a list no longer")
def delete(service: TheService, credentials: Credentials, name: ListName) -> Response:
    """Forget a list with all its rows and changes."""
    service.desk.watch.lists.delete(_platform(service, credentials).name, name)
    return Response(status_code=204)
