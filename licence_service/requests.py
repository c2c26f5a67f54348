"""What approval systems send, read into plain values: every fault named with its path, no value echoed."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from licence_service.acts import GROUNDS
from licence_service.basis import Basis, read_origins, read_receipts
from licence_service.envelope import ORGANISATION, WORD, Reading
from licence_service.errors import Fault, RequestRejected
from licence_service.fields import Field
from licence_service.frozen import dataclass, field, replace
from licence_service.licence import Act, Decision, Origin, Suspension

_CASE = Field(label="办件编号", type="string", disclose={}, required=True, max_length=80, pattern=r"[0-9A-Za-z._/-]+")
_ITEM = Field(label="事项编码", type="string", disclose={}, pattern=r"[0-9A-Z]{6,60}")
BUNDLE_NO = Field(label="一件事编号", type="string", disclose={}, max_length=80, pattern=r"[0-9A-Za-z._/-]+")
LICENCE = Field(label="证照", type="string", disclose={}, pattern=r"[0-9A-Z]{20}")
_REGION = Field(label="区划", type="string", disclose={}, pattern=r"[0-9]{6}")
_SIGNATURE = Field(label="签名", type="string", disclose={}, pattern=r"[0-9a-f]{128}")
_SUSPENSION = {
    "kind": Field(label="种类", type="enum", disclose={}, required=True, codes={"penalty": "行政处罚", "measure": "强制措施"}),
    "first": Field(label="起", type="date", disclose={}, required=True),
    "last": Field(label="止", type="date", disclose={}, after="first"),
    "allows": Field(label="允许", type="multi_enum", disclose={}, codes={act: act for act in ("renew", "change", "transfer")}),
}
_KEY_LENGTH = range(8, 201)
REASONS = ("lost", "damaged")
OBJECTION = "objection"
ENDORSEMENT_GROUNDS = (OBJECTION, "report_recalled", "error", "overturned", "other")
WITHDRAWAL_GROUNDS = ("beyond_powers", "wrong_procedure", "unqualified_applicant", "fraud", "other")

_BASIS_KEYS = frozenset({"service_item_code", "bundle_no", "receipts", "sources"})
_ISSUE_KEYS = frozenset({"type", "case_no", "decision", "face", "photos", "parent", "region"}) | _BASIS_KEYS
_NO_BASIS = Basis()
_ADOPT_KEYS = _ISSUE_KEYS | {"elicence_id", "document"}
_ORIGIN = {
    "system": Field(label="来源系统", type="string", disclose={}, required=True, max_length=80),
    "row_digest": Field(label="来源行摘要", type="string", disclose={}, required=True, pattern=r"[0-9a-f]{64}"),
}
_DRAWN = frozenset({"face", "photos", "reason_text", "sources"})
ACT_KEYS: Mapping[Act, frozenset[str]] = {
    Act.RENEW: _DRAWN,
    Act.REPLACE: frozenset({"reason"}),
    Act.CHANGE: _DRAWN,
    Act.REDUCE_SCOPE: _DRAWN,
    Act.CORRECT: _DRAWN,
    Act.RESEAL: frozenset({"reason_text"}),
    Act.VOID: _DRAWN | {"version"},
    Act.TRANSFER: frozenset({"to_department", "reason_text"}),
    Act.ACCEPT_TRANSFER: _DRAWN | {"target"},
    Act.REJECT_TRANSFER: frozenset({"target", "reason_text"}),
    Act.SUSPEND: frozenset({"suspension", "reason_text"}),
    Act.LIFT: frozenset({"target"}),
    Act.REVOKE: frozenset(),
    Act.WITHDRAW: frozenset({"ground"}),
    Act.RECALL: frozenset(),
    Act.CANCEL: frozenset({"ground", "right_ended_on", "agreed"}),
    Act.REINSTATE: _DRAWN | {"target"},
    Act.STAY: frozenset({"target", "until"}),
    Act.END_STAY: frozenset({"target"}),
    Act.REVERSE: frozenset({"target"}),
    Act.REPORT_LOST: frozenset(),
    Act.REPORT_FOUND: frozenset(),
    Act.ENDORSE: frozenset({"kind", "facts", "external_ref", "asserter", "asserter_signature", "corrects", "endorsement_id", "region"}),
    Act.REFUSE_ENDORSEMENT: frozenset({"endorsement_id"}),
    Act.WITHDRAW_ENDORSEMENT: frozenset({"endorsement_id", "ground"}),
}


# Their legal day is the decision's or the fact's own.
BY_DECISION = frozenset({Act.TRANSFER, Act.ACCEPT_TRANSFER, Act.REJECT_TRANSFER, Act.ENDORSE, Act.RESEAL, Act.VOID, Act.REFUSE_ENDORSEMENT})
ACTS = tuple(ACT_KEYS)  # what a caller may enter on a licence


@dataclass(frozen=True, slots=True)
class IssueRequest:
    """`POST /licences`. `face` is still raw; `photos` are JPEG bytes by field name; `parent` the licence it hangs on."""

    type: str
    case_no: str
    decision: Decision
    face: Mapping[str, Any] = field(repr=False)
    photos: Mapping[str, bytes] = field(repr=False)
    faults: tuple[Fault, ...] = ()
    parent: str | None = None
    region: str | None = None
    basis: Basis = field(default_factory=Basis)
    origin: Origin | None = None  # set by what releases a stock, never by a caller


@dataclass(frozen=True, slots=True)
class AdoptRequest:
    """`POST /licences/adopted`: a licence sealed elsewhere, with its identifier and its file, both kept verbatim."""

    issue: IssueRequest
    elicence_id: str
    document: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ActRequest:
    """`POST /licences/{id}/entries`."""

    act: Act
    decision: Decision
    effective_on: date | None = None
    face: Mapping[str, Any] = field(default_factory=dict, repr=False)
    photos: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    reason: str | None = None
    reason_text: str | None = field(default=None, repr=False)
    suspension: Suspension | None = None
    target: int | None = None
    ground: str | None = None
    right_ended_on: date | None = None
    agreed: bool = False
    until: date | None = None
    to_department: str | None = None
    version: int | None = None
    redrawn: bool = False  # a void brings its replacement: a face was given, be it an empty one
    kind: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)
    external_ref: str | None = None
    asserter: str | None = None
    asserter_signature: str | None = None
    corrects: str | None = None
    endorsement_id: str | None = None
    region: str | None = None
    assertion: Mapping[str, Any] | None = field(default=None, repr=False)  # what the asserter signed, where it is not the usual form
    automatic: bool = False  # accepted by a rule pack, not by a person
    campaign: str | None = None  # set by the campaign runner, never by a caller
    organs: Mapping[str, str] = field(default_factory=dict)  # set by the cross-region review
    basis: Basis = field(default_factory=Basis)  # where values come from that the act prints (AI-09)


def is_key(key: str) -> bool:
    """Say whether a text may be an idempotency key: 8 to 200 printable ASCII characters."""
    return len(key) in _KEY_LENGTH and key.isascii() and key.isprintable()


def read_issue(body: Mapping[str, Any]) -> IssueRequest:
    """Read an issue request; its faults are carried along, so that those of the face can be named with them."""
    reading = Reading(body)
    reading.only(_ISSUE_KEYS)
    return _issue(reading)


def read_conversion(body: Mapping[str, Any]) -> IssueRequest:
    """Read the request that a released row of a stock makes: as an issue, with `origin`, which no caller may say (ST-01)."""
    reading = Reading(body)
    reading.only(_ISSUE_KEYS | {"origin"})
    origin = _origin(reading)
    return replace(_issue(reading), origin=origin)


def _origin(reading: Reading) -> Origin:
    said = reading.group("origin", _ORIGIN, required=True) or {}
    return Origin(str(said.get("system", "")), str(said.get("row_digest", "")))


def read_adoption(body: Mapping[str, Any], *, of_stock: bool = False) -> AdoptRequest:
    """Read a request to adopt; `of_stock`: it says its `origin`, as `read_conversion`."""
    reading = Reading(body)
    reading.only(_ADOPT_KEYS | ({"origin"} if of_stock else set()))
    origin = _origin(reading) if of_stock else None
    elicence_id = reading.field("elicence_id", WORD, required=True)
    document = reading.document()
    return AdoptRequest(replace(_issue(reading), origin=origin), elicence_id or "", document)


def _issue(reading: Reading) -> IssueRequest:
    slug = reading.field("type", WORD, required=True)
    case_no = reading.field("case_no", _CASE)
    decision = reading.decision()
    if "face" not in reading.body:
        reading.faults.append(Fault("face", "missing", "an object is wanted here"))
    face, photos = reading.mapping("face"), reading.photos()
    parent, region = reading.field("parent", LICENCE), reading.field("region", _REGION)
    basis = _basis(reading, case_no or "", slug or "")
    return IssueRequest(slug or "", case_no or "", decision, face, photos, tuple(reading.faults), parent, region, basis)


def _basis(reading: Reading, case_no: str, slug: str) -> Basis:
    """Take what the decision rests on; most requests say nothing of it."""
    body = reading.body
    if _BASIS_KEYS.isdisjoint(body):
        return _NO_BASIS
    receipts, faults = read_receipts(body.get("receipts"), case_no, slug)
    origins, wrong = read_origins(body.get("sources"))
    reading.faults += (*faults, *wrong)
    return Basis(reading.field("service_item_code", _ITEM), reading.field("bundle_no", BUNDLE_NO), receipts, origins)


def read_act(body: Mapping[str, Any]) -> ActRequest:
    """Read an act on a licence; raise `RequestRejected` with every fault of its envelope."""
    reading = Reading(body)
    name = body.get("act")
    if not isinstance(name, str) or name not in {act.value for act in ACT_KEYS}:
        raise RequestRejected(faults=[Fault("act", "unknown-act", f"one of {', '.join(ACT_KEYS)}")])
    act = Act(name)
    sources, wrong = read_origins(body.get("sources"))
    reading.faults += wrong
    reading.only(ACT_KEYS[act] | {"act", "decision"} | (set() if act in BY_DECISION else {"effective_on"}))
    request = ActRequest(
        act, reading.decision(), reading.day("effective_on"), reading.mapping("face"), reading.photos(),
        reason=reading.one_of("reason", REASONS, required=act is Act.REPLACE),
        reason_text=reading.field("reason_text", WORD),
        suspension=_suspension(reading, act),
        target=reading.number("target"),
        ground=_ground(reading, act),
        right_ended_on=reading.day("right_ended_on"),
        agreed=reading.flag("agreed"),
        until=reading.day("until"),
        to_department=reading.field("to_department", ORGANISATION, required=act is Act.TRANSFER),
        version=reading.number("version", required=act is Act.VOID),
        redrawn="face" in body,
        basis=Basis(origins=sources),
        **_endorsing(reading, act),
    )  # fmt: skip
    reading.refuse_if_faulty()
    return request


def _endorsing(reading: Reading, act: Act) -> dict[str, Any]:
    """Take what an endorsement needs: the fact itself, or the assertion that is accepted."""
    accepting = act is Act.ENDORSE and "endorsement_id" in reading.body
    fresh = act is Act.ENDORSE and not accepting
    about = accepting or act in {Act.WITHDRAW_ENDORSEMENT, Act.REFUSE_ENDORSEMENT}
    return {
        "kind": reading.field("kind", WORD, required=fresh),
        "facts": reading.mapping("facts"),
        "external_ref": reading.field("external_ref", WORD, required=fresh),
        "asserter": reading.field("asserter", ORGANISATION),
        "asserter_signature": reading.field("asserter_signature", _SIGNATURE),
        "corrects": reading.field("corrects", WORD),
        "endorsement_id": reading.field("endorsement_id", WORD, required=about),
        "region": reading.field("region", _REGION),
    }


def _suspension(reading: Reading, act: Act) -> Suspension | None:
    said = reading.group("suspension", _SUSPENSION, required=act is Act.SUSPEND)
    if not said:
        return None
    last = said.get("last")
    if said["kind"] == "penalty" and last is None:
        reading.faults.append(Fault("suspension.last", "missing", "a penalty names its last day"))
    allows = tuple(str(each) for each in said.get("allows") or ())
    return Suspension(str(said["kind"]), date.fromisoformat(str(said["first"])), date.fromisoformat(str(last)) if last else None, allows)


def _ground(reading: Reading, act: Act) -> str | None:
    """Take the ground: a cancellation must state one (LC-11), a withdrawal may."""
    codes = {Act.WITHDRAW: WITHDRAWAL_GROUNDS, Act.WITHDRAW_ENDORSEMENT: ENDORSEMENT_GROUNDS}.get(act, tuple(GROUNDS))
    return reading.one_of("ground", codes, required=act is Act.CANCEL)
