"""Statuses out of the book: the columns that tell most of them say what the fold says, on random histories in both databases."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, func, select, update

from licence_service.licence import Act, Entry, Parent, beijing_day
from licence_service.status import LIST_BYTES, Status, blank, put, status_at
from licence_service.store.database import Database
from licence_service.store.listings import Listings, Run
from licence_service.store.record import Appendix, Record
from licence_service.store.status import _ODD, Lists, Statuses, statuses_of
from licence_service.store.status_index import LIST_BITS
from licence_service.store.tables import licences, status_lists, status_runs
from tests.builders import FIRST, LAST, a_suspension, a_version, an_entry
from tests.histories import families, histories, how_many, rehomed
from tests.parts.databases import NOW
from tests.parts.test_histories import FOUR_YEARS, Scribe

DAYS = st.integers(0, 20)
FAR = datetime(9000, 1, 1, tzinfo=UTC)


def expected(*records: Record, day: date, known_at: datetime | None = None) -> dict[tuple[int, int], tuple[Status, date | None]]:
    """Return what the fold says of every version of these licences."""
    return {place: (status, last) for record in records for place, status, last in statuses_of(record, day, known_at)}


def found(lists: Lists, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], tuple[Status, date | None]]:
    """Return what the lists say of the same places."""
    said = {place: status_at(lists.places[place[0]], place[1]) for place in places}
    return {place: (status, lists.lapses.get(place) if status is Status.SUSPENDED else None) for place, status in said.items()}


def fold_says(record: Record, day: date) -> dict[tuple[int, int], tuple[Status, date | None]]:
    """Return the same with last days only where something is suspended."""
    return {place: (status, last if status is Status.SUSPENDED else None) for place, (status, last) in expected(record, day=day).items()}


def last_day(record: Record) -> date:
    """Return the day on which the last entry was recorded; nobody asks for a list of an earlier one as of now."""
    recorded = record.entries[-1].recorded_at
    assert recorded
    return beijing_day(recorded)


@pytest.fixture
def scribe(database: Database) -> Scribe:
    """A scribe with an empty book."""
    return Scribe(database)


@pytest.mark.rule("SH-03")
@given(history=histories(most=6), ahead=DAYS)
@settings(max_examples=how_many(60, 400))
@pytest.mark.timeout(600)
def test_the_columns_say_what_the_fold_says(scribe: Scribe, history: tuple[Entry, ...], ahead: int) -> None:
    record = scribe.enter(history)
    day = last_day(record) + timedelta(days=ahead)

    _, lists = Statuses(scribe.book._database).whole(day)

    wanted = fold_says(record, day)
    assert found(lists, list(wanted)) == wanted


@given(history=histories(most=6), ahead=DAYS, cut=st.integers(0, 6))
@settings(max_examples=how_many(40, 400))
@pytest.mark.timeout(600)
def test_going_on_from_a_run_of_the_day_gives_what_the_whole_book_gives(scribe: Scribe, history: tuple[Entry, ...], ahead: int, cut: int) -> None:
    statuses = Statuses(scribe.book._database)
    early = scribe.enter(history[: cut + 1])
    day = last_day(early) + timedelta(days=ahead)
    place, lists = statuses.whole(day)
    late = continued(scribe, early, history[cut + 1 :])

    statuses.follow(lists, place, FAR, max(day, last_day(late)))

    if last_day(late) <= day:
        wanted = fold_says(late, day)
        assert found(lists, list(wanted)) == wanted


@pytest.mark.rule("AU-01")
@given(history=histories(most=6), pick=st.integers(0, 6))
@settings(max_examples=how_many(40, 400))
@pytest.mark.timeout(600)
def test_a_past_instant_is_told_from_what_was_known_then(scribe: Scribe, history: tuple[Entry, ...], pick: int) -> None:
    record = scribe.enter(history)
    at = record.entries[min(pick, len(record.entries) - 1)].recorded_at
    assert at
    day = beijing_day(at)

    told = Statuses(scribe.book._database).one_by_one(record.entries[0].version.status[0], day, at, 10)  # type: ignore[union-attr]

    assert told
    wanted = expected(record, day=day, known_at=at)
    assert {place: status_at(told.places[place[0]], place[1]) for place in wanted} == {place: status for place, (status, _) in wanted.items()}


@pytest.mark.rule("LC-13")
@given(family=families(), ahead=DAYS)
@settings(max_examples=how_many(40, 400))
@pytest.mark.timeout(600)
def test_what_hangs_on_a_licence_shares_its_end(scribe: Scribe, family: tuple[tuple[Entry, ...], tuple[Entry, ...], str], ahead: int) -> None:
    child, parent, _effect = family
    above = scribe.enter(parent)
    record = hung(scribe, child, above)
    day = last_day(record) + timedelta(days=ahead)

    _, lists = Statuses(scribe.book._database).whole(day)

    wanted = fold_says(record, day) | fold_says(above, day)
    assert found(lists, list(wanted)) == wanted


@pytest.mark.rule("LC-13")
@pytest.mark.parametrize("effect", ["ends", "flags"])
def test_what_hangs_on_a_licence_shares_the_end_of_a_term_that_was_shortened_ahead_of_its_day(scribe: Scribe, effect: str) -> None:
    shorter = a_version(2, valid_to=LAST - timedelta(days=900))
    change = an_entry(Act.CHANGE, sequence=2, effective_on=FIRST + timedelta(days=30), recorded_at=NOW + timedelta(hours=1), version=shorter)
    above = scribe.enter((an_entry(recorded_at=NOW), change))
    record = hung(scribe, (an_entry(recorded_at=NOW, parent=Parent("0" * 20, effect)),), above)

    day = LAST - timedelta(days=899)
    _, lists = Statuses(scribe.book._database).whole(day)

    wanted = fold_says(record, day) | fold_says(above, day)
    assert found(lists, list(wanted)) == wanted
    assert wanted[record.entries[0].version.status][0] is Status.INVALID  # type: ignore[union-attr]


def hung(scribe: Scribe, child: tuple[Entry, ...], above: Record) -> Record:
    """Enter a licence that hangs on one that is there."""
    assert child[0].parent
    first = replace(child[0], parent=replace(child[0].parent, licence_id=above.licence_id))
    return scribe.enter((first, *child[1:]))


def continued(scribe: Scribe, record: Record, more: Sequence[Entry]) -> Record:
    """Enter the rest of a history at the instants that follow its beginning."""
    if not more:
        return record
    begun = record.entries
    assert scribe.last
    drawn = begun[0].recorded_at
    assert drawn
    for number, entry in enumerate(rehomed(more, record.licence_id, scribe.licences, FOUR_YEARS * 0), len(begun) + 1):
        scribe.last += timedelta(seconds=number)
        scribe.clock.now = scribe.last
        code = f"{record.licence_id}-{entry.version.version}" if entry.version else None
        scribe.book.append(replace(entry, recorded_at=None), Appendix(delivery_code=code))
    return scribe.book.get(record.licence_id)


# -- lists that were kept ------------------------------------------------------------------------------------


@pytest.fixture
def listings(database: Database) -> Listings:
    """No lists yet."""
    return Listings(database)


def made(*places: tuple[int, int, Status], numbers: int = 1) -> Lists:
    """Lists with these places taken."""
    lists = Lists({number: blank() for number in range(numbers)})
    for number, index, status in places:
        put(lists.places[number], index, status)
    return lists


def test_a_list_is_kept_once_however_many_runs_find_it_unchanged(listings: Listings, database: Database) -> None:
    runs = [Run(NOW + timedelta(minutes=10 * number), beijing_day(NOW), number) for number in range(3)]
    before = None
    for run, content in zip(runs, [made((0, 7, Status.INVALID)), made((0, 7, Status.INVALID)), made((0, 9, Status.SUSPENDED))], strict=True):
        assert listings.keep(run, content, before)
        before = run

    assert [rows(database, status_runs), rows(database, status_lists)] == [3, 2]
    assert status_at(listings.lists(runs[1])[0].places(), 7) is Status.INVALID
    assert status_at(listings.lists(runs[2])[0].places(), 9) is Status.SUSPENDED
    assert listings.newest() == runs[2]
    assert listings.newest(runs[1].at) == runs[1]


def test_of_two_runs_that_go_out_from_the_same_one_the_first_is_kept(listings: Listings) -> None:
    run = Run(NOW, beijing_day(NOW), 1)

    assert listings.keep(run, made(), None)
    assert not listings.keep(replace(run, at=NOW + timedelta(seconds=1)), made((0, 1, Status.INVALID)), None)
    assert listings.newest() == run


def test_old_days_keep_their_first_run_with_all_its_lists(listings: Listings, database: Database) -> None:
    before, runs = None, []
    for number in range(9):  # three days of three runs; in each another place is taken
        run = Run(NOW + timedelta(days=number // 3, minutes=number), beijing_day(NOW) + timedelta(days=number // 3), number)
        assert listings.keep(run, made((0, number, Status.INVALID)), before)
        before = run
        runs.append(run)

    assert listings.thin_out(runs[-1].day) == 2

    assert [rows(database, status_runs), rows(database, status_lists)] == [7, 7]
    assert status_at(listings.lists(runs[0])[0].places(), 0) is Status.INVALID
    assert [status_at(listings.lists(run)[0].places(), number) for number, run in enumerate(runs) if number not in {1, 2}] == [Status.INVALID] * 7
    assert listings.thin_out(runs[-1].day) == 0


def test_last_days_of_suspensions_are_kept_with_their_run(listings: Listings) -> None:
    run = Run(NOW, beijing_day(NOW), 1)
    lists = made((0, 3, Status.SUSPENDED))
    lists.lapses[0, 3] = date(2026, 7, 1)

    listings.keep(run, lists, None)

    assert listings.made(run).lapses == {(0, 3): date(2026, 7, 1)}
    assert len(listings.lists(run)[0].places()) == LIST_BYTES == 1 << LIST_BITS >> 2


def rows(database: Database, table: Table) -> int:
    """Count the rows of a table."""
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_rows_of_the_first_release_are_folded(scribe: Scribe) -> None:
    history = (an_entry(Act.ISSUE, recorded_at=NOW), a_suspension(NOW.date(), None, sequence=2, recorded_at=NOW + timedelta(seconds=1)))
    record = scribe.enter(history)
    with scribe.book._database.write() as connection:
        connection.execute(update(licences).values(suspended_from=None, suspended_to=None, ending=None))

    _, lists = Statuses(scribe.book._database).whole(last_day(record))

    assert list(found(lists, list(expected(record, day=last_day(record)))).values()) == [(Status.SUSPENDED, None)]


def test_what_the_columns_do_not_tell_is_found_by_its_own_index(database: Database) -> None:
    query = _ODD[-1].params(day="2026-06-20").compile(database.engine, compile_kwargs={"literal_binds": True})
    assert "act IN ('suspend', 'void', 'report_lost')" in str(query)  # to the letter: a parameter keeps SQLite from the index
    if database.is_sqlite:
        with database.read() as connection:
            plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all())
        assert "ix_entries_untold" in plan


def test_a_voided_document_is_invalid_and_the_one_before_it_is_current_again(scribe: Scribe) -> None:
    second = an_entry(Act.REPLACE, sequence=2, version=a_version(2, status=(0, 2)), recorded_at=NOW + timedelta(seconds=1))
    void = an_entry(Act.VOID, sequence=3, version=None, voided=2, recorded_at=NOW + timedelta(seconds=2))
    record = scribe.enter((an_entry(Act.ISSUE, recorded_at=NOW), second, void))

    _, lists = Statuses(scribe.book._database).whole(last_day(record))

    said = found(lists, list(expected(record, day=last_day(record))))
    assert [status for status, _ in said.values()] == [Status.VALID, Status.INVALID]


def test_a_stay_that_ends_by_the_calendar_is_followed(scribe: Scribe) -> None:
    today = NOW.date()
    revoke = an_entry(Act.REVOKE, sequence=2, version=None, effective_on=today, recorded_at=NOW + timedelta(seconds=1))
    stay = an_entry(
        Act.STAY, sequence=3, version=None, target=2, effective_on=today, until=today + timedelta(days=3), recorded_at=NOW + timedelta(seconds=2)
    )
    record = scribe.enter((an_entry(Act.ISSUE, recorded_at=NOW), revoke, stay))
    place = next(iter(expected(record, day=today)))

    said = [status_at(Statuses(scribe.book._database).whole(today + timedelta(days=days))[1].places[place[0]], place[1]) for days in (0, 3, 4)]

    assert said == [Status.VALID, Status.VALID, Status.INVALID]
