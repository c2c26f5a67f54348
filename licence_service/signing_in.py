"""Who a person of the desk is: somebody whom the provider vouches for, and who was added here."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from licence_service.licence import beijing_day
from licence_service.round_trip import Provider, RoundTrip
from licence_service.store.people import People, Person
from licence_service.store.sessions import Sessions


@dataclass(frozen=True, slots=True)
class Claims:
    """Whom the provider vouches for."""

    issuer: str
    subject: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignIn:
    """Lets people in."""

    trip: RoundTrip
    people: People
    sessions: Sessions
    now: Callable[[], datetime] = field(repr=False)

    @property
    def provider(self) -> Provider | None:
        """Return who vouches for people; None where nobody signs in."""
        return self.trip.provider

    def leave(self) -> tuple[str, str]:
        """Return where to go to sign in, and the state that the browser keeps meanwhile."""
        return self.trip.leave()

    def arrive(self, kept: str, state: str, code: str, issuer: str | None) -> tuple[Claims, Person | None]:
        """Return whom the provider vouches for, and the person that is; `AccessRefused` as `RoundTrip.arrive` says."""
        said = self.trip.arrive(kept, state, code, issuer)
        claims = Claims(said["iss"], said["sub"])
        return claims, self.people.known_by(claims.issuer, claims.subject, beijing_day(self.now()))

    def person(self, token: str, *, used: bool = True) -> Person | None:
        """Return the person of a session, or None; not `used`, a page asked that renews itself, and the session gets no longer by it."""
        now = self.now()
        return self.sessions.person(token, now, beijing_day(now), used=used) if token else None

    def form_key(self, token: str) -> str:
        """Return what every form of a session carries, so that no other site can send one (CSRF)."""
        return self.trip.made("form", token)
