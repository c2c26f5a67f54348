"""What bodies assert, what counties accept for each other, and what waits for a clerk (DOMAIN §2b, §2c)."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from licence_service.endorsement import assertion_of, statement_of
from licence_service.licence import beijing_day
from licence_service.reviewing import REPORT_FORM
from licence_service.seal.tokens import Purpose, verify
from licence_service.store.clients import Client
from tests.attesting import SCHOOL, STATION, Attester, accepts, asserts, registered
from tests.promised import ATTESTED, Promises
from tests.world import DRIVER, VEHICLE, World, decision

CE, REVIEW = "continuing_education", "annual_review"
COUNTY = "11519900MB9900021Q"  # another department than the one of the vehicles' samples


def today(world: World) -> date:
    """Return the day in Beijing."""
    return beijing_day(world.clock())


def training(world: World, days_ago: int = 3, **changed: Any) -> dict[str, Any]:
    """Return facts of a training that ended some days ago."""
    end = today(world) - timedelta(days=days_ago)
    facts = {
        "period_start": (end - timedelta(days=30)).isoformat(), "period_end": (end + timedelta(days=700)).isoformat(), "hours": 24,
        "institution": "蜀安交通职业培训学校", "result": "pass", "date": end.isoformat(),
    }  # fmt: skip
    return facts | changed


def school(world: World, **grant: Any) -> Attester:
    """Register a school that may assert training."""
    return registered(world, Attester(SCHOOL), asserts(CE, **grant))


def posted(world: World, body: dict[str, Any]) -> Any:
    """Post an assertion; no token says who it is."""
    return world.http.post("/assertions", json=body)


def endorsements(world: World, licence_id: str, slug: str = DRIVER) -> list[dict[str, Any]]:
    """Return those that stand, as a clerk sees them."""
    found: list[dict[str, Any]] = world.http.get(f"/licences/{licence_id}", headers=world.headers(slug)).json()["endorsements"]
    return found


def tasks(world: World, slug: str = DRIVER) -> list[dict[str, Any]]:
    """Return the open tasks of a department."""
    found: list[dict[str, Any]] = world.http.get("/tasks", headers=world.headers(slug)).json()["tasks"]
    return found


@pytest.mark.rule("EN-01", "EN-03")
def test_a_signed_assertion_is_accepted_by_the_rule_pack_and_both_signatures_stand(world: World) -> None:
    licence_id, attester = world.issue(DRIVER)["licence_id"], school(world)

    taken = posted(world, attester.assertion(licence_id, CE, training(world), "train-1"))

    assert (taken.status_code, taken.json()["state"]) == (201, "accepted"), taken.text
    record = world.service.book.get(licence_id)
    asserted, accepted = record.entries[1].endorsements[0], record.entries[2].endorsements[0]
    assert (asserted.accepter, accepted.accepter, accepted.asserter) == (None, COUNTY, SCHOOL)
    assert accepted.rule_pack == "acceptance_defaults"
    assert accepted.previous == record.entries[1].digest.sha256  # type: ignore[union-attr]
    key, owner = world.service.keyring.verifying_key(bytes.fromhex(accepted.kid), Purpose.ENDORSEMENT)
    assert (verify(key, accepted.statement(licence_id), accepted.signature), owner) == (True, COUNTY)
    assert accepted.asserter_signature.hex() == attester.assertion(licence_id, CE, training(world), "train-1")["signature"]
    assert str(statement_of(accepted, licence_id)["asserter_kid"]) == asserted.asserter_kid
    assert record.entries[2].decision.unattended == "acceptance_defaults"


@pytest.mark.rule("EN-03", "EN-09")
def test_a_late_fact_waits_for_a_clerk_and_is_seen_by_nobody_else_until_accepted(world: World) -> None:
    licence_id, attester = world.issue(DRIVER)["licence_id"], school(world)

    taken = posted(world, attester.assertion(licence_id, CE, training(world, 60), "train-2")).json()

    assert (taken["state"], taken["reasons"]) == ("asserted", ["late-fact"])
    assert endorsements(world, licence_id) == []
    assert [(one["kind"], one["content"]["external_ref"]) for one in tasks(world)] == [("assertion", "train-2")]
    arrived = (world.clock() + timedelta(hours=1)).isoformat()
    world.clock.now += timedelta(hours=2)  # type: ignore[attr-defined]
    accepted = world.act(DRIVER, licence_id, {"act": "endorse", "endorsement_id": taken["endorsement_id"]}, "accept-0001")
    assert accepted.status_code == 201, accepted.text
    assert [one["endorsement_id"] for one in endorsements(world, licence_id)] == [taken["endorsement_id"]]
    assert tasks(world) == []
    then = {"valid_at": (today(world) - timedelta(days=30)).isoformat(), "known_at": arrived}
    assert world.http.get(f"/licences/{licence_id}", params=then, headers=world.headers(DRIVER)).json()["endorsements"] == []
    later = {"valid_at": then["valid_at"]}
    assert len(world.http.get(f"/licences/{licence_id}", params=later, headers=world.headers(DRIVER)).json()["endorsements"]) == 1


@pytest.mark.rule("EN-03")
def test_a_clerk_may_refuse_what_was_asserted(world: World) -> None:
    licence_id, attester = world.issue(DRIVER)["licence_id"], school(world)
    taken = posted(world, attester.assertion(licence_id, CE, training(world, 60), "train-3")).json()

    assert world.act(DRIVER, licence_id, {"act": "refuse_endorsement", "endorsement_id": taken["endorsement_id"]}, "refuse-0001").status_code == 201

    again = world.act(DRIVER, licence_id, {"act": "endorse", "endorsement_id": taken["endorsement_id"]}, "accept-0002")
    assert (again.status_code, again.json()["rule"]) == (409, "EN-03")


@pytest.mark.rule("EN-08")
def test_the_same_fact_twice_is_one_and_another_under_its_reference_is_a_conflict_with_both_values(world: World) -> None:
    licence_id, attester = world.issue(DRIVER)["licence_id"], school(world)
    body = attester.assertion(licence_id, CE, training(world), "train-4")
    first, second = posted(world, body).json(), posted(world, body).json()
    assert first["endorsement_id"] == second["endorsement_id"]
    head = len(world.service.book.get(licence_id).entries)

    problem = posted(world, attester.assertion(licence_id, CE, training(world, hours=18), "train-4"))

    assert (problem.status_code, problem.json()["rule"]) == (409, "EN-08")
    assert len(world.service.book.get(licence_id).entries) == head
    conflict = next(one for one in tasks(world) if one["kind"] == "conflict")["content"]
    assert (conflict["first"]["facts"]["hours"], conflict["second"]["hours"]) == (24, 18)


@pytest.mark.rule("EN-01")
@pytest.mark.parametrize("change", ["key", "facts", "reference"])
def test_a_signature_by_the_wrong_key_or_over_other_words_is_refused(world: World, change: str) -> None:
    licence_id, attester = world.issue(DRIVER)["licence_id"], school(world)
    body = attester.assertion(licence_id, CE, training(world), "train-5")
    if change == "key":
        body["signature"] = Attester(SCHOOL).assertion(licence_id, CE, training(world), "train-5")["signature"]
    elif change == "facts":
        body["facts"]["hours"] = 30
    else:
        body["external_ref"] = "train-6"

    problem = posted(world, body)

    assert (problem.status_code, problem.json()["rule"]) == (422, "EN-01")
    assert len(world.service.book.get(licence_id).entries) == 1


@pytest.mark.rule("EN-04")
def test_grants_are_asked_for_the_day_of_the_fact_and_for_today(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    attester = school(world, used_from=today(world) - timedelta(days=10), used_to=today(world) + timedelta(days=10))
    before = posted(world, attester.assertion(licence_id, CE, training(world, 11), "train-7"))
    assert (before.status_code, before.json()["rule"]) == (403, "EN-04")
    assert posted(world, attester.assertion(licence_id, CE, training(world, 10), "train-8")).status_code == 201
    world.clock.now += timedelta(days=11)  # type: ignore[attr-defined]

    after = posted(world, attester.assertion(licence_id, CE, training(world, 12), "train-9"))

    assert (after.status_code, after.json()["rule"]) == (403, "EN-04")
    assert len(endorsements(world, licence_id)) == 1


@pytest.mark.rule("EN-04")
def test_a_body_struck_off_asserts_nothing_more_and_what_was_accepted_stays(world: World) -> None:
    licence_id, attester = world.issue(DRIVER)["licence_id"], school(world)
    posted(world, attester.assertion(licence_id, CE, training(world), "train-a"))
    world.clock.now += timedelta(days=1)  # type: ignore[attr-defined]
    registered(world, attester, asserts(CE), retired_on=today(world))

    assert posted(world, attester.assertion(licence_id, CE, training(world, 0), "train-b")).json()["rule"] == "EN-04"
    assert len(endorsements(world, licence_id)) == 1


@pytest.mark.rule("EN-04", "EN-08")
def test_what_was_asserted_is_answered_again_when_the_grant_is_over_and_another_licence_is_as_if_there_were_none(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    body = (attester := school(world)).assertion(licence_id, CE, training(world), "train-g")
    first = posted(world, body)
    registered(world, attester, asserts(CE, types=(VEHICLE,)))

    assert posted(world, body).json() == first.json()
    changed = posted(world, attester.assertion(licence_id, CE, training(world, hours=18), "train-g"))
    assert (changed.status_code, changed.json()["rule"]) == (409, "EN-08")
    assert posted(world, attester.assertion(licence_id, CE, training(world), "train-h")).status_code == 404


@pytest.mark.rule("EN-04", "LC-08")
def test_a_grant_for_a_region_goes_by_the_issuer_of_record(world: World) -> None:
    """The licence is handed from one region to another: whose stations and schools may assert on it changes with that."""
    licence_id, today_ = world.issue(DRIVER)["licence_id"], today(world)
    departments = world.service.keyring.departments
    old = departments[COUNTY]
    new = next(one for one in departments.values() if one.region != old.region and one.may_seal(DRIVER, today_))
    transfer = world.act(DRIVER, licence_id, {"act": "transfer", "to_department": new.uscc}, "transfer-01")
    assert transfer.status_code == 201, transfer.text
    headers = {"Authorization": f"Bearer {world.tokens[new.uscc]}", "Idempotency-Key": "accept-01"}
    bodies = [
        registered(world, Attester(SCHOOL), asserts(CE, regions=(old.region,), without=(new.region,))),
        registered(world, Attester(STATION), asserts(CE, regions=(new.region,))),
    ]  # fmt: skip

    def answered(reference: str) -> list[int]:
        return [posted(world, one.assertion(licence_id, CE, training(world), reference)).status_code for one in bodies]

    assert answered("before") == [201, 404]
    accepted = world.http.post(
        f"/licences/{licence_id}/entries", json={"act": "accept_transfer", "decision": decision(today_)}, headers=headers
    )  # fmt: skip
    assert accepted.status_code == 201, accepted.text
    assert answered("after") == [404, 201]


def test_a_body_that_nobody_registered_is_not_known(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]

    assert posted(world, Attester(SCHOOL).assertion(licence_id, CE, training(world), "train-c")).status_code == 401


@pytest.mark.rule("EN-05")
def test_hours_beyond_what_the_days_hold_are_refused(world: World) -> None:
    licence_id, attester = world.issue(DRIVER)["licence_id"], school(world)
    facts = training(world, hours=25, period_start=(today(world) - timedelta(days=3)).isoformat())

    problem = posted(world, attester.assertion(licence_id, CE, facts, "train-d"))

    assert (problem.status_code, problem.json()["rule"], problem.json()["faults"][0]["code"]) == (422, "EN-05", "impossible-hours")


@pytest.mark.rule("EN-06", "EN-07")
def test_a_correction_replaces_for_good_and_withdrawing_it_revives_nothing(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    facts = {
        "date": (today(world) - timedelta(days=3)).isoformat(),
        "decision_no": "罚〔2026〕1号",
        "act": "超员",
        "penalty": "罚款",
        "authority": "示例机关",
    }
    first = world.act(DRIVER, licence_id, {"act": "endorse", "kind": "violation", "facts": facts, "external_ref": "v-1"}, "endorse-v1").json()
    corrected = {"act": "endorse", "kind": "violation", "facts": facts | {"act": "超速"}, "external_ref": "v-2"}
    corrected["corrects"] = first["endorsement_ids"][0]
    second = world.act(DRIVER, licence_id, corrected, "endorse-v2").json()
    assert [one["endorsement_id"] for one in endorsements(world, licence_id)] == second["endorsement_ids"]
    assert world.act(DRIVER, licence_id, {**corrected, "external_ref": "v-3"}, "endorse-v3").json()["rule"] == "EN-06"

    world.act(
        DRIVER, licence_id, {"act": "withdraw_endorsement", "endorsement_id": second["endorsement_ids"][0], "ground": "overturned"}, "withdraw-v"
    )

    assert endorsements(world, licence_id) == []


@pytest.mark.rule("EN-10")
def test_a_fact_before_the_end_is_taken_after_it_and_one_after_the_end_is_not(world: World) -> None:
    licence_id, attester = world.issue(DRIVER)["licence_id"], school(world)
    world.clock.now += timedelta(days=5)  # type: ignore[attr-defined]
    world.act(DRIVER, licence_id, {"act": "revoke"}, "revoke-001")
    world.clock.now += timedelta(days=5)  # type: ignore[attr-defined]

    late = posted(world, attester.assertion(licence_id, CE, training(world, 2), "train-e"))
    early = posted(world, attester.assertion(licence_id, CE, training(world, 7), "train-f"))

    assert (late.status_code, late.json()["rule"]) == (409, "EN-10")
    assert (early.status_code, early.json()["state"]) == (201, "accepted"), early.text


# -- across regions ----------------------------------------------------------------------------------


def station(world: World) -> Attester:
    """Register a station that may assert reviews, and let the county accept them."""
    registered(world, Attester(COUNTY), accepts(REVIEW), with_key=False)
    return registered(world, Attester(STATION), asserts(REVIEW))


def review_of(world: World, attester: Attester, number: str = "R-1", receipts: Mapping[str, Any] | None = None, **report: Any) -> dict[str, Any]:
    """Return a review of the sample's vehicle with a passing report of two days ago."""
    face = world.service.catalogue.samples[VEHICLE].face
    said = {
        "station": attester.uscc, "report_no": number, "tested_on": (today(world) - timedelta(days=2)).isoformat(), "plate": face["plate_no"],
        "subject": face["vin"],
    } | report  # fmt: skip
    facts = {"result": "1"}
    signature = attester.sign({"format": REPORT_FORM, "kind": REVIEW, **said, "facts": facts})
    return {
        "kind": REVIEW, "type": VEHICLE, "search": {"field": "plate_no", "value": face["plate_no"]}, "report": said, "facts": facts,
        "signature": signature, "receipts": {"police": {"outcome": "pass"}} if receipts is None else receipts, "decision": decision(today(world)),
    }  # fmt: skip


