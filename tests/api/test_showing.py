"""Officers, stickers, match boxes and reports of false sites, through HTTP (DOMAIN §2d, SH-08 to SH-11, M11)."""

import base64
import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select, text

from licence_service.licence import beijing_day
from licence_service.seal.tokens import Purpose, open1
from licence_service.stickers import Opened
from licence_service.store.clients import EVERY_TYPE, OFFICER, Client
from licence_service.store.tables_of_showing import looks, notes, site_reports, stickers
from licence_service.web.stickers import words_of
from tests.promised import SHOWN, Promises
from tests.world import DRIVER, NOW, ROOT, TRIP, World, a_world

CAR = "ride_hailing_transport_certificate"
POLICE = "11519900MB9900099X"
BROWSER = {"Accept": "text/html"}
WRONG = "0123456789AB"


@dataclass
class Street:
    """A world with a driver, a vehicle, and officers."""

    world: World
    driver: dict[str, Any] = field(init=False)
    vehicle: dict[str, Any] = field(init=False)
    token: str = field(init=False)

    def __post_init__(self) -> None:
        """Issue the two licences and let officers in."""
        self.driver = self.world.issue(DRIVER, "street-driver")
        self.vehicle = self.world.issue(CAR, "street-vehicle")
        self.token = self.world.service.clients.add(Client("police", POLICE, (EVERY_TYPE,), 1000, OFFICER), NOW)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def face(self) -> dict[str, Any]:
        """The driver's face."""
        return dict(self.world.request(DRIVER)["face"])

    @property
    def plate(self) -> str:
        return str(self.world.request(CAR)["face"]["plate_no"])

    def look(self, **said: Any) -> Any:
        """Look and return the HTTP answer."""
        whole = {"by": "id", "value": self.face["citizen_id"], "reason": "roadside_check", "place": "示例国道三公里处", "officer": "执法007"} | said
        body = {name: one for name, one in whole.items() if one is not None}
        return self.world.http.post("/officer/look", json=body, headers=self.headers)

    def looks(self, licence_id: str) -> list[dict[str, Any]]:
        """Read who has looked, as the department."""
        answer = self.world.http.get(f"/licences/{licence_id}/looks", headers=self.world.headers(DRIVER))
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["looks"]
        return found

    def sticker(self, **body: Any) -> Any:
        """Make a sticker for the vehicle and return the HTTP answer."""
        path = f"/licences/{body.pop('licence_id', self.vehicle['licence_id'])}/stickers"
        return self.world.http.post(path, json=body, headers=self.world.headers(CAR))

    def endorse(self, slug: str, kind: str, due: date, result: str = "1") -> None:
        """Endorse the vehicle or the driver with what says a due day."""
        today, licence_id = beijing_day(self.world.clock()).isoformat(), (self.vehicle if slug == CAR else self.driver)["licence_id"]
        facts = {
            "annual_review": {"date": today, "result": result, "next_due": due.isoformat(), "authority": "示例机关"},
            "registration": {
                "date": today, "action": "extension", "employer": "示例公司", "valid_from": today, "valid_to": due.isoformat(), "authority": "示例机关",
            },
        }[kind]  # fmt: skip
        body = {"act": "endorse", "kind": kind, "facts": facts, "external_ref": f"{kind}-{today}-{result}"}
        answer = self.world.act(slug, licence_id, body, f"{kind}-{today}-{result}")
        assert answer.status_code == 201, answer.text

    def passenger(self, code: str) -> tuple[dict[str, Any], str]:
        """Open a sticker; return what it says, and its page."""
        answers = [self.world.http.get(f"/S/{code}", headers=headers) for headers in ({}, BROWSER)]
        assert [one.status_code for one in answers] == [200, 200]
        return answers[0].json(), answers[1].text

    def match(self, **body: Any) -> Any:
        """Fill the match boxes for the driver's pair."""
        pair = {"number": self.driver["number"], "check_code": self.driver["check_code"]}
        return self.world.http.post("/verify/match", json=pair | body)


@pytest.fixture
def street(tmp_path: Path, demo_keys: Path) -> Iterator[Street]:
    with a_world(tmp_path, demo_keys) as world:
        yield Street(world)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[Street]:
    """A street that the tests of this module share: nothing on it is suspended, revoked or slowed."""
    with a_world(tmp_path_factory.mktemp("street"), demo_keys) as world:
        yield Street(world)


