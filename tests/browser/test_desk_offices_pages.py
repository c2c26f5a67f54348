"""The pages of the desk for a sub-office, for acts with a preview, for tasks and for campaigns, on a telephone and at a screen."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from pydantic import SecretStr

from licence_service.app import served
from licence_service.duties import Role
from licence_service.web.desk.campaigns import ordered
from tests.api.test_offices import OFFICES, keys_with
from tests.browser.conftest import Site
from tests.browser.test_desk_pages import tidy
from tests.browser.test_public_pages import NO_SCRIPTS, PHONE, press
from tests.desks import Seat, seat
from tests.journeys.ageing import ISSUED, a_few, the_plan
from tests.provider import ORGAN
from tests.serving import serving
from tests.world import DRIVER, VEHICLE, a_world

pytestmark = pytest.mark.browser
Sitting = Callable[..., Page]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[Site]:
    """A desk whose department has offices, in March 2026."""
    folder = tmp_path_factory.mktemp("offices")
    told: dict[str, Any] = {"openid_issuer": "http://127.0.0.1:9", "desk_url": "http://127.0.0.1:9", "openid_client_secret": SecretStr("one of ours")}
    with a_world(folder, keys_with(folder / "keys", demo_keys, OFFICES), now=ISSUED, **told) as world:
        drivers = a_few(world, 2)
        runner = world.service.runner()
        for by in ("计划人甲", "计划人乙"):
            runner.rehearse(runner.plan(the_plan(folder, drivers, holders=["listed"], numbers=["listed"]), by))
        with serving(served(world.service)) as port:
            yield Site(world, f"http://127.0.0.1:{port}")


@pytest.fixture
def sitting(chromium: Browser, desk: Site) -> Iterator[Sitting]:
    """Return a function that opens the desk for somebody who is signed in; signing in has tests of its own."""
    contexts: list[BrowserContext] = []
    trouble: list[str] = []

    def sit(who: Seat, **options: Any) -> Page:
        context = chromium.new_context(base_url=desk.url, **options)
        context.add_cookies([{"name": "desk_session", "value": who.token, "url": f"{desk.url}/desk"}])
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: trouble.append(str(error)))
        return page

    yield sit
    for context in contexts:
        context.close()
    assert not trouble


def somebody(desk: Site, *roles: Role, office: str | None = None) -> Seat:
    """Let somebody sit down, each time another."""
    return seat(desk.world, *roles, office=office, subject=f"{office}-{'-'.join(roles)}-{time.monotonic_ns()}")


def test_a_clerk_of_an_office_sees_whose_desk_it_is_its_tasks_and_names_the_region(sitting: Sitting, desk: Site) -> None:
    case = f"WINDOW-{time.monotonic_ns()}"
    said = {"rule": "AI-04", "case_no": case, "type": DRIVER, "why": "receipts.police_vehicle conflict", "office": "north"}
    desk.world.service.tasks.open(ORGAN, "unattended", None, said, slug=DRIVER, office="north")
    page = sitting(somebody(desk, Role.CLERK, office="north"), bypass_csp=True, **PHONE)
    page.goto("/desk")
    assert page.locator("h1").inner_text().startswith("北片区分局")
    assert "1 件" in page.get_by_role("link", name="待办事项").last.inner_text()
    tidy(page)
    page.goto("/desk/tasks")
    assert case in page.locator("main").inner_text()
    tidy(page)
    press(page, "已办结")
    assert "没有待办事项" in page.locator("main").inner_text()
    tidy(page)

    page.goto(f"/desk/issue/{DRIVER}")
    assert page.get_by_label("行政区划").locator("option").count() == 3
    tidy(page)
    page.goto(f"/desk/issue/{VEHICLE}")
    assert page.get_by_label("所依附的证照").count() == 1
    tidy(page)
    page.goto("/desk/licences")
    page.get_by_label("号码或编号").fill("5199")
    press(page, "查找")
    assert "本办事机构没有这样的证照" in page.locator("main").inner_text()
    tidy(page)
    page.goto("/desk/issue/no_such_type")
    assert page.get_by_role("button", name="退出").count() == 1
    tidy(page)
    page.get_by_role("link", name="返回颁发证照").click()
    assert page.url.endswith("/desk/issue")


def test_an_auditor_of_an_office_reads_its_seal_uses_and_readers(sitting: Sitting, desk: Site) -> None:
    page = sitting(somebody(desk, Role.AUDITOR, office="south"), bypass_csp=True, **PHONE)
    for path in ("/desk/seal", "/desk/log"):
        page.goto(path)
        tidy(page)


def test_a_change_is_previewed_while_it_is_typed(sitting: Sitting, desk: Site) -> None:
    number = time.monotonic_ns() % 10_000_000
    request = desk.world.request(DRIVER, case_no=f"PREVIEW-{number}", face={"license_no": f"519902198506{number:07d}"})
    answer = desk.world.http.post("/licences", json=request, headers=desk.world.headers(DRIVER, f"preview-{number}"))
    assert answer.status_code == 201, answer.text
    act = f"/desk/licences/{answer.json()['licence_id']}/acts"
    clerk = somebody(desk, Role.CLERK)
    page = sitting(clerk, bypass_csp=True, **PHONE)
    page.goto(f"{act}/change")
    tidy(page)
    page.get_by_label("从业单位").fill("蜀安通达运输有限公司")
    page.locator("#preview img").nth(1).wait_for()
    assert page.locator("#preview img").first.evaluate("one => one.naturalWidth") > 500
    tidy(page)
    page.goto(f"{act}/replace")
    page.get_by_label("事由说明").or_(page.get_by_label("承办人")).first.fill("承办甲")
    page.locator("#preview li").first.wait_for()
    tidy(page)
    bare = sitting(clerk, **NO_SCRIPTS)
    bare.goto(f"{act}/change")
    press(bare, "预览")
    assert bare.locator("#preview").inner_text()
    assert len(desk.world.service.book.get(answer.json()["licence_id"]).entries) == 1


def test_a_campaign_is_planned_by_one_and_approved_and_started_by_another(sitting: Sitting, desk: Site) -> None:
    page = sitting(somebody(desk, Role.TEMPLATE_ADMINISTRATOR), bypass_csp=True, **PHONE)
    page.goto("/desk/campaigns")
    tidy(page)
    page.get_by_role("link", name="拟定批量行动").click()
    tidy(page)
    press(page, "提交试算")
    assert "处须更正" in page.locator("[role=alert]").inner_text()
    tidy(page)
    for label, text in {
        "名称（中文）": "超龄注销恢复", "名称（英文）": "Reinstatement", "注销决定自": "2023-03-20", "注销决定至": "2026-03-19",
        "决定文号": "示交运〔2026〕18号", "法律依据": "道路运输从业人员管理规定",
    }.items():  # fmt: skip
        page.get_by_label(label).fill(text)
    page.locator(f"[name=types][value={DRIVER}]").check()
    page.get_by_label("注销事由").select_option("age")
    page.get_by_label("新的截止日").select_option("age_ceiling")
    press(page, "提交试算")
    assert "正在试算" in page.locator("[role=status]").inner_text()
    tidy(page)
    where = page.url
    page.goto("/desk/campaigns")
    tidy(page)
    page.get_by_text("超龄注销从业资格证批量恢复").first.click()
    page.wait_for_url("**/desk/campaigns/*")
    assert "除外：机动车驾驶证已失效" in page.locator("main").inner_text()
    tidy(page)
    assert ordered(desk.world.service).work() == 1
    page.goto(where)
    assert "须由他人批准" in page.locator("main").inner_text()
    tidy(page)

    approver = sitting(somebody(desk, Role.APPROVER), bypass_csp=True, **PHONE)
    approver.goto("/desk/approvals")
    tidy(approver)
    approver.goto(where)
    press(approver, "批准")
    tidy(approver)
    press(approver, "启动办理")
    assert "正在办理" in approver.locator("[role=status]").inner_text()
    assert ordered(desk.world.service).work() == 1
    approver.goto(where)
    assert "已办结" in approver.locator("main").inner_text()
    tidy(approver)
