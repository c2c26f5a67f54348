"""ST-08: the size of the stock sets the speed. A stock of 1.94 million is to be released within half a day of one core, whatever else runs beside it."""

import re
from pathlib import Path
from time import process_time

import pytest

from bench.rehearsal import STOCK
from licence_service.stock.declared import read_plan
from licence_service.stock.office import Delivery
from licence_service.stock.sources import open_source
from tests.stocks import PLAN, as_csv, clean, photos
from tests.world import DRIVER, ROOT, World

TARGET = 50  # rows a second: 1.94 million in 10.8 hours (DOMAIN ST-08)
ROWS = 400


@pytest.mark.rule("ST-08")
def test_rows_are_released_at_the_pace_that_the_size_of_the_stock_asks_for(world: World, tmp_path: Path) -> None:
    file = tmp_path / "stock.csv"
    file.write_bytes(as_csv([clean(number) for number in range(1, ROWS + 1)]))
    stock, caller = world.service.stock(), world.client(DRIVER)
    run = stock.office.load(
        caller, DRIVER, Delivery(open_source(file), read_plan(PLAN.encode(), stock.office.template(DRIVER)), "甲", photos(tmp_path / "photos"))
    )
    for one in stock.sample(run):
        stock.sign_off(run, one.county, "乙")
    began = process_time()
    told = stock.release(caller, run)
    seconds = process_time() - began

    assert told["sealed"] == ROWS
    rate = ROWS / seconds
    print(f"{rate:,.0f} rows a second of one core: {STOCK:,} in {STOCK / rate / 3600:.1f} hours")
    assert rate >= TARGET


@pytest.mark.rule("ST-08")
def test_the_page_on_scale_says_what_the_measured_pace_comes_to_for_the_whole_stock() -> None:
    page = (ROOT / "docs" / "scale.md").read_text("utf-8")
    said = re.search(r"end to end with five kills \| ([0-9]+) a second beside other work: 1\.94 million in ([0-9.]+) hours", page)
    assert said
    rate, hours = int(said[1]), float(said[2])
    assert STOCK == 1_940_000
    assert hours == pytest.approx(STOCK / rate / 3600, abs=0.05)
    assert rate >= TARGET
