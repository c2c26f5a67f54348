"""The wallet as tests use it: a holder who is signed in, and one who walks through the door of a provider that says who they are."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from licence_service.store.holders import PERSON
from tests.host import Hosts, Somebody
from tests.provider import Forger, come_back, forging
from tests.world import World, a_world

HTML = {"Accept": "text/html"}
CLIENT = "licence-wallet"


@dataclass
class Purse:
    """A holder in the wallet. Sessions are begun at the store: signing in has tests of its own."""

    world: World
    holder_id: str
    token: str

    @property
    def cookie(self) -> dict[str, str]:
        return {"Cookie": f"wallet_session={self.token}", **HTML}

    @property
    def form_key(self) -> str:
        return self.world.service.wallet.form_key(self.token)

    def get(self, path: str, **headers: str) -> Any:
        return self.world.http.get(path, headers={**self.cookie, **headers}, follow_redirects=False)

    def post(self, path: str, form: Mapping[str, Any] | None = None, **headers: str) -> Any:
        whole = {"form_key": self.form_key, **(form or {})}
        return self.world.http.post(path, data=whole, headers={**self.cookie, **headers}, follow_redirects=False)


def purse(world: World, who: Somebody, level: str = "3", *, agent: Somebody | None = None) -> Purse:
    """Let a holder in; `agent` is the person who speaks for a company."""
    service, now = world.service, world.clock()
    holder_id = service.wallet.holders.known(who.kind, who.number, who.name, now)
    person = service.wallet.holders.known(PERSON, agent.number, agent.name, now) if agent else None
    if person:
        service.wallet.holders.speaks_for(holder_id, person)
    world.http.cookies.clear()
    return Purse(world, holder_id, service.wallet.sessions.begin(holder_id, person, int(level), now))


@contextmanager
def wallet_world(folder: Path, keys: Path, **more: Any) -> Iterator[Hosts]:
    """Open a world whose wallet people sign in to at an identity service; its clock begins now, since the service's own runs."""
    with forging() as identity:
        identity.client = CLIENT
        told: dict[str, Any] = {
            "identity_issuer": identity.issuer,
            "wallet_client_id": CLIENT,
            "public_url": "http://testserver",
            "now": datetime.now(UTC),
        }
        with a_world(folder, keys, **{**told, **more}) as world:
            yield Hosts(world, identity)


def says(identity: Forger, who: Somebody, level: str = "3", **changed: Any) -> None:
    """Let the identity service say who comes from now on."""
    claims = {"holder_kind": who.kind, "id_number": who.number, "name": who.name, "acr": level, **who.more, **changed}
    identity.token = lambda forger, nonce: forger.signed(nonce, **claims)


def sign_in(hosts: Hosts, door: str = "/wallet/sign-in") -> Any:
    """Walk through the door; return the answer to coming back."""
    hosts.world.clock.now = datetime.now(UTC)  # type: ignore[attr-defined]
    left = hosts.world.http.get(door, follow_redirects=False)
    assert left.status_code == 303, left.text
    asked = parse_qs(urlsplit(left.headers["location"]).query)
    hosts.identity.nonce = asked["nonce"][0]
    return come_back(hosts.world, f"{asked['redirect_uri'][0]}?state={asked['state'][0]}&code=a-code")
