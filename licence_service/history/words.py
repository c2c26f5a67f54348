"""The words for what an entry says, Chinese and English, in one place: acts, grounds, reasons, states, roles.

A code that has no words here is shown as it is; a test demands words for every code that this release writes.
"""

from collections.abc import Mapping

from licence_service.licence import Act, LicenceState, VersionReason

Table = Mapping[str, tuple[str, str]]

ACTS: Table = {
    Act.ISSUE: ("颁发", "Issued"),
    Act.ADOPT: ("收录", "Taken over from elsewhere"),
    Act.RENEW: ("换证", "Renewed"),
    Act.REPLACE: ("补证", "Replaced"),
    Act.CHANGE: ("变更", "Changed"),
    Act.REDUCE_SCOPE: ("核减范围", "Scope reduced"),
    Act.CORRECT: ("更正", "Corrected"),
    Act.RESEAL: ("重新签章", "Sealed anew"),
    Act.VOID: ("版本作废", "Document voided"),
    Act.TRANSFER: ("转籍转出", "Released for transfer"),
    Act.ACCEPT_TRANSFER: ("转籍接收", "Transfer accepted"),
    Act.REJECT_TRANSFER: ("转籍退回", "Transfer rejected"),
    Act.SUSPEND: ("暂扣", "Suspended"),
    Act.LIFT: ("解除暂扣", "Suspension lifted"),
    Act.REVOKE: ("吊销", "Revoked"),
    Act.WITHDRAW: ("撤销", "Withdrawn"),
    Act.RECALL: ("撤回", "Recalled"),
    Act.CANCEL: ("注销", "Cancelled"),
    Act.REINSTATE: ("恢复", "Reinstated"),
    Act.STAY: ("停止执行", "Execution stayed"),
    Act.END_STAY: ("恢复执行", "Stay ended"),
    Act.REVERSE: ("决定被推翻", "Decision reversed"),
    Act.REPORT_LOST: ("挂失", "Reported lost"),
    Act.REPORT_FOUND: ("解除挂失", "Reported found"),
    Act.ASSERT: ("签注申报", "Endorsement asserted"),
    Act.ENDORSE: ("签注", "Endorsed"),
    Act.REFUSE_ENDORSEMENT: ("签注不予受理", "Endorsement refused"),
    Act.WITHDRAW_ENDORSEMENT: ("签注撤销", "Endorsement withdrawn"),
}

# The shape in which an act stands on the page: it says the sort of act without colour.
MARKS: Mapping[Act, str] = {
    **dict.fromkeys((Act.SUSPEND, Act.REVOKE, Act.WITHDRAW, Act.RECALL, Act.CANCEL, Act.END_STAY), "against"),
    **dict.fromkeys((Act.LIFT, Act.REINSTATE, Act.STAY, Act.REVERSE), "relief"),
    **dict.fromkeys((Act.ASSERT, Act.ENDORSE, Act.REFUSE_ENDORSEMENT, Act.WITHDRAW_ENDORSEMENT), "fact"),
    **dict.fromkeys((Act.REPORT_LOST, Act.REPORT_FOUND, Act.TRANSFER, Act.REJECT_TRANSFER), "notice"),
}
PLAIN_MARK = "paper"
MARK_WORDS: Table = {
    PLAIN_MARK: ("证件", "Document"),
    "fact": ("签注", "Endorsement"),
    "notice": ("报告、移交", "Report or handing over"),
    "against": ("限制、终止", "Limited or ended"),
    "relief": ("解除、恢复", "Relieved or restored"),
}

STATES: Table = {
    LicenceState.IN_FORCE: ("在有效期内", "In force"),
    LicenceState.PENDING_EFFECT: ("尚未生效", "Not yet in effect"),
    LicenceState.SUSPENDED: ("暂扣", "Suspended"),
    LicenceState.EXPIRED: ("已过期", "Expired"),
    LicenceState.REVOKED: ("已吊销", "Revoked"),
    LicenceState.WITHDRAWN: ("已撤销", "Withdrawn"),
    LicenceState.RECALLED: ("已撤回", "Recalled"),
    LicenceState.CANCELLED: ("已注销", "Cancelled"),
}

