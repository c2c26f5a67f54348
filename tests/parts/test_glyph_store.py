import io
import random
import re
import struct
import subprocess
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from fontTools.cffLib import CFFFontSet
from fontTools.fontBuilder import FontBuilder
from fontTools.misc.psCharStrings import T2WidthExtractor
from fontTools.pens.boundsPen import BoundsPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import Image, ImageChops

from licence_service.document import archival, reading
from licence_service.document.compact_font import PROGRAM_ENTRIES, CompactFont
from licence_service.document.compact_font_reader import characters_of
from licence_service.document.embedding import Embedding
from licence_service.document.fonts import Face
from licence_service.document.glyph_store import GlyphStore
from licence_service.document.objects import Objects
from licence_service.document.pdf import _font
from tests.pdfa import VeraPdf
from tests.printing import MADE_AT, fonts

SONG = "道路运输从业人员𬌗䶮·ABCij（2026）—，"
LINES = (
    ("song-500", "货物运输（危险）"),
    ("song-600", SONG),
    ("song-700", "中华人民共和国𫘧"),
    ("hei-400", "Licence No. 证号：𬤇"),
    ("hei-500", "有效期至 fi%"),
    ("rare", "𠀀𠮷𪜀"),
)
PAGE = (400, 300)


@cache
def store(slug: str) -> GlyphStore:
    if slug not in fonts().faces:
        pytest.fail("install fonts-hanazono and run `licence-service fonts build`")
    return GlyphStore(fonts().faces[slug])


@cache
def rare_line() -> str:
    """The rare pack draws a few characters of the BMP too."""
    return "".join(character for character in sorted(store("rare").ids.private) if ord(character) < 0x10000)[-3:]


def compact(objects: Objects, place: int, slug: str, text: str) -> tuple[str, str]:
    """Add a joined font; return its reference and the codes of a text."""
    font = CompactFont(store(slug), place)
    characters = frozenset(text)
    program = objects.stream(PROGRAM_ENTRIES, font.program(characters))
    descendant = objects.add(font.descendant(objects.add(font.descriptor(program)), font.widths(characters)))
    to_unicode = objects.stream("", font.store.ids.to_unicode)
    return objects.add(font.root(descendant, to_unicode)), font.store.ids.codes(text).hex()


def slow(objects: Objects, place: int, slug: str, text: str) -> tuple[str, str]:
    """Add the same as the slow path does."""
    embedding = Embedding(fonts())
    ((_, codes),) = embedding.encode(slug, text)
    return _font(objects, embedding.subsets[0], place), codes


def a_page(lines: Sequence[tuple[str, str]], *, joined: bool = True) -> bytes:
    """One line a face on a page of an archived file."""
    objects = Objects()
    pages, pages_reference = objects.reserve()
    named, shown = [], []
    for place, (slug, text) in enumerate(lines):
        reference, codes = (compact if joined else slow)(objects, place, slug, text)
        named.append(f"/F{place} {reference}")
        shown.append(f"/F{place} 16 Tf 1 0 0 1 20 {270 - 30 * place} Tm <{codes}> Tj")
    contents = objects.stream("", "\n".join(("BT", *shown, "ET")).encode())
    page = objects.add(
        f"<< /Type /Page /Parent {pages_reference} /MediaBox [0 0 {PAGE[0]} {PAGE[1]}] "
        f"/Resources << /Font << {' '.join(named)} >> >> /Contents {contents} >>"
    )
    objects.fill(pages, f"<< /Type /Pages /Kids [{page}] /Count 1 >>")
    file = objects.stream(archival.file_entries(2, MADE_AT), b"{}")
    entries = archival.catalogue_entries(
        objects.stream(archival.PACKET_ENTRIES, archival.packet("证", MADE_AT)),
        objects.stream(archival.PROFILE_ENTRIES, archival.colour_profile()),
        objects.add(archival.file_specification(file)),
    )
    return objects.finish(f"<< /Type /Catalog /Pages {pages_reference} {entries} >>", archival.information("证", MADE_AT))


@cache
def every_face() -> tuple[tuple[str, str], ...]:
    return (*LINES, ("rare", rare_line()))


@cache
def the_page() -> bytes:
    return a_page(every_face())


def picture(pdf: bytes, dpi: int = 600) -> Image.Image:
    document = pdfium.PdfDocument(pdf)
    try:
        drawn: Image.Image = document[0].render(scale=dpi / 72, grayscale=True).to_pil()
        return drawn.convert("L")
    finally:
        document.close()


