"""What comes between the reservation of an act without a document and its entry: what was answered is what happens, now and later."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from licence_service.carrying import Done
from licence_service.errors import TransitionRefused, Unavailable
from licence_service.licence import Act, Entry, beijing_day
from licence_service.registrar import Registrar
from licence_service.store.book import Book
from licence_service.store.payload import Vault
from licence_service.store.record import Appendix
from licence_service.store.reservations import LEASE
from tests.world import DRIVER, PAYLOAD_KEY, World, decision


class Interrupted(Book):
    """The book, which lets something happen once before it enters an act."""

    meanwhile: list[Callable[[], object]]

    def append(self, entry: Entry, appendix: Appendix | None = None) -> Entry:
        if self.meanwhile:
            self.meanwhile.pop()()
        return super().append(entry, appendix)


def interrupted(world: World, meanwhile: Callable[[], object]) -> Registrar:
    """Return a registrar of the world whose first entry is preceded by something."""
    service = world.service
    book = Interrupted(service.database, Vault(bytes.fromhex(PAYLOAD_KEY)), world.clock)
    book.meanwhile = [meanwhile]
    return replace(service.registrar, line=replace(service.registrar.line, book=book))


def body(world: World, act: str, **more: Any) -> Mapping[str, Any]:
    """Return the request of an act today."""
    return {"act": act, "decision": decision(beijing_day(world.clock())), **more}


def suspend(world: World) -> Mapping[str, Any]:
    """Return the request of an open suspension."""
    return body(world, "suspend", suspension={"kind": "measure", "first": beijing_day(world.clock()).isoformat()})


def violation(world: World) -> Mapping[str, Any]:
    """Return the request of an endorsement that is not printed."""
    facts = {"date": beijing_day(world.clock()).isoformat(), "decision_no": "7", "act": "超员", "penalty": "罚款", "authority": "示例机关"}
    return body(world, "endorse", kind="violation", external_ref="v-7", facts=facts)


def acts(world: World, licence_id: str) -> list[Act]:
    """Return the acts in the book."""
    return [entry.act for entry in world.service.book.get(licence_id).entries]


def nothing_is_left_over(world: World, licence_id: str) -> None:
    """The worker finds nothing to carry, and the book stays as it is."""
    before = acts(world, licence_id)
    world.clock.now += LEASE + timedelta(seconds=1)  # type: ignore[attr-defined]
    assert world.service.registrar.finish() == 0
    assert world.service.reservations.unfinished(world.clock()) == []
    assert acts(world, licence_id) == before


@pytest.mark.rule("LC-01")
def test_an_act_that_was_refused_is_not_entered_later_by_the_worker(world: World) -> None:
    """Two lift the same suspension: the second is told no, and that stays so."""
    issued, client, registrar = world.issue(DRIVER)["licence_id"], world.client(DRIVER), world.service.registrar
    registrar.act(client, "suspend-01", issued, suspend(world))
    lift = body(world, "lift", target=2)
    late = interrupted(world, lambda: registrar.act(client, "lift-first", issued, lift))
    with pytest.raises(TransitionRefused):
        late.act(client, "lift-second", issued, lift)
    assert acts(world, issued) == [Act.ISSUE, Act.SUSPEND, Act.LIFT]
    nothing_is_left_over(world, issued)
    with pytest.raises(TransitionRefused):
        registrar.act(client, "lift-second", issued, lift)


@pytest.mark.rule("LC-01")
def test_an_act_that_is_carried_on_after_a_crash_takes_its_place_behind_one_that_comes_between(world: World) -> None:
    issued, client, registrar = world.issue(DRIVER)["licence_id"], world.client(DRIVER), world.service.registrar

    def dies() -> None:
        raise Unavailable

    with pytest.raises(Unavailable):
        interrupted(world, dies).act(client, "suspend-01", issued, suspend(world))
    world.clock.now += LEASE + timedelta(seconds=1)  # type: ignore[attr-defined]
    between = interrupted(world, lambda: registrar.act(client, "lost-00001", issued, body(world, "report_lost")))
    done = between.act(client, "suspend-01", issued, suspend(world))
    assert isinstance(done, Done)
    assert done.sequence == 3
    assert acts(world, issued) == [Act.ISSUE, Act.REPORT_LOST, Act.SUSPEND]
    nothing_is_left_over(world, issued)


@pytest.mark.rule("EN-08")
def test_one_fact_under_two_keys_at_once_is_one_endorsement_that_both_name(world: World) -> None:
    issued, client, registrar = world.issue(DRIVER)["licence_id"], world.client(DRIVER), world.service.registrar
    first: list[Any] = []
    late = interrupted(world, lambda: first.append(registrar.act(client, "fact-key-1", issued, violation(world))))
    second = late.act(client, "fact-key-2", issued, violation(world))
    assert isinstance(second, Done)
    assert second == first[0]
    assert acts(world, issued) == [Act.ISSUE, Act.ENDORSE]
    nothing_is_left_over(world, issued)
