"""The ledger of differences with the repository: every one with its cause and its end. Rows are opened and ended, never taken away (DOMAIN M19)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, insert, literal, select, update

from licence_service.errors import NotInRegister
from licence_service.store.database import Database
from licence_service.store.tables_of_repository import repository_differences as differences
from licence_service.store.tables_of_repository import repository_runs as runs

OPEN, ENDED = "open", "ended"
_IS_OPEN = literal(OPEN, literal_execute=True)  # in the statement itself, or SQLite does not see that its partial index answers


@dataclass(frozen=True, slots=True)
class Run:
    """One reconciliation: what was compared, how far it was looked into, what came of it. `ended_at` is empty where it was broken off."""

    key: int
    began_at: datetime
    ended_at: datetime | None = None
    passes: int = 0
    entries: int = 0
    groups: int = 0
    days: int = 0
    found: int = 0
    ended: int = 0
    open: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """A difference as a comparison finds it; `here` and `there` as they are kept (revision and digest)."""

    licence_id: str
    kind: str
    group: tuple[str, str, str]
    here: Mapping[str, Any] | None
    there: Sequence[Mapping[str, Any]]
    cause: str


@dataclass(frozen=True, slots=True)
class Task:
    """A row of the ledger."""

    key: int
    found: Found
    run: int
    found_at: datetime
    repairs: int
    withdrawn_by: str
    state: str
    ended_at: datetime | None
    ending: str


class Differences:
    """The ledger, and the runs that wrote in it."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def begin(self, now: datetime) -> Run:
        """Begin a run."""
        values = {"began_at": now, "passes": 0, "entries": 0, "groups": 0, "days": 0, "found": 0, "ended": 0, "open": 0}
        with self._database.write() as connection:
            key = connection.execute(insert(runs).values(values).returning(runs.c.id)).scalar_one()
        return Run(key, now)

    def finish(self, run: Run, now: datetime) -> Run:
        """Write down what a run came to."""
        values = {name: getattr(run, name) for name in ("passes", "entries", "groups", "days", "found", "ended", "open")}
        with self._database.write() as connection:
            connection.execute(update(runs).where(runs.c.id == run.key).values(**values, ended_at=now))
        return self.runs(1)[0]

    def runs(self, limit: int) -> list[Run]:
        """Return the newest runs, newest first."""
        with self._database.read() as connection:
            return [Run(**row) for row in connection.execute(_RUNS.limit(limit)).mappings()]

    def last_finished(self) -> datetime | None:
        """Return when the newest run that came to its end began."""
        with self._database.read() as connection:
            return connection.execute(
                select(runs.c.began_at).where(runs.c.ended_at.is_not(None)).order_by(runs.c.id.desc()).limit(1)
            ).scalar_one_or_none()

    def note(self, run: Run, found: Sequence[Found], gone: Mapping[int, str], now: datetime) -> int:
        """Open a row for each difference that is not open already, and end those that are gone, each with its ending; return how many are new.

        What the other side files under several types, organs or days is one difference of a licence, with every copy.
        """
        with self._database.write() as connection:
            for key, ending in gone.items():
                ended = update(differences).where(differences.c.id == key, differences.c.state == _IS_OPEN)
                connection.execute(ended.values(state=ENDED, ended_at=now, ending=ending))
            present = {(row.licence_id, row.kind) for row in connection.execute(_OPEN)}
            new: dict[tuple[str, str], Found] = {}
            for one in found:
                if (name := (one.licence_id, one.kind)) not in present:
                    new[name] = replace(new[name], there=(*new[name].there, *one.there)) if name in new else one
            if new:
                connection.execute(insert(differences), [_row(run, one, now) for one in new.values()])
        return len(new)

    def repaired(self, task: Task) -> None:
        """Count that what a row is about is told anew."""
        self._change(task, {"repairs": differences.c.repairs + 1})

    def withdrawn(self, task: Task, by: str) -> None:
        """Note who had the other side take out what nobody here knows."""
        self._change(task, {"withdrawn_by": by})

    def open(self) -> list[Task]:
        """Return what is open, oldest first."""
        return self._read(differences.c.state == _IS_OPEN, None, differences.c.id)

    def page(self, *, every: bool, limit: int) -> list[Task]:
        """Return the newest rows, newest first: the open ones, or `every` one."""
        return self._read(differences.c.id > 0 if every else differences.c.state == _IS_OPEN, limit, differences.c.id.desc())

    def get(self, key: int) -> Task:
        """Return one row; `NotInRegister` where there is none."""
        found = self._read(differences.c.id == key, 1)
        if not found:
            raise NotInRegister("no such difference")
        return found[0]

    def counts(self) -> dict[str, int]:
        """Return how many rows are open, and how many ended."""
        with self._database.read() as connection:
            rows = connection.execute(select(differences.c.state, func.count()).group_by(differences.c.state))
            found = {state: int(count) for state, count in rows}
        return {state: found.get(state, 0) for state in (OPEN, ENDED)}

    def _change(self, task: Task, values: Mapping[str, Any]) -> None:
        with self._database.write() as connection:
            connection.execute(update(differences).where(differences.c.id == task.key).values(values))

    def _read(self, which: ColumnElement[bool], limit: int | None, *order: Any) -> list[Task]:  # noqa: ANN401 - columns
        with self._database.read() as connection:
            return [_task(row) for row in connection.execute(select(differences).where(which).order_by(*order).limit(limit))]


_OPEN = select(differences.c.licence_id, differences.c.kind).where(differences.c.state == _IS_OPEN)
_RUNS = select(
    runs.c.id.label("key"), runs.c.began_at, runs.c.ended_at, runs.c.passes, runs.c.entries, runs.c.groups, runs.c.days, runs.c.found,
    runs.c.ended, runs.c.open,
).order_by(runs.c.id.desc())  # fmt: skip


def _row(run: Run, one: Found, now: datetime) -> dict[str, Any]:
    kind, department, day = one.group
    return {
        "run": run.key, "licence_id": one.licence_id, "kind": one.kind, "type": kind, "department": department, "day": day,
        "here": json.dumps(one.here), "there": json.dumps(one.there), "cause": one.cause, "found_at": now, "repairs": 0, "withdrawn_by": "",
        "state": OPEN, "ending": "",
    }  # fmt: skip


def _task(row: Any) -> Task:  # noqa: ANN401 - a row
    found = Found(row.licence_id, row.kind, (row.type, row.department, row.day), json.loads(row.here), json.loads(row.there), row.cause)
    return Task(row.id, found, row.run, row.found_at, row.repairs, row.withdrawn_by, row.state, row.ended_at, row.ending)
