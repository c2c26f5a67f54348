"""The wallet's door, its list of cards, claiming, and acting for a company, as a browser meets them."""

import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_service.holding import GIVEN
from licence_service.licence import BEIJING, beijing_day
from tests.host import Hosts, Somebody
from tests.purse import CLIENT, HTML, Purse, purse, says, sign_in, wallet_world
from tests.world import DRIVER, VEHICLE, World, a_world

CHEN, OTHER = Somebody("519902198506120111", "陈安途"), Somebody("519902199001010034", "周望川")
NEW = Somebody("519902197001010012", "何清河")
COMPANY_LEADER = {"company_role": "legal_representative", "agent_number": OTHER.number, "agent_name": OTHER.name}


@pytest.fixture
def hosts(tmp_path: Path, demo_keys: Path) -> Iterator[Hosts]:
    with wallet_world(tmp_path, demo_keys) as opened:
        yield opened


@pytest.fixture
def world(tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    with a_world(tmp_path, demo_keys, identity_issuer="http://127.0.0.1:9", wallet_client_id=CLIENT) as opened:
        yield opened


def company_of(world: World) -> Somebody:
    face = world.request(VEHICLE)["face"]
    return Somebody(face["uscc"], face["holder_name"], "company")


# -- the door ----------------------------------------------------------------------------------------


def test_a_holder_signs_in_claims_sees_the_card_and_signs_out(hosts: Hosts) -> None:
    http = hosts.world.http
    licence_id = hosts.world.issue(DRIVER)["licence_id"]
    assert "用统一身份认证登录" in http.get("/wallet", headers=HTML).text
    says(hosts.identity, CHEN)

    answer = sign_in(hosts)
    assert (answer.status_code, answer.headers["location"]) == (303, "/wallet")
    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("wallet_session="))
    assert {"HttpOnly", "SameSite=lax", "Path=/wallet"} <= {one.strip() for one in cookie.split(";")}
    page = http.get("/wallet", headers=HTML).text
    assert "陈安途" in page
    key = re.search(r'name="form_key" value="([^"]+)"', page)
    assert key
    form = {"form_key": key[1]}
    assert "已领取 1 件" in http.post("/wallet/claim", data={**form, "by": "identity"}, headers=HTML).text
    assert f"/wallet/cards/{licence_id}" in http.get("/wallet", headers=HTML).text

    token = http.cookies["wallet_session"]
    assert "已退出" in http.post("/wallet/sign-out", data=form, headers=HTML).text
    http.cookies.set("wallet_session", token, path="/wallet")
    assert "陈安途" not in http.get("/wallet", headers=HTML).text  # the token is worth nothing any more


def test_the_cookie_goes_over_tls_only_where_the_service_has_it(tmp_path: Path, demo_keys: Path) -> None:
    with wallet_world(tmp_path, demo_keys, public_url="https://licence.example.cn") as hosts:
        left = hosts.world.http.get("/wallet/sign-in", follow_redirects=False)
        assert "Secure" in left.headers["set-cookie"]


def test_a_new_sign_in_ends_the_session_that_the_browser_had(hosts: Hosts) -> None:
    says(hosts.identity, CHEN)
    sign_in(hosts)
    before = hosts.world.http.cookies["wallet_session"]
    sign_in(hosts)
    assert hosts.world.service.wallet.holding(before) is None
    assert hosts.world.service.wallet.holding(hosts.world.http.cookies["wallet_session"])


@pytest.mark.parametrize("changed", [{"acr": None}, {"id_number": None}, {"holder_kind": "ship"}, {"name": ""}])
def test_who_is_not_identified_stays_out_and_is_told_so(hosts: Hosts, changed: dict[str, Any]) -> None:
    says(hosts.identity, CHEN, **changed)
    answer = sign_in(hosts)
    assert answer.status_code == 403
    assert "无法确认您是哪位持证人" in answer.text
    assert "wallet_session" not in hosts.world.http.cookies


def test_a_company_signs_in_by_its_legal_representative_alone(hosts: Hosts) -> None:
    company = company_of(hosts.world)
    says(hosts.identity, company)
    assert sign_in(hosts).status_code == 403
    says(hosts.identity, company, **COMPANY_LEADER)
    assert sign_in(hosts).status_code == 303
    holding = hosts.world.service.wallet.holding(hosts.world.http.cookies["wallet_session"])
    assert holding
    assert holding.holder.kind == "company"
    assert holding.person


