"""Lending in the wallet: form, code, list, taking back, copy; and who looked (DOMAIN SH-12, SH-11, AU-06)."""

import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pikepdf
import pytest

from licence_service.store.clients import PLATFORM, Client
from licence_service.store.lending_requests import MOST_AN_HOUR, MOST_COPIES_AN_HOUR
from licence_service.store.people import Person
from licence_service.store.reads import SHOWN, Read
from licence_service.web.wallet.looks import A_PAGE
from tests.api.test_issuing import adopt, adoption, sealed_elsewhere
from tests.fleets import keep
from tests.holders import BUYER, Owner, officers, owning
from tests.purse import Purse, purse
from tests.screens import on_screen
from tests.world import DRIVER, NOW, TRIP, VEHICLE

BANK = "蜀安示例银行股份有限公司"
FORM: dict[str, Any] = {"receiver": BANK, "purpose": "办理车辆贷款", "fields": ["person_name", "valid_to"], "minutes": "1440", "uses": "2"}
PDF = {"Content-Type": "application/pdf"}
PLATFORM_CODE = "91519902MB99000889"


@pytest.fixture
def owner(tmp_path: Path, demo_keys: Path) -> Iterator[Owner]:
    with owning(tmp_path, demo_keys, failures_before_slowing=1000) as found:
        yield found


@pytest.fixture
def mine(owner: Owner) -> Purse:
    return purse(owner.world, owner.who)


def forward(owner: Owner, **step: int) -> None:
    clock: Any = owner.world.clock
    clock.now += timedelta(**step)


def page(owner: Owner, one: Purse, name: str) -> str:
    answer = one.get(f"/wallet/cards/{owner.licence_id}/{name}")
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def lend(owner: Owner, one: Purse, **changed: Any) -> Any:
    form = {name: value for name, value in {**FORM, **changed}.items() if value is not None}
    return one.post(f"/wallet/cards/{owner.licence_id}/lendings", form)


def code_on(answer: Any) -> str:
    assert answer.status_code == 201, answer.text
    found = re.search(r'class="told-code">([0-9A-Z ]+)<', answer.text)
    assert found
    return found[1].replace(" ", "")


def read(owner: Owner, code: str, receiver: str | None = BANK, **headers: str) -> Any:
    body = {"code": code, **({"receiver": receiver} if receiver else {})}
    return owner.http.post("/lent", json=body, headers=headers).json()


def lending_ids(text: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"/lendings/([0-9a-f]{26})/", text)))


# -- lending -----------------------------------------------------------------------------------------


def test_the_form_offers_every_field_that_the_holder_sees_and_chooses_what_names_the_licence(owner: Owner, mine: Purse) -> None:
    text = page(owner, mine, "lend")
    boxes = dict(re.findall(r'name="fields" type="checkbox" value="([a-z_]+)"( checked)?', text))
    assert {name for name, chosen in boxes.items() if chosen} == {"person_name", "license_no", "valid_to"}
    assert {"citizen_id", "address", "driving_class"} <= set(boxes)
    assert "photo" not in boxes
    assert not re.search(r'id="copy"[^>]* checked', text)
    assert 'id="client"' not in text
    face = owner.world.request(DRIVER)["face"]
    assert face["citizen_id"] not in text


