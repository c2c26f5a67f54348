"""Throwing away what is over, beside everybody who still writes."""

from sqlalchemy import ColumnElement, Connection, Table, delete, select, tuple_


def sweep(connection: Connection, table: Table, over: ColumnElement[bool]) -> None:
    """Delete the rows that are over, but for those that another transaction holds now: they go with the next sweep.

    So a sweep waits for nobody. PostgreSQL deletes in whatever order it finds the rows: of two who wait for each other's, one would be refused.
    """
    key = table.primary_key.columns
    free = select(*key).where(over).with_for_update(skip_locked=True)
    connection.execute(delete(table).where(tuple_(*key).in_(free)))
