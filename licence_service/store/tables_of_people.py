"""People at the desk: who they are, which roles they hold from when to when, their sessions, and what they looked at."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table, UniqueConstraint, text

from licence_service.store.database import Instant
from licence_service.store.tables import Key, metadata

_IN_OFFICE = text("office IS NOT NULL")

people = Table(
    "people", metadata,
    Column("id", Key, primary_key=True),
    Column("person_id", String(26), nullable=False, unique=True),  # drawn at random: how the book and the logs name a person
    Column("known_by", String(64), unique=True),  # blind index of issuer and subject; empty once removed
    Column("department", String(18), nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # encrypted: name, issuer, subject
    Column("added_at", Instant, nullable=False),
    Column("added_by", String(80), nullable=False),
    Column("removed_at", Instant),
    Column("removed_by", String(80)),
)  # fmt: skip
person_roles = Table(
    "person_roles", metadata,
    Column("id", Key, primary_key=True),
    Column("person", Key, ForeignKey("people.id", name="fk_person_roles_person"), nullable=False),
    Column("role", String(40), nullable=False),
    Column("first_on", String(10), nullable=False),
    Column("last_on", String(10)),
    Column("given_at", Instant, nullable=False),
    Column("given_by", String(80), nullable=False),
    Column("ended_at", Instant),  # written once, with the last day
    Column("ended_by", String(80)),
    Index("ix_person_roles_person", "person"),
)  # fmt: skip
person_offices = Table(  # only ever added to: the newest row is the office of today
    "person_offices", metadata,
    Column("id", Key, primary_key=True),
    Column("person", Key, ForeignKey("people.id", name="fk_person_offices_person"), nullable=False),
    Column("office", String(40)),  # empty: the whole department again
    Column("set_at", Instant, nullable=False),
    Column("set_by", String(80), nullable=False),
    Index("ix_person_offices_person", "person"),
)  # fmt: skip
sessions = Table(
    "sessions", metadata,
    Column("token_digest", String(64), primary_key=True),
    Column("person", Key, ForeignKey("people.id", name="fk_sessions_person"), nullable=False, index=True),
    Column("begun_at", Instant, nullable=False),
    Column("used_at", Instant, nullable=False, index=True),
)  # fmt: skip
desk_log = Table(
    "desk_log", metadata,
    Column("id", Key, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("person_id", String(26), nullable=False),
    Column("department", String(18), nullable=False),
    Column("done", String(40), nullable=False),
    Column("subject", String(120), nullable=False),  # a licence's id, a seal's, a run's; never a personal value
    Column("copy_no", Integer),
    Column("office", String(40)),  # of the person, when it was done
    UniqueConstraint("subject", "copy_no", name="uq_desk_log_subject_copy_no"),
    Index("ix_desk_log_department_at", "department", "at"),
    Index("ix_desk_log_person", "person_id", "id"),
    Index("ix_desk_log_office", "office", "id", sqlite_where=_IN_OFFICE, postgresql_where=_IN_OFFICE),
)  # fmt: skip
