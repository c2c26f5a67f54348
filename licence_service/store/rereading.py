"""The whole book read again, as it lies in the tables, for those who check it or carry it away.

Everything is read in one snapshot, so that lines entered meanwhile contradict nothing, and in batches.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, select

from licence_service.digests import Digests
from licence_service.fields import comparison_form
from licence_service.licence import Entry
from licence_service.store.database import Database
from licence_service.store.heads import ENTRY, FOUNDATION, StoredHead
from licence_service.store.keys import Kind, Pair, key_of, missing
from licence_service.store.payload import Vault
from licence_service.store.projection import projected
from licence_service.store.tables import entries, foundations, heads, licences, lookups, payloads, versions

BATCH = 500


@dataclass(frozen=True, slots=True)
class RawLine:
    """One line as its row says. `columns` are what the row says beside the body and must repeat it."""

    place: int | None
    kind: str
    recorded_at: datetime
    body: str = field(repr=False)
    digest: Digests
    licence_id: str | None
    sequence: int | None
    columns: Mapping[str, Any]
    sealed: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class RawLicence:
    """A licence's row with all that hangs on it, nothing of it believed yet."""

    row: Mapping[str, Any]
    lines: tuple[RawLine, ...]
    versions: tuple[Mapping[str, Any], ...]
    lookups: frozenset[tuple[str, str]]
    lost: tuple[str, ...] = ()  # what it should be found by and is not, as the index of keys has lost it: kinds of `store.keys`


@contextmanager
def snapshot(database: Database) -> Iterator[Connection]:
    """Open a transaction that only reads and sees one state of the database from its first statement to its last."""
    with database.read() as connection:
        yield connection if database.is_sqlite else connection.execution_options(isolation_level="REPEATABLE READ")


