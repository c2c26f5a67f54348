"""Sub-offices: a tree below a department, each acting for its regions, under grants of its department, and knowing of nothing beside it (SE-01)."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_service.digests import canonical, sha256
from licence_service.errors import Misconfigured
from licence_service.law import BODY, DEPARTMENT
from licence_service.licence import beijing_day
from licence_service.seal.keyring import read_keyring
from licence_service.store.clients import Client
from tests.api.test_attesting import CE, school, training
from tests.api.test_cli import Terminal, terminal  # noqa: F401 - a fixture
from tests.parts.databases import KINDS, empty_postgres
from tests.world import BUSINESS, DRIVER, NOW, PASSPHRASE, VEHICLE, Clock, World, a_world, decision

SHUAN, OTHER = "11519900MB9900021Q", "11519902MB990003XD"
OFFICES = """
[[offices]]
code = "north"
name = "北片区分局"
name_en = "Northern Branch"
regions = ["519903"]
from = 2020-01-01

[[offices]]
code = "north-window"
name = "北站办事窗口"
name_en = "North Station Window"
under = "north"
regions = ["519904"]
from = 2020-01-01

[[offices]]
code = "south"
name = "南片区分局"
name_en = "Southern Branch"
regions = ["519905"]
from = 2020-01-01
"""


def keys_with(folder: Path, keys: Path, said: str, *, instead_of_grants: bool = False) -> Path:
    """Copy a keys folder and write something into the file of the city's department, behind all that is there or in the place of its grants."""
    made = Path(shutil.copytree(keys, folder))
    path = made / SHUAN / "seal.toml"
    text = path.read_text("utf-8")
    path.write_text((text.partition("[[grants]]")[0] if instead_of_grants else text) + said, "utf-8")
    return made


def headers_of(world: World, office: str | None, **changed: Any) -> dict[str, str]:
    """Add a client of an office of the city's department and return its headers; None is a client of the whole department."""
    client = Client(f"client-{office}-{len(world.service.clients.all())}", SHUAN, ("*",), 1000, office=office)
    return {"Authorization": f"Bearer {world.service.clients.add(replace(client, **changed), NOW)}"}


def sent(world: World, headers: dict[str, str], number: int, **changed: Any) -> Any:
    """Ask for a driver's qualification of its own number."""
    body = world.request(DRIVER, case_no=f"OFFICE-{number}", face={"license_no": f"51990026110000{number:05}"}, **changed)
    return world.http.post("/licences", json=body, headers={**headers, "Idempotency-Key": f"office-{number:05}"})


