"""A company invites a driver on the phone, sees how the licence stands, and no more after the driver withdrew (DOMAIN SH-14, AU-06)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from licence_service.app import served
from tests.browser.conftest import Room, Site
from tests.browser.test_public_pages import DESKTOP, PHONE, tidy
from tests.browser.test_wallet_pages import at
from tests.purse import CLIENT, purse
from tests.serving import serving
from tests.staffs import EMPLOYER, driver, face_of
from tests.world import DRIVER, World, a_world

pytestmark = pytest.mark.browser
WHO = driver(8)


@pytest.fixture
def site(tmp_path: Path, demo_keys: Path) -> Iterator[Site]:
    """A driver with a licence, and a company that sees nobody yet."""
    told: dict[str, Any] = {"identity_issuer": "http://127.0.0.1:9", "wallet_client_id": CLIENT}
    with a_world(tmp_path, demo_keys, **told) as world, serving(served(world.service)) as port:
        world.issue(DRIVER, "issue-0008", face=face_of(WHO, 8))
        yield Site(world, f"http://127.0.0.1:{port}")


def own(site: Site, page: Page, address: str) -> None:
    """Open an address that a code says at the test's own server."""
    page.goto(address.replace("https://licence.example.cn", site.url))


def moved(world: World) -> None:
    """Let a minute pass, so that what was issued is known."""
    clock: Any = world.clock
    clock.now = clock.now.replace(minute=clock.now.minute + 1)


def invites(company: Page) -> str:
    """Find the list, make an invitation, and return its address."""
    company.get_by_role("navigation", name="名单").get_by_role("link", name="从业人员").click()
    expect(company.get_by_text("还没有从业人员同意")).to_be_visible()
    tidy(company)
    company.get_by_role("link", name="邀请从业人员").click()
    company.get_by_role("button", name="生成邀请").click()
    expect(company.get_by_role("img", name="邀请的二维码")).to_be_visible()
    tidy(company)
    return company.locator(".signed").inner_text()


def agrees(person: Page) -> None:
    """Read who asks for what, and agree; what was forgotten is said."""
    expect(person.get_by_text(EMPLOYER.name)).to_be_visible()
    tidy(person)
    person.get_by_role("button", name="同意").click()
    expect(person.get_by_role("alert")).to_contain_text("证照")
    person.get_by_role("checkbox").check()
    person.get_by_label("多久").select_option("6")
    person.get_by_role("button", name="同意").click()
    expect(person.get_by_role("heading", name="已同意")).to_be_visible()
    tidy(person)


def sees(company: Page) -> None:
    """Find the driver in the list, by name, and in the table."""
    company.goto("/wallet/fleet/staff")
    expect(company.locator(".who-it-is")).to_have_text(WHO.name)
    expect(company.get_by_text("在有效期内").first).to_be_visible()
    tidy(company)
    company.get_by_label("姓名或证号").fill(WHO.name[:2])
    company.get_by_role("button", name="筛选").click()
    assert company.url.endswith("/wallet/fleet/staff")
    with company.expect_download() as down:
        company.get_by_role("button", name="下载清单").click()
    assert WHO.name in down.value.path().read_text("utf-8-sig")
    company.get_by_role("link", name="谁查看过名单").click()
    expect(company.get_by_role("table")).to_contain_text("法定代表人")
    tidy(company)


def withdraws(person: Page) -> None:
    person.get_by_role("link", name="查看或撤回").click()
    tidy(person)
    person.get_by_role("link", name="撤回同意").click()
    tidy(person)
    person.get_by_role("button", name="撤回").click()
    expect(person.get_by_text("已撤回")).to_be_visible()


@pytest.mark.parametrize("size", [PHONE, pytest.param(DESKTOP, marks=pytest.mark.long)], ids=["phone", "desktop"])
def test_a_driver_agrees_is_seen_withdraws_and_reads_who_looked(site: Site, room: Room, size: dict[str, Any]) -> None:
    company = at(room, site, purse(site.world, EMPLOYER), size, "/wallet/fleet")
    address = invites(company)
    moved(site.world)
    of_company = company.context.cookies()
    person = at(room, site, purse(site.world, WHO), size)
    person.get_by_role("button", name="一键领取").click()
    own(site, person, address)
    agrees(person)
    of_person = person.context.cookies()

    swap(company, of_company)
    sees(company)
    swap(person, of_person)
    withdraws(person)
    swap(company, of_company)
    company.goto("/wallet/fleet/staff")
    expect(company.get_by_text("还没有从业人员同意")).to_be_visible()

    swap(person, of_person)
    person.get_by_role("main").get_by_role("link", name="谁看过").click()
    expect(person.get_by_text("在从业人员名单中查看")).to_be_visible()
    expect(person.get_by_text(EMPLOYER.name)).to_be_visible()
    tidy(person)


def swap(page: Page, cookies: Any) -> None:
    """Let the browser be somebody's again."""
    page.context.clear_cookies()
    page.context.add_cookies(cookies)
