"""Hours of training: counted by rule (EN-05), owed in every cycle or after a failed grade."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date

from licence_service.endorsement import Endorsement
from licence_service.fields import comparison_form
from licence_service.rules.case import Case, Condition, Outcome
from licence_service.rules.days import day_of, end_of_term, full_months, later
from licence_service.rules.pack import Count, GradeRecovery, RecurringHours, RulePack


@dataclass(frozen=True, slots=True)
class Training:
    """One training that counts: when it ended, its hours (None where its facts were erased), and whether it was online."""

    day: date
    hours: int | None
    online: bool


def trainings(count: Count, endorsements: Iterable[Endorsement]) -> Iterator[Training]:
    """Yield what counts, oldest first: only what was passed, and each certificate number once, whoever sent it and for whichever cycle."""
    seen: set[str] = set()
    for one in endorsements:
        if one.kind != count.kind or (one.facts and count.passed and not count.passed.holds(one.facts)):
            continue
        number = comparison_form(str(one.facts.get(count.number, ""))) if count.number else ""
        if number and number in seen:
            continue
        seen.add(number)
        hours = one.facts.get(count.fact)
        yield Training(one.occurred_on, max(0, hours) if isinstance(hours, int) else None, bool(count.online and count.online.holds(one.facts)))


def hours_within(count: Count, done: Iterable[Training], first: date, last: date) -> tuple[int, bool]:
    """Return the hours between two days, both included, and whether the facts of some training there were erased."""
    within = [one for one in done if first <= one.day <= last]
    online = sum(one.hours or 0 for one in within if one.online)
    on_site = sum(one.hours or 0 for one in within if not one.online)
    return on_site + (online if count.most_online is None else min(online, count.most_online)), any(one.hours is None for one in within)


def cycle(first: date, months: int, number: int) -> tuple[date, date]:
    """Return first and last day of a cycle; the cycles of a start are numbered from 1 and lie next to each other."""
    begins = first if number == 1 else later(end_of_term(first, months * (number - 1)), 1)
    return begins, end_of_term(first, months * number)


def completed(first: date, months: int, day: date) -> int:
    """Return how many cycles were over before the day; on its last day a cycle still runs."""
    number = full_months(first, day) // months
    return number - 1 if number and end_of_term(first, months * number) >= day else number


def recurring_hours(rule: RecurringHours, pack: RulePack, case: Case) -> Iterator[Condition]:
    """Judge the last completed cycle; no other can be unmet, under whichever law it ran (RULINGS 22)."""
    kind, start = rule.count.kind, day_of(case.face, rule.start)
    if case.meant(rule.only) is None or start is None:
        yield case.unknown_day(kind, pack)
        return
    done = tuple(trainings(rule.count, case.endorsements))
    number = completed(start, rule.cycle_months, case.day)
    first, last = running = cycle(start, rule.cycle_months, number + 1)
    if number:
        over = cycle(start, rule.cycle_months, number)
        hours, erased = hours_within(rule.count, done, *over)
        if hours < rule.count.hours:
            yield replace(_lacking(kind, over[1], pack, erased=erased), holds_until=last)
            return
    if last < date.max and hours_within(rule.count, done, first, last)[0] >= rule.count.hours:
        last = cycle(start, rule.cycle_months, number + 2)[1]
    yield Condition(kind, Outcome.MET, "hours-complete" if number else "first-cycle", last, pack.id, running[1])


def grade_recovery(rule: GradeRecovery, pack: RulePack, case: Case) -> Iterator[Condition]:
    """Judge the hours that a holder owes whose last grade is the failed one; without any grade nothing is owed."""
    grades = case.of_kind(rule.grade_kind)
    if case.meant(rule.only) is None:
        yield case.unknown_day(rule.count.kind, pack)
        return
    if not grades:
        return
    last = grades[-1]
    if rule.failed.name not in last.facts:
        yield Condition(rule.grade_kind, Outcome.UNKNOWN, "fact-absent" if last.facts else "facts-erased", None, pack.id)
    elif not rule.failed.holds(last.facts):
        yield Condition(rule.grade_kind, Outcome.MET, "grade-good", None, pack.id)
    else:
        done = trainings(rule.count, case.endorsements)
        hours, erased = hours_within(rule.count, done, later(last.occurred_on, 1), case.day)
        if hours < rule.count.hours:
            yield _lacking(rule.count.kind, last.occurred_on, pack, erased=erased)
        else:
            yield Condition(rule.count.kind, Outcome.MET, "hours-complete", None, pack.id)


def _lacking(kind: str, due_on: date, pack: RulePack, *, erased: bool) -> Condition:
    """Return what is said of too few hours: with erased facts among them nobody can say that they were too few."""
    if erased:
        return Condition(kind, Outcome.UNKNOWN, "facts-erased", due_on, pack.id)
    return Condition(kind, Outcome.UNMET, "hours-missing", due_on, pack.id)
