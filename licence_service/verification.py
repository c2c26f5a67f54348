"""Verification (核验): what is presented becomes numbered checks, five answers and a verdict (DESIGN §5).

All eight checks where a licence can be named, else those that failed, each with a reason code. "Not valid" is an answer, never an error.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from licence_service import qr_token
from licence_service.catalogue import Catalogue
from licence_service.compromise import lost_since
from licence_service.digests import sha256
from licence_service.errors import NotInRegister
from licence_service.fields import Asker
from licence_service.fold import PARENT_ENDED
from licence_service.identifiers import normal_code
from licence_service.law import Law
from licence_service.licence import Act, Licence, LicenceState, beijing_day
from licence_service.rules import Condition, Conditions
from licence_service.seal import Finding
from licence_service.seal.entitlement import entitlement_faults
from licence_service.seal.examiner import Examiner
from licence_service.seal.keyring import Keyring
from licence_service.seal.tokens import BadToken, Purpose, open1
from licence_service.store.book import Book
from licence_service.store.record import Record
from licence_service.template import Template
from licence_service.verdict import Answer, Check, Overall, Result, Verdict, answers_of, overall_of
from licence_service.view import tells_due_days, view_of

_UNDECIDED = frozenset({"encrypted", "unreadable", "examination-stopped"})
_STATE_REASONS = {
    LicenceState.IN_FORCE: "in-force",
    LicenceState.PENDING_EFFECT: "pending-effect",
    LicenceState.SUSPENDED: "suspended",
    LicenceState.EXPIRED: "expired",
    LicenceState.REVOKED: "revoked",
    LicenceState.WITHDRAWN: "withdrawn",
    LicenceState.RECALLED: "recalled",
    LicenceState.CANCELLED: "cancelled",
}
ADOPTED = "adopted"
GENUINE = Check(2, "seal", "authentic", Result.YES, ("code-genuine",))
COMPARE = Check(3, "document", "authentic", Result.NOT_ASKED, ("compare-with-paper",))
_NOT_LIVE = Check(8, "showing", "shown", Result.NOT_ASKED, ("live-showing-not-asked",))


@dataclass(frozen=True, slots=True)
class Question:
    """Who asks, and about when: the right on `valid_at` (a Beijing day), as known at `known_at`.

    `on_reason`: an officer gave a reason that opens identity numbers and addresses.
    """

    asker: Asker = Asker.PUBLIC
    valid_at: date | None = None
    known_at: datetime | None = None
    on_reason: bool = False


@dataclass(frozen=True, slots=True)
class SealedFile:
    """Of a file that the register holds: the seal on it, when it was sealed, and when it was entered."""

    certificate_sha256: str
    seal_id: str
    sealed_at: datetime
    recorded_at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a licence stands on its day: the word, the answers to the five questions, and its conditions."""

    licence: Licence
    overall: Overall
    answers: Mapping[str, Answer]
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class Verifier:
    """Answers verifications from the register."""

    catalogue: Catalogue
    keyring: Keyring
    book: Book
    law: Law
    examiner: Examiner
    now: Callable[[], datetime] = field(repr=False)
    keys_read_at: datetime

    def by_pair(self, number: str, check_code: str, question: Question) -> Verdict:
        """Verify by the number and the check code printed on the licence.

        An unknown number and a wrong code give the same answer by the same single query.
        """
        found = self.book.of_pair(number, normal_code(check_code))
        if found is None:
            return self.undecided(question, Check(1, "register", "authentic", Result.NO, ("no-such-record",)))
        presented = Check(2, "seal", "authentic", Result.NOT_ASKED, ("not-presented",))
        return self.known(*found, (presented, COMPARE), question)

    def by_code(self, digits: str, question: Question) -> Verdict:
        """Verify the code on paper: its signature first, then the register (SH-02)."""
        found = self.of_code(digits)
        return self.undecided(question, found) if isinstance(found, Check) else self.shown_by_code(*found, question)

    def of_code(self, digits: str) -> tuple[Record, int] | Check:
        """Return the record and the version that a code on paper is about, or the check that it fails."""
        try:
            opened = open1(qr_token.message_in(digits), self.keyring.keys_for(Purpose.LICENCE))
            facts = qr_token.unpack(opened.payload)
        except (BadToken, qr_token.BadCode):
            return Check(2, "seal", "authentic", Result.NO, ("code-not-genuine",))
        try:
            record = self.book.get(facts.licence_id)
        except NotInRegister:
            return Check(1, "register", "authentic", Result.NO, ("no-such-record",))
        version = next((entry.version for entry in record.entries if entry.version and entry.version.version == facts.version), None)
        tied = version is not None and bytes.fromhex(version.face_commitment.sha256).startswith(facts.commitment)
        if not tied or self.keyring.verifying_key(opened.kid, Purpose.LICENCE)[1] != made_by(record, facts.version):
            return Check(3, "document", "authentic", Result.NO, ("code-at-odds",))
        return record, facts.version

    def shown_by_code(self, record: Record, number: int, question: Question) -> Verdict:
        """Return the verdict on a version whose genuine code was shown."""
        return self.known(record, number, (GENUINE, COMPARE), question)

    def by_document(self, content: bytes, question: Question) -> Verdict:
        """Verify an uploaded file.

        A file equal to an archived one answers from the finding kept at issue; any other is examined in a bounded,
        killable process. A good seal alone is not enough: the file must be in the register (DOMAIN M4).
        """
        found = self.book.by_document(sha256(content))
        if found is None:
            return self.undecided(question, *_examined(self._by_lost_key(self.examiner.examine(content), question)))
        return self.shown_by_document(self.book.get(found[0]), found[1], question)

    def shown_by_document(self, record: Record, number: int, question: Question) -> Verdict:
        """Return the verdict on a version whose archived original was handed in."""
        entry = next(one for one in record.entries if one.version and one.version.version == number)
        version = entry.version
        assert version  # noqa: S101 - asked for above
        same = Check(3, "document", "authentic", Result.YES, ("same-document",))
        file = SealedFile(version.certificate_sha256, version.seal_id, version.sealed_at, entry.recorded_at)
        return self.known(record, number, (self.seal_today(file, record.type, question.known_at), same), question, version.sealed_at)

    def _by_lost_key(self, finding: Finding, question: Question) -> Finding:
        """Add that the seal's key is lost, whatever time a file claims that the register does not hold: who has the key chooses it (SE-06)."""
        lost = finding.seal_id and lost_since(self.law.foundations, finding.seal_id, question.known_at)
        return replace(finding, reasons=(*finding.reasons, "seal-compromised")) if lost else finding

    def seal_today(self, file: SealedFile, slug: str, known_at: datetime | None) -> Check:
        """Judge a file that was examined when it was entered by what is known today of its seal at the sealing time (SH-04).

        What was recorded before its seal's key was lost stays good; what was recorded later is good because the register proves it (SE-06),
        except for what was taken over: of that it proves only that somebody brought it.
        """
        known = self.keyring.known_seals.get(file.certificate_sha256)
        if known is None and file.seal_id == ADOPTED:
            return Check(2, "seal", "authentic", Result.UNKNOWN, (ADOPTED, "unknown-signer"))
        if known is None:
            return Check(2, "seal", "authentic", Result.UNKNOWN, ("unknown-signer",))
        if faults := entitlement_faults(self.keyring, file.certificate_sha256, slug, file.sealed_at):
            return Check(2, "seal", "authentic", Result.UNKNOWN, faults)  # said since then to have been out of use or without a grant
        demo = self.keyring.departments[known.department].demo
        lost = lost_since(self.law.foundations, known.seal_id, known_at)
        proven = lost is not None and file.recorded_at is not None and file.recorded_at >= lost
        if proven and file.seal_id == ADOPTED:
            return Check(2, "seal", "authentic", Result.NO, ("seal-compromised",))
        said = "register-proves" if proven else "seal-intact"
        return Check(2, "seal", "authentic", Result.YES, (said, "specimen") if demo else (said,))

    def known(
        self, record: Record, number: int, presented: tuple[Check, ...], question: Question, examined: datetime | None = None, showing: Check = _NOT_LIVE
    ) -> Verdict:  # fmt: skip
        """Answer about a licence of the register; `presented` are checks (2) and (3), `examined` is when that seal was, `showing` is check (8)."""
        now = self.now()
        valid_at, known_at = question.valid_at or beijing_day(now), question.known_at
        try:
            licence = record.at(valid_at, known_at)
        except NotInRegister:
            return self.undecided(question, Check(1, "register", "authentic", Result.NO, ("not-known-then",)))
        template = self.catalogue.edition(record.type, licence.current.edition)
        said = self.judged(record, licence, template, known_at)
        checks = (
            Check(1, "register", "authentic", Result.YES, ("in-register",)),
            *presented,
            _current(licence, number, by_paper=presented[0].result is not Result.NOT_ASKED),
            _right(licence),
            _dates(licence),
            _conditions(said),
            showing,
        )
        answers = answers_of(checks)
        department = self.keyring.department_of(licence.issuer or record.department)
        view = view_of(licence, template, self.catalogue.kinds, department, record.type, number, question.asker, on_reason=question.on_reason)
        head = self.book.head()
        as_known = known_at or known_now(now, head[1])
        sources, due_days = self.sources(as_known, examined), tells_due_days(question.asker)
        return Verdict(overall_of(answers), now, valid_at, as_known, head, sources, answers, checks, view, said, due_days)

    def sources(self, known_at: datetime, examined: datetime | None = None) -> dict[str, datetime]:
        """Return what an answer rests on, each with the instant that it speaks of."""
        seal = {"seal": examined} if examined else {}
        return {"register": known_at, "keys": self.keys_read_at, **seal}

    def judged(self, record: Record, licence: Licence, template: Template, known_at: datetime | None) -> Conditions:
        """Return every condition of a licence with the packs that judged it."""
        return self.law.conditions(record.type, licence, template, self.catalogue.kinds, known_at)

    def standing(self, record: Record, licence: Licence, known_at: datetime | None) -> Standing:
        """Judge a licence by its current document without a presented one, a view or the clocks: what many rows need of a verdict."""
        said = self.judged(record, licence, self.catalogue.edition(record.type, licence.current.edition), known_at)
        in_register = Check(1, "register", "authentic", Result.YES, ("in-register",))
        checks = (in_register, _current(licence, licence.current.version, by_paper=False), _right(licence), _dates(licence), _conditions(said))
        answers = answers_of(checks)
        return Standing(licence, overall_of(answers), answers, said)

    def undecided(self, question: Question, *failed: Check) -> Verdict:
        """Answer where no licence can be named: the failed checks, and nothing about any licence."""
        now = self.now()
        checks = tuple(sorted(failed, key=lambda check: check.no))
        answers = answers_of(checks)
        known_at = question.known_at or now
        overall = overall_of(answers)
        examined = now if any(check.name == "seal" for check in checks) else None
        valid_at = question.valid_at or beijing_day(now)
        return Verdict(overall, now, valid_at, known_at, self.book.head(), self.sources(known_at, examined), answers, checks)


