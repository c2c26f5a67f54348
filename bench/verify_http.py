"""A scanned code over HTTP, on a million licences, beside a naive build of the same and beside nginx sending a file.

    python -m bench.verify_http                  a million licences (about 15 minutes, 11 GB of disk while it lasts)
    python -m bench.verify_http --size 20000     a quick look; the figures are recorded only by a whole run

Three servers of one process each on the loopback, asked in turn by `wrk` (32 connections, a random code each time, one core for the client):

* ours: uvicorn with the application as it is delivered, all checks and disclosure, every request counted;
* naive: uvicorn with `bench.naive_verify`, which works the same verdict out by the ORM for every request;
* static: nginx with one worker, sending a file of the same length.

CPU is user and system time of the server's process over the number of answers; latency is what `wrk` saw. Ratios are made round by round.
`verify_http_vs_naive` and `verify_http_p99_vs_naive`: higher is better; `verify_http_over_static`: lower.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.crowd import Crowd
from bench.issue import service_in
from bench.record import record

SIZE, ROUNDS, SECONDS, CONNECTIONS = 1_000_000, 5, 6, 32
PORTS = {"ours": 18101, "naive": 18102, "static": 18103}
BARS = {"verify_http_vs_naive": 10.0, "verify_http_p99_vs_naive": 5.0, "verify_http_over_static": 10.0}
AS_DELIVERED = ("--no-proxy-headers", "--no-server-header", "--no-access-log", "--log-level", "error")  # both builds; as `serve` has it
OURS = ("--http", "licence_service.web.scanning:ScanProtocol")
_TICKS = os.sysconf("SC_CLK_TCK")
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
# Each thread of wrk reads its own list of paths once and takes one by chance for every request.
_LUA = """
local paths = {}
for line in io.lines(os.getenv("BENCH_PATHS")) do paths[#paths + 1] = line end
math.randomseed(os.time())
request = function() return wrk.format("GET", paths[math.random(#paths)]) end
"""
_NGINX = """daemon off; worker_processes 1; pid {at}/pid; error_log {at}/err;
events {{ worker_connections 512; }}
http {{ access_log off; client_body_temp_path {at}; proxy_temp_path {at}; fastcgi_temp_path {at}; uwsgi_temp_path {at}; scgi_temp_path {at};
  open_file_cache max=1000; keepalive_requests 10000000; sendfile on; tcp_nopush on; default_type application/json;
  server {{ listen 127.0.0.1:{port}; location / {{ root {at}; try_files /answer.json =404; }} }} }}
"""


@dataclass(frozen=True)
class Round:
    """What one server showed in one round: µs of CPU an answer, answers a second, milliseconds."""

    cpu: float
    rate: float
    p50: float
    p99: float


@contextmanager
def served(name: str, command: list[str], folder: Path, probe: str) -> Iterator[int]:
    """Run a server until the block is over and give its process; the answer to the probe must come first."""
    process = subprocess.Popen(
        command, env={**os.environ, "BENCH_FOLDER": str(folder)}, stdout=subprocess.DEVNULL, stderr=(folder / f"{name}.log").open("w")
    )
    try:
        for _ in range(300):
            if process.poll() is not None:
                raise SystemExit(f"{name} did not start: {(folder / f'{name}.log').read_text()[-500:]}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{PORTS[name]}{probe}", timeout=5) as answer:
                    assert answer.status == 200
                    break
            except OSError:
                time.sleep(0.2)
        else:
            raise SystemExit(f"{name} did not answer: {(folder / f'{name}.log').read_text()[-500:]}")
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=20)


def seconds_of(pid: int) -> float:
    """Return the CPU seconds of a process and its children (nginx has a worker)."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    whole = 0.0
    for one in (str(pid), *children):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        whole += (int(fields[11]) + int(fields[12])) / _TICKS
    return whole


def asked(name: str, pid: int, folder: Path) -> Round:
    """Ask one server for some seconds."""
    began = seconds_of(pid)
    command = [
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{SECONDS}s",
        "--latency",
        "--timeout",
        "30s",
        "-s",
        str(folder / "paths.lua"),
        f"http://127.0.0.1:{PORTS[name]}",
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "BENCH_PATHS": str(folder / "paths.txt")}).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"{name}: {said}")
    answers = int(re.search(r"(\d+) requests in", said)[1])  # type: ignore[index]
    latency = {share: float(one) * _UNITS[unit] for share, one, unit in re.findall(r"\n\s+(50|99)%\s+([\d.]+)(us|ms|s)", said)}
    return Round((seconds_of(pid) - began) / answers * 1e6, answers / SECONDS, latency["50"], latency["99"])


def run(size: int, kept: Path | None = None) -> None:
    """Fill, serve, ask, print, and record the figures of a whole run; a folder that is kept is filled once."""
    missing = [tool for tool in ("wrk", "nginx") if not shutil.which(tool)]
    if missing:
        raise SystemExit(f"the bench of verification wants the Debian packages wrk and nginx-light; missing here: {', '.join(missing)}")
    folder = kept or Path(tempfile.mkdtemp(prefix="licence-http-"))
    with ExitStack() as stack:
        if not kept:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        if not (folder / "paths.txt").exists():
            fill(folder, size)
        codes = [path.removeprefix("/Q/1") for path in (folder / "paths.txt").read_text().split()]
        uvicorn = [sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", *AS_DELIVERED]
        commands = {
            "ours": [*uvicorn, *OURS, "--port", str(PORTS["ours"]), "--factory", "bench.served:ours"],
            "naive": [*uvicorn, "--port", str(PORTS["naive"]), "bench.naive_verify:app"],
            "static": ["nginx", "-c", str(folder / "nginx.conf")],
        }
        servers = {name: stack.enter_context(served(name, command, folder, f"/Q/1{codes[0]}")) for name, command in commands.items()}
        same(codes[:20])
        rounds: dict[str, list[Round]] = {name: [] for name in servers}
        for number in range(ROUNDS + 1):
            for name, pid in servers.items():
                found = asked(name, pid, folder)
                if number:  # the first round warms
                    rounds[name].append(found)
        report(rounds, whole=size >= SIZE)


def fill(folder: Path, size: int) -> None:
    """Make the register, the list of paths and what the other servers want."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    service = service_in(folder)
    crowd = Crowd(service)
    codes = crowd.fill(size)
    crowd.check(codes)
    (folder / "paths.lua").write_text(_LUA)
    (folder / "answer.json").write_bytes(service.preparer.answer(codes[0]) or b"")
    (folder / "nginx.conf").write_text(_NGINX.format(at=folder, port=PORTS["static"]))
    service.close()
    (folder / "paths.txt").write_text("\n".join(f"/Q/1{digits}" for digits in codes))


def same(codes: list[str]) -> None:
    """Compare the answers of ours and of the naive build."""
    for digits in codes:
        pair = [json.load(urllib.request.urlopen(f"http://127.0.0.1:{PORTS[name]}/Q/1{digits}")) for name in ("ours", "naive")]
        for one in pair:
            for name in ("checked_at", "known_at", "sources"):
                one.pop(name)
        assert pair[0] == pair[1], "the two builds do not say the same"


def report(rounds: dict[str, list[Round]], *, whole: bool) -> None:
    """Print the table and the figures."""
    for name, each in rounds.items():
        middle = [statistics.median(getattr(one, part) for one in each) for part in ("cpu", "rate", "p50", "p99")]
        print(f"{name:<7} {middle[0]:8.1f} µs CPU an answer  {middle[1]:9.0f} answers/s  p50 {middle[2]:7.2f} ms  p99 {middle[3]:7.2f} ms")
    figures = {
        "verify_http_vs_naive": ("naive", "ours", "cpu", "higher"),
        "verify_http_p99_vs_naive": ("naive", "ours", "p99", "higher"),
        "verify_http_over_static": ("ours", "static", "cpu", "lower"),
    }
    for name, (over, under, part, better) in figures.items():
        ratios = [getattr(a, part) / getattr(b, part) for a, b in zip(rounds[over], rounds[under], strict=True)]
        ours = statistics.median(getattr(one, part) for one in rounds["ours"])
        peer = statistics.median(getattr(one, part) for one in rounds[over if better == "higher" else under])
        print(f"{name}: {statistics.median(ratios):.1f} ({min(ratios):.1f}-{max(ratios):.1f}); bar {BARS[name]:.0f}")
        if whole:
            worst = min(ratios) if better == "higher" else max(ratios)
            unit = "µs CPU" if part == "cpu" else "ms"
            record(name, statistics.median(ratios), better=better, ours=ours, peer=peer, unit=unit, worst=worst, rounds=len(ratios))


if __name__ == "__main__":
    given = argparse.ArgumentParser(description="Measure verification by code over HTTP.")
    given.add_argument("--size", type=int, default=SIZE, help="licences in the register; figures are recorded only by a whole run")
    given.add_argument("--folder", type=Path, help="where the register is kept, and used again by the next run")
    asked_for = given.parse_args()
    run(asked_for.size, asked_for.folder)
