"""The characters of one face as Type 2 charstrings, each made once: what fonts of single documents are joined from.

A charstring is unhinted, calls no subroutine and is drawn on 1000 units to the em (Adobe TN 5177), so it stands in any
font whose default width is 1000. The faces are quadratic; curves are merged back into cubics within `TOLERANCE`, which
takes two fifths off an ideograph and cannot be seen: at the largest title it is a third of the dot of a
600 dpi print.
"""

import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from threading import Lock
from typing import Any, TypeAlias

from fontTools.pens.qu2cuPen import Qu2CuPen
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.transformPen import TransformPen
from fontTools.ttLib.tables._g_l_y_f import Glyph

from licence_service.document.character_ids import CharacterIds
from licence_service.document.fonts import Face
from licence_service.document.truetype import TrueType

_Segment: TypeAlias = tuple[str, tuple[Any, ...]]
EM = 1000
_SQUARES = (range(0x3000, 0x3040), range(0x4E00, 0xA000), range(0xFF00, 0xFFF0))  # punctuation, ideographs, wide forms
TOLERANCE = 1.0  # units: how far a merged curve may lie from the face's own


class GlyphStore:
    """Charstrings and widths of one face. Any thread may ask; only making a glyph waits for a lock."""

    def __init__(self, face: Face) -> None:
        """Take the face; no glyph is made yet."""
        self.face = face
        self.ids = CharacterIds(face.program)
        self._charstrings: dict[str, bytes] = {}
        self._widths: dict[str, int] = {}
        self._outlines = _Outlines(face.program)
        self._lock = Lock()

    @cached_property
    def squares(self) -> re.Pattern[str]:
        """What matches a text of characters that the face draws one em wide: those of `_SQUARES` that are, as nearly all of them."""
        program = self.face.program
        drawn = ((point, program.glyph(point)) for block in _SQUARES for point in block)
        square = [re.escape(chr(point)) for point, glyph in drawn if glyph and program.advance(glyph) == program.units]
        return re.compile(f"[{''.join(square)}]+" if square else r"[^\s\S]")

    def charstring(self, character: str) -> bytes:
        """Return the charstring of a character, with its width where that is not 1000, to its `endchar`.

        Raise `ValueError` where the face has no such character.
        """
        found = self._charstrings.get(character)
        return self._made(character) if found is None else found

    def charstrings(self, characters: Iterable[str]) -> list[bytes]:
        """Return the charstrings of several characters in their order."""
        return [self._charstrings.get(character) or self._made(character) for character in characters]

    def kept(self) -> dict[str, bytes]:
        """Return the charstrings made so far, for `keep` of another process: making one takes milliseconds."""
        with self._lock:
            return dict(self._charstrings)

    def keep(self, charstrings: Mapping[str, bytes]) -> None:
        """Take charstrings that a store of the same face has made."""
        with self._lock:
            self._charstrings.update(charstrings)

    def width(self, character: str) -> int:
        """Return the advance in thousandths of the em, the very number that the charstring says; no glyph is made for it.

        Raise `ValueError` where the face has no such character.
        """
        found = self._widths.get(character)
        if found is None:
            program = self.face.program
            found = self._widths[character] = round(program.advance(self._glyph(character)) * EM / program.units)
        return found

    def _glyph(self, character: str) -> int:
        glyph = self.face.program.glyph(ord(character))
        if not glyph:
            raise ValueError(f"U+{ord(character):04X} is not in this face")
        return glyph

    def _made(self, character: str) -> bytes:
        with self._lock:  # a second thread may have made it meanwhile, which gives the same bytes again
            self.ids.cid(character)
            made = self._charstrings[character] = _drawn(self._outlines, self._glyph(character), self.width(character))
            return made


class _Outlines:
    """The glyphs of a mapped face as fontTools draws them, by name, so that parts of composite glyphs are found."""

    extended = False  # no glyph of more than the classic kinds of points

    def __init__(self, program: TrueType) -> None:
        self.program = program

    def getGlyphName(self, glyph: int) -> str:  # noqa: N802 - fontTools asks for parts by this name
        return str(glyph)

    def __getitem__(self, name: str) -> "_Outline":
        return _Outline(self, self.program.outline(int(name)))


class _Outline:
    """One glyph that can be drawn, without its side bearing."""

    def __init__(self, outlines: _Outlines, data: bytes) -> None:
        self._outlines, self._glyph = outlines, Glyph(data)
        self._glyph.expand(outlines)

    def draw(self, pen: Any) -> None:  # noqa: ANN401 - pens of fontTools are untyped
        self._glyph.draw(pen, self._outlines)


def _drawn(outlines: _Outlines, glyph: int, width: int) -> bytes:
    """Return the charstring of a glyph of the face, so many thousandths of the em wide."""
    program = outlines.program
    data = program.outline(glyph)
    scale = EM / program.units
    charstring_pen = T2CharStringPen(None if width == EM else width, None)
    if data:
        recording = DecomposingRecordingPen(outlines)
        outlines[str(glyph)].draw(recording)
        # The bearing of the metrics says where the outline begins, whatever its own coordinates say.
        shift = program.metrics(glyph)[1] - struct.unpack_from(">h", data, 2)[0]
        # Outer contours run clockwise in TrueType, the other way round in a charstring.
        merging = Qu2CuPen(charstring_pen, TOLERANCE, all_cubic=True, reverse_direction=True)
        scaling = TransformPen(merging, (scale, 0, 0, scale, shift * scale, 0))
        for contour in _contours(recording.value):
            for operator, operands in _turned(contour):
                getattr(scaling, operator)(*operands)
    charstring = charstring_pen.getCharString()
    charstring.compile()
    return bytes(charstring.bytecode)


def _contours(value: Iterable[_Segment]) -> Iterator[list[_Segment]]:
    """Yield the segments of each contour, which begin with `moveTo` and end with `closePath`.

    One of handles only gets a point on the curve to start from, half way between two handles.
    """
    contour: list[_Segment] = []
    for operator, operands in value:
        if operator == "qCurveTo" and operands[-1] is None:
            *_, (x, y) = handles = operands[:-1]
            start = ((x + handles[0][0]) / 2, (y + handles[0][1]) / 2)
            contour += [("moveTo", (start,)), ("qCurveTo", (*handles, start))]
        else:
            contour.append((operator, operands))
        if operator == "closePath":
            yield contour
            contour = []


def _turned(contour: list[_Segment]) -> list[_Segment]:
    """Let a contour begin with its line that takes most to say.

    Reversed it ends with it, and the last line of a contour goes without saying; nor do curves to be merged begin in
    their middle, where there is a line at all. It saves a twentieth.
    """
    (_, (start,)), *segments, closing = contour
    if segments and segments[-1][1][-1] != start:
        segments.append(("lineTo", (start,)))
    ends = [start, *(operands[-1] for _, operands in segments)]
    lines = [place for place, (operator, _) in enumerate(segments) if operator == "lineTo"]
    if not lines:
        return contour
    first = max(lines, key=lambda place: sum(_said_in(there - here) for here, there in zip(ends[place], ends[place + 1], strict=True)))
    return [("moveTo", (ends[first],)), *segments[first:], *segments[:first], closing]


def _said_in(way: float) -> int:
    """Return how many bytes a charstring takes to say a distance (TN 5177 §3.2); none to stay."""
    return 0 if not round(way) else 1 if abs(way) <= 107 else 2  # noqa: PLR2004 - the figures of its Table 1
