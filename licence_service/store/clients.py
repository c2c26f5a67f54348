"""Who may call: approval systems, and the systems of officers; each bound to an organ, types and an hourly ceiling."""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError

from licence_service.errors import NotInRegister, RequestRejected
from licence_service.store.database import Database
from licence_service.store.payload import token_digest
from licence_service.store.tables import clients

EVERY_TYPE = "*"
APPROVAL, OFFICER, PLATFORM = "approval", "officer", "platform"
KINDS = (APPROVAL, OFFICER, PLATFORM)


@dataclass(frozen=True, slots=True)
class Client:
    """A calling system. `types` are type names, or `*` for all.

    `kind` says what it may do: an approval system enters acts for its department, a system of officers looks (DOMAIN SH-08) and writes
    nothing in the book; its `department` is the organ whose officers use it, and `hourly_ceiling` counts looks. A platform checks its
    own rows in bulk (SH-14); its `department` is its own code, and `hourly_ceiling` counts rows.
    """

    name: str
    department: str
    types: tuple[str, ...]
    hourly_ceiling: int
    kind: str = APPROVAL

    def may_touch(self, type_slug: str) -> bool:
        """Say whether this client holds a grant for the type."""
        return EVERY_TYPE in self.types or type_slug in self.types


class Clients:
    """The list of clients."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def add(self, client: Client, now: datetime) -> str:
        """Add a client and return its bearer token, which is stored only as a digest and shown this once."""
        token = f"lst_{secrets.token_urlsafe(32)}"
        row = {
            "name": client.name, "token_digest": token_digest(token), "department": client.department,
            "types": json.dumps(client.types), "hourly_ceiling": client.hourly_ceiling, "created_at": now,
            "kind": client.kind,
        }  # fmt: skip
        try:
            with self._database.write() as connection:
                connection.execute(insert(clients).values(row))
        except IntegrityError as error:
            raise RequestRejected("a client of this name exists, or existed") from error
        return token

    def remove(self, name: str, now: datetime) -> None:
        """Shut a client out at once; its name stays taken."""
        with self._database.write() as connection:
            live = (clients.c.name == name) & clients.c.removed_at.is_(None)
            if connection.execute(update(clients).where(live).values(removed_at=now)).rowcount == 0:
                raise NotInRegister("no such client")

    def by_token(self, token: str) -> Client | None:
        """Return the client that holds this token, or None."""
        live = (clients.c.token_digest == token_digest(token)) & clients.c.removed_at.is_(None)
        with self._database.read() as connection:
            row = connection.execute(select(clients).where(live)).mappings().first()
        return _client(row) if row else None

    def all(self) -> list[Client]:
        """Return the clients that may call, by name."""
        with self._database.read() as connection:
            rows = connection.execute(select(clients).where(clients.c.removed_at.is_(None)).order_by(clients.c.name)).mappings().all()
        return [_client(row) for row in rows]


def _client(row: RowMapping) -> Client:
    return Client(row["name"], row["department"], tuple(json.loads(row["types"])), row["hourly_ceiling"], row["kind"])
