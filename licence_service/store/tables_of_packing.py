"""Tables of documents that lie many in one segment (docs/formats.md §12)."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table

from licence_service.store.database import Instant
from licence_service.store.tables import Key, metadata

segments = Table(
    "segments", metadata,
    Column("id", Key, primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),
)  # fmt: skip

packed_documents = Table(
    "packed_documents", metadata,
    Column("version", Key, ForeignKey("versions.id"), primary_key=True, autoincrement=False),
    Column("segment", Key, ForeignKey("segments.id"), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("length", Integer, nullable=False),
)  # fmt: skip

packed_photos = Table(
    "packed_photos", metadata,
    Column("sha256", String(64), primary_key=True),
    Column("segment", Key, ForeignKey("segments.id"), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("length", Integer, nullable=False),
)  # fmt: skip

dictionaries = Table(
    "dictionaries", metadata,
    Column("id", Key, primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("made_at", Instant, nullable=False),
    Column("made_of", String(64)),  # None: made before that was written down
    Index("ix_dictionaries_made_of", "made_of", unique=True),
)  # fmt: skip
