"""What only a reservation's own entry needs lies in a table of its own. On SQLite each of the rows that stay took a page for what had gone from it.

A new table. What was reserved before keeps its draft in its row, and is carried to its end from there.
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Expand the schema."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "drafts",
        sa.Column("reservation", key, sa.ForeignKey("reservations.id"), primary_key=True, autoincrement=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
