"""The offline page in a real Chromium: the same judgement as the module, a camera, no network, and nothing said that is not known."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cbor2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from licence_service.bundle import read, sign, sign_delta
from licence_service.document.code import matrix
from licence_service.licence import BEIJING
from licence_service.listing import EVERY
from licence_service.offline import check
from licence_service.qr_token import message_in, unpack
from licence_service.seal.listing_tokens import base64url
from licence_service.seal.terms import point_of
from licence_service.seal.tokens import Purpose
from licence_service.status import Status, put
from tests.browser.conftest import ARGUMENTS, CHROMIUM, HOSTS, Site
from tests.offline_cases import AS_OF, AT, BOOK, DEPARTMENT, KEEPER, NONCE, TIMES, bundle, bundle_text, cases, without_what_judges
from tests.world import BUSINESS, DRIVER, TRIP, VEHICLE

pytestmark = pytest.mark.browser
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "device_scale_factor": 2}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
KEY = {"kid": KEEPER.kid.hex(), "public_key": base64url(point_of(KEEPER.key.public_key()))}

JUDGE = """async ([text, keeper, cases]) => {
  const { readBundle } = await import("/offline/bundle.js");
  const { check } = await import("/offline/check.js");
  const held = await readBundle(text, keeper);
  const found = [];
  for (const one of cases) found.push(await check(one.text, held, one.at, one.server_time));
  return found;
}"""
OPEN = """async ([text, keeper]) => {
  const { readBundle } = await import("/offline/bundle.js");
  return readBundle(text, keeper).then(() => "opened", (bad) => bad.message);
}"""
READ_TIME = """async ([texts, keeper, book, nonce]) => {
  const { readTime } = await import("/offline/time.js");
  const found = {};
  for (const [name, text] of Object.entries(texts)) found[name] = await readTime(text, keeper, book, nonce).catch(() => null);
  return found;
}"""
APPLY = """async ([text, delta, keeper]) => {
  const { readBundle, applyDelta, statusAt } = await import("/offline/bundle.js");
  const { sha256 } = await import("/offline/bytes.js");
  try {
    const after = await applyDelta(await readBundle(text, keeper), delta, keeper);
    return [after.as_of, await sha256(after.lists.get(0)), statusAt(after, 0, 11), [...after.lapses.get(0)]];
  } catch (bad) {
    return bad.message;
  }
}"""


class Browsers:
    """Chromium, started once for each film that runs before its camera."""

    def __init__(self, playwright: Playwright, site: Site, folder: Path) -> None:
        """Start none yet."""
        self.playwright, self.site, self.folder = playwright, site, folder
        self.started: dict[str | None, Browser] = {}

    def showing(self, code: str | None) -> Browser:
        """Return the browser before whose camera this code lies."""
        if code not in self.started:
            camera = []
            if code is not None:
                path = film(self.folder / f"{len(self.started)}.y4m", code)
                camera = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={path}"]
            self.started[code] = self.playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *camera])
        return self.started[code]

    @contextmanager
    def page(self, code: str | None = None, now: datetime | None = None, **options: Any) -> Iterator[tuple[BrowserContext, Page]]:
        """Open the page as somebody who never was there; nothing may leave this host or go wrong."""
        asked: list[str] = []
        trouble: list[str] = []
        context = self.showing(code).new_context(base_url=self.site.url, **options)
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda said: trouble.append(said.text) if "Content Security Policy" in said.text else None)
        page.clock.set_fixed_time(now or self.site.world.clock() + timedelta(minutes=1))
        page.goto("/offline/")
        page.wait_for_selector("body[data-ready]")
        yield context, page
        context.close()
        assert asked
        assert {urlsplit(url).hostname or "" for url in asked} <= HOSTS
        assert not trouble


@pytest.fixture(scope="module")
def browsers(playwright: Playwright, site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browsers]:
    """No browser yet."""
    held = Browsers(playwright, site, tmp_path_factory.mktemp("films"))
    yield held
    for browser in held.started.values():
        browser.close()


def film(path: Path, text: str) -> Path:
    """Write a film of a code as a camera sees it (YUV4MPEG2, 640 × 480), lying on grey paper."""
    modules = matrix(text)
    side = len(modules)
    scale = 440 // (side + 8)
    left, top = (640 - side * scale) // 2, (480 - side * scale) // 2
    rows = [bytearray(b"\xeb" * 640) for _ in range(480)]
    for y, row in enumerate(modules):
        for x, dark in enumerate(row):
            if dark:
                for line in range(scale):
                    rows[top + y * scale + line][left + x * scale : left + (x + 1) * scale] = b"\x14" * scale
    frame = b"FRAME\n" + b"".join(rows) + b"\x80" * (640 * 480 // 2)
    path.write_bytes(b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420jpeg\n" + frame * 3)
    return path


def overall(page: Page) -> str:
    """Wait for the verdict and return it in one word."""
    found = page.locator("#verdict [data-overall]")
    found.wait_for()
    return str(found.get_attribute("data-overall"))


def paste(page: Page, text: str) -> str:
    """Paste what a code says, and return the verdict."""
    page.locator("#verdict").evaluate("one => one.replaceChildren()")
    page.get_by_label("或粘贴").fill(text)
    page.get_by_role("button", name="核验").click()
    return overall(page)


def clean(page: Page) -> None:
    """Demand that axe finds nothing wrong."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.fixture(scope="module")
