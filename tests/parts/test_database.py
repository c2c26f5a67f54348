"""What a database that another writer holds is answered as; what follows a reading that failed."""

from pathlib import Path

import pytest
from sqlalchemy import Connection

from licence_service.errors import Unavailable
from licence_service.store.database import Database


def test_a_file_that_another_writer_holds_is_said_to_be_busy_and_the_connection_serves_again(tmp_path: Path) -> None:
    one, other = (Database(f"sqlite:///{tmp_path}/busy.db") for _ in range(2))
    with one.read() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=1")  # of the one connection that is pooled: nobody waits here
    with other.write() as holding:
        holding.exec_driver_sql("CREATE TABLE things (name TEXT)")
        with pytest.raises(Unavailable), one.write():
            pass
    with one.write() as connection:
        connection.exec_driver_sql("INSERT INTO things VALUES ('after')")
    with one.read() as connection:
        assert connection.exec_driver_sql("SELECT name FROM things").scalars().all() == ["after"]
    for each in (one, other):
        each.close()


@pytest.mark.parametrize("writing", [False, True])
def test_after_a_failure_amid_its_rows_a_connection_reads_what_is_there_now(empty_database: Database, writing: bool) -> None:
    database = empty_database
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE things (name TEXT)")
        connection.exec_driver_sql("INSERT INTO things VALUES ('a'), ('b'), ('c')")

    def failing(connection: Connection) -> None:
        rows = connection.exec_driver_sql("SELECT name FROM things")  # the traceback holds it
        for row in rows:
            raise LookupError(row.name)

    with pytest.raises(LookupError) as held, (database.write if writing else database.read)() as connection:
        failing(connection)
    other = Database(database.url.render_as_string(hide_password=False))
    with other.write() as connection:
        connection.exec_driver_sql("DELETE FROM things WHERE name <> 'a'")
    other.close()
    with database.read() as connection:  # the same one: the pool gives what was given back last
        assert connection.exec_driver_sql("SELECT name FROM things").scalars().all() == ["a"]
    assert held.tb is not None
