"""The packs under `templates/_rules/`: read, checked, and the law replayed from 2021 to 2026 over invented drivers (DOMAIN M8)."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from licence_service.catalogue import Catalogue, read_catalogue
from licence_service.endorsement import Endorsement
from licence_service.errors import TemplateRejected
from licence_service.rules import (
    AgeCeiling,
    Conditions,
    ReviewFrequency,
    above_ceiling,
    as_data,
    from_data,
    grade_fault,
    in_force,
    judge_conditions,
    judge_fact,
    next_due,
    renewal_of,
    transfer_days,
)
from tests.builders import an_endorsement

REAL = Path(__file__).parents[2] / "templates"
DRIVER, TAXI, HAILING, VEHICLE = (
    "practitioner_qualification",
    "taxi_driver_certificate",
    "ride_hailing_driver_certificate",
    "road_transport_certificate",
)
OLD_CE, NEW_CE = "continuing_education_until_2022", "continuing_education_from_2022"
TAXI_CE, DUE = "taxi_training", "declared_due_dates"
BEFORE, AFTER = date(2022, 11, 9), date(2022, 11, 10)
Change = Callable[[Path], object]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The real templates."""
    return read_catalogue(REAL)


def trained(day: str, hours: int = 24, **facts: Any) -> Endorsement:
    """A training of a driver."""
    return an_endorsement(kind="continuing_education", occurred_on=date.fromisoformat(day), facts={"hours": hours, "result": "pass", **facts})


def graded(day: str, grade: str) -> Endorsement:
    """A driver's integrity grade."""
    return an_endorsement(kind="integrity_assessment", occurred_on=date.fromisoformat(day), facts={"grade": grade})


def asked(catalogue: Catalogue, slug: str, face: dict[str, Any], endorsements: tuple[Endorsement, ...], day: date) -> Conditions:
    """Judge a licence under the real packs."""
    template = catalogue.editions[slug][-1]
    return judge_conditions(catalogue.packs, slug, template.conditions_until, face, catalogue.kinds, endorsements, day)


def verdict(found: Conditions) -> str:
    """Return the verdict on conditions in one word."""
    return "unmet" if found.unmet else "unknown" if found.unknown else "met" if found.met else "nothing asked"


# -- replay 2021 → 2026 ------------------------------------------------------------------------------------------------

FREIGHT = {"first_issue_date": "2018-06-20", "qualification_categories": ["02001"], "birth_date": "1985-06-12"}
CYCLE_1, CYCLE_2 = trained("2020-05-30"), trained("2022-05-30")  # of the cycles that ended on 2020-06-19 and 2022-06-19
GRADE_A, GRADE_B = graded("2022-07-10", "A"), graded("2022-07-10", "B")

