"""`licence-service batch`: legacy stock from a file of an old system to the last sealed licence (docs/stock.md)."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from licence_service.cli.talking import REFUSED, client_named, out, progress, said, service, show
from licence_service.errors import Fault, RequestRejected
from licence_service.service import Service
from licence_service.stock.declared import read_plan
from licence_service.stock.objecting import Objections
from licence_service.stock.office import Delivery
from licence_service.stock.proving import proof as proved
from licence_service.stock.releasing import ONE_IN, Releasing, result_line
from licence_service.stock.reporting import report_of
from licence_service.stock.sources import open_source
from licence_service.stock.written import edits, quarantine_sheet
from licence_service.store.stock_rows import PASSED, QUARANTINED, StockRow, StockRun

app = typer.Typer(no_args_is_help=True, help="Legacy stock: load, judge, put right, sample, release, prove.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[str, typer.Argument(metavar="RUN", help="The run, as `load` printed it.")]
By = Annotated[str, typer.Option("--by", help="Who does this; whoever loads does not sign the sample off.")]
Out = Annotated[Path, typer.Option("--out", help="The file to write; it holds personal data and is made readable by its owner alone.")]
Beside = Annotated[
    Path | None, typer.Option("--beside", help="The folder with the photos and sealed files that rows name.", exists=True, file_okay=False)
]
Lines = Annotated[list[int], typer.Option("--line", help="The line of the file that the row stands on; may be given again.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept with the row.")]
_COUNTIES = ("county", "imported", "sealed", "adopted", "quarantined", "rejected", "waiting", "in_book", "holds")


@contextmanager
def _opened(run_id: str) -> Iterator[tuple[Service, Releasing, StockRun]]:
    with service() as opened:
        stock = opened.stock()
        yield opened, stock, stock.office.kept.get(run_id)


@app.command()
@said
def load(  # noqa: PLR0913 - each option is an argument
    file: Annotated[Path, typer.Argument(help="CSV, Excel (.xlsx) or NDJSON.", exists=True, dir_okay=False)],
    client: Annotated[str, typer.Option("--client", help="The client in whose name the stock is released later.")],
    type_: Annotated[str, typer.Option("--type", help="The certificate type.")],
    mapping: Annotated[Path, typer.Option("--map", help="Which column is which field, as TOML.", exists=True, dir_okay=False)],
    by: By,
    beside: Beside = None,
    ended: Annotated[Path | None, typer.Option("--ended", help="Identifiers of holders who died or were dissolved, one a line.", exists=True)] = None,
    render: Annotated[bool, typer.Option("--render", help="Place each page too: what does not fit is known before any release.")] = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Keep every row of a file and judge it; nothing is released. The same file again adds nothing, and goes on where it was broken off."""
    source = open_source(file)
    with service() as opened:
        stock = opened.stock()
        plan = read_plan(mapping.read_bytes(), stock.office.template(type_))
        holders = tuple(ended.read_text("utf-8-sig").splitlines()) if ended else ()
        with progress("load", sum(1 for _ in source.rows()) * 2) as step:
            run = stock.office.load(client_named(opened, client), type_, Delivery(source, plan, by, beside, holders, render), step)
        _reported(stock, run, as_json=as_json)


