"""A world that reports to a simulated repository: a real server on this machine."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from licence_service.outbound import Poster
from licence_service.repository import Reconciler
from licence_service.targets import read_networks
from simulators.repository import Repository, listening
from tests.world import DRIVER, World, a_world

TOKEN, SECRET = "a-token-of-tests", "a secret of tests"
SILENCE = 0.6  # seconds for which a silent repository says nothing


@contextmanager
def reporting_world(folder: Path, keys: Path, database_url: str | None = None, **more: Any) -> Iterator[tuple[World, Repository]]:
    """Open a world whose repository is simulated; `faults`, `rate`, `seed` are the simulator's."""
    said = {name: more.pop(name) for name in ("faults", "rate", "seed") if name in more}
    repository = Repository(TOKEN, SECRET.encode(), silence=SILENCE, **said)
    with (
        listening(repository) as url,
        a_world(
            folder,
            keys,
            database_url,
            repository_url=url,
            repository_token=TOKEN,
            repository_secret=SECRET,
            repository_networks="127.0.0.0/8",
            **more,
        ) as world,
    ):
        repository.clock = world.clock
        yield world, repository


def reconciler(world: World, patience: float = 60.0) -> Reconciler:
    """Return the world's reconciler, which waits so many seconds for an answer."""
    found = world.service.repository
    assert found
    object.__setattr__(found.reporter.wire, "poster", Poster(read_networks("127.0.0.0/8"), patience))
    return found


def citizen(number: int) -> str:
    """Return a fictional ID number with its check character (GB 11643)."""
    first = f"51990219850612{2 * number + 1:03}"
    return first + "10X98765432"[sum(int(digit) * 2 ** (17 - place) for place, digit in enumerate(first)) % 11]


def issue(world: World, number: int, **changed: Any) -> str:
    """Issue a licence of a driver of its own."""
    face = {"citizen_id": citizen(number), "license_no": citizen(number)}
    licence_id: str = world.issue(DRIVER, f"driver-{number:04}", face=face, **{"case_no": f"SA-R{number}", **changed})["licence_id"]
    return licence_id


def report_all(world: World) -> None:
    """Report until nothing waits; pauses pass at once."""
    found = reconciler(world)
    for _ in range(100):
        found.reporter.work()
        if found.reporter.lines.counts()["waiting"] == 0 and found.reporter.lines.behind() == 0:
            return
        world.clock.now += timedelta(minutes=5)  # type: ignore[attr-defined]
    raise AssertionError("something waits for ever")


def open_in_ledger(world: World) -> set[tuple[str, str]]:
    """Return kind and licence of every open difference."""
    return {(one.found.kind, one.found.licence_id) for one in reconciler(world).ledger.open()}


def dumped(repository: Repository) -> str:
    """Return all that a repository was ever sent."""
    return json.dumps(repository.got, ensure_ascii=False)
