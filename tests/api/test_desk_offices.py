"""The desk of a sub-office: its people see, count and touch what it and those below it issued, and of nothing else they know (SE-01)."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from licence_service.duties import OF_AN_OFFICE, Role
from licence_service.licence import beijing_day
from tests.api.test_cli import REFUSED, Terminal, terminal  # noqa: F401 - a fixture
from tests.api.test_desk import DETAIL
from tests.api.test_offices import OFFICES, headers_of, keys_with
from tests.desks import Seat, seat, typed
from tests.parts.databases import KINDS, empty_postgres
from tests.provider import ORGAN, desk_world
from tests.world import BUSINESS, DRIVER, ROOT, VEHICLE, World

COPY_NO = re.compile(r"第 ([0-9]+) 份")


@pytest.fixture(params=KINDS)
def tree(request: pytest.FixtureRequest, tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    """A desk whose department has offices, on both databases."""
    sqlite = request.param == "sqlite"
    url = None if sqlite else empty_postgres(request.getfixturevalue("postgres_address"), request.getfixturevalue("migrated_postgres"))
    with desk_world(tmp_path, keys_with(tmp_path / "keys", demo_keys, OFFICES), "http://127.0.0.1:9", database_url=url) as world:
        yield world


def issued_at(clerk: Seat, number: int) -> str:
    """Issue a driver's qualification of its own number by the form, and return its id."""
    request = clerk.world.request(DRIVER, case_no=f"WINDOW-{number}", face={"license_no": f"51990026110000{number:05}"})
    form, files = typed(request)
    answer = clerk.post(f"/desk/issue/{DRIVER}", {**form, "key": f"{number:032x}", "do": "issue"}, files)
    assert answer.status_code == 201, answer.text
    found = DETAIL.search(answer.text)
    assert found
    return found[1]


@pytest.mark.rule("SE-01")
def test_an_office_issues_at_its_window_and_every_entry_says_so(tree: World) -> None:
    licence_id = issued_at(seat(tree, Role.CLERK, office="north-window"), 1)
    entry = tree.service.book.get(licence_id).entries[0]
    assert (entry.office, entry.region) == ("north-window", "519904")
    assert "北站办事窗口" in seat(tree, Role.CLERK, office="north-window", subject="two").get("/desk").text
    assert not list(tree.service.auditor.audit())


@pytest.mark.rule("SE-01")
def test_every_page_answers_for_anothers_licence_as_for_one_that_nobody_issued(tree: World) -> None:
    window = seat(tree, Role.CLERK, office="north-window")
    mine, nobodys = issued_at(window, 1), "B" * 20
    number = "5199002611000000001"
    elicence_id = tree.service.book.get(mine).entries[0].version.elicence_id  # type: ignore[union-attr]
    knowing = [window, seat(tree, Role.CLERK, office="north"), seat(tree, Role.CLERK)]
    strangers = [seat(tree, Role.CLERK, Role.AUDITOR, office="south"), seat(tree, Role.CLERK, Role.AUDITOR, office="south", subject="another")]
    pages = (
        "",
        "/history",
        "/versions/1/document",
        "/acts/suspend",
        "/acts/replace",
        "/acts/endorse?kind=continuing_education",
        "/acts/accept_transfer",
    )
    for who, status in [*((one, 200) for one in knowing), *((one, 404) for one in strangers)]:
        for page in pages[:5]:
            assert who.get(f"/desk/licences/{mine}{page}").status_code == status, (who, page)
    for stranger in strangers:
        for page in pages:
            there, nowhere = (stranger.get(f"/desk/licences/{one}{page}") for one in (mine, nobodys))
            assert (there.status_code, there.text) == (404, nowhere.text), page
        for page in ("/copies", "/acts/revoke", "/acts/replace"):
            there, nowhere = (stranger.post(f"/desk/licences/{one}{page}", {"reason": "lost"}) for one in (mine, nobodys))
            assert (there.status_code, there.text) == (404, nowhere.text), page
        for value in (number, mine, elicence_id, "WINDOW-1", "519902198506120119"):
            found = stranger.post("/desk/find", {"value": value})
            assert "本办事机构没有这样的证照" in found.text
            assert mine not in found.text
    for who in knowing:
        for value in (number, mine, "WINDOW-1"):
            assert who.post("/desk/find", {"value": value}).text.count('class="card hit"') == 1
    assert len(tree.service.book.get(mine).entries) == 1


@pytest.mark.rule("SE-01")
def test_what_the_department_issued_itself_is_unknown_at_a_window(tree: World) -> None:
    whole = issued_at(seat(tree, Role.CLERK), 1)
    window = seat(tree, Role.CLERK, office="north-window")
    assert window.get(f"/desk/licences/{whole}").status_code == 404
    assert "没有这样的证照" in window.post("/desk/find", {"value": "WINDOW-1"}).text


