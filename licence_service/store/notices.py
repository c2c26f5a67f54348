"""The book of notices: every deadline that a holder is told of, once (DOMAIN M18).

A notice's id follows from holder, licence and deadline, blinded, so that the same one cannot be written twice. It waits until it may be sent,
and is sent or withdrawn; what was withdrawn, and never sent, may wait again. Messages, in which host apps have notices, are made in the very
transaction that settles these: whoever is killed leaves both or neither.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from licence_service.store.cards import Scope
from licence_service.store.counting import NOTICES, count_up, hold
from licence_service.store.database import Database
from licence_service.store.deadline_looks import note
from licence_service.store.parting import parts
from licence_service.store.payload import Vault
from licence_service.store.tables import clients, licences
from licence_service.store.tables_of_holders import cards, holders
from licence_service.store.tables_of_notices import notice_messages, notices

WAITING, SENT, WITHDRAWN = "waiting", "sent", "withdrawn"
KEPT = "kept"  # a message that nobody is to be sent
_IDS = 26  # characters of a blinded id
_WRITERS = "notices"  # the row where those who send wait for each other
_KEEPERS = (
    select(
        cards.c.licence, cards.c.held_by, cards.c.claimed_at, cards.c.how, cards.c.holder, holders.c.holder_id, holders.c.kind, cards.c.host,
        clients.c.name.label("host_name"),
    )
    .join(holders, holders.c.id == cards.c.holder)
    .join(clients, clients.c.id == cards.c.host, isouter=True)
    .where(cards.c.licence.in_(bindparam("rows", expanding=True)), cards.c.released_at.is_(None))
)  # fmt: skip
_NOTICES = (
    select(notices, holders.c.holder_id, holders.c.kind, licences.c.licence_id, licences.c.type)
    .join(holders, holders.c.id == notices.c.holder)
    .join(licences, licences.c.id == notices.c.licence)
)
_READY = _NOTICES.where(notices.c.state == WAITING, notices.c.send_from <= bindparam("now"))
_STILL = select(notices.c.id).where(notices.c.id.in_(bindparam("keys", expanding=True)), notices.c.state == WAITING)


@dataclass(frozen=True, slots=True)
class Keeper:
    """Who keeps a licence as a card: row and id of the holder, person or company, the host app's row."""

    holder: int
    holder_id: str
    kind: str
    held_by: str
    claimed_at: datetime
    how: str
    host: int | None


@dataclass(frozen=True, slots=True)
class Told:
    """A deadline that a holder is to be told of: holder and licence by row and id, the deadline's identity, and what is kept of it."""

    notice_id: str
    holder: int
    licence: int
    content: Mapping[str, str] = field(repr=False)
    send_from: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice as it stands. `content` has the duty, what it is about, and the day."""

    key: int
    notice_id: str
    holder: int
    holder_id: str
    kind: str
    licence: int
    licence_id: str
    type: str
    state: str
    settled_at: datetime | None
    content: Mapping[str, str] = field(repr=False)

    @property
    def identity(self) -> str:
        """Return the identity of the deadline."""
        return f"{self.content['duty']}|{self.content['about']}|{self.content['day']}"


@dataclass(frozen=True, slots=True)
class Message:
    """What a host app is told at once: of one notice, or of a company's day; `notices` are the keys of those that it tells of."""

    message_id: str
    holder: int
    host: int | None
    digest: bool
    content: Mapping[str, Any]
    notices: tuple[int, ...]


