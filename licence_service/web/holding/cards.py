"""A holder's cards: the list, one card, its past, its photograph, and its sealed file."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse, Response

from licence_service.holding import DOWNLOAD, READ
from licence_service.licence import beijing_day
from licence_service.web.access import TheService
from licence_service.web.history import all_of, told
from licence_service.web.holding import telling
from licence_service.web.holding.entrance import TheHolding
from licence_service.web.holding.files import file, fresh
from licence_service.web.holding.shapes import ANSWERS, CARD_ANSWER, CARDS_ANSWER, FILE_ANSWERS, HISTORY, NOT_CHANGED, PHOTO_ANSWER
from licence_service.web.issuing import LicenceId
from licence_service.web.private import PRIVATE

router = APIRouter(prefix="/holder", tags=["holders"], responses=ANSWERS)
MOST_A_PAGE = 100
After = Annotated[int, Query(ge=0, le=2**53, description="The `after` of an earlier page.")]
Limit = Annotated[int, Query(ge=1, le=MOST_A_PAGE, description="Most of one answer.")]
FieldName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,59}$", description="The name of the photograph's field, as the card says it.")]


@router.get("/cards", responses={200: CARDS_ANSWER, 304: NOT_CHANGED}, summary="The holder's cards")
def cards(request: Request, service: TheService, holding: TheHolding, after: After = 0, limit: Limit = 50) -> Response:
    """Return the licences that the holder keeps as cards, in the order in which they were claimed: state in words, term, and what falls due.

    Send the `ETag` of the last answer as `If-None-Match`: `304` says that nothing changed.
    """
    desk = service.holder_desk.cards
    desk.demand(holding, READ)
    found, more = desk.kept.all(holding.scope, after=after, limit=limit)
    return fresh(request, {"cards": telling.summaries(service, [one for one in found if desk.still_theirs(one)]), "after": more})


@router.get("/cards/{licence_id}", responses={200: CARD_ANSWER, 304: NOT_CHANGED}, summary="One card")
def card(request: Request, service: TheService, holding: TheHolding, licence_id: LicenceId) -> Response:
    """Return a card with its face, endorsements and versions, what falls due and what to do about it, and which step waits for whom (XR-08)."""
    return fresh(request, telling.whole(service, service.holder_desk.cards.kept_card(holding, licence_id)))


@router.get("/cards/{licence_id}/history", responses={200: HISTORY}, summary="The past of a card")
def history(service: TheService, holding: TheHolding, licence_id: LicenceId) -> Response:
    """Return every entry in words, as `GET /licences/{licence_id}/history` does; what was another holder's before is as the public sees it."""
    record, now = service.holder_desk.cards.card(holding, licence_id), service.now()
    return JSONResponse(told(service, record, beijing_day(now), all_of(record, now), telling.asker_of(service, record)), headers=PRIVATE)


@router.get("/cards/{licence_id}/photos/{field}", responses={200: PHOTO_ANSWER, 304: NOT_CHANGED}, summary="A photograph", response_class=Response)
def photo(request: Request, service: TheService, holding: TheHolding, licence_id: LicenceId, field: FieldName) -> Response:
    """Return a photograph of the present document as JPEG."""
    digest, jpeg = telling.photo(service, service.holder_desk.cards.card(holding, licence_id), field)
    return file(request, jpeg, digest, "image/jpeg")


@router.get("/cards/{licence_id}/document", responses=FILE_ANSWERS, summary="The sealed file", response_class=Response)
def document(request: Request, service: TheService, holding: TheHolding, licence_id: LicenceId) -> Response:
    """Return the sealed file of the present document. A download that broke off goes on by `Range` with `If-Range`."""
    record = service.holder_desk.cards.card(holding, licence_id, DOWNLOAD)
    licence, _ = telling.licence_of(service, record)
    digest, number = licence.current.document.sha256, licence.current.version
    name = {"Content-Disposition": f'attachment; filename="{licence_id}-{number:03d}.pdf"'}
    return file(request, service.archive.get(digest), digest, "application/pdf", name)
