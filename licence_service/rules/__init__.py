"""Rule packs (规则包): law as effective-dated data, and the ways of adding up that it names (DOMAIN EN-05, EN-12, LC-03, XR-05, M8).

Pure. Files under `templates/_rules/` are read by the catalogue; every judgement names the pack that made it.
"""

from licence_service.rules.acceptance import (
    Breach,
    Reception,
    acceptance_pack,
    grade_fault,
    grades_for,
    judge_fact,
    kind_acceptance,
    objection_until,
    on_underlying_right,
    transfer_days,
)
from licence_service.rules.case import OVERDUE, Condition, Conditions, Outcome, PackUsed
from licence_service.rules.checking import check, overlaps
from licence_service.rules.conditions import bound, judge_conditions
from licence_service.rules.limits import Renewal, above_ceiling, birth_of, birthday, next_due, renewal_of
from licence_service.rules.pack import (
    Acceptance,
    AgeCeiling,
    KindAcceptance,
    ReviewFrequency,
    RulePack,
    Unattended,
    as_data,
    from_data,
    in_force,
    named,
)
from licence_service.rules.reminders import DUTIES, Reminders, Saying
from licence_service.rules.unattended import judge_sources, outside, rule_set

__all__ = [
    "DUTIES", "OVERDUE", "Acceptance", "AgeCeiling", "Breach", "Condition", "Conditions", "KindAcceptance", "Outcome", "PackUsed", "Reception", "Reminders",
    "Renewal", "ReviewFrequency", "RulePack", "Saying", "Unattended", "above_ceiling", "acceptance_pack", "as_data", "birth_of", "birthday", "bound", "check",
    "from_data", "grade_fault", "grades_for", "in_force", "judge_conditions", "judge_fact", "judge_sources", "kind_acceptance", "named",
    "next_due", "objection_until", "on_underlying_right", "outside", "overlaps", "renewal_of", "rule_set", "transfer_days",
]  # fmt: skip
