"""Sessions of holders in the web wallet. A new table."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Expand the schema."""
    op.create_table(
        "holder_sessions",
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("holder", _KEY, nullable=False),
        sa.Column("person", _KEY, nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("delegation", sa.String(length=26), nullable=True),
        sa.Column("showing", sa.String(length=32), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["holder"], ["holders.id"], name="fk_holder_sessions_holder"),
        sa.ForeignKeyConstraint(["person"], ["holders.id"], name="fk_holder_sessions_person"),
        sa.PrimaryKeyConstraint("token_digest", name="pk_holder_sessions"),
    )
    op.create_index("ix_holder_sessions_holder", "holder_sessions", ["holder"])
    op.create_index("ix_holder_sessions_used_at", "holder_sessions", ["used_at"])
