"""The five questions: how checks become answers, and answers one word. Unknown is never green."""

import itertools
import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence_service.reasons import REASONS
from licence_service.verdict import QUESTIONS, Answer, Check, Overall, Result, Verdict, answers_of, in_words, overall_of

YES, NO, UNKNOWN, NOT_ASKED = Result.YES, Result.NO, Result.UNKNOWN, Result.NOT_ASKED


def answers(
    authentic: Result = YES, current: Result = YES, in_force: Result = YES, conditions: Result = YES, shown: Result = NOT_ASKED
) -> dict[str, Answer]:
    given = (authentic, current, in_force, conditions, shown)
    return {name: Answer(result, ()) for name, result in zip(QUESTIONS, given, strict=True)}


@pytest.mark.parametrize(
    ("given", "overall"),
    [
        ({}, "valid"),
        ({"shown": YES}, "valid"),
        ({"current": NOT_ASKED}, "valid"),
        ({"conditions": NOT_ASKED}, "valid"),
        ({"conditions": NOT_ASKED, "current": NOT_ASKED}, "valid"),
        ({"conditions": NO}, "valid_conditions_unmet"),
        ({"authentic": NO}, "not_valid"),
        ({"in_force": NO}, "not_valid"),
        ({"current": NO}, "not_valid"),
        ({"shown": NO}, "not_valid"),
        ({"in_force": NO, "conditions": NO}, "not_valid"),
        ({"current": NO, "conditions": NO}, "not_valid"),
        ({"authentic": NO, "in_force": UNKNOWN}, "not_valid"),
        ({"authentic": NO, "in_force": NOT_ASKED}, "not_valid"),
        ({"authentic": NO, "conditions": UNKNOWN}, "not_valid"),
        ({"authentic": UNKNOWN}, "cannot_decide"),
        ({"authentic": NOT_ASKED}, "cannot_decide"),
        ({"authentic": UNKNOWN, "in_force": NO}, "cannot_decide"),
        ({"in_force": UNKNOWN}, "cannot_decide"),
        ({"in_force": NOT_ASKED}, "cannot_decide"),
        ({"current": UNKNOWN}, "cannot_decide"),
        ({"conditions": UNKNOWN}, "cannot_decide"),
        ({"shown": UNKNOWN}, "cannot_decide"),
    ],
)
def test_the_overall_word_follows_the_table(given: dict[str, Result], overall: str) -> None:
    assert overall_of(answers(**given)).value == overall


def test_green_needs_every_needed_answer_and_nothing_unknown_or_denied() -> None:
    for results in itertools.product(Result, repeat=len(QUESTIONS)):
        given = dict(zip(QUESTIONS, results, strict=True))
        overall = overall_of(answers(**given))
        denied = NO in (given["authentic"], given["current"], given["in_force"], given["shown"])
        green = not denied and UNKNOWN not in results and NOT_ASKED not in (given["authentic"], given["in_force"])

        assert (overall in (Overall.VALID, Overall.VALID_CONDITIONS_UNMET)) == green, given
        assert (overall is Overall.VALID_CONDITIONS_UNMET) == (green and given["conditions"] is NO), given
        assert overall is not Overall.NOT_VALID or denied, given


def a_check(question: str, result: Result, *reasons: str, no: int = 1) -> Check:
    return Check(no, "name", question, result, reasons)


@pytest.mark.parametrize(
    ("results", "answer"),
    [
        ([], NOT_ASKED), ([NOT_ASKED], NOT_ASKED), ([YES], YES), ([YES, NOT_ASKED], YES), ([YES, UNKNOWN], UNKNOWN), ([UNKNOWN, NOT_ASKED], UNKNOWN),
        ([YES, NO], NO), ([UNKNOWN, NO], NO), ([NO, YES, UNKNOWN, NOT_ASKED], NO),
    ],
)  # fmt: skip
def test_one_no_is_no_else_one_unknown_is_unknown(results: list[Result], answer: Result) -> None:
    checks = tuple(a_check("authentic", result) for result in results)

    assert answers_of(checks)["authentic"].result is answer
    assert answers_of(checks)["current"] == Answer(NOT_ASKED, ())


