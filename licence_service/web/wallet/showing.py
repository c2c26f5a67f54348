"""Showing in the wallet (亮证): one large code that is refreshed at half its life, beside what who stands before it may see (DOMAIN §2d, SH-07)."""

import base64
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from licence_service.document.code import drawn
from licence_service.errors import Fault, NotInRegister, RequestRejected, TransitionRefused
from licence_service.fields import Asker, disclose
from licence_service.history.words import FLAGS, STATES
from licence_service.holding import SHOW
from licence_service.licence import BEIJING, Licence, LicenceState
from licence_service.service import Service
from licence_service.show_code import ANYONE, AUDIENCES, PASSENGER
from licence_service.showing import Made
from licence_service.store.record import Record
from licence_service.template import Template
from licence_service.view import photos_of, view_of
from licence_service.web import pages
from licence_service.web.holding import telling
from licence_service.web.issuing import LicenceId
from licence_service.web.wallet.room import HOME, AtWallet, TheForm, Wallet

router = APIRouter(prefix=HOME, include_in_schema=False)
_KEPT = {"Cache-Control": "max-age=3600"}
_ASKERS = {ANYONE: Asker.PUBLIC, PASSENGER: Asker.PASSENGER}
_SHAPES = {LicenceState.IN_FORCE: "valid", LicenceState.PENDING_EFFECT: "valid_conditions_unmet"}  # any other is not valid
Audience = Annotated[str, Query(pattern=f"^({'|'.join(AUDIENCES)})$")]


@router.get("/show.js")
def script() -> Response:
    """Return the script of the page."""
    return Response(pages.script("wallet/show.js"), media_type="text/javascript", headers=_KEPT)


@router.get("/show.css")
def style() -> Response:
    """Return what the page looks like."""
    return Response(pages.script("wallet/show.css"), media_type="text/css", headers=_KEPT)


@router.get("/cards/{licence_id}/show")
def show(wallet: AtWallet, licence_id: LicenceId, audience: Audience | None = None) -> Response:
    """Show a code for a card; where passengers would see something else than the public, ask first to whom it is shown."""
    service = wallet.service
    record = service.holder_desk.cards.card(wallet.holding, licence_id, SHOW)
    licence, template = telling.licence_of(service, record)
    differs = _differs(service, record, licence, template)
    title = template.title
    try:
        service.shown.office.must_be_shown(record, licence)  # before anything is asked
    except TransitionRefused as refusal:
        return wallet.page("show_refused.html", 409, licence_id=licence_id, title=title, lost=refusal.facts.get("rule") == "LC-12")
    if differs and audience is None:
        return wallet.page("show_choose.html", licence_id=licence_id, title=title)
    made = _made(wallet, record, audience or ANYONE)
    code = _code(service, made)
    return wallet.page(
        "show.html", script=True, licence_id=licence_id, title=title, audience=made.facts.audience, differs=differs, code=code,
        **_beside(service, record, licence, template, made.facts.audience),
    )  # fmt: skip


@router.post("/cards/{licence_id}/show/code")
def code(wallet: AtWallet, form: TheForm, licence_id: LicenceId) -> Response:
    """Return the next code, for the page that refreshes it by itself."""
    audience = form.text("audience", 20) or ANYONE
    if audience not in AUDIENCES:
        raise RequestRejected(faults=[Fault("audience", "unknown-code", f"one of: {', '.join(AUDIENCES)}")])
    record = wallet.service.holder_desk.cards.card(wallet.holding, licence_id, SHOW)
    said = _code(wallet.service, _made(wallet, record, audience))
    return JSONResponse(said, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def _made(wallet: Wallet, record: Record, audience: str) -> Made:
    office = wallet.service.shown.office
    return office.code(record, wallet.holding, audience, office.life)


def _code(service: Service, made: Made) -> dict[str, Any]:
    """Return a code as the page draws it.

    Seconds are counted from this answer, `now` is the time to show: what the phone's own clock says is believed nowhere.
    """
    now, facts, picture = service.now(), made.facts, drawn(made.address)
    zh, en = STATES[facts.state]
    return {
        "side": picture.side, "path": picture.path, "life": facts.life, "now": _milliseconds(now),
        "refresh_in": max(0.0, (facts.refresh_at - now).total_seconds()), "expires_in": max(0.0, (facts.expires_at - now).total_seconds()),
        "made_at": facts.made_at.isoformat(timespec="seconds"), "refresh_at": facts.refresh_at.isoformat(timespec="milliseconds"),
        "expires_at": facts.expires_at.isoformat(timespec="seconds"), "clock": f"{now.astimezone(BEIJING):%H:%M:%S}",
        "until": f"{facts.expires_at.astimezone(BEIJING):%H:%M:%S}",
        "state": {"code": facts.state.value, "zh": zh, "en": en, "shape": _SHAPES.get(facts.state, "not_valid")},
    }  # fmt: skip


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _differs(service: Service, record: Record, licence: Licence, template: Template) -> bool:
    """Say whether passengers see anything of this licence that the public does not, or the other way round."""
    department = service.keyring.department_of(licence.issuer or record.department)
    views = [
        (
            view_of(licence, template, service.catalogue.kinds, department, record.type, licence.current.version, asker),
            photos_of(licence, template, asker),
        )
        for asker in _ASKERS.values()
    ]
    return views[0] != views[1]


def _beside(service: Service, record: Record, licence: Licence, template: Template, audience: str) -> dict[str, Any]:
    """Return what stands beside the code: name and number as the audience sees them, since it is they who look at this screen; the photograph."""
    seen = disclose(template.fields, licence.current.face, _ASKERS[audience])
    return {
        "named": seen.get(template.holder_name), "number": seen.get(template.number.field), "photo": _photo(service, licence, template),
        "valid_to": licence.valid_to,
        "flags": [FLAGS.get(one, (one, one)) for one in sorted(licence.flags)],
        "specimen": service.keyring.department_of(licence.issuer or record.department).demo,
        "suspended_until": licence.suspended_until,
    }  # fmt: skip


def _photo(service: Service, licence: Licence, template: Template) -> str | None:
    """Return the first photograph of the present document as base64; None where it has none, or it is not kept any more."""
    for _, digest in sorted(photos_of(licence, template, Asker.HOLDER).items()):
        try:
            return base64.b64encode(service.reservations.photo(digest)).decode()
        except NotInRegister:
            continue
    return None