REPLAY: list[tuple[str, tuple[Endorsement, ...], date, str, list[str]]] = [
    ("trained in both cycles", (CYCLE_1, CYCLE_2), date(2021, 6, 1), "met", [OLD_CE]),
    ("trained in both cycles", (CYCLE_1, CYCLE_2), BEFORE, "met", [OLD_CE]),
    ("trained in both cycles", (CYCLE_1, CYCLE_2), AFTER, "nothing asked", [NEW_CE]),
    ("never trained", (), date(2019, 6, 1), "met", [OLD_CE]),  # the first cycle still runs
    ("never trained", (), date(2020, 6, 19), "met", [OLD_CE]),
    ("never trained", (), date(2020, 6, 20), "unmet", [OLD_CE]),
    ("never trained", (), date(2021, 6, 1), "unmet", [OLD_CE]),  # an offence in 2021
    ("never trained", (), BEFORE, "unmet", [OLD_CE]),
    ("never trained", (), AFTER, "nothing asked", [NEW_CE]),  # irrelevant in 2023
    ("never trained", (), date(2023, 6, 1), "nothing asked", [NEW_CE]),
    ("trained in the first cycle only", (CYCLE_1,), date(2021, 6, 1), "met", [OLD_CE]),
    ("trained in the first cycle only", (CYCLE_1,), date(2022, 6, 20), "unmet", [OLD_CE]),
    ("trained late", (trained("2020-06-20"),), date(2021, 6, 1), "unmet", [OLD_CE]),
    ("trained with one certificate twice", (trained("2020-01-01", 12, certificate_no="J1"), trained("2020-02-01", 12, certificate_no="J1")),
     date(2021, 6, 1), "unmet", [OLD_CE]),
    ("good grade, never trained", (GRADE_A,), BEFORE, "unmet", [OLD_CE]),
    ("good grade, never trained", (GRADE_A,), AFTER, "met", [NEW_CE]),
    ("failed grade, trained before", (CYCLE_1, CYCLE_2, GRADE_B), BEFORE, "met", [OLD_CE]),
    ("failed grade, trained before", (CYCLE_1, CYCLE_2, GRADE_B), AFTER, "unmet", [NEW_CE]),  # decisive for a failed driver
    ("failed grade, 18 hours after", (GRADE_B, trained("2022-12-01", 18)), date(2022, 11, 30), "unmet", [NEW_CE]),
    ("failed grade, 18 hours after", (GRADE_B, trained("2022-12-01", 18)), date(2022, 12, 1), "met", [NEW_CE]),
    ("failed grade, 17 hours after", (GRADE_B, trained("2022-12-01", 17)), date(2026, 3, 20), "unmet", [NEW_CE]),
    ("failed grade, better next year", (GRADE_B, graded("2023-07-10", "AA")), date(2023, 7, 9), "unmet", [NEW_CE]),
    ("failed grade, better next year", (GRADE_B, graded("2023-07-10", "AA")), date(2023, 7, 10), "met", [NEW_CE]),
]  # fmt: skip


@pytest.mark.rule("EN-12", "EN-05")
@pytest.mark.parametrize(("driver", "endorsements", "day", "expected", "packs"), REPLAY, ids=[f"{row[0]} {row[2]}" for row in REPLAY])
def test_training_is_judged_by_the_law_of_the_day_asked_about(
    catalogue: Catalogue, driver: str, endorsements: tuple[Endorsement, ...], day: date, expected: str, packs: list[str]
) -> None:
    found = asked(catalogue, DRIVER, FREIGHT, endorsements, day)

    assert verdict(found) == expected, driver
    assert [one.id for one in found.packs] == [DUE, *packs]
    assert {one.pack for one in found.every} <= set(packs)


@pytest.mark.parametrize("day", [BEFORE, AFTER])
def test_the_training_of_drivers_is_not_asked_of_a_driving_instructor(catalogue: Catalogue, day: date) -> None:
    found = asked(catalogue, DRIVER, FREIGHT | {"qualification_categories": ["05002"]}, (GRADE_B,), day)

    assert (verdict(found), [one.id for one in found.packs]) == ("nothing asked", [DUE])


@pytest.mark.parametrize("slug", [TAXI, HAILING])
@pytest.mark.parametrize("day", [BEFORE, AFTER, date(2026, 11, 28)])
def test_taxi_drivers_owe_54_hours_in_three_years_and_the_verdict_says_that_this_is_a_sample(catalogue: Catalogue, slug: str, day: date) -> None:
    face = {"first_issue_date": "2018-09-01"}
    cycles = (trained("2021-08-10", 54), trained("2024-08-10", 53))
    found = asked(catalogue, slug, face, cycles, day)

    assert verdict(found) == ("met" if day <= date(2024, 8, 31) else "unmet")
    assert [(one.id, one.sample) for one in found.packs] == [(DUE, False), (TAXI_CE, True)]


