"""Regions as a tree, and grants that name them."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence_service.bodies import BodyGrant, body_from_toml, body_in_force, json_of
from licence_service.errors import RequestRejected
from licence_service.founding import granted_then
from licence_service.regions import reaching, within
from licence_service.seal.granting import Asked, Grant, ceiling_among

DAY = date(2026, 11, 28)
PROVINCE, CITY, COUNTY = "510000", "519900", "519903"
BODY = 'uscc = "52519900MB9900099H"\nname = "示例学校"\nregion = "519900"\n[[grants]]\nrole = "assert"\nkinds = ["x"]\nregions = {regions}\n'

CASES = [
    (PROVINCE, PROVINCE, True), (PROVINCE, CITY, True), (PROVINCE, COUNTY, True), (CITY, CITY, True), (CITY, COUNTY, True), (COUNTY, COUNTY, True),
    (COUNTY, CITY, False), (COUNTY, PROVINCE, False), (CITY, PROVINCE, False), (CITY, "519803", False), (CITY, "519800", False),
    (PROVINCE, "520000", False), (PROVINCE, "529903", False), (COUNTY, "519904", False), ("519910", "519901", False), ("000000", COUNTY, False),
]  # fmt: skip


@pytest.mark.rule("SE-01", "EN-04", "LC-16")
@pytest.mark.parametrize(("granted", "asked", "covered"), CASES)
def test_a_region_is_for_all_that_lies_within_it_and_for_nothing_wider_or_beside_it(granted: str, asked: str, covered: bool) -> None:
    grant = Grant(("*",), DAY, None, unattended=False, regions=(granted,), hourly_ceiling=7)
    body = BodyGrant("assert", ("x",), regions=(granted,))

    assert within(asked, granted) is covered
    assert grant.covers(Asked("t", DAY, asked)) is covered
    assert body.covers("assert", "x", "t", asked, DAY) is covered
    assert grant.covers(Asked("t", DAY))  # later acts ask no region
    ceiling = ceiling_among([grant], Asked("t", DAY, asked))
    assert ceiling
    assert (ceiling.uses, ceiling.scope) == (7, granted)


def test_every_region_covers_all_and_a_region_that_is_none_is_covered_by_no_other() -> None:
    everywhere, city = BodyGrant("accept", ("x",)), BodyGrant("accept", ("x",), regions=(CITY,))

    assert everywhere.covers("accept", "x", "t", COUNTY, DAY)
    for hostile in ("", "5199*", "5199", "51990", "5199000", "５１９９０３"):
        assert not city.covers("accept", "x", "t", hostile, DAY)


@pytest.mark.rule("LC-16")
def test_what_is_taken_out_of_a_region_is_taken_out_with_all_that_lies_within_it() -> None:
    grant = Grant(("*",), DAY, None, unattended=False, regions=(PROVINCE,), hourly_ceiling=7, without=(CITY, "519801"))
    body = BodyGrant("assert", ("x",), regions=(PROVINCE,), without=(CITY, "519801"))
    everywhere = Grant(("*",), DAY, None, unattended=False, without=(COUNTY,))

    for asked, covered in (
        (PROVINCE, True),
        (CITY, False),
        (COUNTY, False),
        ("519801", False),
        ("519802", True),
        ("519800", True),
        ("520000", False),
    ):
        assert grant.covers(Asked("t", DAY, asked)) is covered
        assert body.covers("assert", "x", "t", asked, DAY) is covered
    assert [everywhere.covers(Asked("t", DAY, one)) for one in (COUNTY, CITY, "110000")] == [False, True, True]
    assert grant.ceiling != Grant(("*",), DAY, None, unattended=False, regions=(PROVINCE,), hourly_ceiling=7).ceiling  # counted apart


@given(st.text("0123456789", min_size=6, max_size=6), st.text("0123456789", min_size=6, max_size=6), st.text("0123456789", min_size=6, max_size=6))
def test_what_lies_within_is_an_order(one: str, two: str, three: str) -> None:
    assert within(one, one)
    assert not (within(one, two) and within(two, one)) or one == two
    assert not (within(one, two) and within(two, three)) or within(one, three)
    assert all(reaching(wider) <= reaching(one) for wider in reaching(one))


@pytest.mark.parametrize("regions", ['["5199"]', '["51990a"]', '[""]', '["519900", "云岭"]', '["５１９９０３"]'])
def test_a_body_whose_regions_are_no_codes_is_refused_where_it_comes_in(regions: str) -> None:
    with pytest.raises(RequestRejected) as refused:
        body_from_toml(BODY.format(regions=regions))

    assert [(one.path, one.code) for one in refused.value.faults] == [("grants.0.regions", "not-a-region")]
    assert body_from_toml(BODY.format(regions='["519900", "*"]')).grants[0].regions == ("519900", "*")


@pytest.mark.rule("EN-04")
def test_a_body_that_an_earlier_release_put_in_force_is_for_the_regions_that_were_named_and_stays_so_until_it_is_said_anew() -> None:
    anew = json_of(body_from_toml(BODY.format(regions='["519900"]')))
    before = {**anew, "grants": [{name: one for name, one in grant.items() if name not in {"without", "exact"}} for grant in anew["grants"]]}
    told = {name: body_in_force(json.dumps(said)) for name, said in (("anew", anew), ("before", before))}
    told["before, ended since"] = body_in_force(json.dumps(json_of(replace(told["before"], retired_on=date(2027, 1, 1)))))

    assert {name: [one.may("assert", "x", "t", region, (DAY,)) for region in (CITY, COUNTY, PROVINCE)] for name, one in told.items()} == {
        "anew": [True, True, False], "before": [True, False, False], "before, ended since": [True, False, False],
    }  # fmt: skip
    everywhere = {**before, "grants": [{**before["grants"][0], "regions": ["*"]}]}
    assert body_in_force(json.dumps(everywhere)).may("assert", "x", "t", COUNTY, (DAY,))


def line_of_then(**changed: Any) -> str:
    """The line of a department with a grant for a city and one for a county of it, and an office for the city, as an earlier release wrote it."""
    grant = {"types": ["*"], "from": "2020-01-01", "to": None, "unattended": True}
    grants = [{**grant, "regions": [CITY], "hourly_ceiling": 100}, {**grant, "regions": [COUNTY], "hourly_ceiling": 10}, {**grant, "regions": ["*"]}]
    offices = [{"code": "whole", "name": "市局", "regions": [CITY], "under": None, "from": "2020-01-01", "to": None}]
    return json.dumps({"grants": grants, "offices": offices, **changed})


@pytest.mark.rule("LC-16", "AI-03")
def test_grants_of_an_earlier_release_are_read_back_as_they_were_meant() -> None:
    before, offices = granted_then(line_of_then(), COUNTY)
    assert ([one.regions for one in before], [one.regions for one in offices]) == ([(COUNTY,), ("*",)], [()])
    now, offices = granted_then(line_of_then(regions_as_tree=True), COUNTY)
    assert ([one.regions for one in now], [one.regions for one in offices]) == ([(CITY,), (COUNTY,), ("*",)], [(CITY,)])
