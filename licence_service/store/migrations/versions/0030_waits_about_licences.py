"""What waits for a silent source says about which licence it is, so that its holder sees it. New columns, which earlier releases leave empty."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Expand the schema."""
    op.add_column("source_waits", sa.Column("licence_id", sa.String(length=20)))
    op.add_column("source_waits", sa.Column("act", sa.String(length=40)))
    op.create_index("ix_source_waits_licence_id", "source_waits", ["licence_id"])
