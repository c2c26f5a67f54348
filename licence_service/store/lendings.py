"""Lendings (授权用证): a licence lent to a named receiver for a purpose, by a code that is kept as its digest, or as a marked copy (DOMAIN SH-12).

Receiver, purpose and the names of the fields lie encrypted. Uses are counted exactly: each is a row with the next number.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, bindparam, func, insert, select, update

from licence_service.errors import NotInRegister
from licence_service.store.cards import hold
from licence_service.store.database import Database
from licence_service.store.payload import Vault, token_digest
from licence_service.store.reads import Read, enter_read
from licence_service.store.tables import licences
from licence_service.store.tables_of_lending import lendings, lent_copies, lent_uses

LIVING, REVOKED, EXPIRED, USED_UP = "living", "revoked", "expired", "used_up"
STANDINGS = (LIVING, REVOKED, EXPIRED, USED_UP)


@dataclass(frozen=True, slots=True)
class Copy:
    """A sealed copy with its mark: digest of the file, the licence's version that it shows, and its seal."""

    document_sha256: str
    version: int
    certificate_sha256: str
    sealed_at: datetime


@dataclass(frozen=True, slots=True)
class Lending:
    """One lending. `client` is the registered system that alone may read it; without one whoever names the receiver may. `used` of `uses` are gone."""

    lending_id: str
    licence_id: str
    holder_id: str
    client: str | None
    uses: int
    made_at: datetime
    until: datetime
    receiver: str = field(repr=False)
    purpose: str = field(repr=False)
    fields: tuple[str, ...] = ()
    revoked_at: datetime | None = None
    used: int = 0
    copy: Copy | None = None

    def standing(self, now: datetime) -> str:
        """Return whether it may still be used, or why not; the term's last instant is outside it."""
        if self.revoked_at:
            return REVOKED
        if now >= self.until:
            return EXPIRED
        return USED_UP if self.used >= self.uses else LIVING

    def standing_of_copy(self, now: datetime) -> str:
        """Return how the copy stands: uses are those of the code, and a copy is good until the term is over or the lending taken back."""
        found = self.standing(now)
        return LIVING if found == USED_UP else found


def new_lending_id() -> str:
    """Draw the id of a lending."""
    return secrets.token_hex(13)


