"""The tables. Times are `Instant`, days ISO text, digests lower-case hexadecimal."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from licence_service.store.database import Instant

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }  # fmt: skip
)
Key = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up INTEGER keys only

_UNDER_WAY = text("state = 'reserved' AND version > 0")

licences = Table(
    "licences", metadata,
    Column("id", Key, primary_key=True),
    Column("licence_id", String(20), nullable=False, unique=True),
    Column("type", String(80), nullable=False, index=True),
    Column("department", String(18), nullable=False, index=True),
    Column("live_key", String(64), unique=True),  # type, number and issuer, blinded; empty once an act ended the right
    Column("head", Integer, nullable=False),
    Column("current_version", Integer, nullable=False),
    Column("valid_from", String(10), nullable=False),
    Column("valid_to", String(10)),
    Column("ended_on", String(10)),
)  # fmt: skip

entries = Table(
    "entries", metadata,
    Column("id", Key, primary_key=True),
    Column("licence", Key, ForeignKey("licences.id"), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("act", String(30), nullable=False),
    Column("effective_on", String(10), nullable=False),
    Column("recorded_at", Instant, nullable=False, unique=True),
    Column("body", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("sm3", String(64), nullable=False),
    UniqueConstraint("licence", "sequence"),
)  # fmt: skip

payloads = Table(
    "payloads", metadata,
    Column("entry", Key, ForeignKey("entries.id"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)  # fmt: skip

photos = Table(
    "photos", metadata,
    Column("sha256", String(64), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)  # fmt: skip

versions = Table(
    "versions", metadata,
    Column("id", Key, primary_key=True),
    Column("licence", Key, ForeignKey("licences.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("elicence_id", String(160), nullable=False, unique=True),
    Column("document_sha256", String(64), nullable=False, unique=True),
    Column("check_digest", String(64), nullable=False, index=True),
    Column("delivery_digest", String(64), nullable=False, unique=True),
    Column("status_list", Integer, nullable=False),
    Column("status_index", Integer, nullable=False),
    UniqueConstraint("licence", "version"),
    UniqueConstraint("status_list", "status_index"),
)  # fmt: skip

endorsement_refs = Table(
    "endorsement_refs", metadata,
    Column("asserter", String(37), primary_key=True),  # accepting department / asserter
    Column("external_ref", String(120), primary_key=True),
    Column("request_digest", String(64), nullable=False),
    Column("licence", Key, ForeignKey("licences.id"), nullable=False),
    Column("sequence", Integer, nullable=False),
)  # fmt: skip

lookups = Table(
    "lookups", metadata,
    Column("licence", Key, ForeignKey("licences.id"), primary_key=True),
    Column("name", String(60), primary_key=True),
    Column("blind", String(64), primary_key=True),
    Index("ix_lookups_name_blind", "name", "blind"),
)  # fmt: skip

reservations = Table(
    "reservations", metadata,
    Column("id", Key, primary_key=True),
    Column("reservation_id", String(26), nullable=False, unique=True),
    Column("client", String(80), nullable=False),
    Column("idempotency_key", String(200), nullable=False),
    Column("request_digest", String(64), nullable=False),
    Column("case_key", String(64), unique=True),
    Column("licence_id", String(20), nullable=False),
    Column("type", String(80), nullable=False),
    Column("department", String(18), nullable=False),
    Column("act", String(30), nullable=False),
    Column("version", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("state", String(12), nullable=False),  # reserved, entered, abandoned
    Column("lease_until", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("sequence", Integer),  # of the entry that fulfilled it
    UniqueConstraint("client", "idempotency_key"),
    # While one act with a document is under way on a licence, a second one is a conflict; acts without one have version 0.
    Index("uq_reservations_under_way", "licence_id", unique=True, sqlite_where=_UNDER_WAY, postgresql_where=_UNDER_WAY),
    Index("ix_reservations_state", "state", "lease_until"),
    Index("ix_reservations_client_time", "client", "created_at"),
)  # fmt: skip

counters = Table("counters", metadata, Column("name", String(40), primary_key=True), Column("value", BigInteger, nullable=False))

seal_uses = Table(
    "seal_uses", metadata,
    Column("id", Key, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("body", Text, nullable=False),
    Column("seal_id", String(120), nullable=False, index=True),
    Column("reservation_id", String(26), nullable=False, index=True),
    Column("event", String(10), nullable=False),
    Column("sha256", String(64), nullable=False),
)  # fmt: skip

seal_orders = Table(
    "seal_orders", metadata,
    Column("id", Key, primary_key=True),
    Column("seal_id", String(120), nullable=False, index=True),
    Column("stopped", Boolean, nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", String(80), nullable=False),
    Column("reason", Text, nullable=False),
)  # fmt: skip

clients = Table(
    "clients", metadata,
    Column("id", Key, primary_key=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("token_digest", String(64), nullable=False, unique=True),
    Column("department", String(18), nullable=False),
    Column("types", Text, nullable=False),
    Column("hourly_ceiling", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("removed_at", Instant),
)  # fmt: skip

failures = Table(
    "failures", metadata,
    Column("blind", String(64), primary_key=True),
    Column("window", BigInteger, primary_key=True),
    Column("count", Integer, nullable=False),
)  # fmt: skip
