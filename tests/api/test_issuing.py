"""The issuing interface: answers, history, documents, search, grants, templates, previews, adoption."""

import base64
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from licence_service.document import reading
from licence_service.errors import NumberTaken
from licence_service.identifiers import ElicenceId, parse_elicence_id
from licence_service.licence import beijing_day
from licence_service.seal.keyring import read_keyring
from licence_service.store.clients import Client
from tests.world import DRIVER, NOW, PASSPHRASE, TRIP, VEHICLE, World, decision, dumped


def test_an_issue_answers_with_everything_the_caller_needs(world: World) -> None:
    issued = world.issue(TRIP)
    assert set(issued) == {
        "licence_id", "sequence", "act", "recorded_at", "elicence_id", "number", "version", "check_code", "delivery_code", "verify_url", "document_url",
    }  # fmt: skip
    identifier = parse_elicence_id(issued["elicence_id"])
    assert identifier is not None
    assert (identifier.serial, identifier.version) == (issued["licence_id"], 1)
    assert issued["verify_url"].startswith("HTTPS://LICENCE.EXAMPLE.CN/Q/1")
    assert len(issued["check_code"]) == 12
    assert len(issued["delivery_code"]) == 16


def test_the_document_carries_the_canonical_data_and_the_code(world: World) -> None:
    issued = world.issue(DRIVER)
    content = world.http.get(issued["document_url"], headers=world.headers(DRIVER)).content
    data = json.loads(reading.attachment(content) or b"")
    assert data["format"] == "licence/1"
    assert data["elicence_id"] == issued["elicence_id"]
    assert data["face"]["person_name"] == "陈安途"
    assert data["metadata"]["CertificateHolderTypeCode"] == "111"
    assert issued["verify_url"] in reading.codes(content)
    with pikepdf.open(__import__("io").BytesIO(content)) as opened:
        assert str(opened.Root.Lang) == "zh-CN"


def test_every_act_that_changes_the_page_makes_the_next_version_and_the_old_one_stays(world: World) -> None:
    issued = world.issue(TRIP)
    old = world.http.get(issued["document_url"], headers=world.headers(TRIP)).content
    changed = world.act(TRIP, issued["licence_id"], {"act": "change", "face": {"goods_name": "发电机定子"}}, "change-001").json()
    assert changed["version"] == 2
    assert changed["elicence_id"].split(".")[-2] == "002"
    assert changed["elicence_id"].split(".")[-3] == issued["licence_id"]
    again = world.http.get(issued["document_url"], headers=world.headers(TRIP))
    assert again.content == old
    assert again.headers["licence-version-state"] == "superseded"
    verdict = world.http.post("/verify/document", content=old, headers={"Content-Type": "application/pdf"}).json()
    assert verdict["overall"] == "not_valid"
    assert verdict["answers"]["current"]["reasons"][0]["code"] == "superseded"
    assert verdict["answers"]["in_force"]["result"] == "yes"
    history = world.http.get(f"/licences/{issued['licence_id']}/entries", headers=world.headers(TRIP)).json()["entries"]
    assert [entry["act"] for entry in history] == ["issue", "change"]
    assert history[1]["previous"] == history[0]["sha256"]
    assert "发电机" not in json.dumps(history, ensure_ascii=False)


def test_a_change_leaves_its_own_record_which_cannot_be_endorsed_by_hand(world: World) -> None:
    issued = world.issue(TRIP)
    world.act(TRIP, issued["licence_id"], {"act": "change", "face": {"goods_name": "发电机定子"}}, "change-001")
    read = world.http.get(f"/licences/{issued['licence_id']}", headers=world.headers(TRIP)).json()
    facts = {fact["name"]: fact["value"] for fact in read["endorsements"][0]["facts"]}
    assert facts["item"] == "货物名称"
    assert facts["old"] == "变压器（不可解体）"
    assert facts["new"] == "发电机定子"
    body = {"act": "endorse", "kind": "change", "facts": {}, "external_ref": "x-1"}
    answer = world.act(TRIP, issued["licence_id"], body, "by-hand-01")
    assert answer.status_code == 422
    assert answer.json()["faults"][0]["code"] == "unknown-kind"


