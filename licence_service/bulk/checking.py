"""Checking rows for a platform: answered part by part, tries that do not match counted and slowed (SH-14).

Three limits, all by the hour and the client: as many rows as its ceiling says; no more rows without a match than `FREE_MISSES` and one for
every `MATCHES_A_MISS` that match, since who mostly does not match is guessing; and `TRIES_OF_A_NUMBER` for one number. Beyond a limit a row
is not compared at all and says so, whether its number exists or not.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from licence_service.bulk.judging import NOT_COMPARED, Asked, Bench, Said, Sitting, asked_of
from licence_service.bulk.rows import Row
from licence_service.errors import CeilingReached, TooManyFailures
from licence_service.licence import beijing_day
from licence_service.store.clients import Client
from licence_service.store.numbers import Numbers
from licence_service.store.tries import Tries

PART = 250  # rows that are looked up, judged and sent together
FREE_MISSES = 300
MATCHES_A_MISS = 4
TRIES_OF_A_NUMBER = 10
_ROWS, _MATCHES, _MISSES, _NUMBER = "bulk:rows", "bulk:matches", "bulk:misses", "bulk:number"


@dataclass(frozen=True, slots=True)
class Checking:
    """Answers the rows of platforms."""

    bench: Bench
    numbers: Numbers
    tries: Tries
    now: Callable[[], datetime] = field(repr=False)

    def types(self, client: Client) -> list[str]:
        """Return the types that a client may ask about."""
        return [slug for slug in self.bench.verifier.catalogue.slugs if client.may_touch(slug)]

    def admit(self, client: Client, count: int) -> None:
        """Count so many rows; `CeilingReached` over the hour's ceiling, `TooManyFailures` where the client's rows mostly do not match."""
        now = self.now()
        if self._count(_MISSES, client, now) >= allowed(self._count(_MATCHES, client, now)):
            raise TooManyFailures("most rows did not match; try again in the next hour")
        self.tries.add(_ROWS, {client.name: count}, now)  # first, so that requests sent at once are all seen
        if self._count(_ROWS, client, now) > client.hourly_ceiling:
            self.tries.add(_ROWS, {client.name: -count}, now)
            raise CeilingReached(f"at most {client.hourly_ceiling} rows an hour")

    def parts(self, client: Client, rows: Sequence[Row], valid_at: date | None) -> Iterator[list[Said]]:
        """Yield the answers to rows that were admitted, part by part in their order, all about one day under one law."""
        sitting = self.bench.sitting(client.may_touch, valid_at or beijing_day(self.now()))
        for start in range(0, len(rows), PART):
            yield self._part(client, sitting, rows[start : start + PART])

    def _part(self, client: Client, sitting: Sitting, rows: Sequence[Row]) -> list[Said]:
        now = self.now()
        asked = [asked_of(self.numbers, row) for row in rows]
        keys = [f"{client.name} {one.number}" for one in asked]
        tried = Counter(self.tries.of(_NUMBER, keys, now))
        misses, matches = self._count(_MISSES, client, now), self._count(_MATCHES, client, now)
        answers, fresh, matched = [], Counter[str](), 0
        for key, said in zip(keys, self._compared(sitting, asked, [tried[key] < TRIES_OF_A_NUMBER for key in keys]), strict=True):
            over = misses + fresh.total() >= allowed(matches + matched) or tried[key] + fresh[key] >= TRIES_OF_A_NUMBER
            answer = NOT_COMPARED if over else said
            fresh[key] += answer.match is False
            matched += answer.match is True
            answers.append(answer)
        self.tries.add(_NUMBER, fresh, now)
        self.tries.add(_MISSES, {client.name: fresh.total()}, now)
        self.tries.add(_MATCHES, {client.name: matched}, now)
        return answers

    @staticmethod
    def _compared(sitting: Sitting, asked: Sequence[Asked], free: Sequence[bool]) -> list[Said]:
        """Return what is said of the rows that may be tried."""
        found = iter(sitting.said([one for one, may in zip(asked, free, strict=True) if may], level=True))
        return [next(found) if may else NOT_COMPARED for may in free]

    def _count(self, kind: str, client: Client, now: datetime) -> int:
        return self.tries.of(kind, [client.name], now).get(client.name, 0)


def allowed(matches: int) -> int:
    """Return how many rows of an hour may fail to match beside so many that do."""
    return FREE_MISSES + matches // MATCHES_A_MISS
