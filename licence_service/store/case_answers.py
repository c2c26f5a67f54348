"""What was answered to a request of which nothing came: refused, left to a clerk, waiting. Why, in codes; no value is kept (DOMAIN §2e)."""

import logging
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from licence_service.store.cases import case_text
from licence_service.store.clients import READ, Client
from licence_service.store.counting import hold
from licence_service.store.database import Database
from licence_service.store.parting import parts
from licence_service.store.payload import Vault
from licence_service.store.tables import tasks
from licence_service.store.tables_of_cases import case_answers as answers

MOST = 100  # answers of one case that are told, the newest
MOST_NOTED = 10_000  # answers to one client in an hour, by one process: no ceiling counts what is refused, and rows stay
_WRITERS = "case_answers"  # the row where those who note wait for each other: of two with the same answer, the second finds the first
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refused:
    """One answer as it is noted: to whom, of which case, and `use`, by which its licence would be known (AI-01). The problem's is the first of its codes."""

    client: Client
    case_no: str
    use: str
    type: str
    act: str
    codes: tuple[str, ...]
    task_id: str | None = None  # that it left to a clerk


@dataclass(frozen=True, slots=True)
class CaseAnswer:
    """One answer as it is read. `case_key` is the blinded `use`, as reservations have it; `organisation` the office that asked, or the department.

    `open`: the task that it left to a clerk is not closed.
    """

    case_key: str
    organisation: str
    type: str
    act: str
    at: datetime
    codes: tuple[str, ...]
    open: bool


class CaseAnswers:
    """The answers of all departments."""

    def __init__(self, database: Database, vault: Vault, *, most: int = MOST_NOTED) -> None:
        """Take the database, the vault for blinds and codes, and how many answers to one client are noted in an hour."""
        self._database, self._vault, self._most = database, vault, most
        self._hour: datetime | None = None
        self._counts, self._counting = Counter[str](), threading.Lock()

    def note(self, refused: Sequence[Refused], now: datetime) -> None:
        """Note answers to one client in one transaction; one that says what the last one of its case said is noted once.

        Of a client that was refused too often in this hour no more is noted; it is answered as ever.
        """
        self._keep([(self._vault.blind("case", one.use), one) for one in refused], now)

    def note_on(self, client: Client, case_no: str, found: Sequence[CaseAnswer], codes: tuple[str, ...], task_id: str, now: datetime) -> None:
        """Note that issues of a case, known by what they were answered before, were left to a clerk."""
        self._keep([(one.case_key, Refused(client, case_no, "", one.type, one.act, codes, task_id)) for one in found], now)

    def _keep(self, named: Sequence[tuple[str, Refused]], now: datetime) -> None:
        fresh: dict[str, dict[str, object]] = {}
        with self._database.read() as connection:
            last = self._last(connection, [key for key, _ in named])
        for key, one in named:
            if last.get(key) == (one.codes, one.task_id):
                continue
            fresh[key] = {
                "case_no": self._vault.blind("case_no", case_text(one.client.department, one.case_no)), "case_key": key,
                "department": one.client.department, "office": one.client.office, "type": one.type, "act": one.act, "at": now,
                "codes": self._vault.close_json({"codes": list(one.codes)}, _row(key)), "task_id": one.task_id,
            }  # fmt: skip
        if fresh and (rows := list(fresh.values())[: self._room(named[0][1].client.name, len(fresh), now)]):
            with self._database.write() as connection:
                hold(connection, _WRITERS)
                last, said = self._last(connection, list(fresh)), {key: (one.codes, one.task_id) for key, one in named}
                if rows := [row for row in rows if last.get(str(row["case_key"])) != said[str(row["case_key"])]]:  # the same came meanwhile
                    connection.execute(insert(answers), rows)

    def _room(self, client: str, wanted: int, now: datetime) -> int:
        """Return how many of the wanted rows may still be written in this hour for a client, and count them."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        with self._counting:
            if hour != self._hour:
                self._hour, self._counts = hour, Counter()
            left = min(wanted, max(0, self._most - self._counts[client]))
            self._counts[client] += left
        if left < wanted:
            _LOG.warning("a client was refused too often in an hour: not all of it is noted on its cases")
        return left

    def of(self, client: Client, case_no: str) -> list[CaseAnswer]:
        """Return what a client's department, or its office, was answered under a case number, of the types that it reads: the newest `MOST`, oldest first."""
        blind = self._vault.blind("case_no", case_text(client.department, case_no))
        mine = (answers.c.case_no == blind) & (answers.c.department == client.department)
        still = select(tasks.c.state).where(tasks.c.task_id == answers.c.task_id).scalar_subquery()
        asked = select(answers, still.label("task")).where(mine).order_by(answers.c.id.desc()).limit(MOST)
        if client.offices is not None:
            asked = asked.where(answers.c.office.in_(client.offices))
        with self._database.read() as connection:
            rows = connection.execute(asked).all()
        return [
            CaseAnswer(
                row.case_key, row.office or row.department, row.type, row.act, row.at, self._opened(row.case_key, row.codes), open=row.task == "open"
            )
            for row in reversed(rows)
            if client.may(READ, row.type)
        ]

    def _last(self, connection: Connection, keys: Sequence[str]) -> dict[str, tuple[tuple[str, ...], str | None]]:
        found: dict[str, tuple[tuple[str, ...], str | None]] = {}
        for part in parts(sorted(set(keys))):
            newest = select(func.max(answers.c.id)).where(answers.c.case_key.in_(part)).group_by(answers.c.case_key)
            rows = connection.execute(select(answers.c.case_key, answers.c.codes, answers.c.task_id).where(answers.c.id.in_(newest))).all()
            found |= {row.case_key: (self._opened(row.case_key, row.codes), row.task_id) for row in rows}
        return found

    def _opened(self, key: str, codes: bytes) -> tuple[str, ...]:
        return tuple(self._vault.open_json(codes, _row(key))["codes"])


def _row(key: str) -> str:
    return f"case_answers/{key}"
