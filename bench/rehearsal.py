"""Converting a stock, end to end: generated, imported, validated, printed, sealed, entered, stored, and looked at by foreign programs.

    python -m bench.rehearsal                       100,000 licences of all types, two workers, five kills (`make rehearsal`)
    python -m bench.rehearsal --count 1940000       the whole stock (`make rehearsal FULL=1`)

Texts are drawn from the 3,755 characters of GB 2312 level 1, photographs from a pool of 1,000. The work is done by `licence-service
issue-many`, which is killed (`kill -9`, it or one of its workers, by chance) so many times and called again. At the end nothing may be
lost and nothing doubled, every use of a seal accounted for, and 1,000 documents, by chance, valid under pdfsig, qpdf and pyHanko, a
tenth of them under veraPDF 3u. Exit code 1 where that is not so.
"""

import argparse
import base64
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import psutil
from PIL import Image

from bench.issue import PASSPHRASE, service_in, settings_in
from bench.press import Stock
from licence_service.demo import clock_at
from licence_service.service import Service, build
from licence_service.store.clients import EVERY_TYPE, Client
from licence_service.store.record import Record

COUNT, WORKERS, KILLS, CHUNK, SAMPLED, POOL, STOCK = 100_000, 2, 5, 1000, 1000, 1000, 1_940_000


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


def environment(folder: Path) -> dict[str, str]:
    """Return what tells a command of the service in a folder."""
    said = settings_in(folder)
    return os.environ | {
        "LICENCE_DATABASE_URL": said.database_url.get_secret_value(), "LICENCE_ARCHIVE_URL": said.archive_url, "LICENCE_KEYS": str(said.keys),
        "LICENCE_SEAL_PASSPHRASE": PASSPHRASE, "LICENCE_PAYLOAD_KEY": "00" * 32, "LICENCE_ALLOW_DEMO_KEYS": "1",
        "LICENCE_PUBLIC_URL": said.public_url,
    }  # fmt: skip


def filled(folder: Path, count: int) -> dict[str, Path]:
    """Make the register and the files of rows, one for each issuer; return them by the name of the client that issues them."""
    service = service_in(folder)
    clients, files, counts = {}, {}, {}
    for issuer, row in rows(service, count):
        if issuer not in files:
            clients[issuer] = f"stock-{issuer}"
            service.clients.add(Client(clients[issuer], issuer, (EVERY_TYPE,), 10**9), service.now())
            files[issuer], counts[issuer] = (folder / f"{issuer}.ndjson").open("w", encoding="utf-8"), 0
        files[issuer].write(row + "\n")
        counts[issuer] += 1
    for file in files.values():
        file.close()
    service.close()
    print(f"{count:,} rows of {len(service.catalogue.samples)} types: {counts}", flush=True)
    return {clients[issuer]: folder / f"{issuer}.ndjson" for issuer in files}


