"""Who acts for a company in the wallet: giving and ending delegations (DOMAIN SH-13)."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from licence_service.errors import RequestRejected
from licence_service.holding import CLAIM, DELEGATE, DOWNLOAD, LEND, LOOKS, READ, SHOW, STAFF
from licence_service.store.delegations import CLERK, MANAGER
from licence_service.web.access import TheService
from licence_service.web.holding.delegations import DelegationId, told
from licence_service.web.wallet.refusing import in_words
from licence_service.web.wallet.room import HOME, AtWallet, TheForm, Wallet

router = APIRouter(prefix=f"{HOME}/delegations", include_in_schema=False)
_NAMED = {
    READ: ("查看", "Read"), CLAIM: ("领取", "Claim"), DOWNLOAD: ("下载", "Download"), SHOW: ("出示", "Show"), LEND: ("借出", "Lend"),
    LOOKS: ("查看谁看过", "See who looked"), STAFF: ("邀请和查看从业人员", "Invite and list persons"),
}  # fmt: skip
_ROLES = {MANAGER: ("管理员", "Manager"), CLERK: ("经办人", "Clerk")}
_STATES = {"ended": ("已终止", "Ended"), "ahead": ("尚未开始", "Not begun"), "living": ("有效", "In force")}
_MAY = tuple(act for act in _NAMED if act != READ)  # reading goes with every other


@router.get("")
def listed(service: TheService, wallet: AtWallet) -> Response:
    """Show who acts for the company, and the form that lets somebody."""
    service.holder_desk.cards.demand(wallet.holding, DELEGATE)
    return _page(wallet)


@router.post("")
def give(service: TheService, wallet: AtWallet, sent: TheForm) -> Response:
    """Let somebody act for the company."""
    body: dict[str, Any] = {name: value for name in ("name", "number", "role", "first_on", "last_on") if (value := sent.text(name, 120))}
    body |= {name: sent.texts[name] for name in ("acts", "types") if sent.texts.get(name)}
    try:
        service.holder_desk.delegating.give(wallet.holding, body)
    except RequestRejected as wrong:
        return _page(wallet, 422, body, faults=in_words(wrong.faults))
    return _back()


@router.post("/{delegation_id}/end")
def end(service: TheService, wallet: AtWallet, delegation_id: DelegationId, _sent: TheForm) -> Response:
    """End a delegation: the delegate is out with their next request."""
    service.holder_desk.delegating.end(wallet.holding, delegation_id)
    return _back()


def _back() -> Response:
    return RedirectResponse(f"{HOME}/delegations", status_code=303, headers={"Cache-Control": "no-store"})


def _page(wallet: Wallet, status: int = 200, typed: dict[str, Any] | None = None, **values: Any) -> Response:  # noqa: ANN401 - values of the page
    service = wallet.service
    given = [told(service, one) for one in reversed(service.holder_desk.delegating.listed(wallet.holding)[0])]
    titles = {slug: service.catalogue.editions[slug][-1].title for slug in service.catalogue.slugs}
    shown = {"role": CLERK, "acts": (DOWNLOAD, SHOW), "types": (), **(typed or {})}
    return wallet.page(
        "delegations.html", status, **{"faults": (), **values}, given=given, typed=shown, titles=titles, named=_NAMED, may=_MAY, roles=_ROLES,
        states=_STATES,
    )  # fmt: skip
