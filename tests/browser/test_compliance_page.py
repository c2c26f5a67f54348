"""The page of compliance rates: the chart of each type against the line."""

import pytest
from playwright.sync_api import Page

from tests.api.test_stock import sent, with_photos
from tests.browser.conftest import Opening, Site
from tests.browser.test_public_pages import PHONE, press, reachable, tidy
from tests.stocks import as_ndjson, dirty
from tests.world import DRIVER

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def token(site: Site) -> str:
    """The token of a department with a stock of which some rows are blocked, and with licences of two types."""
    assert sent(site.world, as_ndjson(with_photos(dirty(good=9, of_each=1).rows))).status_code == 201
    site.world.issue(DRIVER)
    site.world.issue("ride_hailing_transport_certificate", "issue-0002")
    return site.world.headers(DRIVER)["Authorization"].removeprefix("Bearer ")


def asked(page: Page, token: str) -> None:
    """Type the token and open the rates."""
    page.goto("/compliance")
    page.get_by_label("系统令牌").fill(token)
    press(page, "查看")


def test_the_rates_are_shown_against_the_line_in_words_and_in_a_chart(opened: Opening, token: str) -> None:
    page = opened(**PHONE)
    page.goto("/compliance")
    tidy(page)
    asked(page, token)
    tidy(page)
    reachable(page)
    charts = page.get_by_role("img")
    assert charts.count() == 4
    assert "95.0%" in str(charts.first.get_attribute("aria-label"))
    assert page.get_by_text("已达标").count() == 1
    assert page.get_by_text("未达标").count() == 1
    assert token not in page.content()


def test_a_wrong_token_leads_back_to_the_form(opened: Opening, token: str) -> None:
    page = opened()
    asked(page, token[:-4])
    assert "请核对令牌" in page.locator("main").inner_text()
    assert page.locator("a[href='/compliance']").count() == 1
