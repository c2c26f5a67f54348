"""The field language: every type's good and bad values, what text may be, what a face is, who sees what."""

import json
import re
import sys
from datetime import date
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence_service.fields import Asker, Field, Shown, check_face, check_facts, comparison_form, disclose, mask, printed, printed_row
from licence_service.fields.declared import Column, FieldType
from licence_service.fields.disclosure import STAR
from licence_service.fields.kinds import KINDS
from licence_service.fields.text import _COMMON, fault_in
from tests.builders import CITIZEN_ID, a_face, a_field, some_fields

CODES = {"A": "甲", "B": "乙", "C": "丙"}
TABLE = a_field(
    "table",
    columns={
        "ship": Column("船名", max_length=5),
        "id": Column("识别号", type="ship_id", required=False), "kind": Column("类", required=False, codes=("客", "货")),
    },
)  # fmt: skip
ROW = {"ship": "蜀安1号", "id": "CN20101234567", "kind": "货"}

GOOD: list[tuple[Field, Any, Any]] = [
    (a_field(), "蜀安", "蜀安"),
    (a_field(), "  蜀安\u3000", "蜀安"),
    (a_field(), "古丽·买买提", "古丽·买买提"),
    (a_field(), "𠮷野家", "𠮷野家"),
    (a_field(max_length=3), "一二三", "一二三"),
    (a_field(), "字" * 200, "字" * 200),
    (a_field(pattern="[0-9]{3}"), "123", "123"),
    (a_field(codes=CODES, listed=True), "A,C", "A,C"),
    (a_field(codes=CODES), "anything", "anything"),
    (a_field("text"), "一段文字。", "一段文字。"),
    (a_field("date"), "2024-02-29", "2024-02-29"),
    (a_field("date"), "1900-01-01", "1900-01-01"),
    (a_field("date"), "2199-12-31", "2199-12-31"),
    (a_field("integer"), 0, 0),
    (a_field("integer", minimum=1, maximum=5), 1, 1),
    (a_field("integer", minimum=1, maximum=5), 5, 5),
    (a_field("integer"), 2**53 - 1, 2**53 - 1),
    (a_field("decimal"), "35.060", "35.060"),
    (a_field("decimal", decimals=0), "35", "35"),
    (a_field("decimal", minimum=1, maximum=2), "2.0", "2.0"),
    (a_field("decimal"), "-0.5", "-0.5"),
    (a_field("enum", codes=CODES), "B", "B"),
    (a_field("multi_enum", codes=CODES), ["C", "A"], ["A", "C"]),
    (a_field("multi_enum", codes=CODES), ["A", "B", "C"], ["A", "B", "C"]),
    (a_field("citizen_id"), "11010519491231002X", "11010519491231002X"),
    (a_field("citizen_id"), "１１０１０５１９４９１２３１００２ｘ", "11010519491231002X"),
    (a_field("uscc"), "11519900mb9900021q", "11519900MB9900021Q"),
    (a_field("plate"), "川 A12345", "川A12345"),
    (a_field("vin"), "1M8GDM9AXKP042788", "1M8GDM9AXKP042788"),
    (a_field("ship_id"), "cn20101234567", "CN20101234567"),
    (a_field("image"), "sha256:" + "0f" * 32, "sha256:" + "0f" * 32),
    (TABLE, [ROW], [ROW]),
    (TABLE, [{"ship": " 蜀安 ", "id": None, "kind": ""}], [{"ship": "蜀安"}]),
    (TABLE, [{"ship": "一二三四五"}] * 500, [{"ship": "一二三四五"}] * 500),
]
BAD: list[tuple[Field, Any, str]] = [
    (a_field(), 5, "not-text"),
    (a_field(), ["a"], "not-text"),
    (a_field(), {"a": 1}, "not-text"),
    (a_field(), False, "not-text"),
    (a_field(), "  ", "empty"),
    (a_field(), "字" * 201, "too-long"),
    (a_field(max_length=3), "一二三四", "too-long"),
    (a_field(pattern="[0-9]{3}"), "1234", "wrong-pattern"),
    (a_field(pattern=r"\d{3}"), "１２３", "wrong-pattern"),
    (a_field(codes=CODES, listed=True), "A,D", "unknown-code"),
    (a_field(codes=CODES, listed=True), "A,", "unknown-code"),
    (a_field("text"), "字" * 201, "too-long"),
    (a_field("date"), "2023-02-29", "not-a-date"),
    (a_field("date"), "2023-2-9", "not-a-date"),
    (a_field("date"), "20230209", "not-a-date"),
    (a_field("date"), "２０２３-02-09", "not-a-date"),
    (a_field("date"), "2023-02-09T00:00", "not-a-date"),
    (a_field("date"), "1899-12-31", "not-a-date"),
    (a_field("date"), "2200-01-01", "not-a-date"),
    (a_field("date"), 20230209, "not-a-date"),
    (a_field("integer"), "5", "not-an-integer"),
    (a_field("integer"), True, "not-an-integer"),
    (a_field("integer"), 5.0, "not-an-integer"),
    (a_field("integer"), float("nan"), "not-an-integer"),
    (a_field("integer"), 2**53, "not-an-integer"),
    (a_field("integer"), -(2**53), "not-an-integer"),
    (a_field("integer", minimum=1), 0, "too-small"),
    (a_field("integer", maximum=5), 6, "too-large"),
    (a_field("decimal"), 35.06, "not-a-decimal"),
    (a_field("decimal"), "035", "not-a-decimal"),
    (a_field("decimal"), "3.", "not-a-decimal"),
    (a_field("decimal"), "NaN", "not-a-decimal"),
    (a_field("decimal"), "1e5", "not-a-decimal"),
    (a_field("decimal"), "+1", "not-a-decimal"),
    (a_field("decimal"), "1" * 16, "not-a-decimal"),
    (a_field("decimal", decimals=2), "1.234", "too-precise"),
    (a_field("decimal", minimum=1), "0.99", "too-small"),
    (a_field("decimal", maximum=1), "1.01", "too-large"),
    (a_field("enum", codes=CODES), "D", "unknown-code"),
    (a_field("enum", codes=CODES), 1, "unknown-code"),
    (a_field("enum", codes=CODES), ["A"], "unknown-code"),
    (a_field("enum"), "A", "unknown-code"),
    (a_field("multi_enum", codes=CODES), "A", "not-a-list"),
    (a_field("multi_enum", codes=CODES), {}, "not-a-list"),
    (a_field("multi_enum", codes=CODES), ["A", "D"], "unknown-code"),
    (a_field("multi_enum", codes=CODES), ["A", 1], "unknown-code"),
    (a_field("multi_enum", codes=CODES), ["A", "B", "D"], "unknown-code"),
    (a_field("multi_enum", codes=CODES), ["A", "B", {}], "unknown-code"),
    (a_field("multi_enum", codes=CODES), ["A", "A"], "repeated"),
    (a_field("multi_enum", codes=CODES), ["A", "B", "C", "A", {}], "repeated"),
    (a_field("citizen_id"), "110105194912310021", "bad-check-digit"),
    (a_field("citizen_id"), 11010519491231002, "not-text"),
    (a_field("uscc"), "91350211M0000XUF46", "bad-check-digit"),
    (a_field("plate"), "蓉A12345", "wrong-structure"),
    (a_field("vin"), "LSVAU033X72065723", "bad-check-digit"),
    (a_field("vin"), "1" * 40, "bad-check-digit"),
    (a_field("vin"), "1" * 41, "too-long"),
    (a_field("ship_id"), "CN2020000231", "wrong-structure"),
    (a_field("image"), "sha256:" + "0F" * 32, "no-photo"),
    (a_field("image"), "AAAA", "no-photo"),
    (a_field("image"), 7, "no-photo"),
    (TABLE, {}, "not-rows"),
    (TABLE, "x", "not-rows"),
    (TABLE, [ROW] * 501, "not-rows"),
    (TABLE, ["x"], "not-a-row"),
    (TABLE, [{}], "missing"),
    (TABLE, [ROW | {"more": "x"}], "unknown-column"),
    (TABLE, [ROW | {"ship": "一二三四五六"}], "too-long"),
    (TABLE, [ROW | {"ship": 1}], "not-text"),
    (TABLE, [ROW | {"kind": "油"}], "unknown-code"),
    (TABLE, [ROW | {"id": "CN1"}], "wrong-structure"),
]
HYGIENE = [
    ("\ud800", "lone-surrogate"), ("\udfff", "lone-surrogate"),
    ("\u202e", "bidi-control"), ("\u2066", "bidi-control"), ("\u061c", "bidi-control"), ("\u200f", "bidi-control"),
    ("\x00", "control-character"), ("\n", "control-character"), ("\t", "control-character"), ("\x7f", "control-character"),
    ("\x85", "control-character"), ("\u2028", "control-character"), ("\u2029", "control-character"),
    ("\u200b", "invisible-character"), ("\ufeff", "invisible-character"), ("\u00ad", "invisible-character"), ("\u3164", "invisible-character"),
    ("\ufe0f", "invisible-character"), ("\u206a", "invisible-character"), ("\u2800", "invisible-character"), ("\U000e0041", "invisible-character"),
    ("\ufe00", "invisible-character"), ("\U000e0100", "invisible-character"), ("\U000e01ef", "invisible-character"),
    ("\ufb01", "joined-letters"), ("\ufb04", "joined-letters"), ("\u0132", "joined-letters"), ("\ufb13", "joined-letters"),
    ("\u3031", "vertical-character"), ("\u3035", "vertical-character"),
    ("\ue000", "private-use-character"), ("\U000f0000", "private-use-character"),
    ("\uffff", "unassigned-character"), ("\u0378", "unassigned-character"), ("\U000e0fff", "unassigned-character"),
    ("\U0001fffd", "unassigned-character"), ("\U0003fffe", "unassigned-character"), ("\U000e01f0", "unassigned-character"),
]  # fmt: skip

