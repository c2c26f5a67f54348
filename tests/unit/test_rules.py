"""The ways of adding up under a rule pack: every edge of every way, on packs made for the test."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence_service.endorsement import Endorsement
from licence_service.errors import TemplateRejected
from licence_service.rules import (
    Condition,
    Outcome,
    PackUsed,
    ReviewFrequency,
    RulePack,
    above_ceiling,
    as_data,
    birthday,
    from_data,
    grade_fault,
    in_force,
    judge_conditions,
    judge_fact,
    kind_acceptance,
    named,
    next_due,
    objection_until,
    on_underlying_right,
    renewal_of,
    transfer_days,
)
from licence_service.rules.days import earlier, end_of_term, full_months, later, same_day
from licence_service.rules.hours import completed, cycle
from licence_service.rules.pack import AgeCeiling, DeclaredDue, Where
from licence_service.template import Term
from tests.builders import a_field, a_kind, an_endorsement

TYPE = "some_licence"
START = date(2020, 3, 1)
FACE: dict[str, Any] = {"first_issue_date": "2020-03-01", "classes": ["02001"]}
COUNT: dict[str, Any] = {
    "kind": "training", "hours": 24, "fact": "hours", "passed": {"name": "result", "values": ["pass"]}, "number": "certificate_no",
    "online": {"name": "mode", "values": ["online"]}, "most_online": 8,
}  # fmt: skip
CYCLES: dict[str, Any] = {"way": "recurring_hours", "cycle_months": 24, "start": ["first_issue_date"], "count": COUNT}
RECOVERY: dict[str, Any] = {
    "way": "grade_recovery", "grade_kind": "assessment", "failed": {"name": "grade", "values": ["B"]}, "count": COUNT | {"hours": 18},
}  # fmt: skip
DECLARED: dict[str, Any] = {"way": "declared_due", "passed": {"review": {"name": "result", "values": ["1"]}}}
KINDS = {
    "training": a_kind(conditions_until=None),
    "assessment": a_kind(conditions_until=None),
    "review": a_kind(
        facts={"date": a_field("date"), "result": a_field("enum", codes={"1": "合格", "2": "不合格"}), "next_due": a_field("date", required=True)},
        conditions_until="next_due", updates={"next_due": "review_valid_to"}, bound_to="vin",
    ),
    "grading": a_kind(facts={"date": a_field("date"), "next_due": a_field("date")}, conditions_until="next_due"),
}  # fmt: skip
DAYS = st.dates(date(1900, 1, 1), date(2200, 1, 1))


def a_pack(rule: dict[str, Any], name: str = "pack_one", **changes: Any) -> RulePack:
    """A pack of one rule for every type and day, unless said otherwise."""
    pack = from_data(
        {"format": "rule-pack/1", "id": name, "title": {"zh": "规则", "en": "Rule"}, "types": "*", "source": "本测试", "rule": rule} | changes
    )
    return named(pack, name)


def a_training(day: date, hours: object = 24, **facts: Any) -> Endorsement:
    """A training that was passed on a day."""
    return an_endorsement(kind="training", occurred_on=day, facts={"hours": hours, "result": "pass", **facts})


def a_grade(day: date, grade: str) -> Endorsement:
    """An assessment of a day."""
    return an_endorsement(kind="assessment", occurred_on=day, facts={"grade": grade})


def a_review(day: date, next_due: str, result: str = "1", **changes: Any) -> Endorsement:
    """A review of a vehicle."""
    return an_endorsement(kind="review", occurred_on=day, facts={"result": result, "next_due": next_due}, **changes)


def judged(rule: dict[str, Any], day: date, *endorsements: Endorsement, face: Any = FACE, until: str | None = None) -> tuple[Condition, ...]:
    """Judge one rule."""
    return judge_conditions([a_pack(rule)], TYPE, until, face, KINDS, endorsements, day).every


def outcomes(found: tuple[Condition, ...]) -> list[tuple[str, str, date | None]]:
    """Return what was said, in short."""
    return [(one.outcome.value, one.reason, one.due_on) for one in found]


# -- packs ---------------------------------------------------------------------------------------------------------


def test_a_pack_holds_on_both_its_days_and_open_ends_never_close() -> None:
    pack = a_pack(DECLARED, in_force_from="2022-01-01", in_force_to="2022-12-31")

    assert [pack.covers(date(*day)) for day in ((2021, 12, 31), (2022, 1, 1), (2022, 12, 31), (2023, 1, 1))] == [False, True, True, False]
    assert all(a_pack(DECLARED).covers(day) for day in (date.min, date.max))


def test_a_pack_that_names_the_type_goes_before_one_for_all_types() -> None:
    everyone, own = a_pack(DECLARED, "for_all"), a_pack(DECLARED, "for_one", types=["some_licence"], in_force_to="2022-12-31")

    for packs in ([everyone, own], [own, everyone]):
        found = [in_force(packs, slug, day, DeclaredDue) for slug, day in ((TYPE, START), (TYPE, date(2023, 1, 1)), ("other", START))]
        assert [one and one[0].id for one in found] == ["for_one", "for_all", "for_all"]
    assert in_force([own], "other", START, DeclaredDue) is None
    assert in_force([own, everyone], TYPE, START, AgeCeiling) is None


def test_a_pack_is_read_back_from_the_book_as_it_was() -> None:
    pack = a_pack(CYCLES, types=["some_licence"], in_force_to="2022-11-09", sample=True)
    assert from_data(as_data(pack)) == pack
    assert len(pack.digest) == 64
    assert pack.digest != a_pack(CYCLES | {"cycle_months": 36}, types=["some_licence"], in_force_to="2022-11-09", sample=True).digest
    assert {"sample", "in_force_from", "note"}.isdisjoint(as_data(a_pack(CYCLES)))
    assert a_pack(CYCLES | {"only": []}).digest == a_pack(CYCLES).digest  # a parameter at its default may be appended later


@pytest.mark.parametrize("change", [{"format": "rule-pack/2"}, {"id": ""}, {"rule": {"way": "dance"}}, {"surprise": 1}])
def test_what_is_no_pack_is_not_read_back(change: dict[str, Any]) -> None:
    with pytest.raises(TemplateRejected):
        from_data(as_data(a_pack(CYCLES)) | change)


@pytest.mark.rule("EN-12")
def test_a_judgement_names_the_packs_that_made_it_with_their_content() -> None:
    packs = [a_pack(DECLARED, "due"), a_pack(CYCLES, "hours_old", in_force_to="2022-11-09", sample=True)]
    before = judge_conditions(packs, TYPE, None, FACE, KINDS, (), date(2022, 11, 9))
    after = judge_conditions(packs, TYPE, None, FACE, KINDS, (), date(2022, 11, 10))

    assert before.packs == (PackUsed("due", packs[0].digest, sample=False), PackUsed("hours_old", packs[1].digest, sample=True))
    assert [one.pack for one in before.unmet] == ["hours_old"]
    assert ([one.id for one in after.packs], after.every) == (["due"], ())


def test_a_rule_for_some_faces_asks_no_other_and_cannot_ask_an_erased_one() -> None:
    rule = CYCLES | {"only": [{"name": "classes", "values": ["02001", "03001"]}]}
    day = date(2022, 3, 1)

    assert outcomes(judged(rule, day)) == [("unmet", "hours-missing", date(2022, 2, 28))]
    assert judge_conditions([a_pack(rule)], TYPE, None, FACE | {"classes": ["05002"]}, KINDS, (), day).packs == ()
    assert judged(rule, day, face={"first_issue_date": "2020-03-01"}) == ()
    assert outcomes(judged(rule, day, face={})) == [("unknown", "face-erased", None)]
    assert outcomes(judged(RECOVERY | {"only": rule["only"]}, day, face={})) == [("unknown", "face-erased", None)]


def test_a_value_is_found_in_a_code_a_list_and_a_text() -> None:
    assert Where("type", ("K11", "K21")).holds({"type": "K21"})
    assert not Where("type", ("K11",)).holds({"type": "K110"})
    assert Where("classes", ("02001",)).holds({"classes": ["01001", "02001"]})
    assert Where("scope", ("危险货物",), contains=True).holds({"scope": "道路危险货物运输（3类）"})
    assert not Where("scope", ("危险货物",)).holds({"scope": "道路危险货物运输"})
    assert not Where("mode", ("online",)).holds({})
    assert Where("mode", ("", "online")).holds({})


# -- declared due days -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("day", "said"), [(date(2027, 4, 30), ("met", "conditions-met")), (date(2027, 5, 1), ("unmet", "condition-overdue"))])
def test_a_declared_day_satisfies_through_that_day(day: date, said: tuple[str, str]) -> None:
    found = judged(DECLARED, day, a_review(date(2026, 4, 28), "2027-04-30"))

    assert outcomes(found) == [(*said, date(2027, 4, 30))]
    assert (found[0].kind, found[0].pack) == ("review", "pack_one")


def test_only_the_newest_of_a_kind_counts_in_whatever_order_they_were_entered() -> None:
    old, new = a_review(date(2025, 4, 28), "2026-04-30"), a_review(date(2026, 4, 28), "2027-04-30")

    for order in ((old, new), (new, old)):
        assert outcomes(judged(DECLARED, date(2026, 12, 1), *order)) == [("met", "conditions-met", date(2027, 4, 30))]
        assert outcomes(judged(DECLARED, date(2026, 4, 27), *order)) == [("met", "conditions-met", date(2026, 4, 30))]


@pytest.mark.rule("EN-12")
def test_a_negative_result_never_satisfies_whatever_day_it_names() -> None:
    found = judged(DECLARED, date(2026, 6, 1), a_review(date(2025, 5, 1), "2027-04-30"), a_review(date(2026, 5, 1), "2099-01-01", "2"))

    assert outcomes(found) == [("unmet", "condition-failed", date(2026, 5, 1))]


def test_what_was_only_asserted_does_not_satisfy() -> None:
    assert judged(DECLARED, START, replace(a_review(START, "2027-04-30"), accepter=None)) == ()


def test_an_endorsement_satisfies_no_longer_than_it_is_effective() -> None:
    review = replace(a_review(date(2026, 4, 28), "2027-04-30"), effective_to=date(2026, 6, 30))

    assert outcomes(judged(DECLARED, date(2026, 7, 1), review)) == [("unmet", "condition-overdue", date(2026, 6, 30))]


def test_erased_or_absent_facts_are_unknown_and_a_kind_that_need_not_say_a_day_is_not_judged() -> None:
    erased, without = an_endorsement(kind="review", facts={}), an_endorsement(kind="review", facts={"result": "1"})
    no_result = an_endorsement(kind="review", facts={"next_due": "2030-01-01"})
    silent = [an_endorsement(kind="grading", facts={"date": "2027-05-30"}), an_endorsement(kind="training"), an_endorsement(kind="nobody_knows")]

    assert outcomes(judged(DECLARED, date(2028, 1, 1), erased)) == [("unknown", "facts-erased", None)]
    assert outcomes(judged(DECLARED, date(2028, 1, 1), without)) == [("unknown", "fact-absent", None)]
    assert outcomes(judged(DECLARED, date(2028, 1, 1), no_result)) == [("unknown", "fact-absent", None)]
    assert judged(DECLARED, date(2028, 1, 1), *silent) == ()


@pytest.mark.parametrize(
    ("face", "day", "said"),
    [
        ({"review_valid_to": "2027-04-30"}, date(2027, 4, 30), [("met", "conditions-met", date(2027, 4, 30))]),
        ({"review_valid_to": "2027-04-30"}, date(2027, 5, 1), [("unmet", "condition-overdue", date(2027, 4, 30))]),
        ({"plate_no": "川PA1234"}, date(2027, 5, 1), []),
        ({}, date(2027, 5, 1), [("unknown", "face-erased", None)]),
    ],
)
def test_the_day_printed_on_the_face_satisfies_through_that_day(face: Any, day: date, said: list[Any]) -> None:
    assert outcomes(judged(DECLARED, day, face=face, until="review_valid_to")) == said
    assert judged(DECLARED, day, face=face) == ()


@pytest.mark.rule("EN-09")
def test_a_day_on_the_face_that_an_endorsement_repeats_is_judged_by_the_endorsement() -> None:
    face = {"review_valid_to": "2026-04-30"}  # the document of before the review, still current on the day asked
    late = a_review(date(2026, 4, 28), "2027-04-30")

    assert outcomes(judged(DECLARED, date(2026, 5, 2), late, face=face, until="review_valid_to")) == [("met", "conditions-met", date(2027, 4, 30))]
    other = an_endorsement(kind="grading", occurred_on=START, facts={"next_due": "2027-04-30"})
    found = judged(DECLARED, date(2026, 5, 2), other, face=face, until="review_valid_to")
    assert [one.outcome for one in found] == [Outcome.MET, Outcome.UNMET]


def test_a_declared_condition_is_unknown_on_a_day_without_law() -> None:
    packs = [a_pack(DECLARED, in_force_from="2027-01-01")]
    found = judge_conditions(packs, TYPE, "review_valid_to", {"review_valid_to": "2027-04-30"}, KINDS, (), date(2026, 12, 31))

    assert [(one.kind, *outcomes((one,))[0], one.pack) for one in found.unknown] == [
        ("review_valid_to", "unknown", "no-rule-pack", date(2027, 4, 30), "")
    ]
    reviewed = judge_conditions(packs, TYPE, None, FACE, KINDS, [a_review(START, "2027-04-30")], date(2026, 12, 31))
    assert [(one.kind, one.reason) for one in reviewed.unknown] == [("review", "no-rule-pack")]
    assert judge_conditions(packs, TYPE, "review_valid_to", FACE, KINDS, (), date(2026, 12, 31)).every == ()
    assert [one.reason for one in judge_conditions(packs, TYPE, "review_valid_to", {}, KINDS, (), START).unknown] == ["no-rule-pack"]


@pytest.mark.rule("EN-11")
def test_a_review_of_another_vehicle_says_nothing_of_this_one_whatever_its_plate() -> None:
    face = {"vin": "L9Z4C5K72NA000101", "plate_no": "川PA1234"}
    review = replace(a_review(date(2026, 4, 28), "2027-04-30"), subject="L9Z4C5K72NA000101")
    day = date(2026, 5, 1)

    assert [one.outcome for one in judged(DECLARED, day, review, face=face | {"plate_no": "川PB9999"})] == [Outcome.MET]
    assert judged(DECLARED, day, review, face=face | {"vin": "L9ZH2B3D5PA000202"}) == ()
    assert [one.outcome for one in judged(DECLARED, day, review, face={"person_name": "陈安途"})] == [Outcome.MET]  # a type without the field
    assert [one.outcome for one in judged(DECLARED, day, replace(review, subject=None), face=face)] == [Outcome.MET]


def test_the_earliest_day_to_come_is_the_one_that_falls_due() -> None:
    grading = an_endorsement(kind="grading", occurred_on=START, facts={"next_due": "2026-12-31"})
    found = judge_conditions([a_pack(DECLARED)], TYPE, None, FACE, KINDS, [a_review(START, "2027-04-30"), grading], date(2026, 12, 31))

    assert found.due_on == date(2026, 12, 31)
    assert judge_conditions([], TYPE, None, FACE, KINDS, (), START).due_on is None


# -- hours -----------------------------------------------------------------------------------------------------------

FIRST_END = date(2022, 2, 28)  # of the two years from 2020-03-01


@pytest.mark.rule("EN-05")
@pytest.mark.parametrize(
    ("trainings", "met"),
    [
        ([a_training(START)], True),
        ([a_training(FIRST_END)], True),
        ([a_training(FIRST_END + timedelta(days=1))], False),
        ([a_training(START - timedelta(days=1))], False),
        ([a_training(START, 23)], False),
        ([a_training(START, 12), a_training(FIRST_END, 12)], True),
        ([a_training(START, 12, certificate_no="A1"), a_training(FIRST_END, 12, certificate_no="A1")], False),
        ([a_training(START, 12, certificate_no="A1"), a_training(FIRST_END, 12, certificate_no="Ａ１")], False),
        ([a_training(START - timedelta(days=9), 12, certificate_no="A1"), a_training(START, 24, certificate_no="A1")], False),
        ([a_training(START, 12, certificate_no="A1"), a_training(FIRST_END, 12, certificate_no="A2")], True),
        ([a_training(START, 24, result="fail")], False),
        ([a_training(START, 24, result="fail", certificate_no="A1"), a_training(FIRST_END, 24, certificate_no="A1")], True),
        ([a_training(START, 24, mode="online")], False),
        ([a_training(START, 24, mode="online"), a_training(START, 16, mode="on_site")], True),
        ([a_training(START, 8, mode="online"), a_training(START, 15)], False),
        ([a_training(START, -24), a_training(START, 24)], True),
        ([], False),
    ],
)
def test_hours_are_summed_within_the_cycle_each_certificate_once_and_online_up_to_the_cap(trainings: list[Endorsement], met: bool) -> None:
    found = judged(CYCLES, FIRST_END + timedelta(days=1), *trainings)

    assert [one.outcome for one in found] == [Outcome.MET if met else Outcome.UNMET]
    assert met or found[0].due_on == FIRST_END


@pytest.mark.rule("EN-05")
def test_only_the_last_completed_cycle_can_be_unmet() -> None:
    second = a_training(date(2022, 3, 1))

    assert outcomes(judged(CYCLES, FIRST_END)) == [("met", "first-cycle", FIRST_END)]
    assert outcomes(judged(CYCLES, FIRST_END + timedelta(days=1), second)) == [("unmet", "hours-missing", FIRST_END)]
    assert outcomes(judged(CYCLES, date(2024, 2, 29), second)) == [("unmet", "hours-missing", FIRST_END)]
    assert outcomes(judged(CYCLES, date(2024, 3, 1), second)) == [("met", "hours-complete", date(2026, 2, 28))]
    assert outcomes(judged(CYCLES, date(2026, 3, 1), second)) == [("unmet", "hours-missing", date(2026, 2, 28))]


def test_hours_already_done_in_the_running_cycle_move_what_falls_due() -> None:
    assert judged(CYCLES, FIRST_END, a_training(START))[0].due_on == date(2024, 2, 29)
    assert judged(CYCLES, START, a_training(FIRST_END))[0].due_on == FIRST_END  # not done yet on the day asked
    assert judged(CYCLES, date(2019, 1, 1))[0].due_on == FIRST_END


def test_erased_trainings_leave_it_unknown_unless_the_others_are_enough() -> None:
    erased = an_endorsement(kind="training", occurred_on=START, facts={})
    day = FIRST_END + timedelta(days=1)

    assert outcomes(judged(CYCLES, day, erased, a_training(START, 12))) == [("unknown", "facts-erased", FIRST_END)]
    assert [one.outcome for one in judged(CYCLES, day, erased, a_training(START, 24))] == [Outcome.MET]
    assert [one.outcome for one in judged(CYCLES, date(2026, 3, 1), erased)] == [Outcome.UNMET]  # erased in a cycle long past


@pytest.mark.parametrize(
    ("face", "reason"), [({}, "face-erased"), ({"person_name": "陈安途"}, "fact-absent"), ({"first_issue_date": "?"}, "fact-absent")]
)
def test_without_a_first_day_no_cycle_is_known(face: Any, reason: str) -> None:
    assert outcomes(judged(CYCLES, START, face=face)) == [("unknown", reason, None)]


def test_a_cycle_counts_from_the_first_field_that_the_face_has() -> None:
    rule = CYCLES | {"start": ["first_issue_date", "valid_from"]}

    assert judged(rule, START, face={"valid_from": "2021-01-01"})[0].due_on == date(2022, 12, 31)
    assert judged(rule, START, face={"valid_from": "2021-01-01", "first_issue_date": "2020-03-01"})[0].due_on == FIRST_END


def test_the_end_of_the_calendar_is_no_error() -> None:
    assert judged(CYCLES, date.max, face={"first_issue_date": "0001-01-01"})[0].outcome is Outcome.UNMET
    assert judged(CYCLES, date.max, face={"first_issue_date": "9999-12-31"})[0].outcome is Outcome.MET
    assert judged(RECOVERY, date.max, a_grade(date.max, "B"))[0].outcome is Outcome.UNMET


@pytest.mark.rule("EN-05")
def test_a_cycle_from_a_leap_day_ends_on_28_february_and_runs_through_it() -> None:
    first = date(2024, 2, 29)

    assert [cycle(first, 12, number) for number in (1, 2)] == [(first, date(2025, 2, 28)), (date(2025, 3, 1), date(2026, 2, 28))]
    assert cycle(first, 12, 5)[0] == date(2028, 2, 29)
    assert [completed(first, 12, day) for day in (date(2025, 2, 28), date(2025, 3, 1), date(2028, 2, 28), date(2028, 2, 29))] == [0, 1, 3, 4]


@given(DAYS, st.integers(1, 120), st.integers(0, 30_000))
def test_cycles_lie_next_to_each_other_and_the_completed_ones_are_over(first: date, months: int, days: int) -> None:
    day = first + timedelta(days=days)
    number = completed(first, months, day)
    begins, ends = cycle(first, months, number + 1)

    assert begins <= day <= ends
    assert number == 0 or cycle(first, months, number)[1] == begins - timedelta(days=1)
    assert number > 0 or begins == first


# -- recovery of a failed grade ----------------------------------------------------------------------------------------

FAILED = date(2026, 7, 10)


@pytest.mark.rule("EN-12", "EN-05")
@pytest.mark.parametrize(
    ("endorsements", "day", "said"),
    [
        ([], FAILED, []),
        ([a_grade(FAILED, "AA")], FAILED, [("met", "grade-good", None)]),
        ([a_grade(FAILED, "B")], FAILED - timedelta(days=1), []),
        ([a_grade(FAILED, "B")], FAILED, [("unmet", "hours-missing", FAILED)]),
        ([a_grade(FAILED, "B"), a_training(FAILED, 18)], FAILED, [("unmet", "hours-missing", FAILED)]),
        ([a_grade(FAILED, "B"), a_training(FAILED + timedelta(days=1), 18)], FAILED + timedelta(days=1), [("met", "hours-complete", None)]),
        ([a_grade(FAILED, "B"), a_training(FAILED + timedelta(days=1), 17)], date(2027, 1, 1), [("unmet", "hours-missing", FAILED)]),
        ([a_grade(FAILED, "B"), a_grade(date(2026, 12, 1), "A")], date(2027, 1, 1), [("met", "grade-good", None)]),
        ([a_grade(FAILED, "B"), a_training(date(2026, 8, 1), 18), a_grade(date(2027, 7, 10), "B")], date(2027, 7, 10),
         [("unmet", "hours-missing", date(2027, 7, 10))]),
        ([an_endorsement(kind="assessment", facts={})], date(2028, 1, 1), [("unknown", "facts-erased", None)]),
        ([an_endorsement(kind="assessment", facts={"points": 3})], date(2028, 1, 1), [("unknown", "fact-absent", None)]),
        ([a_grade(FAILED, "B"), an_endorsement(kind="training", facts={})], date(2028, 1, 1), [("unknown", "facts-erased", FAILED)]),
    ],
)  # fmt: skip
def test_only_a_holder_whose_last_grade_is_the_failed_one_owes_hours_after_it(endorsements: list[Endorsement], day: date, said: list[Any]) -> None:
    assert outcomes(judged(RECOVERY, day, *endorsements)) == said


# -- grades from points ------------------------------------------------------------------------------------------------

GRADES: dict[str, Any] = {
    "way": "grade_from_points", "kind": "assessment", "points": "points", "grade": "grade", "recovery": "recovery_ref", "recovered": ["A"],
    "steps": [{"grade": "AAA", "most": 0, "after": ["AAA", "AA"]}, {"grade": "AA", "most": 9}, {"grade": "A", "most": 19}, {"grade": "B"}],
}  # fmt: skip


@pytest.mark.rule("EN-12")
@pytest.mark.parametrize(
    ("points", "previous", "allowed"),
    [
        (-1, "A", {"AA"}), (0, "AAA", {"AAA"}), (0, "AA", {"AAA"}), (0, "A", {"AA"}), (0, "B", {"AA"}), (0, None, {"AAA", "AA"}),
        (1, None, {"AA"}), (9, "AAA", {"AA"}), (10, None, {"A"}), (19, None, {"A"}), (20, "AAA", {"B"}), (500, None, {"B"}),
    ],
)  # fmt: skip
def test_a_grade_at_odds_with_its_points_is_a_fault_never_put_right_silently(points: int, previous: str | None, allowed: set[str]) -> None:
    standing = [a_grade(date(2025, 7, 10), previous)] if previous else []
    for grade in ("AAA", "AA", "A", "B"):
        facts: dict[str, Any] = {"grade": grade, "points": points}
        fault = grade_fault([a_pack(GRADES)], TYPE, "assessment", facts, FAILED, standing)
        assert (fault is None) == (grade in allowed), grade
        assert fault is None or (fault.path, fault.code) == ("facts.grade", "grade-at-odds")


def test_a_grade_is_judged_only_where_the_law_and_the_facts_say_enough() -> None:
    pack = a_pack(GRADES, in_force_from="2026-01-01")
    wrong: dict[str, Any] = {"grade": "AAA", "points": 30}

    assert grade_fault([pack], TYPE, "assessment", wrong, FAILED)
    assert grade_fault([pack], TYPE, "assessment", wrong, date(2025, 12, 31)) is None
    assert grade_fault([pack], TYPE, "training", wrong, FAILED) is None
    assert grade_fault([pack], TYPE, "assessment", {"grade": "AAA"}, FAILED) is None
    assert grade_fault([pack], TYPE, "assessment", {"grade": "A", "points": 30, "recovery_ref": "R1"}, FAILED) is None
    assert grade_fault([pack], TYPE, "assessment", {"grade": "AAA", "points": 0, "recovery_ref": "R1"}, FAILED)
    later_one = [a_grade(date(2027, 7, 10), "AA")]  # comes after the judged one: not its previous grade
    assert grade_fault([pack], TYPE, "assessment", {"grade": "AAA", "points": 0}, FAILED, [a_grade(date(2025, 7, 10), "B"), *later_one])


# -- the age ceiling -----------------------------------------------------------------------------------------------------


@pytest.mark.rule("LC-04")
@pytest.mark.parametrize(
    ("born", "years", "reached"),
    [
        (date(1966, 3, 20), 60, date(2026, 3, 20)),
        (date(1964, 2, 29), 60, date(2024, 2, 29)),
        (date(1964, 2, 29), 63, date(2027, 2, 28)),
        (date(1966, 2, 28), 60, date(2026, 2, 28)),
    ],
)
def test_above_the_ceiling_begins_the_day_after_the_birthday(born: date, years: int, reached: date) -> None:
    packs = [a_pack({"way": "age_ceiling", "years": years, "birth": ["birth_date"]})]

    assert birthday(born, years) == reached
    assert [above_ceiling(packs, TYPE, born, reached + timedelta(days=days)) for days in (-1, 0, 1)] == [False, False, True]
    assert not above_ceiling([], TYPE, date(1900, 1, 1), date(2026, 1, 1))


@pytest.mark.rule("LC-04")
def test_the_ceiling_is_a_condition_only_where_the_law_says_so() -> None:
    rule = {"way": "age_ceiling", "years": 60, "birth": ["birth_date"]}
    condition = rule | {"effect": "condition"}
    face = {"birth_date": "1966-03-20"}

    assert judged(rule, date(2026, 3, 21), face=face) == ()
    assert outcomes(judged(condition, date(2026, 3, 20), face=face)) == [("met", "below-age-ceiling", date(2026, 3, 20))]
    assert outcomes(judged(condition, date(2026, 3, 21), face=face)) == [("unmet", "above-age-ceiling", date(2026, 3, 20))]
    assert outcomes(judged(condition, date(2026, 3, 21), face={})) == [("unknown", "face-erased", None)]
    assert outcomes(judged(condition, date(2026, 3, 21))) == [("unknown", "fact-absent", None)]


# -- the next review -------------------------------------------------------------------------------------------------------

REVIEWS: dict[str, Any] = {
    "way": "review_frequency", "kind": "review", "registered": ["registration_date"],
    "schedules": [
        {"only": [{"name": "vehicle_type", "values": ["K11"]}], "steps": [{"below_months": 60, "every_months": 12}, {"every_months": 6}]},
        {"steps": [{"below_months": 120, "every_months": 12}, {"every_months": 6}]},
    ],
}  # fmt: skip
DUE = date(2026, 4, 30)


def due_next(previous: date | None, tested: date, registered: str = "2024-04-10", kind: str = "H11", **changes: Any) -> date | None:
    """Return the next due day of a vehicle."""
    pack = a_pack(REVIEWS | changes)
    assert isinstance(pack.rule, ReviewFrequency)
    return next_due(previous, tested, {"registration_date": registered, "vehicle_type": kind}, pack.rule)


@pytest.mark.rule("XR-05")
@pytest.mark.parametrize(
    ("changes", "tested", "due"),
    [
        ({}, date(2026, 4, 1), date(2027, 4, 30)),
        ({}, DUE, date(2027, 4, 30)),
        ({}, date(2026, 5, 1), date(2027, 5, 1)),
        ({"early": "test"}, date(2026, 4, 1), date(2027, 4, 1)),
        ({"late": "previous_due"}, date(2026, 5, 20), date(2027, 4, 30)),
        ({"late": "previous_due"}, date(2027, 4, 30), date(2027, 4, 30)),
        ({"late": "previous_due"}, date(2027, 5, 1), date(2028, 5, 1)),
        ({"early_days": 29}, date(2026, 4, 1), date(2027, 4, 30)),
        ({"early_days": 28}, date(2026, 4, 1), date(2027, 4, 1)),
        ({"month_end": True}, date(2026, 7, 5), date(2027, 7, 31)),
    ],
)
def test_the_next_review_counts_from_the_previous_due_day_if_early_and_from_the_test_if_late(changes: Any, tested: date, due: date) -> None:
    assert due_next(DUE, tested, **changes) == due


@pytest.mark.parametrize(
    ("tested", "kind", "months"),
    [
        (date(2029, 4, 9), "K11", 12), (date(2029, 4, 10), "K11", 6), (date(2029, 4, 10), "H11", 12),
        (date(2034, 4, 9), "H11", 12), (date(2034, 4, 10), "H11", 6),
    ],
)  # fmt: skip
def test_older_vehicles_are_reviewed_more_often_and_coaches_sooner(tested: date, kind: str, months: int) -> None:
    assert due_next(None, tested, kind=kind) == same_day(tested, months)


def test_without_an_age_nobody_says_when_the_next_review_is_due() -> None:
    assert due_next(DUE, DUE, registered="") is None
    assert due_next(None, date(2023, 1, 1)) == date(2024, 1, 1)  # tested before it was registered: as good as new


# -- renewal -----------------------------------------------------------------------------------------------------------

END = date(2032, 6, 19)


@pytest.mark.rule("LC-03")
def test_renewal_has_no_opening_day_unless_the_law_declares_a_hard_one() -> None:
    term = Term("exact", years=6, renew_from_days=30, lapse_after_days=180)
    soft, hard = ({"way": "renewal_window", "reminder_days": 60, "lapse_days": 90}, {"way": "renewal_window", "opening_days": 30})
    own = renewal_of([], TYPE, END, term)
    assert (own.opens_on(END), own.reminds_on(END), own.renewable_until(END), own.pack) == (None, date(2032, 5, 20), date(2032, 12, 16), "")

    by_law = renewal_of([a_pack(soft)], TYPE, END, term)
    assert (by_law.opens_on(END), by_law.reminds_on(END), by_law.renewable_until(END)) == (None, date(2032, 4, 20), date(2032, 9, 17))
    strict = renewal_of([a_pack(hard)], TYPE, END, term)
    assert (strict.opens_on(END), strict.reminds_on(END), strict.renewable_until(END), strict.pack) == (date(2032, 5, 20), None, END, "pack_one")


# -- taking facts in ---------------------------------------------------------------------------------------------------

TAKING: dict[str, Any] = {
    "way": "acceptance", "transfer_days": 20, "underlying_right": "cancel",
    "kinds": {
        "training": {"auto_accept": True, "max_days_late": 30, "hours": {"fact": "hours", "most_a_day": 8, "first": "from", "last": "to"},
                     "objection_days": 30},
        "review": {"auto_accept": True, "max_days_late": 400, "report_age_days": 90, "sources": ["police"]},
    },
}  # fmt: skip
PACKS = [a_pack(TAKING)]
TODAY = date(2026, 7, 10)


@pytest.mark.rule("EN-03")
@pytest.mark.parametrize(
    ("kind", "occurred", "automatic", "reasons"),
    [
        ("training", TODAY, True, ()),
        ("training", date(2026, 6, 10), True, ()),
        ("training", date(2026, 6, 9), False, ("late-fact",)),
        ("assessment", TODAY, False, ("clerk-decides",)),
    ],
)
def test_a_fact_is_accepted_by_itself_only_where_the_law_says_so_and_only_soon(kind: str, occurred: date, automatic: bool, reasons: Any) -> None:
    found = judge_fact(PACKS, TYPE, kind, {"hours": 8}, occurred, TODAY)

    assert (found.automatic, found.reasons, found.breaches, found.pack) == (automatic, reasons, (), "pack_one")


def test_where_no_law_says_how_facts_are_taken_in_a_clerk_decides() -> None:
    found = judge_fact([], TYPE, "training", {"hours": 2000}, TODAY, TODAY)

    assert (found.automatic, found.reasons, found.breaches, found.pack) == (False, ("clerk-decides",), (), None)
    assert (transfer_days([], TYPE, TODAY), on_underlying_right([], TYPE, TODAY)) == (30, "task")


@pytest.mark.rule("EN-05")
@pytest.mark.parametrize(
    ("facts", "refused"),
    [
        ({"hours": 8}, False), ({"hours": 9}, True), ({"hours": 0}, True), ({"hours": -8}, True), ({}, False),
        ({"hours": 24, "from": "2026-07-08", "to": "2026-07-10"}, False),
        ({"hours": 25, "from": "2026-07-08", "to": "2026-07-10"}, True),
        ({"hours": 25, "from": "2026-07-08", "to": "2030-01-01"}, True),  # the certificate says when it was over
        ({"hours": 16, "from": "2026-07-08", "to": "2026-07-09"}, False),
        ({"hours": 24, "from": "2026-07-08", "to": "2026-07-09"}, True),
        ({"hours": 24, "from": "2026-07-08"}, False),
        ({"hours": 8, "from": "2026-08-01", "to": "2026-08-02"}, True),  # begun after it was over
        ({"hours": 8, "from": "2026-07-10"}, False),
    ],
)  # fmt: skip
def test_hours_beyond_the_length_of_their_days_are_refused(facts: dict[str, Any], refused: bool) -> None:
    found = judge_fact(PACKS, TYPE, "training", facts, TODAY, TODAY)

    assert [(one.rule, one.fault.path, one.fault.code) for one in found.breaches] == [("EN-05", "facts.hours", "impossible-hours")] * refused
    assert found.automatic is not refused


@pytest.mark.rule("XR-02")
@pytest.mark.parametrize(("days", "codes"), [(90, []), (91, ["report-too-old"])])
def test_a_report_past_its_age_is_refused(days: int, codes: list[str]) -> None:
    found = judge_fact(PACKS, TYPE, "review", {}, TODAY - timedelta(days=days), TODAY)

    assert [one.fault.code for one in found.breaches] == codes


def test_a_grade_at_odds_is_refused_when_it_arrives() -> None:
    found = judge_fact([*PACKS, a_pack(GRADES, "grades")], TYPE, "assessment", {"grade": "AAA", "points": 40}, TODAY, TODAY)

    assert [(one.rule, one.fault.code) for one in found.breaches] == [("EN-12", "grade-at-odds")]


@pytest.mark.rule("LC-08", "LC-17", "EN-11")
def test_terms_of_objection_transfer_signals_and_sale_are_law() -> None:
    assert objection_until(PACKS, TYPE, "training", TODAY) == date(2026, 8, 9)
    assert objection_until(PACKS, TYPE, "review", TODAY) is None
    assert (transfer_days(PACKS, TYPE, TODAY), on_underlying_right(PACKS, TYPE, TODAY)) == (20, "cancel")
    assert [kind_acceptance(PACKS, TYPE, kind, TODAY).sources for kind in ("review", "training", "assessment")] == [("police",), (), ()]


# -- the calendar ------------------------------------------------------------------------------------------------------


@given(DAYS, st.integers(1, 600))
def test_a_term_ends_as_a_type_says_that_it_ends(first: date, months: int) -> None:
    assert end_of_term(first, months) == Term("exact", months=months).last_day(first)


@given(DAYS, st.integers(0, 20_000))
def test_full_months_have_passed_and_one_more_has_not(first: date, days: int) -> None:
    day = first + timedelta(days=days)
    months = full_months(first, day)

    assert same_day(first, months) <= day < same_day(first, months + 1)


def test_days_stop_at_both_ends_of_the_calendar() -> None:
    assert (later(date.max, 1), earlier(date.min, 1), same_day(date.max, 1), end_of_term(date.max, 12)) == (date.max, date.min, date.max, date.max)
    assert full_months(date(2026, 1, 1), date(2025, 1, 1)) == 0
