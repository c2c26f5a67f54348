"""Claims: a holder's licences are found by who they are, or by a delivery code; never is "nothing" the whole answer (SH-15)."""

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from licence_service.claiming import REASONS, read_declared
from licence_service.document.standin import person
from licence_service.errors import Misconfigured
from licence_service.store.clients import HOST, Client
from tests.host import OPERATOR, HostApp, Hosts, Somebody, hosting
from tests.promised import Promises
from tests.stocks import PLAN, as_ndjson, clean
from tests.world import DRIVER, ROOT, VEHICLE

HAILING, DECLARANT = "ride_hailing_transport_certificate", "dangerous_chemicals_declarant"
CHEN, OTHER = Somebody("519902198506120111", "陈安途"), Somebody("519902199001010034", "周望川")


@pytest.fixture
def hosts(tmp_path: Path, demo_keys: Path) -> Iterator[Hosts]:
    with hosting(tmp_path, demo_keys) as opened:
        yield opened


@pytest.fixture
def app(hosts: Hosts) -> HostApp:
    return hosts.app()


def issued(app: HostApp, slug: str = DRIVER, key: str = "issue-0001", **changed: Any) -> dict[str, Any]:
    return app.world.issue(slug, key, **changed)


def codes(claimed: dict[str, Any]) -> list[str]:
    return [one["code"] for one in claimed["reasons"]]


def company(app: HostApp, slug: str = VEHICLE) -> Somebody:
    face = app.world.request(slug)["face"]
    return Somebody(face["uscc"], face["holder_name"], "company")


@pytest.mark.rule("SH-15")
def test_a_person_claims_what_names_them_and_nothing_else(app: HostApp) -> None:
    made = issued(app)
    chen, other = app.acting(CHEN, "2"), app.acting(OTHER, "2")

    assert app.claim(chen) == {"claimed": [made["licence_id"]], "already": [], "reasons": []}
    assert app.claim(chen) == {"claimed": [], "already": [made["licence_id"]], "reasons": []}
    nothing = app.claim(other)
    assert (nothing["claimed"], nothing["already"], codes(nothing)) == ([], [], ["not_collected"])
    assert nothing["reasons"][0]["body"] == {"code": "11519900MB9900013X", "zh": "示例省交通运输厅", "en": "Transport Department of Example Province"}
    assert [one["licence_id"] for one in app.get("/cards", chen).json()["cards"]] == [made["licence_id"]]
    assert app.get("/cards", other).json()["cards"] == []


def test_a_company_claims_all_its_vehicles_at_once(app: HostApp) -> None:
    face = app.world.request(VEHICLE)["face"]
    made = [
        issued(app, VEHICLE, f"issue-{number:04}", case_no=f"C-{number}", face={"license_no": f"{face['license_no'][:-3]}{number:03}"})["licence_id"]
        for number in range(3)
    ]
    assert sorted(app.claim(app.acting(company(app)))["claimed"]) == sorted(made)


def test_a_company_with_many_vehicles_claims_them_a_stretch_at_a_time(app: HostApp, monkeypatch: pytest.MonkeyPatch) -> None:
    face, world = app.world.request(VEHICLE)["face"], app.world
    made = [
        issued(app, VEHICLE, f"issue-{number:04}", case_no=f"C-{number}", face={"license_no": f"{face['license_no'][:-3]}{number:03}"})["licence_id"]
        for number in range(5)
    ]
    assert world.act(VEHICLE, made[0], {"act": "revoke"}, "revoke-01").status_code == 201
    sold = {"act": "correct", "face": {"uscc": "91519902MA99011003", "holder_name": "蜀安示例运输有限公司"}}
    assert world.act(VEHICLE, made[1], sold, "correct-01").status_code == 201
    monkeypatch.setattr("licence_service.claiming.MOST_AT_ONCE", 2)
    acting, promises = app.acting(company(app)), Promises(world)

    def claimed(**body: Any) -> dict[str, Any]:
        found: dict[str, Any] = promises("/holder/claims", world.http.post("/holder/claims", json=body, headers=acting)).json()
        return found

    first = claimed()
    assert (first["claimed"], codes(first), first["after"]) == ([], ["licence_ended"], 2)
    second = claimed(after=2)
    assert second == {"claimed": made[2:4], "already": [], "reasons": [], "after": 4}
    assert claimed(after=4) == {"claimed": made[4:], "already": [], "reasons": []}
    assert claimed(after=4) == {"claimed": [], "already": made[4:], "reasons": []}
    assert claimed(after=5) == {"claimed": [], "already": [], "reasons": []}  # they have cards: nothing is not the whole answer
    assert codes(claimed(after=5, type=DRIVER)) == ["not_collected"]
    narrowed = claimed(type=VEHICLE)
    assert (codes(narrowed), narrowed["after"]) == (["licence_ended"], 2)
    for wrong in (
        {"after": 0},
        {"after": "2"},
        {"after": 10**30},
        {"after": -1},
        {"by": "plate", "value": "川A12345", "delivery_code": "0" * 16, "after": 2},
    ):
        assert world.http.post("/holder/claims", json=wrong, headers=acting).status_code == 422, wrong


