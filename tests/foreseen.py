"""A second, slow reading of docs/deadlines.md, written from the page and a plan of what will happen, not from entries or the fold.

It knows three certificate types by the figures of the packs under `templates/_rules/`, written out here again, and asks of every deadline at which
of the service's rounds it is right to tell it.
"""

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

ONE = timedelta(days=1)
EVER = date(2999, 12, 31)
NEVER = datetime.combine(EVER, time())
DRIVER, TAXI, VEHICLE = "practitioner_qualification", "taxi_driver_certificate", "road_transport_certificate"
CEILING, HOURS = 63, 54
ENOUGH = 8  # rounds: more than there are in two days, and a company waits for one day at most


@dataclass(frozen=True)
class Deed:
    """Something that happens to a licence: when, what, and what it says."""

    at: datetime  # Beijing time, naive, as everything here
    what: str  # renew, suspend, lift, end, transfer, settle, review, train, sell
    day: date | None = None  # last day of a new term or a suspension, until when a transfer is open, next due day
    first: date | None = None  # of a suspension
    good: bool = True  # a review that was passed
    hours: int = 0


@dataclass
class Stay:
    """A licence in somebody's wallet, from one instant to another."""

    holder: str
    company: bool
    host: str | None
    begins: datetime
    ends: datetime = NEVER


@dataclass
class Life:
    """A licence from its issue on. `due` is the day that the face of a vehicle prints."""

    licence_id: str
    slug: str
    first: date
    ends: date | None
    born: date | None = None
    due: date | None = None
    deeds: list[Deed] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)


@dataclass(frozen=True)
class Figures:
    """What changes with the law: when drivers are reminded and may renew late, how long a cycle of training is."""

    reminder: int
    lapse: int
    cycle: int


@dataclass(frozen=True)
class Law:
    """The figures before and after: the drivers' from a day on, the cycle from an instant on at which it is entered."""

    before: Figures
    after: Figures
    drivers_from: date
    cycle_at: datetime

    def at(self, instant: datetime) -> Figures:
        drivers = self.after if instant.date() >= self.drivers_from else self.before
        return Figures(drivers.reminder, drivers.lapse, (self.after if instant >= self.cycle_at else self.before).cycle)


@dataclass(frozen=True)
class Window:
    """A deadline, and the days on which it is told to who was not told yet."""

    duty: str
    about: str
    day: date
    first: date
    last: date

    @property
    def identity(self) -> str:
        return f"{self.duty}|{self.about}|{self.day}"


@dataclass(frozen=True)
class Expected:
    """A notice: to whom, of which licence, of which deadline, when it is sent."""

    holder: str
    licence_id: str
    identity: str
    at: datetime


def expected(lives: Sequence[Life], law: Law, rounds: Sequence[datetime], quiet: tuple[int, int]) -> list[Expected]:
    """Return every notice that is to be sent when the service does its rounds at these instants."""
    loud = [at for at in rounds if not (at.hour >= quiet[0] or at.hour < quiet[1])]
    persons: list[Expected] = []
    companies: dict[tuple[str, str | None], list[tuple[str, str, list[datetime]]]] = {}
    for life in lives:
        for (stay, identity), right in _right_times(life, law, loud).items():
            if not right:
                continue
            if not stay[1]:
                persons.append(Expected(stay[0], life.licence_id, identity, min(at for at, _ in right)))
                continue
            for host in {host for _, host in right}:
                companies.setdefault((stay[0], host), []).append((life.licence_id, identity, [at for at, through in right if through == host]))
    told = {(one.holder, one.licence_id, one.identity) for one in persons}
    assert len(told) == len(persons)
    return persons + list(_digests(companies))


def _right_times(life: Life, law: Law, loud: Sequence[datetime]) -> dict[tuple[tuple[str, bool], str], list[tuple[datetime, str | None]]]:
    """Return, for each holder and deadline, the rounds at which it would be right to send it, and through which host."""
    turns = {datetime.combine(life.first, datetime.min.time()), datetime.combine(law.drivers_from, datetime.min.time()), law.cycle_at}
    turns |= {deed.at for deed in life.deeds} | {at for stay in life.stays for at in (stay.begins, stay.ends)}
    ordered = sorted(turns)
    found: dict[tuple[tuple[str, bool], str], list[tuple[datetime, str | None]]] = {}
    for begins, ends in zip(ordered, [*ordered[1:], NEVER], strict=True):
        kept = [stay for stay in life.stays if stay.begins <= begins < stay.ends]
        if not kept:
            continue
        here = loud[bisect_left(loud, begins) : bisect_left(loud, ends)]
        if not here:
            continue
        for window in windows(life, [deed for deed in life.deeds if deed.at <= begins], law.at(begins), here[0].date(), here[-1].date()):
            right = [at for at in here[bisect_left(here, datetime.combine(window.first, datetime.min.time())) :][:ENOUGH] if at.date() <= window.last]
            for stay in kept:
                found.setdefault(((stay.holder, stay.company), window.identity), []).extend((at, stay.host) for at in right)
    return found


