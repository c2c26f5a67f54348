"""Spellings of old systems and the rules of the stock, each by itself."""

from datetime import date
from typing import Any

import pytest

from licence_service.errors import Misconfigured, RequestRejected
from licence_service.fields import Field
from licence_service.identifiers import is_citizen_id
from licence_service.stock.declared import read_knowledge, read_plan
from licence_service.stock.finding import NO_COUNTY, Draft, Finding, Photo
from licence_service.stock.normal import day, eighteen_digits, normal, shown
from licence_service.stock.row_rules import ALL_RULES, Case, judged, owner
from tests.stocks import PLAN
from tests.world import DRIVER, ROOT, own_templates

KNOWLEDGE = read_knowledge(ROOT / "templates" / "_stock", ALL_RULES)
TEMPLATE = own_templates().editions[DRIVER][-1]
TODAY = date(2026, 11, 28)
GOOD = {**own_templates().samples[DRIVER].face}
PHOTO = {"photo": Photo("x", "0" * 64, None, (300, 400))}
DECISION = {"number": "1", "organ": "局", "decided_on": "2024-03-01", "legal_basis": "道条", "officer": "张"}


def found(face: dict[str, Any] | None = None, **changed: Any) -> list[Finding]:
    draft = {"county": "519902", "named": "519902", "face": {**GOOD, **(face or {})}, "decision": DECISION, "photos": PHOTO} | changed
    return judged(Case(Draft(**draft), TEMPLATE, KNOWLEDGE, ("蜀安市交通运输局", "蜀安市交通局"), TODAY))


def kind(name: str, **more: Any) -> Field:
    return Field(label="字段", type=name, disclose={}, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "read"), [
    ("2024-03-01", "2024-03-01"), ("2024年3月1日", "2024-03-01"), ("２０２４．３．１", "2024-03-01"), ("20240301", "2024-03-01"),
    ("2024/3/1 00:00:00", "2024-03-01"), ("二〇二四年十一月三十日", "2024-11-30"), ("二○二四年二月十日", "2024-02-10"), ("长期", None), ("—", None),
    ("2024-02-30", "2024-02-30"), ("昨天", "昨天"),
])  # fmt: skip
def test_days_are_read_as_china_writes_them_and_what_is_none_stays(text: str, read: str | None) -> None:
    assert day(text) == read


def test_other_spellings_of_days_are_named_by_the_mapping() -> None:
    assert day("01.03.24", ["%d.%m.%y"]) == "2024-03-01"


@pytest.mark.parametrize(("field", "cell", "value"), [
    (kind("citizen_id"), " 51990219850612011x ", "51990219850612011X"),
    (kind("plate"), "川Ｐ Ａ1234", "川PA1234"),
    (kind("integer"), "7,100.0", 7100),
    (kind("decimal"), "35．060", "35.060"),
    (kind("enum", codes={"1": "男"}), "男 ", "1"),
    (kind("enum", codes={"1": "男"}), "壮汉", "壮汉"),
    (kind("multi_enum", codes={"02001": "货", "03001": "客"}), "货，03001", ["02001", "03001"]),
    (kind("string"), "王 　小　明", "王小明"),
    (kind("string"), "John  Smith", "John Smith"),
    (kind("table"), '[{"a": "1"}]', [{"a": "1"}]),
    (kind("string"), "　", None),
])  # fmt: skip
def test_a_cell_becomes_what_the_field_writes(field: Field, cell: str, value: object) -> None:
    assert normal(field, cell) == value
    assert normal(field, shown(value)) == value  # and the same again, when people give it back


def test_eighteen_digits_are_made_of_fifteen_with_a_correct_check_character() -> None:
    assert eighteen_digits("519902850612011") == "519902198506120111"
    assert is_citizen_id(eighteen_digits("519902850612011"))


def test_nothing_is_found_of_a_good_row() -> None:
    assert found() == []


