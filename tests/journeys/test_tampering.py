"""The tampering drill: somebody owns the database, guards and all. Whatever is done to the book is noticed, and the row is named."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, text

from licence_service.archive import open_second_place
from licence_service.audit import Auditor, Finding
from licence_service.audit.finding import Kind
from licence_service.digests import canonical, digests
from licence_service.follower import keeper_of
from licence_service.licence import beijing_day
from licence_service.log.heads import KeptHead, Statement, leaves
from licence_service.log.tree import Frontier
from licence_service.seal.tokens import CodeSigner, Purpose, sign1
from licence_service.store.backup import back_up, put_back
from licence_service.store.database import Database
from licence_service.store.heads import Heads
from tests.parts.databases import KINDS, empty_postgres
from tests.world import DRIVER, NOW, TRIP, VEHICLE, World, a_world

BUSINESS = "road_transport_business_permit"

GUARDED = ("entries", "heads")


@dataclass
class Scene:
    """A register with three licences, two acts on the first, heads over all of it, and a second place."""

    world: World
    folder: Path
    ids: list[str]

    @property
    def database(self) -> Database:
        """The register's database."""
        return self.world.service.database

    def audit(self, **how: Any) -> list[Finding]:
        """Audit the register by itself."""
        return list(self.world.service.auditor.audit(**how))

    def against(self, what: bytes | None = None) -> list[Finding]:
        """Audit it against its second place, or one head."""
        second = self.world.service.second_place
        assert second
        return list(self.world.service.auditor.against(second if what is None else what))

    def tamper(self, statement: str, **values: Any) -> None:
        """Change the database as its owner can, past triggers and foreign keys."""
        with self.database.write() as connection:
            if self.database.is_sqlite:
                for table in GUARDED:
                    for verb in ("update", "delete"):
                        connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_{verb}"))
            else:
                for table in GUARDED:
                    connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
            connection.execute(text(statement), values)

    def lines(self) -> list[dict[str, Any]]:
        """Return the entries in the order of their places."""
        with self.database.read() as connection:
            found = connection.execute(text("SELECT id, licence, sequence, place, body, sha256 FROM entries ORDER BY place"))
            return [dict(row) for row in found.mappings()]

    def line(self, licence_id: str, sequence: int) -> dict[str, Any]:
        """Return one entry."""
        return next(one for one in self.lines() if one["sequence"] == sequence and json.loads(one["body"])["licence_id"] == licence_id)

    def rewrite(self, line: dict[str, Any], **changes: Any) -> str:
        """Write an entry anew with right digests of its own; return its new digest."""
        body = canonical({**json.loads(line["body"]), **changes})
        made = digests(body)
        self.tamper("UPDATE entries SET body = :body, sha256 = :sha256, sm3 = :sm3 WHERE id = :id", body=body.decode(), id=line["id"],
                    sha256=made.sha256, sm3=made.sm3)  # fmt: skip
        return made.sha256

    def rewrite_chain(self, licence_id: str) -> None:
        """Change the first entry of a licence and recompute the digests and links of all that follow."""
        previous = ""
        for line in [one for one in self.lines() if json.loads(one["body"])["licence_id"] == licence_id]:
            changes = {"previous": previous} | ({"by": "somebody-else"} if line["sequence"] == 1 else {})
            previous = self.rewrite(line, **changes)

    def rewrite_heads(self, signer: CodeSigner) -> None:
        """Recompute every head over what the book says now and sign it with some key."""
        edge, done = Frontier(), 0
        with self.database.read() as connection:
            bodies = {
                row.place: row.body
                for table in ("entries", "foundations")
                for row in connection.execute(text(f"SELECT place, body FROM {table}"))  # noqa: S608
            }
        for head in list(Heads(self.database).all()):
            edge = edge.extended(leaves(bodies[place] for place in range(done + 1, head.size + 1)))
            statement = Statement(self.world.service.settings.public_url, head.size, head.until, edge.root(), NOW)
            self.tamper(
                "UPDATE heads SET root = :root, frontier = :frontier, message = :message WHERE size = :size",
                root=edge.root().hex(), frontier=edge.packed(), message=sign1(statement.payload(), signer), size=head.size,
            )  # fmt: skip
            done = head.size