# JSON values of every shape, lone surrogates and huge numbers included
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from([CITIZEN_ID, "2026-02-28", "1", "A", "川A12345"]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


# A refusal prints `face.x: a text is wanted here`, so a message goes on in small letters, or names a code point.
PHRASE = re.compile(r"(?:[a-z]|U\+[0-9A-F]{4,6} ).*[A-Za-z0-9]")


def one(field: Field, value: object) -> tuple[Any, list[str]]:
    face, faults = check_face({"x": field}, {"x": value})

    assert all(fault.path.partition("[")[0] == "face.x" and PHRASE.fullmatch(fault.message) for fault in faults)
    return face.get("x"), [fault.code for fault in faults]


@pytest.mark.parametrize(("field", "value", "canonical"), GOOD)
def test_a_good_value_is_taken_in_its_canonical_form(field: Field, value: object, canonical: object) -> None:
    assert one(field, value) == (canonical, [])


@pytest.mark.parametrize(("field", "value", "code"), BAD)
def test_a_bad_value_is_named_by_its_fault(field: Field, value: object, code: str) -> None:
    assert one(field, value) == (None, [code])


@pytest.mark.parametrize(
    ("field", "value", "places"),
    [
        (a_field("multi_enum", codes=CODES), ["A", "D", 1], ["[1] unknown-code", "[2] unknown-code"]),
        (a_field("multi_enum", codes=CODES), ["A", "A"], [" repeated"]),
        (TABLE, [ROW, "x", ROW, {}], ["[1] not-a-row", "[3].ship missing"]),
        (TABLE, [ROW, ROW | {"more": "x"}], ["[1] unknown-column"]),
        (TABLE, [{"ship": 1, "id": "CN1", "kind": "油"}], ["[0].ship not-text", "[0].id wrong-structure", "[0].kind unknown-code"]),
        (TABLE, [{"ship": "陈\u202e"}, {"ship": "一二三四五六", "more": ""}], ["[0].ship bidi-control", "[1] unknown-column", "[1].ship too-long"]),
    ],
)
def test_every_fault_in_a_list_or_a_table_is_named_by_its_own_place(field: Field, value: object, places: list[str]) -> None:
    _, faults = check_face({"x": field}, {"x": value})

    assert [f"{fault.path.removeprefix('face.x')} {fault.code}" for fault in faults] == places


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        (a_field("date"), "1.4.2026", "YYYY-MM-DD"),
        (a_field("date"), "2023-02-29", "no such day"),
        (a_field("date"), "1899-12-31", "between 1900 and 2199"),
        (a_field(max_length=3), "一二三四", "at most 3 characters"),
        (a_field("integer", minimum=1), 0, "at least 1"),
        (a_field("integer", maximum=5), 6, "at most 5"),
        (a_field("decimal", decimals=2), "1.234", "at most 2 decimals"),
        (a_field("citizen_id"), "1", "GB 11643"),
        (a_field("uscc"), "1", "GB 32100"),
        (a_field("vin"), "1", "GB 16735"),
        (a_field("ship_id"), "1", "CN and 11 digits"),
        (TABLE, [ROW | {"id": "1"}], "CN and 11 digits"),
        (TABLE, [], "1 to 500 rows"),
        (a_field("image"), "AAAA", "base64 JPEG"),
        (a_field(), "秘密\ud800", "surrogate"),
    ],
)
def test_a_message_says_what_would_be_right(field: Field, value: object, words: str) -> None:
    _, faults = KINDS[field.type](field, value, "face.x")

    assert [words in fault.message for fault in faults] == [True]


