"""Who acts for a holder: a host app by the token that it exchanged an assertion for. What the token names is looked up with every request."""

from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from licence_service.holding import Holding
from licence_service.web.access import TheService

_bearer = HTTPBearer(
    auto_error=False, scheme_name="Holder", description="A token of `POST /oauth/token` by token exchange: a host app acting for one holder."
)


def the_holding(service: TheService, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Holding:
    """Return who acts for which holder, or `AccessRefused`."""
    return service.holder_desk.exchange.holding(credentials.credentials if credentials else "")


TheHolding = Annotated[Holding, Depends(the_holding)]
