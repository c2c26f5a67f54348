"""`licence-service repository`: what goes to the provincial repository, what it returned, and where both sides differ."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Annotated, Any

import typer

from licence_service.cli.talking import err, out, said, service, show
from licence_service.errors import Misconfigured, Unavailable
from licence_service.repository import Reconciler
from licence_service.service import Service
from licence_service.store.differences import Task
from licence_service.store.repository_lines import Line

app = typer.Typer(no_args_is_help=True, help="The report to the provincial repository, and the ledger of differences with it.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Limit = Annotated[int, typer.Option(help="Most of them.", min=1, max=10_000)]
_LEFT = 4  # exit code where differences are left
_OF_DIFFERENCES = ("difference", "state", "kind", "licence_id", "here", "there", "cause", "found_at", "ending")  # in JSON there is more
_OF_RETURNED = ("licence_id", "reason", "type", "organ", "day", "returned_at")


def add_to(root: typer.Typer) -> None:
    """Add the commands to the application."""
    root.add_typer(app, name="repository")


def repository_of(opened: Service) -> Reconciler:
    """Return what reports and reconciles; `Misconfigured` where no repository is set."""
    if opened.repository is None:
        raise Misconfigured("there is no repository to report to; set LICENCE_REPOSITORY_URL")
    return opened.repository


@app.command("report")
@said
def report(as_json: AsJson = False) -> None:  # noqa: FBT002
    """Report what waits and is due, once, and say how the report stands."""
    with service() as opened:
        repository = repository_of(opened)
        tried, lines = repository.reporter.work(), repository.reporter.lines
        show({"tried": tried, **lines.counts(), "behind": lines.behind()}, as_json=as_json)


@app.command("returned")
@said
def returned(limit: Limit = 100, as_json: AsJson = False) -> None:  # noqa: FBT002
    """List what the repository returned, oldest first, with its reason: it waits for somebody to look into it, then `repository resend`."""
    with service() as opened:
        rows = [_returned(one) for one in repository_of(opened).reporter.lines.returned(limit)]
    show(rows, as_json=as_json, columns=_OF_RETURNED)


@app.command("resend")
@said
def resend(licence_id: Annotated[str, typer.Argument(metavar="LICENCE", help="The licence's id.")]) -> None:
    """Report all that there is of a licence anew, in the place of whatever the repository has of it."""
    with service() as opened:
        lines = repository_of(opened).reporter.lines
        anew = lines.tell_anew(lines.newest(licence_id), opened.now())
    out.print(f"{licence_id} {'waits again' if anew else 'waits already'}")


@app.command("reconcile")
@said
def reconcile(as_json: AsJson = False) -> None:  # noqa: FBT002
    """Compare both sides now, report anew what differs, and compare again. Exit code 4 where differences are left."""
    with service() as opened:
        run = repository_of(opened).reconcile()
    names = ("passes", "entries", "groups", "days", "found", "ended", "open")
    show({name: getattr(run, name) for name in names}, as_json=as_json)
    if run.open:
        err.print("[yellow]differences are left[/]  see `licence-service repository differences`")
        raise typer.Exit(_LEFT)


@app.command("differences")
@said
def differences(
    every: Annotated[bool, typer.Option("--all", help="Also those that came to their end.")] = False,  # noqa: FBT002
    limit: Limit = 100,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """List where both sides differ, newest first: how, since when, why, and what became of it."""
    with service() as opened:
        rows = [_difference(one) for one in repository_of(opened).ledger.page(every=every, limit=limit)]
    show(rows, as_json=as_json, columns=_OF_DIFFERENCES)


@app.command("withdraw")
@said
def withdraw(
    difference: Annotated[int, typer.Argument(metavar="DIFFERENCE", help="Its number in the ledger.")],
    by: Annotated[str, typer.Option(help="Who decides it; it stays on record.")],
) -> None:
    """Have the repository take out an entry that this register never reported; look into it first: this register may be the one that lost something."""
    with service() as opened:
        task = repository_of(opened).withdraw(difference, by)
    out.print(f"{task.found.licence_id} was withdrawn; the next reconciliation closes it")


class InTurn:
    """Reports, and reconciles where it is due, beside the other work of `licence-service work`: the first report is the whole book."""

    def __init__(self, opened: Service) -> None:
        """Take the service; one without a repository has nothing to do here."""
        self._repository = opened.repository
        self._pool = ThreadPoolExecutor(1, "repository")
        self._under_way: Future[None] | None = None

    def go_on(self, *, wait: bool) -> None:
        """Begin a round unless one is under way; `wait` for its end."""
        if self._repository and (self._under_way is None or self._under_way.done()):
            self._under_way = self._pool.submit(self._round, self._repository)
            if wait:
                self._under_way.result()

    @staticmethod
    def _round(repository: Reconciler) -> None:
        """What stands in the way is said and tried again."""
        try:
            repository.reporter.work()
            if repository.due():
                repository.reconcile()
        except Unavailable as trouble:
            err.print(f"[yellow]not reported[/]  {trouble.detail}")


def _returned(one: Line) -> dict[str, Any]:
    kind, organ, day = one.group
    at = one.settled_at.isoformat(timespec="seconds") if one.settled_at else ""
    return {"licence_id": one.licence_id, "reason": one.reason, "type": kind, "organ": organ, "day": day, "returned_at": at}


def _difference(one: Task) -> dict[str, Any]:
    kind, organ, day = one.found.group
    return {
        "difference": one.key, "state": one.state, "kind": one.found.kind, "licence_id": one.found.licence_id, "type": kind, "organ": organ, "day": day,
        "cause": one.found.cause, "here": one.found.here["revision"] if one.found.here else None,
        "there": [each["revision"] for each in one.found.there], "found_at": one.found_at.isoformat(timespec="seconds"), "repairs": one.repairs,
        "ending": one.ending, "ended_at": one.ended_at.isoformat(timespec="seconds") if one.ended_at else "",
    }  # fmt: skip
