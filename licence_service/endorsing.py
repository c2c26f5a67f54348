"""Endorsements on their way in: judged by the law of the day, by grants and by signatures, and made signed statements."""

import secrets
from dataclasses import dataclass, replace
from datetime import date

from licence_service import authority
from licence_service.digests import SALT_BYTES, canonical, commitment, sha256
from licence_service.drafting import Draft
from licence_service.endorsement import FACTS_FORM, Endorsement, assertion_of, committed_facts
from licence_service.errors import FaceRejected, Fault, NotGranted, SignatureWrong, TransitionRefused
from licence_service.fields import Face, comparison_form
from licence_service.fold import endorsement_states
from licence_service.identifiers import licence_id
from licence_service.licence import Act, Licence
from licence_service.line import Line
from licence_service.recording import Fact, Situation, accepted_fact, fact_of
from licence_service.requests import ActRequest
from licence_service.rules import RulePack, acceptance_pack, judge_fact
from licence_service.seal.department import Department
from licence_service.seal.tokens import Purpose, is_signed, key_id
from licence_service.store.clients import Client
from licence_service.store.record import Record
from licence_service.template import EndorsementKind, Template

TOO_OLD = "report-too-old"


@dataclass(frozen=True, slots=True)
class Setting:
    """What an act is judged in: the record, its type today, who seals, who acts, the day, and the law as it is known now."""

    line: Line
    caller: Client
    record: Record
    template: Template
    department: Department
    today: date
    packs: tuple[RulePack, ...]

    def situation(self, licence: Licence) -> Situation:
        """Return the situation for the drafter."""
        before = self.line.keyring.departments.get(self.record.issuer(self.today))
        return Situation(
            licence, self.template, self.line.catalogue.kinds, self.department.name, self.caller.name, self.department.seal.seal_id,
            self.line.now(), self.today, self.caller.department, before.name if before else "", self.packs, self.caller.office,
        )  # fmt: skip


def checked_fact(setting: Setting, at: Situation, request: ActRequest) -> Fact | None:
    """Return the endorsed fact, checked against the law of the day and the grants of who asserts and accepts."""
    if request.act not in {Act.ENDORSE, Act.ASSERT}:
        return None
    if request.endorsement_id:
        states = endorsement_states(at.licence.entries, at.today)
        asserted = next((one for one, state in states if one.endorsement_id == request.endorsement_id and state == "asserted"), None)
        if asserted is None:
            raise TransitionRefused("there is no assertion under this id that waits", facts={"rule": "EN-03"})
        fact = accepted_fact(at, asserted)
        _must_correct_its_like(setting, at, request, asserted.kind, asserted.corrects, asserted.asserter)
    else:
        fact = fact_of(at, request)
        _must_correct_its_like(setting, at, request, fact.kind.slug, request.corrects, request.asserter or setting.caller.department)
        reception = judge_fact(
            setting.packs, setting.record.type, fact.kind.slug, fact.facts, fact.occurred_on, setting.today, at.licence.endorsements
        )
        # The age of a report binds what is taken in by rule; a clerk who endorses an old one has decided so.
        breaches = [one for one in reception.breaches if one.fault.code != TOO_OLD or request.organs or request.act is Act.ASSERT]
        if breaches:
            rules = ", ".join(sorted({one.rule for one in breaches}))
            raise FaceRejected("the endorsement breaks the law of the day", faults=[one.fault for one in breaches], facts={"rule": rules})
    _must_be_granted(setting, request, fact)
    _must_match(setting, at, fact)
    return fact


