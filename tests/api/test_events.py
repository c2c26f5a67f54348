"""The event feed: in the order of the book, for those who may know of it, and nothing of anybody else's."""

from datetime import timedelta
from typing import Any

import pytest

from licence_service.licence import beijing_day
from licence_service.store import events
from licence_service.store.clients import Client
from tests.world import BUSINESS, DRIVER, NOW, TRIP, World, decision

NEIGHBOUR = "11519902MB990003XD"
STRANGER = "12519900MB9900048D"


def feed(world: World, department: str, after: str | None = None, limit: int | None = None, token: str | None = None) -> dict[str, Any]:
    """Ask for a page that must be given."""
    wanted = {name: value for name, value in (("after", after), ("limit", limit)) if value is not None}
    answer = world.http.get("/events", params=wanted, headers={"Authorization": f"Bearer {token or world.tokens[department]}"})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ids(page: dict[str, Any]) -> list[str]:
    return [one["id"] for one in page["events"]]


def issuer(world: World, slug: str) -> str:
    return world.service.catalogue.samples[slug].issuer


def enter(world: World, slug: str, licence_id: str, key: str, **body: Any) -> None:
    answer = world.act(slug, licence_id, body, key)
    assert answer.status_code == 201, answer.text


def as_neighbour(world: World, licence_id: str, key: str, act: str) -> None:
    headers = {"Authorization": f"Bearer {world.tokens[NEIGHBOUR]}", "Idempotency-Key": key}
    body = {"act": act, "decision": decision(beijing_day(world.clock()))}
    answer = world.http.post(f"/licences/{licence_id}/entries", json=body, headers=headers)
    assert answer.status_code == 201, answer.text


@pytest.mark.rule("AI-07")
def test_an_issue_and_each_change_of_state_are_told_once_in_their_order(world: World) -> None:
    issued = world.issue(DRIVER)
    enter(world, DRIVER, issued["licence_id"], "suspend-01", act="suspend", suspension={"kind": "measure", "first": "2026-11-28"})
    enter(world, DRIVER, issued["licence_id"], "lift-00001", act="lift")

    page = feed(world, issuer(world, DRIVER))

    assert [one["type"] for one in page["events"]] == ["licence.issue", "licence.suspend", "licence.lift"]
    assert ids(page) == [f"{issued['licence_id']}-{sequence}" for sequence in (1, 2, 3)]
    first, second, _ = page["events"]
    assert first["data"] == {
        "licence_id": issued["licence_id"], "sequence": 1, "act": "issue", "certificate_type": DRIVER, "department": issuer(world, DRIVER),
        "effective_on": world.request(DRIVER)["decision"]["decided_on"], "recorded_only": False, "version": 1, "elicence_id": issued["elicence_id"],
    }  # fmt: skip
    assert first["timestamp"] == issued["recorded_at"]
    assert "version" not in second["data"]
    assert feed(world, issuer(world, DRIVER), page["next"])["events"] == []


def test_an_event_holds_no_value_of_the_face_and_nothing_of_a_person(world: World) -> None:
    world.issue(DRIVER)
    face = world.request(DRIVER)["face"]

    said = str(feed(world, issuer(world, DRIVER)))

    assert [name for name, value in face.items() if len(str(value)) > 1 and str(value) in said and not str(value).startswith("2026")] == []
    assert decision(beijing_day(NOW))["officer"] not in said


def test_a_page_goes_on_where_the_last_one_ended_and_the_same_cursor_gives_the_same_again(world: World) -> None:
    licences = [world.issue(TRIP, f"issue-{number:04}", case_no=f"SA-{number}", **_other(world, number))["licence_id"] for number in range(3)]
    department = issuer(world, TRIP)

    first = feed(world, department, limit=2)
    second = feed(world, department, first["next"], limit=2)

    assert ids(first) + ids(second) == [f"{one}-1" for one in licences]
    assert ids(feed(world, department, first["next"])) == ids(second)


def _other(world: World, number: int) -> dict[str, Any]:
    """Return what makes another licence of the sample: another number."""
    template = world.service.catalogue.in_force(TRIP, beijing_day(world.clock()))
    name = template.number.field
    text = str(world.request(TRIP)["face"].get(name, ""))
    return {"face": {name: f"{text[:-1]}{number}"}} if text else {}


