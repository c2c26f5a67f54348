"""The page for lists: a CSV file is taken in, worked off, and its answers shown and downloaded under an unguessable code, for a day (SH-14)."""

from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from licence_service.admission import MOST_TOKEN
from licence_service.bulk.sheets import HEADINGS, MATCHES, written_sheet
from licence_service.errors import Fault, NotInRegister, RequestRejected, WrongMediaType
from licence_service.reasons import REASONS
from licence_service.service import Service
from licence_service.store.checks import Progress
from licence_service.store.clients import PLATFORM
from licence_service.web import filled, pages
from licence_service.web.access import TheService, client_of, count_by_address
from licence_service.web.batch import asked_day
from licence_service.web.body import media_type
from licence_service.web.looking import in_beijing
from licence_service.wording import HEADLINES, RESULTS

router = APIRouter(include_in_schema=False)
MOST_FILE = 4_000_000
A_PAGE = 100
REFRESH_SECONDS = 3
_ROOM = 20_000
_HEADERS = {"X-Robots-Tag": "noindex"}
Code = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{32}$")]
PageNumber = Annotated[int, Query(ge=1, le=1000)]


@router.get("/verify/list")
def form() -> Response:
    """Show the form: file and token are typed for one time, and nothing is kept in the browser."""
    return pages.page("list.html", headings=HEADINGS)


async def sent_file(request: Request) -> dict[str, Any]:
    """Read the form: the file as bytes, the rest as texts."""
    if media_type(request) != "multipart/form-data":
        raise WrongMediaType("the body is multipart/form-data")
    await filled.keep_body(request, MOST_FILE + _ROOM)
    async with filled.parts(request, files=1, fields=4) as said:
        return {name: await one.read() if isinstance(one, UploadFile) else one for name, one in said.items()}


@router.post("/verify/list")
async def take(service: TheService, said: Annotated[dict[str, Any], Depends(sent_file)]) -> Response:
    """Take a file in and lead to its progress."""
    return await run_in_threadpool(_taken, service, said)


def _taken(service: Service, said: dict[str, Any]) -> Response:
    client = client_of(service, filled.optional(said, "token", MOST_TOKEN), PLATFORM)
    content = said.get("list")
    if not isinstance(content, bytes) or not content:
        raise RequestRejected(faults=[Fault("list", "missing", "a CSV file is wanted here")])
    day = asked_day(service, filled.optional(said, "valid_at", 10))
    code = service.desk.files.take(client, content, day)
    return RedirectResponse(f"/verify/list/{code}", status_code=303, headers={**pages.HEADERS, **_HEADERS})


@router.get("/verify/list/{code}")
def progress(request: Request, service: TheService, code: Code, page: PageNumber = 1) -> Response:
    """Show how far the file is; when it is done, its answers. The browser asks again by itself, without a script."""
    found = _found(request, service, code)
    if found.done_at is None:
        refresh = {**_HEADERS, "Refresh": str(REFRESH_SECONDS)}
        return pages.page("list_progress.html", headers=refresh, rows=found.rows, answered=found.answered)
    answers = service.desk.files.checks.answers(code, service.now())
    last = max(1, -(-len(answers) // A_PAGE))
    shown = answers[(min(page, last) - 1) * A_PAGE : min(page, last) * A_PAGE]
    counts = Counter((one["match"], one["overall"]) for one in answers)
    return pages.page(
        "list_done.html", headers=_HEADERS, code=code, rows=found.rows, valid_at=found.valid_at.isoformat(), done_at=in_beijing(found.done_at),
        page=min(page, last), last=last,
        counts=[(MATCHES[match], HEADLINES[overall], overall, count) for (match, overall), count in sorted(counts.items(), key=lambda one: -one[1])],
        lines=[
            {
                **one, "word": HEADLINES[one["overall"]], "matched": MATCHES[one["match"]], "due": one["conditions"]["due_on"],
                "state": RESULTS[one["conditions"]["result"]], "why": [REASONS[code] for code in one["reasons"]],
            }
            for one in shown
        ],
    )  # fmt: skip


@router.get("/verify/list/{code}/result.csv")
def result(request: Request, service: TheService, code: Code) -> Response:
    """Give the answers as a CSV file whose cells no spreadsheet takes for formulas."""
    if _found(request, service, code).done_at is None:
        raise NotInRegister("the file is still being worked off")
    content = written_sheet(service.desk.files.checks.answers(code, service.now()))
    headers = {**pages.HEADERS, **_HEADERS, "Content-Disposition": 'attachment; filename="result.csv"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


def _found(request: Request, service: Service, code: str) -> Progress:
    """Return the file under a code; one that is not there counts as a wrong code."""
    found = service.desk.files.checks.progress(code, service.now())
    if found is None:
        count_by_address(request, service)
        raise NotInRegister("no list under this address, or its day is over")
    return found
