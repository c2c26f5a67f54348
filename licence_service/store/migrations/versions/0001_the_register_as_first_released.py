"""The register as first released."""

import sqlalchemy as sa
from alembic import op

from licence_service.store.database import Instant

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Expand the schema."""
    op.create_table(
        "clients",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("department", sa.String(length=18), nullable=False),
        sa.Column("types", sa.Text(), nullable=False),
        sa.Column("hourly_ceiling", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("removed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clients")),
        sa.UniqueConstraint("name", name=op.f("uq_clients_name")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_clients_token_digest")),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.create_table(
        "failures",
        sa.Column("blind", sa.String(length=64), nullable=False),
        sa.Column("window", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("blind", "window", name=op.f("pk_failures")),
    )
    op.create_table(
        "licences",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("licence_id", sa.String(length=20), nullable=False),
        sa.Column("type", sa.String(length=80), nullable=False),
        sa.Column("department", sa.String(length=18), nullable=False),
        sa.Column("live_key", sa.String(length=64), nullable=True),
        sa.Column("head", sa.Integer(), nullable=False),
        sa.Column("current_version", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.String(length=10), nullable=False),
        sa.Column("valid_to", sa.String(length=10), nullable=True),
        sa.Column("ended_on", sa.String(length=10), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_licences")),
        sa.UniqueConstraint("licence_id", name=op.f("uq_licences_licence_id")),
        sa.UniqueConstraint("live_key", name=op.f("uq_licences_live_key")),
    )
    with op.batch_alter_table("licences", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_licences_department"), ["department"], unique=False)
        batch_op.create_index(batch_op.f("ix_licences_type"), ["type"], unique=False)

    op.create_table(
        "photos",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_photos")),
    )
    op.create_table(
        "reservations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reservation_id", sa.String(length=26), nullable=False),
        sa.Column("client", sa.String(length=80), nullable=False),
        sa.Column("idempotency_key", sa.String(length=200), nullable=False),
        sa.Column("request_digest", sa.String(length=64), nullable=False),
        sa.Column("case_key", sa.String(length=64), nullable=True),
        sa.Column("licence_id", sa.String(length=20), nullable=False),
        sa.Column("type", sa.String(length=80), nullable=False),
        sa.Column("department", sa.String(length=18), nullable=False),
        sa.Column("act", sa.String(length=30), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("lease_until", Instant(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservations")),
        sa.UniqueConstraint("case_key", name=op.f("uq_reservations_case_key")),
        sa.UniqueConstraint(
            "client",
            "idempotency_key",
            name=op.f("uq_reservations_client_idempotency_key"),
        ),
        sa.UniqueConstraint("reservation_id", name=op.f("uq_reservations_reservation_id")),
    )
    with op.batch_alter_table("reservations", schema=None) as batch_op:
        batch_op.create_index("ix_reservations_client_time", ["client", "created_at"], unique=False)
        batch_op.create_index("ix_reservations_state", ["state", "lease_until"], unique=False)
        batch_op.create_index(
            "uq_reservations_under_way",
            ["licence_id"],
            unique=True,
            sqlite_where=sa.text("state = 'reserved' AND version > 0"),
            postgresql_where=sa.text("state = 'reserved' AND version > 0"),
        )

    op.create_table(
        "seal_orders",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seal_id", sa.String(length=120), nullable=False),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seal_orders")),
    )
    with op.batch_alter_table("seal_orders", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_seal_orders_seal_id"), ["seal_id"], unique=False)

    op.create_table(
        "seal_uses",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("seal_id", sa.String(length=120), nullable=False),
        sa.Column("reservation_id", sa.String(length=26), nullable=False),
        sa.Column("event", sa.String(length=10), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seal_uses")),
    )
    with op.batch_alter_table("seal_uses", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_seal_uses_reservation_id"), ["reservation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_seal_uses_seal_id"), ["seal_id"], unique=False)

    op.create_table(
        "endorsement_refs",
        sa.Column("asserter", sa.String(length=37), nullable=False),
        sa.Column("external_ref", sa.String(length=120), nullable=False),
        sa.Column("request_digest", sa.String(length=64), nullable=False),
        sa.Column(
            "licence",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["licence"], ["licences.id"], name=op.f("fk_endorsement_refs_licence")),
        sa.PrimaryKeyConstraint("asserter", "external_ref", name=op.f("pk_endorsement_refs")),
    )
    op.create_table(
        "entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "licence",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(length=30), nullable=False),
        sa.Column("effective_on", sa.String(length=10), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("sm3", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["licence"], ["licences.id"], name=op.f("fk_entries_licence")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entries")),
        sa.UniqueConstraint("licence", "sequence", name=op.f("uq_entries_licence_sequence")),
        sa.UniqueConstraint("recorded_at", name=op.f("uq_entries_recorded_at")),
    )
    op.create_table(
        "lookups",
        sa.Column(
            "licence",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("blind", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["licence"], ["licences.id"], name=op.f("fk_lookups_licence")),
        sa.PrimaryKeyConstraint("licence", "name", "blind", name=op.f("pk_lookups")),
    )
    with op.batch_alter_table("lookups", schema=None) as batch_op:
        batch_op.create_index("ix_lookups_name_blind", ["name", "blind"], unique=False)

    op.create_table(
        "versions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "licence",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("elicence_id", sa.String(length=160), nullable=False),
        sa.Column("document_sha256", sa.String(length=64), nullable=False),
        sa.Column("check_digest", sa.String(length=64), nullable=False),
        sa.Column("delivery_digest", sa.String(length=64), nullable=False),
        sa.Column("status_list", sa.Integer(), nullable=False),
        sa.Column("status_index", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["licence"], ["licences.id"], name=op.f("fk_versions_licence")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_versions")),
        sa.UniqueConstraint("delivery_digest", name=op.f("uq_versions_delivery_digest")),
        sa.UniqueConstraint("document_sha256", name=op.f("uq_versions_document_sha256")),
        sa.UniqueConstraint("elicence_id", name=op.f("uq_versions_elicence_id")),
        sa.UniqueConstraint("licence", "version", name=op.f("uq_versions_licence_version")),
        sa.UniqueConstraint(
            "status_list",
            "status_index",
            name=op.f("uq_versions_status_list_status_index"),
        ),
    )
    with op.batch_alter_table("versions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_versions_check_digest"), ["check_digest"], unique=False)

    op.create_table(
        "payloads",
        sa.Column(
            "entry",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["entry"], ["entries.id"], name=op.f("fk_payloads_entry")),
        sa.PrimaryKeyConstraint("entry", name=op.f("pk_payloads")),
    )
    _only_insert("entries")
    _only_insert("seal_uses")
    _only_insert("seal_orders")


def _only_insert(table: str) -> None:
    """Let the database itself refuse to change or delete a line of the book or of a log."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, 'only inserted'); END")
        return
    op.execute("CREATE OR REPLACE FUNCTION only_inserted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'only inserted'; END $$")
    op.execute(
        f"CREATE TRIGGER {table}_only_insert BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION only_inserted()"
    )
