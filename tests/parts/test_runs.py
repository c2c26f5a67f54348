"""Bulk runs as they are kept: one carrier a chunk, whoever dies; nothing readable by itself; nothing left of a run that was collected."""

import json
import random
import tracemalloc
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import obstore
import psycopg
import pytest
from obstore.store import S3Store
from sqlalchemy import create_engine, make_url, select, text

from licence_service import chunk_form
from licence_service.archive import Passing, open_passing
from licence_service.chunk_form import NotTheForm
from licence_service.digests import sha256
from licence_service.errors import EntryConflict, Misconfigured, NotInRegister, Unavailable
from licence_service.run_lines import read_row
from licence_service.store.database import Database
from licence_service.store.payload import Vault
from licence_service.store.runs import DONE, LEASE, MOST_ATTEMPTS, RENEWED, STOPPED, UNDER_WAY, WAITING, KeptRuns, Run
from licence_service.store.tables_of_runs import run_chunks, runs
from licence_service.worker import SCHEMA, Queue
from tests.parts.databases import Clock, at_once, empty_postgres

FILE = "a" * 64
REST = timedelta(seconds=30)


@pytest.fixture
def kept(database: Database, vault: Vault, clock: Clock) -> KeptRuns:
    return KeptRuns(database, vault, clock)


@pytest.fixture
def run(kept: KeptRuns) -> Run:
    """A run of ten rows, four a chunk, two chunks of which are written down; workers look after it."""
    made = kept.open("somebody", kept.digest("file", FILE), 0, 10, 4)
    kept.begin(made, on_workers=True)
    for number in (0, 1):
        kept.add(made, number, 1 + 4 * number, 4, f"{made.run_id}/{number}", "d" * 64)
    return kept.get(made.run_id)


def test_a_chunk_has_one_holder_however_many_ask_at_once(kept: KeptRuns, run: Run) -> None:
    claimed = at_once([lambda name=f"job:{number}": kept.claim(run.run_id, 0, name) for number in range(8)])  # type: ignore[misc]
    assert [one for one in claimed if isinstance(one, Exception)] == []
    (mine,) = [one for one in claimed if one]
    found = kept.chunk(run, 0)
    assert found
    assert (found.state, found.holder) == (UNDER_WAY, mine.holder)  # type: ignore[union-attr]
    assert kept.due() == [(run.run_id, 1)]


def test_what_a_dead_holder_had_is_free_again_at_once_and_at_last_by_its_lease(kept: KeptRuns, run: Run, clock: Clock) -> None:
    assert kept.claim(run.run_id, 0, "job:1")
    kept.bereave("job:2")
    assert kept.claim(run.run_id, 0, "job:3") is None
    kept.bereave("job:1")
    assert kept.claim(run.run_id, 0, "job:3")
    clock.now += LEASE - timedelta(seconds=1)
    assert kept.claim(run.run_id, 0, "job:4") is None
    clock.now += timedelta(seconds=1)
    assert kept.claim(run.run_id, 0, "job:4")


def until(database: Database, number: int) -> datetime | None:
    """Return when a chunk's lease ends."""
    with database.read() as connection:
        found: datetime | None = connection.execute(select(run_chunks.c.not_before).where(run_chunks.c.number == number)).scalar_one()
        return found


def test_a_chunk_longer_than_its_lease_stays_its_holders_as_long_as_he_goes_on(kept: KeptRuns, run: Run, clock: Clock) -> None:
    mine = kept.claim(run.run_id, 0, "job:1")
    assert mine
    keep = kept.keeper(mine)
    for _ in range(5):
        clock.now += LEASE - timedelta(seconds=1)
        keep()
        assert kept.claim(run.run_id, 0, "job:2") is None
        assert kept.due() == [(run.run_id, 1)]
    clock.now += LEASE
    assert kept.claim(run.run_id, 0, "job:2")


