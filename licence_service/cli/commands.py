"""The commands that run and look after a service."""

import json
import os
import secrets
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Annotated

import typer

from licence_service.asking_again import ask_again
from licence_service.cli import (
    book,
    campaigns,
    chunking,
    clients,
    examining,
    explaining,
    licences,
    offline,
    people,
    receipts,
    resealing,
    showing,
    sources,
    stock,
    templates,
    working,
)
from licence_service.cli import deadlines as deadline_commands
from licence_service.cli import foundations as founding_commands
from licence_service.cli import hooks as webhook_commands
from licence_service.cli import repository as repository_commands
from licence_service.cli.talking import err, out, progress, said, service, show
from licence_service.document import Fonts, glyph_file
from licence_service.document.foundry import build as build_fonts
from licence_service.document.impression import impression_png
from licence_service.errors import NotInRegister, Refusal, Unavailable
from licence_service.preparing import MOST_AT_ONCE
from licence_service.seal import Seal, is_held
from licence_service.seal.demo import make_demo_keys, read_demo_departments
from licence_service.service import Service, utc_now
from licence_service.settings import Settings, read_settings
from licence_service.store.database import Database
from licence_service.store.seal_log import SealLog

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Issue electronic licences, seal them, and let anyone verify them.",
)
seals = typer.Typer(no_args_is_help=True, help="Stop and start seals, read the seal-use log.")
fonts = typer.Typer(no_args_is_help=True, help="The fonts that pages are set in.")
app.add_typer(clients.app, name="clients")
app.add_typer(people.app, name="people")
app.add_typer(seals, name="seal")
app.add_typer(fonts, name="fonts")
app.add_typer(founding_commands.app, name="foundations")
app.add_typer(founding_commands.bodies, name="bodies")
app.add_typer(templates.app, name="templates")
app.add_typer(campaigns.app, name="campaign")
app.add_typer(stock.app, name="batch")
licences.add_to(app)
chunking.add_to(app)
working.add_to(app)
book.add_to(app)
receipts.add_to(app)
offline.add_to(app)
examining.add_to(app)
explaining.add_to(app)
showing.add_to(app)
webhook_commands.add_to(app)
deadline_commands.add_to(app)
repository_commands.add_to(app)
sources.add_to(app)
resealing.add_to(app, seals)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
@said
def serve(
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at.")] = 8000,
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
) -> None:
    """Serve the web interface."""
    settings = read_settings()
    err.print(f"serving at http://{host}:{port}/  (codes carry {settings.public_url})")
    if f":{port}" not in settings.public_url and host in settings.public_url:
        err.print("[yellow]warning[/]  codes on paper point to another port than this one")
    import uvicorn  # noqa: PLC0415 - the web and its libraries: a process that carries chunks has no use for their memory

    uvicorn.run(
        "licence_service.app:from_environment",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_level="warning",
        access_log=False,
        server_header=False,
        http="licence_service.web.scanning:ScanProtocol",
        proxy_headers=False,  # which forwarded address is believed is decided in one place (web/access.py)
    )


@app.command()
@said
def demo(
    folder: Annotated[Path, typer.Option(help="Where the demonstration leaves its files; emptied first.")] = Path("var/demo"),
    today: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Pretend that it is this day.")] = None,
) -> None:
    """Issue, seal, store, endorse, download and verify one licence of every type."""
    settings = read_settings()
    from licence_service import demo as demonstration  # noqa: PLC0415 - as for `serve`
    from licence_service.app import log_only_trouble  # noqa: PLC0415

    log_only_trouble()
    _prepare(settings, today.date() if today else None)
    with progress("demo", len(demonstration.types(settings))) as step:
        rows = demonstration.run(folder, settings, today.date() if today else None, step)
    show(rows, as_json=False, columns=demonstration.COLUMNS)
    out.print(f"demo: {len(rows)} types issued, sealed, stored, endorsed and verified")


def _prepare(settings: Settings, today: date | None) -> None:
    """Make what a newcomer does not have yet: fonts and demonstration keys."""
    cache = settings.fonts.expanduser()
    if not (cache / "fonts.json").exists():
        err.print("preparing fonts, once …")
        build_fonts(cache, None, lambda name: err.print(f"  {name}"))
    _demo_keys(settings.keys, today)


