"""Prepared answers say what the usual way says, on every day up to which they are kept, and never after anything changed."""

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_service.app import _again_and_again
from licence_service.catalogue import Catalogue
from licence_service.licence import beijing_day
from licence_service.preparing import generation_of, shorthand_of
from licence_service.seal.keyring import Keyring
from licence_service.seal.tokens import EVERY_PURPOSE
from licence_service.service import Service
from licence_service.verification import Question
from tests.parts.databases import KINDS, empty_postgres
from tests.world import BUSINESS, DRIVER, TRIP, VEHICLE, World, a_world

BROWSER = {"Accept": "text/html"}


@pytest.fixture(params=KINDS)
def either(request: pytest.FixtureRequest, tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    """A world on either database."""
    url = None
    if request.param == "postgresql":
        url = empty_postgres(request.getfixturevalue("postgres_address"), request.getfixturevalue("migrated_postgres"))
    with a_world(tmp_path, demo_keys, url) as opened:
        yield opened


def digits_of(issued: dict[str, Any]) -> str:
    return str(issued["verify_url"]).rpartition("/Q/1")[2]


def named_by(catalogue: Catalogue, keyring: Keyring) -> str:
    return generation_of(catalogue, keyring, shorthand_of(catalogue))


def usual(world: World, digits: str) -> dict[str, Any]:
    """Return what the verifier says, as it would be sent."""
    found: dict[str, Any] = json.loads(json.dumps(world.service.verifier.by_code(digits, Question()).as_json()))
    return found


def ready(world: World, digits: str) -> dict[str, Any] | None:
    """Return what lies ready, by clocks that were just read."""
    world.service.preparer.held.clear()
    body = world.service.preparer.answer(digits)
    return json.loads(body) if body is not None else None


def original(world: World, issued: dict[str, Any]) -> bytes:
    return bytes(world.http.post("/download", json={"delivery_code": issued["delivery_code"]}).content)


def prepare(world: World) -> None:
    while world.service.preparer.work():
        pass


@pytest.mark.parametrize("slug", [DRIVER, VEHICLE, BUSINESS])
def test_what_was_issued_lies_ready_and_says_what_the_usual_way_says(world: World, slug: str) -> None:
    digits = digits_of(world.issue(slug))
    assert ready(world, digits) is None

    prepare(world)

    assert ready(world, digits) == usual(world, digits)


def test_on_either_database_an_answer_goes_out_as_the_usual_one_does(either: World) -> None:
    digits = digits_of(either.issue(DRIVER))
    before = either.http.get(f"/Q/1{digits}")
    prepare(either)
    after = either.http.get(f"/Q/1{digits}")

    assert ready(either, digits) is not None
    assert after.content == before.content
    wanted = {name: value for name, value in before.headers.items() if name != "x-request-id"}
    assert {name: value for name, value in after.headers.items() if name != "x-request-id"} == wanted
    assert after.headers["x-request-id"] != before.headers["x-request-id"]


def test_the_answer_to_an_original_lies_ready_too_and_goes_out_as_the_usual_one_does(either: World) -> None:
    content = original(either, either.issue(VEHICLE))
    before = either.http.post("/verify/document", content=content, headers={"Content-Type": "application/pdf"})
    prepare(either)
    either.service.preparer.held.clear()
    ready_now = either.service.preparer.answer_document(content)
    after = either.http.post("/verify/document", content=content, headers={"Content-Type": "application/pdf"})

    assert ready_now is not None
    assert before.json() == after.json() == json.loads(ready_now)
    assert {name: value for name, value in after.headers.items() if name != "x-request-id"} == {
        name: value for name, value in before.headers.items() if name != "x-request-id"
    }
    assert either.service.preparer.answer_document(content + b"\n") is None


def test_scans_answered_from_what_lies_ready_are_counted_and_others_are_not(world: World) -> None:
    digits = digits_of(world.issue(DRIVER))
    world.http.get(f"/Q/1{digits}")
    prepare(world)
    world.http.get(f"/Q/1{digits}")
    page = world.http.get(f"/Q/1{digits}", headers=BROWSER)
    forged = world.http.get(f"/Q/1{digits[:-1]}{(int(digits[-1]) + 1) % 10}")

    assert "licence_scans_total 1.0" in world.http.get("/metrics").text
    assert page.headers["content-type"].startswith("text/html")
    assert forged.json()["overall"] == "not_valid"


def test_a_scan_makes_its_own_answer_ready(world: World) -> None:
    digits = digits_of(world.issue(DRIVER))
    prepare(world)
    with world.service.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM prepared_answers")

    world.http.get(f"/Q/1{digits}")
    prepare(world)

    assert ready(world, digits) == usual(world, digits)


def test_an_act_takes_the_answer_away_at_once(world: World) -> None:
    issued = world.issue(DRIVER)
    digits, today = digits_of(issued), beijing_day(world.clock())
    prepare(world)
    suspension = {"act": "suspend", "suspension": {"kind": "measure", "first": today.isoformat(), "last": (today + timedelta(days=9)).isoformat()}}
    answer = world.act(DRIVER, issued["licence_id"], suspension, "suspend-01")
    assert answer.status_code == 201, answer.text

    assert ready(world, digits) is None
    assert world.http.get(f"/Q/1{digits}").json()["licence"]["state"] == "suspended"
    prepare(world)
    told = ready(world, digits)
    assert told == usual(world, digits)
    assert told["overall"] == "not_valid"


def test_a_line_of_the_law_takes_every_answer_away(world: World) -> None:
    digits = digits_of(world.issue(DRIVER))
    prepare(world)
    foundations = world.service.foundations
    pack = next(one for one in foundations.lines() if one.kind == "rule_pack")
    foundations.confirm([foundations.propose(pack.kind, pack.name, pack.content, "甲")], "乙")

    assert ready(world, digits) is None


@pytest.mark.parametrize("slug", [DRIVER, VEHICLE, BUSINESS])
def test_an_answer_is_kept_as_long_as_it_stays_the_same_and_not_a_day_longer(world: World, slug: str) -> None:
    digits = digits_of(world.issue(slug))
    kept = []
    for _ in range(420):
        world.clock.now += timedelta(days=11)  # type: ignore[attr-defined]
        told = ready(world, digits)
        kept.append(told is not None)
        assert told in (None, usual(world, digits))
        if told is None:
            prepare(world)
            assert ready(world, digits) == usual(world, digits)

    assert kept.count(True) > 400
    assert kept.count(False) > 1


def test_an_erased_payload_takes_the_answers_with_it(either: World) -> None:
    issued = either.issue(DRIVER)
    digits = digits_of(issued)
    prepare(either)
    assert ready(either, digits) is not None
    with either.service.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM payloads")

    assert ready(either, digits) is None
    either.service.preparer.want(digits)
    prepare(either)
    assert ready(either, digits) is None
    assert str(either.request(DRIVER)["face"]["employer"]) not in either.http.get(f"/Q/1{digits}").text


def test_a_code_that_was_changed_finds_nothing_ready(world: World) -> None:
    digits = digits_of(world.issue(DRIVER))
    prepare(world)

    for other in (f"{digits[:-1]}{(int(digits[-1]) + 1) % 10}", f"0{digits}", digits[:-1], f"{digits}0", "٣" * len(digits), ""):
        assert ready(world, other) is None


def test_everything_beside_the_book_is_in_the_name_of_the_generation(world: World) -> None:
    catalogue, keyring = world.service.catalogue, world.service.keyring
    uscc, department = next(iter(keyring.departments.items()))
    slug = next(iter(catalogue.editions))
    edition = catalogue.editions[slug][-1]
    named = [
        named_by(catalogue, keyring),
        named_by(catalogue, replace(keyring, known_seals={})),
        named_by(catalogue, replace(keyring, trust_roots=())),
        named_by(catalogue, replace(keyring, code_keys={})),
        named_by(catalogue, replace(keyring, code_keys={kid: replace(one, purposes=EVERY_PURPOSE) for kid, one in keyring.code_keys.items()})),
        named_by(catalogue, replace(keyring, departments={**keyring.departments, uscc: replace(department, name="别名")})),
        named_by(replace(catalogue, kinds={}), keyring),
        named_by(replace(catalogue, editions={**catalogue.editions, slug: (replace(edition, digest="0" * 64),)}), keyring),
    ]

    assert len(set(named)) == len(named)
    assert named_by(catalogue, keyring) == named[0]


def test_an_answer_never_rests_on_more_than_it_says_is_known(world: World) -> None:
    first = digits_of(world.issue(DRIVER))
    prepare(world)
    told = ready(world, first)
    assert told
    second = world.issue(VEHICLE, key="issue-0002")
    prepare(world)

    body = world.service.preparer.answer(digits_of(second))  # within the quarter of a second for which the clocks are kept
    assert body
    said = json.loads(body)
    assert said["head"]["entry"] > told["head"]["entry"]
    assert said["known_at"] >= second["recorded_at"][:26]


def test_answers_of_days_gone_by_are_thrown_away(world: World) -> None:
    world.issue(DRIVER)
    prepare(world)
    with world.service.database.write() as connection:
        connection.exec_driver_sql("UPDATE prepared_answers SET id = id / 3, key = x'00' || substr(key, 2), until = '2020-01-01'")

    assert world.service.preparer.work() > 0
    assert world.service.preparer.work() == 0
    with world.service.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM prepared_answers WHERE until < '2026-01-01'").scalar_one() == 0


def test_another_release_or_key_makes_nothing_of_what_lies_ready(world: World) -> None:
    digits = digits_of(world.issue(DRIVER))
    prepare(world)
    with world.service.database.write() as connection:
        connection.exec_driver_sql("UPDATE prepared_answers SET generation = 'another'")

    assert ready(world, digits) is None


def test_a_department_whose_keys_are_missing_is_no_bug_and_keeps_no_worker_from_its_work(world: World, demo_keys: Path, tmp_path: Path) -> None:
    gone, other = world.issue(DRIVER), world.issue(TRIP, "issue-0002")
    keys = tmp_path / "fewer"
    shutil.copytree(demo_keys, keys)
    shutil.rmtree(keys / world.service.catalogue.samples[DRIVER].issuer)
    with a_world(tmp_path, keys, tokens=world.tokens) as again:
        answer = again.http.post("/verify", json={"number": gone["number"], "check_code": gone["check_code"]})
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:licence-service:problem:unavailable")
        prepare(again)
        assert ready(again, digits_of(other))


def test_work_beside_the_requests_outlives_a_bug_and_names_its_place_alone(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    stop, times = threading.Event(), []

    def work(_: Service) -> None:
        times.append(1)
        if len(times) > 1:
            stop.set()
        raise KeyError("张三")

    _again_and_again("heads", world.service, work, 0.001, stop)

    assert len(times) == 2
    said = capsys.readouterr().out
    assert "KeyError" in said
    assert "test_scanning.py" in said
    assert "张三" not in said
