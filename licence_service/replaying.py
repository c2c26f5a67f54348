"""Judging a decision again that no person took: by the rule set, its limits and the grants as the book knew them then (AI-03, DOMAIN M21)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from licence_service.basis import Basis
from licence_service.confirming import confirms
from licence_service.connectors import OF_DECISION
from licence_service.founding import granted_then
from licence_service.law import DEPARTMENT, Law
from licence_service.licence import Act, Entry, beijing_day
from licence_service.regions import covered
from licence_service.rules import judge_sources, outside, rule_set
from licence_service.seal.granting import Asked, Grant, Office, above, below, ceiling_among

SAME = "the same"


@dataclass(frozen=True, slots=True)
class Then:
    """The grants under which a rule set decided: those that let no person stand by, and what is sealed of the type in an hour, where that has an end."""

    grants: tuple[Grant, ...]
    hourly_ceiling: int | None

    def said(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"grants": len(self.grants), "hourly_ceiling": self.hourly_ceiling}


def judged_again(law: Law, slug: str, entry: Entry) -> str:
    """Judge the receipts of a first entry by what was known at the instant of that judgement: the seal may have been waited for since.

    `SAME`, or what would be otherwise. What was changed after that instant changes nothing here.
    """
    basis = entry.basis
    assert basis  # noqa: S101 - the caller looked
    assert basis.judged  # noqa: S101 - the caller looked
    at = basis.judged.at
    found = rule_set(law.packs(at), basis.judged.rule_set)
    if found is None:
        return "the book knew no such rule set"
    pack, rule = found
    if not pack.covers(beijing_day(at)) or slug not in pack.types or basis.item not in rule.items:
        return "not a case for this rule set"
    if (then := granted_at(law, slug, entry)) and not then.grants:
        return "no grant of then lets a rule set decide it"
    if judge_sources(pack, rule, basis.receipts, at) != basis.judged:
        return "other findings"
    return "outside its limits" if entry.version and outside(rule, entry.version.face) else decided_again(slug, basis) or SAME


def decided_again(slug: str, basis: Basis) -> str | None:
    """Judge the receipt of a register of decisions again; None where none was asked."""
    asked = [one for one in basis.receipts if one.fetched and set(OF_DECISION) <= set(one.compared)]
    return (SAME if all(confirms(one, slug) for one in asked) else "the decision was not confirmed") if asked else None


def granted_at(law: Law, slug: str, entry: Entry) -> Then | None:
    """Return under which grants of then a first entry was decided with no person; None where the book knew nothing of the department then."""
    uscc, judged = entry.department or "", entry.basis.judged if entry.basis else None
    line = law.foundations.known(DEPARTMENT, judged.at).get(uscc) if judged else None
    if line is None or judged is None:
        return None
    region, day, by = entry.region or uscc[2:8], beijing_day(judged.at), entry.office or uscc
    grants, offices = granted_then(line.content, region)
    if by != uscc and not _worked(offices, by, region, day):
        return Then((), None)
    names = frozenset({by, *(one.code for one in above(offices, by))})
    asked = Asked(slug, day, region, Act.ISSUE.value, names, unattended=True)
    ceiling = ceiling_among(grants, replace(asked, unattended=False))
    return Then(tuple(one for one in grants if one.covers(asked)), ceiling.uses if ceiling else None)


def _worked(offices: Sequence[Office], code: str, region: str, day: date) -> bool:
    """Say whether an office of then was open with all above it, and covered a region, itself or by an open one below."""
    chain = above(offices, code)
    named = [one for each in below(offices, code) if each.open_on(day) for one in each.regions]
    return bool(chain) and all(one.open_on(day) for one in chain) and covered(region, named)
