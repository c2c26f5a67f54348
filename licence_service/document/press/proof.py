"""Reading a pressed file back before its seal: what it says must be what the licence says (DOMAIN M10).

The bytes are read as a stranger reads them: objects by their own words, texts from the operators of the pages through the
fonts' own tables, the characters that the font programs hold, the code from its dots. Where things stand on the page is
not judged here. Where this reader cannot tell whose values stand where, `agreement.agree` looks at the page itself; a code, an
attachment, a photograph or a font that is not right is wrong at once. What all licences of an edition share is not read from the
plate: its characters and CMaps are those that the plate was cast with.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import chain
from typing import NamedTuple, TypeAlias

from licence_service.document.agreement import CONTINUED, stands
from licence_service.document.compact_font_reader import cids_of
from licence_service.document.explained import Listing
from licence_service.document.press.filling import Laid
from licence_service.document.press.fonts_read import Font, Meanings, Unproven, meanings_in
from licence_service.document.press.plate import SYMBOL
from licence_service.document.press.typecase import Typecase
from licence_service.document.reading import compact
from licence_service.document.sheet import Sheet
from licence_service.document.symbol_reading import read as read_symbol
from licence_service.document.tables import LISTED_ROLES
from licence_service.document.wording import Phrase, worded
from licence_service.errors import PageDisagrees
from licence_service.page import LabelBook, Table, Text, placeholders
from licence_service.template import Template

_OBJECT = re.compile(rb"(\d+) 0 obj\n(?:<<[^\n]* /Length (\d+) >>\nstream\n)?")
_END, _END_OF_STREAM = b"\nendobj\n", b"\nendstream\nendobj\n"
_SHOWN = re.compile(rb"/([CV][0-9]) [0-9.]+ Tf [0-9.-]+ Tc 1 0 0 1 [0-9.]+ [0-9.]+ Tm <([0-9a-f]+)> Tj ET")
_ENTRY = 20  # bytes of a line of the cross-reference table

_MOST_KNOWN = 4096  # lines of content streams


class Mark(NamedTuple):
    """A text of a page without spaces: a value, or a label with the fields that it speaks for, or a label's hand saying something else."""

    words: str
    label: bool
    names: tuple[str, ...] | None = None


class Said(NamedTuple):
    """What a line of a content stream says: all its words without spaces, and those that tell whose values stand where."""

    words: str
    marks: tuple[Mark, ...]


@dataclass(slots=True)
class Proof:
    """A file under the eyes of a reader, and what was read of it so far."""

    laid: Laid
    sheet: Sheet
    attachment: bytes
    objects: dict[int, bytes] = field(init=False)
    brought: dict[bytes, Font] = field(init=False)
    said: list[Said] = field(init=False)


Stage: TypeAlias = Callable[[Proof], None]