def papers(site: Site) -> dict[str, dict[str, Any]]:
    """Three licences: one stays as it is, one is suspended for three days, one has got a new document."""
    world = site.world
    issued = {slug: world.issue(slug, f"offline-{slug}") for slug in (TRIP, VEHICLE, DRIVER, BUSINESS)}
    today = (world.clock() + timedelta(hours=8)).date()
    halt = {"act": "suspend", "suspension": {"kind": "penalty", "first": today.isoformat(), "last": (today + timedelta(days=2)).isoformat()}}
    assert world.act(VEHICLE, issued[VEHICLE]["licence_id"], halt, "offline-halt").status_code == 201
    assert world.act(DRIVER, issued[DRIVER]["licence_id"], {"act": "replace", "reason": "lost"}, "offline-new").status_code == 201
    world.service.status_lists.refresh(at_once=True)
    return issued


@pytest.fixture(scope="module")
def page(browsers: Browsers, papers: dict[str, Any]) -> Iterator[Page]:
    """The page, opened once for what needs no camera."""
    assert papers
    with browsers.page() as (_, opened):
        yield opened


# -- the same judgement as the module ------------------------------------------------------------------------------


@pytest.mark.rule("SH-01", "SH-02", "SH-03", "SH-04", "SH-05", "SH-06", "SE-04")
def test_the_page_judges_every_case_as_the_module_does(page: Page) -> None:
    asked = [
        {"text": case.text, "at": case.at.timestamp(), "server_time": case.server_time.timestamp() if case.server_time else None} for case in cases()
    ]

    said = page.evaluate(JUDGE, [bundle_text(), KEY, asked])

    for case, found in zip(cases(), said, strict=True):
        assert found == by_the_module(case.text, case.at, case.server_time), case.name


def by_the_module(text: str, at: datetime, server_time: datetime | None) -> dict[str, Any]:
    """Return what the module says, in the shape of the page: reasons by their codes, the instant of the status to the microsecond."""
    said = check(text, bundle(), at, server_time).as_json()
    del said["checked_at"]
    said["status"]["as_of"] = bundle().as_of.isoformat(timespec="microseconds")
    for one in (*said["answers"].values(), *said["checks"]):
        one["reasons"] = [each["code"] for each in one["reasons"]]
    found: dict[str, Any] = json.loads(json.dumps(said))
    return found


def test_the_page_opens_no_bundle_but_the_keepers(page: Page) -> None:
    head, payload, signature = bundle_text().split(".")
    changed = payload[:400] + ("A" if payload[400] != "A" else "B") + payload[401:]

    others = (sign(bundle(), DEPARTMENT), f"{head}.{changed}.{signature}", "a.b.c", "", *without_what_judges())
    said = [page.evaluate(OPEN, [text, KEY]) for text in (bundle_text(), *others)]

    assert said[0] == "opened"
    assert "opened" not in said[1:]


