"""Requests to lend, under the keys of who asks. A new table only; one index is not needed any more."""

import sqlalchemy as sa
from alembic import op

from licence_service.store.database import Instant

revision = "0029"
down_revision = "0028"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Expand the schema."""
    op.create_table(
        "lending_requests",
        sa.Column("id", KEY, nullable=False),
        sa.Column("key_digest", sa.String(length=64), nullable=False),
        sa.Column("request_digest", sa.String(length=64), nullable=False),
        sa.Column("lending_id", sa.String(length=26), nullable=False),
        sa.Column("holder", sa.String(length=26), nullable=False),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.Column("taken_until", Instant(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_lending_requests"),
        sa.UniqueConstraint("key_digest", name="uq_lending_requests_key_digest"),
        sa.UniqueConstraint("lending_id", name="uq_lending_requests_lending_id"),
    )
    op.create_index("ix_lending_requests_holder_made_at", "lending_requests", ["holder", "made_at"])
    op.drop_index("ix_lendings_holder_made_at", table_name="lendings")
