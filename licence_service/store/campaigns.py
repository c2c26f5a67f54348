"""Campaigns under way: the plan as it was fixed, who planned and who approved it, and one row a licence that it means.

Working state, not the book: what a campaign does is in entries, which name it. A rehearsal that is done again marks rows instead of
deleting them, since the service's role deletes nothing here.
"""

import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, Select, bindparam, exists, func, insert, select, update

from licence_service.digests import canonical
from licence_service.errors import Fault, NotInForce, NotInRegister, RequestRejected
from licence_service.fields import comparison_form
from licence_service.licence import LicenceState
from licence_service.store.counting import hold
from licence_service.store.database import Database
from licence_service.store.keys import Kind, key_of, owners
from licence_service.store.payload import Vault
from licence_service.store.projection import VARIES
from licence_service.store.tables import campaign_rows, campaigns, entries, licences, lookups

PLANNED, REHEARSED, APPROVED, RUNNING, DONE = "planned", "rehearsed", "approved", "running", "done"
REFUSED = "refused:"  # what the words of a row begin with that was refused for a reason
UNSELECTED = ""  # in a row of an earlier rehearsal whose licence is no longer meant
BATCH, WINDOW = 200, 10_000
_MOST_NAME = 80


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign as it stands. `digest` is a keyed digest of the whole plan; `private` holds the officer and the lists."""

    key: int = field(repr=False)
    campaign_id: str
    department: str
    state: str
    planned_by: str
    planned_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    digest: str
    public: Mapping[str, Any] = field(repr=False)
    private: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Row:
    """One licence of a campaign: what the rehearsal came to on which head; the outcome is absent until it was acted on."""

    key: int = field(repr=False)
    licence_id: str
    rehearsed: str
    head: int
    drafted: str = field(repr=False)
    outcome: str | None = None
    sequence: int | None = None


class Share(NamedTuple):
    """The `number`-th part of a campaign's licences, from 0, `of` so many: no licence is in two."""

    number: int
    of: int

    def parts(self, count: int) -> "list[Share]":
        """Return the shares that this one is made of."""
        return [Share(self.number + part * self.of, self.of * count) for part in range(count)]


WHOLE = Share(0, 1)


