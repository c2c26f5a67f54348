"""Cards: licences that holders keep. Every question names the holder, and asks in the database whose a card is before anything is opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from licence_service.errors import NotInRegister
from licence_service.fields import comparison_form
from licence_service.store.arrivals import arrived, tell
from licence_service.store.database import Database
from licence_service.store.deadline_looks import look_soon
from licence_service.store.holders import row_of
from licence_service.store.loading import load
from licence_service.store.parting import parts
from licence_service.store.payload import Vault
from licence_service.store.record import Record
from licence_service.store.tables import clients, licences
from licence_service.store.tables_of_consents import consents
from licence_service.store.tables_of_holders import cards, holders
from licence_service.store.tables_of_lending import lendings

BY_THE_BOOK = "book"  # who released a card whose licence went to another holder
_MINE = (
    select(cards, licences.c.licence_id)
    .join(holders, holders.c.id == cards.c.holder)
    .join(licences, licences.c.id == cards.c.licence)
    .where(holders.c.holder_id == bindparam("holder_id"), cards.c.released_at.is_(None))
)
_MINE_OF_IT = _MINE.where(licences.c.licence_id == bindparam("licence_id"))
_LENT_NO_MORE = (
    update(lendings)
    .where(lendings.c.holder == select(holders.c.holder_id).where(holders.c.id == bindparam("of_holder")).scalar_subquery())
    .where(lendings.c.licence == bindparam("of_licence"), lendings.c.revoked_at.is_(None), lendings.c.until > bindparam("at"))
    .values(revoked_at=bindparam("at"))
)
_SEEN_NO_MORE = (
    update(consents)
    .where(consents.c.holder == bindparam("of_holder"), consents.c.licence == bindparam("of_licence"), consents.c.ended_at.is_(None))
    .values(ended_at=bindparam("at"), ended_by=bindparam("who"))
)
_HELD = (  # the rows of licences, while they are cards of the holder; locked, as whoever ends cards locks them, and in that order
    select(licences.c.licence_id, cards.c.licence)
    .join(holders, holders.c.id == cards.c.holder)
    .join(licences, licences.c.id == cards.c.licence)
    .where(holders.c.holder_id == bindparam("holder_id"), cards.c.released_at.is_(None))
    .where(licences.c.licence_id.in_(bindparam("licence_ids", expanding=True)))
    .order_by(cards.c.id)
    .with_for_update(of=cards)
)
_HOST = select(clients.c.id).where(clients.c.name == bindparam("host"))


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose cards, and which of them: types and licences, None for all."""

    holder_id: str
    types: tuple[str, ...] | None = None
    licences: tuple[str, ...] | None = None

    def covers(self, kind: str, licence_id: str | None = None) -> bool:
        """Say whether a licence of a type is within; without an id, whether any of the type may be."""
        return (self.types is None or kind in self.types) and (self.licences is None or licence_id is None or licence_id in self.licences)

    def within(self) -> list[ColumnElement[bool]]:
        """Return what else the row of a licence must say."""
        narrowed: list[ColumnElement[bool]] = []
        if self.types is not None:
            narrowed.append(licences.c.type.in_(self.types))
        if self.licences is not None:
            narrowed.append(licences.c.licence_id.in_(self.licences))
        return narrowed


@dataclass(frozen=True, slots=True)
class Card:
    """A licence that a holder keeps; `held_by` is the blinded holder on its face when it was claimed."""

    record: Record
    claimed_at: datetime
    how: str
    held_by: str


