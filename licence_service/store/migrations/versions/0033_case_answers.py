"""What a case was answered of which nothing came, and since when a reservation is carried. A new table and a new column, which earlier releases leave empty."""

import sqlalchemy as sa
from alembic import op

from licence_service.store.database import Instant

revision = "0033"
down_revision = "0032"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Expand the schema."""
    op.create_table(
        "case_answers",
        sa.Column("id", KEY, nullable=False),
        sa.Column("case_no", sa.String(length=64), nullable=False),
        sa.Column("case_key", sa.String(length=64), nullable=False),
        sa.Column("department", sa.String(length=18), nullable=False),
        sa.Column("office", sa.String(length=40)),
        sa.Column("type", sa.String(length=80), nullable=False),
        sa.Column("act", sa.String(length=30), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("codes", sa.LargeBinary(), nullable=False),
        sa.Column("task_id", sa.String(length=26)),
        sa.PrimaryKeyConstraint("id", name="pk_case_answers"),
    )
    op.create_index("ix_case_answers_case_no", "case_answers", ["case_no"])
    op.create_index("ix_case_answers_case_key", "case_answers", ["case_key"])
    op.add_column("reservations", sa.Column("carried_at", Instant()))
