"""Who may call: approval systems, systems of officers, platforms, host apps; each bound to an organ, types, acts and an hourly ceiling."""

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError

from licence_service.errors import NotInRegister, RequestRejected
from licence_service.store.database import Database
from licence_service.store.payload import token_digest
from licence_service.store.tables import clients
from licence_service.store.tables_of_access import credentials

EVERY_TYPE = EVERY_ACT = "*"
APPROVAL, OFFICER, PLATFORM, HOST = "approval", "officer", "platform", "host"
KINDS = (APPROVAL, OFFICER, PLATFORM, HOST)
HEARING = (APPROVAL, HOST)  # who is told of events
PERSON = "person:"  # before the id of a person at the desk, who calls without being in the list
# What a client may do beside the acts of the book: read licences, their documents and histories; hand out stickers; say that an underlying right
# ended; see and close tasks; have events sent to an address; load legacy stock.
READ, STICKER, SIGNAL, TASK, WEBHOOK, STOCK = "read", "sticker", "signal", "task", "webhook", "stock"


@dataclass(frozen=True, slots=True)
class Client:
    """A calling system. `types` are type names, `acts` what it may do with them (`read` and the acts of the book); `*` is all.

    `kind` says what it may do: an approval system enters acts for its department, a system of officers looks (DOMAIN SH-08) and writes
    nothing in the book; its `department` is the organ whose officers use it, and `hourly_ceiling` counts looks. A platform checks its
    own rows in bulk (SH-14); its `department` is its own code, and `hourly_ceiling` counts rows. A host app acts for holders that the identity
    service vouches for; its `department` is the code of who runs it, its `types` are those whose cards it shows.

    `office` is the sub-office that it acts for; it knows of nothing but what that office and those below it, `within`, issued. None: the whole
    department. `scopes`, each `act:type`, are what the access token at hand was narrowed to (RFC 6749 §3.3); none where it was not.
    """

    name: str
    department: str
    types: tuple[str, ...]
    hourly_ceiling: int
    kind: str = APPROVAL
    acts: tuple[str, ...] = (EVERY_ACT,)
    scopes: tuple[str, ...] = ()
    office: str | None = None
    within: tuple[str, ...] = ()
    off: bool = False  # switched off for now: it may do nothing

    @property
    def offices(self) -> tuple[str, ...] | None:
        """Return the offices whose licences this client may know of; None where it is all of its department, whatever the office."""
        return None if self.office is None else self.within

    @property
    def organisation(self) -> str:
        """Return in whose name it asks for a seal: its office, or its department."""
        return self.office or self.department

    def reaches(self, department: str, office: str | None) -> bool:
        """Say whether its offices let it know of what this office of a department issued, or the department itself: always, where it has none."""
        return self.offices is None or (office in self.offices and department == self.department)

    def may_touch(self, type_slug: str) -> bool:
        """Say whether this client may do anything at all with licences of the type: otherwise they are as if they did not exist."""
        return _holds(self.types, type_slug) and (not self.scopes or any(_holds((types,), type_slug) for _, types in self._narrowed))

    def may(self, act: str, type_slug: str) -> bool:
        """Say whether this client may do this with licences of the type."""
        within = not self.scopes or any(_holds((acts,), act) and _holds((types,), type_slug) for acts, types in self._narrowed)
        return within and _holds(self.acts, act) and _holds(self.types, type_slug)

    def may_somewhere(self, act: str) -> bool:
        """Say whether this client may do this at all, be it with one type."""
        return _holds(self.acts, act) and (not self.scopes or any(_holds((acts,), act) for acts, _ in self._narrowed))

    def types_for(self, act: str) -> tuple[str, ...]:
        """Return the types with which this client may do this, `*` for all; none where it may with none."""
        if not _holds(self.acts, act):
            return ()
        named = tuple(types for acts, types in self._narrowed if _holds((acts,), act)) if self.scopes else (EVERY_TYPE,)
        return self.types if EVERY_TYPE in named else tuple(one for one in named if _holds(self.types, one))

    @property
    def _narrowed(self) -> Iterator[tuple[str, str]]:
        return ((act, slug) for act, _, slug in (one.partition(":") for one in self.scopes))


def _holds(allowed: tuple[str, ...], one: str) -> bool:
    return EVERY_TYPE in allowed or one in allowed


