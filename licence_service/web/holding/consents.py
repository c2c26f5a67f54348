"""Routes for persons: who invites, letting a company see a card in its list, which companies do, and withdrawing it (DOMAIN SH-14)."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from fastapi.responses import JSONResponse, Response

from licence_service.consenting import CODE, MOST_MONTHS, USUAL_MONTHS, Inviting, shown_of
from licence_service.envelope import Reading
from licence_service.errors import NotInRegister
from licence_service.holding import Holding
from licence_service.identifiers import normal_code
from licence_service.service import Service
from licence_service.store.consents import STANDINGS, Consent
from licence_service.store.record import Record
from licence_service.web.access import TheService
from licence_service.web.body import json_body
from licence_service.web.holding import telling
from licence_service.web.holding.claims import count_wrong
from licence_service.web.holding.entrance import TheHolding
from licence_service.web.holding.shapes import ANSWERS, NAMED
from licence_service.web.issuing import LicenceId
from licence_service.web.private import PRIVATE
from licence_service.web.shapes import TEXT, answer, as_body, shape

router = APIRouter(prefix="/holder", tags=["holders"], responses=ANSWERS)
_MOST_BODY = 1_000
# What a company is told of a licence that it may see, in this order: name → words. The face fields among them are named by `fields` of a card.
SEEN = {
    "name": ("姓名", "Name"), "type": ("证照类型", "Type"), "number": ("证号", "Number"), "issuer": ("发证机关", "Issuer"),
    "state": ("状态（含暂扣、挂失、条件未满足）", "State, with what stands beside it: reported lost, suspended, a condition not met"),
    "valid_to": ("有效期至", "Valid to"),
    "next": ("下一日期及事项（如换证、审验；不含年龄）", "Next date, and what falls due, such as a renewal; no age limit"),
}  # fmt: skip
Body = Annotated[dict[str, Any], Depends(json_body(_MOST_BODY))]
ConsentId = Annotated[str, Path(pattern=r"^[0-9a-f]{26}$", description="The consent's id.")]
_SAID = {"type": "string", "maxLength": 60, "description": "The code of the invitation: it comes in the body, and stands in no address."}
_TEXTS = shape({"name": TEXT, "zh": TEXT, "en": TEXT})
_CARD = shape({
    "licence_id": TEXT, "type": _TEXTS, "name": TEXT, "number": TEXT, "agreed_until": {"type": ["string", "null"], "format": "date"},
})  # fmt: skip
_INVITED = answer(
    "Who invites, what it will see of each card, and the cards that it may be let see, each as it will see it",
    shape({
        "company": NAMED, "last_on": {**TEXT, "format": "date"}, "seen": {"type": "array", "items": _TEXTS}, "cards": {"type": "array", "items": _CARD},
    }),
)  # fmt: skip
_CONSENT = shape({
    "consent_id": TEXT, "company": NAMED, "standing": {"enum": list(STANDINGS)}, "given_at": TEXT, "last_on": {**TEXT, "format": "date"},
    "ended_at": {"type": ["string", "null"]},
})  # fmt: skip
_GIVEN = answer("The consent as it stands from now on", _CONSENT)
_LIST = answer("The consents of a card, newest first", shape({"consents": {"type": "array", "items": _CONSENT}}))
_CODE_BODY = as_body({"type": "object", "additionalProperties": False, "required": ["code"], "properties": {"code": _SAID}})
_GIVE_BODY = as_body({
    "type": "object", "additionalProperties": False, "required": ["code"],
    "properties": {
        "code": _SAID, "months": {"type": "integer", "minimum": 1, "maximum": MOST_MONTHS, "description": f"For how long; {USUAL_MONTHS} where absent."},
    },
})  # fmt: skip


@router.post("/invited", responses={200: _INVITED}, openapi_extra=_CODE_BODY, summary="Who invites")
def invited(service: TheService, holding: TheHolding, body: Body) -> Response:
    """Return who invites by a code, what it would see, and which cards of the person it may be let see. It changes nothing."""
    reading = Reading(body)
    reading.only(frozenset({"code"}))
    code = reading.field("code", CODE)
    reading.refuse_if_faulty()
    who = inviting(service, holding, str(code))
    said = {
        "company": {"name": who.name, "code": who.code}, "last_on": who.last_on.isoformat(),
        "seen": [{"name": name, "zh": zh, "en": en} for name, (zh, en) in SEEN.items()],
        "cards": showable(service, holding, who),
    }  # fmt: skip
    return JSONResponse(said, headers=PRIVATE)


@router.post(
    "/cards/{licence_id}/consents", status_code=201, responses={201: _GIVEN}, openapi_extra=_GIVE_BODY, summary="Let a company see a card in its list"
)
def give(service: TheService, holding: TheHolding, licence_id: LicenceId, body: Body) -> Response:
    """Let the company that invites by `code` see how the licence stands, for a term; nothing of it but what `POST /holder/invited` says.

    It may be sent again: one consent comes of it, which a later day prolongs. Only certificates of natural persons, and only by the person.
    """
    office = service.holder_desk.consenting
    asked = office.asked(holding, [licence_id], body)
    inviting(service, holding, asked.code)
    return JSONResponse(told(service, office.give(holding, asked)[0]), status_code=201, headers=PRIVATE)


@router.get("/cards/{licence_id}/consents", responses={200: _LIST}, summary="Which companies see a card in their list")
def given(service: TheService, holding: TheHolding, licence_id: LicenceId) -> Response:
    """Return the consents that the holder gave for a card, also those that are over."""
    found = service.holder_desk.consenting.of(holding, licence_id)
    return JSONResponse({"consents": [told(service, one) for one in found]}, headers=PRIVATE)


@router.post("/cards/{licence_id}/consents/{consent_id}/withdraw", status_code=204, summary="Withdraw a consent", response_class=Response)
def withdraw(service: TheService, holding: TheHolding, licence_id: LicenceId, consent_id: ConsentId) -> Response:
    """Withdraw a consent: the company's next request has the licence no more. Doing it again changes nothing."""
    service.holder_desk.consenting.withdraw(holding, licence_id, consent_id)
    return Response(status_code=204, headers=PRIVATE)