def test_what_clerks_of_an_office_asked_for_is_a_case_of_the_office_for_its_systems_too(tree: World) -> None:
    issued_at(seat(tree, Role.CLERK, office="north-window"), 1)
    read = {name: tree.http.get("/cases/WINDOW-1", headers=headers_of(tree, name)).status_code for name in ("north", "north-window", "south", None)}
    assert read == {"north": 200, "north-window": 200, "south": 404, None: 200}


def test_a_move_to_another_office_holds_from_the_next_request_on(tree: World) -> None:
    clerk = seat(tree, Role.CLERK, office="north-window")
    licence_id = issued_at(clerk, 1)
    assert clerk.get(f"/desk/licences/{licence_id}").status_code == 200
    assert licence_id in clerk.get("/desk").text
    reservation = next(one for one in tree.service.seal_log.uses() if one["event"] == "done")["reservation_id"]
    assert clerk.get(f"/desk/reservations/{reservation}").text.count('class="told-code"') == 2

    tree.service.people.move(clerk.person_id, "south", beijing_day(tree.clock()), "operator", tree.clock())
    assert clerk.get(f"/desk/licences/{licence_id}").status_code == 404
    assert licence_id not in clerk.get("/desk").text
    assert clerk.get(f"/desk/reservations/{reservation}").status_code == 404
    tree.service.people.move(clerk.person_id, None, beijing_day(tree.clock()), "operator", tree.clock())
    assert clerk.get(f"/desk/licences/{licence_id}").status_code == 200


@pytest.mark.rule("AU-06", "SE-03")
def test_an_auditor_of_an_office_reads_its_seal_uses_and_readers_alone(tree: World) -> None:
    north, south, whole = (seat(tree, Role.CLERK, office=office) for office in ("north-window", "south", None))
    made = [issued_at(one, number) for number, one in enumerate((north, south, whole))]
    for one, licence_id in zip((north, south, whole), made, strict=True):
        one.get(f"/desk/licences/{licence_id}")
    department = tree.service.keyring.departments[ORGAN]
    tree.service.seal_log.order(department.seal.seal_id, stopped=False, at=tree.clock(), by="局长甲", reason="例行检查")
    auditors = {name: seat(tree, Role.AUDITOR, office=name) for name in ("north", "south", None)}
    seen = {name: auditor.get("/desk/log").text for name, auditor in auditors.items()}
    uses = {name: auditor.get("/desk/seal").text for name, auditor in auditors.items()}

    assert [[one in seen[name] for one in made] for name in ("north", "south", None)] == [
        [True, False, False], [False, True, False], [True, True, True],
    ]  # fmt: skip
    assert [uses[name].count("完成") for name in ("north", "south", None)] == [1, 1, 3]
    assert ["例行检查" in uses[name] for name in ("north", "south", None)] == [False, False, True]


def test_copies_are_numbered_over_all_who_print_and_listed_to_who_may_know_the_licence(tree: World) -> None:
    window, north = seat(tree, Role.CLERK, office="north-window"), seat(tree, Role.CLERK, office="north")
    licence_id = issued_at(window, 1)
    numbers = [COPY_NO.findall(one.post(f"/desk/licences/{licence_id}/copies").text)[0] for one in (window, north)]
    for _ in range(3):
        window.get(f"/desk/licences/{licence_id}")
    assert numbers == ["1", "2"]
    assert COPY_NO.findall(window.get(f"/desk/licences/{licence_id}").text) == ["2", "1"]


def test_stock_seal_and_approvals_are_the_departments(tree: World) -> None:
    one = seat(tree, *OF_AN_OFFICE, office="north")
    for path in ("/desk/stock", f"/desk/stock/{'0' * 26}", "/desk/approvals"):
        assert one.get(path).status_code == 403, path
    assert one.post("/desk/seal", {"order": "stop", "reason": "试"}).status_code == 403


