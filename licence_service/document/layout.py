"""Template + face + endorsements → placed pages (LOOK §8 to §12). Pure: the same sheet always gives the same pages.

`place` takes about a millisecond or two a page, so the registrar calls it twice: once with dummy codes before anything is
written, so that every refusal comes first, and once with the real ones.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from licence_service.document import axles, furniture, tables, values
from licence_service.document.artwork import SHEETS, Family
from licence_service.document.fonts import Fonts
from licence_service.document.placed import Area, Placed, PlacedPage, Run, Stroke
from licence_service.document.setting import Fit, fit
from licence_service.document.sheet import PrintedEndorsement, Sheet
from licence_service.document.slate import Slate
from licence_service.document.strokes import PT
from licence_service.document.styles import WHITE
from licence_service.document.wording import title_words
from licence_service.errors import FaceRejected, Fault
from licence_service.page import Box, Chip, Code, Diagram, Element, Frame, Line, Page, Picture, Seal, Table, Text, Value

__all__ = ["PrintedEndorsement", "Sheet", "elements_of", "pages_of", "place", "put", "unfilled"]

Finished = TypeVar("Finished")

_MOST_PAGES = 60
_PART_PADDING = {"A4": (4.7, 7.5), "A5": (3.2, 5.4)}  # beside the words, and the box's height


def place(sheet: Sheet, family: Family, fonts: Fonts) -> Placed:
    """Lay out all pages; raise `FaceRejected` with every fault: `does-not-fit`, `no-glyph` (naming the code point), `missing`."""
    return Placed(sheet.template.title.zh, tuple(pages_of(sheet, family, fonts, _page)))


def pages_of(sheet: Sheet, family: Family, fonts: Fonts, finish: Callable[[Slate], Finished]) -> list[Finished]:
    """Lay out all pages and return what `finish` makes of each; it is called anew where page numbers were still open.

    Raise `FaceRejected` as `place` does.
    """
    faults: list[Fault] = []
    for name, field in sheet.template.fields.items():
        if field.type == "image" and field.required and field.printed and name not in sheet.photos and not sheet.preview:
            faults.append(Fault(f"photos.{name}", "missing", "the required photograph is not there"))
    parts: Mapping[str, int] = {page.part: number for number, page in reversed(list(enumerate(sheet.template.pages, 1)))}
    total = sum(page.when == "always" for page in sheet.template.pages)
    found: list[Fault] = []
    pages: list[tuple[str, Finished]] = []
    for _ in range(3):  # the numbers of pages are known only when all rows have found theirs
        found.clear()
        pages = _pages(sheet, family, fonts, found, parts, total, finish)
        starts = {part: number for number, (part, _) in reversed(list(enumerate(pages, 1)))}
        if len(pages) == total and all(parts.get(part) == number for part, number in starts.items()):
            break
        parts, total = starts, len(pages)
    if faults or found:
        raise FaceRejected(faults=(*faults, *found))
    return [page for _, page in pages]


def _pages(
    sheet: Sheet, family: Family, fonts: Fonts, faults: list[Fault], parts: Mapping[str, int], total: int, finish: Callable[[Slate], Finished]
) -> list[tuple[str, Finished]]:
    finished: list[tuple[str, Finished]] = []
    left_over: dict[str, tuple[int, tuple[str, ...]]] = {}
    names = title_words(sheet.template, family.label)
    for page in sheet.template.pages:
        taken: dict[int, int] = {}
        repeat, more = 0, page.when == "always" or _takes_rest(page, left_over)
        while more:
            words = {**names, **_words(sheet, page.part, len(finished) + 1, total)}
            slate = Slate(sheet, page, family, fonts, words, faults, repeat, left_over, parts, taken=taken)
            finished.append((page.part, finish(slate)))
            repeat, more = repeat + 1, slate.more_rows
            if len(finished) > _MOST_PAGES:
                slate.fault(("",), "does-not-fit", f"the tables need more than {_MOST_PAGES} pages")
                return finished
    return finished


def unfilled(sheet: Sheet, family: Family, fonts: Fonts) -> list[PlacedPage]:
    """Return every page of a template once, as an empty sheet leaves it; what such a sheet lacks is not told."""
    names = title_words(sheet.template, family.label)
    words = ({**names, **_words(sheet, page.part, number, 1)} for number, page in enumerate(sheet.template.pages, 1))
    return [_page(Slate(sheet, page, family, fonts, each, [])) for page, each in zip(sheet.template.pages, words, strict=True)]


def _words(sheet: Sheet, part: str, number: int, total: int) -> dict[str, str]:
    return {
        "$part": part,
        "$identifier": sheet.elicence_id or "—",
        "$version": f"{sheet.version:03d}",
        "$edition": sheet.template.edition,
        "$page": str(number),
        "$pages": str(total),
        "$host": sheet.host,
    }


def _takes_rest(page: Page, left_over: Mapping[str, object]) -> bool:
    return any(isinstance(element, Table) and element.rest and element.field in left_over for element in page.elements)


def _page(slate: Slate) -> PlacedPage:
    for element, y, lines in elements_of(slate):
        put(slate, element, y, lines)
    size = SHEETS[slate.page.sheet]
    return PlacedPage(slate.page.part, size.width, size.height, slate.artwork, (*slate.under, *slate.items))


def elements_of(slate: Slate) -> Iterator[tuple[Element, float, values.Lines | None]]:
    """Yield the elements of a page in drawing order, each with its `y` after long values have pushed it, and a value's lines."""
    prepared = {id(element): values.prepare(slate, element) for element in slate.page.elements if isinstance(element, Value)}
    baselines = _baselines(slate, prepared)
    for element in slate.page.elements:
        row = getattr(element, "row", None)
        yield element, baselines.get(row, 0.0) + getattr(element, "y", 0.0), prepared.get(id(element))


