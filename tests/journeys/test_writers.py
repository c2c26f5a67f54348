"""Eight writers at once on shared licences, killed in the middle, and the database server killed under them: nothing lost, nothing twice."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from licence_service.acts import Mark, case_of, judge
from licence_service.licence import Act, LicenceState, beijing_day
from licence_service.store.payload import Vault
from licence_service.store.record import Record
from licence_service.store.rereading import Rereading, columns_of, snapshot
from tests.journeys.ageing import citizen_id
from tests.journeys.own_server import Server, own_server  # noqa: F401 - a fixture, known as `server`
from tests.journeys.writing import Job, Line, wanted, written
from tests.parts.databases import empty_postgres
from tests.world import DRIVER, NOW, PAYLOAD_KEY, ROOT, World, a_world

WRITERS = 8
SECONDS = 1500  # more than any run needs: a writer that hangs is a failure, not a stuck suite


@dataclass
class Crowd:
    """Writers over the licences of one register."""

    world: World
    jobs: list[Job]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, jobs: Sequence[Job]) -> None:
        """Start writers, all of one call under one parent."""
        for job in jobs:
            job.pid.unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.journeys.writing", *(str(job.path) for job in jobs)]
        self.running.append(subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, start_new_session=True))

    def lines(self) -> list[Line]:
        """Return what all writers wrote down so far."""
        return [line for job in self.jobs for line in written(job.lines)]

    def kill(self, job: Job) -> None:
        """`kill -9` of a writer that is at work."""
        os.kill(int(job.pid.read_text("utf-8")), signal.SIGKILL)
        assert len(written(job.lines)) < job.acts

    def wait(self, until: Callable[[], bool]) -> None:
        """Wait until something is so."""
        ends = time.monotonic() + SECONDS
        while not until():
            assert time.monotonic() < ends
            assert any(one.poll() is None for one in self.running), self.said()
            time.sleep(0.005)

    def may_end(self) -> None:
        """Let the writers begin their last acts."""
        self.jobs[0].may_end.touch()

    def finish(self) -> None:
        """Wait for all writers; each must have ended well."""
        self.may_end()
        for one in self.running:
            _, said = one.communicate(timeout=SECONDS)
            assert one.returncode == 0, said.decode()

    def said(self) -> str:
        """Return what ended writers complained of."""
        return "\n".join(one.stderr.read().decode() for one in self.running if one.stderr and one.poll() is not None)

    def end(self) -> None:
        """Leave nobody behind."""
        for one in self.running:
            if one.poll() is None:
                os.killpg(one.pid, signal.SIGKILL)
                one.wait()
            if one.stderr:
                one.stderr.close()


@contextmanager
def a_crowd(folder: Path, keys: Path, url: str | None, *, acts: int, licences: int, pace: float = 1.0) -> Iterator[Crowd]:
    """Issue the licences and prepare the writers; the first of them revokes one licence in the middle of its work."""
    with a_world(folder, keys, url) as world:
        ids = tuple(_issued(world, number) for number in range(licences))
        caller = world.client(DRIVER)
        began = time.time()
        told = (caller.department, caller.name, str(folder), str(keys), url or f"sqlite:///{folder}/licence.db", began, pace)
        jobs = [Job(number, acts, ids, *told, revokes=acts // 2 if number == 0 else -1) for number in range(WRITERS)]
        crowd = Crowd(world, jobs)
        for job in jobs:
            job.kept()
        try:
            yield crowd
        finally:
            crowd.end()


def _issued(world: World, number: int) -> str:
    own = citizen_id(date(1985, 6, 12), 2 * number + 101)
    face = {"citizen_id": own, "license_no": own}
    return str(world.issue(DRIVER, f"issue-{number:06}", case_no=f"CASE-{number}", face=face)["licence_id"])


# -- what must be so in the end ---------------------------------------------------------------------------


def nothing_is_lost_or_doubled(crowd: Crowd) -> None:
    """Hold what the writers wrote down against the book, both ways."""
    lines = crowd.lines()
    assert Counter(line.key for line in lines) == Counter(key for job in crowd.jobs for key, _, _ in wanted(job))
    book = {record.licence_id: record for record in crowd.world.service.book.records(crowd.jobs[0].licences)}
    entered = {(line.licence_id, line.sequence): line for line in lines if line.sequence}
    refused = [line for line in lines if not line.sequence]
    assert len(entered) + len(refused) == len(lines)
    assert {line.refused for line in refused} == {"transition-refused"}
    acts = {(one, entry.sequence): entry for one, record in book.items() for entry in record.entries if entry.act is not Act.ISSUE}
    assert acts.keys() == entered.keys()
    for at, line in entered.items():
        assert (acts[at].decision.number, acts[at].act.value) == (line.key, line.act)
        assert line.act != "endorse" or [one.external_ref for one in acts[at].endorsements] == [line.key]
    for record in book.values():
        each_stands_rightly_on_the_one_before(record)


def each_stands_rightly_on_the_one_before(record: Record) -> None:
    """No gap, no break in the chain, and every act was one that the table allowed on exactly the entries before it."""
    entries = record.entries
    assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
    digests = [entry.digest.sha256 for entry in entries if entry.digest]
    assert [entry.previous for entry in entries] == ["", *digests[:-1]]
    for number, entry in enumerate(entries[1:], 1):
        before = Record(record.licence_id, record.type, record.department, entries[:number])
        assert (judge(before.on, case_of(entry)) is Mark.RECORDED) == entry.recorded_only
        assert all(one.previous in digests[:number] for one in entry.endorsements)


def the_book_is_whole(crowd: Crowd) -> None:
    """Places without a gap, times that rise with them, rows that are what the entries add up to, nothing for the auditor, nothing left over."""
    service = crowd.world.service
    with snapshot(service.database) as connection:
        again = Rereading(connection, Vault(bytes.fromhex(PAYLOAD_KEY)))
        lines = list(again.lines())
        rows = {one.row["licence_id"]: one.row for one in again.licences()}
    assert [line.place for line in lines] == list(range(1, len(lines) + 1))
    assert all(one.recorded_at < two.recorded_at for one, two in pairwise(lines))
    day = beijing_day(NOW)
    for record in service.book.records(crowd.jobs[0].licences):
        expected = columns_of(list(record.entries), day, record.department)
        assert {name: rows[record.licence_id][name] for name in expected} == expected
        assert expected["head"] == len(record.entries)
    assert list(service.auditor.audit()) == []
    assert service.reservations.unfinished(NOW + timedelta(days=1)) == []


# -- writers, and writers killed --------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str | None:
    """The address of an empty register; none means a file of the world's own."""
    if request.param == "sqlite":
        return None
    return empty_postgres(request.getfixturevalue("postgres_address"), request.getfixturevalue("migrated_postgres"))