REASONS: Table = {
    VersionReason.INITIAL: ("首次颁发", "first document"),
    VersionReason.ADOPTED: ("收录", "taken over"),
    VersionReason.RENEWAL: ("换证", "renewal"),
    VersionReason.REPLACEMENT: ("补证", "replacement"),
    VersionReason.CHANGE: ("变更", "change"),
    VersionReason.TRANSFER: ("转籍", "transfer"),
    VersionReason.ENDORSEMENT: ("签注", "endorsement"),
    VersionReason.CORRECTION: ("更正", "correction"),
    VersionReason.RESEAL: ("重新签章", "new seal"),
    VersionReason.SCOPE_REDUCTION: ("核减范围", "scope reduction"),
    VersionReason.REINSTATEMENT: ("恢复", "reinstatement"),
    VersionReason.LEGACY_CONVERSION: ("存量转换", "converted from paper stock"),
}

VERSION_STATES: Table = {
    "current": ("现行", "current"),
    "superseded": ("已被取代", "superseded"),
    "voided": ("已作废", "voided"),
    "not_yet_made": ("当日尚未制发", "not yet made on that day"),
}

ENDORSEMENT_STATES: Table = {
    "asserted": ("待受理", "asserted, waiting"),
    "accepted": ("有效", "accepted"),
    "refused": ("不予受理", "refused"),
    "corrected": ("已更正", "corrected"),
    "withdrawn": ("已撤销", "withdrawn"),
}

GROUNDS: Table = {
    # of a cancellation
    "request": ("本人（企业）申请", "own request"),
    "expired": ("有效期届满", "expiry"),
    "overdue": ("逾期未换证", "renewal overdue"),
    "death": ("持证人死亡", "death of the holder"),
    "dissolved": ("企业终止", "dissolution"),
    "age": ("超过规定年龄", "above the ceiling of age"),
    "underlying_right_ended": ("所依据的资格已终止", "an underlying right ended"),
    "parent_ended": ("所依附的证照已失效", "the licence it hangs on has ended"),
    "revoked": ("已吊销", "after revocation"),
    "withdrawn": ("已撤销", "after withdrawal"),
    "recalled": ("已撤回", "after recall"),
    "other": ("其他", "other"),
    # of a withdrawal
    "beyond_powers": ("超越职权", "beyond powers"),
    "wrong_procedure": ("违反法定程序", "wrong procedure"),
    "unqualified_applicant": ("申请人不具备资格", "unqualified applicant"),
    "fraud": ("以欺骗、贿赂等手段取得", "fraud or bribery"),
    # of the withdrawal of an endorsement
    "objection": ("发证地机关异议", "objection of the home authority"),
    "report_recalled": ("检验报告被撤回", "the report was recalled"),
    "error": ("登记错误", "entered in error"),
    "overturned": ("被复议或判决推翻", "overturned on review"),
}

SUSPENSIONS: Table = {"penalty": ("行政处罚", "penalty"), "measure": ("强制措施", "enforcement measure")}

ALLOWED: Table = {"renew": ("换证", "renewal"), "change": ("变更", "change"), "transfer": ("转籍", "transfer")}

FLAGS: Table = {
    "loss_reported": ("挂失中", "Reported lost"),
    "transfer_pending": ("转籍待接收", "Transfer pending"),
    "parent_suspended": ("所依附的证照被暂扣", "The licence it hangs on is suspended"),
    "parent_ended": ("所依附的证照已失效", "The licence it hangs on has ended"),
}

ROLES: Table = {
    "inspecting_station": ("检验机构", "inspecting station"),
    "accepting_org": ("受理机关", "accepting organ"),
    "deciding_org": ("决定机关", "deciding organ"),
    "issuer_of_record": ("发证机关", "issuer of record"),
    "sealing_org": ("签章机关", "sealing organ"),
}


def said(table: Table, code: str) -> dict[str, str]:
    """Return a code with its words; one that has none speaks for itself."""
    zh, en = table.get(code, (code, code))
    return {"code": str(code), "zh": zh, "en": en}


def mark_of(act: Act) -> str:
    """Return the shape in which an act stands on the page: paper, fact, notice, against or relief."""
    return MARKS.get(act, PLAIN_MARK)
