"""What people do at the desk: roles, what each may do, and which nobody holds together (DOMAIN §2g, §3.1). One table, as data."""

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Role(StrEnum):
    """What a person is for in a department."""

    CLERK = "clerk"
    SEAL_OFFICER = "seal_officer"
    TEMPLATE_ADMINISTRATOR = "template_administrator"
    DATA_QUALITY = "data_quality_officer"
    AUDITOR = "auditor"
    APPROVER = "approver"


class Right(StrEnum):
    """A door of the desk."""

    FIND = "find"  # find a licence of the department, see what its holder sees, and its history
    ENTER = "enter"  # issue, and enter acts on licences, by a decision that was taken
    TASKS = "tasks"  # see and close what waits for a clerk
    COPY = "copy"  # print a copy with a number of its own
    STOP_SEAL = "stop_seal"  # stop the department's seal, and start it again
    READ_SEAL_LOG = "read_seal_log"
    READ_DESK_LOG = "read_desk_log"  # who of the department read, searched and printed what
    QUARANTINE = "quarantine"  # put rows of legacy stock right, or reject them
    PROPOSE = "propose"  # propose what folders hold: editions, rule packs, kinds, grants
    PLAN = "plan"  # plan a campaign and have it rehearsed
    APPROVE = "approve"  # put in force what another proposed, approve a campaign that another planned


MAY: Mapping[Role, frozenset[Right]] = {
    Role.CLERK: frozenset({Right.FIND, Right.ENTER, Right.TASKS, Right.COPY}),
    Role.SEAL_OFFICER: frozenset({Right.STOP_SEAL, Right.READ_SEAL_LOG}),
    Role.TEMPLATE_ADMINISTRATOR: frozenset({Right.PROPOSE, Right.PLAN}),
    Role.DATA_QUALITY: frozenset({Right.QUARANTINE}),
    Role.AUDITOR: frozenset({Right.FIND, Right.READ_SEAL_LOG, Right.READ_DESK_LOG}),
    Role.APPROVER: frozenset({Right.APPROVE}),
}
# Nobody holds two of approver, maker, officer, auditor (DOMAIN §2g); who makes what is approved here is the template administrator.
APART = frozenset({Role.APPROVER, Role.TEMPLATE_ADMINISTRATOR, Role.SEAL_OFFICER, Role.AUDITOR})

# An office has no seal, no stock and no campaigns, and judgements do not rest on it (docs/access.md): its people find, enter, copy and read.
OF_AN_OFFICE = frozenset({Role.CLERK, Role.AUDITOR})

WORDS: Mapping[Role, tuple[str, str]] = {
    Role.CLERK: ("窗口办事员", "Clerk"),
    Role.SEAL_OFFICER: ("用章管理员", "Seal officer"),
    Role.TEMPLATE_ADMINISTRATOR: ("模板管理员", "Template administrator"),
    Role.DATA_QUALITY: ("数据质量员", "Data-quality officer"),
    Role.AUDITOR: ("审计员", "Auditor"),
    Role.APPROVER: ("审批人", "Approver"),
}


def rights_of(roles: Iterable[Role]) -> frozenset[Right]:
    """Return everything that a person with these roles may do."""
    return frozenset(right for role in roles for right in MAY[role])


def at_odds(role: Role, held: Iterable[Role]) -> frozenset[Role]:
    """Return those of the roles held that nobody holds together with this one."""
    return frozenset(held) & APART - {role} if role in APART else frozenset()
