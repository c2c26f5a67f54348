"""Endorsements: the signed statement."""

import json
from datetime import date

from licence_service.endorsement import statement_of
from tests.builders import LICENCE_ID, ORGAN, an_endorsement


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
