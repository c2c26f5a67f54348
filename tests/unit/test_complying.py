"""Compliance and collection rates of a stock, against the line."""

from fractions import Fraction

from licence_service.stock.complying import LINE, Compliance, complying

ROWS = {"a": {"passed": 2, "releasing": 1, "loaded": 4, "quarantined": 3, "rejected": 100, "sealed": 7, "adopted": 1}, "c": {"rejected": 5}}


def test_rates_are_of_all_that_is_a_licence_and_what_was_released_counts_by_the_register_alone() -> None:
    found = list(complying({"a": 90, "b": 5}, ROWS, ["b", "c", "a"]))
    assert found == [Compliance("b", 5, 0, 0, 0), Compliance("a", 90, 3, 4, 3)]
    assert (found[1].whole, found[1].compliance, found[1].collection) == (100, Fraction(93, 100), Fraction(9, 10))
    assert [one.reached for one in found] == [True, False]


def test_the_line_is_reached_at_it_and_not_before_by_both_rates() -> None:
    assert Compliance("a", 95, 0, 0, 5).reached
    assert not Compliance("a", 949_999, 0, 0, 50_001).reached
    assert not Compliance("a", 90, 10, 0, 0).reached
    assert Fraction(95, 100) == LINE
