"""What the seal-use log tells after a key was lost: which documents were sealed here, and which uses of the seal led to no document of the book.

Read in windows of the primary key, a line at a time; what is kept of a million uses is sixteen bytes each.
"""

import json
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import select

from licence_service.store.database import Database
from licence_service.store.keys import Kind, ids_of
from licence_service.store.tables import seal_uses
from licence_service.store.tables_of_lending import lent_copies

_WINDOW, _AT_ONCE = 10_000, 400
_KEPT = 16  # bytes of a digest that are kept: who has a lost key and looks for a file that begins like another will not find one


@dataclass(frozen=True, slots=True)
class LooseUse:
    """A use of a seal that led to no document of the book: `requested` where no answer was written down, else `done` with the digest of the file."""

    at: datetime
    event: str
    reservation_id: str
    type: str
    sealed_sha256: str | None


class Sealed:
    """The documents that a seal was used on, by what the log says."""

    def __init__(self, digests: bytes) -> None:
        """Take the beginnings of their digests, sorted and joined."""
        self._digests = digests

    def __contains__(self, sha256: str) -> bool:
        """Say whether the log has a use that made this document (hex SHA-256)."""
        wanted, all_ = bytes.fromhex(sha256)[:_KEPT], range(len(self._digests) // _KEPT)
        at = bisect_left(all_, wanted, key=self._digest)
        return at < len(all_) and self._digest(at) == wanted

    def _digest(self, number: int) -> bytes:
        return self._digests[number * _KEPT : (number + 1) * _KEPT]


class SealedDocuments:
    """Asks the seal-use log about one seal."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def by(self, seal_id: str) -> Sealed:
        """Return all documents that a seal was used on."""
        found = [bytes.fromhex(one["sealed_sha256"])[:_KEPT] for one in self._lines(seal_id) if one["event"] == "done" and one["sealed_sha256"]]
        return Sealed(b"".join(sorted(found)))

    def loose(self, seal_id: str, since: datetime) -> list[LooseUse]:
        """Return the uses from an instant on that led to no document of the book, nor to a lent copy, oldest first; what is still under way is among them."""
        asked: dict[str, list[LooseUse]] = {}  # uses of a reservation that no answer follows yet, newest last
        made: dict[str, LooseUse] = {}
        found: list[LooseUse] = []
        for one in self._lines(seal_id, since):
            use = LooseUse(datetime.fromisoformat(one["at"]), one["event"], one["reservation_id"], one["type"], one["sealed_sha256"])
            if use.event == "requested":
                asked.setdefault(use.reservation_id, []).append(use)
                continue
            # Who tries again asks again, so each answer belongs to one request; "refused" answers none, as nothing was asked for.
            if use.event in {"done", "failed"} and (waiting := asked.get(use.reservation_id)):
                waiting.pop()
                if not waiting:
                    del asked[use.reservation_id]
            if use.event == "done" and use.sealed_sha256:
                made[use.sealed_sha256] = use
            if len(made) == _AT_ONCE:
                found += self._not_in_the_book(made)
                made = {}
        return sorted([*found, *self._not_in_the_book(made), *chain.from_iterable(asked.values())], key=lambda use: use.at)

    def _not_in_the_book(self, made: dict[str, LooseUse]) -> list[LooseUse]:
        with self._database.read() as connection:
            there = {*ids_of(connection, Kind.DOCUMENT, made)}
            lent = select(lent_copies.c.document_sha256).where(lent_copies.c.document_sha256.in_(list(made)))
            there |= {*connection.execute(lent).scalars()}
        return [use for digest, use in made.items() if digest not in there]

    def _lines(self, seal_id: str, since: datetime | None = None) -> Iterator[dict[str, Any]]:
        wanted = select(seal_uses.c.id, seal_uses.c.body).where(seal_uses.c.seal_id == seal_id).order_by(seal_uses.c.id).limit(_WINDOW)
        wanted = wanted.where(seal_uses.c.at >= since) if since else wanted
        after = 0
        while True:
            with self._database.read() as connection:
                rows = connection.execute(wanted.where(seal_uses.c.id > after)).all()
            if not rows:
                return
            yield from (json.loads(row.body) for row in rows)
            after = rows[-1].id
