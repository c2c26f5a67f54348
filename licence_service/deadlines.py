"""Deadlines: every day that the holder of a licence must know, under the law of the day that is asked (DOMAIN M18).

Pure. A deadline is a duty, what it is about, and the day on which it rests: these three are its identity, so that a sentence that is worded
anew, or a reminder that comes earlier, is no other deadline, while a day that moves is. Which duties are told of, how long before and in which
words is said by a rule pack; the days themselves follow from the fold of the entries and from the packs of each way.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from licence_service.fields import Asker
from licence_service.fold import ENDINGS
from licence_service.licence import Act, Licence, LicenceState
from licence_service.rules import OVERDUE, AgeCeiling, Conditions, Outcome, Reminders, Renewal, RulePack, birth_of, birthday, in_force, renewal_of
from licence_service.template import EndorsementKind, Template, Words

DAY = timedelta(days=1)
TITLES: Mapping[str, tuple[str, str]] = {
    "renewal_opens": ("开始受理换证", "Renewal opens"),
    "renewal": ("换证期限", "Renewal is due"),
    "last_day": ("有效期最后一日", "Last day of the term"),
    "lapse": ("逾期换证截止", "Renewal after the end closes"),
    "condition": ("{about}到期", "{about} falls due"),
    "unmet": ("{about}未满足", "{about} is not met"),
    "age": ("达到年龄上限", "The age ceiling is reached"),
    "suspension": ("暂扣届满", "The suspension ends"),
    "transfer": ("转籍接收期限", "The transfer is open until"),
}
ABOUT_AGES = frozenset({"age"})  # whose day tells somebody's birthday


@dataclass(frozen=True, slots=True)
class Subject:
    """A licence on a day, with what is declared about its type and the law of that day.

    `valid_to` is the last day of the term that renewals entered so far lead to, `above` that of the licence that ends it with its own end;
    `retired_from` the day from which the type is renewed no more.
    """

    licence: Licence = field(repr=False)
    slug: str
    template: Template = field(repr=False)
    kinds: Mapping[str, EndorsementKind] = field(repr=False)
    packs: Sequence[RulePack] = field(repr=False)
    conditions: Conditions = field(repr=False)
    valid_to: date | None
    above: date | None = None
    retired_from: date | None = None

    @property
    def today(self) -> date:
        """Return the day that is asked about."""
        return self.licence.valid_at

    @property
    def last_day(self) -> date | None:
        """Return the last day of the right as far as it is known: of the term, before an end that an act set, or of the licence above."""
        ended = self.licence.ended_on - DAY if self.licence.ended_on else None
        return min((day for day in (self.valid_to, ended, self.above) if day), default=None)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A day that the holder must know. `tell_on` is when they are told, None where it is only listed; `tell_until` the last day on which that helps.

    `pack` is the rule pack that said how it is told of, "" where none does. `result`: it says that something failed, on the day of that, and not
    that something falls or fell due.
    """

    duty: str
    about: str
    day: date
    tell_on: date | None
    tell_until: date
    title: Words
    do: Words
    by: Words
    pack: str
    result: bool = False

    @property
    def identity(self) -> str:
        """Return what makes it this deadline and no other."""
        return f"{self.duty}|{self.about}|{self.day.isoformat()}"

    @property
    def private(self) -> bool:
        """Say whether the day follows from a person's age."""
        return self.duty in ABOUT_AGES

    @property
    def for_others(self) -> bool:
        """Say whether others than the holder may be told: neither of an age nor of a result, as in bulk checking (DOMAIN §2d)."""
        return not self.private and not self.result

    def told_on(self, day: date) -> bool:
        """Say whether a holder who was not told yet is told on a day."""
        return self.tell_on is not None and self.tell_on <= day <= self.tell_until


@dataclass(frozen=True, slots=True)
class _Date:
    """A duty and its day. `tell_on` replaces the pack's days before it, `not_before` is the first day on which telling makes sense."""

    duty: str
    day: date
    about: str = ""
    tell_on: date | None = None
    not_before: date = date.min
    tell_until: date | None = None
    result: bool = False


def deadlines_of(subject: Subject) -> tuple[Deadline, ...]:
    """Return all deadlines of a licence, the soonest first; none of a right that an act ended."""
    if subject.licence.state in ENDINGS.values():
        return ()
    said = in_force(subject.packs, subject.slug, subject.today, Reminders)
    found = [_deadline(subject, one, said) for one in (*_of_the_term(subject), *_of_the_right(subject))]
    return tuple(sorted(found, key=lambda one: (one.day, one.duty, one.about)))


