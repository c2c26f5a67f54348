"""What waits for a silent source is repeated by the service itself, at the turns of its waiting (AI-04)."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from threading import Lock
from time import sleep
from typing import Any

import pytest
from sqlalchemy import event, select

from licence_service.asking_again import ask_again
from licence_service.carrying import Done
from licence_service.errors import SourceSilent
from licence_service.licence import beijing_day
from licence_service.store.clients import PERSON
from licence_service.store.source_waits import whose_of
from licence_service.store.tables_of_sources import source_waits
from simulators import envelope
from simulators.envelope import FAILS, SLOW
from simulators.sources import Sources
from tests.api.test_connectors import CASE, HAILING, _request, asking_world, case, sent, slug
from tests.api.test_decisions import deciding_world
from tests.parts.databases import KINDS, empty_postgres
from tests.world import DRIVER, World, decision

TURNS = (30, 90, 270, 810, 2430)  # seconds


@pytest.fixture(params=KINDS)
def both(request: pytest.FixtureRequest, tmp_path: Path, demo_keys: Path) -> Iterator[tuple[World, Sources]]:
    url = empty_postgres(request.getfixturevalue("postgres_address")) if request.param == "postgresql" else None
    with asking_world(tmp_path, demo_keys, url) as opened:
        yield opened


@pytest.fixture
def one(tmp_path: Path, demo_keys: Path) -> Iterator[tuple[World, Sources]]:
    with asking_world(tmp_path, demo_keys) as opened:
        yield opened


def later(world: World, seconds: int) -> None:
    world.clock.now += timedelta(seconds=seconds)  # type: ignore[attr-defined]


def repeated(world: World) -> int:
    return ask_again(world.service.registrar, world.service.clients)


def rows(world: World) -> list[Any]:
    with world.service.database.read() as connection:
        return list(connection.execute(select(source_waits)))


@pytest.mark.rule("AI-04")
def test_a_request_whose_source_comes_back_is_issued_though_its_client_never_asks_again(both: tuple[World, Sources]) -> None:
    world, sources = both
    sources.down.add("inspection")
    assert slug(sent(world)) == "source-silent"
    sources.down.clear()
    assert repeated(world) == 0  # before its turn nobody is asked
    later(world, 30)

    assert repeated(world) == 1
    licence = case(world)["licence_id"]
    assert case(world)["state"] == "registered"
    assert rows(world) == []
    again = sent(world)
    assert (again.status_code, again.json()["licence_id"]) == (201, licence)


@pytest.mark.rule("AI-04")
def test_what_stays_silent_is_a_clerks_after_six_turns_and_the_kept_request_is_erased(one: tuple[World, Sources]) -> None:
    world, sources = one
    sources.down.add("inspection")
    sent(world)
    vin = str(_request(world)["face"]["vin"]).encode()
    assert [row.request for row in rows(world) if not row.request or vin in row.request] == []  # kept, and not in the clear
    for number, seconds in enumerate(TURNS, 2):
        later(world, seconds)
        assert repeated(world) == 0
        (row,) = rows(world)
        assert row.attempts == number
    assert (case(world)["state"], case(world)["waits_on"]) == ("needs_clerk", "clerk")
    assert [row.request for row in rows(world)] == [None]
    asked = len(sources.done)
    later(world, 100_000)
    assert (repeated(world), len(sources.done)) == (0, asked)
    assert slug(sent(world)) == "needs-clerk"


def test_a_request_that_is_refused_at_its_turn_is_not_repeated_and_its_client_is_told(one: tuple[World, Sources]) -> None:
    world, sources = one
    sources.down.add("inspection")
    sent(world)
    sources.down.clear()
    sources.records["police"] = {_request(world)["face"]["plate_no"]: None}
    later(world, 30)
    assert repeated(world) == 0
    assert rows(world) == []
    assert slug(sent(world)) == "check-failed"


def test_two_servers_do_not_repeat_the_same_request(one: tuple[World, Sources]) -> None:
    world, sources = one
    sources.down.add("inspection")
    sent(world)
    later(world, 30)
    connectors = world.service.registrar.line.connectors
    assert connectors
    assert len(connectors.waits.take(world.service.now(), 10)) == 1
    assert connectors.waits.take(world.service.now(), 10) == []
    later(world, 120)  # the other one died
    assert len(connectors.waits.take(world.service.now(), 10)) == 1


def test_a_client_that_was_removed_has_nothing_repeated(one: tuple[World, Sources]) -> None:
    world, sources = one
    sources.down.add("inspection")
    sent(world)
    sources.down.clear()
    world.service.clients.remove(world.client(HAILING).name, world.service.now())
    later(world, 30)
    assert repeated(world) == 0
    assert rows(world) == []  # nobody is told for ever that something waits
    assert "inspection" not in dict(sources.got)


def test_what_a_person_entered_is_not_kept_and_the_person_sends_it_again(one: tuple[World, Sources]) -> None:
    world, sources = one
    clerk = replace(world.client(HAILING), name=f"{PERSON}0123456789")
    sources.down.add("inspection")
    for number in (1, 2):
        with pytest.raises(SourceSilent):
            world.service.registrar.issue(clerk, "desk-0001", _request(world))
        assert [(row.attempts, row.request) for row in rows(world)] == [(number, None)]
        later(world, 90)
        assert repeated(world) == 0
    sources.down.clear()
    assert isinstance(world.service.registrar.issue(clerk, "desk-0001", _request(world)), Done)
    assert rows(world) == []


@pytest.mark.rule("AI-04", "AI-05")
def test_a_request_that_meets_the_ceiling_of_its_client_at_its_turn_is_issued_in_a_later_hour(both: tuple[World, Sources]) -> None:
    world, sources = both
    secret = world.service.clients.add(replace(world.client(HAILING), name="slow", hourly_ceiling=1), world.service.now())

    def begun(key: str, body: dict[str, Any]) -> Any:
        return world.http.post("/licences", json=body, headers={"Authorization": f"Bearer {secret}", "Idempotency-Key": key})

    by_hand = {"decision": decision(beijing_day(world.service.now())), "face": {"license_no": "5199003612000000777"}}
    assert begun("by-hand-0001", _request(world, case_no="SA-Q2", **by_hand)).status_code == 201
    sources.down.add("inspection")
    assert slug(begun("machine-0001", _request(world))) == "source-silent"
    sources.down.clear()
    later(world, 30)
    assert repeated(world) == 0
    assert (case(world)["state"], len(rows(world))) == ("checking", 1)
    assert repeated(world) == 0  # not before its turn
    later(world, 3600)
    assert repeated(world) == 1
    assert (case(world)["state"], rows(world)) == ("registered", [])


def test_a_request_that_goes_wrong_stands_in_the_way_of_no_other(one: tuple[World, Sources]) -> None:
    world, sources = one
    sources.down.add("inspection")
    sent(world, "machine-0000", case_no="SA-Q0", face={"license_no": "5199003612000000777"})
    connectors, client = world.service.registrar.line.connectors, world.client(HAILING)
    assert connectors
    connectors.waits.keep(whose_of(client), HAILING, "SA-Q0", {"client": client.name, "key": "machine-0000", "body": []})  # of a later release
    later(world, 1)
    sent(world)
    sources.down.clear()
    later(world, 30)
    with pytest.raises(AttributeError):  # for the log
        repeated(world)
    assert case(world)["state"] == "registered"


def test_rows_of_a_file_are_repeated_too(one: tuple[World, Sources]) -> None:
    world, sources = one
    sources.down.add("inspection")
    (silent,) = world.service.chunks.issue(world.client(HAILING), [("machine-0009", _request(world))])
    assert isinstance(silent, SourceSilent)
    sources.down.clear()
    later(world, 30)
    assert repeated(world) == 1
    (done,) = world.service.chunks.issue(world.client(HAILING), [("machine-0009", _request(world))])
    assert isinstance(done, Done)
    assert done.licence_id == case(world)["licence_id"]


def test_however_many_rows_of_a_file_wait_they_cost_one_transaction(both: tuple[World, Sources]) -> None:
    world, sources = both
    sources.down.add("inspection")
    commits: list[object] = []
    event.listen(world.service.database.engine, "commit", commits.append)

    def waited(first: int, count: int) -> int:
        many = [
            (f"machine-{at:04}", _request(world, case_no=f"{CASE}-{at}", face={"license_no": f"5199003612{at:09}"}))
            for at in range(first, first + count)
        ]  # fmt: skip
        commits.clear()
        outcomes = world.service.chunks.issue(world.client(HAILING), many)
        assert all(isinstance(one, SourceSilent) and "asked 1 times" in one.detail for one in outcomes), outcomes
        return len(commits)

    waited(30, 1)  # what is done once is done
    assert waited(0, 3) == waited(10, 12) <= 3  # one notes it on their cases, and one reserves what may be issued
    assert [(row.attempts, row.request is None) for row in rows(world)] == [(1, False)] * 16


@pytest.mark.rule("AI-02", "AI-04")
def test_a_later_act_that_waits_for_the_register_of_decisions_is_repeated(tmp_path: Path, demo_keys: Path) -> None:
    with deciding_world(tmp_path, demo_keys) as (world, sources):
        licence = world.issue(DRIVER)["licence_id"]
        sources.down.add("decisions")
        body = {"act": "replace", "reason": "lost", "decision": decision(beijing_day(world.service.now()), number="补-1")}
        assert slug(world.act(DRIVER, licence, body, "act-000001")) == "source-silent"
        sources.down.clear()
        later(world, 30)
        assert repeated(world) == 1
        assert [entry.act.value for entry in world.service.book.get(licence).entries] == ["issue", "replace"]
        assert world.act(DRIVER, licence, body, "act-000001").json()["sequence"] == 2


@dataclass
class Asleep:
    """The simulator's clock: counts how many of its answers are late at once."""

    now: int = 0
    most: int = 0
    lock: Lock = field(default_factory=Lock)

    def sleep(self, seconds: float) -> None:
        """Be late."""
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        sleep(seconds)
        with self.lock:
            self.now -= 1


