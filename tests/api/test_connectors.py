"""Data sources that the service asks itself: declared in files, asked where a request brings no receipt, waited for, and explained."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from licence_service.carrying import Done
from licence_service.connectors import read_connectors
from licence_service.errors import Misconfigured
from licence_service.licence import beijing_day
from licence_service.rules import judge_sources, rule_set
from simulators.envelope import PASSING, SILENT_AFTER, listening
from simulators.sources import GARBLED, UNSIGNED, Sources, declare
from tests.api.test_cli import MISCONFIGURED, UNAVAILABLE, Terminal, terminal
from tests.api.test_offices import OFFICES, SHUAN, headers_of, keys_with
from tests.parts.databases import KINDS, empty_postgres
from tests.world import ROOT, World, a_world, decision

__all__ = ["terminal"]
HAILING = "ride_hailing_transport_certificate"
RULES, ITEM, CASE = "unattended_ride_hailing_vehicles", "51990011800100101", "SA-Q1"
TOKEN, SECRET = "a-token-of-tests", "a secret of tests"


@contextmanager
def asking_world(
    folder: Path, keys: Path, database_url: str | None = None, told: Mapping[str, Any] = MappingProxyType({}), decisions: str = "", **said: Any
) -> Iterator[tuple[World, Sources]]:  # fmt: skip
    """A service with the simulated sources, `told` more settings; with a register of decisions for the department `decisions`."""
    sources = Sources(TOKEN, SECRET.encode(), silence=1.0, **said)
    with listening(sources) as url:
        patience = 0.5 if SILENT_AFTER in said.get("faults", ()) else 5.0  # who answers has the time for it on a busy machine too
        declare(folder / "sources", url, TOKEN, SECRET, timeout=patience, decisions=decisions)
        with a_world(folder, keys, database_url, sources=folder / "sources", **told) as world:
            sources.clock = world.clock
            connectors = world.service.registrar.line.connectors
            assert connectors
            object.__setattr__(connectors, "rest", lambda _seconds: None)
            yield world, sources


@pytest.fixture(params=KINDS)
def both(request: pytest.FixtureRequest, tmp_path: Path, demo_keys: Path) -> Iterator[tuple[World, Sources]]:
    url = empty_postgres(*map(request.getfixturevalue, ("postgres_address", "migrated_postgres"))) if request.param == "postgresql" else None
    with asking_world(tmp_path, demo_keys, url) as opened:
        yield opened


@pytest.fixture
def one(tmp_path: Path, demo_keys: Path) -> Iterator[tuple[World, Sources]]:
    with asking_world(tmp_path, demo_keys) as opened:
        yield opened


def _request(world: World, **changed: Any) -> dict[str, Any]:
    said = decision(beijing_day(world.service.now()), unattended=RULES)
    del said["officer"]
    return world.request(HAILING, **{"decision": said, "service_item_code": ITEM, "case_no": CASE, **changed})


def sent(world: World, key: str = "machine-0001", **changed: Any) -> Any:
    return world.http.post("/licences", json=_request(world, **changed), headers=world.headers(HAILING, key))


def slug(answer: Any) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


def case(world: World) -> dict[str, Any]:
    (found,) = world.http.get(f"/cases/{CASE}", headers=world.headers(HAILING)).json()["issues"]
    return dict(found)


def later(world: World, answer: Any) -> None:
    world.clock.now += timedelta(seconds=int(answer.headers["retry-after"]))  # type: ignore[attr-defined]


@pytest.mark.rule("AI-02", "AI-03")
def test_sources_are_asked_where_a_request_comes_without_receipts_and_what_they_said_is_kept(both: tuple[World, Sources]) -> None:
    world, sources = both
    answer = sent(world)
    assert answer.status_code == 201, answer.text

    basis = world.service.book.get(answer.json()["licence_id"]).entries[0].basis
    assert basis
    assert [(one.source, one.result.value, one.fetched, one.compared) for one in basis.receipts] == [
        ("police_vehicle", "pass", True, ("plate_no", "vehicle_owner", "vin")), ("vehicle_inspection", "pass", True, ("vin",)),
    ]  # fmt: skip
    assert {(one.reference or "").partition("-")[0] for one in basis.receipts} == {"police", "inspection"}
    assert basis.judged
    found = rule_set(world.service.law.packs(), RULES)
    assert found
    assert judge_sources(*found, basis.receipts, basis.judged.at) == basis.judged  # replayed
    assert not list(world.service.auditor.audit())
    face = _request(world)["face"]
    asked = dict(sources.got)
    assert asked["police"]["fields"] == {"hphm": face["plate_no"], "clsbdh": face["vin"], "syr": face["vehicle_owner"]}
    assert {name: asked["police"][name] for name in ("ItemCode", "BusinessNumber", "User")} == {
        "ItemCode": ITEM,
        "BusinessNumber": CASE,
        "User": RULES,
    }
    assert asked["police"]["OrganisationCode"] == world.service.catalogue.samples[HAILING].issuer


def test_a_source_whose_receipt_came_along_is_not_asked(one: tuple[World, Sources]) -> None:
    world, sources = one
    at = world.service.now().isoformat()
    receipt = {"source": "vehicle_inspection", "asked_at": at, "answered_at": at, "result": "pass", "compared": ["vin"], "digest": "cd" * 32,
               "case_no": CASE, "type": HAILING}  # fmt: skip
    answer = sent(world, receipts=[receipt])

    assert answer.status_code == 201
    assert [source for source, _ in sources.got] == ["police"]
    basis = world.service.book.get(answer.json()["licence_id"]).entries[0].basis
    assert basis
    assert {one.source: one.fetched for one in basis.receipts} == {"vehicle_inspection": False, "police_vehicle": True}


def test_sources_are_asked_in_bulk_too_and_a_retry_asks_nobody(one: tuple[World, Sources]) -> None:
    world, sources = one
    body = _request(world)
    (first,) = world.service.chunks.issue(world.client(HAILING), [("machine-0009", body)])
    asked = len(sources.got)
    (again,) = world.service.chunks.issue(world.client(HAILING), [("machine-0009", body)])

    assert isinstance(first, Done)
    assert isinstance(again, Done)
    assert (again.licence_id, len(sources.got), asked) == (first.licence_id, 2, 2)
    assert sent(world, "machine-0009").json()["licence_id"] == first.licence_id
    assert len(sources.got) == 2


def test_what_is_asked_and_answered_is_in_no_log(one: tuple[World, Sources], capfd: pytest.CaptureFixture[str]) -> None:
    world, sources = one
    sources.down.add("inspection")
    answer = sent(world)
    face = _request(world)["face"]
    said = answer.text + "".join(capfd.readouterr())

    assert answer.status_code == 503
    assert [name for name in ("plate_no", "vin", "vehicle_owner") if str(face[name]) in said] == []
    assert TOKEN not in said


def test_nobody_is_asked_for_what_a_person_decides(one: tuple[World, Sources]) -> None:
    world, sources = one
    assert sent(world, decision=decision(beijing_day(world.service.now()))).status_code == 201
    assert sources.got == []


def test_no_caller_may_say_that_this_service_asked(one: tuple[World, Sources]) -> None:
    world, _sources = one
    at = world.service.now().isoformat()
    receipt = {
        "source": "police_vehicle",
        "asked_at": at,
        "answered_at": at,
        "result": "pass",
        "compared": ["vin"],
        "digest": "cd" * 32,
        "case_no": CASE,
        "type": HAILING,
        "fetched": True,
    }
    answer = sent(world, receipts=[receipt])
    assert (answer.status_code, [fault["code"] for fault in answer.json()["faults"]]) == (422, ["unknown-field"])


@pytest.mark.rule("AI-04")
@pytest.mark.parametrize(
    ("record", "wanted"), [(None, "check-failed"), ({"syr": "他人"}, "needs-clerk"), ({}, "")], ids=["no record", "another owner", "agrees"]
)
def test_what_a_source_says_leads_to_the_same_steps_as_a_receipt(one: tuple[World, Sources], record: dict[str, str] | None, wanted: str) -> None:
    world, sources = one
    sources.records["police"] = {_request(world)["face"]["plate_no"]: record}
    answer = sent(world)

    assert answer.status_code == (409 if wanted else 201)
    if wanted:
        assert slug(answer) == wanted
        assert answer.json()["faults"][0]["path"] == "receipts.police_vehicle"


@pytest.mark.rule("AI-04")
@pytest.mark.parametrize("fault", [*PASSING, UNSIGNED, GARBLED])
def test_passing_faults_of_a_source_are_tried_again_and_none_of_them_passes_for_an_answer(tmp_path: Path, demo_keys: Path, fault: str) -> None:
    with asking_world(tmp_path, demo_keys, rate=1.0, faults=(fault,)) as (world, sources):
        answer = sent(world)

        assert answer.status_code == 201, answer.text
        assert {one for one, _ in sources.done} == {fault}
        basis = world.service.book.get(answer.json()["licence_id"]).entries[0].basis
        assert basis
        assert {one.result.value for one in basis.receipts} == {"pass"}


@pytest.mark.rule("AI-04")
def test_a_silent_source_is_waited_for_visibly_with_growing_pauses_and_then_a_clerk_decides(both: tuple[World, Sources]) -> None:
    world, sources = both
    sources.down.add("inspection")
    answers, states = [], []
    for _ in range(6):
        answers.append(sent(world))
        states.append((case(world)["state"], case(world)["waits_on"]))
        if answers[-1].status_code == 503:
            later(world, answers[-1])
    again = sent(world)

    assert [slug(one) for one in answers] == ["source-silent"] * 5 + ["needs-clerk"]
    assert [int(one.headers["retry-after"]) for one in answers[:5]] == [30, 90, 270, 810, 2430]
    assert "vehicle_inspection" in answers[1].json()["detail"]
    assert "asked 2 times" in answers[1].json()["detail"]
    assert states == [("checking", "source")] * 5 + [("needs_clerk", "clerk")]
    assert case(world)["reason"] == "source-silent: vehicle_inspection"
    assert (slug(again), again.json()["task_id"]) == ("needs-clerk", answers[-1].json()["task_id"])
    clerk = sent(world, "clerk-000001", decision=decision(beijing_day(world.service.now())))
    assert clerk.status_code == 201
    assert (case(world)["state"], case(world)["licence_id"]) == ("registered", clerk.json()["licence_id"])


@pytest.mark.rule("AI-04")
def test_a_source_that_comes_back_ends_the_wait(one: tuple[World, Sources]) -> None:
    world, sources = one
    sources.down.add("inspection")
    first = sent(world)
    asked = len(sources.got)
    early = sent(world)  # before its turn: nobody is asked
    assert (slug(early), len(sources.got)) == ("source-silent", asked)
    sources.down.clear()
    later(world, first)

    assert sent(world).status_code == 201
    assert case(world)["state"] == "registered"
    connectors = world.service.registrar.line.connectors
    assert connectors
    assert connectors.waits.all() == []


def test_another_department_sees_nothing_of_a_wait(one: tuple[World, Sources]) -> None:
    world, sources = one
    sources.down.add("inspection")
    sent(world)
    other = next(uscc for uscc in world.tokens if uscc != world.service.catalogue.samples[HAILING].issuer)
    answer = world.http.get(f"/cases/{CASE}", headers={"Authorization": f"Bearer {world.tokens[other]}"})
    assert answer.status_code == 404


@pytest.mark.rule("AI-04")
def test_a_wait_says_nothing_of_another_holder_of_the_same_case_who_was_refused(one: tuple[World, Sources]) -> None:
    world, sources = one
    said = _request(world)
    sources.records["police"] = {said["face"]["plate_no"]: None}
    assert slug(sent(world)) == "check-failed"
    sources.down.add("inspection")
    sources.records["police"] = {}
    other = {"vehicle_owner": "示例出行科技有限公司", "license_no": "519900261199", "plate_no": "川PD09999"}
    world.clock.now += timedelta(minutes=1)  # type: ignore[attr-defined]
    assert slug(sent(world, "machine-0002", face=other)) == "source-silent"

    told = world.http.get(f"/cases/{CASE}", headers=world.headers(HAILING)).json()["issues"]
    assert [(one["state"], one["waits_on"], one["reason"]) for one in told] == [
        ("refused", None, "check-failed"), ("checking", "source", "source-silent: vehicle_inspection"),
    ]  # fmt: skip


def test_an_office_waits_for_itself_though_another_has_a_case_of_the_same_number(tmp_path: Path, demo_keys: Path) -> None:
    with asking_world(tmp_path / "world", keys_with(tmp_path / "keys", demo_keys, OFFICES)) as (world, sources):
        assert world.service.catalogue.samples[HAILING].issuer == SHUAN
        sources.down.add("inspection")
        north, south, city = (headers_of(world, office) for office in ("north", "south", None))

        def asked(headers: dict[str, str], region: str) -> Any:
            body = _request(world, region=region)
            return world.http.post("/licences", json=body, headers={**headers, "Idempotency-Key": "machine-0001"})

        for number in range(6):
            first = asked(north, "519903")
            assert slug(first) == ("needs-clerk" if number == 5 else "source-silent"), first.text
            if number < 5:
                later(world, first)
        assert world.http.get(f"/cases/{CASE}", headers=south).status_code == 404
        silent = asked(south, "519905")
        assert (slug(silent), "asked 1 times" in silent.json()["detail"]) == ("source-silent", True)
        states = {
            name: [one["state"] for one in world.http.get(f"/cases/{CASE}", headers=headers).json()["issues"]]
            for name, headers in (("north", north), ("south", south), ("city", city))
        }
        assert states == {"north": ["needs_clerk"], "south": ["checking"], "city": ["needs_clerk", "checking"]}
        sources.down.clear()
        later(world, silent)
        assert asked(south, "519905").status_code == 201
        assert slug(asked(north, "519903")) == "needs-clerk"  # its own wait stands


def test_explain_says_who_asked_and_what_was_said(terminal: Terminal, tmp_path: Path) -> None:
    sources = Sources(TOKEN, SECRET.encode())
    with listening(sources) as url:
        declare(tmp_path / "sources", url, TOKEN, SECRET)
        terminal.environment["LICENCE_SOURCES"] = str(tmp_path / "sources")
        body = _request(terminal.world)
        issued = terminal.json("issue", terminal.file(body), "--client", terminal.client(HAILING), "--key", "machine-0001")
        said = terminal.run("explain", issued["licence_id"]).stdout

    assert "asked    police_vehicle, by this service: agrees about plate_no, vehicle_owner, vin" in said
    assert "number there police-" in said
    assert "again    the same" in said


def test_operators_see_what_is_declared_and_what_waits(terminal: Terminal, tmp_path: Path) -> None:
    terminal.run("sources", wanted=MISCONFIGURED)
    sources = Sources(TOKEN, SECRET.encode(), down={"inspection"})
    with listening(sources) as url:
        declare(tmp_path / "sources", url, TOKEN, SECRET)
        terminal.environment["LICENCE_SOURCES"] = str(tmp_path / "sources")
        body = terminal.file(_request(terminal.world))
        terminal.run("issue", body, "--client", terminal.client(HAILING), "--key", "machine-0001", wanted=UNAVAILABLE)
        rows = terminal.json("sources")

    assert [(row["source"], row["cases_waiting"]) for row in rows] == [("company_register", 0), ("police_vehicle", 0), ("vehicle_inspection", 1)]
    assert rows[0]["to"] == url.partition("://")[2].partition("/")[0]
    assert rows[2]["longest_since"]


BROKEN = {
    "no url": ("url", "# url", "url"),
    "an address of another kind": ('url = "http', 'url = "ftp', "url"),
    "a result that there is not": ('= "pass"', '= "perhaps"', "results"),
    "a key that nobody knows": ("[ask]", "colour = 1\n[ask]", "colour"),
    "an endless timeout": ("timeout_seconds = 5.0", "timeout_seconds = 500", "timeout_seconds"),
    "a network that is none": ("127.0.0.0/8", "here", "networks"),
    "a secret elsewhere": ('"rehearsal.secret"', '"../rehearsal.secret"', "must lie beside it"),
    "no secret": ('"rehearsal.secret"', '"absent"', "cannot be read"),
    "no TOML": ("[answer]", "[answer", "no TOML"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_declaration_that_is_wrong_is_refused_at_the_start_with_file_and_place(tmp_path: Path, name: str) -> None:
    before, after, place = BROKEN[name]
    declare(tmp_path, "http://127.0.0.1:1/elssp/v1", TOKEN, SECRET)
    path = tmp_path / "police_vehicle.toml"
    path.write_text(path.read_text("utf-8").replace(before, after, 1), "utf-8")
    with pytest.raises(Misconfigured) as refused:
        read_connectors(tmp_path)
    assert "police_vehicle.toml" in str(refused.value)
    assert place in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    declare(tmp_path, "http://127.0.0.1:1/elssp/v1", TOKEN, SECRET)
    (tmp_path / "rehearsal.secret").chmod(0o644)
    with pytest.raises(Misconfigured):
        read_connectors(tmp_path)


def test_a_token_that_is_no_text_is_refused_at_the_start(tmp_path: Path) -> None:
    declare(tmp_path, "http://127.0.0.1:1/elssp/v1", TOKEN, SECRET)
    (tmp_path / "rehearsal.token").write_bytes(b"\xff\xfe")
    with pytest.raises(Misconfigured, match=r"rehearsal\.token"):
        read_connectors(tmp_path)


def test_a_source_inside_is_asked_only_where_its_declaration_allows_the_network(tmp_path: Path, demo_keys: Path) -> None:
    with asking_world(tmp_path, demo_keys) as (world, sources):
        connectors = world.service.registrar.line.connectors
        assert connectors
        for _connector, gateway in connectors.declared.values():
            object.__setattr__(gateway.poster, "networks", ())
        assert slug(sent(world)) == "source-silent"
        assert sources.got == []


def test_the_simulated_sources_start_by_a_command_and_declare_themselves(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "simulators.sources", "--port", "0", "--declare", str(tmp_path / "sources")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout
        assert started.stdout.readline().startswith("police, company register and inspection stations listen at http://127.0.0.1:")
        started.terminate()

    assert sorted(read_connectors(tmp_path / "sources")) == ["company_register", "police_vehicle", "vehicle_inspection"]