def made_by(record: Record, number: int) -> str:
    """Return the department that made a version: the one that acted, or that issued (a transfer changes it; LC-08)."""
    entry = next(one for one in record.entries if one.version and one.version.version == number)
    taken = [one.department for one in record.entries if one.act is Act.ACCEPT_TRANSFER and one.sequence <= entry.sequence]
    return taken[-1] or record.department if taken else record.department


def _examined(finding: Finding) -> tuple[Check, ...]:
    """Turn the finding about a file that is not in the register into checks (2) and (3)."""
    seal = seal_check(finding)
    genuine = finding.good or (finding.intact and finding.reasons == ("seal-compromised",))
    return (seal, Check(3, "document", "authentic", Result.NO, ("not-in-register",))) if genuine else (seal,)


def seal_check(finding: Finding) -> Check:
    """Return check (2), the seal by itself; a good one says nothing of the register."""
    if finding.good:
        return Check(2, "seal", "authentic", Result.YES, ("seal-intact",))
    undecided = set(finding.reasons) & _UNDECIDED and not set(finding.reasons) & {"bytes-changed", "seal-compromised"}
    result = Result.UNKNOWN if undecided else Result.NO
    return Check(2, "seal", "authentic", result, finding.reasons or ("no-signature",))


def seal_alone(finding: Finding) -> Check:
    """Return check (2) where the register is not asked: a good seal is `unknown`, because any file may be sealed and never entered (DOMAIN M4)."""
    said = seal_check(finding)
    return replace(said, result=Result.UNKNOWN if said.result is Result.YES else said.result, reasons=(*said.reasons, "register-not-asked"))


