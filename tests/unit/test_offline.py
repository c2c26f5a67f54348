"""Checking a code without network: the five answers of every case, and what a bundle refuses."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from licence_service.bundle import BadBundle, Bundle, apply, read, read_time, sign, sign_delta, sign_time
from licence_service.offline import check
from licence_service.reasons import REASONS
from licence_service.status import Status, put, status_at
from tests.offline_cases import (
    AS_OF,
    AT,
    BOOK,
    DEPARTMENT,
    KEEPER,
    NONCE,
    TIMES,
    Case,
    bundle,
    bundle_text,
    cases,
    code,
    keeper_keys,
    without_what_judges,
)

CASES = cases()


def say(case: Case) -> dict[str, str]:
    """Return the answers of a case in its own notation."""
    found = check(case.text, read(bundle_text(), keeper_keys()), case.at, case.server_time)
    said = {name: f"{one.result.value} {','.join(one.reasons)}" for name, one in found.answers.items()}
    return {"overall": found.overall.value, **said}


@pytest.mark.rule("SH-01", "SH-02", "SH-03", "SH-04", "SH-05", "SH-06", "SE-04")
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_each_case_gets_its_five_answers(case: Case) -> None:
    said = say(case)

    assert said["overall"] == case.overall
    without = {name: text for name, text in said.items() if name in {"authentic", "current", "in_force", "conditions"}}
    assert without == {"authentic": case.authentic, "current": case.current, "in_force": case.in_force, "conditions": case.conditions}
    assert said["shown"].startswith("not_asked")


def test_the_reasons_of_every_case_have_words() -> None:
    found = [check(case.text, bundle(), case.at, case.server_time) for case in CASES]

    codes = {reason for one in found for check_ in one.checks for reason in check_.reasons}
    assert codes <= REASONS.keys()
    assert {"status-stale", "clock-error", "foreign-host", "suspension-lapsed", "key-not-listed"} <= codes


@pytest.mark.rule("SH-06")
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_no_headline_says_valid_without_the_time_of_the_status(case: Case) -> None:
    found = check(case.text, bundle(), case.at, case.server_time)

    zh, en = found.headline
    if found.answers["authentic"].result == "yes":
        assert "2026-11-28 08:00" in zh
        assert "2026-11-28 08:00" in en
    if found.stale or found.overall != "valid":
        assert "in force as of" not in en or "condition" in en
    assert found.as_json()["status"]["age_seconds"] >= 0


def test_a_foreign_host_is_named_as_such_and_in_letters_that_look_like_nothing_else() -> None:
    named = {case.name: check(case.text, bundle(), AT).host for case in CASES if "foreign-host" in case.authentic}

    assert named["a foreign host"] == "licence-example.cn"
    assert named["a host behind our name"] == "evil.example"
    assert named["a host in look-alike letters"] == "licence.xn--mple-43d3a6i.cn"
    assert check("https://evil.example/Q/1", bundle(), AT).headline[1] == "Not the official site: evil.example"


def test_the_clock_error_names_the_difference() -> None:
    behind = check(code(), bundle(), AS_OF - timedelta(hours=1))
    contradicted = check(code(), bundle(), AT, AT - timedelta(hours=2))

    assert behind.clock.wrong_by == -3660
    assert contradicted.as_json()["clock_wrong_by_seconds"] == 7200
    assert contradicted.as_json()["status"]["age_seconds"] == 0  # by the right time; the device would say two hours
    assert check(code(), bundle(), AT + timedelta(hours=20), AT).age_seconds == 7200


def test_what_the_paper_must_say_is_told_only_of_a_genuine_code() -> None:
    found = {case.name: check(case.text, bundle(), case.at).licence for case in CASES}

    assert found["good"] is not None
    assert found["good"]["compare"] == "陈＊＊"
    assert found["good"]["issuer"]["zh"] == "蜀安市交通运输局"
    assert found["suspended on its last day"] is not None
    assert found["suspended on its last day"]["suspended_until"] == "2026-11-28"
    assert all(found[case.name] is None for case in CASES if not case.authentic.startswith("yes"))


# -- the bundle ----------------------------------------------------------------------------------------------


def test_a_bundle_is_read_back_as_it_was_signed() -> None:
    assert read(bundle_text(), keeper_keys()) == bundle()


def test_a_bundle_signed_by_anybody_else_is_refused() -> None:
    by_department = sign(bundle(), DEPARTMENT)

    with pytest.raises(BadBundle):
        read(by_department, keeper_keys())


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_bundle_of_which_one_letter_was_changed_is_refused(part: int) -> None:
    parts = bundle_text().split(".")
    middle = len(parts[part]) // 2
    other = "A" if parts[part][middle] != "A" else "B"
    parts[part] = parts[part][:middle] + other + parts[part][middle + 1 :]

    with pytest.raises(BadBundle):
        read(".".join(parts), keeper_keys())


@pytest.mark.parametrize("text", ["", "a.b.c", "..", "e30.e30.", "[].[].[]", "\ud800.a.b", "x" * 100])
def test_what_is_no_bundle_is_refused(text: str) -> None:
    with pytest.raises(BadBundle):
        read(text, keeper_keys())


@pytest.mark.rule("SH-06")
def test_a_bundle_with_a_type_of_which_limit_or_conditions_are_not_said_or_a_key_of_strange_purposes_is_refused() -> None:
    for text in without_what_judges():
        with pytest.raises(BadBundle):
            read(text, keeper_keys())


def later(**changed: object) -> Bundle:
    """The bundle of the next day: one licence more is ended, one suspension is over, another began."""
    places = bytearray(bundle().lists[0])
    put(places, 11, Status.INVALID)
    put(places, 15, Status.VALID)
    put(places, 99, Status.SUSPENDED)
    lapses = {(0, 13): date(2026, 11, 28), (0, 99): date(2026, 12, 24)}
    next_day = replace(bundle(), as_of=AS_OF + timedelta(days=1), signed_at=AS_OF + timedelta(days=1), lists={0: bytes(places)}, lapses=lapses)
    return replace(next_day, **changed)  # type: ignore[arg-type]


def test_a_delta_makes_the_later_bundle_out_of_the_earlier_one() -> None:
    new_list = bytearray(bundle().lists[0])
    put(new_list, 5, Status.SUPERSEDED)
    whole = [bundle(), later(), later(lists={**later().lists, 1: bytes(new_list)}, as_of=AS_OF + timedelta(days=2))]

    held = read(bundle_text(), keeper_keys())
    for before, after in pairwise(whole):
        held = apply(held, sign_delta(before, after, KEEPER), keeper_keys())
        assert held == after

    assert status_at(held.lists[0], 11) is Status.INVALID


@pytest.mark.parametrize(
    "delta",
    [
        sign_delta(later(), later(as_of=AS_OF + timedelta(days=2)), KEEPER),
        sign_delta(replace(bundle(), lists=later().lists), later(), KEEPER),
        sign_delta(bundle(), later(types=bundle().types[:1]), KEEPER),
        sign_delta(bundle(), later(book="https://other.example"), KEEPER),
        sign_delta(bundle(), later(), DEPARTMENT),
        sign_delta(bundle(), replace(bundle(), as_of=AS_OF - timedelta(microseconds=1)), KEEPER),
        bundle_text(),
        "",
    ],
    ids=["of another instant", "of other lists", "with other types", "of another book", "by another", "that leads back", "a bundle", "nothing"],
)
def test_a_delta_of_anything_else_is_refused(delta: str) -> None:
    with pytest.raises(BadBundle):
        apply(bundle(), delta, keeper_keys())


def test_a_delta_is_no_bundle() -> None:
    with pytest.raises(BadBundle):
        read(sign_delta(bundle(), later(), KEEPER), keeper_keys())


# -- the signed time -----------------------------------------------------------------------------------------


@pytest.mark.rule("SH-05")
@pytest.mark.parametrize("name", TIMES)
def test_a_time_is_read_only_where_the_keeper_signed_it_for_this_question(name: str) -> None:
    if name == "good":
        assert read_time(TIMES[name], keeper_keys(), BOOK, NONCE) == AT
        return
    with pytest.raises(BadBundle):
        read_time(TIMES[name], keeper_keys(), BOOK, NONCE)


@pytest.mark.rule("SH-05")
def test_a_time_is_signed_to_the_microsecond() -> None:
    at = datetime(2026, 11, 28, 4, 0, 0, 1, tzinfo=UTC)

    assert read_time(sign_time(BOOK, at, NONCE, KEEPER), keeper_keys(), BOOK, NONCE) == at
