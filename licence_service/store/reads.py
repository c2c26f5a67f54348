"""Who read what a holder showed or lent, beside the looks of officers; and both as one list, for the holder (DOMAIN §2d, SH-11, AU-06).

Lines are only ever added. Of a reader without a name of his own only the kind is kept: no address, no device.
"""

import json
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from operator import gt, lt
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, and_, bindparam, case, func, insert, literal, or_, select, union_all
from sqlalchemy.dialects import postgresql, sqlite

from licence_service.licence import beijing_day
from licence_service.store.cards import Scope, licences_of
from licence_service.store.database import Database, Instant
from licence_service.store.desk_log import OF_A_LICENCE
from licence_service.store.looks import Look, look_of
from licence_service.store.payload import Vault
from licence_service.store.tables import licences
from licence_service.store.tables_of_lending import lendings, reads
from licence_service.store.tables_of_people import desk_log
from licence_service.store.tables_of_showing import looked_at, looks

SHOWN, LENT, COPY, STAFF, DESK = "shown", "lent", "copy", "staff", "desk"
RECEIVER, EMPLOYER = "receiver", "employer"
_MOST = 2**53  # of a number in a cursor: what every database can say
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OF_ONE = 3  # numbers of a cursor from before there was a list of all cards: it names no licence
_LOOK, _READ, _DESK = 0, 1, 2  # which of the lists a line is of; in this order where they are of the same instant


@dataclass(frozen=True, slots=True)
class Read:
    """One reading of a licence: by what way, as whom, by which registered system and under which lending, where there is one; the names of fields.

    `company` is the holder in whose list of persons it stood: one line for each day on which it did, whoever looked for the company.
    """

    at: datetime
    licence_id: str
    way: str
    asker: str
    fields: Sequence[str]
    client: str | None = None
    lending_id: str | None = None
    company: str | None = None


@dataclass(frozen=True, slots=True)
class AtDesk:
    """What somebody of a department did with a licence at the desk: whose office, one of `desk_log.OF_A_LICENCE`, of a copy its number; not who it was."""

    department: str
    office: str | None
    done: str
    copy_no: int | None


@dataclass(frozen=True, slots=True)
class Seen:
    """One line of the holder's list: an officer's `look`, what was done `at_desk`, or else a `read` with its id, and what was `lent`: receiver and purpose.

    A look at several licences is a line for each. `cursor` is where a list goes on after this line.
    """

    at: datetime
    licence_id: str = ""
    cursor: str = ""
    look: Look | None = None
    read: Read | None = None
    read_id: str | None = None
    lent: Mapping[str, Any] = field(default_factory=dict, repr=False)
    at_desk: AtDesk | None = None


_LICENCE = select(licences.c.id).where(licences.c.licence_id == bindparam("of_licence")).scalar_subquery()
_LENDING = select(lendings.c.id).where(lendings.c.lending_id == bindparam("of_lending")).scalar_subquery()
_ENTER = insert(reads).values(
    {
        "licence": _LICENCE, "lending": _LENDING,
        **{name: bindparam(name) for name in ("read_id", "at", "way", "asker", "client", "fields")},
    }
)  # fmt: skip


def _daily(dialect: Any) -> Any:  # noqa: ANN401 - both dialects know this statement, the library's common form does not
    names = ("read_id", "at", "licence", "way", "asker", "fields", "company", "looked_by", "day")
    return dialect.insert(reads).values({name: bindparam(name) for name in names}).on_conflict_do_nothing()


_DAILY = {"sqlite": _daily(sqlite), "postgresql": _daily(postgresql)}


def enter_read(connection: Connection, read: Read) -> None:
    """Add a line within a transaction that is under way."""
    row = {
        "read_id": secrets.token_hex(13), "at": read.at, "of_licence": read.licence_id, "way": read.way, "asker": read.asker, "client": read.client,
        "of_lending": read.lending_id, "fields": json.dumps(list(read.fields)),
    }  # fmt: skip
    connection.execute(_ENTER, row)


