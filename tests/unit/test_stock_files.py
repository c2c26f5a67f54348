"""Files of old systems: what is read, and what is refused before anything in it can do harm."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence_service.errors import RequestRejected
from licence_service.stock import sources
from licence_service.stock.sources import open_source
from tests.stocks import as_ndjson, as_workbook

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


def test_a_workbook_with_anything_but_cells_is_refused(tmp_path: Path) -> None:
    rows = [["a", "b"], ["1", "2"]]
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    assert code_of(tmp_path, as_workbook(rows, prolog=bomb)) == "document-type"
    assert code_of(tmp_path, as_workbook(rows, prolog='<!DOCTYPE x SYSTEM "file:///etc/passwd">')) == "document-type"
    assert code_of(tmp_path, as_workbook(rows, more={"xl/vbaProject.bin": b"x"})) == "macros"
    assert code_of(tmp_path, as_workbook(rows)[:200]) == "not-a-workbook"
    assert code_of(tmp_path, as_workbook(rows, more={"xl/worksheets/sheet1.xml": b"<worksheet"})) == "not-a-workbook"
    assert code_of(tmp_path, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500) == "old-workbook"
    packed = as_workbook(rows, more={"xl/sharedStrings.xml": b"<sst>" + b"<si><t>" + b" " * 50_000_000 + b"</t></si></sst>"})
    assert len(packed) < 200_000
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