def test_an_answer_gives_the_reasons_of_its_own_result_once() -> None:
    checks = (
        a_check("authentic", YES, "in-register"), a_check("authentic", NO, "bytes-changed", "fields-differ"),
        a_check("authentic", NO, "bytes-changed"),
        a_check("current", YES, "current-version"),
    )  # fmt: skip

    assert answers_of(checks)["authentic"] == Answer(NO, ("bytes-changed", "fields-differ"))
    assert answers_of(checks)["current"] == Answer(YES, ("current-version",))
    assert tuple(answers_of(checks)) == QUESTIONS


@given(checks=st.lists(st.builds(a_check, st.sampled_from(QUESTIONS), st.sampled_from(Result), st.sampled_from(sorted(REASONS))), max_size=10))
def test_an_unknown_or_failed_check_is_never_green(checks: list[Check]) -> None:
    green = overall_of(answers_of(tuple(checks))) is Overall.VALID

    assert not (green and any(check.result in (NO, UNKNOWN) for check in checks))


@given(checks=st.lists(st.builds(a_check, st.sampled_from(QUESTIONS), st.sampled_from(Result), st.sampled_from(sorted(REASONS))), max_size=10))
def test_the_order_of_checks_does_not_change_the_result(checks: list[Check]) -> None:
    forwards, backwards = answers_of(tuple(checks)), answers_of(tuple(reversed(checks)))

    assert {name: one.result for name, one in forwards.items()} == {name: one.result for name, one in backwards.items()}


@pytest.mark.parametrize("code", sorted(REASONS))
def test_every_reason_speaks_both_languages(code: str) -> None:
    (words,) = in_words((code,))

    assert words["code"] == code
    assert any("\u4e00" <= character <= "\u9fff" for character in words["zh"])
    assert words["en"].isascii()
    assert len(words["en"]) > 5
    assert code == code.lower()
    assert " " not in code


def test_reason_codes_keep_their_meaning_apart() -> None:
    assert len({zh for zh, _ in REASONS.values()}) == len(REASONS)
    assert len({en for _, en in REASONS.values()}) == len(REASONS)


def test_the_verdict_keeps_its_shape() -> None:
    checks = (a_check("authentic", YES, "in-register"), a_check("in_force", NO, "revoked", no=5))
    verdict = Verdict(
        overall_of(answers_of(checks)), datetime(2026, 7, 1, 1, 2, 3, 4, tzinfo=UTC), date(2026, 7, 1), datetime(2026, 7, 1, tzinfo=UTC),
        (9, datetime(2026, 6, 30, tzinfo=UTC)), {"register": datetime(2026, 7, 1, tzinfo=UTC)}, answers_of(checks), checks, {"type": "x"},
    )  # fmt: skip
    shape = json.loads(json.dumps(verdict.as_json()))

    assert list(shape) == [
        "overall",
        "checked_at",
        "valid_at",
        "known_at",
        "head",
        "sources",
        "answers",
        "licence",
        "checks",
        "conditions",
        "comparison",
        "host",
    ]
    assert shape["overall"] == "not_valid"
    assert shape["checked_at"] == "2026-07-01T01:02:03+00:00"
    assert shape["valid_at"] == "2026-07-01"
    assert shape["known_at"] == "2026-07-01T00:00:00.000000+00:00"
    assert shape["head"] == {"entry": 9, "recorded_at": "2026-06-30T00:00:00.000000+00:00"}
    register = {"name": "register", "zh": "登记簿", "en": "The register", "as_of": "2026-07-01T00:00:00+00:00", "age_seconds": 3723}
    assert shape["sources"] == [register]
    assert shape["answers"]["in_force"] == {"result": "no", "reasons": [{"code": "revoked", "zh": "已吊销", "en": "Revoked"}]}
    assert shape["answers"]["shown"] == {"result": "not_asked", "reasons": []}
    assert shape["licence"] == {"type": "x"}
    assert shape["checks"][1] == {"no": 5, "name": "name", "result": "no", "reasons": [{"code": "revoked", "zh": "已吊销", "en": "Revoked"}]}


def test_a_verdict_on_nothing_says_nothing_of_a_licence_or_a_head() -> None:
    verdict = Verdict(Overall.NOT_VALID, datetime.now(UTC), date(2026, 7, 1), datetime.now(UTC), (0, None), {}, answers_of(()), ())

    assert verdict.as_json()["licence"] is None
    assert verdict.as_json()["head"] == {"entry": 0, "recorded_at": None}
