"""Tables of a page: rows of a field, items of a list, or endorsements; always closed by 以下空白 (LOOK §9)."""

from collections.abc import Mapping
from dataclasses import dataclass

from licence_service.document.placed import Area, Disc, Stroke
from licence_service.document.setting import Fit, fit
from licence_service.document.slate import Slate
from licence_service.document.styles import WHITE, Type
from licence_service.document.values import items_of
from licence_service.document.wording import worded
from licence_service.fields import Field
from licence_service.page import Column, Style, Table

BLANK = "以下空白"
_FIRST, _MIDDLE, _LAST = "起点", "途经", "终点"
_RAIL_RADIUS, _RAIL_WIDTH = 1.35, 1.1
_CELL_LINES = 2
_BASELINE = 0.36  # of the size: how far a line's baseline lies under the row's middle


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the text of each column, the fields it shows, its place in the whole list."""

    cells: tuple[str, ...]
    fields: tuple[str, ...]


def place(slate: Slate, table: Table) -> None:
    """Draw head, rows and the closing row; rows beyond the table's limit are left to the next repetition of the page."""
    rows = _rows(slate, table)
    start = slate.repeat * table.rows
    shown = rows[start : start + table.rows]
    if len(rows) > start + table.rows:
        slate.more_rows = True
    if (table.omit and not rows) or (slate.repeat and not shown):
        return
    y = slate.table_end + table.after if table.after is not None and slate.table_end else table.y
    x, wide = table.x, sum(column.width for column in table.columns)
    y = _head(slate, table, y, wide)
    tops = []
    for number, row in enumerate(shown):
        tops.append(y)
        y = _row(slate, table, row, y, wide)
        if number < len(shown) - 1 or not table.rail:
            slate.items.append(Stroke(((x, y), (x + wide, y)), slate.family.rule, 0.35))
    if table.rail and tops:
        _rail(slate, table, [(top, _row_height(slate, table)) for top in tops])
    slate.table_end = _blank(slate, table, y, wide)


def _rows(slate: Slate, table: Table) -> list[Row]:
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
    roles = [_FIRST, *[_MIDDLE] * (len(items) - 2), _LAST] if len(items) > 1 else [_FIRST] * len(items)
    return [
        _made(slate, table, {}, {}, {"$n": str(start + place), "$item": item, "$role": roles[place]}, name)
        for place, item in enumerate(items)
    ]


def _endorsements(slate: Slate, table: Table) -> list[Row]:
    """Take the endorsements of the table's kinds, oldest first; `$n` counts within a kind."""
    chosen = sorted((each for each in slate.sheet.endorsements if each.kind.slug in table.kinds), key=lambda each: each.occurred_on)
    counts: dict[str, int] = {}
    rows = []
    for each in chosen:
        counts[each.kind.slug] = counts.get(each.kind.slug, 0) + 1
        words = {
            "$n": str(counts[each.kind.slug]), "$kind": each.kind.title.zh, "$accepted_by": each.accepted_by,
            "$occurred_on": each.occurred_on.isoformat(),
        }  # fmt: skip
        rows.append(_made(slate, table, each.kind.facts, each.facts, words, "", each.kind.slug))
    return rows


def _made(
    slate: Slate, table: Table, fields: Mapping[str, Field], values: Mapping[str, object], words: Mapping[str, str], name: str, kind: str = ""
) -> Row:
    cells, named = [], [name] if name else []
    for column in table.columns:
        content = column.content if isinstance(column.content, str) else column.content[kind]
        said = worded(_with_iso_dates(content, fields), fields, values, words, "—")  # type: ignore[arg-type] - cells are text
        cells.append(said.text)
        named += [f"facts.{fact}" for fact in said.fields if kind]
    del slate
    return Row(tuple(cells), tuple(dict.fromkeys(named)))


def _with_iso_dates(content: str, fields: Mapping[str, Field]) -> str:
    for fact, field in fields.items():
        if field.type == "date":
            content = content.replace(f"{{{fact}}}", f"{{{fact}:iso}}")
    return content