@pytest.mark.rule("SH-15")
def test_the_identity_level_is_checked_first(app: HostApp) -> None:
    issued(app)
    weak = app.acting(CHEN, "1")
    for body in ({}, {"by": "number", "value": "519902199001010034", "delivery_code": "0" * 16}):
        answer = app.world.http.post("/holder/claims", json=body, headers=weak)
        assert answer.status_code == 403
        assert answer.json()["type"].endswith("level-too-low")
        assert (answer.json()["level"], answer.json()["wanted"]) == ("1", "2")


@pytest.mark.rule("SH-15")
def test_a_delivery_code_opens_a_claim_by_number_and_by_plate(app: HostApp) -> None:
    made = issued(app, HAILING)
    face = app.world.request(HAILING)["face"]
    owner = Somebody("91519900MA9902061A", face["vehicle_owner"], "person")
    acting = app.acting(owner)

    assert codes(app.claim(acting)) == ["not_collected"]  # the face has no number of its holder
    claimed = app.claim(acting, by="plate", value=face["plate_no"], delivery_code=made["delivery_code"].lower())
    assert claimed == {"claimed": [made["licence_id"]], "already": [], "reasons": []}
    again = app.claim(acting, by="number", value=made["number"], delivery_code=made["delivery_code"])
    assert again == {"claimed": [], "already": [made["licence_id"]], "reasons": []}
    other = app.claim(app.acting(OTHER), by="plate", value=face["plate_no"], delivery_code=made["delivery_code"])
    assert (other["claimed"], codes(other)) == ([], ["name_variant"])


def test_whoever_has_a_right_code_for_anothers_number_is_sent_to_the_department(app: HostApp) -> None:
    made = issued(app)
    claimed = app.claim(app.acting(OTHER), by="number", value=made["number"], delivery_code=made["delivery_code"])
    assert (claimed["claimed"], codes(claimed)) == ([], ["number_mismatch"])
    assert claimed["reasons"][0]["body"]["code"] == app.world.client(DRIVER).department


@pytest.mark.rule("SH-15")
def test_a_number_that_somebody_has_is_answered_as_one_that_nobody_has(app: HostApp) -> None:
    made = issued(app)
    acting = app.acting(OTHER)
    asked = [
        {"by": "number", "value": value, "delivery_code": code}
        for value in (made["number"], "519902198506129999") for code in ("0" * 16, "short", made["check_code"])
    ] + [{"by": "number", "value": "519902198506129999", "delivery_code": made["delivery_code"]}]  # fmt: skip
    answers = [app.claim(acting, **one) for one in asked]
    assert all(one == answers[0] for one in answers)
    assert codes(answers[0]) == ["number_mismatch"]
    assert app.get(f"/cards/{made['licence_id']}", acting).status_code == 404


def test_wrong_delivery_codes_are_counted_and_slowed_and_a_right_one_is_never_refused(tmp_path: Path, demo_keys: Path) -> None:
    with hosting(tmp_path, demo_keys, failures_before_slowing=3) as hosts:
        app = hosts.app()
        made = issued(app)
        guessing = app.acting(OTHER)

        def guess(number: int) -> int:
            body = {"by": "number", "value": f"51990219850612{number:04}", "delivery_code": f"{number:016}"}
            return int(app.world.http.post("/holder/claims", json=body, headers=guessing).status_code)

        assert [guess(number) for number in range(5)] == [200, 200, 200, 429, 429]
        chen = app.acting(CHEN)
        assert app.claim(chen, by="number", value=made["number"], delivery_code=made["delivery_code"])["claimed"] == [made["licence_id"]]


