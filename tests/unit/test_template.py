"""What follows from a template alone: the term rule, the number, the type code."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence_service.page import Page, Table
from licence_service.template import Term
from tests.builders import ORGAN, TYPE_CODE, a_face, a_template


@pytest.mark.parametrize(
    ("first", "years", "months", "last"),
    [
        (date(2026, 6, 20), 6, 0, date(2032, 6, 19)),
        (date(2024, 2, 29), 6, 0, date(2030, 2, 28)),  # there is no 29 February 2030
        (date(2024, 2, 29), 4, 0, date(2028, 2, 28)),  # the day before 29 February 2028
        (date(2023, 3, 1), 1, 0, date(2024, 2, 29)),
        (date(2024, 3, 1), 1, 0, date(2025, 2, 28)),
        (date(2026, 1, 1), 1, 0, date(2026, 12, 31)),
        (date(2026, 1, 31), 0, 1, date(2026, 2, 28)),
        (date(2024, 1, 31), 0, 1, date(2024, 2, 29)),
        (date(2026, 8, 31), 0, 6, date(2027, 2, 28)),
        (date(2026, 3, 31), 0, 6, date(2026, 9, 30)),
        (date(2026, 5, 31), 0, 7, date(2026, 12, 30)),
        (date(2026, 6, 30), 0, 6, date(2026, 12, 29)),
        (date(2026, 7, 15), 0, 6, date(2027, 1, 14)),
        (date(2026, 11, 1), 1, 1, date(2027, 11, 30)),
        (date(2026, 12, 31), 0, 2, date(2027, 2, 28)),
        (date(2026, 10, 31), 0, 13, date(2027, 11, 30)),
    ],
)
def test_a_term_ends_the_day_before_the_same_day(first: date, years: int, months: int, last: date) -> None:
    assert Term("exact", years=years, months=months).last_day(first) == last


@given(first=st.dates(date(1950, 1, 1), date(2150, 12, 31)), months=st.integers(1, 240))
def test_two_terms_in_a_row_leave_no_day_between_and_never_run_long(first: date, months: int) -> None:
    last = Term("exact", months=months).last_day(first)
    target = first.year * 12 + first.month - 1 + months
    following = last + timedelta(days=1)

    assert following.year * 12 + following.month - 1 in (target, target + 1)
    assert following.day in (first.day, 1)
    assert last > first or months == 0


def test_years_and_months_of_a_term_are_the_same_thing() -> None:
    assert Term("exact", years=2).last_day(date(2026, 6, 20)) == Term("exact", months=24).last_day(date(2026, 6, 20))


@pytest.mark.parametrize("rule", ["exact", "default"])
@pytest.mark.parametrize("absent", [None, ""])
def test_an_absent_end_is_computed(rule: Any, absent: str | None) -> None:
    template = a_template(term=Term(rule, years=6))

    assert template.with_term(a_face() | {"valid_to": absent})["valid_to"] == "2032-06-19"


@pytest.mark.parametrize("rule", ["at_most", "none"])
def test_no_end_is_computed_where_the_rule_fixes_none(rule: Any) -> None:
    assert "valid_to" not in a_template(term=Term(rule, years=6)).with_term(a_face(valid_to=None))


@pytest.mark.parametrize("end", ["2030-01-01", [], {}, ["x"], {"a": 1}, 5, False])
def test_a_given_end_is_left_as_it_came(end: object) -> None:
    raw: dict[str, object] = a_face() | {"valid_to": end}

    assert a_template().with_term(raw) == raw


@pytest.mark.parametrize("start", [None, "", "yesterday", [], {}, 5, "9999-12-31", "0001-01-01"])
def test_a_start_that_is_no_date_leaves_the_end_absent(start: object) -> None:
    template = a_template(term=Term("exact", years=-1) if start == "0001-01-01" else Term("exact", years=6))
    raw: dict[str, object] = a_face(valid_to=None) | {"valid_from": start}

    assert template.with_term(raw) == raw


@pytest.mark.parametrize(
    ("rule", "end", "fine"),
    [
        ("exact", "2032-06-19", True), ("exact", "2032-06-18", False), ("exact", "2032-06-20", False),
        ("at_most", "2032-06-19", True), ("at_most", "2026-06-20", True), ("at_most", "2032-06-20", False),
        ("default", "2040-01-01", True), ("none", "2040-01-01", True), ("exact", None, True), ("at_most", None, True),
    ],
)  # fmt: skip
def test_an_end_at_odds_with_the_rule_is_named(rule: Any, end: str | None, fine: bool) -> None:
    faults = a_template(term=Term(rule, years=6)).term_faults(a_face(valid_to=end))

    assert [(fault.path, fault.code) for fault in faults] == ([] if fine else [("face.valid_to", "wrong-term")])


def test_without_a_start_nothing_is_judged() -> None:
    assert a_template().term_faults(a_face(valid_from=None)) == ()


def test_first_and_last_day_are_read_from_the_face() -> None:
    assert a_template().term_of(a_face()) == (date(2026, 6, 20), date(2032, 6, 19))
    assert a_template().term_of(a_face(issue_date=None)) == (date(2026, 6, 20), date(2032, 6, 19))


def test_a_face_without_an_end_is_open_ended_and_without_a_start_begins_when_issued() -> None:
    face = a_face(valid_from=None, valid_to=None, issue_date="2026-05-01")

    assert a_template().term_of(face) == (date(2026, 5, 1), None)


def test_the_type_code_is_the_ministrys_or_the_departments_own() -> None:
    assert a_template().type_code(ORGAN) == TYPE_CODE
    assert a_template(code=None, local_code="007").type_code(ORGAN) == f"{ORGAN}007"


def test_the_number_stands_where_the_template_says() -> None:
    assert a_template().number_of(a_face(license_no="蜀安1号")) == "蜀安1号"


def test_the_kinds_that_a_table_of_any_page_lists_stand_on_the_face() -> None:
    def a_page(*kinds: str) -> Page:
        return Page("正页", elements=(Table("table", 0, (), kinds=kinds),))

    assert a_template(pages=(a_page("review"), a_page("grade", "review"))).printed_kinds == {"review", "grade"}
    assert a_template(pages=(a_page(),)).printed_kinds == frozenset()