@pytest.mark.parametrize("wrong", ["another state", "no cookie", "another nonce", "another audience", "an error"])
def test_whoever_did_not_leave_from_this_browser_is_refused(hosts: Hosts, wrong: str) -> None:
    says(hosts.identity, CHEN, **({"aud": "licence-desk"} if wrong == "another audience" else {}))
    http = hosts.world.http
    left = http.get("/wallet/sign-in", follow_redirects=False).headers["location"]
    state = re.search(r"state=([^&]+)", left)
    nonce = re.search(r"nonce=([^&]+)", left)
    assert state
    assert nonce
    hosts.identity.nonce = "x" if wrong == "another nonce" else nonce[1]
    if wrong == "no cookie":
        http.cookies.clear()
    said = f"{state[1]}x" if wrong == "another state" else state[1]
    query = "error=access_denied" if wrong == "an error" else f"state={said}&code=a-code"
    answer = http.get(f"/wallet/sign-in/back?{query}", headers=HTML, follow_redirects=False)
    assert answer.status_code == 401
    assert "登录未成功" in answer.text
    assert "wallet_session" not in http.cookies


def test_without_an_identity_service_the_wallet_is_closed_and_says_so(tmp_path: Path, demo_keys: Path) -> None:
    with a_world(tmp_path, demo_keys) as world:
        assert "证照夹暂不开放" in world.http.get("/wallet", headers=HTML).text
        assert world.http.get("/wallet/sign-in", headers=HTML).status_code == 503


def test_a_session_ends_without_use_and_after_its_hours(world: World) -> None:
    idle, longest = world.service.wallet.sessions.idle, world.service.wallet.sessions.longest
    used, left = purse(world, CHEN), purse(world, CHEN)
    begun = world.clock.now  # type: ignore[attr-defined]
    while world.clock() < begun + longest - idle:
        world.clock.now += idle / 2  # type: ignore[attr-defined]
        assert used.get("/wallet/claim").status_code == 200
    assert left.get("/wallet/claim").headers["location"] == "/wallet"
    world.clock.now = begun + longest + timedelta(seconds=1)  # type: ignore[attr-defined]
    assert used.get("/wallet/claim").status_code == 303


def test_no_form_is_taken_that_was_not_made_for_the_session(world: World) -> None:
    mine, another = purse(world, CHEN), purse(world, OTHER)
    for path in ("/wallet/claim", "/wallet/sign-out", "/wallet/act-for", "/wallet/delegations", f"/wallet/delegations/{'0' * 26}/end"):
        for key in ("", another.form_key):
            assert mine.post(path, {"form_key": key}).status_code == 403, path
        nobody = world.http.post(path, data={"form_key": mine.form_key}, headers=HTML, follow_redirects=False)
        assert (nobody.status_code, nobody.headers["location"]) == (303, "/wallet")
    assert mine.get("/wallet").status_code == 200


# -- claims ------------------------------------------------------------------------------------------


