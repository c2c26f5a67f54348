"""Documents in segments, over a folder and over a real S3 server: byte for byte what was pressed, or nothing."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import obstore
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obstore.store import S3Store

from licence_service import segments
from licence_service.archive import Archive, open_archive
from licence_service.errors import ArchiveUnavailable, NotInRegister
from licence_service.seal import HeldSeal
from licence_service.seal.keyring import Keyring
from licence_service.segments import Closed, Damaged, Packing, Part, Place, Segment, Unpacking, Whole
from tests.varied_faces import LEVEL_1, Printed, parts_of, printed

TYPES = (
    "practitioner_qualification",
    "road_transport_certificate",
    "overweight_vehicle_permit",
    "road_transport_business_permit",
    "taxi_driver_certificate",
)
EACH = 10
FEW_CHARACTERS = LEVEL_1[::12]  # to make a character for the first time takes milliseconds
DICTIONARY = bytes(range(256)) * 4 + b"what comes again in many documents, word for word"
PLATE, PHOTO = b"%PDF-1.7 of an edition " * 40, bytes(reversed(range(256))) * 9


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Store:
    """An archive that knows the places it is told, and its objects behind its back."""

    archive: Archive
    write: Callable[[str, bytes], None]
    delete: Callable[[str], None]
    places: dict[str, Place] = field(default_factory=dict)
    in_bucket: bool = False

    def keep(self, closed: Closed) -> None:
        assert self.archive.put_segment(closed.content) == closed.digest
        self.places.update(closed.documents)


@pytest.fixture
def in_folder(tmp_path: Path) -> Store:
    folder, places = tmp_path / "archive", dict[str, Place]()
    return Store(
        open_archive(f"file:{folder}", place_of=places.get),
        lambda key, content: _overwritten(folder / key, content),
        lambda key: (folder / key).unlink(),
        places,
    )


def _overwritten(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


@pytest.fixture
def in_bucket(bucket: str, s3_options: dict[str, str], s3_store: S3Store) -> Store:
    places = dict[str, Place]()
    archive = open_archive(f"s3://{bucket}/documents", options=s3_options, place_of=places.get)
    return Store(
        archive, lambda key, content: (obstore.put(s3_store, key, content), None)[1], lambda key: obstore.delete(s3_store, key), places, True
    )


@pytest.fixture(params=["in_folder", "in_bucket"])
def store(request: pytest.FixtureRequest) -> Store:
    found: Store = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def pressed(keyring: Keyring) -> list[Printed]:
    """Fifty sealed licences of five types, with words by chance."""
    seal = next(one.seal for one in keyring.departments.values() if isinstance(one.seal, HeldSeal) and one.seal.scheme == "pades-p256")
    return [printed(slug, number, seal, FEW_CHARACTERS) for slug in TYPES for number in range(EACH)]


def key(digest: str) -> str:
    return f"{digest[:2]}/{digest[2:4]}/{digest}"


def kept(store: Store, pressed: Sequence[Printed]) -> Closed:
    """Keep pressed documents in one segment, as whoever carries a chunk does."""
    dictionary = b"".join(each.pressed.own for each in pressed[::EACH])
    store.archive.put(dictionary)
    segment = Segment(Packing(dictionary))
    plates = {prefix: Whole(store.archive.put(prefix)) for prefix in {one.pressed.plate.prefix for one in pressed}}
    for one in pressed:
        own = [segment.share(part, sha256(part)) if part in one.photos else part for part in parts_of(one)]
        segment.add([plates[one.pressed.plate.prefix], *own], one.pressed.digests().sha256)
    closed = segment.close()
    store.keep(closed)
    return closed


def a_document(store: Store, own: bytes = b"name and number") -> tuple[Closed, bytes]:
    """Keep one small document that has all kinds of parts; return its segment and its bytes."""
    segment = Segment(packing := Packing(DICTIONARY))
    elsewhere = segment.share(PHOTO[:300], sha256(PHOTO[:300]))
    segment.add([own], sha256(own))
    store.archive.put(DICTIONARY)
    store.keep(first := segment.close())
    segment = Segment(packing)
    content = PLATE + own + PHOTO + own + PHOTO[:300]
    there = replace(elsewhere, segment=first.digest)
    segment.add([Whole(store.archive.put(PLATE)), own, segment.share(PHOTO, sha256(PHOTO)), own, there], sha256(content))
    store.keep(closed := segment.close())
    return closed, content


def test_fifty_pressed_documents_come_back_byte_for_byte(store: Store, pressed: list[Printed]) -> None:
    closed = kept(store, pressed)
    assert len(closed.documents) == len(pressed) == 50
    for one in pressed:
        content = one.pressed.content
        assert store.archive.get(sha256(content)) == content
        assert store.archive.get_place(closed.documents[sha256(content)], sha256(content)) == content


def test_what_documents_share_is_kept_once(in_folder: Store, pressed: list[Printed]) -> None:
    closed = kept(in_folder, pressed)
    photos = {photo for one in pressed for photo in one.photos}
    assert photos
    for photo in photos:
        assert closed.content.count(photo) == 1
        place = closed.shared[sha256(photo)]
        assert closed.content[place.offset : place.offset + place.length] == photo
    assert all(one.pressed.plate.prefix[:200] not in closed.content for one in pressed)


def test_a_document_needs_no_byte_of_its_segment_but_its_own_and_its_photo(store: Store, pressed: list[Printed]) -> None:
    closed = kept(store, pressed)
    for one in pressed[:: EACH - 1]:
        needed = [closed.documents[one.pressed.digests().sha256], *(closed.shared[sha256(photo)] for photo in one.photos)]
        rest = bytearray(len(closed.content))
        for place in needed:
            rest[place.offset : place.offset + place.length] = closed.content[place.offset : place.offset + place.length]
        store.write(f"segments/{closed.digest}", bytes(rest))
        assert store.archive.get(one.pressed.digests().sha256) == one.pressed.content


def test_documents_of_their_own_are_found_as_ever(store: Store) -> None:
    closed, content = a_document(store)
    alone = store.archive.put(b"a document of its own")
    assert store.archive.get(alone) == b"a document of its own"
    assert store.archive.get(sha256(content)) == content
    with pytest.raises(NotInRegister):
        store.archive.get(closed.digest)  # a segment is no document


def test_a_photo_of_an_earlier_segment_is_named_and_not_kept_again(store: Store) -> None:
    closed, content = a_document(store)
    assert PHOTO[:300] not in closed.content.replace(PHOTO, b"")
    assert store.archive.get(sha256(content)) == content


def test_a_segment_put_twice_is_harmless(store: Store) -> None:
    closed, content = a_document(store)
    assert store.archive.put_segment(closed.content) == closed.digest
    assert store.archive.get(sha256(content)) == content
    assert sorted(store.archive.segments()) == sorted({place.segment for place in store.places.values()})


def test_the_same_documents_make_the_same_segment(in_folder: Store, in_bucket: Store, pressed: list[Printed]) -> None:
    assert kept(in_folder, pressed) == kept(in_bucket, pressed)
    assert kept(in_folder, pressed[::-1]).digest != kept(in_folder, pressed).digest


@pytest.mark.parametrize("damage", [b"", b"half"])
def test_a_segment_that_a_dead_writer_left_half_is_not_taken_for_good(store: Store, damage: bytes) -> None:
    segment = Segment(Packing(DICTIONARY))
    segment.add([b"own"], sha256(b"own"))
    closed = segment.close()
    store.write(f"segments/{closed.digest}", damage or closed.content[:-1])
    if damage or store.in_bucket:
        with pytest.raises(ArchiveUnavailable, match="damaged"):
            store.archive.put_segment(closed.content)
        return
    store.archive.put_segment(closed.content)  # a folder's file that only ends too early is written to its end
    assert store.archive.get_segment(closed.digest) == closed.content


def test_what_a_dead_writer_left_beside_is_no_segment_and_not_in_the_way(in_folder: Store) -> None:
    segment = Segment(Packing(DICTIONARY))
    segment.add([b"own"], sha256(b"own"))
    closed = segment.close()
    in_folder.write(f"segments/{closed.digest}#1", closed.content[:20])  # how obstore names what it has not finished
    in_folder.keep(closed)
    assert list(in_folder.archive.segments()) == [closed.digest]
    assert in_folder.archive.get_segment(closed.digest) == closed.content


def test_places_that_were_lost_are_found_by_walking_through_all_segments(store: Store) -> None:
    a_document(store)
    found: dict[str, Place] = {}
    for digest in store.archive.segments():
        found.update(segments.documents(store.archive.get_segment(digest), digest))
    assert found == store.places
    assert len(found) == 2


def test_no_single_changed_byte_goes_unseen(in_folder: Store) -> None:
    closed, content = a_document(in_folder)
    place = closed.documents[sha256(content)]
    for at in range(place.length):
        damaged = bytearray(closed.content)
        damaged[place.offset + at] ^= 1 << at % 8
        in_folder.write(f"segments/{closed.digest}", bytes(damaged))
        try:
            found = in_folder.archive.get(sha256(content))
        except ArchiveUnavailable:
            continue
        assert found == content  # a bit that says nothing, such as a reserved one


@pytest.mark.parametrize("what", ["frame", "photo", "plate", "dictionary", "end", "another segment"])
def test_damage_anywhere_is_told(store: Store, what: str) -> None:
    closed, content = a_document(store)
    place, photo = closed.documents[sha256(content)], closed.shared[sha256(PHOTO)]
    other = next(each.segment for each in store.places.values() if each.segment != closed.digest)
    segment = f"segments/{closed.digest}"
    middle = place.offset + place.length - 9
    match what:
        case "frame":
            store.write(segment, closed.content[:middle] + bytes([closed.content[middle] ^ 64]) + closed.content[middle + 1 :])
        case "photo":
            store.write(segment, closed.content[: photo.offset] + b"!" + closed.content[photo.offset + 1 :])
        case "plate":
            store.write(key(sha256(PLATE)), PLATE[:-1] + b"?")
        case "dictionary":
            store.write(key(sha256(DICTIONARY)), DICTIONARY[:-1] + b"?")
        case "end":
            store.write(segment, closed.content[: place.offset + place.length - 1])
        case "another segment":
            store.write(f"segments/{other}", bytes(2000))
    with pytest.raises(ArchiveUnavailable):
        store.archive.get(sha256(content))


@pytest.mark.parametrize("what", ["plate", "dictionary", "another segment"])
def test_a_document_whose_shared_parts_are_gone_is_damaged_and_not_unknown(store: Store, what: str) -> None:
    closed, content = a_document(store)
    other = next(each.segment for each in store.places.values() if each.segment != closed.digest)
    store.delete({"plate": key(sha256(PLATE)), "dictionary": key(sha256(DICTIONARY)), "another segment": f"segments/{other}"}[what])
    with pytest.raises(ArchiveUnavailable, match="damaged"):
        store.archive.get(sha256(content))


def test_a_document_whose_segment_is_gone_is_not_in_the_register(store: Store) -> None:
    closed, content = a_document(store)
    store.delete(f"segments/{closed.digest}")
    with pytest.raises(NotInRegister):
        store.archive.get(sha256(content))
    with pytest.raises(NotInRegister):
        store.archive.get_segment(closed.digest)


def test_the_place_of_another_document_is_never_taken_for_this_one(store: Store) -> None:
    closed, content = a_document(store)
    with pytest.raises(ArchiveUnavailable):
        store.archive.get_place(closed.documents[sha256(content)], sha256(b"another"))
    for place in (Place(closed.digest, 0, 8), Place(closed.digest, 1, 40), Place(closed.digest, len(closed.content) + 5, 9)):
        with pytest.raises(ArchiveUnavailable):
            store.archive.get_place(place, sha256(content))


def test_a_segment_of_eight_megabytes_goes_as_one_object(store: Store) -> None:
    segment = Segment(Packing(DICTIONARY))
    photo = hashlib.shake_128(b"photo").digest(9_000_000)
    segment.add([b"own", segment.share(photo, sha256(photo))], sha256(b"own" + photo))
    store.archive.put(DICTIONARY)
    store.keep(closed := segment.close())
    assert len(closed.content) > 8_000_000
    assert list(store.archive.segments()) == [closed.digest]
    assert store.archive.get(sha256(b"own" + photo)) == b"own" + photo


_PARTS = st.lists(st.tuples(st.binary(max_size=60), st.sampled_from([None, "here", "whole", "there"])), max_size=6)


@settings(max_examples=150)
@given(documents=st.lists(_PARTS, max_size=5), dictionary=st.binary(min_size=8, max_size=200))
def test_any_parts_are_put_together_again(documents: list[list[tuple[bytes, str | None]]], dictionary: bytes) -> None:
    wholes: dict[str, bytes] = {}
    segment, contents = Segment(Packing(dictionary)), set()
    for told in documents:
        parts: list[Part] = []
        for content, kind in told:
            digest = sha256(content)
            wholes[digest] = content
            known: dict[str | None, Part] = {"whole": Whole(digest), "there": Place(digest, 3, len(content)), "here": segment.share(content, digest)}
            parts.append(known.get(kind, content))
        whole = b"".join(content for content, _ in told)
        segment.add(parts, sha256(whole))
        contents.add(whole)
    closed = segment.close()

    def fetch(shared: segments.Shared) -> bytes:
        if isinstance(shared, Whole):
            return wholes[shared.digest]
        return closed.content[shared.offset : shared.offset + shared.length] if shared.segment == closed.digest else wholes[shared.segment]

    assert dict(segments.documents(closed.content, closed.digest)) == closed.documents
    assert set(closed.documents) == {sha256(content) for content in contents}
    for digest, place in closed.documents.items():
        recipe = segments.read(closed.content[place.offset : place.offset + place.length], closed.digest)
        own = Unpacking(dictionary).unpack(recipe.packed, recipe.length)
        assert sha256(recipe.joined(own, fetch)) == recipe.sha256 == digest


@settings(max_examples=150)
@given(frame=st.binary(max_size=200))
def test_bytes_of_any_kind_are_no_document_or_are_refused(frame: bytes) -> None:
    def opened(content: bytes) -> bytes:
        recipe = segments.read(content, "0" * 64)
        return Unpacking(DICTIONARY).unpack(recipe.packed, recipe.length)

    for start in (b"", bytes.fromhex("502a4d18"), bytes.fromhex("502a4d182900000001")):
        with pytest.raises(Damaged):
            opened(start + frame)
    if frame:
        with pytest.raises(Damaged):
            list(segments.documents(bytes.fromhex("502a4d18") + frame, "0" * 64))


def test_own_bytes_that_would_swell_beyond_what_was_said_are_refused() -> None:
    packed = Packing(DICTIONARY).pack([bytes(5_000_000)])
    assert len(packed) < 2000
    for length in (0, 10, 4_999_999, 5_000_001, 2**32 - 1):
        with pytest.raises(Damaged):
            Unpacking(DICTIONARY).unpack(packed, length)
    with pytest.raises(Damaged):
        Unpacking(DICTIONARY).unpack(packed + b"x", 5_000_000)
    assert Unpacking(DICTIONARY).unpack(packed, 5_000_000) == bytes(5_000_000)


def test_a_dictionary_is_content_and_enough_of_it() -> None:
    for wrong in (b"", b"seven b", bytes.fromhex("37a430ec") + bytes(400)):
        with pytest.raises(ValueError, match="dictionary"):
            Packing(wrong)
        with pytest.raises(ValueError, match="dictionary"):
            Unpacking(wrong)


def test_threads_share_a_packing() -> None:
    packing, unpacking = Packing(DICTIONARY), Unpacking(DICTIONARY)
    right: list[bool] = []

    def work(number: int) -> None:
        for turn in range(50):
            own = [b"%d of %d" % (turn, number)] * number
            right.append(unpacking.unpack(packing.pack(own), len(b"".join(own))) == b"".join(own))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 400


def test_a_document_that_could_not_be_packed_leaves_nothing_in_the_next() -> None:
    packing = Packing(DICTIONARY)
    before = packing.pack([b"name", b" and number"])

    def breaking() -> Iterator[bytes]:
        yield b"the name of somebody else"
        raise MemoryError

    with pytest.raises(MemoryError):
        packing.pack(breaking())
    assert packing.pack([b"name", b" and number"]) == before


def test_a_document_told_twice_is_written_once() -> None:
    segment = Segment(Packing(DICTIONARY))
    segment.add([b"own"], sha256(b"own"))
    before = segment.close().content
    segment.add([b"own"], sha256(b"own"))
    assert segment.close().content == before
