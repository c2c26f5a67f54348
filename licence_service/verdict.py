"""The verdict: five questions, each answered with reason codes (DOMAIN §2d, SH-01; DESIGN idea 4).

Pure. "No" and "unknown" are answers here, never errors, and unknown is never green.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from licence_service.reasons import REASONS
from licence_service.rules import Conditions
from licence_service.wording import SOURCES

CHECKS = ("register", "seal", "document", "version", "right", "dates", "conditions", "showing")  # numbered from 1
QUESTIONS = ("authentic", "current", "in_force", "conditions", "shown")


class Result(StrEnum):
    """The answer to one question or check."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    NOT_ASKED = "not_asked"


class Overall(StrEnum):
    """The verdict in one word (SH-01)."""

    VALID = "valid"
    VALID_CONDITIONS_UNMET = "valid_conditions_unmet"
    NOT_VALID = "not_valid"
    CANNOT_DECIDE = "cannot_decide"


@dataclass(frozen=True, slots=True)
class Check:
    """One numbered step; `reasons` are codes of `reasons.REASONS`."""

    no: int
    name: str
    question: str
    result: Result
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one of the five questions."""

    result: Result
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The whole answer. `licence` holds only what this asker may see."""

    overall: Overall
    checked_at: datetime
    valid_at: date
    known_at: datetime
    head: tuple[int, datetime | None]
    sources: Mapping[str, datetime]  # what was asked, and the instant that it speaks of
    answers: Mapping[str, Answer]
    checks: tuple[Check, ...]
    licence: Mapping[str, Any] | None = field(default=None, repr=False)
    conditions: Conditions | None = None
    due_days: bool = True  # whether this asker may see on which day a condition falls due
    comparison: Mapping[str, Any] | None = field(default=None, repr=False)  # of an uploaded file with the record, as it is sent
    lent: Mapping[str, Any] | None = field(
        default=None, repr=False
    )  # of an annotated copy: for whom, for what, until when, and whether it still may be used
    host: str | None = None  # the site that a code in an uploaded file leads to, where it is not the official one

    def as_json(self) -> dict[str, Any]:
        """Return the verdict in the shape that it keeps (docs/formats.md §10)."""
        return {
            "overall": self.overall.value,
            **clocks_json(self.checked_at, self.valid_at, self.known_at, self.head, self.sources),
            "answers": {name: {"result": one.result.value, "reasons": in_words(one.reasons)} for name, one in self.answers.items()},
            "licence": dict(self.licence) if self.licence is not None else None,
            "checks": [{"no": one.no, "name": one.name, "result": one.result.value, "reasons": in_words(one.reasons)} for one in self.checks],
            "conditions": conditions_json(self.conditions, due_days=self.due_days) if self.conditions else None,
            "comparison": dict(self.comparison) if self.comparison is not None else None,
            "host": self.host,
            **({"lent": dict(self.lent)} if self.lent is not None else {}),
        }


def clocks_json(
    checked_at: datetime, valid_at: date, known_at: datetime, head: tuple[int, datetime | None], sources: Mapping[str, datetime]
) -> dict[str, Any]:
    """Return what in a verdict changes from one second to the next; the age of a source is in whole seconds, counted from the check."""
    return {
        "checked_at": checked_at.isoformat(timespec="seconds"),
        "valid_at": valid_at.isoformat(),
        "known_at": known_at.isoformat(timespec="microseconds"),
        "head": {"entry": head[0], "recorded_at": head[1].isoformat(timespec="microseconds") if head[1] else None},
        "sources": [source_json(name, as_of, checked_at) for name, as_of in sources.items()],
    }


def source_json(name: str, as_of: datetime, checked_at: datetime) -> dict[str, Any]:
    """Return one source with the instant that it speaks of and its age at the check."""
    age = max(0, int((checked_at - as_of).total_seconds()))
    return {"name": name, "zh": SOURCES[name][0], "en": SOURCES[name][1], "as_of": as_of.isoformat(timespec="seconds"), "age_seconds": age}


def conditions_json(said: Conditions, *, due_days: bool = True) -> dict[str, Any]:
    """Return each condition with its reason and the rule pack that judged it (EN-12), and the day it falls due where that may be seen (DOMAIN §2d)."""
    return {
        "each": [
            {
                "kind": one.kind, "result": one.outcome.value, "reasons": in_words((one.reason,)),
                "due_on": one.due_on.isoformat() if due_days and one.due_on else None, "rule_pack": one.pack,
            }
            for one in said.every
        ],
        "rule_packs": [{"id": pack.id, "sha256": pack.digest, "sample": pack.sample} for pack in said.packs],
    }  # fmt: skip


def in_words(codes: tuple[str, ...]) -> list[dict[str, str]]:
    """Return reason codes with their Chinese and English sentences."""
    return [{"code": code, "zh": REASONS[code][0], "en": REASONS[code][1]} for code in codes]


def answers_of(checks: tuple[Check, ...]) -> dict[str, Answer]:
    """Add the checks up to the five answers: one "no" is no, else one unknown is unknown, else one yes is yes."""
    answers = {}
    for question in QUESTIONS:
        mine = [check for check in checks if check.question == question]
        results = {check.result for check in mine}
        result = next((one for one in (Result.NO, Result.UNKNOWN, Result.YES) if one in results), Result.NOT_ASKED)
        reasons = [code for check in mine if check.result is result for code in check.reasons]
        answers[question] = Answer(result, tuple(dict.fromkeys(reasons)))
    return answers


def overall_of(answers: Mapping[str, Answer]) -> Overall:
    """Return the verdict in one word (DESIGN §5 step 6); what was not asked never lowers it."""
    results = {name: answers[name].result for name in QUESTIONS}
    if results["authentic"] is Result.NO:
        return Overall.NOT_VALID
    if results["authentic"] is not Result.YES or results["in_force"] is Result.NOT_ASKED or Result.UNKNOWN in results.values():
        return Overall.CANNOT_DECIDE
    if Result.NO in (results["in_force"], results["current"], results["shown"]):
        return Overall.NOT_VALID
    return Overall.VALID_CONDITIONS_UNMET if results["conditions"] is Result.NO else Overall.VALID