@pytest.mark.parametrize(("character", "code"), HYGIENE)
@pytest.mark.parametrize("frame", ["陈{}途", "{}陈安途", "陈安途{}", "An{}tu"])
def test_text_that_no_licence_may_carry_is_refused_wherever_it_stands(character: str, code: str, frame: str) -> None:
    assert one(a_field(), frame.format(character)) == (None, [code])
    assert one(a_field("citizen_id"), frame.format(character))[1] == [code]


@pytest.mark.parametrize(
    "text", ["陈安途", "Ａ１", "古丽·买买提", "𠮷", "\u3000", "Ünïcode", "①㎡℃", "（）、。", "\ufe10", "\U00020000", "\U0002fa20", "\U0003fffd"]
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert fault_in(text) is None


def test_a_fault_names_the_code_point_and_not_the_text_around_it() -> None:
    found = fault_in("秘密\u202e")

    assert found == ("bidi-control", "U+202E changes the direction of the text")


def test_every_declared_type_has_its_row() -> None:
    assert set(KINDS) == set(get_args(FieldType))


# -- comparison ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one_way", "other_way"),
    [
        ("ＡＢＣ１２３", "abc123"), ("川 A 12345", "川A12345"), ("古丽・买买提", "古丽·买买提"), ("古丽•买买提", "古丽·买买提"),
        ("古丽‧买买提", "古丽·买买提"),
        ("古丽⋅买买提", "古丽·买买提"), ("古丽･买买提", "古丽·买买提"), ("ｶﾞ", "ガ"), ("\u3000陈 安途", "陈安途"), ("蜀安（集团）", "蜀安(集团)"),
    ],
)  # fmt: skip
def test_look_alikes_meet_in_the_comparison_form(one_way: str, other_way: str) -> None:
    assert comparison_form(one_way) == comparison_form(other_way)


