"""Chunks of licences issued together: the same licences as one by one, whatever is refused among them and whatever is killed."""

import base64
import json
import pickle
import sys
import threading
import uuid
import weakref
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer
from sqlalchemy import select

from licence_service import chunks as chunks_module
from licence_service import packing, sealing_many
from licence_service.carrying import Done
from licence_service.chunk_rows import Misjudged
from licence_service.chunks import Row
from licence_service.digests import sha256
from licence_service.document.reading import attachment
from licence_service.errors import (
    ArchiveUnavailable,
    FaceRejected,
    KeyReused,
    NumberTaken,
    PageDisagrees,
    Refusal,
    SealStopped,
    TransitionRefused,
    Unavailable,
)
from licence_service.licence import beijing_day
from licence_service.seal import Finding
from licence_service.sealing_many import SealingMany
from licence_service.segments import Place
from licence_service.store.packing import Packed
from licence_service.store.reserving import LEASE
from licence_service.store.tables import licences
from tests.journeys.test_production_parts import Bucket
from tests.parts.databases import empty_postgres
from tests.world import BUSINESS, DRIVER, Clock, World, a_world

COUNT = 12
Made = Callable[[], Any]


def rows(world: World, slug: str = DRIVER, count: int = COUNT) -> list[Row]:
    """Return requests that differ in name, number and case."""
    body, number = world.request(slug), world.service.catalogue.editions[slug][-1].number.field
    found: list[Row] = []
    for place in range(count):
        face = {**body["face"], number: f"{body['face'][number][:-3]}{place:03d}" if slug != DRIVER else f"{5199020000000000000 + place}"}
        found.append((f"row-{place:05d}", {**body, "case_no": f"CHUNK-{place}", "face": face}))
    return found


def issued(world: World, slug: str, given: list[Row]) -> list[Any]:
    """Issue rows as one chunk."""
    return world.service.chunks.issue(world.client(slug), given)


