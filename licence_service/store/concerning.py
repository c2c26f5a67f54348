"""Whom a licence may concern, as its row and the open part of its entries tell: asked before a record is read, so that nothing of a stranger's is.

It only narrows, and never hides what `authority.visible`, which decides, would show: a licence may concern the department that issued it, and
any that it was ever offered to, whatever came of that. Who is issuer of record, or will be on a day to come, was offered it before (LC-08).
"""

from typing import NamedTuple

from sqlalchemy import and_, bindparam, literal, or_, select

from licence_service.licence import Act
from licence_service.store.tables import entries, licences

# The word stands in the statement itself, or SQLite does not see that its partial index answers.
MOVED = select(entries.c.licence).where(entries.c.act == literal(Act.TRANSFER.value, literal_execute=True))
WAS_OFFERED = MOVED.where(entries.c.licence == licences.c.id, entries.c.body.like(bindparam("offer"))).correlate(licences).exists()
WITH_MOVES = (  # the row, once for each offer
    select(licences.c.type, licences.c.department, entries.c.body)
    .outerjoin(entries, and_(entries.c.licence == licences.c.id, entries.c.act == literal(Act.TRANSFER.value, literal_execute=True)))
    .where(licences.c.licence_id == bindparam("licence_id"))
)
MAY_CONCERN = or_(licences.c.department == bindparam("department"), WAS_OFFERED)


class Outline(NamedTuple):
    """What the row of a licence says of it: its type, the department and the sub-office that issued it."""

    licence_id: str
    type: str
    department: str
    office: str | None


def concerned(department: str) -> dict[str, str]:
    """Return what `MAY_CONCERN` is asked with; bodies are canonical JSON, in which no text can hold an unescaped quotation mark."""
    return {"department": department, "offer": f'%"to_department":"{department}"%'}
