"""The courier: it carries events to webhooks, at least once, and of each licence in order (AI-06, AI-07).

It follows the book like the other followers: what was entered is laid out for each endpoint, tried, and tried again with growing pauses for
about three days; then it is given up, visibly, and the licence's later events go on. It may be killed anywhere and run in many
processes: an endpoint is claimed for a while by one round only. Nothing of it ever stands between a licence and its being entered.
"""

import secrets
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

from licence_service.errors import NotInRegister
from licence_service.events import PREFIX, payload
from licence_service.feed import event_of_line, reader_of
from licence_service.message import headers_of
from licence_service.outbound import Answered, Poster
from licence_service.pauses import Pauses
from licence_service.store.clients import HEARING, READ, Client, Clients
from licence_service.store.deliveries import DEAD, DELIVERED, Attempt, Deliveries, Delivery, Outcome
from licence_service.store.events import EventLines, KnownLine
from licence_service.store.webhooks import WAITING, Webhook, Webhooks

MOST_ATTEMPTS = 13
KEPT = timedelta(days=30)  # what was settled is shown in the log of deliveries
PAUSES = Pauses(first=5.0, growth=4, longest=43_200.0)  # 5 s, 20 s, 80 s … 12 h; all twelve together some 68 hours
_LEASE = timedelta(seconds=120)  # longer than any batch takes
_ROUND_SECONDS = 30.0  # of one endpoint, then the others have their turn
_A_BATCH, _AT_ONCE = 8, 4  # messages to one endpoint: in a batch, and under way
_ROUNDS, _OF_A_CLIENT = 16, 2  # endpoints that are served at the same time, in all and of one client
_RESTS = Pauses(first=5.0, growth=2, longest=300.0)  # of a receiver that took nothing of a whole batch
_LINES = 500  # of the book, laid out at a time


@dataclass(frozen=True, slots=True)
class Courier:
    """Delivers to all endpoints of the service."""

    webhooks: Webhooks
    deliveries: Deliveries
    lines: EventLines
    clients: Clients
    poster: Poster
    now: Callable[[], datetime] = field(repr=False)
    chance: Callable[[], float] = field(default=secrets.SystemRandom().random, repr=False)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_ROUNDS, "courier"), repr=False)
    _busy: Counter[str] = field(default_factory=Counter, repr=False)  # rounds of this process, by client
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _closing: threading.Event = field(default_factory=threading.Event, repr=False)

    def start(self) -> list[Future[int]]:
        """Begin a round for each endpoint that waits for one, as far as there is room, and return them; none waits for a slow one."""
        living = {one.name: one for one in self.clients.all() if one.kind in HEARING}
        begun = []
        self.deliveries.forget(self.now() - KEPT)
        for webhook in self.webhooks.due(self.now()):
            client = living.get(webhook.client)
            if client is None:
                self.webhooks.remove(webhook)  # shut out, and heard of no more
            elif not client.off and self._room(client):
                begun.append(self._pool.submit(self._served, webhook, client))
        return begun

    def work(self) -> int:
        """Serve every endpoint that waits, and wait for it; return how many messages were tried. The first trouble is raised at the end."""
        rounds = self.start()
        troubles = [trouble for one in rounds if (trouble := one.exception())]
        if troubles:
            raise troubles[0]
        return sum(one.result() for one in rounds)

    def close(self) -> None:
        """Begin nothing more, and wait for the messages that are under way."""
        self._closing.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    # -- one endpoint --------------------------------------------------------------------------------

    def _room(self, client: Client) -> bool:
        """Take a place for a round; a client with slow receivers keeps places free for others."""
        with self._lock:
            if self._busy.total() >= _ROUNDS or self._busy[client.name] >= _OF_A_CLIENT:
                return False
            self._busy[client.name] += 1
            return True

    def _served(self, webhook: Webhook, client: Client) -> int:
        try:
            return self._round(webhook, client)
        finally:
            with self._lock:
                self._busy[client.name] -= 1

    def _round(self, webhook: Webhook, client: Client) -> int:
        """Serve one endpoint under a claim of this round."""
        claim, began = secrets.token_hex(16), monotonic()
        claimed = self.webhooks.claim(webhook, claim, self.now(), self.now() + _LEASE)
        if claimed is None:
            return 0
        tried, failures, rests_until = 0, claimed.failures, None
        try:
            while not self._closing.is_set() and monotonic() - began < _ROUND_SECONDS and self.webhooks.renew(claimed, claim, self.now() + _LEASE):
                more = self._lay_out(claimed, claim, client)
                outcomes = self._tried(claimed, client)
                if not self.deliveries.settle(claimed, claim, outcomes, self.now()):
                    break
                tried += len(outcomes)
                if len(outcomes) == _A_BATCH and all(one.attempt.reason for one in outcomes):
                    failures += 1
                    rests_until = self.now() + _RESTS.after(failures)
                    break
                failures = 0 if outcomes else failures
                if not more and not outcomes:
                    break
                claimed = self.webhooks.get(claimed.webhook_id)
        except NotInRegister:
            return tried  # its client took it away meanwhile
        finally:
            self.webhooks.release(claimed, claim, failures, self.now(), rests_until)
        return tried

    def _lay_out(self, webhook: Webhook, claim: str, client: Client) -> bool:
        """Put the next stretch of the book on its way; say whether there was any."""
        found, reached = self.lines.of(reader_of(client), webhook.looked, _LINES)
        if reached == webhook.looked:
            return False
        wanted = [line for line in found if wants(webhook, line)]
        self.deliveries.lay_out(webhook, claim, wanted, reached, self.now())
        return True

    def _tried(self, webhook: Webhook, client: Client) -> list[Outcome]:
        """Send what has its turn, some at once: each of another licence."""
        turn = self.deliveries.turn(webhook, self.now(), _A_BATCH)
        if len(turn) < 2:  # noqa: PLR2004
            return [self._tried_one(webhook, client, one) for one in turn]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(lambda one: self._tried_one(webhook, client, one), turn))

    def _tried_one(self, webhook: Webhook, client: Client, one: Delivery) -> Outcome:
        at = self.now()
        if not client.may(READ, one.line.certificate_type):  # its grant was taken away since
            return Outcome(one, Attempt(_said(at), None, "not-granted"), DEAD, None)
        body = payload(event_of_line(one.line))
        answered = self.poster.post(webhook.wish.url, headers_of(one.event_id, at, body, webhook.signing(at)), body)
        return self._outcome(one, answered, at)

    def _outcome(self, one: Delivery, answered: Answered, at: datetime) -> Outcome:
        attempt, attempts = Attempt(_said(at), answered.status, answered.reason), one.attempts + 1
        if answered.arrived:
            return Outcome(one, attempt, DELIVERED, None)
        if attempts >= MOST_ATTEMPTS:
            return Outcome(one, attempt, DEAD, None)
        return Outcome(one, attempt, WAITING, self.now() + PAUSES.after(attempts, self.chance()))


def wants(webhook: Webhook, line: KnownLine) -> bool:
    """Say whether an endpoint asked for the event of a line."""
    events, types = webhook.wish.events, webhook.wish.types
    return (not events or PREFIX + line.body["act"] in events) and (not types or line.certificate_type in types)


def _said(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