def _must_correct_its_like(setting: Setting, at: Situation, request: ActRequest, kind: str, corrects: str | None, asserter: str) -> None:
    """A correction names an endorsement of the same kind that stands: a body's own, or one that the caller may withdraw (EN-06, EN-07)."""
    if corrects is None:
        return
    standing = [one for one, state in endorsement_states(at.licence.entries, at.today) if state == "accepted" and not at.kinds[one.kind].written_by]
    found = next((one for one in standing if one.endorsement_id == corrects and one.kind == kind), None)
    if found is None:
        raise TransitionRefused("there is no accepted endorsement of this kind to correct under this id", facts={"rule": "EN-06"})
    own = (
        found.asserter == asserter
        if request.act is Act.ASSERT
        else setting.caller.department in {found.accepter, setting.record.issuer(setting.today)}
    )
    if not own:
        raise NotGranted("only who asserted it, its accepter or the issuer of record corrects an endorsement", facts={"rule": "EN-07"})


def must_be_entitled(setting: Setting, at: Situation, request: ActRequest) -> None:
    """The accepting organ and the issuer of record withdraw; who may accept a kind may refuse one (EN-07)."""
    if request.act not in {Act.WITHDRAW_ENDORSEMENT, Act.REFUSE_ENDORSEMENT}:
        return
    caller = setting.caller.department
    about = next((one for one, _ in endorsement_states(at.licence.entries, at.today) if one.endorsement_id == request.endorsement_id), None)
    if about is None or caller == setting.record.issuer(setting.today):
        return  # what is not there is refused by its state
    accepting = authority.may_accept(setting.line, caller, about.kind, setting.record.type, (setting.today,))
    if not (about.accepter == caller if request.act is Act.WITHDRAW_ENDORSEMENT else accepting):
        raise NotGranted("only the accepting organ and the issuer of record may do this", facts={"rule": "EN-07"})


def identity_of(face: Face, template: Template, kind: EndorsementKind) -> dict[str, object]:
    """Return what the face says of the thing that a kind is about: its `subject`, such as the vehicle's number, and its `plate`; None where it does not."""
    plate = next((name for name, each in template.fields.items() if each.type == "plate"), "")
    return {"subject": face.get(kind.bound_to or ""), "plate": face.get(plate)}


def _must_match(setting: Setting, at: Situation, fact: Fact) -> None:
    """A test of another vehicle is never written on this one (XR-03, EN-11): both values go to the clerk."""
    ours = identity_of(at.licence.current.face, setting.template, fact.kind)
    said = {one.source: fact.facts[name] for name, one in fact.kind.facts.items() if one.source in ours and name in fact.facts}
    wrong = {
        str(source): {"register": str(ours[source] or ""), "asserted": str(value)}
        for source, value in said.items()
        if source and comparison_form(str(ours[source] or "")) != comparison_form(str(value))
    }
    if wrong:
        setting.line.tasks.open(setting.record.issuer(setting.today), "conflict", setting.record.licence_id, {"rule": "XR-03", "values": wrong})
        raise TransitionRefused("the fact is about another vehicle or plate than the licence", facts={"rule": "XR-03"})


def _must_be_granted(setting: Setting, request: ActRequest, fact: Fact) -> None:
    """Check grants on the day of the fact and today (EN-04): another department must hold one to accept, a body one to assert."""
    line, slug, days = setting.line, setting.record.type, (fact.occurred_on, setting.today)
    accepting = line.keyring.departments.get(setting.caller.department)
    issuer = setting.record.issuer(setting.today)
    if (
        request.act is Act.ENDORSE
        and setting.caller.department != issuer
        and not authority.may_accept(line, setting.caller.department, fact.kind.slug, slug, days)
    ):
        raise NotGranted("no grant to accept this kind on these days", facts={"rule": "EN-04"})
    asserter = request.asserter
    if asserter is None or asserter == setting.caller.department:
        return
    if asserter in line.keyring.departments:
        raise FaceRejected("the act is not acceptable", faults=[Fault("asserter", "foreign-department", "another department asserts for itself")])
    if accepting is None or not line.law.may("assert", asserter, fact.kind.slug, slug, accepting.region, days):
        raise NotGranted("the asserting body holds no grant for this kind on these days", facts={"rule": "EN-04"})
    _must_be_signed(setting, request, fact)


