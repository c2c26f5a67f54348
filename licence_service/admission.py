"""Who a calling system is: OAuth 2.0 client credentials (RFC 6749 §4.4) by secret or by signed assertion (RFC 7523), short-lived access tokens.

An access token is a JWT after RFC 9068 under a key that every process of the service derives from the payload key, so that nothing is kept
for it. It says who and what for, never whether: whoever shows one is looked up anew, and is out as soon as the client is removed.
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeAlias

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey, import_key

from licence_service.errors import RequestRejected, TokenRefused
from licence_service.requests import ACTS
from licence_service.store.clients import EVERY_ACT, EVERY_TYPE, READ, SIGNAL, STICKER, STOCK, TASK, WEBHOOK, Client, Clients
from licence_service.store.credentials import MOST_LIVING, Credentials

LIFE = timedelta(minutes=10)  # of an access token
LONGEST_ASSERTION = timedelta(minutes=10)  # that a signed assertion may be good for
SKEW = timedelta(minutes=1)  # by which a client's clock may be wrong
MOST_TOKEN, MOST_SCOPE, MOST_NAME = 4096, 2000, 200  # characters
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("ES256", "ES384", "PS256", "RS256", "Ed25519")  # that signed assertions may be in
_SHORTEST_RSA = 2048  # bits
_OF_KEYS = {"P-256": ("ES256",), "P-384": ("ES384",), "RSA": ("PS256", "RS256"), "Ed25519": ("Ed25519",)}
_TYPE = "at+jwt"  # RFC 9068 §2.1
_PREFIX = "lst_"  # what secrets begin with, and no JWT does

WORDS = (EVERY_ACT, READ, STICKER, SIGNAL, TASK, WEBHOOK, STOCK, "issue", "adopt", *ACTS)  # what a client may be let do

Key: TypeAlias = OctKey | RSAKey | ECKey | OKPKey


@dataclass(frozen=True, slots=True)
class Asking:
    """What a client shows for itself at the token endpoint: its secret, or an assertion that it signed; and what it asks for."""

    client: str | None
    secret: str | None = field(default=None, repr=False)
    assertion: str | None = field(default=None, repr=False)
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """An access token, the seconds that it lives, and its scope, words with a blank between."""

    token: str = field(repr=False)
    seconds: int
    scope: str


@dataclass(frozen=True, slots=True)
class Admission:
    """Lets calling systems in."""

    clients: Clients
    credentials: Credentials
    issuer: str  # the address of the service
    token_key: bytes = field(repr=False)
    types: frozenset[str]  # that there are
    now: Callable[[], datetime] = field(repr=False)

    @property
    def token_url(self) -> str:
        """Return the address of the token endpoint: who a signed assertion is for."""
        return f"{self.issuer}/oauth/token"

    def admit(self, asking: Asking) -> Admitted:
        """Return an access token; raise `TokenRefused` with a code of RFC 6749 §5.2."""
        client, number = self.known(asking)
        narrowed = _narrowed(client, asking.scope, self.types)
        token = self.signed(self.issuer, sub=client.name, client_id=client.name, credential=number, scope=" ".join(narrowed))
        return Admitted(token, int(LIFE.total_seconds()), " ".join(narrowed or _whole(client)))

    def known(self, asking: Asking) -> tuple[Client, int]:
        """Return the client that is asking, and the number of its secret or key; `TokenRefused` where it is not known by what it shows."""
        return self._by_assertion(asking) if asking.assertion else self._by_secret(asking)

    def signed(self, audience: str, **said: object) -> str:
        """Return an access token (RFC 9068) of ours for an audience, which lives for `LIFE`."""
        now = int(self.now().timestamp())
        claims = {
            "iss": self.issuer, "aud": audience, **said, "iat": now, "exp": now + int(LIFE.total_seconds()), "jti": secrets.token_urlsafe(12)
        }  # fmt: skip
        return jwt.encode({"alg": "HS256", "typ": _TYPE}, claims, self._key)

    def caller(self, token: str) -> Client | None:
        """Return the client behind an access token or a secret, with what the token was narrowed to; None where it is neither."""
        if token.startswith(_PREFIX):
            return self.clients.by_token(token)
        claims = self.claims(token, self.issuer)
        if claims is None or not isinstance(claims.get("credential"), int):
            return None
        client = self.clients.known_by(claims["sub"], claims["credential"])
        if client is None:
            return None
        return replace(client, scopes=tuple(claims["scope"].split()))

    def claims(self, token: str, audience: str) -> Mapping[str, Any] | None:
        """Return what one of our tokens for an audience says; None for any other, and for one that is over."""
        if len(token) > MOST_TOKEN:
            return None
        try:
            read = jwt.decode(token, self._key, algorithms=["HS256"])
            wanted = {"iss": {"essential": True, "value": self.issuer}, "aud": {"essential": True, "value": audience}, "exp": {"essential": True}}
            jwt.JWTClaimsRegistry(now=int(self.now().timestamp()), **wanted).validate(read.claims)  # type: ignore[arg-type]  # TypedDicts
        except (JoseError, ValueError):
            return None
        return read.claims if read.header.get("typ") == _TYPE else None

    # -- inside ----------------------------------------------------------------------------------------

    @property
    def _key(self) -> OctKey:
        return OctKey.import_key(self.token_key)

    def _by_secret(self, asking: Asking) -> tuple[Client, int]:
        """Return the client that holds a secret, and the number of that."""
        found = self.clients.by_secret(asking.secret) if asking.secret else None
        if found is None or found[0].name != asking.client:
            raise TokenRefused("invalid_client", "the client is not known by this secret")
        return found

    def _by_assertion(self, asking: Asking) -> tuple[Client, int]:
        """Return the client that signed an assertion for this endpoint, once, and its key's number.

        RFC 7523 §3, OpenID Connect Core §9 (`private_key_jwt`).
        """
        refused = TokenRefused("invalid_client", "the assertion is not one that a client signed for this endpoint, once, just now")
        said = asking.assertion or ""
        name, algorithm = _signer(said)
        if name is None or algorithm not in ALGORITHMS or (asking.client and asking.client != name):
            raise refused
        client, now = self.clients.named(name), self.now()
        held = [(one.number, one.public_key) for one in self.credentials.of(name) if one.public_key]
        number, claims = _first_that_signed(said, algorithm, held)
        if client is None or claims is None or not self._meant_for_us(claims, name, now):
            raise refused
        expires_at = datetime.fromtimestamp(claims["exp"], UTC) + SKEW
        if not self.credentials.use_once(name, claims["jti"], expires_at, now):
            raise refused
        return client, number

    def _meant_for_us(self, claims: Mapping[str, Any], name: str, now: datetime) -> bool:
        audience = claims.get("aud")
        meant = audience if isinstance(audience, list) else [audience]
        instants = [claims.get("exp"), *(claims[each] for each in ("iat", "nbf") if each in claims)]
        if not all(isinstance(each, int | float) and not isinstance(each, bool) and 0 <= each < 2**40 for each in instants):
            return False
        expires, *begun = instants
        present = now.timestamp()
        in_time = present - SKEW.total_seconds() < expires <= present + (LONGEST_ASSERTION + SKEW).total_seconds()
        return (
            in_time and all(each <= present + SKEW.total_seconds() for each in begun) and claims.get("iss") == name
            and bool({self.token_url, self.issuer} & {each for each in meant if isinstance(each, str)})
            and _is_name(claims.get("jti"))
        )  # fmt: skip


def public_key(content: bytes) -> str:
    """Return the JWK of a public key given as PEM or JWK: EC P-256 or P-384, RSA of 2048 bits and more, Ed25519.

    Raise `RequestRejected` for anything else, so for a private key: it is to stay where it was made.
    """
    for kind in ("EC", "RSA", "OKP"):
        try:
            said = json.loads(content) if content.lstrip().startswith(b"{") else content
            key = import_key(said, kind)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if key.is_private:
            raise RequestRejected("this is a private key; register its public part")
        if _algorithms(key):
            return json.dumps(key.as_dict(private=False), sort_keys=True)
    raise RequestRejected("a public key is wanted, PEM or JWK: EC P-256 or P-384, RSA of 2048 bits or more, Ed25519")


def _algorithms(key: Key) -> tuple[str, ...]:
    """Return what a key may sign with."""
    if isinstance(key, RSAKey):
        return _OF_KEYS["RSA"] if key.public_key.key_size >= _SHORTEST_RSA else ()
    return _OF_KEYS.get(key.curve_name, ()) if isinstance(key, ECKey | OKPKey) else ()


def _signer(assertion: str) -> tuple[str | None, str]:
    """Return who an assertion says that it is from, None where it says nobody, and in which algorithm; nothing of it is proven yet."""
    if len(assertion) > MOST_TOKEN:
        return None, ""
    try:
        read = jws.extract_compact(assertion.encode("ascii"))
        claims, algorithm = json.loads(read.payload), str(read.headers().get("alg"))
    except (JoseError, ValueError, AttributeError, RecursionError):
        return None, ""
    name = claims.get("sub") if isinstance(claims, dict) else None
    return name if _is_name(name) else None, algorithm


def _first_that_signed(assertion: str, algorithm: str, held: Sequence[tuple[int, str]]) -> tuple[int, Mapping[str, Any] | None]:
    """Return the first of some keys, each with its number, that signed an assertion: its number, and the claims.

    Where none did, as many keys were tried as a client can have, some of them nobody's: no time tells whether there is such a client, and with
    how many keys.
    """
    fitting = [one for one in held if algorithm in _OF_KEYS.get(_shape(one[1]), ())]
    for number, key in (*fitting, *[(0, _nobodys(algorithm))] * (MOST_LIVING - len(fitting))):
        claims = _verified(assertion, key)
        if claims is not None:
            return number, claims
    return 0, None


def _shape(key: str) -> str:
    """Return the curve of a JWK, or its kind."""
    said = json.loads(key)
    return str(said.get("crv", said["kty"]))


@cache
def _nobodys(algorithm: str) -> str:
    """Return the JWK of a public key for an algorithm, with which nobody signs."""
    shape = next(shape for shape, algorithms in _OF_KEYS.items() if algorithm in algorithms)
    if shape == "RSA":
        return json.dumps(RSAKey.generate_key(_SHORTEST_RSA).as_dict(private=False))
    key: Key = OKPKey.generate_key("Ed25519") if shape == "Ed25519" else ECKey.generate_key(shape)
    return json.dumps(key.as_dict(private=False))


def _is_name(text: object) -> bool:
    """Say whether a text may name a client or an assertion: no control character, no half of a surrogate pair."""
    return isinstance(text, str) and text.isprintable() and 1 <= len(text) <= MOST_NAME


def _verified(assertion: str, key: str) -> Mapping[str, Any] | None:
    """Return the claims of an assertion that this key signed."""
    try:
        opened = import_key(json.loads(key))
        return jwt.decode(assertion, opened, algorithms=list(_algorithms(opened))).claims
    except (JoseError, ValueError, RecursionError):
        return None


def _whole(client: Client) -> tuple[str, ...]:
    """Return everything that a client may do, as scopes."""
    return tuple(f"{act}:{slug}" for act in client.acts for slug in client.types)


def _narrowed(client: Client, scope: str | None, known: frozenset[str]) -> tuple[str, ...]:
    """Return the scopes that are asked for, none where all of the client's are. `TokenRefused` for one that it does not hold."""
    if scope is None or not scope.strip():
        return ()
    asked = tuple(dict.fromkeys(scope.split()))
    parts = [one.partition(":") for one in asked]
    acts = {*(WORDS if EVERY_ACT in client.acts else client.acts), EVERY_ACT}
    types = {*(known if EVERY_TYPE in client.types else client.types), EVERY_TYPE}
    held = all(colon and act in acts and slug in types for act, colon, slug in parts)
    if len(scope) > MOST_SCOPE or not held:
        raise TokenRefused("invalid_scope", "a scope is `act:type`, each held by the client; `*` stands for all that it holds")
    return asked
