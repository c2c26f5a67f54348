"""The history of a licence through HTTP: each act in words, the differences of each version, the bars, both clocks, and what strangers see."""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from licence_service.licence import BEIJING, beijing_day
from tests.world import DRIVER, VEHICLE, World, a_world, decision

NEIGHBOUR = "11519902MB990003XD"
OLD_EMPLOYER, NEW_EMPLOYER, LAST_EMPLOYER = "蜀安旧途运输有限公司", "蜀安新途运输有限公司", "蜀安正途运输有限公司"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def other_picture() -> str:
    """Return another small JPEG of a face's shape as base64."""
    sink = io.BytesIO()
    Image.new("RGB", (400, 500), (120, 140, 160)).save(sink, "JPEG")
    return base64.b64encode(sink.getvalue()).decode()


@dataclass
class Life:
    """A licence that lived long: how to ask for it, and the days between its acts."""

    licence_id: str
    number: str
    check_code: str
    headers: dict[str, str]
    days: dict[str, date]


class Living:
    """Enters acts one after another, by the department that holds the licence."""

    def __init__(self, world: World, slug: str, licence_id: str) -> None:
        self.world, self.slug, self.licence_id = world, slug, licence_id
        self.headers = world.headers(slug)
        self.count = 0

    @property
    def today(self) -> date:
        return beijing_day(self.world.clock())

    def wait(self, days: int) -> date:
        self.world.clock.now += timedelta(days=days)  # type: ignore[attr-defined]
        return self.today

    def enter(self, act: str, **body: Any) -> dict[str, Any]:
        self.count += 1
        said = decision(self.today, number=f"示许〔{self.today.year}〕{self.count:03d}号")
        answer = self.world.http.post(
            f"/licences/{self.licence_id}/entries", json={"act": act, "decision": said, **body},
            headers={**self.headers, "Idempotency-Key": f"life-{act}-{self.count:04d}"},
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def suspend(self, kind: str, days: int | None, **more: Any) -> dict[str, Any]:
        last = {"last": (self.today + timedelta(days=days)).isoformat()} if days is not None else {}
        return self.enter("suspend", suspension={"kind": kind, "first": self.today.isoformat(), **last, **more})

    def endorse(self, kind: str, ref: str, **facts: Any) -> str:
        return str(self.enter("endorse", kind=kind, facts={"date": self.today.isoformat(), **facts}, external_ref=ref)["endorsement_ids"][0])


def long_life(world: World) -> Life:
    """A driver's qualification with everything that can happen to one."""
    issued = world.issue(DRIVER, face={"employer": OLD_EMPLOYER})
    living = Living(world, DRIVER, issued["licence_id"])
    days = {"issued": living.today, "changed": living.wait(60)}
    living.enter("change", face={"employer": NEW_EMPLOYER, "address": "示例省蜀安市青溪区和平巷5号"}, photos={"photo": other_picture()})
    living.wait(40)
    period = {"period_start": days["issued"].isoformat(), "period_end": (days["issued"] + timedelta(days=364)).isoformat(), "authority": "示例机关"}
    wrong = living.endorse("integrity_assessment", "grade-1", grade="AA", points=6, **period)
    living.wait(10)
    right = living.enter(
        "endorse", kind="integrity_assessment", external_ref="grade-2", corrects=wrong,
        facts={"date": living.today.isoformat(), "grade": "AAA", "points": 0, **period},
    )["endorsement_ids"][0]  # fmt: skip
    facts = {"decision_no": "示交罚〔2027〕9号", "act": "未按规定携带证件", "penalty": "警告", "points": 1, "authority": "示例机关"}
    living.endorse("violation", "violation-1", **facts)
    living.wait(30)
    days["suspended"] = living.today
    living.suspend("penalty", 89)
    days["measure"] = living.wait(20)
    measure = living.suspend("measure", None, allows=["change"])
    days["lifted"] = living.wait(95)
    living.enter("lift", target=measure["sequence"])
    days["lost"] = living.wait(60)
    living.enter("report_lost")
    days["replaced"] = living.wait(20)
    living.enter("replace", reason="lost")
    living.wait(100)
    days["released"] = living.today
    living.enter("transfer", to_department=NEIGHBOUR, reason_text="户籍迁移")
    living.wait(12)
    living.headers = {"Authorization": f"Bearer {world.tokens[NEIGHBOUR]}"}
    living.enter("accept_transfer", face={"employer": LAST_EMPLOYER})
    living.wait(200)
    ended = living.today - timedelta(days=20)
    days["cancelled"] = ended
    cancelled = living.enter("cancel", ground="request", right_ended_on=ended.isoformat())
    days["reinstated"] = living.wait(120)
    living.enter("reinstate", target=cancelled["sequence"])
    living.wait(50)
    living.enter("withdraw_endorsement", endorsement_id=right, ground="error")
    living.enter("correct", face={"address": "示例省蜀安市青溪区和平巷7号"}, reason_text="门牌有误")
    living.wait(30)
    stopped = living.suspend("penalty", 60)
    living.wait(5)
    living.enter("stay", target=stopped["sequence"], until=(living.today + timedelta(days=20)).isoformat())
    living.wait(15)
    days["reversed"] = living.today
    last = living.enter("reseal", reason_text="更换印章")
    living.wait(5)
    return Life(issued["licence_id"], last["number"], last["check_code"], living.headers, days)


def read(world: World, life: Life, **clocks: str) -> dict[str, Any]:
    """Read the history as the department does."""
    answer = world.http.get(f"/licences/{life.licence_id}/history", params=clocks, headers=life.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[tuple[World, Life]]:
    """A world with one licence that lived long; no test here changes it."""
    with a_world(tmp_path_factory.mktemp("lived"), demo_keys, failures_before_slowing=1000) as world:
        yield world, long_life(world)


def test_every_act_stands_in_the_history_with_its_decision(lived: tuple[World, Life]) -> None:
    world, life = lived
    found = read(world, life)

    assert [one["act"]["code"] for one in found["history"]] == [
        "issue", "change", "endorse", "endorse", "endorse", "suspend", "suspend", "lift", "report_lost", "replace", "transfer", "accept_transfer",
        "cancel", "reinstate", "withdraw_endorsement", "correct", "suspend", "stay", "reseal",
    ]  # fmt: skip
    assert [one["sequence"] for one in found["history"]] == list(range(1, 20))
    change = found["history"][1]
    assert (change["decision"]["number"], change["decision"]["officer"], change["decision"]["organ"]) == ("示许〔2027〕001号", "许可科01", "示例机关")
    assert change["by"]["department"]["name"]
    assert found["history"][7]["target"] == {"sequence": 7, "act": {"code": "suspend", "zh": "暂扣", "en": "Suspended"}}
    assert found["history"][6]["suspension"]["kind"]["code"] == "measure"
    assert [one["code"] for one in found["history"][6]["suspension"]["allows"]] == ["change"]
    cancelled = found["history"][12]
    assert (cancelled["ground"]["code"], cancelled["right_ended_on"]) == ("request", life.days["cancelled"].isoformat())
    assert found["history"][10]["to_department"]["code"] == found["history"][11]["by"]["department"]["code"] == NEIGHBOUR
    assert (found["licence"]["state"], found["licence"]["holder"], found["licence"]["version"]) == ("in_force", "陈安途", 10)


def test_each_version_says_what_it_changed(lived: tuple[World, Life]) -> None:
    world, life = lived
    versions = {one["version"]["number"]: one["version"] for one in read(world, life)["history"] if one["version"]}

    def changed(number: int) -> dict[str, tuple[Any, Any]]:
        return {one["name"]: (one["old"], one["new"]) for one in versions[number]["changes"]}

    assert [versions[number]["reason"]["code"] for number in sorted(versions)] == [
        "initial", "change", "endorsement", "endorsement", "replacement", "transfer", "reinstatement", "endorsement", "correction", "reseal",
    ]  # fmt: skip
    assert [versions[number]["state"]["code"] for number in sorted(versions)] == ["superseded"] * 9 + ["current"]
    assert changed(1) == {}
    assert changed(2)["employer"] == (OLD_EMPLOYER, NEW_EMPLOYER)
    assert changed(2)["photo"] == (None, None)
    assert {one["name"]: one["versions"] for one in versions[2]["changes"] if one["said_by"] == "photo"} == {"photo": [1, 2]}
    assert changed(3) == changed(4) == changed(5) == changed(10) == {}
    assert changed(6)["employer"] == (NEW_EMPLOYER, LAST_EMPLOYER)
    assert "issuer_name" in changed(6)
    assert changed(9)["address"] == ("示例省蜀安市青溪区和平巷5号", "示例省蜀安市青溪区和平巷7号")


def test_endorsements_say_what_became_of_them(lived: tuple[World, Life]) -> None:
    world, life = lived
    items = read(world, life)["history"]

    assert [items[place]["endorsements"][0]["state"]["code"] for place in (2, 3, 4)] == ["corrected", "withdrawn", "accepted"]
    assert items[3]["endorsements"][0]["corrects"] == 3
    assert (items[14]["about"]["sequence"], items[14]["ground"]["code"]) == (4, "error")
    facts = {one["name"]: one["text"] for one in items[4]["endorsements"][0]["facts"]}
    assert (facts["penalty"], items[4]["endorsements"][0]["external_ref"]) == ("警告", "violation-1")


def test_the_bars_show_what_really_acted(lived: tuple[World, Life]) -> None:
    world, life = lived
    bars, days = read(world, life)["bars"], life.days
    day = timedelta(days=1)

    measure = bars["suspensions"][1]
    assert measure["acted"] == [{"first": days["measure"].isoformat(), "last": (days["lifted"] - day).isoformat()}]
    gap = {"first": days["cancelled"].isoformat(), "last": (days["reinstated"] - day).isoformat()}
    assert bars["gaps"] == bars["endings"][0]["acted"] == [gap]
    assert [one["state"]["code"] for one in bars["states"]][:5] == ["in_force", "suspended", "in_force", "cancelled", "in_force"]
    lost = next(one for one in bars["flags"] if one["code"] == "loss_reported")
    assert (lost["first"], lost["last"]) == (days["lost"].isoformat(), (days["replaced"] - day).isoformat())
    assert len(bars["suspensions"][2]["acted"]) == 2


def test_what_was_recorded_later_is_not_in_an_earlier_history(lived: tuple[World, Life]) -> None:
    world, life = lived
    then = life.days["lost"].isoformat()
    found = read(world, life, valid_at=then, known_at=then)

    assert found["history"][-1]["act"]["code"] == "report_lost"
    assert (found["licence"]["flags"], found["licence"]["version"], found["bars"]["endings"]) == (["loss_reported"], 4, [])
    assert found["history"][3]["endorsements"][0]["state"]["code"] == "accepted"
    assert datetime.fromisoformat(found["known_at"]) == datetime.combine(life.days["lost"] + timedelta(days=1), time(), BEIJING) - timedelta(
        microseconds=1
    )
    gap = life.days["cancelled"].isoformat()
    assert read(world, life, valid_at=gap)["licence"]["state"] == "cancelled"
    assert read(world, life, valid_at=gap, known_at=gap)["licence"]["state"] == "in_force"


@pytest.mark.parametrize(
    ("clocks", "status"),
    [
        ({"valid_at": "yesterday"}, 422), ({"valid_at": "2026-02-30"}, 422), ({"known_at": "2099-01-01"}, 422), ({"known_at": "2027-01-01T10:00"}, 422),
        ({"valid_at": "1949-09-30"}, 422), ({"valid_at": "2" * 5000}, 422), ({"valid_at": "2020-01-01"}, 404), ({"known_at": "2020-01-01"}, 404),
    ],
)  # fmt: skip
def test_clocks_without_sense_are_refused_and_before_the_grant_there_is_nothing(
    lived: tuple[World, Life], clocks: dict[str, str], status: int
) -> None:
    world, life = lived
    for accept in ({}, BROWSER):
        answer = world.http.get(f"/licences/{life.licence_id}/history", params=clocks, headers={**life.headers, **accept})
        assert answer.status_code == status, answer.text
        assert "2099" not in answer.text


def test_a_stranger_and_a_department_that_has_nothing_to_do_with_it_read_nothing(lived: tuple[World, Life]) -> None:
    world, life = lived
    stranger = {"Authorization": f"Bearer {world.tokens['12519900MB9900048D']}"}

    assert world.http.get(f"/licences/{life.licence_id}/history").status_code == 401
    assert world.http.get(f"/licences/{life.licence_id}/history", headers=stranger).status_code == 404
    assert world.http.get(f"/licences/{'0' * 20}/history", headers=life.headers).status_code == 404
    assert world.http.get("/licences/short/history", headers=life.headers).status_code == 422


@pytest.mark.parametrize("accept", [{}, BROWSER], ids=["json", "page"])
def test_the_public_reads_no_name_no_number_no_officer_and_no_penalty(lived: tuple[World, Life], accept: dict[str, str]) -> None:
    world, life = lived
    answer = world.http.post("/verify/history", json={"number": life.number, "check_code": life.check_code}, headers=accept)

    assert answer.status_code == 200
    for secret in (
        "陈安途", "和平巷", "1985-06-12", "519902198506120111", "许可科01", "penalty", "行政处罚", "示交罚", "警告", "违章", "violation",
        "client-",
        "示许〔2027〕005号", "grade-1", "诚信考核", life.check_code, life.number,
    ):  # fmt: skip
        assert secret not in answer.text, secret
    for said in ("陈＊＊", NEW_EMPLOYER, LAST_EMPLOYER, life.days["cancelled"].isoformat(), "示许〔2027〕001号"):
        assert said in answer.text, said
    assert answer.headers["cache-control"] == "no-store"
    assert "Accept" in answer.headers["vary"]


def test_what_the_public_may_not_see_leaves_no_gap(lived: tuple[World, Life]) -> None:
    world, life = lived
    found = world.http.post("/verify/history", data={"number": life.number, "check_code": life.check_code}).json()

    assert [one["sequence"] for one in found["history"]] == list(range(1, 19))
    assert [one["act"]["code"] for one in found["history"]][:6] == ["issue", "change", "endorse", "endorse", "suspend", "suspend"]
    assert found["history"][6]["target"]["sequence"] == 6
    assert [item["endorsements"] for item in found["history"][2:4]] == [[], []]
    assert [one["sequence"] for one in found["bars"]["suspensions"]] == [5, 6, 16]
    assert [one["name"] for one in found["history"][1]["version"]["changes"]] == ["employer"]


def test_a_pair_that_does_not_match_is_answered_as_by_verify_to_the_byte_and_counted_with_it(tmp_path: Path, demo_keys: Path) -> None:
    with a_world(tmp_path, demo_keys, failures_before_slowing=4) as world:
        issued = world.issue(DRIVER)
        wrong = {"number": issued["number"], "check_code": "0123456789AB"}
        unknown = {"number": "no such number", "check_code": issued["check_code"]}
        asked, verified, other = (
            world.http.post(path, json=body) for path, body in (("/verify/history", wrong), ("/verify", wrong), ("/verify/history", unknown))
        )

        assert asked.content == verified.content == other.content
        assert asked.json()["overall"] == "not_valid"
        statuses = [world.http.post(path, json=wrong).status_code for path in ("/verify", "/verify/history", "/verify")]
        assert statuses == [200, 429, 429]
        right = {"number": issued["number"], "check_code": issued["check_code"]}
        assert world.http.post("/verify/history", json=right).status_code == 200


def test_a_hostile_pair_is_answered_and_never_a_bug(world: World) -> None:
    form, data = {"Content-Type": "application/x-www-form-urlencoded"}, {"Content-Type": "application/json"}
    for body, headers, status in (
        (b"{}", data, 422), (b"", {}, 415), (b"x=1", {"Content-Type": "text/plain"}, 415), (b"number=" + b"9" * 20_000, form, 413),
        (b'{"number": 1, "check_code": 2}', data, 422), (b'{"number": ["a"], "check_code": {"b": 1}}', data, 422),
        (b'{"number": "' + b"9" * 300 + b'", "check_code": "a"}', data, 422), (b"number=%00&check_code=%00", form, 200),
        (b"number=%ed%a0%80&check_code=%ff", form, 200),
    ):  # fmt: skip
        answer = world.http.post("/verify/history", content=body, headers=headers)
        assert answer.status_code == status, (body[:40], answer.text)


def test_an_old_document_opens_the_history_of_the_licence(world: World) -> None:
    issued = world.issue(VEHICLE)
    living = Living(world, VEHICLE, issued["licence_id"])
    facts = {"result": "1", "next_due": (living.today + timedelta(days=365)).isoformat(), "authority": "示例机关", "mileage_km": 120_000}
    living.endorse("annual_review", "review-1", **facts)

    found = world.http.post("/verify/history", json={"number": issued["number"], "check_code": issued["check_code"]}).json()

    assert [one["version"]["state"]["code"] for one in found["history"]] == ["superseded", "current"]
    assert found["history"][1]["endorsements"] == found["history"][1]["version"]["changes"] == []  # whether it is due is told, not the review
    assert found["bars"]["due"] == []
    due = world.http.get(f"/licences/{issued['licence_id']}/history", headers=living.headers).json()["bars"]["due"]
    assert (due[0]["kind"], due[0]["due_on"], due[0]["result"]) == ("annual_review", facts["next_due"], "met")


def test_the_page_says_what_the_answer_says_and_runs_nothing(lived: tuple[World, Life]) -> None:
    world, life = lived
    page = world.http.get(f"/licences/{life.licence_id}/history", headers={**life.headers, **BROWSER})

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'; style-src 'self'" in page.headers["content-security-policy"]
    assert "style=" not in page.text
    assert "<script" not in page.text
    for item in read(world, life)["history"]:
        assert item["act"]["zh"] in page.text
        assert item["decision"]["number"] in page.text


def test_a_licence_that_ends_with_its_parent_shows_it(world: World) -> None:
    port, annex = "port_operation_permit", "port_dangerous_goods_annex"
    parent = world.issue(port, "issue-port")
    child = world.issue(annex, "issue-annex", face={"parent_license_no": parent["number"]})
    assert world.act(port, parent["licence_id"], {"act": "revoke"}, "revoke-port").status_code == 201

    answer = world.http.get(f"/licences/{child['licence_id']}/history", headers={**world.headers(annex), **BROWSER})
    found = world.http.get(f"/licences/{child['licence_id']}/history", headers=world.headers(annex)).json()

    assert (found["licence"]["state"], found["bars"]["states"][-1]["state"]["code"]) == ("cancelled", "cancelled")
    assert found["history"][0]["parent"] == parent["licence_id"]
    assert "所依附的证照已失效" in answer.text
