"""A holder's whole day in real browsers: log in, claim, download, show to a camera, lend, take back, see who looked; the same through a host app."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route
from pydantic import SecretStr

from licence_service.app import served
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.test_offline_page import DESKTOP, PHONE, film
from tests.browser.test_public_pages import clean, fits, headline, upload
from tests.host import HostApp, Somebody, hosting
from tests.provider import running_provider
from tests.purse import CLIENT
from tests.screens import on_screen
from tests.serving import free_port, serving
from tests.world import DRIVER, World, a_world

pytestmark = pytest.mark.browser
CHEN = Somebody("519902198506120111", "陈安途")
CLAIMS = {"sub": "chen", "holder_kind": "person", "id_number": CHEN.number, "name": CHEN.name, "acr": "3"}
SCHOOL, PURPOSE = "示例驾驶培训学校", "核对继续教育资格"
LENDING: dict[str, Any] = {"receiver": SCHOOL, "purpose": PURPOSE, "fields": ["person_name", "valid_to"], "minutes": 60, "copy": True}


@dataclass
class Day:
    """A served world with one licence of a driver, in which the public address is the server's own."""

    world: World
    url: str
    licence: dict[str, Any]


@contextmanager
def a_day(folder: Path, keys: Path, issuer: str) -> Iterator[Day]:
    """Issue a licence and serve, at the time of the provider's own clock."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    told: dict[str, Any] = {
        "identity_issuer": issuer,
        "wallet_client_id": CLIENT,
        "wallet_client_secret": SecretStr("one of ours"),
        "public_url": url,
        "now": datetime.now(UTC),
    }
    with a_world(folder, keys, **told) as world, serving(served(world.service), port):
        licence = world.issue(DRIVER)
        yield Day(world, url, licence)


@contextmanager
def second_browser(day: Day, chromium: Browser, folder: Path, before_it: str) -> Iterator[Page]:
    """Open the offline page of another browser, before whose camera this code lies."""
    camera = film(folder / "screen.y4m", before_it)
    fake = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={camera}"]
    browser = chromium.browser_type.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *fake])
    page = browser.new_page(base_url=day.url, **PHONE)
    page.goto("/offline/")
    page.wait_for_selector("body[data-ready]")
    yield page
    browser.close()


def signed_in(day: Day, chromium: Browser, size: dict[str, Any]) -> Page:
    """Log in at the identity service; its own page asks for a style sheet elsewhere, which is not let through."""

    def only_here(route: Route) -> None:
        if urlsplit(route.request.url).hostname == "127.0.0.1":
            route.continue_()
        else:
            route.abort()

    page = chromium.new_context(base_url=day.url, accept_downloads=True, **size).new_page()
    page.route("**/*", only_here)
    day.world.clock.now = datetime.now(UTC)  # type: ignore[attr-defined]
    page.goto("/wallet")
    page.get_by_role("link", name="登录").click()
    page.locator("input[name=sub]").fill("chen")
    with page.expect_navigation(url="**/wallet"):
        page.get_by_role("button", name="Authorize").click()
    return page


def well_made(page: Page) -> None:
    page.wait_for_load_state()
    fits(page)
    clean(page)


def taken(page: Page, name: str, folder: Path) -> bytes:
    """Follow a link to a file, and return it."""
    with page.expect_download() as coming:
        page.get_by_role("link", name=name).first.click()
    place = folder / coming.value.suggested_filename
    coming.value.save_as(place)
    return place.read_bytes()


def shown_code(page: Page) -> str:
    """Return what a camera reads from the code on the screen."""
    side = str(page.locator("[data-part=svg]").get_attribute("viewBox")).split()[-1]
    return on_screen(int(side), str(page.locator("[data-part=path]").get_attribute("d")))


def verdict_of(day: Day, chromium: Browser, content: bytes) -> Page:
    """Let somebody else check a file at the public page."""
    page = chromium.new_page(base_url=day.url, **DESKTOP)
    page.goto("/")
    upload(page, content)
    return page


def claimed(page: Page) -> None:
    """Claim by who is logged in, and open the card."""
    page.get_by_role("button", name="一键领取").click()
    page.get_by_role("link", name="查看证照夹").click()
    well_made(page)
    page.locator(".slip-body").click()
    well_made(page)


def shown(day: Day, chromium: Browser, page: Page, folder: Path) -> None:
    """Show the card, and let a second browser scan the screen with its camera."""
    page.get_by_role("link", name="亮证").locator("visible=true").first.click()
    if page.get_by_role("link", name="任何人").count():
        page.get_by_role("link", name="任何人").click()
    page.locator("[data-part=path]").wait_for(state="attached")
    well_made(page)
    with second_browser(day, chromium, folder, shown_code(page)) as checker:
        checker.get_by_role("button", name="用相机扫描").click()
        checker.get_by_role("link", name="联网核验这个码").click()
        checker.get_by_role("button", name="核验").first.click()
        assert headline(checker).split()[0] == "有效"
        assert checker.get_by_text("持证人正在出示").is_visible()


def lent(page: Page, licence_id: str) -> str:
    """Lend the card with a copy; return the address that the receiver is handed."""
    page.goto(f"/wallet/cards/{licence_id}/lend")
    page.get_by_label("接收方").first.fill(SCHOOL)
    page.get_by_label("用途").first.fill(PURPOSE)
    page.get_by_label("姓名").check()
    page.get_by_label("同时制作加注件").check()
    well_made(page)
    page.get_by_role("button", name="授权 Lend").click()
    well_made(page)
    return page.locator(".signed").inner_text()


def read_by(receiver: Page, address: str) -> Page:
    """Open what was lent, as who it was lent to."""
    receiver.goto(address)
    receiver.get_by_label("接收方名称").fill(SCHOOL)
    receiver.get_by_role("button", name="查看").click()
    return receiver


def taken_back(page: Page) -> None:
    page.get_by_role("link", name="查看全部授权").click()
    page.get_by_role("link", name="收回授权").click()
    well_made(page)
    page.get_by_role("button", name="收回 Take it back").click()


@pytest.mark.rule("SH-12", "SH-15", "AU-06")
@pytest.mark.parametrize("size", [PHONE, pytest.param(DESKTOP, marks=pytest.mark.long)], ids=["phone", "desktop"])
def test_from_log_in_to_who_looked(tmp_path: Path, demo_keys: Path, chromium: Browser, size: dict[str, Any]) -> None:
    with running_provider(CLAIMS) as issuer, a_day(tmp_path, demo_keys, issuer) as day:
        page, licence_id = signed_in(day, chromium, size), day.licence["licence_id"]
        claimed(page)
        assert headline(verdict_of(day, chromium, taken(page, "下载电子证照", tmp_path))).split()[0] == "有效"
        shown(day, chromium, page, tmp_path)

        address, receiver = lent(page, licence_id), chromium.new_page(base_url=day.url, **size)
        copy = taken(page, "下载加注件", tmp_path)
        assert read_by(receiver, address).get_by_text(CHEN.name).first.is_visible()
        good = verdict_of(day, chromium, copy)
        assert headline(good).split()[0] == "有效"
        assert SCHOOL in good.locator("main").inner_text()

        taken_back(page)
        assert headline(read_by(receiver, address)).split()[0] == "持证人已撤回此授权"
        assert receiver.get_by_text(CHEN.name).count() == 0
        assert headline(verdict_of(day, chromium, copy)).split()[0] != "有效"

        page.goto(f"/wallet/cards/{licence_id}/looks")
        well_made(page)
        assert page.locator(".looks > li").count() == 4  # the scan, what was lent, and its copy twice
        assert f"{SCHOOL}：{PURPOSE}" in page.locator(".looks").inner_text()
        page.get_by_role("button", name="退出").click()
        page.goto(f"/wallet/cards/{licence_id}")
        assert page.get_by_text("用统一身份认证登录").is_visible()


def test_the_same_through_a_host_app(tmp_path: Path, demo_keys: Path) -> None:
    with hosting(tmp_path, demo_keys) as hosts:
        app, world = hosts.app(), hosts.world
        licence_id = world.issue(DRIVER)["licence_id"]
        chen = app.acting(CHEN)
        assert app.claim(chen)["claimed"] == [licence_id]
        card = app.get(f"/cards/{licence_id}", chen).json()
        original = app.get(f"/cards/{licence_id}/document", chen).content
        assert checked(app, original)["overall"] == "valid"

        code = world.http.post(f"/holder/cards/{licence_id}/show-codes", json={"audience": "anyone"}, headers=chen).json()
        scanned = world.http.post(f"/D/1{code['digits']}", json={"checker": "c" * 16}).json()
        assert (scanned["answer"], scanned["overall"]) == ("shown", "valid")

        lent = world.http.post(f"/holder/cards/{licence_id}/lendings", json=LENDING, headers={**chen, "Idempotency-Key": "lend-0001"}).json()
        copy = world.http.get(lent["copy_url"], headers=chen).content
        asked = {"code": lent["code"], "receiver": SCHOOL}
        assert {one["name"] for one in world.http.post("/lent", json=asked).json()["licence"]["face"]} == set(LENDING["fields"])
        found = checked(app, copy)
        assert (found["overall"], found["lent"]["receiver"], found["lent"]["standing"]) == ("valid", SCHOOL, "living")

        assert world.http.post(f"/holder/cards/{licence_id}/lendings/{lent['lending_id']}/revoke", headers=chen).status_code == 204
        assert world.http.post("/lent", json={**asked, "receiver": SCHOOL}).json()["licence"] is None
        assert checked(app, copy)["overall"] != "valid"
        looks = app.get(f"/cards/{licence_id}/looks", chen).json()["looks"]
        assert [one["way"] for one in looks] == ["shown", "lent", "copy", "copy"]
        assert world.http.post("/holder/log-out", headers=chen).status_code == 204
        assert card["document"]["sha256"]


def checked(app: HostApp, content: bytes) -> Any:
    """Let anybody check a file."""
    answer = app.world.http.post("/verify/document", content=content, headers={"Content-Type": "application/pdf"})
    assert answer.status_code == 200, answer.text
    return answer.json()
