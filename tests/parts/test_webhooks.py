"""Endpoints and deliveries on both databases: claims, order, several workers, and whatever comes between them."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from licence_service.errors import NotInRegister, RequestRejected
from licence_service.message import new_secret
from licence_service.store.database import Database
from licence_service.store.deliveries import DELIVERED, Attempt, Deliveries, Delivery, Outcome
from licence_service.store.events import EventLines, Reader
from licence_service.store.payload import Vault
from licence_service.store.webhooks import Webhook, Webhooks, Wish
from tests.parts.databases import KINDS, Clock, at_once, empty_postgres
from tests.receiver import Receiver, listening
from tests.world import DRIVER, World, a_world

LEASE = timedelta(seconds=60)


@pytest.fixture
def hooks(database: Database, vault: Vault) -> Webhooks:
    return Webhooks(database, vault)


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    url = empty_postgres(*map(request.getfixturevalue, ("postgres_address", "migrated_postgres"))) if request.param == "postgresql" else None
    with a_world(tmp_path, demo_keys, url, webhook_networks="127.0.0.0/8") as opened:
        yield opened


def added(hooks: Webhooks, clock: Clock, client: str = "a", url: str = "https://receiver.example.cn/") -> Webhook:
    return hooks.add(client, Wish(url, ("licence.issue",), ("x",)), new_secret(), 0, clock())


def test_an_endpoint_is_kept_as_it_was_said(hooks: Webhooks, clock: Clock) -> None:
    one = added(hooks, clock)

    assert hooks.get(one.webhook_id) == one == hooks.of("a")[0] == hooks.all()[0]
    assert hooks.of("b") == []
    assert one.wish == Wish("https://receiver.example.cn/", ("licence.issue",), ("x",))
    hooks.remove(one)
    hooks.remove(one)
    with pytest.raises(NotInRegister):
        hooks.get(one.webhook_id)
    with pytest.raises(NotInRegister):
        hooks.rotate(one, new_secret(), clock())


def test_of_several_that_are_added_at_once_no_address_is_twice_and_none_too_many(hooks: Webhooks, clock: Clock) -> None:
    same = at_once([lambda: added(hooks, clock) for _ in range(6)])
    others = at_once([lambda number=number: added(hooks, clock, url=f"https://r{number}.example.cn/") for number in range(12)])  # type: ignore[misc]

    assert sum(isinstance(one, Webhook) for one in same) == 1
    assert all(isinstance(one, (Webhook, RequestRejected)) for one in same + others)
    assert len(hooks.of("a")) == 10


def test_only_the_newest_two_secrets_sign(hooks: Webhooks, clock: Clock) -> None:
    one = added(hooks, clock)
    second, third = new_secret(), new_secret()
    hooks.rotate(one, second, clock() + LEASE)
    hooks.rotate(one, third, clock() + LEASE)

    found = hooks.get(one.webhook_id)
    assert found.signing(clock()) == [third, second]
    assert found.signing(clock() + LEASE) == [third]
    assert third not in repr(found)


def test_an_endpoint_is_claimed_by_one_until_it_is_released_or_the_lease_is_over(hooks: Webhooks, clock: Clock) -> None:
    one = added(hooks, clock)

    claims = at_once([lambda number=number: hooks.claim(one, f"c{number}", clock(), clock() + LEASE) for number in range(6)])  # type: ignore[misc]
    (winner,) = [number for number, found in enumerate(claims) if found]

    assert hooks.renew(one, f"c{winner}", clock() + LEASE)
    assert not hooks.renew(one, "other", clock() + LEASE)
    clock.forward(seconds=60)
    assert hooks.claim(one, "late", clock(), clock() + LEASE) is not None
    assert not hooks.renew(one, f"c{winner}", clock() + LEASE)
    hooks.release(one, "late", 3, clock(), clock() + LEASE)
    assert hooks.claim(one, "early", clock(), clock() + LEASE) is None
    clock.forward(seconds=60)
    again = hooks.claim(one, "rested", clock(), clock() + LEASE)
    assert again is not None
    assert again.failures == 3


def _story(world: World, count: int = 2) -> str:
    """Issue a licence, and report it lost and found."""
    licence_id: str = world.issue(DRIVER)["licence_id"]
    for number in range(count):
        assert world.act(DRIVER, licence_id, {"act": ("report_lost", "report_found")[number % 2]}, f"story-{number:04}").status_code == 201
    return licence_id


def _laid_out(world: World) -> tuple[Webhook, list[Delivery]]:
    """Return an endpoint with all events laid out under the claim `c`, and those that have their turn."""
    hooks, deliveries, now = world.service.hooks.webhooks, world.service.hooks.deliveries, world.clock()
    client = world.client(DRIVER)
    one = hooks.claim(hooks.add(client.name, Wish("http://127.0.0.1/"), new_secret(), 0, now), "c", now, now + LEASE)
    assert one
    lines, reached = EventLines(world.service.database).of(Reader(client.department), 0, 100)
    assert deliveries.lay_out(one, "c", lines, reached, now)
    return hooks.get(one.webhook_id), deliveries.turn(one, now, 10)


def _arrived(one: Delivery) -> Outcome:
    return Outcome(one, Attempt("then", 200, ""), DELIVERED, None)


def test_of_one_licence_only_the_first_that_waits_has_its_turn(world: World) -> None:
    _story(world)
    one, turn = _laid_out(world)
    deliveries: Deliveries = world.service.hooks.deliveries

    assert [each.line.body["sequence"] for each in turn] == [1]
    assert deliveries.settle(one, "c", [_arrived(turn[0])], world.clock())
    assert [each.line.body["sequence"] for each in deliveries.turn(one, world.clock(), 10)] == [2]


def test_whose_claim_is_lost_writes_nothing_more(world: World) -> None:
    _story(world)
    one, turn = _laid_out(world)
    deliveries: Deliveries = world.service.hooks.deliveries

    assert not deliveries.settle(one, "other", [_arrived(turn[0])], world.clock())
    assert not deliveries.lay_out(one, "other", [], 99, world.clock())
    assert deliveries.counts(one) == {"waiting": 3, "delivered": 0, "dead": 0}
    world.service.hooks.webhooks.remove(one)
    assert not deliveries.settle(one, "c", [_arrived(turn[0])], world.clock())


def test_a_replay_while_a_round_goes_on_is_not_undone_by_it(world: World) -> None:
    licence_id = _story(world)
    one, turn = _laid_out(world)
    deliveries: Deliveries = world.service.hooks.deliveries
    deliveries.settle(one, "c", [_arrived(turn[0])], world.clock())
    second = deliveries.turn(one, world.clock(), 10)
    deliveries.replay(one, 0, world.clock())

    assert not deliveries.lay_out(one, "c", [], one.looked + 1, world.clock())  # the book is looked at again from there
    deliveries.settle(one, "c", [_arrived(each) for each in second], world.clock())
    assert deliveries.turn(one, world.clock(), 10) == []  # first what is older is laid out again, so that order is kept
    again = world.service.hooks.webhooks.get(one.webhook_id)
    assert deliveries.lay_out(again, "c", [], one.looked, world.clock())
    (first,) = deliveries.turn(one, world.clock(), 10)
    assert first.event_id == f"{licence_id}-1"


def test_several_workers_deliver_everything_once_and_in_order(world: World) -> None:
    with listening(Receiver()) as receiver:
        client = world.client(DRIVER)
        hooks = world.service.hooks
        hooks.webhooks.add(client.name, Wish(receiver.url()), new_secret(), 0, world.clock())
        licence_id = _story(world, 8)

        at_once([world.service.courier.work for _ in range(4)])
        world.service.courier.work()

    assert [one.id for one in receiver.got] == [f"{licence_id}-{number}" for number in range(1, 10)]


@pytest.mark.parametrize("told", ["", "-", "x-1", "0" * 20 + "-1", "0" * 20 + "-99999999999999999999"])
def test_an_event_that_never_went_there_cannot_be_sent_again(world: World, told: str) -> None:
    one, _ = _laid_out(world)

    with pytest.raises(NotInRegister):
        world.service.hooks.resend(one, told)


def test_what_waits_and_what_moved_is_found_by_the_small_indexes(world: World) -> None:
    """A partial index answers only where the statement says its condition in so many words."""
    said: list[tuple[str, Any]] = []
    engine = world.service.database.engine
    _story(world)
    event.listen(engine, "before_cursor_execute", lambda *given: said.append((given[2], given[3])))
    _laid_out(world)
    world.service.hooks.webhooks.due(world.clock())
    world.service.courier.work()
    ours = [
        (statement, values)
        for statement, values in said
        if (statement.startswith("SELECT") and "next_at <=" in statement) or "'transfer'" in statement
    ]
    assert len(ours) >= 3
    if world.service.database.is_sqlite:
        with engine.connect() as connection:
            plans = "".join(str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()) for statement, values in ours)
        missing = [name for name in ("ix_webhook_deliveries_next", "ix_webhook_deliveries_turn", "ix_entries_moves") if name not in plans]
        assert missing == [], plans
    assert "webhook_deliveries.state = 'waiting'" in "".join(statement for statement, _ in ours)
