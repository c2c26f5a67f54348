"""What is declared about a stock: how the columns of its file become fields, and what the department knows and how strict its rules are."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from licence_service.errors import Fault, Misconfigured, RequestRejected
from licence_service.fields.declared import STRICT
from licence_service.template import Template, Words

Severity = Literal["block", "warn", "info"]
_MOST_BYTES = 1_000_000


@dataclass(frozen=True, config=STRICT)
class From:
    """Where a value comes from: a column, with `value` where its cell is empty, or `value` alone. `codes` changes the old system's words into codes."""

    column: str | None = None
    value: str | None = None
    codes: Mapping[str, str] = field(default_factory=dict)


Taken = str | From  # a bare text names the column


@dataclass(frozen=True, config=STRICT)
class DecisionFrom:
    """Where the decision behind the paper comes from (AI-02). The organ is the issuer on the face where none is said; the day, its issue date."""

    legal_basis: Taken
    number: Taken
    officer: Taken
    organ: Taken | None = None
    decided_on: Taken | None = None


@dataclass(frozen=True, config=STRICT)
class SealedFrom:
    """Columns of e-licences that another system sealed: their identifier, and the name of their file."""

    elicence_id: Taken
    document: Taken


@dataclass(frozen=True, config=STRICT)
class Plan:
    """A mapping file. `fields`: field of the face → where it comes from; `county`: six digits of the county that owns the row."""

    system: str
    county: Taken
    fields: Mapping[str, Taken]
    decision: DecisionFrom
    sealed: SealedFrom | None = None
    date_formats: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    def columns(self) -> frozenset[str]:
        """Return every column that something is taken from."""
        decision = self.decision
        taken = [self.county, *self.fields.values(), decision.legal_basis, decision.number, decision.officer, decision.organ, decision.decided_on]
        taken += [self.sealed.elicence_id, self.sealed.document] if self.sealed else []
        return frozenset(name for one in taken if (name := one if isinstance(one, str) else one.column if one else None))


@dataclass(frozen=True, config=STRICT)
class Rule:
    """How strict a rule is, and its words for people; `advice` is what can be done about a finding."""

    severity: Severity
    words: Words
    advice: Words


@dataclass(frozen=True, config=STRICT)
class Region:
    """A county; `into` is the one that it was merged into."""

    name: str
    into: str | None = None


@dataclass(frozen=True, config=STRICT)
class Limits:
    """Figures of the rules: years of age, the first year that stands for "for ever", width by height of photos, days to answer an objection."""

    youngest: int = 16
    elderly: int = 80
    oldest: int = 110
    endless_from: int = 2090
    narrowest: float = 0.6
    widest: float = 0.9
    objection_days: int = 15


@dataclass(frozen=True, config=STRICT)
class Knowledge:
    """What rows are judged by. `organs`: department code → names under which it, or who it succeeded, issued.

    `terms`: type → field → the texts that it may be put together of; `portraits`: names of the fields whose photos are of people.
    """

    rules: Mapping[str, Rule]
    limits: Limits = field(default_factory=Limits)
    regions: Mapping[str, Region] = field(default_factory=dict)
    organs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    terms: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    portraits: tuple[str, ...] = ("photo",)


_PLAN, _KNOWLEDGE = TypeAdapter(Plan), TypeAdapter(Knowledge)


def read_plan(content: bytes, template: Template) -> Plan:
    """Read a mapping file for a type; `RequestRejected` names every fault."""
    if len(content) > _MOST_BYTES:
        raise RequestRejected(faults=[Fault("map", "too-large", f"at most {_MOST_BYTES} bytes")])
    try:
        plan: Plan = _PLAN.validate_python(tomllib.loads(content.decode()))
    except (ValueError, RecursionError) as error:  # the second, and integers of thousands of digits, tomllib lets through
        if isinstance(error, ValidationError):
            raise RequestRejected(faults=_invalid(error)) from error
        raise RequestRejected(faults=[Fault("map", "not-toml", "the mapping is no correct TOML")]) from error
    strange = [Fault(f"map.fields.{name}", "unknown-field", "the type has no such field") for name in plan.fields if name not in template.fields]
    known = [column for column in plan.ignored if column in plan.columns()]
    strange += [Fault("map.ignored", "taken", "a column that something is taken from is not ignored")] if known else []
    strange += [
        Fault(f"map.date_formats.{place}", "not-a-format", "no way to write a day")
        for place, way in enumerate(plan.date_formats)
        if not _readable(way)
    ]
    if strange:
        raise RequestRejected(faults=strange)
    return plan


def _invalid(error: ValidationError) -> list[Fault]:
    return [Fault("map." + ".".join(map(str, one["loc"])), one["type"], one["msg"]) for one in error.errors(include_input=False)]


def _readable(way: str) -> bool:
    """Say whether a spelling of days can be read at all: a day written so must be read again."""
    day = datetime(2024, 3, 15)  # noqa: DTZ001 - a calendar day has no zone
    try:
        return datetime.strptime(day.strftime(way), way) == day  # noqa: DTZ007
    except (ValueError, re.error):
        return False


def plan_data(plan: Plan) -> dict[str, Any]:
    """Return a mapping as JSON that `plan_of` reads back."""
    said: dict[str, Any] = _PLAN.dump_python(plan, mode="json")
    return said


def plan_of(said: Mapping[str, Any]) -> Plan:
    """Read back what `plan_data` gave."""
    plan: Plan = _PLAN.validate_python(dict(said))
    return plan


def read_knowledge(folder: Path, known: frozenset[str]) -> Knowledge:
    """Read every file of the folder together; `known` are the rules of the code, each of which needs its words there."""
    whole: dict[str, Any] = {}
    try:
        for path in sorted(folder.glob("*.toml")):
            for name, part in tomllib.loads(path.read_text("utf-8")).items():
                whole[name] = {**whole[name], **part} if isinstance(whole.get(name), dict) else part
        knowledge: Knowledge = _KNOWLEDGE.validate_python(whole)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(f"{folder.name}: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise Misconfigured(f"{folder.name}: {wrong}") from error
    if strange := sorted(knowledge.rules.keys() ^ known):
        raise Misconfigured(f"{folder.name}: rules without words, or words without a rule: {', '.join(strange)}")
    for code, region in knowledge.regions.items():
        if region.into is not None and region.into not in knowledge.regions:
            raise Misconfigured(f"{folder.name}: regions.{code}: it was merged into one that is not listed")
    return knowledge
