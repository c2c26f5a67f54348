"""Counting wrong codes on both databases, by one process and by several."""

import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import event, select

from licence_service.store.database import Database
from licence_service.store.failures import SETTLE_SECONDS, WINDOW_SECONDS, Failures
from licence_service.store.payload import Vault
from licence_service.store.tables import failures
from tests.parts.databases import NOW, at_once

ROOT = Path(__file__).parents[2]
HOUR = 3600


class Tick:
    """A second hand that stands until it is moved."""

    def __init__(self) -> None:
        """Start somewhere."""
        self.at = 100.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.at


def so_far(counting: Failures, kind: str, value: str, now: datetime, seconds: int = WINDOW_SECONDS) -> int:
    """Return how many were counted, by counting one and taking it back."""
    counted = counting.count(kind, value, now, seconds=seconds)
    counting.take_back(kind, value, now, seconds=seconds)
    return counted - 1


def test_what_is_taken_back_was_never_counted_for_any_process(database: Database, vault: Vault) -> None:
    one, other = Failures(database, vault), Failures(database, vault)
    one.count("match", "A", NOW)
    one.count("match", "A", NOW)
    one.settle(NOW)
    one.take_back("match", "A", NOW)
    one.settle(NOW)
    one.settle(NOW)

    assert (so_far(one, "match", "A", NOW), so_far(other, "match", "A", NOW)) == (1, 1)


def test_failures_add_up_within_ten_minutes(database: Database, vault: Vault) -> None:
    counting = Failures(database, vault)

    assert [counting.count("address", "192.0.2.1", NOW) for _ in range(3)] == [1, 2, 3]
    assert counting.count("address", "192.0.2.1", NOW + timedelta(minutes=9, seconds=59)) == 4
    assert counting.count("address", "192.0.2.1", NOW + timedelta(minutes=10)) == 1


def test_addresses_and_pairs_are_counted_apart(database: Database, vault: Vault) -> None:
    counting = Failures(database, vault)
    counting.count("address", "192.0.2.1", NOW)

    assert counting.count("address", "192.0.2.2", NOW) == 1
    assert counting.count("pair", "192.0.2.1", NOW) == 1


def test_failures_at_once_are_all_counted(database: Database, vault: Vault) -> None:
    counting = Failures(database, vault)
    got = at_once([lambda: counting.count("address", "192.0.2.1", NOW)] * 12)

    assert sorted(one for one in got if isinstance(one, int)) == list(range(1, 13))


def test_what_was_tried_in_the_hour_is_looked_up_without_being_counted(database: Database, vault: Vault) -> None:
    counting = Failures(database, vault)

    assert so_far(counting, "match", "A", NOW, seconds=HOUR) == 0
    assert [counting.count("match", "A", NOW, seconds=HOUR) for _ in range(2)] == [1, 2]
    assert so_far(counting, "match", "A", NOW + timedelta(minutes=50), seconds=HOUR) == 2
    assert so_far(counting, "match", "A", NOW + timedelta(hours=1), seconds=HOUR) == 0


def test_nobody_can_be_read_from_the_counts_and_a_day_later_they_are_gone(database: Database, vault: Vault) -> None:
    counting = Failures(database, vault)
    for seconds in (600, HOUR):
        counting.count(f"address-{seconds}", "192.0.2.1", NOW, seconds=seconds)
    counting.settle(NOW)
    with database.read() as connection:
        before = connection.execute(select(failures)).all()
    later = NOW + timedelta(days=1, hours=1, minutes=10)
    counting.count("address-600", "192.0.2.9", later)
    counting.settle(later)
    with database.read() as connection:
        after = connection.execute(select(failures)).all()

    assert len(before) == 2
    assert "192" not in str([row.blind for row in before])
    assert len(after) == 1
    assert after[0].blind not in {row.blind for row in before}


def test_several_processes_see_each_others_failures_a_second_later(database: Database, vault: Vault) -> None:
    tick = Tick()
    one, other = Failures(database, vault, tick), Failures(database, vault, tick)

    assert [one.count("pair", "N", NOW) for _ in range(4)] == [1, 2, 3, 4]
    assert other.count("pair", "N", NOW) == 1  # within the same second
    tick.at += SETTLE_SECONDS
    one.settle(NOW)
    other.settle(NOW)
    one.settle(NOW)
    assert (so_far(one, "pair", "N", NOW), so_far(other, "pair", "N", NOW)) == (5, 5)
    assert other.count("pair", "N", NOW) == 6


def test_a_process_that_starts_later_takes_over_what_was_counted(database: Database, vault: Vault) -> None:
    first = Failures(database, vault)
    for _ in range(7):
        first.count("address", "192.0.2.1", NOW)
    first.settle(NOW)

    assert Failures(database, vault).count("address", "192.0.2.1", NOW) == 8


def test_a_flood_costs_one_write_a_second_and_not_one_each(database: Database, vault: Vault) -> None:
    tick = Tick()
    counting = Failures(database, vault, tick)
    writes: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *said: writes.append(said[2]) if said[2].startswith("INSERT") else None)
    for step in range(500):
        counting.count("address", "192.0.2.1", NOW)
        counting.count("pair", f"n-{step % 5}", NOW)
    assert writes == []
    tick.at += SETTLE_SECONDS
    counting.count("address", "192.0.2.1", NOW)

    assert len(writes) <= 2
    assert so_far(Failures(database, vault), "address", "192.0.2.1", NOW) == 500


_PROCESS = """
import sys
from datetime import datetime
from licence_service.store.database import Database
from licence_service.store.failures import Failures
from licence_service.store.payload import Vault
database = Database(sys.argv[1])
counting, now = Failures(database, Vault(b"v" * 32)), datetime.fromisoformat(sys.argv[2])
for step in range(200):
    counting.count("address", "192.0.2.1", now)
    if step % 50 == 49:
        counting.settle(now)
counting.settle(now)
database.close()
"""


def test_two_processes_at_once_lose_no_failure(database: Database, vault: Vault) -> None:
    url = database.url.render_as_string(hide_password=False)
    running = [subprocess.Popen([sys.executable, "-c", _PROCESS, url, NOW.isoformat()], cwd=ROOT) for _ in range(2)]

    assert [one.wait(timeout=60) for one in running] == [0, 0]
    assert so_far(Failures(database, vault), "address", "192.0.2.1", NOW) == 400


def test_a_flood_of_different_numbers_is_let_go_of_and_still_known(database: Database, vault: Vault) -> None:
    counting = Failures(database, vault, Tick(), most_held=100)
    for step in range(150):
        counting.count("pair", f"n-{step}", NOW)
    counting.settle(NOW)

    assert len(counting._held) == 0
    assert counting.count("pair", "n-7", NOW) == 2
