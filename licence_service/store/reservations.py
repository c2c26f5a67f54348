"""Reservations: what is meant is written down before a seal is used (DESIGN §4 step 5).

A reservation fixes everything random or timed of an act with a document, so that whoever holds its key can carry it
to its end after a crash: same input, same page. It is working state, not the book: entered or abandoned at last.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from licence_service.digests import sha256
from licence_service.errors import CeilingReached, EntryConflict, KeyReused, NotInRegister
from licence_service.store.clients import READ, Client
from licence_service.store.counting import count_up, hold
from licence_service.store.database import Database
from licence_service.store.keys import Kind, add, key_of, owners
from licence_service.store.payload import Vault
from licence_service.store.reservation import NEEDED_NO_MORE, ROWS, Drawn, Intent, Reservation, drawn, keys_of, of_row
from licence_service.store.tables import drafts, photos, reservations

__all__ = ["LEASE", "STATUS", "Intent", "Reservation", "Reservations", "room"]
LEASE = timedelta(seconds=30)
STATUS = "status"  # the running number of places in the status lists
_WAITED = 1000  # more reservations than are made while one that has taken its time waits for its turn
_RESERVE = insert(reservations)
_OF_KEY = ROWS.where(reservations.c.client == bindparam("client"), reservations.c.idempotency_key == bindparam("idempotency_key"))
_OF_CASE = ROWS.where(reservations.c.id.in_(owners()), reservations.c.case_key == bindparam("case"))
_OF_KEY_OR_CASE = _OF_KEY.union_all(_OF_CASE).order_by("id")


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
        try:
            return self._reserve(drawn(self._vault, intent, now), now)
        except IntegrityError as error:
            raise EntryConflict("another act with a document is under way on this licence") from error

    def _reserve(self, wanted: Drawn, now: datetime) -> Reservation:
        intent = wanted.intent
        with self._database.write() as connection:
            hold(connection, STATUS)  # one at a time: a twin's reservation is seen, the ceiling is exact
            if found := self._known(connection, intent, wanted.case):
                return found
            if room(connection, intent, now) < 1:
                raise CeilingReached(f"the ceiling of {intent.hourly_ceiling} acts an hour is reached")
            for digest, jpeg in intent.photos.items():
                if not connection.execute(select(photos.c.sha256).where(photos.c.sha256 == digest)).first():
                    connection.execute(insert(photos).values(sha256=digest, sealed=self._vault.close_up(jpeg, f"photo:{digest}")))
            number = count_up(connection, STATUS) if intent.version else 0
            row, made = wanted.written(self._vault, number, now + LEASE)
            reserved = connection.execute(_RESERVE, row).inserted_primary_key
            if reserved:
                add(connection, keys_of(row, reserved[0]))
                if wanted.draft:
                    connection.execute(insert(drafts).values(reservation=reserved[0], sealed=wanted.draft))
            return made

    def find(self, intent: Intent) -> Reservation | None:
        """Return the reservation that this intent would meet, without making one."""
        case = self._vault.blind("case", intent.case_key) if intent.case_key else None
        with self._database.read() as connection:
            return self._known(connection, intent, case)

    def _known(self, connection: Connection, intent: Intent, case: str | None) -> Reservation | None:
        """Find an earlier reservation by key or case; same content is the same reservation (AI-01)."""
        given = {"client": intent.client, "idempotency_key": intent.idempotency_key}
        same_case = {"case": case, "key": key_of(Kind.CASE, case)} if case else {}
        rows = connection.execute(_OF_KEY_OR_CASE if case else _OF_KEY, given | same_case).mappings().all()
        for row in rows:
            if row["request_digest"] != intent.request_digest:
                raise KeyReused(facts={"licence_id": row["licence_id"]} if row["client"] == intent.client else {})
        return of_row(self._vault, rows[0], made_now=False) if rows else None

    def get(self, reservation_id: str, caller: Client | None = None) -> Reservation:
        """Return a reservation as it stands; to a `caller` its own alone, of types of which it may hear: no other is opened."""
        wanted = ROWS.where(reservations.c.reservation_id == reservation_id)
        with self._database.read() as connection:
            row = connection.execute(wanted.where(reservations.c.client == caller.name) if caller else wanted).mappings().first()
        if row is None or (caller and not (caller.may(row["act"], row["type"]) or caller.may(READ, row["type"]))):
            raise NotInRegister("no such reservation")
        return of_row(self._vault, row, made_now=False)

    def by_key(self, client: str, idempotency_key: str) -> Reservation | None:
        """Return the reservation of a client's key."""
        mine = (reservations.c.client == client) & (reservations.c.idempotency_key == idempotency_key)
        with self._database.read() as connection:
            row = connection.execute(ROWS.where(mine)).mappings().first()
            return of_row(self._vault, row, made_now=False) if row else None

    def of_licence(self, licence_id: str) -> list[str]:
        """Return the ids of every reservation about a licence, oldest first; the seal-use log names them."""
        mine = select(reservations.c.reservation_id).where(reservations.c.licence_id == licence_id).order_by(reservations.c.id)
        with self._database.read() as connection:
            return list(connection.execute(mine).scalars())

    def claim(self, reservation_id: str, now: datetime) -> bool:
        """Take over a reservation whose holder is gone; only one of several claimants gets it."""
        free = (reservations.c.reservation_id == reservation_id) & (reservations.c.state == "reserved") & (reservations.c.lease_until <= now)
        with self._database.write() as connection:
            return connection.execute(update(reservations).where(free).values(lease_until=now + LEASE, carried_at=now)).rowcount == 1

    def let_go(self, reservation_id: str, now: datetime) -> None:
        """Give the lease back, so that the retry or the worker may go on at once."""
        mine = (reservations.c.reservation_id == reservation_id) & (reservations.c.state == "reserved")
        with self._database.write() as connection:
            connection.execute(update(reservations).where(mine).values(lease_until=now))

    def abandon(self, reservation_id: str, reason: str, *, key_too: bool = False) -> None:
        """Close a reservation that can no longer be entered; its seal uses stay in the log.

        Its draft, with the face, is gone.

        It keeps its key but gives its case back, so that the case can be put right under another key; with `key_too` it gives the key back
        as well, since nothing was done under it.
        """
        mine = (reservations.c.reservation_id == reservation_id) & (reservations.c.state == "reserved")
        given = {"idempotency_key": f"abandoned {reservation_id}"} if key_too else {}
        with self._database.write() as connection:
            over = update(reservations).where(mine).values(state="abandoned", reason=reason, case_key=None, draft=None, **given)
            if connection.execute(over).rowcount:
                connection.execute(NEEDED_NO_MORE, {"mine": [reservation_id]})

    def unfinished(self, now: datetime, *, limit: int = 100) -> list[Reservation]:
        """Return reservations that nobody is carrying, those left longest first: one that must wait does not starve the others."""
        idle = (reservations.c.state == "reserved") & (reservations.c.lease_until <= now)
        with self._database.read() as connection:
            oldest = ROWS.where(idle).order_by(reservations.c.lease_until, reservations.c.id).limit(limit)
            rows = connection.execute(oldest).mappings().all()
            return [of_row(self._vault, row, made_now=False) for row in rows]

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


def room(connection: Connection, intent: Intent, now: datetime, wanted: int = 1) -> int:
    """Return how many more acts the client's ceiling of the last hour lets through; `wanted` or more is as good as all.

    Everybody waits here, and counting costs as much as it counts. Running numbers rise with time, but for what waited for the lock: while
    all that was reserved since the client's first of the hour stays well below the ceiling, nothing needs to be counted.
    """
    last_hour = (reservations.c.client == intent.client) & (reservations.c.created_at > now - timedelta(hours=1))
    first = connection.execute(select(reservations.c.id).where(last_hour).order_by(reservations.c.created_at).limit(1)).scalar_one_or_none()
    most = 0 if first is None else connection.execute(select(func.max(reservations.c.id))).scalar_one() - first
    if most + _WAITED + wanted <= intent.hourly_ceiling:
        return wanted
    used = connection.execute(select(func.count()).select_from(reservations).where(last_hour)).scalar_one()
    return max(0, intent.hourly_ceiling - int(used))
