"""The tables of who looks and who has looked: looks, notes, stickers, reports of false sites. As `tables`, and on the same metadata."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, LargeBinary, String, Table

from licence_service.store.database import Instant
from licence_service.store.tables import Key, metadata

looks = Table(
    "looks", metadata,
    Column("id", Key, primary_key=True),
    Column("look_id", String(26), nullable=False, unique=True),
    Column("at", Instant, nullable=False),
    Column("client", String(80), nullable=False),
    Column("organ", String(18), nullable=False),  # whose officer it was
    Column("found_by", String(10), nullable=False),  # plate, number, id
    Column("hidden", Boolean, nullable=False),  # sealed by a case: not for the holder
    Column("sealed", LargeBinary, nullable=False),  # encrypted: officer, place, reason, case
    Index("ix_looks_client_at", "client", "at"),
)  # fmt: skip

looked_at = Table(
    "looked_at", metadata,
    Column("look", Key, ForeignKey("looks.id"), primary_key=True),
    Column("licence", Key, ForeignKey("licences.id"), primary_key=True, index=True),
)  # fmt: skip

notes = Table(
    "notes", metadata,
    Column("id", Key, primary_key=True),
    Column("code_digest", String(64), nullable=False, unique=True),
    Column("look", Key, ForeignKey("looks.id"), nullable=False),
    Column("licence", Key, ForeignKey("licences.id"), nullable=False, index=True),
    Column("message", LargeBinary, nullable=False),  # encrypted: the signed note, COSE_Sign1
)  # fmt: skip

stickers = Table(
    "stickers", metadata,
    Column("id", Key, primary_key=True),
    Column("sticker_id", String(26), nullable=False, unique=True),
    Column("code_digest", String(64), nullable=False, unique=True),
    Column("licence", Key, ForeignKey("licences.id"), nullable=False, index=True),
    Column("driver", Key, ForeignKey("licences.id")),  # the licence of who drives, where the sticker names one
    Column("issued_at", Instant, nullable=False),
    Column("issued_by", String(80), nullable=False),
    Column("revoked_at", Instant),
    Column("revoked_by", String(80)),
)  # fmt: skip

site_reports = Table(
    "site_reports", metadata,
    Column("id", Key, primary_key=True),
    Column("report_id", String(26), nullable=False, unique=True),
    Column("at", Instant, nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # encrypted: the reported address and what was said of it
)  # fmt: skip

# Answers that lie ready (`store.prepared`): they can be thrown away and made again at any time.
