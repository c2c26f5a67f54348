"""Before a licence is issued: what its decision rests on, and whether a rule set may have taken it with no person (AI-02 to AI-04, AI-09)."""

from dataclasses import replace
from datetime import date

from licence_service.basis import Basis, Finding, Result, worst
from licence_service.errors import CheckFailed, FaceRejected, Fault, NeedsClerk, NotGranted, SourceSilent
from licence_service.fields import Face
from licence_service.line import Line
from licence_service.requests import IssueRequest
from licence_service.rules import judge_sources, outside, rule_set
from licence_service.template import Template

TASK = "unattended"  # the kind of a task for a clerk
RETRY_SECONDS = 300


def judged_basis(line: Line, department: str, request: IssueRequest, template: Template, face: Face, today: date) -> Basis:
    """Return the basis of a first entry, judged by the rule set that decided, if one did.

    `NotGranted` where no such rule set decides this item for this type today (AI-03). By what the sources say (AI-04): a failure is
    `CheckFailed`, naming source and fields; a conflict, or a face outside the limits of the rule set, is `NeedsClerk` and leaves a task; a
    source that did not answer, or not lately, is `SourceSilent`: the same request may come again.
    """
    basis = request.basis
    unknown = [Fault("sources", "unknown-field", "these are not all fields of this type")] if basis.origins.keys() - template.fields.keys() else []
    if unknown:
        raise FaceRejected(faults=unknown)
    if request.decision.unattended is None:
        return basis
    found = rule_set(line.law.packs(), request.decision.unattended)
    if found is None or not found[0].covers(today) or found[0].types == "*" or template.slug not in found[0].types:
        raise NotGranted("no rule set of this name decides this type today", facts={"rule": "AI-03"})
    pack, rule = found
    if basis.item not in rule.items:
        raise NotGranted("this rule set does not decide this item of service", facts={"rule": "AI-03"})
    judged = judge_sources(pack, rule, basis.receipts, line.now())
    match worst(judged.findings):
        case Result.FAIL:
            raise CheckFailed(faults=_faults(judged.findings, Result.FAIL), facts={"rule": "AI-04"})
        case Result.CONFLICT:
            raise _for_a_clerk(line, department, request, _faults(judged.findings, Result.CONFLICT))
        case Result.UNAVAILABLE | Result.MISSING | Result.STALE:
            silent = ", ".join(f"{one.source} ({one.result.value})" for one in judged.findings if one.result is not Result.PASS)
            raise SourceSilent(f"waiting for: {silent}", retry_after=RETRY_SECONDS)
    if limits := outside(rule, face):
        faults = [Fault(f"face.{one.name}", "outside-limits", "the rule set leaves such a case to a person") for one in limits]
        raise _for_a_clerk(line, department, request, faults)
    return replace(basis, judged=judged)


def _for_a_clerk(line: Line, department: str, request: IssueRequest, faults: list[Fault]) -> NeedsClerk:
    """Leave a task for a clerk of the department; the same case leaves one."""
    content = {"rule": "AI-04", "case_no": request.case_no, "type": request.type, "why": ", ".join(f"{one.path} {one.code}" for one in faults)}
    task_id = line.tasks.open(department, TASK, None, content, slug=request.type)
    return NeedsClerk(faults=faults, facts={"rule": "AI-04", "task_id": task_id})


def _faults(findings: tuple[Finding, ...], result: Result) -> list[Fault]:
    """Return one fault for each source with this result, naming it and the fields that it was asked about."""
    return [
        Fault(f"receipts.{one.source}", result.value, f"about: {', '.join(one.compared) or 'the case'}") for one in findings if one.result is result
    ]
