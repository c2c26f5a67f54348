"""People at the desk, their roles and sessions, and the log of what they looked at. New tables only."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Expand the schema."""
    op.create_table(
        "people",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("person_id", sa.String(length=26), nullable=False),
        sa.Column("known_by", sa.String(length=64), nullable=True),
        sa.Column("department", sa.String(length=18), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("added_by", sa.String(length=80), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.Column("removed_by", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
        sa.UniqueConstraint("person_id", name="uq_people_person_id"),
        sa.UniqueConstraint("known_by", name="uq_people_known_by"),
    )
    op.create_table(
        "person_roles",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("person", _KEY, nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("first_on", sa.String(length=10), nullable=False),
        sa.Column("last_on", sa.String(length=10), nullable=True),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.Column("given_by", sa.String(length=80), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="fk_person_roles_person"),
        sa.PrimaryKeyConstraint("id", name="pk_person_roles"),
    )
    op.create_index("ix_person_roles_person", "person_roles", ["person"])
    _sessions_and_log()


def _sessions_and_log() -> None:
    op.create_table(
        "sessions",
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("person", _KEY, nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="fk_sessions_person"),
        sa.PrimaryKeyConstraint("token_digest", name="pk_sessions"),
    )
    op.create_index("ix_sessions_person", "sessions", ["person"])
    op.create_index("ix_sessions_used_at", "sessions", ["used_at"])
    op.create_table(
        "desk_log",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.String(length=26), nullable=False),
        sa.Column("department", sa.String(length=18), nullable=False),
        sa.Column("done", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("copy_no", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_desk_log"),
        sa.UniqueConstraint("subject", "copy_no", name="uq_desk_log_subject_copy_no"),
    )
    op.create_index("ix_desk_log_department_at", "desk_log", ["department", "at"])
