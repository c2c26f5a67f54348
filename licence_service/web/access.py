"""Who is calling: an approval system or a system of officers by its bearer token, or the public by nothing but an address."""

import ipaddress
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from licence_service.errors import AccessRefused, Fault, NotGranted, RequestRejected, TooManyFailures
from licence_service.requests import is_key
from licence_service.service import Service
from licence_service.store.clients import APPROVAL, HEARING, OFFICER, READ, STOCK, WEBHOOK, Client
from licence_service.store.failures import WINDOW_SECONDS

_bearer = HTTPBearer(auto_error=False, description="An access token of `POST /oauth/token`, or a secret that `licence-service clients` printed.")


def service_of(request: Request) -> Service:
    """Return the service that this application serves."""
    service: Service = request.app.state.service
    return service


TheService = Annotated[Service, Depends(service_of)]


def calling_system(service: TheService, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Client:
    """Return the approval system behind the bearer token, or `AccessRefused`; `NotGranted` to a client of another kind."""
    return client_of(service, credentials.credentials if credentials else None, APPROVAL)


def listening_system(service: TheService, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Client:
    """Return the approval system or host app behind the bearer token, or `AccessRefused`; `NotGranted` to a client of another kind."""
    return client_of(service, credentials.credentials if credentials else None, *HEARING)


Caller = Annotated[Client, Depends(calling_system)]
Listener = Annotated[Client, Depends(listening_system)]


def reading_system(caller: Caller) -> Client:
    """Return the approval system that is calling; `NotGranted` where its scopes hold no reading."""
    return _holding(caller, READ)


def hearing_system(caller: Listener) -> Client:
    """Return the approval system or host app that is calling; `NotGranted` where its scopes hold no webhooks."""
    return _holding(caller, WEBHOOK)


def following_system(caller: Listener) -> Client:
    """Return the approval system or host app that is calling; `NotGranted` where its scopes hold no reading."""
    return _holding(caller, READ)


def system_with_stock(caller: Caller) -> Client:
    """Return the approval system that is calling; `NotGranted` where its scopes hold no stock, or it acts for an office: stock is the department's."""
    if caller.office is not None:
        raise NotGranted("stock is brought by the department itself")
    return _holding(caller, STOCK)


def _holding(caller: Client, act: str) -> Client:
    if not caller.may_somewhere(act):
        raise NotGranted(f"the caller's scopes hold no {act}")
    return caller


Reader = Annotated[Client, Depends(reading_system)]
StockOwner = Annotated[Client, Depends(system_with_stock)]
Hearer = Annotated[Client, Depends(hearing_system)]
Follower = Annotated[Client, Depends(following_system)]
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def client_of(service: Service, token: str | None, *kinds: str) -> Client:
    """Return the client of one of some kinds behind a token: no kind may do what another may."""
    client = service.admission.caller(token) if token else None
    if client is None:
        raise AccessRefused("an access token, or a secret, of a registered client is wanted")
    if client.kind not in kinds:
        raise NotGranted("a client of this kind may not do this")
    return client


def officers_system(service: Service, credentials: HTTPAuthorizationCredentials | None, typed: str | None) -> Client:
    """Return the system of officers that is calling: by its bearer token, or by one typed into the officer's page (nothing keeps it)."""
    return client_of(service, credentials.credentials if credentials else typed, OFFICER)


def idempotency_key(
    key: Annotated[str, Header(alias="Idempotency-Key", description="8 to 200 characters; the same key again returns the same result.")],
) -> str:
    """Return the caller's key of this request."""
    if not is_key(key):
        raise RequestRejected(faults=[Fault("Idempotency-Key", "wrong-length", "8 to 200 printable ASCII characters")])
    return key


IdempotencyKey = Annotated[str, Depends(idempotency_key)]


def address_of(request: Request, service: Service) -> str:
    """Return the caller's address in its one form; behind a trusted proxy, the one the proxy saw.

    Only the last entry of the last X-Forwarded-For line is the proxy's own; what stands before it anybody can have written. One that
    is no address counts as the proxy itself.
    """
    peer = request.client.host if request.client else ""
    lines = request.headers.getlist("x-forwarded-for") if service.settings.trusted_proxy else []
    return (_one_form(lines[-1].rpartition(",")[2]) if lines else None) or _one_form(peer) or peer


def _one_form(text: str) -> str | None:
    """Return an address as it is counted: without port and zone, IPv4 as such however it is written, of IPv6 the network (/64) one subscriber has."""
    plain = text.strip().partition("%")[0]
    if plain.startswith("["):
        plain = plain[1:].partition("]")[0]
    elif plain.count(":") == 1:
        plain = plain.partition(":")[0]
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.IPv6Network((int(address), 64), strict=False).network_address)


def count_failure(request: Request, service: Service, pair: str) -> None:
    """Count a wrong code by address and by pair; `TooManyFailures` over the limit. Right codes never come here.

    `pair` is in comparison form, so that case, width and blanks make no new one.
    """
    now = service.now()
    by_address = service.failures.count("address", address_of(request, service), now)
    by_pair = service.failures.count("pair", pair, now)
    if max(by_address, by_pair) > service.settings.failures_before_slowing:
        raise TooManyFailures(f"try again in {WINDOW_SECONDS // 60} minutes")


def count_by_licence(service: Service, licence_id: str) -> None:
    """Count a file that was altered, by the licence it was compared with; `TooManyFailures` over the limit."""
    if service.failures.count("altered", licence_id, service.now()) > service.settings.failures_before_slowing:
        raise TooManyFailures(f"try again in {WINDOW_SECONDS // 60} minutes")


def count_by_address(request: Request, service: Service) -> None:
    """Count a wrong code that belongs to no pair; `TooManyFailures` over the limit."""
    if service.failures.count("address", address_of(request, service), service.now()) > service.settings.failures_before_slowing:
        raise TooManyFailures(f"try again in {WINDOW_SECONDS // 60} minutes")
