"""Files of an old system as rows: CSV in UTF-8 or GB18030, Excel workbooks, NDJSON. Streamed, bounded, nothing in them is ever run."""

import codecs
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any, TypeAlias

from licence_service.errors import RequestRejected
from licence_service.json_object import parse_object
from licence_service.stock.workbook import MOST_CELL, MOST_COLUMNS, no, read_workbook

MOST_ROWS = 3_000_000
MOST_LINE = 4_000_000  # bytes of one NDJSON line: a row with its photos
_DELIMITERS = ",\t;"
_BLOCK = 1 << 20

Cells: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """A file of rows. `columns`: its headings in order; of NDJSON none are known before the last line."""

    path: Path
    kind: str  # csv, xlsx, ndjson
    sha256: str
    columns: tuple[str, ...]

    def rows(self) -> Iterator[tuple[int, Cells]]:
        """Yield each row that says something, with the line (of a workbook: the row) that it stands on; `RequestRejected` where it cannot be read."""
        rows = _objects(self.path) if self.kind == "ndjson" else self._below_headings()
        for count, row in enumerate(rows):
            if count >= MOST_ROWS:
                raise no("too-many", f"at most {MOST_ROWS} rows a file")
            yield row

    def _below_headings(self) -> Iterator[tuple[int, Cells]]:
        lines = _table(self.path, self.kind)
        next(lines)  # the headings
        for number, cells in lines:
            yield number, {name: cell for name, cell in zip(self.columns, cells, strict=False) if cell}


def open_source(path: Path) -> Source:
    """Look at a file and say what it is; `RequestRejected` where it is nothing that is read here."""
    try:
        with path.open("rb") as file:
            head = file.read(8)
            file.seek(0)
            sha256 = file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise no("not-a-file", "this file cannot be read") from error
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise no("old-workbook", "an .xls workbook may hold programs and is not read; save it as .xlsx or CSV")
    kind = "xlsx" if head.startswith(b"PK") else "ndjson" if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{") else "csv"
    return Source(path, kind, sha256, () if kind == "ndjson" else _headings(path, kind))


def _headings(path: Path, kind: str) -> tuple[str, ...]:
    first = next(_table(path, kind), None)
    if first is None:
        raise no("empty", "the file has no row")
    found = [one.strip() for one in first[1]]
    if len(found) > MOST_COLUMNS:
        raise no("too-many-columns", f"at most {MOST_COLUMNS} columns")
    named = [one for one in found if one]
    if len(set(named)) != len(named):
        raise no("heading-twice", "two columns have the same heading")
    return tuple(found)


def _table(path: Path, kind: str) -> Iterator[tuple[int, Sequence[str]]]:
    return read_workbook(path) if kind == "xlsx" else _csv(path)


def _csv(path: Path) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield the lines that say something; comma, tab or semicolon, whichever the first of them has most of."""
    with path.open("r", encoding=_encoding(path), newline="") as file:
        first = next((line for line in file if line.strip()), "")
        delimiter = max(_DELIMITERS, key=first.count)
        file.seek(0)
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        start = 1
        try:
            for cells in reader:
                if any(len(cell) > MOST_CELL for cell in cells):
                    raise no("too-long", f"line {start}: a cell has at most {MOST_CELL} characters")
                if any(cell.strip() for cell in cells):
                    yield start, [cell.strip(" \t\r\n\ufeff") for cell in cells]
                start = reader.line_num + 1
        except csv.Error as error:
            raise no("not-csv", f"line {start} is not CSV") from error


def _encoding(path: Path) -> str:
    """Return the first encoding that the whole file is in."""
    for encoding in ("utf-8-sig", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with path.open("rb") as file:
                while block := file.read(_BLOCK):
                    if "\0" in decoder.decode(block):
                        raise no("not-text", "a CSV file in UTF-8 or GB18030 is wanted here")
                decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding
    raise no("not-text", "a CSV file in UTF-8 or GB18030 is wanted here")


def _objects(path: Path) -> Iterator[tuple[int, Cells]]:
    with path.open("rb") as raw, io.BufferedReader(raw, _BLOCK) as file:
        number = 0
        while line := file.readline(MOST_LINE + 1):
            number += 1
            if len(line) > MOST_LINE:
                raise no("too-long", f"line {number}: a row has at most {MOST_LINE} bytes")
            if not line.strip(b"\xef\xbb\xbf \r\n\t"):
                continue
            try:
                yield number, parse_object(line.removeprefix(b"\xef\xbb\xbf"))
            except RequestRejected as wrong:
                raise no(wrong.faults[0].code, f"line {number}: {wrong.faults[0].message}") from wrong
