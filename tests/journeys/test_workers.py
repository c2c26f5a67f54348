"""Bulk runs on many machines: real workers on PostgreSQL and an S3 server, killed in the middle; nothing lost, nothing doubled."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
from sqlalchemy import select, update

from licence_service import chunk_form
from licence_service.chunks import Row
from licence_service.cli.working import age
from licence_service.digests import sha256
from licence_service.errors import NotInRegister
from licence_service.run_lines import MOST_ROW
from licence_service.service import Service, told_of_steps, utc_now
from licence_service.store.runs import DONE, LEASE, WAITING, Run
from licence_service.store.tables_of_runs import run_chunks
from licence_service.store.tables_of_runs import runs as runs_table
from tests.api.test_cli import Terminal, terminal
from tests.journeys.test_chunks import rows, s3
from tests.parts.databases import empty_postgres
from tests.waiting import until
from tests.world import DRIVER, PASSPHRASE, PAYLOAD_KEY, ROOT, Clock, World, a_world, reading_once

__all__ = ["terminal"]
ENTRIES = "LOCK TABLE entries IN EXCLUSIVE MODE"
LAST_CHUNK = "SELECT * FROM run_chunks WHERE number = 11 FOR UPDATE"
BEAT = ("--heart", "0.2", "--silence", "1", "--look", "0.2", "--rest", "0.2")


@pytest.fixture
def shared(tmp_path: Path, demo_keys: Path, postgres_address: str, migrated_postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A register on PostgreSQL and an S3 server, and the environment that leads any machine to it."""
    monkeypatch.chdir(ROOT)
    reading_once(monkeypatch)
    url = empty_postgres(postgres_address, migrated_postgres)
    secret = tmp_path / "passphrase"
    secret.write_text(PASSPHRASE)
    secret.chmod(0o600)
    with s3() as bucket, a_world(tmp_path, demo_keys, url, now=utc_now(), **bucket.settings) as world:
        environment = {
            "LICENCE_DATABASE_URL": url, "LICENCE_KEYS": str(demo_keys), "LICENCE_SEAL_PASSPHRASE_FILE": str(secret),
            "LICENCE_PAYLOAD_KEY": PAYLOAD_KEY, "LICENCE_ALLOW_DEMO_KEYS": "1", "LICENCE_PUBLIC_URL": "https://licence.example.cn",
            "LICENCE_ARCHIVE_URL": bucket.settings["archive_url"], "LICENCE_ARCHIVE_ENDPOINT": bucket.settings["archive_endpoint"],
            "LICENCE_ARCHIVE_REGION": "us-east-1", "LICENCE_ARCHIVE_ACCESS_KEY_ID": "tests", "LICENCE_ARCHIVE_SECRET_ACCESS_KEY": "tests",
            "COLUMNS": "200",
        }  # fmt: skip
        world.service.chunks.packer.packing(utc_now())  # each process would make a dictionary of its own
        yield Terminal(world, tmp_path, environment)


