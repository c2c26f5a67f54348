"""The layout language: what a page of a template may contain, and what can be wrong with one.

Pure, between `template` and `fields`. Files under `templates/` are read into these dataclasses by the catalogue.
"""

from collections.abc import Mapping
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from licence_service.errors import TemplateRejected
from licence_service.page.checking import PLACEHOLDER, assembled, check, placeholders
from licence_service.page.elements import (
    Align,
    Box,
    Chip,
    Code,
    Colour,
    Column,
    Diagram,
    Element,
    Family,
    Frame,
    Line,
    Page,
    Picture,
    Rows,
    Seal,
    Size,
    Style,
    Table,
    Text,
    Value,
    Weave,
)  # fmt: skip
from licence_service.page.labels import JOINT, LabelBook, fields_of, short

__all__ = [
    "JOINT", "PLACEHOLDER", "Align", "Box", "Chip", "Code", "Colour", "Column", "Diagram", "Element", "Family", "Frame", "LabelBook", "Line", "Page",
    "Picture", "Rows", "Seal", "Size", "Style", "Table", "Text", "Value", "Weave", "assembled", "check", "fields_of", "placeholders",
    "printed_kinds", "read_family", "short",
]  # fmt: skip


_FAMILY = TypeAdapter(Family)


def printed_kinds(pages: tuple[Page, ...]) -> frozenset[str]:
    """Return the endorsement kinds that these pages print; one of them makes a new version of the licence."""
    return frozenset(kind for page in pages for element in page.elements if isinstance(element, Table) for kind in element.kinds)


def read_family(raw: Mapping[str, object], slug: str) -> Family:
    """Return a family from the tables of its file; raise `TemplateRejected` naming what is wrong in it."""
    try:
        family: Family = _FAMILY.validate_python(raw)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise TemplateRejected(f"_families/{slug}.toml: {wrong}") from error
    return replace(family, slug=slug)