def test_a_lease_is_written_once_a_minute_and_by_its_holder_alone(kept: KeptRuns, run: Run, database: Database, clock: Clock) -> None:
    mine = kept.claim(run.run_id, 0, "job:1")
    assert mine
    keep, began = kept.keeper(mine), clock.now
    clock.now += RENEWED - timedelta(seconds=1)
    keep()
    assert until(database, 0) == began + LEASE
    clock.now += timedelta(seconds=1)
    keep()
    assert until(database, 0) == began + RENEWED + LEASE
    clock.now += LEASE
    assert kept.claim(run.run_id, 0, "job:2")
    taken = until(database, 0)
    clock.now += RENEWED
    keep()  # it goes on, but the chunk is another's
    assert until(database, 0) == taken
    assert until(database, 1) is None
    kept.bereave("job:2")
    keep()
    clock.now += RENEWED
    keep()
    assert until(database, 0) is None


def test_of_two_who_carried_a_chunk_the_first_ones_results_stay(kept: KeptRuns, run: Run, clock: Clock) -> None:
    slow = kept.claim(run.run_id, 0, "job:1")
    clock.now += LEASE
    quick = kept.claim(run.run_id, 0, "job:2")
    assert slow
    assert quick
    assert kept.done(quick, "the quick one's", "1" * 64, 1)
    assert not kept.done(slow, "the slow one's", "2" * 64, 0)
    kept.let_go(slow, "unforeseen", REST)
    kept.stop(slow, "refused")
    assert kept.results(run, 0) == ("the quick one's", "1" * 64)
    assert kept.chunk(run, 0) == replace(quick, state=DONE, refused=1, rows_object=None)
    assert kept.claim(run.run_id, 0, "job:3") is None
    assert kept.standing(run).done == 4
    assert kept.standing(run).refused == 1


def test_after_trouble_a_chunk_rests_and_says_why(kept: KeptRuns, run: Run, clock: Clock) -> None:
    mine = kept.claim(run.run_id, 0, "job:1")
    assert mine
    kept.let_go(mine, "archive-unavailable", REST)
    assert [one.reason for one in kept.troubled(run)] == ["archive-unavailable"]
    assert kept.claim(run.run_id, 0, "job:2") is None
    assert (run.run_id, 0) not in kept.due()
    clock.now += REST
    assert (run.run_id, 0) in kept.due()
    assert kept.claim(run.run_id, 0, "job:2")
    assert kept.troubled(run) == []


def test_what_cannot_be_had_for_a_while_wears_nothing_out_but_what_kills_its_carrier_does(kept: KeptRuns, run: Run) -> None:
    for _ in range(3 * MOST_ATTEMPTS):
        mine = kept.claim(run.run_id, 0, "job:1")
        assert mine
        kept.let_go(mine, "archive-unavailable", timedelta())
    for _ in range(MOST_ATTEMPTS):
        assert kept.claim(run.run_id, 1, "job:1")
        kept.bereave("job:1")
    assert kept.claim(run.run_id, 1, "job:1") is None
    stopped = kept.chunk(run, 1)
    assert stopped
    assert (stopped.state, stopped.reason) == (STOPPED, "attempts")
    kept.begin(run, on_workers=True)
    assert kept.claim(run.run_id, 1, "job:1")


def test_who_calls_again_takes_over_what_a_command_held_and_leaves_workers_theirs(kept: KeptRuns, run: Run) -> None:
    assert kept.claim(run.run_id, 0, "command:1")
    assert kept.claim(run.run_id, 1, "job:1")
    kept.begin(run, on_workers=False)
    assert kept.claim(run.run_id, 0, "command:2")
    assert kept.claim(run.run_id, 1, "command:2") is None
    assert kept.due() == []  # workers look after the run no longer


def test_the_same_rows_of_the_same_client_are_the_same_run_as_long_as_it_is_open(kept: KeptRuns, run: Run) -> None:
    digest = kept.digest("file", FILE)
    assert kept.found("somebody", digest, 0) == run
    assert kept.found("somebody", digest, 9) == run
    assert kept.found("another", digest, 0) is None
    assert kept.found("somebody", kept.digest("file", "b" * 64), 0) is None
    later = kept.open("somebody", digest, 6, 10, 4)
    assert kept.found("somebody", digest, 0) == run  # one that begins behind row 6 has not the rows before
    assert kept.found("somebody", digest, 6) == later
    kept.collect(run)
    assert kept.found("somebody", digest, 0) is None
    assert [one.run_id for one in kept.all()] == [later.run_id, run.run_id]


