"""What was left half-way comes to an end by itself, and what can never be ended is given up once."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from licence_service.app import create_app
from licence_service.errors import NumberTaken, Unavailable
from licence_service.service import told_of_steps
from licence_service.store.reservations import LEASE
from tests.waiting import until
from tests.world import NOW, TRIP, World, a_world


def order(world: World, *, stopped: bool) -> None:
    """Stop or start the seal of the trip permits."""
    seal_id = world.service.keyring.departments[world.service.catalogue.samples[TRIP].issuer].seal.seal_id
    world.service.seal_log.order(seal_id, stopped=stopped, at=NOW, by="officer", reason="drill")


def test_of_two_licences_with_one_number_the_later_is_given_up_and_never_sealed_again(world: World) -> None:
    """Both pass the first look; the second is entered while the first is being sealed."""
    registrar, client = world.service.registrar, world.client(TRIP)
    second: list[Any] = []

    def between(step: str) -> None:
        if step == "append" and not second:
            second.append(registrar.issue(client, "number-002", world.request(TRIP, case_no="NUMBER-2")))

    with pytest.raises(NumberTaken):
        told_of_steps(world.service, between).registrar.issue(client, "number-001", world.request(TRIP, case_no="NUMBER-1"))
    assert world.service.book.all_ids() == [second[0].licence_id]
    world.clock.now += 10 * LEASE  # type: ignore[attr-defined]
    uses = len(world.service.seal_log.uses())
    assert registrar.finish() == 0
    assert len(world.service.seal_log.uses()) == uses
    again = world.http.post("/licences", json=world.request(TRIP, case_no="NUMBER-1"), headers=world.headers(TRIP, "number-001"))
    assert again.status_code == 409


def test_one_issue_that_cannot_be_ended_does_not_stand_before_the_others(world: World) -> None:
    registrar, client = world.service.registrar, world.client(TRIP)
    order(world, stopped=True)
    for number in (1, 2):
        registrar.issue(client, f"waiting-{number}", world.request(TRIP, face={"license_no": f"519900261100000{number}"}, case_no=f"W-{number}"))
    order(world, stopped=False)
    failed: list[str] = []

    def archive_gone_once(step: str) -> None:
        if step == "archive" and not failed:
            failed.append(step)
            raise Unavailable("gone")

    with pytest.raises(Unavailable):
        told_of_steps(world.service, archive_gone_once).registrar.finish()
    assert len(list(world.service.book.all_ids())) == 1
    assert registrar.finish() == 1
    assert len(list(world.service.book.all_ids())) == 2


def test_the_server_finishes_by_itself_what_waits_and_outlives_trouble(tmp_path: Path, demo_keys: Path) -> None:
    with a_world(tmp_path, demo_keys) as world:
        order(world, stopped=True)
        body, headers = world.request(TRIP), world.headers(TRIP, "worker-001")
        assert world.http.post("/licences", json=body, headers=headers).status_code == 202
    with a_world(tmp_path, demo_keys, tokens=world.tokens, worker_seconds=0.05) as world:
        database = tmp_path / "licence.db"
        with TestClient(create_app(world.service)) as http:
            database.rename(tmp_path / "away.db")
            database.mkdir()  # or whoever opens another connection meanwhile would make an empty database, and keep it
            time.sleep(0.2)
            database.rmdir()
            (tmp_path / "away.db").rename(database)
            world.clock.now += LEASE + timedelta(seconds=1)  # type: ignore[attr-defined]  # what was under way just then could not give its lease back
            order(world, stopped=False)
            until(lambda: list(world.service.book.all_ids()))
            assert http.post("/licences", json=body, headers=headers).status_code == 201


def test_the_server_lets_foreign_readers_look_by_itself_and_by_the_children_that_it_has(tmp_path: Path, demo_keys: Path) -> None:
    with a_world(tmp_path, demo_keys, worker_seconds=0.05) as world, TestClient(create_app(world.service)):
        idle = [child._process for child in world.service.examiner._children]
        world.issue(TRIP)
        until(lambda: world.service.foreign_reading.kept.counts()["right"])
        assert world.service.foreign_reading.kept.counts() == {"waiting": 0, "right": 1, "wrong": 0, "gone": 0}
        assert [child._process for child in world.service.examiner._children] == idle, "no further child was started"
