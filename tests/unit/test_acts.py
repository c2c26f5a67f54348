"""What the table of acts and states cannot say in one mark: windows, facts before the end, targets, terms of a transfer."""

from datetime import date, timedelta
from typing import Any

import pytest

from licence_service.acts import At, Case, Mark, case_of, column, judge, open_targets, renewable_until
from licence_service.errors import TransitionRefused
from licence_service.fold import fold, under
from licence_service.licence import Act, Entry, Suspension
from tests.builders import FIRST, LAST, a_decision, a_licence, a_renewal, a_suspension, a_version, an_endorsement, an_entry, entered

DAY = timedelta(days=1)
TODAY = date(2027, 5, 1)
ENDED = date(2027, 4, 20)
WINDOW = 180
OPEN_ENDED = an_entry(version=a_version(valid_to=None))


def known(*later: Entry, issue: Entry | None = None) -> At:
    """A licence with all that came later, to be asked by day."""
    book = entered(issue or an_entry(), *later)
    return lambda day: fold(book, day)


def allowed(at: At, act: Act, day: date = TODAY, **case: Any) -> bool:
    try:
        return judge(at, Case(act, day, **case), lapse_after_days=WINDOW) in {Mark.YES, Mark.RECORDED}
    except TransitionRefused:
        return False


def refusal(at: At, act: Act, day: date = TODAY, **case: Any) -> TransitionRefused:
    with pytest.raises(TransitionRefused) as refused:
        judge(at, Case(act, day, **case), lapse_after_days=WINDOW)
    return refused.value


# -- what a refusal says -------------------------------------------------------------------------------


@pytest.mark.parametrize(("act", "rule"), [(Act.RENEW, "LC-03"), (Act.REPLACE, "LC-07"), (Act.CHANGE, "LC-01"), (Act.LIFT, "LC-19")])
def test_a_cancelled_licence_stays_cancelled(act: Act, rule: str) -> None:
    refused = refusal(known(an_entry(Act.CANCEL, effective_on=ENDED)), act)

    assert refused.facts == {"act": act.value, "state": "cancelled", "column": "cancelled", "rule": rule}
    assert refused.detail == f"{act.value} is not allowed while the licence is cancelled"


def test_nothing_is_done_to_a_licence_before_its_grant() -> None:
    refused = refusal(known(), Act.SUSPEND, FIRST - DAY)

    assert refused.facts["column"] == "none"
    assert refused.detail == "there was no licence on that day"


@pytest.mark.rule("LC-06")
@pytest.mark.parametrize("act", [Act.RENEW, Act.CHANGE, Act.TRANSFER])
def test_a_suspended_licence_is_not_renewed_changed_or_transferred_but_a_lost_one_is_replaced(act: Act) -> None:
    suspended = known(a_suspension(ENDED, None))

    assert refusal(suspended, act).facts["rule"] == "LC-06"
    assert allowed(suspended, Act.REPLACE)


@pytest.mark.rule("LC-06", "LC-19")
def test_every_suspension_that_runs_on_the_day_must_let_the_act_pass() -> None:
    lenient = an_entry(Act.SUSPEND, effective_on=ENDED, suspension=Suspension("measure", ENDED, None, ("renew",)))
    strict = a_suspension(ENDED, TODAY)

    assert allowed(known(lenient), Act.RENEW)
    assert not allowed(known(lenient, strict), Act.RENEW)
    assert allowed(known(lenient, strict), Act.RENEW, TODAY + DAY)
    assert not allowed(known(lenient), Act.CHANGE)


# -- the window ----------------------------------------------------------------------------------------


@pytest.mark.rule("LC-03")
@pytest.mark.parametrize(("days", "where"), [(1, "expired_in_window"), (180, "expired_in_window"), (181, "expired")])
def test_the_window_holds_its_last_day(days: int, where: str) -> None:
    day = LAST + timedelta(days=days)

    assert column(a_licence(on=day), day, WINDOW) == where
    assert allowed(known(), Act.RENEW, day) == (where == "expired_in_window")
    assert allowed(known(), Act.CANCEL, day, ground="overdue") == (where == "expired")


@pytest.mark.rule("LC-03")
def test_the_window_is_stated_by_its_last_day() -> None:
    assert renewable_until(a_licence(), WINDOW) == LAST + WINDOW * DAY
    assert renewable_until(a_licence(), None) is None
    assert renewable_until(a_licence(issue=OPEN_ENDED), WINDOW) is None


@pytest.mark.rule("LC-03")
@pytest.mark.parametrize("lapse_after_days", [None, 0])
def test_without_lapse_days_there_is_no_window(lapse_after_days: int | None) -> None:
    assert column(a_licence(on=LAST + DAY), LAST + DAY, lapse_after_days) == "expired"


