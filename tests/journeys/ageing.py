"""A register as it stood in March 2026: drivers cancelled for age and for other reasons, and the plan that brings some of them back."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from licence_service.campaign import Runner, read_file
from licence_service.identifiers import is_citizen_id
from licence_service.licence import beijing_day
from licence_service.service import Service
from tests.world import DRIVER, ROOT, World, a_world

ISSUED = datetime(2025, 6, 20, 4, 0, tzinfo=UTC)
CANCELLED = datetime(2025, 10, 9, 4, 0, tzinfo=UTC)
RUN = datetime(2026, 3, 24, 4, 0, tzinfo=UTC)
EFFECTIVE = date(2026, 3, 20)
PLANNER, APPROVER = "计划人甲", "批准人乙"
ACTED = "reinstate"


def citizen_id(birth: date, serial: int) -> str:
    """An invented number of region 5199, which is not assigned."""
    body = f"519902{birth:%Y%m%d}{serial:03d}"
    return next(body + last for last in "0123456789X" if is_citizen_id(body + last))


@dataclass
class Drivers:
    """The drivers of a world by a name of the test, with licence ids and numbers."""

    world: World
    ids: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)

    def issue(self, name: str, birth: date, driving_class: str | None = "A2", number: str | None = None) -> str:
        """Issue a qualification."""
        serial = 2 * len(self.ids) + 101
        mine = number or citizen_id(birth, serial)
        face = {"citizen_id": mine, "license_no": mine, "birth_date": birth.isoformat(), "sex": "1", "driving_class": driving_class}
        issued = self.world.issue(DRIVER, f"issue-{name}-01", case_no=f"CASE-{name}", face=face)
        self.ids[name], self.numbers[name] = issued["licence_id"], mine
        return str(issued["licence_id"])

    def act(self, name: str, **body: Any) -> dict[str, Any]:
        """Enter an act today."""
        answer = self.world.act(DRIVER, self.ids[name], body, f"{name}-{body['act']}-{len(self.entries(name))}")
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def entries(self, name: str) -> Any:
        """Return what stands in the book."""
        return self.world.service.book.get(self.ids[name]).entries

    def acts(self, name: str) -> list[str]:
        """Return the acts by name."""
        return [entry.act.value for entry in self.entries(name)]

    def named(self, rows: Iterable[Mapping[str, Any]], column: str) -> dict[str, Any]:
        """Return a column of a report by driver."""
        names = {licence_id: name for name, licence_id in self.ids.items()}
        return {names[row["licence_id"]]: row[column] for row in rows}


@contextmanager
def a_world_of(folder: Path, keys: Path, database_url: str | None = None) -> Iterator[World]:
    """Open a world that begins on the day of issue: what is recorded later cannot be recorded before."""
    with a_world(folder, keys, database_url, now=ISSUED) as world:
        yield world


def runner_of(service: Service) -> Runner:
    """Return the runner of a service, as the command line makes it."""
    return service.runner()


def set_day(world: World, now: datetime) -> date:
    """Move the world's clock."""
    world.clock.now = now  # type: ignore[attr-defined]
    return beijing_day(now)


def the_plan(folder: Path, drivers: Drivers, *, holders: Iterable[str], numbers: Iterable[str]) -> dict[str, Any]:
    """Return the documented example with this world's people in its lists."""
    home = folder / "campaign"
    shutil.copytree(ROOT / "docs" / "campaigns", home, dirs_exist_ok=True)
    for file, names in {"driving-licence-not-valid.txt": holders, "serious-accident.txt": numbers}.items():
        (home / file).write_text("\n".join(["# a remark", "", *(drivers.numbers[name] for name in names)]), "utf-8")
    return read_file(home / "age-ceiling-63.toml")


def a_few(world: World, count: int) -> Drivers:
    """Issue some drivers over 60, cancel them for age, and go to the day of the run."""
    drivers = Drivers(world)
    set_day(world, ISSUED)
    for number in range(count):
        drivers.issue(f"d{number}", date(1964, 5, 12 + number))
    drivers.issue("listed", date(1964, 8, 1))
    set_day(world, CANCELLED)
    for name in drivers.ids:
        drivers.act(name, act="cancel", ground="age")
    set_day(world, RUN)
    return drivers
