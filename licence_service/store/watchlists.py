"""Lists that platforms watch: rows whose values are kept blinded only, and the changes that were found (SH-14).

A list looks at the book by place: what was entered since marks the rows that it may concern, and a marked row is judged anew, as is one whose
last day has come. Marks and judgements are told apart by places, so that a judgement that is late never hides a newer line.
"""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection, and_, bindparam, case, delete, func, insert, or_, select, update

from licence_service.errors import NotInRegister, RequestRejected
from licence_service.store.counting import BOOK, hold
from licence_service.store.database import Database
from licence_service.store.parting import parts
from licence_service.store.payload import Vault
from licence_service.store.tables import entries, foundations, licences, lookups
from licence_service.store.tables_of_bulk import watch_changes, watch_lists, watch_rows

MOST_LISTS = 20
_touched = (
    select(entries.c.licence.label("id"))
    .where(entries.c.place > bindparam("looked"), entries.c.place <= bindparam("place"))
    .cte("touched", recursive=True)
)
_touched = _touched.union(select(licences.c.id).join(_touched, licences.c.parent == _touched.c.id))  # what hangs on a licence changes with it
_CONCERNED = select(lookups.c.blind).where(lookups.c.name == "number", lookups.c.licence.in_(select(_touched.c.id)))
_MINE = watch_rows.c.list == bindparam("of")
_MARK = update(watch_rows).where(_MINE, watch_rows.c.seen < bindparam("place")).values(marked=bindparam("place"), until="")
_MARK_CONCERNED = _MARK.where(watch_rows.c.number.in_(_CONCERNED))
_DUE = _MINE & (watch_rows.c.until < bindparam("today"))
_LAW = select(foundations.c.place).where(foundations.c.place > bindparam("looked"), foundations.c.place <= bindparam("place")).limit(1)
_TOLD = select(watch_rows.c.id, watch_rows.c.told).where(watch_rows.c.id.in_(bindparam("rows", expanding=True)))
# A judgement counts unless a later one was quicker; a mark that came meanwhile stays.
_TELL = (
    update(watch_rows)
    .where(
        watch_rows.c.id == bindparam("row"),
        or_(watch_rows.c.seen < bindparam("seen_now"), and_(watch_rows.c.seen == bindparam("seen_now"), watch_rows.c.until < bindparam("today"))),
    )
    .values(
        seen=bindparam("seen_now"), told=bindparam("said"), until=case((watch_rows.c.marked > bindparam("seen_now"), ""), else_=bindparam("holds_until"))
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Watched:
    """A row to be kept: the blind of the whole row, and its values blinded; only the reference can be read back."""

    same: str
    number: str
    plate: str | None
    name: str | None
    type: str | None
    ref: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WatchList:
    """A list: its row in the table, its id, and the place of the book up to which it looked."""

    key: int
    list_id: str
    client: str
    name: str
    looked: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row that is to be judged. `told` is what was told last; None where nothing was judged yet: `since_at` is what its client knew.

    `entered`: the book has lines that may concern it, which were not judged.
    """

    row: int
    number: str
    plate: str | None
    name: str | None
    type: str | None
    since_at: datetime
    since_on: date
    told: str | None
    entered: bool


@dataclass(frozen=True, slots=True)
class Telling:
    """A row's judgement: what is said now, up to which day, what its client knew before anything was told, the recorded time of the entry behind it."""

    row: int
    said: str
    until: date
    known: str
    recorded_at: datetime | None


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a list, numbered from 1."""

    no: int
    ref: str = field(repr=False)
    told: str
    recorded_at: datetime | None
    noted_at: datetime


class WatchLists:
    """The watched lists of all clients."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database, and the vault for references."""
        self._database = database
        self._vault = vault

    def put(self, client: str, name: str, rows: Sequence[Watched], now: datetime, today: date) -> None:
        """Put a list in place of the one of this name: rows that stay keep what was told of them, the others go, new ones begin today.

        `RequestRejected` where the client has `MOST_LISTS` others.
        """
        with self._database.write() as connection:
            key, list_id = self._list(connection, client, name, now)
            present = {same: row for same, row in connection.execute(select(watch_rows.c.same, watch_rows.c.id).where(watch_rows.c.list == key))}  # noqa: C416 - rows
            stays = {one.same for one in rows}
            _forget(connection, [row for same, row in present.items() if same not in stays])
            beside = {"list": key, "since_on": today.isoformat(), "marked": 0, "seen": -1, "until": ""}
            new = [
                {**asdict(one), **beside, "ref": self._vault.close_up(one.ref.encode(), _ref(list_id, one.same))}
                for one in rows
                if one.same not in present
            ]
            if new:
                connection.execute(insert(watch_rows), new)
            hold(connection, BOOK)  # every line before this instant is visible, and none is being written
            place, last = _end(connection)
            since = max(now, last) if last else now
            connection.execute(
                update(watch_rows).where(watch_rows.c.list == key, watch_rows.c.since_at.is_(None)).values(since_at=since, marked=place)
            )
            first = (watch_lists.c.id == key) & (watch_lists.c.looked < 0)
            connection.execute(update(watch_lists).where(first).values(looked=place))

    def _list(self, connection: Connection, client: str, name: str, now: datetime) -> tuple[int, str]:
        hold(connection, f"watch:{client}")  # of two that put the same new list, the second finds it
        mine = select(watch_lists).where(watch_lists.c.client == client)
        rows = {row.name: row for row in connection.execute(mine)}
        if name in rows:
            connection.execute(update(watch_lists).where(watch_lists.c.id == rows[name].id).values(put_at=now))
            return rows[name].id, rows[name].list_id
        if len(rows) >= MOST_LISTS:
            raise RequestRejected(f"a client watches at most {MOST_LISTS} lists")
        list_id = secrets.token_hex(13)
        values = {"list_id": list_id, "client": client, "name": name, "put_at": now, "looked": -1, "last": 0}
        made = connection.execute(insert(watch_lists).values(values)).inserted_primary_key
        return (made[0] if made else 0), list_id

    def get(self, client: str, name: str) -> WatchList:
        """Return a client's list, or `NotInRegister`."""
        mine = (watch_lists.c.client == client) & (watch_lists.c.name == name)
        with self._database.read() as connection:
            row = connection.execute(select(watch_lists).where(mine)).first()
        if row is None:
            raise NotInRegister("no such list")
        return WatchList(row.id, row.list_id, row.client, row.name, row.looked)

    def all(self) -> list[WatchList]:
        """Return every list."""
        with self._database.read() as connection:
            rows = connection.execute(select(watch_lists).order_by(watch_lists.c.id)).all()
        return [WatchList(row.id, row.list_id, row.client, row.name, row.looked) for row in rows]

    def delete(self, client: str, name: str) -> None:
        """Forget a list with its rows and changes."""
        key = self.get(client, name).key
        with self._database.write() as connection:
            _locked(connection, key)
            connection.execute(delete(watch_changes).where(watch_changes.c.list == key))
            connection.execute(delete(watch_rows).where(watch_rows.c.list == key))
            connection.execute(delete(watch_lists).where(watch_lists.c.id == key))

    def mark(self, one: WatchList) -> int:
        """Mark the rows that lines entered since may concern, all of them where the law changed; return the place that was reached."""
        with self._database.read() as connection:
            place, _ = _end(connection)
        if place <= one.looked:
            return one.looked
        with self._database.write() as connection:
            if _locked(connection, one.key) is None:  # whoever writes many rows of a list holds it first, also where another looked further
                return place
            connection.execute(update(watch_lists).where(watch_lists.c.id == one.key, watch_lists.c.looked < place).values(looked=place))
            law = connection.execute(_LAW, {"place": place, "looked": one.looked}).first()
            given = {"of": one.key, "place": place}
            connection.execute(*((_MARK, given) if law else (_MARK_CONCERNED, {**given, "looked": one.looked})))
        return place

    def due(self, one: WatchList, today: date, most: int) -> list[Waiting]:
        """Return rows that are to be judged, `most` at most."""
        wanted = select(watch_rows).where(_DUE).order_by(watch_rows.c.id).limit(most)
        with self._database.read() as connection:
            rows = connection.execute(wanted, {"of": one.key, "today": today.isoformat()}).all()
        return [
            Waiting(
                row.id, row.number, row.plate, row.name, row.type, row.since_at, date.fromisoformat(row.since_on), row.told, row.marked > row.seen
            )
            for row in rows
        ]  # fmt: skip

    def tell(self, one: WatchList, tellings: Sequence[Telling], place: int, today: date, now: datetime) -> None:
        """Keep judgements made after a place was reached, and number the changes; one that another process made is not made twice."""
        with self._database.write() as connection:
            number = _locked(connection, one.key)
            if number is None:
                return  # it was deleted meanwhile
            told = {row: said for row, said in connection.execute(_TOLD, {"rows": [each.row for each in tellings]})}  # noqa: C416 - rows
            for each in tellings:
                given = {"row": each.row, "seen_now": place, "today": today.isoformat(), "said": each.said, "holds_until": each.until.isoformat()}
                if connection.execute(_TELL, given).rowcount and each.said != (told[each.row] or each.known):
                    number += 1
                    values = {"list": one.key, "no": number, "row": each.row, "told": each.said, "recorded_at": each.recorded_at, "noted_at": now}
                    connection.execute(insert(watch_changes).values(values))
            connection.execute(update(watch_lists).where(watch_lists.c.id == one.key).values(last=number))

    def changes(self, one: WatchList, after: int, most: int) -> list[Change]:
        """Return changes numbered beyond `after`, in order, `most` at most."""
        found = select(watch_changes, watch_rows.c.same, watch_rows.c.ref).join(watch_rows, watch_rows.c.id == watch_changes.c.row)
        wanted = found.where(watch_changes.c.list == one.key, watch_changes.c.no > after).order_by(watch_changes.c.no).limit(most)
        with self._database.read() as connection:
            rows = connection.execute(wanted).all()
        return [
            Change(row.no, self._vault.open(row.ref, _ref(one.list_id, row.same)).decode(), row.told, row.recorded_at, row.noted_at) for row in rows
        ]  # fmt: skip


def _ref(list_id: str, same: str) -> str:
    return f"watch:{list_id}:{same}"


def _locked(connection: Connection, key: int) -> int | None:
    """Wait for whoever else writes to a list, and return the number of its last change; None where the list is no more."""
    same = update(watch_lists).where(watch_lists.c.id == key).values(last=watch_lists.c.last).returning(watch_lists.c.last)
    return connection.execute(same).scalar_one_or_none()


def _end(connection: Connection) -> tuple[int, datetime | None]:
    """Return the place of the book's last line and when the newest was recorded."""
    ends = [connection.execute(select(func.max(one.c.place), func.max(one.c.recorded_at))).one() for one in (entries, foundations)]
    return max(place or 0 for place, _ in ends), max((instant for _, instant in ends if instant), default=None)


def _forget(connection: Connection, rows: Sequence[int]) -> None:
    for part in parts(rows):
        connection.execute(delete(watch_changes).where(watch_changes.c.row.in_(part)))
        connection.execute(delete(watch_rows).where(watch_rows.c.id.in_(part)))
