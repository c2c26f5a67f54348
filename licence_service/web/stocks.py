"""Legacy stock for approval systems: a file in, its report, its quarantine and its results out (docs/stock.md).

A run of another department, or of a type that the client may not touch, is answered as one that does not exist. What people do with it is in
`stock_work`.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path as File
from tempfile import TemporaryDirectory
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.datastructures import UploadFile

from licence_service.errors import Fault, NotGranted, RequestRejected, WrongMediaType
from licence_service.stock.declared import Plan, plan_of, read_plan
from licence_service.stock.office import Delivery
from licence_service.stock.proving import proof
from licence_service.stock.releasing import Releasing, result_line
from licence_service.stock.reporting import report_of
from licence_service.stock.sources import open_source
from licence_service.stock.written import quarantine_sheet
from licence_service.store.clients import STOCK, Client
from licence_service.store.stock_rows import QUARANTINED, STATES, StockRun
from licence_service.web import filled
from licence_service.web.access import StockOwner, TheService
from licence_service.web.body import media_type, read_bytes
from licence_service.web.shapes import ANSWERS, TEXT, plain_answer, shape

MOST_STOCK = 32_000_000  # bytes of a file; larger ones are loaded by the command line
_FORM_ROOM, MOST_NAME = 1_100_000, 80
_CODES = frozenset({"check_code", "delivery_code", "verify_url"})
NDJSON, CSV = "application/x-ndjson", "text/csv"
router = APIRouter(tags=["stock"], responses=ANSWERS)
_KINDS = {"ndjson": NDJSON, "csv": CSV}
RunId = Annotated[str, Path(pattern=r"^[0-9a-f]{26}$")]
Like = Annotated[str | None, Query(pattern=r"^[0-9a-f]{26}$", description="With a bare file: the run whose type and mapping it has.")]
By = Annotated[str | None, Header(alias="Stock-By", max_length=800, description="With a bare file: who loads it; UTF-8, percent-encoded.")]
COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
FLAG = {"type": "boolean"}
_SUMS = shape({
    "county": TEXT, "imported": COUNT, "sealed": COUNT, "adopted": COUNT, "quarantined": COUNT, "rejected": COUNT, "waiting": COUNT,
    "in_book": COUNT, "holds": FLAG,
})  # fmt: skip
_STATE = shape({"run": TEXT, "type": TEXT, "loaded": FLAG, "holds": FLAG, "closed": FLAG, "counties": {"type": "array", "items": _SUMS}})
_REPORT = shape({
    "run": TEXT, "type": TEXT, "loaded": FLAG, "read": COUNT, "known": COUNT, "repeated": COUNT, "unmapped": {"type": "array", "items": TEXT},
    "counties": {"type": "array", "items": shape({"county": TEXT, "name": TEXT, **dict.fromkeys(STATES, COUNT)})},
    "rules": {"type": "array", "items": shape({"rule": TEXT, "severity": TEXT, "county": TEXT, "rows": COUNT, "zh": TEXT, "en": TEXT})},
    "samples": {"type": "array", "items": shape({"county": TEXT, "round": COUNT, "rows": COUNT, "sample": COUNT, "signed": FLAG})},
})  # fmt: skip
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object", "required": ["file", "map", "type", "by"],
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "CSV, Excel (.xlsx) or NDJSON; photos of NDJSON as base64."},
                        "map": {"type": "string", "description": "The mapping as TOML."},
                        "type": {"type": "string", "maxLength": MOST_NAME}, "by": {"type": "string", "maxLength": MOST_NAME},
                    },
                }
            },
            NDJSON: {"schema": {"type": "string", "description": "One object a line; with `like` and `Stock-By`."}},
            CSV: {"schema": {"type": "string", "description": "A table with headings; with `like` and `Stock-By`."}},
        },
    }
}  # fmt: skip


async def sent_stock(request: Request) -> dict[str, Any]:
    """Return the parts of the form: bytes of files, texts. A file that is the body itself is its only part."""
    kind = media_type(request)
    if kind in {NDJSON, CSV}:
        return {"file": await read_bytes(request, MOST_STOCK), "bare": kind}
    if kind != "multipart/form-data":
        raise WrongMediaType(f"the body is multipart/form-data, {NDJSON} or {CSV}")
    await filled.keep_body(request, MOST_STOCK + _FORM_ROOM)
    async with filled.parts(request, files=2, fields=4) as said:
        return {name: await one.read() if isinstance(one, UploadFile) else one for name, one in said.items() if name != "bare"}


@router.post("/batches", status_code=201, responses={201: plain_answer("Kept and judged", _REPORT)}, openapi_extra=_BODY, summary="Load legacy stock")
def load(
    service: TheService, caller: StockOwner, form: Annotated[dict[str, Any], Depends(sent_stock)], like: Like = None, stock_by: By = None
) -> Response:
    """Keep every row of a file and judge it; nothing is released. The same file again adds nothing, and goes on where it was broken off (ST-04).

    As a form it brings type, mapping and name. A bare NDJSON or CSV names an earlier run of the department, `like`, whose type and mapping it has.
    """
    stock = service.stock()
    if "bare" in form:
        slug, plan, by = _as_before(stock, caller, like, stock_by)
    else:
        slug, by = filled.text(form, "type", MOST_NAME), named(form)
        if not caller.may(STOCK, slug):
            raise NotGranted
        plan = read_plan(_bytes(form, "map"), stock.office.template(slug))
    with TemporaryDirectory(prefix="stock-") as folder:  # of this process alone; rows are read as a stream
        path = File(folder) / "file"
        path.write_bytes(_bytes(form, "file"))
        source = open_source(path)
        if form.get("bare") not in {None, _KINDS.get(source.kind)}:
            raise RequestRejected(faults=[Fault("body", "another-kind", "this is not what its media type says")])
        run = stock.office.load(caller, slug, Delivery(source, plan, by))
    return JSONResponse(report_of(stock, run), status_code=201, headers={"Location": f"/batches/{run.run_id}", "Cache-Control": "no-store"})


def _as_before(stock: Releasing, caller: Client, like: str | None, stock_by: str | None) -> tuple[str, Plan, str]:
    """Return type and mapping of an earlier run, and who loads now."""
    if like is None:
        raise RequestRejected(faults=[Fault("like", "missing", "the earlier run whose type and mapping the file has is wanted here")])
    run = _found(stock, caller, like)
    try:
        by = unquote(stock_by or "", errors="strict")
    except UnicodeDecodeError:
        raise RequestRejected(faults=[Fault("Stock-By", "not-utf-8", "a name in UTF-8, percent-encoded, is wanted here")]) from None
    return run.type, plan_of(run.content["plan"]), named({"Stock-By": by}, "Stock-By")


def named(said: Mapping[str, Any], name: str = "by") -> str:
    """Return the name of the person who does something, or of what it is done to."""
    text = filled.text(said, name, MOST_NAME)
    if not text.isprintable():  # PostgreSQL keeps no NUL
        raise RequestRejected(faults=[Fault(name, "control-character", "a name without control characters is wanted here")])
    return text


def _bytes(form: dict[str, Any], name: str) -> bytes:
    given = form.get(name)
    content = given.encode() if isinstance(given, str) else given
    if not isinstance(content, bytes) or not content:
        raise RequestRejected(faults=[Fault(name, "missing", "this part of the form is wanted")])
    return content


def _found(stock: Releasing, caller: Client, run_id: str) -> StockRun:
    return stock.office.of(caller, run_id)


@router.get("/batches/{run_id}", responses={200: plain_answer("The sums by county", _STATE)}, summary="Ask how far a stock is")
def state(service: TheService, caller: StockOwner, run_id: RunId) -> Response:
    """Return the sums of a run: imported = sealed + adopted + quarantined + rejected + waiting, against the file and the book (ST-05)."""
    stock = service.stock()
    run = _found(stock, caller, run_id)
    found = proof(run, stock.sums)
    counties = [{name: getattr(one, name) for name in _SUMS["properties"]} for one in found.counties]
    said = {"run": run.run_id, "type": run.type, "loaded": found.loaded, "holds": found.holds, "closed": found.closed, "counties": counties}
    return JSONResponse(said, headers={"Cache-Control": "no-store"})


@router.get("/batches/{run_id}/report", responses={200: plain_answer("What each rule found", _REPORT)}, summary="Read the report of a stock")
def report(service: TheService, caller: StockOwner, run_id: RunId) -> Response:
    """Return how many rows each rule found, by county; no value of any row."""
    stock = service.stock()
    return JSONResponse(report_of(stock, _found(stock, caller, run_id)), headers={"Cache-Control": "no-store"})


@router.get(
    "/batches/{run_id}/quarantine",
    responses={200: {"description": "CSV", "content": {"text/csv": {"schema": TEXT}}}},
    summary="Download the quarantine",
    response_class=StreamingResponse,
)
def quarantine(service: TheService, caller: StockOwner, run_id: RunId) -> Response:
    """Return the blocked rows as CSV: row, rule, suggestion, owner, and every field to be put right (ST-03). It holds personal data."""
    stock = service.stock()
    run = _found(stock, caller, run_id)
    sheet = quarantine_sheet(stock.office.template(run.type), stock.office.knowledge, stock.office.kept.each(run, QUARANTINED))
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{run_id}.csv"'}
    return StreamingResponse(sheet, media_type="text/csv; charset=utf-8", headers=headers)


@router.get(
    "/batches/{run_id}/results",
    responses={200: {"description": "One line a row", "content": {NDJSON: {"schema": TEXT}}}},
    summary="Download the results",
    response_class=StreamingResponse,
)
def results(service: TheService, caller: StockOwner, run_id: RunId) -> Response:
    """Return what came of every row as NDJSON; codes only to the client that released it (DESIGN §2)."""
    stock = service.stock()
    run = _found(stock, caller, run_id)
    return StreamingResponse(_lines(stock, run, codes=run.client == caller.name), media_type=NDJSON, headers={"Cache-Control": "no-store"})


def _lines(stock: Releasing, run: StockRun, *, codes: bool) -> Iterator[bytes]:
    hidden = frozenset[str]() if codes else _CODES
    for part in stock.office.kept.each(run):
        said = ({name: value for name, value in result_line(row).items() if name not in hidden} for row in part)
        yield b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in said)
