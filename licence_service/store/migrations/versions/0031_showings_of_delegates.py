"""A showing says under which delegation it was begun, so that its codes end with that. A new column, empty for what a holder shows themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """Expand the schema."""
    op.add_column("showings", sa.Column("delegation", sa.String(length=26)))