def test_replacing_raises_the_copy_number_and_changes_nothing_else(world: World) -> None:
    issued = world.issue(DRIVER)
    replaced = world.act(DRIVER, issued["licence_id"], {"act": "replace", "reason": "lost"}, "replace-01")
    assert replaced.status_code == 201, replaced.text
    versions = world.http.get(f"/licences/{issued['licence_id']}", headers=world.headers(DRIVER)).json()["versions"]
    assert [(one["version"], one["copy_no"], one["reason"]) for one in versions] == [(1, 1, "initial"), (2, 2, "replacement")]
    first, second = (entry.version for entry in world.service.book.get(issued["licence_id"]).entries)
    assert first
    assert second
    assert first.face == second.face
    assert first.valid_to == second.valid_to


def test_renewing_begins_the_day_after_the_old_term(world: World) -> None:
    issued = world.issue(DRIVER)
    old = world.service.book.get(issued["licence_id"]).entries[0].version
    assert old is not None
    assert old.valid_to is not None
    world.clock.now = NOW.replace(year=old.valid_to.year, month=old.valid_to.month, day=1)  # type: ignore[attr-defined]
    renewed = world.act(DRIVER, issued["licence_id"], {"act": "renew"}, "renew-0001")
    assert renewed.status_code == 201, renewed.text
    new = world.service.book.get(issued["licence_id"]).entries[1].version
    assert new is not None
    assert new.valid_from == old.valid_to + timedelta(days=1)
    assert new.valid_to == world.service.catalogue.in_force(DRIVER, new.valid_from).term.last_day(new.valid_from)


def test_a_suspension_shows_lapses_and_can_be_lifted(world: World) -> None:
    issued = world.issue(VEHICLE)
    day = beijing_day(world.clock())
    body = {"act": "suspend", "suspension": {"kind": "penalty", "first": day.isoformat(), "last": (day + timedelta(days=9)).isoformat()}}
    assert world.act(VEHICLE, issued["licence_id"], body, "suspend-01").status_code == 201
    verdict = _pair(world, issued)
    assert verdict["overall"] == "not_valid"
    assert verdict["licence"]["state"] == "suspended"
    refused = world.act(VEHICLE, issued["licence_id"], {"act": "change", "face": {"remark": "新"}}, "change-001")
    assert refused.status_code == 409
    assert refused.json()["state"] == "suspended"
    assert world.act(VEHICLE, issued["licence_id"], {"act": "lift"}, "lift-00001").status_code == 201
    assert _pair(world, issued)["overall"] == "valid"


def test_a_revoked_licence_reads_revoked_and_a_cancelled_one_cancelled(world: World) -> None:
    revoked, cancelled = world.issue(VEHICLE), world.issue(TRIP, "issue-0002")
    assert world.act(VEHICLE, revoked["licence_id"], {"act": "revoke"}, "revoke-001").status_code == 201
    assert world.act(TRIP, cancelled["licence_id"], {"act": "cancel", "ground": "request"}, "cancel-001").status_code == 201
    assert _pair(world, revoked)["licence"]["state"] == "revoked"
    assert _pair(world, cancelled)["licence"]["state"] == "cancelled"
    again = world.act(VEHICLE, revoked["licence_id"], {"act": "replace", "reason": "lost"}, "replace-01")
    assert again.status_code == 409


def test_a_number_is_free_again_once_its_licence_has_ended(world: World) -> None:
    first = world.issue(VEHICLE)
    taken = world.http.post("/licences", json=world.request(VEHICLE, case_no="OTHER-1"), headers=world.headers(VEHICLE, "second-001"))
    assert taken.status_code == 409
    assert taken.json()["type"].endswith("number-taken")
    world.act(VEHICLE, first["licence_id"], {"act": "revoke"}, "revoke-001")
    second = world.http.post("/licences", json=world.request(VEHICLE, case_no="OTHER-1"), headers=world.headers(VEHICLE, "second-001"))
    assert second.status_code == 201


