"""Webhooks: the endpoints that clients named, and who works on which of them now.

Address, wishes and secrets lie encrypted. Whoever delivers claims an endpoint for a while first: every later statement of that round names its
claim, so that of two workers only one goes on, and a killed one is followed after the lease.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, insert, literal, or_, select, update

from licence_service.errors import Fault, NotInRegister, RequestRejected
from licence_service.store.counting import hold
from licence_service.store.database import Database
from licence_service.store.payload import Vault
from licence_service.store.tables import entries
from licence_service.store.tables_of_webhooks import webhook_deliveries, webhooks

MOST_WEBHOOKS = 10  # of one client
WAITING = "waiting"
IS_WAITING = literal(WAITING, literal_execute=True)  # in the statement itself, or SQLite does not see that its partial index answers
_WRITERS = "webhooks"  # the row where those who add endpoints wait for each other


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret that signs, `until` an instant where another took its place."""

    value: str = field(repr=False)
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client asked for: the address, the events and the certificate types that go there; none named is all."""

    url: str = field(repr=False)
    events: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Webhook:
    """An endpoint. `looked` is the place of the book up to which deliveries were laid out, `failures` counts rounds in which nothing arrived."""

    key: int
    webhook_id: str
    client: str
    wish: Wish
    secrets: tuple[Secret, ...]
    created_at: datetime
    looked: int
    failures: int
    rests_until: datetime | None

    def signing(self, now: datetime) -> list[str]:
        """Return the secrets that sign now, the newest first."""
        return [one.value for one in self.secrets if one.until is None or now < one.until]


class Webhooks:
    """The endpoints of all clients."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database, and the vault for addresses and secrets."""
        self._database = database
        self._vault = vault

    # -- what clients do -----------------------------------------------------------------------------

    def add(self, client: str, wish: Wish, secret: str, looked: int, now: datetime) -> Webhook:
        """Add an endpoint that hears of what is entered beyond a place; `RequestRejected` for one address twice, and for too many."""
        webhook_id = secrets.token_hex(13)
        row: dict[str, Any] = {
            "webhook_id": webhook_id, "client": client, "content": self._closed(webhook_id, wish, [Secret(secret)]), "created_at": now,
            "looked": looked, "failures": 0,
        }  # fmt: skip
        with self._database.write() as connection:
            hold(connection, _WRITERS)
            present = self._read(connection, webhooks.c.client == client)
            if any(one.wish.url == wish.url for one in present):
                raise RequestRejected(faults=[Fault("url", "known-address", "events go to this address already; rotate its secret if it is lost")])
            if len(present) >= MOST_WEBHOOKS:
                raise RequestRejected(f"a client has {MOST_WEBHOOKS} webhooks at most")
            connection.execute(insert(webhooks).values(row))
            return self._read(connection, webhooks.c.webhook_id == webhook_id)[0]

    def of(self, client: str) -> list[Webhook]:
        """Return a client's endpoints, oldest first."""
        with self._database.read() as connection:
            return self._read(connection, webhooks.c.client == client)

    def all(self) -> list[Webhook]:
        """Return the endpoints of all clients, oldest first."""
        with self._database.read() as connection:
            return self._read(connection, webhooks.c.id > 0)

    def get(self, webhook_id: str) -> Webhook:
        """Return an endpoint, whoever's it is; `NotInRegister` where there is none."""
        with self._database.read() as connection:
            found = self._read(connection, webhooks.c.webhook_id == webhook_id)
        if not found:
            raise NotInRegister("no such webhook")
        return found[0]

    def rotate(self, webhook: Webhook, secret: str, until: datetime) -> None:
        """Let a new secret sign, and beside it the one before up to an instant; older ones no more."""
        with self._database.write() as connection:
            hold(connection, _WRITERS)
            found = self._read(connection, webhooks.c.id == webhook.key)
            if not found:
                raise NotInRegister("no such webhook")
            both = [Secret(secret), replace(found[0].secrets[0], until=until)]
            content = self._closed(webhook.webhook_id, found[0].wish, both)
            connection.execute(update(webhooks).where(webhooks.c.id == webhook.key).values(content=content))

    def remove(self, webhook: Webhook) -> None:
        """Forget an endpoint with all that was on its way to it."""
        with self._database.write() as connection:
            # Whoever lays out deliveries holds this row: what he wrote is seen below, and afterwards he finds it gone.
            connection.execute(update(webhooks).where(webhooks.c.id == webhook.key).values(claimed_by=None))
            connection.execute(delete(webhook_deliveries).where(webhook_deliveries.c.webhook == webhook.key))
            connection.execute(delete(webhooks).where(webhooks.c.id == webhook.key))

    # -- who works on which --------------------------------------------------------------------------

    def due(self, now: datetime) -> list[Webhook]:
        """Return the endpoints that nobody works on and for which there may be something to do, the longest neglected first."""
        waiting = exists().where(
            webhook_deliveries.c.webhook == webhooks.c.id, webhook_deliveries.c.state == IS_WAITING, webhook_deliveries.c.next_at <= now
        )
        with self._database.read() as connection:
            end = connection.execute(select(func.max(entries.c.place))).scalar_one() or 0
            return self._read(connection, and_(_free(now), or_(webhooks.c.looked < end, waiting)), webhooks.c.claimed_until)

    def claim(self, webhook: Webhook, claim: str, now: datetime, until: datetime) -> Webhook | None:
        """Take an endpoint for a round; None where another has it, or it is gone or rests."""
        with self._database.write() as connection:
            taken = update(webhooks).where(webhooks.c.id == webhook.key, _free(now)).values(claimed_by=claim, claimed_until=until)
            if connection.execute(taken).rowcount != 1:
                return None
            return self._read(connection, webhooks.c.id == webhook.key)[0]

    def renew(self, webhook: Webhook, claim: str, until: datetime) -> bool:
        """Keep a claim for longer; False where it is lost."""
        return self._mine(webhook, claim, {"claimed_until": until})

    def release(self, webhook: Webhook, claim: str, failures: int, now: datetime, rests_until: datetime | None) -> None:
        """Give an endpoint back."""
        self._mine(webhook, claim, {"claimed_by": None, "claimed_until": now, "failures": failures, "rests_until": rests_until})

    def _mine(self, webhook: Webhook, claim: str, values: Mapping[str, Any]) -> bool:
        with self._database.write() as connection:
            mine = update(webhooks).where(webhooks.c.id == webhook.key, webhooks.c.claimed_by == claim).values(values)
            return connection.execute(mine).rowcount == 1

    # -- reading and writing rows --------------------------------------------------------------------

    def _read(self, connection: Connection, which: ColumnElement[bool], *order: Any) -> list[Webhook]:  # noqa: ANN401 - columns
        rows = connection.execute(select(webhooks).where(which).order_by(*order, webhooks.c.id)).all()
        return [self._webhook(row) for row in rows]

    def _webhook(self, row: Any) -> Webhook:  # noqa: ANN401 - a row
        said = self._vault.open_json(row.content, f"webhook:{row.webhook_id}")
        held = tuple(Secret(one["value"], datetime.fromisoformat(one["until"]) if one["until"] else None) for one in said["secrets"])
        wish = Wish(said["url"], tuple(said["events"]), tuple(said["types"]))
        return Webhook(row.id, row.webhook_id, row.client, wish, held, row.created_at, row.looked, row.failures, row.rests_until)

    def _closed(self, webhook_id: str, wish: Wish, held: Sequence[Secret]) -> bytes:
        said = [{"value": one.value, "until": one.until.isoformat() if one.until else None} for one in held]
        content = {"url": wish.url, "events": list(wish.events), "types": list(wish.types), "secrets": said}
        return self._vault.close_json(content, f"webhook:{webhook_id}")


def _free(now: datetime) -> ColumnElement[bool]:
    """Say of endpoints that nobody works on them, and that they do not rest."""
    unclaimed = or_(webhooks.c.claimed_by.is_(None), webhooks.c.claimed_until <= now)
    return and_(unclaimed, or_(webhooks.c.rests_until.is_(None), webhooks.c.rests_until <= now))
