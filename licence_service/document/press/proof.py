"""Reading a pressed file back before its seal: what it says must be what the licence says (DOMAIN M10).

The bytes are read as a stranger reads them: objects by their own words, texts from the operators of the pages through the
fonts' own tables, the characters that the font programs hold, the code from its dots. Where things stand on the page is
not judged here. Where this reader cannot tell whose values stand where, `agreement.agree` looks at the page itself; a code, an
attachment, a photograph or a font that is not right is wrong at once. What all licences of an edition show is read from each plate
once; the characters and CMaps of the edition's own fonts are taken from the objects that the plate was cast from, not from its bytes, and
what is expected is worded by the code that words the page. That those are right is seen by foreign readers, of some files.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from typing import TypeAlias

from licence_service.document.compact_font_reader import cids_of
from licence_service.document.press.calls import NEXT, NEXT_PAGE, Calls
from licence_service.document.press.comparing import PAGE, Comparison, Mark, Said
from licence_service.document.press.filling import Laid
from licence_service.document.press.fonts_read import BETWEEN, Font, Meanings, Unproven, meanings_in
from licence_service.document.press.plate import SYMBOL, Plate
from licence_service.document.press.typecase import Typecase
from licence_service.document.reading import compact
from licence_service.document.sheet import Sheet
from licence_service.document.symbol_reading import read as read_symbol
from licence_service.errors import PageDisagrees
from licence_service.template import Template

_OBJECT = re.compile(rb"(\d+) 0 obj\n(?:<<[^\n]* /Length (\d+) >>\nstream\n)?")
_END, _END_OF_STREAM = b"\nendobj\n", b"\nendstream\nendobj\n"
# A text, its font and its codes; or the name of what is drawn besides.
_SHOWN = re.compile(rb"/(?:([CV][0-9]) [0-9.]+ Tf [0-9.-]+ Tc 1 0 0 1 [0-9.]+ [0-9.]+ Tm <([0-9a-f]+)> Tj ET|([-\w]+) Do)")
_BEGUN = re.compile(rb"BT")  # found so in half the time that `count` takes
_ENTRY = 20  # bytes of a line of the cross-reference table

_MOST_PLATES = 64  # whose drawings stay read


@dataclass(slots=True)
class Proof:
    """A file under the eyes of a reader, and what was read of it so far."""

    laid: Laid
    sheet: Sheet
    attachment: bytes
    objects: dict[int, bytes] = field(init=False)
    brought: dict[bytes, Font] = field(init=False)
    said: Said = field(init=False)


Stage: TypeAlias = Callable[[Proof], None]


class Reader:
    """Reads what is printed of one edition; keeps its fonts' tables and what its plates say."""

    def __init__(self, template: Template, case: Typecase) -> None:
        """Take the edition and its characters at hand."""
        self._case = case
        self._comparison = Comparison(template)
        self._fonts: dict[bytes, Font] = {}
        self._template = template
        self._plates: dict[int, tuple[Plate, Calls, dict[bytes, Said]]] = {}  # by identity, which they keep while they are here

    def confirm(self, laid: Laid, sheet: Sheet, attachment: bytes) -> None:
        """Return if the file says what the sheet says, carries attachment and photographs, holds the code's modules, and calls all that is to be drawn.

        Raise `PageDisagrees` for what no look at the page could put right, `Unproven` where this reader cannot tell whose values
        stand where.
        """
        proof = Proof(laid, sheet, attachment)
        for stage in (*self.stages, self.compare):
            stage(proof)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What comes before `compare`, in this order; each raises `PageDisagrees`."""
        return tuple(partial(_strictly, stage) for stage in (_take_apart, _read_code, self._read_fonts, self._read_pages))

    def compare(self, proof: Proof) -> None:
        """Compare what was read with the sheet; raise `Unproven` where this reader cannot tell whose values stand where."""
        self._comparison.confirm(proof.said, proof.sheet)

    def _read_fonts(self, proof: Proof) -> None:
        names, objects = proof.laid.plate.filled, proof.objects
        proof.brought = {name.encode("ascii"): self._font(name, cids_of(objects[number])) for name, number in names.items() if name.startswith("V")}

    def _read_pages(self, proof: Proof) -> None:
        plate, objects = proof.laid.plate, proof.objects
        pages = NEXT.join([objects[number] for name, number in plate.filled.items() if name.startswith("page-")])
        _, calls, drawings = self._read_plate(plate)
        proof.said, called = self._said(pages, proof.brought, drawings)
        calls.confirm(called, proof.sheet.photos)

    # -- what the pages say --------------------------------------------------------------------------

    def _said(self, operators: bytes, brought: Mapping[bytes, Font], drawings: Mapping[bytes, Said]) -> tuple[Said, tuple[bytes, ...]]:
        """Return what operators show, every character of it in the font that shows it, and the names of all that they call, in order."""
        found = _SHOWN.findall(operators)
        texts: dict[bytes, list[bytes]] = {}
        for name, digits, _ in found:
            if name:
                texts.setdefault(name, []).append(digits)
        if sum(map(len, texts.values())) != len(_BEGUN.findall(operators)):
            raise Unproven("a text that is not understood")
        shown = {name: self._shown(brought[name] if name.startswith(b"V") else self._font_kept(name), each) for name, each in texts.items()}
        words: list[str] = []
        marks: list[Mark] = []
        called: list[bytes] = []
        for name, _, drawing in found:
            if name:
                word, mark = next(shown[name])
                words.append(word)
                if mark is not None:
                    marks.append(mark)
            else:
                called.append(drawing)
                if said := drawings.get(drawing):
                    words.append(said.words)
                    marks += said.marks
        return Said("".join(words), marks), tuple(called)

    def _shown(self, font: Font, shown: Sequence[bytes]) -> Iterator[tuple[str, Mark | None]]:
        """Return for each text its words without spaces and what it marks; the English below a label marks nothing."""
        texts = font.texts(shown)
        words = compact(BETWEEN.join(texts)).split(BETWEEN)
        return zip(words, map(self._comparison.label, texts) if font.labels else words, strict=True)

    def _read_plate(self, plate: Plate) -> tuple[Plate, Calls, dict[bytes, Said]]:
        """Return what the pages of a plate must call, and what its drawings say by their names."""
        known = self._plates.get(id(plate))
        if known is None:
            if len(self._plates) >= _MOST_PLATES:
                self._plates.clear()
            calls = Calls(plate, self._template)
            said = {name: self._said(operators, {}, {})[0] for name, operators in calls.standing.items()}
            known = self._plates[id(plate)] = (plate, calls, {**said, NEXT_PAGE: Said(PAGE, ())})
        return known

    def _font(self, name: str, held: Sequence[int]) -> Font:
        face = self._case.faces[name].face
        return Font.read(held, self._meanings_of(face), labels=face.startswith("hei"))

    def _font_kept(self, name: bytes) -> Font:
        """Return a font of the edition, from now on at hand."""
        font = self._fonts.get(name)
        if font is None:
            case = self._case.faces[name.decode("ascii")]
            held = cids_of(case.edition.program(case.kept))
            font = self._fonts[name] = Font.read(held, meanings_in(case.meanings), labels=case.face.startswith("hei"))
        return font

    def _meanings_of(self, face: str) -> Meanings:
        """Return what each CID of a face means, read from the CMap that the fonts of licences carry."""
        return _meanings_of(self._case.cases[face].licence.store.ids.to_unicode)


_meanings_of = lru_cache(maxsize=16)(meanings_in)  # of faces, which all editions share


def _strictly(stage: Stage, proof: Proof) -> None:
    try:
        stage(proof)
    except (ValueError, LookupError, StopIteration) as irregular:
        raise PageDisagrees(f"the printed file does not read as it was written: {type(irregular).__name__}") from irregular


def _take_apart(proof: Proof) -> None:
    content, given = proof.laid.before, dict(_given(proof))
    proof.objects = {}
    for number, start, end in _objects(proof.laid):
        expected = given.pop(number, None)
        if expected is None:
            proof.objects[number] = content[start:end]
        elif end - start != len(expected) or not content.startswith(expected, start):
            raise Unproven("the attachment or a photograph")
    if given:
        raise Unproven("an object that is not there")


def _given(proof: Proof) -> Iterator[tuple[int, bytes]]:
    """Yield the numbers of the objects that must be what was given, and what that was."""
    for name, number in proof.laid.plate.filled.items():
        if name == "attachment":
            yield number, proof.attachment
        elif name.startswith("P-"):
            yield number, proof.sheet.photos[name[2:]]


def _read_code(proof: Proof) -> None:
    symbol = proof.objects[proof.laid.plate.filled[SYMBOL]]
    if read_symbol(symbol, _side(len(symbol))) != proof.sheet.code_text:
        raise Unproven("the code")


@cache
def _side(length: int) -> int:
    """Return the modules a side of a symbol whose rows, filled up to whole bytes, take so many bytes."""
    return next(side for side in range(21, 65, 4) if side * ((side + 7) // 8) == length)


def _objects(laid: Laid) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and end of what the licence's objects hold but for the last, its signature; each is where the table says."""
    content, base = laid.before, len(laid.plate.prefix)
    table = laid.after.index(b"xref\n0 ")
    first = laid.after.index(b"\n", table + 5) + 1
    at = 0
    while found := _OBJECT.match(content, at):
        number = int(found[1])
        entry = first + _ENTRY * number
        if int(laid.after[entry : entry + 10]) != base + at:
            raise Unproven("the table")
        if found[2] is None:
            end = content.find(_END, found.end())
            if end < 0:
                return
            yield number, found.end(), end
            at = end + len(_END)
            continue
        end = found.end() + int(found[2])
        if not content.startswith(_END_OF_STREAM, end):
            raise Unproven("the length of a stream")
        yield number, found.end(), end
        at = end + len(_END_OF_STREAM)
    raise Unproven("an object")
