"""Reading licences back from the book: entries in order, private parts opened, parents beside their children."""

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, select

from licence_service.digests import Digests
from licence_service.entry_form import entry_of
from licence_service.licence import Entry
from licence_service.store.payload import Vault
from licence_service.store.record import Record
from licence_service.store.tables import entries, licences, payloads

_MOST_ABOVE = 4  # licences that hang on licences; a parent is always older, so that there is no circle


def load(connection: Connection, vault: Vault, licence_ids: Sequence[str]) -> list[Record]:
    """Return the records of several licences, in the given order; those that are not there are left out."""
    wanted = {row["licence_id"]: row for row in connection.execute(select(licences).where(licences.c.licence_id.in_(licence_ids))).mappings()}
    rows = {row["id"]: row for row in wanted.values()}
    for _ in range(_MOST_ABOVE):
        above = {row["parent"] for row in rows.values() if row["parent"]} - rows.keys()
        if not above:
            break
        rows |= {row["id"]: row for row in connection.execute(select(licences).where(licences.c.id.in_(above))).mappings()}
    lines = _lines(connection, vault, rows)

    def record(key: int) -> Record:
        row = rows[key]
        parent = record(row["parent"]) if row["parent"] in rows else None
        return Record(row["licence_id"], row["type"], row["department"], lines.get(key, ()), parent)

    return [record(wanted[one]["id"]) for one in licence_ids if one in wanted]


def public_entries(connection: Connection, licence: int) -> list[Entry]:
    """Return a licence's entries without their private parts: enough to fold, and nothing is decrypted."""
    rows = connection.execute(
        select(entries.c.body, entries.c.sha256, entries.c.sm3).where(entries.c.licence == licence).order_by(entries.c.sequence)
    )
    return [entry_of(json.loads(row.body), None, Digests(row.sha256, row.sm3)) for row in rows]


def _lines(connection: Connection, vault: Vault, rows: Any) -> dict[int, tuple[Entry, ...]]:  # noqa: ANN401 - rows of licences by id
    joined = (
        select(entries.c.licence, entries.c.body, entries.c.sha256, entries.c.sm3, entries.c.sequence, payloads.c.sealed)
        .join(payloads, payloads.c.entry == entries.c.id, isouter=True)
        .where(entries.c.licence.in_(list(rows)))
        .order_by(entries.c.licence, entries.c.sequence)
    )
    found: Iterable[tuple[int, Iterable[Any]]] = groupby(connection.execute(joined), key=attrgetter("licence"))
    return {key: tuple(_entry(vault, rows[key]["licence_id"], line) for line in group) for key, group in found}


def _entry(vault: Vault, licence_id: str, row: Any) -> Entry:  # noqa: ANN401 - a row of the join above
    private = vault.open_json(row.sealed, f"entry:{licence_id}:{row.sequence}") if row.sealed else None
    return entry_of(json.loads(row.body), private, Digests(row.sha256, row.sm3))
