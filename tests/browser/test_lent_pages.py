"""The pages of who was lent a licence: the form that opens it, what was lent, and the verdict on an annotated copy (SH-12, SH-16)."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from licence_service.app import served
from tests.browser.conftest import Room, Site
from tests.browser.test_public_pages import DESKTOP, NO_SCRIPTS, PHONE, headline, tidy, upload
from tests.holders import Owner, owning
from tests.serving import serving

pytestmark = pytest.mark.browser
BANK = "蜀安示例银行股份有限公司"
WANTED = {"receiver": BANK, "purpose": "办理车辆贷款", "fields": ["person_name", "valid_to"], "minutes": 60, "uses": 2, "copy": True}


KEYS = itertools.count()


@pytest.fixture(scope="module")
def lent(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[tuple[Owner, Site]]:
    """A holder with a card, before a real server."""
    with owning(tmp_path_factory.mktemp("lent"), demo_keys) as owner, serving(served(owner.world.service)) as port:
        yield owner, Site(owner.world, f"http://127.0.0.1:{port}")


def lend(owner: Owner) -> dict[str, Any]:
    answer = owner.http.post(
        f"/holder/cards/{owner.licence_id}/lendings", json=WANTED, headers={**owner.headers, "Idempotency-Key": f"lend-{next(KEYS):06d}"}
    )
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("size", [PHONE, pytest.param(DESKTOP, marks=pytest.mark.long)], ids=["phone", "desktop"])
def test_the_receiver_states_his_name_and_reads_what_was_lent(lent: tuple[Owner, Site], room: Room, size: dict[str, Any]) -> None:
    owner, site = lent
    page, made = room(site.url, **size).new_page(), lend(owner)
    page.goto(f"/L/{made['code']}")
    tidy(page)
    for used in ("1 / 2", "2 / 2"):
        page.goto(f"/L/{made['code']}")
        page.get_by_label("接收方名称").fill(BANK)
        page.get_by_role("button", name="查看").click()
        assert headline(page).split()[0] == "有效"
        assert page.get_by_text(used).is_visible()
        assert page.get_by_text("陈安途").is_visible()
    tidy(page)
    page.goto(f"/L/{made['code']}")
    page.get_by_label("接收方名称").fill(BANK)
    page.get_by_role("button", name="查看").click()
    assert headline(page).split()[0] == "授权次数已用完"
    assert page.get_by_text("陈安途").count() == 0


def test_the_verdict_on_a_copy_says_for_whom_until_when_and_that_it_was_taken_back(lent: tuple[Owner, Site], room: Room) -> None:
    owner, site = lent
    made = lend(owner)
    content = owner.http.get(made["copy_url"], headers=owner.headers).content
    page = room(site.url, **PHONE, **NO_SCRIPTS).new_page()
    page.goto("/")
    upload(page, content, "copy.pdf")
    assert headline(page).split()[0] == "有效"
    assert page.locator("main .notice strong").first.inner_text() == BANK
    revoked = owner.http.post(f"/holder/cards/{owner.licence_id}/lendings/{made['lending_id']}/revoke", headers=owner.headers)
    assert revoked.status_code == 204
    page.goto("/")
    upload(page, content, "copy.pdf")
    assert headline(page).split()[0] == "无效"
    assert page.get_by_text("持证人已撤回此授权").first.is_visible()
