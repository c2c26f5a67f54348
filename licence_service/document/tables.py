"""Tables of a page: rows of a field, items of a list, or endorsements; always closed by 以下空白 (LOOK §9)."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from licence_service.document.artwork import SHEETS
from licence_service.document.placed import Area, Disc, Stroke
from licence_service.document.setting import Fit, fit
from licence_service.document.sheet import PrintedEndorsement
from licence_service.document.slate import Slate
from licence_service.document.strokes import PT
from licence_service.document.styles import WHITE, Type
from licence_service.document.values import items_of
from licence_service.document.wording import worded
from licence_service.fields import Face, Field
from licence_service.page import Column, Style, Table

BLANK = "以下空白"
ONWARD = "接下页"
LISTED_ROLES = _FIRST, _MIDDLE, _LAST = "起点", "途经", "终点"
_RAIL_RADIUS, _RAIL_WIDTH = 1.35, 1.1
_CELL_LINES = 12
_CLOSING = 0.87  # height of the closing row, of an ordinary one
_BASELINE = 0.36  # of the size: how far a line's baseline lies under the row's middle


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the text of each column, the fields it shows, its place in the whole list."""

    cells: tuple[str, ...]
    fields: tuple[str, ...]


def place(slate: Slate, table: Table) -> None:
    """Draw head, rows and the closing row; rows beyond the table's limit go to another page (LOOK §9)."""
    rows = rows_of(slate, table)
    start = slate.taken.get(id(table), 0)
    if (table.omit and not rows) or (slate.repeat and start >= len(rows) and id(table) in slate.taken):
        return
    y = slate.table_end + table.after if table.after is not None and slate.table_end else table.y
    fits = [[_cell(slate, column, text, row) for column, text in zip(table.columns, row.cells, strict=True)] for row in rows[start:]]
    tops = _tops(slate, table, y, [_height(slate, table, cells) for cells in fits])
    if tops is None:
        slate.more_rows = True
        return
    shown, fits = rows[start : start + len(tops) - 1], fits[: len(tops) - 1]
    beyond = len(rows) - start - len(shown)
    slate.taken[id(table)] = start + len(shown)
    if beyond and table.remainder:
        items = items_of(slate, table.field or "", table.split)
        slate.left_over[table.field or ""] = (len(items) - beyond + 1, items[len(items) - beyond :])
    elif beyond:
        slate.more_rows = True
    wide, top = sum(column.width for column in table.columns), tops[0]
    _head(slate, table, y, wide)
    end = tops[-1] + _row_height(slate, table) * _CLOSING
    slate.items.append(Area(table.x, top, wide, end - top, fill=WHITE))
    rules = tops[1:] if not table.rail else tops[1:-1]
    slate.items += [Stroke(((table.x, y), (table.x + wide, y)), slate.family.rule, 0.35) for y in rules]
    if table.rail and shown:
        _rail(slate, table, [(a + b) / 2 for a, b in pairwise(tops)], last=not beyond)
    for row, cells, (upper, lower) in zip(shown, fits, pairwise(tops), strict=True):
        _row(slate, table, row, cells, (upper + lower) / 2)
    pointer = table.remainder and beyond
    number = slate.parts.get(table.remainder or "")
    _close(slate, table, (tops[-1], end), wide, f"其余 {beyond} 项见{table.remainder}第 {number} 页" if pointer else ONWARD if beyond else BLANK)
    slate.table_end = end


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


def rows_of(slate: Slate, table: Table) -> list[Row]:
    """Return all rows that a table has to show, over as many pages as it takes."""
    if table.kinds:
        return _endorsements(slate, table)
    name = table.field or ""
    if table.rest:
        start, items = slate.left_over.get(name, (1, ()))
        return _listed(slate, table, name, items, start)
    given = slate.sheet.face.get(name)
    if isinstance(given, list) and given and isinstance(given[0], Mapping):
        columns = slate.sheet.template.fields[name].columns or {}
        fields = {key: Field(column.label, "string", {}) for key, column in columns.items()}
        return [_made(slate, table, fields, cells, {"$n": str(place)}, name) for place, cells in enumerate(given, 1) if isinstance(cells, Mapping)]
    return _listed(slate, table, name, items_of(slate, name, table.split), 1)


def _listed(slate: Slate, table: Table, name: str, items: tuple[str, ...], start: int) -> list[Row]:
    roles = [_FIRST if start + place == 1 else _LAST if place == len(items) - 1 else _MIDDLE for place in range(len(items))]
    return [_made(slate, table, {}, {}, {"$n": str(start + place), "$item": item, "$role": roles[place]}, name) for place, item in enumerate(items)]


