"""Running numbers, one row each; the same row is where writers of one kind wait for each other.

One statement on both databases, so that two first writers cannot both find the row absent.
"""

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from licence_service.store.tables import counters


def count_up(connection: Connection, name: str) -> int:
    """Return the next running number, from 1; the row stays locked to the end of the transaction."""
    return _raise(connection, name, 1)


def hold(connection: Connection, name: str) -> None:
    """Wait until every other transaction that holds this row has ended; what they wrote is visible then."""
    _raise(connection, name, 0)


def _raise(connection: Connection, name: str, by: int) -> int:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    raised = (
        dialect.insert(counters)
        .values(name=name, value=by)
        .on_conflict_do_update(index_elements=[counters.c.name], set_={"value": counters.c.value + by})
        .returning(counters.c.value)
    )
    return int(connection.execute(raised).scalar_one())
