"""ST-08: the size of the stock sets the speed. What `make rehearsal` measured is held against what 1.94 million licences ask for."""

import re

import pytest

from tests.world import ROOT

STOCK, TARGET = 1_940_000, 50  # licences; rows a second, which take 10.8 hours for them (DOMAIN ST-08)


@pytest.mark.rule("ST-08")
def test_the_page_on_scale_says_what_the_measured_pace_comes_to_for_the_whole_stock() -> None:
    page = (ROOT / "docs" / "scale.md").read_text("utf-8")
    (row,) = (line for line in page.splitlines() if "end to end with five kills" in line)
    both = re.findall(r"([0-9]+) a second by [^:]*: 1\.94 million in ([0-9.]+) hours", row)
    assert len(both) == 2, "on one machine, and on PostgreSQL with an S3 server"
    for rate, hours in both:
        assert float(hours) == pytest.approx(STOCK / int(rate) / 3600, abs=0.05)
        assert int(rate) >= TARGET
