"""Which act is allowed when: the table of DOMAIN §2a, typed in a second time and asked cell by cell."""

from datetime import date, timedelta

import pytest

from licence_service.acts import BY_DECISION_DAY, COLUMNS, TABLE, Mark, column, judge
from licence_service.errors import TransitionRefused
from licence_service.licence import Act, Entry, Licence
from tests.builders import FIRST, LAST, a_licence, a_suspension, a_version, an_entry

DAY = timedelta(days=1)
TODAY = date(2027, 5, 1)
WINDOW = 180

# ✓ allowed, ✗ refused ("–" and "C" without such a decision too), R recorded only, B facts before the end
DOMAIN = """
    act                   pending_effect in_force suspended expired_in_window expired revoked cancelled
    renew                 ✗              ✓        ✗         ✓                 ✗       ✗       ✗
    replace               ✓              ✓        ✓         ✗                 ✗       ✗       ✗
    change                ✓              ✓        ✗         ✗                 ✗       ✗       ✗
    suspend               ✓              ✓        ✓         R                 R       R       R
    lift                  ✗              ✗        ✓         ✗                 ✗       ✗       ✗
    revoke                ✓              ✓        ✓         ✓                 R       ✗       R
    cancel                ✓              ✓        ✓         ✓                 ✓       ✓       ✗
    endorse               ✗              ✓        ✓         B                 B       B       B
    withdraw_endorsement  ✓              ✓        ✓         ✓                 ✓       ✓       ✓
"""
HEAD, *ROWS = [line.split() for line in DOMAIN.strip().splitlines()]
CELLS = [(row[0], state, cell) for row in ROWS for state, cell in zip(HEAD[1:], row[1:], strict=True)]
NEXT_YEAR = an_entry(version=a_version(valid_from=date(2028, 1, 1)), effective_on=date(2028, 1, 1))
ENDED_LONG_AGO = an_entry(version=a_version(valid_to=TODAY - timedelta(days=WINDOW + 1)))
ENDED_LATELY = an_entry(version=a_version(valid_to=TODAY - timedelta(days=WINDOW)))


def in_state(state: str) -> Licence:
    """Make a licence that is in this column on the day of the tests."""
    later: dict[str, tuple[Entry, ...]] = {
        "suspended": (a_suspension(date(2027, 4, 1), None),),
        "revoked": (an_entry(Act.REVOKE, effective_on=date(2027, 4, 1)),),
        "cancelled": (an_entry(Act.CANCEL, effective_on=date(2027, 4, 1)),),
    }
    issue = {"pending_effect": NEXT_YEAR, "expired_in_window": ENDED_LATELY, "expired": ENDED_LONG_AGO}.get(state)
    return a_licence(*later.get(state, ()), on=TODAY, issue=issue)


def answer(licence: Licence, act: Act, fact_on: date | None = None) -> str:
    try:
        return {Mark.YES: "✓", Mark.RECORDED: "R"}[judge(licence, act, TODAY, lapse_after_days=WINDOW, fact_on=fact_on)]
    except TransitionRefused:
        return "✗"


def test_the_table_has_a_row_for_every_act_on_a_licence_and_a_cell_for_every_state() -> None:
    assert set(TABLE) == set(Act) - {Act.ISSUE, Act.ADOPT}
    assert {row[0] for row in ROWS} == {act.value for act in TABLE}
    assert tuple(HEAD[1:]) == COLUMNS
    assert all(len(row) == len(COLUMNS) for row in TABLE.values())


@pytest.mark.parametrize("state", COLUMNS)
def test_the_licences_of_these_tests_are_in_their_columns(state: str) -> None:
    assert column(in_state(state), TODAY, WINDOW) == state


@pytest.mark.parametrize(("act", "state", "cell"), CELLS)
def test_an_act_is_allowed_where_the_domain_says_so(act: str, state: str, cell: str) -> None:
    licence = in_state(state)
    long_before, long_after = FIRST, date(2027, 5, 1)

    if cell == "B":
        assert answer(licence, Act(act), long_before) == "✓"
        assert answer(licence, Act(act), long_after) == "✗"
        assert answer(licence, Act(act)) == "✗"
    else:
        assert answer(licence, Act(act), long_before) == cell
        assert answer(licence, Act(act)) == cell


