"""Every day that a holder must know, and what moves it or takes it away."""

import shutil
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from licence_service.catalogue import read_catalogue
from licence_service.deadlines import Deadline, Subject, deadlines_of, next_look
from licence_service.endorsement import Endorsement
from licence_service.errors import TemplateRejected
from licence_service.licence import Act, Entry, Licence
from licence_service.rules import DUTIES, Conditions, RulePack, judge_conditions
from tests.builders import FIRST, LAST, a_face, a_licence, a_renewal, a_suspension, a_version, an_endorsement, an_entry
from tests.foreseen import DRIVER, VEHICLE
from tests.wallets import REAL, changed, templates

DAY = timedelta(days=1)


def told(licence: Licence, slug: str = DRIVER, packs: tuple[RulePack, ...] | None = None, **more: Any) -> list[Deadline]:
    """Return the deadlines of a licence under the packs of the repository."""
    catalogue, packs = templates(), packs if packs is not None else templates().packs
    template = catalogue.editions[slug][-1]
    said = judge_conditions(packs, slug, template.conditions_until, licence.current.face, catalogue.kinds, licence.endorsements, licence.valid_at)
    given = {"valid_to": licence.valid_to, **more}
    return list(deadlines_of(Subject(licence, slug, template, catalogue.kinds, packs, said, **given)))


def days(found: list[Deadline]) -> dict[str, date]:
    return {one.duty: one.day for one in found}


def with_pack(newer: RulePack) -> tuple[RulePack, ...]:
    return tuple(newer if one.id == newer.id else one for one in templates().packs)


def vehicle(*facts: Endorsement, on: date, until: str = "2027-05-31") -> Licence:
    version = a_version(valid_to=None, face={"review_valid_to": until, "vin": "L1", "uscc": "91519902MA99011003"})
    later = [an_entry(Act.ENDORSE, endorsements=(one,), effective_on=one.occurred_on) for one in facts]
    return a_licence(*later, on=on, issue=an_entry(version=version))


def review(day: date, due: date, result: str = "1") -> Endorsement:
    facts = {"date": day.isoformat(), "result": result, "next_due": due.isoformat()}
    return an_endorsement(
        endorsement_id=day.strftime("%Y%m%d").ljust(26, "a"), kind="annual_review", facts=facts, occurred_on=day, effective_from=day
    )


def test_a_driver_has_the_days_of_term_renewal_and_age_with_words_in_two_languages() -> None:
    found = told(a_licence(on=date(2032, 5, 1)))
    assert days(found) == {"renewal": LAST, "last_day": LAST, "lapse": LAST + 180 * DAY, "age": date(2048, 6, 12)}
    renewal = next(one for one in found if one.duty == "renewal")
    assert (renewal.tell_on, renewal.tell_until, renewal.pack) == (LAST - 30 * DAY, LAST, "reminders")
    assert renewal.do.zh == "请在2032年6月19日前申请换证"
    assert renewal.do.en == "Apply for renewal by 2032-06-19"
    assert (renewal.by.zh, renewal.by.en) == ("持证人", "the holder")
    assert [one.private for one in found if one.duty == "age"] == [True]


def test_the_last_day_and_the_day_after_it() -> None:
    assert days(told(a_licence(on=LAST))) == {"renewal": LAST, "last_day": LAST, "lapse": LAST + 180 * DAY, "age": date(2048, 6, 12)}
    after = told(a_licence(on=LAST + DAY))
    assert days(after) == {"lapse": LAST + 180 * DAY}
    assert after[0].tell_on == LAST + 90 * DAY
    assert days(told(a_licence(on=LAST + 180 * DAY))) == {"lapse": LAST + 180 * DAY}
    assert told(a_licence(on=LAST + 181 * DAY)) == []


def test_a_renewal_moves_the_days_also_one_that_is_entered_ahead() -> None:
    renewed = a_renewal(date(2032, 5, 20), date(2038, 6, 19))
    assert days(told(a_licence(renewed, on=date(2032, 6, 1))))["renewal"] == date(2038, 6, 19)
    assert days(told(a_licence(on=date(2032, 6, 1)), valid_to=date(2038, 6, 19)))["renewal"] == date(2038, 6, 19)


