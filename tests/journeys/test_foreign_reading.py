"""Some documents of single acts are read again by foreign readers from the stored bytes; one that is wrong stops its seal at once."""

import logging
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from sqlalchemy import update

from licence_service import foreign_reading
from licence_service.carrying import Done, Waiting
from licence_service.document import Printer, Sheet
from licence_service.document.press import Laid, Pressed
from licence_service.errors import NotInRegister
from licence_service.licence import beijing_day
from licence_service.registrar import Registrar
from licence_service.store.foreign_readings import LEASE
from licence_service.store.tables_of_foreign_readings import foreign_readings
from tests.journeys.test_chunks import issued as chunk_of
from tests.journeys.test_chunks import rows
from tests.parts.databases import empty_postgres
from tests.world import BUSINESS, DRIVER, VEHICLE, Clock, World, a_world

if TYPE_CHECKING:
    from licence_service.seal.department import Department


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Where the register lies."""
    if request.param == "sqlite":
        return None
    return empty_postgres(request.getfixturevalue("postgres_address"), request.getfixturevalue("migrated_postgres"))


@pytest.fixture
def either(url: str | None, tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    """A world on either database."""
    with a_world(tmp_path, demo_keys, url) as world:
        yield world


def issue(world: World, number: int) -> str:
    """Issue one more driver's licence and return its id."""
    key, body = rows(world, count=number + 1)[number]
    return str(world.issue(DRIVER, key, face=body["face"], case_no=body["case_no"])["licence_id"])


def tomorrow(world: World) -> None:
    """Let a day pass."""
    assert isinstance(world.clock, Clock)
    world.clock.now += timedelta(days=1)


def seal_of(world: World, slug: str) -> str:
    """Return the seal of a type's department."""
    return world.service.keyring.departments[world.client(slug).department].seal.seal_id


class Erring(Printer):
    """A printer of the world that prints otherwise."""

    def __init__(self, other: Printer) -> None:
        """Take the faces and families of another."""
        self.__dict__.update(other.__dict__)


class Misprinting(Erring):
    """A printer whose pages say another name than the face, so that its own reading back finds nothing wrong."""

    def press(self, sheet: Sheet, attachment: bytes, *, created_at: datetime, slot_bytes: int) -> Laid | None:
        """Print another name."""
        wrong = replace(sheet, face={**sheet.face, "person_name": "旁人"})
        return super().press(wrong, attachment, created_at=created_at, slot_bytes=slot_bytes)


class Miscoding(Erring):
    """A printer that prints another check code."""

    def press(self, sheet: Sheet, attachment: bytes, *, created_at: datetime, slot_bytes: int) -> Laid | None:
        """Print another code."""
        return super().press(replace(sheet, check_code="0123456789AB"), attachment, created_at=created_at, slot_bytes=slot_bytes)


class Smudging(Erring):
    """A printer that has other bytes sealed than those that it prints."""

    def press(self, sheet: Sheet, attachment: bytes, *, created_at: datetime, slot_bytes: int) -> Any:
        """Print, and lie about the digest."""
        laid = super().press(sheet, attachment, created_at=created_at, slot_bytes=slot_bytes)
        assert laid
        return Smudged(laid)


class Smudged:
    """A printed file that gives another digest to be sealed."""

    def __init__(self, laid: Laid) -> None:
        """Take the file."""
        self._laid = laid

    def digest(self) -> bytes:
        """Return the digest of something else."""
        return bytes(32)

    def sealed(self, slot: bytes) -> Pressed:
        """Return the file with the seal over something else."""
        return self._laid.sealed(slot)


def by(world: World, kind: Callable[[Printer], Printer]) -> Registrar:
    """Return a registrar of the world that prints otherwise."""
    line = world.service.registrar.line
    return replace(world.service.registrar, line=replace(line, printer=kind(line.printer)))


def test_the_first_of_each_edition_and_seal_of_a_day_and_each_nth_are_looked_at(either: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign_reading, "EVERY", 3)
    readings = either.service.foreign_reading
    for number in range(4):
        issue(either, number)
    either.issue(BUSINESS)
    assert readings.work() == 3, "the first and the third driver's licence, the first of another seal"
    assert all(chunk_of(either, DRIVER, rows(either, count=8)[4:])), "of a chunk its own was looked at"
    assert readings.work() == 0
    tomorrow(either)
    renewed = chunk_of(either, DRIVER, rows(either, count=9)[8:])[0].licence_id
    assert readings.work() == 0
    answer = either.act(DRIVER, renewed, {"act": "replace", "reason": "lost"}, "replace-01")
    assert answer.status_code == 201, answer.text
    assert readings.work() == 1, "the sixth that was sealed alone, and the first of the next day"
    issue(either, 9)
    assert readings.work() == 0
    assert readings.kept.counts() == {"waiting": 0, "right": 4, "wrong": 0, "gone": 0}
    assert 'licence_foreign_readings{state="right"} 4.0' in either.http.get("/metrics").text


