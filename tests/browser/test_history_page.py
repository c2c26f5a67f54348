"""The history as a page: legible with any eye, on a phone, on paper, without scripts; and the way to it from a verdict."""

import io
from itertools import pairwise
from typing import Any

import pikepdf
import pytest
from playwright.sync_api import Page

from tests.api.test_history import Life, long_life
from tests.browser.conftest import Opening, Site
from tests.browser.test_public_pages import PHONE, clean, headline, verify

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def life(site: Site) -> Life:
    """A licence that lived long."""
    return long_life(site.world)


def as_clerk(opened: Opening, life: Life, **options: Any) -> Page:
    """Open the history as the department's own system shows it."""
    page = opened(extra_http_headers={**life.headers, "Accept": "text/html"}, **options)
    page.goto(f"/licences/{life.licence_id}/history")
    return page


def as_public(opened: Opening, life: Life, **options: Any) -> Page:
    """Verify, then ask for the history by the form on the verdict."""
    page = opened(**options)
    issued = {"number": life.number, "check_code": life.check_code}
    verify(page, issued)
    page.get_by_label("证号").fill(life.number)
    page.get_by_label("查验码").fill(life.check_code)
    page.get_by_role("button", name="查看").click()
    return page


def fits(page: Page) -> None:
    """Demand that nothing scrolls sideways."""
    width = page.evaluate("() => [document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1], width


def test_the_history_says_first_how_the_licence_stands_and_for_which_day(opened: Opening, life: Life) -> None:
    page = as_clerk(opened, life)

    assert headline(page).startswith("在有效期内")
    assert "北京时间" in page.locator(".band").inner_text()
    assert page.locator(".life > li").count() == 19
    assert page.locator("script").count() == 0


def test_from_a_verdict_a_form_leads_to_the_history_and_nothing_stands_in_the_address(opened: Opening, site: Site, life: Life) -> None:
    page = as_public(opened, life, java_script_enabled=False)

    assert page.url == f"{site.url}/verify/history"
    assert page.locator(".life > li").count() == 18
    text = page.locator("body").inner_text()
    assert "陈＊＊" in text
    assert "陈安途" not in text


def test_a_wrong_code_in_that_form_leads_to_a_verdict_that_says_no(opened: Opening, life: Life) -> None:
    page = opened()
    verify(page, {"number": life.number, "check_code": life.check_code})
    page.get_by_label("证号").fill(life.number)
    page.get_by_label("查验码").fill("0123456789AB")
    page.get_by_role("button", name="查看").click()

    assert headline(page).startswith("无效")
    assert page.locator("form").count() == 0


def test_axe_finds_nothing_wrong_with_the_history(opened: Opening, life: Life) -> None:
    clean(as_clerk(opened, life, bypass_csp=True))
    clean(as_public(opened, life, bypass_csp=True))


def test_the_history_fits_a_phone(opened: Opening, life: Life) -> None:
    for page in (as_clerk(opened, life, **PHONE), as_public(opened, life, **PHONE)):
        assert page.viewport_size
        assert page.viewport_size["width"] == 360
        fits(page)


def test_no_bar_and_no_mark_speaks_by_colour_alone(opened: Opening, life: Life) -> None:
    page = as_clerk(opened, life)

    drawn = page.locator(".stretches li")
    assert all(text.strip() for text in drawn.locator("strong").all_inner_texts())
    fills = page.evaluate("() => [...new Set([...document.querySelectorAll('.stretches .bar')].map(one => getComputedStyle(one).fill))]")
    assert any("hatch" in fill for fill in fills)
    assert any("cross" in fill for fill in fills)
    shapes = page.evaluate("() => [...document.querySelectorAll('.legend svg')].map(one => one.innerHTML.trim())")
    assert len(set(shapes)) == len(shapes) == 5
    for mark in page.locator(".life .dot svg").all():
        assert mark.get_attribute("aria-hidden") == "true"


def test_labels_on_the_axis_do_not_run_into_each_other(opened: Opening, life: Life) -> None:
    for options in ({}, PHONE):
        page = as_clerk(opened, life, **options)
        boxes = [box for one in page.locator(".scale text").all() if (box := one.bounding_box())]
        assert len(boxes) > 2
        for left, right in pairwise(boxes):
            assert left["x"] + left["width"] + 4 <= right["x"]


def test_the_history_prints_on_few_sheets_of_a4(opened: Opening, life: Life) -> None:
    page = as_clerk(opened, life)
    page.emulate_media(media="print")
    hidden = [page.locator(name).is_visible() for name in (".mast", ".back")]
    with pikepdf.open(io.BytesIO(page.pdf(prefer_css_page_size=True))) as printed:
        sheets = [[float(side) for side in sheet.mediabox] for sheet in printed.pages]

    assert hidden == [False, False]
    assert all(abs(sheet[2] - 595) < 2 and abs(sheet[3] - 842) < 2 for sheet in sheets)
    assert 2 <= len(sheets) <= 6
