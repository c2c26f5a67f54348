"""What is reported to a provincial repository, and the ledger of differences with it. Earlier releases go on beside it."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITING = sa.text("state = 'waiting'")
RETURNED = sa.text("state = 'returned'")
OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    """Expand the schema."""
    op.create_table(
        "repository_claims",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("looked", sa.BigInteger(), nullable=False),
        sa.Column("claimed_by", sa.String(length=32)),
        sa.Column("claimed_until", sa.BigInteger()),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("rests_until", sa.BigInteger()),
        sa.PrimaryKeyConstraint("name", name="pk_repository_claims"),
    )
    op.create_table(
        "repository_lines",
        sa.Column("id", KEY, nullable=False),
        sa.Column("licence", KEY, nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=21), nullable=False),
        sa.Column("department", sa.String(length=18), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("newest", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("repairs", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("settled_at", sa.BigInteger()),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(["licence"], ["licences.id"], name="fk_repository_lines_licence"),
        sa.PrimaryKeyConstraint("id", name="pk_repository_lines"),
        sa.UniqueConstraint("licence", "place", name="uq_repository_lines_licence_place"),
    )
    op.create_index("ix_repository_lines_next_at", "repository_lines", ["next_at"], sqlite_where=WAITING, postgresql_where=WAITING)
    op.create_index("ix_repository_lines_place", "repository_lines", ["place"], sqlite_where=WAITING, postgresql_where=WAITING)
    op.create_index(
        "ix_repository_lines_group",
        "repository_lines",
        ["type", "department", "day"],
        sqlite_where=sa.text("newest = 1"),
        postgresql_where=sa.text("newest"),
    )
    op.create_index("ix_repository_lines_returned", "repository_lines", ["id"], sqlite_where=RETURNED, postgresql_where=RETURNED)
    op.create_table(
        "repository_runs",
        sa.Column("id", KEY, nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("passes", sa.Integer(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("groups", sa.Integer(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("ended", sa.Integer(), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_repository_runs"),
    )
    op.create_index("ix_repository_runs_began_at", "repository_runs", ["began_at"])
    op.create_table(
        "repository_differences",
        sa.Column("id", KEY, nullable=False),
        sa.Column("run", KEY, nullable=False),
        sa.Column("licence_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("type", sa.String(length=21), nullable=False),
        sa.Column("department", sa.String(length=18), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("here", sa.Text(), nullable=False),
        sa.Column("there", sa.Text(), nullable=False),
        sa.Column("cause", sa.String(length=60), nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.Column("repairs", sa.Integer(), nullable=False),
        sa.Column("withdrawn_by", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=6), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("ending", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["repository_runs.id"], name="fk_repository_differences_run"),
        sa.PrimaryKeyConstraint("id", name="pk_repository_differences"),
    )
    op.create_index(
        "uq_repository_differences_open", "repository_differences", ["licence_id", "kind"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN
    )
    op.create_index("ix_repository_differences_licence_id", "repository_differences", ["licence_id"])
