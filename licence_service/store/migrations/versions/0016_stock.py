"""Legacy stock: runs, their rows, what was found of them, samples. New tables only."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Expand the schema."""
    op.create_table(
        "stock_runs",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("run_id", sa.String(length=26), nullable=False),
        sa.Column("client", sa.String(length=80), nullable=False),
        sa.Column("department", sa.String(length=18), nullable=False),
        sa.Column("type", sa.String(length=80), nullable=False),
        sa.Column("file_digest", sa.String(length=64), nullable=False),
        sa.Column("loaded_by", sa.String(length=80), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("loaded_at", sa.BigInteger(), nullable=True),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("counts", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_stock_runs"),
        sa.UniqueConstraint("run_id", name="uq_stock_runs_run_id"),
        sa.UniqueConstraint("client", "type", "file_digest", name="uq_stock_runs_client_type_file_digest"),
    )
    _rows()
    op.create_table(
        "stock_findings",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("row", _KEY, nullable=False),
        sa.Column("rule", sa.String(length=40), nullable=False),
        sa.Column("severity", sa.String(length=5), nullable=False),
        sa.Column("path", sa.String(length=120), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(["row"], ["stock_rows.id"], name="fk_stock_findings_row"),
        sa.PrimaryKeyConstraint("id", name="pk_stock_findings"),
    )
    op.create_index("ix_stock_findings_row", "stock_findings", ["row"])
    op.create_table(
        "stock_samples",
        sa.Column("run", _KEY, nullable=False),
        sa.Column("county", sa.String(length=6), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("population", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("drawn_at", sa.BigInteger(), nullable=False),
        sa.Column("signed_at", sa.BigInteger(), nullable=True),
        sa.Column("signed_by", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(["run"], ["stock_runs.id"], name="fk_stock_samples_run"),
        sa.PrimaryKeyConstraint("run", "county", "round", name="pk_stock_samples"),
    )


def _rows() -> None:
    op.create_table(
        "stock_rows",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("run", _KEY, nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("county", sa.String(length=6), nullable=False),
        sa.Column("adopting", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=80), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("number_blind", sa.String(length=64), nullable=True),
        sa.Column("plate_blind", sa.String(length=64), nullable=True),
        sa.Column("vin_blind", sa.String(length=64), nullable=True),
        sa.Column("person_blind", sa.String(length=64), nullable=True),
        sa.Column("round", sa.Integer(), nullable=True),
        sa.Column("sampled", sa.Boolean(), nullable=False),
        sa.Column("licence_id", sa.String(length=20), nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("settled_by", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(["run"], ["stock_runs.id"], name="fk_stock_rows_run"),
        sa.PrimaryKeyConstraint("id", name="pk_stock_rows"),
        sa.UniqueConstraint("digest", name="uq_stock_rows_digest"),
        sa.UniqueConstraint("run", "line", name="uq_stock_rows_run_line"),
    )
    op.create_index("ix_stock_rows_run_state", "stock_rows", ["run", "state", "id"])
    for name in ("number_blind", "plate_blind", "person_blind"):
        op.create_index(f"ix_stock_rows_{name}", "stock_rows", [name])