def test_the_page_goes_on_from_its_bundle_by_a_delta(page: Page) -> None:
    places = bytearray(bundle().lists[0])
    put(places, 11, Status.INVALID)
    lapses = {(0, 13): bundle().lapses[0, 13]}
    after = replace(bundle(), lists={0: bytes(places)}, lapses=lapses, as_of=AS_OF + timedelta(days=1), signed_at=AS_OF + timedelta(days=1))
    other = replace(bundle(), as_of=AS_OF - timedelta(days=1))

    said = [page.evaluate(APPLY, [bundle_text(), sign_delta(before, after, KEEPER), KEY]) for before in (bundle(), other)]
    back = page.evaluate(APPLY, [bundle_text(), sign_delta(bundle(), other, KEEPER), KEY])
    new_types = page.evaluate(APPLY, [bundle_text(), sign_delta(bundle(), replace(after, types=after.types[:1]), KEEPER), KEY])

    day = (bundle().lapses[0, 13] - datetime(1970, 1, 1, tzinfo=UTC).date()).days
    assert said[0][0] == after.as_of.isoformat(timespec="microseconds")
    assert said[0][2:] == [1, [[13, day]]]
    assert said[1] == "of another bundle"
    assert back == "it leads back to an older bundle"
    assert new_types == "more than the lists is new"


@pytest.mark.rule("SH-05")
def test_the_page_reads_a_time_only_where_the_keeper_signed_it_for_this_question(page: Page) -> None:
    said = page.evaluate(READ_TIME, [TIMES, KEY, BOOK, NONCE])

    assert said == {name: AT.timestamp() if name == "good" else None for name in TIMES}


# -- as a person sees it -------------------------------------------------------------------------------------------


def test_a_good_code_is_genuine_as_of_a_time_and_asks_for_a_look_at_the_paper(site: Site, browsers: Browsers, papers: dict[str, Any]) -> None:
    with browsers.page() as (_, page):
        said = paste(page, papers[TRIP]["verify_url"])

        assert said == "valid"
        text = page.locator("#verdict").inner_text()
        assert f"真实；状态截至 {as_of(site)} 有效" in text
        assert f"Genuine, in force as of {as_of(site)}" in text
        assert "样本" in text
        value = page.locator(".compare .value")
        assert value.evaluate("one => parseFloat(getComputedStyle(one).fontSize)") >= 38
        assert value.inner_text() == compared(papers[TRIP]["verify_url"])
        clean(page)


def as_of(site: Site) -> str:
    """Return the time of the newest lists as the page writes it."""
    run = site.world.service.status_lists.listings.newest()
    assert run
    return run.at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M")


def compared(address: str) -> str:
    """Return what the code says is to be compared with the paper."""
    message = cbor2.loads(message_in(address.rpartition("/Q/1")[2]))
    return unpack(message[2]).compare


def test_a_genuine_code_on_another_paper_is_caught_by_comparing(page: Page, papers: dict[str, Any]) -> None:
    paste(page, papers[TRIP]["verify_url"])

    page.get_by_role("button", name="不一致").click()

    assert "不要接受" in page.locator(".compare [role=status]").inner_text()


@pytest.mark.rule("SH-03")
def test_a_suspension_is_said_and_lapses_on_the_device(browsers: Browsers, site: Site, papers: dict[str, Any]) -> None:
    with browsers.page() as (context, page):
        assert paste(page, papers[VEHICLE]["verify_url"]) == "not_valid"
        assert "暂扣" in page.locator("[data-question=in_force]").inner_text()
        context.set_offline(True)
        page.clock.set_fixed_time(site.world.clock() + timedelta(days=3))
        assert paste(page, papers[VEHICLE]["verify_url"]) == "cannot_decide"  # the status is three days old
        said = page.locator("[data-question=in_force]").inner_text()
        assert "暂扣期已满" in said
        assert "状态资料已超过时限" in said