@dataclass(frozen=True)
class Finished:
    """A register that was made once, to be copied: its folder with archive, second place and file, or its name on the server of PostgreSQL."""

    folder: Path
    name: str
    ids: list[str]
    tokens: dict[str, str]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path, request: pytest.FixtureRequest) -> Callable[[str], Finished]:
    """Return a function that makes the register once on each database."""

    @cache
    def make(kind: str) -> Finished:
        folder = tmp_path_factory.mktemp("finished")
        url = None  # a file in the folder
        if kind != "sqlite":
            url = empty_postgres(request.getfixturevalue("postgres_address"), request.getfixturevalue("migrated_postgres"))
        with a_world(folder, demo_keys, url, heads_url=f"file:{folder}/second") as world:
            made = drawn_up(world, folder)
            if made.database.is_sqlite:
                with made.database.engine.connect() as connection:
                    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            return Finished(folder, str(made.database.url.database), made.ids, world.tokens)

    return make


@pytest.fixture(params=KINDS)
def scene(finished: Callable[[str], Finished], tmp_path: Path, demo_keys: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """A copy of the register for one test, on both databases; nothing is wrong with it."""
    whole = finished(request.param)
    shutil.copytree(whole.folder, tmp_path, dirs_exist_ok=True)
    url = None if request.param == "sqlite" else empty_postgres(request.getfixturevalue("postgres_address"), whole.name)
    with a_world(tmp_path, demo_keys, url, whole.tokens, heads_url=f"file:{tmp_path}/second") as world:
        made = Scene(world, tmp_path, whole.ids)
        assert made.audit(documents=True) == []
        assert made.against() == []
        yield made


def drawn_up(world: World, folder: Path) -> Scene:
    """Enter three licences and two suspensions of one of them, with a head after each step but one."""
    ids = []
    for number, slug in enumerate((VEHICLE, DRIVER, TRIP)):
        ids.append(str(world.issue(slug, f"issue-{number:04d}")["licence_id"]))
        world.service.follower.follow()
    today = beijing_day(world.clock())
    later = (today + timedelta(days=30)).isoformat()
    suspend = {"act": "suspend", "suspension": {"kind": "penalty", "first": today.isoformat(), "last": later}, "effective_on": today.isoformat()}
    for number in range(2):
        answer = world.act(VEHICLE, ids[0], suspend, f"suspend-{number:04d}")
        assert answer.status_code in {200, 201}, answer.text
    world.service.follower.follow()
    return Scene(world, folder, ids)


def names(findings: list[Finding], kind: Kind, licence_id: str | None = None, sequence: int | None = None, place: int | None = None) -> bool:
    """Say whether a finding of this kind names this row."""
    return any(
        one.kind is kind
        and licence_id in (None, one.licence_id)
        and sequence in (None, one.sequence)
        and place in (None, one.place)
        for one in findings
    )  # fmt: skip


def test_a_changed_body_is_named(scene: Scene) -> None:
    line = scene.line(scene.ids[0], 2)
    scene.tamper("UPDATE entries SET body = replace(body, 'penalty', 'measure') WHERE id = :id", id=line["id"])

    found = scene.audit()
    assert names(found, Kind.CHANGED, scene.ids[0], 2, line["place"])
    assert names(found, Kind.HEAD)
    assert names(scene.against(), Kind.REWRITTEN, scene.ids[0], 2, line["place"])


def test_a_changed_body_with_right_digests_is_named_by_the_entry_after_it(scene: Scene) -> None:
    scene.rewrite(scene.line(scene.ids[0], 2), by="somebody-else")

    found = scene.audit()
    assert names(found, Kind.REORDERED, scene.ids[0], 3)  # it was entered upon another one
    assert names(scene.against(), Kind.REWRITTEN, scene.ids[0], 2)


def test_a_changed_face_is_named(scene: Scene) -> None:
    one, other = scene.line(scene.ids[0], 1), scene.line(scene.ids[1], 1)
    with scene.database.read() as connection:
        sealed = connection.execute(text("SELECT sealed FROM payloads WHERE entry = :id"), {"id": other["id"]}).scalar_one()
    scene.tamper("UPDATE payloads SET sealed = :sealed WHERE entry = :id", sealed=bytes(sealed), id=one["id"])

    found = scene.audit()
    assert names(found, Kind.PRIVATE, scene.ids[0], 1)
    assert not names(found, Kind.PRIVATE, scene.ids[1])


def test_a_face_changed_by_somebody_with_the_key_is_named(scene: Scene) -> None:
    line = scene.line(scene.ids[1], 1)
    vault, row = scene.world.service.book._vault, f"entry:{scene.ids[1]}:1"
    with scene.database.read() as connection:
        sealed = connection.execute(text("SELECT sealed FROM payloads WHERE entry = :id"), {"id": line["id"]}).scalar_one()
    private = vault.open_json(bytes(sealed), row)
    private["face"]["person_name"] = "另一人"
    scene.tamper("UPDATE payloads SET sealed = :sealed WHERE entry = :id", sealed=vault.close_json(private, row), id=line["id"])

    assert names(scene.audit(), Kind.PRIVATE, scene.ids[1], 1)


def test_a_deleted_private_part_is_named(scene: Scene) -> None:
    scene.tamper("DELETE FROM payloads WHERE entry = :id", id=scene.line(scene.ids[2], 1)["id"])

    assert names(scene.audit(), Kind.PRIVATE, scene.ids[2], 1)


@pytest.mark.parametrize("sequence", [2, 3])
def test_a_deleted_entry_is_named(scene: Scene, sequence: int) -> None:
    line = scene.line(scene.ids[0], sequence)
    scene.tamper("DELETE FROM payloads WHERE entry = :id", id=line["id"])
    scene.tamper("DELETE FROM entries WHERE id = :id", id=line["id"])

    found = scene.audit()
    assert names(found, Kind.MISSING, scene.ids[0], sequence)
    assert names(found, Kind.MISSING, place=line["place"])
    elsewhere = scene.against()
    assert names(elsewhere, Kind.MISSING if sequence == 2 else Kind.NEWER, scene.ids[0], sequence, line["place"])


def test_an_inserted_entry_is_named(scene: Scene) -> None:
    line = scene.line(scene.ids[0], 3)
    copied = "licence, 4, act, effective_on, recorded_at + 1, body, 'x', sm3, {place} FROM entries WHERE id = :id"
    columns = "INSERT INTO entries (licence, sequence, act, effective_on, recorded_at, body, sha256, sm3, place) SELECT "
    scene.tamper(columns + copied.format(place=line["place"] + 2), id=line["id"])

    found = scene.audit()
    assert names(found, Kind.CHANGED, scene.ids[0], 4)
    assert names(found, Kind.MISSING, place=line["place"] + 1)
    assert names(found, Kind.PRIVATE, scene.ids[0], 4)


@pytest.mark.parametrize("column", ["place", "recorded_at", "sequence"])
def test_two_entries_that_changed_places_are_named(scene: Scene, column: str) -> None:
    one, other = scene.line(scene.ids[0], 2), scene.line(scene.ids[0], 3)
    with scene.database.read() as connection:
        asked = text(f"SELECT {column} FROM entries WHERE id IN :ids ORDER BY sequence").bindparams(bindparam("ids", expanding=True))  # noqa: S608
        first, second = connection.execute(asked, {"ids": [one["id"], other["id"]]}).scalars().all()
    for value, key in ((-1, one["id"]), (first, other["id"]), (second, one["id"])):
        scene.tamper(f"UPDATE entries SET {column} = :value WHERE id = :id", value=value, id=key)  # noqa: S608

    found = scene.audit()
    assert names(found, Kind.REORDERED, scene.ids[0], 2) or names(found, Kind.REORDERED, scene.ids[0], 3)
    if column == "place":
        elsewhere = scene.against()
        assert names(elsewhere, Kind.REWRITTEN, scene.ids[0], 2, one["place"])
        assert names(elsewhere, Kind.REWRITTEN, scene.ids[0], 3, other["place"])


def test_a_recomputed_chain_is_named(scene: Scene) -> None:
    scene.rewrite_chain(scene.ids[0])

    found = scene.audit()
    assert {one.kind for one in found} == {Kind.HEAD}
    assert any(f"licence {scene.ids[0]}, entry 1" in one.said for one in found)
    elsewhere = scene.against()
    assert [names(elsewhere, Kind.REWRITTEN, scene.ids[0], sequence) for sequence in (1, 2, 3)] == [True] * 3
    assert not names(elsewhere, Kind.REWRITTEN, scene.ids[1])


def test_a_database_recomputed_as_a_whole_is_noticed_by_the_signatures_of_its_heads(scene: Scene) -> None:
    scene.rewrite_chain(scene.ids[0])
    stranger = keeper_of(scene.world.service.keyring.departments).signers[Purpose.EVIDENCE]
    scene.rewrite_heads(CodeSigner(b"\xff" * 4, stranger.key))

    found = scene.audit()
    assert {one.kind for one in found} == {Kind.HEAD}
    assert all("not signed by a department" in one.said for one in found)


def test_a_database_recomputed_with_the_keepers_key_is_noticed_elsewhere(scene: Scene) -> None:
    aside = Heads(scene.database).last()
    assert aside
    kept = scene.world.service.second_place
    assert kept
    scene.rewrite_chain(scene.ids[0])
    scene.rewrite_heads(keeper_of(scene.world.service.keyring.departments).signers[Purpose.EVIDENCE])

    assert scene.audit() == []
    elsewhere = scene.against()
    assert names(elsewhere, Kind.REWRITTEN, scene.ids[0], 1)
    assert not names(elsewhere, Kind.REWRITTEN, scene.ids[1])
    single = scene.against(aside.message)
    assert names(single, Kind.REWRITTEN, place=aside.size)
    assert scene.against(b"no head") != []


def test_an_old_backup_is_noticed_and_every_line_it_lacks_is_named(scene: Scene, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    back_up(scene.database, tmp_path / "backup", NOW)
    first = Heads(scene.database).last()
    late = scene.world.issue(BUSINESS, "issue-9999")["licence_id"]
    scene.world.service.follower.follow()
    newest = Heads(scene.database).last()
    assert first
    assert newest
    if scene.database.is_sqlite:
        url = f"sqlite:///{tmp_path}/old.db"
    else:
        url = empty_postgres(request.getfixturevalue("postgres_address"), request.getfixturevalue("migrated_postgres"))
    old = Database(url)
    old.migrate()
    put_back(old, tmp_path / "backup")
    given: Callable[..., Auditor] = type(scene.world.service.auditor)
    auditor = scene.world.service.auditor
    restored = given(old, auditor.vault, auditor.seal_log, auditor.catalogue, auditor.keyring, auditor.archive, auditor.name)
    second = scene.world.service.second_place
    assert second

    assert [one for one in restored.audit() if one.kind is not Kind.SEAL_LOG] == []
    elsewhere = list(restored.against(second))
    assert names(elsewhere, Kind.NEWER, late, 1, first.size + 1)
    assert {one.kind for one in elsewhere} == {Kind.NEWER}
    assert names(list(restored.against(newest.message)), Kind.NEWER, place=newest.size)
    assert list(restored.against(first.message)) == []
    old.close()


def test_a_row_that_searches_read_is_held_against_the_entries(scene: Scene) -> None:
    scene.tamper("UPDATE licences SET valid_to = '2099-12-31' WHERE licence_id = :own", own=scene.ids[1])
    scene.tamper("UPDATE versions SET document_sha256 = :other WHERE licence = (SELECT id FROM licences WHERE licence_id = :own)",
                 other="0" * 64, own=scene.ids[2])  # fmt: skip
    scene.tamper("DELETE FROM lookups WHERE name = 'number' AND licence = (SELECT id FROM licences WHERE licence_id = :own)", own=scene.ids[0])

    found = scene.audit()
    assert {(one.kind, one.licence_id) for one in found} == {(Kind.PROJECTION, own) for own in scene.ids}
    assert any("valid_to" in one.said for one in found)
    assert any("document_sha256" in one.said for one in found)
    assert any("not found by its number" in one.said for one in found)


def test_documents_that_are_gone_or_damaged_are_named(scene: Scene) -> None:
    files = sorted((scene.folder / "archive").rglob("*"))
    by_name = {file.name: file for file in files if file.is_file()}
    gone, damaged = (json.loads(scene.line(own, 1)["body"])["version"]["document_sha256"] for own in scene.ids[:2])
    by_name[gone].unlink()
    by_name[damaged].write_bytes(b"%PDF-1.7 another")

    assert scene.audit() == []
    found = scene.audit(documents=True)
    assert {(one.kind, one.licence_id) for one in found} == {(Kind.DOCUMENT, scene.ids[0]), (Kind.DOCUMENT, scene.ids[1])}


def test_a_second_place_that_lost_or_gained_something_is_named(scene: Scene) -> None:
    folder = scene.folder / "second" / "heads"
    first, *_, last = sorted(folder.iterdir())
    first.unlink()
    place = open_second_place(f"file:{scene.folder}/second")
    place.keep(int(last.name) + 1, b"no head")
    place.keep(int(last.name) + 2, KeptHead(b"unsigned", int(last.name), ()).packed())

    found = scene.against()
    assert names(found, Kind.MISSING, place=int(first.name))
    assert names(found, Kind.HEAD, place=int(last.name) + 1)
    assert names(found, Kind.HEAD, place=int(last.name) + 2)