@dataclass(frozen=True, slots=True)
class Reads:
    """The list of readings."""

    database: Database
    vault: Vault = field(repr=False)

    def enter(self, read: Read) -> None:
        """Add a line."""
        with self.database.write() as connection:
            enter_read(connection, read)

    def enter_daily(self, company: str, by: str, fields: Mapping[int, Sequence[str]], now: datetime) -> None:
        """Add that somebody saw licences in a company's list of persons today: row of the licence → names of fields. What is there already stays as it is.

        Each who looks for the company has a row of their own; the holder reads the first of the day.
        One statement for all, in one order, so that two who list at once never wait for each other in a circle.
        """
        said = {"at": now, "way": STAFF, "asker": EMPLOYER, "company": company, "looked_by": by, "day": beijing_day(now).isoformat()}
        rows = [{**said, "licence": key, "read_id": secrets.token_hex(13), "fields": json.dumps(list(fields[key]))} for key in sorted(fields)]
        if rows:
            with self.database.write() as connection:
                connection.execute(_DAILY[connection.dialect.name], rows)

    def lookers(self, company: str, *, after: int = 0, limit: int = 100) -> list[tuple[str, str, int]]:
        """Return who looked at a company's list of persons: day, holder id of who it was, and at how many licences; newest first, without `after` lines."""
        lines = select(reads.c.day, reads.c.looked_by, func.count()).where(reads.c.company == company).group_by(reads.c.day, reads.c.looked_by)
        with self.database.read() as connection:
            found = connection.execute(lines.order_by(reads.c.day.desc(), reads.c.looked_by).offset(after).limit(limit))
            return [(row[0], row[1], row[2]) for row in found]

    def all_of(
        self, licence_id: str, *, after: str = "", limit: int = 100, since: datetime | None = None, newest_first: bool = False
    ) -> list[Seen]:  # fmt: skip
        """Return everything that was seen of a licence, by officers and at the desk too, oldest or newest first; `after` is the cursor of an earlier line.

        A cursor that is none of ours begins at the beginning. Nothing from before `since` is told.
        """
        one = select(licences.c.id, licences.c.licence_id).where(licences.c.licence_id == licence_id)
        return self._lines(one, after, limit, {licence_id: since} if since else {}, newest_first=newest_first)

    def of_cards(self, scope: Scope, *, after: str = "", limit: int = 100, since: Mapping[str, datetime]) -> list[Seen]:
        """Return the same of all cards of a scope, newest first. `since` are instants of licences; of others everything is told."""
        return self._lines(licences_of(scope), after, limit, since, newest_first=True)

    def _lines(self, of: Select[int, str], after: str, limit: int, since: Mapping[str, datetime], *, newest_first: bool) -> list[Seen]:
        from_then = {one: literal(at, Instant) for one, at in since.items()}
        began = case(from_then, value=licences.c.licence_id, else_=literal(_EPOCH, Instant)) if since else literal(_EPOCH, Instant)
        theirs = of.add_columns(began.label("since")).cte("theirs")
        # Of what a company's persons saw of a licence on one day the first line, found once for all licences: asked for each line, SQLite would walk
        # through all that the company saw on that day.
        days = select(func.min(reads.c.id)).where(reads.c.licence.in_(select(theirs.c.id)), reads.c.company.is_not(None))
        first = days.group_by(reads.c.licence, reads.c.company, reads.c.day)

        def each(table: Table, number: int) -> Select[Any]:
            return select(
                table.c.at, literal(number).label("list"), table.c.id, theirs.c.id.label("licence"), theirs.c.licence_id, theirs.c.since
            )  # fmt: skip

        read = each(reads, _READ).join(theirs, theirs.c.id == reads.c.licence)
        lines = union_all(
            each(looks, _LOOK).join(looked_at, looked_at.c.look == looks.c.id).join(theirs, theirs.c.id == looked_at.c.licence),
            read.where(reads.c.company.is_(None)),
            read.where(reads.c.id.in_(first)),
            each(desk_log, _DESK).join(theirs, theirs.c.licence_id == desk_log.c.subject).where(desk_log.c.done.in_(OF_A_LICENCE)),
        ).subquery()
        order = (lines.c.at, lines.c.list, lines.c.id, lines.c.licence)
        wanted = select(lines).where(lines.c.at >= lines.c.since).order_by(*(one.desc() if newest_first else one for one in order)).limit(limit)
        if place := _place(after, newest_first=newest_first):
            wanted = wanted.where(_beyond(order, place, lt if newest_first else gt))
        with self.database.read() as connection:
            found = connection.execute(wanted).all()
            of_lists = [
                opened(connection, [row.id for row in found if row.list == kind])
                for kind, opened in ((_LOOK, self._looks), (_READ, self._reads), (_DESK, self._at_desk))
            ]
        return [replace(of_lists[row.list][row.id], licence_id=row.licence_id, cursor=_cursor(row)) for row in found]

    def of_lendings(self, lending_ids: Collection[str], most: int) -> dict[str, list[Read]]:
        """Return the last `most` readings of each of some lendings, newest first."""
        place = func.row_number().over(partition_by=reads.c.lending, order_by=reads.c.id.desc()).label("place")
        every = (
            select(reads, licences.c.licence_id, lendings.c.lending_id, place)
            .join(lendings, lendings.c.id == reads.c.lending)
            .join(licences, licences.c.id == reads.c.licence)
            .where(lendings.c.lending_id.in_(lending_ids))
        ).subquery()
        found: dict[str, list[Read]] = {one: [] for one in lending_ids}
        with self.database.read() as connection:
            for row in connection.execute(select(every).where(every.c.place <= most).order_by(every.c.id.desc())):
                found[row.lending_id].append(_read(row))
        return found

    def _looks(self, connection: Connection, ids: list[int]) -> dict[int, Seen]:
        rows = connection.execute(select(looks).where(looks.c.id.in_(ids))).all() if ids else ()
        return {row.id: Seen(row.at, look=look_of(row, self.vault)) for row in rows}

    @staticmethod
    def _at_desk(connection: Connection, ids: list[int]) -> dict[int, Seen]:
        rows = connection.execute(select(desk_log).where(desk_log.c.id.in_(ids))).all() if ids else ()
        return {
            row.id: Seen(row.at, at_desk=AtDesk(row.department, row.office, row.done, row.copy_no)) for row in rows
        }  # fmt: skip

    def _reads(self, connection: Connection, ids: list[int]) -> dict[int, Seen]:
        whole = (
            select(reads, licences.c.licence_id, lendings.c.lending_id, lendings.c.sealed)
            .join(licences, licences.c.id == reads.c.licence)
            .join(lendings, lendings.c.id == reads.c.lending, isouter=True)
        )
        rows = connection.execute(whole.where(reads.c.id.in_(ids))).all() if ids else ()
        return {
            row.id: Seen(
                row.at, read=_read(row), read_id=row.read_id,
                lent=self.vault.open_json(row.sealed, f"lending:{row.lending_id}") if row.lending_id else {},
            )
            for row in rows
        }  # fmt: skip