def _demo_keys(folder: Path, today: date | None) -> None:
    """Make a demonstration PKI whose certificates hold at the wanted day, and the two secrets beside it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("passphrase", "payload.key"):
        path = folder / name
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32))
    now = datetime.combine(today, time(1), UTC) if today else utc_now()
    face = read_settings().fonts.expanduser()
    make_demo_keys(
        folder, read_demo_departments(Path("keys/demo.toml")), passphrase=(folder / "passphrase").read_bytes().strip(), now=now,
        not_before=datetime(2026, 1, 1, tzinfo=UTC) if now.year >= 2026 else now - timedelta(days=1),  # noqa: PLR2004 - one set serves many pretended days
        impression=lambda name: impression_png(name, str(next(face.glob("song-700*.ttf")))),
    )  # fmt: skip


@app.command("demo-keys")
@said
def demo_keys(folder: Annotated[Path, typer.Option(help="Where to make them.")] = Path("var/keys")) -> None:
    """Make throw-away keys and certificates for the departments of the samples. Their licences say SPECIMEN."""
    _demo_keys(folder, None)
    out.print(f"demonstration keys are under {folder}; start with LICENCE_ALLOW_DEMO_KEYS=1")


@app.command()
@said
def migrate() -> None:
    """Bring the database to the newest schema."""
    database = Database(read_settings().database_url.get_secret_value())
    database.migrate()
    database.close()
    out.print("the database has the newest schema")


@app.command()
@said
def work(once: Annotated[bool, typer.Option("--once", help="One round, then stop.")] = False) -> None:  # noqa: FBT002 - an option
    """Finish issues that were reserved but not sealed, ask silent sources again, sign heads over the new lines of the book, deliver events.

    It lets foreign readers look at some documents, reports to the repository, tells holders of deadlines, and keeps lists and answers fresh.
    """
    with service() as opened:
        pause, reporting = max(1.0, opened.settings.worker_seconds), repository_commands.InTurn(opened)
        while True:
            try:
                out.print(f"finished {opened.registrar.finish()}")
            except (Refusal, Unavailable) as trouble:
                err.print(f"[yellow]not finished[/]  {trouble.detail}")  # the others were; this one is tried again or was closed
            ask_again(opened.registrar, opened.clients)
            _look_again(opened)
            _follow(opened)
            webhook_commands.deliver(opened, wait=once)
            reporting.go_on(wait=once)
            webhook_commands.tell_arrivals(opened)
            deadline_commands.remind(opened)
            _refresh(opened)
            if once:
                return
            until = monotonic() + pause
            while monotonic() < until:
                sleep(max(0.1, opened.settings.head_seconds or pause))
                _follow(opened)
                webhook_commands.deliver(opened, wait=False)


def _look_again(opened: Service) -> None:
    """Let foreign readers look at some documents; what stands in the way is tried again."""
    try:
        opened.foreign_reading.work()
    except (Refusal, Unavailable) as trouble:
        err.print(f"[yellow]not looked at[/]  {trouble.detail}")


def _follow(opened: Service) -> None:
    """Sign heads up to the end of the book; what stands in the way is said and tried again."""
    try:
        while opened.follower.follow():
            pass
    except Unavailable as trouble:
        err.print(f"[yellow]no head[/]  {trouble.detail}")


def _refresh(opened: Service) -> None:
    """Make status lists that are due, and answers to codes; what stands in the way is tried again."""
    try:
        opened.status_lists.refresh()
        while opened.preparer.work() >= MOST_AT_ONCE:
            pass
    except (Refusal, Unavailable) as trouble:
        err.print(f"[yellow]not refreshed[/]  {trouble.detail}")


def _order(seal_id: str, reason: str, *, stopped: bool) -> None:
    with service() as opened:
        if all(known.seal_id != seal_id for known in opened.keyring.known_seals.values()):
            raise NotInRegister("no department uses, or used, a seal of this name")
        opened.seal_log.order(seal_id, stopped=stopped, at=opened.now(), by=os.environ.get("USER", "operator"), reason=reason)
    out.print(f"{seal_id} is {'stopped' if stopped else 'started'}")


@seals.command("stop")
@said
def stop_seal(seal_id: str, reason: Annotated[str, typer.Option(help="Why; it stays on record.")]) -> None:
    """Stop a seal at once: running servers refuse its next use."""
    _order(seal_id, reason, stopped=True)


@seals.command("start")
@said
def start_seal(seal_id: str, reason: Annotated[str, typer.Option(help="Why; it stays on record.")]) -> None:
    """Start a stopped seal again; waiting issues are then sealed."""
    _order(seal_id, reason, stopped=False)


@seals.command("list")
@said
def list_seals(as_json: AsJson = False) -> None:  # noqa: FBT002
    """List the seals in use, and where their keys lie; a token is looked for."""
    with service() as opened:
        rows = [
            {"seal": one.seal.seal_id, "department": one.uscc, "name": one.name, "demo": one.demo, "key": _key_of(one.seal),
             **_state_of(opened.seal_log, one.seal.seal_id)}
            for one in opened.keyring.departments.values()
        ]  # fmt: skip
    show(rows, as_json=as_json, columns=("seal", "department", "name", "state", "demo", "key", "why"))


def _state_of(log: SealLog, seal_id: str) -> dict[str, str]:
    """Say whether a seal is stopped, and why."""
    if not log.stopped(seal_id):
        return {"state": "active", "why": ""}
    last = next(iter(log.orders(seal_id, limit=1)), None)
    return {"state": "stopped", "why": f"{last.by}: {last.reason}" if last and last.stopped else "its key is lost"}


def _key_of(seal: Seal) -> str:
    """Say where a seal's key lies, and of one in a token whether it can be reached now; nothing is signed for it."""
    if not is_held(seal):
        return "in a service elsewhere"
    if seal.place == "here":
        return "here"
    try:
        seal.reach()
    except Unavailable as trouble:
        return f"in a token that CANNOT BE REACHED: {trouble.detail}"
    return f"in a token, reached; {seal.lanes} lanes"


@seals.command("log")
@said
def seal_log(seal_id: Annotated[str | None, typer.Argument()] = None) -> None:
    """Print the seal-use log, one JSON object a line, and check its chain."""
    with service() as opened:
        for line in opened.seal_log.uses(seal_id=seal_id):
            print(json.dumps(line, ensure_ascii=False))  # noqa: T201
        broken = list(opened.seal_log.breaks())
    if broken:
        err.print(f"[red]the chain is broken[/] at line {broken[0]}")
        raise typer.Exit(1)


@fonts.command("build")
@said
def fonts_build(
    source: Annotated[Path | None, typer.Option("--from", help="A folder with the font packages; without it npm fetches them.")] = None,
) -> None:
    """Prepare the fonts once into the cache that LICENCE_FONTS names."""
    cache = read_settings().fonts.expanduser()
    build_fonts(cache, source, lambda name: err.print(f"  {name}"))
    glyph_file.build(Fonts.load(cache), lambda name: err.print(f"  {name}"))
    out.print(f"fonts are ready in {cache}")
