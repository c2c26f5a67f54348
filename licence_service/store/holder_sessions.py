"""Sessions of holders in our own wallet, known by the digest of a random token."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, or_, select, update

from licence_service.store.database import Database
from licence_service.store.holders import row_of
from licence_service.store.payload import token_digest
from licence_service.store.sweeping import sweep
from licence_service.store.tables_of_holders import holder_sessions, holders

_NOTED = timedelta(minutes=1)  # how often a use is written down: what a session costs beside its reading
_person = holders.alias("speaking")
_SPEAKING = or_(_person.c.id.is_(None), holders.c.spoken_by.is_(None), holders.c.spoken_by == _person.c.holder_id)


@dataclass(frozen=True, slots=True)
class Kept:
    """A living session: whose it is, at which identity level they showed who they are, who speaks for a company, and under which delegation they act.

    `showing` is what show codes are bound to.
    """

    holder_id: str
    kind: str
    level: int
    person: str | None
    delegation: str | None
    showing: str


@dataclass(frozen=True, slots=True)
class HolderSessions:
    """Sessions end after `idle` without use, after `longest` in any case, when their holder signs out, and when somebody else speaks for the company."""

    database: Database
    idle: timedelta
    longest: timedelta

    def begin(self, holder_id: str, person: str | None, level: int, now: datetime) -> str:
        """Begin a session and return its token, which is kept as a digest only; those that are over are forgotten."""
        token = secrets.token_urlsafe(32)
        over = (holder_sessions.c.used_at <= now - self.idle) | (holder_sessions.c.begun_at <= now - self.longest)
        with self.database.write() as connection:
            sweep(connection, holder_sessions, over)
            row = {
                "token_digest": token_digest(token), "holder": row_of(connection, holder_id), "person": row_of(connection, person) if person else None,
                "level": level, "showing": secrets.token_hex(16), "begun_at": now, "used_at": now,
            }  # fmt: skip
            connection.execute(insert(holder_sessions).values(row))
        return token

    def kept(self, token: str, now: datetime, *, used: bool = True) -> Kept | None:
        """Return what is known of a session; None where it is over or never was. Not `used`, nobody did anything."""
        mine = holder_sessions.c.token_digest == token_digest(token)
        living = mine & (holder_sessions.c.used_at > now - self.idle) & (holder_sessions.c.begun_at > now - self.longest)
        asked = (
            select(holder_sessions, holders.c.holder_id, holders.c.kind, _person.c.holder_id.label("person_id"))
            .join(holders, holders.c.id == holder_sessions.c.holder)
            .outerjoin(_person, _person.c.id == holder_sessions.c.person)
            .where(living, _SPEAKING)
        )
        with self.database.read() as connection:
            row = connection.execute(asked).mappings().first()
        if row is None:
            return None
        if used and now - row["used_at"] >= _NOTED:
            with self.database.write() as connection:
                connection.execute(update(holder_sessions).where(mine).values(used_at=now))
        return Kept(row["holder_id"], row["kind"], row["level"], row["person_id"], row["delegation"], row["showing"])

    def act_under(self, token: str, delegation_id: str | None) -> None:
        """Let a session act under a delegation from now on, or for its own holder again."""
        with self.database.write() as connection:
            mine = holder_sessions.c.token_digest == token_digest(token)
            connection.execute(update(holder_sessions).where(mine).values(delegation=delegation_id, showing=secrets.token_hex(16)))

    def end(self, token: str) -> None:
        """End a session: its token opens nothing any more."""
        with self.database.write() as connection:
            connection.execute(delete(holder_sessions).where(holder_sessions.c.token_digest == token_digest(token)))
