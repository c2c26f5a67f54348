"""An act on a licence: from the request to a draft that may be entered. The book is not written here; a conflict opens a task."""

from collections.abc import Mapping
from datetime import date, timedelta

from licence_service import authority
from licence_service.acts import BY_EFFECTIVE_DAY, Case, Mark, has_act, judge, open_targets
from licence_service.drafting import Draft, draft_act
from licence_service.endorsing import Setting, checked_fact, must_be_entitled, signed, stated
from licence_service.errors import FaceRejected, Fault, NotGranted, TransitionRefused, TypeRetired
from licence_service.frozen import replace
from licence_service.law import TEMPLATE
from licence_service.licence import Act, Licence
from licence_service.line import Line
from licence_service.preflight import must_be_granted, must_fit, photo_faults
from licence_service.recording import Fact
from licence_service.requests import ActRequest
from licence_service.rules import above_ceiling, birth_of, renewal_of
from licence_service.store.clients import Client
from licence_service.store.record import Record
from licence_service.template import Template

MOST_AHEAD = timedelta(days=3653)  # ten years: a day beyond it is a slip of the pen
_DEFAULTING = frozenset({Act.LIFT, Act.ACCEPT_TRANSFER, Act.REJECT_TRANSFER, Act.REINSTATE, Act.END_STAY})


def drafted(
    line: Line, caller: Client, record: Record, request: ActRequest, today: date, *, placed: bool = True, signing: bool = True
) -> Draft:  # fmt: skip
    """Ask who may, ask the table, draft the act and check that its page fits; not `placed`, whether it fits is found when it is printed.

    Not `signing`, for a preview: its facts are not signed.
    """
    template = line.catalogue.in_force(record.type, today)
    if not has_act(template.acts, request.act):
        raise TransitionRefused(f"this type has no act {request.act.value}", facts={"act": request.act.value})
    setting = Setting(line, caller, record, template, authority.sealer(line, caller, record, request.act, today), today, line.law.packs())
    by_rules = request.decision.unattended is not None and not request.automatic
    by = caller.organisation if caller.department == setting.department.uscc else None
    act = None if request.act is Act.ASSERT else request.act  # what a body asserts takes no seal of the department
    must_be_granted(setting.department, record.type, today, act=act, by=by, unattended=by_rules)
    if by_rules and request.campaign is None:  # what two people planned as a whole names the rules of its plan
        raise NotGranted("no rule set decides acts on a licence; a person does", facts={"rule": "AI-03"})
    if request.act is Act.RENEW and template.retired_from and template.retired_from <= request.decision.decided_on:
        raise TypeRetired(facts={"rule": "LC-15"})
    licence = record.at(today)
    _must_be_offered(setting, request)
    request = _with_target(setting, request, licence)
    days = day_faults(licence, request, today)
    if faults := (*photo_faults(template, request.photos), *days, *_receiver_faults(setting, request), *_source_faults(template, request)):
        raise FaceRejected("the act is not acceptable", faults=faults, facts={"rule": "LC-01"} if days else None)
    at = setting.situation(licence)
    must_be_entitled(setting, at, request)
    fact = checked_fact(setting, at, request)
    mark = _judged(setting, request, fact)
    draft = draft_act(at, request)
    if request.basis:
        draft = replace(draft, entry=replace(draft.entry, basis=request.basis))
    if mark is Mark.RECORDED:
        kept = draft.facts if request.act in {Act.ENDORSE, Act.ASSERT} else ()  # a record on the face needs a living licence, a fact does not
        draft = replace(draft, entry=replace(draft.entry, recorded_only=True, version=None), facts=kept)
    facts = tuple(signed(setting, draft, one, request) if signing else stated(setting, one, request) for one in draft.facts)
    draft = replace(draft, entry=replace(draft.entry, endorsements=facts))
    if draft.entry.version:
        line.law.require(TEMPLATE, f"{template.slug}/{template.edition}", template.digest)
        if placed:
            must_fit(line, draft, setting.department, photos_of(line, draft))
    return draft


def _source_faults(template: Template, request: ActRequest) -> list[Fault]:
    """Name sources of what is no field of the type (AI-09), in the words of an issue."""
    return (
        [Fault("sources", "unknown-field", "these are not all fields of this type")] if request.basis.origins.keys() - template.fields.keys() else []
    )


def _receiver_faults(setting: Setting, request: ActRequest) -> list[Fault]:
    """Name a receiver that cannot take the licence over: unknown, the same, or without a grant for the type (LC-08)."""
    if request.act is not Act.TRANSFER:
        return []
    receiver = setting.line.keyring.departments.get(request.to_department or "")
    fits = receiver and receiver.uscc != setting.department.uscc and receiver.may_seal(setting.record.type, setting.today)
    return [] if fits else [Fault("to_department", "cannot-receive", "this is no other department that may seal this type")]