def test_different_names_do_not_meet() -> None:
    assert comparison_form("古丽·买买提") != comparison_form("古丽买买提")
    assert comparison_form("川A12345") != comparison_form("川B12345")


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_the_comparison_form_of_a_comparison_form_is_itself(text: str) -> None:
    form = comparison_form(text)

    assert comparison_form(form) == form
    assert not any(character.isspace() for character in form)


# -- faces ---------------------------------------------------------------------------------------------


def faults_of(fields: dict[str, Field] | None = None, today: date | None = None, **changes: Any) -> list[tuple[str, str]]:
    _, faults = check_face(fields or some_fields(), a_face(**changes), today=today)

    assert all(PHRASE.fullmatch(fault.message) for fault in faults)
    return [(fault.path, fault.code) for fault in faults]


def test_the_builders_face_is_right() -> None:
    assert faults_of(today=date(2026, 7, 1)) == []


@pytest.mark.parametrize("nothing", [None, "", []])
def test_absent_null_and_empty_mean_the_same(nothing: object) -> None:
    fields = {"must": a_field(required=True), "may": a_field("multi_enum", codes=CODES)}
    face, faults = check_face(fields, {"must": nothing, "may": nothing})

    assert dict(face) == {}
    assert [(fault.path, fault.code) for fault in faults] == [("face.must", "missing")]


