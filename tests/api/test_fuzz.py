"""Every operation of the OpenAPI document under generated requests, with full, read-only and no rights.

No 5xx, nothing that the document does not say, no operation that forgets to ask who is calling.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from licence_service.store.clients import OFFICER, PLATFORM, READ, Client
from tests.api.test_isolation import HAILING, OWNER, Things, bearer, everything
from tests.api.test_offices import OTHER, SHUAN
from tests.histories import how_many
from tests.host import Somebody, hosting
from tests.world import DRIVER, NOW, World

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance, ignored_auth,
]  # fmt: skip
ANYBODYS = frozenset(
    {"verify", "download", "notes", "report-site", "oauth", "assertions", "S", "Q", "D", "L", "lent"}
)  # by a code, a signature, or telling only
READING = frozenset({("POST", "/licences/search")})  # what is sent by POST so that it stands in no address


def without_works(app: Any) -> Any:
    """Return an application whose works in the background are never begun: the library begins them and does not end them."""

    async def served(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        for ends in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{ends}.complete"})

    return served


@dataclass
class Fuzz:
    """A world with one of everything, and what was answered to generated requests."""

    world: World
    things: Things
    owner: dict[str, str]  # headers
    platform: dict[str, str]
    holder: dict[str, str]
    seen: dict[tuple[str, str], set[int]] = field(default_factory=lambda: defaultdict(set))

    def run(self, examples: int, checks: list[Any], rights: Mapping[str, dict[str, str]]) -> None:
        """Send generated requests to every operation, some about what there is; raise what was found, all of it.

        `rights` are headers by the first word of a path; `""` for all others.
        """
        schema = schemathesis.openapi.from_asgi("/openapi.json", without_works(self.world.http.app))
        found: list[Exception] = []
        operations = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
        operations.sort(key=lambda one: one.method.upper() == "DELETE")  # what there is, is there for the others
        assert len(operations) > 50
        for operation in operations:
            headers = rights.get(operation.path.split("/")[1] if operation.path != "/verify/batch" else "watch", rights.get("", {}))
            try:
                self._operation(operation, examples, checks, headers)
            except Exception as wrong:  # noqa: BLE001 - gathered, so that one operation does not hide the others
                found.append(wrong)
        if found:
            raise ExceptionGroup("operations that break or surprise", found)

    def _operation(self, operation: Any, examples: int, checks: list[Any], headers: dict[str, str]) -> None:
        known = {one.name: getattr(self.things, one.name) for one in fields(Things)} | {"event_id": self.things.event_id, "slug": HAILING}

        @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink])
        @given(case=operation.as_strategy(), real=st.booleans())
        def judged(case: schemathesis.Case[Any], real: bool) -> None:
            if real and case.path_parameters:
                case.path_parameters.update({name: known[name] for name in case.path_parameters if name in known})
            response = case.call_and_validate(checks=checks, headers=dict(headers))
            self.seen[operation.method.upper(), operation.path].add(response.status_code)

        judged()

    def done(self) -> set[tuple[str, str]]:
        """Return the operations that were carried out at least once."""
        return {operation for operation, statuses in self.seen.items() if any(200 <= one < 300 for one in statuses)}


def full(fuzz: Fuzz) -> dict[str, dict[str, str]]:
    """Return who may do everything: the owner's department, and for their operations officers, the owner of the list and the licence's holder."""
    officers = fuzz.world.service.clients.add(Client("officers", OTHER, ("*",), 100_000, OFFICER), NOW)
    return {"": fuzz.owner, "officer": bearer(officers), "watch": fuzz.platform, "holder": fuzz.holder, "D": {}, "lent": {}}


@pytest.fixture
def fuzz(tmp_path: Path, demo_keys: Path) -> Iterator[Fuzz]:
    """The world; what it has belongs to one client of the city's department, and the list to a platform."""
    with hosting(tmp_path, demo_keys, failures_before_slowing=1_000_000, webhook_networks="127.0.0.0/8") as hosts:
        world, app = hosts.world, hosts.app()
        owner = Client("owner", SHUAN, (HAILING, DRIVER), 100_000)
        platform = Client("platform", "91519902MB99000889", ("*",), 100_000, PLATFORM)
        owning, watching = (bearer(world.service.clients.add(one, NOW)) for one in (owner, platform))
        things = everything(world, owner, owning, owning, watching, lambda name: app.acting(Somebody(OWNER, name, "company")))
        world.service.follower.follow()  # a receipt rests on a closed head
        holder = app.acting(Somebody(OWNER, world.request(HAILING)["face"]["vehicle_owner"], "company"))
        yield Fuzz(world, things, owning, watching, holder)


def entered(world: World) -> int:
    """Return how many lines the book has."""
    return world.service.feed.lines.end()


def test_a_stranger_finds_no_operation_that_breaks_or_surprises(fuzz: Fuzz) -> None:
    before = entered(fuzz.world)
    fuzz.run(how_many(3, 30), [*CHECKS, unsupported_method], {})
    assert entered(fuzz.world) == before


def test_a_client_that_was_given_no_right_gets_no_further_than_a_stranger(fuzz: Fuzz) -> None:
    before = entered(fuzz.world)
    nothing = bearer(fuzz.world.service.clients.add(Client("nothing", SHUAN, (), 100_000, acts=()), NOW))
    fuzz.run(how_many(2, 30), CHECKS, {"": nothing})
    served = {path for _, path in fuzz.done() if path.split("/")[1] not in ANYBODYS}
    assert {path for path in served if "{" in path} <= {"/templates/{slug}"}, "templates are everybody's, nothing else that there is"
    assert entered(fuzz.world) == before


def test_who_may_do_everything_finds_no_operation_that_breaks_or_surprises(fuzz: Fuzz) -> None:
    fuzz.run(how_many(7, 50), CHECKS, full(fuzz))
    assert len(fuzz.done()) > 30


def test_who_may_only_read_finds_none_either_and_changes_nothing(fuzz: Fuzz) -> None:
    before = entered(fuzz.world)
    reading = Client("reader", SHUAN, ("*",), 100_000, acts=(READ,))
    fuzz.run(how_many(4, 30), CHECKS, {"": bearer(fuzz.world.service.clients.add(reading, NOW))})
    changing = {one for one in fuzz.done() if one[0] != "GET" and one[1].split("/")[1] not in ANYBODYS}
    assert changing <= READING
    assert any(path.startswith("/licences/{licence_id}") for _, path in fuzz.done())
    assert entered(fuzz.world) == before


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("known", [False, True])
def test_many_more_generated_requests_find_nothing_either(fuzz: Fuzz, known: bool) -> None:
    fuzz.run(150, CHECKS, full(fuzz) if known else {})
