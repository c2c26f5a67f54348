"""Notices of deadlines on both databases: written once, withdrawn in time, gathered for companies, whoever is killed and however many work."""

import json
import os
import signal
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from licence_service.errors import Misconfigured
from licence_service.licence import BEIJING
from licence_service.reminding import read_quiet
from licence_service.store.cards import Scope
from licence_service.store.database import Database
from licence_service.store.deadline_looks import DeadlineLooks
from licence_service.store.notices import KeptNotices
from licence_service.store.payload import Vault
from licence_service.store.tables import licences
from licence_service.store.tables_of_notices import deadline_looks as looks
from licence_service.store.tables_of_notices import notice_messages, notices
from tests.foreseen import DRIVER, TAXI, VEHICLE, Deed, Life
from tests.parts.databases import Clock, at_once
from tests.parts.test_rows_in_order import one_after_the_other
from tests.wallets import APPS, Wallets, beijing, changed

LAST = date(2027, 6, 30)
REMINDED = LAST - timedelta(days=30)
ME, FIRM = "519902198506120111", "91519902MA99011003"


def on(day: date, hour: int = 9, minute: int = 0) -> datetime:
    return beijing(datetime.combine(day, time(hour, minute)))


def a_life(number: int = 1, slug: str = DRIVER, **more: Any) -> Life:
    first = date(2024, 7, 1)
    given: dict[str, Any] = {"ends": LAST} if slug != VEHICLE else {"ends": None, "due": LAST}
    return Life(f"{number:020d}", slug, first, **(given | more))


@pytest.fixture
def wallets(database: Database, vault: Vault) -> Wallets:
    made = Wallets(database, vault, Clock(on(date(2027, 1, 1))))
    made.begin()
    return made


def kept(wallets: Wallets, *lives: Life, who: str = ME, host: str | None = APPS[0], company: bool = False) -> str:
    """Issue licences, and have their holder claim them."""
    holder = wallets.holder(who, company=company)
    for life in lives:
        wallets.issue(life, who)
        wallets.claim(holder, who, life.licence_id, host)
    return holder


def states(wallets: Wallets) -> dict[str, int]:
    with wallets.database.read() as connection:
        return {state: number for state, number in connection.execute(select(notices.c.state, func.count()).group_by(notices.c.state))}  # noqa: C416 - rows


def sent(wallets: Wallets) -> list[str]:
    return sorted(one.identity for one in wallets.sent())


def work_until(wallets: Wallets, day: date, hour: int = 9) -> None:
    """Do rounds every day up to a time of a day."""
    while wallets.clock.now < on(day, hour):
        wallets.clock.now = min(wallets.clock.now + timedelta(days=1), on(day, hour))
        wallets.rounds()


def test_a_holder_is_told_once_of_each_day_and_a_host_app_without_anything_of_a_person(wallets: Wallets) -> None:
    holder = kept(wallets, a_life(born=date(1964, 7, 5)))
    work_until(wallets, LAST + timedelta(days=200))
    closes = LAST + timedelta(days=180)
    assert sent(wallets) == sorted(["age||2027-07-05", f"last_day||{LAST}", f"lapse||{closes}", f"renewal||{LAST}"])
    said = [json.loads(one.content) for one in wallets.messages()]
    assert [one["data"]["duty"] for one in said] == ["age", "renewal", "last_day", "lapse"]
    assert {one["data"]["holder"] for one in said} == {holder}
    assert [one["data"]["due_on"] for one in said] == [None, str(LAST), str(LAST), str(closes)]
    with wallets.database.read() as connection:
        raw = str(connection.execute(select(notices)).all()) + str(connection.execute(select(notice_messages)).all())
    for personal in (ME, "2027-07-05", "1964-07-05", "某"):
        assert personal not in raw


