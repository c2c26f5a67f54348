"""What people ordered of campaigns at the desk: a new table only."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Expand the schema."""
    op.create_table(
        "campaign_orders",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("campaign", _KEY, nullable=False),
        sa.Column("what", sa.String(length=10), nullable=False),
        sa.Column("ordered_by", sa.String(length=80), nullable=False),
        sa.Column("ordered_at", sa.BigInteger(), nullable=False),
        sa.Column("carried_until", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("trouble", sa.String(length=60), nullable=True),
        sa.ForeignKeyConstraint(["campaign"], ["campaigns.id"], name="fk_campaign_orders_campaign"),
        sa.PrimaryKeyConstraint("id", name="pk_campaign_orders"),
    )
    op.create_index("ix_campaign_orders_campaign", "campaign_orders", ["campaign"])
    op.create_index("ix_campaign_orders_ended_at", "campaign_orders", ["ended_at"])
