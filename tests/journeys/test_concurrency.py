"""Many at once, on both databases: one licence for one key, one winner for one head, and no number twice."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_service.carrying import Done
from licence_service.errors import EntryConflict, KeyReused
from licence_service.licence import Act, LicenceState, beijing_day
from licence_service.service import told_of_steps
from tests.parts.databases import at_once, empty_postgres
from tests.world import DRIVER, TRIP, VEHICLE, World, a_world, decision


@pytest.fixture(params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest, tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    """A world on each database."""
    url = None
    if request.param == "postgresql":
        url = empty_postgres(request.getfixturevalue("postgres_address"), request.getfixturevalue("migrated_postgres"))
    with a_world(tmp_path, demo_keys, url) as opened:
        yield opened


def test_twenty_identical_requests_at_once_make_one_licence_that_all_name(both: World) -> None:
    body, client = both.request(TRIP), both.client(TRIP)
    answers = at_once([lambda: both.service.registrar.issue(client, "twins-0001", body)] * 20)
    named = {(answer.licence_id, answer.check_code, answer.delivery_code) for answer in answers if isinstance(answer, Done)}
    assert len(named) == 1, answers
    assert all(isinstance(answer, Done) for answer in answers)
    assert both.service.book.all_ids() == [next(iter(named))[0]]
    assert [use["event"] for use in both.service.seal_log.uses()] == ["requested", "done"]


@pytest.mark.rule("AI-01")
def test_the_same_key_or_the_same_case_with_other_content_is_refused(both: World) -> None:
    client, body = both.client(TRIP), both.request(TRIP)
    both.service.registrar.issue(client, "content-01", body)
    other = {**body, "face": {**body["face"], "goods_name": "锅炉（不可解体）"}}
    with pytest.raises(KeyReused):
        both.service.registrar.issue(client, "content-01", other)
    with pytest.raises(KeyReused):
        both.service.registrar.issue(client, "content-02", other)
    assert len(list(both.service.book.all_ids())) == 1


def test_the_same_case_under_another_key_returns_the_first_licence(both: World) -> None:
    client, body = both.client(TRIP), both.request(TRIP)
    first = both.service.registrar.issue(client, "case-00001", body)
    again = both.service.registrar.issue(client, "case-00002", body)
    assert isinstance(first, Done)
    assert isinstance(again, Done)
    assert first.licence_id == again.licence_id


def _issues(both: World, stream: int, count: int) -> Callable[[], list[Any]]:
    client = replace(both.client(TRIP), name=f"stream-{stream}")

    def work() -> list[Any]:
        done = []
        for number in range(count):
            face = {"license_no": f"51990026{stream:02d}{number:06d}"}
            body = both.request(TRIP, face=face, case_no=f"S{stream}-{number}")
            done.append(both.service.registrar.issue(client, f"stream-{stream}-{number:04d}", body))
        return done

    return work


def _all_different(both: World, streams: int, count: int) -> None:
    answers = [one for many in at_once([_issues(both, stream, count) for stream in range(streams)]) for one in many]  # type: ignore[union-attr]
    assert all(isinstance(answer, Done) for answer in answers)
    wanted = streams * count
    assert len({answer.licence_id for answer in answers}) == wanted
    assert len({answer.check_code for answer in answers}) == wanted
    records = [both.service.book.get(answer.licence_id).entries[0] for answer in answers]
    assert len({entry.recorded_at for entry in records}) == wanted
    assert len({entry.version.status for entry in records if entry.version}) == wanted


def test_eight_streams_of_licences_get_ids_that_all_differ(both: World) -> None:
    _all_different(both, 8, 3)


@pytest.mark.long
def test_eight_streams_of_a_hundred_licences_get_800_ids_that_all_differ(both: World) -> None:
    _all_different(both, 8, 100)


def test_of_two_acts_with_a_document_at_once_one_wins_and_one_is_a_conflict(both: World) -> None:
    issued = both.service.registrar.issue(both.client(TRIP), "two-acts-1", both.request(TRIP))
    assert isinstance(issued, Done)
    day = beijing_day(both.clock())

    def change(name: str) -> Callable[[], Any]:
        body = {"act": "change", "decision": decision(day), "face": {"goods_name": name}}
        return lambda: both.service.registrar.act(both.client(TRIP), f"change-{name}", issued.licence_id, body)

    answers = at_once([change("锅炉"), change("发电机")])
    assert sorted(type(answer).__name__ for answer in answers) == ["Done", "EntryConflict"]
    assert [entry.act for entry in both.service.book.get(issued.licence_id).entries] == [Act.ISSUE, Act.CHANGE]


def test_a_revocation_never_loses_to_an_endorsement(both: World) -> None:
    """The endorsement prints a new version; the revocation comes between its seal and its entry."""
    issued = both.service.registrar.issue(both.client(VEHICLE), "never-lose", both.request(VEHICLE))
    assert isinstance(issued, Done)
    day, client = beijing_day(both.clock()), both.client(VEHICLE)
    facts = {"date": day.isoformat(), "result": "1", "next_due": (day + timedelta(days=365)).isoformat(), "authority": "示例机关"}
    endorsement = {"act": "endorse", "kind": "annual_review", "facts": facts, "external_ref": "r-1", "decision": decision(day)}
    revocation = {"act": "revoke", "decision": decision(day), "effective_on": day.isoformat()}
    revoked: list[Any] = []

    def between(step: str) -> None:
        if step == "append" and not revoked:
            revoked.append(both.service.registrar.act(client, "revoke-001", issued.licence_id, revocation))

    beside = told_of_steps(both.service, between)
    with pytest.raises(Exception, match="not allowed while the licence is revoked"):
        beside.registrar.act(client, "endorse-01", issued.licence_id, endorsement)
    record = both.service.book.get(issued.licence_id)
    assert [entry.act for entry in record.entries] == [Act.ISSUE, Act.REVOKE]
    assert record.at(day).state is LicenceState.REVOKED


def test_many_revocations_and_endorsements_at_once_end_revoked_and_unbroken(both: World) -> None:
    issued = both.service.registrar.issue(both.client(DRIVER), "storm-0001", both.request(DRIVER))
    assert isinstance(issued, Done)
    day, client = beijing_day(both.clock()), both.client(DRIVER)

    def endorse(number: int) -> Callable[[], Any]:
        facts = {"date": day.isoformat(), "decision_no": f"罚〔2026〕{number}号", "act": "超员", "penalty": "罚款", "authority": "示例机关"}
        body = {"act": "endorse", "kind": "violation", "facts": facts, "external_ref": f"v-{number}", "decision": decision(day)}
        return lambda: both.service.registrar.act(client, f"violation-{number}", issued.licence_id, body)

    revocation = {"act": "revoke", "decision": decision(day), "effective_on": day.isoformat()}
    works = [endorse(number) for number in range(6)]
    works.insert(3, lambda: both.service.registrar.act(client, "storm-revoke", issued.licence_id, revocation))
    answers = at_once(works)
    assert isinstance(answers[3], Done), answers[3]
    assert not [answer for answer in answers if isinstance(answer, EntryConflict)]
    record = both.service.book.get(issued.licence_id)
    assert record.at(day).state is LicenceState.REVOKED
    assert [entry.sequence for entry in record.entries] == list(range(1, len(record.entries) + 1))
    for before, after in zip(record.entries, record.entries[1:], strict=False):
        assert before.digest
        assert after.previous == before.digest.sha256
