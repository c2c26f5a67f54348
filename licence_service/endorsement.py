"""Endorsements (签注): facts written on a licence, each its own signed statement (DOMAIN EN-01)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from licence_service.digests import Digests, canonical
from licence_service.fields import Face
from licence_service.template import EndorsementKind

STATEMENT_FORM = "endorsement/1"


@dataclass(frozen=True, slots=True)
class Endorsement:
    """A fact accepted onto a licence.

    `facts` and `salt` lie encrypted; the signed statement holds only their commitment. `asserter` and `accepter` are 18-character
    codes of organisations; for a kind that an act writes they are the same. `signature` is 64 raw bytes (r‖s) by the
    accepter's code key `kid` over the canonical statement.
    """

    endorsement_id: str
    kind: str
    facts: Face
    occurred_on: date
    effective_from: date
    effective_to: date | None
    asserter: str
    accepter: str
    external_ref: str | None
    commitment: Digests
    kid: str
    signature: bytes
    salt: bytes = field(default=b"", repr=False)

    def statement(self, licence_id: str) -> bytes:
        """Return the canonical bytes that the accepter signs (docs/formats.md §6)."""
        return canonical(statement_of(self, licence_id))


def statement_of(endorsement: Endorsement, licence_id: str) -> dict[str, object]:
    """Return the statement as JSON: who says what of which licence from when to when; personal facts only as commitment."""
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
    }


@dataclass(frozen=True, slots=True)
class Unmet:
    """A condition that does not hold on the asked day: the kind, and until when it held."""

    kind: str
    until: date


def unmet_conditions(endorsements: Iterable[Endorsement], kinds: Mapping[str, EndorsementKind], day: date) -> tuple[Unmet, ...]:
    """Return the conditions that ran out before `day`.

    A kind with `conditions_until` satisfies up to the day in that fact. Only the newest endorsement of a kind counts;
    a kind never endorsed is not judged here, since only a dated rule pack can say that it was due.
    """
    newest: dict[str, Endorsement] = {}
    for one in sorted(endorsements, key=lambda each: each.occurred_on):
        if one.occurred_on <= day:
            newest[one.kind] = one
    until = {
        kind: date.fromisoformat(str(one.facts[name]))
        for kind, one in newest.items()
        if kind in kinds and (name := kinds[kind].conditions_until) and name in one.facts
    }
    return tuple(Unmet(kind, last) for kind, last in until.items() if last < day)
