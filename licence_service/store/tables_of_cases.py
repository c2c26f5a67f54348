"""The table of answers to cases of which nothing came. As `tables`, and on the same metadata."""

from sqlalchemy import Column, Index, LargeBinary, String, Table

from licence_service.store.database import Instant
from licence_service.store.tables import Key, metadata

case_answers = Table(
    "case_answers", metadata,
    Column("id", Key, primary_key=True),
    Column("case_no", String(64), nullable=False),  # blinded, as in `reservations`
    Column("case_key", String(64), nullable=False),  # blinded: organisation, case, type and holder, as in `reservations`
    Column("department", String(18), nullable=False),
    Column("office", String(40)),
    Column("type", String(80), nullable=False),
    Column("act", String(30), nullable=False),
    Column("at", Instant, nullable=False),
    Column("codes", LargeBinary, nullable=False),  # encrypted: why, in codes, without a value
    Column("task_id", String(26)),  # that it left to a clerk
    Index("ix_case_answers_case_no", "case_no"),
    Index("ix_case_answers_case_key", "case_key"),
)  # fmt: skip
