"""Issuing with no person in the loop: rule sets, check receipts, what is kept of them, and how it is explained."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_service.basis import Result, committed, read_receipts, worst
from licence_service.carrying import Done
from licence_service.chunk_rows import ShutOut
from licence_service.digests import canonical
from licence_service.law import DEPARTMENT, PACK
from licence_service.licence import Entry, beijing_day
from licence_service.replaying import SAME, Then, granted_at, judged_again
from licence_service.rules import RulePack, as_data, judge_sources, outside, rule_set
from licence_service.rules.pack import SourceCheck, Where, named
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


def test_a_row_of_a_chunk_that_was_reserved_before_is_not_carried_on_for_a_client_that_was_shut_out(world: World) -> None:
    body, client, log = _asked(world), world.client(HAILING), world.service.seal_log
    for stopped in (True, False):
        log.order(
            world.service.keyring.departments[client.department].seal.seal_id, stopped=stopped, at=world.clock(), by="an officer", reason="a test"
        )
        if stopped:
            assert world.http.post("/licences", json=body, headers=world.headers(HAILING, "machine-006")).status_code == 202
    assert isinstance(world.clock, Clock)
    world.clock.now += timedelta(days=5)  # its receipts are too old to be judged anew

    def shut_out() -> None:
        raise ShutOut

    with pytest.raises(ShutOut):
        replace(world.service.chunks, allowed=shut_out).issue(client, [("machine-006", body)])
    assert not list(world.service.book.all_ids())


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
    origin = {"source": "市场监管", "at": (NOW + timedelta(minutes=5)).isoformat()}
    unknown = world.act(HAILING, licence_id, {"act": "change", "face": {"plate_no": "川PD08888"}, "sources": {"no_such": origin}}, "changing-02")
    assert (unknown.status_code, [(one["path"], one["code"]) for one in unknown.json()["faults"]]) == (422, [("sources", "unknown-field")])
    faulty = world.act(HAILING, licence_id, {"act": "change", "sources": {"vin": {"source": "x"}}}, "changing-03")
    assert (faulty.status_code, [one["path"] for one in faulty.json()["faults"]]) == (422, ["sources[0].at"])
    other = world.act(HAILING, licence_id, {"act": "report_lost", "sources": {"vin": origin}}, "changing-04")
    assert (other.status_code, [one["code"] for one in other.json()["faults"]]) == (422, ["unknown-key"])  # it prints nothing
    again = world.act(
        HAILING, licence_id, {"act": "change", "face": {"plate_no": "川PD08888"}, "sources": {"plate_no": origin, "vin": origin}}, "changing-05"
    )
    assert again.status_code == 201, again.text
    entry = world.service.book.get(licence_id).entries[-1]
    assert entry.basis
    assert set(entry.basis.origins) == {"plate_no", "vin"}
    assert entry.basis_sha256
    assert not list(world.service.auditor.audit())
    latest = terminal.json("explain", licence_id)["acts"][-1]["fields"]
    assert (latest["plate_no"], latest["vin"]) == (origin, origin)  # also of what it found unchanged
    assert "plate_no: from" in terminal.run("explain", licence_id).output.partition("then")[2]


SAID: tuple[tuple[str, dict[str, Any], str], ...] = (  # how the sources answer, what the face says besides, and what comes of it under the rules of then
    ("pass", {}, "done"), ("pass", {}, "done"), ("fail", {}, "check-failed"), ("pass", {"plate_no": "川PF01234"}, "needs-clerk"), ("pass", {}, "done"),
    ("conflict", {}, "needs-clerk"), ("unavailable", {}, "source-silent"), ("pass", {}, "done"),
)  # fmt: skip
LIMIT = (Where("plate_no", ("川PD",), contains=True),)


def in_force(world: World, kind: str, name: str, said: Mapping[str, object]) -> None:
    """Let two people put something in force, a minute later."""
    later(world, minutes=1)
    number = world.service.foundations.propose(kind, name, canonical(said).decode(), "提议人甲")
    world.service.foundations.confirm([number], "确认人乙")
    later(world, minutes=1)


def later(world: World, **step: int) -> None:
    assert isinstance(world.clock, Clock)
    world.clock.now += timedelta(**step)


def ruled(world: World, **changed: Any) -> None:
    """Put the rule set in force with something changed."""
    pack = next(one for one in world.service.catalogue.packs if one.id == RULES)
    in_force(world, PACK, RULES, as_data(named(replace(pack, rule=replace(pack.rule, **changed)), RULES)))


def outcome_by(packs: Sequence[RulePack], row: Mapping[str, Any], at: datetime) -> str:
    """Judge a request as it was sent, at an instant, by some packs."""
    found, (receipts, _) = rule_set(packs, RULES), read_receipts(row["receipts"], row["case_no"], HAILING)
    assert found
    if row["service_item_code"] not in found[1].items:
        return "not-granted"
    said = worst(judge_sources(*found, receipts, at).findings)
    if said is Result.PASS:
        return "needs-clerk" if outside(found[1], row["face"]) else "done"
    return {Result.FAIL: "check-failed", Result.CONFLICT: "needs-clerk"}.get(said, "source-silent")


@pytest.mark.rule("AI-03", "AI-05")
def test_a_thousand_decisions_are_the_same_again_by_the_rules_and_limits_of_then_whatever_was_changed_since(
    terminal: Terminal,  # noqa: F811
    tmp_path: Path,
    demo_keys: Path,
) -> None:
    world, count = terminal.world, 1000
    ruled(world, only=LIMIT)
    at, client = world.clock(), world.client(HAILING)
    rows = [
        _asked(
            world, receipts=_receipts(police=said[0], hours=1 + number % 23, now=at), case_no=f"M-{number}", face={"license_no": f"5199{number:012}", **said[1]}
        )
        for number, said in ((number, SAID[number % len(SAID)]) for number in range(count))
    ]  # fmt: skip
    outcomes = world.service.chunks.issue(client, [(f"many-{number:04}", row) for number, row in enumerate(rows)])
    assert [getattr(one, "slug", "done") for one in outcomes] == [SAID[number % len(SAID)][2] for number in range(count)]

    later(world, hours=1)
    keys = Path(shutil.copytree(demo_keys, tmp_path / "keys"))
    for file in keys.glob("*/seal.toml"):  # off the whitelist, and one an hour
        file.write_text(file.read_text("utf-8").replace("unattended = true", "hourly_ceiling = 1"), "utf-8")
    with a_world(tmp_path, keys, now=world.clock(), tokens=world.tokens) as now:
        now.service.put_in_force("提议人甲", "确认人乙")
        once = _asked(now, case_no="NOW-1", receipts=_receipts(now=now.clock()))
        assert [(one.slug, one.facts["rule"]) for one in now.service.chunks.issue(client, [("now-000001", once)])] == [("not-granted", "AI-03")]  # type: ignore[union-attr]
        ruled(now, items=("51990011800100999",), sources={"police_vehicle": SourceCheck(1, ("vin",))})

        law = now.service.law
        assert [outcome_by(law.packs(at), row, at) for row in rows] == [getattr(one, "slug", "done") for one in outcomes]
        assert {outcome_by(law.packs(), row, at) for row in rows} == {"not-granted"}, "what is in force now would decide otherwise"
        issued = [one.licence_id for one in outcomes if isinstance(one, Done)]
        entries = [now.service.book.get(one).entries[0] for one in issued]
        assert {judged_again(law, HAILING, one) for one in entries} == {SAME}
        assert {granted_at(law, HAILING, one) for one in entries} == {Then(granted_at(law, HAILING, entries[0]).grants, None)}  # type: ignore[union-attr]
        other = rule_set(law.packs(), RULES)
        assert other
        for entry in entries:
            assert entry.basis
            assert entry.basis.judged
            assert judge_sources(*other, entry.basis.receipts, entry.basis.judged.at) != entry.basis.judged

    for licence_id in (issued[0], issued[-1]):
        said = json.loads(terminal.run("explain", licence_id, "--json", LICENCE_KEYS=str(keys)).stdout)
        assert (said["again"], said["grant"]) == (SAME, {"grants": 1, "hourly_ceiling": None})
    words = terminal.run("explain", issued[0], LICENCE_KEYS=str(keys)).output
    assert "of then: no person needed; no ceiling" in words


def as_if_now(world: World, entry: Entry) -> Entry:
    """Return an entry as if it were decided now: its receipts judged by the rule set that is in force."""
    found = rule_set(world.service.law.packs(), RULES)
    assert found
    assert entry.basis
    return replace(entry, basis=replace(entry.basis, judged=judge_sources(*found, entry.basis.receipts, world.clock())))


@pytest.mark.rule("AI-03")
def test_a_decision_that_rules_limits_or_grants_of_then_did_not_allow_is_told_from_one_that_is_the_same(world: World) -> None:
    later(world, minutes=1)
    entry = world.service.book.get(_sent(world, "machine-030").json()["licence_id"]).entries[0]
    law, basis = world.service.law, entry.basis
    assert basis
    receipts = tuple(replace(one, result=Result.CONFLICT) for one in basis.receipts)
    assert judged_again(law, HAILING, replace(entry, basis=replace(basis, receipts=receipts))) == "other findings"
    assert judged_again(law, HAILING, replace(entry, basis=replace(basis, item="51990011800100999"))) == "not a case for this rule set"

    said = json.loads(law.foundations.known(DEPARTMENT)[str(entry.department)].content)
    grants = [{**one, "organisations": [entry.department], "hourly_ceiling": 7} for one in said["grants"]]
    in_force(world, DEPARTMENT, str(entry.department), {**said, "grants": grants})
    of_an_office = replace(as_if_now(world, entry), office="north")
    assert judged_again(law, HAILING, of_an_office) == "no grant of then lets a rule set decide it"
    assert judged_again(law, HAILING, as_if_now(world, entry)) == SAME
    assert [one.hourly_ceiling for one in (granted_at(law, HAILING, entry), granted_at(law, HAILING, as_if_now(world, entry))) if one] == [None, 7]

    ruled(world, only=(Where("plate_no", ("京A",), contains=True),))
    assert judged_again(law, HAILING, as_if_now(world, entry)) == "outside its limits"
    assert judged_again(law, HAILING, entry) == SAME


@pytest.mark.rule("AI-03", "SE-01")
def test_a_decision_in_the_name_of_an_office_is_judged_again_by_what_that_office_was_then(tmp_path: Path, demo_keys: Path) -> None:
    with a_world(tmp_path / "world", keys_with(tmp_path / "keys", demo_keys, OFFICES)) as world:
        later(world, minutes=1)
        headers = {**headers_of(world, "north"), "Idempotency-Key": "machine-0001"}
        sent = world.http.post("/licences", json={**_asked(world), "region": "519903"}, headers=headers)
        assert sent.status_code == 201, sent.text
        law, entry = world.service.law, world.service.book.get(sent.json()["licence_id"]).entries[0]
        uscc = str(entry.department)
        said = json.loads(law.foundations.known(DEPARTMENT)[uscc].content)

        for changed in ({"to": "2021-01-01"}, {"regions": ["519902"]}):
            in_force(world, DEPARTMENT, uscc, {**said, "offices": [{**one, **changed} for one in said["offices"]]})
            assert judged_again(law, HAILING, as_if_now(world, entry)) == "no grant of then lets a rule set decide it"
        assert judged_again(law, HAILING, entry) == SAME


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
