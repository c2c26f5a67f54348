"""The list of clients on both databases."""

import pytest
from sqlalchemy import select

from licence_service.errors import NotInRegister, RequestRejected
from licence_service.store.clients import EVERY_TYPE, Client, Clients
from licence_service.store.database import Database
from licence_service.store.tables import clients
from tests.parts.databases import NOW, at_once, no_offices

ONE = Client("approval", "11519900MB9900021Q", ("practitioner_qualification",), 500)
ALL = Client("bureau", "11519900MB9900021Q", (EVERY_TYPE,), 5)


def test_a_client_is_known_by_its_token_alone(database: Database) -> None:
    book = Clients(database, no_offices)
    token, other = book.add(ONE, NOW), book.add(ALL, NOW)

    assert book.by_token(token) == ONE
    assert book.by_token(other) == ALL
    assert book.by_token(token + "x") is None
    assert book.by_token("") is None
    assert book.all() == [ONE, ALL]


def test_tokens_are_long_and_stored_only_as_digests(database: Database) -> None:
    token = Clients(database, no_offices).add(ONE, NOW)

    with database.read() as connection:
        row = dict(connection.execute(select(clients)).mappings().one())
    assert token.startswith("lst_")
    assert len(token) >= 47
    assert token not in str(row)
    assert token.removeprefix("lst_") not in str(row)


def test_a_removed_client_is_shut_out_and_its_name_stays_taken(database: Database) -> None:
    book = Clients(database, no_offices)
    token = book.add(ONE, NOW)
    book.remove("approval", NOW)

    assert book.by_token(token) is None
    assert book.all() == []
    with pytest.raises(NotInRegister):
        book.remove("approval", NOW)
    with pytest.raises(RequestRejected):
        book.add(ONE, NOW)


def test_of_two_clients_of_one_name_at_once_one_is_added(database: Database) -> None:
    got = at_once([lambda: Clients(database, no_offices).add(ONE, NOW)] * 4)

    assert sum(isinstance(one, str) for one in got) == 1
    assert sum(isinstance(one, RequestRejected) for one in got) == 3


def test_a_grant_names_its_types_or_all() -> None:
    assert ONE.may_touch("practitioner_qualification")
    assert not ONE.may_touch("overweight_vehicle_permit")
    assert not Client("x", "d", (), 1).may_touch("practitioner_qualification")
    assert ALL.may_touch("anything")
