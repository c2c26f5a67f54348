"""What a host app is told: events of the cards that were claimed through it, by the feed and by signed webhooks; no word of a person."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.host import HostApp, Hosts, Somebody, hosting
from tests.receiver import Receiver, listening
from tests.world import DRIVER, VEHICLE, Clock

CHEN = Somebody("519902198506120111", "陈安途")


@pytest.fixture
def hosts(tmp_path: Path, demo_keys: Path) -> Iterator[Hosts]:
    with hosting(tmp_path, demo_keys, webhook_networks="127.0.0.0/8") as opened:
        yield opened


def moved(hosts: Hosts) -> None:
    """Let a minute pass."""
    clock = hosts.world.clock
    assert isinstance(clock, Clock)
    clock.now += timedelta(minutes=1)


def acted(hosts: Hosts, licence_id: str, act: str) -> None:
    moved(hosts)
    answer = hosts.world.act(DRIVER, licence_id, {"act": act}, f"{act}-00001")
    assert answer.status_code == 201, answer.text


def heard(app: HostApp) -> list[tuple[str, str]]:
    answer = app.world.http.get("/events", headers=app.itself)
    assert answer.status_code == 200, answer.text
    assert CHEN.number not in answer.text
    assert CHEN.name not in answer.text
    return [(one["data"]["licence_id"], one["data"]["act"]) for one in answer.json()["events"]]


def test_a_host_is_told_of_cards_claimed_through_it_from_the_claim_on_and_while_they_are_cards(hosts: Hosts) -> None:
    app, other = hosts.app("one"), hosts.app("another")
    driver, vehicle = hosts.world.issue(DRIVER)["licence_id"], hosts.world.issue(VEHICLE, "issue-0002")["licence_id"]
    assert heard(app) == []
    moved(hosts)
    assert app.claim(app.acting(CHEN))["claimed"] == [driver]
    acted(hosts, driver, "report_lost")
    assert heard(app) == [(driver, "report_lost")]  # not what was before, nor of the vehicle
    assert heard(other) == []
    assert vehicle not in str(heard(app))

    assert hosts.world.http.delete(f"/holder/cards/{driver}", headers=app.acting(CHEN)).status_code == 204
    acted(hosts, driver, "report_found")
    assert heard(app) == [(driver, "report_lost")]
    moved(hosts)
    other.claim(other.acting(CHEN))
    acted(hosts, driver, "revoke")
    assert (heard(app), heard(other)) == ([(driver, "report_lost")], [(driver, "revoke")])


def test_events_come_to_the_hosts_own_address_signed_and_not_while_it_is_switched_off(hosts: Hosts) -> None:
    app = hosts.app()
    driver = hosts.world.issue(DRIVER)["licence_id"]
    with listening(Receiver()) as receiver:
        hook = hosts.world.http.post("/webhooks", json={"url": receiver.url()}, headers=app.itself)
        assert hook.status_code == 201, hook.text
        moved(hosts)
        app.claim(app.acting(CHEN))
        acted(hosts, driver, "report_lost")
        hosts.world.service.courier.work()
        assert [one.event["type"] for one in receiver.taken] == ["licence.report_lost"]
        assert receiver.taken[0].signed_by(hook.json()["secret"])
        assert CHEN.number.encode() not in receiver.taken[0].body
        assert app.get(f"/cards/{driver}", app.acting(CHEN)).json()["flags"][0]["zh"] == "挂失中"

        hosts.world.service.clients.switch(app.name, hosts.world.clock(), off=True)
        acted(hosts, driver, "report_found")
        hosts.world.service.courier.work()
        assert len(receiver.taken) == 1
        hosts.world.service.clients.switch(app.name, hosts.world.clock(), off=False)
        hosts.world.service.courier.work()
        assert [one.event["data"]["act"] for one in receiver.taken] == ["report_lost", "report_found"]


def test_a_host_does_nothing_that_is_a_departments(hosts: Hosts) -> None:
    app = hosts.app()
    issued = hosts.world.issue(DRIVER)["licence_id"]
    for method, path in (
        ("GET", f"/licences/{issued}"),
        ("POST", "/licences"),
        ("GET", "/tasks"),
        ("GET", "/cases/C-1"),
        ("POST", "/licences/search"),
    ):
        headers = {**app.itself, "Idempotency-Key": "host-0001"}
        answer = hosts.world.http.request(method, path, headers=headers, json={} if method == "POST" else None)
        assert answer.status_code == 403, path
