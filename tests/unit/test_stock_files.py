"""Files of old systems: what is read, and what is refused before anything in it can do harm."""

import base64
import io
import random
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence_service.errors import RequestRejected
from licence_service.stock import sources
from licence_service.stock.declared import read_plan
from licence_service.stock.sources import open_source
from tests.stocks import PLAN, as_ndjson, as_workbook
from tests.world import DRIVER, own_templates

HEAD = ["姓名", "证号", "发证日期", "长度"]


def written(folder: Path, content: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(content)
    return path


def code_of(folder: Path, content: bytes) -> str:
    with pytest.raises(RequestRejected) as refused:
        list(open_source(written(folder, content)).rows())
    return refused.value.faults[0].code


def test_csv_excel_and_ndjson_say_the_same(tmp_path: Path) -> None:
    row = {"姓名": "陈安途", "证号": "519902198506120111", "发证日期": "2024-03-01", "长度": "7100"}
    text = ",".join(HEAD) + "\r\n\r\n" + ",".join(row.values()) + "\r\n"
    workbook = as_workbook([HEAD, [], ["陈安途", "519902198506120111", (45352,), 7100]])
    for number, content in ((3, text.encode("utf-8-sig")), (3, text.replace(",", "\t").encode("gb18030")), (3, workbook), (1, as_ndjson([row]))):
        source = open_source(written(tmp_path, content))
        assert list(source.rows()) == [(number, row)]
        assert source.columns == (() if source.kind == "ndjson" else tuple(HEAD))


def test_a_workbook_of_a_later_packing_than_is_known_is_refused(tmp_path: Path) -> None:
    content = bytearray(as_workbook([["a", "b"], ["1", "2"]]))
    at = content.rindex(b"PK\x01\x02")
    content[at + 6] = 99  # the version that is needed to unpack this part
    assert code_of(tmp_path, bytes(content)) == "not-a-workbook"


def test_a_workbook_with_anything_but_cells_is_refused(tmp_path: Path) -> None:
    rows = [["a", "b"], ["1", "2"]]
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    assert code_of(tmp_path, as_workbook(rows, prolog=bomb)) == "document-type"
    assert code_of(tmp_path, as_workbook(rows, prolog='<!DOCTYPE x SYSTEM "file:///etc/passwd">')) == "document-type"
    assert code_of(tmp_path, as_workbook(rows, more={"xl/vbaProject.bin": b"x"})) == "macros"
    assert code_of(tmp_path, as_workbook(rows)[:200]) == "not-a-workbook"
    assert code_of(tmp_path, as_workbook(rows, more={"xl/worksheets/sheet1.xml": b"<worksheet"})) == "not-a-workbook"
    assert code_of(tmp_path, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500) == "old-workbook"
    packed = as_workbook(rows, more={"xl/sharedStrings.xml": b"<sst>" + b"<si><t>      </t></si>" * 3_000_000 + b"</sst>"})
    assert len(packed) < 300_000
    assert code_of(tmp_path, packed) == "too-large"


def test_a_far_cell_is_no_way_to_fill_the_memory(tmp_path: Path) -> None:
    sheet = b'<worksheet><sheetData><row r="1"><c r="XFD1"><v>1</v></c></row></sheetData></worksheet>'
    assert code_of(tmp_path, as_workbook([["a"]], more={"xl/worksheets/sheet1.xml": sheet})) == "too-many-columns"


@pytest.mark.parametrize(("content", "code"), [
    (b"", "empty"),
    (b"a,a\n1,2\n", "heading-twice"),
    (b"\xff\xfe\x00a", "not-text"),
    (b'a,b\n"1,2\n', "not-csv"),
    (b'{"a": 1}\n{"a": 1, "a": 2}\n', "duplicate-key"),
    (b'{"a": 1}\n[1]\n', "not-an-object"),
])  # fmt: skip
def test_what_is_no_table_is_refused_by_its_fault(tmp_path: Path, content: bytes, code: str) -> None:
    assert code_of(tmp_path, content) == code


def test_too_many_rows_and_too_long_ones_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MOST_ROWS", 2)
    monkeypatch.setattr(sources, "MOST_LINE", 30)
    assert code_of(tmp_path, b"a\n1\n2\n3\n") == "too-many"
    assert code_of(tmp_path, b'{"a": "' + b"x" * 50 + b'"}\n') == "too-long"
    assert code_of(tmp_path, b"a\n" + b"x" * 40_000) == "too-long"


@given(st.binary(max_size=300))
def test_no_bytes_at_all_bring_it_down(tmp_path_factory: Any, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    for head in (b"", b"PK\x03\x04", b"{"):
        try:
            list(open_source(written(folder, head + content)).rows())
        except RequestRejected:
            continue


SHEET = "<worksheet><sheetData>{}</sheetData></worksheet>"
CELL = '<c r="A1" t="inlineStr"><is><t>a</t></is></c>'


def sheet_of(inside: str, **more: bytes) -> bytes:
    return as_workbook([["a"]], more={"xl/worksheets/sheet1.xml": SHEET.format(inside).encode(), **more})


@pytest.mark.parametrize("number", ["9" * 19, "9" * 5000, "0", "", "x"])
def test_a_row_has_a_number_that_a_sheet_can_have(tmp_path: Path, number: str) -> None:
    assert code_of(tmp_path, sheet_of(f'<row r="{number}">{CELL}</row>')) == "rows-out-of-order"


def test_no_row_stands_twice(tmp_path: Path) -> None:
    assert code_of(tmp_path, sheet_of(f'<row r="1">{CELL}</row>' + f'<row r="2">{CELL}</row>' * 2)) == "rows-out-of-order"


@pytest.mark.parametrize("number", ["x", "", "9" * 5000])
def test_strange_numbers_of_formats_styles_and_texts_say_nothing(tmp_path: Path, number: str) -> None:
    styles = f'<styleSheet><numFmts><numFmt numFmtId="{number}" formatCode="y"/></numFmts><cellXfs><xf numFmtId="{number}"/></cellXfs></styleSheet>'
    cells = f'<row r="1">{CELL}</row><row r="2"><c r="A2" s="{number}"><v>1</v></c><c r="B2" t="s"><v>{number}</v></c></row>'
    content = sheet_of(cells, **{"xl/styles.xml": styles.encode()})
    assert list(open_source(written(tmp_path, content)).rows()) == [(2, {"a": "1"})]


def test_an_unknown_encoding_and_a_broken_or_strange_packing_are_refused(tmp_path: Path) -> None:
    strange = as_workbook([["a"]], more={"xl/worksheets/sheet1.xml": b'<?xml version="1.0" encoding="x-none"?><worksheet/>'})
    assert code_of(tmp_path, strange) == "not-a-workbook"
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(as_workbook([["a"]]))) as good, zipfile.ZipFile(target, "w", zipfile.ZIP_LZMA) as packed:
        for one in good.namelist():
            packed.writestr(one, good.read(one))
    assert code_of(tmp_path, target.getvalue()) == "not-a-workbook"
    whole = bytearray(as_workbook([["a"]]))
    start = 30 + len("xl/workbook.xml")  # the first part's packed bytes
    whole[start : start + 20] = b"\xff" * 20
    assert code_of(tmp_path, bytes(whole)) == "not-a-workbook"


def test_a_sheet_of_elements_that_say_nothing_and_a_cell_without_end_are_refused_early(tmp_path: Path) -> None:
    assert code_of(tmp_path, sheet_of(f'<row r="1">{CELL}</row>' + "<a/>" * 240_000)) == "too-large"
    noise = base64.b64encode(random.Random(1).randbytes(3_000_000)).decode()
    for cell in (f"<v>{noise}</v>", f"<is><t>{noise}</t></is>"):
        assert code_of(tmp_path, sheet_of(f'<row r="1"><c r="A1" t="inlineStr">{cell}</c></row>')) == "too-long"


@pytest.mark.parametrize(("plan", "path"), [
    ("date_formats = ['%Y%Y']\n" + PLAN, "map.date_formats.0"), ("a = " + "[" * 100_000, "map"), ("a = " + "9" * 6000, "map"),
    ("date_formats = ['%d.%m']\n" + PLAN, "map.date_formats.0"),
])  # fmt: skip
def test_a_mapping_that_cannot_be_read_is_refused_by_its_place(plan: str, path: str) -> None:
    template = own_templates().in_force(DRIVER, date(2026, 11, 1))
    with pytest.raises(RequestRejected) as refused:
        read_plan(plan.encode(), template)
    assert [one.path for one in refused.value.faults] == [path]
    assert read_plan(("date_formats = ['%d.%m.%Y', '%y%m%d']\n" + PLAN).encode(), template).date_formats == ("%d.%m.%Y", "%y%m%d")