@pytest.mark.rule("SH-12")
def test_what_is_lent_is_read_by_the_code_and_the_address_that_the_page_hands_over(owner: Owner, mine: Purse) -> None:
    answer = lend(owner, mine)
    code = code_on(answer)
    side, path = re.search(r'class="the-code" viewBox="0 0 (\d+) ', answer.text), re.search(r'<path d="([^"]+)" fill="#000"', answer.text)
    assert side
    assert path
    assert on_screen(int(side[1]), path[1]) == f"https://licence.example.cn/L/{code}"
    assert answer.headers["cache-control"] == "no-store"
    said = read(owner, code)
    assert [one["name"] for one in said["licence"]["face"]] == ["person_name", "valid_to"]
    assert (said["lent"]["until"], said["lent"]["uses"]) == ("2026-11-29T04:00:00+00:00", 2)
    listed = page(owner, mine, "lendings")
    assert code not in listed.replace(" ", "")
    assert "1 / 2" in listed


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"receiver": ""}, ("receiver", "必须填写")), ({"purpose": "长" * 41}, ("purpose", "内容过长")), ({"fields": []}, ("fields", "请至少选择一项")),
        ({"uses": "0"}, ("uses", "数值过小")), ({"uses": "101"}, ("uses", "超出允许的范围")), ({"uses": "two"}, ("uses", "请填写整数")),
        ({"minutes": "43201"}, ("minutes", "超出允许的范围")), ({"minutes": None}, ("minutes", "必须填写")),
        ({"client": "nobody"}, ("client", "没有这个平台")), ({"fields": ["photo"]}, ("fields", "没有这个栏目")),
    ],
)  # fmt: skip
def test_a_fault_is_named_at_its_field_and_nothing_that_was_typed_is_lost(
    owner: Owner, mine: Purse, changed: dict[str, Any], words: tuple[str, str]
) -> None:
    owner.world.service.clients.add(Client("bank", PLATFORM_CODE, ("*",), 1000, PLATFORM), NOW)
    answer = lend(owner, mine, copy="yes", **changed)
    assert answer.status_code == 422
    place, said = words
    told = re.search(rf'id="{place}-about">(.*?)</div>', answer.text, re.DOTALL)
    assert told, answer.text
    assert said in told[1]
    assert "有 1 处须更正" in answer.text
    assert re.search(r'id="copy"[^>]* checked', answer.text)
    for name in {"receiver", "purpose"} - set(changed):
        assert FORM[name] in answer.text
    assert "没有授权记录" in page(owner, mine, "lendings")


def test_all_faults_are_named_at_once(owner: Owner, mine: Purse) -> None:
    answer = lend(owner, mine, receiver="", purpose="", fields=[], uses="x", minutes="0")
    assert "有 5 处须更正" in answer.text


def test_what_no_form_of_ours_sends_is_refused_and_lends_nothing(owner: Owner, mine: Purse) -> None:
    for wrong in ({"receiver": "x" * 3000}, {"receiver": "银行\x00"}, {"fields": ["\x00", "person_name"]}, {"uses": "9" * 400}, {"minutes": "-5"}):
        assert lend(owner, mine, **wrong).status_code == 422, wrong
    assert "没有授权记录" in page(owner, mine, "lendings")


def test_the_ceiling_of_an_hour_is_said_on_the_form(owner: Owner, mine: Purse) -> None:
    for _ in range(MOST_AN_HOUR):
        assert lend(owner, mine).status_code == 201
    answer = lend(owner, mine)
    assert answer.status_code == 429
    assert "已达上限" in answer.text
    assert BANK in answer.text
    assert lending_ids(page(owner, mine, "lendings")) != lending_ids(page(owner, mine, "lendings?page=2"))
    assert len(lending_ids(page(owner, mine, "lendings")) + lending_ids(page(owner, mine, "lendings?page=2"))) == MOST_AN_HOUR


def test_pressing_the_button_twice_is_one_lending_with_one_code_and_a_changed_form_is_another(owner: Owner, mine: Purse) -> None:
    key = re.search(r'name="key" value="([0-9a-f]{32})"', page(owner, mine, "lend"))
    assert key
    codes = {code_on(lend(owner, mine, key=key[1], copy="yes")) for _ in range(3)}
    assert len(codes) == 1
    assert len(lending_ids(page(owner, mine, "lendings"))) == 1
    changed = lend(owner, mine, key=key[1], purpose="投标")
    assert changed.status_code == 409
    assert "内容已改动" in changed.text
    assert "投标" in changed.text
    fresh = re.search(r'name="key" value="([0-9a-f]{32})"', changed.text)
    assert fresh
    assert fresh[1] != key[1]
    assert code_on(lend(owner, mine, key=fresh[1], purpose="投标")) not in codes
    assert len(lending_ids(page(owner, mine, "lendings"))) == 2


def test_whoever_may_have_no_more_copies_lends_without_one_from_the_same_form(owner: Owner, mine: Purse) -> None:
    for _ in range(MOST_COPIES_AN_HOUR):
        assert lend(owner, mine, copy="yes").status_code == 201
    refused = lend(owner, mine, copy="yes")
    assert (refused.status_code, "已达上限" in refused.text) == (429, True)
    key = re.search(r'name="key" value="([0-9a-f]{32})"', refused.text)
    assert key
    assert lend(owner, mine, key=key[1]).status_code == 201


