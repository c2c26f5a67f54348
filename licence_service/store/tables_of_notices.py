"""The tables of notices: when each kept licence is looked at next, what holders are told of, and the messages in which host apps have it."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, text

from licence_service.store.database import Instant
from licence_service.store.tables import Key, clients, licences, metadata

_WAITING = text("state = 'waiting'")

deadline_looks = Table(
    "deadline_looks", metadata,
    Column("licence", Key, ForeignKey(licences.c.id, name="fk_deadline_looks_licence"), primary_key=True, autoincrement=False),
    Column("next_on", String(10), nullable=False, index=True),  # first day on which it is looked at again; empty: at once
    Column("marks", Integer, nullable=False),  # how often something came that may concern it: a look under an older number is repeated
)  # fmt: skip
notice_messages = Table(
    "notice_messages", metadata,
    Column("id", Key, primary_key=True),
    Column("message_id", String(26), nullable=False, unique=True),  # follows from what it tells: made twice, it is the same
    Column("place", BigInteger, nullable=False, unique=True),  # over all messages, in the order of commits
    Column("holder", Key, ForeignKey("holders.id", name="fk_notice_messages_holder"), nullable=False),
    Column("host", Key, ForeignKey(clients.c.id, name="fk_notice_messages_host")),  # the app through which the cards were claimed; empty: our own wallet
    Column("made_at", Instant, nullable=False),
    Column("content", Text, nullable=False),  # JSON, what the host app is told: nothing of a person
    Column("digest", Boolean, nullable=False),  # of a company's day, with counts
    Column("state", String(10), nullable=False),  # waiting, delivered, dead, kept (nobody to send it to)
    Column("attempts", Integer, nullable=False),
    Column("next_at", Instant),  # of the next attempt, or until when one is under way; empty where none is to come
    Column("reason", String(40)),  # what went wrong last
    Index("ix_notice_messages_next_at", "next_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
    Index("ix_notice_messages_host_place", "host", "place"),
)  # fmt: skip
notices = Table(
    "notices", metadata,
    Column("id", Key, primary_key=True),
    Column("notice_id", String(26), nullable=False, unique=True),  # blinded: holder, licence, duty, what it is about, the day; so each is told once
    Column("holder", Key, ForeignKey("holders.id", name="fk_notices_holder"), nullable=False),
    Column("licence", Key, ForeignKey(licences.c.id, name="fk_notices_licence"), nullable=False),
    Column("state", String(10), nullable=False),  # waiting, sent, withdrawn
    Column("found_at", Instant, nullable=False),
    Column("send_from", Instant, nullable=False),
    Column("settled_at", Instant),
    Column("message", Key, ForeignKey("notice_messages.id", name="fk_notices_message")),
    Column("sealed", LargeBinary, nullable=False),  # encrypted: the deadline
    Index("ix_notices_holder", "holder", "id"),
    Index("ix_notices_send_from", "send_from", sqlite_where=_WAITING, postgresql_where=_WAITING),
    Index("ix_notices_message", "message"),
)  # fmt: skip
