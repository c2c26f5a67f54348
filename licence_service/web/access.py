"""Who is calling: an approval system by its bearer token, or the public by nothing but an address."""

from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from licence_service.errors import AccessRefused, Fault, RequestRejected, TooManyFailures
from licence_service.service import Service
from licence_service.store.clients import Client
from licence_service.store.failures import WINDOW_SECONDS

_bearer = HTTPBearer(auto_error=False, description="The token that `licence-service clients add` printed.")
_KEY_LENGTH = range(8, 201)


def service_of(request: Request) -> Service:
    """Return the service that this application serves."""
    service: Service = request.app.state.service
    return service


TheService = Annotated[Service, Depends(service_of)]


def calling_system(service: TheService, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Client:
    """Return the client behind the bearer token, or `AccessRefused`."""
    client = service.clients.by_token(credentials.credentials) if credentials else None
    if client is None:
        raise AccessRefused("a bearer token of a registered client is wanted")
    return client


Caller = Annotated[Client, Depends(calling_system)]


def idempotency_key(
    key: Annotated[str, Header(alias="Idempotency-Key", description="8 to 200 characters; the same key again returns the same result.")],
) -> str:
    """Return the caller's key of this request."""
    if len(key) not in _KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise RequestRejected(faults=[Fault("Idempotency-Key", "wrong-length", "8 to 200 printable ASCII characters")])
    return key


IdempotencyKey = Annotated[str, Depends(idempotency_key)]


def address_of(request: Request, service: Service) -> str:
    """Return the caller's address; behind a trusted proxy, the one the proxy saw."""
    forwarded = request.headers.get("x-forwarded-for", "")
    if service.settings.trusted_proxy and forwarded:
        return forwarded.rpartition(",")[2].strip()
    return request.client.host if request.client else ""


def count_failure(request: Request, service: Service, pair: str) -> None:
    """Count a wrong code by address and by pair; `TooManyFailures` over the limit. Right codes never come here."""
    now = service.now()
    by_address = service.failures.count("address", address_of(request, service), now)
    by_pair = service.failures.count("pair", pair, now)
    if max(by_address, by_pair) > service.settings.failures_before_slowing:
        raise TooManyFailures(f"try again in {WINDOW_SECONDS // 60} minutes")