def carried(command: list[str], surroundings: dict[str, str], kills: int, dice: random.Random) -> int:
    """Run a command to its end, killing it or one of its children by chance so many times; return how often it was killed."""
    killed = 0
    while True:
        process = subprocess.Popen(command, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        dying = killed < kills
        if dying:
            try:
                process.wait(dice.uniform(8, 20))
            except subprocess.TimeoutExpired:
                os.kill(dice.choice([process.pid, *(child.pid for child in psutil.Process(process.pid).children(recursive=True))]), signal.SIGKILL)
                killed += 1
        said, _ = process.communicate()
        if process.returncode == 0:
            return killed
        if not dying:
            raise SystemExit(said)


def accounted(service: Service, results: Sequence[Path], count: int) -> list[str]:
    """Check that nothing is lost, doubled or unaccounted for; return the licences' ids."""
    told = [json.loads(line) for path in results for line in path.read_text("utf-8").splitlines()]
    refused = [one for one in told if "problem" in one]
    assert len(told) == count, f"{len(told):,} results"
    assert not refused, refused[:3]
    found = [one["licence_id"] for one in told]
    book = list(service.book.all_ids())
    assert len(set(found)) == len(found) == len(book), f"{len(set(found)):,} licences in the results, {len(book):,} in the book"
    assert set(found) == set(book)
    assert len({(one["elicence_id"]) for one in told}) == len({one["check_code"] for one in told}) == count
    assert not service.reservations.unfinished(service.now() + timedelta(days=1))
    assert not list(service.seal_log.breaks())
    events = Counter(use["event"] for use in service.seal_log.uses())
    entered = {entry.version.document.sha256 for record in batches(service, book) for entry in record.entries if entry.version}
    done = {use["sealed_sha256"] for use in service.seal_log.uses() if use["event"] == "done"}
    assert entered <= done, "a document without a line in the seal-use log"
    print(
        f"nothing lost, nothing doubled: {count:,} licences; seal uses {dict(events)}, of which {events['requested'] - count:,} by what was killed",
        flush=True,
    )
    return found


def batches(service: Service, ids: Sequence[str]) -> Iterator[Record]:
    """Yield all records, a thousand a query."""
    for start in range(0, len(ids), 1000):
        yield from service.book.records(ids[start : start + 1000])


def looked_at(service: Service, ids: Sequence[str], folder: Path) -> None:
    """Let foreign programs judge documents taken by chance."""
    from tests.pdfa import VeraPdf  # noqa: PLC0415 - it starts a JVM

    judge, chosen = VeraPdf("3u"), random.Random(3).sample(list(ids), min(SAMPLED, len(ids)))
    path = folder / "judged.pdf"
    for number, record in enumerate(batches(service, chosen)):
        version = record.entries[0].version
        assert version
        path.write_bytes(service.archive.get(version.document.sha256))
        said = subprocess.run(["pdfsig", "-nocert", path], check=False, capture_output=True, text=True).stdout
        assert "Signature is Valid" in said, record.licence_id
        assert "Total document signed" in said, record.licence_id
        assert subprocess.run(["qpdf", "--check", path], check=False, capture_output=True).returncode == 0, record.licence_id
        assert service.examiner.examine(path.read_bytes()).good, record.licence_id
        assert number % 10 or not judge.failures(path), record.licence_id
    print(f"{len(chosen):,} documents valid under pdfsig, qpdf and pyHanko, {len(chosen) // 10:,} of them under veraPDF 3u", flush=True)


def run(count: int, workers: int, kills: int) -> None:
    """Rehearse."""
    folder = Path(tempfile.mkdtemp(prefix="licence-rehearsal-"))
    dice = random.Random()
    try:
        files, surroundings = filled(folder, count), environment(folder)
        began, killed = time.monotonic(), 0
        for place, (client, file) in enumerate(sorted(files.items(), key=lambda one: -one[1].stat().st_size)):
            command = [
                sys.executable, "-m", "licence_service", "issue-many", str(file), "--client", client, "--results", str(file.with_suffix(".results")),
                "--chunk", str(CHUNK), "--workers", str(workers),
            ]  # fmt: skip
            killed += carried(command, surroundings, kills if place == 0 else 0, dice)
            print(f"{client}: done after {time.monotonic() - began:.0f} s, killed {killed} times so far", flush=True)
        seconds = time.monotonic() - began
        size = sum(path.stat().st_size for path in (folder / "archive").rglob("*") if path.is_file())
        print(
            f"{count:,} licences in {seconds:.0f} s with {killed} kills: {count / seconds:.0f} a second, "
            f"{STOCK:,} in {STOCK / count * seconds / 3600:.1f} hours; archive {size / count / 1000:.1f} kB a licence, photographs included"
        )
        service = build(settings_in(folder), clock_at(None))
        looked_at(service, accounted(service, [file.with_suffix(".results") for file in files.values()], count), folder)
        service.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    given = argparse.ArgumentParser(description="Convert a generated stock, end to end.")
    given.add_argument("--count", type=int, default=COUNT)
    given.add_argument("--workers", type=int, default=WORKERS)
    given.add_argument("--kills", type=int, default=KILLS)
    asked = given.parse_args()
    run(asked.count, asked.workers, asked.kills)
