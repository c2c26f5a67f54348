"""A dirty stock of an old system, end to end by the commands of people, killed by chance: `python -m bench.dirty`.

    python -m bench.dirty                          100,000 rows, five kills, and a tenth of the rows before, to see what growth costs
    python -m bench.dirty --count 20000 --kills 3

Four of five rows are good; the others have every defect of DOMAIN §2f in turn. `licence-service batch load`, `sample`, `sign-off`,
`release` by two processes and `proof`, each called again where its process was killed (`kill -9`), at moments taken by chance. At the
end each row must lie in the quarantine of its own rule or have one licence of its own, by the sums (ST-05), by the quarantine file, by
the results and by the book. Exit code 1 where that is not so. What is printed: rows a second by step, and beside a tenth of them.
"""

import argparse
import csv
import json
import random
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.places import OURS, Place, one_machine
from licence_service.service import Service
from licence_service.store.clients import EVERY_TYPE, Client
from licence_service.store.stock_rows import LOADED, StockRun
from tests.stocks import DEFECTS, PLAN, Stock, as_csv, dirty, photos
from tests.world import DRIVER

COUNT, KILLS, SHARES = 100_000, 5, 2
LAST_KILL = 0.9  # of the work of a step
LOOKED = 1.0  # seconds between two looks at the work
DEPARTMENT = "11519900MB9900021Q"
_ROWS_OF_EACH = len(DEFECTS) + 5  # what `dirty` makes of each round of defects


@dataclass
class Killing:
    """Kills processes of one step at the moments that chance named, by the share of its work that is done."""

    moments: list[float]
    done: Callable[[], float]
    killed: int = 0
    _next: float = 0.0  # the next look at how much is done, which counts all rows
    dice: random.Random = field(default_factory=random.Random)

    def look(self, running: Sequence["subprocess.Popen[bytes]"]) -> None:
        """Kill one of these where it is time."""
        if not self.moments or not running or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LOOKED
        if self.done() >= self.moments[0]:
            self.moments.pop(0)
            self.dice.choice(running).kill()
            self.killed += 1


def carried(place: Place, commands: Sequence[Sequence[str]], killing: Killing) -> float:
    """Run commands beside each other to their ends, calling each again where it was killed; return the seconds."""
    began, said = time.monotonic(), place.folder / "said.txt"
    running = [place.started(*words, said=said) for words in commands]
    left = set(range(len(commands)))
    while left:
        time.sleep(0.05)
        killing.look([running[at] for at in left if running[at].poll() is None])
        for at in list(left):
            if running[at].poll() is None:
                continue
            if running[at].returncode == 0:
                left.remove(at)
            elif running[at].returncode == -9:
                running[at] = place.started(*commands[at], said=said)
            else:
                raise SystemExit(said.read_text("utf-8"))
    return time.monotonic() - began


def told(place: Place, *words: str) -> str:
    """Return what a command says."""
    return subprocess.run([*OURS, *words], env=place.environment, check=True, capture_output=True, text=True).stdout


def share_of(service: Service, rows: int, *, left: Sequence[str] = ()) -> Callable[[], float]:
    """Return what says which share of so many rows is kept, or no longer in one of these states."""

    def share() -> float:
        stock = service.stock()
        runs = stock.office.kept.all()
        states = [number for run in runs for each in stock.sums.states(run).items() for state, number in each[1].items() if state not in left]
        return sum(states) / rows

    return share


