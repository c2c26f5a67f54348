"""What waits for a person: conflicts with both values, late facts, sources that were silent, signals about an underlying right.

Working state, not the book: a task is opened and closed, and what a clerk decides becomes an act of its own.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select, update

from licence_service.errors import NotInRegister
from licence_service.store.counting import hold
from licence_service.store.database import Database
from licence_service.store.payload import Vault
from licence_service.store.tables import licences, tasks

_WRITERS = "tasks"  # the row where those who open tasks wait for each other: of two with the same content, the second finds the first


@dataclass(frozen=True, slots=True)
class Task:
    """One task; `content` is for the clerk alone and lies encrypted."""

    task_id: str
    department: str
    licence_id: str | None
    kind: str
    opened_at: datetime
    state: str
    content: Mapping[str, Any] = field(repr=False)


class Tasks:
    """The open and closed tasks of all departments."""

    def __init__(self, database: Database, vault: Vault, now: Callable[[], datetime]) -> None:
        """Take the database, the vault for contents, and the clock."""
        self._database = database
        self._vault = vault
        self._now = now

    def open(
        self, department: str, kind: str, licence_id: str | None, content: Mapping[str, Any], *, once: bool = False, slug: str | None = None,
        office: str | None = None,
    ) -> str:  # fmt: skip
        """Open a task and return its id; the same content about the same licence, still open, is the same task.

        `once`: also where it was closed already. `slug` and `office`: the certificate type of a task about no licence, and the sub-office
        whose case it is.
        """
        blind = self._vault.blind(f"task:{department}:{kind}:{licence_id}", repr(sorted(content.items())))[:26]
        with self._database.write() as connection:
            hold(connection, _WRITERS)
            same = (tasks.c.task_id == blind) & (tasks.c.state == "open")
            if connection.execute(select(tasks.c.id).where(same)).first():
                return blind
            if once and connection.execute(select(tasks.c.id).where(tasks.c.task_id == blind)).first():
                return blind
            taken = connection.execute(select(tasks.c.id).where(tasks.c.task_id == blind)).first()
            task_id = secrets.token_hex(13) if taken else blind
            row = select(licences.c.id).where(licences.c.licence_id == licence_id)
            licence = connection.execute(row).scalar_one_or_none() if licence_id else None
            sealed = self._vault.close_json(content, f"task:{task_id}")
            values = {"task_id": task_id, "department": department, "licence": licence, "kind": kind, "opened_at": self._now(), "state": "open"}
            connection.execute(insert(tasks).values(**values, content=sealed, type=slug, office=office))
        return task_id

    def of(
        self, department: str, *, licence_id: str | None = None, types: Sequence[str] | None = None, offices: Sequence[str] | None = None,
        after: int = 0, limit: int = 100,
    ) -> list[tuple[int, Task]]:  # fmt: skip
        """Return a department's open tasks, oldest first, each with the number to go on after.

        `types`: only those of these certificate types; a task whose type nobody said is of none of them. `offices`: only those about licences
        that one of these sub-offices issued, or about no licence and a case of one of them.
        """
        wanted = (tasks.c.department == department) & (tasks.c.state == "open") & (tasks.c.id > after)
        found = select(tasks, licences.c.licence_id.label("about")).join(licences, licences.c.id == tasks.c.licence, isouter=True).where(wanted)
        if licence_id:
            found = found.where(licences.c.licence_id == licence_id)
        if types is not None:
            found = found.where(_is_of(types))
        if offices is not None:
            found = found.where(_is_in(offices))
        with self._database.read() as connection:
            rows = connection.execute(found.order_by(tasks.c.id).limit(limit)).all()
        return [
            (row.id, Task(row.task_id, row.department, row.about, row.kind, row.opened_at, row.state, self._open(row.task_id, row.content)))
            for row in rows
        ]

    def number(self, department: str, offices: Sequence[str] | None = None) -> int:
        """Return how many open tasks a department has, or these of its sub-offices, as `of`."""
        wanted = select(func.count()).select_from(tasks).where(tasks.c.department == department, tasks.c.state == "open")
        with self._database.read() as connection:
            return int(connection.execute(wanted if offices is None else wanted.where(_is_in(offices))).scalar_one())

    def _open(self, task_id: str, content: bytes) -> dict[str, Any]:
        return self._vault.open_json(content, f"task:{task_id}")

    def close(self, department: str, task_id: str, by: str, types: Sequence[str] | None = None, offices: Sequence[str] | None = None) -> None:
        """Close a task, of one of some certificate types and offices where they are named, as `of`; what was decided is an act in the book, not here."""
        mine = (tasks.c.task_id == task_id) & (tasks.c.department == department) & (tasks.c.state == "open")
        if types is not None:
            mine &= _is_of(types)
        if offices is not None:
            mine &= _is_in(offices)
        with self._database.write() as connection:
            if connection.execute(update(tasks).where(mine).values(state="closed", closed_at=self._now(), closed_by=by)).rowcount != 1:
                raise NotInRegister("no such open task")


def _is_in(offices: Sequence[str]) -> ColumnElement[bool]:
    """Say of tasks that they are of one of these sub-offices: by the licence that they are about, without one by whose case it is."""
    about = tasks.c.licence.in_(select(licences.c.id).where(licences.c.office.in_(offices)))
    return about | (tasks.c.licence.is_(None) & tasks.c.office.in_(offices))


def _is_of(types: Sequence[str]) -> ColumnElement[bool]:
    """Say of tasks that they are of one of these certificate types: by their licence, else by what was said with them."""
    about = select(licences.c.type).where(licences.c.id == tasks.c.licence).correlate(tasks).scalar_subquery()
    return func.coalesce(about, tasks.c.type).in_(types)