class Rereading:
    """The book in one snapshot."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        """Take a connection as `snapshot` opens it, and the vault that opens private parts."""
        self._connection = connection
        self._vault = vault

    def size(self) -> tuple[int, int]:
        """Return the number of lines and of licences."""
        counted = [self._connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (entries, foundations, licences)]
        return counted[0] + counted[1], counted[2]

    def lines(self, after: int = 0) -> Iterator[RawLine]:
        """Yield the lines beyond a place, in the order of places."""
        while True:
            batch = [*self._entries(entries.c.place > after), *self._foundations(after)]
            batch.sort(key=lambda one: one.place or 0)
            yield from batch[:BATCH]
            if not batch:
                return
            after = batch[:BATCH][-1].place or 0

    def unplaced(self) -> Iterator[RawLine]:
        """Yield entries that have no place: nobody entered them through the book."""
        yield from self._entries(entries.c.place.is_(None))

    def heads(self) -> Iterator[StoredHead]:
        """Yield the heads, smallest first."""
        after = 0
        while True:
            found = select(heads).where(heads.c.size > after).order_by(heads.c.size).limit(BATCH)
            batch = [StoredHead(**row) for row in self._connection.execute(found).mappings()]
            yield from batch
            if not batch:
                return
            after = batch[-1].size

    def head(self, size: int) -> StoredHead | None:
        """Return the head of this size."""
        row = self._connection.execute(select(heads).where(heads.c.size == size)).mappings().first()
        return StoredHead(**row) if row else None

    def licences(self) -> Iterator[RawLicence]:
        """Yield the licences in the order of opening."""
        after = 0
        while True:
            rows = self._connection.execute(select(licences).where(licences.c.id > after).order_by(licences.c.id).limit(BATCH)).mappings().all()
            if not rows:
                return
            keys = [row["id"] for row in rows]
            lines = self._by_licence(keys)
            made = self._grouped(select(versions).where(versions.c.licence.in_(keys)).order_by(versions.c.version))
            found = self._grouped(select(lookups).where(lookups.c.licence.in_(keys)))
            keyed = {row["id"]: _keyed(row, made.get(row["id"], ()), found.get(row["id"], ())) for row in rows}
            lost = missing(self._connection, (pair for mine in keyed.values() for pair in mine))
            for row in rows:
                blind = frozenset((one["name"], one["blind"]) for one in found.get(row["id"], ()))
                unfound = tuple(sorted({kind.value for pair, kind in keyed[row["id"]].items() if pair in lost}))
                yield RawLicence(dict(row), tuple(lines.get(row["id"], ())), tuple(made.get(row["id"], ())), blind, unfound)
            after = keys[-1]

    def doubled_places(self) -> list[tuple[int, int]]:
        """Return the places in the status lists that more than one version has."""
        place = versions.c.status_list, versions.c.status_index
        return [(row.status_list, row.status_index) for row in self._connection.execute(select(*place).group_by(*place).having(func.count() > 1))]

    def private(self, line: RawLine) -> dict[str, Any] | None:
        """Open the private part of an entry; None where there is none, `Unavailable` where it does not open."""
        return self._vault.open_json(line.sealed, f"entry:{line.licence_id}:{line.sequence}") if line.sealed else None

    def blind(self, name: str, value: str) -> tuple[str, str]:
        """Return the lookup under which a value of the face is found."""
        return name, self._vault.blind(name, comparison_form(value))

    def _by_licence(self, keys: list[int]) -> dict[int, list[RawLine]]:
        grouped: dict[int, list[RawLine]] = {}
        joined = _joined().where(entries.c.licence.in_(keys)).order_by(entries.c.licence, entries.c.sequence)
        for row in self._connection.execute(joined).mappings():
            grouped.setdefault(row["licence"], []).append(_line(dict(row)))
        return grouped

    def _grouped(self, query: Any) -> dict[int, list[Mapping[str, Any]]]:  # noqa: ANN401 - a select
        grouped: dict[int, list[Mapping[str, Any]]] = {}
        for row in self._connection.execute(query).mappings():
            grouped.setdefault(row["licence"], []).append(dict(row))
        return grouped

    def _entries(self, clause: Any) -> list[RawLine]:  # noqa: ANN401 - a condition
        query = _joined().where(clause).order_by(entries.c.place).limit(BATCH)
        return [_line(dict(row)) for row in self._connection.execute(query).mappings()]

    def _foundations(self, after: int) -> list[RawLine]:
        query = select(foundations).where(foundations.c.place > after).order_by(foundations.c.place).limit(BATCH)
        return [
            RawLine(
                row["place"],
                FOUNDATION,
                row["recorded_at"],
                row["body"],
                Digests(row["sha256"], ""),
                None,
                None,
                {"kind": row["kind"], "name": row["name"]},
            )  # fmt: skip
            for row in self._connection.execute(query).mappings()
        ]


def _keyed(row: Mapping[Any, Any], made: Iterable[Mapping[str, Any]], found: Iterable[Mapping[str, Any]]) -> dict[Pair, Kind]:
    """Return the keys by which a licence, its versions and its values must be found."""
    keyed = {(key_of(Kind.LIVE, row["live_key"]), row["id"]): Kind.LIVE} if row["live_key"] else {}
    for one in made:
        keyed[key_of(Kind.DOCUMENT, one["document_sha256"]), one["id"]] = Kind.DOCUMENT
        keyed[key_of(Kind.DELIVERY, one["delivery_digest"]), one["id"]] = Kind.DELIVERY
    return keyed | {(key_of(Kind.VALUE, one["blind"]), row["id"]): Kind.VALUE for one in found}


def columns_of(lines: list[Entry], day: date, department: str) -> dict[str, Any]:
    """Return what the row of a licence must say after these entries."""
    return projected(lines, day, department)[1]


def _joined() -> Any:  # noqa: ANN401 - a select
    return (
        select(entries, licences.c.licence_id, payloads.c.sealed)
        .join(licences, licences.c.id == entries.c.licence, isouter=True)
        .join(payloads, payloads.c.entry == entries.c.id, isouter=True)
    )


def _line(row: Mapping[str, Any]) -> RawLine:
    return RawLine(
        row["place"], ENTRY, row["recorded_at"], row["body"], Digests(row["sha256"], row["sm3"]), row["licence_id"], row["sequence"],
        {"licence_id": row["licence_id"], "sequence": row["sequence"], "act": row["act"], "effective_on": row["effective_on"]}, row["sealed"],
    )  # fmt: skip
