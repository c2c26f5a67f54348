"""Backup and restore on both databases, and what second place and archive bring back beyond a backup."""

import gzip
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from licence_service.carrying import Done
from licence_service.errors import RequestRejected
from licence_service.licence import beijing_day
from licence_service.log.heads import KeptHead, KeptLine
from licence_service.second_place import kept_heads
from licence_service.store.backup import MANIFEST, Manifest, back_up, put_back, read_manifest
from licence_service.store.counting import FEEDS
from licence_service.store.database import Database
from licence_service.store.people import Person
from licence_service.store.tables import licences, metadata
from licence_service.store.tables_of_keys import recent_keys, settled_keys
from tests.journeys.test_chunks import rows as chunk_of
from tests.parts.databases import KINDS, empty_postgres
from tests.world import DRIVER, NOW, VEHICLE, World, a_world

BUSINESS = "road_transport_business_permit"
# What lies in files beside the database is looked at with one of the two.
one_database = pytest.mark.parametrize("database", ["postgresql", pytest.param("sqlite", marks=pytest.mark.long)], indirect=True)
NewDatabase = Callable[..., str]


@pytest.fixture
def new_database(tmp_path: Path, request: pytest.FixtureRequest) -> NewDatabase:
    """Make an empty, migrated database of a kind and return its address."""

    def made(kind: str) -> str:
        if kind == "sqlite":
            path = tmp_path / f"new-{len(list(tmp_path.iterdir()))}.db"
            shutil.copy(request.getfixturevalue("migrated_file"), path)
            return f"sqlite:///{path}"
        return empty_postgres(request.getfixturevalue("postgres_address"), request.getfixturevalue("migrated_postgres"))

    return made


@pytest.fixture
def first(database: Database, tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    """A register with a licence, an endorsed one, and heads in a second place."""
    with a_world(tmp_path, demo_keys, database.url.render_as_string(hide_password=False), heads_url=f"file:{tmp_path}/second") as world:
        world.issue(DRIVER, "issue-0001")
        assert world.act(VEHICLE, world.issue(VEHICLE, "issue-0002")["licence_id"], review(world, 1), "review-0001").status_code == 201
        world.service.follower.follow()
        yield world


def review(world: World, number: int) -> dict[str, Any]:
    """Return an annual review."""
    day = beijing_day(world.clock())
    facts = {"date": day.isoformat(), "result": "1", "next_due": (day + timedelta(days=364 + number)).isoformat(), "authority": "示例机关"}
    return {"act": "endorse", "kind": "annual_review", "facts": facts, "external_ref": f"review-{number}"}


@contextmanager
def restored(first: World, folder: Path, url: str, demo_keys: Path, backup: Path) -> Iterator[World]:
    """Restore a backup into a new database and start a service on it, beside the same archive and second place."""
    database = Database(url)
    put_back(database, backup)
    database.close()
    beside: dict[str, Any] = {"heads_url": f"file:{folder}/second", "archive_url": f"file:{folder}/archive"}
    with a_world(folder, demo_keys, url, first.tokens, **beside) as world:
        yield world


def rows_of(database: Database) -> dict[str, list[Any]]:
    """Return everything that lies in a database, but for the index that is made anew and the numbers of feeds, which go on further."""
    with database.read() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns)) if row[0] not in FEEDS]
            for table in metadata.sorted_tables
            if table not in (recent_keys, settled_keys)
        }


def findings(world: World) -> list[str]:
    """Audit a register by itself and against its second place."""
    second = world.service.second_place
    assert second
    return [str(one) for one in (*world.service.auditor.audit(documents=True), *world.service.auditor.against(second))]


# -- backup and restore ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_restored_is_what_was_there(first: World, tmp_path: Path, demo_keys: Path, new_database: NewDatabase, kind: str) -> None:
    manifest = back_up(first.service.database, tmp_path / "backup", NOW)
    before = rows_of(first.service.database)

    with restored(first, tmp_path, new_database(kind), demo_keys, tmp_path / "backup") as world:
        assert rows_of(world.service.database) == before
        assert findings(world) == []
        world.issue(BUSINESS, "issue-0003")
        assert world.service.follower.follow() == 1
        assert findings(world) == []
    head = first.service.heads.last()
    assert head
    assert (manifest.last_place, manifest.last_head) == (head.size, head.size)
    assert read_manifest(tmp_path / "backup") == manifest
    kept = metadata.tables.keys() - {recent_keys.name, settled_keys.name}  # they are made anew
    assert {path.name for path in (tmp_path / "backup").iterdir()} == {MANIFEST, *(f"{name}.jsonl.gz" for name in kept)}
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "backup").iterdir())


