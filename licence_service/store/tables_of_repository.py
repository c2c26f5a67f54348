"""The tables of the report to a provincial repository: what is to be told, who tells it, and the ledger of differences. As `tables`, and on the same metadata.

A catalogue entry itself is not kept here: it is made from the book when it is sent, by its place.
"""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint, text

from licence_service.store.database import Instant
from licence_service.store.tables import Key, metadata

_WAITING = text("state = 'waiting'")
_RETURNED = text("state = 'returned'")
_OPEN = text("state = 'open'")

repository_claims = Table(
    "repository_claims", metadata,
    Column("name", String(20), primary_key=True),  # report, reconcile: what one process at a time does
    Column("looked", BigInteger, nullable=False),  # place of the book up to which lines were laid out
    Column("claimed_by", String(32)),
    Column("claimed_until", Instant),
    Column("failures", Integer, nullable=False),  # rounds in a row in which nothing arrived
    Column("rests_until", Instant),
)  # fmt: skip

repository_lines = Table(
    "repository_lines", metadata,
    Column("id", Key, primary_key=True),
    Column("licence", Key, ForeignKey("licences.id"), nullable=False),
    Column("place", BigInteger, nullable=False),  # of the entry that is told; of one above where that ended this licence too
    Column("type", String(21), nullable=False),  # code of the type, with organ and day the group in which it is counted
    Column("department", String(18), nullable=False),
    Column("day", String(10), nullable=False),  # in Beijing: of the licence's first entry
    Column("digest", String(64), nullable=False),  # SM3 of the catalogue entry
    Column("newest", Boolean, nullable=False),  # of its licence
    Column("state", String(10), nullable=False),  # waiting, reported, returned
    Column("attempts", Integer, nullable=False),
    Column("repairs", Integer, nullable=False),  # how often it was told anew
    Column("next_at", Instant),  # of the next attempt; empty where none is to come
    Column("settled_at", Instant),
    Column("reason", String(60), nullable=False),  # why the last attempt was not good, or why it was returned
    UniqueConstraint("licence", "place"),
    Index("ix_repository_lines_next_at", "next_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
    Index("ix_repository_lines_place", "place", sqlite_where=_WAITING, postgresql_where=_WAITING),
    Index("ix_repository_lines_group", "type", "department", "day", sqlite_where=text("newest = 1"), postgresql_where=text("newest")),
    Index("ix_repository_lines_returned", "id", sqlite_where=_RETURNED, postgresql_where=_RETURNED),
)  # fmt: skip

repository_runs = Table(
    "repository_runs", metadata,
    Column("id", Key, primary_key=True),
    Column("began_at", Instant, nullable=False, index=True),
    Column("ended_at", Instant),  # empty where it was broken off
    Column("passes", Integer, nullable=False),
    Column("entries", BigInteger, nullable=False),  # catalogue entries on this side, at the last pass
    Column("groups", Integer, nullable=False),  # of type and organ, on either side
    Column("days", Integer, nullable=False),  # that were looked into, since their count or digest differed
    Column("found", Integer, nullable=False),  # differences that were new
    Column("ended", Integer, nullable=False),
    Column("open", Integer, nullable=False),  # those that are left
)  # fmt: skip

repository_differences = Table(
    "repository_differences", metadata,
    Column("id", Key, primary_key=True),
    Column("run", Key, ForeignKey("repository_runs.id"), nullable=False),  # that found it
    Column("licence_id", String(64), nullable=False),  # as the other side writes it where this one knows none
    Column("kind", String(16), nullable=False),
    Column("type", String(21), nullable=False),
    Column("department", String(18), nullable=False),
    Column("day", String(10), nullable=False),
    Column("here", Text, nullable=False),  # JSON: revision and digest, empty where there is none
    Column("there", Text, nullable=False),  # JSON: the same of each copy
    Column("cause", String(60), nullable=False),
    Column("found_at", Instant, nullable=False),
    Column("repairs", Integer, nullable=False),
    Column("withdrawn_by", String(80), nullable=False),  # who had it taken out there, else empty
    Column("state", String(6), nullable=False),  # open, ended
    Column("ended_at", Instant),
    Column("ending", String(16), nullable=False),
    Index("uq_repository_differences_open", "licence_id", "kind", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index("ix_repository_differences_licence_id", "licence_id"),
)  # fmt: skip
