"""A card as its holder reads it: state in words, term, what comes next and what to do about it, what waits and for whom."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from licence_service.deadlines import Deadline
from licence_service.errors import NotInRegister
from licence_service.fields import Asker, disclose
from licence_service.fold import endorsement_states
from licence_service.history.words import ACTS, FLAGS, STATES, VERSION_STATES, said
from licence_service.history.words import REASONS as MADE
from licence_service.licence import Act, Licence, beijing_day
from licence_service.service import Service
from licence_service.store.cards import Card
from licence_service.store.looks import Look
from licence_service.store.reads import DESK, AtDesk, Seen
from licence_service.store.record import Record
from licence_service.store.under_way import Pending
from licence_service.template import Template
from licence_service.view import photos_of, view_of

Said = dict[str, Any]
_STEPS = {
    "sealing": ("等待签章", "Waits for the seal"), "carried": ("正在办理", "Is being carried out"),
    "clerk": ("等待工作人员核实", "Waits for a clerk to look into it"), "acceptance": ("等待机关受理", "Waits for the department to accept it"),
    "transfer": ("等待转入地机关接收", "Waits for the receiving department to accept it"),
    "source": ("等待数据来源答复", "Waits for a data source to answer"),
    "station": ("等待核实检验机构", "Waits for the inspection station to be known"),
}  # fmt: skip
# What a clerk's task of a kind waits for; one of another kind, for the clerk. None: nothing waits for it, the clerk is only told.
_OF_TASKS = {"source_unavailable": "source", "unknown_station": "station", "assertion": "acceptance", "reviewed_elsewhere": None}


def licence_of(service: Service, record: Record) -> tuple[Licence, Template]:
    """Return a licence today, and the edition of its present document."""
    licence = record.at(beijing_day(service.now()))
    return licence, service.catalogue.edition(record.type, licence.current.edition)


def summaries(service: Service, cards: Sequence[Card]) -> list[Said]:
    """Return what a list of cards shows; the law is read once for all."""
    days = service.reminders.reminding.deadlines([one.record for one in cards])
    return [_summary(service, one, days[one.record.licence_id]) for one in cards]


def summary(service: Service, card: Card) -> Said:
    """Return the same of one card."""
    return summaries(service, [card])[0]


def _summary(service: Service, card: Card, days: Sequence[Deadline]) -> Said:
    record = card.record
    licence, template = licence_of(service, record)
    seen = disclose(template.fields, licence.current.face, Asker.HOLDER)
    where = f"/holder/cards/{record.licence_id}"
    return {
        "licence_id": record.licence_id,
        "type": {"name": record.type, "zh": template.title.zh, "en": template.title.en, "holder": template.holder, "presentable": template.presentable},
        "number": seen.get(template.number.field), "holder": seen.get(template.holder_name),
        "state": said(STATES, licence.state), "overall": service.verifier.standing(record, licence, None).overall.value,
        "flags": [said(FLAGS, one) for one in sorted(licence.flags)],
        "valid_from": licence.valid_from.isoformat(), "valid_to": _day(licence.valid_to),
        "next": [due(one) for one in days],
        "version": licence.current.version, "claimed_at": card.claimed_at.isoformat(timespec="seconds"), "how": card.how,
        "photos": {name: f"{where}/photos/{name}" for name in sorted(photos_of(licence, template, Asker.HOLDER))},
        "document_url": f"{where}/document",
    }  # fmt: skip


def whole(service: Service, card: Card) -> Said:
    """Return a card with everything on it."""
    record = card.record
    licence, template = licence_of(service, record)
    department = service.keyring.department_of(licence.issuer or record.department)
    view = view_of(licence, template, service.catalogue.kinds, department, record.type, licence.current.version, Asker.HOLDER)
    versions = [
        {
            "version": one.version, "elicence_id": one.elicence_id, "reason": said(MADE, one.reason),
            "state": said(VERSION_STATES, licence.version_state(one)), "issued_on": one.issued_on.isoformat(),
            "valid_from": one.valid_from.isoformat(), "valid_to": _day(one.valid_to),
        }
        for one in licence.versions
    ]  # fmt: skip
    return {
        **summary(service, card), "elicence_id": view["elicence_id"], "issuer": view["issuer"], "specimen": view["specimen"], "ground": view["ground"],
        "ended_on": view["ended_on"], "suspended_until": view["suspended_until"], "issued_on": view["issued_on"], "face": view["face"],
        "endorsements": view["endorsements"], "versions": versions, "waits": waits(service, record, licence),
        "document": {"version": licence.current.version, "sha256": licence.current.document.sha256},
    }  # fmt: skip


def due(one: Deadline) -> Said:
    """Return a day that the holder must know, as every answer tells it (docs/deadlines.md)."""
    words = {name: {"zh": said.zh, "en": said.en} for name, said in (("title", one.title), ("do", one.do), ("by", one.by))}
    tell_on = one.tell_on.isoformat() if one.tell_on else None
    return {"duty": one.duty, "about": one.about, "day": one.day.isoformat(), **words, "tell_on": tell_on, "rule_pack": one.pack}


def waits(service: Service, record: Record, licence: Licence) -> list[Said]:
    """Return what waits on a licence, and for whom: acts, what is asserted, a transfer, and what a clerk has to see to (XR-08)."""
    asserted = list(_asserted(service, record, licence))
    found = []
    for one in service.holder_desk.under_way.of(record.licence_id):
        step = _step_of(service, one)
        if step is None or (one.kind and step == "acceptance" and asserted):
            continue  # a task of what is listed with its words below
        about = said(ACTS, one.act) if one.act else None
        found.append(_wait(service, step, one.department, one.since.isoformat(timespec="seconds"), about, one.sources))
    offers = {one.to_department: one.effective_on for one in record.entries if one.to_department}
    transfers = [
        _wait(service, "transfer", code, offers[code].isoformat(), said(ACTS, Act.TRANSFER)) for code in sorted(record.offered_to(licence.valid_at))
    ]
    return [*found, *asserted, *transfers]


def _step_of(service: Service, one: Pending) -> str | None:
    """Return the step at which a matter stands; None where nothing waits for it."""
    if one.kind is not None:
        return _OF_TASKS.get(one.kind, "clerk")
    if one.sources:
        return "clerk" if one.given_up else "source"
    uses = service.seal_log.uses(reservation_id=one.reservation_id)
    return "sealing" if uses and uses[-1]["event"] in {"failed", "refused"} else "carried"


def _asserted(service: Service, record: Record, licence: Licence) -> Iterator[Said]:
    kinds = service.catalogue.kinds
    for endorsement, state in endorsement_states(licence.entries, licence.valid_at):
        if state == "asserted" and Asker.HOLDER in kinds[endorsement.kind].disclose:
            title, issuer = kinds[endorsement.kind].title, licence.issuer or record.department
            about = {"code": endorsement.kind, "zh": title.zh, "en": title.en}
            yield _wait(service, "acceptance", issuer, endorsement.occurred_on.isoformat(), about)


def _wait(service: Service, step: str, department: str, since: str, about: Said | None, sources: Sequence[str] = ()) -> Said:
    return {
        "step": {"code": step, "zh": _STEPS[step][0], "en": _STEPS[step][1]}, "about": about, "since": since,
        "waits_for": organ(service, department), "sources": list(sources),
    }  # fmt: skip


def organ(service: Service, code: str) -> Said:
    """Return an organisation by its code, with its names where the keys folder or the book has them."""
    one = service.keyring.departments.get(code)
    body = None if one else service.law.body(code, None)
    name = one.name if one else body.name if body else code
    return {"code": code, "zh": name, "en": one.name_en if one else name}


# -- who looked --------------------------------------------------------------------------------------


def look(service: Service, record: Record, one: Look) -> Said:
    """Return a look at a licence: who, when, where, why, and which fields; of one that a case seals only that there was one (SH-11)."""
    if one.hidden:
        return {"at": one.at.isoformat(timespec="seconds"), "sealed_by_case": True} | dict.fromkeys(
            ("look_id", "organ", "found_by", "reason", "place", "officer", "fields")
        )
    reasons = service.officers.reasons
    code = str(one.said["reason"])
    zh, en = reasons.words.get(code, (code, code))
    return {
        "at": one.at.isoformat(timespec="seconds"), "sealed_by_case": False, "look_id": one.look_id, "organ": organ(service, one.organ),
        "found_by": one.found_by, "reason": {"code": code, "zh": zh, "en": en}, "place": one.said["place"], "officer": one.said["officer"],
        "fields": _seen(service, record, one, opened=code in reasons.opens),
    }  # fmt: skip


def seen(service: Service, record: Record, one: Seen) -> Said:
    """Return a line of the holder's list: an officer's look, what was done at a desk, or a reading of what was shown, lent or listed (AU-06)."""
    if one.look:
        return {**look(service, record, one.look), "way": "looked", "seen_as": Asker.OFFICER.value, "client": one.look.client if not one.look.hidden else None,
                "lent": None, "company": None, "copy_no": None}  # fmt: skip
    if one.at_desk:
        return _at_desk(service, record, one.at, one.at_desk)
    assert one.read  # noqa: S101 - it is one or the other
    fields = _named(service, record, one.at, one.read.fields)
    lent = {"lending_id": one.read.lending_id, "receiver": one.lent["receiver"], "purpose": one.lent["purpose"]} if one.read.lending_id else None
    return {
        "at": one.at.isoformat(timespec="seconds"), "sealed_by_case": False, "look_id": one.read_id, "organ": None, "found_by": None, "reason": None,
        "place": None, "officer": None, "fields": fields, "way": one.read.way, "seen_as": one.read.asker, "client": one.read.client, "lent": lent,
        "company": company(service, one.read.company) if one.read.company else None, "copy_no": None,
    }  # fmt: skip


def _at_desk(service: Service, record: Record, at: datetime, one: AtDesk) -> Said:
    """Return what somebody of a department did with a licence at the desk; who it was is kept there, and is the department's affair."""
    return {
        "at": at.isoformat(timespec="seconds"), "sealed_by_case": False, "look_id": None, "organ": _office(service, one), "found_by": one.done,
        "reason": None, "place": None, "officer": None, "fields": _disclosed(service, record, at, Asker.CLERK), "way": DESK,
        "seen_as": Asker.CLERK.value, "client": None, "lent": None, "company": None, "copy_no": one.copy_no,
    }  # fmt: skip


