"""The table of arrivals: messages to systems of departments that licences reached their holders. As `tables`, and on the same metadata."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, text

from licence_service.store.database import Instant
from licence_service.store.tables import Key, clients, metadata

_WAITING = text("state = 'waiting'")

arrivals = Table(
    "arrivals", metadata,
    Column("id", Key, primary_key=True),
    Column("message_id", String(26), nullable=False, unique=True),  # follows from what it tells and to whom: made twice, it is the same
    Column("place", BigInteger, nullable=False, unique=True),  # over all messages, in the order of commits
    Column("client", Key, ForeignKey(clients.c.id, name="fk_arrivals_client"), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("content", Text, nullable=False),  # JSON: what happened to which licence; the case is read from the book when it is told
    Column("state", String(10), nullable=False),  # waiting, delivered, dead, kept (nobody to send it to)
    Column("attempts", Integer, nullable=False),
    Column("next_at", Instant),  # of the next attempt, or until when one is under way; empty where none is to come
    Column("reason", String(40)),  # what went wrong last
    Index("ix_arrivals_next_at", "next_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
    Index("ix_arrivals_client_place", "client", "place"),
)  # fmt: skip
