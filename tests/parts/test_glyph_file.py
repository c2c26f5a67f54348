"""Files of common characters: what they hold is what the face draws; whatever is not sound counts as absent."""

import hashlib
from pathlib import Path

import pytest

from licence_service.document import glyph_file
from licence_service.document.fonts import Face
from licence_service.document.glyph_store import GlyphStore
from tests.printing import fonts

SOME = "证照3 𠮷示"


@pytest.fixture
def face(tmp_path: Path) -> Face:
    """A face in a folder of its own."""
    known = fonts().faces["song-600"]
    path = tmp_path / known.path.name
    path.symlink_to(known.path)
    return Face(known.slug, known.name, path, known.digest)


def test_what_is_read_is_what_the_face_draws(face: Face) -> None:
    assert glyph_file.read(face) == {}
    glyph_file.write(face, SOME)
    store = GlyphStore(face)
    kept = glyph_file.read(face)
    assert set(kept) == {each for each in SOME if face.program.glyph(ord(each))}
    assert all(charstring == store.charstring(character) for character, charstring in kept.items())


def test_a_file_of_another_face_or_a_damaged_one_counts_as_absent(face: Face) -> None:
    glyph_file.write(face, SOME)
    assert glyph_file.read(Face(face.slug, face.name, face.path, "00" * 32)) == {}
    path = glyph_file.path_of(face)
    whole = path.read_bytes()
    for damaged in (b"", whole[:20], whole[:-1], whole[:-40] + b"\0" + whole[-39:]):
        path.write_bytes(damaged)
        assert glyph_file.read(face) == {}


def test_a_code_point_that_is_none_counts_as_damage(face: Face) -> None:
    glyph_file.write(face, "证")
    path = glyph_file.path_of(face)
    content = bytearray(path.read_bytes()[:-32])
    at = len(glyph_file.FORM) + 32 + 4
    content[at : at + 4] = (0x110000).to_bytes(4)
    path.write_bytes(bytes(content) + hashlib.sha256(content).digest())
    assert glyph_file.read(face) == {}


def test_the_common_characters_are_prepared_with_the_fonts() -> None:
    kept = glyph_file.read(fonts().faces["song-600"])
    assert len(kept) > 3755
    store = GlyphStore(fonts().faces["song-600"])
    assert all(kept[each] == store.charstring(each) for each in "川交运管许可证第号0A")
