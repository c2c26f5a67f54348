"""Every act that writes in the register (登记员): issue, adopt, renew … endorse.

Each public method takes who is calling and a parsed request, refuses before anything is written, and walks the issue
line once. Retries with the same key return the same licence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from licence_service import authority, requests
from licence_service.answered import noted_on_case
from licence_service.carrying import WAIT_SECONDS, Carrier, Done, Waiting, plain_answer
from licence_service.confirming import OnDecision, confirmed, first_on, later_number, later_on
from licence_service.deciding import drafted
from licence_service.digests import canonical, sha256
from licence_service.drafting import Draft
from licence_service.endorsing import reference_of, report_of
from licence_service.entry_form import body_of, private_of
from licence_service.errors import (
    EntryConflict,
    KeyReused,
    NumberTaken,
    Refusal,
    SealBraked,
    SealStopped,
    SealUnavailable,
    Unavailable,
)
from licence_service.identifiers import parse_elicence_id
from licence_service.licence import Act, Entry, beijing_day
from licence_service.line import MOST_ATTEMPTS, Line, live_key
from licence_service.preflight import adoption_faults, first_draft, granted
from licence_service.requests import ActRequest, AdoptRequest, IssueRequest
from licence_service.seal.department import Department
from licence_service.seal.examiner import Examiner
from licence_service.store.case_answers import CaseAnswers
from licence_service.store.cases import case_text
from licence_service.store.clients import READ, Client
from licence_service.store.record import Record
from licence_service.store.reservations import Intent, Reservation
from licence_service.store.source_waits import kept_of, whose_of
from licence_service.waiting import kept_if_silent

WAITS_FOR: dict[tuple[str | None, str | None], str] = {  # by the last line of the seal-use log about a reservation
    ("refused", "stopped"): SealStopped.slug, ("refused", "ceiling"): SealBraked.slug, ("failed", "unavailable"): SealUnavailable.slug,
}  # fmt: skip
_SETTLING = frozenset({Act.ENDORSE, Act.REFUSE_ENDORSEMENT})


def assertion_task(asserter: str, external_ref: str) -> dict[str, str]:
    """Return what a task about an assertion says: who asserted it, under which reference of theirs (EN-03)."""
    return {"rule": "EN-03", "asserter": asserter, "external_ref": external_ref}


@dataclass(frozen=True, slots=True)
class Registrar:
    """The only one who writes in the book."""

    line: Line
    examiner: Examiner
    answers: CaseAnswers
    wait_seconds: float = WAIT_SECONDS

    @property
    def carrier(self) -> Carrier:
        """Return what carries reservations to their end."""
        return Carrier(self.line, self.wait_seconds)

    # -- acts --------------------------------------------------------------------------------------

    def issue(self, caller: Client, key: str, body: Mapping[str, Any]) -> Done | Waiting:
        """Issue (颁发): a first version of a new licence."""
        request = requests.read_issue(body)
        with noted_on_case(self.line, self.answers, caller, request):
            template, department = granted(self.line, caller, request, body)
        if (request.decision.unattended or self.line.connectors) and (begun := self.begun(caller, key, body)):
            return begun
        with noted_on_case(self.line, self.answers, caller, request):
            with kept_if_silent(self.line, whose_of(caller), request.type, request.case_no, kept_of(caller, key, body)):
                draft = first_draft(self.line, caller, template, department, request, Act.ISSUE)
                draft = self._confirmed(caller, first_on(caller.organisation, draft, request.case_no))
            reservation = self._reserved(caller, key, body, department, draft, request)
        return self.carrier.carried_for(caller.name, reservation)

    def convert(self, caller: Client, key: str, body: Mapping[str, Any]) -> Done | Waiting:
        """Convert (存量转换): a first sealed document of a licence that there is on paper; its content, number, term and issue date stay (ST-01)."""
        request = requests.read_conversion(body)
        template, department = granted(self.line, caller, request, body)
        draft = first_draft(self.line, caller, template, department, request, Act.ISSUE)
        return self.carrier.carried_for(caller.name, self._reserved(caller, key, body, department, draft, request))

    def adopt(self, caller: Client, key: str, body: Mapping[str, Any], *, of_stock: bool = False) -> Done | Waiting:
        """Adopt: take over a licence sealed elsewhere; its identifier and its file are kept verbatim. `of_stock`: `body` says its `origin`."""
        request = requests.read_adoption(body, of_stock=of_stock)
        with noted_on_case(self.line, self.answers, caller, request.issue, Act.ADOPT):
            reservation = self._adopted(caller, key, body, request)
        return self.carrier.carried_for(caller.name, reservation)

    def _adopted(self, caller: Client, key: str, body: Mapping[str, Any], request: AdoptRequest) -> Reservation:
        template, department = granted(self.line, caller, request.issue, body, Act.ADOPT)
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
        """Enter any other act on a licence that the caller may act on."""
        record = self.visible(caller, identifier, doing=str(body.get("act")))
        digest = _digest(caller, identifier, body)
        if (found := self.line.reservations.by_key(caller.name, key)) and found.licence_id == identifier and found.content["request"] == digest:
            return self.carrier.carried(found)
        request = requests.read_act(body)
        kept = {**kept_of(caller, key, body), "licence_id": record.licence_id}
        with kept_if_silent(self.line, whose_of(caller), record.type, later_number(record.licence_id, request.act), kept):
            outcome = self.enter(caller, key, digest, record, request)
        if request.act in _SETTLING:
            self._settle(record, request.endorsement_id or "")
        return outcome

    def enter(
        self, caller: Client, key: str, digest: str, record: Record, request: ActRequest, report: tuple[str, str] | None = None
    ) -> Done | Waiting:  # fmt: skip
        """Enter an act that was read already; `report` is the inspection report that it consumes (XR-02)."""
        draft: Draft | None = None
        for _ in range(MOST_ATTEMPTS):
            try:
                if before := self._endorsed_before(record, caller, request):
                    self._given_up(caller, key, digest, "this fact was entered under another key")
                    return before
                draft = drafted(self.line, caller, record, request, self._today())
                draft = self._confirmed(caller, later_on(self.line, f"{caller.name}|{key}", record, draft))
                return self._entered(caller, key, digest, record, draft, request, report or report_of(self.line, draft))
            except EntryConflict:
                if draft is None or draft.entry.version:
                    raise
                # An act without a document decides anew on the new head: a revocation never loses to an endorsement.
                record = self.line.book.get(record.licence_id)
            except Refusal as refused:
                if entered := self._given_up(caller, key, digest, refused.detail):
                    return entered
                raise
        self._given_up(caller, key, digest, EntryConflict.title)
        raise EntryConflict

    def _confirmed(self, caller: Client, act: OnDecision) -> Draft:
        """Return an act with the receipt of its decision, or raise why it is not entered (AI-02)."""
        (found,) = confirmed(self.line, whose_of(caller), [act])
        if isinstance(found, Draft):
            return found
        raise found

    def _settle(self, record: Record, endorsement_id: str) -> None:
        """Close the task of an assertion that a clerk accepted or refused."""
        found = next((one for entry in record.entries for one in entry.endorsements if one.endorsement_id == endorsement_id), None)
        for _, task in self.line.tasks.of(record.issuer(self._today()), licence_id=record.licence_id) if found else ():
            if task.kind == "assertion" and found and task.content == assertion_task(found.asserter, found.external_ref or ""):
                self.line.tasks.close(task.department, task.task_id, "settled")

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

    def begun(self, caller: Client, key: str, body: Mapping[str, Any]) -> Done | Waiting | None:
        """Return what became of a first entry that was reserved under this key before: what it was judged by may have grown old since (AI-01)."""
        found = self.line.reservations.by_key(caller.name, key)
        return self.carrier.carried(found) if found and found.content["request"] == _digest(caller, "", body) else None

    # -- what a caller may see ---------------------------------------------------------------------

    def visible(self, caller: Client, identifier: str, doing: str = READ) -> Record:
        """Return a record that the caller may know of, and read or do an act on; any other is as if it did not exist."""
        return authority.found(self.line, caller, identifier, self._today(), doing)

    def reservation(self, caller: Client, reservation_id: str) -> Done | Waiting:
        """Return how an act under way stands."""
        found = self.line.reservations.get(reservation_id, caller)
        if found.state != "reserved":
            return self.carrier.answer(found)
        uses = self.line.seal_log.uses(reservation_id=reservation_id)
        last = (uses[-1]["event"], uses[-1]["reason"]) if uses else ("", "")
        return Waiting(found.reservation_id, found.licence_id, waits_for=WAITS_FOR.get(last, "sealing"))

    # -- the first entry -----------------------------------------------------------------------------

    def _reserved(
        self, caller: Client, key: str, body: Mapping[str, Any], department: Department, draft: Draft, request: IssueRequest,
        extra: Mapping[str, Any] | None = None,
    ) -> Reservation:  # fmt: skip
        """Reserve a new licence; the second key is case, type and holder (AI-01)."""
        intent = self.intent(caller, key, body, department, draft, request, extra)
        face = draft.entry.version.face if draft.entry.version else {}
        if self.line.reservations.find(intent) is None:
            living = self.line.book.living(live_key(draft.template.slug, draft.template.number_of(face), department.uscc))
            if living and not self.line.dead(living):
                raise NumberTaken
        return self.line.reservations.reserve(intent, self.line.now())

    @staticmethod
    def intent(
        caller: Client, key: str, body: Mapping[str, Any], department: Department, draft: Draft, request: IssueRequest,
        extra: Mapping[str, Any] | None = None,
    ) -> Intent:  # fmt: skip
        """Return what is to be reserved for a first entry."""
        digest = _digest(caller, "", body)
        return Intent(
            caller.name, key, digest, department.uscc, draft.template.slug, draft.entry.act.value,
            draft.entry.version.version if draft.entry.version else 1, caller.hourly_ceiling,
            {**_content(draft.entry), "request": digest, **(extra or {})},
            case_key=first_on(caller.organisation, draft, request.case_no).use,
            case_no=case_text(caller.department, request.case_no), office=caller.office,
            photos={sha256(jpeg): jpeg for jpeg in draft.photos.values()},
        )  # fmt: skip

    # -- acts on a licence ---------------------------------------------------------------------------

    def _entered(
        self, caller: Client, key: str, digest: str, record: Record, draft: Draft, request: ActRequest, report: tuple[str, str] | None
    ) -> Done | Waiting:
        """Reserve; carry an act with a document, append one without."""
        ref = reference_of(caller, record, request)
        entry = draft.entry
        sealing = caller.department if entry.act is Act.ACCEPT_TRANSFER else record.issuer(self._today())
        intent = self.later_intent(caller, key, digest, record, draft, sealing, ref, report)
        reservation = self.line.reservations.reserve(intent, self.line.now())
        if entry.version or (not reservation.made_now and reservation.state != "reserved"):
            return self.carrier.carried(reservation)
        written = self.line.book.append(entry, self.line.beside(reservation, entry, record))
        return self.carrier.done(reservation, written)

    @staticmethod
    def later_intent(
        caller: Client, key: str, digest: str, record: Record, draft: Draft, sealing: str, ref: tuple[str, str, str] | None = None,
        report: tuple[str, str] | None = None,
    ) -> Intent:  # fmt: skip
        """Return what is to be reserved for an act on a licence that is there; `sealing` is the department whose seal it takes."""
        entry = draft.entry
        return Intent(
            caller.name, key, digest, sealing, record.type, entry.act.value, entry.version.version if entry.version else 0,
            caller.hourly_ceiling,
            {**_content(entry), "request": digest, "external_ref": list(ref) if ref else None, "report": list(report) if report else None},
            licence_id=record.licence_id, office=caller.office, photos={sha256(jpeg): jpeg for jpeg in draft.photos.values()},
        )  # fmt: skip

    def _given_up(self, caller: Client, key: str, digest: str, reason: str) -> Done | None:
        """Abandon what an earlier attempt reserved, if one did: what the caller is refused must not be entered by the worker after all.

        Where a twin or the worker has entered it meanwhile, its answer is returned: the refusal came from the act itself.
        """
        found = self.line.reservations.by_key(caller.name, key)
        if found is None or found.version or found.content["request"] != digest:
            return None
        self.line.reservations.abandon(found.reservation_id, reason)
        settled = self.line.reservations.get(found.reservation_id)
        return self.carrier.answer(settled) if settled.state == "entered" else None

    def _endorsed_before(self, record: Record, caller: Client, request: ActRequest) -> Done | None:
        """The same fact sent twice is answered with the first result; other content is a conflict that a clerk sees (EN-08)."""
        ref = reference_of(caller, record, request)
        if ref is None:
            return None
        try:
            found = self.line.book.by_external_ref(*ref)
        except KeyReused:
            held, sequence = self.line.book.endorsed_under(ref[0], ref[1])
            earlier, both, today = self.line.book.get(held), {"second": dict(request.facts)}, self._today()
            if (earlier.issuer(today), earlier.office) == (record.issuer(today), record.office):  # else whoever sees the task knows nothing of it
                first = next(one for one in earlier.entries if one.sequence == sequence).endorsements[0]
                both["first"] = {"endorsement_id": first.endorsement_id, "facts": dict(first.facts)}
            said = {"rule": "EN-08", "asserter": request.asserter or caller.department, "external_ref": ref[1], **both}
            self.line.tasks.open(record.issuer(self._today()), "conflict", record.licence_id, said)
            raise
        if found is None:
            return None
        entry = next(one for one in self.line.book.get(found[0]).entries if one.sequence == found[1])
        return plain_answer(entry)

    def _today(self) -> date:
        return beijing_day(self.line.now())


def _content(entry: Entry) -> dict[str, Any]:
    """Return the draft as JSON, to be encrypted in the reservation."""
    return {"body": body_of(entry), "private": private_of(entry)}


def _digest(caller: Client, identifier: str, body: Mapping[str, Any]) -> str:
    """Return the digest of a request: same key with another digest is another request."""
    return sha256(canonical([caller.department, identifier, dict(body)]))
