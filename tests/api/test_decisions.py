"""The register of decisions: nothing is sealed on a decision that it does not confirm, where one is declared (AI-02)."""

import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from licence_service.carrying import Done
from licence_service.connectors import read_connectors
from licence_service.duties import Role
from licence_service.errors import CheckFailed, Misconfigured, SourceSilent
from licence_service.licence import beijing_day
from licence_service.web.holding import telling
from simulators.envelope import FAILS, PASSING, SLOW, listening, written
from simulators.sources import GARBLED, UNSIGNED, Sources, declare
from tests.api.test_bundles import TAXI, bundle
from tests.api.test_cli import Terminal, terminal
from tests.api.test_connectors import SECRET, TOKEN, asking_world
from tests.desks import seat, typed
from tests.parts.databases import KINDS, empty_postgres
from tests.world import DRIVER, World, decision

__all__ = ["terminal"]
SOURCE, NUMBER = "approval_decisions", "示许〔2026〕001号"


deciding_world = partial(asking_world, decisions="*")


@pytest.fixture(params=KINDS)
def both(request: pytest.FixtureRequest, tmp_path: Path, demo_keys: Path) -> Iterator[tuple[World, Sources]]:
    url = empty_postgres(request.getfixturevalue("postgres_address")) if request.param == "postgresql" else None
    with deciding_world(tmp_path, demo_keys, url) as opened:
        yield opened


@pytest.fixture
def one(tmp_path: Path, demo_keys: Path) -> Iterator[tuple[World, Sources]]:
    with deciding_world(tmp_path, demo_keys) as opened:
        yield opened


def sent(world: World, key: str = "issue-0001", **changed: Any) -> Any:
    body = world.request(DRIVER, **{"decision": decision(beijing_day(world.service.now())), **changed})
    return world.http.post("/licences", json=body, headers=world.headers(DRIVER, key))


def slug(answer: Any) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


def sealed(world: World) -> list[str]:
    return [str(use["event"]) for use in world.service.seal_log.uses()]


def keyed(kind: str, text: str) -> str:
    return hmac.new(SECRET.encode(), written([kind, text]), "sm3").hexdigest()


@pytest.mark.rule("AI-02")
def test_a_decision_is_confirmed_before_the_seal_and_the_answer_is_kept_with_the_entry(both: tuple[World, Sources]) -> None:
    world, sources = both
    answer = sent(world, case_no="D-1")
    assert answer.status_code == 201, answer.text

    ((asked, data),) = sources.got
    day = beijing_day(world.service.now()).isoformat()
    face = world.request(DRIVER)["face"]
    holder = str(face[world.service.catalogue.in_force(DRIVER, beijing_day(world.service.now())).holder_id])
    (matter,) = data["fields"]["mx"]
    assert (asked, {name: data["fields"][name] for name in ("jdwh", "jdjg", "jdrq")}) == (
        "decisions", {"jdwh": NUMBER, "jdjg": "示例机关", "jdrq": day},
    )  # fmt: skip
    assert (matter["sx"], matter["zzlx"], matter["ajbh"], matter["cyr"]) == ("issue", DRIVER, "D-1", keyed("holder", holder))
    assert [value for value in face.values() if isinstance(value, str) and len(value) > 5 and value in json.dumps(data, ensure_ascii=False)] == []
    entry = world.service.book.get(answer.json()["licence_id"]).entries[0]
    assert entry.basis
    (receipt,) = entry.basis.receipts
    assert (receipt.source, receipt.result.value, receipt.fetched, receipt.case_no, receipt.type) == (SOURCE, "pass", True, "D-1", DRIVER)
    assert set(receipt.compared) == {"decision.number", "decision.organ", "decision.decided_on", "act", "type", "case_no", "holder", "use"}
    assert entry.basis_sha256
    assert not list(world.service.auditor.audit())
    assert sent(world, case_no="D-1").json()["licence_id"] == entry.licence_id
    assert len(sources.got) == 1  # a retry asks nobody


