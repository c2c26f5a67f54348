"""Legacy stock through HTTP: for the department that owns it, as if it did not exist for everybody else."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from licence_service.document.standin import person
from licence_service.errors import NotInRegister
from licence_service.store.clients import APPROVAL, PLATFORM, Client
from tests.parts.databases import empty_postgres
from tests.promised import STOCK, Promises
from tests.stocks import HEADINGS, PLAN, as_csv, as_ndjson, as_workbook, clean, dirty
from tests.world import DRIVER, NOW, TRIP, World, a_world

JPEG = base64.b64encode(person()).decode()


def sent(world: World, content: bytes, headers: dict[str, str] | None = None, **changed: Any) -> Any:
    parts = {"map": PLAN, "type": DRIVER, "by": "装载人甲"} | changed
    data = {name: value for name, value in parts.items() if value is not None}
    return world.http.post("/batches", files={"file": ("stock", content)}, data=data, headers=headers or world.headers(DRIVER))


def with_photos(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{**row, "照片": JPEG} if row["照片"] == "one.jpg" else row for row in rows]


@pytest.mark.rule("ST-03", "ST-05")
def test_a_file_goes_in_and_report_quarantine_results_and_sums_come_out(world: World) -> None:
    given = dirty(good=3, of_each=1)
    conforms = Promises(world)
    answer = conforms("/batches", sent(world, as_ndjson(with_photos(given.rows))))
    assert answer.status_code == 201, answer.text
    report = answer.json()
    assert {one["rule"] for one in report["rules"]} >= {"missing", "endless-date", "twice-in-the-stock", "person-with-two"}
    run, headers = report["run"], world.headers(DRIVER)
    assert sent(world, as_ndjson(with_photos(given.rows))).json() == report
    assert conforms("/batches/{run_id}/report", world.http.get(f"/batches/{run}/report", headers=headers)).json() == report
    sums = conforms("/batches/{run_id}", world.http.get(f"/batches/{run}", headers=headers)).json()
    assert (sums["holds"], sums["closed"]) == (True, False)
    sheet = world.http.get(f"/batches/{run}/quarantine", headers=headers)
    assert sheet.headers["content-type"].startswith("text/csv")
    blocked = sum(one["quarantined"] for one in sums["counties"])
    assert len(sheet.text.splitlines()) == blocked + 1

    stock, caller = world.service.stock(), world.client(DRIVER)
    found = stock.office.kept.get(run)
    for one in stock.sample(found):
        stock.sign_off(found, one.county, "核验人乙")
    stock.release(caller, found)
    told = [json.loads(line) for line in world.http.get(f"/batches/{run}/results", headers=headers).text.splitlines()]
    assert len(told) == len(given.rows)
    assert sum("delivery_code" in one for one in told) == len(told) - blocked
    licence = f"/licences/{next(one['licence_id'] for one in told if 'licence_id' in one)}"
    assert "sealed_on" in conforms("/licences/{licence_id}", world.http.get(licence, headers=headers)).json()
    assert {route for route, _ in conforms.seen} - {"/licences/{licence_id}"} == STOCK - {
        f"/batches/{{run_id}}/{part}" for part in ("quarantine", "results", "corrections", "sample", "sign-off", "release")
    }
    token = world.service.clients.add(Client("colleague", caller.department, (DRIVER,), 10), NOW)
    others = world.http.get(f"/batches/{run}/results", headers={"Authorization": f"Bearer {token}"}).text
    assert "licence_id" in others
    assert "delivery_code" not in others


def test_a_run_of_others_is_as_one_that_does_not_exist(world: World) -> None:
    run = sent(world, as_ndjson(with_photos([clean(1)]))).json()["run"]
    department = world.client(DRIVER).department
    strangers = [
        world.headers(TRIP),
        {"Authorization": f"Bearer {world.service.clients.add(Client('other-types', department, (TRIP,), 10, APPROVAL), NOW)}"},
    ]
    for path in ("", "/report", "/quarantine", "/results"):
        for headers in strangers:
            theirs, none = (world.http.get(f"/batches/{one}{path}", headers=headers) for one in (run, "0" * 26))
            assert theirs.status_code == none.status_code == 404
            assert theirs.content == none.content
        assert world.http.get(f"/batches/{run}{path}").status_code == 401
    platform = world.service.clients.add(Client("platform", department, ("*",), 10, PLATFORM), NOW)
    assert world.http.get(f"/batches/{run}", headers={"Authorization": f"Bearer {platform}"}).status_code == 403
    assert sent(world, as_ndjson([clean(1)]), strangers[1]).status_code == 403


@pytest.mark.rule("ST-03", "ST-04", "ST-06")
def test_a_stock_goes_from_its_file_to_its_licences_by_http_alone(world: World) -> None:
    conforms, headers = Promises(world), world.headers(DRIVER)
    rows = with_photos([clean(1), {**clean(2), "住址": ""}, clean(3), {**clean(4), "住址": ""}])
    run = sent(world, as_ndjson(rows)).json()["run"]

    def posted(part: str, body: Any = None, wanted: int = 200, who: dict[str, str] | None = None) -> Any:
        answer = world.http.post(f"/batches/{run}/{part}", json=body, headers=who or headers)
        assert answer.status_code == wanted, answer.text
        return conforms(f"/batches/{{run_id}}/{part}", answer).json()

    assert posted("release", wanted=409)["rule"] == "ST-06"
    told = posted("corrections", {"by": "修正人丙", "rows": [
        {"line": 2, "values": {"address": "示例省蜀安市青溪区和平巷2号"}}, {"line": 1, "values": {"address": "x"}}, {"line": 999, "values": {}},
    ]})  # fmt: skip
    assert told == {"changed": 1, "same": 0, "not_in_quarantine": 2}
    samples = posted("sample")["samples"]
    assert sum(one["sample"] for one in samples) == 3
    assert posted("sample")["samples"] == samples
    sheet = world.http.get(f"/batches/{run}/sample", headers=headers)
    assert (sheet.headers["content-type"].partition(";")[0], len(sheet.text.splitlines())) == ("text/csv", 4)
    county = samples[0]["county"]
    for same in ("装载人甲", "装载人 甲"):
        assert posted("sign-off", {"by": same, "county": county}, 403)["rule"] == "ST-06"
    assert posted("release", wanted=409)["rule"] == "ST-06"
    posted("corrections", {"by": "修正人丙", "rows": [{"line": 4, "values": {"address": "示例省蜀安市青溪区和平巷4号"}}]})
    later = next(one for one in posted("sample")["samples"] if one["round"] == 2)  # drawn while somebody looks at the first
    assert posted("sign-off", {"by": "核验人乙", "county": later["county"]}, 422)["faults"][0]["path"] == "round"
    for wrong in (0, True, "1", 2**53 + 1):
        posted("sign-off", {"by": "核验人乙", "county": later["county"], "round": wrong}, 422)
    for one in samples:
        posted("sign-off", {"by": "核验人乙", "county": one["county"], "round": 1})
    assert [one["signed"] for one in posted("sample")["samples"] if one["round"] == 2] == [False]
    posted("sign-off", {"by": "核验人乙", "county": later["county"]})
    assert all(one["signed"] for one in posted("sample")["samples"])

    department = world.client(DRIVER).department
    for client in (Client("second", department, ("*",), 9), Client("loader", department, ("*",), 9, acts=("stock",))):
        secret = world.service.clients.add(client, NOW)
        posted("release", wanted=403, who={"Authorization": f"Bearer {secret}"})
    assert posted("release") == {"sealed": 4, "adopted": 0, "refused": 0, "more": False}
    assert posted("release") == {"sealed": 0, "adopted": 0, "refused": 0, "more": False}
    assert world.http.get(f"/batches/{run}", headers=headers).json()["closed"] is True


def test_who_may_not_issue_releases_nothing_and_sends_no_row_to_the_quarantine(world: World) -> None:
    secret = world.service.clients.add(Client("loader", world.client(DRIVER).department, ("*",), 9, acts=("stock",)), NOW)
    mine = {"Authorization": f"Bearer {secret}"}
    run = sent(world, as_ndjson(with_photos([clean(1)])), mine).json()["run"]
    (sample,) = world.http.post(f"/batches/{run}/sample", headers=mine).json()["samples"]
    world.http.post(f"/batches/{run}/sign-off", json={"by": "核验人乙", "county": sample["county"]}, headers=mine)
    assert world.http.post(f"/batches/{run}/release", headers=mine).status_code == 403
    (sums,) = world.http.get(f"/batches/{run}", headers=mine).json()["counties"]
    assert (sums["waiting"], sums["quarantined"]) == (1, 0)


def test_a_release_stops_behind_its_limit_and_says_that_there_is_more(world: World) -> None:
    run = sent(world, as_ndjson(with_photos([clean(number) for number in range(1, 6)]))).json()["run"]
    stock, caller = world.service.stock(), world.client(DRIVER)
    found = stock.office.kept.get(run)
    for one in stock.sample(found):
        stock.sign_off(found, one.county, "核验人乙")
    told = stock.release(caller, found, chunk=2, limit=2)
    assert 2 <= told["sealed"] < 5
    assert told["more"] == 1
    rest = stock.release(caller, found, chunk=2)
    assert (told["sealed"] + rest["sealed"], rest["more"]) == (5, 0)


@pytest.mark.parametrize(("body", "path"), [
    ({"by": "丙", "rows": []}, "rows"), ({"by": "丙", "rows": [7]}, "rows[0]"), ({"by": "丙", "rows": [{"line": 0, "values": {}}]}, "rows[0].line"),
    ({"by": "丙", "rows": [{"line": True, "values": {}}]}, "rows[0].line"), ({"by": "丙", "rows": [{"line": 1, "values": {"x": 1}}]}, "rows[0].values"),
    ({"by": "丙", "rows": [{"line": 1, "values": {"no_such_field": "x"}}]}, "rows[0].values"), ({"rows": [{"line": 1, "values": {}}]}, "by"),
    ({"by": "丙", "rows": [{"line": 1, "values": {}}] * 2}, "rows"), ({"by": "丙", "rows": [{"line": 1, "values": {}}], "more": 1}, "body"),
])  # fmt: skip
def test_what_is_wrong_with_corrections_is_named(world: World, body: dict[str, Any], path: str) -> None:
    run = sent(world, as_ndjson([clean(1)])).json()["run"]
    answer = world.http.post(f"/batches/{run}/corrections", json=body, headers=world.headers(DRIVER))
    assert (answer.status_code, [fault["path"] for fault in answer.json()["faults"]]) == (422, [path])


def test_a_further_file_goes_in_as_the_body_itself_under_the_mapping_of_an_earlier_run(world: World) -> None:
    first = sent(world, as_ndjson(with_photos([clean(1)]))).json()["run"]
    headers = {**world.headers(DRIVER), "Stock-By": quote("装载人甲")}

    def bare(content: bytes, kind: str, **query: str) -> Any:
        return world.http.post("/batches", content=content, params=query, headers={**headers, "Content-Type": kind})

    lines = bare(as_ndjson(with_photos([clean(2)])), "application/x-ndjson", like=first)
    table = bare(as_csv([clean(3)]), "text/csv", like=first)
    assert (lines.status_code, table.status_code) == (201, 201), (lines.text, table.text)
    office = world.service.stock().office
    assert {office.kept.get(one.json()["run"]).loaded_by for one in (lines, table)} == {"装载人甲"}
    assert sum(one["passed"] for one in lines.json()["counties"]) == 1
    absent = bare(b"{}", "application/x-ndjson")
    assert [fault["path"] for fault in absent.json()["faults"]] == ["like"]
    assert bare(as_csv([clean(4)]), "application/x-ndjson", like=first).status_code == 422
    assert bare(b"x", "text/plain", like=first).status_code == 415
    assert bare(b"{}", "application/x-ndjson", like="0" * 26).status_code == 404
    nameless = world.http.post(
        "/batches", content=b"{}", params={"like": first}, headers={**world.headers(DRIVER), "Content-Type": "application/x-ndjson"}
    )
    assert [fault["path"] for fault in nameless.json()["faults"]] == ["Stock-By"]


@pytest.mark.parametrize("name", ["%C0%EE", "%ED%A0%80", "%00", ""])
def test_a_name_beside_a_bare_file_that_is_no_utf_8_is_refused(world: World, name: str) -> None:
    run = sent(world, as_ndjson(with_photos([clean(1)]))).json()["run"]
    headers = {**world.headers(DRIVER), "Content-Type": "application/x-ndjson", "Stock-By": name}
    answer = world.http.post(f"/batches?like={run}", content=as_ndjson(with_photos([clean(2)])), headers=headers)
    assert (answer.status_code, answer.json()["faults"][0]["path"]) == (422, "Stock-By")


def test_a_county_that_no_database_keeps_is_refused_as_any_that_is_none(postgres_address: str, tmp_path: Path, demo_keys: Path) -> None:
    with a_world(tmp_path, demo_keys, empty_postgres(postgres_address)) as world:
        run = sent(world, as_ndjson(with_photos([clean(1)]))).json()["run"]
        answer = world.http.post(f"/batches/{run}/sign-off", json={"by": "乙", "county": "5199\x0003"}, headers=world.headers(DRIVER))
    assert (answer.status_code, answer.json()["faults"][0]["path"]) == (422, "county")


def test_csv_and_excel_go_in_as_well_and_a_file_on_the_server_is_never_read(world: World) -> None:
    row = clean(1)
    for content in (
        as_csv([{**row, "照片": str(Path(__file__).resolve())}]),
        as_workbook([list(HEADINGS), [{**row, "照片": "x"}[name] for name in HEADINGS]]),
    ):
        answer = sent(world, content)
        assert answer.status_code == 201, answer.text
        assert {one["rule"] for one in answer.json()["rules"]} >= {"photo-missing"}


@pytest.mark.parametrize(("changed", "path"), [
    ({"map": "["}, "map"), ({"map": None}, "map"), ({"type": None}, "type"), ({"by": " "}, "by"), ({"map": PLAN.replace("姓名", "名")}, "map"),
])  # fmt: skip
def test_what_is_wrong_with_a_form_is_named(world: World, changed: dict[str, Any], path: str) -> None:
    answer = sent(world, as_csv([clean(1)]), **changed)
    assert answer.status_code == 422
    assert [fault["path"] for fault in answer.json()["faults"]] == [path]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b'{"a": 1}\n{"a": ', b"\xff\xfe\x00"])
def test_a_hostile_file_is_refused_and_leaves_nothing(world: World, content: bytes) -> None:
    answer = sent(world, content)
    assert answer.status_code == 422, answer.text
    assert world.service.stock().office.kept.all() == []


def test_stock_of_a_type_that_a_narrowed_token_may_use_otherwise_is_as_one_that_does_not_exist(world: World) -> None:
    run = sent(world, as_ndjson(with_photos([{**clean(1), "住址": ""}]))).json()["run"]
    office, caller = world.service.stock().office, world.client(DRIVER)
    assert office.of(replace(caller, types=("*",), scopes=(f"stock:{DRIVER}",)), run).run_id == run
    with pytest.raises(NotInRegister):
        office.of(replace(caller, types=("*",), scopes=(f"stock:{TRIP}", f"sticker:{DRIVER}")), run)


def test_who_loads_has_a_name_without_control_characters(world: World) -> None:
    data = {"type": DRIVER, "by": "甲\u0000乙", "map": "x"}
    answer = world.http.post("/batches", files={"file": ("stock", b"x")}, data=data, headers=world.headers(DRIVER))
    assert (answer.status_code, [(one["path"], one["code"]) for one in answer.json()["faults"]]) == (422, [("by", "control-character")])


@pytest.mark.rule("ST-05")
def test_a_department_reads_its_rates_as_json_and_as_a_page(world: World) -> None:
    given = dirty(good=3, of_each=1)
    assert sent(world, as_ndjson(with_photos(given.rows))).status_code == 201
    world.issue(DRIVER)
    found = world.http.post("/compliance", json={}, headers=world.headers(DRIVER)).json()
    (mine,) = found["types"]
    whole = mine["in_register"] + mine["ready"] + mine["unjudged"] + mine["quarantined"]
    assert (found["line"], mine["type"], mine["in_register"], mine["reached"]) == (0.95, DRIVER, 1, False)
    assert mine["quarantined"] > 5
    assert mine["compliance_rate"] == pytest.approx((1 + mine["ready"]) / whole, abs=1e-6)
    assert mine["collection_rate"] == pytest.approx(1 / whole, abs=1e-6)
    token = world.headers(DRIVER)["Authorization"].removeprefix("Bearer ")
    page = world.http.post("/compliance", data={"token": token}, headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "未达标" in page.text
    assert token not in page.text
    assert world.http.post("/compliance", data={"token": "x"}, headers={"Accept": "text/html"}).status_code == 401


def test_rates_are_for_who_may_bring_stock(world: World) -> None:
    for client, status in (
        (Client("reader", world.client(DRIVER).department, ("*",), 9, acts=("read",)), 403),
        (Client("platform", world.client(DRIVER).department, ("*",), 9, PLATFORM), 403),
    ):
        secret = world.service.clients.add(client, NOW)
        assert world.http.post("/compliance", json={}, headers={"Authorization": f"Bearer {secret}"}).status_code == status
    assert world.http.post("/compliance", json={}).status_code == 401
    assert world.http.get("/compliance").status_code == 200
