"""Sure delivery: a receiver that fails a third of the time and restarts, and senders that are killed, end complete and in order."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_service.licence import beijing_day
from licence_service.message import new_secret
from licence_service.outbound import Poster
from licence_service.store.webhooks import Wish
from licence_service.targets import read_networks
from tests.api.test_cli import Terminal, terminal
from tests.parts.databases import KINDS, at_once, empty_postgres
from tests.receiver import Got, Receiver, listening
from tests.waiting import until
from tests.world import DRIVER, ROOT, World, a_world

__all__ = ["terminal"]
LICENCES, ACTS = 8, 6


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    url = empty_postgres(*map(request.getfixturevalue, ("postgres_address", "migrated_postgres"))) if request.param == "postgresql" else None
    with a_world(tmp_path, demo_keys, url, webhook_networks="127.0.0.0/8") as opened:
        yield opened


def issue(world: World, number: int) -> str:
    """Issue a licence of a driver of its own."""
    face = {"citizen_id": citizen(number), "license_no": citizen(number)}
    licence_id: str = world.issue(DRIVER, f"driver-{number:04}", face=face, case_no=f"SA-D{number}")["licence_id"]
    return licence_id


def citizen(number: int) -> str:
    """Return a fictional ID number with its check character (GB 11643)."""
    first = f"51990219850612{2 * number + 1:03}"
    return first + "10X98765432"[sum(int(digit) * 2 ** (17 - place) for place, digit in enumerate(first)) % 11]


def act(world: World, licence_id: str, number: int) -> None:
    body = {"act": ("report_lost", "report_found")[number % 2]}
    assert world.act(DRIVER, licence_id, body, f"act-{licence_id}-{number}").status_code == 201


def in_order(got: list[Got]) -> dict[str, list[int]]:
    """Return the sequences of each licence as they were taken first, what came again left out."""
    seen: dict[str, list[int]] = defaultdict(list)
    for one in got:
        data = one.event["data"]
        if data["sequence"] not in seen[data["licence_id"]]:
            seen[data["licence_id"]].append(data["sequence"])
    return seen


def moody(chance: random.Random) -> Any:
    """Return answers of a receiver that fails 30 % of the time, in each of its ways."""

    def answer(_receiver: Receiver, _got: Got) -> tuple[int, dict[str, str]]:
        if chance.random() >= 0.3:
            return 204, {}
        return chance.choice([(500, {}), (503, {"Retry-After": "1"}), (0, {}), (302, {"Location": "http://127.0.0.1:1/"})])

    return answer


@pytest.mark.rule("AI-06", "AI-07")
def test_a_receiver_that_fails_and_restarts_ends_complete_and_in_order(world: World) -> None:
    receiver = Receiver(answer=moody(random.Random(20261128)))
    headers = world.headers(DRIVER)
    licences: list[str] = []
    with listening(receiver):
        added = world.http.post("/webhooks", json={"url": receiver.url()}, headers=headers).json()
        for number in range(LICENCES):
            licences.append(issue(world, number))
            if number % 3 == 0:
                world.service.courier.work()
    for number in range(ACTS):  # the receiver is down, and the register goes on as ever
        for licence_id in licences:
            act(world, licence_id, number)
        if number % 2:
            world.service.courier.work()
    stale = world.service.hooks.webhooks.all()[0]  # a worker that claimed it and died
    world.clock.now += timedelta(minutes=10)  # type: ignore[attr-defined]
    assert world.service.hooks.webhooks.claim(stale, "dead", world.clock(), world.clock() + timedelta(seconds=120))
    with listening(receiver):
        for _ in range(200):
            at_once([world.service.courier.work] * 2)
            world.clock.now += timedelta(minutes=5)  # type: ignore[attr-defined]
            if world.service.hooks.deliveries.counts(stale)["waiting"] == 0:
                break

    assert world.service.hooks.deliveries.counts(stale) == {"waiting": 0, "delivered": LICENCES * (ACTS + 1), "dead": 0}
    assert in_order(receiver.taken) == {licence_id: list(range(1, ACTS + 2)) for licence_id in licences}
    assert len(receiver.got) > len(receiver.taken)
    assert all(one.signed_by(added["secret"]) for one in receiver.got)
    pulled = world.http.get("/events", params={"limit": 500}, headers=headers).json()["events"]
    assert {one.id: one.event for one in receiver.taken} == {one["id"]: one for one in pulled}


@pytest.mark.rule("AI-06")
def test_a_slow_receiver_of_one_client_does_not_hold_up_another(world: World) -> None:
    """The slow one answers only when the quick one has everything."""
    quick_done = threading.Event()

    def slow(_receiver: Receiver, _got: Got) -> tuple[int, dict[str, str]]:
        return (204 if quick_done.wait(8) else 500), {}

    other = Receiver()
    with listening(Receiver(answer=slow)) as held, listening(other):
        neighbour = {"Authorization": f"Bearer {world.tokens['11519902MB990003XD']}"}
        for number in range(3):
            assert world.http.post("/webhooks", json={"url": f"{held.url()}/{number}"}, headers=world.headers(DRIVER)).status_code == 201
        assert world.http.post("/webhooks", json={"url": other.url()}, headers=neighbour).status_code == 201
        issue(world, 1)
        company = world.issue("road_transport_business_permit", "company-01")["licence_id"]
        rounds = world.service.courier.start()
        until(lambda: other.taken)
        assert [one.id for one in other.taken] == [f"{company}-1"]
        assert held.got == []
        quick_done.set()
        assert sum(one.result() for one in rounds) == 3
        world.service.courier.work()

    assert len(held.taken) == 3


@pytest.mark.parametrize("after", [1, 3])
def test_a_sender_that_is_killed_loses_nothing(terminal: Terminal, after: int) -> None:
    """`kill -9` in the middle of a message: it comes again, everything else once."""
    world, process = terminal.world, list[subprocess.Popen[bytes]]()
    terminal.environment["LICENCE_WEBHOOK_NETWORKS"] = "127.0.0.0/8"

    def answer(receiver: Receiver, _got: Got) -> tuple[int, dict[str, str]]:
        if process and len(receiver.got) == after:
            os.kill(process.pop().pid, signal.SIGKILL)
        return 204, {}

    with listening(Receiver(answer=answer)) as receiver:
        hook = world.service.hooks.webhooks.add(terminal.client(DRIVER), Wish(receiver.url()), new_secret(), 0, world.clock())
        licence_id = issue(world, 1)
        for number in range(4):
            act(world, licence_id, number)
        command = [sys.executable, "-m", "licence_service", "work", "--once"]
        environment = {**os.environ, **terminal.environment, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL) as one:
            process.append(one)
            assert one.wait(120) == -signal.SIGKILL
        world.clock.now += timedelta(minutes=3)  # type: ignore[attr-defined]  # the lease of the dead one is over
        courier = replace(world.service.courier, poster=Poster(read_networks("127.0.0.0/8")))
        for _ in range(3):
            courier.work()

    assert in_order(receiver.taken) == {licence_id: [1, 2, 3, 4, 5]}
    assert len(receiver.taken) == 6
    assert receiver.taken[after].id == receiver.taken[after + 1].id
    assert world.service.hooks.deliveries.counts(hook)["delivered"] == 5


def test_messages_hold_nothing_of_a_person(world: World) -> None:
    with listening(Receiver()) as receiver:
        world.http.post("/webhooks", json={"url": receiver.url()}, headers=world.headers(DRIVER))
        issue(world, 1)
        world.service.courier.work()

    said = receiver.got[0].body.decode() + json.dumps(receiver.got[0].headers)
    face = world.request(DRIVER)["face"]
    days = (world.request(DRIVER)["decision"]["decided_on"], beijing_day(world.clock()).isoformat())
    words = set(re.findall(r"\w+", said))  # two letters stand by chance within an id, or a signature
    found = [name for name, value in face.items() if (str(value) in said if len(str(value)) > 3 else str(value) in words)]
    assert [name for name in found if str(face[name]) not in days and len(str(face[name])) > 1] == []
    assert citizen(1) not in said
