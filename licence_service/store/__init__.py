"""All that lies in the database; SQLAlchemy's only home."""

from licence_service.store import (  # all tables are on the metadata, whichever part is imported first
    tables,
    tables_of_access,
    tables_of_bulk,
    tables_of_cases,
    tables_of_foreign_readings,
    tables_of_lending,
    tables_of_notices,
    tables_of_packing,
    tables_of_people,
    tables_of_repository,
    tables_of_runs,
    tables_of_showing,
    tables_of_sources,
    tables_of_webhooks,
)

__all__ = [
    "tables",
    "tables_of_access",
    "tables_of_bulk",
    "tables_of_cases",
    "tables_of_foreign_readings",
    "tables_of_lending",
    "tables_of_notices",
    "tables_of_packing",
    "tables_of_people",
    "tables_of_repository",
    "tables_of_runs",
    "tables_of_showing",
    "tables_of_sources",
    "tables_of_webhooks",
]