@pytest.fixture(scope="module")
def lawless(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[Street]:
    """A street where no law says what a due day means: of what was endorsed with one nobody can say whether it holds."""
    folder = tmp_path_factory.mktemp("lawless")
    shutil.copytree(ROOT / "templates", folder / "templates")
    (folder / "templates" / "_rules" / "declared_due_dates.toml").unlink()
    with a_world(folder, demo_keys, templates=folder / "templates") as world:
        street = Street(world)
        street.endorse(CAR, "annual_review", date(2027, 11, 1))
        street.endorse(DRIVER, "registration", date(2027, 11, 1))
        yield street


def values(answer: Any, place: int = 0) -> dict[str, str]:
    """Return the fields that an officer sees of a licence."""
    return {one["name"]: one["text"] for one in answer.json()["licences"][place]["licence"]["face"]}


# -- officers ------------------------------------------------------------------------------------------------


@pytest.mark.rule("SH-08")
def test_an_officer_finds_a_licence_by_plate_by_number_and_by_identity_number(calm: Street) -> None:
    asked = (
        ({"by": "plate", "value": calm.plate}, calm.vehicle), ({"by": "number", "value": calm.vehicle["number"]}, calm.vehicle),
        ({"by": "id", "value": calm.face["citizen_id"]}, calm.driver), ({"by": "plate", "value": f" {calm.plate[:2].lower()} {calm.plate[2:]}"}, calm.vehicle),
    )  # fmt: skip
    for said, wanted in asked:
        answer = calm.look(**said)
        assert answer.status_code == 200, answer.text
        found = answer.json()["licences"]
        assert wanted["licence_id"] in {one["licence"]["licence_id"] for one in found}
        assert {one["overall"] for one in found} <= {"valid", "valid_conditions_unmet"}
        assert found[0]["answers"]["in_force"]["result"] == "yes"
        assert found[0]["matches_now"] is True


@pytest.mark.rule("SH-08")
def test_nothing_found_is_an_answer_and_is_kept_too(calm: Street) -> None:
    answer = calm.look(by="plate", value="川A00000")

    assert answer.json()["licences"] == []
    with calm.world.service.database.read() as connection:
        assert connection.execute(select(looks.c.id).where(looks.c.look_id == answer.json()["look_id"])).first()


@pytest.mark.rule("SH-11")
@pytest.mark.parametrize("absent", ["officer", "reason", "place", "by", "value"])
def test_without_officer_reason_and_place_nobody_looks(calm: Street, absent: str) -> None:
    with calm.world.service.database.read() as connection:
        before = len(connection.execute(select(looks.c.id)).all())
    strange: tuple[Any, ...] = (None, "", "   ", [])
    for given in strange:
        answer = calm.look(**{absent: given})
        assert answer.status_code == 422, answer.text
        assert absent in {fault["path"] for fault in answer.json()["faults"]}
        assert calm.face["citizen_id"] not in answer.text
    with calm.world.service.database.read() as connection:
        assert len(connection.execute(select(looks.c.id)).all()) == before


@pytest.mark.parametrize(
    "said",
    [{"reason": "curiosity"}, {"by": "name"}, {"by": "person_name", "value": "陈安途"}, {"place": "x" * 121}, {"officer": 7}, {"extra": "x"},
     {"could_not_show": "yes"}, {"value": "\u202e1"}, {"value": ["a"]}, {"case_no": "y" * 81}],
)  # fmt: skip
def test_what_an_officer_may_not_ask_is_refused(calm: Street, said: dict[str, Any]) -> None:
    answer = calm.look(**said)
    assert answer.status_code == 422, answer.text
    assert "陈安途" not in answer.text


@pytest.mark.rule("SH-11")
def test_every_look_is_kept_and_the_department_reads_who_looked_why_and_where(street: Street) -> None:
    first = street.look().json()
    street.look(reason="identity_check", officer="执法008")
    found = street.looks(street.driver["licence_id"])

    assert [one["officer"] for one in found] == ["执法007", "执法008"]
    assert found[0]["look_id"] == first["look_id"]
    assert (found[0]["organ"], found[0]["client"], found[0]["place"], found[0]["found_by"]) == (POLICE, "police", "示例国道三公里处", "id")
    assert found[1]["reason"] == {"code": "identity_check", "zh": "核对身份", "en": "Identity check"}
    assert street.looks(street.vehicle["licence_id"]) == []
    stranger = {"Authorization": f"Bearer {street.world.tokens['12519900MB9900048D']}"}
    path = f"/licences/{street.driver['licence_id']}/looks"
    assert [street.world.http.get(path, headers=one).status_code for one in (stranger, street.headers, {})] == [404, 403, 401]


@pytest.mark.rule("SH-11")
def test_a_look_under_a_case_is_sealed_and_says_only_that_it_was(street: Street) -> None:
    street.look(reason="case", case_no="示案〔2026〕9号")
    found = street.looks(street.driver["licence_id"])[0]

    assert found["sealed_by_case"] is True
    assert (found["officer"], found["place"], found["reason"]) == (None, None, None)
    assert "示案" not in str(found)


@pytest.mark.rule("SH-11")
def test_a_look_cannot_be_taken_back_and_is_not_readable_in_the_database(street: Street) -> None:
    street.look(could_not_show=True)
    for statement in ("UPDATE looks SET hidden = NOT hidden", "DELETE FROM looked_at", "DELETE FROM notes", "DELETE FROM looks"):
        with pytest.raises(Exception, match="only inserted"), street.world.service.database.write() as connection:
            connection.execute(text(statement))
    with street.world.service.database.read() as connection:
        rows = str([tuple(row) for table in (looks, notes) for row in connection.execute(select(table))])
    for secret in ("执法007", "示例国道", street.face["citizen_id"]):
        assert secret not in rows


@pytest.mark.rule("SH-11", "EN-13")
def test_identity_number_and_address_open_only_for_a_reason_that_needs_them(street: Street) -> None:
    facts = {
        "date": NOW.date().isoformat(),
        "decision_no": "示交罚〔2026〕1号",
        "act": "超员",
        "penalty": "警告",
        "points": 3,
        "authority": "示例大队",
    }
    body = {"act": "endorse", "kind": "violation", "facts": facts, "external_ref": "v-1"}
    assert street.world.act(DRIVER, street.driver["licence_id"], body, "violation-0001").status_code == 201
    routine, needed = street.look(), street.look(reason="accident")
    face = street.face

    assert face["citizen_id"] not in routine.text
    assert face["address"] not in routine.text
    assert "＊" in values(routine)["citizen_id"]
    assert "＊" in values(routine)["license_no"]  # in this type it is the identity number
    assert values(routine)["person_name"] == face["person_name"]
    assert values(needed)["citizen_id"] == values(needed)["license_no"] == face["citizen_id"]
    assert values(needed)["address"] == face["address"]
    for answer in (routine, needed):
        assert "示交罚〔2026〕1号" in answer.text
        assert base64.b64decode(answer.json()["licences"][0]["photos"]["photo"]).startswith(b"\xff\xd8")
    public = street.world.http.post("/verify", json={"number": street.driver["number"], "check_code": street.driver["check_code"]})
    assert public.status_code == 200
    assert "示交罚" not in public.text
    assert "violation" not in public.text


def test_an_officers_system_writes_nothing_and_an_approval_system_does_not_look(calm: Street) -> None:
    http, licence_id = calm.world.http, calm.driver["licence_id"]
    approval = calm.world.headers(DRIVER, "not-yours-1")
    body = {"by": "plate", "value": calm.plate, "reason": "roadside_check", "place": "p", "officer": "o"}

    assert http.post("/officer/look", json=body, headers=approval).status_code == 403
    assert http.post("/officer/look", json=body).status_code == 401
    assert http.post("/officer/look", json=body, headers={"Authorization": "Bearer lst_nobody"}).status_code == 401
    keyed = {**calm.headers, "Idempotency-Key": "officer-0001"}
    assert http.post("/licences", json=calm.world.request(TRIP), headers=keyed).status_code == 403
    assert http.post(f"/licences/{licence_id}/entries", json={}, headers=keyed).status_code == 403
    assert http.get(f"/licences/{licence_id}", headers=calm.headers).status_code == 403
    assert http.post("/licences/search", json={"type": DRIVER}, headers=calm.headers).status_code == 403


def test_a_system_looks_no_oftener_than_its_ceiling_and_only_at_its_types(street: Street) -> None:
    street.token = street.world.service.clients.add(Client("port", POLICE, (CAR,), 2, OFFICER), NOW)

    assert street.look().json()["licences"] == []
    assert street.look(by="plate", value=street.plate).json()["licences"][0]["licence"]["licence_id"] == street.vehicle["licence_id"]
    assert street.look().status_code == 429
    street.world.clock.now += timedelta(hours=1, seconds=1)  # type: ignore[attr-defined]
    assert street.look().status_code == 200


def test_an_earlier_plate_still_finds_the_vehicle_and_says_that_it_is_not_on_it_now(street: Street) -> None:
    old, body = street.plate, {"act": "change", "face": {"plate_no": "川PD05678"}, "reason_text": "换牌"}
    changed = street.world.act(CAR, street.vehicle["licence_id"], body, "plate-0001")
    assert changed.status_code == 201, changed.text

    assert [one["matches_now"] for one in street.look(by="plate", value=old).json()["licences"]] == [False]
    assert [one["matches_now"] for one in street.look(by="plate", value="川PD05678").json()["licences"]] == [True]


@pytest.mark.rule("SH-08")
def test_who_could_not_show_it_is_given_a_signed_note_that_opens_with_a_code(street: Street) -> None:
    licence = street.look(could_not_show=True).json()["licences"][0]
    code, http = licence["note_code"], street.world.http
    answer = http.post("/notes", json={"note_code": f" {code[:8].lower()}-{code[8:]}"})

    assert answer.status_code == 200, answer.text
    said = answer.json()["note"]
    assert (said["format"], said["place"], said["state"], said["rule"]) == ("showing-note/1", "示例国道三公里处", "in_force", "SH-08")
    assert (said["licence_id"], said["organ"]) == (street.driver["licence_id"], POLICE)
    assert said["looked_at"] == "2026-11-28T04:00:00+00:00"
    opened = open1(base64.b64decode(answer.json()["signed"]), street.world.service.keyring.keys_for(Purpose.EVIDENCE))
    assert json.loads(opened.payload) == said
    for secret in (street.face["person_name"], street.face["citizen_id"], "执法007", street.driver["number"]):
        assert secret not in answer.text
    page = http.post("/notes", data={"note_code": code}, headers=BROWSER)
    assert page.status_code == 200
    assert "2026-11-28 12:00:00" in page.text
    assert "示例国道三公里处" in page.text
    assert [http.post("/notes", json={"note_code": "0" * 16}).status_code for _ in range(12)] == [404] * 10 + [429] * 2
    assert http.post("/notes", json={"note_code": code}).status_code == 200


@pytest.mark.rule("SH-08")
def test_a_note_says_the_verdict_beside_the_right_in_the_same_words_of_both_languages_and_that_it_is_a_specimen(
    lawless: Street, calm: Street
) -> None:
    for street, overall, zh, en in ((calm, "valid", "有效", "Valid"), (lawless, "cannot_decide", "无法判定", "Cannot be decided")):
        code = street.look(could_not_show=True).json()["licences"][0]["note_code"]
        said = street.world.http.post("/notes", json={"note_code": code}).json()["note"]
        assert (said["state"], said["overall"], said["specimen"]) == ("in_force", overall, True)
        page = street.world.http.post("/notes", data={"note_code": code}, headers=BROWSER).text
        assert "证照效力当时为“在有效期内”" in page
        assert "the right then stood as “In force”" in page
        assert f"核验结论为“{zh}”" in page
        assert f"the verdict was “{en}”" in page
        assert f'<dd>{zh} <span lang="en">{en}</span></dd>' in page
        assert "样本　不具法律效力" in page
        assert "SPECIMEN, without legal effect" in page
        assert "该证照<strong>有效" not in page


@pytest.mark.rule("SH-08")
def test_a_right_that_is_not_in_force_gets_no_note_and_no_note_comes_unasked(street: Street) -> None:
    assert street.look().json()["licences"][0]["note_code"] is None
    body = {"act": "suspend", "suspension": {"kind": "measure", "first": beijing_day(street.world.clock()).isoformat()}}
    assert street.world.act(DRIVER, street.driver["licence_id"], body, "suspend-0001").status_code == 201
    found = street.look(could_not_show=True).json()["licences"][0]

    assert (found["overall"], found["note_code"], found["licence"]["state"]) == ("not_valid", None, "suspended")


@pytest.mark.rule("SH-08", "SH-11")
def test_the_officers_page_works_without_scripts_and_keeps_no_token(calm: Street) -> None:
    http = calm.world.http
    form = http.get("/officer", headers=BROWSER)
    assert form.status_code == 200
    assert "<script" not in form.text
    assert 'value="roadside_check"' in form.text
    said = {
        "by": "plate", "value": calm.plate, "reason": "could_not_show", "place": "示例收费站", "officer": "执法009", "case_no": "", "could_not_show": "on",
        "token": calm.token,
    }  # fmt: skip
    page = http.post("/officer/look", data=said, headers=BROWSER)
    assert page.status_code == 200, page.text
    assert calm.token not in page.text
    assert "set-cookie" not in page.headers
    assert page.headers["cache-control"] == "no-store"
    assert "领取码" in page.text
    assert "data:image/jpeg;base64," in page.text
    assert http.post("/officer/look", data={**said, "token": "lst_x"}, headers=BROWSER).status_code == 401
    assert http.post("/officer/look", data={**said, "place": ""}, headers=BROWSER).status_code == 422


@pytest.mark.rule("LC-12", "SH-08")
def test_a_scan_of_a_lost_document_says_so_while_the_right_stays(street: Street) -> None:
    assert street.world.act(DRIVER, street.driver["licence_id"], {"act": "report_lost"}, "lost-0001").status_code == 201
    scan = street.world.http.get("/Q/1" + street.driver["verify_url"].rpartition("/Q/1")[2]).json()

    assert "reported-lost" in {one["code"] for one in scan["answers"]["current"]["reasons"]}
    assert scan["answers"]["in_force"]["result"] == "yes"
    found = street.look().json()["licences"][0]
    assert (found["overall"], found["licence"]["state"], found["licence"]["flags"]) == ("valid", "in_force", ["loss_reported"])
    pair = street.world.http.post("/verify", json={"number": street.driver["number"], "check_code": street.driver["check_code"]}).json()
    assert found["answers"] == {name: {**said, "reasons": said["reasons"] if name != "shown" else []} for name, said in pair["answers"].items()}
    assert [one["code"] for one in found["answers"]["current"]["reasons"]] == ["current-version", "reported-lost"]


@pytest.mark.rule("SH-09")
def test_the_public_finds_nothing_by_name_identity_or_number_alone(calm: Street) -> None:
    http, face = calm.world.http, calm.face
    for body in (
        {"number": calm.driver["number"]}, {"number": face["person_name"], "check_code": ""}, {"name": face["person_name"]},
        {"citizen_id": face["citizen_id"], "check_code": WRONG},
    ):  # fmt: skip
        for path in ("/verify", "/verify/history", "/verify/match"):
            assert http.post(path, json=body).status_code == 422, (path, body)
    assert http.post("/verify/match", json={"number": calm.driver["number"], "name": face["person_name"]}).status_code == 422
    for path, said in http.get("/openapi.json").json()["paths"].items():
        if any(one.get("security") for one in said.values()):
            continue
        parameters = {one["name"] for route in said.values() for one in route.get("parameters", ()) if one["in"] == "query"}
        assert parameters & {"name", "person_name", "citizen_id", "number", "plate", "q"} == set(), path


# -- stickers ------------------------------------------------------------------------------------------------


@pytest.mark.rule("SH-10")
def test_a_passenger_sees_the_plate_to_compare_and_the_driver_by_surname_and_small_picture(street: Street) -> None:
    made = street.sticker(driver=street.driver["licence_id"])
    assert made.status_code == 201, made.text
    assert made.json()["url"] == f"https://licence.example.cn/S/{made.json()['code']}"
    answer = street.world.http.get(f"/S/{made.json()['code']}")
    said, face = answer.json(), street.face

    assert (said["status"], said["plates"], said["driver_in_force"]) == ("in_trade", [street.plate], True)
    assert {one["name"]: one["text"] for one in said["driver"]["face"]}["person_name"] == f"{face['person_name'][0]}师傅"
    for secret in (face["person_name"], face["citizen_id"], face["address"], face["birth_date"], "审验有效期"):
        assert secret not in answer.text
    original = base64.b64decode(street.look().json()["licences"][0]["photos"]["photo"])
    small = base64.b64decode(said["photos"]["photo"])
    with Image.open(io.BytesIO(small)) as picture:
        assert max(picture.size) <= 160
        assert picture.format == "JPEG"
    assert small != original
    page = street.world.http.get(f"/S/{made.json()['code']}", headers=BROWSER)
    assert f'aria-label="{street.plate}"' in page.text
    assert "核对" in page.text
    assert "Compare with the plate" in page.text
    assert face["person_name"] not in page.text


@pytest.mark.rule("SH-10")
@pytest.mark.parametrize("act", ["cancel", "expire", "suspend"])
def test_a_vehicle_that_left_the_trade_is_said_to_have_left_and_since_when(street: Street, act: str) -> None:
    code, today = street.sticker().json()["code"], beijing_day(street.world.clock())
    wanted: tuple[str, str | None]
    if act == "expire":
        licence = street.world.http.get(f"/licences/{street.vehicle['licence_id']}", headers=street.world.headers(CAR)).json()
        last = date.fromisoformat(licence["valid_to"])
        street.world.clock.now += timedelta(days=(last - today).days + 5)  # type: ignore[attr-defined]
        wanted = ("left_the_trade", (last + timedelta(days=1)).isoformat())
    elif act == "cancel":
        body = {"act": "cancel", "ground": "request"}
        assert street.world.act(CAR, street.vehicle["licence_id"], body, "cancel-0001").status_code == 201
        street.world.clock.now += timedelta(days=30)  # type: ignore[attr-defined]
        wanted = ("left_the_trade", today.isoformat())
    else:
        days = {"first": today.isoformat(), "last": (today + timedelta(days=9)).isoformat()}
        suspended = {"act": "suspend", "suspension": {"kind": "penalty", **days}}
        assert street.world.act(CAR, street.vehicle["licence_id"], suspended, "pause-0001").status_code == 201
        wanted = ("not_now", None)
    answer = street.world.http.get(f"/S/{code}")
    said = answer.json()

    assert (said["status"], said["since"], said["plates"]) == (*wanted, [street.plate])
    assert "penalty" not in answer.text
    page = street.world.http.get(f"/S/{code}", headers=BROWSER).text
    assert said["zh"] in page
    assert wanted[1] is None or f"No longer licensed since {wanted[1]}" in page


@pytest.mark.rule("SH-10")
def test_a_revoked_sticker_says_so_and_an_unknown_one_says_nothing_and_is_counted(street: Street) -> None:
    kept, gone = street.sticker().json(), street.sticker().json()
    http, headers = street.world.http, street.world.headers(CAR)
    path = f"/licences/{street.vehicle['licence_id']}/stickers"
    assert [http.post(f"{path}/{gone['sticker_id']}/revoke", headers=headers).status_code for _ in range(2)] == [204, 204]
    assert http.post(f"{path}/{'0' * 26}/revoke", headers=headers).status_code == 404
    revoked = http.get(f"/S/{gone['code']}").json()

    assert (revoked["status"], revoked["since"], revoked["plates"], revoked["vehicle"]) == ("revoked", "2026-11-28", [], None)
    listed = http.get(path, headers=headers).json()["stickers"]
    assert [bool(one["revoked_at"]) for one in listed] == [False, True]
    assert gone["code"] not in str(listed)
    statuses = [http.get(f"/S/{'A' * 15}{step:X}").status_code for step in range(12)]
    assert statuses == [200] * 10 + [429] * 2
    assert http.get(f"/S/{kept['code'].lower()}").json()["status"] == "in_trade"
    with street.world.service.database.read() as connection:
        assert kept["code"] not in str(connection.execute(select(stickers)).all())


@pytest.mark.parametrize("code", ["x", "%00", "0" * 80, "<script>", "０" * 16, "../Q/1", "%ed%a0%80", "你好"])
def test_a_sticker_code_of_any_shape_is_answered(calm: Street, code: str) -> None:
    answer = calm.world.http.get(f"/S/{code}", headers=BROWSER)
    assert answer.status_code in {200, 404, 422, 429}
    assert "<script>" not in answer.text


def test_a_sticker_belongs_to_a_vehicle_that_is_still_in_trade_and_names_a_person(street: Street) -> None:
    assert street.sticker(licence_id=street.driver["licence_id"]).status_code == 422
    assert street.sticker(driver=street.vehicle["licence_id"]).status_code == 422
    assert street.sticker(driver="0" * 20).status_code == 404
    assert street.sticker(driver=7).status_code == 422
    assert street.sticker(colour="red").status_code == 422
    assert street.sticker(licence_id="0" * 20).status_code == 404
    stranger = {"Authorization": f"Bearer {street.world.tokens['12519900MB9900048D']}"}
    assert street.world.http.post(f"/licences/{street.vehicle['licence_id']}/stickers", json={}, headers=stranger).status_code == 404
    assert street.world.act(CAR, street.vehicle["licence_id"], {"act": "cancel", "ground": "request"}, "over-0001").status_code == 201
    assert street.sticker().status_code == 409


def test_a_driver_whose_right_is_not_in_force_is_said_and_not_shown(street: Street) -> None:
    code = street.sticker(driver=street.driver["licence_id"]).json()["code"]
    body = {"act": "suspend", "suspension": {"kind": "measure", "first": beijing_day(street.world.clock()).isoformat()}}
    assert street.world.act(DRIVER, street.driver["licence_id"], body, "pause-0001").status_code == 201
    said = street.world.http.get(f"/S/{code}").json()

    assert (said["status"], said["driver"], said["driver_in_force"], "photo" in said["photos"]) == ("in_trade", None, False, False)
    assert "没有有效资格" in street.world.http.get(f"/S/{code}", headers=BROWSER).text


GREEN, NO_RIGHT = 'class="band valid"', "没有有效资格"


@pytest.mark.rule("SH-01", "SH-10")
def test_what_cannot_be_judged_of_a_vehicle_is_never_said_to_be_good(lawless: Street) -> None:
    said, page = lawless.passenger(lawless.sticker().json()["code"])

    assert (said["status"], said["overall"], said["conditions_hold"], said["driver_in_force"]) == ("in_trade", "cannot_decide", None, None)
    assert "无法判断" in said["zh"]
    assert "cannot be judged" in said["en"]
    for words in (said["zh"], said["en"]):
        assert words in page
    assert "许可有效" not in page
    assert 'class="band cannot_decide"' in page


@pytest.mark.rule("SH-01", "SH-10")
def test_a_driver_of_whom_something_cannot_be_judged_is_not_said_to_be_without_a_right(lawless: Street) -> None:
    said, page = lawless.passenger(lawless.sticker(driver=lawless.driver["licence_id"]).json()["code"])

    assert (said["driver_in_force"], said["driver_conditions_hold"], said["driver"], "photo" in said["photos"]) == (True, None, None, False)
    assert NO_RIGHT not in page
    assert "no right in force" not in page
    assert "驾驶员的资格有效，但无法判断" in page
    assert "is in force; whether its periodic conditions are met cannot be judged" in page


@pytest.mark.rule("SH-01", "SH-10")
def test_an_unmet_condition_of_vehicle_or_driver_is_said_as_what_it_is(street: Street) -> None:
    code, clock = street.sticker(driver=street.driver["licence_id"]).json()["code"], street.world.clock
    due = beijing_day(clock()) + timedelta(days=9)
    street.endorse(DRIVER, "registration", due)
    said, page = street.passenger(code)
    assert (said["overall"], said["conditions_hold"], said["driver_in_force"], said["driver_conditions_hold"]) == ("valid", True, True, True)
    assert GREEN in page

    clock.now += timedelta(days=10)  # type: ignore[attr-defined]
    said, page = street.passenger(code)
    assert (said["overall"], said["conditions_hold"], said["driver_in_force"], said["driver_conditions_hold"]) == (
        "valid_conditions_unmet", True, True, False,
    )  # fmt: skip
    assert "驾驶员的资格有效，但年审等条件未满足" in page
    assert NO_RIGHT not in page
    assert (said["driver"], GREEN in page) == (None, False)

    street.endorse(CAR, "annual_review", due + timedelta(days=365), result="2")
    said, page = street.passenger(code)
    assert (said["overall"], said["conditions_hold"]) == ("valid_conditions_unmet", False)
    assert "年审等条件未满足" in said["zh"]
    assert "许可有效" not in said["zh"]


@pytest.mark.parametrize(
    ("opened", "overall", "zh"),
    [
        (Opened("in_trade", plates=("川A",), conditions_hold=True), "valid", "许可有效"),
        (Opened("in_trade", plates=("川A",), conditions_hold=True, driver_in_force=True, driver_conditions_hold=True), "valid", "许可有效"),
        (Opened("in_trade", plates=("川A",), conditions_hold=True, driver_in_force=True), "cannot_decide", "驾驶员的情况见下"),
        (Opened("in_trade", plates=("川A",), conditions_hold=True, driver_in_force=False), "valid_conditions_unmet", "驾驶员的情况见下"),
        (Opened("in_trade", plates=("川A",), driver_in_force=False), "cannot_decide", "无法判断"),
        (Opened("in_trade", plates=("川A",), conditions_hold=False, driver_in_force=True), "cannot_decide", "未满足"),
        (Opened("in_trade", conditions_hold=True), "cannot_decide", "没有可核对的号牌"),
        (Opened("not_now", plates=("川A",), conditions_hold=True), "not_valid", "目前不得营运"),
        (Opened("unknown"), "cannot_decide", "无法识别"),
    ],
)
def test_unknown_goes_before_unmet_and_neither_is_a_yes(opened: Opened, overall: str, zh: str) -> None:
    said = words_of(opened)

    assert said[0] == overall
    assert zh in said[1]


# -- match boxes ---------------------------------------------------------------------------------------------


def test_the_boxes_answer_yes_or_no_whatever_case_width_and_blanks(street: Street) -> None:
    name, number = street.face["person_name"], street.face["citizen_id"]
    assert street.match(name=name).json() == {"name": "yes", "tail": None, "checked_at": "2026-11-28T04:00:00+00:00"}
    assert street.match(name=f" {name[0]}　{name[1:]} ", tail=number[-4:]).json()["name"] == "yes"
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in number[-6:])
    assert street.match(tail=wide).json()["tail"] == "yes"
    code = street.vehicle["verify_url"].rpartition("/Q/1")[2]
    boxes = street.world.http.post("/verify/match", data={"code": code, "tail": street.plate[-5:].lower(), "name": name}).json()
    assert (boxes["name"], boxes["tail"]) == ("no", "yes")
    page = street.world.http.post("/verify/match", data={"code": code, "tail": street.plate[-5:]}, headers=BROWSER)
    assert "相符" in page.text
    assert street.plate not in page.text