def _endorsements(slate: Slate, table: Table) -> list[Row]:
    """Take the endorsements of the table's kinds, oldest first; `$n` counts within a kind."""
    chosen = sorted((each for each in slate.sheet.endorsements if each.kind.slug in table.kinds), key=lambda each: each.occurred_on)
    counts: dict[str, int] = {}
    rows = []
    for each in chosen:
        counts[each.kind.slug] = counts.get(each.kind.slug, 0) + 1
        words = endorsement_words(each, counts[each.kind.slug])
        rows.append(_made(slate, table, each.kind.facts, each.facts, words, "", each.kind.slug))
    return rows


def endorsement_words(each: PrintedEndorsement, number: int) -> dict[str, str]:
    """Return the $-words of an endorsement's row."""
    return {"$n": str(number), "$kind": each.kind.title.zh, "$accepted_by": each.accepted_by, "$occurred_on": each.occurred_on.isoformat()}


def _made(slate: Slate, table: Table, fields: Mapping[str, Field], values: Face, words: Mapping[str, str], name: str, kind: str = "") -> Row:
    cells, named = [], [name] if name else []
    for column in table.columns:
        content = column.content if isinstance(column.content, str) else column.content[kind]
        said = worded(with_iso_dates(content, fields), fields, values, words, "—")
        cells.append(said.text)
        named += [f"facts.{fact}" for fact in said.fields if kind]
    del slate
    return Row(tuple(cells), tuple(dict.fromkeys(named)))


def with_iso_dates(content: str, fields: Mapping[str, Field]) -> str:
    """Write the dates of a table as 2026-04-01 (LOOK §3)."""
    for fact, field in fields.items():
        if field.type == "date":
            content = content.replace(f"{{{fact}}}", f"{{{fact}:iso}}")
    return content


def _head(slate: Slate, table: Table, y: float, wide: float) -> None:
    height = table.head_height or slate.measures.head_height
    slate.items.append(Area(table.x, y, wide, height, fill=slate.family.accent))
    x, type_ = table.x, slate.type_("head")
    for column in table.columns:
        room = column.width - 2 * slate.measures.padding
        size = (fit(slate.fonts, type_, column.title, room) or Fit(type_.floor, ())).size
        centred = column.style == "number"
        at = x + column.width / 2 if centred else x + slate.measures.padding
        slate.write(column.title, type_, at, y + height / 2 + _BASELINE * size / PT, align="center" if centred else "left", size=size)
        x += column.width


def _row_height(slate: Slate, table: Table) -> float:
    return table.row_height or slate.measures.row_height


def _height(slate: Slate, table: Table, cells: list[tuple[Fit, Type]]) -> float:
    return _row_height(slate, table) + slate.measures.second_line * (max(len(found.lines) for found, _ in cells) - 1)


def _row(slate: Slate, table: Table, row: Row, cells: list[tuple[Fit, Type]], centre: float) -> None:
    x = table.x
    for column, (found, type_) in zip(table.columns, cells, strict=True):
        centred = column.style == "number"
        at = x + column.width / 2 if centred else x + slate.measures.padding
        middle = centre - slate.measures.second_line * (len(found.lines) - 1) / 2
        for number, line in enumerate(found.lines):
            baseline = middle + number * slate.measures.second_line + _BASELINE * found.size / PT
            slate.write(line, type_, at, baseline, align="center" if centred else "left", size=found.size, fields=row.fields)
        x += column.width


def _cell(slate: Slate, column: Column, text: str, row: Row) -> tuple[Fit, Type]:
    styles: dict[str, Style] = {"key": "cell_key", "text": "cell", "number": "cell_key"}
    type_ = slate.type_(styles[column.style])
    found = fit(slate.fonts, type_, text, column.width - 2 * slate.measures.padding, lines=_CELL_LINES, wrapped=type_.size * 0.8)
    if found is None:
        slate.fault(row.fields, "does-not-fit", f"a cell of the column {column.title} is too long, even at its smallest size")
        found = Fit(type_.floor, (text,))
    return found, type_


def _close(slate: Slate, table: Table, edges: tuple[float, float], wide: float, words: str) -> None:
    """Close the table, so that nothing can be added below."""
    type_, middle, x, end = slate.type_("blank" if words == BLANK else "note"), sum(edges) / 2, table.x, edges[1]
    half = slate.width(type_, words) / 2 + 5
    for start, stop in ((x + 2.5, x + wide / 2 - half), (x + wide / 2 + half, x + wide - 2.5)):
        slate.items.append(Stroke(((start, middle), (stop, middle)), slate.family.rule, 0.35))
    slate.write(words, type_, x + wide / 2, middle + _BASELINE * type_.size / PT, align="center")
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
