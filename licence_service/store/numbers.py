"""Finding many licences by their numbers at once, and the law held still while many are judged."""

import secrets
from collections.abc import Sequence

from sqlalchemy import bindparam, func, select

from licence_service.fields import comparison_form
from licence_service.store.database import Database
from licence_service.store.foundations import Foundation, Foundations
from licence_service.store.keys import Kind, key_of, owners_of_many
from licence_service.store.parting import parts
from licence_service.store.payload import Vault
from licence_service.store.tables import licences, lookups

MOST_OF_A_NUMBER = 20
_OF_NUMBERS = (
    select(lookups.c.blind, licences.c.licence_id, licences.c.type)
    .join(licences, licences.c.id == lookups.c.licence)
    .where(lookups.c.licence.in_(owners_of_many()), lookups.c.name == "number")
    .order_by(lookups.c.licence.desc())
)
_HIGHEST = select(func.max(licences.c.id))
_FROM = select(licences.c.licence_id).where(licences.c.id >= bindparam("first")).order_by(licences.c.id).limit(bindparam("most"))


class Numbers:
    """The way into the register for many numbers at once; values are met by their blind index."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database and the vault whose key blinds values."""
        self._database = database
        self._vault = vault

    def blind(self, name: str, value: str) -> str:
        """Return the blind index of a value; case, width and blanks make no other one. Under `number` it is that of the register's lookups."""
        return self._vault.blind(name, comparison_form(value))

    def licences_of(self, blinds: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
        """Return by blinded number the licences that have, or had, it: (licence id, type), newest first, `MOST_OF_A_NUMBER` at most."""
        found: dict[str, list[tuple[str, str]]] = {}
        wanted = sorted(set(blinds))
        with self._database.read() as connection:
            for part in map(set, parts(wanted)):
                for row in connection.execute(_OF_NUMBERS, {"keys": [key_of(Kind.VALUE, blind) for blind in part]}):
                    mine = found.setdefault(row.blind, []) if row.blind in part else None
                    if mine is not None and len(mine) < MOST_OF_A_NUMBER:
                        mine.append((row.licence_id, row.type))
        return found

    def strangers(self, most: int) -> list[str]:
        """Return licences by chance, to be read where none was found, so that what does not exist costs as much as what does."""
        with self._database.read() as connection:
            highest = connection.execute(_HIGHEST).scalar_one() or 0
            first = secrets.randbelow(max(1, highest - most + 1)) + 1
            return list(connection.execute(_FROM, {"first": first, "most": most}).scalars())


class StillFoundations(Foundations):
    """The foundations as they were read at one moment: many judgements rest on one and the same law, and it is not asked for each of them."""

    def __init__(self, read: tuple[Foundation, ...]) -> None:
        """Take the lines."""
        self._read, self._in_force = read, ((), {})

    def lines(self) -> tuple[Foundation, ...]:
        """Return the lines as they were read."""
        return self._read
