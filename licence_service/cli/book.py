"""Commands that look after the book as a whole: audit, heads, backup, restore, and the rights of the database's role."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from licence_service.archive import SecondPlace, open_second_place
from licence_service.cli.talking import REFUSED, err, out, progress, said, service, show
from licence_service.errors import RequestRejected
from licence_service.fields import Asker
from licence_service.handover import check as check_folder
from licence_service.history import history_of
from licence_service.licence import beijing_day
from licence_service.recovery import Recovered
from licence_service.second_place import opened as opened_head
from licence_service.service import Service
from licence_service.settings import read_settings
from licence_service.store.backup import back_up, put_back, read_manifest
from licence_service.store.database import Database
from licence_service.store.roles import grant as grant_role
from licence_service.store.tables import metadata

database = typer.Typer(no_args_is_help=True, help="The database itself.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
MOST_FILE_BYTES = 1 << 28


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for command in (audit, heads, backup, restore, export):
        app.command()(command)
    app.command("check-export")(check_export)
    app.add_typer(database, name="database")


@said
def export(licence_id: str, folder: Annotated[Path, typer.Argument(help="Where to; the licence gets a folder of its own in it.")]) -> None:
    """Gather everything about one licence for an archive: documents, entries, proofs, keys. It holds personal data."""
    with service() as opened:
        opened.follower.follow()  # so that its last entry lies under a head
        record = opened.book.get(licence_id)
        licence = record.at(beijing_day(opened.now()))
        history = {"licence_id": licence_id, "entries": history_of(record, licence, Asker.CLERK, opened.library(record))}
        target = opened.gatherer.gather(licence_id, folder, history)
    out.print(f"{target}: check it anywhere with licence-service check-export", soft_wrap=True)


@said
def check_export(folder: Annotated[Path, typer.Argument(help="The licence's folder, with manifest.json in it.")]) -> None:
    """Check an export with nothing but the folder. Exit code 1: something does not fit."""
    found = list(check_folder(folder))
    for one in found:
        out.print(one, markup=False, soft_wrap=True)
    out.print(f"{len(found)} findings" if found else "the export is whole")
    if found:
        raise typer.Exit(REFUSED)


@said
def audit(
    against: Annotated[str | None, typer.Option(help="Compare with a second place (file:…, s3://…) or one head put aside (a file).")] = None,
    documents: Annotated[bool, typer.Option("--documents", help="Read every archived document too.")] = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Read the whole register again and name every row that does not fit. Exit code 1: something was found."""
    with service() as opened:
        kept = _kept(opened, against) if against else None
        with progress("audit", opened.auditor.size()) as step:
            findings = list(opened.auditor.audit(documents=documents, step=lambda: step("")))
            if kept is not None:
                findings += opened.auditor.against(kept, step=lambda: step(""))
    if as_json:
        show([one.as_json() for one in findings], as_json=True)
    else:
        for one in findings:
            out.print(str(one), markup=False, soft_wrap=True)
        out.print(f"{len(findings)} findings" if findings else "the register is whole: every row is what was entered")
    if findings:
        raise typer.Exit(REFUSED)


def _kept(opened: Service, against: str) -> SecondPlace | bytes:
    """Open what `--against` names: an address, or a file."""
    path = Path(against)
    if path.is_file():
        if path.stat().st_size > MOST_FILE_BYTES:
            raise RequestRejected("this file is too large to be a head")
        return path.read_bytes()
    if "://" not in against and not against.startswith("file:"):
        raise RequestRejected("--against names neither a file nor a second place")
    return open_second_place(against, options=opened.settings.archive_options())


@said
def heads(
    last: Annotated[int, typer.Option(help="How many, newest first.")] = 10,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Show the newest signed heads, and how far they are behind the book."""
    with service() as opened:
        lag = opened.follower.lag()
        rows: list[dict[str, object]] = []
        head = opened.heads.last()
        while head and len(rows) < last:
            statement = opened_head(opened.keyring, head.message)
            rows.append({"lines": head.size, "until": head.until, "signed": statement.signed_at, "root": head.root})
            head = opened.heads.before(head.size)
    if as_json:
        show({"heads": rows, "uncovered_lines": lag.lines, "lag_seconds": lag.seconds}, as_json=True)
        return
    show(rows, as_json=False, columns=("lines", "until", "signed", "root"))
    out.print(f"{lag.lines} lines are not covered yet, the oldest for {lag.seconds:.1f} seconds")


@said
def backup(folder: Annotated[Path, typer.Argument(help="A new or empty folder.")]) -> None:
    """Write the whole database into a folder, online. What is encrypted stays encrypted: keep the payload key elsewhere."""
    with service() as opened, progress("backup", len(metadata.tables)) as step:
        manifest = back_up(opened.database, folder, opened.now(), step)
    rows = sum(rows for rows, _ in manifest.tables.values())
    out.print(f"{rows} rows, {manifest.last_place} lines of the book → {folder}")


@said
def restore(
    folder: Annotated[Path | None, typer.Argument(help="What `licence-service backup` wrote; without it only newer lines are entered.")] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Fill a new, empty database from a backup, and enter again what second place and archive prove beyond it."""
    if folder:
        read_manifest(folder)
    with service() as opened:
        if folder:
            with progress("restore", len(metadata.tables)) as step:
                put_back(opened.database, folder, step)
        if opened.second_place is None:
            err.print("[yellow]no second place[/]  LICENCE_HEADS_URL is empty, so nobody can say what is newer than the backup")
            return
        newer = opened.recovery.newer(opened.second_place)
        done = opened.recovery.enter_again(opened.second_place, lambda size: err.print(f"entered again up to line {size}"))
    if as_json:
        show({"newer": newer, "entered_again": done.as_json()}, as_json=True)
    else:
        _say(newer, done)
    if done.stopped:
        err.print(f"not all of it could be entered again: {done.stopped}", style="red", markup=False)
        raise typer.Exit(REFUSED)


def _say(newer: int, done: Recovered) -> None:
    """Say in words what came back and what did not."""
    out.print(f"the second place knows {newer} lines that the backup does not")
    out.print(f"{done.lines} lines under {done.heads} heads were entered again, {done.versions} of them with a document")
    lost = {"delivery codes": done.delivery_codes, "officers' names": done.officers, "facts of endorsements": done.facts, "faces": len(done.faces)}
    for name, count in lost.items():
        if count:
            out.print(f"lost: {count} {name}")
    for licence_id in done.faces:
        out.print(f"  the face of licence {licence_id} is in no document of the archive")
    if newer:
        out.print("lost, since they lay in the database alone: waiting issues, tasks, clients and seal-use lines newer than the backup")


@database.command("grant")
@said
def grant(role: Annotated[str, typer.Argument(help="The PostgreSQL role that the service runs as.")]) -> None:
    """Give the service's role exactly what it needs: it can insert into the book, and neither change nor delete a line."""
    with _owner() as owned:
        held = grant_role(owned, role)
    show([{"table": name, "privileges": what} for name, what in held.items()], as_json=False, columns=("table", "privileges"))


@contextmanager
def _owner() -> Iterator[Database]:
    opened = Database(read_settings().database_url.get_secret_value())
    try:
        opened.ready()
        yield opened
    finally:
        opened.close()
