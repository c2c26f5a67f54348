"""Commands about campaigns: plan, rehearse, approve, run, report, list (docs/campaigns.md)."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from licence_service.campaign import LEFT, Report, Runner, read_file, written
from licence_service.cli.talking import REFUSED, err, out, progress, said, service, show
from licence_service.errors import Fault, RequestRejected
from licence_service.store.campaigns import DONE

app = typer.Typer(no_args_is_help=True, help="One decision carried out on many licences: plan, rehearse, approve, run, report.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
By = Annotated[str, typer.Option("--by", help="Who does this; the one who approves is another than the one who planned.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The campaign's id, as `plan` printed it.")]
FOLDER = Path("var/campaigns")
To = Annotated[Path, typer.Option("--to", help="The folder where the report is written, too.")]
SHOWN = 50


@contextmanager
def _runner() -> Iterator[Runner]:
    with service() as opened:
        yield opened.runner()


@app.command()
@said
def plan(
    file: Annotated[Path, typer.Argument(help="The plan as TOML; its lists lie beside it.")],
    by: By,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Check a plan and keep it as it is: later changes of the file change nothing."""
    with _runner() as runner:
        campaign = runner.store.get(runner.plan(read_file(file), by))
    show({"campaign": campaign.campaign_id, "plan_digest": campaign.digest, "state": campaign.state}, as_json=as_json)


@app.command()
@said
def rehearse(campaign_id: Id, to: To = FOLDER, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Judge every licence that is meant, as the run will; nothing is entered."""
    with _runner() as runner:
        with progress("rehearse", runner.size(campaign_id)) as step:
            runner.rehearse(campaign_id, step)
        reported(runner, campaign_id, to, as_json=as_json)


@app.command()
@said
def approve(campaign_id: Id, by: By) -> None:
    """Approve what was rehearsed; whoever planned it cannot."""
    with service() as opened:
        runner = opened.runner()
        if opened.people.alike(runner.store.get(campaign_id).planned_by, by):  # whoever planned it at the desk, under the name that they have there
            raise RequestRejected(faults=[Fault("by", "same-person", "a second person approves what the first one planned")])
        campaign = runner.approve(campaign_id, by)
        number = runner.open(campaign_id)
    out.print(f"approved  {number} licences, plan {campaign.digest}")


@app.command()
@said
def run(campaign_id: Id, to: To = FOLDER, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Act on every licence that the rehearsal left; after a crash the same command goes on."""
    with _runner() as runner:
        with progress("run", runner.open(campaign_id)) as step:
            runner.run(campaign_id, step)
        if reported(runner, campaign_id, to, as_json=as_json):
            sys.exit(REFUSED)


@app.command()
@said
def report(campaign_id: Id, to: To = FOLDER, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Say what was rehearsed and what was done, by licence id; print it and write it to a file."""
    with _runner() as runner:
        reported(runner, campaign_id, to, as_json=as_json)


@app.command("list")
@said
def list_campaigns(as_json: AsJson = False) -> None:  # noqa: FBT002
    """List the campaigns, newest first."""
    with _runner() as runner:
        rows = [
            {"campaign": one.campaign_id, "title": one.public["title"]["zh"], "state": one.state, "planned_by": one.planned_by,
             "approved_by": one.approved_by or ""}
            for one in runner.store.all()
        ]  # fmt: skip
    show(rows, as_json=as_json, columns=("campaign", "title", "state", "planned_by", "approved_by"))


def reported(runner: Runner, campaign_id: str, folder: Path, *, as_json: bool) -> int:
    """Write the report to a file and print it: JSON whole, a table with its first rows. Return how many licences a re-seal left, and say what to do."""
    found = runner.report(campaign_id)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{found.head['campaign_id']}.json"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(written(found))
    if as_json:
        sys.stdout.writelines(written(found))
    else:
        _shown(found)
        err.print(f"→ {path}")
    left = int(found.head.get(LEFT, 0))
    if left:
        again = "plan it again: licence-service reseal --by NAME --decision FILE" if found.head["state"] == DONE else "run it again"
        err.print(f"[red]not complete[/]  {left} genuine licences are still under the lost seal; {again}")
    return left


def _shown(found: Report) -> None:
    out.print(f"[bold]{found.head['campaign_id']}[/]  {found.head['state']}  {found.head['title']['zh']}")
    show(found.counts, as_json=False, columns=("rehearsed", "outcome", "licences"))
    if LEFT in found.head:
        out.print(f"still under the lost seal: {found.head[LEFT]} licences")
    rows = [row for _, row in zip(range(SHOWN), found.rows, strict=False)]
    show(rows, as_json=False, columns=("licence_id", "rehearsed", "outcome", "sequence"))
    if dead := found.head.get("dead"):
        out.print("uses of the seal that led to no document of the register:")
        show(dead[:SHOWN], as_json=False, columns=("at", "event", "type", "sealed_sha256"))