def known_now(now: datetime, last: datetime | None) -> datetime:
    """Return now, or the instant of the book's last entry: the book's clock may run some ticks ahead of a clock on the wall."""
    return max(now, last) if last else now


def _current(licence: Licence, number: int, *, by_paper: bool) -> Check:
    """Check (4): the newest document; one reported lost is none where it is presented itself, while a query by number tells of the right (LC-12)."""
    if number in licence.voided:
        return Check(4, "version", "current", Result.NO, ("voided",))
    if licence.current.version == number:
        if "loss_reported" not in licence.flags:
            return Check(4, "version", "current", Result.YES, ("current-version",))
        return Check(
            4, "version", "current", Result.NO if by_paper else Result.YES, ("reported-lost",) if by_paper else ("current-version", "reported-lost")
        )
    return Check(4, "version", "current", Result.NO, ("superseded",))


def _right(licence: Licence) -> Check:
    good = licence.state is LicenceState.IN_FORCE
    return Check(5, "right", "in_force", Result.YES if good else Result.NO, (_STATE_REASONS[licence.state], *_parent(licence)))


def _parent(licence: Licence) -> tuple[str, ...]:
    """Name the end of the licence that this one hangs on, whether it ends this one or is only said (LC-13)."""
    return ("parent-ended",) if PARENT_ENDED in (licence.ground, *licence.flags) else ()