def put(slate: Slate, element: Element, y: float, lines: values.Lines | None) -> None:
    """Place one element; `lines` are those of a value."""
    match element:
        case Frame():
            furniture.place_frame(slate, element)
        case Value() if lines is not None:
            values.place(slate, element, y, lines)
        case Text():
            _place_text(slate, element, y)
        case Box():
            fill = slate.colour(element.fill) if element.fill else None
            stroke = slate.colour(element.stroke) if element.stroke else None
            slate.items.append(Area(element.x, y, element.width, element.height, fill, stroke, element.points))
        case Line():
            _place_line(slate, element, y)
        case _:
            _furnish(slate, element)


def _furnish(slate: Slate, element: Element) -> None:
    match element:
        case Picture():
            furniture.place_picture(slate, element)
        case Table():
            tables.place(slate, element)
        case Code():
            furniture.place_code(slate, element)
        case Seal():
            furniture.place_seal(slate, element)
        case Chip():
            furniture.place_chip(slate, element)
        case Diagram():
            axles.place(slate, element)


def _baselines(slate: Slate, prepared: Mapping[int, values.Lines]) -> dict[int | None, float]:
    """Return the baseline of every row: further lines of a value push the rows below it (LOOK §10)."""
    rows = slate.page.rows
    if rows is None:
        return {}
    further: dict[int, int] = {}
    named: dict[int, tuple[str, ...]] = {}
    for element in slate.page.elements:
        if isinstance(element, Value) and element.row is not None:
            lines = prepared[id(element)]
            extra = values.further_lines(slate, element, lines)
            if extra > further.get(element.row, 0):
                further[element.row], named[element.row] = extra, lines.fields
    if sum(further.values()) > rows.extra:
        for names in named.values():
            slate.fault(names, "does-not-fit", f"the page has room for {rows.extra} further lines in all")
    long = any(further.values()) and rows.long_first is not None and rows.long_pitch is not None
    first, pitch = (rows.long_first or 0.0, rows.long_pitch or 0.0) if long else (rows.first, rows.pitch)
    last = max((getattr(element, "row", None) or 0) for element in slate.page.elements)
    return {row: first + row * pitch + rows.further * sum(count for at, count in further.items() if at < row) for row in range(last + 1)}


def _place_text(slate: Slate, text: Text, y: float) -> None:
    said = slate.fill(text.content)
    words = " ".join(said.text.split(" ")).strip(" ")
    if not words or (said.fields and not said.present):
        return
    type_ = slate.type_(text.style, text.size, text.floor)
    if text.style == "part":
        _place_part(slate, text, words)
        return
    found = fit(slate.fonts, type_, words, text.width, lines=text.lines) if text.width else Fit(type_.size, (words,))
    if found is None:
        slate.fault(said.fields, "does-not-fit", "the text is too long for its place on the page, even at its smallest size")
        return
    if text.style in {"foot", "foot_label"}:
        y = clear_of_neighbours(slate, text, words, y)
    for number, line in enumerate(found.lines):
        slate.write(line, type_, text.x, y + number * found.size * 1.42 / PT, align=text.align, size=found.size, fields=said.fields)


def clear_of_neighbours(slate: Slate, text: Text, words: str, y: float) -> float:
    """Lift the right part of the foot where it would meet the identifier (LOOK §12)."""
    wide = slate.width(slate.type_(text.style), words)
    start = text.x - wide if text.align == "right" else text.x
    meets = any(isinstance(item, Run) and abs(item.y - y) < 1 and item.x < start + wide and start < item.x + item.width + 2 for item in slate.items)
    return y - slate.measures.rest_lift if meets and text.align == "right" else y


def _place_part(slate: Slate, text: Text, words: str) -> None:
    """Set the name of the part in its box; x is the box's right edge, y its upper edge (LOOK §8)."""
    type_ = slate.type_("part")
    pad, height = _PART_PADDING[slate.page.size]
    wide = slate.width(type_, words) + 2 * pad
    slate.items.append(Area(text.x - wide, text.y, wide, height, fill=WHITE, stroke=slate.family.accent, points=0.8))
    slate.write(words, type_, text.x - wide / 2, text.y + height / 2 + 0.36 * type_.size / PT, align="center")


def _place_line(slate: Slate, line: Line, y: float) -> None:
    colour = slate.colour(line.colour)
    end = (line.to, y + line.down)
    if not line.arrow:
        slate.items.append(Stroke(((line.x, y), end), colour, line.points))
        return
    head = 4.2
    slate.items += [
        Stroke(((line.x, y), (line.to - head + 0.5, y)), colour, line.points),
        Stroke(((line.to - head, y - 1.4), (line.to, y), (line.to - head, y + 1.4)), fill=colour),
    ]
