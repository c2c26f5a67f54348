"""Memory of a server that issues a thousand licences over HTTP."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx2
import psutil

from bench.issue import environment_of, service_in
from bench.record import record
from licence_service.demo import Moved
from licence_service.licence import beijing_day
from licence_service.store.clients import Client

COUNT, PORT = 1000, 8763


def run(slug: str) -> None:
    """Start a server, issue, watch its resident memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        service = service_in(folder)
        sample, today = service.catalogue.samples[slug], beijing_day(service.now())
        token = service.clients.add(Client("bench", sample.issuer, ("*",), 10**9), service.now())
        template = service.catalogue.in_force(slug, today)
        request = Moved(template, service.catalogue.kinds, sample, today).request()
        environment = environment_of(service.settings)
        command = [sys.executable, "-m", "licence_service", "serve", "--port", str(PORT)]
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            try:
                sizes = _issue(server.pid, request, token, template.number.field)
            finally:
                server.terminate()
        service.close()
    half = max(sizes[len(sizes) // 2 :]) - max(sizes[: len(sizes) // 2])
    print(f"  resident MB after each hundred: {', '.join(f'{size:.0f}' for size in sizes)}")
    record("server_memory_mb", max(sizes), better="lower", ours=max(sizes), peer=None, unit="MB", worst=max(sizes), rounds=1)
    record("server_memory_growth_mb", half, better="lower", ours=half, peer=None, unit="MB", worst=half, rounds=1)


def _issue(pid: int, request: dict[str, object], token: str, number: str) -> list[float]:
    process, sizes = psutil.Process(pid), []
    with httpx2.Client(base_url=f"http://127.0.0.1:{PORT}", timeout=60.0, trust_env=False) as http:
        for _ in range(100):
            try:
                http.get("/healthz").raise_for_status()
                break
            except httpx2.HTTPError:
                time.sleep(0.2)
        for place in range(COUNT):
            face = {**request["face"], number: f"{51990026110:011d}{place:05d}"}  # type: ignore[dict-item]
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"memory-{place:05d}"}
            http.post("/licences", json={**request, "face": face, "case_no": f"M-{place}"}, headers=headers).raise_for_status()
            if place % 100 == 99:
                sizes.append(process.memory_info().rss / 1e6)
    return sizes
