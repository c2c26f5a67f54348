"""Cross-region review (异地年审) as one operation (DOMAIN §2c): any county accepts, the issuer of record stays who it is.

Five organisations are recorded: the inspecting station, who accepts, who decides, the issuer of record, and who seals. A report
serves once; a source that is silent never counts as a pass; a conflict goes to the home county with both values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from licence_service import authority, requests
from licence_service.carrying import Done, Waiting
from licence_service.digests import canonical, sha256
from licence_service.endorsing import identity_of
from licence_service.envelope import WORD, Reading
from licence_service.errors import FaceRejected, Fault, NotInRegister, ReportConsumed, RequestRejected, SignatureWrong, TransitionRefused
from licence_service.fields import Field, comparison_form
from licence_service.fold import PARENT_ENDED
from licence_service.licence import Act, Decision, Licence, LicenceState, beijing_day
from licence_service.registrar import Registrar
from licence_service.rules import ReviewFrequency, in_force, judge_fact, kind_acceptance, next_due
from licence_service.rules.pack import DeclaredDue
from licence_service.seal.tokens import is_signed
from licence_service.store.clients import Client
from licence_service.store.record import Record
from licence_service.template import EndorsementKind, Template

REPORT_FORM = "report/1"
OUTCOMES = ("pass", "fail", "conflict", "unavailable")
_TEXT = Field(label="内容", type="string", disclose={}, required=True, max_length=120)
_REPORT = {
    "station": Field(label="检验机构", type="uscc", disclose={}, required=True),
    "report_no": Field(label="报告编号", type="string", disclose={}, required=True, max_length=64),
    "tested_on": Field(label="检验日期", type="date", disclose={}, required=True),
    "plate": Field(label="号牌", type="plate", disclose={}, required=True),
    "subject": Field(label="车辆识别代号", type="string", disclose={}, required=True, max_length=40),
}
_SIGNATURE = Field(label="签名", type="string", disclose={}, pattern=r"[0-9a-f]{128}")


@dataclass(frozen=True, slots=True)
class Held:
    """A review that waits: for whom, and why; nothing was written and the report was not consumed (XR-04)."""

    licence_id: str
    task_id: str
    waits_for: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """`POST /reviews`. `report` is what the station signed; `receipts` say how each other source answered."""

    kind: str
    type: str
    search: tuple[str, str] = field(repr=False)
    report: Mapping[str, Any] = field(repr=False)
    facts: Mapping[str, Any] = field(repr=False)
    signature: str | None
    receipts: Mapping[str, Mapping[str, Any]] = field(repr=False)
    decision: Decision


@dataclass(frozen=True, slots=True)
class Reviews:
    """Carries out reviews; everything that is written goes through the registrar."""

    registrar: Registrar

    def review(self, caller: Client, key: str, body: Mapping[str, Any]) -> Done | Waiting | Held:
        """Match licence and report, ask what the law asks, and endorse; or say with whom it waits (XR-01 to XR-07)."""
        line = self.registrar.line
        digest = sha256(canonical([caller.department, dict(body)]))
        if (found := line.reservations.by_key(caller.name, key)) and found.content["request"] == digest:
            self._told(caller, line.book.get(found.licence_id), _read(body))  # a crash may have come before the home county was told
            return self.registrar.carrier.carried(found)
        request = _read(body)
        today = beijing_day(line.now())
        record = self._matched(caller, request)
        licence = record.at(today)
        template = line.catalogue.in_force(record.type, today)
        kind = line.catalogue.kinds.get(request.kind)
        if kind is None or kind.slug not in template.endorsements or not kind.asserted:
            raise FaceRejected(faults=[Fault("kind", "unknown-kind", "this kind is not asserted on this type")])
        _must_be_alive(licence)
        if held := self._held(caller, record, licence, template, kind, request):
            return held
        return self._endorsed(caller, key, digest, record, licence, kind, request)

    def _matched(self, caller: Client, request: ReviewRequest) -> Record:
        """Find the one licence of the type by a value on its face, such as the plate; in any county."""
        line = self.registrar.line
        found = authority.found_by(line, caller, request.search, request.type, beijing_day(line.now()), Act.ENDORSE)
        if len(found) != 1:
            raise NotInRegister("no single licence of this type is found by this value")
        return found[0]

    def _held(
        self, caller: Client, record: Record, licence: Licence, template: Template, kind: EndorsementKind, request: ReviewRequest
    ) -> Held | None:
        """Return why a review must wait: a conflict, a station nobody vouches for, a silent source. A failed check is refused."""
        line, report = self.registrar.line, request.report
        conflicts = _conflicts(licence, template, kind, request)
        if conflicts:
            return self._waiting(record, "conflict", "XR-03", conflicts, record.issuer(licence.valid_at))
        wanted = kind_acceptance(line.law.packs(), record.type, kind.slug, licence.valid_at).sources
        unknown = request.receipts.keys() - set(wanted)
        if unknown:
            known = f"the rule pack asks these: {', '.join(wanted)}"
            raise RequestRejected(faults=[Fault("receipts", "unknown-source", known)])
        outcomes = {name: request.receipts.get(name, {"outcome": "unavailable"})["outcome"] for name in wanted}  # not asked is not answered
        if failed := [name for name, outcome in outcomes.items() if outcome == "fail"]:
            raise TransitionRefused("a source says no", facts={"rule": "XR-04", "source": ", ".join(failed)})
        if silent := {name: outcome for name, outcome in outcomes.items() if outcome == "unavailable"}:
            return self._waiting(record, "source_unavailable", "XR-04", {"sources": silent}, caller.department)
        body = line.law.body(str(report["station"]))
        if body is None:
            return self._waiting(record, "unknown_station", "XR-07", {"station": str(report["station"])}, record.issuer(licence.valid_at))
        if body.public_key is None or not is_signed(body.public_key, canonical(report_of(request)), bytes.fromhex(request.signature or "")):
            raise SignatureWrong(facts={"rule": "EN-01"})
        if line.book.consumed(str(report["station"]), str(report["report_no"])):
            raise ReportConsumed(facts={"rule": "XR-02"})
        return None

    def _waiting(self, record: Record, kind: str, rule: str, said: Mapping[str, Any], department: str) -> Held:
        task = self.registrar.line.tasks.open(department, kind, record.licence_id, {"rule": rule, **said})
        return Held(record.licence_id, task, department, (kind.replace("_", "-"),))

    def _endorsed(
        self, caller: Client, key: str, digest: str, record: Record, licence: Licence, kind: EndorsementKind, request: ReviewRequest
    ) -> Done | Waiting:  # fmt: skip
        """Endorse in the name of the accepting county; the home county is told and may object within its term."""
        line, report = self.registrar.line, request.report
        packs, today = line.law.packs(), licence.valid_at
        facts = {**request.facts, **_facts(self.registrar, caller, licence, kind, request)}
        due = in_force(packs, record.type, today, DeclaredDue)
        passing = due[1].passed.get(kind.slug) if due else None
        if passing and not passing.holds(facts):
            raise TransitionRefused("the report does not say that the subject passed", facts={"rule": "XR-04"})
        issuer = record.issuer(today)
        organs = {
            "inspecting_station": str(report["station"]), "accepting_org": caller.department, "deciding_org": caller.department,
            "issuer_of_record": issuer, "sealing_org": issuer,
        }  # fmt: skip
        act = requests.ActRequest(
            Act.ENDORSE, request.decision, kind=kind.slug, facts=facts, external_ref=f"{report['station']}/{report['report_no']}",
            asserter=str(report["station"]), asserter_signature=request.signature, assertion=report_of(request), organs=organs,
            automatic=judge_fact(packs, record.type, kind.slug, facts, date.fromisoformat(str(report["tested_on"])), today).automatic,
        )  # fmt: skip
        done = self.registrar.enter(caller, key, digest, record, act, (str(report["station"]), str(report["report_no"])))
        self._told(caller, record, request)
        return done

    def _told(self, caller: Client, record: Record, request: ReviewRequest) -> None:
        """Tell the home county that another one reviewed; once, however often the request comes."""
        line = self.registrar.line
        issuer = record.issuer(beijing_day(line.now()))
        if issuer != caller.department:
            said = {"rule": "XR-01", "accepting_org": caller.department, **{name: str(request.report[name]) for name in ("report_no", "station")}}
            line.tasks.open(issuer, "reviewed_elsewhere", record.licence_id, said, once=True)


def report_of(request: ReviewRequest) -> dict[str, Any]:
    """Return the report as the station signs it, as JSON (docs/formats.md §6)."""
    return {"format": REPORT_FORM, "kind": request.kind, **dict(request.report), "facts": dict(request.facts)}


def _must_be_alive(licence: Licence) -> None:
    """The licence is in force, and what it hangs on is alive (DOMAIN §2c step 3)."""
    if licence.state is not LicenceState.IN_FORCE or {PARENT_ENDED, "parent_suspended"} & licence.flags:
        facts = {"state": licence.state.value, "flags": ", ".join(sorted(licence.flags)), "rule": "EN-10"}
        raise TransitionRefused("a review needs a licence in force whose parent is alive", facts=facts)


def _conflicts(licence: Licence, template: Template, kind: EndorsementKind, request: ReviewRequest) -> dict[str, Any]:
    """Return what is at odds, both values beside each other: subject by identity, plate alone is a conflict too (XR-03)."""
    found: dict[str, Any] = {}
    for name, ours in identity_of(licence.current.face, template, kind).items():
        theirs = request.report[name]
        if ours is None or comparison_form(str(ours)) != comparison_form(str(theirs)):
            found[name] = {"register": str(ours or ""), "report": str(theirs)}
    told = {name: str(said.get("value", ""))[:200] for name, said in request.receipts.items() if said["outcome"] == "conflict"}
    return {**found, **({"sources": told} if told else {})}


def _facts(registrar: Registrar, caller: Client, licence: Licence, kind: EndorsementKind, request: ReviewRequest) -> dict[str, Any]:
    """Return the facts that this operation knows, by the sources that the kind declares; the next due day is computed (XR-05)."""
    line, report, today = registrar.line, request.report, licence.valid_at
    tested = date.fromisoformat(str(report["tested_on"]))
    station = line.law.body(str(report["station"]))
    found = in_force(line.law.packs(), request.type, today, ReviewFrequency)
    due = None
    if found and found[1].kind == kind.slug:
        due = next_due(_previous_due(licence, kind), tested, licence.current.face, found[1])
    sources = {
        "tested_on": tested.isoformat(), "report_no": report["report_no"], "plate": report["plate"], "subject": report["subject"],
        "station": station.name if station else None, "accepting_organ": line.keyring.departments[caller.department].name,
        "next_due": due.isoformat() if due else None,
    }  # fmt: skip
    return {name: sources[one.source] for name, one in kind.facts.items() if one.source in sources and sources[one.source] is not None}


def _previous_due(licence: Licence, kind: EndorsementKind) -> date | None:
    """Return the day up to which the last endorsement of the kind satisfied, or the face says so."""
    mine = [one for one in licence.endorsements if one.kind == kind.slug and kind.conditions_until in one.facts]
    newest = max(mine, key=lambda one: one.occurred_on, default=None)
    said = newest.facts.get(kind.conditions_until or "") if newest else licence.current.face.get(kind.updates.get(kind.conditions_until or "", ""))
    return date.fromisoformat(str(said)) if said else None


def _read(body: Mapping[str, Any]) -> ReviewRequest:
    """Read a review; raise `RequestRejected` with every fault."""
    reading = Reading(body)
    reading.only(frozenset({"kind", "type", "search", "report", "facts", "signature", "receipts", "decision"}))
    kind, slug = reading.field("kind", WORD, required=True), reading.field("type", WORD, required=True)
    search = reading.group("search", {"field": _TEXT, "value": _TEXT}, required=True) or {}
    report = reading.group("report", _REPORT, required=True) or {}
    receipts = {}
    for name, said in reading.mapping("receipts").items():
        outcome = said.get("outcome") if isinstance(said, Mapping) else None
        if outcome not in OUTCOMES:
            reading.faults.append(Fault("receipts", "unknown-outcome", f"one of {', '.join(OUTCOMES)}"))
        else:
            receipts[name] = said
    signature = reading.field("signature", _SIGNATURE)
    decision = reading.decision()
    if report and decision.decided_on.isoformat() < str(report["tested_on"]):
        reading.faults.append(Fault("decision.decided_on", "before-the-test", "a review is decided after the test"))
    reading.refuse_if_faulty()
    return ReviewRequest(kind, slug, (str(search["field"]), str(search["value"])), report, reading.mapping("facts"), signature, receipts, decision)
