"""The messenger: it carries what is no entry to clients, at least once, each message under an id of its own; what it carries is in their feed as well.

It may be killed anywhere and run in many processes: a message is claimed for a while by one sender only. It holds nothing up.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from licence_service.errors import Fault, RequestRejected, Unavailable
from licence_service.events import payload
from licence_service.message import headers_of
from licence_service.outbound import Poster
from licence_service.pauses import Pauses
from licence_service.store.clients import Client, Clients
from licence_service.store.messages import DEAD, DELIVERED, Messages, Waiting
from licence_service.store.notices import KEPT, WAITING
from licence_service.store.payload import Vault
from licence_service.store.webhooks import Webhook, Webhooks

MOST_ATTEMPTS = 13
PAUSES = Pauses(first=5.0, growth=4, longest=43_200.0)  # as events have them: all twelve together some 68 hours
_LEASE, _OFF = timedelta(seconds=180), timedelta(minutes=10)  # longer than a batch takes; until a host that is switched off is asked about again
_A_BATCH, _AT_ONCE = 32, 8
_PLACE_BYTES = 8


Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Messenger:
    """Delivers messages of one kind to the webhooks of clients, and reads their feed; `name` stands in its cursors.

    `told` returns messages as a client may have them at this moment, without those that it may not have, or not any more.
    """

    name: str
    messages: Messages
    told: Callable[[Client, Sequence[Message]], Sequence[Message]] = field(repr=False)
    webhooks: Webhooks
    clients: Clients
    poster: Poster
    vault: Vault = field(repr=False)
    now: Callable[[], datetime] = field(repr=False)
    chance: Callable[[], float] = field(default=secrets.SystemRandom().random, repr=False)

    def work(self) -> int:
        """Try every message whose turn has come, and return how many were tried."""
        tried = 0
        while found := self.messages.claim(self.now(), self.now() + _LEASE, _A_BATCH):
            clients = {one.name: one for one in self.clients.all()}
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                list(pool.map(lambda one: self._tried(one, clients.get(one.client)), found))  # noqa: B023 - used before the next round
            tried += len(found)
        return tried

    def _tried(self, one: Waiting, client: Client | None) -> None:
        if client is None:
            self.messages.settle(one, DEAD, one.attempts, None, "client-removed")
        elif client.off:
            self.messages.settle(one, WAITING, one.attempts, self.now() + _OFF, "client-off")
        else:
            wanting = [webhook for webhook in self.webhooks.of(client.name) if _wants(webhook, one.content)]
            self._sent(one, self.told(client, [one.content]) if wanting else (), wanting)

    def _sent(self, one: Waiting, told: Sequence[Message], webhooks: Sequence[Webhook]) -> None:
        """Send a message to all endpoints that want it; where one of them did not take it, all have it again, under the same id."""
        if not told:
            self.messages.settle(one, KEPT, one.attempts, None, "")
            return
        at, body = self.now(), payload(told[0])
        answers = [self.poster.post(each.wish.url, headers_of(one.message_id, at, body, each.signing(at)), body) for each in webhooks]
        reason, attempts = next((each.reason or "refused" for each in answers if not each.arrived), ""), one.attempts + 1
        if not reason:
            self.messages.settle(one, DELIVERED, attempts, None, "")
        elif attempts >= MOST_ATTEMPTS:
            self.messages.settle(one, DEAD, attempts, None, reason)
        else:
            self.messages.settle(one, WAITING, attempts, self.now() + PAUSES.after(attempts, self.chance()), reason)

    # -- the feed --------------------------------------------------------------------------------------

    def page(self, client: Client, after: str | None, limit: int) -> tuple[Sequence[Message], str]:
        """Return the next messages to a client beyond a cursor, and the cursor to go on after them; `RequestRejected` for what is none of its own."""
        found, reached = self.messages.of(client.name, self._opened(client, after) if after else 0, limit)
        return self.told(client, found), self.vault.close_up(reached.to_bytes(_PLACE_BYTES, "big"), self._row(client)).hex()

    def _opened(self, client: Client, cursor: str) -> int:
        try:
            return int.from_bytes(self.vault.open(bytes.fromhex(cursor), self._row(client)), "big")
        except (Unavailable, ValueError) as error:
            raise RequestRejected(faults=[Fault("after", "unknown-cursor", "a cursor that this feed gave to this client is wanted here")]) from error

    def _row(self, client: Client) -> str:
        return f"{self.name}:{client.name}"


def _wants(webhook: Webhook, message: Message) -> bool:
    """Say whether an endpoint asked for a message: one that is about no type is for those only that hear of every type."""
    events, types = webhook.wish.events, webhook.wish.types
    return (not events or message["type"] in events) and (not types or message["data"].get("certificate_type") in types)
