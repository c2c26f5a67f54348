"""The door of the desk: signing in with the OpenID provider, coming back from it, signing out."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from licence_service.duties import Right
from licence_service.errors import AccessRefused
from licence_service.round_trip import AWAY, MOST_CODE, MOST_STATE
from licence_service.web import pages
from licence_service.web.access import TheService
from licence_service.web.cookies import keep
from licence_service.web.desk.room import COOKIE, HOME, AtDesk, Desk, TheForm

router = APIRouter(prefix=HOME, include_in_schema=False)
LEFT, _BACK = "desk_sign_in", f"{HOME}/sign-in"
_LAST = 5  # licences that the home page leads back to
Given = Annotated[str, Query(max_length=MOST_CODE)]


@router.get("")
def home(request: Request, service: TheService) -> Response:
    """Show the desk to whoever is signed in, to others the door."""
    token = request.cookies.get(COOKIE, "")
    person = service.sign_in.person(token)
    if person is None:
        return pages.page("desk/door.html", open=service.sign_in.provider is not None)
    desk = Desk(service, person, token)
    waiting = service.tasks.number(person.department, person.offices) if desk.may(Right.TASKS) else 0
    return desk.page("home.html", lines=_mine(desk) if desk.may(Right.FIND) else [], waiting=waiting)


def _mine(desk: Desk) -> list[str]:
    """Return the licences that this person opened last, newest first; none that went out of their sight since."""
    opened = desk.service.desk_log.opened_last(desk.person.person_id, _LAST)
    return [licence_id for licence_id in opened if desk.visible(licence_id)]


@router.get("/sign-in")
def sign_in(service: TheService) -> Response:
    """Send the browser to the OpenID provider."""
    address, state = service.sign_in.leave()
    answer = RedirectResponse(address, status_code=303, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
    keep(answer, service.sign_in.trip, LEFT, state, _BACK, AWAY)
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
    """Take whoever comes back from the provider in, if it is a person of the desk."""
    if error:
        raise AccessRefused("the OpenID provider let nobody in")
    claims, person = service.sign_in.arrive(request.cookies.get(LEFT, ""), state, code, iss or None)
    if person is None:
        answer = pages.page("desk/stranger.html", status=403, claims=claims)
    else:
        answer = RedirectResponse(HOME, status_code=303, headers={"Cache-Control": "no-store"})
        token = service.sign_in.sessions.begin(person.person_id, service.now())
        keep(answer, service.sign_in.trip, COOKIE, token, HOME, service.sign_in.sessions.longest)
    answer.delete_cookie(LEFT, path=_BACK)
    return answer


@router.post("/sign-out")
def sign_out(service: TheService, desk: AtDesk, _form: TheForm) -> Response:
    """End the session, and show the way out of the provider's own."""
    service.sign_in.sessions.end(desk.token)
    provider = service.sign_in.provider
    answer = pages.page("desk/out.html", leaving=provider.leaving(f"{service.sign_in.trip.address}{HOME}") if provider else None)
    answer.delete_cookie(COOKIE, path=HOME)
    return answer
