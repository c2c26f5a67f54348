"""What comes between the reservation of an act without a document and its entry: what was answered is what happens, now and later."""

from collections.abc import Callable, Mapping, Sequence
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
from licence_service.store.record import Appendix, Record
from licence_service.store.reservations import LEASE
from tests.world import DRIVER, PAYLOAD_KEY, World, decision


class Interrupted(Book):
    """The book, which lets something happen once before it enters an act."""

    meanwhile: list[Callable[[], object]]
    looking: list[Callable[[], object]]  # the same before it is read
    entering: tuple[Entry, Appendix | None]

    def get(self, licence_id: str) -> Record:
        if self.looking:
            self.looking.pop()()
        return super().get(licence_id)

    def append(self, entry: Entry, appendix: Appendix | None = None) -> Entry:
        self.entering = entry, appendix
        if self.meanwhile:
            self.meanwhile.pop()()
        return super().append(entry, appendix)


def interrupted(world: World, *meanwhile: Callable[[], object], looking: Sequence[Callable[[], object]] = ()) -> Registrar:
    """Return a registrar of the world whose first entry, or whose first looks, are preceded by something."""
    service = world.service
    book = Interrupted(service.database, Vault(bytes.fromhex(PAYLOAD_KEY)), world.clock)
    book.meanwhile, book.looking = [*meanwhile], [*looking]
    return replace(service.registrar, line=replace(service.registrar.line, book=book))


def dies() -> None:
    """Leave a reservation behind, as a crash does."""
    raise Unavailable


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


@pytest.mark.rule("EN-08")
def test_a_fact_left_behind_by_a_crash_and_entered_under_another_key_is_given_up_by_the_worker(world: World) -> None:
    issued, client, registrar = world.issue(DRIVER)["licence_id"], world.client(DRIVER), world.service.registrar
    with pytest.raises(Unavailable):
        interrupted(world, dies).act(client, "fact-key-1", issued, violation(world))
    registrar.act(client, "fact-key-2", issued, violation(world))
    world.clock.now += LEASE + timedelta(seconds=1)  # type: ignore[attr-defined]
    with pytest.raises(TransitionRefused):
        registrar.finish()
    assert acts(world, issued) == [Act.ISSUE, Act.ENDORSE]
    nothing_is_left_over(world, issued)


@pytest.mark.rule("LC-01")
def test_a_slow_act_that_was_carried_to_its_end_meanwhile_is_answered_with_its_entry(world: World) -> None:
    """The table says no to a second lifting, but it is the same one."""
    issued, client, registrar = world.issue(DRIVER)["licence_id"], world.client(DRIVER), world.service.registrar
    registrar.act(client, "suspend-01", issued, suspend(world))
    lift = body(world, "lift", target=2)

    def its_lease_ends() -> None:
        world.clock.now += LEASE + timedelta(seconds=1)  # type: ignore[attr-defined]
        assert registrar.finish() == 1

    done = interrupted(world, its_lease_ends).act(client, "lift-00001", issued, lift)
    assert isinstance(done, Done)
    assert done.sequence == 3
    assert acts(world, issued) == [Act.ISSUE, Act.SUSPEND, Act.LIFT]
    nothing_is_left_over(world, issued)


@pytest.mark.rule("LC-01")
def test_an_act_that_its_slow_holder_enters_just_now_is_not_refused_to_who_carries_it_on(world: World) -> None:
    issued, client, registrar = world.issue(DRIVER)["licence_id"], world.client(DRIVER), world.service.registrar
    registrar.act(client, "suspend-01", issued, suspend(world))
    lift = body(world, "lift", target=2)
    answers: list[Any] = []

    def carried_on() -> None:
        world.clock.now += LEASE + timedelta(seconds=1)  # type: ignore[attr-defined]
        answers.append(carrying.act(client, "lift-00001", issued, lift))

    def entered_first() -> None:
        book = slow.line.book
        assert isinstance(book, Interrupted)
        book.append(*book.entering)

    slow = interrupted(world, carried_on)
    carrying = interrupted(world, looking=[entered_first, lambda: None])  # the last one first: the look before the reservation is found
    done = slow.act(client, "lift-00001", issued, lift)
    assert answers == [done]
    assert acts(world, issued) == [Act.ISSUE, Act.SUSPEND, Act.LIFT]
    nothing_is_left_over(world, issued)
