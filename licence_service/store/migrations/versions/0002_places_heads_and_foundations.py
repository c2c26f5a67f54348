"""Places, heads, foundations, tasks and campaigns: new tables and columns only.

Takes milliseconds whatever the size of the book: the columns are empty, so that readers wait no longer than that.
What fills them follows in 0003, under locks that readers do not notice.
"""

import sqlalchemy as sa
from alembic import op

from licence_service.store.database import Instant

revision = "0002"
down_revision = "0001"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NEW_IN_LICENCES = (
    ("issuer", "VARCHAR(18)"),
    ("parent", "{key} CONSTRAINT fk_licences_parent REFERENCES licences (id)"),
    ("ending", "VARCHAR(12)"),
    ("suspended_from", "VARCHAR(10)"),
    ("suspended_to", "VARCHAR(10)"),
    ("due_on", "VARCHAR(10)"),
)


def upgrade() -> None:
    """Expand the schema."""
    _columns()
    _foundations_and_heads()
    _working_lists()


def _columns() -> None:
    # Written out, since Alembic would make the table anew on SQLite to add a foreign key.
    key = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    for name, declared in NEW_IN_LICENCES:
        op.execute(f"ALTER TABLE licences ADD COLUMN {name} {declared.format(key=key)}")
    op.execute("ALTER TABLE entries ADD COLUMN place BIGINT")


def _foundations_and_heads() -> None:
    op.create_table(
        "foundations",
        sa.Column("id", KEY, nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_foundations"),
        sa.UniqueConstraint("place", name="uq_foundations_place"),
        sa.UniqueConstraint("recorded_at", name="uq_foundations_recorded_at"),
    )
    op.create_index("ix_foundations_kind_name", "foundations", ["kind", "name"])
    op.create_table(
        "heads",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.Column("signed_at", Instant(), nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("size", name="pk_heads"),
    )
    _only_insert("foundations")
    _only_insert("heads")


def _working_lists() -> None:
    op.create_table(
        "proposals",
        sa.Column("id", KEY, nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.String(length=80), nullable=False),
        sa.Column("proposed_at", Instant(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("settled_by", sa.String(length=80)),
        sa.PrimaryKeyConstraint("id", name="pk_proposals"),
    )
    op.create_index("ix_proposals_state", "proposals", ["state"])
    op.create_table(
        "tasks",
        sa.Column("id", KEY, nullable=False),
        sa.Column("task_id", sa.String(length=26), nullable=False),
        sa.Column("department", sa.String(length=18), nullable=False),
        sa.Column("licence", KEY),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("closed_at", Instant()),
        sa.Column("closed_by", sa.String(length=80)),
        sa.ForeignKeyConstraint(["licence"], ["licences.id"], name="fk_tasks_licence"),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
        sa.UniqueConstraint("task_id", name="uq_tasks_task_id"),
    )
    op.create_index("ix_tasks_licence", "tasks", ["licence"])
    op.create_index("ix_tasks_department_state", "tasks", ["department", "state"])
    op.create_table(
        "consumed_reports",
        sa.Column("station", sa.String(length=18), nullable=False),
        sa.Column("report_no", sa.String(length=80), nullable=False),
        sa.Column("licence", KEY, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["licence"], ["licences.id"], name="fk_consumed_reports_licence"),
        sa.PrimaryKeyConstraint("station", "report_no", name="pk_consumed_reports"),
    )
    _campaigns()


def _campaigns() -> None:
    op.create_table(
        "campaigns",
        sa.Column("id", KEY, nullable=False),
        sa.Column("campaign_id", sa.String(length=26), nullable=False),
        sa.Column("department", sa.String(length=18), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("planned_by", sa.String(length=80), nullable=False),
        sa.Column("planned_at", Instant(), nullable=False),
        sa.Column("approved_by", sa.String(length=80)),
        sa.Column("approved_at", Instant()),
        sa.PrimaryKeyConstraint("id", name="pk_campaigns"),
        sa.UniqueConstraint("campaign_id", name="uq_campaigns_campaign_id"),
    )
    op.create_table(
        "campaign_rows",
        sa.Column("campaign", KEY, nullable=False),
        sa.Column("licence", KEY, nullable=False),
        sa.Column("rehearsed", sa.String(length=40), nullable=False),
        sa.Column("head", sa.Integer(), nullable=False),
        sa.Column("drafted", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=40)),
        sa.Column("sequence", sa.Integer()),
        sa.ForeignKeyConstraint(["campaign"], ["campaigns.id"], name="fk_campaign_rows_campaign"),
        sa.ForeignKeyConstraint(["licence"], ["licences.id"], name="fk_campaign_rows_licence"),
        sa.PrimaryKeyConstraint("campaign", "licence", name="pk_campaign_rows"),
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
