"""The one judge of conditions: what must recur, under the law of the day that is asked about (EN-12, RULINGS 22)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from licence_service.endorsement import Endorsement
from licence_service.fields import Face
from licence_service.rules.case import OVERDUE, Case, Condition, Conditions, Outcome, PackUsed
from licence_service.rules.days import day_of
from licence_service.rules.hours import grade_recovery, recurring_hours
from licence_service.rules.limits import age_condition
from licence_service.rules.pack import AgeCeiling, DeclaredDue, GradeRecovery, RecurringHours, RulePack, in_force
from licence_service.template import EndorsementKind


def judge_conditions(
    packs: Sequence[RulePack],
    slug: str,
    template_conditions_until: str | None,
    face: Face,
    kinds: Mapping[str, EndorsementKind],
    endorsements: Iterable[Endorsement],
    valid_at: date,
) -> Conditions:
    """Judge every condition of a licence of type `slug` on a Beijing day.

    `endorsements` are those that stand then, in the order of the book; `face` is the current one, without any value where it was
    erased; `template_conditions_until` is the field of it that prints a due day. Nothing is raised: what cannot be judged is
    unknown, and so is a declared condition on a day for which no pack is in force.
    """
    happened = [one for one in endorsements if one.accepter is not None and one.occurred_on <= valid_at and bound(one, kinds, face)]
    case = Case(face, kinds, tuple(sorted(happened, key=lambda one: one.occurred_on)), valid_at, template_conditions_until)
    found: list[Condition] = []
    used: list[RulePack] = []
    if declared := in_force(packs, slug, valid_at, DeclaredDue):
        used.append(declared[0])
    found += declared_due(declared, case)
    # A pack that does not mean this face is not asked, and not named.
    if (cycle := in_force(packs, slug, valid_at, RecurringHours)) and case.meant(cycle[1].only) is not False:
        used.append(cycle[0])
        found += recurring_hours(cycle[1], cycle[0], case)
    if (recovery := in_force(packs, slug, valid_at, GradeRecovery)) and case.meant(recovery[1].only) is not False:
        used.append(recovery[0])
        found += grade_recovery(recovery[1], recovery[0], case)
    if (ceiling := in_force(packs, slug, valid_at, AgeCeiling)) and ceiling[1].effect == "condition":
        used.append(ceiling[0])
        found.append(age_condition(ceiling[1], ceiling[0], case))
    return Conditions(tuple(found), tuple(PackUsed(pack.id, pack.digest, pack.sample) for pack in used))


def bound(endorsement: Endorsement, kinds: Mapping[str, EndorsementKind], face: Face) -> bool:
    """Say whether an endorsement is about the subject that the face names: of another vehicle it says nothing (EN-11).

    Where the kind is not bound, the type has no such field, or what it was bound to was erased, it belongs to the right.
    """
    kind = kinds.get(endorsement.kind)
    return not (
        kind is not None
        and kind.bound_to is not None
        and kind.bound_to in face
        and endorsement.subject is not None
        and str(face[kind.bound_to]) != endorsement.subject
    )


def declared_due(declared: tuple[RulePack, DeclaredDue] | None, case: Case) -> Iterator[Condition]:
    """Judge the days that endorsements and the face name themselves; only the newest endorsement of a kind counts.

    A kind never endorsed is not judged here. A day on the face that an endorsement repeats is judged by the endorsement: a late
    fact reaches back, while a document only counts from the day of its entry (EN-09, RULINGS 06).
    """
    repeated = False
    for slug, newest in {one.kind: one for one in case.endorsements}.items():
        kind = case.kinds.get(slug)
        if kind is None or kind.conditions_until is None:
            continue
        condition = _of_kind(declared, kind, slug, newest, case.day)
        if condition:
            yield condition
            repeated |= case.until_field is not None and kind.updates.get(kind.conditions_until) == case.until_field
    if case.until_field and not repeated:
        yield from _of_face(declared, case.until_field, case)


def _of_kind(declared: tuple[RulePack, DeclaredDue] | None, kind: EndorsementKind, slug: str, newest: Endorsement, day: date) -> Condition | None:
    name = kind.conditions_until or ""
    last = day_of(newest.facts, (name,))
    if newest.facts and last is None and not kind.facts[name].required:
        return None  # it may say a day, and does not
    if declared is None:
        return Condition(slug, Outcome.UNKNOWN, "no-rule-pack", last, "")
    pack, passed = declared[0], declared[1].passed.get(slug)
    if last is None or (passed and passed.name not in newest.facts):
        return Condition(slug, Outcome.UNKNOWN, "fact-absent" if newest.facts else "facts-erased", None, pack.id)
    if passed and not passed.holds(newest.facts):
        return Condition(slug, Outcome.UNMET, "condition-failed", newest.occurred_on, pack.id)
    return _by_day(slug, min(last, newest.effective_to or last), day, pack)


def _of_face(declared: tuple[RulePack, DeclaredDue] | None, name: str, case: Case) -> Iterator[Condition]:
    last = day_of(case.face, (name,))
    if declared is None:
        if last or not case.face:
            yield Condition(name, Outcome.UNKNOWN, "no-rule-pack", last, "")
    elif last:
        yield _by_day(name, last, case.day, declared[0])
    elif not case.face:
        yield Condition(name, Outcome.UNKNOWN, "face-erased", None, declared[0].id)


def _by_day(kind: str, last: date, day: date, pack: RulePack) -> Condition:
    if last < day:
        return Condition(kind, Outcome.UNMET, OVERDUE, last, pack.id)
    return Condition(kind, Outcome.MET, "conditions-met", last, pack.id, last)
