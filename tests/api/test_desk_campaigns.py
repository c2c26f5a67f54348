"""Campaigns at the desk: planned by one person, rehearsed, read and approved by another, started and carried by the server (LC-14)."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, event

from licence_service.campaign.plan import parted, text_of
from licence_service.duties import Role
from licence_service.identifiers import is_uscc
from licence_service.store.campaign_orders import LEASE, RUN
from licence_service.web.desk.campaigns import ordered
from tests.api.test_cli import REFUSED, Terminal, terminal  # noqa: F401 - a fixture
from tests.desks import OWN_KEY, Seat, seat
from tests.journeys.ageing import EFFECTIVE, ISSUED, Drivers, a_few, the_plan
from tests.parts.databases import KINDS, empty_postgres
from tests.provider import ORGAN, OTHER
from tests.world import DRIVER, World, a_world

WHERE = re.compile(r"/desk/campaigns/([0-9a-f]{26})")
PLAN = {
    "title.zh": "超龄注销从业资格证批量恢复", "title.en": "Reinstatement", "types": DRIVER, "select.ground": "age", "select.decided_from": "2023-03-20",
    "select.decided_to": "2026-03-19", "decision.number": "示交运〔2026〕18号", "decision.organ": "示例省交通运输厅", "decision.decided_on": "2026-03-20",
    "decision.legal_basis": "道路运输从业人员管理规定", "decision.officer": "罗青石", "effective_on": EFFECTIVE.isoformat(), "end.rule": "age_ceiling",
}  # fmt: skip


@pytest.fixture(params=KINDS)
def desk(request: pytest.FixtureRequest, tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    """The desk on each of the two databases."""
    sqlite = request.param == "sqlite"
    url = None if sqlite else empty_postgres(request.getfixturevalue("postgres_address"), request.getfixturevalue("migrated_postgres"))
    told: dict[str, Any] = {"openid_issuer": "http://127.0.0.1:9", "desk_url": "http://testserver", "openid_client_secret": SecretStr("one of ours")}
    with a_world(tmp_path, demo_keys, url, now=ISSUED, **told) as world:  # what is recorded later cannot be recorded before
        yield world


def planned(planner: Seat, **changed: Any) -> str:
    """Plan at the desk, and return the campaign's id."""
    answer = planner.post("/desk/campaigns/plan", {**PLAN, **changed})
    assert answer.status_code == 303, answer.text
    found = WHERE.fullmatch(answer.headers["location"])
    assert found
    return found[1]


def left_out(drivers: Drivers) -> dict[str, str]:
    """Return what a form says to leave one driver out by a list."""
    said = {"zh": "驾驶证已失效", "en": "No licence to drive", "by": "holder", "values": f"\n{drivers.numbers['listed']}\n\n"}
    return {f"exclusion.{name}": text for name, text in said.items()}


