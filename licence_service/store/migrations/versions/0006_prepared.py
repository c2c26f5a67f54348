"""Answers that lie ready. A new table only, and what takes them away when the payload they were made from is erased."""

import sqlalchemy as sa
from alembic import op

from licence_service.store.database import Instant

revision = "0006"
down_revision = "0005"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Expand the schema."""
    op.create_table(
        "prepared_answers",
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("licence", KEY, nullable=False),
        sa.Column("first", sa.String(length=10), nullable=False),
        sa.Column("until", sa.String(length=10), nullable=False),
        sa.Column("generation", sa.String(length=64), nullable=False),
        sa.Column("law", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.Integer(), nullable=False),
        sa.Column("head_above", sa.Integer(), nullable=False),
        sa.Column("newest", Instant(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_prepared_answers"),
        sa.ForeignKeyConstraint(["licence"], ["licences.id"], name="fk_prepared_answers_licence"),
    )
    op.create_index("ix_prepared_answers_licence", "prepared_answers", ["licence"])
    op.create_index("ix_prepared_answers_until", "prepared_answers", ["until"])
    _gone_with_the_payload(sqlite=op.get_bind().dialect.name == "sqlite")


def _gone_with_the_payload(*, sqlite: bool) -> None:
    """Whoever erases a payload, by whatever means, takes the answers with it."""
    gone = "DELETE FROM prepared_answers WHERE licence = (SELECT licence FROM entries WHERE id = OLD.entry)"
    if sqlite:
        op.execute(f"CREATE TRIGGER payloads_take_answers AFTER DELETE ON payloads BEGIN {gone}; END")
        return
    op.execute(f"CREATE FUNCTION take_answers() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {gone}; RETURN OLD; END $$")
    op.execute("CREATE TRIGGER payloads_take_answers AFTER DELETE ON payloads FOR EACH ROW EXECUTE FUNCTION take_answers()")
