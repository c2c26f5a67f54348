"""The gate under many at once: fifty approval systems, two real servers, one PostgreSQL. What the ceiling lets through is sealed, what it does not is kept."""

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from licence_service.app import served
from licence_service.store.clients import Client
from tests.parts.databases import at_once, empty_postgres
from tests.serving import serving
from tests.world import BUSINESS, NOW, TRIP, Clock, World, a_world

CLIENTS, CEILING, OWN_CEILING = 50, 20, 10


@dataclass
class Gate:
    """Two services with the same register, each behind a server of its own."""

    worlds: tuple[World, World]
    ports: tuple[int, int]

    def later(self) -> None:
        """Let an hour go by on both."""
        for world in self.worlds:
            assert isinstance(world.clock, Clock)
            world.clock.now += timedelta(hours=1)

    @contextmanager
    def systems(self, slug: str, count: int, ceiling: int) -> Iterator[list["System"]]:
        """Let systems of a type's department in; every second one asks the second server."""
        world = self.worlds[0]
        department = world.client(slug).department
        with ExitStack() as opened:
            made = []
            for number in range(count):
                secret = world.service.clients.add(Client(f"system-{number}", department, ("*",), ceiling), NOW)
                line = opened.enter_context(httpx2.Client(base_url=f"http://127.0.0.1:{self.ports[number % 2]}", timeout=120))
                made.append(System(f"system-{number}", secret, line))
            yield made


@dataclass
class System:
    """One approval system, on a line of its own."""

    name: str
    secret: str = field(repr=False)
    line: httpx2.Client

    def sign_in(self) -> None:
        """Get a token; it is good for ten minutes."""
        answer = self.line.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=(self.name, self.secret))
        assert answer.status_code == 200, answer.text
        self.line.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def issue(self, said: Mapping[str, Any]) -> httpx2.Response:
        """Ask for a licence; the same body comes under the same key."""
        return self.line.post("/licences", json=said, headers={"Idempotency-Key": f"key-{said['case_no']}"})

    def case(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return the state line of a body's case."""
        answer = self.line.get(f"/cases/{said['case_no']}")
        assert answer.status_code == 200, answer.text
        (one,) = answer.json()["issues"]
        return dict(one)


@pytest.fixture
def gate(tmp_path: Path, demo_keys: Path, postgres_address: str, migrated_postgres: str) -> Iterator[Gate]:
    keys = Path(shutil.copytree(demo_keys, tmp_path / "keys"))
    for file in keys.glob("*/seal.toml"):
        file.write_text(file.read_text("utf-8").replace("unattended = true", f"unattended = true\nhourly_ceiling = {CEILING}"), "utf-8")
    url = empty_postgres(postgres_address, migrated_postgres)
    with ExitStack() as opened:
        first = opened.enter_context(a_world(tmp_path / "service", keys, url))
        second = opened.enter_context(a_world(tmp_path / "service", keys, url, first.tokens))
        ports = [opened.enter_context(serving(served(one.service))) for one in (first, second)]
        yield Gate((first, second), (ports[0], ports[1]))


def bodies(world: World, slug: str) -> list[dict[str, Any]]:
    """Return one request for each of fifty."""
    return [world.request(slug, case_no=f"GATE-{number}", face={"license_no": f"5199002611{number:02}"}) for number in range(CLIENTS)]


def all_at_once(asking: Iterable[tuple[System, Mapping[str, Any]]]) -> list[httpx2.Response]:
    """Let every system ask in the same moment; return the answers in order."""
    answers = at_once([lambda system=system, said=said: system.issue(said) for system, said in asking])  # type: ignore[misc]
    assert not [one for one in answers if isinstance(one, Exception)], answers
    return [one for one in answers if not isinstance(one, Exception)]


@pytest.mark.rule("AI-05")
def test_the_ceiling_holds_under_fifty_parallel_clients_and_nobody_is_lost(gate: Gate) -> None:
    world = gate.worlds[0]
    service, wanted = world.service, bodies(world, TRIP)
    with gate.systems(TRIP, CLIENTS, 1000) as systems:

        def signed_in() -> list[tuple[System, dict[str, Any]]]:
            for one in systems:
                one.sign_in()
            return list(zip(systems, wanted, strict=True))

        def states() -> Counter[tuple[str, str | None, str | None]]:
            found = [system.case(said) for system, said in signed_in()]
            return Counter((one["state"], one["waits_on"], one["reason"]) for one in found)

        answers = all_at_once(signed_in())
        assert Counter(one.status_code for one in answers) == {201: CEILING, 202: CLIENTS - CEILING}
        assert {one.json()["waits_for"] for one in answers if one.status_code == 202} == {"seal-braked"}
        assert len(list(service.book.all_ids())) == len([use for use in service.seal_log.uses() if use["event"] == "done"]) == CEILING
        assert states() == {("registered", None, None): CEILING, ("approved", "seal", "seal-braked"): CLIENTS - CEILING}
        insisting = all_at_once(signed_in())
        assert [one.json() for one in insisting] == [one.json() for one in answers]  # within the hour nothing moves

        gate.later()
        assert sum(_finished(one) for one in gate.worlds) == CEILING
        assert states()["registered", None, None] == 2 * CEILING
        gate.later()
        last = [system.issue(said) for system, said in signed_in()]
        assert [one.status_code for one in last] == [201] * CLIENTS
        ids = [one.json()["licence_id"] for one in last]
        assert ids == [one.json()["licence_id"] for one in answers], "what waited is what it was promised to be"
        assert set(ids) == set(service.book.all_ids())
        assert len(set(ids)) == Counter(use["event"] for use in service.seal_log.uses())["done"] == CLIENTS
        assert not list(service.auditor.audit())


@pytest.mark.rule("AI-05")
def test_a_systems_own_ceiling_holds_though_it_asks_fifty_times_at_once_and_what_was_refused_may_come_again(gate: Gate) -> None:
    world = gate.worlds[0]
    wanted = bodies(world, BUSINESS)
    with gate.systems(BUSINESS, 1, OWN_CEILING) as (system,):
        system.sign_in()
        answers = all_at_once((system, said) for said in wanted)
        assert Counter(one.status_code for one in answers) == {201: OWN_CEILING, 429: CLIENTS - OWN_CEILING}
        assert len(list(world.service.book.all_ids())) == OWN_CEILING
        refused = [said for said, one in zip(wanted, answers, strict=True) if one.status_code == 429]
        assert {(one["state"], one["reason"]) for one in map(system.case, refused)} == {("refused", "ceiling-reached")}

        gate.later()
        gate.later()
        system.sign_in()
        assert [system.issue(said).status_code for said in refused[:OWN_CEILING]] == [201] * OWN_CEILING
        assert [one["step"] for one in system.case(refused[0])["steps"]][:3] == ["received", "refused", "approved"]
        assert system.issue(refused[-1]).status_code == 429


def _finished(world: World) -> int:
    return world.service.registrar.finish()
