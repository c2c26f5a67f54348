"""Documents that lie many in one segment, and the dictionaries they are packed with. New tables only."""

import sqlalchemy as sa
from alembic import op

from licence_service.store.database import Instant

revision = "0008"
down_revision = "0007"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Expand the schema."""
    op.create_table(
        "segments",
        sa.Column("id", KEY, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_segments"),
        sa.UniqueConstraint("sha256", name="uq_segments_sha256"),
    )
    op.create_table(
        "packed_documents",
        sa.Column("version", KEY, nullable=False),
        sa.Column("segment", KEY, nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_packed_documents"),
        sa.ForeignKeyConstraint(["version"], ["versions.id"], name="fk_packed_documents_version"),
        sa.ForeignKeyConstraint(["segment"], ["segments.id"], name="fk_packed_documents_segment"),
    )
    op.create_table(
        "dictionaries",
        sa.Column("id", KEY, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dictionaries"),
        sa.UniqueConstraint("sha256", name="uq_dictionaries_sha256"),
    )
