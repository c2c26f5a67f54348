"""The seal-use log (用章日志) and the orders that stop a seal (DOMAIN SE-03).

Every use is written before the key is touched (`requested`) and after (`done`, `failed`), so that a crash between
leaves an open request, never an unlogged use. Lines form a hash chain over the whole log and are only inserted.
"""

import json
import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from licence_service.digests import canonical, sha256
from licence_service.errors import RequestRejected, SealBraked, SealStopped
from licence_service.store.alarms import Watch, alarm
from licence_service.store.counting import count_up_by, counted, hold
from licence_service.store.database import Database
from licence_service.store.inserting import insert_all
from licence_service.store.reservation import asked_by
from licence_service.store.tables import foundations, reservations, seal_orders, seal_uses

_LOG = logging.getLogger(__name__)
FORM = "seal-use/1"
ALARM, FOREIGN_READER = "alarm", "foreign reader"  # who stopped a seal, where nobody did
_AN_HOUR = 3600
_LINK = b'"previous":""'  # where the digest of the line before goes; within a text each quotation mark has a backslash before it
_NEWEST = select(seal_uses.c.sha256).order_by(seal_uses.c.id.desc()).limit(1)
COMPROMISE = "seal_compromise"  # the kind of the line of the book by which two people say that a key is lost (SE-06)


@dataclass(frozen=True, slots=True)
class SealUse:
    """One line: what was asked of which seal, for which reservation, and how it ended."""

    event: str  # requested | done | failed | refused
    seal_id: str
    department: str
    type: str
    reservation_id: str
    decision: str
    document_sha256: str
    sealed_sha256: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order to stop a seal, or to start it again."""

    at: datetime
    stopped: bool
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Brake:
    """What an hour's uses are counted under, and the most of them: of a department, a type and the scope of a grant (AI-05)."""

    department: str
    type: str
    scope: str
    most: int

    def hour(self, at: datetime) -> str:
        """Return the name under which the uses of an hour are counted, short enough for it."""
        scope = f"|{self.scope}" if self.scope else ""
        return f"brake:{sha256(f'{self.department}|{self.type}|{int(at.timestamp()) // _AN_HOUR}{scope}'.encode())[:32]}"


