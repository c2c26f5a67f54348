"""One index of all values that are in no order (`store.keys`), in place of one for each column.

SQLite cannot drop a constraint: a table is written anew without it. Rows, ids and all other indexes stay.
"""

import re

import sqlalchemy as sa
from alembic import op

from licence_service.store.keys import Kind, refill

revision = "0012"
down_revision = "0011"

DROPPED = {
    "licences": ("live_key",),
    "reservations": ("case_key",),
    "versions": ("document_sha256", "delivery_digest", "status_list_status_index"),
}


def upgrade() -> None:
    """Make the index, fill it, and drop what it stands for."""
    for name in ("recent_keys", "settled_keys"):
        op.create_table(
            name,
            sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
            sa.Column("owner", sa.BigInteger(), autoincrement=False, nullable=False),
            sa.PrimaryKeyConstraint("key", "owner", name=f"pk_{name}"),
            sqlite_with_rowid=False,
        )
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table, names in DROPPED.items():
        constraints = [f"uq_{table}_{name}" for name in names]
        if sqlite:
            _write_anew(op.get_bind(), table, constraints)
        else:
            for constraint in constraints:
                op.drop_constraint(constraint, table, type_="unique")
    if sqlite and op.get_bind().exec_driver_sql("PRAGMA foreign_key_check").first():
        msg = "a row hangs on one that is not there"
        raise RuntimeError(msg)
    op.drop_index("ix_lookups_name_blind", table_name="lookups")
    refill(op.get_bind(), (Kind.CASE, Kind.LIVE, Kind.DOCUMENT, Kind.DELIVERY, Kind.VALUE))


def _write_anew(connection: sa.Connection, table: str, constraints: list[str]) -> None:
    """Copy a table without these constraints; `env` has put off the foreign keys, which name it and stay as they are."""
    kept = "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND type = ? AND sql IS NOT NULL"
    made = str(connection.exec_driver_sql(kept, (table, "table")).scalar_one())
    indexes = [str(row[0]) for row in connection.exec_driver_sql(kept, (table, "index"))]
    for constraint in constraints:
        made, dropped = re.subn(rf",\s*CONSTRAINT {constraint} UNIQUE \([^)]*\)", "", made)
        if dropped != 1:
            msg = f"the constraint {constraint} is not where it was made"
            raise RuntimeError(msg)
    made, named = re.subn(rf'^CREATE TABLE "?{table}"?', f"CREATE TABLE {table}_anew", made)
    if named != 1:
        msg = f"the table {table} is not written as it was made"
        raise RuntimeError(msg)
    connection.exec_driver_sql(made)
    connection.exec_driver_sql(f"INSERT INTO {table}_anew SELECT * FROM {table} ORDER BY id")  # noqa: S608 - our own tables
    connection.exec_driver_sql(f"DROP TABLE {table}")
    connection.exec_driver_sql(f"ALTER TABLE {table}_anew RENAME TO {table}")
    for index in indexes:
        connection.exec_driver_sql(index)
