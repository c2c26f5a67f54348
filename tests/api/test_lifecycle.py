"""The acts of DOMAIN §2a through HTTP: what they do to the right, the document and the flags, and what is refused by which rule."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_service.licence import beijing_day
from tests.world import DRIVER, VEHICLE, World, a_world, decision, make_keys

PORT, ANNEX, BUSINESS = "port_operation_permit", "port_dangerous_goods_annex", "road_transport_business_permit"
NEIGHBOUR = "11519902MB990003XD"


def today(world: World) -> date:
    """Return the day in Beijing."""
    return beijing_day(world.clock())


def enter(world: World, slug: str, licence_id: str, key: str, **body: Any) -> dict[str, Any]:
    """Enter an act that must be taken."""
    answer = world.act(slug, licence_id, body, key)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(world: World, slug: str, licence_id: str, key: str, **body: Any) -> dict[str, Any]:
    """Enter an act that must be refused; return the problem."""
    answer = world.act(slug, licence_id, body, key)
    assert answer.status_code in {403, 409, 422}, answer.text
    found: dict[str, Any] = answer.json()
    return found


def read(world: World, slug: str, licence_id: str, **clocks: str) -> dict[str, Any]:
    """Read a licence as its department's clerk."""
    answer = world.http.get(f"/licences/{licence_id}", params=clocks, headers=world.headers(slug))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def move(world: World, days: int) -> None:
    """Let days go by."""
    world.clock.now += timedelta(days=days)  # type: ignore[attr-defined]