def test_another_department_hears_nothing_not_even_how_much_there_is(world: World) -> None:
    before = feed(world, STRANGER)
    world.issue(DRIVER)
    after = feed(world, STRANGER)

    assert before["events"] == after["events"] == []
    assert len(before["next"]) == len(after["next"])
    assert before["next"] != after["next"]
    assert feed(world, STRANGER, before["next"])["events"] == []


def test_a_client_hears_only_of_types_that_it_holds(world: World) -> None:
    world.issue(DRIVER)
    department = issuer(world, DRIVER)
    token = world.service.clients.add(Client("only-others", department, ("ship_management_permit",), 100), NOW)

    assert feed(world, department, token=token)["events"] == []


@pytest.mark.rule("LC-08", "AI-07")
def test_who_is_offered_a_licence_hears_from_then_on_and_who_gave_it_away_hears_that_it_went(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    enter(world, DRIVER, licence_id, "release-1", act="transfer", to_department=NEIGHBOUR)
    as_neighbour(world, licence_id, "accept-01", "accept_transfer")

    theirs = feed(world, NEIGHBOUR)["events"]

    assert [one["type"] for one in theirs] == ["licence.transfer", "licence.accept_transfer"]
    assert [one["data"]["department"] for one in theirs] == [issuer(world, DRIVER), NEIGHBOUR]
    assert len(feed(world, issuer(world, DRIVER))["events"]) == 3
    assert feed(world, STRANGER)["events"] == []


@pytest.mark.rule("LC-08")
def test_who_rejected_a_licence_hears_no_more_of_it(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    enter(world, DRIVER, licence_id, "release-1", act="transfer", to_department=NEIGHBOUR)
    as_neighbour(world, licence_id, "reject-01", "reject_transfer")
    enter(world, DRIVER, licence_id, "lost-00001", act="report_lost")

    assert [one["type"] for one in feed(world, NEIGHBOUR)["events"]] == ["licence.transfer", "licence.reject_transfer"]


def test_an_offer_that_was_over_told_nothing_of_what_came_after(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    enter(world, DRIVER, licence_id, "release-1", act="transfer", to_department=NEIGHBOUR)
    world.clock.now += timedelta(days=31)  # type: ignore[attr-defined]
    enter(world, DRIVER, licence_id, "lost-00001", act="report_lost")

    assert [one["type"] for one in feed(world, NEIGHBOUR)["events"]] == ["licence.transfer"]


def test_much_that_is_others_lies_in_between_and_is_passed_over_in_bounded_steps(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "STRETCH", 2)
    licence_id = world.issue(DRIVER)["licence_id"]
    for number in range(4):
        enter(world, DRIVER, licence_id, f"lost-{number:05}", act="report_lost")
        enter(world, DRIVER, licence_id, f"found-{number:05}", act="report_found")
    company = world.issue(BUSINESS)["licence_id"]

    cursor: str | None = None
    heard: list[str] = []
    asked = 0
    while not heard and asked < 100:
        page = feed(world, NEIGHBOUR, cursor)
        cursor, heard, asked = page["next"], ids(page), asked + 1

    assert heard == [f"{company}-1"]
    assert asked > 1


@pytest.mark.parametrize("cursor", ["", "x", "00", "00" * 36, "zz" * 36, "0" * 100_00])
def test_a_garbled_cursor_is_refused(world: World, cursor: str) -> None:
    answer = world.http.get("/events", params={"after": cursor}, headers=world.headers(DRIVER))

    assert answer.status_code == 422
    assert cursor[:20] not in answer.text or not cursor


def test_a_cursor_of_another_client_is_refused(world: World) -> None:
    foreign = feed(world, STRANGER)["next"]

    answer = world.http.get("/events", params={"after": foreign}, headers=world.headers(DRIVER))

    assert answer.status_code == 422
    assert answer.json()["faults"][0]["code"] == "unknown-cursor"


@pytest.mark.parametrize("limit", ["0", "501", "-1", "x"])
def test_a_limit_out_of_bounds_is_refused(world: World, limit: str) -> None:
    assert world.http.get("/events", params={"limit": limit}, headers=world.headers(DRIVER)).status_code == 422


def test_nobody_hears_anything_without_a_token(world: World) -> None:
    assert world.http.get("/events").status_code == 401
