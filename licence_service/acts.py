"""Which act is allowed when: DOMAIN §2a's table of acts and states as data, with one judge.

"–" in the source means refused. Which day picks the column is in `DAY` (RULINGS 01).
"""

from collections.abc import Mapping
from datetime import date, timedelta
from enum import Enum

from licence_service.errors import TransitionRefused
from licence_service.licence import Act, Licence, LicenceState, fold


class Mark(Enum):
    """What a cell of the table says."""

    YES = "allowed"
    NO = "refused"
    RECORDED = "recorded without changing the state"
    BEFORE_END = "only facts that lie before the end"


Y, N, R, B = Mark.YES, Mark.NO, Mark.RECORDED, Mark.BEFORE_END

COLUMNS = ("pending_effect", "in_force", "suspended", "expired_in_window", "expired", "revoked", "cancelled")

TABLE: Mapping[Act, tuple[Mark, ...]] = {
    #                            pending in_force suspended in_window expired revoked cancelled
    Act.RENEW:                  (N,      Y,       N,        Y,        N,      N,      N),
    Act.REPLACE:                (Y,      Y,       Y,        N,        N,      N,      N),
    Act.CHANGE:                 (Y,      Y,       N,        N,        N,      N,      N),
    Act.SUSPEND:                (Y,      Y,       Y,        R,        R,      R,      R),
    Act.LIFT:                   (N,      N,       Y,        N,        N,      N,      N),
    Act.REVOKE:                 (Y,      Y,       Y,        Y,        R,      N,      R),
    Act.CANCEL:                 (Y,      Y,       Y,        Y,        Y,      Y,      N),
    Act.ENDORSE:                (N,      Y,       Y,        B,        B,      B,      B),
    Act.WITHDRAW_ENDORSEMENT:   (Y,      Y,       Y,        Y,        Y,      Y,      Y),
}  # fmt: skip

BY_DECISION_DAY = frozenset({Act.RENEW, Act.REPLACE, Act.CHANGE, Act.CANCEL})


def column(licence: Licence, day: date, lapse_after_days: int | None) -> str:
    """Return the column of the table for a licence on a day; no lapse days declared means no window (RULINGS 13)."""
    if licence.state is not LicenceState.EXPIRED:
        return licence.state.value
    last = licence.valid_to
    inside = last is not None and lapse_after_days is not None and day <= last + timedelta(days=lapse_after_days)
    return "expired_in_window" if inside else "expired"


def judge(licence: Licence, act: Act, day: date, *, lapse_after_days: int | None = None, fact_on: date | None = None) -> Mark:
    """Say whether an act may be entered, `YES` or `RECORDED`; raise `TransitionRefused` where not.

    `day` is the decision day or the effective day, as `BY_DECISION_DAY` says. `fact_on` is the day of an endorsement's fact.
    """
    then = fold(licence.entries, day) or licence
    where = column(then, day, lapse_after_days)
    mark = TABLE[act][COLUMNS.index(where)]
    if mark is Mark.BEFORE_END:
        lapsed = then.valid_to + timedelta(days=1) if then.valid_to else None
        end = min(day for day in (then.ended_on, lapsed) if day)  # these columns all have one
        mark = Mark.YES if fact_on and fact_on < end else Mark.NO
    if mark is Mark.NO:
        detail = f"{act.value} is not allowed while the licence is {then.state.value}"
        raise TransitionRefused(detail, facts={"act": act.value, "state": then.state.value, "column": where})
    return mark
