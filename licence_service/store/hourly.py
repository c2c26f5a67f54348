"""How often in an hour one holder may make something that costs or litters: lendings, copies, invitations."""

from datetime import datetime, timedelta
from math import ceil
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, func, select

from licence_service.errors import CeilingReached

AN_HOUR = timedelta(hours=1)


def must_be_below(
    connection: Connection, made_at: Column[Any], mine: ColumnElement[bool], most: int, what: str, now: datetime, counted: Column[Any] | None = None
) -> None:  # fmt: skip
    """Raise `CeilingReached`, with when to come again, where rows of the last hour are as many as anybody may make.

    `mine` says whose rows; where a column is `counted`, its numbers are, and only of rows that have one.
    """
    number, some = (func.count(), []) if counted is None else (func.coalesce(func.sum(counted), 0), [counted > 0])
    count, first = connection.execute(select(number, func.min(made_at)).where(mine, made_at > now - AN_HOUR, *some)).one()
    if count >= most:
        raise CeilingReached(f"at most {most} {what} an hour", retry_after=max(1, ceil((first + AN_HOUR - now).total_seconds())))
