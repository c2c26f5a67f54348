import io
import re
import subprocess
from datetime import timedelta
from pathlib import Path

import pikepdf
import pytest
import zxingcpp
from PIL import Image

from licence_service.document import reading, standin
from licence_service.document.agreement import agree
from licence_service.document.contents import Contents
from licence_service.document.embedding import Embedding
from licence_service.document.jpeg import read_size
from licence_service.identifiers import grouped
from tests.pdfa import VeraPdf
from tests.printing import ATTACHMENT, CODE, COMPANY, MADE_AT, PERSON, SKELETONS, VEHICLE, a_file, a_sheet, fonts, printer

RARE = "王𬌗𠮷㐂·䶮"  # Ext E in the face itself, Ext B from the rare pack, Ext A
OUTSIDE = re.compile(rb"/(JavaScript|JS|OpenAction|AA|OCProperties|SMask|ca|CA|Group|BM)\b")


@pytest.mark.parametrize("slug", SKELETONS)
def test_the_same_input_gives_the_same_bytes(slug: str) -> None:
    assert a_file(a_sheet(slug)) == a_file(a_sheet(slug))


def test_another_moment_or_attachment_gives_another_file_with_another_identifier() -> None:
    placed = printer().place(a_sheet())
    files = [
        printer().draw(placed, ATTACHMENT, created_at=MADE_AT),
        printer().draw(placed, ATTACHMENT, created_at=MADE_AT + timedelta(seconds=1)),
        printer().draw(placed, ATTACHMENT + b" ", created_at=MADE_AT),
    ]
    identifiers = {bytes(pikepdf.open(io.BytesIO(file)).trailer["/ID"][0]) for file in files}
    assert len(identifiers) == 3


