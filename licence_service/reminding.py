"""Reminding: each deadline of a kept licence is told to its holder once, in time, outside quiet hours (DOMAIN M18).

A round follows the book and the law, looks at the licences whose day has come, and sends what may be sent. Every step is a short transaction and
may be the last before a crash: what a step leaves behind says where the next round goes on. Any number of processes may run rounds.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from licence_service.catalogue import Catalogue
from licence_service.deadlines import ABOUT_AGES, DAY, Deadline, Subject, deadlines_of, next_look
from licence_service.errors import Misconfigured, Refusal
from licence_service.events import NOTICE
from licence_service.fold import ENDINGS
from licence_service.holding import Cards
from licence_service.lasting import lasts_until
from licence_service.law import Law
from licence_service.licence import BEIJING, Entry, Licence, LicenceState, beijing_day
from licence_service.rules import Conditions, RulePack
from licence_service.store.book import Book
from licence_service.store.cards import Card
from licence_service.store.clients import READ, Client
from licence_service.store.deadline_looks import DeadlineLooks, Due
from licence_service.store.holders import COMPANY, PERSON
from licence_service.store.notices import Keeper, KeptNotices, Message, Notice, Told
from licence_service.store.record import Record

AT_ONCE = 500  # licences that are looked at, or notices that are sent, in one transaction
_OVER = frozenset({*ENDINGS.values(), LicenceState.EXPIRED})
_ENDS = "ends"
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of the day, in Beijing, in which nobody is told of anything; both the same is none."""

    first: time
    last: time

    def over(self, instant: datetime) -> datetime:
        """Return when something that is found at an instant may be sent: at once, or when the quiet hours are over."""
        local = instant.astimezone(BEIJING)
        begun, at = local.date(), local.time()
        if self.first <= self.last:
            return self._end(begun) if self.first <= at < self.last else instant
        if at >= self.first:
            return self._end(begun + DAY)
        return self._end(begun) if at < self.last else instant

    def _end(self, day: date) -> datetime:
        return datetime.combine(day, self.last, BEIJING)

    def next_day(self, instant: datetime) -> datetime:
        """Return when something may be sent on the next day."""
        return self.over(datetime.combine(beijing_day(instant) + DAY, time(), BEIJING))


def read_quiet(text: str) -> Quiet:
    """Return the quiet hours that a setting names, `21:00-08:00`; none where it is empty; `Misconfigured` for anything else."""
    if not text:
        return Quiet(time(), time())
    found = _HOURS.fullmatch(text)
    if found is None:
        raise Misconfigured("LICENCE_QUIET_HOURS is two times of the day in Beijing, such as 21:00-08:00, or empty")
    first_hour, first_minute, last_hour, last_minute = map(int, found.groups())
    return Quiet(time(first_hour, first_minute), time(last_hour, last_minute))


@dataclass(frozen=True, slots=True)
class Foresight:
    """Reads the deadlines of licences under one reading of the law."""

    catalogue: Catalogue
    law: Law
    packs: tuple[RulePack, ...] = field(repr=False)

    def of(self, record: Record, today: date) -> tuple[tuple[Deadline, ...], date]:
        """Return the deadlines of a licence on a day, and the last day on which the same is said if nothing is entered."""
        licence = record.on(today)
        packs = [one for one in self.packs if one.types == "*" or record.type in one.types]
        if licence is None:
            return (), lasts_until(_entries(record), packs, Conditions((), ()), today)
        template = self.catalogue.edition(record.type, licence.current.edition)
        conditions = self.law.conditions(record.type, licence, template, self.catalogue.kinds)
        retired = self.catalogue.editions[record.type][-1].retired_from
        subject = Subject(
            licence, record.type, template, self.catalogue.kinds, packs, conditions, _term_end(record, licence), _above(record, today), retired
        )  # fmt: skip
        until = lasts_until(_entries(record), packs, conditions, today)
        return deadlines_of(subject), min(until, retired - DAY) if retired and retired > today else until


def foresight(catalogue: Catalogue, law: Law) -> Foresight:
    """Read the law once, for many licences."""
    standing = law.standing()
    return Foresight(catalogue, standing, standing.packs())