@pytest.fixture(params=KINDS)
def tree(request: pytest.FixtureRequest, tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    """A world in which the city's department has offices, on both databases."""
    url = empty_postgres(*map(request.getfixturevalue, ("postgres_address", "migrated_postgres"))) if request.param == "postgresql" else None
    with a_world(tmp_path, keys_with(tmp_path / "keys", demo_keys, OFFICES), url) as world:
        yield world


@pytest.mark.rule("SE-01")
def test_an_office_issues_in_its_regions_and_those_of_the_offices_below_it_only(tree: World) -> None:
    north, window, south = (headers_of(tree, office) for office in ("north", "north-window", "south"))

    assert sent(tree, north, 1, region="519903").status_code == 201
    assert sent(tree, north, 2, region="519904").status_code == 201
    one_region = sent(tree, window, 3)
    assert one_region.status_code == 201, one_region.text
    entry = tree.service.book.get(one_region.json()["licence_id"]).entries[0]
    assert (entry.office, entry.region) == ("north-window", "519904")
    for number, (headers, region) in enumerate([(window, "519903"), (south, "519903"), (north, "519905"), (south, "519900")], 10):
        refused = sent(tree, headers, number, region=region)
        assert (refused.status_code, refused.json()["rule"]) == (403, "SE-01"), (number, refused.text)
    unsaid = sent(tree, north, 20)
    assert (unsaid.status_code, [one["path"] for one in unsaid.json()["faults"]]) == (422, ["region"])
    assert sent(tree, headers_of(tree, None), 21, region="519905").status_code == 201  # the department itself is bound by its grants alone
    assert not list(tree.service.auditor.audit())


@pytest.mark.rule("SE-01", "LC-16")
def test_a_region_is_with_all_that_lies_within_it_and_shows_nobody_what_is_anothers(tmp_path: Path, demo_keys: Path) -> None:
    """The city is granted its counties, an office covers one of them with another's department in it, another office the city as a whole."""
    grants = '[[grants]]\ntypes = ["*"]\nfrom = 2020-01-01\nregions = ["519900"]\n'
    offices = OFFICES.replace('regions = ["519905"]', 'regions = ["519900"]')
    with a_world(tmp_path / "world", keys_with(tmp_path / "keys", demo_keys, grants + offices, instead_of_grants=True)) as world:
        city, north, whole = (headers_of(world, office) for office in (None, "north", "south"))
        county = {"Authorization": f"Bearer {world.tokens[OTHER]}"}
        made = {}
        for number, (name, headers, region) in enumerate([("city", city, "519902"), ("whole", whole, "519902"), ("unsaid", whole, None)]):
            answer = sent(world, headers, number, **({"region": region} if region else {}))
            assert answer.status_code == 201, (name, answer.text)
            made[name] = answer.json()["licence_id"]
        assert world.service.book.get(made["unsaid"]).entries[0].region == "519900"
        refused = [
            (city, "519800", "LC-16"),
            (city, "510000", "LC-16"),
            (north, "519900", "SE-01"),
            (whole, "510000", "SE-01"),
            (whole, "519800", "SE-01"),
        ]
        for number, (headers, region, rule) in enumerate(refused, 10):
            answer = sent(world, headers, number, region=region)
            assert (answer.status_code, answer.json()["rule"]) == (403, rule), (region, answer.text)
        body = world.request(BUSINESS, case_no="COUNTY-1", face={"issuer_name": world.service.keyring.departments[OTHER].name})
        theirs = world.http.post("/licences", json=body, headers={**county, "Idempotency-Key": "county-0001"})
        assert theirs.status_code == 201, theirs.text

        for headers, foreign in [
            (city, [theirs.json()["licence_id"]]),
            (whole, [theirs.json()["licence_id"], made["city"]]),
            (county, [*made.values()]),
        ]:
            nothing = world.http.get(f"/licences/{'0' * 20}", headers=headers)
            for licence_id in foreign:
                told = world.http.get(f"/licences/{licence_id}", headers=headers)
                assert (told.status_code, told.json()) == (404, nothing.json())
        assert not list(world.service.auditor.audit())


@pytest.mark.rule("SE-01", "LC-16")
def test_what_two_people_granted_for_a_city_alone_is_not_for_its_counties_until_two_people_say_so(tmp_path: Path, demo_keys: Path) -> None:
    grants = '[[grants]]\ntypes = ["*"]\nfrom = 2020-01-01\nregions = ["519900"]\n'
    with a_world(tmp_path / "world", keys_with(tmp_path / "keys", demo_keys, grants, instead_of_grants=True)) as world:
        foundations, city = world.service.foundations, headers_of(world, None)
        said = json.loads(foundations.known(DEPARTMENT)[SHUAN].content)
        before = {name: one for name, one in said.items() if name not in {"regions_as_tree", "sha256"}}  # as an earlier release wrote it
        whole = canonical({**before, "sha256": sha256(canonical(before))}).decode()
        world.clock.now += timedelta(minutes=1)  # type: ignore[attr-defined]
        foundations.confirm([foundations.propose(DEPARTMENT, SHUAN, whole, "提议人甲")], "确认人乙")

        refused = sent(world, city, 1, region="519902")
        assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (409, "not-in-force"), refused.text
        world.clock.now += timedelta(minutes=1)  # type: ignore[attr-defined]
        world.service.put_in_force("提议人甲", "确认人乙")
        assert sent(world, city, 1, region="519902").status_code == 201


@pytest.mark.rule("EN-04")
def test_the_list_of_bodies_says_for_which_regions_each_is_and_whether_for_those_alone(terminal: Terminal) -> None:  # noqa: F811
    world = terminal.world
    uscc = school(world, regions=("519900",), without=("519903",)).uscc
    (row,) = terminal.json("bodies", "list")
    assert f"assert {CE} in 519900 without 519903 " in row["grants"]

    foundations = world.service.foundations
    said = json.loads(foundations.known(BODY)[uscc].content)
    before = {**said, "grants": [{name: one for name, one in grant.items() if name not in {"without", "exact"}} for grant in said["grants"]]}
    world.clock.now += timedelta(minutes=1)  # type: ignore[attr-defined]
    foundations.confirm([foundations.propose(BODY, uscc, canonical(before).decode(), "提议人甲")], "确认人乙")
    (row,) = terminal.json("bodies", "list")
    assert f"assert {CE} in 519900 alone " in row["grants"]


@pytest.mark.rule("SE-01")
def test_an_office_knows_of_what_it_and_those_below_it_issued_and_of_nothing_else(tree: World) -> None:
    who = {name: headers_of(tree, name) for name in ("north", "north-window", "south")} | {"all": headers_of(tree, None)}
    made = {
        name: sent(tree, who[name], number, region=region).json()["licence_id"]
        for number, (name, region) in enumerate([("north", "519903"), ("north-window", "519904"), ("south", "519905"), ("all", "519903")])
    }
    knows = {"north": {"north", "north-window"}, "north-window": {"north-window"}, "south": {"south"}, "all": set(made)}

    for name, headers in who.items():
        found = tree.http.post("/licences/search", json={"type": DRIVER}, headers=headers).json()["licences"]
        heard = tree.http.get("/events", headers=headers).json()["events"]
        expected = {made[one] for one in knows[name]}
        assert {one["licence_id"] for one in found} == expected
        assert {one["data"]["licence_id"] for one in heard} == expected
        nothing = tree.http.get(f"/licences/{'0' * 20}", headers=headers)
        case_of_nobody = tree.http.get("/cases/OFFICE-99", headers=headers)
        for number, (owner, licence_id) in enumerate(made.items()):
            read, case = tree.http.get(f"/licences/{licence_id}", headers=headers), tree.http.get(f"/cases/OFFICE-{number}", headers=headers)
            if owner in knows[name]:
                assert (read.status_code, case.status_code) == (200, 200), (name, owner)
            else:
                assert (read.status_code, read.json()) == (404, nothing.json()), (name, owner)
                assert (case.status_code, case.json()) == (404, case_of_nobody.json()), (name, owner)
                begun = tree.http.post("/licences/search", json={"type": DRIVER, "after": licence_id}, headers=headers)
                assert begun.json() == tree.http.post("/licences/search", json={"type": DRIVER, "after": "0" * 20}, headers=headers).json()


@pytest.mark.rule("SE-01")
def test_an_office_sees_and_closes_tasks_about_its_own_licences_only(tree: World) -> None:
    north, south = headers_of(tree, "north"), headers_of(tree, "south")
    licence_id = sent(tree, north, 1, region="519903").json()["licence_id"]
    signal = {"source": "police", "signal": "licence_revoked", "occurred_on": "2026-11-01", "external_ref": "P-1"}
    told = tree.http.post(f"/licences/{licence_id}/signals", json=signal, headers={**north, "Idempotency-Key": "signal-001"})
    task = told.json()["task_id"]
    tree.service.tasks.open(SHUAN, "unattended", None, {"about": "no licence"})

    assert [one["task_id"] for one in tree.http.get("/tasks", headers=north).json()["tasks"]] == [task]
    assert tree.http.get("/tasks", headers=south).json()["tasks"] == []
    assert len(tree.http.get("/tasks", headers=headers_of(tree, None)).json()["tasks"]) == 2
    strange = tree.http.post(f"/tasks/{'0' * 26}/close", headers=south)
    assert (tree.http.post(f"/tasks/{task}/close", headers=south).status_code, strange.status_code) == (404, 404)
    assert tree.http.post(f"/tasks/{task}/close", headers=south).json() == strange.json()
    assert tree.http.post(f"/tasks/{task}/close", headers=north).status_code == 204


def test_an_office_acts_on_its_licences_and_each_entry_says_for_whom(tree: World) -> None:
    north, window = headers_of(tree, "north"), headers_of(tree, "north-window")
    licence_id = sent(tree, window, 1).json()["licence_id"]
    body = {"act": "replace", "reason": "lost", "decision": decision(beijing_day(NOW))}
    south = tree.http.post(f"/licences/{licence_id}/entries", json=body, headers={**headers_of(tree, "south"), "Idempotency-Key": "replace-01"})
    done = tree.http.post(f"/licences/{licence_id}/entries", json=body, headers={**north, "Idempotency-Key": "replace-02"})

    assert (south.status_code, done.status_code) == (404, 201)
    assert [one.office for one in tree.service.book.get(licence_id).entries] == ["north-window", "north"]
    assert tree.http.get(f"/licences/{licence_id}", headers=window).status_code == 200  # it stays the window's
    assert not list(tree.service.auditor.audit())


def test_two_offices_do_not_meet_in_the_number_of_a_case(tree: World) -> None:
    body = tree.request(DRIVER, case_no="SAME-1", face={"license_no": "5199002611000000777"}, region="519903")
    other = tree.request(DRIVER, case_no="SAME-1", face={"license_no": "5199002611000000778"}, region="519905")

    north = tree.http.post("/licences", json=body, headers={**headers_of(tree, "north"), "Idempotency-Key": "same-case-1"})
    south = tree.http.post("/licences", json=other, headers={**headers_of(tree, "south"), "Idempotency-Key": "same-case-2"})

    assert (north.status_code, south.status_code) == (201, 201), south.text


@pytest.mark.rule("SE-01", "LC-16")
def test_power_that_moves_to_an_office_on_a_day_is_a_change_of_grants_alone(tmp_path: Path, demo_keys: Path) -> None:
    moved = f"""{OFFICES}
[[grants]]
types = ["*"]
from = 2020-01-01
to = 2026-11-30
organisations = ["{SHUAN}"]

[[grants]]
types = ["{DRIVER}"]
acts = ["issue", "renew"]
regions = ["519903", "519904"]
organisations = ["north"]
from = 2026-12-01
"""
    with a_world(tmp_path, keys_with(tmp_path / "keys", demo_keys, moved, instead_of_grants=True)) as world:
        city, window, south = (headers_of(world, office) for office in (None, "north-window", "south"))
        before = [sent(world, headers, number, region=region) for number, (headers, region) in enumerate([(city, "519904"), (window, None)])]
        assert [one.status_code for one in before] == [201, 403]
        assert isinstance(world.clock, Clock)
        world.clock.now += timedelta(days=4)  # 2 December
        after = [
            sent(world, headers, number, region=region)
            for number, (headers, region) in enumerate([(city, "519904"), (window, None), (south, None)], 10)
        ]
        assert [one.status_code for one in after] == [403, 201, 403]
        revoked = {"act": "revoke", "decision": decision(beijing_day(world.clock.now))}
        path = f"/licences/{after[1].json()['licence_id']}/entries"
        assert world.http.post(path, json=revoked, headers={**window, "Idempotency-Key": "revoke-001"}).status_code == 403  # an act not granted
        assert world.http.get(f"/licences/{before[0].json()['licence_id']}", headers=city).status_code == 200  # what was issued stays


def test_an_office_that_closed_or_is_gone_does_nothing_more(tmp_path: Path, demo_keys: Path) -> None:
    closing = OFFICES.replace('regions = ["519903"]\nfrom = 2020-01-01', 'regions = ["519903"]\nfrom = 2020-01-01\nto = 2026-11-30')
    with a_world(tmp_path, keys_with(tmp_path / "keys", demo_keys, closing)) as world:
        window, gone = headers_of(world, "north-window"), headers_of(world, "abolished")
        assert sent(world, window, 1).status_code == 201
        assert sent(world, gone, 2, region="519903").status_code == 403
        assert world.http.post("/licences/search", json={"type": DRIVER}, headers=gone).json()["licences"] == []
        assert isinstance(world.clock, Clock)
        world.clock.now += timedelta(days=4)
        assert sent(world, window, 3).status_code == 403  # the branch above it is closed
        assert len(world.http.post("/licences/search", json={"type": DRIVER}, headers=window).json()["licences"]) == 1


def test_stock_is_brought_by_the_department_itself(tree: World) -> None:
    assert tree.http.get("/batches/0123456789abcdef0123456789", headers=headers_of(tree, "north")).status_code == 403


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('code = "south"', 'code = "north"', "another office has the code"),
        ('under = "north"', 'under = "west"', "under one that is not there"),
        ('code = "north"\n', 'code = "north"\nunder = "north-window"\n', "under itself"),
        ("from = 2020-01-01\n", "from = 2020-01-01\nto = 2019-01-01\n", "closes before it opens"),
        ('regions = ["519903"]', 'regions = ["五一"]', "regions"),
        ('regions = ["519903"]', "regions = []", "regions"),
        ('code = "south"', 'code = "South!"', "code"),
        ("[[offices]]", '[[grants]]\ntypes = ["*"]\nfrom = 2020-01-01\norganisations = ["west"]\n\n[[offices]]', "neither"),
    ],
)
def test_what_is_no_tree_is_said_at_start(tmp_path: Path, demo_keys: Path, old: str, new: str, said: str) -> None:
    assert old in OFFICES
    keys = keys_with(tmp_path / "keys", demo_keys, OFFICES.replace(old, new, 1))
    with pytest.raises(Misconfigured, match=said):
        read_keyring(keys, passphrase=PASSPHRASE.encode(), allow_demo=True)


