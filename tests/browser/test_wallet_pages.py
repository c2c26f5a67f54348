"""The wallet in a browser: door, cards, claims, who acts for a company; on a phone and at a screen."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from licence_service.app import served
from licence_service.licence import beijing_day
from tests.browser.conftest import Room, Site
from tests.browser.test_public_pages import DESKTOP, PHONE, tidy
from tests.host import Somebody
from tests.purse import CLIENT, Purse, purse
from tests.serving import serving
from tests.world import BUSINESS, DRIVER, VEHICLE, World, a_world

pytestmark = pytest.mark.browser
CHEN, LUO = Somebody("519902198506120111", "陈安途"), Somebody("519902199001010034", "罗望川")
SIZES = pytest.mark.parametrize("size", [PHONE, pytest.param(DESKTOP, marks=pytest.mark.long)], ids=["phone", "desktop"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[Site]:
    """A driver with a suspended and a living licence, and a company with a permit and a vehicle, before a real server."""
    told: dict[str, Any] = {"identity_issuer": "http://127.0.0.1:9", "wallet_client_id": CLIENT}
    with a_world(tmp_path_factory.mktemp("wallet"), demo_keys, **told) as world, serving(served(world.service)) as port:
        living = world.issue(DRIVER)["licence_id"]
        world.issue(VEHICLE, "vehicle-0001")
        world.issue(BUSINESS, "permit-0001")
        assert living
        yield Site(world, f"http://127.0.0.1:{port}")


def company_of(world: World) -> Somebody:
    face = world.request(VEHICLE)["face"]
    return Somebody(face["uscc"], face["holder_name"], "company")


def at(room: Room, site: Site, who: Purse | None, size: dict[str, Any], path: str = "/wallet") -> Page:
    """Open a page as somebody."""
    context = room(site.url, **size)
    if who:
        context.add_cookies([{"name": "wallet_session", "value": who.token, "url": f"{site.url}/wallet"}])
    page = context.new_page()
    page.goto(path)
    return page


@SIZES
def test_the_door_is_open_and_says_who_comes_in(site: Site, room: Room, size: dict[str, Any]) -> None:
    page = at(room, site, None, size)
    assert page.get_by_role("link", name="用统一身份认证登录").is_visible()
    tidy(page)


@SIZES
def test_a_holder_claims_and_sees_cards_with_photo_state_term_and_what_comes_next(site: Site, room: Room, size: dict[str, Any]) -> None:
    page = at(room, site, purse(site.world, CHEN), size)
    tidy(page)
    page.get_by_role("button", name="一键领取").click()
    tidy(page)
    page.get_by_role("link", name="查看证照夹").click()
    card = page.locator(".slip")
    assert card.count() == 1
    assert card.get_by_text("有效期至").is_visible()
    assert card.locator(".slip-state svg").is_visible()
    assert card.locator(".next").is_visible()
    tidy(page)
    page.get_by_role("button", name="退出").click()
    tidy(page)


@SIZES
def test_a_company_lets_a_clerk_act_who_then_chooses_it(site: Site, room: Room, size: dict[str, Any]) -> None:
    boss, clerk = purse(site.world, company_of(site.world), agent=LUO), purse(site.world, LUO)
    page = at(room, site, boss, size)
    page.get_by_role("button", name="一键领取").click()
    page.get_by_role("link", name="授权经办人").click()
    page.get_by_label("姓名").fill(LUO.name)
    page.get_by_label("证件号码").fill(LUO.number)
    page.get_by_role("button", name="授权 Give").click()
    assert page.get_by_text("请更正").is_visible()
    tidy(page)
    page.get_by_label("证件号码").fill(LUO.number)
    page.get_by_label("止").fill(str(beijing_day(site.world.clock())))
    page.get_by_role("button", name="授权 Give").click()
    assert page.get_by_role("heading", name=LUO.name).first.is_visible()
    tidy(page)
    page = at(room, site, clerk, size)
    page.get_by_label("代表").select_option(index=1)
    page.get_by_role("button", name="切换").click()
    assert page.locator(".slip").count() >= 1
    tidy(page)
    delegation = site.world.service.wallet.delegations.held(clerk.holder_id)[0].delegation_id
    assert boss.post(f"/wallet/delegations/{delegation}/end").status_code == 303
    page.reload()
    assert page.get_by_role("heading", name="您不再代表").is_visible()
    tidy(page)
    page.get_by_role("button", name="以本人身份继续").click()
    assert page.get_by_role("heading", name="我的证照").is_visible()
