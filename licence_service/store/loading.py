"""Reading licences back from the book: entries in order, private parts opened, parents beside their children."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from licence_service.digests import Digests
from licence_service.entry_form import entry_of
from licence_service.licence import Entry
from licence_service.store.payload import Vault
from licence_service.store.record import Record
from licence_service.store.tables import entries, licences, payloads

_MOST_ABOVE = 4  # licences that hang on licences; a parent is always older, so that there is no circle

# Statements are built once: building one costs more than running it.
_LINES = (
    select(
        licences.c.id, licences.c.licence_id, licences.c.type, licences.c.department, licences.c.parent,
        entries.c.sequence, entries.c.body, entries.c.sha256, entries.c.sm3, payloads.c.sealed,
    )
    .join(entries, entries.c.licence == licences.c.id)
    .join(payloads, payloads.c.entry == entries.c.id, isouter=True)
    .order_by(entries.c.licence, entries.c.sequence)
)  # fmt: skip
_OF_ONE = _LINES.where(licences.c.licence_id == bindparam("wanted"))
_OF_MANY = _LINES.where(licences.c.licence_id.in_(bindparam("wanted", expanding=True)))
_ABOVE = _LINES.where(licences.c.id.in_(bindparam("wanted", expanding=True)))
_PUBLIC = select(entries.c.body, entries.c.sha256, entries.c.sm3).where(entries.c.licence == bindparam("licence")).order_by(entries.c.sequence)


class _Read:
    """The rows of one licence while they are read."""

    __slots__ = ("department", "entries", "licence_id", "parent", "type")

    def __init__(self, licence_id: str, kind: str, department: str, parent: int | None) -> None:
        self.licence_id, self.type, self.department, self.parent = licence_id, kind, department, parent
        self.entries: list[Entry] = []


def load(connection: Connection, vault: Vault, licence_ids: Sequence[str]) -> list[Record]:
    """Return the records of several licences, in the given order; those that are not there are left out."""
    if not licence_ids:
        return []
    one = len(licence_ids) == 1
    found = _read(connection, vault, _OF_ONE if one else _OF_MANY, licence_ids[0] if one else list(licence_ids))
    by_id = {read.licence_id: key for key, read in found.items()}
    for _ in range(_MOST_ABOVE):
        above = {read.parent for read in found.values() if read.parent} - found.keys()
        if not above:
            break
        found |= _read(connection, vault, _ABOVE, list(above))

    def record(key: int) -> Record:
        read = found[key]
        parent = record(read.parent) if read.parent in found else None
        return Record(read.licence_id, read.type, read.department, tuple(read.entries), parent)

    return [record(by_id[one]) for one in licence_ids if one in by_id]


def public_entries(connection: Connection, licence: int) -> list[Entry]:
    """Return a licence's entries without their private parts: enough to fold, and nothing is decrypted."""
    return [public_entry(*row) for row in connection.execute(_PUBLIC, {"licence": licence})]


def public_entry(body: str, sha256: str, sm3: str) -> Entry:
    """Read one entry back without its private part."""
    return entry_of(json.loads(body), None, Digests(sha256, sm3))


def _read(connection: Connection, vault: Vault, statement: Select[Any], wanted: str | Sequence[object]) -> dict[int, _Read]:
    """Return licences with their entries by the key of their row, oldest entry first."""
    found: dict[int, _Read] = {}
    lines: Iterable[Any] = connection.execute(statement, {"wanted": wanted})
    for key, licence_id, kind, department, parent, sequence, body, sha256, sm3, sealed in lines:
        read = found.get(key)
        if read is None:
            read = found[key] = _Read(licence_id, kind, department, parent)
        private = vault.open_json(sealed, f"entry:{licence_id}:{sequence}") if sealed else None
        read.entries.append(entry_of(json.loads(body), private, Digests(sha256, sm3)))
    return found
