"""Webhooks as their clients and the operators handle them: added, read, given new secrets, resent, replayed, removed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from licence_service.errors import Fault, NotGranted, NotInRegister, RequestRejected
from licence_service.events import ARRIVALS, NOTICE, PREFIX, TYPES
from licence_service.feed import Feed
from licence_service.message import new_secret
from licence_service.outbound import Poster
from licence_service.store.clients import HOST, READ, WEBHOOK, Client
from licence_service.store.deliveries import Deliveries, Delivery
from licence_service.store.webhooks import Webhook, Webhooks, Wish

OLD_SECRET_SIGNS = timedelta(days=1)
_KNOWN = {"url", "events", "types"}


@dataclass(frozen=True, slots=True)
class Hooks:
    """The webhooks of all clients."""

    webhooks: Webhooks
    deliveries: Deliveries
    feed: Feed
    poster: Poster
    slugs: frozenset[str]
    now: Callable[[], datetime] = field(repr=False)

    def add(self, client: Client, body: Mapping[str, Any]) -> tuple[Webhook, str]:
        """Add an endpoint that hears of what is entered from now on; return it with its secret, which is shown this once.

        `RequestRejected` names all that is wrong with it; the address must be one that messages may be sent to now.
        A narrowed token's endpoint is bound to the types that it may read and have sent; `NotGranted` where there is none.
        """
        wish = self._wish(client, body)
        secret = new_secret()
        return self.webhooks.add(client.name, wish, secret, self.feed.lines.end(), self.now()), secret

    def of(self, client: Client) -> list[Webhook]:
        """Return the caller's endpoints, oldest first; with a narrowed token those of which it may have every type sent."""
        return [one for one in self.webhooks.of(client.name) if _handles(client, one)]

    def mine(self, client: Client, webhook_id: str) -> Webhook:
        """Return one of `of`; `NotInRegister` for any other, as if it did not exist: all of the client's are read, whichever is named."""
        found = next((one for one in self.of(client) if one.webhook_id == webhook_id), None)
        if found is None:
            raise NotInRegister("no such webhook")
        return found

    def rotate(self, webhook: Webhook) -> tuple[str, datetime]:
        """Return a new secret, and until when the one before signs beside it."""
        secret, until = new_secret(), self.now() + OLD_SECRET_SIGNS
        self.webhooks.rotate(webhook, secret, until)
        return secret, until

    def replay(self, webhook: Webhook, client: Client, after: str | None) -> None:
        """Send again all that an endpoint wants beyond a cursor of the feed, from the first event where there is none."""
        self.deliveries.replay(webhook, 0 if after is None else self.feed.opened(client, after), self.now())

    def resend(self, webhook: Webhook, event: str) -> Delivery:
        """Send one event again, whatever became of it."""
        return self.deliveries.resend(webhook, event, self.now())

    def _wish(self, client: Client, body: Mapping[str, Any]) -> Wish:
        faults = [Fault("body", "unknown-key", "only `url`, `events` and `types` are known here")] if body.keys() - _KNOWN else []
        url = body.get("url")
        try:
            if isinstance(url, str):
                self.poster.check(url)
            else:
                faults.append(Fault("url", "missing", "the address that events go to"))
        except RequestRejected as refused:
            faults += refused.faults
        events = _names(body, "events", frozenset((*TYPES, NOTICE) if client.kind == HOST else (*TYPES, *ARRIVALS)), faults)
        granted = frozenset(one for one in self.slugs if client.may(READ, one) and client.may(WEBHOOK, one))
        types = _names(body, "types", granted, faults)
        if faults:
            raise RequestRejected(faults=faults)
        if not granted:
            raise NotGranted("the caller's scopes hold no type that it may both read and have sent")
        # None named means all that the client holds, also later: a narrowed token can only mean what it holds itself.
        return Wish(str(url), events, types if types or _is_whole(client, READ, WEBHOOK) else tuple(sorted(granted)))


def _is_whole(client: Client, *acts: str) -> bool:
    """Say whether the scopes at hand take nothing away from what the client may do with types."""
    return not client.scopes or all(client.types_for(act) == client.types for act in acts)


def _handles(client: Client, webhook: Webhook) -> bool:
    """Say whether the caller may handle an endpoint: a narrowed token only one that hears of nothing beyond its scopes."""
    return _is_whole(client, WEBHOOK) or (bool(webhook.wish.types) and all(client.may(WEBHOOK, one) for one in webhook.wish.types))


def _names(body: Mapping[str, Any], path: str, known: frozenset[str], faults: list[Fault]) -> tuple[str, ...]:
    """Read a list of known names; each wrong one is a fault of its own. A type that is not granted is as if there were none."""
    said = body.get(path, [])
    if not isinstance(said, list) or len(said) > len(TYPES) + len(known):
        faults.append(Fault(path, "wrong-type", "a list of names is wanted here"))
        return ()
    wrong = [number for number, one in enumerate(said) if not isinstance(one, str) or one not in known]
    faults += [Fault(f"{path}[{number}]", "unknown-name", "no such name that you may ask for") for number in wrong]
    return () if wrong else tuple(dict.fromkeys(said))


def webhook_json(one: Webhook) -> dict[str, Any]:
    """Return an endpoint as its client sees it; secrets are shown when they are made, never again."""
    return {
        "webhook_id": one.webhook_id,
        "url": one.wish.url,
        "events": list(one.wish.events),
        "types": list(one.wish.types),
        "created_at": _said(one.created_at),
    }


def delivery_json(one: Delivery) -> dict[str, Any]:
    """Return a delivery with the log of its attempts; of what was answered only the status."""
    return {
        "event_id": one.event_id,
        "type": PREFIX + str(one.line.body["act"]),
        "state": one.state,
        "attempts": one.attempts,
        "next_at": _said(one.next_at),
        "settled_at": _said(one.settled_at),
        "log": [{"at": each.at, "status": each.status, "reason": each.reason} for each in one.log],
    }


def _said(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None
