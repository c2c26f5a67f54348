"""Every cell of DOMAIN §2a's table of acts and states, typed in from there (and, for the acts without a row, from RULINGS 17).

Each cell is asked of a licence that its entries really brought into that state.
"""

from datetime import date, timedelta
from typing import Any

import pytest

from licence_service.acts import BY_EFFECTIVE_DAY, COLUMNS, GROUNDS, TABLE, At, Case, Mark, column, judge
from licence_service.errors import TransitionRefused
from licence_service.fold import fold, under
from licence_service.licence import Act, Entry, Licence, Suspension
from tests.builders import FIRST, LAST, a_decision, a_suspension, a_version, an_entry, entered

DAY = timedelta(days=1)
TODAY = date(2027, 5, 1)
ENDED = date(2027, 4, 20)
WINDOW = 180

# ✓ allowed, ✗ refused ("–" in the source too), R recorded only, B only facts before the end, C only where the decision says so.
# The first rows are DOMAIN §2a's, the others those that RULINGS 17 asks for; grounds of a cancellation have a table of their own below.
ROWS = """
    rules        act                   pending_effect in_force suspended expired_in_window expired revoked withdrawn recalled cancelled
    LC-03,LC-06  renew                 ✗              ✓        C         ✓                 ✗       ✗       ✗         ✗        ✗
    LC-06,LC-07  replace               ✓              ✓        ✓         ✗                 ✗       ✗       ✗         ✗        ✗
    LC-06        change                ✓              ✓        C         ✗                 ✗       ✗       ✗         ✗        ✗
    LC-06,LC-08  transfer              ✗              ✓        C         ✗                 ✗       ✗       ✗         ✗        ✗
    LC-19        suspend               ✓              ✓        ✓         R                 R       R       ✗         R        R
    LC-19        lift                  ✗              ✗        ✓         ✗                 ✗       ✗       ✗         ✗        ✗
    LC-10        revoke                ✓              ✓        ✓         ✓                 R       ✗       ✗         R        R
    LC-10        withdraw              ✓              ✓        ✓         ✓                 ✓       ✓       ✗         ✓        ✓
    LC-10        recall                ✓              ✓        ✓         ✗                 ✗       ✗       ✗         ✗        ✗
    LC-14        reinstate             ✗              ✗        ✗         ✗                 C       C       C         ✗        C
    EN-10        endorse               ✗              ✓        ✓         B                 B       B       R         B        B
    EN-10        assert                ✗              ✓        ✓         B                 B       B       R         B        B
    LC-12        report_lost           ✓              ✓        ✓         ✓                 R       R       R         R        R

    LC-12        report_found          ✓              ✓        ✓         ✓                 R       R       R         R        R
    LC-18        reduce_scope          ✓              ✓        ✓         ✗                 ✗       ✗       ✗         ✗        ✗
    LC-08        accept_transfer       ✗              ✓        C         ✗                 ✗       ✗       ✗         ✗        ✗
    LC-08        reject_transfer       ✓              ✓        ✓         ✓                 ✓       ✓       ✓         ✓        ✓
    LC-20        stay                  ✓              ✓        ✓         ✓                 ✓       ✓       ✓         ✓        ✓
    LC-20        end_stay              ✓              ✓        ✓         ✓                 ✓       ✓       ✓         ✓        ✓
    LC-20        reverse               ✓              ✓        ✓         ✓                 ✓       ✓       ✓         ✓        ✓
    EN-03        refuse_endorsement    ✓              ✓        ✓         ✓                 ✓       ✓       ✓         ✓        ✓
    EN-06,EN-07  withdraw_endorsement  ✓              ✓        ✓         ✓                 ✓       ✓       ✓         ✓        ✓
    LC-09        correct               ✓              ✓        ✓         ✓                 ✓       ✗       ✗         ✗        ✗
    LC-09        reseal                ✓              ✓        ✓         ✓                 ✓       ✓       ✓         ✓        ✓
    LC-09        void                  ✓              ✓        ✓         ✓                 ✓       ✓       ✓         ✓        ✓
"""
# A: only with the consent of the organ that suspended.
CANCELLING = """
    rules        ground                 pending_effect in_force suspended expired_in_window expired revoked withdrawn recalled cancelled
    LC-04,LC-06  request                ✓              ✓        A         ✓                 ✓       ✓       ✓         ✓        ✗
    LC-11        expired                ✗              ✗        ✗         ✓                 ✓       ✗       ✗         ✗        ✗
    LC-03,LC-04  overdue                ✗              ✗        ✗         ✗                 ✓       ✗       ✗         ✗        ✗
    LC-04        death                  ✓              ✓        ✓         ✓                 ✓       ✓       ✓         ✓        R
    LC-04        dissolved              ✓              ✓        ✓         ✓                 ✓       ✓       ✓         ✓        ✗
    LC-04        age                    ✓              ✓        ✓         ✓                 ✓       ✓       ✓         ✓        ✗
    LC-04        underlying_right_ended ✓              ✓        ✓         ✓                 ✓       ✓       ✓         ✓        ✗
    LC-13        parent_ended           ✓              ✓        ✓         ✓                 ✓       ✓       ✓         ✓        ✗
    LC-11        revoked                ✗              ✗        ✗         ✗                 ✗       ✓       ✗         ✗        ✗
    LC-11        withdrawn              ✗              ✗        ✗         ✗                 ✗       ✗       ✓         ✗        ✗
    LC-11        recalled               ✗              ✗        ✗         ✗                 ✗       ✗       ✗         ✓        ✗
    LC-11        other                  ✓              ✓        ✓         ✓                 ✓       ✓       ✓         ✓        ✗
"""