def _review(day: Any, number: int = 1) -> dict[str, Any]:
    facts = {"date": day.isoformat(), "result": "1", "next_due": (day + timedelta(days=365)).isoformat(), "authority": "示例机关"}
    return {"act": "endorse", "kind": "annual_review", "facts": facts, "external_ref": f"review-{number}"}


def test_a_printed_endorsement_makes_a_version_and_moves_the_day_on_the_face(world: World) -> None:
    issued = world.issue(VEHICLE)
    day = beijing_day(world.clock())
    endorsed = world.act(VEHICLE, issued["licence_id"], _review(day), "endorse-01").json()
    assert endorsed["version"] == 2
    version = world.service.book.get(issued["licence_id"]).entries[1].version
    assert version is not None
    assert version.face["review_valid_to"] == (day + timedelta(days=365)).isoformat()
    withdrawn = world.act(
        VEHICLE, issued["licence_id"], {"act": "withdraw_endorsement", "endorsement_id": endorsed["endorsement_ids"][0]}, "withdraw-1"
    ).json()
    assert withdrawn["version"] == 3
    entries = world.service.book.get(issued["licence_id"]).entries
    assert entries[2].version
    assert entries[0].version
    assert entries[2].version.face["review_valid_to"] == entries[0].version.face["review_valid_to"]
    assert world.service.book.get(issued["licence_id"]).at(day).endorsements == ()


def test_an_endorsement_is_a_signed_statement_of_its_own(world: World) -> None:
    from licence_service.seal.tokens import Purpose, verify

    issued = world.issue(VEHICLE)
    world.act(VEHICLE, issued["licence_id"], _review(beijing_day(world.clock())), "endorse-01")
    (one,) = world.service.book.get(issued["licence_id"]).entries[1].endorsements
    key, department = world.service.keyring.verifying_key(bytes.fromhex(one.kid), Purpose.ENDORSEMENT)
    assert verify(key, one.statement(issued["licence_id"]), one.signature)
    assert department == one.accepter
    assert not verify(key, one.statement("0" * 20), one.signature)
    assert b"\xe7\xa4\xba" not in one.statement(issued["licence_id"])


def test_the_same_fact_sent_twice_is_answered_with_the_first_result(world: World) -> None:
    issued = world.issue(VEHICLE)
    day = beijing_day(world.clock())
    first = world.act(VEHICLE, issued["licence_id"], _review(day), "endorse-01").json()
    again = world.act(VEHICLE, issued["licence_id"], _review(day), "endorse-02").json()
    assert again["endorsement_ids"] == first["endorsement_ids"]
    other = world.act(VEHICLE, issued["licence_id"], {**_review(day), "facts": {**_review(day)["facts"], "result": "2"}}, "endorse-03")
    assert other.status_code == 409


def test_a_fact_of_tomorrow_is_refused(world: World) -> None:
    issued = world.issue(VEHICLE)
    answer = world.act(VEHICLE, issued["licence_id"], _review(beijing_day(world.clock()) + timedelta(days=1)), "endorse-01")
    assert answer.json()["faults"][0]["code"] == "in-the-future"


def test_the_same_act_with_the_same_key_is_entered_once(world: World) -> None:
    issued = world.issue(VEHICLE)
    day = beijing_day(world.clock())
    body = {"act": "suspend", "suspension": {"kind": "measure", "first": day.isoformat()}}
    first, second = (world.act(VEHICLE, issued["licence_id"], body, "suspend-01") for _ in range(2))
    assert first.json() == second.json()
    assert len(world.service.book.get(issued["licence_id"]).entries) == 2


