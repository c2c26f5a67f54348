"""Where photos lie that documents of several segments show. A new table; what was packed before stays as it is."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Expand the schema."""
    op.create_table(
        "packed_photos",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("segment", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["segment"], ["segments.id"], name="fk_packed_photos_segment"),
        sa.PrimaryKeyConstraint("sha256", name="pk_packed_photos"),
    )
