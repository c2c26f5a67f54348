"""Tables of a page: rows of a field, items of a list, or endorsements; always closed by 以下空白 (LOOK §9)."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from licence_service.document.artwork import SHEETS
from licence_service.document.placed import Area, Disc, Stroke
from licence_service.document.setting import Fit, fit
from licence_service.document.sheet import PrintedEndorsement
from licence_service.document.slate import Slate
from licence_service.document.strokes import PT
from licence_service.document.styles import WHITE, Type
from licence_service.document.values import items_of
from licence_service.document.wording import Worded, worded
from licence_service.fields import Face, Field
from licence_service.frozen import dataclass
from licence_service.page import PLACEHOLDER, Align, Column, Style, Table

BLANK = "以下空白"
ONWARD = "接下页"
ABSENT = "—"
LISTED_ROLES = _FIRST, _MIDDLE, _LAST = "起点", "途经", "终点"
_CELL = Field("", "string", {})  # a cell of a table on the face
_RAIL_RADIUS, _RAIL_WIDTH = 1.35, 1.1
_CELL_LINES = 12
_CELL_STYLES: Mapping[str, Style] = {"key": "cell_key", "text": "cell", "number": "cell_key"}
_CLOSING = 0.87  # height of the closing row, of an ordinary one
_BASELINE = 0.36  # of the size: how far a line's baseline lies under the row's middle


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the text of each column, the fields it shows, its place in the whole list."""

    cells: tuple[str, ...]
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Laid:
    """Where a table stands, mm: the upper edge of its head, those of its rows and the lower one of the last, of the closing row too.

    `words` are the closing row's.
    """

    y: float
    tops: tuple[float, ...]
    end: float
    words: str


def place(slate: Slate, table: Table) -> None:
    """Draw head, rows and the closing row; rows beyond the table's limit go to another page (LOOK §9)."""
    rows = rows_of(slate, table)
    start = begun(slate, table, len(rows))
    if start is None:
        return
    fits = [[_cell(slate, column, text, row) for column, text in zip(table.columns, row.cells, strict=True)] for row in rows[start:]]
    laid = lay(slate, table, [max([len(found.lines) for found, _ in cells]) for cells in fits], len(rows))
    if laid is None:
        return
    place_ground(slate, table, laid)
    for row, cells, (upper, lower) in zip(rows[start:], fits, pairwise(laid.tops), strict=False):
        _row(slate, table, row, cells, (upper + lower) / 2)
    place_closing(slate, table, laid)


def begun(slate: Slate, table: Table, total: int) -> int | None:
    """Return how many of all rows earlier pages show; None where the table does not stand on this one."""
    start = slate.taken.get(id(table), 0)
    if (table.omit and not total) or (slate.repeat and start >= total and id(table) in slate.taken):
        return None
    return start


def lay(slate: Slate, table: Table, lines: list[int], total: int) -> Laid | None:
    """Lay out the rows that are left, of so many lines each, of `total`, and note what goes to other pages; None where not one has room."""
    y = slate.table_end + table.after if table.after is not None and slate.table_end else table.y
    ordinary = _row_height(slate, table)
    tops = _tops(slate, table, y, [ordinary + slate.measures.second_line * (each - 1) for each in lines])
    if tops is None:
        slate.more_rows = True
        return None
    beyond = len(lines) - len(tops) + 1
    slate.taken[id(table)] = total - beyond
    words = ONWARD if beyond else BLANK
    if beyond and table.remainder:
        name = table.field or ""
        items = items_of(slate, name, table.split)
        slate.left_over[name] = (len(items) - beyond + 1, items[len(items) - beyond :])
        words = f"其余 {beyond} 项见{table.remainder}第 {slate.parts.get(table.remainder)} 页"
    elif beyond:
        slate.more_rows = True
    slate.table_end = tops[-1] + ordinary * _CLOSING
    return Laid(y, tuple(tops), slate.table_end, words)


def place_ground(slate: Slate, table: Table, laid: Laid) -> None:
    """Draw what the rows stand on: the head, the rules, of a route its line."""
    tops, wide = laid.tops, sum(column.width for column in table.columns)
    _head(slate, table, laid.y, wide)
    slate.items.append(Area(table.x, tops[0], wide, laid.end - tops[0], fill=WHITE))
    rules = tops[1:] if not table.rail else tops[1:-1]
    slate.items += [Stroke(((table.x, y), (table.x + wide, y)), slate.family.rule, 0.35) for y in rules]
    if table.rail and len(tops) > 1:
        _rail(slate, table, [(a + b) / 2 for a, b in pairwise(tops)], last=laid.words == BLANK)


