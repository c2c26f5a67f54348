"""What was read of a pressed page beside what the licence says: every value at its label, every row, the codes (DOMAIN M10)."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from licence_service.document.agreement import CONTINUED, UNTIL, stands
from licence_service.document.explained import HEAD, Listing
from licence_service.document.press.fonts_read import Unproven
from licence_service.document.reading import compact
from licence_service.document.sheet import Sheet
from licence_service.document.tables import LISTED_ROLES
from licence_service.document.wording import Phrase, worded
from licence_service.page import JOINT, LabelBook, Table, Text, placeholders
from licence_service.template import Template

PAGE = "\f"  # stands between the words of two pages: no word has it
_MOST_LABELS = 4096  # texts in the hand of labels, whose meanings stay at hand
_Groups: TypeAlias = dict[tuple[str, ...], tuple[list[list[str]], list[str]]]


class Label(NamedTuple):
    """A text in the hand of labels without spaces: the fields that it speaks for, None where it says something else."""

    words: str
    names: tuple[str, ...] | None


Mark: TypeAlias = str | Label  # what tells whose values stand where: a value without spaces, or a label


class Said(NamedTuple):
    """What all pages or a drawing say: all its words without spaces, `PAGE` between pages, and its marks, both in their order."""

    words: str
    marks: Sequence[Mark]


class Comparison:
    """Compares what was read with the sheets of one edition; keeps what its labels mean and how its values are printed."""

    def __init__(self, template: Template) -> None:
        """Take the edition."""
        self._fields = template.fields
        self._texts = {name for name, field in template.fields.items() if field.printed and field.type not in {"image", "table"}}
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
        self._labels: dict[str, Label | None] = {}

    def label(self, text: str) -> Label | None:
        """Return what a text in the hand of labels marks; None for the English below a label, which marks nothing."""
        try:
            return self._labels[text]
        except KeyError:
            word = text.strip()
            names = self._book.fields_of(word.removesuffix(CONTINUED))
            label = Label(compact(text), names or None) if names or not word.isascii() else None
            if len(self._labels) >= _MOST_LABELS:
                self._labels.clear()  # threads share it: what was put may be gone at once
            self._labels[text] = label
            return label

    def confirm(self, said: Said, sheet: Sheet) -> None:
        """Compare values with the fields of the labels before them; rows, codes and the rest are looked for in what was read.

        Raise `Unproven` where that cannot tell whose values stand where.
        """
        groups, free = _at_labels(said.marks)
        shown: set[str] = set()
        for names, (each, rest) in groups.items():
            shown.update(names)
            expected = self._expected(names, sheet)
            for lines in each:
                if "".join(lines) not in expected and not (stands(names, lines, rest, sheet) or self._is_route(names, lines + rest, said, sheet)):
                    raise Unproven(f"the label of {' and '.join(names)}")
        for name in self._texts - shown:
            printed = self._printing[name].whole(sheet.face, {})
            if printed is not None and compact(printed) not in free and self._in_lines(name, sheet).isdisjoint(free):
                raise Unproven(f"{name} does not stand at its label")
        if not self._rows_stand(said.words, sheet) or not all(
            words in said.words for words in (compact(sheet.check_code or ""), sheet.elicence_id or "")
        ):
            raise Unproven("a row or a code")

    def _expected(self, names: tuple[str, ...], sheet: Sheet) -> tuple[str, ...]:
        """Return what may stand at a label whose fields are printed whole, as most are; nothing where `stands` must be asked."""
        parts = []
        for name in names:
            phrase = self._printing.get(name)
            printed = phrase.whole(sheet.face, {}) if phrase else None
            if printed is None:
                return ()
            parts.append(compact(printed))
        return (parts[0],) if len(parts) == 1 else (UNTIL.join(parts), JOINT.join(parts))

    def _rows_stand(self, said: str, sheet: Sheet) -> bool:
        """Say whether the rows of each table stand in their order, below its head on every page; what two tables have alike must stand twice."""
        taken: set[int] = set()
        for run in self._listing.runs(sheet):
            end, head = 0, run[0][1] if run and run[0][0] == HEAD else ""
            for _, words in run:
                at = said.find(words, end)
                while at in taken:
                    at = said.find(words, at + 1)
                if at < 0 or (PAGE in said[end:at] and head not in said[said.rfind(PAGE, 0, at) : at + len(words)]):
                    return False
                taken.add(at)
                end = at + len(words)
        return True

    def _in_lines(self, name: str, sheet: Sheet) -> set[str]:
        """Return the lines without a label in which a field's value may stand with others, such as number and prefix."""
        return {compact(worded(content, self._fields, sheet.face, {}, "").text) for content in self._lines.get(name, ())}

    def _is_route(self, names: tuple[str, ...], lines: list[str], said: Said, sheet: Sheet) -> bool:
        """Say whether a text stands in rows whose heads are labels: its parts in their order, and as many rows, by their roles, as it has parts."""
        split = self._routes.get(names[0])
        if split is None or lines or names[0] not in sheet.face:
            return False
        parts = [compact(part) for part in str(sheet.face[names[0]]).split(split) if part.strip()]
        shown = [mark for mark in said.marks if isinstance(mark, str)]
        stops = [words for words in shown if words not in LISTED_ROLES]
        return len(shown) - len(stops) == len(parts) and "".join(parts) in "".join(stops)


def _at_labels(marks: Sequence[Mark]) -> tuple[_Groups, list[str]]:
    """Return the values behind each label, with those where it goes on, and the values that stand behind none."""
    groups: _Groups = {}
    free: list[str] = []
    at = free
    for mark in marks:
        if isinstance(mark, str):
            if at is free or mark not in LISTED_ROLES:
                at.append(mark)
            continue
        words, names = mark
        if not names:
            at = free
            continue
        lines, rest = groups.setdefault(names, ([], []))
        at = rest if words.endswith(CONTINUED) else []
        if at is not rest:
            lines.append(at)
    return groups, free
