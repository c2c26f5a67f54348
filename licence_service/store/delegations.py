"""Delegations: what a company lets a person do with its licences, from day to day, until it ends them (DOMAIN SH-13)."""

import json
import secrets
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update

from licence_service.errors import NotInRegister
from licence_service.fields import comparison_form
from licence_service.store.database import Database
from licence_service.store.holders import row_of
from licence_service.store.payload import Vault
from licence_service.store.tables_of_holders import delegations, holders

MANAGER, CLERK = "manager", "clerk"
ROLES = (MANAGER, CLERK)
_company, _delegate = holders.alias("company_holder"), holders.alias("delegate_holder")
_LINES = (
    select(delegations, _company.c.holder_id.label("company_id"), _delegate.c.holder_id.label("delegate_id"))
    .join(_company, _company.c.id == delegations.c.company)
    .join(_delegate, _delegate.c.id == delegations.c.delegate)
)
_NAMED = _LINES.where(delegations.c.delegation_id == bindparam("delegation_id"))
_THEIRS = _NAMED.where(_delegate.c.holder_id == bindparam("delegate"))
_GIVEN = _LINES.where(_company.c.holder_id == bindparam("company")).order_by(delegations.c.id)
_OPEN = _GIVEN.where(_delegate.c.holder_id == bindparam("delegate"), delegations.c.ended_at.is_(None))
_OF_FORMER = (
    select(func.count())
    .select_from(delegations)
    .join(_company, _company.c.id == delegations.c.company)
    .where(_company.c.holder_id == bindparam("company"), delegations.c.given_by.not_in([_company.c.holder_id, _company.c.spoken_by]))
    .where(delegations.c.ended_at.is_(None), delegations.c.last_on >= bindparam("day"))
)
_HELD = _LINES.where(_delegate.c.holder_id == bindparam("delegate")).order_by(delegations.c.id)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be delegated, to whom."""

    delegate: str
    name: str = field(repr=False)
    role: str
    acts: frozenset[str]
    types: tuple[str, ...] | None
    licences: tuple[str, ...] | None
    first_on: date
    last_on: date


@dataclass(frozen=True, slots=True)
class Delegation(Wanted):
    """What a company lets somebody do. `types` and `licences` narrow it, None is all; both days count. `name` is as the company wrote it."""

    delegation_id: str
    company: str  # holder ids, as `delegate`
    given_at: datetime
    given_by: str  # holder id of the legal representative, or of the company where nobody was named
    ended_at: datetime | None = None

    def holds_on(self, day: date) -> bool:
        """Say whether it may be used on a day."""
        return self.ended_at is None and self.first_on <= day <= self.last_on

    def is_of(self, wanted: Wanted) -> bool:
        """Say whether it is what was wanted, no more and no less."""
        return all(getattr(self, one.name) == getattr(wanted, one.name) for one in fields(Wanted))

    def names(self, name: str) -> bool:
        """Say whether the company named the delegate so: a number that was mistyped is somebody else's."""
        return comparison_form(self.name) == comparison_form(name)


class Delegations:
    """All delegations; what ended keeps its row."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database and the vault for names."""
        self._database = database
        self._vault = vault

    def give(self, company: str, wanted: Wanted, by: str, now: datetime) -> Delegation:
        """Write a delegation down and return it; the same by the same person is that one until it is ended, so that no twin outlives its end."""
        delegation_id = secrets.token_hex(13)
        with self._database.write() as connection:
            connection.execute(select(holders.c.id).where(holders.c.holder_id == company).with_for_update())  # one at a time
            for one in connection.execute(_OPEN, {"company": company, "delegate": wanted.delegate}).mappings():
                if (given := self._read(one)).is_of(wanted) and given.given_by == by:
                    return given
            row = {
                "delegation_id": delegation_id, "company": row_of(connection, company), "delegate": row_of(connection, wanted.delegate),
                "sealed": self._vault.close_json({"name": wanted.name}, f"delegation:{delegation_id}"), "role": wanted.role,
                "acts": json.dumps(sorted(wanted.acts)), "types": json.dumps(wanted.types) if wanted.types is not None else None,
                "licences": json.dumps(wanted.licences) if wanted.licences is not None else None,
                "first_on": wanted.first_on.isoformat(), "last_on": wanted.last_on.isoformat(), "given_at": now, "given_by": by,
            }  # fmt: skip
            connection.execute(insert(delegations).values(row))
            return self._read(connection.execute(_NAMED, {"delegation_id": delegation_id}).mappings().one())

    def end(self, company: str, delegation_id: str, by: str, now: datetime) -> Delegation:
        """End one with the delegate's next request, and return it; the first end stays. `NotInRegister` where the company gave no such one."""
        with self._database.write() as connection:
            mine = (delegations.c.delegation_id == delegation_id) & (delegations.c.company == row_of(connection, company))
            connection.execute(update(delegations).where(mine, delegations.c.ended_at.is_(None)).values(ended_at=now, ended_by=by))
            found = connection.execute(_NAMED.where(mine), {"delegation_id": delegation_id}).mappings().first()
            if found is None:
                raise NotInRegister
            return self._read(found)

    def living(self, delegation_id: str, delegate: str, name: str | None, day: date) -> Delegation | None:
        """Return a delegation to a person that holds on a day; None where there is none, or the company named the person otherwise than `name`."""
        with self._database.read() as connection:
            found = connection.execute(_THEIRS, {"delegation_id": delegation_id, "delegate": delegate}).mappings().first()
        given = self._read(found) if found else None
        return given if given and given.holds_on(day) and (name is None or given.names(name)) else None

    def company_of(self, delegation_id: str) -> str:
        """Return the company that gave a delegation, whether it holds or not; `NotInRegister` where there is no such one."""
        with self._database.read() as connection:
            found = connection.execute(_NAMED, {"delegation_id": delegation_id}).mappings().first()
        if found is None:
            raise NotInRegister
        return str(found["company_id"])

    def given(self, company: str) -> list[Delegation]:
        """Return those that a company gave, oldest first."""
        with self._database.read() as connection:
            return [self._read(row) for row in connection.execute(_GIVEN, {"company": company}).mappings()]

    def of_former(self, company: str, day: date) -> int:
        """Return how many that may be used, on a day or later, were given by somebody who does not speak for the company any more."""
        with self._database.read() as connection:
            return int(connection.execute(_OF_FORMER, {"company": company, "day": day.isoformat()}).scalar_one())

    def held(self, delegate: str) -> list[Delegation]:
        """Return those that a person was given, oldest first."""
        with self._database.read() as connection:
            return [self._read(row) for row in connection.execute(_HELD, {"delegate": delegate}).mappings()]

    def _read(self, row: Any) -> Delegation:  # noqa: ANN401 - a row
        name = self._vault.open_json(row["sealed"], f"delegation:{row['delegation_id']}")["name"]
        return Delegation(
            row["delegate_id"], name, row["role"], frozenset(json.loads(row["acts"])),
            _listed(row["types"]), _listed(row["licences"]), date.fromisoformat(row["first_on"]), date.fromisoformat(row["last_on"]),
            row["delegation_id"], row["company_id"], row["given_at"], row["given_by"], row["ended_at"],
        )  # fmt: skip


def _listed(said: str | None) -> tuple[str, ...] | None:
    return tuple(json.loads(said)) if said is not None else None
