"""What approval systems send, read into plain values: every fault named with its path, no value echoed.

The same field language that checks a face checks the envelope around it.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from licence_service.errors import Fault, RequestRejected
from licence_service.fields import Field, check_face
from licence_service.licence import Act, Decision, Suspension

PHOTO_BYTES = 60_000
_FIELD_NAME = re.compile(r"[a-z_]{1,40}")  # other names are the caller's own words and are not repeated
ADOPTED_BYTES = 5_000_000

DECISION: Mapping[str, Field] = {
    "number": Field(label="决定文号", type="string", disclose={}, required=True, max_length=100),
    "organ": Field(label="决定机关", type="string", disclose={}, required=True, max_length=100),
    "decided_on": Field(label="决定日期", type="date", disclose={}, required=True),
    "legal_basis": Field(label="法律依据", type="string", disclose={}, required=True, max_length=300),
    "officer": Field(label="承办人", type="string", disclose={}, max_length=50),
    "unattended": Field(label="规则集", type="string", disclose={}, max_length=80),
}
_CASE = Field(label="办件编号", type="string", disclose={}, required=True, max_length=80, pattern=r"[0-9A-Za-z._/-]+")
_DAY = Field(label="日期", type="date", disclose={})
_WORD = Field(label="代码", type="string", disclose={}, max_length=120)
_SUSPENSION = {
    "kind": Field(label="种类", type="enum", disclose={}, required=True, codes={"penalty": "行政处罚", "measure": "强制措施"}),
    "first": Field(label="起", type="date", disclose={}, required=True),
    "last": Field(label="止", type="date", disclose={}, after="first"),
}
GROUNDS = ("request", "expired", "overdue", "death", "dissolved", "age", "underlying_right_ended", "revoked", "withdrawn", "other")
REASONS = ("lost", "damaged")

_ISSUE_KEYS = frozenset({"type", "case_no", "decision", "face", "photos"})
_ADOPT_KEYS = _ISSUE_KEYS | {"elicence_id", "document"}
_ACT_KEYS: Mapping[Act, frozenset[str]] = {
    Act.RENEW: frozenset({"face", "photos"}),
    Act.REPLACE: frozenset({"reason"}),
    Act.CHANGE: frozenset({"face", "photos"}),
    Act.SUSPEND: frozenset({"suspension", "reason_text"}),
    Act.LIFT: frozenset({"target"}),
    Act.REVOKE: frozenset(),
    Act.CANCEL: frozenset({"ground", "right_ended_on"}),
    Act.ENDORSE: frozenset({"kind", "facts", "external_ref", "asserter"}),
    Act.WITHDRAW_ENDORSEMENT: frozenset({"endorsement_id"}),
}


@dataclass(frozen=True, slots=True)
class IssueRequest:
    """`POST /licences`. `face` is still raw; `photos` are JPEG bytes by field name."""

    type: str
    case_no: str
    decision: Decision
    face: Mapping[str, Any] = field(repr=False)
    photos: Mapping[str, bytes] = field(repr=False)
    faults: tuple[Fault, ...] = ()


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
    kind: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)
    external_ref: str | None = None
    asserter: str | None = None
    endorsement_id: str | None = None


class Reading:
    """Collects the faults of one body while its parts are taken out."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        """Take the body; it was parsed from JSON and is an object."""
        self.body = body
        self.faults: list[Fault] = []

    def only(self, known: frozenset[str]) -> None:
        """Name the presence of keys that this request does not have; the keys themselves may be hostile and stay out."""
        if self.body.keys() - known:
            self.faults.append(Fault("body", "unknown-key", f"only these are known: {', '.join(sorted(known))}"))

    def field(self, name: str, declared: Field, *, required: bool = False) -> Any:  # noqa: ANN401 - the field's canonical value
        """Take one value by the rules of a declared field."""
        if self.body.get(name) in (None, ""):
            if required or declared.required:
                self.faults.append(Fault(name, "missing", "this must be given"))
            return None
        face, faults = check_face({name: declared}, {name: self.body[name]}, path="")
        self.faults += [Fault(fault.path.lstrip("."), fault.code, fault.message) for fault in faults]
        return face.get(name)

    def group(self, name: str, fields: Mapping[str, Field], *, required: bool) -> Mapping[str, Any] | None:
        """Take one object of declared fields; None where it is absent or faulty."""
        raw = self.body.get(name)
        if raw is None and not required:
            return None
        if not isinstance(raw, Mapping):
            self.faults.append(Fault(name, "missing" if raw is None else "not-an-object", "an object is wanted here"))
            return None
        values, faults = check_face(fields, raw, path=name)
        self.faults += faults
        return None if faults else values

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Take an object as it is."""
        raw = self.body.get(name)
        if raw is None:
            return {}
        if not isinstance(raw, Mapping):
            self.faults.append(Fault(name, "not-an-object", "an object is wanted here"))
            return {}
        return raw

    def day(self, name: str) -> date | None:
        """Take a day."""
        value = self.field(name, _DAY)
        return date.fromisoformat(value) if value else None

    def decision(self) -> Decision:
        """Take the decision behind the act (AI-02): no seal without one, by an officer or by a rule set."""
        said = self.group("decision", DECISION, required=True)
        if said is None:
            return Decision("", "", date(1970, 1, 1), "")
        if ("officer" in said) == ("unattended" in said):
            self.faults.append(Fault("decision", "officer-or-unattended", "either `officer` or `unattended` is given"))
        decided = date.fromisoformat(str(said["decided_on"]))
        return Decision(str(said["number"]), str(said["organ"]), decided, str(said["legal_basis"]), said.get("officer"), said.get("unattended"))

    def photos(self) -> Mapping[str, bytes]:
        """Take base64 JPEGs by field name; whether they are JPEGs is judged where pictures are known."""
        found = {}
        for name, text in self.mapping("photos").items():
            place = f"photos.{name}" if _FIELD_NAME.fullmatch(name) else "photos"
            if content := self._base64(text, place, PHOTO_BYTES):
                found[name] = content
        return found

    def document(self) -> bytes:
        """Take a sealed file as base64."""
        return self._base64(self.body.get("document"), "document", ADOPTED_BYTES) or b""

    def _base64(self, text: object, path: str, most: int) -> bytes | None:
        if not isinstance(text, str) or not text:
            self.faults.append(Fault(path, "not-base64", "base64 text is wanted here"))
            return None
        if len(text) > most * 4 // 3 + 4:
            self.faults.append(Fault(path, "too-large", f"at most {most} bytes"))
            return None
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            self.faults.append(Fault(path, "not-base64", "base64 text is wanted here"))
            return None

    def refuse_if_faulty(self) -> None:
        """Raise `RequestRejected` with all faults found."""
        if self.faults:
            raise RequestRejected(faults=self.faults)