def test_what_does_not_exist_answers_as_what_does_not_match_and_is_slowed_alike(street: Street) -> None:
    http, name = street.world.http, street.face["person_name"]
    unknown = {"number": "no such number", "check_code": WRONG, "name": name, "tail": "1234"}
    wrong_code = {"number": street.driver["number"], "check_code": WRONG, "name": name, "tail": "1234"}
    wrong_name = {"number": street.driver["number"], "check_code": street.driver["check_code"], "name": "王无此", "tail": "0000"}
    found = [http.post("/verify/match", json=body) for body in (unknown, wrong_code, wrong_name)]

    assert found[0].content == found[1].content == found[2].content
    assert found[0].json()["name"] == "no"
    assert [dict(one.headers) | {"x-request-id": ""} for one in found[1:]] == [dict(found[0].headers) | {"x-request-id": ""}] * 2
    assert [http.post("/verify/match", json=unknown).status_code for _ in range(3)] == [200, 200, 429]


def test_five_tries_for_one_licence_are_all_there_are_in_an_hour_from_wherever_they_come(tmp_path: Path, demo_keys: Path) -> None:
    with a_world(tmp_path, demo_keys, trusted_proxy=True) as world:
        street = Street(world)
        pair = {"number": street.driver["number"], "check_code": street.driver["check_code"]}

        def tried(address: str, **body: Any) -> int:
            return int(world.http.post("/verify/match", json=pair | body, headers={"X-Forwarded-For": address}).status_code)

        assert [tried(f"192.0.2.{step}", name=street.face["person_name"]) for step in range(8)] == [200] * 8  # what matches is not counted
        assert [tried(f"198.51.100.{step}", name="王无此") for step in range(7)] == [200] * 5 + [429] * 2
        assert tried("203.0.113.9", name=street.face["person_name"]) == 429  # a guess that is right is not told any more
        world.clock.now += timedelta(hours=1)  # type: ignore[attr-defined]
        assert tried("203.0.113.9", name=street.face["person_name"]) == 200


