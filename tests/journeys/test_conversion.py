"""A licence that there is on paper gets its sealed document: nothing of it changes but the form (DOMAIN ST-01, ST-07)."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from licence_service.carrying import Done
from licence_service.errors import FaceRejected, RequestRejected
from licence_service.licence import LicenceState, Origin, VersionReason, beijing_day
from tests.world import DRIVER, Clock, World, decision

ORIGIN = {"system": "运政在线", "row_digest": "ab" * 32}
OLD = {
    "license_no": "519902198506120111", "first_issue_date": "2009-06-20", "valid_from": "2024-03-01", "valid_to": "2027-02-28", "issue_date": "2024-03-01",
    "issuer_name": "蜀安县交通局",
}  # fmt: skip


def a_row(world: World, **face: Any) -> dict[str, Any]:
    body = world.request(DRIVER, face={**OLD, **face})
    decided = {**body["decision"], "decided_on": "2024-03-01"}
    return {**body, "decision": decided, "origin": ORIGIN}


@pytest.mark.rule("ST-01", "ST-07")
@pytest.mark.parametrize("together", [True, False])
def test_number_term_issuer_and_issue_date_stay_and_the_seal_is_of_today(world: World, together: bool) -> None:
    service, caller = world.service, world.client(DRIVER)
    body = a_row(world)
    if together:
        (done,) = service.chunks.converting().issue(caller, [("stock-00000001", body)])
    else:
        done = service.registrar.convert(caller, "stock-00000001", body)
    assert isinstance(done, Done), done
    record = service.book.get(done.licence_id)
    entry = record.entries[0]
    assert entry.version
    assert entry.origin == Origin("运政在线", "ab" * 32)
    assert entry.version.reason is VersionReason.LEGACY_CONVERSION
    assert {name: entry.version.face[name] for name in OLD} == OLD  # an end that no term rule gives, an issuer that is no more
    assert entry.version.issued_on == date(2024, 3, 1)
    assert beijing_day(entry.version.sealed_at) == beijing_day(world.clock())
    assert record.at(date(2025, 1, 1)).state is LicenceState.IN_FORCE  # it was a licence before it was ours
    said = world.http.post("/verify", json={"number": OLD["license_no"], "check_code": done.check_code}).json()
    assert said["overall"] == "valid"
    assert (said["licence"]["issued_on"], said["licence"]["sealed_on"]) == ("2024-03-01", beijing_day(world.clock()).isoformat())
    shown = world.http.post("/verify", data={"number": OLD["license_no"], "check_code": done.check_code}, headers={"Accept": "text/html"}).text
    assert shown.count("发证日期") == 1
    assert "签章日期" in shown
    assert "2024年3月1日" in shown


@pytest.mark.rule("ST-01")
def test_nobody_says_an_origin_through_the_interface(world: World) -> None:
    body = a_row(world)
    answer = world.http.post("/licences", json=body, headers=world.headers(DRIVER, "issue-0001"))
    assert answer.status_code in {400, 422}
    assert "unknown-key" in answer.text
    (refused,) = world.service.chunks.issue(world.client(DRIVER), [("stock-00000001", body)])
    assert isinstance(refused, RequestRejected | FaceRejected)


def test_a_conversion_says_where_it_comes_from(world: World) -> None:
    body = {name: value for name, value in a_row(world).items() if name != "origin"}
    chunks = replace(world.service.chunks, of_stock=True)
    (refused,) = chunks.issue(world.client(DRIVER), [("stock-00000001", body)])
    assert isinstance(refused, FaceRejected)
    assert [fault.path for fault in refused.faults] == ["origin"]


@pytest.mark.rule("ST-01")
def test_what_the_paper_says_stands_in_later_documents_until_a_decision_changes_it(world: World) -> None:
    done = world.service.registrar.convert(world.client(DRIVER), "stock-00000001", a_row(world))
    assert isinstance(done, Done)
    assert world.act(DRIVER, done.licence_id, {"act": "change", "face": {"employer": "蜀安新途物流有限公司"}}, "change-001").status_code == 201
    strange = {"act": "correct", "face": {"valid_to": "2029-01-01"}, "reason_text": "录入有误"}
    refused = world.act(DRIVER, done.licence_id, strange, "change-002")
    assert {fault["path"] for fault in refused.json()["faults"]} == {"face.valid_to"}
    assert isinstance(world.clock, Clock)
    world.clock.now = datetime(2027, 2, 10, 4, 0, tzinfo=UTC)
    renewed = world.act(DRIVER, done.licence_id, {"act": "renew", "decision": decision(date(2027, 2, 10))}, "renew-0001")
    assert renewed.status_code == 201, renewed.text
    changed, last = world.service.book.get(done.licence_id).at(date(2027, 2, 10)).versions[1:]
    assert {name: changed.face[name] for name in OLD} == OLD
    assert (last.face["issuer_name"], last.valid_from, last.valid_to) == ("蜀安市交通运输局", date(2027, 3, 1), date(2033, 2, 28))