def reviewed(world: World, body: dict[str, Any], key: str) -> Any:
    """Review as the other county."""
    return world.http.post("/reviews", json=body, headers={"Authorization": f"Bearer {world.tokens[COUNTY]}", "Idempotency-Key": key})


@pytest.mark.rule("XR-01", "XR-02", "XR-06")
def test_another_county_reviews_and_the_issuer_of_record_stays_and_seals(world: World) -> None:
    issued, attester = world.issue(VEHICLE), station(world)

    done = reviewed(world, review_of(world, attester), "review-001")

    assert done.status_code == 201, done.text
    home = world.service.catalogue.samples[VEHICLE].issuer
    entry = world.service.book.get(issued["licence_id"]).entries[-1]
    assert dict(entry.organs) == {
        "inspecting_station": STATION, "accepting_org": COUNTY, "deciding_org": COUNTY, "issuer_of_record": home, "sealing_org": home,
    }  # fmt: skip
    assert (entry.endorsements[0].accepter, entry.endorsements[0].asserter) == (COUNTY, STATION)
    assert entry.version
    assert entry.version.seal_id == world.service.keyring.departments[home].seal.seal_id
    found = world.http.get(f"/licences/{issued['licence_id']}", headers=world.headers(VEHICLE)).json()
    assert found["issuer"]["code"] == home
    pair = {"number": done.json()["number"], "check_code": done.json()["check_code"]}  # whoever scans it in either county asks the one register
    assert world.http.post("/verify", json=pair).json()["answers"]["conditions"]["result"] == "yes"
    full = world.http.get(f"/licences/{issued['licence_id']}", headers={"Authorization": f"Bearer {world.tokens[COUNTY]}"})
    assert full.status_code == 404  # a grant to accept is none to read
    assert [one["kind"] for one in tasks(world, VEHICLE)] == ["reviewed_elsewhere"]
    again = reviewed(world, review_of(world, attester), "review-002")
    assert (again.status_code, again.json()["rule"]) == (409, "XR-02")
    assert reviewed(world, review_of(world, attester), "review-001").json()["sequence"] == done.json()["sequence"]