def _tops(slate: Slate, table: Table, y: float, heights: list[float]) -> list[float] | None:
    """Return the upper edges of the rows that have room, and the lower edge of the last; None where not one has."""
    bottom = table.bottom or slate.measures.bottom + SHEETS[slate.page.sheet].height - SHEETS[f"{slate.page.size}L"].height
    tops = [y + (table.head_height or slate.measures.head_height)]
    closing = _row_height(slate, table) * _CLOSING
    for height in heights[: table.rows]:
        if tops[-1] + height + closing > bottom:
            break
        tops.append(tops[-1] + height)
    full = tops[-1] + closing > bottom or (len(tops) == 1 and heights)
    if not full or (len(tops) > 1):
        return tops
    if not slate.table_end:
        slate.fault(("",), "does-not-fit", "a row is higher than the room for its table")
        return [*tops, tops[-1] + heights[0]] if heights else tops
    return None


class Told(NamedTuple):
    """What the cells of one row are filled from: the fields of its contents with their values, $-words, the endorsement's kind or nothing."""

    fields: Mapping[str, Field]
    values: Face
    words: Mapping[str, str]
    kind: str

    def content(self, column: Column) -> str:
        """Return what a column's cell says in this row, its dates written as 2026-04-01 (LOOK §3)."""
        content = column.content if isinstance(column.content, str) else column.content[self.kind]
        return with_iso_dates(content, self.fields)

    def text(self, column: Column) -> Worded:
        """Return the words of a column's cell in this row."""
        return worded(self.content(column), self.fields, self.values, self.words, ABSENT)


def rows_of(slate: Slate, table: Table) -> list[Row]:
    """Return all rows that a table has to show, over as many pages as it takes."""
    rows = []
    for told in told_of(slate, table):
        said = [told.text(column) for column in table.columns]
        named = [f"facts.{fact}" for one in said for fact in one.fields] if told.kind else [table.field] if table.field else []
        rows.append(Row(tuple([one.text for one in said]), tuple(dict.fromkeys(named))))
    return rows


def told_of(slate: Slate, table: Table) -> list[Told]:
    """Return what the rows of a table are filled from."""
    if table.kinds:
        return _endorsements(slate, table)
    name = table.field or ""
    if table.rest:
        start, items = slate.left_over.get(name, (1, ()))
        return _listed(items, start)
    given = slate.sheet.face.get(name)
    if isinstance(given, list) and given and isinstance(given[0], Mapping):
        fields = dict.fromkeys(slate.sheet.template.fields[name].columns or {}, _CELL)
        return [Told(fields, cells, {"$n": str(place)}, "") for place, cells in enumerate(given, 1) if isinstance(cells, Mapping)]
    return _listed(items_of(slate, name, table.split), 1)


def _listed(items: tuple[str, ...], start: int) -> list[Told]:
    roles = [_FIRST if start + place == 1 else _LAST if place == len(items) - 1 else _MIDDLE for place in range(len(items))]
    return [Told({}, {}, {"$n": str(start + place), "$item": item, "$role": roles[place]}, "") for place, item in enumerate(items)]


def _endorsements(slate: Slate, table: Table) -> list[Told]:
    """Take the endorsements of the table's kinds, oldest first; `$n` counts within a kind."""
    chosen = sorted((each for each in slate.sheet.endorsements if each.kind.slug in table.kinds), key=lambda each: each.occurred_on)
    counts: dict[str, int] = {}
    told = []
    for each in chosen:
        counts[each.kind.slug] = counts.get(each.kind.slug, 0) + 1
        told.append(Told(each.kind.facts, each.facts, endorsement_words(each, counts[each.kind.slug]), each.kind.slug))
    return told


def endorsement_words(each: PrintedEndorsement, number: int) -> dict[str, str]:
    """Return the $-words of an endorsement's row."""
    return {"$n": str(number), "$kind": each.kind.title.zh, "$accepted_by": each.accepted_by, "$occurred_on": each.occurred_on.isoformat()}


def with_iso_dates(content: str, fields: Mapping[str, Field]) -> str:
    """Write the dates of a content as 2026-04-01."""
    for fact, field in fields.items():
        if field.type == "date":
            content = content.replace(f"{{{fact}}}", f"{{{fact}:iso}}")
    return content


def _head(slate: Slate, table: Table, y: float, wide: float) -> None:
    height = table.head_height or slate.measures.head_height
    slate.items.append(Area(table.x, y, wide, height, fill=slate.family.accent))
    type_ = slate.type_("head")
    for x, column in across(slate, table):
        room = column.width - 2 * slate.measures.padding
        size = (fit(slate.fonts, type_, column.title, room) or Fit(type_.floor, ())).size
        slate.write(column.title, type_, x, y + height / 2 + _BASELINE * size / PT, align=aligned(column), size=size)


