"""Licences and clients say of which sub-office they are. Earlier releases go on beside it, and leave it empty."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Expand the schema."""
    op.add_column("licences", sa.Column("office", sa.String(length=40)))
    op.add_column("clients", sa.Column("office", sa.String(length=40)))
    op.create_index(
        "ix_licences_office", "licences", ["office"], sqlite_where=sa.text("office IS NOT NULL"), postgresql_where=sa.text("office IS NOT NULL")
    )