class Clients:
    """The list of clients."""

    def __init__(self, database: Database, within: Callable[[str, str], tuple[str, ...]]) -> None:
        """Take the database, and what says which offices lie within a department's office (`Keyring.within`)."""
        self._database = database
        self._within = within

    def add(self, client: Client, now: datetime) -> str:
        """Add a client and return its first secret, which is stored only as a digest and shown this once."""
        secret = new_secret()
        self._add(client, now, token_digest(secret), {"secret_digest": token_digest(secret)})
        return secret

    def add_with_key(self, client: Client, public_key: str, now: datetime) -> None:
        """Add a client that has no secret: it signs with the private key of this JWK."""
        self._add(client, now, token_digest(new_secret()), {"public_key": public_key})

    def remove(self, name: str, now: datetime) -> None:
        """Shut a client out at once, whatever tokens it holds; its name stays taken."""
        with self._database.write() as connection:
            if connection.execute(update(clients).where(living(name)).values(removed_at=now)).rowcount == 0:
                raise NotInRegister("no such client")

    def switch(self, name: str, now: datetime, *, off: bool) -> None:
        """Shut a client out until it is switched on again, whatever tokens it holds; `NotInRegister` where there is none."""
        there = (clients.c.name == name) & clients.c.removed_at.is_(None)
        with self._database.write() as connection:
            if connection.execute(update(clients).where(there).values(off_since=now if off else None)).rowcount == 0:
                raise NotInRegister("no such client")

    def by_token(self, token: str) -> Client | None:
        """Return the client that holds this secret, or None."""
        found = self.by_secret(token)
        return found[0] if found else None

    def by_secret(self, secret: str) -> tuple[Client, int] | None:
        """Return the client that holds this secret and the secret's number, or None."""
        return self._held(credentials.c.secret_digest == token_digest(secret))

    def known_by(self, name: str, number: int) -> Client | None:
        """Return the client of this name that may call and still has the credential of this number, or None."""
        found = self._held((clients.c.name == name) & (credentials.c.id == number))
        return found[0] if found else None

    def _held(self, by: ColumnElement[bool]) -> tuple[Client, int] | None:
        held = by & credentials.c.removed_at.is_(None) & clients.c.removed_at.is_(None) & clients.c.off_since.is_(None)
        with self._database.read() as connection:
            row = connection.execute(select(clients, credentials.c.id.label("credential")).join(credentials).where(held)).mappings().first()
        return (self._client(row), row["credential"]) if row else None

    def named(self, name: str) -> Client | None:
        """Return the client of this name that may call, or None."""
        with self._database.read() as connection:
            row = connection.execute(select(clients).where(living(name), clients.c.off_since.is_(None))).mappings().first()
        return self._client(row) if row else None

    def all(self) -> list[Client]:
        """Return the clients, by name; those that are switched off too."""
        with self._database.read() as connection:
            rows = connection.execute(select(clients).where(clients.c.removed_at.is_(None)).order_by(clients.c.name)).mappings().all()
        return [self._client(row) for row in rows]

    def _add(self, client: Client, now: datetime, digest: str, shown: dict[str, str]) -> None:
        row = {
            "name": client.name, "token_digest": digest, "department": client.department, "types": json.dumps(client.types),
            "hourly_ceiling": client.hourly_ceiling, "created_at": now, "kind": client.kind, "acts": json.dumps(client.acts),
            "office": client.office,
        }  # fmt: skip
        try:
            with self._database.write() as connection:
                key = connection.execute(insert(clients).values(row).returning(clients.c.id)).scalar_one()
                connection.execute(insert(credentials).values(client=key, added_at=now, **shown))
        except IntegrityError as error:
            raise RequestRejected("a client of this name exists, or existed") from error

    def _client(self, row: RowMapping) -> Client:
        office = row["office"]
        return Client(
            row["name"], row["department"], tuple(json.loads(row["types"])), row["hourly_ceiling"], row["kind"], tuple(json.loads(row["acts"])),
            office=office, within=self._within(row["department"], office) if office else (), off=row["off_since"] is not None,
        )  # fmt: skip


def new_secret() -> str:
    """Draw a client secret of 256 random bits."""
    return f"lst_{secrets.token_urlsafe(32)}"


def living(name: str) -> ColumnElement[bool]:
    """Return the condition of being the client of this name, removed ones apart."""
    return (clients.c.name == name) & clients.c.removed_at.is_(None)


def key_of(connection: Connection, name: str) -> int:
    """Return the key of a client that may call, locked to the end of the transaction; `NotInRegister` where there is none."""
    found = connection.execute(select(clients.c.id).where(living(name)).with_for_update()).scalar_one_or_none()
    if found is None:
        raise NotInRegister("no such client")
    return int(found)