def test_people_are_added_to_an_office_and_moved_by_commands(terminal: Terminal) -> None:  # noqa: F811
    keys = str(keys_with(terminal.folder / "keys", Path(terminal.environment["LICENCE_KEYS"]), OFFICES))

    def run(*words: str, wanted: int = 0) -> Any:
        return terminal.run(*words, wanted=wanted, LICENCE_KEYS=keys)

    add = ("people", "add", "罗青石", "--issuer", "https://id.example.cn", "--department", ORGAN, "--subject")
    assert "no such office" in run(*add, "u-1", "--office", "nowhere", wanted=REFUSED).output
    assert (
        "an office has no seal_officer" in run(*add, "u-1", "--office", "north", "--role", "clerk", "--role", "seal_officer", wanted=REFUSED).output
    )
    assert terminal.json("people", "list") == []  # nobody was added by half
    run(*add, "u-1", "--office", "north", "--role", "clerk")
    person = terminal.json("people", "list")[0]["person"]
    assert "north" in run("people", "list").output
    run("people", "role", person, "seal_officer", wanted=REFUSED)
    run("people", "office", person, "nowhere", wanted=REFUSED)
    run("people", "office", person)
    assert terminal.json("people", "list")[0]["office"] == ""
    run("people", "role", person, "seal_officer")
    run("people", "office", person, "north", wanted=REFUSED)
    run("people", "role", person, "seal_officer", "--end")
    run("people", "office", person, "north-window")
    assert terminal.json("people", "list")[0]["office"] == "north-window"


@pytest.mark.rule("AI-04", "SE-01")
def test_tasks_are_seen_counted_and_closed_by_the_office_that_they_are_about_and_its_department(tree: World) -> None:
    clerks = {name: seat(tree, Role.CLERK, office=name) for name in ("north", "north-window", "south", None)}
    licence_id, tasks = issued_at(clerks["north-window"], 1), tree.service.tasks
    about = tasks.open(ORGAN, "conflict", licence_id, {"rule": "XR-03", "values": {"plate": {"register": "川A1", "asserted": "<b>川A2</b>"}}})
    left = tasks.open(ORGAN, "unattended", None, {"rule": "AI-04", "case_no": "WINDOW-9", "type": DRIVER}, slug=DRIVER, office="north-window")
    why = "receipts.police_vehicle conflict, receipts.company_register unavailable, face.person_name outside-limits"
    whole = tasks.open(ORGAN, "unattended", None, {"rule": "AI-04", "case_no": "CITY-1", "type": DRIVER, "why": why}, slug=DRIVER)
    seen = {name: clerk.get("/desk/tasks").text for name, clerk in clerks.items()}

    assert {name: [one in text for one in (about, left, whole)] for name, text in seen.items()} == {
        "north": [True, True, False], "north-window": [True, True, False], "south": [False] * 3, None: [True] * 3,
    }  # fmt: skip
    assert {name: re.findall("([0-9]+) 件", clerk.get("/desk").text) for name, clerk in clerks.items()} == {
        "north": ["2"], "north-window": ["2"], "south": [], None: ["3"],
    }  # fmt: skip
    assert f"/desk/licences/{licence_id}" in seen["north"]
    assert "号牌：登记为 川A1，申报为 &lt;b&gt;川A2&lt;/b&gt;" in seen["north"]
    assert "police_vehicle：结果不一致（conflict）；company_register：未答复（unavailable）；姓名：超出自动办理的限度（outside-limits）" in seen[None]
    nothing = clerks["south"].post(f"/desk/tasks/{'0' * 26}/close")
    for task in (about, left, whole):
        answer = clerks["south"].post(f"/desk/tasks/{task}/close")
        assert (answer.status_code, answer.text) == (404, nothing.text)
    assert clerks["north"].post(f"/desk/tasks/{whole}/close").status_code == 404
    assert [clerks["north-window"].post(f"/desk/tasks/{task}/close").status_code for task in (about, left)] == [303, 303]
    assert [one.task_id for _, one in tasks.of(ORGAN)] == [whole]


# -- region and parent --------------------------------------------------------------------------------------------------


def sent_form(clerk: Seat, slug: str, number: int, request: dict[str, Any], **more: str) -> Any:
    form, files = typed(request)
    return clerk.post(f"/desk/issue/{slug}", {**form, **more, "key": f"{number:032x}", "do": "issue"}, files)


def offered(page: str) -> list[str]:
    """Return the regions that a form offers."""
    found = re.search(r'<select[^>]*name="region"[^>]*>(.*?)</select>', page, re.DOTALL)
    return re.findall(r'value="([0-9]+)"', found[1]) if found else []


@pytest.mark.rule("LC-16", "SE-01")
def test_an_office_of_several_regions_names_the_one_that_is_meant(tree: World) -> None:
    north, window = seat(tree, Role.CLERK, office="north"), seat(tree, Role.CLERK, office="north-window")
    page = north.get(f"/desk/issue/{DRIVER}").text
    assert offered(page) == ["519903", "519904"]
    assert "519903 云岭县" in page
    assert offered(window.get(f"/desk/issue/{DRIVER}").text) == []  # there is one only
    request = tree.request(DRIVER, case_no="WINDOW-1", face={"license_no": "5199002611000000001"})
    unsaid = sent_form(north, DRIVER, 1, request)
    assert (unsaid.status_code, 'id="region-about"' in unsaid.text) == (422, True)
    foreign = sent_form(north, DRIVER, 2, request, region="519905")
    assert foreign.status_code == 409
    assert "您的角色或本单位无权办理此事" in foreign.text
    done = sent_form(north, DRIVER, 3, request, region="519903")
    assert done.status_code == 201, done.text
    found = DETAIL.search(done.text)
    assert found
    assert tree.service.book.get(found[1]).entries[0].region == "519903"


