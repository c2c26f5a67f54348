"""Webhooks and what is on its way to them; which licences changed hands; reservations by their case. Earlier releases go on beside it."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITING = sa.text("state = 'waiting'")
MOVES = sa.text("act = 'transfer'")


def upgrade() -> None:
    """Expand the schema."""
    op.create_table(
        "webhooks",
        sa.Column("id", KEY, nullable=False),
        sa.Column("webhook_id", sa.String(length=26), nullable=False),
        sa.Column("client", sa.String(length=80), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("looked", sa.BigInteger(), nullable=False),
        sa.Column("claimed_by", sa.String(length=32)),
        sa.Column("claimed_until", sa.BigInteger()),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("rests_until", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
        sa.UniqueConstraint("webhook_id", name="uq_webhooks_webhook_id"),
    )
    op.create_index("ix_webhooks_client", "webhooks", ["client"])
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", KEY, nullable=False),
        sa.Column("webhook", KEY, nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("licence", KEY, nullable=False),
        sa.Column("department", sa.String(length=18), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("settled_at", sa.BigInteger()),
        sa.Column("log", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["webhook"], ["webhooks.id"], name="fk_webhook_deliveries_webhook"),
        sa.ForeignKeyConstraint(["licence"], ["licences.id"], name="fk_webhook_deliveries_licence"),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
        sa.UniqueConstraint("webhook", "place", name="uq_webhook_deliveries_webhook_place"),
    )
    op.create_index("ix_webhook_deliveries_next", "webhook_deliveries", ["webhook", "next_at"], sqlite_where=WAITING, postgresql_where=WAITING)
    op.create_index(
        "ix_webhook_deliveries_turn", "webhook_deliveries", ["webhook", "licence", "place"], sqlite_where=WAITING, postgresql_where=WAITING
    )
    op.create_index("ix_webhook_deliveries_settled_at", "webhook_deliveries", ["settled_at"])
    op.add_column("reservations", sa.Column("case_no", sa.String(length=64)))
    op.create_index("ix_entries_moves", "entries", ["licence"], sqlite_where=MOVES, postgresql_where=MOVES)