def test_a_faulty_required_field_is_named_once() -> None:
    assert faults_of(valid_from="yesterday") == [("face.valid_from", "not-a-date")]


def test_every_fault_is_named_at_once() -> None:
    found = faults_of(person_name=None, citizen_id="1", valid_to="2026-02-30")

    assert found == [("face.citizen_id", "bad-check-digit"), ("face.valid_to", "not-a-date"), ("face.person_name", "missing")]


def test_unknown_fields_are_counted_but_never_echoed() -> None:
    _, faults = check_face(some_fields(), a_face() | {"秘密一": "x", "秘密二": "y"})

    assert [(fault.path, fault.code) for fault in faults] == [("face", "unknown-field")] * 2
    assert all(PHRASE.fullmatch(fault.message) for fault in faults)
    assert "秘密" not in str(faults)


def test_facts_of_an_endorsement_are_checked_by_the_same_rules() -> None:
    facts, faults = check_facts({"hours": a_field("integer", required=True)}, {"hours": "24"})

    assert dict(facts) == {}
    assert [(fault.path, fault.code) for fault in faults] == [("facts.hours", "not-an-integer")]


@pytest.mark.parametrize(("birth", "fine"), [("1985-06-12", True), ("1985-06-13", False), ("1985-12-06", False)])
def test_a_birth_date_must_be_that_of_the_id_number(birth: str, fine: bool) -> None:
    assert faults_of(birth_date=birth) == ([] if fine else [("face.birth_date", "at-odds")])


@pytest.mark.parametrize(("sex", "fine"), [("1", True), ("2", False), ("0", False), ("9", False)])
def test_a_sex_must_be_that_of_the_id_number(sex: str, fine: bool) -> None:
    assert faults_of(sex=sex) == ([] if fine else [("face.sex", "at-odds")])


@pytest.mark.parametrize("sex", ["0", "9"])
def test_an_unknown_sex_stands_only_where_there_is_no_id_number(sex: str) -> None:
    assert faults_of(sex=sex, citizen_id=None) == []


def test_nobody_is_born_in_the_future_or_on_a_day_that_is_not() -> None:
    fields = {"citizen_id": a_field("citizen_id")}

    def found(number: str, today: date) -> list[tuple[str, str]]:
        faults = check_face(fields, {"citizen_id": number}, today=today)[1]
        assert all(PHRASE.fullmatch(fault.message) for fault in faults)
        return [(fault.path, fault.code) for fault in faults]

    assert found(CITIZEN_ID, date(1985, 6, 12)) == []
    assert found(CITIZEN_ID, date(1985, 6, 11)) == [("face.citizen_id", "impossible-birth")]
    assert found("110105198502310017", date(2026, 1, 1)) == [("face.citizen_id", "impossible-birth")]


@pytest.mark.parametrize(("last", "fine"), [("2026-06-20", True), ("2026-06-21", True), ("2026-06-19", False)])
def test_an_end_may_be_the_first_day_but_not_before_it(last: str, fine: bool) -> None:
    assert faults_of(valid_to=last) == ([] if fine else [("face.valid_to", "before-start")])


