"""Reading licences back from the book: entries in order, private parts opened, parents beside their children."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select

from licence_service.digests import Digests
from licence_service.entry_form import entry_of
from licence_service.licence import Entry
from licence_service.store.keys import Kind, key_of, owners
from licence_service.store.payload import Vault
from licence_service.store.record import Record
from licence_service.store.tables import entries, licences, lookups, payloads, versions

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
_OF_PAIR = (
    _LINES.add_columns(versions.c.version)
    .join(versions, versions.c.licence == licences.c.id)
    .join(lookups, lookups.c.licence == licences.c.id)
    .where(lookups.c.licence.in_(owners()), lookups.c.name == "number", lookups.c.blind == bindparam("blind"))
    .where(versions.c.check_digest == bindparam("check_digest"))
    .order_by(None)
    .order_by(versions.c.id.desc(), entries.c.sequence)
)
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
    wanted = {"wanted": licence_ids[0] if one else list(licence_ids)}
    found = _with_those_above(connection, vault, _read(vault, connection.execute(_OF_ONE if one else _OF_MANY, wanted)))
    by_id = {read.licence_id: key for key, read in found.items()}
    return [_record(found, by_id[one]) for one in licence_ids if one in by_id]


def load_pair(connection: Connection, vault: Vault, blind: str, check_digest: str) -> tuple[Record, int] | None:
    """Return the record and the version to which a number (blinded) and a check code (its digest) belong together.

    One query, whatever is wrong with the pair. Where two licences carry the same pair, the newest version is meant.
    """
    lines = connection.execute(_OF_PAIR, {"key": key_of(Kind.VALUE, blind), "blind": blind, "check_digest": check_digest}).all()
    if not lines:
        return None
    key, *_, version = lines[0]
    found = _read(vault, (line[:-1] for line in lines if line[0] == key and line[-1] == version))
    return _record(_with_those_above(connection, vault, found), key), version


def _with_those_above(connection: Connection, vault: Vault, found: dict[int, _Read]) -> dict[int, _Read]:
    """Add the licences on which those found hang, and those on which these hang."""
    for _ in range(_MOST_ABOVE):
        above = {read.parent for read in found.values() if read.parent} - found.keys()
        if not above:
            break
        found |= _read(vault, connection.execute(_ABOVE, {"wanted": list(above)}))
    return found


def _record(found: dict[int, _Read], key: int) -> Record:
    read = found[key]
    parent = _record(found, read.parent) if read.parent in found else None
    return Record(read.licence_id, read.type, read.department, tuple(read.entries), parent)


def public_entries(connection: Connection, licence: int) -> list[Entry]:
    """Return a licence's entries without their private parts: enough to fold, and nothing is decrypted."""
    return [public_entry(*row) for row in connection.execute(_PUBLIC, {"licence": licence})]


def public_entry(body: str, sha256: str, sm3: str) -> Entry:
    """Read one entry back without its private part."""
    return entry_of(json.loads(body), None, Digests(sha256, sm3))


def _read(vault: Vault, lines: Iterable[Any]) -> dict[int, _Read]:
    """Return licences with their entries by the key of their row, oldest entry first."""
    found: dict[int, _Read] = {}
    for key, licence_id, kind, department, parent, sequence, body, sha256, sm3, sealed in lines:
        read = found.get(key)
        if read is None:
            read = found[key] = _Read(licence_id, kind, department, parent)
        private = vault.open_json(sealed, f"entry:{licence_id}:{sequence}") if sealed else None
        read.entries.append(entry_of(json.loads(body), private, Digests(sha256, sm3)))
    return found
