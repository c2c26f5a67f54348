"""The hourly ceiling of a grant: it stops the sealing, not the receiving, and says whom an issue waits for (AI-05)."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event, Timer

import pytest

from licence_service import chunks
from licence_service.carrying import Done
from licence_service.chunk_rows import Misjudged
from licence_service.errors import SealBraked, SealStopped, Unavailable
from licence_service.licence import beijing_day
from licence_service.seal import Finding
from licence_service.seal.granting import Ceiling
from licence_service.service import told_of_steps
from tests.parts.databases import at_once
from tests.world import BUSINESS, TRIP, Clock, World, a_world

CEILING = 3


@pytest.fixture
def braked(tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    """A world in which each department seals three licences of a type an hour."""
    keys = tmp_path / "keys"
    shutil.copytree(demo_keys, keys)
    for file in keys.glob("*/seal.toml"):
        file.write_text(file.read_text("utf-8").replace("unattended = true", f"unattended = true\nhourly_ceiling = {CEILING}"), "utf-8")
    with a_world(tmp_path, keys) as world:
        yield world


def _body(world: World, number: int, slug: str = TRIP) -> dict[str, object]:
    return world.request(slug, case_no=f"B-{number}", face={"license_no": f"519900261100{number:04}"})


def _sent(world: World, number: int) -> tuple[int, dict[str, str]]:
    answer = world.http.post("/licences", json=_body(world, number), headers=world.headers(TRIP, f"brake-{number:04}"))
    return answer.status_code, answer.json()


@pytest.mark.rule("AI-05")
def test_an_issue_over_the_ceiling_is_received_and_sealed_in_the_next_hour(braked: World) -> None:
    assert [_sent(braked, number)[0] for number in range(CEILING)] == [201] * CEILING
    status, waiting = _sent(braked, 9)
    assert (status, waiting["waits_for"]) == (202, "seal-braked")
    asked = braked.http.get(waiting["reservation_url"], headers=braked.headers(TRIP))
    assert (asked.status_code, asked.json()["waits_for"]) == (202, "seal-braked")
    assert braked.service.registrar.finish() == 0
    assert [use["reason"] for use in braked.service.seal_log.uses(reservation_id=waiting["reservation_url"].rpartition("/")[2])] == ["ceiling"]
    braked.issue(BUSINESS, key="other-type-1")  # another type has its own ceiling

    assert isinstance(braked.clock, Clock)
    braked.clock.now += timedelta(hours=1)
    assert braked.service.registrar.finish() == 1
    status, done = _sent(braked, 9)
    assert (status, done["licence_id"]) == (201, waiting["licence_id"])
    assert not list(braked.service.auditor.audit())


@pytest.mark.rule("AI-05")
@pytest.mark.parametrize("together", [False, True])
def test_an_alarm_stops_the_seal_until_an_officer_has_looked(tmp_path: Path, demo_keys: Path, together: bool) -> None:
    keys = tmp_path / "keys"
    shutil.copytree(demo_keys, keys)
    for file in keys.glob("*/seal.toml"):
        file.write_text(file.read_text("utf-8").replace("[seal]", f"[seal]\nalarm_times = 2\nalarm_least = {CEILING}"), "utf-8")
    with a_world(tmp_path, keys) as world:
        assert [_sent(world, number)[0] for number in range(CEILING)] == [201] * CEILING
        if together:
            (stopped,) = world.service.chunks.issue(world.client(TRIP), [("brake-0009", _body(world, 9))])
            assert isinstance(stopped, SealStopped)
        status, waiting = _sent(world, 9)
        assert (status, waiting["waits_for"]) == (202, "seal-stopped")
        seal = world.service.keyring.departments[world.client(TRIP).department].seal.seal_id
        (order,) = world.service.seal_log.orders(seal)
        assert (order.stopped, order.by) == (True, "alarm")
        assert world.service.registrar.finish() == 0
        world.service.seal_log.order(seal, stopped=False, at=world.clock(), by="officer", reason="a drill")
        assert isinstance(world.clock, Clock)
        world.clock.now += timedelta(minutes=2)
        assert world.service.registrar.finish() == 1
        assert _sent(world, 9)[0] == 201
        assert not list(world.service.auditor.audit())


@pytest.mark.rule("AI-05")
def test_who_comes_at_once_shares_the_ceiling(braked: World) -> None:
    got = at_once([lambda number=number: _sent(braked, number)[0] for number in range(4 * CEILING)])  # type: ignore[misc]
    assert sorted(got, key=str) == [201] * CEILING + [202] * (3 * CEILING)


@pytest.mark.rule("AI-05")
def test_a_chunk_over_the_ceiling_fills_its_hour_and_goes_on_in_the_next(braked: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "PART", 2)
    rows = [(f"chunk-{number:04}", _body(braked, number)) for number in range(CEILING + 2)]
    outcomes = braked.service.chunks.issue(braked.client(TRIP), rows)
    assert [type(one) for one in outcomes] == [Done] * CEILING + [SealBraked] * 2
    assert all(one.retry_after > 5 for one in outcomes if isinstance(one, SealBraked))
    assert len([use for use in braked.service.seal_log.uses() if use["event"] == "done"]) == CEILING
    assert braked.service.registrar.finish() == 0
    assert isinstance(braked.clock, Clock)
    braked.clock.now += timedelta(hours=1)
    again = braked.service.chunks.issue(braked.client(TRIP), rows)
    assert len({one.licence_id for one in again}) == CEILING + 2  # type: ignore[union-attr]  # all are done
    assert not list(braked.service.auditor.audit())


@pytest.mark.rule("AI-05")
def test_what_a_chunk_has_sealed_is_entered_though_others_reach_the_ceiling_before_its_end(braked: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "PART", 2)
    steps: list[str] = []

    def beside(step: str) -> None:
        steps.append(step)
        if step == "request-seal" and steps.count(step) == 2:  # another takes the last of the hour while this one prints
            braked.issue(TRIP, key="meanwhile-1", case_no="B-99", face={"license_no": "5199002611009999"})

    rows = [(f"beside-{number:03}", _body(braked, number)) for number in range(CEILING)]
    outcomes = told_of_steps(braked.service, beside).chunks.issue(braked.client(TRIP), rows)
    assert [type(one) for one in outcomes] == [Done, Done, SealBraked]
    assert not list(braked.service.auditor.audit())


@pytest.mark.rule("AI-05")
@pytest.mark.parametrize("said", ["no", "nothing"])
def test_what_a_validator_finds_wrong_is_not_entered_though_the_ceiling_is_reached_meanwhile(
    braked: World, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "PART", 2)
    steps: list[str] = []

    class Late:
        """A validator that sees each file only when the ceiling was reached."""

        def examine(self, _content: bytes, *, own: bool) -> Finding:  # noqa: ARG002
            assert reached.wait(30)
            return Finding(reasons=("examination-stopped",) if said == "nothing" else ())

    def beside(step: str) -> None:
        steps.append(step)
        if step == "request-seal" and steps.count(step) == 2:
            braked.issue(TRIP, key="meanwhile-1", case_no="B-99", face={"license_no": "5199002611009999"})
            Timer(0.3, reached.set).start()

    reached = Event()
    rows = [(f"beside-{number:03}", _body(braked, number)) for number in range(CEILING)]
    telling = told_of_steps(braked.service, beside).chunks
    late = replace(telling, registrar=replace(telling.registrar, examiner=Late()))  # type: ignore[arg-type]
    if said == "no":
        with pytest.raises(Misjudged) as stopped:
            late.issue(braked.client(TRIP), rows)
        assert stopped.value.at == 0
    else:
        assert all(isinstance(one, Unavailable) and not isinstance(one, SealBraked) for one in late.issue(braked.client(TRIP), rows))
    assert len(list(braked.service.book.all_ids())) == 1, "only the one that came meanwhile"


def test_the_most_generous_grant_says_the_ceiling(braked: World) -> None:
    department = next(iter(braked.service.keyring.departments.values()))
    today = beijing_day(braked.service.now())
    assert department.ceiling_of(TRIP, today) == Ceiling(CEILING)
    assert department.ceiling_of(TRIP, today - timedelta(days=9999)) is None