@pytest.mark.rule("LC-14")
def test_a_campaign_is_planned_rehearsed_read_approved_by_another_and_carried_by_the_server(desk: World) -> None:
    drivers = a_few(desk, 2)
    planner, approver = seat(desk, Role.TEMPLATE_ADMINISTRATOR), seat(desk, Role.APPROVER)
    campaign_id = planned(planner, **left_out(drivers))
    page = planner.get(f"/desk/campaigns/{campaign_id}")
    assert "正在试算" in page.text
    assert page.headers["refresh"] == "5; url=?by-itself"
    assert approver.post(f"/desk/approvals/campaigns/{campaign_id}").status_code == 422  # nobody approves what was not rehearsed
    assert ordered(desk.service).work() == 1
    assert ordered(desk.service).work() == 0

    read = approver.get(f"/desk/campaigns/{campaign_id}")
    assert "refresh" not in read.headers
    assert "名单 1 个持证人号码" in read.text
    counts = re.findall(r'data-label="试算 Rehearsed"><div>([^ <]+).*?data-label="份数 Licences">([0-9]+)', read.text, re.DOTALL)
    assert dict(counts) == {"恢复": "2", "除外：驾驶证已失效": "1"}
    assert drivers.numbers["listed"] not in read.text
    assert all(drivers.acts(name) == ["issue", "cancel"] for name in drivers.ids)
    assert approver.post(f"/desk/campaigns/{campaign_id}", {"do": RUN}).status_code == 422  # nor starts what was not approved
    assert planner.post(f"/desk/approvals/campaigns/{campaign_id}").status_code == 403
    assert approver.post(f"/desk/approvals/campaigns/{campaign_id}").status_code == 303
    assert approver.post(f"/desk/campaigns/{campaign_id}", {"do": RUN}).status_code == 303
    assert approver.post(f"/desk/campaigns/{campaign_id}", {"do": RUN}).status_code == 422  # it is being carried
    assert ordered(desk.service).work() == 1

    assert {name: drivers.acts(name)[-1] for name in drivers.ids} == {"d0": "reinstate", "d1": "reinstate", "listed": "cancel"}
    campaign = desk.service.runner().store.get(campaign_id)
    assert (campaign.state, campaign.planned_by, campaign.approved_by) == ("done", planner.person_id, approver.person_id)
    done = planner.get(f"/desk/campaigns/{campaign_id}").text
    assert "已办结" in done
    assert "启动办理" not in done
    assert not list(desk.service.auditor.audit())


def test_a_page_that_renews_itself_keeps_nobody_signed_in(desk: World) -> None:
    a_few(desk, 1)
    planner = seat(desk, Role.TEMPLATE_ADMINISTRATOR)
    page = f"/desk/campaigns/{planned(planner)}"
    again = planner.get(page).headers["refresh"].partition("url=")[2]
    for _ in range(2):
        desk.clock.now += timedelta(minutes=9)  # type: ignore[attr-defined]
        assert planner.get(f"{page}{again}").status_code == 200
    assert planner.get(page).status_code == 200  # this one was pressed
    for minutes, status in ((9, 200), (9, 200), (9, 303)):
        desk.clock.now += timedelta(minutes=minutes)  # type: ignore[attr-defined]
        assert planner.get(f"{page}{again}").status_code == status


def test_what_is_wrong_with_a_plan_is_said_at_its_field_and_nothing_is_kept(desk: World) -> None:
    a_few(desk, 1)
    planner = seat(desk, Role.TEMPLATE_ADMINISTRATOR)
    wrong = {
        "title.zh": "", "types": "no_such_type", "select.decided_to": "2020-01-01", "decision.number": "", "end.rule": "day", "exclusion.zh": "空名单",
        "exclusion.by": "holder",
    }  # fmt: skip
    for name, value in wrong.items():
        answer = planner.post("/desk/campaigns/plan", {**PLAN, name: value})
        assert answer.status_code == 422, name
        assert PLAN["title.en"] in answer.text
    empty = planner.post("/desk/campaigns/plan", {**PLAN, "title.zh": "", "decision.number": ""})
    for name in ("title-zh", "decision-number"):
        assert re.search(rf'id="{name}"[^>]*aria-invalid="true"', empty.text), name
    assert planner.post("/desk/campaigns/plan").status_code == 422
    for text in ("\x00", "<script>alert(1)</script>", "９" * 5000, "-1"):
        evil = planner.post("/desk/campaigns/plan", dict.fromkeys({**PLAN, **dict.fromkeys(("exclusion.zh", "exclusion.values"))}, text))
        assert evil.status_code == 422
        assert "<script>alert" not in evil.text
    assert desk.service.runner().store.all() == []