class Campaigns:
    """The campaigns of one service."""

    def __init__(self, database: Database, vault: Vault, now: Callable[[], datetime]) -> None:
        """Take the database, the vault for officers and lists, and the clock."""
        self._database = database
        self._vault = vault
        self._now = now

    # -- plans -------------------------------------------------------------------------------------

    def add(self, department: str, public: Mapping[str, Any], private: Mapping[str, Any], text: str, by: str, key: str | None = None) -> str:
        """Keep a plan, once for a person under the `key` of a request; return the campaign's id. Of the whole plan's `text` the digest is made."""
        campaign_id = self._vault.blind("campaign request", canonical([by, key, text]).decode())[:26] if key else secrets.token_hex(13)
        kept = {**private, "digest": self._vault.blind("campaign", text), "public": self._vault.blind("campaign", _text(public))}
        sealed = b64encode(self._vault.close_json(kept, f"campaign:{campaign_id}")).decode()
        plan = _text({"plan": dict(public), "sealed": sealed})
        values = {"campaign_id": campaign_id, "department": department, "plan": plan, "state": PLANNED, "planned_by": _person(by)}
        with self._database.write() as connection:
            hold(connection, "campaigns")
            if connection.execute(select(campaigns.c.id).where(campaigns.c.campaign_id == campaign_id)).first():
                return campaign_id
            connection.execute(insert(campaigns).values(**values, planned_at=self._now()))
        return campaign_id

    def get(self, campaign_id: str, department: str | None = None) -> Campaign:
        """Return a campaign, of one department alone where that is said; `NotInRegister` without one, `NotInForce` for a plan that is not the one kept."""
        with self._database.read() as connection:
            row = connection.execute(_of(department).where(campaigns.c.campaign_id == campaign_id)).mappings().first()
        if row is None:
            raise NotInRegister("no such campaign")
        return self._of(row)

    def all(self, department: str | None = None) -> list[Campaign]:
        """Return every campaign, or those of one department alone, newest first."""
        with self._database.read() as connection:
            rows = connection.execute(_of(department).order_by(campaigns.c.id.desc())).mappings().all()
        return [self._of(row) for row in rows]

    def _of(self, row: RowMapping) -> Campaign:
        kept = json.loads(row["plan"])
        private = self._vault.open_json(b64decode(kept["sealed"]), f"campaign:{row['campaign_id']}")
        digest, public = private.pop("digest"), private.pop("public")
        if public != self._vault.blind("campaign", _text(kept["plan"])):
            raise NotInForce("the plan of this campaign was changed behind its back")
        return Campaign(
            row["id"], row["campaign_id"], row["department"], row["state"], row["planned_by"], row["planned_at"], row["approved_by"],
            row["approved_at"], digest, kept["plan"], private,
        )  # fmt: skip

    # -- from state to state -------------------------------------------------------------------------

    def begin_rehearsal(self, campaign: Campaign) -> None:
        """Go back to `planned`, whatever an earlier rehearsal found; refused once it is approved."""
        with self._database.write() as connection:
            _move(connection, campaign, (PLANNED, REHEARSED), PLANNED, "rehearsed")
            connection.execute(update(campaign_rows).where(campaign_rows.c.campaign == campaign.key).values(rehearsed=UNSELECTED))

    def end_rehearsal(self, campaign: Campaign) -> None:
        """Say that every licence was judged."""
        with self._database.write() as connection:
            _move(connection, campaign, (PLANNED,), REHEARSED, "rehearsed")

    def approve(self, campaign: Campaign, by: str) -> None:
        """Let a second person approve what was rehearsed; refused to whoever planned it."""
        person = _person(by)
        if comparison_form(person) == comparison_form(campaign.planned_by):
            raise RequestRejected(faults=[Fault("by", "same-person", "a second person approves what the first one planned")])
        with self._database.write() as connection:
            _move(connection, campaign, (REHEARSED,), APPROVED, "approved", approved_by=person, approved_at=self._now())

    def begin_run(self, campaign: Campaign) -> None:
        """Begin, or go on with, a campaign that was approved."""
        with self._database.write() as connection:
            _move(connection, campaign, (APPROVED, RUNNING), RUNNING, "run")

    def end_run(self, campaign: Campaign) -> None:
        """Say that no row is left open; whoever runs it beside may have said so first."""
        with self._database.write() as connection:
            _move(connection, campaign, (RUNNING, DONE), DONE, "ended")

    # -- who is meant --------------------------------------------------------------------------------

    def candidates(self, types: Sequence[str], departments: Sequence[str], after: int = 0) -> list[tuple[int, str]]:
        """Return (row, licence id) of the next licences that an act may have cancelled, few at a time; none at the end. The fold decides."""
        return self._next(_cancelled(select(licences.c.id, licences.c.licence_id), types, departments), after)

    def sealed(self, departments: Sequence[str], since: datetime | None, after: int = 0) -> list[tuple[int, str]]:
        """Return (row, licence id) of the next licences of these issuers of record of which something was recorded since an instant. The fold decides."""
        return self._next(_recorded(select(licences.c.id, licences.c.licence_id), departments, since), after)

    def _next(self, wanted: Select[Any], after: int) -> list[tuple[int, str]]:
        wanted = wanted.order_by(licences.c.id).limit(BATCH)
        with self._database.read() as connection:
            last = connection.execute(select(func.max(licences.c.id))).scalar_one() or 0
            while after < last:
                # A window of the primary key: no planner can choose to sort millions for each page.
                found = connection.execute(wanted.where(licences.c.id > after, licences.c.id <= after + WINDOW)).all()
                if found:
                    return [(row.id, row.licence_id) for row in found]
                after += WINDOW
        return []

    def candidate_count(self, types: Sequence[str], departments: Sequence[str]) -> int:
        """Return how many licences will be read."""
        with self._database.read() as connection:
            return int(connection.execute(_cancelled(select(func.count()).select_from(licences), types, departments)).scalar_one())

    def sealed_count(self, departments: Sequence[str], since: datetime | None) -> int:
        """Return how many licences will be read for `sealed`."""
        with self._database.read() as connection:
            return int(connection.execute(_recorded(select(func.count()).select_from(licences), departments, since)).scalar_one())

    def meant_twice(self, campaign: Campaign, licence_id: str, slug: str, number: str) -> bool:
        """Say whether the campaign is to act on another licence of this type, issuer of record and number."""
        blind = self._vault.blind("number", comparison_form(number))
        other = (
            select(campaign_rows.c.licence)
            .join(licences, licences.c.id == campaign_rows.c.licence)
            .join(lookups, lookups.c.licence == campaign_rows.c.licence)
            .where(lookups.c.licence.in_(owners().params(key=key_of(Kind.VALUE, blind))), lookups.c.name == "number", lookups.c.blind == blind)
            .where(campaign_rows.c.campaign == campaign.key, campaign_rows.c.rehearsed == campaign.public["act"])
            .where(licences.c.licence_id != licence_id, licences.c.type == slug)
            .where(licences.c.issuer == select(_same.c.issuer).where(_same.c.licence_id == licence_id).scalar_subquery())
        )
        with self._database.read() as connection:
            return connection.execute(other.limit(1)).first() is not None

    # -- rows --------------------------------------------------------------------------------------------

    def note(self, campaign: Campaign, rows: Sequence[Row]) -> None:
        """Write down what the rehearsal came to, in place of what an earlier one said; refused if it was approved meanwhile."""
        if not rows:
            return
        mine = campaign_rows.c.campaign == campaign.key
        with self._database.write() as connection:
            _move(connection, campaign, (PLANNED,), PLANNED, "rehearsed")
            known = set(
                connection.execute(select(campaign_rows.c.licence).where(mine, campaign_rows.c.licence.in_([one.key for one in rows]))).scalars()
            )
            said = [{"licence": one.key, "rehearsed": one.rehearsed, "head": one.head, "drafted": one.drafted} for one in rows]
            if fresh := [{**one, "campaign": campaign.key} for one in said if one["licence"] not in known]:
                connection.execute(insert(campaign_rows), fresh)
            if again := [{f"new_{name}": value for name, value in one.items()} for one in said if one["licence"] in known]:
                values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in ("rehearsed", "head", "drafted")}
                connection.execute(update(campaign_rows).where(mine, campaign_rows.c.licence == bindparam("new_licence")).values(values), again)

    def open_rows(self, campaign: Campaign, after: int = 0, most: int = BATCH, share: Share = WHOLE) -> list[Row]:
        """Return the next rows of a share that are to be acted on and were not yet."""
        wanted = _rows(campaign).where(campaign_rows.c.rehearsed == campaign.public["act"], campaign_rows.c.outcome.is_(None))
        return self._page(wanted.where(campaign_rows.c.licence % share.of == share.number), after, most)

    def refused(self, campaign: Campaign, keys: Sequence[int]) -> set[int]:
        """Return those of the licences (row keys, few) that the rehearsal or the run refused for a reason."""
        said = campaign_rows.c.rehearsed.startswith(REFUSED) | campaign_rows.c.outcome.startswith(REFUSED)
        mine = (campaign_rows.c.campaign == campaign.key) & campaign_rows.c.licence.in_(keys)
        with self._database.read() as connection:
            return set(connection.execute(select(campaign_rows.c.licence).where(mine, said)).scalars())

    def rows(self, campaign: Campaign) -> Iterator[Row]:
        """Yield every row, in the order of the register."""
        after = 0
        while page := self._page(_rows(campaign).where(campaign_rows.c.rehearsed != UNSELECTED), after):
            yield from page
            after = page[-1].key

    def _page(self, wanted: Select[Any], after: int, most: int = BATCH) -> list[Row]:
        with self._database.read() as connection:
            found = connection.execute(wanted.where(campaign_rows.c.licence > after).order_by(campaign_rows.c.licence).limit(most)).all()
        return [Row(one.licence, one.licence_id, one.rehearsed, one.head, one.drafted, one.outcome, one.sequence) for one in found]

    def settle(self, campaign: Campaign, row: Row, outcome: str, sequence: int | None = None) -> None:
        """Write down what became of a row; the first word stands."""
        self.settle_all(campaign, [(row, outcome, sequence)])

    def settle_all(self, campaign: Campaign, settled: Sequence[tuple[Row, str, int | None]]) -> None:
        """Write down what became of rows, in one order whoever else does, with the sequences of the entries that were made; the first word stands."""
        rows = [{"row": row.key, "said": outcome, "line": sequence} for row, outcome, sequence in sorted(settled, key=lambda one: one[0].key)]
        if rows:
            with self._database.write() as connection:
                connection.execute(_SETTLE, [{**one, "of": campaign.key} for one in rows])

    def counts(self, campaign: Campaign) -> list[tuple[str, str | None, int]]:
        """Return (rehearsed, outcome, how many)."""
        columns = (campaign_rows.c.rehearsed, campaign_rows.c.outcome)
        wanted = select(*columns, func.count().label("number")).where(
            campaign_rows.c.campaign == campaign.key, campaign_rows.c.rehearsed != UNSELECTED
        )
        with self._database.read() as connection:
            rows = connection.execute(wanted.group_by(*columns)).all()
        return sorted(((row.rehearsed, row.outcome, row.number) for row in rows), key=lambda one: (one[0], one[1] or ""))