def test_search_is_by_post_within_the_callers_own_department(world: World) -> None:
    issued = world.issue(VEHICLE)
    body = {"field": "plate_no", "value": " 川ｐA1234 "}
    mine = world.http.post("/licences/search", json=body, headers=world.headers(VEHICLE)).json()["licences"]
    assert [one["licence_id"] for one in mine] == [issued["licence_id"]]
    theirs = world.http.post("/licences/search", json=body, headers=world.headers(DRIVER)).json()["licences"]
    assert theirs == []


def test_another_department_sees_a_licence_as_if_it_did_not_exist(world: World) -> None:
    issued = world.issue(VEHICLE)
    nothing = world.http.get(f"/licences/{'0' * 20}", headers=world.headers(DRIVER))
    for path in ("", "/entries", "/versions/1/document"):
        answer = world.http.get(f"/licences/{issued['licence_id']}{path}", headers=world.headers(DRIVER))
        assert (answer.status_code, answer.json()) == (nothing.status_code, nothing.json())
    assert world.act(DRIVER, issued["licence_id"], {"act": "revoke"}, "foreign-01").status_code == 404


def test_a_client_is_held_to_its_types_and_its_ceiling(world: World) -> None:
    uscc = world.service.catalogue.samples[TRIP].issuer
    token = world.service.clients.add(Client("narrow", uscc, (VEHICLE,), 1), NOW)
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "narrow-001"}
    assert world.http.post("/licences", json=world.request(TRIP), headers=headers).status_code == 403
    token = world.service.clients.add(Client("slow", uscc, (TRIP,), 1), NOW)
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "slow-00001"}
    assert world.http.post("/licences", json=world.request(TRIP), headers=headers).status_code == 201
    other = world.request(TRIP, face={"license_no": "5199002611000002"}, case_no="SLOW-2")
    assert world.http.post("/licences", json=other, headers={**headers, "Idempotency-Key": "slow-00002"}).status_code == 429
    world.service.clients.remove("slow", NOW)
    assert world.http.post("/licences", json=other, headers=headers).status_code == 401


def test_templates_are_listed_with_schema_and_sample(world: World) -> None:
    listed = world.http.get("/templates").json()["templates"]
    assert {one["type"] for one in listed} == set(world.service.catalogue.slugs)
    one = world.http.get(f"/templates/{TRIP}").json()
    schema = one["face_schema"]
    assert schema["additionalProperties"] is False
    assert set(one["sample"]["face"]) <= set(schema["properties"])
    assert world.http.get("/templates/no_such_type").status_code == 404


@pytest.mark.rule("AI-10")
def test_a_preview_is_watermarked_unsealed_and_without_live_codes(world: World) -> None:
    request = world.request(DRIVER)
    body = {"face": request["face"], "photos": request["photos"]}
    answer = world.http.post(f"/templates/{DRIVER}/preview", json=body, headers=world.headers(DRIVER))
    assert answer.status_code == 200, answer.text
    assert reading.codes(answer.content) == []
    said = "".join(reading.text(answer.content))
    assert "样本" in said
    assert "预览" in said
    verdict = world.http.post("/verify/document", content=answer.content, headers={"Content-Type": "application/pdf"}).json()
    assert verdict["overall"] == "not_valid"
    assert verdict["answers"]["authentic"]["reasons"][0]["code"] == "no-signature"
    assert list(world.service.book.all_ids()) == []


def adoption(world: World, slug: str, file: bytes, **changed: Any) -> dict[str, Any]:
    """Return a request to adopt a file under an identifier of the sample's department."""
    department = world.service.keyring.departments[world.service.catalogue.samples[slug].issuer]
    template = world.service.catalogue.in_force(slug, NOW.date())
    elsewhere = str(ElicenceId(template.type_code(department.uscc), department.uscc, "OLD0000123", 4))
    return {**world.request(slug), "elicence_id": elsewhere, "document": base64.b64encode(file).decode(), **changed}


