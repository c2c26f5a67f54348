"""Where calling systems get their access tokens (OAuth 2.0, RFC 6749; for a holder RFC 8693; metadata RFC 8414)."""

import base64
import binascii
from typing import Annotated, Any
from urllib.parse import unquote_plus

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from licence_service.admission import ALGORITHMS, ASSERTION_TYPE, LIFE, Asking
from licence_service.errors import TokenRefused, WrongMediaType
from licence_service.exchange import ACCESS_TOKEN, GRANT, ID_TOKEN, JWT, Brought
from licence_service.service import Service
from licence_service.web.access import TheService, count_failure
from licence_service.web.body import media_type
from licence_service.web.filled import MOST_FORM, keep_body
from licence_service.web.shapes import ANSWERS, plain_answer, shape

router = APIRouter(tags=["access"])
_POSTED = "application/x-www-form-urlencoded"
_CREDENTIALS = "client_credentials"
_GRANTS = [_CREDENTIALS, GRANT]
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_TEXT = {"type": "string"}
_FORM = {
    "type": "object",
    "required": ["grant_type"],
    "properties": {
        "grant_type": {"type": "string", "enum": _GRANTS},
        "scope": {**_TEXT, "description": "Words `act:type` with blanks between, such as `issue:* read:*`; absent: all that the client holds."},
        "client_id": {**_TEXT, "description": "The client's name, where it is not sent by HTTP Basic."},
        "client_secret": {**_TEXT, "description": "A secret of the client, where it is not sent by HTTP Basic."},
        "client_assertion_type": {"type": "string", "enum": [ASSERTION_TYPE]},
        "client_assertion": {**_TEXT, "description": "A JWT that the client signed for this endpoint (`private_key_jwt`)."},
        "subject_token": {
            **_TEXT,
            "description": "Token exchange: the identity service's assertion about the holder, good for ten minutes and one use.",
        },
        "subject_token_type": {"type": "string", "enum": [JWT, ID_TOKEN], "description": "Token exchange: what `subject_token` is."},
        "delegation": {**_TEXT, "description": "Token exchange: the delegation under which this person acts for a company."},
    },
}
_BODY = {"requestBody": {"required": True, "content": {_POSTED: {"schema": _FORM}}}}
_GIVEN = {
    "type": "object",
    "required": ["access_token", "token_type", "expires_in"],
    "properties": {
        "access_token": _TEXT, "token_type": {"const": "Bearer"}, "expires_in": {"type": "integer"}, "scope": _TEXT,
        "issued_token_type": {**_TEXT, "description": "Token exchange: what `access_token` is (RFC 8693 §2.2.1)."},
        "holder": {**_TEXT, "description": "Token exchange: our name of the holder."},
    },
}  # fmt: skip
_WORDS = {"type": "array", "items": _TEXT}
_METADATA = plain_answer(
    "The metadata",
    shape({
        "issuer": _TEXT, "token_endpoint": _TEXT, "grant_types_supported": _WORDS, "response_types_supported": _WORDS,
        "token_endpoint_auth_methods_supported": _WORDS, "token_endpoint_auth_signing_alg_values_supported": _WORDS, "service_documentation": _TEXT,
        "access_token_lifetime": {"type": "integer"},
    }),
)  # fmt: skip
_REFUSED = {"type": "object", "required": ["error"], "properties": {"error": _TEXT, "error_description": _TEXT}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    **{status: each for status, each in ANSWERS.items() if status in {413, 415, 429}},
    200: {"description": "An access token.", "content": {"application/json": {"schema": _GIVEN}}},
    400: {
        "description": "Not a request of RFC 6749, or a scope that the client does not hold.",
        "content": {"application/json": {"schema": _REFUSED}},
    },
    401: {"description": "The client is not known by what it shows.", "content": {"application/json": {"schema": _REFUSED}}},
}


async def said_once(request: Request) -> dict[str, str]:
    """Read the form; each parameter at most once (RFC 6749 §3.2)."""
    if media_type(request) != _POSTED:
        raise WrongMediaType(f"the body is {_POSTED}")
    await keep_body(request, MOST_FORM)
    pairs = [(name, value) for name, value in (await request.form()).multi_items() if isinstance(value, str)]
    said = dict(pairs)
    if len(said) < len(pairs):
        return {"twice": "yes"}  # the endpoint's own kind of refusal says it
    return {name: value for name, value in said.items() if value}  # one without a value counts as absent


