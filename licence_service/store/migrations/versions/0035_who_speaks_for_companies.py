"""Who speaks for a company, as the identity service named them last. A new column: for companies that did not come since, it is empty."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    """Expand the schema."""
    op.add_column("holders", sa.Column("spoken_by", sa.String(length=26)))
