"""Verifying an annotated copy (DOMAIN SH-12): whether it is one, for whom, for what and until when it was meant, and how the licence stands."""

from dataclasses import dataclass, replace

from licence_service.digests import sha256
from licence_service.holding import Cards
from licence_service.store.lendings import EXPIRED, LIVING, REVOKED, Lending, Lendings
from licence_service.verdict import Check, Result, Verdict
from licence_service.verification import Question, SealedFile, Verifier

_SAID = {REVOKED: "copy-revoked", EXPIRED: "copy-expired"}


@dataclass(frozen=True, slots=True)
class Copies:
    """Knows the copies that were made."""

    verifier: Verifier
    lendings: Lendings
    cards: Cards

    def judge(self, content: bytes, question: Question) -> tuple[Verdict, Lending] | None:
        """Return the verdict on a file that is a copy, byte for byte, and its lending; None for every other file.

        A copy whose lending is over is not the document to ask of any more, whatever the licence: that is said of the document, not of the right.
        """
        lending = self.lendings.by_document(sha256(content))
        if lending is None or lending.copy is None:
            return None
        record, copy = self.verifier.book.get(lending.licence_id), lending.copy
        known = self.verifier.keyring.known_seals.get(copy.certificate_sha256)
        file = SealedFile(copy.certificate_sha256, known.seal_id if known else "", copy.sealed_at, lending.made_at)
        theirs = self.cards.kept_by(lending.holder_id, lending.licence_id) is not None
        standing = lending.standing_of_copy(self.verifier.now()) if theirs else REVOKED
        same = Check(3, "document", "authentic", Result.YES, ("annotated-copy",))
        if standing != LIVING:
            same = Check(3, "document", "current", Result.NO, (_SAID[standing],))
        presented = (self.verifier.seal_today(file, record.type, question.known_at), same)
        verdict = self.verifier.known(record, copy.version, presented, question, copy.sealed_at)
        return replace(verdict, lent=lent_json(lending, standing)), lending


def lent_json(lending: Lending, standing: str) -> dict[str, object]:
    """Return what a reader is told of a lending."""
    return {
        "lending_id": lending.lending_id, "standing": standing, "receiver": lending.receiver, "purpose": lending.purpose,
        "made_at": lending.made_at.isoformat(timespec="seconds"), "until": lending.until.isoformat(timespec="seconds"),
        "uses": lending.uses, "used": lending.used,
    }  # fmt: skip
