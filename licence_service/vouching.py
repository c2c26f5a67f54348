"""Who vouches for people: what an OpenID provider or an identity service says of itself, its keys, and what it signed (OpenID Connect Discovery 1.0).

Its keys are read from where it says that they are, or from a file that the operator put there. A service that is silent holds few of us and briefly.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from licence_service.errors import Unavailable
from licence_service.outbound import client

SKEW = timedelta(minutes=1)  # by which its clock may be wrong
ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "Ed25519", "EdDSA")  # never one by a shared secret, never none
_READ_AGAIN = timedelta(hours=1)  # what it says of itself
_SOONEST = timedelta(seconds=30)  # between two looks for a key that nobody knows: who sends rubbish makes us ask no more often
_AT_ONCE, _PATIENCE = 8, 0.5  # who may ask at the same time, and the seconds that others wait for their turn
_SILENT = timedelta(seconds=15)  # after it did not answer, before it is asked what it says of itself again


class NotVouched(Exception):  # noqa: N818
    """A token is not one that this service signed for us, just now."""


@dataclass(slots=True)
class Voucher:
    """One that signs tokens about people. `endpoints` are the places that it must name of itself; with `keys_file` it is never asked."""

    issuer: str
    audience: str  # who the tokens are for
    endpoints: tuple[str, ...]
    seconds: float
    now: Callable[[], datetime] = field(repr=False)
    keys_file: Path | None = None
    _said: tuple[datetime, Mapping[str, Any]] | None = None
    _keys: tuple[datetime, KeySet] | None = None
    _silent_until: datetime | None = None
    _turns: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(_AT_ONCE), repr=False)

    def metadata(self) -> Mapping[str, Any]:
        """Return what it says of itself; `Unavailable` where that is too little, or of another."""
        known = self._said
        if known is None or self.now() - known[0] > _READ_AGAIN:
            said = self._read(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if said.get("issuer") != self.issuer or not all(isinstance(said.get(name), str) for name in (*self.endpoints, "jwks_uri")):
                raise Unavailable("the OpenID provider does not say of itself what it must")
            self._said = known = (self.now(), said)
        return known[1]

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Ask with few others at a time: a provider that is silent must not hold every thread, since anybody can knock at the door."""
        if not self._turns.acquire(timeout=_PATIENCE):
            raise Unavailable("the OpenID provider is slow to answer")
        try:
            yield
        finally:
            self._turns.release()

    def claims(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token (OpenID Connect Core 1.0 §3.1.3.7); keys are read anew once where none of the known ones fits.

        Raise `NotVouched` unless issuer, audience, times and signature are right.
        """
        try:
            return self._judged(token, self._keyset(anew=False))
        except (JoseError, ValueError, RecursionError):
            pass
        try:
            return self._judged(token, self._keyset(anew=True))
        except (JoseError, ValueError, RecursionError) as wrong:
            raise NotVouched from wrong

    # -- inside ----------------------------------------------------------------------------------------

    def _read(self, address: str) -> Mapping[str, Any]:
        if self._silent_until and self.now() < self._silent_until:
            raise Unavailable("the OpenID provider did not answer a moment ago")
        with self.turn(), client(self.seconds) as asking:
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

    def _judged(self, token: str, keys: KeySet) -> Mapping[str, Any]:
        claims = jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims
        wanted = {"iss": {"essential": True, "value": self.issuer}, "aud": {"essential": True, "value": self.audience}, "sub": {"essential": True}}
        instants = {"exp": {"essential": True}, "iat": {"essential": True}}
        now, skew = int(self.now().timestamp()), int(SKEW.total_seconds())
        jwt.JWTClaimsRegistry(now=now, leeway=skew, **wanted, **instants).validate(claims)  # type: ignore[arg-type]  # TypedDicts
        if claims.get("azp", self.audience) != self.audience or (isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and "azp" not in claims):
            raise ValueError("for another party")
        return claims

    def _keyset(self, *, anew: bool) -> KeySet:
        place = str(self.metadata()["jwks_uri"]) if self.keys_file is None else ""
        known = self._keys
        if known is None or (anew and self.now() - known[0] > _SOONEST) or self.now() - known[0] > _READ_AGAIN:
            said = self._read(place) if self.keys_file is None else self._lying()
            try:
                self._keys = known = (self.now(), KeySet.import_key_set(said))  # type: ignore[arg-type]  # a dict that is judged there
            except (JoseError, KeyError, TypeError, ValueError) as wrong:
                raise Unavailable("the OpenID provider does not say its keys") from wrong
        return known[1]

    def _lying(self) -> Mapping[str, Any]:
        """Return the key set (RFC 7517 §5) of the file."""
        assert self.keys_file  # noqa: S101
        try:
            said = json.loads(self.keys_file.read_bytes())
        except (OSError, ValueError, RecursionError) as wrong:
            raise Unavailable("the file of the keys of who vouches for people cannot be read") from wrong
        return said if isinstance(said, dict) else {}