@pytest.mark.rule("AI-02", "AI-04")
@pytest.mark.parametrize(
    ("record", "wanted"),
    [
        (None, "check-failed"), ({"jdjg": "别的机关"}, "needs-clerk"), ({"jdrq": "2020-01-01"}, "needs-clerk"), ({"sx": "renew"}, "needs-clerk"),
        ({"ajbh": "D-2"}, "needs-clerk"), ({"cyr": keyed("holder", "别人")}, "needs-clerk"),
    ],
    ids=["no such decision", "of another organ", "of another day", "of another act", "of another case", "for another holder"],
)  # fmt: skip
def test_what_the_register_does_not_confirm_is_not_sealed(one: tuple[World, Sources], record: dict[str, str] | None, wanted: str) -> None:
    world, sources = one
    sources.records["decisions"] = {NUMBER: record}
    before = sealed(world)
    answer = sent(world, case_no="D-1")

    assert (answer.status_code, slug(answer)) == (409, wanted)
    assert answer.json()["faults"][0]["path"] == f"receipts.{SOURCE}"
    assert "decision.number" in answer.json()["faults"][0]["message"]
    assert sealed(world) == before
    (line,) = world.http.get("/cases/D-1", headers=world.headers(DRIVER)).json()["issues"]
    state = {"check-failed": "refused", "needs-clerk": "needs_clerk"}[wanted]
    assert (line["licence_id"], line["state"], line["reason"], line["steps"][-1]["step"]) == (None, state, wanted, state)
    assert line["steps"][-1]["codes"][0] == wanted
    assert f"receipts.{SOURCE} {'fail' if record is None else 'conflict'}" in line["steps"][-1]["codes"]


@pytest.mark.rule("AI-02")
def test_a_decision_that_was_used_for_another_licence_is_refused(one: tuple[World, Sources]) -> None:
    world, sources = one
    sources.sole.add(NUMBER)
    assert sent(world, case_no="D-1").status_code == 201
    second = sent(world, "issue-0002", case_no="D-2", face={"license_no": "5199001980010100002"})
    assert (second.status_code, slug(second)) == (409, "check-failed")


@pytest.mark.rule("AI-02")
def test_a_later_act_is_confirmed_too_and_a_decision_carries_it_once(both: tuple[World, Sources]) -> None:
    world, sources = both
    licence = world.issue(DRIVER)["licence_id"]
    suspension = {"kind": "measure", "first": beijing_day(world.service.now()).isoformat()}
    sources.records["decisions"] = {"罚-1": None}
    refused = world.act(DRIVER, licence, {"act": "suspend", "suspension": suspension, "decision": _decided(world, "罚-1")}, "act-000001")
    replaced = world.act(DRIVER, licence, {"act": "replace", "reason": "lost", "decision": _decided(world, "补-1")}, "act-000002")
    again = world.act(DRIVER, licence, {"act": "replace", "reason": "lost", "decision": _decided(world, "补-1")}, "act-000002")
    twice = world.act(DRIVER, licence, {"act": "replace", "reason": "lost", "decision": _decided(world, "补-1")}, "act-000003")
    suspended = world.act(DRIVER, licence, {"act": "suspend", "suspension": suspension, "decision": _decided(world, "罚-2")}, "act-000004")
    asked = len(sources.got)
    lost = world.act(DRIVER, licence, {"act": "report_lost", "decision": _decided(world, "挂失-1")}, "act-000005")

    assert (refused.status_code, slug(refused)) == (409, "check-failed")
    assert (replaced.status_code, again.status_code, suspended.status_code) == (201, 201, 201)
    assert (twice.status_code, slug(twice)) == (409, "check-failed")
    assert lost.status_code == 201, lost.text
    assert len(sources.got) == asked  # a report of the holder is no decision of that register
    _first, page, measure, _lost = world.service.book.get(licence).entries
    for entry in (page, measure):
        assert entry.basis
        assert [(each.source, each.result.value) for each in entry.basis.receipts] == [(SOURCE, "pass")]
    assert page.basis_sha256
    assert not list(world.service.auditor.audit())


def _decided(world: World, number: str) -> dict[str, Any]:
    return decision(beijing_day(world.service.now()), number=number)


@pytest.mark.rule("AI-02", "AI-04")
def test_a_silent_register_is_waited_for_then_a_person_sees_to_it_and_nobody_can_seal_meanwhile(one: tuple[World, Sources]) -> None:
    world, sources = one
    sources.down.add("decisions")
    answers, states = [], []
    for _ in range(7):
        answers.append(sent(world, case_no="D-1"))
        (line,) = world.http.get("/cases/D-1", headers=world.headers(DRIVER)).json()["issues"]
        states.append((line["state"], line["waits_on"], line["reason"]))
        if answers[-1].status_code == 503:
            world.clock.now += timedelta(seconds=int(answers[-1].headers["retry-after"]))  # type: ignore[attr-defined]

    assert [slug(each) for each in answers] == ["source-silent"] * 5 + ["needs-clerk"] * 2
    assert states == [("checking", "source", f"source-silent: {SOURCE}")] * 5 + [("needs_clerk", "clerk", f"source-silent: {SOURCE}")] * 2
    assert answers[5].json()["task_id"] == answers[6].json()["task_id"]
    sources.down.clear()
    assert sent(world, case_no="D-1").status_code == 201  # a person asks at once
    connectors = world.service.registrar.line.connectors
    assert connectors
    assert connectors.waits.all() == []