def convert(count: int, kills: int) -> dict[str, float]:
    """Carry so many rows through; return rows a second by step."""
    given = dirty(good=count - count // 5 // _ROWS_OF_EACH * _ROWS_OF_EACH, of_each=count // 5 // _ROWS_OF_EACH)
    rows = len(given.rows)
    with one_machine(0) as place:
        service = place.found()
        service.clients.add(Client("stock", DEPARTMENT, (EVERY_TYPE,), 10**9), service.now())
        (place.folder / "stock.csv").write_bytes(as_csv(given.rows))
        (place.folder / "map.toml").write_text(PLAN, "utf-8")
        beside = photos(place.folder / "photos")
        moments = sorted(random.uniform(0, LAST_KILL) for _ in range(kills))
        load = ["batch", "load", str(place.folder / "stock.csv"), "--client", "stock", "--type", DRIVER, "--map", str(place.folder / "map.toml")]
        loading = Killing(moments[: kills // 2], share_of(service, 2 * rows))
        judged = share_of(service, 2 * rows, left=(LOADED,))
        loading.done = lambda kept=loading.done: kept() + judged()  # type: ignore[misc]
        seconds = {"load and judge": carried(place, [[*load, "--by", "甲", "--beside", str(beside)]], loading)}
        (run,) = service.stock().office.kept.all()
        told(place, "batch", "sample", run.run_id, "--out", str(place.folder / "sample.csv"))
        counties = sorted(service.stock().sums.states(run))
        told(place, "batch", "sign-off", run.run_id, *(word for county in counties for word in ("--county", county)), "--by", "乙")
        good = sum(rule is None for rule in given.expected)
        releasing = Killing(moments[kills // 2 :], lambda: len(list(service.book.all_ids())) / good)
        shares = [["batch", "release", run.run_id, "--share", f"{which}/{SHARES}"] for which in range(1, SHARES + 1)]
        seconds["release"] = carried(place, shares, releasing)
        account(place, service, run, given)
        service.close()
        if loading.killed + releasing.killed < kills:
            raise SystemExit(f"only {loading.killed + releasing.killed} of {kills} kills came before the end: take a larger --count")
    print(f"{rows:,} rows, {good:,} of them good, {kills} kills: every row in its place, none lost, none doubled", flush=True)
    return {"load and judge": rows / seconds["load and judge"], "release": good / seconds["release"]}


def account(place: Place, service: Service, run: StockRun, given: Stock) -> None:
    """Check every row by the sums, the quarantine file, the results and the book."""
    proved = json.loads(told(place, "batch", "proof", run.run_id, "--json"))
    assert proved["holds"], "the sums do not hold"
    assert proved["closed"], "rows still wait"
    good = {line for line, _, rule in given.lines() if rule is None}
    sums = {name: sum(one[name] for one in proved["counties"]) for name in ("imported", "sealed", "quarantined", "adopted", "rejected")}
    assert sums == {"imported": len(given.rows), "sealed": len(good), "quarantined": len(given.rows) - len(good), "adopted": 0, "rejected": 0}, sums
    told(place, "batch", "quarantine", run.run_id, "--out", str(place.folder / "quarantine.csv"))
    with (place.folder / "quarantine.csv").open(encoding="utf-8-sig", newline="") as file:
        found = {int(row[0]): set(row[2].split()) for row in list(csv.reader(file))[1:]}
    wrong = [(line, rule, found.get(line)) for line, _, rule in given.lines() if (rule or "") not in found.get(line, {""})]
    assert not wrong, f"{len(wrong)} rows are not in their quarantine: {wrong[:5]}"
    told(place, "batch", "results", run.run_id, "--out", str(place.folder / "results.ndjson"))
    results = [json.loads(line) for line in (place.folder / "results.ndjson").open(encoding="utf-8")]
    licences = {one["line"]: one["licence_id"] for one in results if one.get("licence_id")}
    book = list(service.book.all_ids())
    assert licences.keys() == good, "a row without its licence, or a licence of a bad row"
    assert len(set(licences.values())) == len(book) == len(good), "a licence was doubled or lost"
    assert set(licences.values()) == set(book)
    assert not list(service.auditor.audit()), "the auditor found something"


def main() -> None:
    """Rehearse, a tenth of the rows first."""
    asked = argparse.ArgumentParser(description="A dirty stock, end to end, killed by chance.")
    asked.add_argument("--count", type=int, default=COUNT)
    asked.add_argument("--kills", type=int, default=KILLS)
    given = asked.parse_args()
    first = convert(given.count // 10, 0)
    whole = convert(given.count, given.kills)
    for name, rate in whole.items():
        print(f"{name}: {rate:,.0f} rows a second, {rate / first[name]:.2f} times as many as of a tenth of the rows")


if __name__ == "__main__":
    main()