class KeptCards:
    """The cards of all holders."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database, and the vault whose key blinds values."""
        self._database = database
        self._vault = vault

    def held_by(self, holder: str) -> str:
        """Return the blinded form of a holder as the face names them."""
        return self._vault.blind("holder", comparison_form(holder))

    def one(self, scope: Scope, licence_id: str) -> Card:
        """Return one card; `NotInRegister` for any licence that is none of them, whether it exists or not."""
        with self._database.read() as connection:
            asked = {"holder_id": scope.holder_id, "licence_id": licence_id}
            narrowed = scope.within()  # a statement that is built anew is compiled anew: it takes as long as a signature
            found = connection.execute(_MINE_OF_IT.where(*narrowed) if narrowed else _MINE_OF_IT, asked).mappings().first()
            if found is None:
                raise NotInRegister
            return _card(load(connection, self._vault, [licence_id])[0], found)

    def all(self, scope: Scope, *, after: int = 0, limit: int = 100) -> tuple[list[Card], int | None]:
        """Return cards in the order in which they were claimed, and the number to go on after; None where there are no more."""
        mine = _MINE.where(*scope.within(), cards.c.id > after).order_by(cards.c.id).limit(limit + 1)
        with self._database.read() as connection:
            found = connection.execute(mine, {"holder_id": scope.holder_id}).mappings().all()
            records = {one.licence_id: one for one in load(connection, self._vault, [row["licence_id"] for row in found[:limit]])}
        shown = [_card(records[row["licence_id"]], row) for row in found[:limit]]
        return shown, int(found[limit - 1]["id"]) if len(found) > limit else None

    def keep(self, scope: Scope, licence_id: str, held_by: str, how: str, host: str | None, by: str, now: datetime) -> bool:
        """Keep a licence as a card; False where it is one already."""
        return bool(self.keep_all(scope, {licence_id: held_by}, how, host, by, now))

    def keep_all(self, scope: Scope, claimed: Mapping[str, str], how: str, host: str | None, by: str, now: datetime) -> frozenset[str]:
        """Keep licences as cards, each with the blinded holder on its face, all or none; return which are so from now on."""
        try:
            with self._database.write() as connection:
                holder, before = row_of(connection, scope.holder_id), self._kept(connection, scope, list(claimed))
                through = connection.execute(_HOST, {"host": host}).scalar_one_or_none() if host else None
                new = {one: held_by for one, held_by in claimed.items() if one not in before or before[one]["held_by"] != held_by}
                _release(connection, [before[one]["id"] for one in new if one in before], by, now)  # the face names its holder otherwise since
                keys = _keys(connection, list(new))
                rows = [
                    {"holder": holder, "licence": keys[one], "held_by": held_by, "how": how, "host": through, "claimed_at": now, "claimed_by": by}
                    for one, held_by in sorted(new.items())  # in one order: who claims the same at this moment waits, and finds them claimed
                ]  # fmt: skip
                if rows:
                    connection.execute(insert(cards), rows)
                    look_soon(connection, keys.values())
                    tell(connection, self._vault, [arrived(one, "card") for one in new], now)
        except IntegrityError:  # claimed twice at the same moment
            return frozenset()
        return frozenset(new)

    def release(self, scope: Scope, licence_id: str, by: str, now: datetime) -> None:
        """Give a card back: the licence stays what it is, and what is lent of it is over. `NotInRegister` where it is no card of theirs."""
        asked = {"holder_id": scope.holder_id, "licence_id": licence_id}
        with self._database.write() as connection:
            found = connection.execute(_MINE_OF_IT.where(*scope.within()), asked).mappings().first()
            if found is None:
                raise NotInRegister
            _release(connection, [found["id"]], by, now)

    def types(self, scope: Scope) -> frozenset[str]:
        """Return the certificate types of a scope's cards."""
        asked = _MINE.with_only_columns(licences.c.type).where(*scope.within()).distinct()
        with self._database.read() as connection:
            return frozenset(connection.execute(asked, {"holder_id": scope.holder_id}).scalars())

    def which(self, scope: Scope, licence_ids: Sequence[str]) -> Mapping[str, str]:
        """Return which of some licences are cards of this scope: licence id → the blinded holder on its face when it was claimed."""
        with self._database.read() as connection:
            return {one: str(row["held_by"]) for one, row in self._kept(connection, scope, licence_ids).items()}

    @staticmethod
    def _kept(connection: Connection, scope: Scope, licence_ids: Sequence[str]) -> dict[str, RowMapping]:
        asked = (_MINE.where(*scope.within(), licences.c.licence_id.in_(part)) for part in parts(sorted(licence_ids)))
        return {row["licence_id"]: row for one in asked for row in connection.execute(one, {"holder_id": scope.holder_id}).mappings()}


def hold(connection: Connection, holder_id: str, licence_id: str) -> int:
    """Return the key of a licence's row, and keep it a card of the holder until the end of the transaction; `NotInRegister` where it is none.

    Who gives the card back meanwhile waits, and finds what was entered to end it with the card.
    """
    return hold_all(connection, holder_id, [licence_id])[licence_id]


def hold_all(connection: Connection, holder_id: str, licence_ids: Sequence[str]) -> dict[str, int]:
    """Return the same for some licences, by their ids; `NotInRegister` where one of them is no card."""
    found = {row.licence_id: int(row.licence) for row in connection.execute(_HELD, {"holder_id": holder_id, "licence_ids": licence_ids})}
    if found.keys() != set(licence_ids):
        raise NotInRegister
    return found


def licences_of(scope: Scope) -> Select[int, str]:
    """Return the statement that finds row and id of the licences that are cards of a scope now."""
    return _MINE.with_only_columns(licences.c.id, licences.c.licence_id).where(*scope.within()).params(holder_id=scope.holder_id)


def part_with(connection: Connection, held_by: Mapping[int, str], at: datetime) -> None:
    """Take licences whose new document names its holder otherwise from who kept them: row of the licence → the blinded holder on it now."""
    kept = select(cards.c.id, cards.c.licence, cards.c.held_by).where(cards.c.released_at.is_(None))
    found = (row for part in parts(held_by) for row in connection.execute(kept.where(cards.c.licence.in_(part))))
    _release(connection, [row.id for row in found if row.held_by != held_by[row.licence]], BY_THE_BOOK, at)


def _release(connection: Connection, ids: Sequence[int], by: str, at: datetime) -> None:
    """End cards, and with each of them what its holder has lent of the licence (SH-12), and agreed that companies see of it, and is not over yet."""
    for part in parts(sorted(ids)):
        # All in one order, whoever takes several.
        connection.execute(select(cards.c.id).where(cards.c.id.in_(part)).order_by(cards.c.id).with_for_update())
        over = update(cards).where(cards.c.id.in_(part)).values(released_at=at, released_by=by).returning(cards.c.holder, cards.c.licence)
        for row in connection.execute(over).all():
            connection.execute(_LENT_NO_MORE, {"of_holder": row.holder, "of_licence": row.licence, "at": at})
            connection.execute(_SEEN_NO_MORE, {"of_holder": row.holder, "of_licence": row.licence, "at": at, "who": by})


def _keys(connection: Connection, licence_ids: Sequence[str]) -> dict[str, int]:
    asked = (select(licences.c.licence_id, licences.c.id).where(licences.c.licence_id.in_(part)) for part in parts(licence_ids))
    return {row.licence_id: row.id for one in asked for row in connection.execute(one)}


def _card(record: Record, row: Any) -> Card:  # noqa: ANN401 - a row
    return Card(record, row["claimed_at"], row["how"], row["held_by"])
