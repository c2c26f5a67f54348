"""Many first entries in one short transaction: what `Book.append` does for one that opens a licence (DESIGN §4 step 9)."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from licence_service.entry_form import Unstamped, private_of, unstamped
from licence_service.errors import EntryConflict
from licence_service.fields import comparison_form
from licence_service.licence import Entry, beijing_day
from licence_service.segments import Place
from licence_service.store.counting import BOOK, hold, next_lines
from licence_service.store.database import Database
from licence_service.store.inserting import insert_all, next_ids
from licence_service.store.keys import Kind, add, ids_of, ids_under, key_of, settle
from licence_service.store.payload import Vault, token_digest
from licence_service.store.projection import projected_first
from licence_service.store.record import Appendix
from licence_service.store.reservation import fulfil, still_reserved
from licence_service.store.tables import entries, licences, lookups, payloads, versions
from licence_service.store.tables_of_packing import packed_documents, segments

_TICK = timedelta(microseconds=1)


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

    def open_all(self, openings: Sequence[Opened]) -> list[Entry | None]:
        """Enter all that still fit, in one transaction; return the entries with recorded times and digests, in order.

        None stands for one whose reservation another carried to its end meanwhile, or whose number a living licence holds, be it another of
        these: it goes its own way. `EntryConflict` where something else stands in the way.
        """
        if not openings:
            return []
        today = beijing_day(self._now())
        whole = [self._whole(one, today) for one in openings]
        with suppress(EntryConflict, IntegrityError), self._database.write() as connection:
            return [*self._open(connection, whole)]
        try:  # as nearly always all fit, who does not is looked for only now
            with self._database.write() as connection:
                hold(connection, BOOK)  # nobody enters anything between this look and the commit
                fitting = _fitting(connection, whole)
                entered = dict(zip(fitting, self._open(connection, [whole[at] for at in fitting]) if fitting else (), strict=True))
                return [entered.get(at) for at in range(len(whole))]
        except IntegrityError as error:
            raise EntryConflict from error

    def taken(self, live_keys: Sequence[str]) -> set[str]:
        """Return those of the keys under which a licence is unique (`Opening.live_key`) that a licence holds already."""
        blinds = {self._vault.blind("live", key): key for key in live_keys}
        with self._database.read() as connection:
            return {blinds[held] for held in ids_of(connection, Kind.LIVE, blinds)}

    def _open(self, connection: Connection, whole: Sequence["_Whole"]) -> list[Entry]:
        ready, rows = [one.ready for one in whole], [one.row for one in whole]
        place, recorded_at = next_lines(connection, self._now(), len(whole))
        settle(connection, place, len(whole))
        living = {one.live: one.row["live_key"] for one in whole if one.live is not None}
        if len(living) < sum(one.live is not None for one in whole) or ids_under(connection, Kind.LIVE, living):
            raise EntryConflict("a number of these is held by a living licence")
        fulfil(connection, self._vault, {one.opened.beside.reservation_id or "": 1 for one in whole})
        stamped = [one.ready.line.at(recorded_at + number * _TICK) for number, one in enumerate(whole)]
        keys = next_ids(connection, licences, len(rows))
        insert_all(connection, licences, [{"id": key, **row} for key, row in zip(keys, rows, strict=True)])
        add(connection, [(one.live, key) for key, one in zip(keys, whole, strict=True) if one.live is not None])
        insert_lines(connection, place, keys, stamped, ready)
        make_findable(connection, [(key, *value) for key, one in zip(keys, ready, strict=True) for value in one.blinds])
        return [entry for entry, _ in stamped]

    def _whole(self, one: Opened, today: date) -> "_Whole":
        row = self._licence(one, today)
        live = key_of(Kind.LIVE, row["live_key"]) if row["live_key"] else None
        return _Whole(one, ready_to_enter(self._vault, one.entry, one.beside, one.place, ""), row, live)

    def _licence(self, one: Opened, today: date) -> dict[str, Any]:
        """Return the row of a new licence as it is on a day, which is the one of its first entry or the one before it."""
        opening = one.beside.opening
        assert opening  # noqa: S101 - first entries open a licence
        over, values = projected_first(one.entry, today, opening.department)
        return {
            "licence_id": one.entry.licence_id, "type": opening.type, "department": opening.department, "parent": None,
            "live_key": None if over else self._vault.blind("live", opening.live_key),
            "due_on": one.beside.due_on.isoformat() if one.beside.due_on else None, **values,
        }  # fmt: skip


def _fitting(connection: Connection, whole: Sequence["_Whole"]) -> list[int]:
    """Return the places of those whose reservations are open still and whose numbers are free."""
    going = still_reserved(connection, [one.opened.beside.reservation_id or "" for one in whole])
    taken = set(ids_of(connection, Kind.LIVE, [one.row["live_key"] for one in whole if one.row["live_key"]]))
    found = []
    for at, one in enumerate(whole):
        live_key = one.row["live_key"]
        if one.opened.beside.reservation_id in going and live_key not in taken:
            found.append(at)
            taken |= {live_key} - {None}
    return found


@dataclass(frozen=True, slots=True)
class Ready:
    """A line and what is entered beside it, but for when that is: made before anybody waits for it. `version` is its row but for the licence.

    `document` and `delivery` are the keys by which a version is found, `blinds` names, blinded values and their keys.
    """

    line: Unstamped
    sealed: bytes = field(repr=False)
    version: Mapping[str, Any] = field(repr=False)
    document: int
    delivery: int
    blinds: Sequence[tuple[str, str, int]] = field(repr=False)
    place: Place


@dataclass(frozen=True, slots=True)
class _Whole:
    """One licence to open with all that is entered for it: what is ready, its row, and the key of the number that it will hold."""

    opened: Opened
    ready: Ready
    row: Mapping[str, Any] = field(repr=False)
    live: int | None


def ready_to_enter(vault: Vault, entry: Entry, beside: Appendix, place: Place, previous: str) -> Ready:
    """Write an entry with a document behind another of its licence, encrypt its private part, and blind the values that it is found by."""
    version = entry.version
    assert version  # noqa: S101 - only acts with a document are entered together
    row: dict[str, Any] = {
        "version": version.version, "elicence_id": version.elicence_id, "document_sha256": version.document.sha256,
        "check_digest": version.check_code_digest, "delivery_digest": token_digest(beside.delivery_code or ""),
        "status_list": version.status[0], "status_index": version.status[1],
    }  # fmt: skip
    blinds = [(name, vault.blind(name, comparison_form(value))) for name, value in sorted(beside.searchable.items())]
    return Ready(
        unstamped(entry, previous), vault.close_json(private_of(entry), f"entry:{entry.licence_id}:{entry.sequence}"), row,
        key_of(Kind.DOCUMENT, row["document_sha256"]), key_of(Kind.DELIVERY, row["delivery_digest"]),
        [(name, blind, key_of(Kind.VALUE, blind)) for name, blind in blinds], place,
    )  # fmt: skip


def insert_lines(
    connection: Connection, place: int, licence_keys: Sequence[int], stamped: Sequence[tuple[Entry, bytes]], ready: Sequence[Ready]
) -> None:  # fmt: skip
    """Insert entries (stamped, with their bodies) of these licences from a place of the book on, with versions and documents."""
    lines = list(zip(licence_keys, stamped, ready, strict=True))
    keys = next_ids(connection, entries, len(lines))
    insert_all(
        connection,
        entries,
        [_line(key, licence, *one, place + number) for number, (key, (licence, one, _)) in enumerate(zip(keys, lines, strict=True))],
    )
    insert_all(connection, payloads, [{"entry": key, "sealed": one.sealed} for key, one in zip(keys, ready, strict=True)])
    documents = {one.document: one.version["document_sha256"] for one in ready}
    if len(documents) < len(ready) or ids_under(connection, Kind.DOCUMENT, documents):
        raise EntryConflict("a document of these is in the register already")
    numbers = next_ids(connection, versions, len(lines))
    insert_all(
        connection, versions, [{"id": number, "licence": licence, **one.version} for number, (licence, _, one) in zip(numbers, lines, strict=True)]
    )
    add(connection, [(key, number) for number, one in zip(numbers, ready, strict=True) for key in (one.document, one.delivery)])
    _pack(connection, numbers, [one.place for one in ready])


def make_findable(connection: Connection, values: Sequence[tuple[int, str, str, int]]) -> None:
    """Let licences be found by values that they were not found by before: key of the licence, name, blind and its key."""
    insert_all(connection, lookups, [{"licence": licence, "name": name, "blind": blind} for licence, name, blind, _ in values])
    add(connection, [(key, licence) for licence, _, _, key in values])


def _pack(connection: Connection, numbers: Sequence[int], places: Sequence[Place]) -> None:
    """Write down where the documents of versions lie."""
    names = sorted({one.segment for one in places})
    known = {row.sha256: row.id for row in connection.execute(select(segments).where(segments.c.sha256.in_(names)))}
    for name in names:
        if name not in known:
            known[name] = connection.execute(insert(segments).values(sha256=name).returning(segments.c.id)).scalar_one()
    rows = [
        {"version": number, "segment": known[one.segment], "offset": one.offset, "length": one.length}
        for number, one in zip(numbers, places, strict=True)
    ]
    insert_all(connection, packed_documents, rows)


def _line(key: int, licence: int, entry: Entry, body: bytes, place: int) -> dict[str, Any]:
    assert entry.digest  # noqa: S101 - stamped entries carry their digest
    return {
        "id": key, "licence": licence, "sequence": entry.sequence, "act": entry.act.value, "effective_on": entry.effective_on.isoformat(),
        "recorded_at": entry.recorded_at, "body": body.decode(), "sha256": entry.digest.sha256, "sm3": entry.digest.sm3, "place": place,
    }  # fmt: skip