def test_what_is_printed_on_a_licence_does_not_obtain_it(app: HostApp) -> None:
    made = issued(app)
    acting = app.acting(OTHER)
    for printed in (made["check_code"], made["elicence_id"], made["number"], made["verify_url"].rpartition("/")[2][:60]):
        assert app.claim(acting, by="number", value=made["number"], delivery_code=printed[:60])["claimed"] == []
        answer = app.world.http.post("/download", json={"delivery_code": printed[:60]})
        assert answer.status_code == 404
    for part in ("", "/document", "/history", "/looks", "/photos/photo"):
        assert app.get(f"/cards/{made['licence_id']}{part}", acting).status_code == 404


# -- the reasons -----------------------------------------------------------------------------------


def test_a_licence_that_ended_is_said_to_have_ended(app: HostApp) -> None:
    made = issued(app)
    assert app.world.act(DRIVER, made["licence_id"], {"act": "revoke"}, "revoke-001").status_code == 201
    claimed = app.claim(app.acting(CHEN))
    assert (claimed["claimed"], codes(claimed)) == ([], ["licence_ended"])
    assert claimed["reasons"][0]["body"]["zh"] == app.world.service.keyring.departments[app.world.client(DRIVER).department].name


def test_a_name_written_otherwise_goes_to_the_issuing_department_and_another_dot_does_not(app: HostApp) -> None:
    issued(app, face={"person_name": "阿不都·热合曼"})
    assert codes(app.claim(app.acting(Somebody(CHEN.number, "阿布都·热合曼")))) == ["name_variant"]
    assert len(app.claim(app.acting(Somebody(CHEN.number, "阿不都•热合曼")))["claimed"]) == 1


def test_a_row_of_the_stock_that_waits_is_said_to_wait_and_one_that_lacks_its_photograph_says_so(app: HostApp) -> None:
    world = app.world
    department = {"Authorization": f"Bearer {world.tokens['11519900MB9900021Q']}"}
    rows = [{**clean(3), "照片": base64.b64encode(person()).decode(), "发证机关": "蜀安市交通管理总署办公室"}, clean(4)]
    loaded = world.http.post(
        "/batches", files={"file": ("stock", as_ndjson(rows))}, data={"map": PLAN, "type": DRIVER, "by": "装载人甲"}, headers=department
    )
    assert loaded.status_code == 201, loaded.text
    found = [app.claim(app.acting(Somebody(row["身份证号"], row["姓名"]))) for row in rows]
    assert [codes(one) for one in found] == [["in_quarantine"], ["photo_missing"]], loaded.text
    assert {one["reasons"][0]["body"]["code"] for one in found} == {"11519900MB9900021Q"}


@pytest.mark.parametrize(("region", "reason", "body"), [
    ("519902", "not_collected", "11519900MB9900021Q"), ("510100", "other_region", None), ("990000", "other_region", None),
])  # fmt: skip
def test_who_is_licensed_elsewhere_is_sent_there(app: HostApp, region: str, reason: str, body: str | None) -> None:
    claimed = app.claim(app.acting(OTHER), type=DRIVER, region=region)
    said = claimed["reasons"][0]
    assert (said["code"], said["type"]) == (reason, DRIVER)
    assert said["body"]["code"] == body or (body is not None and said["body"]["code"] in app.world.service.keyring.departments)
    assert said["body"]["zh"]
    assert said["body"]["en"]


@pytest.mark.rule("LC-16")
@pytest.mark.parametrize(("region", "reason"), [("519902", "not_collected"), ("519903", "other_region"), ("519900", "not_collected")])
def test_nobody_is_sent_to_a_department_from_whose_grant_the_region_was_taken_out(tmp_path: Path, demo_keys: Path, region: str, reason: str) -> None:
    keys = Path(shutil.copytree(demo_keys, tmp_path / "keys"))
    for file in keys.glob("*/seal.toml"):
        grants = f'[[grants]]\ntypes = ["{DRIVER}"]\nfrom = 2020-01-01\nregions = ["519900"]\nwithout = ["519903"]\n'
        file.write_text(file.read_text("utf-8").partition("[[grants]]")[0] + grants, "utf-8")
    with hosting(tmp_path / "world", keys) as hosts:
        app = hosts.app()
        said = app.claim(app.acting(OTHER), type=DRIVER, region=region)["reasons"][0]
    assert said["code"] == reason


def test_every_reason_has_words_and_advice_in_both_languages(tmp_path: Path) -> None:
    declared = read_declared(ROOT / "templates" / "_claims")
    assert set(declared.reasons) == set(REASONS)
    assert declared.elsewhere("510100").zh == "四川省交通运输厅"
    assert declared.elsewhere("999999").en == "The transport authority of that region"
    for text in ("", "[not_collected]", 'x = "'):
        (tmp_path / "reasons.toml").write_text(text, "utf-8")
        (tmp_path / "regions.toml").write_text("", "utf-8")
        with pytest.raises(Misconfigured):
            read_declared(tmp_path)


