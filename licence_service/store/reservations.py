"""Reservations: what is meant is written down before a seal is used (DESIGN §4 step 5).

A reservation fixes everything random or timed of an act with a document, so that whoever holds its key can carry it
to its end after a crash: same input, same page. It is working state, not the book: entered or abandoned at last.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from licence_service import identifiers
from licence_service.digests import SALT_BYTES, sha256
from licence_service.errors import CeilingReached, EntryConflict, KeyReused, NotInRegister
from licence_service.store.counting import count_up, hold
from licence_service.store.database import Database
from licence_service.store.payload import Vault
from licence_service.store.status_index import place
from licence_service.store.tables import photos, reservations

LEASE = timedelta(seconds=30)
STATUS = "status"  # the running number of places in the status lists
_WAITED = 1000  # more reservations than are made while one that has taken its time waits for its turn
_NOTHING_DRAWN = {"salt": "", "check_code": "", "delivery_code": "", "status": [0, 0]}  # an act without a document


@dataclass(frozen=True, slots=True)
class Intent:
    """An act with a document as the registrar decided it; the reservation adds what is drawn by chance.

    `case_key` is the second idempotency key in comparison form; `live_key` the right's type, number and issuer.
    `content` is JSON and `photos` maps digest → JPEG: all that is needed to draw the page again.
    """

    client: str
    idempotency_key: str
    request_digest: str
    department: str
    type: str
    act: str
    version: int
    hourly_ceiling: int
    content: Mapping[str, Any] = field(repr=False)
    licence_id: str | None = None
    case_key: str | None = field(default=None, repr=False)
    photos: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Reservation:
    """A reserved act. `sequence` is that of the entry once it is entered. `made_now` is true for the call that made it and so holds its lease."""

    reservation_id: str
    client: str
    department: str
    type: str
    act: str
    licence_id: str
    version: int
    state: str
    created_at: datetime
    reason: str
    made_now: bool
    sequence: int | None
    salt: bytes = field(repr=False)
    check_code: str = field(repr=False)
    delivery_code: str = field(repr=False)
    status: tuple[int, int]
    content: Mapping[str, Any] = field(repr=False)


class Reservations:
    """The working list of acts under way."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database and the vault for contents."""
        self._database = database
        self._vault = vault

    def reserve(self, intent: Intent, now: datetime) -> Reservation:
        """Return the reservation of this key, made now or found (short transaction 1).

        `KeyReused` where key or case came before with other content; `CeilingReached`; `EntryConflict` where another
        act with a document is under way on the licence.
        """
        case = self._vault.blind("case", intent.case_key) if intent.case_key else None
        try:
            return self._reserve(intent, case, now)
        except IntegrityError as error:
            raise EntryConflict("another act with a document is under way on this licence") from error

    def _reserve(self, intent: Intent, case: str | None, now: datetime) -> Reservation:
        with self._database.write() as connection:
            hold(connection, STATUS)  # one at a time: a twin's reservation is seen, the ceiling is exact
            if found := self._known(connection, intent, case):
                return found
            self._within_ceiling(connection, intent, now)
            for digest, jpeg in intent.photos.items():
                if not connection.execute(select(photos.c.sha256).where(photos.c.sha256 == digest)).first():
                    connection.execute(insert(photos).values(sha256=digest, sealed=self._vault.close_up(jpeg, f"photo:{digest}")))
            values = self._drawn(connection, intent, case, now)
            connection.execute(insert(reservations).values(values))
            return self._read(connection, values["reservation_id"], made_now=True)

    def find(self, intent: Intent) -> Reservation | None:
        """Return the reservation that this intent would meet, without making one."""
        case = self._vault.blind("case", intent.case_key) if intent.case_key else None
        with self._database.read() as connection:
            return self._known(connection, intent, case)

    def _known(self, connection: Connection, intent: Intent, case: str | None) -> Reservation | None:
        """Find an earlier reservation by key or case; same content is the same reservation (AI-01)."""
        same_key = (reservations.c.client == intent.client) & (reservations.c.idempotency_key == intent.idempotency_key)
        same_case = (reservations.c.case_key == case) if case else same_key
        rows = connection.execute(select(reservations).where(same_key | same_case).order_by(reservations.c.id)).mappings().all()
        for row in rows:
            if row["request_digest"] != intent.request_digest:
                raise KeyReused(facts={"licence_id": row["licence_id"]} if row["client"] == intent.client else {})
        return self.of_row(rows[0], made_now=False) if rows else None

    @staticmethod
    def _within_ceiling(connection: Connection, intent: Intent, now: datetime) -> None:
        """Refuse what goes beyond the client's ceiling of the last hour.

        Everybody waits here, and counting costs as much as it counts. Running numbers rise with time, but for what waited for the lock: while
        all that was reserved since the client's first of the hour stays well below the ceiling, nothing needs to be counted.
        """
        last_hour = (reservations.c.client == intent.client) & (reservations.c.created_at > now - timedelta(hours=1))
        first = connection.execute(select(reservations.c.id).where(last_hour).order_by(reservations.c.created_at).limit(1)).scalar_one_or_none()
        most = 0 if first is None else connection.execute(select(func.max(reservations.c.id))).scalar_one() - first
        if most + _WAITED < intent.hourly_ceiling:
            return
        used = connection.execute(select(func.count()).select_from(reservations).where(last_hour)).scalar_one()
        if used >= intent.hourly_ceiling:
            raise CeilingReached(f"the ceiling of {intent.hourly_ceiling} acts an hour is reached")

    def _drawn(self, connection: Connection, intent: Intent, case: str | None, now: datetime) -> dict[str, Any]:
        """Draw all that chance decides, once."""
        reservation_id = secrets.token_hex(13)
        content = {**intent.content, **(self._chance(connection) if intent.version else _NOTHING_DRAWN)}
        return {
            "reservation_id": reservation_id,
            "client": intent.client,
            "idempotency_key": intent.idempotency_key,
            "request_digest": intent.request_digest,
            "case_key": case,
            "licence_id": intent.licence_id or identifiers.licence_id(secrets.randbelow(36**identifiers.LICENCE_ID_LENGTH)),
            "type": intent.type,
            "department": intent.department,
            "act": intent.act,
            "version": intent.version,
            "content": self._vault.close_json(content, f"reservation:{reservation_id}"),
            "state": "reserved",
            "lease_until": now + LEASE,
            "created_at": now,
        }

    def _chance(self, connection: Connection) -> dict[str, Any]:
        """Draw salt, codes and the place in the status lists of one new version."""
        return {
            "salt": secrets.token_hex(SALT_BYTES),
            "check_code": identifiers.check_code(secrets.randbits(60)),
            "delivery_code": identifiers.delivery_code(secrets.randbits(80)),
            "status": list(place(count_up(connection, STATUS), self._vault.permutation_key)),
        }

    def get(self, reservation_id: str) -> Reservation:
        """Return a reservation as it stands."""
        with self._database.read() as connection:
            return self._read(connection, reservation_id, made_now=False)

    def by_key(self, client: str, idempotency_key: str) -> Reservation | None:
        """Return the reservation of a client's key."""
        mine = (reservations.c.client == client) & (reservations.c.idempotency_key == idempotency_key)
        with self._database.read() as connection:
            row = connection.execute(select(reservations).where(mine)).mappings().first()
            return self.of_row(row, made_now=False) if row else None

    def of_licence(self, licence_id: str) -> list[str]:
        """Return the ids of every reservation about a licence, oldest first; the seal-use log names them."""
        mine = select(reservations.c.reservation_id).where(reservations.c.licence_id == licence_id).order_by(reservations.c.id)
        with self._database.read() as connection:
            return list(connection.execute(mine).scalars())

    def claim(self, reservation_id: str, now: datetime) -> bool:
        """Take over a reservation whose holder is gone; only one of several claimants gets it."""
        free = (reservations.c.reservation_id == reservation_id) & (reservations.c.state == "reserved") & (reservations.c.lease_until <= now)
        with self._database.write() as connection:
            return connection.execute(update(reservations).where(free).values(lease_until=now + LEASE)).rowcount == 1

    def let_go(self, reservation_id: str, now: datetime) -> None:
        """Give the lease back, so that the retry or the worker may go on at once."""
        mine = (reservations.c.reservation_id == reservation_id) & (reservations.c.state == "reserved")
        with self._database.write() as connection:
            connection.execute(update(reservations).where(mine).values(lease_until=now))

    def abandon(self, reservation_id: str, reason: str, *, key_too: bool = False) -> None:
        """Close a reservation that can no longer be entered; its seal uses stay in the log.

        It keeps its key but gives its case back, so that the case can be put right under another key; with `key_too` it gives the key back
        as well, since nothing was done under it.
        """
        mine = (reservations.c.reservation_id == reservation_id) & (reservations.c.state == "reserved")
        given = {"idempotency_key": f"abandoned {reservation_id}"} if key_too else {}
        with self._database.write() as connection:
            connection.execute(update(reservations).where(mine).values(state="abandoned", reason=reason, case_key=None, **given))

    def unfinished(self, now: datetime, *, limit: int = 100) -> list[Reservation]:
        """Return reservations that nobody is carrying, those left longest first: one that must wait does not starve the others."""
        idle = (reservations.c.state == "reserved") & (reservations.c.lease_until <= now)
        with self._database.read() as connection:
            rows = (
                connection.execute(select(reservations).where(idle).order_by(reservations.c.lease_until, reservations.c.id).limit(limit))
                .mappings()
                .all()
            )
            return [self.of_row(row, made_now=False) for row in rows]

    def photo(self, digest: str) -> bytes:
        """Return a photo by the digest that stands on the face (without `sha256:`)."""
        with self._database.read() as connection:
            sealed = connection.execute(select(photos.c.sealed).where(photos.c.sha256 == digest)).scalar_one_or_none()
        if sealed is None:
            raise NotInRegister("this photo is not kept")
        jpeg = self._vault.open(sealed, f"photo:{digest}")
        if sha256(jpeg) != digest:
            raise NotInRegister("this photo is not kept")
        return jpeg

    def _read(self, connection: Connection, reservation_id: str, *, made_now: bool) -> Reservation:
        row = connection.execute(select(reservations).where(reservations.c.reservation_id == reservation_id)).mappings().first()
        if row is None:
            raise NotInRegister("no such reservation")
        return self.of_row(row, made_now=made_now)

    def of_row(self, row: RowMapping, *, made_now: bool) -> Reservation:
        """Return a reservation as its row says."""
        content = self._vault.open_json(row["content"], f"reservation:{row['reservation_id']}")
        return Reservation(
            row["reservation_id"], row["client"], row["department"], row["type"], row["act"], row["licence_id"], row["version"],
            row["state"], row["created_at"], row["reason"], made_now, row["sequence"],
            salt=bytes.fromhex(content["salt"]), check_code=content["check_code"], delivery_code=content["delivery_code"],
            status=(content["status"][0], content["status"][1]), content=content,
        )  # fmt: skip