@pytest.mark.rule("LC-13")
@pytest.mark.parametrize(("day", "where"), [(TODAY, "expired"), (LAST, "expired"), (LAST + DAY, "expired_in_window")])
def test_a_licence_that_expired_with_its_parent_has_a_window_only_after_its_own_term(day: date, where: str) -> None:
    parent = fold(entered(an_entry(version=a_version(valid_to=ENDED))), day)
    child = under(a_licence(on=day), parent, "ends")

    assert column(child, day, WINDOW) == where


def test_the_day_of_the_act_picks_the_column_not_the_day_of_asking() -> None:
    at = known(a_suspension(date(2027, 4, 1), date(2027, 4, 30)))

    assert allowed(at, Act.RENEW, TODAY)
    assert not allowed(at, Act.RENEW, date(2027, 4, 30))


# -- facts before the end ------------------------------------------------------------------------------


@pytest.mark.rule("EN-10")
@pytest.mark.parametrize(("fact_on", "taken"), [(LAST, True), (LAST + DAY, False)])
@pytest.mark.parametrize("act", [Act.ASSERT, Act.ENDORSE])
def test_a_fact_of_the_last_valid_day_may_still_be_endorsed(act: Act, fact_on: date, taken: bool) -> None:
    assert allowed(known(), act, LAST + 9 * DAY, fact_on=fact_on) is taken


@pytest.mark.rule("EN-10")
def test_a_cancellation_long_after_the_term_does_not_move_the_end() -> None:
    at = known(an_entry(Act.CANCEL, effective_on=LAST + 90 * DAY, ground="overdue"))

    assert allowed(at, Act.ENDORSE, LAST + 100 * DAY, fact_on=LAST)
    assert not allowed(at, Act.ENDORSE, LAST + 100 * DAY, fact_on=LAST + 10 * DAY)


@pytest.mark.rule("EN-10")
def test_a_revocation_that_lies_ahead_does_not_move_the_end_of_the_term() -> None:
    at = known(an_entry(Act.REVOKE, effective_on=LAST + 50 * DAY))

    assert not allowed(at, Act.ENDORSE, LAST + 10 * DAY, fact_on=LAST + 5 * DAY)


@pytest.mark.rule("EN-10")
def test_an_open_ended_licence_that_was_revoked_takes_facts_before_the_revocation() -> None:
    at = known(an_entry(Act.REVOKE, effective_on=ENDED), issue=OPEN_ENDED)

    assert allowed(at, Act.ENDORSE, fact_on=ENDED - DAY)
    assert not allowed(at, Act.ENDORSE, fact_on=ENDED)


# -- reinstatement -------------------------------------------------------------------------------------


@pytest.mark.rule("LC-14")
def test_a_reinstatement_names_an_ending_that_acts_and_once_the_term_is_over_a_new_last_day() -> None:
    at = known(a_suspension(ENDED, None), an_entry(Act.REVOKE, effective_on=ENDED))

    assert allowed(at, Act.REINSTATE, target=3)
    assert not allowed(at, Act.REINSTATE, target=2)
    assert not allowed(at, Act.REINSTATE)
    assert not allowed(at, Act.REINSTATE, LAST + DAY, target=3)
    assert allowed(at, Act.REINSTATE, LAST + DAY, target=3, names_end=True)
    assert refusal(at, Act.REINSTATE).facts["rule"] == "LC-14"


@pytest.mark.rule("LC-10")
def test_no_reinstatement_undoes_a_recall_not_even_under_a_cancellation() -> None:
    at = known(an_entry(Act.RECALL, effective_on=ENDED), an_entry(Act.CANCEL, effective_on=ENDED, ground="recalled"))

    assert {allowed(at, Act.REINSTATE, target=target, names_end=True) for target in (None, 2, 3)} == {False}


@pytest.mark.rule("LC-14")
def test_what_is_in_force_again_is_not_reinstated_again() -> None:
    at = known(an_entry(Act.CANCEL, effective_on=ENDED), an_entry(Act.REINSTATE, effective_on=TODAY, target=2))

    assert not allowed(at, Act.REINSTATE, TODAY, target=2)


# -- acts about another entry --------------------------------------------------------------------------


@pytest.mark.rule("LC-19")
def test_only_a_suspension_that_runs_is_lifted() -> None:
    at = known(a_suspension(ENDED, None), a_suspension(FIRST, FIRST + DAY), an_entry(Act.REVOKE, effective_on=TODAY + 9 * DAY))

    assert [allowed(at, Act.LIFT, target=target) for target in (1, 2, 3, 4, 9, None)] == [False, True, False, False, False, False]


@pytest.mark.rule("LC-20")
def test_stayed_or_reversed_is_what_was_decided_against_the_right_and_a_stay_is_what_is_ended() -> None:
    at = known(a_suspension(ENDED, None), an_entry(Act.STAY, effective_on=TODAY, target=2), an_entry(Act.REVOKE, recorded_only=True))

    assert [allowed(at, Act.STAY, target=target) for target in (1, 2, 3, 4)] == [False, True, False, False]
    assert [allowed(at, Act.REVERSE, target=target) for target in (1, 2, 3, 4)] == [False, True, False, False]
    assert [allowed(at, Act.END_STAY, target=target) for target in (1, 2, 3, 4)] == [False, False, True, False]


