"""What bodies outside the departments assert (EN-03): taken in under their own signature, accepted by rule pack or by a clerk."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

from licence_service import authority
from licence_service.bodies import Body
from licence_service.carrying import Done, Waiting
from licence_service.digests import canonical, sha256
from licence_service.endorsement import assertion_of
from licence_service.envelope import ORGANISATION, WORD, Reading
from licence_service.errors import AccessRefused, Fault, NotGranted, NotInRegister, Refusal, SignatureWrong
from licence_service.fields import Field
from licence_service.fold import endorsement_states
from licence_service.law import PACK
from licence_service.licence import Act, Decision, beijing_day
from licence_service.registrar import Registrar, assertion_task
from licence_service.requests import ActRequest
from licence_service.rules import acceptance_pack, judge_fact, on_underlying_right
from licence_service.seal.tokens import is_signed
from licence_service.store.clients import EVERY_TYPE, SIGNAL, Client
from licence_service.store.record import Record

_ID = Field(label="证照", type="string", disclose={}, required=True, pattern=r"[0-9A-Z]{20}")
_SIGNATURE = Field(label="签名", type="string", disclose={}, required=True, pattern=r"[0-9a-f]{128}")
_REFERENCE = Field(label="外部编号", type="string", disclose={}, required=True, max_length=120)
_DAY = Field(label="日期", type="date", disclose={}, required=True)
_BODY_CEILING = 10_000  # assertions of one body in an hour


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an assertion: `accepted`, or `asserted` and waiting, for the `reasons` named; sent again, what it is by now."""

    licence_id: str
    endorsement_id: str
    state: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Assertions:
    """Takes in assertions and signals; everything that is written goes through the registrar."""

    registrar: Registrar

    def take(self, body: Mapping[str, Any]) -> Taken:
        """Take in a signed assertion; the signature says who asks, no token does.

        The same fact sent twice is answered with the first result; other content under the same reference is `KeyReused` (EN-08).
        """
        line, today = self.registrar.line, beijing_day(self.registrar.line.now())
        request = _read(body, today)
        asserter, reference = str(request.asserter), str(request.external_ref)
        record = self._known(self._signed_by(str(body["licence_id"]), request), str(body["licence_id"]), request, today)
        client = Client(f"body:{asserter}", record.issuer(today), (EVERY_TYPE,), _BODY_CEILING)
        # Whatever dies on the way, a clerk finds it: the task is there before the assertion, and closed once it was accepted.
        task = line.tasks.open(client.department, "assertion", record.licence_id, assertion_task(asserter, reference))
        try:
            digest = sha256(canonical(dict(body)))
            done = self.registrar.enter(client, f"{asserter}:{sha256(reference.encode())}", digest, record, request)
        except Refusal:
            line.tasks.close(client.department, task, client.name)
            raise
        assert isinstance(done, Done)  # noqa: S101 - an assertion has no document to wait for
        taken = self._accepted(client, line.book.get(record.licence_id), done.endorsement_ids[0], today)
        if taken.state != "asserted":
            line.tasks.close(client.department, task, client.name)
        return taken

    def _known(self, body: Body, licence_id: str, request: ActRequest, today: date) -> Record:
        """Return the licence, of those that the body may know of: a grant of today lets it assert the kind there, or it asserted there before.

        `NotGranted` where no grant of today is for the kind, whatever licence is named; any other licence is as if it did not exist (EN-04).
        """
        line, kind = self.registrar.line, str(request.kind)
        with suppress(NotInRegister):
            before, _ = line.book.endorsed_under(f"{body.uscc}/{body.uscc}", str(request.external_ref))
            if before == licence_id:
                return line.book.get(licence_id)  # sent again (EN-08), when the grant may be over
        if not body.may_somewhere("assert", kind, today):
            raise NotGranted("the asserting body holds no grant for this kind today", facts={"rule": "EN-04"})
        return authority.asserted_on(line, body, kind, licence_id, today)

    def _signed_by(self, licence_id: str, request: ActRequest) -> Body:
        """Return who signed it, before anything else is looked at: without a key that is known nobody learns or leaves anything."""
        body = self.registrar.line.law.body(str(request.asserter))
        if body is None or body.public_key is None:
            raise AccessRefused("no such body is registered")
        said = assertion_of(licence_id, str(request.kind), request.facts, str(request.external_ref), str(request.asserter), request.corrects)
        try:
            right = is_signed(body.public_key, canonical(said), bytes.fromhex(str(request.asserter_signature)))
        except (ValueError, RecursionError):
            right = False  # what has no canonical form was signed by nobody
        if not right:
            raise SignatureWrong(facts={"rule": "EN-01"})
        return body

    def _accepted(self, client: Client, record: Record, endorsement_id: str, today: date) -> Taken:
        """Accept where the rule pack says so and the fact came in time; else it waits for a clerk, with the reason (EN-03)."""
        line = self.registrar.line
        licence = record.at(today)
        states = {one.endorsement_id: (one, state) for one, state in endorsement_states(licence.entries, today)}
        brought = next(entry for entry in record.entries if any(one.endorsement_id == endorsement_id for one in entry.endorsements))
        asserted, state = states.get(endorsement_id, (brought.endorsements[0], "asserted"))
        if state != "asserted" or brought.recorded_only:
            return Taken(record.licence_id, endorsement_id, "recorded" if brought.recorded_only else state)
        packs = line.law.packs()
        reception = judge_fact(packs, record.type, asserted.kind, asserted.facts, asserted.occurred_on, today, licence.endorsements)
        reasons = (*reception.reasons, *(("correction",) if asserted.corrects else ()))
        if reasons:
            return Taken(record.licence_id, endorsement_id, "asserted", reasons)
        decision = _by_law(asserted.external_ref or endorsement_id, line.keyring.departments[client.department].name, today, reception.pack or "")
        request = ActRequest(Act.ENDORSE, decision, endorsement_id=endorsement_id, automatic=True)
        outcome = self.registrar.enter(client, f"accept:{endorsement_id}", sha256(canonical(["accept", endorsement_id])), record, request)
        if isinstance(outcome, Waiting):
            return Taken(record.licence_id, endorsement_id, "asserted", ("sealing",))
        return Taken(record.licence_id, endorsement_id, "accepted")

    def signal(self, caller: Client, key: str, licence_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Take in a signal that an underlying right ended: a task for a clerk, or a cancellation only where a rule pack says so (LC-17)."""
        record = self.registrar.visible(caller, licence_id, SIGNAL)
        reading = Reading(body)
        reading.only(frozenset({"source", "signal", "occurred_on", "external_ref"}))
        said = {name: reading.field(name, WORD, required=True) for name in ("source", "signal")}
        said |= {"occurred_on": reading.field("occurred_on", _DAY), "external_ref": reading.field("external_ref", _REFERENCE)}
        reading.refuse_if_faulty()
        line, today = self.registrar.line, beijing_day(self.registrar.line.now())
        packs = line.law.packs()
        if on_underlying_right(packs, record.type, today) == "task":
            return {"task_id": line.tasks.open(record.issuer(today), "underlying_right", licence_id, {"rule": "LC-17", **said})}
        pack = acceptance_pack(packs, record.type, today) or PACK
        decision = _by_law(str(said["external_ref"]), line.keyring.departments[record.issuer(today)].name, today, pack)
        request = ActRequest(
            Act.CANCEL, decision, ground="underlying_right_ended", right_ended_on=date.fromisoformat(str(said["occurred_on"])), automatic=True
        )
        done = self.registrar.enter(caller, key, sha256(canonical([licence_id, dict(body)])), record, request)
        assert isinstance(done, Done)  # noqa: S101 - a cancellation has no document to wait for
        return {"sequence": done.sequence}


def _by_law(number: str, organ: str, today: date, pack: str) -> Decision:
    """Return the decision of an act that a rule pack decided; the pack is its trace."""
    return Decision(number, organ, today, pack, None, pack)


def _read(body: Mapping[str, Any], today: date) -> ActRequest:
    reading = Reading(body)
    reading.only(frozenset({"licence_id", "kind", "facts", "external_ref", "asserter", "signature", "corrects"}))
    reading.field("licence_id", _ID)
    kind, reference = reading.field("kind", WORD, required=True), reading.field("external_ref", _REFERENCE)
    asserter, signature = reading.field("asserter", ORGANISATION, required=True), reading.field("signature", _SIGNATURE)
    if not isinstance(body.get("facts"), Mapping):
        reading.faults.append(Fault("facts", "missing", "an object is wanted here"))
    corrects = reading.field("corrects", WORD)
    reading.refuse_if_faulty()
    decision = Decision(reference, asserter, today, "EN-03", None, "assertion")
    return ActRequest(
        Act.ASSERT, decision, kind=kind, facts=body["facts"], external_ref=reference, asserter=asserter, asserter_signature=signature, corrects=corrects,
        automatic=True,
    )  # fmt: skip