def eight_at_once(crowd: Crowd) -> None:
    """Let all writers run to their end."""
    crowd.start(crowd.jobs)
    crowd.finish()
    nothing_is_lost_or_doubled(crowd)
    the_book_is_whole(crowd)
    revoked = crowd.world.service.book.records([line.licence_id for line in crowd.lines() if line.act == "revoke"])
    assert [record.at(beijing_day(NOW)).state for record in revoked] == [LicenceState.REVOKED]


def eight_with_some_killed(crowd: Crowd, *, each: int) -> None:
    """Kill three writers, each in the middle of its work and of whatever it is doing just then, and start them again."""
    crowd.start(crowd.jobs)
    alive = list(crowd.jobs[1:4])

    def killed() -> bool:
        for job in [job for job in alive if len(written(job.lines)) >= each]:
            alive.remove(job)
            crowd.kill(job)
        return not alive

    crowd.wait(killed)
    crowd.start(crowd.jobs[1:4])
    crowd.finish()
    nothing_is_lost_or_doubled(crowd)
    the_book_is_whole(crowd)


@pytest.mark.long  # the next test does the same and kills some of them
@pytest.mark.rule("LC-01", "LC-09")
def test_of_eight_writers_at_once_no_act_is_lost_and_none_is_entered_twice(tmp_path: Path, demo_keys: Path, url: str | None) -> None:
    with a_crowd(tmp_path, demo_keys, url, acts=15, licences=6) as crowd:
        eight_at_once(crowd)