# The word that a specimen carries is the same on all of them: one shows it each time, all of them in the long run.
@pytest.mark.parametrize(("slug", "specimen"), [*((slug, False) for slug in SKELETONS), (SKELETONS[0], True)])
def test_every_skeleton_is_pdfa_3u(slug: str, specimen: bool, verapdf: VeraPdf, tmp_path: Path) -> None:
    draw_and_check(slug, specimen, verapdf, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("slug", SKELETONS)
def test_every_specimen_is_pdfa_3u(slug: str, verapdf: VeraPdf, tmp_path: Path) -> None:
    draw_and_check(slug, True, verapdf, tmp_path)


def draw_and_check(slug: str, specimen: bool, verapdf: VeraPdf, tmp_path: Path) -> None:
    target = tmp_path / "licence.pdf"
    target.write_bytes(a_file(a_sheet(slug, specimen=specimen)))
    assert verapdf.failures(target) == []


def test_a_page_with_rare_characters_and_a_preview_are_pdfa_3u_too(verapdf: VeraPdf, tmp_path: Path) -> None:
    sheets = (a_sheet(person_name=RARE), a_sheet(preview=True, elicence_id=None, check_code=None, code_text=None, photos={}))
    for number, sheet in enumerate(sheets):
        target = tmp_path / f"{number}.pdf"
        target.write_bytes(a_file(sheet))
        assert verapdf.failures(target) == []


@pytest.mark.parametrize("slug", SKELETONS)
def test_qpdf_finds_no_fault(slug: str, tmp_path: Path) -> None:
    target = tmp_path / "licence.pdf"
    target.write_bytes(a_file(a_sheet(slug)))
    assert subprocess.run(["qpdf", "--check", str(target)], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("name", [RARE, "阿卜杜热伊木·买买提艾力", "欧阳A·B"])
def test_names_are_read_back_exactly_by_two_readers(name: str, tmp_path: Path) -> None:
    pdf = a_file(a_sheet(person_name=name))
    target = tmp_path / "licence.pdf"
    target.write_bytes(pdf)
    poppler = subprocess.run(["pdftotext", str(target), "-"], capture_output=True, check=True).stdout.decode()
    assert name in poppler
    assert name in reading.text(pdf)[0]


def test_a_document_with_more_than_255_characters_of_a_face_is_read_back_exactly() -> None:
    embedding = Embedding(fonts())
    many = "".join(chr(0x4E00 + place) for place in range(600))
    for start in range(0, 600, 40):
        embedding.encode("song-600", many[start : start + 40])
    assert [len(each.characters) for each in embedding.subsets] == [255, 255, 90]
    assert "".join("".join(each.characters) for each in embedding.subsets) == many
    assert all(code != "00" for _, codes in embedding.encode("song-600", many) for code in re.findall("..", codes))


def test_texts_come_in_the_order_in_which_they_are_read_aloud() -> None:
    lines = reading.text(a_file(a_sheet(COMPANY)))[0].split("\n")
    assert lines[0] == "道路运输 · 经营许可"
    assert [line for line in lines if line.startswith("统一社会信用代码")]
    order = ("道路运输经营许可证", "业户名称", "有效期", "核发机关", "证照标识")
    places = [next(place for place, line in enumerate(lines) if words in line) for words in order]
    assert places == sorted(places)


def test_the_attachment_comes_back_byte_for_byte() -> None:
    assert reading.attachment(a_file()) == ATTACHMENT


def test_the_code_is_read_from_the_page_and_the_check_code_in_groups() -> None:
    for slug in SKELETONS:
        pdf = a_file(a_sheet(slug))
        assert reading.codes(pdf) == [CODE]
        assert grouped("AQ1JAVXAT2HK").split()[0] in reading.text(pdf)[0]


@pytest.mark.parametrize("slug", SKELETONS)
def test_the_code_is_read_from_a_200_dpi_one_bit_print(slug: str, tmp_path: Path) -> None:
    (tmp_path / "licence.pdf").write_bytes(a_file(a_sheet(slug, specimen=True)))
    subprocess.run(["pdftoppm", "-r", "200", "-mono", "-f", "1", "-l", "1", "licence.pdf", "page"], cwd=tmp_path, check=True)
    with Image.open(next(tmp_path.glob("page*.pbm"))) as image:
        assert [found.text for found in zxingcpp.read_barcodes(image.convert("L"))] == [CODE]


def test_language_title_and_date_stand_in_the_file() -> None:
    with pikepdf.open(io.BytesIO(a_file())) as document:
        assert str(document.Root.Lang) == "zh-CN"
        assert str(document.docinfo["/Title"]) == "道路运输从业人员从业资格证"
        assert str(document.docinfo["/CreationDate"]) == "D:20261128013000+00'00'"
        assert document.open_metadata()["dc:title"] == "道路运输从业人员从业资格证"
        assert document.pdf_version == "1.7"


@pytest.mark.parametrize("slug", SKELETONS)
def test_nothing_in_the_file_acts_layers_or_is_transparent(slug: str) -> None:
    with pikepdf.open(io.BytesIO(a_file(a_sheet(slug, specimen=True)))) as document:
        for item in document.objects:
            assert not OUTSIDE.search(item.unparse() if not isinstance(item, pikepdf.Stream) else str(dict(item)).encode())


def test_drawings_hold_no_text() -> None:
    """Readers for texts skip them (`reading.pages`), so nothing may be said there."""
    with pikepdf.open(io.BytesIO(a_file(a_sheet(VEHICLE, specimen=True)))) as document:
        forms = [item for item in document.objects if isinstance(item, pikepdf.Stream) and item.get("/Subtype") == "/Form"]
        assert forms
        for form in forms:
            assert "/Font" not in form.Resources
            assert not re.search(rb"\bBT\b|\bTj\b", form.read_bytes())


@pytest.mark.parametrize("slug", SKELETONS)
def test_a_file_stays_in_its_budget(slug: str) -> None:
    pdf = a_file(a_sheet(slug))
    assert len(pdf) < 150_000
    with pikepdf.open(io.BytesIO(pdf)) as document:
        forms = [item for item in document.objects if isinstance(item, pikepdf.Stream) and item.get("/Subtype") == "/Form"]
        assert sum(len(form.read_raw_bytes()) for form in forms) < 45_000  # frame, seal and code together


@pytest.mark.parametrize("slug", SKELETONS)
def test_the_finished_page_agrees_with_its_sheet(slug: str) -> None:
    for sheet in (a_sheet(slug), a_sheet(slug, specimen=True), a_sheet(slug, facts=[])):
        agree(a_file(sheet), sheet)


def test_a_photograph_goes_into_the_file_as_it_came() -> None:
    photo = standin.person()
    with pikepdf.open(io.BytesIO(a_file(a_sheet(PERSON, photos={"photo": photo})))) as document:
        images = [item for item in document.objects if isinstance(item, pikepdf.Stream) and item.get("/Subtype") == "/Image"]
        assert [image.read_raw_bytes() for image in images] == [photo]
        assert (int(images[0].Width), int(images[0].Height), 3) == read_size(photo)


@pytest.mark.parametrize("broken", [b"", b"GIF89a", b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x10\x00\x10\x04"])
def test_what_is_no_photograph_has_no_size(broken: bytes) -> None:
    with pytest.raises(ValueError, match="JPEG"):
        read_size(broken)


def test_a_page_writes_only_plain_operators() -> None:
    placed = printer().place(a_sheet(COMPANY, specimen=True)).pages[0]

    class Named:
        def photo(self, _: object) -> tuple[str, int, int]:
            return "P0", 4, 5

        def stamp(self, _: object) -> str:
            return "S0"

        def symbol(self, _: object) -> tuple[str, float]:
            return "Q0", 30.0

    operators = Contents(placed.height, fonts(), Embedding(fonts()), Named()).operators(placed.items)
    words = set(re.findall(r"(?<![/<\w.])[A-Za-z]+\*?(?![\w>])", operators))
    assert words <= {"q", "Q", "cm", "re", "m", "l", "c", "h", "f", "B", "S", "w", "rg", "RG", "BT", "ET", "Tf", "Tc", "Tm", "Tj", "Do", "W", "n"}
