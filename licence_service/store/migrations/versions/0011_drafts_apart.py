"""What only a reservation's own entry needs lies apart, so that it goes with one statement; an index that no search asks goes.

A new column; what was reserved before has everything in one place. A check code's digest is only ever asked together with the number.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Expand the schema, and drop the index."""
    op.add_column("reservations", sa.Column("draft", sa.LargeBinary(), nullable=True))
    op.drop_index("ix_versions_check_digest", table_name="versions")
