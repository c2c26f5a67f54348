"""Host apps that act for a holder: token exchange (RFC 8693) of the identity service's assertion for a short access token of ours.

The token names holder, host and session, and says never whether: host, credential and delegation are looked up anew with every request.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from licence_service.admission import LIFE, Admission, Asking
from licence_service.digests import sha256
from licence_service.errors import AccessRefused, TokenRefused, Unavailable
from licence_service.holding import Holding
from licence_service.identity import COMPANY, PERSON, Identity, NotIdentified, Reading
from licence_service.licence import beijing_day
from licence_service.store.clients import EVERY_TYPE, HOST, Client
from licence_service.store.delegations import Delegations
from licence_service.store.holders import Holder, Holders
from licence_service.store.showings import Showings
from licence_service.vouching import SKEW, NotVouched, Voucher

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT, ID_TOKEN = "urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name
LONGEST = timedelta(minutes=10)  # that an assertion may be good for
MOST_ASSERTION, MOST_JTI = 8192, 200  # characters
MOST_AGAIN = 50  # log-ins after log-outs that are followed under one name of the identity service's


@dataclass(frozen=True, slots=True)
class Brought:
    """What a host brings about a holder: the identity service's assertion, what kind of token that is, and the delegation that is used, if one is."""

    subject_token: str = field(repr=False)
    kind: str
    delegation: str | None = None


@dataclass(frozen=True, slots=True)
class Exchanged:
    """An access token for a holder's licences, the seconds that it lives, and whose they are."""

    token: str = field(repr=False)
    seconds: int
    holder: Holder


@dataclass(frozen=True, slots=True)
class Exchange:
    """Changes assertions for tokens, and knows its tokens again. Without a `voucher` nobody is identified."""

    admission: Admission
    voucher: Voucher | None
    reading: Reading
    holders: Holders
    delegations: Delegations
    showings: Showings
    now: Callable[[], datetime] = field(repr=False)

    def give(self, asking: Asking, brought: Brought) -> Exchanged:
        """Return an access token; `TokenRefused` with a code of RFC 6749 §5.2 or RFC 8693 §2.2.2, `Unavailable` where nobody can be identified now."""
        client, number = self.admission.known(asking)
        if client.kind != HOST:
            raise TokenRefused("unauthorized_client", "only host apps act for holders")
        if asking.scope is not None:
            raise TokenRefused("invalid_scope", "a holder's token has no scope; what a delegate may do stands in the delegation")
        identity = self._identified(brought)
        holder_id, person = self._who(identity)
        if brought.delegation is not None:
            if identity.kind != PERSON:
                raise TokenRefused("invalid_request", "a delegate comes as themselves, not as a company")
            person, given = holder_id, self.delegations.living(brought.delegation, holder_id, identity.name, beijing_day(self.now()))
            if given is None:
                raise TokenRefused("invalid_request", "there is no such delegation to this person today")
            holder_id = given.company
        holder = Holder(holder_id, COMPANY if brought.delegation else identity.kind, identity.level)
        token = self.admission.signed(
            self._audience, sub=holder_id, kind=holder.kind, level=holder.level, client_id=client.name, credential=number,
            sid=self._session(client, identity), person=person, delegation=brought.delegation,
        )  # fmt: skip
        return Exchanged(token, int(LIFE.total_seconds()), holder)

    def holding(self, token: str) -> Holding:
        """Return who acts for which holder by a token; `AccessRefused` where it is none, or its log-in, host, delegation or representative is out meanwhile."""
        claims = self.admission.claims(token, self._audience)
        client = self.admission.clients.known_by(claims["client_id"], claims["credential"]) if claims else None
        if claims is None or client is None or client.kind != HOST:
            raise AccessRefused("a token for a holder is wanted: exchange the identity service's assertion for one")
        if self.showings.ended(claims["sid"]):
            raise AccessRefused("this log-in is over")
        holder = Holder(claims["sub"], claims["kind"], claims["level"])
        types = None if EVERY_TYPE in client.types else client.types
        if claims["delegation"] is None:
            if claims["person"] and self.holders.spoken_by(holder.holder_id) not in {None, claims["person"]}:
                raise AccessRefused("somebody else speaks for the company now")
            return Holding(holder, claims["sid"], client.name, person=claims["person"], types=types)
        given = self.delegations.living(claims["delegation"], claims["person"], None, beijing_day(self.now()))
        if given is None or given.company != holder.holder_id:
            raise AccessRefused("the delegation is over")
        both = _narrower(types, given.types)
        return Holding(
            holder, claims["sid"], client.name, given.acts, claims["person"], given.delegation_id, both, given.licences,
        )  # fmt: skip

    # -- inside ----------------------------------------------------------------------------------------

    @property
    def _audience(self) -> str:
        """Return who these tokens are for: they open nothing that a client's own token opens, and the other way round."""
        return f"{self.admission.issuer}/holder"

    def _identified(self, brought: Brought) -> Identity:
        """Return whom the assertion identifies; each serves once."""
        if self.voucher is None:
            raise Unavailable("no identity service is set; see docs/holder.md", retry_after=3600)
        if brought.kind not in {JWT, ID_TOKEN}:
            raise TokenRefused("invalid_request", f"subject_token_type is {JWT} or {ID_TOKEN}")
        refused = TokenRefused(
            "invalid_request", "subject_token is not one that the identity service made for this service, just now, to be used once"
        )
        if len(brought.subject_token) > MOST_ASSERTION:
            raise refused
        try:
            claims = self.voucher.claims(brought.subject_token)
        except NotVouched as wrong:
            raise refused from wrong
        try:
            identity = self.reading.identity(claims)
        except NotIdentified as wrong:
            raise TokenRefused("invalid_request", f"subject_token identifies nobody who holds licences: {wrong}") from wrong
        if not self._once(claims):
            raise refused
        return identity

    def _once(self, claims: Any) -> bool:  # noqa: ANN401 - claims
        """Say whether an assertion is short-lived and was not used before."""
        now, name = self.now(), claims.get("jti")
        if not (isinstance(name, str) and name.isprintable() and 1 <= len(name) <= MOST_JTI):
            return False
        if not claims["exp"] <= (now + LONGEST + SKEW).timestamp():
            return False
        assert self.voucher  # noqa: S101
        expires_at = datetime.fromtimestamp(claims["exp"], UTC) + SKEW
        return self.admission.credentials.use_once(f"identity\x00{self.voucher.issuer}", name, expires_at, now)

    def _who(self, identity: Identity) -> tuple[str, str | None]:
        """Return the ids of the holder and of the person who speaks for a company, where they are named."""
        now = self.now()
        holder_id = self.holders.known(identity.kind, identity.number, identity.name, now)
        person = self.holders.known(PERSON, *identity.agent, now) if identity.agent else None
        if person:
            self.holders.speaks_for(holder_id, person)
        return holder_id, person

    def _session(self, client: Client, identity: Identity) -> str:
        """Return what tokens and show codes are bound to: the log-in at the identity service as this host knows it, else this exchange.

        The identity service may keep its log-in where the app ended ours: who is vouched for anew has logged in again.
        """
        if identity.session is None:
            return secrets.token_hex(16)
        found = sha256(f"{client.name}\x00{identity.number}\x00{identity.session}".encode())[:32]
        for _ in range(MOST_AGAIN):
            if not self.showings.ended(found):
                return found
            found = sha256(f"again\x00{found}".encode())[:32]
        return secrets.token_hex(16)


def _narrower(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return what both allow; None is all."""
    if one is None or other is None:
        return other if one is None else one
    return tuple(each for each in one if each in other)
