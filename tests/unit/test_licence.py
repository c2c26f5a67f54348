"""The fold by example: what a licence is on a day, as far as it was known at an instant (DOMAIN LC-01 to LC-19)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from licence_service.fold import fold, standing_endorsements
from licence_service.licence import Act, LicenceState, VersionReason, beijing_day
from tests.builders import (
    FIRST,
    ISSUED_AT,
    LAST,
    LICENCE_ID,
    a_decision,
    a_licence,
    a_renewal,
    a_suspension,
    a_version,
    an_endorsement,
    an_entry,
    entered,
)  # fmt: skip

DAY = timedelta(days=1)
S = LicenceState
DECIDED_EARLIER = an_entry(decision=a_decision(decided_on=FIRST - 10 * DAY))


@pytest.mark.rule("LC-02")
@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 6, 19, 15, 59, 59, 999999, tzinfo=UTC), date(2026, 6, 19)),
        (datetime(2026, 6, 19, 16, 0, tzinfo=UTC), date(2026, 6, 20)),
        (datetime(2026, 6, 20, 15, 59, 59, tzinfo=UTC), date(2026, 6, 20)),
        (datetime(1988, 7, 1, 15, 30, tzinfo=UTC), date(1988, 7, 1)),  # no summer time here
    ],
)
def test_a_day_begins_at_midnight_in_beijing(instant: datetime, day: date) -> None:
    assert beijing_day(instant) == day


def test_nothing_is_known_of_nothing() -> None:
    assert fold((), FIRST) is None


def test_an_issued_licence_is_what_its_entry_says() -> None:
    licence = a_licence()

    assert licence.licence_id == LICENCE_ID
    assert licence.state is S.IN_FORCE
    assert licence.valid_at == date(2026, 7, 1)
    assert (licence.valid_from, licence.valid_to) == (FIRST, LAST)
    assert (licence.current.version, licence.head) == (1, 1)
    assert (licence.ended_on, licence.suspended_until, licence.endorsements) == (None, None, ())


@pytest.mark.rule("LC-02")
@pytest.mark.parametrize(
    ("day", "state"),
    [
        (FIRST - 10 * DAY, S.PENDING_EFFECT),
        (FIRST - DAY, S.PENDING_EFFECT),
        (FIRST, S.IN_FORCE),
        (LAST, S.IN_FORCE),
        (LAST + DAY, S.EXPIRED),
        (date(2199, 1, 1), S.EXPIRED),
    ],
)
def test_the_first_and_the_last_day_count_whole(day: date, state: LicenceState) -> None:
    assert a_licence(on=day, issue=DECIDED_EARLIER).state is state


def test_before_the_day_on_which_it_was_granted_there_is_no_licence() -> None:
    assert fold(entered(DECIDED_EARLIER), FIRST - 11 * DAY) is None
    assert fold(entered(DECIDED_EARLIER), FIRST - 10 * DAY) is not None


def test_a_licence_without_an_end_never_expires() -> None:
    licence = a_licence(issue=an_entry(version=a_version(valid_to=None)), on=date(2199, 1, 1))

    assert licence.state is S.IN_FORCE
    assert licence.valid_to is None


# -- two clocks ----------------------------------------------------------------------------------------


@pytest.mark.rule("LC-01")
def test_an_entry_counts_from_the_instant_it_was_recorded() -> None:
    revocation = an_entry(Act.REVOKE, effective_on=date(2026, 6, 25), recorded_at=ISSUED_AT + timedelta(days=30))
    day = date(2026, 6, 28)

    assert a_licence(revocation, on=day).state is S.REVOKED
    assert a_licence(revocation, on=day, known_at=ISSUED_AT + timedelta(days=30)).state is S.REVOKED
    assert a_licence(revocation, on=day, known_at=ISSUED_AT + timedelta(days=30, microseconds=-1)).state is S.IN_FORCE


def test_before_the_first_entry_nothing_was_known() -> None:
    assert fold(entered(an_entry()), FIRST, ISSUED_AT - timedelta(microseconds=1)) is None
    assert fold(entered(an_entry()), FIRST, ISSUED_AT) is not None


def test_an_entry_not_yet_recorded_is_known_only_without_a_known_instant() -> None:
    assert fold((an_entry(),), FIRST) is not None
    assert fold((an_entry(),), FIRST, ISSUED_AT) is None


def test_what_is_not_yet_effective_does_not_count_yet() -> None:
    revocation = an_entry(Act.REVOKE, effective_on=date(2027, 1, 1))

    assert a_licence(revocation, on=date(2026, 12, 31)).state is S.IN_FORCE
    assert a_licence(revocation, on=date(2027, 1, 1)).state is S.REVOKED


# -- versions ------------------------------------------------------------------------------------------


@pytest.mark.rule("LC-09")
def test_the_newest_entered_version_is_current_at_once() -> None:
    change = an_entry(Act.CHANGE, effective_on=date(2027, 1, 1), version=a_version(2))
    licence = a_licence(change, on=date(2026, 7, 1))

    assert licence.current.version == 2
    assert [version.version for version in licence.versions] == [1, 2]


def test_a_version_is_current_only_once_it_is_known() -> None:
    change = an_entry(Act.CHANGE, effective_on=FIRST, version=a_version(2))

    assert a_licence(change, known_at=ISSUED_AT).current.version == 1


@pytest.mark.rule("LC-07")
def test_a_replacement_keeps_content_and_end_and_counts_the_copy() -> None:
    copy = a_version(2, reason=VersionReason.REPLACEMENT, copy_no=2)
    licence = a_licence(an_entry(Act.REPLACE, effective_on=date(2027, 1, 1), version=copy), on=date(2027, 2, 1))

    assert licence.current.copy_no == 2
    assert licence.current.face == licence.versions[0].face
    assert (licence.valid_from, licence.valid_to, licence.state) == (FIRST, LAST, S.IN_FORCE)


def test_a_renewal_lengthens_the_right_from_its_own_day_on() -> None:
    renewal = a_renewal(LAST + DAY, date(2038, 6, 19))

    assert a_licence(renewal, on=LAST).valid_to == LAST
    assert a_licence(renewal, on=LAST + DAY).valid_to == date(2038, 6, 19)
    assert a_licence(renewal, on=LAST + DAY).state is S.IN_FORCE
    assert a_licence(renewal, on=LAST + DAY).valid_from == FIRST
    assert a_licence(renewal, on=date(2038, 6, 20)).state is S.EXPIRED


def test_before_its_first_day_a_licence_announces_the_term_of_its_first_version() -> None:
    licence = a_licence(a_renewal(LAST + DAY, date(2038, 6, 19)), on=FIRST - DAY, issue=DECIDED_EARLIER)

    assert (licence.state, licence.valid_from, licence.valid_to) == (S.PENDING_EFFECT, FIRST, LAST)


def test_a_late_renewal_leaves_the_gap_visible() -> None:
    renewal = a_renewal(LAST + 30 * DAY, date(2038, 7, 18))

    assert a_licence(renewal, on=LAST + 29 * DAY).state is S.EXPIRED
    assert a_licence(renewal, on=LAST + 30 * DAY).state is S.IN_FORCE


def test_of_two_acts_the_later_legal_day_decides_the_end_and_of_one_day_the_later_entry() -> None:
    early = a_renewal(date(2027, 1, 1), date(2033, 1, 1), 2)
    late = a_renewal(date(2027, 6, 1), date(2034, 1, 1), 3)
    again = a_renewal(date(2027, 6, 1), date(2035, 1, 1), 4)

    assert a_licence(late, early, on=date(2027, 7, 1)).valid_to == date(2034, 1, 1)
    assert a_licence(late, early, on=date(2027, 3, 1)).valid_to == date(2033, 1, 1)
    assert a_licence(late, again, on=date(2027, 7, 1)).valid_to == date(2035, 1, 1)


# -- suspension ----------------------------------------------------------------------------------------

MARCH, MAY, JULY = date(2027, 3, 1), date(2027, 5, 1), date(2027, 7, 1)


@pytest.mark.rule("LC-19")
@pytest.mark.parametrize(("day", "suspended"), [(MARCH - DAY, False), (MARCH, True), (MAY, True), (MAY + DAY, False)])
def test_both_days_of_a_suspension_count_and_it_lapses_by_itself(day: date, suspended: bool) -> None:
    licence = a_licence(a_suspension(MARCH, MAY), on=day)

    assert licence.state is (S.SUSPENDED if suspended else S.IN_FORCE)
    assert licence.suspended_until == (MAY if suspended else None)


def test_a_suspension_without_an_end_runs_until_it_is_lifted_and_that_day_is_free() -> None:
    lift = an_entry(Act.LIFT, effective_on=MAY, target=2)

    assert a_licence(a_suspension(MARCH, None), on=date(2030, 1, 1)).state is S.SUSPENDED
    assert a_licence(a_suspension(MARCH, None), on=date(2030, 1, 1)).suspended_until is None
    assert a_licence(a_suspension(MARCH, None), lift, on=MAY - DAY).state is S.SUSPENDED
    assert a_licence(a_suspension(MARCH, None), lift, on=MAY).state is S.IN_FORCE


@pytest.mark.rule("LC-19")
def test_overlapping_suspensions_are_kept_apart() -> None:
    both = (a_suspension(MARCH, MAY), a_suspension(date(2027, 4, 1), JULY))

    assert a_licence(*both, on=date(2027, 4, 15)).suspended_until == JULY
    assert a_licence(*both, on=MAY + DAY).state is S.SUSPENDED
    assert a_licence(*both, on=JULY + DAY).state is S.IN_FORCE


def test_lifting_one_suspension_leaves_the_other() -> None:
    both = (a_suspension(MARCH, MAY), a_suspension(MARCH, JULY))
    first = an_entry(Act.LIFT, effective_on=date(2027, 4, 1), target=2)
    second = an_entry(Act.LIFT, effective_on=date(2027, 4, 2), target=3)

    assert a_licence(*both, first, on=date(2027, 4, 1)).state is S.SUSPENDED
    assert a_licence(*both, second, on=date(2027, 4, 10)).suspended_until == MAY
    assert a_licence(*both, first, second, on=date(2027, 4, 2)).state is S.IN_FORCE


def test_one_suspension_without_an_end_hides_the_end_of_the_other() -> None:
    assert a_licence(a_suspension(MARCH, MAY), a_suspension(MARCH, None), on=date(2027, 4, 1)).suspended_until is None


@pytest.mark.rule("LC-05")
def test_a_suspension_does_not_lengthen_the_term() -> None:
    long = a_suspension(date(2032, 6, 1), date(2032, 8, 1))

    assert a_licence(long, on=LAST).state is S.SUSPENDED
    assert a_licence(long, on=LAST + DAY).state is S.EXPIRED
    assert a_licence(long, on=LAST + DAY).valid_to == LAST


def test_a_suspension_that_was_only_recorded_changes_nothing() -> None:
    assert a_licence(a_suspension(MARCH, MAY, recorded_only=True), on=MARCH).state is S.IN_FORCE


def test_a_licence_suspended_before_it_begins_is_suspended() -> None:
    assert a_licence(a_suspension(FIRST - 5 * DAY, None), on=FIRST - DAY, issue=DECIDED_EARLIER).state is S.SUSPENDED


# -- endings -------------------------------------------------------------------------------------------


@pytest.mark.rule("LC-10")
def test_revoked_beats_suspended_and_expired() -> None:
    revocation = an_entry(Act.REVOKE, effective_on=MARCH)

    assert a_licence(a_suspension(MARCH, JULY), revocation, on=MAY).state is S.REVOKED
    assert a_licence(revocation, on=LAST + DAY).state is S.REVOKED
    assert a_licence(revocation, on=MARCH - DAY).state is S.IN_FORCE
    assert a_licence(revocation, on=MARCH - DAY).ended_on == MARCH


def test_cancelled_beats_revoked_from_its_own_day_on() -> None:
    acts = (an_entry(Act.REVOKE, effective_on=MARCH), an_entry(Act.CANCEL, effective_on=JULY, ground="revoked"))

    assert a_licence(*acts, on=MAY).state is S.REVOKED
    assert a_licence(*acts, on=JULY).state is S.CANCELLED
    assert a_licence(*acts, on=JULY).ended_on == MARCH


@pytest.mark.rule("LC-11")
def test_a_revoked_licence_without_its_cancellation_is_not_alive() -> None:
    assert a_licence(an_entry(Act.REVOKE, effective_on=MARCH), on=date(2031, 1, 1)).state is S.REVOKED


@pytest.mark.rule("LC-11")
def test_the_right_ends_on_the_day_that_the_cancellation_names() -> None:
    acts = (an_entry(Act.CANCEL, effective_on=JULY, right_ended_on=MARCH, ground="death"),)

    assert a_licence(*acts, on=MARCH - DAY).state is S.IN_FORCE
    assert a_licence(*acts, on=MARCH).state is S.CANCELLED
    assert a_licence(*acts, on=MARCH).ended_on == MARCH


def test_the_earliest_of_two_revocations_ends_the_right() -> None:
    acts = (an_entry(Act.REVOKE, effective_on=JULY), an_entry(Act.REVOKE, effective_on=MARCH))

    assert a_licence(*acts, on=MAY).state is S.REVOKED


@pytest.mark.parametrize("act", [Act.REVOKE, Act.WITHDRAW, Act.RECALL, Act.CANCEL])
def test_an_ending_that_was_only_recorded_changes_nothing(act: Act) -> None:
    licence = a_licence(an_entry(act, effective_on=MARCH, recorded_only=True), on=MAY)

    assert licence.state is S.IN_FORCE
    assert licence.ended_on is None


# -- endorsements --------------------------------------------------------------------------------------


FACT_ON = date(2027, 5, 30)
ONE, TWO = (an_endorsement(endorsement_id=letter * 26, effective_from=FACT_ON) for letter in "12")
ENDORSED = (an_entry(Act.ENDORSE, endorsements=(ONE,)), an_entry(Act.ENDORSE, endorsements=(TWO,)))


def test_endorsements_stand_in_their_order_until_withdrawn() -> None:
    gone = an_entry(Act.WITHDRAW_ENDORSEMENT, effective_on=JULY, withdrawn=ONE.endorsement_id)

    assert a_licence(*ENDORSED, on=JULY).endorsements == (ONE, TWO)
    assert a_licence(*ENDORSED, gone, on=JULY).endorsements == (TWO,)
    assert a_licence(*ENDORSED, gone, on=JULY, known_at=ISSUED_AT + timedelta(days=2)).endorsements == (ONE, TWO)
    assert standing_endorsements((), JULY) == ()


@pytest.mark.rule("EN-06")
def test_a_withdrawal_counts_from_its_own_day() -> None:
    gone = an_entry(Act.WITHDRAW_ENDORSEMENT, effective_on=JULY, withdrawn=TWO.endorsement_id)

    assert a_licence(*ENDORSED, gone, on=JULY - DAY).endorsements == (ONE, TWO)
    assert a_licence(*ENDORSED, gone, on=JULY).endorsements == (ONE,)


def test_an_endorsement_counts_from_the_day_it_takes_effect() -> None:
    later = an_entry(Act.ENDORSE, endorsements=(an_endorsement(endorsement_id="3" * 26, effective_from=FACT_ON + DAY),))

    assert a_licence(*ENDORSED, later, on=FACT_ON - DAY).endorsements == ()
    assert a_licence(*ENDORSED, later, on=FACT_ON).endorsements == (ONE, TWO)
    assert len(a_licence(*ENDORSED, later, on=FACT_ON + DAY).endorsements) == 3
