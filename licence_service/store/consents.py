"""Consents: what a person lets a company see of a licence in its list of persons, until a day, withdrawn at any moment (DOMAIN SH-14, M7)."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, exists, insert, select, update

from licence_service.errors import NotInRegister
from licence_service.licence import beijing_day
from licence_service.store.cards import Card, Scope, hold_all
from licence_service.store.database import Database
from licence_service.store.holders import row_of
from licence_service.store.invitations import living
from licence_service.store.loading import load
from licence_service.store.payload import Vault
from licence_service.store.tables import licences
from licence_service.store.tables_of_consents import consents
from licence_service.store.tables_of_holders import cards, holders
from licence_service.store.tables_of_lending import reads

LIVING, WITHDRAWN, EXPIRED = "living", "withdrawn", "expired"
STANDINGS = (LIVING, WITHDRAWN, EXPIRED)


@dataclass(frozen=True, slots=True)
class Consent:
    """One consent: ids of the company and of the person who gave it, the licence, and the last day on which it holds."""

    consent_id: str
    company: str
    holder_id: str
    licence_id: str
    given_at: datetime
    last_on: date
    ended_at: datetime | None = None

    def standing(self, now: datetime) -> str:
        """Return how it stands: what was over with its day is not withdrawn any more."""
        if self.ended_at and beijing_day(self.ended_at) <= self.last_on:
            return WITHDRAWN
        return LIVING if self.ended_at is None and beijing_day(now) <= self.last_on else EXPIRED


@dataclass(frozen=True, slots=True)
class Staffed:
    """A line of a company's list: the consent, the card that it is about, the key of the licence's row.

    `noted`: it is kept already that who asks looked today.
    """

    consent: Consent
    card: Card
    key: int
    noted: bool


@dataclass(frozen=True, slots=True)
class Given:
    """A consent to be given: by whom, through which host app, for which licences, under which code, and until which day."""

    holder_id: str
    by: str
    host: str | None
    licences: Sequence[str]
    code: str = field(repr=False)
    last_on: date


@dataclass(frozen=True, slots=True)
class Consents:
    """All consents; what is over keeps its row."""

    database: Database
    vault: Vault = field(repr=False)

    def give(self, given: Given, now: datetime) -> list[Consent]:
        """Give consents, all or none, and return them as they stand then.

        One that the company has already is prolonged where the new day is later, and else stays as it is. `NotInRegister` where the code opens no
        invitation, or a licence is no card of who gives.
        """
        today = beijing_day(now)
        with self.database.write() as connection:
            invitation = living(connection, given.code, today)
            if invitation is None:
                raise NotInRegister("no such invitation")
            holder = row_of(connection, given.holder_id)
            for licence in hold_all(connection, given.holder_id, given.licences).values():
                _give(connection, {"company": invitation.company, "holder": holder, "licence": licence}, invitation.id, given, now)
            wanted = _OPEN.where(consents.c.company == invitation.company, consents.c.holder == holder, licences.c.licence_id.in_(given.licences))
            found = {row.licence_id: _read(row) for row in connection.execute(wanted)}
        return [found[one] for one in given.licences]

    def of(self, licence_id: str, holder_id: str, limit: int = 200) -> list[Consent]:
        """Return the consents that a holder gave for a licence, newest first."""
        mine = _LINES.where(licences.c.licence_id == licence_id, _holder.c.holder_id == holder_id).order_by(consents.c.id.desc()).limit(limit)
        with self.database.read() as connection:
            return [_read(row) for row in connection.execute(mine)]

    def named(self, consent_id: str, licence_id: str, holder_id: str) -> Consent:
        """Return one consent of a holder for a licence; `NotInRegister` where there is none."""
        with self.database.read() as connection:
            row = connection.execute(_NAMED, {"consent_id": consent_id, "licence_id": licence_id, "holder_id": holder_id}).first()
        if row is None:
            raise NotInRegister("no such consent")
        return _read(row)

    def living(self, holder_id: str, company: str, today: date) -> dict[str, date]:
        """Return which of a holder's licences a company may see today, by their ids, and until when."""
        mine = _OPEN.where(_holder.c.holder_id == holder_id, _company.c.holder_id == company, consents.c.last_on >= today.isoformat())
        with self.database.read() as connection:
            return {row.licence_id: date.fromisoformat(row.last_on) for row in connection.execute(mine)}

    def withdraw(self, one: Consent, by: str, now: datetime) -> None:
        """Withdraw a consent at once; doing it again changes nothing."""
        mine = (consents.c.consent_id == one.consent_id) & consents.c.ended_at.is_(None)
        with self.database.write() as connection:
            connection.execute(update(consents).where(mine).values(ended_at=now, ended_by=by))

    def staff(self, scope: Scope, by: str, today: date, *, after: int = 0, limit: int = 100) -> tuple[list[Staffed], int | None]:
        """Return what a company may see today, in the order in which it was agreed to, and the number to go on after; None where there is no more.

        `by` is who asks for it.
        """
        asked = {"company": scope.holder_id, "by": by, "today": today.isoformat(), "after": after}
        with self.database.read() as connection:
            found = connection.execute(_STAFF.where(*scope.within()).limit(limit + 1), asked).all()
            records = {one.licence_id: one for one in load(connection, self.vault, [row.licence_id for row in found[:limit]])}
        shown = [
            Staffed(_read(row), Card(records[row.licence_id], row.claimed_at, row.how, row.held_by), row.licence, row.noted) for row in found[:limit]
        ]
        return shown, int(found[limit - 1].id) if len(found) > limit else None

    def types(self, scope: Scope, today: date) -> frozenset[str]:
        """Return the certificate types of what a company may see today."""
        asked = _STAFF.with_only_columns(licences.c.type).where(*scope.within()).order_by(None).distinct()
        with self.database.read() as connection:
            return frozenset(connection.execute(asked, {"company": scope.holder_id, "today": today.isoformat(), "after": 0}).scalars())


