"""What is made by a quick way of our own is what the general way, or a library, makes of it."""

from datetime import date, timedelta

import cbor2
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc
from stdnum.iso7064 import mod_37_36

from licence_service.document.wording import Phrase, worded
from licence_service.fields import Field
from licence_service.identifiers import ALPHABET, check_character, is_uscc
from licence_service.qr_token import CodeFacts, pack, shortened

FIELDS = {
    "holder": Field("业户名称", "string", {}),
    "state": Field("状态", "enum", {}, codes={"1": "营业", "2": "停业"}),
    "first": Field("有效期起", "date", {}),
    "count": Field("车辆数", "integer", {}, unit="辆"),
    "kinds": Field("类别", "multi_enum", {}, codes={"a": "甲", "b": "乙"}),
}
CONTENTS = (
    "{holder}", "{state}", "{first}", "{first:iso}", "{count}", "{count:bare}", "{kinds}", "{$version}", "{first} 至 {first:iso}",
    "{holder}字 {$identifier} 号", "第 {$page} 页，共 {$pages} 页", "{state}{kinds}", "无", "",
)  # fmt: skip
faces = st.fixed_dictionaries(
    {},
    optional={
        "holder": st.text(max_size=6), "state": st.sampled_from(["1", "2", "3"]), "first": st.dates(date(1980, 1, 1)).map(date.isoformat),
        "count": st.integers(0, 10**7), "kinds": st.lists(st.sampled_from("abc"), max_size=3),
    },
)  # fmt: skip
words = st.dictionaries(st.sampled_from(["$version", "$identifier", "$page", "$pages"]), st.text(max_size=4))
PHRASES = {content: Phrase(content, FIELDS) for content in CONTENTS}  # kept over all examples, with what they remember


@given(content=st.sampled_from(CONTENTS), face=faces, said=words)
def test_a_phrase_says_what_its_content_says_or_that_a_value_is_absent(content: str, face: dict[str, str], said: dict[str, str]) -> None:
    expected = worded(content, FIELDS, face, said, "—")
    whole = all(name in face for name in expected.fields)

    assert PHRASES[content].whole(face, said) == (expected.text if whole else None)


@given(body=st.text(ALPHABET, max_size=80))
def test_check_characters_are_those_of_the_library(body: str) -> None:
    assert check_character(body) == mod_37_36.calc_check_digit(body)


_CREDIT_CODES = st.from_regex(r"[0-9]{8}[0-9A-HJ-NPQRTUWXY]{9}", fullmatch=True, alphabet=st.characters(codec="ascii"))


@given(body=_CREDIT_CODES)
def test_credit_codes_end_in_the_character_that_the_library_computes_and_in_no_other(body: str) -> None:
    right = uscc.calc_check_digit(body)

    assert [each for each in ALPHABET if is_uscc(body + each)] == [right]


@given(text=st.text(max_size=20) | _CREDIT_CODES.map(lambda body: body + uscc.calc_check_digit(body)))
def test_a_credit_code_is_what_the_library_takes_as_it_is(text: str) -> None:
    assert is_uscc(text) == (uscc.is_valid(text) and uscc.compact(text) == text)


numbers = st.integers(0, 2**64 - 1)
days = st.dates(date(1900, 1, 1), date(2200, 1, 1))


@given(
    facts=st.builds(
        CodeFacts, numbers, numbers, st.text(st.characters(codec="utf-8"), max_size=30), numbers, days, st.none() | days, st.tuples(numbers, numbers),
        st.binary(min_size=16, max_size=16), st.text(st.characters(codec="utf-8"), max_size=30), st.none() | days,
    )
)  # fmt: skip
def test_a_code_is_packed_as_the_library_packs_it(facts: CodeFacts) -> None:
    def day(given_day: date | None) -> int | None:
        return given_day and (given_day - date(1970, 1, 1)) // timedelta(1)  # type: ignore[return-value]  # a number or None

    claims = {
        1: facts.type_index, 2: facts.issuer_index, 3: facts.licence_id, 4: facts.version, 5: day(facts.valid_from), 6: day(facts.valid_to),
        7: list(facts.status), 8: facts.commitment, 9: shortened(facts.compare), 11: day(facts.conditions_until),
    }  # fmt: skip

    assert pack(facts) == cbor2.dumps({key: value for key, value in claims.items() if value is not None}, canonical=True)
