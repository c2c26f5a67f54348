"""Claiming a holder's licences as cards, and giving a card back (DOMAIN SH-15)."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response

from licence_service.claiming import WAYS, Claimed
from licence_service.envelope import WORD, Reading
from licence_service.errors import Fault, TooManyFailures
from licence_service.fields import Field, comparison_form
from licence_service.holding import CLAIM, Holding
from licence_service.service import Service
from licence_service.store.failures import WINDOW_SECONDS
from licence_service.web.access import TheService
from licence_service.web.body import json_body
from licence_service.web.holding.entrance import TheHolding
from licence_service.web.holding.shapes import ANSWERS, CLAIM_BODY, CLAIMED_ANSWER
from licence_service.web.issuing import LicenceId

router = APIRouter(prefix="/holder", tags=["holders"], responses=ANSWERS)
_MOST_BODY, _FURTHEST = 4_000, 10_000_000  # bytes; licences of one holder
Body = Annotated[dict[str, Any], Depends(json_body(_MOST_BODY))]
_VALUE = Field(label="号码", type="string", disclose={}, max_length=120)
_CODE = Field(label="领取码", type="string", disclose={}, max_length=60)
_REGION = Field(label="行政区划", type="string", disclose={}, pattern=r"[1-9][0-9]{5}")


@router.post("/claims", responses={200: CLAIMED_ANSWER}, openapi_extra=CLAIM_BODY, summary="Claim licences")
def claim(service: TheService, holding: TheHolding, body: Body) -> Response:
    """Keep as cards every licence that names the holder by their identity number, or the one that a delivery code opens.

    A claim matches, it issues nothing. What is no card is told with a reason and the body that can put it right; one that found nothing always has
    one. Whether a number exists is told to nobody: without the right code, a number that somebody has is answered as one that nobody has.
    """
    return JSONResponse(came_of(service, holding, body), headers={"Cache-Control": "no-store"})


@router.delete("/cards/{licence_id}", status_code=204, summary="Give a card back")
def release(service: TheService, holding: TheHolding, licence_id: LicenceId) -> Response:
    """Keep the licence no longer as a card; the licence stays what it is, and can be claimed again."""
    desk = service.holder_desk.cards
    desk.kept_card(holding, licence_id, CLAIM)
    desk.kept.release(holding.scope, licence_id, holding.by, service.now())
    return Response(status_code=204)


def came_of(service: Service, holding: Holding, body: Mapping[str, Any]) -> dict[str, Any]:
    """Claim, and return what came of it; `RequestRejected` names all that is wrong with the body."""
    reading = Reading(body)
    reading.only(frozenset({"by", "value", "delivery_code", "type", "region", "after"}))
    way, value, code = reading.one_of("by", ("identity", *WAYS)), reading.field("value", _VALUE), reading.field("delivery_code", _CODE)
    slug, region = reading.field("type", WORD), reading.field("region", _REGION)
    if slug is not None and slug not in service.catalogue.slugs:
        reading.faults.append(Fault("type", "unknown-type", "no such certificate type"))
    by_code, after = way in WAYS, reading.number("after")
    if after is not None and (by_code or after > _FURTHEST):
        reading.faults.append(Fault("after", "too-much", "`after` of an earlier answer goes on with a claim by identity"))
    for name, said in (("value", value), ("delivery_code", code)):
        if by_code != (said is not None) and name not in {one.path for one in reading.faults}:
            reading.faults.append(Fault(name, "missing" if by_code else "too-much", "a number or plate and its delivery code go together"))
    reading.refuse_if_faulty()
    claims = service.holder_desk.claims
    if not by_code:
        return _said(service, claims.by_identity(holding, slug, region, after or 0))
    claimed = claims.by_code(holding, str(way), str(value), str(code), slug, region)
    if claimed.guessed:
        count_wrong(service, holding, str(value))
    return _said(service, claimed)


def count_wrong(service: Service, holding: Holding, value: str) -> None:
    """Count a wrong code by holder and by number, as `/download` does by address: a host's address is everybody's. Right codes never come here."""
    now = service.now()
    by_holder = service.failures.count("holder", holding.by, now)
    by_number = service.failures.count("pair", comparison_form(value), now)
    if max(by_holder, by_number) > service.settings.failures_before_slowing:
        raise TooManyFailures(f"try again in {WINDOW_SECONDS // 60} minutes")


def _said(service: Service, claimed: Claimed) -> dict[str, Any]:
    declared = service.holder_desk.claims.declared.reasons
    reasons = [
        {
            "code": one.code, **declared[one.code]["words"], "advice": dict(declared[one.code]["advice"]), "type": one.type,
            "body": {"code": one.body.code, "zh": one.body.zh, "en": one.body.en},
        }
        for one in claimed.reasons
    ]  # fmt: skip
    more = {"after": claimed.after} if claimed.after is not None else {}
    return {"claimed": list(claimed.new), "already": list(claimed.already), "reasons": reasons, **more}
