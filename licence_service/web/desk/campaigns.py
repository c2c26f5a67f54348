"""Campaigns at the desk: planned by one person, rehearsed by the server, read with their counts and approved by another, and started (LC-14)."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from fastapi.responses import RedirectResponse, Response

from licence_service.acts import GROUNDS, has_act
from licence_service.campaign import ACTS, AGE_CEILING, DAY, LISTED_BY, Ordered, report_of, values_of
from licence_service.digests import canonical, sha256
from licence_service.duties import Right
from licence_service.errors import Fault, NotGranted, Refusal, RequestRejected
from licence_service.history.words import ACTS as ACT_WORDS
from licence_service.history.words import GROUNDS as GROUND_WORDS
from licence_service.licence import Act, beijing_day
from licence_service.seal.department import Department
from licence_service.service import Service
from licence_service.store.campaign_orders import REHEARSE, RUN, CampaignOrders
from licence_service.store.campaigns import APPROVED, PLANNED, REHEARSED, RUNNING, Campaign
from licence_service.web.desk import controls
from licence_service.web.desk.controls import Control, Group
from licence_service.web.desk.issuing import code_of, said
from licence_service.web.desk.room import HOME, Desk, TheForm, having, in_beijing, renewed
from licence_service.web.desk_words import DESK_REFUSALS
from licence_service.web.sent import Sent

router = APIRouter(prefix=f"{HOME}/campaigns", include_in_schema=False)
Either = Annotated[Desk, Depends(having(Right.PLAN, Right.APPROVE))]
Planner = Annotated[Desk, Depends(having(Right.PLAN))]
CampaignId = Annotated[str, Path(pattern=r"^[0-9a-f]{26}$")]
STATES = {
    PLANNED: ("已拟定", "planned"), REHEARSED: ("已试算，待批准", "rehearsed, waits for approval"), APPROVED: ("已批准", "approved"),
    RUNNING: ("办理中", "running"), "done": ("已办结", "done"),
}  # fmt: skip
_ENDS = {AGE_CEILING: ("到决定之日有效的年龄上限", "the age ceiling in force on the decision day"), DAY: ("到指定日期", "a day")}
_OUTCOMES = {"": "—", "open": "待办理", "changed": "情况有变，未办理", "refused": "不予办理"}  # by what stands before the colon; any other was done
_REFUSED = {
    "other-ending": "另有使其失效的事项", "decided-already": "注销已被撤销", "end-passed": "新的截止日已过", "no-end": "无法确定新的截止日",
    "undecided": "照面未载明除外所依据的内容", "no-seal-use": "用章日志无此次用章",
}  # fmt: skip
_BY = {"holder": ("持证人号码", "number of the holder"), "number": ("证照编号", "number"), "licence_id": ("登记编号", "id")}
_LIST = "listed"  # the id of the exclusion that a form has
_MOST_LIST = 200_000  # characters; longer lists are for the command line
_SECONDS = 5  # after which a page is asked for again while the server is at work
_EXCLUSION = (("zh", "zh"), ("en", "en"), ("by", "listed"), ("values", "listed"))  # controls, and the path of what is said wrong of them


@router.get("")
def every(desk: Either) -> Response:
    """Show the campaigns of the department, newest first."""
    rows = [{"id": one.campaign_id, "title": one.public["title"], "state": STATES[one.state], "at": in_beijing(one.planned_at)} for one in own(desk)]
    return desk.page("campaigns.html", campaigns=rows)


@router.get("/plan")
def form(desk: Planner) -> Response:
    """Show the empty form of a plan."""
    _seals(desk)
    today = beijing_day(desk.service.now()).isoformat()
    decision = {"organ": desk.organ, "decided_on": today, "officer": desk.person.name}
    return _form(desk, {"decision": decision, "effective_on": today}, secrets.token_hex(16), ())


@router.post("/plan")
def plan(desk: Planner, form: TheForm) -> Response:
    """Keep a plan for the own department, and have it rehearsed; what is wrong is said at its field. The same press of the button twice is one."""
    _seals(desk)
    body, runner, key = _body(desk, form), desk.service.runner(), form.request_key("desk")
    try:
        whole = {**body, "exclusions": [_exclusion(one) for one in body["exclusions"]]}
        campaign = runner.store.get(runner.plan(whole, desk.person.person_id, key))
    except Refusal as refusal:
        return _form(desk, body, key, refusal.faults, refusal)
    taker = ordered(desk.service)
    if taker.orders.newest(campaign) is None:
        taker.order(campaign, REHEARSE, desk.person.person_id)
    return RedirectResponse(f"{HOME}/campaigns/{campaign.campaign_id}", status_code=303)


@router.get("/{campaign_id}")
def read(desk: Either, campaign_id: CampaignId) -> Response:
    """Show what a campaign is to do, what its rehearsal came to, and what became of it; renewed by itself while the server is at work."""
    campaign, service = of(desk, campaign_id), desk.service
    last = ordered(service).orders.newest(campaign)
    at_work = last is not None and last.ended_at is None
    plan, report = campaign.public, report_of(service.runner().store, campaign)
    answer = desk.page(
        "campaign.html", campaign=campaign, plan=plan, state=STATES[campaign.state], act=_act(str(plan["act"])), ordered=last, at_work=at_work,
        as_read=as_read(service, campaign),
        trouble=DESK_REFUSALS.get(last.trouble, "无法办理") if last and last.trouble else None, named=service.people.named,
        counts=[{"words": _came_to(plan, one["rehearsed"]), "outcome": _became(one["outcome"]), "licences": one["licences"]} for one in report.counts],
        types=[service.catalogue.editions[one][-1].title for one in plan["types"]], mine=is_mine(desk, campaign.planned_by), in_beijing=in_beijing,
        ground=GROUND_WORDS.get(plan["select"].get("ground", ""), ("", "")), ends=_ENDS.get((plan.get("end") or {}).get("rule", "")),
        exclusions=[_left_out_by(one) for one in plan.get("exclusions", [])],
        end_day=(plan.get("end") or {}).get("day", ""),
        departments=[service.keyring.departments[one].name if one in service.keyring.departments else one for one in plan["departments"]],
        may_rehearse=desk.may(Right.PLAN) and campaign.state in {PLANNED, REHEARSED} and not at_work,
        may_start=campaign.state in {APPROVED, RUNNING} and not at_work,
    )  # fmt: skip
    return renewed(answer, _SECONDS) if at_work else answer


@router.post("/{campaign_id}")
def order(desk: Either, form: TheForm, campaign_id: CampaignId) -> Response:
    """Have a campaign rehearsed again, or started once another person than its planner approved it."""
    campaign, wanted = of(desk, campaign_id), form.text("do", 10)
    if wanted not in {REHEARSE, RUN} or (wanted == REHEARSE and not desk.may(Right.PLAN)):
        raise RequestRejected(faults=[Fault("do", "missing", "say what is to be done")])
    ordered(desk.service).order(campaign, wanted, desk.person.person_id)
    return RedirectResponse(f"{HOME}/campaigns/{campaign_id}", status_code=303)


def ordered(service: Service) -> Ordered:
    """Return what takes orders about campaigns, and carries them."""
    return Ordered(service.runner(), CampaignOrders(service.database), service.now)


def as_read(service: Service, campaign: Campaign) -> str:
    """Return a digest of what the page says that the rehearsal came to: a page that was opened before another rehearsal has another."""
    return sha256(canonical([list(one) for one in service.runner().store.counts(campaign)]))


def of(desk: Desk, campaign_id: str) -> Campaign:
    """Return a campaign of the department alone; any other is as if it did not exist."""
    return desk.service.runner().store.get(campaign_id, desk.person.department)


def own(desk: Desk) -> list[Campaign]:
    """Return the campaigns of the department alone, newest first; one on licences of others too is the business of the command line."""
    return desk.service.runner().store.all(desk.person.department)


def _seals(desk: Desk) -> Department:
    """Return the person's department; `NotGranted` where it has no seal here, and so acts on no licence."""
    department = desk.service.keyring.departments.get(desk.person.department)
    if department is None:
        raise NotGranted("the department has no seal here: there is nothing that it could plan")
    return department


