"""Converting a stock, end to end: generated, imported, validated, printed, sealed, entered, stored, and looked at by foreign programs.

    python -m bench.rehearsal                       100,000 licences of all types, both ways, five kills each (`make rehearsal`)
    python -m bench.rehearsal --count 1940000       the whole stock (`make rehearsal FULL=1`)
    python -m bench.rehearsal --count 3000 --chunk 250 --on machine      a small one, one way

Texts are drawn from the 3,755 characters of GB 2312 level 1, photographs from a pool of 1,000. It is done two ways: on one machine
(SQLite, a folder, processes beside `licence-service issue-many`), and by three `licence-service worker` on PostgreSQL and an S3 server.
So many times, at moments taken by chance, one of the processes that carry chunks is killed (`kill -9`); whoever looks after services
starts a worker again, and an operator the command. At the end nothing may be lost and nothing doubled, every use of a seal accounted
for, and 1,000 documents, by chance, valid under pdfsig, qpdf, pyHanko and veraPDF 3u. Exit code 1 where that is not so.
"""

import argparse
import base64
import io
import json
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from PIL import Image

from bench.accounts import accounted, looked_at
from bench.places import OURS, Place, many_machines, one_machine
from bench.stock import Stock
from licence_service.chunks import CHUNK
from licence_service.service import Service
from licence_service.store.clients import EVERY_TYPE, Client
from licence_service.store.runs import COLLECTED, OPEN, UNDER_WAY

COUNT, PROCESSES, WORKERS, KILLS, POOL, STOCK = 100_000, 2, 3, 5, 1000, 1_940_000
LAST_KILL = 0.85  # of the rows: by then every moment has come
SPREAD = 10.0  # seconds that a chunk takes, about: somewhere in them its carrier dies


@dataclass
class Watch:
    """Kills by chance while chunks are carried, and sees how much memory those need who carry them."""

    place: Place
    service: Service
    rows: int  # of all files together
    moments: list[float]  # when to kill, by the share of the rows that are done; the first comes last
    dice: random.Random = field(default_factory=random.Random)
    most: int = 0  # bytes of the largest process
    killed: int = 0
    _next: float = 0.0
    _certain: bool = False  # a chunk is under way, so that the moment is certain

    def _now(self) -> bool:
        """Is it time to kill? Not before a chunk is under way: a process that only starts has nothing to lose."""
        if time.monotonic() < self._next:
            return False
        if self._certain:
            return True
        kept = self.service.runs.kept
        every = {run.run_id: (run, kept.standing(run)) for run in kept.all()}
        done = sum(run.total if run.state == COLLECTED else standing.done for run, standing in every.values())
        certain = any(UNDER_WAY in standing.chunks for run, standing in every.values() if run.state == OPEN)
        self._certain = certain and done >= self.moments[-1] * self.rows
        self._next = time.monotonic() + (self.dice.uniform(0, SPREAD) if self._certain else 1.0)
        return False

    def look(self, command: "subprocess.Popen[bytes]") -> None:
        """Look once: measure, and kill where it is time."""
        carriers = self.place.carriers(command)
        for one in carriers:
            try:
                self.most = max(self.most, one.memory_info().rss)
            except psutil.NoSuchProcess:
                continue
        if self.moments and carriers and self._now():
            self.dice.choice(carriers).kill()
            self.moments.pop()
            self.killed, self._certain = self.killed + 1, False
        self.place.mend()


def photos(dice: random.Random) -> list[str]:
    """Return a pool of distinct JPEGs, base64."""
    found = []
    for _ in range(POOL):
        coarse = Image.frombytes("RGB", (9, 11), dice.randbytes(9 * 11 * 3)).resize((260, 320), Image.Resampling.BICUBIC)
        sink = io.BytesIO()
        coarse.save(sink, "JPEG", quality=80)
        found.append(base64.b64encode(sink.getvalue()).decode())
    return found


