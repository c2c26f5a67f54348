"""Checking in bulk: files that are worked off, lists that are watched. New tables only."""

import sqlalchemy as sa
from alembic import op

from licence_service.store.database import Instant

revision = "0007"
down_revision = "0006"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Expand the schema."""
    _checks()
    _watch_lists()
    _watch_rows()


def _checks() -> None:
    op.create_table(
        "checks",
        sa.Column("id", KEY, nullable=False),
        sa.Column("code_digest", sa.String(length=64), nullable=False),
        sa.Column("client", sa.String(length=80), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("valid_at", sa.String(length=10), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("claimed_until", Instant()),
        sa.Column("done_at", Instant()),
        sa.PrimaryKeyConstraint("id", name="pk_checks"),
        sa.UniqueConstraint("code_digest", name="uq_checks_code_digest"),
    )
    op.create_index("ix_checks_expires_at", "checks", ["expires_at"])
    op.create_table(
        "check_parts",
        sa.Column("job", KEY, nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("rows", sa.LargeBinary()),
        sa.Column("answers", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("job", "part", name="pk_check_parts"),
        sa.ForeignKeyConstraint(["job"], ["checks.id"], name="fk_check_parts_job"),
    )


def _watch_lists() -> None:
    op.create_table(
        "watch_lists",
        sa.Column("id", KEY, nullable=False),
        sa.Column("list_id", sa.String(length=26), nullable=False),
        sa.Column("client", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("put_at", Instant(), nullable=False),
        sa.Column("looked", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_watch_lists"),
        sa.UniqueConstraint("list_id", name="uq_watch_lists_list_id"),
        sa.UniqueConstraint("client", "name", name="uq_watch_lists_client_name"),
    )


def _watch_rows() -> None:
    op.create_table(
        "watch_rows",
        sa.Column("id", KEY, nullable=False),
        sa.Column("list", KEY, nullable=False),
        sa.Column("same", sa.String(length=64), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("plate", sa.String(length=64)),
        sa.Column("name", sa.String(length=64)),
        sa.Column("type", sa.String(length=80)),
        sa.Column("ref", sa.LargeBinary(), nullable=False),
        sa.Column("since_at", Instant()),
        sa.Column("since_on", sa.String(length=10), nullable=False),
        sa.Column("marked", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.String(length=10), nullable=False),
        sa.Column("told", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_watch_rows"),
        sa.UniqueConstraint("list", "same", name="uq_watch_rows_list_same"),
        sa.ForeignKeyConstraint(["list"], ["watch_lists.id"], name="fk_watch_rows_list"),
    )
    op.create_index("ix_watch_rows_list_until", "watch_rows", ["list", "until"])
    op.create_index("ix_watch_rows_list_number", "watch_rows", ["list", "number"])
    op.create_table(
        "watch_changes",
        sa.Column("list", KEY, nullable=False),
        sa.Column("no", sa.BigInteger(), nullable=False),
        sa.Column("row", KEY, nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("recorded_at", Instant()),
        sa.Column("noted_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("list", "no", name="pk_watch_changes"),
        sa.ForeignKeyConstraint(["list"], ["watch_lists.id"], name="fk_watch_changes_list"),
        sa.ForeignKeyConstraint(["row"], ["watch_rows.id"], name="fk_watch_changes_row"),
    )
    op.create_index("ix_watch_changes_row", "watch_changes", ["row"])
