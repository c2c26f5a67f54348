"""Who of a company looked at its list of persons is found by the company. A new index."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
_OF_A_COMPANY = sa.text("company IS NOT NULL")


def upgrade() -> None:
    """Expand the schema."""
    op.create_index("ix_reads_company_day", "reads", ["company", "day"], sqlite_where=_OF_A_COMPANY, postgresql_where=_OF_A_COMPANY)