def test_a_superseded_document_is_not_valid_but_genuine(page: Page, papers: dict[str, Any]) -> None:
    assert paste(page, papers[DRIVER]["verify_url"]) == "not_valid"
    assert "Genuine, but not valid" in page.locator("#verdict h2").first.inner_text()
    said = page.locator("[data-question=current]").inner_text()
    assert "已被取代或已挂失" in said
    assert "superseded, or reported lost" in said
    clean(page)


def test_a_forged_code_is_not_genuine(page: Page, papers: dict[str, Any]) -> None:
    good = papers[TRIP]["verify_url"]

    assert paste(page, good[:-4] + str((int(good[-4:]) + 1) % 10000).zfill(4)) == "not_valid"
    assert "Not a genuine licence code" in page.locator("#verdict").inner_text()
    assert page.locator(".compare").count() == 0


@pytest.mark.rule("SH-05")
def test_a_wrong_clock_is_said_with_its_difference(browsers: Browsers, site: Site, papers: dict[str, Any]) -> None:
    with browsers.page(now=site.world.clock() - timedelta(hours=2)) as (_, page):
        assert paste(page, papers[TRIP]["verify_url"]) == "cannot_decide"
        text = page.locator("#verdict").inner_text()
        assert "120 分钟" in text
        assert "120 minutes slow" in text
        clean(page)


@pytest.mark.rule("SH-05", "SH-03")
def test_a_fast_clock_is_found_out_and_remembered_without_network_so_that_no_suspension_lapses_early(
    browsers: Browsers, site: Site, papers: dict[str, Any]
) -> None:
    with browsers.page(now=site.world.clock() + timedelta(days=3)) as (context, page):
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        for step in ("with network", "without network", "after opening it anew"):
            assert paste(page, papers[VEHICLE]["verify_url"]) == "cannot_decide", step
            text = page.locator("#verdict").inner_text()
            assert "快约 4320 分钟" in text
            assert "4320 minutes fast" in text
            assert "暂扣期已满" not in text
            assert "已超过时限" not in text  # by the right time the status is fresh
            if step == "with network":
                context.set_offline(True)
            elif step == "without network":
                page.reload()
                page.wait_for_selector("body[data-ready]")
        kept = page.evaluate(
            "caches.keys().then(async (names) => (await (await caches.open(names[0])).keys()).map((one) => new URL(one.url).pathname))"
        )
        assert "/offline/time.js" in kept
        assert not {"/offline/time", "/offline/bundle", "/offline/keeper"} & set(kept)
        context.set_offline(False)
        page.clock.set_fixed_time(site.world.clock() + timedelta(minutes=1))
        page.reload()
        page.wait_for_selector("body[data-ready]")
        assert paste(page, papers[VEHICLE]["verify_url"]) == "not_valid"  # the clock was set right, and compared anew


def test_a_bundle_older_than_the_one_that_is_kept_is_not_taken(browsers: Browsers, site: Site, papers: dict[str, Any]) -> None:
    kept = read(site.world.service.publisher.bundle(), site.world.service.keyring.keys_for(Purpose.STATUS))
    places = {number: bytes(len(one)) for number, one in kept.lists.items()}  # as if nothing had ever been suspended
    older = sign(
        replace(kept, as_of=kept.as_of - timedelta(hours=1), lists=places, lapses={}), site.world.service.publisher._keeper.signers[Purpose.STATUS]
    )
    with browsers.page(service_workers="block") as (_, page):
        before = page.locator("#age").inner_text()
        page.route("**/offline/bundle/delta?*", lambda route: route.fulfill(status=404))
        page.route("**/offline/bundle", lambda route: route.fulfill(body=older, content_type="application/jose"))
        page.reload()
        page.wait_for_selector("body[data-ready]")

        said = page.locator("#age").inner_text()
        assert "更旧，未采用" in said
        assert "older data, which were not taken" in said
        assert before.partition("，")[0] in said
        assert paste(page, papers[VEHICLE]["verify_url"]) == "not_valid"
        clean(page)


