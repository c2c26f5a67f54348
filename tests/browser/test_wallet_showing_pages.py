"""The wallet's pages for showing, lending and who looked, in Chromium: on a phone and at a screen, with and without network, clocks and scripts."""

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from licence_service.app import served
from licence_service.licence import beijing_day
from tests.browser.conftest import Site
from tests.browser.test_public_pages import DESKTOP, NO_SCRIPTS, ONE_LANGUAGE, PHONE, clean_at_both_sizes, headline, tidy
from tests.holders import Owner, officers, owning
from tests.purse import purse
from tests.serving import serving

pytestmark = pytest.mark.browser
BANK = "蜀安示例银行股份有限公司"
SIZES = pytest.mark.parametrize("size", [PHONE, pytest.param(DESKTOP, marks=pytest.mark.long)], ids=["phone", "desktop"])
THUMB = 2 / 3  # of the height: what lies below is reached by the thumb of the hand that holds the phone
HIDING = """hidden => {
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event('visibilitychange'));
}"""
AWAKE = "window.locks = 0; navigator.wakeLock.request = kind => { window.locks += kind === 'screen'; return Promise.resolve({ released: false }); };"
Opening = Callable[..., Page]


@pytest.fixture
def held(tmp_path: Path, demo_keys: Path) -> Iterator[tuple[Owner, Site]]:
    """A holder with a card, before a real server whose clock stands until it is moved."""
    with owning(tmp_path, demo_keys, failures_before_slowing=1000) as owner, serving(served(owner.world.service)) as port:
        yield owner, Site(owner.world, f"http://127.0.0.1:{port}")


