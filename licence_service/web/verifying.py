"""Public routes: the code on paper's address, number and check code, an uploaded file, the download of the original."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from licence_service.document.uploaded import is_picture
from licence_service.errors import NotInRegister, WrongMediaType
from licence_service.fields import comparison_form
from licence_service.identifiers import DELIVERY_CODE_LENGTH, normal_code
from licence_service.licence import beijing_day
from licence_service.receipts import Presented
from licence_service.service import Service
from licence_service.verdict import Verdict
from licence_service.verification import Question
from licence_service.web import filled, pages
from licence_service.web.access import TheService, count_by_address, count_by_licence, count_failure
from licence_service.web.body import media_type, read_bytes
from licence_service.web.clocks import KnownAt, ValidAt, two_clocks
from licence_service.web.filled import Form, form_body
from licence_service.web.issuing import sealed_file
from licence_service.web.receipting import HEADERS, RECEIPT_CONTENT, Receipt, told, wanted_in
from licence_service.web.shapes import ANSWERS, SEALED_FILE, VERDICT_ANSWER

MOST_DOCUMENT = 20_000_000
_MULTIPART_ROOM = 20_000
_PUBLIC = {status: answer for status, answer in ANSWERS.items() if status not in {401, 403, 409}}
_VERDICT: dict[int | str, dict[str, Any]] = {200: {**VERDICT_ANSWER, "content": {**VERDICT_ANSWER["content"], **RECEIPT_CONTENT}}}
_FOUND: dict[int | str, dict[str, Any]] = {200: SEALED_FILE}
router = APIRouter(tags=["public"], responses=_PUBLIC)


@router.get("/", include_in_schema=False)
def home(request: Request) -> Response:
    """Show the public page: verify by number and check code, by file, or download."""
    return pages.home(request)


@router.get("/Q/1{digits}", responses=_VERDICT, summary="Verify the code on paper")
def verify_code(
    request: Request, service: TheService, digits: Annotated[str, Path(pattern=r"^[0-9]{1,1200}$")],
    valid_at: ValidAt = None, known_at: KnownAt = None, receipt: Receipt = None,
) -> Response:  # fmt: skip
    """Answer the address that the printed code holds. Genuineness is judged by its signature first, then by the register."""
    question = _asked(service, {"valid_at": valid_at, "known_at": known_at})
    presented = (wanted_in({}, receipt), Presented.code(digits))
    verdict, answer = told(request, service, question, lambda asked: service.verifier.by_code(digits, asked), presented, {"code": digits})
    if verdict.licence:
        service.preparer.want(digits)
    return answer


_PAIR: dict[str, Any] = {
    "type": "object", "required": ["number", "check_code"],
    "properties": {"number": {"type": "string", "maxLength": 200}, "check_code": {"type": "string", "maxLength": 40},
        "valid_at": {"type": "string", "description": "A Beijing day; today where it is absent."},
        "known_at": {"type": "string", "description": "An instant with its zone, or a day, which means its end; now where it is absent."},
        "receipt": {"enum": ["", "cose", "pdf"], "description": "The verdict as a receipt: the signed statement, or its page."},
    },
}  # fmt: skip


def _asked(service: Service, form: dict[str, Any]) -> Question:
    """Read the two clocks of a question; without them it is about today, as known now (AU-01)."""
    given = {name: filled.text(form, name, 40) for name in ("valid_at", "known_at") if form.get(name)}
    now = service.now()
    day, instant = two_clocks(given.get("valid_at"), given.get("known_at"), now)
    return Question(valid_at=day if "valid_at" in given else None, known_at=instant if "known_at" in given and instant < now else None)


@router.post("/verify", responses=_VERDICT, openapi_extra=form_body(_PAIR), summary="Verify by number and check code")
def verify_pair(request: Request, service: TheService, form: Form, receipt: Receipt = None) -> Response:
    """Answer for the number and the check code printed on a licence; an unknown number and a wrong code look the same."""
    number, code = filled.text(form, "number", 200), filled.text(form, "check_code", 40)
    presented = (wanted_in(form, receipt), Presented.pair(number, code))

    def ask(question: Question) -> Verdict:
        return service.verifier.by_pair(number, code, question)

    verdict, answer = told(request, service, _asked(service, form), ask, presented, {"number": number, "check_code": code})
    if "no-such-record" in verdict.answers["authentic"].reasons:  # a right pair is never refused, whatever it is asked about
        count_failure(request, service, comparison_form(number))
    return answer


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded file and the texts that came with it by a form."""

    content: bytes = field(repr=False)
    form: dict[str, Any] = field(repr=False)