def windows(life: Life, done: Sequence[Deed], figures: Figures, first: date, last: date) -> Iterator[Window]:
    """Return what is to be told between two days, if nothing else is done."""
    if any(deed.what == "end" for deed in done):
        return
    ends = max([deed.day for deed in done if deed.what == "renew" and deed.day] + ([life.ends] if life.ends else []), default=EVER)
    if ends != EVER:
        yield from _of_the_term(life, ends, figures)
    for window in _of_the_right(life, done, ends, figures, first, last):
        until = min(window.last, ends)
        if window.first <= until:
            yield Window(window.duty, window.about, window.day, window.first, until)


def _of_the_term(life: Life, ends: date, figures: Figures) -> Iterator[Window]:
    yield Window("last_day", "", ends, ends - 3 * ONE, ends)
    yield Window("renewal", "", ends, ends - (figures.reminder if life.slug == DRIVER else 30) * ONE, ends)
    if life.slug == DRIVER:
        closes = ends + figures.lapse * ONE
        yield Window("lapse", "", closes, max(ends + ONE, closes - 90 * ONE), closes)


def _of_the_right(life: Life, done: Sequence[Deed], ends: date, figures: Figures, first: date, last: date) -> Iterator[Window]:
    if life.slug == DRIVER and life.born:
        reaches = _years_later(life.born, CEILING)
        yield Window("age", "", reaches, reaches - 90 * ONE, reaches)
    lifted = {deed.first for deed in done if deed.what == "lift"}
    for deed in done:
        if deed.what == "suspend" and deed.day and deed.first not in lifted and deed.day < ends:
            assert deed.first
            yield Window("suspension", "", deed.day, max(deed.first, deed.day - 3 * ONE), deed.day)
    opened = [deed for deed in done if deed.what in {"transfer", "settle"}]
    if opened and opened[-1].what == "transfer" and opened[-1].day:
        yield Window("transfer", "", opened[-1].day, opened[-1].day - 7 * ONE, opened[-1].day)
    if life.slug == VEHICLE:
        yield from _reviews(life, done)
    if life.slug == TAXI:
        yield from _training(life, done, figures.cycle, first, last)


def _reviews(life: Life, done: Sequence[Deed]) -> Iterator[Window]:
    reviews = [deed for deed in done if deed.what == "review"]
    if reviews and not reviews[-1].good:
        yield Window("unmet", "annual_review", reviews[-1].at.date(), reviews[-1].at.date(), EVER)
        return
    about, due = ("annual_review", reviews[-1].day) if reviews else ("review_valid_to", life.due)
    assert due
    yield Window("condition", about, due, due - 30 * ONE, due)
    yield Window("unmet", about, due, due + ONE, EVER)


def _training(life: Life, done: Sequence[Deed], months: int, first: date, last: date) -> Iterator[Window]:
    """Go through the cycles, one after the other, as far as the days that are asked about."""
    begins, number = life.first, 1
    before_lacks: date | None = None
    while begins <= last:
        over = _cycle_ends(life.first, months * number)
        hours = sum(deed.hours for deed in done if deed.what == "train" and begins <= deed.at.date() <= over)
        if over >= first:
            if before_lacks:
                yield Window("unmet", "continuing_education", before_lacks, begins, over)
            else:
                due = over if hours < HOURS else _cycle_ends(life.first, months * (number + 1))
                tell = max(begins, due - 60 * ONE)
                yield Window("condition", "continuing_education", due, tell, over)
        before_lacks = over if hours < HOURS else None
        begins, number = over + ONE, number + 1


def _digests(companies: dict[tuple[str, str | None], list[tuple[str, str, list[datetime]]]]) -> Iterator[Expected]:
    """Go through a company's rounds, one after the other: one message a day and host app, with all that is right then and was not told."""
    told: set[tuple[str, str, str]] = set()
    days: set[tuple[str, str | None, date]] = set()
    rounds: dict[datetime, list[tuple[str, str | None, str, str]]] = {}
    for (holder, host), some in companies.items():
        for licence_id, identity, times in some:
            for at in times:
                rounds.setdefault(at, []).append((holder, host, licence_id, identity))
    for at in sorted(rounds):
        made = set()
        for holder, host, licence_id, identity in rounds[at]:
            if (holder, licence_id, identity) in told or (holder, host, at.date()) in days:
                continue
            told.add((holder, licence_id, identity))
            made.add((holder, host, at.date()))
            yield Expected(holder, licence_id, identity, at)
        days |= made


def _years_later(born: date, years: int) -> date:
    year = born.year + years
    return date(year, born.month, min(born.day, monthrange(year, born.month)[1]))


def _cycle_ends(first: date, months: int) -> date:
    """Return the day before the same day so many months later."""
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    days = monthrange(year, month + 1)[1]
    return date(year, month + 1, first.day) - ONE if first.day <= days else date(year, month + 1, days)
