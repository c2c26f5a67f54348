"""Many later entries in one short transaction: what `Book.append` does for one act with a document on a licence that is there (DESIGN §4 step 9)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.exc import IntegrityError

from licence_service.errors import EntryConflict
from licence_service.licence import Entry, beijing_day
from licence_service.segments import Place
from licence_service.store.cards import part_with
from licence_service.store.counting import BOOK, hold, next_lines
from licence_service.store.database import Database
from licence_service.store.keys import settle
from licence_service.store.openings import Ready, insert_lines, make_findable, ready_to_enter
from licence_service.store.parting import parts
from licence_service.store.payload import Vault
from licence_service.store.projection import OVER, projected
from licence_service.store.record import Appendix, Record
from licence_service.store.reservation import fulfil, still_reserved
from licence_service.store.tables import licences, lookups

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Appended:
    """One entry with a document: its licence as it was read, what is entered beside it, and where the document lies."""

    entry: Entry
    record: Record = field(repr=False)
    beside: Appendix
    place: Place


class Appendings:
    """Appends to many licences at once."""

    def __init__(self, database: Database, vault: Vault, now: Callable[[], datetime]) -> None:
        """Take the database, the vault for private parts, and the clock that stamps entries."""
        self._database, self._vault, self._now = database, vault, now

    def append_all(self, wanted: Sequence[Appended]) -> list[Entry | None]:
        """Enter all that still fit, in one transaction; return the entries with recorded times and digests, in order.

        None stands for one whose licence has another head than its record, whose reservation another carried to its end, or which would
        take a number anew: it goes its own way.
        """
        ready = {id(one): ready_to_enter(self._vault, one.entry, one.beside, one.place, _head(one.record)) for one in wanted}
        try:
            with self._database.write() as connection:
                return self._append(connection, wanted, ready)
        except IntegrityError as error:
            raise EntryConflict from error

    def _append(self, connection: Connection, wanted: Sequence[Appended], ready: Mapping[int, Ready]) -> list[Entry | None]:
        hold(connection, BOOK)  # nobody enters anything between this look and the commit
        today = beijing_day(self._now())
        rows = _rows(connection, [one.entry.licence_id for one in wanted])
        going = still_reserved(connection, [one.beside.reservation_id or "" for one in wanted])
        met: set[str] = set()
        fitting = []
        for one in wanted:
            row = rows.get(one.entry.licence_id)
            if row and one.entry.licence_id not in met and one.beside.reservation_id in going and self._fits(one, row, today):
                met.add(one.entry.licence_id)
                fitting.append(one)
        if not fitting:
            return [None] * len(wanted)
        place, recorded_at = next_lines(connection, self._now(), len(fitting))
        settle(connection, place, len(fitting))
        stamped = [ready[id(one)].line.at(recorded_at + number * _TICK) for number, one in enumerate(fitting)]
        fulfil(connection, self._vault, {one.beside.reservation_id or "": one.entry.sequence for one in fitting})
        keys, beside = [int(rows[one.entry.licence_id]["id"]) for one in fitting], [ready[id(one)] for one in fitting]
        insert_lines(connection, place, keys, stamped, beside)
        _find_by_new_values(connection, keys, beside)
        held_by = {key: blind for key, one in zip(keys, beside, strict=True) for name, blind, _ in one.blinds if name == "holder"}
        part_with(connection, held_by, recorded_at + len(fitting) * _TICK)
        _project(connection, (self._row(rows[entry.licence_id], one, entry, today) for one, (entry, _) in zip(fitting, stamped, strict=True)))
        done: dict[int, Entry] = {id(one): entry for one, (entry, _) in zip(fitting, stamped, strict=True)}
        return [done.get(id(one)) for one in wanted]

    def _fits(self, one: Appended, row: Mapping[str, Any], today: date) -> bool:
        """Say whether the licence is as it was read, and keeps the number that it holds: one that comes back takes its number anew."""
        if not row["head"] == one.record.entries[-1].sequence == one.entry.sequence - 1:
            return False
        if one.beside.live_key is None:
            return True
        if row["live_key"] is not None:
            return bool(self._blind(one.beside) == row["live_key"])
        after, _ = projected((*one.record.entries, one.entry), today, row["department"])
        return after.state in OVER

    def _blind(self, beside: Appendix) -> str:
        return self._vault.blind("live", beside.live_key or "")

    def _row(self, row: Mapping[str, Any], one: Appended, entry: Entry, today: date) -> tuple[int, dict[str, Any]]:
        """Return what changes in a licence's row, as `Book` keeps it."""
        after, values = projected((*one.record.entries, entry), today, row["department"])
        if after.state in OVER:
            values["live_key"] = None
        if one.beside.live_key:
            values["due_on"] = one.beside.due_on.isoformat() if one.beside.due_on else None
        return row["id"], {name: value for name, value in values.items() if row[name] != value}


def _find_by_new_values(connection: Connection, keys: Sequence[int], ready: Sequence[Ready]) -> None:
    """Insert the lookups of licences that are not there yet."""
    wanted = {(key, name, blind): found for key, one in zip(keys, ready, strict=True) for name, blind, found in one.blinds}
    for part in parts(keys):
        mine = select(lookups.c.licence, lookups.c.name, lookups.c.blind).where(lookups.c.licence.in_(part))
        for row in connection.execute(mine):
            wanted.pop((row.licence, row.name, row.blind), None)
    make_findable(connection, [(*value, found) for value, found in sorted(wanted.items())])


def _head(record: Record) -> str:
    """Return the digest of a licence's last entry."""
    digest = record.entries[-1].digest
    assert digest  # noqa: S101 - it was read from the book
    return digest.sha256


def _rows(connection: Connection, licence_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for part in parts(licence_ids):
        here = select(licences).where(licences.c.licence_id.in_(part))
        found.update({row["licence_id"]: row for row in connection.execute(here).mappings()})
    return found


def _project(connection: Connection, changes: Iterable[tuple[int, dict[str, Any]]]) -> None:
    """Write what changed in each row, the rows in which the same columns change together: an index is written for each column."""
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for key, changed in changes:
        alike[tuple(sorted(changed))].append({"row": key, **{f"new_{name}": value for name, value in changed.items()}})
    for names, rows in alike.items():
        if names:
            values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
            connection.execute(update(licences).where(licences.c.id == bindparam("row")).values(values), rows)
