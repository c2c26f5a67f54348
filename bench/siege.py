"""Ten minutes of verifying beside issuing, and beside fifty hostile uploads a second: latency, memory, errors.

    python -m bench.siege                 ten minutes, after one without uploads
    python -m bench.siege --seconds 60    a quick look

One server of one process as it is delivered, on a register of 20,000 licences. Scans, issues and uploads come at a fixed pace whatever the
server does, and their latency counts from the moment at which they were due. Every upload comes from an address of its own, so that no
limit by address helps. An upload may be told to come again later (503, 429); anything else but a verdict, a verdict that calls a hostile file
genuine, a scan or an issue that is not answered as it should be, and a broken connection, are errors. The exit code is 1 if there were any.
"""

import argparse
import asyncio
import json
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.crowd import Crowd
from bench.hostile import files
from bench.issue import service_in
from bench.verify_http import AS_DELIVERED, OURS, PORTS, seconds_of, served
from licence_service.demo import Moved
from licence_service.licence import beijing_day
from licence_service.service import Service
from licence_service.store.clients import EVERY_TYPE, Client

SIZE, SECONDS, CALM_SECONDS = 20_000, 600, 60
PACE = {"scan": 200.0, "issue": 2.0, "upload": 50.0}  # a second
ISSUED = "overweight_vehicle_permit"  # its number is any sixteen digits
_PORT = PORTS["ours"]
_HEAD = "{method} {path} HTTP/1.1\r\nHost: licence.example.cn\r\nContent-Length: {size}\r\n{more}\r\n"
_LATER = {429, 503}
_IDLE_SECONDS = 2.0
_IDLE_SHARE = 0.1  # of a core


@dataclass
class Tally:
    """What came of one kind of request: ms from when it was due, and how often which answer."""

    waits: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    def line(self, name: str) -> str:
        """Return the row of a table."""
        shares = statistics.quantiles(self.waits, n=100) if len(self.waits) > 1 else [0.0] * 99
        said = ", ".join(f"{answer} {times}" for answer, times in self.answers.most_common(4))
        worst = max(self.waits, default=0.0)
        return f"{name:<7} {len(self.waits):>8,}  {shares[49]:8.1f} {shares[98]:8.1f} {worst:9.1f}  {self.errors.total():6}  {said}"


