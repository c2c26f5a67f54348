"""Routes for who scans a show code: the page that its address opens, the scan itself, and scans of devices that were without network (SH-07)."""

import re
import secrets
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from licence_service.errors import Fault, RequestRejected, TooManyFailures
from licence_service.history.words import STATES
from licence_service.roadside import MOST_REPORTED
from licence_service.service import Service
from licence_service.show_code import CLOCK_ALLOWANCE
from licence_service.showing import Answer, Scanned, Scanner
from licence_service.store.looks import Look
from licence_service.verdict import in_words
from licence_service.web import filled, pages
from licence_service.web.access import Credentials, TheService, count_by_address, officers_system
from licence_service.web.filled import Form, form_body
from licence_service.web.issuing import Body
from licence_service.web.looking import as_base64, in_beijing
from licence_service.web.receipting import HEADERS
from licence_service.web.shapes import ANSWERS, BY_ANYBODY, TEXT, VERDICT_ANSWER, answer, as_body, shape
from licence_service.wording import HEADLINES, QUESTIONS, RESULTS

router = APIRouter()
_CHECKER = re.compile(r"[A-Za-z0-9_-]{16,64}")
_PUBLIC = {status: said for status, said in ANSWERS.items() if status not in {401, 403, 409}}
_NUMBER_OR_NULL: dict[str, Any] = {"type": ["integer", "null"]}
_TEXT_OR_NULL: dict[str, Any] = {"type": ["string", "null"]}
WORDS_OF = {  # what is not shown: the band's look, and the words; of what is shown the verdict says it
    Answer.EXPIRED: ("cannot_decide", "此码已过期，请对方出示新码", "This code has expired; ask for a fresh one"),
    Answer.REPLAYED: (
        "not_valid",
        "此码已在别处核验过，可能是翻拍，请勿据此放行",
        "Scanned elsewhere before: it may be a picture of a screen. Do not rely on it",
    ),
    Answer.CLOCK: ("cannot_decide", "时钟相差过大，无法判定", "A clock is off by too much: cannot be decided"),
    Answer.LOG_IN_OVER: (
        "not_valid",
        "出示人已退出登录，或其授权已终止，此码作废",
        "The log-in, or the delegation, under which this was shown is over",
    ),
    Answer.CARD_OVER: (
        "not_valid",
        "出示人已退回此证照，或证照已属他人，此码作废",
        "Who showed this has given the card back, or the licence is another's since",
    ),
    Answer.NOT_A_CODE: ("not_valid", "不是真实的亮证码", "Not a genuine show code"),
}
_VERDICT = VERDICT_ANSWER["content"]["application/json"]["schema"]
_SCANNED = answer(
    "What the scan comes to; of what is not `shown` the verdict says nothing about a licence",
    shape({
        "answer": {"enum": [one.value for one in Answer]}, "overall": TEXT, "zh": TEXT, "en": TEXT, "seen_as": TEXT, "made_at": _TEXT_OR_NULL,
        "expires_at": _TEXT_OR_NULL, "wrong_by_seconds": _NUMBER_OR_NULL, "device_wrong_by_seconds": _NUMBER_OR_NULL, "checker": _TEXT_OR_NULL,
        "look_id": _TEXT_OR_NULL, "photos": {"type": "object"}, "verdict": _VERDICT,
    }),
    "text/html",
)  # fmt: skip
_SCAN: dict[str, Any] = {
    "type": "object",
    "properties": {
        "checker": {
            "type": "string", "pattern": "^[A-Za-z0-9_-]{16,64}$",
            "description": "What tells this checker from another: the same one may ask again as long as the code lives. Drawn and answered where absent.",
        },
        "device_time": {"type": "string", "description": "The time of the checker's device, with its zone; the answer says where it is off."},
        "reason": {"type": "string", "description": "An officer's: a code of `templates/_codes/look_reason.toml`."},
        "place": {"type": "string", "maxLength": 120}, "officer": {"type": "string", "maxLength": 60},
        "case_no": {"type": ["string", "null"], "maxLength": 80, "description": "Seals the look from the holder."},
    },
}  # fmt: skip
_REPORT = as_body({
    "type": "object", "additionalProperties": False, "required": ["device_time", "scans"],
    "properties": {
        "device_time": {"type": "string", "description": "The time of the device now, with its zone: by how much its clock is off is told from it."},
        "scans": {"type": "array", "minItems": 1, "maxItems": MOST_REPORTED, "items": {
            "type": "object", "additionalProperties": False, "required": ["code", "scanned_at", "reason", "place", "officer"],
            "properties": {
                "code": {"type": "string", "pattern": "^[0-9]{1,1200}$", "description": "The digits of the code."},
                "scanned_at": {"type": "string", "description": "When, by the device's clock, with its zone."},
                **{name: _SCAN["properties"][name] for name in ("reason", "place", "officer", "case_no")},
            },
        }},
    },
})  # fmt: skip
_REASONS = {"type": "array", "items": shape({"code": TEXT, "zh": TEXT, "en": TEXT})}
_REPORTED = answer(
    "An answer for each scan, in their order",
    shape({
        "device_wrong_by_seconds": _NUMBER_OR_NULL,
        "scans": {"type": "array", "items": shape({
            "answer": {"enum": [one.value for one in Answer]}, "licence_id": _TEXT_OR_NULL, "wrong_by_seconds": _NUMBER_OR_NULL, "reasons": _REASONS,
            "reported_before": {"type": "boolean"},
        })},
    }),
)  # fmt: skip
Digits = Annotated[str, Path(pattern=r"^[0-9]{1,1200}$", description="The digits behind the profile's number.")]


