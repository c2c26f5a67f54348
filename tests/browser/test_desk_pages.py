"""The desk in a real browser: each role signs in at a real provider and does its work, on a telephone and at a screen."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pypdfium2 as pdfium
import pytest
from playwright.sync_api import Browser, Page, Route

from licence_service import founding
from licence_service.app import served
from licence_service.bodies import Body
from licence_service.duties import Role
from licence_service.licence import beijing_day
from licence_service.stock.declared import read_plan
from licence_service.stock.office import Delivery
from licence_service.stock.sources import open_source
from licence_service.store.stock_rows import REJECTED, StockRun
from tests import stocks
from tests.browser.conftest import Room
from tests.browser.test_public_pages import NO_SCRIPTS, PHONE, clean_at_both_sizes, press, reachable
from tests.desks import typed
from tests.provider import ORGAN, desk_world, person, provider  # noqa: F401 - a fixture
from tests.serving import free_port, serving
from tests.world import DRIVER, World

pytestmark = pytest.mark.browser
ROLES = {
    "clerk": Role.CLERK, "officer": Role.SEAL_OFFICER, "quality": Role.DATA_QUALITY, "auditor": Role.AUDITOR, "admin": Role.TEMPLATE_ADMINISTRATOR,
    "approver": Role.APPROVER,
}  # fmt: skip
# As on the public's pages; values of code tables, and names, stand as the licence prints them.
ONE_LANGUAGE = """() => [...document.querySelectorAll('h1, h2, h3, label, legend, main button, dt, th[scope=col], option, main a, nav a')]
  .filter(one => !one.closest('[lang=en]') && !('value' in one.dataset)).map(one => one.textContent.trim())
  .filter(text => text && !(/[\\u4e00-\\u9fff]/.test(text) && /[A-Za-z]{2}/.test(text)))"""


@dataclass
class DeskSite:
    """A world with a desk at `url`, whose people are called as in `ROLES` at the provider."""

    world: World
    url: str
    keeper: str


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path, provider: str) -> Iterator[DeskSite]:  # noqa: F811
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with desk_world(tmp_path_factory.mktemp("desk"), demo_keys, provider, url) as world:
        keeper = min(world.service.keyring.departments.values(), key=lambda one: one.issuer_index).uscc
        for subject, role in ROLES.items():
            person(world, subject, role, department=keeper if role in {Role.TEMPLATE_ADMINISTRATOR, Role.APPROVER} else ORGAN)
        with serving(served(world.service), port):
            yield DeskSite(world, url, keeper)


Entering = Callable[..., Page]


def _only_here(route: Route) -> None:
    """Let nothing leave this machine: the provider's own page asks for a style sheet elsewhere."""
    if urlsplit(route.request.url).hostname == "127.0.0.1":
        route.continue_()
    else:
        route.abort()


@pytest.fixture
def signed_in(room: Room, desk: DeskSite) -> Iterator[Entering]:
    """Return a function that signs a person in by the provider's page; at the end no page of ours may have complained."""
    pages: list[Page] = []
    trouble: list[str] = []

    def enter(subject: str, **options: Any) -> Page:
        page = room(desk.url, **options).new_page()
        page.route("**/*", _only_here)
        pages.append(page)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda said: trouble.append(said.text) if "Content Security Policy" in said.text and desk.url in page.url else None)
        desk.world.clock.now = datetime.now(UTC)  # type: ignore[attr-defined]
        page.goto("/desk")
        page.get_by_role("link", name="登录").click()
        page.locator("input[name=sub]").fill(subject)
        with page.expect_navigation(url="**/desk"):
            page.get_by_role("button", name="Authorize").click()
        return page

    yield enter
    for page in pages:
        page.close()
    assert not trouble


def tidy(page: Page) -> None:
    """Demand what every page owes everybody: it says everything in both languages, fits everywhere, and axe finds nothing wrong."""
    assert page.evaluate(ONE_LANGUAGE) == []
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    assert page.locator("main h1").count() == 1
    clean_at_both_sizes(page)


def follow(page: Page, name: str) -> None:
    """Follow the first link of this name, and wait for the page that it leads to."""
    with page.expect_navigation():
        page.get_by_role("link", name=name).first.click()


def fill(page: Page, request: dict[str, Any]) -> None:
    """Fill the form of a type by its names."""
    form, files = typed(request)
    for name, value in form.items():
        place = page.locator(f"[name='{name}']")
        if isinstance(value, list):
            for code in value:
                page.locator(f"[name='{name}'][value='{code}']").check()
        elif place.evaluate("one => one.tagName") == "SELECT":
            place.select_option(value)
        else:
            place.fill(value)
    for name, (file, content, kind) in files.items():
        page.locator(f"[name='{name}']").set_input_files({"name": file, "mimeType": kind, "buffer": content})


def driver_of(desk: DeskSite, number: int) -> dict[str, Any]:
    """Return a request for a driver of our own, with a case and a number that nobody else has."""
    return desk.world.request(DRIVER, case_no=f"DESK-{number}", face={"license_no": f"519902198506{number:07d}"})