AGES: list[tuple[int, str, list[bool]]] = [
    # age on 2026-03-19, born on, above the ceiling on 2022-11-09, 2022-11-10, 2026-03-19, 2026-03-20, 2026-03-21
    (59, "1966-03-20", [False, False, False, False, False]),
    (60, "1966-03-19", [False, False, False, False, False]),
    (60, "1966-03-18", [False, False, True, False, False]),
    (61, "1964-06-01", [False, False, True, False, False]),
    (62, "1964-02-29", [False, False, True, False, False]),
    (62, "1963-03-20", [False, False, True, False, True]),
    (63, "1963-03-19", [False, False, True, True, True]),
    (64, "1962-03-19", [True, True, True, True, True]),
    (63, "1962-11-09", [False, True, True, True, True]),
]


@pytest.mark.rule("LC-04", "EN-12")
@pytest.mark.parametrize(("age", "born", "above"), AGES, ids=[f"{age} born {born}" for age, born, _ in AGES])
def test_the_age_ceiling_moves_from_60_to_63_on_2026_03_20(catalogue: Catalogue, age: int, born: str, above: list[bool]) -> None:
    days = (BEFORE, AFTER, date(2026, 3, 19), date(2026, 3, 20), date(2026, 3, 21))

    assert [above_ceiling(catalogue.packs, DRIVER, date.fromisoformat(born), day) for day in days] == above, age
    named = [in_force(catalogue.packs, DRIVER, day, AgeCeiling) for day in days]
    assert [one and one[0].id for one in named] == ["age_ceiling_60"] * 3 + ["age_ceiling_63"] * 2
    assert asked(catalogue, DRIVER, FREIGHT | {"birth_date": born}, (), days[-1]).unmet == ()  # a ground for cancelling, no condition


def test_leap_day_drivers_are_above_63_from_the_first_of_march(catalogue: Catalogue) -> None:
    born = date(1964, 2, 29)

    assert [above_ceiling(catalogue.packs, DRIVER, born, day) for day in (date(2027, 2, 28), date(2027, 3, 1))] == [False, True]
    assert [above_ceiling(catalogue.packs, DRIVER, born, day) for day in (date(2024, 2, 29), date(2024, 3, 1))] == [False, True]


# -- the real packs ------------------------------------------------------------------------------------------------------


def test_every_figure_that_no_source_confirms_is_marked_as_a_sample(catalogue: Catalogue) -> None:
    samples = {"acceptance_defaults", "annual_review_frequency", "integrity_grades", "reminders", TAXI_CE, "unattended_ride_hailing_vehicles"}
    assert {pack.id for pack in catalogue.packs if pack.sample} == samples
    assert all(pack.source and pack.note for pack in catalogue.packs)
    assert all(from_data(as_data(pack)) == pack for pack in catalogue.packs)


def test_the_samples_meet_their_conditions_and_their_facts_are_taken_in(catalogue: Catalogue) -> None:
    judged = 0
    for slug in catalogue.slugs:
        sample = catalogue.samples[slug]
        given = [one for one in sample.endorsements if catalogue.kinds[one["kind"]].asserted]
        made = tuple(
            an_endorsement(
                kind=one["kind"], facts=one["facts"], occurred_on=date.fromisoformat(one["facts"][catalogue.kinds[one["kind"]].date_field])
            )
            for one in given
        )
        found = asked(catalogue, slug, dict(sample.face), made, sample.as_of)
        assert (found.unmet, found.unknown) == ((), ()), slug
        judged += len(found.met)
        assert [judge_fact(catalogue.packs, slug, one.kind, one.facts, one.occurred_on, one.occurred_on).breaches for one in made] == [()] * len(made)
    assert judged >= 5


@pytest.mark.rule("XR-05")
def test_lorries_are_reviewed_yearly_and_vehicles_with_dangerous_goods_half_yearly_from_60_months(catalogue: Catalogue) -> None:
    found = in_force(catalogue.packs, VEHICLE, date(2026, 4, 28), ReviewFrequency)
    assert found
    lorry = {"first_issue_date": "2020-04-10", "vehicle_type": "Q11", "business_scope": "道路普通货物运输"}
    coach, tanker = lorry | {"vehicle_type": "K11"}, lorry | {"business_scope": "道路危险货物运输（3类）"}
    due, early, late = date(2026, 4, 30), date(2026, 4, 28), date(2026, 5, 6)

    assert [next_due(due, early, face, found[1]) for face in (lorry, coach, tanker)] == [date(2027, 4, 30), date(2026, 10, 31), date(2026, 10, 31)]
    assert next_due(due, late, lorry, found[1]) == date(2027, 5, 31)
    assert next_due(None, date(2020, 4, 20), coach, found[1]) == date(2021, 4, 30)


