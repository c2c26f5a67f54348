"""Commands for what judgements rest on: put in force by two people, and the bodies that may assert."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from licence_service import founding
from licence_service.bodies import BodyGrant, body_from_toml
from licence_service.cli.talking import out, said, service, show
from licence_service.errors import Fault, NotInRegister, RequestRejected
from licence_service.law import BODY
from licence_service.regions import EVERY
from licence_service.seal.tokens import key_id

app = typer.Typer(no_args_is_help=True, help="Template editions, rule packs, grants, trust anchors: put in force by two people.")
bodies = typer.Typer(no_args_is_help=True, help="Training schools and inspection stations: their keys, and what they may assert when.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
By = Annotated[str, typer.Option("--by", help="Who does this; a proposal needs a second person.")]


@app.command("status")
@said
def status(as_json: AsJson = False) -> None:  # noqa: FBT002
    """List what the folders hold and the book does not: issuing by it is refused until two people put it in force."""
    with service() as opened:
        newer = founding.not_in_force(opened.catalogue, opened.keyring, opened.foundations)
    show([{"kind": one.kind, "name": one.name} for one in newer], as_json=as_json, columns=("kind", "name"))


@app.command("propose")
@said
def propose(by: By) -> None:
    """Propose everything that the folders hold and that is not in force."""
    with service() as opened:
        numbers = founding.propose(opened.catalogue, opened.keyring, opened.foundations, by)
    out.print(f"{len(numbers)} proposed; a second person confirms: licence-service foundations confirm --all --by NAME")


@app.command("proposals")
@said
def proposals(as_json: AsJson = False) -> None:  # noqa: FBT002
    """List the proposals that wait for a second person."""
    with service() as opened:
        waiting = opened.foundations.open_proposals()
    rows = [{"number": one.number, "kind": one.kind, "name": one.name, "by": one.proposed_by, "at": one.proposed_at.isoformat()} for one in waiting]
    show(rows, as_json=as_json, columns=("number", "kind", "name", "by", "at"))


@app.command("confirm")
@said
def confirm(
    by: By,
    numbers: Annotated[list[int] | None, typer.Argument(help="Numbers of `proposals`.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Confirm every open proposal.")] = False,  # noqa: FBT002
) -> None:
    """Put proposals in force, as a second person."""
    if every is bool(numbers):
        raise RequestRejected(faults=[Fault("numbers", "missing", "name proposals, or say --all")])
    with service() as opened:
        waiting = opened.foundations.open_proposals()
        chosen = {one.number for one in waiting} if every else set(numbers or [])
        mine = (one.number for one in waiting if opened.people.alike(one.proposed_by, by))  # also at the desk, under the name that they have there
        if any(number in chosen for number in mine):
            raise RequestRejected(faults=[Fault("by", "same-person", "a second person confirms what the first one proposed")])
        entered = opened.foundations.confirm(chosen, by)
    out.print(f"{entered} put in force")


@app.command("drop")
@said
def drop(number: int, by: By) -> None:
    """Drop a proposal; it stays on record."""
    with service() as opened:
        opened.foundations.drop(number, by)
    out.print(f"proposal {number} is dropped")


@app.command("list")
@said
def list_lines(kind: Annotated[str | None, typer.Option(help="Only this kind.")] = None, as_json: AsJson = False) -> None:  # noqa: FBT002
    """List what was put in force, when and by whom, oldest first."""
    with service() as opened:
        lines = [one for one in opened.foundations.lines() if kind in {None, one.kind}]
    rows = [
        {
            "place": one.place, "kind": one.kind, "name": one.name, "recorded_at": one.recorded_at.isoformat(), "by": f"{one.proposed_by}, {one.confirmed_by}",
            "sha256": one.content_sha256,
        }
        for one in lines
    ]  # fmt: skip
    show(rows, as_json=as_json, columns=("place", "kind", "name", "recorded_at", "by"))


@bodies.command("add")
@said
def add_body(
    file: Annotated[
        Path, typer.Argument(help="TOML: uscc, name, region, public_key, [[grants]] (a region is with all within it); see docs/endorsements.md.")
    ],
    by: By,
) -> None:
    """Propose a body with its public key and its grants, or a change of them; a second person confirms it."""
    body = body_from_toml(file.read_text("utf-8"))
    if body.public_key:
        key_id(body.public_key)  # refuses what is no P-256 key
    with service() as opened:
        number = founding.proposed_body(opened.foundations, body, by)
    out.print(f"proposal {number}: {body.uscc}; a second person confirms: licence-service foundations confirm {number} --by NAME")


@bodies.command("retire")
@said
def retire_body(
    uscc: str,
    on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day on which it asserts nothing more.")],
    by: By,
) -> None:
    """Propose the end of a body; what was accepted before stays (EN-04)."""
    with service() as opened:
        body = opened.law.body(uscc)
        if body is None:
            raise NotInRegister("no such body is registered")
        number = founding.proposed_body(opened.foundations, replace(body, retired_on=on.date()), by)
    out.print(f"proposal {number}: the end of {uscc}; a second person confirms: licence-service foundations confirm {number} --by NAME")


@bodies.command("list")
@said
def list_bodies(as_json: AsJson = False) -> None:  # noqa: FBT002
    """List the registered bodies with their grants."""
    with service() as opened:
        found = [opened.law.body(uscc) for uscc in opened.foundations.known(BODY)]
    rows = [
        {
            "uscc": one.uscc, "name": one.name, "region": one.region, "key": key_id(one.public_key) if one.public_key else "",
            "grants": "; ".join(f"{grant.role} {'|'.join(grant.kinds)} {_where(grant)} {grant.used_from}–{grant.used_to or ''}" for grant in one.grants),
            "retired_on": one.retired_on or "",
        }
        for one in found if one
    ]  # fmt: skip
    show(rows, as_json=as_json, columns=("uscc", "name", "region", "key", "grants", "retired_on"))


def _where(grant: BodyGrant) -> str:
    """Return the regions of a grant, those that are taken out, and whether they are meant alone, as an earlier release put them in force."""
    taken = f" without {'|'.join(grant.without)}" if grant.without else ""
    return f"in {'|'.join(grant.regions)}{taken}{' alone' if grant.exact and EVERY not in grant.regions else ''}"
