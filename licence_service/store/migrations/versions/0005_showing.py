"""Who may look and who has looked: kinds of clients, looks, notes, stickers, reports of false sites. New tables and one column only."""

import sqlalchemy as sa
from alembic import op

from licence_service.store.database import Instant

revision = "0005"
down_revision = "0004"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Expand the schema; a client that was there is an approval system."""
    op.execute("ALTER TABLE clients ADD COLUMN kind VARCHAR(20) NOT NULL DEFAULT 'approval'")
    _looks()
    _stickers()
    op.create_table(
        "site_reports",
        sa.Column("id", KEY, nullable=False),
        sa.Column("report_id", sa.String(length=26), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_site_reports"),
        sa.UniqueConstraint("report_id", name="uq_site_reports_report_id"),
    )
    for table in ("looks", "looked_at", "notes"):
        _only_insert(table)


def _looks() -> None:
    op.create_table(
        "looks",
        sa.Column("id", KEY, nullable=False),
        sa.Column("look_id", sa.String(length=26), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("client", sa.String(length=80), nullable=False),
        sa.Column("organ", sa.String(length=18), nullable=False),
        sa.Column("found_by", sa.String(length=10), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_looks"),
        sa.UniqueConstraint("look_id", name="uq_looks_look_id"),
    )
    op.create_index("ix_looks_client_at", "looks", ["client", "at"])
    op.create_table(
        "looked_at",
        sa.Column("look", KEY, nullable=False),
        sa.Column("licence", KEY, nullable=False),
        sa.ForeignKeyConstraint(["look"], ["looks.id"], name="fk_looked_at_look"),
        sa.ForeignKeyConstraint(["licence"], ["licences.id"], name="fk_looked_at_licence"),
        sa.PrimaryKeyConstraint("look", "licence", name="pk_looked_at"),
    )
    op.create_index("ix_looked_at_licence", "looked_at", ["licence"])
    op.create_table(
        "notes",
        sa.Column("id", KEY, nullable=False),
        sa.Column("code_digest", sa.String(length=64), nullable=False),
        sa.Column("look", KEY, nullable=False),
        sa.Column("licence", KEY, nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["look"], ["looks.id"], name="fk_notes_look"),
        sa.ForeignKeyConstraint(["licence"], ["licences.id"], name="fk_notes_licence"),
        sa.PrimaryKeyConstraint("id", name="pk_notes"),
        sa.UniqueConstraint("code_digest", name="uq_notes_code_digest"),
    )
    op.create_index("ix_notes_licence", "notes", ["licence"])


def _stickers() -> None:
    op.create_table(
        "stickers",
        sa.Column("id", KEY, nullable=False),
        sa.Column("sticker_id", sa.String(length=26), nullable=False),
        sa.Column("code_digest", sa.String(length=64), nullable=False),
        sa.Column("licence", KEY, nullable=False),
        sa.Column("driver", KEY),
        sa.Column("issued_at", Instant(), nullable=False),
        sa.Column("issued_by", sa.String(length=80), nullable=False),
        sa.Column("revoked_at", Instant()),
        sa.Column("revoked_by", sa.String(length=80)),
        sa.ForeignKeyConstraint(["licence"], ["licences.id"], name="fk_stickers_licence"),
        sa.ForeignKeyConstraint(["driver"], ["licences.id"], name="fk_stickers_driver"),
        sa.PrimaryKeyConstraint("id", name="pk_stickers"),
        sa.UniqueConstraint("sticker_id", name="uq_stickers_sticker_id"),
        sa.UniqueConstraint("code_digest", name="uq_stickers_code_digest"),
    )
    op.create_index("ix_stickers_licence", "stickers", ["licence"])


def _only_insert(table: str) -> None:
    """Let the database itself refuse to change or delete a line, as 0001 does for entries."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, 'only inserted'); END")
        return
    op.execute(
        f"CREATE TRIGGER {table}_only_insert BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION only_inserted()"
    )