@pytest.mark.rule("LC-03")
def test_practitioners_are_reminded_30_days_before_and_may_renew_until_180_days_after(catalogue: Catalogue) -> None:
    term = catalogue.editions[DRIVER][-1].term
    renewal = renewal_of(catalogue.packs, DRIVER, date(2026, 1, 1), term)
    last = date(2032, 6, 19)

    assert (renewal.opens_on(last), renewal.reminds_on(last)) == (None, date(2032, 5, 20))
    assert (renewal.renewable_until(last), renewal.pack) == (date(2032, 12, 16), "renewal_of_practitioners")
    assert renewal_of(catalogue.packs, TAXI, date(2026, 1, 1), catalogue.editions[TAXI][-1].term).pack == ""


@pytest.mark.rule("LC-08")
def test_every_type_has_the_transfer_clock_of_30_days(catalogue: Catalogue) -> None:
    assert {transfer_days(catalogue.packs, slug, date(2026, 1, 1)) for slug in catalogue.slugs} == {30}


@pytest.mark.rule("EN-12")
def test_a_cancelled_registration_and_a_failed_review_leave_the_condition_unmet(catalogue: Catalogue) -> None:
    day = date(2026, 11, 28)
    registered = an_endorsement(kind="registration", occurred_on=date(2026, 9, 3), facts={"action": "initial", "valid_to": "2029-09-02"})
    left = an_endorsement(kind="registration", occurred_on=date(2026, 10, 3), facts={"action": "cancel", "valid_to": "2029-09-02"})
    failed = an_endorsement(kind="annual_review", occurred_on=date(2026, 10, 3), facts={"result": "2", "next_due": "2027-10-31"})
    young = {"first_issue_date": "2026-09-01"}

    assert verdict(asked(catalogue, TAXI, young, (registered,), day)) == "met"
    assert [one.reason for one in asked(catalogue, TAXI, young, (registered, left), day).unmet] == ["condition-failed"]
    assert [one.reason for one in asked(catalogue, VEHICLE, {"review_valid_to": "2027-10-31"}, (failed,), day).unmet] == ["condition-failed"]


def test_a_grade_of_the_real_packs_is_judged_by_its_points(catalogue: Catalogue) -> None:
    facts: dict[str, Any] = {"grade": "AA", "points": 20}
    fault = grade_fault(catalogue.packs, DRIVER, "integrity_assessment", facts, date(2026, 7, 10))

    assert fault
    assert fault.code == "grade-at-odds"
    assert grade_fault(catalogue.packs, DRIVER, "integrity_assessment", facts | {"points": 3}, date(2026, 7, 10)) is None


# -- reading -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The real templates, to be spoilt."""
    return Path(shutil.copytree(REAL, tmp_path / "templates"))


