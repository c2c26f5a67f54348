"""A rule pack (规则包): law as dated data (DOMAIN §2b, EN-12, M8).

What is code here is only a small closed set of *ways of adding up*; every figure, field, fact, value and day is a parameter
of a file under `templates/_rules/`. The same frozen dataclasses are the file format and the value used inside.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from datetime import date
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import Field as Declared
from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from licence_service.digests import canonical, sha256
from licence_service.errors import TemplateRejected
from licence_service.fields import Face
from licence_service.fields.declared import STRICT
from licence_service.rules.reminders import Reminders
from licence_service.template import Words

PACK_FORM = "rule-pack/1"

Amount: TypeAlias = Annotated[int, Declared(ge=0, le=100_000)]
Positive: TypeAlias = Annotated[int, Declared(ge=1, le=100_000)]


@dataclass(frozen=True, config=STRICT)
class Where:
    """A field of a face, or a fact, that has one of these values; of a list one is enough.

    `contains` looks for them inside a free text. "" among the values stands for a field that is not filled.
    """

    name: str
    values: tuple[str, ...]
    contains: bool = False

    def holds(self, given: Face) -> bool:
        """Say whether the named value is one of these."""
        value = given.get(self.name, "")
        said = [str(one) for one in value] if isinstance(value, list) else [str(value)]
        if self.contains:
            return any(one in text for one in self.values for text in said)
        return any(text in self.values for text in said)


@dataclass(frozen=True, config=STRICT)
class Count:
    """How hours are counted (EN-05): `hours` are needed, each endorsement of `kind` brings what its fact `fact` says.

    Only facts that `passed` count; the same certificate `number` counts once; of hours taken `online` at most `most_online`.
    """

    kind: str
    hours: Positive
    fact: str
    passed: Where | None = None
    number: str | None = None
    online: Where | None = None
    most_online: Amount | None = None


@dataclass(frozen=True, config=STRICT)
class DeclaredDue:
    """A kind, or a face, that names a day satisfies up to that day.

    `passed` says of a kind which results satisfy at all; a kind that is not named always does.
    """

    way: Literal["declared_due"]
    passed: Mapping[str, Where] = field(default_factory=dict)


@dataclass(frozen=True, config=STRICT)
class RecurringHours:
    """Hours in each cycle of `cycle_months`, counted from the first of the fields `start` that the face has."""

    way: Literal["recurring_hours"]
    cycle_months: Positive
    start: tuple[str, ...]
    count: Count
    only: tuple[Where, ...] = ()


@dataclass(frozen=True, config=STRICT)
class GradeRecovery:
    """Hours after a failed grade: only a holder whose last grade is `failed` owes them."""

    way: Literal["grade_recovery"]
    grade_kind: str
    failed: Where
    count: Count
    only: tuple[Where, ...] = ()


@dataclass(frozen=True, config=STRICT)
class GradeStep:
    """A grade for at most that many points; `after` names the previous grades that it asks for."""

    grade: str
    most: Amount | None = None
    after: tuple[str, ...] = ()


@dataclass(frozen=True, config=STRICT)
class GradeFromPoints:
    """Points make the grade, by the first step that fits. A fact `recovery` marks a grade regained, which is one of `recovered`."""

    way: Literal["grade_from_points"]
    kind: str
    points: str
    grade: str
    steps: tuple[GradeStep, ...]
    recovery: str | None = None
    recovered: tuple[str, ...] = ()


@dataclass(frozen=True, config=STRICT)
class AgeCeiling:
    """The age up to which a right may be used: a condition of the right, or only a ground for ending it (LC-04)."""

    way: Literal["age_ceiling"]
    years: Positive
    birth: tuple[str, ...]
    effect: Literal["condition", "ground"] = "ground"


@dataclass(frozen=True, config=STRICT)
class ReviewStep:
    """How often while the subject is younger than `below_months`; without it, ever after."""

    every_months: Positive
    below_months: Positive | None = None


@dataclass(frozen=True, config=STRICT)
class Schedule:
    """The steps for subjects of which one of `only` holds; without it, for all others."""

    steps: tuple[ReviewStep, ...]
    only: tuple[Where, ...] = ()


@dataclass(frozen=True, config=STRICT)
class ReviewFrequency:
    """When the next review is due (XR-05): from which day it counts if done early or late, and how often by age.

    The age counts from the first of the fields `registered` that the face has. A review more than `early_days` early counts from the
    test. `month_end` moves the due day to the end of its month.
    """

    way: Literal["review_frequency"]
    kind: str
    registered: tuple[str, ...]
    schedules: tuple[Schedule, ...]
    early: Literal["previous_due", "test"] = "previous_due"
    late: Literal["previous_due", "test"] = "test"
    early_days: Amount | None = None
    month_end: bool = False


@dataclass(frozen=True, config=STRICT)
class RenewalWindow:
    """When a right may be renewed (LC-03, RULINGS 13).

    Renewal opens `opening_days` before the end only where that is declared, and then it is hard; `reminder_days` only remind.
    Without `lapse_days` there is no window after the end.
    """

    way: Literal["renewal_window"]
    opening_days: Amount | None = None
    reminder_days: Amount | None = None
    lapse_days: Amount | None = None


@dataclass(frozen=True, config=STRICT)
class DayHours:
    """Where the hours of a fact stand, and most hours a day; `first` and `last` name the facts that say on which days."""

    fact: str
    most_a_day: Annotated[int, Declared(ge=1, le=24)]
    first: str | None = None
    last: str | None = None


@dataclass(frozen=True, config=STRICT)
class KindAcceptance:
    """How facts of one kind are taken in.

    `auto_accept` only within `max_days_late` days of the day it happened (EN-03); `report_age_days` is the age limit of a
    report; within `objection_days` it can be objected to; `sources` must have answered before a review passes (XR-04).
    """

    auto_accept: bool = False
    max_days_late: Amount = 0
    hours: DayHours | None = None
    report_age_days: Amount | None = None
    objection_days: Amount | None = None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, config=STRICT)
class Acceptance:
    """How facts are taken in, kind by kind; a kind that is not named goes to a clerk.

    `transfer_days` is the clock of a transfer (LC-08); `underlying_right` what a signal about the right beneath leads to (LC-17).
    """

    way: Literal["acceptance"]
    kinds: Mapping[str, KindAcceptance] = field(default_factory=dict)
    transfer_days: Positive = 30
    underlying_right: Literal["task", "cancel"] = "task"


@dataclass(frozen=True, config=STRICT)
class SourceCheck:
    """What a source must have said: of which fields of the face it was asked, and how old its answer may be."""

    max_age_hours: Positive
    compares: tuple[str, ...] = ()


@dataclass(frozen=True, config=STRICT)
class Unattended:
    """A rule set by which no person decides (AI-03): for these items of service, where every source says `pass` and the face keeps all of `only`."""

    way: Literal["unattended"]
    items: tuple[str, ...]
    sources: Mapping[str, SourceCheck]
    only: tuple[Where, ...] = ()


Rule: TypeAlias = Annotated[
    DeclaredDue
    | RecurringHours
    | GradeRecovery
    | GradeFromPoints
    | AgeCeiling
    | ReviewFrequency
    | RenewalWindow
    | Acceptance
    | Unattended
    | Reminders,
    Declared(discriminator="way"),
]
R = TypeVar("R")


@dataclass(frozen=True, config=STRICT)
class RulePack:
    """One rule for some types and a span of days; both days count, an absent one is open.

    `id` is the file's name. `types = "*"` means every type that no other pack of the same way names on that day.
    `sample` marks figures that no source confirms.
    """

    title: Words
    types: Literal["*"] | tuple[str, ...]
    source: str
    rule: Rule
    in_force_from: date | None = None
    in_force_to: date | None = None
    sample: bool = False
    note: str = ""
    id: str = ""
    digest: str = ""

    @property
    def way(self) -> str:
        """Return the way of adding up."""
        return self.rule.way

    def covers(self, day: date) -> bool:
        """Say whether it is in force on a day."""
        return (self.in_force_from is None or self.in_force_from <= day) and (self.in_force_to is None or day <= self.in_force_to)


_PACK: TypeAdapter[RulePack] = TypeAdapter(RulePack)


def as_data(pack: RulePack) -> dict[str, Any]:
    """Return the pack as JSON that `from_data` reads back; parameters left at their default are absent, so that new ones may be appended."""
    said: dict[str, Any] = _PACK.dump_python(pack, mode="json", exclude_defaults=True, exclude={"digest"})
    return {"format": PACK_FORM, **said}


def named(pack: RulePack, pack_id: str) -> RulePack:
    """Give a pack its id and the digest of its canonical data: a remark or another order of keys in the file changes nothing."""
    pack = replace(pack, id=pack_id, digest="")
    return replace(pack, digest=sha256(canonical(as_data(pack))))


def from_data(said: Mapping[str, Any]) -> RulePack:
    """Read back what `as_data` gave; raise `TemplateRejected` where it is no pack."""
    try:
        pack = _PACK.validate_python({name: value for name, value in said.items() if name != "format"})
    except ValidationError as error:
        raise TemplateRejected("the stored rule pack cannot be read") from error
    if said.get("format") != PACK_FORM or not pack.id:
        raise TemplateRejected("the stored rule pack is of another form")
    return named(pack, pack.id)


def in_force(packs: Iterable[RulePack], slug: str, day: date, way: type[R]) -> tuple[RulePack, R] | None:
    """Return the one pack of a way that holds for a type on a day, with its rule; a pack that names the type goes before "*"."""
    found: tuple[RulePack, R] | None = None
    for pack in packs:
        if isinstance(pack.rule, way) and pack.covers(day):
            if pack.types != "*" and slug in pack.types:
                return pack, pack.rule
            if pack.types == "*":
                found = pack, pack.rule
    return found
