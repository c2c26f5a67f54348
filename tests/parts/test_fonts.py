import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from licence_service.document import Fonts, foundry
from licence_service.document.fonts import pins
from licence_service.document.outlines import path
from licence_service.document.truetype import TrueType, subset
from licence_service.errors import Misconfigured
from licence_service.settings import Settings
from tests.printing import fonts

FACES = ("song-500", "song-600", "song-700", "hei-400", "hei-500")
CACHE = Settings().fonts.expanduser()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A copy of the built cache that a test may damage; whole faces are links, since they are large."""
    folder = tmp_path / "fonts"
    folder.mkdir()
    for file in CACHE.iterdir():
        (folder / file.name).symlink_to(file)
    return folder


def replace_file(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


@pytest.mark.parametrize("slug", FACES)
def test_a_face_covers_the_general_standard_table_and_is_lean(slug: str) -> None:
    face = fonts().faces[slug].program
    assert all(face.glyph(code_point) for code_point in range(0x4E00, 0x9FD6))
    assert face.units == 1000
    with TTFont(fonts().path(slug), lazy=True) as font:
        assert not {"GSUB", "GPOS", "GDEF", "vmtx", "prep", "fpgm"} & set(font.keys())


@pytest.mark.parametrize("slug", FACES)
def test_widths_and_coverage_are_those_a_foreign_reader_finds(slug: str) -> None:
    face = fonts().faces[slug].program
    with TTFont(fonts().path(slug), lazy=True) as font:
        best, widths = font.getBestCmap(), font["hmtx"]
        for code_point in (*range(0x20, 0x7F), 0xB7, 0x3000, *range(0x4E00, 0x9FA5, 501), 0x2CE57):
            name = best.get(code_point)
            assert face.glyph(code_point) == (font.getGlyphID(name) if name else 0)
            if name:
                assert face.advance(face.glyph(code_point)) == widths[name][0]


def test_a_subset_shows_the_same_outlines_under_its_own_codes() -> None:
    face = fonts().faces["song-600"].program
    glyphs = [face.glyph(ord(character)) for character in "蜀安顺途A1"]
    made = TTFont(io.BytesIO(subset(face, (0, *glyphs))))
    assert [(table.platformID, table.platEncID, table.format) for table in made["cmap"].tables] == [(1, 0, 6)]
    cmap = made["cmap"].tables[0].cmap
    for code, glyph in enumerate(glyphs, 1):
        outline = made["glyf"].glyphs[cmap[code]].data
        assert outline.rstrip(b"\0") == face.outline(glyph).rstrip(b"\0")
        assert made["hmtx"][cmap[code]][0] == face.advance(glyph)


def test_an_outline_ends_where_the_glyph_does() -> None:
    face = fonts().faces["hei-500"].program
    drawn = path(face, face.glyph(ord("一")))
    numbers = [float(word) for word in drawn.replace("m", "").replace("l", "").replace("c", "").replace("h", "").split()]
    assert re.match(r"[\d.-]+ [\d.-]+ m", drawn)  # an outline begins by moving to its first point
    assert min(numbers[::2]) >= 0
    assert max(numbers[::2]) <= 1000
    assert path(face, face.glyph(ord(" "))) == ""


def test_a_character_beyond_the_face_comes_from_the_rare_pack() -> None:
    if "rare" not in fonts().faces:
        pytest.fail("install fonts-hanazono and run `licence-service fonts build`")
    assert fonts().runs("song-600", "王𠮷𬌗A") == (("song-600", "王"), ("rare", "𠮷"), ("song-600", "𬌗A"))
    assert fonts().missing("song-600", "王𠮷") == ()


def test_a_character_that_no_face_has_is_named_once() -> None:
    assert fonts().missing("song-600", "王\U00030000\U00030000") == (0x30000,)


def test_a_text_is_as_wide_as_its_pieces() -> None:
    whole = fonts().width("song-600", "甲A乙")
    assert whole == pytest.approx(sum(fonts().width("song-600", part) for part in "甲A乙"))


def test_an_absent_cache_says_which_command_to_run(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="licence-service fonts build"):
        Fonts.load(tmp_path)


def test_a_damaged_face_is_not_used(cache: Path) -> None:
    face = cache / "hei-400.ttf"
    content = bytearray(face.read_bytes())
    content[len(content) // 2] ^= 1
    replace_file(face, bytes(content))
    with pytest.raises(Misconfigured, match="hei-400"):
        Fonts.load(cache)


def test_a_face_from_another_source_is_not_used(cache: Path) -> None:
    index = json.loads((cache / "fonts.json").read_bytes())
    index["song-700"]["source"] = "0" * 64
    replace_file(cache / "fonts.json", json.dumps(index).encode())
    with pytest.raises(Misconfigured, match="song-700"):
        Fonts.load(cache)


def test_the_optional_pack_may_be_absent(cache: Path) -> None:
    index = json.loads((cache / "fonts.json").read_bytes())
    index.pop("rare", None)
    replace_file(cache / "fonts.json", json.dumps(index).encode())
    loaded = Fonts.load(cache)
    assert loaded.missing("song-600", "𠮷") == (0x20BB7,)


def test_what_is_built_and_sound_is_kept(cache: Path) -> None:
    said: list[str] = []
    foundry.build(cache, cache, said.append)
    assert said == []


def test_a_package_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    for package in pins()["packages"].values():
        with tarfile.open(tmp_path / package["tarball"], "w:gz"):
            pass
    with pytest.raises(Misconfigured, match="not the pinned package"):
        foundry.build(tmp_path / "cache", tmp_path)


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"expo-google-fonts-noto-\w+-sc-0\.4\.3\.tgz"):
        foundry.build(tmp_path / "cache", tmp_path)


def test_a_failing_download_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Misconfigured, match="--from"):
        foundry.build(tmp_path / "cache", None)


def test_a_face_is_prepared_from_its_pinned_member(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole build takes seconds and a download; here one made-up package with a small face goes the whole way."""
    face = fonts().faces["hei-400"].program
    raw = _small_font(subset(face, (0, *(face.glyph(ord(character)) for character in "证照"))))
    with tarfile.open(tmp_path / "small.tgz", "w:gz") as archive:
        entry = tarfile.TarInfo("package/small.ttf")
        entry.size = len(raw)
        archive.addfile(entry, io.BytesIO(raw))
    small = {
        "packages": {"small": {"npm": "small@1", "tarball": "small.tgz", "sha256": sha256((tmp_path / "small.tgz").read_bytes()).hexdigest()}},
        "faces": {"hei-400": {"name": "Small", "package": "small", "member": "package/small.ttf", "sha256": sha256(raw).hexdigest()}},
        "rare": {"name": "Rare", "path": str(tmp_path / "absent.ttf")},
    }
    monkeypatch.setattr(foundry, "pins", lambda: small)
    foundry.build(tmp_path / "cache", tmp_path)
    first = (tmp_path / "cache" / "hei-400.ttf").read_bytes()
    assert TrueType(tmp_path / "cache" / "hei-400.ttf").glyph(ord("证")) > 0
    shutil.rmtree(tmp_path / "cache")
    foundry.build(tmp_path / "cache", tmp_path)
    assert (tmp_path / "cache" / "hei-400.ttf").read_bytes() == first


