"""The tables. Times are `Instant`, days ISO text, digests lower-case hexadecimal.

Digests and blinded values that are in no order have no indexes of their own: `store.keys` finds rows by them.
"""

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
_IN_OFFICE = text("office IS NOT NULL")
_UNTOLD = text("act IN ('suspend', 'void', 'report_lost')")

licences = Table(
    "licences", metadata,
    Column("id", Key, primary_key=True),
    Column("licence_id", String(20), nullable=False, unique=True),
    Column("type", String(80), nullable=False, index=True),
    Column("department", String(18), nullable=False, index=True),
    Column("live_key", String(64)),  # type, number and issuer, blinded; empty once an act ended the right
    Column("head", Integer, nullable=False),
    Column("current_version", Integer, nullable=False),
    Column("valid_from", String(10), nullable=False),
    Column("valid_to", String(10)),
    Column("ended_on", String(10)),
    # What a search narrows by; the fold decides. All of it is a projection of the entries.
    Column("issuer", String(18), index=True),  # issuer of record; empty in rows of the first release: it is `department`
    Column("parent", Key, ForeignKey("licences.id"), index=True),
    Column("ending", String(12)),  # the state that an act ended the right with
    Column("suspended_from", String(10)),
    Column("suspended_to", String(10)),
    Column("due_on", String(10)),  # first day on which a recurring endorsement is overdue
    Column("office", String(40)),  # the sub-office that issued it; empty where the department itself did
    Index("ix_licences_valid_to", "valid_to"),
    Index("ix_licences_due_on", "due_on"),
    Index("ix_licences_office", "office", sqlite_where=_IN_OFFICE, postgresql_where=_IN_OFFICE),
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
    Column("place", BigInteger),  # over the whole book, from 1 without a gap; entries and foundations share it
    UniqueConstraint("licence", "sequence"),
    Index("uq_entries_place", "place", unique=True),  # an index, since SQLite cannot add a constraint to a table that is there
)  # fmt: skip

foundations = Table(
    "foundations", metadata,
    Column("id", Key, primary_key=True),
    Column("place", BigInteger, nullable=False, unique=True),
    Column("kind", String(30), nullable=False),
    Column("name", String(160), nullable=False),
    Column("recorded_at", Instant, nullable=False, unique=True),
    Column("body", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Index("ix_foundations_kind_name", "kind", "name"),
)  # fmt: skip

proposals = Table(
    "proposals", metadata,
    Column("id", Key, primary_key=True),
    Column("kind", String(30), nullable=False),
    Column("name", String(160), nullable=False),
    Column("content", Text, nullable=False),
    Column("proposed_by", String(80), nullable=False),
    Column("proposed_at", Instant, nullable=False),
    Column("state", String(10), nullable=False),  # open, confirmed, dropped
    Column("settled_by", String(80)),
    Index("ix_proposals_state", "state"),
)  # fmt: skip

heads = Table(
    "heads", metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),  # how many lines of the book it covers
    Column("until", Instant, nullable=False),  # recorded time of the last of them
    Column("signed_at", Instant, nullable=False),
    Column("root", String(64), nullable=False),
    Column("message", LargeBinary, nullable=False),  # the signed statement, COSE_Sign1
    Column("frontier", LargeBinary, nullable=False),  # roots of the complete subtrees, largest first
)  # fmt: skip

