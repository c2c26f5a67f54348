"""What is on its way to each webhook: one row an event and endpoint, with the log of its attempts.

Per endpoint and licence the events go one after the other: only the first that waits has its turn. One that was given up (`dead`) lets the
next go on, and can be sent again.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, insert, select, update

from licence_service.errors import NotInRegister
from licence_service.events import event_id
from licence_service.store.database import Database
from licence_service.store.events import KnownLine
from licence_service.store.sweeping import sweep
from licence_service.store.tables import entries, licences
from licence_service.store.tables_of_webhooks import webhook_deliveries as deliveries
from licence_service.store.tables_of_webhooks import webhooks
from licence_service.store.webhooks import IS_WAITING, WAITING, Webhook

DELIVERED, DEAD = "delivered", "dead"
STATES = (WAITING, DELIVERED, DEAD)
KEPT_ATTEMPTS = 20  # of one delivery, in its log
_earlier = deliveries.alias("earlier")
_FIRST = ~exists().where(
    _earlier.c.webhook == deliveries.c.webhook,
    _earlier.c.licence == deliveries.c.licence,
    _earlier.c.state == IS_WAITING,
    _earlier.c.place < deliveries.c.place,
)
_WHOLE = (
    select(deliveries, entries.c.sequence, entries.c.body, licences.c.licence_id, licences.c.type)
    .join(entries, entries.c.place == deliveries.c.place)
    .join(licences, licences.c.id == deliveries.c.licence)
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: when, what status came back if any, and in a word what went wrong."""

    at: str
    status: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to an endpoint; `line` is what is told."""

    key: int
    line: KnownLine
    event_id: str
    state: str
    attempts: int
    next_at: datetime | None
    settled_at: datetime | None
    log: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt led to: the state after it, and when the next one is if it still waits."""

    delivery: Delivery
    attempt: Attempt
    state: str
    next_at: datetime | None


