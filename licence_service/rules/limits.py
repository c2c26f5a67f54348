"""Limits that the law draws by the calendar: age, renewal, the next review."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from licence_service.fields import Face
from licence_service.rules.case import Case, Condition, Outcome
from licence_service.rules.days import day_of, earlier, full_months, later, month_end, same_day
from licence_service.rules.pack import AgeCeiling, RenewalWindow, ReviewFrequency, RulePack, in_force
from licence_service.template import Term


def birthday(birth_date: date, years: int) -> date:
    """Return the day on which somebody reaches an age; born on 29 February, it is 28 February where the year has no leap day."""
    return same_day(birth_date, 12 * years)


def above_ceiling(packs: Iterable[RulePack], slug: str, birth_date: date, day: date) -> bool:
    """Say whether somebody is above the ceiling of a type under the law of that day, which for an act is the decision day.

    "Above" begins the day after the birthday (LC-04, RULINGS 23). Where no ceiling is in force nobody is above it.
    """
    found = in_force(packs, slug, day, AgeCeiling)
    return found is not None and birthday(birth_date, found[1].years) < day


def birth_of(packs: Iterable[RulePack], slug: str, face: Face, day: date) -> date | None:
    """Return the day of birth that the ceiling in force on a day reads from a face; None where none is in force, or the face does not say it."""
    found = in_force(packs, slug, day, AgeCeiling)
    return day_of(face, found[1].birth) if found else None


def age_condition(rule: AgeCeiling, pack: RulePack, case: Case) -> Condition:
    """Judge the ceiling where the law makes it a condition of the right; it falls due on the birthday."""
    name = next((one for one in rule.birth if one in case.face), rule.birth[0])
    born = day_of(case.face, rule.birth)
    if born is None:
        return case.unknown_day(name, pack)
    last = birthday(born, rule.years)
    if last < case.day:
        return Condition(name, Outcome.UNMET, "above-age-ceiling", last, pack.id)
    return Condition(name, Outcome.MET, "below-age-ceiling", last, pack.id, last)


@dataclass(frozen=True, slots=True)
class Renewal:
    """When a right may be renewed, in days before and after its end; `pack` is "" where the type's own term says it."""

    opening_days: int | None
    reminder_days: int | None
    lapse_days: int | None
    pack: str

    def opens_on(self, valid_to: date) -> date | None:
        """Return the first day for renewal; None where nothing declares a hard one (RULINGS 13)."""
        return None if self.opening_days is None else earlier(valid_to, self.opening_days)

    def reminds_on(self, valid_to: date) -> date | None:
        """Return the day for a reminder."""
        return None if self.reminder_days is None else earlier(valid_to, self.reminder_days)

    def renewable_until(self, valid_to: date) -> date:
        """Return the last day for renewal: the last day of the right where no days of lapse are declared (LC-03)."""
        return later(valid_to, self.lapse_days or 0)


def renewal_of(packs: Iterable[RulePack], slug: str, day: date, term: Term) -> Renewal:
    """Return the renewal rules of a type on a day: the pack in force says all of them, else the type's term."""
    found = in_force(packs, slug, day, RenewalWindow)
    if found is None:
        return Renewal(None, term.renew_from_days, term.lapse_after_days, "")
    pack, rule = found
    return Renewal(rule.opening_days, rule.reminder_days, rule.lapse_days, pack.id)


def next_due(previous_due: date | None, tested_on: date, face: Face, rule: ReviewFrequency) -> date | None:
    """Return the last day until which a review done on a day satisfies (XR-05).

    It counts from the previous due day or from the test, as the rule says for early and late ones; a first review from the test.
    None where the face does not say how old the subject is: a clerk must decide.
    """
    registered = day_of(face, rule.registered)
    if registered is None:
        return None
    start = _start(previous_due, tested_on, rule)
    due = same_day(start, _months(rule, face, full_months(registered, start)))
    if due < tested_on:  # so late that the next one would be over already
        due = same_day(tested_on, _months(rule, face, full_months(registered, tested_on)))
    return month_end(due) if rule.month_end else due


def _start(previous_due: date | None, tested_on: date, rule: ReviewFrequency) -> date:
    if previous_due is None:
        return tested_on
    if tested_on > previous_due:
        return previous_due if rule.late == "previous_due" else tested_on
    too_early = rule.early_days is not None and tested_on < earlier(previous_due, rule.early_days)
    return tested_on if too_early or rule.early == "test" else previous_due


def _months(rule: ReviewFrequency, face: Face, age: int) -> int:
    """Return how many months the next review is away, by the first schedule that means this face and the age in months."""
    schedule = next(one for one in rule.schedules if not one.only or any(where.holds(face) for where in one.only))
    return next(step.every_months for step in schedule.steps if step.below_months is None or age < step.below_months)