def test_the_sources_of_many_rows_are_asked_side_by_side(tmp_path: Path, demo_keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asleep = Asleep()
    monkeypatch.setattr(envelope, "time", asleep)
    with asking_world(tmp_path, demo_keys, rate=1.0, faults=(SLOW,)) as (world, sources):
        many = [
            (f"machine-{at:04}", _request(world, case_no=f"{CASE}-{at}", face={"license_no": f"5199003612{at:09}"})) for at in range(24)
        ]  # fmt: skip
        outcomes = world.service.chunks.issue(world.client(HAILING), many)
    assert all(isinstance(each, Done) for each in outcomes), outcomes
    assert len(sources.got) == 48
    assert {fault for fault, _ in sources.done} == {SLOW}
    assert asleep.most > 2  # the two sources of one row are asked together in any case


def test_a_source_that_is_silent_is_not_asked_about_each_of_many_rows(one: tuple[World, Sources]) -> None:
    world, sources = one
    asked: set[str] = set()

    def fails(message_id: str, _faults: Any) -> str:
        asked.add(message_id)
        return FAILS if "inspection" in message_id else ""

    object.__setattr__(sources, "fault", fails)
    many = [(f"machine-{at:04}", _request(world, case_no=f"{CASE}-{at}", face={"license_no": f"5199003612{at:09}"})) for at in range(40)]
    outcomes = world.service.chunks.issue(world.client(HAILING), many)
    assert all(isinstance(each, SourceSilent) for each in outcomes), outcomes
    assert 8 <= len([each for each in asked if "inspection" in each]) <= 15  # eight in a row, and those that were under way
    assert len([each for each in asked if "police" in each]) == len(rows(world)) == 40


def test_no_try_is_begun_that_would_keep_the_caller_waiting_too_long(tmp_path: Path, demo_keys: Path) -> None:
    with asking_world(tmp_path, demo_keys, rate=1.0, faults=(FAILS,)) as (world, sources):
        connectors = world.service.registrar.line.connectors
        assert connectors
        for connector, _gateway in connectors.declared.values():
            object.__setattr__(connector, "timeout_seconds", 19.9)
        assert slug(sent(world)) == "source-silent"
        assert len(sources.done) == 2  # one try of each source, though three are declared