def test_the_same_press_of_the_button_twice_is_one_campaign_and_what_was_changed_is_another(desk: World) -> None:
    a_few(desk, 1)
    planner, other = seat(desk, Role.TEMPLATE_ADMINISTRATOR), seat(desk, Role.TEMPLATE_ADMINISTRATOR, subject="other")
    form = planner.get("/desk/campaigns/plan")
    key = OWN_KEY.findall(form.text)[0]
    first = planned(planner, key=key)
    assert planned(planner, key=key) == first
    ordered(desk.service).work()
    assert planned(planner, key=key) == first
    assert ordered(desk.service).work() == 0  # nor is it rehearsed twice
    wrong = planner.post("/desk/campaigns/plan", {**PLAN, "title.zh": "", "key": key})
    assert OWN_KEY.findall(wrong.text) == [key]
    ids = {first, planned(planner, key=key, **{"title.en": "Another"}), planned(other, key=key), planned(planner)}
    assert len(ids) == 4
    assert {one.campaign_id for one in desk.service.runner().store.all()} == ids


def test_a_department_without_a_seal_plans_nothing(desk: World) -> None:
    sealless = next(one for one in (f"11519902MB99000{number:02}{last}" for number in range(100) for last in "0123456789X") if is_uscc(one))
    assert sealless not in desk.service.keyring.departments
    planner = seat(desk, Role.TEMPLATE_ADMINISTRATOR, department=sealless)
    assert planner.get("/desk/campaigns").status_code == 200
    answers = [planner.get("/desk/campaigns/plan"), planner.post("/desk/campaigns/plan", PLAN), planner.post("/desk/campaigns/plan")]
    assert [one.status_code for one in answers] == [403, 403, 403]
    assert desk.service.runner().store.all() == []


def test_a_campaign_planned_at_the_desk_is_about_the_own_department_whatever_was_sent(desk: World) -> None:
    a_few(desk, 1)
    campaign_id = planned(seat(desk, Role.TEMPLATE_ADMINISTRATOR), departments=OTHER, act="revoke")
    plan = desk.service.runner().store.get(campaign_id).public
    assert (plan["departments"], plan["act"]) == ([ORGAN], "reinstate")


def test_another_departments_campaign_is_answered_as_one_that_nobody_planned(desk: World) -> None:
    a_few(desk, 1)
    mine = planned(seat(desk, Role.TEMPLATE_ADMINISTRATOR))
    for role in (Role.TEMPLATE_ADMINISTRATOR, Role.APPROVER):
        stranger = seat(desk, role, department=OTHER)
        assert mine not in stranger.get("/desk/campaigns").text
        there, nowhere = (stranger.get(f"/desk/campaigns/{one}") for one in (mine, "0" * 26))
        assert (there.status_code, there.text) == (404, nowhere.text)
        there, nowhere = (stranger.post(f"/desk/campaigns/{one}", {"do": RUN}) for one in (mine, "0" * 26))
        assert (there.status_code, there.text) == (404, nowhere.text)
    approver = seat(desk, Role.APPROVER)
    for form in ({}, {"do": "x"}):
        assert approver.post(f"/desk/campaigns/{mine}", form).status_code == 422
    assert approver.post(f"/desk/campaigns/{mine}", {"do": "rehearse"}).status_code == 422  # the planner's business


def test_a_campaign_on_licences_of_another_department_too_is_no_business_of_the_desk_of_one(desk: World, tmp_path: Path) -> None:
    runner = desk.service.runner()
    said = the_plan(tmp_path, a_few(desk, 1), holders=["listed"], numbers=["listed"])
    both = runner.plan({**said, "departments": [ORGAN, OTHER]}, "计划人甲")
    runner.rehearse(both)
    for department in (ORGAN, OTHER):
        approver = seat(desk, Role.APPROVER, department=department)
        assert both not in approver.get("/desk/campaigns").text + approver.get("/desk/approvals").text
        assert approver.get(f"/desk/campaigns/{both}").status_code == 404
        assert approver.post(f"/desk/campaigns/{both}", {"do": RUN}).status_code == 404
        assert approver.post(f"/desk/approvals/campaigns/{both}").status_code == 404
    assert runner.store.get(both).state == "rehearsed"


