"""A holder with cards, as tests of showing and lending use them: known through a host app, cards kept at the store (claiming has tests of its own)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from licence_service.licence import beijing_day
from licence_service.store.cards import Scope
from licence_service.store.clients import EVERY_TYPE, OFFICER, Client
from tests.host import HostApp, Hosts, Somebody, hosting
from tests.world import DRIVER, NOW, World

POLICE = "11519900MB9900099X"
BUYER = Somebody("91519902MA99011003", "蜀安示例运输有限公司", "company")


@dataclass
class Owner:
    """A holder, the host app through which they come, and one licence that is their card."""

    hosts: Hosts
    app: HostApp
    who: Somebody
    licence: dict[str, Any]
    slug: str = DRIVER
    log_in: str = "log-in-1"  # as the identity service names it
    headers: dict[str, str] = field(init=False)
    holder_id: str = field(init=False)

    def __post_init__(self) -> None:
        """Exchange an assertion, and keep the licence."""
        answer = self.app.exchanged(self.who, sid=self.log_in)
        assert answer.status_code == 200, answer.text
        self.headers, self.holder_id = {"Authorization": f"Bearer {answer.json()['access_token']}"}, answer.json()["holder"]
        self.keep(self.licence["licence_id"])

    @property
    def world(self) -> World:
        return self.hosts.world

    @property
    def http(self) -> Any:
        return self.world.http

    @property
    def licence_id(self) -> str:
        return str(self.licence["licence_id"])

    def keep(self, licence_id: str) -> None:
        """Keep a licence as a card."""
        service = self.world.service
        cards = service.holder_desk.cards
        named = cards.holder_on(service.book.get(licence_id))
        assert named
        cards.kept.keep(Scope(self.holder_id), licence_id, cards.kept.held_by(named), "identity", None, self.holder_id, service.now())

    def again(self) -> None:
        """Come again with a new token of the same log-in: tokens live ten minutes."""
        answer = self.app.exchanged(self.who, sid=self.log_in)
        self.headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def code(self, licence_id: str = "", **body: Any) -> dict[str, Any]:
        """Make a show code."""
        answer = self.http.post(f"/holder/cards/{licence_id or self.licence_id}/show-codes", json=body, headers=self.headers)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def scan(self, code: dict[str, Any], checker: str = "c" * 16, **more: Any) -> dict[str, Any]:
        """Scan a code as the public and return what is answered."""
        answer = self.http.post(f"/D/1{code['digits']}", json={"checker": checker, **more})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def give_back(self) -> None:
        """Give the card back."""
        assert self.http.delete(f"/holder/cards/{self.licence_id}", headers=self.headers).status_code == 204

    def sell(self) -> None:
        """Enter another holder on the licence."""
        template = self.world.service.catalogue.in_force(self.slug, beijing_day(self.world.clock()))
        self.act("correct", face={str(template.holder_id): BUYER.number, template.holder_name: BUYER.name})

    def act(self, act: str, **more: Any) -> None:
        """Enter an act on the licence."""
        answer = self.world.act(self.slug, self.licence_id, {"act": act, **more}, f"{act}-{self.licence_id}")
        assert answer.status_code == 201, answer.text


def officers(world: World, name: str = "police") -> dict[str, str]:
    """Let a system of officers in and return its headers."""
    return {"Authorization": f"Bearer {world.service.clients.add(Client(name, POLICE, (EVERY_TYPE,), 1000, OFFICER), NOW)}"}


@contextmanager
def owning(folder: Path, keys: Path, database_url: str | None = None, slug: str = DRIVER, **more: Any) -> Iterator[Owner]:
    """Open a world with a holder who keeps one licence."""
    with hosting(folder, keys, database_url, **more) as hosts:
        licence = hosts.world.issue(slug, "issue-0001")
        yield Owner(hosts, hosts.app(), somebody(hosts.world, slug), licence, slug)


def somebody(world: World, slug: str) -> Somebody:
    """Return whom a sample's licence names."""
    template, face = world.moved(slug).template, world.request(slug)["face"]
    number = face[template.holder_id] if template.holder_id else "91519902MA99011003"
    return Somebody(str(number), str(face[template.holder_name]), "person" if template.holder == "person" else "company")
