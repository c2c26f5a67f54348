"""Commands after a key is lost: `seal lost` says so, `reseal` seals the genuine licences anew (docs/campaigns.md, DOMAIN SE-06)."""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from licence_service.campaign import Runner
from licence_service.campaign.plan import read_toml
from licence_service.cli.campaigns import FOLDER, reported
from licence_service.cli.sharing import run_shared
from licence_service.cli.talking import REFUSED, err, progress, said, service
from licence_service.errors import Fault, NotInRegister, RequestRejected
from licence_service.service import Service
from licence_service.store.campaigns import DONE, PLANNED, REHEARSED, WHOLE, Campaign, Share

Since = Annotated[
    str, typer.Option("--since", help="The instant since when the key may be in other hands, with its zone: 2026-11-20T08:00:00+08:00.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why the key counts as lost; it stays on record, so it names nobody.")]


def add_to(app: typer.Typer, seals: typer.Typer) -> None:
    """Add the commands to the application and to its commands about seals."""
    app.command("reseal")(reseal)
    seals.command("lost")(lost)


@said
def lost(
    seal_id: Annotated[str, typer.Argument(metavar="SEAL")],
    since: Since,
    reason: Reason,
    by: Annotated[str, typer.Option("--by", help="Who asks for it; another person confirms.")],
) -> None:
    """Stop a seal at once and ask to mark its key as lost; confirmed by a second person, it is never taken back."""
    with service() as opened:
        _mark(opened, seal_id, _instant(since), reason, by)


@said
def reseal(  # noqa: PLR0913 - its options
    seal: Annotated[str, typer.Option("--seal", help="The seal whose key is lost; retired in the keys folder, with a new one in its place.")],
    since: Since,
    by: Annotated[str | None, typer.Option("--by", help="Who plans it: marks the key as lost, plans, rehearses and lists the affected.")] = None,
    approved_by: Annotated[
        str | None, typer.Option("--approved-by", help="The second person: confirms, approves and runs what was rehearsed.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Re-seal what was recorded before that instant, too.")] = False,  # noqa: FBT002
    reason: Reason = "",
    decision: Annotated[
        Path | None, typer.Option("--decision", help="The decision to re-seal, as TOML: number, organ, decided_on, legal_basis, officer.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", help="Processes of this machine that print and seal at the same time.", min=1, max=64)] = 1,
    share: Annotated[
        str | None,
        typer.Option("--share", metavar="K/N", help="With --approved-by: carry only the K-th of N parts; other machines carry the others."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,  # noqa: FBT002
) -> None:
    """Mark a key as lost, list the licences that are affected, and seal the genuine ones anew: one person plans, another approves and runs.

    After a crash the same command goes on. What the register does not hold is left as it is: it proves nothing. Several machines carry it
    with --share 1/3, 2/3 …, each under the register's and the archive's addresses; the same command without --share ends it.
    """
    mine = _share(share)
    if not (by or approved_by) or (share and not approved_by):
        raise RequestRejected(faults=[Fault("by", "missing", "name who plans it (--by), or who approves and runs it or a share (--approved-by)")])
    instant = _instant(since)
    with service() as opened:
        if by:
            _mark(opened, seal, instant, reason, by)
        runner = opened.runner()
        campaign = runner.planned_resealing(seal, instant, every=every)
        if by:
            if campaign is None or campaign.state == DONE:
                campaign = _plan(runner, seal, instant, decision, by, every=every)
            campaign = _rehearsed(runner, campaign)
        if campaign is None:
            raise NotInRegister("nobody planned to re-seal this; call it with --by first")
        if approved_by:
            _run(runner, campaign, approved_by, workers, mine)
        waiting = runner.open(campaign.campaign_id)
        if share and waiting:
            err.print(f"this share is done; {waiting} licences are others' to carry, or wait: at the end the same command without --share")
            return
        left = reported(runner, campaign.campaign_id, FOLDER, as_json=as_json)
        if approved_by and left:
            sys.exit(REFUSED)
        if not approved_by:
            err.print(f"{waiting} licences wait for the second person: the same --seal, --since and --all with --approved-by NAME")


def _plan(runner: Runner, seal: str, since: datetime, decision: Path | None, by: str, *, every: bool) -> Campaign:
    if decision is None:
        raise RequestRejected(faults=[Fault("decision", "missing", "nothing is entered without a decision: name its file with --decision")])
    return runner.store.get(runner.plan_resealing(seal, since, read_toml(decision, "decision"), by, every=every))


def _rehearsed(runner: Runner, campaign: Campaign) -> Campaign:
    """Rehearse what nobody approved yet."""
    if campaign.state not in {PLANNED, REHEARSED}:
        return campaign
    with progress("rehearse", runner.size(campaign.campaign_id)) as step:
        return runner.rehearse(campaign.campaign_id, step)


def _run(runner: Runner, campaign: Campaign, approved_by: str, workers: int, share: Share) -> None:
    """Approve what nobody approved yet, and run it, or a share of it."""
    if campaign.state in {PLANNED, REHEARSED}:
        runner.approve(campaign.campaign_id, approved_by)
    with progress("reseal", runner.open(campaign.campaign_id)) as step:
        if workers > 1 or share != WHOLE:
            run_shared(runner, campaign.campaign_id, workers, step, share)
        if share == WHOLE:
            runner.run(campaign.campaign_id, step)


def _mark(opened: Service, seal_id: str, since: datetime, reason: str, by: str) -> None:
    proposal = opened.marks.mark(seal_id, since, reason, by)
    if proposal is None:
        err.print(f"{seal_id} is marked as lost since then already")
    else:
        err.print(f"{seal_id} is stopped; proposal {proposal}: its key is lost since {since.isoformat()}")
        err.print(f"  a second person confirms: licence-service foundations confirm {proposal} --by NAME, or by approving the re-seal")


def _share(text: str | None) -> Share:
    """Read the K-th of N parts, counted from one."""
    if text is None:
        return WHOLE
    found = re.fullmatch(r"([1-9]\d{0,2})/([1-9]\d{0,2})", text)
    if not found or int(found[1]) > int(found[2]):
        raise RequestRejected(faults=[Fault("share", "not-a-share", "a share is written K/N, such as 2/3, with K at most N")])
    return Share(int(found[1]) - 1, int(found[2]))


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise RequestRejected(faults=[Fault("since", "not-an-instant", "an instant with its zone is wanted, such as 2026-11-20T08:00:00+08:00")])