class KeptNotices:
    """The notices of all holders."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database, and the vault that blinds ids and encrypts deadlines."""
        self._database = database
        self._vault = vault

    def notice_id(self, holder_id: str, licence_id: str, identity: str) -> str:
        """Return the id of the one notice by which a holder is told of a deadline."""
        return self._vault.blind("notice", f"{holder_id}|{licence_id}|{identity}")[:_IDS]

    def digest_id(self, holder_id: str, host: int | None, day: date) -> str:
        """Return the id of the one message by which a host app is told of a company's day."""
        return self._vault.blind("digest", f"{holder_id}|{host or 0}|{day.isoformat()}")[:_IDS]

    def keepers(self, rows: Sequence[int]) -> Mapping[int, list[Keeper]]:
        """Return who keeps each of some licences now, by the licence's row."""
        found: dict[int, list[Keeper]] = {}
        with self._database.read() as connection:
            for part in parts(rows):
                for row in connection.execute(_KEEPERS.order_by(cards.c.id), {"rows": part}):
                    keeper = Keeper(row.holder, row.holder_id, row.kind, row.held_by, row.claimed_at, row.how, row.host)
                    found.setdefault(row.licence, []).append(keeper)
        return found

    def write(self, looked: Mapping[int, tuple[int, date]], told: Sequence[Told], now: datetime) -> int:
        """Write down looks (see `deadline_looks.note`) together with the notices that they led to; return how many wait newly.

        Of a licence that was marked meanwhile nothing is written: it is looked at again.
        """
        with self._database.write() as connection:
            same = note(connection, looked)
            wanted = {one.notice_id: one for one in told if one.licence in same}
            states: dict[str, str] = {}
            for part in parts(sorted(wanted)):
                found = select(notices.c.notice_id, notices.c.state).where(notices.c.notice_id.in_(part))
                states.update((row.notice_id, row.state) for row in connection.execute(found))
            new = [self._row(one, now) for notice_id, one in wanted.items() if notice_id not in states]
            again = [
                {"again": notice_id, "from": wanted[notice_id].send_from, "at": now} for notice_id, state in states.items() if state == WITHDRAWN
            ]
            if new:
                connection.execute(insert(notices), new)
            if again:
                taken_back = (notices.c.notice_id == bindparam("again")) & (notices.c.state == WITHDRAWN)
                values: dict[str, Any] = {"state": WAITING, "send_from": bindparam("from"), "found_at": bindparam("at"), "settled_at": None}
                connection.execute(update(notices).where(taken_back).values(values), again)
        return len(new) + len(again)

    def _row(self, one: Told, now: datetime) -> dict[str, Any]:
        return {
            "notice_id": one.notice_id, "holder": one.holder, "licence": one.licence, "state": WAITING, "found_at": now, "send_from": one.send_from,
            "sealed": self._vault.close_json(one.content, f"notice:{one.notice_id}"),
        }  # fmt: skip

    # -- sending ---------------------------------------------------------------------------------------

    def ready(self, kind: str, now: datetime, most: int) -> list[Notice]:
        """Return notices to holders of a kind that may be sent now, the oldest first."""
        wanted = _READY.where(holders.c.kind == kind).order_by(notices.c.send_from, notices.c.id).limit(most)
        return self._read(wanted, {"now": now})

    def ready_of(self, holder: int, now: datetime) -> list[Notice]:
        """Return all notices to one holder that may be sent now."""
        return self._read(_READY.where(notices.c.holder == holder).order_by(notices.c.id), {"now": now})

    def settle(self, messages: Iterable[Message], withdrawn: Sequence[int], now: datetime, later: datetime) -> int:
        """Withdraw notices and send others, each with its message; return how many were sent.

        Of a company's day whose message is made already, what came since waits until `later`. What somebody else settled meanwhile stays as it is.
        """
        messages, sent = list(messages), 0
        with self._database.write() as connection:
            hold(connection, _WRITERS)
            keys = [*withdrawn, *(key for one in messages for key in one.notices)]
            still = {key for part in parts(keys) for key in connection.execute(_STILL, {"keys": part}).scalars()}
            _set(connection, [key for key in withdrawn if key in still], {"state": WITHDRAWN, "settled_at": now})
            made = self._made(connection, messages)
            for one in messages:
                if one.message_id in made:
                    _set(connection, [key for key in one.notices if key in still], {"send_from": later})
                elif still.issuperset(one.notices):
                    message = self._add(connection, one, now)
                    _set(connection, one.notices, {"state": SENT, "settled_at": now, "message": message})
                    sent += len(one.notices)
        return sent

    @staticmethod
    def _made(connection: Connection, messages: Sequence[Message]) -> set[str]:
        ids = [one.message_id for one in messages if one.digest]
        made = (select(notice_messages.c.message_id).where(notice_messages.c.message_id.in_(part)) for part in parts(ids))
        return {str(found) for one in made for found in connection.execute(one).scalars()}

    @staticmethod
    def _add(connection: Connection, one: Message, now: datetime) -> int:
        row = {
            "message_id": one.message_id, "place": count_up(connection, NOTICES), "holder": one.holder, "host": one.host, "made_at": now,
            "content": json.dumps(one.content, ensure_ascii=False), "digest": one.digest, "state": WAITING if one.host else KEPT, "attempts": 0,
            "next_at": now if one.host else None,
        }  # fmt: skip
        made = connection.execute(insert(notice_messages).values(row)).inserted_primary_key
        return int(made[0]) if made else 0

    # -- reading ---------------------------------------------------------------------------------------

    def of(self, scope: Scope, before: int | None, limit: int) -> list[Notice]:
        """Return what a holder was told of licences that are cards of this scope now, the newest first, older than a key where it is named."""
        kept = (cards.c.holder == notices.c.holder) & (cards.c.licence == notices.c.licence) & cards.c.released_at.is_(None)
        mine = _NOTICES.join(cards, kept).where(holders.c.holder_id == scope.holder_id, notices.c.state == SENT, *scope.within())
        if before is not None:
            mine = mine.where(notices.c.id < before)
        return self._read(mine.order_by(notices.c.id.desc()).limit(limit), {})

    def counts(self) -> Mapping[str, int]:
        """Return how many notices are in each state."""
        with self._database.read() as connection:
            return {state: int(number) for state, number in connection.execute(select(notices.c.state, func.count()).group_by(notices.c.state))}

    def sent_to(self, holder: int) -> list[Notice]:
        """Return everything that one holder, by row, was ever told, in the order in which it was found."""
        return self._read(_NOTICES.where(notices.c.holder == holder, notices.c.state == SENT).order_by(notices.c.id), {})

    def _read(self, wanted: Any, given: Mapping[str, Any]) -> list[Notice]:  # noqa: ANN401 - a statement
        with self._database.read() as connection:
            rows = connection.execute(wanted, given).all()
        return [self._notice(row) for row in rows]

    def _notice(self, row: Row[Any]) -> Notice:
        content = self._vault.open_json(row.sealed, f"notice:{row.notice_id}")
        return Notice(
            row.id, row.notice_id, row.holder, row.holder_id, row.kind, row.licence, row.licence_id, row.type, row.state, row.settled_at, content
        )  # fmt: skip


def _set(connection: Connection, keys: Sequence[int], values: Mapping[str, Any]) -> None:
    for part in parts(keys):
        connection.execute(update(notices).where(notices.c.id.in_(part), notices.c.state == WAITING).values(values))
