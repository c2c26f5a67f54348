"""An answer is kept no longer than it stays the same: day by day, on random histories and random facts under every way of judging."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from licence_service.endorsement import Endorsement
from licence_service.fold import fold, under
from licence_service.lasting import lasts_until
from licence_service.licence import Act, Entry
from licence_service.rules import Conditions, judge_conditions
from tests.builders import a_version, an_endorsement, an_entry
from tests.histories import ORIGINS, families, histories, how_many
from tests.unit.test_rules import COUNT, CYCLES, DECLARED, KINDS, RECOVERY, TYPE, a_pack

NOTHING = Conditions((), ())
DAY = timedelta(days=1)
CEILING: dict[str, Any] = {"way": "age_ceiling", "years": 60, "birth": ["birth_date"], "effect": "condition"}
NEAR = st.integers(-40, 60).map(lambda days: date(2026, 2, 10) + timedelta(days=days))


def seen(entries: tuple[Entry, ...], day: date, parent: tuple[Entry, ...] = (), effect: str = "") -> Any:
    licence = fold(entries, day)
    if licence and parent:
        licence = under(licence, fold(parent, day), effect)
    return replace(licence, valid_at=ORIGINS[0]) if licence else None


@settings(max_examples=how_many(150, 3000))
@given(history=histories(), shift=st.integers(-3, 20), origin=st.sampled_from(ORIGINS))
def test_a_fold_stays_the_same_up_to_the_day_that_is_named(history: tuple[Entry, ...], shift: int, origin: date) -> None:
    today = origin + shift * DAY
    until = lasts_until(history, (), NOTHING, today)

    assert until >= today
    for days in range(min((until - today).days, 40) + 1):
        assert seen(history, today + days * DAY) == seen(history, today)


@settings(max_examples=how_many(100, 2000))
@given(family=families(), shift=st.integers(-3, 20), origin=st.sampled_from(ORIGINS))
def test_so_does_a_child_with_its_parent(family: tuple[tuple[Entry, ...], tuple[Entry, ...], str], shift: int, origin: date) -> None:
    child, parent, effect = family
    today = origin + shift * DAY
    until = lasts_until((*child, *parent), (), NOTHING, today)

    for days in range(min((until - today).days, 40) + 1):
        assert seen(child, today + days * DAY, parent, effect) == seen(child, today, parent, effect)


def training(hours: int, mode: str) -> dict[str, object]:
    return {"hours": hours, "result": "pass", "mode": mode}


@st.composite
def endorsed(draw: st.DrawFn) -> Endorsement:
    day, due = draw(NEAR), str(draw(NEAR))
    said: list[tuple[str, dict[str, object]]] = [
        ("training", training(24, "class")), ("training", training(8, "online")), ("training", {}), ("assessment", {"grade": "B"}),
        ("assessment", {"grade": "A"}), ("review", {"result": "1", "next_due": due}), ("review", {"result": "2", "next_due": due}),
        ("grading", {"next_due": due}),
    ]  # fmt: skip
    kind, facts = said[draw(st.integers(0, len(said) - 1))]
    if facts:
        facts = {**facts, "certificate_no": str(draw(st.integers(1, 4)))}
    return an_endorsement(kind=kind, facts=facts, occurred_on=day, effective_from=day, effective_to=draw(st.none() | NEAR))


@settings(max_examples=how_many(300, 5000))
@given(given_facts=st.lists(endorsed(), max_size=5), starts=NEAR, born=NEAR, changes=st.lists(NEAR, min_size=2, max_size=2), today=NEAR)
def test_conditions_stay_the_same_up_to_the_day_that_is_named(
    given_facts: list[Endorsement], starts: date, born: date, changes: list[date], today: date
) -> None:
    numbered = tuple(replace(one, endorsement_id=f"{one.endorsement_id[:20]}{number:06d}") for number, one in enumerate(given_facts))
    entry = an_entry(Act.ISSUE, version=a_version(), endorsements=numbered, effective_on=date(2020, 1, 1))
    first, second = sorted(changes)
    cycles = CYCLES | {"cycle_months": 1}
    packs = [
        a_pack(cycles, "cycles_old", in_force_to=first.isoformat()),
        a_pack(cycles | {"count": COUNT | {"hours": 8}}, "cycles_new", in_force_from=(first + DAY).isoformat()), a_pack(RECOVERY, "recovery"),
        a_pack(DECLARED, "declared", in_force_from=second.isoformat()), a_pack(CEILING, "ceiling"),
    ]  # fmt: skip
    face = {"first_issue_date": starts.isoformat(), "birth_date": born.replace(year=1966).isoformat(), "review_valid_to": second.isoformat()}

    def said(day: date) -> Conditions:
        return judge_conditions(packs, TYPE, "review_valid_to", face, KINDS, fold((entry,), day).endorsements, day)  # type: ignore[union-attr]

    until = lasts_until((entry,), packs, said(today), today)

    for days in range(min((until - today).days, 70) + 1):
        later = said(today + days * DAY)
        assert [replace(one, holds_until=today) for one in later.every] == [replace(one, holds_until=today) for one in said(today).every]
        assert later.packs == said(today).packs


def test_the_day_named_is_not_needlessly_near() -> None:
    entry = an_entry(Act.ISSUE, version=a_version(), effective_on=date(2026, 1, 1))
    assert entry.version
    assert entry.version.valid_to

    assert lasts_until((entry,), (), NOTHING, date(2029, 1, 1)) == entry.version.valid_to - DAY
    assert lasts_until((entry,), (), NOTHING, entry.version.valid_to + DAY) == date.max
