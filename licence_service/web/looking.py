"""Routes for officers and for who asks who looked: a look by plate, number or identity number, the list of looks, the note (SH-08, SH-11)."""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from licence_service.errors import NotInRegister
from licence_service.history.words import STATES
from licence_service.licence import BEIJING, LicenceState
from licence_service.looking import NUMBER, WAYS, LookReasons, Seen
from licence_service.seal.tokens import BadToken, Purpose, open1
from licence_service.service import Service
from licence_service.store.looks import Look
from licence_service.web import filled, pages
from licence_service.web.access import Caller, Credentials, TheService, count_by_address, officers_system
from licence_service.web.filled import Form, form_body
from licence_service.web.issuing import LicenceId
from licence_service.web.receipting import HEADERS
from licence_service.web.shapes import ANSWERS, TEXT, answer, shape
from licence_service.wording import HEADLINES, QUESTIONS, RESULTS

router = APIRouter()
MOST_A_PAGE = 100
_PUBLIC = {status: said for status, said in ANSWERS.items() if status not in {401, 403, 409}}
_ANY = {"type": "object"}
_NULLABLE: dict[str, Any] = {"type": ["string", "null"]}
_LOOK = {
    "type": "object", "additionalProperties": False, "required": ["by", "value", "reason", "place", "officer"],
    "properties": {
        "by": {"enum": [NUMBER, *WAYS]}, "value": {"type": "string", "maxLength": 60},
        "reason": {"type": "string", "description": "A code of `templates/_codes/look_reason.toml`."},
        "place": {"type": "string", "maxLength": 120}, "officer": {"type": "string", "maxLength": 60, "description": "The officer's number or name."},
        "case_no": {"type": ["string", "null"], "maxLength": 80, "description": "Seals the look from the holder."},
        "could_not_show": {"type": "boolean", "description": "Gives a signed note for each right in force."},
    },
}  # fmt: skip
_SEEN_ANSWER = answer(
    "The licences with this value, as an officer sees them",
    shape({
        "look_id": TEXT, "looked_at": TEXT,
        "licences": {"type": "array", "items": shape({
            "overall": TEXT, "answers": _ANY, "conditions": _ANY, "matches_now": {"type": "boolean"}, "licence": _ANY,
            "photos": _ANY, "note_code": _NULLABLE,
        })},
    }),
    "text/html",
)  # fmt: skip
_LOOKS_ANSWER = answer(
    "Who has looked, oldest first",
    shape({
        "licence_id": TEXT, "after": {"type": ["integer", "null"]},
        "looks": {"type": "array", "items": shape({
            "look_id": TEXT, "at": TEXT, "organ": TEXT, "client": TEXT, "found_by": TEXT, "sealed_by_case": {"type": "boolean"},
            "reason": {"type": ["object", "null"]}, "place": _NULLABLE, "officer": _NULLABLE,
        })},
    }),
)  # fmt: skip
_NOTE_ANSWER = answer("The note, and its signed form as base64 of a COSE_Sign1", shape({"note": _ANY, "signed": TEXT}), "text/html")
_NOTE_BODY: dict[str, Any] = {"type": "object", "required": ["note_code"], "properties": {"note_code": {"type": "string", "maxLength": 60}}}


@router.get("/officer", include_in_schema=False)
def form(service: TheService) -> Response:
    """Show the officer's page: everything is typed for one look, the token too, and nothing is kept."""
    return pages.page("officer.html", reasons=service.officers.reasons.words)


@router.post(
    "/officer/look", tags=["officers"], responses={**ANSWERS, 200: _SEEN_ANSWER}, openapi_extra=form_body(_LOOK), summary="Look, as an officer"
)
def look(request: Request, service: TheService, credentials: Credentials, form: Form) -> Response:
    """Find licences by plate, number or identity number. Officer, reason and place must be said; every look is kept (SH-11)."""
    said = dict(form)
    typed = said.pop("token", None)
    client = officers_system(service, credentials, typed if isinstance(typed, str) else None)
    if said.get("could_not_show") == "on":
        said["could_not_show"] = True  # a box on a page
    kept, seen = service.officers.look(client, service.officers.read(said))
    if pages.wants_html(request):
        return _page(kept, seen)
    listed = [_listed(one) for one in seen]
    return JSONResponse({"look_id": kept.look_id, "looked_at": kept.at.isoformat(timespec="seconds"), "licences": listed}, headers=HEADERS)


