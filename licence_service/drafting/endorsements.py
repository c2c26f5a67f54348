"""Endorsements (签注): asserted, accepted, refused, corrected, withdrawn; a printed kind brings a new document (EN-02)."""

from collections.abc import Mapping
from typing import Any

from licence_service.drafting.draft import Draft, new_version, plain
from licence_service.drafting.faces import checked_face
from licence_service.endorsement import Endorsement
from licence_service.errors import TransitionRefused
from licence_service.fold import ENDINGS, endorsement_states
from licence_service.frozen import replace
from licence_service.licence import Act, LicenceState, VersionReason
from licence_service.recording import Situation, accepted_fact, fact_of
from licence_service.requests import OBJECTION, ActRequest
from licence_service.template import EndorsementKind

_PAST = frozenset({*ENDINGS.values(), LicenceState.EXPIRED})


def _assert(at: Situation, request: ActRequest) -> Draft:
    """Assert: seen by holder and clerk only until an authority accepts it (EN-03)."""
    fact = fact_of(at, request)
    return Draft(plain(at, request, fact.effective_from), at.template, (fact,))


def _endorse(at: Situation, request: ActRequest) -> Draft:
    """Endorse, or accept what was asserted: a printed kind makes a new version of a living licence, any other changes only the answer."""
    fact = accepted_fact(at, found(at, request.endorsement_id or "", "asserted")) if request.endorsement_id else fact_of(at, request)
    if fact.kind.slug not in at.template.printed_kinds or at.licence.state in _PAST:
        return Draft(plain(at, request, fact.effective_from), at.template, (fact,))
    repeated = {to: fact.facts[name] for name, to in fact.kind.updates.items() if name in fact.facts and to in at.template.fields}
    face = checked_face(at.template, {**at.licence.current.face, **repeated}, at.organ, at.today, any_term=True, kept=at.kept)
    return new_version(at, request, face, VersionReason.ENDORSEMENT, fact.effective_from, (fact,))


def _refuse(at: Situation, request: ActRequest) -> Draft:
    gone = found(at, request.endorsement_id or "", "asserted")
    return Draft(replace(plain(at, request, request.decision.decided_on), refused=gone.endorsement_id), at.template)


def _withdraw(at: Situation, request: ActRequest) -> Draft:
    """Withdraw an endorsement; where it stood on the face, a new version follows (EN-06, RULINGS 20)."""
    gone = found(at, request.endorsement_id or "", "accepted")
    if at.kinds[gone.kind].written_by:
        raise TransitionRefused("an act wrote this endorsement; it goes only with the act", facts={"rule": "EN-06"})
    _in_time(at, request, gone)
    day = request.effective_on or gone.effective_from  # without a day it reaches back to the beginning
    if gone.kind not in at.template.printed_kinds or at.licence.state in _PAST:
        return Draft(replace(plain(at, request, day), withdrawn=gone.endorsement_id, ground=request.ground), at.template)
    raw = {**at.licence.current.face, **_before(at, gone.endorsement_id, at.kinds[gone.kind])}
    face = checked_face(at.template, raw, at.organ, at.today, any_term=True, kept=at.kept)
    draft = new_version(at, request, face, VersionReason.ENDORSEMENT, day)
    return replace(draft, entry=replace(draft.entry, withdrawn=gone.endorsement_id, ground=request.ground))


def _in_time(at: Situation, request: ActRequest, gone: Endorsement) -> None:
    """An objection has a term; after it the endorsement is withdrawn on other grounds only (DOMAIN §2c step 5)."""
    if request.ground != OBJECTION:
        return
    accepted = [
        entry for entry in at.licence.entries if any(one.endorsement_id == gone.endorsement_id and one.accepter for one in entry.endorsements)
    ]
    until = at.objection_until(gone.kind, accepted[-1].decision.decided_on)
    if until is None or request.decision.decided_on > until:
        raise TransitionRefused("the term for an objection is over", facts={"rule": "EN-07"})


def found(at: Situation, endorsement_id: str, state: str) -> Endorsement:
    """Return the licence's endorsement that is in this state today; anything else is refused."""
    for one, now in endorsement_states(at.licence.entries, at.today):
        if one.endorsement_id == endorsement_id and now == state:
            return one
    raise TransitionRefused(
        f"there is no endorsement in the state {state} under this id", facts={"rule": "EN-03" if state == "asserted" else "EN-06"}
    )


def _before(at: Situation, endorsement_id: str, kind: EndorsementKind) -> Mapping[str, Any]:
    """Return what the repeated fields of the face say without this endorsement: the newest other one, or what stood before."""
    others = [one for one in at.licence.endorsements if one.kind == kind.slug and one.endorsement_id != endorsement_id]
    entered = next(entry for entry in at.licence.entries if any(one.endorsement_id == endorsement_id for one in entry.endorsements))
    earlier = [entry.version.face for entry in at.licence.entries if entry.version and entry.sequence < entered.sequence][-1]
    newest = max(others, key=lambda one: one.occurred_on).facts if others else {}
    fields = {name: to for name, to in kind.updates.items() if to in at.template.fields}
    return {to: newest.get(name, earlier.get(to)) for name, to in fields.items()}


DRAFTERS = {
    Act.ASSERT: _assert,
    Act.ENDORSE: _endorse,
    Act.REFUSE_ENDORSEMENT: _refuse,
    Act.WITHDRAW_ENDORSEMENT: _withdraw,
}
