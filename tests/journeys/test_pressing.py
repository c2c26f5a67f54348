"""Many pages through the press: what stops a chunk, and what becomes of the acts in it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from licence_service.carrying import Done
from licence_service.chunks import PART, Chunks
from licence_service.document import Printer
from licence_service.document.press import Job, Outcome
from licence_service.errors import PageDisagrees, SealStopped, TransitionRefused
from licence_service.pressing import AT_ONCE
from tests.journeys.test_chunks import issued, rows
from tests.world import DRIVER, World


@dataclass
class Wrong:
    """A printer of which one page, the so-and-so-many-th, does not say what its face says."""

    real: Printer
    wrong: int
    met: int = 0

    def __getattr__(self, name: str) -> Any:
        """Do everything else as the real one."""
        return getattr(self.real, name)

    def press_all(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Print, but for the one."""
        found = self.real.press_all(jobs)
        first, self.met = self.met, self.met + len(jobs)
        return [PageDisagrees("a test") if first + at == self.wrong else one for at, one in enumerate(found)]


def with_wrong_page(world: World, at: int) -> Chunks:
    """Return the chunks of a service whose press is at odds once."""
    registrar = world.service.registrar
    printer: Any = Wrong(registrar.line.printer, at)
    return replace(world.service.chunks, registrar=replace(registrar, line=replace(registrar.line, printer=printer)))


@pytest.mark.parametrize("wrong", [1, AT_ONCE + 2])
def test_a_page_at_odds_with_its_face_stops_the_chunk_and_closes_its_own_act_alone(world: World, wrong: int) -> None:
    given = rows(world, count=AT_ONCE + 4)
    with pytest.raises(PageDisagrees):
        with_wrong_page(world, wrong).issue(world.client(DRIVER), given)
    assert not list(world.service.book.all_ids())
    assert not list(world.service.seal_log.uses()), "the seal was not asked for any of them"
    again = issued(world, DRIVER, given)
    assert isinstance(again[wrong], TransitionRefused)
    assert all(isinstance(one, Done) for at, one in enumerate(again) if at != wrong)
    assert len(list(world.service.book.all_ids())) == len(given) - 1


def test_a_page_at_odds_in_a_later_part_of_a_chunk_lets_nothing_of_it_be_entered(world: World) -> None:
    given = rows(world, count=PART + 4)
    with pytest.raises(PageDisagrees):
        with_wrong_page(world, PART + 2).issue(world.client(DRIVER), given)
    assert not list(world.service.book.all_ids())
    uses = [(use["event"], use.get("reason")) for use in world.service.seal_log.uses()]
    assert uses == [("requested", None)] * PART + [("failed", "given-up")] * PART, "the first part was asked for, and never signed"
    again = issued(world, DRIVER, given)
    assert isinstance(again[PART + 2], TransitionRefused)
    assert sum(isinstance(one, Done) for one in again) == len(given) - 1 == len(list(world.service.book.all_ids()))


def test_a_seal_that_is_stopped_between_the_parts_of_a_chunk_lets_nothing_of_it_be_entered(world: World) -> None:
    seal = world.service.keyring.departments[world.client(DRIVER).department].seal.seal_id
    steps: list[str] = []

    def stopping(step: str) -> None:
        steps.append(step)
        if steps.count("draw") == 2 and step == "draw":
            world.service.seal_log.order(seal, stopped=True, at=world.clock(), by="an officer", reason="a drill")

    given = rows(world, count=PART + 4)
    stopped = replace(world.service.chunks, step=stopping).issue(world.client(DRIVER), given)
    assert {type(one) for one in stopped} == {SealStopped}
    assert not list(world.service.book.all_ids())
    world.service.seal_log.order(seal, stopped=False, at=world.clock(), by="an officer", reason="over")
    assert all(isinstance(one, Done) for one in issued(world, DRIVER, given))
    assert len(list(world.service.book.all_ids())) == len(given)
