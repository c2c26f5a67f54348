"""Endorsements: the signed statement, and which conditions have run out."""

import json
from datetime import date

import pytest

from licence_service.endorsement import Unmet, statement_of, unmet_conditions
from tests.builders import LICENCE_ID, ORGAN, a_kind, an_endorsement

KINDS = {"continuing_education": a_kind(), "violation": a_kind(conditions_until=None)}


def test_the_statement_says_who_says_what_from_when_to_when() -> None:
    said = json.loads(an_endorsement(effective_to=date(2028, 6, 19)).statement(LICENCE_ID))
    commitment = an_endorsement().commitment

    assert said == {
        "format": "endorsement/1", "licence_id": LICENCE_ID, "endorsement_id": "e" * 26, "kind": "continuing_education",
        "occurred_on": "2027-05-30", "effective_from": "2027-05-30", "effective_to": "2028-06-19", "asserter": "52519900MB9900099X",
        "accepter": ORGAN, "external_ref": "ref-1", "facts_sha256": commitment.sha256, "facts_sm3": commitment.sm3,
    }  # fmt: skip
    assert statement_of(an_endorsement(), LICENCE_ID)["effective_to"] is None


def test_the_statement_holds_no_fact_and_no_signature() -> None:
    statement = an_endorsement(facts={"institution": "蜀安交通职业培训学校"}, signature=b"\x77" * 64).statement(LICENCE_ID).decode()

    assert "蜀安" not in statement
    assert "77" * 64 not in statement


@pytest.mark.parametrize(("day", "unmet"), [(date(2028, 6, 19), False), (date(2028, 6, 20), True)])
def test_a_condition_holds_through_its_last_day(day: date, unmet: bool) -> None:
    found = unmet_conditions([an_endorsement()], KINDS, day)

    assert found == ((Unmet("continuing_education", date(2028, 6, 19)),) if unmet else ())


def test_only_the_newest_of_a_kind_counts_in_whatever_order_they_were_entered() -> None:
    old = an_endorsement(occurred_on=date(2026, 1, 1), facts={"period_end": "2027-01-01"})

    assert unmet_conditions([an_endorsement(), old], KINDS, date(2028, 1, 1)) == ()
    assert unmet_conditions([old, an_endorsement()], KINDS, date(2028, 1, 1)) == ()


def test_what_has_not_happened_yet_does_not_count() -> None:
    old = an_endorsement(occurred_on=date(2026, 1, 1), facts={"period_end": "2027-01-01"})

    assert unmet_conditions([old, an_endorsement()], KINDS, date(2027, 5, 29)) == (Unmet("continuing_education", date(2027, 1, 1)),)
    assert unmet_conditions([old, an_endorsement()], KINDS, date(2027, 5, 30)) == ()


@pytest.mark.parametrize(
    "one", [an_endorsement(kind="violation"), an_endorsement(kind="unknown"), an_endorsement(facts={}), an_endorsement(facts={"date": "2027-05-30"})]
)
def test_what_says_no_day_is_not_judged(one: object) -> None:
    assert unmet_conditions([one], KINDS, date(2199, 1, 1)) == ()  # type: ignore[list-item]