class SealLog:
    """Append-only log of seal uses and of stop and start orders."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def write(self, use: SealUse, at: datetime, brake: Brake | None = None, watch: Watch | None = None) -> str:
        """Add a line and return its digest; see `write_all`."""
        return self.write_all([use], at, [brake] if brake else [], [watch] if watch else [])[0]

    def left(self, brake: Brake, at: datetime) -> int:
        """Return how many uses more an hour's ceiling lets through."""
        with self._database.read() as connection:
            return max(0, brake.most - (counted(connection, brake.hour(at)) or 0))

    def write_all(self, uses: Sequence[SealUse], at: datetime, brakes: Iterable[Brake] = (), watches: Iterable[Watch] = ()) -> list[str]:
        """Add lines in one transaction and return their digests; each names the one before it.

        `brakes` has one for each use that is counted: beyond the ceiling of one `SealBraked` is raised and no line is added (AI-05). So has
        `watches`: where one gives alarm, its seal is stopped, `SealStopped` is raised and no line is added. Nor is one where a seal that is asked
        for was stopped meanwhile, and nothing is counted.
        """
        bodies = [canonical(_body(use, at)).split(_LINK) for use in uses]
        with self._database.write() as connection:
            hold(connection, "seal_log")
            if any(_stopped(connection, seal_id) for seal_id in {use.seal_id for use in uses if use.event == "requested"}):
                raise SealStopped
            counted_under = Counter(brakes)
            _count(connection, counted_under, at)
            alarmed = _alarmed(connection, Counter(watches), at)
            if alarmed:
                _count_back(connection, counted_under, at)
            digests = [] if alarmed else _chained(connection, uses, bodies, at)
        if alarmed:  # only now: the order must stand, whatever becomes of who asked
            _LOG.error("an alarm stopped: %s", ", ".join(alarmed))
            raise SealStopped
        return digests

    def uses(self, *, seal_id: str | None = None, reservation_id: str | None = None) -> list[dict[str, str | None]]:
        """Return the lines as JSON objects, oldest first."""
        lines = select(seal_uses.c.body).order_by(seal_uses.c.id)
        if seal_id:
            lines = lines.where(seal_uses.c.seal_id == seal_id)
        if reservation_id:
            lines = lines.where(seal_uses.c.reservation_id == reservation_id)
        with self._database.read() as connection:
            return [json.loads(body) for body in connection.execute(lines).scalars()]

    def newest(
        self, seal_ids: Collection[str], *, offices: Sequence[str] | None = None, before: int | None = None, limit: int = 50
    ) -> list[tuple[int, dict[str, str | None]]]:
        """Return the newest lines about some seals, newest first, each with the place to go on before; of `offices`, what these asked for."""
        wanted = select(seal_uses.c.id, seal_uses.c.body).where(seal_uses.c.seal_id.in_(seal_ids)).order_by(seal_uses.c.id.desc()).limit(limit)
        if offices is not None:
            wanted = wanted.where(seal_uses.c.reservation_id.in_(select(reservations.c.reservation_id).where(asked_by(offices))))
        with self._database.read() as connection:
            rows = connection.execute(wanted.where(seal_uses.c.id < before) if before else wanted).all()
        return [(row.id, json.loads(row.body)) for row in rows]

    def breaks(self) -> Iterator[int]:
        """Yield the place of every line whose digest or link is wrong."""
        previous = ""
        with self._database.read() as connection:
            rows = connection.execute(select(seal_uses.c.id, seal_uses.c.body, seal_uses.c.sha256).order_by(seal_uses.c.id)).all()
        for row in rows:
            if sha256(row.body.encode()) != row.sha256 or json.loads(row.body)["previous"] != previous:
                yield row.id
            previous = row.sha256

    def order(self, seal_id: str, *, stopped: bool, at: datetime, by: str, reason: str) -> None:
        """Stop a seal at once, or start it again; every order stays on record. One whose key is lost is never started again (SE-06)."""
        with self._database.write() as connection:
            if not stopped and _compromised(connection, seal_id):
                raise RequestRejected("the key of this seal is lost; it is never started again", facts={"rule": "SE-06"})
            connection.execute(insert(seal_orders).values(seal_id=seal_id, stopped=stopped, at=at, by=by, reason=reason))

    def orders(self, seal_id: str, *, limit: int = 20) -> list[Ordered]:
        """Return the newest orders about a seal, newest first."""
        mine = select(seal_orders).where(seal_orders.c.seal_id == seal_id).order_by(seal_orders.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return [Ordered(row.at, row.stopped, row.by, row.reason) for row in connection.execute(mine)]

    def stopped(self, seal_id: str) -> bool:
        """Say whether the last order stopped this seal, or its key is lost."""
        with self._database.read() as connection:
            return _stopped(connection, seal_id)


def _chained(connection: Connection, uses: Sequence[SealUse], bodies: Iterable[Sequence[bytes]], at: datetime) -> list[str]:
    """Add lines, each with the digest of the one before it; return theirs."""
    previous = connection.execute(_NEWEST).scalar_one_or_none() or ""
    rows = []
    for use, (before, after) in zip(uses, bodies, strict=True):
        body = before + b'"previous":"' + previous.encode() + b'"' + after
        previous = sha256(body)
        named = {"seal_id": use.seal_id, "reservation_id": use.reservation_id, "event": use.event}
        rows.append({"at": at, "body": body.decode(), **named, "sha256": previous})
    insert_all(connection, seal_uses, rows)
    return [str(row["sha256"]) for row in rows]


def _count(connection: Connection, brakes: Mapping[Brake, int], at: datetime) -> None:
    """Count the uses to their hour; the row of the count is where those who ask at once wait for each other."""
    for hour, most, more in sorted((brake.hour(at), brake.most, more) for brake, more in brakes.items()):
        if count_up_by(connection, hour, more) + more - 1 > most:
            raise braked_until(at)


def _count_back(connection: Connection, brakes: Mapping[Brake, int], at: datetime) -> None:
    """Take back what was counted: an alarm held the uses, and they come again."""
    for hour, more in sorted((brake.hour(at), more) for brake, more in brakes.items()):
        count_up_by(connection, hour, -more)


def _alarmed(connection: Connection, watches: Mapping[Watch, int], at: datetime) -> list[str]:
    """Count the uses to their hour, stop each seal that gives alarm, and return those."""
    found = []
    for watch, uses in sorted(watches.items(), key=lambda each: each[0].seal_id):
        if why := alarm(connection, watch, uses, at):
            connection.execute(insert(seal_orders).values(seal_id=watch.seal_id, stopped=True, at=at, by=ALARM, reason=why))
            found.append(watch.seal_id)
    return found


def braked_until(at: datetime) -> SealBraked:
    """Return what is raised over a ceiling: the same may come again when the hour is over."""
    return SealBraked(retry_after=_AN_HOUR - int(at.timestamp()) % _AN_HOUR)


def _stopped(connection: Connection, seal_id: str) -> bool:
    orders = select(seal_orders.c.stopped).where(seal_orders.c.seal_id == seal_id).order_by(seal_orders.c.id.desc()).limit(1)
    return bool(connection.execute(orders).scalar_one_or_none()) or _compromised(connection, seal_id)


def _compromised(connection: Connection, seal_id: str) -> bool:
    said = select(foundations.c.id).where((foundations.c.kind == COMPROMISE) & (foundations.c.name == seal_id)).limit(1)
    return connection.execute(said).first() is not None


def _body(use: SealUse, at: datetime) -> dict[str, str | None]:
    return {
        "format": FORM,
        "at": at.isoformat(timespec="microseconds"),
        "event": use.event,
        "seal_id": use.seal_id,
        "department": use.department,
        "type": use.type,
        "reservation_id": use.reservation_id,
        "decision": use.decision,
        "document_sha256": use.document_sha256,
        "sealed_sha256": use.sealed_sha256,
        "reason": use.reason,
        "previous": "",
    }
