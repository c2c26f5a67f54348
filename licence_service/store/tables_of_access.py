"""How calling systems show who they are: secrets as digests, public keys; and which signed assertions were used already."""

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text

from licence_service.store.database import Instant
from licence_service.store.tables import Key, clients, metadata

credentials = Table(
    "credentials", metadata,
    Column("id", Key, primary_key=True),
    Column("client", Key, ForeignKey(clients.c.id, name="fk_credentials_client"), nullable=False),
    Column("secret_digest", String(64), unique=True),  # one of these two
    Column("public_key", Text),  # a JWK (RFC 7517)
    Column("added_at", Instant, nullable=False),
    Column("removed_at", Instant),
    Index("ix_credentials_client", "client"),
)  # fmt: skip
used_assertions = Table(
    "used_assertions", metadata,
    Column("digest", String(64), primary_key=True),  # of the client and its `jti`
    Column("expires_at", Instant, nullable=False, index=True),
)  # fmt: skip