def _must_be_offered(setting: Setting, request: ActRequest) -> None:
    """Two offers are never open at once, and only the department that an offer names answers it (LC-08)."""
    record, today, caller = setting.record, setting.today, setting.caller.department
    if request.act is Act.TRANSFER and record.offered_to(today):
        raise TransitionRefused("this licence is released to another department already", facts={"act": request.act.value, "rule": "LC-08"})
    if request.act not in authority.RECEIVING or request.target is None:
        return
    offer = next((entry for entry in record.entries if entry.sequence == request.target), None)
    if offer is None or offer.to_department != caller or offer.department != record.issuer(today):
        raise TransitionRefused(
            "this is no offer of the issuer of record to the caller's department", facts={"act": request.act.value, "rule": "LC-08"}
        )


def _with_target(setting: Setting, request: ActRequest, licence: Licence) -> ActRequest:
    """Name the entry that the act is about where there is only one that it can be about."""
    if request.target is not None or request.act not in _DEFAULTING:
        return request
    day = request.effective_on or request.decision.decided_on
    record = setting.record
    then = (record.on(day) if request.act in BY_EFFECTIVE_DAY else None) or licence
    about = open_targets(then, request.act)
    if request.act in authority.RECEIVING:
        mine = {entry.sequence for entry in record.entries if entry.to_department == setting.caller.department}
        about = [one for one in about if one in mine]
    if len(about) > 1:
        raise TransitionRefused("name the one that is meant as `target`", facts={"targets": ", ".join(map(str, about)), "rule": "LC-19"})
    return replace(request, target=about[0]) if about else request


def _judged(setting: Setting, request: ActRequest, fact: Fact | None) -> Mark:
    """Ask the table; renewal keeps to the window of the law of its day (LC-03)."""
    record, decided = setting.record, request.decision.decided_on
    window = renewal_of(setting.packs, record.type, decided, setting.template.term)
    day = decided
    if request.act in BY_EFFECTIVE_DAY:
        day = request.suspension.first if request.suspension else fact.effective_from if fact else request.effective_on or decided
    end = request.face.get(setting.template.term.end)
    names_end = isinstance(end, str) and end >= day.isoformat()
    case = Case(request.act, day, fact.occurred_on if fact else None, request.ground, request.agreed, request.target, names_end)
    mark = judge(record.on, case, lapse_after_days=window.lapse_days)
    _must_be_above(setting, request)
    before = record.on(decided)
    opens = window.opens_on(before.valid_to) if request.act is Act.RENEW and before and before.valid_to else None
    if opens and decided < opens:
        raise TransitionRefused(f"renewal opens on {opens.isoformat()}", facts={"act": "renew", "rule": "LC-03"})
    return mark


def _must_be_above(setting: Setting, request: ActRequest) -> None:
    """Age is a ground only above the ceiling of the decision's day (LC-04, RULINGS 23); a face that does not say the age leaves it to the clerk."""
    if request.act is not Act.CANCEL or request.ground != "age":
        return
    packs, slug, day = setting.packs, setting.record.type, request.decision.decided_on
    born = birth_of(packs, slug, setting.record.at(setting.today).current.face, day)
    if born is not None and not above_ceiling(packs, slug, born, day):
        raise TransitionRefused("the holder is not above the ceiling of age of that day", facts={"act": "cancel", "rule": "LC-04"})


def day_faults(licence: Licence, request: ActRequest, today: date) -> list[Fault]:
    """Name days without sense: before the grant's decision, ahead of what may be decided now, or absurdly far."""
    granted_on = licence.entries[0].decision.decided_on
    given = {"decision.decided_on": request.decision.decided_on, "effective_on": request.effective_on, "right_ended_on": request.right_ended_on}
    faults = [Fault(path, "before-the-grant", "this day lies before the licence") for path, day in given.items() if day and day < granted_on]
    ahead = {"decision.decided_on": request.decision.decided_on, "right_ended_on": request.right_ended_on}
    if request.act in {Act.CHANGE, Act.REDUCE_SCOPE, Act.CORRECT}:
        ahead["effective_on"] = request.effective_on  # its page is current at once
    faults += [Fault(path, "in-the-future", "this day has not come") for path, day in ahead.items() if day and day > today]
    suspension = request.suspension
    far = {
        "effective_on": request.effective_on, "until": request.until, "suspension.first": suspension.first if suspension else None,
        "suspension.last": suspension.last if suspension else None,
    }  # fmt: skip
    if suspension and suspension.first < granted_on:
        faults.append(Fault("suspension.first", "before-the-grant", "this day lies before the licence"))
    return faults + [
        Fault(path, "too-far-ahead", "this day lies more than ten years ahead") for path, day in far.items() if day and day > today + MOST_AHEAD
    ]


def photos_of(line: Line, draft: Draft) -> Mapping[str, bytes]:
    """Return every photo of a drafted page, those that came with it and those that stay."""
    version = draft.entry.version
    assert version  # noqa: S101 - asked for by the caller
    return {name: draft.photos.get(name) or line.reservations.photo(digest) for name, digest in version.photos.items()}