def read_issue(body: Mapping[str, Any]) -> IssueRequest:
    """Read an issue request; its faults are carried along, so that those of the face can be named with them."""
    reading = Reading(body)
    reading.only(_ISSUE_KEYS)
    return _issue(reading)


def read_adoption(body: Mapping[str, Any]) -> AdoptRequest:
    """Read a request to adopt."""
    reading = Reading(body)
    reading.only(_ADOPT_KEYS)
    elicence_id = reading.field("elicence_id", _WORD, required=True)
    document = reading.document()
    return AdoptRequest(_issue(reading), elicence_id or "", document)


def _issue(reading: Reading) -> IssueRequest:
    slug = reading.field("type", _WORD, required=True)
    case_no = reading.field("case_no", _CASE)
    decision = reading.decision()
    if "face" not in reading.body:
        reading.faults.append(Fault("face", "missing", "an object is wanted here"))
    face, photos = reading.mapping("face"), reading.photos()
    return IssueRequest(slug or "", case_no or "", decision, face, photos, tuple(reading.faults))


def read_act(body: Mapping[str, Any]) -> ActRequest:
    """Read an act on a licence; raise `RequestRejected` with every fault of its envelope."""
    reading = Reading(body)
    name = body.get("act")
    if not isinstance(name, str) or name not in {act.value for act in _ACT_KEYS}:
        raise RequestRejected(faults=[Fault("act", "unknown-act", f"one of {', '.join(_ACT_KEYS)}")])
    act = Act(name)
    reading.only(_ACT_KEYS[act] | {"act", "decision", "effective_on"})
    suspension = reading.group("suspension", _SUSPENSION, required=act is Act.SUSPEND)
    if suspension and suspension["kind"] == "penalty" and "last" not in suspension:
        reading.faults.append(Fault("suspension.last", "missing", "a penalty names its last day"))
    request = ActRequest(
        act, reading.decision(), reading.day("effective_on"), reading.mapping("face"), reading.photos(),
        reason=_one_of(reading, "reason", REASONS, required=act is Act.REPLACE),
        reason_text=reading.field("reason_text", _WORD),
        suspension=_suspension(suspension) if suspension else None,
        target=_target(reading) if act is Act.LIFT else None,
        ground=_one_of(reading, "ground", GROUNDS, required=act is Act.CANCEL),
        right_ended_on=reading.day("right_ended_on"),
        kind=reading.field("kind", _WORD, required=act is Act.ENDORSE),
        facts=reading.mapping("facts"),
        external_ref=reading.field("external_ref", _WORD, required=act is Act.ENDORSE),
        asserter=reading.field("asserter", Field(label="提出机构", type="uscc", disclose={})),
        endorsement_id=reading.field("endorsement_id", _WORD, required=act is Act.WITHDRAW_ENDORSEMENT),
    )  # fmt: skip
    reading.refuse_if_faulty()
    return request


def _suspension(said: Mapping[str, Any]) -> Suspension:
    last = said.get("last")
    return Suspension(str(said["kind"]), date.fromisoformat(str(said["first"])), date.fromisoformat(str(last)) if last else None)


def _one_of(reading: Reading, name: str, codes: tuple[str, ...], *, required: bool) -> str | None:
    found: str | None = reading.field(name, Field(label=name, type="enum", disclose={}, codes={code: code for code in codes}), required=required)
    return found


def _target(reading: Reading) -> int | None:
    """Take the sequence of the suspension to lift; absent means the only one that runs."""
    found: int | None = reading.field("target", Field(label="条目", type="integer", disclose={}, minimum=1))
    return found
