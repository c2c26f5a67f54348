"""What can be wrong with the pages of a template, found when it is loaded, never on a licence."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Protocol

from licence_service.fields import Field
from licence_service.page.elements import Chip, Diagram, Element, Family, Page, Picture, Seal, Table, Text, Value
from licence_service.page.labels import fields_of

PLACEHOLDER = re.compile(r"\{(\$?[a-z][a-z0-9_]*)(?::(bare|iso))?\}")
WORDS = frozenset({
    "$title", "$title_en", "$state", "$category", "$family", "$part", "$identifier", "$version", "$edition", "$page", "$pages", "$host",
})  # fmt: skip
_ROW_WORDS = frozenset({"$n", "$kind", "$item", "$role", "$accepted_by", "$occurred_on"})
_SIZES = {"A4L": (297, 210), "A4P": (210, 297), "A5L": (210, 148)}


class Kind(Protocol):
    """What the check needs of an endorsement kind."""

    @property
    def facts(self) -> Mapping[str, Field]:
        """The facts by name."""


def assembled(pages: tuple[Page, ...], family: Family) -> tuple[Page, ...]:
    """Put the family's blocks into the pages; an unknown block is left standing for `check` to name."""
    return tuple(_with_blocks(page, family.blocks) for page in pages)


def _with_blocks(page: Page, blocks: Mapping[str, tuple[Element, ...]]) -> Page:
    first = [element for name in page.before for element in blocks.get(name, ())]
    last = [element for name in page.after for element in blocks.get(name, ())]
    unknown = tuple(name for name in (*page.before, *page.after) if name not in blocks)
    return Page(
        part=page.part, size=page.size, orientation=page.orientation, before=unknown,
        elements=(*first, *page.elements, *last), rows=page.rows, when=page.when,
    )  # fmt: skip


@lru_cache(maxsize=4096)
def placeholders(content: str) -> tuple[str, ...]:
    """Return the names in a content, in order."""
    return tuple(match[1] for match in PLACEHOLDER.finditer(content))


def check(pages: tuple[Page, ...], fields: Mapping[str, Field], kinds: Mapping[str, Kind]) -> list[str]:
    """Return every problem of assembled pages; none where they are correct.

    Placeholders that name nothing, labels that name another field, unknown blocks, fields and kinds, elements off the
    paper, printed fields that stand nowhere.
    """
    problems: list[str] = []
    shown: set[str] = set()
    for number, page in enumerate(pages, 1):
        problems += [f"page {number}: the family has no block {name!r}" for name in page.before]
        for place, element in enumerate(page.elements, 1):
            where = f"page {number}, element {place} ({element.kind})"
            problems += [f"{where}: {problem}" for problem in _problems(page, element, fields, kinds)]
            shown.update(_named(element))
    printed = {name for name, field in fields.items() if field.printed}
    problems += [f"the printed field {name!r} stands on no page" for name in sorted(printed - shown)]
    return problems


def _named(element: Element) -> Iterator[str]:
    """Yield the fields that an element shows."""
    match element:
        case Text() | Value():
            yield from placeholders(element.content)
        case Seal():
            yield from (*placeholders(element.issuer), *placeholders(element.issued))
        case Picture():
            yield element.field
        case Table() if element.field:
            yield element.field


def _problems(page: Page, element: Element, fields: Mapping[str, Field], kinds: Mapping[str, Kind]) -> Iterator[str]:
    yield from _geometry(page, element)
    known = {*fields, *WORDS}
    match element:
        case Text():
            yield from _wording(element.content, known)
        case Value():
            yield from _wording(element.content, known)
            yield from _labelling(element, fields)
        case Seal():
            yield from _wording(element.issuer, known)
            yield from _wording(element.issued, known)
        case Table():
            yield from _table(element, fields, kinds)
        case Picture():
            yield from _typed(element.field, {"image"}, fields)
        case Chip():
            yield from _typed(element.field, {"plate", "string"}, fields)
            yield from _typed(element.colour_field, {"enum"}, fields)
        case Diagram():
            yield from _typed(element.field, {"string", "text"}, fields)
            yield from _typed(element.mass_field, {"integer"}, fields)


def _geometry(page: Page, element: Element) -> Iterator[str]:
    width, height = _SIZES.get(page.sheet, (0, 0))
    if not width:
        yield f"there is no paper {page.sheet}"
    x, y = getattr(element, "x", 1), getattr(element, "y", 1)
    if not (0 <= x <= width and (getattr(element, "row", None) is not None or 0 <= y <= height)):
        yield "it lies off the paper"
    if getattr(element, "row", None) is not None and page.rows is None:
        yield "it names a row, but the page declares no rows"


def _wording(content: str, known: set[str]) -> Iterator[str]:
    rest = PLACEHOLDER.sub("", content)
    if "{" in rest or "}" in rest:
        yield f"{content!r} has a brace that is no placeholder"
    yield from (f"{{{name}}} names no field" for name in placeholders(content) if name not in known)


def _labelling(element: Value, fields: Mapping[str, Field]) -> Iterator[str]:
    names = placeholders(element.content)
    if not names:
        yield "a field element shows no field"
    elif element.label is None and len(names) > 1:
        yield "several fields need a label of their own"
    elif element.label is not None and all(name in fields for name in names) and fields_of(element.label, fields) != names:
        yield f"the label {element.label!r} does not stand for {', '.join(names)}"


def _typed(name: str, types: set[str], fields: Mapping[str, Field]) -> Iterator[str]:
    if name not in fields:
        yield f"{name!r} names no field"
    elif fields[name].type not in types:
        yield f"{name!r} is no field of type {' or '.join(sorted(types))}"


def _table(element: Table, fields: Mapping[str, Field], kinds: Mapping[str, Kind]) -> Iterator[str]:
    if bool(element.kinds) == bool(element.field):
        yield "a table shows either a field or endorsement kinds"
    yield from (f"there is no endorsement kind {kind!r}" for kind in element.kinds if kind not in kinds)
    field = fields.get(element.field or "")
    if element.field and field is None:
        yield f"{element.field!r} names no field"
    for column in element.columns:
        if isinstance(column.content, str):
            of_field = set(field.columns or ()) if field else set()
            named = [(column.content, set(kinds[kind].facts)) for kind in element.kinds if kind in kinds] or [(column.content, of_field)]
        else:
            named = [(content, set(kinds[kind].facts) if kind in kinds else set()) for kind, content in column.content.items()]
            yield from (f"{kind!r} is no kind of this table" for kind in column.content if kind not in element.kinds)
            yield from (f"column {column.title!r} says nothing for {kind!r}" for kind in element.kinds if kind not in column.content)
        for content, facts in named:
            yield from _wording(content, {*facts, *_ROW_WORDS})