tasks = Table(
    "tasks", metadata,
    Column("id", Key, primary_key=True),
    Column("task_id", String(26), nullable=False, unique=True),
    Column("department", String(18), nullable=False),
    Column("licence", Key, ForeignKey("licences.id"), index=True),
    Column("kind", String(30), nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("state", String(8), nullable=False),  # open, closed
    Column("content", LargeBinary, nullable=False),  # encrypted: what a clerk must see, both values of a conflict
    Column("closed_at", Instant),
    Column("closed_by", String(80)),
    Column("type", String(80)),  # certificate type of a task about no licence; of any other the licence says it
    Column("office", String(40)),  # of a task about no licence, the sub-office whose case it is; of any other the licence says it
    Index("ix_tasks_department_state", "department", "state"),
)  # fmt: skip

consumed_reports = Table(
    "consumed_reports", metadata,
    Column("station", String(18), primary_key=True),
    Column("report_no", String(80), primary_key=True),
    Column("licence", Key, ForeignKey("licences.id"), nullable=False),
    Column("sequence", Integer, nullable=False),
)  # fmt: skip

campaigns = Table(
    "campaigns", metadata,
    Column("id", Key, primary_key=True),
    Column("campaign_id", String(26), nullable=False, unique=True),
    Column("department", String(18), nullable=False),
    Column("plan", Text, nullable=False),  # JSON
    Column("state", String(10), nullable=False),  # planned, rehearsed, approved, running, done
    Column("planned_by", String(80), nullable=False),
    Column("planned_at", Instant, nullable=False),
    Column("approved_by", String(80)),
    Column("approved_at", Instant),
)  # fmt: skip

campaign_rows = Table(
    "campaign_rows", metadata,
    Column("campaign", Key, ForeignKey("campaigns.id"), primary_key=True),
    Column("licence", Key, ForeignKey("licences.id"), primary_key=True),
    Column("rehearsed", String(40), nullable=False),  # act, or the exclusion that applies
    Column("head", Integer, nullable=False),  # of the licence when it was rehearsed
    Column("drafted", String(64), nullable=False),  # digest of what would be entered; the run must come to the same
    Column("outcome", String(40)),  # empty until run
    Column("sequence", Integer),  # of the entry that was made
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
    Column("document_sha256", String(64), nullable=False),
    Column("check_digest", String(64), nullable=False),
    Column("delivery_digest", String(64), nullable=False),
    Column("status_list", Integer, nullable=False),
    Column("status_index", Integer, nullable=False),
    UniqueConstraint("licence", "version"),
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
)  # fmt: skip

reservations = Table(
    "reservations", metadata,
    Column("id", Key, primary_key=True),
    Column("reservation_id", String(26), nullable=False, unique=True),
    Column("client", String(80), nullable=False),
    Column("idempotency_key", String(200), nullable=False),
    Column("request_digest", String(64), nullable=False),
    Column("case_key", String(64)),
    Column("case_no", String(64)),  # blinded, with the department; empty in rows of earlier releases, and where no case was named
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
    Column("draft", LargeBinary),  # of rows that an earlier release made: what lies in `drafts` now
    Column("office", String(40)),  # the sub-office that asked; empty where the department itself did, and in rows of earlier releases
    Column("carried_at", Instant),  # since when its last holder carries it; empty where that is who made it
    UniqueConstraint("client", "idempotency_key"),
    # While one act with a document is under way on a licence, a second one is a conflict; acts without one have version 0.
    Index("uq_reservations_under_way", "licence_id", unique=True, sqlite_where=_UNDER_WAY, postgresql_where=_UNDER_WAY),
    Index("ix_reservations_state", "state", "lease_until"),
    Index("ix_reservations_client_time", "client", "created_at"),
    Index("ix_reservations_office", "office", "id", sqlite_where=_IN_OFFICE, postgresql_where=_IN_OFFICE),
)  # fmt: skip

# Encrypted: what its own entry alone needs, gone once it has it, or none will come.
# A row of its own, so that the space serves the next and the rows that stay lie close.
_OF_RESERVATION = Column("reservation", Key, ForeignKey("reservations.id"), primary_key=True, autoincrement=False)
drafts = Table("drafts", metadata, _OF_RESERVATION, Column("sealed", LargeBinary, nullable=False))

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
    Column("token_digest", String(64), nullable=False, unique=True),  # for the release before: `credentials` say who a client is
    Column("department", String(18), nullable=False),
    Column("types", Text, nullable=False),
    Column("hourly_ceiling", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("removed_at", Instant),
    Column("kind", String(20), nullable=False, server_default="approval"),  # approval, officer, platform, host
    Column("acts", Text, nullable=False, server_default='["*"]'),
    Column("office", String(40)),  # the sub-office that it acts for; empty: the whole department
    Column("off_since", Instant),  # switched off; empty: it may call
)  # fmt: skip

failures = Table(
    "failures", metadata,
    Column("blind", String(64), primary_key=True),
    Column("window", BigInteger, primary_key=True),
    Column("count", Integer, nullable=False),
)  # fmt: skip

# Status lists as they were at an instant: made from the book and can be made again; older ones are thinned out (`store.status`).
status_runs = Table(
    "status_runs", metadata,
    Column("at", Instant, primary_key=True),
    Column("day", String(10), nullable=False),  # in Beijing: whose states these are
    Column("place", BigInteger, nullable=False),  # the last line of the book that was looked at
    Column("lapses", LargeBinary, nullable=False),  # last days of the suspensions, zlib of JSON
)  # fmt: skip

status_lists = Table(
    "status_lists", metadata,
    Column("number", Integer, primary_key=True),
    Column("at", Instant, primary_key=True),  # of the run that found it changed; the list holds until it has a newer row
    Column("content", LargeBinary, nullable=False),  # zlib, as it is sent
    Column("sha256", String(64), nullable=False),  # of the places
)  # fmt: skip

# What the columns of `licences` do not tell a status list.
Index("ix_entries_untold", entries.c.licence, sqlite_where=_UNTOLD, postgresql_where=_UNTOLD)

prepared_answers = Table(
    "prepared_answers", metadata,
    Column("id", Key, primary_key=True, autoincrement=False),  # the key's first 64 bits: one search in one tree, whatever the size of the book
    Column("key", LargeBinary, nullable=False),  # SHA-256: of the digits on paper, or of a document's own digest
    Column("licence", Key, ForeignKey("licences.id"), nullable=False, index=True),
    Column("first", String(10), nullable=False),
    Column("until", String(10), nullable=False, index=True),
    Column("generation", String(64), nullable=False),
    Column("law", BigInteger, nullable=False),  # place of the last line of the law
    Column("head", Integer, nullable=False),
    Column("head_above", Integer, nullable=False),
    Column("newest", Instant, nullable=False),  # recorded time of the newest entry it rests on
    Column("content", LargeBinary, nullable=False),  # encrypted
)  # fmt: skip