@pytest.mark.rule("XR-08")
def test_a_later_act_that_waits_for_a_source_is_told_to_the_holder_until_a_clerk_has_it_and_no_longer_than_it_waits(
    both: tuple[World, Sources],
) -> None:
    world, sources = both
    licence_id, service = world.issue(DRIVER)["licence_id"], world.service
    department = world.client(DRIVER).department

    def told() -> list[tuple[str, str, str, list[str]]]:
        record = service.book.get(licence_id)
        found = telling.waits(service, record, record.at(beijing_day(service.now())))
        return [(one["step"]["code"], one["about"]["code"] if one["about"] else "", one["waits_for"]["code"], one["sources"]) for one in found]

    def replaced() -> Any:
        return world.act(DRIVER, licence_id, {"act": "replace", "reason": "lost", "decision": _decided(world, "补-1")}, "act-000001")

    assert told() == []
    sources.down.add("decisions")
    silent = replaced()
    assert (silent.status_code, slug(silent)) == (503, "source-silent")
    assert told() == [("source", "replace", department, [SOURCE])]
    for _ in range(5):
        world.clock.now += timedelta(seconds=int(silent.headers.get("retry-after", 60)))  # type: ignore[attr-defined]
        silent = replaced()
    assert slug(silent) == "needs-clerk"
    assert told() == [("clerk", "replace", department, [SOURCE])]
    sources.down.clear()
    assert replaced().status_code == 201
    assert told() == []


@pytest.mark.rule("AI-04")
def test_a_silent_register_is_left_alone_up_to_its_next_turn(one: tuple[World, Sources]) -> None:
    world, sources = one
    sources.down.add("decisions")
    assert slug(sent(world, case_no="D-1")) == "source-silent"
    sources.down.clear()
    assert slug(sent(world, case_no="D-1")) == "source-silent"
    assert sources.got == []


@pytest.mark.rule("AI-02")
@pytest.mark.parametrize("fault", [*PASSING, UNSIGNED, GARBLED])
def test_no_fault_on_the_way_passes_for_a_confirmation(tmp_path: Path, demo_keys: Path, fault: str) -> None:
    with deciding_world(tmp_path, demo_keys, rate=1.0, faults=(fault,)) as (world, sources):
        answer = sent(world)
        assert answer.status_code == 201, answer.text
        assert {each for each, _ in sources.done} == {fault}
    with deciding_world(tmp_path / "again", demo_keys, rate=1.0, faults=(fault,)) as (world, sources):
        object.__setattr__(sources, "fault", lambda *_said: fault)
        assert fault == SLOW or slug(sent(world)) == "source-silent"


@pytest.mark.rule("AI-02", "AI-08")
def test_one_question_holds_all_that_is_to_be_done_on_one_decision(both: tuple[World, Sources]) -> None:
    world, sources = both
    on = decision(beijing_day(world.service.now()))
    told = bundle(world, world.request(DRIVER, case_no="B-1", decision=on), world.request(TAXI, case_no="B-2", decision=on))
    assert told["state"] == "complete"
    assert [[each["zzlx"] for each in data["fields"]["mx"]] for _, data in sources.got] == [[DRIVER, TAXI]]

    sources.got.clear()
    rows = [(f"row-{at:06}", _row(world, at, NUMBER if at % 2 else "示许〔2026〕002号")) for at in range(6)]
    outcomes = world.service.chunks.issue(world.client(DRIVER), rows)
    assert all(isinstance(each, Done) for each in outcomes), outcomes
    assert sorted((data["fields"]["jdwh"], len(data["fields"]["mx"])) for _, data in sources.got) == [(NUMBER, 3), ("示许〔2026〕002号", 3)]
    assert all(isinstance(each, Done) for each in world.service.chunks.issue(world.client(DRIVER), rows))
    assert len(sources.got) == 2  # a retry asks nobody


def _row(world: World, at: int, number: str) -> dict[str, Any]:
    return world.request(
        DRIVER, case_no=f"R-{at}", decision=decision(beijing_day(world.service.now()), number=number), face={"license_no": f"51990019800101{at:05}"}
    )


@pytest.mark.rule("AI-04")
def test_a_register_that_is_silent_is_not_asked_about_each_of_many_decisions(tmp_path: Path, demo_keys: Path) -> None:
    asked: set[str] = set()

    def fails(message_id: str, _faults: Any) -> str:
        asked.add(message_id)
        return FAILS

    with deciding_world(tmp_path, demo_keys) as (world, sources):
        object.__setattr__(sources, "fault", fails)
        rows = [(f"row-{at:06}", _row(world, at, f"示许〔2026〕{at:03}号")) for at in range(40)]
        outcomes = world.service.chunks.issue(world.client(DRIVER), rows)
        assert all(isinstance(each, SourceSilent) for each in outcomes), outcomes
        assert 8 <= len(asked) <= 15  # eight in a row, and those that were under way
        connectors = world.service.registrar.line.connectors
        assert connectors
        assert len(connectors.waits.all()) == 40


