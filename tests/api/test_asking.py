"""Asking the book: a licence on a day as known at a time, signed answers, searches by page (AU-01, RULINGS 11)."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_service.licence import beijing_day
from licence_service.seal.tokens import Purpose, open1
from tests.attesting import STATION
from tests.world import BUSINESS, DRIVER, TRIP, VEHICLE, World, a_world

ASK = "/licences/search"


def today(world: World) -> date:
    """Return the day in Beijing."""
    return beijing_day(world.clock())


def answer(world: World, licence_id: str, **clocks: str) -> Any:
    """Ask for a signed answer."""
    return world.http.get(f"/licences/{licence_id}/answer", params=clocks, headers=world.headers(DRIVER))


def opened(world: World, content: bytes) -> dict[str, Any]:
    """Check the signature and return what was signed."""
    found: dict[str, Any] = json.loads(open1(content, world.service.keyring.keys_for(Purpose.EVIDENCE)).payload)
    return found


# -- signed answers ----------------------------------------------------------------------------------


@pytest.mark.rule("AU-01", "EN-12")
def test_a_signed_answer_rests_on_a_closed_head_and_names_the_rule_packs(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    world.service.follower.follow()
    head = world.service.heads.last()

    said = opened(world, answer(world, licence_id).content)

    assert head
    assert (said["format"], said["state"], said["head"]) == ("answer/1", "in_force", {"size": head.size, "root": head.root})
    assert said["known_at"] == head.until.isoformat(timespec="microseconds")
    assert "declared_due_dates" in {one["id"] for one in said["conditions"]["rule_packs"]}
    assert "陈安途" not in json.dumps(said, ensure_ascii=False)


@pytest.mark.rule("AU-01")
def test_without_a_closed_head_there_is_no_signed_answer(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]

    problem = answer(world, licence_id)

    assert (problem.status_code, problem.headers["retry-after"]) == (503, "2")


@pytest.mark.rule("AU-01", "LC-01")
def test_asked_again_after_any_later_history_packs_and_a_restart_the_answer_is_the_same_to_the_byte(tmp_path: Path, demo_keys: Path) -> None:
    with a_world(tmp_path, demo_keys) as world:
        licence_id = world.issue(DRIVER)["licence_id"]
        world.act(DRIVER, licence_id, {"act": "suspend", "suspension": {"kind": "measure", "first": today(world).isoformat()}}, "suspend-a1")
        world.service.follower.follow()
        world.clock.now += timedelta(hours=1)  # type: ignore[attr-defined]
        clocks = {"valid_at": today(world).isoformat(), "known_at": world.clock().isoformat()}
        first = answer(world, licence_id, **clocks).content
        world.clock.now += timedelta(days=2)  # type: ignore[attr-defined]
        world.act(DRIVER, licence_id, {"act": "withdraw"}, "withdraw-a1")
        packs = {one.name: one for one in world.service.foundations.known("rule_pack").values()}
        content = json.loads(packs["declared_due_dates"].content)
        content["source"] = "另一依据"
        number = world.service.foundations.propose("rule_pack", "declared_due_dates", json.dumps(content), "甲")
        world.service.foundations.confirm([number], "乙")
        world.service.follower.follow()
        assert answer(world, licence_id, **clocks).content == first
        tokens = world.tokens
    with a_world(tmp_path, demo_keys, tokens=tokens) as again:
        again.clock.now += timedelta(days=9)  # type: ignore[attr-defined]
        assert answer(again, licence_id, **clocks).content == first
        said = opened(again, first)
        now = opened(again, answer(again, licence_id).content)
        assert (said["state"], now["state"]) == ("suspended", "withdrawn")
        was = {one["id"]: one["sha256"] for one in said["conditions"]["rule_packs"]}["declared_due_dates"]
        assert was != {one["id"]: one["sha256"] for one in now["conditions"]["rule_packs"]}["declared_due_dates"]


def test_an_answer_between_two_heads_rests_on_the_earlier_one_for_ever(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    world.service.follower.follow()
    world.clock.now += timedelta(seconds=5)  # type: ignore[attr-defined]
    world.act(DRIVER, licence_id, {"act": "revoke"}, "revoke-a1")
    world.clock.now += timedelta(seconds=5)  # type: ignore[attr-defined]
    clocks = {"known_at": world.clock().isoformat()}
    early = answer(world, licence_id, **clocks).content
    assert opened(world, early)["state"] == "in_force"
    world.clock.now += timedelta(seconds=5)  # type: ignore[attr-defined]
    world.service.follower.follow()

    assert answer(world, licence_id, **clocks).content == early
    assert opened(world, answer(world, licence_id).content)["state"] == "revoked"


# -- two clocks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clocks", "code"),
    [
        ({"valid_at": "yesterday"}, "not-a-day"),
        ({"valid_at": "1600-01-01"}, "too-far"),
        ({"valid_at": "9999-12-31"}, "too-far"),
        ({"known_at": "2026-11-28T10:00:00"}, "not-an-instant"),
        ({"known_at": "noon"}, "not-an-instant"),
        ({"known_at": "9999-12-31"}, "not-an-instant"),
        ({"known_at": "2099-01-01"}, "in-the-future"),
    ],
)
def test_times_without_sense_are_refused_by_name(world: World, clocks: dict[str, str], code: str) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]

    for path in ("", "/answer"):
        problem = world.http.get(f"/licences/{licence_id}{path}", params=clocks, headers=world.headers(DRIVER))
        assert (problem.status_code, problem.json()["faults"][0]["code"]) == (422, code)


def test_before_the_grant_there_is_no_licence(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]

    assert world.http.get(f"/licences/{licence_id}", params={"valid_at": "2019-01-01"}, headers=world.headers(DRIVER)).status_code == 404


# -- searches ------------------------------------------------------------------------------------------


def search(world: World, slug: str, **body: Any) -> dict[str, Any]:
    """Search as a department."""
    found = world.http.post(ASK, json=body, headers=world.headers(slug))
    assert found.status_code == 200, found.text
    listed: dict[str, Any] = found.json()
    return listed


def test_licences_are_found_by_state_holder_and_what_falls_due(world: World) -> None:
    driver, trip = world.issue(DRIVER)["licence_id"], world.issue(TRIP)["licence_id"]
    vehicle = world.issue(VEHICLE)["licence_id"]
    face = world.service.catalogue.samples[DRIVER].face

    def ids(slug: str, **body: Any) -> list[str]:
        return [one["licence_id"] for one in search(world, slug, **body)["licences"]]

    assert ids(DRIVER, type=DRIVER, state="in_force") == [driver]
    assert ids(DRIVER, holder=face["citizen_id"]) == [driver]
    assert ids(DRIVER, type=DRIVER, state="revoked") == []
    world.act(DRIVER, driver, {"act": "revoke"}, "revoke-s1")
    assert ids(DRIVER, state="revoked") == [driver]
    assert driver not in ids(DRIVER, state="in_force")
    assert ids(TRIP, expiring_within_days=40, type=TRIP) == [trip]
    assert ids(VEHICLE, due_within_days=400) == [vehicle] == ids(VEHICLE, type=VEHICLE)
    assert ids(VEHICLE, due_within_days=0) == []
    assert ids(VEHICLE, type=DRIVER) == []


def test_pages_follow_on_one_another_without_a_gap_or_a_double(world: World) -> None:
    made = [world.issue(DRIVER, f"issue-p{n:03d}", case_no=f"SA-P{n}", face=_person(n))["licence_id"] for n in range(5)]
    seen, after = [], None
    for _ in range(4):
        page = search(world, DRIVER, type=DRIVER, limit=2, **({"after": after} if after else {}))
        seen += [one["licence_id"] for one in page["licences"]]
        after = page["after"]
        if after is None:
            break

    assert seen == made[::-1]


def _person(number: int) -> dict[str, Any]:
    return {"license_no": f"51990026110000{number:05d}"}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "body"), ({"field": "number"}, "value"), ({"value": "x"}, "field"), ({"state": "asleep"}, "state"), ({"type": "no_such_type"}, "type"),
        ({"holder": "x", "field": "number", "value": "y"}, "holder"), ({"expiring_within_days": -1}, "expiring_within_days"),
        ({"type": DRIVER, "after": "ZZZZZZZZZZZZZZZZZZZZ"}, "after"), ({"type": DRIVER, "limit": 1000}, "limit"), ({"colour": "red"}, "body"),
    ],
)  # fmt: skip
def test_searches_without_sense_are_refused_by_name(world: World, body: dict[str, Any], path: str) -> None:
    problem = world.http.post(ASK, json=body, headers=world.headers(DRIVER))

    assert problem.status_code == 422, problem.text
    assert path in {fault["path"] for fault in problem.json()["faults"]}
    assert STATION not in problem.text


def test_a_reinstatement_that_lies_ahead_is_found_on_both_sides_of_its_day(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    cancelled = world.act(DRIVER, licence_id, {"act": "cancel", "ground": "request"}, "cancel-s1").json()["sequence"]
    ahead = (today(world) + timedelta(days=3)).isoformat()
    done = world.act(DRIVER, licence_id, {"act": "reinstate", "target": cancelled, "effective_on": ahead}, "reinstate1")
    assert done.status_code == 201, done.text

    assert [one["licence_id"] for one in search(world, DRIVER, state="cancelled")["licences"]] == [licence_id]
    world.clock.now += timedelta(days=3)  # type: ignore[attr-defined]
    assert [one["licence_id"] for one in search(world, DRIVER, state="in_force")["licences"]] == [licence_id]
    assert search(world, DRIVER, state="cancelled")["licences"] == []


def test_a_child_that_its_parent_ended_is_found_as_cancelled(world: World) -> None:
    parent = world.issue("port_operation_permit", "issue-port9")
    child = world.issue("port_dangerous_goods_annex", "issue-annex9", face={"parent_license_no": parent["number"]})["licence_id"]
    world.act(BUSINESS, parent["licence_id"], {"act": "revoke"}, "wrong-dept1")
    world.act("port_operation_permit", parent["licence_id"], {"act": "revoke"}, "revoke-p1")

    assert [one["licence_id"] for one in search(world, "port_operation_permit", state="cancelled")["licences"]] == [child]


# -- the public asks about a day ------------------------------------------------------------------------


@pytest.mark.rule("AU-01", "EN-09")
def test_whoever_holds_number_and_code_may_ask_about_a_day_as_known_then_and_now(world: World) -> None:
    issued = world.issue(DRIVER)
    world.clock.now += timedelta(days=10)  # type: ignore[attr-defined]
    then = (today(world) - timedelta(days=4)).isoformat()
    world.act(DRIVER, issued["licence_id"], {"act": "withdraw"}, "withdraw-v1")
    pair = {"number": issued["number"], "check_code": issued["check_code"]}

    now_known = world.http.post("/verify", json={**pair, "valid_at": then}).json()
    then_known = world.http.post("/verify", json={**pair, "valid_at": then, "known_at": then}).json()

    assert (now_known["valid_at"], now_known["licence"]["state"], now_known["overall"]) == (then, "withdrawn", "not_valid")
    assert (then_known["licence"]["state"], then_known["answers"]["in_force"]["result"]) == ("in_force", "yes")
    assert {one["id"] for one in then_known["conditions"]["rule_packs"]} >= {"declared_due_dates"}
    assert world.http.post("/verify", json={**pair, "valid_at": "soon"}).status_code == 422
    before = world.http.post("/verify", json={**pair, "known_at": "2020-01-01"}).json()
    assert before["answers"]["authentic"]["reasons"][0]["code"] == "not-known-then"


def test_an_answer_about_the_end_of_today_or_before_the_first_head_is_refused(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    world.service.follower.follow()

    assert answer(world, licence_id, known_at=today(world).isoformat()).json()["faults"][0]["code"] == "day-not-over"
    assert answer(world, licence_id, known_at="2020-01-01").status_code == 404


@pytest.mark.rule("AU-01")
def test_an_answer_asked_again_by_the_instant_it_names_is_the_same_even_after_the_clock_stepped_back(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    world.service.follower.follow()
    first = answer(world, licence_id).content
    world.clock.now -= timedelta(minutes=1)  # type: ignore[attr-defined]
    world.act(DRIVER, licence_id, {"act": "revoke"}, "revoke-cb")
    world.service.follower.follow()
    world.clock.now += timedelta(minutes=5)  # type: ignore[attr-defined]

    assert answer(world, licence_id, known_at=opened(world, first)["known_at"]).content == first
    sizes = [head.signed_at for head in world.service.heads.all()]
    assert sizes == sorted(sizes)


def test_a_cursor_of_another_department_is_as_unknown_as_any(world: World) -> None:
    foreign = world.issue(VEHICLE)["licence_id"]
    problem = world.http.post(ASK, json={"type": DRIVER, "after": foreign}, headers=world.headers(DRIVER))

    assert (problem.status_code, problem.json()["faults"][0]["code"]) == (422, "unknown-cursor")
