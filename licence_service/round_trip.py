"""A browser's way to an OpenID provider and back: authorization code with PKCE, state and nonce (OpenID Connect Core 1.0 §3.1, RFC 7636, RFC 9700).

Nothing is kept between leaving for the provider and coming back but a cookie with the state: nonce and code verifier are made of it under a key of
the service, so that every process knows them and no browser can choose them.
"""

import base64
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from licence_service.errors import AccessRefused, Unavailable
from licence_service.outbound import CodeClient
from licence_service.vouching import NotVouched, Voucher

AWAY = timedelta(minutes=10)  # at the provider, from leaving to coming back
MOST_STATE, MOST_CODE, MOST_SUBJECT = 100, 2000, 255


@dataclass(slots=True)
class Provider:
    """An OpenID provider, by what it says of itself under its well-known address (OpenID Connect Discovery 1.0)."""

    issuer: str
    client_id: str
    secret: str = field(repr=False)
    back: str  # where people come back to
    seconds: float
    now: Callable[[], datetime] = field(repr=False)
    voucher: Voucher = field(init=False)

    def __post_init__(self) -> None:
        """Know whose tokens are believed, and that they are for us."""
        self.voucher = Voucher(self.issuer, self.client_id, ("authorization_endpoint", "token_endpoint"), self.seconds, self.now)

    def address(self, state: str, nonce: str, verifier: str) -> str:
        """Return where a person goes to sign in."""
        with self._client() as asking:
            address, _ = asking.create_authorization_url(self._endpoint("authorization_endpoint"), state=state, code_verifier=verifier, nonce=nonce)
        return str(address)

    def claims(self, code: str, nonce: str, verifier: str) -> Mapping[str, Any]:
        """Change the code that a person brought for what is said of them; `AccessRefused` unless everything of it is right."""
        endpoint = self._endpoint("token_endpoint")
        with self.voucher.turn(), self._client() as asking:
            token = asking.tokens(endpoint, code, verifier).get("id_token")
        if not isinstance(token, str):
            raise AccessRefused("the OpenID provider gave no ID token")
        try:
            claims = self.voucher.claims(token)
        except NotVouched as wrong:
            raise AccessRefused("the ID token is not one that the OpenID provider made for this service, just now") from wrong
        if claims.get("nonce") != nonce:
            raise AccessRefused("the ID token is of another sign-in")
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 1 <= len(subject) <= MOST_SUBJECT or not subject.isprintable():
            raise AccessRefused("the ID token names nobody")
        return claims

    def leaving(self, home: str) -> str | None:
        """Return where a person signs out of the provider too, if it has such a place and says so now: who signs out here waits for nobody."""
        try:
            place = self.voucher.metadata().get("end_session_endpoint")
        except Unavailable:
            return None
        known = isinstance(place, str) and place.startswith(("https://", "http://"))
        return f"{place}?{urlencode({'client_id': self.client_id, 'post_logout_redirect_uri': home})}" if known else None

    def _client(self) -> CodeClient:
        return CodeClient(self.client_id, self.secret, self.back, self.seconds)

    def _endpoint(self, name: str) -> str:
        return str(self.voucher.metadata()[name])


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """Sends browsers to a provider and takes them back. Without a `provider` nobody leaves; `key` makes what only this service can know.

    `address` is that of the service where people sign in.
    """

    provider: Provider | None
    address: str
    key: bytes = field(repr=False)
    now: Callable[[], datetime] = field(repr=False)

    @property
    def secure(self) -> bool:
        """Say whether cookies go over TLS only."""
        return self.address.startswith("https:")

    def leave(self) -> tuple[str, str]:
        """Return where to go to sign in, and the state that the browser keeps meanwhile."""
        state = f"{int(self.now().timestamp())}.{secrets.token_urlsafe(24)}"
        return self._known().address(state, self.made("nonce", state), self.made("verifier", state)), state

    def arrive(self, kept: str, state: str, code: str, issuer: str | None) -> Mapping[str, Any]:
        """Return what the provider says of who comes back; `AccessRefused` where the browser left with another state, or long ago."""
        provider = self._known()
        begun = state.partition(".")[0]
        in_time = begun.isascii() and begun.isdecimal() and len(begun) <= 12 and 0 <= self.now().timestamp() - int(begun) <= AWAY.total_seconds()  # noqa: PLR2004 - digits of an instant
        fits = len(state) <= MOST_STATE and len(code) <= MOST_CODE and hmac.compare_digest(kept.encode(), state.encode())
        if not (fits and in_time and code and issuer in {None, provider.issuer}):
            raise AccessRefused("this sign-in was not begun in this browser just now")
        return provider.claims(code, self.made("nonce", state), self.made("verifier", state))

    def made(self, purpose: str, state: str) -> str:
        """Return a word for a purpose that nobody else can make of a state, or of a session's token."""
        return base64.urlsafe_b64encode(hmac.digest(self.key, f"{purpose}\x00{state}".encode(), "sha256")).rstrip(b"=").decode()

    def _known(self) -> Provider:
        if self.provider is None:
            raise Unavailable("no OpenID provider is set; see docs/settings.md", retry_after=3600)
        return self.provider
