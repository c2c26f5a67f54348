"""What people download: the quarantine and the sample as CSV, to be put right in a spreadsheet and given back. They hold personal data."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

from licence_service.bulk.sheets import neutral
from licence_service.errors import Fault, RequestRejected
from licence_service.stock.declared import Knowledge
from licence_service.stock.normal import shown
from licence_service.stock.sources import Source
from licence_service.stock.taking import draft_of
from licence_service.store.stock_rows import StockRow
from licence_service.template import Template

LINE = "行号 line"
_ABOUT = (LINE, "区县 county", "规则 rules", "级别 severity", "位置 paths", "说明 findings", "处理 advice", "建议 suggestions")
_DECISION = {"number": "决定文号", "organ": "决定机关", "decided_on": "决定日期", "legal_basis": "法律依据", "officer": "承办人"}
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def headings(template: Template) -> dict[str, str]:
    """Return the heading of every field that may be put right: name → heading."""
    fields = {name: f"{one.label} {name}" for name, one in template.fields.items()}
    return {**fields, **{f"decision.{name}": f"{label} decision.{name}" for name, label in _DECISION.items()}}


def quarantine_sheet(template: Template, knowledge: Knowledge, parts: Iterable[Sequence[StockRow]]) -> Iterator[bytes]:
    """Yield a CSV file part by part: UTF-8 with a mark, every cell quoted, none of them a formula. Photo columns take the name of a new file."""
    named = headings(template)
    yield b"\xef\xbb\xbf" + _lines([[*_ABOUT, *named.values()]])
    for rows in parts:
        yield _lines([[*_about(knowledge, row), *_values(template, row, named)] for row in rows])


def _about(knowledge: Knowledge, row: StockRow) -> list[str]:
    found = row.content.get("findings", ())
    rules = [knowledge.rules[one["rule"]] for one in found]
    return [
        str(row.line), row.county, " ".join(one["rule"] for one in found), " ".join(one.severity for one in rules),
        " ".join(f"{one['path']}:{one['code']}" for one in found), "；".join(f"{one.words.zh} {one.words.en}" for one in rules),
        "；".join(dict.fromkeys(f"{one.advice.zh} {one.advice.en}" for one in rules)),
        "；".join(f"{one['path']}={one['suggestion']}" for one in found if one["suggestion"] is not None),
    ]  # fmt: skip


def _values(template: Template, row: StockRow, named: Mapping[str, str]) -> list[str]:
    draft = draft_of(row.content["draft"])
    fields = {name: "" if template.fields[name].type == "image" else shown(draft.face.get(name)) for name in template.fields}
    return [fields[name] if name in fields else draft.decision.get(name.removeprefix("decision."), "") for name in named]


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    target = io.StringIO(newline="")
    csv.writer(target, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows([neutral(cell) for cell in row] for row in rows)
    return target.getvalue().encode()


def edits(source: Source, template: Template) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line, new texts by field) of a file that people gave back; columns that are no fields say nothing.

    `RequestRejected` where it has no column of lines, or a line is no number.
    """
    named = {heading: name for name, heading in headings(template).items()} | {name: name for name in headings(template)}
    for number, cells in source.rows():
        line = cells.get(LINE, cells.get("line"))
        if not str(line or "").isdecimal():
            raise RequestRejected(faults=[Fault(f"line {number}", "no-line", f"the column {LINE} says which row is meant")])
        absent = {name: "" for column in source.columns if (name := named.get(column))}
        given = {named[column]: _bare(str(cell)) for column, cell in cells.items() if column in named}
        yield int(str(line)), {**absent, **given}


def _bare(cell: str) -> str:
    """Take off the apostrophe that keeps a cell from being a formula."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULAS) else cell