def test_a_day_costs_what_falls_on_it(wallets: Wallets) -> None:
    kept(wallets, *(a_life(number, ends=LAST + timedelta(days=number)) for number in range(1, 6)))
    work_until(wallets, date(2027, 1, 3))
    looks = DeadlineLooks(wallets.database)
    first = REMINDED + timedelta(days=1)
    assert [looks.count_due(first + timedelta(days=number)) for number in range(-1, 5)] == [0, 1, 2, 3, 4, 5]


def test_what_is_found_in_quiet_hours_is_sent_when_they_are_over(wallets: Wallets) -> None:
    kept(wallets, a_life())
    for at, wanted in ((on(REMINDED, 0, 5), {"waiting": 1}), (on(REMINDED, 7, 59), {"waiting": 1}), (on(REMINDED, 8), {"sent": 1})):
        wallets.clock.now = at
        wallets.rounds()
        assert states(wallets) == wanted


@pytest.mark.parametrize("reason", ["renewed", "given back", "ended"])
def test_a_notice_whose_reason_falls_away_before_it_is_sent_is_withdrawn(wallets: Wallets, reason: str) -> None:
    life = a_life()
    holder = kept(wallets, life)
    wallets.clock.now = on(REMINDED, 0, 5)
    wallets.rounds()
    wallets.clock.now = on(REMINDED, 6)
    at = datetime.combine(REMINDED, time(6))
    if reason == "given back":
        wallets.release(holder, life.licence_id)
    else:
        wallets.do(life, Deed(at, "renew" if reason == "renewed" else "end", date(2030, 6, 30)), ME)
    wallets.clock.now = on(REMINDED)
    wallets.rounds()
    assert states(wallets) == {"withdrawn": 1}
    if reason == "given back":  # and claimed again: nothing was sent, so that it is told now
        wallets.claim(holder, ME, life.licence_id, None)
        wallets.rounds()
        assert states(wallets) == {"sent": 1}


def test_a_card_that_is_given_back_and_claimed_again_is_not_told_of_twice_and_another_holder_is_told(wallets: Wallets) -> None:
    life = a_life()
    holder = kept(wallets, life)
    work_until(wallets, REMINDED)
    wallets.release(holder, life.licence_id)
    wallets.claim(holder, ME, life.licence_id, APPS[1])
    work_until(wallets, REMINDED + timedelta(days=3))
    assert sent(wallets) == [f"renewal||{LAST}"]
    other = wallets.holder(FIRM, company=True)
    wallets.claim(other, ME, life.licence_id, None)
    wallets.rounds()
    assert sorted((one.holder, one.identity) for one in wallets.sent()) == sorted([(holder, f"renewal||{LAST}"), (other, f"renewal||{LAST}")])


def test_a_rule_that_reminds_earlier_tells_nobody_twice_and_one_that_moves_a_day_tells_of_it(wallets: Wallets) -> None:
    life, other = a_life(), a_life(2, ends=LAST + timedelta(days=25))
    kept(wallets, life, other)
    work_until(wallets, LAST - timedelta(days=20))
    assert sent(wallets) == [f"renewal||{LAST}"]
    wallets.enact(changed("renewal_of_practitioners", reminder_days=60, lapse_days=20))
    wallets.rounds()
    assert sent(wallets) == [f"renewal||{LAST}", f"renewal||{LAST + timedelta(days=25)}"]
    work_until(wallets, LAST + timedelta(days=1))
    assert f"lapse||{LAST + timedelta(days=20)}" in sent(wallets)
    wallets.enact(changed("renewal_of_practitioners", reminder_days=60, lapse_days=40))
    wallets.rounds()
    assert {one for one in sent(wallets) if one.startswith("lapse")} == {f"lapse||{LAST + timedelta(days=days)}" for days in (20, 40)}


