"""Who is in the wallet and acts for which holder: the session, what every page shows around its own, the key in every form."""

import re
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response

from licence_service.holding import CLAIM, DELEGATE, LOOKS, Holding
from licence_service.round_trip import AWAY
from licence_service.service import Service
from licence_service.store.holders import COMPANY
from licence_service.wallet import DelegationOver
from licence_service.web import pages
from licence_service.web.access import TheService, service_of
from licence_service.web.cookies import keep
from licence_service.web.sent import Sent, read_sent

HOME, COOKIE = "/wallet", "wallet_session"
ASKED = "wallet_asked"  # the code of an invitation that somebody opened before they signed in: they come back to it
BY_ITSELF = "by-itself"  # in the address of a page that asked by itself: nobody did anything
_CODE = re.compile(r"[0-9A-Za-z]{16}")


class NobodyThere(Exception):  # noqa: N818 - a fact
    """Nobody is signed in to the wallet, or the session is over."""


def to_door(request: Request, _error: Exception) -> Response:
    """Lead whoever is not signed in to the door; of what they asked for only the code of an invitation is kept, by their own browser."""
    answer = RedirectResponse(HOME, status_code=303, headers={"Cache-Control": "no-store"})
    answer.delete_cookie(COOKIE, path=HOME)
    remember(answer, service_of(request), invited_to(request))
    return answer


def invited_to(request: Request) -> str:
    """Return the code of the invitation whose page is asked for, else nothing."""
    return code_of(request.url.path.removeprefix(f"{HOME}/invited/"))


def remember(answer: Response, service: Service, code: str) -> None:
    """Let a browser keep the code of an invitation, where there is one, until somebody has signed in."""
    if code:
        keep(answer, service.wallet.trip, ASKED, code, HOME, AWAY)


def code_of(text: str) -> str:
    """Return a text that has the form of an invitation's code, else nothing."""
    return text if _CODE.fullmatch(text) else ""


def tell_that_it_is_over(request: Request, error: Exception) -> Response:
    """Tell whoever acted for a company that they do so no more. What they asked for is not done; they go on by saying that they go on as themselves."""
    assert isinstance(error, DelegationOver)  # noqa: S101 - what this is registered for
    wallet = Wallet(service_of(request), error.own, request.cookies.get(COOKIE, ""))
    return pages.page("wallet/delegation_over.html", 403, **{**wallet.around, "doors": ()}, was=error.company)


@dataclass(frozen=True, slots=True)
class Wallet:
    """A session of the wallet; everything goes through the holder for whom they act."""

    service: Service
    holding: Holding
    token: str = field(repr=False)

    @property
    def form_key(self) -> str:
        """Return what every form of this session carries."""
        return self.service.wallet.form_key(self.token)

    @property
    def name(self) -> str:
        """Return the holder's name, as the identity service says it."""
        return self.service.wallet.holders.identity(self.holding.holder.holder_id)[1]

    @property
    def around(self) -> dict[str, Any]:
        """Return what every page shows around its own: for whom they act, who else they may act for, the doors that are open."""
        company = self.holding.holder.kind == COMPANY
        doors = [(HOME, "我的证照", "My licences")]
        if CLAIM in self.holding.acts:
            doors.append((f"{HOME}/claim", "领取证照", "Claim"))
        if LOOKS in self.holding.acts:
            doors.append((f"{HOME}/looks", "谁看过", "Who looked"))
        if company:
            doors.append((f"{HOME}/fleet", "企业证照一览", "Fleet"))
        if company and DELEGATE in self.holding.acts:
            doors.append((f"{HOME}/delegations", "授权经办人", "Who acts for us"))
        return {
            "holder": self.name, "company": company, "delegated": self.holding.delegation is not None,
            "under": self.holding.delegation, "acts": self.holding.acts,
            "companies": self.service.wallet.companies(self.holding), "form_key": self.form_key, "doors": doors,
        }  # fmt: skip

    def page(self, name: str, status: int = 200, *, script: bool = False, **values: Any) -> Response:  # noqa: ANN401 - values of the page
        """Draw a page of the wallet; `script`: it asks for more by itself."""
        answer = pages.page(f"wallet/{name}", status, **self.around, **values)
        if script:
            answer.headers["Content-Security-Policy"] = pages.LIVE
        return answer


def at_wallet(request: Request, service: TheService) -> Wallet:
    """Return who is in the wallet; `NobodyThere` where nobody is."""
    token = request.cookies.get(COOKIE, "")
    holding = service.wallet.holding(token, used=BY_ITSELF not in request.query_params)
    if holding is None:
        raise NobodyThere
    return Wallet(service, holding, token)


def at_door(request: Request, service: TheService) -> Wallet:
    """Return who signed in, whoever they act for, and though they act for nobody any more; `NobodyThere` where nobody did."""
    token = request.cookies.get(COOKIE, "")
    holding = service.wallet.themselves(token)
    if holding is None:
        raise NobodyThere
    return Wallet(service, holding, token)


AtWallet = Annotated[Wallet, Depends(at_wallet)]
AtDoor = Annotated[Wallet, Depends(at_door)]


async def sent(request: Request, wallet: AtWallet) -> Sent:
    """Read a form of the wallet."""
    return await read_sent(request, wallet.form_key)


async def sent_at_door(request: Request, wallet: AtDoor) -> Sent:
    """Read a form of the door."""
    return await read_sent(request, wallet.form_key)


TheForm = Annotated[Sent, Depends(sent)]
DoorForm = Annotated[Sent, Depends(sent_at_door)]
