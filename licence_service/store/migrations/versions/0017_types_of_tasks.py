"""Tasks that are about no licence say of which certificate type they are. Earlier releases go on beside it, and leave it empty."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Expand the schema."""
    op.add_column("tasks", sa.Column("type", sa.String(length=80)))
