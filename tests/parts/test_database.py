"""What a database that another writer holds is answered as."""

from pathlib import Path

import pytest

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
