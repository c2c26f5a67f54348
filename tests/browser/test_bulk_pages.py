"""The page for lists: a CSV file goes in, the progress renews itself, the result is read on a phone and downloaded as a table."""

import csv
import io
from pathlib import Path

import pytest
from playwright.sync_api import Page

from licence_service.store.clients import EVERY_TYPE, PLATFORM, Client
from tests.browser.conftest import Opening, Site
from tests.browser.test_public_pages import NO_SCRIPTS, PHONE, press, reachable, tidy
from tests.world import DRIVER, NOW

pytestmark = pytest.mark.browser
CAR = "ride_hailing_transport_certificate"
COMPANY = "91519900MB9900121C"
FORMULA = '=cmd|"/c calc"!A1'


@pytest.fixture(scope="module")
def token(site: Site) -> str:
    """A platform."""
    return site.world.service.clients.add(Client("platform", COMPANY, (EVERY_TYPE,), 100_000, PLATFORM), NOW)


@pytest.fixture(scope="module")
def rows(site: Site) -> list[list[str]]:
    """Four rows: two that match – one of them with a formula as its reference – and two that do not."""
    person, vehicle = site.world.issue(DRIVER, "bulk-driver"), site.world.issue(CAR, "bulk-vehicle")
    name, plate = site.world.request(DRIVER)["face"]["person_name"], site.world.request(CAR)["face"]["plate_no"]
    return [
        [FORMULA, person["number"], "", name],
        ["乙", vehicle["number"], plate, ""],
        ["丙", vehicle["number"], "川A00001", ""],
        ["丁", person["number"], "", "王无此"],
    ]


def sheet(rows: list[list[str]], encoding: str = "utf-8") -> bytes:
    target = io.StringIO(newline="")
    csv.writer(target).writerows([["编号", "证号", "车牌号", "姓名"], *rows])
    return target.getvalue().encode(encoding)


def send(page: Page, token: str, content: bytes) -> None:
    """Fill the form and send it."""
    page.goto("/verify/list")
    page.get_by_label("CSV 文件").set_input_files({"name": "rows.csv", "mimeType": "text/csv", "buffer": content})
    page.get_by_label("平台令牌").fill(token)
    press(page, "提交")


@pytest.mark.rule("SH-14")
def test_a_file_goes_in_its_progress_renews_itself_and_its_result_is_a_table_to_download(
    opened: Opening, site: Site, token: str, rows: list[list[str]]
) -> None:
    page = opened(bypass_csp=True, accept_downloads=True, **PHONE)
    page.get_by_role("link", name="平台批量核验").click()
    tidy(page)
    send(page, token, sheet(rows, "gb18030"))
    assert page.get_by_role("status").inner_text() == "已完成 0 / 4 行 0 of 4 rows done"
    assert page.get_by_role("progressbar", name="进度").count() == 1
    assert page.locator("script").count() == 0
    tidy(page)

    site.world.service.desk.work()
    page.get_by_role("table").wait_for()  # nobody pressed anything
    assert page.get_by_role("status").inner_text() == "共 4 行，已全部核验。 All 4 rows are checked."
    lines = page.get_by_role("row").all_inner_texts()[1:]
    assert [("不符" in line, "无效" in line, "no match" in line) for line in lines] == [(False, False, False)] * 2 + [(True, True, True)] * 2
    for value in (rows[0][1], rows[0][3], rows[1][1], rows[1][2]):
        assert value not in page.content()
    tidy(page)

    with page.expect_download() as waiting:
        page.get_by_role("button", name="下载结果").click()
    table = list(csv.reader(io.StringIO(Path(waiting.value.path()).read_bytes().decode("utf-8-sig"), newline="")))
    assert [line[1] for line in table[1:]] == [f"'{FORMULA}", "乙", "丙", "丁"]
    assert [line[4] for line in table[1:]] == ["valid", "valid", "not_valid", "not_valid"]
    assert not [cell for line in table for cell in line if cell.startswith(("=", "+", "-", "@"))]


@pytest.mark.rule("SH-14")
def test_every_cell_of_the_result_names_its_column_on_a_phone(opened: Opening, site: Site, token: str, rows: list[list[str]]) -> None:
    page = opened(**PHONE)
    send(page, token, sheet(rows))
    site.world.service.desk.work()
    page.reload()
    labels = page.locator(".lines tbody tr").first.locator("th, td").evaluate_all("all => all.map(one => getComputedStyle(one, '::before').content)")
    assert labels == ['"行 Line"', '"编号 Ref"', '"比对 Match"', '"结论 Verdict"', '"条件 Conditions"']
    assert page.locator(".scroll").evaluate("one => one.scrollWidth <= one.clientWidth")


@pytest.mark.rule("SH-14")
def test_a_long_result_has_pages_and_works_without_scripts_and_by_the_keyboard(
    opened: Opening, site: Site, token: str, rows: list[list[str]]
) -> None:
    page = opened(**NO_SCRIPTS)
    send(page, token, sheet([[f"r{place}", *rows[0][1:]] for place in range(130)]))
    site.world.service.desk.work()
    with page.expect_navigation():
        page.get_by_role("link", name="立即刷新").click()
    assert page.locator("tbody tr").count() == 100
    with page.expect_navigation():
        page.get_by_role("link", name="下一页").click()
    assert page.locator("tbody tr").count() == 30
    assert "page 2 of 2" in page.locator("main").inner_text()
    seen = opened()
    for address in ("/verify/list", page.url):
        seen.goto(address)
        reachable(seen)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a,b\n1,2\n", "line 1：第一行须写列名"), (b"number,name\n1,\n", "必须填写"), (b"\x00\xff\xfe", "UTF-8 或 GB18030"), (b"", "必须填写"),
    ],
    ids=["headings", "cell", "bytes", "empty"],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused_by_line_in_both_languages(opened: Opening, token: str, content: bytes, said: str) -> None:
    page = opened(bypass_csp=True, **PHONE)
    send(page, token, content)
    assert page.locator("h1").inner_text().startswith("所填内容不完整或格式不符")
    assert said in page.locator("main").inner_text()
    assert page.locator("main p [lang=en]").count() >= 1
    tidy(page)
    page.get_by_role("link", name="返回").click()
    assert page.get_by_label("CSV 文件").count() == 1


def test_a_stranger_checks_no_list_and_an_unknown_result_is_not_there(opened: Opening, rows: list[list[str]]) -> None:
    page = opened(bypass_csp=True, **PHONE)
    send(page, "lst_nobody", sheet(rows))
    assert page.locator("h1").inner_text().startswith("无法确认查询方身份")
    page.goto("/verify/list/" + "A" * 32)
    assert page.locator("h1").inner_text().startswith("登记簿中没有相符")
    tidy(page)
