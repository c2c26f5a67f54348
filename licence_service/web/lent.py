"""Routes for who was lent a licence: the page that the code's address opens, and the reading itself (DOMAIN SH-12)."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from licence_service.errors import NotInRegister
from licence_service.history.words import STATES
from licence_service.identifiers import normal_code
from licence_service.lending import MOST_WORDS, Opened
from licence_service.service import Service
from licence_service.store.clients import PLATFORM
from licence_service.verdict import in_words
from licence_service.web import filled, pages
from licence_service.web.access import Credentials, TheService, client_of, count_failure
from licence_service.web.filled import Form, form_body
from licence_service.web.looking import in_beijing
from licence_service.web.receipting import HEADERS
from licence_service.web.shapes import ANSWERS, BY_ANYBODY, LENT, TEXT, answer, shape
from licence_service.wording import HEADLINES, QUESTIONS, RESULTS, STANDINGS

router = APIRouter(tags=["public"], responses=ANSWERS)
_LOOKS = {"revoked": "not_valid", "expired": "cannot_decide", "used_up": "cannot_decide"}  # of the band, where the lending is over
_BODY: dict[str, Any] = {
    "type": "object", "required": ["code"],
    "properties": {
        "code": {"type": "string", "maxLength": 60},
        "receiver": {
            "type": "string", "maxLength": 3 * MOST_WORDS,
            "description": "The name to which it was lent; not wanted of a registered platform, which sends its token.",
        },
    },
}  # fmt: skip
_OPENED = answer(
    "What was lent, with the use that was taken; of a lending that is over no licence",
    shape({
        "lent": LENT, "overall": TEXT, "zh": TEXT, "en": TEXT, "checked_at": TEXT,
        "answers": {"type": ["object", "null"]}, "licence": {"type": ["object", "null"]},
    }),
    "text/html",
)  # fmt: skip
_PAGE: dict[int | str, dict[str, Any]] = {
    200: {"description": "A page with one form; nothing is looked up", "content": {"text/html": {"schema": TEXT}}}
}


@router.get("/L/{code}", responses=_PAGE, response_class=HTMLResponse, summary="The page that a lending's address opens")
def opened(code: Annotated[str, Path(min_length=1, max_length=60, description="The code of the lending.")]) -> Response:
    """Show the form by which a lending is opened. Previews of links fetch addresses too, so this neither reads nor uses up anything."""
    return pages.page("lent_form.html", headers=HEADERS, code=code)


@router.post("/lent", responses={200: _OPENED}, openapi_extra=form_body(_BODY) | BY_ANYBODY, summary="Read what was lent")
def read(request: Request, service: TheService, credentials: Credentials, form: Form) -> Response:
    """Take one use of a lending and return the lent fields, how the licence stands, and for whom, for what and until when it was lent.

    A registered platform sends its token and opens what was lent to it. Anybody else states the receiver's name; a wrong name is answered, and
    counted, as a wrong code.
    """
    code, receiver = filled.text(form, "code", 60), filled.optional(form, "receiver", 3 * MOST_WORDS)
    client = client_of(service, credentials.credentials, PLATFORM) if credentials else None
    found = service.shown.lending.open(code, receiver, client)
    if found is None:
        count_failure(request, service, normal_code(code))
        raise NotInRegister("nothing was lent to this receiver under this code")
    said = _said(service, found)
    if not pages.wants_html(request):
        return JSONResponse(said, headers=HEADERS)
    licence = said["licence"]
    answers = [
        {"label": QUESTIONS[name], "result": one["result"], "word": RESULTS[one["result"]], "reasons": one["reasons"]}
        for name, one in (said["answers"] or {}).items()
    ]
    return pages.page(
        "lent.html", headers=HEADERS, said=said, licence=licence, state=STATES[licence["state"]] if licence else None, answers=answers,
        at=in_beijing(service.now()), until=in_beijing(found.lending.until)[:-3], made=in_beijing(found.lending.made_at)[:-3],
    )  # fmt: skip


def _said(service: Service, found: Opened) -> dict[str, Any]:
    verdict = found.verdict
    overall, zh, en = (verdict.overall.value, *HEADLINES[verdict.overall.value]) if verdict else (_LOOKS[found.standing], *STANDINGS[found.standing])
    answers = {name: {"result": one.result.value, "reasons": in_words(one.reasons)} for name, one in verdict.answers.items()} if verdict else None
    return {
        "lent": found.lent, "overall": overall, "zh": zh, "en": en, "checked_at": service.now().isoformat(timespec="seconds"), "answers": answers,
        "licence": dict(verdict.licence) if verdict and verdict.licence else None,
    }  # fmt: skip
