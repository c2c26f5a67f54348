"""One index of all values that are in no order – digests, blinded values – by which rows are found: 64 bits of a digest → id of the row.

The whole value lies in its row and is compared there: a key that two values share, or one whose value was given up since, finds a row too
many and no answer. Nothing rests on the index, and it can be made again (`refill`).

Two steps on SQLite. In a tree of millions of keys each new one would dirty a page of its own, written to the log and once more into the
database. So new keys come into a small tree, where those of one chunk share pages, and the large tree takes them over in slices of all keys,
one slice for every `STEP` places of the book: the keys of 65,536 places in one go round, some ten in a page. PostgreSQL writes a page once for
all that came since the last checkpoint, and has one step.

What was unique by a constraint – a case, a living number, a document – is unique because whoever enters it holds the lock under which everybody
looks first (`counting.hold`).
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import Column, CompoundSelect, Connection, Select, bindparam, delete, func, select, text

from licence_service.store.parting import parts
from licence_service.store.tables import licences, lookups, reservations, versions
from licence_service.store.tables_of_keys import recent_keys, settled_keys


class Kind(StrEnum):
    """What a value is."""

    CASE = "case"  # of a reservation
    CASE_NO = "case_no"  # of a reservation: all that came of one case
    LIVE = "live"  # type, number and issuer of a licence
    DOCUMENT = "document"  # of a version
    DELIVERY = "delivery"  # of a version
    VALUE = "value"  # of a licence's face; the blind says the field too


Pair = tuple[int, int]  # key and owner

STEP, SLICES = 512, 128
_KEYS = 1 << 64  # how many there are; the smallest is -2^63
_WINDOW = 10_000  # rows read at once
_AT_ONCE = 2000  # keys in one condition
_FOUND = {
    Kind.CASE: (reservations.c.id, reservations.c.case_key),
    Kind.CASE_NO: (reservations.c.id, reservations.c.case_no),
    Kind.LIVE: (licences.c.id, licences.c.live_key),
    Kind.DOCUMENT: (versions.c.id, versions.c.document_sha256),
    Kind.DELIVERY: (versions.c.id, versions.c.delivery_digest),
    Kind.VALUE: (lookups.c.licence, lookups.c.blind),
}
_ADD_TO_RECENT = "INSERT OR IGNORE INTO recent_keys (key, owner) VALUES (?, ?)"
_SETTLE = "INSERT OR IGNORE INTO settled_keys (key, owner) SELECT key, owner FROM recent_keys WHERE key BETWEEN ? AND ? ORDER BY key, owner"
_SETTLED = "DELETE FROM recent_keys WHERE key BETWEEN ? AND ?"
_ADD_TO_SETTLED = text(
    "INSERT INTO settled_keys (key, owner) SELECT * FROM unnest(CAST(:keys AS bigint[]), CAST(:owners AS bigint[])) ON CONFLICT DO NOTHING"
)


def key_of(kind: Kind, value: str) -> int:
    """Return the key of a value."""
    return int.from_bytes(sha256(f"{kind}:{value}".encode()).digest()[:8], signed=True)


def owners() -> CompoundSelect[tuple[int]]:
    """Return what selects the ids of the rows that may have the value of the parameter `key`."""
    one = (select(table.c.owner).where(table.c.key == bindparam("key")) for table in (recent_keys, settled_keys))
    return next(one).union_all(next(one))


def owners_of_many() -> CompoundSelect[tuple[int]]:
    """Return the same for a list of keys, the parameter `keys`."""
    many = (select(table.c.owner).where(table.c.key.in_(bindparam("keys", expanding=True))) for table in (recent_keys, settled_keys))
    return next(many).union_all(next(many))


def ids_of(connection: Connection, kind: Kind, values: Iterable[str]) -> dict[str, int]:
    """Return those of the values that a row has, with the id of the newest such row."""
    return ids_under(connection, kind, {key_of(kind, value): value for value in values})


def ids_under(connection: Connection, kind: Kind, wanted: Mapping[int, str]) -> dict[str, int]:
    """Return the same for values by their keys."""
    there: dict[str, int] = {}
    for part in parts(sorted(wanted), _AT_ONCE):
        for value, owner in connection.execute(_HAVING[kind], {"keys": part}):
            if wanted.get(key_of(kind, value)) == value:
                there[value] = max(owner, there.get(value, owner))
    return there


def add(connection: Connection, pairs: Iterable[Pair]) -> None:
    """Add keys of rows that were, or are, written in the same transaction; one that is there stays."""
    rows = sorted(pairs)  # neighbours come to a page together
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_ADD_TO_RECENT, rows)
    else:
        connection.execute(_ADD_TO_SETTLED, {"keys": [key for key, _ in rows], "owners": [owner for _, owner in rows]})


def settle(connection: Connection, place: int, count: int = 1) -> None:
    """Move the keys whose turn it is, after these places of the book were taken."""
    if connection.dialect.name != "sqlite":
        return
    width = _KEYS // SLICES
    for step in range(place // STEP, (place + count) // STEP):
        low = step % SLICES * width - _KEYS // 2
        for statement in (_SETTLE, _SETTLED):
            connection.exec_driver_sql(statement, (low, low + width - 1))


def refill(connection: Connection, kinds: Iterable[Kind] = tuple(Kind)) -> None:
    """Make the index anew from the rows; of these kinds only, where the schema is of a release that had no others."""
    for table in (recent_keys, settled_keys):
        connection.execute(delete(table))
    if connection.dialect.name != "sqlite":
        for pairs in _all(connection, kinds):
            add(connection, pairs)
        return
    connection.exec_driver_sql("CREATE TEMP TABLE unsorted_keys (key INTEGER, owner INTEGER)")
    for pairs in _all(connection, kinds):
        connection.exec_driver_sql("INSERT INTO unsorted_keys VALUES (?, ?)", pairs)
    connection.exec_driver_sql("INSERT OR IGNORE INTO settled_keys (key, owner) SELECT key, owner FROM unsorted_keys ORDER BY key, owner")
    connection.exec_driver_sql("DROP TABLE unsorted_keys")


def missing(connection: Connection, pairs: Iterable[Pair]) -> set[Pair]:
    """Return those of the pairs that the index does not have."""
    wanted = set(pairs)
    for part in parts(sorted({key for key, _ in wanted}), _AT_ONCE):
        for table in (recent_keys, settled_keys):
            wanted -= {(row.key, row.owner) for row in connection.execute(select(table).where(table.c.key.in_(part)))}
    return wanted


def _all(connection: Connection, kinds: Iterable[Kind]) -> Iterator[list[Pair]]:
    for kind in kinds:
        row, column = _FOUND[kind]
        last = connection.execute(select(func.max(row))).scalar_one() or 0
        for after in range(0, last, _WINDOW):
            here = select(column, row).where(row > after, row <= after + _WINDOW, column.is_not(None))
            if pairs := [(key_of(kind, value), owner) for value, owner in connection.execute(here)]:
                yield pairs


def _having(row: Column[int], column: Column[str]) -> Select[str, int]:
    return select(column, row).where(row.in_(owners_of_many()), column.is_not(None))


_HAVING = {kind: _having(*where) for kind, where in _FOUND.items()}
