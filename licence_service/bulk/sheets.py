"""Tables as files: CSV in UTF-8 or GB18030 read into rows, answers written so that no spreadsheet takes a cell for a formula. Pure."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from licence_service.bulk.rows import MOST_ROWS
from licence_service.errors import Fault, RequestRejected
from licence_service.reasons import REASONS
from licence_service.wording import HEADLINES, RESULTS

MOST_CELL = 1000
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "number": ("number", "证号", "证件号", "证照编号", "许可证号"),
    "plate": ("plate", "车牌号", "车牌", "车号", "车辆号牌", "号牌号码"),
    "name": ("name", "姓名", "名称", "单位名称", "姓名或名称"),
    "type": ("type", "证照类型"),
    "ref": ("ref", "编号", "序号", "参考号"),
}
MATCHES = {"yes": ("相符", "match"), "no": ("不符或不存在", "no match"), "not_compared": ("未比对", "not compared")}
# What a spreadsheet may take for the beginning of a formula (OWASP, CSV injection), full-width forms included.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_DELIMITERS = ",\t;"
_COLUMNS = ("行号 line", "编号 ref", "比对 match", "结论 verdict", "verdict code", "原因 reasons", "reason codes", "条件 conditions", "到期日 due on")


def read_sheet(content: bytes) -> list[tuple[int, dict[str, str]]]:
    """Return the filled lines of a CSV file below its headings, each with its line number from 1; `RequestRejected` says what is wrong.

    Comma, tab or semicolon, whichever the headings have most of. Columns that are not known are left alone: nothing of them is kept.
    """
    text = _decoded(content)
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines: list[tuple[int, dict[str, str]]] = []
    columns: dict[int, str] | None = None
    start = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(len(cell) > MOST_CELL for cell in stripped):
                raise _no(f"line {start}", "too-long", f"a cell has at most {MOST_CELL} characters")
            if any(stripped) and columns is None:
                columns = _columns(stripped)
            elif any(stripped) and columns is not None:
                lines.append((start, {name: stripped[place] for place, name in columns.items() if place < len(stripped) and stripped[place]}))
            if len(lines) > MOST_ROWS:
                raise _no("list", "too-many", f"at most {MOST_ROWS} rows")
            start = reader.line_num + 1
    except csv.Error as error:
        raise _no(f"line {start}", "not-csv", "this line is not CSV") from error
    return lines


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise _no("list", "not-text", "a CSV file in UTF-8 or GB18030 is wanted here")


def _columns(headings: Sequence[str]) -> dict[int, str]:
    known = {said: name for name, each in HEADINGS.items() for said in each}
    found = {place: known[one.lower()] for place, one in enumerate(headings) if one.lower() in known}
    if len(set(found.values())) != len(found):
        raise _no("line 1", "heading-twice", "two columns mean the same")
    if "number" not in found.values() or not {"plate", "name"} & set(found.values()):
        raise _no("line 1", "no-headings", "the first line names the columns: 证号 (number), and 车牌号 (plate) or 姓名 (name)")
    return found


def written_sheet(answers: Iterable[Mapping[str, Any]]) -> bytes:
    """Return answers as a CSV file: UTF-8 with a mark, so that spreadsheets know it, every cell quoted and none of them a formula."""
    target = io.StringIO(newline="")
    writer = csv.writer(target, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    writer.writerows([neutral(cell) for cell in cells_of(one)] for one in answers)
    return b"\xef\xbb\xbf" + target.getvalue().encode()


def cells_of(one: Mapping[str, Any]) -> list[str]:
    """Return an answer as the cells of a line, in both languages."""
    match, conditions = MATCHES[one["match"]], one["conditions"]
    return [
        str(one["index"]), one["ref"] or "", " ".join(match), " ".join(HEADLINES[one["overall"]]), one["overall"],
        "；".join(REASONS[code][0] for code in one["reasons"]), " ".join(one["reasons"]), " ".join(RESULTS[conditions["result"]]),
        conditions["due_on"] or "",
    ]  # fmt: skip


def neutral(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: one that begins like one gets an apostrophe in front."""
    return f"'{cell}" if cell.startswith(_FORMULAS) else cell


def _no(path: str, code: str, message: str) -> RequestRejected:
    return RequestRejected(faults=[Fault(path, code, message)])