def _office(service: Service, one: AtDesk) -> Said:
    """Return the sub-office in whose name somebody worked, by its name; the department where there was none."""
    department = service.keyring.departments.get(one.department)
    office = next((each for each in department.offices if each.code == one.office), None) if department else None
    return {"code": office.code, "zh": office.name, "en": office.name_en} if office else organ(service, one.department)


def company(service: Service, holder_id: str) -> Said:
    """Return a company by name and code, as the identity service said them last."""
    code, name = service.holder_desk.consenting.holders.identity(holder_id)
    return {"name": name, "code": code}


def _named(service: Service, record: Record, at: datetime, names: Collection[str]) -> list[Said]:
    """Return fields with their labels as the licence had them then."""
    licence = record.on(beijing_day(at), at)
    fields = service.catalogue.edition(record.type, licence.current.edition).fields if licence else {}
    return [{"name": name, "zh": declared.label, "en": declared.label_en} for name, declared in fields.items() if name in names]


def _seen(service: Service, record: Record, one: Look, *, opened: bool) -> list[Said]:
    """Return the fields that the officer saw then: those that a scan showed, else what the matrix shows; none where the licence came later."""
    if "fields" in one.said:
        return _named(service, record, one.at, one.said["fields"])
    return _disclosed(service, record, one.at, Asker.OFFICER, on_reason=opened)


def _disclosed(service: Service, record: Record, at: datetime, asker: Asker, *, on_reason: bool = False) -> list[Said]:
    """Return the fields that the matrix shows an asker, as the licence had them then."""
    licence = record.on(beijing_day(at), at)
    if licence is None:
        return []
    template = service.catalogue.edition(record.type, licence.current.edition)
    return _named(service, record, at, disclose(template.fields, licence.current.face, asker, on_reason=on_reason))


def photo(service: Service, record: Record, name: str) -> tuple[str, bytes]:
    """Return digest and JPEG of a picture on the present document that the holder sees; `NotInRegister` where there is none."""
    licence, template = licence_of(service, record)
    digest = photos_of(licence, template, Asker.HOLDER).get(name)
    if digest is None:
        raise NotInRegister
    return digest, service.reservations.photo(digest)


def asker_of(service: Service, record: Record) -> Asker:
    """Return as whom a holder reads the past: as the public where the licence was another's before, whose data are not theirs."""
    return Asker.PUBLIC if service.holder_desk.cards.theirs_since(record) else Asker.HOLDER


def _day(one: date | None) -> str | None:
    return one.isoformat() if one else None
