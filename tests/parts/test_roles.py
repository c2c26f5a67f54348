"""The service's own role on a real PostgreSQL: its acts work, and it can neither change nor delete a line of the book."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, make_url, select, text
from sqlalchemy.exc import ProgrammingError

from licence_service.errors import Misconfigured, NotInRegister
from licence_service.licence import beijing_day
from licence_service.store.checks import Checks
from licence_service.store.database import Database
from licence_service.store.payload import Vault
from licence_service.store.roles import grant, privileges
from licence_service.store.tables import metadata
from licence_service.store.watchlists import Telling, Watched, WatchLists
from tests.parts.databases import NOW, empty_postgres
from tests.staffs import a_staff
from tests.world import DRIVER, VEHICLE, World, a_world

_BULK = ("checks", "check_parts", "watch_lists", "watch_rows", "watch_changes")


@pytest.fixture
def owned(postgres_address: str, migrated_postgres: str) -> Iterator[Database]:
    """A register in PostgreSQL, opened as the owner of its tables."""
    made = Database(empty_postgres(postgres_address, migrated_postgres))
    yield made
    made.close()


@pytest.fixture
def role(postgres_address: str) -> Iterator[str]:
    """A role that may only log in."""
    name = f"service-{uuid.uuid4().hex[:12]}"  # a name that must be quoted
    engine = create_engine(postgres_address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE ROLE "{name}" LOGIN'))
    yield name
    engine.dispose()


@pytest.fixture
def restricted(owned: Database, role: str, tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    """A service that runs as this role."""
    grant(owned, role)
    url = make_url(owned.url).set(username=role).render_as_string(hide_password=False)
    with a_world(tmp_path, demo_keys, url, heads_url=f"file:{tmp_path}/second") as world:
        yield world


def test_the_services_acts_work_as_its_role(restricted: World) -> None:
    issued = restricted.issue(DRIVER, "issue-0001")["licence_id"]
    vehicle = restricted.issue(VEHICLE, "issue-0002")["licence_id"]
    day = beijing_day(restricted.clock())
    facts = {"date": day.isoformat(), "result": "1", "next_due": (day + timedelta(days=365)).isoformat(), "authority": "示例机关"}
    review = {"act": "endorse", "kind": "annual_review", "facts": facts, "external_ref": "review-1"}

    assert restricted.act(VEHICLE, vehicle, review, "review-0001").status_code == 201
    assert restricted.act(DRIVER, issued, {"act": "replace", "reason": "lost"}, "replace-0001").status_code == 201
    assert restricted.act(DRIVER, issued, {"act": "revoke"}, "revoke-0001").status_code == 201
    wrong = restricted.http.post("/verify", json={"number": "1", "check_code": "000000000000"})
    assert wrong.status_code < 500
    staff = a_staff(restricted, 2)
    assert [staff.people[1].name in staff.purse.get("/wallet/fleet/staff").text for _ in range(2)] == [True, True]  # the first writes who looked
    assert restricted.service.follower.follow() > 0
    assert restricted.service.registrar.finish() == 0
    assert [str(one) for one in restricted.service.auditor.audit(documents=True)] == []
    assert restricted.http.get("/readyz").status_code == 200


@pytest.mark.parametrize("table", ["entries", "foundations", "heads", "payloads", "seal_uses"])
@pytest.mark.parametrize("statement", ["DELETE FROM {table}", "UPDATE {table} SET {column} = {column}", "TRUNCATE {table}", "DROP TABLE {table}"])
def test_the_role_can_neither_change_nor_delete_what_was_entered(owned: Database, role: str, table: str, statement: str) -> None:
    grant(owned, role)
    service = Database(make_url(owned.url).set(username=role).render_as_string(hide_password=False))
    column = metadata.tables[table].columns.keys()[0]

    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), service.write() as connection:
        connection.execute(text(statement.format(table=table, column=column)))
    with pytest.raises(ProgrammingError, match="must be owner"), service.write() as connection:
        connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
    service.close()


def test_what_was_granted_before_is_taken_back(owned: Database, role: str) -> None:
    with owned.write() as connection:
        connection.execute(text(f'GRANT ALL ON ALL TABLES IN SCHEMA public TO "{role}"'))

    grant(owned, role)

    with owned.read() as connection:
        asked = "SELECT has_table_privilege(:role, 'entries', 'UPDATE') OR has_table_privilege(:role, 'entries', 'DELETE')"
        assert connection.execute(text(asked), {"role": role}).scalar_one() is False


def test_files_and_lists_of_platforms_are_forgotten_as_the_services_role(owned: Database, role: str, vault: Vault) -> None:
    grant(owned, role)
    service = Database(make_url(owned.url).set(username=role).render_as_string(hide_password=False))
    checks, lists, day = Checks(service, vault), WatchLists(service, vault), beijing_day(NOW)
    rows = [Watched(f"{number}" * 64, "n" * 64, None, None, None, "ref") for number in range(2)]
    checks.add("platform", [[{"index": 0}]], day, NOW)
    lists.put("platform", "fleet", rows, NOW, day)
    place = lists.mark(lists.get("platform", "fleet"))
    lists.tell(lists.get("platform", "fleet"), [Telling(1, "genuine", day, "not_found", None)], place, day, NOW)

    assert checks.sweep(NOW + timedelta(days=2)) == 1
    lists.put("platform", "fleet", rows[1:], NOW, day)
    lists.delete("platform", "fleet")

    with service.read() as connection:
        assert [connection.execute(select(func.count()).select_from(metadata.tables[name])).scalar_one() for name in _BULK] == [0] * len(_BULK)
    service.close()


def test_every_table_has_its_privileges() -> None:
    held = privileges()

    assert held.keys() == metadata.tables.keys()
    assert held["entries"] == held["foundations"] == held["heads"] == held["seal_uses"] == held["payloads"] == "SELECT, INSERT"
    assert held["licences"] == "SELECT, INSERT, UPDATE"


def test_nothing_is_granted_to_a_role_that_nothing_can_be_kept_from(owned: Database) -> None:
    for role in ("nobody-of-this-name", owned.url.username or "postgres", '"; DROP TABLE entries; --'):
        with pytest.raises(NotInRegister):
            grant(owned, role)


def test_sqlite_has_no_roles(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/register.db")

    with pytest.raises(Misconfigured):
        grant(database, "service")
    database.close()
