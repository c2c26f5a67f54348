"""Who has looked: one line for each look of an officer, only ever added to (DOMAIN SH-11), and the notes that a look gave (M11).

Officer, place and reason lie encrypted; so does a note, which names a place. A note is found by its code alone.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select

from licence_service.errors import CeilingReached
from licence_service.store.counting import hold
from licence_service.store.database import Database
from licence_service.store.payload import Vault, token_digest
from licence_service.store.tables import licences
from licence_service.store.tables_of_showing import looked_at, looks, notes

_AN_HOUR = timedelta(hours=1)
_WRITERS = "looks"  # the row where those who enter looks under a ceiling wait for each other


@dataclass(frozen=True, slots=True)
class Look:
    """One look: when, by which system of which organ, by what it searched, and what the officer said.

    `said` has `officer`, `place`, `reason` and, where there is one, `case_no`; of a scanned code also `fields`, the names of what was shown.
    `hidden`: sealed by a case, not for the holder.
    """

    look_id: str
    at: datetime
    client: str
    organ: str
    found_by: str
    hidden: bool
    said: Mapping[str, Any] = field(repr=False)


def new_look_id() -> str:
    """Draw the id of a look."""
    return secrets.token_hex(13)


class Looks:
    """The list of looks, and the notes."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database and the vault for what is said."""
        self._database = database
        self._vault = vault

    def within_ceiling(self, client: str, ceiling: int, now: datetime) -> None:
        """Raise `CeilingReached` where a system has looked as often in the last hour as it may."""
        with self._database.read() as connection:
            _must_be_below(connection, client, ceiling, now)

    def enter(
        self, look: Look, licence_ids: Sequence[str], given: Mapping[str, tuple[str, bytes]], ceiling: int | None = None
    ) -> None:  # fmt: skip
        """Enter a look at some licences, or at none, with the notes it gave: licence id → (code, signed note); all or nothing.

        With a `ceiling` as `within_ceiling` once more, exactly: of those who look at once none sees what another did not.
        """
        row = {
            "look_id": look.look_id, "at": look.at, "client": look.client, "organ": look.organ, "found_by": look.found_by, "hidden": look.hidden,
            "sealed": self._vault.close_json(look.said, f"look:{look.look_id}"),
        }  # fmt: skip
        with self._database.write() as connection:
            if ceiling is not None:
                hold(connection, _WRITERS)
                _must_be_below(connection, look.client, ceiling, look.at)
            key = connection.execute(insert(looks).values(row).returning(looks.c.id)).scalar_one()
            found = select(licences.c.licence_id, licences.c.id).where(licences.c.licence_id.in_(licence_ids))
            keys = {row.licence_id: row.id for row in connection.execute(found)}
            if keys:
                connection.execute(insert(looked_at), [{"look": key, "licence": one} for one in keys.values()])
            for licence_id, (code, message) in given.items():
                digest = token_digest(code)
                sealed = self._vault.close_up(message, f"note:{digest}")
                connection.execute(insert(notes).values(code_digest=digest, look=key, licence=keys[licence_id], message=sealed))

    def of(self, licence_id: str, *, after: int = 0, limit: int = 100) -> list[tuple[int, Look]]:
        """Return the looks at a licence, oldest first, each with the number to go on after; also those sealed by a case."""
        wanted = (
            select(looks)
            .join(looked_at, looked_at.c.look == looks.c.id)
            .join(licences, licences.c.id == looked_at.c.licence)
            .where(licences.c.licence_id == licence_id, looks.c.id > after)
        )
        with self._database.read() as connection:
            rows = connection.execute(wanted.order_by(looks.c.id).limit(limit)).all()
        return [(row.id, look_of(row, self._vault)) for row in rows]

    def note(self, code: str) -> bytes | None:
        """Return the signed note that a code opens, or None."""
        digest = token_digest(code)
        with self._database.read() as connection:
            sealed = connection.execute(select(notes.c.message).where(notes.c.code_digest == digest)).scalar_one_or_none()
        return self._vault.open(sealed, f"note:{digest}") if sealed else None


def look_of(row: Any, vault: Vault) -> Look:  # noqa: ANN401 - a row
    """Return a look as it was entered, with what the officer said."""
    said = vault.open_json(row.sealed, f"look:{row.look_id}")
    return Look(row.look_id, row.at, row.client, row.organ, row.found_by, row.hidden, said)


def _must_be_below(connection: Connection, client: str, ceiling: int, now: datetime) -> None:
    mine = (looks.c.client == client) & (looks.c.at > now - _AN_HOUR)
    if connection.execute(select(func.count()).select_from(looks).where(mine)).scalar_one() >= ceiling:
        raise CeilingReached("this system has looked as often as it may in an hour")
