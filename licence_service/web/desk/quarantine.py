"""Quarantined rows of legacy stock at the desk: what is wrong with each, put right at its field, a suggestion taken, or rejected for good (ST-03)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import RedirectResponse, Response

from licence_service.duties import Right
from licence_service.errors import Fault, RequestRejected
from licence_service.stock.normal import shown
from licence_service.stock.releasing import Releasing
from licence_service.stock.taking import draft_of
from licence_service.stock.written import headings
from licence_service.store.stock_rows import LOADED, QUARANTINED, RELEASING, STATES, StockRow, StockRun
from licence_service.template import Template
from licence_service.web.complying import shown as shown_rates
from licence_service.web.desk.room import HOME, Desk, TheForm, having, renewed
from licence_service.web.desk_words import fault_words
from licence_service.web.stocks import RunId

router = APIRouter(prefix=f"{HOME}/stock", include_in_schema=False)
Keeper = Annotated[Desk, Depends(having(Right.QUARANTINE))]
Line = Annotated[int, Path(ge=1, le=2**53)]
_A_PAGE = 10
_MOST_CELL = 500
_MOVING = (LOADED, RELEASING)  # what is being judged, and released
_RENEWED_SECONDS = 10


@router.get("")
def runs(desk: Keeper) -> Response:
    """Show how far each run of the department is, and how much of it waits in quarantine; renewed by itself while rows are on their way."""
    stock = desk.service.stock()
    rows: list[dict[str, Any]] = [
        {"run": run, "title": stock.office.template(run.type).title, "counts": _counts(stock, run)}
        for run in stock.office.kept.all(desk.person.department)
    ]  # fmt: skip
    answer = desk.page("stock.html", runs=rows)
    moving = any(one["counts"][state] for one in rows for state in _MOVING)
    return renewed(answer, _RENEWED_SECONDS) if moving else answer


def _counts(stock: Releasing, run: StockRun) -> dict[str, int]:
    """Return how many rows of a run stand in each state, and `whole`, all of them."""
    counties = stock.sums.states(run).values()
    counts = {state: sum(each.get(state, 0) for each in counties) for state in STATES}
    return {**counts, "whole": sum(counts.values())}


@router.get("/rates")
def rates(desk: Keeper) -> Response:
    """Show the compliance rate of each type of the department against the line, as systems of the department are told it."""
    return desk.page("rates.html", **shown_rates(desk.service, desk.caller))


@router.get("/{run_id}")
def quarantine(desk: Keeper, run_id: RunId, after: Annotated[int, Query(ge=0, le=2**53)] = 0) -> Response:
    """Show the next rows of the quarantine, each with what was found and the fields that it is about."""
    stock = desk.service.stock()
    run = stock.office.of(desk.caller, run_id)
    desk.log("quarantine", run_id)
    rows = stock.office.kept.rows(run, QUARANTINED, after=after, limit=_A_PAGE)
    template = stock.office.template(run.type)
    return desk.page(
        "quarantine.html", run=run, title=template.title, rows=[_row(stock, template, row) for row in rows], after=after,
        more=rows[-1].key if len(rows) == _A_PAGE else None,
    )  # fmt: skip


@router.post("/{run_id}/rows/{line}")
def settle(desk: Keeper, form: TheForm, run_id: RunId, line: Line) -> Response:
    """Put a row right with what was typed and judge it anew, or reject it for good; who did it stays with the row."""
    stock = desk.service.stock()
    run = stock.office.of(desk.caller, run_id)
    by, after = desk.person.person_id, form.text("after", 20)
    if form.text("do") == "reject":
        stock.office.reject(run, [line], by, form.text("reason", _MOST_CELL))
    else:
        known = headings(stock.office.template(run.type))
        values = {name: form.text(f"cell.{name}", _MOST_CELL) for name in known if f"cell.{name}" in form.texts}
        if not values:
            raise RequestRejected(faults=[Fault("row", "missing", "nothing was typed")])
        stock.office.correct(run, [(line, values)], by)
    return RedirectResponse(f"{HOME}/stock/{run_id}?after={after if after.isdecimal() else 0}#line-{line}", status_code=303)


def _row(stock: Releasing, template: Template, row: StockRow) -> dict[str, Any]:
    """Return what the page shows of a row: findings in words, and a cell for each field that one of them names; no cell for a photo."""
    draft, named = draft_of(row.content["draft"]), headings(template)
    findings, cells = [], dict[str, dict[str, str]]()
    for one in row.content.get("findings", ()):
        rule, name = stock.office.knowledge.rules[one["rule"]], str(one["path"]).removeprefix("face.").partition("[")[0]
        findings.append(
            {"severity": rule.severity, "zh": rule.words.zh, "en": rule.words.en, "advice": rule.advice, "fault": fault_words(one["code"], "")}
        )
        if name in named and not (name in template.fields and template.fields[name].type == "image"):
            is_field = name in template.fields
            value = shown(draft.face.get(name)) if is_field else draft.decision.get(name.removeprefix("decision."), "")
            label = (template.fields[name].label, template.fields[name].label_en) if is_field else (named[name].partition(" ")[0], "")
            cells[name] = {
                "zh": label[0],
                "en": label[1] or name.replace("_", " ").replace(".", " "),
                "value": value,
                "suggestion": one["suggestion"] or "",
            }
    number = draft.face.get(template.number.field)
    return {
        "line": row.line,
        "county": row.county,
        "holder": draft.face.get(template.holder_name),
        "number": number,
        "findings": findings,
        "cells": cells,
    }
