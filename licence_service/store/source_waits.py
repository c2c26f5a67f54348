"""Cases that wait for a data source: since when, how often it was asked, when it is asked again. Gone once the sources have answered (AI-04)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, update

from licence_service.pauses import Pauses
from licence_service.store.cases import case_text
from licence_service.store.clients import Client
from licence_service.store.counting import hold
from licence_service.store.database import Database
from licence_service.store.payload import Vault
from licence_service.store.tables import clients
from licence_service.store.tables_of_sources import source_waits as waits

WAITING, CLERK = "waiting", "clerk"
MOST_ATTEMPTS = 6  # then a person decides
_PAUSES = Pauses(first=30.0, growth=3, longest=2430.0)  # 30 s, 90 s, 4.5 min, 13.5 min, 40.5 min: about an hour in all
_TAKEN = timedelta(minutes=2)  # for which one that repeats a request has it to itself
_WRITERS = "source_waits"


@dataclass(frozen=True, slots=True)
class Whose:
    """Who asks: a department, or one of its offices, which has case numbers of its own."""

    department: str
    office: str | None = None

    @property
    def organisation(self) -> str:
        """Return the code under which its cases are told from others'."""
        return self.office or self.department


def whose_of(client: Client) -> Whose:
    """Return for whom a client asks."""
    return Whose(client.department, client.office)


