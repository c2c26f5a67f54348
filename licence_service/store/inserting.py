"""Many rows of one table at once, as cheaply as each database takes them: SQLite by statements of many rows, PostgreSQL by `COPY`.

What SQLAlchemy does for each value of each row costs more than SQLite's own work. Here a row's values are put in order and handed on; of the
types of `tables` only `Instant` is stored as something else than it is.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table, func, select, text
from sqlalchemy.exc import DBAPIError

from licence_service.store.database import Instant

_INSTANT = Instant()
_TOGETHER = 300  # rows of a statement of SQLite: between two it asks for the interpreter's turn, while everybody waits who writes
_NEXT = text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)")


def next_ids(connection: Connection, table: Table, count: int) -> Sequence[int]:
    """Take the ids of so many rows to come, rising. SQLite: nobody else writes up to the commit; PostgreSQL: from the table's sequence."""
    if connection.dialect.name == "sqlite":
        last = connection.execute(select(func.max(table.c.id))).scalar_one() or 0
        return range(last + 1, last + count + 1)
    return [int(number) for number in connection.execute(_NEXT, {"name": table.name, "count": count}).scalars()]


def insert_all(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all name the same columns, two or more, in the same order; `IntegrityError` as from any insert."""
    if not rows:
        return
    names = tuple(rows[0])
    values = list(map(itemgetter(*names), rows))
    if instants := _instants(table, names):
        values = [_stored(connection, row, instants) for row in values]
    quote = connection.dialect.identifier_preparer.quote
    into = f"{quote(table.name)} ({', '.join(map(quote, names))})"
    if connection.dialect.name == "sqlite":
        one = f"({', '.join('?' * len(names))})"
        for start in range(0, len(values), _TOGETHER):
            some = values[start : start + _TOGETHER]
            connection.exec_driver_sql(f"INSERT INTO {into} VALUES {', '.join([one] * len(some))}", tuple(chain.from_iterable(some)))  # noqa: S608 - our own columns
    else:
        _copy(connection, f"COPY {into} FROM STDIN", values)


def _stored(connection: Connection, row: tuple[Any, ...], instants: Sequence[int]) -> tuple[Any, ...]:
    stored = list(row)
    for at in instants:
        stored[at] = _INSTANT.process_bind_param(stored[at], connection.dialect)
    return tuple(stored)


def _copy(connection: Connection, statement: str, values: Sequence[tuple[Any, ...]]) -> None:
    driver: Any = connection.dialect.loaded_dbapi
    cursor: Any = connection.connection.cursor()
    try:
        with cursor, cursor.copy(statement) as copy:
            for row in values:
                copy.write_row(row)
    except driver.Error as error:
        raise DBAPIError.instance(statement, None, error, driver.Error, dialect=connection.dialect) from error  # as any other statement's


@lru_cache
def _instants(table: Table, names: tuple[str, ...]) -> tuple[int, ...]:
    """Return the places of instants among these columns."""
    return tuple(at for at, name in enumerate(names) if isinstance(table.c[name].type, Instant))