@pytest.mark.parametrize(
    "addresses",
    [["192.0.2.1", " 192.0.2.1", "192.0.2.1:4711", "::ffff:192.0.2.1", "::FFFF:C000:0201", "6.6.6.6, 192.0.2.1"],
     ["2001:db8::1", "2001:DB8:0::2", "[2001:db8::3]:99", "2001:db8::4%eth0", "2001:db8:0:0:ffff::", "2001:db8::5"]],
    ids=["IPv4", "IPv6"],
)  # fmt: skip
def test_an_address_is_one_however_it_is_written(tmp_path: Path, demo_keys: Path, addresses: list[str]) -> None:
    with a_world(tmp_path, demo_keys, trusted_proxy=True, failures_before_slowing=5) as world:
        found = [
            world.http.post("/verify", json={"number": f"n-{step}", "check_code": WRONG}, headers={"X-Forwarded-For": one}).status_code
            for step, one in enumerate(addresses)
        ]
        assert found == [200] * 5 + [429]
        elsewhere = {"X-Forwarded-For": "203.0.113.7"}
        assert world.http.post("/verify", json={"number": "n-9", "check_code": WRONG}, headers=elsewhere).status_code == 200


def test_a_forwarded_line_that_is_no_address_counts_as_the_proxy_itself(tmp_path: Path, demo_keys: Path) -> None:
    with a_world(tmp_path, demo_keys, trusted_proxy=True, failures_before_slowing=2) as world:
        found = [
            world.http.post("/verify", json={"number": f"n-{step}", "check_code": WRONG}, headers={"X-Forwarded-For": f"unknown-{step}"}).status_code
            for step in range(3)
        ]
        assert found == [200, 200, 429]