def kept_of(client: Client, key: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request as it is kept."""
    return {"client": client.name, "key": key, "body": dict(body)}


@dataclass(frozen=True, slots=True)
class Wait:
    """One case that waits."""

    department: str
    type: str
    sources: tuple[str, ...]
    since: datetime
    attempts: int
    next_at: datetime
    state: str
    about: tuple[str, str] | None = None  # of a later act: licence and act


@dataclass(frozen=True, slots=True)
class Silence:
    """That sources did not answer about one case: to be counted where they were `asked`, and its `request`, where there is one, to be kept (`kept_of`)."""

    whose: Whose
    type: str
    case_no: str
    sources: tuple[str, ...]
    about: tuple[str, str] | None = None
    request: Mapping[str, Any] | None = field(default=None, repr=False)
    asked: bool = True


@dataclass(frozen=True, slots=True)
class Kept:
    """A request that waits: `{client, key, body}`, of a later act with `licence_id`."""

    case_no: str  # blinded
    wait: Wait
    request: Mapping[str, Any] = field(repr=False)

    @property
    def type(self) -> str:
        """Return the type of licence."""
        return self.wait.type


class SourceWaits:
    """The cases of all departments that wait."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database and the vault for blinds."""
        self._database = database
        self._vault = vault

    def of(self, department: str, case_no: str, offices: Sequence[str] | None = None) -> dict[tuple[str, str], Wait]:
        """Return what of a case waits, the longest first, by organisation and type: of a department with all its offices, or of these `offices` alone."""
        named = select(clients.c.office).where(clients.c.department == department, clients.c.office.is_not(None)).distinct()
        with self._database.read() as connection:
            asked = [department, *connection.execute(named).scalars()] if offices is None else offices
            named_by = {self._blind(one, case_no): one for one in asked}
            rows = connection.execute(select(waits).where(waits.c.case_no.in_(named_by)).order_by(waits.c.since, waits.c.type)).all()
        return {(named_by[row.case_no], row.type): _wait(row) for row in rows}

    def all(self) -> list[Wait]:
        """Return everything that waits, the longest first."""
        return self._read(waits.c.state == WAITING)

    def note(
        self, whose: Whose, slug: str, case_no: str, sources: Sequence[str], now: datetime, about: tuple[str, str] | None = None
    ) -> Wait:  # fmt: skip
        """Count an attempt to which these sources did not answer; with the last one a person decides. `about`: licence and act, of a later one."""
        (wait,) = self.note_all([Silence(whose, slug, case_no, tuple(sources), about)], now)
        assert wait  # noqa: S101 - it was counted
        return wait

    def note_all(self, silences: Sequence[Silence], now: datetime) -> list[Wait | None]:
        """Count the same for many at once, and keep the requests of those that wait; return how each waits now. A case that comes twice is one attempt."""
        named = [(self._blind(one.whose.organisation, one.case_no), one.type) for one in silences]
        sealed = {key: self._vault.close_json(one.request, _row(*key)) for key, one in zip(named, silences, strict=True) if one.request is not None}
        with self._database.write() as connection:
            hold(connection, _WRITERS)
            known = {(row.case_no, row.type): row for row in self._rows(connection, named)}
            fresh = []
            for key, one in dict(sorted(zip(named, silences, strict=True), key=lambda each: each[1].asked)).items():
                before, kept = known.get(key), {"request": sealed[key]} if key in sealed else {}
                if one.asked and before is None:
                    fresh.append({"request": None, **_first(key, one, now), **kept, **_counted(1, one, now)})
                elif before and (one.asked or (kept and before.state == WAITING)):
                    values = {**kept, **_counted(before.attempts + 1, one, now)} if one.asked else kept
                    connection.execute(update(waits).where(_is(before)).values(values))
            if fresh:
                connection.execute(insert(waits), fresh)
            noted = {(row.case_no, row.type): _wait(row) for row in self._rows(connection, named)}
        return [noted.get(key) for key in named]

    def standing(self, whose: Whose, slug: str, case_no: str) -> Wait | None:
        """Return the wait of one case and type."""
        return next(iter(self._read(self._mine(whose, slug, case_no))), None)

    def over(self, whose: Whose, slug: str, case_no: str) -> None:
        """Forget a wait: the sources have answered."""
        with self._database.write() as connection:
            hold(connection, _WRITERS)  # or who counts a silence meanwhile would find it gone
            connection.execute(delete(waits).where(self._mine(whose, slug, case_no)))

    def keep(self, whose: Whose, slug: str, case_no: str, request: Mapping[str, Any]) -> None:
        """Keep the request of a case that waits, encrypted, to be repeated; the last one that came stands."""
        mine, blind = self._mine(whose, slug, case_no), self._blind(whose.organisation, case_no)
        with self._database.write() as connection:
            sealed = self._vault.close_json(request, _row(blind, slug))
            connection.execute(update(waits).where(mine, waits.c.state == WAITING).values(request=sealed))

    def take(self, now: datetime, limit: int) -> list[Kept]:
        """Take requests whose turn has come, the longest waiting first; nobody else is given them for two minutes."""
        free = or_(waits.c.taken_until.is_(None), waits.c.taken_until <= now)
        due = (waits.c.state == WAITING) & waits.c.request.is_not(None) & (waits.c.next_at <= now) & free
        with self._database.read() as connection:
            if connection.execute(select(waits.c.case_no).where(due).limit(1)).first() is None:
                return []
        with self._database.write() as connection:
            hold(connection, _WRITERS)
            rows = connection.execute(select(waits).where(due).order_by(waits.c.next_at, waits.c.case_no).limit(limit)).all()
            for row in rows:
                connection.execute(update(waits).where(_is(row)).values(taken_until=now + _TAKEN))
        return [Kept(row.case_no, _wait(row), self._vault.open_json(row.request, _row(row.case_no, row.type))) for row in rows]

    def put_back(self, kept: Kept, at: datetime) -> None:
        """Let a request that was taken wait on up to `at`, also where its sources have answered and the wait is gone."""
        wait = kept.wait
        with self._database.write() as connection:
            hold(connection, _WRITERS)
            if connection.execute(update(waits).where(_is(kept)).values(next_at=at, taken_until=None)).rowcount:
                return  # as it stands, or as its client sent it meanwhile
            sealed = self._vault.close_json(kept.request, _row(kept.case_no, kept.type))
            row = {
                "case_no": kept.case_no, "type": wait.type, "department": wait.department, "sources": ",".join(wait.sources), "since": wait.since,
                "attempts": wait.attempts, "next_at": at, "state": WAITING, "request": sealed, **_about(wait.about),
            }  # fmt: skip
            connection.execute(insert(waits).values(**row))

    def let_go(self, kept: Kept) -> None:
        """Forget a request that is repeated no more, and that it waited; what a person sees to stands, and what its client sent meanwhile."""
        with self._database.write() as connection:
            hold(connection, _WRITERS)
            connection.execute(delete(waits).where(_is(kept), waits.c.state == WAITING, waits.c.taken_until.is_not(None)))

    @staticmethod
    def _rows(connection: Connection, named: Sequence[tuple[str, str]]) -> list[Any]:
        return list(connection.execute(select(waits).where(waits.c.case_no.in_({case_no for case_no, _ in named}))))

    def _mine(self, whose: Whose, slug: str, case_no: str) -> ColumnElement[bool]:
        return and_(waits.c.case_no == self._blind(whose.organisation, case_no), waits.c.type == slug)

    def _blind(self, organisation: str, case_no: str) -> str:
        return self._vault.blind("case_no", case_text(organisation, case_no))

    def _read(self, which: ColumnElement[bool]) -> list[Wait]:
        with self._database.read() as connection:
            return [_wait(row) for row in connection.execute(select(waits).where(which).order_by(waits.c.since, waits.c.type))]


def _is(one: Any) -> ColumnElement[bool]:  # noqa: ANN401 - a row, or a kept request
    return and_(waits.c.case_no == one.case_no, waits.c.type == one.type)


def _counted(attempts: int, one: Silence, now: datetime) -> dict[str, Any]:
    """Return how a case waits after so many attempts; with the last one its request is erased."""
    left = {"state": WAITING} if attempts < MOST_ATTEMPTS else {"state": CLERK, "request": None}
    return {"sources": ",".join(one.sources), "attempts": attempts, "next_at": now + _PAUSES.after(attempts), "taken_until": None, **left}


def _first(key: tuple[str, str], one: Silence, now: datetime) -> dict[str, Any]:
    licence_id, act = one.about or (None, None)
    return {"case_no": key[0], "type": key[1], "department": one.whose.department, "since": now, "licence_id": licence_id, "act": act}


def _row(blind: str, slug: str) -> str:
    return f"source_waits/{blind}/{slug}"


def _wait(row: Any) -> Wait:  # noqa: ANN401 - a row
    about = (row.licence_id, row.act) if row.licence_id else None
    return Wait(row.department, row.type, tuple(row.sources.split(",")), row.since, row.attempts, row.next_at, row.state, about)


def _about(about: tuple[str, str] | None) -> dict[str, str]:
    return {"licence_id": about[0], "act": about[1]} if about else {}
