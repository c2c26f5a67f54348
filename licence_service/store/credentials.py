"""What a client shows to be who it is: several secrets and keys at a time, so that a new one is at work before the old one goes."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from licence_service.digests import sha256
from licence_service.errors import EntryConflict, NotInRegister, RequestRejected
from licence_service.store.clients import key_of, living, new_secret
from licence_service.store.database import Database
from licence_service.store.payload import token_digest
from licence_service.store.sweeping import sweep
from licence_service.store.tables import clients
from licence_service.store.tables_of_access import credentials, used_assertions

MOST_LIVING = 10  # of one client: more than a rotation needs, few enough to look through at each signed assertion


@dataclass(frozen=True, slots=True)
class Credential:
    """One of them: a secret (`public_key` is None) or a key."""

    number: int
    public_key: str | None
    added_at: datetime


class Credentials:
    """The credentials of all clients."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def add_secret(self, client: str, now: datetime) -> str:
        """Give a client one secret more and return it; it is shown this once."""
        secret = new_secret()
        self._add(client, now, {"secret_digest": token_digest(secret)})
        return secret

    def add_key(self, client: str, public_key: str, now: datetime) -> None:
        """Let a client sign with the private key of this JWK."""
        self._add(client, now, {"public_key": public_key})

    def remove(self, client: str, number: int, now: datetime) -> None:
        """Take one credential back; the last one stays until the client itself is removed."""
        with self._database.write() as connection:
            mine = (credentials.c.client == key_of(connection, client)) & credentials.c.removed_at.is_(None)
            if connection.execute(select(credentials.c.id).where(mine & (credentials.c.id == number))).first() is None:
                raise NotInRegister("the client has no such credential")
            if connection.execute(select(func.count()).select_from(credentials).where(mine)).scalar_one() == 1:
                raise EntryConflict("it is the last credential of the client; add another first, or remove the client")
            connection.execute(update(credentials).where(credentials.c.id == number).values(removed_at=now))

    def of(self, client: str) -> list[Credential]:
        """Return those that count, in the order in which they were added; none where there is no such client."""
        mine = living(client) & credentials.c.removed_at.is_(None)
        columns = (credentials.c.id, credentials.c.public_key, credentials.c.added_at)
        with self._database.read() as connection:
            rows = connection.execute(select(*columns).join(clients).where(mine).order_by(credentials.c.id)).all()
        return [Credential(row.id, row.public_key, row.added_at) for row in rows]

    def use_once(self, client: str, assertion_id: str, expires_at: datetime, now: datetime) -> bool:
        """Note that a signed assertion was used; False where it was before (RFC 7523 §3, `jti`). Those that have expired are forgotten."""
        try:
            with self._database.write() as connection:
                sweep(connection, used_assertions, used_assertions.c.expires_at < now)
                digest = sha256(f"{client}\x00{assertion_id}".encode())
                connection.execute(insert(used_assertions).values(digest=digest, expires_at=expires_at))
        except IntegrityError:
            return False
        return True

    def _add(self, client: str, now: datetime, shown: dict[str, str]) -> None:
        with self._database.write() as connection:
            key = key_of(connection, client)
            mine = (credentials.c.client == key) & credentials.c.removed_at.is_(None)
            if connection.execute(select(func.count()).select_from(credentials).where(mine)).scalar_one() >= MOST_LIVING:
                raise RequestRejected(f"a client has at most {MOST_LIVING} secrets and keys; remove one first")
            connection.execute(insert(credentials).values(client=key, added_at=now, **shown))