def test_documents_of_all_types_and_of_later_acts_are_found_right(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign_reading, "EVERY", 1)
    readings, made = world.service.foreign_reading, 0
    for slug in world.service.catalogue.editions:
        licence_id = world.issue(slug, f"all-{slug}"[:60])["licence_id"]
        made += 1
        if slug in {DRIVER, VEHICLE}:
            assert world.act(slug, licence_id, {"act": "replace", "reason": "lost"}, f"replace-{slug}"[:60]).status_code == 201
            made += 1
    key, body = rows(world, count=1)[0]
    body = {**body, "face": {**body["face"], "person_name": "Ωmega Ж"}}  # widths that the press hands over
    assert isinstance(world.service.registrar.issue(world.client(DRIVER), key, body), Done)
    assert world.service.printer.pressroom.counts["handed over: width"]
    made += 1
    vehicle = next(one for one in world.service.book.all_ids() if world.service.book.get(one).type == VEHICLE)
    facts = {"date": beijing_day(world.clock()).isoformat(), "result": "1", "next_due": "2028-04-30", "authority": "示例机关"}
    later: tuple[dict[str, Any], ...] = (
        {"act": "endorse", "kind": "annual_review", "facts": facts, "external_ref": "AR-1"},
        {"act": "replace", "reason": "lost"},
    )
    for number, act in enumerate(later):
        assert world.act(VEHICLE, vehicle, act, f"later-{number:04}").status_code == 201
        made += 1
    total = 0
    while found := readings.work():
        total += found
    assert total == made
    counts = readings.kept.counts()
    assert (counts["waiting"], counts["wrong"], counts["gone"]) == (0, 0, 0)
    assert counts["right"] == total


@pytest.mark.parametrize(("kind", "why"), [(Misprinting, "at the label of person_name"), (Miscoding, "its check code"), (Smudging, "its seal")])
def test_one_that_is_wrong_stops_its_seal_at_once_and_stays_in_the_book(
    world: World, caplog: pytest.LogCaptureFixture, kind: Callable[[Printer], Printer], why: str
) -> None:
    key, body = rows(world, count=1)[0]
    done = by(world, kind).issue(world.client(DRIVER), key, body)
    assert not isinstance(done, Waiting)
    other, seal_id = world.issue(BUSINESS)["licence_id"], seal_of(world, DRIVER)
    assert not world.service.seal_log.stopped(seal_id)

    with caplog.at_level(logging.ERROR):
        assert world.service.foreign_reading.work() == 2

    (order,) = world.service.seal_log.orders(seal_id)
    assert (order.stopped, order.by) == (True, "foreign reader")
    for said in (order.reason, caplog.text):
        assert f"page-disagrees: licence {done.licence_id}, version 1: " in said
        assert why in said
        assert "旁人" not in said
        assert body["face"]["person_name"] not in said
    assert isinstance(world.service.registrar.issue(world.client(DRIVER), *rows(world, count=2)[1]), Waiting), "nothing more is sealed"
    assert world.service.book.get(done.licence_id).entries[0].version, "what is issued stays"
    assert not world.service.seal_log.stopped(seal_of(world, BUSINESS))
    assert world.service.book.get(other)
    assert world.service.foreign_reading.kept.counts() == {"waiting": 0, "right": 1, "wrong": 1, "gone": 0}

    world.service.seal_log.order(seal_id, stopped=False, at=world.clock(), by="an officer", reason="looked at")
    assert world.service.foreign_reading.work() == 0, "once found, a document stops nothing again"
    with world.service.database.write() as connection:  # as a process leaves it that is killed between the order and its note of what was found
        connection.execute(update(foreign_readings).where(foreign_readings.c.state == "wrong").values(state="waiting", lease_until=world.clock()))
    assert world.service.foreign_reading.work() == 1
    assert world.service.foreign_reading.kept.counts()["wrong"] == 1
    assert not world.service.seal_log.stopped(seal_id)


def test_a_document_under_the_seal_of_another_is_wrong(tmp_path: Path, demo_keys: Path) -> None:
    with a_world(tmp_path, Path(shutil.copytree(demo_keys, tmp_path / "keys"))) as world:
        departments = world.service.keyring.departments
        mine, other = (departments[world.client(slug).department] for slug in (DRIVER, BUSINESS))
        mistaken = copy(other.seal)
        mistaken.seal_id, mistaken.certificate_sha256 = mine.seal.seal_id, mine.seal.certificate_sha256  # type: ignore[misc]  # as a slot of a token that was given another's key and certificate
        cast("dict[str, Department]", departments)[mine.uscc] = replace(mine, seal=mistaken)
        issue(world, 0)
        assert world.service.foreign_reading.work() == 1
        (order,) = world.service.seal_log.orders(mine.seal.seal_id)
        assert "the file carries another seal than its entry names" in order.reason


