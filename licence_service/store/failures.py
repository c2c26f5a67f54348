"""Wrong codes, counted by address and by pair in fixed windows of time. A right code is never refused (DESIGN §2).

Counted in the memory of the process and settled with the database once a second, so that a flood of wrong codes costs no write each: several
processes see each other's counts at most a second late. What a process that is killed had not settled is lost.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from licence_service.store.database import Database
from licence_service.store.parting import parts
from licence_service.store.payload import Vault
from licence_service.store.sweeping import sweep
from licence_service.store.tables import failures

WINDOW_SECONDS, AN_HOUR = 600, 3600
SETTLE_SECONDS = 1.0
_KEPT = 86_400 // WINDOW_SECONDS  # windows that are kept: a day
MOST_HELD = 50_000  # keys in memory; a flood of different keys is settled and let go of

Key = tuple[str, int]  # blind, window


def _adding(dialect: Any) -> Any:  # noqa: ANN401 - both dialects know this statement, the library's common form does not
    inserted = dialect.insert(failures).values(blind=bindparam("blind"), window=bindparam("window"), count=bindparam("count"))
    return inserted.on_conflict_do_update(
        index_elements=[failures.c.blind, failures.c.window], set_={"count": failures.c.count + inserted.excluded.count}
    )


_ADD = {"sqlite": _adding(sqlite), "postgresql": _adding(postgresql)}  # exact, however many processes add at once
_READ = select(failures.c.blind, failures.c.window, failures.c.count).where(
    failures.c.blind.in_(bindparam("blinds", expanding=True)), failures.c.window.in_(bindparam("windows", expanding=True))
)


def add_counts(connection: Connection, counts: Mapping[Key, int]) -> None:
    """Add to the rows of keys by one statement, always in the same order, so that two processes never wait for each other in a circle."""
    rows = [{"blind": blind, "window": window, "count": count} for (blind, window), count in sorted(counts.items()) if count]
    if rows:
        connection.execute(_ADD[connection.dialect.name], rows)


def counts_of(connection: Connection, keys: Collection[Key]) -> dict[Key, int]:
    """Return the counts of those of these keys that have a row."""
    blinds, windows = sorted({blind for blind, _ in keys}), sorted({window for _, window in keys})
    found: dict[Key, int] = {}
    for part in parts(blinds):
        rows = connection.execute(_READ, {"blinds": part, "windows": windows})
        found |= {(blind, window): int(count) for blind, window, count in rows}
    return {key: found[key] for key in keys if key in found}


@dataclass(slots=True)
class _Held:
    """What this process knows of one key: settled with all processes, and its own since then."""

    settled: int = 0
    own: int = 0

    @property
    def count(self) -> int:
        return self.settled + self.own


class Failures:
    """Counts wrong attempts; addresses and pairs are kept blinded only, and forgotten after a day."""

    def __init__(self, database: Database, vault: Vault, tick: Callable[[], float] = time.monotonic, most_held: int = MOST_HELD) -> None:
        """Take the database, the vault that blinds, the clock by which a second is measured, and how many keys memory holds."""
        self._database = database
        self._vault = vault
        self._tick = tick
        self._most_held = most_held
        self._lock = Lock()
        self._settling = Lock()
        self._held: dict[Key, _Held] = {}
        self._settled_at = -SETTLE_SECONDS
        self._swept = 0

    def count(self, kind: str, value: str, now: datetime, *, seconds: int = WINDOW_SECONDS) -> int:
        """Add one failure and return how many there were in this window of so many seconds (a multiple of 600).

        A key that this process has not met is read from the database once.
        """
        return self._counted(kind, value, now, seconds, add=1)

    def take_back(self, kind: str, value: str, now: datetime, *, seconds: int = WINDOW_SECONDS) -> None:
        """Take one back that was counted before it was known to be none."""
        self._counted(kind, value, now, seconds, add=-1)

    def _counted(self, kind: str, value: str, now: datetime, seconds: int, add: int) -> int:
        key = (self._vault.blind(kind, value), _window(now, seconds))
        if self._tick() - self._settled_at >= SETTLE_SECONDS:
            self.settle(now)
        with self._lock:
            held = self._held.get(key)
        settled = self._read([key]).get(key, 0) if held is None else 0
        with self._lock:
            held = self._held.setdefault(key, _Held(settled))
            held.own += add
            return held.count

    def settle(self, now: datetime) -> None:
        """Add what this process counted to the database and take over what the others did; one thread at a time, the rest go on."""
        if not self._settling.acquire(blocking=False):
            return
        try:
            self._settled_at = self._tick()
            self._settle(_window(now, WINDOW_SECONDS))
        finally:
            self._settling.release()

    def _settle(self, window: int) -> None:
        with self._lock:
            for key in [key for key in self._held if key[1] < window - _KEPT]:
                del self._held[key]
            taken = {key: held.own for key, held in self._held.items()}
        if any(taken.values()):
            with self._database.write() as connection:
                add_counts(connection, taken)
                if window > self._swept:
                    sweep(connection, failures, failures.c.window < window - _KEPT)  # last, as it waits for nobody
                    self._swept = window
        known = self._read(taken)
        with self._lock:
            for key, own in taken.items():
                held = self._held.get(key)
                if held:
                    held.own -= own
                    held.settled = max(known.get(key, 0), held.settled + own)
            if len(self._held) > self._most_held:
                self._held = {key: held for key, held in self._held.items() if held.own}

    def _read(self, keys: Collection[Key]) -> dict[Key, int]:
        """Return what the database says of keys."""
        with self._database.read() as connection:
            return counts_of(connection, keys)


def _window(now: datetime, seconds: int) -> int:
    """Return the start of the window, in units of ten minutes, so that windows of every length are swept alike."""
    length = seconds // WINDOW_SECONDS
    return int(now.timestamp()) // seconds * length