@pytest.mark.rule("LC-20")
def test_what_was_reversed_or_ended_is_not_so_again() -> None:
    at = known(
        a_suspension(ENDED, None),
        an_entry(Act.STAY, effective_on=ENDED, target=2),
        an_entry(Act.END_STAY, effective_on=ENDED + DAY, target=3),
        an_entry(Act.REVERSE, effective_on=ENDED, target=2),
    )

    assert not allowed(at, Act.END_STAY, target=3)
    assert not allowed(at, Act.REVERSE, target=2)
    assert allowed(at, Act.STAY, target=2)


@pytest.mark.rule("LC-08")
@pytest.mark.parametrize("act", [Act.ACCEPT_TRANSFER, Act.REJECT_TRANSFER])
def test_a_transfer_is_settled_once_and_within_its_thirty_days(act: Act) -> None:
    released = date(2027, 4, 1)
    transfer = an_entry(Act.TRANSFER, effective_on=released, until=released + 30 * DAY, to_department="B")

    assert allowed(known(transfer), act, released + 30 * DAY, target=2)
    assert not allowed(known(transfer), act, released + 31 * DAY, target=2)
    for settled in (Act.ACCEPT_TRANSFER, Act.REJECT_TRANSFER):
        assert not allowed(known(transfer, an_entry(settled, effective_on=released + DAY, target=2)), act, released + 2 * DAY, target=2)
    assert refusal(known(transfer), act, released + 31 * DAY, target=2).facts["rule"] == "LC-08"


@pytest.mark.rule("LC-08")
def test_an_acceptance_is_judged_by_the_table_again() -> None:
    transfer = an_entry(Act.TRANSFER, effective_on=ENDED, until=TODAY + DAY, to_department="B")
    revoked = an_entry(Act.REVOKE, effective_on=TODAY)

    assert allowed(known(transfer, revoked), Act.ACCEPT_TRANSFER, TODAY - DAY, target=2)
    assert not allowed(known(transfer, revoked), Act.ACCEPT_TRANSFER, TODAY, target=2)
    assert allowed(known(transfer, revoked), Act.REJECT_TRANSFER, TODAY, target=2)


def test_an_act_about_the_only_open_entry_need_not_name_it() -> None:
    book: tuple[Entry, ...] = (
        a_suspension(ENDED, None),
        an_entry(Act.STAY, effective_on=TODAY + DAY, target=2),
        an_entry(Act.TRANSFER, effective_on=ENDED, until=TODAY + 9 * DAY, to_department="B"),
        a_suspension(FIRST, FIRST + DAY),
    )

    def found(act: Act, *later: Entry) -> list[int]:
        return open_targets(a_licence(*book, *later, on=TODAY), act)

    assert (found(Act.LIFT), found(Act.END_STAY), found(Act.ACCEPT_TRANSFER), found(Act.REINSTATE)) == ([2], [3], [4], [])
    assert found(Act.REINSTATE, an_entry(Act.REVOKE, effective_on=TODAY)) == [6]
    assert found(Act.REJECT_TRANSFER, an_entry(Act.ACCEPT_TRANSFER, effective_on=TODAY, target=4)) == []
    assert found(Act.STAY) == [2, 5]
    assert found(Act.RENEW) == []


# -- the case of an entry ------------------------------------------------------------------------------


def test_the_case_of_an_entry_is_what_its_act_is_judged_by() -> None:
    later = {"effective_on": TODAY, "decision": a_decision(decided_on=ENDED)}
    fact = an_endorsement(occurred_on=FIRST + DAY)

    assert case_of(an_entry(Act.REVOKE, **later)) == Case(Act.REVOKE, TODAY)
    assert case_of(an_entry(Act.WITHDRAW, **later)) == Case(Act.WITHDRAW, ENDED)
    assert case_of(an_entry(Act.SUSPEND, suspension=Suspension("measure", TODAY, None), effective_on=ENDED)) == Case(Act.SUSPEND, TODAY)
    assert case_of(an_entry(Act.ENDORSE, endorsements=(fact,), **later)) == Case(Act.ENDORSE, TODAY, FIRST + DAY)
    assert case_of(an_entry(Act.CANCEL, ground="request", agreed=True, **later)) == Case(Act.CANCEL, ENDED, None, "request", agreed=True)
    assert case_of(an_entry(Act.LIFT, target=2, **later)) == Case(Act.LIFT, TODAY, target=2)


@pytest.mark.parametrize(("last", "names_end"), [(None, True), (TODAY, True), (TODAY - DAY, False)])
def test_a_reinstatement_names_an_end_with_a_document_that_lasts_beyond_its_day(last: date | None, names_end: bool) -> None:
    renewal = a_renewal(FIRST, last)
    entry = an_entry(Act.REINSTATE, effective_on=TODAY, target=2, version=renewal.version)

    assert case_of(entry).names_end is names_end
