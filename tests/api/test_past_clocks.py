"""Answers about another time never look like the present one: anybody can print an address of the official host with a past clock on a paper."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_service.licence import beijing_day
from licence_service.wording import HEADLINES
from tests.promised import Promises
from tests.world import DRIVER, World, a_world

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
START = datetime(2026, 11, 28, 4, 0, tzinfo=UTC)
BEFORE = "2026-11-29"  # the last day before the revocation
WAYS = ("code", "pair", "file")
PAST = ({"known_at": BEFORE}, {"valid_at": BEFORE}, {"valid_at": BEFORE, "known_at": BEFORE}, {"known_at": "2026-11-29T12:00:00+08:00"})


@dataclass
class Told:
    """A world two days old: one licence in force since its first day, one revoked on the third."""

    world: World
    good: dict[str, Any]
    revoked: dict[str, Any]
    files: dict[str, bytes]

    def ask(self, way: str, issued: dict[str, Any], clocks: dict[str, str], *, page: bool = True) -> Any:  # the HTTP answer
        """Ask by one of the three ways."""
        http, headers = self.world.http, BROWSER if page else {}
        if way == "code":
            answer = http.get("/Q/1" + issued["verify_url"].rpartition("/Q/1")[2], params=clocks, headers=headers)
        elif way == "pair":
            body = {"number": issued["number"], "check_code": issued["check_code"], **clocks}
            answer = http.post("/verify", data=body, headers=headers)
        else:
            files = {"document": ("l.pdf", self.files[issued["licence_id"]], "application/pdf")}
            answer = http.post("/verify/document", data=clocks, files=files, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[Told]:
    """Issue two licences; two days later one is revoked."""
    with a_world(tmp_path_factory.mktemp("then"), demo_keys) as world:
        good = world.issue(DRIVER)
        revoked = world.issue(DRIVER, "issue-0002", case_no="THEN-2", face={"license_no": "5199021985061201119"})
        files = {one["licence_id"]: world.http.post("/download", json={"delivery_code": one["delivery_code"]}).content for one in (good, revoked)}
        world.clock.now = START + timedelta(days=2)  # type: ignore[attr-defined]
        assert world.act(DRIVER, revoked["licence_id"], {"act": "revoke"}, "revoke-0002").status_code == 201
        world.clock.now += timedelta(minutes=1)  # type: ignore[attr-defined]
        yield Told(world, good, revoked, files)


def bands(page: str) -> list[tuple[str, str]]:
    """Return the classes and the plain text of each band, in their order."""
    found = re.findall(r'<section class="band ([^"]*)"[^>]*>(.*?)</section>', page, re.DOTALL)
    return [(look, " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())) for look, text in found]


@pytest.mark.rule("SH-01", "AU-01")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("clocks", PAST, ids="+".join)
def test_a_revoked_licence_never_looks_valid_through_a_past_clock(told: Told, way: str, clocks: dict[str, str]) -> None:
    page = told.ask(way, told.revoked, clocks).text

    (look, then), (now_look, now) = bands(page)
    assert look == "then"
    day = clocks.get("valid_at", "2026-11-30")
    assert f"在 {day} " in then
    assert "（历史查询，非现状）" in then
    assert f"alid on {day}" in then
    assert "not the present state" in then
    assert now_look == "now not_valid"
    assert "现在：无效 Now: Not valid" in now
    assert "已吊销 Revoked" in now
    assert 'class="band valid' not in page
    heading = re.search(r"<title>(.*?)</title>", page)
    assert heading
    assert "非现状" in heading[1]
    if "known_at" in clocks:
        known = "2026-11-29 12:00" if "T" in clocks["known_at"] else "2026-11-29 23:59"
        assert then.startswith(f"按 {known} 的登记，在 {day} 有效")  # what was relied on then stays true
        assert f"by the register of {known}" in then
    else:
        assert then.startswith(f"在 {day} 有效")


@pytest.mark.parametrize("way", WAYS)
def test_a_program_is_told_of_the_present_beside_an_answer_about_another_time(told: Told, way: str) -> None:
    conforms = Promises(told.world)
    route = {"code": "/Q/1{digits}", "pair": "/verify", "file": "/verify/document"}[way]
    for clocks in PAST:
        said = conforms(route, told.ask(way, told.revoked, clocks, page=False)).json()
        assert said["overall"] == "valid"
        assert said["present"] == {"overall": "not_valid", "zh": "无效", "en": "Not valid", "state": "revoked"}
    assert "present" not in conforms(route, told.ask(way, told.good, {}, page=False)).json()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("clocks", [{}, {"valid_at": "2026-11-30"}, {"known_at": "2026-11-30"}, {"valid_at": "", "known_at": ""}], ids=str)
def test_an_answer_about_now_is_the_present_verdict_however_it_is_asked(told: Told, way: str, clocks: dict[str, str]) -> None:
    for issued, word in ((told.good, "valid"), (told.revoked, "not_valid")):
        found = bands(told.ask(way, issued, clocks).text)
        assert [look for look, _ in found] == [word]
        assert found[0][1].startswith(" ".join(HEADLINES[word]))
        assert "present" not in told.ask(way, issued, clocks, page=False).json()


def test_a_licence_in_force_is_said_to_be_so_now_beside_what_it_was(told: Told) -> None:
    (_, then), (look, now) = bands(told.ask("code", told.good, {"valid_at": "2001-01-01"}).text)

    assert then.startswith("在 2001-01-01 无效（历史查询，非现状） Was not valid on 2001-01-01 – not the present state")
    assert (look, now[:7]) == ("now valid", "现在：有效 N")


def test_an_answer_about_a_day_to_come_is_a_forecast(told: Told) -> None:
    (look, then), _ = bands(told.ask("pair", told.good, {"valid_at": "2026-12-31"}).text)

    assert look == "then"
    assert then.startswith("预计在 2026-12-31 有效（预期，非现状） Would be valid on 2026-12-31 – foreseen, not the present state")


def test_what_was_not_entered_yet_is_told_with_the_present_beside_it(told: Told) -> None:
    (look, then), (now_look, _) = bands(told.ask("code", told.good, {"known_at": "2026-11-01"}).text)

    assert (look, now_look) == ("then", "now valid")
    assert "无效（历史查询，非现状）" in then


@pytest.mark.parametrize("clocks", PAST, ids="+".join)
def test_what_is_not_genuine_is_not_valid_at_any_time(told: Told, clocks: dict[str, str]) -> None:
    forged = {**told.good, "verify_url": told.good["verify_url"][:-1] + str((int(told.good["verify_url"][-1]) + 1) % 10)}
    wrong = {**told.good, "check_code": "0123456789AB"}

    assert [look for look, _ in bands(told.ask("code", forged, clocks).text)] == ["not_valid"]
    assert [look for look, _ in bands(told.ask("pair", wrong, clocks).text)] == ["not_valid"]
    assert "present" not in told.ask("pair", wrong, clocks, page=False).json()


# -- the form "was it valid on …?" -----------------------------------------------------------------------------------------------


def fields(page: str, action: str) -> dict[str, str]:
    """Return what the form with dates and this start sends if nothing is typed: name → value; files left out."""
    (form,) = (one for one in re.findall(re.escape(action) + r"[^>]*>(.*?)</form>", page, re.DOTALL) if 'type="date"' in one)
    inputs = [dict(re.findall(r'(name|value|type)="([^"]*)"', tag)) for tag in re.findall(r"<input[^>]*>", form)]
    assert '<button class="govuk-button" type="submit" name="receipt" value="">' in form
    return {one["name"]: html.unescape(one.get("value", "")) for one in inputs if one.get("type") != "file"} | {"receipt": ""}


@pytest.mark.parametrize(
    ("way", "start"),
    [("code", '<form method="get"'), ("pair", '<form method="post" action="/verify"'), ("file", '<form method="post" action="/verify/document"')],
)
def test_the_question_about_another_day_can_be_asked_after_every_way(told: Told, way: str, start: str) -> None:
    page = told.ask(way, told.revoked, {}).text
    sent = fields(page, start)
    assert {"valid_at", "known_at", "receipt"} <= set(sent)
    assert [look for look, _ in bands(told.ask(way, told.revoked, sent).text)] == ["not_valid"]  # nothing typed: about today

    asked_again = told.ask(way, told.revoked, {**sent, "valid_at": BEFORE}).text
    assert bands(asked_again)[0][1].startswith(f"在 {BEFORE} 有效（历史查询，非现状）")
    assert fields(asked_again, start)["valid_at"] == BEFORE  # the form keeps what was asked


def test_a_receipt_of_another_kind_is_still_refused(told: Told) -> None:
    answer = told.world.http.get("/Q/1" + told.good["verify_url"].rpartition("/Q/1")[2], params={"receipt": "docx"})

    assert answer.status_code == 422


def test_the_file_is_sent_with_a_day_from_the_first_page(told: Told) -> None:
    page = told.world.http.get("/", headers=BROWSER).text
    form = re.search(r'action="/verify/document".*?</form>', page, re.DOTALL)

    assert form
    assert re.search(r'<input[^>]*name="valid_at" type="date"', form[0])


# -- what every page of a verdict says -------------------------------------------------------------------------------------------


@pytest.mark.rule("SH-16")
def test_the_page_tells_the_time_of_the_check_in_beijing(told: Told) -> None:
    before = told.world.clock.now  # type: ignore[attr-defined]
    told.world.clock.now = datetime(2026, 12, 1, 17, 30, 5, tzinfo=UTC)  # type: ignore[attr-defined]
    try:
        (_, band), *_ = bands(told.ask("pair", told.good, {}).text)
    finally:
        told.world.clock.now = before  # type: ignore[attr-defined]

    assert "核验时间（北京时间）2026-12-02 01:30:05 · 按 2026-12-02 判断" in band
    assert "Checked at 2026-12-02 01:30:05 Beijing time" in band


def test_every_source_stands_with_its_age(told: Told) -> None:
    before = told.world.clock.now  # type: ignore[attr-defined]
    try:
        for later, old in ((timedelta(hours=5), ("2 天前", "2 d old")), (timedelta(hours=-45), ("3 小时前", "3 h old"))):
            told.world.clock.now = before + later  # type: ignore[attr-defined]
            page = html.unescape(told.ask("file", told.good, {}).text)
            sources = re.search(r'<dl class="sources">(.*?)</dl>', page, re.DOTALL)
            assert sources
            each = re.findall(r"<dd>(.*?)</dd>", sources[1], re.DOTALL)
            assert len(each) == 3
            assert "0 秒前" in each[0]
            assert all(old[0] in one and f"{old[1]} at the check" in one for one in each[1:])
    finally:
        told.world.clock.now = before  # type: ignore[attr-defined]


@pytest.mark.rule("SH-16")
def test_the_issuer_and_what_an_endorsement_says_stand_in_both_languages(told: Told) -> None:
    world, day = told.world, beijing_day(told.world.clock())
    facts = {
        "period_start": (day - timedelta(days=700)).isoformat(), "period_end": day.isoformat(), "hours": 24, "institution": "示例学校",
        "result": "pass", "date": day.isoformat(),
    }  # fmt: skip
    issued = world.issue(DRIVER, "issue-0003", case_no="THEN-3", face={"license_no": "5199021985061201127"})
    body = {"act": "endorse", "kind": "continuing_education", "facts": facts, "external_ref": "training-3"}
    newest = world.act(DRIVER, issued["licence_id"], body, "endorse-0003").json()
    said = told.ask("pair", newest, {}, page=False).json()["licence"]
    page = html.unescape(told.ask("pair", newest, {}).text)

    assert said["issuer"]["en"]
    assert said["issuer"]["en"] in page
    (endorsement,) = said["endorsements"]
    assert endorsement["facts"]
    for fact in endorsement["facts"]:
        assert fact["en"]
        assert f'{fact["zh"]} <span lang="en">{fact["en"]}</span>' in page