def test_an_office_belongs_to_one_department(tmp_path: Path, demo_keys: Path) -> None:
    keys = keys_with(tmp_path / "keys", demo_keys, OFFICES)
    path = keys / OTHER / "seal.toml"
    path.write_text(path.read_text("utf-8") + OFFICES, "utf-8")
    with pytest.raises(Misconfigured, match="another office has the code"):
        read_keyring(keys, passphrase=PASSPHRASE.encode(), allow_demo=True)


def test_a_client_is_added_to_an_office_that_there_is(terminal: Terminal) -> None:  # noqa: F811 - the fixture
    keys = str(keys_with(terminal.folder / "keys", Path(terminal.environment["LICENCE_KEYS"]), OFFICES))
    add = ("clients", "add", "window", "--department", SHUAN, "--office")
    assert "no such office" in terminal.run(*add, "nowhere", wanted=1, LICENCE_KEYS=keys).output
    assert "no such office" in terminal.run(*add, "north", "--kind", "officer", wanted=1, LICENCE_KEYS=keys).output
    terminal.run(*add, "north-window", LICENCE_KEYS=keys)
    assert "north-window" in terminal.run("clients", "list", LICENCE_KEYS=keys).output


@pytest.mark.rule("LC-13", "SE-01")
def test_a_licence_of_another_office_is_a_parent_to_who_knows_id_and_number_only(tree: World) -> None:
    def asked(office: str | None, slug: str, key: str, **changed: Any) -> Any:
        body = tree.request(slug, case_no=key)
        face = {**body["face"], "issuer_name": tree.service.keyring.departments[SHUAN].name, **changed.pop("face", {})}
        return tree.http.post("/licences", json={**body, "face": face, **changed}, headers={**headers_of(tree, office), "Idempotency-Key": key})

    parent = asked("south", BUSINESS, "parent-0001", region="519905")
    assert parent.status_code == 201, parent.text
    licence_id, number = parent.json()["licence_id"], parent.json()["number"]
    wrong = {"business_permit_no": "519902010599"}
    of_the_house = asked(None, VEHICLE, "hanging-0000", face=wrong, parent=licence_id)
    assert of_the_house.json()["faults"][0]["code"] == "other-number"
    real, nothing = (
        asked("north-window", VEHICLE, key, face=wrong, parent=one) for key, one in (("hanging-0001", licence_id), ("hanging-0002", "0" * 20))
    )
    assert (real.status_code, real.json()["faults"][0]["code"]) == (422, "no-parent"), real.text
    assert real.json() == nothing.json()
    known = asked("north-window", VEHICLE, "hanging-0003", face={"business_permit_no": number}, parent=licence_id)
    assert known.status_code == 201, known.text


@pytest.mark.rule("EN-08", "SE-01")
def test_a_reference_that_another_office_used_shows_nothing_of_what_it_entered(tree: World) -> None:
    attester = school(tree)
    mine, other = (
        sent(tree, headers_of(tree, office), number, region=region).json()["licence_id"]
        for number, (office, region) in enumerate([("south", "519905"), ("north", "519903")])
    )
    posted = [tree.http.post("/assertions", json=attester.assertion(one, CE, training(tree), "train-1")) for one in (other, mine)]
    assert [one.status_code for one in posted] == [201, 409], [one.text for one in posted]

    (task,) = tree.http.get("/tasks", headers=headers_of(tree, "south")).json()["tasks"]
    assert (task["licence_id"], sorted(task["content"])) == (mine, ["asserter", "external_ref", "rule", "second"])
    assert other not in str(task)
    assert posted[0].json()["endorsement_id"] not in str(task)
