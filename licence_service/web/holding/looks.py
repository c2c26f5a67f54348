"""Who has looked at a holder's licences: at one of them, and at all (DOMAIN AU-06, SH-11)."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
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
_MOST_READINGS = 5  # of the list for one answer, where its lines are of ever more licences that were somebody else's then
_NEVER = datetime.max.replace(tzinfo=UTC)
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
    told_of, since, asked, more = list[tuple[str, telling.Said]](), dict[str, datetime](), limit, True
    for _ in range(_MOST_READINGS):
        found = service.shown.reads.of_cards(holding.scope, after=after, limit=asked + 1, since=since)
        told_of += _told(service, holding, found[:asked], since)
        more = len(found) > asked or len(told_of) > limit
        if len(told_of) >= limit or not more:
            break
        after, asked = found[asked - 1].cursor, MOST_A_PAGE
    told_of = told_of[:limit]
    further = told_of[-1][0] if told_of else after  # a place that was told of, where there is one: when somebody else's was seen is theirs
    return [one for _, one in told_of], further if more else None


def _told(service: Service, holding: Holding, found: Sequence[Seen], since: dict[str, datetime]) -> Iterator[tuple[str, telling.Said]]:
    """Yield lines with their licences, each behind its cursor; none of a licence that names somebody else today, or from before it came to its holder.

    Note in `since` from when on lines of these licences are theirs.
    """
    desk = service.holder_desk.cards
    held_by = desk.kept.which(holding.scope, sorted({one.licence_id for one in found}))
    records = {one.licence_id: one for one in service.book.records(sorted(held_by)) if desk.names(one, held_by[one.licence_id])}
    since |= {licence_id: began for licence_id, record in records.items() if (began := desk.theirs_since(record))}
    since |= dict.fromkeys({one.licence_id for one in found} - records.keys(), _NEVER)
    about = {licence_id: _about(service, record) for licence_id, record in records.items()}
    for one in found:
        if one.at >= since.get(one.licence_id, one.at):
            yield one.cursor, {**telling.seen(service, records[one.licence_id], one), "licence": about[one.licence_id]}


def _about(service: Service, record: Record) -> telling.Said:
    """Return which licence a line is of, as its holder knows it."""
    licence, template = telling.licence_of(service, record)
    number = disclose(template.fields, licence.current.face, Asker.HOLDER).get(template.number.field)
    return {"licence_id": record.licence_id, "type": {"name": record.type, "zh": template.title.zh, "en": template.title.en}, "number": number}
