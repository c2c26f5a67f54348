"""Reading a pressed file back before its seal: what it says must be what the licence says (DOMAIN M10).

The bytes are read as a stranger reads them: objects by their own words, texts from the operators of the pages through the
fonts' own tables, the characters that the font programs hold, the code from its dots. Where things stand on the page is
not judged here. What this reader cannot confirm goes to `agreement.agree`, which looks at the page itself.
"""

import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import chain

from licence_service.document.agreement import CONTINUED, stands
from licence_service.document.compact_font_reader import characters_of
from licence_service.document.explained import rows
from licence_service.document.press.filling import Laid
from licence_service.document.press.plate import SYMBOL
from licence_service.document.press.typecase import Typecase
from licence_service.document.reading import compact
from licence_service.document.sheet import Sheet
from licence_service.document.symbol_reading import read as read_symbol
from licence_service.document.tables import LISTED_ROLES
from licence_service.document.wording import formatted
from licence_service.page import LabelBook
from licence_service.template import Template

_OBJECT = re.compile(rb"(\d+) 0 obj\n(?:<<[^\n]* /Length (\d+) >>\nstream\n)?")
_END, _END_OF_STREAM = b"\nendobj\n", b"\nendstream\nendobj\n"
_SHOWN = re.compile(rb"/([CV][0-9]) [0-9.]+ Tf [0-9.-]+ Tc 1 0 0 1 [0-9.]+ [0-9.]+ Tm <([0-9a-f]+)> Tj ET")
_RANGE = re.compile(rb"<([0-9A-F]{4})> <([0-9A-F]{4})> (?:<([0-9A-F]{4,8})>|\[<([0-9A-F<>]*)>\])\n")
_ENTRY = 20  # bytes of a line of the cross-reference table

_MOST_KNOWN = 8192


@dataclass(frozen=True, slots=True)
class Said:
    """One text of a page: whether in the hand of labels, as it stands, and without spaces."""

    label: bool
    text: str
    words: str


class Unproven(ValueError):  # noqa: N818 - a fact: the page must be looked at
    """This reader cannot confirm the file; that need not mean that it is wrong."""


