"""A licence in a chunk, from its request to its entry: beside what cannot be avoided, and beside the tuned peer by the clock.

    python -m bench.chunks      about seven minutes

*Ours* is all of it: the request checked, drafted and judged, its ids fixed, printed, read back, sealed, its seal's use noted, its
document stored and found again by its digest, its entry with its payload written in the one order of the book; every first file of
a chunk and one of a thousand looked at by a foreign reader besides. *Unavoidable* for it is what it is for the file alone
(`bench.press`) and a durable write of the files' own bytes. `bulk_vs_tuned` is two processes that issue into one register and
archive, eight chunks each in a row, beside two processes of the tuned peer, which keep nothing; of both counts what was made while both
processes ran, after the first chunk of each. Memory is the most that a `licence-service worker` ever holds which carries licences of all types, as
`make rehearsal` makes them, on PostgreSQL and an S3 server; beside it, what `licence-service issue-many` holds for two chunks of one type.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from bench import peers
from bench.issue import PASSPHRASE, environment_of, service_in, settings_in
from bench.places import OURS, many_machines
from bench.press import FIFTEEN, say
from bench.record import record
from bench.rehearsal import filled
from bench.stock import Stock
from bench.works import Unavoidable, Works
from licence_service.carrying import Done
from licence_service.chunks import CHUNK
from licence_service.demo import clock_at
from licence_service.document import Placed
from licence_service.service import Service, build

ROUNDS, PROCESSES, WARM, OF_PEERS = 7, 2, 100, 30
# A process begins with the size of the one that began it on record, so a small one stands between: it prints the largest it saw, in KiB.
_LARGEST = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
OF_ALL = 11_500  # rows, all types in turn: with more of them a process grows by some megabytes only
IN_A_ROW = 8  # chunks of a process in a round: a run has hundreds, and its processes do not begin or end them together


def durable(folder: Path, rows: int = CHUNK) -> None:
    """Measure chunks from their requests to their entries: CPU beside the unavoidable with the durable write of the same bytes."""
    service = service_in(folder)
    stock, works = Stock(service, FIFTEEN, 1), Works(service, FIFTEEN, 80)
    unavoidable = Unavoidable(works)
    service.chunks.issue(stock.client, stock.rows(WARM))
    own = [file.own for file, _, _ in works.batch(20)]
    found: dict[str, list[float]] = {"ours": [], "floor": []}
    for _ in range(ROUNDS):
        asked = stock.rows(rows)
        began = time.process_time()
        outcomes = service.chunks.issue(stock.client, asked)
        found["ours"].append((time.process_time() - began) / rows * 1000)
        assert all(isinstance(one, Done) for one in outcomes), [one for one in outcomes if not isinstance(one, Done)][:1]
        began = time.process_time()
        with (folder / "floor").open("wb") as file:
            for number in range(rows):
                unavoidable.once()
                file.write(own[number % len(own)])
            file.flush()
            os.fsync(file.fileno())
        found["floor"].append((time.process_time() - began) / rows * 1000)
    service.close()
    say("durable_over_unavoidable", found, over="floor", better="lower")


def bulk(folder: Path, rows: int = CHUNK) -> None:
    """Measure two processes that issue chunks into one register, by the clock, beside two processes of the tuned peer; and their memory."""
    service_in(folder).close()
    found: dict[str, list[float]] = {"ours": [], "tuned": []}
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
        list(pool.map(_ours, [folder] * PROCESSES, [-2, -1], [WARM] * PROCESSES))
        list(pool.map(_tuned, [folder] * PROCESSES, [2] * PROCESSES))
        for number in range(ROUNDS):
            seeds = [PROCESSES * number + process for process in range(PROCESSES)]
            list(pool.map(_prepared, [folder] * PROCESSES, seeds, [IN_A_ROW * rows] * PROCESSES))
            for name, work in (("ours", _ours), ("tuned", _tuned)):
                asked = [seeds, [IN_A_ROW * rows] * PROCESSES] if name == "ours" else [[OF_PEERS] * PROCESSES]
                began = time.perf_counter()
                found[name].append(_each(began, list(pool.map(work, [folder] * PROCESSES, *asked))))
    say("bulk_vs_tuned", found, over="tuned", better="higher", unit="ms a licence")
    print(f"  {1000 / statistics.median(found['ours']):,.0f} licences a second with {PROCESSES} processes")


def _each(began: float, done: list[list[tuple[float, int]]]) -> float:
    """Return the milliseconds that one licence took while all processes ran: each tells when (one clock for all) it had made how many.

    Counted is from when each has made its first chunk, all of which ask for the register in the same moment, to when the first of them ends, and
    leaves the others alone: in a run of hundreds of chunks either comes once. What a process has under way at these moments counts by the share
    of its time.
    """
    begins, ends = max(told[0][0] for told in done), min(told[-1][0] for told in done)
    made = sum(_made(began, told, ends) - _made(began, told, begins) for told in done)
    return (ends - begins) / made * 1000


def _made(began: float, told: list[tuple[float, int]], at: float) -> float:
    """Return how many a process had made at a moment."""
    before = (began, 0)
    for moment, count in told:
        if at <= moment:
            return before[1] + (count - before[1]) * (at - before[0]) / (moment - before[0])
        before = (moment, count)
    return float(before[1])


def memory_of_one_type(folder: Path, rows: int = CHUNK) -> None:
    """Say the most that `licence-service issue-many` ever holds, over two chunks."""
    service = service_in(folder)
    stock = Stock(service, FIFTEEN, 1)
    service.clients.add(stock.client, service.now())
    service.close()
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"key": key, "request": request}) + "\n" for key, request in stock.rows(2 * rows))
    said = [sys.executable, "-m", "licence_service", "issue-many", str(folder / "rows.jsonl"), "--client", stock.client.name]
    command = [sys.executable, "-c", _LARGEST, *said, "--results", str(folder / "results.jsonl")]
    told = subprocess.run(command, env=environment_of(service.settings), check=True, capture_output=True, text=True)
    print(f"  a process that carries chunks of one type on SQLite: {int(told.stdout) * 1024 / 1e6:.0f} MB")


def memory(_folder: Path) -> None:
    """Measure the most that a worker ever holds that carries chunks of all types."""
    most = most_of_a_worker(OF_ALL)
    record("bulk_memory_mb", most, better="lower", ours=most, peer=None, unit="MB", worst=most, rounds=1)


def most_of_a_worker(rows: int) -> float:
    """Have one worker carry so many rows, all types in turn, and return the most megabytes that it ever held."""
    with many_machines(1) as place:
        files = filled(place, rows)
        subprocess.run([*OURS, "worker", "--prepare"], env=place.environment, check=True, capture_output=True)
        place.mend()
        (worker,) = place.carriers(place.workers[0])
        for file, client in files.items():
            words = [*OURS, "issue-many", str(file), "--client", client, "--results", str(file.with_suffix(".results")), *place.how]
            subprocess.run(words, env=place.environment, check=True, capture_output=True)
        most = _most_of(worker.pid)
        place.stop()
    return most


def _most_of(pid: int) -> float:
    """Return the most megabytes that a process has held since its program began (proc_pid_status(5), `VmHWM`)."""
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024 / 1e6


@cache
def _service(folder: Path) -> Service:
    """Open the service of a folder, once in a process."""
    return build(settings_in(folder), clock_at(None))


@cache
def _asked(folder: Path, seed: int, count: int) -> tuple[Stock, list[tuple[str, dict[str, object]]]]:
    """Return a stock and its rows, made once."""
    stock = Stock(_service(folder), FIFTEEN, seed, (seed + 2) * 100_000)
    return stock, stock.rows(count)


def _prepared(folder: Path, seed: int, count: int) -> None:
    """Make the rows of a seed before the clock runs."""
    _asked.cache_clear()
    _asked(folder, seed, count)


def _ours(folder: Path, seed: int, count: int) -> list[tuple[float, int]]:
    stock, rows = _asked(folder, seed, count)
    told = []
    for start in range(0, count, CHUNK):
        assert all(isinstance(one, Done) for one in _service(folder).chunks.issue(stock.client, rows[start : start + CHUNK]))
        told.append((time.perf_counter(), min(start + CHUNK, count)))
    return told


@cache
def _peer(folder: Path) -> tuple[list[Placed], peers.TunedSigner]:
    """Return pages to draw and who signs them."""
    service = _service(folder)
    peers.register(service.printer.fonts)
    works = Works(service, FIFTEEN, 3)
    placed = [service.printer.place(sheet) for _, sheet, _ in works.batch(3)]
    return placed, peers.tuned_signer(service.settings.keys / works.department.uscc, PASSPHRASE.encode())


def _tuned(folder: Path, count: int) -> list[tuple[float, int]]:
    placed, signer = _peer(folder)
    told = []
    for number in range(count):
        peers.sign(peers.draw(placed[number % len(placed)], tuned=True), signer, tuned=True)
        told.append((time.perf_counter(), number + 1))
    return told


def run() -> None:
    """Measure and record."""
    for measure in (memory_of_one_type, memory, durable, bulk):
        with tempfile.TemporaryDirectory() as name:
            measure(Path(name))


if __name__ == "__main__":
    run()