def cells(table: str) -> list[Any]:
    """Read a table: (row's name, column, mark), each marked with its rules."""
    head, *rows = [line.split() for line in table.split("\n") if line.strip()]
    return [
        pytest.param(name, where, mark, marks=pytest.mark.rule(*rules.split(",")), id=f"{name}-{where}")
        for rules, name, *marks in rows
        for where, mark in zip(head[2:], marks, strict=True)
    ]


# Before whatever brings about the state, every licence here was suspended once, the suspension was stayed, and a transfer is open.
BYGONE = (
    a_suspension(date(2026, 12, 1), date(2026, 12, 31)),
    an_entry(Act.STAY, effective_on=date(2026, 12, 5), target=2),
    an_entry(Act.TRANSFER, effective_on=date(2027, 4, 10), until=date(2027, 5, 10), to_department="B"),
)
LATEST = 2 + len(BYGONE)  # the sequence of the entry that brings about the state
TARGETS = {
    Act.LIFT: LATEST, Act.STAY: 2, Act.REVERSE: 2, Act.END_STAY: 3, Act.ACCEPT_TRANSFER: 4, Act.REJECT_TRANSFER: 4,
}  # fmt: skip


def in_column(where: str, *, allows: tuple[str, ...] = ()) -> At:
    """Make a licence that is in this column on the day of the tests, to be asked by day."""
    version = {
        "pending_effect": a_version(valid_from=TODAY + DAY),
        "expired_in_window": a_version(valid_to=ENDED - DAY),
        "expired": a_version(valid_to=TODAY - (WINDOW + 1) * DAY),
    }.get(where, a_version())
    bringing: dict[str, Entry] = {
        "suspended": an_entry(Act.SUSPEND, effective_on=ENDED, suspension=Suspension("measure", ENDED, None, allows)),
        "revoked": an_entry(Act.REVOKE, effective_on=ENDED),
        "withdrawn": an_entry(Act.WITHDRAW, effective_on=ENDED),
        "recalled": an_entry(Act.RECALL, effective_on=ENDED),
        "cancelled": an_entry(Act.CANCEL, effective_on=ENDED, ground="age"),
    }
    issue = an_entry(version=version, decision=a_decision(decided_on=FIRST))
    book = entered(issue, *BYGONE, *([bringing[where]] if where in bringing else []))
    return lambda day: fold(book, day)


