"""Signed answers: what the book says of a licence on a day, resting on a closed head (DOMAIN §2h, AU-01).

An answer holds no personal data and is signed with a deterministic nonce: asked again, after any later history, a change of
rule packs or a restart, it is the same to the byte.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from licence_service.digests import canonical
from licence_service.errors import NotInRegister, Unavailable
from licence_service.licence import Licence
from licence_service.rules import Conditions, renewal_of
from licence_service.seal.tokens import CodeSigner, sign1
from licence_service.store.heads import Heads, StoredHead
from licence_service.store.record import Record
from licence_service.verification import Verifier

FORM = "answer/1"


@dataclass(frozen=True, slots=True)
class Answers:
    """Signs answers in the name of the register's keeper."""

    verifier: Verifier
    heads: Heads
    keeper: CodeSigner

    def signed(self, record: Record, valid_at: date, known_at: datetime | None) -> bytes:
        """Return the answer as COSE_Sign1.

        `known_at` is cut back to the last head that was closed by then (RULINGS 11); without it the newest head answers.

        `Unavailable` while no head is closed, `NotInRegister` where the licence was not known or not granted yet.
        """
        head = self.heads.closed_at(known_at) if known_at else self.heads.last()
        if head is None and self.heads.last() is None:
            raise Unavailable("no head of the book is closed yet", retry_after=2)
        if head is None:
            raise NotInRegister("no head of the book was closed by then")
        return sign1(canonical(self._answer(record, valid_at, head, min(known_at or head.until, head.until))), self.keeper)

    def _answer(self, record: Record, valid_at: date, head: StoredHead, known_at: datetime) -> dict[str, Any]:
        licence = record.on(valid_at, known_at)
        if licence is None:
            raise NotInRegister("the licence was not known, or not granted, at these times")
        verifier = self.verifier
        template = verifier.catalogue.edition(record.type, licence.current.edition)
        window = renewal_of(verifier.law.packs(known_at), record.type, valid_at, template.term)
        until = window.renewable_until(licence.valid_to) if licence.valid_to else None
        return {
            "format": FORM,
            "licence_id": record.licence_id,
            "type": record.type,
            "valid_at": valid_at.isoformat(),
            "known_at": known_at.isoformat(timespec="microseconds"),
            "head": {"size": head.size, "root": head.root},
            **_right(licence, record),
            "renewable_until": until.isoformat() if until else None,
            "conditions": _conditions(verifier.judged(record, licence, template, known_at)),
        }


def _right(licence: Licence, record: Record) -> dict[str, Any]:
    days = {
        "valid_from": licence.valid_from, "valid_to": licence.valid_to, "ended_on": licence.ended_on, "suspended_until": licence.suspended_until,
    }  # fmt: skip
    current = licence.current
    return {
        "state": licence.state.value,
        **{name: day.isoformat() if day else None for name, day in days.items()},
        "ground": licence.ground,
        "flags": sorted(licence.flags),
        "issuer_of_record": licence.issuer or record.department,
        "version": {"version": current.version, "elicence_id": current.elicence_id, "document_sha256": current.document.sha256},
        "voided": sorted(licence.voided),
        "endorsements": [one.endorsement_id for one in licence.endorsements],
        "entries": licence.head,
    }


def _conditions(said: Conditions) -> dict[str, Any]:
    """Return each condition and the packs that judged, by name and content (EN-12)."""
    each = [
        {"kind": one.kind, "result": one.outcome.value, "reason": one.reason, "due_on": one.due_on.isoformat() if one.due_on else None, "rule_pack": one.pack}
        for one in said.every
    ]  # fmt: skip
    return {"each": each, "rule_packs": [{"id": pack.id, "sha256": pack.digest} for pack in said.packs]}
