"""What documents are packed with: made of nothing that was said of anybody, anew when the types change, and small documents by it."""

import logging
import shutil
from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from asn1crypto import cms
from sqlalchemy import select

from licence_service.archive import open_archive
from licence_service.digests import sha256
from licence_service.licence import beijing_day
from licence_service.packing import Packer
from licence_service.seal import is_held
from licence_service.segments import Packing, Segment, Unpacking, Whole
from licence_service.service import Service
from licence_service.skeletons import Skeletons
from licence_service.store.database import Database
from licence_service.store.packing import Packed
from licence_service.store.tables_of_packing import dictionaries
from tests.journeys.test_chunks import issued, rows
from tests.parts.databases import at_once
from tests.varied_faces import parts_of, printed
from tests.world import DRIVER, NOW, ROOT, Clock, World, a_world, opened_once, own_fonts, own_templates

MOST_BYTES = 8_000  # of a stored version, its photo apart
EACH = 3
LOGGED = "licence_service.packing"


@pytest.fixture(scope="module")
def skeletons(demo_keys: Path) -> Skeletons:
    """Those of an installation with all types and four departments."""
    keyring = opened_once(demo_keys)
    assert keyring
    return Skeletons(own_templates(), keyring, own_fonts(), "licence.example.cn")


@pytest.fixture(scope="module")
def dictionary(skeletons: Skeletons) -> bytes:
    """Their dictionary."""
    return skeletons.dictionary(beijing_day(NOW))


def kept(service: Service) -> list[str]:
    """Return the digests of the dictionaries that a register knows, oldest first."""
    with service.database.read() as connection:
        return list(connection.execute(select(dictionaries.c.sha256).order_by(dictionaries.c.id)).scalars())


def test_a_dictionary_has_no_word_of_a_real_document(world: World, dictionary: bytes) -> None:
    given = rows(world, count=3)
    given[0] = (given[0][0], {**given[0][1], "face": {**given[0][1]["face"], "person_name": "欧阳第一"}})
    done = issued(world, DRIVER, given)
    (digest,) = kept(world.service)
    made = world.service.archive.get(digest)
    assert "欧阳第一".encode() not in made
    assert "欧阳第一".encode("utf-16-be").hex().encode() not in made.lower()
    for one, (_, body) in zip(done, given, strict=True):
        assert one.licence_id.encode() not in made
        assert one.check_code.encode() not in made
        assert body["face"]["license_no"].encode() not in made
    # It is the very same where none was issued: what people say is no part of it.
    assert made == world.service.chunks.packer.skeletons.made_of(beijing_day(NOW)).encode() + dictionary


def test_making_a_dictionary_uses_no_seal(world: World) -> None:
    packing = world.service.chunks.packer.packing(world.clock())
    assert world.service.seal_log.uses() == []
    assert kept(world.service) == [packing.dictionary]
    made = world.service.archive.get(packing.dictionary)
    assert made.count(b"/Type /Sig ") == len(own_templates().slugs)
    assert b"\xff\xd8\xff\xe0\x00\x10JFIF" not in made  # no photo either, not even one that is drawn


def test_what_a_dictionary_knows_of_a_seal_is_a_container_without_digest_and_signature(skeletons: Skeletons) -> None:
    for department in skeletons.keyring.departments.values():
        seal = department.seal
        assert is_held(seal)
        unsigned, signed = (cms.ContentInfo.load(bytes.fromhex(slot.decode())) for slot in (seal.unsigned_slot, seal.slot_over(b"d" * 32)))
        assert len(seal.unsigned_slot) == seal.slot_bytes
        assert unsigned["content"]["certificates"].dump() == signed["content"]["certificates"].dump()
        assert not any(unsigned["content"]["signer_infos"][0]["signature"].native)
        assert b"d" * 32 in signed.dump()
        assert bytes(32) in unsigned.dump()


@pytest.mark.parametrize("slug", own_templates().slugs)
def test_a_document_of_any_type_is_stored_in_8_kilobytes(skeletons: Skeletons, packing: Packing, slug: str) -> None:
    department = next(each for each in skeletons.keyring.departments.values() if each.may_seal(slug, beijing_day(NOW)))
    assert is_held(department.seal)
    segment = Segment(packing)
    documents = [printed(slug, number, department.seal) for number in range(EACH)]
    for one in documents:
        parts = [segment.share(part, sha256(part)) if part in one.photos else part for part in parts_of(one)]
        segment.add([Whole(sha256(one.pressed.plate.prefix)), *parts], one.pressed.digests().sha256)
    lengths = [place.length for place in segment.close().documents.values()]
    assert len(lengths) == EACH
    assert max(lengths) <= MOST_BYTES


@pytest.fixture(scope="module")
def packing(dictionary: bytes) -> Packing:
    """What packs with it."""
    return Packing(dictionary)


def test_any_number_plate_is_known_to_the_dictionary(packing: Packing, dictionary: bytes, skeletons: Skeletons) -> None:
    from licence_service.document.contents import glyph_path
    from licence_service.document.furniture import CHIP_FACE

    for each in "鲁A7挂":
        drawn = glyph_path(skeletons.fonts, CHIP_FACE, each)[0].encode()
        assert len(packing.pack([drawn])) < len(drawn) / 4
    assert Unpacking(dictionary).unpack(packing.pack([b"x" * 99]), 99) == b"x" * 99


