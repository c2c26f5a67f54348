"""SM3 and RFC 8785 vectors, and commitments that hide and bind."""

import hashlib
import hmac
import json
from datetime import date
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from licence_service.digests import Digests, Hashing, canonical, commitment, commitment_sha256, digests, field_salt, sha256
from licence_service.licence import Act
from tests.builders import SALT

values = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
)


@pytest.mark.parametrize(
    ("content", "sm3"),
    [
        (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ],
)
def test_sm3_gives_the_standards_vectors(content: bytes, sm3: str) -> None:
    assert digests(content) == Digests(hashlib.sha256(content).hexdigest(), sm3)


def test_sha256_gives_its_vector() -> None:
    assert sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_canonical_json_is_that_of_the_rfc() -> None:
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }

    assert canonical(value).decode() == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_keys_are_sorted_by_utf16_units() -> None:
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]

    assert list(json.loads(canonical(dict.fromkeys(keys, 0)))) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


whole = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
scalars = (
    st.none() | st.booleans() | whole | st.integers(-(2**53) + 1, 2**53 - 1) | st.sampled_from(Act)
    | st.floats(allow_nan=False, allow_infinity=False)
)  # fmt: skip
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.lists(inner, max_size=4).map(tuple) | st.dictionaries(whole, inner, max_size=4),
    max_leaves=12,
)


@given(tree=trees)
def test_the_quick_way_gives_the_bytes_of_the_reference(tree: object) -> None:
    assert canonical(tree) == rfc8785.dumps(tree)  # type: ignore[arg-type]


@given(text=st.text(st.characters(max_codepoint=0x9F) | st.characters(exclude_categories=["Cs"])))
def test_every_character_is_escaped_as_the_reference_does(text: str) -> None:
    assert canonical([text]) == rfc8785.dumps([text])
    assert canonical({text: text, "a": 1}) == rfc8785.dumps({text: text, "a": 1})


@pytest.mark.parametrize(
    "value",
    [
        {1: "a"}, {None: "a"}, {"a": 1, 2: "b"}, {True: 1}, [2**53], [-(2**53)], {"a": {"b": [2**53]}}, ["\ud800"],
        [float("nan")], {"a": float("inf")}, [b"bytes"], {"a": {1, 2}}, [date(2026, 6, 20)],
    ],
)  # fmt: skip
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(rfc8785.CanonicalizationError):
        canonical(value)


def _plainly(facts: dict[str, Any], form: str, algorithm: str) -> str:
    """The definition of docs/formats.md §5, word by word."""

    def digest(content: bytes) -> str:
        return hashlib.new(algorithm, content).hexdigest()

    leaves = {name: digest(hmac.digest(SALT, name.encode(), "sha256") + rfc8785.dumps([name, value])) for name, value in facts.items()}
    return digest(rfc8785.dumps([form, leaves]))


@given(
    facts=st.dictionaries(whole | st.text(st.characters(codec="utf-8"), max_size=70) | st.sampled_from(["%", "%s", "a%%b", '"', "\\", "\n"]), trees),
    form=st.sampled_from(["face/1", "facts/1", "%s", '"']),
)
def test_both_roots_are_those_of_the_plain_definition(facts: dict[str, Any], form: str) -> None:
    assert commitment(facts, SALT, form) == Digests(_plainly(facts, form, "sha256"), _plainly(facts, form, "sm3"))


def test_fields_beyond_the_first_plane_stand_in_the_order_of_utf16_units() -> None:
    facts = {"\U0001f600": "1", "\ufb33": "2", "a": "3"}
    assert commitment(facts, SALT, "face/1") == Digests(_plainly(facts, "face/1", "sha256"), _plainly(facts, "face/1", "sm3"))


@pytest.mark.parametrize("value", ["\ud800", 2**53, -(2**53), ["\ud800"], float("nan"), b"bytes"])
def test_a_value_without_canonical_form_is_committed_to_by_nobody(value: object) -> None:
    with pytest.raises(rfc8785.CanonicalizationError):
        commitment({"name": value}, SALT, "face/1")


@given(parts=st.lists(st.binary(max_size=200), max_size=5), tail=st.binary(max_size=200))
def test_going_on_from_kept_states_gives_the_digests_of_the_whole(parts: list[bytes], tail: bytes) -> None:
    states = Hashing()
    for part in parts:
        before, states = states, states.after(part)
        assert before.of(part) == states.of(b"")
    whole = b"".join(parts) + tail

    assert states.of(tail) == states.of(tail) == digests(whole)
    assert states.sha256(tail) == hashlib.sha256(whole).digest()
    assert Hashing().of(b"") == digests(b"")


@given(facts=values)
def test_one_root_alone_is_the_first_of_both(facts: dict[str, Any]) -> None:
    assert commitment_sha256(facts, SALT, "face/1") == commitment(facts, SALT, "face/1").sha256


@given(facts=values)
def test_the_order_of_values_does_not_matter(facts: dict[str, Any]) -> None:
    assert commitment(facts, SALT, "face/1") == commitment(dict(reversed(facts.items())), SALT, "face/1")


@given(facts=values, name=st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
def test_another_value_salt_or_form_is_another_commitment(facts: dict[str, Any], name: str) -> None:
    committed = commitment(facts, SALT, "face/1")
    others = [
        commitment(facts | {name: [facts.get(name)]}, SALT, "face/1"),
        commitment(facts, bytes(32), "face/1") if facts else None,
        commitment(facts, SALT, "facts/1"),
    ]

    assert all(other is None or (other.sha256 != committed.sha256 and other.sm3 != committed.sm3) for other in others)


def test_a_commitment_is_the_root_over_salted_leaves_as_written_down() -> None:
    salt = hmac.new(SALT, "姓名".encode(), hashlib.sha256).digest()
    leaf = hashlib.sha256(salt + '["姓名","陈安途"]'.encode()).hexdigest()
    root = hashlib.sha256(f'["face/1",{{"姓名":"{leaf}"}}]'.encode()).hexdigest()

    assert field_salt(SALT, "姓名") == salt
    assert commitment({"姓名": "陈安途"}, SALT, "face/1").sha256 == root


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_salt_of_another_length_is_a_bug_and_says_so(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        commitment({}, bytes(length), "face/1")