# -- what is no claim --------------------------------------------------------------------------------


WRONG: list[dict[str, Any]] = [
    {"by": "face"}, {"by": "number"}, {"by": "number", "value": "1"}, {"by": "number", "delivery_code": "0" * 16}, {"value": "1"},
    {"delivery_code": "0" * 16}, {"type": "no_such_type"}, {"type": 7}, {"region": "51"}, {"region": "x" * 6}, {"licence_id": "0" * 20},
    {"by": ["number"]}, {"by": "number", "value": {"a": 1}, "delivery_code": "0" * 16}, {"by": "number", "value": "1" * 200, "delivery_code": "0" * 16},
    {"by": "plate", "value": "川A00001", "delivery_code": "0" * 100},
]  # fmt: skip


def test_a_claim_of_another_shape_is_refused_with_its_faults(app: HostApp) -> None:
    chen = app.acting(CHEN)
    for body in WRONG:
        answer = app.world.http.post("/holder/claims", json=body, headers=chen)
        assert answer.status_code == 422, (body, answer.text)
        assert answer.json()["faults"], body


def test_a_host_of_some_types_claims_and_shows_only_those(hosts: Hosts, app: HostApp) -> None:
    made = issued(app)
    narrow = HostApp(
        app.world, hosts.identity, "narrow", app.world.service.clients.add(Client("narrow", OPERATOR, (VEHICLE,), 10, HOST), app.world.clock())
    )
    assert codes(narrow.claim(narrow.acting(CHEN))) == ["not_collected"]
    assert app.claim(app.acting(CHEN))["claimed"] == [made["licence_id"]]
    assert narrow.get("/cards", narrow.acting(CHEN)).json()["cards"] == []
    assert narrow.get(f"/cards/{made['licence_id']}", narrow.acting(CHEN)).status_code == 404


def test_a_card_is_given_back_and_may_be_claimed_again(app: HostApp) -> None:
    made = issued(app)
    chen = app.acting(CHEN)
    app.claim(chen)
    other = app.world.http.delete(f"/holder/cards/{made['licence_id']}", headers=app.acting(OTHER))
    assert other.status_code == 404
    assert app.world.http.delete(f"/holder/cards/{made['licence_id']}", headers=chen).status_code == 204
    assert app.get(f"/cards/{made['licence_id']}", chen).status_code == 404
    assert app.world.http.delete(f"/holder/cards/{made['licence_id']}", headers=chen).status_code == 404
    assert app.claim(chen)["claimed"] == [made["licence_id"]]


def test_a_licence_that_turns_out_to_be_anothers_is_no_card_any_more(app: HostApp) -> None:
    made, face = issued(app, DECLARANT), app.world.request(DECLARANT)["face"]
    formerly = app.acting(Somebody(face["citizen_id"], face["person_name"]))
    assert app.claim(formerly)["claimed"] == [made["licence_id"]]
    corrected = {"act": "correct", "face": {"citizen_id": OTHER.number, "sex": "1", "person_name": OTHER.name}}
    changed = app.world.act(DECLARANT, made["licence_id"], corrected, "correct-01")
    assert changed.status_code == 201, changed.text

    assert app.get("/cards", formerly).json()["cards"] == []
    for part in ("", "/document", "/history", "/looks"):
        assert app.get(f"/cards/{made['licence_id']}{part}", formerly).status_code == 404
    assert codes(app.claim(formerly)) == ["not_collected"]
    holding = app.acting(OTHER)
    assert app.claim(holding)["claimed"] == [made["licence_id"]]
    past = app.get(f"/cards/{made['licence_id']}/history", holding)
    assert past.status_code == 200
    assert face["citizen_id"] not in past.text
    assert face["person_name"] not in past.text
    assert app.world.service.holder_desk.cards.theirs_since(app.world.service.book.get(made["licence_id"]))


def test_nothing_personal_stands_in_what_is_refused_or_logged(app: HostApp, capfd: pytest.CaptureFixture[str]) -> None:
    acting = app.acting(OTHER)
    body = {"by": "number", "value": CHEN.number, "delivery_code": "0" * 16, "name": CHEN.name}
    answer = app.world.http.post("/holder/claims", json=body, headers=acting)
    told = capfd.readouterr()
    for text in (answer.text, told.out, told.err):
        assert CHEN.number not in text
        assert OTHER.number not in text