@dataclass(frozen=True, slots=True)
class Reminding:
    """Tells holders. `step` is called with the name of each step before it begins."""

    book: Book
    cards: Cards
    law: Law
    looks: DeadlineLooks
    notices: KeptNotices
    quiet: Quiet
    now: Callable[[], datetime] = field(repr=False)
    step: Callable[[str], None] = field(default=lambda _name: None, repr=False)

    def work(self) -> int:
        """Do a round, and return how many licences were looked at and notices sent; nothing is left to do now where it is 0."""
        self.step("follow")
        if self.looks.follow():
            return 1
        looked = self._look()
        return looked or self._send()

    def deadlines(self, records: Sequence[Record]) -> Mapping[str, tuple[Deadline, ...]]:
        """Return the deadlines of licences today, for their holder, by licence id."""
        sight, today = foresight(self.cards.catalogue, self.law), beijing_day(self.now())
        return {record.licence_id: sight.of(record, today)[0] for record in records}

    # -- looking ---------------------------------------------------------------------------------------

    def _look(self) -> int:
        """Look at some licences whose day has come, and write down whom to tell of what."""
        now = self.now()
        today = beijing_day(now)
        due = self.looks.due(today, AT_ONCE)
        if not due:
            return 0
        sight = foresight(self.cards.catalogue, self.law)
        records = {one.licence_id: one for one in self.book.records([one.licence_id for one in due])}
        keepers = self.notices.keepers([one.licence for one in due])
        looked: dict[int, tuple[int, date]] = {}
        told: list[Told] = []
        for one in due:
            record, kept = records[one.licence_id], keepers.get(one.licence, [])
            next_on, found = self._seen(sight, record, kept, today)
            looked[one.licence] = (one.marks, next_on)
            told += [self._told(one, keeper, deadline, now) for keeper in kept if self._theirs(record, keeper) for deadline in found]
        self.step("look")
        self.notices.write(looked, told, now)
        return len(due)

    @staticmethod
    def _seen(sight: Foresight, record: Record, kept: Sequence[Keeper], today: date) -> tuple[date, list[Deadline]]:
        """Return when a licence is looked at next, and what is to be told today; one that cannot be judged is looked at again tomorrow."""
        if not kept:
            return date.max, []  # whoever claims it has it looked at
        try:
            found, until = sight.of(record, today)
        except (Refusal, Misconfigured, LookupError):
            return today + DAY, []
        return next_look(found, until, today), [one for one in found if one.told_on(today)]

    def _theirs(self, record: Record, keeper: Keeper) -> bool:
        return self.cards.still_theirs(Card(record, keeper.claimed_at, keeper.how, keeper.held_by))

    def _told(self, due: Due, keeper: Keeper, one: Deadline, now: datetime) -> Told:
        words = {"title": one.title, "do": one.do, "by": one.by}
        content = {"duty": one.duty, "about": one.about, "day": one.day.isoformat(), "pack": one.pack}
        content |= {f"{name}_{tongue}": text for name, said in words.items() for tongue, text in (("zh", said.zh), ("en", said.en))}
        notice_id = self.notices.notice_id(keeper.holder_id, due.licence_id, one.identity)
        return Told(notice_id, keeper.holder, due.licence, content, self.quiet.over(now))

    # -- sending ---------------------------------------------------------------------------------------

    def _send(self) -> int:
        """Send what may be sent now: to persons one by one, to a company all of its day at once."""
        now = self.now()
        if self.quiet.over(now) > now:
            return 0
        persons = self.notices.ready(PERSON, now, AT_ONCE)
        if persons:
            self._settle(persons, now)
            return len(persons)
        companies = self.notices.ready(COMPANY, now, 1)
        if companies:
            found = self.notices.ready_of(companies[0].holder, now)
            self._settle(found, now)
            return len(found)
        return 0

    def _settle(self, found: Sequence[Notice], now: datetime) -> None:
        """Judge once more whether each has still a reason, and send or withdraw it."""
        today = beijing_day(now)
        keepers: dict[int, list[Keeper]] = {}
        standing: dict[int, frozenset[str]] = {}
        sight = foresight(self.cards.catalogue, self.law)
        rows = {one.licence_id: one.licence for one in found}
        for part in _stretches(list(rows)):
            keepers |= self.notices.keepers([rows[licence_id] for licence_id in part])
            for record in self.book.records(part):
                row = rows[record.licence_id]
                kept = [one for one in keepers.get(row, []) if self._theirs(record, one)]
                keepers[row] = kept
                told = self._seen(sight, record, kept, today)[1]
                standing[row] = frozenset(one.identity for one in told)
        good = [(one, keeper) for one in found if (keeper := _keeper(one, keepers, standing))]
        bad = [one.key for one in found if _keeper(one, keepers, standing) is None]
        self.step("send")
        self.notices.settle(self._messages(good, now), bad, now, self.quiet.next_day(now))

    def _messages(self, good: Sequence[tuple[Notice, Keeper]], now: datetime) -> Iterator[Message]:
        days: dict[tuple[int, int | None], list[tuple[Notice, Keeper]]] = {}
        for one, keeper in good:
            if one.kind == COMPANY:
                days.setdefault((one.holder, keeper.host), []).append((one, keeper))
            else:
                message_id = self.notices.notice_id(one.holder_id, one.licence_id, one.identity)
                yield Message(message_id, one.holder, keeper.host, False, _event(message_id, now, _of_one(one)), (one.key,))  # noqa: FBT003 - no digest
        for (holder, host), some in days.items():
            message_id = self.notices.digest_id(some[0][0].holder_id, host, beijing_day(now))
            content = _event(message_id, now, _of_a_day([one for one, _ in some], beijing_day(now)))
            yield Message(message_id, holder, host, True, content, tuple(one.key for one, _ in some))  # noqa: FBT003 - a digest


