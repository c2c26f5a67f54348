"""Secrets and keys of clients on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from licence_service.errors import EntryConflict, NotInRegister, RequestRejected
from licence_service.store.clients import EVERY_TYPE, Client, Clients
from licence_service.store.credentials import MOST_LIVING, Credentials
from licence_service.store.database import Database
from licence_service.store.tables_of_access import credentials, used_assertions
from tests.parts.databases import NOW, at_once, no_offices

ONE = Client("approval", "11519900MB9900021Q", ("practitioner_qualification",), 500, acts=("read", "issue"))
KEY = '{"kty":"EC"}'


def test_a_secret_is_exchanged_without_a_moment_in_which_the_client_is_shut_out(database: Database) -> None:
    book, shown = Clients(database, no_offices), Credentials(database)
    old = book.add(ONE, NOW)
    new = shown.add_secret("approval", NOW)

    assert book.by_token(old) == book.by_token(new) == ONE
    shown.remove("approval", shown.of("approval")[0].number, NOW)
    assert book.by_token(old) is None
    assert book.by_token(new) == ONE
    assert new not in str(_rows(database))


def test_the_last_credential_stays_however_many_take_one_back_at_once(database: Database) -> None:
    shown = Credentials(database)
    Clients(database, no_offices).add_with_key(ONE, KEY, NOW)
    shown.add_secret("approval", NOW)
    first, second = (one.number for one in shown.of("approval"))

    got = at_once([lambda number=number: shown.remove("approval", number, NOW) for number in (first, second, first, second)])  # type: ignore[misc]
    assert sum(one is None for one in got) == 1
    assert all(one is None or isinstance(one, EntryConflict | NotInRegister) for one in got)
    assert len(shown.of("approval")) == 1


def test_credentials_belong_to_one_client_and_end_with_it(database: Database) -> None:
    book, shown = Clients(database, no_offices), Credentials(database)
    book.add(ONE, NOW)
    other = book.add(Client("other", "11519900MB9900021Q", (EVERY_TYPE,), 5), NOW)
    with pytest.raises(NotInRegister):
        shown.remove("approval", shown.of("other")[0].number, NOW)
    book.remove("other", NOW)

    assert book.by_token(other) is None
    assert book.named("other") is None
    assert shown.of("other") == []
    for act in (lambda: shown.add_secret("other", NOW), lambda: shown.add_key("nobody", KEY, NOW)):
        with pytest.raises(NotInRegister):
            act()


def test_a_client_has_a_bounded_number_of_them(database: Database) -> None:
    Clients(database, no_offices).add(ONE, NOW)
    shown = Credentials(database)
    for _ in range(MOST_LIVING - 1):
        shown.add_key("approval", KEY, NOW)
    with pytest.raises(RequestRejected):
        shown.add_key("approval", KEY, NOW)


def test_a_signed_assertion_is_used_once_whoever_comes_at_once_and_forgotten_when_it_has_expired(database: Database) -> None:
    shown = Credentials(database)
    soon, later = NOW + timedelta(minutes=5), NOW + timedelta(minutes=6)

    assert at_once([lambda: shown.use_once("approval", "one", soon, NOW)] * 4).count(True) == 1
    assert shown.use_once("other", "one", soon, NOW)
    assert shown.use_once("approval", "two", later + timedelta(minutes=5), later)
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(used_assertions)).scalar_one() == 1


def test_acts_and_scopes_narrow_what_a_client_may(database: Database) -> None:
    Clients(database, no_offices).add(ONE, NOW)
    kept = Clients(database, no_offices).named("approval")
    assert kept == ONE
    assert ONE.may("issue", "practitioner_qualification")
    assert not ONE.may("revoke", "practitioner_qualification")
    assert not ONE.may("issue", "overweight_vehicle_permit")
    wide = Client("wide", "d", (EVERY_TYPE,), 1, scopes=("read:*", "issue:practitioner_qualification"))
    assert wide.may("read", "overweight_vehicle_permit")
    assert not wide.may("issue", "overweight_vehicle_permit")
    assert wide.may_touch("overweight_vehicle_permit")
    assert wide.may_somewhere("issue")
    assert not wide.may_somewhere("task")
    assert not Client("x", "d", ("a",), 1, scopes=("read:b",)).may_touch("a")


def _rows(database: Database) -> list[object]:
    with database.read() as connection:
        return list(connection.execute(select(credentials)).all())
