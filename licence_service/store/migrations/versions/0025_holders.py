"""Holders, their cards, what companies delegate; and a switch for clients. New tables, and a column that earlier releases leave empty."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_KEPT = sa.text("released_at IS NULL")


def upgrade() -> None:
    """Expand the schema."""
    op.add_column("clients", sa.Column("off_since", sa.BigInteger()))
    op.create_table(
        "holders",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("holder_id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("known_by", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_holders"),
        sa.UniqueConstraint("holder_id", name="uq_holders_holder_id"),
        sa.UniqueConstraint("known_by", name="uq_holders_known_by"),
    )
    _cards()
    _delegations()


def _cards() -> None:
    op.create_table(
        "cards",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("holder", _KEY, nullable=False),
        sa.Column("licence", _KEY, nullable=False),
        sa.Column("held_by", sa.String(length=64), nullable=False),
        sa.Column("how", sa.String(length=10), nullable=False),
        sa.Column("host", _KEY, nullable=True),
        sa.Column("claimed_at", sa.BigInteger(), nullable=False),
        sa.Column("claimed_by", sa.String(length=26), nullable=False),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.Column("released_by", sa.String(length=26), nullable=True),
        sa.ForeignKeyConstraint(["holder"], ["holders.id"], name="fk_cards_holder"),
        sa.ForeignKeyConstraint(["licence"], ["licences.id"], name="fk_cards_licence"),
        sa.ForeignKeyConstraint(["host"], ["clients.id"], name="fk_cards_host"),
        sa.PrimaryKeyConstraint("id", name="pk_cards"),
    )
    op.create_index("uq_cards_kept", "cards", ["holder", "licence"], unique=True, sqlite_where=_KEPT, postgresql_where=_KEPT)
    op.create_index("ix_cards_licence", "cards", ["licence"])
    op.create_index("ix_cards_host", "cards", ["host"])


def _delegations() -> None:
    op.create_table(
        "delegations",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("delegation_id", sa.String(length=26), nullable=False),
        sa.Column("company", _KEY, nullable=False),
        sa.Column("delegate", _KEY, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("acts", sa.Text(), nullable=False),
        sa.Column("types", sa.Text(), nullable=True),
        sa.Column("licences", sa.Text(), nullable=True),
        sa.Column("first_on", sa.String(length=10), nullable=False),
        sa.Column("last_on", sa.String(length=10), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.Column("given_by", sa.String(length=26), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(length=26), nullable=True),
        sa.ForeignKeyConstraint(["company"], ["holders.id"], name="fk_delegations_company"),
        sa.ForeignKeyConstraint(["delegate"], ["holders.id"], name="fk_delegations_delegate"),
        sa.PrimaryKeyConstraint("id", name="pk_delegations"),
        sa.UniqueConstraint("delegation_id", name="uq_delegations_delegation_id"),
    )
    op.create_index("ix_delegations_company", "delegations", ["company"])
    op.create_index("ix_delegations_delegate", "delegations", ["delegate"])
