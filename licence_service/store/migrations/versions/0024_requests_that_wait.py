"""A case that waits for a data source keeps its request, encrypted, so that the service asks again by itself. Earlier releases go on beside it."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Expand the schema."""
    op.add_column("source_waits", sa.Column("request", sa.LargeBinary()))
    op.add_column("source_waits", sa.Column("taken_until", sa.BigInteger()))
