"""What can be wrong with a rule pack; judged when it is loaded, never on a licence."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from licence_service.fields import Field
from licence_service.rules.pack import (
    Acceptance,
    AgeCeiling,
    Count,
    DeclaredDue,
    GradeFromPoints,
    GradeRecovery,
    RecurringHours,
    ReviewFrequency,
    RulePack,
    Unattended,
    Where,
)
from licence_service.rules.reminders import Reminders
from licence_service.template import EndorsementKind, Template

Kinds = Mapping[str, EndorsementKind]
Editions = Mapping[str, Sequence[Template]]


def check(pack: RulePack, kinds: Kinds, editions: Editions) -> list[str]:
    """Return every problem of a pack: types, kinds, facts, fields and values that nobody declares, and figures at odds."""
    problems = [f"no type {slug}" for slug in pack.types if slug not in editions] if pack.types != "*" else []
    if not pack.types:
        problems.append("types: names no type")
    if pack.in_force_from and pack.in_force_to and pack.in_force_to < pack.in_force_from:
        problems.append("in_force_to: lies before in_force_from")
    slugs = [slug for slug in (editions if pack.types == "*" else pack.types) if slug in editions]
    match pack.rule:
        case Unattended() as rule:
            problems += _sources(rule, slugs, editions)
        case Reminders() as rule:
            problems += _sayings(rule, slugs, kinds, editions)
        case _:
            problems += _of_rule(pack, slugs, kinds, editions)
    return list(dict.fromkeys(problems))


def overlaps(packs: Sequence[RulePack]) -> Iterator[tuple[RulePack, RulePack, str]]:
    """Yield pairs of one way that hold for the same type on the same day, and the type; a named type and "*" do not overlap."""
    for place, one in enumerate(packs):
        for other in packs[place + 1 :]:
            if one.way == other.way and _meet(one, other) and (shared := _shared(one, other)):
                yield one, other, shared


def _meet(one: RulePack, other: RulePack) -> bool:
    first = max(one.in_force_from or date.min, other.in_force_from or date.min)
    return first <= min(one.in_force_to or date.max, other.in_force_to or date.max)


def _shared(one: RulePack, other: RulePack) -> str | None:
    if one.types == "*" or other.types == "*":
        return "*" if one.types == other.types else None
    return next((slug for slug in one.types if slug in other.types), None)


def _of_rule(pack: RulePack, slugs: Sequence[str], kinds: Kinds, editions: Editions) -> Iterator[str]:
    rule = pack.rule
    named = slugs if pack.types != "*" else ()
    match rule:
        case DeclaredDue():
            for kind, where in rule.passed.items():
                yield from _facts(kinds, kind, (), where)
        case RecurringHours():
            yield from _count(rule.count, kinds)
            yield from _taken(rule.count.kind, named, editions)
            yield from _some_field("start", rule.start, slugs, editions)
            yield from _only(rule.only, slugs, editions)
        case GradeRecovery():
            yield from _count(rule.count, kinds)
            yield from _facts(kinds, rule.grade_kind, (), rule.failed)
            yield from (*_taken(rule.count.kind, named, editions), *_taken(rule.grade_kind, named, editions))
            yield from _only(rule.only, slugs, editions)
        case GradeFromPoints():
            yield from _grades(rule, kinds)
            yield from _taken(rule.kind, named, editions)
        case AgeCeiling():
            yield from _some_field("birth", rule.birth, slugs, editions)
        case ReviewFrequency():
            yield from _facts(kinds, rule.kind, ())
            yield from _taken(rule.kind, named, editions)
            yield from _some_field("registered", rule.registered, slugs, editions)
            yield from _schedules(rule, slugs, editions)
        case Acceptance():
            for kind, one in rule.kinds.items():
                hours = (one.hours.fact, one.hours.first, one.hours.last) if one.hours else ()
                yield from _facts(kinds, kind, hours)


def _sources(rule: Unattended, slugs: Sequence[str], editions: Editions) -> Iterator[str]:
    """Name what a rule set lacks, and fields that it asks sources about and no type has."""
    if not rule.items or not rule.sources:
        yield "a rule set names the items of service that it decides, and a source at least"
    yield from _only(rule.only, slugs, editions)
    fields = {name for slug in slugs for edition in editions[slug] for name in edition.fields}
    for source, check in rule.sources.items():
        yield from (f"sources: {source}: no field {name}" for name in check.compares if name not in fields)


def _sayings(rule: Reminders, slugs: Sequence[str], kinds: Kinds, editions: Editions) -> Iterator[str]:
    """Name what no kind and no field is called, places in a sentence that nothing fills, and sayings that an earlier one hides."""
    known = {*kinds, *(name for slug in slugs for edition in editions[slug] for name in edition.fields)}
    for place, one in enumerate(rule.say):
        yield from (f"say: {one.duty}: no kind or field {name}" for name in one.about if name not in known)
        for text in (one.do.zh, one.do.en, one.by.zh, one.by.en):
            if "{" in text.replace("{day}", "").replace("{about}", ""):
                yield f"say: {one.duty}: only {{day}} and {{about}} are filled in"
        if any(earlier.duty == one.duty and (not earlier.about or earlier.about == one.about) for earlier in rule.say[:place]):
            yield f"say: {one.duty}: an earlier one says it already"


def _facts(kinds: Kinds, kind: str, facts: Iterable[str | None], *wheres: Where | None) -> Iterator[str]:
    """Name a kind, facts or values that are not declared."""
    if kind not in kinds:
        yield f"no endorsement kind {kind}"
        return
    declared = kinds[kind].facts
    given = [where for where in wheres if where]
    yield from (f"{kind}: no fact {name}" for name in (*facts, *(where.name for where in given)) if name and name not in declared)
    for where in given:
        yield from _values(where, [declared[where.name]] if where.name in declared else [], kind)


def _values(where: Where, fields: Sequence[Field], place: str) -> Iterator[str]:
    codes = {code for field in fields for code in field.codes or {}}
    if not where.values or (where.contains and "" in where.values):
        yield f"{place}: {where.name}: names no value"
    if codes and not where.contains:
        yield from (f"{place}: {where.name}: no code {value}" for value in where.values if value and value not in codes)


def _count(count: Count, kinds: Kinds) -> Iterator[str]:
    yield from _facts(kinds, count.kind, (count.fact, count.number), count.passed, count.online)
    if count.most_online is not None and count.online is None:
        yield "count: most_online needs online"


def _grades(rule: GradeFromPoints, kinds: Kinds) -> Iterator[str]:
    yield from _facts(kinds, rule.kind, (rule.points, rule.recovery), Where(rule.grade, (*(step.grade for step in rule.steps), *rule.recovered)))
    most = [step.most for step in rule.steps]
    if not most or most[-1] is not None or rule.steps[-1].after:
        yield "steps: the last one is for all points that are left"
    given = [one for one in most if one is not None]
    if given != sorted(given) or None in most[:-1]:
        yield "steps: most must not fall"
    if rule.recovery and not rule.recovered:
        yield "recovered: names no grade"


def _schedules(rule: ReviewFrequency, slugs: Sequence[str], editions: Editions) -> Iterator[str]:
    if not rule.schedules or rule.schedules[-1].only:
        yield "schedules: the last one is for all others"
    for schedule in rule.schedules:
        below = [step.below_months for step in schedule.steps]
        given = [one for one in below if one is not None]
        if not below or below[-1] is not None or None in below[:-1] or given != sorted(given):
            yield "schedules: steps rise in below_months, and the last one has none"
        yield from _only(schedule.only, slugs, editions)


def _only(only: Iterable[Where], slugs: Sequence[str], editions: Editions) -> Iterator[str]:
    """Name a field that no type of the pack has, or a code that it has not."""
    for where in only:
        fields = [edition.fields[where.name] for slug in slugs for edition in editions[slug] if where.name in edition.fields]
        if slugs and not fields:
            yield f"only: no field {where.name}"
        yield from _values(where, fields, "only")


def _some_field(place: str, names: Sequence[str], slugs: Sequence[str], editions: Editions) -> Iterator[str]:
    """Name a type of which an edition has none of the fields."""
    for slug in slugs:
        if any(not any(name in edition.fields for name in names) for edition in editions[slug]):
            yield f"{place}: {slug} has none of these fields"
    if not names:
        yield f"{place}: names no field"


def _taken(kind: str, slugs: Iterable[str], editions: Editions) -> Iterator[str]:
    yield from (f"{slug} does not take {kind}" for slug in slugs if kind not in editions[slug][-1].endorsements)
