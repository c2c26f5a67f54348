"""What two people put in force, on both databases: a proposal is settled once, whoever settles it at the same moment."""

import pytest

from licence_service.errors import NotInRegister, RequestRejected
from licence_service.store.database import Database
from licence_service.store.foundations import Foundations
from tests.parts.databases import Clock, at_once

ROUNDS = 5


def test_a_proposal_that_several_confirm_at_once_is_one_line_of_the_book(database: Database, clock: Clock) -> None:
    kept = Foundations(database, clock)
    for round_ in range(ROUNDS):
        number = kept.propose("rule_pack", f"pack-{round_}", "{}", "甲")
        outcomes = at_once([lambda name=name: Foundations(database, clock).confirm([number], name) for name in ("乙", "丙", "丁")])  # type: ignore[misc]  # noqa: B023 - used before the next round
        assert sorted(type(one).__name__ for one in outcomes) == ["NotInRegister", "NotInRegister", "int"]
    assert [one.name for one in kept.lines()] == [f"pack-{round_}" for round_ in range(ROUNDS)]


def test_a_proposal_that_is_dropped_and_confirmed_at_once_is_either_never_both(database: Database, clock: Clock) -> None:
    kept = Foundations(database, clock)
    for round_ in range(ROUNDS):
        number = kept.propose("rule_pack", f"pack-{round_}", "{}", "甲")
        works = [lambda: Foundations(database, clock).confirm([number], "乙"), lambda: kept.drop(number, "甲")]  # noqa: B023 - used before the next round
        confirmed, dropped = at_once(works)
        (lost,) = [one for one in (confirmed, dropped) if isinstance(one, Exception)]
        assert isinstance(lost, NotInRegister)
        assert (f"pack-{round_}" in {one.name for one in kept.lines()}) is (lost is dropped)


def test_nobody_confirms_their_own_proposal_however_their_name_is_written(database: Database, clock: Clock) -> None:
    kept = Foundations(database, clock)
    number = kept.propose("rule_pack", "pack", "{}", "Zhao")
    for name in ("Zhao", " zhao ", "ＺＨＡＯ", "", " ", "x" * 81):
        with pytest.raises(RequestRejected):
            kept.confirm([number], name)
    assert kept.lines() == ()
    assert kept.confirm([number], "乙") == 1


def test_a_button_that_is_pressed_twice_proposes_everything_once(database: Database, clock: Clock) -> None:
    kept, wanted = Foundations(database, clock), [("rule_pack", f"pack-{number}", "{}") for number in range(3)]
    first, *others = at_once([lambda: kept.propose_all([*wanted, wanted[0]], "甲")] * 4)
    assert others == [first] * 3
    assert [one.name for one in kept.open_proposals()] == ["pack-0", "pack-1", "pack-2"]
    changed = kept.propose("rule_pack", "pack-0", '{"other": 1}', "甲")
    assert changed not in first  # type: ignore[operator]
    assert kept.confirm(first, "乙") == 3  # type: ignore[arg-type]
    assert [one.number for one in kept.open_proposals()] == [changed]
    assert kept.propose("rule_pack", "pack-1", "{}", "甲") > changed  # what was settled is proposed anew