def test_a_chunk_is_added_once_and_the_next_row_is_known(kept: KeptRuns, run: Run) -> None:
    with pytest.raises(EntryConflict):
        kept.add(run, 1, 5, 4, "another", "d" * 64)
    assert kept.standing(run).next_row == 9
    assert kept.standing(run).chunks == {WAITING: 2}
    assert [kept.behind(run, row) for row in (0, 3, 4, 7, 8)] == [0, 0, 1, 1, 2]


def test_nothing_is_kept_of_a_run_that_was_collected(kept: KeptRuns, run: Run, database: Database) -> None:
    mine, late = kept.claim(run.run_id, 0, "job:1"), kept.claim(run.run_id, 1, "job:2")
    assert mine
    assert late
    assert kept.done(mine, "results", "1" * 64, 0)
    kept.collect(run)
    assert not kept.done(late, "results", "1" * 64, 0)
    assert kept.results(run, 0) is None
    assert kept.claim(run.run_id, 1, "job:3") is None
    assert kept.get(run.run_id).vault is None
    with database.read() as connection:
        assert connection.execute(select(runs.c.secret)).scalars().all() == [None]
        assert connection.execute(select(run_chunks.c.results_object, run_chunks.c.rows_object)).all() == [(None, None)] * 2


def test_a_runs_secret_is_its_own_and_lies_encrypted(kept: KeptRuns, run: Run, vault: Vault, database: Database) -> None:
    assert run.vault
    sealed = run.vault.close_up(b"a row", "name")
    with pytest.raises(Unavailable):
        vault.open(sealed, "name")
    with pytest.raises(Unavailable):
        kept.open("somebody", "e" * 64, 0, 1, 1).vault.open(sealed, "name")  # type: ignore[union-attr]
    with pytest.raises(Unavailable):
        KeptRuns(database, Vault(b"w" * 32), Clock()).get(run.run_id)
    with pytest.raises(NotInRegister):
        kept.get("no such run")


# -- what lies in the archive -----------------------------------------------------------------------


@pytest.fixture(params=["folder", "s3"])
def passing(request: pytest.FixtureRequest) -> Passing:
    """Passing objects in a folder and on a real S3 server."""
    if request.param == "folder":
        return open_passing(f"file:{request.getfixturevalue('tmp_path')}/archive")
    return open_passing(f"s3://{request.getfixturevalue('bucket')}/documents", options=request.getfixturevalue("s3_options"))


def test_passing_objects_are_kept_under_names_of_their_own_until_they_are_dropped(passing: Passing) -> None:
    first, second, other = passing.keep("one", b"1"), passing.keep("one", b"1"), passing.keep("other", b"3")
    assert len({first, second, other}) == 3
    assert [passing.get(name) for name in (first, second, other)] == [b"1", b"1", b"3"]
    passing.drop(first)
    passing.drop(first)
    assert passing.get(first) is None
    passing.drop_all("one")
    passing.drop_all("never")
    assert [passing.get(name) for name in (second, other)] == [None, b"3"]


def test_they_lie_apart_from_the_documents(s3_options: dict[str, str], bucket: str, s3_store: S3Store) -> None:
    made = open_passing(f"s3://{bucket}/documents", options=s3_options)
    name = made.keep("group", b"x")
    assert bytes(obstore.get(s3_store, f"runs/{name}").bytes()) == b"x"


# -- written forms ----------------------------------------------------------------------------------


def test_lines_come_back_as_they_were() -> None:
    lines = [b'{"key": "k"}', "证照".encode(), b"", b"\r", b"no json"]
    packed, digest = chunk_form.write(chunk_form.ROWS, 5, lines)
    assert chunk_form.read(chunk_form.ROWS, 5, packed) == (lines, digest)


