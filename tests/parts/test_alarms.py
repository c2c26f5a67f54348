"""When an hour's uses of a seal are an alarm, on both databases (AI-05)."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence_service.errors import SealStopped
from licence_service.store.alarms import Watch, _doublings
from licence_service.store.database import Database
from licence_service.store.seal_log import ALARM, SealLog
from tests.parts.databases import NOW, at_once
from tests.parts.test_seal_log import a_use

HOUR = timedelta(hours=1)
SEAL = a_use().seal_id


def ask(log: SealLog, uses: int, hours: int = 0, *, times: int = 4, least: int = 10) -> bool:
    """Ask for so many uses; say whether they were let through."""
    try:
        log.write_all([a_use(reservation_id=f"{number:026}") for number in range(uses)], NOW + hours * HOUR, (), [Watch(SEAL, times, least)] * uses)
    except SealStopped:
        return False
    return True


@pytest.mark.rule("AI-05")
def test_an_hour_with_far_more_uses_than_any_before_stops_the_seal_and_says_why(database: Database) -> None:
    log = SealLog(database)
    assert [ask(log, uses, hour) for hour, uses in enumerate((10, 3, 40))] == [True] * 3  # at most the least, fewer, four times as many
    before = len(log.uses())

    assert not ask(log, 161, 3)
    assert log.stopped(SEAL)
    assert len(log.uses()) == before
    (order,) = log.orders(SEAL)
    assert (order.stopped, order.by, order.reason) == (True, ALARM, "alarm: 161 uses in this hour; the busiest of the last 28 days had 40")


@pytest.mark.rule("AI-05")
def test_what_an_officer_has_looked_at_goes_on_until_it_has_doubled(database: Database) -> None:
    log = SealLog(database)
    assert not ask(log, 11)
    log.order(SEAL, stopped=False, at=NOW, by="officer", reason="a campaign of the city")

    assert ask(log, 9)  # 20: twice the limit
    assert not ask(log, 1)
    log.order(SEAL, stopped=False, at=NOW, by="officer", reason="the same")
    assert ask(log, 19)
    assert not ask(log, 1)


def test_the_weeks_before_are_four_and_another_seals_uses_are_not_counted(database: Database) -> None:
    log = SealLog(database)
    ask(log, 10)
    log.write_all([a_use(seal_id="other")], NOW, (), [Watch("other", 4, 1000)] * 30)

    assert ask(log, 40, 24 * 28)
    assert not ask(log, 11, 24 * 28 + 24 * 28 + 1)  # all of it lies further back


def test_uses_of_many_at_once_give_one_alarm(database: Database) -> None:
    log = SealLog(database)
    told = at_once([lambda: ask(log, 1)] * 40)

    assert sum(one is False for one in told) == 2  # past the limit, and past twice the limit
    assert sum(one is True for one in told) == 38
    assert [order.by for order in log.orders(SEAL)] == [ALARM] * 2


@given(limit=st.integers(1, 10**6), uses=st.integers(0, 10**9))
def test_an_alarm_is_repeated_as_uses_double(limit: int, uses: int) -> None:
    found = _doublings(uses, limit)
    assert uses <= limit * 2**found
    assert found == 0 or uses > limit * 2 ** (found - 1)
