"""Status lists of a province: two million licences with three documents each, one in twenty not valid.

    python -m bench.status [licences]

The lists are built by the product from a database on SQLite. Loaded are all rows of `licences` and `versions`, and the entries of the
licences that are folded: suspended ones; the entries of the others are not read. `status_list_over_entropy` is the size of all lists
over the entropy of their states, each state taken by itself; `status_list_sparse_over_entropy` is the same for lists in which only one
place in twenty is taken at random, as if all first documents were the current ones.
"""

import json
import math
import random
import sys
import tempfile
import time
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from bench.record import record
from licence_service.bundle import sign_delta
from licence_service.entry_form import written
from licence_service.licence import Act, Suspension, beijing_day
from licence_service.listing import StatusLists
from licence_service.publishing import LAPSES_AHEAD
from licence_service.status import PLACES, Status, blank, compressed, put
from licence_service.store.database import Database
from licence_service.store.listings import Listings
from licence_service.store.status import Lists, Statuses
from licence_service.store.tables import entries, licences, versions
from tests.builders import a_version, an_entry
from tests.offline_cases import KEEPER, bundle

LICENCES, EACH, CHANGED = 2_000_000, 3, 5_000
ENDED, SUSPENDED = 0.03, 0.02
NOW = datetime(2026, 6, 20, 1, 0, tzinfo=UTC)
DAY = beijing_day(NOW)
_BATCH = 20_000


def place(number: int) -> tuple[int, int]:
    """Return a place as random as the product's, by shuffling instead of by six digests."""
    return number // PLACES, _order(number // PLACES)[number % PLACES]


@cache
def _order(number: int) -> "array[int]":
    drawn = array("I", range(PLACES))
    random.Random(number).shuffle(drawn)
    return drawn