def _read(row: Row[Any]) -> Read:
    return Read(row.at, row.licence_id, row.way, row.asker, tuple(json.loads(row.fields)), row.client, row.lending_id, row.company)


def _beyond(order: Sequence[ColumnElement[Any]], place: Sequence[object], beyond: Callable[[Any, Any], ColumnElement[bool]]) -> ColumnElement[bool]:
    """Return what the columns of a line say that comes after a place in their order."""
    (first, *others), (at, *further) = order, place
    later = beyond(first, at)
    return or_(later, and_(first == at, _beyond(others, further, beyond))) if others else later


def _cursor(row: Row[Any]) -> str:
    return f"{(row.at - _EPOCH) // timedelta(microseconds=1)}.{row.list}.{row.id}.{row.licence}"


def _place(cursor: str, *, newest_first: bool) -> tuple[datetime, int, int, int] | None:
    try:
        numbers = [int(one) for one in cursor.split(".")]
        at, kind, number, licence = numbers if len(numbers) > _OF_ONE else (*numbers, 0 if newest_first else _MOST - 1)
        found = _EPOCH + timedelta(microseconds=at), kind, number, licence
        return found if min(at, *found[1:]) >= 0 and max(found[1:]) < _MOST else None
    except (ValueError, OverflowError):
        return None