READ = re.compile(r'name="read" value="([0-9a-f]{64})"')


def test_nobody_approves_counts_that_another_rehearsal_replaced_or_is_about_to(desk: World) -> None:
    drivers = a_few(desk, 2)
    planner, approver = seat(desk, Role.TEMPLATE_ADMINISTRATOR), seat(desk, Role.APPROVER)
    campaign_id = planned(planner)
    ordered(desk.service).work()
    before = READ.findall(approver.get(f"/desk/campaigns/{campaign_id}").text)
    planner.post(f"/desk/campaigns/{campaign_id}", {"do": "rehearse"})
    drivers.act("d0", act="revoke")
    meanwhile = approver.post(f"/desk/approvals/campaigns/{campaign_id}", {"read": before[0]})
    assert (meanwhile.status_code, "正在试算或办理中" in meanwhile.text) == (422, True)
    ordered(desk.service).work()
    late = approver.post(f"/desk/approvals/campaigns/{campaign_id}", {"read": before[0]})
    assert (late.status_code, "又重新试算过" in late.text) == (422, True)
    now = READ.findall(approver.get(f"/desk/campaigns/{campaign_id}").text)
    assert approver.post(f"/desk/approvals/campaigns/{campaign_id}", {"read": now[0]}).status_code == 303
    twice = approver.post(f"/desk/approvals/campaigns/{campaign_id}", {"read": now[0]})
    assert (twice.status_code, "已不能办理这一步" in twice.text) == (422, True)


def test_an_order_that_is_carried_again_no_longer_says_what_it_waited_for(desk: World) -> None:
    a_few(desk, 1)
    orders, campaign_id = ordered(desk.service).orders, planned(seat(desk, Role.TEMPLATE_ADMINISTRATOR))
    campaign = desk.service.runner().store.get(campaign_id)
    order = orders.claim(desk.clock())
    assert order
    orders.wait(order, desk.clock(), "seal-unavailable")
    assert orders.newest(campaign).trouble == "seal-unavailable"  # type: ignore[union-attr]
    orders.keep(order, desk.clock() + LEASE)
    assert orders.newest(campaign).trouble is None  # type: ignore[union-attr]


def test_what_the_run_skipped_is_not_said_to_be_done(desk: World) -> None:
    drivers = a_few(desk, 1)
    planner, approver = seat(desk, Role.TEMPLATE_ADMINISTRATOR), seat(desk, Role.APPROVER)
    campaign_id = planned(planner)
    ordered(desk.service).work()
    approver.post(f"/desk/approvals/campaigns/{campaign_id}")
    drivers.act("d0", act="revoke")
    approver.post(f"/desk/campaigns/{campaign_id}", {"do": RUN})
    ordered(desk.service).work()
    page = approver.get(f"/desk/campaigns/{campaign_id}").text
    said = re.findall(r'data-label="结果 Outcome"><div>([^ <]+) <span lang="en">([^<]*)<', page)
    assert sorted(said) == [("已办理", "reinstate"), ("情况有变，未办理", "changed: refused: other ending")]
    planned(planner, **{"title.en": "Again"})
    ordered(desk.service).work()
    again = approver.get(f"/desk/campaigns/{WHERE.findall(approver.get('/desk/campaigns').text)[0]}").text
    assert "不予办理：另有使其失效的事项" in again


