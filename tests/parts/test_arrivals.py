"""What is told of arrivals, on both databases: once for each system, in the order of commits, also where many write at once."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.event import listen

from licence_service.digests import digests
from licence_service.events import DELIVERED, PRINTED
from licence_service.identifiers import ElicenceId
from licence_service.store.arrivals import Arrivals, arrived, tell
from licence_service.store.book import Book
from licence_service.store.cards import KeptCards, Scope
from licence_service.store.clients import HOST, Client, Clients
from licence_service.store.counting import ARRIVALS, counted
from licence_service.store.database import Database
from licence_service.store.desk_log import DeskLog
from licence_service.store.holders import PERSON, Holders
from licence_service.store.messages import Messages, messages_of_arrivals
from licence_service.store.payload import Vault
from licence_service.store.people import Person
from licence_service.store.record import Appendix, Opening
from tests.builders import ORGAN, TYPE_CODE, a_version, an_entry
from tests.parts.databases import NOW, Clock, at_once

LICENCES = ("3D8F1G6H2J9K4L7M0N5P", "7K2M9Q4T8W1X5Z3B6N0C")


@pytest.fixture
def messages(database: Database, vault: Vault) -> Messages:
    """Two licences, two systems of their department, a third that was removed, one of another department, a host app."""
    book, clients = Book(database, vault, Clock()), Clients(database, lambda _department, _office: ())
    for licence_id in LICENCES:
        version = a_version(elicence_id=str(ElicenceId(TYPE_CODE, ORGAN, licence_id, 1)), document=digests(licence_id.encode()))
        opening = Opening("one_type", ORGAN, licence_id)
        book.append(an_entry(licence_id=licence_id, version=version), Appendix(delivery_code=licence_id, opening=opening))
    for name, department, kind in (("one", ORGAN, "approval"), ("two", ORGAN, "approval"), ("gone", ORGAN, "approval"), ("app", ORGAN, HOST)):
        clients.add(Client(name, department, ("*",), 10, kind), NOW)
    clients.add(Client("other", "11519900MB9900099X", ("*",), 10), NOW)
    clients.remove("gone", NOW)
    return messages_of_arrivals(database)


def told(messages: Messages, client: str) -> list[tuple[str, str]]:
    return [(one["type"], one["data"]["licence_id"]) for one in messages.of(client, 0, 500)[0]]


def test_whatever_comes_first_and_however_many_at_once_an_arrival_is_told_once(database: Database, vault: Vault, messages: Messages) -> None:
    holder = Holders(database, vault).known(PERSON, "519902198506120111", "陈安途", NOW)
    cards, files, log = KeptCards(database, vault), Arrivals(database, vault), DeskLog(database, vault)
    at_once(
        [lambda: cards.keep_all(Scope(holder), dict.fromkeys(LICENCES, cards.held_by("x")), "identity", None, holder, NOW)] * 2
        + [lambda: files.file_opened(LICENCES[0], NOW)] * 3
        + [lambda: log.copy(Person("p" * 26, ORGAN, "罗青石"), LICENCES[1], NOW)] * 2
    )
    for client in ("one", "two"):
        found = told(messages, client)
        assert sorted(found) == sorted([(DELIVERED, LICENCES[0]), (DELIVERED, LICENCES[1]), (PRINTED, LICENCES[1]), (PRINTED, LICENCES[1])])
    assert [told(messages, client) for client in ("gone", "app", "other")] == [[], [], []]


def test_a_claim_that_breaks_off_tells_nothing(database: Database, vault: Vault, messages: Messages, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = Holders(database, vault).known(PERSON, "519902198506120111", "陈安途", NOW)
    cards = KeptCards(database, vault)

    def then_killed(*given: Any) -> None:
        tell(*given)
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr("licence_service.store.cards.tell", then_killed)
        with pytest.raises(RuntimeError):
            cards.keep(Scope(holder), LICENCES[0], "x", "identity", None, holder, NOW)
    assert (told(messages, "one"), cards.types(Scope(holder))) == ([], frozenset())

    assert cards.keep(Scope(holder), LICENCES[0], "x", "identity", None, holder, NOW)
    assert told(messages, "one") == [(DELIVERED, LICENCES[0])]


def test_what_waits_is_claimed_by_one_sender_and_by_the_next_when_that_one_was_killed(database: Database, vault: Vault, messages: Messages) -> None:
    Arrivals(database, vault).file_opened(LICENCES[0], NOW)
    first = at_once([lambda: len(messages.claim(NOW, NOW + timedelta(minutes=3), 10)) for _ in range(4)])
    assert sum(int(str(one)) for one in first) == 2  # one message for each of the two systems
    assert messages.claim(NOW + timedelta(minutes=2), NOW + timedelta(minutes=5), 10) == []
    assert len(messages.claim(NOW + timedelta(minutes=3), NOW + timedelta(minutes=6), 10)) == 2


def test_a_system_that_came_later_is_not_told_that_what_was_there_long_ago_arrived(database: Database, vault: Vault, messages: Messages) -> None:
    later, clients = NOW + timedelta(days=1), Clients(database, lambda _department, _office: ())
    holder, files, log = (
        Holders(database, vault).known(PERSON, "519902198506120111", "陈安途", NOW),
        Arrivals(database, vault),
        DeskLog(database, vault),
    )
    cards = KeptCards(database, vault)
    assert cards.keep(Scope(holder), LICENCES[0], cards.held_by("x"), "identity", None, holder, NOW)
    for name in ("one", "two"):
        clients.remove(name, NOW)
    log.copy(Person("p" * 26, ORGAN, "罗青石"), LICENCES[1], NOW)  # nobody hears of it
    clients.add(Client("late", ORGAN, ("*",), 10), later)

    for licence_id in LICENCES:
        files.file_opened(licence_id, later)
    assert told(messages, "late") == []
    log.copy(Person("p" * 26, ORGAN, "罗青石"), LICENCES[1], later)
    assert told(messages, "late") == [(PRINTED, LICENCES[1])]


def test_a_claim_of_five_hundred_licences_is_told_in_a_few_statements(database: Database, vault: Vault, messages: Messages) -> None:
    asked: list[str] = []
    happened = [arrived(LICENCES[0], "card"), *(arrived(f"{number:020d}", "card") for number in range(499))]
    with database.write() as connection:
        listen(connection, "before_cursor_execute", lambda _connection, _cursor, statement, *_more: asked.append(statement))
        tell(connection, vault, happened, NOW)
    assert len(asked) < 15
    assert told(messages, "one") == [(DELIVERED, LICENCES[0])]


def test_where_no_system_hears_of_it_nobody_waits_for_another(database: Database, vault: Vault) -> None:
    book = Book(database, vault, Clock())
    version = a_version(elicence_id=str(ElicenceId(TYPE_CODE, ORGAN, LICENCES[0], 1)), document=digests(b"x"))
    book.append(an_entry(licence_id=LICENCES[0], version=version), Appendix(delivery_code="x", opening=Opening("one_type", ORGAN, LICENCES[0])))
    with database.write() as connection:
        tell(connection, vault, [arrived(LICENCES[0], "card")], NOW)
        assert counted(connection, ARRIVALS) is None  # the row on which all who tell wait
