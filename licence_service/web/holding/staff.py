"""A company's list of the persons who agreed to it (DOMAIN SH-14): what it shows of each, and that it did is kept for them (AU-06)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response

from licence_service.consenting import MOST_DAYS, USUAL_DAYS, shown_of
from licence_service.deadlines import Deadline
from licence_service.history.words import FLAGS, STATES, said
from licence_service.holding import Holding
from licence_service.licence import LicenceState
from licence_service.service import Service
from licence_service.store.consents import Staffed
from licence_service.store.invitations import Invitation
from licence_service.template import Words
from licence_service.verdict import Overall
from licence_service.web.access import TheService
from licence_service.web.body import json_body
from licence_service.web.holding import telling
from licence_service.web.holding.cards import After, Limit
from licence_service.web.holding.entrance import TheHolding
from licence_service.web.holding.shapes import ANSWERS
from licence_service.web.private import PRIVATE
from licence_service.web.shapes import TEXT, answer, as_body, shape

router = APIRouter(prefix="/holder", tags=["holders"], responses=ANSWERS)
AT_ONCE = 500  # lines that are read at once
_MOST_BODY = 1_000
Body = Annotated[dict[str, Any], Depends(json_body(_MOST_BODY))]
_WORDS, _BOTH, _DAY_OR_NULL = (
    shape({"code": TEXT, "zh": TEXT, "en": TEXT}),
    shape({"zh": TEXT, "en": TEXT}),
    {"type": ["string", "null"], "format": "date"},
)
_PERSON = shape({
    "consent_id": TEXT, "type": shape({"name": TEXT, "zh": TEXT, "en": TEXT}), "name": TEXT, "number": TEXT, "issuer": _WORDS, "state": _WORDS,
    "flags": {"type": "array", "items": _WORDS}, "overall": {"enum": [one.value for one in Overall]}, "valid_to": _DAY_OR_NULL,
    "next": {"oneOf": [shape({"day": TEXT, "title": _BOTH}), {"type": "null"}]}, "agreed_until": {**TEXT, "format": "date"},
})  # fmt: skip
_LIST = answer(
    "The lines, and the number to go on after", shape({"staff": {"type": "array", "items": _PERSON}, "after": {"type": ["integer", "null"]}})
)
_LOOKED = shape({"day": {**TEXT, "format": "date"}, "by": {"type": ["string", "null"]}, "licences": {"type": "integer"}})
_LOOKERS = answer(
    "The lines, and the number to go on after", shape({"looks": {"type": "array", "items": _LOOKED}, "after": {"type": ["integer", "null"]}})
)
_INVITATION = shape({"code": TEXT, "url": TEXT, "made_at": TEXT, "last_on": {**TEXT, "format": "date"}})
_MADE = answer("The invitation", _INVITATION)
_PRESENT = answer("The invitation; null where there is none", shape({"invitation": {"oneOf": [_INVITATION, {"type": "null"}]}}))
_DAYS = as_body({
    "type": "object", "additionalProperties": False,
    "properties": {"days": {"type": "integer", "minimum": 1, "maximum": MOST_DAYS, "description": f"How long it may be used; {USUAL_DAYS} where absent."}},
})  # fmt: skip


@router.get("/invitation", responses={200: _PRESENT}, summary="The company's invitation")
def present(service: TheService, holding: TheHolding) -> Response:
    """Return the invitation that may be used today, with its code and address: a page for the company's persons to open."""
    found = service.holder_desk.consenting.invitation(holding)
    return JSONResponse({"invitation": told(service, found) if found else None}, headers=PRIVATE)


@router.post("/invitation", status_code=201, responses={201: _MADE}, openapi_extra=_DAYS, summary="Invite persons, or renew the invitation")
def invite(service: TheService, holding: TheHolding, body: Body) -> Response:
    """Make an invitation: whoever is shown its code can let the company see their own licences, and learns its name. The one before is over.

    A delegate may do this who was let (`staff`), for all of the company. Consents that were given stay, whatever becomes of the invitation.
    """
    return JSONResponse(told(service, service.holder_desk.consenting.invite(holding, body)), status_code=201, headers=PRIVATE)


@router.delete("/invitation", status_code=204, summary="End the invitation", response_class=Response)
def end(service: TheService, holding: TheHolding) -> Response:
    """End the invitation; doing it again changes nothing."""
    service.holder_desk.consenting.end_invitation(holding)
    return Response(status_code=204, headers=PRIVATE)


@router.get("/staff", responses={200: _LIST}, summary="The persons who agreed to the company")
def staff(service: TheService, holding: TheHolding, after: After = 0, limit: Limit = 50) -> Response:
    """Return how the licences stand that persons let the company see, in the order in which they agreed: no file, no picture, no identity number.

    A licence that is suspended, revoked or reported lost stays in the list and says so. The person reads on which days the company looked.
    """
    found, more = service.holder_desk.consenting.staff(holding, after=after, limit=limit)
    rows = persons(service, found)
    seen(service, holding, rows)
    overall = judged(service, rows)
    return JSONResponse({"staff": [_person(one, overall[one.consent_id]) for one in rows], "after": more}, headers=PRIVATE)