@pytest.mark.rule("XR-05")
@pytest.mark.parametrize(("asked_on", "due"), [(None, "2027-11-30"), (datetime(2027, 3, 3, 4, tzinfo=UTC), "2028-04-30")], ids=["too early", "early"])
def test_the_next_day_counts_from_the_test_or_from_the_day_that_was_due(world: World, asked_on: datetime | None, due: str) -> None:
    """Due on 2027-04-30: tested on 2026-11-26, far more than 90 days early, it counts from the test; on 2027-03-01 from the day that was due."""
    issued = world.issue(VEHICLE)
    world.clock.now = asked_on or world.clock()  # type: ignore[attr-defined]

    done = reviewed(world, review_of(world, station(world)), "review-003")

    assert done.status_code == 201, done.text
    facts = world.service.book.get(issued["licence_id"]).entries[-1].endorsements[0].facts
    assert facts["next_due"] == due
    assert facts["authority"] == world.service.keyring.departments[COUNTY].name


@pytest.mark.rule("XR-03")
@pytest.mark.parametrize("wrong", [{"subject": "LSAAA21AXAX000017"}, {"plate": "川A99999"}])
def test_another_vehicle_or_plate_is_a_conflict_for_the_home_county_with_both_values(world: World, wrong: dict[str, Any]) -> None:
    issued, attester = world.issue(VEHICLE), station(world)

    held = reviewed(world, review_of(world, attester, **wrong), "review-004")

    assert (held.status_code, held.json()["reasons"]) == (202, ["conflict"])
    content = tasks(world, VEHICLE)[0]["content"]
    assert next(iter(wrong.values())) in {content[name]["report"] for name in wrong}
    assert len(world.service.book.get(issued["licence_id"]).entries) == 1