def answer(at: At, act: Act, **case: Any) -> str:
    """Judge an act of the day of the tests; a refusal must name a rule, the act and the column."""
    given = {"target": TARGETS.get(act)} | case
    try:
        return {Mark.YES: "✓", Mark.RECORDED: "R"}[judge(at, Case(act, TODAY, **given), lapse_after_days=WINDOW)]
    except TransitionRefused as refused:
        then = at(TODAY)
        assert then
        assert refused.facts["rule"]
        assert (refused.facts["act"], refused.facts["column"]) == (act.value, column(then, TODAY, WINDOW))
        return "✗"


def test_every_act_on_a_licence_has_a_row_and_every_row_a_cell_for_every_column() -> None:
    typed_in = {cell.values[0] for cell in cells(ROWS)}

    assert {act.value for act in TABLE} == typed_in | {"cancel"}
    assert set(TABLE) == set(Act) - {Act.ISSUE, Act.ADOPT}
    assert {cell.values[1] for cell in cells(ROWS)} == set(COLUMNS)
    assert {len(row) for row in TABLE.values()} == {len(COLUMNS)}
    assert set(GROUNDS) == {cell.values[0] for cell in cells(CANCELLING)}


@pytest.mark.parametrize("where", COLUMNS)
def test_the_licences_of_these_tests_are_in_their_columns(where: str) -> None:
    then = in_column(where)(TODAY)

    assert then
    assert column(then, TODAY, WINDOW) == where


@pytest.mark.parametrize(("act", "where", "mark"), cells(ROWS))
def test_an_act_is_allowed_where_the_domain_says_so(act: str, where: str, mark: str) -> None:
    at = in_column(where)
    if mark == "B":
        first_day_without = TODAY - WINDOW * DAY if where == "expired" else ENDED
        assert answer(at, Act(act), fact_on=first_day_without - DAY) == "✓"
        assert answer(at, Act(act), fact_on=first_day_without) == "✗"
        assert answer(at, Act(act)) == "✗"
    elif mark == "C" and act == "reinstate":
        said = {"names_end": True} if where == "expired" else {"target": LATEST}
        assert answer(at, Act.REINSTATE, **said) == "✓"
        assert answer(at, Act.REINSTATE) == "✗"
        assert answer(at, Act.REINSTATE, target=2) == "✗"
    elif mark == "C":
        assert answer(at, Act(act)) == "✗"
        assert answer(in_column(where, allows=("replace",)), Act(act)) == "✗"
        assert answer(in_column(where, allows=(act.removeprefix("accept_"),)), Act(act)) == "✓"
    else:
        assert answer(at, Act(act), fact_on=TODAY, ground="other", agreed=True) == mark
        assert answer(at, Act(act), fact_on=FIRST) == mark


@pytest.mark.parametrize(("ground", "where", "mark"), cells(CANCELLING))
def test_a_licence_is_cancelled_on_a_ground_that_fits_its_state(ground: str, where: str, mark: str) -> None:
    at = in_column(where)

    assert answer(at, Act.CANCEL, ground=ground) == ("✗" if mark == "A" else mark)
    assert answer(at, Act.CANCEL, ground=ground, agreed=True) == ("✓" if mark == "A" else mark)


@pytest.mark.rule("LC-11", "LC-13")
def test_a_licence_that_ended_with_its_parent_may_be_cancelled_on_that_ground_only() -> None:
    parent = entered(an_entry(), an_entry(Act.REVOKE, effective_on=ENDED))

    def at(day: date) -> Licence | None:
        child = fold(entered(an_entry()), day)
        return under(child, fold(parent, day), "ends") if child else None

    assert answer(at, Act.CANCEL, ground="parent_ended") == "✓"
    assert {answer(at, Act.CANCEL, ground=ground) for ground in set(GROUNDS) - {"parent_ended", "death"}} == {"✗"}
    for day in (TODAY, LAST + DAY):  # within its own term and after it: what its parent ended, its parent must revive
        with pytest.raises(TransitionRefused):
            judge(at, Case(Act.REINSTATE, day, names_end=True), lapse_after_days=WINDOW)


def test_the_effective_day_picks_the_column_of_these_acts_and_the_decision_day_that_of_the_others() -> None:
    # RULINGS 01
    assert {act.value for act in BY_EFFECTIVE_DAY} == {"suspend", "lift", "revoke", "recall", "reinstate", "endorse", "assert"}