@app.command()
@said
def report(run_id: Id, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Say how many rows each rule found, by county, and how many stand where."""
    with _opened(run_id) as (_, stock, run):
        stock.office.judge(run)
        _reported(stock, run, as_json=as_json)


@app.command("list")
@said
def list_runs(as_json: AsJson = False) -> None:  # noqa: FBT002
    """List the runs, newest first."""
    with service() as opened:
        stock = opened.stock()
        rows = [
            {"run": one.run_id, "type": one.type, "client": one.client, "loaded_by": one.loaded_by, "loaded": one.loaded_at is not None,
             "waiting": stock.waiting(one)}
            for one in stock.office.kept.all()
        ]  # fmt: skip
    show(rows, as_json=as_json, columns=("run", "type", "client", "loaded_by", "loaded", "waiting"))


@app.command()
@said
def quarantine(run_id: Id, to: Out, county: Annotated[str | None, typer.Option("--county", help="Rows of one county only.")] = None) -> None:
    """Write the rows in quarantine as CSV, with rule, suggestion and owner; put them right and give the file to `correct`."""
    with _opened(run_id) as (_, stock, run):
        parts = stock.office.kept.each(run, QUARANTINED, county=county)
        _written(to, quarantine_sheet(stock.office.template(run.type), stock.office.knowledge, parts))


@app.command()
@said
def correct(
    run_id: Id,
    file: Annotated[Path, typer.Argument(help="What `quarantine` wrote, put right; CSV, Excel or NDJSON.", exists=True, dir_okay=False)],
    by: By,
    beside: Beside = None,
) -> None:
    """Put corrected rows back and judge them anew."""
    with _opened(run_id) as (_, stock, run):
        told = stock.office.correct(run, edits(open_source(file), stock.office.template(run.type)), by, beside=beside)
    out.print(f"{told['changed']:,} put back, {told['same']:,} unchanged, {told['not in quarantine']:,} not in quarantine")


@app.command()
@said
def accept(run_id: Id, rule: Annotated[str, typer.Option("--rule", help="The rule whose suggestions are taken.")], by: By) -> None:
    """Take what a rule suggests, in every row of the quarantine that has a suggestion of it."""
    with _opened(run_id) as (_, stock, run):
        out.print(f"{stock.office.accept(run, rule, by):,} rows took the suggestion and were judged anew")


@app.command()
@said
def hold(run_id: Id, line: Lines, by: By, reason: Reason) -> None:
    """Put rows that passed into quarantine: a person who looked at the sample found them wrong."""
    with _opened(run_id) as (_, stock, run):
        out.print(f"{stock.office.hold(run, line, by, reason):,} rows held")


@app.command()
@said
def reject(run_id: Id, line: Lines, by: By, reason: Reason) -> None:
    """Reject rows of the quarantine for good."""
    with _opened(run_id) as (_, stock, run):
        out.print(f"{stock.office.reject(run, line, by, reason):,} rows rejected")


@app.command()
@said
def sample(run_id: Id, to: Out) -> None:
    """Draw the sample of every county, and write its rows as CSV for people to compare with the paper."""
    with _opened(run_id) as (_, stock, run):
        drawn = stock.sample(run)
        parts = (_drawn(rows) for rows in stock.office.kept.each(run, PASSED))
        _written(to, quarantine_sheet(stock.office.template(run.type), stock.office.knowledge, (part for part in parts if part)))
    rows = [{"county": one.county, "round": one.round, "rows": one.population, "sample": one.size, "signed_by": one.signed_by or ""} for one in drawn]
    show(rows, as_json=False, columns=("county", "round", "rows", "sample", "signed_by"))
    out.print(f"1 in {ONE_IN:,} by county; see {to}")


@app.command("sign-off")
@said
def sign_off(
    run_id: Id,
    county: Annotated[list[str], typer.Option("--county", help="The county; may be given again.")],
    by: By,
    up_to: Annotated[int | None, typer.Option("--round", help="The last drawing that was looked at; wanted where several wait.", min=1)] = None,
) -> None:
    """Sign off the sample of a county: its rows may be released. Whoever loaded the stock cannot."""
    with _opened(run_id) as (_, stock, run):
        for one in county:
            stock.sign_off(run, one, by, up_to)
            out.print(f"signed off  {one}")


@app.command()
@said
def release(
    run_id: Id,
    chunk: Annotated[int, typer.Option("--chunk", help="Rows that are sealed, stored and entered together.", min=1, max=5000)] = 1000,
    share: Annotated[str, typer.Option("--share", help="K/N: this process takes the K-th of N shares; begin N processes, on any machine.")] = "1/1",
) -> None:
    """Seal and adopt what passed and was signed off. Killed or stopped, call it again: it goes on, and a row never gives two licences."""
    with _opened(run_id) as (opened, stock, run):
        with progress("release", stock.waiting(run)) as step:
            told = stock.release(client_named(opened, run.client), run, step, chunk=chunk, share=_share(share))
        left = stock.waiting(run)
    out.print(
        f"{told['sealed']:,} sealed, {told['adopted']:,} adopted, {told['refused']:,} refused and in quarantine, {left:,} wait for a sample or its sign-off"
    )


@app.command()
@said
def results(run_id: Id, to: Out) -> None:
    """Write what came of every row as NDJSON: the licence and its codes, or why it was set aside."""
    with _opened(run_id) as (_, stock, run):
        parts = stock.office.kept.each(run)
        _written(to, (json.dumps(result_line(row), ensure_ascii=False).encode() + b"\n" for part in parts for row in part))


@app.command()
@said
def proof(run_id: Id, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Prove that imported = sealed + adopted + quarantined + rejected (+ waiting), by county, against the file and the book; exit code 1 where not."""
    with _opened(run_id) as (_, stock, run):
        found = proved(run, stock.sums)
    rows = [{name: getattr(one, name) for name in _COUNTIES} for one in found.counties]
    if as_json:
        show({"run": run_id, "type": found.type, "holds": found.holds, "closed": found.closed, "counties": rows}, as_json=True)
    else:
        show(rows, as_json=False, columns=_COUNTIES)
        out.print(f"{found.type}: the sums {'hold' if found.holds else 'do not hold'}{'; nothing waits' if found.closed else ''}")
    if not found.holds:
        raise typer.Exit(REFUSED)


@app.command("object")
@said
def object_to(
    licence_id: Annotated[str, typer.Argument(metavar="LICENCE", help="A licence that came from a stock.")],
    client: Annotated[str, typer.Option("--client", help="A client of the department that answers.")],
    text: Annotated[Path, typer.Option("--text", help="What the holder says, as a text file.", exists=True, dir_okay=False)],
) -> None:
    """Write a holder's objection down; it waits for the department, and what is wrong is put right by `act` with `correct`."""
    with service() as opened:
        stock, caller = opened.stock().office, client_named(opened, client)
        one = Objections(stock.line, stock.knowledge).open(caller, licence_id, text.read_text("utf-8-sig"))
        out.print(f"{one.task_id}  to be answered by {one.until}")


@app.command()
@said
def objections(
    client: Annotated[str, typer.Option("--client", help="A client of the department that answers.")],
    close: Annotated[str | None, typer.Option("--close", metavar="TASK", help="Close one that is decided.")] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """List the objections that wait, oldest first; say which are late. With `--close`, close one."""
    with service() as opened:
        stock, caller = opened.stock().office, client_named(opened, client)
        office = Objections(stock.line, stock.knowledge)
        if close:
            office.close(caller, close, client)
        rows = [{"task": one.task_id, "licence": one.licence_id, "until": one.until, "late": one.late} for one in office.waiting(caller)]
    show(rows, as_json=as_json, columns=("task", "licence", "until", "late"))


def _share(text: str) -> tuple[int, int]:
    """Return (which from 0, of how many)."""
    which, _, many = text.partition("/")
    if not (which.isdecimal() and many.isdecimal() and len(many) <= 3 and 1 <= int(which) <= int(many)):  # noqa: PLR2004 - digits
        raise RequestRejected(faults=[Fault("share", "not-a-share", "K/N is wanted here, such as 1/3")])
    return int(which) - 1, int(many)


def _reported(stock: Releasing, run: StockRun, *, as_json: bool) -> None:
    found = report_of(stock, run)
    if as_json:
        show(found, as_json=True)
        return
    out.print(f"[bold]{run.run_id}[/]  {run.type}")
    show(
        found["counties"], as_json=False, columns=("county", "name", "loaded", "passed", "releasing", "quarantined", "rejected", "sealed", "adopted")
    )
    show(found["rules"], as_json=False, columns=("severity", "rule", "county", "rows", "zh", "en"))
    for name in ("read", "known", "repeated"):
        out.print(f"{name}: {found[name]:,}")
    if found["unmapped"]:
        out.print(f"columns that nothing is taken from: {', '.join(found['unmapped'])}", markup=False)


def _drawn(rows: list[StockRow]) -> list[StockRow]:
    return [row for row in rows if row.sampled]


def _written(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file that its owner alone can read; one that is there is not written over."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise RequestRejected("this file cannot be made, or is there already; name a new one") from error
    with os.fdopen(handle, "wb") as file:
        file.writelines(parts)
