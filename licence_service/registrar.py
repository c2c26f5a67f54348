"""Every act that writes in the register (登记员): issue, adopt, renew … endorse.

Each public method takes who is calling and a parsed request, refuses before anything is written, and walks the issue
line once. Retries with the same key return the same licence.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from licence_service import requests
from licence_service.acts import BY_DECISION_DAY, Mark, judge
from licence_service.carrying import WAIT_SECONDS, Carrier, Done, Waiting, plain_answer
from licence_service.digests import SALT_BYTES, canonical, commitment, sha256
from licence_service.drafting import Draft, draft_act
from licence_service.endorsement import Endorsement
from licence_service.entry_form import body_of, private_of
from licence_service.errors import (
    EntryConflict,
    FaceRejected,
    Fault,
    NotInRegister,
    NumberTaken,
    Refusal,
    TransitionRefused,
    Unavailable,
)
from licence_service.fields import comparison_form
from licence_service.identifiers import licence_id, parse_elicence_id
from licence_service.licence import Act, Entry, Licence, beijing_day
from licence_service.line import MOST_ATTEMPTS, Line, live_key
from licence_service.preflight import adoption_faults, first_draft, granted, must_be_granted, must_fit, photo_faults
from licence_service.recording import Fact, Situation, fact_of
from licence_service.requests import ActRequest, IssueRequest
from licence_service.seal.examiner import Examiner
from licence_service.seal.keyring import Department
from licence_service.store.clients import Client
from licence_service.store.record import Appendix, Record
from licence_service.store.reservations import Intent

FACTS_FORM = "facts/1"


@dataclass(frozen=True, slots=True)
class Registrar:
    """The only one who writes in the book."""

    line: Line
    examiner: Examiner
    wait_seconds: float = WAIT_SECONDS

    @property
    def carrier(self) -> Carrier:
        """Return what carries reservations to their end."""
        return Carrier(self.line, self.wait_seconds)

    # -- acts --------------------------------------------------------------------------------------

    def issue(self, caller: Client, key: str, body: Mapping[str, Any]) -> Done | Waiting:
        """Issue (颁发): a first version of a new licence."""
        request = requests.read_issue(body)
        template, department = granted(self.line, caller, request.type, request.decision, body, request.faults)
        draft = first_draft(self.line, caller, template, department, request, Act.ISSUE)
        return self._reserved(caller, key, body, department, draft, request)

    def adopt(self, caller: Client, key: str, body: Mapping[str, Any]) -> Done | Waiting:
        """Adopt: take over a licence sealed elsewhere; its identifier and its file are kept verbatim."""
        request = requests.read_adoption(body)
        template, department = granted(self.line, caller, request.issue.type, request.issue.decision, body, request.issue.faults)
        finding = self.examiner.examine(request.document)
        faults = adoption_faults(self.line, caller, request, finding)
        draft = first_draft(self.line, caller, template, department, request.issue, Act.ADOPT, before=faults)
        parts = parse_elicence_id(request.elicence_id)
        if draft.entry.version and parts:
            draft = replace(draft, entry=replace(draft.entry, version=replace(draft.entry.version, version=parts.version, seal_id="adopted")))
        if self.line.book.by_elicence_id(request.elicence_id) and not self.line.reservations.by_key(caller.name, key):
            raise NumberTaken("a licence with this identifier is in the register")
        digest = self.line.archive.put(request.document)
        extra = {"elicence_id": request.elicence_id, "document_sha256": digest, "certificate_sha256": finding.certificate_sha256 or ""}
        return self._reserved(caller, key, body, department, draft, request.issue, extra)

    def act(self, caller: Client, key: str, identifier: str, body: Mapping[str, Any]) -> Done | Waiting:
        """Enter any other act on a licence of the caller's department."""
        record = self.visible(caller, identifier)
        digest = _digest(caller, identifier, body)
        if (found := self.line.reservations.by_key(caller.name, key)) and found.licence_id == identifier and found.content["request"] == digest:
            return self.carrier.carried(found)
        request = requests.read_act(body)
        if before := self._endorsed_before(record, caller, request):
            return before
        for _ in range(MOST_ATTEMPTS):
            draft = self._drafted(caller, record, request)
            try:
                return self._entered(caller, key, digest, record, draft, request)
            except EntryConflict:
                if draft.entry.version:
                    raise
                # An act without a document decides anew on the new head: a revocation never loses to an endorsement.
                record = self.line.book.get(identifier)
        raise EntryConflict

    def finish(self, *, limit: int = 100) -> int:
        """Carry on reservations that nobody is carrying; return how many were brought to their end.

        One that cannot be carried does not stand in the way of the others; the first trouble is raised at the end.
        """
        done, troubles = 0, []
        for reservation in self.line.reservations.unfinished(self.line.now(), limit=limit):
            try:
                done += isinstance(self.carrier.carried(reservation, wait=False), Done)
            except (Refusal, Unavailable) as trouble:
                troubles.append(trouble)
        if troubles:
            raise troubles[0]
        return done

    # -- what a caller may see ---------------------------------------------------------------------

    def visible(self, caller: Client, identifier: str) -> Record:
        """Return a record of the caller's own department and types; any other is as if it did not exist."""
        record = self.line.book.get(identifier)
        if record.department != caller.department or not caller.may_touch(record.type):
            raise NotInRegister
        return record

    def reservation(self, caller: Client, reservation_id: str) -> Done | Waiting:
        """Return how an act under way stands."""
        found = self.line.reservations.get(reservation_id)
        if found.client != caller.name:
            raise NotInRegister
        return self.carrier.answer(found) if found.state != "reserved" else Waiting(found.reservation_id, found.licence_id)

    # -- the first entry -----------------------------------------------------------------------------

    def _reserved(
        self, caller: Client, key: str, body: Mapping[str, Any], department: Department, draft: Draft, request: IssueRequest,
        extra: Mapping[str, Any] | None = None,
    ) -> Done | Waiting:  # fmt: skip
        """Reserve a new licence and carry it; the second key is case, type and holder (AI-01)."""
        face = draft.entry.version.face if draft.entry.version else {}
        holder = str(face.get(draft.template.holder_id or "", face.get(draft.template.holder_name, "")))
        intent = Intent(
            caller.name, key, _digest(caller, "", body), department.uscc, draft.template.slug, draft.entry.act.value,
            draft.entry.version.version if draft.entry.version else 1, caller.hourly_ceiling,
            {**_content(draft.entry), "request": _digest(caller, "", body), **(extra or {})},
            case_key=f"{caller.department}|{comparison_form(request.case_no)}|{draft.template.slug}|{comparison_form(holder)}",
            photos={sha256(jpeg): jpeg for jpeg in draft.photos.values()},
        )  # fmt: skip
        if self.line.reservations.find(intent) is None:
            living = self.line.book.living(live_key(draft.template.slug, draft.template.number_of(face), department.uscc))
            if living and not self.line.dead(living):
                raise NumberTaken
        return self.carrier.carried_for(caller.name, self.line.reservations.reserve(intent, self.line.now()))

    # -- acts on a licence ---------------------------------------------------------------------------

    def _drafted(self, caller: Client, record: Record, request: ActRequest) -> Draft:
        """Ask the table, draft the act and check that its page fits."""
        today, now = self._today(), self.line.now()
        template = self.line.catalogue.in_force(record.type, today)
        department = self.line.keyring.departments[record.department]
        if request.act.value not in template.acts:
            raise TransitionRefused(f"this type has no act {request.act.value}", facts={"act": request.act.value})
        must_be_granted(department, record.type, today, unattended=request.decision.unattended is not None)
        licence = record.at(today)
        if faults := (*photo_faults(template, request.photos), *self._day_faults(licence, request, today), *self._asserter_faults(caller, request)):
            raise FaceRejected("the act is not acceptable", faults=faults)
        at = Situation(licence, template, self.line.catalogue.kinds, department.name, caller.name, department.seal.seal_id, now, today)
        fact_on = fact_of(at, request).occurred_on if request.act is Act.ENDORSE else None
        mark = judge(
            licence, request.act, _judged_day(request, fact_on, licence.valid_from), lapse_after_days=template.term.lapse_after_days, fact_on=fact_on
        )
        draft = draft_act(at, request)
        if mark is Mark.RECORDED:
            draft = replace(draft, entry=replace(draft.entry, recorded_only=True), facts=())
        signed = tuple(self._signed(draft, fact, department, request) for fact in draft.facts)
        draft = replace(draft, entry=replace(draft.entry, endorsements=signed))
        if draft.entry.version:
            must_fit(self.line, draft, department, self._all_photos(draft))
        return draft

    @staticmethod
    def _day_faults(licence: Licence, request: ActRequest, today: date) -> list[Fault]:
        """Name days without sense: before the grant's decision, or ahead of what may be decided now."""
        granted_on = licence.entries[0].decision.decided_on
        given = {"decision.decided_on": request.decision.decided_on, "effective_on": request.effective_on, "right_ended_on": request.right_ended_on}
        faults = [Fault(path, "before-the-grant", "this day lies before the licence") for path, day in given.items() if day and day < granted_on]
        ahead = {"decision.decided_on": request.decision.decided_on, "right_ended_on": request.right_ended_on}
        if request.act is Act.CHANGE:
            ahead["effective_on"] = request.effective_on  # its page is current at once
        return faults + [Fault(path, "in-the-future", "this day has not come") for path, day in ahead.items() if day and day > today]

    def _asserter_faults(self, caller: Client, request: ActRequest) -> list[Fault]:
        """Another department asserts through its own client, never through this one."""
        foreign = request.asserter in self.line.keyring.departments and request.asserter != caller.department
        return [Fault("asserter", "foreign-department", "another department asserts for itself")] if foreign else []

    def _all_photos(self, draft: Draft) -> Mapping[str, bytes]:
        version = draft.entry.version
        assert version  # noqa: S101
        return {name: draft.photos.get(name) or self.line.reservations.photo(digest) for name, digest in version.photos.items()}

    @staticmethod
    def _signed(draft: Draft, fact: Fact, department: Department, request: ActRequest) -> Endorsement:
        """Make the fact a signed statement of its own (EN-01)."""
        salt = secrets.token_bytes(SALT_BYTES)
        unsigned = Endorsement(
            licence_id(secrets.randbelow(36**20)), fact.kind.slug, fact.facts, fact.occurred_on, fact.effective_from, fact.effective_to,
            request.asserter or department.uscc, department.uscc, request.external_ref, commitment(fact.facts, salt, FACTS_FORM),
            department.code_signer.kid.hex(), b"", salt,
        )  # fmt: skip
        return replace(unsigned, signature=department.code_signer.sign(unsigned.statement(draft.entry.licence_id)))

    def _entered(self, caller: Client, key: str, digest: str, record: Record, draft: Draft, request: ActRequest) -> Done | Waiting:
        """Reserve; carry an act with a document, append one without."""
        ref = self._reference(caller, record, request)
        entry = draft.entry
        intent = Intent(
            caller.name, key, digest, record.department, record.type, entry.act.value, entry.version.version if entry.version else 0,
            caller.hourly_ceiling, {**_content(entry), "request": digest, "external_ref": list(ref) if ref else None},
            licence_id=record.licence_id, photos={sha256(jpeg): jpeg for jpeg in draft.photos.values()},
        )  # fmt: skip
        reservation = self.line.reservations.reserve(intent, self.line.now())
        if entry.version or (not reservation.made_now and reservation.state != "reserved"):
            return self.carrier.carried(reservation)
        written = self.line.book.append(entry, Appendix(reservation.reservation_id, external_ref=ref))
        return self.carrier.done(reservation, written)

    @staticmethod
    def _reference(caller: Client, record: Record, request: ActRequest) -> tuple[str, str, str] | None:
        if request.external_ref is None:
            return None
        said = canonical([record.licence_id, request.kind, dict(request.facts)])
        return f"{caller.department}/{request.asserter or caller.department}", request.external_ref, sha256(said)

    def _endorsed_before(self, record: Record, caller: Client, request: ActRequest) -> Done | None:
        """The same fact sent twice is answered with the first result (EN-08)."""
        ref = self._reference(caller, record, request)
        found = self.line.book.by_external_ref(*ref) if ref else None
        if found is None:
            return None
        entry = next(one for one in self.line.book.get(found[0]).entries if one.sequence == found[1])
        return plain_answer(entry)

    def _today(self) -> date:
        return beijing_day(self.line.now())


def _judged_day(request: ActRequest, fact_on: date | None, first: date) -> date:
    """Return the day that picks the column of the table (RULINGS 01)."""
    if request.act in BY_DECISION_DAY:
        return request.decision.decided_on
    if request.suspension:
        return request.suspension.first
    if fact_on:
        return max(fact_on, first)
    return request.effective_on or request.decision.decided_on


def _content(entry: Entry) -> dict[str, Any]:
    """Return the draft as JSON, to be encrypted in the reservation."""
    return {"body": body_of(entry), "private": private_of(entry)}


def _digest(caller: Client, identifier: str, body: Mapping[str, Any]) -> str:
    """Return the digest of a request: same key with another digest is another request."""
    return sha256(canonical([caller.department, identifier, dict(body)]))
