"""Excel workbooks (.xlsx) read without any program in them: the cells of the first sheet as text, and nothing else.

ECMA-376 parts, read as a stream. A document type, and with it every entity, is refused, so are macros and workbooks that are encrypted;
what a part unpacks to is counted while it is unpacked. Formulas are never computed: the value that was saved with one is taken.
"""

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from xml.parsers import expat

from licence_service.errors import Fault, RequestRejected

MOST_UNPACKED = 300_000_000  # bytes of one part; what unpacks to more is given as CSV or NDJSON
MOST_RATIO = 50  # how much more a part may be than its packed bytes; sheets of real stocks come to some 15
MOST_STRINGS = 200_000_000  # characters of all shared texts together
MOST_COLUMNS, MOST_CELL = 500, 32_767  # the second is Excel's own limit
MOST_ROW = 1_048_576  # Excel's own limit
MOST_STRANGE = 100_000  # elements of a part that say nothing of a cell; the dullest way to keep a parser busy
_BLOCK, _MOST_FORMAT = 1 << 16, 10**6
_DAY_FORMATS = frozenset({14, 15, 16, 17, 22, *range(27, 37), *range(50, 59)})  # built in, those of Chinese Excel included
_QUOTED = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.')
_CELL = re.compile(r"([A-Z]{1,3})[0-9]+")
_TAGS = frozenset(
    {"row", "c", "v", "is", "t", "f", "si", "r", "rPr", "rPh", "xf", "numFmt", "sz", "color", "rFont", "charset", "family", "scheme", "phoneticPr"}
)
_WORKBOOK, _STRINGS, _STYLES = "xl/workbook.xml", "xl/sharedStrings.xml", "xl/styles.xml"
_RELATIONS = "xl/_rels/workbook.xml.rels"


def read_workbook(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of the first sheet that say something, each with its number from 1 and its cells as text; days as YYYY-MM-DD.

    `RequestRejected` names what makes it no workbook that is read here.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            _refuse_programs(packed)
            book = _Book(packed)
            yield from book.rows()
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, KeyError, zlib.error) as error:
        # The second is zipfile's word for archives that it cannot open: of a later version, strongly encrypted, or patched.
        raise no("not-a-workbook", "this is no Excel workbook (.xlsx), or it is damaged") from error
    except (expat.ExpatError, LookupError, ValueError) as error:  # an encoding that nobody knows, too
        raise no("not-a-workbook", "a part of this workbook is no correct XML") from error


def no(code: str, message: str) -> RequestRejected:
    """Return the refusal of a file."""
    return RequestRejected(faults=[Fault("file", code, message)])


def _refuse_programs(packed: zipfile.ZipFile) -> None:
    for one in packed.infolist():
        if one.flag_bits & 1:
            raise no("encrypted", "an encrypted workbook is not read")
        if one.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise no("not-a-workbook", "a workbook is packed by deflate, or not at all")
        if "vbaproject" in one.filename.lower() or one.filename.lower().endswith(".bin"):
            raise no("macros", "a workbook with macros or embedded programs is not read; save it as .xlsx or CSV")


