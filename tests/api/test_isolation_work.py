"""Who asks for what is another's makes the service do what asking for nothing makes it do: the same statements, and nothing opened (docs/access.md).

Time is not measured: what takes it is. The table is that of `test_isolation`; each row is asked for what there is, and for two things that there
are not, the first of which pays for what only a first asking costs.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from licence_service import authority
from licence_service.duties import Role
from licence_service.errors import NotGranted, NotInRegister
from licence_service.licence import Act, beijing_day
from licence_service.store.clients import READ, STICKER, Client
from licence_service.store.payload import Vault
from licence_service.store.record import Record
from tests.api.test_isolation import (
    DESK,
    HAILING,
    HOURS,
    KNOWING,
    LISTS,
    NO_CAMPAIGN,
    NOTHING,
    NUMBERS,
    PROBES,
    REGION,
    Scene,
    Things,
    a_campaign,
    a_scene,
    at_the_desk,
    desk_told,
)
from tests.api.test_offices import OTHER, SHUAN
from tests.attesting import STATION, Attester, accepts, asserts, registered
from tests.desks import Seat
from tests.parts.databases import empty_postgres
from tests.world import BUSINESS, DRIVER, NOW, VEHICLE, World, decision

THIRD = "12519900MB9900048D"
OFFICES_WITHIN = {"north": ("north", "north-window"), "north-window": ("north-window",), "south": ("south",)}

OF_EACH_KIND = ("another department", "another office", "the owner's own token narrowed to other types", "another holder")  # on the slower database


@dataclass
class Work:
    """What the service did: each statement that it sent, in order, and how many payloads it opened."""

    statements: list[str] = field(default_factory=list)
    opened: int = 0


class Watch:
    """Sees every statement of a service's engine, and every opening of a vault."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """Begin to see."""
        self.work = Work()
        event.listen(world.service.database.engine, "before_cursor_execute", self._sent)
        opening = Vault.open

        def opened(vault: Vault, sealed: bytes, row: str) -> bytes:
            self.work.opened += 1
            return opening(vault, sealed, row)

        monkeypatch.setattr(Vault, "open", opened)
        monkeypatch.setattr(world.service.failures, "_tick", lambda: 0.0)  # or whoever asks when a second is over settles the counts of all

    def _sent(self, _connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        self.work.statements.append(statement)

    @contextmanager
    def watching(self) -> Iterator[Work]:
        """Collect what is done meanwhile."""
        self.work = work = Work()
        yield work
        self.work = Work()  # of what comes between


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def scene(request: pytest.FixtureRequest, tmp_path: Path, demo_keys: Path) -> Iterator[Scene]:
    """The world with everything and everybody, on each of the two databases."""
    url = empty_postgres(*map(request.getfixturevalue, ("postgres_address", "migrated_postgres"))) if request.param == "postgresql" else None
    with a_scene(tmp_path, demo_keys, url) as made:
        yield made


@pytest.fixture
def watch(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Watch:
    """A watch over the scene's service."""
    return Watch(scene.world, monkeypatch)


def compared(watch: Watch, ask: Callable[[Things], Any], real: Things) -> tuple[Work, Work]:
    """Return what asking for what there is makes the service do, and what asking for nothing does; once more where what is done once came between."""
    works: list[Work] = []
    for _ in range(2):
        works.clear()
        for things in (NOTHING, real):
            with watch.watching() as work:
                ask(things)
            works.append(work)
        if works[0] == works[1]:
            break
    return works[1], works[0]


def told(real: Work, nothing: Work) -> str:
    """Return where two works differ, for whoever reads the failure."""
    for number, (one, other) in enumerate(zip([*real.statements, "-"], [*nothing.statements, "-"], strict=False)):
        if one != other:
            return f"opened {real.opened}/{nothing.opened}, statement {number}: {one[:300]} / {other[:300]}"
    return f"opened {real.opened}/{nothing.opened}, {len(real.statements)}/{len(nothing.statements)} statements"


@pytest.mark.rule("SE-01")
def test_what_is_anothers_makes_the_service_do_what_nothing_does(scene: Scene, watch: Watch) -> None:
    differing = []
    askers = scene.askers.items() if scene.world.service.database.is_sqlite else [(name, scene.askers[name]) for name in OF_EACH_KIND]
    for operation in PROBES:
        for name, headers in askers:
            if (name, operation[1]) in KNOWING:
                continue
            if operation[1] == "/verify/match":  # five tries are all that there are in an hour
                scene.world.clock.now = NOW + timedelta(hours=next(HOURS))  # type: ignore[attr-defined]
            real, nothing = compared(watch, partial(scene.asked, headers, operation), scene.real)
            scene.world.clock.now = NOW  # type: ignore[attr-defined]
            if real != nothing:
                differing.append((name, operation, told(real, nothing)))
    assert not differing, "\n".join(map(str, differing))


def test_for_the_owner_the_service_does_more_so_that_the_work_is_seen(scene: Scene, watch: Watch) -> None:
    alike = []
    for operation in PROBES:
        if operation[0] == "get":
            real, nothing = compared(watch, partial(scene.asked, scene.owner_of(operation[1]), operation), scene.real)
            if real == nothing:
                alike.append(operation)
    assert not alike


@pytest.mark.rule("SE-01")
def test_at_the_desk_too_it_does_the_same(scene: Scene, watch: Watch) -> None:
    campaign_id, both = a_campaign(scene.world), (Role.CLERK, Role.AUDITOR)
    scene.proposal = scene.world.service.foundations.propose("body", "52519900MB9900099X", "{}", "局长甲")
    strangers = {
        "another office": at_the_desk(scene.world, SHUAN, "south", *both), "the office below": at_the_desk(scene.world, SHUAN, "north-window", *both),
        "another department": at_the_desk(scene.world, OTHER, None, *both, Role.DATA_QUALITY),
        "its approver": at_the_desk(scene.world, OTHER, None, Role.APPROVER),
        "its administrator": at_the_desk(scene.world, OTHER, None, Role.TEMPLATE_ADMINISTRATOR),
    }  # fmt: skip
    version = scene.world.service.book.get(scene.real.licence_id).entries[0].version
    assert version

    def on_a_page(who: Seat, route: tuple[str, str], things: Things) -> None:
        desk_told(scene, who, route, things, campaign_id if things is scene.real else NO_CAMPAIGN)

    def by_a_value(who: Seat, name: str, things: Things) -> None:
        identifier = version.elicence_id.replace(scene.real.licence_id, things.licence_id)
        who.post("/desk/find", {"value": identifier if name == "elicence_id" else getattr(things, name)})

    differing = []
    for name, who in strangers.items():
        pages = {route: partial(on_a_page, who, route) for route in DESK}
        finds = {f"find by {value}": partial(by_a_value, who, value) for value in ("licence_id", "case_no", "license_no", "elicence_id")}
        for what, ask in (*pages.items(), *finds.items()):
            real, nothing = compared(watch, ask, scene.real)
            if real != nothing:
                differing.append((name, what, told(real, nothing)))
    home, both_ids = at_the_desk(scene.world, SHUAN, None, Role.TEMPLATE_ADMINISTRATOR), (a_campaign(scene.world, OTHER), NO_CAMPAIGN)
    for route in (one for one in DESK if "campaign_id" in one[1]):  # of two departments: a matter of the command line

        def of_two(things: Things, route: tuple[str, str] = route) -> None:
            desk_told(scene, home, route, things, both_ids[things is not scene.real])

        real, nothing = compared(watch, of_two, scene.real)
        if real != nothing:
            differing.append(("two departments", route, told(real, nothing)))
    assert not differing, "\n".join(map(str, differing))


@pytest.mark.rule("SE-01")
def test_lists_cost_what_they_cost_however_much_others_have(scene: Scene, watch: Watch) -> None:
    """Beside: a licence that goes from one department to another is in no third one's feed, and costs it nothing."""
    world = scene.world
    third = {"Authorization": f"Bearer {world.tokens[THIRD]}"}
    of_holders = {"holder": scene.askers["another company"], "notices": scene.askers["another host app"]}
    keeper = at_the_desk(world, THIRD, None, Role.CLERK, Role.DATA_QUALITY)

    def asked() -> list[Work]:
        works = []
        for method, path in sorted(LISTS):
            with watch.watching() as work:
                said: dict[str, Any] = {"json": {"type": HAILING} if path.endswith("search") else {}} if method == "post" else {}
                answer = world.http.request(method, path, headers=of_holders.get(path.split("/")[1], third), **said)
            assert answer.status_code == 200, (path, answer.text)
            works.append(work)
        for path in ("/desk/stock", "/desk/tasks", "/desk"):
            with watch.watching() as work:
                assert keeper.get(path).status_code == 200
            works.append(work)
        return works

    asked()
    before = asked()
    licence_id = world.issue(DRIVER, "others-0001")["licence_id"]
    assert world.act(DRIVER, licence_id, {"act": "transfer", "to_department": OTHER}, "others-0002").status_code == 201
    world.service.tasks.open(SHUAN, "conflict", licence_id, {"rule": "XR-03"})

    for was, now in zip(before, asked(), strict=True):
        assert was == now, told(was, now)


@pytest.mark.rule("SE-01", "EN-04")
def test_who_may_endorse_other_types_makes_it_do_the_same_with_this_one(scene: Scene, watch: Watch) -> None:
    world, foreign = scene.world, scene.askers["another department"]
    registered(world, Attester(OTHER), accepts("*", types=(DRIVER,)), with_key=False)

    def endorsed(things: Things) -> Any:
        body = {"act": "endorse", "kind": "annual_review", "facts": {"result": "1"}, "external_ref": "E-1", "decision": decision(beijing_day(NOW))}
        headers = {**foreign, "Idempotency-Key": f"endorsing-{next(NUMBERS)}"}
        answer = world.http.post(f"/licences/{things.licence_id}/entries", json=body, headers=headers)
        assert answer.status_code == 404, answer.text
        return answer

    for ask in (endorsed, partial(scene.asked, foreign, ("post", "/reviews"))):
        real, nothing = compared(watch, ask, scene.real)
        assert real == nothing, told(real, nothing)


@pytest.mark.rule("SE-01", "LC-13")
def test_a_parent_that_the_caller_may_not_know_of_is_read_no_more_than_one_that_there_is_not(scene: Scene, watch: Watch) -> None:
    """Of another department, or of another office; whoever names it by its number too may hang something on it, and it is read."""
    world = scene.world
    city, window, south = scene.owners["department"], scene.askers["the office below"], scene.askers["another office"]

    def asked(who: Mapping[str, str], slug: str, face: Mapping[str, Any], **more: str) -> Any:
        body = world.request(slug, **{"case_no": f"HUNG-{next(NUMBERS)}", "region": REGION, **more})
        whole = {**body["face"], "issuer_name": world.service.keyring.departments[SHUAN].name, **face}
        return world.http.post("/licences", json={**body, "face": whole}, headers={**who, "Idempotency-Key": f"hanging-{next(NUMBERS)}"})

    windows = asked(window, BUSINESS, {}, region="519904")
    assert windows.status_code == 201, windows.text
    parents = [world.issue(BUSINESS, "parent-001", face={"license_no": "519902010600"}), windows.json()]
    for who, parent in ((city, parents[0]), (south, parents[0]), (south, parents[1])):
        there = replace(scene.real, licence_id=parent["licence_id"])

        def hung(things: Things, number: str = "519902010599", who: Mapping[str, str] = who) -> Any:
            return asked(who, VEHICLE, {"business_permit_no": number, "license_no": f"5199{next(NUMBERS)}"}, parent=things.licence_id)

        real, nothing = compared(watch, hung, there)
        assert real == nothing, told(real, nothing)
        with watch.watching() as work:
            assert hung(there, parent["number"]).status_code == 201
        assert work.opened > real.opened


@pytest.mark.rule("SE-01", "EN-04")
def test_a_body_learns_of_no_licence_on_which_no_grant_lets_it_assert(scene: Scene, watch: Watch) -> None:
    """The answer, and the work; after a transfer the region is that of whoever took the licence over."""
    world, kind, day = scene.world, "annual_review", beijing_day(NOW)
    home = world.service.keyring.departments[SHUAN].region
    granted = {
        "no grant at all": (), "a grant to accept": (accepts(kind),), "a grant for other types": (asserts(kind, types=(DRIVER,)),),
        "a grant for another region": (asserts(kind, regions=("510100",)),), "a grant for a county of it": (asserts(kind, regions=("519903",)),),
        "a grant for another city": (asserts(kind, regions=("519800",)),), "a grant for another kind": (asserts("continuing_education"),),
        "a grant that is over": (asserts(kind, used_to=day - timedelta(days=1)),), "a grant to come": (asserts(kind, used_from=day + timedelta(days=1)),),
    }  # fmt: skip

    def asserted(attester: Attester, things: Things) -> Any:
        return world.http.post("/assertions", json=attester.assertion(things.licence_id, kind, {"result": "1"}, f"A-{next(NUMBERS)}"))

    for name, grants in granted.items():
        ask = partial(asserted, registered(world, Attester(STATION), *grants))
        real, nothing = compared(watch, ask, scene.real)
        assert real == nothing, (name, told(real, nothing))
        answers = [ask(things) for things in (scene.real, NOTHING)]
        assert answers[0].status_code in {403, 404}, (name, answers[0].text)
        assert scene.told(answers[0], scene.real) == scene.told(answers[1], NOTHING), name
    for wider in (home, f"{home[:2]}0000"):
        may = registered(world, Attester(STATION), asserts(kind, regions=(wider,)))
        assert asserted(may, scene.real).status_code == 422  # the facts are not all there
        assert asserted(may, NOTHING).status_code == 404


# -- the row narrows what is read, and hides nothing -------------------------------------------------------------------


def outcome(found: Callable[[], Record]) -> str:
    """Return what came of asking for a licence: that it is shown, or how it is refused."""
    try:
        return found().licence_id
    except (NotInRegister, NotGranted) as refused:
        return refused.slug


def stories(of: Scene) -> dict[str, str]:
    """Let licences of the city go every way that a transfer to the county can go; return their ids by what became of them."""
    world, county = of.world, {"Authorization": f"Bearer {of.world.tokens[OTHER]}"}
    made = {"of an office": of.real.licence_id}
    for number, name in enumerate(["stays", "offered", "rejected", "accepted", "offered again", "given back"]):
        made[name] = world.issue(DRIVER, f"story-{number:04}", case_no=f"STORY-{number}", face={"license_no": f"51990026110000{number:05}"})[
            "licence_id"
        ]

    def act(headers: Mapping[str, str], name: str, **said: Any) -> None:
        body = {"decision": decision(beijing_day(NOW)), **said}
        whole = {**headers, "Idempotency-Key": f"story-{next(NUMBERS)}"}
        answer = world.http.post(f"/licences/{made[name]}/entries", json=body, headers=whole)
        assert answer.status_code == 201, (name, said, answer.text)

    city = world.headers(DRIVER)
    for name in ("offered", "rejected", "accepted", "offered again", "given back"):
        act(city, name, act="transfer", to_department=OTHER)
    for name in ("rejected", "offered again"):
        act(county, name, act="reject_transfer")
    act(city, "offered again", act="transfer", to_department=OTHER)
    for name in ("accepted", "given back"):
        act(county, name, act="accept_transfer")
    act(county, "given back", act="transfer", to_department=SHUAN)
    act(city, "given back", act="accept_transfer")
    act(of.owners["office"], "of an office", act="transfer", to_department=OTHER)
    return made


@pytest.mark.rule("SE-01", "LC-08", "EN-04")
def test_what_is_found_by_an_id_is_what_would_be_shown_had_it_been_read(scene: Scene) -> None:
    world, today = scene.world, beijing_day(NOW)
    line, made = world.service.registrar.line, stories(scene)
    records = {name: world.service.book.get(licence_id) for name, licence_id in made.items()}
    registered(world, Attester(THIRD), accepts("continuing_education", types=(DRIVER,)), with_key=False)
    registered(world, Attester(OTHER), accepts("annual_review"), with_key=False)
    callers = [Client(f"plain-{uscc}", uscc, ("*",), 100) for uscc in world.service.keyring.departments]
    callers += [replace(one, name=f"reads-{one.department}", acts=("read",)) for one in callers]
    callers += [Client(f"of-{office}", SHUAN, ("*",), 100, office=office, within=within) for office, within in OFFICES_WITHIN.items()]
    callers += [Client("city", SHUAN, (HAILING,), 100), Client("narrowed", OTHER, ("*",), 100, scopes=(f"read:{HAILING}", f"endorse:{DRIVER}"))]
    seen = set[tuple[str, str]]()
    days = (today, today + timedelta(days=29), today + timedelta(days=40))  # an offer holds for thirty
    for (name, licence_id), caller, doing, day in product(made.items(), callers, (READ, STICKER, Act.ENDORSE, Act.REVOKE, Act.ACCEPT_TRANSFER), days):
        record = records[name]
        said = outcome(partial(authority.found, line, caller, licence_id, day, doing))
        assert said == outcome(partial(authority.visible, line, caller, record, day, doing)), (name, caller, doing, day)
        seen.add((caller.name, "shown" if said == licence_id else said))
    assert {one for _, one in seen} == {"shown", NotInRegister.slug, NotGranted.slug}
    assert (f"plain-{THIRD}", "shown") in seen  # by its grant alone
