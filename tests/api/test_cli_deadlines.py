"""`licence-service deadlines`: what is told and when, at the command line."""

from datetime import timedelta

from licence_service.licence import beijing_day
from licence_service.service import utc_now
from licence_service.store.cards import Scope
from tests.api.test_cli import Terminal, terminal
from tests.world import DRIVER

__all__ = ["terminal"]


def kept(terminal: Terminal) -> str:
    """Have a licence claimed into our own wallet."""
    service, number = terminal.world.service, "519902198506120111"
    licence_id = str(terminal.issue(DRIVER)["licence_id"])
    holder = service.holder_desk.exchange.holders.known("person", number, "陈安途", utc_now())
    cards = service.holder_desk.cards.kept
    assert cards.keep(Scope(holder), licence_id, cards.held_by(number), "identity", None, holder, utc_now())
    return licence_id


def test_what_is_due_is_counted_by_day_and_looked_at_without_a_name(terminal: Terminal) -> None:
    licence_id = kept(terminal)
    rows = terminal.json("deadlines", "due", "--days", "3")
    assert [row["licences"] for row in rows] == [1, 0, 0, 0]
    assert rows[0]["day"] == "overdue"
    done = terminal.run("deadlines", "run")
    assert "looked and told 1, messages tried 0; notices: none" in done.output
    assert licence_id not in done.output
    rows = terminal.json("deadlines", "due", "--days", "3")
    tomorrow = (beijing_day(utc_now()) + timedelta(days=1)).isoformat()
    assert {row["day"]: row["licences"] for row in rows}[tomorrow] == 1  # entries of today may say something else tomorrow
    assert "looked and told 0" in terminal.run("deadlines", "run").output


def test_the_worker_tells_too(terminal: Terminal) -> None:
    kept(terminal)
    terminal.run("work", "--once")
    assert terminal.world.service.reminders.reminding.looks.count_due(beijing_day(utc_now())) == 0
