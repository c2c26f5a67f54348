"""Holders: persons and companies as the identity service identifies them. Their identity numbers lie encrypted, and are met by a blind index."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from licence_service.errors import NotInRegister
from licence_service.fields import comparison_form
from licence_service.store.database import Database
from licence_service.store.payload import Vault
from licence_service.store.tables_of_holders import holders

PERSON, COMPANY = "person", "company"
KINDS = (PERSON, COMPANY)
_KNOWN = select(holders).where(holders.c.known_by == bindparam("known_by"))
_NAMED = select(holders).where(holders.c.holder_id == bindparam("holder_id"))


@dataclass(frozen=True, slots=True)
class Holder:
    """A holder: `kind` is person or company; `level` says how the identity was shown: 1 password, 2 real name, 3 face or eID."""

    holder_id: str
    kind: str
    level: int


class Holders:
    """The holders who ever came, or were named by a company."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database and the vault for numbers and names."""
        self._database = database
        self._vault = vault

    def known(self, kind: str, number: str, name: str, now: datetime, *, vouched: bool = True) -> str:
        """Return the id of a holder, who is written down where they are new; the name is kept as the identity service said it last.

        Not `vouched`, somebody else says so: that changes no name.
        """
        known_by = self._vault.blind(f"holder-{kind}", comparison_form(number))
        with self._database.read() as connection:
            found = connection.execute(_KNOWN, {"known_by": known_by}).mappings().first()
        if found is None:
            return self._added(kind, number, name, known_by, now)
        if vouched and self._said(found)["name"] != name:
            sealed = self._sealed(found["holder_id"], number, name)
            with self._database.write() as connection:
                connection.execute(update(holders).where(holders.c.id == found["id"]).values(sealed=sealed))
        return str(found["holder_id"])

    def identity(self, holder_id: str) -> tuple[str, str]:
        """Return identity number and name of a holder; `NotInRegister` where there is none."""
        with self._database.read() as connection:
            found = connection.execute(_NAMED, {"holder_id": holder_id}).mappings().first()
        if found is None:
            raise NotInRegister
        said = self._said(found)
        return said["number"], said["name"]

    def speaks_for(self, company: str, person: str) -> None:
        """Keep who speaks for a company: the person whom the identity service names as its legal representative now."""
        with self._database.write() as connection:
            connection.execute(
                update(holders).where(holders.c.holder_id == company, func.coalesce(holders.c.spoken_by, "") != person).values(spoken_by=person)
            )

    def spoken_by(self, company: str) -> str | None:
        """Return who spoke for a company last; None where the identity service never named anybody."""
        with self._database.read() as connection:
            found: str | None = connection.execute(_NAMED, {"holder_id": company}).mappings().one()["spoken_by"]
        return found

    # -- inside ----------------------------------------------------------------------------------------

    def _added(self, kind: str, number: str, name: str, known_by: str, now: datetime) -> str:
        holder_id = secrets.token_hex(13)
        row = {"holder_id": holder_id, "kind": kind, "known_by": known_by, "sealed": self._sealed(holder_id, number, name), "added_at": now}
        try:
            with self._database.write() as connection:
                connection.execute(insert(holders).values(row))
        except IntegrityError:  # they came twice at the same moment
            with self._database.read() as connection:
                return str(connection.execute(_KNOWN, {"known_by": known_by}).mappings().one()["holder_id"])
        return holder_id

    def _sealed(self, holder_id: str, number: str, name: str) -> bytes:
        return self._vault.close_json({"number": number, "name": name}, f"holder:{holder_id}")

    def _said(self, row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row
        return self._vault.open_json(row["sealed"], f"holder:{row['holder_id']}")


def row_of(connection: Connection, holder_id: str) -> int:
    """Return the key of a holder's row; `NotInRegister` where there is none."""
    found = connection.execute(_NAMED, {"holder_id": holder_id}).mappings().first()
    if found is None:
        raise NotInRegister
    return int(found["id"])
