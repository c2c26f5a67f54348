"""Holders as the identity service knows them, the licences that they keep as cards, and what companies let others do for them."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, text

from licence_service.store.database import Instant
from licence_service.store.tables import Key, clients, licences, metadata

_KEPT = text("released_at IS NULL")

holders = Table(
    "holders", metadata,
    Column("id", Key, primary_key=True),
    Column("holder_id", String(26), nullable=False, unique=True),  # drawn at random: how everything else names a holder
    Column("kind", String(10), nullable=False),  # person, company
    Column("known_by", String(64), nullable=False, unique=True),  # blind index of kind and identity number
    Column("sealed", LargeBinary, nullable=False),  # encrypted: identity number and name, as the identity service said them last
    Column("added_at", Instant, nullable=False),
    Column("spoken_by", String(26)),  # who speaks for a company, as the identity service named them last
)  # fmt: skip
cards = Table(
    "cards", metadata,
    Column("id", Key, primary_key=True),
    Column("holder", Key, ForeignKey("holders.id", name="fk_cards_holder"), nullable=False),
    Column("licence", Key, ForeignKey(licences.c.id, name="fk_cards_licence"), nullable=False),
    Column("held_by", String(64), nullable=False),  # blind index of the holder on the face when it was claimed: with another on it the card is over
    Column("how", String(10), nullable=False),  # identity, code
    Column("host", Key, ForeignKey(clients.c.id, name="fk_cards_host")),  # through which it was claimed; empty: our own wallet
    Column("claimed_at", Instant, nullable=False),
    Column("claimed_by", String(26), nullable=False),  # the person who did it for the holder
    Column("released_at", Instant),
    Column("released_by", String(26)),
    Index("uq_cards_kept", "holder", "licence", unique=True, sqlite_where=_KEPT, postgresql_where=_KEPT),
    Index("ix_cards_licence", "licence"),
    Index("ix_cards_host", "host"),
)  # fmt: skip
delegations = Table(
    "delegations", metadata,
    Column("id", Key, primary_key=True),
    Column("delegation_id", String(26), nullable=False, unique=True),
    Column("company", Key, ForeignKey("holders.id", name="fk_delegations_company"), nullable=False),
    Column("delegate", Key, ForeignKey("holders.id", name="fk_delegations_delegate"), nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # encrypted: the delegate's name, as the company wrote it
    Column("role", String(10), nullable=False),  # manager, clerk
    Column("acts", Text, nullable=False),  # JSON
    Column("types", Text),  # JSON; empty: all
    Column("licences", Text),  # JSON, licence ids; empty: all
    Column("first_on", String(10), nullable=False),
    Column("last_on", String(10), nullable=False),
    Column("given_at", Instant, nullable=False),
    Column("given_by", String(26), nullable=False),
    Column("ended_at", Instant),  # written once
    Column("ended_by", String(26)),
    Index("ix_delegations_company", "company"),
    Index("ix_delegations_delegate", "delegate"),
)  # fmt: skip
holder_sessions = Table(
    "holder_sessions", metadata,
    Column("token_digest", String(64), primary_key=True),
    Column("holder", Key, ForeignKey("holders.id", name="fk_holder_sessions_holder"), nullable=False, index=True),
    Column("person", Key, ForeignKey("holders.id", name="fk_holder_sessions_person")),  # who speaks for a company, where they are named
    Column("level", Integer, nullable=False),  # at which they showed who they are
    Column("delegation", String(26)),  # under which they act; empty: for themselves
    Column("showing", String(32), nullable=False),  # what show codes are bound to
    Column("begun_at", Instant, nullable=False),
    Column("used_at", Instant, nullable=False, index=True),
)  # fmt: skip