@contextmanager
def begun(terminal: Terminal, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """Start a command in a process of its own, which does not outlive the test."""
    with subprocess.Popen(
        [sys.executable, "-m", "licence_service", *words], env=os.environ | terminal.environment, stderr=subprocess.PIPE, text=True
    ) as one:
        try:
            yield one
        finally:
            one.kill()


@contextmanager
def locked(service: Service, statement: str) -> Iterator[None]:
    """Hold a lock of the database: whoever needs it waits, and is met at work however late the one is who looks for him."""
    with service.database.engine.connect() as connection:
        connection.exec_driver_sql(statement)
        yield
        connection.rollback()


def written(terminal: Terminal, count: int) -> tuple[Path, Path, list[str]]:
    """Write rows; return them, the results to be, and the command."""
    source, results = terminal.folder / "rows.ndjson", terminal.folder / "results.ndjson"
    lines = [json.dumps({"key": key, "request": body}, ensure_ascii=False) for key, body in rows(terminal.world, count=count)]
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return (
        source,
        results,
        ["issue-many", str(source), "--client", terminal.client(DRIVER), "--results", str(results), "--chunk", "5", "--on-workers"],
    )


def complete(service: Service, results: Path, count: int) -> list[dict[str, Any]]:
    """Check that each row has its own licence, in the book once, and that nothing is left of the run."""
    told = [json.loads(line) for line in results.read_text("utf-8").splitlines()]
    assert [one["line"] for one in told] == list(range(1, count + 1))
    assert [one["key"] for one in told] == [f"row-{place:05d}" for place in range(count)]
    assert sorted(service.book.all_ids()) == sorted({one["licence_id"] for one in told})
    assert len({one["delivery_code"] for one in told}) == count
    assert not list(service.auditor.audit(documents=True))
    assert not list(service.seal_log.breaks())
    assert {(run.state, run.vault) for run in service.runs.kept.all()} == {("collected", None)}
    return told


def holders(service: Service) -> dict[int, str]:
    """Return who holds which chunk now."""
    with service.database.read() as connection:
        asked = select(run_chunks.c.number, run_chunks.c.holder).where(run_chunks.c.state == "under way")
        return {row.number: row.holder for row in connection.execute(asked)}


def test_workers_and_command_may_be_killed_in_the_middle_and_nothing_is_lost_or_doubled(shared: Terminal) -> None:
    _, results, command = written(shared, 60)
    service = shared.world.service
    shared.run("worker", "--prepare")
    with begun(shared, *command) as calling, ExitStack() as last, begun(shared, "worker", *BEAT) as second:
        with locked(service, ENTRIES):
            until(lambda: set(holders(service)) == {0})  # whose results are written first
            with begun(shared, "worker", *BEAT) as first:
                until(lambda: set(holders(service)) == {0, 1})  # both carry a chunk at once
                psutil.Process(first.pid).kill()
            until(lambda: service.runs.kept.chunk(service.runs.kept.all()[0], 11))
            last.enter_context(locked(service, LAST_CHUNK))  # nobody begins it before the command is killed
        until(lambda: results.exists() and results.stat().st_size)
        calling.kill()
        assert calling.wait() == -9
        last.close()
        shared.run(*command)  # the same rows and keys: it goes on with the same run
        second.terminate()
        assert second.wait(30) == 0, second.stderr and second.stderr.read()
    complete(service, results, 60)
    shared.run(*command)  # all of it is there: no worker is wanted any more
    assert len(service.runs.kept.all()) == 1


def test_a_chunk_that_a_dead_worker_held_is_done_by_another(shared: Terminal) -> None:
    """The other is started later, and finds what lies there by itself."""
    _, results, command = written(shared, 5)
    service = shared.world.service
    shared.run("worker", "--prepare")
    with begun(shared, *command) as calling:
        until(service.runs.kept.all)
        with locked(service, ENTRIES), begun(shared, "worker", *BEAT) as dying:
            until(lambda: holders(service))
            psutil.Process(dying.pid).kill()
        with begun(shared, "worker", *BEAT):
            assert calling.wait(90) == 0, calling.stderr and calling.stderr.read()
    complete(service, results, 5)
    with service.database.read() as connection:
        assert connection.execute(select(run_chunks.c.attempts)).scalars().all() == [2]


# -- one process, so that it can be looked into ------------------------------------------------------


def opened(world: World, count: int = 0, *, on_workers: bool = True, given: list[Row] | None = None) -> Run:
    """Open a run of so many rows, or of these, in one chunk."""
    lines = [json.dumps({"key": key, "request": body}, ensure_ascii=False).encode() for key, body in given or rows(world, count=count)]
    digest = sha256(b"".join(line + b"\n" for line in lines))
    run = world.service.runs.opened(world.client(DRIVER).name, digest, 0, len(lines), len(lines), on_workers=on_workers)
    world.service.runs.add(run, 0, 1, lines)
    return run


def test_a_worker_takes_what_waits_and_an_operator_sees_how_far_a_run_is(shared: Terminal) -> None:
    run = opened(shared.world, 3)
    with shared.world.service.database.write() as connection:
        connection.execute(update(runs_table).values(made_at=utc_now() - timedelta(days=9)))
    (listed,) = shared.json("runs", "list")
    assert listed["age"] == shared.json("runs", "show", run.run_id)["age"] == "9 d"
    assert (listed["run"], listed["rows"], listed["done"], listed["state"], listed["where"]) == (run.run_id, 3, 0, "open", "workers")
    assert shared.json("runs", "show", run.run_id)["chunks"] == {WAITING: 1}
    assert shared.run("runs", "results", run.run_id).stdout == ""
    shared.run("worker", "--once", *BEAT)
    assert shared.json("runs", "show", run.run_id)["chunks"] == {DONE: 1}
    told = [json.loads(line) for line in shared.run("runs", "results", run.run_id).stdout.splitlines()]
    assert [one["licence_id"] for one in told] == list(shared.world.service.book.all_ids())
    shared.run("runs", "forget", run.run_id)
    assert shared.json("runs", "list")[0]["state"] == "collected"
    assert shared.run("runs", "results", run.run_id, wanted=1)
    shared.run("runs", "show", "no-such-run", wanted=1)


def test_what_a_worker_cannot_do_now_stands_in_the_register(shared: Terminal) -> None:
    run = opened(shared.world, 2)
    service = shared.world.service
    seal = service.keyring.departments[shared.world.client(DRIVER).department].seal.seal_id
    service.seal_log.order(seal, stopped=True, at=shared.world.clock(), by="an officer", reason="a test")
    shared.run("worker", "--once", *BEAT)
    assert [one["reason"] for one in shared.json("runs", "show", run.run_id)["trouble"]] == ["seal-stopped"]
    service.seal_log.order(seal, stopped=False, at=shared.world.clock(), by="an officer", reason="a test")

    def rested() -> list[tuple[str, int]]:
        cast("Clock", shared.world.clock).now = utc_now()
        return service.runs.kept.due()

    until(rested)
    shared.run("worker", "--once", *BEAT)
    assert shared.json("runs", "show", run.run_id)["chunks"] == {DONE: 1}


def test_workers_share_postgresql_and_nothing_else(terminal: Terminal, tmp_path: Path) -> None:
    source = tmp_path / "rows.ndjson"
    source.write_text("{}\n")
    terminal.run("worker", wanted=2)
    called = ["issue-many", str(source), "--client", terminal.client(DRIVER), "--results", str(tmp_path / "results"), "--on-workers"]
    terminal.run(*called, wanted=2)
    terminal.run(*called, "--workers", "2", wanted=1)
    for words in (["--heart", "2", "--silence", "3"], ["--role", "somebody"]):
        terminal.run("worker", *words, wanted=2)


def test_nothing_that_a_row_or_a_result_says_can_be_read_where_it_lies(world: World, tmp_path: Path) -> None:
    run = opened(world, 2, on_workers=False)
    runs = world.service.runs

    (rows_,) = (tmp_path / "archive" / "runs" / run.run_id).iterdir()
    assert b"row-00000" not in rows_.read_bytes()
    assert chunk_form.ROWS.encode() not in rows_.read_bytes()
    assert runs.carry(run.run_id, 0, "command:1")
    assert not rows_.exists()
    (results,) = (tmp_path / "archive" / "runs" / run.run_id).iterdir()
    first, lines = runs.results(run, 0)
    assert first == 1
    for code in ("delivery_code", "check_code"):
        secret = json.loads(lines[0])[code].encode()
        assert secret not in results.read_bytes()
        assert not any(secret in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    copy = results.read_bytes()
    runs.collect(run)
    assert not results.exists()
    results.write_bytes(copy)  # from a backup: the secret is gone
    with pytest.raises(NotInRegister):
        runs.results(runs.kept.get(run.run_id), 0)


def test_a_chunk_is_carried_by_one_and_once_and_not_while_its_client_is_shut_out(world: World) -> None:
    run = opened(world, 3, on_workers=False)
    runs, client, now = world.service.runs, world.client(DRIVER).name, world.clock()
    world.service.clients.switch(client, now, off=True)
    with pytest.raises(NotInRegister):
        runs.carry(run.run_id, 0, "command:1")
    assert not list(world.service.book.all_ids())
    world.service.clients.switch(client, now, off=False)
    runs.kept.begin(run, on_workers=False)  # somebody calls for it again
    assert runs.carry(run.run_id, 0, "command:1")
    assert not runs.carry(run.run_id, 0, "command:2")
    assert not runs.carry("no such run", 0, "command:2")
    assert len(list(world.service.book.all_ids())) == 3


@pytest.mark.parametrize("alone", [False, True])
def test_a_chunk_that_takes_hours_is_not_begun_by_another_while_it_goes_on(world: World, alone: bool) -> None:
    """Neither where its rows go together nor where each goes by itself, as behind a seal elsewhere."""
    given = rows(world, count=2)
    if alone:  # widths that no prefix declares: the press hands the page over
        given = [(key, {**body, "face": {**body["face"], "person_name": "Ωmega Ж"}}) for key, body in given]
    run, steps, clock = opened(world, given=given), list[str](), cast("Clock", world.clock)

    def slow(step: str) -> None:
        assert not world.service.runs.carry(run.run_id, 0, "job:2"), step
        steps.append(step)
        clock.now += LEASE - timedelta(minutes=1)

    assert told_of_steps(world.service, slow).runs.carry(run.run_id, 0, "job:1")
    assert steps.count("append") == (2 if alone else 1)
    assert len(list(world.service.book.all_ids())) == 2
    with world.service.database.read() as connection:
        assert connection.execute(select(run_chunks.c.attempts)).scalars().all() == [1]


def test_a_chunk_whose_rows_are_damaged_gives_nothing(world: World, tmp_path: Path) -> None:
    run = opened(world, 2, on_workers=False)
    (path,) = (tmp_path / "archive" / "runs" / run.run_id).iterdir()
    whole = path.read_bytes()
    for spoilt in (b"", whole[:-1], whole[:40] + bytes([whole[40] ^ 1]) + whole[41:]):
        path.write_bytes(spoilt)
        with pytest.raises(Exception, match=r"opened|there"):
            world.service.runs.carry(run.run_id, 0, "command:1")
    assert not list(world.service.book.all_ids())
    path.write_bytes(whole)
    assert world.service.runs.carry(run.run_id, 0, "command:1")


def test_a_row_is_as_long_as_a_request_and_its_key() -> None:
    assert MOST_ROW > 2_000_000 + 200


@pytest.mark.parametrize(
    ("minutes", "said"), [(-1, "0 min"), (0, "0 min"), (59.9, "59 min"), (60, "1 h"), (47 * 60, "47 h"), (48 * 60, "2 d"), (90 * 1440, "90 d")]
)
def test_an_age_is_said_in_the_unit_that_suits_it(minutes: float, said: str) -> None:
    assert age(timedelta(minutes=minutes)) == said


@pytest.mark.long
def test_a_worker_that_has_met_all_types_holds_less_than_400_mb() -> None:
    """The floor of `bulk_memory_mb`, for as many rows as the bench takes."""
    code = "from bench.chunks import OF_ALL, most_of_a_worker; print(most_of_a_worker(OF_ALL))"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert float(said.splitlines()[-1]) < 400, said