def _head(slate: Slate, table: Table, y: float, wide: float) -> float:
    height = table.head_height or slate.measures.head_height
    slate.items.append(Area(table.x, y, wide, height, fill=slate.family.accent))
    x, type_ = table.x, slate.type_("head")
    for column in table.columns:
        room = column.width - 2 * slate.measures.padding
        size = (fit(slate.fonts, type_, column.title, room) or Fit(type_.floor, ())).size
        centred = column.style == "number"
        at = x + column.width / 2 if centred else x + slate.measures.padding
        slate.write(column.title, type_, at, y + height / 2 + _BASELINE * size / 2.83465, align="center" if centred else "left", size=size)
        x += column.width
    return y + height


def _row_height(slate: Slate, table: Table) -> float:
    return table.row_height or slate.measures.row_height


def _row(slate: Slate, table: Table, row: Row, y: float, wide: float) -> float:
    fits = [_cell(slate, column, text, row) for column, text in zip(table.columns, row.cells, strict=True)]
    height = _row_height(slate, table) + slate.measures.second_line * (max(len(found.lines) for found, _ in fits) - 1)
    slate.items.append(Area(table.x, y, wide, height, fill=WHITE))
    x = table.x
    for column, (found, type_) in zip(table.columns, fits, strict=True):
        centred = column.style == "number"
        at = x + column.width / 2 if centred else x + slate.measures.padding
        middle = y + height / 2 - slate.measures.second_line * (len(found.lines) - 1) / 2
        for number, line in enumerate(found.lines):
            baseline = middle + number * slate.measures.second_line + _BASELINE * found.size / 2.83465
            slate.write(line, type_, at, baseline, align="center" if centred else "left", size=found.size, fields=row.fields)
        x += column.width
    return y + height


def _cell(slate: Slate, column: Column, text: str, row: Row) -> tuple[Fit, Type]:
    styles: dict[str, Style] = {"key": "cell_key", "text": "cell", "number": "cell_key"}
    type_ = slate.type_(styles[column.style])
    found = fit(slate.fonts, type_, text, column.width - 2 * slate.measures.padding, lines=_CELL_LINES, wrapped=type_.size * 0.8)
    if found is None:
        slate.fault(row.fields, "does-not-fit", f"a cell of the column {column.title} is too long, even at its smallest size")
        found = Fit(type_.floor, (text,))
    return found, type_


def _blank(slate: Slate, table: Table, y: float, wide: float) -> float:
    """Close the table, so that nothing can be added below."""
    height, type_ = _row_height(slate, table) * 0.87, slate.type_("blank")
    middle, x = y + height / 2, table.x
    slate.items.append(Area(x, y, wide, height, fill=WHITE))
    half = slate.width(type_, BLANK) / 2 + 5
    for start, end in ((x + 2.5, x + wide / 2 - half), (x + wide / 2 + half, x + wide - 2.5)):
        slate.items.append(Stroke(((start, middle), (end, middle)), slate.family.rule, 0.35))
    slate.write(BLANK, type_, x + wide / 2, middle + _BASELINE * type_.size / 2.83465, align="center")
    end = y + height
    slate.items.append(Stroke(((x, end), (x + wide, end)), slate.family.accent, 0.6))
    return end


def _rail(slate: Slate, table: Table, rows: list[tuple[float, float]]) -> None:
    """Draw the stops of a route on a line; the ends filled, the others open (LOOK §8 d)."""
    x = table.x + table.columns[0].width + table.columns[1].width / 2
    middles = [top + height / 2 for top, height in rows]
    accent = slate.family.accent
    slate.items.append(Stroke(((x, middles[0]), (x, middles[-1])), accent, _RAIL_WIDTH))
    for number, y in enumerate(middles):
        end = number in {0, len(middles) - 1}
        slate.items.append(Disc(x, y, _RAIL_RADIUS if not end else _RAIL_RADIUS + 0.5, fill=accent if end else WHITE, colour=accent, width=_RAIL_WIDTH))
