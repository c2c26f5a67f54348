"""Watched lists: exactly the rows whose answer changed, once, across restarts, on both databases (SH-14)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from licence_service.bulk import watched
from licence_service.licence import beijing_day
from licence_service.store.clients import EVERY_TYPE, PLATFORM, Client
from licence_service.store.database import Database
from licence_service.store.tables_of_bulk import watch_changes, watch_lists, watch_rows
from licence_service.store.watchlists import Telling
from tests.parts.databases import at_once
from tests.world import DRIVER, NOW, World, a_world

CAR = "ride_hailing_transport_certificate"
COMPANY = "91519900MB9900121C"
LIST = "/watch/drivers"


@dataclass
class Fleet:
    """A world with two vehicles and a platform that watches them."""

    world: World
    token: str
    first: dict[str, Any] = field(default_factory=dict)
    second: dict[str, Any] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def plate(self) -> str:
        return str(self.world.request(CAR)["face"]["plate_no"])

    def issue(self, number: int) -> dict[str, Any]:
        """Issue a vehicle's licence."""
        changed = {"license_no": self.number(number)}
        issued = self.world.issue(CAR, f"vehicle-{number}", face=changed, case_no=f"SA-V{number}")
        return {**issued, "plate": self.plate}

    def number(self, number: int) -> str:
        """Return the number of a vehicle's licence: the sample's with another last digit."""
        return re.sub(r"[0-9](?=[^0-9]*$)", str(number), str(self.world.request(CAR)["face"]["license_no"]))

    def row(self, issued: dict[str, Any], ref: str) -> dict[str, str]:
        return {"ref": ref, "number": issued["number"], "plate": issued["plate"]}

    def put(self, *rows: dict[str, Any], path: str = LIST) -> Any:
        answer = self.world.http.put(path, json={"rows": list(rows)}, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer

    def changes(self, after: str | None = None, path: str = LIST) -> tuple[list[tuple[str, str]], str]:
        """Return what changed as (ref, state or word), and the cursor."""
        answer = self.world.http.get(f"{path}/changes", params={"after": after} if after else {}, headers=self.headers)
        assert answer.status_code == 200, answer.text
        said = answer.json()
        assert said["more"] is False
        return [(one["ref"], one["overall"]) for one in said["changes"]], said["cursor"]

    def suspend(self, issued: dict[str, Any], days: int | None = 10, key: str = "suspend-0001", start: int = 0) -> None:
        """Suspend a licence for some days from some day on."""
        first = beijing_day(self.world.clock()) + timedelta(days=start)
        last = {"last": (first + timedelta(days=days - 1)).isoformat()} if days else {}
        body = {"act": "suspend", "suspension": {"kind": "penalty", "first": first.isoformat(), **last}}
        answer = self.world.act(CAR, issued["licence_id"], body, key)
        assert answer.status_code == 201, answer.text

    def forward(self, **step: int) -> None:
        self.world.clock.now += timedelta(**step)  # type: ignore[attr-defined]


def opened(world: World) -> Fleet:
    token = world.service.clients.add(Client("fleet", COMPANY, (EVERY_TYPE,), 1000, PLATFORM), NOW)
    fleet = Fleet(world, token)
    fleet.first, fleet.second = fleet.issue(1), fleet.issue(2)
    return fleet


@pytest.fixture
def fleet(tmp_path: Path, demo_keys: Path, database: Database) -> Iterator[Fleet]:
    """On SQLite and on PostgreSQL."""
    with a_world(tmp_path, demo_keys, database.url.render_as_string(hide_password=False)) as world:
        yield opened(world)


@pytest.fixture
def quick(tmp_path: Path, demo_keys: Path) -> Iterator[Fleet]:
    with a_world(tmp_path, demo_keys) as world:
        yield opened(world)


@pytest.mark.rule("SH-14")
def test_exactly_the_rows_that_changed_are_told_once_and_a_cursor_gives_the_same_again(fleet: Fleet) -> None:
    stranger = {"ref": "丙", "number": fleet.first["number"], "plate": "川A00001"}
    fleet.put(fleet.row(fleet.first, "甲"), fleet.row(fleet.second, "乙"), stranger)
    nothing, start = fleet.changes()
    assert nothing == []
    fleet.suspend(fleet.first)
    told, after = fleet.changes(start)
    assert told == [("甲", "not_valid")]
    assert fleet.changes(start)[0] == told
    assert fleet.changes()[0] == told
    assert fleet.changes(after)[0] == []
    change = fleet.world.http.get(f"{LIST}/changes", headers=fleet.headers).json()["changes"][0]
    assert "suspended" in change["reasons"]
    assert change["recorded_at"].startswith(NOW.date().isoformat())
    assert set(change) == {"ref", "overall", "reasons", "recorded_at", "noted_at"}


@pytest.mark.rule("SH-14")
def test_changes_that_come_with_the_calendar_are_told_at_the_first_reading_of_the_day(fleet: Fleet) -> None:
    fleet.put(fleet.row(fleet.first, "甲"), fleet.row(fleet.second, "乙"))
    fleet.suspend(fleet.first, days=3)
    told, after = fleet.changes()
    assert told == [("甲", "not_valid")]
    fleet.forward(days=1)
    assert fleet.changes(after)[0] == []
    fleet.forward(days=2)
    lifted, after = fleet.changes(after)
    assert lifted == [("甲", "valid")]
    assert fleet.world.http.get(f"{LIST}/changes", headers=fleet.headers).json()["changes"][-1]["recorded_at"] is None
    fleet.forward(days=365 * 30)
    assert sorted(fleet.changes(after)[0]) == [("乙", "not_valid"), ("甲", "not_valid")]


@pytest.mark.rule("SH-14")
def test_a_suspension_that_begins_later_is_told_on_its_day(quick: Fleet) -> None:
    quick.put(quick.row(quick.first, "甲"))
    quick.suspend(quick.first, start=2, days=2)
    told, after = quick.changes()
    assert told == []
    quick.forward(days=2)
    told, after = quick.changes(after)
    assert told == [("甲", "not_valid")]
    quick.forward(days=2)
    assert quick.changes(after)[0] == [("甲", "valid")]


@pytest.mark.rule("SH-14")
def test_what_changes_between_the_putting_and_the_first_look_is_told(fleet: Fleet) -> None:
    fleet.put(fleet.row(fleet.first, "甲"), fleet.row(fleet.second, "乙"))
    fleet.suspend(fleet.second, days=2)
    assert fleet.changes()[0] == [("乙", "not_valid")]


@pytest.mark.rule("SH-14")
def test_a_licence_that_is_issued_later_is_told_to_who_watched_its_number(quick: Fleet) -> None:
    quick.put({"ref": "新", "number": quick.number(3), "plate": quick.plate}, quick.row(quick.first, "甲"))
    assert quick.changes()[0] == []
    assert quick.issue(3)["number"] == quick.number(3)
    assert quick.changes()[0] == [("新", "valid")]


@pytest.mark.rule("SH-14")
def test_the_feed_goes_on_after_a_restart(tmp_path: Path, demo_keys: Path, database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    with a_world(tmp_path, demo_keys, url) as world:
        fleet = opened(world)
        fleet.put(fleet.row(fleet.first, "甲"), fleet.row(fleet.second, "乙"))
        fleet.suspend(fleet.first, days=5)
        told, after = fleet.changes()
        assert told == [("甲", "not_valid")]
        fleet.suspend(fleet.second, days=5, key="suspend-0002")
        one = fleet.world.service.desk.watch.lists.get("fleet", "drivers")
        assert fleet.world.service.desk.watch.lists.mark(one) > one.looked  # marked, and the process dies before it judges
        tokens = world.tokens
    with a_world(tmp_path, demo_keys, url, tokens=tokens) as world:
        again = Fleet(world, fleet.token, fleet.first, fleet.second)
        assert again.changes(after)[0] == [("乙", "not_valid")]
        assert again.changes()[0] == [("甲", "not_valid"), ("乙", "not_valid")]


@pytest.mark.rule("SH-14")
def test_many_readers_and_the_worker_at_once_tell_each_change_once(fleet: Fleet) -> None:
    fleet.put(*(fleet.row(one, f"{name}{place}") for place in range(30) for name, one in (("甲", fleet.first), ("乙", fleet.second))))
    fleet.changes()
    fleet.suspend(fleet.first)
    watch = fleet.world.service.desk.watch
    client = Client("fleet", COMPANY, (EVERY_TYPE,), 1000, PLATFORM)
    found = at_once([watch.work, *(lambda: len(watch.feed(client, "drivers", None).changes) for _ in range(5))])
    assert not [one for one in found if isinstance(one, Exception)]
    told = fleet.changes()[0]
    assert len(told) == 30
    assert {ref for ref, _ in told} == {f"甲{place}" for place in range(30)}


def test_a_late_judgement_never_hides_a_newer_line(quick: Fleet) -> None:
    quick.put(quick.row(quick.first, "甲"))
    quick.changes()
    watch = quick.world.service.desk.watch
    one = watch.lists.get("fleet", "drivers")
    today = beijing_day(quick.world.clock())
    quick.suspend(quick.first, key="suspend-0001")
    early = watch.lists.mark(one)
    (waiting,) = watch.lists.due(one, today, 10)
    lift = {"act": "lift", "target": 2, "effective_on": today.isoformat()}
    assert quick.world.act(CAR, quick.first["licence_id"], lift, "lift-0001").status_code == 201
    late = watch.lists.mark(watch.lists.get("fleet", "drivers"))
    telling = Telling(waiting.row, '["not_valid", "suspended"]', today + timedelta(days=9), known="", recorded_at=None)
    watch.lists.tell(one, [telling], early, today, NOW)  # it was judged before the suspension was lifted
    assert late > early
    assert quick.changes()[0] == [("甲", "not_valid"), ("甲", "valid")]
    watch.lists.tell(one, [telling], early, today, NOW)  # and a twin of it comes even later
    assert len(quick.changes()[0]) == 2


def test_a_twin_that_looked_at_the_same_moment_tells_nothing_twice(fleet: Fleet) -> None:
    fleet.put(fleet.row(fleet.first, "甲"))
    fleet.changes()
    watch, today = fleet.world.service.desk.watch, beijing_day(fleet.world.clock())
    fleet.suspend(fleet.first)
    twin = watch.lists.get("fleet", "drivers")  # before the other marks
    place = watch.lists.mark(twin)
    (waiting,) = watch.lists.due(twin, today, 10)
    told = fleet.changes()[0]
    assert watch.lists.mark(twin) == place
    assert watch.lists.due(twin, today, 10) == []
    watch.lists.tell(twin, [Telling(waiting.row, '["not_valid", "else"]', today, known="", recorded_at=None)], place, today, NOW)
    assert fleet.changes()[0] == told == [("甲", "not_valid")]


@pytest.mark.rule("SH-14")
def test_a_list_put_again_keeps_what_stays_and_forgets_what_goes(fleet: Fleet) -> None:
    fleet.put(fleet.row(fleet.first, "甲"), fleet.row(fleet.second, "乙"))
    fleet.suspend(fleet.first)
    fleet.suspend(fleet.second, key="suspend-0002")
    _, after = fleet.changes()
    fleet.put(fleet.row(fleet.first, "甲"))
    assert fleet.changes()[0] == [("甲", "not_valid")]
    assert fleet.changes(after)[0] == []
    fleet.put(fleet.row(fleet.second, "丁"))
    assert fleet.changes()[0] == []
    with fleet.world.service.database.read() as connection:
        assert len(connection.execute(select(watch_rows.c.id)).all()) == 1


@pytest.mark.rule("SH-14")
def test_no_value_is_kept_readable_and_none_comes_back(fleet: Fleet) -> None:
    person = fleet.world.issue(DRIVER, "watched-driver")
    name = str(fleet.world.request(DRIVER)["face"]["person_name"])
    put = fleet.put({"ref": "编号甲", "number": person["number"], "name": name})
    assert put.json() == {"list": "drivers", "rows": 1}
    with fleet.world.service.database.read() as connection:
        stored = str([connection.execute(select(table)).all() for table in (watch_rows, watch_lists, watch_changes)])
    assert not [one for one in (person["number"], name, "编号甲") if one in stored]


def test_lists_belong_to_their_client_and_can_be_deleted(fleet: Fleet) -> None:
    http = fleet.world.http
    fleet.put(fleet.row(fleet.first, "甲"))
    fleet.suspend(fleet.first)
    _, cursor = fleet.changes()
    other = {"Authorization": f"Bearer {fleet.world.service.clients.add(Client('other', COMPANY, (EVERY_TYPE,), 9, PLATFORM), NOW)}"}
    clerk = fleet.world.headers(CAR)
    assert [http.get(f"{LIST}/changes", headers=one).status_code for one in (other, clerk, {})] == [404, 403, 401]
    assert http.delete(LIST, headers=other).status_code == 404
    assert http.delete(LIST, headers=fleet.headers).status_code == 204
    assert http.get(f"{LIST}/changes", headers=fleet.headers).status_code == 404
    with fleet.world.service.database.read() as connection:
        assert [connection.execute(select(table)).all() for table in (watch_rows, watch_lists, watch_changes)] == [[], [], []]
    fleet.put(fleet.row(fleet.first, "甲"))
    answer = http.get(f"{LIST}/changes", params={"after": cursor}, headers=fleet.headers)
    assert answer.json()["faults"] == [{"path": "after", "code": "unknown-cursor", "message": "a cursor that this list gave is wanted here"}]


def test_the_lists_of_a_client_that_was_shut_out_are_forgotten(quick: Fleet) -> None:
    quick.put(quick.row(quick.first, "甲"))
    quick.world.service.clients.remove("fleet", NOW)
    quick.world.service.desk.work()
    with quick.world.service.database.read() as connection:
        assert connection.execute(select(watch_rows)).all() == []


def test_what_is_no_list_is_refused(quick: Fleet) -> None:
    http, row = quick.world.http, quick.row(quick.first, "甲")
    for rows, path, code in (
        ([{**row, "ref": None}], "rows[0].ref", "missing"), ([row, row], "rows[1].ref", "duplicate-ref"), ([7], "rows[0]", "not-an-object"),
        ([], "rows", "missing"),
    ):  # fmt: skip
        answer = http.put(LIST, json={"rows": rows}, headers=quick.headers)
        assert answer.status_code == 422, answer.text
        assert (path, code) in {(one["path"], one["code"]) for one in answer.json()["faults"]}
    assert http.put(LIST, json={"rows": [row], "more": 1}, headers=quick.headers).status_code == 422
    assert http.put(LIST, content=b"x", headers=quick.headers).status_code == 415
    assert http.put("/watch/UPPER", json={"rows": [row]}, headers=quick.headers).status_code == 422
    for number in range(20):
        quick.put(row, path=f"/watch/list-{number}")
    assert http.put(LIST, json={"rows": [row]}, headers=quick.headers).status_code == 422
    assert http.get("/watch/list-1/changes?after=" + "0" * 60, headers=quick.headers).status_code == 422
    assert http.get("/watch/list-1/changes?after=x", headers=quick.headers).status_code == 422


@pytest.mark.rule("SH-14")
def test_a_change_of_the_law_is_looked_at_too(quick: Fleet) -> None:
    quick.put(quick.row(quick.first, "甲"))
    quick.changes()
    service = quick.world.service
    line = service.foundations.lines()[0]
    number = service.foundations.propose(line.kind, f"{line.name}-another", line.content, "提议人甲")
    service.foundations.confirm([number], "确认人乙")
    one = service.desk.watch.lists.get("fleet", "drivers")
    service.desk.watch.lists.mark(one)
    assert len(service.desk.watch.lists.due(one, beijing_day(NOW), 10)) == 1
    assert quick.changes()[0] == []


def test_large_lists_are_looked_at_step_by_step(quick: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "AT_ONCE", 5)
    quick.put(*(quick.row(quick.first, f"{place}") for place in range(33)))
    first = quick.world.http.get(f"{LIST}/changes", headers=quick.headers).json()
    assert (first["changes"], first["more"]) == ([], True)
    quick.suspend(quick.first)
    while quick.world.service.desk.watch.work():
        pass
    assert sorted(int(ref) for ref, _ in quick.changes(first["cursor"])[0]) == list(range(33))
    monkeypatch.setattr(watched, "MOST_A_PAGE", 10)
    page = quick.world.http.get(f"{LIST}/changes", headers=quick.headers).json()
    assert (len(page["changes"]), page["more"]) == (10, True)