@pytest.mark.rule("XR-04")
def test_a_silent_source_is_never_a_pass_and_the_report_stays_usable(world: World) -> None:
    world.issue(VEHICLE)
    attester = station(world)

    unasked = reviewed(world, review_of(world, attester, receipts={}), "review-00a")
    assert (unasked.status_code, unasked.json()["reasons"]) == (202, ["source-unavailable"])
    stranger = reviewed(world, review_of(world, attester, receipts={"张三": {"outcome": "fail"}}), "review-00b")
    assert (stranger.status_code, "张三" in stranger.text) == (422, False)

    held = reviewed(world, review_of(world, attester, receipts={"police": {"outcome": "unavailable"}}), "review-005")

    assert (held.status_code, held.json()["reasons"], held.json()["waits_for"]) == (202, ["source-unavailable"], COUNTY)
    assert reviewed(world, review_of(world, attester), "review-006").status_code == 201


@pytest.mark.rule("XR-04")
def test_a_source_that_says_no_and_a_report_that_failed_are_refused(world: World) -> None:
    world.issue(VEHICLE)
    attester = station(world)
    no = reviewed(world, review_of(world, attester, receipts={"police": {"outcome": "fail"}}), "review-007")
    assert (no.status_code, no.json()["rule"]) == (409, "XR-04")
    body = review_of(world, attester)
    body["facts"] = {"result": "2"}
    body["signature"] = attester.sign({"format": REPORT_FORM, "kind": REVIEW, **body["report"], "facts": body["facts"]})

    failed = reviewed(world, body, "review-008")

    assert (failed.status_code, failed.json()["rule"]) == (409, "XR-04")


