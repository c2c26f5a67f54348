"""The report to a provincial repository: what it is told, in which order, and what becomes of what it returns."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from licence_service.app import create_app
from licence_service.licence import beijing_day
from licence_service.message import new_secret
from licence_service.store.events import Reader
from licence_service.store.webhooks import Wish
from simulators.repository import FAILS, HANGS_UP, SILENT_AFTER, Repository
from tests.parts.databases import KINDS, empty_postgres
from tests.repositories import SECRET, SILENCE, TOKEN, citizen, dumped, issue, reconciler, report_all, reporting_world
from tests.waiting import until
from tests.world import DRIVER, World

Both = tuple[World, Repository]


@pytest.fixture(params=KINDS)
def both(request: pytest.FixtureRequest, tmp_path: Path, demo_keys: Path) -> Iterator[Both]:
    url = empty_postgres(*map(request.getfixturevalue, ("postgres_address", "migrated_postgres"))) if request.param == "postgresql" else None
    with reporting_world(tmp_path, demo_keys, url) as opened:
        yield opened


@pytest.fixture
def one(tmp_path: Path, demo_keys: Path) -> Iterator[Both]:
    with reporting_world(tmp_path, demo_keys) as opened:
        yield opened


def act(world: World, licence_id: str, key: str, **body: Any) -> None:
    answer = world.act(DRIVER, licence_id, body, f"act-{licence_id}-{key}")
    assert answer.status_code == 201, answer.text


def suspend(world: World, licence_id: str) -> None:
    first = beijing_day(world.clock())
    suspension = {"kind": "penalty", "first": first.isoformat(), "last": (first + timedelta(days=30)).isoformat()}
    act(world, licence_id, "suspend", act="suspend", suspension=suspension)


def case(world: World, number: int) -> dict[str, Any]:
    (found,) = world.http.get(f"/cases/SA-R{number}", headers=world.headers(DRIVER)).json()["issues"]
    return dict(found)


def entries(repository: Repository) -> list[dict[str, Any]]:
    return [said["data"]["entry"] for said in repository.got]


@pytest.mark.rule("AI-07")
def test_an_issue_and_each_change_of_state_are_reported_in_their_order(both: Both) -> None:
    world, repository = both
    first, second = issue(world, 1), issue(world, 2)
    report_all(world)
    suspend(world, first)
    act(world, second, "revoke", act="revoke")
    report_all(world)

    told = [(said["CertificateID"], said["State"], said["CertificateStatus"]) for said in entries(repository)]
    assert [one for one in told if one[0] == first] == [(first, "in_force", "10"), (first, "suspended", "09")]
    assert [one for one in told if one[0] == second] == [(second, "in_force", "10"), (second, "revoked", "05")]
    assert all(earlier["Revision"] < later["Revision"] for earlier, later in zip(entries(repository)[:2], entries(repository)[2:], strict=True))
    assert repository.kept[first][0]["StateUntil"] == (beijing_day(world.clock()) + timedelta(days=30)).isoformat()
    assert repository.wrongs() == set()


def test_an_entry_says_what_the_standard_names(one: Both) -> None:
    world, repository = one
    licence_id = issue(world, 1)
    report_all(world)

    (said,) = entries(repository)
    record = world.service.book.get(licence_id)
    version = record.entries[0].version
    assert version
    assert said["CertificateIdentifier"] == version.elicence_id
    assert said["CertificateTypeCode"] == version.elicence_id.split(".")[5]
    assert (said["CertificateVersion"], said["CertificateHolderCategory"]) == ("001", "个人")
    assert (said["CertificateIssuingAuthorityCode"], said["CertificateAreaCode"]) == (record.department, record.department[2:8])
    assert (said["CertificateEffectiveDate"], said["CertificateExpiringDate"]) == (version.valid_from.isoformat(), str(version.valid_to))
    assert said["FileDigest"] == {"sha256": version.document.sha256, "sm3": version.document.sm3}
    assert repository.names[licence_id] == {"CertificateTypeName": world.service.catalogue.edition(DRIVER, version.edition).title.zh}


def test_nothing_of_a_person_goes_to_the_repository_unless_the_setting_says_so(one: Both) -> None:
    world, repository = one
    issue(world, 1)
    report_all(world)

    face = world.request(DRIVER, face={"citizen_id": citizen(1)})["face"]
    said, days = dumped(repository), {str(value) for value in face.values() if str(value)[4:5] == "-"}
    assert [name for name, value in face.items() if len(str(value)) > 1 and str(value) in said and str(value) not in days] == []


def test_the_queue_the_ledger_and_the_log_hold_nothing_of_a_holder(tmp_path: Path, demo_keys: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with reporting_world(tmp_path, demo_keys, repository_holders=True) as (world, repository):
        licence_id = issue(world, 1)
        report_all(world)
        repository.kept.clear()
        world.clock.now += timedelta(minutes=10)  # type: ignore[attr-defined]
        reconciler(world).reconcile()
        name = world.request(DRIVER)["face"]["person_name"]
        assert citizen(1) in dumped(repository)
        assert name in dumped(repository)
        with world.service.database.read() as connection:
            tables = ("repository_lines", "repository_differences", "repository_runs", "repository_claims")
            rows = str([connection.exec_driver_sql(f"SELECT * FROM {table}").all() for table in tables])  # noqa: S608 - names from above
        written = rows + "".join(capfd.readouterr())

        assert licence_id in rows
        assert [one for one in (citizen(1), name, TOKEN, SECRET) if one in written] == []


def test_a_server_reports_and_reconciles_by_itself(tmp_path: Path, demo_keys: Path) -> None:
    with reporting_world(tmp_path, demo_keys, repository_seconds=0.05) as (world, repository):
        licence_id = issue(world, 1)
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setattr("licence_service.app._RECONCILE_SECONDS", 0.05)
            with TestClient(create_app(world.service)):
                until(lambda: repository.kept and reconciler(world).ledger.last_finished())

        assert list(repository.kept) == [licence_id]
        assert repository.wrongs_at_counts[-1] == set()


def test_number_name_and_code_of_the_holder_go_along_where_the_setting_says_so(tmp_path: Path, demo_keys: Path) -> None:
    with reporting_world(tmp_path, demo_keys, repository_holders=True) as (world, repository):
        licence_id = issue(world, 1)
        report_all(world)
        name = world.request(DRIVER)["face"]["person_name"]
        entry = repository.kept[licence_id][0]

        assert repository.names[licence_id]["holder"] == {
            "CertificateNumber": citizen(1), "CertificateHolderName": name, "CertificateHolderCode": citizen(1), "CertificateHolderTypeCode": "111",
        }  # fmt: skip
        assert citizen(1) not in json.dumps(entry)


@pytest.mark.rule("AI-07")
def test_a_change_of_today_does_not_wait_for_the_first_report_of_a_whole_book(both: Both) -> None:
    world, _repository = both
    licences = [issue(world, number) for number in range(8)]
    suspend(world, licences[0])
    found = reconciler(world).reporter
    object.__setattr__(found.wire, "url", "http://127.0.0.1:1/nobody")  # it is laid out, and nothing of it arrives
    found.work()
    world.clock.now += timedelta(minutes=5)  # type: ignore[attr-defined]
    first = found.lines.newest(licences[1]).place
    turn = [(one.licence_id, one.place - first + 1) for one in found.lines.turn(world.clock(), 4)]

    assert turn[:2] == [(licences[7], 7), (licences[6], 6)]  # what was entered last; the suspension comes after its licence's issue
    assert {one for one, _ in turn[2:]} <= set(licences[:6])
    assert len({one for one, _ in turn}) == 4


def test_what_was_told_is_not_told_again(one: Both) -> None:
    world, repository = one
    issue(world, 1)
    report_all(world)
    world.clock.now += timedelta(days=1)  # type: ignore[attr-defined]

    assert reconciler(world).reporter.work() == 0
    assert len(repository.got) == 1


@pytest.mark.rule("AI-06", "AI-07")
@pytest.mark.parametrize("fault", [FAILS, HANGS_UP, SILENT_AFTER])
def test_what_did_not_arrive_is_tried_again_under_the_same_id_within_five_minutes(tmp_path: Path, demo_keys: Path, fault: str) -> None:
    with reporting_world(tmp_path, demo_keys, faults=(fault,), rate=1.0) as (world, repository):
        licence_id = issue(world, 1)
        reporter = reconciler(world, SILENCE / 2 if fault == SILENT_AFTER else 60.0).reporter
        pauses = []
        reporter.work()
        while (line := reporter.lines.newest(licence_id)).next_at:
            pauses.append(line.next_at - world.clock())
            world.clock.now = line.next_at + timedelta(minutes=1)  # type: ignore[attr-defined]  # the rest of one that takes nothing is over
            reporter.work()

        assert line.state == "reported"
        assert len(pauses) == 2
        assert max(pauses) <= timedelta(minutes=5)
        assert {said["head"]["requestId"] for said in repository.got} == {f"{licence_id}-{line.place}"}
        assert len(repository.kept[licence_id]) == 1
        assert repository.done == [(fault, f"{licence_id}-{line.place}")] * 2


@pytest.mark.rule("AI-11")
def test_what_is_returned_waits_in_the_queue_with_its_reason_and_is_told_anew(both: Both) -> None:
    world, repository = both
    organ = world.service.catalogue.samples[DRIVER].issuer
    repository.unknown.add(organ)
    licence_id = issue(world, 1)
    report_all(world)
    lines = reconciler(world).reporter.lines
    (returned,) = lines.returned(10)
    waiting = case(world, 1)
    repository.unknown.clear()
    assert lines.tell_anew(returned, world.clock())
    report_all(world)

    assert (returned.licence_id, returned.reason, returned.group[1]) == (licence_id, "unknown-organisation", organ)
    assert (waiting["state"], waiting["waits_on"], waiting["reason"]) == ("registered", "repository", "repository-unknown-organisation")
    assert lines.returned(10) == []
    assert (case(world, 1)["state"], case(world, 1)["waits_on"]) == ("reported", None)
    assert repository.wrongs() == set()


def test_a_later_change_goes_on_where_an_earlier_one_was_returned(one: Both) -> None:
    world, repository = one
    repository.unknown.add(world.service.catalogue.samples[DRIVER].issuer)
    licence_id = issue(world, 1)
    report_all(world)
    repository.unknown.clear()
    suspend(world, licence_id)
    report_all(world)

    assert repository.kept[licence_id][0]["State"] == "suspended"
    assert reconciler(world).reporter.lines.returned(10) == []
    assert reconciler(world).reporter.lines.counts() == {"waiting": 0, "reported": 1, "returned": 1}


def test_an_answer_without_a_good_signature_is_no_answer(one: Both) -> None:
    world, repository = one
    licence_id = issue(world, 1)
    sign = repository.signature
    repository.signature = lambda *given: sign(*given)[::-1]  # type: ignore[method-assign]
    repository.comes_from_a_sender = lambda *_given: True  # type: ignore[method-assign]
    found = reconciler(world).reporter
    found.work()

    assert found.lines.newest(licence_id).reason == "not-signed"
    assert found.lines.newest(licence_id).state == "waiting"


def test_a_sender_with_another_key_is_told_nothing_and_loses_nothing(one: Both) -> None:
    world, repository = one
    licence_id = issue(world, 1)
    object.__setattr__(reconciler(world).reporter.wire, "secret", b"another")
    reconciler(world).reporter.work()

    assert repository.got == []
    assert reconciler(world).reporter.lines.newest(licence_id).reason == "not-signed"


def test_a_repository_inside_is_reached_only_where_the_setting_allows_it(tmp_path: Path, demo_keys: Path) -> None:
    with reporting_world(tmp_path, demo_keys) as (world, repository):
        found = world.service.repository
        assert found
        object.__setattr__(found.reporter.wire.poster, "networks", ())
        licence_id = issue(world, 1)
        found.reporter.work()

        assert repository.got == []
        assert found.reporter.lines.newest(licence_id).reason == "address-not-allowed"


@pytest.mark.rule("AI-07", "LC-13")
def test_the_end_of_a_right_is_reported_of_each_licence_that_hangs_on_it(one: Both) -> None:
    world, repository = one
    company = world.issue("road_transport_business_permit", "company-1")
    slug = "road_transport_certificate"
    number = world.request("road_transport_business_permit")["face"][world.moved("road_transport_business_permit").template.number.field]
    rule = world.moved(slug).template.parent
    assert rule
    vehicle = world.issue(slug, "vehicle-1", face={rule.field: number})
    report_all(world)
    answer = world.act("road_transport_business_permit", company["licence_id"], {"act": "revoke"}, "end-of-company")
    assert answer.status_code == 201, answer.text
    report_all(world)

    assert repository.kept[company["licence_id"]][0]["State"] == "revoked"
    below = repository.kept[vehicle["licence_id"]][0]
    assert (below["State"], below["CertificateStatus"]) == {"ends": ("cancelled", "03"), "flags": ("in_force", "10")}[rule.effect]
    assert below["Revision"] == repository.kept[company["licence_id"]][0]["Revision"]


def test_a_receiver_that_waits_does_not_hide_that_a_licence_was_reported(one: Both) -> None:
    world, _repository = one
    world.service.hooks.webhooks.add(world.client(DRIVER).name, Wish("https://receiver.example.cn/in"), new_secret(), 0, world.clock())
    issue(world, 1)
    hook = world.service.hooks.webhooks.all()[0]
    assert world.service.hooks.webhooks.claim(hook, "courier", world.clock(), world.clock() + timedelta(minutes=2))
    lines, reached = world.service.feed.lines.of(Reader(world.client(DRIVER).department), 0, 10)
    assert world.service.hooks.deliveries.lay_out(hook, "courier", lines, reached, world.clock())
    report_all(world)

    assert [each["step"] for each in case(world, 1)["steps"]][-1] == "reported"
    assert (case(world, 1)["state"], case(world, 1)["waits_on"]) == ("reported", "receiver")


def test_a_case_is_reported_then_reconciled(one: Both) -> None:
    world, _repository = one
    issue(world, 1)
    before = case(world, 1)
    report_all(world)
    reported = case(world, 1)
    world.clock.now += timedelta(minutes=1)  # type: ignore[attr-defined]
    reconciler(world).reconcile()
    reconciled = case(world, 1)

    assert (before["state"], before["waits_on"]) == ("registered", None)
    assert reported["state"] == "reported"
    assert [each["step"] for each in reconciled["steps"]][-3:] == ["registered", "reported", "reconciled"]
    assert (reconciled["state"], reconciled["waits_on"]) == ("reconciled", None)
