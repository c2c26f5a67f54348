"""What judgements rest on, as lines of the book: template editions, rule packs, bodies and their grants, departments, trust anchors.

Each line holds its content and digest and was put in force by two people: one proposes, another confirms. Lines are only
inserted and share places and recorded times with the entries, so that a judgement of yesterday can be repeated.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from licence_service.digests import canonical, sha256
from licence_service.errors import Fault, NotInRegister, RequestRejected
from licence_service.fields import comparison_form
from licence_service.store.counting import hold, next_line
from licence_service.store.database import Database
from licence_service.store.tables import foundations, proposals

FORM = "foundation/1"
_TICK = timedelta(microseconds=1)
_PROPOSERS = "proposals"  # the row where those who propose wait for each other
_IS_OPEN = proposals.c.state == "open"
_NEWER = select(foundations.c.place, foundations.c.body).where(foundations.c.place > bindparam("last")).order_by(foundations.c.place)


@dataclass(frozen=True, slots=True)
class Foundation:
    """One line: what was put in force, when it was recorded, and by which two people."""

    place: int
    kind: str
    name: str
    content: str = field(repr=False)
    content_sha256: str
    recorded_at: datetime
    proposed_by: str
    confirmed_by: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one person proposed and another has not settled yet."""

    number: int
    kind: str
    name: str
    content: str = field(repr=False)
    proposed_by: str
    proposed_at: datetime


class Foundations:
    """The foundations of one service. Lines never change, so those read once are kept and only newer ones are read again."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        """Take the database and the clock that stamps lines."""
        self._database = database
        self._now = now
        self._read: tuple[Foundation, ...] = ()
        self._in_force: tuple[tuple[Foundation, ...], Mapping[str, Mapping[str, Foundation]]] = (), {}  # of lines, what holds now

    def propose(self, kind: str, name: str, content: str, by: str) -> int:
        """Write down a proposal and return its number."""
        return self.propose_all([(kind, name, content)], by)[0]

    def propose_all(self, wanted: Sequence[tuple[str, str, str]], by: str) -> list[int]:
        """Write down proposals (kind, name, content) and return their numbers; of one that waits with this very content already, its number."""
        beside = {"proposed_by": _person(by), "proposed_at": self._now(), "state": "open"}
        if not wanted:
            return []
        with self._database.write() as connection:
            hold(connection, _PROPOSERS)
            said = (proposals.c.kind, proposals.c.name, proposals.c.content)
            waiting = {(row.kind, row.name, row.content): row.id for row in connection.execute(select(proposals.c.id, *said).where(_IS_OPEN))}
            fresh = [one for one in dict.fromkeys(wanted) if one not in waiting]
            rows = [{"kind": kind, "name": name, "content": content, **beside} for kind, name, content in fresh]
            if rows:
                numbers = connection.execute(insert(proposals).returning(proposals.c.id, sort_by_parameter_order=True), rows).scalars()
                waiting |= dict(zip(fresh, numbers, strict=True))
        return [waiting[one] for one in wanted]

    def open_proposals(self) -> list[Proposal]:
        """Return what waits for a second person, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(proposals).where(_IS_OPEN).order_by(proposals.c.id)).all()
        return [Proposal(row.id, row.kind, row.name, row.content, row.proposed_by, row.proposed_at) for row in rows]

    def confirm(self, numbers: Iterable[int], by: str) -> int:
        """Put proposals in force; whoever proposed one cannot confirm it, however the name is written. Return how many lines were entered, all or none."""
        wanted, person = set(numbers), _person(by)
        with self._database.write() as connection:
            open_now = _IS_OPEN & proposals.c.id.in_(wanted)
            # Locked: of two who settle one proposal at once, the second finds it settled.
            rows = connection.execute(select(proposals).where(open_now).order_by(proposals.c.id).with_for_update()).all()
            if wanted - {row.id for row in rows}:
                raise NotInRegister("no such open proposal")
            if any(comparison_form(row.proposed_by) == comparison_form(person) for row in rows):
                raise RequestRejected(faults=[Fault("by", "same-person", "a second person confirms what the first one proposed")])
            lines: list[dict[str, Any]] = []
            for row in rows:
                place, recorded_at = next_line(connection, max(self._now(), lines[-1]["recorded_at"] + _TICK) if lines else self._now())
                lines.append(_line(row, person, place, recorded_at))
            if lines:
                connection.execute(insert(foundations), lines)
            connection.execute(update(proposals).where(open_now).values(state="confirmed", settled_by=person))
        return len(rows)

    def drop(self, number: int, by: str) -> None:
        """Drop a proposal; it stays on record."""
        with self._database.write() as connection:
            mine = (proposals.c.id == number) & _IS_OPEN
            if connection.execute(update(proposals).where(mine).values(state="dropped", settled_by=_person(by))).rowcount != 1:
                raise NotInRegister("no such open proposal")

    def lines(self) -> tuple[Foundation, ...]:
        """Return every line, in the order of the book."""
        read = self._read
        with self._database.read() as connection:
            newer = connection.execute(_NEWER, {"last": read[-1].place if read else 0}).all()
        if newer:
            read = self._read = (*read, *(_foundation(row.place, json.loads(row.body)) for row in newer))
        return read

    def body(self, place: int) -> bytes:
        """Return the body of the line at a place, to the byte."""
        with self._database.read() as connection:
            found = connection.execute(select(foundations.c.body).where(foundations.c.place == place)).scalar_one_or_none()
        if found is None:
            raise NotInRegister("no foundation at this place")
        return str(found).encode()

    def known(self, kind: str, known_at: datetime | None = None) -> Mapping[str, Foundation]:
        """Return the newest line of each name of a kind, as known at an instant (inclusive)."""
        return self.all_known(known_at).get(kind, {})

    def all_known(self, known_at: datetime | None = None) -> Mapping[str, Mapping[str, Foundation]]:
        """Return the same of every kind, by one reading."""
        lines, (read, newest) = self.lines(), self._in_force
        if known_at is None and lines is read:
            return newest
        found: dict[str, dict[str, Foundation]] = {}
        for one in lines:
            if known_at is None or one.recorded_at <= known_at:
                found.setdefault(one.kind, {})[one.name] = one
        if known_at is None:
            self._in_force = lines, found
        return found


def _person(by: str) -> str:
    name = by.strip()
    if not name or len(name) > 80:  # noqa: PLR2004 - the column's length
        raise RequestRejected(faults=[Fault("by", "missing", "say who, in at most 80 characters")])
    return name


def _line(row: Any, person: str, place: int, recorded_at: datetime) -> dict[str, Any]:  # noqa: ANN401 - a row of proposals
    body = _body(row.kind, row.name, row.content, recorded_at, row.proposed_by, person)
    return {"place": place, "kind": row.kind, "name": row.name, "recorded_at": recorded_at, "body": body.decode(), "sha256": sha256(body)}


def _body(kind: str, name: str, content: str, recorded_at: datetime, proposed_by: str, confirmed_by: str) -> bytes:
    return canonical(
        {
            "format": FORM, "kind": kind, "name": name, "content": content, "content_sha256": sha256(content.encode()),
            "recorded_at": recorded_at.isoformat(timespec="microseconds"), "proposed_by": proposed_by, "confirmed_by": confirmed_by,
        }
    )  # fmt: skip


def _foundation(place: int, body: Mapping[str, str]) -> Foundation:
    return Foundation(
        place, body["kind"], body["name"], body["content"], body["content_sha256"], datetime.fromisoformat(body["recorded_at"]),
        body["proposed_by"], body["confirmed_by"],
    )  # fmt: skip