class Reader:
    """Reads what is printed of one edition; keeps its fonts' tables and what its labels mean."""

    def __init__(self, template: Template, case: Typecase) -> None:
        """Take the edition and its characters at hand."""
        self._fields = template.fields
        self._texts = {name for name, field in template.fields.items() if field.printed and field.type not in {"image", "table"}}
        self._case = case
        self._book = LabelBook(template.fields)
        self._listing = Listing(template)
        self._routes = {  # texts whose parts stand in rows, each with its role: how they are cut
            table.field: table.split
            for table in self._listing.elements
            if isinstance(table, Table) and table.field in self._texts and table.split and "{$role}" in [each.content for each in table.columns]
        }
        self._printing = {name: Phrase(f"{{{name}}}", template.fields) for name in self._texts}
        self._lines: dict[str, list[str]] = {}  # contents without a label, by the fields that they show
        for element in (element for page in template.pages for element in page.elements if isinstance(element, Text)):
            for name in placeholders(element.content):
                self._lines.setdefault(name, []).append(element.content)
        self._labels: dict[str, tuple[str, ...] | None] = {}
        self._fonts: dict[bytes, Font] = {}
        self._known: dict[bytes, Said] = {}
        self._meanings: dict[str, Meanings] = {}

    def confirm(self, laid: Laid, sheet: Sheet, attachment: bytes) -> None:
        """Return if the file says what the sheet says, carries attachment and photographs, and shows the code.

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
        self._confirm_texts(proof.said, proof.sheet)

    def _read_fonts(self, proof: Proof) -> None:
        names, objects = proof.laid.plate.filled, proof.objects
        proof.brought = {name.encode("ascii"): self._font(name, cids_of(objects[number])) for name, number in names.items() if name.startswith("V")}

    def _read_pages(self, proof: Proof) -> None:
        names, objects = proof.laid.plate.filled, proof.objects
        proof.said = [one for name, number in names.items() if name.startswith("page-") for one in self._said(objects[number], proof.brought)]

    # -- what the pages say --------------------------------------------------------------------------

    def _said(self, contents: bytes, brought: Mapping[bytes, Font]) -> list[Said]:
        """Return what the lines of a page show, every character of it in the font that shows it."""
        known = self._known.get
        return [known(line) or self._read(line, brought) for line in contents.split(b"\n")]

    def _read(self, line: bytes, brought: Mapping[bytes, Font]) -> Said:
        """Read a line; it is known from now on where it has only what the edition's own fonts show, which is on many licences."""
        shown = _SHOWN.findall(line)
        if len(shown) != line.count(b"BT"):
            raise Unproven("a text that is not understood")
        words, marks, common = [], [], True
        for name, digits in shown:
            font = brought.get(name)
            if font is None:
                font = self._fonts.get(name) or self._font_kept(name)
            else:
                common = False
            text = font.text(digits)
            word = compact(text)
            words.append(word)
            names = self._names(text) if font.labels else None
            if names != ():
                marks.append(Mark(word, font.labels, names))
        said = Said("".join(words), tuple(marks))
        if common:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[line] = said
        return said

    def _font(self, name: str, held: set[int]) -> Font:
        face = self._case.faces[name].face
        meanings = self._meanings_of(face)
        return Font(face.startswith("hei"), held, meanings, meanings.all_plain(held))

    def _font_kept(self, name: bytes) -> Font:
        """Return a font of the edition, from now on at hand."""
        case = self._case.faces[name.decode("ascii")]
        font = self._fonts[name] = self._font(name.decode("ascii"), cids_of(case.edition.program(case.kept)))
        return font

    def _meanings_of(self, face: str) -> Meanings:
        """Return what each CID of a face means, read from the CMap that its fonts carry."""
        if face not in self._meanings:
            self._meanings[face] = meanings_in(self._case.cases[face].licence.store.ids.to_unicode)
        return self._meanings[face]

    # -- whether that is what the licence says -------------------------------------------------------

    def _confirm_texts(self, said: Sequence[Said], sheet: Sheet) -> None:
        """Compare values with the fields of the labels before them; rows, codes and the rest are looked for in what was read."""
        groups, free = self._at_labels(said)
        shown: set[str] = set()
        for names, (each, rest) in groups.items():
            shown.update(names)
            for lines in each:
                if not (self._is_whole(names, lines, sheet) or stands(names, lines, rest, sheet) or self._is_route(names, lines + rest, said, sheet)):
                    raise Unproven(f"the label of {' and '.join(names)}")
        for name in self._texts - shown:
            printed = self._printing[name].whole(sheet.face, {})
            if printed is not None and self._alone(name, printed, sheet).isdisjoint(free):
                raise Unproven(f"{name} does not stand at its label")
        whole = "".join([each.words for each in said])
        expected = chain(("".join(row) for _, row in self._listing.rows(sheet)), (compact(sheet.check_code or ""), sheet.elicence_id or ""))
        if not all(words in whole for words in expected):
            raise Unproven("a row or a code")

    def _alone(self, name: str, printed: str, sheet: Sheet) -> set[str]:
        """Return what a field's value may stand as without a label: by itself, or in a line with others such as number and prefix."""
        lines = (worded(content, self._fields, sheet.face, {}, "").text for content in self._lines.get(name, ()))
        return {compact(printed), *map(compact, lines)}

    def _is_whole(self, names: tuple[str, ...], lines: list[str], sheet: Sheet) -> bool:
        """Say whether a field's value stands at its label just as it is printed, which `stands` would find out after more questions."""
        if len(names) > 1 or names[0] not in self._texts:
            return False
        printed = self._printing[names[0]].whole(sheet.face, {})
        return printed is not None and "".join(lines) == compact(printed)

    def _is_route(self, names: tuple[str, ...], lines: list[str], said: Sequence[Said], sheet: Sheet) -> bool:
        """Say whether a text stands in rows whose heads are labels: its parts in their order, and as many rows, by their roles, as it has parts."""
        split = self._routes.get(names[0])
        if split is None or lines or names[0] not in sheet.face:
            return False
        parts = [compact(part) for part in str(sheet.face[names[0]]).split(split) if part.strip()]
        shown = [mark.words for each in said for mark in each.marks if not mark.label]
        stops = [words for words in shown if words not in LISTED_ROLES]
        return len(shown) - len(stops) == len(parts) and "".join(parts) in "".join(stops)

    def _at_labels(self, said: Sequence[Said]) -> tuple[dict[tuple[str, ...], tuple[list[list[str]], list[str]]], list[str]]:
        """Return the values behind each label, with those where it goes on, and the values that stand behind none."""
        groups: dict[tuple[str, ...], tuple[list[list[str]], list[str]]] = {}
        free: list[str] = []
        at = free
        for mark in [mark for each in said for mark in each.marks]:
            if not mark.label:
                if at is free or mark.words not in LISTED_ROLES:
                    at.append(mark.words)
            elif mark.names:
                lines, rest = groups.setdefault(mark.names, ([], []))
                at = rest if mark.words.endswith(CONTINUED) else []
                if at is not rest:
                    lines.append(at)
            else:
                at = free
        return groups, free

    def _names(self, text: str) -> tuple[str, ...] | None:
        """Return the fields that a text in a label's hand speaks for; none for the English below a label, None for other words."""
        if text not in self._labels:
            word = text.strip()
            names = self._book.fields_of(word.removesuffix(CONTINUED))
            self._labels[text] = names if names or word.isascii() else None
        return self._labels[text]


