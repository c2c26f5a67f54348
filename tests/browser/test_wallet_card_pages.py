"""One card, its print and the fleet in Chromium: on a phone held in one hand, on a desk, without scripts, and as what comes out of a printer."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from playwright.sync_api import Page

from licence_service.app import served
from licence_service.digests import sha256
from tests.browser.conftest import Room, Site
from tests.browser.test_public_pages import DESKTOP, NO_SCRIPTS, PHONE, press, tidy
from tests.fleets import Fleet, a_fleet, keep
from tests.holders import somebody
from tests.purse import CLIENT, Purse, purse
from tests.serving import serving
from tests.world import DRIVER, a_world

pytestmark = pytest.mark.browser
A4 = (595, 842)  # points
LEAST = 44  # CSS pixels that a thumb wants


@dataclass
class Held:
    """A driver with a card and a company with sixty, before a real server."""

    site: Site
    driver: Purse
    licence_id: str
    fleet: Fleet
    room: Room

    def page(self, who: Purse, path: str, **options: Any) -> Page:
        """Open a page of the wallet as one who is signed in."""
        context = self.room(self.site.url, **options)
        context.add_cookies([{"name": "wallet_session", "value": who.token, "domain": "127.0.0.1", "path": "/wallet"}])
        page = context.new_page()
        page.goto(path)
        return page


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path, room: Room) -> Iterator[Held]:
    folder = tmp_path_factory.mktemp("held")
    with a_world(folder, demo_keys, identity_issuer="http://127.0.0.1:9", wallet_client_id=CLIENT) as world, serving(served(world.service)) as port:
        fleet = a_fleet(world, 60)
        licence_id, driver = world.issue(DRIVER)["licence_id"], purse(world, somebody(world, DRIVER))
        keep(world, driver.holder_id, [licence_id])
        yield Held(Site(world, f"http://127.0.0.1:{port}"), driver, licence_id, fleet, room)


@pytest.mark.parametrize("size", [PHONE, pytest.param(DESKTOP, marks=pytest.mark.long)], ids=["phone", "desktop"])
def test_a_card_is_tidy_and_what_can_be_done_is_large_enough_for_a_thumb(held: Held, size: dict[str, Any]) -> None:
    page = held.page(held.driver, f"/wallet/cards/{held.licence_id}", **size)
    assert page.locator("h1").inner_text().startswith("在有效期内")
    buttons = page.locator("main .govuk-button:visible, main .give-back")
    assert buttons.count() == 8
    for box in (buttons.nth(place).bounding_box() for place in range(7)):
        assert box
        assert box["height"] >= LEAST
    image = page.locator(".photos img")
    assert image.evaluate("one => one.complete && one.naturalWidth > 0")
    tidy(page)
    page.close()


def test_on_a_phone_the_main_action_stays_under_the_thumb(held: Held) -> None:
    page = held.page(held.driver, f"/wallet/cards/{held.licence_id}", **PHONE)
    for down in (0, 700, 1400):
        page.evaluate("down => window.scrollTo(0, down)", down)
        box = page.get_by_role("link", name="亮证").bounding_box()
        assert box
        assert 740 * 2 / 3 < box["y"] < box["y"] + box["height"] <= 740
        assert box["width"] > 300
    page.close()


def test_further_days_are_opened_without_a_script(held: Held) -> None:
    page = held.page(held.driver, f"/wallet/cards/{held.licence_id}", **PHONE, **NO_SCRIPTS)
    further = page.locator("details .ahead li")
    assert further.count() >= 1
    assert not further.first.is_visible()
    page.locator("summary").click()
    assert further.first.is_visible()
    page.close()


def test_the_file_that_the_button_downloads_is_the_sealed_one(held: Held) -> None:
    page = held.page(held.driver, f"/wallet/cards/{held.licence_id}", **PHONE)
    with page.expect_download() as begun:
        page.get_by_role("link", name="下载电子证照").click()
    content = Path(begun.value.path()).read_bytes()
    version = held.site.world.service.book.get(held.licence_id).entries[0].version
    assert version
    assert sha256(content) == version.document.sha256
    page.close()


def test_a_print_is_a4_says_that_it_is_no_original_and_its_code_verifies(held: Held) -> None:
    page = held.page(held.driver, f"/wallet/cards/{held.licence_id}/print", **DESKTOP)
    tidy(page)
    printed = pypdfium2.PdfDocument(page.pdf(prefer_css_page_size=True))
    assert len(printed) == page.locator("figure.copy").count() >= 1
    for sheet in printed:
        assert tuple(round(one) for one in sheet.get_size()) == A4
        text = sheet.get_textpage().get_text_range().replace("\u3000", " ")
        assert "打印件" in text
        assert "非原件" in text
        assert "打印时状态" in text
        assert "退出" not in text  # nothing of the screen around it
        found = {one.text for one in zxingcpp.read_barcodes(sheet.render(scale=200 / 72).to_pil())}
        codes = [one for one in found if "/Q/1" in one]
        assert codes
        verdict = held.site.world.http.get("/Q/1" + codes[0].rpartition("/Q/1")[2], headers={"Accept": "application/json"}).json()
        assert verdict["overall"] == "valid"
    printed.close()
    page.close()


@pytest.mark.parametrize("size", [PHONE, pytest.param(DESKTOP, marks=pytest.mark.long)], ids=["phone", "desktop"])
def test_a_fleet_is_narrowed_and_its_files_taken_without_scripts(held: Held, size: dict[str, Any]) -> None:
    page = held.page(held.fleet.purse, "/wallet/fleet", **size, **NO_SCRIPTS)
    assert page.locator("table.fleet tbody tr").count() == 50
    press(page, "下一页")
    assert page.locator("table.fleet tbody tr").count() == 10
    page.get_by_label("号牌或证号").fill("A0001")
    press(page, "筛选")
    assert page.locator("table.fleet tbody tr").count() == 10
    assert "A0001" not in page.url
    for place in (3, 4):
        page.get_by_label(f"选择 Choose {Fleet.plate(10 + place)}").check()
    press(page, "下载所选")
    assert page.get_by_text("共 2 个电子证照").is_visible()
    with page.expect_download() as begun:
        page.get_by_role("link", name="下载：2 个文件").click()
    assert begun.value.suggested_filename == "licences-2026-11-28.zip"
    with zipfile.ZipFile(io.BytesIO(Path(begun.value.path()).read_bytes())) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 3
        for name in archive.namelist()[1:]:
            assert held.site.world.service.examiner.examine(archive.read(name)).good
    page.close()


@pytest.mark.parametrize("path", ["/wallet/fleet", "/wallet/cards/{}/give-back", "/wallet/cards/{}/print"])
def test_the_pages_of_a_fleet_are_tidy(held: Held, path: str) -> None:
    page = held.page(held.fleet.purse, path.format(held.fleet.licences[0]), **PHONE)
    tidy(page)
    if path.endswith("fleet"):
        press(page, "下载全部")
        tidy(page)
    page.close()


def test_a_card_is_given_back_only_after_it_was_asked_for_again(held: Held) -> None:
    gone = held.fleet.licences[-1]
    page = held.page(held.fleet.purse, f"/wallet/cards/{gone}", **PHONE, **NO_SCRIPTS)
    page.get_by_role("link", name="移出证照夹").click()
    page.get_by_role("link", name="不移出").click()
    assert page.url.endswith(gone)
    page.get_by_role("link", name="移出证照夹").click()
    press(page, "确认移出")
    assert page.url.endswith("/wallet")
    answer = page.goto(f"/wallet/cards/{gone}")
    assert answer
    assert answer.status == 404
    keep(held.site.world, held.fleet.purse.holder_id, [gone])  # for the other tests
    page.close()