def _give(connection: Connection, whose: Mapping[str, int], invitation: int, given: Given, now: datetime) -> None:
    """Give one consent, or prolong it; the card is held, so that nobody else gives the same meanwhile."""
    same = and_(*(consents.c[name] == key for name, key in whose.items()), consents.c.ended_at.is_(None))
    today, last_on = beijing_day(now).isoformat(), given.last_on.isoformat()
    gone = same & (consents.c.last_on < today)
    connection.execute(update(consents).where(gone).values(ended_at=now, ended_by=given.by))
    if connection.execute(select(consents.c.id).where(same).with_for_update()).first():  # nobody withdraws it meanwhile
        connection.execute(update(consents).where(same, consents.c.last_on < last_on).values(last_on=last_on))
        return
    row = {**whose, "consent_id": secrets.token_hex(13), "invitation": invitation, "host": given.host, "given_at": now, "last_on": last_on}
    connection.execute(insert(consents).values(row))


def _read(row: Row[Any]) -> Consent:
    return Consent(row.consent_id, row.company_id, row.holder_id, row.licence_id, row.given_at, date.fromisoformat(row.last_on), row.ended_at)


_company, _holder = holders.alias("company_holder"), holders.alias("consenting_holder")
_LINES: Select[Any] = (
    select(consents, _company.c.holder_id.label("company_id"), _holder.c.holder_id.label("holder_id"), licences.c.licence_id)
    .join(_company, _company.c.id == consents.c.company)
    .join(_holder, _holder.c.id == consents.c.holder)
    .join(licences, licences.c.id == consents.c.licence)
)
_OPEN = _LINES.where(consents.c.ended_at.is_(None))
_NAMED = _LINES.where(
    consents.c.consent_id == bindparam("consent_id"), licences.c.licence_id == bindparam("licence_id"), _holder.c.holder_id == bindparam("holder_id")
)
_KEPT = and_(cards.c.holder == consents.c.holder, cards.c.licence == consents.c.licence, cards.c.released_at.is_(None))
_NOTED = exists().where(
    reads.c.licence == consents.c.licence,
    reads.c.company == _company.c.holder_id,
    reads.c.looked_by == bindparam("by"),
    reads.c.day == bindparam("today"),
)
_STAFF = (
    _OPEN.add_columns(cards.c.held_by, cards.c.claimed_at, cards.c.how, _NOTED.label("noted"))
    .join(cards, _KEPT)
    .where(_company.c.holder_id == bindparam("company"), consents.c.last_on >= bindparam("today"), consents.c.id > bindparam("after"))
    .order_by(consents.c.id)
)
