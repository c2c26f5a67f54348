"""How quick legacy stock is, and how that grows: `python -m bench.legacy [ROWS …]` prints rows a second for load, judging and release.

Generated rows with every defect of DOMAIN §2f, one in five of them blocked, each good one with a photo, on SQLite and a folder;
`--no-release` leaves the sealing out. ST-08 wants 1.94 million in some hours: what one process does in a second, times
processes, is what a department plans with.
"""

import gc
import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from licence_service.stock.declared import read_plan
from licence_service.stock.office import Delivery
from licence_service.stock.proving import proof
from licence_service.stock.sources import open_source
from tests.stocks import DEFECTS, PLAN, as_csv, clean, photos
from tests.world import DRIVER, a_world, make_keys


def generated(count: int) -> list[dict[str, str]]:
    rules = list(DEFECTS.values())
    rows = []
    for number in range(1, count + 1):
        row = clean(number)
        rows.append({**row, **rules[number // 5 % len(rules)](row, number)} if number % 5 == 0 else row)
    return rows


def measured(folder: Path, keys: Path, count: int, *, release: bool) -> dict[str, float]:
    home = folder / str(count)
    home.mkdir()
    (home / "stock.csv").write_bytes(as_csv(generated(count), "utf-8"))
    beside = photos(home / "photos")
    told: dict[str, float] = {}
    with a_world(home, keys) as world:
        stock, caller = world.service.stock(), world.client(DRIVER)
        caller = type(caller)(caller.name, caller.department, caller.types, 10_000_000)
        plan = read_plan(PLAN.encode(), stock.office.template(DRIVER))
        spent = {"load": 0.0, "judge": 0.0}
        last = ["load", time.perf_counter()]

        def step(name: str, _count: int) -> None:
            now = time.perf_counter()
            spent[str(last[0])] += now - float(last[1])
            last[:] = [name, now]

        run = stock.office.load(caller, DRIVER, Delivery(open_source(home / "stock.csv"), plan, "装载人甲", beside), step)
        step("judge", 0)
        told |= {name: count / seconds for name, seconds in spent.items()}
        for one in stock.sample(run):
            stock.sign_off(run, one.county, "核验人乙")
        if release:
            begun = time.perf_counter()
            sealed = stock.release(caller, run)["sealed"]
            told["release"] = sealed / (time.perf_counter() - begun)
        begun = time.perf_counter()
        found = proof(run, stock.sums)
        told["proof"] = count / (time.perf_counter() - begun)
        assert found.holds
        assert found.closed or not release
    gc.collect()
    return told


def main() -> None:
    sizes = [int(one) for one in sys.argv[1:] if one.isdecimal()] or [10_000, 100_000]
    release = "--no-release" not in sys.argv
    first: dict[str, float] = {}
    with TemporaryDirectory() as place:
        folder = Path(place)
        keys = make_keys(folder / "keys")
        for count in sizes:
            told = measured(folder, keys, count, release=release)
            first = first or told
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            rates = "  ".join(f"{name} {rate:,.0f}/s (×{rate / first[name]:.2f})" for name, rate in told.items())
            print(f"{count:>9,} rows  {rates}  peak {peak:,.0f} MB", flush=True)


if __name__ == "__main__":
    main()
