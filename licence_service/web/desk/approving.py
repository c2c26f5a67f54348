"""Two people at the desk: what one proposed or planned, another puts in force or approves (editions, rule packs, kinds, grants; campaigns)."""

import json
from difflib import unified_diff
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from fastapi.responses import RedirectResponse, Response

from licence_service import founding
from licence_service.duties import Right
from licence_service.errors import Fault, NotGranted, RequestRejected
from licence_service.follower import keeper_of
from licence_service.law import ANCHOR, BODY, DEPARTMENT, KIND, PACK, TEMPLATE
from licence_service.store.campaigns import REHEARSED, Campaign
from licence_service.store.foundations import Proposal
from licence_service.store.seal_log import COMPROMISE
from licence_service.web.desk import campaigns
from licence_service.web.desk.room import HOME, Desk, TheForm, having, in_beijing

router = APIRouter(prefix=f"{HOME}/approvals", include_in_schema=False)
Either = Annotated[Desk, Depends(having(Right.PROPOSE, Right.APPROVE))]
Proposer = Annotated[Desk, Depends(having(Right.PROPOSE))]
Approver = Annotated[Desk, Depends(having(Right.APPROVE))]
KINDS = {
    TEMPLATE: ("证照模板", "Template edition"), PACK: ("规则包", "Rule pack"), KIND: ("签注种类", "Kind of endorsement"), BODY: ("机构", "Body"),
    DEPARTMENT: ("机关与用章授权", "Department and grants"), ANCHOR: ("信任根", "Trust anchor"), COMPROMISE: ("密钥失控", "Key lost"),
}  # fmt: skip

_MOST_LINES = 500  # of a content, or of what changes in it, on the page


@router.get("")
def waiting(desk: Either) -> Response:
    """Show what waits for a second person."""
    service = desk.service
    keeps = _keeps(desk)
    found = founding.not_in_force(service.catalogue, service.keyring, service.foundations) if keeps and desk.may(Right.PROPOSE) else []
    proposals = service.foundations.open_proposals() if keeps else []
    proposed = {(one.kind, one.name, one.content) for one in proposals}
    rehearsed = [one for one in campaigns.own(desk) if one.state == REHEARSED]
    return desk.page(
        "approvals.html", keeps=keeps, new=[(KINDS.get(one.kind, (one.kind, one.kind)), one.name) for one in found if _key(one) not in proposed],
        proposals=[_proposal(desk, one) for one in proposals], campaigns=[_campaign(desk, one) for one in rehearsed],
    )  # fmt: skip


def _key(one: founding.Found) -> tuple[str, str, str]:
    return one.kind, one.name, one.content


@router.post("/propose")
def propose(desk: Proposer, _form: TheForm) -> Response:
    """Propose everything that the folders hold and that is not in force."""
    _must_keep(desk)
    service = desk.service
    founding.propose(service.catalogue, service.keyring, service.foundations, desk.person.person_id)
    return _back()


@router.post("/proposals/{number}")
def settle(desk: Approver, form: TheForm, number: Annotated[int, Path(ge=1, le=2**53)]) -> Response:
    """Put a proposal in force, or drop it, whichever was said; never one's own."""
    _must_keep(desk)
    wanted = form.text("do", 10)
    if wanted not in {"confirm", "drop"}:
        raise RequestRejected(faults=[Fault("do", "missing", "say whether to put it in force or to drop it")])
    foundations = desk.service.foundations
    one = next((each for each in foundations.open_proposals() if each.number == number), None)
    if one:
        _must_be_another(desk, one.proposed_by)
    if wanted == "drop":
        foundations.drop(number, desk.person.person_id)
    else:
        foundations.confirm([number], desk.person.person_id)
    return _back()


@router.post("/campaigns/{campaign_id}")
def approve(desk: Approver, form: TheForm, campaign_id: str) -> Response:
    """Approve a campaign of the department as it was rehearsed, and as the page showed it that was read; never one's own."""
    campaign = campaigns.of(desk, campaign_id)
    _must_be_another(desk, campaign.planned_by)
    campaigns.ordered(desk.service).orders.must_be_idle(campaign)
    if form.text("read", 64) not in {"", campaigns.as_read(desk.service, campaign)}:
        raise RequestRejected(faults=[Fault("campaign", "read-anew", "it was rehearsed again since this page was opened: read what it came to now")])
    desk.service.runner().approve(campaign.campaign_id, desk.person.person_id)
    return RedirectResponse(f"{HOME}/campaigns/{campaign.campaign_id}", status_code=303)


def _must_be_another(desk: Desk, by: str) -> None:
    """Refuse one's own proposal, whether it was made here, at the command line under one's name, or before one was removed and added anew."""
    if campaigns.is_mine(desk, by):
        raise RequestRejected(faults=[Fault("by", "same-person", "a second person approves what the first one proposed")])


def _keeps(desk: Desk) -> bool:
    """Say whether the person's department keeps the register: what judgements rest on is its business, not that of each department."""
    return keeper_of(desk.service.keyring.departments).uscc == desk.person.department


def _must_keep(desk: Desk) -> None:
    if not _keeps(desk):
        raise NotGranted("only the department that keeps the register decides what judgements rest on")


def _back() -> Response:
    return RedirectResponse(f"{HOME}/approvals", status_code=303)


def _proposal(desk: Desk, one: Proposal) -> dict[str, Any]:
    """Return a proposal for who decides on it: whole, and line by line beside what is in force under the same name."""
    foundations, people = desk.service.foundations, desk.service.people
    present = foundations.known(one.kind).get(one.name)
    content = _lines(one.content)
    changes = [*unified_diff(_lines(present.content), content, n=0, lineterm="")][2:] if present else []  # behind its two lines of heading
    changes = [line for line in changes if line[0] in "+-"]
    return {
        "number": one.number, "words": KINDS.get(one.kind, (one.kind, one.kind)), "name": one.name, "by": people.named(one.proposed_by),
        "at": in_beijing(one.proposed_at), "mine": campaigns.is_mine(desk, one.proposed_by), "content": "\n".join(content[:_MOST_LINES]),
        "new": present is None,
        "changes": [(line[0] == "+", line[1:]) for line in changes[:_MOST_LINES]], "more": max(len(content), len(changes)) > _MOST_LINES,
    }  # fmt: skip


def _lines(content: str) -> list[str]:
    """Return a content line by line; one that is no JSON, as it stands."""
    try:
        return json.dumps(json.loads(content), ensure_ascii=False, indent=1).splitlines()
    except (ValueError, RecursionError):
        return content.splitlines()


def _campaign(desk: Desk, one: Campaign) -> dict[str, Any]:
    return {
        "id": one.campaign_id, "title": one.public["title"], "by": desk.service.people.named(one.planned_by), "at": in_beijing(one.planned_at),
        "mine": campaigns.is_mine(desk, one.planned_by),
    }  # fmt: skip