@pytest.mark.rule("XR-07")
def test_a_station_nobody_vouches_for_goes_to_a_clerk(world: World) -> None:
    world.issue(VEHICLE)
    station(world)

    held = reviewed(world, review_of(world, Attester(SCHOOL)), "review-009")

    assert (held.status_code, held.json()["reasons"]) == (202, ["unknown-station"])


@pytest.mark.rule("EN-04", "XR-01")
def test_a_county_without_a_grant_cannot_review_and_does_not_see_the_licence(world: World) -> None:
    world.issue(VEHICLE)
    attester = registered(world, Attester(STATION), asserts(REVIEW))

    assert reviewed(world, review_of(world, attester), "review-010").status_code == 404


@pytest.mark.rule("XR-02")
def test_a_report_that_is_too_old_or_signed_by_another_is_refused(world: World) -> None:
    world.issue(VEHICLE)
    attester = station(world)
    old = reviewed(world, review_of(world, attester, tested_on=(today(world) - timedelta(days=100)).isoformat()), "review-011")
    assert (old.status_code, old.json()["rule"]) == (422, "XR-02")
    body = review_of(world, attester)
    body["signature"] = review_of(world, Attester(STATION))["signature"]
    assert reviewed(world, body, "review-012").json()["rule"] == "EN-01"


@pytest.mark.rule("EN-07")
def test_the_home_county_may_object_within_its_term(world: World) -> None:
    issued, attester = world.issue(VEHICLE), station(world)
    done = reviewed(world, review_of(world, attester), "review-013").json()
    objection = {"act": "withdraw_endorsement", "endorsement_id": done["endorsement_ids"][0], "ground": "objection"}
    world.clock.now += timedelta(days=31)  # type: ignore[attr-defined]
    late = world.act(VEHICLE, issued["licence_id"], objection, "object-001")
    assert (late.status_code, late.json()["rule"]) == (409, "EN-07")
    world.clock.now -= timedelta(days=1)  # type: ignore[attr-defined]

    assert world.act(VEHICLE, issued["licence_id"], objection, "object-002").status_code == 201

    assert endorsements(world, issued["licence_id"], VEHICLE) == []


