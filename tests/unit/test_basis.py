"""What a decision rests on, read and written, and the rule sets that judge it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence_service.basis import Basis, Finding, Origin, Receipt, Result, as_data, committed, from_data, read_origins, read_receipts, worst
from licence_service.errors import Fault
from licence_service.rules import judge_sources, named, outside, rule_set
from licence_service.rules.pack import RulePack, SourceCheck, Unattended, Where
from licence_service.template import Words

AT = datetime(2026, 11, 28, 4, 0, tzinfo=UTC)
RULE = Unattended("unattended", ("51990011800100101",), {"police": SourceCheck(24, ("plate_no", "vin")), "station": SourceCheck(72)})
PACK = named(RulePack(Words("无人干预", "unattended"), ("a_type",), "本系统", RULE), "by_machine")
SENT = {
    "source": "police", "asked_at": "2026-11-28T11:00:00+08:00", "answered_at": "2026-11-28T11:00:01+08:00", "result": "pass",
    "compared": ["plate_no", "vin"], "digest": "ab" * 32,
    "case_no": "C-1", "type": "a_type",
}  # fmt: skip


def _read(raw: object) -> tuple[tuple[Receipt, ...], list[Fault]]:
    return read_receipts(raw, "C-1", "a_type")


def receipt(
    source: str = "police", result: Result = Result.PASS, age: timedelta = timedelta(hours=1), compared: tuple[str, ...] = ("plate_no", "vin")
) -> Receipt:
    return Receipt(source, AT - age, AT - age, result, compared, "ab" * 32)


def test_receipts_are_read_as_they_are_sent() -> None:
    found, faults = _read([SENT, {**SENT, "source": "station", "compared": [], "reference": "R-1"}])
    assert not faults
    assert [one.source for one in found] == ["police", "station"]
    assert found[0].answered_at == datetime(2026, 11, 28, 3, 0, 1, tzinfo=UTC)
    assert (found[0].reference, found[1].reference) == (None, "R-1")
    assert _read(None) == ((), [])


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"source": "Police!"}, "receipts[0].source", "wrong-pattern"),
        ({"source": None}, "receipts[0].source", "missing"),
        ({"result": "maybe"}, "receipts[0].result", "unknown-code"),
        ({"result": "stale"}, "receipts[0].result", "unknown-code"),
        ({"digest": "ab"}, "receipts[0].digest", "wrong-pattern"),
        ({"asked_at": "2026-11-28T11:00:00"}, "receipts[0].asked_at", "not-an-instant"),
        ({"answered_at": "yesterday"}, "receipts[0].answered_at", "not-an-instant"),
        ({"answered_at": "2026-11-28T10:00:00+08:00"}, "receipts[0].answered_at", "before-asked"),
        ({"compared": "vin"}, "receipts[0].compared", "not-a-list"),
        ({"compared": [1]}, "receipts[0].compared", "not-a-list"),
        ({"more": "x"}, "receipts[0]", "unknown-field"),
        ({"case_no": None}, "receipts[0].case_no", "missing"),
        ({"type": None}, "receipts[0].type", "missing"),
    ],
)
def test_each_fault_of_a_receipt_is_named_with_its_place(change: dict[str, Any], path: str, code: str) -> None:
    found, faults = _read([{**SENT, **change}])
    assert not found
    assert (path, code) in [(fault.path, fault.code) for fault in faults], faults


@pytest.mark.parametrize("raw", ["x", {}, [1], [[]], [SENT] * 21, 7, True])
def test_what_is_no_list_of_receipts_is_refused(raw: object) -> None:
    assert _read(raw)[1]


def test_one_receipt_of_each_source() -> None:
    found, faults = _read([SENT, SENT])
    assert len(found) == 1
    assert [(fault.path, fault.code) for fault in faults] == [("receipts[1].source", "twice")]


def test_where_fields_came_from_is_read() -> None:
    found, faults = read_origins({"vin": {"source": "公安交管", "at": "2026-11-28T11:00:00+08:00"}})
    assert not faults
    assert found == {"vin": Origin("公安交管", datetime(2026, 11, 28, 3, tzinfo=UTC))}
    every: tuple[object, ...] = (
        {"vin": 1},
        {"vin": {}},
        {"vin": {"source": "x", "at": "x"}},
        {"vin": {"source": "", "at": SENT["asked_at"]}},
        [],
        "x",
    )
    for wrong in every:
        assert read_origins(wrong)[1], wrong


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=8) | st.sampled_from(sorted(SENT)), each, max_size=7),
    )
)
def test_whatever_is_sent_is_read_or_named(raw: Any) -> None:
    for read in (_read, read_origins):
        found, faults = read(raw)
        assert faults or raw in (None, [], {}) or found


def test_the_written_form_is_read_back_and_committed_to_under_a_salt() -> None:
    judged = judge_sources(PACK, RULE, [receipt(), receipt("station")], AT)
    basis = Basis("51990011800100101", "YJS-1", (receipt(),), {"vin": Origin("公安", AT)}, judged)
    assert from_data(as_data(basis)) == basis
    assert from_data(as_data(Basis())) == Basis()
    assert not Basis()
    assert committed(basis, bytes(32)) == committed(from_data(as_data(basis)), bytes(32))
    assert committed(basis, bytes(32)) != committed(basis, bytes([1] * 32))
    assert committed(basis, bytes(32)) != committed(replace(basis, bundle_no="YJS-2"), bytes(32))


@pytest.mark.rule("AI-04")
@pytest.mark.parametrize(
    ("police", "result"),
    [
        (receipt(), Result.PASS),
        (receipt(result=Result.FAIL), Result.FAIL),
        (receipt(result=Result.CONFLICT), Result.CONFLICT),
        (receipt(result=Result.UNAVAILABLE), Result.UNAVAILABLE),
        (None, Result.MISSING),
        (receipt(compared=("plate_no",)), Result.MISSING),
        (receipt(compared=("plate_no", "vin", "colour")), Result.PASS),
        (receipt(age=timedelta(hours=24)), Result.PASS),
        (receipt(age=timedelta(hours=24, seconds=1)), Result.STALE),
        (receipt(age=timedelta(minutes=-5)), Result.PASS),
        (receipt(age=timedelta(minutes=-6)), Result.STALE),
        (receipt(result=Result.FAIL, age=timedelta(hours=25)), Result.STALE),
    ],
)
def test_a_source_is_judged_by_what_it_said_of_which_fields_and_when(police: Receipt | None, result: Result) -> None:
    judged = judge_sources(PACK, RULE, [*([police] if police else []), receipt("station", compared=()), receipt("other")], AT)
    assert (judged.rule_set, judged.digest, judged.at) == ("by_machine", PACK.digest, AT)
    assert judged.findings == (Finding("police", result, ("plate_no", "vin")), Finding("station", Result.PASS))


@pytest.mark.rule("AI-04")
def test_a_failure_goes_before_a_conflict_and_that_before_silence() -> None:
    every = [Finding("x", each) for each in Result]
    for expected in (Result.FAIL, Result.CONFLICT, Result.UNAVAILABLE, Result.MISSING, Result.STALE, Result.PASS):
        assert worst(every) is expected
        every = [one for one in every if one.result is not expected]


def test_a_rule_set_is_found_by_its_name_and_leaves_cases_outside_its_limits_to_a_person() -> None:
    assert rule_set([PACK], "by_machine") == (PACK, RULE)
    assert rule_set([PACK], "other") is None
    small = Where("seats", ("4", "5"))
    assert outside(replace(RULE, only=(small,)), {"seats": 5}) == []
    assert outside(replace(RULE, only=(small,)), {"seats": 7}) == [small]
