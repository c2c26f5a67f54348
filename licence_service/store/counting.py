"""Running numbers, one row each; the same row is where writers of one kind wait for each other.

One statement on both databases, so that two first writers cannot both find the row absent.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

from licence_service.store.tables import counters, entries, foundations

BOOK = "book"  # the running number of places in the book
FEEDS = ARRIVALS, NOTICES = "arrivals", "notice-messages"  # … and in feeds of messages that are no lines of the book
_TICK = timedelta(microseconds=1)
_LAST_INSTANTS = select(
    select(func.max(entries.c.recorded_at)).scalar_subquery(),
    select(func.max(foundations.c.recorded_at)).scalar_subquery(),
)  # of the entries and of the foundations; an index each answers at once


def _raising(dialect: Any) -> Any:  # noqa: ANN401 - both dialects know this statement, the library's common form does not
    raised = dialect.insert(counters).values(name=bindparam("name"), value=bindparam("value"))
    added = {"value": counters.c.value + raised.excluded.value}
    return raised.on_conflict_do_update(index_elements=[counters.c.name], set_=added).returning(counters.c.value)


_RAISE = {"sqlite": _raising(sqlite), "postgresql": _raising(postgresql)}


def count_up(connection: Connection, name: str) -> int:
    """Return the next running number, from 1; the row stays locked to the end of the transaction."""
    return _raise(connection, name, 1)


def count_up_by(connection: Connection, name: str, count: int) -> int:
    """Take `count` running numbers at once and return the first; the row stays locked to the end of the transaction."""
    return _raise(connection, name, count) - count + 1


def hold(connection: Connection, name: str) -> None:
    """Wait until every other transaction that holds this row has ended; what they wrote is visible then."""
    _raise(connection, name, 0)


def counted(connection: Connection, name: str) -> int | None:
    """Return the running number as it stands; None where nothing was counted."""
    found: int | None = connection.execute(select(counters.c.value).where(counters.c.name == name)).scalar_one_or_none()
    return found


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
    lasts = connection.execute(_LAST_INSTANTS).one()
    return place, max([now, *(last + _TICK for last in lasts if last)])


def next_lines(connection: Connection, now: datetime, count: int) -> tuple[int, datetime]:
    """Return place and recorded time of the first of the next lines; each further one has the next place, a microsecond later."""
    place, recorded_at = next_line(connection, now)
    if count > 1:
        _raise(connection, BOOK, count - 1)
    return place, recorded_at


def _raise(connection: Connection, name: str, by: int) -> int:
    return int(connection.execute(_RAISE[connection.dialect.name], {"name": name, "value": by}).scalar_one())
