"""The written form of an entry: what is hashed for ever, and what can be erased."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence_service import entry_form
from licence_service.digests import Digests, canonical, commitment, digests, field_salt
from licence_service.entry_form import body_of, entry_of, private_of, stamped
from licence_service.licence import Act, Entry, Suspension
from tests.builders import SALT, a_decision, a_face, a_suspension, a_version, an_endorsement, an_entry

AT = datetime(2026, 6, 20, 1, 2, 3, 4, tzinfo=UTC)
ENTRIES = [
    an_entry(),
    an_entry(version=a_version(valid_to=None, photos={"photo": "ab" * 32})),
    an_entry(Act.ENDORSE, endorsements=(an_endorsement(), an_endorsement(endorsement_id="f" * 26, external_ref=None, effective_to=date(2028, 1, 1)))),
    an_entry(Act.ENDORSE, version=a_version(2), endorsements=(an_endorsement(),)),
    an_entry(Act.WITHDRAW_ENDORSEMENT, withdrawn="e" * 26),
    a_suspension(date(2027, 1, 1), None),
    a_suspension(date(2027, 1, 1), date(2027, 2, 1), recorded_only=True),
    an_entry(Act.LIFT, target=7),
    an_entry(Act.CANCEL, ground="death", right_ended_on=date(2027, 1, 1)),
    an_entry(Act.REVOKE, decision=a_decision(officer=None, unattended="rules-2026")),
]


def written(entry: Entry) -> Entry:
    return stamped(replace(entry, sequence=3), AT, "9" * 64)


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_body_handed_out_with_a_stamped_entry_is_the_one_that_was_hashed(entry: Entry) -> None:
    after, body = entry_form.written(entry, AT, "9" * 64)

    assert after == stamped(entry, AT, "9" * 64)
    assert body == canonical(body_of(after))
    assert after.digest == digests(body)


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_comes_back_as_it_was_written(entry: Entry) -> None:
    before = written(entry)
    assert before.digest
    body, private = json.loads(canonical(body_of(before))), json.loads(canonical(private_of(before)))

    assert entry_of(body, private, before.digest) == before


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_erased_entry_keeps_everything_but_what_was_private(entry: Entry) -> None:
    before = written(entry)
    assert before.digest
    after = entry_of(json.loads(canonical(body_of(before))), None, before.digest)

    assert after == replace(
        before,
        decision=replace(before.decision, officer=None),
        version=replace(before.version, face={}, photos={}, salt=b"") if before.version else None,
        endorsements=tuple(replace(one, facts={}) for one in before.endorsements),
    )


def test_stamping_sets_time_predecessor_and_both_digests_of_the_body() -> None:
    entry = written(an_entry())

    assert (entry.recorded_at, entry.previous) == (AT, "9" * 64)
    assert entry.digest == digests(canonical(body_of(entry)))
    assert body_of(entry)["recorded_at"] == "2026-06-20T01:02:03.000004+00:00"
    assert body_of(entry)["format"] == "entry/1"
    assert body_of(entry)["previous"] == "9" * 64


@pytest.mark.parametrize(
    "change",
    [
        {"sequence": 4}, {"act": Act.ADOPT}, {"effective_on": date(2026, 6, 21)}, {"by": "another"}, {"ground": "death"}, {"target": 1},
        {"withdrawn": "x"}, {"right_ended_on": date(2026, 6, 21)}, {"recorded_only": True}, {"licence_id": "0" * 20},
        {"suspension": Suspension("measure", date(2026, 6, 21), None)}, {"version": a_version(2)}, {"version": None},
        {"decision": a_decision(number="other")}, {"decision": a_decision(legal_basis="other")}, {"decision": a_decision(officer="other")},
        {"endorsements": (an_endorsement(),)}, {"version": a_version(document=digests(b"other"))}, {"version": a_version(copy_no=2)},
    ],
)  # fmt: skip
def test_any_other_content_is_another_digest(change: dict[str, object]) -> None:
    base = an_entry()

    assert stamped(replace(base, **change), AT, "").digest != stamped(base, AT, "").digest  # type: ignore[arg-type]


def test_another_predecessor_or_instant_is_another_digest() -> None:
    base = stamped(an_entry(), AT, "")

    assert stamped(an_entry(), AT, "0" * 64).digest != base.digest
    assert stamped(an_entry(), AT.replace(microsecond=5), "").digest != base.digest


def test_the_officer_is_committed_to_under_the_versions_salt() -> None:
    committed = commitment({"officer": "罗青石"}, field_salt(SALT, "officer/1"), "officer/1").sha256

    assert body_of(an_entry())["decision"]["officer_sha256"] == committed
    assert body_of(an_entry(decision=a_decision(officer=None)))["decision"]["officer_sha256"] is None
    assert body_of(an_entry(Act.REVOKE))["decision"]["officer_sha256"] is None
    assert body_of(an_entry(version=a_version(salt=b"")))["decision"]["officer_sha256"] is None


noise = st.integers().map(lambda number: hashlib.sha256(str(number).encode()).digest())
secrets = st.text(st.characters(categories=["Lo"]), min_size=6, max_size=12)


@given(name=secrets, fact=secrets, officer=secrets, photo=noise, salt=noise)
def test_the_body_holds_no_private_value(name: str, fact: str, officer: str, photo: bytes, salt: bytes) -> None:
    face = a_face(person_name=name)
    version = a_version(2, face=face, salt=salt, photos={"photo": photo.hex()}, face_commitment=commitment(face, salt, "face/1"))
    entry = an_entry(
        Act.ENDORSE, version=version, decision=a_decision(officer=officer), endorsements=(an_endorsement(facts={"institution": fact}),)
    )  # fmt: skip
    body = json.dumps(body_of(stamped(entry, AT, "")), ensure_ascii=False)

    assert not any(secret in body for secret in (name, fact, officer, photo.hex(), salt.hex(), face["citizen_id"], face["birth_date"]))
    assert version.face_commitment.sha256 in body


def test_without_an_instant_the_body_says_so() -> None:
    assert body_of(an_entry())["recorded_at"] is None
    assert stamped(an_entry(), AT, "").digest != Digests("", "")