def test_while_the_seal_is_stopped_nothing_is_lent_and_the_next_press_goes_on(owner: Owner, mine: Purse) -> None:
    service = owner.world.service
    seal_id = service.keyring.departments[service.catalogue.samples[DRIVER].issuer].seal.seal_id
    service.seal_log.order(seal_id, stopped=True, at=NOW, by="officer", reason="check")
    key = "ab" * 16
    answer = lend(owner, mine, copy="yes", key=key)
    assert answer.status_code == 503
    assert "稍后再试" in answer.text
    assert BANK in answer.text
    assert f'name="key" value="{key}"' in answer.text
    assert "没有授权记录" in page(owner, mine, "lendings")
    service.seal_log.order(seal_id, stopped=False, at=NOW, by="officer", reason="checked")
    assert lend(owner, mine, copy="yes", key=key).status_code == 201
    assert len(lending_ids(page(owner, mine, "lendings"))) == 1


def test_a_registered_platform_is_chosen_by_who_runs_it_and_alone_opens_what_it_was_lent(owner: Owner, mine: Purse) -> None:
    clients = owner.world.service.clients
    token = clients.add(Client("bank", PLATFORM_CODE, ("*",), 1000, PLATFORM), NOW)
    clients.add(Client("freight-only", PLATFORM_CODE, (TRIP,), 1000, PLATFORM), NOW)
    options = re.findall(r'<option value="([a-z-]+)"', page(owner, mine, "lend"))
    assert options == ["bank"]
    code = code_on(lend(owner, mine, client="bank"))
    assert read(owner, code)["status"] == 404
    assert read(owner, code, None, Authorization=f"Bearer {token}")["lent"]["used"] == 1


def test_of_what_was_sealed_elsewhere_no_copy_is_made_and_the_form_says_to_lend_without(owner: Owner, mine: Purse) -> None:
    body = adoption(owner.world, DRIVER, sealed_elsewhere(owner.world, DRIVER), case_no="ADOPTED")
    body["face"]["license_no"] = "5199021985061201119"
    adopted = adopt(owner.world, DRIVER, body)
    assert adopted.status_code == 201, adopted.text
    owner.keep(adopted.json()["licence_id"])
    path = f"/wallet/cards/{adopted.json()['licence_id']}/lendings"
    refused = mine.post(path, {**FORM, "copy": "yes"})
    assert refused.status_code == 409
    assert "不能制作加注件，可以不要加注件再授权" in refused.text
    key = re.search(r'name="key" value="([0-9a-f]{32})"', refused.text)
    assert key
    assert mine.post(path, {**FORM, "key": key[1]}).status_code == 201


# -- what is lent, and taking it back -------------------------------------------------------------------


@pytest.mark.rule("SH-12")
def test_the_list_says_who_opened_it_and_when_and_a_button_ends_code_and_copy_at_once(owner: Owner, mine: Purse) -> None:
    code = code_on(lend(owner, mine, uses="5", copy="yes"))
    (lending_id,) = lending_ids(page(owner, mine, "lendings"))
    assert "尚无人打开" in page(owner, mine, "lendings")
    forward(owner, minutes=11)
    assert read(owner, code)["licence"]
    content = mine.get(f"/wallet/cards/{owner.licence_id}/lendings/{lending_id}/copy").content
    assert owner.http.post("/verify/document", content=content, headers=PDF).json()["lent"]["receiver"] == BANK
    listed = page(owner, mine, "lendings")
    assert "尚无人打开" not in listed
    assert listed.count("<time>2026-11-28 12:11</time>") == 2
    assert "核验了加注件" in listed
    assert "4 / 5" in listed

    back = f"lendings/{lending_id}/take-back"
    assert "立即失效" in page(owner, mine, back)
    assert read(owner, code)["licence"]  # asking takes nothing back
    answer = mine.post(f"/wallet/cards/{owner.licence_id}/{back}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/wallet/cards/{owner.licence_id}/lendings")
    assert read(owner, code)["lent"]["standing"] == "revoked"
    reasons = owner.http.post("/verify/document", content=content, headers=PDF).json()
    assert (reasons["overall"], reasons["lent"]["standing"]) == ("not_valid", "revoked")
    listed = page(owner, mine, "lendings")
    assert "持证人已撤回此授权" in listed
    assert lending_ids(listed) == []
    assert "<button" not in page(owner, mine, back).split("<main", 1)[1]
    assert mine.get(f"/wallet/cards/{owner.licence_id}/lendings/{lending_id}/copy").status_code == 409


