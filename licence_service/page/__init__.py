"""The layout language: what a page of a template may contain, and what can be wrong with one.

Pure, between `template` and `fields`. Files under `templates/` are read into these dataclasses by the catalogue.
"""

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
    "printed_kinds", "short",
]  # fmt: skip


def printed_kinds(pages: tuple[Page, ...]) -> frozenset[str]:
    """Return the endorsement kinds that these pages print; one of them makes a new version of the licence."""
    return frozenset(kind for page in pages for element in page.elements if isinstance(element, Table) for kind in element.kinds)
