"""Searching a department's licences page by page: columns narrow the candidates, the fold decides (DESIGN §7)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, or_, select

from licence_service.errors import Fault, RequestRejected
from licence_service.fields import comparison_form
from licence_service.fold import ENDINGS
from licence_service.licence import LicenceState
from licence_service.store.database import Database
from licence_service.store.keys import Kind, key_of, owners
from licence_service.store.loading import load
from licence_service.store.payload import Vault
from licence_service.store.projection import VARIES
from licence_service.store.record import Record
from licence_service.store.tables import licences, lookups

_BATCH = 200  # most candidates at once; the first batch is as large as the page
MOST_LOOKED_AT = 5_000  # candidates of one page; a page may end early, and says where to go on
_NO_ROW = 2**62  # behind every row


@dataclass(frozen=True, slots=True)
class Criteria:
    """What is searched; all of it must hold. `named` is a field (`number` and `holder` are known everywhere) and its value."""

    department: str
    types: Sequence[str]
    named: tuple[str, str] | None = field(default=None, repr=False)
    state: LicenceState | None = None
    expiring_within: int | None = None  # days from today
    due_within: int | None = None  # days until a recurring endorsement falls due; what is overdue is found too
    offices: Sequence[str] | None = None  # only those that one of these sub-offices issued; None is all


class Searching:
    """Finds licences by what their rows say."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Take the database and the vault whose key blinds values."""
        self._database = database
        self._vault = vault

    def page(self, criteria: Criteria, today: date, *, after: str | None, limit: int) -> tuple[list[Record], str | None]:
        """Return up to `limit` licences, newest first, and the id to go on after; None where there is nothing more."""
        found: list[Record] = []
        last = after
        for record in self._candidates(criteria, today, after, limit):
            if record is None:
                return found, last
            last = record.licence_id
            licence = record.on(today)
            if (
                licence is None
                or (criteria.state and licence.state is not criteria.state)
                or (licence.issuer or record.department) != criteria.department
            ):
                continue
            found.append(record)
            if len(found) == limit:
                return found, last
        return found, None

    def _candidates(self, criteria: Criteria, today: date, after: str | None, limit: int) -> Iterator[Record | None]:
        """Yield candidates in batches that hold no transaction between them; None where so many were looked at that the page ends."""
        begun = select(licences.c.id).where(licences.c.licence_id == after, *_within(criteria))  # what may not be known of is no cursor
        with self._database.read() as connection:
            before = connection.execute(begun).scalar_one_or_none() if after else _NO_ROW
        if before is None:
            raise RequestRejected(faults=[Fault("after", "unknown-cursor", "the cursor of an earlier page is wanted here")])
        query, looked_at, size = self._query(criteria, today), 0, min(limit, _BATCH)
        while looked_at < MOST_LOOKED_AT:
            with self._database.read() as connection:
                rows = connection.execute(query, {"before": before, "size": size}).all()
                records = load(connection, self._vault, [row.licence_id for row in rows])
            yield from records
            if len(rows) < size:
                return
            before, looked_at, size = rows[-1].id, looked_at + size, min(2 * size, _BATCH)
        yield None

    def _query(self, criteria: Criteria, today: date) -> Any:  # noqa: ANN401 - a select
        wanted = _within(criteria)
        if criteria.state:
            wanted.append(or_(licences.c.ending == VARIES, _narrowed(criteria.state, today)))
        if criteria.expiring_within is not None:
            wanted.append(licences.c.valid_to.between(today.isoformat(), (today + timedelta(days=criteria.expiring_within)).isoformat()))
        if criteria.due_within is not None:
            wanted.append(licences.c.due_on <= (today + timedelta(days=criteria.due_within)).isoformat())
        query, key = select(licences.c.id, licences.c.licence_id), licences.c.id
        if criteria.named:
            name, value = criteria.named
            query, key = query.join(lookups, lookups.c.licence == licences.c.id), lookups.c.licence  # as in `Lookups`, the order by its own column
            blind = self._vault.blind(name, comparison_form(value))
            wanted += [lookups.c.licence.in_(owners().params(key=key_of(Kind.VALUE, blind))), lookups.c.name == name, lookups.c.blind == blind]
        return query.where(*wanted, key < bindparam("before")).order_by(key.desc()).limit(bindparam("size"))


def _within(criteria: Criteria) -> list[ColumnElement[bool]]:
    """Return what the row of a licence must say for the caller to know of it."""
    said = [licences.c.issuer == criteria.department, licences.c.type.in_(criteria.types)]
    return said if criteria.offices is None else [*said, licences.c.office.in_(criteria.offices)]


def _narrowed(state: LicenceState, today: date) -> ColumnElement[bool]:
    """Return what the row of a licence in this state must say; one that hangs on another may be ended by it."""
    day, row = today.isoformat(), licences.c
    if state in ENDINGS.values():
        ended = and_(row.ending == state.value, row.ended_on <= day)
        return or_(ended, row.parent.is_not(None)) if state is LicenceState.CANCELLED else ended
    alive = or_(row.ending.is_(None), row.ended_on > day)
    if state is LicenceState.EXPIRED:
        return and_(alive, or_(row.valid_to < day, row.parent.is_not(None)))
    if state is LicenceState.SUSPENDED:
        return and_(alive, row.suspended_from <= day, or_(row.suspended_to.is_(None), row.suspended_to >= day))
    if state is LicenceState.PENDING_EFFECT:
        return and_(alive, row.valid_from > day)
    return and_(alive, row.valid_from <= day, or_(row.valid_to.is_(None), row.valid_to >= day))