def test_who_has_more_than_one_claim_goes_through_goes_on_with_a_button(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("licence_service.claiming.MOST_AT_ONCE", 1)
    number = world.request(VEHICLE)["face"]["license_no"]
    for each in range(2):
        world.issue(VEHICLE, f"issue-{each:04}", case_no=f"C-{each}", face={"license_no": f"{number[:-3]}{each:03}"})
    leader = purse(world, company_of(world))
    page = leader.post("/wallet/claim", {"by": "identity", "type": VEHICLE}).text
    assert "已领取 1 件" in page
    form = page.split("继续领取")[0].rpartition("<form")[2]
    sent = dict(re.findall(r'name="([a-z]+)" value="([^"]+)"', form))
    assert sent == {"by": "identity", "after": "1", "type": VEHICLE}
    last = leader.post("/wallet/claim", sent).text
    assert "已领取 1 件" in last
    assert "继续领取" not in last
    assert "/wallet/cards/" in leader.get("/wallet").text
    again = leader.post("/wallet/claim", {"by": "identity", "type": VEHICLE}).text
    assert "尚未核对完" in again
    assert "此前已全部领取" not in again  # that is said of the last stretch alone
    assert leader.post("/wallet/claim", {"by": "identity", "after": "x"}).status_code == 200  # no number: from the beginning


@pytest.mark.rule("SH-15")
def test_a_claim_says_what_came_of_it_and_who_can_put_right_the_rest(world: World) -> None:
    body = world.issue(DRIVER)
    chen, other = purse(world, CHEN), purse(world, OTHER)
    nothing = other.post("/wallet/claim", {"by": "identity"}).text
    assert "没有领取到证照" in nothing
    assert "示例省交通运输厅" in nothing
    guessed = other.post("/wallet/claim", {"by": "number", "value": body["number"], "delivery_code": "AAAA-AAAA-AAAA"}).text
    assert "不一致" in guessed
    assert "已领取 1 件" in chen.post("/wallet/claim", {"by": "identity"}).text
    assert "此前已全部领取" in chen.post("/wallet/claim", {"by": "identity"}).text


def test_a_claim_with_faults_shows_the_form_with_all_of_them(world: World) -> None:
    answer = purse(world, CHEN).post("/wallet/claim", {"by": "plate", "type": "no_such_type", "region": "1"})
    assert answer.status_code == 422
    for field in ("证照类型", "区划代码", "证号或车牌", "领取码"):
        assert f"<p>{field}：" in answer.text


def test_a_level_that_is_too_low_is_named_with_the_way_to_a_higher_one(world: World) -> None:
    answer = purse(world, CHEN, "1").post("/wallet/claim", {"by": "identity"})
    assert answer.status_code == 403
    assert "需要身份认证等级 2 级，本次登录为 1 级" in answer.text
    assert 'href="/wallet/sign-in"' in answer.text


# -- companies ---------------------------------------------------------------------------------------


def given(boss: Purse, **changed: Any) -> Any:
    today = beijing_day(boss.world.clock())
    form = {
        "name": CHEN.name,
        "number": CHEN.number,
        "role": "clerk",
        "acts": ["download", "show"],
        "last_on": str(today + timedelta(days=9)),
        **changed,
    }
    return boss.post("/wallet/delegations", form)


@pytest.mark.rule("SH-13")
def test_a_company_lets_a_clerk_act_and_is_rid_of_them_with_the_next_request(world: World) -> None:
    licence_id, company = world.issue(VEHICLE)["licence_id"], company_of(world)
    boss, clerk, other = purse(world, company, agent=OTHER), purse(world, CHEN), purse(world, OTHER)
    boss.post("/wallet/claim", {"by": "identity"})
    assert given(boss).status_code == 303
    delegation = world.service.wallet.delegations.held(clerk.holder_id)[0].delegation_id

    assert company.name in clerk.get("/wallet").text  # offered
    assert clerk.post("/wallet/act-for", {"delegation": delegation}).status_code == 303
    page = clerk.get("/wallet").text
    assert licence_id in page
    assert "经办人代理" in page
    assert clerk.get("/wallet/claim").status_code == 403  # not delegated
    assert clerk.get("/wallet/delegations").status_code == 403
    assert other.post("/wallet/act-for", {"delegation": delegation}).status_code == 404

    assert boss.post(f"/wallet/delegations/{delegation}/end").status_code == 303
    assert "已终止" in boss.get("/wallet/delegations").text
    for asked in (clerk.get("/wallet"), clerk.get(f"/wallet/cards/{licence_id}"), clerk.get("/wallet/fleet", Accept="application/json")):
        assert asked.status_code == 403
        assert f"您不再代表{company.name}" in asked.text
        assert licence_id not in asked.text
    assert clerk.post("/wallet/act-for", {"delegation": delegation}).status_code == 404
    assert clerk.post("/wallet/act-for", {"delegation": ""}).status_code == 303
    assert CHEN.name in clerk.get("/wallet").text


@pytest.mark.rule("SH-13")
def test_nothing_is_done_under_a_delegation_that_ran_out_not_even_for_oneself_before_one_was_told(world: World) -> None:
    licence_id = world.issue(DRIVER)["licence_id"]
    world.clock.now = datetime.combine(beijing_day(world.clock()), time(23, 59), BEIJING)  # type: ignore[attr-defined]
    boss, clerk = purse(world, company_of(world), agent=OTHER), purse(world, CHEN)
    given(boss, acts=["claim"], last_on=str(beijing_day(world.clock())))
    clerk.post("/wallet/act-for", {"delegation": world.service.wallet.delegations.held(clerk.holder_id)[0].delegation_id})
    assert clerk.get("/wallet/claim").status_code == 200
    world.clock.now += timedelta(minutes=1)  # type: ignore[attr-defined]
    refused = clerk.post("/wallet/claim", {"by": "identity"})
    assert (refused.status_code, "您不再代表" in refused.text) == (403, True)
    assert clerk.post("/wallet/act-for", {"form_key": ""}).status_code == 403
    clerk.post("/wallet/act-for", {"delegation": ""})
    assert licence_id not in clerk.get("/wallet").text  # it was not claimed
    assert "已退出" in clerk.post("/wallet/sign-out").text


@pytest.mark.rule("SH-13")
def test_who_no_longer_acts_for_a_company_can_sign_out_at_once(world: World) -> None:
    boss, clerk = purse(world, company_of(world), agent=OTHER), purse(world, CHEN)
    given(boss)
    delegation = world.service.wallet.delegations.held(clerk.holder_id)[0].delegation_id
    clerk.post("/wallet/act-for", {"delegation": delegation})
    boss.post(f"/wallet/delegations/{delegation}/end")
    assert "已退出" in clerk.post("/wallet/sign-out").text
    assert clerk.get("/wallet/claim").headers["location"] == "/wallet"


def test_a_delegation_with_faults_shows_the_form_with_all_of_them_and_what_was_typed(world: World) -> None:
    boss = purse(world, company_of(world), agent=OTHER)
    answer = given(boss, number="519902198506120112", acts=[], last_on="2001-01-01", role="king")
    assert answer.status_code == 422
    for field in ("证件号码", "可以做什么", "截止日期", "身份"):
        assert f"<p>{field}：" in answer.text
    assert 'value="陈安途"' in answer.text
    assert "519902198506120112" not in answer.text


def test_persons_do_not_delegate_and_no_delegation_goes_beyond_what_companies_may_give(world: World) -> None:
    assert purse(world, CHEN).post("/wallet/delegations", {"name": "x"}).status_code == 403
    boss = purse(world, company_of(world), agent=OTHER)
    assert given(boss, acts=["delegate"]).status_code == 422
    assert given(boss, acts=sorted(GIVEN)).status_code == 303


@pytest.mark.rule("SH-13")
def test_when_somebody_else_speaks_for_a_company_the_former_is_out_and_what_they_delegated_is_told_and_stays_until_it_is_ended(hosts: Hosts) -> None:
    world, company = hosts.world, company_of(hosts.world)
    licence_id = world.issue(VEHICLE)["licence_id"]
    says(hosts.identity, company, **COMPANY_LEADER)
    sign_in(hosts)
    service, token = world.service, world.http.cookies["wallet_session"]
    holding = service.wallet.holding(token)
    assert holding
    former, clerk = Purse(world, holding.holder.holder_id, token), purse(world, CHEN)
    former.post("/wallet/claim", {"by": "identity"})
    given(former)
    assert "前任" not in former.get("/wallet").text
    assert f"由 {OTHER.name} 授权" in former.get("/wallet/delegations").text
    clerk.post("/wallet/act-for", {"delegation": service.wallet.delegations.held(clerk.holder_id)[0].delegation_id})

    world.http.cookies.clear()
    says(hosts.identity, company, **{**COMPANY_LEADER, "agent_number": NEW.number, "agent_name": NEW.name})
    sign_in(hosts)
    boss = Purse(world, former.holder_id, world.http.cookies["wallet_session"])
    assert former.get("/wallet/delegations").headers["location"] == "/wallet"
    assert "有 1 项经办授权由前任法定代表人作出" in boss.get("/wallet").text
    assert f"由前任法定代表人 {OTHER.name} 授权" in boss.get("/wallet/delegations").text
    assert licence_id in clerk.get("/wallet").text  # the company delegated: its drivers show what they showed yesterday
    assert "前任" not in clerk.get("/wallet").text
    delegation = service.wallet.delegations.held(clerk.holder_id)[0].delegation_id
    assert boss.post(f"/wallet/delegations/{delegation}/end").status_code == 303
    assert "前任" not in boss.get("/wallet").text
    assert clerk.get("/wallet").status_code == 403
