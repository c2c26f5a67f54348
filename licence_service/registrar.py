"""Every act that writes in the register (登记员): issue, adopt, renew … endorse.

Each public method takes who is calling and a parsed request, refuses before anything is written, and walks the issue
line once. Retries with the same key return the same licence.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from licence_service import requests
from licence_service.acts import BY_DECISION_DAY, Mark, judge
from licence_service.digests import SALT_BYTES, Digests, canonical, commitment, sha256
from licence_service.document import PrintedEndorsement, Sheet
from licence_service.document.photo import fault_in
from licence_service.drafting import Draft, Fact, Situation, checked_face, draft_act, draft_issue, fact_of, photo_fields
from licence_service.endorsement import Endorsement
from licence_service.entry_form import body_of, entry_of, private_of
from licence_service.errors import (
    EntryConflict,
    FaceRejected,
    Fault,
    NotGranted,
    NotInRegister,
    NumberTaken,
    Refusal,
    SealUnavailable,
    TransitionRefused,
    Unavailable,
)
from licence_service.fields import comparison_form
from licence_service.identifiers import licence_id, parse_elicence_id
from licence_service.licence import Act, Decision, Entry, beijing_day
from licence_service.line import MOST_ATTEMPTS, Line, host_of, live_key, reference
from licence_service.requests import ActRequest, AdoptRequest, IssueRequest
from licence_service.seal.keyring import Department
from licence_service.store.book import Appendix, Record
from licence_service.store.clients import Client
from licence_service.store.reservations import Intent, Reservation
from licence_service.template import Template

FACTS_FORM = "facts/1"
WAIT_SECONDS = 10.0
_POLL = 0.05
DUMMY_CODE = "0" * 12


@dataclass(frozen=True, slots=True)
class Done:
    """An act that is entered. Codes are there only where it made a document, and only for the caller that made it."""

    licence_id: str
    sequence: int
    act: str
    recorded_at: datetime
    elicence_id: str | None = None
    number: str | None = field(default=None, repr=False)
    version: int | None = None
    check_code: str | None = field(default=None, repr=False)
    delivery_code: str | None = field(default=None, repr=False)
    verify_url: str | None = field(default=None, repr=False)
    endorsement_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """An act that is reserved but not yet sealed; the retry or the worker finishes it."""

    reservation_id: str
    licence_id: str
    retry_after: int = 5


@dataclass(frozen=True, slots=True)
class Registrar:
    """The only one who writes in the book."""

    line: Line
    wait_seconds: float = WAIT_SECONDS

    # -- acts --------------------------------------------------------------------------------------

    def issue(self, caller: Client, key: str, body: Mapping[str, Any]) -> Done | Waiting:
        """Issue (颁发): a first version of a new licence."""
        request = requests.read_issue(body)
        template, department = self._granted(caller, request.type, request.decision, body, request.faults)
        draft = self._first(caller, template, department, request, Act.ISSUE)
        return self._reserved(caller, key, body, department, draft, request)

    def adopt(self, caller: Client, key: str, body: Mapping[str, Any]) -> Done | Waiting:
        """Adopt: take over a licence sealed elsewhere; its identifier and its file are kept verbatim."""
        request = requests.read_adoption(body)
        template, department = self._granted(caller, request.issue.type, request.issue.decision, body, request.issue.faults)
        draft = self._first(caller, template, department, request.issue, Act.ADOPT, before=_adoption_faults(request))
        parts = parse_elicence_id(request.elicence_id)
        if draft.entry.version and parts:
            draft = replace(draft, entry=replace(draft.entry, version=replace(draft.entry.version, version=parts.version, seal_id="adopted")))
        if self.line.book.by_elicence_id(request.elicence_id) and not self.line.reservations.by_key(caller.name, key):
            raise NumberTaken("a licence with this identifier is in the register")
        digest = self.line.archive.put(request.document)
        extra = {"elicence_id": request.elicence_id, "document_sha256": digest, "certificate_sha256": "adopted"}
        return self._reserved(caller, key, body, department, draft, request.issue, extra)

    def act(self, caller: Client, key: str, identifier: str, body: Mapping[str, Any]) -> Done | Waiting:
        """Enter any other act on a licence of the caller's department."""
        record = self.visible(caller, identifier)
        digest = _digest(caller, identifier, body)
        if (found := self.line.reservations.by_key(caller.name, key)) and found.licence_id == identifier and found.content["request"] == digest:
            return self._carried(found)
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
                done += isinstance(self._carried(reservation, wait=False), Done)
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
        return self._answer(found) if found.state != "reserved" else Waiting(found.reservation_id, found.licence_id)

    # -- the first entry -----------------------------------------------------------------------------

    def _granted(
        self, caller: Client, slug: str, decision: Decision, body: Mapping[str, Any], faults: tuple[Fault, ...]
    ) -> tuple[Template, Department]:
        """Find template and department, or refuse: unknown type, no grant (SE-01)."""
        today = self._today()
        if any(fault.path == "type" for fault in faults) or not isinstance(body.get("face"), Mapping):
            raise FaceRejected(faults=faults)
        template = self.line.catalogue.in_force(slug, today)
        department = self.line.keyring.departments.get(caller.department)
        unattended = decision.unattended is not None
        if department is None or not caller.may_touch(slug) or not department.may_seal(slug, today):
            raise NotGranted
        if unattended and not any(grant.covers(slug, today) and grant.unattended for grant in department.grants):
            raise NotGranted("no grant for unattended issue")
        return template, department

    def _first(
        self, caller: Client, template: Template, department: Department, request: IssueRequest, act: Act, before: tuple[Fault, ...] = ()
    ) -> Draft:
        """Check everything that can be refused before anything is written."""
        today = self._today()
        faults = (*request.faults, *before, *_photo_faults(template, request.photos))
        if request.decision.decided_on > today:
            faults = (*faults, Fault("decision.decided_on", "in-the-future", "the decision must have been taken"))
        raw = {**request.face, **photo_fields(request.photos)}
        if any(template.fields[name].type == "image" for name in request.face if name in template.fields):
            faults = (*faults, Fault("face", "photo-in-face", "photos are sent under `photos`"))
        face = checked_face(template, raw, department.name, today, before=faults)
        draft = draft_issue(template, request, face, by=caller.name, seal_id=department.seal.seal_id, sealed_at=self.line.now(), act=act)
        if act is Act.ISSUE:
            self._fits(draft, department)
        return draft

    def _fits(self, draft: Draft, department: Department) -> None:
        """Place the page with stand-in codes: whatever does not fit or has no glyph is refused before reserve."""
        version = draft.entry.version
        assert version  # noqa: S101 - only acts with a document are placed
        own = f"1.2.156.3005.2.{draft.template.type_code(department.uscc)}.{department.uscc}.{'0' * 20}.{version.version:03d}.0"
        self.line.printer.place(
            Sheet(
                template=draft.template, face=version.face, endorsements=self._shown(draft), elicence_id=own, version=version.version,
                copy_no=version.copy_no, check_code=DUMMY_CODE, code_text=None, host=host_of(self.line.public_url),
                department=department.short_name, photos=draft.photos, specimen=department.demo, preview=False,
            )  # fmt: skip
        )

    def _shown(self, draft: Draft) -> tuple[PrintedEndorsement, ...]:
        if draft.entry.sequence == 1:
            return ()
        standing = self.line.book.get(draft.entry.licence_id).at(self._today()).endorsements
        kinds = self.line.catalogue.kinds
        shown = [
            PrintedEndorsement(kinds[one.kind], one.facts, one.accepter, one.occurred_on)
            for one in standing
            if one.kind in draft.template.printed_kinds and one.endorsement_id != draft.entry.withdrawn
        ]
        organ = draft.entry.decision.organ
        new = [PrintedEndorsement(one.kind, one.facts, organ, one.occurred_on) for one in draft.facts if one.kind.slug in draft.template.printed_kinds]
        return tuple(sorted((*shown, *new), key=lambda one: one.occurred_on))

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
        return self._carried(self.line.reservations.reserve(intent, self.line.now()))

    # -- acts on a licence ---------------------------------------------------------------------------

    def _drafted(self, caller: Client, record: Record, request: ActRequest) -> Draft:
        """Ask the table, draft the act and check that its page fits."""
        today, now = self._today(), self.line.now()
        template = self.line.catalogue.in_force(record.type, today)
        department = self.line.keyring.departments[record.department]
        if request.act.value not in template.acts:
            raise TransitionRefused(f"this type has no act {request.act.value}", facts={"act": request.act.value})
        if request.decision.decided_on > today:
            raise FaceRejected(faults=[Fault("decision.decided_on", "in-the-future", "the decision must have been taken")])
        if faults := _photo_faults(template, request.photos):
            raise FaceRejected(faults=faults)
        licence = record.at(today)
        at = Situation(
            licence, template, self.line.catalogue.kinds, department.name, caller.name, department.seal.seal_id, now, today
        )
        fact_on = fact_of(at, request).occurred_on if request.act is Act.ENDORSE else None
        mark = judge(licence, request.act, _judged_day(request, fact_on, licence.valid_from), lapse_after_days=template.term.lapse_after_days, fact_on=fact_on)
        draft = draft_act(at, request)
        if mark is Mark.RECORDED:
            draft = replace(draft, entry=replace(draft.entry, recorded_only=True), facts=())
        signed = tuple(self._signed(draft, fact, department, request) for fact in draft.facts)
        draft = replace(draft, entry=replace(draft.entry, endorsements=signed))
        if draft.entry.version:
            if not department.may_seal(record.type, today):
                raise NotGranted
            self._fits(replace(draft, photos=self._all_photos(draft)), department)
        return draft

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
        if entry.version or not reservation.made_now and reservation.state != "reserved":
            return self._carried(reservation)
        written = self.line.book.append(entry, Appendix(reservation.reservation_id, external_ref=ref))
        return self._done(reservation, written)

    @staticmethod
    def _reference(caller: Client, record: Record, request: ActRequest) -> tuple[str, str, str] | None:
        if request.external_ref is None:
            return None
        said = canonical([record.licence_id, request.kind, dict(request.facts)])
        return request.asserter or caller.department, request.external_ref, sha256(said)

    def _endorsed_before(self, record: Record, caller: Client, request: ActRequest) -> Done | None:
        """The same fact sent twice is answered with the first result (EN-08)."""
        ref = self._reference(caller, record, request)
        found = self.line.book.by_external_ref(*ref) if ref else None
        if found is None:
            return None
        entry = next(one for one in self.line.book.get(found[0]).entries if one.sequence == found[1])
        return _plain_answer(entry)

    # -- carrying ------------------------------------------------------------------------------------

    def _carried(self, reservation: Reservation, *, wait: bool = True) -> Done | Waiting:
        """Carry a reservation, or wait for the twin that carries it: at most ten seconds, then `Waiting`."""
        deadline = time.monotonic() + (self.wait_seconds if wait else 0)
        mine = reservation.made_now
        while True:
            if reservation.state != "reserved":
                return self._answer(reservation)
            if mine or self.line.reservations.claim(reservation.reservation_id, self.line.now()):
                try:
                    return self._done(reservation, self._carry(reservation))
                except SealUnavailable as trouble:
                    self.line.reservations.let_go(reservation.reservation_id, self.line.now())
                    return Waiting(reservation.reservation_id, reservation.licence_id, trouble.retry_after)
                except Unavailable:
                    self.line.reservations.let_go(reservation.reservation_id, self.line.now())
                    raise
                except EntryConflict:
                    # A slow seal outlived the lease, and another carried the same reservation to its end meanwhile.
                    reservation = self.line.reservations.get(reservation.reservation_id)
                    if reservation.state != "entered":
                        raise
                    return self._answer(reservation)
            if time.monotonic() >= deadline:
                return Waiting(reservation.reservation_id, reservation.licence_id)
            time.sleep(_POLL)
            reservation = self.line.reservations.get(reservation.reservation_id)

    def _carry(self, reservation: Reservation) -> Entry:
        if reservation.version:
            return self.line.carry(reservation)
        # An act without a document that crashed between reserve and append.
        entry = entry_of(reservation.content["body"], reservation.content["private"], Digests("", ""))
        head = self.line.book.get(reservation.licence_id).at(self._today()).head
        return self.line.book.append(replace(entry, sequence=head + 1), Appendix(reservation.reservation_id, external_ref=reference(reservation.content)))

    def _answer(self, reservation: Reservation) -> Done:
        if reservation.sequence is None:
            raise TransitionRefused(reservation.reason or "this act was abandoned", facts={"licence_id": reservation.licence_id})
        entries = self.line.book.get(reservation.licence_id).entries
        return self._done(reservation, next(one for one in entries if one.sequence == reservation.sequence))

    def _done(self, reservation: Reservation, entry: Entry) -> Done:
        answer = _plain_answer(entry)
        version = entry.version
        if version is None:
            return answer
        template = self.line.catalogue.edition(reservation.type, version.edition)
        department = self.line.keyring.departments[reservation.department]
        return replace(
            answer, elicence_id=version.elicence_id, number=template.number_of(version.face), version=version.version,
            check_code=reservation.check_code, delivery_code=reservation.delivery_code,
            verify_url=self.line.verify_url(entry, template, department),
        )  # fmt: skip

    def _today(self) -> date:
        return beijing_day(self.line.now())


def _plain_answer(entry: Entry) -> Done:
    assert entry.recorded_at  # noqa: S101 - it was read from the book
    ids = tuple(one.endorsement_id for one in entry.endorsements)
    return Done(entry.licence_id, entry.sequence, entry.act.value, entry.recorded_at, endorsement_ids=ids)


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


def _photo_faults(template: Template, photos: Mapping[str, bytes]) -> tuple[Fault, ...]:
    faults = []
    for name, jpeg in photos.items():
        if name not in template.fields or template.fields[name].type != "image":
            faults.append(Fault("photos", "unknown-photo", "the template has no such photo"))
        elif found := fault_in(jpeg):
            faults.append(Fault(f"photos.{name}", *found))
    return tuple(faults)


def _adoption_faults(request: AdoptRequest) -> tuple[Fault, ...]:
    faults = []
    if parse_elicence_id(request.elicence_id) is None:
        faults.append(Fault("elicence_id", "bad-check-character", "structure or check character is not that of GB/T 36904"))
    if b"%PDF-" not in request.document[:1024]:
        faults.append(Fault("document", "not-a-pdf", "a PDF file is wanted here"))
    return tuple(faults)