def replaced(name: str, old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        path = folder / "_rules" / name
        content = path.read_text(encoding="utf-8")
        assert old in content
        path.write_text(content.replace(old, new, 1), encoding="utf-8")

    return change


def copied(name: str, other: str) -> Change:
    return lambda folder: shutil.copy(folder / "_rules" / name, folder / "_rules" / other)


CE, CE_18, AGE, REVIEW = f"{OLD_CE}.toml", f"{NEW_CE}.toml", "age_ceiling_60.toml", "annual_review_frequency.toml"
GRADES_FILE, TAKING, DUE_FILE = "integrity_grades.toml", "acceptance_defaults.toml", f"{DUE}.toml"


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (CE, "[rule]", "surprise = 1\n[rule]", "surprise"),
        (CE, "cycle_months", "months = 1\ncycle_months", "months"),
        (CE, 'way = "recurring_hours"', 'way = "dance"', "dance"),
        (CE, "cycle_months = 24", "cycle_months = 0", "cycle_months"),
        (CE, "hours = 24", "hours = 24.5", "hours"),
        (CE, 'types = ["practitioner_qualification"]', 'types = ["dancer_permit"]', "no type dancer_permit"),
        (CE, 'types = ["practitioner_qualification"]', "types = []", "names no type"),
        (CE, 'types = ["practitioner_qualification"]', 'types = ["road_transport_certificate"]', "does not take continuing_education"),
        (CE, 'types = ["practitioner_qualification"]', 'id = "x"\ntypes = ["practitioner_qualification"]', "id: the file's name"),
        (CE, "in_force_to = 2022-11-09", "in_force_to = 2022-11-09\nin_force_from = 2022-11-10", "lies before in_force_from"),
        (CE, "in_force_to = 2022-11-09", "in_force_to = 2022-13-09", CE),
        (CE, 'kind = "continuing_education"', 'kind = "dancing"', "no endorsement kind dancing"),
        (CE, 'fact = "hours"', 'fact = "minutes"', "continuing_education: no fact minutes"),
        (CE, 'number = "certificate_no"', 'number = "no"', "no fact no"),
        (CE, 'values = ["pass"]', 'values = ["good"]', "no code good"),
        (CE, 'values = ["pass"]', "values = []", "names no value"),
        (CE, 'online = { name = "mode", values = ["online"] }', "most_online = 8", "most_online needs online"),
        (CE, 'name = "qualification_categories"', 'name = "classes"', "only: no field classes"),
        (CE, '"01001"', '"99999"', "only: qualification_categories: no code 99999"),
        (CE, 'start = ["first_issue_date", "valid_from"]', 'start = ["began"]', "start: practitioner_qualification has none of these fields"),
        (CE, 'start = ["first_issue_date", "valid_from"]', "start = []", "start: names no field"),
        (CE_18, 'values = ["B"]', 'values = ["Z"]', "integrity_assessment: grade: no code Z"),
        (CE_18, 'grade_kind = "integrity_assessment"', 'grade_kind = "registrations"', "no endorsement kind registrations"),
        (AGE, 'birth = ["birth_date"]', 'birth = ["born"]', "birth: practitioner_qualification has none"),
        (AGE, 'effect = "ground"', 'effect = "perhaps"', "effect"),
        (REVIEW, "{ below_months = 60, every_months = 12 }, ", "", None),
        (REVIEW, "{ below_months = 60, every_months = 12 }, { every_months = 6 }", "{ below_months = 60, every_months = 12 }", "steps rise"),
        (REVIEW, "{ below_months = 60, every_months = 12 }", "{ every_months = 12 }", "steps rise"),
        (REVIEW, "[[rule.schedules]]\nsteps = [{ below_months = 120, every_months = 12 }, { every_months = 6 }]", "", "for all others"),
        (REVIEW, '"危险品运输"', '""', "business_scope: names no value"),
        (GRADES_FILE, '    { grade = "B" },\n', "", "steps: the last one is for all points"),
        (GRADES_FILE, "most = 9", "most = 29", "most must not fall"),
        (GRADES_FILE, 'grade = "AA"', 'grade = "C"', "grade: no code C"),
        (GRADES_FILE, 'recovered = ["A"]', "", "recovered: names no grade"),
        (TAKING, "[rule.kinds.registration]", "[rule.kinds.registrations]", "no endorsement kind registrations"),
        (TAKING, 'first = "period_start"', 'first = "begin"', "continuing_education: no fact begin"),
        (TAKING, "most_a_day = 24", "most_a_day = 25", "most_a_day"),
        (TAKING, 'underlying_right = "task"', 'underlying_right = "revoke"', "underlying_right"),
        (DUE_FILE, 'values = ["1"]', 'values = ["yes"]', "annual_review: result: no code yes"),
        (DUE_FILE, "annual_review = ", "annual_reviews = ", "no endorsement kind annual_reviews"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_pack_is_refused_with_the_name_of_its_file(folder: Path, name: str, old: str, new: str, said: str | None) -> None:
    replaced(name, old, new)(folder)
    if said is None:
        assert read_catalogue(folder).packs
        return
    with pytest.raises(TemplateRejected) as refused:
        read_catalogue(folder)
    assert refused.value.detail.startswith(f"_rules/{name}:")
    assert said in refused.value.detail


def test_all_that_is_wrong_in_a_pack_is_named_at_once(folder: Path) -> None:
    for old, new in (("practitioner_qualification", "dancer_permit"), ('fact = "hours"', 'fact = "minutes"')):
        replaced(CE, old, new)(folder)

    with pytest.raises(TemplateRejected) as refused:
        read_catalogue(folder)
    assert "no type dancer_permit" in refused.value.detail
    assert "no fact minutes" in refused.value.detail


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (replaced(CE, "in_force_to = 2022-11-09", ""), None),  # another way: both are asked
        (
            replaced(AGE, "2026-03-19", "2026-03-20"),
            "_rules/age_ceiling_60.toml: age_ceiling for practitioner_qualification overlaps in time with _rules/age_ceiling_63.toml",
        ),
        (copied(DUE_FILE, "again.toml"), "_rules/again.toml: declared_due for * overlaps in time with _rules/declared_due_dates.toml"),
        (copied("taxi_training.toml", "again.toml"), "_rules/again.toml: recurring_hours for taxi_driver_certificate overlaps"),
        (copied(AGE, "Again.toml"), "_rules/Again.toml: a pack's name"),
    ],
)  # fmt: skip
def test_two_packs_of_one_way_never_hold_for_the_same_type_on_the_same_day(folder: Path, change: Change, said: str | None) -> None:
    change(folder)
    if said is None:
        assert len(read_catalogue(folder).packs) == 12
        return
    with pytest.raises(TemplateRejected) as refused:
        read_catalogue(folder)
    assert refused.value.detail.startswith(said)


