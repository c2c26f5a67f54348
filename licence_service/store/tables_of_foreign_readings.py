"""The table of documents that foreign readers look at. As `tables`, and on the same metadata."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, Text, text

from licence_service.store.database import Instant
from licence_service.store.tables import Key, metadata

_WAITING = text("state = 'waiting'")

foreign_readings = Table(
    "foreign_readings", metadata,
    Column("version", Key, ForeignKey("versions.id"), primary_key=True, autoincrement=False),
    Column("day", String(10), nullable=False, index=True),  # in Beijing: on which it was sealed
    Column("type", String(80), nullable=False),
    Column("edition", String(20), nullable=False),
    Column("seal_id", String(120), nullable=False),
    Column("first", Boolean, nullable=False),  # of its day, edition and seal; else one of many
    Column("state", String(10), nullable=False),  # waiting, right, wrong, gone
    Column("lease_until", Instant, nullable=False),  # until when whoever looks has it for himself
    Column("read_at", Instant),
    Column("why", Text),  # what is wrong with it, without a value
    Index("ix_foreign_readings_waiting", "lease_until", sqlite_where=_WAITING, postgresql_where=_WAITING),
)  # fmt: skip