@pytest.mark.parametrize("act", [Act.RENEW, Act.REPLACE, Act.CHANGE, Act.CANCEL, Act.LIFT])
def test_a_cancelled_licence_stays_cancelled(act: Act) -> None:
    with pytest.raises(TransitionRefused) as refused:
        judge(in_state("cancelled"), act, TODAY)

    assert refused.value.facts == {"act": act.value, "state": "cancelled", "column": "cancelled"}
    assert refused.value.detail == f"{act.value} is not allowed while the licence is cancelled"


def test_a_suspended_licence_is_not_renewed_but_a_lost_one_is_replaced() -> None:
    assert answer(in_state("suspended"), Act.RENEW) == "✗"
    assert answer(in_state("suspended"), Act.REPLACE) == "✓"


@pytest.mark.parametrize(("days", "where"), [(1, "expired_in_window"), (180, "expired_in_window"), (181, "expired")])
def test_the_window_holds_its_last_day(days: int, where: str) -> None:
    day = LAST + timedelta(days=days)

    assert column(a_licence(on=day), day, WINDOW) == where


def test_without_lapse_days_there_is_no_window() -> None:
    assert column(a_licence(on=LAST + DAY), LAST + DAY, None) == "expired"


def test_with_no_lapse_days_at_all_the_window_is_empty() -> None:
    assert column(a_licence(on=LAST + DAY), LAST + DAY, 0) == "expired"


def test_the_day_of_the_act_picks_the_column_not_the_day_of_asking() -> None:
    licence = a_licence(a_suspension(date(2027, 4, 1), date(2027, 4, 30)), on=TODAY)

    assert judge(licence, Act.RENEW, TODAY) is Mark.YES
    with pytest.raises(TransitionRefused):
        judge(licence, Act.RENEW, date(2027, 4, 30))


def test_the_decision_day_counts_for_these_acts_and_the_effective_day_for_the_others() -> None:
    assert {Act.RENEW, Act.REPLACE, Act.CHANGE, Act.CANCEL} == BY_DECISION_DAY


# -- facts before the end ------------------------------------------------------------------------------


@pytest.mark.parametrize(("fact_on", "cell"), [(LAST, "✓"), (LAST + DAY, "✗")])
def test_a_fact_of_the_last_valid_day_may_still_be_endorsed(fact_on: date, cell: str) -> None:
    licence = a_licence(on=LAST + 9 * DAY)

    if cell == "✓":
        assert judge(licence, Act.ENDORSE, LAST + 9 * DAY, fact_on=fact_on) is Mark.YES
    else:
        with pytest.raises(TransitionRefused):
            judge(licence, Act.ENDORSE, LAST + 9 * DAY, fact_on=fact_on)


@pytest.mark.parametrize(("fact_on", "cell"), [(date(2027, 3, 31), "✓"), (date(2027, 4, 1), "✗")])
def test_the_first_day_without_the_right_is_no_longer_before_the_end(fact_on: date, cell: str) -> None:
    assert answer(in_state("revoked"), Act.ENDORSE, fact_on) == cell


def test_a_cancellation_long_after_the_term_does_not_move_the_end() -> None:
    day = LAST + 100 * DAY
    licence = a_licence(an_entry(Act.CANCEL, effective_on=LAST + 90 * DAY, ground="overdue"), on=day)

    assert judge(licence, Act.ENDORSE, day, fact_on=LAST) is Mark.YES
    with pytest.raises(TransitionRefused):
        judge(licence, Act.ENDORSE, day, fact_on=LAST + 10 * DAY)


def test_a_revocation_that_lies_ahead_does_not_move_the_end_of_the_term() -> None:
    day = LAST + 10 * DAY
    licence = a_licence(an_entry(Act.REVOKE, effective_on=LAST + 50 * DAY), on=day)

    with pytest.raises(TransitionRefused):
        judge(licence, Act.ENDORSE, day, fact_on=LAST + 5 * DAY)


def test_an_open_ended_licence_that_was_revoked_takes_facts_before_the_revocation() -> None:
    licence = a_licence(an_entry(Act.REVOKE, effective_on=date(2027, 4, 1)), on=TODAY, issue=an_entry(version=a_version(valid_to=None)))

    assert answer(licence, Act.ENDORSE, date(2027, 3, 31)) == "✓"
    assert answer(licence, Act.ENDORSE, date(2027, 4, 1)) == "✗"
