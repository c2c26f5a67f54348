"""What people of the desk looked at and printed: one line each, only ever added to (DOMAIN AU-06); copies have running numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, insert, select

from licence_service.store.arrivals import arrived, printed, tell
from licence_service.store.counting import hold
from licence_service.store.database import Database
from licence_service.store.payload import Vault
from licence_service.store.people import Person
from licence_service.store.tables_of_people import desk_log

COPY, OPENED = "copy", "opened"
OF_A_LICENCE = (OPENED, "history", "document", COPY)  # what is done with a licence, as its holder reads it


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

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database, and the vault that blinds ids."""
        self._database, self._vault = database, vault

    def write(self, person: Person, done: str, subject: str, now: datetime) -> None:
        """Add a line; `subject` is an id, never a personal value."""
        with self._database.write() as connection:
            connection.execute(insert(desk_log).values(_row(person, done, subject, now)))

    def looked(self, person: Person, licence_id: str, since: datetime) -> bool:
        """Say whether a person did anything with a licence since an instant that its holder reads of."""
        mine = (desk_log.c.subject == licence_id) & (desk_log.c.person_id == person.person_id) & desk_log.c.done.in_(OF_A_LICENCE)
        with self._database.read() as connection:
            return bool(connection.execute(select(exists().where(mine, desk_log.c.at >= since))).scalar_one())

    def copy(self, person: Person, licence_id: str, now: datetime) -> int:
        """Return the number of a copy that is about to be printed: one more than the last of this licence, written down before it is handed out."""
        with self._database.write() as connection:
            hold(connection, "desk_copies")
            last = connection.execute(select(func.max(desk_log.c.copy_no)).where(desk_log.c.subject == licence_id)).scalar_one_or_none() or 0
            connection.execute(insert(desk_log).values(**_row(person, COPY, licence_id, now), copy_no=last + 1))
            tell(connection, self._vault, [printed(licence_id, last + 1), arrived(licence_id, "copy")], now)
        return int(last) + 1

    def newest(
        self, department: str, *, offices: Sequence[str] | None = None, subject: str | None = None, copies: bool = False, before: int | None = None,
        limit: int = 100,
    ) -> list[Line]:  # fmt: skip
        """Return the newest lines of a department: of people of these `offices`, of one subject, of `copies` alone, where that is said."""
        wanted = select(desk_log).where(desk_log.c.department == department).order_by(desk_log.c.id.desc()).limit(limit)
        if offices is not None:
            wanted = wanted.where(desk_log.c.office.in_(offices))
        if subject:
            wanted = wanted.where(desk_log.c.subject == subject)
        if copies:
            wanted = wanted.where(desk_log.c.copy_no.is_not(None))
        if before:
            wanted = wanted.where(desk_log.c.id < before)
        with self._database.read() as connection:
            return [Line(row.id, row.at, row.person_id, row.done, row.subject, row.copy_no) for row in connection.execute(wanted)]

    def opened_last(self, person_id: str, most: int) -> list[str]:
        """Return the subjects that a person opened last, each once, newest first; one line is read for each."""
        found: list[str] = []
        with self._database.read() as connection:
            while len(found) < most:
                mine = (desk_log.c.person_id == person_id) & (desk_log.c.done == OPENED) & desk_log.c.subject.not_in(found)
                subject = connection.execute(select(desk_log.c.subject).where(mine).order_by(desk_log.c.id.desc()).limit(1)).scalar_one_or_none()
                if subject is None:
                    break
                found.append(subject)
        return found


def _row(person: Person, done: str, subject: str, now: datetime) -> dict[str, Any]:
    return {
        "at": now, "person_id": person.person_id, "department": person.department, "office": person.office, "done": done, "subject": subject,
    }  # fmt: skip
