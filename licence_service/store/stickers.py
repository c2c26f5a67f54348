"""Stickers: codes of their own kind for the inside of a vehicle, opaque, revocable, stored as digests only (DOMAIN §2d, SH-10)."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update

from licence_service.errors import NotInRegister
from licence_service.store.database import Database
from licence_service.store.payload import token_digest
from licence_service.store.tables import licences
from licence_service.store.tables_of_showing import stickers

_DRIVERS = licences.alias("drivers")
_ROW = (
    select(
        stickers.c.sticker_id,
        stickers.c.issued_at,
        stickers.c.revoked_at,
        licences.c.licence_id,
        _DRIVERS.c.licence_id.label("driver_id"),
    )
    .join(licences, licences.c.id == stickers.c.licence)
    .join(_DRIVERS, _DRIVERS.c.id == stickers.c.driver, isouter=True)
)


@dataclass(frozen=True, slots=True)
class Sticker:
    """One sticker: of which vehicle's licence, perhaps of which driver's, from when, and since when it is revoked."""

    sticker_id: str
    licence_id: str
    driver_id: str | None
    issued_at: datetime
    revoked_at: datetime | None


class Stickers:
    """The list of stickers."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def issue(self, licence_id: str, driver_id: str | None, code: str, by: str, now: datetime) -> Sticker:
        """Enter a sticker with its code, which is stored only as a digest."""
        sticker_id = secrets.token_hex(13)
        with self._database.write() as connection:
            wanted = [one for one in (licence_id, driver_id) if one]
            found = select(licences.c.licence_id, licences.c.id).where(licences.c.licence_id.in_(wanted))
            keys = {row.licence_id: row.id for row in connection.execute(found)}
            row = {
                "sticker_id": sticker_id, "code_digest": token_digest(code), "licence": keys[licence_id], "driver": keys[driver_id] if driver_id else None,
                "issued_at": now, "issued_by": by,
            }  # fmt: skip
            connection.execute(insert(stickers).values(row))
        return Sticker(sticker_id, licence_id, driver_id, now, None)

    def by_code(self, code: str) -> Sticker | None:
        """Return the sticker that holds a code, revoked or not."""
        with self._database.read() as connection:
            row = connection.execute(_ROW.where(stickers.c.code_digest == token_digest(code))).first()
        return Sticker(row.sticker_id, row.licence_id, row.driver_id, row.issued_at, row.revoked_at) if row else None

    def of(self, licence_id: str) -> list[Sticker]:
        """Return all stickers of a licence, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(_ROW.where(licences.c.licence_id == licence_id).order_by(stickers.c.id)).all()
        return [Sticker(row.sticker_id, row.licence_id, row.driver_id, row.issued_at, row.revoked_at) for row in rows]

    def revoke(self, licence_id: str, sticker_id: str, by: str, now: datetime) -> None:
        """Revoke a sticker of a licence; doing it again changes nothing. `NotInRegister` where it has no such sticker."""
        mine = (stickers.c.sticker_id == sticker_id) & (
            stickers.c.licence == select(licences.c.id).where(licences.c.licence_id == licence_id).scalar_subquery()
        )
        with self._database.write() as connection:
            if connection.execute(select(stickers.c.id).where(mine)).first() is None:
                raise NotInRegister("no such sticker")
            live = mine & stickers.c.revoked_at.is_(None)
            connection.execute(update(stickers).where(live).values(revoked_at=now, revoked_by=by))