# -- the clerk ------------------------------------------------------------------------------------------------------------------


def test_the_door_says_whose_it_is_and_every_page_has_the_way_out(signed_in: Entering, desk: DeskSite) -> None:
    page = signed_in("clerk", bypass_csp=True, **PHONE)
    tidy(page)
    assert "蜀安市交通运输局" in page.locator("h1").inner_text()
    press(page, "退出")
    assert page.locator("h1").inner_text().startswith("已退出服务台")
    tidy(page)
    page.goto("/desk/issue")
    assert urlsplit(page.url).path == "/desk"
    tidy(page)
    assert page.get_by_role("link", name="登录").count() == 1
    assert desk.world.service.settings.openid_issuer


def test_a_clerk_issues_by_the_form_with_a_live_preview(signed_in: Entering, desk: DeskSite) -> None:
    number = 1000
    request = driver_of(desk, number)
    page = signed_in("clerk", bypass_csp=True, **PHONE)
    follow(page, "颁发证照")
    tidy(page)
    follow(page, "道路运输从业人员从业资格证")
    tidy(page)

    page.get_by_label("姓名").fill("陈安途")
    page.locator("#preview li").first.wait_for()
    assert "住址：必须填写" in page.locator("#preview").inner_text()
    press(page, "签章并颁发")
    assert "处须更正，尚未办理" in page.locator("[role=alert]").inner_text()
    assert page.get_by_label("姓名").input_value() == "陈安途"
    assert page.get_by_label("住址").get_attribute("aria-invalid") == "true"
    tidy(page)

    fill(page, request)
    page.locator("#preview img").nth(1).wait_for()
    assert page.locator("#preview img").first.evaluate("one => one.naturalWidth") > 500
    tidy(page)
    press(page, "签章并颁发")
    assert page.locator("h1").inner_text().startswith("已签章并登记")
    assert page.locator(".told-code").count() == 2
    tidy(page)


def test_a_clerk_finds_a_licence_suspends_it_and_prints_a_copy(signed_in: Entering, desk: DeskSite) -> None:
    number = 1003
    request = driver_of(desk, number)
    answer = desk.world.http.post("/licences", json=request, headers=desk.world.headers(DRIVER, f"browser-desk-{number}"))
    assert answer.status_code == 201
    page = signed_in("clerk", bypass_csp=True, **PHONE)
    page.get_by_label("号码或编号").fill(f"DESK-{number}")
    press(page, "查找")
    tidy(page)
    assert f"DESK-{number}" not in page.url
    with page.expect_navigation():
        page.locator("a.hit").click()
    assert page.locator("h1").inner_text().startswith("在有效期内")
    tidy(page)
    licence = page.url

    follow(page, "暂扣 Suspend")
    tidy(page)
    page.get_by_label("暂扣种类").select_option("measure")
    page.get_by_label("起 First day").fill(request["decision"]["decided_on"])
    page.get_by_label("决定文号").fill("蜀安交罚〔2026〕3号")
    press(page, "办理暂扣")
    assert page.locator("h1").inner_text().startswith("已登记")
    follow(page, "查看证照")
    assert page.locator("h1").inner_text().startswith("暂扣")
    follow(page, "全部登记历史")
    tidy(page)
    follow(page, "返回证照")
    assert page.url == licence

    press(page, "打印副本")
    assert page.locator("figcaption").first.inner_text().startswith("打印件 · 非原件　第 1 份")
    tidy(page)
    page.emulate_media(media="print")
    assert page.locator("figcaption").first.is_visible()
    assert not page.get_by_role("button", name="退出").is_visible()
    sheets = pdfium.PdfDocument(page.pdf())
    assert len(sheets) == page.locator("figure.copy").count()  # no sheet of paper more than the document has pages


def test_the_clerks_form_is_filled_seen_and_sent_without_scripts_and_reached_by_the_keyboard(signed_in: Entering, desk: DeskSite) -> None:
    page = signed_in("clerk", **NO_SCRIPTS)
    page.goto(f"/desk/issue/{DRIVER}")
    fill(page, driver_of(desk, 1002))
    press(page, "预览")
    assert page.locator("#preview img").count() == 2
    assert page.get_by_alt_text("已选照片").count() == 1
    press(page, "签章并颁发")
    assert page.locator("h1").inner_text().startswith("已签章并登记")
    other = signed_in("clerk")
    for address in ("/desk", "/desk/issue", f"/desk/issue/{DRIVER}"):
        other.goto(address)
        reachable(other)


# -- the others -----------------------------------------------------------------------------------------------------------------