@pytest.fixture(params=["sqlite and a folder", "postgresql and s3"])
def placed(request: pytest.FixtureRequest, tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    """A world on the embedded parts and on those of production."""
    if request.param.startswith("sqlite"):
        with a_world(tmp_path, demo_keys) as world:
            yield world
        return
    url = empty_postgres(request.getfixturevalue("postgres_address"), request.getfixturevalue("migrated_postgres"))
    with s3() as bucket, a_world(tmp_path, demo_keys, url, **bucket.settings) as world:
        yield world


@contextmanager
def s3() -> Iterator[Bucket]:
    """A real S3 server with an empty bucket."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    made = Bucket(server, f"archive-{uuid.uuid4().hex}", server.get_host_and_port()[1])
    made.create()
    yield made
    server.stop()


def test_a_chunk_gives_what_single_issues_give(placed: World) -> None:
    given = rows(placed)
    done = issued(placed, DRIVER, given)
    assert all(isinstance(one, Done) for one in done), done
    assert len({one.licence_id for one in done}) == len({one.check_code for one in done}) == COUNT
    service, content = placed.service, b""
    for one, (_, body) in zip(done, given, strict=True):
        record = service.book.get(one.licence_id)
        version = record.entries[0].version
        assert version
        assert version.face["license_no"] == body["face"]["license_no"] == one.number
        content = placed.http.post("/download", json={"delivery_code": one.delivery_code}).content
        assert service.examiner.examine(content).good
        assert placed.http.post("/verify", json={"number": one.number, "check_code": one.check_code}).json()["overall"] == "valid"
    assert placed.http.post("/verify/document", content=content, headers={"Content-Type": "application/pdf"}).json()["overall"] == "valid"
    assert len(list(service.archive.segments())) == 1
    assert [use["event"] for use in service.seal_log.uses()] == ["requested"] * COUNT + ["done"] * COUNT
    assert not list(service.seal_log.breaks())
    assert not list(service.auditor.audit(documents=True))
    alone = placed.issue(BUSINESS)
    assert service.book.places(alone["licence_id"])[0] == service.book.places(done[-1].licence_id)[0] + 1


def test_the_same_chunk_again_gives_the_same_licences(placed: World) -> None:
    given = rows(placed)
    first = issued(placed, DRIVER, given[:8])
    again = issued(placed, DRIVER, given)
    assert again[:8] == first
    assert len({one.licence_id for one in again}) == COUNT
    single = placed.service.registrar.issue(placed.client(DRIVER), given[9][0], given[9][1])
    assert single == again[9]


def test_rows_that_are_refused_do_not_stand_in_the_way_of_the_others(world: World) -> None:
    given = rows(world)
    given[2] = (given[2][0], {**given[2][1], "face": {**given[2][1]["face"], "sex": "7"}})
    given[4] = (given[4][0], given[3][1])  # the same case under another key is the same licence
    given[5] = (given[0][0], given[5][1])  # the same key with other content
    given[6] = (given[6][0], {**given[6][1], "face": {**given[6][1]["face"], "license_no": given[0][1]["face"]["license_no"]}})
    too_long = {"person_name": "示" * 50, "address": "路" * 200, "employer": "司" * 100}
    fitting, given[7] = given[7], (given[7][0], {**given[7][1], "face": {**given[7][1]["face"], **too_long}})
    done = issued(world, DRIVER, given)
    assert isinstance(done[2], FaceRejected)
    assert done[4].licence_id == done[3].licence_id
    assert isinstance(done[5], KeyReused)
    assert isinstance(done[6], NumberTaken)
    assert isinstance(done[7], FaceRejected)
    assert {fault.code for fault in done[7].faults} == {"does-not-fit"}
    assert isinstance(issued(world, DRIVER, [fitting])[0], Done)  # put right under the same key, as after a single refusal
    others = [one for place, one in enumerate(done) if place not in {2, 4, 5, 6, 7}]
    assert all(isinstance(one, Done) for one in others)
    assert len({one.licence_id for one in others}) == len(others)
    assert not list(world.service.auditor.audit(documents=True))


@pytest.mark.parametrize("character", ["\ufb01", "\u3031"])
def test_a_character_that_no_reader_gives_back_is_refused_by_its_field_and_may_be_put_right_under_the_same_key(world: World, character: str) -> None:
    given = rows(world, count=2)
    name = {"person_name": f"甲{character}乙"}
    spoilt = (given[0][0], {**given[0][1], "face": {**given[0][1]["face"], **name}})
    refused, done = issued(world, DRIVER, [spoilt, given[1]])
    assert isinstance(refused, FaceRejected)
    assert [fault.path for fault in refused.faults] == ["face.person_name"]
    with pytest.raises(FaceRejected):
        world.service.registrar.issue(world.client(DRIVER), *spoilt)
    assert isinstance(done, Done)
    assert isinstance(issued(world, DRIVER, given)[0], Done)


def test_rows_that_the_press_or_the_seal_cannot_take_go_one_by_one(world: World) -> None:
    given = rows(world)
    given[1] = (given[1][0], {**given[1][1], "face": {**given[1][1]["face"], "person_name": "Ωmega Ж"}})  # widths that no prefix declares
    done = issued(world, DRIVER, given)
    assert all(isinstance(one, Done) for one in done), done
    assert world.service.printer.pressroom.counts["handed over: width"] >= 1


@pytest.mark.parametrize("step", ["draw", "request-seal", "seal", "sealed", "archive", "append"])
def test_a_chunk_that_is_killed_before_a_step_is_finished_without_loss_or_double(
    tmp_path: Path, demo_keys: Path, killed: Callable[..., None], step: str
) -> None:
    with a_world(tmp_path, demo_keys) as world:
        given, client, tokens = rows(world, count=4), world.client(DRIVER), world.tokens
    killed(tmp_path, demo_keys, step, client=client.name, department=client.department, rows=json.loads(json.dumps(given)), licence_id=None)
    with a_world(tmp_path, demo_keys, tokens=tokens) as world:
        assert len(world.service.reservations.unfinished(world.clock() + LEASE)) == 4
        again = issued(world, DRIVER, given)
        assert all(isinstance(one, Done) for one in again), again
        assert len(list(world.service.book.all_ids())) == 4
        assert not world.service.reservations.unfinished(world.clock() + LEASE)
        findings = list(world.service.auditor.audit(documents=True))
        assert not findings


def test_what_a_killed_chunk_left_is_carried_on_by_the_worker(tmp_path: Path, demo_keys: Path, killed: Callable[..., None]) -> None:
    with a_world(tmp_path, demo_keys) as world:
        given, client, tokens = rows(world, count=3), world.client(DRIVER), world.tokens
    killed(tmp_path, demo_keys, "append", client=client.name, department=client.department, rows=json.loads(json.dumps(given)), licence_id=None)
    with a_world(tmp_path, demo_keys, tokens=tokens) as world:
        assert world.service.registrar.finish() == 0  # its lease still runs
        assert isinstance(world.clock, Clock)
        world.clock.now += LEASE + timedelta(seconds=1)
        assert world.service.registrar.finish() == 3
        assert [one.licence_id for one in issued(world, DRIVER, given)] == list(world.service.book.all_ids())
        assert not list(world.service.auditor.audit(documents=True))


class _Body(dict[str, Any]):
    """A request of which it can be told whether anybody holds it."""


def test_from_its_reservation_on_a_chunk_holds_no_requests(world: World) -> None:
    asked: list[weakref.ref[_Body]] = []
    held: dict[str, int] = {}

    def given() -> Iterator[Row]:
        for key, body in rows(world, count=3):
            one = _Body(body)
            asked.append(weakref.ref(one))
            yield key, one

    def step(name: str) -> None:
        held.setdefault(name, sum(one() is not None for one in asked))

    done = replace(world.service.chunks, step=step).issue(world.client(DRIVER), given())
    assert all(isinstance(one, Done) for one in done), done
    assert (held["reserve"], held["draw"], held["append"]) == (3, 0, 0)


def test_a_chunk_that_takes_long_keeps_its_reservations_as_long_as_it_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks_module, "PART", 2)
    service, clock, steps = world.service, world.clock, list[str]()
    assert isinstance(clock, Clock)

    def slow(step: str) -> None:
        steps.append(step)
        if step not in {"reserve", "request-seal"}:  # the uses of a part are asked for while the next one is drawn: one of the two takes long
            clock.now += LEASE - timedelta(minutes=1)
            assert service.registrar.finish() == 0, "nothing is left for the server's worker"

    done = replace(service.chunks, step=slow).issue(world.client(DRIVER), rows(world, count=6))
    assert all(isinstance(one, Done) for one in done), done
    assert steps.count("draw") == 3
    assert [use["event"] for use in service.seal_log.uses()].count("done") == 6, "each was sealed once"


def test_two_who_carry_the_same_chunk_at_once_enter_it_once(world: World) -> None:
    given = rows(world, count=6)
    with ThreadPoolExecutor(3) as pool:
        told = list(pool.map(lambda _: issued(world, DRIVER, given), range(3)))
    assert {tuple(one.licence_id for one in each) for each in told} == {tuple(one.licence_id for one in told[0])}
    assert len(list(world.service.book.all_ids())) == 6
    assert not list(world.service.auditor.audit(documents=True))


@pytest.fixture
def long_turns() -> Iterator[float]:
    """Threads take turns of five milliseconds, whatever a server in this process made of them."""
    found, usual = sys.getswitchinterval(), 0.005
    sys.setswitchinterval(usual)
    yield usual
    sys.setswitchinterval(found)


def test_chunks_that_went_side_by_side_leave_the_turns_of_threads_as_they_were(world: World, long_turns: float) -> None:
    inside, over = threading.Event(), threading.Event()

    def sealing(tell: threading.Event, wait: threading.Event) -> list[Any]:
        def parts() -> Iterator[list[Any]]:
            tell.set()
            assert wait.wait(10)
            yield []

        return list(SealingMany(world.service.registrar, lambda _step: None).each(parts()))

    with ThreadPoolExecutor(2) as pool:
        second = threading.Event()
        earlier = pool.submit(sealing, inside, second)
        assert inside.wait(10)
        later = pool.submit(sealing, second, over)
        assert earlier.result() == []
        assert sys.getswitchinterval() < long_turns
        over.set()
        assert later.result() == []
    assert sys.getswitchinterval() == pytest.approx(long_turns)


@pytest.mark.parametrize("meanwhile", ["a number", "a reservation"])
def test_one_row_that_another_was_quicker_with_does_not_keep_the_others_apart(placed: World, meanwhile: str) -> None:
    given, service, client = rows(placed, count=6), placed.service, placed.client(DRIVER)

    def another(step: str) -> None:
        if step == "append" and meanwhile == "a number":
            assert isinstance(service.registrar.issue(client, "another-key", {**given[2][1], "case_no": "ANOTHER"}), Done)
        elif step == "append":
            reservation = service.reservations.by_key(client.name, given[2][0])
            assert reservation
            service.reservations.let_go(reservation.reservation_id, placed.clock())
            assert isinstance(service.registrar.issue(client, *given[2]), Done)

    done: list[Any] = replace(service.chunks, step=another).issue(client, given)
    late = done.pop(2)
    assert isinstance(late, NumberTaken if meanwhile == "a number" else Done), late
    assert len({one.licence_id for one in done}) == 5
    digests = [version.document.sha256 for one in done if (version := service.book.get(one.licence_id).entries[0].version)]
    assert all(service.chunks.packer.packed.place_of(digest) for digest in digests), "packed together"
    assert len(list(service.book.all_ids())) == 6
    assert not list(service.auditor.audit(documents=True))


def test_a_refusal_is_said_with_all_its_faults(world: World) -> None:
    given = rows(world, count=2)
    given[0] = (given[0][0], {**given[0][1], "face": {**given[0][1]["face"], "sex": "7", "birth_date": "tomorrow"}})
    refused, done = issued(world, DRIVER, given)
    assert isinstance(refused, Refusal)
    assert {fault.path for fault in refused.faults} >= {"face.sex", "face.birth_date"}
    assert isinstance(done, Done)


def test_codes_go_only_to_the_client_that_reserved(tmp_path: Path, demo_keys: Path, killed: Callable[..., None]) -> None:
    with a_world(tmp_path, demo_keys) as world:
        given, client, tokens = rows(world, count=2), world.client(DRIVER), world.tokens
    killed(tmp_path, demo_keys, "draw", client=client.name, department=client.department, rows=json.loads(json.dumps(given)), licence_id=None)
    with a_world(tmp_path, demo_keys, tokens=tokens) as world:
        other = replace(client, name="another")
        told = world.service.chunks.issue(other, [(f"another-{key}", body) for key, body in given])
        assert [(one.check_code, one.delivery_code, one.verify_url) for one in told if isinstance(one, Done)] == [(None, None, None)] * 2
        assert all(one.delivery_code for one in issued(world, DRIVER, given))


def test_a_chunk_that_is_taken_over_on_a_later_day_is_sealed_as_it_was_meant(tmp_path: Path, demo_keys: Path, killed: Callable[..., None]) -> None:
    with a_world(tmp_path, demo_keys) as world:
        given, client, tokens = rows(world, count=2), world.client(DRIVER), world.tokens
    killed(tmp_path, demo_keys, "draw", client=client.name, department=client.department, rows=json.loads(json.dumps(given)), licence_id=None)
    with a_world(tmp_path, demo_keys, tokens=tokens) as world:
        assert isinstance(world.clock, Clock)
        reserved = world.clock.now
        world.clock.now += timedelta(days=3)
        for one in issued(world, DRIVER, given):
            version = world.service.book.get(one.licence_id).entries[0].version
            assert version
            assert version.sealed_at == reserved
            assert world.service.examiner.examine(world.service.archive.get(version.document.sha256)).sealed_at == reserved


def test_a_stopped_seal_issues_nothing_and_says_so_in_its_log(world: World) -> None:
    given, seal = rows(world, count=3), world.service.keyring.departments[world.client(DRIVER).department].seal.seal_id
    world.service.seal_log.order(seal, stopped=True, at=world.clock(), by="an officer", reason="a test")
    assert all(isinstance(one, SealStopped) for one in issued(world, DRIVER, given))
    assert [use["event"] for use in world.service.seal_log.uses()] == ["refused"] * 3
    assert not list(world.service.book.all_ids())
    world.service.seal_log.order(seal, stopped=False, at=world.clock(), by="an officer", reason="a test")
    assert all(isinstance(one, Done) for one in issued(world, DRIVER, given))


def test_a_chunk_whose_documents_cannot_be_kept_is_carried_on_when_they_can(tmp_path: Path, demo_keys: Path) -> None:
    with s3() as bucket, a_world(tmp_path, demo_keys, **bucket.settings) as world:
        given = rows(world, count=3)
        bucket.stop()
        assert all(isinstance(one, ArchiveUnavailable) for one in issued(world, DRIVER, given))
        assert not list(world.service.book.all_ids())
        bucket.start()
        bucket.create()
        assert all(isinstance(one, Done) for one in issued(world, DRIVER, given))
        assert not list(world.service.auditor.audit(documents=True))


def test_what_a_foreign_reader_finds_wrong_stops_the_chunk(world: World) -> None:
    given = rows(world, count=3)
    wrong = replace(world.service.chunks, registrar=replace(world.service.registrar, examiner=Blind()))  # type: ignore[arg-type]
    with pytest.raises(Misjudged):
        wrong.issue(world.client(DRIVER), given)
    assert isinstance(world.clock, Clock)
    world.clock.now += 2 * LEASE
    assert world.service.registrar.finish() == 0
    assert not list(world.service.book.all_ids())
    assert [use["event"] for use in world.service.seal_log.uses()] == ["requested"] * 3 + ["done"] * 3, "all were signed while the reader looked"
    first, *others = issued(world, DRIVER, given)
    assert isinstance(first, TransitionRefused), "the one that was found wrong stays closed under its key"
    assert all(isinstance(one, Done) for one in others), "the others have their keys back"
    (put_right,) = issued(world, DRIVER, [("another-key", given[0][1])])
    assert isinstance(put_right, Done)
    assert len(list(world.service.book.all_ids())) == 3


@pytest.mark.parametrize("place", [0, 2])
def test_one_row_that_a_foreign_reader_finds_wrong_stops_its_chunk_once_and_is_named(
    world: World, place: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sealing_many, "JUDGED", 1)
    given = rows(world, count=4)
    picky = Picky(world.service.examiner, given[place][1]["face"]["license_no"])
    chunks = replace(world.service.chunks, registrar=replace(world.service.registrar, examiner=picky))  # type: ignore[arg-type]
    with pytest.raises(Misjudged) as stopped:
        chunks.issue(world.client(DRIVER), given)
    assert stopped.value.at == place
    licence_id = stopped.value.facts["licence_id"]
    for said in (caplog.text, stopped.value.detail, pickle.loads(pickle.dumps(stopped.value)).detail):  # noqa: S301 - as it leaves a process
        assert f"row {place + 1} of the chunk, licence {licence_id}" in said
    again = chunks.issue(world.client(DRIVER), given)
    assert isinstance(again.pop(place), TransitionRefused)
    assert all(isinstance(one, Done) for one in again), again
    assert not list(world.service.auditor.audit(documents=True))


def test_a_run_that_one_row_stopped_says_which_and_ends_when_it_is_called_again(world: World) -> None:
    given = rows(world, count=3)
    lines = [json.dumps({"key": key, "request": body}, ensure_ascii=False).encode() for key, body in given]
    digest, name = sha256(b"".join(line + b"\n" for line in lines)), world.client(DRIVER).name
    picky = replace(world.service.registrar, examiner=Picky(world.service.examiner, given[0][1]["face"]["license_no"]))  # type: ignore[arg-type]
    runs = replace(world.service.runs, chunks=replace(world.service.runs.chunks, registrar=picky))
    run = runs.opened(name, digest, 4, 7, 3)
    runs.add(run, 0, 5, lines)
    with pytest.raises(Misjudged) as stopped:
        runs.carry(run.run_id, 0, "command:1")
    (kept,) = runs.kept.troubled(run)
    assert kept.reason == f"page-disagrees: row 5, licence {stopped.value.facts['licence_id']}"
    with pytest.raises(PageDisagrees, match="row 5, licence"):
        runs.state(run, 0)
    runs.opened(name, digest, 4, 7, 3)
    assert runs.carry(run.run_id, 0, "command:1")
    said = [json.loads(line) for line in runs.results(run, 0)[1]]
    assert ["problem" in one for one in said] == [True, False, False]


def test_a_foreign_reader_that_has_no_time_closes_nothing(world: World) -> None:
    given = rows(world, count=3)
    busy = replace(world.service.registrar, examiner=Blind("examination-stopped"))  # type: ignore[arg-type]
    waiting = replace(world.service.chunks, registrar=busy).issue(world.client(DRIVER), given)
    assert all(isinstance(one, Unavailable) for one in waiting)
    assert not list(world.service.book.all_ids())
    assert all(isinstance(one, Done) for one in issued(world, DRIVER, given))
    assert len(list(world.service.book.all_ids())) == 3


class Picky:
    """An examiner that finds no seal on what holds some bytes in its data, and judges the rest."""

    def __init__(self, examiner: Any, unwanted: str) -> None:
        """Take who judges the rest."""
        self._examiner, self._unwanted = examiner, unwanted

    def examine(self, content: bytes, *, own: bool) -> Finding:
        """Find nothing, or what is there."""
        found: Finding = Finding() if self._unwanted.encode() in (attachment(content) or b"") else self._examiner.examine(content, own=own)
        return found


class Blind:
    """An examiner that finds no seal on anything: a foreign validator that disagrees, or that was ended."""

    def __init__(self, *reasons: str) -> None:
        """Take what it says."""
        self._reasons = reasons

    def examine(self, _content: bytes, *, own: bool) -> Finding:  # noqa: ARG002
        """Find nothing."""
        return Finding(reasons=self._reasons)


def test_what_falls_due_first_is_written_down_as_the_licence_itself_would_say(world: World) -> None:
    service, today = world.service, beijing_day(world.clock())
    said: dict[str, str | None] = {}
    for slug, editions in service.catalogue.editions.items():
        issued(world, slug, [(f"due-{slug}"[:60], world.request(slug))])
        record = service.book.get(list(service.book.all_ids())[-1])
        licence = record.on(today)
        assert licence
        assert record.type == slug
        found = service.registrar.line.law.conditions(slug, licence, editions[-1], service.catalogue.kinds)
        first = min((one.due_on for one in found.every if one.due_on), default=None)
        with service.database.read() as connection:
            said[slug] = connection.execute(select(licences.c.due_on).where(licences.c.licence_id == record.licence_id)).scalar_one()
        assert said[slug] == (first.isoformat() if first else None)
    assert any(said.values())
    assert not all(said.values())


def test_a_photo_is_kept_once_however_many_chunks_show_it(placed: World) -> None:
    given, service = rows(placed), placed.service
    first, second = issued(placed, DRIVER, given[:5]), issued(placed, DRIVER, given[5:])

    versions = [version for one in (*first, *second) if (version := service.book.get(one.licence_id).entries[0].version)]
    digests = [version.document.sha256 for version in versions]
    (photo,) = {digest for version in versions for digest in version.photos.values()}
    jpeg = service.reservations.photo(photo)
    segments = {place.segment for digest in digests if (place := service.chunks.packer.packed.place_of(digest))}
    held = [service.archive.get_segment(segment).count(jpeg) for segment in segments]

    assert len(segments) == 2
    assert sorted(held) == [0, 1]
    assert service.chunks.packer.packed.photos([photo])[photo].length == len(jpeg)
    for digest in digests:
        content = service.archive.get(digest)
        assert jpeg in content
        assert sha256(content) == digest


@pytest.mark.parametrize("damage", ["a byte", "the end"])
def test_a_photo_that_is_damaged_where_it_lies_is_kept_anew(tmp_path: Path, demo_keys: Path, damage: str) -> None:
    """Else documents would be entered that nobody can ever read; the next ones name it where it lies now."""
    with a_world(tmp_path, demo_keys) as world:
        given = rows(world, count=9)
        assert all(isinstance(one, Done) for one in issued(world, DRIVER, given[:3]))
        jpeg, (segment,) = base64.b64decode(given[0][1]["photos"]["photo"]), world.service.archive.segments()
        tokens, photo = world.tokens, sha256(jpeg)
    (path,) = tmp_path.rglob(f"segments/{segment}")
    content, at = path.read_bytes(), path.read_bytes().index(jpeg)
    path.write_bytes(content[:at] + b"x" + content[at + 1 :] if damage == "a byte" else content[: at + 1])
    with a_world(tmp_path, demo_keys, tokens=tokens) as world:
        archive, packed = world.service.archive, world.service.chunks.packer.packed
        for part in (given[3:6], given[6:]):
            for one in issued(world, DRIVER, part):
                version = world.service.book.get(one.licence_id).entries[0].version
                assert version
                assert jpeg in archive.get(version.document.sha256)
        assert packed.photos([photo])[photo].segment != segment
        assert sorted(archive.get_segment(one).count(jpeg) for one in archive.segments() if one != segment) == [0, 1]


def test_rows_that_are_entered_are_told_so_though_their_photos_cannot_be_written_down(world: World, caplog: pytest.LogCaptureFixture) -> None:
    given = rows(world, count=4)
    packer = replace(world.service.chunks.packer, packed=Forgetful(world.service.database))
    done = replace(world.service.chunks, packer=packer).issue(world.client(DRIVER), given[:2])
    assert all(isinstance(one, Done) for one in done), done
    assert "photos" in caplog.text
    assert all(isinstance(one, Done) for one in issued(world, DRIVER, given[2:])), "kept again with the next"
    assert not list(world.service.auditor.audit(documents=True))


def test_a_packer_forgets_plates_when_it_has_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "MOST_PLATES", 2)
    given, packer = rows(world, count=8), world.service.chunks.packer
    for at in range(0, 8, 2):
        world.service.printer.pressroom._presses.clear()
        assert all(isinstance(one, Done) for one in issued(world, DRIVER, given[at : at + 2]))
        assert len(packer._plates) <= 2
    assert not list(world.service.auditor.audit(documents=True))


class Forgetful(Packed):
    """Places of documents at a moment at which no photo can be written down."""

    def keep_photos(self, places: Mapping[str, Place], instead_of: Mapping[str, Place]) -> None:  # noqa: ARG002 - as its parent
        """Find the database away."""
        raise Unavailable


def test_a_photo_of_documents_that_were_not_entered_is_named_by_nobody(tmp_path: Path, demo_keys: Path, killed: Callable[..., None]) -> None:
    with a_world(tmp_path, demo_keys) as world:
        given, client, tokens = rows(world, count=3), world.client(DRIVER), world.tokens
    killed(tmp_path, demo_keys, "append", client=client.name, department=client.department, rows=json.loads(json.dumps(given)), licence_id=None)
    with a_world(tmp_path, demo_keys, tokens=tokens) as world:
        digest = sha256(base64.b64decode(given[0][1]["photos"]["photo"]))
        assert len(list(world.service.archive.segments())) == 1
        assert world.service.chunks.packer.packed.photos([digest]) == {}
        assert all(isinstance(one, Done) for one in issued(world, DRIVER, given))
        assert digest in world.service.chunks.packer.packed.photos([digest])
        assert not list(world.service.auditor.audit(documents=True))
