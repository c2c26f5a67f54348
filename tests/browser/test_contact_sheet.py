"""Every page that a holder, and who stands before one, sees on a phone, on one sheet: `var/screens.png` with each run, `docs/screens.png` by `make screens`."""

import base64
import io
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin
from playwright.sync_api import Browser, Page

from licence_service.app import served
from licence_service.holding import GIVEN
from licence_service.licence import beijing_day
from licence_service.web import pages
from tests.browser.conftest import Site
from tests.fleets import a_fleet
from tests.holders import somebody
from tests.host import Somebody
from tests.purse import CLIENT, HTML, Purse, purse
from tests.serving import serving
from tests.staffs import a_staff
from tests.world import DRIVER, ROOT, World, a_world

pytestmark = pytest.mark.browser
SHEET = ROOT / "docs" / "screens.png"
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "is_mobile": True}
LUO = Somebody("519902199001010034", "罗望川")
SCHOOL = "示例驾驶培训学校"
CHECKERS = {"show_code.html", "shown.html", "lent_form.html", "lent.html"}
NO_PAGES = {"room.html", "lending_facts.html", "fleet_parts.html"}  # parts of others
STYLE = """body { margin: 0; padding: 14px; background: #d9dee2; font: 13px/1.3 "Noto Sans CJK SC", "Noto Sans SC", sans-serif; display: grid;
  grid-template-columns: repeat(8, 206px); gap: 14px; width: 1746px; } figure { margin: 0; } img { display: block; width: 206px; border-radius: 8px; }
  figcaption { padding: 5px 3px 0; min-height: 2.6em; }"""


@dataclass
class Sheet:
    """The pictures, in their order: the title of each page and its picture."""

    browser: Browser
    site: Site
    taken: list[tuple[str, bytes]] = field(default_factory=list)

    def page(self, who: Purse | None = None) -> Page:
        """Open a phone, with somebody signed in to the wallet where one is named."""
        context = self.browser.new_context(base_url=self.site.url, **PHONE)
        if who:
            context.add_cookies([{"name": "wallet_session", "value": who.token, "url": f"{self.site.url}/wallet"}])
        return context.new_page()

    def take(self, page: Page, path: str | None = None) -> Page:
        """Take the picture of a page, after going to a path where one is named."""
        if path:
            page.goto(path)
        page.wait_for_load_state()
        self.taken.append((page.title(), page.screenshot()))
        return page

    def whole(self) -> bytes:
        """Return the sheet as PNG, with the titles in it."""
        figures = "".join(
            f'<figure><img src="data:image/png;base64,{base64.b64encode(png).decode()}"><figcaption>{title}</figcaption></figure>'
            for title, png in self.taken
        )
        page = self.browser.new_page(viewport={"width": 1774, "height": 900})
        page.set_content(f"<style>{STYLE}</style>{figures}")
        picture = Image.open(io.BytesIO(page.screenshot(full_page=True))).quantize(128, dither=Image.Dither.NONE)
        page.close()
        said, out = PngImagePlugin.PngInfo(), io.BytesIO()
        said.add_text("pages", json.dumps([title for title, _ in self.taken]))
        picture.save(out, "PNG", optimize=True, pnginfo=said)
        return out.getvalue()


