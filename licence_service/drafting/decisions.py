"""Acts without a document: decisions about the right, about other decisions, and reports of the holder."""

from datetime import date, timedelta

from licence_service.drafting.draft import Draft, plain
from licence_service.frozen import replace
from licence_service.licence import Act
from licence_service.recording import Situation, written
from licence_service.requests import ActRequest

_ITSELF = {"": (None, None)}  # the act as such is recorded, no field of the face


def _day(request: ActRequest) -> date:
    return request.effective_on or request.decision.decided_on


def _suspend(at: Situation, request: ActRequest) -> Draft:
    """Suspend (暂扣): a second one runs beside the first, apart (LC-19)."""
    assert request.suspension  # noqa: S101 - read_act demands it
    entry = plain(at, request, request.suspension.first)
    return Draft(replace(entry, suspension=request.suspension), at.template, written(at, request, _ITSELF))


def _lift(at: Situation, request: ActRequest) -> Draft:
    """Lift one suspension; the day of lifting is free (RULINGS 15)."""
    return Draft(replace(plain(at, request, _day(request)), target=request.target), at.template, written(at, request, _ITSELF))


def _end(at: Situation, request: ActRequest) -> Draft:
    """Revoke (吊销) or recall (撤回): from the day the decision takes effect."""
    return Draft(plain(at, request, _day(request)), at.template)


def _withdraw(at: Situation, request: ActRequest) -> Draft:
    """Withdraw (撤销): reaches back to the first grant's decision day unless the decision names a later one (RULINGS 09)."""
    reach = request.effective_on or at.licence.entries[0].decision.decided_on
    return Draft(replace(plain(at, request, reach), ground=request.ground), at.template)


def _cancel(at: Situation, request: ActRequest) -> Draft:
    """Cancel (注销): declares an end that may have come before, on a stated ground (LC-11, RULINGS 08)."""
    entry = replace(plain(at, request, _day(request)), ground=request.ground, right_ended_on=request.right_ended_on, agreed=request.agreed)
    return Draft(entry, at.template)


def _stay(at: Situation, request: ActRequest) -> Draft:
    """Stay (停止执行): halts a decision while it lasts and lengthens nothing (LC-20, RULINGS 18)."""
    return Draft(replace(plain(at, request, _day(request)), target=request.target, until=request.until), at.template)


def _end_stay(at: Situation, request: ActRequest) -> Draft:
    return Draft(replace(plain(at, request, _day(request)), target=request.target), at.template)


def _reverse(at: Situation, request: ActRequest) -> Draft:
    """Reverse: the decision itself was overturned; reaches back to its first day unless another is named (RULINGS 05)."""
    target = next(entry for entry in at.licence.entries if entry.sequence == request.target)
    reach = request.effective_on or (target.suspension.first if target.suspension else target.right_ended_on or target.effective_on)
    return Draft(replace(plain(at, request, reach), target=request.target), at.template)


def _transfer(at: Situation, request: ActRequest) -> Draft:
    """Release to another department, which has a set number of days to accept; day N is still in time (LC-08, RULINGS 25)."""
    day = request.decision.decided_on
    entry = replace(plain(at, request, day), to_department=request.to_department, until=day + timedelta(days=at.transfer_days))
    return Draft(entry, at.template)


def _reject_transfer(at: Situation, request: ActRequest) -> Draft:
    return Draft(replace(plain(at, request, request.decision.decided_on), target=request.target), at.template)


def _report(at: Situation, request: ActRequest) -> Draft:
    """Lost (挂失) or found: a flag on document and device, never on the right (LC-12)."""
    return Draft(plain(at, request, _day(request)), at.template, written(at, request, _ITSELF))


DRAFTERS = {
    Act.SUSPEND: _suspend,
    Act.LIFT: _lift,
    Act.REVOKE: _end,
    Act.RECALL: _end,
    Act.WITHDRAW: _withdraw,
    Act.CANCEL: _cancel,
    Act.STAY: _stay,
    Act.END_STAY: _end_stay,
    Act.REVERSE: _reverse,
    Act.TRANSFER: _transfer,
    Act.REJECT_TRANSFER: _reject_transfer,
    Act.REPORT_LOST: _report,
    Act.REPORT_FOUND: _report,
}