@pytest.mark.rule("EN-11")
def test_a_review_of_another_vehicle_says_nothing_of_this_one(world: World) -> None:
    issued, attester = world.issue(VEHICLE), station(world)
    reviewed(world, review_of(world, attester), "review-014")
    licence_id = issued["licence_id"]
    bound = world.service.book.get(licence_id).entries[-1].endorsements[0]
    assert bound.subject == world.service.catalogue.samples[VEHICLE].face["vin"]
    changed = world.act(VEHICLE, licence_id, {"act": "change", "face": {"vin": "LSAAA21AXAX000017"}}, "change-vin1")
    if changed.status_code != 201:
        pytest.fail(changed.text)

    record = world.service.book.get(licence_id)
    licence = record.at(today(world))
    template = world.service.catalogue.edition(VEHICLE, licence.current.edition)
    said = world.service.verifier.judged(record, licence, template, None)

    assert REVIEW not in {one.kind for one in said.every}


# -- signals and tasks --------------------------------------------------------------------------------


@pytest.mark.rule("LC-17")
def test_a_signal_about_an_underlying_right_opens_a_task_and_changes_nothing(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    body = {"source": "police", "signal": "driving-licence-revoked", "occurred_on": today(world).isoformat(), "external_ref": "P-1"}
    headers = world.headers(DRIVER, "signal-001")

    answer = world.http.post(f"/licences/{licence_id}/signals", json=body, headers=headers)

    assert answer.status_code == 201, answer.text
    assert [(one["kind"], one["content"]["rule"]) for one in tasks(world)] == [("underlying_right", "LC-17")]
    assert len(world.service.book.get(licence_id).entries) == 1
    assert world.http.post(f"/tasks/{answer.json()['task_id']}/close", headers=world.headers(DRIVER)).status_code == 204
    assert tasks(world) == []
    assert world.http.post(f"/tasks/{answer.json()['task_id']}/close", headers=world.headers(DRIVER)).status_code == 404


def test_a_department_sees_only_its_own_tasks(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    body = {"source": "police", "signal": "x", "occurred_on": today(world).isoformat(), "external_ref": "P-1"}
    task = world.http.post(f"/licences/{licence_id}/signals", json=body, headers=world.headers(DRIVER, "signal-002")).json()["task_id"]
    other = {"Authorization": f"Bearer {world.tokens[world.service.catalogue.samples[VEHICLE].issuer]}"}

    assert world.http.get("/tasks", headers=other).json()["tasks"] == []
    assert world.http.post(f"/tasks/{task}/close", headers=other).status_code == 404


def test_a_client_neither_sees_nor_closes_tasks_about_types_it_does_not_hold(world: World) -> None:
    department = world.service.catalogue.samples[DRIVER].issuer
    licence_id = world.issue(DRIVER)["licence_id"]
    opened = world.service.tasks.open
    kept = [opened(department, "conflict", licence_id, {"rule": "EN-08"}), opened(department, "unattended", None, {"rule": "AI-04"}, slug=DRIVER)]
    old = opened(department, "unattended", None, {"rule": "AI-04", "case_no": "old"})  # of an earlier release: nobody knows its type

    def headers(name: str, slug: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {world.service.clients.add(Client(name, department, (slug,), 100), world.clock())}"}

    other, mine = headers("other", VEHICLE), headers("mine", DRIVER)
    assert world.http.get("/tasks", headers=other).json()["tasks"] == []
    assert [world.http.post(f"/tasks/{one}/close", headers=other).status_code for one in (*kept, old)] == [404] * 3
    assert [one["task_id"] for one in world.http.get("/tasks", headers=mine).json()["tasks"]] == kept
    assert [world.http.post(f"/tasks/{one}/close", headers=mine).status_code for one in (*kept, old)] == [204, 204, 404]
    assert [one["task_id"] for one in tasks(world)] == [old]


# -- shapes ---------------------------------------------------------------------------------------------


def test_every_answer_about_attesting_has_a_shape_that_the_openapi_document_promises(world: World) -> None:
    conforms = Promises(world)
    issued, attester = world.issue(VEHICLE), station(world)
    driver, trainer = world.issue(DRIVER)["licence_id"], school(world)
    body = trainer.assertion(driver, CE, training(world), "shape-1")
    conforms("/assertions", posted(world, body))
    conforms("/assertions", posted(world, trainer.assertion(driver, CE, training(world, 60), "shape-2")))
    conforms("/assertions", posted(world, {**body, "signature": "0" * 128, "external_ref": "shape-3"}))
    conforms("/assertions", posted(world, {"licence_id": 3}))
    conforms("/reviews", reviewed(world, review_of(world, attester, receipts={"police": {"outcome": "unavailable"}}), "shape-0001"))
    conforms("/reviews", reviewed(world, review_of(world, attester), "shape-0002"))
    conforms("/reviews", reviewed(world, review_of(world, attester), "shape-0003"))
    conforms("/reviews", reviewed(world, {}, "shape-0004"))
    signal = {"source": "police", "signal": "x", "occurred_on": today(world).isoformat(), "external_ref": "P-9"}
    path = "/licences/{licence_id}/signals"
    task = conforms(path, world.http.post(f"/licences/{driver}/signals", json=signal, headers=world.headers(DRIVER, "shape-0005"))).json()["task_id"]
    conforms(path, world.http.post(f"/licences/{driver}/signals", json={}, headers=world.headers(DRIVER, "shape-0006")))
    conforms("/tasks", world.http.get("/tasks", headers=world.headers(DRIVER)))
    conforms("/tasks/{task_id}/close", world.http.post(f"/tasks/{task}/close", headers=world.headers(DRIVER)))
    conforms("/tasks/{task_id}/close", world.http.post(f"/tasks/{task}/close", headers=world.headers(DRIVER)))
    world.service.follower.follow()
    answer = f"/licences/{issued['licence_id']}/answer"
    conforms("/licences/{licence_id}/answer", world.http.get(answer, headers=world.headers(VEHICLE)))
    conforms("/licences/{licence_id}/answer", world.http.get(answer, params={"valid_at": "x"}, headers=world.headers(VEHICLE)))

    assert {route for route, _ in conforms.seen} == ATTESTED
    assert {status for _, status in conforms.seen} == {200, 201, 202, 204, 404, 409, 422}


def test_a_crowd_of_wrong_assertions_is_slowed_and_a_right_one_is_not(world: World) -> None:
    licence_id, attester = world.issue(DRIVER)["licence_id"], school(world)
    wrong = Attester(SCHOOL).assertion(licence_id, CE, training(world), "slow-1")
    statuses = [posted(world, wrong).status_code for _ in range(12)]

    assert statuses == [422] * 10 + [429] * 2
    assert posted(world, attester.assertion(licence_id, CE, training(world), "slow-2")).status_code == 201


# -- who may not ------------------------------------------------------------------------------------------


def inspected(world: World, **changed: Any) -> dict[str, Any]:
    """Return facts of a review of the sample's vehicle as a station would assert them."""
    face = world.service.catalogue.samples[VEHICLE].face
    day = today(world) - timedelta(days=1)
    facts = {
        "date": day.isoformat(),
        "result": "1",
        "next_due": "2028-04-30",
        "authority": "示例机关",
        "report_no": "R-9",
        "plate_no": face["plate_no"],
    }
    return {**facts, "vin": face["vin"], **changed}


@pytest.mark.rule("XR-02", "XR-03", "EN-11")
def test_a_report_cannot_slip_past_the_review_as_an_assertion(world: World) -> None:
    licence_id, attester = world.issue(VEHICLE)["licence_id"], station(world)
    other = posted(world, attester.assertion(licence_id, REVIEW, inspected(world, vin="LSAAA21AXAX000017"), "slip-1"))
    assert (other.status_code, other.json()["rule"]) == (409, "XR-03")
    waiting = posted(world, attester.assertion(licence_id, REVIEW, inspected(world), "slip-2")).json()
    assert waiting["state"] == "asserted"
    assert reviewed(world, review_of(world, attester, "R-9"), "review-slip").status_code == 201

    again = world.act(VEHICLE, licence_id, {"act": "endorse", "endorsement_id": waiting["endorsement_id"]}, "accept-slip")

    assert (again.status_code, again.json()["rule"]) == (409, "XR-02")
    by_hand = {"act": "endorse", "kind": REVIEW, "facts": inspected(world), "external_ref": "hand-1"}
    assert world.act(VEHICLE, licence_id, by_hand, "by-hand-01").json()["rule"] == "XR-02"


@pytest.mark.rule("EN-07")
def test_a_stranger_neither_withdraws_nor_refuses_nor_corrects(world: World) -> None:
    licence_id, attester = world.issue(DRIVER)["licence_id"], school(world)
    stands = posted(world, attester.assertion(licence_id, CE, training(world), "mine-1")).json()["endorsement_id"]
    waits = posted(world, attester.assertion(licence_id, CE, training(world, 60), "mine-2")).json()["endorsement_id"]
    other = Attester("91519902MB99000889")
    registered(world, other, asserts(CE))
    foreign = world.service.catalogue.samples[VEHICLE].issuer
    registered(world, Attester(foreign), accepts("registration"), with_key=False)
    headers = {"Authorization": f"Bearer {world.tokens[foreign]}"}

    for act, about in (("withdraw_endorsement", stands), ("refuse_endorsement", waits)):
        body = {"act": act, "endorsement_id": about, "decision": decision(today(world))}
        answer = world.http.post(f"/licences/{licence_id}/entries", json=body, headers={**headers, "Idempotency-Key": f"foreign-{act}"[:30]})
        assert (answer.status_code, answer.json()["rule"]) == (403, "EN-07")
    said = assertion_of(licence_id, CE, training(world, hours=1), "theirs-1", other.uscc, stands)
    correction = {"licence_id": licence_id, "kind": CE, "facts": training(world, hours=1), "external_ref": "theirs-1", "asserter": other.uscc}
    answer = posted(world, {**correction, "corrects": stands, "signature": other.sign(said)})
    assert (answer.status_code, answer.json()["rule"]) == (403, "EN-07")


@pytest.mark.rule("EN-06")
def test_of_two_corrections_of_one_fact_only_one_is_accepted(world: World) -> None:
    licence_id, attester = world.issue(DRIVER)["licence_id"], school(world)
    stands = posted(world, attester.assertion(licence_id, CE, training(world), "twice-0")).json()["endorsement_id"]
    made = []
    for number in (1, 2):
        facts = training(world, hours=20 + number)
        said = assertion_of(licence_id, CE, facts, f"twice-{number}", SCHOOL, stands)
        body = {"licence_id": licence_id, "kind": CE, "facts": facts, "external_ref": f"twice-{number}", "asserter": SCHOOL, "corrects": stands}
        taken = posted(world, {**body, "signature": attester.sign(said)}).json()
        assert (taken["state"], taken["reasons"]) == ("asserted", ["correction"])
        made.append(taken["endorsement_id"])

    first = world.act(DRIVER, licence_id, {"act": "endorse", "endorsement_id": made[0]}, "correct-0001")
    second = world.act(DRIVER, licence_id, {"act": "endorse", "endorsement_id": made[1]}, "correct-0002")

    assert (first.status_code, second.status_code, second.json()["rule"]) == (201, 409, "EN-06")


@pytest.mark.rule("EN-01")
def test_nothing_is_learnt_and_nothing_left_without_the_right_signature(world: World) -> None:
    licence_id, attester = world.issue(DRIVER)["licence_id"], school(world)
    body = attester.assertion(licence_id, CE, training(world), "quiet-1")
    posted(world, body)
    forged = [
        {**body, "signature": "0" * 128},
        {**body, "signature": "0" * 128, "facts": training(world, hours=3)},
        {**body, "signature": "0" * 128, "licence_id": "A1B2C3D4E5F607182930"},
        {**body, "signature": "0" * 128, "kind": "no_such_kind"},
    ]

    answers = [posted(world, one) for one in forged]

    assert {(one.status_code, one.json()["type"]) for one in answers} == {(422, "urn:licence-service:problem:signature-wrong")}
    assert tasks(world) == []


def test_with_the_seal_stopped_an_assertion_waits_and_is_accepted_once_it_is_sent_again(world: World) -> None:
    licence_id, attester = world.issue(DRIVER)["licence_id"], school(world)
    seal_id = world.service.keyring.departments[COUNTY].seal.seal_id
    body = attester.assertion(licence_id, CE, training(world), "stopped-1")
    world.service.seal_log.order(seal_id, stopped=True, at=world.clock(), by="officer", reason="drill")
    held = posted(world, body).json()
    assert (held["state"], held["reasons"], len(tasks(world))) == ("asserted", ["sealing"], 1)
    world.service.seal_log.order(seal_id, stopped=False, at=world.clock(), by="officer", reason="over")
    world.service.registrar.finish()

    assert posted(world, body).json()["state"] == "accepted"
    assert tasks(world) == []
