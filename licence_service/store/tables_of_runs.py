"""The tables of bulk runs: files of rows that are issued chunk by chunk, here or on many machines. As `tables`, and on the same metadata.

Working state, not the book. What rows and results say lies encrypted under a secret of the run's own, which is erased with the run.
"""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from licence_service.store.database import Instant
from licence_service.store.tables import Key, metadata

runs = Table(
    "runs", metadata,
    Column("id", Key, primary_key=True),
    Column("run_id", String(26), nullable=False, unique=True),
    Column("client", String(80), nullable=False),
    Column("rows_digest", String(64), nullable=False),  # keyed, over every row of the file
    Column("first", BigInteger, nullable=False),  # the first row that it means; those before were told already
    Column("total", BigInteger, nullable=False),  # the last row
    Column("chunk", Integer, nullable=False),  # rows in a chunk, at most
    Column("state", String(10), nullable=False),
    Column("on_workers", Boolean, nullable=False),  # workers look after its chunks; else only the command that opened it
    Column("made_at", Instant, nullable=False),
    Column("collected_at", Instant),
    Column("secret", LargeBinary),  # encrypted; gone once the run is collected, and with it what its rows and results said
    Index("ix_runs_rows_digest", "rows_digest"),
)  # fmt: skip

run_chunks = Table(
    "run_chunks", metadata,
    Column("run", Key, ForeignKey("runs.id"), primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 0 on
    Column("first", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("holder", String(40)),  # who carries it, or did last
    Column("not_before", Instant),  # until then its holder has it for himself, or it is left in peace after trouble
    Column("attempts", Integer, nullable=False),
    Column("reason", String(80)),  # the trouble that it met last, as a slug; behind it the row that stopped it, if one did
    Column("rows_object", String(64)),  # the name of the object with its rows; empty once it is done
    Column("rows_digest", String(64), nullable=False),  # keyed
    Column("results_object", String(64)),  # the name of the object with its results; empty once the run is collected
    Column("results_digest", String(64)),  # keyed
    Column("refused", Integer),
    Column("done_at", Instant),
    Index("ix_run_chunks_state", "state"),
)  # fmt: skip
