"""Whether a licence is meant by a plan, and what would be entered: asked by the rehearsal and, again, by the run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from licence_service.campaign.plan import HOLDER, NUMBER, Exclusion, Plan
from licence_service.deciding import drafted
from licence_service.digests import canonical, sha256
from licence_service.errors import CeilingReached, NotGranted, NotInForce, Refusal, UnknownType
from licence_service.fields import Face, comparison_form
from licence_service.fold import ENDINGS, Decisions
from licence_service.licence import Act, Entry, Licence, LicenceState
from licence_service.line import Line, live_key
from licence_service.requests import ActRequest
from licence_service.rules import AgeCeiling, birthday, in_force
from licence_service.rules.days import day_of
from licence_service.store.clients import EVERY_TYPE, Client
from licence_service.store.record import Record
from licence_service.template import Template

CEILING = 1_000_000_000  # acts an hour: what two people approved as a whole is not slowed down
AS_A_WHOLE = (NotInForce, NotGranted, UnknownType, CeilingReached)  # nothing about one licence: the campaign stops until it is put right
EXCLUDED, REFUSED = "excluded", "refused"
MOST_SAID = 40  # characters of an outcome in the table of rows
_ADVERSE = frozenset({*ENDINGS, Act.SUSPEND})
_UNDOING = frozenset({Act.REINSTATE, Act.REVERSE})


def runner_client(department: str) -> Client:
    """Return the name under which a department's campaigns act; no token opens it."""
    return Client(f"campaign:{department}", department, (EVERY_TYPE,), CEILING)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a plan comes to for one licence: the act, `excluded:<id>` or `refused:<reason>`; the licence's head; what would be entered.

    `content` is a digest of what the entry would say beyond the licence as it is: equal digests on an equal head make equal entries.
    `on_any_head` says that equal digests do so on whatever head: an act in between changes nothing about it.
    """

    said: str
    head: int
    content: str = ""
    live_key: str = field(default="", repr=False)
    request: ActRequest | None = field(default=None, repr=False)
    on_any_head: bool = False

    def same(self, said: str, head: int, content: str) -> bool:
        """Say whether an earlier judgement came to the same."""
        return (self.said, self.content) == (said, content) and (self.on_any_head or self.head == head)


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges licences under one plan on one day. `taken` says whether another licence holds, or is to get, this number."""

    line: Line
    campaign_id: str
    plan: Plan
    today: date
    taken: Callable[[Record, str], bool] = field(repr=False)

    def rehearsed(self, record: Record) -> Judged | None:
        """Judge as the run will: everything that can be refused is asked, the page is placed, nothing is written. None: not meant."""
        weighed = self.weighed(record)
        if weighed is None or weighed.request is None:
            return weighed
        try:
            drafted(self.line, runner_client(record.issuer(self.today)), record, weighed.request, self.today)
        except AS_A_WHOLE:
            raise
        except Refusal as refusal:
            return _refused(record, refusal.slug)
        return weighed

    def weighed(self, record: Record) -> Judged | None:
        """Judge without drawing up the document; the registrar does that once more before it acts."""
        target = self._target(record)
        licence = record.on(self.today)
        if target is None or licence is None:
            return None
        template = self.line.catalogue.in_force(record.type, self.today)
        if against := self._against(licence, target, template):
            return Judged(against[:MOST_SAID], licence.head)
        face = licence.current.face
        changes: dict[str, str] = {}
        if self.plan.end:
            end = self._end(record.type, face)
            if end is None or end < self.plan.effective_on:
                return _refused(record, "no-end" if end is None else "end-passed")
            changes[template.term.end] = end.isoformat()
        number = template.number_of(face)
        if self.taken(record, number):
            return _refused(record, "number-taken")
        request = ActRequest(
            self.plan.act, self.plan.decision, effective_on=self.plan.effective_on, face=changes, target=target.sequence, campaign=self.campaign_id
        )
        content = {"target": target.sequence, "effective_on": self.plan.effective_on.isoformat(), "edition": template.digest, "changes": changes}
        key = live_key(record.type, number, record.issuer(self.today))
        return Judged(self.plan.act.value, licence.head, sha256(canonical(content)), key, request)

    def _against(self, licence: Licence, target: Entry, template: Template) -> str | None:
        """Return what keeps a licence out, whatever its new last day: an exclusion, another decision, or a face that does not say what it takes."""
        undecided = f"{REFUSED}:undecided"  # what a face does not say is never taken for a pass
        for exclusion in self.plan.exclusions:
            meets = _meets(exclusion, licence, template)
            if meets is not False:
                return f"{EXCLUDED}:{exclusion.id}" if meets else undecided
        if any(one.target == target.sequence and one.act in _UNDOING for one in licence.entries):
            return f"{REFUSED}:decided-already"
        if _others(licence, target, self.plan.effective_on):
            return f"{REFUSED}:other-ending"
        return None if template.number.field in licence.current.face else undecided

    def _target(self, record: Record) -> Entry | None:
        """Return the cancellation that the plan means: it acts on the effective day and today, for the ground, decided in the span."""
        plan = self.plan
        if record.type not in plan.types or record.issuer(self.today) not in plan.departments:
            return None
        found = {_acting(record.on(day), plan.ground) for day in (plan.effective_on, self.today)}
        target = found.pop() if len(found) == 1 else None
        entry = next((one for one in record.entries if one.sequence == target), None)
        return entry if entry and plan.decided_from <= entry.decision.decided_on <= plan.decided_to else None

    def _end(self, slug: str, face: Face) -> date | None:
        """Return the new last day: fixed, or the birthday at the ceiling in force on the decision day (RULINGS 23); None where it cannot be told."""
        assert self.plan.end  # noqa: S101 - asked for by the caller
        if self.plan.end.day:
            return self.plan.end.day
        found = in_force(self.line.law.packs(), slug, self.plan.decision.decided_on, AgeCeiling)
        born = day_of(face, found[1].birth) if found else None
        return birthday(born, found[1].years) if found and born else None