@pytest.mark.rule("SH-06")
def test_a_stale_status_lowers_the_verdict_and_its_age_is_shown(browsers: Browsers, site: Site, papers: dict[str, Any]) -> None:
    with browsers.page() as (context, page):
        context.set_offline(True)
        page.clock.set_fixed_time(site.world.clock() + timedelta(hours=49))
        assert paste(page, papers[TRIP]["verify_url"]) in {"cannot_decide", "not_valid"}
        text = page.locator("#verdict").inner_text()
        assert "older than allowed" in text
        assert "2 days old" in text
        assert "in force as of" not in text


# -- camera, without network ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_code_before_the_camera_is_judged_with_and_without_network(
    site: Site, browsers: Browsers, papers: dict[str, Any], device: dict[str, Any]
) -> None:
    with browsers.page(papers[TRIP]["verify_url"], **device) as (context, page):
        clean(page)
        page.get_by_role("button", name="用相机扫描").click()
        assert overall(page) == "valid"
        clean(page)
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")

        context.set_offline(True)
        page.reload()
        page.wait_for_selector("body[data-ready]")
        assert "未能更新" in page.locator("#age").inner_text()
        page.get_by_role("button", name="用相机扫描").click()

        assert overall(page) == "valid"
        assert f"状态截至 {as_of(site)}" in page.locator("#verdict").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        clean(page)


def test_a_foreign_host_before_the_camera_is_named_and_not_followed(browsers: Browsers, papers: dict[str, Any]) -> None:
    false = papers[TRIP]["verify_url"].replace("LICENCE.EXAMPLE.CN", "LICENCE-EXAMPLE.CN")

    with browsers.page(false, **PHONE) as (_, page):
        page.get_by_role("button", name="用相机扫描").click()

        assert overall(page) == "not_valid"
        assert page.locator(".host").inner_text() == "licence-example.cn"
        assert "licence.example.cn" in page.locator("#official").inner_text()
        assert page.locator("#verdict a").count() == 0
        clean(page)


def test_the_page_brings_its_bundle_up_to_date_by_itself(browsers: Browsers, site: Site, papers: dict[str, Any]) -> None:
    world = site.world
    permit = papers[BUSINESS]
    with browsers.page() as (context, page):
        before = page.locator("#age").inner_text()
        assert paste(page, permit["verify_url"]) == "valid"
        world.clock.now += EVERY + timedelta(minutes=1)  # type: ignore[attr-defined]
        assert world.act(BUSINESS, permit["licence_id"], {"act": "revoke"}, "offline-revoke").status_code == 201
        asked: list[str] = []
        context.on("request", lambda request: asked.append(urlsplit(request.url).path))
        page.clock.set_fixed_time(world.clock() + timedelta(minutes=1))
        page.reload()
        page.wait_for_selector("body[data-ready]")

        assert page.locator("#age").inner_text() != before
        assert "/offline/bundle/delta" in asked
        assert "/offline/bundle" not in asked
        assert paste(page, permit["verify_url"]) == "not_valid"


def test_the_page_may_run_its_own_scripts_only(site: Site) -> None:
    with urllib.request.urlopen(f"{site.url}/offline/") as answer:
        policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self' 'wasm-unsafe-eval';" in policy
    assert "connect-src 'self';" in policy


def test_the_keyboard_comes_past_the_head_and_the_official_host_stands_there_without_any_bundle(browsers: Browsers, site: Site) -> None:
    with browsers.showing(None).new_context(base_url=site.url, service_workers="block") as context:
        page = context.new_page()
        page.route("**/offline/bundle", lambda route: route.abort())
        page.goto("/offline/")
        page.wait_for_selector("body[data-ready]")
        assert page.locator("#official").inner_text() == "licence.example.cn"
        page.keyboard.press("Tab")
        way = page.locator(":focus")
        assert way.inner_text() == "跳到正文 Skip to the content"
        box = way.bounding_box()
        assert box
        assert box["x"] >= 0
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.locator("#scan").evaluate("one => one === document.activeElement")
        clean(page)
