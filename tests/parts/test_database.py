"""What a database that another writer holds is answered as; what follows a reading that failed."""

import subprocess
import sys
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


_CHUNK = """
import sys
from pathlib import Path
from licence_service import heap
from licence_service.store.database import Database

def resident():
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon:"))

database = Database(f"sqlite:///{sys.argv[1]}/large.db")
with database.write() as connection:
    connection.exec_driver_sql("CREATE TABLE things (name BLOB)")
before = resident()
with heap.unhurried(), database.write() as connection:
    for _ in range(3000):
        connection.exec_driver_sql("INSERT INTO things VALUES (randomblob(5000))")
    within = resident()
print(within - before, resident() - before)
"""


def test_a_transaction_of_thousands_of_rows_leaves_no_pages_in_memory(tmp_path: Path) -> None:
    """The pages of a chunk, 16 MB, go back to the system: a process has several connections."""
    said = subprocess.run([sys.executable, "-c", _CHUNK, tmp_path], capture_output=True, text=True, check=True).stdout
    within, after = map(int, said.split())  # KiB
    assert within > 12_000, "it held them for its transaction"
    assert after < 4_000