def adopt(world: World, slug: str, body: dict[str, Any], key: str = "adopt-0001") -> Any:
    """Send a request to adopt."""
    headers = {**world.headers(slug, key), "Content-Type": "application/json"}
    return world.http.post("/licences/adopted", content=dumped(body), headers=headers)


def sealed_elsewhere(world: World, slug: str) -> bytes:
    """Return a file that the department's seal sealed outside of this service."""
    draft = world.http.post(f"/templates/{TRIP}/preview", json={"face": world.request(TRIP)["face"]}, headers=world.headers(TRIP)).content
    seal = world.service.keyring.departments[world.service.catalogue.samples[slug].issuer].seal
    return seal.affix(draft, sealed_at=NOW, request_id="elsewhere").document


def test_an_adopted_licence_keeps_its_identifier_and_its_file(world: World) -> None:
    file = sealed_elsewhere(world, VEHICLE)
    body = adoption(world, VEHICLE, file)
    answer = adopt(world, VEHICLE, body)
    assert answer.status_code == 201, answer.text
    adopted = answer.json()
    assert (adopted["elicence_id"], adopted["version"]) == (body["elicence_id"], 4)
    assert world.http.get(adopted["document_url"], headers=world.headers(VEHICLE)).content == file
    verdict = world.http.post("/verify/document", content=file, headers={"Content-Type": "application/pdf"}).json()
    assert verdict["overall"] == "valid"
    changed = world.act(VEHICLE, adopted["licence_id"], {"act": "change", "face": {"remark": "已更新"}}, "change-001").json()
    assert changed["version"] == 5
    assert changed["elicence_id"].split(".")[-2] == "005"


@pytest.mark.parametrize("file", [b"%PDF-junk", b"%PDF-1.7\n%%EOF\n"])
def test_a_file_without_a_seal_is_not_adopted(world: World, file: bytes) -> None:
    answer = adopt(world, VEHICLE, adoption(world, VEHICLE, file))
    assert {fault["code"] for fault in answer.json()["faults"]} == {"not-sealed"}


def test_an_identifier_of_another_department_is_not_adopted(world: World) -> None:
    foreign = str(ElicenceId("11100000000019713D071", "11519900MB9900021Q", "OLD0000123", 1))
    answer = adopt(world, VEHICLE, adoption(world, VEHICLE, sealed_elsewhere(world, VEHICLE), elicence_id=foreign))
    assert [fault["code"] for fault in answer.json()["faults"]] == ["foreign-identifier"]


def test_an_adopted_file_with_a_seal_nobody_knows_cannot_be_decided(world: World, tmp_path: Path) -> None:
    from tests.world import make_keys

    strangers = read_keyring(make_keys(tmp_path / "strangers"), passphrase=PASSPHRASE.encode(), allow_demo=True)
    draft = world.http.post(f"/templates/{TRIP}/preview", json={"face": world.request(TRIP)["face"]}, headers=world.headers(TRIP)).content
    uscc = world.service.catalogue.samples[VEHICLE].issuer
    file = strangers.departments[uscc].seal.affix(draft, sealed_at=NOW, request_id="strange").document
    assert adopt(world, VEHICLE, adoption(world, VEHICLE, file)).status_code == 201
    verdict = world.http.post("/verify/document", content=file, headers={"Content-Type": "application/pdf"}).json()
    assert verdict["overall"] == "cannot_decide"
    assert verdict["answers"]["authentic"]["result"] == "unknown"


def test_999_versions_are_all_that_an_identifier_holds(world: World) -> None:
    department = world.service.keyring.departments[world.service.catalogue.samples[VEHICLE].issuer]
    template = world.service.catalogue.in_force(VEHICLE, NOW.date())
    last = str(ElicenceId(template.type_code(department.uscc), department.uscc, "OLD0000999", 999))
    adopted = adopt(world, VEHICLE, adoption(world, VEHICLE, sealed_elsewhere(world, VEHICLE), elicence_id=last)).json()
    assert world.act(VEHICLE, adopted["licence_id"], {"act": "change", "face": {"remark": "已更新"}}, "change-001").status_code == 409


