"""What a company lets others do with its licences (DOMAIN SH-13)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from fastapi.responses import JSONResponse, Response

from licence_service.licence import beijing_day
from licence_service.service import Service
from licence_service.store.delegations import Delegation
from licence_service.web.access import TheService
from licence_service.web.body import json_body
from licence_service.web.holding.entrance import TheHolding
from licence_service.web.holding.shapes import ANSWERS, DELEGATE_BODY, DELEGATION_ANSWER, DELEGATIONS_ANSWER

router = APIRouter(prefix="/holder", tags=["holders"], responses=ANSWERS)
_MOST_BODY = 60_000
Body = Annotated[dict[str, Any], Depends(json_body(_MOST_BODY))]
DelegationId = Annotated[str, Path(pattern=r"^[0-9a-f]{26}$", description="As `POST /holder/delegations` returned it.")]
_NO_STORE = {"Cache-Control": "no-store"}


@router.get("/delegations", responses={200: DELEGATIONS_ANSWER}, summary="Delegations given and held")
def delegations(service: TheService, holding: TheHolding) -> Response:
    """Return what a company gave, ended ones too; to a person what companies gave them, with the id by which they act under it.

    `by_former` says that the legal representative who gave it is not that of today; it holds all the same, until it is ended.
    """
    given, held = service.holder_desk.delegating.listed(holding)
    said = {"given": [told(service, one) for one in given], "held": [told(service, one) for one in held]}
    return JSONResponse(said, headers=_NO_STORE)


@router.post(
    "/delegations", status_code=201, responses={201: DELEGATION_ANSWER}, openapi_extra=DELEGATE_BODY, summary="Let somebody act for a company"
)
def give(service: TheService, holding: TheHolding, body: Body) -> Response:
    """Let a person act for the company, whose legal representative asks: as manager or clerk, with acts, types or licences, from day to day.

    They come with their own identity, under the same number and name, and exchange it with `delegation`. They cannot delegate further.
    It may be sent again: one delegation comes of it, until it is ended.
    """
    return JSONResponse(told(service, service.holder_desk.delegating.give(holding, body)), status_code=201, headers=_NO_STORE)


@router.delete("/delegations/{delegation_id}", responses={200: DELEGATION_ANSWER}, summary="End a delegation")
def end(service: TheService, holding: TheHolding, delegation_id: DelegationId) -> Response:
    """End a delegation: the delegate is out with their next request."""
    return JSONResponse(told(service, service.holder_desk.delegating.end(holding, delegation_id)), headers=_NO_STORE)


def told(service: Service, one: Delegation) -> dict[str, Any]:
    """Return a delegation: to whom by name and by what company, never a number."""
    holders, today = service.holder_desk.delegating.holders, beijing_day(service.now())
    named = one.given_by != one.company
    over = one.ended_at is not None or one.last_on < today
    return {
        "delegation_id": one.delegation_id, "company": holders.identity(one.company)[1], "name": one.name,
        "role": one.role, "acts": sorted(one.acts), "types": list(one.types) if one.types is not None else None,
        "licences": list(one.licences) if one.licences is not None else None, "first_on": one.first_on.isoformat(), "last_on": one.last_on.isoformat(),
        "state": "ended" if over else "ahead" if one.first_on > today else "living", "given_at": one.given_at.isoformat(timespec="seconds"),
        "given_by": holders.identity(one.given_by)[1] if named else None,
        "by_former": named and holders.spoken_by(one.company) not in {None, one.given_by},
        "ended_at": one.ended_at.isoformat(timespec="seconds") if one.ended_at else None,
    }  # fmt: skip
