"""Claiming licences in the wallet (DOMAIN SH-15): what came of it in words, with who can put right what did not come."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from licence_service.errors import RequestRejected
from licence_service.holding import CLAIM
from licence_service.web.access import TheService
from licence_service.web.holding.claims import came_of
from licence_service.web.wallet.refusing import in_words
from licence_service.web.wallet.room import HOME, AtWallet, TheForm, Wallet

router = APIRouter(prefix=f"{HOME}/claim", include_in_schema=False)
_SAID = ("by", "value", "delivery_code", "type", "region")


@router.get("")
def form(service: TheService, wallet: AtWallet) -> Response:
    """Show the two ways to claim."""
    service.holder_desk.cards.demand(wallet.holding, CLAIM)
    return _page(wallet)


@router.post("")
def claim(service: TheService, wallet: AtWallet, sent: TheForm) -> Response:
    """Claim, and say what came of it and why something did not."""
    body: dict[str, Any] = {name: value for name in _SAID if (value := sent.text(name, 120))}
    if (after := sent.text("after", 9)).isdecimal() and after.isascii():
        body["after"] = int(after)
    try:
        return _page(wallet, came=came_of(service, wallet.holding, body), asked=body)
    except RequestRejected as wrong:
        return _page(wallet, 422, faults=in_words(wrong.faults))


def _page(wallet: Wallet, status: int = 200, **values: Any) -> Response:  # noqa: ANN401 - values of the page
    catalogue = wallet.service.catalogue
    titles = {slug: catalogue.editions[slug][-1].title for slug in catalogue.slugs}
    return wallet.page("claim.html", status, **{"faults": (), "came": None, **values}, titles=titles)
