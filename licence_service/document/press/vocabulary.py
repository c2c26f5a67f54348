"""Which characters an edition keeps in the fonts of its prefix: those of its labels, titles and code tables.

They follow from the template, the department and the host alone, never from a licence: every process that prints this
edition makes the same prefix.
"""

from dataclasses import replace

from licence_service.document.artwork import Family
from licence_service.document.fonts import Fonts
from licence_service.document.layout import unfilled
from licence_service.document.placed import Run
from licence_service.document.sheet import Sheet
from licence_service.fields.printing import EMPTY

# What numbers, dates and identifiers are written with, kept in every face that stands on a page.
EVERYWHERE = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-./: 年月日"
MOST_OF_TABLES = 240  # characters: longer code tables would make every file larger for what few licences say


def kept_characters(sheet: Sheet, family: Family, fonts: Fonts) -> dict[str, set[str]]:
    """Return the characters to keep of each face, for sheets that share template, department and host with this one."""
    empty = replace(sheet, face={}, endorsements=(), photos={}, check_code="0" * 12)
    runs = [item for page in unfilled(empty, family, fonts) for item in page.items if isinstance(item, Run)]
    kept: dict[str, set[str]] = {}
    for run in runs:
        kept.setdefault(run.face, set()).update(run.text)
    tables = {each for field in sheet.template.fields.values() if not field.listed for label in (field.codes or {}).values() for each in label}
    values = {run.face for run in runs if EMPTY in run.text}
    for face in list(kept):
        wanted = {*EVERYWHERE, *(tables if face in values and len(tables) <= MOST_OF_TABLES else ())}
        kept[face] |= {each for each in wanted if fonts.runs(face, each) == ((face, each),)}
    return kept
