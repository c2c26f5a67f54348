"""The public pages as a person sees them: home, verdict, refusal, download; without scripts, on a phone, with a screen reader."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pytest
import qrcode
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from licence_service.document import reading
from licence_service.licence import beijing_day
from licence_service.receipts import message_in, open_receipt
from licence_service.seal.tokens import Purpose
from tests.api.test_uploading import picture, with_another
from tests.browser.conftest import Opening, Site
from tests.histories import how_many
from tests.world import DRIVER, TRIP, VEHICLE

pytestmark = pytest.mark.browser
NO_SCRIPTS = {"java_script_enabled": False}
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "device_scale_factor": 2}
DESKTOP = {"viewport": {"width": 1280, "height": 900}}

# What says what a thing is must say it in both languages; codes, values and names need no translation.
ONE_LANGUAGE = """() => [...document.querySelectorAll('h1, h2, h3, label, main button, dt, th[scope=col], option, main a, nav a')]
  .filter(one => !one.closest('[lang=en]')).map(one => one.textContent.trim())
  .filter(text => text && !(/[\\u4e00-\\u9fff]/.test(text) && /[A-Za-z]{2}/.test(text)))"""
FOCUSABLE = "a[href], button, input:not([type=hidden]), select, textarea, [tabindex='0']"
FOCUSED = """(focusable) => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const style = getComputedStyle(one), beside = one.nextElementSibling ? getComputedStyle(one.nextElementSibling, '::before') : null;
  const seen = style.outlineStyle !== 'none' || style.boxShadow !== 'none' || (beside && (beside.outlineStyle !== 'none' || beside.boxShadow !== 'none'));
  return [[...document.querySelectorAll(focusable)].indexOf(one), Boolean(seen)];
}"""


@pytest.fixture(scope="module")
def driver(site: Site) -> dict[str, Any]:
    """A licence in force."""
    return site.world.issue(DRIVER, "browser-driver")


@pytest.fixture(scope="module")
def revoked(site: Site) -> dict[str, Any]:
    """A licence that was revoked."""
    issued = site.world.issue(TRIP, "browser-trip")
    assert site.world.act(TRIP, issued["licence_id"], {"act": "revoke"}, "browser-revoke").status_code == 201
    return issued


@pytest.fixture(scope="module")
def endorsed(site: Site) -> dict[str, Any]:
    """A licence with a printed endorsement, held in its newest version."""
    issued, day = site.world.issue(VEHICLE, "browser-vehicle"), beijing_day(site.world.clock())
    facts = {"date": day.isoformat(), "result": "1", "next_due": (day + timedelta(days=365)).isoformat(), "authority": "示例机关"}
    body = {"act": "endorse", "kind": "annual_review", "facts": facts, "external_ref": "review-1"}
    answer: dict[str, Any] = site.world.act(VEHICLE, issued["licence_id"], body, "browser-endorse").json()
    return answer


@pytest.fixture(scope="module")
def trained(site: Site) -> dict[str, Any]:
    """A licence with an endorsement that the public may see, held in its newest version."""
    issued = site.world.issue(DRIVER, "browser-trained", case_no="BROWSER-TRAINED", face={"license_no": "5199021985061201119"})
    day = beijing_day(site.world.clock())
    facts = {
        "period_start": (day - timedelta(days=700)).isoformat(), "period_end": day.isoformat(), "hours": 24, "institution": "示例学校",
        "result": "pass", "date": day.isoformat(),
    }  # fmt: skip
    body = {"act": "endorse", "kind": "continuing_education", "facts": facts, "external_ref": "training-1"}
    answer: dict[str, Any] = site.world.act(DRIVER, issued["licence_id"], body, "browser-training").json()
    return answer


@pytest.fixture(scope="module")
def original(site: Site, driver: dict[str, Any]) -> bytes:
    """The sealed file."""
    return bytes(site.world.http.post("/download", json={"delivery_code": driver["delivery_code"]}).content)


def verify(page: Page, issued: dict[str, Any]) -> None:
    """Type number and check code as they stand on paper, and send them."""
    code = issued["check_code"]
    page.get_by_label("证号").fill(issued["number"])
    page.get_by_label("查验码").fill(f"{code[:4]} {code[4:8]} {code[8:]}".lower())
    page.get_by_role("button", name="核验").first.click()


def upload(page: Page, content: bytes, name: str = "licence.pdf") -> None:
    """Choose a file and send it."""
    page.get_by_label("PDF 文件").set_input_files({"name": name, "mimeType": "application/pdf", "buffer": content})
    page.get_by_role("button", name="核验").nth(1).click()


def headline(page: Page) -> str:
    """Return the verdict: the first heading, which is larger than any other text."""
    heading = page.locator("h1")
    assert heading.count() == 1
    assert page.locator("main h1, main h2").first.evaluate("one => one.tagName") == "H1"
    sizes = page.evaluate("() => [...document.querySelectorAll('main *')].map(one => parseFloat(getComputedStyle(one).fontSize))")
    assert heading.evaluate("one => parseFloat(getComputedStyle(one).fontSize)") == max(sizes) >= 24
    box = heading.bounding_box()
    viewport = page.viewport_size
    assert box
    assert viewport
    assert box["y"] + box["height"] < viewport["height"]
    return heading.inner_text()


def clean(page: Page, **rules: Any) -> None:
    """Demand that axe finds nothing wrong, by all rules or as `rules` says."""
    found = Axe().run(page, options={"resultTypes": ["violations"], "rules": rules})
    assert found.violations_count == 0, found.generate_report()


def fits(page: Page) -> None:
    """Demand that nothing scrolls sideways."""
    width = page.evaluate("() => [document.documentElement.scrollWidth, window.innerWidth]")
    viewport = page.viewport_size
    assert viewport
    assert width[0] <= width[1] == viewport["width"], (page.url, width)  # a phone's window grows with what is too wide


def clean_at_both_sizes(page: Page) -> None:
    """Demand that it fits, and that axe finds nothing wrong, on a telephone and at a screen; it is left as it was.

    Contrast, which is nine tenths of axe's work, is looked at on the telephone; `make test-long` looks at it on both.
    """
    before = page.viewport_size
    assert before
    for size, contrast in ((PHONE, True), (DESKTOP, bool(how_many(0, 1)))):
        page.set_viewport_size(size["viewport"])  # type: ignore[arg-type]
        fits(page)
        clean(page, **{"color-contrast": {"enabled": contrast}})
    page.set_viewport_size(before)


def tidy(page: Page) -> None:
    """Demand what every page owes everybody: it says everything in both languages, fits everywhere, and axe finds nothing wrong."""
    assert page.evaluate(ONE_LANGUAGE) == []
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    assert page.locator("main h1").count() == 1
    assert "licence.example.cn" in page.locator(".host").first.inner_text()
    assert page.get_by_role("link", name="按号码核验").count() >= 1
    clean_at_both_sizes(page)


def press(page: Page, name: str) -> None:
    """Press a button and wait for the page that it leads to."""
    with page.expect_navigation():
        page.get_by_role("button", name=name).click()


def reachable(page: Page) -> None:
    """Demand that the tab key alone leads to everything that can be used, that it is seen where one is, and that no place holds one back."""
    wanted = page.locator(FOCUSABLE).count()
    page.evaluate("() => document.activeElement.blur()")
    found = set()
    for _ in range(4 * wanted):  # a field for a day has several stops
        page.keyboard.press("Tab")
        place = page.evaluate(FOCUSED, FOCUSABLE)
        if place is not None and place[1]:
            found.add(place[0])
        if len(found) == wanted:
            break
    assert [page.locator(FOCUSABLE).nth(one).evaluate("one => one.outerHTML") for one in range(wanted) if one not in found] == []


def test_number_and_check_code_lead_to_a_verdict_that_says_first_whether_the_licence_is_in_force(opened: Opening, driver: dict[str, Any]) -> None:
    page = opened()
    verify(page, driver)
    said = headline(page)
    assert said.startswith("有效")
    assert "Valid" in said
    main = page.locator("main").inner_text()
    for words in (
        "在有效期内",
        "In force",
        "北京时间",
        "Beijing time",
        "样本",
        "SPECIMEN",
        "发证机关",
        "逐项核对",
        "Every check",
        driver["elicence_id"],
    ):
        assert words in main
    assert "陈安途" not in main
    assert page.title().startswith("有效")


def test_the_page_of_a_revoked_licence_says_so_first(opened: Opening, revoked: dict[str, Any]) -> None:
    page = opened()
    verify(page, revoked)
    assert headline(page).startswith("无效")
    assert "已吊销" in page.locator(".band").inner_text()
    assert "Revoked" in page.locator(".band").inner_text()


def test_endorsements_that_the_public_may_see_stand_on_the_page(opened: Opening, endorsed: dict[str, Any], trained: dict[str, Any]) -> None:
    page = opened()
    verify(page, trained)
    assert headline(page).startswith("有效")
    section = page.locator(".endorsements").inner_text()
    assert "继续教育" in section
    assert "Continuing education" in section
    page.goto("/")
    verify(page, endorsed)
    assert headline(page).startswith("有效")
    assert page.locator(".endorsements").count() == 0


def test_an_uploaded_original_is_valid_and_a_changed_one_is_not(opened: Opening, original: bytes) -> None:
    page = opened()
    upload(page, original)
    assert headline(page).startswith("有效")
    assert "逐字节一致" in page.locator("main").inner_text()
    page.goto("/")
    middle = len(original) // 2
    upload(page, original[:middle] + bytes([original[middle] ^ 1]) + original[middle + 1 :])
    assert headline(page).startswith("无效")
    assert "陈" not in page.locator("main").inner_text()


def test_a_delivery_code_downloads_the_sealed_bytes(opened: Opening, driver: dict[str, Any], original: bytes, tmp_path: Path) -> None:
    page = opened(accept_downloads=True)
    page.get_by_label("领取码").fill(driver["delivery_code"].lower())
    with page.expect_download() as waiting:
        page.get_by_role("button", name="下载 Download").click()
    waiting.value.save_as(tmp_path / "got.pdf")
    assert (tmp_path / "got.pdf").read_bytes() == original
    assert waiting.value.suggested_filename == f"{driver['licence_id']}-001.pdf"


def test_the_address_of_the_code_on_paper_opens(opened: Opening, driver: dict[str, Any]) -> None:
    page = opened(**PHONE)
    page.goto("/Q/1" + driver["verify_url"].rpartition("/Q/1")[2])
    assert headline(page).startswith("有效")
    assert "签名真实" in page.locator("main").inner_text()


@pytest.mark.rule("SH-16")
def test_everything_works_without_scripts(opened: Opening, driver: dict[str, Any], original: bytes) -> None:
    page = opened(**NO_SCRIPTS)
    verify(page, driver)
    assert page.locator("h1").inner_text().startswith("有效")
    page.get_by_role("link", name="核验另一份").click()
    upload(page, original)
    assert page.locator("h1").inner_text().startswith("有效")
    page.goto("/")
    with page.expect_download() as waiting:
        page.get_by_label("领取码").fill(driver["delivery_code"])
        page.get_by_role("button", name="下载 Download").click()
    assert Path(waiting.value.path()).read_bytes() == original


def test_a_page_holds_no_script_and_says_nothing_to_the_address_line(opened: Opening, site: Site, driver: dict[str, Any]) -> None:
    page = opened()
    verify(page, driver)
    assert page.url == f"{site.url}/verify"
    assert page.locator("script").count() == 0
    assert page.context.cookies() == []


@pytest.mark.parametrize("wrong", ["nothing", "a text", "no such code", "no such page"])
def test_a_refusal_is_a_page_with_a_way_back(opened: Opening, wrong: str) -> None:
    page = opened(**NO_SCRIPTS)
    if wrong == "nothing":
        page.goto("/verify")
    elif wrong == "a text":
        upload(page, b"what a licence says, typed", "licence.txt")
    elif wrong == "no such code":
        page.get_by_label("领取码").fill("0000 0000 0000 0000")
        page.get_by_role("button", name="下载 Download").click()
    else:
        page.goto("/no/such/page")
    said = page.locator("h1").inner_text()
    assert any("\u4e00" <= character <= "\u9fff" for character in said)
    assert any("a" <= character <= "z" for character in said)
    page.get_by_role("link", name="返回").click()
    assert page.get_by_label("查验码").count() == 1


def test_no_page_scrolls_sideways_on_a_phone(opened: Opening, driver: dict[str, Any], revoked: dict[str, Any], endorsed: dict[str, Any]) -> None:
    page = opened(**PHONE)

    def fits() -> None:
        width = page.evaluate("() => [document.documentElement.scrollWidth, window.innerWidth]")
        assert width[0] <= width[1] == 360, page.url

    fits()
    for issued in (driver, revoked, endorsed):
        page.goto("/")
        verify(page, issued)
        headline(page)
        fits()
    page.goto("/no/such/page")
    fits()


def test_axe_finds_nothing_wrong_on_any_page(
    opened: Opening, driver: dict[str, Any], revoked: dict[str, Any], endorsed: dict[str, Any], original: bytes
) -> None:
    locked = io.BytesIO()
    with pikepdf.open(io.BytesIO(original)) as pdf:
        pdf.save(locked, encryption=pikepdf.Encryption(owner="o", user="u"))
    page = opened(bypass_csp=True)
    clean(page)
    for issued, word in ((driver, "有效"), (revoked, "无效"), (endorsed, "有效")):
        page.goto("/")
        verify(page, issued)
        assert headline(page).startswith(word)
        clean(page)
    page.goto("/")
    upload(page, locked.getvalue())
    assert headline(page).startswith("无法判定")
    clean(page)
    page.goto("/no/such/page")
    clean(page)


def test_a_licence_with_a_condition_unmet_says_so_and_is_legible(opened: Opening, site: Site, endorsed: dict[str, Any]) -> None:
    before = site.world.clock.now  # type: ignore[attr-defined]
    site.world.clock.now = before + timedelta(days=400)  # type: ignore[attr-defined]
    try:
        page = opened(bypass_csp=True)
        verify(page, endorsed)
        assert "条件未满足" in headline(page)
        clean(page)
    finally:
        site.world.clock.now = before  # type: ignore[attr-defined]


# -- what a verdict leads to ---------------------------------------------------------------------------------------


def match(page: Page, issued: dict[str, Any], name: str, tail: str) -> None:
    """Verify, then fill the match boxes."""
    page.goto("/")
    verify(page, issued)
    page.get_by_label("姓名（名称）全称").fill(name)
    page.get_by_label("号牌或身份号码末").fill(tail)
    press(page, "比对")


def test_match_boxes_say_yes_or_no_and_nothing_of_the_record(opened: Opening, site: Site, driver: dict[str, Any]) -> None:
    face, page = site.world.request(DRIVER)["face"], opened(bypass_csp=True, **PHONE)
    for name, tail, said in ((face["person_name"], face["citizen_id"][-4:], "相符 Matches"), ("王无此", "", "不相符 Does not match")):
        match(page, driver, name, tail)
        assert " ".join(headline(page).split()) == said
        assert "不说明证照是否有效" in page.locator(".band").inner_text()
        band, *_, green = colours(page).values()
        assert band != green
        assert page.locator(".band circle").count() == 0  # never the shape of a valid licence
        assert page.url == f"{site.url}/verify/match"
        assert face["person_name"] not in page.locator("body").inner_text()
        tidy(page)


def test_an_altered_file_is_shown_field_by_field_beside_the_record(opened: Opening, site: Site, endorsed: dict[str, Any]) -> None:
    content = bytes(site.world.http.post("/download", json={"delivery_code": endorsed["delivery_code"]}).content)
    page = opened(bypass_csp=True, **PHONE)
    upload(page, with_another(content, "plate_no", "川PA9999"))

    assert headline(page).startswith("无效")
    assert "Not valid" in headline(page)
    row = page.get_by_role("row").filter(has_text="车辆号牌").inner_text()
    assert "川PA9999" in row
    assert "川PA1234" in row
    tidy(page)


def test_a_genuine_file_is_valid_and_a_picture_is_read_for_its_code_only(opened: Opening, original: bytes) -> None:
    page = opened(bypass_csp=True, **PHONE)
    upload(page, original)
    assert headline(page).startswith("有效")
    tidy(page)
    page.goto("/")
    upload(page, picture(original, "PNG"), "photo.png")
    assert headline(page).startswith("有效")
    assert "A photo or screenshot proves nothing" in page.locator("main").inner_text()
    tidy(page)


def test_a_picture_whose_code_leads_to_a_foreign_host_is_named_as_such(opened: Opening) -> None:
    sink = io.BytesIO()
    qrcode.make(f"HTTPS://LICENCE.EXAMPLE.ORG/Q/1{'1' * 300}").get_image().convert("RGB").save(sink, "PNG")
    page = opened(bypass_csp=True, **PHONE)
    upload(page, sink.getvalue(), "photo.png")

    assert headline(page).startswith("无法判定")
    assert "二维码指向的不是官方网址" in page.locator("main").inner_text()
    assert page.locator("a[href*='EXAMPLE.ORG' i]").count() == 0
    tidy(page)


@pytest.mark.rule("AU-02")
def test_a_verdict_is_had_as_a_receipt_by_a_button_after_code_pair_and_file(
    opened: Opening, site: Site, driver: dict[str, Any], original: bytes
) -> None:
    while site.world.service.follower.follow():
        pass
    page = opened(accept_downloads=True, **NO_SCRIPTS)
    for step in ("pair", "code", "file"):
        page.goto("/Q/1" + driver["verify_url"].rpartition("/Q/1")[2] if step == "code" else "/")
        if step == "pair":
            verify(page, driver)
        with page.expect_download() as waiting:
            if step == "file":
                page.get_by_label("PDF 文件").set_input_files({"name": "l.pdf", "mimeType": "application/pdf", "buffer": original})
                page.get_by_role("button", name="核验并下载回执").click()
            else:
                page.get_by_role("button", name="下载回执").click()
        content = Path(waiting.value.path()).read_bytes()
        assert waiting.value.suggested_filename == "receipt.pdf"
        message = message_in(reading.attachment(content, "receipt.json") or b"")
        assert open_receipt(message, site.world.service.keyring.keys_for(Purpose.EVIDENCE)).said["overall"] == "valid"


def test_a_verdict_answers_for_another_day_on_the_page(opened: Opening, driver: dict[str, Any]) -> None:
    page = opened(**NO_SCRIPTS)
    verify(page, driver)
    page.get_by_label("按哪一天判断").fill("2001-01-01")
    press(page, "查询")
    assert page.locator("h1").inner_text().startswith("在 2001-01-01 无效（历史查询，非现状）")
    assert "judged for 2001-01-01" in page.locator(".band.then").inner_text()
    assert page.locator(".band.now h2").inner_text().startswith("现在：有效")


def colours(page: Page) -> dict[str, str]:
    """Return the ground of each band by its classes, and that of a valid one."""
    found: dict[str, str] = page.evaluate("""() => {
      const sample = document.body.appendChild(document.createElement('div'));
      sample.className = 'band valid';
      const found = {};
      for (const one of document.querySelectorAll('.band')) found[one === sample ? 'green' : one.className] = getComputedStyle(one).backgroundColor;
      sample.remove();
      return found;
    }""")
    return found


@pytest.mark.rule("SH-01", "AU-01")
def test_an_address_with_a_past_clock_never_shows_a_revoked_licence_as_valid(opened: Opening, site: Site, revoked: dict[str, Any]) -> None:
    before, day = site.world.clock.now, beijing_day(site.world.clock.now)  # type: ignore[attr-defined]
    page = opened(bypass_csp=True, **PHONE)
    digits = revoked["verify_url"].rpartition("/Q/1")[2]
    site.world.clock.now = before + timedelta(days=1)  # type: ignore[attr-defined]
    try:
        for clock in (f"valid_at={day - timedelta(days=1)}", f"known_at={day - timedelta(days=1)}", "valid_at=2199-01-01"):
            page.goto(f"/Q/1{digits}?{clock}")
            said = headline(page)
            assert "非现状" in said
            assert "not the present state" in said
            drawn = colours(page)
            assert list(drawn) == ["band then", "band now not_valid", "green"]
            assert drawn["band then"] not in {drawn["green"], drawn["band now not_valid"]}
            assert page.locator(".band.then circle").count() == 0
            words = {one.evaluate("one => getComputedStyle(one).backgroundColor") for one in page.locator(".word").all()}
            assert drawn["green"] not in words
            now = page.locator(".band.now")
            assert "现在：无效" in now.inner_text()
            box, viewport = now.bounding_box(), page.viewport_size
            assert box
            assert viewport
            assert box["y"] + box["height"] <= viewport["height"]  # both stand on the first screen
            tidy(page)
        with page.expect_navigation():
            page.get_by_role("link", name="现在的状态").click()
        assert page.url == f"{site.url}/Q/1{digits}"
        assert headline(page).startswith("无效")
        assert page.locator(".band").count() == 1
    finally:
        site.world.clock.now = before  # type: ignore[attr-defined]


@pytest.mark.rule("AU-01")
def test_was_it_valid_on_is_asked_after_a_scan_a_pair_and_a_file(opened: Opening, driver: dict[str, Any], original: bytes) -> None:
    page = opened(bypass_csp=True, **PHONE)
    for step in ("code", "pair", "file", "first page"):
        page.goto("/Q/1" + driver["verify_url"].rpartition("/Q/1")[2] if step == "code" else "/")
        if step == "pair":
            verify(page, driver)
        elif step == "file":
            upload(page, original)
        if step in {"file", "first page"}:
            page.get_by_label("选择该文件" if step == "file" else "PDF 文件").set_input_files(
                {"name": "l.pdf", "mimeType": "application/pdf", "buffer": original}
            )
        page.get_by_label("按哪一天判断").fill("2001-01-01")
        with page.expect_navigation():
            page.get_by_role("button", name="核验 Verify").nth(1).click() if step == "first page" else page.get_by_role("button", name="查询").click()
        assert headline(page).startswith("在 2001-01-01 无效"), step
        assert page.locator(".band.now.valid").count() == 1
        assert page.get_by_label("按哪一天判断").input_value() == "2001-01-01"
        tidy(page)


@pytest.mark.rule("SH-16")
def test_the_page_of_a_verdict_needs_no_scripts_and_speaks_both_languages(opened: Opening, driver: dict[str, Any], trained: dict[str, Any]) -> None:
    page, sides = opened(**NO_SCRIPTS), opened(bypass_csp=True)
    for issued in (driver, trained):
        page.goto("/")
        verify(page, issued)
        assert "北京时间" in page.locator(".band .when").inner_text()
        sides.set_content(page.content())
        assert sides.evaluate(ONE_LANGUAGE) == []
        assert page.locator("script").count() == 0
    facts = page.locator(".endorsements p span[lang=en]").all_inner_texts()
    assert facts
    assert all(facts)


def test_a_false_site_is_reported_and_the_official_one_named(opened: Opening, site: Site) -> None:
    page = opened(bypass_csp=True, **PHONE)
    page.get_by_role("link", name="举报假冒网站").click()
    assert "licence.example.cn" in page.locator("main").inner_text()
    tidy(page)
    page.get_by_label("可疑网址").fill("https://licence-example.cn/q")
    page.get_by_label("情况说明").fill("扫码后要我付款")
    press(page, "提交")

    assert page.get_by_role("status").inner_text() == "已收到，谢谢。 Received, thank you."
    assert "licence-example" not in page.content()
    assert site.world.service.site_reports.newest()[0].address == "https://licence-example.cn/q"
    tidy(page)


# -- by any means --------------------------------------------------------------------------------------------------


def test_the_keyboard_alone_reaches_everything(opened: Opening, driver: dict[str, Any]) -> None:
    page = opened()
    reachable(page)
    page.goto("/report-site")
    reachable(page)
    page.goto("/")
    page.get_by_label("证号").focus()
    page.keyboard.type(driver["number"])
    page.keyboard.press("Tab")
    page.keyboard.type(driver["check_code"])
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert headline(page).startswith("有效")
    reachable(page)


def test_in_forced_colours_a_verdict_keeps_its_shape(opened: Opening, driver: dict[str, Any], revoked: dict[str, Any]) -> None:
    page = opened(forced_colors="active")
    for issued in (driver, revoked):
        page.goto("/")
        verify(page, issued)
        drawn = page.locator(".band svg > :first-child").evaluate("one => getComputedStyle(one).fill")
        tick = page.locator(".band svg .mark").evaluate("one => getComputedStyle(one).stroke")
        ground = page.locator(".band").evaluate("one => getComputedStyle(one).backgroundColor")
        assert drawn not in {ground, tick}
        assert tick == ground


def test_a_printed_verdict_holds_no_forms_and_names_the_official_host(opened: Opening, driver: dict[str, Any]) -> None:
    page = opened()
    verify(page, driver)
    page.emulate_media(media="print")
    assert not [one for one in page.locator("form, nav, .mast, .back").all() if one.is_visible()]
    assert "licence.example.cn" in page.locator(".printed").inner_text()
    assert page.locator("body").evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.parametrize("lost", ["/officer/look", "/verify/list", "/notes", "/report-site", "/verify"])
def test_a_refused_form_leads_back_to_where_it_is_filled_in_and_says_why_in_both_languages(opened: Opening, site: Site, lost: str) -> None:
    page = opened(bypass_csp=True, **PHONE)
    page.set_content(f'<form method="post" action="{site.url}{lost}"><button>x</button></form>')
    press(page, "x")
    assert page.locator("h1").inner_text().strip()
    tidy(page)
    back = page.get_by_role("link", name="返回").get_attribute("href")
    assert back == {"/officer/look": "/officer", "/verify": "/"}.get(lost, lost)
