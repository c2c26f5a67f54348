"""PostgreSQL that is restarted, or away for a while: every round of the server goes on at its next turn, and nothing is lost or doubled."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import create_engine, text
from starlette.testclient import TestClient

from licence_service.app import create_app
from tests.journeys.test_delivery import citizen
from tests.parts.databases import empty_postgres
from tests.receiver import Receiver, listening
from tests.waiting import until
from tests.world import DRIVER, World, a_world

LICENCES = 12
_QUICK = dict.fromkeys(("worker_seconds", "head_seconds", "webhook_seconds", "notice_seconds"), 0.02)
_CUT = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()")


@contextmanager
def cut_again_and_again(address: str, world: World) -> Iterator[None]:
    """End all connections to the register several times a second; in the middle nobody is let in for a second."""
    name, over, chance = world.service.database.url.database, threading.Event(), random.Random(20261124)
    engine = create_engine(address, isolation_level="AUTOCOMMIT")

    def cut() -> None:
        with engine.connect() as connection:
            for number in range(10_000):
                if over.wait(chance.uniform(0.02, 0.3) * (1 + number / 50)):  # ever more seldom: a slow machine, too, gets through
                    break
                if number == 20:
                    connection.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'))
                connection.execute(_CUT, {"name": name})
                if number == 20:
                    over.wait(1)
                    connection.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'))

    cutting = threading.Thread(target=cut)
    cutting.start()
    try:
        yield
    finally:
        over.set()
        cutting.join()
        engine.dispose()


def issued_at_last(world: World, number: int) -> tuple[str, set[int]]:
    """Ask for a licence under one key until it is there, and return its id and what was answered meanwhile."""
    face = {"citizen_id": citizen(number), "license_no": citizen(number)}
    body, headers, answered = world.request(DRIVER, face=face, case_no=f"SA-D{number}"), world.headers(DRIVER, f"driver-{number:04}"), set()
    for _ in range(400):
        answer = world.http.post("/licences", json=body, headers=headers)
        answered.add(answer.status_code)
        if answer.status_code == 201:
            return answer.json()["licence_id"], answered
        world.clock.now += timedelta(seconds=1)  # type: ignore[attr-defined]  # the lease of a try that was cut off runs out
    raise AssertionError(f"it was never issued: {answered}")


def test_every_round_goes_on_when_connections_were_cut_and_nothing_is_lost(
    tmp_path: Path, demo_keys: Path, postgres_address: str, migrated_postgres: str
) -> None:
    url, receiver = empty_postgres(postgres_address, migrated_postgres), Receiver()
    more: dict[str, Any] = {"heads_url": f"file:{tmp_path}/second", "webhook_networks": "127.0.0.0/8", **_QUICK}
    with a_world(tmp_path, demo_keys, url, **more) as world, listening(receiver), structlog.testing.capture_logs() as lines:
        world.http.post("/webhooks", json={"url": receiver.url()}, headers=world.headers(DRIVER)).raise_for_status()
        hook = world.service.hooks.webhooks.all()[0]
        with TestClient(create_app(world.service)):  # with it, its rounds
            answered: set[int] = set()
            with cut_again_and_again(postgres_address, world):
                began, licences = time.monotonic(), set[str]()
                while time.monotonic() - began < 6 or len(licences) < LICENCES:
                    licence_id, met = issued_at_last(world, len(licences) % LICENCES)
                    licences.add(licence_id)
                    answered |= met
            world.clock.now += timedelta(minutes=10)  # type: ignore[attr-defined]  # claims of rounds that were cut off have run out
            until(lambda: world.service.hooks.deliveries.counts(hook)["delivered"] == LICENCES)
            until(lambda: world.service.follower.heads.uncovered()[0] == 0)
        log = [(line["log_level"], line["event"]) for line in lines]

        assert answered <= {201, 202, 503}
        assert {one.id for one in receiver.taken} == {f"{licence_id}-1" for licence_id in licences}
        assert len(list(world.service.registrar.line.book.all_ids())) == LICENCES
        assert [str(one) for one in world.service.auditor.audit(documents=True)] == []
        assert [line for line in log if line[0] not in ("info", "warning")] == []
        assert len({event for level, event in log if level == "warning"}) >= 3  # rounds that were cut off
