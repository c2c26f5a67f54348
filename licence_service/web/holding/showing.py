"""Routes for holders: a code for the screen, and the end of a log-in (DOMAIN §2d, SH-07)."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from licence_service.envelope import Reading
from licence_service.errors import Fault
from licence_service.show_code import ANYONE, AUDIENCES, LONGEST, SHORTEST
from licence_service.web.access import TheService
from licence_service.web.holding.entrance import TheHolding
from licence_service.web.issuing import Body, LicenceId
from licence_service.web.shapes import ANSWERS, TEXT, answer, as_body, shape

router = APIRouter(prefix="/holder", tags=["holders"], responses=ANSWERS)
_BODY = as_body({
    "type": "object", "additionalProperties": False,
    "properties": {
        "audience": {"enum": list(AUDIENCES), "description": "Who is shown it: `anyone` sees what the public sees; `passenger` what passengers see."},
        "seconds": {"type": "integer", "minimum": SHORTEST, "maximum": LONGEST, "description": "How long the code lives; the service's own where absent."},
    },
})  # fmt: skip
_MADE = answer(
    "The code: `address` is what is drawn as a QR code, `digits` what follows the profile's number in it",
    shape({
        "licence_id": TEXT, "address": TEXT, "digits": TEXT, "audience": TEXT, "state": TEXT, "made_at": TEXT, "refresh_at": TEXT, "expires_at": TEXT,
    }),
)  # fmt: skip


@router.post("/cards/{licence_id}/show-codes", status_code=201, responses={201: _MADE}, openapi_extra=_BODY, summary="Make a code for the screen")
def make(service: TheService, holding: TheHolding, licence_id: LicenceId, body: Body) -> Response:
    """Make a show code for one card. Ask for the next one at `refresh_at`: what is on the screen then lives for as long again without network.

    A suspended licence is shown, and says so; one that is reported lost is not.
    """
    reading = Reading(body)
    reading.only(frozenset({"audience", "seconds"}))
    audience, seconds = reading.one_of("audience", AUDIENCES), reading.number("seconds")
    if seconds is not None and not SHORTEST <= seconds <= LONGEST:
        reading.faults.append(Fault("seconds", "out-of-range", f"{SHORTEST} to {LONGEST} seconds"))
    reading.refuse_if_faulty()
    made = service.shown.office.make(holding, licence_id, audience=audience or ANYONE, life=seconds)
    said: dict[str, Any] = {
        "licence_id": licence_id, "address": made.address, "digits": made.digits, "audience": made.facts.audience, "state": made.facts.state.value,
        "made_at": made.facts.made_at.isoformat(timespec="seconds"), "refresh_at": made.facts.refresh_at.isoformat(timespec="milliseconds"),
        "expires_at": made.facts.expires_at.isoformat(timespec="seconds"),
    }  # fmt: skip
    return JSONResponse(said, status_code=201, headers={"Cache-Control": "no-store"})


@router.post("/log-out", status_code=204, response_class=Response, summary="End a log-in")
def log_out(service: TheService, holding: TheHolding) -> Response:
    """Say that the holder has logged out: every code made and every token given under this log-in is over at once, this one too."""
    service.shown.office.end(holding.session)
    return Response(status_code=204, headers={"Cache-Control": "no-store"})
