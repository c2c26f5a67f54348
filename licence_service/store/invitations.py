"""Invitations: an address by which a company asks persons to let it see their licences, one at a time (DOMAIN SH-14).

The code follows from the invitation's id under a secret of the register: the company can be shown it again, and only its digest is kept.
"""

import secrets
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from licence_service.identifiers import delivery_code_under
from licence_service.store.database import Database
from licence_service.store.holders import row_of
from licence_service.store.hourly import must_be_below
from licence_service.store.payload import Vault, token_digest
from licence_service.store.tables_of_consents import invitations
from licence_service.store.tables_of_holders import holders

MOST_AN_HOUR = 30  # invitations of one company
_LIVING = (
    select(invitations, holders.c.holder_id)
    .join(holders, holders.c.id == invitations.c.company)
    .where(invitations.c.ended_at.is_(None), invitations.c.last_on >= bindparam("today"))
)
_OF_COMPANY = _LIVING.where(holders.c.holder_id == bindparam("company"))
_MADE = select(invitations.c.id).where(invitations.c.code_digest == bindparam("code_digest"))
_BY_CODE = _LIVING.where(invitations.c.code_digest == bindparam("code_digest"))


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that may be used, the company's holder id, its code, and the last day on which it may."""

    key: int
    company: str
    code: str = field(repr=False)
    made_at: datetime
    last_on: date


@dataclass(frozen=True, slots=True)
class Invitations:
    """The invitations of all companies; those that are over keep their rows."""

    database: Database
    vault: Vault = field(repr=False)

    def make(self, company: str, last_on: date, by: str, host: str | None, now: datetime) -> Invitation:
        """Make an invitation in the place of the one that there is. `CeilingReached` where the company made too many in the last hour."""
        invitation_id = secrets.token_hex(13)
        code = self._code(invitation_id)
        with self.database.write() as connection:
            key = row_of(connection, company)
            connection.execute(select(holders.c.id).where(holders.c.id == key).with_for_update())  # one at a time
            must_be_below(connection, invitations.c.made_at, invitations.c.company == key, MOST_AN_HOUR, "invitations", now)
            _end(connection, key, by, now)
            row = {
                "invitation_id": invitation_id, "company": key, "code_digest": token_digest(code), "made_at": now, "made_by": by, "host": host,
                "last_on": last_on.isoformat(),
            }  # fmt: skip
            made = connection.execute(insert(invitations).values(row).returning(invitations.c.id)).scalar_one()
        return Invitation(made, company, code, now, last_on)

    def end(self, company: str, by: str, now: datetime) -> None:
        """End the invitation that there is; consents that were given under it stay."""
        with self.database.write() as connection:
            _end(connection, row_of(connection, company), by, now)

    def of(self, company: str, today: date) -> Invitation | None:
        """Return the invitation of a company that may be used today, or None."""
        with self.database.read() as connection:
            row = connection.execute(_OF_COMPANY, {"company": company, "today": today.isoformat()}).first()
        return self._read(row) if row else None

    def by_code(self, code: str, today: date) -> Invitation | None:
        """Return the invitation that a code opens today, or None."""
        with self.database.read() as connection:
            row = living(connection, code, today)
        return self._read(row) if row else None

    def made(self, code: str) -> bool:
        """Say whether a code was ever that of an invitation."""
        with self.database.read() as connection:
            return connection.execute(_MADE, {"code_digest": token_digest(code)}).first() is not None

    def _read(self, row: Row[Any]) -> Invitation:
        return Invitation(row.id, row.holder_id, self._code(row.invitation_id), row.made_at, date.fromisoformat(row.last_on))

    def _code(self, invitation_id: str) -> str:
        return delivery_code_under(self.vault.blind("invitation-code", invitation_id))


def living(connection: Connection, code: str, today: date) -> Row[Any] | None:
    """Return the row of the invitation that a code opens today, with the `holder_id` of its company."""
    return connection.execute(_BY_CODE, {"code_digest": token_digest(code), "today": today.isoformat()}).first()


def _end(connection: Connection, company: int, by: str, now: datetime) -> None:
    mine = (invitations.c.company == company) & invitations.c.ended_at.is_(None)
    connection.execute(update(invitations).where(mine).values(ended_at=now, ended_by=by))