def test_a_company_has_one_message_a_day_with_counts(wallets: Wallets) -> None:
    fleet = [a_life(number, VEHICLE) for number in range(1, 41)]
    late = a_life(50, VEHICLE)
    kept(wallets, *fleet, who=FIRM, company=True)
    work_until(wallets, REMINDED)
    assert states(wallets) == {"sent": 40}
    holder = kept(wallets, late, who=FIRM, company=True)  # claimed after the day's message
    wallets.rounds()
    assert states(wallets) == {"sent": 40, "waiting": 1}
    work_until(wallets, REMINDED + timedelta(days=1))
    said = [json.loads(one.content)["data"] for one in wallets.messages()]
    assert said == [
        {"holder": holder, "day": str(REMINDED), "notices": 40, "licences": 40, "counts": {"condition": 40}},
        {"holder": holder, "day": str(REMINDED + timedelta(days=1)), "notices": 1, "licences": 1, "counts": {"condition": 1}},
    ]
    work_until(wallets, LAST + timedelta(days=2))
    assert len(sent(wallets)) == 82  # each fell due and was not met
    assert len(wallets.messages()) == 3


def test_a_vehicle_that_was_sold_is_told_of_to_nobody_who_had_it(wallets: Wallets) -> None:
    life = a_life(slug=VEHICLE)
    kept(wallets, life, who=FIRM, company=True)
    wallets.do(life, Deed(datetime.combine(date(2027, 1, 2), time()), "sell"), "91519902MA99011999")
    work_until(wallets, LAST)
    assert sent(wallets) == []


def test_of_many_processes_none_tells_of_anything_twice(wallets: Wallets) -> None:
    kept(wallets, *(a_life(number) for number in range(1, 31)))
    kept(wallets, *(a_life(number, VEHICLE) for number in range(101, 131)), who=FIRM, company=True)
    wallets.clock.now = on(REMINDED)
    done = at_once([lambda: wallets.rounds(wallets.reminding())] * 4)
    assert [one for one in done if isinstance(one, Exception)] == []
    wallets.rounds()
    assert states(wallets) == {"sent": 60}
    assert [one.place for one in wallets.messages()] == list(range(1, 32))


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("step", ["an entry", "the law", "a look"])
def test_rows_of_looks_are_locked_in_one_order_so_that_no_two_processes_wait_for_each_other(wallets: Wallets, step: str) -> None:
    lives = [a_life(number) for number in range(1, 5)]
    kept(wallets, *lives)
    wallets.rounds()
    match step:
        case "an entry":
            wallets.do(lives[0], Deed(datetime.combine(date(2027, 1, 1), time(9)), "train", hours=1), ME)
            wallets.do(lives[-1], Deed(datetime.combine(date(2027, 1, 1), time(9)), "train", hours=1), ME)
        case "the law":
            wallets.enact(changed("renewal_of_practitioners", reminder_days=60))
        case _:
            wallets.clock.now = on(REMINDED)
            assert not wallets.reminding().looks.follow()
    first, last = (
        looks.c.licence == select(licences.c.id).where(licences.c.licence_id == one.licence_id).scalar_subquery() for one in (lives[0], lives[-1])
    )
    with wallets.database.write() as connection:  # its row lies behind the others now
        connection.execute(update(looks).where(first).values(marks=looks.c.marks + 1))
    one_after_the_other(wallets.database, wallets.rounds, select(looks).where(first), select(looks).where(last))
    assert wallets.reminding().looks.count_due(date(2027, 1, 1)) == 0


def test_what_is_entered_while_a_process_looks_is_looked_at_again(wallets: Wallets) -> None:
    life = a_life()
    kept(wallets, life)
    wallets.clock.now = on(REMINDED)

    def renewed(name: str) -> None:
        if name == "look" and not wallets.suspensions:
            wallets.suspensions[life.licence_id, date.min] = 0
            wallets.do(life, Deed(datetime.combine(REMINDED, time(9)), "renew", date(2030, 6, 30)), ME)
            wallets.reminding().looks.follow()

    wallets.rounds(wallets.reminding(renewed))
    assert states(wallets) == {}