@dataclass(slots=True)
class _Book:
    """A workbook that is open."""

    packed: zipfile.ZipFile
    texts: list[str] = field(default_factory=list)
    days: set[int] = field(default_factory=set)  # styles that show a day
    since_1904: bool = False

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows of the first sheet."""
        sheet = self._first_sheet()
        names = set(self.packed.namelist())
        if _STRINGS in names:
            for _ in self._parsed(_STRINGS, _Strings(self.texts)):
                pass
        if _STYLES in names:
            for _ in self._parsed(_STYLES, _Styles(self.days)):
                pass
        cells = _Cells(self)
        for _ in self._parsed(sheet, cells):
            yield from cells.take()
        yield from cells.take()

    def _first_sheet(self) -> str:
        found, targets = _Sheets(), _Targets()
        for _ in self._parsed(_WORKBOOK, found):
            pass
        for _ in self._parsed(_RELATIONS, targets):
            pass
        self.since_1904 = found.since_1904
        target = targets.found.get(found.first or "")
        if target is None:
            raise no("not-a-workbook", "the workbook has no sheet")
        return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"

    def _parsed(self, name: str, reading: "_Reading") -> Iterator[None]:
        """Feed a part to a reading, block by block; what it unpacks to is counted."""
        parser = expat.ParserCreate(namespace_separator="}")
        parser.StartDoctypeDeclHandler = _no_document_type
        parser.StartElementHandler = _counted(reading)
        parser.EndElementHandler = lambda tag: reading.end(tag.rpartition("}")[2])
        parser.CharacterDataHandler = reading.text
        parser.buffer_text = True
        most = min(MOST_UNPACKED, max(1 << 20, MOST_RATIO * self.packed.getinfo(name).compress_size))
        unpacked = 0
        with closing(self.packed.open(name)) as part:
            while block := part.read(_BLOCK):
                unpacked += len(block)
                if unpacked > most:
                    raise no("too-large", "a part of this workbook unpacks to far more than a sheet does")
                parser.Parse(block, False)  # noqa: FBT003 - expat's own flag
                yield
        parser.Parse(b"", True)  # noqa: FBT003


def _counted(reading: "_Reading") -> Callable[[str, dict[str, str]], None]:
    """Return what hands elements on to a reading, and refuses a part that is full of ones that mean nothing here."""
    strange = 0

    def begin(tag: str, attributes: dict[str, str]) -> None:
        nonlocal strange
        name = tag.rpartition("}")[2]
        strange += name not in _TAGS
        if strange > MOST_STRANGE:
            raise no("too-large", "a part of this workbook holds far more than the cells of a sheet")
        reading.begin(name, attributes)

    return begin


def _number(text: str, most: int) -> int | None:
    """Return a number from 0 to `most` in plain digits; None for anything else, however long."""
    return int(text) if len(text) <= 10 and text.isascii() and text.isdigit() and int(text) <= most else None  # noqa: PLR2004 - digits


def _no_document_type(*_: object) -> None:
    raise no("document-type", "XML with a document type is not read")


class _Reading:
    """Takes what a parser meets."""

    def begin(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, tag: str) -> None:
        """An element ends."""

    def text(self, text: str) -> None:
        """Take a text inside it."""


class _Sheets(_Reading):
    """The first sheet's relation, and from where days are counted."""

    def __init__(self) -> None:
        self.first: str | None = None
        self.since_1904 = False

    def begin(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "workbookPr":
            self.since_1904 = attributes.get("date1904") in {"1", "true"}
        if tag == "sheet" and self.first is None:
            self.first = next((value for name, value in attributes.items() if name.rpartition("}")[2] == "id"), None)


class _Targets(_Reading):
    """Where relations lead; one that leads out of the file is left alone."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def begin(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "Relationship" and attributes.get("TargetMode") != "External":
            self.found[attributes.get("Id", "")] = attributes.get("Target", "")


class _Strings(_Reading):
    """Texts that cells share; phonetic guides are left out."""

    def __init__(self, texts: list[str]) -> None:
        self.texts, self._parts, self._in, self._size, self._long = texts, list[str](), False, 0, 0
        self._aside = 0

    def begin(self, tag: str, attributes: dict[str, str]) -> None:  # noqa: ARG002
        if tag == "si":
            self._parts, self._long = [], 0
        self._aside += tag == "rPh"
        self._in = tag == "t" and not self._aside

    def end(self, tag: str) -> None:
        if tag == "si":
            self.texts.append("".join(self._parts))
        self._aside -= tag == "rPh"
        self._in = False

    def text(self, text: str) -> None:
        if self._in:
            self._size, self._long = self._size + len(text), self._long + len(text)
            _short_enough(self._long)
            if self._size > MOST_STRINGS:
                raise no("too-large", "the texts of this workbook are too many")
            self._parts.append(text)


class _Styles(_Reading):
    """Which cell styles show a day."""

    def __init__(self, days: set[int]) -> None:
        self.days, self._formats, self._count, self._within = days, dict[int | None, str](), 0, False

    def begin(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "numFmt":
            self._formats[_number(attributes.get("numFmtId", ""), _MOST_FORMAT)] = attributes.get("formatCode", "")
            self._formats.pop(None, None)
        self._within = self._within or tag == "cellXfs"
        if tag == "xf" and self._within:
            number = _number(attributes.get("numFmtId", "0"), _MOST_FORMAT)
            code = _QUOTED.sub("", self._formats.get(number, "")).lower()
            if number in _DAY_FORMATS or "y" in code or ("d" in code and "m" in code):
                self.days.add(self._count)
            self._count += 1

    def end(self, tag: str) -> None:
        self._within = self._within and tag != "cellXfs"


class _Cells(_Reading):
    """Rows of a sheet."""

    def __init__(self, book: _Book) -> None:
        self._book = book
        self._done: list[tuple[int, list[str]]] = []
        self._row: dict[int, str] = {}
        self._number = self._column = self._long = 0
        self._kind, self._style, self._value, self._in = "n", 0, list[str](), False

    def take(self) -> list[tuple[int, list[str]]]:
        """Return the rows that are whole by now."""
        done, self._done = self._done, []
        return done

    def begin(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "row":
            number = _number(attributes["r"], MOST_ROW) if "r" in attributes else self._number + 1
            if number is None or number <= self._number:
                raise no("rows-out-of-order", f"rows of a sheet are numbered upwards, from 1 to {MOST_ROW}")
            self._number = number
            self._row, self._column = {}, -1
        elif tag == "c":
            self._column = _place(attributes.get("r", ""), self._column)
            self._style = _number(attributes.get("s", "0"), _MOST_FORMAT) or 0
            self._kind, self._value, self._long = attributes.get("t", "n"), [], 0
        self._in = tag == "v" or (tag == "t" and self._kind == "inlineStr")

    def end(self, tag: str) -> None:
        self._in = False
        if tag == "c":
            text = self._text("".join(self._value))
            if text:
                self._row[self._column] = text
        elif tag == "row" and self._row:
            self._done.append((self._number, [self._row.get(place, "") for place in range(max(self._row) + 1)]))

    def text(self, text: str) -> None:
        if self._in:
            self._long += len(text)
            _short_enough(self._long)
            self._value.append(text)

    def _text(self, value: str) -> str:
        if self._kind == "s":
            place = _number(value, len(self._book.texts) - 1)
            value = "" if place is None else self._book.texts[place]
        elif self._kind == "e":
            value = ""
        elif self._kind == "n" and value and self._style in self._book.days:
            value = _day(value, since_1904=self._book.since_1904)
        return value


def _short_enough(length: int) -> None:
    """Refuse a cell while it is read, before it is put together."""
    if length > MOST_CELL:
        raise no("too-long", f"a cell has at most {MOST_CELL} characters")


def _place(reference: str, before: int) -> int:
    """Return the column of a cell from 0: what its reference says, or the next one."""
    match = _CELL.fullmatch(reference)
    place = before + 1
    if match:
        place = 0
        for letter in match[1]:
            place = place * 26 + ord(letter) - 64
        place -= 1
    if place >= MOST_COLUMNS:
        raise no("too-many-columns", f"at most {MOST_COLUMNS} columns")
    return place


def _day(value: str, *, since_1904: bool) -> str:
    """Return the day of a serial number (ECMA-376 §18.17.4.1); one that is none stays as it is.

    The system of 1900 counts a 29 February 1900 that never was, so that days from March 1900 on lie one further.
    """
    try:
        days = int(float(value))
        return (date(1904, 1, 1) + timedelta(days)).isoformat() if since_1904 else (date(1899, 12, 30) + timedelta(days)).isoformat()
    except (ValueError, OverflowError):
        return value
