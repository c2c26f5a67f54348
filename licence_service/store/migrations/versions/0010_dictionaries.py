"""What a dictionary was made of, so that it is made anew when that changes. A new column; what was made before has none."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Expand the schema."""
    op.add_column("dictionaries", sa.Column("made_of", sa.String(length=64), nullable=True))
    op.create_index("ix_dictionaries_made_of", "dictionaries", ["made_of"], unique=True)
