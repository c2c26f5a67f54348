"""Cross-reference tables and streams, read strictly (ISO 32000-2 §7.5.4, §7.5.8)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from licence_service.seal.syntax import Dictionary, Irregular, Reading, TooMuch

MOST_ENTRIES = 40_000
MOST_SECTIONS = 8
_SUBSECTION = re.compile(rb"\s*+(\d{1,10}) (\d{1,10})[ ]*(?:\r\n|\n|\r)")
_ENTRY = re.compile(rb"(\d{10}) (\d{5}) ([nf])(?: \r| \n|\r\n)")
_TRAILER = re.compile(rb"\s*+trailer\b")
_ENTRY_BYTES = 20
_FREE, _IN_FILE, _IN_STREAM = 0, 1, 2
_WIDEST = 8


@dataclass(frozen=True, slots=True)
class Section:
    """One table: where each object in use lies, which lie in object streams, and what its trailer says."""

    in_file: Mapping[int, tuple[int, int]]  # number → place, generation
    in_streams: frozenset[int]
    trailer: Dictionary

    @classmethod
    def of_stream(cls, entries: Dictionary, content: bytes) -> Self:
        """Read a cross-reference stream; predictors, which some programs use, are undone row by row."""
        widths, size = entries.entries.get("/W"), entries.entries.get("/Size")
        index = entries.entries.get("/Index", [0, size if isinstance(size, int) else 0])
        if not isinstance(widths, list) or not isinstance(index, list) or len(index) % 2:
            raise Irregular("not a cross-reference stream")
        each = [width for width in widths if isinstance(width, int) and 0 <= width <= _WIDEST]
        spans = [number for number in index if isinstance(number, int) and number >= 0]
        if len(each) != 3 or len(spans) != len(index):  # noqa: PLR2004 - kind, place, generation
            raise Irregular("not a cross-reference stream")
        if sum(spans[1::2]) > MOST_ENTRIES:
            raise TooMuch("too many entries")
        numbers = [number for first, count in zip(spans[::2], spans[1::2], strict=True) for number in range(first, first + count)]
        rows = _rows(entries, content, sum(each))
        if len(rows) != len(numbers):
            raise Irregular("a cross-reference stream of another length")
        in_file, in_streams = {}, set()
        for number, row in zip(numbers, rows, strict=True):
            kind = int.from_bytes(row[: each[0]]) if each[0] else _IN_FILE
            place, generation = int.from_bytes(row[each[0] : each[0] + each[1]]), int.from_bytes(row[each[0] + each[1] :])
            if kind == _IN_FILE:
                in_file[number] = (place, generation)
            elif kind == _IN_STREAM:
                in_streams.add(number)
        return cls(in_file, frozenset(in_streams), entries)


def _rows(entries: Dictionary, content: bytes, width: int) -> list[bytes]:
    """Return the rows, of `width` bytes each, with the PNG predictor "up" undone where it was used."""
    parameters = entries.entries.get("/DecodeParms")
    predictor = parameters.entries.get("/Predictor", 1) if isinstance(parameters, Dictionary) else 1
    if width == 0:
        raise Irregular("rows without a width")
    if predictor == 1:
        return [content[start : start + width] for start in range(0, len(content), width)]
    rows, before = [], bytes(width)
    for start in range(0, len(content), width + 1):
        if content[start] not in {0, 2}:
            raise Irregular("a predictor that nobody uses here")
        row = content[start + 1 : start + 1 + width]
        before = bytes((one + above) & 0xFF for one, above in zip(row, before, strict=False)) if content[start] else row
        rows.append(before)
    return rows


def table(document: bytes, place: int, reading: Reading) -> tuple[Section, int]:
    """Read the table at `place` with its trailer; return it with the place after it."""
    after, in_file, entries = place + len(b"xref"), {}, 0
    while begun := _SUBSECTION.match(document, after):
        first, count = int(begun[1]), int(begun[2])
        entries += count
        if entries > MOST_ENTRIES:
            raise TooMuch("too many entries")
        after = begun.end()
        for number in range(first, first + count):
            entry = _ENTRY.match(document, after)
            if entry is None:
                raise Irregular("not an entry of a table")
            if entry[3] == b"n":
                if number in in_file:
                    raise Irregular("one object twice in a table")
                in_file[number] = (int(entry[1]), int(entry[2]))
            after += _ENTRY_BYTES
    trailer = _TRAILER.match(document, after)
    if trailer is None:
        raise Irregular("a table without a trailer")
    entries_of_trailer, after = reading.value(trailer.end())
    if not isinstance(entries_of_trailer, Dictionary):
        raise Irregular("a trailer that is no dictionary")
    return Section(in_file, frozenset(), entries_of_trailer), after


def chain(sections: Mapping[int, Section], start: int) -> bool:
    """Say whether the newest table leads through all of them, each to an older one that lies before it, and all to one root."""
    seen, place = 0, start
    roots = set()
    while True:
        section = sections.get(place)
        if section is None or seen > MOST_SECTIONS or "/XRefStm" in section.trailer.entries:
            return False
        seen += 1
        roots.add(str(section.trailer.entries.get("/Root")))
        before = section.trailer.entries.get("/Prev")
        if before is None:
            return seen == len(sections) and len(roots) == 1
        if not isinstance(before, int) or not 0 < before < place:
            return False
        place = before


def unlisted(sections: Mapping[int, Section], objects: Mapping[int, tuple[int, int]]) -> bool:
    """Say whether an object lies where no table names it, or a table names one where none lies."""
    named = {place: (number, generation) for section in sections.values() for number, (place, generation) in section.in_file.items()}
    return dict(objects) != named
