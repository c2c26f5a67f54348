"""Deciding without a person (无人干预): which items, by which sources, within which limits (AI-03, AI-04)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from licence_service.basis import Finding, Judged, Receipt, Result
from licence_service.fields import Face
from licence_service.rules.pack import RulePack, SourceCheck, Unattended, Where

AHEAD = timedelta(minutes=5)  # by which a source's clock may be before ours


def rule_set(packs: Sequence[RulePack], name: str) -> tuple[RulePack, Unattended] | None:
    """Return the rule set of this name, whether or not it is in force."""
    return next(((pack, pack.rule) for pack in packs if pack.id == name and isinstance(pack.rule, Unattended)), None)


def judge_sources(pack: RulePack, rule: Unattended, receipts: Sequence[Receipt], at: datetime) -> Judged:
    """Judge the receipts by a rule set at an instant; the same receipts at the same instant give the same findings (M21).

    A source that was not asked is `missing`, one asked about other fields than the rule wants too; an answer older than its source may
    be, or from the future, is `stale`.
    """
    by_source = {one.source: one for one in receipts}
    findings = tuple(Finding(name, _result(check, by_source.get(name), at), check.compares) for name, check in sorted(rule.sources.items()))
    return Judged(pack.id, pack.digest, at, findings)


def outside(rule: Unattended, face: Face) -> list[Where]:
    """Return the limits that a face does not keep: such a case is a person's."""
    return [where for where in rule.only if not where.holds(face)]


def _result(check: SourceCheck, receipt: Receipt | None, at: datetime) -> Result:
    if receipt is None or not set(check.compares) <= set(receipt.compared):
        return Result.MISSING
    if not at - timedelta(hours=check.max_age_hours) <= receipt.answered_at <= at + AHEAD:
        return Result.STALE
    return receipt.result