def _of_the_term(subject: Subject) -> Iterator[_Date]:
    """Yield the end of the term and what renewing asks for (LC-03, LC-15)."""
    last, today = subject.last_day, subject.today
    if last is None:
        return
    if today <= last:
        yield _Date("last_day", last)
    if last != subject.valid_to or Act.RENEW not in subject.template.acts:
        return
    window = renewal_of(subject.packs, subject.slug, today, subject.template.term)
    until = window.renewable_until(last)
    if subject.retired_from:
        until = min(until, subject.retired_from - DAY)
    if today <= last:
        yield from _before_the_end(window, last, min(last, until), today)
    if until > last and today <= until:
        yield _Date("lapse", until, not_before=last + DAY)


def _before_the_end(window: Renewal, last: date, by: date, today: date) -> Iterator[_Date]:
    opens = window.opens_on(last)
    if opens and today <= opens <= by:
        yield _Date("renewal_opens", opens)
    if today <= by:
        yield _Date("renewal", by, tell_on=window.reminds_on(last), not_before=opens or date.min)


def _of_the_right(subject: Subject) -> Iterator[_Date]:
    """Yield what must recur, and what passes by itself; nothing once the term is over."""
    licence, today, last = subject.licence, subject.today, subject.last_day or date.max
    if licence.state is LicenceState.EXPIRED or last < today:
        return
    ended = licence.ended_on or date.max
    for one in (*_of_conditions(subject), *_of_age(subject)):
        if one.day < ended:
            yield one
    if licence.state is LicenceState.SUSPENDED and licence.suspended_until and licence.suspended_until < last:
        yield _Date("suspension", licence.suspended_until)
    if until := _transfer_until(licence):
        yield _Date("transfer", until)


def _of_conditions(subject: Subject) -> Iterator[_Date]:
    ceiling = in_force(subject.packs, subject.slug, subject.today, AgeCeiling)
    births = ceiling[1].birth if ceiling else ()
    for one in subject.conditions.every:
        kind = subject.kinds.get(one.kind)
        if one.due_on is None or one.kind in births or (kind is not None and Asker.HOLDER not in kind.disclose):
            continue
        if one.outcome is Outcome.MET:
            yield _Date("condition", one.due_on, one.kind)
        elif one.outcome is Outcome.UNMET:
            yield _Date("unmet", one.due_on, one.kind, tell_on=one.due_on, tell_until=date.max, result=one.reason != OVERDUE)


def _of_age(subject: Subject) -> Iterator[_Date]:
    ceiling = in_force(subject.packs, subject.slug, subject.today, AgeCeiling)
    born = birth_of(subject.packs, subject.slug, subject.licence.current.face, subject.today)
    if ceiling and born and (day := birthday(born, ceiling[1].years)) >= subject.today:
        yield _Date("age", day)


def _transfer_until(licence: Licence) -> date | None:
    """Return the last day on which an open transfer may be accepted (LC-08)."""
    settled = {
        one.target for one in licence.entries if one.act in {Act.ACCEPT_TRANSFER, Act.REJECT_TRANSFER} and one.effective_on <= licence.valid_at
    }
    opened = [one for one in licence.entries if one.act is Act.TRANSFER and one.sequence not in settled and not one.recorded_only]
    days = [one.until for one in opened if one.until and one.effective_on <= licence.valid_at <= one.until]
    return max(days, default=None)


def _deadline(subject: Subject, one: _Date, said: tuple[RulePack, Reminders] | None) -> Deadline:
    saying = said[1].of(one.duty, one.about) if said else None
    about, nothing = _title(subject, one.about), Words("", "")
    tell_on = None
    if saying and saying.days is not None:
        tell_on = max(one.tell_on or one.day - min(timedelta(saying.days), one.day - date.min), one.not_before)
    return Deadline(
        one.duty, one.about, one.day, tell_on, one.tell_until or one.day, _filled(Words(*TITLES[one.duty]), one.day, about),
        _filled(saying.do, one.day, about) if saying else nothing, saying.by if saying else nothing, said[0].id if said and saying else "",
        one.result,
    )  # fmt: skip


def _title(subject: Subject, about: str) -> Words:
    kind, declared = subject.kinds.get(about), subject.template.fields.get(about)
    return kind.title if kind else Words(declared.label, declared.label_en) if declared else Words(about, about)


def _filled(words: Words, day: date, about: Words) -> Words:
    zh = f"{day.year}年{day.month}月{day.day}日"
    return Words(
        words.zh.replace("{day}", zh).replace("{about}", about.zh), words.en.replace("{day}", day.isoformat()).replace("{about}", about.en)
    )  # fmt: skip


def next_look(deadlines: Iterable[Deadline], lasts_until: date, today: date) -> date:
    """Return the first day after today on which a deadline is told of, or on which something else may hold than today."""
    ahead = [(one, one.tell_on) for one in deadlines if one.tell_on and one.tell_on > today]
    # Of a day that tells somebody's age the month is known soonest: the day of a look lies open in the register.
    told = [max(today + DAY, day.replace(day=1)) if one.private else day for one, day in ahead]
    return min([*told, lasts_until + DAY if lasts_until < date.max else date.max])
