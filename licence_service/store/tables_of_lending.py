"""The tables of what holders show and lend: showings, nonces, lendings, uses, copies, and who read. As `tables`, and on the same metadata."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, text

from licence_service.store.database import Instant
from licence_service.store.tables import Key, metadata

_OF_A_COMPANY = text("company IS NOT NULL")

showings = Table(  # one row for a log-in, a licence and a day; the codes refreshed under it leave no trace
    "showings", metadata,
    Column("binding", String(32), primary_key=True),  # as it stands in the codes
    Column("licence", Key, ForeignKey("licences.id", name="fk_showings_licence"), nullable=False, index=True),
    Column("holder", String(26), nullable=False),
    Column("session", String(80), nullable=False),  # the log-in; a code is good only as long as this is
    Column("delegation", String(26)),  # under which it is shown, where it is one; a code is good only as long as this is
    Column("begun_at", Instant, nullable=False, index=True),
)  # fmt: skip

ended_logins = Table(  # log-ins that are over: their codes with them
    "ended_logins", metadata,
    Column("session", String(80), primary_key=True),
    Column("at", Instant, nullable=False, index=True),
)  # fmt: skip

shown_nonces = Table(  # the first checker of a code has it
    "shown_nonces", metadata,
    Column("nonce", String(32), primary_key=True),
    Column("checker", String(64), nullable=False),  # digest of what tells one checker from another
    Column("at", Instant, nullable=False),  # when it was scanned
    Column("forget_at", Instant, nullable=False, index=True),
)  # fmt: skip

lendings = Table(
    "lendings", metadata,
    Column("id", Key, primary_key=True),
    Column("lending_id", String(26), nullable=False, unique=True),
    Column("code_digest", String(64), nullable=False, unique=True),
    Column("licence", Key, ForeignKey("licences.id", name="fk_lendings_licence"), nullable=False, index=True),
    Column("holder", String(26), nullable=False),
    Column("made_by", String(26), nullable=False),  # the person who did it for the holder
    Column("host", String(80)),  # the host app through which it was made; empty: our own wallet
    Column("client", String(80)),  # the registered system that alone may read; empty: who states the receiver's name
    Column("sealed", LargeBinary, nullable=False),  # encrypted: receiver, purpose, fields
    Column("uses", Integer, nullable=False),  # the most
    Column("made_at", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("revoked_at", Instant),  # written once
)  # fmt: skip

lending_requests = Table(  # what is meant, before a seal is used; a retry under the same key comes to the same lending
    "lending_requests", metadata,
    Column("id", Key, primary_key=True),
    Column("key_digest", String(64), nullable=False, unique=True),  # blinded: holder, who acts, host, their key
    Column("request_digest", String(64), nullable=False),  # blinded: the whole request
    Column("lending_id", String(26), nullable=False, unique=True),
    Column("holder", String(26), nullable=False),
    Column("copies", Integer, nullable=False),  # attempts at a copy; 0 where none is wanted
    Column("taken_until", Instant, nullable=False),  # while somebody makes the copy
    Column("made_at", Instant, nullable=False),
    Index("ix_lending_requests_holder_made_at", "holder", "made_at"),
)  # fmt: skip

lent_uses = Table(
    "lent_uses", metadata,
    Column("lending", Key, ForeignKey("lendings.id", name="fk_lent_uses_lending"), primary_key=True),
    Column("no", Integer, primary_key=True, autoincrement=False),  # from 1 without a gap
    Column("at", Instant, nullable=False),
)  # fmt: skip

lent_copies = Table(
    "lent_copies", metadata,
    Column("lending", Key, ForeignKey("lendings.id", name="fk_lent_copies_lending"), primary_key=True),
    Column("document_sha256", String(64), nullable=False, unique=True),
    Column("version", Integer, nullable=False),  # of the licence, that it is a copy of
    Column("certificate_sha256", String(64), nullable=False),  # of the seal
    Column("sealed_at", Instant, nullable=False),
)  # fmt: skip

reads = Table(  # beside `looks`, which are those of officers
    "reads", metadata,
    Column("id", Key, primary_key=True),
    Column("read_id", String(26), nullable=False, unique=True),
    Column("at", Instant, nullable=False),
    Column("licence", Key, ForeignKey("licences.id", name="fk_reads_licence"), nullable=False),
    Column("way", String(10), nullable=False),  # shown, lent, copy, staff
    Column("asker", String(10), nullable=False),  # as whom the reader saw it: public, passenger, officer, receiver, employer
    Column("client", String(80)),  # the registered system that read
    Column("lending", Key, ForeignKey("lendings.id", name="fk_reads_lending")),
    Column("fields", Text, nullable=False),  # names only, JSON
    Column("company", String(26)),  # the holder whose list of persons it stood in
    Column("looked_by", String(26)),  # the person who looked for the company
    Column("day", String(10)),  # of Beijing, on which they did: one line a day, whoever and however often
    Index("ix_reads_licence_at", "licence", "at"),
    Index("ix_reads_company_day", "company", "day", sqlite_where=_OF_A_COMPANY, postgresql_where=_OF_A_COMPANY),
    Index("uq_reads_of_companies", "licence", "company", "day", "looked_by", unique=True, sqlite_where=_OF_A_COMPANY, postgresql_where=_OF_A_COMPANY),
)  # fmt: skip