_same = licences.alias("same")
_SETTLE = (
    update(campaign_rows)
    .where(campaign_rows.c.campaign == bindparam("of"), campaign_rows.c.licence == bindparam("row"), campaign_rows.c.outcome.is_(None))
    .values(outcome=bindparam("said"), sequence=bindparam("line"))
)


def _cancelled(wanted: Select[Any], types: Sequence[str], departments: Sequence[str]) -> Select[Any]:
    """Narrow to licences that a cancellation may end on some day; rows of the first release say only that an act ended them."""
    ended = licences.c.ending.in_([LicenceState.CANCELLED.value, VARIES]) | (licences.c.ending.is_(None) & licences.c.ended_on.is_not(None))
    return wanted.where(licences.c.type.in_(types), licences.c.issuer.in_(departments), ended)


def _of(department: str | None) -> Select[Any]:
    # Canonical JSON: no text in a plan holds an unescaped quotation mark, and so none looks like this list.
    alone = campaigns.c.plan.like(f'%"departments":["{department}"]%')
    return select(campaigns) if department is None else select(campaigns).where(campaigns.c.department == department, alone)


def _recorded(wanted: Select[Any], departments: Sequence[str], since: datetime | None) -> Select[Any]:
    """Narrow to licences of which something was recorded since an instant."""
    first_release = licences.c.issuer.is_(None) & licences.c.department.in_(departments)
    wanted = wanted.where(licences.c.issuer.in_(departments) | first_release)
    return wanted if since is None else wanted.where(exists().where(entries.c.licence == licences.c.id, entries.c.recorded_at >= since))


def _rows(campaign: Campaign) -> Select[Any]:
    joined = select(campaign_rows, licences.c.licence_id).join(licences, licences.c.id == campaign_rows.c.licence)
    return joined.where(campaign_rows.c.campaign == campaign.key)


def _move(connection: Connection, campaign: Campaign, before: Sequence[str], after: str, verb: str, **values: Any) -> None:  # noqa: ANN401
    """Go from one state to the next; refused where another was quicker or the order is wrong."""
    mine = (campaigns.c.id == campaign.key) & campaigns.c.state.in_(before)
    if connection.execute(update(campaigns).where(mine).values(state=after, **values)).rowcount != 1:
        said = f"a campaign is {verb} only while it is {' or '.join(before)}"
        raise RequestRejected(said, faults=[Fault("campaign", "not-its-turn", said)])


def _person(by: str) -> str:
    name = by.strip()
    if not name or len(name) > _MOST_NAME:
        raise RequestRejected(faults=[Fault("by", "missing", f"say who, in at most {_MOST_NAME} characters")])
    return name


def _text(value: Mapping[str, Any]) -> str:
    return canonical(value).decode()