ENDINGS = (
    an_entry(Act.REVOKE, effective_on=date(2027, 1, 1)), an_entry(Act.WITHDRAW, effective_on=date(2027, 1, 1)),
    an_entry(Act.CANCEL, effective_on=date(2027, 1, 1), ground="request"), an_entry(Act.RECALL, effective_on=date(2027, 1, 1)),
)  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda one: one.act.value)
def test_an_ending_takes_all_days_away_and_one_ahead_cuts_them(ending: Entry) -> None:
    assert told(a_licence(ending, on=date(2027, 1, 1))) == []
    assert days(told(a_licence(ending, on=date(2026, 12, 31)))) == {"last_day": date(2026, 12, 31)}


def test_the_end_of_the_licence_above_is_the_last_day_and_there_is_nothing_to_renew() -> None:
    found = days(told(a_licence(on=date(2027, 1, 1)), above=date(2028, 3, 31)))
    assert found == {"last_day": date(2028, 3, 31), "age": date(2048, 6, 12)}


@pytest.mark.rule("LC-15")
def test_a_retired_type_is_renewed_until_the_day_before_and_no_longer() -> None:
    assert days(told(a_licence(on=date(2032, 6, 1)), retired_from=date(2032, 6, 10)))["renewal"] == date(2032, 6, 9)
    gone = days(told(a_licence(on=date(2032, 6, 10)), retired_from=date(2032, 6, 10)))
    assert gone.keys() == {"last_day", "age"}


@pytest.mark.rule("LC-03")
def test_a_hard_opening_is_a_day_of_its_own_and_nobody_is_reminded_before_it() -> None:
    packs = with_pack(changed("renewal_of_practitioners", opening_days=20, reminder_days=30))
    found = {one.duty: one for one in told(a_licence(on=date(2032, 5, 1)), packs=packs)}
    assert (found["renewal_opens"].day, found["renewal_opens"].tell_on) == (LAST - 20 * DAY, LAST - 27 * DAY)
    assert found["renewal"].tell_on == LAST - 20 * DAY


def test_a_reminder_that_comes_earlier_is_no_other_deadline_and_a_day_that_moves_is() -> None:
    licence = a_licence(on=date(2032, 6, 1))
    before = {one.duty: one.identity for one in told(licence)}
    after = {one.duty: one for one in told(licence, packs=with_pack(changed("renewal_of_practitioners", reminder_days=60, lapse_days=120)))}
    assert after["renewal"].identity == before["renewal"]
    assert after["renewal"].tell_on == LAST - 60 * DAY
    assert after["lapse"].identity != before["lapse"]
    assert after["lapse"].day == LAST + 120 * DAY


def test_a_review_moves_the_day_that_the_face_prints_and_one_that_failed_is_unmet_at_once() -> None:
    due = date(2027, 5, 31)
    assert [(one.duty, one.about, one.day) for one in told(vehicle(on=due), VEHICLE)] == [("condition", "review_valid_to", due)]
    late = told(vehicle(on=due + DAY), VEHICLE)
    assert [(one.duty, one.day, one.told_on(due + DAY), one.tell_until) for one in late] == [("unmet", due, True, date.max)]
    done = told(vehicle(review(date(2027, 5, 1), date(2028, 5, 31)), on=date(2027, 5, 1)), VEHICLE)
    assert [(one.duty, one.about, one.day) for one in done] == [("condition", "annual_review", date(2028, 5, 31))]
    assert done[0].do.zh == "请在2028年5月31日前将车辆送检，办理年度审验"
    failed = told(vehicle(review(date(2027, 5, 1), date(2028, 5, 31), "2"), on=date(2027, 5, 1)), VEHICLE)
    assert [(one.duty, one.day, one.told_on(date(2027, 5, 1))) for one in failed] == [("unmet", date(2027, 5, 1), True)]


def test_others_than_the_holder_are_told_of_no_age_and_of_no_result() -> None:
    driver = told(a_licence(on=date(2032, 5, 1)))
    assert {one.duty for one in driver if one.for_others} == {"renewal", "last_day", "lapse"}
    due = date(2027, 5, 31)
    for result, day, duty, for_others in (("1", due, "condition", True), ("1", due + DAY, "unmet", True), ("2", due, "unmet", False)):
        found = [one for one in told(vehicle(review(date(2026, 6, 1), due, result), on=day), VEHICLE) if one.duty in {"condition", "unmet"}]
        assert [(one.duty, one.for_others) for one in found] == [(duty, for_others)], (result, day)


