"""Routes for stickers: made, listed and revoked by approval systems, opened by passengers (SH-10)."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse, Response

from licence_service.envelope import Reading
from licence_service.fields import Field
from licence_service.history.words import STATES
from licence_service.service import Service
from licence_service.stickers import IN_TRADE, LEFT, PAUSED, REVOKED, UNKNOWN, Opened
from licence_service.store.stickers import Sticker
from licence_service.web import pages
from licence_service.web.access import Caller, TheService, count_by_address
from licence_service.web.issuing import Body, LicenceId
from licence_service.web.looking import as_base64, in_beijing
from licence_service.web.receipting import HEADERS
from licence_service.web.shapes import ANSWERS, TEXT, answer, shape
from licence_service.wording import HEADLINES

router = APIRouter()
_PUBLIC = {status: said for status, said in ANSWERS.items() if status not in {401, 403, 409}}
_DRIVER = Field(label="驾驶员证照", type="string", disclose={}, pattern=r"[0-9A-Z]{20}")
_NULLABLE: dict[str, Any] = {"type": ["string", "null"]}
_OBJECT_OR_NULL: dict[str, Any] = {"type": ["object", "null"]}
_FLAG_OR_NULL: dict[str, Any] = {"type": ["boolean", "null"]}
_STICKER: dict[str, Any] = {"sticker_id": TEXT, "licence_id": TEXT, "driver": _NULLABLE, "issued_at": TEXT, "revoked_at": _NULLABLE}
_MADE = answer("The sticker with its code, shown this once", shape({**_STICKER, "code": TEXT, "url": TEXT}))
_LIST = answer("All stickers of a licence", shape({"stickers": {"type": "array", "items": shape(_STICKER)}}))
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {
            "type": "object", "additionalProperties": False,
            "properties": {"driver": {"type": ["string", "null"], "description": "The licence id of the driver, where the sticker names one."}},
        }}},
    }
}  # fmt: skip
_PASSENGER = answer(
    "What a passenger may see",
    shape({
        "status": {"enum": [IN_TRADE, PAUSED, LEFT, REVOKED, UNKNOWN]}, "overall": {"enum": [*HEADLINES]}, "zh": TEXT, "en": TEXT,
        "since": _NULLABLE, "checked_at": TEXT,
        "plates": {"type": "array", "items": TEXT}, "vehicle": _OBJECT_OR_NULL, "driver": _OBJECT_OR_NULL, "driver_in_force": _FLAG_OR_NULL,
        "conditions_hold": _FLAG_OR_NULL, "driver_conditions_hold": _FLAG_OR_NULL, "photos": {"type": "object"},
    }),
    "text/html",
)  # fmt: skip
WORDS = {  # status → the band's look, and the words
    IN_TRADE: ("valid", "车辆在册，许可有效", "In the trade, licence in force"),
    PAUSED: ("not_valid", "目前不得营运", "Not permitted to operate now"),
    LEFT: ("not_valid", "该车已退出营运", "Left the trade"),
    REVOKED: ("not_valid", "此车贴已作废，请勿以此判断", "This sticker was revoked; do not rely on it"),
    UNKNOWN: ("cannot_decide", "无法识别此码", "This code cannot be recognised"),
}
UNLESS = {  # of a vehicle in trade: what stands in the way of a plain yes
    "no_plate": ("cannot_decide", "车辆在册，但没有可核对的号牌", "In the trade, but without a plate to compare"),
    "unmet": ("valid_conditions_unmet", "车辆在册，但年审等条件未满足", "In the trade, but a periodic condition is not met"),
    "unknown": (
        "cannot_decide",
        "车辆在册，但无法判断年审等条件是否满足",
        "In the trade, but whether its periodic conditions are met cannot be judged",
    ),
    "driver": ("valid_conditions_unmet", "车辆许可有效；驾驶员的情况见下", "The vehicle is in the trade; see below for its driver"),
    "driver_unknown": ("cannot_decide", "车辆许可有效；驾驶员的情况见下", "The vehicle is in the trade; see below for its driver"),
}


@router.post(
    "/licences/{licence_id}/stickers", status_code=201, tags=["approval systems"], responses={**ANSWERS, 201: _MADE}, openapi_extra=_BODY,
    summary="Make a sticker for a vehicle",
)  # fmt: skip
def make(service: TheService, caller: Caller, licence_id: LicenceId, body: Body) -> Response:
    """Make a revocable sticker for the licence of a vehicle, naming its driver's licence or not."""
    reading = Reading(body)
    reading.only(frozenset({"driver"}))
    driver = reading.field("driver", _DRIVER)
    reading.refuse_if_faulty()
    sticker, code = service.sticker_office.issue(caller, licence_id, driver)
    url = f"{service.settings.public_url.rstrip('/')}/S/{code}"
    return JSONResponse({**_listed(sticker), "code": code, "url": url}, status_code=201, headers={"Cache-Control": "no-store"})


