"""The table of cases that wait for a data source. As `tables`, and on the same metadata."""

from sqlalchemy import Column, Integer, LargeBinary, String, Table, Text

from licence_service.store.database import Instant
from licence_service.store.tables import metadata

source_waits = Table(
    "source_waits", metadata,
    Column("case_no", String(64), primary_key=True),  # blinded, with the department or the office that asks
    Column("type", String(80), primary_key=True),
    Column("department", String(18), nullable=False),
    Column("sources", Text, nullable=False),  # names, separated by commas
    Column("since", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Instant, nullable=False),
    Column("state", String(10), nullable=False),  # waiting; clerk: a person decides
    Column("request", LargeBinary),  # encrypted: what is repeated; gone when a person decides
    Column("licence_id", String(20), index=True),  # of a later act: the licence, and
    Column("act", String(40)),  # which
    Column("taken_until", Instant),  # by whoever repeats it
)  # fmt: skip
