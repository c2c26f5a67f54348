"""Status lists as they were at an instant, and an index of the acts that the columns of `licences` do not tell them.

Both tables are made from the book and begin empty. The index reads the entries once; writers wait meanwhile, readers do not.
"""

import sqlalchemy as sa
from alembic import op

from licence_service.store.database import Instant

revision = "0004"
down_revision = "0003"

UNTOLD = sa.text("act IN ('suspend', 'void', 'report_lost')")


def upgrade() -> None:
    """Expand the schema."""
    op.create_table(
        "status_runs",
        sa.Column("at", Instant(), autoincrement=False, nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("lapses", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("at", name="pk_status_runs"),
    )
    op.create_table(
        "status_lists",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", "at", name="pk_status_lists"),
    )
    op.create_index("ix_entries_untold", "entries", ["licence"], sqlite_where=UNTOLD, postgresql_where=UNTOLD)