def test_a_number_is_one_pair_whatever_case_width_and_blanks(tmp_path: Path, demo_keys: Path) -> None:
    variants = ("{0}", " {0} ", "{1}", "{2}", "{3}")
    with a_world(tmp_path, demo_keys, trusted_proxy=True, failures_before_slowing=3) as world:

        def wrong(given: str, step: int) -> int:
            headers = {"X-Forwarded-For": f"198.51.100.{step}"}
            return int(world.http.post("/verify", json={"number": given, "check_code": WRONG}, headers=headers).status_code)

        for number, variant in enumerate(variants):
            plain = f"ab12x{number}"
            wide = "".join(chr(ord(one) + 0xFEE0) for one in plain.upper())
            forms = (plain, plain.upper(), wide, f"a b\u300012 {plain[4:]}")
            assert [wrong(plain, 10 * number + step) for step in range(3)] == [200] * 3
            assert wrong(variant.format(*forms), 10 * number + 9) == 429, variant


# -- false sites ---------------------------------------------------------------------------------------------


def test_a_false_site_is_reported_kept_encrypted_and_never_shown(street: Street) -> None:
    http = street.world.http
    address, remark = "http://licence.examp1e.cn/Q/1?x=<b>", "扫码后要我付款\x1b[2J"
    page = http.get("/report-site", headers=BROWSER)
    assert "licence.example.cn" in page.text
    kept = http.post("/report-site", data={"address": address, "remark": remark}, headers=BROWSER)

    assert kept.status_code == 200
    for text_of in (kept.text, http.get("/report-site", headers=BROWSER).text):
        assert "examp1e" not in text_of
    with street.world.service.database.read() as connection:
        assert b"examp1e" not in connection.execute(select(site_reports.c.sealed)).scalar_one()
    found = street.world.service.site_reports.newest()[0]
    assert (found.address, found.remark) == (address, remark)
    assert "examp1e" not in repr(found)
    assert [http.post("/report-site", json={"address": f"http://x{step}"}).status_code for step in range(6)] == [200] * 4 + [429] * 2


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 422), ({"address": ""}, 422), ({"address": "x" * 501}, 422), ({"address": 7}, 422), ({"address": "x", "remark": ["y"]}, 422),
     ({"address": "x", "remark": "y" * 1001}, 422)],
)  # fmt: skip
def test_a_report_without_sense_is_refused(calm: Street, body: dict[str, Any], status: int) -> None:
    answer = calm.world.http.post("/report-site", json=body)
    assert answer.status_code == status
    assert "xxxx" not in answer.text