def _row_height(slate: Slate, table: Table) -> float:
    return table.row_height or slate.measures.row_height


def _row(slate: Slate, table: Table, row: Row, cells: list[tuple[Fit, Type]], centre: float) -> None:
    for (x, column), (found, type_) in zip(across(slate, table), cells, strict=True):
        first, step = baseline(slate, centre, len(found.lines), found.size), slate.measures.second_line
        for number, line in enumerate(found.lines):
            slate.write(line, type_, x, first + number * step, align=aligned(column), size=found.size, fields=row.fields)


def across(slate: Slate, table: Table) -> Iterator[tuple[float, Column]]:
    """Yield where the texts of each column are aligned, mm, and the column."""
    x = table.x
    for column in table.columns:
        yield (x + column.width / 2 if aligned(column) == "center" else x + slate.measures.padding), column
        x += column.width


def aligned(column: Column) -> Align:
    """Return how the texts of a column are aligned."""
    return "center" if column.style == "number" else "left"


def baseline(slate: Slate, centre: float, lines: int, size: float) -> float:
    """Return the baseline of the first line of a cell in a row about `centre`, mm; each further one stands `second_line` lower."""
    return centre - slate.measures.second_line * (lines - 1) / 2 + _BASELINE * size / PT


def setting_of(slate: Slate, column: Column) -> tuple[Type, float]:
    """Return what a column is set in and how wide its texts may be, mm."""
    return slate.type_(_CELL_STYLES[column.style]), column.width - 2 * slate.measures.padding


def fixed_words(table: Table) -> Iterator[tuple[Style, str]]:
    """Yield what a table says whatever its rows say, in which style: its head, what its cells have in common, what closes it."""
    for column in table.columns:
        yield "head", column.title
        contents = (column.content,) if isinstance(column.content, str) else column.content.values()
        for content in contents:
            roles = LISTED_ROLES if "{$role}" in content else ()
            yield _CELL_STYLES[column.style], "".join((*PLACEHOLDER.split(content)[::3], *roles))
    yield "blank", BLANK
    yield "note", ONWARD


def fit_cell(slate: Slate, type_: Type, room: float, text: str) -> Fit | None:
    """Fit a text into its cell; None where it is too long even at its smallest size."""
    return fit(slate.fonts, type_, text, room, lines=_CELL_LINES, wrapped=type_.size * 0.8)


def _cell(slate: Slate, column: Column, text: str, row: Row) -> tuple[Fit, Type]:
    type_, room = setting_of(slate, column)
    found = fit_cell(slate, type_, room, text)
    if found is None:
        slate.fault(row.fields, "does-not-fit", f"a cell of the column {column.title} is too long, even at its smallest size")
        found = Fit(type_.floor, (text,))
    return found, type_


def place_closing(slate: Slate, table: Table, laid: Laid) -> None:
    """Close the table, so that nothing can be added below."""
    type_, wide = slate.type_("blank" if laid.words == BLANK else "note"), sum(column.width for column in table.columns)
    middle, x, end = (laid.tops[-1] + laid.end) / 2, table.x, laid.end
    half = slate.width(type_, laid.words) / 2 + 5
    for start, stop in ((x + 2.5, x + wide / 2 - half), (x + wide / 2 + half, x + wide - 2.5)):
        slate.items.append(Stroke(((start, middle), (stop, middle)), slate.family.rule, 0.35))
    slate.write(laid.words, type_, x + wide / 2, middle + _BASELINE * type_.size / PT, align="center")
    slate.items.append(Stroke(((x, end), (x + wide, end)), slate.family.accent, 0.6))


def _rail(slate: Slate, table: Table, middles: list[float], *, last: bool) -> None:
    """Draw the stops of a route on a line; its two ends filled, the others open (LOOK §8 d)."""
    x = table.x + table.columns[0].width + table.columns[1].width / 2
    accent = slate.family.accent
    slate.items.append(Stroke(((x, middles[0]), (x, middles[-1])), accent, _RAIL_WIDTH))
    for number, y in enumerate(middles):
        end = (number == 0 and not table.rest) or (number == len(middles) - 1 and last)
        radius = _RAIL_RADIUS + 0.45 if end else _RAIL_RADIUS
        slate.items.append(Disc(x, y, radius, fill=accent if end else WHITE, colour=accent, width=_RAIL_WIDTH))
