"""Commands about who has looked, and about false sites that people reported."""

import unicodedata
from typing import Annotated

import typer

from licence_service.cli.talking import said, service, show

reports = typer.Typer(no_args_is_help=True, help="False sites that people reported.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def add_to(app: typer.Typer) -> None:
    """Give the commands their place."""
    app.add_typer(reports, name="reports")
    app.command()(looks)


@said
def looks(
    licence_id: str,
    after: Annotated[int, typer.Option(help="Go on after this number of an earlier page.")] = 0,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """List who has looked at a licence, also looks that a case seals: for the audit."""
    with service() as opened:
        found = opened.officers.looks.of(licence_id, after=after)
    rows = [
        {
            "no": number, "at": one.at.isoformat(timespec="seconds"), "organ": one.organ, "client": one.client, "officer": one.said["officer"],
            "reason": one.said["reason"], "place": one.said["place"], "case": one.said.get("case_no", ""),
        }
        for number, one in found
    ]  # fmt: skip
    show(rows, as_json=as_json, columns=("no", "at", "organ", "client", "officer", "reason", "place", "case"))


@reports.command("list")
@said
def list_reports(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 100,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """List reported addresses. They are hostile: nothing here opens them, and no control character reaches the terminal."""
    with service() as opened:
        rows = [
            {"at": one.at.isoformat(timespec="seconds"), "address": _harmless(one.address), "remark": _harmless(one.remark)}
            for one in opened.site_reports.newest(limit)
        ]
    show(rows, as_json=as_json, columns=("at", "address", "remark"))


def _harmless(text: str) -> str:
    """Return a text that cannot move the cursor, turn the direction, or be opened by a click."""
    plain = "".join(character if not unicodedata.category(character).startswith("C") else " " for character in text)
    return plain.replace("://", "[:]//")
