"""The seal-use log on both databases: a chain that shows every change, and orders that stop a seal."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError

from licence_service.errors import SealBraked
from licence_service.store.database import Database
from licence_service.store.seal_log import Brake, SealLog, SealUse
from licence_service.store.sealed import SealedDocuments
from licence_service.store.tables import seal_orders, seal_uses
from tests.parts.databases import NOW, at_once


def a_use(**changes: Any) -> SealUse:
    """A request to seal one document."""
    given: dict[str, Any] = {
        "event": "requested", "seal_id": "shuan-2026", "department": "11519900MB9900021Q", "type": "practitioner_qualification",
        "reservation_id": "r" * 26, "decision": "蜀安交许〔2026〕12号", "document_sha256": "0" * 64,
    }  # fmt: skip
    return SealUse(**(given | changes))


def unguarded(database: Database, statement: Any) -> None:
    """Do what only somebody with the keys of the database could: change a line behind the triggers."""
    with database.write() as connection:
        if database.is_sqlite:
            connection.execute(text("DROP TRIGGER IF EXISTS seal_uses_no_update"))
            connection.execute(text("DROP TRIGGER IF EXISTS seal_uses_no_delete"))
        else:
            connection.execute(text("ALTER TABLE seal_uses DISABLE TRIGGER ALL"))
        connection.execute(statement)


def test_every_line_names_the_one_before(database: Database) -> None:
    log = SealLog(database)
    first, second = log.write(a_use(), NOW), log.write(a_use(event="done", sealed_sha256="1" * 64), NOW)
    lines = log.uses()

    assert [line["previous"] for line in lines] == ["", first]
    assert first != second
    assert lines[1] == {
        "format": "seal-use/1", "at": "2026-06-20T01:00:00.000000+00:00", "event": "done", "seal_id": "shuan-2026",
        "department": "11519900MB9900021Q", "type": "practitioner_qualification", "reservation_id": "r" * 26,
        "decision": "蜀安交许〔2026〕12号", "document_sha256": "0" * 64, "sealed_sha256": "1" * 64, "reason": None, "previous": first,
    }  # fmt: skip
    assert list(log.breaks()) == []


def test_lines_are_found_by_seal_and_by_reservation(database: Database) -> None:
    log = SealLog(database)
    log.write(a_use(), NOW)
    log.write(a_use(seal_id="other", reservation_id="s" * 26), NOW)

    assert [line["seal_id"] for line in log.uses(seal_id="other")] == ["other"]
    assert [line["seal_id"] for line in log.uses(reservation_id="r" * 26)] == ["shuan-2026"]
    assert log.uses(seal_id="shuan-2026", reservation_id="s" * 26) == []


def test_a_use_that_was_never_answered_is_told_though_the_same_act_was_sealed_later(database: Database) -> None:
    log, second = SealLog(database), timedelta(seconds=1)
    done = [a_use(event="done", reservation_id=one * 26, sealed_sha256=digit * 64) for one, digit in (("a", "1"), ("b", "2"))]
    for number, use in enumerate((
        a_use(reservation_id="a" * 26),  # its process was killed
        a_use(reservation_id="a" * 26), done[0],
        a_use(reservation_id="b" * 26), a_use(event="failed", reservation_id="b" * 26), a_use(reservation_id="b" * 26), done[1],
        a_use(reservation_id="c" * 26), a_use(event="refused", reservation_id="c" * 26),  # asked, killed, and not asked again as the seal was stopped
    )):  # fmt: skip
        log.write(use, NOW + number * second)

    loose = SealedDocuments(database).loose("shuan-2026", NOW)
    assert [(one.reservation_id[0], one.event, one.at) for one in loose] == [
        ("a", "requested", NOW), ("a", "done", NOW + 2 * second), ("b", "done", NOW + 6 * second), ("c", "requested", NOW + 7 * second),
    ]  # fmt: skip


def test_uses_at_once_form_one_chain(database: Database) -> None:
    log = SealLog(database)
    got = at_once([lambda: log.write(a_use(), NOW)] * 12)

    assert len(set(map(str, got))) == 12
    assert len({line["previous"] for line in log.uses()}) == 12
    assert list(log.breaks()) == []


@pytest.mark.parametrize("verb", [update(seal_uses).values(event="x"), delete(seal_uses), update(seal_orders).values(by="x"), delete(seal_orders)])
def test_the_database_itself_refuses_to_change_a_line(database: Database, verb: Any) -> None:
    log = SealLog(database)
    log.write(a_use(), NOW)
    log.order("shuan-2026", stopped=True, at=NOW, by="officer", reason="lost")

    with pytest.raises(DBAPIError, match="only inserted"), database.write() as connection:
        connection.execute(verb)
    assert len(log.uses()) == 1
    assert log.stopped("shuan-2026")


def test_a_changed_line_breaks_the_chain_where_it_stands(database: Database) -> None:
    log = SealLog(database)
    for _ in range(3):
        log.write(a_use(), NOW)
    unguarded(database, update(seal_uses).where(seal_uses.c.id == 2).values(body='{"previous": "x"}'))

    assert list(log.breaks()) == [2]


def test_a_line_that_is_no_longer_json_breaks_the_chain_too(database: Database) -> None:
    log = SealLog(database)
    log.write(a_use(), NOW)
    unguarded(database, update(seal_uses).values(body="{"))

    assert list(log.breaks()) == [1]


def test_a_missing_line_breaks_the_chain_behind_it(database: Database) -> None:
    log = SealLog(database)
    for _ in range(3):
        log.write(a_use(), NOW)
    unguarded(database, delete(seal_uses).where(seal_uses.c.id == 2))

    assert list(log.breaks()) == [3]


def test_the_last_order_decides_whether_a_seal_is_stopped(database: Database) -> None:
    log = SealLog(database)

    assert not log.stopped("shuan-2026")
    log.order("shuan-2026", stopped=True, at=NOW, by="officer", reason="lost")
    assert log.stopped("shuan-2026")
    assert not log.stopped("other")
    log.order("shuan-2026", stopped=False, at=NOW, by="officer", reason="found")
    assert not log.stopped("shuan-2026")


@pytest.mark.rule("AI-05")
def test_a_ceiling_counts_what_is_asked_for_not_what_is_said_of_it_in_the_same_breath(database: Database) -> None:
    log, brake = SealLog(database), Brake(a_use().department, a_use().type, "", 1)
    answered = [a_use(event="done", sealed_sha256="1" * 64), a_use(event="failed", reason="no-seal")]

    log.write_all([*answered, a_use()], NOW, [brake])
    log.write_all(answered, NOW)

    assert log.left(replace(brake, most=3), NOW) == 2
    with pytest.raises(SealBraked):
        log.write_all([*answered, a_use()], NOW, [brake])
    assert [line["event"] for line in log.uses()] == ["done", "failed", "requested", "done", "failed"]


def test_an_hourly_ceiling_holds_whoever_asks_at_once_and_ends_with_its_hour(database: Database) -> None:
    log = SealLog(database)
    mine, other = (Brake(a_use().department, slug, "", 20) for slug in (a_use().type, "other"))

    got = at_once([lambda number=number: log.write(a_use(reservation_id=f"{number:026}"), NOW, mine) for number in range(50)])  # type: ignore[misc]
    assert sum(isinstance(one, str) for one in got) == 20
    refused = [one for one in got if isinstance(one, SealBraked)]
    assert len(refused) == 30
    assert {one.retry_after for one in refused} == {3600}
    assert len(log.uses()) == 20
    assert log.left(mine, NOW) == 0
    assert log.left(replace(mine, most=21), NOW) == 1
    assert log.left(replace(mine, scope="519902"), NOW) == 20  # another grant counts for itself
    assert log.left(other, NOW) == 20
    log.write(a_use(type="other"), NOW, other)
    with pytest.raises(SealBraked):
        log.write_all([a_use(), a_use(type="other")], NOW, [mine, other])
    assert log.left(other, NOW) == 19  # what is refused was not counted
    later = NOW + timedelta(hours=1)
    log.write_all([a_use()] * 20, later, [mine] * 20)
    with pytest.raises(SealBraked):
        log.write(a_use(), later, mine)
    assert list(log.breaks()) == []
