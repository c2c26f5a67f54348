"""Who has looked at a holder's licences: at one of them, and at all (DOMAIN AU-06, SH-11)."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from licence_service.fields import Asker, disclose
from licence_service.holding import LOOKS, Holding
from licence_service.service import Service
from licence_service.store.reads import Seen
from licence_service.store.record import Record
from licence_service.web.access import TheService
from licence_service.web.holding import telling
from licence_service.web.holding.entrance import TheHolding
from licence_service.web.holding.shapes import ALL_LOOKS_ANSWER, ANSWERS, LOOKS_ANSWER
from licence_service.web.issuing import LicenceId
from licence_service.web.private import PRIVATE

router = APIRouter(prefix="/holder", tags=["holders"], responses=ANSWERS)
MOST_A_PAGE = 100
_MOST_READINGS = 10  # of the list for one answer, where most lines are of licences that were somebody else's then
Cursor = Annotated[str, Query(max_length=80, description="The `after` of an earlier page.")]
Limit = Annotated[int, Query(ge=1, le=MOST_A_PAGE, description="Most of one answer.")]


@router.get("/cards/{licence_id}/looks", responses={200: LOOKS_ANSWER}, summary="Who has looked")
def looks(service: TheService, holding: TheHolding, licence_id: LicenceId, after: Cursor = "") -> Response:
    """Return who looked at the licence, oldest first: which organ and officer, when, where, why, and which fields (AU-06, SH-11).

    Also what a department did with it at its desk, who scanned a show code first, read what was lent and verified a copy. Of a look that a case
    seals only that there was one. Delegates see this where the company gave it to them.
    """
    record = service.holder_desk.cards.card(holding, licence_id, LOOKS)
    since = service.holder_desk.cards.theirs_since(record)
    found = service.shown.reads.all_of(licence_id, after=after, limit=MOST_A_PAGE, since=since)
    told_of = [telling.seen(service, record, one) for one in found]
    body = {"licence_id": licence_id, "looks": told_of, "after": found[-1].cursor if len(found) == MOST_A_PAGE else None}
    return JSONResponse(body, headers=PRIVATE)


@router.get("/looks", responses={200: ALL_LOOKS_ANSWER}, summary="Who has looked at any of them")
def all_looks(service: TheService, holding: TheHolding, after: Cursor = "", limit: Limit = 50) -> Response:
    """Return who looked at any of the holder's cards, newest first, each line with the licence that it is of: a fleet in one list.

    A page may have fewer lines than asked for: what was seen of a vehicle before it was the holder's is not told. `after` says whether there is more.
    """
    told_of, further = at_all_cards(service, holding, after, limit)
    return JSONResponse({"looks": told_of, "after": further}, headers=PRIVATE)


def at_all_cards(service: Service, holding: Holding, after: str, limit: int) -> tuple[list[telling.Said], str | None]:
    """Return one page of who looked at any card of the holder, and the cursor to go on after; None where there is no more."""
    service.holder_desk.cards.demand(holding, LOOKS)
    told_of: list[telling.Said] = []
    for _ in range(_MOST_READINGS):
        asked = limit - len(told_of)
        found = service.shown.reads.of_cards(holding.scope, after=after, limit=asked + 1)
        told_of += _told(service, holding, found[:asked])
        if len(found) <= asked:
            return told_of, None
        after = found[asked - 1].cursor
        if len(told_of) == limit:
            break
    return told_of, after


def _told(service: Service, holding: Holding, found: Sequence[Seen]) -> list[telling.Said]:
    """Return lines with their licences; none of a licence that names somebody else today, or from before it came to its holder."""
    desk = service.holder_desk.cards
    held_by = desk.kept.which(holding.scope, sorted({one.licence_id for one in found}))
    records = {one.licence_id: one for one in service.book.records(sorted(held_by)) if desk.names(one, held_by[one.licence_id])}
    since = {licence_id: desk.theirs_since(record) for licence_id, record in records.items()}
    about = {licence_id: _about(service, record) for licence_id, record in records.items()}
    theirs = [one for one in found if one.licence_id in records and one.at >= (since[one.licence_id] or one.at)]
    return [{**telling.seen(service, records[one.licence_id], one), "licence": about[one.licence_id]} for one in theirs]


def _about(service: Service, record: Record) -> telling.Said:
    """Return which licence a line is of, as its holder knows it."""
    licence, template = telling.licence_of(service, record)
    number = disclose(template.fields, licence.current.face, Asker.HOLDER).get(template.number.field)
    return {"licence_id": record.licence_id, "type": {"code": record.type, "zh": template.title.zh, "en": template.title.en}, "number": number}
