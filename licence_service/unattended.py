"""Before a licence is issued: what its decision rests on, and whether a rule set may have taken it with no person (AI-02 to AI-04, AI-09)."""

from dataclasses import dataclass, replace
from datetime import date

from licence_service.basis import Basis, Finding, Judged, Result, worst
from licence_service.connectors import Use
from licence_service.errors import CheckFailed, FaceRejected, Fault, NeedsClerk, NotGranted, SourceSilent
from licence_service.fields import Face
from licence_service.line import Line
from licence_service.requests import IssueRequest
from licence_service.rules import RulePack, Unattended, judge_sources, outside, rule_set
from licence_service.store.source_waits import CLERK, Whose
from licence_service.template import Template
from licence_service.waiting import Asking

_SILENT = frozenset({Result.UNAVAILABLE, Result.MISSING, Result.STALE})


def judged_basis(line: Line, whose: Whose, request: IssueRequest, template: Template, face: Face, today: date) -> Basis:
    """Return the basis of a first entry, judged by the rule set that decided, if one did.

    `NotGranted` where no such rule set decides this item for this type today (AI-03). By what the sources say (AI-04): a failure is
    `CheckFailed`, naming source and fields; a conflict, or a face outside the limits of the rule set, is `NeedsClerk` and leaves a task; a
    source that did not answer, or not lately, is `SourceSilent`: the same request may come again.
    """
    basis = request.basis
    unknown = [Fault("sources", "unknown-field", "these are not all fields of this type")] if basis.origins.keys() - template.fields.keys() else []
    if unknown:
        raise FaceRejected(faults=unknown)
    case = _Case(Asking(line, whose, request.type, request.case_no), request)
    if request.decision.unattended is None:
        case.asking.settled()  # by a person
        return basis
    found = rule_set(line.law.packs(), request.decision.unattended)
    if found is None or not found[0].covers(today) or found[0].types == "*" or template.slug not in found[0].types:
        raise NotGranted("no rule set of this name decides this type today", facts={"rule": "AI-03"})
    pack, rule = found
    if basis.item not in rule.items:
        raise NotGranted("this rule set does not decide this item of service", facts={"rule": "AI-03"})
    judged, basis = case.asked(pack, rule, basis, face)
    match worst(judged.findings):
        case Result.FAIL:
            case.asking.answered()
            raise CheckFailed(faults=_faults(judged.findings, Result.FAIL), facts={"rule": "AI-04"})
        case Result.CONFLICT:
            case.asking.answered()
            raise case.asking.for_a_clerk(_faults(judged.findings, Result.CONFLICT))
        case Result.UNAVAILABLE | Result.MISSING | Result.STALE:
            raise case.silent(judged, basis)
    if limits := outside(rule, face):
        faults = [Fault(f"face.{one.name}", "outside-limits", "the rule set leaves such a case to a person") for one in limits]
        case.asking.answered()
        raise case.asking.for_a_clerk(faults)
    case.asking.settled()
    return replace(basis, judged=judged)


@dataclass(frozen=True, slots=True)
class _Case:
    """A case while its sources are asked."""

    asking: Asking
    request: IssueRequest

    def asked(self, pack: RulePack, rule: Unattended, basis: Basis, face: Face) -> tuple[Judged, Basis]:
        """Judge what came with the request; where only silence stands in the way, ask the sources that are declared, and judge again.

        Sources that were silent lately are left alone up to their next turn.
        """
        line = self.asking.line
        judged = judge_sources(pack, rule, basis.receipts, line.now())
        connectors, wait = line.connectors, self.asking.wait()
        if connectors is None or worst(judged.findings) not in _SILENT or (wait and (wait.state == CLERK or line.now() < wait.next_at)):
            return judged, basis
        wanted = {one.source: one.compared for one in judged.findings if one.result in _SILENT}
        use = Use(self.asking.whose.department, pack.id, str(basis.item), self.request.case_no, self.request.type)
        fetched = connectors.fetch(wanted, face, use, line.now)
        names = {one.source for one in fetched}
        basis = replace(basis, receipts=(*(one for one in basis.receipts if one.source not in names), *fetched))
        return judge_sources(pack, rule, basis.receipts, line.now()), basis

    def silent(self, judged: Judged, basis: Basis) -> SourceSilent | NeedsClerk:
        """Return the refusal of a case whose sources are silent."""
        said = ", ".join(f"{one.source} ({one.result.value})" for one in judged.findings if one.result is not Result.PASS)
        asked = any(one.fetched and one.result is Result.UNAVAILABLE for one in basis.receipts)
        return self.asking.silent([one.source for one in judged.findings if one.result in _SILENT], said, asked=asked)


def _faults(findings: tuple[Finding, ...], result: Result) -> list[Fault]:
    """Return one fault for each source with this result, naming it and the fields that it was asked about."""
    return [
        Fault(f"receipts.{one.source}", result.value, f"about: {', '.join(one.compared) or 'the case'}") for one in findings if one.result is result
    ]
