"""Many reservations in one short transaction: what `Reservations.reserve` does for one (DESIGN §4 step 5)."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TypeAlias

from sqlalchemy import Connection, RowMapping, bindparam, func, insert, literal, select, update

from licence_service.digests import sha256
from licence_service.errors import CeilingReached, EntryConflict, KeyReused, Refusal, Unavailable
from licence_service.store.counting import count_up_by, hold
from licence_service.store.database import Database
from licence_service.store.inserting import insert_all, next_ids
from licence_service.store.keys import Kind, add, ids_of
from licence_service.store.parting import parts
from licence_service.store.payload import Vault
from licence_service.store.reservation import NEEDED_NO_MORE, ROWS, Drawn, Intent, Reservation, drawn, hold_all, keys_of, of_row
from licence_service.store.reservations import STATUS, room
from licence_service.store.tables import drafts, photos, reservations

LEASE = timedelta(minutes=10)  # a chunk is carried as a whole; after it, what is left is carried one by one
RENEWED = timedelta(minutes=2)  # a holder that lives pushes its leases forward no more often: it takes a chunk's rows some 50 ms

_MINE = reservations.c.client == bindparam("client")
_LEASE = (
    update(reservations)
    .where((reservations.c.reservation_id == bindparam("mine")) & (reservations.c.state == "reserved"))
    .values(lease_until=bindparam("until"))
)
_GIVE_BACK = (
    update(reservations)
    .where(reservations.c.reservation_id.in_(bindparam("mine", expanding=True)))
    .where((reservations.c.client == bindparam("whose")) & (reservations.c.state == "reserved"))
    .values(
        state="abandoned", reason=bindparam("why"), case_key=None, draft=None,
        idempotency_key=literal("abandoned ") + reservations.c.reservation_id,
    )
    .returning(reservations.c.reservation_id)
)  # fmt: skip
_TAKE = _LEASE.values(carried_at=bindparam("since"))

Outcome: TypeAlias = "Reservation | Refusal"
_Key: TypeAlias = tuple[str, str]  # client and idempotency key, or nothing and a case


class Reserving:
    """Reserves acts with a document of one client on many licences, new ones or such as are there."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database and the vault for contents."""
        self._database, self._vault = database, vault

    def reserve_all(self, intents: Sequence[Intent], now: datetime) -> list[Outcome]:
        """Return for each intent, in order, its reservation, made now or found, or why there is none.

        `KeyReused` where its key or case came before with other content; `CeilingReached` for those beyond the client's hour;
        `EntryConflict` where another act with a document is under way on the licence.
        A second intent of the same key and content within the sequence is answered with the first one's reservation. One that was
        reserved before and is not entered is taken over, whoever held its lease: two who carry it make the same file, and one enters it.
        """
        wanted = [drawn(self._vault, intent, now) for intent in intents]
        with self._database.write() as connection:
            hold(connection, STATUS)  # one at a time: a twin's reservation is seen, the ceiling is exact
            known = self._known(connection, wanted)
            under_way = _under_way(connection, [intent.licence_id for intent in intents if intent.licence_id])
            left = room(connection, intents[0], now, len(intents)) if intents else 0
            fresh: list[Drawn] = []
            met: list[RowMapping | int | Refusal] = []  # a row, the place among the fresh ones, or a refusal
            for one in wanted:
                intent = one.intent
                found = next((known[key] for key in _keys(one) if key in known), None)
                if found is None and len(fresh) >= left:
                    met.append(CeilingReached(f"the ceiling of {intent.hourly_ceiling} acts an hour is reached"))
                    continue
                if found is None and intent.licence_id in under_way:
                    met.append(EntryConflict("another act with a document is under way on this licence"))
                    continue
                if found is None:
                    under_way |= {intent.licence_id} - {None}
                    known.update(dict.fromkeys(_keys(one), len(fresh)))
                    found = len(fresh)
                    fresh.append(one)
                digest = fresh[found].intent.request_digest if isinstance(found, int) else found["request_digest"]
                met.append(found if digest == intent.request_digest else KeyReused())
            made = self._made(connection, fresh, now)
            if taken := [{"mine": one["reservation_id"]} for one in met if isinstance(one, RowMapping) and one["state"] == "reserved"]:
                hold_all(connection, [one["mine"] for one in taken])
                connection.execute(_TAKE, [one | {"until": now + LEASE, "since": now} for one in taken])
        return [self._outcome(one, made) for one in met]

    def taken_over(self, client: str, keys: Sequence[str], now: datetime) -> dict[str, Reservation]:
        """Return what a client reserved under these keys before; what is not entered is taken over, as in `reserve_all`."""
        found: dict[str, Reservation] = {}
        with self._database.write() as connection:
            for part in parts(keys):
                mine = (reservations.c.client == client) & reservations.c.idempotency_key.in_(part)
                rows = connection.execute(ROWS.where(mine)).mappings().all()
                found.update({row["idempotency_key"]: of_row(self._vault, row, made_now=False) for row in rows})
            if taken := [{"mine": one.reservation_id, "until": now + LEASE, "since": now} for one in found.values() if one.state == "reserved"]:
                hold_all(connection, [str(one["mine"]) for one in taken])
                connection.execute(_TAKE, taken)
        return found

    def under(self, client: str, keys: Sequence[str]) -> list[str]:
        """Return the ids of what a client reserved under these keys and is not entered."""
        found: list[str] = []
        for part in parts(keys):
            mine = (reservations.c.client == client) & reservations.c.idempotency_key.in_(part) & (reservations.c.state == "reserved")
            with self._database.read() as connection:
                found += connection.execute(select(reservations.c.reservation_id).where(mine)).scalars()
        return found

    def keeper(self, reservation_ids: Sequence[str], now: Callable[[], datetime]) -> Callable[[], None]:
        """Return what the holder of reservations calls as often as it likes while it goes on: their leases begin anew, every few minutes.

        Nothing happens to those that are entered or closed, and where the register cannot answer: then the leases end as they were.
        """
        last = now()

        def keep() -> None:
            nonlocal last
            instant = now()
            if instant - last >= RENEWED:
                last = instant
                with suppress(Unavailable):  # leases that end too early cost work, never licences
                    self._lease(reservation_ids, instant + LEASE)

        return keep

    def let_go(self, reservation_ids: Sequence[str], now: datetime) -> None:
        """Give the leases of those that are still reserved back, so that the retry or the worker may go on at once."""
        self._lease(reservation_ids, now)

    def give_back(self, client: str, reservation_ids: Sequence[str], reason: str, now: datetime) -> None:
        """Close those of this client that are still reserved, all in one transaction: nobody enters them, and their keys and cases are free again.

        What another client had reserved for the same case is still that one's, and is let go.
        """
        with self._database.write() as connection:
            hold_all(connection, reservation_ids)
            for part in parts(reservation_ids):
                mine = connection.execute(_GIVE_BACK, {"whose": client, "mine": part, "why": reason}).scalars().all()
                connection.execute(NEEDED_NO_MORE, {"mine": mine})
        self.let_go(reservation_ids, now)

    def _lease(self, reservation_ids: Sequence[str], until: datetime) -> None:
        if reservation_ids:
            with self._database.write() as connection:
                hold_all(connection, reservation_ids)
                connection.execute(_LEASE, [{"mine": one, "until": until} for one in reservation_ids])

    def photos(self, digests: Collection[str]) -> dict[str, bytes]:
        """Return those of these photos that are kept, by the digests that stand on faces (without `sha256:`)."""
        wanted, found = sorted(digests), {}
        for part in parts(wanted):
            here = select(photos.c.sha256, photos.c.sealed).where(photos.c.sha256.in_(part))
            with self._database.read() as connection:
                rows = connection.execute(here).all()
            opened = ((row.sha256, self._vault.open(row.sealed, f"photo:{row.sha256}")) for row in rows)
            found.update({digest: jpeg for digest, jpeg in opened if sha256(jpeg) == digest})
        return found

    def photo_bytes(self, digests: Collection[str]) -> dict[str, int]:
        """Return how many bytes those of these photos take that are kept, without fetching any."""
        found: dict[str, int] = {}
        for part in parts(sorted(digests)):
            here = select(photos.c.sha256, func.length(photos.c.sealed)).where(photos.c.sha256.in_(part))
            with self._database.read() as connection:
                found.update((digest, size) for digest, size in connection.execute(here))
        return found

    def _outcome(self, met: RowMapping | int | Refusal, made: Sequence[Reservation]) -> Outcome:
        if isinstance(met, Refusal):
            return met
        return made[met] if isinstance(met, int) else of_row(self._vault, met, made_now=False)

    def _known(self, connection: Connection, wanted: Sequence[Drawn]) -> dict[_Key, RowMapping | int]:
        """Return earlier reservations by key and by case (AI-01)."""
        rows: list[RowMapping] = []
        for part in parts(wanted):
            mine = _MINE & reservations.c.idempotency_key.in_([one.intent.idempotency_key for one in part])
            rows += connection.execute(ROWS.where(mine), {"client": part[0].intent.client}).mappings()
        cases = sorted(ids_of(connection, Kind.CASE, [one.case for one in wanted if one.case]).values())
        for some in parts(cases):
            rows += connection.execute(ROWS.where(reservations.c.id.in_(some))).mappings()
        known: dict[_Key, RowMapping | int] = {(row["client"], row["idempotency_key"]): row for row in rows}
        return known | {("", row["case_key"]): row for row in rows if row["case_key"]}

    def _made(self, connection: Connection, fresh: Sequence[Drawn], now: datetime) -> list[Reservation]:
        """Keep all of it, each with its place in the status lists."""
        if not fresh:
            return []
        self._keep_photos(connection, [one.intent for one in fresh])
        first = count_up_by(connection, STATUS, len(fresh))
        made = [one.written(self._vault, number, now + LEASE) for number, one in enumerate(fresh, first)]
        rows = [{"id": key, **row} for key, (row, _) in zip(next_ids(connection, reservations, len(made)), made, strict=True)]
        insert_all(connection, reservations, rows)
        apart = [{"reservation": row["id"], "sealed": one.draft} for row, one in zip(rows, fresh, strict=True) if one.draft]
        insert_all(connection, drafts, apart)
        add(connection, [pair for row in rows for pair in keys_of(row, row["id"])])
        return [reservation.undrafted() for _, reservation in made]

    def _keep_photos(self, connection: Connection, intents: Sequence[Intent]) -> None:
        given = {digest: jpeg for intent in intents for digest, jpeg in intent.photos.items()}
        wanted = list(given)
        present: set[str] = set()
        for part in parts(wanted):
            present.update(connection.execute(select(photos.c.sha256).where(photos.c.sha256.in_(part))).scalars())
        rows = [{"sha256": digest, "sealed": self._vault.close_up(given[digest], f"photo:{digest}")} for digest in wanted if digest not in present]
        if rows:
            connection.execute(insert(photos), rows)


def _under_way(connection: Connection, licence_ids: Sequence[str]) -> set[str | None]:
    """Return those of the licences on which an act with a document is under way."""
    found: set[str | None] = set()
    going = (reservations.c.state == "reserved") & (reservations.c.version > 0)
    for part in parts(licence_ids):
        here = reservations.c.licence_id.in_(part)
        found.update(connection.execute(select(reservations.c.licence_id).where(going, here)).scalars())
    return found


def _keys(one: Drawn) -> tuple[_Key, ...]:
    own = (one.intent.client, one.intent.idempotency_key)
    return (own, ("", one.case)) if one.case else (own,)
