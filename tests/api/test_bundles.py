"""Several licences of one matter in one request (DOMAIN AI-08)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from licence_service.bundled import MOST
from licence_service.store.clients import Client
from tests.promised import Promises
from tests.world import DRIVER, World, a_world

KEY, NUMBER = "bundle-0001", "YJS-2026-000001"
ROUTE = "/licences/bundle"
TAXI = "taxi_driver_certificate"  # of the same department, for the same person


@pytest.fixture
def world(tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    with a_world(tmp_path, demo_keys) as opened:
        yield opened


def bundle(world: World, *issues: Any, key: str = KEY, status: int = 200, **more: Any) -> Any:
    body = {"bundle_no": NUMBER, "issues": list(issues), **more}
    answer = world.http.post(ROUTE, json=body, headers=world.headers(DRIVER, key))
    assert answer.status_code == status, answer.text
    Promises(world)(ROUTE, answer)
    return answer.json()


def faults(problem: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one["path"], one["code"]) for one in problem["faults"]}


@pytest.mark.rule("AI-08")
def test_each_licence_of_a_bundle_is_one_of_its_own(world: World) -> None:
    told = bundle(world, world.request(DRIVER, case_no="B-1"), world.request(TAXI, case_no="B-2"))

    assert (told["state"], told["issued"], told["waiting"], told["refused"]) == ("complete", 2, 0, 0)
    assert told["said"] == {"zh": "本次申请 2 张证照，已签发 2 张。", "en": "2 of 2 licences issued."}
    for slug, one in zip((DRIVER, TAXI), told["issues"], strict=True):
        record = world.service.book.get(one["licence"]["licence_id"])
        assert (record.type, one["outcome"]) == (slug, "issued")
        basis = record.entries[0].basis
        assert basis
        assert basis.bundle_no == NUMBER
        checked = world.http.post("/verify", json={"number": one["licence"]["number"], "check_code": one["licence"]["check_code"]}).json()
        assert checked["overall"] in {"valid", "valid_conditions_unmet"}


@pytest.mark.rule("AI-08")
def test_partial_success_is_said_plainly_and_the_rest_comes_with_the_same_key(world: World) -> None:
    good, bad = world.request(DRIVER, case_no="B-1"), world.request(TAXI, case_no="B-2")
    wrong = {**bad, "face": {**bad["face"], "license_no": ""}}
    told = bundle(world, good, wrong)

    assert (told["state"], told["issued"], told["refused"]) == ("partial", 1, 1)
    assert told["said"]["zh"] == "本次申请 2 张证照，已签发 1 张，1 张未签发。"
    first, second = told["issues"]
    assert first["licence"]["licence_id"]
    assert (second["outcome"], second["problem"]["status"]) == ("refused", 422)
    assert ("face.license_no", "missing") in faults(second["problem"])

    again = bundle(world, good, bad)
    assert again["state"] == "complete"
    assert again["issues"][0] == first
    assert len(list(world.service.book.all_ids())) == 2


@pytest.mark.rule("AI-01", "AI-08")
def test_the_same_key_with_something_else_is_refused_for_that_one_alone(world: World) -> None:
    one, other = world.request(DRIVER, case_no="B-1"), world.request(TAXI, case_no="B-2")
    told = bundle(world, one, other)
    changed = bundle(world, {**one, "face": {**one["face"], "address": "示例省蜀安市青溪区和平巷9号"}}, other)

    assert changed["issues"][0]["problem"]["type"].endswith("key-reused")
    assert changed["issues"][1] == told["issues"][1]


@pytest.mark.rule("AI-08", "SE-01")
def test_what_a_caller_may_not_issue_is_refused_among_what_it_may(world: World) -> None:
    client = Client("narrow", world.service.catalogue.samples[DRIVER].issuer, (DRIVER,), 1000)
    secret = world.service.clients.add(client, world.clock())
    body = {"bundle_no": NUMBER, "issues": [world.request(DRIVER, case_no="B-1"), world.request(TAXI, case_no="B-2")]}
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": KEY}
    told = world.http.post(ROUTE, json=body, headers=headers).json()
    alone = world.http.post("/licences", json=body["issues"][1], headers=headers)

    assert [one["outcome"] for one in told["issues"]] == ["issued", "refused"]
    assert told["issues"][1]["problem"] == alone.json()


@pytest.mark.rule("AI-05", "AI-08")
def test_a_bundle_says_which_licence_waits_for_its_seal(world: World) -> None:
    seal = world.service.keyring.departments[world.service.catalogue.samples[DRIVER].issuer].seal.seal_id
    world.service.seal_log.order(seal, stopped=True, at=world.clock(), by="officer", reason="drill")
    told = bundle(world, world.request(DRIVER, case_no="B-1"))

    assert (told["state"], told["waiting"], told["said"]["en"]) == ("partial", 1, "0 of 1 licences issued; 1 waiting for the seal.")
    assert told["issues"][0]["waiting"]["waits_for"] == "seal-stopped"


@pytest.mark.parametrize(("issues", "expected"), [
    ([], {("issues", "wrong-length")}),
    ("x", {("issues", "wrong-length")}),
    ([{}] * (MOST + 1), {("issues", "wrong-length")}),
    ([7, {"bundle_no": "other"}], {("issues.0", "not-an-object"), ("issues.1.bundle_no", "at-odds")}),
    ([{"case_no": "B-1"}, {"case_no": "B-2"}, {"case_no": "B-1"}], {("issues.2", "twice")}),
])  # fmt: skip
def test_a_bundle_that_is_not_of_its_shape_begins_nothing_and_names_every_fault(world: World, issues: Any, expected: set[tuple[str, str]]) -> None:
    answer = world.http.post(ROUTE, json={"bundle_no": "no blanks", "issues": issues, "more": 1}, headers=world.headers(DRIVER, "k" * 200))

    assert answer.status_code == 422
    assert faults(answer.json()) >= expected | {("body", "unknown-key"), ("Idempotency-Key", "wrong-length")}
    assert any(path == "bundle_no" for path, _ in faults(answer.json()))
    assert not list(world.service.book.all_ids())
