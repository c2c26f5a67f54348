"""Issuing with no person in the loop: rule sets, check receipts, what is kept of them, and how it is explained."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_service.basis import committed
from licence_service.carrying import Done
from licence_service.licence import beijing_day
from licence_service.rules import judge_sources, rule_set
from tests.api.test_cli import Terminal, terminal  # noqa: F401 - a fixture
from tests.api.test_offices import OFFICES, headers_of, keys_with
from tests.world import NOW, TRIP, Clock, World, a_world, decision

HAILING = "ride_hailing_transport_certificate"
RULES, ITEM = "unattended_ride_hailing_vehicles", "51990011800100101"


def _receipt(source: str, compared: list[str], result: str, at: str) -> dict[str, Any]:
    return {"source": source, "asked_at": at, "answered_at": at, "result": result, "compared": compared, "digest": "cd" * 32}


def _receipts(police: str = "pass", station: str = "pass", hours: float = 1, now: datetime = NOW) -> list[dict[str, Any]]:
    at = (now - timedelta(hours=hours)).isoformat()
    return [_receipt("police_vehicle", ["plate_no", "vin", "vehicle_owner"], police, at), _receipt("vehicle_inspection", ["vin"], station, at)]


def _asked(world: World, **changed: Any) -> dict[str, Any]:
    now = world.service.now()
    said = decision(beijing_day(now), unattended=RULES)
    del said["officer"]
    return bound(world.request(HAILING, **{"decision": said, "service_item_code": ITEM, "receipts": _receipts(now=now), **changed}))


def bound(body: dict[str, Any]) -> dict[str, Any]:
    """Return a request whose receipts were made for it."""
    return {**body, "receipts": [{"case_no": body["case_no"], "type": body["type"], **one} for one in body["receipts"]]}


def _sent(world: World, key: str, **changed: Any) -> Any:
    return world.http.post("/licences", json=_asked(world, **changed), headers=world.headers(HAILING, key))


@pytest.mark.rule("AI-02", "AI-03")
def test_a_rule_set_decides_where_every_source_agrees_and_all_of_it_is_kept(world: World) -> None:
    origin = {"vin": {"source": "公安交管", "at": NOW.isoformat()}}
    answer = _sent(world, "machine-001", sources=origin, bundle_no="YJS-2026-7")
    assert answer.status_code == 201, answer.text
    entry = world.service.book.get(answer.json()["licence_id"]).entries[0]
    assert entry.decision.unattended == RULES
    assert entry.basis is not None
    assert (entry.basis.item, entry.basis.bundle_no) == (ITEM, "YJS-2026-7")
    assert entry.basis.origins["vin"].source == "公安交管"
    assert entry.basis.judged is not None
    assert entry.basis.judged.at == NOW
    assert [one.source for one in entry.basis.judged.findings] == ["police_vehicle", "vehicle_inspection"]
    listed = world.http.get(f"/licences/{entry.licence_id}/entries", headers=world.headers(HAILING)).json()["entries"][0]
    assert len(listed["basis_sha256"]) == 64
    assert "公安交管" not in json.dumps(listed, ensure_ascii=False)
    assert not list(world.service.auditor.audit())


@pytest.mark.rule("AI-02", "AI-04")
@pytest.mark.parametrize(("name", "other"), [("case_no", "C-OTHER"), ("type", "practitioner_qualification")])
def test_a_receipt_of_another_case_or_type_is_refused(world: World, name: str, other: str) -> None:
    station = _receipts()[1]
    refused = _sent(world, "machine-020", receipts=[_receipts()[0], {**station, name: other}])
    absent = _asked(world)
    absent["receipts"][0].pop(name)
    missing = world.http.post("/licences", json=absent, headers=world.headers(HAILING, "machine-020"))

    assert (refused.status_code, missing.status_code) == (422, 422)
    assert [(one["path"], one["code"]) for one in refused.json()["faults"]] == [(f"receipts[1].{name}", "of-another-case")]
    assert [(one["path"], one["code"]) for one in missing.json()["faults"]] == [(f"receipts[0].{name}", "missing")]
    good = _sent(world, "machine-020")
    assert good.status_code == 201
    basis = world.service.book.get(good.json()["licence_id"]).entries[0].basis
    assert basis
    assert {(one.case_no, one.type) for one in basis.receipts} == {(_asked(world)["case_no"], HAILING)}
    salt = bytes(32)
    first = basis.receipts[0]
    changed = replace(first, case_no=other) if name == "case_no" else replace(first, type=other)
    stranger = replace(basis, receipts=(changed, *basis.receipts[1:]))
    assert committed(basis, salt) != committed(stranger, salt)  # what the entry commits to covers it


@pytest.mark.rule("AI-03")
@pytest.mark.parametrize(
    "changed",
    [
        {"service_item_code": "51990011800100999"}, {"service_item_code": None}, {"unattended": "annual_review_frequency"}, {"unattended": "nothing"},
    ],
    ids=str,
)  # fmt: skip
def test_no_rule_set_decides_what_it_is_not_listed_for(world: World, changed: dict[str, Any]) -> None:
    said = decision(beijing_day(NOW), unattended=changed.pop("unattended", RULES))
    del said["officer"]
    answer = _sent(world, "machine-002", decision=said, **changed)
    assert (answer.status_code, answer.json()["rule"]) == (403, "AI-03")


@pytest.mark.rule("AI-03")
def test_a_rule_set_decides_its_own_types_only(world: World) -> None:
    said = decision(beijing_day(NOW), unattended=RULES)
    del said["officer"]
    body = bound(world.request(TRIP, decision=said, service_item_code=ITEM, receipts=_receipts()))
    answer = world.http.post("/licences", json=body, headers=world.headers(TRIP, "machine-003"))
    assert (answer.status_code, answer.json()["rule"]) == (403, "AI-03")


@pytest.mark.rule("AI-02", "AI-03")
def test_no_rule_set_decides_acts_on_a_licence(world: World) -> None:
    issued = world.issue(HAILING)
    for number, (rules, act) in enumerate([(RULES, "replace"), ("nothing", "revoke"), ("nothing", "report_lost")]):
        said = decision(beijing_day(NOW), unattended=rules)
        del said["officer"]
        body = {"act": act, "decision": said, **({"reason": "lost"} if act == "replace" else {})}
        answer = world.act(HAILING, issued["licence_id"], body, f"machine-act-{number}")
        assert (answer.status_code, answer.json()["rule"]) == (403, "AI-03"), answer.text
    assert len(world.service.book.get(issued["licence_id"]).entries) == 1


@pytest.mark.rule("AI-04")
def test_fail_conflict_and_silence_lead_to_different_steps(world: World) -> None:
    failed = _sent(world, "machine-004", receipts=_receipts(police="fail", station="conflict"))
    assert (failed.status_code, failed.json()["type"].rpartition(":")[2]) == (409, "check-failed")
    assert [(one["path"], one["message"]) for one in failed.json()["faults"]] == [("receipts.police_vehicle", "about: plate_no, vin, vehicle_owner")]

    conflict = _sent(world, "machine-004", receipts=_receipts(station="conflict"))
    again = _sent(world, "machine-004", receipts=_receipts(station="conflict"))
    assert (conflict.status_code, conflict.json()["type"].rpartition(":")[2]) == (409, "needs-clerk")
    assert conflict.json()["task_id"] == again.json()["task_id"]
    tasks = world.http.get("/tasks", headers=world.headers(HAILING)).json()["tasks"]
    assert [(one["kind"], one["content"]["rule"], one["content"]["why"]) for one in tasks] == [
        ("unattended", "AI-04", "receipts.vehicle_inspection conflict")
    ]

    for receipts in (_receipts(police="unavailable"), _receipts(hours=73), _receipts()[:1], []):
        silent = _sent(world, "machine-004", receipts=receipts)
        assert (silent.status_code, silent.json()["type"].rpartition(":")[2]) == (503, "source-silent")
        assert silent.headers["retry-after"] == "300"
    assert world.service.book.get(_sent(world, "machine-004").json()["licence_id"]).entries[0].sequence == 1  # nothing was written before


@pytest.mark.rule("AI-04")
def test_a_clerk_decides_what_the_rule_set_left(world: World) -> None:
    assert _sent(world, "machine-005", receipts=_receipts(police="conflict")).status_code == 409
    answer = _sent(world, "clerk-00005", receipts=_receipts(police="conflict"), decision=decision(beijing_day(NOW)))
    assert answer.status_code == 201
    basis = world.service.book.get(answer.json()["licence_id"]).entries[0].basis
    assert basis is not None
    assert basis.judged is None
    assert [one.result.value for one in basis.receipts] == ["conflict", "pass"]


@pytest.mark.rule("AI-01", "AI-03")
def test_a_retry_gets_the_same_licence_however_old_its_receipts_have_grown(world: World) -> None:
    body = _asked(world)
    headers = world.headers(HAILING, "machine-006")
    first = world.http.post("/licences", json=body, headers=headers)
    assert isinstance(world.clock, Clock)
    world.clock.now += timedelta(days=5)
    again = world.http.post("/licences", json=body, headers=headers)
    assert (again.status_code, again.json()["licence_id"]) == (201, first.json()["licence_id"])
    (in_a_chunk,) = world.service.chunks.issue(world.client(HAILING), [("machine-006", body)])
    assert isinstance(in_a_chunk, Done)
    assert in_a_chunk.licence_id == first.json()["licence_id"]
    assert world.http.post("/licences", json=body, headers=world.headers(HAILING, "machine-007")).status_code == 503


@pytest.mark.rule("AI-03")
def test_a_chunk_is_judged_row_by_row(world: World) -> None:
    rows = [
        (f"row-0000{number}", _asked(world, receipts=_receipts(police=police), case_no=f"C-{number}", face={"license_no": f"51990026120000{number}"}))
        for number, police in enumerate(("pass", "fail", "conflict", "unavailable", "pass"))
    ]
    outcomes = world.service.chunks.issue(world.client(HAILING), rows)
    assert [getattr(one, "slug", "done") for one in outcomes] == ["done", "check-failed", "needs-clerk", "source-silent", "done"]


def test_faults_of_the_basis_are_named_with_those_of_the_face(world: World) -> None:
    wrong = [{**_receipts()[0], "digest": "x"}]
    answer = _sent(world, "machine-008", receipts=wrong, sources={"vin": 3}, service_item_code="?", bundle_no="?", face={"vin": "1"})
    paths = {one["path"] for one in answer.json()["faults"]}
    assert answer.status_code == 422
    assert {"receipts[0].digest", "sources[0]", "service_item_code", "bundle_no", "face.vin"} <= paths
    unknown = _sent(world, "machine-008", sources={"no_such_field": {"source": "x", "at": NOW.isoformat()}})
    assert [(one["path"], one["code"]) for one in unknown.json()["faults"]] == [("sources", "unknown-field")]


@pytest.mark.rule("AI-03", "AI-09")
def test_an_issue_is_explained_in_words_and_judged_again(terminal: Terminal) -> None:  # noqa: F811
    world = terminal.world
    answer = _sent(world, "machine-009", sources={"vin": {"source": "公安交管", "at": NOW.isoformat()}}, face={"license_no": "5199002612000009"})
    licence_id = answer.json()["licence_id"]
    said = terminal.json("explain", licence_id)
    assert (said["again"], said["rules"]["rule_set"], said["case"]["item"]) == ("the same", RULES, ITEM)
    assert said["fields"]["vin"]["source"] == "公安交管"
    assert said["fields"]["plate_no"] == {"source": said["case"]["entered_by"], "at": said["case"]["recorded_at"]}  # with the request
    assert {one["source"]: one["result"] for one in said["receipts"]} == {"police_vehicle": "pass", "vehicle_inspection": "pass"}
    words = terminal.run("explain", licence_id).output
    assert RULES in words
    assert "the same" in words
    person = world.issue(HAILING, key="person-0001", case_no="P-1", face={"license_no": "5199002612000010"})
    assert terminal.json("explain", person["licence_id"])["again"] is None
    assert "an officer" in terminal.run("explain", person["licence_id"]).output


@pytest.mark.rule("AI-09")
def test_what_a_later_act_prints_anew_is_explained_with_its_own_source_and_time(terminal: Terminal) -> None:  # noqa: F811
    world = terminal.world
    sources = {"plate_no": {"source": "公安交管", "at": NOW.isoformat()}}
    licence_id = _sent(world, "machine-010", sources=sources, face={"license_no": "5199002612000011"}).json()["licence_id"]
    assert terminal.json("explain", licence_id)["acts"] == []
    world.clock.now += timedelta(hours=1)  # type: ignore[attr-defined]
    changed = world.act(HAILING, licence_id, {"act": "change", "face": {"plate_no": "川PD09999"}}, "changing-01")
    assert changed.status_code == 201, changed.text

    said = terminal.json("explain", licence_id)

    assert said["fields"]["plate_no"] == {"source": "公安交管", "at": NOW.isoformat()}
    (act,) = said["acts"]
    assert act["fields"]["plate_no"] == {"source": said["case"]["entered_by"], "at": changed.json()["recorded_at"]}
    assert "vin" not in act["fields"]
    assert "plate_no: from" in terminal.run("explain", licence_id).output.partition("then")[2]


@pytest.mark.rule("AI-03")
def test_a_thousand_decisions_are_the_same_again(world: World) -> None:
    rows = [
        (
            f"many-{number:04}",
            _asked(world, receipts=_receipts(hours=1 + number % 23), case_no=f"M-{number}", face={"license_no": f"5199{number:012}"}),
        )
        for number in range(1000)
    ]
    outcomes = world.service.chunks.issue(world.client(HAILING), rows)
    found = rule_set(world.service.law.packs(), RULES)
    assert found is not None
    for outcome in outcomes:
        assert isinstance(outcome, Done)
        basis = world.service.book.get(outcome.licence_id).entries[0].basis
        assert basis is not None
        assert basis.judged is not None
        assert judge_sources(*found, basis.receipts, basis.judged.at) == basis.judged


@pytest.mark.rule("AI-04", "SE-01")
def test_what_a_rule_set_left_to_a_clerk_is_seen_and_closed_by_the_office_whose_case_it_is_and_its_department(
    tmp_path: Path, demo_keys: Path
) -> None:
    with a_world(tmp_path, keys_with(tmp_path / "keys", demo_keys, OFFICES)) as world:
        who = {name: headers_of(world, name) for name in ("north", "north-window", "south", None)}
        left = world.http.post(
            "/licences", json=_asked(world, receipts=_receipts(station="conflict")), headers={**who["north-window"], "Idempotency-Key": "office-task"}
        )
        assert (left.status_code, left.json()["type"].rpartition(":")[2]) == (409, "needs-clerk"), left.text
        task = left.json()["task_id"]

        seen = {name: [one["task_id"] for one in world.http.get("/tasks", headers=headers).json()["tasks"]] for name, headers in who.items()}
        assert seen == {"north": [task], "north-window": [task], "south": [], None: [task]}
        assert world.http.post(f"/tasks/{task}/close", headers=who["south"]).status_code == 404
        assert world.http.post(f"/tasks/{task}/close", headers=who["north-window"]).status_code == 204
        assert world.http.get("/tasks", headers=who[None]).json()["tasks"] == []