@router.get(
    "/D/1{digits}", tags=["public"], summary="The page that a show code opens", response_class=HTMLResponse,
    responses={**_PUBLIC, 200: {"description": "A page with one button; nothing is looked up", "content": {"text/html": {"schema": TEXT}}}},
)  # fmt: skip
def opened(service: TheService, digits: Digits) -> Response:
    """Show the page from which the code is scanned. Previews of links fetch addresses too, so this neither reads nor uses up anything."""
    words = service.officers.reasons.words
    return pages.page("show_code.html", headers=HEADERS, digits=digits, checker=secrets.token_urlsafe(16), reasons=words)


@router.post(
    "/D/1{digits}", tags=["public"], responses={**ANSWERS, 200: _SCANNED}, openapi_extra=form_body(_SCAN) | BY_ANYBODY, summary="Scan a show code"
)
def scan(request: Request, service: TheService, credentials: Credentials, digits: Digits, form: Form) -> Response:
    """Answer who scans a code that a holder shows. The first checker has it; who brings the same code from elsewhere is told so.

    A system of officers, by its bearer token, says reason, place and officer, and sees as an officer. Anybody else sees what the public sees, or,
    where the holder made the code for a passenger, what passengers see.
    """
    typed = form.get("token")
    if credentials or typed:
        client = officers_system(service, credentials, typed if isinstance(typed, str) else None)
        said = service.shown.roadside.read(form, frozenset({"token", "checker", "device_time"}))
        look, scanned = service.shown.roadside.scan(client, digits, said)
        return _told(request, service, scanned, form, None, look)
    checker = _checker(form)
    return _told(request, service, service.shown.office.scan(digits, Scanner(checker)), form, checker, None)


def _checker(form: dict[str, Any]) -> str:
    """Return what tells this checker from another; one is drawn where none came."""
    given = form.get("checker")
    if given is None or given == "":
        return secrets.token_urlsafe(16)
    if isinstance(given, str) and _CHECKER.fullmatch(given):
        return given
    raise RequestRejected(faults=[Fault("checker", "wrong-form", "16 to 64 letters, digits, - and _")])


def _device_wrong_by(service: Service, form: dict[str, Any]) -> int | None:
    """Return by how many seconds the checker's own clock is ahead, where it was sent and that is more than allowed; it decides nothing here (SH-05)."""
    given = filled.optional(form, "device_time", 40)
    if given is None:
        return None
    try:
        wrong = datetime.fromisoformat(given) - service.now()
    except (ValueError, TypeError, OverflowError):
        raise RequestRejected(faults=[Fault("device_time", "not-an-instant", "a time with its zone is wanted here")]) from None
    return int(wrong.total_seconds()) if abs(wrong) > CLOCK_ALLOWANCE else None


def _told(request: Request, service: Service, scanned: Scanned, form: dict[str, Any], checker: str | None, look: Look | None) -> Response:
    if scanned.answer is Answer.NOT_A_CODE:
        count_by_address(request, service)
    overall, zh, en = WORDS_OF.get(scanned.answer) or (scanned.verdict.overall.value, *HEADLINES[scanned.verdict.overall.value])
    facts = scanned.facts
    said = {
        "answer": scanned.answer.value, "overall": overall, "zh": zh, "en": en, "seen_as": scanned.asker.value,
        "made_at": facts.made_at.isoformat(timespec="seconds") if facts else None,
        "expires_at": facts.expires_at.isoformat(timespec="seconds") if facts else None, "wrong_by_seconds": scanned.wrong_by,
        "device_wrong_by_seconds": _device_wrong_by(service, form), "checker": checker, "look_id": look.look_id if look else None,
        "photos": as_base64(scanned.photos), "verdict": scanned.verdict.as_json(),
    }  # fmt: skip
    if not pages.wants_html(request):
        return JSONResponse(said, headers=HEADERS)
    licence = scanned.verdict.licence
    answers = [
        {"label": QUESTIONS[name], "result": one.result.value, "word": RESULTS[one.result.value], "reasons": in_words(one.reasons)}
        for name, one in scanned.verdict.answers.items()
    ]
    return pages.page(
        "shown.html", headers=HEADERS, said=said, licence=licence, state=STATES[licence["state"]] if licence else None, answers=answers,
        at=in_beijing(service.now()), officer=look is not None,
    )  # fmt: skip


@router.post(
    "/officer/shown", tags=["officers"], responses={**ANSWERS, 200: _REPORTED}, openapi_extra=_REPORT, summary="Report scans made without network"
)
def report(request: Request, service: TheService, credentials: Credentials, body: Body) -> Response:
    """Take in the show codes that a device scanned and checked by itself, so that the same code elsewhere is found out.

    Each scan is a look, with officer, reason and place. A device whose clock is off by more than five minutes is told so, and by how much.
    """
    client = officers_system(service, credentials, None)
    ahead, answers = service.shown.roadside.report(client, body)
    for _ in (one for one in answers if one.answer is Answer.NOT_A_CODE):
        _count_silently(request, service)
    wrong = int(ahead.total_seconds()) if abs(ahead) > CLOCK_ALLOWANCE else None
    listed = [
        {
            "answer": one.answer.value, "licence_id": one.facts.licence_id if one.facts else None, "wrong_by_seconds": one.wrong_by,
            "reasons": in_words(tuple(code for each in one.verdict.answers.values() for code in each.reasons)), "reported_before": one.again,
        }
        for one in answers
    ]  # fmt: skip
    return JSONResponse({"device_wrong_by_seconds": wrong, "scans": listed}, headers=HEADERS)


def _count_silently(request: Request, service: Service) -> None:
    """Count a wrong code of a report; the report is answered all the same, since its other scans are entered."""
    try:
        count_by_address(request, service)
    except TooManyFailures:
        return