@pytest.mark.parametrize("steps", [1, 4, 7, *(pytest.param(one, marks=pytest.mark.long) for one in (2, 3, 5, 6))])
def test_a_process_that_is_killed_before_any_step_loses_nothing_and_doubles_nothing(wallets: Wallets, steps: int) -> None:
    kept(wallets, *(a_life(number) for number in range(1, 4)))
    kept(wallets, *(a_life(number, VEHICLE) for number in range(101, 104)), who=FIRM, company=True)
    wallets.clock.now = on(REMINDED)
    url = wallets.database.url.render_as_string(hide_password=False)
    wallets.database.close()
    child = os.fork()
    if child == 0:
        _die_at(url, wallets, steps)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    wallets.rounds()
    assert states(wallets) == {"sent": 6}
    assert len(wallets.messages()) == 4


def _die_at(url: str, wallets: Wallets, steps: int) -> None:
    """Work in a process of its own, and be killed before a step or, where there are fewer, at the end."""
    try:
        left = [steps]

        def step(_name: str) -> None:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        mine = Wallets(Database(url), wallets.vault, wallets.clock)
        mine.rounds(mine.reminding(step))
    finally:
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_long_book_and_a_change_of_law_are_followed_a_stretch_at_a_time(wallets: Wallets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("licence_service.store.deadline_looks.STRETCH", 2)
    monkeypatch.setattr("licence_service.store.deadline_looks.ROWS", 3)
    kept(wallets, *(a_life(number) for number in range(1, 11)))
    work_until(wallets, REMINDED)
    assert len(sent(wallets)) == 10
    wallets.enact(changed("renewal_of_practitioners", reminder_days=60, lapse_days=20))
    looks = DeadlineLooks(wallets.database)
    marked = []
    while looks.follow():
        marked.append(looks.count_due(REMINDED))
    assert marked == [3, 6, 9, 10]
    assert wallets.rounds() == 10  # looked at, and nobody is told again
    assert len(sent(wallets)) == 10


def test_a_holder_reads_what_they_were_told_of_their_cards(wallets: Wallets) -> None:
    holder = kept(wallets, a_life(1), a_life(2, slug=TAXI))
    work_until(wallets, LAST)
    told = KeptNotices(wallets.database, wallets.vault)
    found = told.of(Scope(holder), None, 100)
    wanted = [("1", "renewal"), ("1", "last_day"), ("2", "renewal"), ("2", "last_day"), ("2", "condition")]
    assert sorted((one.licence_id[-1], one.content["duty"]) for one in found) == sorted(wanted)
    assert [one.key for one in told.of(Scope(holder), found[1].key, 1)] == [found[2].key]
    assert {one.type for one in told.of(Scope(holder, types=(DRIVER,)), None, 100)} == {DRIVER}
    assert told.of(Scope("0" * 26), None, 100) == []
    wallets.release(holder, f"{1:020d}")
    assert {one.licence_id[-1] for one in told.of(Scope(holder), None, 100)} == {"2"}


QUIET: tuple[tuple[str, time, time], ...] = (
    ("21:00-08:00", time(22), time(8)), ("21:00-08:00", time(8), time(8)), ("21:00-08:00", time(20, 59), time(20, 59)),
    ("21:00-08:00", time(3), time(8)), ("12:00-14:00", time(13), time(14)), ("12:00-14:00", time(11), time(11)), ("", time(3), time(3)),
)  # fmt: skip


@pytest.mark.parametrize(("text", "found", "sent_at"), QUIET)
def test_quiet_hours_end_where_the_setting_says(text: str, found: time, sent_at: time) -> None:
    instant = datetime.combine(LAST, found, BEIJING).astimezone(UTC)
    later = read_quiet(text).over(instant).astimezone(BEIJING)
    assert later.time() == sent_at
    assert later.date() - LAST == timedelta(days=1 if found == time(22) else 0)
    assert later >= instant


@pytest.mark.parametrize("text", ["21-8", "24:00-08:00", "21:00", "21:00-08:60", "nachts"])
def test_other_words_for_quiet_hours_are_refused(text: str) -> None:
    with pytest.raises(Misconfigured):
        read_quiet(text)
