"""What the row of a licence says after its first entry, told at once, is what its entries add up to."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence_service.licence import Act
from licence_service.store.projection import OVER, projected, projected_first
from tests.builders import FIRST, ORGAN, a_version, an_entry

days = st.integers(-800, 4000).map(lambda number: FIRST + timedelta(days=number))


@given(first=days, term=st.none() | st.integers(0, 5000), effective=days, decided=days, today=days, number=st.integers(1, 9))
def test_a_first_entry_says_at_once_what_it_adds_up_to(
    first: date, term: int | None, effective: date, decided: date, today: date, number: int
) -> None:  # fmt: skip
    version = replace(a_version(number), valid_from=first, valid_to=None if term is None else first + timedelta(days=term))
    entry = an_entry(version=version, effective_on=effective)
    entry = replace(entry, decision=replace(entry.decision, decided_on=decided))

    after, values = projected((entry,), today, ORGAN)

    assert projected_first(entry, today, ORGAN) == (after.state in OVER, values)


@pytest.mark.parametrize("act", [Act.ADOPT])
def test_a_licence_that_comes_from_elsewhere_is_added_up(act: Act) -> None:
    entry = an_entry(act, version=a_version(3))

    assert projected_first(entry, FIRST, ORGAN) == (False, projected((entry,), FIRST, ORGAN)[1])
