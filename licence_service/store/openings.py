"""Many first entries in one short transaction: what `Book.append` does for one that opens a licence (DESIGN §4 step 9)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from licence_service.entry_form import private_of, written
from licence_service.errors import EntryConflict
from licence_service.fields import comparison_form
from licence_service.licence import Entry, beijing_day
from licence_service.segments import Place
from licence_service.store.counting import next_lines
from licence_service.store.database import Database
from licence_service.store.payload import Vault, token_digest
from licence_service.store.projection import OVER, projected
from licence_service.store.record import Appendix
from licence_service.store.tables import entries, licences, lookups, payloads, reservations, versions
from licence_service.store.tables_of_packing import packed_documents, segments

_AT_ONCE = 400  # values in one condition
_TICK = timedelta(microseconds=1)
_OPEN, _ENTER, _ENTER_VERSION = insert(licences), insert(entries), insert(versions)
_FULFIL = (
    update(reservations)
    .where((reservations.c.reservation_id == bindparam("mine")) & (reservations.c.state == "reserved"))
    .values(state="entered", sequence=bindparam("line"), content=bindparam("kept"))
)
Contents: TypeAlias = Mapping[str, Mapping[str, Any]]  # of reservations by their id


@dataclass(frozen=True, slots=True)
class Opened:
    """One licence to open: its first entry, what is entered beside it, and where its document lies."""

    entry: Entry
    beside: Appendix
    place: Place


class Openings:
    """Opens many licences at once."""

    def __init__(self, database: Database, vault: Vault, now: Callable[[], datetime]) -> None:
        """Take the database, the vault for private parts, and the clock that stamps entries."""
        self._database, self._vault, self._now = database, vault, now

    def open_all(self, openings: Sequence[Opened], contents: Contents) -> list[Entry]:
        """Enter all of them, or none; return the entries with recorded times and digests.

        `contents` are the reservations' contents by their id. `EntryConflict` where one of them was carried by another meanwhile, or
        its number is held by a living licence: then each goes its own way, one by one.
        """
        if not openings:
            return []
        try:
            with self._database.write() as connection:
                return self._open(connection, openings, contents)
        except IntegrityError as error:
            raise EntryConflict from error

    def taken(self, live_keys: Sequence[str]) -> set[str]:
        """Return those of the keys under which a licence is unique (`Opening.live_key`) that a licence holds already."""
        blinds = {self._vault.blind("live", key): key for key in live_keys}
        wanted = list(blinds)
        found: set[str] = set()
        with self._database.read() as connection:
            for start in range(0, len(wanted), _AT_ONCE):
                held = select(licences.c.live_key).where(licences.c.live_key.in_(wanted[start : start + _AT_ONCE]))
                found.update(blinds[str(blind)] for blind in connection.execute(held).scalars())
        return found

    def _open(self, connection: Connection, openings: Sequence[Opened], contents: Contents) -> list[Entry]:
        place, recorded_at = next_lines(connection, self._now(), len(openings))
        fulfil(connection, self._vault, [(one.beside.reservation_id or "", 1) for one in openings], contents)
        today = beijing_day(self._now())
        stamped = [written(one.entry, recorded_at + number * _TICK, "") for number, one in enumerate(openings)]
        rows = [self._licence(one, entry, today) for one, (entry, _) in zip(openings, stamped, strict=True)]
        keys = _inserted(connection, _OPEN.returning(licences.c.id, sort_by_parameter_order=True), rows)
        entered = [(key, entry, body, one.beside) for key, one, (entry, body) in zip(keys, openings, stamped, strict=True)]
        insert_lines(connection, self._vault, place, entered, [one.place for one in openings])
        found = [
            {"licence": key, "name": name, "blind": self._vault.blind(name, comparison_form(value))}
            for key, one in zip(keys, openings, strict=True)
            for name, value in sorted(one.beside.searchable.items())
        ]
        if found:
            connection.execute(insert(lookups), found)
        return [entry for entry, _ in stamped]

    def _licence(self, one: Opened, entry: Entry, today: date) -> dict[str, Any]:
        opening = one.beside.opening
        assert opening  # noqa: S101 - first entries open a licence
        after, values = projected((entry,), today, opening.department)
        return {
            "licence_id": entry.licence_id, "type": opening.type, "department": opening.department, "parent": None,
            "live_key": None if after.state in OVER else self._vault.blind("live", opening.live_key),
            "due_on": one.beside.due_on.isoformat() if one.beside.due_on else None, **values,
        }  # fmt: skip


def fulfil(connection: Connection, vault: Vault, done: Sequence[tuple[str, int]], contents: Contents) -> None:
    """Close reservations (id and sequence of the entry), keeping only what a repeated answer needs: faces and officers now lie with the entries alone.

    `EntryConflict` where one of them is no longer reserved.
    """
    rows = []
    for mine, sequence in done:
        kept = {name: value for name, value in contents[mine].items() if name not in {"body", "private"}}
        rows.append({"mine": mine, "line": sequence, "kept": vault.close_json(kept, f"reservation:{mine}")})
    if connection.execute(_FULFIL, rows).rowcount != len(rows):
        raise EntryConflict("one of these reservations was carried to its end by another")


def insert_lines(
    connection: Connection, vault: Vault, place: int, entered: Sequence[tuple[int, Entry, bytes, Appendix]], places: Sequence[Place]
) -> None:  # fmt: skip
    """Insert entries (row of the licence, stamped entry, its body, what is beside it) from a place of the book on, with versions and documents."""
    lines = [_line(key, entry, body, place + number) for number, (key, entry, body, _) in enumerate(entered)]
    made = _inserted(connection, _ENTER.returning(entries.c.id, sort_by_parameter_order=True), lines)
    sealed = [
        {"entry": key, "sealed": vault.close_json(private_of(entry), f"entry:{entry.licence_id}:{entry.sequence}")}
        for key, (_, entry, _, _) in zip(made, entered, strict=True)
    ]
    connection.execute(insert(payloads), sealed)
    rows = [_version(key, entry, beside) for key, entry, _, beside in entered]
    _pack(connection, _inserted(connection, _ENTER_VERSION.returning(versions.c.id, sort_by_parameter_order=True), rows), places)


def _pack(connection: Connection, numbers: Sequence[int], places: Sequence[Place]) -> None:
    """Write down where the documents of versions lie."""
    names = sorted({one.segment for one in places})
    known = {row.sha256: row.id for row in connection.execute(select(segments).where(segments.c.sha256.in_(names)))}
    for name in names:
        if name not in known:
            known[name] = _inserted(connection, insert(segments).returning(segments.c.id), [{"sha256": name}])[0]
    rows = [
        {"version": number, "segment": known[one.segment], "offset": one.offset, "length": one.length}
        for number, one in zip(numbers, places, strict=True)
    ]
    connection.execute(insert(packed_documents), rows)


def _inserted(connection: Connection, statement: Any, rows: Sequence[Mapping[str, Any]]) -> list[int]:  # noqa: ANN401 - an insert that returns keys
    """Insert rows and return their keys in the same order."""
    return [int(key) for key in connection.execute(statement, rows).scalars()]


def _line(licence: int, entry: Entry, body: bytes, place: int) -> dict[str, Any]:
    assert entry.digest  # noqa: S101 - stamped entries carry their digest
    return {
        "licence": licence, "sequence": entry.sequence, "act": entry.act.value, "effective_on": entry.effective_on.isoformat(),
        "recorded_at": entry.recorded_at, "body": body.decode(), "sha256": entry.digest.sha256, "sm3": entry.digest.sm3, "place": place,
    }  # fmt: skip


def _version(licence: int, entry: Entry, beside: Appendix) -> dict[str, Any]:
    version = entry.version
    assert version  # noqa: S101 - only acts with a document are entered together
    return {
        "licence": licence, "version": version.version, "elicence_id": version.elicence_id, "document_sha256": version.document.sha256,
        "check_digest": version.check_code_digest, "delivery_digest": token_digest(beside.delivery_code or ""),
        "status_list": version.status[0], "status_index": version.status[1],
    }  # fmt: skip
