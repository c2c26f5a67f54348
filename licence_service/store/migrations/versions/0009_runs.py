"""Bulk runs: files of rows that are issued chunk by chunk. New tables only."""

import sqlalchemy as sa
from alembic import op

from licence_service.store.database import Instant

revision = "0009"
down_revision = "0008"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Expand the schema."""
    op.create_table(
        "runs",
        sa.Column("id", KEY, nullable=False),
        sa.Column("run_id", sa.String(length=26), nullable=False),
        sa.Column("client", sa.String(length=80), nullable=False),
        sa.Column("rows_digest", sa.String(length=64), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("chunk", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("on_workers", sa.Boolean(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("collected_at", Instant()),
        sa.Column("secret", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.UniqueConstraint("run_id", name="uq_runs_run_id"),
    )
    op.create_index("ix_runs_rows_digest", "runs", ["rows_digest"])
    op.create_table(
        "run_chunks",
        sa.Column("run", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("holder", sa.String(length=40)),
        sa.Column("not_before", Instant()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=80)),
        sa.Column("rows_object", sa.String(length=64)),
        sa.Column("rows_digest", sa.String(length=64), nullable=False),
        sa.Column("results_object", sa.String(length=64)),
        sa.Column("results_digest", sa.String(length=64)),
        sa.Column("refused", sa.Integer()),
        sa.Column("done_at", Instant()),
        sa.PrimaryKeyConstraint("run", "number", name="pk_run_chunks"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_run_chunks_run"),
    )
    op.create_index("ix_run_chunks_state", "run_chunks", ["state"])
