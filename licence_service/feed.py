"""The event feed: the book as one calling system may know it, asked for by a cursor (AI-07).

A cursor is a place of the book under the vault's seal, of one length whatever the place, and of one client only: it tells nothing of how much
others enter, and nothing can be made of another client's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from licence_service.errors import Fault, RequestRejected, Unavailable
from licence_service.events import event_of
from licence_service.store.clients import EVERY_TYPE, HOST, READ, Client
from licence_service.store.events import EventLines, KnownLine, Reader
from licence_service.store.payload import Vault

MOST_A_PAGE = 500
_STEPS = 3  # stretches of the book that one page looks at, where all that lies in between is others'
_PLACE_BYTES = 8


@dataclass(frozen=True, slots=True)
class Page:
    """Some events in the order of the book, and the cursor to go on after them."""

    events: Sequence[dict[str, Any]]
    next: str


@dataclass(frozen=True, slots=True)
class Feed:
    """Reads the book for calling systems."""

    lines: EventLines
    vault: Vault = field(repr=False)

    def page(self, client: Client, after: str | None, limit: int) -> Page:
        """Return the next events of a client beyond a cursor, from the first one where there is none.

        The work is bounded: a page may be short, or empty, although there is more; `next` goes on from there. Raise `RequestRejected` for
        what is no cursor of this client.
        """
        place = self.opened(client, after) if after else 0
        events: list[dict[str, Any]] = []
        for _ in range(_STEPS):
            found, reached = self.lines.of(reader_of(client), place, limit - len(events))
            events += [event_of_line(one) for one in found]
            if reached == place or len(events) == limit:
                place = reached
                break
            place = reached
        return Page(events, self.cursor(client, place))

    def cursor(self, client: Client, place: int) -> str:
        """Return the cursor of a client at a place."""
        return self.vault.close_up(place.to_bytes(_PLACE_BYTES, "big"), _row(client)).hex()

    def opened(self, client: Client, cursor: str) -> int:
        """Return the place of a cursor; `RequestRejected` where it is none of this client."""
        try:
            return int.from_bytes(self.vault.open(bytes.fromhex(cursor), _row(client)), "big")
        except (Unavailable, ValueError) as error:
            raise RequestRejected(faults=[Fault("after", "unknown-cursor", "a cursor that this feed gave to this client is wanted here")]) from error


def types_of(client: Client) -> Sequence[str] | None:
    """Return the certificate types that a client may read; None where it may all."""
    types = client.types_for(READ)
    return None if EVERY_TYPE in types else types


def reader_of(client: Client) -> Reader:
    """Return what a client may know of the book."""
    return Reader(client.department, types_of(client), client.offices, client.name if client.kind == HOST else None)


def event_of_line(line: KnownLine) -> dict[str, Any]:
    """Return the event of a line of the book."""
    return event_of(line.body, line.certificate_type, line.department)


def _row(client: Client) -> str:
    return f"events:{client.name}:{client.department}"