def test_many_lines_come_back_and_lie_in_memory_little_more_than_once() -> None:
    lines = [random.Random(number).randbytes(5000).hex().encode() for number in range(800)]
    size = sum(map(len, lines))
    tracemalloc.start()
    try:
        packed, digest = chunk_form.write(chunk_form.ROWS, 1, lines)
        of_writing = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        again, told = chunk_form.read(chunk_form.ROWS, 1, packed)
        of_reading = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size == 8_000_000
    assert (again, told) == (lines, digest)
    assert told == sha256(b'{"count":800,"first":1,"format":"chunk-rows/1"}\n' + b"".join(line + b"\n" for line in lines))
    assert of_writing < 2 * len(packed) + 1_500_000, "what was packed, joined, and two pieces"
    assert of_reading < len(packed) + size + 3_000_000, "what was packed, the lines, and a few pieces"


@pytest.mark.parametrize(("form", "first"), [(chunk_form.RESULTS, 5), (chunk_form.ROWS, 6)])
def test_lines_of_another_form_or_place_are_not_taken(form: str, first: int) -> None:
    packed, _ = chunk_form.write(chunk_form.ROWS, 5, [b"a"])
    with pytest.raises(NotTheForm):
        chunk_form.read(form, first, packed)


@pytest.mark.parametrize("spoil", [lambda packed: packed[:-1], lambda packed: b"x" + packed[1:], lambda _: b""])
def test_lines_that_are_cut_off_or_changed_are_not_taken(spoil: object) -> None:
    packed, _ = chunk_form.write(chunk_form.ROWS, 1, [b"a" * 1000, b"b"])
    with pytest.raises(NotTheForm):
        chunk_form.read(chunk_form.ROWS, 1, spoil(packed))  # type: ignore[operator]


def test_a_row_is_its_key_and_its_request() -> None:
    assert read_row(json.dumps({"key": "12345678", "request": {}}).encode()) == ("12345678", {})


# -- the queue --------------------------------------------------------------------------------------


@pytest.fixture
def address(postgres_address: str) -> str:
    """An empty PostgreSQL database, as libpq takes it."""
    return make_url(empty_postgres(postgres_address)).set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture
def stranger(postgres_address: str) -> Iterator[str]:
    """A role that may only log in."""
    name = f"worker-{uuid.uuid4().hex[:12]}"
    engine = create_engine(postgres_address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE ROLE "{name}" LOGIN'))
    yield name
    engine.dispose()


def test_a_chunk_that_waits_in_the_queue_is_told_of_once(address: str) -> None:
    queue = Queue(address)
    queue.prepare()
    queue.prepare()  # made already: nothing is thrown away
    with queue.opened() as tell:
        for number in (0, 1, 0):
            tell("run", number)
        queue.prepare()
    with psycopg.connect(address) as connection:
        connection.execute(f"SET search_path TO {SCHEMA}")
        assert connection.execute("SELECT args->'number' FROM procrastinate_jobs ORDER BY id").fetchall() == [(0,), (1,)]


def test_tables_of_another_release_are_made_anew(address: str) -> None:
    queue = Queue(address)
    queue.prepare()
    with psycopg.connect(address) as connection:
        connection.execute(f"COMMENT ON SCHEMA {SCHEMA} IS 'another'")
        connection.execute(f"DROP TABLE {SCHEMA}.procrastinate_jobs CASCADE")
    queue.prepare()
    with queue.opened() as tell:
        tell("run", 0)


def test_workers_need_no_more_than_the_owner_gave_them(address: str, stranger: str) -> None:
    theirs = Queue(make_url(address).set(username=stranger).render_as_string(hide_password=False))
    with pytest.raises(Misconfigured):
        theirs.prepare()  # they may make no schema
    with pytest.raises(Misconfigured):
        Queue(address).prepare("no such role")
    Queue(address).prepare()
    with pytest.raises(Misconfigured):
        theirs.prepare()  # nor use one that was not given to them
    Queue(address).prepare(stranger)
    theirs.prepare()
    with theirs.opened() as tell:
        tell("run", 0)


def test_a_queue_without_tables_or_a_server_is_not_available(address: str) -> None:
    with Queue(address).opened() as tell, pytest.raises(Unavailable):
        tell("run", 0)
    with pytest.raises(Unavailable):
        Queue("postgresql://nobody@/none?host=/nowhere&connect_timeout=1").prepare()