def _listed(one: Seen) -> dict[str, Any]:
    return {
        "overall": one.overall, "answers": one.answers, "conditions": one.conditions, "matches_now": one.matches_now, "licence": one.view,
        "photos": as_base64(one.photos), "note_code": one.note_code,
    }  # fmt: skip


def as_base64(photos: Mapping[str, bytes]) -> dict[str, str]:
    """Return pictures as they stand in JSON and in a page: no address leads to them."""
    return {name: base64.b64encode(jpeg).decode() for name, jpeg in photos.items()}


def _page(kept: Look, seen: list[Seen]) -> Response:
    shown = [
        {
            **_listed(one), "headline": HEADLINES[one.overall], "state": STATES[one.view["state"]],
            "labels": [(QUESTIONS[name], RESULTS[said["result"]], said) for name, said in one.answers.items()],
        }
        for one in seen
    ]  # fmt: skip
    return pages.page("officer_seen.html", headers=HEADERS, seen=shown, look_id=kept.look_id, looked_at=in_beijing(kept.at))


def in_beijing(instant: datetime) -> str:
    """Return an instant as people in Beijing read it."""
    return instant.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


After = Annotated[int, Query(ge=0, le=2**53, description="The cursor of an earlier page.")]


@router.get("/licences/{licence_id}/looks", tags=["asking the book"], responses={**ANSWERS, 200: _LOOKS_ANSWER}, summary="Who has looked")
def looks(service: TheService, caller: Caller, licence_id: LicenceId, after: After = 0) -> Response:
    """Return the looks of officers at a licence; one that a case seals says only when, and which organ."""
    service.registrar.visible(caller, licence_id)
    found = service.officers.looks.of(licence_id, after=after, limit=MOST_A_PAGE)
    listed = [look_as_json(one, service.officers.reasons, whole=not one.hidden) for _, one in found]
    body = {"licence_id": licence_id, "looks": listed, "after": found[-1][0] if len(found) == MOST_A_PAGE else None}
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


def look_as_json(one: Look, reasons: LookReasons, *, whole: bool) -> dict[str, Any]:
    """Return a look; without what the officer said where it is sealed."""
    words = reasons.words.get(str(one.said["reason"]), ("", ""))
    return {
        "look_id": one.look_id, "at": one.at.isoformat(timespec="seconds"), "organ": one.organ, "client": one.client, "found_by": one.found_by,
        "sealed_by_case": one.hidden, "reason": {"code": one.said["reason"], "zh": words[0], "en": words[1]} if whole else None,
        "place": one.said["place"] if whole else None, "officer": one.said["officer"] if whole else None,
    }  # fmt: skip


@router.get("/notes", include_in_schema=False)
def note_form() -> Response:
    """Show where a note's code is typed."""
    return pages.page("note.html", note=None)


@router.post("/notes", tags=["public"], responses={**_PUBLIC, 200: _NOTE_ANSWER}, openapi_extra=form_body(_NOTE_BODY), summary="Open a showing note")
def note(request: Request, service: TheService, form: Form) -> Response:
    """Return the signed note that a holder was given who could not show the licence (DOMAIN M11); a wrong code is counted."""
    message = service.officers.note(filled.text(form, "note_code", 60))
    if message is None:
        count_by_address(request, service)
        raise NotInRegister("no note opens with this code")
    said = _said(service, message)
    signed = base64.b64encode(message).decode()
    if pages.wants_html(request):
        title = service.catalogue.editions[said["type"]][-1].title
        at = in_beijing(datetime.fromisoformat(said["looked_at"]))
        words = {"state": STATES[LicenceState(said["state"])], "overall": HEADLINES[said["overall"]]}
        return pages.page("note.html", headers=HEADERS, note=said, at=at, signed=signed, title=title, words=words)
    return JSONResponse({"note": said, "signed": signed}, headers=HEADERS)


def _said(service: Service, message: bytes) -> dict[str, Any]:
    """Return what a kept note says; `NotInRegister` where its key is no longer among those for evidence, so that it proves nothing."""
    try:
        said: dict[str, Any] = json.loads(open1(message, service.keyring.keys_for(Purpose.EVIDENCE)).payload)
    except BadToken:
        raise NotInRegister("the key that signed this note is no longer trusted") from None
    return said