# -- shapes --------------------------------------------------------------------------------------------------


def test_the_answers_are_of_the_shapes_that_the_openapi_document_promises(street: Street) -> None:
    conforms, http = Promises(street.world), street.world.http
    note = conforms("/officer/look", street.look(could_not_show=True)).json()["licences"][0]["note_code"]
    conforms("/officer/look", street.look(reason="x"))
    conforms("/licences/{licence_id}/looks", http.get(f"/licences/{street.driver['licence_id']}/looks", headers=street.world.headers(DRIVER)))
    conforms("/notes", http.post("/notes", json={"note_code": note}))
    conforms("/notes", http.post("/notes", json={"note_code": "x"}))
    made = conforms("/licences/{licence_id}/stickers", street.sticker(driver=street.driver["licence_id"])).json()
    path, headers = f"/licences/{street.vehicle['licence_id']}/stickers", street.world.headers(CAR)
    conforms("/licences/{licence_id}/stickers", http.get(path, headers=headers))
    conforms("/S/{code}", http.get(f"/S/{made['code']}"))
    conforms("/S/{code}", http.get("/S/unknown"))
    conforms("/licences/{licence_id}/stickers/{sticker_id}/revoke", http.post(f"{path}/{made['sticker_id']}/revoke", headers=headers))
    conforms("/verify/match", street.match(name="x"))
    conforms("/verify/match", street.match())
    conforms("/report-site", http.post("/report-site", json={"address": "x"}))
    assert {route for route, _ in conforms.seen} == SHOWN
