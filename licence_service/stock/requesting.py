"""The request that a row of the stock makes, and whether it would be refused: the dry run up to the page (DOMAIN §2f)."""

from typing import Any

from licence_service import requests
from licence_service.errors import Fault, Refusal
from licence_service.licence import Act
from licence_service.line import Line
from licence_service.preflight import first_draft, granted
from licence_service.stock.taking import draft_of
from licence_service.store.clients import Client
from licence_service.store.stock_rows import StockRow, StockRun


def body_of(run: StockRun, row: StockRow) -> dict[str, Any]:
    """Return the request that a row makes: always the same one as long as it says the same."""
    draft = draft_of(row.content["draft"])
    return {
        "type": run.type, "case_no": f"STOCK-{row.digest[:32]}-{row.attempt}", "decision": dict(draft.decision), "face": dict(draft.face),
        "photos": {name: one.jpeg for name, one in draft.photos.items() if one.jpeg},
        "origin": {"system": run.content["plan"]["system"], "row_digest": row.digest},
    }  # fmt: skip


def refusals(line: Line, run: StockRun, row: StockRow) -> tuple[Fault, ...]:
    """Return what a release of this row would be refused for today, its page placed and all; nothing is written."""
    caller = Client(run.client, run.department, (run.type,), 0)
    body = body_of(run, row)
    try:
        request = requests.read_conversion(body)
        template, department = granted(line, caller, request, body)
        first_draft(line, caller, template, department, request, Act.ISSUE)
    except Refusal as refused:
        return refused.faults or (Fault("", refused.slug, refused.title),)
    return ()