@router.post("/oauth/token", responses=_ANSWERS, openapi_extra=_BODY, summary="Get an access token")
def token(request: Request, service: TheService, form: Annotated[dict[str, str], Depends(said_once)]) -> Response:
    """Give a client an access token for ten minutes: by secret (HTTP Basic or in the form), or by an assertion that it signed.

    A host app exchanges the identity service's assertion about a holder for a token to that holder's licences (RFC 8693).
    """
    try:
        answer = _given(service, _asking(request, form), form)
    except TokenRefused as refused:
        if refused.code == "invalid_client":
            count_failure(request, service, "client")
        return _refusal(refused)
    return JSONResponse(answer, headers=_NO_STORE)


def _given(service: Service, asking: Asking, form: dict[str, str]) -> dict[str, Any]:
    """Return the answer to a client that may have a token."""
    if form["grant_type"] == _CREDENTIALS:
        given = service.admission.admit(asking)
        return {"access_token": given.token, "token_type": "Bearer", "expires_in": given.seconds, "scope": given.scope}
    if not {"subject_token", "subject_token_type"} <= form.keys():
        raise TokenRefused("invalid_request", "subject_token and subject_token_type are wanted")
    if "actor_token" in form or form.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
        raise TokenRefused("invalid_request", "there is no actor_token here, and what is given is an access token")
    exchanged = service.holder_desk.exchange.give(asking, Brought(form["subject_token"], form["subject_token_type"], form.get("delegation")))
    return {
        "access_token": exchanged.token, "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": exchanged.seconds,
        "holder": exchanged.holder.holder_id,
    }  # fmt: skip


@router.get("/.well-known/oauth-authorization-server", responses={200: _METADATA}, summary="How access tokens are got")
def metadata(service: TheService) -> dict[str, Any]:
    """Return the metadata of the token endpoint (RFC 8414 §2)."""
    return {
        "issuer": service.admission.issuer,
        "token_endpoint": service.admission.token_url,
        "grant_types_supported": _GRANTS,
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "service_documentation": f"{service.admission.issuer}/docs",
        "access_token_lifetime": int(LIFE.total_seconds()),
    }


def _asking(request: Request, form: dict[str, str]) -> Asking:
    """Return what is asked for; one way of saying who it is, no more."""
    if "twice" in form or "grant_type" not in form:
        raise TokenRefused("invalid_request", "grant_type and each other parameter exactly once")
    if form["grant_type"] not in _GRANTS:
        raise TokenRefused("unsupported_grant_type", f"the grant is one of: {', '.join(_GRANTS)}")
    basic = _basic(request)
    ways = [basic is not None, "client_secret" in form, "client_assertion" in form]
    if sum(ways) != 1:
        code = "invalid_request" if any(ways) else "invalid_client"
        raise TokenRefused(code, "a client says who it is in exactly one way: HTTP Basic, client_secret, or client_assertion")
    if basic is not None:
        if form.get("client_id", basic[0]) != basic[0]:
            raise TokenRefused("invalid_request", "client_id is not the one in the header")
        return Asking(basic[0], secret=basic[1], scope=form.get("scope"))
    if "client_assertion" in form:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise TokenRefused("invalid_request", f"client_assertion_type is {ASSERTION_TYPE}")
        return Asking(form.get("client_id"), assertion=form["client_assertion"], scope=form.get("scope"))
    return Asking(form.get("client_id"), secret=form["client_secret"], scope=form.get("scope"))


def _basic(request: Request) -> tuple[str, str] | None:
    """Return name and secret of an HTTP Basic header (RFC 6749 §2.3.1: each of them form-encoded first); None where there is none."""
    scheme, _, said = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, secret = base64.b64decode(said.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        name, colon, secret = "", "", ""
    if not colon:
        raise TokenRefused("invalid_client", "the header is not one of HTTP Basic")
    return unquote_plus(name), unquote_plus(secret)


def _refusal(refused: TokenRefused) -> Response:
    """Return the answer of RFC 6749 §5.2."""
    known = refused.code != "invalid_client"
    headers = _NO_STORE if known else {**_NO_STORE, "WWW-Authenticate": 'Basic realm="licence_service"'}
    return JSONResponse({"error": refused.code, "error_description": refused.detail}, status_code=400 if known else 401, headers=headers)