def _conditions(said: Conditions) -> Check:
    """Check (7): what must recur, under the rule packs in force on the day as they were known then (EN-12)."""
    if said.unmet:
        return Check(7, "conditions", "conditions", Result.NO, ("condition-overdue", *_codes(said.unmet)))
    if said.unknown:
        return Check(7, "conditions", "conditions", Result.UNKNOWN, ("conditions-unknown", *_codes(said.unknown)))
    if said.met:
        return Check(7, "conditions", "conditions", Result.YES, ("conditions-met",))
    return Check(7, "conditions", "conditions", Result.NOT_ASKED, ("no-conditions",))


def _codes(conditions: Iterable[Condition]) -> tuple[str, ...]:
    """Return the reasons that say more than the summary does."""
    return tuple(dict.fromkeys(one.reason for one in conditions if one.reason not in {"condition-overdue", "conditions-met"}))


def _dates(licence: Licence) -> Check:
    """Check (6) says only what the calendar says; an act may still have ended the right."""
    if licence.valid_at < licence.valid_from:
        return Check(6, "dates", "in_force", Result.NO, ("pending-effect",))
    if licence.valid_to and licence.valid_at > licence.valid_to:
        return Check(6, "dates", "in_force", Result.NO, ("expired",))
    return Check(6, "dates", "in_force", Result.YES, ("within-dates",))
