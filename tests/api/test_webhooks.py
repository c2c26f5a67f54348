"""Webhooks through HTTP and to a real receiver: what is signed, tried again, given up, sent again, and seen by nobody else."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from licence_service import courier
from licence_service.app import create_app
from licence_service.courier import MOST_ATTEMPTS, PAUSES
from licence_service.message import new_secret
from licence_service.store.clients import OFFICER, Client
from licence_service.store.events import Reader
from licence_service.store.webhooks import Wish
from tests.receiver import Got, Receiver, listening
from tests.waiting import until
from tests.world import BUSINESS, DRIVER, NOW, TRIP, World, a_world

STRANGER = "12519900MB9900048D"
NOTHING_THERE = "/webhooks/" + "0" * 26


@pytest.fixture
def world(tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    with a_world(tmp_path, demo_keys, webhook_networks="127.0.0.0/8") as opened:
        yield opened


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening(Receiver()) as opened:
        yield opened


def bearer(world: World, department: str | None = None) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.tokens[department or issuer(world, DRIVER)]}"}


def issuer(world: World, slug: str) -> str:
    return world.service.catalogue.samples[slug].issuer


def add(world: World, receiver: Receiver, department: str | None = None, **wish: Any) -> dict[str, Any]:
    answer = world.http.post("/webhooks", json={"url": receiver.url(), **wish}, headers=bearer(world, department))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def read(world: World, path: str, **params: Any) -> dict[str, Any]:
    answer = world.http.get(path, params=params, headers=bearer(world))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def lost(world: World, licence_id: str, number: int = 0) -> None:
    for act in ("report_lost", "report_found"):
        answer = world.act(DRIVER, licence_id, {"act": act}, f"{act}-{number:04}")
        assert answer.status_code == 201, answer.text


def forward(world: World, **step: float) -> None:
    world.clock.now += timedelta(**step)  # type: ignore[attr-defined]


@pytest.mark.rule("AI-07")
def test_what_is_entered_arrives_signed_in_order_and_once(world: World, receiver: Receiver) -> None:
    hook = add(world, receiver)
    licence_id = world.issue(DRIVER)["licence_id"]
    lost(world, licence_id)

    assert world.service.courier.work() == 3
    assert world.service.courier.work() == 0

    assert [one.event["type"] for one in receiver.got] == ["licence.issue", "licence.report_lost", "licence.report_found"]
    assert [one.id for one in receiver.got] == [f"{licence_id}-{number}" for number in (1, 2, 3)]
    assert all(one.signed_by(hook["secret"]) and one.headers["content-type"] == "application/json" for one in receiver.got)
    assert [one.event for one in receiver.got] == read(world, "/events")["events"]
    said = read(world, f"/webhooks/{hook['webhook_id']}")
    assert said["deliveries"] == {"waiting": 0, "delivered": 3, "dead": 0}
    assert "secret" not in said


@pytest.mark.rule("AI-06")
def test_a_receiver_that_is_down_never_holds_a_licence_back(world: World, receiver: Receiver) -> None:
    receiver.answer = lambda _self, _got: (503, {})
    add(world, receiver)

    first = world.issue(DRIVER)
    world.service.courier.work()
    lost(world, first["licence_id"])

    assert world.http.post("/verify", json={"number": first["number"], "check_code": first["check_code"]}).json()["overall"].startswith("valid")
    assert len(receiver.got) == 1  # the licence's later events wait for its first


def test_what_failed_is_tried_again_with_growing_pauses_and_then_given_up_and_later_events_go_on(world: World, receiver: Receiver) -> None:
    bad = {"on": True}
    receiver.answer = lambda _self, got: (500 if bad["on"] and got.event["data"]["sequence"] == 1 else 204, {})
    hook = add(world, receiver)
    licence_id = world.issue(DRIVER)["licence_id"]
    lost(world, licence_id)
    began = world.clock()

    for attempts in range(1, MOST_ATTEMPTS):
        world.service.courier.work()
        assert len(receiver.got) == attempts
        forward(world, seconds=PAUSES.after(attempts, 1.0).total_seconds())
    world.service.courier.work()

    assert timedelta(days=2) < world.clock() - began < timedelta(days=4)
    assert [one.id for one in receiver.got[-2:]] == [f"{licence_id}-2", f"{licence_id}-3"]
    (dead,) = read(world, f"/webhooks/{hook['webhook_id']}/deliveries", state="dead")["deliveries"]
    assert (dead["event_id"], dead["attempts"], dead["next_at"]) == (f"{licence_id}-1", MOST_ATTEMPTS, None)
    assert {(one["status"], one["reason"]) for one in dead["log"]} == {(500, "status-500")}
    bad["on"] = False
    answer = world.http.post(f"/webhooks/{hook['webhook_id']}/deliveries/{licence_id}-1/resend", headers=bearer(world))
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    world.service.courier.work()
    assert receiver.got[-1].id == f"{licence_id}-1"
    assert read(world, f"/webhooks/{hook['webhook_id']}")["deliveries"] == {"waiting": 0, "delivered": 3, "dead": 0}


def test_pauses_grow_are_bounded_and_spread() -> None:
    plain = [PAUSES.after(attempts, 0.5).total_seconds() for attempts in range(1, MOST_ATTEMPTS)]

    assert plain[:4] == [5, 20, 80, 320]
    assert max(plain) == 43_200
    assert PAUSES.after(1, 0.0) < PAUSES.after(1, 0.5) < PAUSES.after(1, 1.0)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 410, 429])
def test_an_answer_that_is_not_good_counts_as_none(world: World, receiver: Receiver, status: int) -> None:
    with listening(Receiver()) as inside:
        receiver.answer = lambda _self, _got: (status, {"Location": inside.url()})
        hook = add(world, receiver)
        world.issue(DRIVER)
        world.service.courier.work()

        (one,) = read(world, f"/webhooks/{hook['webhook_id']}/deliveries")["deliveries"]
        assert (one["state"], one["log"][0]["status"]) == ("waiting", status)
        assert inside.got == []


def test_two_secrets_sign_for_a_day_after_a_rotation_and_then_the_new_one_alone(world: World, receiver: Receiver) -> None:
    hook = add(world, receiver)
    licence_id = world.issue(DRIVER)["licence_id"]
    answer = world.http.post(f"/webhooks/{hook['webhook_id']}/secret", headers=bearer(world))
    new = answer.json()["secret"]
    world.service.courier.work()
    forward(world, days=1)
    lost(world, licence_id)
    world.service.courier.work()

    both, alone = receiver.got[0], receiver.got[1]
    assert both.signed_by(hook["secret"])
    assert both.signed_by(new)
    assert alone.signed_by(new)
    assert not alone.signed_by(hook["secret"])
    assert answer.json()["old_signs_until"] == (NOW + timedelta(days=1)).isoformat(timespec="seconds")


def test_an_endpoint_hears_of_what_it_asked_for_only(world: World, receiver: Receiver) -> None:
    add(world, receiver, events=["licence.report_found"], types=[DRIVER])
    licence_id = world.issue(DRIVER)["licence_id"]
    lost(world, licence_id)
    world.service.courier.work()

    assert [one.event["type"] for one in receiver.got] == ["licence.report_found"]


def test_what_was_before_comes_by_a_replay_from_the_beginning_or_from_a_cursor(world: World, receiver: Receiver) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    hook = add(world, receiver)
    cursor = read(world, "/events")["next"]
    lost(world, licence_id)
    world.service.courier.work()
    assert len(receiver.got) == 2

    again = world.http.post(f"/webhooks/{hook['webhook_id']}/replay", json={"after": cursor}, headers=bearer(world))
    world.service.courier.work()
    assert again.status_code == 202, again.text
    assert [one.id for one in receiver.got[2:]] == [f"{licence_id}-2", f"{licence_id}-3"]

    world.http.post(f"/webhooks/{hook['webhook_id']}/replay", json={}, headers=bearer(world))
    world.service.courier.work()
    assert sorted(one.id for one in receiver.got[4:]) == [f"{licence_id}-{number}" for number in (1, 2, 3)]
    assert [one.id for one in receiver.got[4:] if not one.id.endswith("-1")] == [f"{licence_id}-2", f"{licence_id}-3"]


def test_a_replay_keeps_the_order_of_a_licence_also_with_what_is_laid_out_anew(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    hook = add(world, receiver)  # what was before was never laid out for it
    lost(world, licence_id)
    world.service.courier.work()
    monkeypatch.setattr(courier, "_LINES", 1)

    world.http.post(f"/webhooks/{hook['webhook_id']}/replay", json={}, headers=bearer(world))
    world.service.courier.work()

    assert [one.id for one in receiver.got[2:]] == [f"{licence_id}-{number}" for number in (1, 2, 3)]


def test_the_log_is_read_page_by_page_and_forgotten_after_a_month(world: World, receiver: Receiver) -> None:
    hook = add(world, receiver)
    licence_id = world.issue(DRIVER)["licence_id"]
    lost(world, licence_id)
    world.service.courier.work()
    path = f"/webhooks/{hook['webhook_id']}/deliveries"

    first = read(world, path, limit=2)["deliveries"]
    second = read(world, path, limit=2, before=first[-1]["event_id"])["deliveries"]

    assert [one["event_id"] for one in first + second] == [f"{licence_id}-{number}" for number in (3, 2, 1)]
    assert (first[0]["type"], first[0]["state"], first[0]["attempts"]) == ("licence.report_found", "delivered", 1)
    forward(world, days=31)
    world.service.courier.work()
    assert read(world, path)["deliveries"] == []
    world.http.post(f"/webhooks/{hook['webhook_id']}/replay", json={}, headers=bearer(world))
    world.service.courier.work()
    assert len(receiver.got) == 6


def test_nothing_is_sent_to_a_client_that_was_shut_out_or_lost_the_type(world: World, receiver: Receiver) -> None:
    department = issuer(world, DRIVER)
    token = world.service.clients.add(Client("second", department, ("*",), 100), NOW)
    answer = world.http.post("/webhooks", json={"url": receiver.url()}, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 201
    world.issue(DRIVER)
    world.service.clients.remove("second", world.clock())
    world.service.courier.work()

    assert receiver.got == []
    assert world.service.hooks.webhooks.all() == []


def test_nothing_is_sent_that_the_client_may_no_longer_read(world: World, receiver: Receiver) -> None:
    department = issuer(world, DRIVER)
    world.service.clients.add(Client("sender", department, ("*",), 100, acts=("issue", "webhook")), NOW)
    world.service.hooks.webhooks.add("sender", Wish(receiver.url()), new_secret(), 0, world.clock())
    world.issue(DRIVER)
    (one,) = world.service.hooks.webhooks.of("sender")
    lines, reached = world.service.courier.lines.of(Reader(department), 0, 10)  # laid out while it still might
    claimed = world.service.hooks.webhooks.claim(one, "c", world.clock(), world.clock())
    assert claimed
    world.service.hooks.deliveries.lay_out(claimed, "c", lines, reached, world.clock())
    world.service.courier.work()

    (kept,) = world.service.hooks.deliveries.page(one, None, None, 10)
    assert (receiver.got, kept.state, kept.log[-1].reason) == ([], "dead", "not-granted")


def test_a_department_hears_nothing_of_another(world: World, receiver: Receiver) -> None:
    add(world, receiver, STRANGER)
    world.issue(DRIVER)
    world.issue(BUSINESS, "business-1")
    world.service.courier.work()

    assert receiver.got == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("DELETE", ""), ("POST", "/secret"), ("GET", "/deliveries"), ("POST", "/replay"), ("POST", "/deliveries/{event}/resend"),
    ],
)  # fmt: skip
def test_anothers_webhook_is_as_if_it_did_not_exist(world: World, receiver: Receiver, method: str, path: str) -> None:
    hook = add(world, receiver)
    licence_id = world.issue(DRIVER)["licence_id"]
    world.service.courier.work()
    path = path.format(event=f"{licence_id}-1")
    body: Any = {} if path == "/replay" else None

    foreign = world.http.request(method, f"/webhooks/{hook['webhook_id']}{path}", headers=bearer(world, STRANGER), json=body)
    absent = world.http.request(method, NOTHING_THERE + path, headers=bearer(world), json=body)

    assert foreign.status_code == absent.status_code == 404
    assert foreign.json() == absent.json()
    assert len(world.service.hooks.webhooks.all()) == 1
    assert world.http.request(method, f"/webhooks/{hook['webhook_id']}{path}").status_code == 401


@pytest.fixture
def narrowed(world: World) -> Callable[..., dict[str, str]]:
    """Return the headers of a token of one client, narrowed to scopes."""
    secret = world.service.clients.add(Client("narrow", issuer(world, DRIVER), ("*",), 1000), NOW)

    def headers(scope: str = "") -> dict[str, str]:
        form = {"grant_type": "client_credentials", "client_id": "narrow", "client_secret": secret, "scope": scope}
        answer = world.http.post("/oauth/token", data=form)
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    return headers


def test_what_a_narrowed_token_adds_hears_only_what_that_token_may_read(
    world: World, receiver: Receiver, narrowed: Callable[..., dict[str, str]]
) -> None:
    assert world.http.post("/webhooks", json={"url": receiver.url()}, headers=narrowed(f"webhook:{TRIP}")).status_code == 403
    token = narrowed(f"webhook:{TRIP} webhook:{DRIVER} read:{TRIP} read:{BUSINESS}")
    for slug in (DRIVER, BUSINESS):  # of the one nothing is read, of the other nothing sent
        assert world.http.post("/webhooks", json={"url": receiver.url(), "types": [slug]}, headers=token).status_code == 422
    hook = world.http.post("/webhooks", json={"url": receiver.url()}, headers=token)
    assert (hook.status_code, hook.json()["types"]) == (201, [TRIP])

    world.issue(DRIVER)
    world.service.courier.work()
    world.http.post(f"/webhooks/{hook.json()['webhook_id']}/replay", json={}, headers=token)
    world.service.courier.work()
    assert receiver.got == []
    whole = world.http.post("/webhooks", json={"url": receiver.url() + "whole"}, headers=narrowed("webhook:* read:*")).json()
    assert whole["types"] == []  # also what the client holds later


@pytest.mark.parametrize("types", [[], [DRIVER], [DRIVER, TRIP]])
def test_a_narrowed_token_handles_no_webhook_that_hears_of_more(
    world: World, receiver: Receiver, narrowed: Callable[..., dict[str, str]], types: list[str]
) -> None:
    whole = narrowed()
    hook = world.http.post("/webhooks", json={"url": receiver.url(), "types": types}, headers=whole).json()
    event = world.issue(DRIVER)["licence_id"] + "-1"
    world.service.courier.work()
    other = narrowed(f"webhook:{TRIP} read:*")

    assert world.http.get("/webhooks", headers=other).json() == {"webhooks": []}
    parts = [("GET", ""), ("GET", "/deliveries"), ("POST", "/secret"), ("POST", "/replay"), ("POST", f"/deliveries/{event}/resend"), ("DELETE", "")]
    for method, path in parts:
        answer = world.http.request(method, f"/webhooks/{hook['webhook_id']}{path}", json={} if method == "POST" else None, headers=other)
        assert answer.status_code == 404, (method, path)
    fitting = f"webhook:{DRIVER} webhook:{TRIP}" if types else "webhook:*"
    assert world.http.get(f"/webhooks/{hook['webhook_id']}/deliveries", headers=narrowed(fitting)).status_code == 200
    assert world.http.delete(f"/webhooks/{hook['webhook_id']}", headers=whole).status_code == 204


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({}, "url", "missing"), ({"url": 7}, "url", "missing"), ({"url": "https://user:pw@example.cn/"}, "url", "credentials"),
        ({"url": "https://10.0.0.1/"}, "url", "not-allowed"), ({"url": "https://169.254.169.254/latest"}, "url", "not-allowed"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "url", "not-allowed"), ({"url": "http://8.8.8.8/"}, "url", "not-allowed"),
        ({"url": "ftp://8.8.8.8/"}, "url", "wrong-scheme"),
        ({"url": "http://127.0.0.1/", "events": ["licence.burn"]}, "events[0]", "unknown-name"),
        ({"url": "http://127.0.0.1/", "events": "licence.issue"}, "events", "wrong-type"),
        ({"url": "http://127.0.0.1/", "types": ["no_type", 7, None]}, "types[2]", "unknown-name"),
        ({"url": "http://127.0.0.1/", "secret": "x"}, "body", "unknown-key"),
    ],
)  # fmt: skip
def test_a_wrong_wish_is_refused_with_every_fault(world: World, body: dict[str, Any], path: str, code: str) -> None:
    answer = world.http.post("/webhooks", json=body, headers=bearer(world))

    assert answer.status_code == 422, answer.text
    assert (path, code) in [(one["path"], one["code"]) for one in answer.json()["faults"]]
    assert world.service.hooks.webhooks.all() == []


@pytest.mark.parametrize("after", [0, 1])
def test_a_webhook_that_is_removed_in_the_middle_of_a_round_ends_it_quietly(world: World, receiver: Receiver, after: int) -> None:
    add(world, receiver)
    lost(world, world.issue(DRIVER)["licence_id"])
    hooks = world.service.hooks.webhooks

    def removing(came: Receiver, _got: Got) -> tuple[int, dict[str, str]]:
        if len(came.got) == after:
            hooks.remove(hooks.all()[0])
        return 204, {}

    receiver.answer = removing
    world.service.courier.work()

    assert len(receiver.got) == after + 1
    assert hooks.all() == []


def test_the_server_delivers_by_itself(world: World, receiver: Receiver) -> None:
    add(world, receiver)
    with TestClient(create_app(world.service)):
        licence_id = world.issue(DRIVER)["licence_id"]
        until(lambda: receiver.taken)

    assert [one.id for one in receiver.taken] == [f"{licence_id}-1"]


def test_one_address_is_named_once_and_there_are_not_too_many(world: World, receiver: Receiver) -> None:
    add(world, receiver)
    again = world.http.post("/webhooks", json={"url": receiver.url()}, headers=bearer(world))
    assert [one["code"] for one in again.json()["faults"]] == ["known-address"]

    answers = [world.http.post("/webhooks", json={"url": f"{receiver.url()}/{number}"}, headers=bearer(world)).status_code for number in range(10)]

    assert answers == [201] * 9 + [422]
    assert len(read(world, "/webhooks")["webhooks"]) == 10


def test_a_webhook_that_was_removed_hears_nothing_more(world: World, receiver: Receiver) -> None:
    hook = add(world, receiver)
    world.issue(DRIVER)
    world.service.courier.work()

    assert world.http.delete(f"/webhooks/{hook['webhook_id']}", headers=bearer(world)).status_code == 204
    world.issue(BUSINESS, "business-1")
    world.service.courier.work()

    assert len(receiver.got) == 1
    assert read(world, "/webhooks")["webhooks"] == []


@pytest.mark.parametrize("body", [{"after": "00" * 36}, {"after": 7}, {"since": None}, {"after": ""}])
def test_a_replay_from_what_is_no_cursor_is_refused(world: World, receiver: Receiver, body: dict[str, Any]) -> None:
    hook = add(world, receiver)
    answer = world.http.post(f"/webhooks/{hook['webhook_id']}/replay", json=body, headers=bearer(world))

    assert answer.status_code == 422


def test_no_other_kind_of_client_has_webhooks(world: World) -> None:
    token = world.service.clients.add(Client("patrol", STRANGER, ("*",), 100, OFFICER), NOW)

    assert world.http.get("/webhooks", headers={"Authorization": f"Bearer {token}"}).status_code == 403


def test_address_and_secret_lie_encrypted_and_are_never_shown_again(world: World, receiver: Receiver, tmp_path: Path) -> None:
    hook = add(world, receiver)
    world.issue(DRIVER)
    world.service.courier.work()
    path = f"/webhooks/{hook['webhook_id']}"
    said = json.dumps([read(world, "/webhooks"), read(world, path), read(world, path + "/deliveries")])

    assert hook["secret"] not in said
    for file in tmp_path.glob("licence.db*"):
        content = file.read_bytes()
        assert hook["secret"].encode() not in content
        assert receiver.url().encode() not in content


def test_a_receiver_that_takes_nothing_of_a_whole_batch_is_left_alone_for_a_while(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(courier, "_A_BATCH", 1)
    receiver.answer = lambda _self, _got: (500, {})
    hook = add(world, receiver)
    first = world.issue(DRIVER)["licence_id"]
    world.service.courier.work()

    assert read(world, f"/webhooks/{hook['webhook_id']}")["rests_until"] == (NOW + timedelta(seconds=5)).isoformat(timespec="seconds")
    lost(world, first)
    world.service.courier.work()
    assert len(receiver.got) == 1
    receiver.answer = lambda _self, _got: (204, {})
    forward(world, seconds=60)
    world.service.courier.work()
    assert [one.id for one in receiver.taken] == [f"{first}-{number}" for number in (1, 2, 3)]
    assert read(world, f"/webhooks/{hook['webhook_id']}")["rests_until"] is None
