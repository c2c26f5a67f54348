"""The pages of who scans a show code: one button, then the answer in words and shape; the officer's with reason and place (SH-07, SH-16)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from licence_service.app import served
from tests.browser.conftest import Room, Site
from tests.browser.test_public_pages import DESKTOP, NO_SCRIPTS, PHONE, clean, fits, headline, tidy
from tests.holders import Owner, officers, owning
from tests.serving import serving

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[tuple[Owner, Site]]:
    """A holder with a card, before a real server."""
    with owning(tmp_path_factory.mktemp("shown"), demo_keys) as owner, serving(served(owner.world.service)) as port:
        yield owner, Site(owner.world, f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("size", [PHONE, pytest.param(DESKTOP, marks=pytest.mark.long)], ids=["phone", "desktop"])
def test_a_passer_by_presses_one_button_and_reads_the_answer(shown: tuple[Owner, Site], room: Room, size: dict[str, Any]) -> None:
    owner, site = shown
    code = owner.code(audience="passenger")
    page = room(site.url, **size).new_page()
    page.goto(f"/D/1{code['digits']}")
    tidy(page)
    page.get_by_role("button", name="核验").first.click()
    assert headline(page).split()[0] == "有效"
    assert page.get_by_text("持证人正在出示").is_visible()
    assert page.locator(".photos img").count() == 1
    tidy(page)
    other = room(site.url, **size, locale="zh-CN").new_page()
    other.goto(f"/D/1{code['digits']}")
    other.get_by_role("button", name="核验").first.click()
    assert "可能是翻拍" in headline(other)
    assert other.locator(".photos").count() == 0
    fits(other)
    clean(other)


def test_an_officer_types_who_and_why_and_sees_more_without_scripts(shown: tuple[Owner, Site], room: Room) -> None:
    owner, site = shown
    token = officers(owner.world)["Authorization"].split()[1]
    page = room(site.url, **PHONE, **NO_SCRIPTS).new_page()
    page.goto(f"/D/1{owner.code()['digits']}")
    page.get_by_text("执法人员").first.click()
    for label, value in (("令牌", token), ("地点", "示例国道三公里处"), ("执法人员", "执法007")):
        page.get_by_label(label).last.fill(value)
    page.get_by_label("事由").select_option("roadside_check")
    page.get_by_role("button", name="以执法身份核验").click()
    assert headline(page).split()[0] == "有效"
    assert page.get_by_text("陈安途").count() == 1
    assert page.locator(".photos img").count() == 1
