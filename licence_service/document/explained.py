"""Which texts a licence may carry without a label: title, number line, repeated values, cells of tables (DOMAIN M10)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise

from licence_service.document.axles import loads
from licence_service.document.reading import Piece, ReadPage, compact
from licence_service.document.sheet import Sheet
from licence_service.document.tables import LISTED_ROLES, Told, endorsement_words
from licence_service.document.wording import Phrase, dated, formatted, title_words, worded
from licence_service.fields import Field
from licence_service.page import Column, Diagram, Table, Text, placeholders
from licence_service.template import Template

_ONE_ROW = 3.2  # mm: the baselines of the one-line cells of a row lie no further apart
_SECOND_LINE = 3.6  # mm: the further lines of a cell follow at most so far
HEAD = "a head"  # whose words the titles of columns are
_ABSENT = ("—", "长期")


class Explained:
    """All that a sheet explains; anything else in a value's hand on the page is a fault."""

    def __init__(self, sheet: Sheet) -> None:
        """Word everything that may stand alone."""
        self._sheet = sheet
        self._fields = sheet.template.fields
        words = title_words(sheet.template, "")
        self._whole = {compact(words["$title"]), compact(words["$state"]), *_ABSENT, *LISTED_ROLES}
        self._lines: dict[str, set[str]] = {}
        for line, names in self._number_lines():
            self._lines.setdefault(line, set()).update(names)
        alone = set(sheet.face) - {name for names in self._lines.values() for name in names}
        self._whole.update(compact(formatted(self._fields[name], sheet.face[name])) for name in alone)
        self._whole.update(self._lines)
        self._whole.update(text for each in sheet.endorsements for text in (compact(each.accepted_by), dated(each.occurred_on)))
        self._cells = {cell for _, row in rows(sheet) for cell in row}

    def says(self, text: str) -> bool:
        """Whether the licence explains this text: whole, or, in a table, as a line of a cell that is looked for whole elsewhere."""
        return text in self._whole or any(text in cell for cell in self._cells)

    def unlabelled(self, texts: set[str]) -> set[str]:
        """Return the fields that a line without a label shows, such as number and prefix, and those it shows by their absence."""
        return {name for line, names in self._lines.items() if not line or line in texts for name in names}

    def _number_lines(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the lines that layouts word from the number and its prefix, and other lines without a label."""
        number = self._sheet.template.number
        for page in self._sheet.template.pages:
            for element in page.elements:
                if isinstance(element, Text) and placeholders(element.content):
                    said = worded(element.content, self._fields, self._sheet.face, {}, "")
                    named = (name for name in said.fields if name in {number.field, number.prefix_field} or name not in self._sheet.face)
                    yield (compact(said.text) if said.present else ""), tuple(named)


def rows(sheet: Sheet) -> list[tuple[str, tuple[str, ...]]]:
    """Return what `Listing.rows` returns for a sheet of any template."""
    return Listing(sheet.template).rows(sheet)


class Listing:
    """The rows that tables and diagrams of a template must show; for who asks often, as it keeps how their cells are worded."""

    def __init__(self, template: Template) -> None:
        """Take the elements that show rows, over all pages."""
        self.elements = [element for page in template.pages for element in page.elements if isinstance(element, Table | Diagram)]
        self._columns = {
            element.field: {key: Field(column.label, "string", {}) for key, column in (template.fields[element.field].columns or {}).items()}
            for element in self.elements
            if isinstance(element, Table) and element.field
        }
        tables = [(page, element) for page in template.pages for element in page.elements if isinstance(element, Table)]
        self._heads = {id(table): compact("".join(column.title for column in table.columns)) for _, table in tables}
        self._always = {id(table) for page, table in tables if page.when == "always" and not table.omit}
        self._phrases: dict[tuple[int, str], list[tuple[Column, Phrase]]] = {}  # by table and kind

    def rows(self, sheet: Sheet) -> list[tuple[str, tuple[str, ...]]]:
        """Return whose row it is, and its cells without any space, for every row that must be shown."""
        return [row for element in self.elements for row in self._of(sheet, element)]

    def runs(self, sheet: Sheet) -> list[list[tuple[str, str]]]:
        """Return for each element whose words they are and the words, without any space, that must stand one after the other: its head, then its rows.

        What does not find room on its page may go on on a later one; a table of such a rest has no run of its own.
        """
        found = []
        for element in self.elements:
            if isinstance(element, Table) and element.rest:
                continue
            rows = [(name, "".join(cells)) for name, cells in self._of(sheet, element)]
            head = self._heads.get(id(element), "")
            if rows or id(element) in self._always:
                found.append([(HEAD, head), *rows] if head else rows)
        return found

    def _of(self, sheet: Sheet, element: Table | Diagram) -> Iterator[tuple[str, tuple[str, ...]]]:
        if isinstance(element, Table):
            yield from self._of_field(sheet, element)
            yield from self._of_endorsements(sheet, element)
        elif isinstance(mass := sheet.face.get(element.mass_field), int) and (each := loads(str(sheet.face.get(element.field)), mass)):
            yield element.field, tuple([f"{load.normalize():f}" for load in (*each, sum(each, Decimal()))])

    def _of_field(self, sheet: Sheet, table: Table) -> Iterator[tuple[str, tuple[str, ...]]]:
        given = sheet.face.get(table.field or "")
        if not isinstance(given, list):
            return
        for place, cells in enumerate(given, 1):
            if isinstance(cells, Mapping):
                yield str(table.field), self._cells(table, Told(self._columns[table.field or ""], cells, {"$n": str(place)}, ""))

    def _of_endorsements(self, sheet: Sheet, table: Table) -> Iterator[tuple[str, tuple[str, ...]]]:
        counts: dict[str, int] = {}
        for each in sorted([one for one in sheet.endorsements if one.kind.slug in table.kinds], key=lambda one: one.occurred_on):
            kind = each.kind.slug
            counts[kind] = counts.get(kind, 0) + 1
            yield kind, self._cells(table, Told(each.kind.facts, each.facts, endorsement_words(each, counts[kind]), kind))

    def _cells(self, table: Table, told: Told) -> tuple[str, ...]:
        phrases = self._phrases.get((id(table), told.kind))
        if phrases is None:
            phrases = self._phrases[id(table), told.kind] = [(column, Phrase(told.content(column), told.fields)) for column in table.columns]
        texts = []
        for column, phrase in phrases:
            text = phrase.whole(told.values, told.words)
            texts.append(compact(told.text(column).text if text is None else text))
        return tuple([text for text in texts if text])


def rows_missing(read: list[ReadPage], sheet: Sheet) -> Iterator[str]:
    """Name every row of a table, and every head, that does not stand together, in order, at the height of one row, as often as it must."""
    listing, lines = Listing(sheet.template), [_lines(page) for page in read]
    runs = listing.runs(sheet)
    every = [one for run in runs for one in run]
    rest = [one for one in ((name, "".join(cells)) for name, cells in listing.rows(sheet)) if one not in every]
    for (name, whole), count in Counter([*every, *rest]).items():
        if sum(line.count(whole) for each in lines for line in each) < count and sum(_stands(page.pieces, whole) for page in read) < count:
            yield f"{'a row of ' * (name != HEAD)}{name} does not stand on a line"
    for run in runs:
        if run and run[0][0] == HEAD and any(_lacks(each, run[0][1], [words for _, words in run[1:]]) for each in lines):
            yield "rows stand without their head"


def _lacks(lines: Sequence[str], head: str, rows: Sequence[str]) -> bool:
    """Say whether rows stand on the lines of a page, but no head."""
    return not any(head in line for line in lines) and any(row in line for row in rows for line in lines)


def _stands(pieces: Sequence[Piece], whole: str) -> int:
    """Return how often consecutive texts of a page add up to the row, no further apart than the lines of its longest cell.

    A row's cells are drawn one after the other, a cell's lines beneath one another, so its texts follow each other.
    """
    texts = [compact(piece.text) for piece in pieces]
    count = 0
    for start in range(len(texts)):
        joined, end = "", start
        while end < len(texts) and whole.startswith(joined) and joined != whole:
            joined += texts[end]
            end += 1
        if joined == whole:
            heights = sorted(piece.baseline for piece in pieces[start:end])
            count += all(after - before < _ONE_ROW + _SECOND_LINE for before, after in pairwise(heights))
    return count


def _lines(page: ReadPage) -> list[str]:
    """Return the texts that stand at one height, joined."""
    grouped: list[list[Piece]] = []
    for piece in page.pieces:
        for row in grouped[-3:]:
            if abs(piece.baseline - row[0].baseline) < _ONE_ROW:
                row.append(piece)
                break
        else:
            grouped.append([piece])
    return [compact("".join(piece.text for piece in row)) for row in grouped]
