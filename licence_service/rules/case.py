"""What is judged, and what a judgement of conditions says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from licence_service.endorsement import Endorsement
from licence_service.fields import Face
from licence_service.rules.pack import RulePack, Where
from licence_service.template import EndorsementKind

OVERDUE = "condition-overdue"  # the reason where a day has passed, and nothing failed


class Outcome(StrEnum):
    """Whether a condition holds on the day; unknown is never met."""

    MET = "met"
    UNMET = "unmet"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a right on a day.

    `kind` is the endorsement kind that satisfies it, or the field of the face that says it. `due_on` is the last day up to which it
    is satisfied; of an unmet one, the day on which it fell due. `pack` is the id of the pack that judged ("" where none was in force).
    `holds_until` is the last day on which the very same is said, as long as face, endorsements and the packs in force stay the same.
    """

    kind: str
    outcome: Outcome
    reason: str
    due_on: date | None
    pack: str
    holds_until: date = date.max


@dataclass(frozen=True, slots=True)
class PackUsed:
    """A pack that judged, by name and content (EN-12); `sample` warns that its figures are not confirmed."""

    id: str
    digest: str
    sample: bool


@dataclass(frozen=True, slots=True)
class Conditions:
    """All conditions of a right on a day, and the packs by which they were judged."""

    every: tuple[Condition, ...]
    packs: tuple[PackUsed, ...]

    @property
    def met(self) -> tuple[Condition, ...]:
        """Return those that hold."""
        return tuple(one for one in self.every if one.outcome is Outcome.MET)

    @property
    def unmet(self) -> tuple[Condition, ...]:
        """Return those that do not hold."""
        return tuple(one for one in self.every if one.outcome is Outcome.UNMET)

    @property
    def unknown(self) -> tuple[Condition, ...]:
        """Return those that cannot be judged."""
        return tuple(one for one in self.every if one.outcome is Outcome.UNKNOWN)

    @property
    def due_on(self) -> date | None:
        """Return the earliest day on which a condition that holds falls due."""
        return min((one.due_on for one in self.met if one.due_on), default=None)


@dataclass(frozen=True, slots=True)
class Case:
    """A licence on a day, as far as conditions need it.

    `endorsements` are accepted, of this subject, happened by the day, oldest first. `until_field` is the field of the face that
    prints a due day. A face or facts without any value were erased.
    """

    face: Face = field(repr=False)
    kinds: Mapping[str, EndorsementKind]
    endorsements: tuple[Endorsement, ...] = field(repr=False)
    day: date
    until_field: str | None = None

    def of_kind(self, kind: str) -> tuple[Endorsement, ...]:
        """Return the endorsements of a kind, oldest first."""
        return tuple(one for one in self.endorsements if one.kind == kind)

    def meant(self, only: tuple[Where, ...]) -> bool | None:
        """Say whether a rule for some faces means this one; None where the face was erased."""
        if not only:
            return True
        return any(where.holds(self.face) for where in only) if self.face else None

    def unknown_day(self, kind: str, pack: RulePack) -> Condition:
        """Return the condition that hangs on a day which the face does not say."""
        return Condition(kind, Outcome.UNKNOWN, "fact-absent" if self.face else "face-erased", None, pack.id)