@pytest.mark.rule("LC-01", "LC-09")
def test_writers_killed_in_the_middle_go_on_by_their_keys(tmp_path: Path, demo_keys: Path, url: str | None) -> None:
    with a_crowd(tmp_path, demo_keys, url, acts=10, licences=5, pace=20) as crowd:
        eight_with_some_killed(crowd, each=3)


@pytest.mark.long
@pytest.mark.timeout(SECONDS * 2)
def test_of_eight_writers_of_a_thousand_acts_none_is_lost_or_doubled(tmp_path: Path, demo_keys: Path, url: str | None) -> None:
    with a_crowd(tmp_path, demo_keys, url, acts=1000, licences=100) as crowd:
        eight_at_once(crowd)


@pytest.mark.long
@pytest.mark.timeout(SECONDS * 2)
def test_of_eight_writers_of_a_thousand_acts_some_killed_none_is_lost_or_doubled(tmp_path: Path, demo_keys: Path, url: str | None) -> None:
    with a_crowd(tmp_path, demo_keys, url, acts=1000, licences=100) as crowd:
        eight_with_some_killed(crowd, each=300)


# -- the server killed -----------------------------------------------------------------------------------


def eight_with_the_server_killed(crowd: Crowd, server: Server, *, after: Sequence[int]) -> None:
    """Kill the server after so many acts, as often as there are numbers; the writers are told to wait, and go on."""
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        with crowd.world.service.database.read() as connection:
            assert connection.exec_driver_sql(f"SHOW {setting}").scalar_one() == "on"
    crowd.start(crowd.jobs)
    for enough in after:
        crowd.wait(lambda enough=enough: len(crowd.lines()) >= enough)  # type: ignore[misc]
        told = crowd.jobs[0].told
        told.unlink(missing_ok=True)
        server.kill()
        known = set(crowd.lines())
        if enough == after[-1]:
            crowd.may_end()
        crowd.wait(told.exists)  # nobody answers until somebody has noticed
        server.start()
        in_the_book = {
            (record.licence_id, entry.sequence, entry.decision.number)
            for record in crowd.world.service.book.records(crowd.jobs[0].licences)
            for entry in record.entries
        }
        assert {(line.licence_id, line.sequence, line.key) for line in known if line.sequence} <= in_the_book
    crowd.finish()
    assert sum(line.told_to_wait for line in crowd.lines()) > 0
    nothing_is_lost_or_doubled(crowd)
    the_book_is_whole(crowd)


@pytest.mark.rule("LC-01", "LC-09")
def test_acts_that_were_answered_outlive_the_kill_of_the_database_server(tmp_path: Path, demo_keys: Path, server: Server) -> None:
    with a_crowd(tmp_path, demo_keys, server.address, acts=8, licences=4, pace=20) as crowd:
        eight_with_the_server_killed(crowd, server, after=[20])


@pytest.mark.long
@pytest.mark.timeout(SECONDS * 2)
def test_of_eight_thousand_acts_none_is_lost_or_doubled_when_the_server_is_killed(tmp_path: Path, demo_keys: Path, server: Server) -> None:
    with a_crowd(tmp_path, demo_keys, server.address, acts=1000, licences=100) as crowd:
        eight_with_the_server_killed(crowd, server, after=[1000, 3000, 6000])