async def uploaded(request: Request) -> Upload:
    """Return the uploaded file, sent raw or by a form; only something that may be a PDF goes further."""
    kind = media_type(request)
    if kind == "multipart/form-data":
        await filled.keep_body(request, MOST_DOCUMENT + _MULTIPART_ROOM)
        upload = await _file_of(request)
    else:
        upload = Upload(await read_bytes(request, MOST_DOCUMENT), {})
    if b"%PDF-" not in upload.content[:1024] and not is_picture(upload.content):
        raise WrongMediaType("a PDF file is wanted here, or a picture of a code as PNG, JPEG or WebP")
    return upload


async def _file_of(request: Request) -> Upload:
    async with filled.parts(request, files=1, fields=4) as form:
        file = form.get("document")
        texts = {name: value for name, value in form.items() if isinstance(value, str)}
        return Upload(await file.read() if isinstance(file, UploadFile) else b"", texts)


_FILE = {
    "requestBody": {
        "required": True,
        "content": {
            "application/pdf": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {"schema": {"type": "object", "properties": {
                "document": {"type": "string", "format": "binary"}, **{name: _PAIR["properties"][name] for name in ("valid_at", "known_at", "receipt")},
            }}},
        },
    }
}  # fmt: skip


@router.post("/verify/document", responses=_VERDICT, openapi_extra=_FILE, summary="Verify a file")
async def verify_document(request: Request, service: TheService, upload: Annotated[Upload, Depends(uploaded)], receipt: Receipt = None) -> Response:
    """Answer for a file of at most 20 MB: anything that calls itself a PDF in its first KiB gets a verdict, and so does a picture of a code."""
    wanted = wanted_in(upload.form, receipt)
    plain = not (wanted or upload.form.get("valid_at") or upload.form.get("known_at") or pages.wants_html(request))
    if plain and (ready := await run_in_threadpool(service.preparer.answer_document, upload.content)):
        return Response(ready, media_type="application/json", headers=HEADERS)

    def answer() -> Response:
        kept: list[Any] = []  # `Judged`: of the question, and of the present beside it

        def ask(question: Question) -> Verdict:
            judged = service.uploads.judge(upload.content, question)
            kept.append(judged)
            return judged.verdict

        _, said = told(request, service, _asked(service, upload.form), ask, (wanted, Presented.document(upload.content)), {})
        for licence_id in {one.differed_from for one in kept if one.differed_from}:
            count_by_licence(service, licence_id)
        if lending := kept[0].lending:
            service.shown.reads.enter(service.shown.lending.noted(lending))
        return said

    return await run_in_threadpool(answer)


_DELIVERY: dict[str, Any] = {"type": "object", "required": ["delivery_code"], "properties": {"delivery_code": {"type": "string", "maxLength": 60}}}


@router.post("/download", responses=_FOUND, openapi_extra=form_body(_DELIVERY), summary="Download the sealed original", response_class=Response)
def download(request: Request, service: TheService, form: Form) -> Response:
    """Open the sealed original with its delivery code; the newest version of a licence is named where there is one."""
    code = normal_code(filled.text(form, "delivery_code", 60))
    found = service.book.by_delivery_code(code) if len(code) == DELIVERY_CODE_LENGTH else None
    if found is None:
        count_by_address(request, service)
        raise NotInRegister("no document opens with this code")
    licence = service.book.get(found[0]).at(beijing_day(service.now()))
    version = next(one for one in licence.versions if one.version == found[1])
    opened = sealed_file(service, version.document.sha256, found[0], found[1], current=version is licence.current)
    service.arrivals.file_opened(found[0])  # what could not be fetched has reached nobody
    return opened
