"""Alembic's entrance: runs the migrations on the engine that the service hands in, one process at a time.

SQLite: all of it in one immediate transaction; readers go on reading what was there before. PostgreSQL: a transaction a
migration, so that a lock that stops readers is held only as long as its own migration lasts.
"""

from alembic import context
from sqlalchemy import Engine, text

from licence_service.store.database import begin_writing
from licence_service.store.tables import metadata

ONE_AT_A_TIME = 5_903_641_277  # any number, as long as it stays: the advisory lock of servers that start together


def _sqlite(engine: Engine) -> None:
    # Locked before the revision is read: of two that start together, the second finds nothing left to do.
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")  # or a table that is written anew would seem to take away what others hang on
        try:
            begin_writing(connection)
            context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
            context.run_migrations()
            connection.commit()
        finally:
            connection.rollback()
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")


def _postgresql(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as guard:
        guard.execute(text("SELECT pg_advisory_lock(:number)"), {"number": ONE_AT_A_TIME})
        try:
            with engine.connect() as connection:
                context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
                with context.begin_transaction():
                    context.run_migrations()
                connection.commit()
        finally:
            guard.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": ONE_AT_A_TIME})


(_sqlite if context.config.attributes["engine"].dialect.name == "sqlite" else _postgresql)(context.config.attributes["engine"])