@pytest.mark.parametrize(("total", "fine"), [(7, True), (8, False), (6, False)])
def test_a_total_must_be_the_sum_of_its_parts(total: int, fine: bool) -> None:
    fields = {"a": a_field("integer"), "b": a_field("integer"), "total": a_field("integer", sum_of=("a", "b"))}
    _, faults = check_face(fields, {"a": 3, "b": 4, "total": total})

    assert [(fault.path, fault.code) for fault in faults] == ([] if fine else [("face.total", "wrong-sum")])
    assert all(fault.message.endswith("the sum of a, b") for fault in faults)


@pytest.mark.parametrize(
    ("number", "fine"),
    [(CITIZEN_ID, True), (CITIZEN_ID[:-1] + "2", False), ("2" + CITIZEN_ID[1:], False), ("蜀安1号", True), (CITIZEN_ID + "1", True)],
)
def test_a_number_of_the_same_form_must_repeat_the_other_one(number: str, fine: bool) -> None:
    fields = {"citizen_id": a_field("citizen_id"), "license_no": a_field(repeats="citizen_id")}
    _, faults = check_face(fields, {"citizen_id": CITIZEN_ID, "license_no": number})

    assert [(fault.path, fault.code) for fault in faults] == ([] if fine else [("face.license_no", "at-odds")])
    assert all("at odds with citizen_id" in fault.message for fault in faults)
    assert check_face(fields, {"license_no": number})[1] == ()


def test_fields_left_empty_do_not_hide_what_is_wrong_between_the_others() -> None:
    assert faults_of(sex=None, birth_date=None, valid_to="2026-06-19") == [("face.valid_to", "before-start")]


def test_a_total_without_all_of_its_parts_is_not_judged() -> None:
    fields = {"a": a_field("integer"), "b": a_field("integer"), "total": a_field("integer", sum_of=("a", "b"))}

    assert check_face(fields, {"a": 3, "total": 9}) == ({"a": 3, "total": 9}, ())


def a_field_of_any_type() -> st.SearchStrategy[Field]:
    def built(kind: FieldType) -> Field:
        return a_field(kind, codes=CODES if "enum" in kind else None, columns=TABLE.columns if kind == "table" else None)

    return st.sampled_from(get_args(FieldType)).map(built)


@given(field=a_field_of_any_type(), value=anything)
def test_any_value_passes_or_is_named_and_nothing_raises(field: Field, value: object) -> None:
    face, faults = check_face({"x": field}, {"x": value}, today=date(2026, 1, 1))

    assert ("x" in face) != bool(faults) or value in (None, "", [])
    assert all(fault.path.startswith("face.x") and fault.code and fault.message for fault in faults)


@given(raw=st.dictionaries(st.sampled_from([*some_fields(), "other"]), anything))
def test_any_face_passes_or_names_its_faults(raw: dict[str, object]) -> None:
    face, faults = check_face(some_fields(), raw, today=date(2026, 1, 1))

    if not faults:
        assert check_face(some_fields(), dict(face)) == (face, ())
        assert json.loads(json.dumps(face, ensure_ascii=True)) == dict(face)


@given(secret=st.text(st.characters(categories=["Lo"]), min_size=4))
def test_no_fault_echoes_the_value_that_it_names(secret: str) -> None:
    raw = dict.fromkeys(some_fields(), secret)
    _, faults = check_face(some_fields() | {"short": a_field(max_length=1)}, raw | {"short": secret})

    assert faults
    assert all(secret not in fault.path + fault.message for fault in faults)


# -- who sees what -------------------------------------------------------------------------------------

SHOWN = {Shown.FULL: "陈安途", Shown.MASKED: "陈＊＊", Shown.SURNAME: "陈师傅", Shown.MATCH: None, Shown.NONE: None}


@pytest.mark.parametrize("asker", Asker)
@pytest.mark.parametrize(("shown", "seen"), SHOWN.items())
def test_an_asker_sees_what_the_template_says(asker: Asker, shown: Shown, seen: str | None) -> None:
    fields = {"person_name": a_field(disclose={asker: shown})}

    assert disclose(fields, {"person_name": "陈安途"}, asker).get("person_name") == seen


