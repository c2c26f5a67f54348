"""What the role of the running service may do on PostgreSQL: the book and the logs are insert-only for it by privilege too.

The triggers of the migrations guard against a mistake; a role that owns the tables could drop them. So the service runs as
another role than the one that migrates, and that role holds exactly what the code needs.
"""

from collections.abc import Mapping

from sqlalchemy import text

from licence_service.errors import Misconfigured, NotInRegister
from licence_service.store.database import Database
from licence_service.store.tables import metadata

INSERT_ONLY = frozenset({
    "entries", "foundations", "heads", "payloads", "photos", "seal_uses", "seal_orders", "consumed_reports", "recent_keys", "settled_keys",
    "desk_log", "person_offices", "lent_uses", "lent_copies", "reads", "case_answers",
})  # fmt: skip
# The only rows that the code deletes: counts of wrong codes after a day, what can be made again, assertions that have expired, webhooks that their
# clients take away, what was found of a row of a stock before it was put right, sessions that are over, waits for a source that has answered,
# showings, ended log-ins and nonces whose codes are over for a day, drafts whose entry has come, or never will, files that were checked in bulk once
# their day is over, and rows of watched lists that their clients take away.
DELETED_FROM = frozenset({
    "failures", "status_runs", "status_lists", "prepared_answers", "used_assertions", "webhooks", "webhook_deliveries", "stock_findings",
    "sessions", "holder_sessions", "source_waits", "showings", "ended_logins", "shown_nonces", "drafts", "checks", "check_parts", "watch_lists",
    "watch_rows", "watch_changes",
})  # fmt: skip


def privileges() -> Mapping[str, str]:
    """Return the privileges of the service's role by table."""
    held = {}
    for name in metadata.tables:
        more = "" if name in INSERT_ONLY else ", UPDATE, DELETE" if name in DELETED_FROM else ", UPDATE"
        held[name] = f"SELECT, INSERT{more}"
    return held


def grant(database: Database, role: str) -> Mapping[str, str]:
    """Take everything in the register's schema from `role` and give it what `privileges` says; return that.

    Run it as the owner of the tables, again after every migration. `NotInRegister` where PostgreSQL has no such role or the role
    owns the tables or is a superuser; `Misconfigured` on SQLite, which has no roles.
    """
    if database.is_sqlite:
        raise Misconfigured("SQLite has no roles; only PostgreSQL can keep the service from changing the book")
    with database.write() as connection:
        found = connection.execute(text("SELECT rolsuper FROM pg_roles WHERE rolname = :role"), {"role": role}).scalar_one_or_none()
        owner = connection.execute(text("SELECT tableowner FROM pg_tables WHERE tablename = 'entries'")).scalars().all()
        if found is None or found or role in owner:
            raise NotInRegister("there is no such role, or nothing can be kept from it: it is a superuser or owns the tables")
        quoted = connection.dialect.identifier_preparer.quote_identifier(role)
        schema = connection.dialect.identifier_preparer.quote_identifier(connection.execute(text("SELECT current_schema()")).scalar_one())
        for statement in (
            f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {quoted}",
            f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM {quoted}",
            f"GRANT USAGE ON SCHEMA {schema} TO {quoted}",
            f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {quoted}",
            f"GRANT SELECT ON alembic_version TO {quoted}",
            *(f"GRANT {held} ON {name} TO {quoted}" for name, held in privileges().items()),
        ):
            connection.exec_driver_sql(statement)
    return privileges()
