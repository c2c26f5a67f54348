"""`kill -9` between any two steps of the issue line, then the retry or the worker: exactly one entered licence."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from licence_service.carrying import Done
from licence_service.store.reservations import LEASE
from tests.journeys.conftest import Killed
from tests.world import TRIP, World, decision

STEPS = ("draw", "request-seal", "seal", "sealed", "archive", "append")


@dataclass(frozen=True)
class Dying:
    """One licence's work in a process that dies; `settings` are what its service is told beside folder and keys."""

    kill: Killed
    world: World
    folder: Path
    keys: Path
    settings: Mapping[str, object] = field(default_factory=dict)

    def before(self, step: str, body: Mapping[str, object], licence_id: str = "") -> None:
        """Let another process begin the work and kill it before the step."""
        caller = self.world.client(TRIP)
        job = {"client": caller.name, "department": caller.department, "key": "crash-0001", "body": body, "licence_id": licence_id}
        self.kill(self.folder, self.keys, step, settings=dict(self.settings), **job)


@pytest.fixture
def dying(killed: Killed, world: World, tmp_path: Path, demo_keys: Path) -> Dying:
    """Work in the test's own world."""
    return Dying(killed, world, tmp_path, demo_keys)


def uses_are_accounted_for(world: World) -> None:
    """Every request of a seal has an end, or is the one that the crash left open; the chain is whole."""
    uses = world.service.seal_log.uses()
    requested = [use for use in uses if use["event"] == "requested"]
    done = [use for use in uses if use["event"] == "done"]
    assert 1 <= len(done) <= len(requested) <= 2
    assert {use["reservation_id"] for use in uses} == {requested[0]["reservation_id"]}
    assert not list(world.service.seal_log.breaks())


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("finisher", ["retry", "worker"])
def test_an_issue_killed_at_any_step_ends_as_exactly_one_licence(world: World, dying: Dying, step: str, finisher: str) -> None:
    body = world.request(TRIP)
    dying.before(step, body)
    assert world.service.book.all_ids() == []
    world.clock.now += LEASE + timedelta(seconds=1)  # type: ignore[attr-defined]
    if finisher == "worker":
        assert world.service.registrar.finish() == 1
    answer = world.http.post("/licences", json=body, headers=world.headers(TRIP, "crash-0001"))
    assert answer.status_code == 201
    assert world.service.book.all_ids() == [answer.json()["licence_id"]]
    entries = world.service.book.get(answer.json()["licence_id"]).entries
    assert len(entries) == 1
    assert world.service.archive.get(entries[0].version.document.sha256).startswith(b"%PDF-")  # type: ignore[union-attr]
    uses_are_accounted_for(world)


@pytest.mark.parametrize("step", STEPS)
def test_a_change_killed_at_any_step_ends_as_exactly_one_version(world: World, dying: Dying, step: str) -> None:
    issued = world.issue(TRIP)
    day = world.clock().date()
    body = {"act": "change", "decision": decision(day), "face": {"goods_name": "变压器本体（不可解体）"}}
    before = len(world.service.seal_log.uses())
    dying.before(step, body, issued["licence_id"])
    assert len(world.service.book.get(issued["licence_id"]).entries) == 1
    world.clock.now += LEASE + timedelta(seconds=1)  # type: ignore[attr-defined]
    answer = world.http.post(f"/licences/{issued['licence_id']}/entries", json=body, headers=world.headers(TRIP, "crash-0001"))
    assert answer.status_code == 201, answer.text
    assert answer.json()["version"] == 2
    assert [entry.act.value for entry in world.service.book.get(issued["licence_id"]).entries] == ["issue", "change"]
    assert [use["event"] for use in world.service.seal_log.uses()[before:]][-1] == "done"


def test_the_same_reservation_draws_the_same_page_again(world: World) -> None:
    """Same input, same bytes: what a second process seals after a crash is the page that the first one drew."""
    seal_id = world.service.keyring.departments[world.service.catalogue.samples[TRIP].issuer].seal.seal_id
    world.service.seal_log.order(seal_id, stopped=True, at=world.clock(), by="officer", reason="drill")
    assert world.http.post("/licences", json=world.request(TRIP), headers=world.headers(TRIP, "issue-0001")).status_code == 202
    world.service.seal_log.order(seal_id, stopped=False, at=world.clock(), by="officer", reason="over")
    line = world.service.registrar.line
    reservation = line.reservations.by_key(world.client(TRIP).name, "issue-0001")
    assert reservation is not None
    entry, template = line.restored(reservation)
    department = world.service.keyring.departments[reservation.department]
    drawn = [line._sealed(reservation, entry, template, department).document for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert world.service.registrar.finish() == 1
    entered = world.service.book.get(reservation.licence_id).entries[0].version
    assert entered is not None
    assert world.service.archive.get(entered.document.sha256) == drawn[0]


def test_a_reservation_of_a_dead_process_is_answered_with_202_until_its_lease_ends(world: World, dying: Dying) -> None:
    body = world.request(TRIP)
    dying.before("seal", body)
    impatient = replace(world.service.registrar, wait_seconds=0.1)
    waiting = impatient.issue(world.client(TRIP), "crash-0001", body)
    assert not isinstance(waiting, Done)
    world.clock.now += LEASE + timedelta(seconds=1)  # type: ignore[attr-defined]
    assert isinstance(impatient.issue(world.client(TRIP), "crash-0001", body), Done)
