"""The tables of legacy stock: runs, rows, what was found of them, samples. As `tables`, and on the same metadata.

Working state, not the book. What a row says lies encrypted under a secret of its run; numbers, plates and holders are blinded.
"""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from licence_service.store.database import Instant
from licence_service.store.tables import Key, metadata

stock_runs = Table(
    "stock_runs", metadata,
    Column("id", Key, primary_key=True),
    Column("run_id", String(26), nullable=False, unique=True),
    Column("client", String(80), nullable=False),
    Column("department", String(18), nullable=False),
    Column("type", String(80), nullable=False),
    Column("file_digest", String(64), nullable=False),  # keyed
    Column("loaded_by", String(80), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("loaded_at", Instant),  # empty until every row of the file is kept
    Column("secret", LargeBinary, nullable=False),  # encrypted
    Column("content", LargeBinary, nullable=False),  # encrypted: mapping, columns that nothing is taken from, ended holders (blinded)
    Column("counts", LargeBinary),  # encrypted: what the pass over the whole file counted
    UniqueConstraint("client", "type", "file_digest"),
)  # fmt: skip

stock_rows = Table(
    "stock_rows", metadata,
    Column("id", Key, primary_key=True),
    Column("run", Key, ForeignKey("stock_runs.id"), nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False, unique=True),  # keyed, over department, type, system and the cells as they came (ST-04)
    Column("county", String(6), nullable=False),
    Column("adopting", Boolean, nullable=False),
    Column("state", String(12), nullable=False),
    Column("attempt", Integer, nullable=False),  # how often it was put back; a part of its idempotency key
    Column("idempotency_key", String(80), nullable=False),
    Column("content", LargeBinary, nullable=False),  # encrypted: what the row says; of a released one what became of it
    Column("number_blind", String(64)),
    Column("plate_blind", String(64)),
    Column("vin_blind", String(64)),
    Column("person_blind", String(64)),
    Column("round", Integer),  # the drawing of samples that it was among
    Column("sampled", Boolean, nullable=False),
    Column("licence_id", String(20)),
    Column("settled_at", Instant),
    Column("settled_by", String(80)),  # who rejected it
    UniqueConstraint("run", "line"),
    Index("ix_stock_rows_run_state", "run", "state", "id"),
    Index("ix_stock_rows_number_blind", "number_blind"),
    Index("ix_stock_rows_plate_blind", "plate_blind"),
    Index("ix_stock_rows_person_blind", "person_blind"),
)  # fmt: skip

stock_findings = Table(
    "stock_findings", metadata,
    Column("id", Key, primary_key=True),
    Column("row", Key, ForeignKey("stock_rows.id"), nullable=False, index=True),
    Column("rule", String(40), nullable=False),
    Column("severity", String(5), nullable=False),
    Column("path", String(120), nullable=False),
    Column("code", String(60), nullable=False),
)  # fmt: skip

stock_samples = Table(
    "stock_samples", metadata,
    Column("run", Key, ForeignKey("stock_runs.id"), primary_key=True, autoincrement=False),
    Column("county", String(6), primary_key=True),
    Column("round", Integer, primary_key=True, autoincrement=False),
    Column("population", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("drawn_at", Instant, nullable=False),
    Column("signed_at", Instant),
    Column("signed_by", String(80)),
)  # fmt: skip