@pytest.mark.rule("LC-16")
def test_the_department_is_offered_the_regions_of_its_grants_and_no_others(tmp_path: Path, demo_keys: Path) -> None:
    grants = f"""
[[grants]]
types = ["{DRIVER}"]
from = 2020-01-01
regions = ["519902", "519903"]

[[grants]]
types = ["{BUSINESS}", "{VEHICLE}"]
from = 2020-01-01
"""
    keys = keys_with(tmp_path / "keys", demo_keys, grants, instead_of_grants=True)
    with desk_world(tmp_path, keys, "http://127.0.0.1:9") as world:
        clerk = seat(world, Role.CLERK)
        page = clerk.get(f"/desk/issue/{DRIVER}").text
        assert offered(page) == ["519902", "519903"]
        assert offered(clerk.get(f"/desk/issue/{BUSINESS}").text) == []
        request = world.request(DRIVER)
        assert sent_form(clerk, DRIVER, 1, request).status_code == 409  # its own region is not granted
        assert sent_form(clerk, DRIVER, 2, request, region="519902").status_code == 201


def test_regions_are_offered_by_their_codes_where_no_rules_of_legacy_stock_name_them(tmp_path: Path, demo_keys: Path) -> None:
    grants = f'[[grants]]\ntypes = ["{DRIVER}"]\nfrom = 2020-01-01\nregions = ["519902", "519903"]\n'
    templates = Path(shutil.copytree(ROOT / "templates", tmp_path / "templates", ignore=shutil.ignore_patterns("_stock")))
    keys = keys_with(tmp_path / "keys", demo_keys, grants, instead_of_grants=True)
    with desk_world(tmp_path, keys, "http://127.0.0.1:9", templates=templates) as world:
        page = seat(world, Role.CLERK).get(f"/desk/issue/{DRIVER}")
        assert (page.status_code, offered(page.text)) == (200, ["519902", "519903"])


@pytest.mark.rule("LC-16")
def test_a_grant_for_a_city_offers_its_counties_by_name_and_none_that_was_merged(tmp_path: Path, demo_keys: Path) -> None:
    grants = f'[[grants]]\ntypes = ["{DRIVER}"]\nfrom = 2020-01-01\nregions = ["519900"]\n'
    with desk_world(tmp_path, keys_with(tmp_path / "keys", demo_keys, grants, instead_of_grants=True), "http://127.0.0.1:9") as world:
        clerk = seat(world, Role.CLERK)
        page = clerk.get(f"/desk/issue/{DRIVER}").text
        assert offered(page) == ["519900", "519902", "519903", "519904"]
        assert "519903 云岭县" in page
        assert "授权某市，即含其所辖区县" in page
        assert sent_form(clerk, DRIVER, 1, world.request(DRIVER), region="519904").status_code == 201


@pytest.mark.rule("LC-13")
def test_the_form_of_a_type_that_hangs_on_another_takes_the_id_of_that_licence(tree: World) -> None:
    clerk = seat(tree, Role.CLERK)
    assert 'name="parent"' not in clerk.get(f"/desk/issue/{DRIVER}").text
    assert 'name="parent"' in clerk.get(f"/desk/issue/{VEHICLE}").text
    organ = {"issuer_name": tree.service.keyring.departments[ORGAN].name}
    above = sent_form(clerk, BUSINESS, 1, tree.request(BUSINESS, case_no="ABOVE-1", face=organ))
    assert above.status_code == 201, above.text
    found = DETAIL.search(above.text)
    assert found
    number = tree.service.book.get(found[1]).at(beijing_day(tree.clock())).current.face["license_no"]
    request = tree.request(VEHICLE, case_no="BELOW-1", face={**organ, "business_permit_no": number})
    for wrong in ("0" * 20, "rubbish"):
        refused = sent_form(clerk, VEHICLE, 2, request, parent=wrong)
        assert (refused.status_code, 'id="parent-about"' in refused.text) == (422, True)
        assert f'value="{wrong}"' in refused.text
    done = sent_form(clerk, VEHICLE, 3, request, parent=found[1])
    assert done.status_code == 201, done.text
    below = DETAIL.search(done.text)
    assert below
    assert tree.service.book.get(below[1]).entries[0].parent.licence_id == found[1]  # type: ignore[union-attr]