def may_have(host: Client, messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the messages to a host app that it may have now: those of types that it still holds, and those that are about none."""
    slugs = ((one, one["data"].get("certificate_type")) for one in messages)
    return [one for one, slug in slugs if (host.may(READ, slug) if slug else host.may_somewhere(READ))]


def _keeper(one: Notice, keepers: Mapping[int, Sequence[Keeper]], standing: Mapping[int, frozenset[str]]) -> Keeper | None:
    """Return the holder's card where a notice has still a reason; None where it was given back, or the deadline moved or passed."""
    mine = next((keeper for keeper in keepers.get(one.licence, ()) if keeper.holder == one.holder), None)
    return mine if mine and one.identity in standing.get(one.licence, frozenset()) else None


def _event(message_id: str, now: datetime, data: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": message_id, "type": NOTICE, "timestamp": now.isoformat(timespec="microseconds"), "data": dict(data)}


def _of_one(one: Notice) -> dict[str, Any]:
    """Return what a host app is told of one notice; a day that tells somebody's age stays here."""
    due_on = None if one.content["duty"] in ABOUT_AGES else one.content["day"]
    said = {"duty": one.content["duty"], "about": one.content["about"], "due_on": due_on}
    return {"holder": one.holder_id, "licence_id": one.licence_id, "certificate_type": one.type, **said}


def _of_a_day(some: Sequence[Notice], day: date) -> dict[str, Any]:
    """Return what a host app is told of a company's day: how many notices of which duty, and about how many licences."""
    counts: dict[str, int] = {}
    for one in some:
        counts[one.content["duty"]] = counts.get(one.content["duty"], 0) + 1
    licences = len({one.licence_id for one in some})
    return {"holder": some[0].holder_id, "day": day.isoformat(), "notices": len(some), "licences": licences, "counts": dict(sorted(counts.items()))}


def _stretches(ids: Sequence[str]) -> Iterator[list[str]]:
    for begin in range(0, len(ids), AT_ONCE):
        yield list(ids[begin : begin + AT_ONCE])


def _entries(record: Record) -> list[Entry]:
    return [*record.entries, *(_entries(record.parent) if record.parent else [])]


def _term_end(record: Record, licence: Licence) -> date | None:
    """Return the last day of the term that the renewals entered so far lead to: one that was entered ahead holds from its own day on."""
    end = licence.valid_to
    while end and end < date.max:
        after = record.on(end + DAY)
        if after is None or after.valid_to is None:
            return None
        if after.valid_to <= end:
            return end
        end = after.valid_to
    return end


def _above(record: Record, today: date) -> date | None:
    """Return the last day of the licence above, where its end ends this one (LC-13)."""
    hangs, parent = record.entries[0].parent, record.parent
    if hangs is None or parent is None or hangs.effect != _ENDS:
        return None
    above = parent.on(today)
    if above is None or above.state in _OVER:
        return None  # this one says so itself
    days = (_term_end(parent, above), above.ended_on - timedelta(days=1) if above.ended_on else None, _above(parent, today))
    return min((day for day in days if day), default=None)
