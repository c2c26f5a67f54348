"""The plate of a pressed file as a stranger reads it: the drawings that its pages call by name (ISO 32000-2 §8.10).

What all licences of an edition show, their labels above all, stands in such drawings. They are read from the plate's bytes,
by the references of its pages and the places of its cross-reference table, once for each plate.
"""

import re
import zlib

from licence_service.document.press.fonts_read import Unproven
from licence_service.document.press.plate import Plate

_PAGE = re.compile(rb"\n<< /Type /Page /Parent [^\n]*")
_CALLED = re.compile(rb"/(K[0-9a-f]+) (\d+) 0 R")
_DRAWING = re.compile(rb"(\d+) 0 obj\n<< /Type /XObject /Subtype /Form [^\n]* /Filter /FlateDecode /Length (\d+) >>\nstream\n")
_ENTRY = 20  # bytes of a line of the cross-reference table


def standing(plate: Plate) -> dict[bytes, bytes]:
    """Return the operators of the drawings that stand on every licence of this plate, by the names under which its pages call them.

    Raise `Unproven` where a name means two drawings or an object is not where the table says.
    """
    numbers: dict[bytes, int] = {}
    for page in _PAGE.findall(plate.prefix):
        for name, number in _CALLED.findall(page):
            if numbers.setdefault(name, int(number)) != int(number):
                raise Unproven("a drawing with two meanings")
    return {name: _operators(plate, number) for name, number in numbers.items()}


def _operators(plate: Plate, number: int) -> bytes:
    entry = _ENTRY * (number - len(plate.filled) - 1)
    found = _DRAWING.match(plate.prefix, int(plate.table[entry : entry + 10]))
    if found is None or int(found[1]) != number:
        raise Unproven("a drawing of the plate")
    try:
        return zlib.decompress(plate.prefix[found.end() : found.end() + int(found[2])])
    except zlib.error as broken:
        raise Unproven("a drawing of the plate") from broken
