"""The tables of checking in bulk: files from the page that are worked off, lists that are watched. As `tables`, and on the same metadata."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from licence_service.store.database import Instant
from licence_service.store.tables import Key, metadata

checks = Table(
    "checks", metadata,
    Column("id", Key, primary_key=True),
    Column("code_digest", String(64), nullable=False, unique=True),
    Column("client", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("valid_at", String(10), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("claimed_until", Instant),  # by the process that works it off
    Column("done_at", Instant),
)  # fmt: skip

check_parts = Table(
    "check_parts", metadata,
    Column("job", Key, ForeignKey("checks.id"), primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("rows", LargeBinary),  # encrypted: what was sent in; gone as soon as it is answered
    Column("answers", LargeBinary),  # encrypted; empty until answered
)  # fmt: skip

watch_lists = Table(
    "watch_lists", metadata,
    Column("id", Key, primary_key=True),
    Column("list_id", String(26), nullable=False, unique=True),
    Column("client", String(80), nullable=False),
    Column("name", String(60), nullable=False),
    Column("put_at", Instant, nullable=False),
    Column("looked", BigInteger, nullable=False),  # place of the last line of the book that was looked at
    Column("last", BigInteger, nullable=False),  # number of the last change
    UniqueConstraint("client", "name"),
)  # fmt: skip

watch_rows = Table(
    "watch_rows", metadata,
    Column("id", Key, primary_key=True),
    Column("list", Key, ForeignKey("watch_lists.id"), nullable=False),
    Column("same", String(64), nullable=False),  # blind of the whole row, by which it stays itself when the list is put again
    Column("number", String(64), nullable=False),  # blinded as in `lookups`
    Column("plate", String(64)),  # blinded
    Column("name", String(64)),  # blinded
    Column("type", String(80)),
    Column("ref", LargeBinary, nullable=False),  # encrypted
    Column("since_at", Instant),  # what the book knew then is what the client knows; empty only inside the transaction that puts it
    Column("since_on", String(10), nullable=False),
    Column("marked", BigInteger, nullable=False),  # place of the newest line that may have changed it
    Column("seen", BigInteger, nullable=False),  # place up to which it was judged
    Column("until", String(10), nullable=False),  # last day on which what was told holds by itself; "" where it must be judged anew
    Column("told", Text),  # overall word and reasons as they were told last; empty until judged
    UniqueConstraint("list", "same"),
    Index("ix_watch_rows_list_until", "list", "until"),
    Index("ix_watch_rows_list_number", "list", "number"),
)  # fmt: skip

watch_changes = Table(
    "watch_changes", metadata,
    Column("list", Key, ForeignKey("watch_lists.id"), primary_key=True),
    Column("no", BigInteger, primary_key=True, autoincrement=False),  # from 1 in each list
    Column("row", Key, ForeignKey("watch_rows.id"), nullable=False, index=True),
    Column("told", Text, nullable=False),
    Column("recorded_at", Instant),  # of the entry that changed it; empty where the calendar or the law did
    Column("noted_at", Instant, nullable=False),
)  # fmt: skip
