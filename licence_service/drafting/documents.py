"""Acts that bring a new document: renew, replace, change, reduce, correct, re-seal, void, take over, reinstate."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from licence_service.drafting.draft import Draft, new_version, plain
from licence_service.drafting.faces import checked_face, photo_fields
from licence_service.errors import FaceRejected, Fault, TransitionRefused
from licence_service.fields import Face
from licence_service.frozen import replace
from licence_service.licence import Act, VersionReason
from licence_service.recording import Situation, written
from licence_service.requests import ActRequest
from licence_service.template import Template

_REPEATABLE = frozenset({VersionReason.REPLACEMENT, VersionReason.ENDORSEMENT, VersionReason.RESEAL})  # these carry nothing but what was there


def _renew(at: Situation, request: ActRequest) -> Draft:
    """Renewal (换证): the new term begins the day after the old one, or on the decision day where that is late."""
    template, old = at.template, at.licence
    decided = request.decision.decided_on
    if old.current.valid_from > at.today:
        raise TransitionRefused("a renewed term lies ahead already", facts={"rule": "LC-03"})
    first = max(old.valid_to + timedelta(days=1), decided) if old.valid_to else decided
    raw: dict[str, Any] = {**old.current.face, template.issued_field: decided.isoformat()}
    if template.term.rule in {"exact", "default"}:
        raw.pop(template.term.end, None)
    if template.term.start != template.issued_field:
        raw[template.term.start] = first.isoformat()
    if at.kept is not None:
        raw.pop(template.issuer_field, None)  # whoever renews is the issuer, not the organ on the old paper
    raw |= _given(at, request)
    face = checked_face(template, raw, at.organ, at.today, kept=at.kept)
    changed = {template.term.end: (old.current.face.get(template.term.end), face.get(template.term.end))}
    draft = new_version(at, request, face, VersionReason.RENEWAL, template.term_of(face)[0], written(at, request, changed))
    given = {name: face[name] for name in request.face if name in face and face[name] != old.current.face.get(name)}
    return replace(draft, entry=replace(draft.entry, changes=given))


def _replace(at: Situation, request: ActRequest) -> Draft:
    """Replacement (补证) never changes content, number or end date; it raises `copy_no` (LC-07, RULINGS 24)."""
    facts = written(at, request, {"": (None, None)})
    draft = new_version(at, request, at.licence.current.face, VersionReason.REPLACEMENT, request.decision.decided_on, facts)
    version = draft.entry.version
    assert version  # noqa: S101 - a new version was just drafted
    return replace(draft, entry=replace(draft.entry, version=replace(version, copy_no=version.copy_no + 1)))


def _change(at: Situation, request: ActRequest) -> Draft:
    """Change (变更): the given fields take new values; the number stays. Of two changes of one field the later legal day wins (RULINGS 16)."""
    effective = request.effective_on or request.decision.decided_on
    given = _given(at, request)
    overtaken = {name for entry in at.licence.entries if entry.effective_on > effective for name in entry.changes}
    taken = {name: value for name, value in given.items() if name not in overtaken}
    if given and not taken:
        return Draft(replace(plain(at, request, effective), changes=_values(at, given)), at.template)
    reason = VersionReason.SCOPE_REDUCTION if request.act is Act.REDUCE_SCOPE else VersionReason.CHANGE
    return _amended(at, request, {**at.licence.current.face, **taken}, reason, effective)


def _correct(at: Situation, request: ActRequest) -> Draft:
    """Correction: what was printed was wrong from its day on; that day is the legal day (RULINGS 07 for a page that is voided too)."""
    template, old = at.template, at.licence
    raw = {**old.current.face, **_given(at, request)}
    days = [entry.effective_on for entry in old.entries if entry.version and entry.version.valid_to == old.valid_to and not entry.recorded_only]
    made = next(entry for entry in reversed(old.entries) if entry.version is old.current)
    term = {template.term.start, template.term.end} & request.face.keys()
    return _amended(at, request, raw, VersionReason.CORRECTION, request.effective_on or (min(days) if term and days else made.effective_on))


def _reseal(at: Situation, request: ActRequest) -> Draft:
    """Re-seal: the same face under the seal of today."""
    return new_version(at, request, at.licence.current.face, VersionReason.RESEAL, request.decision.decided_on)


def _void(at: Situation, request: ActRequest) -> Draft:
    """Void (作废) a document made in error; what it carried must come again with the same entry (RULINGS 07)."""
    standing = [version for version in at.licence.versions if version.version not in at.licence.voided]
    voided = next((version for version in standing if version.version == request.version), None)
    if voided is None:
        raise TransitionRefused("no such version, or it is voided already", facts={"rule": "LC-09"})
    if len(standing) == 1 and not request.redrawn:
        raise TransitionRefused("the only document cannot be voided", facts={"rule": "LC-09"})
    if not request.redrawn:
        if voided.reason not in _REPEATABLE:
            raise FaceRejected(faults=[Fault("face", "missing", "this version carried a change: its replacement must come with the same act")])
        return Draft(replace(plain(at, request, request.decision.decided_on), voided=voided.version), at.template)
    made = next(entry for entry in at.licence.entries if entry.version is voided)
    raw = {**at.licence.current.face, **_given(at, request)}
    face = checked_face(at.template, raw, at.organ, at.today, kept=at.kept)
    draft = new_version(at, request, face, VersionReason.CORRECTION, made.effective_on)
    return replace(draft, entry=replace(draft.entry, voided=voided.version))


def _accept_transfer(at: Situation, request: ActRequest) -> Draft:
    """Take over a licence that another department released: the issuer of record changes, without a gap (LC-08)."""
    template, decided = at.template, request.decision.decided_on
    own = {template.issuer_field: at.organ, template.issued_field: decided.isoformat()}
    face = checked_face(template, {**at.licence.current.face, **own, **_given(at, request)}, at.organ, at.today, any_term=True, kept=at.kept)
    facts = written(at, request, {"": (None, None)})
    draft = new_version(at, request, face, VersionReason.TRANSFER, decided, facts)
    kept = _with_term(draft, at)
    return replace(kept, entry=replace(kept.entry, target=request.target))


def _with_term(draft: Draft, at: Situation) -> Draft:
    """Keep the term of the right where a type counts it from the day of issue, which a transfer changes."""
    version = draft.entry.version
    assert version  # noqa: S101 - a new version was just drafted
    now = replace(version, valid_from=at.licence.current.valid_from, valid_to=at.licence.current.valid_to)
    return replace(draft, entry=replace(draft.entry, version=now))


def _reinstate(at: Situation, request: ActRequest) -> Draft:
    """Reinstatement (恢复): from its own day on; the gap stays, and so does the old end unless the decision names another (RULINGS 05, 14)."""
    effective = request.effective_on or request.decision.decided_on
    raw = {**at.licence.current.face, **_given(at, request)}
    face = checked_face(at.template, raw, at.organ, at.today, any_term=True, kept=at.kept)
    draft = new_version(at, request, face, VersionReason.REINSTATEMENT, effective)
    return replace(draft, entry=replace(draft.entry, target=request.target))


DRAFTERS = {
    Act.RENEW: _renew,
    Act.REPLACE: _replace,
    Act.CHANGE: _change,
    Act.REDUCE_SCOPE: _change,
    Act.CORRECT: _correct,
    Act.RESEAL: _reseal,
    Act.VOID: _void,
    Act.ACCEPT_TRANSFER: _accept_transfer,
    Act.REINSTATE: _reinstate,
}


def fixed_fields(template: Template, act: Act) -> frozenset[str]:
    """Return the fields that an act never gives anew: what identifies the licence, and what the act itself computes."""
    fixed = {template.number.field, template.issuer_field, template.holder_id, template.issued_field}
    if act is Act.RENEW:
        fixed = (fixed | {template.holder_name}) - {template.issued_field}
    if act is Act.REINSTATE:
        fixed |= set(template.fields) - {template.term.end}
    if act in {Act.CORRECT, Act.VOID}:
        fixed -= {template.holder_id, template.issued_field}
    if act is Act.ACCEPT_TRANSFER:
        fixed |= {template.term.start, template.term.end}
    return frozenset(name for name in fixed if name)


def _given(at: Situation, request: ActRequest) -> dict[str, Any]:
    """Return the given values; what identifies the licence is never given anew."""
    fixed = fixed_fields(at.template, request.act)
    wrong = sorted(str(name) for name in fixed & request.face.keys())
    if wrong:
        raise FaceRejected(faults=[Fault(f"face.{name}", "not-changeable", f"this field is not changed by {request.act.value}") for name in wrong])
    return {**request.face, **photo_fields(request.photos)}


def _amended(at: Situation, request: ActRequest, raw: Mapping[str, Any], reason: VersionReason, effective: date) -> Draft:
    """Draft a version whose face differs, and the record of each difference."""
    old = at.licence.current.face
    face = checked_face(at.template, raw, at.organ, at.today, kept=at.kept)
    changed = {name: (old.get(name), face.get(name)) for name in at.template.fields if old.get(name) != face.get(name)}
    if not changed:
        raise FaceRejected(faults=[Fault("face", "no-change", "every given value stands on the face already")])
    draft = new_version(at, request, face, reason, effective, written(at, request, changed))
    return replace(draft, entry=replace(draft.entry, changes={name: face[name] for name in changed if name in face}))


def _values(at: Situation, given: Mapping[str, Any]) -> Face:
    """Return given values in canonical form, checked together with the rest of the face."""
    face = checked_face(at.template, {**at.licence.current.face, **given}, at.organ, at.today, kept=at.kept)
    return {name: face[name] for name in given if name in face}