def test_only_the_last_openings_stand_in_the_list(owner: Owner, mine: Purse) -> None:
    code = code_on(lend(owner, mine, uses="9"))
    other = code_on(lend(owner, mine, uses="9"))
    for _ in range(7):
        forward(owner, minutes=1)
        read(owner, code)
    read(owner, other)
    times = re.findall(r"<time>2026-11-28 (\d\d:\d\d)</time>", page(owner, mine, "lendings"))
    assert times == ["12:07", "12:07", "12:06", "12:05", "12:04", "12:03"]


def test_the_copy_is_a_sealed_file_with_the_receiver_on_it(owner: Owner, mine: Purse) -> None:
    answer = lend(owner, mine, copy="yes")
    (lending_id,) = lending_ids(answer.text)
    file = mine.get(f"/wallet/cards/{owner.licence_id}/lendings/{lending_id}/copy")
    assert (file.headers["content-type"], file.headers["content-disposition"]) == (
        "application/pdf", f'attachment; filename="copy-{lending_id}.pdf"'
    )  # fmt: skip
    with pikepdf.open(io.BytesIO(file.content)) as opened:
        assert "copy.json" in opened.attachments


# -- who looked -----------------------------------------------------------------------------------------


def look(owner: Owner, **more: str) -> None:
    body = {"by": "number", "value": owner.licence["number"], "reason": "roadside_check", "place": "示例国道三公里处", "officer": "执法007", **more}
    assert owner.http.post("/officer/look", json=body, headers=owner_police(owner)).status_code == 200


def owner_police(owner: Owner) -> dict[str, str]:
    return officers(owner.world, f"police-{len(owner.world.service.clients.all())}")


@pytest.mark.rule("AU-06")
def test_the_list_says_who_looked_when_where_why_and_at_which_fields_newest_first(owner: Owner, mine: Purse) -> None:
    forward(owner, minutes=1)
    look(owner)
    forward(owner, minutes=1)
    owner.scan(owner.code(audience="passenger"))
    forward(owner, minutes=1)
    read(owner, code_on(lend(owner, mine)))
    text = page(owner, mine, "looks")
    lines = re.findall(r"<li class=\"card\">.*?</li>", text, re.DOTALL)
    assert [re.findall(r"<time>(.*?)</time>", one) for one in lines] == [["2026-11-28 12:03"], ["2026-11-28 12:02"], ["2026-11-28 12:01"]]
    for line, wanted in zip(
        lines,
        [
            ("查看授权内容", "填写接收方名称的人", f"{BANK}：办理车辆贷款", "姓名、有效期止"), ("扫描亮证码", "乘客，不记录身份", "照片"),
            ("执法查询", "执法007", "示例国道三公里处", "路检路查", "按证号", "公民身份号码"),
        ],
        strict=True,
    ):  # fmt: skip
        for words in wanted:
            assert words in line, words


@pytest.mark.rule("AU-06")
def test_the_list_says_which_department_looked_at_the_desk_and_what_it_did_but_not_which_clerk(owner: Owner, mine: Purse) -> None:
    log, department = owner.world.service.desk_log, owner.world.service.catalogue.samples[DRIVER].issuer
    clerk = Person("p" * 26, department, "罗青石")
    forward(owner, minutes=1)
    log.write(clerk, "opened", owner.licence_id, owner.world.clock())
    forward(owner, minutes=1)
    log.copy(clerk, owner.licence_id, owner.world.clock())
    log.write(clerk, "opened", "Z" * 20, owner.world.clock())  # another licence
    printed, opened = re.findall(r"<li class=\"card\">.*?</li>", text := page(owner, mine, "looks"), re.DOTALL)
    name = owner.world.service.keyring.departments[department].name
    for line, wanted in ((opened, ("办证窗口查看", name, "查看证照", "公民身份号码")), (printed, ("办证窗口查看", name, "打印副本，第 1 份"))):
        for words in wanted:
            assert words in line, words
    assert clerk.name not in text