def inviting(service: Service, holding: Holding, code: str) -> Inviting:
    """Return who invites by a code; one that never was any is counted, by holder and by code, and slowed. A right code never is.

    Nor is one that is over: it hangs on the company's wall, and whoever scans it guesses nothing.
    """
    office = service.holder_desk.consenting
    found = office.inviting(holding, code)
    if found is None:
        if not office.was_one(code):
            count_wrong(service, holding, normal_code(code))
        raise NotInRegister("no such invitation")
    return found


def showable(service: Service, holding: Holding, who: Inviting) -> list[telling.Said]:
    """Return the cards that the company may be let see, each as it will see it, and until when it does already."""
    office = service.holder_desk.consenting
    agreed = office.agreed(holding, who.company)
    return [_card(service, one.record, agreed.get(one.record.licence_id)) for one in office.showable(holding)]


def _card(service: Service, record: Record, agreed: date | None) -> telling.Said:
    licence, template = telling.licence_of(service, record)
    seen, title = shown_of(licence, template), {"name": record.type, "zh": template.title.zh, "en": template.title.en}
    until = agreed.isoformat() if agreed else None
    return {"licence_id": record.licence_id, "type": title, "name": seen.name, "number": seen.number, "agreed_until": until}


def told(service: Service, one: Consent) -> telling.Said:
    """Return a consent as its holder reads it."""
    return {
        "consent_id": one.consent_id, "company": telling.company(service, one.company), "standing": one.standing(service.now()),
        "given_at": one.given_at.isoformat(timespec="seconds"), "last_on": one.last_on.isoformat(),
        "ended_at": one.ended_at.isoformat(timespec="seconds") if one.ended_at else None,
    }  # fmt: skip