class Reader:
    """Reads what is printed of one edition; keeps its fonts' tables and what its labels mean."""

    def __init__(self, template: Template, case: Typecase) -> None:
        """Take the edition and its characters at hand."""
        self._fields = template.fields
        self._texts = {name for name, field in template.fields.items() if field.printed and field.type not in {"image", "table"}}
        self._case = case
        self._book = LabelBook(template.fields)
        self._labels: dict[str, tuple[str, ...] | None] = {}
        self._kept: dict[str, frozenset[int]] = {}
        self._known: dict[tuple[bytes, bytes], Said] = {}
        self._words: dict[str, Mapping[int, str]] = {}

    def confirm(self, laid: Laid, sheet: Sheet, attachment: bytes) -> None:
        """Return if the file says what the sheet says, carries the attachment and shows the code; else raise `Unproven`."""
        try:
            objects = dict(_objects(laid))
            names = laid.plate.filled
            side = next(side for side in range(21, 65, 4) if side * ((side + 7) // 8) == len(objects[names[SYMBOL]]))
            if read_symbol(objects[names[SYMBOL]], side) != sheet.code_text:
                raise Unproven("the code")
            if objects[names["attachment"]] != attachment:
                raise Unproven("the attachment")
            brought = {name: characters_of(objects[number]).keys() for name, number in names.items() if name.startswith("V")}
            said = [one for name, number in names.items() if name.startswith("page-") for one in self._said(objects[number], brought)]
            self._confirm_texts(said, sheet)
        except (ValueError, LookupError, StopIteration) as irregular:
            raise irregular if isinstance(irregular, Unproven) else Unproven("irregular") from irregular

    # -- what the pages say --------------------------------------------------------------------------

    def _said(self, contents: bytes, brought: Mapping[str, AbstractSet[int]]) -> list[Said]:
        """Return what a page shows, every character of it in the font that shows it."""
        found = _SHOWN.findall(contents)
        if len(found) != contents.count(b"BT"):
            raise Unproven("a text that is not understood")
        known = self._known
        return [known.get(shown) or self._decoded(shown, brought) for shown in found]

    def _decoded(self, shown: tuple[bytes, bytes], brought: Mapping[str, AbstractSet[int]]) -> Said:
        name = shown[0].decode("ascii")
        cids = array("H", bytes.fromhex(shown[1].decode("ascii")))
        cids.byteswap()
        if not (brought[name] if name in brought else self._kept_of(name)) >= set(cids):
            raise Unproven("a character that its font lacks")
        words = self._words_of(self._case.faces[name])
        text = "".join(map(words.__getitem__, cids))
        said = Said(self._case.faces[name].startswith("hei"), text, compact(text))
        if name not in brought:  # what the edition's own fonts show is on many licences
            self._keep(shown, said)
        return said

    def _keep(self, shown: tuple[bytes, bytes], said: "Said") -> None:
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[shown] = said

    def _kept_of(self, name: str) -> frozenset[int]:
        if name not in self._kept:
            face = self._case.faces[name]
            self._kept[name] = frozenset(
                characters_of(next(font.program(characters) for slug, font, characters in self._case.kept() if slug == face))
            )
        return self._kept[name]

    def _words_of(self, face: str) -> Mapping[int, str]:
        """Return what each CID of a face means, read from the CMap that its fonts carry."""
        if face not in self._words:
            self._words[face] = dict(_meanings(self._case.brought(face).store.ids.to_unicode))
        return self._words[face]

    # -- whether that is what the licence says -------------------------------------------------------

    def _confirm_texts(self, said: Sequence[Said], sheet: Sheet) -> None:
        """Compare values with the fields of the labels before them; rows, codes and the rest are looked for in what was read."""
        groups, free = self._at_labels(said)
        for names, (each, rest) in groups.items():
            if not all(stands(names, lines, rest, sheet) for lines in each):
                raise Unproven(f"the label of {' and '.join(names)}")
        shown = {name for names in groups for name in names}
        for name, value in sheet.face.items():
            if name in self._texts and name not in shown and compact(formatted(self._fields[name], value)) not in free:
                raise Unproven(f"{name} does not stand at its label")
        whole = "".join([each.words for each in said])
        expected = chain(("".join(row) for _, row in rows(sheet)), (compact(sheet.check_code or ""), sheet.elicence_id or ""))
        if not all(words in whole for words in expected):
            raise Unproven("a row or a code")

    def _at_labels(self, said: Sequence[Said]) -> tuple[dict[tuple[str, ...], tuple[list[list[str]], list[str]]], str]:
        """Return the values behind each label, with those where it goes on, and the values that stand behind none, joined."""
        groups: dict[tuple[str, ...], tuple[list[list[str]], list[str]]] = {}
        free: list[str] = []
        at = free
        for each in said:
            if not each.label:
                if at is free or each.words not in LISTED_ROLES:
                    at.append(each.words)
                continue
            names = self._names(each.text)
            if names:
                lines, rest = groups.setdefault(names, ([], []))
                at = rest if each.words.endswith(CONTINUED) else []
                if at is not rest:
                    lines.append(at)
            elif names is None:
                at = free
        return groups, "".join(free)

    def _names(self, text: str) -> tuple[str, ...] | None:
        """Return the fields that a text in a label's hand speaks for; none for the English below a label, None for other words."""
        if text not in self._labels:
            word = text.strip()
            names = self._book.fields_of(word.removesuffix(CONTINUED))
            self._labels[text] = names if names or word.isascii() else None
        return self._labels[text]


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


def _meanings(cmap: bytes) -> Iterator[tuple[int, str]]:
    """Yield CID and text of every range of a ToUnicode CMap (ISO 32000-2 §9.10.3)."""
    for first, last, start, each in _RANGE.findall(cmap):
        low, high = int(first, 16), int(last, 16)
        if start:
            begin = ord(bytes.fromhex(start.decode()).decode("utf-16-be"))
            yield from ((cid, chr(begin + cid - low)) for cid in range(low, high + 1))
        else:
            yield from zip(range(low, high + 1), (bytes.fromhex(one).decode("utf-16-be") for one in each.decode().split("><")), strict=True)