@pytest.mark.parametrize(
    ("slug", "face", "code"),
    [
        (DRIVER, {"citizen_id": "519902197903030019", "birth_date": "1979-03-03"}, "not-changeable"),
        (VEHICLE, {"uscc": "91519902MA9901098F"}, "not-changeable"),
    ],
)
def test_a_change_does_not_hand_a_licence_to_somebody_else(world: World, slug: str, face: dict[str, str], code: str) -> None:
    issued = world.issue(slug)
    answer = world.act(slug, issued["licence_id"], {"act": "change", "face": face}, "swap-00001")
    assert code in {fault["code"] for fault in answer.json()["faults"]}


def test_a_number_that_is_an_identity_number_is_the_holders(world: World) -> None:
    answer = world.http.post(
        "/licences", json=world.request(DRIVER, face={"license_no": "11010519491231002X"}), headers=world.headers(DRIVER, "other-id-1")
    )
    assert ("face.license_no", "at-odds") in {(fault["path"], fault["code"]) for fault in answer.json()["faults"]}


def test_another_client_of_the_same_case_gets_no_codes(world: World) -> None:
    world.issue(TRIP)
    token = world.service.clients.add(Client("second", world.service.catalogue.samples[TRIP].issuer, (TRIP,), 5), NOW)
    answer = world.http.post(
        "/licences", json=world.request(TRIP), headers={"Authorization": f"Bearer {token}", "Idempotency-Key": "second-0001"}
    ).json()
    assert answer["version"] == 1
    assert answer["check_code"] is None
    assert answer["delivery_code"] is None


def test_a_case_can_be_put_right_after_its_first_attempt_was_abandoned(world: World) -> None:
    seal_id = world.service.keyring.departments[world.service.catalogue.samples[TRIP].issuer].seal.seal_id
    world.service.seal_log.order(seal_id, stopped=True, at=NOW, by="officer", reason="drill")
    first, second = (
        world.http.post("/licences", json=world.request(TRIP, case_no=case), headers=world.headers(TRIP, f"{case}-key"))
        for case in ("CASE-1", "CASE-2")
    )
    assert (first.status_code, second.status_code) == (202, 202)
    world.service.seal_log.order(seal_id, stopped=False, at=NOW, by="officer", reason="over")
    with pytest.raises(NumberTaken):
        world.service.registrar.finish()
    assert world.service.registrar.finish() == 0
    right = world.request(TRIP, case_no="CASE-2", face={"license_no": "5199002611000099"})
    assert world.http.post("/licences", json=right, headers=world.headers(TRIP, "case-2-again")).status_code == 201


def test_waiting_for_a_stopped_seal_is_logged_once(world: World) -> None:
    seal_id = world.service.keyring.departments[world.service.catalogue.samples[TRIP].issuer].seal.seal_id
    world.service.seal_log.order(seal_id, stopped=True, at=NOW, by="officer", reason="drill")
    world.http.post("/licences", json=world.request(TRIP), headers=world.headers(TRIP, "stopped-01"))
    for _ in range(3):
        world.service.registrar.finish()
    assert [use["event"] for use in world.service.seal_log.uses()] == ["refused"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"act": "revoke", "effective_on": "1990-01-01"}, "effective_on"),
        ({"act": "cancel", "ground": "request", "right_ended_on": "2190-01-01"}, "right_ended_on"),
        ({"act": "change", "effective_on": "2100-01-01", "face": {"remark": "新"}}, "effective_on"),
        ({"act": "revoke", "decision": decision(date(1950, 1, 1))}, "decision.decided_on"),
    ],
)
def test_days_without_sense_are_refused(world: World, body: dict[str, Any], path: str) -> None:
    issued = world.issue(VEHICLE)
    answer = world.act(VEHICLE, issued["licence_id"], body, "senseless-1")
    assert answer.status_code == 422
    assert path in {fault["path"] for fault in answer.json()["faults"]}


