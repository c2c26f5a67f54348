"""The history of a licence by example: what each asker reads of an entry, and what acted when."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given, settings

from licence_service.acts import GROUNDS
from licence_service.entry_form import body_of, entry_of, stamped
from licence_service.fields import Asker
from licence_service.history import Library, Shown, bars_of, due_of, history_of, words
from licence_service.history.differences import differences
from licence_service.licence import Act, Entry, LicenceState, Suspension, Version, VersionReason
from licence_service.requests import ENDORSEMENT_GROUNDS, WITHDRAWAL_GROUNDS
from licence_service.rules import Condition, Conditions, Outcome
from licence_service.store.record import Record
from licence_service.template import EndorsementKind
from licence_service.web import history_page
from tests.builders import (
    FIRST,
    LAST,
    LICENCE_ID,
    ORGAN,
    a_decision,
    a_face,
    a_field,
    a_kind,
    a_renewal,
    a_suspension,
    a_template,
    a_version,
    an_endorsement,
    an_entry,
    entered,
)  # fmt: skip
from tests.histories import Question, families, how_many, questions

DAY = timedelta(days=1)
LATER = datetime(2040, 1, 1, tzinfo=UTC)
ON = date(2027, 6, 1)
EVERYONE = dict.fromkeys(Asker, "full")
INSIDERS = ("officer", "clerk", "holder")


def library(**kinds: EndorsementKind) -> Library:
    """The type and kinds of the builders, and one organisation with a name."""
    known = {"continuing_education": a_kind(facts={"date": a_field("date", disclose=EVERYONE), "period_end": a_field("date")}, disclose=tuple(Asker))}
    return Library(
        lambda _edition: a_template(), {slug: replace(one, slug=slug) for slug, one in {**known, **kinds}.items()}, {ORGAN: "示例机关"}.get
    )


def told(*entries: Entry, asker: Asker = Asker.CLERK, on: date = ON, **kinds: EndorsementKind) -> list[dict[str, Any]]:
    """Tell the history of these entries."""
    record = Record(LICENCE_ID, "a_type", ORGAN, entered(*entries))
    return history_of(record, record.at(on), asker, library(**kinds))


def bars(*entries: Entry, asker: Asker = Asker.CLERK, known_at: datetime = LATER) -> dict[str, Any]:
    """Return the bars of these entries."""
    record = Record(LICENCE_ID, "a_type", ORGAN, entered(*entries))
    return bars_of(record, known_at, Shown(record.entries, library().kinds, asker))


def codes(said: Any) -> Iterator[str]:
    """Return every code within a value that has words."""
    if isinstance(said, dict):
        if {"code", "zh", "en"} <= said.keys():
            yield said["code"]
        said = list(said.values())
    if isinstance(said, list):
        for each in said:
            yield from codes(each)


# -- words --------------------------------------------------------------------------------------------------


def test_every_code_that_an_entry_can_hold_has_its_words() -> None:
    assert set(words.ACTS) == set(Act)
    assert set(words.STATES) == set(LicenceState)
    assert set(words.REASONS) == set(VersionReason)
    assert set(words.GROUNDS) == {*GROUNDS, *WITHDRAWAL_GROUNDS, *ENDORSEMENT_GROUNDS}
    assert {words.mark_of(act) for act in Act} == set(words.MARK_WORDS)


def test_a_code_of_a_later_release_is_shown_as_it_is() -> None:
    assert words.said(words.GROUNDS, "not-known-here") == {"code": "not-known-here", "zh": "not-known-here", "en": "not-known-here"}


# -- entries ------------------------------------------------------------------------------------------------


def test_an_entry_says_what_by_whom_and_on_which_decision() -> None:
    item = told(an_entry(department=ORGAN))[0]

    assert (item["sequence"], item["act"]["zh"], item["effective_on"]) == (1, "颁发", FIRST.isoformat())
    assert item["by"] == {"department": {"code": ORGAN, "name": "示例机关"}, "system": "approval"}
    assert item["decision"]["officer"] == "罗青石"
    assert (item["version"]["number"], item["version"]["reason"]["code"], item["version"]["state"]["code"]) == (1, "initial", "current")
    assert item["version"]["changes"] == []


@pytest.mark.parametrize("asker", [one for one in Asker if one is not Asker.CLERK])
def test_the_officer_behind_a_decision_is_for_the_clerk_only(asker: Asker) -> None:
    assert told(an_entry(), asker=asker)[0]["decision"]["officer"] is None


@pytest.mark.parametrize("asker", list(Asker))
def test_what_sort_a_suspension_is_the_public_does_not_learn_from_anything(asker: Asker) -> None:
    suspended = replace(a_suspension(FIRST + DAY, FIRST + 40 * DAY), decision=a_decision(number="示交罚1号"))
    lifted = an_entry(Act.LIFT, effective_on=FIRST + 9 * DAY, target=2, decision=a_decision(number="示交罚2号"))
    entries = (an_entry(), suspended, lifted)
    items, drawn = told(*entries, asker=asker), bars(*entries, asker=asker)

    seen = "penalty" in str(items) or "示交罚" in str(items) or "penalty" in str(drawn)

    assert seen is (asker.value in INSIDERS)
    assert (items[1]["suspension"]["first"], items[2]["target"]["sequence"]) == ((FIRST + DAY).isoformat(), 2)


def test_a_ground_that_accuses_is_kept_from_the_public_and_that_of_a_cancellation_is_not() -> None:
    withdrawn = an_entry(Act.WITHDRAW, ground="fraud")
    cancelled = an_entry(Act.CANCEL, effective_on=FIRST + DAY, ground="request")
    public, clerk = (told(an_entry(), withdrawn, cancelled, asker=asker) for asker in (Asker.PUBLIC, Asker.CLERK))

    assert [one["ground"] and one["ground"]["code"] for one in public] == [None, None, "request"]
    assert [one["ground"] and one["ground"]["code"] for one in clerk] == [None, "fraud", "request"]


# -- documents ----------------------------------------------------------------------------------------------


def test_a_version_names_what_it_says_differently() -> None:
    face = a_face(issuer_name="蜀安市青溪区交通运输局")
    changed = an_entry(Act.CHANGE, effective_on=FIRST + DAY, version=a_version(2, face=face))

    assert told(an_entry(), changed)[1]["version"]["changes"] == [
        {
            "name": "issuer_name",
            "zh": "名称",
            "en": "",
            "said_by": "value",
            "old": "蜀安市交通运输局",
            "new": "蜀安市青溪区交通运输局",
            "versions": [],
        }
    ]


@pytest.mark.parametrize(
    ("asker", "seen"),
    [
        (Asker.PUBLIC, {"person_name": ("陈＊＊", "陈＊")}),
        (Asker.PASSENGER, {"person_name": ("陈师傅", "陈师傅"), "citizen_id": ("519902198506120111", "519902198506120999")}),
        (Asker.PLATFORM, {"citizen_id": ("519902198506120111", "519902198506120999")}),
        (Asker.OFFICER, {"person_name": ("陈安途", "陈远"), "citizen_id": ("519＊＊＊＊＊＊＊＊＊＊＊＊＊11", "519＊＊＊＊＊＊＊＊＊＊＊＊＊99")}),
    ],
)
def test_differences_are_masked_as_the_template_says(asker: Asker, seen: dict[str, tuple[str, str]]) -> None:
    old, new = a_face(), a_face(person_name="陈远", citizen_id="519902198506120999", sex="2")

    found = differences(a_template().fields, old, new, (1, 2), asker)

    assert {one["name"]: (one["old"], one["new"]) for one in found} == seen


def test_what_is_long_or_no_text_is_named_by_the_versions_that_show_it() -> None:
    fields = {
        "scope": a_field("text", disclose=EVERYONE), "stops": a_field("table", disclose=EVERYONE, columns={}), "photo": a_field("image", disclose=EVERYONE),
        "note": a_field(disclose=EVERYONE),
    }  # fmt: skip
    old: dict[str, Any] = {"scope": "短", "stops": [{"stop": "甲"}], "photo": "sha256:1"}
    new: dict[str, Any] = {"scope": "长" * 161, "stops": [{"stop": "乙"}], "photo": "sha256:2", "note": "新"}

    found = {one["name"]: one for one in differences(fields, old, new, (1, 2), Asker.CLERK)}

    assert {name: one["said_by"] for name, one in found.items()} == {"scope": "document", "stops": "document", "photo": "photo", "note": "value"}
    assert (found["scope"]["versions"], found["scope"]["new"]) == ([1, 2], None)
    assert (found["note"]["old"], found["note"]["new"]) == (None, "新")
    assert "sha256" not in str(found)


def test_a_newer_edition_that_hides_a_field_hides_it_in_older_documents_too() -> None:
    strict = a_template(fields={**a_template().fields, "issuer_name": a_field(disclose={})})
    shelf = replace(library(), template_of=lambda edition: strict if edition == "2026-02" else a_template())
    entries = entered(
        an_entry(),
        an_entry(Act.CHANGE, version=a_version(2, face=a_face(issuer_name="乙局"))),
        an_entry(Act.RESEAL, version=a_version(3, face=a_face(issuer_name="乙局"), edition="2026-02")),
    )
    record = Record(LICENCE_ID, "a_type", ORGAN, entries)

    assert [one["version"]["changes"] for one in history_of(record, record.at(ON), Asker.PUBLIC, shelf)] == [[], [], []]


def test_a_document_entered_after_the_day_was_not_there_yet() -> None:
    items = told(an_entry(), a_renewal(LAST + DAY, None), on=FIRST)

    assert [one["version"]["state"]["code"] for one in items] == ["current", "not_yet_made"]


def test_an_erased_payload_leaves_a_history_that_says_so() -> None:
    entries = entered(
        an_entry(), an_entry(Act.CHANGE, version=a_version(2, face=a_face(issuer_name="乙局"))), an_entry(Act.ENDORSE, endorsements=(an_endorsement(),)),
        an_entry(Act.CHANGE, effective_on=FIRST, changes={"issuer_name": "丙局"}),
    )  # fmt: skip
    left = []
    for entry in entries:
        assert entry.recorded_at
        whole = stamped(entry, entry.recorded_at, "")
        assert whole.digest
        left.append(entry_of(body_of(whole), None, whole.digest))
    record = Record(LICENCE_ID, "a_type", ORGAN, tuple(left))

    for asker in Asker:
        items = history_of(record, record.at(ON), asker, library())
        assert [one["version"] and one["version"]["erased"] for one in items] == [True, True, None, None]
        assert (items[2]["endorsements"][0]["erased"], items[2]["endorsements"][0]["facts"], items[3]["overtaken"]) == (True, [], [])


def test_a_change_that_was_overtaken_names_its_values_though_it_made_no_document() -> None:
    item = told(an_entry(), an_entry(Act.CHANGE, effective_on=FIRST, changes={"issuer_name": "丙局"}))[1]

    assert (item["version"], item["overtaken"][0]["new"]) == (None, "丙局")


# -- endorsements -------------------------------------------------------------------------------------------

SECRET = a_kind(disclose=INSIDERS)


@pytest.mark.parametrize("asker", list(Asker))
def test_an_entry_that_only_brings_what_the_asker_may_not_see_is_not_there_and_leaves_no_gap(asker: Asker) -> None:
    hidden = an_endorsement(kind="secret", endorsement_id="s" * 26)
    entries = (
        an_entry(), an_entry(Act.ENDORSE, endorsements=(hidden,)), an_entry(Act.ENDORSE, endorsements=(an_endorsement(),)),
        an_entry(Act.WITHDRAW_ENDORSEMENT, withdrawn="s" * 26), an_entry(Act.REPORT_LOST),
    )  # fmt: skip

    items = told(*entries, asker=asker, secret=SECRET)

    if asker.value in INSIDERS:
        assert [one["sequence"] for one in items] == [1, 2, 3, 4, 5]
        assert items[3]["about"]["sequence"] == 2
    else:
        assert [(one["sequence"], one["act"]["code"]) for one in items] == [(1, "issue"), (2, "endorse"), (3, "report_lost")]
        assert "secret" not in str(items)


def test_a_hidden_endorsement_that_brings_a_document_shows_the_document_only() -> None:
    hidden = an_endorsement(kind="secret", endorsement_id="s" * 26)
    entry = an_entry(Act.ENDORSE, endorsements=(hidden,), version=a_version(2), decision=a_decision(number="示交罚3号", legal_basis="处罚法"))

    item = told(an_entry(), entry, asker=Asker.PUBLIC, secret=SECRET)[1]

    assert (item["version"]["number"], item["endorsements"]) == (2, [])
    assert (item["decision"]["number"], item["decision"]["legal_basis"]) == (None, None)


@pytest.mark.rule("EN-03")
@pytest.mark.parametrize("asker", list(Asker))
def test_what_is_only_asserted_or_was_refused_only_department_and_holder_read(asker: Asker) -> None:
    waiting, refused = (replace(an_endorsement(endorsement_id=name * 26), accepter=None) for name in "wr")
    entries = (
        an_entry(), an_entry(Act.ASSERT, endorsements=(waiting,)), an_entry(Act.ASSERT, endorsements=(refused,)),
        an_entry(Act.REFUSE_ENDORSEMENT, refused="r" * 26),
    )  # fmt: skip

    items = told(*entries, asker=asker)

    inside = asker in {Asker.CLERK, Asker.HOLDER}
    assert [one["act"]["code"] for one in items] == (["issue", "assert", "assert", "refuse_endorsement"] if inside else ["issue"])
    if inside:
        assert [one["endorsements"][0]["state"]["code"] for one in items[1:3]] == ["asserted", "refused"]


@pytest.mark.rule("EN-06")
def test_a_corrected_endorsement_keeps_its_place_and_strangers_no_longer_read_its_facts() -> None:
    wrong, right = an_endorsement(), an_endorsement(endorsement_id="f" * 26, corrects="e" * 26)
    entries = (an_entry(), an_entry(Act.ENDORSE, endorsements=(wrong,)), an_entry(Act.ENDORSE, endorsements=(right,)))
    public, clerk = (told(*entries, asker=asker) for asker in (Asker.PUBLIC, Asker.CLERK))

    for items in (public, clerk):
        assert [one["endorsements"][0]["state"]["code"] for one in items[1:]] == ["corrected", "accepted"]
        assert items[2]["endorsements"][0]["corrects"] == 2
    assert [len(one["endorsements"][0]["facts"]) for one in public[1:]] == [0, 1]
    assert [len(one["endorsements"][0]["facts"]) for one in clerk[1:]] == [1, 1]


def test_what_was_only_recorded_and_records_that_an_act_writes_are_for_the_department() -> None:
    written = a_kind(written_by=("report_lost",), disclose=tuple(Asker))
    entries = (
        an_entry(), an_entry(Act.REPORT_LOST, endorsements=(an_endorsement(kind="own"),)),
        replace(a_suspension(FIRST, FIRST + DAY), recorded_only=True),
    )  # fmt: skip
    public, clerk = (told(*entries, asker=asker, own=written) for asker in (Asker.PUBLIC, Asker.CLERK))

    assert [(one["act"]["code"], len(one["endorsements"])) for one in public] == [("issue", 0), ("report_lost", 0)]
    assert [(one["act"]["code"], one["recorded_only"]) for one in clerk] == [("issue", False), ("report_lost", False), ("suspend", True)]
    assert clerk[1]["endorsements"][0]["written"] is True


def test_a_kind_that_is_no_longer_declared_is_left_out() -> None:
    assert len(told(an_entry(), an_entry(Act.ENDORSE, endorsements=(an_endorsement(kind="gone"),)))) == 1


# -- bars ---------------------------------------------------------------------------------------------------


@pytest.mark.rule("LC-19")
def test_overlapping_suspensions_are_drawn_apart_and_as_they_really_acted() -> None:
    one = a_suspension(FIRST + 10 * DAY, FIRST + 19 * DAY)
    other = an_entry(Act.SUSPEND, effective_on=FIRST + 15 * DAY, suspension=Suspension("measure", FIRST + 15 * DAY, None))
    lifted = an_entry(Act.LIFT, effective_on=FIRST + 30 * DAY, target=3)

    drawn = bars(an_entry(), one, other, lifted)

    assert [each["acted"] for each in drawn["suspensions"]] == [_days((10, 19)), _days((15, 29))]
    assert [(each["state"]["code"], each["last"]) for each in drawn["states"]][:3] == [
        ("in_force", _on(9)), ("suspended", _on(29)), ("in_force", LAST.isoformat()),
    ]  # fmt: skip


@pytest.mark.rule("LC-20")
def test_a_stay_cuts_a_suspension_in_two_and_a_reversal_takes_it_away() -> None:
    one = a_suspension(FIRST + 10 * DAY, FIRST + 40 * DAY)
    stayed = an_entry(Act.STAY, effective_on=FIRST + 15 * DAY, target=2, until=FIRST + 20 * DAY)
    reversal = an_entry(Act.REVERSE, effective_on=FIRST + 10 * DAY, target=2)

    assert bars(an_entry(), one, stayed)["suspensions"][0]["acted"] == _days((10, 14), (21, 40))
    assert bars(an_entry(), one, stayed, reversal)["suspensions"][0]["acted"] == []


@pytest.mark.rule("LC-14")
def test_a_reinstatement_leaves_a_gap() -> None:
    cancelled = an_entry(Act.CANCEL, effective_on=FIRST + 20 * DAY, ground="age", right_ended_on=FIRST + 10 * DAY)
    back = an_entry(Act.REINSTATE, effective_on=FIRST + 50 * DAY, target=2, version=a_version(2, reason=VersionReason.REINSTATEMENT))

    drawn = bars(an_entry(), cancelled, back)

    assert drawn["gaps"] == _days((10, 49))
    assert drawn["endings"][0]["acted"] == _days((10, 49))
    assert bars(an_entry(), cancelled)["gaps"] == []


def test_loss_and_a_pending_transfer_are_drawn_for_as_long_as_they_are_said() -> None:
    lost, found = an_entry(Act.REPORT_LOST, effective_on=FIRST + 2 * DAY), an_entry(Act.REPORT_FOUND, effective_on=FIRST + 5 * DAY)
    released = an_entry(Act.TRANSFER, effective_on=FIRST + 8 * DAY, until=FIRST + 12 * DAY, to_department=ORGAN)

    flags = bars(an_entry(), lost, found, released)["flags"]

    assert [(one["code"], one["first"], one["last"]) for one in flags] == [("loss_reported", _on(2), _on(4)), ("transfer_pending", _on(8), _on(12))]


def test_bars_know_only_what_was_known() -> None:
    entries = entered(an_entry(), a_suspension(FIRST + 10 * DAY, FIRST + 19 * DAY))
    assert entries[1].recorded_at

    assert bars(*entries, known_at=entries[1].recorded_at - timedelta(microseconds=1))["suspensions"] == []
    assert len(bars(*entries, known_at=entries[1].recorded_at)["suspensions"]) == 1


def test_a_term_to_the_end_of_time_is_drawn() -> None:
    drawn = bars(an_entry(version=a_version(valid_to=date.max)))

    assert drawn["states"] == [{"first": FIRST.isoformat(), "last": None, "state": words.said(words.STATES, "in_force")}]


def test_days_that_fall_due_are_named_to_those_who_may_know_them() -> None:
    met = Condition("continuing_education", Outcome.MET, "conditions-met", ON, "pack")
    said = Conditions((met, replace(met, kind="valid_to"), replace(met, due_on=None)), ())
    kinds = {"continuing_education": a_kind(disclose=tuple(Asker))}

    assert due_of(said, a_template(), kinds, Asker.PUBLIC) == []
    assert [(one["zh"], one["due_on"]) for one in due_of(said, a_template(), kinds, Asker.CLERK)] == [
        ("继续教育", ON.isoformat()),
        ("名称", ON.isoformat()),
    ]
    assert [one["kind"] for one in due_of(said, a_template(), {"continuing_education": a_kind(disclose=("holder",))}, Asker.CLERK)] == ["valid_to"]


def _on(number: int) -> str:
    return (FIRST + number * DAY).isoformat()


def _days(*pairs: tuple[int, int]) -> list[dict[str, str]]:
    return [{"first": _on(first), "last": _on(last)} for first, last in pairs]


@pytest.mark.rule("LC-01")
@settings(max_examples=how_many(60, 2000))
@given(families().flatmap(lambda drawn: questions(drawn[0], drawn[1]).map(lambda asked: (drawn, asked))))
def test_the_stretches_say_of_every_day_what_the_fold_says(drawn: tuple[tuple[tuple[Entry, ...], tuple[Entry, ...], str], Question]) -> None:
    (child, parent, _effect), asked = drawn
    record = Record(LICENCE_ID, "a_type", ORGAN, child, Record("PARENT00000000000000", "a_type", ORGAN, parent))
    known_at = asked.known_at or LATER
    licence = record.on(asked.valid_at, known_at)
    assume(licence is not None)
    assert licence

    found = bars_of(record, known_at, Shown(licence.entries, library().kinds, Asker.CLERK))

    assert [one["state"]["code"] for one in found["states"] if _holds(one, asked.valid_at)] == [licence.state.value]
    assert {one["code"] for one in found["flags"] if _holds(one, asked.valid_at)} == licence.flags
    for asker in Asker:
        items = history_of(record, licence, asker, library())
        assert set(codes(dict(enumerate(items)))) <= _known_codes()
        assert [one["sequence"] for one in items] == sorted({one["sequence"] for one in items})


def _holds(one: Mapping[str, Any], day: date) -> bool:
    return bool(one["first"] <= day.isoformat() and (one["last"] is None or day.isoformat() <= one["last"]))


def _known_codes() -> set[str]:
    tables = (
        words.ACTS, words.STATES, words.REASONS, words.VERSION_STATES, words.ENDORSEMENT_STATES, words.GROUNDS, words.SUSPENSIONS, words.ALLOWED,
        words.FLAGS, words.ROLES,
    )  # fmt: skip
    return {str(code) for table in tables for code in table}


# -- the page -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", [FIRST, FIRST + 3 * DAY, FIRST + 40 * DAY, FIRST + 100 * DAY, LAST, FIRST + 15_000 * DAY, date(2199, 1, 1)])
def test_an_axis_of_any_length_has_few_names_that_keep_their_distance(last: date) -> None:
    ticks = history_page.Axis(FIRST, last).ticks()

    places = [one["x"] for one in ticks]
    assert 1 <= len(ticks) <= history_page.MOST_TICKS
    assert all(0 <= place <= 100 for place in places)
    assert all(later - earlier >= 9 for earlier, later in pairwise(places))
    assert len({one["text"] for one in ticks}) == len(ticks)


def test_a_stretch_stays_on_its_axis_and_says_where_it_runs_on() -> None:
    axis = history_page.Axis(FIRST, FIRST + 99 * DAY)

    assert axis.piece(_on(0), _on(49)) == {"x": 0.0, "width": 50.0, "on": False}
    assert axis.piece(_on(-5), _on(9)) == {"x": 0.0, "width": 10.0, "on": False}
    assert axis.piece(_on(50), None) == {"x": 50.0, "width": 50.0, "on": True}
    assert axis.piece(_on(50), _on(500)) == {"x": 50.0, "width": 50.0, "on": True}
    assert axis.piece(_on(100), None) is None
    assert axis.piece(_on(-9), _on(-1)) is None


def _page_of(*entries: Entry, on: date) -> dict[str, Any]:
    record = Record(LICENCE_ID, "a_type", ORGAN, entered(*entries))
    licence = record.at(on)
    heading = {"state": licence.state.value, "flags": sorted(licence.flags), "ground": licence.ground}
    drawn = {**bars(*entries), "due": []}
    history = history_of(record, licence, Asker.CLERK, library())
    return history_page.values({"licence": heading, "valid_at": on.isoformat(), "known_at": LATER.isoformat(), "bars": drawn, "history": history})


def test_the_future_never_takes_more_room_than_the_past() -> None:
    page = _page_of(an_entry(version=a_version(valid_to=date(2099, 1, 1))), on=FIRST + 400 * DAY)

    assert 49 <= page["asked"] <= 51
    assert page["rows"][0]["pieces"][-1]["on"] is True


def test_an_entry_of_an_earlier_legal_day_is_said_to_reach_back() -> None:
    items = _page_of(an_entry(), an_entry(Act.WITHDRAW, effective_on=FIRST), a_renewal(LAST + DAY, None), on=FIRST + 2 * DAY)["items"]

    assert [(one["reaches_back"], one["lies_ahead"]) for one in items] == [(False, False), (True, False), (False, True)]
    assert items[0]["recorded"] == "2026-06-20 09:00"


def a_long_history(many: int) -> tuple[Entry, ...]:
    """A licence with very many versions."""

    def version(number: int) -> Version:
        return a_version(number, face=a_face(issuer_name=f"{number}局"))

    changes = (an_entry(Act.CHANGE, effective_on=FIRST + number % 300 * DAY, version=version(number)) for number in range(2, many))
    return (an_entry(), *changes)


def test_a_licence_with_hundreds_of_documents_is_told_in_one_breath() -> None:
    entries = a_long_history(300)
    begun = datetime.now(UTC)

    assert len(told(*entries)) == len(entries) == 299
    assert len(bars(*entries)["terms"]) == 1
    assert (datetime.now(UTC) - begun).total_seconds() < 20
