"""Checking rows in bulk, for platforms: JSON or NDJSON in, one line an answer out while the rest is still being judged (SH-14)."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response, StreamingResponse

from licence_service.bulk.checking import PART
from licence_service.bulk.files import line_of
from licence_service.bulk.judging import Said
from licence_service.bulk.rows import MOST_ROWS, Faults, Row, read_rows
from licence_service.errors import Fault, RequestRejected, WrongMediaType
from licence_service.json_object import parse_object
from licence_service.service import Service
from licence_service.store.clients import PLATFORM
from licence_service.verdict import Overall, Result
from licence_service.web.access import Credentials, TheService, client_of
from licence_service.web.body import media_type, read_bytes
from licence_service.web.clocks import ValidAt, two_clocks
from licence_service.web.shapes import ANSWERS, TEXT, shape

MOST_BATCH = 8_000_000
NDJSON = "application/x-ndjson"
router = APIRouter(tags=["platforms"])
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Accel-Buffering": "no"}
_TEXT_OR_NULL: dict[str, Any] = {"type": ["string", "null"]}
ROW: dict[str, Any] = {
    "type": "object", "additionalProperties": False, "required": ["number"], "anyOf": [{"required": ["plate"]}, {"required": ["name"]}],
    "properties": {
        "ref": {"type": "string", "maxLength": 120, "description": "Your own reference; it comes back as it is."},
        "number": {"type": "string", "minLength": 1, "maxLength": 200}, "plate": {"type": "string", "maxLength": 20},
        "name": {"type": "string", "maxLength": 200}, "type": {"type": "string", "description": "The licence type, where one number has several."},
    },
}  # fmt: skip
_LINE = shape({
    "index": {"type": "integer"}, "ref": _TEXT_OR_NULL, "match": {"enum": ["yes", "no", "not_compared"]}, "overall": {"enum": [one.value for one in Overall]},
    "reasons": {"type": "array", "items": TEXT},
    "conditions": shape({"result": {"enum": [one.value for one in Result]}, "due_on": _TEXT_OR_NULL}),
})  # fmt: skip
_ANSWER = {"description": "One line a row, in the order of the rows", "content": {NDJSON: {"schema": _LINE}}}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {
                "type": "object", "additionalProperties": False, "required": ["rows"],
                "properties": {"rows": {"type": "array", "items": ROW, "minItems": 1, "maxItems": MOST_ROWS}, "valid_at": {"type": "string"}},
            }},
            NDJSON: {"schema": ROW},
        },
    }
}  # fmt: skip


async def sent_rows(request: Request) -> tuple[str, bytes]:
    """Return the media type and the body, unread: reading it is not the event loop's work."""
    kind = media_type(request)
    if kind not in {"application/json", NDJSON}:
        raise WrongMediaType(f"the body is application/json or {NDJSON}")
    return kind, await read_bytes(request, MOST_BATCH)


Sent = Annotated[tuple[str, bytes], Depends(sent_rows)]


@router.post(
    "/verify/batch", responses={**ANSWERS, 200: _ANSWER}, openapi_extra=_BODY, summary="Verify many rows at once", response_class=StreamingResponse
)
def verify_batch(service: TheService, credentials: Credentials, sent: Sent, valid_at: ValidAt = None) -> Response:
    """Answer up to 10,000 rows of number and plate or name, each with a word, reasons, and what is due when: nothing of the record is sent back.

    A plate or name that does not belong to the number is answered exactly as a number that does not exist.
    """
    client = client_of(service, credentials.credentials if credentials else None, PLATFORM)
    given, day = _read(*sent, valid_at)
    rows = read_rows(given, service.desk.checking.types(client))
    about = asked_day(service, day)
    service.desk.checking.admit(client, len(rows))
    parts = service.desk.checking.parts(client, rows, about)
    first = next(parts)  # what cannot be answered at all is refused before the answer begins
    return StreamingResponse(_lines(rows, first, parts), media_type=NDJSON, headers=_HEADERS)


def asked_day(service: Service, valid_at: str | None) -> date | None:
    """Return the day that all rows are about; None means today."""
    return two_clocks(valid_at, None, service.now())[0] if valid_at else None


def _read(kind: str, content: bytes, valid_at: str | None) -> tuple[list[tuple[int, object]], str | None]:
    if kind == NDJSON:
        return list(enumerate(objects_of(content))), valid_at
    body = parse_object(content)
    if body.keys() - {"rows", "valid_at"}:
        raise RequestRejected(faults=[Fault("body", "unknown-key", "only these are known: rows, valid_at")])
    said = body.get("valid_at")
    if said is not None and (not isinstance(said, str) or len(said) > 10 or valid_at not in (None, said)):  # noqa: PLR2004 - a day's length
        raise RequestRejected(faults=[Fault("valid_at", "not-a-day", "one day as YYYY-MM-DD is wanted here")])
    return rows_in(body), said or valid_at


def rows_in(body: dict[str, Any]) -> list[tuple[int, object]]:
    """Return the rows of a JSON body, numbered, not yet read."""
    rows = body.get("rows")
    if not isinstance(rows, list):
        raise RequestRejected(faults=[Fault("rows", "missing" if rows is None else "not-a-list", "a list of rows is wanted here")])
    return list(enumerate(rows))


def objects_of(content: bytes) -> list[dict[str, Any]]:
    """Return the objects of NDJSON, one a line; every line that holds none is named."""
    found, faults = [], Faults()
    lines = content.removesuffix(b"\n").split(b"\n") if content.strip() else []
    if len(lines) > MOST_ROWS:
        raise RequestRejected(faults=[Fault("rows", "too-many", f"at most {MOST_ROWS} rows")])
    for index, line in enumerate(lines):
        try:
            found.append(parse_object(line))
        except RequestRejected as wrong:
            faults.add(*(Fault(f"rows[{index}]", one.code, one.message) for one in wrong.faults))
    faults.refuse_if_any("rows")
    return found


def _lines(rows: list[Row], first: list[Said], rest: Iterator[list[Said]]) -> Iterator[bytes]:
    start, part = 0, first
    while part:
        answers = zip(rows[start : start + PART], part, strict=True)
        yield b"".join(json.dumps(line_of(row, said), ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for row, said in answers)
        start += PART
        part = next(rest, [])
