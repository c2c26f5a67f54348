"""What the page of a refusal at the desk shows around it: who is signed in, the doors that are open to them, and the way back."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import Request

from licence_service.duties import Right
from licence_service.errors import Unavailable
from licence_service.web.access import service_of
from licence_service.web.desk.room import COOKIE, DOORS, HOME, Desk

_LICENCE = re.compile(f"({HOME}/licences/[0-9A-Z]{{20}})/.+")
_NOT_FOUND = 404


def around(request: Request, status: int) -> Mapping[str, Any]:
    """Return the values around a refusal; none where nobody is signed in, or the register cannot say who."""
    service, token = service_of(request), request.cookies.get(COOKIE, "")
    try:
        person = service.sign_in.person(token)
    except Unavailable:
        return {}
    if person is None:
        return {}
    desk = Desk(service, person, token)
    return {**desk.around, "back": _back(desk, request, status)}


def _back(desk: Desk, request: Request, status: int) -> tuple[str, str, str] | None:
    """Return address and words of where the refused came from: the licence, else the door; of a licence that is not found nothing is repeated."""
    path = request.url.path
    if (found := _LICENCE.fullmatch(path)) and status != _NOT_FOUND and desk.may(Right.FIND):
        return found[1], "返回证照", "Back to the licence"
    doors = (door for door in DOORS if door[0] & desk.person.rights)
    door = next((one for one in doors if path.startswith(f"{one[1]}/") or (path == one[1] and request.method == "POST")), None)
    return (door[1], f"返回{door[2]}", f"Back to: {door[3]}") if door else None