@pytest.mark.rule("LC-10", "AU-01")
def test_a_withdrawal_reaches_back_to_the_grant_and_both_answers_are_given(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    move(world, 10)
    before = (today(world) - timedelta(days=5)).isoformat()
    enter(world, DRIVER, licence_id, "withdraw-1", act="withdraw", ground="fraud")

    found = read(world, DRIVER, licence_id, valid_at=before)

    assert (found["state"], found["ground"]) == ("withdrawn", None)
    assert found["as_known_then"]["state"] == "in_force"
    assert read(world, DRIVER, licence_id, valid_at=before, known_at=before)["state"] == "in_force"


@pytest.mark.rule("LC-10")
def test_a_withdrawal_may_name_a_later_day(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    move(world, 10)
    day = today(world) - timedelta(days=3)
    enter(world, DRIVER, licence_id, "withdraw-2", act="withdraw", effective_on=day.isoformat())

    assert read(world, DRIVER, licence_id, valid_at=day.isoformat())["state"] == "withdrawn"
    assert read(world, DRIVER, licence_id, valid_at=(day - timedelta(days=1)).isoformat())["state"] == "in_force"


@pytest.mark.rule("LC-11")
def test_a_missing_cancellation_never_makes_a_revoked_licence_alive_and_its_ground_must_fit(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    assert refused(world, DRIVER, licence_id, "cancel-0", act="cancel", ground="revoked")["rule"] == "LC-04"
    enter(world, DRIVER, licence_id, "revoke-1", act="revoke")
    assert read(world, DRIVER, licence_id)["state"] == "revoked"
    move(world, 3)

    enter(world, DRIVER, licence_id, "cancel-1", act="cancel", ground="revoked", right_ended_on=(today(world) - timedelta(days=3)).isoformat())

    found = read(world, DRIVER, licence_id)
    assert (found["state"], found["ground"], found["ended_on"]) == ("cancelled", "revoked", (today(world) - timedelta(days=3)).isoformat())


@pytest.mark.rule("LC-06", "LC-19")
def test_a_suspended_licence_changes_only_if_every_suspension_lets_it(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    first = today(world).isoformat()
    employer = {"employer": "蜀安新途运输有限公司"}
    enter(world, DRIVER, licence_id, "suspend-1", act="suspend", suspension={"kind": "measure", "first": first, "allows": ["change"]})
    enter(world, DRIVER, licence_id, "change-1", act="change", face=employer)
    second = enter(world, DRIVER, licence_id, "suspend-2", act="suspend", suspension={"kind": "measure", "first": first})

    assert refused(world, DRIVER, licence_id, "change-2", act="change", face={"employer": "另一公司"})["rule"] == "LC-06"
    assert refused(world, DRIVER, licence_id, "lift-0000", act="lift")["rule"] == "LC-19"
    enter(world, DRIVER, licence_id, "lift-0001", act="lift", target=second["sequence"])
    assert read(world, DRIVER, licence_id)["state"] == "suspended"


@pytest.mark.rule("LC-07")
def test_a_replacement_shows_the_suspension_and_clears_the_loss(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    enter(world, DRIVER, licence_id, "lost-0001", act="report_lost")
    assert read(world, DRIVER, licence_id)["flags"] == ["loss_reported"]
    enter(world, DRIVER, licence_id, "suspend-3", act="suspend", suspension={"kind": "measure", "first": today(world).isoformat()})

    enter(world, DRIVER, licence_id, "replace-1", act="replace", reason="lost")

    found = read(world, DRIVER, licence_id)
    assert (found["state"], found["flags"], found["versions"][-1]["copy_no"]) == ("suspended", [], 2)
    assert [one["state"] for one in found["versions"]] == ["superseded", "current"]


def test_a_document_that_was_found_again_is_no_longer_reported_lost(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    enter(world, DRIVER, licence_id, "lost-0002", act="report_lost")
    enter(world, DRIVER, licence_id, "found-0002", act="report_found")

    found = read(world, DRIVER, licence_id)

    assert (found["state"], found["flags"]) == ("in_force", [])


def _offered(world: World) -> str:
    licence_id: str = world.issue(DRIVER)["licence_id"]
    enter(world, DRIVER, licence_id, "release-1", act="transfer", to_department=NEIGHBOUR)
    return licence_id


def _as_neighbour(world: World, licence_id: str, key: str, **body: Any) -> Any:
    headers = {"Authorization": f"Bearer {world.tokens[NEIGHBOUR]}", "Idempotency-Key": key}
    return world.http.post(f"/licences/{licence_id}/entries", json={"decision": decision(today(world)), **body}, headers=headers)


@pytest.mark.rule("LC-08")
def test_a_transfer_takes_two_acts_and_leaves_no_gap(world: World) -> None:
    licence_id = _offered(world)
    pending = read(world, DRIVER, licence_id)
    assert (pending["state"], pending["flags"], pending["issuer"]["code"]) == ("in_force", ["transfer_pending"], "11519900MB9900021Q")

    accepted = _as_neighbour(world, licence_id, "accept-01", act="accept_transfer")

    assert accepted.status_code == 201, accepted.text
    answer = world.http.get(f"/licences/{licence_id}", headers={"Authorization": f"Bearer {world.tokens[NEIGHBOUR]}"}).json()
    assert (answer["state"], answer["flags"], answer["issuer"]["code"]) == ("in_force", [], NEIGHBOUR)
    assert NEIGHBOUR in accepted.json()["elicence_id"]
    issued = accepted.json()
    verdict = world.http.post("/verify", json={"number": issued["number"], "check_code": issued["check_code"]}).json()
    assert verdict["overall"] in {"valid", "valid_conditions_unmet"}
    assert world.http.get(issued["verify_url"].removeprefix("https://licence.example.cn")).json()["overall"] == verdict["overall"]
    assert refused(world, DRIVER, licence_id, "late-act-1", act="revoke")["type"].endswith("not-granted")


@pytest.mark.rule("LC-08")
def test_day_thirty_is_in_time_and_day_thirty_one_is_not(world: World) -> None:
    licence_id = _offered(world)
    move(world, 31)
    assert read(world, DRIVER, licence_id)["flags"] == []
    late = _as_neighbour(world, licence_id, "accept-02", act="accept_transfer", target=2)
    assert late.status_code == 404  # an offer that is over is no window into the licence
    move(world, -1)
    assert read(world, DRIVER, licence_id)["flags"] == ["transfer_pending"]
    assert _as_neighbour(world, licence_id, "accept-03", act="accept_transfer").status_code == 201


@pytest.mark.rule("LC-08")
def test_a_rejected_transfer_falls_back_and_a_stranger_knows_nothing_of_it(world: World) -> None:
    licence_id = _offered(world)
    stranger = {"Authorization": f"Bearer {world.tokens['12519900MB9900048D']}"}
    assert world.http.get(f"/licences/{licence_id}", headers=stranger).status_code == 404

    assert _as_neighbour(world, licence_id, "reject-01", act="reject_transfer").status_code == 201

    found = read(world, DRIVER, licence_id)
    assert (found["flags"], found["issuer"]["code"]) == ([], "11519900MB9900021Q")
    enter(world, DRIVER, licence_id, "revoke-2", act="revoke")


@pytest.mark.rule("LC-14")
def test_a_reinstated_licence_keeps_its_gap(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    move(world, 5)
    cancelled = enter(world, DRIVER, licence_id, "cancel-2", act="cancel", ground="request")
    gap = today(world).isoformat()
    move(world, 20)
    assert refused(world, DRIVER, licence_id, "reinstate-0", act="reinstate", target=1)["rule"] == "LC-14"

    done = enter(world, DRIVER, licence_id, "reinstate-1", act="reinstate", target=cancelled["sequence"])

    assert done["version"] == 2
    assert read(world, DRIVER, licence_id)["state"] == "in_force"
    assert read(world, DRIVER, licence_id, valid_at=gap)["state"] == "cancelled"


def test_a_reinstatement_takes_its_number_back_unless_another_licence_holds_it(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    enter(world, DRIVER, licence_id, "cancel-3", act="cancel", ground="request")
    world.issue(DRIVER, "issue-0002", case_no="SA-2026-000099")

    problem = refused(world, DRIVER, licence_id, "reinstate-2", act="reinstate")

    assert problem["type"].endswith("number-taken")
    assert read(world, DRIVER, licence_id)["state"] == "cancelled"


@pytest.mark.rule("LC-20")
def test_a_stay_halts_a_decision_and_a_reversal_undoes_it_from_its_first_day(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    first = today(world)
    suspended = enter(world, DRIVER, licence_id, "suspend-4", act="suspend", suspension={"kind": "measure", "first": first.isoformat()})
    move(world, 2)
    enter(world, DRIVER, licence_id, "stay-0001", act="stay", target=suspended["sequence"], until=(today(world) + timedelta(days=3)).isoformat())
    assert read(world, DRIVER, licence_id)["state"] == "in_force"
    move(world, 4)
    assert read(world, DRIVER, licence_id)["state"] == "suspended"

    enter(world, DRIVER, licence_id, "reverse-1", act="reverse", target=suspended["sequence"])

    assert read(world, DRIVER, licence_id)["state"] == "in_force"
    assert read(world, DRIVER, licence_id, valid_at=first.isoformat())["state"] == "in_force"
    assert read(world, DRIVER, licence_id, valid_at=first.isoformat(), known_at=first.isoformat())["state"] == "suspended"
    assert refused(world, DRIVER, licence_id, "reverse-2", act="reverse", target=suspended["sequence"])["rule"] == "LC-20"
    assert refused(world, DRIVER, licence_id, "reverse-3", act="reverse", target=1)["rule"] == "LC-20"


@pytest.mark.rule("LC-09")
def test_a_voided_document_gives_way_to_the_one_before(world: World) -> None:
    issued = world.issue(DRIVER)
    licence_id = issued["licence_id"]
    assert refused(world, DRIVER, licence_id, "void-0001", act="void", version=1)["rule"] == "LC-09"
    replaced = enter(world, DRIVER, licence_id, "replace-2", act="replace", reason="damaged")

    enter(world, DRIVER, licence_id, "void-0002", act="void", version=2)

    assert [one["state"] for one in read(world, DRIVER, licence_id)["versions"]] == ["current", "voided"]
    verdict = world.http.post("/verify", json={"number": replaced["number"], "check_code": replaced["check_code"]}).json()
    assert (verdict["overall"], verdict["answers"]["current"]["reasons"][0]["code"]) == ("not_valid", "voided")


@pytest.mark.rule("LC-09")
def test_a_voided_change_needs_its_replacement_in_the_same_act(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    enter(world, DRIVER, licence_id, "change-3", act="change", face={"employer": "蜀安新途运输有限公司"})
    assert refused(world, DRIVER, licence_id, "void-0003", act="void", version=2)["faults"][0]["path"] == "face"

    enter(world, DRIVER, licence_id, "void-0004", act="void", version=2, face={"employer": "蜀安正途运输有限公司"})

    found = read(world, DRIVER, licence_id)
    assert [(one["state"], one["reason"]) for one in found["versions"]] == [
        ("superseded", "initial"), ("voided", "change"), ("current", "correction"),
    ]  # fmt: skip
    assert next(one["value"] for one in found["face"] if one["name"] == "employer") == "蜀安正途运输有限公司"


def test_corrections_and_reseals_are_versions_with_their_reason(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    enter(world, DRIVER, licence_id, "correct-1", act="correct", face={"address": "示例省蜀安市青溪区和平巷5号"}, reason_text="门牌有误")
    enter(world, DRIVER, licence_id, "reseal-01", act="reseal", reason_text="更换印章")

    found = read(world, DRIVER, licence_id)

    assert [one["reason"] for one in found["versions"]] == ["initial", "correction", "reseal"]
    assert (
        refused(world, DRIVER, licence_id, "correct-2", act="correct", face={"license_no": "5199002611000009"})["faults"][0]["code"]
        == "not-changeable"
    )


@pytest.mark.rule("LC-18")
def test_a_scope_cut_is_a_version_and_no_suspension(world: World) -> None:
    licence_id = world.issue(BUSINESS)["licence_id"]
    scope = next(one for one in read(world, BUSINESS, licence_id)["face"] if one["name"] == "business_scope")["value"]
    less = scope[:-1] if isinstance(scope, list) else scope.split("、")[0].split("，")[0][:6]

    enter(world, BUSINESS, licence_id, "reduce-01", act="reduce_scope", face={"business_scope": less}, reason_text="部分项目不再符合条件")

    found = read(world, BUSINESS, licence_id)
    assert (found["state"], found["versions"][-1]["reason"]) == ("in_force", "scope_reduction")


@pytest.mark.rule("LC-13")
def test_the_end_of_a_port_permit_ends_its_annex_and_the_annex_revives_with_it(world: World) -> None:
    parent = world.issue(PORT, "issue-port1")
    child = world.issue(ANNEX, "issue-annex", face={"parent_license_no": parent["number"]})["licence_id"]
    assert read(world, ANNEX, child)["state"] == "in_force"
    revoked = enter(world, PORT, parent["licence_id"], "revoke-3", act="revoke")

    ended = read(world, ANNEX, child)

    assert (ended["state"], ended["ground"], ended["ended_on"]) == ("cancelled", "parent_ended", today(world).isoformat())
    assert refused(world, ANNEX, child, "change-9", act="renew")["state"] == "cancelled"
    enter(world, PORT, parent["licence_id"], "reverse-9", act="reverse", target=revoked["sequence"])
    assert read(world, ANNEX, child)["state"] == "in_force"


@pytest.mark.rule("LC-13")
def test_the_end_of_a_business_permit_is_only_said_beside_its_vehicles_certificates(world: World) -> None:
    parent = world.issue(BUSINESS, "issue-biz-1")
    child = world.issue(VEHICLE, "issue-veh-1", face={"business_permit_no": parent["number"]})["licence_id"]
    enter(world, BUSINESS, parent["licence_id"], "revoke-4", act="revoke")

    found = read(world, VEHICLE, child)

    assert (found["state"], found["flags"]) == ("in_force", ["parent_ended"])


@pytest.mark.rule("LC-13")
def test_a_licence_cannot_hang_on_one_that_has_ended_or_is_another(world: World) -> None:
    parent = world.issue(PORT, "issue-port2")
    enter(world, PORT, parent["licence_id"], "revoke-5", act="revoke")
    body = world.request(ANNEX, face={"parent_license_no": parent["number"]}, parent=parent["licence_id"])

    answer = world.http.post("/licences", json=body, headers=world.headers(ANNEX, "issue-annex2"))

    assert (answer.status_code, answer.json()["rule"], answer.json()["faults"][0]["code"]) == (422, "LC-13", "parent-ended")


@pytest.mark.rule("LC-04")
def test_overdue_is_a_ground_only_once_the_window_is_over_and_death_always_is(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    assert refused(world, DRIVER, licence_id, "cancel-4", act="cancel", ground="overdue")["rule"] == "LC-04"
    last = date.fromisoformat(read(world, DRIVER, licence_id)["valid_to"])
    world.clock.now = datetime.combine(last + timedelta(days=181), world.clock().timetz())  # type: ignore[attr-defined]

    enter(world, DRIVER, licence_id, "cancel-5", act="cancel", ground="overdue")

    assert read(world, DRIVER, licence_id)["state"] == "cancelled"
    enter(world, DRIVER, licence_id, "cancel-6", act="cancel", ground="death")
    assert read(world, DRIVER, licence_id)["ground"] == "overdue"


@pytest.mark.rule("LC-03", "LC-05")
def test_the_window_for_renewal_is_named_and_the_term_runs_on_during_a_suspension(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    last = date.fromisoformat(read(world, DRIVER, licence_id)["valid_to"])
    world.clock.now = datetime.combine(last - timedelta(days=1), world.clock().timetz())  # type: ignore[attr-defined]
    far = (last + timedelta(days=60)).isoformat()
    enter(
        world,
        DRIVER,
        licence_id,
        "suspend-9",
        act="suspend",
        suspension={"kind": "penalty", "first": (last - timedelta(days=1)).isoformat(), "last": far},
    )
    move(world, 2)

    found = read(world, DRIVER, licence_id)

    assert (found["state"], found["renewable_until"]) == ("expired", (last + timedelta(days=180)).isoformat())
    enter(world, DRIVER, licence_id, "renew-001", act="renew")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"act": "revoke", "effective_on": "2019-01-01"}, "before-the-grant"),
        ({"act": "revoke", "effective_on": "2099-01-01"}, "too-far-ahead"),
        ({"act": "suspend", "suspension": {"kind": "measure", "first": "2010-01-01"}}, "before-the-grant"),
        ({"act": "suspend", "suspension": {"kind": "penalty", "first": "2026-11-28"}}, "missing"),
        ({"act": "cancel"}, "missing"),
        ({"act": "transfer", "to_department": "x"}, None),
        ({"act": "stay", "target": "two"}, None),
        ({"act": "cancel", "ground": "request", "agreed": "yes"}, "not-a-boolean"),
        ({"act": "assert", "kind": "violation"}, "unknown-act"),
        ({"act": "void"}, "missing"),
    ],
)
def test_days_and_parts_without_sense_are_refused_by_name(world: World, body: dict[str, Any], code: str | None) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]

    problem = refused(world, DRIVER, licence_id, "senseless1", **body)

    assert problem["status"] == 422
    assert code is None or code in {fault["code"] for fault in problem["faults"]}
    assert len(world.http.get(f"/licences/{licence_id}/entries", headers=world.headers(DRIVER)).json()["entries"]) == 1


def test_a_transfer_to_a_department_that_is_none_is_refused(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]

    problem = refused(world, DRIVER, licence_id, "release-9", act="transfer", to_department="91519902MB99000887")

    assert problem["faults"][0]["path"] == "to_department"


@pytest.mark.rule("LC-16")
def test_who_issues_in_a_region_is_dated_and_a_licence_keeps_its_issuer(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys")
    path = next(one for one in keys.glob("*/seal.toml") if "11519900MB9900021Q" in one.read_text("utf-8"))
    text = path.read_text("utf-8")
    head, mark, _ = text.partition("[[grants]]")
    assert mark
    handed_over = (
        '[[grants]]\ntypes = ["*"]\nfrom = 2020-01-01\nto = 2026-11-30\n\n'
        '[[grants]]\ntypes = ["*"]\nregions = ["519900"]\nwithout = ["519902"]\nfrom = 2026-12-01\n'
    )
    path.write_text(head + handed_over, "utf-8")
    with a_world(tmp_path, keys) as world:
        before = world.issue(DRIVER, region="519902")["licence_id"]
        world.clock.now += timedelta(days=5)  # type: ignore[attr-defined]
        person = {"citizen_id": "519902198506120111", "license_no": "5199002611000000002"}

        gone = world.http.post(
            "/licences", json=world.request(DRIVER, region="519902", case_no="LC16-1", face=person), headers=world.headers(DRIVER, "region-001")
        )
        kept = world.http.post("/licences", json=world.request(DRIVER, case_no="LC16-2", face=person), headers=world.headers(DRIVER, "region-002"))

        assert (gone.status_code, gone.json()["rule"]) == (403, "LC-16")
        assert kept.status_code == 201, kept.text
        assert read(world, DRIVER, before)["issuer"]["code"] == "11519900MB9900021Q"
        enter(world, DRIVER, before, "suspend-lc16", act="suspend", suspension={"kind": "measure", "first": today(world).isoformat()})


@pytest.mark.rule("EN-02")
def test_a_printed_endorsement_makes_a_new_version_and_the_sealed_file_stays_what_it_was(world: World) -> None:
    issued = world.issue(VEHICLE)
    path = f"/licences/{issued['licence_id']}/versions"
    first = world.http.get(f"{path}/1/document", headers=world.headers(VEHICLE)).content
    facts = {"date": today(world).isoformat(), "result": "1", "next_due": "2028-04-30", "authority": "示例机关"}

    done = enter(world, VEHICLE, issued["licence_id"], "printed-1", act="endorse", kind="annual_review", facts=facts, external_ref="AR-1")

    assert done["version"] == 2
    assert world.http.get(f"{path}/1/document", headers=world.headers(VEHICLE)).content == first
    assert world.http.get(f"{path}/2/document", headers=world.headers(VEHICLE)).content != first
    assert [one["reason"] for one in read(world, VEHICLE, issued["licence_id"])["versions"]] == ["initial", "endorsement"]


def test_an_endorsement_follows_the_right_through_renewal_replacement_and_transfer(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    facts = {"date": today(world).isoformat(), "decision_no": "罚〔2026〕1号", "act": "超员", "penalty": "罚款", "authority": "示例机关"}
    made = enter(world, DRIVER, licence_id, "follow-01", act="endorse", kind="violation", facts=facts, external_ref="v-1")["endorsement_ids"]
    enter(world, DRIVER, licence_id, "follow-02", act="replace", reason="lost")
    enter(world, DRIVER, licence_id, "follow-03", act="renew")
    enter(world, DRIVER, licence_id, "follow-04", act="transfer", to_department=NEIGHBOUR)
    assert _as_neighbour(world, licence_id, "follow-05", act="accept_transfer").status_code == 201

    found = world.http.get(f"/licences/{licence_id}", headers={"Authorization": f"Bearer {world.tokens[NEIGHBOUR]}"}).json()

    assert set(made) <= {one["endorsement_id"] for one in found["endorsements"]}
    assert [one["reason"] for one in found["versions"]] == ["initial", "replacement", "renewal", "transfer"]


def test_a_changed_value_is_filed_as_a_change_and_never_shown_to_the_public(world: World) -> None:
    issued = world.issue(DRIVER)
    enter(world, DRIVER, issued["licence_id"], "moved-001", act="change", face={"address": "示例省蜀安市青溪区和平巷88号"})

    assert [one["kind"] for one in read(world, DRIVER, issued["licence_id"])["endorsements"]] == ["change"]
    seen = world.http.post("/verify", json={"number": issued["number"], "check_code": issued["check_code"]}).text
    assert "和平巷" not in seen


@pytest.mark.rule("LC-08")
def test_only_the_department_that_an_offer_names_answers_it_and_no_two_are_open(world: World) -> None:
    third = "12519900MB9900048D"
    licence_id = _offered(world)
    yesterday = decision(today(world) - timedelta(days=1))
    again = refused(world, DRIVER, licence_id, "release-2a", act="transfer", to_department=third, decision=yesterday)
    assert again["rule"] == "LC-08"
    assert _as_neighbour(world, licence_id, "reject-02", act="reject_transfer").status_code == 201
    enter(world, DRIVER, licence_id, "release-3a", act="transfer", to_department=third)
    target = len(world.service.book.get(licence_id).entries)

    for act in ("accept_transfer", "reject_transfer"):
        assert _as_neighbour(world, licence_id, f"hijack-{act}", act=act, target=target).status_code == 404

    assert read(world, DRIVER, licence_id)["issuer"]["code"] == "11519900MB9900021Q"


@pytest.mark.rule("LC-04")
def test_age_is_a_ground_only_above_the_ceiling_of_the_decisions_day(world: World) -> None:
    young = world.issue(DRIVER)["licence_id"]
    assert refused(world, DRIVER, young, "cancel-age1", act="cancel", ground="age")["rule"] == "LC-04"
    world.clock.now = datetime(2048, 6, 12, 4, tzinfo=world.clock().tzinfo)  # type: ignore[attr-defined]  # born 1985-06-12: 63 today
    assert refused(world, DRIVER, young, "cancel-age2", act="cancel", ground="age")["rule"] == "LC-04"
    move(world, 1)
    enter(world, DRIVER, young, "cancel-age3", act="cancel", ground="age")


@pytest.mark.parametrize("act", ["renew", "reinstate"])
def test_neither_renewal_nor_reinstatement_hands_the_right_to_somebody_else(world: World, act: str) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    if act == "reinstate":
        enter(world, DRIVER, licence_id, "cancel-x1", act="cancel", ground="request")

    problem = refused(world, DRIVER, licence_id, "swap-0001", act=act, face={"person_name": "许海联"})

    assert [fault["code"] for fault in problem["faults"]] == ["not-changeable"]
