"""The door of the wallet: signing in with the identity service, coming back from it, signing out, and for whom one acts."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from licence_service.errors import AccessRefused
from licence_service.identity import NotIdentified
from licence_service.round_trip import AWAY, MOST_CODE, MOST_STATE
from licence_service.service import Service
from licence_service.web import pages
from licence_service.web.access import TheService
from licence_service.web.cookies import keep
from licence_service.web.wallet.room import ASKED, COOKIE, HOME, AtDoor, DoorForm, code_of, remember

router = APIRouter(prefix=HOME, include_in_schema=False)
_LEFT, _BACK = "wallet_sign_in", f"{HOME}/sign-in"
_MOST_ID = 26
Given = Annotated[str, Query(max_length=MOST_CODE)]


@router.get("/sign-in")
def sign_in(service: TheService, invited: Annotated[str, Query(max_length=_MOST_ID)] = "") -> Response:
    """Send the browser to the identity service; who was `invited` comes back to the invitation."""
    address, state = service.wallet.trip.leave()
    answer = RedirectResponse(address, status_code=303, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
    keep(answer, service.wallet.trip, _LEFT, state, _BACK, AWAY)
    remember(answer, service, code_of(invited))
    return answer


@router.get("/sign-in/back")
def back(
    request: Request,
    service: TheService,
    state: Annotated[str, Query(max_length=MOST_STATE)] = "",
    code: Given = "",
    iss: Given = "",
    error: Given = "",
) -> Response:
    """Take whoever comes back from the identity service in; a session that this browser had before is over."""
    if error:
        raise AccessRefused("the identity service let nobody in")
    try:
        token = service.wallet.arrive(request.cookies.get(_LEFT, ""), state, code, iss or None)
    except NotIdentified as wrong:
        answer = pages.page("wallet/stranger.html", status=403, why=str(wrong))
    else:
        _end(service, request.cookies.get(COOKIE, ""))
        asked = code_of(request.cookies.get(ASKED, ""))
        answer = RedirectResponse(f"{HOME}/invited/{asked}" if asked else HOME, status_code=303, headers={"Cache-Control": "no-store"})
        answer.delete_cookie(ASKED, path=HOME)
        keep(answer, service.wallet.trip, COOKIE, token, HOME, service.wallet.sessions.longest)
    answer.delete_cookie(_LEFT, path=_BACK)
    return answer


@router.post("/sign-out")
def sign_out(service: TheService, wallet: AtDoor, _form: DoorForm) -> Response:
    """End the session with its show codes, and show the way out of the identity service's own."""
    _end(service, wallet.token)
    provider = service.wallet.provider
    answer = pages.page("wallet/out.html", leaving=provider.leaving(f"{service.wallet.trip.address}{HOME}") if provider else None)
    answer.delete_cookie(COOKIE, path=HOME)
    return answer


@router.post("/act-for")
def act_for(service: TheService, wallet: AtDoor, form: DoorForm) -> Response:
    """Act under a company's delegation from now on, or for oneself again; codes that were shown before are over."""
    service.wallet.act_under(wallet.token, form.text("delegation", _MOST_ID) or None)
    service.shown.office.end(wallet.holding.session)
    return RedirectResponse(HOME, status_code=303, headers={"Cache-Control": "no-store"})


def _end(service: Service, token: str) -> None:
    holding = service.wallet.themselves(token)
    if holding:
        service.shown.office.end(holding.session)
        service.wallet.sessions.end(token)
