"""Messages on their way to clients that are no entries of the book: claimed for a while by one sender, and read in order by a cursor."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Table, func, select, update

from licence_service.store.database import Database
from licence_service.store.tables import clients
from licence_service.store.tables_of_arrivals import arrivals
from licence_service.store.tables_of_notices import notice_messages
from licence_service.store.webhooks import IS_WAITING, WAITING

DELIVERED, DEAD = "delivered", "dead"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that one sender has claimed until `next_at`; `client` is the name of who is to have it, empty where it was removed."""

    key: int
    message_id: str
    client: str
    content: Mapping[str, Any] = field(repr=False)
    attempts: int
    next_at: datetime


class Messages:
    """The messages of one table to all clients."""

    def __init__(self, database: Database, table: Table, to: Column[int]) -> None:
        """Take the database, the table, and its column that says to whom a message goes."""
        self._database, self._table, self._to = database, table, to

    def claim(self, now: datetime, until: datetime, most: int) -> list[Waiting]:
        """Take messages whose turn has come, until an instant: whoever is killed with them is followed then."""
        messages = self._table
        whole = select(messages, clients.c.name, clients.c.removed_at).join(clients, clients.c.id == self._to)
        ready = whole.where(messages.c.state == IS_WAITING, messages.c.next_at <= now).order_by(messages.c.next_at, messages.c.place)
        with self._database.read() as connection:
            rows = connection.execute(ready.limit(most)).all()
        if not rows:
            return []
        with self._database.write() as connection:
            taken = [row for row in rows if self._take(connection, row, until)]
        return [
            Waiting(row.id, row.message_id, "" if row.removed_at else row.name, json.loads(row.content), row.attempts, until) for row in taken
        ]  # fmt: skip

    def _take(self, connection: Any, row: Any, until: datetime) -> bool:  # noqa: ANN401 - a connection, a row
        messages = self._table
        mine = (messages.c.id == row.id) & (messages.c.state == WAITING) & (messages.c.next_at == row.next_at)
        return bool(connection.execute(update(messages).where(mine).values(next_at=until)).rowcount == 1)

    def settle(self, one: Waiting, state: str, attempts: int, next_at: datetime | None, reason: str) -> None:
        """Write down what came of an attempt, if the claim still holds."""
        messages = self._table
        mine = (messages.c.id == one.key) & (messages.c.state == WAITING) & (messages.c.next_at == one.next_at)
        values = {"state": state, "attempts": attempts, "next_at": next_at, "reason": reason or None}
        with self._database.write() as connection:
            connection.execute(update(messages).where(mine).values(values))

    def of(self, client: str, after: int, limit: int) -> tuple[Sequence[Mapping[str, Any]], int]:
        """Return the next messages to a client beyond a place, and the place that was reached.

        Places are given in the order of commits, so that nothing comes in between later.
        """
        messages = self._table
        mine = select(messages.c.place, messages.c.content).join(clients, clients.c.id == self._to)
        wanted = (
            mine.where(clients.c.name == client, clients.c.removed_at.is_(None), messages.c.place > after).order_by(messages.c.place).limit(limit)
        )
        with self._database.read() as connection:
            rows = connection.execute(wanted).all()
        return [json.loads(row.content) for row in rows], rows[-1].place if rows else after

    def counts(self) -> Mapping[str, int]:
        """Return how many messages are in each state."""
        asked = select(self._table.c.state, func.count()).group_by(self._table.c.state)
        with self._database.read() as connection:
            return {state: int(number) for state, number in connection.execute(asked)}


def messages_of_notices(database: Database) -> Messages:
    """Return the messages in which host apps have notices of deadlines."""
    return Messages(database, notice_messages, notice_messages.c.host)


def messages_of_arrivals(database: Database) -> Messages:
    """Return the messages in which systems of departments have what reached holders."""
    return Messages(database, arrivals, arrivals.c.client)
