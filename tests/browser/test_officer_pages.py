"""The officer's page and the passenger's: a look with reason and place, the note for who could not show it, the sticker on a vehicle."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page

from licence_service.store.clients import EVERY_TYPE, OFFICER, Client
from tests.browser.conftest import Opening, Site
from tests.browser.test_public_pages import NO_SCRIPTS, PHONE, press, reachable, tidy
from tests.world import DRIVER, NOW, World

pytestmark = pytest.mark.browser
CAR = "ride_hailing_transport_certificate"
POLICE = "11519900MB9900099X"
PLACE = "示例国道三公里处"


@dataclass(frozen=True)
class Street:
    """A driver and a vehicle with two stickers, of which one was revoked, and officers."""

    world: World
    driver: dict[str, Any]
    vehicle: dict[str, Any]
    token: str
    sticker: str
    revoked: str

    @property
    def face(self) -> dict[str, Any]:
        return dict(self.world.request(DRIVER)["face"])

    @property
    def plate(self) -> str:
        return str(self.world.request(CAR)["face"]["plate_no"])

    def looks(self, issued: dict[str, Any], slug: str) -> list[dict[str, Any]]:
        """Return who has looked, as the department reads it."""
        answer = self.world.http.get(f"/licences/{issued['licence_id']}/looks", headers=self.world.headers(slug))
        assert answer.status_code == 200
        found: list[dict[str, Any]] = answer.json()["looks"]
        return found


@pytest.fixture(scope="module")
def street(site: Site) -> Street:
    world = site.world
    driver, vehicle = world.issue(DRIVER, "street-driver"), world.issue(CAR, "street-vehicle")
    token = world.service.clients.add(Client("police", POLICE, (EVERY_TYPE,), 1000, OFFICER), NOW)
    path = f"/licences/{vehicle['licence_id']}/stickers"
    made = [world.http.post(path, json={"driver": driver["licence_id"]}, headers=world.headers(CAR)).json() for _ in range(2)]
    assert world.http.post(f"{path}/{made[1]['sticker_id']}/revoke", headers=world.headers(CAR)).status_code == 204
    return Street(world, driver, vehicle, token, made[0]["code"], made[1]["code"])


def look(page: Page, street: Street, by: str, value: str, said: Mapping[str, str] | None = None) -> None:
    """Fill the officer's form, send it, and wait for the answer."""
    fill(page, street, by, value, said)
    press(page, "查询")


def fill(page: Page, street: Street, by: str, value: str, said: Mapping[str, str] | None = None) -> None:
    """Fill the officer's form."""
    whole = {"查询事由": "roadside_check", "地点": PLACE, "执法人员": "执法007", "系统令牌": street.token} | dict(said or {})
    page.goto("/officer")
    page.get_by_label("查询方式").select_option(by)
    page.locator("#value").fill(value)
    page.get_by_label("查询事由").select_option(whole.pop("查询事由"))
    for label, text in whole.items():
        page.get_by_label(label).fill(text)


def band(page: Page) -> str:
    """Return what the verdict says, large."""
    heading = page.locator(".band h1, .band h2").first
    assert heading.evaluate("one => parseFloat(getComputedStyle(one).fontSize)") >= 24
    return heading.inner_text()


@pytest.mark.rule("SH-08", "SH-11")
def test_an_officer_says_reason_and_place_finds_by_plate_number_or_identity_number_and_is_recorded(opened: Opening, street: Street) -> None:
    page = opened(bypass_csp=True, **PHONE)
    page.get_by_role("link", name="执法查询").click()
    tidy(page)
    asked = (("plate", street.plate, street.vehicle, CAR), ("number", street.vehicle["number"], street.vehicle, CAR))
    for by, value, issued, slug in (*asked, ("id", street.face["citizen_id"], street.driver, DRIVER)):
        before = len(street.looks(issued, slug))
        look(page, street, by, value)

        assert band(page).startswith("有效")
        assert "Valid" in band(page)
        said = street.looks(issued, slug)
        assert len(said) == before + 1
        assert (said[-1]["found_by"], said[-1]["place"], said[-1]["officer"], said[-1]["organ"]) == (by, PLACE, "执法007", POLICE)
        assert said[-1]["look_id"] in page.locator("main").inner_text()
        assert street.token not in page.content()
        assert page.url.endswith("/officer/look")
    main = page.locator("main").inner_text()
    assert street.face["person_name"] in main
    assert street.face["citizen_id"] not in main
    assert page.locator("main img").count() == 1
    tidy(page)


@pytest.mark.rule("SH-11")
def test_a_look_without_place_or_with_a_wrong_token_shows_nothing_and_leads_back(opened: Opening, street: Street) -> None:
    page = opened(bypass_csp=True, **PHONE)
    before = len(street.looks(street.driver, DRIVER))
    fill(page, street, "id", street.face["citizen_id"], {"地点": ""})
    page.get_by_role("button", name="查询").click()
    assert page.url.endswith("/officer")
    assert page.get_by_label("地点").evaluate("one => one.validity.valueMissing")
    look(page, street, "id", street.face["citizen_id"], {"地点": "   "})
    assert "地点：必须填写" in page.locator("main").inner_text()
    tidy(page)
    look(page, street, "id", street.face["citizen_id"], {"系统令牌": "lst_nobody"})
    assert page.locator("h1").inner_text().startswith("无法确认查询方身份")
    assert "Who is calling is not known" in page.locator("h1").inner_text()
    page.get_by_role("link", name="返回").click()
    assert page.get_by_label("系统令牌").input_value() == ""
    assert len(street.looks(street.driver, DRIVER)) == before