class Connections:
    """Keep-alive connections to the server; one request at a time on each."""

    def __init__(self) -> None:
        """Begin without any."""
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter, float]] = []

    async def ask(self, method: str, path: str, body: bytes = b"", more: str = "") -> tuple[int, bytes]:
        """Send one request and return status and body; `OSError` or `asyncio.IncompleteReadError` where the connection breaks."""
        reader, writer = await self._open()
        writer.write(_HEAD.format(method=method, path=path, size=len(body), more=more).encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        content = await reader.readexactly(int(head.partition("content-length: ")[2].partition("\r\n")[0]))
        if "connection: close" in head:
            writer.close()
        else:
            self._idle.append((reader, writer, time.monotonic()))
        return int(head.split(" ", 2)[1]), content

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Take the connection used last, or a new one; the server closes those that were idle for five seconds."""
        if self._idle and time.monotonic() - self._idle[-1][2] < _IDLE_SECONDS:
            return self._idle.pop()[:2]
        return await asyncio.open_connection("127.0.0.1", _PORT)


class Siege:
    """The three streams of requests."""

    def __init__(self, codes: list[str], issue: bytes, token: str, hostile: list[bytes]) -> None:
        """Take the digits to scan, the body of an issue, the caller's token and the files of strangers."""
        self._codes, self._issue, self._token, self._hostile = codes, issue, token, hostile
        self._chance, self._connections, self._number = random.Random(11), Connections(), 0
        self.tallies: dict[str, Tally] = {}

    async def scan(self) -> tuple[str, str]:
        """Scan a code of chance."""
        status, body = await self._connections.ask("GET", f"/Q/1{self._chance.choice(self._codes)}")
        return str(status), "" if status == 200 and b'"overall":"valid"' in body[:40] else "scan"

    async def issue(self) -> tuple[str, str]:
        """Issue one licence."""
        self._number += 1
        body = self._issue.replace(b"@NUMBER@", b"%016d" % self._number)  # the case's number, too
        more = f"Authorization: Bearer {self._token}\r\nContent-Type: application/json\r\nIdempotency-Key: siege-{self._number:08d}\r\n"
        status, said = await self._connections.ask("POST", "/licences", body, more)
        return str(status), "" if status == 201 else said[:300].decode()

    async def upload(self) -> tuple[str, str]:
        """Hand in a hostile file from a new address."""
        file = self._chance.choice(self._hostile)
        address = ".".join(str(self._chance.randrange(1, 250)) for _ in range(4))
        status, body = await self._connections.ask(
            "POST", "/verify/document", file, f"Content-Type: application/pdf\r\nX-Forwarded-For: {address}\r\n"
        )
        if status != 200:
            return str(status), "" if status in _LATER else body[:300].decode()
        answer = json.loads(body)["answers"]["authentic"]["result"]
        return f"authentic {answer}", "called genuine" if answer == "yes" else ""

    async def run(self, seconds: float, kinds: tuple[str, ...]) -> None:
        """Send each kind at its pace for so long, and wait for the last answers."""
        self.tallies = {kind: Tally() for kind in kinds}
        async with asyncio.TaskGroup() as group:
            for kind in kinds:
                group.create_task(self._at_pace(group, self.tallies[kind], getattr(self, kind), PACE[kind], seconds))

    async def _at_pace(
        self, group: asyncio.TaskGroup, tally: Tally, ask: Callable[[], Coroutine[Any, Any, tuple[str, str]]], pace: float, seconds: float
    ) -> None:  # fmt: skip
        began, times = time.perf_counter(), int(seconds * pace)
        for each in range(times):
            due = began + each / pace
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            group.create_task(self._one(tally, ask, due))

    async def _one(self, tally: Tally, ask: Callable[[], Coroutine[Any, Any, tuple[str, str]]], due: float) -> None:
        try:
            answer, error = await ask()
        except (OSError, asyncio.IncompleteReadError) as broken:
            answer, error = "broken", type(broken).__name__
        tally.waits.append((time.perf_counter() - due) * 1000)
        tally.answers[answer] += 1
        tally.errors.update([error] if error else [])


def memory_of(pid: int) -> int:
    """Return the resident bytes of a process and all its descendants, shared pages counted once each (PSS)."""
    whole, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        try:
            waiting += [int(child) for task in Path(f"/proc/{one}/task").iterdir() for child in (task / "children").read_text().split()]
            whole += int(Path(f"/proc/{one}/smaps_rollup").read_text().partition("\nPss:")[2].split()[0]) * 1024
        except (OSError, IndexError):
            continue  # it ended meanwhile
    return whole


async def watched(pid: int, kept: list[int], siege: Siege) -> None:
    """Note the memory every five seconds and say how far it is."""
    began = time.monotonic()
    while True:
        await asyncio.sleep(5)
        kept.append(await asyncio.to_thread(memory_of, pid))
        done = {kind: len(tally.waits) for kind, tally in siege.tallies.items()}
        print(f"\r{time.monotonic() - began:5.0f} s  {kept[-1] >> 20} MB  {done}   ", end="", file=sys.stderr, flush=True)


def asked_for(service: Service) -> tuple[bytes, str]:
    """Return the body of an issue with a mark where the number stands, and a caller's token."""
    sample = service.catalogue.samples[ISSUED]
    today = beijing_day(service.now())
    edition = service.catalogue.in_force(ISSUED, today)
    request = Moved(edition, service.catalogue.kinds, sample, today).request()
    token = service.clients.add(Client("siege", sample.issuer, (EVERY_TYPE,), 1_000_000), service.now())
    body = json.dumps(request | {"case_no": "@NUMBER@"}).replace(edition.number_of(request["face"]), "@NUMBER@")
    return body.encode(), token


def settled(pid: int) -> None:
    """Wait until the server has caught up with a book that was filled behind its back: heads, status lists."""
    before = seconds_of(pid)
    while True:
        time.sleep(3)
        now = seconds_of(pid)
        if now - before < _IDLE_SHARE * 3:
            return
        before = now


async def besieged(siege: Siege, pid: int, seconds: float) -> int:
    """Run both parts, print them and return how many errors there were."""
    kept: list[int] = [memory_of(pid)]
    watching = asyncio.create_task(watched(pid, kept, siege))
    errors = 0
    for title, lasting, kinds in (("calm", min(CALM_SECONDS, seconds), ("scan", "issue")), ("siege", seconds, tuple(PACE))):
        began = len(kept) - 1
        await siege.run(lasting, kinds)
        print(f"\n{title}, {lasting:.0f} s       ms p50      p99     worst  errors  answers")
        for kind, tally in siege.tallies.items():
            print(f"  {tally.line(kind)}")
            errors += tally.errors.total()
            for error, times in tally.errors.most_common(3):
                print(f"    {times} × {error}")
        least, most, last = kept[began] >> 20, max(kept[began:]) >> 20, kept[-1] >> 20
        print(f"  memory of server and examiners: {least} MB at its beginning, {most} MB at most, {last} MB at its end")
    watching.cancel()
    return errors


def run(seconds: float, size: int) -> int:
    """Fill, serve, besiege; return how many errors there were."""
    folder = Path(tempfile.mkdtemp(prefix="licence-siege-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        service = service_in(folder)
        crowd = Crowd(service)
        codes = crowd.fill(size)
        original = service.archive.get(next(entry.version for entry in service.book.get(crowd.first).entries if entry.version).document.sha256)
        body, token = asked_for(service)
        service.close()
        hostile = files(original)
        command = [sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", *AS_DELIVERED]
        command += [*OURS, "--port", str(_PORT), "--factory", "bench.served:delivered"]
        pid = stack.enter_context(served("ours", command, folder, f"/Q/1{codes[0]}"))
        settled(pid)
        return asyncio.run(besieged(Siege(codes, body, token, hostile), pid, seconds))


if __name__ == "__main__":
    given = argparse.ArgumentParser(description="Verify beside issuing and hostile uploads.")
    given.add_argument("--seconds", type=float, default=SECONDS, help="how long the siege lasts")
    given.add_argument("--size", type=int, default=SIZE, help="licences in the register")
    asked = given.parse_args()
    raise SystemExit(1 if run(asked.seconds, asked.size) else 0)
