"""The messenger: it carries notices to host apps, at least once, each under an id of its own; what it carries is in their feed as well.

It may be killed anywhere and run in many processes: a message is claimed for a while by one sender only. It holds nothing up.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from licence_service.errors import Fault, RequestRejected, Unavailable
from licence_service.events import NOTICE, payload
from licence_service.message import headers_of
from licence_service.outbound import Poster
from licence_service.pauses import Pauses
from licence_service.store.clients import READ, Client, Clients
from licence_service.store.notice_messages import DEAD, DELIVERED, NoticeMessages, Waiting
from licence_service.store.notices import KEPT, WAITING
from licence_service.store.payload import Vault
from licence_service.store.webhooks import Webhook, Webhooks

MOST_ATTEMPTS = 13
PAUSES = Pauses(first=5.0, growth=4, longest=43_200.0)  # as events have them: all twelve together some 68 hours
_LEASE, _OFF = timedelta(seconds=180), timedelta(minutes=10)  # longer than a batch takes; until a host that is switched off is asked about again
_A_BATCH, _AT_ONCE = 32, 8
_PLACE_BYTES = 8


@dataclass(frozen=True, slots=True)
class Messenger:
    """Delivers to the webhooks of all host apps, and reads their feed."""

    messages: NoticeMessages
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
            hosts = {one.name: one for one in self.clients.all()}
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                list(pool.map(lambda one: self._tried(one, hosts.get(one.host)), found))  # noqa: B023 - used before the next round
            tried += len(found)
        return tried

    def _tried(self, one: Waiting, host: Client | None) -> None:
        if host is None:
            self.messages.settle(one, DEAD, one.attempts, None, "host-removed")
        elif host.off:
            self.messages.settle(one, WAITING, one.attempts, self.now() + _OFF, "host-off")
        else:
            self._sent(one, [webhook for webhook in self.webhooks.of(host.name) if _wants(webhook, host, one.content)])

    def _sent(self, one: Waiting, webhooks: Sequence[Webhook]) -> None:
        """Send a message to all endpoints that want it; where one of them did not take it, all have it again, under the same id."""
        if not webhooks:
            self.messages.settle(one, KEPT, one.attempts, None, "")
            return
        at, body = self.now(), payload(one.content)
        answers = [self.poster.post(each.wish.url, headers_of(one.message_id, at, body, each.signing(at)), body) for each in webhooks]
        reason, attempts = next((each.reason or "refused" for each in answers if not each.arrived), ""), one.attempts + 1
        if not reason:
            self.messages.settle(one, DELIVERED, attempts, None, "")
        elif attempts >= MOST_ATTEMPTS:
            self.messages.settle(one, DEAD, attempts, None, reason)
        else:
            self.messages.settle(one, WAITING, attempts, self.now() + PAUSES.after(attempts, self.chance()), reason)

    # -- the feed --------------------------------------------------------------------------------------

    def page(self, host: Client, after: str | None, limit: int) -> tuple[Sequence[Mapping[str, Any]], str]:
        """Return the next messages of a host app beyond a cursor, and the cursor to go on after them; `RequestRejected` for what is none of its own."""
        found, reached = self.messages.of(host.name, self._opened(host, after) if after else 0, limit)
        return [one for one in found if _may_read(host, one)], self.vault.close_up(reached.to_bytes(_PLACE_BYTES, "big"), _row(host)).hex()

    def _opened(self, host: Client, cursor: str) -> int:
        try:
            return int.from_bytes(self.vault.open(bytes.fromhex(cursor), _row(host)), "big")
        except (Unavailable, ValueError) as error:
            raise RequestRejected(faults=[Fault("after", "unknown-cursor", "a cursor that this feed gave to this client is wanted here")]) from error


def _wants(webhook: Webhook, host: Client, content: Mapping[str, Any]) -> bool:
    """Say whether an endpoint asked for a message: a company's day is for those only that hear of every type."""
    events, types, slug = webhook.wish.events, webhook.wish.types, content["data"].get("certificate_type")
    return (not events or NOTICE in events) and (not types or slug in types) and _may_read(host, content)


def _may_read(host: Client, content: Mapping[str, Any]) -> bool:
    slug = content["data"].get("certificate_type")
    return host.may(READ, slug) if slug else host.may_somewhere(READ)


def _row(host: Client) -> str:
    return f"notices:{host.name}"
