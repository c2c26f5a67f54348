"""`licence-service sources`: the data sources that this service asks itself, and which of them cases wait for."""

from typing import Annotated

import typer

from licence_service.cli.talking import said, service, show
from licence_service.errors import Misconfigured
from licence_service.targets import read_target

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_COLUMNS = ("source", "to", "operation", "tries", "timeout_seconds", "cases_waiting", "longest_since")


def add_to(root: typer.Typer) -> None:
    """Give the command its place."""
    root.command("sources")(sources)


@said
def sources(as_json: AsJson = False) -> None:  # noqa: FBT002
    """List the sources that are declared, with how many cases wait for each and since when. Of an address only the host is shown."""
    with service() as opened:
        connectors = opened.registrar.line.connectors
        if connectors is None:
            raise Misconfigured("no sources are declared; set LICENCE_SOURCES")
        waits = connectors.waits.all()
        rows = []
        for name, (one, _gateway) in sorted(connectors.declared.items()):
            since = [wait.since for wait in waits if name in wait.sources]
            rows.append({
                "source": name, "to": read_target(one.url).authority, "operation": one.operation, "tries": one.tries,
                "timeout_seconds": one.timeout_seconds, "cases_waiting": len(since), "longest_since": min(since).isoformat(timespec="seconds") if since else "",
            })  # fmt: skip
    show(rows, as_json=as_json, columns=_COLUMNS)