def flipped(one: Image.Image, other: Image.Image) -> float:
    """The share of the ink that lies elsewhere: pixels that change from more black than white or back."""
    black = [image.point(lambda shade: 255 * (shade < 128)) for image in (one, other)]
    ink = black[0].histogram()[255]
    return ImageChops.difference(*black).histogram()[255] / ink


# -- reading and seeing ----------------------------------------------------------------------------------------------


def test_two_readers_extract_every_character_from_joined_fonts(tmp_path: Path) -> None:
    target = tmp_path / "page.pdf"
    target.write_bytes(the_page())
    poppler = subprocess.run(["pdftotext", "-layout", str(target), "-"], capture_output=True, check=True).stdout.decode()
    wanted = [text for _, text in every_face()]
    assert [line.strip() for line in poppler.splitlines() if line.strip()] == wanted
    assert reading.text(the_page())[0].split("\n") == wanted


def test_joined_fonts_are_archived_ones_and_whole(verapdf: VeraPdf, tmp_path: Path) -> None:
    target = tmp_path / "page.pdf"
    target.write_bytes(the_page())
    assert verapdf.failures(target) == []
    assert subprocess.run(["qpdf", "--check", str(target)], capture_output=True, check=False).returncode == 0


def test_a_width_that_the_program_does_not_say_is_refused(verapdf: VeraPdf, tmp_path: Path) -> None:
    target = tmp_path / "page.pdf"
    target.write_bytes(re.sub(rb"/W \[\d+\[\d", lambda found: found[0][:-1] + b"9", the_page()))
    assert ("6.2.11.5", 1) in verapdf.failures(target)


def test_a_label_is_told_from_a_value_by_the_name_of_its_font() -> None:
    told = {piece.text: (piece.hei, piece.face) for page in reading.pages(the_page()) for piece in page.pieces}
    assert told[SONG] == (False, "AAAAAB+NotoSerifSC-SemiBold")
    assert told["有效期至 fi%"][0]


def test_joined_fonts_look_like_those_of_the_slow_path() -> None:
    seen = picture(the_page())
    assert flipped(picture(a_page(every_face(), joined=False)), seen) < 0.01
    other = [("song-500" if slug == "song-600" else slug, text) for slug, text in every_face()]
    assert flipped(picture(a_page(other, joined=False)), seen) > 0.02  # the measure sees a lighter weight of one line


def test_a_foreign_reader_finds_the_same_glyphs_with_the_same_widths() -> None:
    for slug, text in every_face():
        glyphs = store(slug)
        program = CompactFont(glyphs, 3).program(frozenset(text))
        fontset = CFFFontSet()
        fontset.decompile(io.BytesIO(program), None)
        assert fontset.fontNames == [f"AAAAAD+{glyphs.face.name}"]
        top = fontset[0]
        by_cid = {f"cid{glyphs.ids.cid(character):05d}": character for character in text}
        assert set(top.charset) == {".notdef", *by_cid}
        for name, character in by_cid.items():
            charstring = top.CharStrings[name]
            private = top.FDArray[0].Private
            extractor = T2WidthExtractor([], [], private.nominalWidthX, private.defaultWidthX, private)
            extractor.execute(charstring)
            assert extractor.width == glyphs.width(character)
            face = glyphs.face.program
            assert glyphs.width(character) == round(face.advance(face.glyph(ord(character))) * 1000 / face.units)


def test_widths_are_said_in_runs_for_what_is_not_one_em_wide() -> None:
    font = CompactFont(store("hei-400"))
    digits = {font.store.width(digit) for digit in "0123456789"}
    assert digits == {555}
    assert font.widths(frozenset("证2026照")) == "[48[555]50[555]54[555]]"
    assert font.widths(frozenset("012证")) == "[48[555 555 555]]"
    assert font.widths(frozenset("证照")) == "[]"


# -- CIDs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", ["song-500", "song-600", "song-700", "hei-400", "hei-500", "rare"])
def test_no_two_characters_of_a_face_share_a_cid_and_each_has_its_way_back(slug: str) -> None:
    ids, face = store(slug).ids, fonts().faces[slug].program
    drawn = [code_point for code_point in (*range(0xD800), *range(0xE000, 0x32000)) if face.glyph(code_point)]
    cids = [ids.cid(chr(code_point)) for code_point in drawn]
    assert len(set(cids)) == len(drawn)
    assert not {0, 0xFEFF, 0xFFFE, 0xFFFF} & set(cids)
    back = mapped(ids.to_unicode)
    assert all(back[cid] == chr(code_point) for cid, code_point in zip(cids, drawn, strict=True))
    assert not {"\0", "\ufeff", "\ufffe"} & set(back.values())