@pytest.mark.rule("AI-12")
def test_who_reads_the_feed_of_arrivals_misses_nothing_that_comes_after_a_restore(
    first: World, tmp_path: Path, demo_keys: Path, new_database: NewDatabase
) -> None:
    clerk = Person("p" * 26, first.client(BUSINESS).department, "罗青石")
    licence_id = first.issue(BUSINESS, "issue-0004")["licence_id"]
    back_up(first.service.database, tmp_path / "backup", NOW)
    first.service.desk_log.copy(clerk, licence_id, NOW)
    read = first.http.get("/arrivals", headers=first.headers(BUSINESS)).json()
    assert len(read["arrivals"]) == 2

    with restored(first, tmp_path, new_database("sqlite"), demo_keys, tmp_path / "backup") as world:
        world.service.desk_log.copy(clerk, licence_id, NOW)
        found = world.http.get("/arrivals", params={"after": read["next"]}, headers=world.headers(BUSINESS)).json()
        assert {one["type"] for one in found["arrivals"]} == {"copy.printed", "issuance.delivered"}


def test_a_child_may_stand_before_its_parent(database: Database, tmp_path: Path, new_database: NewDatabase) -> None:
    row = {"type": "t", "department": "d", "head": 0, "current_version": 0, "valid_from": "x"}
    with database.write() as connection:
        connection.execute(insert(licences).values(**row, id=1, licence_id="CHILD"))
        connection.execute(insert(licences).values(**row, id=2, licence_id="PARENT"))
        connection.execute(text("UPDATE licences SET parent = 2 WHERE id = 1"))
    back_up(database, tmp_path / "backup", NOW)
    other = Database(new_database("sqlite" if database.is_sqlite else "postgresql"))

    put_back(other, tmp_path / "backup")

    assert rows_of(other) == rows_of(database)
    with other.write() as connection:
        assert connection.execute(insert(licences).values(**row, licence_id="NEXT").returning(licences.c.id)).scalar_one() == 3
    other.close()


def test_a_backup_that_is_taken_while_acts_are_entered_is_one_moment(
    first: World, tmp_path: Path, demo_keys: Path, new_database: NewDatabase
) -> None:
    issued = first.issue(BUSINESS, "issue-0003")["licence_id"]
    stop, told = threading.Event(), []
    day = beijing_day(first.clock())

    def work() -> None:
        number = 0
        while not stop.is_set():
            suspension = {"kind": "penalty", "first": day.isoformat(), "last": (day + timedelta(days=number + 1)).isoformat()}
            body = {"act": "suspend", "suspension": suspension, "effective_on": day.isoformat()}
            told.append(first.act(BUSINESS, issued, body, f"suspend-{number:05d}").status_code)
            number += 1

    writer = threading.Thread(target=work)
    writer.start()
    while len(told) < 2:
        stop.wait(0.01)
    manifest = back_up(first.service.database, tmp_path / "backup", NOW)
    stop.set()
    writer.join()

    assert set(told) == {201}
    assert manifest.tables["entries"][0] == manifest.tables["payloads"][0]
    with restored(first, tmp_path, new_database("sqlite"), demo_keys, tmp_path / "backup") as world:
        assert [str(one) for one in world.service.auditor.audit()] == []


def test_a_backup_goes_into_an_empty_folder_only(database: Database, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "something").write_text("else")

    with pytest.raises(RequestRejected, match="not empty"):
        back_up(database, tmp_path / "backup", NOW)
    with pytest.raises(RequestRejected, match="cannot be written"):
        back_up(database, tmp_path / "backup" / "something" / "below", NOW)


def test_a_backup_is_restored_into_an_empty_database_only(first: World, tmp_path: Path) -> None:
    back_up(first.service.database, tmp_path / "backup", NOW)
    before = rows_of(first.service.database)

    with pytest.raises(RequestRejected, match="not empty"):
        put_back(first.service.database, tmp_path / "backup")
    assert rows_of(first.service.database) == before


def _other_digest(folder: Path) -> None:
    path = folder / "clients.jsonl.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"client-", b"klient-")))


def _said(folder: Path, **changes: Any) -> None:
    (folder / MANIFEST).write_text(json.dumps({**json.loads((folder / MANIFEST).read_text()), **changes}))


