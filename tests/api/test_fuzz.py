"""Every operation of the OpenAPI document under generated requests: no 5xx, nothing that the document does not say."""

from collections.abc import Mapping
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
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

from tests.world import VEHICLE, World

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance]


def run(world: World, examples: int, checks: list[Any], headers: Mapping[str, str]) -> None:
    """Send generated requests to every operation; raise what was found, all of it."""
    world.issue(VEHICLE)
    world.service.follower.follow()  # a receipt rests on a closed head
    schema = schemathesis.openapi.from_asgi("/openapi.json", world.http.app)
    found: list[Exception] = []
    operations = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    assert len(operations) > 15

    for operation in operations:

        @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink])
        @given(case=operation.as_strategy())
        def judged(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(checks=checks, headers=dict(headers))

        try:
            judged()
        except Exception as wrong:  # noqa: BLE001 - gathered, so that one operation does not hide the others
            found.append(wrong)
    if found:
        raise ExceptionGroup("operations that break or surprise", found)


def test_a_stranger_finds_no_operation_that_breaks_or_surprises(world: World) -> None:
    run(world, 6, [*CHECKS, unsupported_method, ignored_auth], {})


def test_a_client_finds_no_operation_that_breaks_or_surprises(world: World) -> None:
    run(world, 8, CHECKS, world.headers(VEHICLE))


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("known", [False, True])
def test_many_more_generated_requests_find_nothing_either(world: World, known: bool) -> None:
    run(world, 150, CHECKS, world.headers(VEHICLE) if known else {})
