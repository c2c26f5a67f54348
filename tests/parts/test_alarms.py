"""When an hour's uses of a seal are an alarm, on both databases (AI-05)."""

from datetime import timedelta

import pytest

from licence_service.errors import SealStopped
from licence_service.store.alarms import Watch
from licence_service.store.database import Database
from licence_service.store.seal_log import ALARM, Brake, SealLog
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

    assert ask(log, 11)  # the same uses, come again
    assert ask(log, 11)  # twice what was looked at
    assert not ask(log, 1)
    log.order(SEAL, stopped=False, at=NOW, by="officer", reason="the same")
    assert ask(log, 24)
    assert not ask(log, 1)


@pytest.mark.rule("AI-05")
def test_what_an_alarm_held_back_counts_nowhere_until_it_is_let_through(database: Database) -> None:
    log, brake = SealLog(database), Brake("11519900MB9900021Q", "practitioner_qualification", "", 1000)
    chunk = [a_use(reservation_id=f"{number:026}") for number in range(1000)]
    with pytest.raises(SealStopped):
        log.write_all(chunk, NOW, [brake] * 1000, [Watch(SEAL, 4, 10)] * 1000)
    assert log.left(brake, NOW) == 1000
    log.order(SEAL, stopped=False, at=NOW, by="officer", reason="checked")

    assert len(log.write_all(chunk, NOW, [brake] * 1000, [Watch(SEAL, 4, 10)] * 1000)) == 1000
    assert log.left(brake, NOW) == 0
    assert not ask(log, 5000, 1)
    log.order(SEAL, stopped=False, at=NOW, by="officer", reason="checked")
    assert not ask(log, 4001, 2)  # the usual is what went through, not what was tried


def test_a_seal_that_was_stopped_after_it_was_asked_for_is_not_used(database: Database) -> None:
    log = SealLog(database)
    log.order(SEAL, stopped=True, at=NOW, by="officer", reason="a drill")
    before = len(log.uses())
    with pytest.raises(SealStopped):
        log.write(a_use(), NOW)
    log.write(a_use(event="refused", reason="stopped"), NOW)

    assert [use["event"] for use in log.uses()[before:]] == ["refused"]


def test_the_weeks_before_are_four_and_another_seals_uses_are_not_counted(database: Database) -> None:
    log = SealLog(database)
    ask(log, 10)
    log.write_all([a_use(seal_id="other")], NOW, (), [Watch("other", 4, 1000)] * 30)

    assert ask(log, 40, 24 * 28)
    assert not ask(log, 11, 24 * 28 + 24 * 28 + 1)  # all of it lies further back


def test_uses_of_many_at_once_give_one_alarm(database: Database) -> None:
    log = SealLog(database)
    told = at_once([lambda: ask(log, 1)] * 40)

    assert (sum(one is True for one in told), [order.by for order in log.orders(SEAL)]) == (10, [ALARM])
    assert len(log.uses()) == 10  # nobody who was on the way passed the seal that was stopped