@pytest.mark.rule("AU-06")
def test_what_is_of_one_instant_in_all_three_lists_stands_once_on_some_page_in_both_orders(owner: Owner) -> None:
    service, police = owner.world.service, officers(owner.world, "of-one-instant")
    clerk = Person("p" * 26, service.catalogue.samples[DRIVER].issuer, "罗青石")
    said = {"by": "number", "value": owner.licence["number"], "officer": "执法007", "reason": "roadside_check", "place": "示例国道三公里处"}
    for _ in range(2):
        forward(owner, seconds=1)
        owner.scan(owner.code())
        assert owner.http.post("/officer/look", json=said, headers=police).status_code == 200
        for done in ("opened", "document"):
            service.desk_log.write(clerk, done, owner.licence_id, owner.world.clock())
    every = service.shown.reads.all_of(owner.licence_id)
    assert len(every) == len({one.cursor for one in every}) == 8
    for newest_first, whole in ((False, every), (True, every[::-1])):
        pages, after = every[:0], ""
        while part := service.shown.reads.all_of(owner.licence_id, after=after, limit=1, newest_first=newest_first):
            pages, after = pages + part, part[-1].cursor
        assert pages == whole


def test_an_officer_whose_scan_showed_nothing_is_told_with_that(owner: Owner, mine: Purse) -> None:
    forward(owner, minutes=1)
    made, said = owner.code(), {"reason": "roadside_check", "place": "示例国道三公里处"}
    for officer in ("执法007", "执法008"):
        owner.http.post(f"/D/1{made['digits']}", json={**said, "officer": officer}, headers=officers(owner.world, f"police-{officer[-1]}"))
    second, first = re.findall(r"<li class=\"card\">.*?</li>", page(owner, mine, "looks"), re.DOTALL)
    for line, wanted in ((first, ("执法007", "按亮证码", "公民身份号码")), (second, ("执法008", "按亮证码", "未显示证照内容"))):
        for words in wanted:
            assert words in line, words
    assert "公民身份号码" not in second


@pytest.mark.rule("SH-11")
def test_of_a_look_that_a_case_seals_the_page_says_only_that_there_was_one(owner: Owner, mine: Purse) -> None:
    forward(owner, minutes=1)
    look(owner, case_no="CASE-77")
    text = page(owner, mine, "looks")
    assert "因案件保密" in text
    for hidden in ("执法007", "示例国道", "路检路查", "CASE-77"):
        assert hidden not in text


def test_a_long_list_is_paged_backwards_without_losing_or_repeating_a_line(owner: Owner) -> None:
    reads = owner.world.service.shown.reads
    for number in range(2 * A_PAGE + 5):
        forward(owner, minutes=number % 2)  # two and two are of the same instant
        reads.enter(Read(owner.world.clock(), owner.licence_id, SHOWN, "public", [], None, None))
    mine = purse(owner.world, owner.who)
    ids, path = list[str](), f"/wallet/cards/{owner.licence_id}/looks"
    sizes = []
    while path:
        text = mine.get(path).text
        found = re.findall(r"<time>(.*?)</time>", text)
        sizes.append(len(found))
        ids += found
        further = re.search(r'href="([^"]*looks\?after=[^"]+)"', text)
        path = further[1] if further else ""
        assert not set(urlsplit(path).query) - set("after=.0123456789")
    assert sizes == [A_PAGE, A_PAGE, 5]
    assert ids == sorted(ids, reverse=True)
    assert mine.get(f"/wallet/cards/{owner.licence_id}/looks?after=nonsense").status_code == 200


@pytest.mark.rule("AU-06")
def test_what_was_looked_at_before_the_licence_was_theirs_is_not_told(tmp_path: Path, demo_keys: Path) -> None:
    with owning(tmp_path, demo_keys, slug=VEHICLE) as seller:
        assert seller.scan(seller.code())["answer"] == "shown"
        forward(seller, minutes=1)
        seller.sell()
        buyer = purse(seller.world, BUYER)
        keep(seller.world, buyer.holder_id, [seller.licence_id])
        path, acting = f"/cards/{seller.licence_id}/looks", seller.app.acting(BUYER)
        assert "还没有人看过" in page(seller, buyer, "looks")
        assert seller.app.get(path, acting).json() == {"licence_id": seller.licence_id, "looks": [], "after": None}
        shown = buyer.post(f"/wallet/cards/{seller.licence_id}/show/code", {"audience": "anyone"}, Accept="application/json").json()
        assert seller.scan({"digits": on_screen(shown["side"], shown["path"]).partition("/D/1")[2]})["answer"] == "shown"
        assert page(seller, buyer, "looks").count("扫描亮证码") == 1
        assert [one["way"] for one in seller.app.get(path, acting).json()["looks"]] == [SHOWN]