def test_a_seal_officer_stops_the_seal_and_starts_it_again_and_the_auditor_reads_it(signed_in: Entering, desk: DeskSite) -> None:
    page = signed_in("officer", bypass_csp=True, **PHONE)
    follow(page, "印章与用章日志")
    tidy(page)
    page.get_by_label("事由（留档）").fill("例行停用演练")
    press(page, "立即停用")
    assert "已停用" in page.locator("main").inner_text()
    tidy(page)
    page.get_by_label("事由（留档）").fill("演练结束")
    press(page, "恢复用章")
    assert "使用中" in page.locator("main").inner_text()
    page.goto("/desk/issue")
    assert page.locator("h1").inner_text().startswith("您的角色或本单位无权办理此事")
    tidy(page)

    auditor = signed_in("auditor", bypass_csp=True, **PHONE)
    auditor.goto("/desk/seal")
    assert "例行停用演练" in auditor.locator("main").inner_text()
    assert auditor.get_by_role("button", name="立即停用").count() == 0
    tidy(auditor)
    follow(auditor, "查阅记录")
    assert "查看印章与日志" in auditor.locator("main").inner_text()
    tidy(auditor)
    assert desk.world.service.seal_log.orders(desk.world.service.keyring.departments[ORGAN].seal.seal_id)


@pytest.fixture(scope="module")
def run(desk: DeskSite, tmp_path_factory: pytest.TempPathFactory) -> StockRun:
    """A small stock with faults."""
    folder = tmp_path_factory.mktemp("stock")
    stocks.photos(folder / "photos")
    (folder / "stock.csv").write_bytes(stocks.as_csv(stocks.dirty(2, of_each=1).rows))
    office = desk.world.service.stock().office
    plan = read_plan(stocks.PLAN.encode(), office.template(DRIVER))
    return office.load(desk.world.client(DRIVER), DRIVER, Delivery(open_source(folder / "stock.csv"), plan, "装载人甲", folder / "photos"))


def test_a_data_quality_officer_takes_a_suggestion_and_rejects_a_row(signed_in: Entering, desk: DeskSite, run: StockRun) -> None:
    page = signed_in("quality", bypass_csp=True, **PHONE)
    follow(page, "存量隔离区")
    assert page.locator("progress").get_attribute("max") == str(len(stocks.dirty(2, of_each=1).rows))
    tidy(page)
    follow(page, "数据合规率")
    assert page.get_by_role("img", name="目标 95.0%").count() >= 2
    assert "蜀安市交通运输局" in page.locator("main").inner_text()
    tidy(page)
    follow(page, "返回存量转换")
    with page.expect_navigation():
        page.get_by_role("link", name="行待处理").click()
    tidy(page)
    first = page.locator("main section.card").first
    name = first.get_attribute("id")
    assert name
    first.get_by_label("不予转换的理由").fill("纸质证件已作废")
    with page.expect_navigation():
        first.get_by_role("button", name="不予转换").click()
    assert page.locator(f"#{name}").count() == 0
    row = desk.world.service.stock().office.kept.lines(run, [int(name.removeprefix("line-"))])[0]
    assert row.state == REJECTED
    second = page.locator("main section.card", has=page.get_by_role("button", name="更正并重新核查")).first
    with page.expect_navigation():
        second.get_by_role("button", name="更正并重新核查").click()
    tidy(page)


def test_what_the_administrator_proposed_the_approver_reads_and_puts_in_force(signed_in: Entering, desk: DeskSite) -> None:
    foundations = desk.world.service.foundations
    admin = next(one for one, _ in desk.world.service.people.all(beijing_day(datetime.now(UTC))) if Role.TEMPLATE_ADMINISTRATOR in one.roles)
    number = founding.proposed_body(foundations, Body("52519900MB9900099X", f"示例培训学校{len(foundations.lines())}", "519900", ()), admin.person_id)
    page = signed_in("admin", bypass_csp=True, **PHONE)
    follow(page, "双人审批")
    assert "须由他人审批" in page.locator(f"#proposal-{number}").inner_text()
    tidy(page)

    page = signed_in("approver", bypass_csp=True, **PHONE)
    page.goto("/desk/approvals")
    proposal = page.locator(f"#proposal-{number}")
    proposal.locator("summary").click()
    assert "示例培训学校" in proposal.inner_text()
    tidy(page)
    with page.expect_navigation():
        proposal.get_by_role("button", name="同意启用").click()
    assert page.locator(f"#proposal-{number}").count() == 0
    assert foundations.lines()[-1].proposed_by == admin.person_id


def test_who_is_unknown_here_is_told_what_to_give_the_administrator(chromium: Browser, desk: DeskSite) -> None:
    context = chromium.new_context(base_url=desk.url, bypass_csp=True, **PHONE)  # type: ignore[arg-type]
    context.route("**/*", _only_here)
    page = context.new_page()
    desk.world.clock.now = datetime.now(UTC)  # type: ignore[attr-defined]
    page.goto("/desk/sign-in")
    page.locator("input[name=sub]").fill("nobody-9")
    with page.expect_navigation(url="**/sign-in/back*"):
        page.get_by_role("button", name="Authorize").click()
    assert page.locator("h1").inner_text().startswith("您的账号尚未登记")
    assert "nobody-9" in page.locator("main").inner_text()
    tidy(page)
    context.close()
