"""Watching lists: a platform leaves numbers with plates or names, and is told of each row whose answer changed (SH-14).

What a row is compared with is what its client could know when it put the list: the answer as the book knew it at that instant. What was
entered since is found by its place in the book, what comes with the calendar by the last day of each answer (`lasting`): rows whose day is
over are judged again by the first who asks on a new day, the server itself or a reading of the feed.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from licence_service.bulk.judging import NAME, PLATE, Asked, Bench, Said, Sitting
from licence_service.bulk.rows import Row
from licence_service.digests import canonical
from licence_service.errors import Fault, RequestRejected, Unavailable
from licence_service.licence import beijing_day
from licence_service.store.clients import Client, Clients
from licence_service.store.numbers import Numbers
from licence_service.store.payload import Vault
from licence_service.store.watchlists import Change, Telling, Waiting, Watched, WatchList, WatchLists

MOST_WATCHED = 50_000
MOST_A_PAGE = 1000
AT_ONCE = 500  # rows that are judged together
_STEPS_OF_A_READING = 4


@dataclass(frozen=True, slots=True)
class Feed:
    """A page of changes, the cursor to go on after it, and whether there is more to ask for now."""

    changes: Sequence[Change]
    cursor: str
    more: bool


@dataclass(frozen=True, slots=True)
class Watch:
    """Keeps lists and finds what changed."""

    bench: Bench
    numbers: Numbers
    lists: WatchLists
    clients: Clients
    vault: Vault = field(repr=False)
    now: Callable[[], datetime] = field(repr=False)

    def put(self, client: Client, name: str, rows: Sequence[Row]) -> None:
        """Put a list in place of the one of this name; each row must have a reference of its own."""
        now = self.now()
        self.lists.put(client.name, name, [self._kept(row) for row in rows], now, beijing_day(now))

    def _kept(self, row: Row) -> Watched:
        plate = self.numbers.blind(PLATE, row.plate) if row.plate else None
        name = self.numbers.blind(NAME, row.name) if row.name else None
        number, ref = self.numbers.blind("number", row.number), row.ref or ""
        same = self.vault.blind("watch:row", canonical([ref, number, plate, name, row.type]).decode())
        return Watched(same, number, plate, name, row.type, ref)

    def feed(self, client: Client, name: str, after: str | None) -> Feed:
        """Return the next changes after a cursor, from the first one where there is none; what is new is looked for first."""
        one = self.lists.get(client.name, name)
        last = self._opened(one, after) if after else 0
        behind = True
        for _ in range(_STEPS_OF_A_READING):
            behind = self._step(one, client) >= AT_ONCE
            if not behind:
                break
        changes = self.lists.changes(one, last, MOST_A_PAGE)
        return Feed(changes, self._cursor(one, changes[-1].no if changes else last), behind or len(changes) == MOST_A_PAGE)

    def work(self) -> int:
        """Look at every list for one step; lists of clients that were shut out are forgotten. Return how many rows were judged."""
        clients = {one.name: one for one in self.clients.all()}
        judged = 0
        for one in self.lists.all():
            if one.client in clients:
                judged += self._step(one, clients[one.client])
            else:
                self.lists.delete(one.client, one.name)
        return judged

    # -- what changed ------------------------------------------------------------------------------

    def _step(self, one: WatchList, client: Client) -> int:
        """Mark what was entered since, judge some of the rows that wait, and keep what changed; return how many were judged."""
        now = self.now()
        today = beijing_day(now)
        place = self.lists.mark(self.lists.get(one.client, one.name))
        waiting = self.lists.due(one, today, AT_ONCE)
        if waiting:
            sitting = self.bench.sitting(client.may_touch, today)
            said = sitting.said([_asked(each) for each in waiting], level=False)
            known = self._known(waiting, said, client, today)
            tellings = [_telling(each, new, old) for each, new, old in zip(waiting, said, known, strict=True)]
            self.lists.tell(one, tellings, place, today, now)
        return len(waiting)

    def _known(self, waiting: Sequence[Waiting], said: Sequence[Said], client: Client, today: date) -> list[str]:
        """Return what was told of each row last; of a new row, what its client could know when it put the list."""
        law = self.bench.law_until()
        sittings: dict[tuple[date, datetime], Sitting] = {}
        known = []
        for each, new in zip(waiting, said, strict=True):
            since = (each.since_on, each.since_at)
            newest = max((one for one in (new.newest, law) if one), default=None)
            if each.told is not None:
                known.append(each.told)
            elif each.since_on == today and (newest is None or newest <= each.since_at):
                known.append(_word(new))  # nothing came since
            else:
                sitting = sittings.get(since) or self.bench.sitting(client.may_touch, *since)
                sittings[since] = sitting
                known.append(_word(sitting.said([_asked(each)], level=False)[0]))
        return known

    # -- cursors: opaque, and of one list only ------------------------------------------------------

    def _cursor(self, one: WatchList, last: int) -> str:
        return self.vault.close_up(str(last).encode(), f"cursor:{one.list_id}").hex()

    def _opened(self, one: WatchList, cursor: str) -> int:
        try:
            return int(self.vault.open(bytes.fromhex(cursor), f"cursor:{one.list_id}"))
        except (Unavailable, ValueError) as error:
            raise RequestRejected(faults=[Fault("after", "unknown-cursor", "a cursor that this list gave is wanted here")]) from error


def _asked(one: Waiting) -> Asked:
    return Asked(one.number, one.plate, one.name, one.type)


def _telling(one: Waiting, new: Said, known: str) -> Telling:
    recorded_at = new.newest if one.entered and new.newest and new.newest > one.since_at else None
    return Telling(one.row, _word(new), new.until, known, recorded_at)


def _word(said: Said) -> str:
    """Return what counts as the same answer: the word and the reasons."""
    return json.dumps([said.overall.value, *said.reasons])


def change_json(one: Change) -> dict[str, object]:
    """Return a change as it is told."""
    overall, *reasons = json.loads(one.told)
    recorded_at = one.recorded_at.isoformat(timespec="microseconds") if one.recorded_at else None
    return {
        "ref": one.ref,
        "overall": overall,
        "reasons": reasons,
        "recorded_at": recorded_at,
        "noted_at": one.noted_at.isoformat(timespec="seconds"),
    }
