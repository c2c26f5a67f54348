"""Endorsements (签注): facts written on a licence, each its own signed statement (DOMAIN EN-01)."""

from datetime import date

from licence_service.digests import Digests, canonical
from licence_service.fields import Face
from licence_service.frozen import dataclass, field

STATEMENT_FORM = "endorsement/1"
ASSERTION_FORM = "assertion/1"
FACTS_FORM = "facts/1"


@dataclass(frozen=True, slots=True)
class Endorsement:
    """A fact asserted of a licence, or accepted onto it.

    `facts`, `subject` and `salt` lie encrypted; the signed statement holds only their commitment. `asserter` and `accepter` are
    18-character codes of organisations; without an accepter it is only asserted (EN-03); for a kind that an act writes both are the same.
    `signature` is 64 raw bytes (r‖s) by the accepter's code key `kid` over the canonical statement; `asserter_signature` the same
    by the asserting body's own key over its assertion. `subject` is the value on the face that the fact is bound to (EN-11).
    """

    endorsement_id: str
    kind: str
    facts: Face
    occurred_on: date
    effective_from: date
    effective_to: date | None
    asserter: str
    accepter: str | None
    external_ref: str | None
    commitment: Digests
    kid: str
    signature: bytes
    salt: bytes = field(default=b"", repr=False)
    # Appended after the first release; absent from the statement where they say nothing.
    corrects: str | None = None
    rule_pack: str | None = None
    previous: str | None = None  # digest of the entry on the licence that it was written upon
    asserter_kid: str | None = None
    asserter_signature: bytes = b""
    subject: str | None = field(default=None, repr=False)

    @property
    def committed(self) -> Face:
        """Return what the commitment is over: the facts, and the value on the face that they are bound to."""
        return committed_facts(self.facts, self.subject)

    def statement(self, licence_id: str) -> bytes:
        """Return the canonical bytes that the accepter signs (docs/formats.md §6)."""
        return canonical(statement_of(self, licence_id))


def statement_of(endorsement: Endorsement, licence_id: str) -> dict[str, object]:
    """Return the statement as JSON: who says what of which licence from when to when; personal facts only as commitment."""
    appended = {
        "corrects": endorsement.corrects,
        "rule_pack": endorsement.rule_pack,
        "prev_hash": endorsement.previous,
        "asserter_kid": endorsement.asserter_kid,
        "asserter_signature": endorsement.asserter_signature.hex() or None,
    }
    return {
        "format": STATEMENT_FORM,
        "licence_id": licence_id,
        "endorsement_id": endorsement.endorsement_id,
        "kind": endorsement.kind,
        "occurred_on": endorsement.occurred_on.isoformat(),
        "effective_from": endorsement.effective_from.isoformat(),
        "effective_to": endorsement.effective_to.isoformat() if endorsement.effective_to else None,
        "asserter": endorsement.asserter,
        "accepter": endorsement.accepter,
        "external_ref": endorsement.external_ref,
        "facts_sha256": endorsement.commitment.sha256,
        "facts_sm3": endorsement.commitment.sm3,
        **{name: value for name, value in appended.items() if value is not None},
    }


def committed_facts(facts: Face, subject: str | None) -> Face:
    """Return facts as they are committed to, with the value that they are bound to where there is one (EN-11)."""
    return {**facts, "subject": subject} if subject else dict(facts)


def assertion_of(licence_id: str, kind: str, facts: Face, external_ref: str, asserter: str, corrects: str | None = None) -> dict[str, object]:
    """Return what an asserting body signs, as JSON: the facts in canonical form, of which licence, under which reference (docs/formats.md §6)."""
    said: dict[str, object] = {
        "format": ASSERTION_FORM, "licence_id": licence_id, "kind": kind, "facts": dict(facts), "external_ref": external_ref, "asserter": asserter,
    }  # fmt: skip
    return {**said, "corrects": corrects} if corrects else said
