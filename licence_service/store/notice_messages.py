"""Messages of notices on their way to host apps: claimed for a while by one sender, and read in order by a cursor."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, update

from licence_service.store.database import Database
from licence_service.store.notices import WAITING
from licence_service.store.tables import clients
from licence_service.store.tables_of_notices import notice_messages as messages

DELIVERED, DEAD = "delivered", "dead"
_WHOLE = select(messages, clients.c.name, clients.c.removed_at).join(clients, clients.c.id == messages.c.host)
_READY = _WHOLE.where(messages.c.state == WAITING, messages.c.next_at <= bindparam("now")).order_by(messages.c.next_at, messages.c.place)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that one sender has claimed until `next_at`; `host` is the name of the app, empty where it was removed."""

    key: int
    message_id: str
    host: str
    content: Mapping[str, Any] = field(repr=False)
    attempts: int
    next_at: datetime


class NoticeMessages:
    """The messages of all host apps."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def claim(self, now: datetime, until: datetime, most: int) -> list[Waiting]:
        """Take messages whose turn has come, until an instant: whoever is killed with them is followed then."""
        with self._database.read() as connection:
            rows = connection.execute(_READY.limit(most), {"now": now}).all()
        if not rows:
            return []
        with self._database.write() as connection:
            taken = [row for row in rows if self._take(connection, row, until)]
        return [
            Waiting(row.id, row.message_id, "" if row.removed_at else row.name, json.loads(row.content), row.attempts, until) for row in taken
        ]  # fmt: skip

    @staticmethod
    def _take(connection: Any, row: Any, until: datetime) -> bool:  # noqa: ANN401 - a connection, a row
        mine = (messages.c.id == row.id) & (messages.c.state == WAITING) & (messages.c.next_at == row.next_at)
        return bool(connection.execute(update(messages).where(mine).values(next_at=until)).rowcount == 1)

    def settle(self, one: Waiting, state: str, attempts: int, next_at: datetime | None, reason: str) -> None:
        """Write down what came of an attempt, if the claim still holds."""
        mine = (messages.c.id == one.key) & (messages.c.state == WAITING) & (messages.c.next_at == one.next_at)
        values = {"state": state, "attempts": attempts, "next_at": next_at, "reason": reason or None}
        with self._database.write() as connection:
            connection.execute(update(messages).where(mine).values(values))

    def of(self, host: str, after: int, limit: int) -> tuple[Sequence[Mapping[str, Any]], int]:
        """Return the next messages of a host app beyond a place, and the place that was reached.

        Places are given in the order of commits, so that nothing comes in between later.
        """
        mine = select(messages.c.place, messages.c.content).join(clients, clients.c.id == messages.c.host)
        wanted = mine.where(clients.c.name == host, clients.c.removed_at.is_(None), messages.c.place > after).order_by(messages.c.place).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(wanted).all()
        return [json.loads(row.content) for row in rows], rows[-1].place if rows else after

    def counts(self) -> Mapping[str, int]:
        """Return how many messages are in each state."""
        with self._database.read() as connection:
            return {state: int(number) for state, number in connection.execute(select(messages.c.state, func.count()).group_by(messages.c.state))}
