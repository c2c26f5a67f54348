"""Cases that wait for a data source. Earlier releases go on beside it."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Expand the schema."""
    op.create_table(
        "source_waits",
        sa.Column("case_no", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=80), nullable=False),
        sa.Column("department", sa.String(length=18), nullable=False),
        sa.Column("sources", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.PrimaryKeyConstraint("case_no", "type", name="pk_source_waits"),
    )
