"""Requests to lend, each under a key of who asks: written down before a seal is used, so that a retry comes to the same lending (DOMAIN SH-12, AI-01).

Nothing of what is lent lies here: who asks again says it again. The code of a lending follows from its key under a secret of the register, so that
the same request is answered with the same code, and none is kept. What is written here counts against the ceilings of its holder.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from sqlalchemy import Connection, insert, select, update

from licence_service.errors import KeyReused, TransitionRefused, Unavailable
from licence_service.identifiers import delivery_code_under
from licence_service.store.database import Database
from licence_service.store.hourly import AN_HOUR, must_be_below
from licence_service.store.lendings import new_lending_id
from licence_service.store.payload import Vault
from licence_service.store.tables_of_holders import holders
from licence_service.store.tables_of_lending import lending_requests as requests

MOST_AN_HOUR = 30  # lendings of one holder
MOST_COPIES_AN_HOUR = 20  # attempts at a copy: each is drawn, and costs a use of a seal
MOST_ATTEMPTS = 5  # at the copy of one request
LEASE = timedelta(minutes=1)  # for which one that asks again leaves a copy to who is making it


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks to lend, under which key, and for what: the text of the whole request."""

    holder_id: str
    by: str
    host: str | None
    key: str = field(repr=False)
    content: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Begun:
    """A lending that is meant: its id, its code, and when it was first asked for; all that is random or timed of it."""

    lending_id: str
    code: str = field(repr=False)
    made_at: datetime


@dataclass(frozen=True, slots=True)
class LendingRequests:
    """The list of requests."""

    database: Database
    vault: Vault = field(repr=False)

    def find(self, asked: Asked) -> Begun | None:
        """Return what was begun under this key, or None; `KeyReused` where the key came with another content."""
        with self.database.read() as connection:
            row = self._row(connection, asked)
        return self._begun(asked, row) if row else None

    def begin(self, asked: Asked, now: datetime, *, copy: bool) -> Begun:
        """Write a request down, or take up one that was not finished, and count an attempt where a copy is to be made.

        `CeilingReached` where the holder has lent, or had copies made, as often in the last hour as anybody may; `Unavailable` while somebody else
        makes the copy; `TransitionRefused` for one that was tried too often, or was begun too long ago to be sealed under its time.
        """
        with self.database.write() as connection:
            mine = holders.c.holder_id == asked.holder_id
            connection.execute(select(holders.c.id).where(mine).with_for_update())  # one at a time: the ceilings are exact
            row, theirs = self._row(connection, asked), requests.c.holder == asked.holder_id
            if copy:
                must_be_below(connection, requests.c.made_at, theirs, MOST_COPIES_AN_HOUR, "annotated copies", now, counted=requests.c.copies)
            if row is None:
                must_be_below(connection, requests.c.made_at, theirs, MOST_AN_HOUR, "lendings", now)
                values = {
                    "key_digest": self._key(asked), "request_digest": self._digest(asked), "lending_id": new_lending_id(), "holder": asked.holder_id,
                    "copies": int(copy), "taken_until": now + LEASE if copy else now, "made_at": now,
                }  # fmt: skip
                connection.execute(insert(requests).values(values))
                return Begun(str(values["lending_id"]), self._code(asked), now)
            begun = self._begun(asked, row)
            if copy:
                _may_go_on(row, now)
                again = {"copies": row.copies + 1, "taken_until": now + LEASE}
                connection.execute(update(requests).where(requests.c.id == row.id).values(again))
            return begun

    def let_go(self, begun: Begun, now: datetime) -> None:
        """Let who asks again go on at once."""
        with self.database.write() as connection:
            connection.execute(update(requests).where(requests.c.lending_id == begun.lending_id).values(taken_until=now))

    # -- inside ----------------------------------------------------------------------------------------

    def _row(self, connection: Connection, asked: Asked) -> Any:  # noqa: ANN401 - a row
        return connection.execute(select(requests).where(requests.c.key_digest == self._key(asked))).first()

    def _begun(self, asked: Asked, row: Any) -> Begun:  # noqa: ANN401 - a row
        if row.request_digest != self._digest(asked):
            raise KeyReused
        return Begun(row.lending_id, self._code(asked), row.made_at)

    def _key(self, asked: Asked) -> str:
        return self.vault.blind("lending-key", _whose(asked))

    def _digest(self, asked: Asked) -> str:
        return self.vault.blind("lending-request", asked.content)

    def _code(self, asked: Asked) -> str:
        return delivery_code_under(self.vault.blind("lending-code", _whose(asked)))


def _whose(asked: Asked) -> str:
    return "\0".join((asked.holder_id, asked.by, asked.host or "", asked.key))


def _may_go_on(row: Any, now: datetime) -> None:  # noqa: ANN401 - a row
    if row.taken_until > now:
        raise Unavailable("this copy is being made", retry_after=max(1, ceil((row.taken_until - now).total_seconds())))
    if row.copies >= MOST_ATTEMPTS or row.made_at <= now - AN_HOUR:
        raise TransitionRefused("this copy was tried too often, or begun too long ago: lend under another key", facts={"rule": "SH-12"})
