"""Showings of licences, and who scanned a show code first: exact however many processes ask at once (DOMAIN §2d, SH-07).

A showing ties codes to a log-in. Of a code itself nothing is kept before it is scanned, and then only its nonce and a digest of who scanned it,
for a day longer than it lives.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from licence_service.store.database import Database
from licence_service.store.reads import Read, enter_read
from licence_service.store.sweeping import sweep
from licence_service.store.tables import licences
from licence_service.store.tables_of_holders import cards, delegations, holders
from licence_service.store.tables_of_lending import ended_logins, showings, shown_nonces

FIRST, AGAIN, TAKEN = "first", "again", "taken"
KEPT = timedelta(days=1)  # beyond a code's life
_SHOWING_KEPT = timedelta(days=2)  # a binding is of one day, and codes of its last minute live on


def _once(dialect: Any, table: Any, *columns: str) -> Any:  # noqa: ANN401 - both dialects know this statement, the library's common form does not
    return dialect.insert(table).values({one: bindparam(one) for one in columns}).on_conflict_do_nothing()


_DIALECTS = {"sqlite": sqlite, "postgresql": postgresql}
_NONCE = {
    name: _once(one, shown_nonces, "nonce", "checker", "at", "forget_at").returning(shown_nonces.c.nonce) for name, one in _DIALECTS.items()
}  # fmt: skip
_SHOWING = {name: _once(one, showings, "binding", "licence", "holder", "session", "delegation", "begun_at") for name, one in _DIALECTS.items()}
_CHECKER = select(shown_nonces.c.checker).where(shown_nonces.c.nonce == bindparam("nonce"))
_ENDED = {name: _once(one, ended_logins, "session", "at") for name, one in _DIALECTS.items()}
_BY_BINDING = (
    select(
        licences.c.licence_id, showings.c.holder, showings.c.session, showings.c.delegation,
        func.coalesce(ended_logins.c.at, delegations.c.ended_at).label("ended_at"),
    )
    .join(licences, licences.c.id == showings.c.licence)
    .join(ended_logins, ended_logins.c.session == showings.c.session, isouter=True)
    .join(delegations, delegations.c.delegation_id == showings.c.delegation, isouter=True)
    .where(showings.c.binding == bindparam("binding"))
)  # fmt: skip
_CARD = (  # of whom the code shows: one that was kept when it was made, and still at an instant
    select(cards.c.held_by)
    .join(holders, holders.c.id == cards.c.holder)
    .where(holders.c.holder_id == showings.c.holder, cards.c.licence == showings.c.licence, cards.c.claimed_at < bindparam("made_before"))
    .where(or_(cards.c.released_at.is_(None), cards.c.released_at > bindparam("at")))
    .limit(1)
    .scalar_subquery()
)
_STANDING = _BY_BINDING.add_columns(_CARD.label("held_by"))
_OVER = select(ended_logins.c.at).where(ended_logins.c.session == bindparam("session"))
_KEY = select(licences.c.id).where(licences.c.licence_id == bindparam("licence_id"))


@dataclass(frozen=True, slots=True)
class Showing:
    """A log-in under which a holder, or who acts for one under a `delegation`, shows one licence; nothing is shown once either has ended.

    `held_by` is the blinded holder on the card that is shown, where `Showings.standing` found one.
    """

    licence_id: str
    holder_id: str
    session: str
    delegation: str | None = None
    ended_at: datetime | None = None
    held_by: str | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan of a code: its nonce, a digest of who scanned, and when; the code's end says how long that is remembered."""

    nonce: bytes
    checker: str
    at: datetime
    expires_at: datetime


class Showings:
    """The list of showings, and of scanned nonces."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def of(self, binding: bytes) -> Showing | None:
        """Return the showing that a code is bound to, or None."""
        with self._database.read() as connection:
            row = connection.execute(_BY_BINDING, {"binding": binding.hex()}).first()
        return Showing(row.licence_id, row.holder, row.session, row.delegation, row.ended_at) if row else None

    def standing(self, binding: bytes, made_at: datetime, at: datetime) -> Showing | None:
        """Return the same, with the card for a code that was made at `made_at`, of whole seconds, where it is still one at an instant."""
        asked = {"binding": binding.hex(), "made_before": made_at + timedelta(seconds=1), "at": at}
        with self._database.read() as connection:
            row = connection.execute(_STANDING, asked).first()
        return Showing(row.licence_id, row.holder, row.session, row.delegation, row.ended_at, row.held_by) if row else None

    def begin(self, binding: bytes, showing: Showing, now: datetime) -> None:
        """Enter a showing where it is not there; what is over long enough is forgotten."""
        with self._database.write() as connection:
            sweep(connection, showings, showings.c.begun_at < now - _SHOWING_KEPT)
            sweep(connection, ended_logins, ended_logins.c.at < now - _SHOWING_KEPT)
            sweep(connection, shown_nonces, shown_nonces.c.forget_at < now)
            key = connection.execute(_KEY, {"licence_id": showing.licence_id}).scalar_one()
            row = {
                "binding": binding.hex(), "licence": key, "holder": showing.holder_id, "session": showing.session, "delegation": showing.delegation,
                "begun_at": now,
            }  # fmt: skip
            connection.execute(_SHOWING[connection.dialect.name], row)

    def end(self, session: str, now: datetime) -> None:
        """End a log-in: its codes are over with it, and no more are made under it."""
        with self._database.write() as connection:
            connection.execute(_ENDED[connection.dialect.name], {"session": session, "at": now})

    def ended(self, session: str) -> bool:
        """Say whether a log-in is over."""
        with self._database.read() as connection:
            return connection.execute(_OVER, {"session": session}).first() is not None

    def scanned(self, scan: Scan, now: datetime, read: Read | None = None) -> str:
        """Enter a scan and say whose its code is: the first checker has it, and may ask again; for every other it is taken.

        With the first scan the holder's list gets its `read`, in the same transaction; a scan that comes second adds nothing.
        """
        row = {"nonce": scan.nonce.hex(), "checker": scan.checker, "at": scan.at, "forget_at": max(scan.expires_at, now) + KEPT}
        with self._database.write() as connection:
            first = connection.execute(_NONCE[connection.dialect.name], row).first() is not None
            if first and read:
                enter_read(connection, read)
            if first:
                return FIRST
            return AGAIN if connection.execute(_CHECKER, {"nonce": row["nonce"]}).scalar_one() == scan.checker else TAKEN
