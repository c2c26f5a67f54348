"""All that lies in the database; SQLAlchemy's only home."""

from licence_service.store import tables, tables_of_bulk, tables_of_showing  # all tables are on the metadata, whichever part is imported first

__all__ = ["tables", "tables_of_bulk", "tables_of_showing"]
