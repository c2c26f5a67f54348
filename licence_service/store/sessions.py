"""Sessions of people at the desk, known by the digest of a random token; a person who is removed is out with the next request."""

import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import delete, insert, select, update

from licence_service.errors import NotInRegister
from licence_service.store.database import Database
from licence_service.store.payload import token_digest
from licence_service.store.people import People, Person
from licence_service.store.sweeping import sweep
from licence_service.store.tables_of_people import people as known_people
from licence_service.store.tables_of_people import sessions

_NOTED = timedelta(minutes=1)  # how often a use is written down: what a session costs beside its reading


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions end after `idle` without use, after `longest` in any case, and when their person signs out or is removed."""

    database: Database
    people: People
    idle: timedelta
    longest: timedelta

    def begin(self, person_id: str, now: datetime) -> str:
        """Begin a session and return its token, which is kept as a digest only; those that are over are forgotten."""
        token = secrets.token_urlsafe(32)
        with self.database.write() as connection:
            mine = (known_people.c.person_id == person_id) & known_people.c.removed_at.is_(None)
            key = connection.execute(select(known_people.c.id).where(mine)).scalar_one_or_none()
            if key is None:
                raise NotInRegister("no such person")
            connection.execute(insert(sessions).values(token_digest=token_digest(token), person=key, begun_at=now, used_at=now))
            # Last: who shuts a person out holds the person, for whom a new session waits, and then takes the sessions.
            sweep(connection, sessions, (sessions.c.used_at <= now - self.idle) | (sessions.c.begun_at <= now - self.longest))
        return token

    def person(self, token: str, now: datetime, today: date, *, used: bool = True) -> Person | None:
        """Return who a token belongs to, with the roles of today; None where the session is over or never was. Not `used`, nobody did anything."""
        mine = sessions.c.token_digest == token_digest(token)
        living = mine & (sessions.c.used_at > now - self.idle) & (sessions.c.begun_at > now - self.longest)
        with self.database.read() as connection:
            row = connection.execute(select(sessions.c.person, sessions.c.used_at).where(living)).first()
            found = self.people.of_session(connection, row.person, today) if row else None
        if used and found and row and now - row.used_at >= _NOTED:
            with self.database.write() as connection:
                connection.execute(update(sessions).where(mine).values(used_at=now))
        return found

    def end(self, token: str) -> None:
        """End a session: its token opens nothing any more."""
        with self.database.write() as connection:
            connection.execute(delete(sessions).where(sessions.c.token_digest == token_digest(token)))
