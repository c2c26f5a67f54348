"""Who a person is: OpenID Connect, authorization code with PKCE, state and nonce (OpenID Connect Core 1.0 §3.1, RFC 7636, RFC 9700).

Nothing is kept between leaving for the provider and coming back but a cookie with the state: nonce and code verifier are made of it under a key of
the service, so that every process knows them and no browser can choose them.
"""

import base64
import hmac
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from licence_service.errors import AccessRefused, Unavailable
from licence_service.licence import beijing_day
from licence_service.outbound import CodeClient, client
from licence_service.store.people import People, Person
from licence_service.store.sessions import Sessions

AWAY = timedelta(minutes=10)  # at the provider, from leaving to coming back
SKEW = timedelta(minutes=1)  # by which the provider's clock may be wrong
ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "Ed25519", "EdDSA")  # never one by a shared secret, never none
_READ_AGAIN = timedelta(hours=1)  # what the provider says of itself
_SOONEST = timedelta(seconds=30)  # between two looks for a key that nobody knows: who sends rubbish makes us ask no more often
_AT_ONCE, _PATIENCE = 8, 0.5  # who may ask the provider at the same time, and the seconds that others wait for their turn
_SILENT = timedelta(seconds=15)  # after it did not answer, before it is asked what it says of itself again
MOST_STATE, MOST_CODE, MOST_SUBJECT = 100, 2000, 255
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True)
class Claims:
    """Whom the provider vouches for."""

    issuer: str
    subject: str = field(repr=False)


