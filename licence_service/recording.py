"""Facts of endorsements: those that are asserted, and the records that an act itself leaves on the face."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from licence_service.endorsement import Endorsement
from licence_service.errors import FaceRejected, Fault
from licence_service.fields import Face, Field, check_facts, printed
from licence_service.fields.printing import EMPTY
from licence_service.licence import Decision, Licence
from licence_service.requests import ActRequest
from licence_service.rules import RulePack, objection_until, transfer_days
from licence_service.template import EndorsementKind, Template

LONGEST_REPEATED = 160  # characters of an old or new value that the record of a change repeats


@dataclass(frozen=True, slots=True)
class Fact:
    """An endorsement before it is signed: its kind, its facts, and when they hold."""

    kind: EndorsementKind
    facts: Face = field(repr=False)
    occurred_on: date
    effective_from: date
    effective_to: date | None


@dataclass(frozen=True, slots=True)
class Situation:
    """Where an act is drafted: the licence today, the template of its new version, who acts, with which seal, when.

    `organ` and `seal_id` are those of the department that seals, `department` the code of the one that acts; `from_organ` is the
    issuer of record before a transfer. `packs` is the law as it is known now.
    """

    licence: Licence
    template: Template
    kinds: Mapping[str, EndorsementKind]
    organ: str
    by: str
    seal_id: str
    now: datetime
    today: date
    department: str
    from_organ: str = ""
    packs: Sequence[RulePack] = ()
    office: str | None = None  # of that department, in whose name it acts

    @property
    def kept(self) -> Face | None:
        """Return what stands on the current document of a licence of the stock, which may be older than the rules of today; else None (ST-01)."""
        return self.licence.current.face if self.licence.entries[0].origin else None

    @property
    def transfer_days(self) -> int:
        """Return how many days a released licence waits to be accepted, under the law of the day."""
        return transfer_days(self.packs, self.template.slug, self.today)

    def objection_until(self, kind: str, accepted_on: date) -> date | None:
        """Return the last day for an objection to an endorsement accepted on a day."""
        return objection_until(self.packs, self.template.slug, kind, accepted_on)


def fact_of(at: Situation, request: ActRequest) -> Fact:
    """Check an asserted endorsement; a kind that an act writes cannot be endorsed by hand."""
    kind = at.kinds.get(request.kind or "")
    if kind is None or kind.slug not in at.template.endorsements or not kind.asserted:
        message = "this kind is not asserted on this type"
        raise FaceRejected("the endorsement is not acceptable", faults=[Fault("kind", "unknown-kind", message)])
    facts, faults = check_facts(kind.facts, request.facts)
    occurred = facts.get(kind.date_field)
    if occurred and str(occurred) > at.today.isoformat():
        faults += (Fault(f"facts.{kind.date_field}", "in-the-future", "a fact cannot be endorsed before it happened"),)
    if faults:
        raise FaceRejected("the endorsement is not acceptable", faults=faults)
    return _fact(at, kind, facts)


def accepted_fact(at: Situation, asserted: Endorsement) -> Fact:
    """Return the fact of an assertion as it is accepted: the same, to the letter (EN-03)."""
    kind = at.kinds[asserted.kind]
    return Fact(kind, asserted.facts, asserted.occurred_on, asserted.effective_from, asserted.effective_to)


def _fact(at: Situation, kind: EndorsementKind, facts: Face) -> Fact:
    """A fact may precede the grant, its effect may not (RULINGS)."""
    occurred = date.fromisoformat(str(facts[kind.date_field]))
    until = facts.get(kind.conditions_until) if kind.conditions_until else None
    return Fact(kind, facts, occurred, max(occurred, at.licence.valid_from), date.fromisoformat(str(until)) if until else None)


def written(at: Situation, request: ActRequest, changed: Mapping[str, tuple[Any, Any]]) -> tuple[Fact, ...]:
    """Return the records that this act itself leaves: one for each changed item, of the kind the field names."""
    kinds = [at.kinds[slug] for slug in at.template.endorsements if request.act.value in at.kinds[slug].written_by]
    claimed = {field.recorded_as for field in at.template.fields.values()}
    usual = next((kind for kind in kinds if kind.slug not in claimed), kinds[0] if kinds else None)
    facts = []
    for name, (old, new) in changed.items():
        declared = at.template.fields.get(name)
        kind = next((one for one in kinds if declared and one.slug == declared.recorded_as), usual)
        if kind is None:
            continue
        said = _said(at, request, kind, declared, old, new)
        values, faults = check_facts(kind.facts, {key: value for key, value in said.items() if value not in (None, "")})
        if faults:
            raise FaceRejected(
                "the record of this act is not acceptable", faults=[Fault(f"record.{fault.path}", fault.code, fault.message) for fault in faults]
            )
        facts.append(_fact(at, kind, values))
    return tuple(facts)


def _said(at: Situation, request: ActRequest, kind: EndorsementKind, declared: Field | None, old: Any, new: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the facts of a written kind, taken from where the kind's declaration says (`source`)."""
    decision: Decision = request.decision
    suspension = request.suspension
    sources: dict[str, Any] = {
        "decided_on": decision.decided_on.isoformat(),
        "officer": decision.officer or decision.unattended,
        "organ": decision.organ,
        "label": declared.label if declared else None,
        "old": _text(declared, old, at.licence.current.version),
        "new": _text(declared, new, at.licence.current.version + 1),
        "reason": request.reason or request.reason_text or (suspension.kind if suspension else None),
        "effective_on": suspension.first.isoformat() if suspension else None,
        "until": suspension.last.isoformat() if suspension and suspension.last else None,
        "old_version": f"{at.licence.current.version:03d}",
        "holder": str(at.licence.current.face.get(at.template.holder_name, "")),
        "note": request.reason_text,
        "direction": "in",
        "from_organ": at.from_organ,
        "to_organ": at.organ,
    }
    return {name: _typed(one, sources.get(one.source or ""), old, new) for name, one in kind.facts.items()}


def _typed(declared: Field, value: Any, old: Any, new: Any) -> Any:  # noqa: ANN401
    """A date fact that repeats an old or new value takes the date itself, not its printed text."""
    if declared.type == "date" and declared.source in {"old", "new"}:
        return old if declared.source == "old" else new
    return value


def _text(declared: Field | None, value: Any, version: int) -> str | None:  # noqa: ANN401
    """Return a value as people read it; a table, a photo or a very long text is named by the version that shows it."""
    if declared is None:
        return None
    text = printed(declared, value) if declared.type not in {"table", "image"} else ""
    if value is not None and (not text or len(text) > LONGEST_REPEATED):
        return f"见第 {version:03d} 版证面"
    return text or EMPTY
