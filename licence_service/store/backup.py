"""The whole database as a folder of plain files, and back (docs/formats.md): one gzipped JSON line a row, one file a table.

Taken online from one snapshot; the same on both databases, so that a register can also move from one to the other.
What lay encrypted stays encrypted; the payload key is not part of a backup.
"""

import base64
import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection, LargeBinary, Table, delete, func, insert, select, text, update
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.exc import DataError, IntegrityError

from licence_service.digests import canonical
from licence_service.errors import RequestRejected
from licence_service.store.counting import FEEDS, count_up_by
from licence_service.store.database import Database, Instant, revision_of
from licence_service.store.keys import refill
from licence_service.store.rereading import snapshot
from licence_service.store.tables import counters, entries, foundations, heads, licences, metadata
from licence_service.store.tables_of_keys import recent_keys, settled_keys

FORM = "backup/1"
MANIFEST = "manifest.json"
_BATCH = 1000
_LONGEST_LINE = 1 << 28
_BEYOND_ALL_CURSORS = 1 << 32  # more messages than are told between two backups
_INSTANT = Instant()
_NO_DIALECT = DefaultDialect()  # an instant is written the same on every database


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds: rows and the SHA-256 of the unpacked lines by table, and how far the book goes in it."""

    made_at: datetime
    revision: str
    tables: Mapping[str, tuple[int, str]]
    last_place: int
    last_head: int

    def as_json(self) -> dict[str, Any]:
        """Return it as it is written."""
        tables = {name: {"rows": rows, "sha256": digest} for name, (rows, digest) in self.tables.items()}
        return {
            "format": FORM, "made_at": self.made_at.isoformat(timespec="microseconds"), "revision": self.revision, "tables": tables,
            "last_place": self.last_place, "last_head": self.last_head,
        }  # fmt: skip


def back_up(database: Database, folder: Path, now: datetime, step: Callable[[str], None] = lambda _table: None) -> Manifest:
    """Write a backup into a new or empty folder; the manifest comes last, so that a folder without one is no backup.

    Raise `RequestRejected` where the folder holds anything or cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise RequestRejected("the folder for the backup is not empty")
        with snapshot(database) as connection:
            written = {}
            for table in _kept():
                step(table.name)
                written[table.name] = _write(connection, table, folder / _file(table))
            manifest = Manifest(now, revision_of(connection) or "", written, _last_place(connection), _last_head(connection))
        _durably(folder / MANIFEST, canonical(manifest.as_json()))
    except OSError as trouble:
        raise RequestRejected(f"the backup cannot be written: {trouble.strerror}") from trouble
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """Read what a folder says it holds; `RequestRejected` where it is no backup."""
    try:
        said = json.loads((folder / MANIFEST).read_bytes())
        if said["format"] != FORM:
            raise RequestRejected("this backup is of another format")
        tables = {str(name): (int(one["rows"]), str(one["sha256"])) for name, one in said["tables"].items()}
        return Manifest(datetime.fromisoformat(said["made_at"]), said["revision"], tables, int(said["last_place"]), int(said["last_head"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as bad:
        raise RequestRejected("this folder holds no whole backup") from bad


def put_back(database: Database, folder: Path, step: Callable[[str], None] = lambda _table: None) -> Manifest:
    """Fill an empty, migrated database from a backup, all or nothing.

    Raise `RequestRejected` where the database holds anything, has another schema, or a file is not what the manifest says.
    """
    manifest = read_manifest(folder)
    kept = {table.name for table in _kept()}
    if unknown := manifest.tables.keys() ^ kept:
        raise RequestRejected(f"the backup and this release do not have the same tables: {', '.join(sorted(unknown & kept))}")
    try:
        with database.write() as connection:
            if (revision_of(connection) or "") != manifest.revision:
                raise RequestRejected("the backup is of another release; restore it with that release, then migrate")
            _must_be_empty(connection)
            for table in _kept():
                step(table.name)
                _fill(connection, table, folder / _file(table), *manifest.tables[table.name])
            refill(connection)
            for feed in FEEDS:  # what was told since the backup is lost, the cursors behind it are not: what comes now must lie beyond them
                count_up_by(connection, feed, _BEYOND_ALL_CURSORS)
            if not database.is_sqlite:
                _count_on(connection)
    except (IntegrityError, DataError) as bad:
        raise RequestRejected("the rows of this backup do not fit together") from bad
    return manifest


# -- writing -------------------------------------------------------------------------------------------


def _write(connection: Connection, table: Table, path: Path) -> tuple[int, str]:
    rows, digest = 0, hashlib.sha256()
    found = connection.execution_options(yield_per=_BATCH).execute(select(table).order_by(*table.primary_key.columns))
    with _new(path) as file:
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
            for row in found.mappings():
                line = json.dumps(_portable(table, row), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
                digest.update(line)
                packed.write(line)
                rows += 1
        file.flush()
        os.fsync(file.fileno())
    return rows, digest.hexdigest()


def _portable(table: Table, row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a row as JSON: bytes in base64, instants as microseconds since 1970 UTC, as they are stored."""
    said = {}
    for column in table.columns:
        value = row[column.name]
        if isinstance(column.type, LargeBinary) and value is not None:
            value = base64.b64encode(value).decode()
        elif isinstance(column.type, Instant) and value is not None:
            value = _INSTANT.process_bind_param(value, _NO_DIALECT)
        said[column.name] = value
    return said


def _new(path: Path) -> BinaryIO:
    """Open a new file that only its owner can read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _durably(path: Path, content: bytes) -> None:
    with _new(path) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# -- reading -------------------------------------------------------------------------------------------


def _fill(connection: Connection, table: Table, path: Path, rows: int, digest: str) -> None:
    """Insert the rows of one file; what it holds is only believed once all of it was read and its digest is right."""
    batch: list[dict[str, Any]] = []
    parents: list[tuple[int, int]] = []
    if table is counters:
        connection.execute(delete(counters))  # the migrations made the first row
    for row in _rows(table, path, rows, digest):
        if table is licences and row["parent"] is not None:
            parents.append((row["id"], row["parent"]))
            row["parent"] = None  # a child may come before its parent
        batch.append(row)
        if len(batch) == _BATCH:
            connection.execute(insert(table), batch)
            batch = []
    if batch:
        connection.execute(insert(table), batch)
    for child, parent in parents:
        connection.execute(update(licences).where(licences.c.id == child).values(parent=parent))


def _kept() -> list[Table]:
    """Return the tables that a backup holds: all but the index of keys, which is made anew."""
    return [table for table in metadata.sorted_tables if table not in (recent_keys, settled_keys)]


def _rows(table: Table, path: Path, rows: int, digest: str) -> Iterator[dict[str, Any]]:
    counted, found = 0, hashlib.sha256()
    try:
        with gzip.open(path, "rb") as file:
            while line := file.readline(_LONGEST_LINE):
                found.update(line)
                counted += 1
                yield _row(table, json.loads(line))
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as bad:
        raise RequestRejected(f"the file of the table {table.name} is damaged") from bad
    if (counted, found.hexdigest()) != (rows, digest):
        raise RequestRejected(f"the file of the table {table.name} is not the one that the manifest describes")


def _row(table: Table, said: Mapping[str, Any]) -> dict[str, Any]:
    row = {}
    for column in table.columns:
        value = said[column.name]
        if isinstance(column.type, LargeBinary) and value is not None:
            value = base64.b64decode(value, validate=True)
        elif isinstance(column.type, Instant) and value is not None:
            value = _INSTANT.process_result_value(value, _NO_DIALECT)
        row[column.name] = value
    return row


def _must_be_empty(connection: Connection) -> None:
    for table in metadata.sorted_tables:
        if table is not counters and connection.execute(select(table).limit(1)).first():
            raise RequestRejected("the database is not empty; a backup is restored into a new one")


def _count_on(connection: Connection) -> None:
    """Let PostgreSQL go on behind the ids that were put back."""
    for table in metadata.sorted_tables:
        if "id" in table.columns:
            last = connection.execute(select(func.max(table.c.id))).scalar_one()
            connection.execute(
                text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last, :used)"), {"name": table.name, "last": last or 1, "used": bool(last)}
            )


def _last_place(connection: Connection) -> int:
    return max(connection.execute(select(func.max(table.c.place))).scalar_one() or 0 for table in (entries, foundations))


def _last_head(connection: Connection) -> int:
    return connection.execute(select(func.max(heads.c.size))).scalar_one() or 0


def _file(table: Table) -> str:
    return f"{table.name}.jsonl.gz"
