"""The holder's cards in the wallet, by type, and the door for whoever is not signed in."""

from itertools import groupby
from operator import itemgetter
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from licence_service.holding import READ
from licence_service.web import pages
from licence_service.web.access import TheService
from licence_service.web.holding import telling
from licence_service.web.wallet.room import ASKED, COOKIE, HOME, Wallet, code_of

router = APIRouter(prefix=HOME, include_in_schema=False)
_A_PAGE = 50  # cards


@router.get("")
def home(request: Request, service: TheService, after: Annotated[int, Query(ge=0, le=2**53)] = 0) -> Response:
    """Show the cards of whoever is signed in, to others the door."""
    token = request.cookies.get(COOKIE, "")
    holding = service.wallet.holding(token)
    if holding is None:
        invited = bool(code_of(request.cookies.get(ASKED, "")))
        return pages.page("wallet/door.html", open=service.wallet.provider is not None, invited=invited)
    wallet, desk = Wallet(service, holding, token), service.holder_desk.cards
    desk.demand(holding, READ)
    found, more = desk.kept.all(holding.scope, after=after, limit=_A_PAGE)
    cards = telling.summaries(service, [one for one in found if desk.still_theirs(one)])
    return wallet.page(
        "home.html",
        groups=_by_type([{**one, "photo": next(iter(one["photos"]), None)} for one in cards]),
        after=more,
        of_former=service.holder_desk.delegating.of_former(holding),
    )


def _by_type(cards: list[dict[str, Any]]) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Return the cards by type, in the order in which each type came first."""
    first = {one["type"]["name"]: number for number, one in reversed(list(enumerate(cards)))}
    ordered = sorted(({**one, "place": first[one["type"]["name"]]} for one in cards), key=itemgetter("place"))
    together = [list(some) for _, some in groupby(ordered, key=itemgetter("place"))]
    return [(some[0]["type"], some) for some in together]
