"""Public routes: the code on paper's address, number and check code, an uploaded file, the download of the original."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from licence_service.errors import Fault, NotInRegister, RequestRejected, WrongMediaType
from licence_service.fields import comparison_form
from licence_service.identifiers import DELIVERY_CODE_LENGTH, normal_code
from licence_service.licence import beijing_day
from licence_service.service import Service
from licence_service.verdict import Result, Verdict
from licence_service.verification import Question
from licence_service.web import pages
from licence_service.web.access import TheService, count_failure
from licence_service.web.body import media_type, parse_object, read_bytes
from licence_service.web.clocks import two_clocks
from licence_service.web.issuing import sealed_file
from licence_service.web.shapes import ANSWERS, SEALED_FILE, VERDICT_ANSWER

MOST_DOCUMENT = 20_000_000
MOST_FORM = 10_000
_MULTIPART_ROOM = 20_000
_HEADERS = {"Cache-Control": "no-store", "Vary": "Accept", "Referrer-Policy": "no-referrer"}
_PUBLIC = {status: answer for status, answer in ANSWERS.items() if status not in {401, 403, 409}}
_VERDICT: dict[int | str, dict[str, Any]] = {200: VERDICT_ANSWER}
_FOUND: dict[int | str, dict[str, Any]] = {200: SEALED_FILE}
router = APIRouter(tags=["public"], responses=_PUBLIC)


@router.get("/", include_in_schema=False)
def home(request: Request) -> Response:
    """Show the public page: verify by number and check code, by file, or download."""
    return pages.home(request)


@router.get("/Q/1{digits}", responses=_VERDICT, summary="Verify the code on paper")
def verify_code(request: Request, service: TheService, digits: Annotated[str, Path(pattern=r"^[0-9]{1,1200}$")]) -> Response:
    """Answer the address that the printed code holds. Genuineness is judged by its signature first, then by the register."""
    return _shown(request, service.verifier.by_code(digits, Question()))


_PAIR: dict[str, Any] = {
    "type": "object", "required": ["number", "check_code"],
    "properties": {"number": {"type": "string", "maxLength": 200}, "check_code": {"type": "string", "maxLength": 40},
        "valid_at": {"type": "string", "description": "A Beijing day; today where it is absent."},
        "known_at": {"type": "string", "description": "An instant with its zone, or a day, which means its end; now where it is absent."},
    },
}  # fmt: skip


async def small_form(request: Request) -> dict[str, Any]:
    """Read a few texts, from JSON or from a form that a page without scripts posts."""
    kind = media_type(request)
    if kind == "application/json":
        return parse_object(await read_bytes(request, MOST_FORM))
    if kind == "application/x-www-form-urlencoded":
        await _limited(request, MOST_FORM)
        return dict(await request.form())
    raise WrongMediaType("the body is application/json or application/x-www-form-urlencoded")


async def _limited(request: Request, most: int) -> None:
    """Read the body within its limit and keep it, so that the form parser finds it."""
    request._body = await read_bytes(request, most)  # noqa: SLF001 - Starlette reads its forms from here


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    content = {"schema": schema}
    return {"requestBody": {"required": True, "content": {"application/json": content, "application/x-www-form-urlencoded": content}}}


Form = Annotated[dict[str, Any], Depends(small_form)]


def _text(form: dict[str, Any], name: str, most: int) -> str:
    value = form.get(name)
    if not isinstance(value, str) or not 0 < len(value.strip()) <= most:
        raise RequestRejected(faults=[Fault(name, "missing", f"a text of 1 to {most} characters is wanted here")])
    return value.strip()


def _asked(service: Service, form: dict[str, Any]) -> Question:
    """Read the two clocks of a question; without them it is about today, as known now (AU-01)."""
    given = {name: _text(form, name, 40) for name in ("valid_at", "known_at") if form.get(name)}
    day, instant = two_clocks(given.get("valid_at"), given.get("known_at"), service.now())
    return Question(valid_at=day if "valid_at" in given else None, known_at=instant if "known_at" in given else None)


@router.post("/verify", responses=_VERDICT, openapi_extra=_body(_PAIR), summary="Verify by number and check code")
def verify_pair(request: Request, service: TheService, form: Form) -> Response:
    """Answer for the number and the check code printed on a licence; an unknown number and a wrong code look the same."""
    number, code = _text(form, "number", 200), _text(form, "check_code", 40)
    verdict = service.verifier.by_pair(number, code, _asked(service, form))
    if verdict.answers["authentic"].result is Result.NO:
        count_failure(request, service, comparison_form(number))
    return _shown(request, verdict)


async def uploaded(request: Request) -> bytes:
    """Return the uploaded file, sent raw or by a form; only something that may be a PDF goes further."""
    kind = media_type(request)
    if kind == "multipart/form-data":
        await _limited(request, MOST_DOCUMENT + _MULTIPART_ROOM)
        content = await _file_of(request)
    else:
        content = await read_bytes(request, MOST_DOCUMENT)
    if b"%PDF-" not in content[:1024]:
        raise WrongMediaType("a PDF file is wanted here")
    return content


async def _file_of(request: Request) -> bytes:
    try:
        async with request.form(max_files=1, max_fields=4) as form:
            file = form.get("document")
            return await file.read() if isinstance(file, UploadFile) else b""
    except MultiPartException as error:
        raise RequestRejected(faults=[Fault("body", "not-a-form", "the form cannot be read")]) from error


_FILE = {
    "requestBody": {
        "required": True,
        "content": {
            "application/pdf": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {"schema": {"type": "object", "properties": {"document": {"type": "string", "format": "binary"}}}},
        },
    }
}


@router.post("/verify/document", responses=_VERDICT, openapi_extra=_FILE, summary="Verify a file")
async def verify_document(request: Request, service: TheService, content: Annotated[bytes, Depends(uploaded)]) -> Response:
    """Answer for a file of at most 20 MB: anything that calls itself a PDF in its first KiB gets a verdict."""
    return _shown(request, await run_in_threadpool(service.verifier.by_document, content, Question()))


_DELIVERY: dict[str, Any] = {"type": "object", "required": ["delivery_code"], "properties": {"delivery_code": {"type": "string", "maxLength": 60}}}


@router.post("/download", responses=_FOUND, openapi_extra=_body(_DELIVERY), summary="Download the sealed original", response_class=Response)
def download(request: Request, service: TheService, form: Form) -> Response:
    """Open the sealed original with its delivery code; the newest version of a licence is named where there is one."""
    code = normal_code(_text(form, "delivery_code", 60))
    found = service.book.by_delivery_code(code) if len(code) == DELIVERY_CODE_LENGTH else None
    if found is None:
        count_failure(request, service, "delivery")
        raise NotInRegister("no document opens with this code")
    licence = service.book.get(found[0]).at(beijing_day(service.now()))
    version = next(one for one in licence.versions if one.version == found[1])
    return sealed_file(service, version.document.sha256, found[0], found[1], current=version is licence.current)


def _shown(request: Request, verdict: Verdict) -> Response:
    """Show a verdict as JSON or as a page, as the asker prefers."""
    if pages.wants_html(request):
        return pages.verdict(request, verdict, _HEADERS)
    return JSONResponse(verdict.as_json(), headers=_HEADERS)