def test_a_row_whose_decision_is_not_confirmed_does_not_stand_in_the_way_of_the_others(one: tuple[World, Sources]) -> None:
    world, sources = one
    sources.records["decisions"] = {"示许〔2026〕000号": None}
    rows = [(f"row-{at:06}", _row(world, at, "示许〔2026〕000号" if at == 1 else NUMBER)) for at in range(3)]
    good, bad, other = world.service.chunks.issue(world.client(DRIVER), rows)
    assert isinstance(good, Done)
    assert isinstance(other, Done)
    assert isinstance(bad, CheckFailed)
    sources.down.add("decisions")
    (silent,) = world.service.chunks.issue(world.client(DRIVER), [("row-000009", _row(world, 9, NUMBER))])
    assert isinstance(silent, SourceSilent)


def test_a_register_is_asked_for_its_departments_and_types_only(one: tuple[World, Sources], tmp_path: Path) -> None:
    world, _sources = one
    declare(tmp_path / "other", "http://127.0.0.1:1/elssp/v1", TOKEN, SECRET, decisions=world.service.catalogue.samples[DRIVER].issuer)
    path = tmp_path / "other" / "approval_decisions.toml"
    path.write_text(path.read_text("utf-8").replace('types = ["*"]', f'types = ["{DRIVER}"]'), "utf-8")
    connectors = world.service.registrar.line.connectors
    assert connectors
    object.__setattr__(connectors, "declared", read_connectors(tmp_path / "other"))
    issuer = world.service.catalogue.samples[DRIVER].issuer
    assert connectors.register_of(issuer, DRIVER)
    assert connectors.register_of(issuer, TAXI) is None
    assert connectors.register_of("11519900MB9900099X", DRIVER) is None


@pytest.mark.parametrize("left_out", ["decision.number", "decision.decided_on", "holder", "use", "act"])
def test_a_register_that_is_not_asked_about_everything_is_refused_at_the_start(tmp_path: Path, left_out: str) -> None:
    declare(tmp_path, "http://127.0.0.1:1/elssp/v1", TOKEN, SECRET, decisions="*")
    path = tmp_path / "approval_decisions.toml"
    path.write_text("\n".join(line for line in path.read_text("utf-8").splitlines() if f'"{left_out}"' not in line), "utf-8")
    with pytest.raises(Misconfigured, match="a register of decisions is asked about"):
        read_connectors(tmp_path)


@pytest.mark.rule("AI-02")
def test_explain_says_that_the_decision_was_confirmed_and_judges_it_again(terminal: Terminal, tmp_path: Path) -> None:
    sources = Sources(TOKEN, SECRET.encode())
    with listening(sources) as url:
        declare(tmp_path / "sources", url, TOKEN, SECRET, decisions="*")
        terminal.environment["LICENCE_SOURCES"] = str(tmp_path / "sources")
        issued = terminal.json("issue", terminal.file(terminal.world.request(DRIVER)), "--client", terminal.client(DRIVER), "--key", "issue-0001")
        said = terminal.run("explain", issued["licence_id"]).stdout

    assert (
        f"asked    {SOURCE}, by this service: agrees about act, case_no, decision.decided_on, decision.number, decision.organ, holder, type, use"
        in said
    )
    assert "again    the same" in said


@pytest.mark.rule("AI-02", "AI-04")
def test_a_clerk_whose_register_is_silent_keeps_what_was_typed_and_sends_it_again(tmp_path: Path, demo_keys: Path) -> None:
    told = {"openid_issuer": "http://127.0.0.1:9", "desk_url": "http://testserver", "openid_client_secret": SecretStr("one of ours")}
    with deciding_world(tmp_path, demo_keys, told=told) as (world, sources):
        clerk = seat(world, Role.CLERK)
        form, files = typed(world.request(DRIVER))
        sources.down.add("decisions")
        whole = {**form, "key": "7" * 32, "do": "issue"}
        answer = clerk.post(f"/desk/issue/{DRIVER}", whole, files)
        assert answer.status_code == 503
        assert "数据来源暂未答复" in answer.text
        assert form["case_no"] in answer.text
        sources.down.clear()
        world.clock.now += timedelta(minutes=1)  # type: ignore[attr-defined]
        assert clerk.post(f"/desk/issue/{DRIVER}", whole, files).status_code == 201
        (licence_id,) = world.service.book.all_ids()

        sources.down.add("decisions")
        replace = {f"decision.{name}": value for name, value in decision(beijing_day(world.service.now()), number="补-1").items()}
        answer = clerk.post(f"/desk/licences/{licence_id}/acts/replace", {**replace, "reason": "lost", "key": "8" * 32, "do": "enter"})
        assert answer.status_code == 503
        assert "补-1" in answer.text
