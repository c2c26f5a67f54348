"""The plate of a pressed file as a stranger reads it: the drawings that its pages call by name (ISO 32000-2 §8.10).

What all licences of an edition show, their labels above all, stands in such drawings. They are read from the plate's bytes,
by the references of its pages and the places of its cross-reference table, once for each plate.
"""

import re
import zlib

from licence_service.document.press.fonts_read import Unproven
from licence_service.document.press.plate import Plate

_PAGE = re.compile(rb"\n<< /Type /Page /Parent [^\n]*")
_CONTENTS = re.compile(rb" /Contents (\d+) 0 R")
_DRAWINGS = re.compile(rb"/XObject << ([^>]*) >>")
_CALLED = re.compile(rb"/([-\w]+) (\d+) 0 R")
_DRAWING = re.compile(rb"(\d+) 0 obj\n<< /Type /XObject /Subtype /Form [^\n]* /Filter /FlateDecode /Length (\d+) >>\nstream\n")
_ENTRY = 20  # bytes of a line of the cross-reference table


def resources(plate: Plate) -> list[dict[bytes, int]]:
    """Return for each page in turn the names that it may call, with the numbers of what they mean; raise `Unproven` where it cannot be told."""
    found: dict[int, dict[bytes, int]] = {}
    for page in _PAGE.findall(plate.prefix):
        contents, named = _CONTENTS.search(page), _DRAWINGS.search(page)
        if contents is None or named is None:
            raise Unproven("a page of the plate")
        found[int(contents[1])] = {name: int(number) for name, number in _CALLED.findall(named[1])}
    wanted = [number for name, number in plate.filled.items() if name.startswith("page-")]
    if sorted(found) != sorted(wanted):
        raise Unproven("the pages of the plate")
    return [found[number] for number in wanted]


def standing(plate: Plate) -> dict[bytes, bytes]:
    """Return the operators of the drawings that stand on every licence of this plate, by the names under which its pages call them.

    Raise `Unproven` where a name means two drawings or an object is not where the table says.
    """
    numbers: dict[bytes, int] = {}
    for page in resources(plate):
        for name, number in page.items():
            if name.startswith(b"K") and numbers.setdefault(name, number) != number:
                raise Unproven("a drawing with two meanings")
    return {name: _operators(plate, number) for name, number in numbers.items()}


def entries_of(plate: Plate, number: int) -> bytes:
    """Return the dictionary of a stream of the plate."""
    return _found(plate, number)[0]


def _operators(plate: Plate, number: int) -> bytes:
    found = _found(plate, number)
    try:
        return zlib.decompress(plate.prefix[found.end() : found.end() + int(found[2])])
    except zlib.error as broken:
        raise Unproven("a drawing of the plate") from broken


def _found(plate: Plate, number: int) -> re.Match[bytes]:
    """Return the head of a drawing that is where the table says."""
    entry = _ENTRY * (number - len(plate.filled) - 1)
    found = _DRAWING.match(plate.prefix, int(plate.table[entry : entry + 10]))
    if found is None or int(found[1]) != number:
        raise Unproven("a drawing of the plate")
    return found