@router.get("/licences/{licence_id}/stickers", tags=["approval systems"], responses={**ANSWERS, 200: _LIST}, summary="List the stickers of a vehicle")
def listed(service: TheService, caller: Caller, licence_id: LicenceId) -> Response:
    """Return all stickers, also revoked ones; never a code."""
    found = [_listed(one) for one in service.sticker_office.of(caller, licence_id)]
    return JSONResponse({"stickers": found}, headers={"Cache-Control": "no-store"})


StickerId = Annotated[str, Path(pattern=r"^[0-9a-f]{26}$", description="The sticker's id.")]


@router.post(
    "/licences/{licence_id}/stickers/{sticker_id}/revoke", status_code=204, tags=["approval systems"], responses=ANSWERS,
    summary="Revoke a sticker", response_class=Response,
)  # fmt: skip
def revoke(service: TheService, caller: Caller, licence_id: LicenceId, sticker_id: StickerId) -> Response:
    """Revoke a sticker; whoever scans it is told so."""
    service.sticker_office.revoke(caller, licence_id, sticker_id)
    return Response(status_code=204, headers={"Cache-Control": "no-store"})


def _listed(sticker: Sticker) -> dict[str, Any]:
    revoked = sticker.revoked_at.isoformat(timespec="seconds") if sticker.revoked_at else None
    return {
        "sticker_id": sticker.sticker_id, "licence_id": sticker.licence_id, "driver": sticker.driver_id,
        "issued_at": sticker.issued_at.isoformat(timespec="seconds"), "revoked_at": revoked,
    }  # fmt: skip


@router.get("/S/{code}", tags=["public"], responses={**_PUBLIC, 200: _PASSENGER}, summary="Open a sticker, as a passenger")
def passenger(request: Request, service: TheService, code: Annotated[str, Path(min_length=1, max_length=80)]) -> Response:
    """Show the plate to compare, and vehicle and driver as passengers may see them; an unknown code is answered, and counted."""
    opened = service.sticker_office.open(code)
    if opened.status == UNKNOWN:
        count_by_address(request, service)
    said = _said(service, opened)
    if not pages.wants_html(request):
        return JSONResponse(said, headers=HEADERS)
    state = STATES.get(opened.vehicle["state"]) if opened.vehicle else None
    said["standing"], said["look"] = said.pop("status"), said.pop("overall")
    return pages.page("sticker.html", headers=HEADERS, **said, state=state, at=in_beijing(service.now()))


def words_of(opened: Opened) -> tuple[str, str, str]:
    """Return the verdict in one word and the headline in both languages: what is unknown goes before what is unmet, and neither is a yes (SH-01)."""
    if opened.status != IN_TRADE:
        return WORDS[opened.status]
    found = []
    if not opened.plates:
        found.append("no_plate")
    if opened.conditions_hold is not True:
        found.append("unknown" if opened.conditions_hold is None else "unmet")
    if opened.driver_in_force is False or opened.driver_conditions_hold is False:
        found.append("driver")
    elif opened.driver_in_force and opened.driver_conditions_hold is None:
        found.append("driver_unknown")
    if not found:
        return WORDS[IN_TRADE]
    _, zh, en = UNLESS[found[0]]
    overalls = {UNLESS[one][0] for one in found}
    return ("cannot_decide" if "cannot_decide" in overalls else "valid_conditions_unmet", zh, en)


def _said(service: Service, opened: Opened) -> dict[str, Any]:
    overall, zh, en = words_of(opened)
    return {
        "status": opened.status, "overall": overall, "zh": zh, "en": en, "since": opened.since.isoformat() if opened.since else None,
        "checked_at": service.now().isoformat(timespec="seconds"), "plates": list(opened.plates), "vehicle": opened.vehicle, "driver": opened.driver,
        "driver_in_force": opened.driver_in_force, "conditions_hold": opened.conditions_hold,
        "driver_conditions_hold": opened.driver_conditions_hold,
        "photos": as_base64(opened.photos),
    }  # fmt: skip