def test_a_suspension_ends_on_its_last_day_where_the_term_does_not_end_first() -> None:
    on, last = date(2027, 1, 5), date(2027, 3, 1)
    assert days(told(a_licence(a_suspension(on, last), on=on)))["suspension"] == last
    assert "suspension" not in days(told(a_licence(a_suspension(on, None), on=on)))
    assert "suspension" not in days(told(a_licence(a_suspension(on, last), on=last + DAY)))
    assert "suspension" not in days(told(a_licence(a_suspension(LAST - DAY, LAST), on=LAST)))


@pytest.mark.rule("LC-08")
def test_a_transfer_is_open_until_its_last_day_or_until_it_is_answered() -> None:
    on, until = date(2027, 1, 5), date(2027, 2, 4)
    offered = an_entry(Act.TRANSFER, effective_on=on, until=until, to_department="11519901MB9900022L")
    answered = an_entry(Act.REJECT_TRANSFER, effective_on=on + DAY, target=2)
    assert days(told(a_licence(offered, on=until)))["transfer"] == until
    assert "transfer" not in days(told(a_licence(offered, on=until + DAY)))
    assert "transfer" in days(told(a_licence(offered, answered, on=on)))
    assert "transfer" not in days(told(a_licence(offered, answered, on=on + DAY)))


def test_without_a_pack_in_force_days_are_listed_and_nobody_is_told() -> None:
    packs = tuple(one for one in templates().packs if one.id != "reminders")
    found = told(a_licence(on=date(2032, 6, 1)), packs=packs)
    assert days(found).keys() == {"renewal", "last_day", "lapse", "age"}
    assert {(one.tell_on, one.do.zh, one.pack) for one in found} == {(None, "", "")}
    assert all(one.title.zh and one.title.en for one in found)


def test_what_was_erased_from_a_face_is_no_deadline() -> None:
    licence = a_licence(on=date(2032, 6, 1))
    erased = replace(licence, current=replace(licence.current, face={}))
    assert "age" not in days(told(erased))
    assert "age" not in days(told(a_licence(on=date(2032, 6, 1), issue=an_entry(version=a_version(face=a_face(birth_date="?"))))))


def test_the_next_look_is_at_the_next_day_that_is_told_of_or_may_change_something() -> None:
    found = told(a_licence(on=date(2031, 1, 1)))
    assert next_look(found, date.max, date(2031, 1, 1)) == LAST - 30 * DAY
    assert next_look(found, date(2031, 2, 1), date(2031, 1, 1)) == date(2031, 2, 2)
    assert next_look([], date.max, date(2031, 1, 1)) == date.max
    age = [one for one in found if one.private]
    assert next_look(age, date.max, FIRST) == date(2048, 3, 1)  # not the day from which the birthday follows
    assert next_look(age, date.max, date(2048, 3, 5)) == date(2048, 3, 6)


def test_every_duty_has_words_and_the_pack_of_the_repository_says_each() -> None:
    pack = next(one for one in templates().packs if one.id == "reminders")
    assert {one.duty for one in pack.rule.say} == set(DUTIES)  # type: ignore[union-attr]


BAD = {
    "of a kind that there is not": ('about = ["annual_review", "technical_grade"]', 'about = ["nothing_at_all"]', "no kind or field nothing_at_all"),
    "with a place that nothing fills": ("请在{day}前申请换证", "请在{when}前申请换证", "only {day} and {about} are filled in"),
    "that an earlier one hides": ('duty = "lapse"', 'duty = "renewal"', "an earlier one says it already"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_pack_is_refused_with_a_saying(case: str, tmp_path: Any) -> None:
    before, after, said = BAD[case]
    folder = tmp_path / "templates"
    shutil.copytree(REAL, folder)
    pack = folder / "_rules" / "reminders.toml"
    text = pack.read_text("utf-8")
    assert before in text
    pack.write_text(text.replace(before, after), "utf-8")
    with pytest.raises(TemplateRejected, match=said.replace("{", r"\{").replace("}", r"\}")):
        read_catalogue(folder)


def test_conditions_that_cannot_be_judged_are_no_deadlines() -> None:
    licence = vehicle(on=date(2027, 1, 1))
    catalogue = templates()
    subject = Subject(licence, VEHICLE, catalogue.editions[VEHICLE][-1], catalogue.kinds, (), Conditions((), ()), None)
    assert deadlines_of(subject) == ()