@pytest.fixture
def site(tmp_path: Path, demo_keys: Path) -> Iterator[Site]:
    """A driver, and a company with a dozen licences."""
    with a_world(tmp_path, demo_keys, identity_issuer="http://127.0.0.1:9", wallet_client_id=CLIENT) as world, serving(served(world.service)) as port:
        yield Site(world, f"http://127.0.0.1:{port}")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Collect the templates that are drawn."""
    names: set[str] = set()
    draw: Callable[..., Any] = pages.page

    def noted(name: str, *given: Any, **values: Any) -> Any:
        names.add(name)
        return draw(name, *given, **values)

    monkeypatch.setattr(pages, "page", noted)
    return names


def claiming(sheet: Sheet, driver: Purse) -> Page:
    page = sheet.take(sheet.page(driver), "/wallet/claim")
    page.locator("form").filter(has_text="领取码").get_by_role("button").click()
    sheet.take(page)  # with what is missing
    page.goto("/wallet")
    page.get_by_role("button", name="一键领取").click()
    sheet.take(page)
    return sheet.take(page, "/wallet")


def one_card(sheet: Sheet, page: Page, card: str) -> None:
    sheet.take(page, card)
    sheet.take(page, f"{card}/print")
    sheet.take(page, f"{card}/give-back")
    sheet.take(page, f"{card}/show")
    sheet.take(page, f"{card}/show?audience=passenger")


def lending(sheet: Sheet, page: Page, card: str) -> None:
    sheet.take(page, f"{card}/lend")
    page.get_by_label("接收方").first.fill(SCHOOL)
    page.get_by_label("用途").first.fill("核对继续教育资格")
    page.get_by_label("姓名").check()
    page.get_by_label("同时制作加注件").check()
    page.get_by_role("button", name="授权 Lend").click()
    sheet.take(page)
    receiver = sheet.take(sheet.page(), page.locator(".signed").inner_text().replace("https://licence.example.cn", ""))
    receiver.get_by_label("接收方名称").fill(SCHOOL)
    receiver.get_by_role("button", name="查看").click()
    sheet.take(receiver)
    sheet.take(page, f"{card}/lendings")
    page.get_by_role("link", name="收回授权").click()
    sheet.take(page)


def checking(sheet: Sheet, world: World, driver: Purse, licence_id: str) -> None:
    """A passer-by scans what is on the screen."""
    holding = world.service.wallet.holding(driver.token)
    assert holding
    made = world.service.shown.office.make(holding, licence_id, audience="passenger", life=None)
    page = sheet.take(sheet.page(), f"/D/1{made.digits}")
    page.get_by_role("button", name="核验").first.click()
    sheet.take(page)


def company(sheet: Sheet, world: World) -> None:
    fleet = a_fleet(world, 12)
    page = sheet.take(sheet.page(fleet.purse), "/wallet")
    sheet.take(page, "/wallet/fleet")
    page.get_by_role("button", name=re.compile("打包|下载|ZIP")).first.click()
    sheet.take(page)
    today = beijing_day(world.clock())
    form = {"name": LUO.name, "number": LUO.number, "role": "clerk", "acts": sorted(GIVEN), "last_on": today.isoformat()}
    assert fleet.purse.post("/wallet/delegations", form).status_code == 303
    sheet.take(page, "/wallet/delegations")
    clerk = purse(world, LUO)
    delegation = world.service.wallet.delegations.held(clerk.holder_id)[0].delegation_id
    assert clerk.post("/wallet/act-for", {"delegation": delegation}).status_code == 303
    page.get_by_role("button", name="终止授权").click()
    sheet.take(sheet.page(clerk), "/wallet/fleet")


def persons(sheet: Sheet, world: World, page: Page, card: str) -> None:
    """A company invites; the driver opens it, first without being signed in, agrees, and asks to withdraw."""
    world.clock.now += timedelta(minutes=1)  # type: ignore[attr-defined]
    staff = a_staff(world, 6)
    company = sheet.take(sheet.page(staff.purse), "/wallet/fleet/staff")
    sheet.take(company, "/wallet/fleet/staff/looks")
    sheet.take(company, "/wallet/fleet/invitation")
    address = company.locator(".signed").inner_text().replace("https://licence.example.cn", "")
    sheet.take(sheet.page(), address)
    sheet.take(page, address)
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="同意").click()
    sheet.take(page)
    sheet.take(page, f"{card}/consents")
    page.get_by_role("link", name="撤回同意").click()
    sheet.take(page)


def trouble(sheet: Sheet, world: World, page: Page, licence_id: str) -> None:
    """What cannot be: a level too low, a licence reported lost, a code of another, the end of a session."""
    low = purse(world, somebody(world, DRIVER), "1")
    sheet.take(sheet.page(low), f"/wallet/cards/{licence_id}/show")
    assert world.act(DRIVER, licence_id, {"act": "report_lost"}, "sheet-lost").status_code == 201
    sheet.take(page, f"/wallet/cards/{licence_id}/show")
    sheet.take(page, f"/wallet/cards/{licence_id}")
    pages_of_strangers = world.http.get("/wallet/sign-in/back?error=access_denied", headers=HTML)
    assert pages_of_strangers.status_code == 401
    page.get_by_role("button", name="退出").click()
    sheet.take(page)


def test_every_page_on_a_phone_is_on_the_sheet(site: Site, chromium: Browser, drawn: set[str]) -> None:
    world = site.world
    sheet, driver = Sheet(chromium, site), purse(world, somebody(world, DRIVER))
    licence_id = world.issue(DRIVER, "sheet-0001")["licence_id"]
    card = f"/wallet/cards/{licence_id}"
    sheet.take(sheet.page(), "/wallet")
    page = claiming(sheet, driver)
    one_card(sheet, page, card)
    checking(sheet, world, driver, licence_id)
    lending(sheet, page, card)
    sheet.take(page, f"{card}/looks")
    sheet.take(page, "/wallet/looks")
    company(sheet, world)
    persons(sheet, world, page, card)
    trouble(sheet, world, page, licence_id)

    folder = ROOT / "licence_service" / "web" / "html" / "wallet"
    wanted = {f"wallet/{one.name}" for one in folder.glob("*.html") if one.name not in NO_PAGES | {"stranger.html"}} | CHECKERS
    assert wanted <= drawn
    made = sheet.whole()
    place = Path(os.environ.get("LICENCE_SCREENS", ROOT / "var" / "screens.png"))
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(made)
    with Image.open(SHEET) as kept:
        assert json.loads(str(kept.info["pages"])) == [title for title, _ in sheet.taken], "make screens draws it anew"