def test_a_remark_changes_no_pack_and_a_figure_does(folder: Path, catalogue: Catalogue) -> None:
    digests = {pack.id: pack.digest for pack in catalogue.packs}
    path = folder / "_rules" / CE
    path.write_text("# a remark\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert {pack.id: pack.digest for pack in read_catalogue(folder).packs} == digests
    replaced(CE, "hours = 24", "hours = 23")(folder)
    changed = {pack.id: pack.digest for pack in read_catalogue(folder).packs}
    assert {name for name, digest in changed.items() if digest != digests[name]} == {OLD_CE}


def test_a_folder_without_packs_has_none(folder: Path) -> None:
    shutil.rmtree(folder / "_rules")
    assert read_catalogue(folder).packs == ()


@pytest.mark.rule("EN-11")
def test_kinds_about_vehicles_are_bound_to_the_vin_and_other_kinds_to_the_right(catalogue: Catalogue) -> None:
    assert {slug: kind.bound_to for slug, kind in catalogue.kinds.items() if kind.bound_to} == {"annual_review": "vin", "technical_grade": "vin"}
    takers = [slug for slug in catalogue.slugs if "annual_review" in catalogue.editions[slug][-1].endorsements]
    assert takers
    assert all("vin" in catalogue.editions[slug][-1].fields for slug in takers)


def test_a_bound_kind_may_be_taken_by_a_type_without_that_field(folder: Path) -> None:
    path = folder / DRIVER / "2026-01.toml"
    text, taken = path.read_text(encoding="utf-8"), 'endorsements = ["'
    path.write_text(text.replace(taken, f'{taken}annual_review", "', 1), encoding="utf-8")

    assert "annual_review" in read_catalogue(folder).editions[DRIVER][-1].endorsements
