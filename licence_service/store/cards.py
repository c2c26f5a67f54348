"""Cards: licences that holders keep. Every question names the holder, and asks in the database whose a card is before anything is opened."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from licence_service.errors import NotInRegister
from licence_service.fields import comparison_form
from licence_service.store.database import Database
from licence_service.store.holders import row_of
from licence_service.store.loading import load
from licence_service.store.payload import Vault
from licence_service.store.record import Record
from licence_service.store.tables import clients, licences
from licence_service.store.tables_of_holders import cards, holders

_MINE = (
    select(cards, licences.c.licence_id)
    .join(holders, holders.c.id == cards.c.holder)
    .join(licences, licences.c.id == cards.c.licence)
    .where(holders.c.holder_id == bindparam("holder_id"), cards.c.released_at.is_(None))
)
_MINE_OF_IT = _MINE.where(licences.c.licence_id == bindparam("licence_id"))
_LICENCE = select(licences.c.id).where(licences.c.licence_id == bindparam("licence_id"))
_HOST = select(clients.c.id).where(clients.c.name == bindparam("host"))


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose cards, and which of them: types and licences, None for all."""

    holder_id: str
    types: tuple[str, ...] | None = None
    licences: tuple[str, ...] | None = None

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
            found = connection.execute(_MINE_OF_IT.where(*scope.within()), asked).mappings().first()
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
        try:
            with self._database.write() as connection:
                holder = row_of(connection, scope.holder_id)
                row = {
                    "holder": holder, "licence": connection.execute(_LICENCE, {"licence_id": licence_id}).scalar_one(), "held_by": held_by,
                    "how": how, "host": connection.execute(_HOST, {"host": host}).scalar_one_or_none() if host else None,
                    "claimed_at": now, "claimed_by": by,
                }  # fmt: skip
                kept = (cards.c.holder == holder) & (cards.c.licence == row["licence"]) & cards.c.released_at.is_(None)
                earlier = connection.execute(select(cards.c.id, cards.c.held_by).where(kept)).first()
                if earlier is not None and earlier.held_by == held_by:
                    return False
                if earlier is not None:  # the face names its holder otherwise since
                    connection.execute(update(cards).where(cards.c.id == earlier.id).values(released_at=now, released_by=by))
                connection.execute(insert(cards).values(row))
        except IntegrityError:  # claimed twice at the same moment
            return False
        return True

    def release(self, scope: Scope, licence_id: str, by: str, now: datetime) -> None:
        """Give a card back: the licence stays what it is. `NotInRegister` where it is no card of theirs."""
        asked = {"holder_id": scope.holder_id, "licence_id": licence_id}
        with self._database.write() as connection:
            found = connection.execute(_MINE_OF_IT.where(*scope.within()), asked).mappings().first()
            if found is None:
                raise NotInRegister
            connection.execute(update(cards).where(cards.c.id == found["id"]).values(released_at=now, released_by=by))

    def which(self, scope: Scope, licence_ids: Sequence[str]) -> frozenset[str]:
        """Return which of some licences are cards of this scope."""
        mine = _MINE.where(*scope.within(), licences.c.licence_id.in_(licence_ids))
        with self._database.read() as connection:
            return frozenset(row["licence_id"] for row in connection.execute(mine, {"holder_id": scope.holder_id}).mappings())


def _card(record: Record, row: Any) -> Card:  # noqa: ANN401 - a row
    return Card(record, row["claimed_at"], row["how"], row["held_by"])
