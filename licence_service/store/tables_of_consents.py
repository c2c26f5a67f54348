"""Invitations of companies, and what persons agreed that a company may see of them. As `tables`, and on the same metadata."""

from sqlalchemy import Column, ForeignKey, Index, String, Table, text

from licence_service.store.database import Instant
from licence_service.store.tables import Key, licences, metadata

_OPEN = text("ended_at IS NULL")

invitations = Table(
    "invitations", metadata,
    Column("id", Key, primary_key=True),
    Column("invitation_id", String(26), nullable=False, unique=True),
    Column("company", Key, ForeignKey("holders.id", name="fk_invitations_company"), nullable=False),
    Column("code_digest", String(64), nullable=False, unique=True),  # the code follows from the id under a secret of the register, and is kept nowhere
    Column("made_at", Instant, nullable=False),
    Column("made_by", String(26), nullable=False),  # the person who did it for the company
    Column("host", String(80)),  # the host app through which it was made; empty: our own wallet
    Column("last_on", String(10), nullable=False),
    Column("ended_at", Instant),  # written once
    Column("ended_by", String(26)),
    Index("uq_invitations_open", "company", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index("ix_invitations_company_made_at", "company", "made_at"),
)  # fmt: skip
consents = Table(
    "consents", metadata,
    Column("id", Key, primary_key=True),
    Column("consent_id", String(26), nullable=False, unique=True),
    Column("company", Key, ForeignKey("holders.id", name="fk_consents_company"), nullable=False),
    Column("holder", Key, ForeignKey("holders.id", name="fk_consents_holder"), nullable=False),
    Column("licence", Key, ForeignKey(licences.c.id, name="fk_consents_licence"), nullable=False),
    Column("invitation", Key, ForeignKey("invitations.id", name="fk_consents_invitation"), nullable=False),  # under which it was given first
    Column("host", String(80)),  # the host app through which it was given; empty: our own wallet
    Column("given_at", Instant, nullable=False),
    Column("last_on", String(10), nullable=False),  # moves on where the holder agrees again
    Column("ended_at", Instant),  # written once: withdrawn, or over with the card; or when one that had run out was given anew
    Column("ended_by", String(26)),
    Index("uq_consents_open", "company", "licence", "holder", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index("ix_consents_licence", "licence"),
)  # fmt: skip