def mapped(cmap: bytes) -> dict[int, str]:
    """Read a CMap by ranges; each may be said once, and none runs over the last byte."""
    found: dict[int, str] = {}
    for first, last, one, several in re.findall(rb"<(\w{4})> <(\w{4})> (?:<(\w+)>|\[(.*?)\])\n", cmap):
        start, end = int(first, 16), int(last, 16)
        assert start // 256 == end // 256
        words = [bytes.fromhex(word.decode()) for word in re.findall(rb"\w+", several)]
        if one:
            base = bytes.fromhex(one.decode())
            assert base[-1] + end - start < 256
            words = [base[:-1] + bytes((base[-1] + step,)) for step in range(end - start + 1)]
        for cid, word in zip(range(start, end + 1), words, strict=True):
            assert cid not in found
            found[cid] = word.decode("utf-16-be", "replace")
    counted = [int(count) for count in re.findall(rb"(\d+) beginbfrange", cmap)]
    assert max(counted) <= 100
    assert sum(counted) == len(re.findall(rb"^<\w+> <\w+> [<\[]", cmap, re.MULTILINE))
    return found


@pytest.mark.parametrize("character", ["\ue000", "\ud801", "\U00030000", "\x07"])
def test_what_the_face_does_not_draw_gets_no_glyph(character: str) -> None:
    with pytest.raises(ValueError, match="face"):
        store("song-600").charstring(character)
    with pytest.raises(ValueError, match="face"):
        CompactFont(store("song-600")).program(frozenset(("证", character)))


def test_private_codes_stand_between_those_of_the_bmp_in_the_order_of_cids() -> None:
    ids = store("song-600").ids
    assert ids.codes("证𬌗") == struct.pack(">2H", ord("证"), ids.private["𬌗"])
    assert 0xE000 <= ids.private["𬌗"] < 0xF900
    program = CompactFont(store("song-600")).program(frozenset("（𬌗证A"))
    assert list(characters_of(program)) == [ord("A"), ord("证"), ids.private["𬌗"], ord("（")]


# -- outlines --------------------------------------------------------------------------------------------------------


def test_an_ideograph_takes_fewer_bytes_than_in_the_face_and_a_blank_hardly_any() -> None:
    face = fonts().faces["song-600"].program
    characters = "道路运输经营许可证业户名称"
    joined = sum(map(len, store("song-600").charstrings(characters)))
    assert joined < 0.85 * sum(len(face.outline(face.glyph(ord(character)))) for character in characters)
    assert store("song-600").charstring("\u3000") == b"\x0e"
    assert len(store("song-600").charstring(" ")) <= 3
    assert store("song-600").width(" ") == 253


def made_up(tmp_path: Path) -> Face:
    """A face of 2000 units: a letter, two of it as a composite, a shape of handles only, a bearing that moves a shape."""
    builder = FontBuilder(2000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "A", "B", "C", "D"])
    builder.setupCharacterMap({ord("A"): "A", ord("B"): "B", ord("C"): "C", ord("D"): "D", 0x20000: "C"})
    builder.font["cmap"].tables = [table for table in builder.font["cmap"].tables if table.format == 12]
    square, double, round_, empty = (TTGlyphPen({"A": None}) for _ in range(4))
    square.moveTo((100, 0))
    for point in ((100, 1000), (900, 1000), (900, 0)):
        square.lineTo(point)
    square.closePath()
    double.addComponent("A", (1, 0, 0, 1, 0, 0))
    double.addComponent("A", (0.5, 0, 0, 0.5, 1000, 0))
    round_.qCurveTo((0, 0), (0, 800), (800, 800), (800, 0), None)
    round_.closePath()
    letter = square.glyph()
    builder.setupGlyf({".notdef": empty.glyph(), "A": letter, "B": double.glyph(), "C": round_.glyph(), "D": letter})
    builder.setupHorizontalMetrics({".notdef": (2000, 0), "A": (1001, 100), "B": (1800, 100), "C": (1000, 0), "D": (1200, 300)})
    builder.setupHorizontalHeader(ascent=1600, descent=-400)
    builder.setupPost()
    builder.save(tmp_path / "made.ttf")
    return Face("made-up", "MadeUp", tmp_path / "made.ttf")


