"""An identity service and host apps for tests: what a province's super-app does for the people who use it, over HTTP only."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from licence_service.exchange import GRANT, JWT
from licence_service.store.clients import HOST, Client
from tests.provider import Forger, forging
from tests.world import World, a_world

OPERATOR = "91519900MB9900011F"  # who runs the host apps
NAMES = (f"once-{number}" for number in itertools.count())


@dataclass(frozen=True)
class Somebody:
    """A person or a company as the identity service knows them."""

    number: str
    name: str
    kind: str = "person"
    more: dict[str, str] = field(default_factory=dict)


@dataclass
class HostApp:
    """A registered host app. It knows a holder by what the identity service hands it, and keeps nothing but tokens."""

    world: World
    identity: Forger
    name: str
    secret: str

    @property
    def itself(self) -> dict[str, str]:
        """Return the headers of its own requests: of what it asks for nobody in particular."""
        form = {"grant_type": "client_credentials", "client_id": self.name, "client_secret": self.secret}
        return {"Authorization": f"Bearer {self.world.http.post('/oauth/token', data=form).json()['access_token']}"}

    def assertion(self, who: Somebody, level: str = "3", **changed: Any) -> str:
        """Get an assertion from the identity service about somebody who is logged in."""
        now = int(self.world.clock().timestamp())
        said = {"iat": now, "exp": now + 300, "jti": next(NAMES), "holder_kind": who.kind, "id_number": who.number, "name": who.name, "acr": level}
        role = {"company_role": "legal_representative"} if who.kind == "company" else {}
        return self.identity.signed("", nonce=None, **{**said, **role, **who.more, **changed})

    def exchanged(self, who: Somebody, level: str = "3", *, delegation: str | None = None, **changed: Any) -> Any:
        """Exchange an assertion for a token; the HTTP answer."""
        form = {"grant_type": GRANT, "subject_token": self.assertion(who, level, **changed), "subject_token_type": JWT}
        more = {"delegation": delegation} if delegation else {}
        return self.world.http.post("/oauth/token", data={**form, **more}, auth=(self.name, self.secret))

    def get(self, path: str, acting: Mapping[str, str], **headers: str) -> Any:
        """Ask for something of a holder's."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.world.http.get(f"/holder{path}", headers={**acting, **more})

    def claim(self, headers: dict[str, str], **body: Any) -> Any:
        """Claim; what came of it."""
        answer = self.world.http.post("/holder/claims", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def acting(self, who: Somebody, level: str = "3", **more: Any) -> dict[str, str]:
        """Return the headers of a holder's requests."""
        answer = self.exchanged(who, level, **more)
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@dataclass
class Hosts:
    """A world with an identity service, in which host apps are registered."""

    world: World
    identity: Forger

    def app(self, name: str = "super-app", types: tuple[str, ...] = ("*",)) -> HostApp:
        """Register a host app, as an operator does."""
        secret = self.world.service.clients.add(Client(name, OPERATOR, types, 100_000, HOST), self.world.clock())
        return HostApp(self.world, self.identity, name, secret)


@contextmanager
def hosting(folder: Path, keys: Path, database_url: str | None = None, **more: Any) -> Iterator[Hosts]:
    """Open a world whose holders an identity service vouches for."""
    with forging() as identity:
        identity.client = "https://licence.example.cn"
        with a_world(folder, keys, database_url, identity_issuer=identity.issuer, **more) as world:
            yield Hosts(world, identity)
