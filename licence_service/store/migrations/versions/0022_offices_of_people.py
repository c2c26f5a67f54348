"""People of the desk may be of a sub-office; what is reserved and read says for which. Earlier releases go on beside it, and leave it empty."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_IN_OFFICE = sa.text("office IS NOT NULL")


def upgrade() -> None:
    """Expand the schema."""
    op.create_table(
        "person_offices",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("person", _KEY, nullable=False),
        sa.Column("office", sa.String(length=40), nullable=True),
        sa.Column("set_at", sa.BigInteger(), nullable=False),
        sa.Column("set_by", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="fk_person_offices_person"),
        sa.PrimaryKeyConstraint("id", name="pk_person_offices"),
    )
    op.create_index("ix_person_offices_person", "person_offices", ["person"])
    op.create_index("ix_desk_log_person", "desk_log", ["person_id", "id"])
    for table in ("reservations", "desk_log"):
        op.add_column(table, sa.Column("office", sa.String(length=40)))
        op.create_index(f"ix_{table}_office", table, ["office", "id"], sqlite_where=_IN_OFFICE, postgresql_where=_IN_OFFICE)
    op.add_column("tasks", sa.Column("office", sa.String(length=40)))