@router.get("/staff/looks", responses={200: _LOOKERS}, summary="Who of the company looked at its list of persons")
def lookers(service: TheService, holding: TheHolding, after: After = 0, limit: Limit = 50) -> Response:
    """Return who looked at the list for the company, a line for each person and day, newest first: for its legal representative alone.

    `after` counts the lines of earlier pages. `by` is null where the identity service names no person who speaks for the company.
    """
    return JSONResponse(looked(service, holding, after, limit), headers=PRIVATE)


def looked(service: Service, holding: Holding, after: int, limit: int) -> telling.Said:
    """Return one page of who looked, and the number to go on after; None where there is no more."""
    found = service.holder_desk.consenting.lookers(holding, after, limit + 1)
    said = [{"day": day, "by": by, "licences": count} for day, by, count in found[:limit]]
    return {"looks": said, "after": after + limit if len(found) > limit else None}


@dataclass(frozen=True, slots=True)
class Person:
    """A line of the list: a person's licence as the company sees it.

    `next` is the soonest day that matters, what is overdue first; neither an age, whose day would tell the birthday, nor a result.
    `fields` are the names of what is shown of the face, and `noted` says that the look of today is kept already.
    """

    consent_id: str
    type: str
    title: Words
    name: str = field(repr=False)
    number: str = field(repr=False)
    issuer: dict[str, Any]
    state: LicenceState
    flags: tuple[str, ...]
    valid_to: date | None
    next: Deadline | None
    agreed_until: date
    licence_id: str
    key: int
    fields: tuple[str, ...]
    noted: bool

    @property
    def named_by(self) -> tuple[str, str]:
        """Return by what a line is searched for, and ordered."""
        return self.name, self.number

    @property
    def row_id(self) -> str:
        """Return what tells it from other lines."""
        return self.consent_id


def persons(service: Service, found: Sequence[Staffed]) -> list[Person]:
    """Return lines; the law is read once for all."""
    days = service.reminders.reminding.deadlines([one.card.record for one in found])
    return [_line(service, one, days[one.card.record.licence_id]) for one in found]


def every_person(service: Service, holding: Holding, kind: str = "") -> Iterator[Person]:
    """Yield all lines of one type or all; no more records are held at once than are read at once."""
    after = 0
    while True:
        found, more = service.holder_desk.consenting.staff(holding, kind=kind, after=after, limit=AT_ONCE)
        yield from persons(service, found)
        if more is None:
            return
        after = more


def seen(service: Service, holding: Holding, rows: Sequence[Person]) -> None:
    """Keep that who asks was told of these lines today, those of which it is not kept yet; before anything is shown."""
    service.holder_desk.consenting.look(holding, {one.key: one.fields for one in rows if not one.noted})


def judged(service: Service, rows: Sequence[Person]) -> dict[str, str]:
    """Return the verdicts of now on lines that are shown, in one word each, by consent id."""
    records = {one.licence_id: one for one in service.book.records([row.licence_id for row in rows])}
    licences = {one: telling.licence_of(service, record)[0] for one, record in records.items()}
    return {
        row.consent_id: service.verifier.standing(records[row.licence_id], licences[row.licence_id], None).overall.value for row in rows
    }  # fmt: skip


def told(service: Service, one: Invitation) -> dict[str, str]:
    """Return an invitation with its code and address."""
    return {
        "code": one.code, "url": address_of(service, one.code), "made_at": one.made_at.isoformat(timespec="seconds"), "last_on": one.last_on.isoformat(),
    }  # fmt: skip


def address_of(service: Service, code: str) -> str:
    """Return the address that an invitation's code opens in our own wallet."""
    return f"{service.settings.public_url.rstrip('/')}/wallet/invited/{code}"


def _line(service: Service, one: Staffed, days: Sequence[Deadline]) -> Person:
    record = one.card.record
    licence, template = telling.licence_of(service, record)
    shown = shown_of(licence, template)
    issuer = telling.organ(service, licence.issuer or record.department)
    return Person(
        one.consent.consent_id, record.type, template.title, shown.name, shown.number, issuer, licence.state, tuple(sorted(licence.flags)),
        licence.valid_to, next((each for each in days if each.for_others), None), one.consent.last_on, record.licence_id, one.key, shown.fields, one.noted,
    )  # fmt: skip


def _person(one: Person, overall: str) -> dict[str, Any]:
    title = {"zh": one.next.title.zh, "en": one.next.title.en} if one.next else None
    return {
        "consent_id": one.consent_id, "type": {"name": one.type, "zh": one.title.zh, "en": one.title.en}, "name": one.name, "number": one.number,
        "issuer": one.issuer, "state": said(STATES, one.state), "flags": [said(FLAGS, each) for each in one.flags], "overall": overall,
        "valid_to": one.valid_to.isoformat() if one.valid_to else None,
        "next": {"day": one.next.day.isoformat(), "title": title} if one.next else None, "agreed_until": one.agreed_until.isoformat(),
    }  # fmt: skip