def test_a_second_renewal_waits_for_the_first_to_begin(world: World) -> None:
    issued = world.issue(DRIVER)
    assert world.act(DRIVER, issued["licence_id"], {"act": "renew"}, "renew-0001").status_code == 201
    assert world.act(DRIVER, issued["licence_id"], {"act": "renew"}, "renew-0002").status_code == 409


def test_an_endorsement_is_withdrawn_from_the_named_day_or_from_its_beginning(world: World) -> None:
    issued = world.issue(DRIVER)
    day = beijing_day(world.clock())
    facts = {
        "date": (day - timedelta(days=20)).isoformat(),
        "decision_no": "罚〔2026〕1号",
        "act": "超员",
        "penalty": "罚款",
        "authority": "示例机关",
    }
    made = world.act(
        DRIVER, issued["licence_id"], {"act": "endorse", "kind": "violation", "facts": facts, "external_ref": "v-1"}, "violation-1"
    ).json()
    later = {"act": "withdraw_endorsement", "endorsement_id": made["endorsement_ids"][0], "effective_on": (day + timedelta(days=5)).isoformat()}
    assert world.act(DRIVER, issued["licence_id"], later, "withdraw-1").status_code == 201
    record = world.service.book.get(issued["licence_id"])
    assert len(record.at(day).endorsements) == 1
    assert record.at(day + timedelta(days=5)).endorsements == ()


def test_no_client_asserts_for_another_department(world: World) -> None:
    issued = world.issue(VEHICLE)
    other = world.service.catalogue.samples[DRIVER].issuer
    answer = world.act(VEHICLE, issued["licence_id"], {**_review(beijing_day(world.clock())), "asserter": other}, "foreign-01")
    assert [fault["code"] for fault in answer.json()["faults"]] == ["foreign-department"]


def test_a_stopped_seal_leaves_the_issue_waiting_and_a_started_one_finishes_it(world: World) -> None:
    seal_id = world.service.keyring.departments[world.service.catalogue.samples[TRIP].issuer].seal.seal_id
    world.service.seal_log.order(seal_id, stopped=True, at=NOW, by="officer", reason="drill")
    answer = world.http.post("/licences", json=world.request(TRIP), headers=world.headers(TRIP, "stopped-01"))
    assert answer.status_code == 202
    where = answer.headers["location"]
    assert world.http.get(where, headers=world.headers(TRIP)).status_code == 202
    assert list(world.service.book.all_ids()) == []
    world.service.seal_log.order(seal_id, stopped=False, at=NOW, by="officer", reason="drill over")
    assert world.service.registrar.finish() == 1
    done = world.http.get(where, headers=world.headers(TRIP))
    assert done.status_code == 200
    assert done.json()["licence_id"] == answer.json()["licence_id"]
    assert [use["event"] for use in world.service.seal_log.uses()] == ["refused", "requested", "done"]


def _pair(world: World, issued: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = world.http.post("/verify", json={"number": issued["number"], "check_code": issued["check_code"]}).json()
    return found


@pytest.mark.parametrize("path", ["/licences/short", "/licences/search/x", "/nowhere", "/reservations/zz"])
def test_an_address_that_is_none_is_a_problem_and_no_bug(world: World, path: str) -> None:
    answer = world.http.get(path, headers=world.headers(TRIP))
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_preview_takes_photos_only_for_photo_fields(world: World) -> None:
    request = world.request(DRIVER)
    photos = {**request["photos"], "person_name": request["photos"]["photo"]}
    answer = world.http.post(f"/templates/{DRIVER}/preview", json={"face": request["face"], "photos": photos}, headers=world.headers(DRIVER))
    assert answer.status_code == 422
    assert ("photos", "unknown-photo") in {(fault["path"], fault["code"]) for fault in answer.json()["faults"]}
