"""Which characters an edition keeps in the fonts of its prefix: those of its labels, titles and code tables.

They follow from the template, the department and the host alone, never from a licence: every process that prints this
edition makes the same prefix.
"""

from collections.abc import Iterator
from dataclasses import replace

from licence_service.document.artwork import Family
from licence_service.document.fonts import Fonts
from licence_service.document.furniture import ENDORSED_BY, ENDORSED_ON
from licence_service.document.layout import unfilled
from licence_service.document.placed import Run
from licence_service.document.sheet import Sheet
from licence_service.document.styles import STYLES
from licence_service.document.tables import fixed_words
from licence_service.fields.printing import EMPTY
from licence_service.page import Seal, Size, Style, Table
from licence_service.template import Template

# What numbers, dates and identifiers are written with, kept in every face that stands on a page.
EVERYWHERE = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-./: 年月日"
MOST_OF_TABLES = 240  # characters: longer code tables would make every file larger for what few licences say


def kept_characters(sheet: Sheet, family: Family, fonts: Fonts) -> dict[str, set[str]]:
    """Return the characters to keep of each face, for sheets that share template, department and host with this one."""
    empty = replace(sheet, face={}, endorsements=(), photos={}, check_code="0" * 12)
    runs = [item for page in unfilled(empty, family, fonts) for item in page.items if isinstance(item, Run)]
    words = [(run.face, run.text) for run in runs] + [(STYLES[size][style].face, text) for size, style, text in _unseen(sheet.template)]
    kept: dict[str, set[str]] = {}
    for face, text in words:
        kept.setdefault(face, set()).update(text)
    tables = {each for field in sheet.template.fields.values() if not field.listed for label in (field.codes or {}).values() for each in label}
    values = {face for face, text in words if EMPTY in text}
    for face in kept:
        wanted = {*EVERYWHERE, *(tables if face in values and len(tables) <= MOST_OF_TABLES else ())}
        kept[face] |= wanted
    return {face: {each for each in found if fonts.runs(face, each) == ((face, each),)} for face, found in kept.items()}


def _unseen(template: Template) -> Iterator[tuple[Size, Style, str]]:
    """Yield the words that an empty sheet leaves out: of tables without rows and of seals under endorsements."""
    for page in template.pages:
        for element in page.elements:
            if isinstance(element, Table):
                yield from ((page.size, style, text) for style, text in fixed_words(element))
            elif isinstance(element, Seal) and element.endorsed:
                yield page.size, "label_dense" if page.size == "A4" else "label", ENDORSED_BY + ENDORSED_ON