def test_nothing_found_is_said_in_both_languages(opened: Opening, street: Street) -> None:
    page = opened(bypass_csp=True, **PHONE)
    look(page, street, "plate", "川A00000")
    assert "没有查到" in page.locator(".notice").inner_text()
    assert "Nothing was found" in page.locator(".notice").inner_text()
    tidy(page)


@pytest.mark.rule("SH-11")
def test_an_identity_number_opens_only_for_a_reason_that_needs_it_and_a_case_seals_the_look(opened: Opening, street: Street) -> None:
    page = opened()
    look(page, street, "id", street.face["citizen_id"], {"查询事由": "case", "案号": "示案〔2026〕9号"})
    assert street.face["citizen_id"] in page.locator("main").inner_text()
    kept = street.looks(street.driver, DRIVER)[-1]
    assert (kept["sealed_by_case"], kept["place"]) == (True, None)


@pytest.mark.rule("SH-08")
def test_who_could_not_show_it_is_given_a_note_that_opens_with_its_code_and_can_be_printed(opened: Opening, street: Street) -> None:
    page = opened(bypass_csp=True, **PHONE)
    fill(page, street, "id", street.face["citizen_id"], {"查询事由": "could_not_show", "执法人员": "执法009"})
    page.get_by_label("持证人未能出示").check()
    press(page, "查询")
    code = page.locator(".told-code").inner_text()
    tidy(page)

    page.get_by_role("link", name="/notes").click()
    tidy(page)
    page.get_by_label("领取码").fill(f"{code[:8].lower()} {code[8:]}")
    press(page, "领取")
    assert page.locator("h1").inner_text() == "未能出示证明 Showing note"
    main = page.locator("main").inner_text()
    assert PLACE in main
    assert "2026-11-28 12:00:00" in main
    assert "by the register the right then stood as “In force”, and the verdict was “Valid”" in main
    assert "核验结论为“有效”" in main
    assert "样本" in main
    for secret in (street.face["person_name"], street.face["citizen_id"], "执法009"):
        assert secret not in main
    tidy(page)
    signed = page.locator(".signed")
    page.emulate_media(media="print")
    assert signed.evaluate("one => one.scrollHeight <= one.clientHeight + 1")  # paper does not scroll
    assert page.locator(".printed").is_visible()
    answer = street.world.http.post("/notes", json={"note_code": code}).json()
    assert json.dumps(answer["note"], ensure_ascii=False).count(PLACE) == 1
    assert signed.inner_text() == answer["signed"]


def test_a_wrong_note_code_is_refused_with_the_way_back_to_the_form(opened: Opening, street: Street) -> None:
    assert street.token
    page = opened(bypass_csp=True, **PHONE)
    page.get_by_role("link", name="领取未能出示证明").click()
    page.get_by_label("领取码").fill("0000 0000 0000 0000")
    press(page, "领取")
    tidy(page)
    page.get_by_role("link", name="返回").click()
    assert page.get_by_label("领取码").count() == 1


def test_the_officers_form_is_filled_and_sent_by_the_keyboard_alone_without_scripts(opened: Opening, street: Street) -> None:
    reachable_page = opened()
    for address in ("/officer", "/notes", f"/S/{street.sticker}"):
        reachable_page.goto(address)
        reachable(reachable_page)
    page = opened(**NO_SCRIPTS)
    page.goto("/officer")
    page.get_by_label("查询方式").focus()
    for text in ("公", street.face["citizen_id"], "路", PLACE, "执法007", "", " ", street.token):
        if text == " ":
            page.keyboard.press("Space")  # the box of the note
        elif text == "公":
            page.keyboard.press("End")  # the last way of the list
        elif text not in {"", "路"}:
            page.keyboard.insert_text(text)
        page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.locator(".band h2").inner_text().startswith("有效")
    assert len(page.locator(".told-code").inner_text()) == 16


# -- the sticker on a vehicle --------------------------------------------------------------------------------------


@pytest.mark.rule("SH-10")
def test_a_passenger_sees_first_the_plate_to_compare_then_whether_the_vehicle_may_operate(opened: Opening, street: Street) -> None:
    page = opened(bypass_csp=True, **PHONE)
    page.goto(f"/S/{street.sticker}")
    plate, verdict = page.get_by_role("img", name=street.plate).bounding_box(), page.locator(".band").bounding_box()
    viewport = page.viewport_size
    assert plate
    assert verdict
    assert viewport
    assert plate["y"] < verdict["y"] < viewport["height"]
    assert plate["height"] > 60
    assert band(page).startswith("车辆在册，许可有效")
    assert "In the trade, licence in force" in band(page)
    main = page.locator("main").inner_text()
    assert f"{street.face['person_name'][0]}师傅" in main
    for secret in (street.face["person_name"], street.face["citizen_id"], street.face["address"]):
        assert secret not in main
    tidy(page)


@pytest.mark.rule("SH-10")
def test_a_revoked_sticker_and_one_that_nobody_made_never_look_good(opened: Opening, street: Street) -> None:
    page = opened(bypass_csp=True, **PHONE)
    for code, zh, en in ((street.revoked, "此车贴已作废", "was revoked"), ("A" * 16, "无法识别此码", "cannot be recognised")):
        page.goto(f"/S/{code}")
        assert band(page).startswith(zh)
        assert en in band(page)
        assert page.locator(".band.valid").count() == 0
        assert street.plate not in page.content()
        tidy(page)