def is_mine(desk: Desk, by: str) -> bool:
    """Say whether this person did something under this name: here, at the command line, or before they were removed and added anew."""
    return desk.service.people.alike(desk.person.person_id, by)


def _act(name: str) -> tuple[str, str]:
    return ACT_WORDS[Act(name)][0], name.replace("_", " ").capitalize()


def _left_out_by(one: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Return who is left out, and by what that is decided; of a list how many it names, never whom."""
    if "listed" in one:
        zh, en = _BY[one["listed"]["by"]]
        return one["zh"], one["en"], f"名单 {one['listed']['count']} 个{zh}", f"{one['listed']['count']} listed, by {en}"
    way = "any_of" if "any_of" in one else "none_of"
    among = "、".join(one[way])
    return one["zh"], one["en"], f"{one['field']} {'属于' if way == 'any_of' else '不属于'} {among}", f"{way.replace('_', ' ')}"


def _came_to(plan: Mapping[str, Any], rehearsed: str) -> tuple[str, str]:
    """Return what a rehearsal came to for a licence, in words."""
    kind, _, why = rehearsed.partition(":")
    if kind == "excluded":
        one = next((each for each in plan.get("exclusions", []) if each["id"] == why), None)
        return (f"除外：{one['zh']}", f"left out: {one['en']}") if one else (f"除外：{why}", f"left out: {why}")
    if kind == "refused":
        return f"不予办理：{_REFUSED.get(why) or DESK_REFUSALS.get(why, why)}", f"refused: {why.replace('-', ' ')}"
    return _act(kind)


def _became(outcome: str) -> tuple[str, str]:
    """Return what became of a licence in the run: what was skipped or refused is never said to be done."""
    return _OUTCOMES.get(outcome.partition(":")[0], "已办理"), outcome.replace("-", " ").replace(":", ": ")


# -- the form -----------------------------------------------------------------------------------------------


def _body(desk: Desk, form: Sent) -> dict[str, Any]:
    """Return the plan that was typed, for the own department alone; its list still as text."""
    end = {name: text for name in ("rule", "day") if (text := form.text(f"end.{name}"))}
    excluded = {name: form.text(f"exclusion.{name}", _MOST_LIST) for name, _ in _EXCLUSION}
    body = {
        "act": ACTS[0], "departments": [desk.person.department], "types": [one for one in form.texts.get("types", []) if one],
        "title": {name: form.text(f"title.{name}") for name in ("zh", "en")},
        "select": {name: form.text(f"select.{name}") for name in ("ground", "decided_from", "decided_to")},
        "decision": controls.decision(form), "effective_on": form.text("effective_on"), "exclusions": [excluded] if any(excluded.values()) else [],
    }  # fmt: skip
    return {**body, **({"end": end} if end else {})}


def _exclusion(typed: Mapping[str, str]) -> dict[str, Any]:
    values = values_of(typed["values"].splitlines(), "exclusions[0].listed")
    return {"id": _LIST, "zh": typed["zh"], "en": typed["en"], "listed": {"by": typed["by"], "values": values}}


def _form(desk: Desk, body: Mapping[str, Any], key: str, faults: Sequence[Fault], refusal: Refusal | None = None) -> Response:
    groups = [*_what(desk, body, faults), Group("决定", "Decision", controls.decision_controls(body["decision"], faults)), _left_out(body, faults)]
    shown = [one for group in groups for one in group.controls]
    return desk.page(
        "plan.html", code_of(faults, refusal), groups=groups, others=controls.elsewhere(faults, shown), count=len(faults),
        refusal=said(refusal), act=_act(ACTS[0]), key=key.removeprefix("desk-"),
    )  # fmt: skip


def _what(desk: Desk, body: Mapping[str, Any], faults: Sequence[Fault]) -> list[Group]:
    def made(name: str, kind: str, zh: str, en: str, options: Sequence[tuple[str, str]] = (), *, required: bool = True) -> Control:
        outer, _, inner = name.partition(".")
        value = (body.get(outer) or {}).get(inner, "") if inner else body.get(outer, [] if kind == "boxes" else "")
        return Control(name, kind, zh, en, value, required, options=options, faults=controls.said_of(faults, name))

    today, department = beijing_day(desk.service.now()), _seals(desk)
    known = (desk.service.catalogue.in_force(slug, today) for slug in desk.service.catalogue.slugs)
    types = [
        (one.slug, f"{one.title.zh} {one.title.en}") for one in known
        if has_act(one.acts, Act(ACTS[0])) and department.may_seal(one.slug, today, act=ACTS[0])
    ]  # fmt: skip
    grounds = [(code, " ".join(GROUND_WORDS[code])) for code in GROUNDS]
    ends = [(code, " ".join(words)) for code, words in _ENDS.items()]
    return [
        Group("名称与范围", "Title and scope", [
            made("title.zh", "text", "名称（中文）", "Title, Chinese"), made("title.en", "text", "名称（英文）", "Title, English"),
            made("types", "boxes", "证照类型", "Types", types), made("select.ground", "select", "注销事由", "Ground of the cancellation", grounds),
            made("select.decided_from", "date", "注销决定自", "Cancelled from"), made("select.decided_to", "date", "注销决定至", "Cancelled to"),
        ]),
        Group("期限", "Term", [
            made("effective_on", "date", "恢复之日", "First day of the right"),
            made("end.rule", "select", "新的截止日（不选即仍为原截止日）", "New last day; none: the old one", ends, required=False),
            made("end.day", "date", "指定的截止日", "The day", required=False),
        ]),
    ]  # fmt: skip


def _left_out(body: Mapping[str, Any], faults: Sequence[Fault]) -> Group:
    typed: Mapping[str, str] = next(iter(body.get("exclusions", [])), {})

    def wrong(name: str) -> list[tuple[str, str]]:
        return controls.said_of(faults, f"exclusions[0].{dict(_EXCLUSION)[name]}")

    by = [(code, " ".join(_BY[code])) for code in LISTED_BY]
    hint = ("每行一个；名单为空即不除外", "one a line")
    return Group("名单除外（可不填）", "Left out by a list, if any", [
        Control("exclusion.zh", "text", "除外理由（中文）", "Why, Chinese", typed.get("zh", ""), faults=wrong("zh")),
        Control("exclusion.en", "text", "除外理由（英文）", "Why, English", typed.get("en", ""), faults=wrong("en")),
        Control("exclusion.by", "select", "名单所列", "What it lists", typed.get("by", ""), options=by, faults=wrong("by")),
        Control("exclusion.values", "area", "名单", "The list", typed.get("values", ""), hint=hint, most=_MOST_LIST, faults=wrong("values")),
    ])  # fmt: skip