def test_a_restart_goes_on_where_it_was_and_a_kill_loses_no_document(url: str | None, tmp_path: Path, demo_keys: Path) -> None:
    with a_world(tmp_path, demo_keys, url) as world:
        tokens, readings = world.tokens, world.service.foreign_reading
        issue(world, 0)
        assert readings.work() == 1
        world.issue(BUSINESS)
        assert readings.kept.choose(foreign_reading.EVERY, world.clock())
        assert readings.kept.claim(world.clock()), "taken by one who is killed now"
        world.issue(VEHICLE, "issue-0002")  # that nobody has chosen yet
    with a_world(tmp_path, demo_keys, url, tokens) as world:
        readings = world.service.foreign_reading
        assert readings.work() == 1
        assert readings.kept.counts()["waiting"] == 1, "it is his as long as his lease"
        assert isinstance(world.clock, Clock)
        world.clock.now += LEASE
        assert readings.work() == 1
        issue(world, 1)
        assert readings.work() == 0, "the first of the day was before the restart"
        assert readings.kept.counts() == {"waiting": 0, "right": 3, "wrong": 0, "gone": 0}


@pytest.mark.parametrize("address", ["http://127.0.0.1:8001", "https://zz.example.cn"])
def test_a_document_that_was_made_under_another_address_stops_no_seal_and_is_named_with_that_address(
    tmp_path: Path, demo_keys: Path, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    with a_world(tmp_path, demo_keys) as world:
        tokens = world.tokens
        issue(world, 0)
        licence_id = world.issue(BUSINESS)["licence_id"]
    with a_world(tmp_path, demo_keys, None, tokens, public_url=address) as world:
        assert world.service.foreign_reading.work() == 2
        assert world.service.foreign_reading.kept.counts() == {"waiting": 0, "right": 2, "wrong": 0, "gone": 0}
    assert any(f"licence {licence_id}, version 1: " in line and line.endswith("licence.example.cn") for line in caplog.messages)


class Misleading(Erring):
    """A printer whose code leads to another address than the page names."""

    def __init__(self, other: Printer, host: str) -> None:
        """Take the faces and families of another."""
        super().__init__(other)
        self.host = host

    def press(self, sheet: Sheet, attachment: bytes, *, created_at: datetime, slot_bytes: int) -> Laid | None:
        """Print another address in the code."""
        assert sheet.code_text
        wrong = replace(sheet, code_text=sheet.code_text.replace("LICENCE.EXAMPLE.CN", self.host))
        return super().press(wrong, attachment, created_at=created_at, slot_bytes=slot_bytes)


@pytest.mark.parametrize(
    "host", ["LICENCE.EXAMPLE.NET", "EXAMPLE.CN", "LICENCE.EXAMPLE.CN.EXAMPLE.NET", "LICENCE.EXAMPLE.CN:8443", "LICENCE.EXAMPLE.CN@EXAMPLE.NET", "CN"]
)
def test_a_code_that_leads_elsewhere_than_its_page_says_is_wrong(world: World, host: str) -> None:
    key, body = rows(world, count=1)[0]
    assert isinstance(by(world, lambda printer: Misleading(printer, host)).issue(world.client(DRIVER), key, body), Done)
    assert world.service.foreign_reading.work() == 1
    assert world.service.foreign_reading.kept.counts()["wrong"] == 1


def test_several_processes_at_once_look_at_each_document_once(
    url: str | None, tmp_path: Path, demo_keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign_reading, "EVERY", 1)
    with ExitStack() as opened:
        first = opened.enter_context(a_world(tmp_path, demo_keys, url))
        worlds = [first, *(opened.enter_context(a_world(tmp_path, demo_keys, url, first.tokens)) for _ in range(2))]
        for number in range(6):
            issue(first, number)
        with ThreadPoolExecutor(3) as pool:
            told = list(pool.map(lambda world: world.service.foreign_reading.work(), worlds))
        assert sum(told) == 6, told
        assert first.service.foreign_reading.kept.counts()["right"] == 6


def test_a_document_that_cannot_be_had_now_is_looked_at_later_and_keeps_no_other_waiting(world: World, tmp_path: Path) -> None:
    version = world.service.book.get(issue(world, 0)).entries[0].version
    assert version
    world.issue(BUSINESS)
    digest = version.document.sha256
    (path,) = tmp_path.rglob(digest)
    away = path.rename(path.with_suffix(".away"))
    with pytest.raises(NotInRegister):
        world.service.foreign_reading.work()
    assert world.service.foreign_reading.work() == 1
    away.rename(path)
    assert world.service.foreign_reading.work() == 0
    assert isinstance(world.clock, Clock)
    world.clock.now += LEASE
    assert world.service.foreign_reading.work() == 1
    assert world.service.foreign_reading.kept.counts()["right"] == 2
    assert not world.service.seal_log.stopped(seal_of(world, DRIVER))