def test_other_ems_composites_handles_without_points_and_bearings_are_drawn_right(tmp_path: Path) -> None:
    glyphs = GlyphStore(made_up(tmp_path))
    font = CompactFont(glyphs)
    fontset = CFFFontSet()
    fontset.decompile(io.BytesIO(font.program(frozenset("ABCD\U00020000"))), None)
    strings = fontset[0].CharStrings

    def bounds(character: str) -> tuple[float, ...]:
        pen = BoundsPen(None)
        strings[f"cid{glyphs.ids.cid(character):05d}"].draw(pen)
        return tuple(round(value) for value in pen.bounds)

    assert bounds("A") == (50, 0, 450, 500)
    assert bounds("B") == (50, 0, 725, 500)
    assert bounds("C") == bounds("\U00020000") == (0, 0, 400, 400)
    assert bounds("D") == (150, 0, 550, 500)
    assert {character: glyphs.width(character) for character in "ABCD"} == {"A": 500, "B": 900, "C": 500, "D": 600}
    assert font.widths(frozenset("ABD")) == "[65[500 900]68[600]]"


def test_threads_that_ask_at_once_get_the_same_glyphs() -> None:
    glyphs = GlyphStore(fonts().faces["hei-400"])
    wanted = "道路运输经营许可证"
    got: list[list[bytes]] = []
    threads = [threading.Thread(target=lambda: got.append(glyphs.charstrings(wanted))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [store("hei-400").charstrings(wanted)] * 4


def test_glyphs_made_in_one_process_serve_another() -> None:
    made = GlyphStore(fonts().faces["hei-500"])
    made.charstrings("业户")
    other = GlyphStore(fonts().faces["hei-500"])
    other.keep(made.kept())
    assert other.kept().keys() == {"业", "户"}
    assert other.width("业") == 1000
    assert CompactFont(other).program(frozenset("业户名")) == CompactFont(store("hei-500")).program(frozenset("业户名"))


# -- reading back ----------------------------------------------------------------------------------------------------


def test_the_reader_finds_what_was_joined() -> None:
    for slug, text in every_face():
        glyphs = store(slug)
        wanted = {glyphs.ids.cid(character): len(glyphs.charstring(character)) for character in text}
        assert characters_of(CompactFont(glyphs).program(frozenset(text))) == wanted
    assert characters_of(CompactFont(store("song-600")).program(frozenset())) == {}


def test_a_font_of_more_than_64_kilobytes_is_joined_and_read() -> None:
    glyphs = GlyphStore(fonts().faces["song-600"])
    text = [chr(code_point) for code_point in range(0x4E00, 0x4E00 + 440)]
    # Each as long as the longest of them, without the second that drawing all would take.
    glyphs.keep(dict.fromkeys(text, glyphs.charstring("齉")))
    program = CompactFont(glyphs).program(frozenset(text))
    assert len(program) > 0x10000
    assert characters_of(program) == dict.fromkeys(map(ord, text), len(glyphs.charstring("齉")))


def test_the_same_characters_give_the_same_bytes_and_another_place_another_tag() -> None:
    glyphs = store("song-600")
    assert CompactFont(glyphs).program(frozenset(SONG)) == CompactFont(glyphs).program(frozenset(reversed(SONG)))
    assert CompactFont(glyphs, 1).name == "AAAAAB+NotoSerifSC-SemiBold"
    assert b"AAAAAB+NotoSerifSC-SemiBold" in CompactFont(glyphs, 1).program(frozenset("证"))


def test_a_broken_program_is_refused() -> None:
    program = CompactFont(store("song-600")).program(frozenset("证照A1"))
    for length in range(len(program)):
        with pytest.raises(ValueError, match="compact font"):
            characters_of(program[:length])
    with pytest.raises(ValueError, match="compact font"):
        characters_of(program + b"\x0e")
    charset = program.index("1A照证".encode("utf-16-be"))
    for wrong in ("11照证", "\0A照证", "1A照\uffff"):
        with pytest.raises(ValueError, match="CIDs"):
            characters_of(program.replace(program[charset : charset + 8], wrong.encode("utf-16-be")))


def test_a_changed_byte_before_the_charset_is_refused_or_changes_nothing_that_is_read() -> None:
    """The name, the box and the kind of offsets say nothing about the characters; all else is strict."""
    font = CompactFont(store("song-600"))
    program = font.program(frozenset("证照A1"))
    wanted = characters_of(program)
    name = program.index(font.name.encode())
    charset = program.index("1A照证".encode("utf-16-be"))
    refused = 0
    chance = random.Random(5)
    for place in range(charset):
        for _ in range(4):
            broken = bytearray(program)
            broken[place] ^= chance.randrange(1, 256)
            try:
                assert characters_of(bytes(broken)) == wanted
            except ValueError:
                refused += not name <= place < name + len(font.name)
    assert refused > 3.2 * (charset - len(font.name))