def _small_font(program: bytes) -> bytes:
    """Complete a subset to a font file with names and a character map."""
    font = TTFont(io.BytesIO(program))
    order = font.getGlyphOrder()
    table = type(font["cmap"].tables[0]).newSubtable(12)
    table.platformID, table.platEncID, table.language = 3, 10, 0
    table.format, table.reserved, table.length, table.nGroups = 12, 0, 0, 0
    table.cmap = {ord("证"): order[1], ord("照"): order[2]}
    font["cmap"].tables = [table]
    with TTFont(fonts().path("hei-400"), lazy=True) as whole:
        font["name"], font["OS/2"] = whole["name"], whole["OS/2"]
        out = io.BytesIO()
        font.save(out)
    return out.getvalue()


def test_five_faces_cost_a_server_little_memory() -> None:
    """Mapped, not loaded: opening all faces adds less than forty megabytes.

    The peak is the kernel's of this program alone: what `getrusage` says begins with that of the process that started it, here a large one.
    """
    code = (
        "import re; from licence_service.document.fonts import Fonts; from pathlib import Path;"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text())[1]);"
        f"before = peak(); faces = Fonts.load(Path({str(CACHE)!r}));"
        "[faces.width(slug, '证照字号2026') for slug in faces.faces];"
        "print((peak() - before) // 1024)"
    )
    grown = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert 0 < grown < 40
