"""Who takes several rows on PostgreSQL takes them in one order, whatever order they lie in, so that two never wait for each other in a circle.

A row is held here; the work that is watched waits for it, and must not have taken what comes after it yet. The rows lie the wrong way
round, and the database reads tables as they lie, as it may do at any time: by the size of a table, or where another reads it just then.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import BigInteger, Boolean, Connection, Integer, LargeBinary, Select, Table, insert, select, text

from licence_service.errors import EntryConflict
from licence_service.licence import beijing_day
from licence_service.store.campaigns import Campaign, Campaigns, Row
from licence_service.store.cards import KeptCards, Scope, part_with
from licence_service.store.checks import Checks, Part
from licence_service.store.consents import Consents, Given
from licence_service.store.counting import hold
from licence_service.store.credentials import Credentials
from licence_service.store.database import Database, Instant
from licence_service.store.deliveries import Deliveries
from licence_service.store.failures import Failures
from licence_service.store.holder_sessions import HolderSessions
from licence_service.store.payload import Vault, token_digest
from licence_service.store.people import People
from licence_service.store.prepared import Prepared, PreparedAnswers, id_of
from licence_service.store.reservation import Intent, fulfil
from licence_service.store.reserving import Reserving
from licence_service.store.runs import KeptRuns
from licence_service.store.sessions import Sessions
from licence_service.store.showings import Showing, Showings
from licence_service.store.stock import KeptStock
from licence_service.store.stock_rows import Blinds, NewRow, StockRun
from licence_service.store.stock_sums import StockSums
from licence_service.store.tables import campaign_rows, failures, licences, prepared_answers, reservations
from licence_service.store.tables_of_access import used_assertions
from licence_service.store.tables_of_bulk import check_parts, checks, watch_lists, watch_rows
from licence_service.store.tables_of_consents import invitations
from licence_service.store.tables_of_holders import cards, holder_sessions, holders
from licence_service.store.tables_of_lending import ended_logins, showings, shown_nonces
from licence_service.store.tables_of_people import people, sessions
from licence_service.store.tables_of_runs import run_chunks, runs
from licence_service.store.tables_of_stock import stock_rows
from licence_service.store.tables_of_webhooks import webhook_deliveries, webhooks
from licence_service.store.watchlists import WatchList, WatchLists
from licence_service.store.webhooks import Webhook, Wish
from tests.parts.databases import NOW, Clock, empty_postgres, no_offices

TODAY = beijing_day(NOW)
LONG_AGO = NOW - timedelta(days=400)
KEEPER = Scope("h" * 26)


@pytest.fixture
def database(postgres_address: str, migrated_postgres: str) -> Iterator[Database]:
    """A register in PostgreSQL that reads its tables as they lie."""
    made = Database(empty_postgres(postgres_address, migrated_postgres))
    with made.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for setting in ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan"):
            connection.execute(text(f'ALTER DATABASE "{made.url.database}" SET {setting} = off'))
    made.close()  # what is connected already does not hear of it
    yield made
    made.close()


def put(database: Database, table: Table, *rows: dict[str, Any]) -> None:
    """Let rows lie in a table in this order, whatever they hang on; what is not said of them is empty."""
    empty: dict[type, object] = {Integer: 0, BigInteger: 0, Boolean: False, LargeBinary: b"", Instant: NOW}
    filled = {
        column.name: next((value for kind, value in empty.items() if isinstance(column.type, kind)), "")
        for column in table.columns
        if not column.nullable and not column.primary_key
    }
    with database.write() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for row in rows:
            connection.execute(insert(table).values(**filled | row))


def one_after_the_other(database: Database, work: Callable[[], Any], first: Select[Any], then: Select[Any]) -> Any:
    """Hold the first row, see the work wait for it, take the other one, which must be free, and let the work end."""
    with ThreadPoolExecutor(1) as pool, database.engine.connect() as mine:
        assert mine.execute(first.with_for_update()).all()
        begun = pool.submit(work)
        must_wait(database, begun)
        assert mine.execute(then.with_for_update(nowait=True)).all()
        mine.rollback()
        return begun.result(30)


def must_wait(database: Database, begun: Future[Any]) -> None:
    """Return when work waits for a row of another transaction; fail where it ends instead."""
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    for _ in range(2000):
        with database.read() as connection:
            if connection.execute(waiting).scalar_one():
                return
        assert not begun.done(), f"it waited for nothing: {begun.exception() or begun.result()}"
        time.sleep(0.005)
    pytest.fail("it neither waits nor ends")


def whole(database: Database, work: Callable[[Connection], Any]) -> Callable[[], Any]:
    """Return work that is a transaction of its own."""

    def run() -> Any:
        with database.write() as connection:
            return work(connection)

    return run


# -- reservations ----------------------------------------------------------------------------------


def an_intent(number: int) -> Intent:
    return Intent(
        client="approval", idempotency_key=f"key-{number}", request_digest="0" * 64, department="11519900MB9900021Q",
        type="practitioner_qualification", act="issue", version=1, hourly_ceiling=1000, content={"body": "draft"},
    )  # fmt: skip


@pytest.mark.parametrize("way", ["entered", "kept up", "let go", "given back", "reserved again", "taken over"])
def test_who_carries_the_same_reservations_as_another_takes_them_in_one_order(database: Database, vault: Vault, way: str) -> None:
    made = Reserving(database, vault)
    intents = [an_intent(number) for number in range(2)]
    reserved = {
        one.reservation_id: intent for one, intent in zip(made.reserve_all(intents, NOW), intents, strict=True) if not isinstance(one, Exception)
    }
    low, high = sorted(reserved)
    with database.write() as connection:  # now it lies last
        connection.execute(reservations.update().where(reservations.c.reservation_id == low).values(reason="moved"))
    works: dict[str, Callable[[], Any]] = {
        "entered": whole(database, lambda connection: fulfil(connection, vault, {high: 1, low: 1})),
        "kept up": kept_up(made, [high, low]),
        "let go": lambda: made.let_go([high, low], NOW),
        "given back": lambda: made.give_back("approval", [high, low], "gone", NOW),
        "reserved again": lambda: made.reserve_all([reserved[high], reserved[low]], NOW),
        "taken over": lambda: made.taken_over("approval", [reserved[high].idempotency_key, reserved[low].idempotency_key], NOW),
    }

    one = select(reservations.c.id)
    one_after_the_other(database, works[way], one.where(reservations.c.reservation_id == low), one.where(reservations.c.reservation_id == high))


def kept_up(made: Reserving, held: Sequence[str]) -> Callable[[], None]:
    """Return what pushes the leases of reservations forward, minutes after they were taken."""
    clock = Clock()
    keep = made.keeper(held, clock)
    clock.forward(minutes=3)
    return keep


# -- cards and consents ----------------------------------------------------------------------------


@pytest.fixture
def kept(database: Database, vault: Vault) -> KeptCards:
    """A holder, two licences, and their cards, of which the first lies last."""
    put(database, holders, {"id": 1, "holder_id": KEEPER.holder_id, "known_by": "1"}, {"id": 2, "holder_id": "c" * 26, "known_by": "2"})
    put(database, licences, *({"id": number, "licence_id": f"{number}", "type": "t"} for number in (1, 2)))
    put(database, cards, *({"id": 100 + number, "holder": 1, "licence": 3 - number, "held_by": "before"} for number in (2, 1)))
    return KeptCards(database, vault)


def card(number: int) -> Select[Any]:
    return select(cards.c.id).where(cards.c.id == 100 + number)


def test_cards_that_go_to_another_holder_end_in_one_order(database: Database, kept: KeptCards) -> None:
    gone = whole(database, lambda connection: part_with(connection, {1: "after", 2: "after"}, NOW))

    one_after_the_other(database, gone, card(1), card(2))

    assert kept.which(KEEPER, ["1", "2"]) == {}


def test_cards_that_are_claimed_anew_end_in_one_order(database: Database, kept: KeptCards) -> None:
    new = one_after_the_other(database, lambda: kept.keep_all(KEEPER, {"2": "after", "1": "after"}, "identity", None, "x", NOW), card(1), card(2))

    assert new == {"1", "2"}
    assert kept.which(KEEPER, ["1", "2"]) == {"1": "after", "2": "after"}


def test_who_lets_a_company_see_several_cards_holds_them_in_that_order(database: Database, kept: KeptCards, vault: Vault) -> None:
    assert kept.which(KEEPER, ["1", "2"])
    put(database, invitations, {"id": 1, "invitation_id": "i" * 26, "company": 2, "code_digest": token_digest("code"), "last_on": "2030-01-01"})
    given = Given(KEEPER.holder_id, "x", None, ("1", "2"), "code", TODAY + timedelta(days=30))  # the first of which is the second card

    found = one_after_the_other(database, lambda: Consents(database, vault).give(given, NOW), card(1), card(2))

    assert [one.licence_id for one in found] == ["1", "2"]


def test_who_claims_the_same_licences_at_the_same_moment_finds_them_claimed(database: Database, kept: KeptCards) -> None:
    for licence_id in ("1", "2"):
        kept.release(KEEPER, licence_id, "x", NOW)

    with ThreadPoolExecutor(1) as pool, database.engine.connect() as mine:
        claimed = {"holder": 1, "held_by": "b", "how": "code", "claimed_at": NOW, "claimed_by": "x"}
        mine.execute(insert(cards).values(**claimed, id=201, licence=1))
        begun = pool.submit(kept.keep_all, KEEPER, {"2": "b", "1": "b"}, "code", None, "x", NOW)
        must_wait(database, begun)
        mine.execute(text("SET LOCAL lock_timeout = '1s'"))
        mine.execute(insert(cards).values(**claimed, id=202, licence=2))
        mine.commit()

        assert begun.result(30) == frozenset()


# -- webhooks, watched lists, campaigns, prepared answers ------------------------------------------


def test_who_replays_an_endpoint_holds_it_before_its_deliveries(database: Database) -> None:
    put(database, webhooks, {"id": 1, "webhook_id": "w", "looked": 3})
    put(database, webhook_deliveries, *({"id": number, "webhook": 1, "place": 10 + number} for number in (2, 1)))
    webhook = Webhook(1, "w", "approval", Wish("https://example.org"), (), NOW, 3, 0, None)
    endpoint = select(webhooks.c.id).where(webhooks.c.id == 1)

    one_after_the_other(
        database, lambda: Deliveries(database).replay(webhook, 5, NOW), endpoint, select(webhook_deliveries.c.id).where(webhook_deliveries.c.id == 2)
    )

    with database.read() as connection:
        assert connection.execute(select(webhooks.c.looked)).scalar_one() == 3
        assert connection.execute(select(webhook_deliveries.c.next_at)).scalars().all() == [NOW, NOW]


def test_who_marks_a_watched_list_holds_it_before_its_rows_where_another_has_looked_further(database: Database, vault: Vault) -> None:
    put(database, licences, {"id": 1, "licence_id": "1", "type": "t"})
    foundation = licences.metadata.tables["foundations"]
    put(database, foundation, {"id": 1, "place": 7, "kind": "rule_pack", "name": "x"})
    put(database, watch_lists, {"id": 1, "list_id": "l", "looked": 7})
    put(database, watch_rows, *({"id": number, "list": 1, "same": f"{number}", "seen": 1} for number in (2, 1)))
    listed = select(watch_lists.c.id).where(watch_lists.c.id == 1)

    place = one_after_the_other(
        database,
        lambda: WatchLists(database, vault).mark(WatchList(1, "l", "c", "n", 3)),
        listed,
        select(watch_rows.c.id).where(watch_rows.c.id == 2),
    )

    assert place == 7


def test_what_became_of_a_campaigns_rows_is_written_in_one_order(database: Database, vault: Vault) -> None:
    put(database, campaign_rows, *({"campaign": 1, "licence": number} for number in (2, 1)))
    campaign = Campaign(1, "c", "d", "running", "x", NOW, "y", NOW, "0", {"act": "reissue"}, {})
    settled = [(Row(number, f"{number}", "reissue", 1, "0"), "reissued", 2) for number in (2, 1)]
    row = select(campaign_rows.c.licence)

    one_after_the_other(
        database,
        lambda: Campaigns(database, vault, Clock()).settle_all(campaign, settled),
        row.where(campaign_rows.c.licence == 1),
        row.where(campaign_rows.c.licence == 2),
    )


def test_prepared_answers_are_kept_in_one_order(database: Database, vault: Vault) -> None:
    put(database, licences, {"id": 1, "licence_id": "1", "type": "t"})
    # The licence is one whose face is not erased: nothing of it lies in the book here.
    kept = PreparedAnswers(database, vault, "g")
    made = [Prepared(bytes([number]) * 32, "1", TODAY, TODAY, 1, 0, NOW, b"answer") for number in (1, 2)]
    low, high = sorted(made, key=lambda one: id_of(one.key))
    kept.keep([high, low], 0)
    answer = select(prepared_answers.c.id)

    one_after_the_other(
        database,
        lambda: kept.keep([high, low], 0),
        answer.where(prepared_answers.c.id == id_of(low.key)),
        answer.where(prepared_answers.c.id == id_of(high.key)),
    )


def test_who_gives_back_what_the_dead_had_holds_the_run_before_its_chunks(database: Database, vault: Vault) -> None:
    kept = KeptRuns(database, vault, Clock())
    run = kept.open("approval", "0" * 64, 0, 2, 1)
    for number in (2, 1):
        kept.add(run, number, number, 1, "rows", "0" * 64)
        assert kept.claim(run.run_id, number, "command:1")
    chunk = select(run_chunks.c.number).where(run_chunks.c.number == 2)

    one_after_the_other(database, lambda: kept.bereave("command:1"), select(runs.c.id), chunk)

    assert kept.standing(run).chunks == {"waiting": 2}


# -- stock -----------------------------------------------------------------------------------------


@pytest.fixture
def run(database: Database, vault: Vault) -> StockRun:
    return KeptStock(database, vault, Clock()).opened("stock", "11519900MB9900021Q", "t", "0" * 64, "x", {})


def test_a_drawing_of_samples_takes_rows_in_the_order_of_their_keys(database: Database, run: StockRun) -> None:
    put(
        database,
        stock_rows,
        *({"id": number, "run": run.key, "line": number, "digest": f"{number}", "county": "519902", "state": "passed"} for number in (2, 1)),
    )
    sums, row = StockSums(database), select(stock_rows.c.id)

    one_after_the_other(
        database, lambda: sums.draw(run, "519902", [2, 1], [2], NOW), row.where(stock_rows.c.id == 1), row.where(stock_rows.c.id == 2)
    )

    assert [(one.population, one.size) for one in sums.samples(run)] == [(2, 1)]


def test_of_two_files_with_the_same_rows_in_another_order_the_second_is_refused(database: Database, vault: Vault, run: StockRun) -> None:
    rows = [NewRow(line, digest, "519902", {}, Blinds(None, None, None, None), adopting=False) for line, digest in ((1, "b"), (2, "a"))]
    stock = KeptStock(database, vault, Clock())
    other = stock.opened("stock", "11519900MB9900021Q", "t", "1" * 64, "x", {})
    with ThreadPoolExecutor(2) as pool, database.engine.connect() as mine:
        hold(mine, "stock_rows")
        begun = [pool.submit(stock.add, one, order) for one, order in ((run, rows), (other, rows[::-1]))]
        for one in begun:
            must_wait(database, one)
        mine.rollback()
        ended = [one.exception(30) for one in begun]

    assert [type(one) for one in ended if one] == [EntryConflict]
    with database.read() as connection:
        assert len(connection.execute(select(stock_rows.c.id)).all()) == len(rows)


# -- what is thrown away ---------------------------------------------------------------------------

_OVER: dict[str, tuple[Table, Sequence[dict[str, Any]]]] = {
    "wrong codes": (failures, [{"blind": one, "window": 1, "count": 1} for one in "ab"]),
    "assertions": (used_assertions, [{"digest": one, "expires_at": LONG_AGO} for one in "ab"]),
    "sessions of the desk": (sessions, [{"token_digest": one, "person": 1, "used_at": LONG_AGO} for one in "ab"]),
    "sessions of holders": (holder_sessions, [{"token_digest": one, "holder": 1, "used_at": LONG_AGO} for one in "ab"]),
    "showings": (showings, [{"binding": one, "licence": 1, "begun_at": LONG_AGO} for one in "ab"]),
    "ended log-ins": (ended_logins, [{"session": one, "at": LONG_AGO} for one in "ab"]),
    "nonces": (shown_nonces, [{"nonce": one, "at": LONG_AGO, "forget_at": LONG_AGO} for one in "ab"]),
    "prepared answers": (prepared_answers, [{"id": one, "licence": 1, "until": "2020-01-01"} for one in (1, 2)]),
    "deliveries": (webhook_deliveries, [{"id": one, "webhook": 1, "place": one, "state": "delivered", "settled_at": LONG_AGO} for one in (1, 2)]),
    "checked files": (checks, [{"id": one, "code_digest": f"{one}", "expires_at": LONG_AGO} for one in (1, 2)]),
}


def a_sweep(database: Database, vault: Vault, what: str) -> None:
    """Do what throws such rows away."""
    if what == "wrong codes":
        counting = Failures(database, vault)
        counting.count("code", "x", NOW)
        counting.settle(NOW)
    elif what == "assertions":
        assert Credentials(database).use_once("client", "jti", NOW + timedelta(minutes=1), NOW)
    elif what == "sessions of the desk":
        Sessions(database, People(database, vault, no_offices), timedelta(hours=1), timedelta(hours=9)).begin("p" * 26, NOW)
    elif what == "sessions of holders":
        HolderSessions(database, timedelta(hours=1), timedelta(hours=9)).begin(KEEPER.holder_id, None, 3, NOW)
    elif what in ("showings", "ended log-ins", "nonces"):
        Showings(database).begin(b"new", Showing("1", KEEPER.holder_id, "session"), NOW)
    elif what == "prepared answers":
        PreparedAnswers(database, vault, "g").drop_outworn(TODAY, 10)
    elif what == "deliveries":
        Deliveries(database).forget(NOW)
    else:
        Checks(database, vault).sweep(NOW)


@pytest.mark.parametrize("what", _OVER)
def test_who_throws_away_what_is_over_waits_for_nobody(database: Database, vault: Vault, what: str) -> None:
    table, rows = _OVER[what]
    put(database, people, {"id": 1, "person_id": "p" * 26})
    put(database, holders, {"id": 1, "holder_id": KEEPER.holder_id, "known_by": "1"})
    put(database, licences, {"id": 1, "licence_id": "1", "type": "t"})
    put(database, table, *rows)
    old = {tuple(row[column.name] for column in table.primary_key) for row in rows}
    key, held = next(iter(table.primary_key.columns)), next(iter(rows[0].values()))

    def left() -> set[tuple[Any, ...]]:
        with database.read() as connection:
            return old & {tuple(row) for row in connection.execute(select(*table.primary_key.columns))}

    with ThreadPoolExecutor(1) as pool, database.engine.connect() as mine:
        assert mine.execute(select(key).where(key == held).with_for_update()).all()
        pool.submit(a_sweep, database, vault, what).result(10)
        assert len(left()) == 1


def test_who_begins_a_session_does_not_hold_old_ones_while_who_shuts_the_person_out_waits_for_them(database: Database, vault: Vault) -> None:
    put(database, people, {"id": 1, "person_id": "p" * 26})
    put(database, sessions, {"token_digest": "old", "person": 1, "used_at": LONG_AGO})

    one_after_the_other(
        database,
        lambda: a_sweep(database, vault, "sessions of the desk"),
        select(people.c.id),
        select(sessions.c.person).where(sessions.c.token_digest == "old"),
    )


def test_who_answers_a_part_of_a_file_holds_the_file_first_as_who_forgets_it(database: Database, vault: Vault) -> None:
    put(database, checks, {"id": 1, "code_digest": "1", "expires_at": NOW + timedelta(days=1)})
    put(database, check_parts, {"job": 1, "part": 0, "rows": b"rows"})
    work = Checks(database, vault)

    first = one_after_the_other(
        database, lambda: work.answer(Part(1, 0, "client", date(2026, 6, 20), []), [], NOW), select(checks.c.id), select(check_parts.c.job)
    )

    assert first
