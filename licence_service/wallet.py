"""Our own wallet: holders sign in with the province's identity service, and act for themselves or under a company's delegation (DOMAIN SH-13).

A session names who signed in and under what they act, and says never whether they may: the delegation is looked up anew with every request.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from licence_service.errors import NotInRegister
from licence_service.holding import Holding
from licence_service.identity import PERSON, Reading
from licence_service.licence import beijing_day
from licence_service.round_trip import Provider, RoundTrip
from licence_service.store.delegations import Delegation, Delegations
from licence_service.store.holder_sessions import HolderSessions, Kept
from licence_service.store.holders import COMPANY, Holder, Holders
from licence_service.store.payload import Vault


class DelegationOver(Exception):  # noqa: N818 - a fact
    """The delegation under which a session acts holds no more: its end came, or the company ended it.

    `own` is who signed in, acting for themselves. Nothing is done for them either before they have been told.
    """

    def __init__(self, own: Holding, company: str) -> None:
        """Take who signed in, and the name of the company."""
        super().__init__("the delegation is over")
        self.own, self.company = own, company


@dataclass(frozen=True, slots=True)
class WalletDoor:
    """Lets holders in. With the `vault` an address carries what only this service can read."""

    trip: RoundTrip
    reading: Reading
    holders: Holders
    delegations: Delegations
    sessions: HolderSessions
    vault: Vault = field(repr=False)
    now: Callable[[], datetime] = field(repr=False)

    @property
    def provider(self) -> Provider | None:
        """Return who vouches for holders; None where nobody signs in."""
        return self.trip.provider

    def arrive(self, kept: str, state: str, code: str, issuer: str | None) -> str:
        """Take in who comes back from the identity service; return the token of their session.

        `AccessRefused` as `RoundTrip.arrive` says, `NotIdentified` where it says of them too little to hold a licence.
        """
        identity = self.reading.identity(self.trip.arrive(kept, state, code, issuer))
        now = self.now()
        holder_id = self.holders.known(identity.kind, identity.number, identity.name, now)
        person = self.holders.known(PERSON, *identity.agent, now) if identity.agent else None
        if person:
            self.holders.speaks_for(holder_id, person)
        return self.sessions.begin(holder_id, person, identity.level, now)

    def holding(self, token: str, *, used: bool = True) -> Holding | None:
        """Return who acts for which holder in a session, or None; not `used`, a page asked that renews itself.

        `DelegationOver` where they acted under a delegation that is over, until they go on as somebody else (`act_under`).
        """
        kept = self.sessions.kept(token, self.now(), used=used) if token else None
        if kept is None:
            return None
        if kept.delegation is None:
            return _own(kept)
        given = self._given(kept, kept.delegation)
        if given is None:
            raise DelegationOver(_own(kept), self.holders.identity(self.delegations.company_of(kept.delegation))[1])
        company = Holder(given.company, COMPANY, kept.level)
        return Holding(company, kept.showing, None, given.acts, kept.holder_id, given.delegation_id, given.types, given.licences)

    def themselves(self, token: str) -> Holding | None:
        """Return who signed in, acting for themselves, whoever they act for in the session; None where it is over."""
        kept = self.sessions.kept(token, self.now()) if token else None
        return _own(kept) if kept else None

    def act_under(self, token: str, delegation_id: str | None) -> None:
        """Let a session act under a delegation, or for who signed in again; `NotInRegister` where there is no such delegation to them today."""
        kept = self.sessions.kept(token, self.now())
        if kept is None or (delegation_id is not None and self._given(kept, delegation_id) is None):
            raise NotInRegister
        self.sessions.act_under(token, delegation_id)

    def companies(self, holding: Holding) -> list[tuple[Delegation, str]]:
        """Return the delegations that who signed in may act under today, each with the name of the company."""
        if holding.holder.kind == COMPANY and holding.delegation is None:
            return []
        name, today = self.holders.identity(holding.by)[1], beijing_day(self.now())
        living = (one for one in self.delegations.held(holding.by) if one.holds_on(today) and one.names(name))
        return [(one, self.holders.identity(one.company)[1]) for one in living]

    def form_key(self, token: str) -> str:
        """Return what every form of a session carries, so that no other site can send one (CSRF)."""
        return self.trip.made("form", token)

    def _given(self, kept: Kept, delegation_id: str) -> Delegation | None:
        """Return a delegation to the person who signed in that holds today, where the company named them as the identity service does."""
        if kept.kind != PERSON:
            return None
        return self.delegations.living(delegation_id, kept.holder_id, self.holders.identity(kept.holder_id)[1], beijing_day(self.now()))


def _own(kept: Kept) -> Holding:
    return Holding(Holder(kept.holder_id, kept.kind, kept.level), kept.showing, None, person=kept.person)
