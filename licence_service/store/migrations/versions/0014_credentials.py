"""Several secrets and keys of a client, so that they rotate; acts of a client. What the release before needs stays as it is."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Expand the schema; the tokens there are become the clients' first secrets."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("clients", sa.Column("acts", sa.Text(), nullable=False, server_default='["*"]'))
    op.create_table(
        "credentials",
        sa.Column("id", key, nullable=False),
        sa.Column("client", key, nullable=False),
        sa.Column("secret_digest", sa.String(length=64)),
        sa.Column("public_key", sa.Text()),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["client"], ["clients.id"], name="fk_credentials_client"),
        sa.PrimaryKeyConstraint("id", name="pk_credentials"),
        sa.UniqueConstraint("secret_digest", name="uq_credentials_secret_digest"),
    )
    op.create_index("ix_credentials_client", "credentials", ["client"])
    op.create_table(
        "used_assertions",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_used_assertions"),
    )
    op.create_index("ix_used_assertions_expires_at", "used_assertions", ["expires_at"])
    op.execute("INSERT INTO credentials (client, secret_digest, added_at) SELECT id, token_digest, created_at FROM clients")
