"""When each kept licence is looked at next for deadlines: an index by day, so that a day costs what falls on it and not the whole register.

A licence gets its row when it becomes a card. It is marked, and looked at again at once, when something is entered on it or on a licence above
it, found by the place in the book, and when the law changes, a stretch of all rows at a time. Marks are counted: a look that began before a mark
does not hide it. Whoever writes some rows locks them first, in the order of their licences, so that of two processes one waits for the other.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from licence_service.store.counting import counted, raise_to
from licence_service.store.database import Database
from licence_service.store.parting import parts
from licence_service.store.tables import entries, foundations, licences
from licence_service.store.tables_of_notices import deadline_looks as looks

CURSOR, LAW = "deadlines", "deadlines-law"  # places of the book up to which entries, and lines of the law, were looked at
STRETCH = 2000  # places of the book, in one transaction
ROWS = 20_000  # of licences that a change of the law concerns, in one transaction
_OF_LAW = ("rule_pack", "endorsement_kind", "template")  # kinds of lines that deadlines rest on
_touched = (
    select(entries.c.licence.label("id"))
    .where(entries.c.place > bindparam("seen"), entries.c.place <= bindparam("until"))
    .cte("touched", recursive=True)
)
_touched = _touched.union(select(licences.c.id).join(_touched, licences.c.parent == _touched.c.id))  # what hangs on a licence changes with it
_LOCKED = select(looks.c.licence, looks.c.marks).order_by(looks.c.licence).with_for_update()
_TOUCHED = _LOCKED.where(looks.c.licence.in_(select(_touched.c.id)))
_SWEPT = _LOCKED.where(looks.c.licence > bindparam("reached"), looks.c.licence <= bindparam("until"))
_LOOKED = _LOCKED.where(looks.c.licence.in_(bindparam("rows", expanding=True)))
_MARK = update(looks).where(looks.c.licence.in_(bindparam("rows", expanding=True))).values(next_on="", marks=looks.c.marks + 1)
_LAW_END = select(func.max(foundations.c.place)).where(foundations.c.kind.in_(_OF_LAW), foundations.c.place <= bindparam("until"))
_DUE = (
    select(looks.c.licence, looks.c.marks, licences.c.licence_id)
    .join(licences, licences.c.id == looks.c.licence)
    .where(looks.c.next_on <= bindparam("today"))
    .order_by(looks.c.next_on, looks.c.licence)
    .limit(bindparam("most"))
)
_ANY_DUE = select(looks.c.licence).where(looks.c.next_on <= bindparam("today")).limit(1)
_NOTE = update(looks).where(looks.c.licence == bindparam("row")).values(next_on=bindparam("day"))


def _soon(dialect: Any) -> Any:  # noqa: ANN401 - both dialects know this statement, the library's common form does not
    return dialect.insert(looks).on_conflict_do_update(index_elements=[looks.c.licence], set_={"next_on": "", "marks": looks.c.marks + 1})


_SOON = {"sqlite": _soon(sqlite), "postgresql": _soon(postgresql)}


@dataclass(frozen=True, slots=True)
class Due:
    """A licence that is to be looked at: its row, the number of its marks when that was read, its id."""

    licence: int
    marks: int
    licence_id: str


def look_soon(connection: Connection, rows: Iterable[int]) -> None:
    """Have licences looked at as soon as possible, those too that never were: they become cards in this transaction."""
    if new := [{"licence": row, "next_on": "", "marks": 0} for row in sorted(set(rows))]:
        connection.execute(_SOON[connection.dialect.name], new)


def note(connection: Connection, looked: Mapping[int, tuple[int, date]]) -> set[int]:
    """Write down when licences are looked at next: row → (marks that were read, day). Return those that were not marked meanwhile; the others stay due."""
    found = (row for part in parts(sorted(looked)) for row in connection.execute(_LOOKED, {"rows": part}).all())
    same = {row for row, marks in found if marks == looked[row][0]}
    if same:
        connection.execute(_NOTE, [{"row": row, "day": looked[row][1].isoformat()} for row in sorted(same)])
    return same


def _mark(connection: Connection, concerned: Select[Any], given: Mapping[str, int]) -> None:
    """Have the licences that a statement finds, and locks, looked at again."""
    for part in parts(connection.execute(concerned, given).scalars().all()):
        connection.execute(_MARK, {"rows": part})


class DeadlineLooks:
    """The days of all kept licences."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def follow(self) -> bool:
        """Mark what the next stretch of the book concerns; say whether there is more to follow."""
        with self._database.read() as connection:
            seen = counted(connection, CURSOR) or 0
            end = max(connection.execute(select(func.max(table.c.place))).scalar_one() or 0 for table in (entries, foundations))
            until = min(end, seen + STRETCH)
            law = connection.execute(_LAW_END, {"until": until}).scalar_one() or 0
            swept = counted(connection, LAW) or 0
        if until > seen:
            with self._database.write() as connection:
                _mark(connection, _TOUCHED, {"seen": seen, "until": until})
                raise_to(connection, CURSOR, until)
        if law > swept:
            self._sweep(law)
        return until < end or law > swept

    def _sweep(self, law: int) -> None:
        """Mark a stretch of all licences for a line of the law; whoever is killed in between is followed where it stopped."""
        reached_by = f"{LAW}:{law}"
        with self._database.write() as connection:
            last = connection.execute(select(func.max(looks.c.licence))).scalar_one() or 0
            reached = counted(connection, reached_by) or 0
            _mark(connection, _SWEPT, {"reached": reached, "until": reached + ROWS})
            raise_to(connection, reached_by, reached + ROWS)
            if reached + ROWS >= last:
                raise_to(connection, LAW, law)

    def due(self, today: date, most: int) -> list[Due]:
        """Return licences whose day has come, those that wait longest first."""
        with self._database.read() as connection:
            rows: Sequence[Any] = connection.execute(_DUE, {"today": today.isoformat(), "most": most}).all()
        return [Due(row.licence, row.marks, row.licence_id) for row in rows]

    def any_due(self, today: date) -> bool:
        """Say whether any licence's day has come."""
        with self._database.read() as connection:
            return connection.execute(_ANY_DUE, {"today": today.isoformat()}).first() is not None

    def count_due(self, day: date) -> int:
        """Count the licences that are looked at by a day."""
        with self._database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(looks).where(looks.c.next_on <= day.isoformat())).scalar_one())
