"""A client that is removed or switched off while its chunk is under way: nothing more of the chunk is entered, now or later."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from licence_service import chunks, sealing_many
from licence_service.carrying import Done, Waiting
from licence_service.chunk_rows import Misjudged, ShutOut, still_calling
from licence_service.digests import sha256
from licence_service.errors import ArchiveUnavailable
from licence_service.runs import Runs
from licence_service.service import told_of_steps
from licence_service.store.reserving import LEASE
from licence_service.store.runs import STOPPED, Run
from licence_service.web import problems
from tests.journeys.test_chunks import rows
from tests.journeys.test_foreign_reading import either, url  # noqa: F401 - fixtures
from tests.journeys.test_token_seals import slow  # noqa: F401 - a fixture
from tests.slow_keys import SlowKey
from tests.world import BUSINESS, DRIVER, VEHICLE, Clock, World

COUNT, MANY = 30, 90  # many: more than are under way in the lanes at once


def opened(world: World, runs: Runs, count: int = COUNT) -> Run:
    """Open a run of one chunk."""
    lines = [json.dumps({"key": key, "request": body}, ensure_ascii=False).encode() for key, body in rows(world, count=count)]
    digest = sha256(b"".join(line + b"\n" for line in lines))
    run = runs.opened(world.client(DRIVER).name, digest, 0, count, count)
    if not runs.kept.standing(run).chunks:
        runs.add(run, 0, 1, lines)
    return run


def off(world: World) -> None:
    """Switch the client off."""
    world.service.clients.switch(world.client(DRIVER).name, world.clock(), off=True)


def away(world: World) -> None:
    """Remove the client."""
    world.service.clients.remove(world.client(DRIVER).name, world.clock())


def nothing_comes_later(world: World) -> None:
    """Nothing is in the book, the worker finds nothing to carry, and every use of the seal is accounted for."""
    assert isinstance(world.clock, Clock)
    world.clock.now += 2 * LEASE
    assert world.service.registrar.finish() == 0
    assert not list(world.service.book.all_ids())
    events = [use["event"] for use in world.service.seal_log.uses()]
    assert events.count("requested") == events.count("done") + events.count("failed")


@pytest.mark.parametrize("shut", [off, away])
def test_between_two_parts_of_a_slow_seal_it_is_noticed_and_the_chunk_stops(
    slow: tuple[World, SlowKey], monkeypatch: pytest.MonkeyPatch, shut: Callable[[World], None]  # noqa: F811
) -> None:  # fmt: skip
    monkeypatch.setattr(chunks, "PART", 10)
    world, key = slow
    key.latency = 0.05
    drawn: list[str] = []

    def at_the_second(step: str) -> None:
        drawn.extend([step] if step == "draw" else [])
        if step == "draw" and len(drawn) == 2:
            shut(world)

    runs = told_of_steps(world.service, at_the_second).runs
    run = opened(world, runs)
    with pytest.raises(ShutOut):
        runs.carry(run.run_id, 0, "command:1")
    assert len(drawn) == 2, "the third part is not begun"
    assert key.whole <= 20
    (kept,) = runs.kept.troubled(run)
    assert (kept.state, kept.reason) == (STOPPED, "not-in-register")
    nothing_comes_later(world)


def test_within_a_part_that_takes_long_it_is_noticed_and_the_rows_come_again_when_it_may(
    slow: tuple[World, SlowKey], monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    monkeypatch.setattr(sealing_many, "LONG_SECONDS", 0.1)
    world, key = slow
    key.latency, drawn = 0.05, list[str]()

    def while_it_signs(step: str) -> None:
        if step == "seal":
            drawn.append(step)
            off(world)

    runs = told_of_steps(world.service, while_it_signs).runs
    run = opened(world, runs, MANY)
    with pytest.raises(ShutOut):
        runs.carry(run.run_id, 0, "command:1")
    assert drawn
    assert key.whole < MANY
    nothing_comes_later(world)

    world.service.clients.switch(world.client(DRIVER).name, world.clock(), off=False)
    again = opened(world, world.service.runs, MANY)
    assert again.run_id == run.run_id
    assert world.service.runs.carry(run.run_id, 0, "command:1")
    assert not any(b'"problem"' in line for line in world.service.runs.results(run, 0)[1])
    assert len(list(world.service.book.all_ids())) == MANY
    assert not list(world.service.auditor.audit(documents=True))


def test_before_all_is_entered_it_is_noticed_once_more(world: World) -> None:
    runs = told_of_steps(world.service, lambda step: off(world) if step == "append" else None).runs
    run = opened(world, runs, 3)
    with pytest.raises(ShutOut):
        runs.carry(run.run_id, 0, "command:1")
    nothing_comes_later(world)


def test_rows_that_go_alone_are_not_begun_any_more(world: World) -> None:
    """Rows under another licence go one by one, each entered by itself: those that are entered stay."""
    parent = world.issue(BUSINESS)["number"]
    given = [(key, {**body, "face": {**body["face"], "business_permit_no": parent}}) for key, body in rows(world, VEHICLE, 3)]
    entered: list[Any] = []

    def after_the_first(step: str) -> None:
        if step == "append":
            entered.append(step)
            world.service.clients.switch(world.client(VEHICLE).name, world.clock(), off=True)

    service = told_of_steps(world.service, after_the_first)
    allowed = replace(service.chunks, allowed=lambda: still_calling(service.clients, world.client(VEHICLE).name))
    with pytest.raises(ShutOut):
        allowed.issue(world.client(VEHICLE), given)
    assert len(entered) == 1
    assert len(list(world.service.book.all_ids())) == 2


def test_rows_that_the_press_hands_over_are_not_begun_any_more(world: World) -> None:
    given = [
        (key, {**body, "face": {**body["face"], "person_name": "Ωmega Ж"}}) for key, body in rows(world, count=3)
    ]  # widths that no prefix declares
    entered: list[Any] = []

    def after_the_first(step: str) -> None:
        if step == "append" and not entered:
            entered.append(step)
            off(world)

    service = told_of_steps(world.service, after_the_first)
    allowed = replace(service.chunks, allowed=lambda: still_calling(service.clients, world.client(DRIVER).name))
    with pytest.raises(ShutOut):
        allowed.issue(world.client(DRIVER), given)
    assert isinstance(world.clock, Clock)
    world.clock.now += 2 * LEASE
    assert world.service.registrar.finish() == 0
    assert len(list(world.service.book.all_ids())) == 1


def test_rows_in_whose_way_something_stood_are_not_begun_any_more(world: World) -> None:
    given = rows(world, count=3)

    def between(step: str) -> None:
        if step == "append":  # another takes the number of the first
            world.service.registrar.issue(world.client(DRIVER), "another-one", {**given[0][1], "case_no": "ANOTHER"})

    asked: list[None] = []

    def allowed() -> None:
        asked.append(None)
        if len(asked) > 2:  # before the part, before all is entered
            raise ShutOut("shut out")

    with pytest.raises(ShutOut):
        replace(told_of_steps(world.service, between).chunks, allowed=allowed).issue(world.client(DRIVER), given)
    assert isinstance(world.clock, Clock)
    world.clock.now += 2 * LEASE
    assert world.service.registrar.finish() == 0
    assert len(list(world.service.book.all_ids())) == 3


def test_what_a_carrier_left_that_gave_up_is_not_entered_by_the_server(world: World) -> None:
    def trouble(step: str) -> None:
        if step == "archive":
            raise ArchiveUnavailable

    runs = told_of_steps(world.service, trouble).runs
    run = opened(world, runs, 3)
    with pytest.raises(ArchiveUnavailable):
        runs.carry(run.run_id, 0, "job:1")
    off(world)
    with pytest.raises(ShutOut):
        world.service.runs.carry(run.run_id, 0, "job:2")
    nothing_comes_later(world)


def test_what_another_client_reserved_for_the_same_case_is_entered_for_that_one(either: World) -> None:  # noqa: F811
    world = either
    client, seal_id = world.client(DRIVER), world.service.keyring.departments[world.client(DRIVER).department].seal.seal_id
    other, (_, body) = replace(client, name="another"), rows(world, count=1)[0]
    world.service.clients.add(other, world.clock())
    world.service.seal_log.order(seal_id, stopped=True, at=world.clock(), by="an officer", reason="a test")
    waiting = world.service.registrar.issue(other, "key-of-another", body)
    assert isinstance(waiting, Waiting)
    world.service.seal_log.order(seal_id, stopped=False, at=world.clock(), by="an officer", reason="a test")
    runs = told_of_steps(world.service, lambda step: off(world) if step == "append" else None).runs
    run = opened(world, runs, 3)
    with pytest.raises(ShutOut):
        runs.carry(run.run_id, 0, "command:1")
    assert world.service.registrar.finish() == 1
    done = world.service.registrar.reservation(other, waiting.reservation_id)
    assert isinstance(done, Done)
    assert list(world.service.book.all_ids()) == [done.licence_id]


def test_asking_whether_a_client_still_may_costs_a_quick_chunk_little(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One read for each part, and one before all is entered."""
    monkeypatch.setattr(chunks, "PART", 10)
    asked: list[float] = []
    counting = replace(world.service.chunks, allowed=lambda: asked.append(time.monotonic()))
    done = counting.issue(world.client(DRIVER), rows(world, count=COUNT))
    assert all(isinstance(one, Done) for one in done)
    assert len(asked) == COUNT // 10 + 1


def test_a_refusal_that_is_a_kind_of_another_is_answered_as_that_one() -> None:
    """A release over HTTP may meet either; neither is a bug of the service."""
    assert [problems.document_of(one)["status"] for one in (ShutOut(), Misjudged())] == [404, 422]
