"""Notices of deadlines. New tables; every licence that is kept as a card already is looked at once."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    """Expand the schema."""
    op.create_table(
        "deadline_looks",
        sa.Column("licence", _KEY, autoincrement=False, nullable=False),
        sa.Column("next_on", sa.String(length=10), nullable=False),
        sa.Column("marks", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["licence"], ["licences.id"], name="fk_deadline_looks_licence"),
        sa.PrimaryKeyConstraint("licence", name="pk_deadline_looks"),
    )
    op.create_index("ix_deadline_looks_next_on", "deadline_looks", ["next_on"])
    op.execute("INSERT INTO deadline_looks (licence, next_on, marks) SELECT DISTINCT licence, '', 0 FROM cards WHERE released_at IS NULL")
    _messages()
    _notices()


def _messages() -> None:
    op.create_table(
        "notice_messages",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("message_id", sa.String(length=26), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("holder", _KEY, nullable=False),
        sa.Column("host", _KEY, nullable=True),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("digest", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["holder"], ["holders.id"], name="fk_notice_messages_holder"),
        sa.ForeignKeyConstraint(["host"], ["clients.id"], name="fk_notice_messages_host"),
        sa.PrimaryKeyConstraint("id", name="pk_notice_messages"),
        sa.UniqueConstraint("message_id", name="uq_notice_messages_message_id"),
        sa.UniqueConstraint("place", name="uq_notice_messages_place"),
    )
    op.create_index("ix_notice_messages_next_at", "notice_messages", ["next_at"], sqlite_where=_WAITING, postgresql_where=_WAITING)
    op.create_index("ix_notice_messages_host_place", "notice_messages", ["host", "place"])


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("notice_id", sa.String(length=26), nullable=False),
        sa.Column("holder", _KEY, nullable=False),
        sa.Column("licence", _KEY, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.Column("send_from", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("message", _KEY, nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["holder"], ["holders.id"], name="fk_notices_holder"),
        sa.ForeignKeyConstraint(["licence"], ["licences.id"], name="fk_notices_licence"),
        sa.ForeignKeyConstraint(["message"], ["notice_messages.id"], name="fk_notices_message"),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        sa.UniqueConstraint("notice_id", name="uq_notices_notice_id"),
    )
    op.create_index("ix_notices_holder", "notices", ["holder", "id"])
    op.create_index("ix_notices_send_from", "notices", ["send_from"], sqlite_where=_WAITING, postgresql_where=_WAITING)
    op.create_index("ix_notices_message", "notices", ["message"])
