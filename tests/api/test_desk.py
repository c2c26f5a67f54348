"""The desk through HTTP: what each role may do, and that nobody else's form, department or session does it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_service import founding
from licence_service.bodies import Body
from licence_service.document import reading
from licence_service.duties import Role
from licence_service.entry_form import body_of
from licence_service.errors import TransitionRefused
from licence_service.licence import beijing_day
from licence_service.preview import preview_act
from licence_service.stock.declared import read_plan
from licence_service.stock.office import Delivery
from licence_service.stock.sources import open_source
from licence_service.store.stock_rows import PASSED, QUARANTINED, REJECTED, StockRun
from tests import stocks
from tests.api.test_attesting import CE, school, training
from tests.api.test_offices import OFFICES, keys_with
from tests.desks import HTML, OWN_KEY, Seat, seat, typed
from tests.journeys.ageing import a_few, runner_of, the_plan
from tests.parts.databases import KINDS, empty_postgres
from tests.provider import ORGAN, OTHER, desk_world
from tests.world import DRIVER, Clock, World, decision, own_templates

TYPES = own_templates().slugs
COUNTY = "11519902MB990003XD"
DETAIL = re.compile(r'href="/desk/licences/([0-9A-Z]{20})"')


@pytest.fixture
def desk(tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    with desk_world(tmp_path, demo_keys, "http://127.0.0.1:9") as world:
        yield world


@pytest.fixture(params=KINDS)
def either(request: pytest.FixtureRequest, tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    """The desk on each of the two databases."""
    sqlite = request.param == "sqlite"
    url = None if sqlite else empty_postgres(request.getfixturevalue("postgres_address"), request.getfixturevalue("migrated_postgres"))
    with desk_world(tmp_path, demo_keys, "http://127.0.0.1:9", database_url=url) as world:
        yield world


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[World]:
    with desk_world(tmp_path_factory.mktemp("desk"), demo_keys, "http://127.0.0.1:9") as world:
        yield world


def issued(clerk: Seat, slug: str, **changed: Any) -> Any:
    """Issue a sample by the form of its type; return the answer."""
    page = clerk.get(f"/desk/issue/{slug}")
    assert page.status_code == 200, page.text
    key = OWN_KEY.search(page.text)
    assert key
    request = clerk.world.request(slug, **changed)
    request["decision"]["officer"] = "罗青石"
    request["decision"].pop("unattended", None)
    form, files = typed(request)
    return clerk.post(f"/desk/issue/{slug}", {**form, "key": key[1], "do": "issue"}, files)


@pytest.mark.parametrize("slug", TYPES)
def test_every_type_is_issued_by_the_form_that_its_template_makes(shared: World, slug: str) -> None:
    organ = shared.service.catalogue.samples[slug].issuer
    clerk = seat(shared, Role.CLERK, department=organ, subject=slug)

    answer = issued(clerk, slug)
    assert answer.status_code == 201, answer.text
    assert "已签章并登记" in answer.text
    sample = shared.service.catalogue.samples[slug]
    assert sample.issuer == organ
    number = str(shared.request(slug)["face"][shared.moved(slug).template.number.field])
    found = clerk.post("/desk/find", {"value": number})
    assert found.text.count('class="card hit"') == 1


# -- who may do what ---------------------------------------------------------------------------------------------------


LICENCE = f"/desk/licences/{'A' * 20}"
DOORS = {
    "/desk/licences": {Role.CLERK, Role.AUDITOR}, "/desk/issue": {Role.CLERK}, f"/desk/issue/{DRIVER}": {Role.CLERK}, "/desk/stock": {Role.DATA_QUALITY},
    "/desk/stock/rates": {Role.DATA_QUALITY}, "/desk/tasks": {Role.CLERK},
    "/desk/campaigns": {Role.TEMPLATE_ADMINISTRATOR, Role.APPROVER}, "/desk/campaigns/plan": {Role.TEMPLATE_ADMINISTRATOR},
    "/desk/seal": {Role.SEAL_OFFICER, Role.AUDITOR}, "/desk/log": {Role.AUDITOR}, "/desk/approvals": {Role.TEMPLATE_ADMINISTRATOR, Role.APPROVER},
}  # fmt: skip
POSTS = {
    "/desk/find": {Role.CLERK, Role.AUDITOR}, f"/desk/issue/{DRIVER}": {Role.CLERK}, f"/desk/preview/{DRIVER}": {Role.CLERK}, "/desk/seal": {Role.SEAL_OFFICER},
    f"{LICENCE}/acts/suspend": {Role.CLERK}, f"{LICENCE}/acts/change/preview": {Role.CLERK},
    f"{LICENCE}/copies": {Role.CLERK}, f"/desk/stock/{'0' * 26}/rows/2": {Role.DATA_QUALITY},
    f"/desk/tasks/{'0' * 26}/close": {Role.CLERK},
    "/desk/approvals/propose": {Role.TEMPLATE_ADMINISTRATOR}, "/desk/approvals/proposals/1": {Role.APPROVER}, "/desk/approvals/campaigns/x": {Role.APPROVER},
    "/desk/campaigns/plan": {Role.TEMPLATE_ADMINISTRATOR}, f"/desk/campaigns/{'0' * 26}": {Role.TEMPLATE_ADMINISTRATOR, Role.APPROVER},
}  # fmt: skip


OF_THE_KEEPER = {"/desk/approvals/propose", "/desk/approvals/proposals/1"}  # of the department that keeps the register, besides the role


@pytest.mark.parametrize("role", [None, *Role])
def test_a_door_opens_to_the_roles_that_have_it_and_to_no_other(desk: World, role: Role | None) -> None:
    one = seat(desk, *([role] if role else []))
    for path, roles in DOORS.items():
        answer = one.get(path)
        assert (answer.status_code == 200) == (role in roles), path
        if role not in roles:
            assert answer.status_code == 403
            assert "您的角色或本单位无权办理此事" in answer.text
    for path, roles in POSTS.items():
        answer = one.post(path)
        mine = role in roles and (path not in OF_THE_KEEPER or keeps(desk))
        assert (answer.status_code != 403) == mine, path
        if role not in roles:
            assert answer.status_code == 403, path
    shown = one.get("/desk").text
    assert ("您今天没有任何角色" in shown) == (role is None)


def keeps(world: World) -> bool:
    """Say whether the department of these tests keeps the register."""
    departments = world.service.keyring.departments
    return min(departments.values(), key=lambda one: one.issuer_index).uscc == ORGAN


def test_no_form_is_taken_without_the_key_of_its_session(desk: World) -> None:
    other = seat(desk, Role.CLERK, subject="another")
    for path, roles in {**POSTS, "/desk/sign-out": {Role.CLERK}}.items():
        one = seat(desk, max(roles), subject=path)
        for key in ("", "x", "一", other.form_key):
            answer = desk.http.post(path, data={"form_key": key, "value": "x"}, headers=one.cookie, follow_redirects=False)
            assert answer.status_code == 403, (path, answer.status_code)
        assert desk.http.post(path, json={"form_key": one.form_key}, headers=one.cookie, follow_redirects=False).status_code == 415
        assert "退出" in one.get("/desk").text  # it was not signed out by any of them


def test_who_is_not_signed_in_is_led_to_the_door_whatever_they_ask(desk: World) -> None:
    for path in (*DOORS, LICENCE, f"{LICENCE}/history"):
        answer = desk.http.get(path, headers=HTML, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/desk"), path
    for path in POSTS:
        for cookie in ("", "desk_session=x", "desk_session=" + "9" * 5000):
            answer = desk.http.post(path, data={}, headers={**HTML, "Cookie": cookie}, follow_redirects=False)
            assert (answer.status_code, answer.headers["location"]) == (303, "/desk"), path


def test_a_person_who_is_removed_or_loses_the_role_is_out_with_the_next_request(desk: World) -> None:
    one, two = seat(desk, Role.CLERK), seat(desk, Role.CLERK, subject="two")
    assert one.get("/desk/issue").status_code == two.get("/desk/issue").status_code == 200
    desk.service.people.remove(one.person_id, "operator", desk.clock())
    desk.service.people.end(two.person_id, Role.CLERK, beijing_day(desk.clock()), "operator", desk.clock())

    assert one.get("/desk/issue").status_code == 303
    assert two.get("/desk/issue").status_code == 403


def test_a_session_ends_after_its_time(desk: World) -> None:
    one = seat(desk, Role.CLERK)
    desk.clock.now += timedelta(minutes=19)  # type: ignore[attr-defined]
    assert one.get("/desk/issue").status_code == 200
    desk.clock.now += timedelta(minutes=21)  # type: ignore[attr-defined]
    assert one.get("/desk/issue").status_code == 303


@pytest.mark.parametrize(
    ("method", "path", "status", "back"),
    [
        ("GET", "/desk/licences/{licence}/acts/fly", 422, "/desk/licences/{licence}"), ("GET", f"{LICENCE}/history", 404, "/desk/licences"),
        ("POST", "/desk/licences/{licence}/acts/void?kind=none", 404, "/desk/licences"), ("GET", "/desk/issue/no_such_type", 404, "/desk/issue"),
        ("GET", "/desk/stock", 403, None), ("GET", "/desk/nowhere", 404, None), ("POST", "/desk/nowhere", 404, None), ("GET", "/desk/seal", 403, None),
    ],
)  # fmt: skip
def test_a_refusal_says_who_is_signed_in_and_keeps_the_way_back(desk: World, method: str, path: str, status: int, back: str | None) -> None:
    clerk, licence_id = seat(desk, Role.CLERK), desk.issue(DRIVER)["licence_id"]
    path = path.format(licence=licence_id)
    answer = clerk.get(path) if method == "GET" else clerk.post(path)
    assert answer.status_code == status, answer.text
    assert "罗青石" in answer.text
    assert "退出" in answer.text
    assert clerk.form_key in answer.text
    assert 'href="/desk/issue"' in answer.text  # the doors
    ways = re.findall(r'<a href="([^"]+)"', answer.text[answer.text.index('class="back"') :])
    assert ways[:-1] == ([back.format(licence=licence_id)] if back else [])
    assert ways[-1] == "/desk"
    assert licence_id not in answer.text or status != 404


def test_a_refusal_to_nobody_names_nobody(desk: World) -> None:
    answer = desk.http.get("/desk/nowhere", headers=HTML)
    assert answer.status_code == 404
    assert "退出" not in answer.text


def test_a_refused_order_leads_back_to_the_page_that_it_came_from(desk: World) -> None:
    refused = seat(desk, Role.SEAL_OFFICER).post("/desk/seal", {"order": "stop", "reason": ""})
    assert refused.status_code == 422
    assert '<a href="/desk/seal">' in refused.text


# -- another department -------------------------------------------------------------------------------------------------


def test_a_licence_of_another_department_is_answered_as_one_that_nobody_issued(desk: World) -> None:
    mine = desk.issue(DRIVER)["licence_id"]
    stranger = seat(desk, Role.CLERK, Role.AUDITOR, department=OTHER)
    number = str(desk.request(DRIVER)["face"]["license_no"])
    paths = ("", "/history", "/versions/1/document", "/acts/suspend", "/acts/endorse?kind=continuing_education")

    for path in paths:
        there, nowhere = stranger.get(f"/desk/licences/{mine}{path}"), stranger.get(f"/desk/licences/{'B' * 20}{path}")
        assert there.status_code == nowhere.status_code == 404, path
        assert there.text == nowhere.text
    for path in ("/copies", "/acts/revoke"):
        there, nowhere = stranger.post(f"/desk/licences/{mine}{path}"), stranger.post(f"/desk/licences/{'B' * 20}{path}")
        assert there.status_code == nowhere.status_code == 404
        assert there.text == nowhere.text
    for value in (number, mine, "no such number", desk.service.book.get(mine).entries[0].decision.number):
        found = stranger.post("/desk/find", {"value": value})
        assert "本机关没有这样的证照" in found.text
        assert mine not in found.text
    assert stranger.post(f"/desk/issue/{DRIVER}").status_code in {403, 422}


def test_a_run_and_a_campaign_of_another_department_do_not_exist(desk: World, tmp_path: Path) -> None:
    run = loaded(desk, tmp_path)
    stranger = seat(desk, Role.DATA_QUALITY, Role.APPROVER, department=OTHER)
    assert run.run_id not in stranger.get("/desk/stock").text
    assert stranger.get(f"/desk/stock/{run.run_id}").status_code == 404
    assert stranger.post(f"/desk/stock/{run.run_id}/rows/2", {"cell.person_name": "林"}).status_code == 404
    assert stranger.post("/desk/approvals/campaigns/none").status_code == 404


def test_types_that_only_a_sub_office_may_issue_are_not_offered_to_the_department(tmp_path: Path, demo_keys: Path) -> None:
    grants = '[[grants]]\ntypes = ["*"]\nfrom = 2020-01-01\norganisations = ["north"]\n'
    with desk_world(tmp_path, keys_with(tmp_path / "keys", demo_keys, grants + OFFICES, instead_of_grants=True), "http://127.0.0.1:9") as world:
        clerk = seat(world, Role.CLERK)
        assert "本机关目前没有可颁发的证照类型" in clerk.get("/desk/issue").text
        assert clerk.get(f"/desk/issue/{DRIVER}").status_code == clerk.post(f"/desk/issue/{DRIVER}").status_code == 403


# -- what a clerk does ----------------------------------------------------------------------------------------------------


def test_the_book_says_who_acted_by_an_id_that_names_nobody(desk: World) -> None:
    clerk = seat(desk, Role.CLERK)
    answer = issued(clerk, DRIVER)
    licence_id = DETAIL.search(answer.text)
    assert licence_id
    entry = desk.service.book.get(licence_id[1]).entries[0]
    assert entry.by == f"person:{clerk.person_id}"
    assert "罗青石" not in str(body_of(entry))


def test_the_same_press_of_the_button_twice_is_one_licence(desk: World) -> None:
    clerk = seat(desk, Role.CLERK)
    form, files = typed(desk.request(DRIVER))
    first, second = (clerk.post(f"/desk/issue/{DRIVER}", {**form, "key": "1" * 32}, files) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.text == second.text
    other = clerk.post(f"/desk/issue/{DRIVER}", {**form, "key": "2" * 32, "decision.number": "另一决定"}, files)
    assert other.status_code == 409


@pytest.mark.rule("AI-02")
def test_nothing_is_sealed_without_a_decision_and_every_fault_stands_at_its_field(desk: World) -> None:
    clerk = seat(desk, Role.CLERK)
    form, files = typed(desk.request(DRIVER))
    wrong = {**form, "decision.number": "", "face.citizen_id": "519902198506120112", "face.address": "", "key": "3" * 32}
    answer = clerk.post(f"/desk/issue/{DRIVER}", wrong, files)

    assert answer.status_code == 422
    for name in ("decision-number", "face-citizen_id", "face-address"):
        assert f'id="{name}-about"' in answer.text
        assert re.search(rf'id="{name}"[^>]*aria-invalid="true"', answer.text)
    assert "校验码不符" in answer.text
    assert form["face.person_name"] in answer.text  # nothing that was typed is lost
    assert 'name="kept.photo"' in answer.text
    assert desk.service.seal_log.uses() == []

    kept = re.search(r'name="kept.photo" value="([^"]+)"', answer.text)
    assert kept
    again = clerk.post(f"/desk/issue/{DRIVER}", {**form, "key": "3" * 32, "kept.photo": kept[1]})
    assert again.status_code == 201


@pytest.mark.rule("AI-10")
def test_a_preview_draws_the_page_and_leaves_nothing_behind(desk: World) -> None:
    clerk = seat(desk, Role.CLERK)
    form, files = typed(desk.request(DRIVER))
    drawn = clerk.post(f"/desk/preview/{DRIVER}", form, files)
    assert drawn.status_code == 200
    assert drawn.text.count("data:image/png;base64,") == 2
    short = clerk.post(f"/desk/preview/{DRIVER}", {**form, "face.address": ""}, files)
    assert "住址：必须填写" in short.text
    assert "data:image/png" not in short.text
    assert desk.service.seal_log.uses() == []
    pressed = clerk.post(f"/desk/issue/{DRIVER}", {**form, "key": "4" * 32, "do": "preview"}, files)
    assert pressed.text.count("data:image/png;base64,") == 2
    assert list(desk.service.book.all_ids()) == []


ACTS: dict[str, dict[str, str]] = {
    "replace": {"reason": "lost"}, "change": {"face.employer": "蜀安通达运输有限公司"}, "correct": {"face.address": "示例省蜀安市青溪区和平巷9号"},
    "suspend": {"suspension.kind": "measure", "suspension.first": "today"}, "report_lost": {}, "reseal": {}, "revoke": {}, "withdraw": {"ground": "fraud"},
    "recall": {}, "cancel": {"ground": "request"}, "transfer": {"to_department": OTHER},
}  # fmt: skip


@pytest.mark.parametrize("act", ACTS)
def test_an_act_is_entered_by_its_form(desk: World, act: str) -> None:
    clerk = seat(desk, Role.CLERK)
    licence_id = desk.issue(DRIVER)["licence_id"]
    assert f"/acts/{act}" in clerk.get(f"/desk/licences/{licence_id}").text
    before = len(desk.service.book.get(licence_id).entries)

    answer = clerk.post(f"/desk/licences/{licence_id}/acts/{act}", filled(clerk, licence_id, act, ACTS[act]))
    assert answer.status_code == 201, answer.text
    entries = desk.service.book.get(licence_id).entries
    assert [entry.act.value for entry in entries[before:]] == [act]


def filled(clerk: Seat, licence_id: str, act: str, more: dict[str, str], query: str = "") -> dict[str, str]:
    """Return the form of an act as the page made it, with what a clerk adds."""
    page = clerk.get(f"/desk/licences/{licence_id}/acts/{act}{query}")
    assert page.status_code == 200, page.text
    today = beijing_day(clerk.world.clock()).isoformat()
    stands = dict(re.findall(r'<input class="govuk-input"[^>]*name="([^"]+)"[^>]*? value="([^"]*)"', page.text))
    stands |= dict(re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>([^<]*)</textarea>', page.text))
    stands |= dict(
        re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(?:<option[^>]*>[^<]*</option>)*?<option value="([^"]+)" data-value selected>', page.text)
    )
    ticked = re.findall(r'name="([^"]+)" type="checkbox" value="([^"]*)" checked', page.text)
    boxes = {name: [code for other, code in ticked if other == name] for name, _ in ticked}
    key = OWN_KEY.search(page.text)
    assert key
    said = {name: today if text == "today" else text for name, text in more.items()}
    return {**stands, **boxes, "decision.number": "示许〔2026〕9号", "key": key[1], **said}


DRAWN = {
    "replace": {"reason": "lost"},
    "change": {"face.employer": "蜀安通达运输有限公司"},
    "correct": {"face.address": "示例省蜀安市青溪区和平巷9号"},
    "reseal": {},
}


@pytest.mark.rule("AI-10")
@pytest.mark.parametrize("act", DRAWN)
def test_an_act_with_a_document_is_previewed_while_it_is_typed_and_leaves_nothing_behind(desk: World, act: str) -> None:
    clerk = seat(desk, Role.CLERK)
    licence_id = desk.issue(DRIVER)["licence_id"]
    uses = desk.service.seal_log.uses()
    form = filled(clerk, licence_id, act, {**DRAWN[act], "decision.number": ""})
    page = clerk.get(f"/desk/licences/{licence_id}/acts/{act}")
    assert f'data-preview="/desk/licences/{licence_id}/acts/{act}/preview"' in page.text
    assert "connect-src 'self'" in page.headers["content-security-policy"]

    drawn = clerk.post(f"/desk/licences/{licence_id}/acts/{act}/preview", form)
    assert drawn.status_code == 200
    assert drawn.text.count("data:image/png;base64,") == 2, drawn.text
    pressed = clerk.post(f"/desk/licences/{licence_id}/acts/{act}", {**form, "do": "preview"})
    assert pressed.text.count("data:image/png;base64,") == 2
    assert f'value="{form["key"]}"' in pressed.text
    assert len(desk.service.book.get(licence_id).entries) == 1
    assert desk.service.seal_log.uses() == uses
    assert desk.service.tasks.of(ORGAN) == []


@pytest.mark.rule("AI-10")
def test_the_preview_of_an_act_is_the_new_page_watermarked_unsealed_and_without_codes(desk: World) -> None:
    licence_id = desk.issue(DRIVER)["licence_id"]
    record, line = desk.service.book.get(licence_id), desk.service.registrar.line
    body = {"act": "change", "face": {"employer": "蜀安通达运输有限公司"}, "decision": decision(beijing_day(desk.clock()))}
    pdf = preview_act(line, desk.client(DRIVER), record, body)
    text = "".join(reading.text(pdf))
    assert "蜀安通达运输有限公司" in text
    assert "样本" in text
    assert b"/ByteRange" not in pdf
    assert licence_id not in text
    assert reading.codes(pdf) == []
    with pytest.raises(TransitionRefused):
        preview_act(line, desk.client(DRIVER), record, {"act": "revoke", "decision": body["decision"]})


def test_the_preview_of_an_act_says_what_is_missing_and_what_the_table_refuses(desk: World) -> None:
    clerk = seat(desk, Role.CLERK)
    licence_id = desk.issue(DRIVER)["licence_id"]
    at = f"/desk/licences/{licence_id}/acts"
    form = filled(clerk, licence_id, "change", {"face.employer": "甲" * 300})
    assert "内容过长" in clerk.post(f"{at}/change/preview", form).text
    assert "必须填写" in clerk.post(f"{at}/replace/preview", filled(clerk, licence_id, "replace", {})).text
    assert "data-preview" not in clerk.get(f"{at}/suspend").text
    assert "data:image" not in clerk.post(f"{at}/suspend/preview", filled(clerk, licence_id, "suspend", ACTS["suspend"])).text
    good = filled(clerk, licence_id, "change", DRAWN["change"])
    assert desk.act(DRIVER, licence_id, {"act": "revoke"}, "preview-revoke").status_code == 201
    late = clerk.post(f"{at}/change/preview", good).text
    assert "证照目前的效力状态不能办理此事项" in late
    assert "data:image" not in late
    stranger = seat(desk, Role.CLERK, department=OTHER)
    assert stranger.post(f"{at}/change/preview", form).text == stranger.post(f"/desk/licences/{'B' * 20}/acts/change/preview", form).text


def test_a_suspension_is_lifted_and_a_renewal_is_offered_where_the_table_allows_it(desk: World) -> None:
    clerk = seat(desk, Role.CLERK)
    licence_id = desk.issue(DRIVER)["licence_id"]
    clerk.post(f"/desk/licences/{licence_id}/acts/suspend", filled(clerk, licence_id, "suspend", ACTS["suspend"]))
    page = clerk.get(f"/desk/licences/{licence_id}").text
    assert "/acts/lift" in page
    assert "暂扣" in page
    lifted = clerk.post(f"/desk/licences/{licence_id}/acts/lift", filled(clerk, licence_id, "lift", {"target": "2"}))
    assert lifted.status_code == 201, lifted.text
    clerk.post(f"/desk/licences/{licence_id}/acts/cancel", filled(clerk, licence_id, "cancel", ACTS["cancel"]))
    over = clerk.get(f"/desk/licences/{licence_id}").text
    assert "已注销" in over
    assert "/acts/renew" not in over
    refused = clerk.post(f"/desk/licences/{licence_id}/acts/renew", {"decision.number": "x", "key": "5" * 32})
    assert refused.status_code in {409, 422}


def test_an_endorsement_is_entered_by_the_form_of_its_kind(desk: World) -> None:
    clerk = seat(desk, Role.CLERK)
    licence_id = desk.issue(DRIVER)["licence_id"]
    kinds = clerk.get(f"/desk/licences/{licence_id}/acts/endorse").text
    kind = "integrity_assessment"
    assert f"?kind={kind}" in kinds
    sample = next(one for one in desk.moved(DRIVER).acts() if one.get("kind") == kind)
    facts = {f"facts.{name}": str(value) for name, value in sample["facts"].items()}
    form = filled(clerk, licence_id, "endorse", facts, f"?kind={kind}")
    answer = clerk.post(f"/desk/licences/{licence_id}/acts/endorse?kind={kind}", form)
    assert answer.status_code == 201, answer.text
    assert [one.kind for entry in desk.service.book.get(licence_id).entries for one in entry.endorsements] == [kind]


@pytest.mark.rule("LC-03")
def test_a_licence_that_nears_its_end_is_renewed(desk: World) -> None:
    done = desk.issue(DRIVER)
    end = desk.service.book.get(done["licence_id"]).entries[0].version.valid_to  # type: ignore[union-attr]
    assert end
    desk.clock.now = datetime.combine(end - timedelta(days=9), time(4), UTC)  # type: ignore[attr-defined]
    clerk = seat(desk, Role.CLERK)
    form = filled(clerk, done["licence_id"], "renew", {})
    answer = clerk.post(f"/desk/licences/{done['licence_id']}/acts/renew", form)
    assert answer.status_code == 201, answer.text
    assert answer.text.count('class="told-code"') == 2
    licence = desk.service.book.get(done["licence_id"]).at(beijing_day(desk.clock()))
    assert licence.current.valid_from == end + timedelta(days=1)


@pytest.mark.rule("LC-08")
def test_a_licence_is_released_by_one_department_and_taken_over_by_another(desk: World) -> None:
    licence_id = desk.issue(DRIVER)["licence_id"]
    clerk, other = seat(desk, Role.CLERK), seat(desk, Role.CLERK, department=COUNTY)
    assert other.get(f"/desk/licences/{licence_id}").status_code == 404
    released = clerk.post(f"/desk/licences/{licence_id}/acts/transfer", filled(clerk, licence_id, "transfer", {"to_department": COUNTY}))
    assert released.status_code == 201, released.text
    page = other.get(f"/desk/licences/{licence_id}").text
    assert set(re.findall(r"/acts/([a-z_]+)", page)) == {"accept_transfer", "reject_transfer"}
    taken = other.post(f"/desk/licences/{licence_id}/acts/accept_transfer", filled(other, licence_id, "accept_transfer", {"target": "2"}))
    assert taken.status_code == 201, taken.text
    assert desk.service.book.get(licence_id).issuer(beijing_day(desk.clock())) == COUNTY


@pytest.mark.rule("EN-03")
@pytest.mark.parametrize("act", ["endorse", "refuse_endorsement"])
def test_what_a_body_asserted_is_accepted_or_refused_at_the_desk(desk: World, act: str) -> None:
    clerk = seat(desk, Role.CLERK)
    licence_id, attester = desk.issue(DRIVER)["licence_id"], school(desk)
    taken = desk.http.post("/assertions", json=attester.assertion(licence_id, CE, training(desk, 60), "train-2")).json()
    assert taken["state"] == "asserted"
    found = taken["endorsement_id"]
    assert f"?accept={found}" in clerk.get(f"/desk/licences/{licence_id}/acts/endorse").text
    form = filled(clerk, licence_id, act, {"endorsement_id": found}, f"?accept={found}" if act == "endorse" else "")
    answer = clerk.post(f"/desk/licences/{licence_id}/acts/{act}", form)
    assert answer.status_code == 201, answer.text
    entry = desk.service.book.get(licence_id).entries[-1]
    assert (entry.act.value, entry.by) == (act, f"person:{clerk.person_id}")
    assert "受理" not in clerk.get(f"/desk/licences/{licence_id}/acts/endorse").text


def test_acts_that_are_none_and_kinds_that_the_type_has_not_are_not_found(desk: World) -> None:
    clerk = seat(desk, Role.CLERK)
    licence_id = desk.issue(DRIVER)["licence_id"]
    for path in ("acts/fly", "acts/issue", "acts/adopt", "acts/assert", "acts/endorse?kind=none", "acts/endorse?kind=" + "x" * 90):
        assert clerk.get(f"/desk/licences/{licence_id}/{path}").status_code in {404, 422}, path


# -- reading and copies -----------------------------------------------------------------------------------------------------


@pytest.mark.rule("AU-06")
def test_every_reading_is_logged_and_a_copy_has_a_number_of_its_own(desk: World) -> None:
    clerk, auditor = seat(desk, Role.CLERK), seat(desk, Role.AUDITOR)
    licence_id = desk.issue(DRIVER)["licence_id"]
    assert clerk.get(f"/desk/licences/{licence_id}").status_code == 200
    numbers = [re.findall(r"第 ([0-9]+) 份", clerk.post(f"/desk/licences/{licence_id}/copies").text)[0] for _ in range(2)]
    assert numbers == ["1", "2"]
    assert auditor.get(f"/desk/licences/{licence_id}/history").status_code == 200
    assert auditor.get(f"/desk/licences/{licence_id}/versions/1/document").headers["content-type"] == "application/pdf"
    assert auditor.post(f"/desk/licences/{licence_id}/copies").status_code == 403
    read = auditor.get(f"/desk/licences/{licence_id}").text
    assert "/acts/" not in read
    assert "打印副本" not in read

    lines = [(one.person_id, one.done, one.copy_no) for one in reversed(desk.service.desk_log.newest(ORGAN, subject=licence_id))]
    assert lines == [
        (clerk.person_id, "opened", None), (clerk.person_id, "copy", 1), (clerk.person_id, "copy", 2), (auditor.person_id, "history", None),
        (auditor.person_id, "document", None), (auditor.person_id, "opened", None),
    ]  # fmt: skip
    log = auditor.get("/desk/log").text
    assert "打印副本 第 2 份" in log
    assert log.count(licence_id) == 2 * len(lines)
    assert "查看查阅记录" in auditor.get("/desk/log").text
    assert licence_id not in seat(desk, Role.AUDITOR, department=OTHER).get("/desk/log").text


@pytest.mark.rule("AU-06")
def test_who_goes_straight_to_the_form_of_an_act_reads_the_licence_and_has_a_line_in_the_log(desk: World) -> None:
    clerk, other = seat(desk, Role.CLERK), seat(desk, Role.CLERK, subject="another")
    licence_id = desk.issue(DRIVER)["licence_id"]
    address = desk.request(DRIVER)["face"]["address"]

    def lines() -> list[tuple[str, str]]:
        return [(one.person_id, one.done) for one in reversed(desk.service.desk_log.newest(ORGAN, subject=licence_id))]

    form = f"/desk/licences/{licence_id}/acts/change"
    for _ in range(2):
        assert address in clerk.get(form).text
    assert clerk.get(f"{form}?kind=none").status_code == 404
    assert lines() == [(clerk.person_id, "opened")]  # one for the whole visit
    assert other.post(f"{form}/preview", filled(clerk, licence_id, "change", {})).status_code == 200
    assert lines()[1:] == [(other.person_id, "opened")]
    assert clerk.get(f"/desk/licences/{licence_id}").status_code == 200
    assert len(lines()) == 3
    assert isinstance(desk.clock, Clock)
    desk.clock.now += timedelta(hours=1, seconds=1)
    again = Seat(desk, clerk.person_id, desk.service.sign_in.sessions.begin(clerk.person_id, desk.clock()))
    assert again.get(form).status_code == 200
    assert seat(desk, Role.CLERK, department=OTHER).get(form).status_code == 404
    assert lines()[3:] == [(clerk.person_id, "opened")]


def test_a_copy_says_on_paper_when_the_licence_was_not_in_force(desk: World) -> None:
    licence_id = desk.issue(DRIVER)["licence_id"]
    clerk = seat(desk, Role.CLERK)
    assert "打印时" not in clerk.post(f"/desk/licences/{licence_id}/copies").text
    assert desk.act(DRIVER, licence_id, {"act": "revoke"}, "copy-revoke").status_code == 201
    assert "打印时：已吊销" in clerk.post(f"/desk/licences/{licence_id}/copies").text


@pytest.mark.parametrize("by", ["number", "holder", "licence_id", "elicence_id", "case_no"])
def test_a_licence_is_found_by_whatever_names_it_and_no_value_stands_in_an_address(desk: World, by: str) -> None:
    clerk, done = seat(desk, Role.CLERK), desk.issue(DRIVER)
    request = desk.request(DRIVER)
    value = {"holder": request["face"]["citizen_id"], "case_no": request["case_no"]}.get(by) or done[by]
    answer = clerk.post("/desk/find", {"value": value})
    assert answer.text.count('class="card hit"') == 1
    assert done["licence_id"] in answer.text
    assert not any(request["face"]["citizen_id"] in link for link in re.findall(r'(?:href|action|src)="([^"]*)"', answer.text))
    assert answer.headers["cache-control"] == "no-store"


def test_what_is_typed_is_text_on_every_page(desk: World) -> None:
    clerk = seat(desk, Role.CLERK)
    form, files = typed(desk.request(DRIVER))
    evil = '"><script>alert(1)</script>'
    answer = clerk.post(
        f"/desk/issue/{DRIVER}", {**form, "face.address": evil, "decision.number": "", "key": evil, "case_no": evil, "kept.photo": evil}
    )
    assert "<script>alert" not in answer.text
    assert files
    for value in (evil, "\x00", "' OR 1=1", "９" * 200):
        found = clerk.post("/desk/find", {"value": value})
        assert found.status_code in {200, 422}
        assert "<script>alert" not in found.text


# -- the seal -------------------------------------------------------------------------------------------------------------------


def test_a_seal_officer_stops_the_seal_issues_wait_and_go_on_when_it_is_started(either: World) -> None:
    desk = either
    officer, clerk = seat(desk, Role.SEAL_OFFICER), seat(desk, Role.CLERK)
    assert officer.post("/desk/seal", {"order": "stop", "reason": " "}).status_code == 422
    assert officer.post("/desk/seal", {"order": "stop", "reason": "印章可能失控"}).status_code == 303
    waiting = issued(clerk, DRIVER)
    assert waiting.status_code == 202
    assert "等待签章" in waiting.text
    assert "等用章管理员恢复" in waiting.text
    page = officer.get("/desk/seal").text
    assert "已停用" in page
    assert "印章可能失控" in page
    assert "罗青石" in page
    assert officer.post("/desk/seal", {"order": "start", "reason": "已查明"}).status_code == 303
    assert desk.service.registrar.finish() == 1
    where = re.search(r'href="(/desk/reservations/[0-9a-f]{26})"', waiting.text)
    assert where
    codes = re.findall(r'class="told-code">([^<]+)<', clerk.get(where[1]).text)
    assert [re.fullmatch(r"[0-9A-Z]{4}(  [0-9A-Z]{4})*", one) is not None for one in codes] == [True, True]  # in groups of four, to be read aloud
    assert seat(desk, Role.CLERK, subject="a colleague").get(where[1]).status_code == 404  # the codes are for who began it
    log = officer.get("/desk/seal").text
    assert "完成" in log
    assert desk.request(DRIVER)["face"]["citizen_id"] not in log


def test_an_auditor_reads_the_log_of_the_own_department_only(desk: World) -> None:
    desk.issue(DRIVER)
    auditor, stranger = seat(desk, Role.AUDITOR), seat(desk, Role.AUDITOR, department=OTHER)
    number = desk.request(DRIVER)["decision"]["number"]
    assert number in auditor.get("/desk/seal").text
    assert "立即停用" not in auditor.get("/desk/seal").text
    assert number not in stranger.get("/desk/seal").text


# -- legacy stock ---------------------------------------------------------------------------------------------------------------


def loaded(world: World, folder: Path) -> StockRun:
    """Load a small stock with faults."""
    stocks.photos(folder / "photos")
    rows = stocks.of_today(stocks.dirty(2, of_each=1).rows)
    (folder / "stock.csv").write_bytes(stocks.as_csv(rows))
    office = world.service.stock().office
    plan = read_plan(stocks.PLAN.encode(), office.template(DRIVER))
    return office.load(world.client(DRIVER), DRIVER, Delivery(open_source(folder / "stock.csv"), plan, "装载人甲", folder / "photos"))


@pytest.mark.rule("ST-03")
def test_a_quarantined_row_is_put_right_at_its_field_or_rejected_and_who_did_it_stays_with_it(desk: World, tmp_path: Path) -> None:
    run, keeper = loaded(desk, tmp_path), seat(desk, Role.DATA_QUALITY)
    listed = keeper.get("/desk/stock")
    assert run.run_id in listed.text
    assert "Refresh" not in listed.headers  # nothing is on its way
    page = keeper.get(f"/desk/stock/{run.run_id}").text
    assert page.count('name="do" value="reject"') == 10
    kept = desk.service.stock().office.kept
    rows = [row for part in kept.each(run, QUARANTINED) for row in part]
    row = next(one for one in rows if [each["rule"] for each in one.content["findings"]] == ["missing"])
    typed_in = {"do": "correct", "cell.address": "示例省蜀安市青溪区和平巷7号"}
    assert keeper.post(f"/desk/stock/{run.run_id}/rows/{row.line}", typed_in).status_code == 303
    after = kept.lines(run, [row.line])[0]
    assert after.state == PASSED
    assert after.content["draft"]["corrections"][-1]["by"] == keeper.person_id
    other = next(one for one in rows if one.line != row.line)
    assert keeper.post(f"/desk/stock/{run.run_id}/rows/{other.line}", {"do": "reject", "reason": " "}).status_code == 422
    assert keeper.post(f"/desk/stock/{run.run_id}/rows/{other.line}", {"do": "reject", "reason": "纸证已作废"}).status_code == 303
    assert kept.lines(run, [other.line])[0].state == REJECTED
    assert keeper.post(f"/desk/stock/{run.run_id}/rows/{row.line}", {"do": "correct"}).status_code == 422


# -- two people ------------------------------------------------------------------------------------------------------------------


def test_what_one_proposes_another_puts_in_force_and_nobody_their_own(desk: World) -> None:
    keeper = min(desk.service.keyring.departments.values(), key=lambda one: one.issuer_index).uscc
    admin, approver = seat(desk, Role.TEMPLATE_ADMINISTRATOR, department=keeper), seat(desk, Role.APPROVER, department=keeper)
    foundations = desk.service.foundations
    body = Body("52519900MB9900099X", "示例培训学校", "519900", ())
    founding.proposed_body(foundations, body, admin.person_id)
    founding.proposed_body(foundations, replace(body, name="示例培训学校二"), approver.person_id)
    first, second = (one.number for one in foundations.open_proposals())
    assert f"proposal-{first}" in admin.get("/desk/approvals").text
    assert admin.post(f"/desk/approvals/proposals/{first}").status_code == 403
    assert approver.post(f"/desk/approvals/proposals/{second}", {"do": "confirm"}).status_code == 422
    assert approver.post(f"/desk/approvals/proposals/{first}", {"do": "confirm"}).status_code == 303
    line = foundations.lines()[-1]
    assert (line.name, line.proposed_by, line.confirmed_by) == (body.uscc, admin.person_id, approver.person_id)
    assert approver.post(f"/desk/approvals/proposals/{first}", {"do": "confirm"}).status_code == 404
    page = approver.get("/desk/approvals").text  # now the second is a change, and shows what changes
    assert "<del>-  &#34;name&#34;: &#34;示例培训学校&#34;,</del>" in page
    assert "<ins>+  &#34;name&#34;: &#34;示例培训学校二&#34;,</ins>" in page
    outside = seat(desk, Role.APPROVER, department=next(one for one in desk.service.keyring.departments if one != keeper))
    assert outside.post(f"/desk/approvals/proposals/{second}").status_code == 403


@pytest.mark.parametrize("content", ["no JSON", "", "{", "[" * 20_000, '"<script>alert(1)</script>'])
def test_a_proposal_that_is_no_json_is_shown_as_it_stands(desk: World, content: str) -> None:
    keeper = min(desk.service.keyring.departments.values(), key=lambda one: one.issuer_index).uscc
    number = desk.service.foundations.propose("body", "52519900MB9900099X", content, "局长甲")
    page = seat(desk, Role.APPROVER, department=keeper).get("/desk/approvals")
    assert page.status_code == 200
    assert f"proposal-{number}" in page.text
    assert "<script>alert" not in page.text


def test_a_proposal_is_neither_put_in_force_nor_dropped_unless_that_was_said(desk: World) -> None:
    keeper = min(desk.service.keyring.departments.values(), key=lambda one: one.issuer_index).uscc
    number = founding.proposed_body(desk.service.foundations, Body("52519900MB9900099X", "示例培训学校", "519900", ()), "局长甲")
    approver = seat(desk, Role.APPROVER, department=keeper)
    for form in ({}, {"do": "frob"}, {"do": "confirmed"}):
        assert approver.post(f"/desk/approvals/proposals/{number}", form).status_code == 422
    assert [one.number for one in desk.service.foundations.open_proposals()] == [number]


def test_who_is_removed_and_added_anew_is_no_second_person(desk: World) -> None:
    keeper = min(desk.service.keyring.departments.values(), key=lambda one: one.issuer_index).uscc
    admin = seat(desk, Role.TEMPLATE_ADMINISTRATOR, department=keeper, subject="u-17")
    number = founding.proposed_body(desk.service.foundations, Body("52519900MB9900099X", "示例培训学校", "519900", ()), admin.person_id)
    desk.service.people.remove(admin.person_id, "operator", desk.clock())
    again = seat(desk, Role.APPROVER, department=keeper, subject="u-17")
    assert again.person_id != admin.person_id

    assert "这是您本人提出的" in again.get("/desk/approvals").text
    refused = again.post(f"/desk/approvals/proposals/{number}", {"do": "confirm"})
    assert refused.status_code == 422
    assert "提出人与审批人不能是同一人" in refused.text
    assert (
        seat(desk, Role.APPROVER, department=keeper, subject="u-18").post(f"/desk/approvals/proposals/{number}", {"do": "confirm"}).status_code == 303
    )


def test_a_campaign_that_was_rehearsed_is_approved_by_a_second_person_of_its_department(desk: World, tmp_path: Path) -> None:
    drivers, runner = a_few(desk, 1), runner_of(desk.service)
    approver, other = seat(desk, Role.APPROVER), seat(desk, Role.APPROVER, department=OTHER)
    own = runner.plan(the_plan(tmp_path, drivers, holders=["listed"], numbers=["listed"]), approver.person_id)
    campaign_id = runner.plan(the_plan(tmp_path, drivers, holders=["listed"], numbers=["listed"]), "拟定人甲")
    runner.rehearse(own)
    assert campaign_id not in approver.get("/desk/approvals").text  # it was not rehearsed
    assert approver.post(f"/desk/approvals/campaigns/{campaign_id}").status_code == 422
    assert runner.store.get(campaign_id).state == "planned"
    runner.rehearse(campaign_id)

    assert campaign_id in approver.get("/desk/approvals").text
    assert f'action="/desk/approvals/campaigns/{campaign_id}"' in approver.get(f"/desk/campaigns/{campaign_id}").text
    assert f'action="/desk/approvals/campaigns/{own}"' not in approver.get(f"/desk/campaigns/{own}").text
    assert campaign_id not in other.get("/desk/approvals").text
    assert other.post(f"/desk/approvals/campaigns/{campaign_id}").status_code == 404
    assert approver.post(f"/desk/approvals/campaigns/{own}").status_code == 422
    assert approver.post(f"/desk/approvals/campaigns/{campaign_id}").status_code == 303
    campaign = runner.store.get(campaign_id)
    assert (campaign.state, campaign.approved_by) == ("approved", approver.person_id)


# -- hostile hands ---------------------------------------------------------------------------------------------------------------


EVIL = ("\x00", "' OR 1=1 --", "{{ 7*7 }}", "９" * 190, "-1", "9" * 30, '"><script>alert(1)</script>')


@pytest.mark.parametrize("text", EVIL)
def test_no_text_in_any_place_makes_a_fault_of_ours(either: World, tmp_path: Path, text: str) -> None:
    desk = either
    run, licence_id = loaded(desk, tmp_path), desk.issue(DRIVER)["licence_id"]
    form, _ = typed(desk.request(DRIVER))
    one = seat(desk, Role.CLERK, Role.DATA_QUALITY, Role.SEAL_OFFICER)
    other = seat(desk, Role.APPROVER, department=OTHER)
    evil = dict.fromkeys(form, text) | {"key": text, "do": text, "kept.photo": text, "region": text, "parent": text}
    sent = (
        (one, "/desk/find", {"value": text}), (one, f"/desk/issue/{DRIVER}", evil), (one, f"/desk/preview/{DRIVER}", evil),
        (one, f"/desk/licences/{licence_id}/acts/cancel", evil | {"ground": text, "right_ended_on": text, "effective_on": text}),
        (one, f"/desk/licences/{licence_id}/acts/suspend", evil | {"suspension.kind": text, "suspension.first": text, "suspension.allows": text}),
        (one, f"/desk/licences/{licence_id}/acts/transfer", evil | {"to_department": text, "reason_text": text}),
        (one, f"/desk/licences/{licence_id}/acts/void", evil | {"version": text}), (one, f"/desk/tasks/{'0' * 26}/close", {"do": text}),
        *((one, f"/desk/licences/{licence_id}/acts/{act}/preview", evil | {"version": text, "reason": text}) for act in ("change", "replace", "void")),
        (one, f"/desk/stock/{run.run_id}/rows/4", {"do": "reject", "reason": text}),
        (one, f"/desk/stock/{run.run_id}/rows/5", {"cell.person_name": text, "cell.valid_to": text, "after": text}),
        (one, f"/desk/stock/{run.run_id}/rows/{'9' * 30}", {"cell.person_name": text}), (one, "/desk/seal", {"order": text, "reason": text}),
        (other, f"/desk/approvals/proposals/{'9' * 30}", {"do": text}), (other, "/desk/approvals/campaigns/x", {"do": text}),
    )  # fmt: skip
    for who, path, said in sent:
        answer = who.post(path, said)
        assert answer.status_code < 500, (path, answer.status_code)
        assert "<script>alert" not in answer.text
        assert ">49<" not in answer.text
    assert len(desk.service.book.get(licence_id).entries) == 1


def test_a_form_that_is_none_or_too_large_is_refused(desk: World) -> None:
    clerk = seat(desk, Role.CLERK)
    bodies = (
        (b"", "multipart/form-data"),
        (b"--x\r\nrubbish", "multipart/form-data; boundary=x"),
        (b"a=" + b"x" * 3_100_000, "application/x-www-form-urlencoded"),
    )
    for content, kind in bodies:
        answer = desk.http.post("/desk/find", content=content, headers={**clerk.cookie, "Content-Type": kind})
        assert answer.status_code in {400, 403, 413, 422}
    many = "&".join(f"n{number}=1" for number in range(7000))
    answer = desk.http.post("/desk/find", content=many, headers={**clerk.cookie, "Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code in {400, 403, 413, 422}


@pytest.mark.parametrize("charset", ["undefined", "punycode", "unicode_escape", "raw_unicode_escape"])
def test_a_charset_of_their_own_makes_no_fault_of_ours(desk: World, charset: str) -> None:
    clerk = seat(desk, Role.CLERK)
    texts = {"form_key": clerk.form_key, "value": "\\ud800", "list": "\\ud800", "document": "\\ud800"}
    parts = "".join(f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in texts.items())
    for path in ("/desk/find", f"/desk/issue/{DRIVER}", "/desk/sign-out", "/verify", "/verify/list"):
        headers = {**clerk.cookie, "Content-Type": f"multipart/form-data; boundary=x; charset={charset}"}
        answer = desk.http.post(path, content=f"{parts}--x--\r\n".encode(), headers=headers, follow_redirects=False)
        assert 400 <= answer.status_code < 500, (path, answer.status_code)
    assert "退出" in clerk.get("/desk").text
