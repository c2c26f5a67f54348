"""From a request to the entry it would become: what each act does to the face, the term and the record beside it.

Pure. A draft's version lacks what reserve draws by chance and what sealing gives; `complete` fills these in.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from licence_service.digests import Digests, commitment, sha256
from licence_service.errors import FaceRejected, Fault, TransitionRefused
from licence_service.fields import Face, check_face
from licence_service.identifiers import LAST_VERSION
from licence_service.licence import Act, Entry, Version, VersionReason
from licence_service.recording import Fact, Situation, fact_of, written
from licence_service.requests import ActRequest, IssueRequest
from licence_service.template import EndorsementKind, Template

NONE_YET = Digests("", "")
FACE_FORM = "face/1"


@dataclass(frozen=True, slots=True)
class Draft:
    """What an act would enter. `facts` become signed endorsements."""

    entry: Entry
    template: Template
    facts: tuple[Fact, ...] = ()
    photos: Mapping[str, bytes] = field(default_factory=dict, repr=False)


def checked_face(template: Template, raw: Mapping[str, Any], organ: str, today: date, *, before: tuple[Fault, ...] = ()) -> Face:
    """Return the canonical face of a request; `FaceRejected` names every fault, those found `before` included.

    The issuer may be left out and is filled in; a computed end date too.
    """
    whole = template.with_term({template.issuer_field: organ, **{name: value for name, value in raw.items() if value not in (None, "")}})
    face, faults = check_face(template.fields, whole, today=today)
    faults += template.term_faults(face)
    if face.get(template.issuer_field, organ) != organ:
        faults += (Fault(f"face.{template.issuer_field}", "wrong-issuer", "the issuer must be the department that seals"),)
    number = face.get(template.number.field)
    if number is not None and template.number.pattern and not re.fullmatch(template.number.pattern, str(number)):
        faults += (Fault(f"face.{template.number.field}", "wrong-pattern", "the number has not the form of this type"),)
    if faults or before:
        raise FaceRejected(faults=(*before, *faults))
    return face


def draft_issue(template: Template, request: IssueRequest, face: Face, *, by: str, seal_id: str, sealed_at: datetime, act: Act = Act.ISSUE) -> Draft:
    """Draft the first entry of a licence."""
    reason = VersionReason.INITIAL if act is Act.ISSUE else VersionReason.ADOPTED
    version = _version(template, face, 1, reason, seal_id, sealed_at, copy_no=1)
    entry = Entry("", 1, act, version.valid_from, request.decision, by, version)
    return Draft(entry, template, photos=request.photos)


def draft_act(at: Situation, request: ActRequest) -> Draft:
    """Draft an act on a licence; the table of acts and states was asked before."""
    return _DRAFTERS[request.act](at, request)


def _renew(at: Situation, request: ActRequest) -> Draft:
    """Renewal (换证): the new term begins the day after the old one, or on the decision day where that is late."""
    template, old = at.template, at.licence
    decided = request.decision.decided_on
    if old.current.valid_from > at.today:
        raise TransitionRefused("a renewed term lies ahead already")
    first = max(old.valid_to + timedelta(days=1), decided) if old.valid_to else decided
    raw: dict[str, Any] = {**old.current.face, template.issued_field: decided.isoformat()}
    if template.term.rule in {"exact", "default"}:
        raw.pop(template.term.end, None)
    if template.term.start != template.issued_field:
        raw[template.term.start] = first.isoformat()
    raw |= dict(request.face)
    face = checked_face(template, raw | photo_fields(request.photos), at.organ, at.today)
    changed = {template.term.end: (old.current.face.get(template.term.end), face.get(template.term.end))}
    return _new_version(at, request, face, VersionReason.RENEWAL, template.term_of(face)[0], written(at, request, changed))


def _replace(at: Situation, request: ActRequest) -> Draft:
    """Replacement (补证) never changes content, number or end date; it raises `copy_no` (LC-07)."""
    draft = _new_version(
        at, request, at.licence.current.face, VersionReason.REPLACEMENT, request.decision.decided_on, written(at, request, {"": (None, None)})
    )
    version = draft.entry.version
    assert version  # noqa: S101 - a new version was just drafted
    kept = replace(version, copy_no=version.copy_no + 1)
    return replace(draft, entry=replace(draft.entry, version=kept))


def _change(at: Situation, request: ActRequest) -> Draft:
    """Change (变更): the given fields take new values; the number stays."""
    old = at.licence.current.face
    fixed = {at.template.number.field, at.template.issuer_field, at.template.issued_field, at.template.holder_id} & request.face.keys()
    faults = tuple(Fault(f"face.{name}", "not-changeable", "this field is not changed by a change") for name in sorted(fixed, key=str))
    raw = {**old, **request.face, **photo_fields(request.photos)}
    face = checked_face(at.template, raw, at.organ, at.today, before=faults)
    changed = {name: (old.get(name), face.get(name)) for name in at.template.fields if old.get(name) != face.get(name)}
    if not changed:
        raise FaceRejected(faults=[Fault("face", "no-change", "every given value stands on the face already")])
    effective = request.effective_on or request.decision.decided_on
    return _new_version(at, request, face, VersionReason.CHANGE, effective, written(at, request, changed))


def _suspend(at: Situation, request: ActRequest) -> Draft:
    assert request.suspension  # noqa: S101 - read_act demands it
    entry = _plain(at, request, request.suspension.first)
    return Draft(replace(entry, suspension=request.suspension), at.template, written(at, request, {"": (None, None)}))


def _lift(at: Situation, request: ActRequest) -> Draft:
    """Lift one suspension; without a target there must be exactly one that runs."""
    lifted = {entry.target for entry in at.licence.entries if entry.act is Act.LIFT}
    day = request.effective_on or request.decision.decided_on
    running = [
        entry.sequence for entry in at.licence.entries
        if entry.suspension and not entry.recorded_only and entry.sequence not in lifted
        and entry.suspension.first <= day and (entry.suspension.last is None or day <= entry.suspension.last)
    ]  # fmt: skip
    target = request.target or (running[0] if len(running) == 1 else None)
    if target not in running:
        raise TransitionRefused("name one suspension that runs", facts={"running": ", ".join(map(str, running))})
    entry = _plain(at, request, day)
    return Draft(replace(entry, target=target), at.template, written(at, request, {"": (None, None)}))


def _revoke(at: Situation, request: ActRequest) -> Draft:
    return Draft(_plain(at, request, request.effective_on or request.decision.decided_on), at.template)


def _cancel(at: Situation, request: ActRequest) -> Draft:
    entry = _plain(at, request, request.effective_on or request.decision.decided_on)
    return Draft(replace(entry, ground=request.ground, right_ended_on=request.right_ended_on), at.template)


def _endorse(at: Situation, request: ActRequest) -> Draft:
    """Endorsement (签注): a printed kind makes a new version, any other changes only the answer."""
    fact = fact_of(at, request)
    if fact.kind.slug not in at.template.printed_kinds:
        return Draft(_plain(at, request, fact.effective_from), at.template, (fact,))
    repeated = {to: fact.facts[name] for name, to in fact.kind.updates.items() if name in fact.facts and to in at.template.fields}
    face = checked_face(at.template, {**at.licence.current.face, **repeated}, at.organ, at.today)
    return _new_version(at, request, face, VersionReason.ENDORSEMENT, fact.effective_from, (fact,))


def _withdraw_endorsement(at: Situation, request: ActRequest) -> Draft:
    """Withdraw an endorsement; where it stood on the face, a new version follows (RULINGS 20)."""
    gone = next((one for one in at.licence.endorsements if one.endorsement_id == request.endorsement_id), None)
    if gone is None or at.kinds[gone.kind].written_by:
        raise TransitionRefused("no such endorsement stands, or an act wrote it")
    day = request.effective_on or gone.effective_from  # without a day it reaches back to the beginning
    if gone.kind not in at.template.printed_kinds:
        return Draft(replace(_plain(at, request, day), withdrawn=gone.endorsement_id), at.template)
    raw = {**at.licence.current.face, **_before(at, gone.endorsement_id, at.kinds[gone.kind])}
    face = checked_face(at.template, raw, at.organ, at.today)
    draft = _new_version(at, request, face, VersionReason.ENDORSEMENT, day, ())
    return replace(draft, entry=replace(draft.entry, withdrawn=gone.endorsement_id))


def _before(at: Situation, endorsement_id: str, kind: EndorsementKind) -> Mapping[str, Any]:
    """Return what the repeated fields of the face say without this endorsement: the newest other one, or what stood before."""
    others = [one for one in at.licence.endorsements if one.kind == kind.slug and one.endorsement_id != endorsement_id]
    entered = next(entry for entry in at.licence.entries if any(one.endorsement_id == endorsement_id for one in entry.endorsements))
    earlier = [entry.version.face for entry in at.licence.entries if entry.version and entry.sequence < entered.sequence][-1]
    newest = max(others, key=lambda one: one.occurred_on).facts if others else {}
    fields = {name: to for name, to in kind.updates.items() if to in at.template.fields}
    return {to: newest.get(name, earlier.get(to)) for name, to in fields.items()}


_DRAFTERS = {
    Act.RENEW: _renew,
    Act.REPLACE: _replace,
    Act.CHANGE: _change,
    Act.SUSPEND: _suspend,
    Act.LIFT: _lift,
    Act.REVOKE: _revoke,
    Act.CANCEL: _cancel,
    Act.ENDORSE: _endorse,
    Act.WITHDRAW_ENDORSEMENT: _withdraw_endorsement,
}


def _plain(at: Situation, request: ActRequest, effective_on: date) -> Entry:
    return Entry(at.licence.licence_id, at.licence.head + 1, request.act, effective_on, request.decision, at.by)


def _new_version(at: Situation, request: ActRequest, face: Face, reason: VersionReason, effective_on: date, facts: tuple[Fact, ...]) -> Draft:
    current = at.licence.current
    if current.version >= LAST_VERSION:
        raise TransitionRefused("the identifier has room for 999 versions; a new licence must be issued")
    version = _version(at.template, face, current.version + 1, reason, at.seal_id, at.now, copy_no=current.copy_no)
    entry = replace(_plain(at, request, effective_on), version=version)
    return Draft(entry, at.template, facts, request.photos)


def _version(template: Template, face: Face, number: int, reason: VersionReason, seal_id: str, sealed_at: datetime, *, copy_no: int) -> Version:
    first, last = template.term_of(face)
    photos = {name: str(face[name]).removeprefix("sha256:") for name, each in template.fields.items() if each.type == "image" and name in face}
    return Version(
        version=number, elicence_id="", reason=reason, edition=template.edition, template_digest=template.digest, document=NONE_YET,
        seal_id=seal_id, certificate_sha256="", sealed_at=sealed_at.replace(microsecond=0),
        issued_on=date.fromisoformat(str(face[template.issued_field])), valid_from=first, valid_to=last, copy_no=copy_no,
        status=(0, 0), check_code_digest="", face_commitment=NONE_YET, face=face, photos=photos,
    )  # fmt: skip


def photo_fields(photos: Mapping[str, bytes]) -> dict[str, str]:
    """Return what stands on the face for photos: their digests."""
    return {name: f"sha256:{sha256(content)}" for name, content in photos.items()}


def complete(
    entry: Entry, *, licence_id: str, elicence_id: str, salt: bytes, status: tuple[int, int], check_code_digest: str, certificate_sha256: str
) -> Entry:
    """Fill in what reserve drew; only the document's digests are still missing."""
    assert entry.version  # noqa: S101 - only acts with a document are reserved
    version = replace(
        entry.version, elicence_id=elicence_id, status=status, check_code_digest=check_code_digest, salt=salt,
        certificate_sha256=certificate_sha256, face_commitment=commitment(entry.version.face, salt, FACE_FORM),
    )  # fmt: skip
    return replace(entry, licence_id=licence_id, version=version)
