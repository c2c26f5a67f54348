"""What holders show and lend: showings, nonces of show codes, lendings, their uses and copies, who read. New tables only."""

import sqlalchemy as sa
from alembic import op

from licence_service.store.database import Instant

revision = "0026"
down_revision = "0025"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Expand the schema."""
    _showing()
    _lending()
    op.create_table(
        "reads",
        sa.Column("id", KEY, nullable=False),
        sa.Column("read_id", sa.String(length=26), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("licence", KEY, nullable=False),
        sa.Column("way", sa.String(length=10), nullable=False),
        sa.Column("asker", sa.String(length=10), nullable=False),
        sa.Column("client", sa.String(length=80)),
        sa.Column("lending", KEY),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["licence"], ["licences.id"], name="fk_reads_licence"),
        sa.ForeignKeyConstraint(["lending"], ["lendings.id"], name="fk_reads_lending"),
        sa.PrimaryKeyConstraint("id", name="pk_reads"),
        sa.UniqueConstraint("read_id", name="uq_reads_read_id"),
    )
    op.create_index("ix_reads_licence_at", "reads", ["licence", "at"])
    for table in ("lent_uses", "lent_copies", "reads"):
        _only_insert(table)


def _showing() -> None:
    op.create_table(
        "showings",
        sa.Column("binding", sa.String(length=32), nullable=False),
        sa.Column("licence", KEY, nullable=False),
        sa.Column("holder", sa.String(length=26), nullable=False),
        sa.Column("session", sa.String(length=80), nullable=False),
        sa.Column("begun_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["licence"], ["licences.id"], name="fk_showings_licence"),
        sa.PrimaryKeyConstraint("binding", name="pk_showings"),
    )
    op.create_index("ix_showings_licence", "showings", ["licence"])
    op.create_index("ix_showings_begun_at", "showings", ["begun_at"])
    op.create_table(
        "ended_logins",
        sa.Column("session", sa.String(length=80), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("session", name="pk_ended_logins"),
    )
    op.create_index("ix_ended_logins_at", "ended_logins", ["at"])
    op.create_table(
        "shown_nonces",
        sa.Column("nonce", sa.String(length=32), nullable=False),
        sa.Column("checker", sa.String(length=64), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("forget_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("nonce", name="pk_shown_nonces"),
    )
    op.create_index("ix_shown_nonces_forget_at", "shown_nonces", ["forget_at"])


def _lending() -> None:
    op.create_table(
        "lendings",
        sa.Column("id", KEY, nullable=False),
        sa.Column("lending_id", sa.String(length=26), nullable=False),
        sa.Column("code_digest", sa.String(length=64), nullable=False),
        sa.Column("licence", KEY, nullable=False),
        sa.Column("holder", sa.String(length=26), nullable=False),
        sa.Column("made_by", sa.String(length=26), nullable=False),
        sa.Column("host", sa.String(length=80)),
        sa.Column("client", sa.String(length=80)),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.Column("revoked_at", Instant()),
        sa.ForeignKeyConstraint(["licence"], ["licences.id"], name="fk_lendings_licence"),
        sa.PrimaryKeyConstraint("id", name="pk_lendings"),
        sa.UniqueConstraint("lending_id", name="uq_lendings_lending_id"),
        sa.UniqueConstraint("code_digest", name="uq_lendings_code_digest"),
    )
    op.create_index("ix_lendings_licence", "lendings", ["licence"])
    op.create_index("ix_lendings_holder_made_at", "lendings", ["holder", "made_at"])
    op.create_table(
        "lent_uses",
        sa.Column("lending", KEY, nullable=False),
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["lending"], ["lendings.id"], name="fk_lent_uses_lending"),
        sa.PrimaryKeyConstraint("lending", "no", name="pk_lent_uses"),
    )
    op.create_table(
        "lent_copies",
        sa.Column("lending", KEY, nullable=False),
        sa.Column("document_sha256", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("certificate_sha256", sa.String(length=64), nullable=False),
        sa.Column("sealed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["lending"], ["lendings.id"], name="fk_lent_copies_lending"),
        sa.PrimaryKeyConstraint("lending", name="pk_lent_copies"),
        sa.UniqueConstraint("document_sha256", name="uq_lent_copies_document_sha256"),
    )


def _only_insert(table: str) -> None:
    """Let the database itself refuse to change or delete a line, as 0001 does for entries."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, 'only inserted'); END")
        return
    op.execute(
        f"CREATE TRIGGER {table}_only_insert BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION only_inserted()"
    )