@dataclass(frozen=True, slots=True)
class Lendings:
    """The list of lendings; the vault is for receiver and purpose."""

    database: Database
    vault: Vault = field(repr=False)

    def enter(self, one: Lending, code: str, by: str, host: str | None) -> Lending:
        """Enter a lending with its code, and with its copy where there is one, all or nothing; `by` is the person who acts, through a `host` or not.

        Return it, or the one of this id that is there already. `NotInRegister` where the licence is no card of the holder any more: who gives a
        card back meanwhile waits for this, and finds what to revoke.
        """
        said = {"receiver": one.receiver, "purpose": one.purpose, "fields": list(one.fields)}
        with self.database.write() as connection:
            licence = hold(connection, one.holder_id, one.licence_id)
            if present := connection.execute(_NAMED, {"lending_id": one.lending_id}).first():
                return self._read(present)
            row = {
                "lending_id": one.lending_id, "code_digest": token_digest(code), "licence": licence, "holder": one.holder_id, "client": one.client,
                "made_by": by, "host": host,
                "sealed": self.vault.close_json(said, f"lending:{one.lending_id}"), "uses": one.uses, "made_at": one.made_at, "until": one.until,
            }  # fmt: skip
            key = connection.execute(insert(lendings).values(row).returning(lendings.c.id)).scalar_one()
            if one.copy:
                copied = {
                    "lending": key, "document_sha256": one.copy.document_sha256, "version": one.copy.version,
                    "certificate_sha256": one.copy.certificate_sha256, "sealed_at": one.copy.sealed_at,
                }  # fmt: skip
                connection.execute(insert(lent_copies).values(copied))
        return one

    def by_id(self, lending_id: str) -> Lending | None:
        """Return a lending by its id, or None."""
        return self._one(_whole().where(lendings.c.lending_id == lending_id))

    def by_code(self, code: str) -> Lending | None:
        """Return the lending that a code opens, or None."""
        return self._one(_whole().where(lendings.c.code_digest == token_digest(code)))

    def by_document(self, document_sha256: str) -> Lending | None:
        """Return the lending whose copy a file is, byte for byte, or None."""
        return self._one(_whole().where(lent_copies.c.document_sha256 == document_sha256))

    def named(self, lending_id: str, licence_id: str) -> Lending:
        """Return a lending of a licence; `NotInRegister` where there is none."""
        found = self._one(_whole().where(lendings.c.lending_id == lending_id, licences.c.licence_id == licence_id))
        if found is None:
            raise NotInRegister("no such lending")
        return found

    def of(self, licence_id: str, holder_id: str, limit: int = 200, skip: int = 0) -> list[Lending]:
        """Return the lendings that a holder made of a licence, newest first, without the first `skip`."""
        mine = _whole().where(licences.c.licence_id == licence_id, lendings.c.holder == holder_id)
        with self.database.read() as connection:
            return [self._read(row) for row in connection.execute(mine.order_by(lendings.c.id.desc()).limit(limit).offset(skip))]

    def revoke(self, one: Lending, now: datetime) -> None:
        """Revoke a lending at once; doing it again changes nothing."""
        mine = (lendings.c.lending_id == one.lending_id) & lendings.c.revoked_at.is_(None)
        with self.database.write() as connection:
            connection.execute(update(lendings).where(mine).values(revoked_at=now))

    def use(self, one: Lending, now: datetime, read: Read) -> Lending:
        """Take one use of a lending and enter who read; return the lending as it stands then.

        Where it cannot be used any more nothing is taken or entered, and its standing says why. The row is locked: of those who ask at once
        for the last use one has it.
        """
        with self.database.write() as connection:
            connection.execute(select(lendings.c.id).where(lendings.c.lending_id == one.lending_id).with_for_update())
            row = connection.execute(_whole(lendings.c.id.label("key")).where(lendings.c.lending_id == one.lending_id)).one()
            found = self._read(row)
            if found.standing(now) == LIVING:
                connection.execute(insert(lent_uses).values(lending=row.key, no=found.used + 1, at=now))
                enter_read(connection, read)
        return found

    def _one(self, wanted: Select[Any]) -> Lending | None:
        with self.database.read() as connection:
            row = connection.execute(wanted).first()
        return self._read(row) if row else None

    def _read(self, row: Row[Any]) -> Lending:
        said = self.vault.open_json(row.sealed, f"lending:{row.lending_id}")
        copy = Copy(row.document_sha256, row.version, row.certificate_sha256, row.sealed_at) if row.document_sha256 else None
        return Lending(
            row.lending_id, row.licence_id, row.holder, row.client, row.uses, row.made_at, row.until, said["receiver"], said["purpose"],
            tuple(said["fields"]), row.revoked_at, row.used, copy,
        )  # fmt: skip


def _whole(*more: Any) -> Select[Any]:  # noqa: ANN401 - columns
    used = select(func.count()).select_from(lent_uses).where(lent_uses.c.lending == lendings.c.id).scalar_subquery()
    copied = (lent_copies.c.document_sha256, lent_copies.c.version, lent_copies.c.certificate_sha256, lent_copies.c.sealed_at)
    return (
        select(
            lendings.c.lending_id, licences.c.licence_id, lendings.c.holder, lendings.c.client, lendings.c.uses, lendings.c.made_at, lendings.c.until,
            lendings.c.sealed, lendings.c.revoked_at, used.label("used"), *copied, *more,
        )
        .join(licences, licences.c.id == lendings.c.licence)
        .join(lent_copies, lent_copies.c.lending == lendings.c.id, isouter=True)
    )  # fmt: skip


_NAMED = _whole().where(lendings.c.lending_id == bindparam("lending_id"))