@pytest.mark.parametrize(("changed", "rule", "code", "suggestion"), [
    ({"citizen_id": "519902850612011"}, "citizen-id-15-digits", "15-digits", "519902198506120111"),
    ({"valid_to": "9999-12-31"}, "endless-date", "endless", None),
    ({"issue_date": "2033-01-01"}, "dates-out-of-order", "issued-after-expiry", None),
    ({"issue_date": "2027-01-01"}, "dates-out-of-order", "in-the-future", None),
    ({"valid_to": "2026-11-27"}, "expired", "expired", None),
    ({"issuer_name": "蜀安市交通动输局"}, "unknown-organ", "unknown-organ", "蜀安市交通运输局"),
    ({"person_name": "陈An途"}, "pinyin-in-name", "letters", None),
    ({"person_name": "JOHN SMITH"}, "latin-name", "letters", None),
    ({"sex": "男性"}, "not-in-dictionary", "unknown-code", "1"),
    ({"person_name": "陈\ue5e5"}, "private-use-character", "private-use-character", None),
    ({"citizen_id": "519902198506120112"}, "wrong-check-digit", "bad-check-digit", None),
])  # fmt: skip
def test_each_rule_names_its_place_and_may_suggest(changed: dict[str, Any], rule: str, code: str, suggestion: str | None) -> None:
    (one,) = [each for each in found(changed) if (each.rule, each.code) == (rule, code)]
    assert (one.code, one.path, one.suggestion) == (code, f"face.{next(iter(changed))}", suggestion)
    assert str(next(iter(changed.values()))) not in repr(one)


def test_photos_are_there_and_have_the_sides_of_a_portrait() -> None:
    assert [one.rule for one in found(photos={})] == ["photo-missing"]
    assert [one.rule for one in found(photos={"photo": Photo(None, None, ("not-found", ""), None)})] == ["photo-missing"]
    assert [one.rule for one in found(photos={"photo": Photo(None, None, ("not-a-jpeg", ""), None)})] == ["photo-broken"]
    assert [one.rule for one in found(photos={"photo": Photo("x", "0" * 64, None, (300, 200))})] == ["photo-stretched"]


def test_a_county_is_that_which_it_was_merged_into() -> None:
    assert owner(KNOWLEDGE, "519921") == "519902"
    assert owner(KNOWLEDGE, "519903") == "519903"
    assert owner(KNOWLEDGE, "510000") == owner(KNOWLEDGE, "蜀安") == owner(KNOWLEDGE, "") == NO_COUNTY
    assert [(one.rule, one.suggestion) for one in found(named="519921")] == [("county-merged", "519902")]
    assert [one.rule for one in found(county=NO_COUNTY)] == ["county-unknown"]


def test_a_decision_is_known_and_an_e_licence_whole() -> None:
    assert {one.rule for one in found(decision={})} == {"decision-missing"}
    assert [one.code for one in found(elicence_id="1.2.3")] == ["bad-check-character", "not-found"]


def test_a_rule_needs_its_words_and_words_their_rule(tmp_path: Any) -> None:
    whole = (ROOT / "templates" / "_stock" / "rules.toml").read_text("utf-8")
    (tmp_path / "rules.toml").write_text(whole.replace("[rules.expired]", "[rules.overdue]"), encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"expired, overdue"):
        read_knowledge(tmp_path, ALL_RULES)


@pytest.mark.parametrize(("change", "path"), [
    (("person_name =", "person_nam ="), "map.fields.person_nam"),
    (('county = "区县代码"', ""), "map.county"),
    (('ignored = ["序号"]', 'ignored = ["姓名"]'), "map.ignored"),
    (("system", "[system"), "map"),
    (('system = "运政在线"', 'system = "运政在线"\nsecret = 1'), "map.secret"),
])  # fmt: skip
def test_every_fault_of_a_mapping_is_named(change: tuple[str, str], path: str) -> None:
    with pytest.raises(RequestRejected) as refused:
        read_plan(PLAN.replace(*change, 1).encode(), TEMPLATE)
    assert path in {fault.path for fault in refused.value.faults}