@one_database
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_other_digest, "not the one that the manifest describes"),
        (lambda folder: (folder / "entries.jsonl.gz").unlink(), "damaged"),
        (lambda folder: (folder / "entries.jsonl.gz").write_bytes(b"no gzip"), "damaged"),
        (lambda folder: (folder / "entries.jsonl.gz").write_bytes((folder / "entries.jsonl.gz").read_bytes()[:-20]), "damaged"),
        (lambda folder: (folder / MANIFEST).unlink(), "no whole backup"),
        (lambda folder: (folder / MANIFEST).write_text("[]"), "no whole backup"),
        (lambda folder: _said(folder, format="backup/2"), "another format"),
        (lambda folder: _said(folder, revision="0001"), "another release"),
        (lambda folder: _said(folder, tables={}), "same tables"),
    ],
)
def test_a_damaged_backup_is_refused_and_leaves_nothing(
    first: World, tmp_path: Path, new_database: NewDatabase, damage: Callable[[Path], Any], said: str
) -> None:
    back_up(first.service.database, tmp_path / "backup", NOW)
    damage(tmp_path / "backup")
    other = Database(new_database("sqlite" if first.service.database.is_sqlite else "postgresql"))
    before = rows_of(other)

    with pytest.raises(RequestRejected, match=said):
        put_back(other, tmp_path / "backup")
    assert rows_of(other) == before
    other.close()


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    manifest = Manifest(NOW, "0003", {"entries": (3, "a" * 64)}, 3, 2)
    (tmp_path / MANIFEST).write_text(json.dumps(manifest.as_json()))

    assert read_manifest(tmp_path) == manifest


# -- beyond the backup -----------------------------------------------------------------------------------


@pytest.fixture
def later(first: World, tmp_path: Path) -> World:
    """The same register after a backup: new licences, a new version, an end, one line that no head covers yet."""
    back_up(first.service.database, tmp_path / "backup", NOW)
    driver, vehicle = first.service.book.all_ids()
    assert first.act(DRIVER, driver, {"act": "replace", "reason": "lost"}, "replace-0001").status_code == 201
    business = first.issue(BUSINESS, "issue-0003")["licence_id"]
    first.service.follower.follow()
    assert first.act(VEHICLE, vehicle, review(first, 2), "review-0002").status_code == 201
    first.service.follower.follow()
    assert first.act(BUSINESS, business, {"act": "revoke"}, "revoke-0001").status_code == 201
    first.service.follower.follow()
    return first


def test_what_the_archive_proves_is_entered_again(later: World, tmp_path: Path, demo_keys: Path, new_database: NewDatabase) -> None:
    lost = later.service.database
    before = rows_of(lost)
    kind = "sqlite" if lost.is_sqlite else "postgresql"
    with restored(later, tmp_path, new_database(kind), demo_keys, tmp_path / "backup") as world:
        second = world.service.second_place
        assert second
        assert world.service.recovery.newer(second) == 4

        done = world.service.recovery.enter_again(second)

        assert done.stopped == ""
        assert (done.heads, done.lines, done.versions, done.delivery_codes, done.faces) == (3, 4, 3, 3, [])
        assert world.service.recovery.newer(second) == 0
        assert findings(world) == []
        after = rows_of(world.service.database)
        assert after["heads"] == before["heads"]
        due = list(licences.columns.keys()).index("due_on")  # follows from facts, and those lay in the database alone
        assert [row[:due] + row[due + 1 :] for row in after["licences"]] == [row[:due] + row[due + 1 :] for row in before["licences"]]
        assert after["lookups"] == before["lookups"]
        assert [row[2:] for row in after["entries"]] == [row[2:] for row in before["entries"]]  # ids are this database's own
        for licence_id in later.service.book.all_ids():
            old, new = later.service.book.get(licence_id), world.service.book.get(licence_id)
            assert [one.version and (one.version.face, one.version.salt, one.version.photos) for one in new.entries] == [
                one.version and (one.version.face, one.version.salt, one.version.photos) for one in old.entries
            ]
        again = world.service.recovery.enter_again(second)
        assert (again.lines, again.stopped) == (0, "")
        assert world.service.foreign_reading.work() == 0, "what its documents were drawn from is not all known any more"