def rows(service: Service, count: int) -> Iterator[tuple[str, str]]:
    """Yield (issuer, row) for so many licences, their types in turn."""
    dice = random.Random(11)
    pool = photos(dice)
    stocks = [Stock(service, slug, 10 + place) for place, slug in enumerate(sorted(service.catalogue.samples))]
    for number in range(count):
        stocks = [stock for stock in stocks if stock.room] if number % 1000 == 0 else stocks
        stock = next(one for one in stocks[number % len(stocks) :] + stocks if one.room)
        ((key, body),) = stock.rows(1)
        if body.get("photos"):
            body = {**body, "photos": dict.fromkeys(body["photos"], dice.choice(pool))}  # type: ignore[call-overload]
        yield stock.client.department, json.dumps({"key": key, "request": body}, ensure_ascii=False)


def filled(place: Place, count: int) -> dict[Path, str]:
    """Make the register and the files of rows, one for each issuer; return the clients that issue them by file, the longest first."""
    service = place.found()
    sinks = {}
    counts: Counter[str] = Counter()
    for issuer, row in rows(service, count):
        if issuer not in sinks:
            service.clients.add(Client(f"stock-{issuer}", issuer, (EVERY_TYPE,), 10**9), service.now())
            sinks[issuer] = (place.folder / f"{issuer}.ndjson").open("w", encoding="utf-8")
        sinks[issuer].write(row + "\n")
        counts[issuer] += 1
    for sink in sinks.values():
        sink.close()
    service.close()
    size = sum((place.folder / f"{issuer}.ndjson").stat().st_size for issuer in sinks)
    print(f"{count:,} rows of {len(service.catalogue.samples)} types, {size / 1e6:.0f} MB: {dict(counts)}", flush=True)
    return {place.folder / f"{issuer}.ndjson": f"stock-{issuer}" for issuer, _ in counts.most_common()}


def carried(words: list[str], place: Place, watch: Watch) -> None:
    """Run a command to its end, calling it again where it was killed."""
    said = place.folder / "command.txt"
    while True:
        process = place.started(*words, said=said)
        while process.poll() is None:
            watch.look(process)
            time.sleep(0.1)
        if process.returncode == 0:
            return
        if process.returncode != -9:
            raise SystemExit(said.read_text("utf-8"))


def convert(place: Place, count: int, kills: int, chunk: int) -> None:
    """Convert a stock at a place, and judge what came of it."""
    print(f"-- {place.name} --", flush=True)
    files = filled(place, count)
    service = place.opened()
    watch = Watch(place, service, count, sorted((random.uniform(0, LAST_KILL) for _ in range(kills)), reverse=True))
    began = time.monotonic()
    if place.wanted:
        subprocess.run([*OURS, "worker", "--prepare"], env=place.environment, check=True, capture_output=True)
    for file, client in files.items():
        words = ["issue-many", str(file), "--client", client, "--results", str(file.with_suffix(".results")), "--chunk", str(chunk), *place.how]
        carried(words, place, watch)
        print(f"{client}: done after {time.monotonic() - began:.0f} s, {watch.killed} killed so far", flush=True)
    seconds = time.monotonic() - began
    place.stop()
    print(
        f"{count:,} licences in {seconds:.0f} s with {watch.killed} kills: {count / seconds:.0f} a second, {STOCK:,} in "
        f"{STOCK / count * seconds / 3600:.1f} hours; the largest process had {watch.most / 1e6:.0f} MB"
    )
    assert all(run.state == "collected" for run in service.runs.kept.all()), "a run was left open"
    looked_at(service, accounted(service, {file: file.with_suffix(".results") for file in files}, count), place.folder)
    service.close()
    if watch.killed < kills:
        raise SystemExit(f"only {watch.killed} of {kills} kills came before the end: take a larger --count")


def main() -> None:
    """Rehearse."""
    given = argparse.ArgumentParser(description="Convert a generated stock, end to end.")
    given.add_argument("--count", type=int, default=COUNT)
    given.add_argument("--kills", type=int, default=KILLS)
    given.add_argument("--chunk", type=int, default=CHUNK)
    given.add_argument("--on", choices=("machine", "machines"), help="only on one machine, or only on many (default: both)")
    asked = given.parse_args()
    if asked.on != "machines":
        with one_machine(PROCESSES) as place:
            convert(place, asked.count, asked.kills, asked.chunk)
    if asked.on != "machine":
        with many_machines(WORKERS) as place:
            convert(place, asked.count, asked.kills, asked.chunk)


if __name__ == "__main__":
    main()