def _must_be_signed(setting: Setting, request: ActRequest, fact: Fact) -> None:
    """A third body signs its assertion with its own key (EN-01)."""
    body = setting.line.law.body(request.asserter or "")
    said = request.assertion or assertion_of(
        setting.record.licence_id, fact.kind.slug, fact.facts, request.external_ref or "", request.asserter or "", request.corrects
    )
    signature = bytes.fromhex(request.asserter_signature or "")
    if body is None or body.public_key is None or not is_signed(body.public_key, canonical(said), signature):
        raise SignatureWrong(facts={"rule": "EN-01"})


def signed(setting: Setting, draft: Draft, fact: Fact, request: ActRequest) -> Endorsement:
    """Make the fact a signed statement of its own (EN-01): by the accepting department's code key, over the body's signature where it has one."""
    unsigned = stated(setting, fact, request)
    if request.act is Act.ASSERT:
        return unsigned
    own = setting.line.keyring.departments[setting.caller.department]
    return replace(unsigned, signature=own.signers[Purpose.ENDORSEMENT].sign(unsigned.statement(draft.entry.licence_id)))


def stated(setting: Setting, fact: Fact, request: ActRequest) -> Endorsement:
    """Make the fact a statement that nobody has signed."""
    line, template, caller = setting.line, setting.template, setting.caller.department
    licence = setting.record.at(setting.today)
    face = licence.current.face
    bound_to = fact.kind.bound_to
    subject = str(face[bound_to]) if bound_to and bound_to in template.fields and bound_to in face else None
    asserted = next((one for entry in licence.entries for one in entry.endorsements if request.endorsement_id == one.endorsement_id), None)
    salt = asserted.salt if asserted else secrets.token_bytes(SALT_BYTES)
    own = line.keyring.departments[caller] if request.act is not Act.ASSERT else None
    body = line.law.body(request.asserter or "") if request.asserter_signature else None
    return Endorsement(
        asserted.endorsement_id if asserted else licence_id(secrets.randbelow(36**20)), fact.kind.slug, fact.facts, fact.occurred_on,
        fact.effective_from, fact.effective_to, (asserted.asserter if asserted else request.asserter) or caller, caller if own else None,
        asserted.external_ref if asserted else request.external_ref, commitment(committed_facts(fact.facts, subject), salt, FACTS_FORM),
        own.signers[Purpose.ENDORSEMENT].kid.hex() if own else "", b"", salt, corrects=asserted.corrects if asserted else request.corrects,
        rule_pack=acceptance_pack(setting.packs, setting.record.type, setting.today) if request.act is Act.ENDORSE else None,
        previous=licence.entries[-1].digest.sha256 if licence.entries[-1].digest else None,
        asserter_kid=asserted.asserter_kid if asserted else key_id(body.public_key) if body and body.public_key else None,
        asserter_signature=asserted.asserter_signature if asserted else bytes.fromhex(request.asserter_signature or ""), subject=subject,
    )  # fmt: skip


def report_of(line: Line, draft: Draft) -> tuple[str, str] | None:
    """Return the inspection report that an accepted endorsement uses, by whichever way it came (XR-02)."""
    for one in draft.entry.endorsements if draft.entry.act is Act.ENDORSE else ():
        facts = line.catalogue.kinds[one.kind].facts
        number = next((one.facts[name] for name, each in facts.items() if each.source == "report_no" and name in one.facts), None)
        if number is not None:
            return one.asserter, str(number)
    return None


def reference_of(caller: Client, record: Record, request: ActRequest) -> tuple[str, str, str] | None:
    """Return under which reference a fact came, None where under none: whose it is, the reference, and the digest of what was said under it (EN-08)."""
    if request.external_ref is None:
        return None
    said = canonical([record.licence_id, request.kind, dict(request.facts)])
    scope = request.asserter if request.asserter_signature else caller.department  # a body that signs is itself, whoever passes it on
    return f"{scope}/{request.asserter or caller.department}", request.external_ref, sha256(said)
