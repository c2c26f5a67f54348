"""A company's persons in the wallet: inviting, agreeing, the list as a page and as a table, who looked, withdrawing (DOMAIN SH-14)."""

import csv
import html
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from licence_service.licence import beijing_day
from licence_service.web.wallet.taking import table
from tests.host import Somebody
from tests.parts.databases import at_once, empty_postgres
from tests.purse import CLIENT, HTML, Purse, purse, says, sign_in, wallet_world
from tests.staffs import EMPLOYER, Staff, a_staff, driver, face_of
from tests.world import DRIVER, VEHICLE, World, a_world

MANY, SUSPENDED = 60, 7
CLERK = Somebody("519902198506120111", "陈安途")


@pytest.fixture(scope="module")
def staff(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[Staff]:
    """A company with sixty persons, the first of them suspended; the world stays as it is."""
    told: dict[str, Any] = {"identity_issuer": "http://127.0.0.1:9", "wallet_client_id": CLIENT}
    with a_world(tmp_path_factory.mktemp("staff"), demo_keys, **told) as world:
        made = a_staff(world, MANY)
        day = beijing_day(world.clock())
        term = {"kind": "penalty", "first": day.isoformat(), "last": (day + timedelta(days=9)).isoformat()}
        for place in range(SUSPENDED):
            body = {"act": "suspend", "effective_on": day.isoformat(), "suspension": term}
            assert world.act(DRIVER, made.licences[place], body, f"act-{place:08d}").status_code == 201
        yield made


@pytest.fixture
def world(tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    told: dict[str, Any] = {"identity_issuer": "http://127.0.0.1:9", "wallet_client_id": CLIENT}
    with a_world(tmp_path, demo_keys, **told) as one:
        yield one


def names(page: str) -> list[str]:
    return re.findall(r'<strong class="who-it-is">([^<]+)</strong>', page)


def found(page: str) -> int:
    said = re.search(r"共 <strong>(\d+)</strong> 件", page)
    return int(said[1]) if said else 0


def cells(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


def code_of(company: Purse) -> str:
    page = company.get("/wallet/fleet/invitation").text
    said = re.search(r"/wallet/invited/([0-9A-Z]{16})<", page)
    return said[1] if said else ""


def a_driver(world: World, number: int = 8) -> tuple[Purse, str]:
    """Let a person into the wallet, with one licence claimed."""
    who = driver(number)
    licence_id = world.issue(DRIVER, f"issue-{number:04}", case_no=f"CASE-{number}", face=face_of(who, number))["licence_id"]
    found = purse(world, who)
    assert found.post("/wallet/claim", {"by": "identity"}).status_code == 200
    return found, licence_id


# -- the list ----------------------------------------------------------------------------------------


def test_persons_are_listed_counted_and_turned_page_by_page(staff: Staff) -> None:
    pages = [staff.purse.get("/wallet/fleet/staff").text, staff.purse.post("/wallet/fleet/staff", {"page": "2"}).text]
    assert [found(page) for page in pages] == [MANY] * 2
    assert f'aria-label="在有效期内 {MANY - SUSPENDED} In force, 暂扣 {SUSPENDED} Suspended"' in pages[0]
    listed = [one for page in pages for one in names(page)]
    assert sorted(listed) == sorted(one.name for one in staff.people)
    assert set(listed[:SUSPENDED]) == {one.name for one in staff.people[:SUSPENDED]}  # the end of a suspension falls due first
    hidden = [staff.people[0].number, staff.licences[0], *(staff.world.request(DRIVER)["face"][name] for name in ("address", "archive_no"))]
    assert not [one for one in hidden if one in "".join(pages)]
    assert 'href="/wallet/fleet/staff/looks"' in pages[0]
    looked = staff.purse.get("/wallet/fleet/staff/looks").text
    assert "法定代表人，身份认证未提供姓名" in looked
    assert f"<div>{MANY}</div>" in looked


@pytest.mark.parametrize(
    ("form", "count"),
    [
        ({"state": "suspended"}, SUSPENDED), ({"within": "30"}, SUSPENDED), ({"state": "revoked"}, 0), ({"type": DRIVER}, MANY), ({"type": VEHICLE}, 0),
        ({"text": f"5199{8:015d}"}, 1), ({"text": driver(9).number}, 0), ({"text": driver(9).name, "state": "in_force"}, 1),
        ({"type": "../x"}, 0), ({"state": "' OR 1=1"}, 0), ({"text": "%"}, 0),
    ],
)  # fmt: skip
def test_the_list_is_narrowed_by_state_time_type_name_and_number(staff: Staff, form: dict[str, str], count: int) -> None:
    answer = staff.purse.post("/wallet/fleet/staff", form)
    assert answer.status_code == 200
    assert found(answer.text) == count
    table_of = staff.purse.post("/wallet/fleet/staff/list.csv", form)
    assert len(cells(table_of.content)) == count + 1


def test_the_list_is_ordered_by_name_and_comes_as_a_table(staff: Staff) -> None:
    page = staff.purse.post("/wallet/fleet/staff", {"by": "number"}).text
    assert names(page) == sorted(one.name for one in staff.people)[:50]
    answer = staff.purse.post("/wallet/fleet/staff/list.csv", {"by": "number"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="staff-\d{4}-\d\d-\d\d\.csv"', answer.headers["content-disposition"])
    heading, *rows = cells(answer.content)
    assert (heading[0], len(rows)) == ("姓名 Name", MANY)
    by_name = {row[0]: row for row in rows}
    one, suspended = by_name[driver(8).name], by_name[driver(1).name]
    assert (one[2], one[4], one[5], one[8]) == (f"5199{8:015d}", "在有效期内 In force", "2032-06-19", "2027-11-27")
    assert suspended[2] == f"{driver(1).number[:3]}{'＊' * 13}{driver(1).number[-2:]}"
    assert suspended[4].startswith("暂扣 Suspended")
    assert b"=1+1" in table(("x",), [("=1+1",)])
    for cell in ("=1+1", "@SUM(A1)", "\t=1", "\n=1", "＝1+1", "－1"):  # full-width signs too, as East Asian versions read them
        assert cells(table(("x",), [(cell,)]))[1] == [f"'{cell}"]


def test_a_page_reads_the_register_once_for_all_and_a_days_looks_are_written_by_one_statement(world: World) -> None:
    company, statements, counted = a_staff(world, 40).purse, list[str](), []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        statements.append(statement)

    engine = world.service.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        for _ in range(2):
            statements.clear()
            assert found(company.get("/wallet/fleet/staff").text) == 40
            counted.append([sum(word in one for one in statements) for word in ("entries.body", "INSERT INTO reads")])
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert counted == [[2, 1], [2, 0]]  # all records, then those that are shown for their verdicts; however many there are


def test_whoever_is_counted_in_the_list_reads_that_they_were(world: World) -> None:
    made = a_staff(world, 2)
    asked = {"text": driver(2).name, "state": "revoked"}  # nobody is listed, but the count under the name tells the state
    page = made.purse.post("/wallet/fleet/staff", asked).text
    assert (names(page), "在有效期内 1 In force" in page) == ([], True)
    world.clock.now += timedelta(minutes=1)  # type: ignore[attr-defined]
    for number, seen in ((2, 1), (1, 0)):
        looks = purse(world, driver(number)).get(f"/wallet/cards/{made.licences[number - 1]}/looks").text
        assert looks.count("在从业人员名单中查看") == seen
    assert cells(made.purse.post("/wallet/fleet/staff/list.csv", {"text": driver(1).name, "state": "revoked"}).content)[1:] == []
    looks = purse(world, driver(1)).get(f"/wallet/cards/{made.licences[0]}/looks").text
    assert looks.count("在从业人员名单中查看") == 1


def test_what_no_database_can_hold_is_answered_in_words(tmp_path: Path, demo_keys: Path, postgres_address: str, migrated_postgres: str) -> None:
    told: dict[str, Any] = {"identity_issuer": "http://127.0.0.1:9", "wallet_client_id": CLIENT}
    with a_world(tmp_path, demo_keys, empty_postgres(postgres_address, migrated_postgres), **told) as world:
        made = a_staff(world, 1)
        code, person = code_of(made.purse), purse(world, made.people[0])
        for path in ("/wallet/fleet/staff", "/wallet/fleet/staff/list.csv", "/wallet/fleet", "/wallet/fleet/files"):
            answer = made.purse.post(path, {"type": "a\0b", "text": "\0", "state": "\0", "what": "all"})
            assert (answer.status_code, found(answer.text)) == (200, 0), path
        for wrong in ({"cards": "\0"}, {"cards": "a\0b"}, {"cards": "０" * 20}):
            assert person.post(f"/wallet/invited/{code}", {"months": "12", **wrong}).status_code == 422
        assert person.post("/wallet/invited/%00", {"months": "12", "cards": made.licences[0]}).status_code in {404, 422}


def test_a_company_without_persons_is_told_how_they_come_here(world: World) -> None:
    company, person = purse(world, EMPLOYER), purse(world, CLERK)
    page = company.get("/wallet/fleet/staff").text
    assert "还没有从业人员同意" in page
    assert "/wallet/fleet/invitation" in page
    assert 'href="/wallet/fleet/staff"' in company.get("/wallet/fleet").text
    for path in ("/wallet/fleet/staff", "/wallet/fleet/invitation"):
        assert person.get(path).status_code == 403


# -- from the invitation to the withdrawal -----------------------------------------------------------


@pytest.mark.rule("SH-14", "AU-06")
def test_a_company_invites_a_driver_agrees_and_withdraws(world: World) -> None:
    company, (person, licence_id) = purse(world, EMPLOYER), a_driver(world)
    assert code_of(company) == ""
    assert company.post("/wallet/fleet/invitation").headers["location"] == "/wallet/fleet/invitation"
    code = code_of(company)
    assert "<path d=" in company.get("/wallet/fleet/invitation").text

    opened = [person.get(f"/wallet/invited/{code}").text for _ in range(3)]  # previews of links fetch it too
    assert opened[0] == opened[1] == opened[2]
    page = opened[0]
    for said in (EMPLOYER.name, EMPLOYER.number, driver(8).name, f"5199{8:015d}", "下一日期及事项", "看不到身份证号"):
        assert said in page
    assert " checked" not in page
    assert 'value="12" selected' in page
    assert names(company.get("/wallet/fleet/staff").text) == []

    for form, fault in (({"months": "12"}, "证照"), ({"cards": licence_id, "months": "37"}, "期限"), ({"cards": licence_id, "months": "x"}, "期限")):
        refused = person.post(f"/wallet/invited/{code}", form)
        assert refused.status_code == 422
        assert f"<p>{fault}：" in refused.text
    for _ in range(2):
        agreed = person.post(f"/wallet/invited/{code}", {"cards": licence_id, "months": "12"})
        assert agreed.status_code == 200, agreed.text
        assert "2027-11-27" in agreed.text
    assert "已同意至 2027-11-27" in person.get(f"/wallet/invited/{code}").text
    world.clock.now += timedelta(minutes=1)  # type: ignore[attr-defined]
    assert at_once([lambda: names(company.get("/wallet/fleet/staff").text)] * 3) == [[driver(8).name]] * 3

    card = person.get(f"/wallet/cards/{licence_id}").text
    assert EMPLOYER.name in card
    way = re.search(r'href="(/wallet/cards/[^"]+/withdraw)"', card)
    assert way
    looks = html.unescape(person.get(f"/wallet/cards/{licence_id}/looks").text)
    assert looks.count("在从业人员名单中查看") == 1
    assert EMPLOYER.name in looks
    assert "姓名、从业资格证号、" in looks

    assert "撤回这项同意？" in person.get(way[1]).text
    assert names(company.get("/wallet/fleet/staff").text) == [driver(8).name]
    assert person.post(way[1]).headers["location"] == f"/wallet/cards/{licence_id}/consents"
    assert names(company.get("/wallet/fleet/staff").text) == []
    listed = person.get(f"/wallet/cards/{licence_id}/consents").text
    assert "已撤回" in listed
    assert "/withdraw" not in listed
    assert "撤回后" not in person.get(way[1]).text


def test_an_invitation_is_renewed_and_ended_and_wrong_codes_are_slowed(world: World) -> None:
    company, (person, licence_id) = purse(world, EMPLOYER), a_driver(world)
    company.post("/wallet/fleet/invitation")
    old = code_of(company)
    company.post("/wallet/fleet/invitation")
    new = code_of(company)
    assert old != new
    assert [person.get(f"/wallet/invited/{code}").status_code for code in (old, new)] == [404, 200]
    late = person.post(f"/wallet/invited/{old}", {"cards": licence_id, "months": "1"})
    assert late.status_code == 404
    for page in (late.text, person.get(f"/wallet/invited/{old}").text):
        assert "请向企业要一个新的" in page
    assert company.post("/wallet/fleet/invitation/end").status_code == 303
    assert code_of(company) == ""
    assert [person.get(f"/wallet/invited/{number:016d}").status_code for number in range(11)][-1] == 429
    company.post("/wallet/fleet/invitation")
    assert person.get(f"/wallet/invited/{code_of(company)}").status_code == 200  # a right one never is


def test_who_acts_for_a_company_or_is_one_is_told_to_come_as_a_person(world: World) -> None:
    company, clerk = purse(world, EMPLOYER), purse(world, CLERK)
    company.post("/wallet/fleet/invitation")
    path = f"/wallet/invited/{code_of(company)}"
    today = beijing_day(world.clock()).isoformat()
    form = {"name": CLERK.name, "number": CLERK.number, "role": "clerk", "acts": ["lend"], "last_on": today}
    assert company.post("/wallet/delegations", form).status_code == 303
    assert "请先领取" in clerk.get(path).text  # as themselves they have no licence yet
    delegation = re.search(r'<option value="([0-9a-f]{26})">', clerk.get("/wallet").text)
    assert delegation
    assert clerk.post("/wallet/act-for", {"delegation": delegation[1]}).status_code == 303
    for who, said in ((clerk, "切换为“本人”"), (company, "企业不能同意")):
        answer = who.get(path)
        assert answer.status_code == 403
        assert said in answer.text


def test_who_opens_an_invitation_before_signing_in_comes_back_to_it(tmp_path: Path, demo_keys: Path) -> None:
    with wallet_world(tmp_path, demo_keys) as hosts:
        world = hosts.world
        company = purse(world, EMPLOYER)
        company.post("/wallet/fleet/invitation")
        code = code_of(company)
        world.http.cookies.clear()
        left = world.http.get(f"/wallet/invited/{code}", follow_redirects=False)
        assert (left.status_code, left.headers["location"]) == (303, "/wallet")
        assert "登录后打开企业的邀请" in world.http.get("/wallet").text
        says(hosts.identity, driver(8))
        back = sign_in(hosts)
        assert (back.status_code, back.headers["location"]) == (303, f"/wallet/invited/{code}")
        assert EMPLOYER.name in world.http.get(back.headers["location"]).text
        assert sign_in(hosts).headers["location"] == "/wallet"  # it is kept for one time
        world.http.post("/wallet/sign-out", data={"form_key": world.service.wallet.form_key(world.http.cookies["wallet_session"])})
        late = world.http.post(f"/wallet/invited/{code}", data={"months": "12"}, follow_redirects=False)  # the session ran out over the form
        assert (late.status_code, late.headers["location"]) == (303, "/wallet")
        assert sign_in(hosts).headers["location"] == f"/wallet/invited/{code}"

        says(hosts.identity, driver(8), "1")
        sign_in(hosts)
        refused = world.http.get(f"/wallet/invited/{code}", headers=HTML).text
        again = re.search(r'href="(/wallet/sign-in[^"]*)"', refused)
        assert again
        says(hosts.identity, driver(8))
        assert sign_in(hosts, again[1]).headers["location"] == f"/wallet/invited/{code}"
        assert sign_in(hosts, "/wallet/sign-in?invited=../../evil.example/0").headers["location"] == "/wallet"
        world.http.cookies.clear()
        world.http.cookies.set("wallet_asked", "../../evil.example/0", path="/wallet")
        assert sign_in(hosts).headers["location"] == "/wallet"
