"""Taking facts in under the law of the day: by itself or by a clerk, and what is refused (EN-03, EN-05, XR)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from licence_service.endorsement import Endorsement
from licence_service.errors import Fault
from licence_service.fields import Face
from licence_service.rules.days import day_of, later
from licence_service.rules.pack import Acceptance, DayHours, GradeFromPoints, KindAcceptance, RulePack, in_force

TRANSFER_DAYS = 30  # the files of a driver move within 30 days (LC-08)


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that a fact breaks: the rule's id, and the fault by which the fact is refused."""

    rule: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class Reception:
    """How a fact is to be taken in.

    With any `breaches` it is refused. Else it is accepted by itself (`automatic`), or a clerk decides, for the `reasons` named.
    `pack` is the id that the statement of the endorsement names; None where no pack is in force.
    """

    automatic: bool
    reasons: tuple[str, ...]
    breaches: tuple[Breach, ...]
    pack: str | None


def kind_acceptance(packs: Iterable[RulePack], slug: str, kind: str, day: date) -> KindAcceptance:
    """Return how facts of a kind are taken in on a day; where nothing says so, a clerk decides."""
    found = in_force(packs, slug, day, Acceptance)
    return found[1].kinds.get(kind, KindAcceptance()) if found else KindAcceptance()


def acceptance_pack(packs: Iterable[RulePack], slug: str, day: date) -> str | None:
    """Return the id of the pack by which facts are taken in on a day; None where none is in force."""
    found = in_force(packs, slug, day, Acceptance)
    return found[0].id if found else None


def judge_fact(
    packs: Sequence[RulePack], slug: str, kind: str, facts: Face, occurred_on: date, today: date, standing: Iterable[Endorsement] = ()
) -> Reception:
    """Judge a fact that arrives `today` (a Beijing day); `standing` are the licence's endorsements, for the grade before."""
    found = in_force(packs, slug, today, Acceptance)
    mine = found[1].kinds.get(kind, KindAcceptance()) if found else KindAcceptance()
    breaches: list[Breach] = []
    if mine.hours:
        breaches += _hours(mine.hours, facts, occurred_on)
    if mine.report_age_days is not None and later(occurred_on, mine.report_age_days) < today:
        breaches.append(Breach("XR-02", Fault("occurred_on", "report-too-old", "the report is older than the law allows")))
    if fault := grade_fault(packs, slug, kind, facts, occurred_on, standing):
        breaches.append(Breach("EN-12", fault))
    reasons = [] if mine.auto_accept else ["clerk-decides"]
    if mine.auto_accept and later(occurred_on, mine.max_days_late) < today:
        reasons.append("late-fact")
    return Reception(not reasons and not breaches, tuple(reasons), tuple(breaches), found[0].id if found else None)


def _hours(rule: DayHours, facts: Face, occurred_on: date) -> Iterable[Breach]:
    """Name hours that do not fit into the days on which they were taken; a training is over when it is certified."""
    given = facts.get(rule.fact)
    if not isinstance(given, int):
        return
    first = day_of(facts, (rule.first,)) if rule.first else None
    last = min(day_of(facts, (rule.last,)) or occurred_on, occurred_on) if rule.last else occurred_on
    days = max(0, (last - first).days + 1) if first else 1
    if not 0 < given <= days * rule.most_a_day:
        yield Breach("EN-05", Fault(f"facts.{rule.fact}", "impossible-hours", "so many hours do not fit into these days"))


def grades_for(rule: GradeFromPoints, points: int, previous: str | None) -> tuple[str, ...]:
    """Return the grades that so many points allow, best first; more than one only where the previous grade is not known."""
    allowed: list[str] = []
    for step in rule.steps:
        if step.most is not None and points > step.most:
            continue
        if not step.after or previous is None or previous in step.after:
            allowed.append(step.grade)
        if not step.after or previous in step.after:
            break
    return tuple(allowed)


def grade_fault(
    packs: Sequence[RulePack], slug: str, kind: str, facts: Face, occurred_on: date, standing: Iterable[Endorsement] = ()
) -> Fault | None:
    """Return the fault of a given grade that its points do not make, under the law of the day of the assessment.

    Facts without points or without a grade are not judged; nothing is ever put right silently.
    """
    found = in_force(packs, slug, occurred_on, GradeFromPoints)
    if found is None or found[1].kind != kind:
        return None
    rule = found[1]
    given, points = facts.get(rule.grade), facts.get(rule.points)
    if rule.recovery and facts.get(rule.recovery):
        allowed = rule.recovered
    elif isinstance(points, int):
        before = sorted((one for one in standing if one.kind == kind and one.occurred_on < occurred_on), key=lambda one: one.occurred_on)
        previous = before[-1].facts.get(rule.grade) if before else None
        allowed = grades_for(rule, points, None if previous is None else str(previous))
    else:
        return None
    if given is None or given in allowed:
        return None
    return Fault(f"facts.{rule.grade}", "grade-at-odds", "the points do not make this grade under the law of that day")


def objection_until(packs: Iterable[RulePack], slug: str, kind: str, accepted_on: date) -> date | None:
    """Return the last day on which an accepted fact may be objected to; None where no term is declared."""
    days = kind_acceptance(packs, slug, kind, accepted_on).objection_days
    return None if days is None else later(accepted_on, days)


def transfer_days(packs: Iterable[RulePack], slug: str, day: date) -> int:
    """Return the days within which a transfer released on a day must be accepted; day N is still in time (RULINGS 25)."""
    found = in_force(packs, slug, day, Acceptance)
    return found[1].transfer_days if found else TRANSFER_DAYS


def on_underlying_right(packs: Iterable[RulePack], slug: str, day: date) -> Literal["task", "cancel"]:
    """Return what a signal about the right beneath leads to: a task for a clerk, or a cancel only where the law says so (LC-17)."""
    found = in_force(packs, slug, day, Acceptance)
    return found[1].underlying_right if found else "task"
