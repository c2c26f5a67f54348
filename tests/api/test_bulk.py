"""Checking rows in bulk through HTTP: rows at once, files from the page (SH-14)."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from licence_service.bulk import checking
from licence_service.bulk.rows import MOST_FAULTS
from licence_service.store.clients import APPROVAL, EVERY_TYPE, PLATFORM, Client
from licence_service.store.tables_of_bulk import check_parts, checks
from tests.world import DRIVER, NOW, TRIP, World, a_world

CAR = "ride_hailing_transport_certificate"
COMPANY = "91519900MB9900121C"
BROWSER = {"Accept": "text/html"}
NDJSON = "application/x-ndjson"


@dataclass
class Platform:
    """A world with a driver and a vehicle, and platforms that check their rows."""

    world: World
    driver: dict[str, Any] = field(init=False)
    vehicle: dict[str, Any] = field(init=False)
    tokens: dict[str, str] = field(default_factory=dict)
    name: str = "platform"  # the client that asks where a test names none

    def __post_init__(self) -> None:
        """Issue the two licences."""
        self.driver = self.world.issue(DRIVER, "bulk-driver")
        self.vehicle = self.world.issue(CAR, "bulk-vehicle")

    def token(self, name: str | None = None, ceiling: int = 100_000, types: tuple[str, ...] = (EVERY_TYPE,), kind: str = PLATFORM) -> str:
        """Let a platform in, once."""
        name = name or self.name
        if name not in self.tokens:
            self.tokens[name] = self.world.service.clients.add(Client(name, COMPANY, types, ceiling, kind), NOW)
        return self.tokens[name]

    def headers(self, name: str | None = None, **more: Any) -> dict[str, str]:
        """Return the headers of a platform."""
        return {"Authorization": f"Bearer {self.token(name, **more)}"}

    def batch(self, rows: list[Any], name: str | None = None, **body: Any) -> Any:
        """Send rows and return the HTTP answer."""
        return self.world.http.post("/verify/batch", json={"rows": rows, **body}, headers=self.headers(name))

    def said(self, rows: list[Any], name: str | None = None, **body: Any) -> list[dict[str, Any]]:
        """Send rows and return the lines of the answer."""
        answer = self.batch(rows, name, **body)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == NDJSON
        return [json.loads(line) for line in answer.text.splitlines()]

    @property
    def person(self) -> dict[str, str]:
        """The driver as a row."""
        return {"number": self.driver["number"], "name": str(self.world.request(DRIVER)["face"]["person_name"])}

    @property
    def car(self) -> dict[str, str]:
        """The vehicle as a row."""
        return {"number": self.vehicle["number"], "plate": str(self.world.request(CAR)["face"]["plate_no"])}

    def upload(self, content: bytes, token: str | None = None, **form: str) -> Any:
        """Send a file from the page."""
        data = {"token": self.token() if token is None else token, **form}
        return self.world.http.post(
            "/verify/list", data=data, files={"list": ("rows.csv", content, "text/csv")}, headers=BROWSER, follow_redirects=False
        )

    def worked(self, content: bytes, **form: str) -> str:
        """Send a file, work it off, and return the address of its result."""
        answer = self.upload(content, **form)
        assert answer.status_code == 303, answer.text
        self.world.service.desk.work()
        return str(answer.headers["location"])

    def table(self, address: str) -> list[list[str]]:
        """Download a result and return its cells."""
        answer = self.world.http.get(f"{address}/result.csv")
        assert answer.status_code == 200, answer.text
        return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[Platform]:
    with a_world(tmp_path_factory.mktemp("bulk"), demo_keys) as world:
        yield Platform(world)


@pytest.fixture
def calm(shared: Platform) -> Platform:
    """A world that the tests of this module share, in which nothing is changed; each test is a client of its own, with no tries yet."""
    shared.name = f"platform-{len(shared.tokens)}"
    return shared


@pytest.fixture
def platform(tmp_path: Path, demo_keys: Path) -> Iterator[Platform]:
    with a_world(tmp_path, demo_keys) as world:
        yield Platform(world)


# -- rows at once --------------------------------------------------------------------------------------------


@pytest.mark.rule("SH-14")
def test_rows_are_answered_in_their_order_with_word_reasons_and_what_is_due(calm: Platform) -> None:
    rows = [{**calm.person, "ref": "甲"}, {**calm.car, "ref": "乙"}, {"number": "no such number", "name": "无人"}]
    person, car, nobody = calm.said(rows)

    assert [(one["index"], one["ref"]) for one in (person, car, nobody)] == [(0, "甲"), (1, "乙"), (2, None)]
    assert (person["match"], car["match"], nobody["match"]) == ("yes", "yes", "no")
    assert person["overall"] in {"valid", "valid_conditions_unmet"}
    assert {"in-register", "current-version", "in-force", "specimen"} <= set(person["reasons"])
    assert (nobody["overall"], nobody["reasons"]) == ("not_valid", ["no-such-record"])
    assert set(person) == {"index", "ref", "match", "overall", "reasons", "conditions"}
    assert set(person["conditions"]) == {"result", "due_on"}


@pytest.mark.rule("SH-14")
def test_the_word_is_that_of_the_public_verdict(calm: Platform) -> None:
    for row, issued in ((calm.person, calm.driver), (calm.car, calm.vehicle)):
        public = calm.world.http.post("/verify", json={"number": issued["number"], "check_code": issued["check_code"]}).json()
        said = calm.said([row])[0]
        assert said["overall"] == public["overall"]
        assert said["conditions"]["result"] == public["answers"]["conditions"]["result"]


@pytest.mark.rule("SH-14")
def test_a_plate_or_name_that_does_not_belong_to_the_number_answers_as_a_number_that_does_not_exist(calm: Platform) -> None:
    rows = [
        {**calm.person, "name": "别人"}, {**calm.car, "plate": "川A00001"}, {"number": calm.driver["number"], "plate": calm.car["plate"]},
        {**calm.person, "plate": calm.car["plate"]}, {**calm.person, "type": CAR}, {"number": "X-1", "name": calm.person["name"]},
    ]  # fmt: skip
    said = [{name: one for name, one in line.items() if name != "index"} for line in calm.said(rows)]

    assert said[0]["match"] == "no"
    assert all(one == said[0] for one in said)


@pytest.mark.rule("SH-14")
def test_no_value_of_the_record_comes_back(calm: Platform) -> None:
    rows = [{**calm.person, "ref": "1"}, {**calm.car, "ref": "2"}, {**calm.person, "name": "别人"}]
    answer = calm.batch(rows)
    for slug in (DRIVER, CAR):
        for name, value in calm.world.request(slug)["face"].items():
            if isinstance(value, str) and len(value) > 1:
                assert value not in answer.text, name
    for issued in (calm.driver, calm.vehicle):
        assert not [name for name in ("licence_id", "number", "check_code", "delivery_code") if issued[name] in answer.text]


@pytest.mark.rule("SH-14")
def test_case_width_and_blanks_make_no_difference(calm: Platform) -> None:
    plate = calm.car["plate"]
    wide = "".join(chr(ord(one) + 0xFEE0) if one.isascii() else one for one in plate)
    rows = [{**calm.car, "plate": one} for one in (plate.lower(), f" {plate[:2]} {plate[2:]}", wide)]
    assert {one["match"] for one in calm.said(rows)} == {"yes"}


@pytest.mark.rule("SH-14")
def test_three_hundred_rows_pass_as_json_and_as_lines(calm: Platform) -> None:
    rows = [{**(calm.person if place % 3 else calm.car), "ref": f"r{place}"} for place in range(300)]
    said = calm.said(rows)
    assert [one["ref"] for one in said] == [f"r{place}" for place in range(300)]
    assert {one["match"] for one in said} == {"yes"}
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode() + b"\n"
    answer = calm.world.http.post("/verify/batch", content=lines, headers={**calm.headers(), "Content-Type": NDJSON})
    assert [json.loads(line) for line in answer.text.splitlines()] == said


@pytest.mark.rule("SH-14", "AU-01")
def test_rows_may_be_about_another_day(calm: Platform) -> None:
    early = "2001-01-01"
    by_body = calm.said([calm.person], valid_at=early)[0]
    by_address = calm.world.http.post(f"/verify/batch?valid_at={early}", json={"rows": [calm.person]}, headers=calm.headers())
    assert (by_body["match"], by_body["overall"]) in {("no", "not_valid"), ("yes", "not_valid")}
    assert json.loads(by_address.text) == by_body
    for wrong in ("yesterday", 7, "2026-02-30"):
        assert calm.batch([calm.person], valid_at=wrong).status_code == 422


def test_only_platforms_check_in_bulk_and_only_their_types(calm: Platform) -> None:
    clerk, ask = calm.world.headers(DRIVER), {"rows": [calm.person]}
    assert calm.world.http.post("/verify/batch", json=ask, headers=clerk).status_code == 403
    assert calm.world.http.post("/verify/batch", json=ask).status_code == 401
    cars_only = calm.headers("cars-only", types=(CAR,))
    answer = calm.world.http.post("/verify/batch", json={"rows": [calm.person, calm.car]}, headers=cars_only)
    assert [json.loads(line)["match"] for line in answer.text.splitlines()] == ["no", "yes"]
    assert calm.world.http.post("/verify/batch", json={"rows": [{**calm.person, "type": DRIVER}]}, headers=cars_only).status_code == 422
    issue = calm.world.http.post("/licences", json=calm.world.request(TRIP), headers={**calm.headers(), "Idempotency-Key": "not-a-platform"})
    assert issue.status_code == 403


@pytest.mark.rule("SH-14")
def test_one_number_with_licences_of_several_types_is_not_decided_without_the_type(platform: Platform) -> None:
    world = platform.world
    slug = next(
        one for one, sample in world.service.catalogue.samples.items()
        if one != DRIVER and world.service.catalogue.in_force(one, NOW.date()).holder == "person" and "license_no" in sample.face
    )  # fmt: skip
    same = {"license_no": platform.driver["number"], "citizen_id": platform.driver["number"], "person_name": platform.person["name"]}
    fields = world.service.catalogue.in_force(slug, NOW.date()).fields
    known = {name: value for name, value in same.items() if name in fields}
    answer = world.http.post("/licences", json=world.request(slug, face=known), headers=world.headers(slug, "second-type"))
    assert answer.status_code == 201, answer.text
    both, named = platform.said([platform.person, {**platform.person, "type": DRIVER}])
    assert (both["match"], both["overall"], both["reasons"]) == ("yes", "cannot_decide", ["several-licences"])
    assert named["overall"] == "valid"


# -- what is refused -----------------------------------------------------------------------------------------

HOSTILE: list[tuple[Any, str]] = [
    (7, "not-an-object"), (None, "not-an-object"), ([], "not-an-object"), ("x", "not-an-object"), ({}, "missing"), ({"number": "1"}, "missing"),
    ({"number": 1, "plate": "x"}, "not-text"), ({"number": ["1"], "name": "x"}, "not-text"), ({"number": "x" * 201, "name": "x"}, "too-long"),
    ({"number": "1", "name": {"a": 1}}, "not-text"), ({"number": "1", "name": "x", "more": 1}, "unknown-field"),
    ({"number": "\u202e1", "name": "x"}, "bidi-control"),
    ({"number": "1", "name": "x", "ref": "y" * 121}, "too-long"), ({"number": "1", "name": "x", "type": "no_such_type"}, "unknown-type"),
    ({"number": " ", "name": "x"}, "empty"), ({"number": True, "plate": "x"}, "not-text"), ({"number": "1", "plate": "x\0"}, "control-character"),
]  # fmt: skip


def test_every_faulty_row_is_named_and_nothing_is_half_answered(calm: Platform) -> None:
    answer = calm.batch([calm.person, *(row for row, _ in HOSTILE), calm.car])
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    faults = answer.json()["faults"]
    for place, (_, code) in enumerate(HOSTILE, 1):
        assert code in {one["code"] for one in faults if one["path"].startswith(f"rows[{place}]")}, place
    assert not [one for one in faults if one["path"].startswith(("rows[0]", f"rows[{len(HOSTILE) + 1}]"))]
    assert calm.person["name"] not in answer.text


def test_many_faults_are_counted_and_the_first_ones_named(calm: Platform) -> None:
    faults = calm.batch([7] * 500).json()["faults"]
    assert len(faults) == MOST_FAULTS + 1
    assert faults[-1]["message"] == f"{500 - MOST_FAULTS} more faults are not named"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "application/json", 422), (b"[]", "application/json", 422), (b'{"rows": 7}', "application/json", 422), (b'{"rows": []}', "application/json", 422),
        (b'{"rows": [{"number": "\\ud800", "name": "x"}]}', "application/json", 422), (b'{"rows": [], "rows": []}', "application/json", 422),
        (b'{"rows": [{"number": 1e999, "name": "x"}]}', "application/json", 422), (b"[" * 100_000, "application/json", 422), (b"", NDJSON, 422),
        (b'{"number": "1", "name": "x"}\n{"number": "\\udfff", "name": "x"}\n', NDJSON, 422), (b"\xff\xfe\n", NDJSON, 422), (b"\n\n\n", NDJSON, 422),
        (b'{"number": "1", "name": "x"}\nnull\n', NDJSON, 422), (b"{}", "text/plain", 415), (b'{"rows": [], "extra": 1}', "application/json", 422),
        (b" " * 8_000_001, "application/json", 413), (json.dumps({"rows": [{}] * 10_001}).encode(), "application/json", 422),
        (b'{"number": "1", "name": "x"}\n' * 10_001, NDJSON, 422),
    ],
)  # fmt: skip
def test_hostile_bodies_are_refused_clearly(calm: Platform, content: bytes, kind: str, status: int) -> None:
    answer = calm.world.http.post("/verify/batch", content=content, headers={**calm.headers(), "Content-Type": kind})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_broken_line_is_named_by_its_row(calm: Platform) -> None:
    content = b'{"number": "1", "name": "x"}\n{"number": "\\ud800", "name": "x"}\n'
    answer = calm.world.http.post("/verify/batch", content=content, headers={**calm.headers(), "Content-Type": NDJSON})
    assert [(one["path"], one["code"]) for one in answer.json()["faults"]] == [("rows[1]", "lone-surrogate")]


# -- guessing ------------------------------------------------------------------------------------------------


@pytest.mark.rule("SH-14")
def test_who_mostly_does_not_match_is_stopped_for_the_hour_and_who_matches_is_not(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "FREE_MISSES", 20)
    guesses = [{"number": f"guess-{place}", "name": "某人"} for place in range(60)]
    said = [one["match"] for one in platform.said([*guesses, platform.person], "guesser")]

    assert said[:20] == ["no"] * 20
    assert said[20:] == ["not_compared"] * 41  # the right row at the end too: nothing is compared any more
    refused = platform.batch([platform.person], "guesser")
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (429, "too-many-failures")
    assert platform.said([platform.person], "another")[0]["match"] == "yes"
    honest = [platform.person] * 100 + guesses[:40]
    assert [one["match"] for one in platform.said(honest, "honest")].count("no") == 40
    platform.world.clock.now += timedelta(hours=1)  # type: ignore[attr-defined]
    assert platform.said([platform.person], "guesser")[0]["match"] == "yes"


@pytest.mark.rule("SH-14")
def test_one_number_is_tried_ten_times_an_hour_whether_it_exists_or_not(calm: Platform) -> None:
    for number, right in ((calm.driver["number"], calm.person), ("no such number at all", {"number": "no such number at all", "name": "甲"})):
        said = calm.said([{"number": f" {number} ", "name": f"猜测{place}"} for place in range(12)] + [right], "stubborn")
        assert [one["match"] for one in said] == ["no"] * 10 + ["not_compared"] * 3
        assert {(one["overall"], *one["reasons"]) for one in said[10:]} == {("cannot_decide", "too-many-tries")}
        assert calm.said([right], "stubborn")[0]["match"] == "not_compared"
    assert calm.said([calm.person], "patient")[0]["match"] == "yes"


def test_the_hourly_ceiling_counts_rows(platform: Platform) -> None:
    platform.token("small", ceiling=5)
    assert platform.batch([platform.person] * 4, "small").status_code == 200
    over = platform.batch([platform.person] * 2, "small")
    assert (over.status_code, over.json()["type"].rpartition(":")[2]) == (429, "ceiling-reached")
    assert platform.batch([platform.person], "small").status_code == 200


# -- files from the page -------------------------------------------------------------------------------------


def sheet(platform: Platform, encoding: str = "utf-8", delimiter: str = ",", ref: str = "甲") -> bytes:
    lines = [
        ["编号", "证号", "车牌号", "姓名", "备注"], [ref, platform.person["number"], "", platform.person["name"], "x"], [],
        ["乙", platform.car["number"], platform.car["plate"], "", ""], ["丙", platform.car["number"], "川A00001", "", ""],
    ]  # fmt: skip
    target = io.StringIO(newline="")
    csv.writer(target, delimiter=delimiter).writerows(lines)
    return target.getvalue().encode(encoding)


@pytest.mark.rule("SH-14")
@pytest.mark.parametrize(("encoding", "delimiter"), [("utf-8", ","), ("utf-8-sig", ","), ("gb18030", ","), ("utf-8", "\t"), ("gb18030", ";")])
def test_a_file_is_worked_off_and_its_table_downloaded(calm: Platform, encoding: str, delimiter: str) -> None:
    address = calm.worked(sheet(calm, encoding, delimiter))
    page = calm.world.http.get(address, headers=BROWSER)
    table = calm.table(address)

    assert page.status_code == 200
    assert "refresh" not in page.headers
    assert "<script" not in page.text
    assert [(line[0], line[1], line[4]) for line in table[1:]] == [("2", "甲", "valid"), ("4", "乙", "valid"), ("5", "丙", "not_valid")]
    assert [line[2] for line in table[1:]] == ["相符 match", "相符 match", "不符或不存在 no match"]
    for secret in (calm.person["number"], calm.person["name"], calm.car["plate"], calm.car["number"]):
        assert secret not in page.text
        assert secret not in str(table)


@pytest.mark.rule("SH-14")
@pytest.mark.parametrize("ref", ["=cmd|'/c calc'!A1", "+1+1", "-2+3", "@SUM(A1)", "＝1", '"a",=1', '="x""y"'])
def test_cells_cannot_become_formulas(calm: Platform, ref: str) -> None:
    address = calm.worked(sheet(calm, ref=ref))
    raw = calm.world.http.get(f"{address}/result.csv").content.decode("utf-8-sig")
    cell = calm.table(address)[1][1]

    assert cell == (ref if ref.startswith('"') else f"'{ref}")
    assert all(line.startswith('"') for line in raw.splitlines())
    assert not [one for line in calm.table(address) for one in line if one.startswith(("=", "+", "-", "@", "\t", "\r", "＝"))]


@pytest.mark.rule("SH-14")
def test_progress_is_shown_while_a_file_waits_and_the_page_renews_itself(platform: Platform) -> None:
    address = platform.upload(sheet(platform)).headers["location"]
    page = platform.world.http.get(address, headers=BROWSER)
    assert page.headers["refresh"] == "3"
    assert "<progress" in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    assert platform.world.http.get(f"{address}/result.csv").status_code == 404


@pytest.mark.rule("SH-14")
def test_a_file_goes_on_after_the_process_died_and_no_row_is_doubled(platform: Platform, tmp_path: Path, demo_keys: Path) -> None:
    lines = ["ref,number,name"] + [f"r{place},{platform.person['number']},{platform.person['name']}" for place in range(600)]
    address = platform.upload("\n".join(lines).encode()).headers["location"]
    desk = platform.world.service.desk
    assert desk.files.work() == checking.PART
    claimed = desk.files.checks.next_part(platform.world.clock())  # claimed, and the process dies before it answers
    assert claimed is not None
    assert desk.files.work() == 0  # it is another's for a minute
    with a_world(tmp_path, demo_keys, tokens=platform.world.tokens, now=NOW + timedelta(seconds=61)) as again:
        assert again.service.desk.work() == 350
        assert not desk.files.checks.answer(claimed, [{"index": 1}], NOW)  # the dead one comes back: too late
        answers = again.service.desk.files.checks.answers(address.rpartition("/")[2], again.clock())
    assert [one["ref"] for one in answers] == [f"r{place}" for place in range(600)]
    assert {one["match"] for one in answers} == {"yes"}


@pytest.mark.rule("SH-14")
def test_a_file_is_gone_after_a_day_and_its_rows_as_soon_as_they_are_answered(platform: Platform) -> None:
    database = platform.world.service.database
    address = platform.upload(sheet(platform)).headers["location"]
    with database.read() as connection:
        stored = str([connection.execute(select(table)).all() for table in (check_parts, checks)])
    assert platform.person["number"] not in stored
    assert address.rpartition("/")[2] not in stored
    platform.world.service.desk.work()
    with database.read() as connection:
        assert connection.execute(select(check_parts.c.rows)).scalars().all() == [None]
    platform.world.clock.now += timedelta(hours=24)  # type: ignore[attr-defined]
    assert platform.world.http.get(address, headers=BROWSER).status_code == 404
    platform.world.service.desk.work()
    with database.read() as connection:
        assert connection.execute(select(checks)).all() == []


def test_a_file_of_a_client_that_was_shut_out_is_forgotten(platform: Platform) -> None:
    address = platform.upload(sheet(platform)).headers["location"]
    platform.world.service.clients.remove("platform", NOW)
    platform.world.service.desk.work()
    assert platform.world.http.get(address).status_code == 404


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (b"", "list"), (b"\x00\x01\x02\xff", "list"), ("证号,车牌号\n".encode("utf-16"), "list"), (b"a,b\n1,2\n", "line 1"), (b"number\n1\n", "line 1"),
        (b"number,number,name\n1,1,x\n", "line 1"), (b"number,name\n1,\n", "line[2]"), (b'number,name\n"1,x\n', "line 2"), (b"number,name\n", "line"),
        (b"number,name\n" + b"1,x\n" * 10_001, "list"), (b"number,name\n" + b"x" * 200_000 + b",y\n", "line 2"),
        (b"number,name\n1,x\n2,\xe2\x80\xae\n", "line[3].name"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_read_are_refused_by_line(calm: Platform, content: bytes, path: str) -> None:
    answer = calm.world.http.post(
        "/verify/list", data={"token": calm.token()}, files={"list": ("x.csv", content, "text/csv")}, follow_redirects=False
    )
    assert answer.status_code == 422, answer.text
    assert path in {fault["path"] for fault in answer.json()["faults"]}


def test_the_page_takes_only_platforms_and_says_so_as_a_page(calm: Platform) -> None:
    form = calm.world.http.get("/verify/list", headers=BROWSER)
    assert form.status_code == 200
    assert "<script" not in form.text
    for wrong in ("", "lst_wrong"):
        assert calm.upload(sheet(calm), token=wrong).status_code == 401
    assert calm.upload(sheet(calm), token=calm.token("clerk", kind=APPROVAL)).status_code == 403
    assert calm.upload(sheet(calm), valid_at="soon").status_code == 422
    assert calm.world.http.post("/verify/list", content=b"x", headers={"Content-Type": "text/csv"}).status_code == 415
    assert calm.world.http.post("/verify/list", content=b"x", headers={"Content-Type": "multipart/form-data"}).status_code == 400
    assert calm.world.http.get("/verify/list/" + "x" * 32, headers=BROWSER).status_code == 404