@dataclass(slots=True)
class Provider:
    """An OpenID provider, by what it says of itself under its well-known address (OpenID Connect Discovery 1.0)."""

    issuer: str
    client_id: str
    secret: str = field(repr=False)
    back: str  # where people come back to
    seconds: float
    now: Callable[[], datetime] = field(repr=False)
    _said: tuple[datetime, Mapping[str, Any]] | None = None
    _keys: tuple[datetime, KeySet] | None = None
    _silent_until: datetime | None = None
    _turns: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(_AT_ONCE), repr=False)

    def address(self, state: str, nonce: str, verifier: str) -> str:
        """Return where a person goes to sign in."""
        with self._client() as asking:
            address, _ = asking.create_authorization_url(self._endpoint("authorization_endpoint"), state=state, code_verifier=verifier, nonce=nonce)
        return str(address)

    def claims(self, code: str, nonce: str, verifier: str) -> Claims:
        """Change the code that a person brought for whom it is about; `AccessRefused` unless everything of it is right."""
        endpoint = self._endpoint("token_endpoint")
        with self._turn(), self._client() as asking:
            token = asking.tokens(endpoint, code, verifier).get("id_token")
        if not isinstance(token, str):
            raise AccessRefused("the OpenID provider gave no ID token")
        claims = self._verified(token)
        if claims.get("nonce") != nonce:
            raise AccessRefused("the ID token is of another sign-in")
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 1 <= len(subject) <= MOST_SUBJECT or not subject.isprintable():
            raise AccessRefused("the ID token names nobody")
        return Claims(self.issuer, subject)

    def leaving(self, home: str) -> str | None:
        """Return where a person signs out of the provider too, if it has such a place and says so now: who signs out here waits for nobody."""
        try:
            place = self._metadata().get("end_session_endpoint")
        except Unavailable:
            return None
        known = isinstance(place, str) and place.startswith(("https://", "http://"))
        return f"{place}?{urlencode({'client_id': self.client_id, 'post_logout_redirect_uri': home})}" if known else None

    # -- inside ----------------------------------------------------------------------------------------

    def _client(self) -> CodeClient:
        return CodeClient(self.client_id, self.secret, self.back, self.seconds)

    def _endpoint(self, name: str) -> str:
        return str(self._metadata()[name])

    def _metadata(self) -> Mapping[str, Any]:
        known = self._said
        if known is None or self.now() - known[0] > _READ_AGAIN:
            said = self._read(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if said.get("issuer") != self.issuer or not all(isinstance(said.get(name), str) for name in _ENDPOINTS):
                raise Unavailable("the OpenID provider does not say of itself what it must")
            self._said = known = (self.now(), said)
        return known[1]

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Ask with few others at a time: a provider that is silent must not hold every thread, since anybody can knock at the door."""
        if not self._turns.acquire(timeout=_PATIENCE):
            raise Unavailable("the OpenID provider is slow to answer")
        try:
            yield
        finally:
            self._turns.release()

    def _read(self, address: str) -> Mapping[str, Any]:
        if self._silent_until and self.now() < self._silent_until:
            raise Unavailable("the OpenID provider did not answer a moment ago")
        with self._turn(), client(self.seconds) as asking:
            try:
                answer = asking.get(address)
            except Unavailable:
                self._silent_until = self.now() + _SILENT
                raise
        try:
            said = answer.json() if answer.is_success else None
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise Unavailable("the OpenID provider does not answer as one")
        return said

    def _verified(self, token: str) -> Mapping[str, Any]:
        """Return the claims of an ID token (OpenID Connect Core 1.0 §3.1.3.7); keys are read anew once where none of the known ones fits."""
        try:
            return self._judged(token, self._keyset(anew=False))
        except (JoseError, ValueError):
            pass
        try:
            return self._judged(token, self._keyset(anew=True))
        except (JoseError, ValueError) as wrong:
            raise AccessRefused("the ID token is not one that the OpenID provider made for this service, just now") from wrong

    def _judged(self, token: str, keys: KeySet) -> Mapping[str, Any]:
        claims = jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims
        wanted = {"iss": {"essential": True, "value": self.issuer}, "aud": {"essential": True, "value": self.client_id}, "sub": {"essential": True}}
        instants = {"exp": {"essential": True}, "iat": {"essential": True}}
        now, skew = int(self.now().timestamp()), int(SKEW.total_seconds())
        jwt.JWTClaimsRegistry(now=now, leeway=skew, **wanted, **instants).validate(claims)  # type: ignore[arg-type]  # TypedDicts
        if claims.get("azp", self.client_id) != self.client_id or (
            isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and "azp" not in claims
        ):
            raise ValueError("for another party")
        return claims

    def _keyset(self, *, anew: bool) -> KeySet:
        place, known = self._endpoint("jwks_uri"), self._keys
        if known is None or (anew and self.now() - known[0] > _SOONEST) or self.now() - known[0] > _READ_AGAIN:
            said = self._read(place)
            try:
                self._keys = known = (self.now(), KeySet.import_key_set(said))  # type: ignore[arg-type]  # a dict that is judged there
            except (JoseError, KeyError, TypeError, ValueError) as wrong:
                raise Unavailable("the OpenID provider does not say its keys") from wrong
        return known[1]


@dataclass(frozen=True, slots=True)
class SignIn:
    """Lets people in. `address` is that of the desk; without a `provider` nobody signs in."""

    provider: Provider | None
    people: People
    sessions: Sessions
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
        return self._known().address(state, self._made("nonce", state), self._made("verifier", state)), state

    def arrive(self, kept: str, state: str, code: str, issuer: str | None) -> tuple[Claims, Person | None]:
        """Return whom the provider vouches for, and the person that is; `AccessRefused` where the browser left with another state, or long ago."""
        provider = self._known()
        begun = state.partition(".")[0]
        in_time = begun.isascii() and begun.isdecimal() and len(begun) <= 12 and 0 <= self.now().timestamp() - int(begun) <= AWAY.total_seconds()  # noqa: PLR2004 - digits of an instant
        fits = len(state) <= MOST_STATE and len(code) <= MOST_CODE and hmac.compare_digest(kept.encode(), state.encode())
        if not (fits and in_time and code and issuer in {None, provider.issuer}):
            raise AccessRefused("this sign-in was not begun in this browser just now")
        claims = provider.claims(code, self._made("nonce", state), self._made("verifier", state))
        return claims, self.people.known_by(claims.issuer, claims.subject, beijing_day(self.now()))

    def person(self, token: str, *, used: bool = True) -> Person | None:
        """Return the person of a session, or None; not `used`, a page asked that renews itself, and the session gets no longer by it."""
        now = self.now()
        return self.sessions.person(token, now, beijing_day(now), used=used) if token else None

    def form_key(self, token: str) -> str:
        """Return what every form of a session carries, so that no other site can send one (CSRF)."""
        return self._made("form", token)

    def _known(self) -> Provider:
        if self.provider is None:
            raise Unavailable("no OpenID provider is set; see docs/desk.md", retry_after=3600)
        return self.provider

    def _made(self, purpose: str, state: str) -> str:
        return base64.urlsafe_b64encode(hmac.digest(self.key, f"{purpose}\x00{state}".encode(), "sha256")).rstrip(b"=").decode()
