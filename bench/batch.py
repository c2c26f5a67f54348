"""Ten thousand rows in one batch, over HTTP, while both cores are busy with something else (SH-14: within 30 seconds).

    python -m bench.batch                        20,000 licences, three batches of 10,000 rows
    python -m bench.batch --idle                 the same on a machine that does nothing else

`batch_seconds`: from the first byte sent to the last line read; lower is better. Nine in ten rows match, each with a number of its own.
"""

import argparse
import http.client
import json
import multiprocessing
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.crowd import Crowd
from bench.issue import service_in
from bench.record import record
from bench.verify_http import PORTS, served
from licence_service.digests import canonical
from licence_service.fields import comparison_form
from licence_service.licence import beijing_day
from licence_service.service import Service
from licence_service.store.clients import EVERY_TYPE, PLATFORM, Client

SIZE, ROWS, ROUNDS, BAR = 20_000, 10_000, 3, 30.0
COMPANY = "91519900MB9900121C"


class Numbered(Crowd):
    """A crowd whose licences have numbers of their own, so that rows can ask for them."""

    def __init__(self, service: Service) -> None:
        """Issue the one, and remember what is to be replaced."""
        super().__init__(service)
        licence = service.book.get(self.first).at(beijing_day(service.now()))
        template = service.catalogue.edition(service.book.get(self.first).type, licence.current.edition)
        self.field, self.name = template.number.field, str(licence.current.face[template.holder_name])
        self.own = template.number_of(licence.current.face)

    def number_of(self, number: int) -> str:
        """Return the number of a repetition: as long as the first one's."""
        return f"N{number:0{len(self.own) - 1}d}"

    def _repeated(self, rows: dict[str, list[dict[str, Any]]], number: int, made: dict[str, list[tuple[Any, ...]]]) -> str:
        fresh = self.number_of(number)
        payloads = []
        for row in rows["payloads"]:
            private = json.loads(row["sealed"])
            _renumber(private, self.field, self.own, fresh)
            payloads.append(row | {"sealed": canonical(private)})
        before = len(made["lookups"])
        digits = super()._repeated({**rows, "payloads": payloads}, number, made)
        blind = self.vault.blind("number", comparison_form(fresh))
        made["lookups"][before:] = [(one[0], one[1], blind if one[1] == "number" else one[2]) for one in made["lookups"][before:]]
        return digits


def _renumber(value: Any, field: str, own: str, fresh: str) -> None:
    """Put another number wherever the field stands."""
    for key, inner in list(value.items()) if isinstance(value, dict) else []:
        if key == field and inner == own:
            value[key] = fresh
        else:
            _renumber(inner, field, own, fresh)


def _burn() -> None:
    while True:
        sum(range(10_000))


def asked(token: str, rows: list[dict[str, str]]) -> tuple[float, float, list[dict[str, Any]]]:
    """Send a batch; return the seconds to the first line and to the last, and the lines."""
    body = json.dumps({"rows": rows}, ensure_ascii=False).encode()
    connection = http.client.HTTPConnection("127.0.0.1", PORTS["ours"], timeout=300)
    began = time.perf_counter()
    connection.request("POST", "/verify/batch", body, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    first = answer.readline()
    early = time.perf_counter() - began
    lines = [first, *answer]
    return early, time.perf_counter() - began, [json.loads(line) for line in lines]


def run(*, idle: bool = False) -> None:
    """Fill, serve, ask, print and record."""
    folder = Path(tempfile.mkdtemp(prefix="licence-batch-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        service = service_in(folder)
        crowd = Numbered(service)
        crowd.fill(SIZE)
        token = service.clients.add(Client("platform", COMPANY, (EVERY_TYPE,), 10_000_000, PLATFORM), service.now())
        rows = [
            [
                {"ref": f"r{place}", "number": crowd.number_of(one) if place % 10 else f"none-{one}", "name": crowd.name}
                for place, one in enumerate(range(1 + start, 1 + start + ROWS))
            ]
            for start in (0, SIZE - ROWS - 1, (SIZE - ROWS) // 2)
        ]  # fmt: skip
        service.close()
        command = [
            sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--no-access-log", "--log-level", "error", "--port", str(PORTS["ours"]),
            "--factory", "bench.served:ours",
        ]  # fmt: skip
        stack.enter_context(served("ours", command, folder, "/healthz"))
        for _ in range(0 if idle else multiprocessing.cpu_count()):
            busy = multiprocessing.Process(target=_burn, daemon=True)
            busy.start()
            stack.callback(busy.terminate)
        times = []
        for each in rows[:ROUNDS]:
            early, seconds, lines = asked(token, each)
            assert [one["ref"] for one in lines] == [row["ref"] for row in each]
            assert sum(one["match"] == "yes" for one in lines) == ROWS * 9 // 10, "rows do not match"
            print(f"{ROWS:,} rows: first line after {early:.2f} s, last after {seconds:.2f} s")
            times.append(seconds)
    record(
        "batch_seconds",
        statistics.median(times),
        better="lower",
        ours=statistics.median(times),
        peer=BAR,
        unit="s",
        worst=max(times),
        rounds=len(times),
    )


if __name__ == "__main__":
    given = argparse.ArgumentParser(description="Measure a batch of 10,000 rows.")
    given.add_argument("--idle", action="store_true", help="without the load beside it")
    run(idle=given.parse_args().idle)
