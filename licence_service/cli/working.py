"""`licence-service worker` and `licence-service runs`: who carries chunks on many machines, and what there is to be carried."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from licence_service.cli.talking import err, out, said, service, show
from licence_service.errors import Misconfigured
from licence_service.runs import Runs
from licence_service.service import Service
from licence_service.store.runs import DONE, Run

if TYPE_CHECKING:
    from licence_service.worker import Beat, Queue

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, as `runs list` prints it.")]
app = typer.Typer(no_args_is_help=True, help="Bulk runs: files of rows that `issue-many` opened.")
COLUMNS = ("run", "client", "rows", "done", "refused", "state", "where", "made_at", "age")


def add_to(root: typer.Typer) -> None:
    """Add the commands to the application."""
    root.command("worker")(worker)
    root.add_typer(app, name="runs")


@said
def worker(
    prepare: Annotated[bool, typer.Option("--prepare", help="Make the tables of the queue, as the owner of the register, and stop.")] = False,  # noqa: FBT002
    role: Annotated[str, typer.Option(help="With --prepare: the role that workers have on PostgreSQL, which is given what they need.")] = "",
    once: Annotated[bool, typer.Option("--once", help="Stop when no chunk waits.")] = False,  # noqa: FBT002
    heart: Annotated[float, typer.Option(help="Seconds between two signs of life.", min=0.1, max=60)] = 10.0,
    silence: Annotated[float, typer.Option(help="Seconds without a sign after which a worker counts as dead.", min=0.3, max=600)] = 30.0,
    look: Annotated[float, typer.Option(help="Seconds between two looks for chunks left lying.", min=0.1, max=600)] = 5.0,
    rest: Annotated[float, typer.Option(help="Seconds that a chunk rests after trouble; as much more each time.", min=0.1, max=60)] = 5.0,
) -> None:
    """Carry chunks of bulk runs until told to stop (TERM or Ctrl-C, after the chunk under way). Any number may run, on any machine."""
    if silence < 2 * heart:
        raise Misconfigured("--silence must be at least twice --heart")
    if role and not prepare:
        raise Misconfigured("--role goes with --prepare")
    from licence_service.worker import Beat  # noqa: PLC0415 - a process that carries chunks without a queue has no use for its memory

    beat = Beat(heart, silence, look, rest)
    with service() as opened:
        queue = queue_of(opened)
        queue.prepare(role if prepare else "")
        if prepare:
            out.print("the queue has its tables")
            return
        err.print("carrying chunks")
        queue.work(_Work(opened.runs, beat), beat, once=once)


@dataclass(frozen=True, slots=True)
class _Work:
    """What a worker works on: the runs of the register."""

    runs: Runs
    beat: "Beat"

    def carry(self, run_id: str, number: int, holder: str) -> bool:
        from licence_service.worker import rest_of  # noqa: PLC0415 - as in `worker`

        return self.runs.carry(run_id, number, holder, lambda attempts: rest_of(self.beat, attempts))

    def due(self) -> Sequence[tuple[str, int]]:
        return self.runs.kept.due()

    def bereave(self, holder: str) -> None:
        self.runs.kept.bereave(holder)


def queue_of(opened: Service) -> "Queue":
    """Return the queue beside the register; `Misconfigured` on SQLite."""
    from licence_service.worker import Queue  # noqa: PLC0415 - as in `worker`

    address = opened.database.libpq_address
    if address is None:
        raise Misconfigured("workers share a PostgreSQL database; on SQLite, use `issue-many --workers` on one machine")
    return Queue(address)


@app.command("list")
@said
def list_runs(as_json: AsJson = False) -> None:  # noqa: FBT002
    """List the runs, newest first. One that is open keeps its rows, encrypted, until its command ends or `runs forget`."""
    with service() as opened:
        rows = [_row(opened.runs, run, opened.now()) for run in opened.runs.kept.all()]
    show(rows, as_json=as_json, columns=COLUMNS)


@app.command("show")
@said
def show_run(run_id: Id, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Say how far a run is: its chunks by state, and why one stopped."""
    with service() as opened:
        run = opened.runs.kept.get(run_id)
        standing = opened.runs.kept.standing(run)
        trouble = [
            {"chunk": one.number, "first": one.first, "rows": one.count, "state": one.state, "attempts": one.attempts, "reason": one.reason}
            for one in opened.runs.kept.troubled(run)
        ]
        found = {**_row(opened.runs, run, opened.now()), "chunks": standing.chunks, "trouble": trouble}
    show(found, as_json=as_json)


@app.command("results")
@said
def results(run_id: Id) -> None:
    """Print the results of the chunks that are done, a line of JSON a row. They hold delivery codes."""
    with service() as opened:
        run = opened.runs.kept.get(run_id)
        for number in range(sum(opened.runs.kept.standing(run).chunks.values())):
            if opened.runs.state(run, number) == DONE:
                for line in opened.runs.results(run, number)[1]:
                    sys.stdout.write(line.decode() + "\n")


@app.command("forget")
@said
def forget(run_id: Id) -> None:
    """Erase the rows and results of a run, done or not. The licences stay, and the same rows again give the same ones."""
    with service() as opened:
        opened.runs.collect(opened.runs.kept.get(run_id))
    out.print("forgotten")


def _row(runs: Runs, run: Run, now: datetime) -> dict[str, Any]:
    standing = runs.kept.standing(run)
    return {
        "run": run.run_id, "client": run.client, "rows": run.total - run.first + 1, "done": standing.done, "refused": standing.refused,
        "state": run.state, "where": "workers" if run.on_workers else "command", "made_at": run.made_at.isoformat(timespec="seconds"),
        "age": age(now - run.made_at),
    }  # fmt: skip


def age(since: timedelta) -> str:
    """Return how long ago something was, in whole minutes, from an hour on in hours, from two days on in days: `7 min`, `30 h`, `12 d`."""
    minutes = int(since.total_seconds() // 60)
    for unit, size, least in (("d", 1440, 2880), ("h", 60, 60)):
        if minutes >= least:
            return f"{minutes // size} {unit}"
    return f"{max(0, minutes)} min"
