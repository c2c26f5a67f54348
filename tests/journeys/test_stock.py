"""Legacy stock from its file to the proof: each defect in its quarantine, nothing sealed that was blocked, nothing lost, nothing doubled (DOMAIN §2f)."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from licence_service.chunk_rows import ShutOut
from licence_service.errors import EntryConflict, NotGranted, NotInRegister, TransitionRefused
from licence_service.identifiers import is_vin, sex_of
from licence_service.licence import VersionReason, beijing_day
from licence_service.stock import releasing
from licence_service.stock.declared import read_plan
from licence_service.stock.objecting import Objections
from licence_service.stock.office import Delivery
from licence_service.stock.proving import proof
from licence_service.stock.releasing import Releasing
from licence_service.stock.sources import open_source
from licence_service.stock.written import edits, quarantine_sheet
from licence_service.store.stock_rows import ADOPTED, PASSED, QUARANTINED, REJECTED, RELEASING, SEALED, StockRow, StockRun
from licence_service.store.tables import licences
from licence_service.store.tables_of_stock import stock_runs
from tests.parts.databases import at_once, empty_postgres
from tests.stocks import HEADINGS, PLAN, as_csv, as_ndjson, carried, clean, dirty, photos
from tests.world import DRIVER, VEHICLE, Clock, World, a_world


@pytest.fixture(params=["sqlite", "postgresql"])
def placed(request: pytest.FixtureRequest, tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    url = None
    if request.param == "postgresql":
        url = empty_postgres(request.getfixturevalue("postgres_address"), request.getfixturevalue("migrated_postgres"))
    with a_world(tmp_path, demo_keys, url) as world:
        yield world


def load(world: World, stock: Releasing, folder: Path, content: bytes, by: str = "装载人甲", **more: Any) -> StockRun:
    path = folder / "stock.csv"
    path.write_bytes(content)
    plan = read_plan(PLAN.encode(), stock.office.template(DRIVER))
    return stock.office.load(world.client(DRIVER), DRIVER, Delivery(open_source(path), plan, by, photos(folder / "photos"), **more))


def all_rows(stock: Releasing, run: StockRun) -> list[StockRow]:
    return [row for part in stock.office.kept.each(run) for row in part]


def rules_of(row: StockRow) -> set[str]:
    return {one["rule"] for one in row.content["findings"]}


@pytest.mark.rule("ST-02", "ST-03", "ST-05", "ST-06")
def test_every_defect_lies_in_its_quarantine_and_the_sums_are_exact(placed: World, tmp_path: Path) -> None:
    stock, given, caller = placed.service.stock(), dirty(good=40), placed.client(DRIVER)
    run = load(placed, stock, tmp_path, as_csv(given.rows))
    rows = {row.line: row for row in all_rows(stock, run)}
    assert len(rows) == len(given.rows)
    for line, _, rule in given.lines():
        found = rules_of(rows[line])
        assert (rows[line].state, rule in found) == ((QUARANTINED, True) if rule else (PASSED, False)), (line, rule, found)
        assert rule or found <= {"county-merged"}
    assert {row.county for row in rows.values()} == {"519902", "519903", "519904"}  # the successor owns what was of the merged county
    before = proof(run, stock.sums)
    assert before.holds
    assert not before.closed

    with pytest.raises(TransitionRefused):
        stock.release(caller, run)
    drawn, *others = at_once([lambda: stock.sample(run)] * 3)
    assert isinstance(drawn, list)
    assert others == [drawn, drawn]  # whoever draws at the same moment draws the same, once
    assert [(one.size, one.population) for one in drawn] == [(min(30, one.population), one.population) for one in drawn]
    assert sum(one.population for one in drawn) == sum(row.state == PASSED for row in rows.values())
    with pytest.raises(NotGranted):
        stock.sign_off(run, drawn[0].county, "装载人甲")
    stock.sign_off(run, drawn[0].county, "核验人乙")
    told = stock.release(caller, run)
    assert told == Counter(sealed=drawn[0].population)  # no county that was not signed off
    for one in drawn[1:]:
        stock.sign_off(run, one.county, "核验人乙")
    stock.release(caller, run)

    after = proof(run, stock.sums)
    assert after.closed
    good = sum(rule is None for rule in given.expected)
    assert sum(one.sealed for one in after.counties) == good
    assert sum(one.quarantined for one in after.counties) == len(given.rows) - good
    with placed.service.database.read() as connection:
        assert len(connection.execute(select(licences.c.id)).all()) == good
    assert not list(placed.service.auditor.audit(documents=True))
    assert stock.release(caller, run) == Counter()


@pytest.mark.rule("ST-04")
def test_the_same_file_again_adds_nothing_and_another_with_the_same_rows_only_what_is_new(placed: World, tmp_path: Path) -> None:
    stock, given = placed.service.stock(), dirty(good=5, of_each=1)
    run = load(placed, stock, tmp_path, as_csv([*given.rows, given.rows[0]]))
    assert run.counts
    assert (run.counts["read"], run.counts["repeated"]) == (len(given.rows) + 1, 1)
    assert load(placed, stock, tmp_path, as_csv([*given.rows, given.rows[0]])).run_id == run.run_id
    other = load(placed, stock, tmp_path, as_csv([*given.rows, clean(900)], "utf-8"))
    assert other.run_id != run.run_id
    assert other.counts
    assert (other.counts["known"], sum(other.counts["imported"].values())) == (len(given.rows), 1)
    assert len(all_rows(stock, run)) == len(given.rows)
    assert len(all_rows(stock, other)) == 1
    assert proof(run, stock.sums).holds
    assert proof(other, stock.sums).holds


def test_what_was_put_right_goes_on_and_what_was_rejected_does_not(placed: World, tmp_path: Path) -> None:
    stock, given, caller = placed.service.stock(), dirty(good=0, of_each=1), placed.client(DRIVER)
    run = load(placed, stock, tmp_path, as_csv(given.rows))
    line_of = {rule: line for line, _, rule in reversed(list(given.lines()))}
    office, kept = stock.office, stock.office.kept

    def row_of(rule: str) -> StockRow:
        return kept.lines(run, [line_of[rule]])[0]

    assert office.accept(run, "citizen-id-15-digits", "更正人丙") == 1
    assert row_of("citizen-id-15-digits").state == PASSED
    assert row_of("citizen-id-15-digits").content["draft"]["corrections"][0]["by"] == "更正人丙"

    # The quarantine as a file, put right in a spreadsheet, given back: what nobody touched stays as it is.
    template = office.template(DRIVER)
    sheet = b"".join(quarantine_sheet(template, office.knowledge, kept.each(run, QUARANTINED)))
    lines = list(csv.DictReader(io.StringIO(sheet.decode("utf-8-sig"))))
    right = {
        "missing": ("住址 address", "示例省蜀安市青溪区和平巷3号"),
        "endless-date": ("有效期止 valid_to", "2030年2月28日"),
        "photo-missing": ("照片 photo", "one.jpg"),
    }
    assert {one["规则 rules"] for one in lines} >= {"missing", "endless-date", "photo-missing", "twice-in-the-stock"}
    for one in lines:
        for rule, (column, text) in right.items():
            if one["行号 line"] == str(line_of[rule]):
                one[column] = text
    path = tmp_path / "corrected.csv"
    path.write_bytes(as_csv(lines, "utf-8", list(lines[0])))
    told = office.correct(run, edits(open_source(path), template), "更正人丙", beside=tmp_path / "photos")
    assert told == Counter(changed=3, same=len(lines) - 3)
    assert {rule: row_of(rule).state for rule in right} == dict.fromkeys(right, PASSED)

    # Of two rows with one number the wrong one is rejected: the other has nothing in its way any more.
    assert office.reject(run, [line_of["twice-in-the-stock"] + 1], "更正人丙", "录入重复") == 1
    assert row_of("twice-in-the-stock").state == PASSED
    held = line_of["missing"]
    assert office.hold(run, [held], "核验人乙", "照片不是本人") == 1
    assert kept.lines(run, [held])[0].state == QUARANTINED

    for drawn in stock.sample(run):
        stock.sign_off(run, drawn.county, "核验人乙")
    passed = 1 + 2 + 1 + 1  # accepted, corrected, freed, and the row of the merged county
    assert stock.release(caller, run) == Counter(sealed=passed)
    sums = proof(run, stock.sums)
    assert sums.closed
    assert sum(one.rejected for one in sums.counties) == 1
    assert kept.lines(run, [line_of["twice-in-the-stock"] + 1])[0].state == REJECTED

    # Put right after the release: it needs a sample of its own.
    office.correct(run, [(held, {"address": "示例省蜀安市青溪区和平巷4号"})], "更正人丙")
    assert stock.release(caller, run) == Counter()
    again = [one for one in stock.sample(run) if one.signed_at is None]
    assert [(one.round, one.size) for one in again] == [(2, 1)]
    stock.sign_off(run, again[0].county, "核验人乙")
    assert stock.release(caller, run) == Counter(sealed=1)
    assert proof(run, stock.sums).closed


def test_of_many_photos_no_more_are_released_together_than_a_process_has_room_for(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releasing, "MOST_BYTES", 30_000)  # two photos, in base64
    stock, caller = world.service.stock(), world.client(DRIVER)
    run = load(world, stock, tmp_path, as_csv([clean(3 * number) for number in (1, 2, 3)]))
    (drawn,) = stock.sample(run)
    stock.sign_off(run, drawn.county, "核验人乙")
    assert stock.release(caller, run) == Counter(sealed=3)
    assert len(list(world.service.archive.segments())) == 2
    assert proof(run, stock.sums).closed
    assert not list(world.service.auditor.audit(documents=True))


@pytest.mark.rule("ST-02")
def test_what_is_in_the_register_and_whose_holder_is_no_more_is_not_sealed_again(world: World, tmp_path: Path) -> None:
    stock, rows = world.service.stock(), [clean(number) for number in range(1, 5)]
    two = clean(2)
    same = {"license_no": two["证号"], "citizen_id": two["身份证号"], "birth_date": two["出生日期"].replace("/", "-"), "sex": sex_of(two["身份证号"])}
    world.issue(DRIVER, face=same)
    run = load(world, stock, tmp_path, as_csv(rows), ended=(clean(3)["身份证号"],))
    assert [rules_of(row) for row in all_rows(stock, run)] == [set(), {"in-the-register"}, {"holder-ended"}, set()]


@pytest.mark.rule("ST-02")
@pytest.mark.parametrize("render", [True, False])
def test_what_does_not_fit_on_its_page_is_set_aside_at_the_rehearsal_or_at_the_release(world: World, tmp_path: Path, render: bool) -> None:
    stock, caller = world.service.stock(), world.client(DRIVER)
    run = load(world, stock, tmp_path, as_csv([clean(1), {**clean(2), "姓名": "示" * 50, "住址": "路" * 200}]), render=render)
    assert [row.state for row in all_rows(stock, run)] == [PASSED, QUARANTINED if render else PASSED]
    for one in stock.sample(run):
        stock.sign_off(run, one.county, "核验人乙")
    assert stock.release(caller, run) == (Counter(sealed=1) if render else Counter(sealed=1, refused=1))
    refused = all_rows(stock, run)[1]
    assert (refused.state, rules_of(refused)) == (QUARANTINED, {"refused-at-release"})
    assert {one["code"] for one in refused.content["findings"]} == {"does-not-fit"}
    assert proof(run, stock.sums).closed
    stock.office.correct(run, [(3, {"person_name": "示例", "address": "示例路1号"})], "更正人丙")
    for one in stock.sample(run):
        if one.signed_at is None:
            stock.sign_off(run, one.county, "核验人乙")
    assert stock.release(caller, run) == Counter(sealed=1)
    assert proof(run, stock.sums).closed


@pytest.mark.rule("ST-02")
def test_one_plate_on_two_vehicles_and_a_term_out_of_the_dictionary_are_blocked(world: World, tmp_path: Path) -> None:
    face = {name: value for name, value in world.request(VEHICLE)["face"].items() if name != "issuer_name"}
    columns = {name: "、".join(value) if isinstance(value, list) else str(value) for name, value in face.items()}
    good = {**columns, "county": "519902", "decision": "蜀运许1号"}
    strange = {"license_no": "519902010503", "plate_no": "川PA1235", "business_scope": "道路普通货物运输、拉货"}
    rows = [good, {**good, "license_no": "519902010502", "vin": vin_like(good["vin"])}, {**good, **strange}]
    path = tmp_path / "stock.ndjson"
    path.write_bytes(as_ndjson(rows))
    names = "\n".join(f'{name} = "{name}"' for name in face)
    decision = 'number = "decision"\nlegal_basis = { value = "道条" }\nofficer = { value = "张" }\n'
    plan = f'system = "旧系统"\ncounty = "county"\n[fields]\n{names}\n[decision]\n{decision}'
    stock = world.service.stock()
    run = stock.office.load(
        world.client(VEHICLE), VEHICLE, Delivery(open_source(path), read_plan(plan.encode(), stock.office.template(VEHICLE)), "装载人甲")
    )
    assert [rules_of(row) for row in all_rows(stock, run)] == [{"plate-of-two-vehicles"}, {"plate-of-two-vehicles"}, {"term-not-in-dictionary"}]


def vin_like(vin: str) -> str:
    """Return another correct number with the same check digit."""
    return next(one for number in range(1000) if is_vin(one := f"{vin[:14]}{number:03d}") and one != vin)


@pytest.mark.rule("ST-04", "ST-05")
@pytest.mark.parametrize("kills", [
    [("load", 2), ("judge", 3), ("draw", 1), ("append", 2), ("note", 2)],
    pytest.param([("judge", 1), ("reserve", 2), ("archive", 1), ("note", 1), ("release", 2)], marks=pytest.mark.long),
])  # fmt: skip
def test_a_stock_killed_five_times_ends_without_loss_or_double(
    tmp_path: Path, demo_keys: Path, killed: Callable[..., None], kills: list[tuple[str, int]]
) -> None:  # fmt: skip
    given = dirty(good=60, of_each=1)
    (tmp_path / "stock.csv").write_bytes(as_csv(given.rows))
    photos(tmp_path / "photos")
    with a_world(tmp_path, demo_keys) as world:
        client, tokens = world.client(DRIVER), world.tokens
    for step, time in kills:
        killed(tmp_path, demo_keys, step, time=time, client=client.name, department=client.department, stock=DRIVER)
    with a_world(tmp_path, demo_keys, tokens=tokens) as world:
        stock = world.service.stock()
        (run,) = stock.office.kept.all()
        between = proof(run, stock.sums)
        run = carried(world.service, client, DRIVER, tmp_path)
        good = sum(rule is None for rule in given.expected)
        after = proof(run, stock.sums)
        assert after.closed
        assert (sum(one.sealed for one in after.counties), sum(one.quarantined for one in after.counties)) == (good, len(given.rows) - good)
        assert len(list(world.service.book.all_ids())) == good
        assert sum(one.imported for one in between.counties) in {0, len(given.rows)}
        assert not list(world.service.auditor.audit(documents=True))
        assert {row.line: row.state for row in all_rows(stock, run)} == {line: QUARANTINED if rule else SEALED for line, _, rule in given.lines()}


@pytest.mark.rule("ST-09")
def test_a_holder_objects_after_the_release_and_gets_a_corrected_document(world: World, tmp_path: Path) -> None:
    stock, caller = world.service.stock(), world.client(DRIVER)
    run = load(world, stock, tmp_path, as_csv([clean(1)]))
    for one in stock.sample(run):
        stock.sign_off(run, one.county, "核验人乙")
    stock.release(caller, run)
    licence_id = all_rows(stock, run)[0].licence_id or ""
    office = Objections(stock.office.line, stock.office.knowledge)
    first = office.open(caller, licence_id, "住址有误")
    assert office.open(caller, licence_id, "住址有误").task_id == first.task_id
    assert [(one.task_id, one.late) for one in office.waiting(caller)] == [(first.task_id, False)]
    assert isinstance(world.clock, Clock)
    world.clock.now += timedelta(days=16)
    assert [one.late for one in office.waiting(caller)] == [True]
    corrected = world.act(
        DRIVER, licence_id, {"act": "correct", "face": {"address": "示例省蜀安市云岭县1号"}, "reason_text": "依持证人异议更正"}, "objection-01"
    )
    assert corrected.status_code == 201, corrected.text
    versions = world.service.book.get(licence_id).at(beijing_day(world.clock())).versions
    assert [one.reason for one in versions] == [VersionReason.LEGACY_CONVERSION, VersionReason.CORRECTION]
    assert versions[1].face["address"] == "示例省蜀安市云岭县1号"
    assert versions[1].valid_to == versions[0].valid_to
    office.close(caller, first.task_id, "更正人丙")
    assert office.waiting(caller) == []
    with pytest.raises(NotInRegister):
        office.close(caller, first.task_id, "更正人丙")
    plain = world.issue(DRIVER)["licence_id"]
    for who, which in ((caller, plain), (world.client(VEHICLE), licence_id)):
        with pytest.raises(NotInRegister):
            office.open(who, which, "异议")


@pytest.mark.rule("ST-01", "ST-05")
def test_what_another_system_sealed_is_adopted_with_its_identifier_and_file(placed: World, tmp_path: Path, demo_keys: Path) -> None:
    with a_world(tmp_path / "elsewhere", demo_keys) as other:
        caller = other.client(DRIVER)
        theirs = load(other, other.service.stock(), tmp_path, as_csv([clean(1), clean(2)]))
        for one in other.service.stock().sample(theirs):
            other.service.stock().sign_off(theirs, one.county, "核验人乙")
        other.service.stock().release(caller, theirs)
        results = [row.content["result"] for row in all_rows(other.service.stock(), theirs)]
        folder = photos(tmp_path / "photos")
        for number, one in enumerate(results, 1):
            content = other.http.post("/download", json={"delivery_code": one["delivery_code"]}).content
            (folder / f"{number}.pdf").write_bytes(content)
    rows = [{**clean(number), "标识": one["elicence_id"], "文件": f"{number}.pdf"} for number, one in enumerate(results, 1)]
    rows += [{**clean(3), "标识": results[0]["elicence_id"][:-1] + "?", "文件": "none.pdf"}, {**clean(4), "标识": "", "文件": ""}]
    path = tmp_path / "sealed.csv"
    path.write_bytes(as_csv(rows, headings=[*HEADINGS, "标识", "文件"]))
    stock, caller = placed.service.stock(), placed.client(DRIVER)
    plan = read_plan((PLAN + '\n[sealed]\nelicence_id = "标识"\ndocument = "文件"\n').encode(), stock.office.template(DRIVER))
    run = stock.office.load(caller, DRIVER, Delivery(open_source(path), plan, "装载人甲", folder))
    for one in stock.sample(run):
        stock.sign_off(run, one.county, "核验人乙")
    assert stock.release(caller, run) == Counter(adopted=2, sealed=1)
    found = all_rows(stock, run)
    assert [row.state for row in found] == [ADOPTED, ADOPTED, QUARANTINED, SEALED]
    assert rules_of(found[2]) == {"sealed-elsewhere"}
    entry = placed.service.book.get(found[0].licence_id or "").entries[0]
    assert entry.version
    assert entry.origin
    assert entry.version.elicence_id == results[0]["elicence_id"]
    assert entry.version.reason is VersionReason.ADOPTED
    assert placed.service.archive.get(entry.version.document.sha256) == (folder / "1.pdf").read_bytes()
    assert proof(run, stock.sums).closed


def signed_off(stock: Releasing, run: StockRun) -> None:
    for one in stock.sample(run):
        if one.signed_at is None:
            stock.sign_off(run, one.county, "核验人乙")


class Killed(BaseException):
    """As `kill -9`: nothing of the release goes on."""


def test_a_row_that_a_release_took_is_neither_held_nor_rejected_and_the_next_release_seals_it(placed: World, tmp_path: Path) -> None:
    stock, caller = placed.service.stock(), placed.client(DRIVER)
    run = load(placed, stock, tmp_path, as_csv([clean(1), clean(4)]))
    signed_off(stock, run)

    def dies(name: str) -> None:
        if name == "note":
            raise Killed

    with pytest.raises(Killed):
        replace(stock, told=dies).release(caller, run)
    assert [row.state for row in all_rows(stock, run)] == [RELEASING] * 2
    with pytest.raises(TransitionRefused):
        stock.office.hold(run, [2], "核验人乙", "照片不是本人")
    with pytest.raises(TransitionRefused):
        stock.office.reject(run, [2], "核验人乙", "照片不是本人")
    assert stock.office.correct(run, [(2, {"address": "别处"})], "更正人丙") == Counter({"not in quarantine": 1})
    assert stock.release(caller, run) == Counter(sealed=2)
    assert proof(run, stock.sums).closed


def test_a_client_that_is_switched_off_during_a_release_has_no_further_row_sealed(placed: World, tmp_path: Path) -> None:
    stock, caller, clients = placed.service.stock(), placed.client(DRIVER), placed.service.clients
    run = load(placed, stock, tmp_path, as_csv([clean(1), clean(4)]))
    signed_off(stock, run)

    def switched_off(name: str) -> None:
        if name == "note":
            clients.switch(caller.name, placed.clock(), off=True)

    with pytest.raises(ShutOut):
        replace(stock, told=switched_off).release(caller, run, chunk=1)
    assert [row.state for row in all_rows(stock, run)] == [SEALED, RELEASING]
    assert len(list(placed.service.book.all_ids())) == 1
    clients.switch(caller.name, placed.clock(), off=False)
    assert stock.release(caller, run) == Counter(sealed=1)
    assert proof(run, stock.sums).closed


def test_a_row_held_after_a_release_read_it_is_not_sealed(placed: World, tmp_path: Path) -> None:
    stock, caller = placed.service.stock(), placed.client(DRIVER)
    run = load(placed, stock, tmp_path, as_csv([clean(1)]))
    signed_off(stock, run)
    read = stock.office.kept.rows(run, PASSED)
    assert stock.office.hold(run, [2], "核验人乙", "照片不是本人") == 1
    assert stock.office.kept.claim(read) == []
    assert stock.release(caller, run) == Counter()
    assert stock.office.reject(run, [2], "核验人乙", "照片不是本人") == 1
    stock.office.kept.settle(run, [(row, SEALED, row.content, None) for row in read])
    assert [row.state for row in all_rows(stock, run)] == [REJECTED]
    assert proof(run, stock.sums).closed


def test_a_judgement_of_what_a_row_said_before_its_correction_changes_nothing(placed: World, tmp_path: Path) -> None:
    stock = placed.service.stock()
    run = load(placed, stock, tmp_path, as_csv([{**clean(1), "有效期止": "9999-12-31"}]))
    read = all_rows(stock, run)
    assert stock.office.correct(run, [(2, {"valid_to": "2030-02-28"})], "更正人丙") == Counter(changed=1)
    corrected = all_rows(stock, run)
    found = stock.sums.rules(run)
    assert stock.office.judging(run).judge(read) == 0
    assert all_rows(stock, run) == corrected
    assert (corrected[0].state, corrected[0].content["draft"]["face"]["valid_to"]) == (PASSED, "2030-02-28")
    assert stock.sums.rules(run) == found


def another(number: int, of: int) -> dict[str, str]:
    """Return a row of the same person as another row, under a number of its own."""
    return {**clean(of), "证号": clean(number)["证号"], "序号": str(number)}


@pytest.mark.rule("ST-02")
def test_a_second_certificate_of_a_person_is_blocked_though_the_first_one_is_released(placed: World, tmp_path: Path) -> None:
    stock, caller = placed.service.stock(), placed.client(DRIVER)
    run = load(placed, stock, tmp_path, as_csv([clean(1)]))
    signed_off(stock, run)
    assert stock.release(caller, run) == Counter(sealed=1)
    (twin,) = all_rows(stock, load(placed, stock, tmp_path, as_csv([another(2, of=1)])))
    assert (twin.state, rules_of(twin)) == (QUARANTINED, {"person-with-two"})


@pytest.mark.rule("ST-02")
def test_a_row_that_passed_and_was_signed_off_is_blocked_when_its_twin_comes_in_another_file(placed: World, tmp_path: Path) -> None:
    stock, caller = placed.service.stock(), placed.client(DRIVER)
    run = load(placed, stock, tmp_path, as_csv([clean(1)]))
    signed_off(stock, run)
    other = load(placed, stock, tmp_path, as_csv([another(2, of=1)]))
    for one in (run, other):
        assert [(row.state, rules_of(row)) for row in all_rows(stock, one)] == [(QUARANTINED, {"person-with-two"})]
        assert proof(one, stock.sums).holds
    assert stock.release(caller, run) == Counter()


@pytest.mark.rule("ST-02")
def test_rows_are_judged_once_more_when_they_are_released(world: World, tmp_path: Path) -> None:
    stock, caller = world.service.stock(), world.client(DRIVER)
    run = load(world, stock, tmp_path, as_csv([clean(1), clean(4)]))
    signed_off(stock, run)
    world.issue(DRIVER, face={
        "license_no": clean(1)["证号"].translate({0xFF10 + digit: str(digit) for digit in range(10)}), "citizen_id": clean(1)["身份证号"],
        "birth_date": clean(1)["出生日期"].replace("/", "-"), "sex": sex_of(clean(1)["身份证号"]),
    })  # fmt: skip
    assert stock.release(caller, run) == Counter(sealed=1)
    assert [(row.state, row.line) for row in all_rows(stock, run)] == [(QUARANTINED, 2), (SEALED, 3)]
    assert rules_of(all_rows(stock, run)[0]) == {"in-the-register"}


@pytest.mark.rule("ST-02")
@pytest.mark.parametrize(("name", "code"), [("A\0B", "control-character"), ("a" * 30_000, "too-long")])
def test_the_dry_run_blocks_a_name_that_a_release_would_refuse(world: World, tmp_path: Path, name: str, code: str) -> None:
    stock = world.service.stock()
    path = tmp_path / "stock.ndjson"
    path.write_bytes(as_ndjson([{**clean(1), "姓名": name}]))
    plan = read_plan(PLAN.encode(), stock.office.template(DRIVER))
    run = stock.office.load(world.client(DRIVER), DRIVER, Delivery(open_source(path), plan, "装载人甲", photos(tmp_path / "photos")))
    (row,) = all_rows(stock, run)
    assert (row.state, code in {one["code"] for one in row.content["findings"]}) == (QUARANTINED, True)


def test_another_mapping_of_a_file_that_is_loaded_is_refused_by_the_name_of_its_run(world: World, tmp_path: Path) -> None:
    stock = world.service.stock()
    run = load(world, stock, tmp_path, as_csv([clean(1)]))
    other = read_plan(PLAN.replace("运政在线", "另一系统").encode(), stock.office.template(DRIVER))
    with pytest.raises(EntryConflict) as refused:
        stock.office.load(world.client(DRIVER), DRIVER, Delivery(open_source(tmp_path / "stock.csv"), other, "装载人甲", tmp_path / "photos"))
    assert refused.value.facts["run"] == run.run_id
    with pytest.raises(EntryConflict):
        load(world, stock, tmp_path, as_csv([clean(1)]), render=True)
    assert load(world, stock, tmp_path, as_csv([clean(1)])).run_id == run.run_id


def test_one_file_is_one_run_even_where_two_commands_open_it_at_once(placed: World, tmp_path: Path) -> None:
    stock = placed.service.stock()
    run = load(placed, stock, tmp_path, as_csv([clean(1)]))
    with placed.service.database.read() as connection:
        one = dict(connection.execute(select(stock_runs)).mappings().one())
    with pytest.raises(IntegrityError), placed.service.database.write() as connection:
        connection.execute(insert(stock_runs).values({**{name: value for name, value in one.items() if name != "id"}, "run_id": "0" * 26}))
    with ThreadPoolExecutor(4) as pool:
        opened = stock.office.kept.opened
        told = pool.map(lambda _: opened(run.client, run.department, run.type, "another-file", "甲", run.content).run_id, range(4))
        assert len(set(told)) == 1