def _acting(licence: Licence | None, ground: str) -> int | None:
    """Return the sequence of the cancellation that makes a licence cancelled on its day, where it has this ground."""
    if licence is None or licence.state is not LicenceState.CANCELLED or licence.ground != ground:
        return None
    decisions = Decisions([entry for entry in licence.entries if not entry.recorded_only])
    acting = [one.sequence for one in decisions.endings if one.act is Act.CANCEL and decisions.acts_on(one, licence.valid_at)]
    return acting[-1] if acting else None


def _others(licence: Licence, target: Entry, day: date) -> bool:
    """Say whether anything else stands against the right: a reinstatement would undo it too, and the plan means this ground only.

    What was only recorded while the licence was cancelled (a death, a revocation) changes no state; it is for a clerk to judge.
    """
    decisions = Decisions([entry for entry in licence.entries if not entry.recorded_only])
    acting = any(one.sequence != target.sequence and decisions.acts_on(one, day) for one in decisions.endings)
    return acting or any(one.recorded_only and one.act in _ADVERSE and one.sequence > target.sequence for one in licence.entries)


def _meets(exclusion: Exclusion, licence: Licence, template: Template) -> bool | None:
    """Say whether an exclusion means a licence; None where the face does not say what it takes."""
    if exclusion.by is None:
        value = licence.current.face.get(exclusion.face_field or "")
        if value in (None, "", []):
            return None
        declared = template.fields[exclusion.face_field or ""]
        said = {str(one) for one in value} if isinstance(value, list) else set(str(value).split(",") if declared.listed else [str(value)])
        return bool(said & set(exclusion.any_of)) if exclusion.any_of else not said & set(exclusion.none_of)
    known = _known_as(exclusion.by, licence, template)
    return comparison_form(known) in exclusion.listed if known else None


def _known_as(by: str, licence: Licence, template: Template) -> str | None:
    """Return what a list knows a licence by: its id, its number, or its holder's number (name, where the type has none)."""
    face: Mapping[str, object] = licence.current.face
    name = {HOLDER: template.holder_id or template.holder_name, NUMBER: template.number.field}.get(by)
    value = licence.licence_id if name is None else face.get(name)
    return str(value) if value else None


def _refused(record: Record, code: str) -> Judged:
    return Judged(f"{REFUSED}:{code}"[:MOST_SAID], record.entries[-1].sequence)
