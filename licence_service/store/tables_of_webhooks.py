"""The tables of webhooks: endpoints, and what is on its way to each. As `tables`, and on the same metadata.

An event itself is not kept here: it is read from the book when it is sent, by its place.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint, text

from licence_service.store.database import Instant
from licence_service.store.tables import Key, entries, metadata

_WAITING = text("state = 'waiting'")
_MOVES = text("act = 'transfer'")

webhooks = Table(
    "webhooks", metadata,
    Column("id", Key, primary_key=True),
    Column("webhook_id", String(26), nullable=False, unique=True),
    Column("client", String(80), nullable=False, index=True),
    Column("content", LargeBinary, nullable=False),  # encrypted: address, what is wanted, secrets
    Column("created_at", Instant, nullable=False),
    Column("looked", BigInteger, nullable=False),  # place of the book up to which deliveries were laid out
    Column("claimed_by", String(32)),  # the round that works on it now
    Column("claimed_until", Instant),
    Column("failures", Integer, nullable=False),  # rounds in a row in which nothing arrived
    Column("rests_until", Instant),  # a receiver that is down is left alone for a while
)  # fmt: skip

webhook_deliveries = Table(
    "webhook_deliveries", metadata,
    Column("id", Key, primary_key=True),
    Column("webhook", Key, ForeignKey("webhooks.id"), nullable=False),
    Column("place", BigInteger, nullable=False),  # of the entry that is told
    Column("licence", Key, ForeignKey("licences.id"), nullable=False),
    Column("department", String(18), nullable=False),  # issuer of record after the entry
    Column("state", String(10), nullable=False),  # waiting, delivered, dead
    Column("attempts", Integer, nullable=False),
    Column("next_at", Instant),  # of the next attempt; empty where none is to come
    Column("settled_at", Instant),
    Column("log", Text, nullable=False),  # JSON: the newest attempts, each with time, status, reason
    UniqueConstraint("webhook", "place"),
    Index("ix_webhook_deliveries_next", "webhook", "next_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
    Index("ix_webhook_deliveries_turn", "webhook", "licence", "place", sqlite_where=_WAITING, postgresql_where=_WAITING),
    Index("ix_webhook_deliveries_settled_at", "settled_at"),
)  # fmt: skip

# The few licences that ever were to go over to another department.
Index("ix_entries_moves", entries.c.licence, sqlite_where=_MOVES, postgresql_where=_MOVES)
