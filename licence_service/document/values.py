"""Labelled values: what they say, how they fit, where label, value and rule stand (LOOK §3, §8, §10)."""

from licence_service.document.placed import Area, Stroke
from licence_service.document.setting import Fit, fit
from licence_service.document.slate import Slate
from licence_service.document.strokes import PT
from licence_service.document.styles import LEAD, Type
from licence_service.frozen import dataclass
from licence_service.page import Align, Value, placeholders

_GAP = 1.3  # mm between a label and its English on the same line
_WRAPPED = 14.0  # points: the largest size of a value on two lines beside its label; elsewhere the floor
_SEPARATOR = "；"
_CELL_LABEL, _CELL_VALUE, _CELL_UNIT = 0.31, 0.69, 0.93  # baselines in a cell, of its height
_CELL_HEIGHT = {"A4": 13.6, "A5": 11.25}


@dataclass(frozen=True, slots=True)
class Lines:
    """A value ready to be set: size and lines (one item each where `each`), the fields it shows, a note on what is left."""

    size: float
    lines: tuple[str, ...]
    fields: tuple[str, ...]
    note: str = ""


def prepare(slate: Slate, value: Value) -> Lines:
    """Word a value and fit it; what does not fit is a fault of its fields (LOOK §10)."""
    return fitted(slate, value, *room_of(slate, value))


def room_of(slate: Slate, value: Value) -> tuple[Type, float]:
    """Return what a value is set in and how wide it may be, mm: the same on every page of this kind."""
    type_ = slate.type_(value.style, value.size, value.floor)
    return type_, value.to - _value_x(slate, value, type_)


def fitted(slate: Slate, value: Value, type_: Type, room: float) -> Lines:
    """Word a value and fit it into its room; see `prepare`."""
    names = placeholders(value.content)
    if value.each:
        return _itemised(slate, value, type_, room, names)
    said = slate.fill(value.content, value.absent)
    lines = 1 if value.place == "cell" else value.lines
    found = fit(slate.fonts, type_, said.text, room, lines=lines, wrapped=_wrapped(slate, value))
    if found is None and value.split and value.remainder:
        return _shortened(slate, value, type_, room, said.text)
    if found is None:
        slate.fault(names, "does-not-fit", "the text is too long for its place on the page, even at its smallest size")
        found = Fit(type_.floor, (said.text,))
    return Lines(found.size, found.lines, said.fields)


def _wrapped(slate: Slate, value: Value) -> float | None:
    return _WRAPPED if value.place == "beside" and slate.page.size == "A4" else None


def items_of(slate: Slate, name: str, split: str) -> tuple[str, ...]:
    """Return the items of a list field, or of a text cut at `split`."""
    given = slate.sheet.face.get(name)
    if isinstance(given, list):
        codes = slate.sheet.template.fields[name].codes or {}
        return tuple(codes.get(code, code) for code in given if isinstance(code, str))
    return tuple(part.strip() for part in str(given).split(split) if part.strip()) if given and split else (str(given),) if given else ()


def _itemised(slate: Slate, value: Value, type_: Type, room: float, names: tuple[str, ...]) -> Lines:
    """Set every item on a line of its own; items beyond `most` go to the page that takes the rest."""
    items = items_of(slate, names[0], value.split)
    if not items:
        return Lines(type_.size, (value.absent,), names)
    lines, sizes, left = _gathered(slate, value, type_, room, items)
    note = ""
    if left < len(items):
        if value.remainder is None:
            slate.fault(names, "does-not-fit", f"the page has no room for more than {left} items of this list")
        note = _pointer(slate, value, len(items) - left)
        slate.left_over[names[0]] = (left + 1, items[left:])
    return Lines(min(sizes, default=type_.floor), tuple(lines), names, note)


def _gathered(slate: Slate, value: Value, type_: Type, room: float, items: tuple[str, ...]) -> tuple[list[str], list[float], int]:
    """Return the lines of the items that have room, their sizes, and how many items these are."""
    lines: list[str] = []
    sizes: list[float] = []
    for place, item in enumerate(items):
        text = f"{place + 1}. {item}" if value.numbered else item
        found = fit(slate.fonts, type_, text, room, lines=value.lines if value.numbered else 1)
        if found is None:
            slate.fault(placeholders(value.content), "does-not-fit", "an item is too long for its lines, even at its smallest size")
            return [text], [type_.floor], len(items)
        if value.most is not None and len(lines) + len(found.lines) > value.most:
            return lines, sizes, place
        lines += found.lines
        sizes.append(found.size)
    return lines, sizes, len(items)


def _shortened(slate: Slate, value: Value, type_: Type, room: float, text: str) -> Lines:
    """Show whole items only, and say where the others stand (LOOK §10, scope list)."""
    names = placeholders(value.content)
    items = [item.strip() for item in text.split(value.split) if item.strip()]
    wrapped = _wrapped(slate, value)
    for count in range(len(items) - 1, 0, -1):
        short = _SEPARATOR.join([*items[:count], _pointer(slate, value, len(items) - count)])
        found = fit(slate.fonts, type_, short, room, lines=value.lines, wrapped=wrapped)
        if found and len(found.lines) <= value.lines:
            slate.left_over[names[0]] = (count + 1, tuple(items[count:]))
            return Lines(found.size, found.lines, names)
    slate.fault(names, "does-not-fit", "not even the first item of this list fits its place on the page")
    return Lines(type_.floor, (text,), names)


def _pointer(slate: Slate, value: Value, count: int) -> str:
    part = value.remainder or ""
    number = slate.parts.get(part)
    return f"其余 {count} 项见{part}" + (f"第 {number} 页" if number else "")


