"""Which documents of single acts foreign readers look at, who looks at one now, and what was found.

What is chosen follows from the order of the register alone, so that neither a restart nor a kill loses any. Documents of chunks lie in
segments and were looked at before they were entered; a row of a chunk that went alone lies by itself, and is chosen among single acts.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import Connection, bindparam, func, insert, select, update

from licence_service.licence import beijing_day
from licence_service.store.counting import count_up_by, counted, hold, raise_to
from licence_service.store.database import Database
from licence_service.store.parting import parts
from licence_service.store.tables import entries, licences, versions
from licence_service.store.tables_of_foreign_readings import foreign_readings
from licence_service.store.tables_of_packing import packed_documents

CURSOR = "foreign readings"  # the version up to which it is chosen which are looked at
ALONE = "foreign readings: alone"  # how many of them were sealed alone
WAITING, RIGHT, WRONG, GONE = "waiting", "right", "wrong", "gone"  # gone: its face was erased before anybody looked
STATES = (WAITING, RIGHT, WRONG, GONE)
LEASE = timedelta(minutes=2)  # a look ends within half a minute, or was killed, or finds something away that may be back by then
ADOPTED = "adopted"  # in place of a seal of ours
_WINDOW = 500  # versions that are passed over at once
_NEXT = (
    select(versions.c.id, versions.c.licence, versions.c.version, licences.c.type, packed_documents.c.version.label("packed"))
    .join(licences, licences.c.id == versions.c.licence)
    .join(packed_documents, packed_documents.c.version == versions.c.id, isouter=True)
    .where(versions.c.id > bindparam("after"))
    .order_by(versions.c.id)
    .limit(_WINDOW)
)
_Kind: TypeAlias = tuple[str, str, str, str]  # day, type, edition, seal


@dataclass(frozen=True, slots=True)
class Chosen:
    """A document to look at."""

    key: int
    licence_id: str
    version: int
    seal_id: str


class ForeignReadings:
    """The list of what foreign readers look at."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def choose(self, every: int, now: datetime) -> int:
        """Choose among the next documents, and return how many these were.

        Chosen is the first of each day, edition and seal, and of all that were sealed alone each `every`-th.
        """
        with self._database.read() as connection:
            after = counted(connection, CURSOR) or 0
            rows = connection.execute(_NEXT, {"after": after}).all()
            alone = _kinds(connection, [row for row in rows if row.packed is None])
        if not rows:
            return 0
        with self._database.write() as connection:
            hold(connection, CURSOR)
            if (counted(connection, CURSOR) or 0) == after:  # else another process was quicker
                if chosen := _chosen(connection, alone, every, now):
                    connection.execute(insert(foreign_readings), chosen)
                raise_to(connection, CURSOR, rows[-1].id)
        return len(rows)

    def claim(self, now: datetime) -> Chosen | None:
        """Take the document that waits longest for oneself, for the time of `LEASE`; None where none waits."""
        free = (foreign_readings.c.state == WAITING) & (foreign_readings.c.lease_until <= now)
        oldest = select(foreign_readings.c.version).where(free).order_by(foreign_readings.c.lease_until, foreign_readings.c.version).limit(1)
        while True:
            with self._database.read() as connection:
                key = connection.execute(oldest).scalar_one_or_none()
            if key is None:
                return None
            mine = update(foreign_readings).where(foreign_readings.c.version == key, free).values(lease_until=now + LEASE)
            with self._database.write() as connection:
                if connection.execute(mine).rowcount:
                    return _claimed(connection, key)

    def settle(self, one: Chosen, state: str, at: datetime, why: str | None = None) -> None:
        """Write down what was found; who found it first is believed."""
        still = (foreign_readings.c.version == one.key) & (foreign_readings.c.state == WAITING)
        with self._database.write() as connection:
            connection.execute(update(foreign_readings).where(still).values(state=state, read_at=at, why=why))

    def counts(self) -> dict[str, int]:
        """Return how many there are in each state."""
        with self._database.read() as connection:
            found = {
                state: int(count)
                for state, count in connection.execute(select(foreign_readings.c.state, func.count()).group_by(foreign_readings.c.state))
            }
        return {state: found.get(state, 0) for state in STATES}


def pass_over(connection: Connection, version: int) -> None:
    """Look at nothing up to this row of `versions`: it was sealed long ago, and is entered again."""
    raise_to(connection, CURSOR, version)


def _kinds(connection: Connection, rows: Sequence[Any]) -> list[tuple[int, _Kind]]:
    """Return the row of each version that was sealed here, and its day, edition and seal, which its entry says."""
    said: dict[tuple[int, int], Any] = {}
    for part in parts(sorted({row.licence for row in rows})):
        for licence, body in connection.execute(select(entries.c.licence, entries.c.body).where(entries.c.licence.in_(part))):
            if made := json.loads(body)["version"]:
                said[licence, made["version"]] = made
    found = [(row, said[row.licence, row.version]) for row in rows]
    return [
        (row.id, (beijing_day(datetime.fromisoformat(made["sealed_at"])).isoformat(), row.type, made["edition"], made["seal_id"]))
        for row, made in found
        if made["seal_id"] != ADOPTED
    ]


def _chosen(connection: Connection, alone: Sequence[tuple[int, _Kind]], every: int, now: datetime) -> list[dict[str, Any]]:
    """Return the rows of those that are looked at."""
    met = _met(connection, {kind[0] for _, kind in alone})
    chosen = []
    for number, (key, kind) in enumerate(alone, count_up_by(connection, ALONE, len(alone))):
        first = kind not in met
        met.add(kind)
        if first or number % every == 0:
            day, slug, edition, seal_id = kind
            chosen.append({
                "version": key, "day": day, "type": slug, "edition": edition, "seal_id": seal_id, "first": first, "state": WAITING, "lease_until": now,
            })  # fmt: skip
    return chosen


def _met(connection: Connection, days: Iterable[str]) -> set[_Kind]:
    """Return of which editions and seals one of these days was chosen already."""
    kinds = select(foreign_readings.c.day, foreign_readings.c.type, foreign_readings.c.edition, foreign_readings.c.seal_id)
    return {(row.day, row.type, row.edition, row.seal_id) for row in connection.execute(kinds.where(foreign_readings.c.day.in_(sorted(days))))}


def _claimed(connection: Connection, key: int) -> Chosen:
    wanted = (
        select(
            foreign_readings.c.version,
            licences.c.licence_id,
            versions.c.version.label("number"),
            foreign_readings.c.seal_id,
        )
        .join(versions, versions.c.id == foreign_readings.c.version)
        .join(licences, licences.c.id == versions.c.licence)
        .where(foreign_readings.c.version == key)
    )
    row = connection.execute(wanted).one()
    return Chosen(row.version, row.licence_id, row.number, row.seal_id)