class Deliveries:
    """What is on its way, and what has arrived lately."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    # -- of a round that holds a claim ---------------------------------------------------------------

    def lay_out(self, webhook: Webhook, claim: str, lines: Sequence[KnownLine], reached: int, now: datetime) -> bool:
        """Put lines on their way, and note how far the book was looked at; False where the claim is lost or a replay came between."""
        here = and_(webhooks.c.id == webhook.key, webhooks.c.claimed_by == claim, webhooks.c.looked == webhook.looked)
        with self._database.write() as connection:
            if connection.execute(update(webhooks).where(here).values(looked=reached)).rowcount != 1:
                return False
            places = [line.place for line in lines]
            mine = (deliveries.c.webhook == webhook.key) & deliveries.c.place.in_(places)
            present = set(connection.execute(select(deliveries.c.place).where(mine)).scalars()) if places else set()
            new = [
                {"webhook": webhook.key, "place": line.place, "licence": line.licence, "department": line.department, "state": WAITING, "attempts": 0,
                 "next_at": now, "log": "[]"}
                for line in lines if line.place not in present
            ]  # fmt: skip
            if new:
                connection.execute(insert(deliveries), new)
        return True

    def turn(self, webhook: Webhook, now: datetime, limit: int) -> list[Delivery]:
        """Return what is to be tried now: of each licence the first that waits, and no two of one.

        What lies beyond the place up to which the book was laid out waits: after a replay something older may still be missing here.
        """
        looked = select(webhooks.c.looked).where(webhooks.c.id == webhook.key).scalar_subquery()
        due = and_(
            deliveries.c.webhook == webhook.key, deliveries.c.state == IS_WAITING, deliveries.c.next_at <= now, deliveries.c.place <= looked, _FIRST
        )  # fmt: skip
        with self._database.read() as connection:
            rows = connection.execute(_WHOLE.where(due).order_by(deliveries.c.next_at, deliveries.c.place).limit(limit)).all()
        return [_delivery(row) for row in rows]

    def settle(self, webhook: Webhook, claim: str, outcomes: Sequence[Outcome], now: datetime) -> bool:
        """Write down what came of attempts; False, and nothing, where the claim is lost. One that a client sent again meanwhile stays as it is."""
        with self._database.write() as connection:
            held = update(webhooks).where(webhooks.c.id == webhook.key, webhooks.c.claimed_by == claim).values(claimed_by=claim)
            if connection.execute(held).rowcount != 1:
                return False
            for one in outcomes:
                before = one.delivery
                same = and_(deliveries.c.id == before.key, deliveries.c.state == IS_WAITING, deliveries.c.attempts == before.attempts)
                log = (*before.log, one.attempt)[-KEPT_ATTEMPTS:]
                values = {
                    "state": one.state, "attempts": before.attempts + 1, "next_at": one.next_at, "settled_at": None if one.next_at else now,
                    "log": json.dumps([asdict(each) for each in log]),
                }  # fmt: skip
                connection.execute(update(deliveries).where(same).values(values))
        return True

    # -- what clients and operators see and do -------------------------------------------------------

    def page(self, webhook: Webhook, state: str | None, before: str | None, limit: int) -> list[Delivery]:
        """Return deliveries of an endpoint, the newest event first, older than the one of an event id where it is named."""
        which = deliveries.c.webhook == webhook.key
        if state:
            which &= deliveries.c.state == state
        with self._database.read() as connection:
            if before:
                which &= deliveries.c.place < self._one(connection, webhook, before).line.place
            rows = connection.execute(_WHOLE.where(which).order_by(deliveries.c.place.desc()).limit(limit)).all()
        return [_delivery(row) for row in rows]

    def counts(self, webhook: Webhook) -> Mapping[str, int]:
        """Return how many deliveries of an endpoint are in each state."""
        query = select(deliveries.c.state, func.count()).where(deliveries.c.webhook == webhook.key).group_by(deliveries.c.state)
        with self._database.read() as connection:
            found = {state: int(count) for state, count in connection.execute(query)}
        return {state: found.get(state, 0) for state in STATES}

    def resend(self, webhook: Webhook, event: str, now: datetime) -> Delivery:
        """Put one event on its way again, whatever became of it; `NotInRegister` where the endpoint never had it."""
        with self._database.write() as connection:
            one = self._one(connection, webhook, event)
            connection.execute(update(deliveries).where(deliveries.c.id == one.key).values(_again(now)))
            return self._one(connection, webhook, event)

    def replay(self, webhook: Webhook, place: int, now: datetime) -> None:
        """Put everything beyond a place on its way again, also what is not kept here any more."""
        beyond = (deliveries.c.webhook == webhook.key) & (deliveries.c.place > place)
        with self._database.write() as connection:
            # The row is taken in any case: whoever writes many deliveries of an endpoint holds it, and none of them waits for another's.
            looked = case((webhooks.c.looked > place, place), else_=webhooks.c.looked)
            connection.execute(update(webhooks).where(webhooks.c.id == webhook.key).values(looked=looked))
            connection.execute(update(deliveries).where(beyond).values(_again(now)))

    def forget(self, before: datetime, limit: int = 1000) -> int:
        """Drop what was settled before an instant, `limit` rows at most; return how many."""
        old = select(deliveries.c.id).where(deliveries.c.settled_at < before).limit(limit)
        with self._database.read() as connection:
            found = connection.execute(old).scalars().all()
        if found:
            with self._database.write() as connection:
                sweep(connection, deliveries, and_(deliveries.c.id.in_(found), deliveries.c.settled_at < before))
        return len(found)

    @staticmethod
    def _one(connection: Connection, webhook: Webhook, event: str) -> Delivery:
        licence_id, _, sequence = event.rpartition("-")
        which: ColumnElement[bool] = and_(
            deliveries.c.webhook == webhook.key, licences.c.licence_id == licence_id,
            entries.c.sequence == (int(sequence) if sequence.isdecimal() and len(sequence) < 10 else 0),  # noqa: PLR2004
        )  # fmt: skip
        row = connection.execute(_WHOLE.where(which)).first()
        if row is None:
            raise NotInRegister("no such delivery")
        return _delivery(row)


def _again(now: datetime) -> dict[str, Any]:
    return {"state": WAITING, "attempts": 0, "next_at": now, "settled_at": None}


def _delivery(row: Any) -> Delivery:  # noqa: ANN401 - a row
    line = KnownLine(row.place, row.licence, row.type, row.department, json.loads(row.body))
    log = tuple(Attempt(**one) for one in json.loads(row.log))
    return Delivery(row.id, line, event_id(row.licence_id, row.sequence), row.state, row.attempts, row.next_at, row.settled_at, log)