def test_an_asker_that_is_not_named_sees_nothing() -> None:
    assert dict(disclose({"x": a_field(disclose={"holder": "full"})}, {"x": "甲"}, Asker.PUBLIC)) == {}


def test_a_value_without_a_declaration_is_shown_to_nobody() -> None:
    assert dict(disclose({}, {"x": "甲"}, Asker.CLERK)) == {}


@pytest.mark.parametrize("value", [5, ["A"], [{"ship": "x"}]])
@pytest.mark.parametrize("shown", [Shown.MASKED, Shown.SURNAME])
def test_what_cannot_be_masked_is_not_shown(value: Any, shown: Shown) -> None:
    assert dict(disclose({"x": a_field(disclose={"public": shown})}, {"x": value}, Asker.PUBLIC)) == {}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("陈", "＊"), ("陈安", "陈＊"), ("陈安途", "陈＊＊"), ("12345678", "1＊＊＊＊＊＊＊"), ("123456789", "123＊＊＊＊89"),
        (CITIZEN_ID, "519＊＊＊＊＊＊＊＊＊＊＊＊＊11"),
    ],
)  # fmt: skip
def test_masks_are_exact(text: str, masked: str) -> None:
    assert mask(text) == masked


@given(text=st.text(st.characters(exclude_characters=STAR), min_size=2))
def test_a_masked_value_never_contains_the_original(text: str) -> None:
    masked = mask(text)

    assert text not in masked
    assert len(masked) == len(text)
    assert masked.count(STAR) >= len(text) / 2 or len(text) <= 2 or masked.count(STAR) >= 4


@given(face=st.fixed_dictionaries({"person_name": st.text(min_size=2), "citizen_id": st.text(min_size=2)}))
def test_the_public_never_sees_a_sensitive_value_whole(face: dict[str, Any]) -> None:
    seen = disclose(some_fields(), face, Asker.PUBLIC)

    assert "citizen_id" not in seen
    assert seen["person_name"] != face["person_name"] or STAR in face["person_name"]


# -- printing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        (a_field(), None, "—"),
        (a_field(), "蜀安", "蜀安"),
        (a_field("date"), "2026-04-01", "2026年4月1日"),
        (a_field("integer"), 9999, "9999"),
        (a_field("integer"), 10000, "10 000"),
        (a_field("integer", unit="kg"), 1234567, "1 234 567 kg"),
        (a_field("decimal", unit="m"), "35.060", "35.060 m"),
        (a_field("enum", codes=CODES), "B", "乙"),
        (a_field("enum", codes=CODES), "D", "D"),
        (a_field("multi_enum", codes=CODES), ["A", "C"], "甲；丙"),
        (a_field("multi_enum"), ["A"], "A"),
        (a_field(codes=CODES, listed=True), "A", "A"),
        (TABLE, [ROW], ""),
    ],
)
def test_values_are_written_as_people_read_them(field: Field, value: Any, text: str) -> None:
    assert printed(field, value) == text


def test_an_endorsements_row_has_short_dates_and_a_dash_for_nothing() -> None:
    fields = {"date": a_field("date"), "grade": a_field("enum", codes=CODES), "hours": a_field("integer"), "until": a_field("date")}

    assert dict(printed_row(fields, {"date": "2026-04-01", "grade": "A", "hours": 24})) == {
        "date": "2026-04-01",
        "grade": "甲",
        "hours": "24",
        "until": "—",
    }


def test_what_is_passed_at_a_glance_is_passed_character_by_character_too() -> None:
    common = [chr(point) for point in range(sys.maxunicode + 1) if _COMMON.fullmatch(chr(point))]

    assert len(common) > 20_000
    # Beside a character that is at fault every one is looked at.
    assert {fault_in(f"{each}\ue000") for each in common} == {fault_in("\ue000")}
