"""That licences reached their holders is told to systems of their departments. A new table; what was handed over before is not told."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    """Expand the schema."""
    op.create_table(
        "arrivals",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("message_id", sa.String(length=26), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("client", _KEY, nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name="fk_arrivals_client"),
        sa.PrimaryKeyConstraint("id", name="pk_arrivals"),
        sa.UniqueConstraint("message_id", name="uq_arrivals_message_id"),
        sa.UniqueConstraint("place", name="uq_arrivals_place"),
    )
    op.create_index("ix_arrivals_next_at", "arrivals", ["next_at"], sqlite_where=_WAITING, postgresql_where=_WAITING)
    op.create_index("ix_arrivals_client_place", "arrivals", ["client", "place"])