def further_lines(slate: Slate, value: Value, lines: Lines) -> int:
    """Return by how many lines this value pushes the rows below it; on A5 two lines of one value share a row."""
    if value.each or value.place == "beside":
        return len(lines.lines) - 1
    del slate
    return 0


def place(slate: Slate, value: Value, y: float, lines: Lines) -> None:
    """Set label, value and rule at the baseline `y` (of a cell: its upper edge)."""
    end = place_label(slate, value, y, lines.note)
    place_lines(slate, value, y, lines, end)
    place_rule(slate, value, y, lines, end)


def place_label(slate: Slate, value: Value, y: float, note: str) -> float:
    """Set what comes before a value: label, English, a note on what is left out, of a cell its box; return where they end."""
    if value.place == "cell":
        return _place_cell(slate, value, y)
    label, english = _label(slate, value), _english(slate, value)
    sub, measures = slate.type_("sublabel"), slate.measures
    if value.place == "beside":
        wide = slate.write(label, slate.type_("label"), value.x, y - measures.label_lift)
        if english:
            slate.write(english, sub, value.x, y + measures.english_drop)
        return value.x + wide
    type_ = slate.type_("label_dense" if slate.page.size == "A4" else "label")
    lift = measures.label_above if value.lift is None else value.lift
    top = y - (lift if value.place == "above" else 0)
    end = value.x + slate.write(label, type_, value.x, top)
    if english:
        end += _GAP + slate.write(english, sub, end + _GAP, top)
    if note:
        end += _GAP + slate.write(note, sub, end + _GAP, top)
    return end


def place_lines(slate: Slate, value: Value, y: float, lines: Lines, end: float) -> None:
    """Set the value itself; `end` is where its label ends."""
    type_ = slate.type_(value.style, value.size, value.floor)
    x, first, step, align = where(slate, value, y, len(lines.lines), lines.size, end)
    for number, line in enumerate(lines.lines):
        slate.write(line, type_, x, first + number * step, align=align, size=lines.size, fields=lines.fields)


def where(slate: Slate, value: Value, y: float, count: int, size: float, end: float) -> tuple[float, float, float, Align]:
    """Return x and baseline of the first of `count` lines, the step to the next, all mm, and how they are aligned at x."""
    if value.place == "cell":
        return (value.x + value.to) / 2, y + _CELL_VALUE * _CELL_HEIGHT[slate.page.size], 0.0, "center"
    x, lead = _lines_x(slate, value, slate.type_(value.style, value.size, value.floor), end), size * LEAD / PT
    # Two small lines share the row of one large one.
    first = y - lead * 0.42 if value.place == "above" and count > 1 and not value.each else y
    return x, first, _step(slate, value, lead), "left"


def place_rule(slate: Slate, value: Value, y: float, lines: Lines, end: float) -> None:
    """Set what comes after a value: its rule, in a cell its unit."""
    if value.place == "cell":
        field = slate.sheet.template.fields[placeholders(value.content)[0]]
        if field.unit:
            middle = (value.x + value.to) / 2
            slate.write(field.unit, slate.type_("unit"), middle, y + _CELL_UNIT * _CELL_HEIGHT[slate.page.size], align="center")
        return
    if value.rule is False or value.place == "inline":
        return
    x = _lines_x(slate, value, slate.type_(value.style, value.size, value.floor), end)
    step = _step(slate, value, lines.size * LEAD / PT)
    last = y + step * (len(lines.lines) - 1) if value.place != "above" or value.each else y
    start, stop = (x, value.to) if value.rule is True else value.rule
    under = last + (slate.measures.rule_below if value.place == "beside" else slate.measures.rule_under)
    slate.items.append(Stroke(((start, under), (stop, under)), slate.family.rule, 0.35))


def _lines_x(slate: Slate, value: Value, type_: Type, end: float) -> float:
    return max(_value_x(slate, value, type_), end + _GAP) if value.place == "inline" else _value_x(slate, value, type_)


def _step(slate: Slate, value: Value, lead: float) -> float:
    """Return how far the lines of a value stand apart."""
    return slate.page.rows.further if value.each and value.row is not None and slate.page.rows else lead


def _value_x(slate: Slate, value: Value, _type: Type) -> float:
    if value.value_x is not None:
        return value.value_x
    if value.place == "inline":
        return value.x + slate.width(slate.type_("label_dense"), _label(slate, value)) + 3
    return value.x


def _label(slate: Slate, value: Value) -> str:
    if value.label is not None:
        return value.label
    return slate.sheet.template.fields[placeholders(value.content)[0]].label


def _english(slate: Slate, value: Value) -> str:
    if value.english is not None:
        return value.english
    names = placeholders(value.content)
    return slate.sheet.template.fields[names[0]].label_en if len(names) == 1 else ""


def _place_cell(slate: Slate, value: Value, y: float) -> float:
    """Set box and label of a ruled cell whose upper edge is `y`."""
    height, middle = _CELL_HEIGHT[slate.page.size], (value.x + value.to) / 2
    if value.rule is not False:
        slate.items.append(Area(value.x, y, value.to - value.x, height, fill="#FFFFFF", stroke=slate.family.rule))
    label = slate.type_("label_dense")
    room = value.to - value.x - 1
    found = fit(slate.fonts, label, _label(slate, value), room) or Fit(label.floor, ())
    slate.write(_label(slate, value), label, middle, y + _CELL_LABEL * height, align="center", size=found.size)
    return value.to
