"""What people do with a loaded stock, through the system that they work in: rows put right, samples drawn and signed off, rows released (docs/stock.md).

Rights and the second pair of eyes are those of the command line. A run of another department, or of a type that the client may not touch, is
answered as one that does not exist.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response, StreamingResponse

from licence_service.errors import Fault, NotGranted, RequestRejected
from licence_service.licence import Act
from licence_service.stock.declared import plan_of
from licence_service.stock.releasing import Releasing
from licence_service.stock.written import headings, quarantine_sheet
from licence_service.store.clients import Client
from licence_service.store.stock_rows import PASSED, StockRun
from licence_service.web.access import StockOwner, TheService
from licence_service.web.body import json_body
from licence_service.web.shapes import ANSWERS, TEXT, as_body, plain_answer, shape
from licence_service.web.stocks import COUNT, FLAG, MOST_NAME, RunId, named

MOST_ROWS = 500  # that one call puts right or releases
_MOST_BODY, _MOST_CELL = 32_000_000, 100_000  # bytes with the photos of all rows; characters of a cell, a photo as base64 among them
_LAST_LINE = 2**53
router = APIRouter(tags=["stock"], responses=ANSWERS)
Body = Annotated[dict[str, Any], Depends(json_body(_MOST_BODY))]
_BY = {"type": "string", "minLength": 1, "maxLength": MOST_NAME, "description": "The person who does this, as the calling system knows them."}
_ROW = {
    "type": "object", "additionalProperties": False, "required": ["line", "values"],
    "properties": {
        "line": {"type": "integer", "minimum": 1, "maximum": _LAST_LINE, "description": "The line of the file that the row stands on."},
        "values": {
            "type": "object", "additionalProperties": {"type": "string", "maxLength": _MOST_CELL},
            "description": "New texts by field, `decision.…` too; a photo as base64; an empty text empties the field.",
        },
    },
}  # fmt: skip
_CORRECTIONS = as_body({
    "type": "object", "additionalProperties": False, "required": ["by", "rows"],
    "properties": {"by": _BY, "rows": {"type": "array", "items": _ROW, "minItems": 1, "maxItems": MOST_ROWS}},
})  # fmt: skip
_SIGNED = as_body({
    "type": "object", "additionalProperties": False, "required": ["by", "county"],
    "properties": {
        "by": _BY, "county": {"type": "string", "minLength": 1, "maxLength": MOST_NAME},
        "round": {"type": "integer", "minimum": 1, "maximum": _LAST_LINE, "description": "The last drawing that was looked at; wanted where several wait."},
    },
})  # fmt: skip
_CORRECTED = shape({"changed": COUNT, "same": COUNT, "not_in_quarantine": COUNT})
_SAMPLES = shape({"samples": {"type": "array", "items": shape({"county": TEXT, "round": COUNT, "rows": COUNT, "sample": COUNT, "signed": FLAG})}})
_RELEASED = shape({"sealed": COUNT, "adopted": COUNT, "refused": COUNT, "more": FLAG})
_NO_STORE = {"Cache-Control": "no-store"}


@router.post(
    "/batches/{run_id}/corrections", openapi_extra=_CORRECTIONS, responses={200: plain_answer("Put back and judged", _CORRECTED)},
    summary="Put rows of the quarantine right",
)  # fmt: skip
def correct(service: TheService, caller: StockOwner, run_id: RunId, body: Body) -> Response:
    """Put corrected rows back and judge them anew, up to 500; a text that says what the row says changes nothing (ST-03)."""
    stock, run = _run(service.stock(), caller, run_id)
    told = stock.office.correct(run, _edits(stock, run, body), named(body))
    return JSONResponse({name: told[name.replace("_", " ")] for name in _CORRECTED["properties"]}, headers=_NO_STORE)


@router.post(
    "/batches/{run_id}/sample", responses={200: plain_answer("What is drawn of each county", _SAMPLES)}, summary="Draw the samples of a stock"
)
def draw(service: TheService, caller: StockOwner, run_id: RunId) -> Response:
    """Draw the sample of every county: 1 in 1,000 of the rows that passed, at least 30. Which ones nobody can choose; again draws the same (ST-06)."""
    stock, run = _run(service.stock(), caller, run_id)
    return _samples(stock, run, draw=True)


@router.get(
    "/batches/{run_id}/sample", responses={200: {"description": "CSV", "content": {"text/csv": {"schema": TEXT}}}},
    summary="Download the sampled rows", response_class=StreamingResponse,
)  # fmt: skip
def sampled(service: TheService, caller: StockOwner, run_id: RunId) -> Response:
    """Return the rows that were drawn and wait for their release as CSV, for people to compare with the paper. It holds personal data."""
    stock, run = _run(service.stock(), caller, run_id)
    parts = ([row for row in rows if row.sampled] for rows in stock.office.kept.each(run, PASSED))
    sheet = quarantine_sheet(stock.office.template(run.type), stock.office.knowledge, (part for part in parts if part))
    headers = {**_NO_STORE, "Content-Disposition": f'attachment; filename="{run_id}-sample.csv"'}
    return StreamingResponse(sheet, media_type="text/csv; charset=utf-8", headers=headers)


@router.post(
    "/batches/{run_id}/sign-off", openapi_extra=_SIGNED, responses={200: plain_answer("Signed off", _SAMPLES)}, summary="Sign a sample off",
)  # fmt: skip
def sign_off(service: TheService, caller: StockOwner, run_id: RunId, body: Body) -> Response:
    """Sign off what was drawn of a county: its rows may be released. Whoever loaded the stock cannot (ST-06)."""
    stock, run = _run(service.stock(), caller, run_id)
    _only(body, "by", "county", "round")
    up_to = body.get("round")
    if up_to is not None and not _is_place(up_to):
        raise RequestRejected(faults=[Fault("round", "not-a-number", "the number of a drawing is wanted here")])
    stock.sign_off(run, named(body, "county"), named(body), up_to)
    return _samples(stock, run)


@router.post("/batches/{run_id}/release", responses={200: plain_answer("What became of them", _RELEASED)}, summary="Release rows of a stock")
def release(service: TheService, caller: StockOwner, run_id: RunId) -> Response:
    """Seal and adopt rows that passed and were signed off, some 500 a call; call again while there are `more`. A row never gives two licences (ST-04).

    Only the client that loaded the stock releases it, and only where it may issue, and adopt what is sealed already, itself.
    """
    stock, run = _run(service.stock(), caller, run_id)
    wanted = (Act.ISSUE, Act.ADOPT) if plan_of(run.content["plan"]).sealed else (Act.ISSUE,)
    if caller.name != run.client or not all(caller.may(act, run.type) for act in wanted):
        raise NotGranted("a stock is released by the client that loaded it, with the right to issue")
    told = stock.release(caller, run, chunk=MOST_ROWS, limit=MOST_ROWS)
    said = {name: told[name] for name in ("sealed", "adopted", "refused")}
    return JSONResponse({**said, "more": bool(told["more"])}, headers=_NO_STORE)


def _run(stock: Releasing, caller: Client, run_id: str) -> tuple[Releasing, StockRun]:
    return stock, stock.office.of(caller, run_id)


def _samples(stock: Releasing, run: StockRun, *, draw: bool = False) -> Response:
    found = stock.sample(run) if draw else stock.sums.samples(run)
    said = [
        {"county": one.county, "round": one.round, "rows": one.population, "sample": one.size, "signed": one.signed_at is not None} for one in found
    ]  # fmt: skip
    return JSONResponse({"samples": said}, headers=_NO_STORE)


def _only(body: Mapping[str, Any], *known: str) -> None:
    if body.keys() - set(known):
        raise RequestRejected(faults=[Fault("body", "unknown-key", f"only these are known: {', '.join(known)}")])


def _edits(stock: Releasing, run: StockRun, body: Mapping[str, Any]) -> list[tuple[int, dict[str, str]]]:
    """Return line and new texts of each row; every fault is named with its place."""
    _only(body, "by", "rows")
    rows, fields = body.get("rows"), headings(stock.office.template(run.type)).keys()
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_ROWS:
        raise RequestRejected(faults=[Fault("rows", "wrong-length", f"1 to {MOST_ROWS} rows are wanted here")])
    faults: list[Fault] = []
    for at, row in enumerate(rows):
        faults += _faults(row, f"rows[{at}]", fields)
    if faults:
        raise RequestRejected(faults=faults)
    if len({row["line"] for row in rows}) < len(rows):
        raise RequestRejected(faults=[Fault("rows", "twice", "each line once")])
    return [(row["line"], dict(row["values"])) for row in rows]


def _is_place(value: object) -> bool:
    """Say whether a value is the number of a line, or of a drawing."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _LAST_LINE


def _faults(row: object, path: str, fields: Any) -> list[Fault]:  # noqa: ANN401 - names
    if not isinstance(row, dict) or row.keys() != {"line", "values"}:
        return [Fault(path, "not-an-object", "line and values are wanted here")]
    line, values = row["line"], row["values"]
    if not _is_place(line):
        return [Fault(f"{path}.line", "not-a-number", "the line of the row is wanted here")]
    if not isinstance(values, dict) or not all(isinstance(one, str) and len(one) <= _MOST_CELL and "\x00" not in one for one in values.values()):
        return [Fault(f"{path}.values", "not-texts", f"texts of at most {_MOST_CELL} characters, by field, are wanted here")]
    return [Fault(f"{path}.values", "unknown-field", "these are not all fields of this type")] if values.keys() - fields else []
