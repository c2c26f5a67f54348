"""What a department may seal, by grants, and the offices below it as a tree (DOMAIN SE-01, LC-16).

Pure. Power that moves from one office or region to another on a day is a change of grants, and nothing else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from licence_service.errors import Misconfigured
from licence_service.regions import EVERY, covered


@dataclass(frozen=True, slots=True)
class Office:
    """A sub-office (派出机构、办事窗口) of a department: it has no seal of its own, and acts under its department's.

    `regions` are the administrative divisions (GB/T 2260) that it covers with all that lie within them, beside those of the offices below it.
    `under` is the code of the office above it, None where that is the department itself. Both days count.
    """

    code: str
    name: str
    name_en: str
    regions: tuple[str, ...]
    used_from: date
    used_to: date | None = None
    under: str | None = None

    def open_on(self, day: date) -> bool:
        """Say whether it works on a Beijing day."""
        return self.used_from <= day and (self.used_to is None or day <= self.used_to)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a seal is asked for, on a Beijing day; what is None is not asked about.

    `names` are the organisations in whose name it is asked: an office and those above it, or the code of the department itself.
    """

    type: str
    day: date
    region: str | None = None
    act: str | None = None
    names: frozenset[str] | None = None
    unattended: bool = False


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most uses of a seal in an hour for one type (AI-05); uses under grants of another `scope` are counted apart."""

    uses: int
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """When a seal is stopped: over `times` as many uses in an hour as in the busiest of four weeks, though never for `least` or fewer (AI-05)."""

    times: int
    least: int


@dataclass(frozen=True, slots=True)
class Grant:
    """Which types a department may seal from when to when, inclusive (DOMAIN SE-01); `("*",)` means every one.

    `regions` are the administrative divisions for which it is the issuing authority (LC-16), with all that lie within them, `acts` those of the
    book, `organisations` who of the department may use it: the department's own code for itself, the code of an office for that and those below it.
    """

    types: tuple[str, ...]
    used_from: date
    used_to: date | None
    unattended: bool
    regions: tuple[str, ...] = (EVERY,)
    hourly_ceiling: int | None = None  # of each type; None is none
    acts: tuple[str, ...] = (EVERY,)
    organisations: tuple[str, ...] = (EVERY,)
    without: tuple[str, ...] = ()  # regions, each with all within it, that are another authority's

    def covers(self, asked: Asked) -> bool:
        """Say whether this one grant allows all that is asked."""
        named = ((self.types, {asked.type}), (self.acts, _one(asked.act)), (self.organisations, asked.names))
        return (
            self.used_from <= asked.day
            and (self.used_to is None or asked.day <= self.used_to)
            and (self.unattended or not asked.unattended)
            and (asked.region is None or covered(asked.region, self.regions, self.without))
            and all(wanted is None or EVERY in allowed or not wanted.isdisjoint(allowed) for allowed, wanted in named)
        )

    @property
    def ceiling(self) -> Ceiling | None:
        """Return its ceiling; what narrows the grant, but for types and days, says what is counted with what."""
        narrowed = [",".join(sorted(one)) for one in (self.regions, self.acts, self.organisations) if EVERY not in one]
        narrowed += [f"without {','.join(sorted(self.without))}"] if self.without else []
        return Ceiling(self.hourly_ceiling, "|".join(narrowed)) if self.hourly_ceiling else None


def _one(word: str | None) -> frozenset[str] | None:
    return None if word is None else frozenset({word})


def ceiling_among(grants: Sequence[Grant], asked: Asked) -> Ceiling | None:
    """Return what the most generous of the grants that cover this says; None is no ceiling.

    Where the power for a region has gone to another authority, a licence that was issued before stays where it is (LC-16): what is sealed for
    it counts under the grants that there are.
    """
    regionless = Asked(asked.type, asked.day, None, asked.act, asked.names, asked.unattended)
    covering = [one for one in grants if one.covers(asked)] or [one for one in grants if one.covers(regionless)]
    said = [one.ceiling for one in covering]
    return None if None in said else max((one for one in said if one), key=lambda one: (one.uses, one.scope), default=None)


def above(offices: Iterable[Office], code: str) -> tuple[Office, ...]:
    """Return an office and those above it, nearest first; none where there is no such office."""
    known = {one.code: one for one in offices}
    found: list[Office] = []
    at = known.get(code)
    while at is not None and at not in found:
        found.append(at)
        at = known.get(at.under or "")
    return tuple(found)


def below(offices: Sequence[Office], code: str) -> tuple[Office, ...]:
    """Return an office and all below it, in the order of the file; none where there is no such office."""
    return tuple(one for one in offices if any(each.code == code for each in above(offices, one.code)))


def check_tree(where: str, uscc: str, offices: Sequence[Office], grants: Sequence[Grant], taken: Mapping[str, str]) -> None:
    """Raise `Misconfigured` for what is no tree, for a code that is taken (`taken`: by which department), and for a grant to nobody."""
    codes = [one.code for one in offices]
    for number, one in enumerate(offices):
        if one.code in codes[:number] or one.code in taken:
            raise Misconfigured(f"{where}: another office has the code {one.code}")
        if one.under is not None and one.under not in codes:
            raise Misconfigured(f"{where}: the office {one.code} lies under one that is not there")
        if above(offices, one.code)[-1].under is not None:
            raise Misconfigured(f"{where}: the office {one.code} lies under itself")
        if one.used_to is not None and one.used_to < one.used_from:
            raise Misconfigured(f"{where}: the office {one.code} closes before it opens")
    known = {EVERY, uscc, *codes}
    if any(named not in known for grant in grants for named in grant.organisations):
        raise Misconfigured(f"{where}: a grant names an organisation that is neither {uscc} nor an office of it")
