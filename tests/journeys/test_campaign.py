"""The restoration of 2026 as a campaign: who is meant, who is left out, that the run does what was rehearsed, and does it once."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from licence_service.campaign import read_file, report_of, written
from licence_service.errors import NotInForce, NotInRegister, RequestRejected, SealUnavailable
from licence_service.licence import LicenceState, VersionReason
from licence_service.store.reservations import LEASE
from tests.journeys.ageing import (
    ACTED,
    APPROVER,
    CANCELLED,
    EFFECTIVE,
    ISSUED,
    PLANNER,
    RUN,
    Drivers,
    a_few,
    a_world_of,
    runner_of,
    set_day,
    the_plan,
)
from tests.journeys.conftest import Killed
from tests.parts.databases import empty_postgres
from tests.world import DRIVER, ROOT, World

MEANT = {
    "plain": ACTED,
    "other": ACTED,
    "no-driving": "excluded:driving-licence",
    "wrong-class": "excluded:vehicle-class",
    "accident": "excluded:serious-accident",
    "recalled": "refused:other-ending",
    "dead": "refused:other-ending",
    "anew": "refused:number-taken",
    "too-old": "refused:end-passed",
    "no-class": "refused:undecided",
}


@pytest.fixture(params=["sqlite", "postgresql"])
def province(request: pytest.FixtureRequest, tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    """A world on each database."""
    url = None
    if request.param == "postgresql":
        url = empty_postgres(request.getfixturevalue("postgres_address"), request.getfixturevalue("migrated_postgres"))
    with a_world_of(tmp_path, demo_keys, url) as opened:
        yield opened


@pytest.fixture
def world(tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    """A world on SQLite that begins on the day of issue."""
    with a_world_of(tmp_path, demo_keys) as opened:
        yield opened


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[World]:
    """A world in which nothing is entered, on the day of the run."""
    with a_world_of(tmp_path_factory.mktemp("office"), demo_keys) as opened:
        set_day(opened, RUN)
        yield opened


def the_case(world: World) -> Drivers:
    """Issue, end and cancel: every reason to be meant, left out or refused, once."""
    drivers = Drivers(world)
    set_day(world, ISSUED)
    for day, name in enumerate((*MEANT, "asked", "died", "alive", "revoked"), 1):
        born = date(1962, 2, 3) if name == "too-old" else date(1964, 5, day)
        drivers.issue(name, born, {"wrong-class": "C1", "no-class": None}.get(name, "A2"))
    set_day(world, CANCELLED)
    drivers.act("recalled", act="recall")
    drivers.act("revoked", act="revoke")
    grounds = {"asked": "request", "died": "death", "revoked": "revoked"}
    for name in drivers.ids:
        if name != "alive":
            drivers.act(name, act="cancel", ground=grounds.get(name, "age"))
    drivers.act("dead", act="cancel", ground="death")
    assert drivers.entries("dead")[-1].recorded_only
    # The same person passed the examination again, and got another licence under the same number.
    drivers.issue("second", date(1964, 5, list(MEANT).index("anew") + 1), number=drivers.numbers["anew"])
    set_day(world, RUN)
    return drivers


@pytest.mark.rule("LC-14", "LC-04")
def test_the_restoration_of_2026_brings_back_exactly_those_cancelled_for_age_only(province: World, tmp_path: Path) -> None:
    drivers, runner = the_case(province), runner_of(province.service)
    plan = the_plan(tmp_path, drivers, holders=["no-driving"], numbers=["accident"])
    campaign_id = runner.plan(plan, PLANNER)
    before = {name: drivers.acts(name) for name in drivers.ids}

    rehearsed = runner.rehearse(campaign_id)
    report = report_of(runner.store, rehearsed)
    assert drivers.named(report.rows, "rehearsed") == MEANT
    assert {one["id"]: (one.get("listed"), one["licences"]) for one in report.head["exclusions"]} == {
        "driving-licence": (1, 1), "vehicle-class": (None, 1), "serious-accident": (1, 1),
    }  # fmt: skip
    assert {name: drivers.acts(name) for name in drivers.ids} == before, "a rehearsal enters nothing"
    assert runner.open(campaign_id) == 2

    runner.approve(campaign_id, APPROVER)
    done = runner.run(campaign_id)
    assert done.state == "done"
    after = report_of(runner.store, done)
    assert drivers.named(after.rows, "outcome") == {name: ACTED if said == ACTED else "" for name, said in MEANT.items()}
    assert {name: drivers.acts(name) for name in drivers.ids} == {
        name: [*acts, "reinstate"] if MEANT.get(name) == ACTED else acts for name, acts in before.items()
    }
    for name in ("plain", "other"):
        entry = drivers.entries(name)[-1]
        assert entry.campaign == campaign_id
        assert entry.version.reason is VersionReason.REINSTATEMENT
        assert entry.version.valid_to == date(2027, 5, list(MEANT).index(name) + 1), "the 63rd birthday"
        assert entry.decision.officer == plan["decision"]["officer"]
        assert province.service.archive.get(entry.version.document.sha256).startswith(b"%PDF-")
    assert not list(province.service.seal_log.breaks())
    assert not list(province.service.auditor.audit())

    entries = {name: len(drivers.entries(name)) for name in drivers.ids}
    assert runner.run(campaign_id).state == "done", "a second run does nothing"
    assert {name: len(drivers.entries(name)) for name in drivers.ids} == entries


@pytest.mark.rule("LC-14")
def test_for_every_day_of_the_gap_the_answer_stays_cancelled(world: World, tmp_path: Path) -> None:
    drivers, runner = a_few(world, 1), runner_of(world.service)
    campaign_id = runner.plan(the_plan(tmp_path, drivers, holders=["listed"], numbers=["listed"]), PLANNER)
    runner.rehearse(campaign_id)
    runner.approve(campaign_id, APPROVER)
    known_before = world.clock()
    set_day(world, RUN + timedelta(hours=1))
    runner.run(campaign_id)
    record = world.service.book.get(drivers.ids["d0"])
    cancelled_on = CANCELLED.date()
    days = (EFFECTIVE - cancelled_on).days
    assert {record.at(cancelled_on + timedelta(days=number)).state for number in range(days)} == {LicenceState.CANCELLED}
    assert record.at(cancelled_on - timedelta(days=1)).state is LicenceState.IN_FORCE
    assert record.at(EFFECTIVE).state is LicenceState.IN_FORCE
    assert record.at(EFFECTIVE, known_before).state is LicenceState.CANCELLED, "nobody knew it then"
    assert record.at(date(2027, 5, 12)).state is LicenceState.IN_FORCE
    assert record.at(date(2027, 5, 13)).state is LicenceState.EXPIRED


@pytest.mark.rule("LC-14")
def test_what_changed_since_the_rehearsal_is_reported_and_skipped(world: World, tmp_path: Path) -> None:
    drivers, runner = a_few(world, 5), runner_of(world.service)
    campaign_id = runner.plan(the_plan(tmp_path, drivers, holders=["listed"], numbers=["listed"]), PLANNER)
    runner.rehearse(campaign_id)
    runner.approve(campaign_id, APPROVER)
    drivers.act("d0", act="report_lost")
    drivers.act("d1", act="reinstate", effective_on=EFFECTIVE.isoformat())
    drivers.issue("anew", date(1964, 5, 14), number=drivers.numbers["d2"])
    drivers.act("d3", act="cancel", ground="death")
    found = drivers.named(report_of(runner.store, runner.run(campaign_id)).rows, "outcome")
    assert found == {
        "d0": "changed", "d1": "changed", "d2": "changed:refused:number-taken", "d3": "changed:refused:other-ending", "d4": ACTED, "listed": "",
    }  # fmt: skip
    assert [drivers.acts(name).count("reinstate") for name in ("d0", "d1", "d2", "d3", "d4")] == [0, 1, 0, 0, 1]


@pytest.mark.rule("LC-14")
def test_of_two_licences_of_one_number_the_rehearsal_already_leaves_one(world: World, tmp_path: Path) -> None:
    drivers = Drivers(world)
    set_day(world, ISSUED)
    drivers.issue("first", date(1964, 5, 12))
    drivers.issue("listed", date(1964, 8, 1))
    set_day(world, CANCELLED)
    drivers.act("first", act="cancel", ground="age")
    drivers.issue("second", date(1964, 5, 12), number=drivers.numbers["first"])
    drivers.act("second", act="cancel", ground="age")
    set_day(world, RUN)
    runner = runner_of(world.service)
    campaign_id = runner.plan(the_plan(tmp_path, drivers, holders=["listed"], numbers=["listed"]), PLANNER)
    for _ in range(2):  # a rehearsal that is done again comes to the same
        report = report_of(runner.store, runner.rehearse(campaign_id))
        assert drivers.named(report.rows, "rehearsed") == {"first": ACTED, "second": "refused:number-taken"}
    runner.approve(campaign_id, APPROVER)
    assert drivers.named(report_of(runner.store, runner.run(campaign_id)).rows, "outcome") == {"first": ACTED, "second": ""}


@pytest.mark.rule("LC-14")
@pytest.mark.parametrize("step", ["seal", "append", "settle"])
def test_a_campaign_killed_in_the_middle_goes_on_without_doubling(world: World, killed: Killed, tmp_path: Path, demo_keys: Path, step: str) -> None:
    drivers, runner = a_few(world, 4), runner_of(world.service)
    campaign_id = runner.plan(the_plan(tmp_path, drivers, holders=["listed"], numbers=["listed"]), PLANNER)
    runner.rehearse(campaign_id)
    runner.approve(campaign_id, APPROVER)
    killed(tmp_path, demo_keys, step, time=3, now=RUN.isoformat(), campaign_id=campaign_id)
    assert runner.store.get(campaign_id).state == "running"
    assert runner.open(campaign_id) == 2
    if step != "settle":
        # The reservation of the dead process is not taken over before its lease ends; all others are done meanwhile.
        impatient = replace(runner, registrar=replace(runner.registrar, wait_seconds=0.1))
        with pytest.raises(SealUnavailable):
            impatient.run(campaign_id)
        assert runner.open(campaign_id) == 1
        set_day(world, RUN + LEASE + timedelta(seconds=1))
    done = runner.run(campaign_id)
    assert done.state == "done"
    assert {drivers.acts(name).count("reinstate") for name in ("d0", "d1", "d2", "d3")} == {1}
    assert drivers.acts("listed").count("reinstate") == 0
    rows = list(report_of(runner.store, done).rows)
    assert drivers.named(rows, "sequence") == {"d0": 3, "d1": 3, "d2": 3, "d3": 3, "listed": None}
    assert {row["outcome"] for row in rows} == {ACTED, ""}
    assert not list(world.service.seal_log.breaks())
    assert not list(world.service.auditor.audit())


@pytest.mark.rule("LC-14")
def test_who_is_back_already_or_was_cancelled_on_another_day_is_not_meant(world: World, tmp_path: Path) -> None:
    drivers, runner = a_few(world, 3), runner_of(world.service)
    drivers.act("d0", act="reinstate", effective_on=(EFFECTIVE + timedelta(days=2)).isoformat())
    drivers.act("d2", act="reinstate", effective_on=(EFFECTIVE + timedelta(days=10)).isoformat())  # not yet
    plan = the_plan(tmp_path, drivers, holders=["listed"], numbers=["listed"])
    found = report_of(runner.store, runner.rehearse(runner.plan(plan, PLANNER)))
    assert drivers.named(found.rows, "rehearsed") == {"d1": ACTED, "d2": "refused:decided-already", "listed": "excluded:driving-licence"}
    for first, last in (("2020-01-01", "2025-10-08"), ("2025-10-10", "2026-03-19")):
        other = {**plan, "select": {**plan["select"], "decided_from": first, "decided_to": last}}
        assert list(report_of(runner.store, runner.rehearse(runner.plan(other, PLANNER))).rows) == []


@pytest.mark.rule("LC-14")
@pytest.mark.parametrize(("end", "last"), [({"rule": "day", "day": "2026-12-31"}, "2026-12-31"), (None, None)])
def test_the_new_last_day_is_the_one_that_the_plan_names_or_the_old_one_stays(
    world: World, tmp_path: Path, end: dict[str, str] | None, last: str | None
) -> None:
    drivers, runner = a_few(world, 2), runner_of(world.service)
    plan = the_plan(tmp_path, drivers, holders=["listed"], numbers=["listed"])
    licences = {"id": "by-licence", "zh": "名单", "en": "A list", "listed": {"by": "licence_id", "values": [drivers.ids["d1"]]}}
    classes = {"id": "by-class", "zh": "车型", "en": "A class", "field": "driving_class", "any_of": ["A1", "B1"]}
    plan = {**plan, "exclusions": [*plan["exclusions"], licences, classes]}
    plan = {**plan, "end": end} if end else {name: value for name, value in plan.items() if name != "end"}
    campaign_id = runner.plan(plan, PLANNER)
    runner.rehearse(campaign_id)
    runner.approve(campaign_id, APPROVER)
    found = report_of(runner.store, runner.run(campaign_id))
    assert drivers.named(found.rows, "rehearsed") == {"d0": ACTED, "d1": "excluded:by-licence", "listed": "excluded:driving-licence"}
    first, back = drivers.entries("d0")[0].version, drivers.entries("d0")[-1].version
    assert back.valid_to == (date.fromisoformat(last) if last else first.valid_to)


def test_a_stopped_seal_stops_the_campaign_and_nothing_is_lost(world: World, tmp_path: Path) -> None:
    drivers, runner = a_few(world, 3), runner_of(world.service)
    campaign_id = runner.plan(the_plan(tmp_path, drivers, holders=["listed"], numbers=["listed"]), PLANNER)
    runner.rehearse(campaign_id)
    runner.approve(campaign_id, APPROVER)
    seal_id = world.service.keyring.departments[world.service.catalogue.samples[DRIVER].issuer].seal.seal_id
    world.service.seal_log.order(seal_id, stopped=True, at=world.clock(), by="officer", reason="drill")
    with pytest.raises(SealUnavailable):
        runner.run(campaign_id)
    assert runner.open(campaign_id) == 3
    world.service.seal_log.order(seal_id, stopped=False, at=world.clock(), by="officer", reason="over")
    assert runner.run(campaign_id).state == "done"
    assert {drivers.acts(name).count("reinstate") for name in ("d0", "d1", "d2")} == {1}


@pytest.mark.rule("LC-14")
def test_only_a_second_person_approves_and_only_what_was_rehearsed(world: World, tmp_path: Path) -> None:
    drivers, runner = a_few(world, 1), runner_of(world.service)
    campaign_id = runner.plan(the_plan(tmp_path, drivers, holders=["listed"], numbers=["listed"]), "Planner A")
    with pytest.raises(RequestRejected):
        runner.approve(campaign_id, APPROVER)
    with pytest.raises(RequestRejected):
        runner.run(campaign_id)
    runner.rehearse(campaign_id)
    for same in ("Planner A", " planner a ", "Ｐｌａｎｎｅｒ　Ａ"):
        with pytest.raises(RequestRejected) as refused:
            runner.approve(campaign_id, same)
        assert [fault.code for fault in refused.value.faults] == ["same-person"]
    with pytest.raises(RequestRejected):
        runner.run(campaign_id)
    assert runner.approve(campaign_id, APPROVER).approved_by == APPROVER
    with pytest.raises(RequestRejected):
        runner.approve(campaign_id, APPROVER)
    with pytest.raises(RequestRejected):
        runner.rehearse(campaign_id)
    assert drivers.acts("d0") == ["issue", "cancel"]
    with pytest.raises(NotInRegister):
        runner.run("0" * 26)


def test_what_is_approved_is_what_was_planned_whatever_becomes_of_the_file(world: World, tmp_path: Path) -> None:
    drivers, runner = a_few(world, 2), runner_of(world.service)
    campaign_id = runner.plan(the_plan(tmp_path, drivers, holders=["d1"], numbers=["listed"]), PLANNER)
    runner.rehearse(campaign_id)
    runner.approve(campaign_id, APPROVER)
    (tmp_path / "campaign" / "driving-licence-not-valid.txt").write_text(drivers.numbers["d0"], "utf-8")
    runner.run(campaign_id)
    assert [drivers.acts(name).count("reinstate") for name in ("d0", "d1", "listed")] == [1, 0, 0]
    with world.service.database.write() as connection:
        connection.execute(text("UPDATE campaigns SET plan = replace(plan, '2026-03-20', '2025-10-10')"))
    with pytest.raises(NotInForce):
        runner.store.get(campaign_id)


def test_no_holder_and_no_number_leaves_the_plan_in_clear(world: World, tmp_path: Path) -> None:
    drivers, runner = a_few(world, 1), runner_of(world.service)
    campaign_id = runner.plan(the_plan(tmp_path, drivers, holders=["listed"], numbers=["d0"]), PLANNER)
    report = "".join(written(report_of(runner.store, runner.rehearse(campaign_id))))
    found = json.loads(report)
    assert found["campaign_id"] == campaign_id
    assert {row["licence_id"] for row in found["rows"]} == set(drivers.ids.values())
    with world.service.database.read() as connection:
        kept = connection.execute(text("SELECT plan FROM campaigns")).scalar_one()
    for secret in (*drivers.numbers.values(), "示例从业资格科01"):
        assert secret not in report
        assert secret not in kept


@pytest.mark.parametrize(
    ("old", "new", "path", "code"),
    [
        ('act = "reinstate"', 'act = "revoke"', "act", "unknown-code"),
        ('departments = ["11519900MB9900021Q"]', "departments = []", "departments", "not-a-list"),
        ("11519900MB9900021Q", "91110000600037341L", "departments", "unknown-department"),
        ('types = ["practitioner_qualification"]', 'types = ["no_such_type"]', "types", "unknown-type"),
        ('types = ["practitioner_qualification"]', 'types = ["road_transport_certificate"]', "exclusions[1].field", "unknown-field"),
        ('ground = "age"', 'ground = "old"', "select.ground", "unknown-code"),
        ("decided_to = 2026-03-19", "decided_to = 2020-03-19", "select.decided_to", "before-start"),
        ("decided_on = 2026-03-20", "decided_on = 2026-09-20", "decision.decided_on", "in-the-future"),
        ('officer = "示例从业资格科01"', "", "decision", "officer-or-unattended"),
        ("effective_on = 2026-03-20", "", "effective_on", "missing"),
        ('rule = "age_ceiling"', 'rule = "day"', "end.day", "at-odds"),
        ('rule = "age_ceiling"', 'rule = "day", day = 2026-03-19', "end.day", "before-start"),
        ('id = "vehicle-class"', 'id = "serious-accident"', "exclusions", "repeated"),
        ('none_of = ["A1", "A2", "A3", "B1", "B2"]', "", "exclusions[1]", "at-odds"),
        ('field = "driving_class"', 'field = "shoe_size"', "exclusions[1].field", "unknown-field"),
        ('by = "number"', 'by = "licence_id"', "exclusions[2].listed", "wrong-form"),
        ('file = "serious-accident.txt"', 'file = "absent.txt"', "exclusions[2].listed.file", "unreadable"),
        ('file = "serious-accident.txt"', 'file = "empty.txt"', "exclusions[2].listed.file", "empty"),
        ("effective_on = 2026-03-20", "effective_on = 2026-03-20\nforce = true", "body", "unknown-key"),
        ("effective_on = 2026-03-20", "effective_on = = 1", "plan", "not-toml"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused_with_the_place(office: World, tmp_path: Path, old: str, new: str, path: str, code: str) -> None:
    home = tmp_path / "plan"
    home.mkdir()
    for file in (ROOT / "docs" / "campaigns").iterdir():
        (home / file.name).write_text(file.read_text("utf-8"), "utf-8")
    (home / "empty.txt").write_text("# nobody\n", "utf-8")
    example = home / "age-ceiling-63.toml"
    assert old in example.read_text("utf-8")
    assert runner_of(office.service).plan(read_file(example), PLANNER)
    example.write_text(example.read_text("utf-8").replace(old, new, 1), "utf-8")
    with pytest.raises(RequestRejected) as refused:
        runner_of(office.service).plan(read_file(example), PLANNER)
    assert (path, code) in [(fault.path, fault.code) for fault in refused.value.faults]