@pytest.fixture
def signed_in(held: tuple[Owner, Site], chromium: Browser) -> Iterator[Opening]:
    """Return a function that opens a page of the card in a browser whose holder is signed in; nothing may have gone wrong in it at the end.

    A `clock` stands from a second later on until it is moved (`forward`) or let go: how long a picture takes here is not what is asked.
    """
    owner, site = held
    trouble: list[str] = []
    contexts = []

    def open_page(path: str, clock: Any = None, **options: Any) -> Page:
        context = chromium.new_context(base_url=site.url, **options)
        contexts.append(context)
        context.add_cookies([{"name": "wallet_session", "value": purse(owner.world, owner.who).token, "url": site.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda said: trouble.append(said.text) if "Content Security" in said.text else None)
        if clock:
            page.clock.install(time=clock)
            page.clock.pause_at(clock + timedelta(seconds=1))
        answer = page.goto(f"/wallet/cards/{owner.licence_id}/{path}")
        assert answer
        assert answer.status == 200
        return page

    yield open_page
    for one in contexts:
        one.close()
    assert not trouble


def forward(owner: Owner, page: Page, seconds: float) -> None:
    """Let time pass for the server and for the phone."""
    pass_by(owner, seconds)
    page.clock.fast_forward(int(seconds * 1000))


def pass_by(owner: Owner, seconds: float) -> None:
    clock: Any = owner.world.clock
    clock.now += timedelta(seconds=seconds)


def photographed(page: Page) -> str:
    """Return what a camera reads from the code on the screen, empty where it reads none."""
    picture = Image.open(io.BytesIO(page.locator(".code-place").screenshot()))
    return "".join(one.text for one in zxingcpp.read_barcodes(picture))


def scanned(owner: Owner, page: Page) -> str:
    """Photograph the code and scan it; what the service answers."""
    found = photographed(page)
    assert found.startswith("HTTPS://LICENCE.EXAMPLE.CN/D/1"), found
    return str(owner.scan({"digits": found.partition("/D/1")[2]})["answer"])


def left(page: Page) -> int:
    return int(page.locator("[data-part=left]").inner_text())


def drawn(page: Page) -> str:
    return page.locator("[data-part=path]").get_attribute("d") or ""


def says(page: Page) -> str:
    """Return what stands beside the clock: whether the code lives, is offline, or over."""
    return page.locator(".said p:visible").inner_text()


# -- showing -----------------------------------------------------------------------------------------


@SIZES
def test_the_code_is_large_read_by_a_camera_and_every_word_is_seen_in_sunlight(
    held: tuple[Owner, Site], signed_in: Opening, size: dict[str, Any]
) -> None:
    owner, _ = held
    page = signed_in("show?audience=passenger", clock=owner.world.clock(), **size)
    box, height = page.locator("[data-part=svg]").bounding_box(), size["viewport"]["height"]
    assert box
    assert min(box["width"], box["height"]) >= 260
    assert box["y"] + box["height"] <= height
    assert scanned(owner, page) == "shown"
    assert 58 <= left(page) <= 60
    page.clock.resume()  # or what looks for weaknesses waits for ever
    for text in ("在有效期内", "陈师傅", "有效期至"):
        assert page.get_by_text(text).first.is_visible()
    assert page.evaluate(ONE_LANGUAGE) == []
    clean_at_both_sizes(page)
    strict = Axe().run(page, options={"runOnly": ["color-contrast-enhanced"]})
    assert strict.violations_count == 0, strict.generate_report()


def test_what_is_pressed_lies_under_the_thumb_and_is_large_enough(signed_in: Opening) -> None:
    page = signed_in("show?audience=anyone", **PHONE)
    for one in (page.get_by_role("button", name="刷新"), page.get_by_role("link", name="返回").last):
        box = one.bounding_box()
        assert box
        assert box["y"] >= THUMB * PHONE["viewport"]["height"]  # type: ignore[index]
        assert box["y"] + box["height"] <= PHONE["viewport"]["height"]  # type: ignore[index]
        assert min(box["width"], box["height"]) >= 44


def test_the_choice_of_whom_it_is_shown_to_is_two_large_links(held: tuple[Owner, Site], signed_in: Opening) -> None:
    owner, _ = held
    page = signed_in("show", **PHONE)
    tidy(page)
    page.get_by_role("link", name="乘客").click()
    assert page.get_by_text("陈师傅").is_visible()
    assert owner.scan({"digits": photographed(page).partition("/D/1")[2]})["seen_as"] == "passenger"


@pytest.mark.rule("SH-07")
def test_a_code_is_replaced_at_half_its_life_and_not_before(held: tuple[Owner, Site], signed_in: Opening) -> None:
    owner, _ = held
    page = signed_in("show?audience=anyone", clock=owner.world.clock(), **PHONE)
    first, asked = drawn(page), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    forward(owner, page, 29)
    assert 29 <= left(page) <= 31
    assert drawn(page) == first
    assert asked == []
    forward(owner, page, 2)
    expect(page.locator("[data-part=path]")).not_to_have_attribute("d", first)
    assert [url.rpartition("/")[2] for url in asked] == ["code?by-itself"]
    expect(page.locator("[data-part=left]")).to_have_text("60")
    assert scanned(owner, page) == "shown"
    assert page.locator("[data-part=clock]").inner_text().startswith("12:00:3")


@pytest.mark.rule("SH-07")
def test_without_network_the_code_counts_down_is_covered_when_it_is_over_and_comes_back_by_itself(
    held: tuple[Owner, Site], signed_in: Opening
) -> None:
    owner, _ = held
    page = signed_in("show?audience=anyone", clock=owner.world.clock(), **PHONE)
    first = drawn(page)
    page.context.set_offline(True)
    forward(owner, page, 31)
    expect(page.locator(".said .alarm:visible")).to_contain_text("离线")
    assert drawn(page) == first
    assert scanned(owner, page) == "shown"
    assert 28 <= left(page) <= 29
    page.clock.resume()
    clean_at_both_sizes(page)
    forward(owner, page, 30)
    expect(page.locator(".gone")).to_be_visible()
    assert (drawn(page), photographed(page), left(page)) == ("", "", 0)
    assert "此码已过期" in says(page)
    clean_at_both_sizes(page)
    page.context.set_offline(False)  # it asks at once
    expect(page.locator(".gone")).to_be_hidden()
    assert scanned(owner, page) == "shown"
    assert "自动更新" in says(page)


def test_a_server_that_does_not_answer_is_as_no_network_and_the_button_asks_again(held: tuple[Owner, Site], signed_in: Opening) -> None:
    owner, _ = held
    page = signed_in("show?audience=anyone", clock=owner.world.clock(), **PHONE)
    first = drawn(page)
    page.route("**/show/code*", lambda route: route.fulfill(status=503))
    page.get_by_role("button", name="刷新").click()
    expect(page.locator(".said .alarm:visible")).to_contain_text("离线")
    page.unroute("**/show/code*")
    page.get_by_role("button", name="刷新").click()
    expect(page.locator(".said .alarm")).to_have_count(2)
    expect(page.locator("[data-part=path]")).not_to_have_attribute("d", first)
    expect(page.locator(".said .alarm:visible")).to_have_count(0)
    assert scanned(owner, page) == "shown"


@pytest.mark.rule("SH-05")
@pytest.mark.parametrize("off", [-600, 600, 40_000_000], ids=["behind", "ahead", "another year"])
def test_a_phone_whose_clock_is_off_shows_a_living_code_and_the_time_in_beijing(held: tuple[Owner, Site], signed_in: Opening, off: int) -> None:
    owner, _ = held
    page = signed_in("show?audience=anyone", clock=owner.world.clock() + timedelta(seconds=off), **PHONE)
    assert left(page) >= 58
    assert page.locator("[data-part=clock]").inner_text().startswith("12:00:0")
    assert scanned(owner, page) == "shown"
    first = drawn(page)
    forward(owner, page, 31)
    expect(page.locator("[data-part=path]")).not_to_have_attribute("d", first)
    assert scanned(owner, page) == "shown"


@pytest.mark.rule("SH-05")
def test_a_clock_that_is_put_back_lets_no_code_live_longer(held: tuple[Owner, Site], signed_in: Opening) -> None:
    owner, _ = held
    page = signed_in("show?audience=anyone", clock=owner.world.clock(), **PHONE)
    page.context.set_offline(True)
    page.evaluate("() => { const now = Date.now; Date.now = () => now() - 600000; }")
    forward(owner, page, 31)
    assert 27 <= left(page) <= 29
    forward(owner, page, 30)
    expect(page.locator(".gone")).to_be_visible()
    assert drawn(page) == ""


def test_a_phone_that_slept_covers_the_old_code_and_asks_as_soon_as_it_is_looked_at(held: tuple[Owner, Site], signed_in: Opening) -> None:
    owner, _ = held
    page = signed_in("show?audience=anyone", clock=owner.world.clock(), **PHONE)
    asked = list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(HIDING, True)
    page.evaluate("() => { const now = performance.now.bind(performance); performance.now = () => now() - 300000; }")  # it stood still meanwhile
    forward(owner, page, 300)
    expect(page.locator(".gone")).to_be_visible()
    assert asked == []
    page.evaluate(HIDING, False)
    expect(page.locator(".gone")).to_be_hidden()
    assert len(asked) == 1
    assert scanned(owner, page) == "shown"


def test_the_screen_is_kept_awake_while_it_is_looked_at(signed_in: Opening) -> None:
    page = signed_in("lendings", **PHONE)
    page.add_init_script(AWAKE)
    page.goto(page.url.replace("lendings", "show?audience=anyone"))
    page.wait_for_function("() => window.locks === 1")
    page.evaluate(HIDING, True)
    page.evaluate(HIDING, False)
    assert page.evaluate("() => window.locks") == 1  # the one that it has is not over


@pytest.mark.parametrize(("act", "said"), [("suspend", "暂扣"), ("report_lost", "已挂失，不能亮证")])
def test_what_happens_to_the_licence_stands_on_the_screen_with_the_next_code(
    held: tuple[Owner, Site], signed_in: Opening, act: str, said: str
) -> None:
    owner, _ = held
    page = signed_in("show?audience=anyone", clock=owner.world.clock(), **PHONE)
    today = beijing_day(owner.world.clock())
    owner.act(act, **({"suspension": {"kind": "measure", "first": today.isoformat()}} if act == "suspend" else {}))
    forward(owner, page, 31)
    expect(page.locator("main")).to_contain_text(said)
    assert page.locator(".not_valid").first.is_visible()
    page.clock.resume()
    clean_at_both_sizes(page)
    if act == "report_lost":
        assert photographed_nothing(page)
        assert headline(page).startswith(said)


def photographed_nothing(page: Page) -> bool:
    return not zxingcpp.read_barcodes(Image.open(io.BytesIO(page.screenshot())))


def test_who_signed_out_elsewhere_is_at_the_door_with_the_next_code(held: tuple[Owner, Site], signed_in: Opening) -> None:
    owner, _ = held
    page = signed_in("show?audience=anyone", clock=owner.world.clock(), **PHONE)
    owner.world.service.wallet.sessions.end(page.context.cookies()[0]["value"])
    forward(owner, page, 31)
    page.wait_for_url("**/wallet")
    assert photographed_nothing(page)


def test_without_scripts_there_is_one_code_a_button_for_the_next_and_a_cover_when_it_is_over(held: tuple[Owner, Site], signed_in: Opening) -> None:
    owner, _ = held
    page = signed_in("show?audience=anyone", **PHONE, **NO_SCRIPTS)
    assert scanned(owner, page) == "shown"
    assert page.get_by_text("12:01:00 前有效").is_visible()
    first = drawn(page)
    page.locator("[data-part=svg]").evaluate("one => one.setCurrentTime(61)")
    assert photographed(page) == ""
    pass_by(owner, 61)
    page.get_by_role("button", name="刷新").click()
    assert drawn(page) != first
    assert scanned(owner, page) == "shown"
    assert "audience=anyone" in page.url


# -- lending and who looked ----------------------------------------------------------------------------


@SIZES
def test_a_holder_lends_a_receiver_reads_it_is_taken_back_and_all_of_it_stands_in_the_list(
    held: tuple[Owner, Site], signed_in: Opening, chromium: Browser, size: dict[str, Any]
) -> None:
    owner, site = held
    pass_by(owner, 60)
    page = signed_in("lend", **size)
    tidy(page)
    page.get_by_label("接收方").first.fill(BANK)
    page.get_by_label("用途").first.fill("办理车辆贷款")
    page.get_by_label("从业单位").check()
    page.get_by_label("可查看次数").fill("3")
    page.get_by_label("同时制作加注件").check()
    page.get_by_role("button", name="授权").click()
    assert headline(page).startswith("已授权")
    tidy(page)
    handed = zxingcpp.read_barcodes(Image.open(io.BytesIO(page.locator(".the-code").screenshot())))[0].text
    assert handed == page.locator(".signed").inner_text()
    with page.expect_download() as loading:
        page.get_by_role("link", name="下载加注件").click()
    assert Path(loading.value.path()).read_bytes().startswith(b"%PDF-")

    receiver = chromium.new_context(base_url=site.url, **size).new_page()
    receiver.goto(handed.replace("https://licence.example.cn", ""))
    receiver.get_by_label("接收方名称").fill(BANK)
    receiver.get_by_role("button", name="查看").click()
    assert receiver.get_by_text("陈安途").is_visible()
    look = {"by": "number", "value": owner.licence["number"], "reason": "roadside_check", "place": "示例国道三公里处", "officer": "执法007"}
    for case in ({}, {"case_no": "CASE-77"}):
        assert owner.http.post("/officer/look", json={**look, **case}, headers=officers(owner.world, f"police-{len(case)}")).status_code == 200

    page.get_by_role("link", name="查看全部授权").click()
    tidy(page)
    assert page.get_by_text("2 / 3").is_visible()
    page.get_by_role("link", name="收回授权").click()
    tidy(page)
    page.get_by_role("button", name="收回").click()
    assert page.get_by_text("持证人已撤回此授权").is_visible()
    receiver.goto(handed.replace("https://licence.example.cn", ""))
    receiver.get_by_label("接收方名称").fill(BANK)
    receiver.get_by_role("button", name="查看").click()
    assert headline(receiver).startswith("持证人已撤回此授权")
    receiver.context.close()

    page.get_by_role("main").get_by_role("link", name="谁看过").click()
    tidy(page)
    for said in ("填写接收方名称的人", "示例国道三公里处", "因案件保密"):
        assert page.get_by_text(said).first.is_visible()


def test_what_is_wrong_with_a_lending_stands_at_its_field(signed_in: Opening) -> None:
    page = signed_in("lend", **PHONE)
    for label in ("姓名", "从业资格证号", "有效期止"):
        page.get_by_label(label).uncheck()
    page.get_by_label("可查看次数").fill("101")
    page.get_by_role("button", name="授权").click()
    tidy(page)
    assert page.get_by_text("有 4 处须更正").is_visible()
    assert page.locator(".wrong").count() == 4
    assert page.get_by_label("可查看次数").input_value() == "101"


def test_the_lists_of_a_card_that_nobody_looked_at_say_so(signed_in: Opening) -> None:
    for path, said in (("lendings", "没有授权记录"), ("looks", "还没有人看过")):
        page = signed_in(path, **PHONE)
        tidy(page)
        assert page.get_by_text(said).is_visible()