def test_packed_documents_beyond_the_backup_are_found_again(first: World, tmp_path: Path, demo_keys: Path, new_database: NewDatabase) -> None:
    back_up(first.service.database, tmp_path / "backup", NOW)
    done = first.service.chunks.issue(first.client(DRIVER), chunk_of(first, count=3))
    first.service.follower.follow()
    kind = "sqlite" if first.service.database.is_sqlite else "postgresql"
    with restored(first, tmp_path, new_database(kind), demo_keys, tmp_path / "backup") as world:
        second = world.service.second_place
        assert second
        found = world.service.recovery.enter_again(second)
        assert (found.stopped, found.versions, found.faces) == ("", 3, [])
        assert findings(world) == []
        for one in done:
            assert isinstance(one, Done)
            old, new = (service.book.get(one.licence_id).entries[0].version for service in (first.service, world.service))
            assert old
            assert new
            assert new.face == old.face
            assert world.service.archive.get(new.document.sha256) == first.service.archive.get(old.document.sha256)


def test_a_register_goes_on_after_lines_were_entered_again(later: World, tmp_path: Path, demo_keys: Path, new_database: NewDatabase) -> None:
    kind = "sqlite" if later.service.database.is_sqlite else "postgresql"
    with restored(later, tmp_path, new_database(kind), demo_keys, tmp_path / "backup") as world:
        second = world.service.second_place
        assert second
        world.service.recovery.enter_again(second)
        driver = next(iter(world.service.book.all_ids()))
        document = world.service.archive.get(world.service.book.get(driver).entries[-1].version.document.sha256)  # type: ignore[union-attr]

        verdict = world.http.post("/verify/document", content=document, headers={"Content-Type": "application/pdf"})
        world.issue(BUSINESS, "issue-0009")  # the number of the revoked one is free, and the places in the status lists go on
        assert world.act(DRIVER, driver, {"act": "replace", "reason": "damaged"}, "replace-0009").status_code == 201
        assert world.service.follower.follow() == 2

        assert verdict.json()["overall"] != "not_valid", verdict.text
        assert findings(world) == []


def test_what_a_backup_lacks_is_named_and_no_head_is_signed_before_it_is_back(
    later: World, tmp_path: Path, demo_keys: Path, new_database: NewDatabase
) -> None:
    with restored(later, tmp_path, new_database("sqlite"), demo_keys, tmp_path / "backup") as world:
        world.issue(BUSINESS, "issue-0009")

        with pytest.raises(Exception, match="second place"):
            world.service.follower.follow()
        assert any(one.startswith("newer: ") for one in findings(world))


def test_a_face_whose_document_is_gone_is_lost_and_said(later: World, tmp_path: Path, demo_keys: Path, new_database: NewDatabase) -> None:
    driver = next(iter(later.service.book.all_ids()))
    version = later.service.book.get(driver).entries[-1].version
    assert version
    digest = version.document.sha256
    (tmp_path / "archive" / digest[:2] / digest[2:4] / digest).unlink()
    with restored(later, tmp_path, new_database("sqlite"), demo_keys, tmp_path / "backup") as world:
        second = world.service.second_place
        assert second

        done = world.service.recovery.enter_again(second)

        assert (done.lines, done.faces, done.stopped) == (4, [driver], "")
        assert done.as_json()["lost"]["faces"] == [driver]
        entry = world.service.book.get(driver).entries[-1]
        assert entry.version == replace(version, face={}, photos={}, salt=b"")


@one_database
@pytest.mark.parametrize("damage", ["unreadable", "a line changed", "unsigned"])
def test_what_nothing_proves_is_not_entered(later: World, tmp_path: Path, demo_keys: Path, new_database: NewDatabase, damage: str) -> None:
    second = later.service.second_place
    assert second
    kept = list(kept_heads(second))
    number, one = kept[-2]
    assert one
    path = tmp_path / "second" / "heads" / f"{number:020d}"
    changed = KeptLine(one.lines[0].place, one.lines[0].kind, one.lines[0].body.replace("endorse", "endorze"))
    path.write_bytes(
        {
            "unreadable": b"rubbish",
            "a line changed": KeptHead(one.message, one.after, (changed, *one.lines[1:])).packed(),
            "unsigned": KeptHead(one.message[:-1] + bytes([one.message[-1] ^ 1]), one.after, one.lines).packed(),
        }[damage]
    )
    with restored(later, tmp_path, new_database("sqlite"), demo_keys, tmp_path / "backup") as world:
        done = world.service.recovery.enter_again(second)

        assert (done.heads, done.lines) == (1, 2)
        assert f"the head of {number} lines" in done.stopped
        assert world.service.recovery.newer(second) == 2