def test_the_same_installation_makes_the_same_dictionary(skeletons: Skeletons, dictionary: bytes) -> None:
    assert skeletons.dictionary(beijing_day(NOW)) == dictionary


def test_a_restarted_service_opens_the_dictionary_that_there_is(tmp_path: Path, demo_keys: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGED)
    with a_world(tmp_path, demo_keys) as world:
        first = world.service.chunks.packer.packing(NOW)
        assert world.service.chunks.packer.packing(NOW + timedelta(minutes=1)) is first
        assert [record.name for record in caplog.records].count(LOGGED) == 1
        with a_world(tmp_path, demo_keys, tokens=world.tokens) as again:
            assert again.service.chunks.packer.packing(NOW).dictionary == first.dictionary
    assert [record.name for record in caplog.records].count(LOGGED) == 1


def test_processes_that_make_it_at_once_agree_and_both_pack(database: Database, tmp_path: Path, skeletons: Skeletons) -> None:
    packers = [Packer(open_archive(f"file:{tmp_path}"), Packed(database), skeletons) for _ in range(2)]
    first, second = at_once([lambda packer=packer: packer.packing(NOW) for packer in packers])  # type: ignore[misc]
    assert isinstance(first, Packing)
    assert isinstance(second, Packing)
    assert first.dictionary == second.dictionary
    assert Packed(database).dictionary(skeletons.made_of(beijing_day(NOW))) == first.dictionary


def test_of_different_dictionaries_for_the_same_the_first_is_kept(database: Database) -> None:
    packed = Packed(database)
    names = [f"{number}" * 64 for number in range(4)]
    found = at_once([lambda name=name: packed.use_dictionary("f" * 64, name, NOW) for name in names])  # type: ignore[misc]
    assert len(set(found)) == 1
    assert packed.dictionary("f" * 64) == found[0]
    assert packed.dictionary("e" * 64) is None


def test_a_new_edition_makes_a_new_dictionary_and_older_documents_stay_readable(tmp_path: Path, demo_keys: Path) -> None:
    templates = tmp_path / "templates"
    shutil.copytree(ROOT / "templates", templates)
    first, tomorrow = next((templates / DRIVER).glob("20*.toml")), beijing_day(NOW) + timedelta(days=1)
    text = first.read_text("utf-8")
    line = next(one for one in text.splitlines() if one.startswith("used_from"))
    (templates / DRIVER / f"{tomorrow:%Y-%m-%d}.toml").write_text(text.replace(line, f"used_from = {tomorrow}"), "utf-8")
    with a_world(tmp_path / "world", demo_keys, templates=templates) as world:
        given = rows(world, count=4)
        before = issued(world, DRIVER, given[:2])
        assert isinstance(world.clock, Clock)
        world.clock.now += timedelta(days=1)
        after = issued(world, DRIVER, given[2:])
        old, new = kept(world.service)
        assert old != new
        editions = [_edition_and_document(world.service, one.licence_id) for one in (*before, *after)]
        assert editions == [first.stem] * 2 + [f"{tomorrow:%Y-%m-%d}"] * 2
        with a_world(tmp_path / "world", demo_keys, tokens=world.tokens, templates=templates) as anew:  # with nothing remembered
            assert [_edition_and_document(anew.service, one.licence_id) for one in (*before, *after)] == editions


def _edition_and_document(service: Service, licence_id: str) -> str:
    """Return the edition of a licence, its document read and checked."""
    version = service.book.get(licence_id).entries[0].version
    assert version
    assert BytesIO(service.archive.get(version.document.sha256)).read(5) == b"%PDF-"
    return version.edition


@pytest.mark.parametrize("changed", ["departments", "host", "day of no change"])
def test_a_dictionary_goes_by_what_it_is_made_of(skeletons: Skeletons, changed: str) -> None:
    today, same = beijing_day(NOW), skeletons.made_of(beijing_day(NOW))
    match changed:
        case "departments":
            uscc, one = next(iter(skeletons.keyring.departments.items()))
            keyring = replace(skeletons.keyring, departments={**skeletons.keyring.departments, uscc: replace(one, name="另一局")})
            assert replace(skeletons, keyring=keyring).made_of(today) != same
        case "host":
            assert replace(skeletons, host="other.example.cn").made_of(today) != same
        case _:
            assert skeletons.made_of(today + timedelta(days=1)) == same


def test_a_sample_that_is_wrong_and_a_type_of_the_future_hold_nothing_up(skeletons: Skeletons, dictionary: bytes) -> None:
    catalogue, day = skeletons.catalogue, beijing_day(NOW)
    broken = replace(catalogue.samples[DRIVER], face={"person_name": "x"}, photos={"photo": "nothing-01"})
    made = replace(skeletons, catalogue=replace(catalogue, samples={**catalogue.samples, DRIVER: broken})).dictionary(day)
    assert made.count(b"/Type /Sig ") == len(catalogue.slugs) - 1
    assert 0 < len(made) < len(dictionary)
    assert b"/Type /Sig " not in skeletons.dictionary(date(1990, 1, 1))
