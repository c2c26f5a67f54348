"""The fold against a slow second reading of docs/lifecycle.md: on random histories, and on one example for each sentence that has an edge."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licence_service.fold import fold, under
from licence_service.licence import Act, Entry, VersionReason
from tests.builders import a_decision, a_renewal, a_suspension, a_version, an_endorsement, an_entry, entered
from tests.histories import Question, families, histories, how_many, questions
from tests.reference import Reading, as_reading, read

DAY = timedelta(days=1)


# -- on random histories -------------------------------------------------------------------------------


@pytest.mark.timeout(1800)
@pytest.mark.rule("LC-01", "LC-02", "LC-05", "LC-10", "LC-19", "LC-20")
@settings(max_examples=how_many(200, 10_000))
@given(data=st.data(), history=histories())
def test_the_fold_says_what_a_slow_reading_of_the_page_says(data: st.DataObject, history: tuple[Entry, ...]) -> None:
    for question in data.draw(st.lists(questions(history), min_size=3, max_size=5)):
        assert as_reading(fold(history, question.valid_at, question.known_at)) == read(history, question.valid_at, question.known_at), question


@pytest.mark.timeout(1800)
@pytest.mark.rule("LC-13")
@settings(max_examples=how_many(200, 10_000))
@given(data=st.data(), family=families())
def test_a_child_is_what_a_slow_reading_makes_of_it_and_its_parent(
    data: st.DataObject, family: tuple[tuple[Entry, ...], tuple[Entry, ...], str]
) -> None:
    child, parent, effect = family
    for question in data.draw(st.lists(questions(child, parent), min_size=2, max_size=3)):
        assert _under(child, parent, effect, question) == read(child, question.valid_at, question.known_at, parent, effect), question


def _under(child: Sequence[Entry], parent: Sequence[Entry], effect: str, at: Question) -> Reading | None:
    licence = fold(child, at.valid_at, at.known_at)
    return as_reading(under(licence, fold(parent, at.valid_at, at.known_at), effect)) if licence else None


@pytest.mark.rule("LC-01", "EN-09")
@given(data=st.data(), history=histories(), count=st.integers(1, 10))
def test_what_is_entered_later_changes_no_answer_that_was_known_before(data: st.DataObject, history: tuple[Entry, ...], count: int) -> None:
    question = data.draw(questions(history))
    earlier = history[:count]
    last = earlier[-1].recorded_at
    assert last
    known_at = min(question.known_at, last) if question.known_at else last

    assert fold(history, question.valid_at, known_at) == fold(earlier, question.valid_at, known_at)
    assert fold(history, question.valid_at, last) == fold(earlier, question.valid_at)


@pytest.mark.rule("LC-09")
@given(data=st.data(), history=histories())
def test_exactly_one_version_is_current_and_it_is_not_voided(data: st.DataObject, history: tuple[Entry, ...]) -> None:
    question = data.draw(questions(history))
    licence = fold(history, question.valid_at, question.known_at)
    if licence is None:
        return
    states = [licence.version_state(version) for version in licence.versions]

    assert states.count("current") == 1
    assert licence.version_state(licence.current) == "current"


@given(data=st.data(), history=histories())
def test_what_was_only_recorded_might_as_well_be_missing(data: st.DataObject, history: tuple[Entry, ...]) -> None:
    question = data.draw(questions(history))
    counted = [entry for entry in history if not entry.recorded_only]

    whole, rest = (as_reading(fold(book, question.valid_at, question.known_at)) for book in (history, counted))
    assert whole == rest


# -- one example for each sentence: both readings, and the answer typed in --------------------------------

GRANTED, STARTS, LAST = date(2028, 2, 20), date(2028, 2, 25), date(2028, 3, 10)
D = date(2028, 3, 1)
ONE = "1" * 26
TWO = "2" * 26


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


def issued() -> Entry:
    version = a_version(valid_from=STARTS, valid_to=LAST)
    return an_entry(version=version, effective_on=STARTS, decision=a_decision(decided_on=GRANTED), recorded_at=noon(GRANTED))


def history(*later: Entry, first: Entry | None = None) -> tuple[Entry, ...]:
    """The first entry and what came later, each recorded a day after the one before unless it says when."""
    begun = first or issued()
    assert begun.recorded_at
    start = begun.recorded_at
    return entered(begun, *(replace(one, recorded_at=one.recorded_at or start + (place + 1) * DAY) for place, one in enumerate(later)))


def asked(book: Sequence[Entry], day: date, known_at: datetime | None = None) -> Reading:
    """Ask both readings; they must agree."""
    answer = as_reading(fold(book, day, known_at))
    assert answer is not None
    assert answer == read(book, day, known_at)
    return answer


def states(book: Sequence[Entry], *days: date) -> list[str]:
    return [asked(book, day).state for day in days]


def test_before_the_grant_there_is_nothing_and_from_its_day_on_something() -> None:
    assert fold(history(), GRANTED - DAY) is None
    assert read(history(), GRANTED - DAY) is None
    assert states(history(), GRANTED, STARTS - DAY, STARTS) == ["pending_effect", "pending_effect", "in_force"]


def test_an_adopted_licence_begins_with_its_first_valid_day() -> None:
    adopted = history(first=replace(issued(), act=Act.ADOPT, decision=a_decision(decided_on=D)))

    assert fold(adopted, STARTS - DAY) is None
    assert asked(adopted, STARTS).state == "in_force"


@pytest.mark.rule("LC-02")
def test_a_leap_day_printed_as_last_is_valid_whole() -> None:
    leap = history(first=replace(issued(), version=a_version(valid_from=STARTS, valid_to=date(2028, 2, 29))))

    assert states(leap, date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1)) == ["in_force", "in_force", "expired"]


@pytest.mark.rule("LC-02", "LC-09")
@pytest.mark.parametrize(("microseconds", "day"), [(-1, D), (0, D + DAY)])
def test_a_document_is_current_from_the_beijing_day_on_which_it_was_entered(microseconds: int, day: date) -> None:
    midnight = datetime(2028, 3, 1, 16, tzinfo=UTC) + timedelta(microseconds=microseconds)
    change = an_entry(Act.CHANGE, effective_on=STARTS, version=a_version(2, valid_from=STARTS, valid_to=LAST), recorded_at=midnight)

    assert asked(history(change), day - DAY).current == 1
    assert asked(history(change), day).current == 2
    assert asked(history(change), day, midnight - timedelta(microseconds=1)).current == 1


@pytest.mark.rule("LC-05")
def test_a_licence_whose_term_ends_while_it_is_suspended_expires_and_the_suspension_stays_visible() -> None:
    book = history(a_suspension(D, LAST + 5 * DAY))

    assert states(book, LAST, LAST + DAY) == ["suspended", "expired"]
    assert asked(book, LAST + DAY).suspended_until == LAST + 5 * DAY
    assert asked(book, LAST + DAY).valid_to == LAST


@pytest.mark.rule("LC-19")
def test_a_licence_is_suspended_until_the_last_suspension_has_lapsed_or_was_lifted() -> None:
    lift = an_entry(Act.LIFT, effective_on=D + 6 * DAY, target=3)
    book = history(a_suspension(D, D + 2 * DAY), a_suspension(D + DAY, None), lift)

    assert states(book, D - DAY, D, D + 3 * DAY, D + 5 * DAY, D + 6 * DAY) == ["in_force", "suspended", "suspended", "suspended", "in_force"]
    assert asked(book, D).suspended_until == D + 2 * DAY
    assert asked(book, D + DAY).suspended_until is None


@pytest.mark.rule("LC-10")
def test_withdrawn_beats_everything_from_the_day_to_which_it_reaches_back_once_it_is_known() -> None:
    endings = [an_entry(act, effective_on=D) for act in (Act.RECALL, Act.REVOKE, Act.CANCEL, Act.WITHDRAW)]
    seen = [asked(history(*endings[:count]), D).state for count in range(1, 5)]
    reaching_back = history(an_entry(Act.REVOKE, effective_on=D), an_entry(Act.WITHDRAW, effective_on=GRANTED, recorded_at=noon(D + 9 * DAY)))

    assert seen == ["recalled", "revoked", "cancelled", "withdrawn"]
    assert states(reaching_back, GRANTED, STARTS, D) == ["withdrawn"] * 3
    assert asked(reaching_back, STARTS, noon(D + 8 * DAY)).state == "in_force"
    assert asked(reaching_back, STARTS).ended_on == GRANTED


@pytest.mark.rule("LC-11")
def test_a_cancellation_counts_from_the_day_on_which_the_right_ended_and_states_its_ground() -> None:
    death = an_entry(Act.CANCEL, effective_on=D + 5 * DAY, right_ended_on=D, ground="death", recorded_at=noon(D + 5 * DAY))
    book = history(an_entry(Act.REVOKE, effective_on=D + 2 * DAY), death)

    assert states(book, D - DAY, D, D + 5 * DAY) == ["in_force", "cancelled", "cancelled"]
    assert (asked(book, D).ground, asked(book, D).ended_on, asked(book, D - DAY).ground) == ("death", D, None)
    assert asked(book, D + 3 * DAY, noon(D + 4 * DAY)).state == "revoked"
    assert asked(book, D + 3 * DAY, noon(D + 4 * DAY)).ground is None


@pytest.mark.rule("LC-14")
def test_a_reinstatement_looks_forward_and_the_gap_stays() -> None:
    over = an_entry(Act.CANCEL, effective_on=D, ground="age")
    back = an_entry(Act.REINSTATE, effective_on=D + 4 * DAY, target=2, recorded_at=noon(D + 3 * DAY))
    book = history(over, back)

    assert states(book, D - DAY, D, D + 3 * DAY, D + 4 * DAY) == ["in_force", "cancelled", "cancelled", "in_force"]
    assert asked(book, D + 4 * DAY).ended_on is None
    assert asked(book, D + 4 * DAY, noon(D)).state == "cancelled"


@pytest.mark.rule("LC-14")
def test_a_reinstatement_gives_no_time_back_unless_it_names_a_new_end() -> None:
    over = an_entry(Act.CANCEL, effective_on=D, ground="age")
    longer = a_version(2, reason=VersionReason.REINSTATEMENT, valid_from=STARTS, valid_to=LAST + 9 * DAY)
    back = an_entry(Act.REINSTATE, effective_on=D + 4 * DAY, target=2)

    assert states(history(over, back), LAST, LAST + DAY) == ["in_force", "expired"]
    assert states(history(over, replace(back, version=longer)), D, LAST + DAY, LAST + 10 * DAY) == ["cancelled", "in_force", "expired"]


@pytest.mark.rule("LC-10", "LC-14")
def test_an_ending_entered_after_the_reinstatement_counts_even_where_it_lies_earlier() -> None:
    over = an_entry(Act.CANCEL, effective_on=D, ground="age")
    back = an_entry(Act.REINSTATE, effective_on=D + 4 * DAY, target=2)
    late = an_entry(Act.REVOKE, effective_on=D - DAY)

    assert states(history(over, back, late), D - DAY, D + 4 * DAY) == ["revoked", "revoked"]


@pytest.mark.rule("LC-10")
def test_a_reinstatement_ends_a_withdrawal_and_never_a_recall() -> None:
    back = an_entry(Act.REINSTATE, effective_on=D + DAY, target=2)

    assert states(history(an_entry(Act.WITHDRAW, effective_on=STARTS), back), D, D + DAY) == ["withdrawn", "in_force"]
    assert states(history(an_entry(Act.RECALL, effective_on=STARTS), back), D, D + DAY) == ["recalled", "recalled"]
    under_a_cancellation = history(an_entry(Act.RECALL, effective_on=STARTS), an_entry(Act.CANCEL, effective_on=D, ground="recalled"), back)
    assert states(under_a_cancellation, D, D + DAY) == ["cancelled", "recalled"]


@pytest.mark.rule("LC-20")
def test_a_decision_acts_through_a_lawsuit_unless_it_is_stayed_and_again_after_the_stay() -> None:
    stay = an_entry(Act.STAY, effective_on=D + DAY, until=D + 2 * DAY, target=2)
    open_stay = an_entry(Act.STAY, effective_on=D + DAY, target=2)
    end = an_entry(Act.END_STAY, effective_on=D + 3 * DAY, target=3)
    revoked = an_entry(Act.REVOKE, effective_on=D)
    days = [D + number * DAY for number in range(4)]

    assert states(history(revoked), *days) == ["revoked"] * 4
    assert states(history(revoked, stay), *days) == ["revoked", "in_force", "in_force", "revoked"]
    assert states(history(revoked, open_stay), *days) == ["revoked", "in_force", "in_force", "in_force"]
    assert states(history(revoked, open_stay, end), *days) == ["revoked", "in_force", "in_force", "revoked"]


@pytest.mark.rule("LC-20")
def test_a_stay_does_not_lengthen_the_suspension() -> None:
    stay = an_entry(Act.STAY, effective_on=D, until=D + 2 * DAY, target=2)
    book = history(a_suspension(D, D + 3 * DAY), stay)

    assert states(book, D + 2 * DAY, D + 3 * DAY, D + 4 * DAY) == ["in_force", "suspended", "in_force"]
    assert asked(book, D + 3 * DAY).suspended_until == D + 3 * DAY


@pytest.mark.rule("LC-20")
def test_a_reversed_decision_is_undone_with_the_reach_of_the_reversal_and_stays_in_the_book() -> None:
    revoked = an_entry(Act.REVOKE, effective_on=D)
    wholly = history(revoked, an_entry(Act.REVERSE, effective_on=D, target=2, recorded_at=noon(D + 5 * DAY)))
    partly = history(revoked, an_entry(Act.REVERSE, effective_on=D + 2 * DAY, target=2))

    assert states(wholly, D, D + 6 * DAY) == ["in_force", "in_force"]
    assert asked(wholly, D + 6 * DAY).ended_on is None
    assert asked(wholly, D, noon(D + 4 * DAY)).state == "revoked"
    assert states(partly, D, D + DAY, D + 2 * DAY) == ["revoked", "revoked", "in_force"]
    assert [entry.act for entry in wholly] == [Act.ISSUE, Act.REVOKE, Act.REVERSE]


@pytest.mark.rule("LC-07", "LC-09")
def test_a_voided_document_gives_way_to_the_one_before_from_the_day_it_was_voided() -> None:
    second = an_entry(Act.RESEAL, version=a_version(2, valid_from=STARTS, valid_to=LAST), recorded_at=noon(D))
    void = an_entry(Act.VOID, voided=2, recorded_at=noon(D + 2 * DAY))
    book = history(second, void)

    assert [asked(book, day).current for day in (D - DAY, D, D + DAY, D + 2 * DAY)] == [1, 2, 2, 1]
    assert asked(book, D + DAY).voided == frozenset()
    assert asked(book, D + 2 * DAY).voided == {2}
    replaced = history(second, replace(void, version=a_version(3, valid_from=STARTS, valid_to=LAST)))
    assert asked(replaced, D + 2 * DAY).current == 3


def test_a_correction_of_the_term_holds_from_its_legal_day_once_it_is_known() -> None:
    corrected = a_version(2, reason=VersionReason.CORRECTION, valid_from=STARTS, valid_to=D)
    book = history(an_entry(Act.CORRECT, effective_on=STARTS, version=corrected, recorded_at=noon(D + 9 * DAY)))

    assert states(book, D, D + DAY) == ["in_force", "expired"]
    assert asked(book, D + DAY, noon(D + 8 * DAY)).state == "in_force"


def test_a_correction_of_the_first_day_alone_is_a_term_of_its_own() -> None:
    corrected = a_version(2, reason=VersionReason.CORRECTION, valid_from=D, valid_to=LAST)
    book = history(an_entry(Act.CORRECT, effective_on=STARTS, version=corrected))

    assert states(book, STARTS, D - DAY, D) == ["pending_effect", "pending_effect", "in_force"]
    assert asked(book, D).valid_from == D


def test_a_document_that_repeats_the_term_does_not_hide_a_renewal_that_lies_ahead() -> None:
    renewal = a_renewal(LAST + DAY, LAST + 30 * DAY)
    assert renewal.version
    copy = an_entry(Act.REPLACE, effective_on=D, version=replace(renewal.version, version=3, copy_no=2))
    book = history(renewal, copy)

    assert states(book, D, LAST, LAST + DAY) == ["in_force"] * 3
    assert [asked(book, day).valid_to for day in (LAST, LAST + DAY)] == [LAST, LAST + 30 * DAY]


@pytest.mark.rule("LC-12")
def test_a_loss_is_a_flag_that_only_finding_or_replacing_clears_and_never_a_state() -> None:
    lost = an_entry(Act.REPORT_LOST, effective_on=D)
    found = an_entry(Act.REPORT_FOUND, effective_on=D + 2 * DAY)
    copy = an_entry(Act.REPLACE, effective_on=D + 2 * DAY, version=a_version(2, copy_no=2, valid_from=STARTS, valid_to=LAST))
    renewal = a_renewal(D + 2 * DAY, LAST)

    for clearing in (found, copy):
        flags = [asked(history(lost, clearing), day).flags for day in (D - DAY, D, D + DAY, D + 2 * DAY)]
        assert flags == [frozenset(), {"loss_reported"}, {"loss_reported"}, frozenset()]
    assert asked(history(lost, renewal), D + 2 * DAY).flags == {"loss_reported"}
    assert asked(history(lost), D).state == "in_force"


@pytest.mark.rule("LC-08", "LC-16")
def test_a_transfer_leaves_the_issuer_until_the_other_accepts_and_falls_back_by_itself() -> None:
    released = an_entry(Act.TRANSFER, effective_on=D, until=D + 3 * DAY, to_department="B")
    accepted = an_entry(Act.ACCEPT_TRANSFER, effective_on=D + 2 * DAY, target=2, department="B")
    rejected = an_entry(Act.REJECT_TRANSFER, effective_on=D + 2 * DAY, target=2)

    def told(*later: Entry) -> list[tuple[str | None, bool, str]]:
        answers = [asked(history(released, *later), D + number * DAY) for number in (-1, 0, 1, 2, 3, 4)]
        return [(answer.issuer, "transfer_pending" in answer.flags, answer.state) for answer in answers]

    no, pending, taken = (None, False, "in_force"), (None, True, "in_force"), ("B", False, "in_force")
    assert told() == [no, pending, pending, pending, pending, no]
    assert told(accepted) == [no, pending, pending, taken, taken, taken]
    assert told(rejected) == [no, pending, pending, no, no, no]


@pytest.mark.rule("LC-08", "LC-16")
def test_the_last_to_accept_is_the_issuer_of_record() -> None:
    first, second = (an_entry(Act.ACCEPT_TRANSFER, effective_on=D, target=2, department=name) for name in "BC")

    assert asked(history(first, second), D).issuer == "C"


# -- endorsements --------------------------------------------------------------------------------------


def a_fact(name: str = ONE, **changes: object) -> Entry:
    accepter = changes.pop("accepter", "A")
    act = Act.ENDORSE if accepter else Act.ASSERT
    return an_entry(
        act, effective_on=D, endorsements=(an_endorsement(**{"endorsement_id": name, "effective_from": D, "accepter": accepter} | changes),)
    )


@pytest.mark.rule("EN-03")
def test_an_assertion_stands_only_once_it_is_accepted() -> None:
    asserted, accepted = a_fact(accepter=None), a_fact()
    refused = an_entry(Act.REFUSE_ENDORSEMENT, refused=ONE)

    assert asked(history(asserted), D).endorsements == {(ONE, "asserted")}
    assert asked(history(asserted), D).standing == frozenset()
    assert asked(history(asserted, accepted), D).standing == {ONE}
    assert asked(history(asserted, refused), D).endorsements == {(ONE, "refused")}
    assert asked(history(asserted, refused, accepted), D).standing == frozenset()


@pytest.mark.rule("EN-06")
def test_a_correction_takes_the_place_of_the_corrected_on_every_day_and_withdrawing_it_revives_nothing() -> None:
    book = history(a_fact(), a_fact(TWO, corrects=ONE, effective_from=D + 2 * DAY))
    gone = an_entry(Act.WITHDRAW_ENDORSEMENT, effective_on=D + 3 * DAY, withdrawn=TWO)

    assert [asked(book, day).standing for day in (D, D + 2 * DAY)] == [frozenset(), {TWO}]
    assert asked((*book, replace(entered(*book, gone)[-1], recorded_at=noon(D + 3 * DAY))), D + 3 * DAY).endorsements == {
        (ONE, "corrected"),
        (TWO, "withdrawn"),
    }


@pytest.mark.rule("EN-03", "EN-07")
def test_what_is_only_asserted_corrects_nothing() -> None:
    assert asked(history(a_fact(), a_fact(TWO, corrects=ONE, accepter=None)), D).standing == {ONE}


@pytest.mark.rule("EN-09")
def test_a_late_fact_changes_past_answers_only_for_who_knows_it() -> None:
    book = history(replace(a_fact(effective_from=STARTS), recorded_at=noon(D + 9 * DAY)))

    assert asked(book, STARTS).standing == {ONE}
    assert asked(book, STARTS, noon(D + 9 * DAY)).standing == {ONE}
    assert asked(book, STARTS, noon(D + 9 * DAY) - timedelta(microseconds=1)).standing == frozenset()


@pytest.mark.rule("EN-11")
def test_endorsements_follow_the_right_through_renewal_replacement_and_transfer() -> None:
    renewal = a_renewal(D, LAST + 30 * DAY)
    copy = an_entry(Act.REPLACE, effective_on=D, version=a_version(3, copy_no=2))
    taken = an_entry(Act.ACCEPT_TRANSFER, effective_on=D, version=a_version(4), department="B", target=2)

    assert asked(history(a_fact(), renewal, copy, taken), D + DAY).standing == {ONE}


# -- parent and child ----------------------------------------------------------------------------------


def family(effect: str, *acts: Entry, child: Sequence[Entry] = ()) -> list[Reading]:
    """The child on the days around D."""
    return [_both(history(*child), history(*acts), effect, D + number * DAY) for number in (-1, 0, 1, 2)]


def _both(child: Sequence[Entry], parent: Sequence[Entry], effect: str, day: date) -> Reading:
    answer = _under(child, parent, effect, Question(day, None))
    assert answer is not None
    assert answer == read(child, day, None, parent, effect)
    return answer


@pytest.mark.rule("LC-13")
@pytest.mark.parametrize("act", [Act.REVOKE, Act.RECALL, Act.CANCEL, Act.WITHDRAW])
def test_a_parents_end_ends_the_child_on_the_same_day_or_flags_it(act: Act) -> None:
    ending = an_entry(act, effective_on=D)
    ended = family("ends", ending)
    flagged = family("flags", ending)

    assert [one.state for one in ended] == ["in_force", "cancelled", "cancelled", "cancelled"]
    assert {(one.ground, one.ended_on) for one in ended[1:]} == {("parent_ended", D)}
    assert [one.state for one in flagged] == ["in_force"] * 4
    assert [one.flags for one in flagged] == [frozenset(), *[frozenset({"parent_ended"})] * 3]


@pytest.mark.rule("LC-13")
def test_a_child_revives_with_its_parent() -> None:
    back = an_entry(Act.REINSTATE, effective_on=D + DAY, target=2)

    assert [one.state for one in family("ends", an_entry(Act.REVOKE, effective_on=D), back)] == ["in_force", "cancelled", "in_force", "in_force"]


@pytest.mark.rule("LC-13")
def test_a_suspended_parent_only_flags_its_child_and_an_expired_one_makes_it_expired() -> None:
    suspended = family("ends", a_suspension(D, D))
    expired = family("ends", an_entry(Act.CORRECT, effective_on=STARTS, version=a_version(2, valid_from=STARTS, valid_to=D)))

    assert [one.state for one in suspended] == ["in_force"] * 4
    assert [one.flags for one in suspended] == [frozenset(), {"parent_suspended"}, frozenset(), frozenset()]
    assert [one.state for one in expired] == ["in_force", "in_force", "expired", "expired"]


@pytest.mark.rule("LC-13")
@pytest.mark.parametrize(
    ("act", "state"), [(Act.REVOKE, "revoked"), (Act.RECALL, "recalled"), (Act.CANCEL, "cancelled"), (Act.WITHDRAW, "withdrawn")]
)
def test_an_expired_parent_does_not_hide_the_act_that_ended_the_child(act: Act, state: str) -> None:
    expiring = an_entry(Act.CORRECT, effective_on=STARTS, version=a_version(2, valid_from=STARTS, valid_to=D))
    answers = family("ends", expiring, child=[an_entry(act, effective_on=D)])

    assert [one.state for one in answers] == ["in_force", state, state, state]


@pytest.mark.rule("LC-13", "LC-11")
def test_the_childs_own_cancellation_later_does_not_move_the_day_of_its_end() -> None:
    own = an_entry(Act.CANCEL, effective_on=D + 2 * DAY, ground="request")
    answers = family("ends", an_entry(Act.REVOKE, effective_on=D), child=[own])

    assert [one.state for one in answers] == ["in_force", "cancelled", "cancelled", "cancelled"]
    assert [one.ended_on for one in answers] == [D + 2 * DAY, D, D, D]
    assert [one.ground for one in answers] == [None, "parent_ended", "parent_ended", "request"]


@pytest.mark.rule("LC-13")
def test_a_late_fact_of_the_parent_shows_on_the_child_only_for_who_knows_it() -> None:
    parent = history(an_entry(Act.REVOKE, effective_on=D, recorded_at=noon(D + 9 * DAY)))

    for known_at, state in ((noon(D + 9 * DAY), "cancelled"), (noon(D + 8 * DAY), "in_force")):
        answer = _under(history(), parent, "ends", Question(D, known_at))
        assert answer == read(history(), D, known_at, parent, "ends")
        assert answer
        assert answer.state == state