def test_a_page_of_a_re_seal_asks_the_register_for_no_licence(desk: World) -> None:
    a_few(desk, 1)
    runner, seal_id = desk.service.runner(), desk.service.keyring.departments[ORGAN].seal.seal_id
    said = {
        "act": "reseal", "title": {"zh": "重新签章", "en": "Re-seal"}, "departments": [ORGAN], "types": [DRIVER],
        "select": {"seal": seal_id, "since": ISSUED.isoformat(), "all": True}, "effective_on": EFFECTIVE.isoformat(),
        "decision": {"number": "1", "organ": "甲", "decided_on": EFFECTIVE.isoformat(), "legal_basis": "乙", "officer": "丙"},
    }  # fmt: skip
    campaign = runner.store.get(runner.store.add(ORGAN, *parted(said), text_of(said), "计划人甲"))
    runner.store.begin_rehearsal(campaign)
    runner.store.end_rehearsal(campaign)
    runner.store.approve(campaign, "批准人乙")
    runner.store.begin_run(campaign)
    approver, asked = seat(desk, Role.APPROVER), list[str]()

    def heard(*said: Any) -> None:
        asked.append(said[2])

    event.listen(Engine, "before_cursor_execute", heard)
    try:
        page = approver.get(f"/desk/campaigns/{campaign.campaign_id}")
    finally:
        event.remove(Engine, "before_cursor_execute", heard)
    assert page.status_code == 200
    assert asked
    assert not [one for one in asked if "FROM entries" in one or "FROM seal_uses" in one]


def test_a_seal_that_is_stopped_puts_the_order_off_and_who_died_is_followed_by_another(desk: World, tmp_path: Path) -> None:
    drivers = a_few(desk, 1)
    runner, seal_id = desk.service.runner(), desk.service.keyring.departments[ORGAN].seal.seal_id
    campaign_id = runner.plan(the_plan(tmp_path, drivers, holders=["listed"], numbers=["listed"]), "计划人甲")  # at the command line
    runner.rehearse(campaign_id)
    approver, orders = seat(desk, Role.APPROVER), ordered(desk.service)
    approver.post(f"/desk/approvals/campaigns/{campaign_id}")
    approver.post(f"/desk/campaigns/{campaign_id}", {"do": RUN})
    desk.service.seal_log.order(seal_id, stopped=True, at=desk.clock(), by="x", reason="x")
    assert orders.work() == 1
    assert "印章" in approver.get(f"/desk/campaigns/{campaign_id}").text
    desk.service.seal_log.order(seal_id, stopped=False, at=desk.clock(), by="x", reason="x")
    assert orders.work() == 0  # not yet
    desk.clock.now += timedelta(minutes=1)  # type: ignore[attr-defined]
    assert orders.orders.claim(desk.clock()) is not None  # and whoever took it dies
    assert orders.work() == 0
    desk.clock.now += LEASE  # type: ignore[attr-defined]
    assert orders.work() == 1
    assert runner.store.get(campaign_id).state in {"running", "done"}
    desk.service.registrar.finish()
    desk.clock.now += timedelta(minutes=2)  # type: ignore[attr-defined]
    orders.work()
    assert drivers.acts("d0")[-1] == "reinstate"
    assert runner.store.get(campaign_id).state == "done"


@pytest.mark.rule("LC-14")
def test_nobody_approves_or_confirms_at_the_command_line_what_they_planned_or_proposed_at_the_desk(terminal: Terminal, tmp_path: Path) -> None:  # noqa: F811
    drivers, people = a_few(terminal.world, 1), terminal.world.service.people
    person = people.add("https://id.example.cn", "u-17", "罗青石", ORGAN, "operator", terminal.world.clock())
    runner = terminal.world.service.runner()
    campaign_id = runner.plan(the_plan(tmp_path, drivers, holders=["listed"], numbers=["listed"]), person)
    runner.rehearse(campaign_id)
    foundations = terminal.world.service.foundations
    number = foundations.propose("body", "52519900MB9900099X", "{}", person)
    before = len(foundations.lines())
    for by in (person, "罗青石", " 罗青石 "):
        terminal.run("campaign", "approve", campaign_id, "--by", by, wanted=REFUSED)
        for words in ([str(number)], ["--all"]):
            terminal.run("foundations", "confirm", *words, "--by", by, wanted=REFUSED)
    assert len(foundations.lines()) == before
    terminal.run("campaign", "approve", campaign_id, "--by", "局长甲")
