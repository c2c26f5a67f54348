"""What people of the desk looked at and printed: one line each, only ever added to (DOMAIN AU-06); copies have running numbers."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select

from licence_service.store.counting import hold
from licence_service.store.database import Database
from licence_service.store.people import Person
from licence_service.store.tables_of_people import desk_log

COPY = "copy"


@dataclass(frozen=True, slots=True)
class Line:
    """One line: when, who, what was done with what; of a copy, its number. `place` is what an older page goes on before."""

    place: int
    at: datetime
    person_id: str
    done: str
    subject: str
    copy_no: int | None


class DeskLog:
    """The log."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def write(self, person: Person, done: str, subject: str, now: datetime) -> None:
        """Add a line; `subject` is an id, never a personal value."""
        row = {"at": now, "person_id": person.person_id, "department": person.department, "done": done, "subject": subject}
        with self._database.write() as connection:
            connection.execute(insert(desk_log).values(row))

    def copy(self, person: Person, licence_id: str, now: datetime) -> int:
        """Return the number of a copy that is about to be printed: one more than the last of this licence, written down before it is handed out."""
        row = {"at": now, "person_id": person.person_id, "department": person.department, "done": COPY, "subject": licence_id}
        with self._database.write() as connection:
            hold(connection, "desk_copies")
            last = connection.execute(select(func.max(desk_log.c.copy_no)).where(desk_log.c.subject == licence_id)).scalar_one_or_none() or 0
            connection.execute(insert(desk_log).values(**row, copy_no=last + 1))
        return int(last) + 1

    def newest(self, department: str, *, subject: str | None = None, before: int | None = None, limit: int = 100) -> list[Line]:
        """Return the newest lines of a department, of one subject where it is named."""
        wanted = select(desk_log).where(desk_log.c.department == department).order_by(desk_log.c.id.desc()).limit(limit)
        if subject:
            wanted = wanted.where(desk_log.c.subject == subject)
        if before:
            wanted = wanted.where(desk_log.c.id < before)
        with self._database.read() as connection:
            return [Line(row.id, row.at, row.person_id, row.done, row.subject, row.copy_no) for row in connection.execute(wanted)]
