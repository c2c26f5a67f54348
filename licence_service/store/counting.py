"""Running numbers, one row each; the same row is where writers of one kind wait for each other.

One statement on both databases, so that two first writers cannot both find the row absent.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from licence_service.store.tables import counters, entries, foundations

BOOK = "book"  # the running number of places in the book
_TICK = timedelta(microseconds=1)


def count_up(connection: Connection, name: str) -> int:
    """Return the next running number, from 1; the row stays locked to the end of the transaction."""
    return _raise(connection, name, 1)


def hold(connection: Connection, name: str) -> None:
    """Wait until every other transaction that holds this row has ended; what they wrote is visible then."""
    _raise(connection, name, 0)


def raise_to(connection: Connection, name: str, value: int) -> None:
    """Let the running number go on behind `value`, where it has not come so far yet."""
    present = _raise(connection, name, 0)
    if present < value:
        _raise(connection, name, value - present)


def next_line(connection: Connection, now: datetime) -> tuple[int, datetime]:
    """Return place and recorded time of the next line of the book, an entry or a foundation.

    The time is `now`, or the first instant after the last line, so that it rises with the place. The book is locked
    until the commit; a place that is not committed is given again, so that places have no gap.
    """
    place = count_up(connection, BOOK)
    instants = [now]
    for table in (entries, foundations):
        last = connection.execute(select(table.c.recorded_at).order_by(table.c.recorded_at.desc()).limit(1)).scalar_one_or_none()
        instants += [last + _TICK] if last else []
    return place, max(instants)


def _raise(connection: Connection, name: str, by: int) -> int:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    raised = (
        dialect.insert(counters)
        .values(name=name, value=by)
        .on_conflict_do_update(index_elements=[counters.c.name], set_={"value": counters.c.value + by})
        .returning(counters.c.value)
    )
    return int(connection.execute(raised).scalar_one())