def _strictly(stage: Stage, proof: Proof) -> None:
    try:
        stage(proof)
    except (ValueError, LookupError, StopIteration) as irregular:
        raise PageDisagrees(f"the printed file does not read as it was written: {type(irregular).__name__}") from irregular


def _take_apart(proof: Proof) -> None:
    proof.objects = objects = dict(_objects(proof.laid))
    names, photos = proof.laid.plate.filled, proof.sheet.photos
    pictures = all(objects[number] == photos[name[2:]] for name, number in names.items() if name.startswith("P-"))
    if objects[names["attachment"]] != proof.attachment or not pictures:
        raise Unproven("the attachment or a photograph")


def _read_code(proof: Proof) -> None:
    symbol = proof.objects[proof.laid.plate.filled[SYMBOL]]
    if read_symbol(symbol, _side(len(symbol))) != proof.sheet.code_text:
        raise Unproven("the code")


@cache
def _side(length: int) -> int:
    """Return the modules a side of a symbol whose rows, filled up to whole bytes, take so many bytes."""
    return next(side for side in range(21, 65, 4) if side * ((side + 7) // 8) == length)


def _objects(laid: Laid) -> Iterator[tuple[int, bytes]]:
    """Yield number and content of the licence's objects but the last, its signature, each where the table says."""
    content, base = laid.before, len(laid.plate.prefix)
    table = laid.after.index(b"xref\n0 ")
    first = laid.after.index(b"\n", table + 5) + 1
    at = 0
    while found := _OBJECT.match(content, at):
        number = int(found[1])
        if int(laid.after[first + _ENTRY * number :][:10]) != base + at:
            raise Unproven("the table")
        if found[2] is None:
            end = content.find(_END, found.end())
            if end < 0:
                return
            yield number, content[found.end() : end]
            at = end + len(_END)
            continue
        end = found.end() + int(found[2])
        if not content.startswith(_END_OF_STREAM, end):
            raise Unproven("the length of a stream")
        yield number, content[found.end() : end]
        at = end + len(_END_OF_STREAM)
    raise Unproven("an object")