def load(database: Database, count: int) -> None:
    """Fill the tables."""
    rng = random.Random(3)
    raw: Any = database.engine.raw_connection()
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF", "cache_size=-800000"):
        raw.cursor().execute(f"PRAGMA {pragma}")
    cursor = raw.cursor()
    cursor.execute("BEGIN")
    number = line = 0
    for start in range(0, count, _BATCH):
        batch: dict[str, list[tuple[Any, ...]]] = {"licences": [], "versions": [], "entries": []}
        for key in range(start + 1, min(start + _BATCH, count) + 1):
            drawn = rng.random()
            halted, over = ENDED <= drawn < ENDED + SUSPENDED, drawn < ENDED
            places = [place(number + one) for one in range(EACH)]
            number += EACH
            batch["licences"].append(_licence(key, halted=halted, over=over))
            batch["versions"] += [_version(key, version, at) for version, at in enumerate(places, 1)]
            if halted:
                for sequence, body in enumerate(_suspended(key, places), 1):
                    line += 1
                    act = "suspend" if sequence > EACH else "issue" if sequence == 1 else "renew"
                    batch["entries"].append((line, key, sequence, act, DAY.isoformat(), line, body, "", "", line))
        for name, table in (("licences", licences), ("versions", versions), ("entries", entries)):
            columns = [column.name for column in table.columns]
            cursor.executemany(f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", batch[name])  # noqa: S608
    raw.commit()
    raw.close()
    database.engine.dispose()


def _licence(key: int, *, halted: bool, over: bool) -> tuple[Any, ...]:
    row = {
        "id": key, "licence_id": f"{key:020d}", "type": "t", "department": "d", "head": EACH, "current_version": EACH, "valid_from": "2026-01-01",
        "valid_to": "2032-01-01", "ended_on": "2026-03-01" if over else None, "ending": "revoked" if over else None, "issuer": "d",
        "suspended_from": "2026-06-01" if halted else None, "suspended_to": "2026-07-15" if halted else None,
    }  # fmt: skip
    return tuple(row.get(column.name) for column in licences.columns)


def _version(key: int, version: int, at: tuple[int, int]) -> tuple[Any, ...]:
    own = key * EACH + version
    return (own, key, version, f"e{own}", f"{own:064d}", f"{own:064d}", f"d{own}", *at)


def _suspended(key: int, places: list[tuple[int, int]]) -> Iterator[str]:
    for sequence, at in enumerate(places, 1):
        act = Act.ISSUE if sequence == 1 else Act.RENEW
        one = an_entry(act, licence_id=f"{key:020d}", sequence=sequence, version=a_version(sequence, status=at))
        yield written(one, NOW - timedelta(days=9), "")[1].decode()
    halt = Suspension("penalty", date(2026, 6, 1), date(2026, 7, 15))
    yield written(an_entry(Act.SUSPEND, licence_id=f"{key:020d}", sequence=EACH + 1, version=None, suspension=halt), NOW, "")[1].decode()


def entropy(lists: Lists) -> tuple[float, Counter[int]]:
    """Return the entropy of all lists in bytes, of each state by itself, as often as it occurs in its list; and how often that is."""
    whole: Counter[int] = Counter()
    size = 0.0
    for places in lists.places.values():
        counts: Counter[int] = Counter()
        for byte, times in Counter(bytes(places)).items():
            for part in range(4):
                counts[byte >> part * 2 & 3] += times
        size += sum(-count * math.log2(count / PLACES) for count in counts.values()) / 8
        whole += counts
    return size, whole


def sparse() -> float:
    """Return size over entropy of one list in which one place in twenty is taken."""
    rng = random.Random(5)
    places = blank()
    for index in rng.sample(range(PLACES), PLACES // 20):
        put(places, index, rng.choices((1, 2, 3), (3, 1, 1))[0])
    bits, _ = entropy(Lists({0: places}))
    return len(compressed(places)) / bits


def a_day_later(made: Lists, rng: random.Random, count: int) -> Lists:
    """Change so many licences: half get a new document, the others are suspended, lifted or ended."""
    after = Lists({number: bytearray(places) for number, places in made.places.items()}, dict(made.lapses))
    for step in range(count):
        number, index = place(rng.randrange(LICENCES * EACH))
        if number not in after.places:
            continue
        status = Status.SUPERSEDED if step % 2 else Status(rng.randint(0, 2))
        after.put((number, index), status, DAY + timedelta(days=rng.randint(5, 50)) if status is Status.SUSPENDED else None)
    return after


def delta_bytes(before: Lists, after: Lists) -> int:
    """Return the size of the signed delta between two bundles."""
    whole = []
    for step, made in enumerate((before, after)):
        lapses = {at: last for at, last in made.lapses.items() if last <= DAY + LAPSES_AHEAD}
        places = {number: bytes(one) for number, one in made.places.items()}
        whole.append(replaced(places, lapses, NOW + timedelta(days=step)))
    return len(sign_delta(whole[0], whole[1], KEEPER))


def replaced(places: dict[int, bytes], lapses: dict[tuple[int, int], date], at: datetime) -> Any:
    """Return a bundle with these lists."""
    return replace(bundle(), lists=places, lapses=lapses, as_of=at, signed_at=at)


def run(count: int = LICENCES) -> None:
    """Load, build, measure."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        database = Database(f"sqlite:///{Path(folder) / 'register.db'}")
        database.migrate()
        began = time.perf_counter()
        load(database, count)
        print(f"{count} licences loaded in {time.perf_counter() - began:.0f} s", flush=True)
        lists = StatusLists(Statuses(database), Listings(database), KEEPER, "https://licence.example.cn", lambda: NOW)
        began, worked = time.perf_counter(), time.process_time()
        newest = lists.refresh()
        built, worked = time.perf_counter() - began, time.process_time() - worked
        made, sent = lists.listings.made(newest), lists.listings.lists(newest)
        size = sum(len(one.content) for one in sent.values())
        bits, counts = entropy(made)
        delta = delta_bytes(made, a_day_later(made, random.Random(9), CHANGED))
        database.close()
    print(json.dumps({Status(state).name.lower(): times for state, times in sorted(counts.items())}), f"{len(sent)} lists, {size} bytes")
    record("status_list_over_entropy", size / bits, better="lower", ours=size, peer=bits, unit="bytes", worst=size / bits, rounds=1)
    ratio = sparse()
    record("status_list_sparse_over_entropy", ratio, better="lower", ours=ratio, peer=1.0, unit="ratio", worst=ratio, rounds=1)
    record("status_build_seconds", built, better="lower", ours=built, peer=None, unit="s", worst=built, rounds=1)
    record("status_build_cpu_seconds", worked, better="lower", ours=worked, peer=None, unit="s", worst=worked, rounds=1)
    record("status_delta_bytes", delta, better="lower", ours=delta, peer=None, unit="bytes", worst=delta, rounds=1)


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else LICENCES)
