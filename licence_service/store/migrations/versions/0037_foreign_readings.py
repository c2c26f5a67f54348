"""Which documents of single acts foreign readers look at, and what they found. A new table; it begins with what is sealed from now on."""

import sqlalchemy as sa
from alembic import op

from licence_service.store.database import Instant

revision = "0037"
down_revision = "0036"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    """Expand the schema."""
    op.create_table(
        "foreign_readings",
        sa.Column("version", KEY, autoincrement=False, nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("type", sa.String(length=80), nullable=False),
        sa.Column("edition", sa.String(length=20), nullable=False),
        sa.Column("seal_id", sa.String(length=120), nullable=False),
        sa.Column("first", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("lease_until", Instant(), nullable=False),
        sa.Column("read_at", Instant()),
        sa.Column("why", sa.Text()),
        sa.ForeignKeyConstraint(["version"], ["versions.id"], name="fk_foreign_readings_version"),
        sa.PrimaryKeyConstraint("version", name="pk_foreign_readings"),
    )
    op.create_index("ix_foreign_readings_day", "foreign_readings", ["day"])
    op.create_index("ix_foreign_readings_waiting", "foreign_readings", ["lease_until"], sqlite_where=_WAITING, postgresql_where=_WAITING)
    op.execute("INSERT INTO counters (name, value) SELECT 'foreign readings', COALESCE(MAX(id), 0) FROM versions")
