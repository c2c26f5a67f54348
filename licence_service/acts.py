"""Which act is allowed when: DOMAIN §2a's table of acts and states as data, with one judge.

"–" in the source means refused. Rows that the source lacks are those of RULINGS 17. Which day picks the column is in `DAY`
(RULINGS 01); what the table cannot say in one mark is in `docs/lifecycle.md` and in the functions below it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum

from licence_service.errors import TransitionRefused
from licence_service.fold import ADVERSE, Decisions
from licence_service.licence import Act, Entry, Licence, LicenceState

At = Callable[[date], Licence | None]  # the licence on a day, with all that is known now


class Mark(Enum):
    """What a cell of the table says."""

    YES = "allowed"
    NO = "refused"
    RECORDED = "recorded without changing the state"
    BEFORE_END = "only facts that lie before the end"
    SAID_SO = "only through a decision or campaign that says so"


Y, N, R, B, C = Mark.YES, Mark.NO, Mark.RECORDED, Mark.BEFORE_END, Mark.SAID_SO

COLUMNS = ("pending_effect", "in_force", "suspended", "expired_in_window", "expired", "revoked", "withdrawn", "recalled", "cancelled")

TABLE: Mapping[Act, tuple[Mark, ...]] = {
    #                         pending in_force suspended in_window expired revoked withdrawn recalled cancelled
    Act.RENEW:                (N,     Y,       C,        Y,        N,      N,      N,        N,       N),
    Act.REPLACE:              (Y,     Y,       Y,        N,        N,      N,      N,        N,       N),
    Act.CHANGE:               (Y,     Y,       C,        N,        N,      N,      N,        N,       N),
    Act.TRANSFER:             (N,     Y,       C,        N,        N,      N,      N,        N,       N),
    Act.ACCEPT_TRANSFER:      (N,     Y,       C,        N,        N,      N,      N,        N,       N),
    Act.REJECT_TRANSFER:      (Y,     Y,       Y,        Y,        Y,      Y,      Y,        Y,       Y),
    Act.REDUCE_SCOPE:         (Y,     Y,       Y,        N,        N,      N,      N,        N,       N),
    Act.SUSPEND:              (Y,     Y,       Y,        R,        R,      R,      N,        R,       R),
    Act.LIFT:                 (N,     N,       Y,        N,        N,      N,      N,        N,       N),
    Act.REVOKE:               (Y,     Y,       Y,        Y,        R,      N,      N,        R,       R),
    Act.WITHDRAW:             (Y,     Y,       Y,        Y,        Y,      Y,      N,        Y,       Y),
    Act.RECALL:               (Y,     Y,       Y,        N,        N,      N,      N,        N,       N),
    Act.CANCEL:               (Y,     Y,       Y,        Y,        Y,      Y,      Y,        Y,       N),
    Act.REINSTATE:            (N,     N,       N,        N,        C,      C,      C,        N,       C),
    Act.STAY:                 (Y,     Y,       Y,        Y,        Y,      Y,      Y,        Y,       Y),
    Act.END_STAY:             (Y,     Y,       Y,        Y,        Y,      Y,      Y,        Y,       Y),
    Act.REVERSE:              (Y,     Y,       Y,        Y,        Y,      Y,      Y,        Y,       Y),
    Act.ASSERT:               (N,     Y,       Y,        B,        B,      B,      R,        B,       B),
    Act.ENDORSE:              (N,     Y,       Y,        B,        B,      B,      R,        B,       B),
    Act.REFUSE_ENDORSEMENT:   (Y,     Y,       Y,        Y,        Y,      Y,      Y,        Y,       Y),
    Act.WITHDRAW_ENDORSEMENT: (Y,     Y,       Y,        Y,        Y,      Y,      Y,        Y,       Y),
    Act.REPORT_LOST:          (Y,     Y,       Y,        Y,        R,      R,      R,        R,       R),
    Act.REPORT_FOUND:         (Y,     Y,       Y,        Y,        R,      R,      R,        R,       R),
    Act.CORRECT:              (Y,     Y,       Y,        Y,        Y,      N,      N,        N,       N),
    Act.RESEAL:               (Y,     Y,       Y,        Y,        Y,      Y,      Y,        Y,       Y),
    Act.VOID:                 (Y,     Y,       Y,        Y,        Y,      Y,      Y,        Y,       Y),
}  # fmt: skip

BY_EFFECTIVE_DAY = frozenset({Act.SUSPEND, Act.LIFT, Act.REVOKE, Act.RECALL, Act.REINSTATE, Act.ASSERT, Act.ENDORSE})

# A cancellation states its ground (LC-11), and the ground must fit the column. `death` can always be entered (RULINGS 17).
_LIVE = ("pending_effect", "in_force", "suspended", "expired_in_window", "expired")
_ENDED = ("revoked", "withdrawn", "recalled")
GROUNDS: Mapping[str, tuple[str, ...]] = {
    "request": (*_LIVE, *_ENDED),
    "expired": ("expired_in_window", "expired"),
    "overdue": ("expired",),
    "death": (*_LIVE, *_ENDED),
    "dissolved": (*_LIVE, *_ENDED),
    "age": (*_LIVE, *_ENDED),
    "underlying_right_ended": (*_LIVE, *_ENDED),
    "parent_ended": (*_LIVE, *_ENDED, "cancelled"),
    "revoked": ("revoked",),
    "withdrawn": ("withdrawn",),
    "recalled": ("recalled",),
    "other": (*_LIVE, *_ENDED),
}

_RULES = {
    Act.RENEW: "LC-03", Act.REPLACE: "LC-07", Act.TRANSFER: "LC-08", Act.ACCEPT_TRANSFER: "LC-08", Act.REJECT_TRANSFER: "LC-08",
    Act.REINSTATE: "LC-14", Act.STAY: "LC-20", Act.END_STAY: "LC-20", Act.REVERSE: "LC-20", Act.ASSERT: "EN-10", Act.ENDORSE: "EN-10",
    Act.WITHDRAW: "LC-10", Act.REVOKE: "LC-10", Act.CANCEL: "LC-11", Act.LIFT: "LC-19", Act.REDUCE_SCOPE: "LC-18", Act.VOID: "LC-09",
    Act.REPORT_LOST: "LC-12", Act.REPORT_FOUND: "LC-12",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """An act to be judged: what of it the table and the rules beside the table need.

    `day` is the decision day or the effective day, as `BY_EFFECTIVE_DAY` says. `fact_on` is the day of an endorsement's fact;
    `target` the sequence of the entry that the act is about; `names_end` whether a reinstatement brings a new last day.
    """

    act: Act
    day: date
    fact_on: date | None = None
    ground: str | None = None
    agreed: bool = False
    target: int | None = None
    names_end: bool = False


def case_of(entry: Entry) -> Case:
    """Return the case of an entry that was drafted: what a later head must still allow."""
    effective = entry.suspension.first if entry.suspension else entry.effective_on
    day = effective if entry.act in BY_EFFECTIVE_DAY else entry.decision.decided_on
    fact = min((one.occurred_on for one in entry.endorsements), default=None)
    names_end = entry.version is not None and (entry.version.valid_to is None or entry.version.valid_to >= day)
    return Case(entry.act, day, fact, entry.ground, entry.agreed, entry.target, names_end)


def column(licence: Licence, day: date, lapse_after_days: int | None) -> str:
    """Return the column of the table for a licence on a day; no lapse days declared means no window (RULINGS 13)."""
    if licence.state is not LicenceState.EXPIRED:
        return licence.state.value
    if licence.valid_to is None or day <= licence.valid_to:
        return "expired"  # its parent is: there is nothing to renew
    until = renewable_until(licence, lapse_after_days)
    return "expired_in_window" if until and day <= until else "expired"


def renewable_until(licence: Licence, lapse_after_days: int | None) -> date | None:
    """Return the last day of the renewal window; working is not allowed in it, renewing is (LC-03)."""
    return licence.valid_to + timedelta(days=lapse_after_days) if licence.valid_to and lapse_after_days is not None else None


def judge(at: At, case: Case, *, lapse_after_days: int | None = None) -> Mark:
    """Say whether an act may be entered, `YES` or `RECORDED`; raise `TransitionRefused` where not, naming the rule."""
    then = at(case.day)
    if then is None:
        raise _refusal(case, "none", "there was no licence on that day")
    where = column(then, case.day, lapse_after_days)
    mark = TABLE[case.act][COLUMNS.index(where)]
    if case.act is Act.CANCEL:
        return _cancellation(then, case, where)
    if mark is Mark.BEFORE_END:
        mark = Mark.YES if case.fact_on and case.fact_on < _end(then) else Mark.NO
    if mark is Mark.SAID_SO:
        mark = Mark.YES if _said_so(then, case) else Mark.NO
    if mark is Mark.NO:
        rule = "LC-06" if where == "suspended" and TABLE[case.act][COLUMNS.index(where)] is Mark.SAID_SO else None
        raise _refusal(case, where, f"{case.act.value} is not allowed while the licence is {then.state.value}", rule)
    if case.act in _ABOUT_ANOTHER:
        _must_fit(then, case, where)
    return mark


def _end(licence: Licence) -> date:
    """Return the first day without the right; a licence without an end of its own expired with its parent."""
    lapsed = licence.valid_to + timedelta(days=1) if licence.valid_to else None
    return min((day for day in (licence.ended_on, lapsed) if day), default=licence.valid_at)


def _cancellation(licence: Licence, case: Case, where: str) -> Mark:
    """Judge a cancellation by its ground (LC-04, LC-11; RULINGS 17)."""
    if case.ground == "death" and where == "cancelled":
        return Mark.RECORDED
    if where not in GROUNDS[case.ground or "other"]:
        raise _refusal(case, where, f"the ground {case.ground} does not fit a licence that is {licence.state.value}", "LC-04")
    if where == "suspended" and case.ground == "request" and not case.agreed:
        raise _refusal(case, where, "on request only if the organ that suspended agrees", "LC-06")
    if where == "cancelled" and licence.ground != "parent_ended":
        raise _refusal(case, where, "the licence is cancelled already")
    return Mark.YES


def _said_so(licence: Licence, case: Case) -> bool:
    """Say whether the decision behind lets this act pass: every running suspension, or a reinstatement that names what it undoes."""
    if case.act is not Act.REINSTATE:
        running = Decisions([entry for entry in licence.entries if not entry.recorded_only]).suspensions_on(case.day)
        passing = {Act.ACCEPT_TRANSFER: Act.TRANSFER}.get(case.act, case.act).value
        return all(entry.suspension and passing in entry.suspension.allows for entry in running)
    decisions = Decisions([entry for entry in licence.entries if not entry.recorded_only])
    acting = [entry for entry in decisions.endings if decisions.acts_on(entry, case.day)]
    over = licence.valid_to is not None and case.day > licence.valid_to
    if any(entry.act is Act.RECALL for entry in acting) or (over and not case.names_end):
        return False
    return case.target in [entry.sequence for entry in acting] if acting else over and licence.ground is None


_ABOUT_ANOTHER = frozenset({Act.LIFT, Act.STAY, Act.END_STAY, Act.REVERSE, Act.ACCEPT_TRANSFER, Act.REJECT_TRANSFER})
_SUBJECTS: Mapping[Act, tuple[Act, ...]] = {
    Act.LIFT: (Act.SUSPEND,), Act.STAY: ADVERSE, Act.REVERSE: ADVERSE, Act.END_STAY: (Act.STAY,),
    Act.ACCEPT_TRANSFER: (Act.TRANSFER,), Act.REJECT_TRANSFER: (Act.TRANSFER,),
}  # fmt: skip


def _must_fit(licence: Licence, case: Case, where: str) -> None:
    """Refuse an act about an entry that is not there, is of another sort, or is settled already."""
    found: Entry | None = next((entry for entry in licence.entries if entry.sequence == case.target and not entry.recorded_only), None)
    if found is None or found.act not in _SUBJECTS[case.act]:
        raise _refusal(case, where, "the target is not an entry that this act can be about")
    about = [entry.act for entry in licence.entries if entry.target == found.sequence and not entry.recorded_only]
    if case.act is Act.LIFT and not Decisions(licence.entries).acts_on(found, case.day):
        raise _refusal(case, where, "this suspension does not run on that day")
    if found.act is Act.TRANSFER and ({Act.ACCEPT_TRANSFER, Act.REJECT_TRANSFER} & {*about} or (found.until and case.day > found.until)):
        raise _refusal(case, where, "this transfer was settled, or its term is over")
    if case.act in about and case.act is not Act.STAY:
        raise _refusal(case, where, "this was decided already")


def open_targets(licence: Licence, act: Act) -> list[int]:
    """Return the entries that an act could be about: one alone need not be named."""
    acting = [entry for entry in licence.entries if not entry.recorded_only]
    decisions = Decisions(acting)
    if act is Act.LIFT:
        return [entry.sequence for entry in decisions.suspensions_on(licence.valid_at)]
    if act is Act.REINSTATE:
        return [entry.sequence for entry in decisions.endings if decisions.acts_on(entry, licence.valid_at)]
    settled = {entry.target for entry in acting if entry.act in {Act.ACCEPT_TRANSFER, Act.REJECT_TRANSFER, Act.END_STAY}}
    return [entry.sequence for entry in acting if entry.act in _SUBJECTS.get(act, ()) and entry.sequence not in settled]


def _refusal(case: Case, where: str, detail: str, rule: str | None = None) -> TransitionRefused:
    return TransitionRefused(
        detail,
        facts={"act": case.act.value, "column": where, "state": where.removesuffix("_in_window"), "rule": rule or _RULES.get(case.act, "LC-01")},
    )


_EVERY_TYPE = frozenset(
    {
        Act.WITHDRAW, Act.REINSTATE, Act.STAY, Act.END_STAY, Act.REVERSE, Act.CORRECT, Act.RESEAL, Act.VOID, Act.REPORT_LOST, Act.REPORT_FOUND,
    }
)  # fmt: skip
_GOES_WITH = {
    Act.LIFT: Act.SUSPEND, Act.ACCEPT_TRANSFER: Act.TRANSFER, Act.REJECT_TRANSFER: Act.TRANSFER, Act.ASSERT: Act.ENDORSE,
    Act.REFUSE_ENDORSEMENT: Act.ENDORSE, Act.WITHDRAW_ENDORSEMENT: Act.ENDORSE,
}  # fmt: skip


def has_act(declared: tuple[str, ...], act: Act) -> bool:
    """Say whether a type has an act: declared, going with a declared one, or one that no type can be without."""
    return act in _EVERY_TYPE or _GOES_WITH.get(act, act).value in declared
