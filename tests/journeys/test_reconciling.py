"""The ledger of differences with a provincial repository: each one that was injected is listed, and all come to their end (DOMAIN M19)."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_service.errors import RequestRejected, Unavailable
from licence_service.licence import beijing_day
from simulators.repository import DOUBLES, FAILS, GARBLES, INVENTS, LASTING, LATE, LOSES, REORDERS, RETURNS, SILENT_AFTER, Repository, listening
from tests.api.test_cli import Terminal, terminal
from tests.parts.databases import KINDS, at_once, empty_postgres
from tests.repositories import SECRET, TOKEN, issue, open_in_ledger, reconciler, report_all, reporting_world
from tests.world import DRIVER, ROOT, World

__all__ = ["terminal"]
# What each fault leaves where the licence has no later message that heals it.
LEFT = {LOSES: "missing_there", LATE: "missing_there", REORDERS: "missing_there", DOUBLES: "doubled", GARBLES: "other_state", INVENTS: "missing_here",
        **dict.fromkeys(RETURNS, "missing_there")}  # fmt: skip


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest) -> str | None:
    return empty_postgres(*map(request.getfixturevalue, ("postgres_address", "migrated_postgres"))) if request.param == "postgresql" else None


def act(world: World, licence_id: str, number: int) -> None:
    body = {"act": ("report_lost", "report_found")[number % 2]}
    assert world.act(DRIVER, licence_id, body, f"act-{licence_id}-{number}").status_code == 201


def later(world: World) -> None:
    world.clock.now += timedelta(minutes=10)  # type: ignore[attr-defined]


def settled(world: World, repository: Repository, passes: int = 20) -> list[set[tuple[str, str]]]:
    """Reconcile pass by pass until nothing is open, an officer withdrawing what is unknown here; return what the ledger had open after each pass.

    It is each time exactly what the repository, by its own account of what it was told and what it keeps, has wrong.
    """
    found, said = reconciler(world), []
    for _ in range(passes):
        later(world)
        run = found.reconcile(passes=1)
        said.append(open_in_ledger(world))
        assert said[-1] == repository.wrongs_at_counts[-1]
        if run.open == 0:
            return said
        for task in found.ledger.open():
            if task.found.cause == "never-reported" and not task.withdrawn_by:
                found.withdraw(task.key, "an officer")
        later(world)
        report_all(world)
    raise AssertionError(f"{len(repository.wrongs())} differences are left")


@pytest.mark.parametrize("seed", [12, pytest.param(11, marks=pytest.mark.long)])  # 12 strikes with every lasting fault
def test_the_ledger_lists_exactly_what_was_injected(tmp_path: Path, demo_keys: Path, database_url: str | None, seed: int) -> None:
    """Each licence has one message, so that each fault leaves one difference."""
    with reporting_world(tmp_path, demo_keys, database_url, seed=seed, rate=0.7, faults=LASTING) as (world, repository):
        for number in range(24):
            issue(world, number)
        report_all(world)
        injected = set()
        for fault, message in repository.done:
            licence = message.partition("-")[0]
            injected.add((LEFT[fault], f"X{licence[1:]}" if fault == INVENTS else licence))
        said = settled(world, repository)

        assert len(injected) > 10
        assert said[0] == injected
        assert said[-1] == set()
        assert repository.wrongs() == set()
        assert reconciler(world).ledger.counts()["open"] == 0


# The first two storms together hold every fault that there is; `make test-long` knows more.
STORMS = [("sqlite", 12), ("postgresql", 12)]
MORE_STORMS = [("sqlite", 2), ("sqlite", 20), ("postgresql", 2), ("postgresql", 18)]


@pytest.mark.parametrize(
    ("database_url", "seed"), [*STORMS, *(pytest.param(*one, marks=pytest.mark.long) for one in MORE_STORMS)], indirect=["database_url"]
)
def test_lost_doubled_reordered_and_late_messages_are_each_listed_and_the_ledger_ends_at_zero(
    tmp_path: Path, demo_keys: Path, database_url: str | None, seed: int
) -> None:
    """A storm: every fault that there is, licences that go on changing, messages that come after they were given up."""
    chance = random.Random(seed)
    with reporting_world(tmp_path, demo_keys, database_url, seed=seed, rate=0.45) as (world, repository):
        licences = [issue(world, number) for number in range(16)]
        for number in range(3):
            report_all(world)
            for licence_id in licences:
                if chance.random() < 0.4:
                    act(world, licence_id, number)
        report_all(world)
        said = settled(world, repository)

        kinds = {kind for kind, _ in set().union(*said)}
        assert len(kinds) > 1  # which ones is the storm's choice; each has a test of its own
        assert repository.wrongs() == set()
        everything = reconciler(world).ledger.page(every=True, limit=1000)
        assert {(one.found.kind, one.found.licence_id) for one in everything} == set().union(*said)
        assert all(one.state == "ended" and one.ending and one.ended_at for one in everything)
        kept = {licence_id: copies[0]["Revision"] for licence_id, copies in repository.kept.items() if copies}
        assert kept == {licence_id: reconciler(world).reporter.lines.newest(licence_id).place for licence_id in licences}


def test_what_the_repository_files_under_several_days_is_one_difference_with_every_copy(
    tmp_path: Path, demo_keys: Path, database_url: str | None
) -> None:
    with reporting_world(tmp_path, demo_keys, database_url) as (world, repository):
        licence_id = issue(world, 1)
        report_all(world)
        days = ("2020-01-01", "2020-01-02")
        for name in (licence_id, f"X{licence_id[1:]}"):
            repository.kept[name] = [{**repository.told[licence_id], "CertificateID": name, "RegisteredOn": day} for day in days]
        later(world)
        reconciler(world).reconcile(passes=1)

        assert open_in_ledger(world) == {("missing_there", licence_id), ("missing_here", licence_id), ("missing_here", f"X{licence_id[1:]}")}
        twice = [one.found for one in reconciler(world).ledger.open() if one.found.kind == "missing_here"]
        assert {(one.cause, len(one.there)) for one in twice} == {("filed-elsewhere", 2), ("never-reported", 2)}
        assert settled(world, repository)[-1] == set()


@pytest.mark.parametrize(
    ("fault", "cause", "ending"),
    [(LOSES, "taken-and-not-kept", "told_anew"), (DOUBLES, "kept-twice", "told_anew"), (GARBLES, "kept-otherwise", "told_anew"),
     ("format", "returned-format", "told_anew")],
)  # fmt: skip
def test_a_difference_says_its_cause_and_its_end(tmp_path: Path, demo_keys: Path, fault: str, cause: str, ending: str) -> None:
    with reporting_world(tmp_path, demo_keys, rate=1.0, faults=(fault,)) as (world, repository):
        licence_id = issue(world, 1)
        report_all(world)
        later(world)
        run = reconciler(world).reconcile()
        (task,) = reconciler(world).ledger.page(every=True, limit=10)

        assert (task.found.kind, task.found.licence_id, task.found.cause) == (LEFT[fault], licence_id, cause)
        assert (task.state, task.ending, task.repairs) == ("ended", ending, 1)
        assert (run.found, run.ended, run.open, run.passes) == (1, 1, 0, 2)
        assert repository.wrongs() == set()


def test_what_comes_late_by_itself_is_said_to_have_come_late(tmp_path: Path, demo_keys: Path) -> None:
    with reporting_world(tmp_path, demo_keys, rate=1.0, faults=(LATE,)) as (world, repository):
        issue(world, 1)
        report_all(world)
        later(world)
        repository.unknown.add(world.service.catalogue.samples[DRIVER].issuer)  # what is told anew is returned
        reconciler(world).reconcile(passes=1)
        later(world)
        reconciler(world).reconcile(passes=1)
        (task,) = reconciler(world).ledger.page(every=True, limit=10)

        assert (task.state, task.ending) == ("ended", "came_late")


def test_what_was_told_anew_and_taken_without_an_answer_is_said_to_have_been_told_anew(tmp_path: Path, demo_keys: Path) -> None:
    with reporting_world(tmp_path, demo_keys) as (world, repository):
        issue(world, 1)
        report_all(world)
        repository.kept.clear()
        repository.faults, repository.rate = (SILENT_AFTER,), 1.0
        later(world)
        reconciler(world).reconcile()
        (task,) = reconciler(world).ledger.page(every=True, limit=10)

        assert reconciler(world).reporter.lines.counts()["waiting"] == 1
        assert (task.found.kind, task.state, task.ending) == ("missing_there", "ended", "told_anew")


def test_both_sides_alike_are_compared_by_two_sums_and_never_entry_by_entry(tmp_path: Path, demo_keys: Path) -> None:
    with reporting_world(tmp_path, demo_keys) as (world, repository):
        for number in range(3):
            issue(world, number)
        report_all(world)
        later(world)
        run = reconciler(world).reconcile()

        assert (run.entries, run.groups, run.days, run.found, run.open, run.passes) == (3, 1, 0, 0, 0, 1)
        assert repository.asked == [("CountCatalogue", {})]


def test_only_the_day_that_differs_is_looked_into(tmp_path: Path, demo_keys: Path) -> None:
    with reporting_world(tmp_path, demo_keys) as (world, repository):
        for number in range(3):
            issue(world, number)
            world.clock.now += timedelta(days=1)  # type: ignore[attr-defined]
        company = world.issue("road_transport_business_permit", "company-1")
        report_all(world)
        broken = next(copies for licence, copies in repository.kept.items() if licence != company["licence_id"])
        lost = broken.pop()
        later(world)
        reconciler(world).reconcile(passes=1)

        assert [asked for asked, _ in repository.asked] == ["CountCatalogue", "CountCatalogue", "ListCatalogue"]
        assert repository.asked[2][1]["RegisteredOn"] == lost["RegisteredOn"]
        assert open_in_ledger(world) == {("missing_there", lost["CertificateID"])}


def test_what_the_repository_alone_knows_waits_for_a_person(tmp_path: Path, demo_keys: Path) -> None:
    with reporting_world(tmp_path, demo_keys, rate=1.0, faults=(INVENTS,)) as (world, repository):
        licence_id = issue(world, 1)
        report_all(world)
        found = reconciler(world)
        later(world)
        run = found.reconcile()
        (task,) = found.ledger.open()
        kept = dict(repository.kept)
        done = found.withdraw(task.key, "an officer")
        later(world)
        found.reconcile()

        assert (run.open, task.found.kind, task.found.cause, task.repairs) == (1, "missing_here", "never-reported", 0)
        assert len(kept) == 2
        assert done.withdrawn_by == "an officer"
        assert list(repository.kept) == [licence_id]
        assert found.ledger.get(task.key).ending == "withdrawn"
        with pytest.raises(RequestRejected):
            found.withdraw(task.key, "an officer")


def test_a_repository_that_is_ahead_is_not_overwritten_by_itself(tmp_path: Path, demo_keys: Path) -> None:
    with reporting_world(tmp_path, demo_keys) as (world, repository):
        licence_id = issue(world, 1)
        report_all(world)
        later(world)
        (kept,) = repository.kept[licence_id]
        repository.kept[licence_id] = [{**kept, "Revision": kept["Revision"] + 5, "State": "revoked"}]
        found = reconciler(world)
        run = found.reconcile()
        (task,) = found.ledger.open()
        before = repository.kept[licence_id][0]["State"]
        later(world)
        assert found.reporter.lines.tell_anew(found.reporter.lines.newest(licence_id), world.clock())  # an officer looked into it
        found.reconcile()

        assert (run.open, task.found.kind, task.found.cause, before) == (1, "other_state", "ahead-of-this-register", "revoked")
        assert repository.kept[licence_id] == [kept]
        assert found.ledger.get(task.key).ending == "told_anew"


def test_what_is_returned_again_is_not_told_for_ever(tmp_path: Path, demo_keys: Path) -> None:
    with reporting_world(tmp_path, demo_keys) as (world, repository):
        repository.unknown.add(world.service.catalogue.samples[DRIVER].issuer)
        issue(world, 1)
        report_all(world)
        for _ in range(4):
            later(world)
            reconciler(world).reconcile()

        assert len(repository.got) == 2
        assert [one.found.cause for one in reconciler(world).ledger.open()] == ["returned-unknown-organisation"]


def test_a_reconciliation_is_due_each_day_and_each_hour_while_differences_are_left(tmp_path: Path, demo_keys: Path) -> None:
    with reporting_world(tmp_path, demo_keys, rate=1.0, faults=(INVENTS,)) as (world, _repository):
        found = reconciler(world)
        due = [found.due()]
        found.reconcile()
        due.append(found.due())
        world.clock.now += timedelta(days=1)  # type: ignore[attr-defined]
        due.append(found.due())
        issue(world, 1)
        report_all(world)
        later(world)
        found.reconcile()
        day = beijing_day(world.clock())
        due.append(found.due())
        world.clock.now += timedelta(hours=1)  # type: ignore[attr-defined]
        due.append(found.due())

        assert due == [True, False, True, False, True]
        assert beijing_day(world.clock()) == day


def test_a_repository_that_does_not_answer_leaves_the_ledger_as_it_was(tmp_path: Path, demo_keys: Path) -> None:
    with reporting_world(tmp_path, demo_keys) as (world, repository):
        issue(world, 1)
        report_all(world)
        repository.kept.clear()
        later(world)
        reconciler(world).reconcile(passes=1)
        before = open_in_ledger(world)
        later(world)
        repository.signature = lambda *_given: ""  # type: ignore[method-assign]
        with pytest.raises(Unavailable):
            reconciler(world).reconcile()

        assert open_in_ledger(world) == before
        assert reconciler(world).ledger.runs(1)[0].ended_at is None


def _without(answer: dict[str, Any], name: str) -> dict[str, Any]:
    return {given: value for given, value in answer.items() if given != name}


WRONG: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "no rows": lambda _row: {},
    "an id that is none": lambda row: {**row, "CertificateID": "../../etc/passwd"},
    "a number for an id": lambda row: {**row, "CertificateID": 7},
    "an endless id": lambda row: {**row, "CertificateID": "A" * 65},
    "no revision": lambda row: _without(row, "Revision"),
    "a negative revision": lambda row: {**row, "Revision": -1},
    "true for a revision": lambda row: {**row, "Revision": True},
    "half a digest": lambda row: {**row, "Digest": row["Digest"][:32]},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_an_answer_of_another_shape_is_no_answer_and_writes_nothing(tmp_path: Path, demo_keys: Path, wrong: str) -> None:
    with reporting_world(tmp_path, demo_keys) as (world, repository):
        issue(world, 1)
        issue(world, 2)
        report_all(world)
        repository.kept.popitem()
        listed = repository.listed
        repository.listed = lambda data: {"entries": [WRONG[wrong](row) for row in listed(data)["entries"]]}  # type: ignore[method-assign]
        later(world)
        with pytest.raises(Unavailable):
            reconciler(world).reconcile()

        assert reconciler(world).ledger.page(every=True, limit=10) == []


def test_a_list_without_an_end_is_no_answer(tmp_path: Path, demo_keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("licence_service.repository.there._MOST_PAGES", 3)
    with reporting_world(tmp_path, demo_keys) as (world, repository):
        issue(world, 1)
        report_all(world)
        (copy,) = repository.kept.popitem()[1]
        row = {"CertificateID": copy["CertificateID"], "Revision": copy["Revision"], "Digest": "0" * 64}
        repository.listed = lambda data: {"entries": [row] * data["limit"]}  # type: ignore[method-assign]
        later(world)
        with pytest.raises(Unavailable):
            reconciler(world).reconcile()


def test_two_reconciliations_do_not_run_side_by_side(tmp_path: Path, demo_keys: Path) -> None:
    with reporting_world(tmp_path, demo_keys) as (world, _repository):
        claims = reconciler(world).reporter.claims
        assert claims.take("reconcile", "another", world.clock(), world.clock() + timedelta(minutes=10))
        with pytest.raises(Unavailable):
            reconciler(world).reconcile()
        world.clock.now += timedelta(minutes=11)  # type: ignore[attr-defined]  # its lease is over: it was killed

        assert reconciler(world).reconcile().passes == 1


@pytest.mark.rule("AI-07")
def test_many_processes_report_each_message_once_and_in_order(tmp_path: Path, demo_keys: Path, database_url: str | None) -> None:
    with reporting_world(tmp_path, demo_keys, database_url) as (world, repository):
        licences = [issue(world, number) for number in range(4)]
        for number in range(4):
            for licence_id in licences:
                act(world, licence_id, number)
        found = reconciler(world).reporter
        for _ in range(3):
            done = at_once([found.work] * 4)
            assert all(isinstance(one, int) for one in done)

        told = [(said["data"]["entry"]["CertificateID"], said["data"]["entry"]["Revision"]) for said in repository.got]
        assert len(told) == len(set(told)) == 20
        assert all(
            [place for one, place in told if one == licence_id] == sorted(place for one, place in told if one == licence_id)
            for licence_id in licences
        )


@pytest.mark.rule("AI-07")
@pytest.mark.parametrize("after", [6, pytest.param(1, marks=pytest.mark.long)])
def test_a_reporter_that_is_killed_loses_and_doubles_nothing(terminal: Terminal, after: int) -> None:
    """`kill -9` in the middle of a message; another process goes on where it stood."""
    world, process = terminal.world, list[subprocess.Popen[bytes]]()
    repository = Repository(TOKEN, SECRET.encode())
    take = repository.report

    def report(*given: object, **named: object) -> str:
        code = take(*given, **named)  # type: ignore[arg-type]
        if process and len(repository.kept) >= after:
            os.kill(process.pop().pid, signal.SIGKILL)
        return code

    repository.report = report  # type: ignore[method-assign]
    licences = [issue(world, number) for number in range(10)]
    with listening(repository) as url:
        terminal.environment |= {
            "LICENCE_REPOSITORY_URL": url, "LICENCE_REPOSITORY_TOKEN": TOKEN, "LICENCE_REPOSITORY_SECRET": SECRET,
            "LICENCE_REPOSITORY_NETWORKS": "127.0.0.0/8",
        }  # fmt: skip
        command = [sys.executable, "-m", "licence_service", "repository", "report", "--json"]
        environment = {**os.environ, **terminal.environment, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL) as one:
            process.append(one)
            assert one.wait(120) == -signal.SIGKILL
        with world.service.database.write() as connection:  # the lease of the dead one is over
            connection.exec_driver_sql("UPDATE repository_claims SET claimed_until = 0")
        said = json.loads(subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, check=True, timeout=120).stdout)

    assert {name: said[name] for name in ("waiting", "reported", "returned", "behind")} == {"waiting": 0, "reported": 10, "returned": 0, "behind": 0}
    assert sorted(repository.kept) == sorted(licences)
    assert all(len(copies) == 1 for copies in repository.kept.values())
    assert len(repository.got) > len(licences)


def test_the_simulator_starts_by_a_command() -> None:
    command = [sys.executable, "-m", "simulators.repository", "--port", "0", "--seed", "3", "--faults", FAILS, "--rate", "1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as one:
        assert one.stdout
        assert one.stdout.readline().startswith("a repository listens at http://127.0.0.1:")
        one.terminate()
