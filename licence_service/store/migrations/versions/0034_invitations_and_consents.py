"""Companies invite, persons agree to be seen by them, and a company's list of them is read: two new tables, and three columns of `reads`."""

import sqlalchemy as sa
from alembic import op

from licence_service.store.database import Instant

revision = "0034"
down_revision = "0033"
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN, _OF_A_COMPANY = sa.text("ended_at IS NULL"), sa.text("company IS NOT NULL")


def upgrade() -> None:
    """Expand the schema."""
    op.create_table(
        "invitations",
        sa.Column("id", KEY, nullable=False),
        sa.Column("invitation_id", sa.String(length=26), nullable=False),
        sa.Column("company", KEY, nullable=False),
        sa.Column("code_digest", sa.String(length=64), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("made_by", sa.String(length=26), nullable=False),
        sa.Column("host", sa.String(length=80)),
        sa.Column("last_on", sa.String(length=10), nullable=False),
        sa.Column("ended_at", Instant()),
        sa.Column("ended_by", sa.String(length=26)),
        sa.ForeignKeyConstraint(["company"], ["holders.id"], name="fk_invitations_company"),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        sa.UniqueConstraint("invitation_id", name="uq_invitations_invitation_id"),
        sa.UniqueConstraint("code_digest", name="uq_invitations_code_digest"),
    )
    op.create_index("uq_invitations_open", "invitations", ["company"], unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index("ix_invitations_company_made_at", "invitations", ["company", "made_at"])
    op.create_table(
        "consents",
        sa.Column("id", KEY, nullable=False),
        sa.Column("consent_id", sa.String(length=26), nullable=False),
        sa.Column("company", KEY, nullable=False),
        sa.Column("holder", KEY, nullable=False),
        sa.Column("licence", KEY, nullable=False),
        sa.Column("invitation", KEY, nullable=False),
        sa.Column("host", sa.String(length=80)),
        sa.Column("given_at", Instant(), nullable=False),
        sa.Column("last_on", sa.String(length=10), nullable=False),
        sa.Column("ended_at", Instant()),
        sa.Column("ended_by", sa.String(length=26)),
        sa.ForeignKeyConstraint(["company"], ["holders.id"], name="fk_consents_company"),
        sa.ForeignKeyConstraint(["holder"], ["holders.id"], name="fk_consents_holder"),
        sa.ForeignKeyConstraint(["licence"], ["licences.id"], name="fk_consents_licence"),
        sa.ForeignKeyConstraint(["invitation"], ["invitations.id"], name="fk_consents_invitation"),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
        sa.UniqueConstraint("consent_id", name="uq_consents_consent_id"),
    )
    op.create_index("uq_consents_open", "consents", ["company", "licence", "holder"], unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index("ix_consents_licence", "consents", ["licence"])
    op.add_column("reads", sa.Column("company", sa.String(length=26)))
    op.add_column("reads", sa.Column("looked_by", sa.String(length=26)))
    op.add_column("reads", sa.Column("day", sa.String(length=10)))
    op.create_index(
        "uq_reads_of_companies", "reads", ["licence", "company", "day", "looked_by"],
        unique=True, sqlite_where=_OF_A_COMPANY, postgresql_where=_OF_A_COMPANY,
    )  # fmt: skip
